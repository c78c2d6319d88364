/* mixed_coefficients.c: from draws to coefficients, and what willingness-to-pay space does to derivatives.
 * Equations: mixed.h. Overwrites the batch arrays of the group.
 * Thread safety: a group belongs to one thread.
 */
#include <math.h>
#include <string.h>

#include "mixed_group.h"

/* eta of varying column s, into gamma. */
static double *linear_index(fm_mixed_group *g, size_t s, size_t b) {
  const size_t n = g->batch, stride = n * g->n_batches;
  const fm_mixed *model = g->model;
  double *eta = g->draws.gamma + s * n;
  for (size_t r = 0; r < n; r++) {
    eta[r] = g->theta[g->numbering.linear[s]];
  }
  for (size_t q = 0; q < model->n_spread; q++) {
    if ((size_t)model->row[q] == g->numbering.dimension[s]) {
      g->kernels->axpy(g->theta[g->n_linear + q], g->draws.e + (size_t)model->column[q] * stride + b * n,
                       eta, n);
    }
  }
  return eta;
}

static void fill(double *x, double value, size_t n) {
  for (size_t r = 0; r < n; r++) {
    x[r] = value;
  }
}

/* gamma, slope and curve from eta, which is where gamma goes. */
static void transform_plain(double *slope, double *curve, size_t n) {
  fill(slope, 1.0, n);
  fill(curve, 0.0, n);
}

static void transform_log(const fm_kernels *kernels, double sign, double *x, double *slope, double *curve,
                          size_t n) {
  kernels->exp(x, x, n);
  kernels->scale(sign, x, n);
  memcpy(slope, x, n * sizeof(double));
  memcpy(curve, x, n * sizeof(double));
}

/* The second derivative of max(0, eta) is a unit mass at 0;
 * a normal kernel of the given width stands for it. */
static void transform_censored(const fm_kernels *kernels, double width, double *x, double *slope,
                               double *curve, size_t n) {
  const double height = width > 0.0 ? 0.39894228040143267794 / width : 0.0;
  const double narrow = width > 0.0 ? -0.5 / (width * width) : 0.0;
  kernels->times(x, x, curve, n);
  kernels->scale(narrow, curve, n);
  kernels->exp(curve, curve, n);
  kernels->scale(height, curve, n);
  for (size_t r = 0; r < n; r++) {
    slope[r] = x[r] > 0.0 ? 1.0 : 0.0;
    x[r] = x[r] > 0.0 ? x[r] : 0.0;
  }
}

/* Standard deviation of eta over R^(1/3). */
static double kernel_width(const fm_mixed_group *g, size_t m) {
  const fm_mixed *model = g->model;
  double variance = 0.0;
  for (size_t q = 0; q < model->n_spread; q++) {
    const double spread = (size_t)model->row[q] == m ? g->theta[g->n_linear + q] : 0.0;
    variance += spread * spread;
  }
  return sqrt(variance) / cbrt((double)model->draws.n_draws);
}

static void transform_bounded(const fm_kernels *kernels, double low, double width, double *x, double *slope,
                              double *curve, size_t n) {
  kernels->scale(-1.0, x, n);
  kernels->exp(x, x, n);
  for (size_t r = 0; r < n; r++) {
    const double share = 1.0 / (1.0 + x[r]);
    slope[r] = width * share * (1.0 - share);
    curve[r] = slope[r] * (1.0 - 2.0 * share);
    x[r] = low + width * share;
  }
}

static void transform(fm_mixed_group *g, size_t s, double *x) {
  const size_t n = g->batch, m = g->numbering.dimension[s];
  double *slope = g->draws.slope + s * n, *curve = g->draws.curve + s * n;
  const int how = m == FM_NO_DIMENSION ? FM_PLAIN : g->model->transform[m];
  switch (how) {
    case FM_LOG:
      transform_log(g->kernels, 1.0, x, slope, curve, n);
      break;
    case FM_MINUS_LOG:
      transform_log(g->kernels, -1.0, x, slope, curve, n);
      break;
    case FM_CENSORED:
      transform_censored(g->kernels, kernel_width(g, m), x, slope, curve, n);
      break;
    case FM_BOUNDED:
      transform_bounded(g->kernels, g->model->low[m], g->model->width[m], x, slope, curve, n);
      break;
    default:
      transform_plain(slope, curve, n);
  }
}

