/* linalg.c: dense algebra: a rank-revealing Cholesky factorisation, what follows from it, and general LU.
 *
 * With S = diag(scale) and the kept variables in order of elimination, S A S = L L'. L is built a panel of
 * candidate variables at a time, by rows ("left-looking"):
 *   W = C L^-T    with C the rows of S A S of the panel's candidates, columns of the kept variables
 *   R = P - W W'  with P the part of S A S among the candidates: what the kept variables leave of them
 * and R is eliminated candidate by candidate: one whose pivot is below tol stays out, and its row w of W
 * gives its coefficients c on the kept ones, L' c = w. All large products are rows times rows (gemm_nt), so
 * both factors are read with stride one. L is stored by rows. Inputs are never changed.
 * LAPACK is called here only: dsyev, dgetrf, dgetrs.
 */
#include "linalg.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "alloc.h"
#include "kernels.h"

enum {
  PANEL = 64,        /* candidates a panel, columns a block */
  DEPTH = 512,       /* summands a product at a time: PANEL x DEPTH numbers fit a second-level cache */
  EXACT_ORDER = 500, /* largest matrix whose condition number comes from all its eigenvalues */
  POWER_STEPS = 60
};
static const double negative_pivot = -1e-8; /* below this the matrix is not semi-definite */
static const double power_accuracy = 1e-3;

/* Fortran appends the lengths of character arguments. */
#ifndef FC_LEN_T
#define FC_LEN_T size_t
#endif
extern void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
                   double *work, const int *lwork, int *info, FC_LEN_T jobz_length, FC_LEN_T uplo_length);

extern void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *pivot, int *info);
extern void dgetrs_(const char *trans, const int *n, const int *nrhs, const double *a, const int *lda,
                    const int *pivot, double *b, const int *ldb, int *info, FC_LEN_T trans_length);

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* ---- kernels on rows ------------------------------------------------------------------------------- */

/* c_ik -= sum_j a_ij b_kj for j < depth, i < m, k < p <= PANEL, m <= PANEL; scratch: PANEL x PANEL. */
static void subtract_products(const fm_kernels *kernels, size_t m, size_t p, size_t depth, const double *a,
                              size_t lda, const double *b, size_t ldb, double *c, size_t ldc,
                              double *scratch) {
  memset(scratch, 0, PANEL * PANEL * sizeof(double));
  for (size_t j = 0; j < depth; j += DEPTH) {
    kernels->gemm_nt(m, p, smaller(DEPTH, depth - j), a + j, lda, b + j, ldb, scratch, PANEL);
  }
  for (size_t i = 0; i < m; i++) {
    kernels->axpy(-1.0, scratch + i * PANEL, c + i * ldc, p);
  }
}

/* Rows w_i := L^-1 w_i for i < m <= PANEL, where L is r x r and the entries of w before `from` are 0. */
static void forward_rows(const fm_kernels *kernels, const double *l, size_t ldl, size_t from, size_t r,
                         double *w, size_t ldw, size_t m, double *scratch) {
  for (size_t first = from; first < r; first += PANEL) {
    const size_t width = smaller(PANEL, r - first);
    subtract_products(kernels, m, width, first - from, w + from, ldw, l + first * ldl + from, ldl,
                      w + first, ldw, scratch);
    for (size_t i = 0; i < m; i++) {
      double *x = w + i * ldw + first;
      for (size_t k = 0; k < width; k++) {
        const double *row = l + (first + k) * ldl + first;
        x[k] = (x[k] - kernels->dot(x, row, k)) / row[k];
      }
    }
  }
}

/* x := L^-T x */
static void backward(const fm_kernels *kernels, const double *l, size_t ldl, size_t r, double *x) {
  for (size_t k = r; k-- > 0;) {
    x[k] /= l[k * ldl + k];
    kernels->axpy(-x[k], l + k * ldl, x, k);
  }
}

/* ---- factorisation --------------------------------------------------------------------------------- */

