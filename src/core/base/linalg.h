/* linalg.h: the dense algebra the optimiser, the standard errors and the equilibria need.
 *
 * Matrices are n x n, column-major, leading dimension n, both triangles filled unless said otherwise.
 */
#ifndef FM_LINALG_H
#define FM_LINALG_H

#include <stddef.h>

#include "status.h"

/* A rank-revealing factorisation of a symmetric positive semi-definite matrix, in the given order:
 * the matrix is scaled to unit diagonal, variables enter in order[0], order[1], ..., and one whose
 * remaining variance is below tol of its own is left out (aliased), as lm leaves out later columns. */
typedef enum fm_aliasing {
  FM_NOT_ALIASED = 0,
  FM_COLLINEAR = 1,   /* a linear combination of kept variables */
  FM_NO_VARIATION = 2 /* zero diagonal */
} fm_aliasing;

typedef struct fm_chol {
  size_t n;        /* order of the matrix */
  size_t rank;     /* variables kept */
  size_t *kept;    /* rank: their indices, in the order of elimination */
  int *aliased;    /* n: an fm_aliasing of each */
  double *scale;   /* n: 1 / sqrt(diagonal), 0 where the diagonal is 0 */
  double *factor;  /* rank x rank lower Cholesky factor of the scaled, kept part, BY ROWS; 0 above */
  double *combine; /* rank x n: for an aliased variable, its coefficients on the kept ones */
} fm_chol;

/* order may be NULL (0, 1, ..., n-1); skip (may be NULL) marks variables to leave out beforehand
 * (fixed parameters); they count neither as kept nor as aliased, and their entries are not looked at.
 * combine is in the units of a: x_k = sum_i combine[i + k*rank] x_kept[i]. A diagonal below the square
 * of the rounding unit times the largest counts as zero. Cost n^3/3. Fails with FM_NO_MEMORY, FM_INVALID
 * (a non-finite entry, an order that is no permutation) or FM_SINGULAR (a pivot is negative beyond
 * rounding: not semi-definite); there is then nothing to free, though fm_chol_free is harmless. */
fm_code fm_chol_init(fm_chol *chol, const double *a, size_t n, const size_t *order, const int *skip,
                     double tol, fm_error *err);
/* x = A^-1 b over the kept variables, 0 elsewhere. x may not alias b. */
void fm_chol_solve(const fm_chol *chol, const double *b, double *x);
/* inverse (n x n) of the kept part, 0 elsewhere. */
fm_code fm_chol_inverse(const fm_chol *chol, double *inverse);
void fm_chol_free(fm_chol *chol);

/* Eigenvalues of a symmetric matrix in ascending order (LAPACK dsyev); a is not changed. */
fm_code fm_eigenvalues(const double *a, size_t n, double *values, fm_error *err);

/* 2-norm condition number of a after scaling to unit diagonal, over the variables not skipped;
 * INFINITY when singular or not positive definite, 1 when all are skipped. From all eigenvalues up to
 * order 500; beyond, estimated from below (mostly within a few per cent) by power and inverse iteration. */
fm_code fm_condition(const double *a, size_t n, const int *skip, double *condition, fm_error *err);

/* LU factors of a general matrix a, in place, by partial pivoting (LAPACK dgetrf); pivot: n. FM_SINGULAR
 * when a pivot is exactly zero, FM_INVALID when an entry is not finite or n is too large for LAPACK. */
fm_code fm_lu_factor(double *a, size_t n, int *pivot);
/* Columns of b (n x m) := A^-1 b, or A'^-1 b when transposed (LAPACK dgetrs). */
void fm_lu_solve(const double *lu, size_t n, const int *pivot, int transposed, double *b, size_t m);

#endif
