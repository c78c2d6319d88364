/* test_latent.c: the logit with latent classes against its definition.
 *
 * Values are compared with the definition in long double, scores with derivatives of that, informations
 * with derivatives of scores; EM with its monotony and its fixed point.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/choice/latent.h"
#include "../../src/core/choice/latent_em.h"
#include "../../src/core/choice/logit.h"
#include "dense.h"
#include "derivatives.h"
#include "minunit.h"

enum {
  GROUPS = BLOCKS - 1,
  CLASSES = 3,
  ATTRIBUTES = 2,
  PARS = LINEAR + (CLASSES - 1) * (TERMS + ATTRIBUTES)
};

/* ---- data -------------------------------------------------------------------------------------------- */
/* The first chunk is one group of two blocks, any other block a group. */
static size_t group_block[GROUPS + 1], chunk_group[CHUNKS + 1];
static double z[GROUPS * ATTRIBUTES], weight[GROUPS], posterior[GROUPS * CLASSES];
static const int all_terms[] = {0, 1, 2}, some_terms[] = {0, 2};

static size_t group_of_block(size_t b) { return b == 0 ? 0 : b - 1; }

static void fill_groups(void) {
  for (size_t g = 0; g < GROUPS; g++) {
    double total = 0.0;
    z[g * ATTRIBUTES] = 1.0;
    z[g * ATTRIBUTES + 1] = 2.0 * mu_uniform() - 1.0;
    weight[g] = 0.5 + mu_uniform();
    for (size_t c = 0; c < CLASSES; c++) {
      posterior[g * CLASSES + c] = g == 1 && c == 0 ? 0.0 : mu_uniform();
      total += posterior[g * CLASSES + c];
    }
    for (size_t c = 0; c < CLASSES; c++) {
      posterior[g * CLASSES + c] /= total;
    }
  }
}

static dense *make_groups(int effects, int merged, unsigned long seed) {
  dense *data = make_data(effects, merged, seed);
  fill_groups();
  for (size_t g = 0; g <= GROUPS; g++) {
    group_block[g] = g == 0 ? 0 : g + 1;
  }
  for (size_t c = 0; c <= CHUNKS; c++) {
    chunk_group[c] = c == 0 ? 0 : group_of_block(data->chunk[c] - 1) + 1;
  }
  data->design.n_groups = GROUPS;
  data->design.group_block = group_block;
  data->design.chunk_group = chunk_group;
  data->design.max_group_units = 2 * BLOCK;
  data->design.max_group_rows = 2 * BLOCK * PLACES;
  return data;
}

/* ---- the definition ---------------------------------------------------------------------------------- */
static long double utility_of(const dense *data, const fm_latent *model, const double *theta, size_t c,
                              size_t r) {
  long double v = data->design.n_effects > 0 ? theta[TERMS + data->place[r]] : 0.0;
  for (int k = 0; k < TERMS; k++) {
    double b = theta[k];
    for (size_t f = 0; c > 0 && f < model->n_free; f++) {
      b = model->free[f] == k ? theta[data->design.n_linear + (c - 1) * model->n_free + f] : b;
    }
    v += (long double)b * data->x[r][k];
  }
  return v;
}

/* log P of the choices of a unit, weights included. */
static long double unit_value(const dense *data, const fm_latent *model, const double *theta, size_t c,
                              size_t i) {
  long double total = 0.0, value = 0.0;
  for (size_t r = data->first_row[i]; r < data->first_row[i + 1]; r++) {
    total += data->offered[r] ? expl(utility_of(data, model, theta, c, r)) : 0.0L;
  }
  for (size_t m = data->choice[i]; m < data->choice[i + 1]; m++) {
    const size_t r = data->first_row[i] + (size_t)data->choice_row[m];
    value += data->choice_weight[m] * (utility_of(data, model, theta, c, r) - logl(total));
  }
  return value;
}