void fm_mixed_coefficients(fm_mixed_group *g, size_t b) {
  const size_t n = g->batch;
  for (size_t s = 0; s < g->n_varying; s++) {
    transform(g, s, linear_index(g, s, b));
  }
  memcpy(g->draws.beta, g->draws.gamma, g->n_varying * n * sizeof(double));
  if (g->model->price < 0) {
    return;
  }
  const size_t price = (size_t)g->model->price; /* all terms vary: columns are terms */
  for (size_t s = 0; s < g->n_varying; s++) {
    if (s != price) {
      g->kernels->times(g->draws.gamma + price * n, g->draws.gamma + s * n, g->draws.beta + s * n, n);
      g->kernels->scale(-1.0, g->draws.beta + s * n, n);
    }
  }
}

/* ---- willingness-to-pay space ------------------------------------------------------------------------ */
static double *pair_of(const fm_mixed_group *g, size_t k, size_t l) {
  return g->draws.c + (k <= l ? fm_pair(g->n_varying, k, l) : fm_pair(g->n_varying, l, k)) * g->batch;
}

/* The information. With u the derivative of beta in gamma_p (1 at p, -gamma_s elsewhere): C_pp = u'Cu,
 * C_ps = -gamma_p (Cu)_s + g_s, C_st = gamma_p^2 C_st, where g is the score in beta. */
static void information_to_gamma(fm_mixed_group *g, size_t price) {
  const size_t n = g->batch, ns = g->n_varying;
  const double *alpha = g->draws.gamma + price * n;
  double *cu = g->draws.spare; /* ns x n */
  for (size_t s = 0; s < ns; s++) {
    memcpy(cu + s * n, pair_of(g, s, price), n * sizeof(double));
    for (size_t t = 0; t < ns; t++) {
      if (t == price) {
        continue;
      }
      const double *c = pair_of(g, s, t), *w = g->draws.gamma + t * n;
      for (size_t r = 0; r < n; r++) {
        cu[s * n + r] -= w[r] * c[r];
      }
    }
  }
  for (size_t s = 0; s < ns; s++) {
    for (size_t t = s; t < ns; t++) {
      if (s == price || t == price) {
        continue;
      }
      double *c = pair_of(g, s, t);
      for (size_t r = 0; r < n; r++) {
        c[r] *= alpha[r] * alpha[r];
      }
    }
  }
  double *own = pair_of(g, price, price);
  memcpy(own, cu + price * n, n * sizeof(double));
  for (size_t s = 0; s < ns; s++) {
    if (s == price) {
      continue;
    }
    double *c = pair_of(g, s, price);
    for (size_t r = 0; r < n; r++) {
      own[r] -= g->draws.gamma[s * n + r] * cu[s * n + r];
      c[r] = g->draws.g[s * n + r] - alpha[r] * cu[s * n + r];
    }
  }
}

void fm_mixed_to_gamma(fm_mixed_group *g) {
  if (g->model->price < 0) {
    return;
  }
  const size_t n = g->batch, price = (size_t)g->model->price;
  const double *alpha = g->draws.gamma + price * n;
  if (g->order >= FM_INFORMATION) {
    information_to_gamma(g, price);
  }
  for (size_t s = 0; s < g->n_varying; s++) {
    if (s == price) {
      continue;
    }
    for (size_t r = 0; r < n; r++) {
      g->draws.g[price * n + r] -= g->draws.gamma[s * n + r] * g->draws.g[s * n + r];
      g->draws.g[s * n + r] *= -alpha[r];
    }
  }
}
