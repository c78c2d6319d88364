/* places_solve.c: the moments of the regressors within firms, their inverse, the coefficients, and the
 * matrices between
 * the rows of the quadratic forms.
 *
 * Places are eliminated first: V_JJ of places alone by blocks, then the Schur complement of the K periods
 * and controls,
 * which says what is aliased. Equations: places.h.
 */
#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/blocked.h"
#include "../base/linalg.h"
#include "places.h"

/* What is left of a control's variation within firms, or beside the others, when it counts as none. */
static const double tolerance = 1e-9;

typedef struct moments {
  fm_places *p;
  size_t extra;        /* K = L - J */
  double *gram;        /* L x K: sum of e e' in the columns of periods and controls */
  double *g;           /* L: sum d y */
  double *mbar;        /* L */
  double *cross;       /* J x L: sum of (sum of omega f) m', with weights */
  double *mean_square; /* L x L: sum of Omega m m', with weights */
  uint32_t *index;     /* entries of a firm's mean of e */
  double *value;
  double *work[2]; /* K x L, or L x L with weights */
} moments;

/* ---- moments ---------------------------------------------------------------------------------------- */
/* The mean of e over the rows of firm i: how many entries, which, values. */
static size_t firm_mean(const moments *s, size_t i) {
  const fm_places *p = s->p;
  const fm_lives *v = p->spec.lives;
  const size_t first = v->first[i], last = v->first[i + 1];
  const double share = 1.0 / (double)(last - first);
  size_t n = 0;
  for (size_t t = first; t < last; t++) {
    size_t at = 0;
    while (at < n && s->index[at] != v->place[t]) {
      at++;
    }
    if (at == n) {
      s->index[n] = v->place[t];
      s->value[n++] = 0.0;
    }
    s->value[at] += share;
  }
  if (p->spec.periods) {
    for (size_t t = first; t < last; t++) {
      s->index[n] = (uint32_t)(p->at_time + v->time[t]);
      s->value[n++] = share;
    }
  }
  for (size_t k = 0; k < p->n_controls; k++) {
    double sum = 0.0;
    for (size_t t = first; t < last; t++) {
      sum += p->z[t * p->n_controls + k];
    }
    s->index[n] = (uint32_t)(p->at_z + k);
    s->value[n++] = sum * share;
  }
  return n;
}

/* The columns of periods and controls of e e', for row t. */
static void add_gram(const moments *s, size_t t) {
  const fm_places *p = s->p;
  const fm_lives *v = p->spec.lives;
  const double *z = p->z + t * p->n_controls;
  const size_t z0 = p->at_z - p->n_places;
  if (p->spec.periods) {
    s->gram[v->place[t] * s->extra + v->time[t]] += 1.0;
    s->gram[(p->at_time + v->time[t]) * s->extra + v->time[t]] += 1.0;
  }
  for (size_t k = 0; k < p->n_controls; k++) {
    s->gram[v->place[t] * s->extra + z0 + k] += z[k];
    if (p->spec.periods) {
      s->gram[(p->at_time + v->time[t]) * s->extra + z0 + k] += z[k];
      s->gram[(p->at_z + k) * s->extra + v->time[t]] += z[k];
    }
    for (size_t l = 0; l < p->n_controls; l++) {
      s->gram[(p->at_z + k) * s->extra + z0 + l] += z[k] * z[l];
    }
  }
}

/* S and sum d y from firm i, whose mean of e has n entries. */
static void add_within(moments *s, size_t i, size_t n) {
  fm_places *p = s->p;
  const fm_lives *v = p->spec.lives;
  const double rows = (double)(v->first[i + 1] - v->first[i]);
  for (size_t a = 0; a < n; a++) {
    double *to = p->s + s->index[a] * p->size;
    const double factor = rows * s->value[a];
    for (size_t b = 0; b < n; b++) {
      to[s->index[b]] -= factor * s->value[b];
    }
  }
  double mean = 0.0;
  for (size_t t = v->first[i]; t < v->first[i + 1]; t++) {
    mean += p->y[t] / rows;
  }
  for (size_t t = v->first[i]; t < v->first[i + 1]; t++) {
    const double y = p->y[t] - mean;
    s->g[v->place[t]] += y;
    if (p->spec.periods) {
      s->g[p->at_time + v->time[t]] += y;
    }
    for (size_t k = 0; k < p->n_controls; k++) {
      s->g[p->at_z + k] += p->z[t * p->n_controls + k] * y;
    }
  }
}

