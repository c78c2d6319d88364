/* test_kernels.c: every instruction set this processor has, against libm and plain loops. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../../src/core/base/kernels.h"
#include "minunit.h"

enum { N = 1003 };

/* Distance in units of the last place; doubles of one sign are ordered as their bits. */
static int64_t ulps(double a, double b) {
  int64_t x, y;
  memcpy(&x, &a, sizeof x);
  memcpy(&y, &b, sizeof y);
  return x > y ? x - y : y - x;
}

static int64_t worst_exp(const fm_kernels *kernels, double reach) {
  double x[N], y[N];
  int64_t worst = 0;
  for (size_t i = 0; i < N; i++) {
    x[i] = reach * (2.0 * mu_uniform() - 1.0);
  }
  kernels->exp(x, y, N);
  for (size_t i = 0; i < N; i++) {
    const int64_t u = ulps(y[i], exp(x[i]));
    worst = u > worst ? u : worst;
  }
  return worst;
}

static int64_t worst_log(const fm_kernels *kernels, double reach) {
  double x[N], y[N];
  int64_t worst = 0;
  for (size_t i = 0; i < N; i++) {
    x[i] = exp(reach * (2.0 * mu_uniform() - 1.0));
  }
  kernels->log(x, y, N);
  for (size_t i = 0; i < N; i++) {
    const double exact = log(x[i]);
    const int64_t u = exact == y[i] ? 0 : ulps(y[i], exact);
    worst = u > worst ? u : worst;
  }
  return worst;
}

static void accuracy(const fm_kernels *kernels) {
  mu_seed(7);
  for (int round = 0; round < 200; round++) {
    CHECK(worst_exp(kernels, 1.0) <= 1);
    CHECK(worst_exp(kernels, 708.0) <= 1);
    CHECK(worst_log(kernels, 0.4) <= 1);
    CHECK(worst_log(kernels, 700.0) <= 1);
  }
}

static void special_values(const fm_kernels *kernels) {
  const double x[] = {0.0, -HUGE_VAL, HUGE_VAL, (double)NAN, -745.0, -746.0, 709.7, 710.0, -0.0};
  double y[9];
  kernels->exp(x, y, 9);
  CHECK(y[0] == 1.0 && y[1] == 0.0 && isinf(y[2]) && isnan(y[3]));
  CHECK(y[4] == exp(-745.0) && y[5] == 0.0 && y[6] == exp(709.7) && isinf(y[7]) && y[8] == 1.0);
  const double z[] = {1.0, 0.0, HUGE_VAL, (double)NAN, -1.0, 4e-320, 2.2250738585072014e-308};
  kernels->log(z, y, 7);
  CHECK(y[0] == 0.0 && isinf(y[1]) && y[1] < 0.0 && isinf(y[2]) && isnan(y[3]) && isnan(y[4]));
  CHECK(ulps(y[5], log(4e-320)) <= 1 && ulps(y[6], log(z[6])) <= 1);
}

static void sums(const fm_kernels *kernels) {
  mu_seed(11);
  double x[N], y[N], z[N];
  for (size_t i = 0; i < N; i++) {
    x[i] = mu_normal(), y[i] = mu_normal(), z[i] = mu_normal();
  }
  for (size_t n = 0; n < 40; n++) {
    double top = -HUGE_VAL, sum = 0.0, dot = 0.0, dot3 = 0.0;
    for (size_t i = 0; i < n; i++) {
      top = x[i] > top ? x[i] : top;
      sum += x[i], dot += x[i] * y[i], dot3 += x[i] * y[i] * z[i];
    }
    CHECK(kernels->max(x, n) == top);
    CHECK_CLOSE(kernels->sum(x, n), sum, 1e-12);
    CHECK_CLOSE(kernels->dot(x, y, n), dot, 1e-12);
    CHECK_CLOSE(kernels->dot3(x, y, z, n), dot3, 1e-12);
  }
}

