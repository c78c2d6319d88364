/* scaled.h: the conditional logit with a factor on the utilities of each occasion.
 *
 * For an occasion with choice y and weight w,
 *   l = w (f v_y - log sum_j exp(f v_j)),   f = sign * sigma,
 * where sign is 1, or -1 where the least useful place was named, and sigma is a parameter that the occasion
 * shares with others, or 1. The stages of a ranking are such occasions: sigma says how much noisier the
 * lower ranks are than the first (Hausman & Ruud 1987).
 *
 * theta = [b (n_terms), d (n_effects), sigma (n_scales)]. Value, score and information (minus the Hessian)
 * are exact; sigma may be any number. The design must not merge occasions nor group them, so that its units
 * are the occasions.
 *
 * Thread safety: a model is read-only; scratch memory belongs to one thread.
 */
#ifndef FM_SCALED_H
#define FM_SCALED_H

#include <stddef.h>

#include "../design/design.h"
#include "pass.h"

typedef struct fm_scaled {
  const double *sign; /* n_occasions: 1 or -1; NULL: 1 */
  const int *scale;   /* n_occasions: parameter of each, 0-based, -1: sigma is 1; NULL: 1 for all */
  size_t n_scales;
} fm_scaled;

/* Doubles of scratch memory that the functions below need for any block of the design. */
size_t fm_scaled_scratch(const fm_design *design);

/* The pass; model and design must outlive it. An objective of n_linear + n_scales parameters. */
fm_pass fm_scaled_pass(const fm_scaled *model, const fm_design *design, int threads);

/* Choice probabilities of the loaded block.
 *   v        rows: utilities as ops->utility gives them; overwritten with probabilities
 *   logsum   n: log sum_j exp(f v_j) of each unit, less its level */
void fm_scaled_probabilities(const fm_scaled *model, const fm_design *design, const fm_work *work,
                             const double *theta, double *v, double *logsum);

/* Score contribution of each unit of the loaded block: scores (n x n_par), row-major, weights included. */
void fm_scaled_occasion_scores(const fm_scaled *model, const fm_design *design, fm_work *work,
                               const double *theta, double *scratch, double *scores);

#endif
