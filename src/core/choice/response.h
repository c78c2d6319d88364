/* response.h: THE interface between models and what is asked of their probabilities: sums over the
 * occasions, with exact derivatives.
 *
 * A model supplies how a change of its utilities, and of its own parameters, changes its probabilities:
 *   dP_ij = sum_k D_i[j, k] dV_ik + sum_m (dP_ij / down_m) down_m,     D_i[j, k] = dP_ij / dV_ik.
 * D_i must be symmetric with rows that sum to 0, as of every model of random utility, whose P_i are the
 * derivatives of its logsum. So one function serves both modes:
 * - forward, along a direction of theta: dV is what the design says, and dP is added up over the occasions;
 * - backward, for the derivative of sum_ij a_ij P_ij in all of theta at once: dV = a gives the weights that
 *   the design multiplies with x.
 *
 * One pass over a design gives all sums that are asked for. Its blocks are cut into lanes by the data and
 * the sums alone; each lane has accumulators of its own, added in their order, so that results do not
 * depend on the number of threads.
 */
#ifndef FM_RESPONSE_H
#define FM_RESPONSE_H

#include <stddef.h>

#include "../base/status.h"
#include "../design/design.h"

/* A model at theta on a design. */
typedef struct fm_response fm_response;
struct fm_response {
  const fm_design *design;
  const void *model;
  const double *theta; /* n_par */
  size_t n_par;        /* the linear parameters, then the model's own */
  size_t scratch;      /* doubles that a thread needs */
  /* p (rows) and logsum (units, less the level) of the loaded block. What it leaves in scratch is there
   * when change() is called for this block. */
  void (*probabilities)(const fm_response *r, fm_work *work, double *scratch, double *p, double *logsum);
  /* dp (rows) and dlogsum (units): the change of both where utilities change by dv (rows, finite) and the
   * model's own parameters by `own` (NULL: not at all). dp may not be dv. */
  void (*change)(const fm_response *r, fm_work *work, double *scratch, const double *p, const double *dv,
                 const double *own, double *dp, double *dlogsum);
};

/* What is asked. Arrays that are NULL are not asked for; the others are overwritten. */
typedef struct fm_response_sums {
  size_t n_directions;
  const double *directions; /* n_par x n_directions: of theta, column by column */
  /* Weighted sums, P standing for w_i P_ij. Flows are (places + 1) x places, column-major, the last row of
   * occasions without an origin. */
  double *flows;
  double *flow_slopes;   /* the same along each direction */
  double *logsum_slopes; /* n_directions: of sum_i w_i logsum_i */
  double *stay_gradient; /* n_par: derivatives of sum_i w_i P_i,origin */
  /* By unit, levels included */
  double *logsum;
  double *stay;            /* P_i,origin; NAN for a unit without origin */
  double *logsum_variance; /* sums over the directions of the squared slopes */
  /* By row, in the order of first_row; rows are those of a design that has not merged occasions */
  double *probability_variance, *utility_variance;
} fm_response_sums;

fm_code fm_response_run(const fm_response *response, const fm_response_sums *sums, int threads,
                        fm_error *err);

#endif
