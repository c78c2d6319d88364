/* test_shapley.c: Shapley and Owen values and dominance against a walk over all orders of the players. */
#include <math.h>
#include <stdlib.h>

#include "../../src/core/decompose/shapley.h"
#include "minunit.h"

enum { P = 5, SUBSETS = 1 << P };

static void random_game(double *value) {
  for (size_t m = 0; m < SUBSETS; m++) {
    value[m] = mu_uniform();
  }
}

/* Do the players of each block follow one another? */
static int in_blocks(const size_t *order, const int *block) {
  for (size_t i = 1; i < P; i++) {
    for (size_t j = 0; j + 1 < i && block[order[i]] != block[order[i - 1]]; j++) {
      if (block[order[j]] == block[order[i]]) {
        return 0;
      }
    }
  }
  return 1;
}

typedef struct walk {
  const double *value;
  const int *block;
  double sum[P], by_order[P * P];
  double orders;
} walk;

static void visit(walk *w, size_t *order, size_t fixed) {
  if (fixed == P) {
    if (!in_blocks(order, w->block)) {
      return;
    }
    size_t m = 0;
    for (size_t i = 0; i < P; i++) {
      const size_t with = m | (size_t)1 << order[i];
      w->sum[order[i]] += w->value[with] - w->value[m];
      w->by_order[order[i] + P * i] += w->value[with] - w->value[m];
      m = with;
    }
    w->orders += 1;
    return;
  }
  for (size_t i = fixed; i < P; i++) {
    const size_t swap = order[fixed];
    order[fixed] = order[i];
    order[i] = swap;
    visit(w, order, fixed + 1);
    order[i] = order[fixed];
    order[fixed] = swap;
  }
}

static walk walk_all(const double *value, const int *block) {
  walk w = {.value = value, .block = block};
  size_t order[P];
  for (size_t i = 0; i < P; i++) {
    order[i] = i;
  }
  visit(&w, order, 0);
  return w;
}

static void test_orders(void) {
  double value[SUBSETS], by_order[P * P], estimate[P];
  const int one[P] = {0};
  random_game(value);
  const walk w = walk_all(value, one);
  CHECK(w.orders == 120);
  CHECK_OK(fm_shapley_orders(value, P, by_order));
  CHECK_OK(fm_owen(value, P, one, 1, estimate));
  double total = 0;
  for (size_t k = 0; k < P; k++) {
    double mean = 0;
    for (size_t s = 0; s < P; s++) {
      CHECK_CLOSE(by_order[k + P * s], w.by_order[k + P * s] / 24, 1e-14);
      mean += by_order[k + P * s] / P;
    }
    CHECK_CLOSE(estimate[k], w.sum[k] / w.orders, 1e-14);
    CHECK_CLOSE(mean, estimate[k], 1e-14);
    total += estimate[k];
  }
  CHECK_CLOSE(total, value[SUBSETS - 1] - value[0], 1e-14);
}

static void test_owen(void) {
  const int blocks[4][P] = {{0, 1, 1, 0, 2}, {0, 1, 2, 3, 4}, {1, 1, 0, 0, 0}, {2, 0, 1, 1, 1}};
  const size_t n_blocks[4] = {3, 5, 2, 3};
  for (size_t b = 0; b < 4; b++) {
    double value[SUBSETS], estimate[P], weight[SUBSETS * P];
    int needed[SUBSETS];
    random_game(value);
    const walk w = walk_all(value, blocks[b]);
    CHECK_OK(fm_owen_needed(P, blocks[b], n_blocks[b], needed));
    CHECK_OK(fm_owen_weights(P, blocks[b], n_blocks[b], weight));
    for (size_t k = 0; k < P; k++) {
      double weighted = 0.0;
      for (size_t m = 0; m < SUBSETS; m++) {
        CHECK(needed[m] || weight[m + SUBSETS * k] == 0.0);
        weighted += weight[m + SUBSETS * k] * value[m];
      }
      CHECK_CLOSE(weighted, w.sum[k] / w.orders, 1e-14);
    }
    for (size_t m = 0; m < SUBSETS; m++) {
      value[m] = needed[m] ? value[m] : NAN;
    }
    CHECK_OK(fm_owen(value, P, blocks[b], n_blocks[b], estimate));
    for (size_t k = 0; k < P; k++) {
      CHECK_CLOSE(estimate[k], w.sum[k] / w.orders, 1e-14);
    }
  }
}

static void test_dominance(void) {
  double value[SUBSETS], share[P * P];
  const double worth[P] = {5, 4, 3, 3, 1};
  for (size_t m = 0; m < SUBSETS; m++) {
    value[m] = 0;
    for (size_t k = 0; k < P; k++) {
      value[m] += m >> k & 1 ? worth[k] : 0;
    }
  }
  CHECK_OK(fm_shapley_dominance(value, P, share));
  for (size_t j = 0; j < P; j++) {
    for (size_t k = 0; k < P; k++) {
      CHECK(share[j + P * k] == (worth[j] > worth[k] ? 1.0 : worth[j] < worth[k] ? 0.0 : 0.5));
    }
  }
}

static void test_refusals(void) {
  double value[4] = {0, 1, 2, 4}, estimate[2];
  const int empty[2] = {0, 0}, outside[2] = {0, 2};
  CHECK(fm_shapley_orders(value, 0, estimate) == FM_INVALID);
  CHECK(fm_shapley_dominance(value, FM_MAX_PLAYERS + 1, estimate) == FM_INVALID);
  CHECK(fm_owen(value, 2, empty, 2, estimate) == FM_INVALID);
  CHECK(fm_owen(value, 2, outside, 2, estimate) == FM_INVALID);
#ifdef FM_TEST_ALLOC
  for (long n = 1; n <= 2; n++) {
    fm_test_alloc_fail_after(n, 0);
    CHECK(fm_owen(value, 2, empty, 1, estimate) == FM_NO_MEMORY);
  }
  fm_test_alloc_fail_after(0, 0);
  CHECK(fm_test_alloc_live() == 0);
#endif
}

void test_shapley(void) {
  RUN(test_orders);
  RUN(test_owen);
  RUN(test_dominance);
  RUN(test_refusals);
}
