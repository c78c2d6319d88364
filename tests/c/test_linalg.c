/* test_linalg.c: the symmetric algebra against plain elimination and closed forms. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/base/linalg.h"
#include "minunit.h"

static const double pi = 3.14159265358979323846;

static double *numbers(size_t n) {
  double *x = calloc(n + 1, sizeof(double));
  if (x == NULL) {
    abort();
  }
  return x;
}

/* ---- matrices with known answers --------------------------------------------------------------------- */

/* Columns of a random m x n matrix; column k is, where k % 5 == 3, 2 x_{k-1} - 0.5 x_{k-3}. */
static int dependent(size_t k) { return k % 5 == 3; }

static double *random_columns(size_t m, size_t n) {
  double *x = numbers(m * n);
  for (size_t k = 0; k < n; k++) {
    for (size_t i = 0; i < m; i++) {
      x[i + k * m] = dependent(k) ? 2 * x[i + (k - 1) * m] - 0.5 * x[i + (k - 3) * m] : mu_normal();
    }
  }
  return x;
}

/* a = D x'x D with D = diag(unit^(k % 3 - 1)): variables in very different units. */
static double *cross_product(const double *x, size_t m, size_t n, double unit) {
  double *a = numbers(n * n);
  for (size_t k = 0; k < n; k++) {
    for (size_t l = 0; l < n; l++) {
      for (size_t i = 0; i < m; i++) {
        a[l + k * n] += x[i + l * m] * x[i + k * m];
      }
      a[l + k * n] *= pow(unit, (double)(k % 3) - 1) * pow(unit, (double)(l % 3) - 1);
    }
  }
  return a;
}

static double *random_gram(size_t n, double unit) {
  double *x = random_columns(2 * n + 5, n);
  double *a = cross_product(x, 2 * n + 5, n, unit);
  free(x);
  return a;
}

/* 2 on the diagonal, -1 beside it: eigenvalues 2 - 2 cos(k pi / (n + 1)). */
static double *second_differences(size_t n) {
  double *a = numbers(n * n);
  for (size_t i = 0; i < n; i++) {
    a[i + i * n] = 2;
    if (i > 0) {
      a[i - 1 + i * n] = a[i + (i - 1) * n] = -1;
    }
  }
  return a;
}

/* Solves a x = b over the variables in `use` by elimination with pivoting; x is 0 elsewhere. */
static void plain_solve(const double *a, size_t n, const size_t *use, size_t m, const double *b,
                        double *x) {
  double *w = numbers(m * (m + 1));
  for (size_t i = 0; i < m; i++) {
    for (size_t j = 0; j < m; j++) {
      w[i * (m + 1) + j] = a[use[i] + use[j] * n];
    }
    w[i * (m + 1) + m] = b[use[i]];
  }
  for (size_t k = 0; k < m; k++) {
    size_t p = k;
    for (size_t i = k + 1; i < m; i++) {
      p = fabs(w[i * (m + 1) + k]) > fabs(w[p * (m + 1) + k]) ? i : p;
    }
    for (size_t j = 0; j <= m; j++) {
      const double t = w[k * (m + 1) + j];
      w[k * (m + 1) + j] = w[p * (m + 1) + j];
      w[p * (m + 1) + j] = t;
    }
    for (size_t i = 0; i < m; i++) {
      const double f = i == k ? 0 : w[i * (m + 1) + k] / w[k * (m + 1) + k];
      for (size_t j = k; j <= m && i != k; j++) {
        w[i * (m + 1) + j] -= f * w[k * (m + 1) + j];
      }
    }
  }
  memset(x, 0, n * sizeof(double));
  for (size_t i = 0; i < m; i++) {
    x[use[i]] = w[i * (m + 1) + m] / w[i * (m + 1) + i];
  }
  free(w);
}

/* ---- checks ------------------------------------------------------------------------------------------ */

/* x_k = sum_i combine_ik x_kept[i] must hold in the matrix: a_kj = sum_i combine_ik a_kept[i],j. */
static void check_combination(const fm_chol *chol, const double *a, size_t k) {
  for (size_t j = 0; j < chol->n; j++) {
    double sum = 0, scale = sqrt(a[k + k * chol->n] * a[j + j * chol->n]);
    for (size_t i = 0; i < chol->rank; i++) {
      sum += chol->combine[i + k * chol->rank] * a[chol->kept[i] + j * chol->n];
    }
    CHECK_CLOSE(sum / scale, a[k + j * chol->n] / scale, 1e-10);
  }
}

