/* newton.c: maximise l(theta) by Newton steps.
 *
 * With score s and information H = -l'' at theta, the step is d = (H + mu D)^-1 s over the parameters that
 * are free, i.e. neither fixed nor aliased at the start. mu = 0 while H is positive definite, and the step
 * is halved until l rises by enough. Where H is not positive definite (or halving failed), D = |diag H| and
 * mu grows until H + mu D is and the whole step raises l (Levenberg-Marquardt);
 * mu shrinks again on success.
 *
 * Converged: the gain a quadratic l would still allow, s'd / 2, and half the largest squared score in
 * standard-error units, are both at most tolerance (1 + |l|). One more step is then taken, or two, unless
 * they lower l, so that theta has over twice the digits the test asks for and agrees with other programs.
 *
 * Bounds are the matter of newton_bounds.c. With a unit the objective is divided by it, so that the 1 of
 * the stop rule is in proportion.
 *
 * A full step is evaluated with its information at once, for it is usually accepted; others by value first.
 * Thread safety: no state; a call uses one thread, apart from what the objective does.
 */
#include "newton.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/linalg.h"
#include "newton_work.h"

enum { MAX_HALVINGS = 20, MAX_RIDGES = 60, MAX_POLISH = 2 };
static const double pivot_tolerance = 1e-13; /* of an information met on the way */
static const double ridge_singular = 1e-8;   /* first mu where H is singular, */
static const double ridge_indefinite = 1e-3; /* and where it has negative curvature */
static const double ridge_factor = 10.0;
/* Share of its first-order gain that a step must bring. A quadratic gives a half to a Newton step, so one
 * that gives much less has gone where H was another: the next would start from there. */
static const double sufficient = 0.25;
static const double telling = 1e-9;   /* gain / (1 + |l|) below which a step says nothing of a direction */
static const double polished = 1e-22; /* decrement at which theta is right to 1e-11 standard errors */

/* ---- memory ------------------------------------------------------------------------------------------ */

static fm_code no_memory(fm_error *err) { return fm_fail(err, FM_NO_MEMORY, "out of memory"); }

static fm_code result_init(fm_newton_result *r, size_t n, fm_error *err) {
  *r = (fm_newton_result){0};
  r->theta = fm_alloc_zero(n, sizeof(double));
  r->score = fm_alloc_zero(n, sizeof(double));
  r->information = fm_alloc_zero(n * n, sizeof(double));
  r->covariance = fm_alloc_zero(n * n, sizeof(double));
  r->step = fm_alloc_zero(n, sizeof(double));
  r->direction = fm_alloc_zero(n, sizeof(double));
  r->aliased = fm_alloc_zero(n, sizeof(int));
  r->border = fm_alloc_zero(n, sizeof(int));
  r->combine = fm_alloc_zero(n * n, sizeof(double));
  const int missing = r->theta == NULL || r->score == NULL || r->information == NULL ||
                      r->covariance == NULL || r->step == NULL || r->direction == NULL ||
                      r->aliased == NULL || r->border == NULL || r->combine == NULL;
  return missing ? no_memory(err) : FM_OK;
}

void fm_newton_free(fm_newton_result *result) {
  fm_free(result->theta);
  fm_free(result->score);
  fm_free(result->information);
  fm_free(result->covariance);
  fm_free(result->step);
  fm_free(result->direction);
  fm_free(result->aliased);
  fm_free(result->border);
  fm_free(result->combine);
  *result = (fm_newton_result){0};
}

static fm_code solver_init(fm_solver *s, fm_error *err) {
  const size_t n = s->n;
  s->skip = fm_alloc_zero(n, sizeof(int));
  s->theta = fm_alloc_zero(n, sizeof(double));
  s->score = fm_alloc_zero(n, sizeof(double));
  s->information = fm_alloc_zero(n * n, sizeof(double));
  s->first = fm_alloc_zero(n, sizeof(double));
  const int missing =
      s->skip == NULL || s->theta == NULL || s->score == NULL || s->information == NULL || s->first == NULL;
  return missing ? no_memory(err) : FM_OK;
}

static void solver_free(fm_solver *s) {
  fm_free(s->skip);
  fm_free(s->theta);
  fm_free(s->score);
  fm_free(s->information);
  fm_free(s->first);
}

/* ---- points ------------------------------------------------------------------------------------------ */

