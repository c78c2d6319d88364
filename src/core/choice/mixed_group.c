/* mixed_group.c: memory, numbering, rows and draws of a group. Fields: mixed_group.h.
 * Thread safety: a group belongs to one thread.
 */
#include "mixed_group.h"

#include <math.h>
#include <string.h>

enum {
  MOST_DRAWS = 128,   /* of a batch */
  BATCH_ROWS = 32768, /* rows times draws of a batch that stay in the cache */
  LANES = 8
};

/* ---- memory ------------------------------------------------------------------------------------------ */
/* n doubles on a cache line of their own. */
static double *numbers(fm_arena *a, size_t n) { return fm_take(a, (n + LANES - 1) / LANES * LANES); }

/* n indices in the same memory, which serves nothing else. */
static size_t *indices(fm_arena *a, size_t n) { return (void *)numbers(a, n); }

static void count_columns(fm_mixed_group *g) {
  const fm_mixed *model = g->model;
  g->n_terms = g->design->n_terms;
  g->n_linear = g->design->n_linear;
  g->n_par = g->n_linear + model->n_spread;
  g->n_varying = model->price >= 0 ? g->n_terms : model->n_random;
  g->n_fixed = g->n_linear - g->n_varying;
  g->n_pairs = g->n_varying * (g->n_varying + 1) / 2;
  g->n_moving = g->n_varying + model->n_spread;
}

static void cut_batches(fm_mixed_group *g, size_t rows) {
  const size_t draws = g->model->draws.n_draws;
  size_t most = BATCH_ROWS / (rows > 0 ? rows : 1) / LANES * LANES;
  most = most < LANES ? LANES : (most > MOST_DRAWS ? MOST_DRAWS : most);
  g->n_batches = (draws + most - 1) / most;
  const size_t least = (draws + g->n_batches - 1) / g->n_batches;
  g->batch = (least + LANES - 1) / LANES * LANES;
  g->n_batches = (draws + g->batch - 1) / g->batch;
}

static void lay_out_rows(fm_mixed_group *g, fm_arena *a, size_t units, size_t rows) {
  const int derivatives = g->order >= FM_SCORE;
  g->rows.offset = indices(a, units + 1);
  g->rows.place = indices(a, rows);
  g->rows.size = numbers(a, units);
  g->rows.count = numbers(a, rows);
  g->rows.base = numbers(a, rows);
  g->rows.column = numbers(a, g->n_varying * rows);
  g->rows.x = numbers(a, rows * g->n_terms);
  g->rows.product = numbers(a, g->order >= FM_INFORMATION ? rows * g->n_pairs : 0);
  g->rows.constant = numbers(a, g->n_linear);
  g->rows.term_row = numbers(a, g->n_terms);
  g->sums.mean_p = numbers(a, derivatives ? rows : 0);
  g->sums.lever_p = numbers(a, g->order >= FM_INFORMATION && g->n_fixed > 0 ? rows * g->n_moving : 0);
}

static void lay_out_batch(fm_mixed_group *g, fm_arena *a, size_t rows) {
  const size_t n = g->batch, s = g->n_varying;
  const size_t scores = g->order >= FM_SCORE ? g->n_linear * n : 0;
  const size_t spare = g->n_fixed > g->n_moving ? g->n_fixed : g->n_moving;
  g->draws.e = numbers(a, g->model->n_random * n * g->n_batches);
  g->draws.ones = numbers(a, n);
  g->draws.gamma = numbers(a, s * n);
  g->draws.slope = numbers(a, s * n);
  g->draws.curve = numbers(a, s * n);
  g->draws.beta = numbers(a, s * n);
  g->draws.p = numbers(a, rows * n);
  g->draws.logsum = numbers(a, n);
  g->draws.loglik = numbers(a, n);
  g->draws.share = numbers(a, n);
  g->draws.y = numbers(a, scores);
  g->draws.g = numbers(a, scores);
  g->draws.c = numbers(a, g->order >= FM_INFORMATION ? g->n_pairs * n : 0);
  g->draws.lever = numbers(a, g->order >= FM_SCORE ? g->n_moving * n : 0);
  g->draws.spare = numbers(a, (spare + s + 1) * n);
}

