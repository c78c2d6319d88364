/* places_spread.c: how far the coefficients and the variance of places may be off.
 *
 * Coefficients: b - b without firm i = V D_i'r_i, so that the covariance by leaving out firms in turn is V
 * Q V with
 * Q = sum of (D_i'r_i)(D_i'r_i)'.
 *
 * The leave-out variance of places is sum over i != l of z_i'C_il z_l with C_il = B_il + (b_i P_il + P_il
 * b_l')/2 and
 * b_i = B_i (I - P_i)^-1. With Omega_i = sym(z_i r_i') its variance is
 *
 *   4 sum_i z_i'(Cz)_i r_i'(Cz)_i - sum over i != l of [(z_i'C_il z_l)(r_i'C_il r_l) + (z_i'C_il
 *   r_l)(r_i'C_il z_l)].
 *
 * Off its blocks u_i'C_il v_l = u~_i'M v~_l with u~ = (D'u, D'b'u) and M = [W, V/2; V/2, 0]. So the second
 * sum, with its
 * blocks (which are taken off), is 2 tr(M N M N), N = sum of sym(z~_i r~_i'), and
 *
 *   tr(MNMN) = tr(X X) + 2 tr(N_11 V Y) + tr(T T),
 *   X = N_11 W + N_12 V / 2,   Y = (N_12'W + N_22 V / 2) / 2,   T = N_12'V / 2.
 *
 * The N and Q have entries where a firm ties two places, few when there are many places.
 */
#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/blocked.h"
#include "../base/sparse.h"
#include "../base/threads.h"
#include "../base/total.h"
#include "places.h"

enum { Z, R, BZ, BR };
/* Q, N_11, N_12 / 2 and N_22 / 4 */
enum { Q, N11, N12, N22, OUTERS };

typedef struct spread {
  fm_places *p;
  fm_sparse of[OUTERS];
  fm_sparse turned; /* of N12 */
  uint32_t *index;  /* OUTERS x room */
  double *value;    /* OUTERS x 4 x room */
  double *z;        /* n: performance less the firm's mean */
  double *x, *y;    /* L x L */
} spread;

/* ---- sums of outer products ------------------------------------------------------------------------- */
static void add_outer(double *to, size_t size, const uint32_t *index, size_t n, double factor,
                      const double *x, const double *y) {
  for (size_t a = 0; a < n; a++) {
    double *row = to + index[a] * size;
    const double scaled = factor * x[a];
    for (size_t b = 0; b < n; b++) {
      row[index[b]] += scaled * y[b];
    }
  }
}

/* a := (a + a') / 2 */
static void make_symmetric(double *a, size_t n) {
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++) {
      a[i * n + j] = a[j * n + i] = 0.5 * (a[i * n + j] + a[j * n + i]);
    }
  }
}

/* Sums over firms of outer products x y', of one or two pairs, in `to`. */
static void add_firms(const spread *s, size_t task, double *to) {
  static const size_t pairs[OUTERS][4] = {{R, R, R, R}, {Z, R, Z, R}, {Z, BR, R, BZ}, {BZ, BR, BZ, BR}};
  static const double scale[OUTERS] = {1.0, 1.0, 0.25, 0.25};
  const fm_places *p = s->p;
  const size_t room = fm_firm_room(p), *pair = pairs[task], n_pairs = task == N12 ? 2 : 1;
  const double *of[] = {s->z, p->r, p->bz, p->br};
  const double *x[] = {of[pair[0]], of[pair[1]], of[pair[2]], of[pair[3]]};
  uint32_t *index = s->index + task * room;
  double *value = s->value + task * 4 * room;
  for (size_t i = 0; i < p->n_firms; i++) {
    const size_t n = fm_firm_sums(p, i, x, 2 * n_pairs, index, value, room);
    for (size_t k = 0; k < n_pairs; k++) {
      add_outer(to, p->size, index, n, scale[task], value + 2 * k * room, value + (2 * k + 1) * room);
    }
  }
  if (task == N11 || task == N22) {
    make_symmetric(to, p->size);
  }
}

