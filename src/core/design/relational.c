/* relational.c: the operations of design.h on firms x places, one block of a cell at a time.
 *
 * With u_i the multipliers of unit i (u_i0 = 1), z_k the centred row of dense term k in the cell and
 * m(k) the number of its multiplier, a block of n units needs
 *   utilities   V = base + U C,              C_a = sum_{k: m(k) = a} b_k z_k
 *   projection  Y = (W Z') scaled by u
 *   score       g_k = z_k . (U' R)_{m(k)}
 *   information H_kl = sum_j z_kj z_lj (sum_i u_i,m(k) u_i,m(l) q_ij)
 * The bracket of the last line is summed over all blocks of a cell and multiplied out once, by flush().
 * Origin and sparse terms touch few places and are added entry by entry.
 * Thread safety: the design is read-only.
 */
#include "relational.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "groups.h"
#include "relational_layout.h"
#include "relational_work.h"

enum { STRIP = 4 }; /* rows of a product worked on at a time */

static const fm_relational *storage(const fm_design *design) { return design->storage; }
static fm_relational_work *scratch(fm_work *work) { return work->storage; }

/* ---- workspace --------------------------------------------------------------------------------------- */
static void work_free(fm_work *work) {
  fm_relational_work *w = work->storage;
  if (w != NULL) {
    void *owned[] = {w->z,       w->z_level, w->base,  w->combined, w->theta,    w->factor,
                     w->product, w->pooled,  w->strip, w->part,     w->weighted, w->spread};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
      fm_free(owned[i]);
    }
  }
  fm_free(w);
  work->storage = NULL;
}

static fm_code work_init(const fm_design *design, fm_work *work) {
  const fm_relational *rel = storage(design);
  const size_t m = rel->terms.n_multipliers + 1, n = design->max_units, stride = rel->stride;
  fm_relational_work *w = fm_alloc_zero(1, sizeof *w);
  work->design = design;
  work->storage = w;
  if (w == NULL) {
    return FM_NO_MEMORY;
  }
  w->cell = (size_t)-1;
  w->z = fm_alloc_zero(rel->terms.n_dense * stride, sizeof(double));
  w->z_level = fm_alloc(rel->terms.n_dense, sizeof(double));
  w->base = fm_alloc(stride, sizeof(double));
  w->combined = fm_alloc(m * stride, sizeof(double));
  w->theta = fm_alloc(design->n_linear, sizeof(double));
  w->factor = fm_alloc(n * (rel->terms.n_pairs > m ? rel->terms.n_pairs : m), sizeof(double));
  w->product = fm_alloc(m * stride, sizeof(double));
  w->pooled = fm_alloc_zero(rel->terms.n_pairs * stride, sizeof(double));
  w->strip = fm_alloc(STRIP * stride, sizeof(double));
  w->part = fm_alloc((n > STRIP ? n : STRIP) *
                         (rel->terms.n_dense > design->n_terms ? rel->terms.n_dense : design->n_terms),
                     sizeof(double));
  w->weighted = fm_alloc(design->n_effects > 0 ? design->max_rows : stride, sizeof(double));
  w->spread = fm_alloc_zero(stride, sizeof(double));
  if (!w->z || !w->z_level || !w->base || !w->combined || !w->theta || !w->factor || !w->product ||
      !w->pooled || !w->strip || !w->part || !w->weighted || !w->spread) {
    work_free(work);
    return FM_NO_MEMORY;
  }
  return FM_OK;
}

/* ---- flush: the pooled weights of a cell ------------------------------------------------------------- */
/* h += Z_A' diag(pooled) Z_B for the dense terms first_a .. end_a and first_b .. end_b, which have the
 * multipliers of one pair each; of the products of a group with itself only the upper triangle. */
