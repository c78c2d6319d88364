/* bins.c: coefficients of Gaussian sums over bins with moments. */
#include "bins.h"

#include <math.h>
#include <string.h>

#include "../base/kernels.h"

/* Beyond this many bandwidths the normal density is below 1e-15 of its height. */
static const double reach = 8.4;
static const double inverse_sqrt_2pi = 0.39894228040143267794;

size_t fm_bins_needed(double last, double h, double step) {
  return (size_t)((last + reach * h) / step) + 2;
}

static size_t clamp(double position, size_t n_bins) {
  return position <= 0 ? 0 : position >= (double)n_bins ? n_bins : (size_t)position;
}

/* Adds (step/h)^k / k! He_k(z) f(z) to the coefficients of each bin in reach of `at`. */
static void add_gauss(fm_gauss *g, double at, double h, double step) {
  const double ratio = step / h;
  for (size_t b = g->from; b < g->to; b++) {
    const double z = (at - step * ((double)b + 0.5)) / h;
    double before = 0, hermite = 1, scale = inverse_sqrt_2pi * exp(-0.5 * z * z);
    for (size_t k = 0; k < FM_BIN_MOMENTS; k++) {
      g->c[(b - g->from) * FM_BIN_MOMENTS + k] += scale * hermite;
      const double after = z * hermite - (double)k * before;
      before = hermite;
      hermite = after;
      scale *= ratio / (double)(k + 1);
    }
  }
}

fm_code fm_gauss_init(fm_gauss *g, double at, double h, double step, size_t n_bins, int reflect) {
  const double width = reach * h;
  g->from = reflect && at < width ? 0 : clamp((at - width) / step, n_bins);
  g->to = clamp((at + width) / step + 1, n_bins);
  g->to = g->to > g->from ? g->to : g->from;
  const size_t n = (g->to - g->from) * FM_BIN_MOMENTS;
  g->c = fm_alloc_zero(n, sizeof(double));
  if (g->c == NULL) {
    return FM_NO_MEMORY;
  }
  add_gauss(g, at, h, step);
  if (reflect) {
    add_gauss(g, -at, h, step);
  }
  return FM_OK;
}

double fm_gauss_sum(const fm_gauss *g, const double *moment) {
  return fm_kernels_best()->dot(g->c, moment + g->from * FM_BIN_MOMENTS,
                                (g->to - g->from) * FM_BIN_MOMENTS);
}
