/* nested_tree.h: the tree of a nested logit, filled in for every unit of a block at once.
 *
 * Private to nested.c, nested_tree.c and nested_derivatives.c. The tree always has three levels of nodes:
 * bottom nests (and, last, the nest of staying when it is alone), upper nests (and, last, one with
 * lambda = 1 for the bottom nests that hang on the root: lambda = 1 makes it no nest at all), and the
 * root. Node k of unit i has slot i * width + k in the arrays of its level.
 */
#ifndef FM_NESTED_TREE_H
#define FM_NESTED_TREE_H

#include <stddef.h>

#include "nested.h"

/* Children of one level, seen from below: rows under bottom nests, bottom under upper, upper under root. */
typedef struct fm_branches {
  size_t n;          /* children in the block */
  int *parent;       /* n: slot of the parent */
  double *share;     /* n: probability of the child given its parent */
  double *log_share; /* n: its logarithm, -INFINITY when the child is not offered */
  double *product;   /* n: share * log share, 0 where the share is 0 */
} fm_branches;

/* Nodes of one level. */
typedef struct fm_nodes {
  size_t width;       /* nodes of a unit */
  size_t n;           /* nodes in the block */
  double *rate;       /* n: 1 / lambda */
  double *inclusive;  /* n: W */
  double *entropy;    /* n: of the shares of its children: dW / dlambda */
  double *chosen;     /* n: weight of the choices below the node */
  double *chosen_log; /* n: sum over these choices of weight * log share of the child they take */
  double *adjoint;    /* n: derivative of the log-likelihood in W */
  double *curvature;  /* n: A and m of nested_derivatives.c */
  double *mean_weight;
} fm_nodes;

enum { FM_BOTTOM = 0, FM_UPPER = 1, FM_ROOT = 2, FM_LEVELS = 3 };

typedef struct fm_tree {
  const fm_nested *model;
  const fm_block *block;
  fm_branches branches[FM_LEVELS]; /* children of the nodes of the same index */
  fm_nodes nodes[FM_LEVELS];
  double *row_weights;  /* rows: what is handed to the design */
  double *alpha, *beta; /* bottom nodes: coefficients of row weights */
  double *unit_scale;   /* units */
  double *unit_means;   /* units x n_terms */
  double *slope_upper;  /* upper nodes x n_lambda: dW / dlambda, all parameters */
  double *slope_root;   /* units x n_lambda: the same at the root */
  double *variance;     /* bottom nodes: of the log shares of the children */
} fm_tree;

/* Places the arrays of a block of n units and n_rows rows in scratch and gives the doubles used;
 * scratch = NULL only counts. */
size_t fm_tree_layout(fm_tree *tree, const fm_nested *model, const fm_design *design, size_t n,
                      size_t n_rows, double *scratch);

/* Lays out the tree of the loaded block, links its nodes and sets their rates. */
void fm_tree_init(fm_tree *tree, const fm_nested *model, const fm_design *design, const fm_work *work,
                  const double *lambda, double *scratch);

/* Fills shares, inclusive values and entropies from the utilities; v may be the log shares of the rows. */
void fm_tree_solve(fm_tree *tree, const fm_kernels *kernels, const double *v);

/* Counts the choices up the tree and gives their log-likelihood. */
double fm_tree_tally(fm_tree *tree);

/* Fills the adjoints and sets row_weights to the residuals, the derivatives in v. Needs the tally. */
void fm_tree_residuals(fm_tree *tree);

/* Derivative of the log-likelihood of unit i in lambda: g (n_lambda) += it. Needs the residuals. */
void fm_tree_lambda_score(const fm_tree *tree, size_t i, double *g);

/* h (n_par x n_par, upper triangle) += information of the block. Needs the residuals. Overwrites the
 * row weights. */
void fm_tree_information(fm_tree *tree, const fm_design *design, fm_work *work, double *h, size_t n_par);

/* Upper node of bottom node k, and the lambda parameter of a node, -1 when fixed at 1. */
static inline size_t fm_tree_upper(const fm_nested *model, size_t k) {
  const int root = k >= model->n_nests || model->parent == NULL || model->parent[k] < 0;
  return root ? model->n_upper : (size_t)model->parent[k];
}

static inline int fm_tree_parameter(const fm_nested *model, int level, size_t k) {
  if (level == FM_BOTTOM) {
    return k < model->n_nests ? model->lambda[k] : -1;
  }
  return level == FM_UPPER && k < model->n_upper ? model->lambda_upper[k] : -1;
}

/* w * l where l may be -INFINITY with w = 0. */
static inline double fm_times_log(double w, double l) { return w != 0.0 ? w * l : 0.0; }

#endif