static int all_finite(const double *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(x[i])) {
      return 0;
    }
  }
  return 1;
}

static void multiply(double *x, size_t n, double by) {
  for (size_t i = 0; i < n; i++) {
    x[i] *= by;
  }
}

/* Evaluates the trial point, in units; *admissible says that all it asked for is finite. */
fm_code fm_solver_evaluate(fm_solver *s, int order, int *admissible, fm_error *err) {
  const fm_objective *objective = s->objective;
  s->result->evaluations++;
  FM_TRY(objective->evaluate(objective, s->theta, order, &s->value, order >= FM_SCORE ? s->score : NULL,
                             order >= FM_INFORMATION ? s->information : NULL, err));
  if (s->unit != 1.0) {
    s->value /= s->unit;
    multiply(s->score, order >= FM_SCORE ? s->n : 0, 1.0 / s->unit);
    multiply(s->information, order >= FM_INFORMATION ? s->n * s->n : 0, 1.0 / s->unit);
  }
  *admissible = isfinite(s->value) && (order < FM_SCORE || all_finite(s->score, s->n)) &&
                (order < FM_INFORMATION || all_finite(s->information, s->n * s->n));
  return FM_OK;
}

static void swap(double **a, double **b) {
  double *t = *a;
  *a = *b;
  *b = t;
}

/* Makes the trial point the current one. */
void fm_solver_accept(fm_solver *s) {
  fm_newton_result *r = s->result;
  swap(&r->theta, &s->theta);
  swap(&r->score, &s->score);
  swap(&r->information, &s->information);
  r->value = s->value;
}

/* Whether the trial point is high enough for a step with the given expected gain. A whole Newton step may
 * lose what is no more than rounding; any other must gain. */
static int is_higher(const fm_solver *s, double gain, int may_round) {
  const double value = s->result->value;
  if (may_round) {
    return s->value >= value + sufficient * gain - 64.0 * DBL_EPSILON * (1.0 + fabs(value));
  }
  return s->value > value && s->value >= value + sufficient * gain;
}

/* Goes to theta + fraction * step when that raises l by enough: *moved. */
fm_code fm_solver_try(fm_solver *s, double fraction, int first_order, int may_round, int *moved,
                      fm_error *err) {
  fm_newton_result *r = s->result;
  double gain = 0.0;
  for (size_t k = 0; k < s->n; k++) {
    s->theta[k] = r->theta[k] + fraction * r->step[k];
    if (s->control->lower != NULL && !s->skip[k]) {
      s->theta[k] = fmin(fmax(s->theta[k], s->control->lower[k]), s->control->upper[k]);
    }
    gain += (s->theta[k] - r->theta[k]) * r->score[k];
  }
  *moved = 0;
  for (int order = first_order;; order = FM_INFORMATION) {
    int admissible = 0;
    FM_TRY(fm_solver_evaluate(s, order, &admissible, err));
    if (!admissible || !is_higher(s, gain, may_round)) {
      return FM_OK;
    }
    if (order == FM_INFORMATION) {
      break;
    }
  }
  if (gain > telling * (1.0 + fabs(r->value))) {
    for (size_t k = 0; k < s->n; k++) {
      r->direction[k] = fraction * r->step[k];
    }
  }
  fm_solver_accept(s);
  *moved = 1;
  return FM_OK;
}

/* ---- steps ------------------------------------------------------------------------------------------- */

static size_t count_free(const fm_solver *s) {
  size_t n_free = 0;
  for (size_t k = 0; k < s->n; k++) {
    n_free += s->skip[k] == 0;
  }
  return n_free;
}

/* Factorises h over the free parameters; only FM_DEFINITE and FM_SEMIDEFINITE
 * leave a factor to be freed. */
fm_code fm_solver_factorise(const fm_solver *s, const double *h, fm_chol *chol, fm_shape *found,
                            fm_error *err) {
  const double tol = fmin(pivot_tolerance, s->control->rank_tolerance);
  const fm_code code = fm_chol_init(chol, h, s->n, s->control->order, s->skip, tol, NULL);
  if (code == FM_OK) {
    *found = chol->rank == count_free(s) ? FM_DEFINITE : FM_SEMIDEFINITE;
  } else if (code == FM_SINGULAR) {
    *found = FM_INDEFINITE;
  } else {
    return fm_fail(err, code, "%s", fm_code_text(code));
  }
  return FM_OK;
}

