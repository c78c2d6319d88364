/* mixed_derivatives.c: score and information of a group, batch by batch.
 *
 * With a_r the share of draw r, g and C its score and information in the coefficients gamma, T' and T'' the
 * derivatives of gamma in eta, and f_p the derivative of eta in parameter p (1 for a
 * mean, a draw for a spread):
 *   score_p = sum_r a_r g_s T'_s f_p,
 *   H_pq    = sum_r a_r (T'_s T'_t C_st - 1{s = t} g_s T''_s - T'_s g_s T'_t g_t) f_p f_q,
 * and the group adds H / sum a + score score' / (sum a)^2 to the information. Coefficients that do not vary
 * need no C: the sums over places of their products take the average probabilities, and only the products
 * of means of x (`across`, `within`) run over the draws.
 * Overwrites the batch arrays, adds to the sums of the group. Thread safety: a group belongs to one thread.
 */
#include <math.h>
#include <string.h>

#include "mixed_group.h"

enum { STRIP = 8 }; /* rows of a product of which only the upper triangle is wanted */

/* ---- sums of the group ------------------------------------------------------------------------------- */
static void rescale(const fm_mixed_group *g, double by, double *x, size_t n) {
  if (by == 0.0) {
    memset(x, 0, n * sizeof(double));
  } else {
    g->kernels->scale(by, x, n);
  }
}

void fm_mixed_rescale(fm_mixed_group *g, double by) {
  if (g->order < FM_SCORE || by == 1.0) {
    return;
  }
  rescale(g, by, g->sums.mean_p, g->rows.n);
  rescale(g, by, g->sums.score, g->n_par);
  if (g->order < FM_INFORMATION) {
    return;
  }
  rescale(g, by, g->sums.h, g->n_moving * g->n_moving);
  if (g->n_fixed > 0) {
    rescale(g, by, g->sums.lever_p, g->rows.n * g->n_moving);
    rescale(g, by, g->sums.across, g->n_fixed * g->n_moving);
    rescale(g, by, g->sums.within, g->n_fixed * g->n_fixed);
  }
}

/* ---- a batch ----------------------------------------------------------------------------------------- */
/* Columns of y and g that are needed: the varying ones for the score, all for the information. */
static size_t columns_wanted(const fm_mixed_group *g) {
  return g->order >= FM_INFORMATION ? g->n_linear : g->n_varying;
}

/* y: the mean of x over the places of a unit, for each draw. */
static void unit_means(fm_mixed_group *g, size_t unit) {
  const size_t n = g->batch, first = g->rows.offset[unit], rows = g->rows.offset[unit + 1] - first;
  const size_t wanted = columns_wanted(g), terms = wanted < g->n_terms ? wanted : g->n_terms;
  memset(g->draws.y, 0, wanted * n * sizeof(double));
  g->kernels->gemm_tn(rows, terms, n, g->rows.x + first * g->n_terms, g->n_terms, g->draws.p + first * n, n,
                      g->draws.y, n);
  if (wanted > g->n_terms) {
    for (size_t row = 0; row < rows; row++) {
      memcpy(g->draws.y + (g->n_terms + g->rows.place[first + row]) * n, g->draws.p + (first + row) * n,
             n * sizeof(double));
    }
  }
}

/* h += a b' of the columns of two arrays by draw; of a product with itself the upper triangle. */
static void add_upper(const fm_mixed_group *g, size_t m, const double *a, const double *b, double *h) {
  const size_t n = g->batch;
  for (size_t k = 0; k < m; k += STRIP) {
    const size_t height = m - k < STRIP ? m - k : STRIP;
    g->kernels->gemm_nt(height, m - k, n, a + k * n, n, b + k * n, n, h + k * m + k, m);
  }
}

/* Products of the means z of the fixed columns with themselves and with the varying ones, `times` over. */
static void take_means(fm_mixed_group *g, const double *z, double times) {
  const size_t n = g->batch, nf = g->n_fixed;
  const double *fixed = z + g->n_varying * n;
  for (size_t q = 0; q < g->n_moving; q++) {
    g->kernels->times(g->draws.lever + q * n, z + g->numbering.moving_of[q] * n, g->draws.spare + q * n, n);
  }
  g->kernels->scale(times, g->draws.spare, g->n_moving * n);
  g->kernels->gemm_nt(nf, g->n_moving, n, fixed, n, g->draws.spare, n, g->sums.across, g->n_moving);
  for (size_t c = 0; c < nf; c++) {
    g->kernels->times(g->draws.share, fixed + c * n, g->draws.spare + c * n, n);
  }
  g->kernels->scale(times, g->draws.spare, nf * n);
  add_upper(g, nf, g->draws.spare, fixed, g->sums.within);
}

