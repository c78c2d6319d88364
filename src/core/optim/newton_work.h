/* newton_work.h: what newton.c and newton_bounds.c share of a search under way. Not for others. */
#ifndef FM_NEWTON_WORK_H
#define FM_NEWTON_WORK_H

#include "../base/linalg.h"
#include "newton.h"

/* What the information at the current point is like. */
typedef enum fm_shape { FM_DEFINITE, FM_SEMIDEFINITE, FM_INDEFINITE } fm_shape;

typedef enum fm_skip { FM_FREE = 0, FM_SKIPPED = 1, FM_CUT = 2 } fm_skip;

typedef struct fm_solver {
  const fm_objective *objective;
  const fm_newton_control *control;
  fm_newton_result *result; /* the current point is result->theta, value, score, information */
  size_t n;
  int *skip; /* n: an fm_skip: fixed, aliased, at a bound (FM_SKIPPED), or gone as far as it may (FM_CUT) */
  double *theta, *score, *information, value; /* the trial point */
  double *first;                              /* n: diagonal of the information at the start */
  double mu;
  double unit; /* of the objective, 1 where none was given */
  int freed;   /* how often parameters have left their bounds again */
  int leap;    /* the iteration from which a leap to the bounds may be tried again */
  fm_shape shape;
} fm_solver;

/* newton.c
 * ------------------------------------------------------------------------------------------------ */
/* Evaluates the trial point, in units; *admissible says that all it asked for is finite. */
fm_code fm_solver_evaluate(fm_solver *s, int order, int *admissible, fm_error *err);
/* Makes the trial point the current one. */
void fm_solver_accept(fm_solver *s);
/* Goes to theta + fraction * step when that raises l by enough: *moved. */
fm_code fm_solver_try(fm_solver *s, double fraction, int first_order, int may_round, int *moved,
                      fm_error *err);
/* Factorises h over the free parameters; only FM_DEFINITE and FM_SEMIDEFINITE
 * leave a factor to be freed. */
fm_code fm_solver_factorise(const fm_solver *s, const double *h, fm_chol *chol, fm_shape *found,
                            fm_error *err);
/* Writes H + mu D to h. */
void fm_solver_ridge(const fm_solver *s, double *h);
/* Step, decrement, gradient norm and shape at the current point. */
fm_code fm_solver_prepare(fm_solver *s, fm_error *err);
int fm_solver_converged(const fm_solver *s);

/* newton_bounds.c
 * ----------------------------------------------------------------------------------------- */
/* fm_solver_prepare() within the bounds: what would leave them is held,
 * and no step is longer than allowed. */
fm_code fm_bounds_prepare(fm_solver *s, fm_error *err);
/* Whether a parameter of positive domain is on its way to a bound, where whole steps often fail. */
int fm_bounds_bend(const fm_solver *s);
/* Cuts the step to what each parameter may go; the others then step as is best beside those. ridged: the
 * step is one of H + mu D. */
fm_code fm_bounds_cut(fm_solver *s, int ridged, fm_error *err);
/* At a point that has converged: lets go of the parameters that would go back inside: *n. */
fm_code fm_bounds_release(fm_solver *s, int *n, fm_error *err);
/* Where no step was found: one along which parameters of a positive domain run, or of the others alone. */
fm_code fm_bounds_scale(fm_solver *s, int *moved, fm_error *err);
/* Takes the parameters that run off to their bounds at once if that is higher: *moved. */
fm_code fm_bounds_leap(fm_solver *s, int *moved, fm_error *err);

#endif
