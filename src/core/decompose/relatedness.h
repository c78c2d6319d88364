/* relatedness.h: which industries are found in the same regions, and how close each region is to each
 * industry.
 *
 * With M the presence of industries in regions, C = M'M, k its diagonal, s_p = sum_{q != p} C_pq and T =
 * sum s, the
 * relatedness phi_pq is
 *   proximity    C_pq / max(k_p, k_q)
 *   association  C_pq T / (s_p s_q)
 *   probability  2 C_pq / (s_p s_q / (T - s_p) + s_p s_q / (T - s_q))
 *   cosine       C_pq / sqrt(s_p s_q)
 *   jaccard      C_pq / (s_p + s_q - C_pq)
 * and 0 where C_pq is; the density of industry p in region c is sum_q M_cq phi_pq / sum_q phi_pq, NaN for
 * an industry that
 * is related to none. Presence is kept as bits: a pair of industries costs a bit count. Results do not
 * depend on the number of threads.
 */
#ifndef FM_RELATEDNESS_H
#define FM_RELATEDNESS_H

#include <stddef.h>

#include "../base/status.h"

enum fm_related { FM_PROXIMITY, FM_ASSOCIATION, FM_PROBABILITY, FM_COSINE, FM_JACCARD, FM_RELATED };

typedef struct fm_presence {
  size_t n_regions, n_industries;
  const double *present; /* n_regions x n_industries, column by column; not 0: there */
  enum fm_related method;
  int self;                   /* phi keeps its diagonal, so that an industry counts in its own density */
  int (*interrupted)(void *); /* asked between blocks; may be NULL */
} fm_presence;

/* phi: n_industries x n_industries; density: n_regions x n_industries; together and related: C and phi of
 * the pairs
 * p < q, q fastest, n (n - 1) / 2 numbers. Any of the last three may be NULL. */
typedef struct fm_relations {
  double *phi, *density, *related;
  int *together;
} fm_relations;

fm_code fm_relatedness(const fm_presence *presence, const fm_relations *out, int threads);

#endif