typedef struct elimination {
  const double *a;
  double tol;
  size_t m;          /* candidates: not skipped, with variation */
  size_t *candidate; /* m: in order of elimination */
  size_t *left_out;  /* aliased candidates; their rows fill `factor` from its last row upwards */
  size_t n_left_out;
  double *panel;   /* PANEL x m */
  double *rest;    /* PANEL x PANEL */
  double *scratch; /* PANEL x PANEL */
  const fm_kernels *kernels;
} elimination;

static void elimination_free(elimination *e) {
  fm_free(e->candidate);
  fm_free(e->left_out);
  fm_free(e->panel);
  fm_free(e->rest);
  fm_free(e->scratch);
}

static int is_skipped(const int *skip, size_t k) { return skip != NULL && skip[k] != 0; }

/* Non-finite entries among the variables not skipped. */
static fm_code check_finite(const double *a, size_t n, const int *skip, fm_error *err) {
  for (size_t j = 0; j < n; j++) {
    if (!is_skipped(skip, j)) {
      for (size_t i = 0; i < n; i++) {
        if (!is_skipped(skip, i) && !isfinite(a[i + j * n])) {
          return fm_fail(err, FM_INVALID, "the matrix is not finite in row %zu, column %zu", i + 1, j + 1);
        }
      }
    }
  }
  return FM_OK;
}

/* The largest |a_ik| over the i not skipped. */
static double row_largest(const double *a, size_t n, const int *skip, size_t k) {
  double largest = 0.0;
  for (size_t i = 0; i < n; i++) {
    largest = is_skipped(skip, i) ? largest : fmax(largest, fabs(a[i + k * n]));
  }
  return largest;
}

/* Sets scale and aliased (2 without variation) of the variables not skipped. A variable in tiny units is
 * not one without variation: only a diagonal that is 0 counts as 0 (or is below it by rounding, if the rest
 * of its row is as small as it must then be). */
static fm_code set_scale(fm_chol *chol, const double *a, const int *skip, fm_error *err) {
  const size_t n = chol->n;
  double largest = 0.0;
  for (size_t k = 0; k < n; k++) {
    largest = is_skipped(skip, k) ? largest : fmax(largest, row_largest(a, n, skip, k));
  }
  for (size_t k = 0; k < n; k++) {
    const double diagonal = a[k + k * n];
    if (is_skipped(skip, k)) {
      continue;
    }
    chol->aliased[k] = diagonal <= DBL_MIN ? FM_NO_VARIATION : FM_NOT_ALIASED;
    chol->scale[k] = chol->aliased[k] ? 0.0 : 1.0 / sqrt(diagonal);
    if (diagonal < -1e-14 * largest ||
        (chol->aliased[k] && row_largest(a, n, skip, k) > -negative_pivot * largest)) {
      return fm_fail(err, FM_SINGULAR, "the matrix is not positive semi-definite: diagonal %zu is %g",
                     k + 1, diagonal);
    }
  }
  return FM_OK;
}

/* The candidates in order; every variable must be named once. */
static fm_code set_candidates(const fm_chol *chol, const size_t *order, elimination *e, fm_error *err) {
  size_t *seen = fm_alloc_zero(chol->n, sizeof(size_t));
  fm_code code = seen == NULL ? fm_fail(err, FM_NO_MEMORY, "out of memory") : FM_OK;
  for (size_t i = 0; code == FM_OK && i < chol->n; i++) {
    const size_t k = order == NULL ? i : order[i];
    if (k >= chol->n || seen[k]++ > 0) {
      code = fm_fail(err, FM_INVALID, "the order of elimination is not a permutation");
    } else if (chol->scale[k] > 0.0) {
      e->candidate[e->m++] = k;
    }
  }
  fm_free(seen);
  return code;
}

/* Panel rows: entries of the scaled matrix between candidates first, ..., first + m - 1 and the kept ones;
 * rest: those among the candidates. */
static void load_panel(const fm_chol *chol, elimination *e, size_t first, size_t m) {
  for (size_t i = 0; i < m; i++) {
    const size_t v = e->candidate[first + i];
    const double *column = e->a + v * chol->n;
    for (size_t k = 0; k < chol->rank; k++) {
      e->panel[i * e->m + k] = column[chol->kept[k]] * chol->scale[v] * chol->scale[chol->kept[k]];
    }
    for (size_t k = 0; k <= i; k++) {
      const size_t u = e->candidate[first + k];
      e->rest[i * PANEL + k] = column[u] * chol->scale[v] * chol->scale[u];
    }
    for (size_t k = i + 1; k < m; k++) {
      e->rest[i * PANEL + k] = 0.0; /* never used, but subtracted from */
    }
  }
}