static void check_solve(const fm_chol *chol, const double *a) {
  const size_t n = chol->n;
  double *b = numbers(n), *x = numbers(n), *y = numbers(n);
  for (size_t i = 0; i < n; i++) {
    b[i] = mu_normal() / chol->scale[i];
  }
  fm_chol_solve(chol, b, x);
  plain_solve(a, n, chol->kept, chol->rank, b, y);
  for (size_t i = 0; i < n; i++) {
    CHECK_CLOSE(x[i] / chol->scale[i], y[i] / chol->scale[i], 1e-9);
  }
  free(b);
  free(x);
  free(y);
}

static void check_inverse(const fm_chol *chol, const double *a) {
  const size_t n = chol->n;
  double *v = numbers(n * n);
  CHECK_OK(fm_chol_inverse(chol, v));
  for (size_t k = 0; k < n; k++) {
    for (size_t l = 0; l < n; l++) {
      double sum = 0;
      for (size_t j = 0; j < n; j++) {
        sum += a[l + j * n] * v[j + k * n];
      }
      CHECK(v[l + k * n] == v[k + l * n]);
      if (chol->aliased[k] || chol->aliased[l]) {
        CHECK(v[l + k * n] == 0);
      } else {
        CHECK_CLOSE(sum * chol->scale[l] / chol->scale[k], l == k, 1e-9);
      }
    }
  }
  free(v);
}

static void known_rank(size_t n, double unit) {
  double *a = random_gram(n, unit);
  fm_chol chol;
  size_t rank = 0;
  CHECK_OK(fm_chol_init(&chol, a, n, NULL, NULL, 1e-10, NULL));
  for (size_t k = 0; k < n; k++) {
    CHECK(chol.aliased[k] == dependent(k));
    if (dependent(k)) {
      check_combination(&chol, a, k);
      const double to_units = pow(unit, (double)(k % 3) - 1);
      for (size_t i = 0; i < chol.rank; i++) {
        const double c = chol.combine[i + k * chol.rank] * pow(unit, (double)(chol.kept[i] % 3) - 1);
        const double exact = chol.kept[i] == k - 1 ? 2 : (chol.kept[i] == k - 3 ? -0.5 : 0);
        CHECK_CLOSE(c / to_units, exact, 1e-8);
      }
    } else {
      CHECK(chol.kept[rank++] == k);
    }
  }
  CHECK(chol.rank == rank);
  check_solve(&chol, a);
  check_inverse(&chol, a);
  fm_chol_free(&chol);
  free(a);
}

/* In reverse order the first column of each dependent set is left out. */
static void reverse_order(size_t n) {
  double *a = random_gram(n, 10);
  size_t *order = calloc(n, sizeof(size_t));
  fm_chol chol;
  for (size_t i = 0; i < n; i++) {
    order[i] = n - 1 - i;
  }
  CHECK_OK(fm_chol_init(&chol, a, n, order, NULL, 1e-10, NULL));
  for (size_t k = 0; k < n; k++) {
    CHECK(chol.aliased[k] == (k + 3 < n && dependent(k + 3)));
    if (chol.aliased[k]) {
      check_combination(&chol, a, k);
    }
  }
  check_solve(&chol, a);
  check_inverse(&chol, a);
  fm_chol_free(&chol);
  order[0] = order[1];
  CHECK_CODE(fm_chol_init(&chol, a, n, order, NULL, 1e-10, NULL), FM_INVALID);
  order[0] = n;
  CHECK_CODE(fm_chol_init(&chol, a, n, order, NULL, 1e-10, NULL), FM_INVALID);
  free(order);
  free(a);
}

