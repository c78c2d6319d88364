/* events_impute.c: what would have been, what was, and how far the means may be off. Equations: events.h.
 */
#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "events.h"

enum { FAMILIES = 3 };

typedef struct imputing {
  fm_events *x;
  fm_within_rows rows, after;
  size_t longest;
  double *e;        /* longest */
  double *mean;     /* size: mean of x over the rows before */
  double *contrast; /* size */
  double *c;        /* estimands x size */
  double *across;   /* estimands x size: sum of a_i rho_i' */
  double *square;   /* estimands x estimands: sum of a_i a_i' */
  double *a;        /* estimands: of a firm, 0 between firms */
  uint32_t *touched;
  double *cell_weight, *cell_sum; /* (1 + up and down + groups) x n_times x n_times */
  size_t *last;                   /* estimands: the firm that was counted last */
} imputing;

/* ---- estimands -------------------------------------------------------------------------------------- */
/* The group, from 0 on, of firm i in a family, or -1. */
static int group_of(const fm_events *x, size_t family, size_t i) {
  const fm_event *e = &x->event[i];
  if (family == 0) {
    return 0;
  }
  if (family == 1) {
    return isnan(e->delta) ? -1 : e->delta < 0.0;
  }
  const fm_lives *v = x->spec.lives;
  return x->spec.group != NULL ? x->spec.group[v->row[v->first[i] + e->at]] - 1 : -1;
}

/* The number of a family's group among those of all families. */
static size_t cell_of(const fm_events *x, size_t family, int group, size_t cohort, size_t time) {
  const size_t before = x->means.first_of[family] / x->means.n_means;
  return ((before + (size_t)group) * x->spec.n_times + cohort) * x->spec.n_times + time;
}

static fm_code lay_out(fm_events *x) {
  fm_estimands *m = &x->means;
  m->n_means = x->spec.n_horizons + 1;
  const size_t of[FAMILIES] = {1, 2, x->spec.n_groups};
  for (size_t f = 0; f < FAMILIES; f++) {
    m->n_of[f] = of[f];
    m->first_of[f] = m->n;
    m->n += of[f] * m->n_means;
  }
  m->weight = fm_alloc_zero(m->n, sizeof(double));
  m->estimate = fm_alloc_zero(m->n, sizeof(double));
  m->rows = fm_alloc_zero(m->n, sizeof(double));
  m->movers = fm_alloc_zero(m->n, sizeof(double));
  m->covariance = fm_alloc_zero(m->n * m->n, sizeof(double));
  x->tau = fm_alloc(x->spec.lives->n, sizeof(double));
  x->unknown = fm_alloc_zero(x->spec.n_times, sizeof(double));
  const int fine =
      m->weight && m->estimate && m->rows && m->movers && m->covariance && x->tau && x->unknown;
  return fine ? FM_OK : FM_NO_MEMORY;
}

static fm_code make_room(imputing *s) {
  const fm_events *x = s->x;
  const size_t size = x->before.size, n = x->means.n;
  const size_t cells = (1 + 2 + x->spec.n_groups) * x->spec.n_times * x->spec.n_times;
  s->e = fm_alloc(s->longest, sizeof(double));
  s->mean = fm_alloc(size, sizeof(double));
  s->contrast = fm_alloc(size, sizeof(double));
  s->c = fm_alloc_zero(n * size, sizeof(double));
  s->across = fm_alloc_zero(n * size, sizeof(double));
  s->square = fm_alloc_zero(n * n, sizeof(double));
  s->a = fm_alloc_zero(n, sizeof(double));
  s->touched = fm_alloc(n, sizeof(uint32_t));
  s->cell_weight = fm_alloc_zero(cells, sizeof(double));
  s->cell_sum = fm_alloc_zero(cells, sizeof(double));
  s->last = fm_alloc_zero(n, sizeof(size_t));
  const int fine = s->e && s->mean && s->contrast && s->c && s->across && s->square && s->a && s->touched &&
                   s->cell_weight && s->cell_sum && s->last;
  return fine ? FM_OK : FM_NO_MEMORY;
}

static void release(imputing *s) {
  fm_within_rows_free(&s->rows), fm_within_rows_free(&s->after);
  fm_free(s->e), fm_free(s->mean), fm_free(s->contrast), fm_free(s->c), fm_free(s->across),
      fm_free(s->square);
  fm_free(s->a), fm_free(s->touched), fm_free(s->cell_weight), fm_free(s->cell_sum), fm_free(s->last);
}

/* ---- what would have been --------------------------------------------------------------------------- */
/* Does firm i tell what periods do? */
static int tells(const fm_events *x, size_t i) {
  const unsigned char kind = x->event[i].kind;
  return kind == FM_NEVER ? x->spec.never : kind == FM_EVENT && x->spec.not_yet;
}

