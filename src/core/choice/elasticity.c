/* elasticity.c: lanes to threads, each with sums of its own, added in their order. See elasticity.h.
 *
 * Occasions are laid out as rows of n x places, so that the sums over occasions are products of matrices:
 * with F = w P c, R = diag(colsums F) - P'F, and along a direction dR = diag(colsums dF) - dP'F - P'dF.
 */
#include "elasticity.h"

#include <string.h>

#include "../base/alloc.h"
#include "../base/arena.h"
#include "../base/threads.h"
#include "../base/total.h"
#include "logit.h"

enum { MOST_LANES = 16, LEAST_LANES = 2, MOST_NUMBERS = 1 << 25 };

typedef struct lane {
  fm_work work;
  double *sums;             /* stocks, then responses, each with its slopes */
  double *rows, *change;    /* rows */
  double *unit, *unit_none; /* units */
  double *none;             /* n_linear zeros */
  /* units x places */
  double *p, *c, *b, *f, *dp, *dc, *db, *df;
  double *memory;
} lane;

typedef struct run {
  const fm_elasticity *e;
  lane *lanes;
  size_t n, places, layers;
} run;

static size_t count_sums(const run *r) { return r->places * (1 + r->places) * r->layers; }
static double *stocks_of(const run *r, const lane *l, size_t layer) { return l->sums + layer * r->places; }
static double *responses_of(const run *r, const lane *l, size_t layer) {
  return l->sums + r->places * r->layers + layer * r->places * r->places;
}

/* The doubles of a lane; memory = NULL only counts. */
static size_t lay_out(const run *r, lane *l, double *memory) {
  const fm_design *design = r->e->design;
  const size_t cells = design->max_units * r->places;
  double **arrays[] = {&l->p, &l->c, &l->b, &l->f, &l->dp, &l->dc, &l->db, &l->df};
  fm_arena a = {memory, 0};
  l->sums = fm_take(&a, count_sums(r));
  l->rows = fm_take(&a, design->max_rows);
  l->change = fm_take(&a, design->max_rows);
  l->unit = fm_take(&a, design->max_units), l->unit_none = fm_take(&a, design->max_units);
  l->none = fm_take(&a, design->n_linear);
  for (size_t k = 0; k < sizeof arrays / sizeof arrays[0]; k++) {
    *arrays[k] = fm_take(&a, cells);
  }
  return a.used;
}

static fm_code new_lanes(run *r) {
  const size_t chunks = r->e->design->n_chunks, fit = (size_t)MOST_NUMBERS / (count_sums(r) + 1);
  const size_t n = fit < LEAST_LANES ? LEAST_LANES : (fit > MOST_LANES ? MOST_LANES : fit);
  r->n = n < chunks ? n : (chunks > 0 ? chunks : 1);
  r->lanes = fm_alloc_zero(r->n, sizeof(lane));
  if (r->lanes == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < r->n; i++) {
    lane *l = &r->lanes[i];
    l->memory = fm_alloc_zero(lay_out(r, l, NULL), sizeof(double));
    if (l->memory == NULL) {
      return FM_NO_MEMORY;
    }
    lay_out(r, l, l->memory);
    FM_TRY(r->e->design->ops->work_init(r->e->design, &l->work));
  }
  return FM_OK;
}

static void free_lanes(run *r) {
  const size_t n = r->lanes != NULL ? r->n : 0;
  for (size_t i = 0; i < n; i++) {
    if (r->lanes[i].work.storage != NULL) {
      r->e->design->ops->work_free(&r->lanes[i].work);
    }
    fm_free(r->lanes[i].memory);
  }
  fm_free(r->lanes);
}

/* ---- one block --------------------------------------------------------------------------------------- */
/* x (units x places) = values of the rows, 0 where a place has none. */
static void lay_by_place(const run *r, const lane *l, const double *values, double *x) {
  const fm_block *block = &l->work.block;
  memset(x, 0, block->n * r->places * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    for (size_t j = block->offset[i]; j < block->offset[i + 1]; j++) {
      x[i * r->places + (size_t)block->place[j]] = values[j];
    }
  }
}

static void lay_along(const run *r, lane *l, const double *direction, double *x) {
  r->e->design->ops->along(r->e->design, &l->work, direction, l->change);
  lay_by_place(r, l, l->change, x);
}

/* The same with the level that centring took out, which matters where one place's utility changes alone. */
static void lay_own(const run *r, lane *l, const double *direction, double *x) {
  const fm_design *design = r->e->design;
  design->ops->along(design, &l->work, direction, l->change);
  design->ops->level(design, &l->work, direction, l->unit);
  design->ops->level(design, &l->work, l->none, l->unit_none);
  for (size_t i = 0; i < l->work.block.n; i++) {
    const double level = l->unit[i] - l->unit_none[i];
    for (size_t j = l->work.block.offset[i]; j < l->work.block.offset[i + 1]; j++) {
      l->change[j] += level;
    }
  }
  lay_by_place(r, l, l->change, x);
}

/* f += w (x y), unit by unit. */
static void add_products(const run *r, const lane *l, const double *x, const double *y, double *f) {
  for (size_t i = 0; i < l->work.block.n; i++) {
    const double w = l->work.block.weight[i];
    for (size_t j = i * r->places; j < (i + 1) * r->places; j++) {
      f[j] += w * x[j] * y[j];
    }
  }
}

/* sums += the columns of x (units x places), weighted by unit or, without weight, plain; step apart. */
static void add_columns(const run *r, const lane *l, const double *weight, const double *x, double *sums,
                        size_t step) {
  for (size_t i = 0; i < l->work.block.n; i++) {
    const double w = weight != NULL ? weight[i] : 1.0;
    for (size_t j = 0; j < r->places; j++) {
      sums[j * step] += w * x[i * r->places + j];
    }
  }
}