/* Skipped variables count as nothing, whatever their entries; 3 is then no combination of 0 and 2. */
static void skipped_variables(void) {
  enum { N = 9 };
  double *a = random_gram(N, 1), b[N], x[N], y[N];
  const int skip[N] = {1, 0, 0, 0, 0, 0, 0, 1, 0};
  const size_t use[] = {1, 2, 3, 4, 5, 6, 8};
  fm_chol chol;
  for (size_t i = 0; i < N; i++) {
    a[7 + i * N] = a[i + 7 * N] = (double)NAN;
    b[i] = (double)i + 1;
  }
  CHECK_OK(fm_chol_init(&chol, a, N, NULL, skip, 1e-10, NULL));
  CHECK(chol.rank == 7 && memcmp(chol.kept, use, sizeof use) == 0);
  CHECK(chol.aliased[0] == 0 && chol.aliased[7] == 0 && chol.aliased[8] == 0);
  fm_chol_solve(&chol, b, x);
  plain_solve(a, N, use, 7, b, y);
  for (size_t i = 0; i < N; i++) {
    CHECK_CLOSE(x[i], y[i], 1e-10);
  }
  fm_chol_free(&chol);
  free(a);
}

/* The second pivot is 1 - r^2 whatever the units. */
static void tolerance(void) {
  const double r = 0.9, a[] = {4, 2000 * r, 2000 * r, 1e6}, pivot = 1 - r * r;
  fm_chol chol;
  for (int leave = 0; leave <= 1; leave++) {
    CHECK_OK(fm_chol_init(&chol, a, 2, NULL, NULL, pivot * (leave ? 1 + 1e-9 : 1 - 1e-9), NULL));
    CHECK(chol.rank == (leave ? 1 : 2) && chol.aliased[1] == leave);
    fm_chol_free(&chol);
  }
}

/* a_ij = min(i, j), counted from 1: the factor is all ones, the inverse has 2 on the diagonal (1 at the
 * end) and -1 beside it. Longer than a block of the products. */
static void large_matrix(void) {
  enum { N = 600 };
  double *a = numbers(N * N), *v = numbers(N * N), worst = 0;
  double b[N], x[N];
  fm_chol chol;
  for (size_t i = 0; i < N; i++) {
    for (size_t j = 0; j < N; j++) {
      a[i + j * N] = (double)(i < j ? i : j) + 1;
    }
  }
  for (size_t i = 0; i < N; i++) { /* x = 1 */
    b[i] = (double)(i + 1) * (double)i / 2 + (double)(i + 1) * (double)(N - i);
  }
  CHECK_OK(fm_chol_init(&chol, a, N, NULL, NULL, 1e-10, NULL));
  CHECK_INT(chol.rank, N);
  fm_chol_solve(&chol, b, x);
  CHECK_OK(fm_chol_inverse(&chol, v));
  for (size_t i = 0; i < N; i++) {
    CHECK_CLOSE(x[i], 1, 1e-9);
    for (size_t j = 0; j < N; j++) {
      const size_t gap = i < j ? j - i : i - j;
      const double exact = gap > 1 ? 0 : (gap == 1 ? -1 : (i + 1 == N ? 1 : 2));
      worst = fmax(worst, fabs(v[i + j * N] - exact));
    }
  }
  CHECK_CLOSE(worst, 0, 1e-9);
  fm_chol_free(&chol);
  free(a);
  free(v);
}

static void no_variation(void) {
  const double a[] = {4, 0, 2, 0, 0, 0, 2, 0, 3};
  const double v[] = {3.0 / 8, 0, -2.0 / 8, 0, 0, 0, -2.0 / 8, 0, 4.0 / 8};
  double inverse[9];
  fm_chol chol;
  CHECK_OK(fm_chol_init(&chol, a, 3, NULL, NULL, 1e-10, NULL));
  CHECK(chol.rank == 2 && chol.aliased[0] == 0 && chol.aliased[1] == 2 && chol.aliased[2] == 0);
  CHECK(chol.combine[2] == 0 && chol.combine[3] == 0);
  CHECK_OK(fm_chol_inverse(&chol, inverse));
  for (int i = 0; i < 9; i++) {
    CHECK_CLOSE(inverse[i], v[i], 1e-15);
  }
  fm_chol_free(&chol);
}

