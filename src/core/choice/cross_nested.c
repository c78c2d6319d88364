/* cross_nested.c: the cross-nested logit as a pass over a design and as a predictor.
 *
 * With s_e = P(j | m), Q_m = P(m) of cross_nested.h and l_e = log s_e, a choice of y with weight w falls to
 * the entries of y in the shares s_e Q_m / P_y; n_e are these weights, n_m, N their sums over a nest and a
 * unit. With k = 1/lambda and the entropy H_m of the s_e the score is
 *   a_m = n_m (1 - k_m) - N Q_m,             r_e = n_e k_m + a_m s_e   (derivative in v_j + log a_jm),
 *   dl/dlambda_m = a_m H_m - k_m sum_e n_e l_e,   dl/dtau_e = r_e - a_e sum of r over the entries of j:
 * that of a nested logit in which the nest of a choice is known with these probabilities. No exponent is
 * positive, so utilities of any size do no harm. Overwrites its outputs, workspace and scratch only.
 * Thread safety: reads the model and the design.
 */
#include "cross_nested.h"

#include <math.h>
#include <string.h>

#include "../base/arena.h"
#include "cross_nested_work.h"

/* ---- model ------------------------------------------------------------------------------------------- */
fm_code fm_cross_nested_check(const fm_cross_nested *model, size_t n_places, fm_error *err) {
  if (model->n_nests == 0 || !model->first || !model->nest || !model->lambda || !model->log_allocation) {
    return fm_fail(err, FM_INVALID, "a cross-nested logit needs nests, entries and allocations");
  }
  for (size_t j = 0; j < n_places; j++) {
    if (model->first[j] < 0 || model->first[j + 1] <= model->first[j]) {
      return fm_fail(err, FM_INVALID, "place %zu has no nest", j + 1);
    }
  }
  const size_t n = (size_t)model->first[n_places];
  FM_TRY(fm_check_range(model->nest, n, 0, model->n_nests, "nest of entry", err));
  FM_TRY(fm_check_range(model->tau, n, -1, model->n_tau, "allocation of entry", err));
  return fm_check_range(model->lambda, model->n_nests, -1, model->n_lambda, "lambda of nest", err);
}

/* ---- layout ------------------------------------------------------------------------------------------ */
static size_t most_members(const fm_cross_nested *model, size_t n_places) {
  int most = 1;
  for (size_t j = 0; j < n_places; j++) {
    const int n = model->first[j + 1] - model->first[j];
    most = n > most ? n : most;
  }
  return (size_t)most;
}

static void take_nests(fm_arena *a, fm_crossing *c) {
  double **arrays[] = {&c->nest.rate,    &c->nest.inclusive, &c->nest.top,        &c->nest.log_top,
                       &c->nest.entropy, &c->nest.count,     &c->nest.chosen_log, &c->nest.adjoint};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
    *arrays[i] = fm_take(a, c->n_slots);
  }
}

size_t fm_crossing_layout(fm_crossing *c, const fm_cross_nested *model, const fm_design *design, size_t n,
                          size_t n_rows, double *scratch) {
  fm_arena a = {scratch, 0};
  const size_t most = most_members(model, design->n_places), all = (size_t)model->first[design->n_places];
  const size_t entries = n_rows * most;
  c->model = model;
  c->width = model->n_nests + (model->stay_alone ? 1 : 0);
  c->n_slots = n * c->width;
  c->n_par = design->n_linear + model->n_lambda + model->n_tau;
  const size_t vectors = (most > c->width ? most : c->width) + 1;
  c->log_allocation = fm_take(&a, all), c->allocation = fm_take(&a, all);
  c->row.first = fm_take_int(&a, n_rows + 1);
  c->row.utility = fm_take(&a, n_rows), c->row.weights = fm_take(&a, n_rows);
  c->row.chosen = fm_take(&a, n_rows), c->row.residual = fm_take(&a, n_rows);
  c->entry.member = fm_take_int(&a, entries), c->entry.slot = fm_take_int(&a, entries);
  c->entry.share = fm_take(&a, entries), c->entry.log_share = fm_take(&a, entries);
  c->entry.count = fm_take(&a, entries), c->entry.adjoint = fm_take(&a, entries);
  take_nests(&a, c);
  c->unit_chosen = fm_take(&a, n), c->logsum = fm_take(&a, n);
  c->info.means = fm_take(&a, c->n_slots * design->n_terms);
  c->info.slope = fm_take(&a, c->width * c->n_par);
  c->info.vectors = fm_take(&a, vectors * c->n_par), c->info.scaled = fm_take(&a, vectors * c->n_par);
  c->info.x = fm_take(&a, design->n_terms + 1);
  return a.used;
}

