/* separation.h: does the likelihood have no finite maximum in a direction?
 *
 * A direction delta of b separates the choices when no chosen alternative loses by going along it,
 *   delta'(x_iy - x_ij) >= 0 for all i, j, with > 0 somewhere:
 * the log-likelihood then rises for ever (Albert & Anderson 1984, Biometrika 71, 1-10). The last Newton
 * step of a fit that runs away is such a direction, so one pass over the data proves it.
 */
#ifndef FM_SEPARATION_H
#define FM_SEPARATION_H

#include <stddef.h>

#include "../design/design.h"

/* What a pass counts along a direction. FM_REACH: how far the chosen alternatives move ahead of or behind
 * the others, which is zero only if nothing moves.
 * FM_LOSSES: how many choices lose by more than the tolerance. */
typedef enum fm_along { FM_REACH = 0, FM_LOSSES = 1 } fm_along;

/* Counts on a design. sign (units): -1 where the least useful place was named, for which the inequality is
 * the other way round; NULL: 1. direction (n_linear). */
fm_code fm_count_along(const fm_design *design, const double *sign, const double *direction, fm_along what,
                       double tolerance, int threads, double *answer, fm_error *err);

/* Who counts, where the data are not one design: answers of its parts are to be added up. */
typedef struct fm_along_counter {
  fm_code (*count)(const void *context, const double *direction, fm_along what, double tolerance,
                   double *answer, fm_error *err);
  const void *context;
  size_t n_linear;
} fm_along_counter;

/* A design that counts. */
typedef struct fm_counted_design {
  const fm_design *design;
  const double *sign;
  int threads;
} fm_counted_design;
fm_along_counter fm_design_counter(const fm_counted_design *counted);

/* separated (n_linear): 1 for each parameter that takes part, all 0 when the direction does not separate or
 * hardly moves any utility (less than 1e-3). */
fm_code fm_separation_counted(const fm_along_counter *counter, const double *direction, int *separated,
                              fm_error *err);

/* The same for a design. */
fm_code fm_separation(const fm_design *design, const double *sign, const double *direction, int threads,
                      int *separated, fm_error *err);

#endif
