/* cross_nested_information.c: minus the Hessian of the cross-nested logit.
 *
 * Notation of cross_nested.c. Let z_e = (x_j; t_e) be the derivative of v_j + log a_jm, e_m the unit vector
 * of lambda_m, D_m = sum_e s_e z_e + H_m e_m and D = sum_m Q_m D_m those of W_m and W. Given the nests of
 * the choices the information is that of a nested logit (nested_derivatives.c), with A_m = -k_m a_m:
 *   sum_m A_m [sum_e s_e (z_e - l_e e_m)(z_e - l_e e_m)' - D_m D_m'] + N [sum_m Q_m D_m D_m' - D D']
 *   + sum_m k_m^2 sum_e n_e [e_m (z_e - l_e e_m - D_m)' + (.)'] - sum_e r_e d2 log a_e.
 * They are not known: of each chosen place the variance of its entries' scores g_e goes off (Louis 1982),
 *   - sum_e n_e g_e g_e' + n_y gbar gbar',   g_e = k_m (z_e - l_e e_m) + (1 - k_m) D_m + constant of y.
 * For the softmax, t_e has 1{e = f} - a_f at tau_f, and -d2 log a_e = diag(a) - a a' for every entry of j.
 *
 * Sums over rows of x x' and of x alone are left to the design; what is left is of few vectors a unit.
 */
#include <string.h>

#include "../base/sums.h"
#include "cross_nested_work.h"

static double curvature(const fm_crossing *c, size_t s) { return -c->nest.rate[s] * c->nest.adjoint[s]; }
static double square(double x) { return x * x; }

static size_t at_lambda(const fm_design *design, int k) { return design->n_linear + (size_t)k; }

static size_t at_tau(const fm_crossing *c, const fm_design *design, int t) {
  return design->n_linear + c->model->n_lambda + (size_t)t;
}

/* -A s l + k^2 n of an entry: its weight in the product of z_e and e_m. */
static double lambda_weight(const fm_crossing *c, int e) {
  const size_t s = (size_t)c->entry.slot[e];
  const double part = c->entry.share[e] > 0.0 ? c->entry.share[e] * c->entry.log_share[e] : 0.0;
  return square(c->nest.rate[s]) * c->entry.count[e] - curvature(c, s) * part;
}

/* ---- x by x and x by lambda: sums over rows ---------------------------------------------------------- */
static void add_rows(fm_crossing *c, const fm_design *design, fm_work *work, double *h) {
  const size_t n_rows = c->block->offset[c->block->n];
  for (size_t r = 0; r < n_rows; r++) {
    c->row.weights[r] = 0.0;
    for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
      c->row.weights[r] += curvature(c, (size_t)c->entry.slot[e]) * c->entry.share[e];
    }
  }
  design->ops->cross(design, work, NULL, c->row.weights, h, c->n_par);
  for (size_t k = 0; k < c->model->n_lambda; k++) {
    for (size_t r = 0; r < n_rows; r++) {
      c->row.weights[r] = 0.0;
      for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
        const int own = fm_crossing_lambda(c, (size_t)c->entry.slot[e] % c->width);
        c->row.weights[r] += own == (int)k ? lambda_weight(c, e) : 0.0;
      }
    }
    design->ops->score(design, work, NULL, c->row.weights, h + (design->n_linear + k) * c->n_par);
  }
}

/* Means of x in each nest: means + m * n * n_terms holds the units of nest m. */
static void fill_means(fm_crossing *c, const fm_design *design, fm_work *work) {
  const size_t n_rows = c->block->offset[c->block->n];
  for (size_t m = 0; m < c->width; m++) {
    for (size_t r = 0; r < n_rows; r++) {
      c->row.weights[r] = 0.0;
      for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
        c->row.weights[r] += (size_t)c->entry.slot[e] % c->width == m ? c->entry.share[e] : 0.0;
      }
    }
    design->ops->project(design, work, c->row.weights, c->info.means + m * c->block->n * design->n_terms);
  }
}

/* ---- slopes of the nests ----------------------------------------------------------------------------- */
/* to += w t_e for entry e of row r: the derivative of its log allocation. */
static void add_allocation_slope(const fm_crossing *c, const fm_design *design, size_t r, int e, double w,
                                 double *to) {
  if (c->model->n_tau > 0) {
    for (int f = c->row.first[r]; f < c->row.first[r + 1]; f++) {
      const int t = fm_crossing_tau(c, c->entry.member[f]);
      if (t >= 0) {
        to[at_tau(c, design, t)] += w * ((e == f ? 1.0 : 0.0) - c->allocation[c->entry.member[f]]);
      }
    }
  }
}

