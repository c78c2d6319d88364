/* blocked.c: strips and blocks that stay in the caches, for the kernels.
 *
 * The inverse is the sweep operator taken a block K of variables at a time,
 *
 *   a_KK -> -a_KK^-1,   a_Kj -> a_KK^-1 a_Kj,   a_ij -> a_ij - a_iK a_KK^-1 a_Kj,
 *
 * which leaves a symmetric at each step (so that half of it is enough) and ends in minus the inverse.
 */
#include "blocked.h"

#include <string.h>

#include "alloc.h"
#include "kernels.h"
#include "threads.h"

enum { STRIP = 64, DEEP = 256, WIDE = 512 };

/* ---- products --------------------------------------------------------------------------------------- */
typedef struct multiplication {
  const fm_product *x;
  const fm_kernels *kernels;
} multiplication;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static fm_code strip(void *context, size_t task, size_t worker) {
  const multiplication *s = context;
  const fm_product *x = s->x;
  const size_t k = task * STRIP, rows = smaller(STRIP, x->p - k);
  (void)worker;
  for (size_t i = 0; i < x->m; i += DEEP) {
    for (size_t j = x->upper ? k : 0; j < x->n; j += WIDE) {
      s->kernels->gemm_tn(smaller(DEEP, x->m - i), rows, smaller(WIDE, x->n - j), x->u + i * x->ldu + k,
                          x->ldu, x->a + i * x->lda + j, x->lda, x->c + k * x->ldc + j, x->ldc);
    }
  }
  return FM_OK;
}

fm_code fm_multiply(const fm_product *product, int threads) {
  multiplication s = {product, fm_kernels_best()};
  return fm_parallel((product->p + STRIP - 1) / STRIP, threads, strip, &s);
}

void fm_mirror(double *c, size_t n, size_t ldc) {
  for (size_t i = 0; i < n; i += STRIP) {
    for (size_t j = i; j < n; j += STRIP) {
      for (size_t a = i; a < smaller(i + STRIP, n); a++) {
        for (size_t b = j > a ? j : a + 1; b < smaller(j + STRIP, n); b++) {
          c[b * ldc + a] = c[a * ldc + b];
        }
      }
    }
  }
}

/* ---- the inverse ------------------------------------------------------------------------------------ */
/* Sweeps the small matrix d (m x m) whole: d := d^-1. */
static fm_code invert_small(double *d, size_t m, const double *least) {
  for (size_t k = 0; k < m; k++) {
    const double pivot = d[k * m + k];
    if (!(pivot > least[k])) {
      return FM_SINGULAR;
    }
    double *own = d + k * m;
    own[k] = 1.0;
    for (size_t j = 0; j < m; j++) {
      own[j] /= pivot;
    }
    for (size_t i = 0; i < m; i++) {
      if (i == k) {
        continue;
      }
      const double factor = d[i * m + k];
      d[i * m + k] = 0.0;
      for (size_t j = 0; j < m; j++) {
        d[i * m + j] -= factor * own[j];
      }
    }
  }
  return FM_OK;
}

typedef struct sweep {
  double *a;
  size_t n, lda;
  double *least;          /* n: pivots must be above */
  double *small;          /* STRIP x STRIP */
  double *row, *solution; /* STRIP x n: minus a_K. and a_KK^-1 a_K. */
} sweep;

/* Rows k .. k+m-1 of a, from its upper triangle. */
static void take_rows(const sweep *s, size_t k, size_t m) {
  for (size_t r = 0; r < m; r++) {
    double *to = s->row + r * s->n;
    for (size_t j = 0; j < k + r; j++) {
      to[j] = -s->a[j * s->lda + k + r];
    }
    for (size_t j = k + r; j < s->n; j++) {
      to[j] = -s->a[(k + r) * s->lda + j];
    }
    for (size_t j = 0; j < m; j++) {
      s->small[r * m + j] = -to[k + j];
    }
  }
}

/* The rows and columns of the block itself, after the rest. */
static void put_rows(const sweep *s, size_t k, size_t m) {
  for (size_t r = 0; r < m; r++) {
    const double *from = s->solution + r * s->n;
    for (size_t j = 0; j < k; j++) {
      s->a[j * s->lda + k + r] = from[j];
    }
    for (size_t j = k + r; j < s->n; j++) {
      s->a[(k + r) * s->lda + j] = j < k + m ? -s->small[r * m + (j - k)] : from[j];
    }
  }
}

static fm_code sweep_block(const sweep *s, size_t k, size_t m, int threads) {
  const fm_kernels *kernels = fm_kernels_best();
  take_rows(s, k, m);
  FM_TRY(invert_small(s->small, m, s->least + k));
  memset(s->solution, 0, m * s->n * sizeof(double));
  for (size_t r = 0; r < m; r++) { /* small is symmetric */
    for (size_t j = 0; j < m; j++) {
      kernels->axpy(-s->small[r * m + j], s->row + j * s->n, s->solution + r * s->n, s->n);
    }
  }
  const fm_product rest = {m, s->n, s->n, s->row, s->solution, s->a, s->n, s->n, s->lda, 1};
  FM_TRY(fm_multiply(&rest, threads));
  put_rows(s, k, m);
  return FM_OK;
}

static fm_code invert(sweep *s, double tol, int threads) {
  if (s->least == NULL || s->small == NULL || s->row == NULL || s->solution == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < s->n; i++) {
    s->least[i] = tol * s->a[i * s->lda + i];
  }
  for (size_t k = 0; k < s->n; k += STRIP) {
    FM_TRY(sweep_block(s, k, smaller(STRIP, s->n - k), threads));
  }
  for (size_t i = 0; i < s->n; i++) {
    for (size_t j = i; j < s->n; j++) {
      s->a[i * s->lda + j] = -s->a[i * s->lda + j];
    }
  }
  fm_mirror(s->a, s->n, s->lda);
  return FM_OK;
}

fm_code fm_invert(double *a, size_t n, size_t lda, double tol, int threads) {
  sweep s = {.a = a, .n = n, .lda = lda};
  s.least = fm_alloc(n, sizeof(double));
  s.small = fm_alloc(STRIP, STRIP * sizeof(double));
  s.row = fm_alloc(n, STRIP * sizeof(double));
  s.solution = fm_alloc(n, STRIP * sizeof(double));
  const fm_code code = invert(&s, tol, threads);
  fm_free(s.least), fm_free(s.small), fm_free(s.row), fm_free(s.solution);
  return code;
}