/* Each task sums in a matrix of its own, of which it keeps what is not 0. */
static fm_code outer_task(void *context, size_t task, size_t worker) {
  spread *s = context;
  const size_t L = s->p->size;
  double *whole = fm_alloc_zero(L * L, sizeof(double));
  (void)worker;
  if (whole == NULL) {
    return FM_NO_MEMORY;
  }
  add_firms(s, task, whole);
  fm_code code = fm_sparse_init(&s->of[task], whole, L, 0);
  if (code == FM_OK && task == N12) {
    code = fm_sparse_init(&s->turned, whole, L, 1);
  }
  fm_free(whole);
  return code;
}

/* ---- the variance of the variance ------------------------------------------------------------------- */
/* to := n a + m b; m may be NULL: to := n a. */
static fm_code joined(const spread *s, const fm_sparse *n, const double *a, const fm_sparse *m,
                      const double *b, double *to) {
  const fm_places *p = s->p;
  memset(to, 0, p->size * p->size * sizeof(double));
  FM_TRY(fm_sparse_times(n, a, to, p->spec.threads));
  return m != NULL ? fm_sparse_times(m, b, to, p->spec.threads) : FM_OK;
}

/* tr(a b), by rows, so that it does not depend on threads; a block of columns of b at a time. */
static double trace_of(const double *a, const double *b, size_t n) {
  enum { SOME = 64 };
  fm_total total = {0};
  for (size_t from = 0; from < n; from += SOME) {
    const size_t rows = n - from < SOME ? n - from : SOME;
    double sum[SOME] = {0};
    for (size_t j = 0; j < n; j++) {
      for (size_t i = 0; i < rows; i++) {
        sum[i] += a[(from + i) * n + j] * b[j * n + from + i];
      }
    }
    for (size_t i = 0; i < rows; i++) {
      fm_total_add(&total, sum[i]);
    }
  }
  return fm_total_value(&total);
}

/* tr(MNMN) */
static fm_code trace_of_squares(spread *s, double *trace) {
  const fm_places *p = s->p;
  const size_t L = p->size;
  FM_TRY(joined(s, &s->of[N11], p->w, &s->of[N12], p->v, s->x));
  *trace = trace_of(s->x, s->x, L);
  FM_TRY(joined(s, &s->turned, p->v, NULL, NULL, s->x));
  *trace += trace_of(s->x, s->x, L);
  FM_TRY(joined(s, &s->of[N11], p->v, NULL, NULL, s->x));
  FM_TRY(joined(s, &s->turned, p->w, &s->of[N22], p->v, s->y));
  *trace += 2.0 * trace_of(s->x, s->y, L);
  return FM_OK;
}

/* a := W sum D'z + V sum D'b'z / 2, c := V sum D'z / 2. The sum of D'z is S b: V of it is b. */
static void whole_sums(const spread *s, const double *bz_sum, double *a, double *c) {
  const fm_places *p = s->p;
  const size_t L = p->size;
  double mean = 0.0;
  for (size_t j = 0; j < p->n_places; j++) {
    mean += p->nbar[j] * p->b[j];
  }
  for (size_t l = 0; l < L; l++) {
    double sum = 0.0;
    for (size_t k = 0; k < L; k++) {
      const double of_place = k < p->n_places ? p->nbar[k] * (p->b[k] - mean) : 0.0;
      sum += p->v[l * L + k] * (of_place + 0.5 * bz_sum[k]);
    }
    a[l] = sum;
    c[l] = 0.5 * p->b[l];
  }
}

/* Sum over firms of D'b'z. */
static void sum_bz(const spread *s, double *sum) {
  const fm_places *p = s->p;
  const size_t room = fm_firm_room(p);
  const double *x[] = {p->bz};
  memset(sum, 0, p->size * sizeof(double));
  for (size_t i = 0; i < p->n_firms; i++) {
    const size_t n = fm_firm_sums(p, i, x, 1, s->index, s->value, room);
    for (size_t a = 0; a < n; a++) {
      sum[s->index[a]] += s->value[a];
    }
  }
}

static double firm_sum(const spread *s, const double *value, size_t n, const double *x) {
  double sum = 0.0;
  for (size_t a = 0; a < n; a++) {
    sum += value[a] * x[s->index[a]];
  }
  return sum;
}

