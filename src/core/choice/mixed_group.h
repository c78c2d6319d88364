/* mixed_group.h: a group in hand: its rows, its draws, and what a batch of draws makes of them (private to
 * mixed*.c).
 *
 * Arrays by draw have the draws of a batch next to each other (`batch` of them, a multiple of 8), so that
 * every loop runs over draws, however few places there are. Columns of x are in an order of their own:
 * varying terms first, then the other terms, then the place constants.
 */
#ifndef FM_MIXED_GROUP_H
#define FM_MIXED_GROUP_H

#include <stddef.h>

#include "../base/arena.h"
#include "mixed.h"

#define FM_NO_DIMENSION ((size_t)-1)

/* Which column, parameter and dimension of the draws belong together. */
typedef struct fm_mixed_numbering {
  size_t *linear;     /* n_linear: parameter of each column */
  size_t *dimension;  /* n_varying: its draws, or FM_NO_DIMENSION */
  size_t *moving;     /* n_moving: parameter */
  size_t *moving_of;  /* n_moving: varying column */
  size_t *moving_by;  /* n_moving: dimension of the draws that multiplies it; FM_NO_DIMENSION: a mean */
  double *base_theta; /* n_linear: theta with 0 for the varying terms */
} fm_mixed_numbering;

/* The occasions of the group, one after the other. */
typedef struct fm_mixed_rows {
  size_t n_units, n;
  size_t *offset;       /* units + 1 */
  size_t *place;        /* rows */
  double *size, *count; /* units, rows: how many choices, in units of the weight */
  double *base;         /* rows: utilities without the varying terms */
  double *column;       /* n_varying x rows: the varying columns */
  double *x;            /* rows x n_terms */
  double *product;      /* rows x n_pairs: products of the varying columns, times size */
  double *constant;     /* n_linear: sum over choices of [x; e_place] */
  double *term_row;     /* n_terms */
} fm_mixed_rows;

/* All draws, and what a batch of them makes, by draw. */
typedef struct fm_mixed_batch {
  double *e;                            /* n_random x (batch n_batches) */
  double *ones;                         /* batch */
  double *gamma, *slope, *curve, *beta; /* n_varying each: T, T', T'' and coefficients */
  double *p;                            /* rows: probabilities */
  double *logsum, *loglik, *share;      /* share: exp(loglik - top), 0 beyond the last draw */
  double *y, *g;                        /* n_linear: mean of x of a unit; score in the coefficients */
  double *c;                            /* n_pairs: information in the coefficients, then all it becomes */
  double *lever;                        /* n_moving: share times the derivative of the coefficient */
  double *spare;                        /* max(n_fixed, n_moving, n_varying) + n_varying */
} fm_mixed_batch;

/* Sums over draws of share times ... */
typedef struct fm_mixed_sums {
  double top, total;        /* of the likeliest draw so far; of share itself */
  double *mean_p, *lever_p; /* rows, rows x n_moving */
  double *score;            /* n_par */
  double *h;                /* n_moving x n_moving, upper */
  double *across, *within;  /* n_fixed x n_moving, n_fixed x n_fixed: what is taken from the products */
} fm_mixed_sums;

typedef struct fm_mixed_group {
  const fm_mixed *model;
  const fm_design *design;
  const fm_kernels *kernels;
  const double *theta;
  int order;
  size_t n_terms, n_linear, n_par;
  size_t n_varying, n_fixed; /* columns whose coefficient varies, and the others; n_linear in all */
  size_t n_pairs;            /* of varying columns */
  size_t n_moving;           /* parameters of the varying coefficients: a mean each, and the spreads */
  size_t batch, n_batches;
  double weight; /* w_f */
  fm_mixed_numbering numbering;
  fm_mixed_rows rows;
  fm_mixed_batch draws;
  fm_mixed_sums sums;
} fm_mixed_group;

/* mixed_group.c */
/* Takes what a group needs from an arena. */
void fm_mixed_lay_out(fm_mixed_group *g, const fm_mixed *model, const fm_design *design, int order,
                      const double *theta, fm_arena *a);
/* Numbers columns and parameters. Once after laying out. */
void fm_mixed_number(fm_mixed_group *g);
/* Loads the blocks of a group. */
void fm_mixed_load(fm_mixed_group *g, fm_work *work, size_t group);
/* Loads the unit `i` of the loaded block alone, without its choices. */
void fm_mixed_load_unit(fm_mixed_group *g, fm_work *work, size_t i, const double *base);
/* Makes the draws of a set. */
void fm_mixed_draw(fm_mixed_group *g, size_t set);
/* Entries of batch b that are draws. */
size_t fm_mixed_in_batch(const fm_mixed_group *g, size_t b);
/* Place of the pair k <= l among the pairs. */
static inline size_t fm_pair(size_t n, size_t k, size_t l) { return k * n - k * (k + 1) / 2 + l; }

/* mixed_coefficients.c */
/* gamma and beta of batch b; slope and curve as well when derivatives are asked for. */
void fm_mixed_coefficients(fm_mixed_group *g, size_t b);
/* Turns score and information in beta, of a batch, into those in gamma (willingness-to-pay space). */
void fm_mixed_to_gamma(fm_mixed_group *g);

/* mixed.c */
/* Probabilities and log-likelihoods of batch b. */
void fm_mixed_solve(fm_mixed_group *g, size_t b);
/* Shares of the draws of batch b, on the scale of the likeliest so far; returns what older sums are to be
 * multiplied by. */
double fm_mixed_weigh(fm_mixed_group *g, size_t b);

/* mixed_derivatives.c */
/* Adds the derivatives of a batch to the sums of the group; scales the older ones first. */
void fm_mixed_rescale(fm_mixed_group *g, double by);
void fm_mixed_differentiate(fm_mixed_group *g, size_t b);
/* Adds the group to the sums of the pass. */
void fm_mixed_collect(fm_mixed_group *g, fm_sums *sums);

#endif