static void multiply_groups(const fm_design *design, fm_relational_work *w, const double *pooled,
                            const size_t *a, const size_t *b, double *h, size_t ld) {
  const fm_relational *rel = storage(design);
  const size_t stride = rel->stride, columns = b[1] - b[0];
  for (size_t k = a[0]; k < a[1]; k += STRIP) {
    const size_t height = a[1] - k < STRIP ? a[1] - k : STRIP;
    for (size_t i = 0; i < height; i++) {
      design->kernels->times(w->z + (k + i) * stride, pooled, w->strip + i * stride, stride);
    }
    memset(w->part, 0, height * columns * sizeof(double));
    design->kernels->gemm_nt(height, columns, stride, w->strip, stride, w->z + b[0] * stride, stride,
                             w->part, columns);
    for (size_t i = 0; i < height; i++) {
      const size_t first = a[0] == b[0] ? k + i - b[0] : 0;
      if (rel->terms.dense[k + i].term == FM_OFFSET_TERM) {
        continue;
      }
      for (size_t l = first; l < columns; l++) {
        if (rel->terms.dense[b[0] + l].term != FM_OFFSET_TERM) {
          *fm_upper(h, ld, rel->terms.dense[k + i].term, rel->terms.dense[b[0] + l].term) +=
              w->part[i * columns + l];
        }
      }
    }
  }
}

/* The products with place constants: e_j e_j' and x e_j'. */
static void multiply_effects(const fm_relational *rel, const fm_relational_work *w, double *h, size_t ld) {
  for (size_t k = 0; k < rel->terms.n_dense; k++) {
    const fm_dense_term *term = &rel->terms.dense[k];
    const double *pooled = w->pooled + rel->terms.pair[term->multiplier] * rel->stride;
    if (term->term == FM_OFFSET_TERM) {
      continue;
    }
    for (size_t j = 0; j < rel->n_places; j++) {
      h[term->term + (rel->n_terms + j) * ld] += w->z[k * rel->stride + j] * pooled[j];
    }
  }
  for (size_t j = 0; j < rel->n_places; j++) {
    h[(rel->n_terms + j) * (ld + 1)] += w->pooled[j];
  }
}

/* Multiplies out the pooled weights of the cell and empties them. */
static void flush(const fm_design *design, fm_work *work, double *h, size_t ld) {
  const fm_relational *rel = storage(design);
  fm_relational_work *w = scratch(work);
  if (!w->pending) {
    return;
  }
  for (size_t p = 0; p < rel->terms.n_pairs; p++) {
    multiply_groups(design, w, w->pooled + p * rel->stride, rel->terms.dense_first + rel->terms.pair_a[p],
                    rel->terms.dense_first + rel->terms.pair_b[p], h, ld);
  }
  if (rel->effects) {
    multiply_effects(rel, w, h, ld);
  }
  memset(w->pooled, 0, rel->terms.n_pairs * rel->stride * sizeof(double));
  w->pending = 0;
}

/* ---- load: the dense rows of a cell ------------------------------------------------------------------ */
/* Copies row `row` of the table of a dense term, applies its mask and takes out its mean. */
static void load_dense(const fm_kernels *kernels, const fm_relational *rel, fm_relational_work *w, size_t k,
                       size_t row, int origin) {
  const fm_table *table = &rel->terms.tables[rel->terms.dense[k].table];
  double *z = w->z + k * rel->stride;
  memcpy(z, table->values + row * rel->n_places, rel->n_places * sizeof(double));
  if (rel->terms.dense[k].mask == FM_MASK_MOVE && origin >= 0) {
    z[origin] = 0.0;
  }
  const double first = z[0]; /* taken out before the mean, so that a constant row becomes exact zeros */
  kernels->less(first, z, z, rel->n_places);
  const double mean = kernels->sum(z, rel->n_places) / (double)rel->n_places;
  kernels->less(mean, z, z, rel->n_places);
  w->z_level[k] = first + mean;
}

