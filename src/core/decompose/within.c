/* within.c: see within.h. */
#include "within.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/linalg.h"

/* What is left of a regressor within firms when it counts as constant there. */
static const double tolerance = 1e-9;

fm_code fm_within_init(fm_within *w, size_t size) {
  const size_t square = size * size;
  *w = (fm_within){.size = size};
  w->s = fm_alloc_zero(square, sizeof(double));
  w->v = fm_alloc_zero(square, sizeof(double));
  w->meat = fm_alloc_zero(square, sizeof(double));
  w->raw = fm_alloc_zero(size, sizeof(double));
  w->g = fm_alloc_zero(size, sizeof(double));
  w->beta = fm_alloc_zero(size, sizeof(double));
  w->sum = fm_alloc_zero(size, sizeof(double));
  w->aliased = fm_alloc_zero(size, 1);
  w->seen = fm_alloc(size, sizeof(uint32_t));
  const int fine = w->s && w->v && w->meat && w->raw && w->g && w->beta && w->sum && w->aliased && w->seen;
  return fine ? FM_OK : FM_NO_MEMORY;
}

void fm_within_free(fm_within *w) {
  fm_free(w->s), fm_free(w->v), fm_free(w->meat), fm_free(w->raw), fm_free(w->g), fm_free(w->beta);
  fm_free(w->gap), fm_free(w->sum), fm_free(w->aliased), fm_free(w->seen);
  *w = (fm_within){0};
}

fm_code fm_within_rows_init(fm_within_rows *rows, size_t longest, size_t entries_of_row) {
  *rows = (fm_within_rows){.first = fm_alloc_zero(longest + 1, sizeof(size_t)),
                           .index = fm_alloc(longest * entries_of_row, sizeof(uint32_t)),
                           .value = fm_alloc(longest * entries_of_row, sizeof(double)),
                           .y = fm_alloc(longest, sizeof(double))};
  return rows->first && rows->index && rows->value && rows->y ? FM_OK : FM_NO_MEMORY;
}

void fm_within_rows_free(fm_within_rows *rows) {
  fm_free(rows->first), fm_free(rows->index), fm_free(rows->value), fm_free(rows->y);
  *rows = (fm_within_rows){0};
}

/* ---- sums over a firm, in w->sum -------------------------------------------------------------------- */
/* Adds factor x_t; an entry that is exactly 0 may be seen twice, which does no harm to sums of products
 * with it. */
static size_t add_row(fm_within *w, const fm_within_rows *rows, size_t t, double factor, size_t n_seen) {
  for (size_t a = rows->first[t]; a < rows->first[t + 1]; a++) {
    const uint32_t at = rows->index[a];
    size_t k = 0;
    while (k < n_seen && w->seen[k] != at) {
      k++;
    }
    if (k == n_seen) {
      w->seen[n_seen++] = at;
    }
    w->sum[at] += factor * rows->value[a];
  }
  return n_seen;
}

void fm_within_clear(fm_within *w, size_t n_seen) {
  for (size_t k = 0; k < n_seen; k++) {
    w->sum[w->seen[k]] = 0.0;
  }
}

/* to += factor times the outer product of what is in w->sum. */
static void add_outer(const fm_within *w, size_t n_seen, double factor, double *to) {
  for (size_t a = 0; a < n_seen; a++) {
    double *row = to + w->seen[a] * w->size;
    const double scaled = factor * w->sum[w->seen[a]];
    for (size_t b = 0; b < n_seen; b++) {
      row[w->seen[b]] += scaled * w->sum[w->seen[b]];
    }
  }
}

static void add_squares(fm_within *w, const fm_within_rows *rows, size_t t) {
  for (size_t a = rows->first[t]; a < rows->first[t + 1]; a++) {
    w->raw[rows->index[a]] += rows->value[a] * rows->value[a];
    for (size_t b = rows->first[t]; b < rows->first[t + 1]; b++) {
      w->s[rows->index[a] * w->size + rows->index[b]] += rows->value[a] * rows->value[b];
    }
  }
}

static double mean_y(const fm_within_rows *rows) {
  double sum = 0.0;
  for (size_t t = 0; t < rows->n; t++) {
    sum += rows->y[t];
  }
  return sum / (double)rows->n;
}

