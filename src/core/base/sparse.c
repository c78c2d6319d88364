/* sparse.c: rows of entries; a product takes FM_PANEL columns of b at a time, copied together, so that they
 * stay in the caches and a row of the result in registers.
 */
#include "sparse.h"

#include <string.h>

#include "alloc.h"
#include "blocked.h"
#include "kernels.h"
#include "threads.h"

/* Above one entry in so many the dense product is faster. */
enum { SPARSE_FROM = 6 };

static double entry(const double *a, size_t n, size_t i, size_t j, int transposed) {
  return transposed ? a[j * n + i] : a[i * n + j];
}

static fm_code keep_dense(fm_sparse *s, const double *a, int transposed) {
  s->turned = fm_alloc(s->n * s->n, sizeof(double));
  if (s->turned == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < s->n; i++) {
    for (size_t j = 0; j < s->n; j++) {
      s->turned[i * s->n + j] = entry(a, s->n, i, j, !transposed);
    }
  }
  return FM_OK;
}

static fm_code keep_entries(fm_sparse *s, const double *a, int transposed, size_t entries) {
  s->first = fm_alloc(s->n + 1, sizeof(size_t));
  s->column = fm_alloc(entries, sizeof(uint32_t));
  s->value = fm_alloc(entries, sizeof(double));
  if (s->first == NULL || s->column == NULL || s->value == NULL) {
    return FM_NO_MEMORY;
  }
  size_t at = 0;
  for (size_t i = 0; i < s->n; i++) {
    s->first[i] = at;
    for (size_t j = 0; j < s->n; j++) {
      const double value = entry(a, s->n, i, j, transposed);
      if (value != 0.0) {
        s->column[at] = (uint32_t)j;
        s->value[at++] = value;
      }
    }
  }
  s->first[s->n] = at;
  return FM_OK;
}

fm_code fm_sparse_init(fm_sparse *s, const double *a, size_t n, int transposed) {
  *s = (fm_sparse){.n = n};
  size_t entries = 0;
  for (size_t k = 0; k < n * n; k++) {
    entries += a[k] != 0.0;
  }
  return entries * SPARSE_FROM > n * n ? keep_dense(s, a, transposed)
                                       : keep_entries(s, a, transposed, entries);
}

void fm_sparse_free(fm_sparse *s) {
  fm_free(s->first), fm_free(s->column), fm_free(s->value), fm_free(s->turned);
  *s = (fm_sparse){0};
}

/* ---- products --------------------------------------------------------------------------------------- */
typedef struct panels {
  const fm_sparse *s;
  const double *b;
  double *c;
  double *copy; /* of each worker: n x FM_PANEL */
} panels;

static fm_code panel(void *context, size_t task, size_t worker) {
  const panels *x = context;
  const fm_kernels *kernels = fm_kernels_best();
  const size_t n = x->s->n, from = task * FM_PANEL, width = n - from < FM_PANEL ? n - from : FM_PANEL;
  double *copy = x->copy + worker * n * FM_PANEL;
  for (size_t i = 0; i < n; i++) {
    memcpy(copy + i * FM_PANEL, x->b + i * n + from, width * sizeof(double));
    memset(copy + i * FM_PANEL + width, 0, (FM_PANEL - width) * sizeof(double));
  }
  for (size_t i = 0; i < n; i++) {
    const size_t first = x->s->first[i];
    double sum[FM_PANEL];
    kernels->gather(x->s->value + first, x->s->column + first, x->s->first[i + 1] - first, copy, sum);
    for (size_t k = 0; k < width; k++) {
      x->c[i * n + from + k] += sum[k];
    }
  }
  return FM_OK;
}

fm_code fm_sparse_times(const fm_sparse *s, const double *b, double *c, int threads) {
  if (s->turned != NULL) {
    const fm_product whole = {s->n, s->n, s->n, s->turned, b, c, s->n, s->n, s->n, 0};
    return fm_multiply(&whole, threads);
  }
  const size_t workers = threads > 1 ? (size_t)threads : 1;
  panels x = {s, b, c, fm_alloc(workers * s->n * FM_PANEL, sizeof(double))};
  const fm_code code =
      x.copy != NULL ? fm_parallel((s->n + FM_PANEL - 1) / FM_PANEL, threads, panel, &x) : FM_NO_MEMORY;
  fm_free(x.copy);
  return code;
}
