/* few_steps.c: see few_steps.h. */
#include "few_steps.h"

#include <math.h>

#include "../base/alloc.h"
#include "../base/linalg.h"

typedef struct climb {
  const fm_objective *objective;
  const int *fixed;
  double *score, *step, *information; /* n_par, n_par, n_par x n_par */
  fm_chol chol;                       /* of the information of the last step, if factored */
  int factored;
} climb;

static void forget(climb *c) {
  if (c->factored) {
    fm_chol_free(&c->chol);
  }
  c->factored = 0;
}

static size_t n_free(const climb *c) {
  size_t n = 0;
  for (size_t k = 0; k < c->objective->n_par; k++) {
    n += !c->fixed[k];
  }
  return n;
}

/* Factors the information anew; 0 where it has no full rank. */
static int factor(climb *c, double tolerance) {
  fm_error ignored = {FM_OK, ""};
  forget(c);
  c->factored = fm_chol_init(&c->chol, c->information, c->objective->n_par, NULL, c->fixed, tolerance,
                             &ignored) == FM_OK;
  return c->factored && c->chol.rank == n_free(c);
}

/* Half of score times step: what the step promises. */
static double promised(climb *c) {
  double gain = 0.0;
  fm_chol_solve(&c->chol, c->score, c->step);
  for (size_t k = 0; k < c->objective->n_par; k++) {
    gain += c->fixed[k] ? 0.0 : 0.5 * c->step[k] * c->score[k];
  }
  return gain;
}

static fm_code steps(climb *c, double enough, double *theta, double *value, int *done, fm_error *err) {
  double gain = HUGE_VAL, last = -HUGE_VAL;
  for (int i = 0; i < 10; i++) {
    const int near = gain < 3.0;
    FM_TRY(c->objective->evaluate(c->objective, theta, near ? FM_SCORE : FM_INFORMATION, value, c->score,
                                  c->information, err));
    if (n_free(c) == 0) {
      *done = 1;
      return FM_OK;
    }
    if (!(*value > last) || (!near && !factor(c, 1e-10))) {
      return FM_OK;
    }
    gain = promised(c);
    last = *value;
    for (size_t k = 0; k < c->objective->n_par; k++) {
      theta[k] += c->fixed[k] ? 0.0 : c->step[k];
    }
    if (gain < enough) {
      *value += gain;
      *done = 1;
      return FM_OK;
    }
  }
  return FM_OK;
}

fm_code fm_few_steps(const fm_objective *objective, const int *fixed, double enough, double *theta,
                     double *value, int *done, fm_error *err) {
  const size_t n = objective->n_par;
  climb c = {.objective = objective, .fixed = fixed};
  c.score = fm_alloc(2 * n + n * n, sizeof(double));
  if (c.score == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "%s", fm_code_text(FM_NO_MEMORY));
  }
  c.step = c.score + n;
  c.information = c.step + n;
  *done = 0;
  const fm_code code = steps(&c, enough, theta, value, done, err);
  forget(&c);
  fm_free(c.score);
  return code;
}
