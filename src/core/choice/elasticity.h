/* elasticity.h: how the stocks of all places respond to a variable of each place, in one pass, with the
 * derivatives of that: of the conditional logit.
 *
 * A unit of the variable at place k changes the utility of place k by c_ik, for everybody, and the
 * utilities of all places by b_ij, for those whose origin is k.
 * With m_i = sum_j P_ij b_ij the stocks change by
 *   R_jk = sum_i w_i P_ij (1{j = k} - P_ik) c_ik + sum_{i: origin k} w_i P_ij (b_ij - m_i),
 * and c, b and P all move with theta. What c and b are is said by directions of theta on a design that has,
 * beside its terms, their derivatives in the variable.
 */
#ifndef FM_ELASTICITY_H
#define FM_ELASTICITY_H

#include <stddef.h>

#include "../base/status.h"
#include "../design/design.h"

/* Vectors of n_linear; matrices of n_linear x n_directions. */
typedef struct fm_elasticity {
  const fm_design *design;
  const double *theta;
  const double *to, *from; /* c = the change of utilities along `to`, b along `from` */
  size_t n_directions;
  const double *directions;              /* of theta */
  const double *to_slopes, *from_slopes; /* of `to` and `from` along each */
  double *stocks;                        /* places x (1 + n_directions): sum_i w_i P_ij, and its slopes */
  double *responses;                     /* places j x places k x (1 + n_directions): R, and its slopes */
} fm_elasticity;

fm_code fm_elasticity_run(const fm_elasticity *e, int threads, fm_error *err);

#endif