static void load(const fm_design *design, fm_work *work, size_t b) {
  const fm_relational *rel = storage(design);
  fm_relational_work *w = scratch(work);
  const size_t first = rel->blocks.first[b];
  if (rel->units.cell[first] != w->cell) {
    flush(design, work, w->pending_h, w->pending_ld); /* before its rows are replaced */
    const int *row = rel->units.cell_row + rel->units.cell[first] * (rel->terms.n_dense + 1);
    for (size_t k = 0; k < rel->terms.n_dense; k++) {
      load_dense(design->kernels, rel, w, k, (size_t)row[k], rel->units.origin[first]);
    }
    w->cell = rel->units.cell[first];
    w->stale = 1;
    w->available = rel->available ? rel->available + (size_t)row[rel->terms.n_dense] * rel->n_places : NULL;
  }
  work->block = (fm_block){.first = first,
                           .n = rel->blocks.first[b + 1] - first,
                           .first_row = first * rel->n_places,
                           .offset = rel->blocks.offset,
                           .place = rel->blocks.place,
                           .origin = rel->units.origin + first,
                           .weight = rel->units.weight + first,
                           .choice = rel->units.choice + first,
                           .choice_row = rel->units.choice_row,
                           .choice_weight = rel->units.choice_weight};
}

/* ---- utility ----------------------------------------------------------------------------------------- */
/* The rows shared by all units of the cell: base and, per multiplier, sum_k b_k z_k. */
static void combine_cell(const fm_design *design, fm_relational_work *w, const double *theta) {
  const fm_relational *rel = storage(design);
  const fm_kernels *kernels = design->kernels;
  memset(w->combined, 0, (rel->terms.n_multipliers + 1) * rel->stride * sizeof(double));
  for (size_t k = 0; k < rel->terms.n_dense; k++) {
    kernels->axpy(fm_coefficient(theta, rel->terms.dense[k].term), w->z + k * rel->stride,
                  w->combined + rel->terms.dense[k].multiplier * rel->stride, rel->n_places);
  }
  memcpy(w->base, w->combined, rel->n_places * sizeof(double));
  for (size_t j = 0; j < rel->n_places; j++) {
    w->base[j] += rel->effects ? theta[design->n_terms + j] : 0.0;
    if ((rel->offered && !rel->offered[j]) || (w->available && !w->available[j])) {
      w->base[j] = -HUGE_VAL;
    }
  }
  memcpy(w->theta, theta, design->n_linear * sizeof(double));
  w->stale = 0;
}

static void utility(const fm_design *design, fm_work *work, const double *theta, double *v) {
  const fm_relational *rel = storage(design);
  fm_relational_work *w = scratch(work);
  if (w->stale || memcmp(w->theta, theta, design->n_linear * sizeof(double)) != 0) {
    combine_cell(design, w, theta);
  }
  for (size_t i = 0; i < work->block.n; i++) {
    const size_t unit = work->block.first + i;
    double *row = v + i * rel->n_places;
    design->kernels->combine(w->base, rel->units.multiplier + unit * rel->terms.n_multipliers,
                             w->combined + rel->stride, rel->stride, rel->terms.n_multipliers, row,
                             rel->n_places);
    fm_relational_entries_utility(rel, unit, theta, row);
  }
}

/* The rows shared by all units of the cell, as combine_cell() makes them of theta, into w->product. */
static void combine_direction(const fm_design *design, fm_relational_work *w, const double *direction) {
  const fm_relational *rel = storage(design);
  memset(w->product, 0, (rel->terms.n_multipliers + 1) * rel->stride * sizeof(double));
  for (size_t k = 0; k < rel->terms.n_dense; k++) {
    const double b = fm_movement(direction, rel->terms.dense[k].term);
    if (b != 0.0) {
      design->kernels->axpy(b, w->z + k * rel->stride,
                            w->product + rel->terms.dense[k].multiplier * rel->stride, rel->n_places);
    }
  }
  if (rel->effects) {
    design->kernels->axpy(1.0, direction + design->n_terms, w->product, rel->n_places);
  }
}

static void along(const fm_design *design, fm_work *work, const double *direction, double *dv) {
  const fm_relational *rel = storage(design);
  fm_relational_work *w = scratch(work);
  combine_direction(design, w, direction);
  for (size_t i = 0; i < work->block.n; i++) {
    const size_t unit = work->block.first + i;
    double *row = dv + i * rel->n_places;
    design->kernels->combine(w->product, rel->units.multiplier + unit * rel->terms.n_multipliers,
                             w->product + rel->stride, rel->stride, rel->terms.n_multipliers, row,
                             rel->n_places);
    fm_relational_entries_along(rel, unit, direction, row);
  }
}

