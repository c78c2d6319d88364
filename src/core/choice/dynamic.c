/* dynamic.c: the value of places to firms that look ahead, and the log-likelihood of what they do.
 *
 * Formulas: dynamic.h. Markets are solved side by side, each by one thread; their sums are added in order.
 */
#include "dynamic.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/arena.h"
#include "../base/kernels.h"
#include "../base/linalg.h"

static const int most_steps = 200;
static const double settled = 1e-13; /* of the size of the values */

/* What one market needs while it is solved. */
typedef struct market {
  const fm_dynamic *model;
  const fm_dynamic_market *data;
  const double *theta;
  const fm_kernels *kernels;
  size_t n, n_places, n_terms; /* states, places, terms */
  double *flow;                /* states x places: u */
  double *p;                   /* states x places: P */
  double *value, *inclusive;   /* states: V less its mean, T of that */
  double *image;               /* states: T(V) - V less its mean */
  double *ahead;               /* states: beta E V */
  double *system; /* states x states: I - beta F + 1/n, column after column, then its factors */
  int *pivot;
  double *slope;   /* terms x states: W, then beta E W */
  double *mixed;   /* states: before kinds are mixed */
  double *q, *pq;  /* terms x places: of one state, less its mean; the same times weight and P */
  double *weights; /* places */
  double level;    /* the mean of V */
} market;

/* The doubles used; scratch = NULL only counts. */
static size_t lay_out(market *m, const fm_dynamic *model, double *scratch) {
  fm_arena a = {scratch, 0};
  *m = (market){.model = model,
                .kernels = fm_kernels_best(),
                .n = model->n_kinds * model->n_places,
                .n_places = model->n_places,
                .n_terms = model->n_terms};
  m->flow = fm_take(&a, m->n * m->n_places), m->p = fm_take(&a, m->n * m->n_places);
  m->value = fm_take(&a, m->n), m->inclusive = fm_take(&a, m->n);
  m->image = fm_take(&a, m->n), m->ahead = fm_take(&a, m->n);
  m->system = fm_take(&a, m->n * m->n), m->pivot = fm_take_int(&a, m->n);
  m->slope = fm_take(&a, m->n * m->n_terms), m->mixed = fm_take(&a, m->n);
  m->q = fm_take(&a, m->n_terms * m->n_places), m->pq = fm_take(&a, m->n_terms * m->n_places);
  m->weights = fm_take(&a, m->n_places);
  return a.used;
}

/* ---- values ------------------------------------------------------------------------------------------ */
static double becomes(const fm_dynamic *model, size_t from, size_t to) {
  return model->transition != NULL ? model->transition[from * model->n_kinds + to] : (double)(from == to);
}

static void fill_flows(market *m) {
  for (size_t s = 0; s < m->n; s++) {
    double *u = m->flow + s * m->n_places;
    memcpy(u, m->data->offset + s * m->n_places, m->n_places * sizeof(double));
    for (size_t k = 0; k < m->n_terms; k++) {
      m->kernels->axpy(m->theta[k], m->data->x + (s * m->n_terms + k) * m->n_places, u, m->n_places);
    }
  }
}

/* to (states) = beta sum_z' Q(z,z') from(z',.) */
static void look_ahead(const market *m, const double *from, double *to) {
  const size_t kinds = m->model->n_kinds, places = m->n_places;
  memset(to, 0, m->n * sizeof(double));
  for (size_t z = 0; z < kinds; z++) {
    for (size_t next = 0; next < kinds; next++) {
      const double share = m->model->discount * becomes(m->model, z, next);
      if (share != 0.0) {
        m->kernels->axpy(share, from + next * places, to + z * places, places);
      }
    }
  }
}

/* P and T(V) at V. */
static void apply(market *m) {
  look_ahead(m, m->value, m->ahead);
  for (size_t s = 0; s < m->n; s++) {
    double *p = m->p + s * m->n_places;
    memcpy(p, m->flow + s * m->n_places, m->n_places * sizeof(double));
    m->kernels->axpy(1.0, m->ahead + s / m->n_places * m->n_places, p, m->n_places);
    const double top = m->kernels->max(p, m->n_places);
    const double sum = m->kernels->exp_less(top, p, m->n_places);
    m->kernels->scale(1.0 / sum, p, m->n_places);
    m->inclusive[s] = top + log(sum);
  }
}

/* Factors of I - beta F + 1/n at P. */
static fm_code factor(market *m) {
  const size_t n = m->n, places = m->n_places;
  for (size_t s = 0; s < n; s++) {
    for (size_t next = 0; next < m->model->n_kinds; next++) {
      const double share = m->model->discount * becomes(m->model, s / places, next);
      for (size_t j = 0; j < places; j++) {
        const size_t to = next * places + j;
        m->system[s + to * n] = (double)(s == to) + 1.0 / (double)n - share * m->p[s * places + j];
      }
    }
  }
  return fm_lu_factor(m->system, n, m->pivot);
}

