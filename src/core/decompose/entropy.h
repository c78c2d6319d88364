/* entropy.h: entropies of all subsets of a few categorical dimensions, in bits, whole and by group.
 *
 *   H_A = -sum_c p_c log2 p_c over the cells c of the dimensions in A,
 *   T   = sum over non-empty A of (-1)^(|A|+1) H_A:
 * the mutual information of two dimensions, the triple-helix synergy of three (negative: synergy), and so
 * on. Subsets are numbered by their bits: dimension k is in A when bit k of A is set; A = 1 .. 2^d - 1.
 */
#ifndef FM_ENTROPY_H
#define FM_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

#include "../base/status.h"

enum { FM_MAX_DIMENSIONS = 8 };

/* n rows of d codes. Row i counts weight[i] times (NULL: once) and belongs to
 * group[i] (NULL: to group 0). */
typedef struct fm_categories {
  size_t n;
  size_t d;               /* 1 .. FM_MAX_DIMENSIONS */
  const int *const *code; /* d columns, 0 <= code[k][i] < levels[k] */
  const size_t *levels;
  const double *weight;
  const int *group; /* 0 <= group[i] < n_groups */
  size_t n_groups;
} fm_categories;

/* entropy[g + n_groups * (A - 1)] = H_A of group g, 0 for an empty group; cells (the same shape, may be
 * NULL) is the number of occupied cells, total (n_groups, may be NULL) the weight of each group.
 * FM_INVALID when the product of the levels does not fit 63 bits. */
fm_code fm_entropies(const fm_categories *data, double *entropy, double *cells, double *total);

/* T of the 2^d - 1 entropies of one group, stride apart. */
double fm_synergy(const double *entropy, size_t d, size_t stride);

/* Draws under independence of the dimensions: for draw b, seeded by seed[b], dimensions 1 .. d-1 are
 * permuted
 *   over all rows, the group staying with dimension 0: whole[b] = T, between[b] = T - sum_g (W_g/W) T_g;
 *   within each group:                                  within[g + n_groups * b] = T_g.
 * Weights must be NULL. The result does not depend on threads. interrupted (may be NULL) is polled between
 * batches of draws. */
typedef struct fm_synergy_draws {
  size_t n_draws;
  const uint64_t *seed;
  double *whole, *between, *within;
  int threads;
  int (*interrupted)(void *);
  void *interrupt_context;
} fm_synergy_draws;

fm_code fm_synergy_null(const fm_categories *data, const fm_synergy_draws *draws, fm_error *err);

#endif