static long double log_membership(const fm_latent *model, const double *gamma, size_t g, size_t c) {
  long double total = 0.0, own = 0.0;
  for (size_t k = 0; k < model->n_classes; k++) {
    long double u = 0.0;
    for (size_t a = 0; k > 0 && a < model->n_z; a++) {
      u += (long double)gamma[(k - 1) * model->n_z + a] * model->z[g * model->n_z + a];
    }
    total += expl(u);
    own = k == c ? u : own;
  }
  return own - logl(total);
}

static long double group_value(const dense *data, const fm_latent *model, const double *theta, size_t g) {
  const double w = model->weight ? model->weight[g] : 1.0;
  const double *gamma = theta + data->design.n_linear + (model->n_classes - 1) * model->n_free;
  long double mixture = 0.0, expected = 0.0;
  for (size_t c = 0; c < model->n_classes; c++) {
    long double value = 0.0;
    for (size_t i = 0; i < UNITS; i++) {
      value += group_of_block(i / BLOCK) == g ? unit_value(data, model, theta, c, i) : 0.0L;
    }
    value = value / w + log_membership(model, gamma, g, c);
    mixture += expl(value);
    expected += model->posterior ? model->posterior[g * model->n_classes + c] * value : 0.0L;
  }
  return w * (model->posterior ? expected : logl(mixture));
}

typedef struct problem {
  const dense *data;
  const fm_latent *model;
} problem;

static long double naive_value(const void *context, const double *theta) {
  const problem *p = context;
  long double value = 0.0;
  for (size_t g = 0; g < GROUPS; g++) {
    value += group_value(p->data, p->model, theta, g);
  }
  return value;
}

/* ---- derivatives ------------------------------------------------------------------------------------- */
static result evaluate(const dense *data, const fm_latent *model, const double *theta, int order,
                       int threads) {
  const fm_pass pass = fm_latent_pass(model, &data->design, threads);
  return evaluate_pass(&pass, theta, order);
}

static size_t random_theta(const dense *data, const fm_latent *model, double *theta) {
  const size_t n_par = data->design.n_linear + fm_latent_extra(model);
  for (size_t k = 0; k < n_par; k++) {
    theta[k] = 2.0 * mu_uniform() - 1.0;
  }
  return n_par;
}

static const fm_latent models[] = {
    {CLASSES, 3, all_terms, ATTRIBUTES, z, weight, NULL, NULL},
    {CLASSES, 2, some_terms, ATTRIBUTES, z, NULL, NULL, NULL},
    {2, 3, all_terms, ATTRIBUTES, z, weight, NULL, NULL},
    {2, 2, some_terms, 0, z, weight, NULL, NULL},
    {CLASSES, 3, all_terms, ATTRIBUTES, z, weight, posterior, NULL},
    {CLASSES, 2, some_terms, ATTRIBUTES, z, NULL, posterior, NULL},
    {1, 3, all_terms, ATTRIBUTES, z, weight, NULL, NULL},
};
enum { N_MODELS = sizeof models / sizeof models[0] };

static void derivatives(void) {
  for (int m = 0; m < N_MODELS; m++) {
    for (int variant = 0; variant < 3; variant++) {
      dense *data = make_groups(variant == 2, variant == 1, (unsigned long)(10 * m + variant));
      const fm_pass pass = fm_latent_pass(&models[m], &data->design, 1);
      const problem p = {data, &models[m]};
      double theta[PARS];
      (void)random_theta(data, &models[m], theta);
      check_derivatives(&(derivative_check){&pass, naive_value, &p, 1e-12, 1e-8, 1e-7, 0.0}, theta);
      free(data);
    }
  }
}

/* ---- special cases ----------------------------------------------------------------------------------- */
static void one_class(void) {
  dense *data = make_groups(1, 1, 5);
  const size_t n = data->design.n_linear;
  const fm_latent model = {1, 3, all_terms, ATTRIBUTES, z, NULL, NULL, NULL};
  double theta[PARS], value, score[PARS], information[PARS * PARS];
  CHECK_INT(random_theta(data, &model, theta), n);
  const result r = evaluate(data, &model, theta, FM_INFORMATION, 1);
  const fm_pass pass = fm_logit_pass(&data->design, 1);
  const fm_objective logit = fm_pass_objective(&pass);
  CHECK_OK(logit.evaluate(&logit, theta, FM_INFORMATION, &value, score, information, NULL));
  CHECK_CLOSE(r.value, value, 1e-13);
  CHECK_ARRAY(r.score, score, n, 1e-12);
  CHECK_ARRAY(r.information, information, n * n, 1e-12);
  free(data);
}

