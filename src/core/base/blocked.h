/* blocked.h: products and inverses of dense matrices of some hundreds or thousands of rows, on the vector
 * kernels.
 *
 * Matrices are by rows. Work is cut into strips by the sizes alone, so that results do not depend on the
 * number of
 * threads.
 */
#ifndef FM_BLOCKED_H
#define FM_BLOCKED_H

#include <stddef.h>

#include "status.h"

/* What to multiply: c (p x n) += u' a with u (m x p) and a (m x n); ldu, lda, ldc are the lengths of their
 * rows.
 * upper: only the strips of c that hold its upper triangle (for a symmetric result; see fm_mirror). */
typedef struct fm_product {
  size_t m, p, n;
  const double *u, *a;
  double *c;
  size_t ldu, lda, ldc;
  int upper;
} fm_product;

fm_code fm_multiply(const fm_product *product, int threads);

/* The lower triangle of c (n x n) := the upper one. */
void fm_mirror(double *c, size_t n, size_t ldc);

/* a (n x n, symmetric and positive definite, rows lda apart) := its inverse. FM_SINGULAR when a pivot
 * falls below tol of its
 * diagonal entry; a is then spoilt. Cost n^3 / 2 multiplications. */
fm_code fm_invert(double *a, size_t n, size_t lda, double tol, int threads);

#endif
