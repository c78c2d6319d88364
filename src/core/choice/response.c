/* response.c: lanes to threads, sums in the order of lanes. See response.h. */
#include "response.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/arena.h"
#include "../base/threads.h"
#include "../base/total.h"

/* A lane's sums are at most so many numbers, all lanes' together, beyond two lanes. */
enum { MOST_LANES = 16, LEAST_LANES = 2, MOST_NUMBERS = 1 << 25 };

/* What one lane has. flows: (places + 1) x (1 + directions) x places, places fastest. */
typedef struct lane {
  fm_work work;
  double *flows, *logsum_slopes, *stay_gradient; /* sums */
  double *p, *dv, *dp;                           /* rows */
  double *logsum, *dlogsum, *level, *level_none; /* units */
  double *none;                                  /* n_par zeros */
  double *unit;                                  /* n_par: one of the model's own parameters moves */
  double *row_variance, *row_utility;            /* rows */
  double *model;                                 /* the model's scratch */
  double *memory;
} lane;

typedef struct run {
  const fm_response *response;
  const fm_response_sums *asked;
  lane *lanes;
  size_t n;
} run;

/* ---- memory ------------------------------------------------------------------------------------------ */
static size_t count_flows(const run *r) {
  const size_t places = r->response->design->n_places;
  const size_t layers = 1 + (r->asked->flow_slopes != NULL ? r->asked->n_directions : 0);
  return r->asked->flows != NULL ? (places + 1) * places * layers : 0;
}

static size_t count_lanes(const run *r) {
  const size_t numbers = count_flows(r) + 1, chunks = r->response->design->n_chunks;
  size_t n = (size_t)MOST_NUMBERS / numbers;
  n = n < LEAST_LANES ? LEAST_LANES : (n > MOST_LANES ? MOST_LANES : n);
  return n < chunks ? n : (chunks > 0 ? chunks : 1);
}

/* The doubles of a lane; memory = NULL only counts. */
static size_t lay_out(const run *r, lane *l, double *memory) {
  const fm_design *design = r->response->design;
  const size_t rows = design->max_rows, units = design->max_units, n_par = r->response->n_par;
  fm_arena a = {memory, 0};
  l->flows = fm_take(&a, count_flows(r));
  l->logsum_slopes = fm_take(&a, r->asked->n_directions);
  l->stay_gradient = fm_take(&a, n_par);
  l->none = fm_take(&a, n_par);
  l->unit = fm_take(&a, n_par);
  l->p = fm_take(&a, rows), l->dv = fm_take(&a, rows), l->dp = fm_take(&a, rows);
  l->row_variance = fm_take(&a, rows), l->row_utility = fm_take(&a, rows);
  l->logsum = fm_take(&a, units), l->dlogsum = fm_take(&a, units);
  l->level = fm_take(&a, units), l->level_none = fm_take(&a, units);
  l->model = fm_take(&a, r->response->scratch);
  return a.used;
}

static fm_code new_lanes(run *r) {
  r->n = count_lanes(r);
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
    FM_TRY(r->response->design->ops->work_init(r->response->design, &l->work));
  }
  return FM_OK;
}

static void free_lanes(run *r) {
  const size_t n = r->lanes != NULL ? r->n : 0;
  for (size_t i = 0; i < n; i++) {
    if (r->lanes[i].work.storage != NULL) {
      r->response->design->ops->work_free(&r->lanes[i].work);
    }
    fm_free(r->lanes[i].memory);
  }
  fm_free(r->lanes);
}

/* ---- one block: values ------------------------------------------------------------------------------- */
static size_t block_rows(const fm_block *block) { return block->offset[block->n]; }

/* Row of the origin of unit i in the block; -1 without. */
static ptrdiff_t home_row(const fm_block *block, size_t i) {
  return block->origin[i] < 0 ? -1 : (ptrdiff_t)block->offset[i] + block->origin[i];
}

/* Are the rows of a unit the places in their order? */
static int is_plain(const fm_block *block, size_t i, size_t n_places) {
  const int *place = block->place + block->offset[i];
  int plain = block->offset[i + 1] - block->offset[i] == n_places;
  if (plain) {
    for (size_t j = 0; j < n_places; j++) {
      plain &= place[j] == (int)j;
    }
  }
  return plain;
}

