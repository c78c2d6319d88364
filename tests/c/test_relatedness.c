/* test_relatedness.c: bit counts and blocks against sums over regions. */
#include <math.h>

#include "../../src/core/decompose/relatedness.h"
#include "minunit.h"

enum { REGIONS = 70, INDUSTRIES = 75, PAIRS = INDUSTRIES * (INDUSTRIES - 1) / 2 };

static double present[REGIONS * INDUSTRIES];

static void make_presence(void) {
  for (size_t i = 0; i < REGIONS * INDUSTRIES; i++) {
    present[i] = i / REGIONS == 3 ? 0 : mu_uniform() < 0.3; /* industry 3 is nowhere */
  }
}

static double both(size_t p, size_t q) {
  double sum = 0;
  for (size_t c = 0; c < REGIONS; c++) {
    sum += present[c + p * REGIONS] * present[c + q * REGIONS];
  }
  return sum;
}

static double direct(size_t p, size_t q, enum fm_related method) {
  double s[2] = {0, 0}, total = 0;
  for (size_t i = 0; i < INDUSTRIES; i++) {
    for (size_t j = 0; j < INDUSTRIES; j++) {
      const double c = i == j ? 0 : both(i, j);
      total += c;
      s[0] += i == p ? c : 0;
      s[1] += i == q ? c : 0;
    }
  }
  const double c = both(p, q), product = s[0] * s[1];
  const double phi[FM_RELATED] = {c / fmax(both(p, p), both(q, q)), c * total / product,
                                  2 * c / (product / (total - s[0]) + product / (total - s[1])),
                                  c / sqrt(product), c / (s[0] + s[1] - c)};
  return c == 0 ? 0 : phi[method];
}

static void check_method(enum fm_related method, int self) {
  static double phi[INDUSTRIES * INDUSTRIES], density[REGIONS * INDUSTRIES], related[PAIRS];
  static int together[PAIRS];
  const fm_presence p = {REGIONS, INDUSTRIES, present, method, self, NULL};
  const fm_relations out = {phi, density, related, together};
  CHECK_OK(fm_relatedness(&p, &out, 3));
  CHECK_CLOSE(phi[5 + INDUSTRIES * 40], direct(5, 40, method), 1e-14);
  CHECK_CLOSE(phi[40 + INDUSTRIES * 5], direct(5, 40, method), 1e-14);
  CHECK_CLOSE(phi[7 + INDUSTRIES * 7], self ? direct(7, 7, method) : 0, 1e-14);
  CHECK_CLOSE(related[2 * INDUSTRIES - 3 + 4], direct(2, 7, method), 1e-14); /* after those of 0 and of 1 */
  CHECK_CLOSE(together[2 * INDUSTRIES - 3 + 4], both(2, 7), 0);
  double sum = 0, all = 0;
  for (size_t q = 0; q < INDUSTRIES; q++) {
    sum += present[11 + q * REGIONS] * phi[q + INDUSTRIES * 33];
    all += phi[q + INDUSTRIES * 33];
  }
  CHECK_CLOSE(density[11 + REGIONS * 33], sum / all, 1e-13);
  CHECK(isnan(density[11 + REGIONS * 3]));
}

static void test_methods(void) {
  make_presence();
  for (int method = 0; method < FM_RELATED; method++) {
    check_method((enum fm_related)method, 0);
    check_method((enum fm_related)method, 1);
  }
}

static void test_threads(void) {
  static double one[REGIONS * INDUSTRIES], two[REGIONS * INDUSTRIES], phi[INDUSTRIES * INDUSTRIES];
  const fm_presence p = {REGIONS, INDUSTRIES, present, FM_COSINE, 0, NULL};
  const fm_relations alone = {phi, one, NULL, NULL}, together = {phi, two, NULL, NULL};
  make_presence();
  CHECK_OK(fm_relatedness(&p, &alone, 1));
  CHECK_OK(fm_relatedness(&p, &together, 4));
  for (size_t i = 0; i < REGIONS * INDUSTRIES; i++) {
    CHECK(one[i] == two[i] || isnan(one[i]));
  }
}

static fm_code scenario(void *context) {
  static double phi[INDUSTRIES * INDUSTRIES], density[REGIONS * INDUSTRIES];
  const fm_presence p = {REGIONS, INDUSTRIES, present, FM_PROXIMITY, 0, NULL};
  const fm_relations out = {phi, density, NULL, NULL};
  (void)context;
  return fm_relatedness(&p, &out, 2);
}

static void test_allocations(void) { mu_each_allocation(scenario, NULL); }

void test_relatedness(void) {
  RUN(test_methods);
  RUN(test_threads);
  RUN(test_allocations);
}
