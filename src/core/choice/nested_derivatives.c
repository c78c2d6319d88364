/* nested_derivatives.c: score and information of the nested logit.
 *
 * Write s for a node, c for its children, k_s = 1/lambda_s, p_c = p(c|s), l_c = log p_c, H_s the entropy
 * of the p_c, N the weight of the choices below a node, omega_j the weight of those of place j, e_s the
 * unit vector of the parameter lambda_s (0 when it is fixed), and D_s = dW_s/dtheta. Then
 *   D_j = x_j,   D_s = sum_c p_c D_c + H_s e_s.
 * The adjoint of a node, dl/dW, runs down the tree:
 *   a_root = -N_root,   a_c = p_c a_s + N_c (k_s - k_c),   residual r_j = p_j a_s + omega_j k_s,
 * and the score is sum_j r_j x_j + sum_s (a_s H_s - k_s sum_c N_c l_c) e_s.
 *
 * d2W_s = sum_c p_c d2W_c + k_s Cov_s(D_c - l_c e_s) gives, with A_s = -k_s a_s,
 *   -d2l = sum_s A_s Cov_s(D_c - l_c e_s) + sum_s k_s^2 sum_c N_c [e_s (D_c - l_c e_s - D_s)' + (.)'].
 * In x that is  sum_j p_j A_s x_j x_j' + sum_s m_s xbar_s xbar_s',  m_c = p_c A_s - A_c,  m_root = -A_root,
 * where xbar_s is the mean of x below s. m_c = 0 when lambda_c = lambda_s: such nests are not visited.
 * The columns of lambda and their own block follow from the same two lines; see the functions below.
 *
 * Overwrites only the tree's scratch and the outputs. Thread safety: the tree belongs to one thread.
 */
#include "nested_tree.h"

#include <string.h>

/* ---- score ---------------------------------------------------------------------------------------- */
static void lower_adjoints(const fm_branches *branches, const fm_nodes *above, const fm_nodes *nodes) {
  for (size_t c = 0; c < nodes->n; c++) {
    const int s = branches->parent[c];
    nodes->adjoint[c] =
        branches->share[c] * above->adjoint[s] + nodes->chosen[c] * (above->rate[s] - nodes->rate[c]);
  }
}

/* Row weights share (alpha + beta log share), with coefficients of the bottom node; beta may be NULL. */
static void spread(fm_tree *tree, const double *alpha, const double *beta) {
  const fm_branches *rows = &tree->branches[FM_BOTTOM];
  double *w = tree->row_weights;
  for (size_t r = 0; r < rows->n; r++) {
    w[r] = rows->share[r] * alpha[rows->parent[r]];
  }
  if (beta != NULL) {
    for (size_t r = 0; r < rows->n; r++) {
      w[r] += rows->product[r] * beta[rows->parent[r]];
    }
  }
}

void fm_tree_residuals(fm_tree *tree) {
  const fm_block *block = tree->block;
  const fm_nodes *bottom = &tree->nodes[FM_BOTTOM], *root = &tree->nodes[FM_ROOT];
  for (size_t i = 0; i < root->n; i++) {
    root->adjoint[i] = -root->chosen[i];
  }
  lower_adjoints(&tree->branches[FM_ROOT], root, &tree->nodes[FM_UPPER]);
  lower_adjoints(&tree->branches[FM_UPPER], &tree->nodes[FM_UPPER], bottom);
  spread(tree, bottom->adjoint, NULL);
  for (size_t i = 0; i < block->n; i++) {
    for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
      const size_t r = block->offset[i] + (size_t)block->choice_row[c];
      tree->row_weights[r] += block->choice_weight[c] * bottom->rate[tree->branches[FM_BOTTOM].parent[r]];
    }
  }
}

void fm_tree_lambda_score(const fm_tree *tree, size_t i, double *g) {
  for (int level = FM_BOTTOM; level < FM_ROOT; level++) {
    const fm_nodes *nodes = &tree->nodes[level];
    for (size_t k = 0; k < nodes->width; k++) {
      const size_t s = i * nodes->width + k;
      const int parameter = fm_tree_parameter(tree->model, level, k);
      if (parameter >= 0) {
        g[parameter] += nodes->adjoint[s] * nodes->entropy[s] - nodes->rate[s] * nodes->chosen_log[s];
      }
    }
  }
}