static void add_weighted(moments *s, size_t i, size_t n) {
  const fm_places *p = s->p;
  const fm_lives *v = p->spec.lives;
  double omega = 0.0;
  for (size_t t = v->first[i]; t < v->first[i + 1]; t++) {
    double *to = s->cross + v->place[t] * p->size;
    omega += p->omega[t];
    for (size_t a = 0; a < n; a++) {
      to[s->index[a]] += p->omega[t] * s->value[a];
    }
  }
  for (size_t a = 0; a < n; a++) {
    double *to = s->mean_square + s->index[a] * p->size;
    s->mbar[s->index[a]] += omega * s->value[a];
    for (size_t b = 0; b < n; b++) {
      to[s->index[b]] += omega * s->value[a] * s->value[b];
    }
  }
}

static void add_firms(moments *s) {
  fm_places *p = s->p;
  const fm_lives *v = p->spec.lives;
  const size_t J = p->n_places;
  for (size_t i = 0; i < p->n_firms; i++) {
    const size_t n = firm_mean(s, i);
    if (s->extra > 0) {
      for (size_t t = v->first[i]; t < v->first[i + 1]; t++) {
        add_gram(s, t);
      }
    }
    add_within(s, i, n);
    if (p->omega != NULL) {
      add_weighted(s, i, n);
    }
  }
  for (size_t t = 0; t < p->n; t++) {
    p->s[v->place[t] * (p->size + 1)] += 1.0;
  }
  for (size_t l = 0; l < p->size; l++) {
    for (size_t k = 0; k < s->extra; k++) {
      p->s[l * p->size + J + k] += s->gram[l * s->extra + k];
      if (l < J) {
        p->s[(J + k) * p->size + l] += s->gram[l * s->extra + k];
      }
    }
  }
}

/* Without weights mbar is the mean of e over rows. */
static void mean_of_rows(moments *s) {
  const fm_places *p = s->p;
  memcpy(s->mbar, p->nbar, p->n_places * sizeof(double));
  for (size_t t = p->n_places; t < p->at_z; t++) {
    s->mbar[t] = s->gram[t * s->extra + (t - p->n_places)] / (double)p->n;
  }
}

/* ---- the inverse ------------------------------------------------------------------------------------ */
/* (K x L) := S_KJ V_J, for V of places alone. */
static fm_code across(const moments *s, double *to) {
  const fm_places *p = s->p;
  memset(to, 0, s->extra * p->size * sizeof(double));
  const fm_product x = {p->n_places, s->extra, p->n_places, p->s + p->n_places, p->v, to, p->size, p->size,
                        p->size,     0};
  return fm_multiply(&x, p->spec.threads);
}

/* The inverse of the Schur complement of periods and controls, 0 for those without variation of their own.
 * */
static fm_code schur_inverse(const moments *s, const double *t, double *inverse, fm_error *err) {
  const fm_places *p = s->p;
  const size_t K = s->extra, J = p->n_places, L = p->size;
  double *schur = fm_alloc(K * K, sizeof(double));
  if (schur == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t a = 0; a < K; a++) {
    for (size_t b = 0; b < K; b++) {
      double sum = p->s[(J + a) * L + J + b];
      for (size_t j = 0; j < J; j++) {
        sum -= t[a * L + j] * p->s[j * L + J + b];
      }
      schur[a + b * K] = sum;
    }
  }
  for (size_t a = 0; a < K; a++) {
    const double raw = s->gram[(J + a) * K + a];
    const int none = p->s[(J + a) * (L + 1)] <= tolerance * raw || schur[a * (K + 1)] <= tolerance * raw;
    if (none) {
      for (size_t b = 0; b < K; b++) {
        schur[a + b * K] = schur[b + a * K] = 0.0;
      }
    }
    for (size_t b = 0; b < a; b++) { /* symmetric to the last bit */
      schur[a + b * K] = schur[b + a * K];
    }
  }
  fm_chol chol;
  fm_code code = fm_chol_init(&chol, schur, K, NULL, NULL, tolerance, err);
  if (code == FM_OK) {
    code = fm_chol_inverse(&chol, inverse);
    for (size_t a = 0; a < K; a++) {
      p->aliased[J + a] = chol.aliased[a] != 0;
    }
    fm_chol_free(&chol);
  }
  fm_free(schur);
  return code;
}

/* V of everything from V of places: V_KJ = -V_KK t, V_JJ += t' V_KK t. */
static fm_code border(const moments *s, const double *t, const double *inverse) {
  fm_places *p = s->p;
  const size_t K = s->extra, J = p->n_places, L = p->size;
  for (size_t a = 0; a < K; a++) {
    double *row = p->v + (J + a) * L;
    for (size_t b = 0; b < K; b++) {
      for (size_t j = 0; j < J; j++) {
        row[j] -= inverse[a + b * K] * t[b * L + j];
      }
      row[J + b] = inverse[a + b * K];
    }
    for (size_t j = 0; j < J; j++) {
      p->v[j * L + J + a] = row[j];
    }
  }
  double *minus = fm_alloc(K * L, sizeof(double));
  if (minus == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < K * L; i++) {
    minus[i] = -t[i];
  }
  const fm_product x = {K, J, J, minus, p->v + J * L, p->v, L, L, L, 1};
  const fm_code code = fm_multiply(&x, p->spec.threads);
  fm_mirror(p->v, J, L);
  fm_free(minus);
  return code;
}

