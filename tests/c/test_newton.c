/* test_newton.c: the optimiser on functions whose maximum is known. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "../../src/core/optim/newton.h"
#include "minunit.h"

/* ---- objectives -------------------------------------------------------------------------------------- */

/* Around each function: counts, remembers the best value, and goes wrong on request. */
typedef struct record {
  int evaluations, by_order[3];
  double best;
  int fail_at; /* the evaluation that returns fail_code; 0: none */
  fm_code fail_code;
  int reverse_score; /* a wrong derivative */
  int interrupt_at;  /* the poll that asks to stop */
  int polls;
} record;

/* Writes value, score and information; all three, whatever is asked for. */
typedef void (*function)(const void *data, const double *theta, double *value, double *score,
                         double *information);

typedef struct problem {
  fm_objective objective;
  function f;
  const void *data;
  record *record;
} problem;

enum { MOST = 4 }; /* parameters of any objective here */

static fm_code evaluate(const fm_objective *self, const double *theta, int order, double *value,
                        double *score, double *information, fm_error *err) {
  const problem *p = self->context;
  const size_t n = self->n_par;
  double s[MOST] = {0}, h[MOST * MOST] = {0};
  record *r = p->record;
  r->by_order[order]++;
  if (++r->evaluations == r->fail_at) {
    return fm_fail(err, r->fail_code, "as told");
  }
  p->f(p->data, theta, value, s, h);
  r->best = fmax(r->best, *value); /* ignores NaN */
  for (size_t k = 0; k < n && order >= FM_SCORE; k++) {
    score[k] = r->reverse_score ? -s[k] : s[k];
  }
  if (order >= FM_INFORMATION) {
    memcpy(information, h, n * n * sizeof(double));
  }
  return FM_OK;
}

static void set_problem(problem *p, record *r, function f, const void *data, size_t n) {
  *r = (record){.best = -HUGE_VAL};
  *p = (problem){
      .objective = {.n_par = n, .evaluate = evaluate, .context = p}, .f = f, .data = data, .record = r};
}

/* -(t - c)'Q(t - c) / 2 + 7 */
static const double q[9] = {4, 1, 0, 1, 3, -1, 0, -1, 2}, centre[3] = {1, -2, 0.5};

static void quadratic(const void *data, const double *t, double *value, double *score, double *h) {
  (void)data;
  *value = 7;
  memcpy(h, q, sizeof q);
  for (int i = 0; i < 3; i++) {
    score[i] = 0;
    for (int j = 0; j < 3; j++) {
      score[i] -= q[i + 3 * j] * (t[j] - centre[j]);
    }
    *value += 0.5 * score[i] * (t[i] - centre[i]);
  }
}

/* Logit of a 0/1 outcome. */
typedef struct logit_data {
  size_t n, p;
  const double *x; /* n x p, by rows */
  const int *y;
} logit_data;

static void logit(const void *data, const double *t, double *value, double *score, double *h) {
  const logit_data *d = data;
  *value = 0;
  for (size_t i = 0; i < d->n; i++) {
    const double *x = d->x + i * d->p;
    double eta = 0;
    for (size_t k = 0; k < d->p; k++) {
      eta += x[k] * t[k];
    }
    const double small = exp(-fabs(eta)), share = eta > 0 ? 1 / (1 + small) : small / (1 + small);
    const double other = eta > 0 ? small / (1 + small) : 1 / (1 + small);
    *value -= log1p(small) + (d->y[i] == (eta > 0) ? 0 : fabs(eta));
    for (size_t k = 0; k < d->p; k++) {
      score[k] += x[k] * (d->y[i] ? other : -share);
      for (size_t l = 0; l < d->p; l++) {
        h[l + k * d->p] += x[k] * x[l] * share * other;
      }
    }
  }
}

/* -100 (y - x^2)^2 - (1 - x)^2 */
static void rosenbrock(const void *data, const double *t, double *value, double *score, double *h) {
  (void)data;
  const double x = t[0], y = t[1], gap = y - x * x;
  *value = -100 * gap * gap - (1 - x) * (1 - x);
  score[0] = 400 * x * gap + 2 * (1 - x);
  score[1] = -200 * gap;
  h[0] = 1200 * x * x - 400 * y + 2;
  h[1] = h[2] = -400 * x;
  h[3] = 200;
}

