/* bins.h: bins of distances with moments, and Gaussian sums over them (see pairs.h).
 *
 * Bin b holds the distances u = step (b + 1/2 + t), |t| <= 1/2, as moments sum w t^k, k < FM_BIN_MOMENTS.
 * With z = (c - centre)/h:  f((c - u)/h) = sum_k (t step/h)^k / k! He_k(z) f(z).
 */
#ifndef FM_BINS_H
#define FM_BINS_H

#include <stddef.h>

#include "../base/alloc.h"
#include "../base/status.h"

enum { FM_BIN_MOMENTS = 8 };

/* One Gaussian sum: coefficient c[.] of the moments of the bins from .. to-1; c is the caller's to free. */
typedef struct fm_gauss {
  size_t from, to;
  double *c;
} fm_gauss;

/* Number of bins of width step for densities at up to `last` with bandwidth h. The last of them is for
 * what is further away:
 * no Gaussian sum looks at it (kernels.h, bin_powers). */
size_t fm_bins_needed(double last, double h, double step);
/* Coefficients of sum w f((at - u)/h), plus those of sum w f((at + u)/h) when reflect is set. */
fm_code fm_gauss_init(fm_gauss *g, double at, double h, double step, size_t n_bins, int reflect);
double fm_gauss_sum(const fm_gauss *g, const double *moment);

#endif