/* T(V) - V into image, less its mean, which becomes the level; the largest entry in size. */
static double residual(market *m) {
  double largest = 0.0;
  memcpy(m->image, m->inclusive, m->n * sizeof(double));
  m->kernels->axpy(-1.0, m->value, m->image, m->n);
  const double mean = m->kernels->sum(m->image, m->n) / (double)m->n;
  m->level = mean / (1.0 - m->model->discount);
  for (size_t s = 0; s < m->n; s++) {
    m->image[s] -= mean;
    largest = fmax(largest, fabs(m->image[s]));
  }
  return isfinite(mean) ? largest : NAN;
}

static double size_of(const market *m) {
  double size = 1.0;
  for (size_t s = 0; s < m->n; s++) {
    size = fmax(size, fabs(m->value[s]));
  }
  return size;
}

/* V from 0 on; P and ahead at V. Newton's steps end where they no longer come nearer. */
static fm_code solve(market *m) {
  double before = HUGE_VAL;
  memset(m->value, 0, m->n * sizeof(double));
  for (int step = 0; step < most_steps; step++) {
    apply(m);
    const double distance = residual(m);
    if (isnan(distance)) {
      return FM_DIVERGED;
    }
    const double size = size_of(m);
    if (distance <= settled * size || (distance <= 1e-10 * size && distance >= before)) {
      return FM_OK;
    }
    before = distance;
    FM_TRY(factor(m));
    fm_lu_solve(m->system, m->n, m->pivot, 0, m->image, 1);
    const double mean = m->kernels->sum(m->image, m->n) / (double)m->n;
    for (size_t s = 0; s < m->n; s++) {
      m->value[s] += m->image[s] - mean;
    }
  }
  return FM_DIVERGED;
}

/* The value of the shocks alone at a given P; ahead at it. */
static fm_code read_given(market *m) {
  memcpy(m->p, m->data->given, m->n * m->n_places * sizeof(double));
  for (size_t s = 0; s < m->n; s++) {
    m->value[s] = 0.0;
    for (size_t j = 0; j < m->n_places; j++) {
      const double p = m->p[s * m->n_places + j];
      m->value[s] -= p > 0.0 ? p * log(p) : 0.0;
    }
  }
  FM_TRY(factor(m));
  fm_lu_solve(m->system, m->n, m->pivot, 0, m->value, 1);
  look_ahead(m, m->value, m->ahead);
  m->level = 0.0;
  return FM_OK;
}

/* beta E W of every term. */
static fm_code fill_slopes(market *m) {
  for (size_t s = 0; s < m->n; s++) {
    for (size_t k = 0; k < m->n_terms; k++) {
      const double *x = m->data->x + (s * m->n_terms + k) * m->n_places;
      m->slope[k * m->n + s] = m->kernels->dot(m->p + s * m->n_places, x, m->n_places);
    }
  }
  FM_TRY(factor(m));
  fm_lu_solve(m->system, m->n, m->pivot, 0, m->slope, m->n_terms);
  for (size_t k = 0; k < m->n_terms; k++) {
    memcpy(m->mixed, m->slope + k * m->n, m->n * sizeof(double));
    look_ahead(m, m->mixed, m->slope + k * m->n);
  }
  return FM_OK;
}

/* ---- likelihood -------------------------------------------------------------------------------------- */
/* Sums of one market. */
typedef struct sums {
  double value, *score, *information;
} sums;

/* q of state s, less its mean over P. */
static void fill_q(market *m, size_t s) {
  const size_t places = m->n_places, kind = s / places * places;
  const double *p = m->p + s * places;
  memcpy(m->q, m->data->x + s * m->n_terms * places, m->n_terms * places * sizeof(double));
  for (size_t k = 0; k < m->n_terms; k++) {
    double *q = m->q + k * places;
    m->kernels->axpy(1.0, m->slope + k * m->n + kind, q, places);
    m->kernels->less(m->kernels->dot(p, q, places), q, q, places);
  }
}

static double state_value(const market *m, size_t s, const double *count) {
  const double *flow = m->flow + s * m->n_places, *ahead = m->ahead + s / m->n_places * m->n_places;
  double value = 0.0;
  for (size_t j = 0; j < m->n_places; j++) {
    value += count[j] > 0.0 ? count[j] * (flow[j] + ahead[j] - m->inclusive[s]) : 0.0;
  }
  return value;
}