/* Adds w_i x_ij, in layer `layer` of the flows, for each unit. */
static void add_flows(const run *r, lane *l, size_t layer, const double *x) {
  const fm_block *block = &l->work.block;
  const fm_design *design = r->response->design;
  const size_t places = design->n_places;
  const size_t layers = 1 + (r->asked->flow_slopes != NULL ? r->asked->n_directions : 0);
  for (size_t i = 0; i < block->n; i++) {
    const ptrdiff_t home = home_row(block, i);
    const size_t from = home < 0 ? places : (size_t)block->place[home], first = block->offset[i];
    double *to = l->flows + (from * layers + layer) * places;
    if (is_plain(block, i, places)) {
      design->kernels->axpy(block->weight[i], x + first, to, places);
    } else {
      for (size_t j = first; j < block->offset[i + 1]; j++) {
        to[block->place[j]] += block->weight[i] * x[j];
      }
    }
  }
}

static void write_units(const run *r, lane *l) {
  const fm_block *block = &l->work.block;
  const fm_design *design = r->response->design;
  if (r->asked->logsum != NULL) {
    design->ops->level(design, &l->work, r->response->theta, l->level);
    for (size_t i = 0; i < block->n; i++) {
      r->asked->logsum[block->first + i] = l->logsum[i] + l->level[i];
    }
  }
  if (r->asked->stay != NULL) {
    for (size_t i = 0; i < block->n; i++) {
      const ptrdiff_t home = home_row(block, i);
      r->asked->stay[block->first + i] = home < 0 ? NAN : l->p[home];
    }
  }
}

/* ---- one block: along the directions ----------------------------------------------------------------- */
/* The change of the level of each unit along a direction, added to the change of the logsum. */
static void add_levels(const run *r, lane *l, const double *direction) {
  const fm_design *design = r->response->design;
  design->ops->level(design, &l->work, direction, l->level);
  design->ops->level(design, &l->work, l->none, l->level_none);
  for (size_t i = 0; i < l->work.block.n; i++) {
    l->level[i] -= l->level_none[i];
    l->dlogsum[i] += l->level[i];
  }
}

/* Squares of the slopes of the rows, unit by unit. */
static void add_squares(const run *r, lane *l) {
  const fm_block *block = &l->work.block;
  for (size_t i = 0; i < block->n; i++) {
    for (size_t j = block->offset[i]; j < block->offset[i + 1]; j++) {
      const double dv = l->dv[j] + l->level[i];
      l->row_variance[j] += l->dp[j] * l->dp[j];
      l->row_utility[j] += dv * dv;
    }
    if (r->asked->logsum_variance != NULL) {
      r->asked->logsum_variance[block->first + i] += l->dlogsum[i] * l->dlogsum[i];
    }
  }
}

static int asks_squares(const fm_response_sums *asked) {
  return asked->logsum_variance != NULL || asked->probability_variance != NULL ||
         asked->utility_variance != NULL;
}

static void move_along(const run *r, lane *l, size_t d) {
  const fm_response *response = r->response;
  const fm_block *block = &l->work.block;
  const double *direction = r->asked->directions + d * response->n_par;
  response->design->ops->along(response->design, &l->work, direction, l->dv);
  response->change(response, &l->work, l->model, l->p, l->dv, direction + response->design->n_linear, l->dp,
                   l->dlogsum);
  if (r->asked->flow_slopes != NULL) {
    add_flows(r, l, 1 + d, l->dp);
  }
  if (r->asked->logsum_slopes != NULL || asks_squares(r->asked)) {
    add_levels(r, l, direction);
  }
  if (r->asked->logsum_slopes != NULL) {
    for (size_t i = 0; i < block->n; i++) {
      l->logsum_slopes[d] += block->weight[i] * l->dlogsum[i];
    }
  }
  if (asks_squares(r->asked)) {
    add_squares(r, l);
  }
}

static void write_squares(const run *r, const lane *l) {
  const fm_block *block = &l->work.block;
  const size_t bytes = block_rows(block) * sizeof(double);
  if (r->asked->probability_variance != NULL) {
    memcpy(r->asked->probability_variance + block->first_row, l->row_variance, bytes);
  }
  if (r->asked->utility_variance != NULL) {
    memcpy(r->asked->utility_variance + block->first_row, l->row_utility, bytes);
  }
}

static void move_block(const run *r, lane *l) {
  const size_t bytes = block_rows(&l->work.block) * sizeof(double);
  memset(l->row_variance, 0, bytes);
  memset(l->row_utility, 0, bytes);
  if (r->asked->logsum_variance != NULL) {
    memset(r->asked->logsum_variance + l->work.block.first, 0, l->work.block.n * sizeof(double));
  }
  for (size_t d = 0; d < r->asked->n_directions; d++) {
    move_along(r, l, d);
  }
  write_squares(r, l);
}