/* Keeps the candidate whose finished row is given, or leaves it out. */
static fm_code keep_or_leave(fm_chol *chol, elimination *e, size_t v, const double *row, double pivot,
                             int *keep, fm_error *err) {
  *keep = pivot >= e->tol;
  if (!(pivot >= negative_pivot)) {
    return fm_fail(err, FM_SINGULAR, "the matrix is not positive semi-definite: pivot %g at variable %zu",
                   pivot, v + 1);
  }
  const size_t at = *keep ? chol->rank : e->m - 1 - e->n_left_out;
  double *to = chol->factor + at * e->m;
  memcpy(to, row, chol->rank * sizeof(double));
  if (*keep) {
    to[chol->rank] = sqrt(pivot);
    chol->kept[chol->rank++] = v;
  } else {
    memset(to + chol->rank, 0, (e->m - chol->rank) * sizeof(double));
    chol->aliased[v] = FM_COLLINEAR;
    e->left_out[e->n_left_out++] = v;
  }
  return FM_OK;
}

/* Eliminates m candidates one by one, after load_panel. */
static fm_code eliminate_panel(fm_chol *chol, elimination *e, size_t first, size_t m, fm_error *err) {
  const size_t before = chol->rank;
  size_t position[PANEL]; /* in the panel, of the candidates kept from it */
  const fm_kernels *kernels = e->kernels;
  forward_rows(kernels, chol->factor, e->m, 0, before, e->panel, e->m, m, e->scratch);
  subtract_products(kernels, m, m, before, e->panel, e->m, e->panel, e->m, e->rest, PANEL, e->scratch);
  for (size_t i = 0; i < m; i++) {
    double *row = e->panel + i * e->m, *x = row + before;
    const size_t n_new = chol->rank - before;
    for (size_t k = 0; k < n_new; k++) {
      const double *l = chol->factor + (before + k) * e->m + before;
      x[k] = (e->rest[i * PANEL + position[k]] - kernels->dot(x, l, k)) / l[k];
    }
    const double pivot = e->rest[i * PANEL + i] - kernels->dot(x, x, n_new);
    int keep = 0;
    FM_TRY(keep_or_leave(chol, e, e->candidate[first + i], row, pivot, &keep, err));
    if (keep) {
      position[n_new] = i;
    }
  }
  return FM_OK;
}

/* Coefficients of the variables left out on the kept ones, in the units of the matrix given. */
static fm_code set_combine(fm_chol *chol, const elimination *e, fm_error *err) {
  chol->combine = fm_alloc_zero(chol->rank * chol->n, sizeof(double));
  if (chol->combine == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "out of memory");
  }
  for (size_t i = 0; i < e->n_left_out; i++) {
    const size_t v = e->left_out[i];
    double *x = chol->combine + v * chol->rank;
    memcpy(x, chol->factor + (e->m - 1 - i) * e->m, chol->rank * sizeof(double));
    backward(e->kernels, chol->factor, e->m, chol->rank, x);
    for (size_t k = 0; k < chol->rank; k++) {
      x[k] *= chol->scale[chol->kept[k]] / chol->scale[v];
    }
  }
  return FM_OK;
}

/* Moves the kept rows together: rank x rank instead of the first rank rows of m x m. */
static void compact_factor(fm_chol *chol, size_t m) {
  for (size_t i = 0; i < chol->rank; i++) {
    memmove(chol->factor + i * chol->rank, chol->factor + i * m, (i + 1) * sizeof(double));
    memset(chol->factor + i * chol->rank + i + 1, 0, (chol->rank - i - 1) * sizeof(double));
  }
}

