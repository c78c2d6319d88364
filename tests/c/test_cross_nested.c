/* test_cross_nested.c: the cross-nested logit against its definition.
 *
 * Values are compared with the formula of cross_nested.h in long double, scores with derivatives of that,
 * informations with derivatives of scores; places in one nest each are compared with the nested logit.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/choice/cross_nested.h"
#include "../../src/core/choice/logit.h"
#include "../../src/core/choice/nested.h"
#include "dense.h"
#include "derivatives.h"
#include "minunit.h"

enum { ENTRIES = 15, NESTS = 4, TAUS = 4, PARS = LINEAR + NESTS + TAUS };

/* Places 0 to 8 have 2, 1, 3, 1, 2, 2, 1, 1, 2 entries. */
static const int first[PLACES + 1] = {0, 2, 3, 6, 7, 9, 11, 12, 13, 15};
static const int nest[ENTRIES] = {0, 1, 0, 0, 1, 2, 1, 1, 2, 0, 2, 1, 2, 3, 0};
static const double share[ENTRIES] = {0.3, 0.7, 1, 0.2, 0.5, 0.3, 1, 0.6, 0.4, 0.5, 0.5, 1, 1, 0.9, 0.1};
static const int tau[ENTRIES] = {-1, 0, -1, -1, 1, 2, -1, -1, 3, -1, -1, -1, -1, -1, -1};
static const int each[] = {0, 1, 2, -1}, one[] = {0, 0, 0, -1};
static double log_share[ENTRIES];

static const fm_cross_nested models[] = {
    {4, 3, 0, first, nest, log_share, NULL, each, 0}, {4, 3, 0, first, nest, log_share, NULL, each, 1},
    {4, 1, 0, first, nest, log_share, NULL, one, 1},  {4, 3, 4, first, nest, log_share, tau, each, 0},
    {4, 3, 4, first, nest, log_share, tau, each, 1},  {4, 1, 4, first, nest, log_share, tau, one, 0},
};
enum { N_MODELS = sizeof models / sizeof models[0] };

static size_t pars(const fm_design *design, const fm_cross_nested *model) {
  return design->n_linear + model->n_lambda + model->n_tau;
}

static void random_theta(const fm_design *design, const fm_cross_nested *model, double *theta) {
  for (int e = 0; e < ENTRIES; e++) {
    log_share[e] = log(share[e]);
  }
  for (size_t k = 0; k < pars(design, model); k++) {
    theta[k] = 2.0 * mu_uniform() - 1.0;
  }
  for (size_t p = 0; p < model->n_lambda; p++) {
    theta[design->n_linear + p] = 0.3 + mu_uniform();
  }
}

/* ---- the definition ---------------------------------------------------------------------------------- */
typedef struct naive {
  const dense *data;
  const fm_cross_nested *model;
  const double *theta;
  size_t i; /* unit */
} naive;

static long double weight(const naive *q, int e, int place) {
  const double *t = q->theta + q->data->design.n_linear + q->model->n_lambda;
  long double total = 0.0;
  int any = 0;
  if (q->model->tau == NULL) {
    return (long double)share[e];
  }
  for (int f = first[place]; f < first[place + 1]; f++) {
    any |= tau[f] >= 0;
    total += tau[f] >= 0 ? expl((long double)t[tau[f]]) : 1.0L;
  }
  return any ? (tau[e] >= 0 ? expl((long double)t[tau[e]]) : 1.0L) / total : (long double)share[e];
}

static long double leaf(const naive *q, size_t r) { return dense_worth(q->data, q->theta, r); }

static int is_alone(const naive *q, size_t r) {
  const int origin = q->data->origin[q->i];
  return q->model->stay_alone && origin >= 0 && r == q->data->first_row[q->i] + (size_t)origin;
}

static long double lambda_of(const naive *q, int m) {
  const int k = q->model->lambda[m];
  return k < 0 ? 1.0L : (long double)q->theta[q->data->design.n_linear + (size_t)k];
}

/* (a_jm e^v)^(1/lambda) of row r in nest m */
static long double part(const naive *q, size_t r, int m) {
  const int j = q->data->place[r];
  for (int e = first[j]; e < first[j + 1] && !is_alone(q, r); e++) {
    if (nest[e] == m) {
      return powl(weight(q, e, j) * expl(leaf(q, r)), 1.0L / lambda_of(q, m));
    }
  }
  return 0.0L;
}

static long double nest_total(const naive *q, int m) {
  long double total = 0.0;
  for (size_t r = q->data->first_row[q->i]; r < q->data->first_row[q->i + 1]; r++) {
    total += part(q, r, m);
  }
  return total;
}

static long double generator(const naive *q) {
  long double g = 0.0;
  for (int m = 0; m < NESTS; m++) {
    g += powl(nest_total(q, m), lambda_of(q, m));
  }
  for (size_t r = q->data->first_row[q->i]; r < q->data->first_row[q->i + 1]; r++) {
    g += is_alone(q, r) ? expl(leaf(q, r)) : 0.0L;
  }
  return g;
}