/* The largest |H_ik| over the free i. */
static double row_largest(const fm_solver *s, size_t k) {
  double largest = 0.0;
  for (size_t i = 0; i < s->n; i++) {
    largest = s->skip[i] ? largest : fmax(largest, fabs(s->result->information[i + k * s->n]));
  }
  return largest;
}

/* Writes H + mu D to h. An entry of D is |H_kk|; where that is nothing beside the rest of its row, the
 * largest of the row; and never nothing beside the largest of H. */
void fm_solver_ridge(const fm_solver *s, double *h) {
  const size_t n = s->n;
  double largest = 0.0;
  memcpy(h, s->result->information, n * n * sizeof(double));
  for (size_t k = 0; k < n; k++) {
    largest = s->skip[k] ? largest : fmax(largest, row_largest(s, k));
  }
  for (size_t k = 0; k < n; k++) {
    const double diagonal = fabs(h[k + k * n]), row = row_largest(s, k);
    const double d = diagonal < 1e-8 * row ? row : diagonal;
    h[k + k * n] += s->mu * (largest > 0.0 ? fmax(d, 1e-24 * largest) : 1.0);
  }
}

/* step = (H + mu D)^-1 s with the present mu if that matrix is positive definite. The covariance of the
 * result serves as workspace: it is filled at the end. */
static fm_code ridge_step(fm_solver *s, int *definite, fm_error *err) {
  fm_chol chol;
  fm_shape found;
  double *h = s->result->covariance;
  fm_solver_ridge(s, h);
  FM_TRY(fm_solver_factorise(s, h, &chol, &found, err));
  *definite = found == FM_DEFINITE;
  if (found == FM_DEFINITE) {
    fm_chol_solve(&chol, s->result->score, s->result->step);
  }
  if (found != FM_INDEFINITE) {
    fm_chol_free(&chol);
  }
  return FM_OK;
}

/* Raises mu until the step exists. */
static fm_code first_ridge_step(fm_solver *s, fm_error *err) {
  int definite = 0;
  s->mu = fmax(s->mu, s->shape == FM_SEMIDEFINITE ? ridge_singular : ridge_indefinite);
  for (int i = 0; i < MAX_RIDGES && !definite; i++) {
    FM_TRY(ridge_step(s, &definite, err));
    s->mu = definite ? s->mu : s->mu * ridge_factor;
  }
  return definite ? FM_OK : fm_fail(err, FM_DIVERGED, "no ridge makes the information positive definite");
}

/* The largest score in standard-error units; INFINITY for a score without information. */
static double gradient_norm(const fm_solver *s) {
  double norm = 0.0;
  for (size_t k = 0; k < s->n; k++) {
    const double score = fabs(s->result->score[k]);
    const double h = fabs(s->result->information[k + k * s->n]);
    if (!s->skip[k] && score > 0.0) {
      norm = fmax(norm, score / sqrt(h));
    }
  }
  return norm;
}

/* Step, decrement, gradient norm and shape at the current point. */
fm_code fm_solver_prepare(fm_solver *s, fm_error *err) {
  fm_newton_result *r = s->result;
  fm_chol chol;
  FM_TRY(fm_solver_factorise(s, r->information, &chol, &s->shape, err));
  if (s->shape == FM_DEFINITE) {
    fm_chol_solve(&chol, r->score, r->step);
  }
  if (s->shape != FM_INDEFINITE) {
    fm_chol_free(&chol);
  }
  if (s->shape != FM_DEFINITE) {
    FM_TRY(first_ridge_step(s, err));
  }
  r->decrement = 0.0;
  for (size_t k = 0; k < s->n; k++) {
    r->decrement += 0.5 * r->score[k] * r->step[k];
  }
  r->gradient_norm = gradient_norm(s);
  return FM_OK;
}

/* Newton's step, halved as often as needed. */
static fm_code halve(fm_solver *s, int *moved, fm_error *err) {
  const int first = fm_bounds_bend(s) ? FM_VALUE : FM_INFORMATION;
  double fraction = 1.0;
  *moved = 0;
  for (int i = 0; i <= MAX_HALVINGS && !*moved; i++) {
    FM_TRY(fm_solver_try(s, fraction, i == 0 ? first : FM_VALUE, i == 0, moved, err));
    fraction *= 0.5;
  }
  return FM_OK;
}