/* ---- one block: backward ----------------------------------------------------------------------------- */
/* The derivatives of sum_i w_i P_i,origin. */
static void add_gradient(const run *r, lane *l) {
  const fm_response *response = r->response;
  const fm_design *design = response->design;
  const fm_block *block = &l->work.block;
  const size_t rows = block_rows(block);
  memset(l->dv, 0, rows * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    const ptrdiff_t home = home_row(block, i);
    if (home >= 0) {
      l->dv[home] = block->weight[i];
    }
  }
  response->change(response, &l->work, l->model, l->p, l->dv, NULL, l->dp, l->dlogsum);
  design->ops->score(design, &l->work, NULL, l->dp, l->stay_gradient);
  memset(l->dv, 0, rows * sizeof(double));
  for (size_t k = design->n_linear; k < response->n_par; k++) {
    l->unit[k] = 1.0;
    response->change(response, &l->work, l->model, l->p, l->dv, l->unit + design->n_linear, l->dp,
                     l->dlogsum);
    l->unit[k] = 0.0;
    for (size_t i = 0; i < block->n; i++) {
      const ptrdiff_t home = home_row(block, i);
      l->stay_gradient[k] += home >= 0 ? block->weight[i] * l->dp[home] : 0.0;
    }
  }
}

/* ---- lanes ------------------------------------------------------------------------------------------- */
static void run_block(const run *r, lane *l, size_t b) {
  const fm_response *response = r->response;
  response->design->ops->load(response->design, &l->work, b);
  response->probabilities(response, &l->work, l->model, l->p, l->logsum);
  if (r->asked->flows != NULL) {
    add_flows(r, l, 0, l->p);
  }
  write_units(r, l);
  if (r->asked->n_directions > 0) {
    move_block(r, l);
  }
  if (r->asked->stay_gradient != NULL) {
    add_gradient(r, l);
  }
}

static fm_code run_lane(void *context, size_t at, size_t worker) {
  run *r = context;
  (void)worker;
  const fm_design *design = r->response->design;
  const size_t chunks = design->n_chunks;
  for (size_t c = at * chunks / r->n; c < (at + 1) * chunks / r->n; c++) {
    for (size_t b = design->chunk[c]; b < design->chunk[c + 1]; b++) {
      run_block(r, &r->lanes[at], b);
    }
  }
  return FM_OK;
}

/* Entry `at` of the flows of all lanes. */
static double sum_flows(const run *r, size_t at) {
  fm_total total = {0.0, 0.0};
  for (size_t i = 0; i < r->n; i++) {
    fm_total_add(&total, r->lanes[i].flows[at]);
  }
  return fm_total_value(&total);
}

static void reduce_flows(const run *r) {
  const size_t places = r->response->design->n_places, rows = places + 1;
  const size_t layers = 1 + (r->asked->flow_slopes != NULL ? r->asked->n_directions : 0);
  for (size_t from = 0; from < rows; from++) {
    for (size_t layer = 0; layer < layers; layer++) {
      double *out =
          (layer == 0 ? r->asked->flows : r->asked->flow_slopes + (layer - 1) * rows * places) + from;
      for (size_t j = 0; j < places; j++) {
        out[j * rows] = sum_flows(r, (from * layers + layer) * places + j);
      }
    }
  }
}

/* out (n) = the sums over the lanes of the array that is `offset` doubles into the memory of each. */
static void reduce_array(const run *r, size_t offset, double *out, size_t n) {
  for (size_t k = 0; k < n; k++) {
    fm_total total = {0.0, 0.0};
    for (size_t i = 0; i < r->n; i++) {
      fm_total_add(&total, r->lanes[i].memory[offset + k]);
    }
    out[k] = fm_total_value(&total);
  }
}

static void reduce(const run *r) {
  const lane *l = &r->lanes[0];
  if (r->asked->flows != NULL) {
    reduce_flows(r);
  }
  if (r->asked->logsum_slopes != NULL) {
    reduce_array(r, (size_t)(l->logsum_slopes - l->memory), r->asked->logsum_slopes,
                 r->asked->n_directions);
  }
  if (r->asked->stay_gradient != NULL) {
    reduce_array(r, (size_t)(l->stay_gradient - l->memory), r->asked->stay_gradient, r->response->n_par);
  }
}

fm_code fm_response_run(const fm_response *response, const fm_response_sums *sums, int threads,
                        fm_error *err) {
  const fm_design *design = response->design;
  run r = {.response = response, .asked = sums};
  fm_code code = new_lanes(&r);
  if (code == FM_OK) {
    code = fm_parallel_watched(r.n, threads, run_lane, &r, design->interrupted, design->interrupt_context);
  }
  if (code == FM_OK) {
    reduce(&r);
  }
  free_lanes(&r);
  return code == FM_OK ? FM_OK : fm_fail(err, code, "%s", fm_code_text(code));
}
