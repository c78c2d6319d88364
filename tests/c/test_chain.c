/* test_chain.c: the chain model against its definition.
 *
 * Values are compared with a fixed point iterated in long double, scores with differences of values,
 * informations with differences of scores, and fixed points with the closed form of two places.
 */
#include "../../src/core/choice/chain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/choice/logit.h"
#include "dense.h"
#include "derivatives.h"
#include "minunit.h"

enum { GROUPS = 6, PARS = LINEAR + 1 };

static size_t group_block[GROUPS + 1] = {0, 2, 3, 4, 6, 8, 9}, chunk_group[CHUNKS + 1] = {0, 1, 3, 4, 5, 6};

static dense *make_cells(int effects, unsigned long seed) {
  dense *data = make_data(effects, 1, seed);
  data->design.n_groups = GROUPS;
  data->design.group_block = group_block;
  data->design.chunk_group = chunk_group;
  data->design.max_group_units = 2 * BLOCK;
  data->design.max_group_rows = 2 * BLOCK * PLACES;
  return data;
}

static void random_point(const fm_design *design, fm_chain_scale scale, double *theta, double *start) {
  for (size_t k = 0; k < design->n_linear; k++) {
    theta[k] = 2.0 * mu_uniform() - 1.0;
  }
  theta[design->n_linear] = (scale == FM_CHAIN_COUNT ? 0.05 : 0.8) * (2.0 * mu_uniform() - 1.0);
  for (size_t j = 0; j < PLACES * GROUPS; j++) {
    start[j] = 1.0 / PLACES;
  }
}

/* ---- the definition ---------------------------------------------------------------------------------- */

typedef struct naive_cell {
  const dense *data;
  const double *theta;
  fm_chain_scale scale;
  size_t first, end; /* units */
  long double total;
} naive_cell;

static long double naive_utility(const naive_cell *q, size_t r, const long double *s) {
  const dense *data = q->data;
  const size_t nl = data->design.n_linear;
  const long double share = s[data->place[r]];
  const long double f = q->scale == FM_CHAIN_SHARE   ? share
                        : q->scale == FM_CHAIN_COUNT ? q->total * share
                                                     : log1pl(q->total * share);
  long double v = q->theta[nl] * f + (data->design.n_effects > 0 ? q->theta[TERMS + data->place[r]] : 0.0);
  for (int k = 0; k < TERMS; k++) {
    v += (long double)q->theta[k] * data->x[r][k];
  }
  return data->offered[r] ? v : -INFINITY;
}

static long double naive_logsum(const naive_cell *q, size_t i, const long double *s) {
  long double total = 0.0;
  for (size_t r = q->data->first_row[i]; r < q->data->first_row[i + 1]; r++) {
    total += expl(naive_utility(q, r, s));
  }
  return logl(total);
}

static void naive_map(const naive_cell *q, const long double *s, long double *psi) {
  memset(psi, 0, PLACES * sizeof *psi);
  for (size_t i = q->first; i < q->end; i++) {
    const long double logsum = naive_logsum(q, i, s);
    for (size_t r = q->data->first_row[i]; r < q->data->first_row[i + 1]; r++) {
      psi[q->data->place[r]] += q->data->weight[i] / q->total * expl(naive_utility(q, r, s) - logsum);
    }
  }
}

static naive_cell open_naive(const dense *data, fm_chain_scale scale, const double *theta, size_t g) {
  naive_cell q = {data, theta, scale, group_block[g] * BLOCK, group_block[g + 1] * BLOCK, 0.0};
  q.end = q.end > UNITS ? UNITS : q.end;
  for (size_t i = q.first; i < q.end; i++) {
    q.total += data->weight[i];
  }
  return q;
}

static long double naive_value(const dense *data, fm_chain_scale scale, const double *theta) {
  long double value = 0.0, s[PLACES], psi[PLACES];
  for (size_t g = 0; g < GROUPS; g++) {
    const naive_cell q = open_naive(data, scale, theta, g);
    for (int j = 0; j < PLACES; j++) {
      s[j] = 1.0L / PLACES;
    }
    for (int iteration = 0; iteration < 300; iteration++) {
      naive_map(&q, s, psi);
      for (int j = 0; j < PLACES; j++) {
        s[j] += 0.7L * (psi[j] - s[j]);
      }
    }
    for (size_t i = q.first; i < q.end; i++) {
      for (size_t c = data->choice[i]; c < data->choice[i + 1]; c++) {
        const size_t r = data->first_row[i] + (size_t)data->choice_row[c];
        value += data->choice_weight[c] * (naive_utility(&q, r, s) - naive_logsum(&q, i, s));
      }
    }
  }
  return value;
}