/* The step with a ridge, which grows until l rises. The first is there already where H is not definite. */
static fm_code ridge(fm_solver *s, int *moved, fm_error *err) {
  if (s->shape == FM_DEFINITE) {
    FM_TRY(first_ridge_step(s, err));
    FM_TRY(fm_bounds_cut(s, 1, err));
  }
  *moved = 0;
  for (int i = 0; i < MAX_HALVINGS; i++) {
    int definite = 0;
    FM_TRY(fm_solver_try(s, 1.0, i == 0 ? FM_INFORMATION : FM_VALUE, 0, moved, err));
    if (*moved) {
      return FM_OK;
    }
    s->mu *= ridge_factor;
    FM_TRY(ridge_step(s, &definite, err));
    if (!definite) {
      return FM_OK;
    }
    FM_TRY(fm_bounds_cut(s, 1, err));
  }
  return FM_OK;
}

/* ---- the iteration ----------------------------------------------------------------------------------- */

int fm_solver_converged(const fm_solver *s) {
  const fm_newton_result *r = s->result;
  const double gain = fmax(r->decrement, 0.5 * r->gradient_norm * r->gradient_norm);
  return gain <= s->control->tolerance * (1.0 + fabs(r->value));
}

/* Full steps from a point that has converged, kept unless they lower l beyond rounding. */
static fm_code polish(fm_solver *s, fm_error *err) {
  int moved = 1;
  for (int i = 0; i < MAX_POLISH && moved && s->result->decrement > polished; i++) {
    FM_TRY(fm_solver_try(s, 1.0, FM_INFORMATION, 1, &moved, err));
    if (moved) {
      FM_TRY(fm_bounds_prepare(s, err));
    }
  }
  return FM_OK;
}

/* Ends with step, decrement and gradient norm of the last point. */
static fm_code iterate(fm_solver *s, fm_error *err) {
  const fm_newton_control *control = s->control;
  fm_newton_result *r = s->result;
  for (;; r->iterations++) {
    int moved = 0;
    if (control->interrupted != NULL && control->interrupted(control->interrupt_context)) {
      return fm_fail(err, FM_INTERRUPTED, "interrupted after %d iterations", r->iterations);
    }
    FM_TRY(fm_bounds_prepare(s, err));
    if (fm_solver_converged(s)) {
      int released = 0;
      FM_TRY(fm_bounds_release(s, &released, err));
    }
    if (fm_solver_converged(s)) {
      r->stop = s->shape == FM_INDEFINITE ? FM_NO_INCREASE : FM_CONVERGED;
      const int done = control->unpolished || r->iterations >= control->max_iterations;
      return s->shape == FM_INDEFINITE || done ? FM_OK : polish(s, err);
    }
    if (r->iterations >= control->max_iterations) {
      r->stop = FM_MAX_ITERATIONS;
      return FM_OK;
    }
    FM_TRY(fm_bounds_leap(s, &moved, err));
    if (!moved && s->shape == FM_DEFINITE) {
      FM_TRY(halve(s, &moved, err));
    }
    if (!moved) {
      FM_TRY(fm_bounds_scale(s, &moved, err));
    }
    if (!moved) {
      FM_TRY(ridge(s, &moved, err));
    }
    if (!moved) {
      r->stop = FM_NO_INCREASE;
      s->mu = 0.0;
      return fm_solver_prepare(s, err);
    }
    s->mu /= ridge_factor;
  }
}

/* Evaluates the start. */
static fm_code begin(fm_solver *s, const double *start, fm_error *err) {
  int admissible = 0;
  memcpy(s->theta, start, s->n * sizeof(double));
  FM_TRY(fm_solver_evaluate(s, FM_INFORMATION, &admissible, err));
  if (!admissible) {
    return fm_fail(err, FM_INVALID, "the objective or a derivative of it is not finite at the start");
  }
  fm_solver_accept(s);
  s->result->value_start = s->result->value;
  for (size_t k = 0; k < s->n; k++) {
    s->first[k] = s->result->information[k + k * s->n];
  }
  return FM_OK;
}

/* Finds the aliased parameters at the start; they and the fixed ones are skipped from now on. Where the
 * information at the start is indefinite it says nothing on collinearity, and none is aliased. */
