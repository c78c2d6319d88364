/* test_few_steps.c: the short climb on functions whose maximum is known. */
#include <math.h>

#include "../../src/core/optim/few_steps.h"
#include "minunit.h"

/* 30 t - 100 log(1 + exp(t)) - (u - t)^2 / 2, and how often each order was asked for. */
typedef struct counts {
  int by_order[3];
  int flat;  /* the second parameter has no effect */
  int fails; /* every evaluation fails */
} counts;

static fm_code evaluate(const fm_objective *self, const double *theta, int order, double *value,
                        double *score, double *information, fm_error *err) {
  counts *c = *(counts *const *)self->context;
  const double p = 1.0 / (1.0 + exp(-theta[0])), w = c->flat ? 0.0 : 1.0, d = theta[1] - theta[0];
  c->by_order[order]++;
  if (c->fails) {
    return fm_fail(err, FM_INVALID, "as told");
  }
  *value = 30.0 * theta[0] - 100.0 * log1p(exp(theta[0])) - 0.5 * w * d * d;
  score[0] = 30.0 - 100.0 * p + w * d, score[1] = -w * d;
  if (order >= FM_INFORMATION) {
    information[0] = 100.0 * p * (1.0 - p) + w;
    information[1] = information[2] = -w, information[3] = w;
  }
  return FM_OK;
}

static fm_code climb_from(counts *c, const int *fixed, double enough, double *theta, double *value,
                          int *done, fm_error *err) {
  counts *at = c;
  const fm_objective objective = {.n_par = 2, .evaluate = evaluate, .context = &at};
  return fm_few_steps(&objective, fixed, enough, theta, value, done, err);
}

static void reaches_the_maximum(void) {
  const int free[2] = {0, 0};
  const double best = log(0.3 / 0.7);
  counts c = {{0}, 0, 0};
  double theta[2] = {0.0, 0.5}, value = 0.0;
  int done = 0;
  fm_error err = {FM_OK, ""};
  CHECK_OK(climb_from(&c, free, 1e-9, theta, &value, &done, &err));
  CHECK(done);
  CHECK_CLOSE(theta[0], best, 1e-5);
  CHECK_CLOSE(theta[1], best, 1e-5);
  CHECK_CLOSE(value, 30.0 * best - 100.0 * log1p(exp(best)), 1e-8);
  CHECK(c.by_order[FM_SCORE] > 0); /* near the maximum the information is used again */
}

static void fixed_stay(void) {
  const int second[2] = {0, 1}, both[2] = {1, 1};
  counts c = {{0}, 1, 0};
  double theta[2] = {-0.5, 0.25}, value = 0.0;
  int done = 0;
  fm_error err = {FM_OK, ""};
  CHECK_OK(climb_from(&c, second, 1e-9, theta, &value, &done, &err));
  CHECK(done);
  CHECK_CLOSE(theta[0], log(0.3 / 0.7), 1e-5);
  CHECK(theta[1] == 0.25);
  theta[0] = 0.0;
  CHECK_OK(climb_from(&c, both, 1e-9, theta, &value, &done, &err));
  CHECK(done && theta[0] == 0.0);
  CHECK_CLOSE(value, -100.0 * log(2.0), 1e-10);
}

static void says_where_it_fails(void) {
  const int free[2] = {0, 0};
  counts c = {{0}, 1, 0};
  double theta[2] = {0.0, 0.0}, value = 0.0;
  int done = 1;
  fm_error err = {FM_OK, ""};
  CHECK_OK(climb_from(&c, free, 1e-9, theta, &value, &done, &err));
  CHECK(!done); /* singular */
  c.flat = 0, theta[0] = 12.0, theta[1] = -12.0;
  CHECK_OK(climb_from(&c, free, 1e-9, theta, &value, &done, &err));
  CHECK(!done); /* a step too far */
  c.fails = 1;
  CHECK_CODE(climb_from(&c, free, 1e-9, theta, &value, &done, &err), FM_INVALID);
}

void test_few_steps(void);
void test_few_steps(void) {
  RUN(reaches_the_maximum);
  RUN(fixed_stay);
  RUN(says_where_it_fails);
}