/* x y - x^4 - y^4: a saddle at 0 with a zero diagonal, maxima at +-(1/2, 1/2) */
static void saddle(const void *data, const double *t, double *value, double *score, double *h) {
  (void)data;
  *value = t[0] * t[1] - pow(t[0], 4) - pow(t[1], 4);
  score[0] = t[1] - 4 * pow(t[0], 3);
  score[1] = t[0] - 4 * pow(t[1], 3);
  h[0] = 12 * t[0] * t[0];
  h[1] = h[2] = -1;
  h[3] = 12 * t[1] * t[1];
}

/* log t - t where t > 0, the value *data elsewhere: maximum -1 at 1, and Newton's step from t > 2 leaves
 * the domain. */
static void half_line(const void *data, const double *t, double *value, double *score, double *h) {
  const double outside = *(const double *)data;
  *value = t[0] > 0 ? log(t[0]) - t[0] : outside;
  score[0] = 1 / t[0] - 1;
  h[0] = 1 / (t[0] * t[0]);
}

/* The same with a finite value but no derivatives for t < 0.1. */
static void no_derivatives(const void *data, const double *t, double *value, double *score, double *h) {
  half_line(data, t, value, score, h);
  if (t[0] < 0.1) {
    *value = -0.5;
    score[0] = (double)NAN;
  }
}

/* Rises for ever along (1, -1), and its information vanishes there. */
static void ridge_line(const void *data, const double *t, double *value, double *score, double *h) {
  (void)data;
  const double z = t[0] - t[1], sum = t[0] + t[1] - 1;
  const double small = exp(-fabs(z)), other = z > 0 ? small / (1 + small) : 1 / (1 + small);
  *value = -log1p(small) - (z > 0 ? 0 : -z) - 0.5 * sum * sum;
  score[0] = other - sum;
  score[1] = -other - sum;
  h[0] = h[3] = 1 + other * (1 - other);
  h[1] = h[2] = 1 - other * (1 - other);
}

/* No curvature in the second parameter at first sight: -t0^2 / 2 - 2 (t1 - t2)^2; t1, t2 not identified. */
static void flat(const void *data, const double *t, double *value, double *score, double *h) {
  (void)data;
  const double z = t[1] - t[2] - 1;
  *value = -0.5 * t[0] * t[0] - 2 * z * z;
  score[0] = -t[0];
  score[1] = -4 * z;
  score[2] = 4 * z;
  h[0] = 1;
  h[4] = h[8] = 4;
  h[5] = h[7] = -4;
}

/* -50 (t0 / t1 - 1)^2 - 5 (t1 - m)^2: the scale of t0 is t1, as a coefficient's is lambda. */
static void scaled_pair(const void *data, const double *t, double *value, double *score, double *h) {
  const double m = *(const double *)data, z = t[0] / t[1] - 1, x = t[0] / (t[1] * t[1]);
  *value = -50 * z * z - 5 * (t[1] - m) * (t[1] - m);
  score[0] = -100 * z / t[1];
  score[1] = 100 * z * x - 10 * (t[1] - m);
  h[0] = 100 / (t[1] * t[1]);
  h[1] = h[2] = -100 * (x / t[1] + z / (t[1] * t[1]));
  h[3] = 100 * (x * x + 2 * z * x / t[1]) + 10;
}

/* -exp(-1 / t0) - (t1 - 1)^2 / 2: t0 runs to 0, as the lambda of a nest whose choices are certain. */
static void running(const void *data, const double *t, double *value, double *score, double *h) {
  (void)data;
  const double e = exp(-1 / t[0]), r2 = 1 / (t[0] * t[0]);
  *value = -e - 0.5 * (t[1] - 1) * (t[1] - 1);
  score[0] = -e * r2;
  score[1] = 1 - t[1];
  h[0] = e * (r2 * r2 - 2 * r2 / t[0]);
  h[1] = h[2] = 0;
  h[3] = 1;
}

static void constant(const void *data, const double *t, double *value, double *score, double *h) {
  (void)data, (void)t, (void)score, (void)h;
  *value = 3;
}

/* The derivatives of the quadratic with a value that never changes. */
static void unmoved(const void *data, const double *t, double *value, double *score, double *h) {
  quadratic(data, t, value, score, h);
  *value = 3;
}

