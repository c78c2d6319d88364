/* Do sums of probabilities have the derivatives that a response gives, for every model, and the same bits
 * on any number of threads? */
#include "../../src/core/choice/logit.h"
#include "../../src/core/choice/nested.h"
#include "../../src/core/choice/response.h"
#include "dense.h"
#include "minunit.h"

enum { MOST = LINEAR + 8, CELLS = (PLACES + 1) * PLACES, DIRECTIONS = 3 };

typedef struct answers {
  double flows[CELLS], slopes[CELLS * DIRECTIONS], logsum_slopes[DIRECTIONS], gradient[MOST];
  double logsum[UNITS], stay[UNITS], logsum_variance[UNITS];
  double probability_variance[ROWS], utility_variance[ROWS];
} answers;

typedef fm_response (*response_at)(const fm_design *design, const void *model, const double *theta);

typedef struct subject {
  const dense *data;
  const void *model;
  response_at at;
} subject;

static answers *ask(const subject *s, const double *theta, const double *directions, size_t n,
                    int threads) {
  answers *a = calloc(1, sizeof *a);
  const fm_response r = s->at(&s->data->design, s->model, theta);
  const fm_response_sums sums = {.n_directions = n,
                                 .directions = directions,
                                 .flows = a->flows,
                                 .flow_slopes = a->slopes,
                                 .logsum_slopes = a->logsum_slopes,
                                 .stay_gradient = a->gradient,
                                 .logsum = a->logsum,
                                 .stay = a->stay,
                                 .logsum_variance = a->logsum_variance,
                                 .probability_variance = a->probability_variance,
                                 .utility_variance = a->utility_variance};
  CHECK_OK(fm_response_run(&r, &sums, threads, NULL));
  return a;
}

static double sum_logsums(const dense *data, const answers *a) {
  double total = 0.0;
  for (size_t i = 0; i < UNITS; i++) {
    total += data->weight[i] > 0.0 ? data->weight[i] * a->logsum[i] : 0.0;
  }
  return total;
}

static double sum_stays(const dense *data, const answers *a) {
  double total = 0.0;
  for (size_t i = 0; i < UNITS; i++) {
    total += isnan(a->stay[i]) ? 0.0 : data->weight[i] * a->stay[i];
  }
  return total;
}

/* Fourth-order difference of values at -2, -1, 1, 2 steps. */
static double quotient(const double *f, double step) {
  return (8.0 * (f[2] - f[1]) - (f[3] - f[0])) / (12.0 * step);
}

static const double steps[] = {-2.0, -1.0, 1.0, 2.0};

static void check_direction(const subject *s, const answers *at, const double *theta,
                            const double *direction, size_t d) {
  const size_t n_par = s->at(&s->data->design, s->model, theta).n_par;
  const double step = 1e-3;
  double moved[MOST], flows[CELLS][4], logsum[4];
  for (int m = 0; m < 4; m++) {
    for (size_t k = 0; k < n_par; k++) {
      moved[k] = theta[k] + steps[m] * step * direction[k];
    }
    answers *a = ask(s, moved, NULL, 0, 1);
    for (size_t c = 0; c < CELLS; c++) {
      flows[c][m] = a->flows[c];
    }
    logsum[m] = sum_logsums(s->data, a);
    free(a);
  }
  for (size_t c = 0; c < CELLS; c++) {
    CHECK_CLOSE(at->slopes[d * CELLS + c], quotient(flows[c], step), 1e-8);
  }
  CHECK_CLOSE(at->logsum_slopes[d], quotient(logsum, step), 1e-8);
}

static void check_gradient(const subject *s, const answers *at, double *theta) {
  const size_t n_par = s->at(&s->data->design, s->model, theta).n_par;
  for (size_t k = 0; k < n_par; k++) {
    const double keep = theta[k], step = 1e-3;
    double stays[4];
    for (int m = 0; m < 4; m++) {
      theta[k] = keep + steps[m] * step;
      answers *a = ask(s, theta, NULL, 0, 1);
      stays[m] = sum_stays(s->data, a);
      free(a);
    }
    theta[k] = keep;
    CHECK_CLOSE(at->gradient[k], quotient(stays, step), 1e-8);
  }
}