size_t fm_cross_nested_scratch(const fm_cross_nested *model, const fm_design *design) {
  fm_crossing c;
  return fm_crossing_layout(&c, model, design, design->max_units, design->max_rows, NULL);
}

/* ---- entries and rates ------------------------------------------------------------------------------- */
/* Softmax of tau for places that have one, else what is given. */
static void allocate_place(const fm_cross_nested *model, size_t j, const double *tau, double *log_share) {
  const int first = model->first[j], end = model->first[j + 1];
  double total = 0.0, largest = 0.0;
  int any = 0;
  for (int e = first; e < end; e++) {
    const double t = model->tau[e] >= 0 ? tau[model->tau[e]] : 0.0;
    any |= model->tau[e] >= 0;
    largest = t > largest ? t : largest;
  }
  if (!any) {
    return;
  }
  for (int e = first; e < end; e++) {
    log_share[e] = (model->tau[e] >= 0 ? tau[model->tau[e]] : 0.0) - largest;
    total += exp(log_share[e]);
  }
  for (int e = first; e < end; e++) {
    log_share[e] -= log(total);
  }
}

static void fill_allocations(fm_crossing *c, size_t n_places, const double *tau) {
  const fm_cross_nested *model = c->model;
  const int *first = model->first;
  memcpy(c->log_allocation, model->log_allocation, (size_t)first[n_places] * sizeof(double));
  if (model->n_tau > 0) {
    for (size_t j = 0; j < n_places; j++) {
      allocate_place(model, j, tau, c->log_allocation);
    }
  }
  for (int e = 0; e < first[n_places]; e++) {
    c->allocation[e] = exp(c->log_allocation[e]);
  }
}

static void list_entries(fm_crossing *c) {
  const fm_block *block = c->block;
  int at = 0;
  for (size_t i = 0; i < block->n; i++) {
    const int base = (int)(i * c->width);
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      const int *range = c->model->first + block->place[r];
      c->row.first[r] = at;
      if (c->model->stay_alone && block->origin[i] >= 0 &&
          r == block->offset[i] + (size_t)block->origin[i]) {
        c->entry.member[at] = -1;
        c->entry.slot[at++] = base + (int)c->width - 1;
        continue;
      }
      for (int e = range[0]; e < range[1]; e++) {
        c->entry.member[at] = e;
        c->entry.slot[at++] = base + c->model->nest[e];
      }
    }
  }
  c->row.first[block->offset[block->n]] = at;
  c->n_entries = (size_t)at;
}

static void start_block(fm_crossing *c, const fm_cross_nested *model, const fm_design *design,
                        const fm_work *work, const double *theta, double *scratch) {
  const double *lambda = theta + design->n_linear;
  c->block = &work->block;
  fm_crossing_layout(c, model, design, work->block.n, work->block.offset[work->block.n], scratch);
  fill_allocations(c, design->n_places, lambda + model->n_lambda);
  list_entries(c);
  for (size_t m = 0; m < c->width; m++) {
    const int k = fm_crossing_lambda(c, m);
    for (size_t s = m; s < c->n_slots; s += c->width) {
      c->nest.rate[s] = k < 0 ? 1.0 : 1.0 / lambda[k];
    }
  }
}

/* ---- probabilities ----------------------------------------------------------------------------------- */
static double allocation_of(const fm_crossing *c, size_t e) {
  return c->entry.member[e] < 0 ? 0.0 : c->log_allocation[c->entry.member[e]];
}

/* log_share = (v + log a - largest of the nest) / lambda; inclusive holds the largest. */
static void scale_values(fm_crossing *c) {
  const size_t n_rows = c->block->offset[c->block->n];
  for (size_t s = 0; s < c->n_slots; s++) {
    c->nest.inclusive[s] = -INFINITY;
  }
  for (size_t r = 0; r < n_rows; r++) {
    for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
      const double u = c->row.utility[r] + allocation_of(c, (size_t)e);
      c->entry.log_share[e] = u;
      c->nest.inclusive[c->entry.slot[e]] =
          u > c->nest.inclusive[c->entry.slot[e]] ? u : c->nest.inclusive[c->entry.slot[e]];
    }
  }
  for (size_t e = 0; e < c->n_entries; e++) {
    const int s = c->entry.slot[e];
    c->entry.log_share[e] = c->entry.log_share[e] == -INFINITY
                                ? -INFINITY
                                : (c->entry.log_share[e] - c->nest.inclusive[s]) * c->nest.rate[s];
  }
}