/* ---- helpers ----------------------------------------------------------------------------------------- */

/* What every result must satisfy. */
static void check_result(const problem *p, const fm_newton_result *r) {
  CHECK_INT(r->evaluations, p->record->evaluations);
  CHECK(r->value >= p->record->best - 1e-13 * (1 + fabs(p->record->best)));
  CHECK(r->value >= r->value_start - 1e-13 * (1 + fabs(r->value_start)));
  CHECK(r->stop != FM_CONVERGED || r->gradient_norm < 2e-6 * (1 + sqrt(fabs(r->value))));
}

static void maximise(problem *p, const double *start, const fm_newton_control *control,
                     fm_newton_result *r) {
  fm_error err = {FM_OK, ""};
  CHECK_OK(fm_newton(&p->objective, start, control, r, &err));
  CHECK_TEXT(err.message, "");
  check_result(p, r);
}

/* covariance times information over the free parameters is the identity, and 0 elsewhere. */
static void check_covariance(const fm_newton_result *r, size_t n, const int *held) {
  for (size_t k = 0; k < n; k++) {
    for (size_t l = 0; l < n; l++) {
      double sum = 0;
      for (size_t j = 0; j < n; j++) {
        sum += r->covariance[l + j * n] * r->information[j + k * n];
      }
      if (held[k] || held[l]) {
        CHECK(r->covariance[l + k * n] == 0);
      } else {
        CHECK_CLOSE(sum, l == k, 1e-10);
      }
    }
  }
}

/* ---- concave ----------------------------------------------------------------------------------------- */

static void quadratic_in_one_step(void) {
  const double start[3] = {0};
  const int held[3] = {0};
  const fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  set_problem(&p, &counts, quadratic, NULL, 3);
  maximise(&p, start, &control, &r);
  CHECK_INT(r.stop, FM_CONVERGED);
  CHECK_INT(r.iterations, 1);
  CHECK_INT(r.evaluations, 2);
  CHECK_ARRAY(r.theta, centre, 3, 1e-14);
  CHECK_ARRAY(r.direction, centre, 3, 1e-14);
  CHECK_CLOSE(r.value, 7, 1e-15);
  CHECK_CLOSE(r.value_start, 7 - 0.5 * (4 * 1 - 2 * 2 + 3 * 4 + 2 * 1 + 2 * 0.25), 1e-14);
  CHECK(r.decrement < 1e-25 && r.gradient_norm < 1e-13);
  CHECK_ARRAY(r.information, q, 9, 0);
  check_covariance(&r, 3, held);
  fm_newton_free(&r);
}

static void quadratic_with_fixed(void) {
  const double start[3] = {0, 3, 0};
  const int fixed[3] = {0, 1, 0};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  control.fixed = fixed;
  set_problem(&p, &counts, quadratic, NULL, 3);
  maximise(&p, start, &control, &r);
  CHECK_INT(r.stop, FM_CONVERGED);
  CHECK(r.theta[1] == 3 && r.aliased[1] == 0 && r.direction[1] == 0);
  CHECK_CLOSE(r.theta[0], 1 - 5.0 / 4, 1e-14); /* centre - Q01 (t1 - c1) / Q00 */
  CHECK_CLOSE(r.theta[2], 0.5 + 5.0 / 2, 1e-14);
  CHECK_CLOSE(r.condition, 1, 1e-14); /* what is left is diagonal */
  CHECK(fabs(r.score[1]) > 1 && r.gradient_norm < 1e-13);
  check_covariance(&r, 3, fixed);
  fm_newton_free(&r);
}

/* The maximum is at -2; the parameter stops at its bound, the others go where they would with it fixed. */
static void quadratic_with_bounds(void) {
  const double start[3] = {0}, lower[3] = {-HUGE_VAL, -1, -HUGE_VAL}, upper[3] = {HUGE_VAL, 5, HUGE_VAL};
  const int held[3] = {0, 1, 0};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  control.lower = lower;
  control.upper = upper;
  set_problem(&p, &counts, quadratic, NULL, 3);
  maximise(&p, start, &control, &r);
  CHECK_INT(r.stop, FM_CONVERGED);
  CHECK(r.theta[1] == -1 && r.border[1] == -1 && r.border[0] == 0 && r.border[2] == 0);
  CHECK_CLOSE(r.theta[0], 1 - 1.0 / 4, 1e-14);
  CHECK_CLOSE(r.theta[2], 0.5 + 1.0 / 2, 1e-14);
  CHECK(r.score[1] < 0 && r.gradient_norm < 1e-13);
  check_covariance(&r, 3, held);
  fm_newton_free(&r);
}

