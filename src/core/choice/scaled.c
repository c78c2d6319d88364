/* scaled.c: value, score and information of the conditional logit with a factor on each occasion.
 *
 * With p the probabilities, xbar, vbar their means, and f = sign * sigma (scaled.h),
 *   dl/db = w f (x_y - xbar),            -d2l/db db'   = w f^2 Cov(x, x),
 *   dl/dsigma = w sign (v_y - vbar),     -d2l/dsigma^2 = w Var(v),
 *   -d2l/db dsigma = w sigma Cov(x, v) - w sign (x_y - xbar).
 */
#include "scaled.h"

#include <math.h>
#include <string.h>

#include "../base/arena.h"
#include "logit.h"

/* What a thread's scratch holds. */
typedef struct buffers {
  double *v, *p, *weights; /* rows: utilities, probabilities, what is handed to the design */
  double *logsum, *factor; /* units */
  double *chosen;          /* units: weight of its choice */
  double *mean;            /* units: vbar */
  double *scale;           /* units: what multiplies a unit in cross() and outer() */
  double *y;               /* units x terms: xbar */
} buffers;

/* The doubles used; scratch = NULL only counts. */
static size_t lay_out(buffers *b, const fm_design *design, double *scratch) {
  fm_arena a = {scratch, 0};
  b->v = fm_take(&a, design->max_rows);
  b->p = fm_take(&a, design->max_rows);
  b->weights = fm_take(&a, design->max_rows);
  b->logsum = fm_take(&a, design->max_units);
  b->factor = fm_take(&a, design->max_units);
  b->chosen = fm_take(&a, design->max_units);
  b->mean = fm_take(&a, design->max_units);
  b->scale = fm_take(&a, design->max_units);
  b->y = fm_take(&a, design->max_units * design->n_terms);
  return a.used;
}

size_t fm_scaled_scratch(const fm_design *design) {
  buffers b;
  return lay_out(&b, design, NULL);
}

/* ---- one unit ---------------------------------------------------------------------------------------- */
static double sign_of(const fm_scaled *model, size_t unit) {
  return model->sign != NULL ? model->sign[unit] : 1.0;
}

static int parameter_of(const fm_scaled *model, size_t unit) {
  return model->scale != NULL ? model->scale[unit] : -1;
}

static double factor_of(const fm_scaled *model, const double *sigma, size_t unit) {
  const int k = parameter_of(model, unit);
  return sign_of(model, unit) * (k < 0 ? 1.0 : sigma[k]);
}

/* Row of the choice of a unit, or the number of rows of the block where there is none. */
static size_t chosen_row(const fm_block *block, size_t i) {
  const size_t c = block->choice[i];
  return c < block->choice[i + 1] ? block->offset[i] + (size_t)block->choice_row[c]
                                  : block->offset[block->n];
}

/* f v; a place that is not offered stays at -INFINITY, whatever the sign. */
void fm_scaled_probabilities(const fm_scaled *model, const fm_design *design, const fm_work *work,
                             const double *theta, double *v, double *logsum) {
  const fm_block *block = &work->block;
  for (size_t i = 0; i < block->n; i++) {
    const double factor = factor_of(model, theta + design->n_linear, block->first + i);
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      v[r] = v[r] > -HUGE_VAL ? factor * v[r] : v[r];
    }
  }
  fm_logit_probabilities(design->kernels, block, v, logsum);
}

/* ---- likelihood -------------------------------------------------------------------------------------- */
/* Fills v, p, logsum, factor, chosen and mean of the block, and gives its log-likelihood. */
static double solve(const fm_scaled *model, const fm_design *design, fm_work *work, const double *theta,
                    const buffers *b) {
  const fm_block *block = &work->block;
  design->ops->utility(design, work, theta, b->v);
  memcpy(b->p, b->v, block->offset[block->n] * sizeof(double));
  fm_scaled_probabilities(model, design, work, theta, b->p, b->logsum);
  double value = 0.0;
  for (size_t i = 0; i < block->n; i++) {
    const size_t y = chosen_row(block, i);
    b->factor[i] = factor_of(model, theta + design->n_linear, block->first + i);
    b->chosen[i] = y < block->offset[block->n] ? block->choice_weight[block->choice[i]] : 0.0;
    b->mean[i] = 0.0;
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      b->mean[i] += b->p[r] > 0.0 ? b->p[r] * b->v[r] : 0.0;
    }
    value += b->chosen[i] > 0.0 ? b->chosen[i] * (b->factor[i] * b->v[y] - b->logsum[i]) : 0.0;
  }
  return value;
}

/* Row weights s (1{chosen} - p) of a unit. */
static void residuals(const fm_block *block, const buffers *b, size_t i, double s) {
  for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
    b->weights[r] = -s * b->p[r];
  }
  if (b->chosen[i] > 0.0) {
    b->weights[chosen_row(block, i)] += s;
  }
}

