/* row_spread.c: rows in batches, each batch on some thread; a batch writes to its own rows only. */
#include "row_spread.h"

#include <math.h>
#include <stdlib.h>

#include "alloc.h"
#include "threads.h"

enum { BATCH = 256 };

typedef struct spread {
  const double *x, *at;
  size_t n_rows, n_columns, n_at;
  double *out;
} spread;

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The numbers of a row, NaN left out: how many. */
static size_t gather(const spread *s, size_t row, double *numbers) {
  size_t n = 0;
  for (size_t k = 0; k < s->n_columns; k++) {
    const double x = s->x[row + k * s->n_rows];
    if (!isnan(x)) {
      numbers[n++] = x;
    }
  }
  return n;
}

static double deviation(const double *x, size_t n) {
  double mean = 0.0, squares = 0.0;
  for (size_t k = 0; k < n; k++) {
    mean += x[k];
  }
  mean /= (double)n;
  for (size_t k = 0; k < n; k++) {
    squares += (x[k] - mean) * (x[k] - mean);
  }
  return n > 1 ? sqrt(squares / (double)(n - 1)) : NAN;
}

static double quantile(const double *sorted, size_t n, double at) {
  if (n == 0) {
    return NAN;
  }
  const double position = at * (double)(n - 1);
  const size_t low = (size_t)floor(position), high = low + 1 < n ? low + 1 : low;
  return sorted[low] + (position - (double)low) * (sorted[high] - sorted[low]);
}

static fm_code run_batch(void *context, size_t batch, size_t worker) {
  const spread *s = context;
  (void)worker;
  double *numbers = fm_alloc(s->n_columns, sizeof(double));
  if (numbers == NULL) {
    return FM_NO_MEMORY;
  }
  const size_t last = (batch + 1) * BATCH < s->n_rows ? (batch + 1) * BATCH : s->n_rows;
  for (size_t row = batch * BATCH; row < last; row++) {
    const size_t n = gather(s, row, numbers);
    s->out[row] = deviation(numbers, n);
    qsort(numbers, n, sizeof(double), compare);
    for (size_t k = 0; k < s->n_at; k++) {
      s->out[row + (1 + k) * s->n_rows] = quantile(numbers, n, s->at[k]);
    }
  }
  fm_free(numbers);
  return FM_OK;
}

fm_code fm_row_spread(const double *x, size_t n_rows, size_t n_columns, const double *at, size_t n_at,
                      int threads, double *out) {
  spread s = {x, at, n_rows, n_columns, n_at, out};
  return fm_parallel((n_rows + BATCH - 1) / BATCH, threads, run_batch, &s);
}