/* A maximum inside is found, however small; beyond 0 the parameter is held, with the other beside it. */
static void scales_that_shrink(void) {
  const double start[2] = {0.4, 1}, lower[2] = {-HUGE_VAL, 1e-5}, upper[2] = {HUGE_VAL, 1e3};
  const double m[3] = {-0.3, 2e-3, 40};
  for (int i = 0; i < 3; i++) {
    fm_newton_control control = fm_newton_defaults();
    record counts;
    problem p;
    fm_newton_result r;
    control.lower = lower;
    control.upper = upper;
    set_problem(&p, &counts, scaled_pair, m + i, 2);
    maximise(&p, start, &control, &r);
    CHECK_INT(r.stop, FM_CONVERGED);
    CHECK_INT(r.border[1], m[i] < 0 ? -1 : 0);
    CHECK_CLOSE(r.theta[1], m[i] < 0 ? 1e-5 : m[i], 1e-9 * fmax(1, m[i]));
    CHECK_CLOSE(r.theta[0] / r.theta[1], 1, 1e-9);
    CHECK(r.iterations < 15);
    fm_newton_free(&r);
  }
}

static void one_that_runs_off(void) {
  const double start[2] = {0.9, 0}, lower[2] = {1e-5, -HUGE_VAL}, upper[2] = {1e3, HUGE_VAL};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  control.lower = lower;
  control.upper = upper;
  set_problem(&p, &counts, running, NULL, 2);
  maximise(&p, start, &control, &r);
  CHECK_INT(r.stop, FM_CONVERGED);
  CHECK_INT(r.border[0], -1);
  CHECK(r.theta[0] < 0.01 && r.iterations < 15);
  CHECK_CLOSE(r.theta[1], 1, 1e-12);
  fm_newton_free(&r);
}

/* A unit changes nothing but what the stop rule takes for small. */
static void quadratic_with_unit(void) {
  const double start[3] = {0};
  const int held[3] = {0};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  control.unit = 0x1p-40;
  set_problem(&p, &counts, quadratic, NULL, 3);
  maximise(&p, start, &control, &r);
  CHECK_ARRAY(r.theta, centre, 3, 1e-14);
  CHECK_CLOSE(r.value, 7, 1e-15);
  CHECK_ARRAY(r.information, q, 9, 0);
  check_covariance(&r, 3, held);
  fm_newton_free(&r);
}

static void logit_intercept(void) {
  double x[50];
  int y[50];
  const logit_data d = {50, 1, x, y};
  const double start = -4;
  const fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  for (int i = 0; i < 50; i++) {
    x[i] = 1;
    y[i] = i < 13;
  }
  set_problem(&p, &counts, logit, &d, 1);
  maximise(&p, &start, &control, &r);
  CHECK_INT(r.stop, FM_CONVERGED);
  CHECK_CLOSE(r.theta[0], log(13.0 / 37.0), 1e-14);
  CHECK_CLOSE(r.value, 13 * log(13.0 / 50) + 37 * log(37.0 / 50), 1e-14);
  CHECK_CLOSE(r.covariance[0], 1 / (50 * (13.0 / 50) * (37.0 / 50)), 1e-14);
  CHECK_CLOSE(r.information[0], 50 * (13.0 / 50) * (37.0 / 50), 1e-14);
  CHECK_CLOSE(r.condition, 1, 1e-15);
  CHECK(fabs(r.step[0]) < 1e-13);
  fm_newton_free(&r);
}

enum { ROWS = 200 };

/* Intercept, two covariates, and twice the first less the second. */
static void logit_sample(double *x, int *y, size_t p) {
  mu_seed(11);
  for (size_t i = 0; i < ROWS; i++) {
    const double a = mu_normal(), b = 3 * mu_normal(), row[4] = {1, a, b, 2 * a - b};
    memcpy(x + i * p, row, p * sizeof(double));
    y[i] = mu_uniform() < 1 / (1 + exp(-0.3 - a + 0.4 * b));
  }
}

