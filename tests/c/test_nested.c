/* test_nested.c: the nested logit against its definition.
 *
 * Values are compared with the recursion of nested.h in long double, scores with derivatives of that,
 * informations with derivatives of scores.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/choice/logit.h"
#include "../../src/core/choice/nested.h"
#include "../../src/core/optim/newton.h"
#include "dense.h"
#include "derivatives.h"
#include "minunit.h"

enum { LAMBDAS = 4, PARS = LINEAR + LAMBDAS };

/* ---- models ----------------------------------------------------------------------------------------- */
/* Place 7 is alone in nest 2, place 8 in nest 3, whose lambda is fixed. */
static const int nest[PLACES] = {0, 0, 0, 1, 1, 1, 1, 2, 3};
static const int each[] = {0, 1, 2, -1}, one[] = {0, 0, 0, -1}, none[] = {-1, -1, -1, -1};
static const int parent[] = {0, 0, 1, 1}, parent_root[] = {0, 0, 1, -1};
static const int upper_two[] = {3, 2}, upper_fixed[] = {3, -1}, upper_same[] = {0, 0};
static const int each_but_last[] = {0, 1, -1, -1};

static const fm_nested models[] = {
    {4, 0, 3, nest, NULL, each, NULL, 0},
    {4, 0, 3, nest, NULL, each, NULL, 1},
    {4, 0, 1, nest, NULL, one, NULL, 0},
    {4, 0, 1, nest, NULL, one, NULL, 1},
    {4, 2, 4, nest, parent, each, upper_fixed, 0},
    {4, 2, 4, nest, parent, each_but_last, upper_two, 1},
    {4, 2, 4, nest, parent_root, each_but_last, upper_two, 0},
    {4, 2, 1, nest, parent, one, upper_same, 1},
    {4, 2, 4, nest, parent, none, upper_fixed, 1},
};
enum { N_MODELS = sizeof models / sizeof models[0] };

static void random_theta(const fm_design *design, const fm_nested *model, double *theta) {
  for (size_t k = 0; k < design->n_linear; k++) {
    theta[k] = 2.0 * mu_uniform() - 1.0;
  }
  for (size_t p = 0; p < model->n_lambda; p++) {
    theta[design->n_linear + p] = 0.3 + mu_uniform();
  }
}

/* ---- the definition ---------------------------------------------------------------------------------- */
typedef struct naive {
  const dense *data;
  const fm_nested *model;
  const double *theta;
  size_t i; /* unit */
} naive;

static long double leaf(const naive *q, size_t r) { return dense_worth(q->data, q->theta, r); }

/* Bottom nest of a row: the place's, or -1 when it hangs on the root by itself. */
static int nest_of(const naive *q, size_t r) {
  const int origin = q->data->origin[q->i];
  const int alone = q->model->stay_alone && origin >= 0 && r == q->data->first_row[q->i] + (size_t)origin;
  return alone ? -1 : q->model->nest[q->data->place[r]];
}

static int parent_of(const naive *q, int n) { return q->model->parent ? q->model->parent[n] : -1; }

static long double lambda_of(const naive *q, const int *index, int node) {
  return index[node] < 0 ? 1.0L : (long double)q->theta[q->data->design.n_linear + (size_t)index[node]];
}

static long double bottom_value(const naive *q, int n) {
  const long double lambda = lambda_of(q, q->model->lambda, n);
  long double total = 0.0;
  for (size_t r = q->data->first_row[q->i]; r < q->data->first_row[q->i + 1]; r++) {
    total += nest_of(q, r) == n ? expl(leaf(q, r) / lambda) : 0.0L;
  }
  return lambda * logl(total);
}

/* Value of an upper nest, or of the root when u is -1. */
static long double upper_value(const naive *q, int u) {
  const long double lambda = u < 0 ? 1.0L : lambda_of(q, q->model->lambda_upper, u);
  long double total = 0.0;
  for (int n = 0; n < (int)q->model->n_nests; n++) {
    total += parent_of(q, n) == u ? expl(bottom_value(q, n) / lambda) : 0.0L;
  }
  for (int m = 0; u < 0 && m < (int)q->model->n_upper; m++) {
    total += expl(upper_value(q, m));
  }
  for (size_t r = q->data->first_row[q->i]; u < 0 && r < q->data->first_row[q->i + 1]; r++) {
    total += nest_of(q, r) < 0 ? expl(leaf(q, r)) : 0.0L;
  }
  return lambda * logl(total);
}

