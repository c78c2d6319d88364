/* plain_lapack.c: the three functions of LAPACK that the core calls, in the plainest way, for machines that
 * are only there to be tested on: the cross compilers of Debian come without LAPACK. Arguments are those of
 * LAPACK.
 */
#include <math.h>
#include <string.h>

void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
            double *work, const int *lwork, int *info, size_t length_jobz, size_t length_uplo);
void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *pivot, int *info);
void dgetrs_(const char *trans, const int *n, const int *nrhs, const double *a, const int *lda,
             const int *pivot, double *b, const int *ldb, int *info, size_t length_trans);

/* ---- eigenvalues by Jacobi's rotations
 */

static void rotate(double *a, int n, int lda, int p, int q) {
  const double off = a[p + q * lda];
  if (off == 0.0) {
    return;
  }
  const double theta = (a[q + q * lda] - a[p + p * lda]) / (2.0 * off);
  const double t = (theta < 0.0 ? -1.0 : 1.0) / (fabs(theta) + sqrt(theta * theta + 1.0));
  const double c = 1.0 / sqrt(t * t + 1.0), s = t * c;
  for (int k = 0; k < n; k++) {
    const double x = a[k + p * lda], y = a[k + q * lda];
    a[k + p * lda] = c * x - s * y;
    a[k + q * lda] = s * x + c * y;
  }
  for (int k = 0; k < n; k++) {
    const double x = a[p + k * lda], y = a[q + k * lda];
    a[p + k * lda] = c * x - s * y;
    a[q + k * lda] = s * x + c * y;
  }
}

static void sort(double *w, int n) {
  for (int i = 1; i < n; i++) {
    const double x = w[i];
    int k = i;
    while (k > 0 && w[k - 1] > x) {
      w[k] = w[k - 1];
      k--;
    }
    w[k] = x;
  }
}

/* Eigenvalues alone, of the lower triangle. */
void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
            double *work, const int *lwork, int *info, size_t length_jobz, size_t length_uplo) {
  enum { SWEEPS = 60 };
  *info = *jobz == 'N' && *uplo == 'L' && length_jobz + length_uplo > 0 ? 0 : -1;
  if (*lwork < 0) {
    work[0] = 1.0;
    return;
  }
  for (int j = 0; j < *n; j++) {
    for (int i = 0; i < j; i++) {
      a[i + j * *lda] = a[j + i * *lda];
    }
  }
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    for (int p = 0; p < *n; p++) {
      for (int q = p + 1; q < *n; q++) {
        rotate(a, *n, *lda, p, q);
      }
    }
  }
  for (int i = 0; i < *n; i++) {
    w[i] = a[i + i * *lda];
    *info = isfinite(w[i]) ? *info : i + 1;
  }
  sort(w, *n);
}

/* ---- solving by elimination
 */

static void swap_rows(double *a, int columns, int lda, int r, int s) {
  if (r == s) {
    return;
  }
  for (int j = 0; j < columns; j++) {
    const double x = a[r + j * lda];
    a[r + j * lda] = a[s + j * lda];
    a[s + j * lda] = x;
  }
}

void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *pivot, int *info) {
  const int steps = *m < *n ? *m : *n;
  *info = 0;
  for (int k = 0; k < steps; k++) {
    int best = k;
    for (int i = k + 1; i < *m; i++) {
      best = fabs(a[i + k * *lda]) > fabs(a[best + k * *lda]) ? i : best;
    }
    pivot[k] = best + 1;
    swap_rows(a, *n, *lda, k, best);
    if (a[k + k * *lda] == 0.0) {
      *info = *info == 0 ? k + 1 : *info;
      continue;
    }
    for (int i = k + 1; i < *m; i++) {
      a[i + k * *lda] /= a[k + k * *lda];
      for (int j = k + 1; j < *n; j++) {
        a[i + j * *lda] -= a[i + k * *lda] * a[k + j * *lda];
      }
    }
  }
}

/* Solves L y = b (unit) or U x = y; with `transposed` U' y = b or L' x = y. */
static void substitute(const double *a, int n, int lda, int upper, int transposed, double *b) {
  const int down = upper == transposed;
  for (int step = 0; step < n; step++) {
    const int i = down ? step : n - 1 - step;
    const int from = down ? 0 : i + 1, to = down ? i : n;
    for (int j = from; j < to; j++) {
      b[i] -= (transposed ? a[j + i * lda] : a[i + j * lda]) * b[j];
    }
    b[i] = upper ? b[i] / a[i + i * lda] : b[i];
  }
}

void dgetrs_(const char *trans, const int *n, const int *nrhs, const double *a, const int *lda,
             const int *pivot, double *b, const int *ldb, int *info, size_t length_trans) {
  const int transposed = *trans == 'T';
  *info = length_trans > 0 ? 0 : -1;
  if (!transposed) {
    for (int k = 0; k < *n; k++) {
      swap_rows(b, *nrhs, *ldb, k, pivot[k] - 1);
    }
  }
  for (int c = 0; c < *nrhs; c++) {
    substitute(a, *n, *lda, transposed, transposed, b + c * *ldb);
    substitute(a, *n, *lda, !transposed, transposed, b + c * *ldb);
  }
  if (transposed) {
    for (int k = *n - 1; k >= 0; k--) {
      swap_rows(b, *nrhs, *ldb, k, pivot[k] - 1);
    }
  }
}
