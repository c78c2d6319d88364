/* test_mixed.c: the mixed logit against its definition and against differences, on the plainest storage.
 *
 * A group is a block of dense.h. Values are compared with the average over draws written out in long
 * double, scores and informations with differences.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/choice/logit.h"
#include "../../src/core/choice/mixed.h"
#include "dense.h"
#include "derivatives.h"
#include "minunit.h"

enum {
  RANDOM = 2,
  MOST_SPREADS = 3,
  PARS = LINEAR + MOST_SPREADS,
  DRAWS = 21,
  MOST = BLOCKS * DRAWS * RANDOM
};

typedef struct panel {
  dense *data;
  size_t group_block[BLOCKS + 1];
  double stored[MOST], weight[BLOCKS];
  fm_mixed model;
} panel;

static const int term[] = {2, 0}, normal[] = {FM_NORMAL, FM_NORMAL}, flat[] = {FM_UNIFORM, FM_TRIANGULAR};
static const int plain[] = {FM_PLAIN, FM_PLAIN}, logs[] = {FM_LOG, FM_MINUS_LOG},
                 bounded[] = {FM_BOUNDED, FM_LOG};
static const int diagonal[] = {0, 1}, rows[] = {0, 1, 1}, columns[] = {0, 0, 1};
static const double sign[] = {1.0, -1.0}, low[] = {-1.0, 0.0}, width[] = {3.0, 1.0};

/* Weights of a group's choices are what they were, times the group's. */
static panel *make_panel(int effects, const int *transform, const int *shape, int correlated, int price) {
  panel *p = calloc(1, sizeof *p);
  p->data = make_data(effects, 1, 77);
  fm_design *design = &p->data->design;
  for (size_t b = 0; b <= BLOCKS; b++) {
    p->group_block[b] = b;
  }
  design->n_groups = BLOCKS;
  design->group_block = p->group_block;
  design->chunk_group = p->data->chunk;
  design->max_group_units = BLOCK;
  design->max_group_rows = BLOCK * PLACES;
  for (size_t b = 0; b < BLOCKS; b++) {
    p->weight[b] = b == 3 ? 0.0 : 0.5 + mu_uniform();
    const size_t last = (b + 1) * BLOCK < UNITS ? (b + 1) * BLOCK : UNITS;
    for (size_t c = p->data->choice[b * BLOCK]; c < p->data->choice[last]; c++) {
      p->data->choice_weight[c] *= p->weight[b];
    }
  }
  for (size_t i = 0; i < MOST; i++) {
    p->stored[i] = mu_uniform();
  }
  p->model = (fm_mixed){.n_random = RANDOM,
                        .term = term,
                        .transform = transform,
                        .shape = shape,
                        .sign = sign,
                        .low = low,
                        .width = width,
                        .n_spread = correlated ? 3 : 2,
                        .row = correlated ? rows : diagonal,
                        .column = correlated ? columns : diagonal,
                        .price = price,
                        .draws = {.sequence = FM_STORED,
                                  .n_dims = RANDOM,
                                  .n_draws = DRAWS,
                                  .stored = p->stored,
                                  .n_stored = BLOCKS},
                        .weight = p->weight};
  CHECK_OK(fm_mixed_check(&p->model, TERMS, design->n_effects, NULL));
  return p;
}

static void free_panel(panel *p) {
  free(p->data);
  free(p);
}

/* ---- the definition ---------------------------------------------------------------------------------- */
static double point(const panel *p, size_t group, size_t r, size_t m) {
  double u = p->stored[group + BLOCKS * (r + DRAWS * m)];
  if (p->model.shape[m] == FM_NORMAL) {
    fm_kernels_best()->quantile(&u, &u, 1);
  } else if (p->model.shape[m] == FM_UNIFORM) {
    u = 2.0 * u - 1.0;
  } else {
    u = u < 0.5 ? sqrt(2.0 * u) - 1.0 : 1.0 - sqrt(2.0 - 2.0 * u);
  }
  return sign[m] * u;
}

/* Coefficients of one draw. */
static void coefficients(const panel *p, const double *theta, size_t group, size_t r, long double *b) {
  const double *spread = theta + p->data->design.n_linear;
  for (size_t k = 0; k < TERMS; k++) {
    b[k] = theta[k];
  }
  for (size_t m = 0; m < RANDOM; m++) {
    long double eta = theta[term[m]];
    for (size_t q = 0; q < p->model.n_spread; q++) {
      eta +=
          (size_t)p->model.row[q] == m ? spread[q] * point(p, group, r, (size_t)p->model.column[q]) : 0.0;
    }
    const int how = p->model.transform[m];
    b[term[m]] = how == FM_PLAIN     ? eta
                 : how == FM_LOG     ? expl(eta)
                 : how == FM_BOUNDED ? low[m] + width[m] / (1.0L + expl(-eta))
                                     : -expl(eta);
  }
  for (int k = 0; k < TERMS && p->model.price >= 0; k++) {
    b[k] = k == p->model.price ? b[k] : -b[p->model.price] * b[k];
  }
}