/* c += a b' and c += u' a for all small shapes, so that every edge of the tiles is met. */
static void products(const fm_kernels *kernels, size_t m, size_t p, size_t n) {
  mu_seed((unsigned long)(3 + m + 17 * p + 301 * n));
  double a[12 * 40], b[12 * 40], u[12 * 12], c[12 * 40], exact[12 * 40];
  for (size_t i = 0; i < 12 * 40; i++) {
    a[i] = mu_normal(), b[i] = mu_normal(), c[i] = exact[i] = mu_normal();
  }
  for (size_t i = 0; i < 12 * 12; i++) {
    u[i] = mu_normal();
  }
  for (size_t i = 0; i < m; i++) {
    for (size_t k = 0; k < p; k++) {
      for (size_t j = 0; j < n; j++) {
        exact[i * 12 + k] += a[i * 40 + j] * b[k * 40 + j];
      }
    }
  }
  kernels->gemm_nt(m, p, n, a, 40, b, 40, c, 12);
  for (size_t i = 0; i < 12 * 40; i++) {
    CHECK_CLOSE(c[i], exact[i], 1e-11);
    exact[i] = c[i];
  }
  for (size_t k = 0; k < p; k++) {
    for (size_t j = 0; j < n; j++) {
      for (size_t i = 0; i < m; i++) {
        exact[k * 40 + j] += u[i * 12 + k] * a[i * 40 + j];
      }
    }
  }
  kernels->gemm_tn(m, p, n, u, 12, a, 40, c, 40);
  for (size_t i = 0; i < 12 * 40; i++) {
    CHECK_CLOSE(c[i], exact[i], 1e-11);
  }
}

static void combinations(const fm_kernels *kernels) {
  mu_seed(5);
  double base[37], c[3 * 40], y[37], copy[37];
  const double u[] = {0.5, -2.0, 1.25};
  for (size_t i = 0; i < 37; i++) {
    base[i] = i % 7 == 3 ? -HUGE_VAL : mu_normal();
  }
  for (size_t i = 0; i < 3 * 40; i++) {
    c[i] = mu_normal();
  }
  kernels->combine(base, u, c, 40, 3, y, 37);
  memcpy(copy, y, sizeof y);
  kernels->axpy(2.0, c, copy, 37);
  kernels->scale(-1.0, copy, 37);
  for (size_t i = 0; i < 37; i++) {
    const double exact = base[i] + 0.5 * c[i] - 2.0 * c[40 + i] + 1.25 * c[80 + i];
    if (isinf(base[i])) {
      CHECK(y[i] == -HUGE_VAL);
    } else {
      CHECK_CLOSE(y[i], exact, 1e-13);
      CHECK_CLOSE(copy[i], -(exact + 2.0 * c[i]), 1e-13);
    }
  }
}

static void gathered_rows(const fm_kernels *kernels) {
  mu_seed(6);
  enum { ROWS = 11, SOME = 5 };
  const uint32_t index[SOME] = {3, 0, 10, 3, 7};
  double rows[ROWS * FM_PANEL], value[SOME], sum[FM_PANEL];
  for (size_t i = 0; i < ROWS * FM_PANEL; i++) {
    rows[i] = mu_normal();
  }
  for (size_t a = 0; a < SOME; a++) {
    value[a] = mu_normal();
  }
  kernels->gather(value, index, SOME, rows, sum);
  for (size_t j = 0; j < FM_PANEL; j++) {
    double exact = 0.0;
    for (size_t a = 0; a < SOME; a++) {
      exact += value[a] * rows[index[a] * FM_PANEL + j];
    }
    CHECK_CLOSE(sum[j], exact, 1e-13);
  }
  kernels->gather(value, index, 0, rows, sum);
  CHECK(sum[0] == 0.0 && sum[FM_PANEL - 1] == 0.0);
}

static void exponentials_of_differences(const fm_kernels *kernels) {
  mu_seed(13);
  double x[37], y[37];
  for (size_t n = 0; n <= 37; n++) {
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
      x[i] = i == 5 ? -HUGE_VAL : 50.0 * mu_normal();
      y[i] = exp(x[i] - 40.0);
      total += y[i];
    }
    CHECK(fabs(kernels->exp_less(40.0, x, n) - total) <= 1e-14 * total);
    for (size_t i = 0; i < n; i++) {
      CHECK(fabs(x[i] - y[i]) <= 1e-15 * y[i]);
    }
  }
}