static long double log_probability(const naive *q, size_t r) {
  const int n = nest_of(q, r);
  const long double root = upper_value(q, -1), v = leaf(q, r);
  if (n < 0) {
    return v - root;
  }
  const int u = parent_of(q, n);
  const long double bottom = bottom_value(q, n), within = (v - bottom) / lambda_of(q, q->model->lambda, n);
  if (u < 0) {
    return within + bottom - root;
  }
  const long double upper = upper_value(q, u);
  return within + (bottom - upper) / lambda_of(q, q->model->lambda_upper, u) + upper - root;
}

typedef struct problem {
  const dense *data;
  const fm_nested *model;
} problem;

static long double naive_value(const void *context, const double *theta) {
  const problem *p = context;
  const dense *data = p->data;
  long double value = 0.0;
  naive q = {data, p->model, theta, 0};
  for (q.i = 0; q.i < UNITS; q.i++) {
    for (size_t c = data->choice[q.i]; c < data->choice[q.i + 1]; c++) {
      value +=
          data->choice_weight[c] * log_probability(&q, data->first_row[q.i] + (size_t)data->choice_row[c]);
    }
  }
  return value;
}

/* ---- derivatives ------------------------------------------------------------------------------------- */
static result evaluate(const dense *data, const fm_nested *model, const double *theta, int order) {
  const fm_pass pass = fm_nested_pass(model, &data->design, 1);
  return evaluate_pass(&pass, theta, order);
}

static void derivatives(void) {
  for (int m = 0; m < N_MODELS; m++) {
    for (int variant = 0; variant < 4; variant++) {
      dense *data = make_data(variant % 2, variant / 2, (unsigned long)(10 * m + variant));
      double theta[PARS];
      random_theta(&data->design, &models[m], theta);
      const fm_pass pass = fm_nested_pass(&models[m], &data->design, 1);
      const problem p = {data, &models[m]};
      check_derivatives(&(derivative_check){&pass, naive_value, &p, 1e-13, 1e-8, 1e-8, 0.0}, theta);
      free(data);
    }
  }
}

/* ---- special cases ----------------------------------------------------------------------------------- */
/* lambda = 1 is the conditional logit, in value, score and information of b and d. */
static void lambda_one(void) {
  dense *data = make_data(1, 1, 5);
  const size_t n = data->design.n_linear;
  for (int m = 0; m < N_MODELS; m++) {
    double theta[PARS], value, score_logit[PARS], information[PARS * PARS];
    random_theta(&data->design, &models[m], theta);
    for (size_t p = 0; p < models[m].n_lambda; p++) {
      theta[n + p] = 1.0;
    }
    const result r = evaluate(data, &models[m], theta, FM_INFORMATION);
    const fm_pass pass = fm_logit_pass(&data->design, 1);
    const fm_objective logit = fm_pass_objective(&pass);
    CHECK_OK(logit.evaluate(&logit, theta, FM_INFORMATION, &value, score_logit, information, NULL));
    CHECK_CLOSE(r.value, value, 1e-14);
    for (size_t k = 0; k < n; k++) {
      CHECK_CLOSE(r.score[k], score_logit[k], 1e-13);
      for (size_t l = 0; l < n; l++) {
        CHECK_CLOSE(r.information[k + l * (n + models[m].n_lambda)], information[k + l * n], 1e-13);
      }
    }
  }
  free(data);
}

/* Calls check for every block of data with its probabilities at theta. */
static void each_block(const dense *data, const fm_nested *model, const double *theta,
                       void (*check)(const naive *q, const fm_work *work, const double *p,
                                     const double *logsum)) {
  fm_work work = {0};
  double v[BLOCK * PLACES], p[BLOCK * PLACES], logsum[BLOCK];
  double *scratch = malloc(fm_nested_scratch(model, &data->design) * sizeof(double));
  CHECK(scratch != NULL && dense_work_init(&data->design, &work) == FM_OK);
  for (size_t b = 0; b < BLOCKS; b++) {
    dense_load(&data->design, &work, b);
    dense_utility(&data->design, &work, theta, v);
    fm_nested_probabilities(model, &data->design, &work, theta, scratch, v, p, logsum);
    check(&(naive){data, model, theta, work.block.first}, &work, p, logsum);
    fm_nested_probabilities(model, &data->design, &work, theta, scratch, v, v, NULL);
    CHECK(memcmp(v, p, work.block.offset[work.block.n] * sizeof(double)) == 0);
  }
  dense_work_free(&work);
  free(scratch);
}

