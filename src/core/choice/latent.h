/* latent.h: the logit with latent classes, on any storage.
 *
 * Group f (the panel of a firm) belongs to class c with probability pi_fc, and chooses by the conditional
 * logit of that class all its life. With P_it(b_c) the probability of what it chose, z_f its attributes and
 * w_f its weight,
 *   l = sum_f w_f log sum_c pi_fc prod_t P_it(b_c),    pi_fc = exp(z_f' gamma_c) / sum_k exp(z_f' gamma_k),
 * gamma of class 1 being zero.
 *
 * theta = [b of class 1 (n_terms), d (n_effects, the same in all classes), then for each class 2, 3, ...
 * the coefficients of the n_free terms that differ between classes, then gamma of each class 2, 3, ...
 * (n_z)]. Terms that are not free have the coefficient of class 1 in all classes.
 *
 * With u_c the derivative of log(pi_c P(b_c)), h_c the posterior probability of class c and g = sum_c h_c
 * u_c, the score of a group is w g and its information w [sum_c h_c (H_c - u_c u_c') + g g'], H_c minus the
 * second derivative of log(pi_c P(b_c)). Both are exact.
 *
 * With `posterior` given, the pass is that of the expected log-likelihood of choices and classes,
 *   Q = sum_f w_f sum_c h_fc [log pi_fc + log P_f(b_c)],
 * which EM maximises; it is concave.
 *
 * Weights of the design must be w_f for each occasion, or 0 for one that does not count.
 * Thread safety: a model is read-only but for posterior_out, of which a group writes its own part only.
 */
#ifndef FM_LATENT_H
#define FM_LATENT_H

#include <stddef.h>

#include "../base/status.h"
#include "../design/design.h"
#include "pass.h"

typedef struct fm_latent {
  size_t n_classes;
  size_t n_free;           /* terms that differ between classes */
  const int *free;         /* n_free: their numbers, 0-based, rising */
  size_t n_z;              /* attributes of a group, with the constant */
  const double *z;         /* n_z x n_groups: those of group g at z + g * n_z */
  const double *weight;    /* n_groups, or NULL: ones */
  const double *posterior; /* n_classes x n_groups: h, or NULL */
  double *posterior_out;   /* the same shape: h at theta is written there; may be NULL */
} fm_latent;

/* Parameters after the linear ones. */
size_t fm_latent_extra(const fm_latent *model);

/* Checks the indices of the model; FM_INVALID with words when one is out of range. */
fm_code fm_latent_check(const fm_latent *model, size_t n_terms, fm_error *err);

/* The pass over a grouped design; model and design must outlive it. fm_pass_objective() makes it an
 * objective of n_linear + fm_latent_extra() parameters. */
fm_pass fm_latent_pass(const fm_latent *model, const fm_design *design, int threads);

#endif