/* 4 sum z'(Cz) r'(Cz) plus the blocks of the second sum. */
static double first_part(const spread *s, const double *a, const double *c) {
  const fm_places *p = s->p;
  const size_t room = fm_firm_room(p);
  const double *x[] = {s->z, p->r, p->bz, p->br};
  fm_total total = {0};
  for (size_t i = 0; i < p->n_firms; i++) {
    const size_t n = fm_firm_sums(p, i, x, 4, s->index, s->value, room);
    const double zc = firm_sum(s, s->value, n, a) + firm_sum(s, s->value + BZ * room, n, c) - p->own_zz[i];
    const double rc =
        firm_sum(s, s->value + R * room, n, a) + firm_sum(s, s->value + BR * room, n, c) - p->own_zr[i];
    fm_total_add(&total, 4.0 * zc * rc);
    fm_total_add(&total, p->own_zz[i] * p->own_rr[i] + p->own_zr[i] * p->own_zr[i]);
  }
  return fm_total_value(&total);
}

static fm_code take_variance(spread *s) {
  fm_places *p = s->p;
  double *bz_sum = fm_alloc(3 * p->size, sizeof(double));
  if (bz_sum == NULL) {
    return FM_NO_MEMORY;
  }
  double *a = bz_sum + p->size, *c = bz_sum + 2 * p->size, trace = 0.0;
  sum_bz(s, bz_sum);
  whole_sums(s, bz_sum, a, c);
  p->variance = first_part(s, a, c);
  fm_free(bz_sum);
  FM_TRY(trace_of_squares(s, &trace));
  p->variance -= 2.0 * trace;
  return FM_OK;
}

/* ---- all of it -------------------------------------------------------------------------------------- */
/* V (Q V) */
static fm_code take_covariance(spread *s) {
  fm_places *p = s->p;
  FM_TRY(joined(s, &s->of[Q], p->v, NULL, NULL, s->x));
  memset(p->covariance, 0, p->size * p->size * sizeof(double));
  const fm_product x = {p->size, p->size, p->size, p->v, s->x, p->covariance, p->size, p->size, p->size, 1};
  FM_TRY(fm_multiply(&x, p->spec.threads));
  fm_mirror(p->covariance, p->size, p->size);
  return FM_OK;
}

static void within_firms(spread *s) {
  const fm_places *p = s->p;
  const size_t *first = p->spec.lives->first;
  for (size_t i = 0; i < p->n_firms; i++) {
    double mean = 0.0;
    for (size_t t = first[i]; t < first[i + 1]; t++) {
      mean += p->y[t] / (double)(first[i + 1] - first[i]);
    }
    for (size_t t = first[i]; t < first[i + 1]; t++) {
      s->z[t] = p->y[t] - mean;
    }
  }
}

static fm_code run(spread *s) {
  fm_places *p = s->p;
  within_firms(s);
  FM_TRY(fm_parallel(OUTERS, p->spec.threads, outer_task, s));
  s->x = fm_alloc(p->size * p->size, sizeof(double));
  s->y = fm_alloc(p->size * p->size, sizeof(double));
  if (s->x == NULL || s->y == NULL) {
    return FM_NO_MEMORY;
  }
  FM_TRY(take_covariance(s));
  return take_variance(s);
}

fm_code fm_places_spread(fm_places *p) {
  const size_t square = p->size * p->size, room = fm_firm_room(p);
  spread s = {.p = p,
              .z = p->residual, /* not needed any more */
              .index = fm_alloc(OUTERS * room, sizeof(uint32_t)),
              .value = fm_alloc(OUTERS * 4 * room, sizeof(double))};
  fm_free(p->w_cov), fm_free(p->w_firm);
  p->w_cov = p->w_firm = NULL;
  p->covariance = fm_alloc(square, sizeof(double));
  const fm_code code = s.index && s.value && p->covariance ? run(&s) : FM_NO_MEMORY;
  for (size_t k = 0; k < OUTERS; k++) {
    fm_sparse_free(&s.of[k]);
  }
  fm_sparse_free(&s.turned);
  fm_free(s.index), fm_free(s.value), fm_free(s.x), fm_free(s.y), fm_free(p->w);
  p->w = NULL;
  return code;
}
