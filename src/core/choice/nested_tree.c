/* nested_tree.c: probabilities, inclusive values and choices on the tree of a nested logit.
 *
 * For a node s with children c,
 *   W_s = M + lambda_s log sum_c exp((W_c - M) / lambda_s),  M = max_c W_c,
 *   p(c|s) = exp((W_c - W_s) / lambda_s),   entropy H_s = -sum_c p(c|s) log p(c|s) = dW_s / dlambda_s,
 * for all nodes of a level and all units of a block in one sweep, so that exp and log run over long
 * vectors. No exponent is positive, so utilities of any size do no harm.
 * Overwrites only the tree's scratch. Thread safety: the tree belongs to one thread.
 */
#include "nested_tree.h"
#include "../base/arena.h"

#include <math.h>
#include <string.h>

/* ---- layout --------------------------------------------------------------------------------------- */
static void take_branches(fm_arena *a, fm_branches *branches, size_t n) {
  branches->n = n;
  branches->parent = fm_take_int(a, n);
  branches->share = fm_take(a, n);
  branches->log_share = fm_take(a, n);
  branches->product = fm_take(a, n);
}

static void take_nodes(fm_arena *a, fm_nodes *nodes, size_t width, size_t units) {
  const size_t n = width * units;
  nodes->width = width;
  nodes->n = n;
  nodes->rate = fm_take(a, n);
  nodes->inclusive = fm_take(a, n);
  nodes->entropy = fm_take(a, n);
  nodes->chosen = fm_take(a, n);
  nodes->chosen_log = fm_take(a, n);
  nodes->adjoint = fm_take(a, n);
  nodes->curvature = fm_take(a, n);
  nodes->mean_weight = fm_take(a, n);
}

size_t fm_tree_layout(fm_tree *tree, const fm_nested *model, const fm_design *design, size_t n,
                      size_t n_rows, double *scratch) {
  const size_t n_bottom = n * (model->n_nests + (model->stay_alone ? 1 : 0));
  const size_t n_upper = n * (model->n_upper + 1);
  fm_arena a = {scratch, 0};
  tree->model = model;
  take_branches(&a, &tree->branches[FM_BOTTOM], n_rows);
  take_branches(&a, &tree->branches[FM_UPPER], n_bottom);
  take_branches(&a, &tree->branches[FM_ROOT], n_upper);
  take_nodes(&a, &tree->nodes[FM_BOTTOM], model->n_nests + (model->stay_alone ? 1 : 0), n);
  take_nodes(&a, &tree->nodes[FM_UPPER], model->n_upper + 1, n);
  take_nodes(&a, &tree->nodes[FM_ROOT], 1, n);
  tree->row_weights = fm_take(&a, n_rows);
  tree->alpha = fm_take(&a, n_bottom);
  tree->beta = fm_take(&a, n_bottom);
  tree->unit_scale = fm_take(&a, n);
  tree->unit_means = fm_take(&a, n * design->n_terms);
  tree->slope_upper = fm_take(&a, n_upper * model->n_lambda);
  tree->slope_root = fm_take(&a, n * model->n_lambda);
  tree->variance = fm_take(&a, n_bottom);
  return a.used;
}

/* ---- links and rates --------------------------------------------------------------------------------- */
static void link_rows(fm_tree *tree) {
  const fm_block *block = tree->block;
  const int width = (int)tree->nodes[FM_BOTTOM].width;
  int *parent = tree->branches[FM_BOTTOM].parent;
  for (size_t i = 0; i < block->n; i++) {
    const int first = (int)i * width;
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      parent[r] = first + tree->model->nest[block->place[r]];
    }
    if (tree->model->stay_alone && block->origin[i] >= 0) {
      parent[block->offset[i] + (size_t)block->origin[i]] = first + width - 1;
    }
  }
}

static void link_nodes(fm_tree *tree) {
  const size_t n_bottom = tree->nodes[FM_BOTTOM].width, n_upper = tree->nodes[FM_UPPER].width;
  for (size_t i = 0; i < tree->block->n; i++) {
    for (size_t k = 0; k < n_bottom; k++) {
      tree->branches[FM_UPPER].parent[i * n_bottom + k] =
          (int)(i * n_upper + fm_tree_upper(tree->model, k));
    }
    for (size_t k = 0; k < n_upper; k++) {
      tree->branches[FM_ROOT].parent[i * n_upper + k] = (int)i;
    }
  }
}

static void set_rates(fm_tree *tree, const double *lambda) {
  for (int level = 0; level < FM_LEVELS; level++) {
    const fm_nodes *nodes = &tree->nodes[level];
    for (size_t k = 0; k < nodes->width; k++) {
      const int parameter = fm_tree_parameter(tree->model, level, k);
      const double rate = parameter < 0 ? 1.0 : 1.0 / lambda[parameter];
      for (size_t s = k; s < nodes->n; s += nodes->width) {
        nodes->rate[s] = rate;
      }
    }
  }
}

