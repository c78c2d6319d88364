/* mixed.h: the mixed logit, simulated, on any grouped storage.
 *
 * A group f (a firm's panel, or one occasion) has coefficients of its own.
 * With e_r the r-th point of its draws,
 *   eta_s = mean_s + sum_q spread_q e_{column(q)} over the spreads q of row s,   gamma_s = T_s(eta_s),
 * and utilities v_ij = sum_s beta_s x_ijs + (terms with fixed coefficients, place constants, offsets),
 * where
 *   beta = gamma (preference space),  or, with the price p,
 *   beta_p = gamma_p, beta_s = -gamma_p gamma_s (willingness-to-pay space: v = gamma_p
 *     (x_p - sum gamma_s x_s)),
 *   L = sum_f w_f log (1/R) sum_r prod_{i in f} P_{i y_i}(beta_fr).
 *
 * theta = [b (n_terms; those of varying terms are the means), d (n_effects), spread (n_spread)]. Score and
 * information (minus the Hessian) are exact, for the given draws; but where a coefficient is censored, the
 * kink at zero is in the information as a density of draws around it, estimated by a normal kernel: what
 * its average over draws has, and no finite number of draws shows.
 *
 * Thread safety: a model is read-only; scratch memory belongs to one thread.
 */
#ifndef FM_MIXED_H
#define FM_MIXED_H

#include <stddef.h>

#include "../base/draws.h"
#include "../base/status.h"
#include "../design/design.h"
#include "pass.h"

typedef enum fm_transform {
  FM_PLAIN = 0,     /* gamma = eta: normal, uniform, triangular */
  FM_LOG = 1,       /* exp(eta): lognormal */
  FM_MINUS_LOG = 2, /* -exp(eta): its negative */
  FM_CENSORED = 3,  /* max(0, eta): normal, censored at zero */
  FM_BOUNDED = 4    /* low + width / (1 + exp(-eta)): Johnson's SB */
} fm_transform;

typedef enum fm_shape {
  FM_NORMAL = 0,
  FM_UNIFORM = 1,
  FM_TRIANGULAR = 2
} fm_shape; /* of e; 1 and 2 on [-1, 1] */

typedef struct fm_mixed {
  size_t n_random; /* random coefficients: dimensions of the draws */
  const int *term; /* n_random: 0-based term of each */
  const int *transform, *shape;
  const double *sign;        /* n_random: 1 or -1, what e is multiplied by */
  const double *low, *width; /* n_random: of FM_BOUNDED */
  size_t n_spread;
  const int *row, *column; /* n_spread: 0-based random coefficients */
  int price;               /* 0-based term in willingness-to-pay space, else -1 */
  fm_draws draws;          /* n_dims = n_random */
  size_t first_set; /* set of the draws of the first group, where the design is a slice of the data */
  int given_normal; /* draws are points of the standard normal, not of the unit cube */
  int outer; /* the information is the outer product of the groups' scores: cheaper, never indefinite */
  const double *weight; /* w_f by group, of which the weights of its choices are multiples; NULL: ones */
} fm_mixed;

/* FM_INVALID with words when an index is out of range. In willingness-to-pay space there may be no place
 * constants. */
fm_code fm_mixed_check(const fm_mixed *model, size_t n_terms, size_t n_effects, fm_error *err);

/* The pass of a mixed logit on a design with groups; model and design must outlive it. */
fm_pass fm_mixed_pass(const fm_mixed *model, const fm_design *design, int threads);

/* Mean and standard deviation, given its choices, of each group's random coefficients gamma: out (n_groups
 * x 2 n_random, column-major, means first). */
fm_code fm_mixed_individual(const fm_mixed *model, const fm_design *design, const double *theta,
                            int threads, double *out, fm_error *err);

/* Choice probabilities of the loaded block, averaged over set 0 of the draws,
 * and the average inclusive values.
 *   p        rows; overwritten
 *   logsum   n: less the level of the unit at theta; may be NULL
 *   scratch  fm_mixed_predict_scratch() doubles */
void fm_mixed_probabilities(const fm_mixed *model, const fm_design *design, fm_work *work,
                            const double *theta, double *p, double *logsum, double *scratch);
size_t fm_mixed_predict_scratch(const fm_mixed *model, const fm_design *design);

#endif