/* g = constant - sum of size y; c = sum of size (mean of x x' - y y'). */
static void coefficient_derivatives(fm_mixed_group *g) {
  const size_t n = g->batch, wanted = columns_wanted(g);
  const int information = g->order >= FM_INFORMATION;
  for (size_t c = 0; c < wanted; c++) {
    for (size_t r = 0; r < n; r++) {
      g->draws.g[c * n + r] = g->rows.constant[c];
    }
  }
  if (information) {
    memset(g->draws.c, 0, g->n_pairs * n * sizeof(double));
    g->kernels->gemm_tn(g->rows.n, g->n_pairs, n, g->rows.product, g->n_pairs, g->draws.p, n, g->draws.c,
                        n);
  }
  for (size_t unit = 0; unit < g->rows.n_units; unit++) {
    if (!(g->rows.size[unit] > 0.0)) {
      continue;
    }
    unit_means(g, unit);
    g->kernels->axpy(-g->rows.size[unit], g->draws.y, g->draws.g, wanted * n);
    if (information) {
      g->kernels->add_pairs(g->n_varying, n, -g->rows.size[unit], g->draws.y, n, g->draws.c, n);
    }
    if (information && g->n_fixed > 0) {
      take_means(g, g->draws.y, g->rows.size[unit]);
    }
  }
}

static const double *factor(const fm_mixed_group *g, size_t q, size_t b) {
  const size_t dim = g->numbering.moving_by[q];
  return dim == FM_NO_DIMENSION ? g->draws.ones : g->draws.e + (dim * g->n_batches + b) * g->batch;
}

/* share times the derivative of the coefficient in each parameter. */
static void levers(fm_mixed_group *g, size_t b) {
  const size_t n = g->batch;
  for (size_t q = 0; q < g->n_moving; q++) {
    double *lever = g->draws.lever + q * n;
    g->kernels->times(g->draws.share, g->draws.slope + g->numbering.moving_of[q] * n, lever, n);
    if (g->numbering.moving_by[q] != FM_NO_DIMENSION) {
      g->kernels->times(lever, factor(g, q, b), lever, n);
    }
  }
}

/* c becomes share (T' T' C - 1{s = t} g T'' - T' g T' g). */
static void to_index(fm_mixed_group *g) {
  const size_t n = g->batch, ns = g->n_varying;
  double *h = g->draws.spare; /* ns x n: T' g */
  for (size_t s = 0; s < ns; s++) {
    g->kernels->times(g->draws.slope + s * n, g->draws.g + s * n, h + s * n, n);
  }
  for (size_t s = 0, pair = 0; s < ns; s++) {
    for (size_t t = s; t < ns; t++, pair++) {
      double *c = g->draws.c + pair * n;
      g->kernels->times(c, g->draws.slope + s * n, c, n);
      g->kernels->times(c, g->draws.slope + t * n, c, n);
      if (s == t) {
        for (size_t r = 0; r < n; r++) {
          c[r] -= g->draws.g[s * n + r] * g->draws.curve[s * n + r];
        }
      }
    }
  }
  g->kernels->add_pairs(ns, n, -1.0, h, n, g->draws.c, n);
  for (size_t pair = 0; pair < g->n_pairs; pair++) {
    g->kernels->times(g->draws.c + pair * n, g->draws.share, g->draws.c + pair * n, n);
  }
}

static void add_information(fm_mixed_group *g, size_t b) {
  const size_t n = g->batch, nm = g->n_moving;
  for (size_t q = 0; q < nm; q++) {
    for (size_t p = 0; p <= q; p++) {
      const size_t s = g->numbering.moving_of[p],
                   t = g->numbering.moving_of[q]; /* moving parameters are in order of column */
      const double *c = g->draws.c + fm_pair(g->n_varying, s, t) * n;
      g->sums.h[p * nm + q] += g->kernels->dot3(c, factor(g, p, b), factor(g, q, b), n);
    }
  }
}

void fm_mixed_differentiate(fm_mixed_group *g, size_t b) {
  const size_t n = g->batch;
  levers(g, b);
  coefficient_derivatives(g);
  g->kernels->gemm_nt(g->rows.n, 1, n, g->draws.p, n, g->draws.share, n, g->sums.mean_p, 1);
  if (g->order >= FM_INFORMATION && g->n_fixed > 0) {
    take_means(g, g->draws.g, 1.0);
    g->kernels->gemm_nt(g->rows.n, g->n_moving, n, g->draws.p, n, g->draws.lever, n, g->sums.lever_p,
                        g->n_moving);
  }
  fm_mixed_to_gamma(g);
  for (size_t q = 0; q < g->n_moving; q++) {
    g->sums.score[g->numbering.moving[q]] +=
        g->kernels->dot(g->draws.lever + q * n, g->draws.g + g->numbering.moving_of[q] * n, n);
  }
  if (g->order >= FM_INFORMATION) {
    to_index(g);
    add_information(g, b);
  }
}

/* ---- the group as a whole ---------------------------------------------------------------------------- */
/* Fixed columns of a row: its terms, then 1 for its place constant (column `effect`, or none). */
typedef struct fixed_row {
  const double *x;
  size_t n, effect;
} fixed_row;