static void solve_nests(fm_crossing *c, const fm_kernels *kernels) {
  double *total = c->nest.count, *log_total = c->nest.chosen_log; /* free until the tally */
  scale_values(c);
  kernels->exp(c->entry.log_share, c->entry.share, c->n_entries);
  memset(total, 0, c->n_slots * sizeof(double));
  for (size_t e = 0; e < c->n_entries; e++) {
    total[c->entry.slot[e]] += c->entry.share[e];
  }
  kernels->log(total, log_total, c->n_slots);
  for (size_t s = 0; s < c->n_slots; s++) {
    const int empty = total[s] == 0.0;
    c->nest.inclusive[s] = empty ? -INFINITY : c->nest.inclusive[s] + log_total[s] / c->nest.rate[s];
    total[s] = empty ? 0.0 : 1.0 / total[s];
    log_total[s] = empty ? 0.0 : log_total[s];
    c->nest.entropy[s] = 0.0;
  }
  for (size_t e = 0; e < c->n_entries; e++) {
    const int s = c->entry.slot[e];
    c->entry.share[e] *= total[s];
    c->entry.log_share[e] -= log_total[s];
    c->nest.entropy[s] -= c->entry.share[e] > 0.0 ? c->entry.share[e] * c->entry.log_share[e] : 0.0;
  }
}

static void solve_units(fm_crossing *c, const fm_kernels *kernels) {
  for (size_t i = 0; i < c->block->n; i++) {
    double *top = c->nest.top + i * c->width, *log_top = c->nest.log_top + i * c->width;
    const double *inclusive = c->nest.inclusive + i * c->width;
    const double largest = kernels->max(inclusive, c->width);
    memcpy(top, inclusive, c->width * sizeof(double));
    const double total = kernels->exp_less(largest, top, c->width);
    kernels->scale(1.0 / total, top, c->width);
    c->logsum[i] = largest + log(total);
    kernels->less(c->logsum[i], inclusive, log_top, c->width);
  }
}

void fm_cross_nested_probabilities(const fm_cross_nested *model, const fm_design *design,
                                   const fm_work *work, const double *theta, double *scratch, double *v,
                                   double *logsum) {
  fm_crossing c;
  start_block(&c, model, design, work, theta, scratch);
  memcpy(c.row.utility, v, work->block.offset[work->block.n] * sizeof(double));
  solve_nests(&c, design->kernels);
  solve_units(&c, design->kernels);
  for (size_t r = 0; r < work->block.offset[work->block.n]; r++) {
    v[r] = 0.0;
    for (int e = c.row.first[r]; e < c.row.first[r + 1]; e++) {
      v[r] += c.entry.share[e] * c.nest.top[c.entry.slot[e]];
    }
  }
  memcpy(logsum, c.logsum, work->block.n * sizeof(double));
}

/* ---- likelihood and score ---------------------------------------------------------------------------- */
/* Shares the weight w of a choice of row r among its entries; gives w log P. */
static double add_choice(fm_crossing *c, size_t r, double w) {
  double largest = -INFINITY, total = 0.0;
  for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
    const double joint = c->entry.log_share[e] + c->nest.log_top[c->entry.slot[e]];
    largest = joint > largest ? joint : largest;
  }
  for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
    total += exp(c->entry.log_share[e] + c->nest.log_top[c->entry.slot[e]] - largest);
  }
  for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
    const int s = c->entry.slot[e];
    const double n = w * exp(c->entry.log_share[e] + c->nest.log_top[s] - largest) / total;
    c->entry.count[e] += n;
    c->nest.count[s] += n;
    c->nest.chosen_log[s] += n > 0.0 ? n * c->entry.log_share[e] : 0.0;
  }
  c->row.chosen[r] += w;
  return w * (largest + log(total));
}

static double tally(fm_crossing *c) {
  const fm_block *block = c->block;
  double value = 0.0;
  memset(c->entry.count, 0, c->n_entries * sizeof(double));
  memset(c->nest.count, 0, c->n_slots * sizeof(double));
  memset(c->nest.chosen_log, 0, c->n_slots * sizeof(double));
  memset(c->row.chosen, 0, block->offset[block->n] * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    c->unit_chosen[i] = 0.0;
    for (size_t k = block->choice[i]; k < block->choice[i + 1]; k++) {
      const double w = block->choice_weight[k];
      if (w > 0.0) {
        c->unit_chosen[i] += w;
        value += add_choice(c, block->offset[i] + (size_t)block->choice_row[k], w);
      }
    }
  }
  return value;
}

