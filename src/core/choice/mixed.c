/* mixed.c: the mixed logit as a pass over the groups of a design.
 *
 * A group is worked through in batches of draws. Of each batch the likelihoods are put on the scale of the
 * likeliest draw so far, and the older sums with them, so nothing overflows or vanishes and memory does not
 * grow with the number of draws. Equations: mixed.h. Thread safety: reads the model and the design, writes
 * its sums and scratch.
 */
#include "mixed.h"

#include <math.h>
#include <string.h>

#include "mixed_group.h"

/* ---- model ------------------------------------------------------------------------------------------- */
fm_code fm_mixed_check(const fm_mixed *model, size_t n_terms, size_t n_effects, fm_error *err) {
  FM_TRY(fm_check_range(model->term, model->n_random, 0, n_terms, "random coefficient", err));
  FM_TRY(fm_check_range(model->transform, model->n_random, 0, FM_BOUNDED + 1, "distribution", err));
  FM_TRY(fm_check_range(model->shape, model->n_random, 0, FM_TRIANGULAR + 1, "shape", err));
  FM_TRY(fm_check_range(model->row, model->n_spread, 0, model->n_random, "row of spread", err));
  FM_TRY(fm_check_range(model->column, model->n_spread, 0, model->n_random, "column of spread", err));
  for (size_t m = 1; m < model->n_random; m++) {
    for (size_t l = 0; l < m; l++) {
      if (model->term[l] == model->term[m]) {
        return fm_fail(err, FM_INVALID, "term %d is random twice", model->term[m]);
      }
    }
  }
  if (model->price >= 0 && ((size_t)model->price >= n_terms || n_effects > 0)) {
    return fm_fail(err, FM_INVALID, "no price for willingness to pay, or place constants beside it");
  }
  return fm_draws_check(&model->draws, err);
}

/* ---- a batch ----------------------------------------------------------------------------------------- */
/* loglik += n v over the chosen rows, less size times the inclusive values. */
static void solve_unit(fm_mixed_group *g, size_t unit) {
  const size_t n = g->batch, first = g->rows.offset[unit], rows = g->rows.offset[unit + 1] - first;
  double *v = g->draws.p + first * n;
  for (size_t row = 0; row < rows; row++) {
    if (g->rows.count[first + row] > 0.0) {
      g->kernels->axpy(g->rows.count[first + row], v + row * n, g->draws.loglik, n);
    }
  }
  g->kernels->softmax_rows(rows, n, v, n, g->draws.logsum);
  if (g->rows.size[unit] > 0.0) {
    g->kernels->axpy(-g->rows.size[unit], g->draws.logsum, g->draws.loglik, n);
  }
}

void fm_mixed_solve(fm_mixed_group *g, size_t b) {
  const size_t n = g->batch;
  fm_mixed_coefficients(g, b);
  for (size_t at = 0; at < g->rows.n; at++) {
    for (size_t r = 0; r < n; r++) {
      g->draws.p[at * n + r] = g->rows.base[at];
    }
  }
  g->kernels->gemm_tn(g->n_varying, g->rows.n, n, g->rows.column, g->rows.n, g->draws.beta, n, g->draws.p,
                      n);
  memset(g->draws.loglik, 0, n * sizeof(double));
  for (size_t unit = 0; unit < g->rows.n_units; unit++) {
    solve_unit(g, unit);
  }
}

double fm_mixed_weigh(fm_mixed_group *g, size_t b) {
  const size_t here = fm_mixed_in_batch(g, b);
  const double best = g->kernels->max(g->draws.loglik, here);
  double older = 1.0;
  if (best > g->sums.top) {
    older = exp(g->sums.top - best);
    g->sums.top = best;
  }
  memset(g->draws.share, 0, g->batch * sizeof(double));
  g->sums.total *= older;
  if (g->sums.top > -HUGE_VAL) {
    memcpy(g->draws.share, g->draws.loglik, here * sizeof(double));
    g->sums.total += g->kernels->exp_less(g->sums.top, g->draws.share, here);
  }
  return older;
}

/* ---- the pass ---------------------------------------------------------------------------------------- */
static int order_of(const fm_sums *sums) {
  return sums->information != NULL ? FM_INFORMATION : (sums->score != NULL ? FM_SCORE : FM_VALUE);
}

