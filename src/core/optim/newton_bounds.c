/* newton_bounds.c: parameters with bounds, for Newton's method (newton.c).
 *
 * A parameter that stands at a bound and whose step leads out is held there until the others have
 * converged, and let go where the objective rises inwards. Before that no step takes a parameter beyond its
 * bound, nor one of a positive domain (lower > 0) to less than a tenth or more than ten times of what it
 * is, nor another bounded one by more than 2; where it would, the parameter goes as far as it may and the
 * others by
 *   d_f = (H_ff + mu D_ff)^-1 (s_f - H_fc d_c),
 * the best step beside that of the cut ones c. A parameter that runs to its border changes the scale of the
 * others (lambda that of all coefficients), which so follow it step by step.
 *
 * On that way l is often convex in the parameter when the others follow it, so that the information is
 * indefinite at the best of points. The others then take Newton's step by themselves until they are nearly
 * at their best, and the parameter goes uphill as far as it may.
 *
 * Where l gains exponentially less the further a parameter goes, Newton's steps are of equal length for
 * ever. One that is far out and of which less than a unit of information (of its logarithm, where its
 * domain is positive) is left is therefore taken to its bound at once, if l is higher there. One of which
 * nothing is known any more is held where it is.
 */
#include <math.h>

#include "newton_work.h"

enum { MAX_FREED = 3, LEAPS_FROM = 4, LEAPS_EVERY = 4 };
static const double longest = 10.0; /* factor by which a positive parameter may change in a step */
static const double furthest = 2.0; /* change of another bounded one in a step */
static const double little = 1.0;   /* information below which a parameter is as good as unknown */
static const double nothing = 1e-9; /* information and score, where there is none */
static const double settled = 0.05; /* gain of the others, beside that of a plunge, that may be left open */
static const double shortest = 0.1; /* fraction of a step of those */

/* ---- held at a bound --------------------------------------------------------------------------------- */

/* Information on the logarithm of a parameter of positive domain, on the parameter itself in others. */
static double known(const fm_solver *s, size_t k) {
  const double size = s->control->lower[k] > 0.0 ? s->result->theta[k] : 1.0;
  return fabs(s->result->information[k + k * s->n]) * size * size * s->unit;
}

/* Whether l no longer depends on a parameter of positive domain: it has run so
 * far that no bound is needed. */
static int is_lost(const fm_solver *s, size_t k) {
  const fm_newton_result *r = s->result;
  return s->control->lower[k] > 0.0 && known(s, k) < nothing &&
         fabs(r->score[k]) * r->theta[k] * s->unit < nothing;
}

/* The side on which parameter k is to be held: -1, 1, or 0. */
static int side_held(const fm_solver *s, size_t k) {
  const fm_newton_result *r = s->result;
  if (r->theta[k] <= s->control->lower[k] && r->step[k] <= 0.0) {
    return -1;
  }
  if (r->theta[k] >= s->control->upper[k] && r->step[k] >= 0.0) {
    return 1;
  }
  return !is_lost(s, k) ? 0 : r->theta[k] < 1.0 ? -1 : 1;
}

/* Holds the parameters that stand at a bound and would leave it on the wrong side,
 * and the lost ones: how many. */
static int hold_at_bounds(fm_solver *s) {
  fm_newton_result *r = s->result;
  int held = 0;
  for (size_t k = 0; k < s->n; k++) {
    const int side = s->skip[k] ? 0 : side_held(s, k);
    if (side != 0) {
      s->skip[k] = FM_SKIPPED;
      r->step[k] = 0.0;
      r->border[k] = side;
      held++;
    }
  }
  return held;
}

fm_code fm_bounds_prepare(fm_solver *s, fm_error *err) {
  FM_TRY(fm_solver_prepare(s, err));
  if (s->control->lower == NULL) {
    return FM_OK;
  }
  while (hold_at_bounds(s) > 0) {
    FM_TRY(fm_solver_prepare(s, err));
  }
  return fm_bounds_cut(s, s->shape != FM_DEFINITE, err);
}

/* Frees (on) the held parameters whose score leads inside, or holds them again: how many. */
static int turn_inward(fm_solver *s, int on) {
  const fm_newton_result *r = s->result;
  int n = 0;
  for (size_t k = 0; k < s->n; k++) {
    if (r->border[k] != 0 && r->border[k] * r->score[k] < 0.0) {
      s->skip[k] = on ? FM_FREE : FM_SKIPPED;
      n++;
    }
  }
  return n;
}

static void forget_borders(const fm_solver *s) {
  for (size_t k = 0; k < s->n; k++) {
    if (s->skip[k] == FM_FREE) {
      s->result->border[k] = 0;
    }
  }
}

/* What they gain is known from the step that all free parameters would take together. */
fm_code fm_bounds_release(fm_solver *s, int *n, fm_error *err) {
  *n = s->freed < MAX_FREED ? turn_inward(s, 1) : 0;
  if (*n == 0) {
    return FM_OK;
  }
  FM_TRY(fm_solver_prepare(s, err));
  if (fm_solver_converged(s)) {
    turn_inward(s, 0);
    *n = 0;
    return fm_solver_prepare(s, err);
  }
  s->freed++;
  forget_borders(s);
  return fm_bounds_prepare(s, err);
}

