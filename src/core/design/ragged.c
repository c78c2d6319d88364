/* ragged.c: the operations of design.h on a long table with a column per term.
 *
 * A block is a run of whole occasions. Loading it copies its rows of each column less the occasion's
 * first row (a constant per occasion, which no probability feels) into the workspace, which stays in
 * the cache for the sums that follow:
 *   utilities   v = sum_k b_k x_k + d[place] + offsets
 *   projection  y_ik = sum_{rows of i} w x_k
 *   information H_kl = sum_rows (s q x_k) x_l, four k at a time.
 * Thread safety: the design is read-only.
 */
#include "ragged.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/sums.h"
#include "chunks.h"
#include "groups.h"
#include "image.h"

enum { TARGET_NUMBERS = 16384, LEAST_ROWS = 64, MOST_ROWS = 4096, MOST_UNITS = 1024, STRIP = 4 };

typedef struct ragged {
  size_t *start;           /* n_occasions + 1: rows before each unit; units are occasions, by group */
  size_t *source;          /* n_occasions: first row of each unit in the columns */
  size_t *order, *unit_of; /* n_occasions: the occasion of each unit and back */
  size_t *group_of;        /* n_occasions: group of each unit */
  const double **columns;  /* n_terms + n_offsets */
  size_t n_offsets;
  int *place;  /* n_rows, 0-based */
  int *origin; /* n_occasions, 0-based row or -1 */
  size_t *choice;
  int *choice_row;
  double *choice_weight, *weight;
  unsigned char *offered; /* n_places, or NULL */
  size_t *block_first;    /* n_blocks + 1: first occasion of each */
  size_t *chunk;
  size_t stride; /* rows of a block, rounded up to whole vectors */
} ragged;

typedef struct ragged_work {
  size_t first_row;
  size_t *offset; /* max_units + 1 */
  double *x;      /* n_terms x stride */
  double *scaled; /* stride: s_i q_ij */
  double *strip;  /* STRIP x stride */
  double *part;   /* max(units, STRIP) x n_terms */
} ragged_work;

static const ragged *storage(const fm_design *design) { return design->storage; }
static ragged_work *scratch(fm_work *work) { return work->storage; }
static size_t block_rows(const fm_block *block) { return block->offset[block->n]; }

/* ---- workspace and load ------------------------------------------------------------------------------ */
static void work_free(fm_work *work) {
  ragged_work *w = work->storage;
  if (w != NULL) {
    fm_free(w->offset), fm_free(w->x), fm_free(w->scaled), fm_free(w->strip), fm_free(w->part);
  }
  fm_free(w);
  work->storage = NULL;
}

static fm_code work_init(const fm_design *design, fm_work *work) {
  const ragged *rag = storage(design);
  ragged_work *w = fm_alloc_zero(1, sizeof *w);
  work->design = design;
  work->storage = w;
  if (w == NULL) {
    return FM_NO_MEMORY;
  }
  const size_t units = design->max_units > STRIP ? design->max_units : STRIP;
  w->offset = fm_alloc(design->max_units + 1, sizeof(size_t));
  w->x = fm_alloc(design->n_terms * rag->stride, sizeof(double));
  w->scaled = fm_alloc(rag->stride, sizeof(double));
  w->strip = fm_alloc(STRIP * rag->stride, sizeof(double));
  w->part = fm_alloc(units * design->n_terms, sizeof(double));
  if (!w->offset || !w->x || !w->scaled || !w->strip || !w->part) {
    work_free(work);
    return FM_NO_MEMORY;
  }
  return FM_OK;
}

/* One column of the block, less the first row of each occasion. */
static void load_column(const fm_kernels *kernels, const double *column, const size_t *source,
                        const fm_block *block, double *x) {
  for (size_t i = 0; i < block->n; i++) {
    const double *from = column + source[i];
    kernels->less(from[0], from, x + block->offset[i], block->offset[i + 1] - block->offset[i]);
  }
}

