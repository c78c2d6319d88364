/* latent_em.c: EM for latent classes. What it computes: latent_em.h.
 *
 * The M step starts at the theta before it, so Newton needs one or two steps once EM is under way; it stops
 * there without the steps that a final answer gets.
 */
#include "latent_em.h"

#include <math.h>
#include <string.h>

#include "../optim/newton.h"

enum { MAX_STEPS = 20 };
static const double step_tolerance = 1e-8;

/* E step: h at theta, and the log-likelihood there. */
static fm_code expectation(const fm_latent *model, const fm_design *design, int threads,
                           fm_em_result *result, double *value, fm_error *err) {
  fm_latent mixture = *model;
  mixture.posterior = NULL;
  mixture.posterior_out = result->posterior;
  fm_pass pass = fm_latent_pass(&mixture, design, threads);
  pass.theta = result->theta;
  pass.order = FM_VALUE;
  FM_TRY(fm_pass_run(&pass, value, NULL, NULL, err));
  return isfinite(*value) ? FM_OK
                          : fm_fail(err, FM_DIVERGED, "the log-likelihood of the classes is not finite");
}

/* M step: theta = argmax Q(theta | h). */
static fm_code maximisation(const fm_latent *model, const fm_design *design, int threads,
                            const fm_em_control *control, fm_em_result *result, fm_error *err) {
  fm_latent expected = *model;
  expected.posterior = result->posterior;
  expected.posterior_out = NULL;
  const fm_pass pass = fm_latent_pass(&expected, design, threads);
  const fm_objective objective = fm_pass_objective(&pass);
  fm_newton_control newton = fm_newton_defaults();
  newton.max_iterations = MAX_STEPS;
  newton.tolerance = step_tolerance;
  newton.rank_tolerance = control->rank_tolerance;
  newton.fixed = control->fixed;
  newton.unpolished = 1;
  fm_newton_result best;
  FM_TRY(fm_newton(&objective, result->theta, &newton, &best, err));
  memcpy(result->theta, best.theta, pass.n_par * sizeof(double));
  fm_newton_free(&best);
  return FM_OK;
}

fm_code fm_latent_em(const fm_latent *model, const fm_design *design, int threads,
                     const fm_em_control *control, fm_em_result *result, fm_error *err) {
  result->converged = 0;
  for (result->iterations = 0;; result->iterations++) {
    const int i = result->iterations;
    double value = 0.0;
    if (control->interrupted != NULL && control->interrupted(NULL)) {
      return fm_fail(err, FM_INTERRUPTED, "interrupted after %d EM iterations", i);
    }
    FM_TRY(expectation(model, design, threads, result, &value, err));
    result->path[i] = value;
    result->converged = i > 0 && value - result->path[i - 1] <= control->tolerance * (1.0 + fabs(value));
    if (result->converged || i >= control->iterations) {
      return FM_OK;
    }
    FM_TRY(maximisation(model, design, threads, control, result, err));
  }
}