static void add_state(market *m, size_t s, sums *to) {
  const size_t places = m->n_places;
  const double *count = m->data->count + s * places, *p = m->p + s * places;
  const double total = m->kernels->sum(count, places);
  if (total <= 0.0) {
    return;
  }
  to->value += state_value(m, s, count);
  if (to->score == NULL) {
    return;
  }
  fill_q(m, s);
  for (size_t k = 0; k < m->n_terms; k++) {
    to->score[k] += m->kernels->dot(count, m->q + k * places, places);
  }
  if (to->information == NULL) {
    return;
  }
  memcpy(m->weights, p, places * sizeof(double));
  m->kernels->scale(total, m->weights, places);
  for (size_t k = 0; k < m->n_terms; k++) {
    m->kernels->times(m->weights, m->q + k * places, m->pq + k * places, places);
  }
  m->kernels->gemm_nt(m->n_terms, m->n_terms, places, m->pq, places, m->q, places, to->information,
                      m->n_terms);
}

/* ---- markets ----------------------------------------------------------------------------------------- */
typedef struct run {
  const fm_dynamic *model;
  const double *theta;
  const fm_dynamic_answer *answer;
  double *sums; /* markets x (1 + terms + terms^2) */
  size_t width;
} run;

static void keep(const market *m, size_t t, const fm_dynamic_answer *answer) {
  const size_t slopes = answer->slope != NULL ? m->n_terms : 0;
  for (size_t s = 0; s < m->n; s++) {
    if (answer->value != NULL) {
      answer->value[t * m->n + s] = m->value[s] + m->level;
    }
    for (size_t k = 0; k < slopes; k++) {
      answer->slope[(t * m->n + s) * m->n_terms + k] = m->slope[k * m->n + s];
    }
  }
  if (answer->ahead != NULL) {
    memcpy(answer->ahead + t * m->n, m->ahead, m->n * sizeof(double));
  }
}

static fm_code one_market(market *m, const run *r, size_t t) {
  const fm_dynamic_answer *answer = r->answer;
  double *own = r->sums + t * r->width;
  m->theta = r->theta;
  m->data = &r->model->market[t];
  if (m->data->given != NULL) {
    FM_TRY(read_given(m));
  } else {
    fill_flows(m);
    FM_TRY(solve(m));
  }
  if (answer->slope != NULL || answer->score != NULL) {
    FM_TRY(fill_slopes(m));
  }
  keep(m, t, answer);
  sums to = {.score = answer->score != NULL ? own + 1 : NULL,
             .information = answer->information != NULL ? own + 1 + m->n_terms : NULL};
  const size_t counted = answer->likelihood != NULL ? m->n : 0;
  for (size_t s = 0; s < counted; s++) {
    add_state(m, s, &to);
  }
  own[0] = to.value;
  return FM_OK;
}

static fm_code market_task(void *context, size_t t, size_t worker) {
  const run *r = context;
  market m;
  (void)worker;
  double *scratch = fm_alloc(lay_out(&m, r->model, NULL), sizeof(double));
  if (scratch == NULL) {
    return FM_NO_MEMORY;
  }
  (void)lay_out(&m, r->model, scratch);
  const fm_code code = one_market(&m, r, t);
  fm_free(scratch);
  return code;
}

/* Adds the markets up. */
static void total(const run *r) {
  const size_t p = r->model->n_terms;
  const fm_dynamic_answer *answer = r->answer;
  double *parts[] = {answer->likelihood, answer->score, answer->information};
  const size_t size[] = {1, p, p * p};
  size_t at = 0;
  for (size_t a = 0; a < 3; a++) {
    const size_t wanted = parts[a] != NULL ? size[a] : 0;
    for (size_t i = 0; i < wanted; i++) {
      parts[a][i] = 0.0;
      for (size_t t = 0; t < r->model->n_markets; t++) {
        parts[a][i] += r->sums[t * r->width + at + i];
      }
    }
    at += size[a];
  }
}

fm_code fm_dynamic_run(const fm_dynamic *model, const double *theta, int threads,
                       fm_interrupted interrupted, const fm_dynamic_answer *answer, fm_error *err) {
  run r = {.model = model, .theta = theta, .answer = answer};
  r.width = 1 + model->n_terms + model->n_terms * model->n_terms;
  r.sums = fm_alloc_zero(model->n_markets * r.width, sizeof(double));
  if (r.sums == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "%s", fm_code_text(FM_NO_MEMORY));
  }
  const fm_code code = fm_parallel_watched(model->n_markets, threads, market_task, &r, interrupted, NULL);
  if (code == FM_OK) {
    total(&r);
  }
  fm_free(r.sums);
  return code == FM_OK ? code : fm_fail(err, code, "%s", fm_code_text(code));
}