static void level(const fm_design *design, fm_work *work, const double *theta, double *out) {
  const fm_relational *rel = storage(design);
  const fm_relational_work *w = scratch(work);
  for (size_t i = 0; i < work->block.n; i++) {
    const size_t unit = work->block.first + i;
    const double *u = rel->units.multiplier + unit * rel->terms.n_multipliers;
    double total = fm_relational_entries_level(rel, unit, theta);
    for (size_t k = 0; k < rel->terms.n_dense; k++) {
      const size_t a = rel->terms.dense[k].multiplier;
      total += fm_coefficient(theta, rel->terms.dense[k].term) * w->z_level[k] * (a > 0 ? u[a - 1] : 1.0);
    }
    out[i] = total;
  }
}

static void row(const fm_design *design, fm_work *work, size_t i, int at, double *x) {
  const fm_relational *rel = storage(design);
  const fm_relational_work *w = scratch(work);
  const size_t unit = work->block.first + i;
  const double *u = rel->units.multiplier + unit * rel->terms.n_multipliers;
  memset(x, 0, rel->n_terms * sizeof(double));
  for (size_t k = 0; k < rel->terms.n_dense; k++) {
    const size_t a = rel->terms.dense[k].multiplier;
    if (rel->terms.dense[k].term != FM_OFFSET_TERM) {
      x[rel->terms.dense[k].term] = w->z[k * rel->stride + (size_t)at] * (a > 0 ? u[a - 1] : 1.0);
    }
  }
  fm_relational_entries_row(rel, unit, at, x);
}

/* ---- sums -------------------------------------------------------------------------------------------- */
static void project(const fm_design *design, fm_work *work, const double *weights, double *y) {
  const fm_relational *rel = storage(design);
  fm_relational_work *w = scratch(work);
  const size_t n = work->block.n;
  memset(y, 0, n * rel->n_terms * sizeof(double));
  memset(w->part, 0, n * rel->terms.n_dense * sizeof(double));
  design->kernels->gemm_nt(n, rel->terms.n_dense, rel->n_places, weights, rel->n_places, w->z, rel->stride,
                           w->part, rel->terms.n_dense);
  for (size_t i = 0; i < n; i++) {
    const size_t unit = work->block.first + i;
    const double *u = rel->units.multiplier + unit * rel->terms.n_multipliers;
    for (size_t k = 0; k < rel->terms.n_dense; k++) {
      const size_t a = rel->terms.dense[k].multiplier;
      if (rel->terms.dense[k].term != FM_OFFSET_TERM) {
        y[i * rel->n_terms + rel->terms.dense[k].term] =
            w->part[i * rel->terms.n_dense + k] * (a > 0 ? u[a - 1] : 1.0);
      }
    }
    fm_relational_entries_sum(rel, unit, 1.0, weights + i * rel->n_places, y + i * rel->n_terms);
  }
}

static void score(const fm_design *design, fm_work *work, const double *s, const double *r, double *g) {
  const fm_relational *rel = storage(design);
  fm_relational_work *w = scratch(work);
  const size_t n = work->block.n, m = rel->terms.n_multipliers + 1;
  for (size_t i = 0; i < n; i++) {
    const size_t unit = work->block.first + i;
    const double si = s ? s[i] : 1.0;
    w->factor[i * m] = si;
    for (size_t a = 1; a < m; a++) {
      w->factor[i * m + a] = si * rel->units.multiplier[unit * rel->terms.n_multipliers + a - 1];
    }
    fm_relational_entries_sum(rel, unit, si, r + i * rel->n_places, g);
  }
  memset(w->product, 0, m * rel->stride * sizeof(double));
  design->kernels->gemm_tn(n, m, rel->n_places, w->factor, m, r, rel->n_places, w->product, rel->stride);
  for (size_t k = 0; k < rel->terms.n_dense; k++) {
    if (rel->terms.dense[k].term != FM_OFFSET_TERM) {
      g[rel->terms.dense[k].term] += design->kernels->dot(
          w->z + k * rel->stride, w->product + rel->terms.dense[k].multiplier * rel->stride, rel->n_places);
    }
  }
  if (rel->effects) {
    design->kernels->axpy(1.0, w->product, g + rel->n_terms, rel->n_places);
  }
}