/* Flows add up to the weights, and the sums do not depend on threads. */
static void check_sums(const subject *s, const answers *at, const double *theta, const double *directions) {
  double weight = 0.0, flow = 0.0, slope = 0.0;
  for (size_t i = 0; i < UNITS; i++) {
    weight += s->data->weight[i];
  }
  for (size_t c = 0; c < CELLS; c++) {
    flow += at->flows[c];
    slope += at->slopes[c];
  }
  CHECK_CLOSE(flow, weight, 1e-12);
  CHECK(fabs(slope) < 1e-10);
  answers *three = ask(s, theta, directions, DIRECTIONS, 3);
  CHECK_SAME(three->slopes, at->slopes, CELLS * DIRECTIONS);
  CHECK_SAME(three->gradient, at->gradient, MOST);
  CHECK_SAME(three->probability_variance, at->probability_variance, ROWS);
  free(three);
}

static void check_response(const subject *s, double *theta) {
  const size_t n_par = s->at(&s->data->design, s->model, theta).n_par;
  double directions[MOST * DIRECTIONS];
  CHECK(n_par <= MOST);
  for (size_t k = 0; k < n_par * DIRECTIONS; k++) {
    directions[k] = 2.0 * mu_uniform() - 1.0;
  }
  answers *at = ask(s, theta, directions, DIRECTIONS, 1);
  for (size_t d = 0; d < DIRECTIONS; d++) {
    check_direction(s, at, theta, directions + d * n_par, d);
  }
  check_gradient(s, at, theta);
  check_sums(s, at, theta, directions);
  free(at);
}

/* ---- models ------------------------------------------------------------------------------------------ */
static void random_theta(double *theta, size_t n) {
  for (size_t k = 0; k < n; k++) {
    theta[k] = 2.0 * mu_uniform() - 1.0;
  }
}

static fm_response logit_at(const fm_design *design, const void *model, const double *theta) {
  (void)model;
  return fm_logit_response(design, theta);
}

static fm_response nested_at(const fm_design *design, const void *model, const double *theta) {
  return fm_nested_response(model, design, theta);
}

static void conditional(void) {
  for (int effects = 0; effects < 2; effects++) {
    dense *data = make_data(effects, 0, (unsigned long)(5 + effects));
    double theta[MOST];
    random_theta(theta, data->design.n_linear);
    check_response(&(subject){data, NULL, logit_at}, theta);
    free(data);
  }
}

/* Two and three levels, staying alone or not, lambda shared, fixed and of a nest of one place. */
static void nested(void) {
  static const int nest[PLACES] = {0, 0, 0, 1, 1, 1, 1, 2, 3}, parent[] = {0, 0, 1, -1};
  static const int each[] = {0, 1, -1, -1}, one[] = {0, 0, 0, -1}, upper[] = {3, 2};
  const fm_nested models[] = {{4, 0, 1, nest, NULL, one, NULL, 0}, {4, 2, 4, nest, parent, each, upper, 1}};
  for (size_t m = 0; m < 2; m++) {
    dense *data = make_data((int)m, 0, 15 + m);
    double theta[MOST];
    random_theta(theta, data->design.n_linear);
    for (size_t k = 0; k < models[m].n_lambda; k++) {
      theta[data->design.n_linear + k] = 0.4 + mu_uniform();
    }
    check_response(&(subject){data, &models[m], nested_at}, theta);
    free(data);
  }
}

/* Squared slopes of the rows along one direction against differences of probabilities. */
static void variances(void) {
  dense *data = make_data(0, 0, 8);
  const double theta[TERMS] = {0.4, -0.8, 0.3}, direction[TERMS] = {0.0, 1.0, 0.0};
  const subject s = {data, NULL, logit_at};
  answers *a = ask(&s, theta, direction, 1, 1);
  for (size_t i = 0; i < UNITS; i++) {
    double total = 0.0, mean = 0.0;
    for (size_t r = data->first_row[i]; r < data->first_row[i + 1]; r++) {
      const double e = exp((double)dense_worth(data, theta, r));
      total += e;
      mean += e * data->x[r][1];
    }
    for (size_t r = data->first_row[i]; r < data->first_row[i + 1]; r++) {
      const double p = exp((double)dense_worth(data, theta, r)) / total;
      CHECK_CLOSE(sqrt(a->probability_variance[r]), fabs(p * (data->x[r][1] - mean / total)), 1e-12);
    }
    CHECK_CLOSE(sqrt(a->logsum_variance[i]), fabs(mean / total), 1e-12);
  }
  free(a);
  free(data);
}

void test_response(void) {
  RUN(conditional);
  RUN(nested);
  RUN(variances);
}