static fm_code invert_moments(moments *s, fm_error *err) {
  fm_places *p = s->p;
  const size_t J = p->n_places, L = p->size;
  for (size_t j = 0; j + 1 < J; j++) {
    memcpy(p->v + j * L, p->s + j * L, (J - 1) * sizeof(double));
  }
  const fm_code code = fm_invert(p->v, J - 1, L, 1e-11, p->spec.threads);
  if (code == FM_SINGULAR) {
    return fm_fail(err, code, "the effects of the places cannot be told apart: too few firms tie them");
  }
  FM_TRY(code);
  p->aliased[J - 1] = 1;
  if (s->extra == 0) {
    return FM_OK;
  }
  double *inverse = fm_alloc(s->extra * s->extra, sizeof(double));
  fm_code next = inverse != NULL ? across(s, s->work[0]) : FM_NO_MEMORY;
  if (next == FM_OK) {
    next = schur_inverse(s, s->work[0], inverse, err);
  }
  if (next == FM_OK) {
    next = border(s, s->work[0], inverse);
  }
  fm_free(inverse);
  return next;
}

/* ---- sandwiches ------------------------------------------------------------------------------------- */
static void matrix_times(const double *a, size_t rows, size_t columns, size_t lda, const double *x,
                         double *to) {
  for (size_t i = 0; i < rows; i++) {
    double sum = 0.0;
    for (size_t j = 0; j < columns; j++) {
      sum += a[i * lda + j] * x[j];
    }
    to[i] = sum;
  }
}

static void less_outer(double *to, const double *x, size_t rows, const double *y, size_t columns) {
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < columns; j++) {
      to[i * columns + j] -= x[i] * y[j];
    }
  }
}

/* W, by the rows of places scaled with nbar; `scaled` has room for J x L. */
static fm_code sandwich_places(const moments *s, double *scaled) {
  fm_places *p = s->p;
  const size_t L = p->size;
  for (size_t j = 0; j < p->n_places; j++) {
    for (size_t l = 0; l < L; l++) {
      scaled[j * L + l] = p->nbar[j] * p->v[j * L + l];
    }
  }
  const fm_product x = {p->n_places, L, L, p->v, scaled, p->w, L, L, L, 1};
  FM_TRY(fm_multiply(&x, p->spec.threads));
  fm_mirror(p->w, L, L);
  less_outer(p->w, p->h, L, p->h, L);
  return FM_OK;
}

/* Without weights: from W, V and the borders. work[0] := gram_J' V_J. */
static fm_code sandwich_rest(const moments *s) {
  fm_places *p = s->p;
  const size_t J = p->n_places, K = s->extra, L = p->size;
  const double n = (double)p->n;
  const double *below = p->v + J * L; /* V_K */
  memcpy(p->w_cov, p->w, L * L * sizeof(double));
  double *t = s->work[0], *u = s->work[1];
  if (K > 0) {
    memset(t, 0, K * L * sizeof(double));
    const fm_product first = {J, K, L, s->gram, p->v, t, K, L, L, 0};
    FM_TRY(fm_multiply(&first, p->spec.threads));
    for (size_t i = 0; i < K * L; i++) {
      u[i] = t[i] / n;
    }
    less_outer(u, s->mbar + J, K, p->h, L);
    const fm_product second = {K, L, L, below, u, p->w_cov, L, L, L, 0};
    FM_TRY(fm_multiply(&second, p->spec.threads));
    for (size_t i = 0; i < K * L; i++) { /* t + gram_KK V_K / 2 */
      u[i] = t[i];
    }
    for (size_t a = 0; a < K; a++) {
      for (size_t b = 0; b < K; b++) {
        for (size_t l = 0; l < L; l++) {
          u[a * L + l] += 0.5 * s->gram[(J + a) * K + b] * below[b * L + l];
        }
      }
    }
    const fm_product third = {K, L, L, below, u, p->w_firm, L, L, L, 0};
    FM_TRY(fm_multiply(&third, p->spec.threads));
  }
  for (size_t i = 0; i < L; i++) {
    for (size_t j = i; j < L; j++) {
      const double both = (p->w_firm[i * L + j] + p->w_firm[j * L + i] - p->v[i * L + j]) / n;
      p->w_firm[i * L + j] = both + p->w[i * L + j] + p->h[i] * p->h[j];
    }
  }
  fm_mirror(p->w_firm, L, L);
  less_outer(p->w_firm, p->v_mbar, L, p->v_mbar, L);
  return FM_OK;
}

