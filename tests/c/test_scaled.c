/* test_scaled.c: the scaled conditional logit against its definition and the conditional logit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/choice/logit.h"
#include "../../src/core/choice/scaled.h"
#include "../../src/core/choice/separation.h"
#include "dense.h"
#include "derivatives.h"
#include "minunit.h"

enum { SCALES = 3, PARS = LINEAR + SCALES };

static double sign[UNITS];
static int scale[UNITS];

static fm_scaled random_model(void) {
  for (int i = 0; i < UNITS; i++) {
    sign[i] = mu_uniform() < 0.4 ? -1.0 : 1.0;
    scale[i] = (int)below(SCALES + 1) - 1;
  }
  return (fm_scaled){sign, scale, SCALES};
}

static void random_theta(const fm_design *design, double *theta) {
  for (size_t k = 0; k < design->n_linear; k++) {
    theta[k] = 2.0 * mu_uniform() - 1.0;
  }
  for (size_t k = 0; k < SCALES; k++) {
    theta[design->n_linear + k] = k == 1 ? -0.3 : 0.4 + mu_uniform(); /* a negative scale is allowed */
  }
}

static long double naive_value(const void *context, const double *theta) {
  const dense *data = context;
  long double value = 0.0;
  for (size_t i = 0; i < UNITS; i++) {
    const long double sigma = scale[i] < 0 ? 1.0L : theta[data->design.n_linear + (size_t)scale[i]];
    const long double f = sign[i] * sigma;
    long double total = 0.0;
    for (size_t r = data->first_row[i]; r < data->first_row[i + 1]; r++) {
      total += data->offered[r] ? expl(f * dense_worth(data, theta, r)) : 0.0L;
    }
    for (size_t c = data->choice[i]; c < data->choice[i + 1]; c++) {
      const size_t y = data->first_row[i] + (size_t)data->choice_row[c];
      value += data->choice_weight[c] * (f * dense_worth(data, theta, y) - logl(total));
    }
  }
  return value;
}

static result evaluate(const dense *data, const fm_scaled *model, const double *theta, int threads) {
  const fm_pass pass = fm_scaled_pass(model, &data->design, threads);
  return evaluate_pass(&pass, theta, FM_INFORMATION);
}

static void derivatives(void) {
  for (int effects = 0; effects < 2; effects++) {
    dense *data = make_data(effects, 0, (unsigned long)(3 + effects));
    double theta[PARS];
    const fm_scaled model = random_model();
    random_theta(&data->design, theta);
    const fm_pass pass = fm_scaled_pass(&model, &data->design, 1);
    check_derivatives(&(derivative_check){&pass, naive_value, data, 1e-13, 1e-8, 1e-8, 0.0}, theta);
    free(data);
  }
}

/* Without signs and scales it is the conditional logit. */
static void plain(void) {
  dense *data = make_data(1, 0, 9);
  double theta[PARS], value, gradient[PARS], information[PARS * PARS];
  const fm_scaled model = {NULL, NULL, 0};
  const size_t n = data->design.n_linear;
  random_theta(&data->design, theta);
  const result r = evaluate(data, &model, theta, 1);
  const fm_pass pass = fm_logit_pass(&data->design, 1);
  const fm_objective logit = fm_pass_objective(&pass);
  CHECK_OK(logit.evaluate(&logit, theta, FM_INFORMATION, &value, gradient, information, NULL));
  CHECK_CLOSE(r.value, value, 1e-14);
  for (size_t k = 0; k < n; k++) {
    CHECK_CLOSE(r.score[k], gradient[k], 1e-13);
    for (size_t l = 0; l < n; l++) {
      CHECK_CLOSE(r.information[k + l * n], information[k + l * n], 1e-13);
    }
  }
  free(data);
}

static void occasion_scores(void) {
  dense *data = make_data(1, 0, 12);
  const size_t n_par = data->design.n_linear + SCALES;
  double theta[PARS], scores[BLOCK * PARS], total[PARS] = {0};
  fm_work work = {0};
  double *scratch = malloc(fm_scaled_scratch(&data->design) * sizeof(double));
  CHECK(scratch != NULL && dense_work_init(&data->design, &work) == FM_OK);
  const fm_scaled model = random_model();
  random_theta(&data->design, theta);
  for (size_t b = 0; b < BLOCKS; b++) {
    dense_load(&data->design, &work, b);
    fm_scaled_occasion_scores(&model, &data->design, &work, theta, scratch, scores);
    for (size_t at = 0; at < work.block.n * n_par; at++) {
      total[at % n_par] += scores[at];
    }
  }
  const result r = evaluate(data, &model, theta, 1);
  for (size_t k = 0; k < n_par; k++) {
    CHECK_CLOSE(total[k], r.score[k], 1e-13);
  }
  dense_work_free(&work);
  free(scratch);
  free(data);
}

static void threads(void) {
  dense *data = make_data(1, 0, 21);
  const size_t n_par = data->design.n_linear + SCALES;
  double theta[PARS];
  const fm_scaled model = random_model();
  random_theta(&data->design, theta);
  const result r = evaluate(data, &model, theta, 1), three = evaluate(data, &model, theta, 3);
  CHECK_SAME(&three.value, &r.value, 1);
  CHECK_SAME(three.score, r.score, n_par);
  CHECK_SAME(three.information, r.information, n_par * n_par);
  free(data);
}

/* Each occasion names the place with the largest or, where the sign is -1, the smallest x. */
static void separation(void) {
  dense *data = make_data(0, 0, 30);
  int separated[TERMS];
  const double along[TERMS] = {1.0, 0.0, 0.0};
  (void)random_model();
  for (size_t i = 0; i < UNITS; i++) {
    for (size_t c = data->choice[i]; c < data->choice[i + 1]; c++) {
      double best = -INFINITY;
      for (size_t r = data->first_row[i]; r < data->first_row[i + 1]; r++) {
        if (data->offered[r] && sign[i] * data->x[r][0] > best) {
          best = sign[i] * data->x[r][0];
          data->choice_row[c] = (int)(r - data->first_row[i]);
        }
      }
    }
  }
  CHECK_OK(fm_separation(&data->design, sign, along, 1, separated, NULL));
  CHECK_INT(separated[0], 1);
  CHECK_OK(fm_separation(&data->design, NULL, along, 1, separated, NULL));
  CHECK_INT(separated[0], 0);
  free(data);
}

void test_scaled(void) {
  RUN(derivatives);
  RUN(plain);
  RUN(occasion_scores);
  RUN(threads);
  RUN(separation);
}