/* D_m of all nests of unit i. */
static void fill_slopes(fm_crossing *c, const fm_design *design, size_t i) {
  const fm_block *block = c->block;
  const size_t n_terms = design->n_terms;
  memset(c->info.slope, 0, c->width * c->n_par * sizeof(double));
  for (size_t m = 0; m < c->width; m++) {
    const int k = fm_crossing_lambda(c, m);
    double *d = c->info.slope + m * c->n_par;
    memcpy(d, c->info.means + (m * block->n + i) * n_terms, n_terms * sizeof(double));
    if (k >= 0) {
      d[at_lambda(design, k)] = c->nest.entropy[i * c->width + m];
    }
  }
  for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
    for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
      double *d = c->info.slope + ((size_t)c->entry.slot[e] - i * c->width) * c->n_par;
      if (design->n_effects > 0) {
        d[n_terms + (size_t)block->place[r]] += c->entry.share[e];
      }
      add_allocation_slope(c, design, r, e, c->entry.share[e], d);
    }
  }
}

/* ---- few vectors a unit ------------------------------------------------------------------------------ */
/* Vector `at` of the unit, scaled by w in the other array. */
static void scale_vector(const fm_crossing *c, size_t at, double w) {
  for (size_t p = 0; p < c->n_par; p++) {
    c->info.scaled[at * c->n_par + p] = w * c->info.vectors[at * c->n_par + p];
  }
}

/* (N Q_m - A_m) D_m D_m' for all nests and -N D D'. */
static void add_slopes(fm_crossing *c, const fm_design *design, size_t i, double *h) {
  const double n = c->unit_chosen[i];
  double *root = c->info.vectors + c->width * c->n_par;
  memcpy(c->info.vectors, c->info.slope, c->width * c->n_par * sizeof(double));
  memset(root, 0, c->n_par * sizeof(double));
  for (size_t m = 0; m < c->width; m++) {
    const size_t s = i * c->width + m;
    design->kernels->axpy(c->nest.top[s], c->info.slope + m * c->n_par, root, c->n_par);
    scale_vector(c, m, n * c->nest.top[s] - curvature(c, s));
  }
  scale_vector(c, c->width, -n);
  fm_add_outer(design->kernels, c->width + 1, c->n_par, c->info.scaled, c->info.vectors, h, c->n_par);
}

/* g_e of entry e of row r, whose x is in c->info.x. */
static void entry_score(const fm_crossing *c, const fm_design *design, size_t i, size_t r, int e,
                        double *g) {
  const size_t s = (size_t)c->entry.slot[e], m = s - i * c->width;
  const double rate = c->nest.rate[s];
  const int k = fm_crossing_lambda(c, m);
  memset(g, 0, c->n_par * sizeof(double));
  design->kernels->axpy(1.0 - rate, c->info.slope + m * c->n_par, g, c->n_par);
  design->kernels->axpy(rate, c->info.x, g, design->n_terms);
  if (design->n_effects > 0) {
    g[design->n_terms + (size_t)c->block->place[r]] += rate;
  }
  if (k >= 0) {
    g[at_lambda(design, k)] -= rate * c->entry.log_share[e];
  }
  add_allocation_slope(c, design, r, e, rate, g);
}

/* Takes off the variance of the scores of the entries of row r, which was chosen. */
static void take_variance(fm_crossing *c, const fm_design *design, fm_work *work, size_t i, size_t r,
                          double *h) {
  const size_t n = (size_t)(c->row.first[r + 1] - c->row.first[r]);
  double *mean = c->info.vectors + n * c->n_par;
  design->ops->row(design, work, i, (int)(r - c->block->offset[i]), c->info.x);
  memset(mean, 0, c->n_par * sizeof(double));
  for (size_t a = 0; a < n; a++) {
    const int e = c->row.first[r] + (int)a;
    double *g = c->info.vectors + a * c->n_par;
    entry_score(c, design, i, r, e, g);
    design->kernels->axpy(c->entry.count[e] / c->row.chosen[r], g, mean, c->n_par);
    scale_vector(c, a, -c->entry.count[e]);
  }
  scale_vector(c, n, c->row.chosen[r]);
  fm_add_outer(design->kernels, n + 1, c->n_par, c->info.scaled, c->info.vectors, h, c->n_par);
}