static void load(const fm_design *design, fm_work *work, size_t b) {
  const ragged *rag = storage(design);
  ragged_work *w = scratch(work);
  const size_t first = rag->block_first[b], n = rag->block_first[b + 1] - first;
  w->first_row = rag->start[first];
  for (size_t i = 0; i <= n; i++) {
    w->offset[i] = rag->start[first + i] - w->first_row;
  }
  work->block = (fm_block){.first = first,
                           .n = n,
                           .first_row = w->first_row,
                           .offset = w->offset,
                           .place = rag->place + w->first_row,
                           .origin = rag->origin + first,
                           .weight = rag->weight + first,
                           .choice = rag->choice + first,
                           .choice_row = rag->choice_row,
                           .choice_weight = rag->choice_weight};
  for (size_t k = 0; k < design->n_terms; k++) {
    load_column(design->kernels, rag->columns[k], rag->source + first, &work->block,
                w->x + k * rag->stride);
  }
}

/* ---- utility ----------------------------------------------------------------------------------------- */
static void add_offset(const fm_kernels *kernels, const double *column, const size_t *source,
                       const fm_block *block, double *v) {
  for (size_t i = 0; i < block->n; i++) {
    kernels->axpy(1.0, column + source[i], v + block->offset[i], block->offset[i + 1] - block->offset[i]);
  }
}

static void utility(const fm_design *design, fm_work *work, const double *theta, double *v) {
  const ragged *rag = storage(design);
  const ragged_work *w = scratch(work);
  const size_t rows = block_rows(&work->block);
  memset(v, 0, rows * sizeof(double));
  for (size_t k = 0; k < design->n_terms; k++) {
    design->kernels->axpy(theta[k], w->x + k * rag->stride, v, rows);
  }
  for (size_t k = 0; k < rag->n_offsets; k++) {
    add_offset(design->kernels, rag->columns[design->n_terms + k], rag->source + work->block.first,
               &work->block, v);
  }
  if (design->n_effects > 0) {
    for (size_t r = 0; r < rows; r++) {
      v[r] += theta[design->n_terms + (size_t)work->block.place[r]];
    }
  }
  if (rag->offered != NULL) {
    for (size_t r = 0; r < rows; r++) {
      v[r] = rag->offered[work->block.place[r]] ? v[r] : -HUGE_VAL;
    }
  }
}

static void along(const fm_design *design, fm_work *work, const double *direction, double *dv) {
  const ragged *rag = storage(design);
  const ragged_work *w = scratch(work);
  const size_t rows = block_rows(&work->block);
  memset(dv, 0, rows * sizeof(double));
  for (size_t k = 0; k < design->n_terms; k++) {
    if (direction[k] != 0.0) {
      design->kernels->axpy(direction[k], w->x + k * rag->stride, dv, rows);
    }
  }
  if (design->n_effects > 0) {
    for (size_t r = 0; r < rows; r++) {
      dv[r] += direction[design->n_terms + (size_t)work->block.place[r]];
    }
  }
}

static void level(const fm_design *design, fm_work *work, const double *theta, double *out) {
  const ragged *rag = storage(design);
  for (size_t i = 0; i < work->block.n; i++) {
    out[i] = 0.0;
    for (size_t k = 0; k < design->n_terms; k++) {
      out[i] += theta[k] * rag->columns[k][rag->source[work->block.first + i]];
    }
  }
}

static void row(const fm_design *design, fm_work *work, size_t i, int at, double *x) {
  const ragged *rag = storage(design);
  const double *from = scratch(work)->x + work->block.offset[i] + (size_t)at;
  for (size_t k = 0; k < design->n_terms; k++) {
    x[k] = from[k * rag->stride];
  }
}