static void logit_aliased(void) {
  double x[ROWS * 4], x3[ROWS * 3];
  int y[ROWS];
  const logit_data d = {ROWS, 4, x, y}, d3 = {ROWS, 3, x3, y};
  const double start[4] = {0};
  const int held[4] = {0, 0, 0, 1};
  const fm_newton_control control = fm_newton_defaults();
  record counts, counts3;
  problem p, p3;
  fm_newton_result r, r3;
  logit_sample(x, y, 4);
  logit_sample(x3, y, 3);
  set_problem(&p, &counts, logit, &d, 4);
  set_problem(&p3, &counts3, logit, &d3, 3);
  maximise(&p, start, &control, &r);
  maximise(&p3, start, &control, &r3);
  CHECK_INT(r.stop, FM_CONVERGED);
  CHECK(!r.aliased[0] && !r.aliased[1] && !r.aliased[2] && r.aliased[3] == 1 && r.theta[3] == 0);
  CHECK_ARRAY(r.theta, r3.theta, 3, 1e-13);
  CHECK_CLOSE(r.value, r3.value, 1e-14);
  CHECK_CLOSE(r.condition, r3.condition, 1e-10);
  const double combination[4] = {0, 2, -1, 0}, nothing[12] = {0};
  CHECK_ARRAY(r.combine + 12, combination, 4, 1e-9);
  CHECK_ARRAY(r.combine, nothing, 12, 0);
  check_covariance(&r, 4, held);
  fm_newton_free(&r);
  fm_newton_free(&r3);
}

/* The order of elimination says which of the collinear ones is aliased; the likelihood is the same. */
static void logit_order(void) {
  double x[ROWS * 4];
  int y[ROWS];
  const logit_data d = {ROWS, 4, x, y};
  const double start[4] = {0}, combination[4] = {0, 0, 0.5, 0.5};
  const size_t order[4] = {3, 2, 1, 0};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r, natural;
  logit_sample(x, y, 4);
  set_problem(&p, &counts, logit, &d, 4);
  maximise(&p, start, &control, &natural);
  set_problem(&p, &counts, logit, &d, 4);
  control.order = order;
  maximise(&p, start, &control, &r);
  CHECK(!r.aliased[0] && r.aliased[1] == 1 && !r.aliased[2] && !r.aliased[3]);
  CHECK_ARRAY(r.combine + 4, combination, 4, 1e-9);
  CHECK_CLOSE(r.value, natural.value, 1e-14);
  CHECK_CLOSE(2 * r.theta[3], natural.theta[1], 1e-12);
  fm_newton_free(&r);
  fm_newton_free(&natural);
}

/* A parameter that is collinear with a fixed one is free; one without variation is aliased. */
static void logit_fixed_and_constant(void) {
  double x[ROWS * 4];
  int y[ROWS];
  const logit_data d = {ROWS, 4, x, y};
  const double start[4] = {0.25, 0, 0, 0.5};
  const int fixed[4] = {0, 1, 0, 0}, held[4] = {1, 1, 0, 0};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  logit_sample(x, y, 4);
  for (size_t i = 0; i < ROWS; i++) {
    x[4 * i] = 0;
  }
  control.fixed = fixed;
  set_problem(&p, &counts, logit, &d, 4);
  maximise(&p, start, &control, &r);
  CHECK_INT(r.stop, FM_CONVERGED);
  CHECK(r.aliased[0] == 2 && !r.aliased[1] && !r.aliased[2] && !r.aliased[3]);
  CHECK(r.theta[0] == 0.25 && r.theta[1] == 0);
  check_covariance(&r, 4, held);
  fm_newton_free(&r);
}