static fixed_row row_of(const fm_mixed_group *g, size_t at) {
  return (fixed_row){g->rows.x + at * g->n_terms + g->n_varying, g->n_terms - g->n_varying,
                     g->n_linear > g->n_terms ? g->n_terms - g->n_varying + g->rows.place[at] : g->n_fixed};
}

static void add_fixed_products(const fm_mixed_group *g, double *h, const fixed_row *row, double by) {
  for (size_t k = 0; k < row->n; k++) {
    for (size_t l = k; l < row->n; l++) {
      h[k * g->n_fixed + l] += by * row->x[k] * row->x[l];
    }
    if (row->effect < g->n_fixed) {
      h[k * g->n_fixed + row->effect] += by * row->x[k];
    }
  }
  if (row->effect < g->n_fixed) {
    h[row->effect * (g->n_fixed + 1)] += by;
  }
}

/* Turns within and across, what is to be taken off, into the blocks of H. */
static void finish_fixed(fm_mixed_group *g) {
  const size_t nf = g->n_fixed, nm = g->n_moving;
  g->kernels->scale(-1.0, g->sums.within, nf * nf);
  g->kernels->scale(-1.0, g->sums.across, nf * nm);
  for (size_t unit = 0; unit < g->rows.n_units; unit++) {
    for (size_t at = g->rows.offset[unit]; at < g->rows.offset[unit + 1]; at++) {
      const fixed_row row = row_of(g, at);
      add_fixed_products(g, g->sums.within, &row, g->rows.size[unit] * g->sums.mean_p[at]);
      for (size_t q = 0; q < nm; q++) {
        const double by = g->rows.size[unit] * g->sums.lever_p[at * nm + q] *
                          g->rows.x[at * g->n_terms + g->numbering.moving_of[q]];
        for (size_t k = 0; k < row.n; k++) {
          g->sums.across[k * nm + q] += by * row.x[k];
        }
        if (row.effect < nf) {
          g->sums.across[row.effect * nm + q] += by;
        }
      }
    }
  }
}

/* The score of the columns that do not vary takes the average probabilities. */
static void score_fixed(fm_mixed_group *g) {
  for (size_t c = 0; c < g->n_fixed; c++) {
    g->sums.score[g->numbering.linear[g->n_varying + c]] =
        g->sums.total * g->rows.constant[g->n_varying + c];
  }
  for (size_t unit = 0; unit < g->rows.n_units; unit++) {
    for (size_t at = g->rows.offset[unit]; at < g->rows.offset[unit + 1]; at++) {
      const fixed_row row = row_of(g, at);
      const double by = g->rows.size[unit] * g->sums.mean_p[at];
      for (size_t k = 0; k < row.n; k++) {
        g->sums.score[g->numbering.linear[g->n_varying + k]] -= by * row.x[k];
      }
      if (row.effect < g->n_fixed) {
        g->sums.score[g->numbering.linear[g->n_varying + row.effect]] -= by;
      }
    }
  }
}

static void add_entry(double *h, size_t ld, size_t k, size_t l, double x) {
  h[k <= l ? k + l * ld : l + k * ld] += x;
}

static void collect_information(const fm_mixed_group *g, double *h, size_t ld) {
  const double by = g->weight / g->sums.total;
  const size_t nm = g->n_moving, nf = g->n_fixed;
  const size_t *fixed = g->numbering.linear + g->n_varying;
  for (size_t p = 0; p < nm; p++) {
    for (size_t q = p; q < nm; q++) {
      add_entry(h, ld, g->numbering.moving[p], g->numbering.moving[q], by * g->sums.h[p * nm + q]);
    }
  }
  for (size_t k = 0; k < nf; k++) {
    for (size_t l = k; l < nf; l++) {
      add_entry(h, ld, fixed[k], fixed[l], by * g->sums.within[k * nf + l]);
    }
    for (size_t q = 0; q < nm; q++) {
      add_entry(h, ld, fixed[k], g->numbering.moving[q], by * g->sums.across[k * nm + q]);
    }
  }
}

/* score score' of the group, which H lacks and which alone is the outer product. */
static void collect_outer(const fm_mixed_group *g, double *h, size_t ld) {
  const double by = g->weight / (g->sums.total * g->sums.total);
  for (size_t l = 0; l < g->n_par; l++) {
    for (size_t k = 0; k <= l; k++) {
      h[k + l * ld] += by * g->sums.score[k] * g->sums.score[l];
    }
  }
}

void fm_mixed_collect(fm_mixed_group *g, fm_sums *sums) {
  score_fixed(g);
  g->kernels->axpy(g->weight / g->sums.total, g->sums.score, sums->score, g->n_par);
  if (g->order >= FM_INFORMATION) {
    if (g->n_fixed > 0) {
      finish_fixed(g);
    }
    collect_information(g, sums->information, sums->n_par);
  }
  if (sums->information != NULL) {
    collect_outer(g, sums->information, sums->n_par);
  }
}