void fm_tree_init(fm_tree *tree, const fm_nested *model, const fm_design *design, const fm_work *work,
                  const double *lambda, double *scratch) {
  const fm_block *block = &work->block;
  tree->block = block;
  fm_tree_layout(tree, model, design, block->n, block->offset[block->n], scratch);
  link_rows(tree);
  link_nodes(tree);
  set_rates(tree, lambda);
}

/* ---- one level: from the values of the children to those of the nodes -------------------------------- */
/* log_share = (v - largest of the node) / lambda; nodes->inclusive holds the largest. */
static void scale_values(const fm_branches *branches, const fm_nodes *nodes, const double *v) {
  double *largest = nodes->inclusive;
  for (size_t s = 0; s < nodes->n; s++) {
    largest[s] = -INFINITY;
  }
  for (size_t c = 0; c < branches->n; c++) {
    const int s = branches->parent[c];
    largest[s] = v[c] > largest[s] ? v[c] : largest[s];
  }
  for (size_t c = 0; c < branches->n; c++) {
    const int s = branches->parent[c];
    branches->log_share[c] = v[c] == -INFINITY ? v[c] : (v[c] - largest[s]) * nodes->rate[s];
  }
}

/* total (on entry the sums of exponentials) becomes their reciprocals, log_total their logarithms, and
 * W is the largest value plus lambda log_total. Empty nodes get 0, 0 and -INFINITY. */
static void finish_nodes(const fm_nodes *nodes, const fm_kernels *kernels, double *total,
                         double *log_total) {
  kernels->log(total, log_total, nodes->n);
  for (size_t s = 0; s < nodes->n; s++) {
    const int empty = total[s] == 0.0;
    nodes->inclusive[s] = empty ? -INFINITY : nodes->inclusive[s] + log_total[s] / nodes->rate[s];
    total[s] = empty ? 0.0 : 1.0 / total[s];
    log_total[s] = empty ? 0.0 : log_total[s];
    nodes->entropy[s] = 0.0;
  }
}

static void solve_level(const fm_branches *branches, const fm_nodes *nodes, const fm_kernels *kernels,
                        const double *v) {
  double *total = nodes->chosen, *log_total = nodes->chosen_log; /* free until the tally */
  scale_values(branches, nodes, v);
  kernels->exp(branches->log_share, branches->share, branches->n);
  memset(total, 0, nodes->n * sizeof(double));
  for (size_t c = 0; c < branches->n; c++) {
    total[branches->parent[c]] += branches->share[c];
  }
  finish_nodes(nodes, kernels, total, log_total);
  for (size_t c = 0; c < branches->n; c++) {
    const int s = branches->parent[c];
    branches->share[c] *= total[s];
    branches->log_share[c] -= log_total[s];
    branches->product[c] = fm_times_log(branches->share[c], branches->log_share[c]);
    nodes->entropy[s] -= branches->product[c];
  }
}

void fm_tree_solve(fm_tree *tree, const fm_kernels *kernels, const double *v) {
  solve_level(&tree->branches[FM_BOTTOM], &tree->nodes[FM_BOTTOM], kernels, v);
  solve_level(&tree->branches[FM_UPPER], &tree->nodes[FM_UPPER], kernels, tree->nodes[FM_BOTTOM].inclusive);
  solve_level(&tree->branches[FM_ROOT], &tree->nodes[FM_ROOT], kernels, tree->nodes[FM_UPPER].inclusive);
}

/* ---- choices ----------------------------------------------------------------------------------------- */
static void clear_tally(const fm_nodes *nodes) {
  memset(nodes->chosen, 0, nodes->n * sizeof(double));
  memset(nodes->chosen_log, 0, nodes->n * sizeof(double));
}

static void add_choice(const fm_branches *branches, const fm_nodes *nodes, size_t child, double weight) {
  const int s = branches->parent[child];
  nodes->chosen[s] += weight;
  nodes->chosen_log[s] += fm_times_log(weight, branches->log_share[child]);
}

double fm_tree_tally(fm_tree *tree) {
  const fm_block *block = tree->block;
  clear_tally(&tree->nodes[FM_BOTTOM]);
  for (size_t i = 0; i < block->n; i++) {
    for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
      add_choice(&tree->branches[FM_BOTTOM], &tree->nodes[FM_BOTTOM],
                 block->offset[i] + (size_t)block->choice_row[c], block->choice_weight[c]);
    }
  }
  double value = 0.0;
  for (int level = FM_BOTTOM; level < FM_LEVELS; level++) {
    const fm_nodes *nodes = &tree->nodes[level];
    for (size_t s = 0; s < nodes->n; s++) {
      value += nodes->chosen_log[s];
    }
    if (level < FM_ROOT) {
      clear_tally(&tree->nodes[level + 1]);
      for (size_t s = 0; s < nodes->n; s++) {
        add_choice(&tree->branches[level + 1], &tree->nodes[level + 1], s, nodes->chosen[s]);
      }
    }
  }
  return value;
}