/* ---- derivatives ------------------------------------------------------------------------------------- */

static result evaluate(const dense *data, const fm_chain *chain, const double *theta, int order) {
  const fm_pass pass = fm_chain_pass(chain, &data->design, 1);
  return evaluate_pass(&pass, theta, order);
}

static void derivatives(void) {
  const fm_chain_scale scales[] = {FM_CHAIN_SHARE, FM_CHAIN_COUNT, FM_CHAIN_LOG1P};
  for (int m = 0; m < 12; m++) {
    double theta[PARS], start[PLACES * GROUPS];
    const fm_chain chain = {scales[m % 3], m >= 9, start};
    dense *data = make_cells(m % 2, (unsigned long)m);
    random_point(&data->design, chain.scale, theta, start);
    const fm_pass pass = fm_chain_pass(&chain, &data->design, 1);
    check_derivatives(&(derivative_check){&pass, NULL, NULL, 0.0, 1e-8, 1e-7, 0.0}, theta);
    if (!chain.given) {
      const double value = (double)naive_value(data, chain.scale, theta);
      CHECK_CLOSE(evaluate(data, &chain, theta, FM_VALUE).value, value, 1e-12);
    }
    free(data);
  }
}

/* Without interaction it is the conditional logit. */
static void no_interaction(void) {
  double theta[PARS], start[PLACES * GROUPS], value, score[LINEAR], information[LINEAR * LINEAR];
  dense *data = make_cells(1, 3);
  const fm_chain chain = {FM_CHAIN_SHARE, 0, start};
  random_point(&data->design, chain.scale, theta, start);
  theta[LINEAR] = 0.0;
  const result r = evaluate(data, &chain, theta, FM_INFORMATION);
  const fm_pass pass = fm_logit_pass(&data->design, 1);
  const fm_objective logit = fm_pass_objective(&pass);
  CHECK_OK(logit.evaluate(&logit, theta, FM_INFORMATION, &value, score, information, NULL));
  CHECK_CLOSE(r.value, value, 1e-13);
  CHECK_ARRAY(r.score, score, LINEAR, 1e-12);
  for (size_t l = 0; l < LINEAR; l++) {
    CHECK_ARRAY(r.information + l * PARS, information + l * LINEAR, LINEAR, 1e-12);
  }
  free(data);
}

static void group_scores(void) {
  double theta[PARS], start[PLACES * GROUPS], scores[GROUPS * PARS], total[PARS] = {0};
  dense *data = make_cells(1, 4);
  const fm_chain chain = {FM_CHAIN_LOG1P, 0, start};
  random_point(&data->design, chain.scale, theta, start);
  fm_pass pass = fm_chain_pass(&chain, &data->design, 1);
  pass.theta = theta;
  pass.order = FM_SCORE;
  CHECK_OK(fm_pass_group_scores(&pass, scores, NULL));
  for (size_t at = 0; at < GROUPS * PARS; at++) {
    total[at % PARS] += scores[at];
  }
  CHECK_ARRAY(total, evaluate(data, &chain, theta, FM_SCORE).score, PARS, 1e-12);
  free(data);
}

static void threads(void) {
  double theta[PARS], start[PLACES * GROUPS], value, score[PARS], information[PARS * PARS];
  dense *data = make_cells(1, 41);
  const fm_chain chain = {FM_CHAIN_LOG1P, 0, start};
  random_point(&data->design, chain.scale, theta, start);
  const result r = evaluate(data, &chain, theta, FM_INFORMATION);
  const fm_pass pass = fm_chain_pass(&chain, &data->design, 3);
  const fm_objective objective = fm_pass_objective(&pass);
  CHECK_OK(objective.evaluate(&objective, theta, FM_INFORMATION, &value, score, information, NULL));
  CHECK_SAME(&value, &r.value, 1);
  CHECK_SAME(score, r.score, PARS);
  CHECK_SAME(information, r.information, PARS * PARS);
  free(data);
}