/* Quantiles against the distribution function, from both ends. */
static void quantiles(const fm_kernels *kernels) {
  double u[N], z[N];
  mu_seed(17);
  for (size_t i = 0; i < N; i++) {
    u[i] = i % 3 == 0 ? exp(-700.0 * mu_uniform()) : mu_uniform();
  }
  u[0] = 0.5, u[1] = 0.075, u[2] = 0.925;
  kernels->quantile(u, z, N);
  CHECK(z[0] == 0.0);
  for (size_t i = 0; i < N; i++) {
    const double back = 0.5 * erfc(-z[i] * sqrt(0.5));
    /* a relative error of z moves the probability z^2 times as much, about */
    CHECK(fabs(back - u[i]) <= 4e-15 * u[i] * (1.0 + z[i] * z[i]));
  }
}

static void shares_by_column(const fm_kernels *kernels) {
  double v[5 * 16], exact[5 * 16], logsum[16];
  mu_seed(23);
  for (size_t i = 0; i < 5 * 16; i++) {
    v[i] = exact[i] = i / 16 == 2 ? -HUGE_VAL : 300.0 * mu_normal();
  }
  kernels->softmax_rows(5, 16, v, 16, logsum);
  for (size_t r = 0; r < 16; r++) {
    double top = -HUGE_VAL, total = 0.0;
    for (size_t j = 0; j < 5; j++) {
      top = fmax(top, exact[j * 16 + r]);
    }
    for (size_t j = 0; j < 5; j++) {
      total += exp(exact[j * 16 + r] - top);
    }
    CHECK_CLOSE(logsum[r], top + log(total), 1e-15);
    for (size_t j = 0; j < 5; j++) {
      CHECK_CLOSE(v[j * 16 + r], exp(exact[j * 16 + r] - top) / total, 1e-14);
    }
  }
}

static void pairs(const fm_kernels *kernels) {
  double y[3 * 8], c[6 * 8] = {0};
  mu_seed(29);
  for (size_t i = 0; i < 3 * 8; i++) {
    y[i] = mu_normal();
  }
  kernels->add_pairs(3, 8, -2.0, y, 8, c, 8);
  for (size_t k = 0, pair = 0; k < 3; k++) {
    for (size_t l = k; l < 3; l++, pair++) {
      for (size_t r = 0; r < 8; r++) {
        CHECK_CLOSE(c[pair * 8 + r], -2.0 * y[k * 8 + r] * y[l * 8 + r], 1e-14);
      }
    }
  }
}

static void every_instruction_set(void (*check)(const fm_kernels *)) {
  const fm_kernels *tables[4];
  const size_t n = fm_kernels_all(tables, 4);
  CHECK(n >= 1 && tables[0] == fm_kernels_best());
  CHECK_TEXT(tables[n - 1]->name, "base");
  for (size_t t = 0; t < n; t++) {
    check(tables[t]);
  }
}

static void all_small_products(const fm_kernels *kernels) {
  for (size_t m = 0; m <= 9; m++) {
    for (size_t p = 0; p <= 9; p++) {
      products(kernels, m, p, (m * 7 + p * 3) % 39);
      products(kernels, m, p, 16);
    }
  }
}

static void exp_and_log_are_accurate(void) { every_instruction_set(accuracy); }
static void exp_and_log_know_special_values(void) { every_instruction_set(special_values); }
static void sums_match_plain_loops(void) { every_instruction_set(sums); }
static void rows_are_gathered(void) { every_instruction_set(gathered_rows); }

static void rows_combine(void) { every_instruction_set(combinations); }
static void quantiles_are_accurate(void) { every_instruction_set(quantiles); }
static void columns_become_shares(void) { every_instruction_set(shares_by_column); }
static void pairs_are_added(void) { every_instruction_set(pairs); }
static void exp_less_sums(void) { every_instruction_set(exponentials_of_differences); }
static void products_match_plain_loops(void) { every_instruction_set(all_small_products); }

static void squares(const fm_kernels *k) {
  double x[12], c[96], expected[96];
  for (size_t used = 8; used <= 12; used += 4) {
    for (size_t i = 0; i < 12; i++) {
      x[i] = mu_normal();
    }
    for (size_t i = 0; i < 96; i++) {
      c[i] = expected[i] = mu_normal();
    }
    for (size_t a = 0; a < used; a++) {
      const size_t first = a / 4 * 4, before[3] = {0, 48, 80}, width = 12 - first;
      for (size_t b = first; b < used; b++) {
        expected[before[a / 4] + (a - first) * width + b - first] += x[a] * x[b];
      }
    }
    k->add_squares(x, used, c);
    for (size_t i = 0; i < 96; i++) {
      CHECK_CLOSE(c[i], expected[i], 1e-14);
    }
  }
}