/* ---- lambda and tau ---------------------------------------------------------------------------------- */
/* A sum s l^2 - 2 k^2 sum n l of the nest, and -k^2 n_m (e_m D_m' + D_m e_m'). */
static void add_nest(const fm_crossing *c, const fm_design *design, size_t i, size_t m, double *h) {
  const size_t s = i * c->width + m;
  const int k = fm_crossing_lambda(c, m);
  if (k < 0) {
    return;
  }
  const size_t at = at_lambda(design, k);
  const double w = square(c->nest.rate[s]) * c->nest.count[s], *d = c->info.slope + m * c->n_par;
  for (size_t p = 0; p < c->n_par; p++) {
    *fm_upper(h, c->n_par, p, at) -= (p == at ? 2.0 : 1.0) * w * d[p];
  }
  h[at * (c->n_par + 1)] -= 2.0 * square(c->nest.rate[s]) * c->nest.chosen_log[s];
}

static void add_entry_lambda(const fm_crossing *c, const fm_design *design, size_t i, int e, double *h) {
  const size_t s = (size_t)c->entry.slot[e];
  const int k = fm_crossing_lambda(c, s - i * c->width);
  if (k >= 0 && c->entry.share[e] > 0.0) {
    h[at_lambda(design, k) * (c->n_par + 1)] +=
        curvature(c, s) * c->entry.share[e] * square(c->entry.log_share[e]);
  }
}

/* Column of tau f by x of row r, and by every lambda of the nests of its place. */
static void add_tau_column(const fm_crossing *c, const fm_design *design, size_t i, size_t r, int f,
                           double q, double *column) {
  const double own = c->allocation[c->entry.member[f]];
  const double w = curvature(c, (size_t)c->entry.slot[f]) * c->entry.share[f] - own * q;
  design->kernels->axpy(w, c->info.x, column, design->n_terms);
  if (design->n_effects > 0) {
    column[design->n_terms + (size_t)c->block->place[r]] += w;
  }
  for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
    const int k = fm_crossing_lambda(c, (size_t)c->entry.slot[e] - i * c->width);
    if (k >= 0) {
      column[at_lambda(design, k)] += ((e == f ? 1.0 : 0.0) - own) * lambda_weight(c, e);
    }
  }
}

/* tau f by tau g: sum_e A s t_e[f] t_e[g], and r_j times the curvature of the softmax. */
static double tau_pair(const fm_crossing *c, size_t r, int f, int g) {
  const double a_f = c->allocation[c->entry.member[f]], a_g = c->allocation[c->entry.member[g]];
  double total = c->row.residual[r] * ((f == g ? a_f : 0.0) - a_f * a_g);
  for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
    total += curvature(c, (size_t)c->entry.slot[e]) * c->entry.share[e] * ((e == f ? 1.0 : 0.0) - a_f) *
             ((e == g ? 1.0 : 0.0) - a_g);
  }
  return total;
}

static void add_taus(fm_crossing *c, const fm_design *design, fm_work *work, size_t i, size_t r,
                     double *h) {
  double q = 0.0;
  for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
    q += curvature(c, (size_t)c->entry.slot[e]) * c->entry.share[e];
  }
  design->ops->row(design, work, i, (int)(r - c->block->offset[i]), c->info.x);
  for (int f = c->row.first[r]; f < c->row.first[r + 1]; f++) {
    const int t = fm_crossing_tau(c, c->entry.member[f]);
    if (t < 0) {
      continue;
    }
    add_tau_column(c, design, i, r, f, q, h + at_tau(c, design, t) * c->n_par);
    for (int g = c->row.first[r]; g <= f; g++) {
      const int u = fm_crossing_tau(c, c->entry.member[g]);
      if (u >= 0) {
        *fm_upper(h, c->n_par, at_tau(c, design, t), at_tau(c, design, u)) += tau_pair(c, r, f, g);
      }
    }
  }
}

void fm_crossing_information(fm_crossing *c, const fm_design *design, fm_work *work, double *h) {
  const fm_block *block = c->block;
  add_rows(c, design, work, h);
  fill_means(c, design, work);
  for (size_t i = 0; i < block->n; i++) {
    fill_slopes(c, design, i);
    add_slopes(c, design, i, h);
    for (size_t m = 0; m < c->model->n_nests; m++) {
      add_nest(c, design, i, m, h);
    }
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      for (int e = c->row.first[r]; e < c->row.first[r + 1]; e++) {
        add_entry_lambda(c, design, i, e, h);
      }
      if (c->row.chosen[r] > 0.0 && c->row.first[r + 1] - c->row.first[r] > 1) {
        take_variance(c, design, work, i, r, h);
      }
      if (c->model->n_tau > 0 && c->row.first[r + 1] - c->row.first[r] > 1) {
        add_taus(c, design, work, i, r, h);
      }
    }
  }
}