/* ---- sums -------------------------------------------------------------------------------------------- */
static void project(const fm_design *design, fm_work *work, const double *weights, double *y) {
  const ragged *rag = storage(design);
  const ragged_work *w = scratch(work);
  const size_t *offset = work->block.offset;
  memset(y, 0, work->block.n * design->n_terms * sizeof(double));
  for (size_t i = 0; i < work->block.n; i++) {
    design->kernels->gemm_nt(1, design->n_terms, offset[i + 1] - offset[i], weights + offset[i], 0,
                             w->x + offset[i], rag->stride, y + i * design->n_terms, design->n_terms);
  }
}

/* scaled = s_i r_ij; r itself where there is no s. */
static const double *scale_rows(const fm_block *block, const double *s, const double *r, double *scaled) {
  if (s == NULL) {
    return r;
  }
  for (size_t i = 0; i < block->n; i++) {
    for (size_t j = block->offset[i]; j < block->offset[i + 1]; j++) {
      scaled[j] = s[i] * r[j];
    }
  }
  return scaled;
}

static void score(const fm_design *design, fm_work *work, const double *s, const double *r, double *g) {
  const ragged *rag = storage(design);
  ragged_work *w = scratch(work);
  const size_t rows = block_rows(&work->block);
  const double *scaled = scale_rows(&work->block, s, r, w->scaled);
  for (size_t k = 0; k < design->n_terms; k++) {
    g[k] += design->kernels->dot(scaled, w->x + k * rag->stride, rows);
  }
  if (design->n_effects > 0) {
    for (size_t j = 0; j < rows; j++) {
      g[design->n_terms + (size_t)work->block.place[j]] += scaled[j];
    }
  }
}

/* The part of the information in place constants: diagonal, and products with the terms. */
static void cross_effects(const fm_design *design, const fm_work *work, const ragged_work *w,
                          const double *scaled, double *h, size_t ld) {
  const ragged *rag = storage(design);
  const size_t rows = block_rows(&work->block);
  for (size_t r = 0; r < rows; r++) {
    const size_t column = design->n_terms + (size_t)work->block.place[r];
    h[column * (ld + 1)] += scaled[r];
    for (size_t k = 0; k < design->n_terms; k++) {
      h[k + column * ld] += scaled[r] * w->x[k * rag->stride + r];
    }
  }
}

static void cross(const fm_design *design, fm_work *work, const double *s, const double *q, double *h,
                  size_t ld) {
  const ragged *rag = storage(design);
  ragged_work *w = scratch(work);
  const size_t rows = block_rows(&work->block), nt = design->n_terms;
  const double *scaled = scale_rows(&work->block, s, q, w->scaled);
  for (size_t k = 0; k < nt; k += STRIP) {
    const size_t height = nt - k < STRIP ? nt - k : STRIP;
    for (size_t a = 0; a < height; a++) {
      design->kernels->times(scaled, w->x + (k + a) * rag->stride, w->strip + a * rag->stride, rows);
    }
    memset(w->part, 0, height * nt * sizeof(double));
    design->kernels->gemm_nt(height, nt - k, rows, w->strip, rag->stride, w->x + k * rag->stride,
                             rag->stride, w->part, nt);
    for (size_t a = 0; a < height; a++) {
      for (size_t l = a; l < nt - k; l++) {
        h[(k + a) + (k + l) * ld] += w->part[a * nt + l];
      }
    }
  }
  if (design->n_effects > 0) {
    cross_effects(design, work, w, scaled, h, ld);
  }
}

/* s w w' over the places of one occasion, and s y w'. */
static void outer_effects(const fm_design *design, const int *place, size_t n, double s, const double *w,
                          const double *y, double *h, size_t ld) {
  const size_t nt = design->n_terms;
  for (size_t a = 0; a < n; a++) {
    double *column = h + (nt + (size_t)place[a]) * ld;
    for (size_t k = 0; k < nt; k++) {
      column[k] += s * w[a] * y[k];
    }
    for (size_t b = 0; b < n; b++) {
      if (place[b] <= place[a]) {
        column[nt + (size_t)place[b]] += s * w[a] * w[b];
      }
    }
  }
}

