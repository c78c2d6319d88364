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
 * blocks (which are taken off), is 2 tr(M N M N), N = sum of sym(z~_i r~_i'), and with A that of places
 *
 *   tr(MNMN) = tr(X X) + tr(Y V N_11) + tr(V N_12 V N_12)/4,   X = V(A V N_11 + N_12'/2),   Y = V(A V N_12
 *   + N_22/2).
 */
#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/blocked.h"
#include "../base/threads.h"
#include "../base/total.h"
#include "places.h"

enum { Z, R, BZ, BR };
enum { Q, N11, N12, N22, OUTERS };

typedef struct spread {
  fm_places *p;
  double *of[OUTERS];  /* L x L each */
  uint32_t *index;     /* OUTERS x room */
  double *value;       /* OUTERS x 4 x room */
  double *z;           /* n: performance less the firm's mean */
  double *p1, *p2, *x; /* L x L */
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

/* Each task has a matrix of its own: a sum of outer products x y', of one or two pairs. */
static fm_code add_firms(void *context, size_t task, size_t worker) {
  static const size_t pairs[OUTERS][4] = {{R, R, R, R}, {Z, R, Z, R}, {Z, BR, R, BZ}, {BZ, BR, BZ, BR}};
  spread *s = context;
  const fm_places *p = s->p;
  const size_t room = fm_firm_room(p), *pair = pairs[task], n_pairs = task == N12 ? 2 : 1;
  const double *of[] = {s->z, p->r, p->bz, p->br};
  const double *x[] = {of[pair[0]], of[pair[1]], of[pair[2]], of[pair[3]]};
  uint32_t *index = s->index + task * room;
  double *value = s->value + task * 4 * room;
  (void)worker;
  for (size_t i = 0; i < p->n_firms; i++) {
    const size_t n = fm_firm_sums(p, i, x, 2 * n_pairs, index, value, room);
    for (size_t k = 0; k < n_pairs; k++) {
      add_outer(s->of[task], p->size, index, n, 1.0 / (double)n_pairs, value + 2 * k * room,
                value + (2 * k + 1) * room);
    }
  }
  return FM_OK;
}

/* a := (a + a') / 2 */
static void make_symmetric(double *a, size_t n) {
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++) {
      a[i * n + j] = a[j * n + i] = 0.5 * (a[i * n + j] + a[j * n + i]);
    }
  }
}

/* ---- the variance of the variance ------------------------------------------------------------------- */
static fm_code v_times(const fm_places *p, const double *a, double *to) {
  memset(to, 0, p->size * p->size * sizeof(double));
  const fm_product x = {p->size, p->size, p->size, p->v, a, to, p->size, p->size, p->size, 0};
  return fm_multiply(&x, p->spec.threads);
}

/* to := A a + half b (or half b'), A that of places. */
static void a_times(const fm_places *p, const double *a, const double *b, int transposed, double *to) {
  const size_t L = p->size;
  for (size_t j = 0; j < L; j++) {
    const double own = j < p->n_places ? p->nbar[j] : 0.0;
    for (size_t l = 0; l < L; l++) {
      to[j * L + l] = own * a[j * L + l] + 0.5 * (transposed ? b[l * L + j] : b[j * L + l]);
    }
  }
  for (size_t l = 0; l < L; l++) {
    double mean = 0.0;
    for (size_t j = 0; j < p->n_places; j++) {
      mean += p->nbar[j] * a[j * L + l];
    }
    for (size_t j = 0; j < p->n_places; j++) {
      to[j * L + l] -= p->nbar[j] * mean;
    }
  }
}

/* tr(a b), by rows, so that it does not depend on threads. */
static double trace_of(const double *a, const double *b, size_t n) {
  fm_total total = {0};
  for (size_t i = 0; i < n; i++) {
    double sum = 0.0;
    for (size_t j = 0; j < n; j++) {
      sum += a[i * n + j] * b[j * n + i];
    }
    fm_total_add(&total, sum);
  }
  return fm_total_value(&total);
}

/* tr(MNMN); overwrites the N. */
static fm_code trace_of_squares(spread *s, double *trace) {
  const fm_places *p = s->p;
  const size_t L = p->size;
  FM_TRY(v_times(p, s->of[N11], s->p1));
  FM_TRY(v_times(p, s->of[N12], s->p2));
  a_times(p, s->p1, s->of[N12], 1, s->of[N11]);
  FM_TRY(v_times(p, s->of[N11], s->x));
  *trace = trace_of(s->x, s->x, L);
  a_times(p, s->p2, s->of[N22], 0, s->of[N11]);
  FM_TRY(v_times(p, s->of[N11], s->x));
  *trace += trace_of(s->x, s->p1, L) + 0.25 * trace_of(s->p2, s->p2, L);
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
static fm_code take_covariance(spread *s) {
  fm_places *p = s->p;
  FM_TRY(v_times(p, s->of[Q], s->p1));
  memset(p->covariance, 0, p->size * p->size * sizeof(double));
  /* V Q is taken by columns: (V Q) V = (V Q V)' as well */
  const fm_product x = {p->size, p->size, p->size, p->v, s->x, p->covariance, p->size, p->size, p->size, 1};
  for (size_t i = 0; i < p->size; i++) {
    for (size_t j = 0; j < p->size; j++) {
      s->x[i * p->size + j] = s->p1[j * p->size + i];
    }
  }
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
  FM_TRY(fm_parallel(OUTERS, p->spec.threads, add_firms, s));
  make_symmetric(s->of[N11], p->size);
  make_symmetric(s->of[N22], p->size);
  FM_TRY(take_covariance(s));
  return take_variance(s);
}

fm_code fm_places_spread(fm_places *p) {
  const size_t square = p->size * p->size, room = fm_firm_room(p);
  spread s = {.p = p,
              .z = p->residual, /* not needed any more */
              .index = fm_alloc(OUTERS * room, sizeof(uint32_t)),
              .value = fm_alloc(OUTERS * 4 * room, sizeof(double))};
  fm_free(p->w), fm_free(p->w_cov), fm_free(p->w_firm);
  p->w = p->w_cov = p->w_firm = NULL;
  p->covariance = fm_alloc(square, sizeof(double));
  s.p1 = fm_alloc(square, sizeof(double));
  s.x = fm_alloc(square, sizeof(double));
  int fine = s.z && s.index && s.value && p->covariance && s.p1 && s.x;
  for (size_t k = 0; k < OUTERS; k++) {
    s.of[k] = fm_alloc_zero(square, sizeof(double));
    fine = fine && s.of[k] != NULL;
  }
  s.p2 = s.of[Q]; /* once the covariance is there */
  const fm_code code = fine ? run(&s) : FM_NO_MEMORY;
  for (size_t k = 0; k < OUTERS; k++) {
    fm_free(s.of[k]);
  }
  fm_free(s.index), fm_free(s.value), fm_free(s.p1), fm_free(s.x);
  return code;
}
