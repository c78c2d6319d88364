/* fit.c: maximise a model's likelihood, or evaluate it at given parameters. */
#include <string.h>

#include "../core/choice/separation.h"
#include "../core/optim/newton.h"
#include "model.h"

/* ---- evaluate ---------------------------------------------------------------------------------------- */
typedef struct evaluation {
  const fm_model *model;
  const double *theta;
  int order, threads;
  double *value, *score, *information;
} evaluation;

static fm_code evaluate_design(const fm_design *design, void *context, fm_error *err) {
  const evaluation *e = context;
  fm_pass pass = e->model->ops->pass(e->model, design, e->threads);
  pass.theta = e->theta;
  pass.order = e->order;
  return fm_pass_run(&pass, e->value, e->score, e->information, err);
}

/* Outside the domain of a model nothing is written. */
static double *zeros(SEXP x) {
  memset(REAL(x), 0, (size_t)Rf_xlength(x) * sizeof(double));
  return REAL(x);
}

/* list(value, score, information), as far as order asks, the others NULL. */
SEXP firmmove_evaluate(SEXP spec, SEXP model, SEXP theta, SEXP order, SEXP control) {
  const fm_extent extent = fm_spec_extent(spec);
  const fm_model *m = fm_model_from_list(model, &extent);
  const size_t p = extent.n_linear + m->extra;
  evaluation e = {.model = m,
                  .theta = fm_need_doubles(theta, p, "theta"),
                  .order = Rf_asInteger(order),
                  .threads = fm_control_threads(control)};
  const char *names[] = {"value", "score", "information", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, Rf_allocVector(REALSXP, 1));
  e.value = REAL(VECTOR_ELT(result, 0));
  if (e.order >= FM_SCORE) {
    SET_VECTOR_ELT(result, 1, Rf_allocVector(REALSXP, (R_xlen_t)p));
    e.score = zeros(VECTOR_ELT(result, 1));
  }
  if (e.order >= FM_INFORMATION) {
    SET_VECTOR_ELT(result, 2, Rf_allocMatrix(REALSXP, (int)p, (int)p));
    e.information = zeros(VECTOR_ELT(result, 2));
  }
  const fm_spec_options options = fm_model_options(m);
  fm_with_design(spec, &options, evaluate_design, &e);
  UNPROTECT(1);
  return result;
}

/* ---- fit --------------------------------------------------------------------------------------------- */
enum {
  THETA,
  VALUE,
  VALUE_START,
  SCORE,
  INFORMATION,
  COVARIANCE,
  STEP,
  DIRECTION,
  ALIASED,
  BORDER,
  COMBINE,
  STOP,
  ITERATIONS,
  EVALUATIONS,
  GRADIENT_NORM,
  DECREMENT,
  SHRUNK,
  CONDITION,
  SEPARATED,
  UNITS,
  BLOCKS
};

