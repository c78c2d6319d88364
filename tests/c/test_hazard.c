/* test_hazard.c: hazards against their definition in long double, and against differences of it; with
 * frailty, groups of several blocks. */
#include <float.h>

#include "../../src/core/choice/hazard.h"
#include "../../src/core/choice/hazard_parts.h"
#include "dense.h"
#include "derivatives.h"

enum { PARS = LINEAR + 1 };

static const fm_hazard plain = {0, NULL};

/* ---- the definition ---------------------------------------------------------------------------------- */
static int at_risk(const dense *data, size_t i) {
  return data->origin[i] >= 0 && data->offered[data->first_row[i] + (size_t)data->origin[i]];
}

/* exp(eta) of a row, or the sum over all risks when row < 0. */
static long double intensity(const dense *data, const double *theta, size_t i, int row) {
  const size_t first = data->first_row[i];
  const long double stay = dense_worth(data, theta, first + (size_t)data->origin[i]);
  long double total = 0.0;
  for (int r = 0; first + (size_t)r < data->first_row[i + 1]; r++) {
    const int counts = row < 0 ? r != data->origin[i] : r == row;
    total += counts ? expl(dense_worth(data, theta, first + (size_t)r) - stay) : 0.0L;
  }
  return total;
}

static long double plain_value(const void *context, const double *theta) {
  const dense *data = context;
  long double value = 0.0;
  for (size_t i = 0; i < UNITS; i++) {
    for (size_t c = data->choice[i]; c < data->choice[i + 1] && at_risk(data, i); c++) {
      const long double total = intensity(data, theta, i, -1);
      const int row = data->choice_row[c];
      value +=
          data->choice_weight[c] *
          (row == data->origin[i] ? -total
                                  : logl(-expm1l(-total)) + logl(intensity(data, theta, i, row) / total));
    }
  }
  return value;
}

static double group_weight[CHUNKS];

/* E exp(-u s) under a gamma of mean 1 and variance v. */
static long double laplace(long double s, long double v) {
  return v > 0.0L ? expl(-log1pl(v * s) / v) : expl(-s);
}

static long double frail_value(const void *context, const double *theta) {
  const dense *data = context;
  const long double v = theta[data->design.n_linear];
  long double value = 0.0;
  for (size_t g = 0; g < CHUNKS; g++) {
    long double stays = 0.0, last = 0.0, share = 0.0;
    int left = 0;
    const size_t end = data->chunk[g + 1] * BLOCK < UNITS ? data->chunk[g + 1] * BLOCK : UNITS;
    for (size_t i = data->chunk[g] * BLOCK; i < end; i++) {
      for (size_t c = data->choice[i]; c < data->choice[i + 1] && at_risk(data, i); c++) {
        const long double total = intensity(data, theta, i, -1);
        if (data->choice_row[c] == data->origin[i]) {
          stays += data->choice_weight[c] / group_weight[g] * total;
        } else {
          left = 1, last = total, share = logl(intensity(data, theta, i, data->choice_row[c]) / total);
        }
      }
    }
    const long double p = laplace(stays, v) - (left ? laplace(stays + last, v) : 0.0L);
    value += group_weight[g] * (logl(p) + share);
  }
  return value;
}

/* ---- data -------------------------------------------------------------------------------------------- */
/* Everybody stays but the last unit at risk of a group, which leaves; a group is a chunk: two blocks. */
static dense *spells(int effects, int merged, unsigned long seed) {
  static size_t one_each[CHUNKS + 1];
  dense *data = make_data(effects, merged, seed);
  for (size_t g = 0; g <= CHUNKS; g++) {
    one_each[g] = g;
  }
  for (size_t g = 0; g < CHUNKS; g++) {
    const size_t end = data->chunk[g + 1] * BLOCK < UNITS ? data->chunk[g + 1] * BLOCK : UNITS;
    int left = g % 3 == 2; /* every third spell is censored */
    group_weight[g] = 0.5 + mu_uniform();
    for (size_t i = end; i-- > data->chunk[g] * BLOCK;) {
      for (size_t c = data->choice[i]; c < data->choice[i + 1]; c++) {
        const int leaves = !left && at_risk(data, i) && data->choice_row[c] != data->origin[i];
        data->choice_row[c] = leaves || data->origin[i] < 0 ? data->choice_row[c] : data->origin[i];
        data->choice_weight[c] = group_weight[g];
        left = left || leaves;
      }
    }
  }
  data->design.n_groups = CHUNKS;
  data->design.group_block = data->chunk;
  data->design.chunk_group = one_each;
  data->design.max_group_units = 2 * BLOCK;
  data->design.max_group_rows = 2 * BLOCK * PLACES;
  return data;
}

