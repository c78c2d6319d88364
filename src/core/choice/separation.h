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

/* sign (units): -1 where the least useful place was named, for which the inequality is the other way
 * round; NULL: 1. direction (n_linear). separated (n_linear): 1 for each parameter that takes part, all 0 when the
 * direction does not separate or hardly moves any utility (less than 1e-3). */
fm_code fm_separation(const fm_design *design, const double *sign, const double *direction, int threads,
                      int *separated, fm_error *err);

#endif
