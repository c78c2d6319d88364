/* events.c: finds the events, and the regressions on leads and gaps. */
#include "events.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/total.h"

/* ---- events ----------------------------------------------------------------------------------------- */
static fm_event event_of(const fm_events_spec *s, size_t i) {
  const fm_lives *v = s->lives;
  const size_t first = v->first[i], n = v->first[i + 1] - first;
  const int here = v->place_code[v->place[first]],
            origin = s->origin != NULL ? s->origin[v->row[first]] : 0;
  fm_event e = {.at = (uint32_t)n, .end = (uint32_t)n, .delta = NAN};
  size_t moves = 0;
  if (origin >= 1 && origin != here) {
    e = (fm_event){.kind = FM_NO_BEFORE,
                   .end = (uint32_t)n,
                   .cohort = v->time[first],
                   .from = origin,
                   .to = here,
                   .delta = NAN};
    moves = 1;
  }
  for (size_t t = 1; t < n && moves < 2; t++) {
    const uint32_t before = v->place[first + t - 1], now = v->place[first + t];
    if (before == now) {
      continue;
    }
    if (++moves == 2) {
      e.end = (uint32_t)t;
      e.kind = e.kind == FM_EVENT && s->single ? FM_SEVERAL : e.kind;
    } else {
      e = (fm_event){.kind = FM_EVENT,
                     .at = (uint32_t)t,
                     .end = (uint32_t)n,
                     .cohort = v->time[first + t],
                     .from = v->place_code[before],
                     .to = v->place_code[now],
                     .delta = NAN};
      e.gap = v->time[first + t] > v->time[first + t - 1] + 1;
    }
  }
  return e;
}

static double weight_of(const fm_lives *v, size_t t) { return v->weight != NULL ? v->weight[t] : 1.0; }

/* Means of places in periods, and from them what a mover exchanges. */
static void set_deltas(fm_events *x, fm_total *sum, fm_total *weight) {
  const fm_lives *v = x->spec.lives;
  for (size_t t = 0; t < v->n; t++) {
    const size_t cell = v->place[t] * x->spec.n_times + v->time[t];
    fm_total_add(&sum[cell], weight_of(v, t) * x->y[t]);
    fm_total_add(&weight[cell], weight_of(v, t));
  }
  for (size_t i = 0; i < x->n_firms; i++) {
    fm_event *e = &x->event[i];
    if (e->kind != FM_EVENT || e->cohort == 0) {
      continue;
    }
    const size_t last = v->first[i] + e->at - 1, period = e->cohort - 1;
    const size_t from = v->place[last] * x->spec.n_times + period;
    const size_t to = v->place[last + 1] * x->spec.n_times + period;
    const int own = v->time[last] == period; /* it is among those of its origin */
    const double left = own ? weight_of(v, last) : 0.0;
    const double others = fm_total_value(&weight[from]) - left, there = fm_total_value(&weight[to]);
    if (others > 1e-12 * left && there > 0.0) {
      e->delta =
          fm_total_value(&sum[to]) / there - (fm_total_value(&sum[from]) - left * x->y[last]) / others;
    }
  }
}

fm_code fm_events_find(const fm_events_spec *spec, fm_events *x) {
  const fm_lives *v = spec->lives;
  const size_t cells = v->n_places * spec->n_times;
  *x = (fm_events){.spec = *spec, .n_firms = v->n_firms};
  x->event = fm_alloc(v->n_firms, sizeof(fm_event));
  x->y = fm_alloc(v->n, sizeof(double));
  fm_total *sum = fm_alloc_zero(cells, sizeof(fm_total)), *weight = fm_alloc_zero(cells, sizeof(fm_total));
  const int fine = x->event != NULL && x->y != NULL && sum != NULL && weight != NULL;
  if (fine) {
    fm_total all = {0};
    for (size_t t = 0; t < v->n; t++) {
      fm_total_add(&all, v->y[t]);
    }
    const double mean = v->n > 0 ? fm_total_value(&all) / (double)v->n : 0.0;
    for (size_t t = 0; t < v->n; t++) {
      x->y[t] = v->y[t] - mean;
    }
    for (size_t i = 0; i < v->n_firms; i++) {
      x->event[i] = event_of(spec, i);
    }
    set_deltas(x, sum, weight);
  }
  fm_free(sum), fm_free(weight);
  return fine ? FM_OK : FM_NO_MEMORY;
}

void fm_events_free(fm_events *x) {
  fm_free(x->event), fm_free(x->y), fm_free(x->tau), fm_free(x->unknown);
  fm_within_free(&x->before), fm_within_free(&x->lead);
  fm_free(x->means.weight), fm_free(x->means.estimate), fm_free(x->means.rows), fm_free(x->means.movers);
  fm_free(x->means.covariance);
  *x = (fm_events){0};
}

/* ---- rows ------------------------------------------------------------------------------------------- */
size_t fm_events_longest(const fm_events *x) {
  const size_t *first = x->spec.lives->first;
  size_t longest = 1;
  for (size_t i = 0; i < x->n_firms; i++) {
    longest = first[i + 1] - first[i] > longest ? first[i + 1] - first[i] : longest;
  }
  return longest;
}