/* ---- what the information is made of ----------------------------------------------------------------- */
/* A_s = -k_s a_s of all nodes of a level; m_c = p_c A_s - A_c of its nodes, m_root = -A_root. */
static void fill_weights(fm_tree *tree) {
  for (int level = FM_ROOT; level >= FM_BOTTOM; level--) {
    const fm_nodes *nodes = &tree->nodes[level];
    for (size_t s = 0; s < nodes->n; s++) {
      nodes->curvature[s] = -nodes->rate[s] * nodes->adjoint[s];
      nodes->mean_weight[s] = -nodes->curvature[s];
    }
    if (level < FM_ROOT) {
      for (size_t c = 0; c < nodes->n; c++) {
        const fm_branches *branches = &tree->branches[level + 1];
        nodes->mean_weight[c] += branches->share[c] * tree->nodes[level + 1].curvature[branches->parent[c]];
      }
    }
  }
}

static double square(double x) { return x * x; }

/* Variance of the log shares of the children of each bottom node. */
static void fill_variance(fm_tree *tree) {
  const fm_branches *rows = &tree->branches[FM_BOTTOM];
  const fm_nodes *bottom = &tree->nodes[FM_BOTTOM];
  memset(tree->variance, 0, bottom->n * sizeof(double));
  for (size_t r = 0; r < rows->n; r++) {
    const int s = rows->parent[r];
    const double deviation = rows->share[r] > 0.0 ? rows->log_share[r] + bottom->entropy[s] : 0.0;
    tree->variance[s] += rows->share[r] * square(deviation);
  }
}

/* The lambda part of D at upper nodes and root. */
static void fill_slopes_of(fm_tree *tree, size_t i) {
  const fm_nodes *bottom = &tree->nodes[FM_BOTTOM], *upper = &tree->nodes[FM_UPPER];
  const size_t n_lambda = tree->model->n_lambda;
  double *slopes = tree->slope_upper + i * upper->width * n_lambda;
  for (size_t k = 0; k < bottom->width; k++) {
    const int parameter = fm_tree_parameter(tree->model, FM_BOTTOM, k);
    const size_t s = i * bottom->width + k;
    if (parameter >= 0) {
      slopes[fm_tree_upper(tree->model, k) * n_lambda + (size_t)parameter] +=
          tree->branches[FM_UPPER].share[s] * bottom->entropy[s];
    }
  }
  for (size_t k = 0; k < upper->width; k++) {
    const int parameter = fm_tree_parameter(tree->model, FM_UPPER, k);
    const size_t u = i * upper->width + k;
    if (parameter >= 0) {
      slopes[k * n_lambda + (size_t)parameter] += upper->entropy[u];
    }
    for (size_t p = 0; p < n_lambda; p++) {
      tree->slope_root[i * n_lambda + p] += tree->branches[FM_ROOT].share[u] * slopes[k * n_lambda + p];
    }
  }
}

static void fill_slopes(fm_tree *tree) {
  const size_t n_lambda = tree->model->n_lambda;
  memset(tree->slope_upper, 0, tree->nodes[FM_UPPER].n * n_lambda * sizeof(double));
  memset(tree->slope_root, 0, tree->block->n * n_lambda * sizeof(double));
  for (size_t i = 0; i < tree->block->n; i++) {
    fill_slopes_of(tree, i);
  }
}

/* ---- b and d ----------------------------------------------------------------------------------------- */
static void add_cross(fm_tree *tree, const fm_design *design, fm_work *work, double *h, size_t n_par) {
  spread(tree, tree->nodes[FM_BOTTOM].curvature, NULL);
  design->ops->cross(design, work, NULL, tree->row_weights, h, n_par);
}

/* Adds sum_i unit_scale_i xbar_i xbar_i', xbar weighted by share * alpha. */
static void add_mean(fm_tree *tree, const fm_design *design, fm_work *work, double *h, size_t n_par) {
  spread(tree, tree->alpha, NULL);
  design->ops->project(design, work, tree->row_weights, tree->unit_means);
  design->ops->outer(design, work, tree->unit_scale, tree->row_weights, tree->unit_means, h, n_par);
}

static void add_bottom_mean(fm_tree *tree, const fm_design *design, fm_work *work, size_t k, double *h,
                            size_t n_par) {
  const fm_nodes *bottom = &tree->nodes[FM_BOTTOM];
  memset(tree->alpha, 0, bottom->n * sizeof(double));
  for (size_t i = 0; i < tree->block->n; i++) {
    const size_t s = i * bottom->width + k;
    tree->alpha[s] = 1.0;
    tree->unit_scale[i] = bottom->mean_weight[s];
  }
  add_mean(tree, design, work, h, n_par);
}

static void add_upper_mean(fm_tree *tree, const fm_design *design, fm_work *work, size_t k, double *h,
                           size_t n_par) {
  const fm_nodes *bottom = &tree->nodes[FM_BOTTOM], *upper = &tree->nodes[FM_UPPER];
  memset(tree->alpha, 0, bottom->n * sizeof(double));
  for (size_t b = 0; b < bottom->width; b++) {
    if (fm_tree_upper(tree->model, b) == k) {
      for (size_t s = b; s < bottom->n; s += bottom->width) {
        tree->alpha[s] = tree->branches[FM_UPPER].share[s];
      }
    }
  }
  for (size_t i = 0; i < tree->block->n; i++) {
    tree->unit_scale[i] = upper->mean_weight[i * upper->width + k];
  }
  add_mean(tree, design, work, h, n_par);
}