static void empty_matrices(void) {
  const double zero[4] = {0};
  const int skip[2] = {1, 1};
  double x[2], inverse[4], condition;
  fm_chol chol;
  CHECK_OK(fm_chol_init(&chol, zero, 2, NULL, NULL, 1e-10, NULL));
  CHECK(chol.rank == 0 && chol.aliased[0] == 2 && chol.aliased[1] == 2);
  fm_chol_solve(&chol, zero, x);
  CHECK(x[0] == 0 && x[1] == 0 && fm_chol_inverse(&chol, inverse) == FM_OK && inverse[3] == 0);
  fm_chol_free(&chol);
  CHECK(fm_chol_init(&chol, zero, 0, NULL, NULL, 1e-10, NULL) == FM_OK && chol.rank == 0);
  fm_chol_free(&chol);
  CHECK_OK(fm_eigenvalues(zero, 0, x, NULL));
  CHECK(fm_condition(zero, 2, skip, &condition, NULL) == FM_OK && condition == 1);
  CHECK(fm_condition(zero, 2, NULL, &condition, NULL) == FM_OK && isinf(condition));
}

static void refused_matrices(void) {
  const double indefinite[] = {1, 2, 2, 1}, negative[] = {1, 0, 0, -1};
  const double not_finite[] = {1, (double)NAN, (double)NAN, 1}, infinite[] = {HUGE_VAL, 0, 0, 1};
  double values[2], condition;
  fm_error err;
  fm_chol chol;
  CHECK_CODE(fm_chol_init(&chol, indefinite, 2, NULL, NULL, 1e-10, &err), FM_SINGULAR);
  CHECK(err.code == FM_SINGULAR && strstr(err.message, "not positive semi-definite") != NULL);
  CHECK_CODE(fm_chol_init(&chol, negative, 2, NULL, NULL, 1e-10, &err), FM_SINGULAR);
  CHECK_CODE(fm_chol_init(&chol, not_finite, 2, NULL, NULL, 1e-10, &err), FM_INVALID);
  CHECK_CODE(fm_chol_init(&chol, infinite, 2, NULL, NULL, 1e-10, &err), FM_INVALID);
  fm_chol_free(&chol); /* harmless after a failure */
  CHECK_CODE(fm_eigenvalues(not_finite, 2, values, &err), FM_INVALID);
  CHECK_CODE(fm_condition(not_finite, 2, NULL, &condition, &err), FM_INVALID);
  CHECK(fm_condition(indefinite, 2, NULL, &condition, &err) == FM_OK && isinf(condition));
}

/* ---- eigenvalues and condition ----------------------------------------------------------------------- */

static void closed_eigenvalues(size_t n) {
  double *a = second_differences(n), *copy = second_differences(n), *values = numbers(n), condition = 0;
  CHECK_OK(fm_eigenvalues(a, n, values, NULL));
  CHECK(memcmp(a, copy, n * n * sizeof(double)) == 0);
  for (size_t k = 0; k < n; k++) {
    CHECK_CLOSE(values[k], 2 - 2 * cos((double)(k + 1) * pi / (double)(n + 1)), 1e-13);
  }
  for (size_t i = 0; i < n * n; i++) { /* units must not matter */
    a[i] *= (i / n % 2 ? 1e5 : 1) * (i % n % 2 ? 1e5 : 1);
  }
  CHECK_OK(fm_condition(a, n, NULL, &condition, NULL));
  CHECK_CLOSE(condition * values[0] / values[n - 1], 1, 1e-9);
  free(a);
  free(copy);
  free(values);
}

static void singular_condition(void) {
  double *a = random_gram(9, 10), condition = 0;
  CHECK(fm_condition(a, 9, NULL, &condition, NULL) == FM_OK && isinf(condition));
  free(a);
}

/* Beyond order 500 the condition number is estimated, from below. */
static void estimated_condition(void) {
  enum { N = 520 };
  double *a = second_differences(N), condition = 0;
  int *skip = calloc(N, sizeof(int));
  const double exact = pow(tan(pi / (2 * (N + 1))), -2);
  CHECK_OK(fm_condition(a, N, NULL, &condition, NULL));
  CHECK(condition <= exact * (1 + 1e-9) && condition > 0.9 * exact);
  for (size_t i = 0; i < N; i++) { /* equal correlations r: (1 + (n - 1) r) / (1 - r) */
    for (size_t j = 0; j < N; j++) {
      a[i + j * N] = i == j ? 4 : 1;
    }
  }
  CHECK_OK(fm_condition(a, N, NULL, &condition, NULL));
  CHECK_CLOSE(condition / ((1 + (N - 1) * 0.25) / 0.75), 1, 0.01);
  skip[0] = skip[1] = 1;
  CHECK_OK(fm_condition(a, N, skip, &condition, NULL));
  CHECK_CLOSE(condition / ((1 + (N - 3) * 0.25) / 0.75), 1, 0.01);
  a[2 + 3 * N] = a[3 + 2 * N] = 8; /* a correlation of 2 */
  CHECK(fm_condition(a, N, NULL, &condition, NULL) == FM_OK && isinf(condition));
  free(a);
  free(skip);
}

