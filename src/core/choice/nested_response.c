/* nested_response.c: how the probabilities of a nested logit respond.
 *
 * Along dv and dlambda the values of the nodes move from the leaves to the root,
 *   dW_s = sum_c p(c|s) dW_c + H_s dlambda_s,
 * and the probability of a leaf is the product of the shares on its way, whose logarithms move by
 *   d log p(c|s) = (dW_c - dW_s) / lambda_s - log p(c|s) dlambda_s / lambda_s.
 * (dW_s has the entropy H_s in it, and W_c - W_s = lambda_s log p(c|s).)
 * Overwrites only the tree's scratch.
 * Thread safety: the tree belongs to one thread.
 */
#include <math.h>
#include <string.h>

#include "../base/arena.h"
#include "nested.h"
#include "nested_tree.h"

/* The tree that probabilities() has solved, found again in the scratch. */
static fm_tree tree_in(const fm_response *r, const fm_work *work, double *scratch) {
  const fm_block *block = &work->block;
  fm_tree tree = {.model = r->model, .block = block};
  fm_tree_layout(&tree, r->model, r->design, block->n, block->offset[block->n], scratch);
  return tree;
}

static void probabilities(const fm_response *r, fm_work *work, double *scratch, double *p, double *logsum) {
  r->design->ops->utility(r->design, work, r->theta, p);
  fm_nested_probabilities(r->model, r->design, work, r->theta, scratch, p, p, logsum);
}

/* dlambda of node k of a level. */
static double own_change(const fm_tree *tree, int level, size_t k, const double *own) {
  const int parameter = own != NULL ? fm_tree_parameter(tree->model, level, k) : -1;
  return parameter < 0 ? 0.0 : own[parameter];
}

/* dw of the nodes of a level from that of their children. */
static void lift(const fm_tree *tree, int level, const double *own, const double *of_child, double *dw) {
  const fm_branches *branches = &tree->branches[level];
  const fm_nodes *nodes = &tree->nodes[level];
  for (size_t k = 0; k < nodes->width; k++) {
    const double dlambda = own_change(tree, level, k, own);
    for (size_t s = k; s < nodes->n; s += nodes->width) {
      dw[s] = nodes->entropy[s] * dlambda;
    }
  }
  for (size_t c = 0; c < branches->n; c++) {
    dw[branches->parent[c]] += branches->share[c] * of_child[c];
  }
}

/* d log of the way to each child of a level: that of its parent, and of its own share. above = NULL: the
 * parent is the root. */
static void descend(const fm_tree *tree, int level, const double *own, const double *of_child,
                    const double *dw, const double *above, double *out) {
  const fm_branches *branches = &tree->branches[level];
  const fm_nodes *nodes = &tree->nodes[level];
  for (size_t c = 0; c < branches->n; c++) {
    const size_t s = (size_t)branches->parent[c];
    const double dlambda = own_change(tree, level, s % nodes->width, own);
    const double log_share = branches->share[c] > 0.0 ? branches->log_share[c] : 0.0;
    out[c] =
        (of_child[c] - dw[s] - log_share * dlambda) * nodes->rate[s] + (above != NULL ? above[s] : 0.0);
  }
}

static void change(const fm_response *r, fm_work *work, double *scratch, const double *p, const double *dv,
                   const double *own, double *dp, double *dlogsum) {
  const fm_tree tree = tree_in(r, work, scratch);
  const size_t rows = work->block.offset[work->block.n];
  /* free once the probabilities are known: what the likelihood keeps by node */
  double *bottom = tree.nodes[FM_BOTTOM].adjoint, *upper = tree.nodes[FM_UPPER].adjoint;
  double *way_upper = tree.nodes[FM_UPPER].curvature, *way_bottom = tree.nodes[FM_BOTTOM].curvature;
  lift(&tree, FM_BOTTOM, own, dv, bottom);
  lift(&tree, FM_UPPER, own, bottom, upper);
  lift(&tree, FM_ROOT, own, upper, dlogsum);
  descend(&tree, FM_ROOT, own, upper, dlogsum, NULL, way_upper);
  descend(&tree, FM_UPPER, own, bottom, upper, way_upper, way_bottom);
  descend(&tree, FM_BOTTOM, own, dv, bottom, way_bottom, dp);
  r->design->kernels->times(p, dp, dp, rows);
}

fm_response fm_nested_response(const fm_nested *model, const fm_design *design, const double *theta) {
  return (fm_response){.design = design,
                       .model = model,
                       .theta = theta,
                       .n_par = design->n_linear + model->n_lambda,
                       .scratch = fm_nested_scratch(model, design),
                       .probabilities = probabilities,
                       .change = change};
}
