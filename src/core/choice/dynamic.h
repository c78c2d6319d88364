/* dynamic.h: firms that look ahead: the value of places, solved inside the likelihood.
 *
 * A firm of kind z at place o that chooses place j gets u(z,o,j) = offset + sum_k b_k x_k now, and goes on
 * from there as what it is by then, z' with probability Q(z,z'). With independent Gumbel shocks
 *   v(z,o,j) = u(z,o,j) + beta sum_z' Q(z,z') V(z',j),   V(z,o) = log sum_j exp v(z,o,j),   P = exp(v - V),
 * Euler's constant left out. A market is a period: kinds that become one another are solved together, what
 * a market is like is expected to last for ever. A state is a kind at a place, s = z n_places + o.
 *
 * V is a fixed point of a contraction T, found by Newton's method, V <- V + (I - beta F)^-1 (T(V) - V),
 * with F[(z,o),(z',j)] = Q(z,z') P(z,o,j). Its level is of the size 1 / (1 - beta) and moves no
 * probability, so V is kept less its mean, and 1/n is added to all entries of I - beta F, which changes a
 * solution by a constant only and takes away the eigenvalue 1 - beta. The derivatives are exact:
 *   W_k = dV/db_k = (I - beta F)^-1 sum_j P x_k,   q_k(z,o,j) = x_k(z,o,j) + beta sum_z' Q(z,z') W_k(z',j),
 *   score = sum over choices of q_y - sum_j P q_j,   information = sum over choices of Cov_P(q),
 * the latter expected, given where firms start.
 *
 * Where P is given (nested pseudo-likelihood), V is linear in b, V = e + sum_k b_k W_k with
 * e = (I - beta F)^-1 [-sum_j P log P]; `ahead` is then that of e alone, and nothing else is asked.
 */
#ifndef FM_DYNAMIC_H
#define FM_DYNAMIC_H

#include <stddef.h>

#include "../base/status.h"
#include "../base/threads.h"

/* All row after row; n_states = n_kinds x n_places. */
typedef struct fm_dynamic_market {
  const double *x;      /* states x terms x places */
  const double *offset; /* states x places; -INFINITY: not on offer */
  const double *count;  /* states x places: weight of the firms that chose; NULL: nobody is looked at */
  const double *given;  /* states x places: P, from which values are read; NULL: V is solved */
} fm_dynamic_market;

typedef struct fm_dynamic {
  double discount;          /* beta, 0 <= beta < 1 */
  const double *transition; /* Q, kinds x kinds, row after row; NULL: a firm stays of its kind */
  size_t n_kinds, n_places, n_terms, n_markets;
  const fm_dynamic_market *market;
} fm_dynamic;

/* What is wanted; NULL: not that. */
typedef struct fm_dynamic_answer {
  double *value;       /* markets x states: V */
  double *ahead;       /* markets x states: beta sum_z' Q(z,z') V(z',j), less its mean */
  double *slope;       /* markets x states x terms: beta sum_z' Q(z,z') W_k(z',j) */
  double *likelihood;  /* one number; -INFINITY where values are not finite */
  double *score;       /* terms; needs likelihood */
  double *information; /* terms x terms; needs score */
} fm_dynamic_answer;

/* theta (terms). Fails with FM_INVALID when a state has no place on offer,
 * FM_DIVERGED when V is not found. */
fm_code fm_dynamic_run(const fm_dynamic *model, const double *theta, int threads,
                       fm_interrupted interrupted, const fm_dynamic_answer *answer, fm_error *err);

#endif