void fm_mixed_lay_out(fm_mixed_group *g, const fm_mixed *model, const fm_design *design, int order,
                      const double *theta, fm_arena *a) {
  const size_t units = design->max_group_units > 0 ? design->max_group_units : 1;
  const size_t rows = design->max_group_rows > 0 ? design->max_group_rows : design->max_rows;
  *g = (fm_mixed_group){
      .model = model, .design = design, .kernels = design->kernels, .theta = theta, .order = order};
  count_columns(g);
  cut_batches(g, rows);
  g->numbering.linear = indices(a, g->n_linear);
  g->numbering.dimension = indices(a, g->n_varying);
  g->numbering.moving = indices(a, g->n_moving);
  g->numbering.moving_of = indices(a, g->n_moving);
  g->numbering.moving_by = indices(a, g->n_moving);
  g->numbering.base_theta = numbers(a, g->n_linear);
  lay_out_rows(g, a, units, rows);
  lay_out_batch(g, a, rows);
  const int derivatives = order >= FM_SCORE, information = order >= FM_INFORMATION;
  g->sums.score = numbers(a, derivatives ? g->n_par : 0);
  g->sums.h = numbers(a, information ? g->n_moving * g->n_moving : 0);
  g->sums.across = numbers(a, information ? g->n_fixed * g->n_moving : 0);
  g->sums.within = numbers(a, information ? g->n_fixed * g->n_fixed : 0);
}

/* ---- numbering --------------------------------------------------------------------------------------- */
/* The random coefficient that term k has, or FM_NO_DIMENSION. */
static size_t dimension_of(const fm_mixed *model, size_t k) {
  for (size_t m = 0; m < model->n_random; m++) {
    if ((size_t)model->term[m] == k) {
      return m;
    }
  }
  return FM_NO_DIMENSION;
}

static void number_moving(fm_mixed_group *g) {
  const fm_mixed *model = g->model;
  size_t at = 0;
  for (size_t s = 0; s < g->n_varying; s++) {
    g->numbering.moving[at] = g->numbering.linear[s];
    g->numbering.moving_of[at] = s;
    g->numbering.moving_by[at++] = FM_NO_DIMENSION;
    for (size_t q = 0; q < model->n_spread; q++) {
      if ((size_t)model->row[q] == g->numbering.dimension[s]) {
        g->numbering.moving[at] = g->n_linear + q;
        g->numbering.moving_of[at] = s;
        g->numbering.moving_by[at++] = (size_t)model->column[q];
      }
    }
  }
}

void fm_mixed_number(fm_mixed_group *g) {
  const int all = g->model->price >= 0;
  size_t varying = 0, fixed = g->n_varying;
  memcpy(g->numbering.base_theta, g->theta, g->n_linear * sizeof(double));
  for (size_t k = 0; k < g->n_terms; k++) {
    const size_t m = dimension_of(g->model, k);
    if (all || m != FM_NO_DIMENSION) {
      g->numbering.dimension[varying] = m;
      g->numbering.linear[varying++] = k;
      g->numbering.base_theta[k] = 0.0;
    } else {
      g->numbering.linear[fixed++] = k;
    }
  }
  for (size_t k = g->n_terms; k < g->n_linear; k++) {
    g->numbering.linear[k] = k;
  }
  number_moving(g);
  for (size_t r = 0; r < g->batch; r++) {
    g->draws.ones[r] = 1.0;
  }
}

/* ---- rows -------------------------------------------------------------------------------------------- */
/* Row `row` of unit i of the loaded block becomes row `at` of the group. */
static void copy_row(fm_mixed_group *g, fm_work *work, size_t i, size_t row, size_t at) {
  g->design->ops->row(g->design, work, i, (int)row, g->rows.term_row);
  double *x = g->rows.x + at * g->n_terms;
  for (size_t c = 0; c < g->n_terms; c++) {
    x[c] = g->rows.term_row[g->numbering.linear[c]];
  }
  g->rows.place[at] = (size_t)work->block.place[work->block.offset[i] + row];
  g->rows.count[at] = 0.0;
}

static void copy_choices(fm_mixed_group *g, const fm_work *work, size_t i, size_t unit) {
  const fm_block *block = &work->block;
  g->rows.size[unit] = 0.0;
  for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
    const double n = g->weight > 0.0 ? block->choice_weight[c] / g->weight : 0.0;
    g->rows.size[unit] += n;
    g->rows.count[g->rows.offset[unit] + (size_t)block->choice_row[c]] += n;
  }
}

/* The rows of the loaded block follow those that are there. */
static void copy_block(fm_mixed_group *g, fm_work *work) {
  const fm_block *block = &work->block;
  g->design->ops->utility(g->design, work, g->numbering.base_theta, g->rows.base + g->rows.n);
  for (size_t i = 0; i < block->n; i++) {
    const size_t n = block->offset[i + 1] - block->offset[i];
    g->rows.offset[g->rows.n_units] = g->rows.n;
    for (size_t row = 0; row < n; row++) {
      copy_row(g, work, i, row, g->rows.n + row);
    }
    copy_choices(g, work, i, g->rows.n_units);
    g->rows.n += n;
    g->rows.n_units++;
  }
  g->rows.offset[g->rows.n_units] = g->rows.n;
}

