/* chain.h: chain migration in equilibrium: the conditional logit with the shares of one's own group in the
 * utility, each share being what the members of the group make it.
 *
 * Occasions are grouped in cells (a group of firms in a period): the groups of a grouped design. With unit
 * weights w_i, their sum W in the cell, and s_j the share of the cell's firms at place j,
 *   v_ij = x_ij'b + d_j + offset_ij + delta f(s_j),   P_ij = exp v_ij / sum_l exp v_il,
 *   s = Psi(s),   Psi_j(s) = (1/W) sum_i w_i P_ij,
 * f(s) = s, W s or log(1 + W s). The firm's own share is part of s, as in Brock and Durlauf (2001).
 * theta = [b (n_terms), d (n_effects), delta].
 *
 * Derivatives. With M = (1/W) sum_i w_i (diag P_i - P_i P_i') and D = diag(delta f'(s)), dPsi/ds = M D. Let
 * S_j be the weight of those who chose j less W Psi_j, and lambda = (I - D M)^-1 D S. The score is that of
 * a logit whose residuals are w_i (1{j = y} - c_ij),
 *   c_ij = P_ij - q_ij / W,   q_ij = P_ij (lambda_j - sum_l P_il lambda_l).
 * With z_ij = [x_ij, e_j, 0] + A_j, A_j = delta f'(s_j) ds_j/dtheta + f(s_j) e_delta,
 * the information is exact:
 *   sum_i w_i [sum_j c_ij z_ij z_ij' - zc_i zc_i' + zq_i zq_i' / W^2] - sum_j h_j Q_j,
 *   zc_i = sum_j c_ij z_ij,   zq_i = sum_j q_ij z_ij,   h = S + M lambda,
 *   Q_j = f'(s_j) (e_delta ds_j' + ds_j e_delta') + delta f''(s_j) ds_j ds_j',   ds_j = ds_j/dtheta.
 * With the shares given (the pseudo-likelihood), ds and lambda are zero.
 *
 * Where a cell has several equilibria, the one reached from its start is followed. A cell whose fixed point
 * is not found makes the value -INFINITY, so that a line search steps back.
 *
 * Thread safety: a model is read-only; scratch memory belongs to one thread.
 */
#ifndef FM_CHAIN_H
#define FM_CHAIN_H

#include <stddef.h>

#include "../base/status.h"
#include "../design/design.h"
#include "pass.h"

typedef enum fm_chain_scale { FM_CHAIN_SHARE, FM_CHAIN_COUNT, FM_CHAIN_LOG1P } fm_chain_scale;

typedef struct fm_chain {
  fm_chain_scale scale; /* f */
  int given;            /* 1: start holds the shares themselves; 0: the shares are solved from start */
  const double *start;  /* n_places x n_groups, column-major */
} fm_chain;

/* The pass of a grouped design; chain and design must outlive it. */
fm_pass fm_chain_pass(const fm_chain *chain, const fm_design *design, int threads);

/* How a fixed point is looked for. */
typedef enum fm_chain_method {
  FM_CHAIN_NEWTON,   /* the nearest fixed point, stable or not: Newton, with damped steps where it fails */
  FM_CHAIN_DYNAMICS, /* the stable one that s + damping (Psi(s) - s) leads to, repeated */
  FM_CHAIN_STEP      /* Psi(start): one step, not solved */
} fm_chain_method;

/* One fixed point to be found. All but the first four are results. */
typedef struct fm_chain_run {
  size_t group;
  const double *theta; /* n_linear + 1 */
  const double *start; /* n_places */
  fm_chain_method method;
  double *share;      /* n_places */
  double *eigenvalue; /* n_places, ascending: of dPsi/ds at share; may be NULL */
  double residual;    /* largest |Psi_j - s_j| */
  int iterations;
  int converged;
} fm_chain_run;

/* Carries out n runs on up to `threads` threads. interrupted (may be NULL) is polled between rounds. */
fm_code fm_chain_solve(const fm_chain *chain, const fm_design *design, fm_chain_run *runs, size_t n,
                       int threads, int (*interrupted)(void *), fm_error *err);

#endif