static SEXP new_result(size_t p) {
  const char *names[] = {"theta",      "value",  "value_start", "score",       "information",
                         "covariance", "step",   "direction",   "aliased",     "border",
                         "combine",    "stop",   "iterations",  "evaluations", "gradient_norm",
                         "decrement",  "shrunk", "condition",   "separated",   "units",
                         "blocks",     ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  const int vectors[] = {THETA, SCORE, STEP, DIRECTION}, matrices[] = {INFORMATION, COVARIANCE, COMBINE};
  const int numbers[] = {VALUE, VALUE_START, GRADIENT_NORM, DECREMENT, SHRUNK, CONDITION, UNITS, BLOCKS};
  const int counts[] = {STOP, ITERATIONS, EVALUATIONS};
  for (size_t i = 0; i < 4; i++) {
    SET_VECTOR_ELT(result, vectors[i], Rf_allocVector(REALSXP, (R_xlen_t)p));
  }
  for (size_t i = 0; i < 3; i++) {
    SET_VECTOR_ELT(result, matrices[i], Rf_allocMatrix(REALSXP, (int)p, (int)p));
    SET_VECTOR_ELT(result, counts[i], Rf_allocVector(INTSXP, 1));
  }
  for (size_t i = 0; i < 8; i++) {
    SET_VECTOR_ELT(result, numbers[i], Rf_allocVector(REALSXP, 1));
  }
  SET_VECTOR_ELT(result, ALIASED, Rf_allocVector(INTSXP, (R_xlen_t)p));
  SET_VECTOR_ELT(result, BORDER, Rf_allocVector(INTSXP, (R_xlen_t)p));
  SET_VECTOR_ELT(result, SEPARATED, Rf_allocVector(LGLSXP, (R_xlen_t)p));
  UNPROTECT(1);
  return result;
}

static void put(SEXP result, int slot, const double *from, size_t n) {
  if (n > 0) {
    memcpy(REAL(VECTOR_ELT(result, slot)), from, n * sizeof(double));
  }
}

static void put_number(SEXP result, int slot, double x) { REAL(VECTOR_ELT(result, slot))[0] = x; }
static void put_count(SEXP result, int slot, int x) { INTEGER(VECTOR_ELT(result, slot))[0] = x; }

static void pack(SEXP result, const fm_newton_result *fit, size_t p) {
  put(result, THETA, fit->theta, p);
  put(result, SCORE, fit->score, p);
  put(result, STEP, fit->step, p);
  put(result, DIRECTION, fit->direction, p);
  put(result, INFORMATION, fit->information, p * p);
  put(result, COVARIANCE, fit->covariance, p * p);
  put(result, COMBINE, fit->combine, p * p);
  put_number(result, VALUE, fit->value);
  put_number(result, VALUE_START, fit->value_start);
  put_number(result, GRADIENT_NORM, fit->gradient_norm);
  put_number(result, DECREMENT, fit->decrement);
  put_number(result, SHRUNK, fit->shrunk);
  put_number(result, CONDITION, fit->condition);
  put_count(result, STOP, (int)fit->stop);
  put_count(result, ITERATIONS, fit->iterations);
  put_count(result, EVALUATIONS, fit->evaluations);
  if (p > 0) {
    memcpy(INTEGER(VECTOR_ELT(result, ALIASED)), fit->aliased, p * sizeof(int));
    memcpy(INTEGER(VECTOR_ELT(result, BORDER)), fit->border, p * sizeof(int));
  }
}

/* Place constants are eliminated before the terms, so that a term they explain is the one left out. */
static const size_t *elimination_order(size_t n_terms, size_t n_linear, size_t p) {
  size_t *order = (size_t *)R_alloc(p + 1, sizeof(size_t));
  size_t at = 0;
  for (size_t k = n_terms; k < n_linear; k++) {
    order[at++] = k;
  }
  for (size_t k = 0; k < n_terms; k++) {
    order[at++] = k;
  }
  for (size_t k = n_linear; k < p; k++) {
    order[at++] = k;
  }
  return order;
}

/* Bounds of the parameters, or NULL. */
static const double *bounds(SEXP control, const char *name, size_t p) {
  SEXP given = fm_list_get(control, name);
  return given == R_NilValue ? NULL : fm_need_doubles(given, p, name);
}

static fm_newton_control newton_control(SEXP control, const size_t *order, const int *fixed, size_t p) {
  fm_newton_control newton = fm_newton_defaults();
  newton.max_iterations = (int)fm_list_number(control, "max_iterations", newton.max_iterations);
  newton.tolerance = fm_list_number(control, "tolerance", newton.tolerance);
  newton.rank_tolerance = fm_list_number(control, "rank_tolerance", newton.rank_tolerance);
  newton.order = order;
  newton.fixed = fixed;
  newton.lower = bounds(control, "lower", p);
  newton.upper = bounds(control, "upper", p);
  newton.unit = fm_list_number(control, "unit", 1.0);
  return newton;
}

/* What the callback between iterations needs: a function of R, or NULL, and where the search is. */
typedef struct watch {
  SEXP report;
  const fm_newton_result *at;
  double unit; /* of its value */
} watch;

static void call_report(void *context) {
  const watch *w = context;
  R_CheckUserInterrupt();
  if (w->report != R_NilValue) {
    SEXP iteration = PROTECT(Rf_ScalarInteger(w->at->iterations));
    SEXP value = PROTECT(Rf_ScalarReal(w->at->value * w->unit));
    SEXP call = PROTECT(Rf_lang3(w->report, iteration, value));
    Rf_eval(call, R_GlobalEnv);
    UNPROTECT(3);
  }
}

/* Polled once an iteration: tells R how far it is. The function of R must not fail. */
static int watched(void *context) { return R_ToplevelExec(call_report, context) == FALSE; }

/* Maximises; everything the core allocates is freed here.
 * counter: NULL where choices cannot be separated. */
static fm_code run_fit(const fm_objective *objective, const fm_along_counter *counter, const double *start,
                       const fm_newton_control *asked, SEXP control, SEXP result, fm_error *err) {
  int *separated = LOGICAL(VECTOR_ELT(result, SEPARATED));
  memset(separated, 0, objective->n_par * sizeof(int));
  fm_newton_result fit;
  watch w = {.report = fm_list_get(control, "report"), .at = &fit};
  fm_newton_control newton = *asked;
  w.unit = newton.unit;
  newton.interrupted = watched;
  newton.interrupt_context = &w;
  FM_TRY(fm_newton(objective, start, &newton, &fit, err));
  pack(result, &fit, objective->n_par);
  /* Without a maximum Newton goes on, by about one unit of utility a step, until nothing is gained */
  const int ran_on = counter != NULL && (fit.iterations >= 8 || fit.stop != FM_CONVERGED);
  const fm_code code = ran_on ? fm_separation_counted(counter, fit.direction, separated, err) : FM_OK;
  fm_newton_free(&fit);
  return code;
}

/* ---- the data are one design ------------------------------------------------------------------------- */
typedef struct whole {
  const fm_model *model;
  const double *start;
  const fm_newton_control *newton;
  SEXP control, result;
  int threads;
} whole;

static fm_code fit_design(const fm_design *design, void *context, fm_error *err) {
  const whole *w = context;
  const fm_pass pass = w->model->ops->pass(w->model, design, w->threads);
  const fm_objective objective = fm_pass_objective(&pass);
  const fm_counted_design counted = {design, w->model->sign, w->threads};
  const fm_along_counter counter = fm_design_counter(&counted);
  put_number(w->result, UNITS, (double)design->n_units);
  put_number(w->result, BLOCKS, (double)design->n_blocks);
  return run_fit(&objective, w->model->separable ? &counter : NULL, w->start, w->newton, w->control,
                 w->result, err);
}

SEXP firmmove_fit(SEXP spec, SEXP model, SEXP start, SEXP fixed, SEXP control) {
  const fm_extent extent = fm_spec_extent(spec);
  const fm_model *m = fm_model_from_list(model, &extent);
  const size_t linear = extent.n_linear, p = linear + m->extra;
  fm_check_start(start, fixed, p);
  SEXP result = PROTECT(new_result(p));
  const size_t *order = elimination_order(extent.n_terms, linear, p);
  const fm_newton_control newton = newton_control(control, order, LOGICAL(fixed), p);
  whole w = {m, REAL_RO(start), &newton, control, result, fm_control_threads(control)};
  const fm_spec_options options = fm_model_options(m);
  fm_with_design(spec, &options, fit_design, &w);
  UNPROTECT(1);
  return result;
}

/* ---- the data are slices that R adds up -------------------------------------------------------------- */
/* evaluate(theta, order, NULL) is c(value, score, information), as far as order asks; evaluate(direction,
 * 0, c(what, tolerance)) the number of fm_count_along(). Anything else that it returns,
 * or an error, ends the fit. */
typedef struct sums {
  SEXP evaluate;
  size_t n_linear;
} sums;

static fm_code ask_r(const sums *s, const double *theta, size_t n, int order, SEXP question,
                     double *const *out, const size_t *size, fm_error *err) {
  SEXP theta_ = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)n));
  memcpy(REAL(theta_), theta, n * sizeof(double));
  SEXP order_ = PROTECT(Rf_ScalarInteger(order));
  SEXP call = PROTECT(Rf_lang4(s->evaluate, theta_, order_, question));
  int failed = 0;
  SEXP answer = PROTECT(R_tryEvalSilent(call, R_GlobalEnv, &failed));
  size_t total = 0;
  for (int part = 0; part <= order; part++) {
    total += size[part];
  }
  failed = failed || TYPEOF(answer) != REALSXP || (size_t)Rf_xlength(answer) != total;
  const double *from = failed ? NULL : REAL(answer);
  if (!failed) {
    for (int part = 0; part <= order; part++) {
      memcpy(out[part], from, size[part] * sizeof(double));
      from += size[part];
    }
  }
  UNPROTECT(4);
  return failed ? fm_fail(err, FM_INTERRUPTED, "%s", fm_code_text(FM_INTERRUPTED)) : FM_OK;
}