static fm_code mixed_group(const fm_pass *pass, fm_work *work, size_t group, double *scratch,
                           fm_sums *sums) {
  const fm_mixed *model = pass->model;
  if (model->weight != NULL && !(model->weight[group] > 0.0)) {
    return FM_OK;
  }
  fm_mixed_group g;
  fm_arena a = {scratch, 0};
  const int order = order_of(sums);
  const int needed = model->outer && order > FM_SCORE ? FM_SCORE : order;
  fm_mixed_lay_out(&g, model, pass->design, needed, pass->theta, &a);
  fm_mixed_number(&g);
  fm_mixed_load(&g, work, group);
  fm_mixed_draw(&g, model->first_set + group);
  g.sums.top = -HUGE_VAL;
  g.sums.total = 0.0;
  fm_mixed_rescale(&g, 0.0);
  for (size_t b = 0; b < g.n_batches; b++) {
    fm_mixed_solve(&g, b);
    const double older = fm_mixed_weigh(&g, b);
    if (g.order >= FM_SCORE && g.sums.total > 0.0) {
      fm_mixed_rescale(&g, older);
      fm_mixed_differentiate(&g, b);
    }
  }
  sums->value += g.weight * (g.sums.top + log(g.sums.total / (double)model->draws.n_draws));
  if (g.order >= FM_SCORE && g.sums.total > 0.0) {
    fm_mixed_collect(&g, sums);
  }
  return FM_OK;
}

static fm_pass pass_of(const fm_mixed *model, const fm_design *design, int threads) {
  fm_mixed_group g;
  fm_arena a = {NULL, 0};
  fm_mixed_lay_out(&g, model, design, FM_INFORMATION, NULL, &a);
  return (fm_pass){.design = design,
                   .model = model,
                   .n_par = design->n_linear + model->n_spread,
                   .threads = threads,
                   .effort = (double)model->draws.n_draws,
                   .scratch = a.used};
}

fm_pass fm_mixed_pass(const fm_mixed *model, const fm_design *design, int threads) {
  fm_pass pass = pass_of(model, design, threads);
  pass.group = mixed_group;
  return pass;
}

/* ---- coefficients given the choices ------------------------------------------------------------------ */
typedef struct individual {
  fm_mixed model;
  double *out;
} individual;

/* Of each random coefficient: sums of share times gamma and its square, less the centre. */
typedef struct moments {
  double *first, *second, *centre; /* n_random each */
} moments;

/* A group and its moments; gives the doubles used, scratch = NULL only counts. */
static size_t lay_out_individual(fm_mixed_group *g, moments *sum, const fm_mixed *model,
                                 const fm_design *design, const double *theta, double *scratch) {
  fm_arena a = {scratch, 0};
  fm_mixed_lay_out(g, model, design, FM_VALUE, theta, &a);
  sum->first = fm_take(&a, model->n_random);
  sum->second = fm_take(&a, model->n_random);
  sum->centre = fm_take(&a, model->n_random);
  return a.used;
}

/* Column of a random coefficient among the varying ones. */
static size_t column_of(const fm_mixed_group *g, size_t m) {
  size_t s = 0;
  while (g->numbering.dimension[s] != m) {
    s++;
  }
  return s;
}

/* Adds share times gamma, and its square, to the sums of each random coefficient; moments are taken about
 * the first draw, so that a coefficient that hardly varies keeps its digits. */
static void add_moments(fm_mixed_group *g, const moments *sum, double older, int first) {
  const size_t n = g->batch;
  for (size_t m = 0; m < g->model->n_random; m++) {
    const double *gamma = g->draws.gamma + column_of(g, m) * n;
    sum->centre[m] = first ? gamma[0] : sum->centre[m];
    g->kernels->less(sum->centre[m], gamma, g->draws.spare, n);
    sum->first[m] = older * sum->first[m] + g->kernels->dot(g->draws.share, g->draws.spare, n);
    sum->second[m] =
        older * sum->second[m] + g->kernels->dot3(g->draws.share, g->draws.spare, g->draws.spare, n);
  }
}

static fm_code individual_group(const fm_pass *pass, fm_work *work, size_t group, double *scratch,
                                fm_sums *sums) {
  const individual *who = pass->model;
  const size_t m_all = who->model.n_random, n_groups = pass->design->n_groups;
  fm_mixed_group g;
  moments sum;
  lay_out_individual(&g, &sum, &who->model, pass->design, pass->theta, scratch);
  (void)sums;
  fm_mixed_number(&g);
  fm_mixed_load(&g, work, group);
  fm_mixed_draw(&g, who->model.first_set + group);
  g.sums.top = -HUGE_VAL;
  g.sums.total = 0.0;
  memset(sum.first, 0, m_all * sizeof(double));
  memset(sum.second, 0, m_all * sizeof(double));
  for (size_t b = 0; b < g.n_batches; b++) {
    fm_mixed_solve(&g, b);
    const double older = fm_mixed_weigh(&g, b);
    add_moments(&g, &sum, older, b == 0);
  }
  for (size_t m = 0; m < m_all; m++) {
    const double mean = sum.first[m] / g.sums.total;
    const double variance = sum.second[m] / g.sums.total - mean * mean;
    who->out[group + m * n_groups] = sum.centre[m] + mean;
    who->out[group + (m_all + m) * n_groups] = sqrt(variance > 0.0 ? variance : 0.0);
  }
  return FM_OK;
}

