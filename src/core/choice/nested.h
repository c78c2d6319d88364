/* nested.h: the nested logit in random-utility form, two or three levels, on any storage.
 *
 * Places are the leaves of a tree: places in bottom nests, bottom nests in upper nests, upper nests in
 * the root. With v_j the utility of a place and lambda_s the dissimilarity parameter of a node,
 *   W_j = v_j,   W_s = lambda_s log sum_{children c of s} exp(W_c / lambda_s),   lambda_root = 1,
 *   log P_y = sum over the nodes s from the root to y of (W_child - W_s) / lambda_s.
 * lambda = 1 everywhere is the conditional logit. A nest with one place offered takes no part in its
 * lambda; a nest with none has probability 0.
 *
 * theta = [b (n_terms), d (n_effects), lambda (n_lambda)]. Value, score and information (minus the
 * Hessian) are exact. Each lambda must be positive (else the value is -INFINITY); that random utility
 * asks for lambda <= 1, and no larger than the parent's, is left to the caller to report.
 *
 * Thread safety: a model is read-only; scratch memory belongs to one thread.
 */
#ifndef FM_NESTED_H
#define FM_NESTED_H

#include <stddef.h>

#include "../base/status.h"
#include "../design/design.h"
#include "pass.h"
#include "response.h"

typedef struct fm_nested {
  size_t n_nests;          /* bottom nests */
  size_t n_upper;          /* upper nests, 0 with two levels */
  size_t n_lambda;         /* dissimilarity parameters; nests may share one */
  const int *nest;         /* n_places: bottom nest of each place, 0-based */
  const int *parent;       /* n_nests: upper nest of each bottom nest, -1: the root; NULL: all the root */
  const int *lambda;       /* n_nests: parameter of each bottom nest, 0-based, -1: fixed at 1 */
  const int *lambda_upper; /* n_upper: the same for upper nests; may be NULL when n_upper = 0 */
  int stay_alone;          /* the origin is a nest of its own under the root, whatever its place's nest */
} fm_nested;

/* Checks every index of the model; FM_INVALID with words when one is out of range. */
fm_code fm_nested_check(const fm_nested *model, size_t n_places, fm_error *err);

/* Doubles of scratch memory that the functions below need for any block of the design. */
size_t fm_nested_scratch(const fm_nested *model, const fm_design *design);

/* The pass of a nested logit; model and design must outlive it. fm_pass_objective() makes it an
 * objective of n_linear + n_lambda parameters. */
fm_pass fm_nested_pass(const fm_nested *model, const fm_design *design, int threads);

/* Choice probabilities of the loaded block.
 *   theta    only its lambda are read
 *   scratch  fm_nested_scratch() doubles, overwritten
 *   v        rows: utilities as ops->utility gives them
 *   p        rows: probabilities, 0 where not offered; may be v
 *   logsum   n: inclusive value W_root of each unit less its level, -INFINITY when nothing is offered;
 *            may be NULL */
void fm_nested_probabilities(const fm_nested *model, const fm_design *design, const fm_work *work,
                             const double *theta, double *scratch, const double *v, double *p,
                             double *logsum);

/* How the probabilities respond; model and design must outlive it. */
fm_response fm_nested_response(const fm_nested *model, const fm_design *design, const double *theta);

/* Score contribution of each unit of the loaded block, weights included.
 *   theta    n_par
 *   scratch  fm_nested_scratch() doubles, overwritten
 *   scores   n x n_par, unit i at scores + i * n_par: derivatives in b, d and lambda
 * A unit that merges several occasions gets the sum of theirs. */
void fm_nested_occasion_scores(const fm_nested *model, const fm_design *design, fm_work *work,
                               const double *theta, double *scratch, double *scores);

#endif