static void check_naive(const naive *first, const fm_work *work, const double *p, const double *logsum) {
  naive q = *first;
  for (size_t i = 0; i < work->block.n; i++, q.i++) {
    CHECK_CLOSE(logsum[i], (double)upper_value(&q, -1), 1e-13);
    for (size_t r = work->block.offset[i]; r < work->block.offset[i + 1]; r++) {
      const size_t at = q.data->first_row[first->i] + r;
      const double expected = q.data->offered[at] ? (double)expl(log_probability(&q, at)) : 0.0;
      CHECK_CLOSE(p[r], expected, 1e-14);
    }
  }
}

static void check_sums(const naive *first, const fm_work *work, const double *p, const double *logsum) {
  for (size_t i = 0; i < work->block.n; i++) {
    double total = 0.0;
    for (size_t r = work->block.offset[i]; r < work->block.offset[i + 1]; r++) {
      const int offered = first->data->offered[first->data->first_row[first->i] + r];
      CHECK(p[r] >= 0.0 && p[r] <= 1.0 && (offered || p[r] == 0.0));
      total += p[r];
    }
    CHECK_CLOSE(total, 1.0, 1e-14);
    CHECK(isfinite(logsum[i]));
  }
}

static void probabilities(void) {
  dense *data = make_data(1, 0, 17);
  double theta[PARS];
  for (int m = 0; m < N_MODELS; m++) {
    random_theta(&data->design, &models[m], theta);
    each_block(data, &models[m], theta, check_naive);
    for (double size = 1e2; size < 1e9; size *= 1e2) {
      for (int k = 0; k < TERMS; k++) {
        theta[k] = size * (mu_uniform() - 0.5);
      }
      each_block(data, &models[m], theta, check_sums);
      CHECK(isfinite(evaluate(data, &models[m], theta, FM_VALUE).value));
    }
  }
  free(data);
}

static void occasion_scores(void) {
  for (int m = 0; m < N_MODELS; m++) {
    dense *data = make_data(m % 2, 0, (unsigned long)m);
    const size_t n_par = data->design.n_linear + models[m].n_lambda;
    double theta[PARS], scores[BLOCK * PARS], total[PARS] = {0};
    fm_work work = {0};
    double *scratch = malloc(fm_nested_scratch(&models[m], &data->design) * sizeof(double));
    CHECK(scratch != NULL && dense_work_init(&data->design, &work) == FM_OK);
    random_theta(&data->design, &models[m], theta);
    for (size_t b = 0; b < BLOCKS; b++) {
      dense_load(&data->design, &work, b);
      fm_nested_occasion_scores(&models[m], &data->design, &work, theta, scratch, scores);
      for (size_t at = 0; at < work.block.n * n_par; at++) {
        total[at % n_par] += scores[at];
      }
    }
    const result r = evaluate(data, &models[m], theta, FM_SCORE);
    for (size_t k = 0; k < n_par; k++) {
      CHECK_CLOSE(total[k], r.score[k], 1e-13);
    }
    dense_work_free(&work);
    free(scratch);
    free(data);
  }
}

static void threads(void) {
  dense *data = make_data(1, 1, 41);
  const size_t n_par = data->design.n_linear + models[5].n_lambda;
  double theta[PARS], value, gradient[PARS], information[PARS * PARS];
  random_theta(&data->design, &models[5], theta);
  const result r = evaluate(data, &models[5], theta, FM_INFORMATION);
  const fm_pass pass = fm_nested_pass(&models[5], &data->design, 3);
  const fm_objective objective = fm_pass_objective(&pass);
  CHECK_OK(objective.evaluate(&objective, theta, FM_INFORMATION, &value, gradient, information, NULL));
  CHECK_SAME(&value, &r.value, 1);
  CHECK_SAME(gradient, r.score, n_par);
  CHECK_SAME(information, r.information, n_par * n_par);
  free(data);
}