static size_t rows_before(const fm_events *x, size_t i) {
  const size_t *first = x->spec.lives->first;
  return x->event[i].kind == FM_NEVER ? first[i + 1] - first[i] : x->event[i].at;
}

static fm_code fit_before(imputing *s, fm_error *err) {
  fm_events *x = s->x;
  for (size_t i = 0; i < x->n_firms; i++) {
    if (tells(x, i)) {
      fm_events_fill(x, i, rows_before(x, i), &s->rows);
      fm_within_add(&x->before, &s->rows);
    }
  }
  return fm_within_solve(&x->before, err);
}

/* Means over the rows before the move, in s->rows: of x in s->mean; returns that of y - x'beta. */
static double mean_before(imputing *s) {
  const fm_within_rows *rows = &s->rows;
  const double share = 1.0 / (double)rows->n;
  double level = 0.0;
  memset(s->mean, 0, s->x->before.size * sizeof(double));
  for (size_t t = 0; t < rows->n; t++) {
    for (size_t a = rows->first[t]; a < rows->first[t + 1]; a++) {
      s->mean[rows->index[a]] += share * rows->value[a];
    }
    level += share * (rows->y[t] - fm_within_fit(&s->x->before, rows, t));
  }
  return level;
}

/* All rows of the life go to s->after, of which those behind the move are looked at. */
static void take_row(imputing *s, size_t i, size_t t, double level) {
  fm_events *x = s->x;
  const fm_lives *v = x->spec.lives;
  const size_t row = v->first[i] + t, size = x->before.size;
  const int h = x->spec.horizon[v->time[row] - x->event[i].cohort];
  for (size_t k = 0; k < size; k++) {
    s->contrast[k] = -s->mean[k];
  }
  for (size_t a = s->after.first[t]; a < s->after.first[t + 1]; a++) {
    s->contrast[s->after.index[a]] += s->after.value[a];
  }
  if (!fm_within_estimable(&x->before, s->contrast)) {
    x->unknown[v->time[row]] += 1.0;
    return;
  }
  x->tau[row] = s->after.y[t] - fm_within_fit(&x->before, &s->after, t) - level;
  const double weight = v->weight != NULL ? v->weight[row] : 1.0;
  if (h < 0) {
    return;
  }
  for (size_t f = 0; f < FAMILIES; f++) {
    const int group = group_of(x, f, i);
    if (group < 0) {
      continue;
    }
    const size_t first = x->means.first_of[f] + (size_t)group * x->means.n_means;
    const size_t cell = cell_of(x, f, group, x->event[i].cohort, v->time[row]);
    s->cell_weight[cell] += weight * weight;
    s->cell_sum[cell] += weight * weight * x->tau[row];
    const size_t both[] = {first + (size_t)h, first + x->spec.n_horizons};
    for (size_t k = 0; k < 2; k++) {
      x->means.weight[both[k]] += weight;
      x->means.estimate[both[k]] += weight * x->tau[row];
      x->means.rows[both[k]] += 1.0;
      x->means.movers[both[k]] += s->last[both[k]] != i + 1;
      s->last[both[k]] = i + 1;
      for (size_t l = 0; l < size; l++) {
        s->c[both[k] * size + l] += weight * s->contrast[l];
      }
    }
  }
}

static void take_means(imputing *s) {
  fm_events *x = s->x;
  const size_t size = x->before.size;
  for (size_t t = 0; t < x->spec.lives->n; t++) {
    x->tau[t] = NAN;
  }
  for (size_t i = 0; i < x->n_firms; i++) {
    if (x->event[i].kind != FM_EVENT) {
      continue;
    }
    fm_events_fill(x, i, x->event[i].at, &s->rows);
    fm_events_fill(x, i, x->event[i].end, &s->after);
    const double level = mean_before(s);
    for (size_t t = x->event[i].at; t < x->event[i].end; t++) {
      take_row(s, i, t, level);
    }
  }
  for (size_t e = 0; e < x->means.n; e++) {
    x->means.estimate[e] /= x->means.weight[e];
    for (size_t l = 0; l < size; l++) {
      s->c[e * size + l] /= x->means.weight[e];
    }
  }
}

/* ---- how far off ------------------------------------------------------------------------------------ */
static size_t touch(imputing *s, size_t e, double value, size_t n) {
  size_t k = 0;
  while (k < n && s->touched[k] != e) {
    k++;
  }
  if (k == n) {
    s->touched[n++] = (uint32_t)e;
  }
  s->a[e] += value;
  return n;
}