static void random_theta(const fm_design *design, double v, double *theta) {
  for (size_t k = 0; k < design->n_linear; k++) {
    theta[k] = 2.0 * mu_uniform() - 1.0;
  }
  theta[design->n_linear] = v;
}

/* ---- derivatives ------------------------------------------------------------------------------------- */
static result evaluate(const dense *data, const fm_hazard *model, const double *theta, int order,
                       int threads) {
  const fm_pass pass = fm_hazard_pass(model, &data->design, threads);
  return evaluate_pass(&pass, theta, order);
}

static void derivatives(void) {
  for (int variant = 0; variant < 4; variant++) {
    dense *data = make_data(variant % 2, variant / 2, (unsigned long)variant + 70);
    double theta[PARS];
    random_theta(&data->design, 0.0, theta);
    const fm_pass pass = fm_hazard_pass(&plain, &data->design, 1);
    check_derivatives(&(derivative_check){&pass, plain_value, data, 1e-12, 1e-7, 1e-7, 0.0}, theta);
    free(data);
  }
}

static void frailty_derivatives(void) {
  const double variances[] = {0.004, 0.3, 1.0, 6.0};
  const fm_hazard frail = {1, group_weight};
  for (int variant = 0; variant < 4; variant++) {
    for (size_t m = 0; m < sizeof variances / sizeof variances[0]; m++) {
      dense *data = spells(variant % 2, variant / 2, (unsigned long)variant + 170);
      double theta[PARS];
      random_theta(&data->design, variances[m], theta);
      const fm_pass pass = fm_hazard_pass(&frail, &data->design, 1);
      check_derivatives(&(derivative_check){&pass, frail_value, data, 1e-12, 1e-7, 1e-7, 0.02}, theta);
      free(data);
    }
  }
}

/* ---- special cases ----------------------------------------------------------------------------------- */
/* Variance 0 is the model without frailty, and the groups' scores add up to the score. */
static void no_variance(void) {
  const fm_hazard frail = {1, group_weight};
  dense *data = spells(1, 1, 7);
  const size_t n = data->design.n_linear;
  double theta[PARS], scores[CHUNKS * PARS], total[PARS] = {0};
  random_theta(&data->design, 0.0, theta);
  const result with = evaluate(data, &frail, theta, FM_INFORMATION, 1);
  const result without = evaluate(data, &plain, theta, FM_INFORMATION, 1);
  CHECK_CLOSE(with.value, without.value, 1e-13);
  for (size_t k = 0; k < n; k++) {
    CHECK_CLOSE(with.score[k], without.score[k], 1e-12);
    for (size_t l = 0; l < n; l++) {
      CHECK_CLOSE(with.information[k + l * (n + 1)], without.information[k + l * n], 1e-12);
    }
  }
  const fm_pass pass = fm_hazard_pass(&frail, &data->design, 1);
  fm_pass at = pass;
  at.theta = theta;
  CHECK_OK(fm_pass_group_scores(&at, scores, NULL));
  for (size_t i = 0; i < CHUNKS * (n + 1); i++) {
    total[i % (n + 1)] += scores[i];
  }
  CHECK_ARRAY(total, with.score, n + 1, 1e-12);
  theta[n] = -0.1;
  CHECK(evaluate(data, &frail, theta, FM_VALUE, 1).value == -INFINITY);
  free(data);
}

static void leaving_function(void) {
  const volatile long double one = 1.0L, less = (long double)DBL_EPSILON / 4;
  if (one + less == one) {
    return; /* nothing more exact than a double to compare with, as on ARM of Apple and under valgrind */
  }
  for (double s = 1e-12; s < 600.0; s *= 1.7) {
    const long double t = s, e = expm1l(t);
    const fm_leaving f = fm_hazard_leaving(s);
    CHECK_CLOSE(f.value / (double)(s < 1.0 ? logl(-expm1l(-t)) : log1pl(-expl(-t))), 1.0, 2e-14);
    CHECK_CLOSE(f.first / (double)(t / e), 1.0, 1e-14);
    if (s > 1e-3) {
      CHECK_CLOSE(f.curvature / (double)(t * (t * (e + 1.0L) - e) / (e * e)), 1.0, 1e-12);
    } else {
      CHECK_CLOSE(f.curvature / (s / 2.0), 1.0, 1e-3);
    }
  }
}