static void cross(const fm_design *design, fm_work *work, const double *s, const double *q, double *h,
                  size_t ld) {
  const fm_relational *rel = storage(design);
  fm_relational_work *w = scratch(work);
  const size_t n = work->block.n, np = rel->terms.n_pairs;
  for (size_t i = 0; i < n; i++) {
    const size_t unit = work->block.first + i;
    const double *u = rel->units.multiplier + unit * rel->terms.n_multipliers;
    const double si = s ? s[i] : 1.0;
    for (size_t p = 0; p < np; p++) {
      const double ua = rel->terms.pair_a[p] > 0 ? u[rel->terms.pair_a[p] - 1] : 1.0;
      const double ub = rel->terms.pair_b[p] > 0 ? u[rel->terms.pair_b[p] - 1] : 1.0;
      w->factor[i * np + p] = si * ua * ub;
    }
    fm_relational_entries_cross(rel, w, unit, si, q + i * rel->n_places, h, ld);
  }
  design->kernels->gemm_tn(n, np, rel->n_places, w->factor, np, q, rel->n_places, w->pooled, rel->stride);
  w->pending = 1;
  w->pending_h = h;
  w->pending_ld = ld;
}

static void outer(const fm_design *design, fm_work *work, const double *s, const double *weights,
                  const double *y, double *h, size_t ld) {
  const fm_relational *rel = storage(design);
  fm_relational_work *w = scratch(work);
  const size_t n = work->block.n, nt = rel->n_terms, np = rel->n_places;
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < nt; k++) {
      w->part[i * nt + k] = s[i] * y[i * nt + k];
    }
  }
  fm_add_outer(design->kernels, n, nt, w->part, y, h, ld);
  if (!rel->effects) {
    return;
  }
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < np; j++) {
      w->weighted[i * np + j] = s[i] * weights[i * np + j];
    }
  }
  design->kernels->gemm_tn(n, np, nt, w->weighted, np, y, nt, h + nt * ld, ld);
  fm_add_outer(design->kernels, n, np, w->weighted, weights, h + nt * (ld + 1), ld);
}

/* ---- life -------------------------------------------------------------------------------------------- */
static void design_free(fm_design *design) {
  fm_relational_release(design->storage, design->mapped);
  fm_group_free(design);
  design->storage = NULL;
}

static const fm_design_ops relational_ops = {
    work_init, work_free, load,  utility, along, level,       row,
    project,   score,     cross, outer,   flush, design_free, fm_relational_image};

const fm_design_ops *fm_relational_ops(void) { return &relational_ops; }

fm_code fm_relational_init(fm_design *design, const fm_relational_spec *spec, fm_error *err) {
  fm_relational *rel = fm_alloc_zero(1, sizeof *rel);
  if (rel == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "%s", fm_code_text(FM_NO_MEMORY));
  }
  *design = (fm_design){.ops = &relational_ops,
                        .kernels = fm_kernels_best(),
                        .n_terms = spec->n_terms,
                        .n_effects = spec->effects ? spec->n_places : 0,
                        .n_linear = spec->n_terms + (spec->effects ? spec->n_places : 0),
                        .n_places = spec->n_places,
                        .n_occasions = spec->n_occasions,
                        .storage = rel};
  const fm_code code = fm_relational_build(rel, design, spec, err);
  if (code != FM_OK) {
    design_free(design);
    return code;
  }
  design->n_units = rel->units.n;
  design->n_numbers = rel->units.n * rel->n_places * (spec->n_terms + 4);
  design->n_blocks = rel->blocks.n;
  design->chunk = rel->blocks.chunk;
  design->unit_of = rel->units.of;
  return FM_OK;
}