static fm_code eliminate(fm_chol *chol, elimination *e, const size_t *order, fm_error *err) {
  const size_t n = chol->n;
  e->candidate = fm_alloc(n, sizeof(size_t));
  e->left_out = fm_alloc(n, sizeof(size_t));
  e->rest = fm_alloc(PANEL * PANEL, sizeof(double));
  e->scratch = fm_alloc(PANEL * PANEL, sizeof(double));
  if (e->candidate == NULL || e->left_out == NULL || e->rest == NULL || e->scratch == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "out of memory");
  }
  FM_TRY(set_candidates(chol, order, e, err));
  e->panel = fm_alloc(PANEL * e->m, sizeof(double));
  chol->factor = fm_alloc(e->m * e->m, sizeof(double));
  if (e->panel == NULL || chol->factor == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "out of memory");
  }
  for (size_t first = 0; first < e->m; first += PANEL) {
    const size_t m = smaller(PANEL, e->m - first);
    load_panel(chol, e, first, m);
    FM_TRY(eliminate_panel(chol, e, first, m, err));
  }
  FM_TRY(set_combine(chol, e, err));
  compact_factor(chol, e->m);
  return FM_OK;
}

static fm_code factor(fm_chol *chol, elimination *e, const size_t *order, const int *skip, fm_error *err) {
  chol->kept = fm_alloc(chol->n, sizeof(size_t));
  chol->aliased = fm_alloc_zero(chol->n, sizeof(int));
  chol->scale = fm_alloc_zero(chol->n, sizeof(double));
  if (chol->kept == NULL || chol->aliased == NULL || chol->scale == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "out of memory");
  }
  FM_TRY(check_finite(e->a, chol->n, skip, err));
  FM_TRY(set_scale(chol, e->a, skip, err));
  return eliminate(chol, e, order, err);
}

fm_code fm_chol_init(fm_chol *chol, const double *a, size_t n, const size_t *order, const int *skip,
                     double tol, fm_error *err) {
  *chol = (fm_chol){0};
  chol->n = n;
  elimination e = {.a = a, .tol = fmax(tol, 0.0), .kernels = fm_kernels_best()};
  const fm_code code = factor(chol, &e, order, skip, err);
  elimination_free(&e);
  if (code != FM_OK) {
    fm_chol_free(chol);
  }
  return code;
}

void fm_chol_free(fm_chol *chol) {
  fm_free(chol->kept);
  fm_free(chol->aliased);
  fm_free(chol->scale);
  fm_free(chol->factor);
  fm_free(chol->combine);
  *chol = (fm_chol){0};
}

/* ---- solutions -------------------------------------------------------------------------------------- */

/* Works in x at the places of the kept variables, so that no memory is needed. */
void fm_chol_solve(const fm_chol *chol, const double *b, double *x) {
  const size_t *kept = chol->kept;
  memset(x, 0, chol->n * sizeof(double));
  for (size_t i = 0; i < chol->rank; i++) {
    const double *row = chol->factor + i * chol->rank;
    double rest = b[kept[i]] * chol->scale[kept[i]];
    for (size_t k = 0; k < i; k++) {
      rest -= row[k] * x[kept[k]];
    }
    x[kept[i]] = rest / row[i];
  }
  for (size_t i = chol->rank; i-- > 0;) {
    const double *row = chol->factor + i * chol->rank;
    const double value = x[kept[i]] / row[i];
    for (size_t k = 0; k < i; k++) {
      x[kept[k]] -= row[k] * value;
    }
    x[kept[i]] = value;
  }
  for (size_t i = 0; i < chol->rank; i++) {
    x[kept[i]] *= chol->scale[kept[i]];
  }
}

/* Rows of L^-T (upper triangular): row i is L^-1 applied to the i-th unit vector. */
static void invert_factor(const fm_chol *chol, const fm_kernels *kernels, double *rows, double *scratch) {
  const size_t r = chol->rank;
  for (size_t first = 0; first < r; first += PANEL) {
    const size_t m = smaller(PANEL, r - first);
    for (size_t i = first; i < first + m; i++) {
      memset(rows + i * r + first, 0, (r - first) * sizeof(double));
      rows[i * r + i] = 1.0;
    }
    forward_rows(kernels, chol->factor, r, first, r, rows + first * r, r, m, scratch);
  }
}