static long double utility_of(const panel *p, const double *theta, const long double *b, size_t at) {
  long double v = p->data->design.n_effects > 0 ? theta[TERMS + p->data->place[at]] : 0.0L;
  for (size_t k = 0; k < TERMS; k++) {
    v += b[k] * p->data->x[at][k];
  }
  return v;
}

static long double group_log_likelihood(const panel *p, const double *theta, const long double *b,
                                        size_t group) {
  const dense *data = p->data;
  long double value = 0.0;
  for (size_t i = group * BLOCK; i < (group + 1) * BLOCK && i < UNITS; i++) {
    long double total = 0.0;
    for (size_t at = data->first_row[i]; at < data->first_row[i + 1]; at++) {
      total += data->offered[at] ? expl(utility_of(p, theta, b, at)) : 0.0L;
    }
    for (size_t c = data->choice[i]; c < data->choice[i + 1]; c++) {
      const size_t at = data->first_row[i] + (size_t)data->choice_row[c];
      value += data->choice_weight[c] / p->weight[group] * (utility_of(p, theta, b, at) - logl(total));
    }
  }
  return value;
}

static long double naive_value(const void *context, const double *theta) {
  const panel *p = context;
  long double value = 0.0, b[TERMS];
  for (size_t group = 0; group < BLOCKS; group++) {
    long double mean = 0.0;
    for (size_t r = 0; r < DRAWS && p->weight[group] > 0.0; r++) {
      coefficients(p, theta, group, r, b);
      mean += expl(group_log_likelihood(p, theta, b, group)) / DRAWS;
    }
    value += p->weight[group] > 0.0 ? p->weight[group] * logl(mean) : 0.0L;
  }
  return value;
}

/* ---- derivatives ------------------------------------------------------------------------------------- */
static result evaluate(const panel *p, const double *theta, int order, int threads) {
  const fm_pass pass = fm_mixed_pass(&p->model, &p->data->design, threads);
  return evaluate_pass(&pass, theta, order);
}

static void random_theta(const panel *p, double *theta) {
  for (size_t k = 0; k < p->data->design.n_linear; k++) {
    theta[k] = 2.0 * mu_uniform() - 1.0;
  }
  for (size_t q = 0; q < p->model.n_spread; q++) {
    theta[p->data->design.n_linear + q] = 0.3 + mu_uniform();
  }
}

static void check_panel(const panel *p) {
  const fm_pass pass = fm_mixed_pass(&p->model, &p->data->design, 1);
  double theta[PARS];
  random_theta(p, theta);
  check_derivatives(&(derivative_check){&pass, naive_value, p, 1e-13, 1e-7, 1e-7, 0.0}, theta);
}

static void derivatives(void) {
  const int *transforms[] = {plain, logs, bounded};
  for (int t = 0; t < 3; t++) {
    for (int variant = 0; variant < 4; variant++) {
      const int price = variant == 3 ? 1 : -1; /* a price that is not random, and one that is */
      panel *p =
          make_panel(variant == 1, transforms[t], normal, variant >= 2, t == 2 && price > 0 ? 0 : price);
      check_panel(p);
      free_panel(p);
    }
  }
  panel *p = make_panel(1, plain, flat, 0, -1);
  check_panel(p);
  free_panel(p);
}

/* ---- special cases ----------------------------------------------------------------------------------- */
/* Without spread it is the conditional logit. */
static void no_spread(void) {
  panel *p = make_panel(1, plain, normal, 0, -1);
  double theta[PARS], value, score[PARS];
  random_theta(p, theta);
  theta[LINEAR] = theta[LINEAR + 1] = 0.0;
  const result r = evaluate(p, theta, FM_SCORE, 1);
  const fm_pass pass = fm_logit_pass(&p->data->design, 1);
  const fm_objective logit = fm_pass_objective(&pass);
  CHECK_OK(logit.evaluate(&logit, theta, FM_SCORE, &value, score, NULL, NULL));
  CHECK_CLOSE(r.value, value, 1e-13);
  CHECK_ARRAY(r.score, score, LINEAR, 1e-12);
  free_panel(p);
}