static void outer(const fm_design *design, fm_work *work, const double *s, const double *weights,
                  const double *y, double *h, size_t ld) {
  ragged_work *w = scratch(work);
  const size_t n = work->block.n, nt = design->n_terms;
  const size_t *offset = work->block.offset;
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < nt; k++) {
      w->part[i * nt + k] = s[i] * y[i * nt + k];
    }
  }
  fm_add_outer(design->kernels, n, nt, w->part, y, h, ld);
  if (design->n_effects > 0) {
    for (size_t i = 0; i < n; i++) {
      outer_effects(design, work->block.place + offset[i], offset[i + 1] - offset[i], s[i],
                    weights + offset[i], y + i * nt, h, ld);
    }
  }
}

static void flush(const fm_design *design, fm_work *work, double *h, size_t ld) {
  (void)design, (void)work, (void)h, (void)ld; /* nothing is kept back */
}

/* ---- build ------------------------------------------------------------------------------------------- */
static void ragged_release(ragged *rag, int mapped) {
  void *owned[] = {rag->start,  rag->source,      rag->order,  rag->unit_of,    rag->group_of,
                   rag->place,  rag->origin,      rag->choice, rag->choice_row, rag->choice_weight,
                   rag->weight, rag->block_first, rag->chunk,  rag->offered};
  if (!mapped) {
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
      fm_free(owned[i]);
    }
  }
  fm_free(rag->columns);
  fm_free(rag);
}

static void design_free(fm_design *design) {
  ragged_release(design->storage, design->mapped);
  fm_group_free(design);
  design->storage = NULL;
}

/* Units are the occasions sorted by group; without groups in their own order. */
static fm_code order_units(ragged *rag, const fm_ragged_spec *spec) {
  const size_t n = spec->n_occasions;
  rag->order = fm_alloc(n, sizeof(size_t));
  rag->unit_of = fm_alloc(n, sizeof(size_t));
  rag->group_of = fm_alloc_zero(n, sizeof(size_t));
  if (!rag->order || !rag->unit_of || !rag->group_of) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < n; i++) {
    rag->unit_of[i] = spec->group != NULL ? (size_t)(spec->group[i] - 1) : 0;
  }
  FM_TRY(fm_order_by_key(n, rag->unit_of, spec->group ? spec->n_groups : 1, NULL, rag->order));
  for (size_t u = 0; u < n; u++) {
    rag->group_of[u] = rag->unit_of[rag->order[u]];
  }
  for (size_t u = 0; u < n; u++) {
    rag->unit_of[rag->order[u]] = u;
  }
  return FM_OK;
}

static fm_code new_keys(ragged *rag, const fm_ragged_spec *spec) {
  const size_t n = spec->n_occasions;
  rag->start = fm_alloc(n + 1, sizeof(size_t));
  rag->source = fm_alloc(n, sizeof(size_t));
  rag->columns = fm_alloc(spec->n_terms + spec->n_offsets, sizeof(const double *));
  rag->place = fm_alloc(spec->n_rows, sizeof(int));
  rag->origin = fm_alloc(n, sizeof(int));
  rag->choice = fm_alloc(n + 1, sizeof(size_t));
  rag->choice_row = fm_alloc(n, sizeof(int));
  rag->choice_weight = fm_alloc(n, sizeof(double));
  rag->weight = fm_alloc(n, sizeof(double));
  const int ok = rag->start && rag->source && rag->columns && rag->place && rag->origin && rag->choice &&
                 rag->choice_row && rag->choice_weight && rag->weight;
  return ok ? FM_OK : FM_NO_MEMORY;
}