static void add_root_mean(fm_tree *tree, const fm_design *design, fm_work *work, double *h, size_t n_par) {
  const fm_branches *bottom = &tree->branches[FM_UPPER];
  for (size_t s = 0; s < bottom->n; s++) {
    tree->alpha[s] = bottom->share[s] * tree->branches[FM_ROOT].share[bottom->parent[s]];
  }
  memcpy(tree->unit_scale, tree->nodes[FM_ROOT].mean_weight, tree->block->n * sizeof(double));
  add_mean(tree, design, work, h, n_par);
}

/* Rates are the same in all units, so those of the first unit tell which nests differ from their parent. */
static void add_linear(fm_tree *tree, const fm_design *design, fm_work *work, double *h, size_t n_par) {
  const fm_nodes *nodes = tree->nodes;
  add_cross(tree, design, work, h, n_par);
  for (size_t k = 0; k < nodes[FM_BOTTOM].width; k++) {
    if (nodes[FM_BOTTOM].rate[k] != nodes[FM_UPPER].rate[fm_tree_upper(tree->model, k)]) {
      add_bottom_mean(tree, design, work, k, h, n_par);
    }
  }
  for (size_t k = 0; k < nodes[FM_UPPER].width; k++) {
    if (nodes[FM_UPPER].rate[k] != 1.0) {
      add_upper_mean(tree, design, work, k, h, n_par);
    }
  }
  add_root_mean(tree, design, work, h, n_par);
}

/* ---- b and d by lambda ------------------------------------------------------------------------------- */
/* alpha and beta such that the rows of column p are sum_j share_j (alpha + beta log share_j) x_j, plus
 * omega_j k^2 x_j for the choices: with G = dW/dlambda_p and [s] = 1 where p is the parameter of s,
 *   alpha_n = m_n G_n + p_n m_u G_u + P_n m_root G_root - [n] N_n k_n^2
 *             + [u] (k_u^2 (N_n - p_n N_u) - A_u p_n l_n),        beta_n = -[n] A_n
 * for bottom node n, the k-th of its unit, of upper node u. */
static void fill_lambda_column(fm_tree *tree, size_t p, size_t k) {
  const fm_nodes *bottom = &tree->nodes[FM_BOTTOM], *upper = &tree->nodes[FM_UPPER];
  const fm_nodes *root = &tree->nodes[FM_ROOT];
  const fm_branches *branches = &tree->branches[FM_UPPER];
  const size_t n_lambda = tree->model->n_lambda, k_upper = fm_tree_upper(tree->model, k);
  const int own = fm_tree_parameter(tree->model, FM_BOTTOM, k) == (int)p;
  const int above = fm_tree_parameter(tree->model, FM_UPPER, k_upper) == (int)p;
  for (size_t i = 0; i < tree->block->n; i++) {
    const size_t s = i * bottom->width + k, u = i * upper->width + k_upper;
    const double from_upper = upper->mean_weight[u] * tree->slope_upper[u * n_lambda + p];
    const double from_root = root->mean_weight[i] * tree->slope_root[i * n_lambda + p];
    double alpha = branches->share[s] * (from_upper + tree->branches[FM_ROOT].share[u] * from_root);
    if (own) {
      alpha += bottom->mean_weight[s] * bottom->entropy[s] - bottom->chosen[s] * square(bottom->rate[s]);
    }
    if (above) {
      alpha += square(upper->rate[u]) * (bottom->chosen[s] - branches->share[s] * upper->chosen[u]) -
               upper->curvature[u] * branches->product[s];
    }
    tree->alpha[s] = alpha;
    tree->beta[s] = own ? -bottom->curvature[s] : 0.0;
  }
}

static void add_lambda_column(fm_tree *tree, const fm_design *design, fm_work *work, size_t p,
                              double *column) {
  const fm_block *block = tree->block;
  const fm_nodes *bottom = &tree->nodes[FM_BOTTOM];
  for (size_t k = 0; k < bottom->width; k++) {
    fill_lambda_column(tree, p, k);
  }
  spread(tree, tree->alpha, tree->beta);
  for (size_t i = 0; i < block->n; i++) {
    for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
      const size_t r = block->offset[i] + (size_t)block->choice_row[c];
      const size_t s = (size_t)tree->branches[FM_BOTTOM].parent[r];
      if (fm_tree_parameter(tree->model, FM_BOTTOM, s - i * bottom->width) == (int)p) {
        tree->row_weights[r] += block->choice_weight[c] * square(bottom->rate[s]);
      }
    }
  }
  design->ops->score(design, work, NULL, tree->row_weights, column);
}

