/* chain_cell.h: one cell of a chain model at given parameters: its shares, its map Psi and its fixed point
 * (private to chain*.c; the equations are in chain.h).
 */
#ifndef FM_CHAIN_CELL_H
#define FM_CHAIN_CELL_H

#include <stddef.h>

#include "../base/arena.h"
#include "chain.h"

/* All arrays are parts of the scratch memory of a thread. Matrices over places are column-major. */
typedef struct fm_chain_cell {
  const fm_chain *chain;
  const fm_design *design;
  fm_work *work;
  const double *theta;
  size_t n_places, first_block, end_block;
  double delta;
  double total; /* W */
  double value; /* log-likelihood at share */
  double residual;
  int iterations, converged;
  double *share, *psi;        /* s and Psi(s) */
  double *chosen;             /* weight of those who chose each place */
  double *trial, *spare;      /* n_places each */
  struct {                    /* from shares to shares */
    double *f, *slope, *bend; /* f(s), f'(s), f''(s) */
    double *m;                /* n_places^2: M at share */
    double *lu;               /* n_places^2: factors of I - M D */
    int *pivot;               /* n_places */
  } map;
  struct {                   /* of a block */
    double *p;               /* utilities, then probabilities */
    double *logsum;          /* of the units */
    double *wide, *weighted; /* units x n_places: probabilities by place, and these times weights */
  } rows;
} fm_chain_cell;

/* Takes what a cell needs from an arena. */
void fm_chain_cell_lay_out(fm_chain_cell *cell, const fm_design *design, fm_arena *a);

/* Makes cell the group'th one at theta. */
void fm_chain_cell_open(fm_chain_cell *cell, const fm_chain *chain, fm_work *work, const double *theta,
                        size_t group);
/* Loads block b; p and logsum become those at the shares that f was computed from. Returns the block's
 * log-likelihood. */
double fm_chain_cell_block(fm_chain_cell *cell, size_t b);
/* Psi, value and residual at share; M too if with_m. */
void fm_chain_cell_sweep(fm_chain_cell *cell, int with_m);
/* rows x n_places (row-major) := values of the block's rows at their places, 0 elsewhere. */
void fm_chain_cell_spread(const fm_chain_cell *cell, const double *values, double *wide);
/* Factors I - M D into lu. */
fm_code fm_chain_cell_factor(fm_chain_cell *cell);
/* From start to a fixed point; leaves psi, M, f, value at share. */
void fm_chain_cell_solve(fm_chain_cell *cell, const double *start, fm_chain_method method);
/* Eigenvalues of M D, ascending: those of the symmetric D^1/2 M D^1/2, with the sign of delta.
 * Destroys lu. */
fm_code fm_chain_cell_eigenvalues(fm_chain_cell *cell, double *values);

#endif