static long double probability(const naive *q, size_t r) {
  const long double g = generator(q);
  long double p = is_alone(q, r) ? expl(leaf(q, r)) / g : 0.0L;
  for (int m = 0; m < NESTS; m++) {
    const long double own = part(q, r, m), total = nest_total(q, m);
    p += own > 0.0L ? own / total * powl(total, lambda_of(q, m)) / g : 0.0L;
  }
  return p;
}

typedef struct problem {
  const dense *data;
  const fm_cross_nested *model;
} problem;

static long double naive_value(const void *context, const double *theta) {
  const problem *p = context;
  const dense *data = p->data;
  long double value = 0.0;
  naive q = {data, p->model, theta, 0};
  for (q.i = 0; q.i < UNITS; q.i++) {
    for (size_t c = data->choice[q.i]; c < data->choice[q.i + 1]; c++) {
      value += data->choice_weight[c] *
               logl(probability(&q, data->first_row[q.i] + (size_t)data->choice_row[c]));
    }
  }
  return value;
}

/* ---- derivatives ------------------------------------------------------------------------------------- */
static result evaluate(const dense *data, const fm_cross_nested *model, const double *theta, int order) {
  const fm_pass pass = fm_cross_nested_pass(model, &data->design, 1);
  return evaluate_pass(&pass, theta, order);
}

static void derivatives(void) {
  for (int m = 0; m < N_MODELS; m++) {
    for (int variant = 0; variant < 4; variant++) {
      dense *data = make_data(variant % 2, variant / 2, (unsigned long)(10 * m + variant));
      double theta[PARS];
      random_theta(&data->design, &models[m], theta);
      const fm_pass pass = fm_cross_nested_pass(&models[m], &data->design, 1);
      const problem p = {data, &models[m]};
      check_derivatives(&(derivative_check){&pass, naive_value, &p, 1e-13, 1e-8, 1e-8, 0.0}, theta);
      free(data);
    }
  }
}

/* ---- special cases ----------------------------------------------------------------------------------- */
/* lambda = 1 is the conditional logit in value and score of b and d, whatever the allocations. */
static void lambda_one(void) {
  dense *data = make_data(1, 1, 5);
  const size_t n = data->design.n_linear;
  for (int m = 0; m < N_MODELS; m++) {
    double theta[PARS], value, gradient[PARS];
    random_theta(&data->design, &models[m], theta);
    for (size_t p = 0; p < models[m].n_lambda; p++) {
      theta[n + p] = 1.0;
    }
    const result r = evaluate(data, &models[m], theta, FM_SCORE);
    const fm_pass pass = fm_logit_pass(&data->design, 1);
    const fm_objective logit = fm_pass_objective(&pass);
    CHECK_OK(logit.evaluate(&logit, theta, FM_SCORE, &value, gradient, NULL, NULL));
    CHECK_CLOSE(r.value, value, 1e-14);
    for (size_t k = 0; k < n; k++) {
      CHECK_CLOSE(r.score[k], gradient[k], 1e-13);
    }
    for (size_t t = 0; t < models[m].n_tau; t++) {
      CHECK_CLOSE(r.score[n + models[m].n_lambda + t], 0.0, 1e-12);
    }
  }
  free(data);
}

/* One nest a place is the nested logit, information included. */
static void one_nest_each(void) {
  static const int single[PLACES + 1] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  static const int own[PLACES] = {0, 0, 0, 1, 1, 1, 1, 2, 3};
  static const double none[PLACES] = {0};
  for (int alone = 0; alone < 2; alone++) {
    const fm_cross_nested crossed = {4, 3, 0, single, own, none, NULL, each, alone};
    const fm_nested nested = {4, 0, 3, own, NULL, each, NULL, alone};
    dense *data = make_data(1, 1, 23);
    const size_t n_par = pars(&data->design, &crossed);
    double theta[PARS], value, gradient[PARS], information[PARS * PARS];
    random_theta(&data->design, &crossed, theta);
    const result r = evaluate(data, &crossed, theta, FM_INFORMATION);
    const fm_pass pass = fm_nested_pass(&nested, &data->design, 1);
    const fm_objective objective = fm_pass_objective(&pass);
    CHECK_OK(objective.evaluate(&objective, theta, FM_INFORMATION, &value, gradient, information, NULL));
    CHECK_CLOSE(r.value, value, 1e-14);
    for (size_t k = 0; k < n_par; k++) {
      CHECK_CLOSE(r.score[k], gradient[k], 1e-12);
      for (size_t l = 0; l < n_par; l++) {
        CHECK_CLOSE(r.information[k + l * n_par], information[k + l * n_par], 1e-12);
      }
    }
    free(data);
  }
}

