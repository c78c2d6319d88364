/* pairs.h: kernel densities of the distances of pairs of points, exact and without a matrix of distances.
 *
 *   K(d) = 1/(h W) sum_{i<j} w_i w_j k(d, d_ij),   W = sum_{i<j} w_i w_j,
 *   k(d, u) = f((d - u)/h) + f((d + u)/h),  f the normal density: a Gaussian kernel reflected at 0.
 *
 * Pairs go to bins of distance that keep the first FM_BIN_MOMENTS moments about their centres; K is a sum
 * over
 * bins of Hermite expansions about the centres (the fast Gauss transform on a line), so that a pair costs
 * a few additions whatever the number of d. With bins of h/6 (densities) the expansion is off by less than
 * 2e-11 of the height of the kernel, with bins of h/3 (moments over all sites) by less than 5e-8. Results
 * do not depend on the number of threads.
 */
#ifndef FM_PAIRS_H
#define FM_PAIRS_H

#include <stddef.h>

#include "../base/status.h"

/* How a long run is threaded and stopped. */
typedef struct fm_run {
  int threads;
  int (*interrupted)(void *); /* polled between batches; may be NULL */
  void *interrupt_context;
} fm_run;

typedef struct fm_sites {
  size_t n;
  const double *x, *y;
} fm_sites;

/* All distances, i < j, j fastest: n (n-1)/2 numbers. */
void fm_pair_distances(const fm_sites *sites, double *distance);

/* Numbers of pairs in n_bins bins of equal width over [0, top] (the last takes what is beyond). */
fm_code fm_pair_histogram(const fm_sites *sites, double top, size_t n_bins, double *count,
                          const fm_run *run, fm_error *err);

/* The kernel and where the density is wanted: at[0 .. n_at-1] >= 0, bandwidth h > 0. */
typedef struct fm_kernel {
  const double *at;
  size_t n_at;
  double h;
} fm_kernel;

/* Densities of n_draws subsets of the sites: draw b has the n sites member[n*b ..] (0-based), the one at
 * position i with weight[i + weight_step*b] (NULL: 1; weight_step: n or 0). density[a + n_at*b] =
 * K(at[a]); NaN when W = 0. */
typedef struct fm_subsets {
  size_t n, n_draws;
  const int *member;
  const double *weight;
  size_t weight_step;
} fm_subsets;

fm_code fm_pair_density(const fm_sites *sites, const fm_subsets *subsets, const fm_kernel *kernel,
                        double *density, const fm_run *run, fm_error *err);

/* Moments of K_ij(d) = k(d, d_ij)/h over all sites, for n_h bandwidths, with k_i(d) = sum_{j != i}
 * K_ij(d)/(n-1):
 *   mean[a + n_at*s]             = sum_i k_i(d_a) / n
 *   site[a + n_at*(b + n_at*s)]  = sum_i k_i(d_a) k_i(d_b)
 *   pair[a + n_at*(b + n_at*s)]  = sum_{i<j} K_ij(d_a) K_ij(d_b)
 * in one pass over the pairs. */
typedef struct fm_pair_moments {
  const double *at, *h;
  size_t n_at, n_h;
  double *mean, *site, *pair;
} fm_pair_moments;

fm_code fm_pair_moments_all(const fm_sites *sites, const fm_pair_moments *moments, const fm_run *run,
                            fm_error *err);

#endif
