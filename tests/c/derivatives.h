/* derivatives.h: does a model's pass give what its definition says,
 * and are its score and information the derivatives?
 *
 * A test writes down the log-likelihood in long double, as plainly as it can,
 * and hands it over with the pass.
 */
#ifndef FM_TEST_DERIVATIVES_H
#define FM_TEST_DERIVATIVES_H

#include <math.h>

#include "../../src/core/choice/pass.h"
#include "dense.h"
#include "minunit.h"

enum { MOST_PARS = LINEAR + 12 };

/* What a pass gives; information with leading dimension n_par of the pass. */
typedef struct result {
  double value, score[MOST_PARS], information[MOST_PARS * MOST_PARS];
} result;

static inline result evaluate_pass(const fm_pass *pass, const double *theta, int order) {
  result r;
  const fm_objective objective = fm_pass_objective(pass);
  CHECK(pass->n_par <= MOST_PARS);
  CHECK_OK(objective.evaluate(&objective, theta, order, &r.value, r.score, r.information, NULL));
  return r;
}

/* The log-likelihood at theta by the model's definition. */
typedef long double (*definition)(const void *context, const double *theta);

typedef struct derivative_check {
  const fm_pass *pass;
  definition value; /* NULL: derivatives of the value that the pass gives */
  const void *context;
  double of_value, of_score, of_information; /* tolerances */
  double relative; /* steps of the model's own parameters are at most this part of them; 0: any */
} derivative_check;

/* Fourth-order difference from f at -2, -1, 1, 2 steps. */
static inline double difference(const double *f, double step) {
  return (8.0 * (f[2] - f[1]) - (f[3] - f[0])) / (12.0 * step);
}

static inline double step_of(const derivative_check *c, size_t k, const double *theta) {
  const int own = k >= c->pass->design->n_linear;
  return own && c->relative > 0.0 ? fmin(1e-3, c->relative * fabs(theta[k])) : 1e-3;
}

/* Column k: one entry of the score, one column of the information. theta comes back as it was. */
static inline void check_column(const derivative_check *c, const result *at, long double centre, size_t k,
                                double *theta) {
  static const double steps[] = {-2.0, -1.0, 1.0, 2.0};
  const size_t n_par = c->pass->n_par;
  const double keep = theta[k], step = step_of(c, k, theta);
  double value[4], moved[MOST_PARS][4];
  for (int m = 0; m < 4; m++) {
    theta[k] = keep + steps[m] * step;
    const result r = evaluate_pass(c->pass, theta, FM_SCORE);
    value[m] = (double)((c->value != NULL ? c->value(c->context, theta) : (long double)r.value) - centre);
    for (size_t l = 0; l < n_par; l++) {
      moved[l][m] = r.score[l];
    }
  }
  theta[k] = keep;
  CHECK_CLOSE(at->score[k], difference(value, step), c->of_score);
  for (size_t l = 0; l < n_par; l++) {
    CHECK_CLOSE(at->information[k + l * n_par], -difference(moved[l], step), c->of_information);
  }
}

/* Value against the definition, score against differences of that,
 * information against those of the score. */
static inline void check_derivatives(const derivative_check *c, double *theta) {
  const result at = evaluate_pass(c->pass, theta, FM_INFORMATION);
  const long double centre = c->value != NULL ? c->value(c->context, theta) : (long double)at.value;
  CHECK_CLOSE(at.value, (double)centre, c->of_value);
  for (size_t k = 0; k < c->pass->n_par; k++) {
    check_column(c, &at, centre, k, theta);
  }
}

#endif