/* Small hazards or large ones give finite numbers. */
static void extremes(void) {
  const fm_hazard frail = {1, group_weight};
  dense *data = spells(0, 1, 23);
  double theta[PARS];
  for (double size = 1.0; size < 1e4; size *= 10.0) {
    random_theta(&data->design, 0.7, theta);
    for (int k = 0; k < TERMS; k++) {
      theta[k] *= size;
    }
    const result a = evaluate(data, &plain, theta, FM_INFORMATION, 1);
    const result b = evaluate(data, &frail, theta, FM_INFORMATION, 1);
    CHECK(!isnan(a.value) && !isnan(b.value));
    for (int k = 0; k < TERMS; k++) {
      CHECK(!isnan(a.score[k]) && !isnan(b.score[k]) && !isnan(b.information[k * (TERMS + 1)]));
    }
  }
  free(data);
}

static void occasion_scores(void) {
  for (int effects = 0; effects < 2; effects++) {
    dense *data = make_data(effects, 0, 91);
    const size_t n = data->design.n_linear;
    double theta[PARS], scores[BLOCK * LINEAR], total[LINEAR] = {0}, v[BLOCK * PLACES], log_total[BLOCK];
    double *scratch = malloc(fm_hazard_scratch(&data->design) * sizeof(double));
    fm_work work = {0};
    CHECK(scratch != NULL && dense_work_init(&data->design, &work) == FM_OK);
    random_theta(&data->design, 0.0, theta);
    for (size_t b = 0; b < BLOCKS; b++) {
      dense_load(&data->design, &work, b);
      fm_hazard_occasion_scores(&data->design, &work, theta, scratch, scores);
      for (size_t at = 0; at < work.block.n * n; at++) {
        total[at % n] += scores[at];
      }
      dense_utility(&data->design, &work, theta, v);
      fm_hazard_probabilities(data->design.kernels, &work.block, v, log_total);
      for (size_t i = 0; i < work.block.n; i++) {
        double sum = 0.0;
        for (size_t r = work.block.offset[i]; r < work.block.offset[i + 1]; r++) {
          sum += v[r];
        }
        CHECK_CLOSE(sum, work.block.origin[i] < 0 ? 0.0 : 1.0, 1e-14);
      }
    }
    CHECK_ARRAY(total, evaluate(data, &plain, theta, FM_SCORE, 1).score, n, 1e-12);
    dense_work_free(&work);
    free(scratch), free(data);
  }
}

static void threads(void) {
  const fm_hazard frail = {1, group_weight};
  dense *data = spells(1, 1, 41);
  const size_t n = data->design.n_linear + 1;
  double theta[PARS];
  data->design.n_numbers = SIZE_MAX; /* worth several threads */
  random_theta(&data->design, 0.8, theta);
  const result one = evaluate(data, &frail, theta, FM_INFORMATION, 1);
  const result three = evaluate(data, &frail, theta, FM_INFORMATION, 3);
  CHECK_SAME(&one.value, &three.value, 1);
  CHECK_SAME(one.score, three.score, n);
  CHECK_SAME(one.information, three.information, n * n);
  free(data);
}

static void leaving_twice(void) {
  const fm_hazard frail = {1, NULL};
  dense *data = spells(0, 1, 3);
  double theta[PARS], value;
  random_theta(&data->design, 0.5, theta);
  for (size_t c = 0; c < data->choice[UNITS]; c++) {
    data->choice_weight[c] = 2.0;
  }
  const fm_pass pass = fm_hazard_pass(&frail, &data->design, 1);
  const fm_objective objective = fm_pass_objective(&pass);
  CHECK_CODE(objective.evaluate(&objective, theta, FM_VALUE, &value, NULL, NULL, NULL), FM_INVALID);
  free(data);
}

static fm_code evaluate_once(void *context) {
  const fm_hazard frail = {1, group_weight};
  const dense *data = context;
  const fm_pass pass = fm_hazard_pass(&frail, &data->design, 2);
  const fm_objective objective = fm_pass_objective(&pass);
  double theta[PARS] = {0.1, 0.2, 0.3, 0.4};
  result r;
  return objective.evaluate(&objective, theta, FM_INFORMATION, &r.value, r.score, r.information, NULL);
}

static void allocations(void) {
  dense *data = spells(0, 0, 9);
  mu_each_allocation(evaluate_once, data);
  free(data);
}

void test_hazard(void) {
  RUN(derivatives);
  RUN(frailty_derivatives);
  RUN(no_variance);
  RUN(leaving_function);
  RUN(extremes);
  RUN(occasion_scores);
  RUN(threads);
  RUN(leaving_twice);
  RUN(allocations);
}