/* ---- steps that are cut ------------------------------------------------------------------------------ */

/* The change of parameter k nearest to `step` that is allowed. */
static double allowed(const fm_solver *s, size_t k, double step) {
  const double theta = s->result->theta[k];
  double lower = s->control->lower[k], upper = s->control->upper[k];
  if (!isfinite(lower)) {
    return fmin(step, upper - theta);
  }
  const double far = lower > 0.0 ? theta * longest : theta + furthest;
  const double near = lower > 0.0 ? theta / longest : theta - furthest;
  upper = fmin(upper, fmax(far, near));
  lower = fmax(lower, fmin(far, near));
  return fmin(fmax(step, lower - theta), upper - theta);
}

/* Cuts the steps that are too long: how many. */
static int cut_steps(fm_solver *s) {
  int n = 0;
  for (size_t k = 0; k < s->n; k++) {
    const double step = s->skip[k] ? s->result->step[k] : allowed(s, k, s->result->step[k]);
    if (step != s->result->step[k]) {
      s->result->step[k] = step;
      s->skip[k] = FM_CUT;
      n++;
    }
  }
  return n;
}

static void end_cuts(fm_solver *s) {
  for (size_t k = 0; k < s->n; k++) {
    s->skip[k] = s->skip[k] == FM_CUT ? FM_FREE : s->skip[k];
  }
}

/* The right-hand side of the others: s_f - H_fc d_c. The trial point's score serves as workspace. */
static void score_beside(fm_solver *s) {
  const fm_newton_result *r = s->result;
  for (size_t i = 0; i < s->n; i++) {
    s->score[i] = r->score[i];
  }
  for (size_t k = 0; k < s->n; k++) {
    if (s->skip[k] == FM_CUT) {
      for (size_t i = 0; i < s->n; i++) {
        s->score[i] -= r->information[i + k * s->n] * r->step[k];
      }
    }
  }
}

/* The step of the others beside those that are cut; *solved: 0 where the information leaves it open. */
static fm_code step_beside(fm_solver *s, int ridged, int *solved, fm_error *err) {
  const double *h = s->result->information;
  fm_chol chol;
  fm_shape found;
  if (ridged) {
    fm_solver_ridge(s, s->result->covariance);
    h = s->result->covariance;
  }
  score_beside(s);
  FM_TRY(fm_solver_factorise(s, h, &chol, &found, err));
  *solved = found == FM_DEFINITE;
  if (*solved) {
    fm_chol_solve(&chol, s->score, s->theta);
    for (size_t k = 0; k < s->n; k++) {
      s->result->step[k] = s->skip[k] ? s->result->step[k] : s->theta[k];
    }
  }
  if (found != FM_INDEFINITE) {
    fm_chol_free(&chol);
  }
  return FM_OK;
}

int fm_bounds_bend(const fm_solver *s) {
  for (size_t k = 0; s->control->lower != NULL && k < s->n; k++) {
    const int positive = !s->skip[k] && s->control->lower[k] > 0.0;
    if (positive && (s->result->theta[k] < 0.1 || s->result->theta[k] > 10.0)) {
      return 1;
    }
  }
  return 0;
}

fm_code fm_bounds_cut(fm_solver *s, int ridged, fm_error *err) {
  int solved = s->control->lower != NULL;
  while (solved && cut_steps(s) > 0) {
    FM_TRY(step_beside(s, ridged, &solved, err));
  }
  end_cuts(s);
  return FM_OK;
}

/* ---- where scales change ----------------------------------------------------------------------------- */

/* Holds the free parameters of a positive domain: how many. */
static int hold_positive(fm_solver *s) {
  int n = 0;
  for (size_t k = 0; k < s->n; k++) {
    if (!s->skip[k] && s->control->lower[k] > 0.0) {
      s->result->step[k] = 0.0;
      s->skip[k] = FM_CUT;
      n++;
    }
  }
  return n;
}

/* The curvature of l in parameter k when the others follow it: H_kk - H_kf H_ff^-1 H_fk. The trial point
 * serves as workspace. */
static double profile_curvature(const fm_solver *s, const fm_chol *chol, size_t k) {
  const double *column = s->result->information + k * s->n;
  double curvature = column[k];
  fm_chol_solve(chol, column, s->theta);
  for (size_t i = 0; i < s->n; i++) {
    curvature -= s->skip[i] ? 0.0 : column[i] * s->theta[i];
  }
  return curvature;
}

/* Sends the held parameters in which l is convex as far uphill as they may go and frees the others: what
 * that would gain by the score alone. */