/* With weights: whole products. */
static fm_code sandwich_weighted(const moments *s) {
  fm_places *p = s->p;
  const size_t J = p->n_places, L = p->size;
  double *t = s->work[0];
  memset(t, 0, L * L * sizeof(double));
  less_outer(s->cross, p->nbar, J, s->mbar, L);
  const fm_product first = {J, L, L, s->cross, p->v, t, L, L, L, 0};
  FM_TRY(fm_multiply(&first, p->spec.threads));
  const fm_product second = {L, L, L, p->v, t, p->w_cov, L, L, L, 0};
  FM_TRY(fm_multiply(&second, p->spec.threads));
  memset(t, 0, L * L * sizeof(double));
  less_outer(s->mean_square, s->mbar, L, s->mbar, L);
  const fm_product third = {L, L, L, s->mean_square, p->v, t, L, L, L, 0};
  FM_TRY(fm_multiply(&third, p->spec.threads));
  const fm_product fourth = {L, L, L, p->v, t, p->w_firm, L, L, L, 0};
  return fm_multiply(&fourth, p->spec.threads);
}

/* ---- all of it -------------------------------------------------------------------------------------- */
static int room_for_result(fm_places *p) {
  const size_t square = p->size * p->size;
  p->s = fm_alloc_zero(square, sizeof(double));
  p->v = fm_alloc_zero(square, sizeof(double));
  p->w = fm_alloc_zero(square, sizeof(double));
  p->w_cov = fm_alloc_zero(square, sizeof(double));
  p->w_firm = fm_alloc_zero(square, sizeof(double));
  p->h = fm_alloc(p->size, sizeof(double));
  p->v_mbar = fm_alloc(p->size, sizeof(double));
  p->b = fm_alloc(p->size, sizeof(double));
  p->aliased = fm_alloc_zero(p->size, 1);
  return p->s && p->v && p->w && p->w_cov && p->w_firm && p->h && p->v_mbar && p->b && p->aliased;
}

static int room_for_moments(moments *s) {
  const fm_places *p = s->p;
  const size_t L = p->size, square = p->omega != NULL ? L * L : 0, thin = s->extra * L;
  s->gram = fm_alloc_zero(thin, sizeof(double));
  s->g = fm_alloc_zero(L, sizeof(double));
  s->mbar = fm_alloc_zero(L, sizeof(double));
  s->cross = fm_alloc_zero(p->omega != NULL ? p->n_places * L : 0, sizeof(double));
  s->mean_square = fm_alloc_zero(square, sizeof(double));
  s->index = fm_alloc(fm_firm_room(p), sizeof(uint32_t));
  s->value = fm_alloc(fm_firm_room(p), sizeof(double));
  for (size_t k = 0; k < 2; k++) {
    s->work[k] = fm_alloc(square > thin ? square : thin, sizeof(double));
  }
  return s->gram && s->g && s->mbar && s->cross && s->mean_square && s->index && s->value && s->work[0] &&
         s->work[1];
}

static void release(moments *s) {
  fm_free(s->gram), fm_free(s->g), fm_free(s->mbar), fm_free(s->cross), fm_free(s->mean_square);
  fm_free(s->index), fm_free(s->value), fm_free(s->work[0]), fm_free(s->work[1]);
}

static fm_code solve(moments *s, fm_error *err) {
  fm_places *p = s->p;
  const size_t L = p->size;
  add_firms(s);
  FM_TRY(invert_moments(s, err));
  if (p->omega == NULL) {
    mean_of_rows(s);
  }
  matrix_times(p->v, L, L, L, s->g, p->b);
  matrix_times(p->v, L, p->n_places, L, p->nbar, p->h);
  matrix_times(p->v, L, L, L, s->mbar, p->v_mbar);
  FM_TRY(sandwich_places(s, p->s)); /* s is not needed any more */
  FM_TRY(p->omega == NULL ? sandwich_rest(s) : sandwich_weighted(s));
  fm_free(p->s);
  p->s = NULL;
  return FM_OK;
}

fm_code fm_places_solve(fm_places *p, fm_error *err) {
  moments s = {.p = p, .extra = p->size - p->n_places};
  fm_code code = FM_NO_MEMORY;
  if (room_for_result(p) && room_for_moments(&s)) {
    code = solve(&s, err);
  }
  release(&s);
  return code;
}
