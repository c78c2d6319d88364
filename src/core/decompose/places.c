/* places.c: sets the problem up, and takes the second moments of what was fitted. */
#include "places.h"

#include <string.h>

#include "../base/alloc.h"
#include "../base/total.h"

static fm_code numbers(double **x, size_t n) {
  *x = fm_alloc(n, sizeof(double));
  return *x != NULL ? FM_OK : FM_NO_MEMORY;
}

static fm_code make_room(fm_places *p) {
  FM_TRY(numbers(&p->y, p->n));
  FM_TRY(numbers(&p->z, p->n * p->n_controls));
  FM_TRY(numbers(&p->nbar, p->n_places));
  FM_TRY(numbers(&p->alpha, p->n_firms));
  FM_TRY(numbers(&p->residual, p->n));
  FM_TRY(numbers(&p->r, p->n));
  FM_TRY(numbers(&p->bz, p->n));
  FM_TRY(numbers(&p->br, p->n));
  FM_TRY(numbers(&p->own_zz, p->n_firms));
  FM_TRY(numbers(&p->own_zr, p->n_firms));
  FM_TRY(numbers(&p->own_rr, p->n_firms));
  return p->spec.lives->weight != NULL ? numbers(&p->omega, p->n) : FM_OK;
}

void fm_places_free(fm_places *p) {
  fm_free(p->y), fm_free(p->omega), fm_free(p->z), fm_free(p->nbar), fm_free(p->s), fm_free(p->v);
  fm_free(p->w), fm_free(p->w_cov), fm_free(p->w_firm), fm_free(p->h), fm_free(p->v_mbar), fm_free(p->b);
  fm_free(p->aliased), fm_free(p->alpha), fm_free(p->residual), fm_free(p->r), fm_free(p->bz),
      fm_free(p->br);
  fm_free(p->own_zz), fm_free(p->own_zr), fm_free(p->own_rr), fm_free(p->covariance);
  *p = (fm_places){0};
}

/* ---- numbers ---------------------------------------------------------------------------------------- */
static double mean_of(const double *x, size_t n) {
  fm_total total = {0};
  for (size_t t = 0; t < n; t++) {
    fm_total_add(&total, x[t]);
  }
  return fm_total_value(&total) / (double)n;
}

static fm_code set_weights(fm_places *p, fm_error *err) {
  const fm_lives *v = p->spec.lives;
  memset(p->nbar, 0, p->n_places * sizeof(double));
  double all = (double)p->n;
  if (v->weight != NULL) {
    all = mean_of(v->weight, p->n) * (double)p->n;
    if (!(all > 0.0)) {
      return fm_fail(err, FM_INVALID,
                     "the weights of the rows that are compared sum to %g, not to a positive number", all);
    }
  }
  for (size_t t = 0; t < p->n; t++) {
    const double omega = v->weight != NULL ? v->weight[t] / all : 1.0;
    p->nbar[v->place[t]] += omega;
    if (p->omega != NULL) {
      p->omega[t] = omega;
    }
  }
  if (p->omega == NULL) {
    for (size_t j = 0; j < p->n_places; j++) {
      p->nbar[j] /= (double)p->n;
    }
  }
  return FM_OK;
}

static void take_controls(fm_places *p) {
  const uint32_t *row = p->spec.lives->row;
  for (size_t k = 0; k < p->n_controls; k++) {
    const double *column = p->spec.controls + k * p->spec.n_rows;
    fm_total total = {0};
    for (size_t t = 0; t < p->n; t++) {
      fm_total_add(&total, column[row[t]]);
    }
    const double mean = fm_total_value(&total) / (double)p->n;
    for (size_t t = 0; t < p->n; t++) {
      p->z[t * p->n_controls + k] = column[row[t]] - mean;
    }
  }
}

static void take_performance(fm_places *p) {
  const fm_lives *v = p->spec.lives;
  p->centre = mean_of(v->y, p->n);
  for (size_t t = 0; t < p->n; t++) {
    p->y[t] = v->y[t] - p->centre;
  }
  for (size_t i = 0; i < p->n_firms; i++) {
    const size_t rows = v->first[i + 1] - v->first[i];
    p->longest = rows > p->longest ? rows : p->longest;
  }
}

/* ---- sums within a firm ----------------------------------------------------------------------------- */
static size_t place_sums(const fm_places *p, size_t i, const double *const *x, size_t n_x, uint32_t *index,
                         double *value, size_t room) {
  const fm_lives *v = p->spec.lives;
  size_t n = 0;
  for (size_t t = v->first[i]; t < v->first[i + 1]; t++) {
    size_t at = 0;
    while (at < n && index[at] != v->place[t]) {
      at++;
    }
    if (at == n) {
      index[n++] = v->place[t];
      for (size_t a = 0; a < n_x; a++) {
        value[a * room + at] = 0.0;
      }
    }
    for (size_t a = 0; a < n_x; a++) {
      value[a * room + at] += x[a][t];
    }
  }
  return n;
}