static fm_code copy_keys(ragged *rag, const fm_ragged_spec *spec) {
  FM_TRY(new_keys(rag, spec));
  FM_TRY(order_units(rag, spec));
  for (size_t k = 0; k < spec->n_terms + spec->n_offsets; k++) {
    rag->columns[k] = spec->columns[k];
  }
  size_t used = 0, row = 0;
  for (size_t u = 0; u < spec->n_occasions; u++) {
    const size_t i = rag->order[u];
    rag->start[u] = row;
    rag->source[u] = spec->start[i];
    for (size_t r = spec->start[i]; r < spec->start[i + 1]; r++) {
      rag->place[row++] = spec->place[r] - 1;
    }
    rag->origin[u] = spec->origin[i] - 1;
    rag->weight[u] = spec->weight ? spec->weight[i] : 1.0;
    rag->choice[u] = used;
    if (spec->chosen != NULL && spec->chosen[i] > 0) {
      rag->choice_row[used] = spec->chosen[i] - 1;
      rag->choice_weight[used++] = rag->weight[u];
    }
  }
  rag->start[spec->n_occasions] = row;
  rag->choice[spec->n_occasions] = used;
  return FM_OK;
}

static fm_code cut_blocks(ragged *rag, const fm_ragged_spec *spec, fm_design *design) {
  const size_t n = design->n_occasions;
  size_t target = TARGET_NUMBERS / (design->n_terms > 0 ? design->n_terms : 1);
  target = target < LEAST_ROWS ? LEAST_ROWS : (target > MOST_ROWS ? MOST_ROWS : target);
  rag->block_first = fm_alloc(n + 1, sizeof(size_t));
  if (!rag->block_first) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < n;) {
    size_t end = i + 1;
    while (end < n && end - i < MOST_UNITS && rag->group_of[end] == rag->group_of[i] &&
           rag->start[end + 1] - rag->start[i] <= target) {
      end++;
    }
    const size_t rows = rag->start[end] - rag->start[i];
    design->max_units = end - i > design->max_units ? end - i : design->max_units;
    design->max_rows = rows > design->max_rows ? rows : design->max_rows;
    rag->block_first[design->n_blocks++] = i;
    i = end;
  }
  rag->block_first[design->n_blocks] = n;
  rag->stride = (design->max_rows + 7) / 8 * 8;
  if (spec->group != NULL) {
    return fm_group_design(design, spec->n_groups, rag->group_of, rag->block_first, design->n_blocks,
                           rag->start, &rag->chunk);
  }
  return fm_cut_chunks(rag->block_first, design->n_blocks, design->n_linear, &rag->chunk,
                       &design->n_chunks);
}

/* ---- image ------------------------------------------------------------------------------------------- */
/* Column k, its rows in the order of the units. */
static fm_code column_image(ragged *rag, size_t n_units, size_t k, const fm_image *image) {
  char name[32];
  const size_t rows = rag->start[n_units];
  double *copy = NULL;
  (void)snprintf(name, sizeof name, "column-%zu", k);
  if (fm_image_reads(image)) {
    return fm_image_array(image, name, FM_STORE_DOUBLE, &rag->columns[k], rows);
  }
  copy = fm_alloc(rows, sizeof(double));
  if (copy == NULL) {
    return fm_fail(image->err, FM_NO_MEMORY, "%s", fm_code_text(FM_NO_MEMORY));
  }
  for (size_t u = 0; u < n_units; u++) {
    memcpy(copy + rag->start[u], rag->columns[k] + rag->source[u],
           (rag->start[u + 1] - rag->start[u]) * sizeof(double));
  }
  const fm_code code = fm_image_array(image, name, FM_STORE_DOUBLE, &copy, rows);
  fm_free(copy);
  return code;
}