static void inadmissible(void) {
  dense *data = make_data(0, 0, 1);
  const double bad[] = {0.0, -0.5, INFINITY, NAN};
  double theta[PARS] = {0.1, 0.2, 0.3, 0.8, 0.8, 0.8};
  for (size_t b = 0; b < sizeof bad / sizeof bad[0]; b++) {
    theta[TERMS + 1] = bad[b];
    CHECK(evaluate(data, &models[0], theta, FM_VALUE).value == -INFINITY);
  }
  free(data);
}

static void indices(void) {
  fm_error err;
  const int outside[PLACES] = {0, 0, 0, 1, 1, 1, 1, 2, 4}, low[] = {0, 0, -2, 1};
  fm_nested model = models[5];
  CHECK_OK(fm_nested_check(&model, PLACES, &err));
  model.nest = outside;
  CHECK_CODE(fm_nested_check(&model, PLACES, &err), FM_INVALID);
  model = models[5];
  model.lambda = low;
  CHECK_CODE(fm_nested_check(&model, PLACES, &err), FM_INVALID);
  model = models[5];
  model.n_upper = 1;
  CHECK_CODE(fm_nested_check(&model, PLACES, &err), FM_INVALID);
  model.lambda_upper = NULL;
  CHECK_CODE(fm_nested_check(&model, PLACES, &err), FM_INVALID);
}

/* ---- fits -------------------------------------------------------------------------------------------- */
/* Every place chosen as often as theta makes us expect: the likelihood is highest at theta. */
static void choose_expected(const naive *first, const fm_work *work, const double *p,
                            const double *logsum) {
  dense *data = data_of(&first->data->design);
  (void)logsum;
  for (size_t i = 0; i < work->block.n; i++) {
    size_t c = data->choice[first->i + i];
    for (size_t r = work->block.offset[i]; r < work->block.offset[i + 1]; r++, c++) {
      data->choice_row[c] = (int)(r - work->block.offset[i]);
      data->choice_weight[c] = 50.0 * p[r];
    }
    data->choice[first->i + i + 1] = c;
  }
}

/* Whether lambda p belongs to a nest with several children. */
static int matters(const fm_nested *model, int p) {
  int children[2] = {0, 0}, found = 0;
  for (int n = 0; n < 4; n++) {
    found |= n < 2 && model->lambda[n] == p; /* nests 2 and 3 have one place */
    if (model->n_upper > 0 && model->parent[n] >= 0) {
      children[model->parent[n]]++;
    }
  }
  for (size_t u = 0; u < model->n_upper; u++) {
    found |= children[u] > 1 && model->lambda_upper[u] == p;
  }
  return found;
}

/* Newton from random starts finds the maximum; a lambda that plays no part is named and held. */
static void recovers(const fm_nested *model) {
  dense *data = make_data(0, 0, 31);
  const size_t n_par = TERMS + model->n_lambda;
  const fm_pass pass = fm_nested_pass(model, &data->design, 1);
  const fm_objective objective = fm_pass_objective(&pass);
  fm_newton_control control = fm_newton_defaults();
  double truth[PARS], start[PARS];
  random_theta(&data->design, model, truth);
  each_block(data, model, truth, choose_expected);
  for (int trial = 0; trial < 5; trial++) {
    fm_newton_result fit;
    random_theta(&data->design, model, start);
    CHECK_OK(fm_newton(&objective, start, &control, &fit, NULL));
    CHECK_INT(fit.stop, FM_CONVERGED);
    for (size_t k = 0; k < n_par; k++) {
      const int plays = k < TERMS || matters(model, (int)(k - TERMS));
      CHECK_INT(fit.aliased[k] == 0, plays);
      CHECK_CLOSE(fit.theta[k], plays ? truth[k] : start[k], 1e-8);
    }
    fm_newton_free(&fit);
  }
  free(data);
}

static void fits(void) {
  for (int m = 0; m < N_MODELS; m++) {
    recovers(&models[m]);
  }
}

void test_nested(void) {
  RUN(derivatives);
  RUN(lambda_one);
  RUN(probabilities);
  RUN(occasion_scores);
  RUN(threads);
  RUN(inadmissible);
  RUN(indices);
  RUN(fits);
}