size_t fm_firm_sums(const fm_places *p, size_t i, const double *const *x, size_t n_x, uint32_t *index,
                    double *value, size_t room) {
  const fm_lives *v = p->spec.lives;
  const size_t first = v->first[i], last = v->first[i + 1];
  size_t n = fm_moves(v, i) ? place_sums(p, i, x, n_x, index, value, room) : 0;
  if (p->spec.periods) {
    for (size_t t = first; t < last; t++, n++) {
      index[n] = (uint32_t)p->at_time + v->time[t];
      for (size_t a = 0; a < n_x; a++) {
        value[a * room + n] = x[a][t];
      }
    }
  }
  for (size_t k = 0; k < p->n_controls; k++, n++) {
    index[n] = (uint32_t)(p->at_z + k);
    for (size_t a = 0; a < n_x; a++) {
      double sum = 0.0;
      for (size_t t = first; t < last; t++) {
        sum += p->z[t * p->n_controls + k] * x[a][t];
      }
      value[a * room + n] = sum;
    }
  }
  return n;
}

/* ---- what was fitted -------------------------------------------------------------------------------- */
static double omega_of(const fm_places *p, size_t t) {
  return p->omega != NULL ? p->omega[t] : 1.0 / (double)p->n;
}

/* psi to mean 0 over rows, then what periods and controls do. */
static void centre_effects(fm_places *p) {
  fm_total psi = {0}, control = {0};
  for (size_t j = 0; j < p->n_places; j++) {
    fm_total_add(&psi, p->nbar[j] * p->b[j]);
  }
  const double mean = fm_total_value(&psi);
  for (size_t j = 0; j < p->n_places; j++) {
    p->b[j] -= mean;
  }
  if (p->size > p->n_places) {
    for (size_t t = 0; t < p->n; t++) {
      fm_total_add(&control, omega_of(p, t) * (fm_row_times(p, t, p->b) - p->b[p->spec.lives->place[t]]));
    }
  }
  p->shift = fm_total_value(&control);
}

static void take_residuals(fm_places *p, fm_total *squares) {
  const fm_lives *v = p->spec.lives;
  for (size_t i = 0; i < p->n_firms; i++) {
    const size_t first = v->first[i], last = v->first[i + 1];
    double sum = 0.0;
    for (size_t t = first; t < last; t++) {
      p->residual[t] = p->y[t] - (fm_row_times(p, t, p->b) - p->shift);
      sum += p->residual[t];
    }
    p->alpha[i] = sum / (double)(last - first);
    for (size_t t = first; t < last; t++) {
      p->residual[t] -= p->alpha[i];
      fm_total_add(squares, p->residual[t] * p->residual[t]);
    }
  }
}

/* Sums over the rows of firm i of the parts and of their products. */
static void firm_moments(const fm_places *p, size_t i, double *mean, double sum[FM_PARTS][FM_PARTS]) {
  const fm_lives *v = p->spec.lives;
  for (size_t t = v->first[i]; t < v->first[i + 1]; t++) {
    const double psi = p->b[v->place[t]], omega = omega_of(p, t);
    const double part[FM_PARTS] = {psi, p->alpha[i], fm_row_times(p, t, p->b) - psi - p->shift,
                                   p->residual[t], p->y[t]};
    for (size_t a = 0; a < FM_PARTS; a++) {
      mean[a] += omega * part[a];
      for (size_t b = a; b < FM_PARTS; b++) {
        sum[a][b] += omega * part[a] * part[b];
      }
    }
  }
}

static void take_moments(fm_places *p) {
  fm_total all[FM_PARTS][FM_PARTS], means[FM_PARTS];
  memset(all, 0, sizeof(all));
  memset(means, 0, sizeof(means));
  for (size_t i = 0; i < p->n_firms; i++) {
    double mean[FM_PARTS] = {0}, sum[FM_PARTS][FM_PARTS] = {{0}};
    firm_moments(p, i, mean, sum);
    for (size_t a = 0; a < FM_PARTS; a++) {
      fm_total_add(&means[a], mean[a]);
      for (size_t b = a; b < FM_PARTS; b++) {
        fm_total_add(&all[a][b], sum[a][b]);
      }
    }
  }
  for (size_t a = 0; a < FM_PARTS; a++) {
    for (size_t b = a; b < FM_PARTS; b++) {
      p->moment[a][b] = fm_total_value(&all[a][b]) - fm_total_value(&means[a]) * fm_total_value(&means[b]);
      p->moment[b][a] = p->moment[a][b];
    }
  }
}

static void fitted(fm_places *p) {
  fm_total squares = {0};
  centre_effects(p);
  take_residuals(p, &squares);
  take_moments(p);
  size_t estimated = p->n_firms;
  for (size_t l = 0; l < p->size; l++) {
    estimated += p->aliased[l] == 0;
  }
  p->s2 = p->n > estimated ? fm_total_value(&squares) / (double)(p->n - estimated) : 0.0 / 0.0;
}

fm_code fm_places_run(const fm_places_spec *spec, fm_places *p, fm_error *err) {
  const fm_lives *v = spec->lives;
  *p = (fm_places){.spec = *spec,
                   .n = v->n,
                   .n_firms = v->n_firms,
                   .n_places = v->n_places,
                   .n_times = spec->n_times,
                   .n_controls = spec->n_controls};
  p->at_time = p->n_places;
  p->at_z = p->n_places + (spec->periods ? p->n_times : 0);
  p->size = p->at_z + p->n_controls;
  FM_TRY(make_room(p));
  FM_TRY(set_weights(p, err));
  take_controls(p);
  take_performance(p);
  FM_TRY(fm_places_solve(p, err));
  fitted(p);
  if (spec->interrupted != NULL && spec->interrupted(NULL)) {
    return FM_INTERRUPTED;
  }
  FM_TRY(fm_places_correct(p));
  if (spec->interrupted != NULL && spec->interrupted(NULL)) {
    return FM_INTERRUPTED;
  }
  return fm_places_spread(p);
}
