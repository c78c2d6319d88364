/* test_entropy.c: entropies and synergy against closed forms and a direct count. */
#include <math.h>
#include <stdlib.h>

#include "../../src/core/decompose/entropy.h"
#include "minunit.h"

enum { N = 400, GROUPS = 3 };

/* T of small tables whose value is known. */
static double synergy_of(size_t n, const int *a, const int *b, const int *c) {
  const int *code[3] = {a, b, c};
  const size_t levels[3] = {4, 4, 4};
  const fm_categories data = {.n = n, .d = 3, .code = code, .levels = levels, .n_groups = 1};
  double entropy[7];
  CHECK_OK(fm_entropies(&data, entropy, NULL, NULL));
  return fm_synergy(entropy, 3, 1);
}

static void test_known(void) {
  const int a[4] = {0, 1, 0, 1}, b[4] = {0, 0, 1, 1};
  const int exclusive[4] = {0, 1, 1, 0}, both[4] = {0, 0, 0, 1};
  CHECK_CLOSE(synergy_of(4, a, b, exclusive), -1, 1e-14);
  CHECK_CLOSE(synergy_of(4, a, b, both), -0.18872187554086717, 1e-14);
  CHECK_CLOSE(synergy_of(4, a, a, a), 1, 1e-14);
}

typedef struct sample {
  int code[3][N], group[N];
  const int *column[3];
  size_t levels[3];
  double weight[N];
  fm_categories data;
} sample;

static void make_sample(sample *s) {
  for (size_t i = 0; i < N; i++) {
    for (size_t k = 0; k < 3; k++) {
      s->code[k][i] = (int)(mu_uniform() * mu_uniform() * (double)(4 + k));
    }
    s->group[i] = (int)(mu_uniform() * GROUPS);
    s->weight[i] = mu_uniform() < 0.1 ? 0 : mu_uniform();
  }
  for (size_t k = 0; k < 3; k++) {
    s->column[k] = s->code[k];
    s->levels[k] = 4 + k;
  }
  s->data = (fm_categories){.n = N,
                            .d = 3,
                            .code = s->column,
                            .levels = s->levels,
                            .weight = s->weight,
                            .group = s->group,
                            .n_groups = GROUPS};
}

/* Whether rows i and j agree in the dimensions of a subset and the group. */
static int agree(const sample *s, size_t i, size_t j, size_t subset) {
  int same = s->group[i] == s->group[j];
  for (size_t k = 0; k < 3; k++) {
    same = same && (!(subset >> k & 1) || s->code[k][i] == s->code[k][j]);
  }
  return same;
}

/* -sum_i w_i log2 p(cell of i) / W: no cells are formed. */
static double direct(const sample *s, int group, size_t subset) {
  double total = 0, sum = 0;
  for (size_t i = 0; i < N; i++) {
    total += s->group[i] == group ? s->weight[i] : 0;
  }
  for (size_t i = 0; i < N; i++) {
    double cell = 0;
    for (size_t j = 0; j < N; j++) {
      cell += agree(s, i, j, subset) ? s->weight[j] : 0;
    }
    if (s->group[i] == group && s->weight[i] > 0) {
      sum -= s->weight[i] * log2(cell / total) / total;
    }
  }
  return sum;
}

static void test_groups(void) {
  static sample s;
  make_sample(&s);
  double entropy[7 * GROUPS], cells[7 * GROUPS], total[GROUPS], sum = 0;
  CHECK_OK(fm_entropies(&s.data, entropy, cells, total));
  for (size_t subset = 1; subset <= 7; subset++) {
    for (int g = 0; g < GROUPS; g++) {
      CHECK_CLOSE(entropy[(size_t)g + GROUPS * (subset - 1)], direct(&s, g, subset), 1e-12);
    }
  }
  for (size_t i = 0; i < N; i++) {
    sum += s.weight[i];
  }
  CHECK_CLOSE(total[0] + total[1] + total[2], sum, 1e-12);
  CHECK(cells[0] <= 4 && cells[6 * GROUPS] <= 4 * 5 * 6);
}

