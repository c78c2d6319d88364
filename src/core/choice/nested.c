/* nested.c: the nested logit as a pass over a design and as a predictor.
 *
 * The equations are in nested.h; nested_tree.c solves the tree, nested_derivatives.c differentiates it.
 * Thread safety: reads the model and the design, writes only its outputs, workspace and scratch.
 */
#include "nested.h"

#include <math.h>
#include <string.h>

#include "../base/arena.h"
#include "nested_tree.h"

/* ---- model ---------------------------------------------------------------------------------------- */
fm_code fm_nested_check(const fm_nested *model, size_t n_places, fm_error *err) {
  if (model->n_nests == 0 || model->nest == NULL || model->lambda == NULL) {
    return fm_fail(err, FM_INVALID, "a nested logit needs at least one nest");
  }
  if (model->n_upper > 0 && model->lambda_upper == NULL) {
    return fm_fail(err, FM_INVALID, "upper nests need their lambda");
  }
  FM_TRY(fm_check_range(model->nest, n_places, 0, model->n_nests, "nest of place", err));
  FM_TRY(fm_check_range(model->lambda, model->n_nests, -1, model->n_lambda, "lambda of nest", err));
  FM_TRY(fm_check_range(model->lambda_upper, model->n_upper, -1, model->n_lambda, "lambda of upper nest",
                        err));
  return model->parent == NULL
             ? FM_OK
             : fm_check_range(model->parent, model->n_nests, -1, model->n_upper, "upper nest of nest", err);
}

size_t fm_nested_scratch(const fm_nested *model, const fm_design *design) {
  fm_tree tree;
  return fm_tree_layout(&tree, model, design, design->max_units, design->max_rows, NULL);
}

/* ---- likelihood ------------------------------------------------------------------------------------- */
/* Lays the tree out in scratch and solves it at theta. */
static void solve_block(fm_tree *tree, const fm_nested *model, const fm_design *design, fm_work *work,
                        const double *theta, double *scratch) {
  fm_tree_init(tree, model, design, work, theta + design->n_linear, scratch);
  double *v = tree->branches[FM_BOTTOM].log_share;
  design->ops->utility(design, work, theta, v);
  fm_tree_solve(tree, design->kernels, v);
}

static fm_code nested_block(const fm_pass *pass, fm_work *work, double *scratch, fm_sums *sums) {
  const fm_design *design = pass->design;
  fm_tree tree;
  solve_block(&tree, pass->model, design, work, pass->theta, scratch);
  sums->value += fm_tree_tally(&tree);
  if (sums->score != NULL) {
    fm_tree_residuals(&tree);
    design->ops->score(design, work, NULL, tree.row_weights, sums->score);
    for (size_t i = 0; i < work->block.n; i++) {
      fm_tree_lambda_score(&tree, i, sums->score + design->n_linear);
    }
  }
  if (sums->information != NULL) {
    fm_tree_information(&tree, design, work, sums->information, sums->n_par);
  }
  return FM_OK;
}

static int admissible(const fm_pass *pass) {
  const fm_nested *model = pass->model;
  const double *lambda = pass->theta + pass->design->n_linear;
  for (size_t p = 0; p < model->n_lambda; p++) {
    if (!(lambda[p] > 0.0 && lambda[p] < INFINITY)) {
      return 0;
    }
  }
  return 1;
}

fm_pass fm_nested_pass(const fm_nested *model, const fm_design *design, int threads) {
  return (fm_pass){.design = design,
                   .model = model,
                   .n_par = design->n_linear + model->n_lambda,
                   .threads = threads,
                   .scratch = fm_nested_scratch(model, design),
                   .admissible = admissible,
                   .block = nested_block};
}

/* ---- prediction and scores by occasion --------------------------------------------------------------- */
void fm_nested_probabilities(const fm_nested *model, const fm_design *design, const fm_work *work,
                             const double *theta, double *scratch, const double *v, double *p,
                             double *logsum) {
  fm_tree tree;
  fm_tree_init(&tree, model, design, work, theta + design->n_linear, scratch);
  fm_tree_solve(&tree, design->kernels, v);
  const fm_branches *rows = &tree.branches[FM_BOTTOM], *bottom = &tree.branches[FM_UPPER];
  for (size_t s = 0; s < bottom->n; s++) {
    tree.alpha[s] = bottom->share[s] * tree.branches[FM_ROOT].share[bottom->parent[s]];
  }
  for (size_t r = 0; r < rows->n; r++) {
    p[r] = rows->share[r] * tree.alpha[rows->parent[r]];
  }
  if (logsum != NULL) {
    memcpy(logsum, tree.nodes[FM_ROOT].inclusive, work->block.n * sizeof(double));
  }
}

void fm_nested_occasion_scores(const fm_nested *model, const fm_design *design, fm_work *work,
                               const double *theta, double *scratch, double *scores) {
  const fm_block *block = &work->block;
  const size_t n_par = design->n_linear + model->n_lambda, n_terms = design->n_terms;
  fm_tree tree;
  solve_block(&tree, model, design, work, theta, scratch);
  fm_tree_tally(&tree);
  fm_tree_residuals(&tree);
  design->ops->project(design, work, tree.row_weights, tree.unit_means);
  memset(scores, 0, block->n * n_par * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    double *g = scores + i * n_par;
    memcpy(g, tree.unit_means + i * n_terms, n_terms * sizeof(double));
    if (design->n_effects > 0) {
      for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
        g[n_terms + (size_t)block->place[r]] += tree.row_weights[r];
      }
    }
    fm_tree_lambda_score(&tree, i, g + design->n_linear);
  }
}