/* The firm's part through its own rows after the move; returns how many estimands it touches. */
static size_t own_part(imputing *s, size_t i) {
  const fm_events *x = s->x;
  const fm_lives *v = x->spec.lives;
  size_t n = 0;
  for (size_t t = x->event[i].at; t < x->event[i].end; t++) {
    const size_t row = v->first[i] + t;
    const int h = x->spec.horizon[v->time[row] - x->event[i].cohort];
    if (h < 0 || isnan(x->tau[row])) {
      continue;
    }
    const double weight = v->weight != NULL ? v->weight[row] : 1.0;
    for (size_t f = 0; f < FAMILIES; f++) {
      const int group = group_of(x, f, i);
      if (group < 0) {
        continue;
      }
      const size_t first = x->means.first_of[f] + (size_t)group * x->means.n_means;
      const size_t cell = cell_of(x, f, group, x->event[i].cohort, v->time[row]);
      const double off = weight * (x->tau[row] - s->cell_sum[cell] / s->cell_weight[cell]);
      n = touch(s, first + (size_t)h, off / x->means.weight[first + (size_t)h], n);
      n = touch(s, first + x->spec.n_horizons, off / x->means.weight[first + x->spec.n_horizons], n);
    }
  }
  return n;
}

static void add_products(imputing *s, size_t n, size_t n_seen) {
  const fm_within *w = &s->x->before;
  for (size_t k = 0; k < n; k++) {
    const size_t e = s->touched[k];
    for (size_t l = 0; l < n; l++) {
      s->square[e * s->x->means.n + s->touched[l]] += s->a[e] * s->a[s->touched[l]];
    }
    for (size_t l = 0; l < n_seen; l++) {
      s->across[e * w->size + w->seen[l]] += s->a[e] * w->sum[w->seen[l]];
    }
  }
  for (size_t k = 0; k < n; k++) {
    s->a[s->touched[k]] = 0.0;
  }
}

static void take_influences(imputing *s) {
  fm_events *x = s->x;
  for (size_t i = 0; i < x->n_firms; i++) {
    size_t n_seen = 0;
    if (tells(x, i) && rows_before(x, i) > 0) {
      fm_events_fill(x, i, rows_before(x, i), &s->rows);
      n_seen = fm_within_rho(&x->before, &s->rows, s->e);
      fm_within_meat(&x->before, n_seen);
    }
    const size_t n = x->event[i].kind == FM_EVENT ? own_part(s, i) : 0;
    add_products(s, n, n_seen);
    fm_within_clear(&x->before, n_seen);
  }
}

/* to (rows x size) := a V. */
static void times_v(const fm_within *w, const double *a, size_t rows, double *to) {
  for (size_t e = 0; e < rows; e++) {
    for (size_t l = 0; l < w->size; l++) {
      double sum = 0.0;
      for (size_t k = 0; k < w->size; k++) {
        sum += a[e * w->size + k] * w->v[k * w->size + l];
      }
      to[e * w->size + l] = sum;
    }
  }
}

/* square - across V c' - its transpose + c V meat V c'. */
static fm_code take_covariance(imputing *s) {
  const fm_events *x = s->x;
  const fm_within *w = &x->before;
  const size_t n = x->means.n, size = w->size;
  double *cv = fm_alloc(n * size, sizeof(double)), *cvm = fm_alloc(n * size, sizeof(double));
  const int fine = cv != NULL && cvm != NULL;
  if (fine) {
    times_v(w, s->c, n, cv);
    /* c V meat / 2 - across: twice its product with c V is what is added */
    for (size_t e = 0; e < n; e++) {
      for (size_t l = 0; l < size; l++) {
        double sum = -s->across[e * size + l];
        for (size_t k = 0; k < size; k++) {
          sum += 0.5 * cv[e * size + k] * w->meat[k * size + l];
        }
        cvm[e * size + l] = sum;
      }
    }
    for (size_t e = 0; e < n; e++) {
      for (size_t f = 0; f < n; f++) {
        double sum = s->square[e * n + f];
        for (size_t l = 0; l < size; l++) {
          sum += cvm[e * size + l] * cv[f * size + l] + cvm[f * size + l] * cv[e * size + l];
        }
        x->means.covariance[e * n + f] = sum;
      }
    }
  }
  fm_free(cv), fm_free(cvm);
  return fine ? FM_OK : FM_NO_MEMORY;
}

static fm_code impute(imputing *s, fm_error *err) {
  fm_events *x = s->x;
  FM_TRY(fm_within_rows_init(&s->rows, s->longest, 1 + x->spec.n_controls));
  FM_TRY(fm_within_rows_init(&s->after, s->longest, 1 + x->spec.n_controls));
  FM_TRY(fit_before(s, err));
  if (x->spec.interrupted != NULL && x->spec.interrupted(NULL)) {
    return FM_INTERRUPTED;
  }
  take_means(s);
  take_influences(s);
  return take_covariance(s);
}

fm_code fm_events_impute(fm_events *x, fm_error *err) {
  imputing s = {.x = x, .longest = fm_events_longest(x)};
  fm_code code = fm_within_init(&x->before, x->spec.n_times + x->spec.n_controls);
  code = code == FM_OK ? lay_out(x) : code;
  code = code == FM_OK ? make_room(&s) : code;
  code = code == FM_OK ? impute(&s, err) : code;
  release(&s);
  return code;
}
