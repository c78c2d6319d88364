/* test_blocked.c: products against plain sums, inverses against the product with the matrix, for any
 * number of threads. */
#include "../../src/core/base/blocked.h"
#include "../../src/core/base/sparse.h"

#include <stdlib.h>
#include <string.h>

#include "minunit.h"

static double *random_numbers(size_t n) {
  double *x = malloc(n * sizeof(double));
  for (size_t i = 0; i < n; i++) {
    x[i] = mu_normal();
  }
  return x;
}

static void plain(size_t m, size_t p, size_t n, const double *u, const double *a, double *c) {
  for (size_t k = 0; k < p; k++) {
    for (size_t j = 0; j < n; j++) {
      double sum = 0;
      for (size_t i = 0; i < m; i++) {
        sum += u[i * p + k] * a[i * n + j];
      }
      c[k * n + j] = sum;
    }
  }
}

static void check_product(size_t m, size_t p, size_t n) {
  double *u = random_numbers(m * p), *a = random_numbers(m * n);
  double *one = calloc(p * n, sizeof(double)), *three = calloc(p * n, sizeof(double));
  double *expected = malloc(p * n * sizeof(double));
  fm_product x = {m, p, n, u, a, one, p, n, n, 0};
  CHECK_OK(fm_multiply(&x, 1));
  x.c = three;
  CHECK_OK(fm_multiply(&x, 3));
  plain(m, p, n, u, a, expected);
  CHECK_ARRAY(one, expected, p * n, 1e-12);
  CHECK_SAME(one, three, p * n);
  free(u), free(a), free(one), free(three), free(expected);
}

static void test_products(void) {
  check_product(1, 1, 1);
  check_product(300, 70, 530);
  check_product(5, 130, 9);
}

/* A symmetric positive definite matrix inside rows of a longer matrix. */
static void check_inverse(size_t n) {
  const size_t lda = n + 3;
  double *x = random_numbers(2 * n * n), *a = calloc(n * lda, sizeof(double)),
         *other = malloc(n * lda * sizeof(double));
  double *square = malloc(n * n * sizeof(double)), *inverse = calloc(n * n, sizeof(double));
  double *product = malloc(n * n * sizeof(double));
  const fm_product upper = {2 * n, n, n, x, x, a, n, n, lda, 1};
  CHECK_OK(fm_multiply(&upper, 2));
  fm_mirror(a, n, lda);
  for (size_t i = 0; i < n; i++) {
    memcpy(square + i * n, a + i * lda, n * sizeof(double));
  }
  memcpy(other, a, n * lda * sizeof(double));
  CHECK_OK(fm_invert(a, n, lda, 1e-12, 1));
  CHECK_OK(fm_invert(other, n, lda, 1e-12, 2));
  for (size_t i = 0; i < n; i++) {
    memcpy(inverse + i * n, a + i * lda, n * sizeof(double));
  }
  plain(n, n, n, square, inverse, product);
  for (size_t i = 0; i < n; i++) {
    product[i * n + i] -= 1.0;
  }
  memset(square, 0, n * n * sizeof(double));
  CHECK_ARRAY(product, square, n * n, 1e-9);
  CHECK_SAME(a, other, n * lda);
  free(x), free(a), free(other), free(square), free(inverse), free(product);
}

static void test_inverses(void) {
  check_inverse(1);
  check_inverse(64);
  check_inverse(65);
  check_inverse(200);
}

static void test_singular(void) {
  double a[4] = {1, 1, 1, 1};
  CHECK_CODE(fm_invert(a, 2, 2, 1e-12, 1), FM_SINGULAR);
}

static fm_code scenario(void *context) {
  double a[4] = {2, 1, 1, 2};
  (void)context;
  return fm_invert(a, 2, 2, 1e-12, 1);
}

static void test_memory(void) { mu_each_allocation(scenario, NULL); }

/* One entry in `one_in` is not 0; the products with a and with its transpose, for any number of threads. */
static void check_sparse(size_t n, unsigned one_in) {
  double *a = random_numbers(n * n), *b = random_numbers(n * n), *turned = random_numbers(n * n);
  double *exact = random_numbers(n * n), *c = random_numbers(n * n);
  for (size_t i = 0; i < n * n; i++) {
    a[i] = i * 7919 % one_in == 0 ? a[i] : 0.0;
    turned[i % n * n + i / n] = a[i];
  }
  for (int transposed = 0; transposed < 2; transposed++) {
    fm_sparse s;
    CHECK_INT(fm_sparse_init(&s, a, n, transposed), FM_OK);
    CHECK((s.turned != NULL) == (one_in < 6));
    plain(n, n, n, transposed ? a : turned, b, exact);
    for (int threads = 1; threads < 4; threads++) {
      memset(c, 0, n * n * sizeof(double));
      CHECK_INT(fm_sparse_times(&s, b, c, threads), FM_OK);
      for (size_t i = 0; i < n * n; i++) {
        CHECK_CLOSE(c[i], exact[i], 1e-12);
      }
    }
    fm_sparse_free(&s);
  }
  free(a), free(b), free(turned), free(exact), free(c);
}

static void test_sparse(void) {
  check_sparse(75, 13);
  check_sparse(32, 40);
  check_sparse(70, 2);
  check_sparse(1, 1);
}

void test_blocked(void) {
  mu_seed(7);
  RUN(test_products);
  RUN(test_inverses);
  RUN(test_singular);
  RUN(test_sparse);
  RUN(test_memory);
}