static void spread_columns(fm_mixed_group *g) {
  for (size_t at = 0; at < g->rows.n; at++) {
    for (size_t s = 0; s < g->n_varying; s++) {
      g->rows.column[s * g->rows.n + at] = g->rows.x[at * g->n_terms + s];
    }
  }
}

/* constant and product. */
static void sum_rows(fm_mixed_group *g) {
  memset(g->rows.constant, 0, g->n_linear * sizeof(double));
  for (size_t unit = 0; unit < g->rows.n_units; unit++) {
    for (size_t at = g->rows.offset[unit]; at < g->rows.offset[unit + 1]; at++) {
      const double *x = g->rows.x + at * g->n_terms;
      if (g->rows.count[at] > 0.0) {
        for (size_t c = 0; c < g->n_terms; c++) {
          g->rows.constant[c] += g->rows.count[at] * x[c];
        }
      }
      if (g->n_linear > g->n_terms) {
        g->rows.constant[g->n_terms + g->rows.place[at]] += g->rows.count[at];
      }
      if (g->order >= FM_INFORMATION) {
        for (size_t k = 0, pair = 0; k < g->n_varying; k++) {
          for (size_t l = k; l < g->n_varying; l++, pair++) {
            g->rows.product[at * g->n_pairs + pair] = g->rows.size[unit] * x[k] * x[l];
          }
        }
      }
    }
  }
}

void fm_mixed_load(fm_mixed_group *g, fm_work *work, size_t group) {
  const fm_design *design = g->design;
  g->weight = g->model->weight != NULL ? g->model->weight[group] : 1.0;
  g->rows.n_units = g->rows.n = 0;
  for (size_t b = design->group_block[group]; b < design->group_block[group + 1]; b++) {
    design->ops->load(design, work, b);
    copy_block(g, work);
  }
  spread_columns(g);
  if (g->order >= FM_SCORE) {
    sum_rows(g);
  }
}

void fm_mixed_load_unit(fm_mixed_group *g, fm_work *work, size_t i, const double *base) {
  const size_t first = work->block.offset[i], n = work->block.offset[i + 1] - first;
  g->rows.n_units = 1;
  g->rows.n = n;
  g->rows.offset[0] = 0;
  g->rows.offset[1] = n;
  g->rows.size[0] = 0.0;
  for (size_t row = 0; row < n; row++) {
    copy_row(g, work, i, row, row);
    g->rows.base[row] = base[first + row];
  }
  spread_columns(g);
}

/* ---- draws ------------------------------------------------------------------------------------------- */
size_t fm_mixed_in_batch(const fm_mixed_group *g, size_t b) {
  const size_t left = g->model->draws.n_draws - b * g->batch;
  return left < g->batch ? left : g->batch;
}

/* Points of [0, 1] become points of the triangle on [-1, 1]. */
static void to_triangle(double *u, size_t n) {
  for (size_t r = 0; r < n; r++) {
    u[r] = u[r] < 0.5 ? sqrt(2.0 * u[r]) - 1.0 : 1.0 - sqrt(2.0 * (1.0 - u[r]));
  }
}

static void shape_draws(const fm_mixed_group *g, size_t m, double *u) {
  const size_t n = g->model->draws.n_draws;
  const int shape = g->model->shape[m], normal = g->model->given_normal;
  if (shape == FM_NORMAL && !normal) {
    g->kernels->quantile(u, u, n);
  }
  if (shape != FM_NORMAL && normal) {
    for (size_t r = 0; r < n; r++) {
      u[r] = 0.5 * erfc(-u[r] * 0.70710678118654752440);
    }
  }
  if (shape == FM_TRIANGULAR) {
    to_triangle(u, n);
  }
  if (shape == FM_UNIFORM) {
    for (size_t r = 0; r < n; r++) {
      u[r] = 2.0 * u[r] - 1.0;
    }
  }
  if (g->model->sign[m] < 0.0) {
    g->kernels->scale(-1.0, u, n);
  }
}

void fm_mixed_draw(fm_mixed_group *g, size_t set) {
  const size_t stride = g->batch * g->n_batches, n = g->model->draws.n_draws;
  fm_draws_set(&g->model->draws, g->kernels, set, g->draws.e, stride);
  for (size_t m = 0; m < g->model->n_random; m++) {
    double *e = g->draws.e + m * stride;
    shape_draws(g, m, e);
    memset(e + n, 0, (stride - n) * sizeof(double));
  }
}