/* Block (i0, k0), k0 <= i0, of -(L^-T L^-1), scaled and written with changed sign to both triangles. */
static void inverse_block(const fm_chol *chol, const fm_kernels *kernels, const double *rows, size_t i0,
                          size_t k0, double *block, double *scratch, double *inverse) {
  const size_t r = chol->rank, m = smaller(PANEL, r - i0), p = smaller(PANEL, r - k0);
  memset(block, 0, PANEL * PANEL * sizeof(double));
  subtract_products(kernels, m, p, r - i0, rows + i0 * r + i0, r, rows + k0 * r + i0, r, block, PANEL,
                    scratch);
  for (size_t i = 0; i < m; i++) {
    const size_t u = chol->kept[i0 + i];
    for (size_t k = 0; k < p && k0 + k <= i0 + i; k++) {
      const size_t v = chol->kept[k0 + k];
      const double value = -block[i * PANEL + k] * chol->scale[u] * chol->scale[v];
      inverse[u + v * chol->n] = value;
      inverse[v + u * chol->n] = value;
    }
  }
}

fm_code fm_chol_inverse(const fm_chol *chol, double *inverse) {
  const fm_kernels *kernels = fm_kernels_best();
  double *rows = fm_alloc(chol->rank * chol->rank, sizeof(double));
  double *blocks = fm_alloc(2 * PANEL * PANEL, sizeof(double));
  const fm_code code = rows == NULL || blocks == NULL ? FM_NO_MEMORY : FM_OK;
  if (code == FM_OK) {
    invert_factor(chol, kernels, rows, blocks);
    memset(inverse, 0, chol->n * chol->n * sizeof(double));
    for (size_t i = 0; i < chol->rank; i += PANEL) {
      for (size_t k = 0; k <= i; k += PANEL) {
        inverse_block(chol, kernels, rows, i, k, blocks, blocks + PANEL * PANEL, inverse);
      }
    }
  }
  fm_free(rows);
  fm_free(blocks);
  return code;
}

/* ---- eigenvalues and condition ----------------------------------------------------------------------- */

/* Eigenvalues of a, which is destroyed. */
static fm_code eigenvalues_in_place(double *a, int n, double *values, fm_error *err) {
  double best = 0.0;
  int info = 0, n_work = -1;
  dsyev_("N", "L", &n, a, &n, values, &best, &n_work, &info, 1, 1);
  n_work = info == 0 && best < (double)INT_MAX ? (int)best : 3 * n;
  double *work = fm_alloc((size_t)n_work, sizeof(double));
  if (work == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "out of memory");
  }
  dsyev_("N", "L", &n, a, &n, values, work, &n_work, &info, 1, 1);
  fm_free(work);
  return info == 0 ? FM_OK : fm_fail(err, FM_DIVERGED, "LAPACK's dsyev failed with code %d", info);
}

fm_code fm_eigenvalues(const double *a, size_t n, double *values, fm_error *err) {
  if (n == 0) {
    return FM_OK;
  }
  if (n > INT_MAX / 64) {
    return fm_fail(err, FM_INVALID, "a matrix of order %zu is too large for LAPACK", n);
  }
  FM_TRY(check_finite(a, n, NULL, err));
  double *copy = fm_alloc(n * n, sizeof(double));
  if (copy == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "out of memory");
  }
  memcpy(copy, a, n * n * sizeof(double));
  const fm_code code = eigenvalues_in_place(copy, (int)n, values, err);
  fm_free(copy);
  return code;
}

/* The part of a over the variables not skipped, scaled to unit diagonal: m x m, m returned; a diagonal that
 * is not positive gives m = n + 1. */
static size_t scaled_part(const double *a, size_t n, const int *skip, double *part, size_t *index) {
  size_t m = 0;
  for (size_t k = 0; k < n; k++) {
    if (is_skipped(skip, k)) {
      continue;
    }
    if (!(a[k + k * n] > 0.0)) {
      return n + 1;
    }
    index[m++] = k;
  }
  for (size_t j = 0; j < m; j++) {
    const double *column = a + index[j] * n;
    const double scale = 1.0 / sqrt(column[index[j]]);
    for (size_t i = 0; i < m; i++) {
      part[i + j * m] = column[index[i]] * scale / sqrt(a[index[i] + index[i] * n]);
    }
  }
  return m;
}