void fm_within_add(fm_within *w, const fm_within_rows *rows) {
  if (rows->n == 0) {
    return;
  }
  const double mean = mean_y(rows);
  size_t n_seen = 0;
  for (size_t t = 0; t < rows->n; t++) {
    add_squares(w, rows, t);
    n_seen = add_row(w, rows, t, 1.0, n_seen);
    for (size_t a = rows->first[t]; a < rows->first[t + 1]; a++) {
      w->g[rows->index[a]] += rows->value[a] * (rows->y[t] - mean);
    }
  }
  add_outer(w, n_seen, -1.0 / (double)rows->n, w->s);
  fm_within_clear(w, n_seen);
  w->n += rows->n;
  w->n_firms++;
}

/* ---- the regression --------------------------------------------------------------------------------- */
/* I - S V, where more is aliased than one sum of dummies. */
static fm_code note_gaps(fm_within *w) {
  const size_t n = w->size;
  size_t combined = 0;
  for (size_t a = 0; a < n; a++) {
    combined += w->aliased[a] == 1;
  }
  if (combined < 2) {
    return FM_OK;
  }
  w->gap = fm_alloc(n * n, sizeof(double));
  if (w->gap == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t a = 0; a < n; a++) {
    for (size_t b = 0; b < n; b++) {
      double sum = a == b ? 1.0 : 0.0;
      for (size_t k = 0; k < n; k++) {
        sum -= w->s[a * n + k] * w->v[k * n + b];
      }
      w->gap[a * n + b] = sum;
    }
  }
  return FM_OK;
}

fm_code fm_within_solve(fm_within *w, fm_error *err) {
  const size_t n = w->size;
  for (size_t a = 0; a < n; a++) {
    const int none = w->s[a * (n + 1)] <= tolerance * w->raw[a];
    if (none) {
      for (size_t b = 0; b < n; b++) {
        w->s[a * n + b] = w->s[b * n + a] = 0.0;
      }
    }
    for (size_t b = 0; b < a; b++) {
      w->s[a * n + b] = w->s[b * n + a];
    }
  }
  fm_chol chol;
  FM_TRY(fm_chol_init(&chol, w->s, n, NULL, NULL, tolerance, err));
  const fm_code code = fm_chol_inverse(&chol, w->v);
  for (size_t a = 0; a < n; a++) {
    w->aliased[a] = (unsigned char)chol.aliased[a];
  }
  fm_chol_free(&chol);
  FM_TRY(code);
  for (size_t a = 0; a < n; a++) {
    double sum = 0.0;
    for (size_t b = 0; b < n; b++) {
      sum += w->v[a * n + b] * w->g[b];
    }
    w->beta[a] = sum;
  }
  return note_gaps(w);
}

double fm_within_fit(const fm_within *w, const fm_within_rows *rows, size_t t) {
  double sum = 0.0;
  for (size_t a = rows->first[t]; a < rows->first[t + 1]; a++) {
    sum += rows->value[a] * w->beta[rows->index[a]];
  }
  return sum;
}

size_t fm_within_rho(fm_within *w, const fm_within_rows *rows, double *e) {
  double mean = 0.0;
  for (size_t t = 0; t < rows->n; t++) {
    e[t] = rows->y[t] - fm_within_fit(w, rows, t);
    mean += e[t] / (double)rows->n;
  }
  size_t n_seen = 0;
  for (size_t t = 0; t < rows->n; t++) {
    e[t] -= mean;
    n_seen = add_row(w, rows, t, e[t], n_seen);
  }
  return n_seen;
}

void fm_within_meat(fm_within *w, size_t n_seen) { add_outer(w, n_seen, 1.0, w->meat); }

int fm_within_estimable(const fm_within *w, const double *c) {
  for (size_t b = 0; b < w->size; b++) {
    double sum = 0.0, size = 0.0;
    if (w->aliased[b] == 2) {
      sum = c[b];
      size = 1.0;
    } else if (w->gap != NULL) {
      for (size_t a = 0; a < w->size; a++) {
        sum += c[a] * w->gap[a * w->size + b];
        size += fabs(c[a]);
      }
    }
    if (fabs(sum) > 1e-6 * size) {
      return 0;
    }
  }
  return 1;
}