static void threads(void) {
  dense *data = make_groups(1, 1, 41);
  double theta[PARS];
  const size_t n_par = random_theta(data, &models[0], theta);
  const result one = evaluate(data, &models[0], theta, FM_INFORMATION, 1);
  for (int n = 2; n <= 3; n++) {
    const result more = evaluate(data, &models[0], theta, FM_INFORMATION, n);
    CHECK_SAME(&more.value, &one.value, 1);
    CHECK_SAME(more.score, one.score, n_par);
    CHECK_SAME(more.information, one.information, n_par * n_par);
  }
  free(data);
}

static void group_scores(void) {
  dense *data = make_groups(0, 1, 8);
  double theta[PARS], scores[GROUPS * PARS], total[PARS] = {0};
  const size_t n_par = random_theta(data, &models[0], theta);
  const result r = evaluate(data, &models[0], theta, FM_SCORE, 1);
  fm_pass pass = fm_latent_pass(&models[0], &data->design, 1);
  pass.theta = theta;
  pass.order = FM_SCORE;
  CHECK_OK(fm_pass_group_scores(&pass, scores, NULL));
  for (size_t i = 0; i < GROUPS * n_par; i++) {
    total[i % n_par] += scores[i];
  }
  CHECK_ARRAY(total, r.score, n_par, 1e-12);
  free(data);
}

/* Utilities too large for exp, and a group without weight: nothing is NaN,
 * and the group counts for nothing. */
static void extremes(void) {
  dense *data = make_groups(0, 0, 3);
  double theta[PARS], none[GROUPS], out[GROUPS * CLASSES];
  memcpy(none, weight, sizeof none);
  none[2] = 0.0;
  const fm_latent model = {CLASSES, 3, all_terms, ATTRIBUTES, z, none, NULL, out};
  const size_t n_par = random_theta(data, &model, theta);
  for (double size = 1.0; size < 1e8; size *= 100.0) {
    for (size_t k = 0; k < n_par; k++) {
      theta[k] *= k < data->design.n_linear + 2 * TERMS ? size : 1.0;
    }
    const result r = evaluate(data, &model, theta, FM_INFORMATION, 1);
    CHECK(isfinite(r.value));
    for (size_t k = 0; k < n_par * n_par; k++) {
      CHECK(isfinite(r.information[k]));
    }
    for (size_t g = 0; g < GROUPS; g++) {
      CHECK_CLOSE(out[g * CLASSES] + out[g * CLASSES + 1] + out[g * CLASSES + 2], 1.0, 1e-12);
    }
  }
  for (size_t c = 0; c < CLASSES; c++) {
    const double *gamma = theta + n_par - 2 * ATTRIBUTES;
    CHECK_CLOSE(out[2 * CLASSES + c], (double)expl(log_membership(&model, gamma, 2, c)), 1e-12);
  }
  free(data);
}

static void checks(void) {
  const int wrong[] = {0, 0}, outside[] = {1, 3};
  fm_error err;
  CHECK_OK(fm_latent_check(&models[1], TERMS, &err));
  CHECK_CODE(fm_latent_check(&(fm_latent){.n_classes = 0}, TERMS, &err), FM_INVALID);
  CHECK_CODE(fm_latent_check(&(fm_latent){.n_classes = 2, .n_free = 4}, TERMS, &err), FM_INVALID);
  CHECK_CODE(fm_latent_check(&(fm_latent){.n_classes = 2, .n_free = 2, .free = wrong}, TERMS, &err),
             FM_INVALID);
  CHECK_CODE(fm_latent_check(&(fm_latent){.n_classes = 2, .n_free = 2, .free = outside}, TERMS, &err),
             FM_INVALID);
}