static void threads(void) {
  panel *p = make_panel(1, logs, normal, 1, -1);
  const size_t n_par = LINEAR + 3;
  double theta[PARS];
  random_theta(p, theta);
  const result one = evaluate(p, theta, FM_INFORMATION, 1);
  for (int n = 2; n <= 3; n++) {
    const result many = evaluate(p, theta, FM_INFORMATION, n);
    CHECK_SAME(&many.value, &one.value, 1);
    CHECK_SAME(many.score, one.score, n_par);
    CHECK_SAME(many.information, one.information, n_par * n_par);
  }
  free_panel(p);
}

/* The outer product of the groups' scores, which fm_pass_group_scores gives one by one (a weight is in its
 * square there, once here). */
static void outer_products(void) {
  panel *p = make_panel(0, plain, normal, 0, -1);
  enum { N = TERMS + 2 };
  double theta[PARS], scores[BLOCKS * N], exact[N * N] = {0};
  random_theta(p, theta);
  p->model.outer = 1;
  const result r = evaluate(p, theta, FM_INFORMATION, 1);
  fm_pass pass = fm_mixed_pass(&p->model, &p->data->design, 1);
  pass.theta = theta;
  pass.order = FM_SCORE;
  CHECK_OK(fm_pass_group_scores(&pass, scores, NULL));
  for (size_t b = 0; b < BLOCKS; b++) {
    for (size_t at = 0; at < N * N && p->weight[b] > 0.0; at++) {
      exact[at] += scores[b * N + at % N] * scores[b * N + at / N] / p->weight[b];
    }
  }
  CHECK_ARRAY(r.information, exact, N * N, 1e-12);
  free_panel(p);
}

/* Utilities beyond all bounds give no NaN. */
static void extreme(void) {
  panel *p = make_panel(0, plain, normal, 0, -1);
  for (double size = 1e2; size < 1e9; size *= 1e2) {
    const double theta[] = {size, -size, size, size, size};
    const result r = evaluate(p, theta, FM_INFORMATION, 1);
    CHECK(isfinite(r.value) && isfinite(r.score[0]) && isfinite(r.information[0]));
  }
  free_panel(p);
}

/* Shares of the draws written out, for one group. */
static void individuals(void) {
  panel *p = make_panel(0, logs, normal, 1, -1);
  double theta[PARS], out[BLOCKS * 2 * RANDOM];
  long double total = 0.0, first = 0.0, second = 0.0, b[TERMS];
  random_theta(p, theta);
  CHECK_OK(fm_mixed_individual(&p->model, &p->data->design, theta, 2, out, NULL));
  for (size_t r = 0; r < DRAWS; r++) {
    coefficients(p, theta, 1, r, b);
    const long double share = expl(group_log_likelihood(p, theta, b, 1));
    total += share;
    first += share * b[term[0]];
    second += share * b[term[0]] * b[term[0]];
  }
  const double mean = (double)(first / total);
  CHECK_CLOSE(out[1], mean, 1e-12);
  CHECK_CLOSE(out[1 + RANDOM * BLOCKS], sqrt((double)(second / total) - mean * mean), 1e-9);
  free_panel(p);
}

static fm_code run_scenario(void *context) {
  const panel *p = context;
  double value, score[PARS], information[PARS * PARS], theta[PARS] = {0.1, 0.2, 0.3, 0.4, 0.5};
  fm_pass pass = fm_mixed_pass(&p->model, &p->data->design, 2);
  pass.theta = theta;
  pass.order = FM_INFORMATION;
  return fm_pass_run(&pass, &value, score, information, NULL);
}

static void allocations(void) {
  panel *p = make_panel(0, plain, normal, 0, -1);
  mu_each_allocation(run_scenario, p);
  free_panel(p);
}

static void indices(void) {
  panel *p = make_panel(1, plain, normal, 0, -1);
  const int outside[] = {0, 3}, twice[] = {1, 1};
  fm_mixed model = p->model;
  model.price = 0;
  CHECK_CODE(fm_mixed_check(&model, TERMS, PLACES, NULL), FM_INVALID);
  model = p->model;
  model.term = outside;
  CHECK_CODE(fm_mixed_check(&model, TERMS, PLACES, NULL), FM_INVALID);
  model.term = twice;
  CHECK_CODE(fm_mixed_check(&model, TERMS, PLACES, NULL), FM_INVALID);
  free_panel(p);
}

void test_mixed(void) {
  RUN(derivatives);
  RUN(no_spread);
  RUN(threads);
  RUN(outer_products);
  RUN(extreme);
  RUN(individuals);
  RUN(allocations);
  RUN(indices);
}