/* Probabilities are those of the definition, or, at utilities of any size, at least sum to 1. */
static void check_probabilities(const dense *data, const fm_cross_nested *model, const double *theta,
                                int exact) {
  fm_work work = {0};
  double v[BLOCK * PLACES], logsum[BLOCK];
  double *scratch = malloc(fm_cross_nested_scratch(model, &data->design) * sizeof(double));
  CHECK(scratch != NULL && dense_work_init(&data->design, &work) == FM_OK);
  for (size_t b = 0; b < BLOCKS; b++) {
    dense_load(&data->design, &work, b);
    dense_utility(&data->design, &work, theta, v);
    fm_cross_nested_probabilities(model, &data->design, &work, theta, scratch, v, logsum);
    for (size_t i = 0; i < work.block.n; i++) {
      const naive q = {data, model, theta, work.block.first + i};
      double total = 0.0;
      for (size_t r = work.block.offset[i]; r < work.block.offset[i + 1]; r++) {
        const size_t at = data->first_row[work.block.first] + r;
        CHECK(v[r] >= 0.0 && v[r] <= 1.0 + 1e-14 && (data->offered[at] || v[r] == 0.0));
        if (exact && data->offered[at]) {
          CHECK_CLOSE(v[r], (double)probability(&q, at), 1e-13);
        }
        total += v[r];
      }
      CHECK_CLOSE(total, 1.0, 1e-13);
      CHECK(isfinite(logsum[i]));
      if (exact) {
        CHECK_CLOSE(logsum[i], (double)logl(generator(&q)), 1e-13);
      }
    }
  }
  dense_work_free(&work);
  free(scratch);
}

static void probabilities(void) {
  dense *data = make_data(1, 0, 17);
  double theta[PARS];
  for (int m = 0; m < N_MODELS; m++) {
    random_theta(&data->design, &models[m], theta);
    check_probabilities(data, &models[m], theta, 1);
    for (double size = 1e2; size < 1e9; size *= 1e2) {
      for (int k = 0; k < TERMS; k++) {
        theta[k] = size * (mu_uniform() - 0.5);
      }
      check_probabilities(data, &models[m], theta, 0);
      const result r = evaluate(data, &models[m], theta, FM_INFORMATION);
      CHECK(isfinite(r.value));
      for (size_t k = 0; k < pars(&data->design, &models[m]); k++) {
        CHECK(isfinite(r.score[k]) && isfinite(r.information[k * (pars(&data->design, &models[m]) + 1)]));
      }
    }
  }
  free(data);
}

static void occasion_scores(void) {
  for (int m = 0; m < N_MODELS; m++) {
    dense *data = make_data(m % 2, 0, (unsigned long)m);
    const size_t n_par = pars(&data->design, &models[m]);
    double theta[PARS], scores[BLOCK * PARS], total[PARS] = {0};
    fm_work work = {0};
    double *scratch = malloc(fm_cross_nested_scratch(&models[m], &data->design) * sizeof(double));
    CHECK(scratch != NULL && dense_work_init(&data->design, &work) == FM_OK);
    random_theta(&data->design, &models[m], theta);
    for (size_t b = 0; b < BLOCKS; b++) {
      dense_load(&data->design, &work, b);
      fm_cross_nested_occasion_scores(&models[m], &data->design, &work, theta, scratch, scores);
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
  const size_t n_par = pars(&data->design, &models[4]);
  double theta[PARS], value, gradient[PARS], information[PARS * PARS];
  random_theta(&data->design, &models[4], theta);
  const result r = evaluate(data, &models[4], theta, FM_INFORMATION);
  const fm_pass pass = fm_cross_nested_pass(&models[4], &data->design, 3);
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
  const int outside[ENTRIES] = {0, 1, 0, 0, 1, 2, 1, 1, 2, 0, 2, 1, 2, 4, 0}, low[] = {0, 0, -2, 1};
  const int empty[PLACES + 1] = {0, 2, 2, 6, 7, 9, 11, 12, 13, 15};
  fm_cross_nested model = models[3];
  CHECK_OK(fm_cross_nested_check(&model, PLACES, &err));
  model.nest = outside;
  CHECK_CODE(fm_cross_nested_check(&model, PLACES, &err), FM_INVALID);
  model = models[3];
  model.lambda = low;
  CHECK_CODE(fm_cross_nested_check(&model, PLACES, &err), FM_INVALID);
  model = models[3];
  model.first = empty;
  CHECK_CODE(fm_cross_nested_check(&model, PLACES, &err), FM_INVALID);
  model = models[3];
  model.n_tau = 3;
  CHECK_CODE(fm_cross_nested_check(&model, PLACES, &err), FM_INVALID);
  model.log_allocation = NULL;
  CHECK_CODE(fm_cross_nested_check(&model, PLACES, &err), FM_INVALID);
}

void test_cross_nested(void) {
  RUN(derivatives);
  RUN(lambda_one);
  RUN(one_nest_each);
  RUN(probabilities);
  RUN(occasion_scores);
  RUN(threads);
  RUN(inadmissible);
  RUN(indices);
}