fm_code fm_mixed_individual(const fm_mixed *model, const fm_design *design, const double *theta,
                            int threads, double *out, fm_error *err) {
  const individual who = {*model, out};
  fm_mixed_group g;
  moments sum;
  double value;
  fm_pass pass = pass_of(model, design, threads);
  pass.model = &who;
  pass.theta = theta;
  pass.order = FM_VALUE;
  pass.scratch = lay_out_individual(&g, &sum, model, design, NULL, NULL);
  pass.group = individual_group;
  return fm_pass_run(&pass, &value, NULL, NULL, err);
}

/* ---- prediction -------------------------------------------------------------------------------------- */
typedef struct prediction {
  fm_mixed_group g;
  double *base, *level, *average; /* rows, units, n_linear */
} prediction;

/* The doubles used; scratch = NULL only counts. */
static size_t lay_out_prediction(prediction *q, const fm_mixed *model, const fm_design *design,
                                 const double *theta, double *scratch) {
  fm_arena a = {scratch, 0};
  fm_mixed_lay_out(&q->g, model, design, FM_VALUE, theta, &a);
  q->base = fm_take(&a, design->max_rows);
  q->level = fm_take(&a, design->max_units);
  q->average = fm_take(&a, design->n_linear);
  return a.used;
}

size_t fm_mixed_predict_scratch(const fm_mixed *model, const fm_design *design) {
  prediction q;
  return lay_out_prediction(&q, model, design, NULL, NULL);
}

/* Averages over the draws of a unit. */
static double average_unit(fm_mixed_group *g, double *p) {
  const double each = 1.0 / (double)g->model->draws.n_draws;
  double logsum = 0.0;
  for (size_t b = 0; b < g->n_batches; b++) {
    const size_t here = fm_mixed_in_batch(g, b);
    fm_mixed_solve(g, b);
    for (size_t row = 0; row < g->rows.n; row++) {
      p[row] += each * g->kernels->sum(g->draws.p + row * g->batch, here);
    }
    logsum += each * g->kernels->sum(g->draws.logsum, here);
  }
  return logsum;
}

/* theta with the average coefficients of the varying terms. */
static void average_coefficients(fm_mixed_group *g, double *theta) {
  const double each = 1.0 / (double)g->model->draws.n_draws;
  memcpy(theta, g->numbering.base_theta, g->n_linear * sizeof(double));
  for (size_t b = 0; b < g->n_batches; b++) {
    fm_mixed_coefficients(g, b);
    for (size_t s = 0; s < g->n_varying; s++) {
      theta[g->numbering.linear[s]] +=
          each * g->kernels->sum(g->draws.beta + s * g->batch, fm_mixed_in_batch(g, b));
    }
  }
}

/* The inclusive values are less the level at the average coefficients; the caller adds the one at theta. */
static void move_level(const fm_design *design, fm_work *work, const double *theta, const double *average,
                       double *level, double *logsum) {
  design->ops->level(design, work, average, level);
  design->kernels->axpy(1.0, level, logsum, work->block.n);
  design->ops->level(design, work, theta, level);
  design->kernels->axpy(-1.0, level, logsum, work->block.n);
}

void fm_mixed_probabilities(const fm_mixed *model, const fm_design *design, fm_work *work,
                            const double *theta, double *p, double *logsum, double *scratch) {
  const fm_block *block = &work->block;
  prediction q;
  lay_out_prediction(&q, model, design, theta, scratch);
  fm_mixed_number(&q.g);
  fm_mixed_draw(&q.g, 0);
  design->ops->utility(design, work, q.g.numbering.base_theta, q.base);
  memset(p, 0, block->offset[block->n] * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    fm_mixed_load_unit(&q.g, work, i, q.base);
    const double value = average_unit(&q.g, p + block->offset[i]);
    if (logsum != NULL) {
      logsum[i] = value;
    }
  }
  if (logsum != NULL) {
    average_coefficients(&q.g, q.average);
    move_level(design, work, theta, q.average, q.level, logsum);
  }
}
