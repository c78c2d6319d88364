/* sparse.h: square matrices most of whose entries are 0, times dense ones.
 *
 * Matrices are by rows. A matrix with many entries is kept as it is, and the products of blocked.h serve
 * it. Work is cut by the sizes alone, so that results do not depend on the number of threads.
 */
#ifndef FM_SPARSE_H
#define FM_SPARSE_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

typedef struct fm_sparse {
  size_t n;
  size_t *first;    /* n + 1: where the entries of a row begin */
  uint32_t *column; /* of each entry */
  double *value;
  double *turned; /* n x n: the transpose, when it is kept dense; then the above are NULL */
} fm_sparse;

/* s := a, or the transpose of a; a is dense, n x n. */
fm_code fm_sparse_init(fm_sparse *s, const double *a, size_t n, int transposed);
void fm_sparse_free(fm_sparse *s);

/* c += s b, all n x n. */
fm_code fm_sparse_times(const fm_sparse *s, const double *b, double *c, int threads);

#endif