static fm_code evaluate_sums(const fm_objective *self, const double *theta, int order, double *value,
                             double *score, double *information, fm_error *err) {
  const size_t p = self->n_par, size[] = {1, p, p * p};
  double *const out[] = {value, score, information};
  return ask_r(self->context, theta, p, order, R_NilValue, out, size, err);
}

static fm_code count_sums(const void *context, const double *direction, fm_along what, double tolerance,
                          double *answer, fm_error *err) {
  const sums *s = context;
  const size_t size[] = {1};
  SEXP question = PROTECT(Rf_allocVector(REALSXP, 2));
  REAL(question)[0] = (double)what;
  REAL(question)[1] = tolerance;
  const fm_code code = ask_r(s, direction, s->n_linear, FM_VALUE, question, &answer, size, err);
  UNPROTECT(1);
  return code;
}

/* numbers: fm_slices_extent(); model: without what it has by occasion or group. */
SEXP firmmove_fit_sums(SEXP evaluate, SEXP numbers, SEXP model, SEXP start, SEXP fixed, SEXP control) {
  const fm_extent extent = fm_slices_extent(numbers);
  const fm_model *m = fm_model_from_list(model, &extent);
  const size_t linear = extent.n_linear, p = linear + m->extra;
  fm_check_start(start, fixed, p);
  if (!Rf_isFunction(evaluate)) {
    Rf_error("internal: evaluate must be a function of %lu parameters", (unsigned long)p);
  }
  SEXP result = PROTECT(new_result(p));
  const size_t *order = elimination_order(extent.n_terms, linear, p);
  const fm_newton_control newton = newton_control(control, order, LOGICAL(fixed), p);
  const sums s = {evaluate, linear};
  const fm_objective objective = {.n_par = p, .evaluate = evaluate_sums, .context = &s};
  const fm_along_counter counter = {count_sums, &s, linear};
  put_number(result, UNITS, NA_REAL);
  put_number(result, BLOCKS, NA_REAL);
  fm_error err = {FM_OK, ""};
  fm_check(run_fit(&objective, m->separable ? &counter : NULL, REAL(start), &newton, control, result, &err),
           &err);
  UNPROTECT(1);
  return result;
}