/* ---- lambda by lambda -------------------------------------------------------------------------------- */
/* h += x (e_p e_q' + e_q e_p') / 2 in the upper triangle; -1 is no parameter. h starts at the block. */
static void add_pair(double *h, size_t ld, int p, int q, double x) {
  if (p >= 0 && q >= 0) {
    const size_t row = (size_t)(p < q ? p : q), column = (size_t)(p < q ? q : p);
    h[row + column * ld] += p == q ? x : x / 2.0;
  }
}

/* h += x g g', g of n entries. */
static void add_square(double *h, size_t ld, double x, const double *g, size_t n) {
  for (size_t q = 0; q < n; q++) {
    for (size_t p = 0; p <= q; p++) {
      h[p + q * ld] += x * g[p] * g[q];
    }
  }
}

/* Bottom node s, the k-th of unit i: A_s Var(l) e_s e_s', its choices, and A_u p_s z z' +
 * k_u^2 N_s (e_u z' + z e_u') with z = H_s e_s - l_s e_u what it brings to the covariance in its upper
 * node u. */
static void add_bottom_lambda(const fm_tree *tree, size_t i, size_t k, double *h, size_t ld) {
  const fm_branches *branches = &tree->branches[FM_UPPER];
  const fm_nodes *bottom = &tree->nodes[FM_BOTTOM], *upper = &tree->nodes[FM_UPPER];
  const size_t k_upper = fm_tree_upper(tree->model, k);
  const size_t s = i * bottom->width + k, u = i * upper->width + k_upper;
  const int own = fm_tree_parameter(tree->model, FM_BOTTOM, k);
  const int above = fm_tree_parameter(tree->model, FM_UPPER, k_upper);
  const double entropy = bottom->entropy[s], chosen = bottom->chosen[s];
  const double share = upper->curvature[u] * branches->share[s], rate2 = square(upper->rate[u]);
  const double share_log = upper->curvature[u] * branches->product[s];
  add_pair(h, ld, own, own,
           bottom->curvature[s] * tree->variance[s] + share * square(entropy) -
               2.0 * square(bottom->rate[s]) * (bottom->chosen_log[s] + chosen * entropy));
  add_pair(h, ld, own, above, 2.0 * entropy * (rate2 * chosen - share_log));
  add_pair(h, ld, above, above, fm_times_log(share_log - 2.0 * rate2 * chosen, branches->log_share[s]));
}

/* Upper node u, the k-th of unit i: m_u G G' - k_u^2 N_u (e_u G' + G e_u'), G its slopes. */
static void add_upper_lambda(const fm_tree *tree, size_t i, size_t k, double *h, size_t ld) {
  const fm_nodes *upper = &tree->nodes[FM_UPPER];
  const size_t n_lambda = tree->model->n_lambda, u = i * upper->width + k;
  const double *slope = tree->slope_upper + u * n_lambda;
  const int parameter = fm_tree_parameter(tree->model, FM_UPPER, k);
  add_square(h, ld, upper->mean_weight[u], slope, n_lambda);
  if (parameter >= 0) {
    for (size_t p = 0; p < n_lambda; p++) {
      add_pair(h, ld, parameter, (int)p, -2.0 * square(upper->rate[u]) * upper->chosen[u] * slope[p]);
    }
  }
}

static void add_lambda_block(const fm_tree *tree, double *h, size_t ld) {
  const size_t n_lambda = tree->model->n_lambda;
  for (size_t i = 0; i < tree->block->n; i++) {
    for (size_t k = 0; k < tree->nodes[FM_BOTTOM].width; k++) {
      add_bottom_lambda(tree, i, k, h, ld);
    }
    for (size_t k = 0; k < tree->nodes[FM_UPPER].width; k++) {
      add_upper_lambda(tree, i, k, h, ld);
    }
    add_square(h, ld, tree->nodes[FM_ROOT].mean_weight[i], tree->slope_root + i * n_lambda, n_lambda);
  }
}

void fm_tree_information(fm_tree *tree, const fm_design *design, fm_work *work, double *h, size_t n_par) {
  const size_t n_lambda = tree->model->n_lambda;
  fill_weights(tree);
  add_linear(tree, design, work, h, n_par);
  if (n_lambda == 0) {
    return;
  }
  fill_variance(tree);
  fill_slopes(tree);
  for (size_t p = 0; p < n_lambda; p++) {
    add_lambda_column(tree, design, work, p, h + (design->n_linear + p) * n_par);
  }
  add_lambda_block(tree, h + design->n_linear * (n_par + 1), n_par);
}