static double scale_score(const fm_block *block, const fm_scaled *model, const buffers *b, size_t i) {
  const double gap = b->chosen[i] > 0.0 ? b->v[chosen_row(block, i)] - b->mean[i] : 0.0;
  return b->chosen[i] * sign_of(model, block->first + i) * gap;
}

static void add_score(const fm_pass *pass, fm_work *work, const buffers *b, double *score) {
  const fm_design *design = pass->design;
  for (size_t i = 0; i < work->block.n; i++) {
    const int k = parameter_of(pass->model, work->block.first + i);
    residuals(&work->block, b, i, b->chosen[i] * b->factor[i]);
    if (k >= 0) {
      score[design->n_linear + (size_t)k] += scale_score(&work->block, pass->model, b, i);
    }
  }
  design->ops->score(design, work, NULL, b->weights, score);
}

/* ---- information ------------------------------------------------------------------------------------- */
static void add_linear(const fm_design *design, fm_work *work, const buffers *b, double *h, size_t n_par) {
  for (size_t i = 0; i < work->block.n; i++) {
    b->scale[i] = b->chosen[i] * b->factor[i] * b->factor[i];
  }
  design->ops->project(design, work, b->p, b->y);
  design->ops->cross(design, work, b->scale, b->p, h, n_par);
  for (size_t i = 0; i < work->block.n; i++) {
    b->scale[i] = -b->scale[i];
  }
  design->ops->outer(design, work, b->scale, b->p, b->y, h, n_par);
}

/* w (sigma p (v - vbar) - sign (1{chosen} - p)) on the rows of unit i, and w Var(v). */
static double fill_scale_rows(const fm_block *block, const fm_scaled *model, const buffers *b, size_t i) {
  const double sign = sign_of(model, block->first + i), w = b->chosen[i];
  double variance = 0.0;
  residuals(block, b, i, -w * sign);
  for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
    const double deviation = b->p[r] > 0.0 ? b->p[r] * (b->v[r] - b->mean[i]) : 0.0;
    b->weights[r] += w * sign * b->factor[i] * deviation;
    variance += deviation != 0.0 ? deviation * (b->v[r] - b->mean[i]) : 0.0;
  }
  return w * variance;
}

/* The column and the diagonal of parameter k; nothing to do where no unit of the block has it. */
static void add_scale_column(const fm_pass *pass, fm_work *work, const buffers *b, size_t k, double *h) {
  const fm_design *design = pass->design;
  const fm_block *block = &work->block;
  const size_t at = design->n_linear + k;
  int any = 0;
  memset(b->weights, 0, block->offset[block->n] * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    if (parameter_of(pass->model, block->first + i) == (int)k) {
      h[at + at * pass->n_par] += fill_scale_rows(block, pass->model, b, i);
      any = 1;
    }
  }
  if (any) {
    design->ops->score(design, work, NULL, b->weights, h + at * pass->n_par);
  }
}

static fm_code scaled_block(const fm_pass *pass, fm_work *work, double *scratch, fm_sums *sums) {
  const fm_scaled *model = pass->model;
  buffers b;
  lay_out(&b, pass->design, scratch);
  sums->value += solve(model, pass->design, work, pass->theta, &b);
  if (sums->score != NULL) {
    add_score(pass, work, &b, sums->score);
  }
  if (sums->information != NULL) {
    add_linear(pass->design, work, &b, sums->information, sums->n_par);
    for (size_t k = 0; k < model->n_scales; k++) {
      add_scale_column(pass, work, &b, k, sums->information);
    }
  }
  return FM_OK;
}

fm_pass fm_scaled_pass(const fm_scaled *model, const fm_design *design, int threads) {
  return (fm_pass){.design = design,
                   .model = model,
                   .n_par = design->n_linear + model->n_scales,
                   .threads = threads,
                   .scratch = fm_scaled_scratch(design),
                   .block = scaled_block};
}

void fm_scaled_occasion_scores(const fm_scaled *model, const fm_design *design, fm_work *work,
                               const double *theta, double *scratch, double *scores) {
  buffers b;
  lay_out(&b, design, scratch);
  const fm_block *block = &work->block;
  const size_t nt = design->n_terms, n_par = design->n_linear + model->n_scales;
  (void)solve(model, design, work, theta, &b);
  for (size_t i = 0; i < block->n; i++) {
    residuals(block, &b, i, b.chosen[i] * b.factor[i]);
  }
  design->ops->project(design, work, b.weights, b.y);
  memset(scores, 0, block->n * n_par * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    const int k = parameter_of(model, block->first + i);
    double *g = scores + i * n_par;
    memcpy(g, b.y + i * nt, nt * sizeof(double));
    if (design->n_effects > 0) {
      for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
        g[nt + (size_t)block->place[r]] += b.weights[r];
      }
    }
    if (k >= 0) {
      g[design->n_linear + (size_t)k] += scale_score(block, model, &b, i);
    }
  }
}