static void squares_match_plain_loops(void) { every_instruction_set(squares); }

static void points_in_disc(const fm_kernels *k) {
  enum { POINTS = 40 };
  double x[POINTS + FM_BEYOND], y[POINTS + FM_BEYOND], weight[POINTS + FM_BEYOND];
  for (size_t i = 0; i < POINTS + FM_BEYOND; i++) {
    x[i] = floor(10 * mu_uniform());
    y[i] = floor(10 * mu_uniform());
    weight[i] = i < POINTS ? floor(100 * mu_uniform()) : NAN; /* whole numbers: sums are exact */
  }
  const fm_points points = {x, y, weight};
  const double centre[2] = {4, 5};
  for (size_t last = 0; last <= POINTS; last++) {
    const size_t run[4] = {last / 5, last / 3, last / 2, last};
    double sum = 0, number = 7, expected = 0, found = 7;
    for (size_t i = run[0]; i < run[3]; i++) {
      const double dx = x[i] - 4, dy = y[i] - 5;
      if ((i < run[1] || i >= run[2]) && dx * dx + dy * dy <= 9) {
        expected += weight[i];
        found++;
      }
    }
    sum = k->disc(&points, run, centre, 9, &number);
    CHECK_CLOSE(sum, expected, 0);
    CHECK_CLOSE(number, found, 0);
  }
}

static void discs_match_plain_loops(void) { every_instruction_set(points_in_disc); }

static void distances_in_bins(const fm_kernels *k) {
  enum { POINTS = 45, BINS = 6 };
  double x[POINTS], y[POINTS], weight[POINTS], d[POINTS], moment[8 * BINS] = {0}, expected[8 * BINS] = {0};
  const double centre[2] = {0.3, -0.2};
  for (size_t i = 0; i < POINTS; i++) {
    x[i] = i == 7 ? centre[0] : mu_uniform();
    y[i] = i == 7 ? centre[1] : mu_uniform();
    weight[i] = mu_uniform();
  }
  k->distances(x, y, centre, 5, d, POINTS);
  for (size_t i = 0; i < POINTS; i++) {
    CHECK_CLOSE(d[i], 5 * hypot(x[i] - centre[0], y[i] - centre[1]), 1e-15);
    const size_t bin = d[i] < BINS - 1 ? (size_t)d[i] : BINS - 1;
    for (size_t p = 0; bin < BINS - 1 && p < 8; p++) {
      expected[8 * bin + p] += weight[i] * pow(d[i] - (double)bin - 0.5, (double)p);
    }
  }
  d[3] = INFINITY; /* out of reach: in the last bin */
  weight[3] = 0;
  k->bin_powers(d, weight, POINTS, BINS, moment);
  const size_t first = (size_t)(5 * hypot(x[3] - centre[0], y[3] - centre[1]));
  for (size_t b = 0; b < BINS - 1; b++) {
    if (b != first) {
      CHECK_ARRAY(moment + 8 * b, expected + 8 * b, 8, 1e-14);
    }
  }
  memset(moment, 0, sizeof moment);
  k->bin_powers(d, NULL, POINTS, BINS, moment);
  double count = 0;
  for (size_t b = 0; b < BINS; b++) {
    count += moment[8 * b];
  }
  CHECK_CLOSE(count, POINTS, 0);
}
static void distances_go_to_bins(void) { every_instruction_set(distances_in_bins); }

void test_kernels(void) {
  RUN(exp_and_log_are_accurate);
  RUN(exp_and_log_know_special_values);
  RUN(sums_match_plain_loops);
  RUN(rows_combine);
  RUN(rows_are_gathered);
  RUN(exp_less_sums);
  RUN(quantiles_are_accurate);
  RUN(columns_become_shares);
  RUN(pairs_are_added);
  RUN(products_match_plain_loops);
  RUN(squares_match_plain_loops);
  RUN(discs_match_plain_loops);
  RUN(distances_go_to_bins);
}