/* The step that would come next bounds the error: a looser tolerance still gives ten digits. */
static void digits(void) {
  double x[ROWS * 3];
  int y[ROWS];
  const logit_data d = {ROWS, 3, x, y};
  const double start[3] = {0};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r, best;
  logit_sample(x, y, 3);
  set_problem(&p, &counts, logit, &d, 3);
  maximise(&p, start, &control, &r);
  set_problem(&p, &counts, logit, &d, 3);
  control.tolerance = 1e-26;
  control.max_iterations = 12;
  maximise(&p, start, &control, &best);
  CHECK_ARRAY(r.theta, best.theta, 3, 1e-13);
  fm_newton_free(&r);
  set_problem(&p, &counts, logit, &d, 3);
  control.tolerance = 1e-7;
  maximise(&p, start, &control, &r);
  CHECK_ARRAY(r.theta, best.theta, 3, 1e-6);
  for (int k = 0; k < 3; k++) {
    CHECK_CLOSE(r.theta[k] + r.step[k], best.theta[k], 1e-10);
  }
  fm_newton_free(&r);
  fm_newton_free(&best);
}

/* ---- not concave ------------------------------------------------------------------------------------- */

static void rosenbrock_from(double x, double y) {
  const double start[2] = {x, y}, top[2] = {1, 1}, inverse[4] = {0.5, 1, 1, 2.005};
  const fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  set_problem(&p, &counts, rosenbrock, NULL, 2);
  maximise(&p, start, &control, &r);
  CHECK_INT(r.stop, FM_CONVERGED);
  CHECK_ARRAY(r.theta, top, 2, 1e-10);
  CHECK_ARRAY(r.covariance, inverse, 4, 1e-9);
  CHECK(r.iterations < 40);
  fm_newton_free(&r);
}

static void rosenbrock_everywhere(void) {
  rosenbrock_from(-1.2, 1);
  rosenbrock_from(0, 1); /* indefinite information */
  rosenbrock_from(0.3, 20);
  rosenbrock_from(-3, -4);
}

static void saddle_point(void) {
  const double off[2][2] = {{0.1, 0.02}, {0, 0.02}}, on[2] = {0, 0}, top[2] = {0.5, 0.5};
  const fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  for (int i = 0; i < 2; i++) {
    set_problem(&p, &counts, saddle, NULL, 2);
    maximise(&p, off[i], &control, &r);
    CHECK_INT(r.stop, FM_CONVERGED);
    CHECK_ARRAY(r.theta, top, 2, 1e-11);
    fm_newton_free(&r);
  }
  set_problem(&p, &counts, saddle, NULL, 2);
  maximise(&p, on, &control, &r);
  CHECK_INT(r.stop, FM_NO_INCREASE); /* stationary, but no maximum */
  CHECK(r.gradient_norm == 0 && isinf(r.condition));
  for (int i = 0; i < 4; i++) {
    CHECK(isnan(r.covariance[i]));
  }
  fm_newton_free(&r);
}

/* ---- no maximum -------------------------------------------------------------------------------------- */

/* y = 1 exactly where x1 > 0: the slope runs away. */
static void separated_logit(void) {
  double x[ROWS * 3];
  int y[ROWS];
  const logit_data d = {ROWS, 3, x, y};
  const double start[3] = {0};
  const fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  logit_sample(x, y, 3);
  for (size_t i = 0; i < ROWS; i++) {
    y[i] = x[3 * i + 1] > 0;
  }
  set_problem(&p, &counts, logit, &d, 3);
  maximise(&p, start, &control, &r);
  CHECK(r.value > -1e-6 && r.theta[1] > 20);
  CHECK(r.direction[1] > 0.1);
  for (size_t i = 0; i < ROWS; i++) { /* the direction proves it */
    const double *row = x + 3 * i;
    const double along = row[0] * r.direction[0] + row[1] * r.direction[1] + row[2] * r.direction[2];
    CHECK((along > 0) == y[i]);
  }
  fm_newton_free(&r);
}

/* The information becomes singular along (1, -1) while the rest stays: with no tolerance to stop it. */
static void vanishing_information(void) {
  const double start[2] = {0, 0};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  set_problem(&p, &counts, ridge_line, NULL, 2);
  maximise(&p, start, &control, &r);
  CHECK_CLOSE(r.theta[0] + r.theta[1], 1, 1e-9);
  CHECK(r.theta[0] - r.theta[1] > 20);
  CHECK(r.direction[0] > 0.1 && fabs(r.direction[0] + r.direction[1]) < 1e-6);
  fm_newton_free(&r);
  set_problem(&p, &counts, ridge_line, NULL, 2);
  control.tolerance = 0;
  control.max_iterations = 60;
  maximise(&p, start, &control, &r);
  CHECK(r.theta[0] - r.theta[1] > 29 && isfinite(r.theta[0]));
  CHECK(isinf(r.condition) || r.condition > 1e11);
  CHECK(isinf(r.covariance[3]) || r.covariance[3] > 1e11);
  fm_newton_free(&r);
}

