/* relational_entries.c: origin and sparse terms, whose x is zero but for a few places.
 *
 * An origin term has one entry, at the origin. A sparse term has the entries of its table row that its
 * mask lets through, times its multiplier; a row with an entry for every place is centred by its mean.
 * Costs are proportional to the entries. Overwrites only outputs and work->spread, which is left zero.
 * Thread safety: the design is read-only.
 */
#include <string.h>

#include "relational_work.h"

/* The entries of sparse term k for a unit. */
typedef struct entries {
  const int *place; /* 1-based */
  const double *value;
  size_t n;
  double by, mean;
  int skip_origin, only_origin, origin;
} entries;

static double origin_value(const fm_relational *rel, size_t unit, size_t k) {
  return fm_at_origin(&rel->terms.origin[k], rel->units.origin_x[unit * rel->terms.n_origin + k]);
}

static entries sparse_entries(const fm_relational *rel, size_t unit, size_t k) {
  const fm_sparse_term *term = &rel->terms.sparse[k];
  const fm_table *table = &rel->terms.tables[term->table];
  const size_t row = (size_t)rel->units.sparse_row[unit * rel->terms.n_sparse + k];
  const int from = table->first[row];
  return (entries){.place = table->place + from,
                   .value = table->values + from,
                   .n = (size_t)(table->first[row + 1] - from),
                   .by = rel->units.sparse_multiplier[unit * rel->terms.n_sparse + k],
                   .mean = rel->terms.row_mean[rel->terms.row_mean_first[k] + row],
                   .skip_origin = term->mask == FM_MASK_MOVE,
                   .only_origin = term->mask == FM_MASK_STAY,
                   .origin = rel->units.origin[unit]};
}

/* Place and value of entry e; 0 when the mask hides it. */
static int entry_at(const entries *e, size_t i, size_t *place, double *x) {
  const int j = e->place[i] - 1;
  if ((e->skip_origin && j == e->origin) || (e->only_origin && j != e->origin)) {
    return 0;
  }
  *place = (size_t)j;
  *x = e->by * (e->value[i] - e->mean);
  return 1;
}

/* v (n_places) += b times the entries of sparse term k. */
static void add_sparse(const fm_relational *rel, size_t unit, size_t k, double b, double *v) {
  const entries e = sparse_entries(rel, unit, k);
  size_t j;
  double x;
  for (size_t i = 0; i < e.n; i++) {
    if (entry_at(&e, i, &j, &x)) {
      v[j] += b * x;
    }
  }
}

void fm_relational_entries_utility(const fm_relational *rel, size_t unit, const double *theta, double *v) {
  const int origin = rel->units.origin[unit];
  if (origin >= 0) {
    for (size_t k = 0; k < rel->terms.n_origin; k++) {
      v[origin] += fm_coefficient(theta, rel->terms.origin[k].term) * origin_value(rel, unit, k);
    }
  }
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    add_sparse(rel, unit, k, fm_coefficient(theta, rel->terms.sparse[k].term), v);
  }
}

void fm_relational_entries_along(const fm_relational *rel, size_t unit, const double *direction,
                                 double *v) {
  const int origin = rel->units.origin[unit];
  if (origin >= 0) {
    for (size_t k = 0; k < rel->terms.n_origin; k++) {
      v[origin] += fm_movement(direction, rel->terms.origin[k].term) * origin_value(rel, unit, k);
    }
  }
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    const double b = fm_movement(direction, rel->terms.sparse[k].term);
    if (b != 0.0) {
      add_sparse(rel, unit, k, b, v);
    }
  }
}

double fm_relational_entries_level(const fm_relational *rel, size_t unit, const double *theta) {
  double total = 0.0;
  for (size_t k = 0; k < rel->terms.n_origin; k++) {
    total += fm_coefficient(theta, rel->terms.origin[k].term) *
             fm_origin_level(&rel->terms.origin[k], rel->units.origin_x[unit * rel->terms.n_origin + k]);
  }
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    const entries e = sparse_entries(rel, unit, k);
    total += fm_coefficient(theta, rel->terms.sparse[k].term) * e.by * e.mean;
  }
  return total;
}

void fm_relational_entries_row(const fm_relational *rel, size_t unit, int at, double *x) {
  if (at == rel->units.origin[unit]) {
    for (size_t k = 0; k < rel->terms.n_origin; k++) {
      if (rel->terms.origin[k].term != FM_OFFSET_TERM) {
        x[rel->terms.origin[k].term] = origin_value(rel, unit, k);
      }
    }
  }
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    const entries e = sparse_entries(rel, unit, k);
    size_t j;
    double value;
    if (rel->terms.sparse[k].term != FM_OFFSET_TERM) {
      for (size_t i = 0; i < e.n; i++) {
        if (entry_at(&e, i, &j, &value) && j == (size_t)at) {
          x[rel->terms.sparse[k].term] += value;
        }
      }
    }
  }
}

