/* cross_nested.h: the cross-nested logit, whose places belong to several nests, on any storage.
 *
 * Place j takes part in nest m with the share a_jm of its weight (the allocation; sum_m a_jm = 1). With v_j
 * the utility and lambda_m the dissimilarity parameter of a nest,
 *   W_m = lambda_m log sum_j exp((v_j + log a_jm) / lambda_m),   W = log sum_m exp(W_m),
 *   P_j = sum_m exp((v_j + log a_jm - W_m) / lambda_m) exp(W_m - W)
 * (Vovsha 1997; Bierlaire 2006). A pair (j, m) with a_jm > 0 is called an entry. Places in one nest each
 * make it the nested logit; lambda = 1 everywhere the conditional logit.
 *
 * theta = [b (n_terms), d (n_effects), lambda (n_lambda), tau (n_tau)]. Allocations that are estimated are
 * a_jm = exp(tau_jm) / sum_n exp(tau_jn), with tau = 0 for an entry that has no parameter. Value, score and
 * information (minus the Hessian) are exact. Each lambda must be positive (else the value is -INFINITY);
 * that random utility asks for lambda <= 1 is left to the caller to report.
 *
 * Thread safety: a model is read-only; scratch memory belongs to one thread.
 */
#ifndef FM_CROSS_NESTED_H
#define FM_CROSS_NESTED_H

#include <stddef.h>

#include "../base/status.h"
#include "../design/design.h"
#include "pass.h"

typedef struct fm_cross_nested {
  size_t n_nests, n_lambda, n_tau;
  const int *first;             /* n_places + 1: entries of each place */
  const int *nest;              /* entries: nest of each, 0-based */
  const double *log_allocation; /* entries: log a_jm; not read for a place with a tau */
  const int *tau;               /* entries: parameter, -1: none; NULL: all allocations are given */
  const int *lambda;            /* n_nests: parameter, -1: fixed at 1 */
  int stay_alone;               /* the origin is a nest of its own with lambda 1, whatever its place's */
} fm_cross_nested;

/* Checks every index of the model; FM_INVALID with words when one is out of range. */
fm_code fm_cross_nested_check(const fm_cross_nested *model, size_t n_places, fm_error *err);

/* Doubles of scratch memory that the functions below need for any block of the design. */
size_t fm_cross_nested_scratch(const fm_cross_nested *model, const fm_design *design);

/* The pass; model and design must outlive it. An objective of n_linear + n_lambda + n_tau parameters. */
fm_pass fm_cross_nested_pass(const fm_cross_nested *model, const fm_design *design, int threads);

/* Choice probabilities of the loaded block.
 *   theta    only its lambda and tau are read
 *   scratch  fm_cross_nested_scratch() doubles, overwritten
 *   v        rows: utilities as ops->utility gives them; overwritten with probabilities
 *   logsum   n: W of each unit less its level */
void fm_cross_nested_probabilities(const fm_cross_nested *model, const fm_design *design,
                                   const fm_work *work, const double *theta, double *scratch, double *v,
                                   double *logsum);

/* Score contribution of each unit of the loaded block, weights included: scores (n x n_par), row-major. */
void fm_cross_nested_occasion_scores(const fm_cross_nested *model, const fm_design *design, fm_work *work,
                                     const double *theta, double *scratch, double *scores);

#endif