/* Not identified from the start: the second of the two is aliased. */
static void not_identified(void) {
  const double start[3] = {1, 1, 5};
  const fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  set_problem(&p, &counts, flat, NULL, 3);
  maximise(&p, start, &control, &r);
  CHECK_INT(r.stop, FM_CONVERGED);
  CHECK(r.aliased[2] == 1 && r.theta[2] == 5);
  CHECK_CLOSE(r.theta[1], 6, 1e-12);
  CHECK_CLOSE(r.combine[1 + 3 * 2], -1, 1e-12);
  fm_newton_free(&r);
}

/* ---- bad objectives ---------------------------------------------------------------------------------- */

static void steps_back(void) {
  const double outside[2] = {-HUGE_VAL, (double)NAN}, start = 50;
  const fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  for (int i = 0; i < 3; i++) {
    set_problem(&p, &counts, i < 2 ? half_line : no_derivatives, outside + i % 2, 1);
    CHECK_OK(fm_newton(&p.objective, &start, &control, &r, NULL));
    CHECK_INT(r.stop, FM_CONVERGED);
    CHECK_CLOSE(r.theta[0], 1, 1e-12);
    CHECK(counts.by_order[FM_VALUE] > 0);
    fm_newton_free(&r);
  }
}

static void bad_start(void) {
  const double outside[3] = {-HUGE_VAL, (double)NAN, HUGE_VAL}, start = -1;
  const fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  fm_error err;
  for (int i = 0; i < 3; i++) {
    set_problem(&p, &counts, half_line, outside + i, 1);
    CHECK_CODE(fm_newton(&p.objective, &start, &control, &r, &err), FM_INVALID);
    CHECK(strstr(err.message, "start") != NULL && r.theta == NULL);
  }
}

/* Whatever evaluation fails, its code comes out. */
static void failing_evaluations(void) {
  const double outside = -HUGE_VAL, start = 50;
  const fm_newton_control control = fm_newton_defaults();
  const fm_code codes[] = {FM_NO_MEMORY, FM_INVALID, FM_SINGULAR, FM_DIVERGED, FM_INTERRUPTED};
  record counts;
  problem p;
  fm_newton_result r;
  fm_error err;
  set_problem(&p, &counts, half_line, &outside, 1);
  CHECK_OK(fm_newton(&p.objective, &start, &control, &r, &err));
  const int last = r.evaluations;
  fm_newton_free(&r);
  for (int i = 1; i <= last; i++) {
    set_problem(&p, &counts, half_line, &outside, 1);
    counts.fail_at = i;
    counts.fail_code = codes[i % 5];
    CHECK_CODE(fm_newton(&p.objective, &start, &control, &r, &err), codes[i % 5]);
    CHECK_TEXT(err.message, "as told");
  }
}

static void wrong_score(void) {
  const double start[3] = {0};
  const fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  for (int i = 0; i < 2; i++) {
    set_problem(&p, &counts, i == 0 ? quadratic : unmoved, NULL, 3);
    counts.reverse_score = 1;
    maximise(&p, start, &control, &r);
    CHECK_INT(r.stop, FM_NO_INCREASE);
    CHECK(r.value == r.value_start && memcmp(r.theta, start, sizeof start) == 0);
    CHECK_INT(r.iterations, 0);
    fm_newton_free(&r);
  }
}

/* ---- limits ------------------------------------------------------------------------------------------ */

static void iteration_limit(void) {
  const double start[2] = {-1.2, 1};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  for (int limit = 0; limit < 4; limit++) {
    control.max_iterations = limit;
    set_problem(&p, &counts, rosenbrock, NULL, 2);
    maximise(&p, start, &control, &r);
    CHECK_INT(r.stop, FM_MAX_ITERATIONS);
    CHECK_INT(r.iterations, limit);
    CHECK((memcmp(r.theta, start, sizeof start) == 0) == (limit == 0));
    CHECK(r.decrement > 0.1 && r.gradient_norm > 0.1);
    fm_newton_free(&r);
  }
}