static double plunge(fm_solver *s, const fm_chol *chol) {
  const fm_newton_result *r = s->result;
  double gain = 0.0;
  for (size_t k = 0; k < s->n; k++) {
    if (s->skip[k] == FM_CUT && profile_curvature(s, chol, k) <= 0.0) {
      r->step[k] = allowed(s, k, copysign(INFINITY, r->score[k]));
      gain += r->step[k] * r->score[k];
    }
  }
  for (size_t k = 0; k < s->n; k++) {
    s->skip[k] = s->skip[k] == FM_CUT && r->step[k] == 0.0 ? FM_FREE : s->skip[k];
  }
  return gain;
}

/* The step that the others take with those held: what it promises. */
static double settle(const fm_solver *s, const fm_chol *chol, double *step) {
  double gain = 0.0;
  fm_chol_solve(chol, s->result->score, step);
  for (size_t k = 0; k < s->n; k++) {
    gain += s->skip[k] ? 0.0 : 0.5 * step[k] * s->result->score[k];
  }
  return gain;
}

/* The step is that which settle() left in the trial point's score. */
static void take_others(fm_solver *s) {
  for (size_t k = 0; k < s->n; k++) {
    const int stays = s->skip[k] == FM_SKIPPED || s->control->lower[k] > 0.0;
    s->result->step[k] = stays ? 0.0 : s->score[k];
  }
}

/* The step to be taken, where some may plunge: of the others alone as long as they are not nearly where
 * they are best, else of those that plunge, with the others beside them. *found: 0 where there is none. */
static fm_code scale_step(fm_solver *s, int *found, fm_error *err) {
  fm_chol chol;
  fm_shape shape;
  *found = 0;
  FM_TRY(fm_solver_factorise(s, s->result->information, &chol, &shape, err));
  if (shape == FM_DEFINITE) {
    const double others = settle(s, &chol, s->score), convex = plunge(s, &chol);
    *found = convex == 0.0 ? 0 : others > settled * convex ? 1 : 2;
  }
  if (shape != FM_INDEFINITE) {
    fm_chol_free(&chol);
  }
  if (*found == 1) {
    take_others(s);
  }
  return *found == 2 ? step_beside(s, 0, found, err) : FM_OK;
}

fm_code fm_bounds_scale(fm_solver *s, int *moved, fm_error *err) {
  int found = 0;
  *moved = 0;
  if (s->control->lower == NULL || hold_positive(s) == 0) {
    return FM_OK;
  }
  FM_TRY(scale_step(s, &found, err));
  end_cuts(s);
  double fraction = found ? 1.0 : 0.0;
  for (; fraction > shortest && !*moved; fraction *= 0.5) {
    FM_TRY(fm_solver_try(s, fraction, FM_VALUE, 0, moved, err));
  }
  return *moved ? FM_OK : fm_bounds_prepare(s, err);
}

/* ---- leaps ------------------------------------------------------------------------------------------- */

/* Whether a parameter has gone a good part of the way to a bound already: from 1 where its domain is
 * positive, from 0 else. */
static int is_far(const fm_solver *s, size_t k, double bound) {
  const double theta = s->result->theta[k];
  if (s->control->lower[k] > 0.0) {
    return bound < theta ? theta < 0.5 : theta > 2.0;
  }
  return theta / bound > 0.3;
}

/* Sends those that run off to their bounds: how many. */
static int send_to_bounds(fm_solver *s) {
  fm_newton_result *r = s->result;
  int n = 0;
  for (size_t k = 0; k < s->n; k++) {
    const double bound = r->step[k] < 0.0 ? s->control->lower[k] : s->control->upper[k];
    if (!s->skip[k] && isfinite(bound) && is_far(s, k, bound) && known(s, k) < little) {
      r->step[k] = bound - r->theta[k];
      s->skip[k] = FM_CUT;
      n++;
    }
  }
  return n;
}

/* Makes the trial point the current one if it is higher, whatever it was to gain: *moved. */
static fm_code take_if_higher(fm_solver *s, int *moved, fm_error *err) {
  int admissible = 0;
  FM_TRY(fm_solver_evaluate(s, FM_VALUE, &admissible, err));
  if (admissible && s->value > s->result->value) {
    FM_TRY(fm_solver_evaluate(s, FM_INFORMATION, &admissible, err));
    *moved = admissible;
  }
  if (*moved) {
    fm_solver_accept(s);
  }
  return FM_OK;
}

fm_code fm_bounds_leap(fm_solver *s, int *moved, fm_error *err) {
  fm_newton_result *r = s->result;
  int solved = 0;
  *moved = 0;
  if (s->control->lower == NULL || r->iterations < LEAPS_FROM || r->iterations < s->leap ||
      send_to_bounds(s) == 0) {
    return FM_OK;
  }
  s->leap = r->iterations + LEAPS_EVERY;
  FM_TRY(step_beside(s, s->shape != FM_DEFINITE, &solved, err));
  end_cuts(s);
  if (solved) {
    for (size_t k = 0; k < s->n; k++) {
      const double theta = r->theta[k] + r->step[k];
      s->theta[k] =
          s->skip[k] ? r->theta[k] : fmin(fmax(theta, s->control->lower[k]), s->control->upper[k]);
    }
    FM_TRY(take_if_higher(s, moved, err));
  }
  return *moved ? FM_OK : fm_bounds_prepare(s, err);
}
