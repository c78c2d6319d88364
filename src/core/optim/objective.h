/* objective.h: what an optimiser knows of a model.
 *
 * An objective is a log-likelihood l(theta) of n_par parameters with its score and its information
 * -d2l/dtheta dtheta' (exact, unless the model says otherwise). The optimiser knows nothing else.
 */
#ifndef FM_OBJECTIVE_H
#define FM_OBJECTIVE_H

#include <stddef.h>

#include "../base/status.h"

enum { FM_VALUE = 0, FM_SCORE = 1, FM_INFORMATION = 2 }; /* each includes the ones before it */

typedef struct fm_objective fm_objective;
struct fm_objective {
  size_t n_par;
  /* value: l. score (n_par) is written when order >= FM_SCORE, information (n_par x n_par, both
   * triangles) when order == FM_INFORMATION; else they may be NULL. An inadmissible theta gives
   * FM_OK and *value = -INFINITY, so that a line search can step back. */
  fm_code (*evaluate)(const fm_objective *self, const double *theta, int order, double *value,
                      double *score, double *information, fm_error *err);
  const void *context;
};

#endif