/* ---- two places: m = tanh((a + delta m) / 2), m = 2 s - 1 -------------------------------------------- */

/* One unit a cell, offered places 7 and 8 only; a = theta[0] (x7 - x8) with x7 = 1, x8 = 0. */
static dense *two_places(void) {
  dense *data = make_cells(0, 8);
  for (size_t r = 0; r < data->first_row[UNITS]; r++) {
    data->offered[r] = data->place[r] >= 7;
    memset(data->x[r], 0, sizeof data->x[r]);
    data->x[r][0] = data->place[r] == 7;
  }
  return data;
}

/* The root of m = tanh((a + delta m) / 2) in (low, high), by bisection. */
static double root(double a, double delta, double low, double high) {
  const double sign = tanh(0.5 * (a + delta * low)) - low;
  for (int i = 0; i < 200; i++) {
    const double middle = 0.5 * (low + high);
    const double value = tanh(0.5 * (a + delta * middle)) - middle;
    *(value * sign > 0.0 ? &low : &high) = middle;
  }
  return low;
}

static void check_run(const dense *data, const double *theta, double from, fm_chain_method method,
                      double expected) {
  double start[PLACES * GROUPS] = {0}, share[PLACES], eigenvalue[PLACES];
  const fm_chain chain = {FM_CHAIN_SHARE, 0, start};
  start[7] = from;
  start[8] = 1.0 - from;
  fm_chain_run run = {
      .theta = theta, .start = start, .method = method, .share = share, .eigenvalue = eigenvalue};
  CHECK_OK(fm_chain_solve(&chain, &data->design, &run, 1, 1, NULL, NULL));
  CHECK(run.converged);
  CHECK_CLOSE(2.0 * share[7] - 1.0, expected, 1e-9);
  CHECK_CLOSE(share[7] + share[8], 1.0, 1e-12);
  const double slope = 0.5 * theta[TERMS] * (1.0 - expected * expected);
  CHECK_CLOSE(slope > 0.0 ? eigenvalue[PLACES - 1] : eigenvalue[0], slope, 1e-8);
}

static void closed_form(void) {
  dense *data = two_places();
  double theta[TERMS + 1] = {-0.2, 0.0, 0.0, 3.0};
  const double low = root(-0.2, 3.0, -1.0, -0.5), high = root(-0.2, 3.0, 0.5, 1.0);
  const double between = root(-0.2, 3.0, -0.5, 0.5), tip = 0.5 * (1.0 + between);
  check_run(data, theta, tip + 1e-7, FM_CHAIN_DYNAMICS, high);
  check_run(data, theta, tip - 1e-7, FM_CHAIN_DYNAMICS, low);
  check_run(data, theta, 0.0, FM_CHAIN_NEWTON, low);
  check_run(data, theta, 1.0, FM_CHAIN_NEWTON, high);
  check_run(data, theta, tip + 0.05, FM_CHAIN_NEWTON, between);
  theta[TERMS] = -9.0; /* crowding: one equilibrium, round which undamped steps would jump for ever */
  check_run(data, theta, 1.0, FM_CHAIN_DYNAMICS, root(-0.2, -9.0, -1.0, 1.0));
  check_run(data, theta, 1.0, FM_CHAIN_NEWTON, root(-0.2, -9.0, -1.0, 1.0));
  free(data);
}

static fm_code solve_again(void *context) {
  const dense *data = context;
  double theta[TERMS + 1] = {0.3, 0.0, 0.0, 1.0}, start[PLACES * GROUPS], share[PLACES], eigenvalue[PLACES];
  const fm_chain chain = {FM_CHAIN_SHARE, 0, start};
  memset(start, 0, sizeof start);
  fm_chain_run run = {.theta = theta, .start = start, .share = share, .eigenvalue = eigenvalue};
  return fm_chain_solve(&chain, &data->design, &run, 1, 1, NULL, NULL);
}

static void failing_memory(void) {
  dense *data = make_cells(0, 8);
  mu_each_allocation(solve_again, data);
  free(data);
}

void test_chain(void) {
  RUN(derivatives);
  RUN(no_interaction);
  RUN(group_scores);
  RUN(threads);
  RUN(closed_form);
  RUN(failing_memory);
}