void fm_relational_entries_sum(const fm_relational *rel, size_t unit, double scale, const double *r,
                               double *g) {
  const int origin = rel->units.origin[unit];
  if (origin >= 0) {
    for (size_t k = 0; k < rel->terms.n_origin; k++) {
      if (rel->terms.origin[k].term != FM_OFFSET_TERM) {
        g[rel->terms.origin[k].term] += scale * r[origin] * origin_value(rel, unit, k);
      }
    }
  }
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    const entries e = sparse_entries(rel, unit, k);
    double total = 0.0, x;
    size_t j;
    for (size_t i = 0; i < e.n; i++) {
      if (entry_at(&e, i, &j, &x)) {
        total += r[j] * x;
      }
    }
    if (rel->terms.sparse[k].term != FM_OFFSET_TERM) {
      g[rel->terms.sparse[k].term] += scale * total;
    }
  }
}

/* ---- information ------------------------------------------------------------------------------------- */
/* One entry x of `term` at place j, with weight qx = scale q_j x: its products with dense terms and with
 * the place constant of j. */
static void entry_with_dense(const fm_relational *rel, const fm_relational_work *work, size_t unit,
                             size_t term, size_t j, double qx, double *h, size_t ld) {
  const double *u = rel->units.multiplier + unit * rel->terms.n_multipliers;
  for (size_t l = 0; l < rel->terms.n_dense; l++) {
    const fm_dense_term *dense = &rel->terms.dense[l];
    if (dense->term != FM_OFFSET_TERM) {
      const double by = dense->multiplier > 0 ? u[dense->multiplier - 1] : 1.0;
      *fm_upper(h, ld, term, dense->term) += qx * by * work->z[l * rel->stride + j];
    }
  }
  if (rel->effects) {
    h[term + (rel->n_terms + j) * ld] += qx;
  }
}

static void origin_cross(const fm_relational *rel, const fm_relational_work *work, size_t unit, double q,
                         double *h, size_t ld) {
  const size_t j = (size_t)rel->units.origin[unit];
  for (size_t k = 0; k < rel->terms.n_origin; k++) {
    const size_t term = rel->terms.origin[k].term;
    const double value = origin_value(rel, unit, k);
    if (term == FM_OFFSET_TERM || value == 0.0) {
      continue;
    }
    entry_with_dense(rel, work, unit, term, j, q * value, h, ld);
    for (size_t l = k; l < rel->terms.n_origin; l++) {
      if (rel->terms.origin[l].term != FM_OFFSET_TERM) {
        *fm_upper(h, ld, term, rel->terms.origin[l].term) += q * value * origin_value(rel, unit, l);
      }
    }
  }
}

/* Lays the entries of e out by place (or, with on = 0, wipes them). */
static void spread_entries(const entries *e, double *spread, int on) {
  size_t j;
  double x;
  for (size_t i = 0; i < e->n; i++) {
    if (entry_at(e, i, &j, &x)) {
      spread[j] = on ? spread[j] + x : 0.0;
    }
  }
}

/* Products of sparse term k, laid out in work->spread, with itself and the other terms of few places. */
static void sparse_with_entries(const fm_relational *rel, const fm_relational_work *work, size_t unit,
                                size_t k, double scale, const double *q, double *h, size_t ld) {
  const size_t term = rel->terms.sparse[k].term;
  const int origin = rel->units.origin[unit];
  if (origin >= 0) {
    for (size_t l = 0; l < rel->terms.n_origin; l++) {
      if (rel->terms.origin[l].term != FM_OFFSET_TERM) {
        *fm_upper(h, ld, term, rel->terms.origin[l].term) +=
            scale * q[origin] * work->spread[origin] * origin_value(rel, unit, l);
      }
    }
  }
  for (size_t l = k; l < rel->terms.n_sparse; l++) {
    if (rel->terms.sparse[l].term == FM_OFFSET_TERM) {
      continue;
    }
    const entries e = sparse_entries(rel, unit, l);
    double total = 0.0, x;
    size_t j;
    for (size_t i = 0; i < e.n; i++) {
      if (entry_at(&e, i, &j, &x)) {
        total += q[j] * work->spread[j] * x;
      }
    }
    *fm_upper(h, ld, term, rel->terms.sparse[l].term) += scale * total;
  }
}

void fm_relational_entries_cross(const fm_relational *rel, fm_relational_work *work, size_t unit,
                                 double scale, const double *q, double *h, size_t ld) {
  if (rel->units.origin[unit] >= 0) {
    origin_cross(rel, work, unit, scale * q[rel->units.origin[unit]], h, ld);
  }
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    if (rel->terms.sparse[k].term == FM_OFFSET_TERM) {
      continue;
    }
    const entries e = sparse_entries(rel, unit, k);
    size_t j;
    double x;
    for (size_t i = 0; i < e.n; i++) {
      if (entry_at(&e, i, &j, &x)) {
        entry_with_dense(rel, work, unit, rel->terms.sparse[k].term, j, scale * q[j] * x, h, ld);
      }
    }
    spread_entries(&e, work->spread, 1);
    sparse_with_entries(rel, work, unit, k, scale, q, h, ld);
    spread_entries(&e, work->spread, 0);
  }
}
