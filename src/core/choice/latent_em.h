/* latent_em.h: expectation and maximisation for the logit with latent classes
 * (Dempster, Laird and Rubin 1977).
 *
 * Each iteration finds the posterior probabilities h of the classes at theta, then maximises the expected
 * log-likelihood Q(theta | h) of latent.h by Newton steps. The log-likelihood never falls.
 */
#ifndef FM_LATENT_EM_H
#define FM_LATENT_EM_H

#include <stddef.h>

#include "latent.h"

typedef struct fm_em_control {
  int iterations;             /* at most; 0 only evaluates */
  double tolerance;           /* stop when an iteration gains at most tolerance * (1 + |value|) */
  double rank_tolerance;      /* as in fm_newton_control */
  const int *fixed;           /* n_par: 1 = stays at its start; NULL none */
  int (*interrupted)(void *); /* polled once an iteration; may be NULL */
} fm_em_control;

typedef struct fm_em_result { /* arrays of the caller */
  double *theta;              /* n_par: the start on entry */
  double *posterior;          /* n_classes x n_groups, at theta */
  double *path;               /* iterations + 1: log-likelihood at the start and after each iteration */
  int iterations;             /* made */
  int converged;              /* the tolerance was met */
} fm_em_result;

/* Runs EM; model->posterior and posterior_out are not used. FM_DIVERGED where the log-likelihood is not
 * finite at the start. */
fm_code fm_latent_em(const fm_latent *model, const fm_design *design, int threads,
                     const fm_em_control *control, fm_em_result *result, fm_error *err);

#endif