static fm_code arrays_image(ragged *rag, const fm_design *design, const fm_image *image) {
  const size_t n = design->n_units;
  size_t *const numbers[] = {&rag->n_offsets, &rag->stride};
  FM_TRY(fm_image_numbers(image, "ragged", numbers, 2));
  FM_TRY(fm_image_array(image, "start", FM_STORE_SIZE, &rag->start, n + 1));
  FM_TRY(fm_image_array(image, "place", FM_STORE_INT32, &rag->place, rag->start[n]));
  FM_TRY(fm_image_array(image, "unit_origin", FM_STORE_INT32, &rag->origin, n));
  FM_TRY(fm_image_array(image, "choice", FM_STORE_SIZE, &rag->choice, n + 1));
  FM_TRY(fm_image_array(image, "choice_row", FM_STORE_INT32, &rag->choice_row, rag->choice[n]));
  FM_TRY(fm_image_array(image, "choice_weight", FM_STORE_DOUBLE, &rag->choice_weight, rag->choice[n]));
  FM_TRY(fm_image_array(image, "weight", FM_STORE_DOUBLE, &rag->weight, n));
  FM_TRY(fm_image_array(image, "offered", FM_STORE_BYTES, &rag->offered, design->n_places));
  return fm_image_array(image, "block_first", FM_STORE_SIZE, &rag->block_first, design->n_blocks + 1);
}

static fm_code columns_image(ragged *rag, const fm_design *design, const fm_image *image) {
  const size_t all = design->n_terms + rag->n_offsets;
  if (fm_image_reads(image)) {
    rag->columns = fm_alloc_zero(all, sizeof(const double *));
    rag->source = rag->start;
    if (rag->columns == NULL) {
      return fm_fail(image->err, FM_NO_MEMORY, "%s", fm_code_text(FM_NO_MEMORY));
    }
  }
  for (size_t k = 0; k < all; k++) {
    FM_TRY(column_image(rag, design->n_units, k, image));
  }
  return FM_OK;
}

static fm_code all_image(fm_design *design, const fm_image *image) {
  FM_TRY(arrays_image(design->storage, design, image));
  return columns_image(design->storage, design, image);
}

static fm_code ragged_image(fm_design *design, const fm_image *image) {
  if (!fm_image_reads(image)) {
    return all_image(design, image);
  }
  design->mapped = 1;
  design->storage = fm_alloc_zero(1, sizeof(ragged));
  if (design->storage == NULL) {
    return fm_fail(image->err, FM_NO_MEMORY, "%s", fm_code_text(FM_NO_MEMORY));
  }
  const fm_code code = all_image(design, image);
  if (code != FM_OK) {
    design_free(design);
  }
  return code;
}

/* ---- life -------------------------------------------------------------------------------------------- */
static const fm_design_ops ragged_ops = {work_init, work_free, load,        utility,     along,
                                         level,     row,       project,     score,       cross,
                                         outer,     flush,     design_free, ragged_image};

const fm_design_ops *fm_ragged_ops(void) { return &ragged_ops; }

static fm_code build(ragged *rag, fm_design *design, const fm_ragged_spec *spec) {
  FM_TRY(copy_keys(rag, spec));
  if (spec->offered != NULL) {
    rag->offered = fm_alloc_copy(spec->offered, spec->n_places, 1);
    if (rag->offered == NULL) {
      return FM_NO_MEMORY;
    }
  }
  return cut_blocks(rag, spec, design);
}

fm_code fm_ragged_init(fm_design *design, const fm_ragged_spec *spec, fm_error *err) {
  ragged *rag = fm_alloc_zero(1, sizeof *rag);
  if (rag == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "%s", fm_code_text(FM_NO_MEMORY));
  }
  *design = (fm_design){.ops = &ragged_ops,
                        .kernels = fm_kernels_best(),
                        .n_terms = spec->n_terms,
                        .n_effects = spec->effects ? spec->n_places : 0,
                        .n_linear = spec->n_terms + (spec->effects ? spec->n_places : 0),
                        .n_places = spec->n_places,
                        .n_occasions = spec->n_occasions,
                        .n_units = spec->n_occasions,
                        .n_numbers = spec->n_rows * (spec->n_terms + 4),
                        .storage = rag};
  rag->n_offsets = spec->n_offsets;
  const fm_code code = build(rag, design, spec);
  if (code != FM_OK) {
    design_free(design);
    return fm_fail(err, code, "%s", fm_code_text(code));
  }
  design->chunk = rag->chunk;
  design->unit_of = rag->unit_of;
  return FM_OK;
}