/* responses -= x'f: entry (j, k) stands at j + k places. */
static void take_crossed(const run *r, const lane *l, const double *x, double *f, double *responses) {
  const size_t cells = l->work.block.n * r->places;
  r->e->design->kernels->scale(-1.0, f, cells);
  r->e->design->kernels->gemm_tn(l->work.block.n, r->places, r->places, f, r->places, x, r->places,
                                 responses, r->places);
  r->e->design->kernels->scale(-1.0, f, cells);
}

/* Place of the origin of unit i; -1 without. */
static int home_of(const fm_block *block, size_t i) {
  return block->origin[i] < 0 ? -1 : block->place[block->offset[i] + (size_t)block->origin[i]];
}

/* The part of those whose origin is k: w P (b - m), or its slope. */
static void add_from(const run *r, const lane *l, double *responses, int slope) {
  const fm_block *block = &l->work.block;
  const fm_kernels *kernels = r->e->design->kernels;
  for (size_t i = 0; i < block->n; i++) {
    const int home = home_of(block, i);
    const size_t at = i * r->places;
    const double *p = l->p + at, *b = l->b + at, *dp = l->dp + at, *db = l->db + at;
    if (home < 0) {
      continue;
    }
    double *to = responses + (size_t)home * r->places;
    const double m = kernels->dot(p, b, r->places);
    const double dm = slope ? kernels->dot(dp, b, r->places) + kernels->dot(p, db, r->places) : 0.0;
    for (size_t j = 0; j < r->places; j++) {
      to[j] += block->weight[i] * (slope ? dp[j] * (b[j] - m) + p[j] * (db[j] - dm) : p[j] * (b[j] - m));
    }
  }
}

static void move_along(const run *r, lane *l, size_t d) {
  const fm_elasticity *e = r->e;
  const fm_block *block = &l->work.block;
  const size_t n_linear = e->design->n_linear, cells = block->n * r->places;
  double *responses = responses_of(r, l, 1 + d), mean;
  lay_along(r, l, e->directions + d * n_linear, l->df);
  for (size_t i = 0; i < block->n; i++) {
    fm_logit_change(e->design->kernels, l->p + i * r->places, l->df + i * r->places, r->places,
                    l->dp + i * r->places, &mean);
  }
  lay_own(r, l, e->to_slopes + d * n_linear, l->dc);
  lay_along(r, l, e->from_slopes + d * n_linear, l->db);
  memset(l->df, 0, cells * sizeof(double));
  add_products(r, l, l->dp, l->c, l->df);
  add_products(r, l, l->p, l->dc, l->df);
  add_columns(r, l, block->weight, l->dp, stocks_of(r, l, 1 + d), 1);
  add_columns(r, l, NULL, l->df, responses, r->places + 1);
  take_crossed(r, l, l->p, l->df, responses);
  take_crossed(r, l, l->dp, l->f, responses);
  add_from(r, l, responses, 1);
}

static void run_block(const run *r, lane *l, size_t b) {
  const fm_elasticity *e = r->e;
  e->design->ops->load(e->design, &l->work, b);
  e->design->ops->utility(e->design, &l->work, e->theta, l->rows);
  fm_logit_probabilities(e->design->kernels, &l->work.block, l->rows, l->unit);
  lay_by_place(r, l, l->rows, l->p);
  lay_own(r, l, e->to, l->c);
  lay_along(r, l, e->from, l->b);
  memset(l->f, 0, l->work.block.n * r->places * sizeof(double));
  add_products(r, l, l->p, l->c, l->f);
  add_columns(r, l, l->work.block.weight, l->p, stocks_of(r, l, 0), 1);
  add_columns(r, l, NULL, l->f, responses_of(r, l, 0), r->places + 1);
  take_crossed(r, l, l->p, l->f, responses_of(r, l, 0));
  add_from(r, l, responses_of(r, l, 0), 0);
  for (size_t d = 0; d < e->n_directions; d++) {
    move_along(r, l, d);
  }
}

static fm_code run_lane(void *context, size_t at, size_t worker) {
  run *r = context;
  (void)worker;
  const fm_design *design = r->e->design;
  for (size_t c = at * design->n_chunks / r->n; c < (at + 1) * design->n_chunks / r->n; c++) {
    for (size_t b = design->chunk[c]; b < design->chunk[c + 1]; b++) {
      run_block(r, &r->lanes[at], b);
    }
  }
  return FM_OK;
}

static void reduce(const run *r) {
  const size_t n_stocks = r->places * r->layers;
  for (size_t k = 0; k < count_sums(r); k++) {
    fm_total total = {0.0, 0.0};
    for (size_t i = 0; i < r->n; i++) {
      fm_total_add(&total, r->lanes[i].sums[k]);
    }
    *(k < n_stocks ? r->e->stocks + k : r->e->responses + (k - n_stocks)) = fm_total_value(&total);
  }
}

fm_code fm_elasticity_run(const fm_elasticity *e, int threads, fm_error *err) {
  run r = {.e = e, .places = e->design->n_places, .layers = 1 + e->n_directions};
  fm_code code = new_lanes(&r);
  if (code == FM_OK) {
    code = fm_parallel_watched(r.n, threads, run_lane, &r, e->design->interrupted,
                               e->design->interrupt_context);
  }
  if (code == FM_OK) {
    reduce(&r);
  }
  free_lanes(&r);
  return code == FM_OK ? FM_OK : fm_fail(err, code, "%s", fm_code_text(code));
}