static fm_code condition_exact(double *part, size_t m, double *values, double *condition, fm_error *err) {
  FM_TRY(eigenvalues_in_place(part, (int)m, values, err));
  const double low = values[0], high = values[m - 1];
  *condition = low > DBL_EPSILON * high ? high / low : (double)INFINITY;
  return FM_OK;
}

/* Largest eigenvalue of part (chol NULL) or of its inverse, from below, by power iteration. x, y: m. */
static double largest_eigenvalue(const double *part, const fm_chol *chol, size_t m, double *x, double *y) {
  const fm_kernels *kernels = fm_kernels_best();
  double value = 0.0;
  for (size_t i = 0; i < m; i++) { /* no symmetry of a matrix is likely to be orthogonal to this */
    x[i] = 1.0 + (double)((i * 7919) % 1009) / 1009.0;
  }
  for (int step = 0; step < POWER_STEPS; step++) {
    const double before = value;
    kernels->scale(1.0 / sqrt(kernels->dot(x, x, m)), x, m);
    if (chol != NULL) {
      fm_chol_solve(chol, x, y);
    } else {
      for (size_t j = 0; j < m; j++) {
        y[j] = kernels->dot(part + j * m, x, m);
      }
    }
    value = sqrt(kernels->dot(y, y, m));
    if (value - before <= power_accuracy * value) {
      break;
    }
    memcpy(x, y, m * sizeof(double));
  }
  return value;
}

static fm_code condition_estimate(const double *part, size_t m, double *work, double *condition,
                                  fm_error *err) {
  fm_chol chol;
  const fm_code code = fm_chol_init(&chol, part, m, NULL, NULL, DBL_EPSILON, NULL);
  if (code == FM_SINGULAR) {
    return FM_OK; /* the condition stays infinite */
  }
  if (code != FM_OK) {
    return fm_fail(err, code, "%s", fm_code_text(code));
  }
  if (chol.rank == m) {
    *condition = largest_eigenvalue(part, NULL, m, work, work + m) *
                 largest_eigenvalue(part, &chol, m, work, work + m);
  }
  fm_chol_free(&chol);
  return FM_OK;
}

fm_code fm_condition(const double *a, size_t n, const int *skip, double *condition, fm_error *err) {
  FM_TRY(check_finite(a, n, skip, err));
  double *part = fm_alloc(n * n, sizeof(double));
  double *work = fm_alloc(2 * n, sizeof(double));
  size_t *index = fm_alloc(n, sizeof(size_t));
  fm_code code = FM_OK;
  *condition = (double)INFINITY;
  if (part == NULL || work == NULL || index == NULL) {
    code = fm_fail(err, FM_NO_MEMORY, "out of memory");
  } else {
    const size_t m = scaled_part(a, n, skip, part, index);
    if (m == 0) {
      *condition = 1.0;
    } else if (m <= EXACT_ORDER && m <= n) {
      code = condition_exact(part, m, work, condition, err);
    } else if (m <= n) {
      code = condition_estimate(part, m, work, condition, err);
    }
  }
  fm_free(part);
  fm_free(work);
  fm_free(index);
  return code;
}

/* ---- general matrices -------------------------------------------------------------------------------- */

fm_code fm_lu_factor(double *a, size_t n, int *pivot) {
  if (n == 0) {
    return FM_OK;
  }
  if (n > INT_MAX / 64) {
    return FM_INVALID;
  }
  FM_TRY(check_finite(a, n, NULL, NULL));
  const int order = (int)n;
  int info = 0;
  dgetrf_(&order, &order, a, &order, pivot, &info);
  return info == 0 ? FM_OK : FM_SINGULAR;
}

void fm_lu_solve(const double *lu, size_t n, const int *pivot, int transposed, double *b, size_t m) {
  if (n == 0 || m == 0) {
    return;
  }
  const int order = (int)n, columns = (int)m;
  int info = 0;
  dgetrs_(transposed ? "T" : "N", &order, &columns, lu, &order, pivot, b, &order, &info, 1);
}