static fm_code test_rank(fm_solver *s, fm_error *err) {
  fm_newton_result *r = s->result;
  const size_t n = s->n;
  fm_chol chol;
  fm_error why;
  for (size_t k = 0; k < n; k++) {
    s->skip[k] = s->control->fixed != NULL && s->control->fixed[k] != 0;
  }
  const fm_code code =
      fm_chol_init(&chol, r->information, n, s->control->order, s->skip, s->control->rank_tolerance, &why);
  if (code != FM_OK) {
    return code == FM_SINGULAR ? FM_OK : fm_fail(err, code, "%s", why.message);
  }
  for (size_t k = 0; k < n; k++) {
    r->aliased[k] = chol.aliased[k];
    s->skip[k] = s->skip[k] || chol.aliased[k] != 0;
    for (size_t i = 0; i < chol.rank; i++) {
      r->combine[chol.kept[i] + k * n] = chol.combine[i + k * chol.rank];
    }
  }
  fm_chol_free(&chol);
  return FM_OK;
}

/* Marks the free parameters whose variance cannot be had: nothing is known of any of them where the
 * information is indefinite; else the dropped ones have an infinite variance. */
static void mark_variances(const fm_solver *s, const fm_chol *chol) {
  double *v = s->result->covariance;
  const size_t n = s->n;
  for (size_t k = 0; k < n; k++) {
    if (s->shape == FM_INDEFINITE) {
      for (size_t i = 0; i < n; i++) {
        v[i + k * n] = s->skip[i] || s->skip[k] ? 0.0 : (double)NAN;
      }
    }
    if (s->shape == FM_SEMIDEFINITE && chol->aliased[k] != 0) {
      v[k + k * n] = (double)INFINITY;
    }
  }
}

static fm_code fill_covariance(fm_solver *s, fm_error *err) {
  fm_newton_result *r = s->result;
  fm_chol chol;
  FM_TRY(fm_solver_factorise(s, r->information, &chol, &s->shape, err));
  fm_code code = FM_OK;
  if (s->shape != FM_INDEFINITE) {
    code = fm_chol_inverse(&chol, r->covariance);
  }
  mark_variances(s, &chol);
  if (s->shape != FM_INDEFINITE) {
    fm_chol_free(&chol);
  }
  return code == FM_OK ? FM_OK : no_memory(err);
}

/* How much less is known of a free parameter than at the start: next to nothing of one that runs off. */
static double shrunk(const fm_solver *s) {
  double least = 1.0;
  for (size_t k = 0; k < s->n; k++) {
    if (!s->skip[k] && s->first[k] > 0.0) {
      least = fmin(least, s->result->information[k + k * s->n] / s->first[k]);
    }
  }
  return least;
}

/* From units back to what the objective is in. */
static void undo_unit(const fm_solver *s) {
  fm_newton_result *r = s->result;
  r->value *= s->unit;
  r->value_start *= s->unit;
  r->decrement *= s->unit;
  r->gradient_norm *= sqrt(s->unit);
  multiply(r->score, s->n, s->unit);
  multiply(r->information, s->n * s->n, s->unit);
  multiply(r->covariance, s->n * s->n, 1.0 / s->unit);
}

static fm_code maximise(fm_solver *s, const double *start, fm_error *err) {
  fm_newton_result *r = s->result;
  FM_TRY(result_init(r, s->n, err));
  FM_TRY(solver_init(s, err));
  FM_TRY(begin(s, start, err));
  FM_TRY(test_rank(s, err));
  FM_TRY(iterate(s, err));
  FM_TRY(fill_covariance(s, err));
  r->shrunk = shrunk(s);
  FM_TRY(fm_condition(r->information, s->n, s->skip, &r->condition, err));
  if (s->unit != 1.0) {
    undo_unit(s);
  }
  return FM_OK;
}

fm_newton_control fm_newton_defaults(void) {
  return (fm_newton_control){.max_iterations = 100, .tolerance = 1e-12, .rank_tolerance = 1e-10};
}

fm_code fm_newton(const fm_objective *objective, const double *start, const fm_newton_control *control,
                  fm_newton_result *result, fm_error *err) {
  fm_solver s = {.objective = objective, .control = control, .result = result, .n = objective->n_par};
  s.unit = control->unit > 0.0 ? control->unit : 1.0;
  const fm_code code = maximise(&s, start, err);
  solver_free(&s);
  if (code != FM_OK) {
    fm_newton_free(result);
  }
  return code;
}