/* ---- EM ---------------------------------------------------------------------------------------------- */
enum { STEPS = 60 };

static int stop(void *context) { return context == NULL; }

/* The log-likelihood rises at each iteration, to a point where the score is small. */
static void em(void) {
  dense *data = make_groups(0, 1, 12);
  double theta[PARS], start[PARS], out[GROUPS * CLASSES], path[STEPS + 1];
  int fixed[PARS] = {0};
  fixed[1] = 1;
  const fm_latent model = {2, 3, all_terms, 1, weight, NULL, NULL, NULL}; /* any attribute will do */
  const size_t n_par = random_theta(data, &model, start);
  fm_em_control control = {.iterations = STEPS, .tolerance = 1e-9, .rank_tolerance = 1e-10, .fixed = fixed};
  fm_em_result run = {.theta = theta, .posterior = out, .path = path};
  memcpy(theta, start, sizeof theta);
  CHECK_OK(fm_latent_em(&model, &data->design, 1, &control, &run, NULL));
  CHECK(run.iterations > 2);
  for (int i = 1; i <= run.iterations; i++) {
    CHECK(path[i] >= path[i - 1] - 1e-10);
  }
  CHECK_CLOSE(theta[1], start[1], 0.0);
  const result r = evaluate(data, &model, theta, FM_SCORE, 1);
  CHECK_CLOSE(r.value, path[run.iterations], 1e-13);
  for (size_t k = 0; k < n_par && run.converged; k++) {
    CHECK(fixed[k] || fabs(r.score[k]) < 0.05);
  }
  free(data);
}

/* No iterations: the value and the posterior at the start. */
static void em_evaluates(void) {
  dense *data = make_groups(0, 0, 12);
  double theta[PARS], out[GROUPS * CLASSES], path[1];
  random_theta(data, &models[0], theta);
  const fm_em_control control = {.iterations = 0};
  fm_em_result run = {.theta = theta, .posterior = out, .path = path};
  CHECK_OK(fm_latent_em(&models[0], &data->design, 2, &control, &run, NULL));
  CHECK_CLOSE(path[0], (double)naive_value(&(problem){data, &models[0]}, theta), 1e-12);
  CHECK_INT(run.iterations, 0);
  free(data);
}

static fm_code run_em(void *context) {
  const dense *data = context;
  double theta[PARS] = {0.1, 0.2, 0.3, -0.1, 0.5, 0.2}, out[GROUPS * CLASSES], path[3];
  const fm_latent model = {2, 3, all_terms, 1, weight, NULL, NULL, NULL};
  const fm_em_control control = {.iterations = 2, .tolerance = 1e-9, .rank_tolerance = 1e-10};
  fm_em_result run = {.theta = theta, .posterior = out, .path = path};
  return fm_latent_em(&model, &data->design, 2, &control, &run, NULL);
}

static void em_fails_cleanly(void) {
  dense *data = make_groups(0, 0, 12);
  double theta[PARS] = {NAN}, out[GROUPS * CLASSES], path[1];
  fm_em_control control = {.iterations = 0};
  fm_em_result run = {.theta = theta, .posterior = out, .path = path};
  fm_error err;
  CHECK_CODE(fm_latent_em(&models[0], &data->design, 1, &control, &run, &err), FM_DIVERGED);
  control.interrupted = stop;
  CHECK_CODE(fm_latent_em(&models[0], &data->design, 1, &control, &run, &err), FM_INTERRUPTED);
  CHECK_TEXT(err.message, "interrupted after 0 EM iterations");
  mu_each_allocation(run_em, data);
  free(data);
}

void test_latent(void) {
  RUN(derivatives);
  RUN(one_class);
  RUN(threads);
  RUN(group_scores);
  RUN(extremes);
  RUN(checks);
  RUN(em);
  RUN(em_evaluates);
  RUN(em_fails_cleanly);
}