/* Started at its maximum an objective is evaluated and left; a bare limit of 0 never moves it. */
static void at_the_maximum(void) {
  const double near[3] = {1 + 1e-8, -2, 0.5};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  set_problem(&p, &counts, quadratic, NULL, 3);
  maximise(&p, centre, &control, &r);
  CHECK_INT(r.stop, FM_CONVERGED);
  CHECK_INT(r.evaluations, 1);
  CHECK(memcmp(r.theta, centre, sizeof centre) == 0 && r.direction[0] == 0);
  fm_newton_free(&r);
  set_problem(&p, &counts, quadratic, NULL, 3);
  maximise(&p, near, &control, &r);
  CHECK_INT(r.evaluations, 2); /* one more step for the last digits */
  CHECK_ARRAY(r.theta, centre, 3, 1e-15);
  fm_newton_free(&r);
  control.max_iterations = 0;
  set_problem(&p, &counts, quadratic, NULL, 3);
  maximise(&p, near, &control, &r);
  CHECK(r.stop == FM_CONVERGED && memcmp(r.theta, near, sizeof near) == 0);
  fm_newton_free(&r);
}

static int stop_third(void *context) {
  record *counts = context;
  return ++counts->polls == counts->interrupt_at;
}

static void interrupt(void) {
  const double start[2] = {-1.2, 1};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  fm_error err;
  set_problem(&p, &counts, rosenbrock, NULL, 2);
  counts.interrupt_at = 3;
  control.interrupted = stop_third;
  control.interrupt_context = &counts;
  CHECK_CODE(fm_newton(&p.objective, start, &control, &r, &err), FM_INTERRUPTED);
  CHECK_TEXT(err.message, "interrupted after 2 iterations");
  counts.polls = counts.interrupt_at = 0;
  CHECK_OK(fm_newton(&p.objective, start, &control, &r, &err));
  CHECK_INT(counts.polls, r.iterations + 1); /* once an iteration */
  fm_newton_free(&r);
}

/* All parameters held, or none there. */
static void nothing_free(void) {
  const double start[3] = {0, 1, 2};
  const int fixed[3] = {1, 1, 1};
  fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  control.fixed = fixed;
  for (size_t n = 0; n <= 3; n += 3) {
    set_problem(&p, &counts, n == 0 ? constant : quadratic, NULL, n);
    maximise(&p, start, &control, &r);
    CHECK_INT(r.stop, FM_CONVERGED);
    CHECK_INT(r.evaluations, 1);
    CHECK(r.condition == 1 && r.gradient_norm == 0 && r.decrement == 0);
    fm_newton_free(&r);
  }
}

/* ---- memory ------------------------------------------------------------------------------------------ */

/* From an indefinite start, so that every kind of step is taken. */
static fm_code climb(void *context) {
  const double start[2] = {0, 1};
  const fm_newton_control control = fm_newton_defaults();
  record counts;
  problem p;
  fm_newton_result r;
  (void)context;
  set_problem(&p, &counts, rosenbrock, NULL, 2);
  const fm_code code = fm_newton(&p.objective, start, &control, &r, NULL);
  if (code == FM_OK) {
    fm_newton_free(&r);
  }
  return code;
}

static void failing_memory(void) { mu_each_allocation(climb, NULL); }

void test_newton(void);
void test_newton(void) {
  RUN(quadratic_in_one_step);
  RUN(quadratic_with_fixed);
  RUN(quadratic_with_bounds);
  RUN(scales_that_shrink);
  RUN(one_that_runs_off);
  RUN(quadratic_with_unit);
  RUN(logit_intercept);
  RUN(logit_aliased);
  RUN(logit_order);
  RUN(logit_fixed_and_constant);
  RUN(digits);
  RUN(rosenbrock_everywhere);
  RUN(saddle_point);
  RUN(separated_logit);
  RUN(vanishing_information);
  RUN(not_identified);
  RUN(steps_back);
  RUN(bad_start);
  RUN(failing_evaluations);
  RUN(wrong_score);
  RUN(iteration_limit);
  RUN(at_the_maximum);
  RUN(interrupt);
  RUN(nothing_free);
  RUN(failing_memory);
}
