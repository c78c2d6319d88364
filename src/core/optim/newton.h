/* newton.h: maximise an objective by Newton steps with step halving and a ridge where the information
 * is not positive definite (Levenberg-Marquardt).
 */
#ifndef FM_NEWTON_H
#define FM_NEWTON_H

#include <stddef.h>

#include "objective.h"

typedef enum fm_stop {
  FM_CONVERGED = 0,
  FM_MAX_ITERATIONS = 1, /* the limit was reached */
  FM_NO_INCREASE = 2,    /* no step raises the objective although the gradient is not zero, or the point
                          * is stationary but no maximum (negative curvature) */
} fm_stop;

typedef struct fm_newton_control {
  int max_iterations; /* default 100 */
  double tolerance;   /* stop when the Newton decrement s'H^-1 s / 2 <= tolerance * (1 + |value|); 1e-12 */
  double rank_tolerance;       /* of fm_chol_init, for naming collinear terms at the start; 1e-10. A start
                          * with negative curvature cannot be tested: nothing is aliased then */
  const size_t *order;         /* n_par: order of elimination in the rank test; NULL natural */
  const int *fixed;            /* n_par: 1 = parameter stays at its start; NULL none */
  const double *lower, *upper; /* n_par: bounds, which the start respects; NULL none. A parameter that runs
                                * to a bound is held there, the others go on. lower > 0: of a positive
                                * domain, changed by a factor of ten at most in a step */
  double unit;                /* of the objective, such as the mean weight: the stop rule is relative to it.
                               * A power of two, so that digits do not change; 0: 1 */
  int unpolished;             /* 1: no further steps from a point that has converged */
  int (*interrupted)(void *); /* polled once an iteration; non-zero: FM_INTERRUPTED. May be NULL */
  void *interrupt_context;
} fm_newton_control;

typedef struct fm_newton_result { /* arrays owned by the result: fm_newton_free */
  fm_stop stop;
  int iterations;
  int evaluations;
  double value, value_start;
  double gradient_norm; /* max over free k of |s_k| / sqrt(H_kk): in standard-error units */
  double decrement;     /* s'H^-1 s / 2 at the end (with a ridge if H is not positive definite) */
  double shrunk;        /* least share of its information at the start that a free parameter ends with */
  double condition;     /* of the scaled information of the free, non-aliased parameters */
  double *theta;        /* n_par; aliased parameters are held at their start value */
  double *score;        /* n_par */
  double *information;  /* n_par x n_par, at theta */
  double *covariance;   /* n_par x n_par: inverse information of the free parameters, 0 elsewhere. A
                          * parameter that became collinear on the way has variance INFINITY; where
                          * the final information has negative curvature all free entries are NaN */
  double *step;         /* n_par: the Newton step that would come next: the digits that are right */
  double *direction;    /* n_par: the last step that gained noticeably: where the parameters were going */
  int *aliased;         /* n_par: an fm_aliasing of each, as in fm_chol */
  int *border;          /* n_par: -1 held at its lower bound, 1 at its upper; the objective rises beyond */
  double *combine;      /* n_par x n_par: column k: for an aliased k, its coefficients on the others */
} fm_newton_result;

fm_newton_control fm_newton_defaults(void);
/* Maximises from start (n_par). Rank is tested once, on the information at the start. value never ends
 * below value_start, beyond rounding. max_iterations = 0 only evaluates: theta stays at start. Fails with
 * FM_NO_MEMORY, FM_INVALID (not finite at the start, bad order), FM_INTERRUPTED or what the objective
 * returns; nothing needs freeing then. The objective is called from the calling thread only. */
fm_code fm_newton(const fm_objective *objective, const double *start, const fm_newton_control *control,
                  fm_newton_result *result, fm_error *err);
void fm_newton_free(fm_newton_result *result);

#endif