/* Period and controls of row t; returns where the next entry goes. */
static size_t enter_row(const fm_events *x, size_t t, fm_within_rows *rows, size_t at) {
  const fm_lives *v = x->spec.lives;
  fm_within_enter(rows, &at, v->time[t], 1.0);
  for (size_t k = 0; k < x->spec.n_controls; k++) {
    fm_within_enter(rows, &at, x->spec.n_times + k, x->spec.controls[k * x->spec.n_rows + v->row[t]]);
  }
  return at;
}

/* The first n rows of firm i; before its move, each of `leads` periods has a dummy. */
static void enter_rows(const fm_events *x, size_t i, size_t n, size_t leads, fm_within_rows *rows) {
  const fm_lives *v = x->spec.lives;
  const fm_event *e = &x->event[i];
  const size_t first = v->first[i], size = x->spec.n_times + x->spec.n_controls;
  size_t at = 0;
  for (size_t t = 0; t < n; t++) {
    at = enter_row(x, first + t, rows, at);
    const size_t lead = leads == 0 || e->kind == FM_NEVER ? 0 : e->cohort - v->time[first + t];
    if (lead >= 1 && lead <= leads) {
      fm_within_enter(rows, &at, size + lead - 1, 1.0);
    }
    rows->first[t + 1] = at;
    rows->y[t] = x->y[first + t];
  }
  rows->n = n;
}

void fm_events_fill(const fm_events *x, size_t i, size_t n, fm_within_rows *rows) {
  enter_rows(x, i, n, 0, rows);
}

/* ---- regressions with dummies of event time --------------------------------------------------------- */
/* Rows before the move, with leads. */
static void fill_leads(const fm_events *x, size_t i, fm_within_rows *rows) {
  const fm_lives *v = x->spec.lives;
  const fm_event *e = &x->event[i];
  enter_rows(x, i, e->kind == FM_NEVER ? v->first[i + 1] - v->first[i] : e->at, x->spec.leads, rows);
}

/* Rows within the window of a mover, or all of a firm that stays, with rho_k and theta_k. */
static void fill_gap(const fm_events *x, size_t i, fm_within_rows *rows) {
  const fm_lives *v = x->spec.lives;
  const fm_event *e = &x->event[i];
  const size_t first = v->first[i], size = x->spec.n_times + x->spec.n_controls;
  const long leads = (long)x->spec.leads, window = leads + (long)x->spec.n_horizons;
  size_t at = 0;
  rows->n = 0;
  if (e->kind != FM_NEVER && isnan(e->delta)) {
    return;
  }
  for (size_t t = 0; t < e->end; t++) {
    const long k = e->kind == FM_NEVER ? -1 : (long)v->time[first + t] - (long)e->cohort;
    if (k < -leads || k >= (long)x->spec.n_horizons) {
      continue;
    }
    at = enter_row(x, first + t, rows, at);
    if (e->kind != FM_NEVER && k != -1) {
      const size_t dummy = (size_t)(k + leads - (k > -1 ? 1 : 0));
      fm_within_enter(rows, &at, size + dummy, 1.0);
      fm_within_enter(rows, &at, size + (size_t)(window - 1) + dummy, e->delta);
    }
    rows->y[rows->n++] = x->y[first + t];
    rows->first[rows->n] = at;
  }
}

typedef void (*filler)(const fm_events *, size_t, fm_within_rows *);

static void regress(const fm_events *x, filler fill, fm_within *w, fm_within_rows *rows) {
  for (size_t i = 0; i < x->n_firms; i++) {
    if (x->event[i].kind <= FM_EVENT) {
      fill(x, i, rows);
      fm_within_add(w, rows);
    }
  }
}

static void spread(const fm_events *x, filler fill, fm_within *w, fm_within_rows *rows, double *e) {
  for (size_t i = 0; i < x->n_firms; i++) {
    if (x->event[i].kind <= FM_EVENT) {
      fill(x, i, rows);
      if (rows->n == 0) {
        continue;
      }
      const size_t n_seen = fm_within_rho(w, rows, e);
      fm_within_meat(w, n_seen);
      fm_within_clear(w, n_seen);
    }
  }
}

static fm_code regression(const fm_events *x, filler fill, size_t size, fm_within *w, fm_error *err) {
  const size_t longest = fm_events_longest(x);
  fm_within_rows rows;
  fm_code code = fm_within_init(w, size);
  const fm_code room = fm_within_rows_init(&rows, longest, 3 + x->spec.n_controls);
  double *e = fm_alloc(longest, sizeof(double));
  code = code != FM_OK ? code : (e == NULL ? FM_NO_MEMORY : room);
  if (code == FM_OK) {
    regress(x, fill, w, &rows);
    code = fm_within_solve(w, err);
  }
  if (code == FM_OK) {
    spread(x, fill, w, &rows, e);
  }
  fm_within_rows_free(&rows);
  fm_free(e);
  return code;
}

fm_code fm_events_lead(fm_events *x, fm_error *err) {
  return regression(x, fill_leads, x->spec.n_times + x->spec.n_controls + x->spec.leads, &x->lead, err);
}

fm_code fm_events_gap(const fm_events *x, fm_within *result, fm_error *err) {
  const size_t window = x->spec.leads + x->spec.n_horizons - 1;
  return regression(x, fill_gap, x->spec.n_times + x->spec.n_controls + 2 * window, result, err);
}
