/* relational_work.h: a thread's workspace for a relational design, and the terms that touch few places
 * (private to relational*.c).
 */
#ifndef FM_RELATIONAL_WORK_H
#define FM_RELATIONAL_WORK_H

#include <stddef.h>

#include "../base/sums.h"
#include "relational_layout.h"

typedef struct fm_relational_work {
  size_t cell; /* whose rows are loaded; (size_t)-1: none */
  int stale;   /* combined rows are out of date */
  int pending; /* pooled holds weights not yet multiplied out, into pending_h */
  double *pending_h;
  size_t pending_ld;
  double *z;                      /* n_dense x stride: the cell's dense rows, masked and centred */
  double *z_level;                /* n_dense: what centring took out */
  double *base;                   /* stride: shared utilities, constants and availability included */
  double *combined;               /* (m + 1) x stride: sum of b_k z_k by multiplier */
  double *theta;                  /* n_linear: the parameters combined is made of */
  double *factor;                 /* units x max(pairs, m + 1) */
  double *product;                /* (m + 1) x stride */
  double *pooled;                 /* pairs x stride */
  double *strip;                  /* some rows of z, weighted */
  double *part;                   /* max(units, rows of a strip) x max(dense, terms) */
  double *weighted;               /* units x places, with place constants only */
  double *spread;                 /* stride: one sparse row laid out by place; zero between uses */
  const unsigned char *available; /* row of the cell, or NULL */
} fm_relational_work;

/* relational_entries.c: origin and sparse terms of one unit. */
/* v (n_places) += b_k x over the entries. */
void fm_relational_entries_utility(const fm_relational *rel, size_t unit, const double *theta, double *v);
/* The same for a direction, along which offsets do not move. */
void fm_relational_entries_along(const fm_relational *rel, size_t unit, const double *direction, double *v);
/* What centring took out of the entries' terms: sum_k b_k level_k. */
double fm_relational_entries_level(const fm_relational *rel, size_t unit, const double *theta);
/* x (n_terms): fills in the entries at place `at`. */
void fm_relational_entries_row(const fm_relational *rel, size_t unit, int at, double *x);
/* g (n_terms) += scale * sum_j r_j x_j. */
void fm_relational_entries_sum(const fm_relational *rel, size_t unit, double scale, const double *r,
                               double *g);
/* h += scale * sum_j q_j (x_j x_j' less its dense-dense part), place constants included. */
void fm_relational_entries_cross(const fm_relational *rel, fm_relational_work *work, size_t unit,
                                 double scale, const double *q, double *h, size_t ld);

#endif
