/* sums.h: small dense sums that storages and models need.
 *
 * Information matrices are column-major with leading dimension ld and only their upper triangle counts.
 */
#ifndef FM_SUMS_H
#define FM_SUMS_H

#include <stddef.h>

#include "kernels.h"

/* The entry of the upper triangle for the pair (k, l). */
static inline double *fm_upper(double *h, size_t ld, size_t k, size_t l) {
  return k <= l ? h + k + l * ld : h + l + k * ld;
}

/* h += sum_i a_i b_i' over n rows of m numbers (row-major, contiguous), where a_i is a multiple of b_i.
 * Entries just below the diagonal may be written too; they do not count. */
static inline void fm_add_outer(const fm_kernels *kernels, size_t n, size_t m, const double *a,
                                const double *b, double *h, size_t ld) {
  for (size_t k = 0; k < m; k += 4) {
    const size_t columns = m - k < 4 ? m - k : 4;
    kernels->gemm_tn(n, columns, k + columns, a + k, m, b, m, h + k * ld, ld);
  }
}

#endif
