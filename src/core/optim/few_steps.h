/* few_steps.h: the maximum of a concave objective from a start that is good,
 * to the accuracy asked and no more.
 *
 * Newton steps up to the one that promises no more than `enough`, which is made: what is left out is of
 * third order in it. Where the step before promised less than 3 its information is used again.
 */
#ifndef FM_FEW_STEPS_H
#define FM_FEW_STEPS_H

#include "objective.h"

/* theta (n_par): the start, then the maximum; fixed (n_par): 1 = stays. *value: the objective there, as the
 * last step promises. *done: 0 where ten steps did not lead there, one lowered the objective or the
 * information is singular: theta is then where it was when that showed. */
fm_code fm_few_steps(const fm_objective *objective, const int *fixed, double enough, double *theta,
                     double *value, int *done, fm_error *err);

#endif