static void fill_residuals(fm_crossing *c) {
  const fm_block *block = c->block;
  for (size_t s = 0; s < c->n_slots; s++) {
    c->nest.adjoint[s] =
        c->nest.count[s] * (1.0 - c->nest.rate[s]) - c->unit_chosen[s / c->width] * c->nest.top[s];
  }
  for (size_t r = 0; r < block->offset[block->n]; r++) {
    c->row.residual[r] = 0.0;
    for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
      const int s = c->entry.slot[e];
      c->entry.adjoint[e] = c->entry.count[e] * c->nest.rate[s] + c->nest.adjoint[s] * c->entry.share[e];
      c->row.residual[r] += c->entry.adjoint[e];
    }
  }
}

/* g (n_lambda + n_tau) += derivatives of unit i. */
static void extra_score(const fm_crossing *c, size_t i, double *g) {
  for (size_t m = 0; m < c->model->n_nests; m++) {
    const size_t s = i * c->width + m;
    const int k = c->model->lambda[m];
    if (k >= 0) {
      g[k] += c->nest.adjoint[s] * c->nest.entropy[s] - c->nest.rate[s] * c->nest.chosen_log[s];
    }
  }
  if (c->model->n_tau > 0) {
    for (size_t r = c->block->offset[i]; r < c->block->offset[i + 1]; r++) {
      for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
        const int t = fm_crossing_tau(c, c->entry.member[e]);
        if (t >= 0) {
          g[c->model->n_lambda + (size_t)t] +=
              c->entry.adjoint[e] - c->allocation[c->entry.member[e]] * c->row.residual[r];
        }
      }
    }
  }
}

/* Everything up to the residuals; gives the log-likelihood of the block. */
static double solve_block(fm_crossing *c, const fm_cross_nested *model, const fm_design *design,
                          fm_work *work, const double *theta, double *scratch) {
  start_block(c, model, design, work, theta, scratch);
  design->ops->utility(design, work, theta, c->row.utility);
  solve_nests(c, design->kernels);
  solve_units(c, design->kernels);
  const double value = tally(c);
  fill_residuals(c);
  return value;
}

static fm_code cross_nested_block(const fm_pass *pass, fm_work *work, double *scratch, fm_sums *sums) {
  const fm_design *design = pass->design;
  fm_crossing c;
  sums->value += solve_block(&c, pass->model, design, work, pass->theta, scratch);
  if (sums->score != NULL) {
    design->ops->score(design, work, NULL, c.row.residual, sums->score);
    for (size_t i = 0; i < work->block.n; i++) {
      extra_score(&c, i, sums->score + design->n_linear);
    }
  }
  if (sums->information != NULL) {
    fm_crossing_information(&c, design, work, sums->information);
  }
  return FM_OK;
}

static int admissible(const fm_pass *pass) {
  const fm_cross_nested *model = pass->model;
  const double *lambda = pass->theta + pass->design->n_linear;
  for (size_t p = 0; p < model->n_lambda; p++) {
    if (!(lambda[p] > 0.0 && lambda[p] < INFINITY)) {
      return 0;
    }
  }
  return 1;
}

fm_pass fm_cross_nested_pass(const fm_cross_nested *model, const fm_design *design, int threads) {
  return (fm_pass){.design = design,
                   .model = model,
                   .n_par = design->n_linear + model->n_lambda + model->n_tau,
                   .threads = threads,
                   .effort = 3.0,
                   .scratch = fm_cross_nested_scratch(model, design),
                   .admissible = admissible,
                   .block = cross_nested_block};
}

void fm_cross_nested_occasion_scores(const fm_cross_nested *model, const fm_design *design, fm_work *work,
                                     const double *theta, double *scratch, double *scores) {
  const fm_block *block = &work->block;
  const size_t n_terms = design->n_terms;
  fm_crossing c;
  (void)solve_block(&c, model, design, work, theta, scratch);
  design->ops->project(design, work, c.row.residual, c.info.means);
  memset(scores, 0, block->n * c.n_par * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    double *g = scores + i * c.n_par;
    memcpy(g, c.info.means + i * n_terms, n_terms * sizeof(double));
    if (design->n_effects > 0) {
      for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
        g[n_terms + (size_t)block->place[r]] += c.row.residual[r];
      }
    }
    extra_score(&c, i, g + design->n_linear);
  }
}