static void test_many_cells(void) {
  enum { MANY = 20000 };
  static int code[MANY];
  for (int i = 0; i < MANY; i++) {
    code[i] = i;
  }
  const int *column[2] = {code, code};
  const size_t levels[2] = {MANY, MANY};
  const fm_categories data = {.n = MANY, .d = 2, .code = column, .levels = levels, .n_groups = 1};
  double entropy[3], cells[3];
  CHECK_OK(fm_entropies(&data, entropy, cells, NULL));
  CHECK_CLOSE(fm_synergy(entropy, 2, 1), log2(MANY), 1e-12);
  CHECK_CLOSE(cells[2], MANY, 0);
}

static void test_range(void) {
  const int code[1] = {0};
  const int *column[3] = {code, code, code};
  const size_t levels[3] = {(size_t)1 << 30, (size_t)1 << 30, (size_t)1 << 30};
  const fm_categories data = {.n = 1, .d = 3, .code = column, .levels = levels, .n_groups = 1};
  double entropy[7];
  CHECK_CODE(fm_entropies(&data, entropy, NULL, NULL), FM_INVALID);
}

enum { DRAWS = 50 };

static void run_null(const sample *s, int threads, double *whole, double *between, double *within) {
  uint64_t seed[DRAWS];
  for (size_t b = 0; b < DRAWS; b++) {
    seed[b] = 1000 + b;
  }
  const fm_synergy_draws draws = {.n_draws = DRAWS,
                                  .seed = seed,
                                  .whole = whole,
                                  .between = between,
                                  .within = within,
                                  .threads = threads};
  fm_error err = {FM_OK, ""};
  CHECK_OK(fm_synergy_null(&s->data, &draws, &err));
}

static void test_null(void) {
  static sample s;
  make_sample(&s);
  s.data.weight = NULL;
  double whole[2][DRAWS], between[2][DRAWS], within[2][DRAWS * GROUPS], mean = 0;
  run_null(&s, 1, whole[0], between[0], within[0]);
  run_null(&s, 3, whole[1], between[1], within[1]);
  CHECK_SAME(whole[0], whole[1], DRAWS);
  CHECK_SAME(between[0], between[1], DRAWS);
  CHECK_SAME(within[0], within[1], DRAWS * GROUPS);
  for (size_t b = 0; b < DRAWS; b++) {
    mean += whole[0][b] / DRAWS;
  }
  CHECK(fabs(mean) < 0.2); /* about minus the number of cells over 2 N log 2 */
  CHECK(whole[0][0] != whole[0][1]);
  s.data.weight = s.weight;
  const fm_synergy_draws none = {0};
  CHECK_CODE(fm_synergy_null(&s.data, &none, NULL), FM_INVALID);
}

static fm_code null_scenario(void *context) {
  const sample *s = context;
  const uint64_t seed[2] = {1, 2};
  double whole[2], between[2], within[2 * GROUPS];
  const fm_synergy_draws draws = {
      .n_draws = 2, .seed = seed, .whole = whole, .between = between, .within = within, .threads = 2};
  return fm_synergy_null(&s->data, &draws, NULL);
}

static fm_code entropy_scenario(void *context) {
  const sample *s = context;
  double entropy[7 * GROUPS];
  return fm_entropies(&s->data, entropy, NULL, NULL);
}

static void test_allocations(void) {
  static sample s;
  make_sample(&s);
  mu_each_allocation(entropy_scenario, &s);
  s.data.weight = NULL;
  mu_each_allocation(null_scenario, &s);
}

static int stop(void *context) {
  (void)context;
  return 1;
}

static void test_interrupt(void) {
  static sample s;
  make_sample(&s);
  s.data.weight = NULL;
  const uint64_t seed[1] = {1};
  double whole[1], between[1], within[GROUPS];
  const fm_synergy_draws draws = {.n_draws = 1,
                                  .seed = seed,
                                  .whole = whole,
                                  .between = between,
                                  .within = within,
                                  .threads = 1,
                                  .interrupted = stop};
  CHECK_CODE(fm_synergy_null(&s.data, &draws, NULL), FM_INTERRUPTED);
}

void test_entropy(void) {
  RUN(test_known);
  RUN(test_groups);
  RUN(test_many_cells);
  RUN(test_range);
  RUN(test_null);
  RUN(test_allocations);
  RUN(test_interrupt);
}