/* ---- memory ------------------------------------------------------------------------------------------ */

static fm_code use_everything(void *context) {
  const double *a = context;
  const size_t n = 12;
  double v[12 * 12], condition;
  fm_chol chol;
  FM_TRY(fm_chol_init(&chol, a, n, NULL, NULL, 1e-10, NULL));
  const fm_code code = fm_chol_inverse(&chol, v);
  fm_chol_free(&chol);
  FM_TRY(code);
  FM_TRY(fm_eigenvalues(a, n, v, NULL));
  return fm_condition(a, n, NULL, &condition, NULL);
}

static fm_code use_estimate(void *context) {
  double condition;
  return fm_condition(context, 501, NULL, &condition, NULL);
}

static void failing_memory(void) {
  double *small = second_differences(12), *large = second_differences(501);
  mu_each_allocation(use_everything, small);
  mu_each_allocation(use_estimate, large);
  free(small);
  free(large);
}

static void known_ranks(void) {
  const size_t sizes[] = {1, 2, 4, 9, 63, 64, 65, 130, 200};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    known_rank(sizes[i], 1);
    known_rank(sizes[i], 1e4);
  }
}

static void reverse_orders(void) {
  reverse_order(9);
  reverse_order(140);
}

static void eigenvalues(void) {
  const size_t sizes[] = {1, 2, 17, 150};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    closed_eigenvalues(sizes[i]);
  }
}

void test_linalg(void);
/* Random systems: A x and A' x are undone. */
static void general_systems(void) {
  enum { MOST = 20 };
  double a[MOST * MOST], lu[MOST * MOST], x[2 * MOST], b[2 * MOST], bt[2 * MOST];
  int pivot[MOST];
  mu_seed(12);
  for (size_t n = 1; n <= MOST; n++) {
    for (size_t k = 0; k < n * n; k++) {
      lu[k] = a[k] = mu_normal();
    }
    for (size_t k = 0; k < 2 * n; k++) {
      x[k] = mu_normal();
    }
    for (size_t k = 0; k < 2 * n; k++) {
      b[k] = bt[k] = 0.0;
      for (size_t j = 0; j < n; j++) {
        b[k] += a[k % n + j * n] * x[j + k / n * n];
        bt[k] += a[j + k % n * n] * x[j + k / n * n];
      }
    }
    CHECK_OK(fm_lu_factor(lu, n, pivot));
    fm_lu_solve(lu, n, pivot, 0, b, 2);
    fm_lu_solve(lu, n, pivot, 1, bt, 2);
    CHECK_ARRAY(b, x, 2 * n, 1e-10);
    CHECK_ARRAY(bt, x, 2 * n, 1e-10);
  }
}

static void general_refusals(void) {
  double singular[] = {1.0, 2.0, 2.0, 4.0}, bad[] = {1.0, NAN, 0.0, 1.0};
  int pivot[2];
  CHECK_CODE(fm_lu_factor(singular, 2, pivot), FM_SINGULAR);
  CHECK_CODE(fm_lu_factor(bad, 2, pivot), FM_INVALID);
  CHECK_OK(fm_lu_factor(bad, 0, pivot));
  fm_lu_solve(bad, 0, pivot, 0, bad, 1);
}

void test_linalg(void) {
  RUN(known_ranks);
  RUN(reverse_orders);
  RUN(skipped_variables);
  RUN(tolerance);
  RUN(large_matrix);
  RUN(no_variation);
  RUN(empty_matrices);
  RUN(refused_matrices);
  RUN(eigenvalues);
  RUN(singular_condition);
  RUN(estimated_condition);
  RUN(general_systems);
  RUN(general_refusals);
  RUN(failing_memory);
}
