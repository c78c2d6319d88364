/* subset.c: the conditional logit of a subset of terms from a good start, and the logsum of each occasion there, on
 * one design: building it is most of the work.
 */
#include "subset.h"

#include <string.h>

#include "../core/base/alloc.h"
#include "../core/choice/logit.h"
#include "../core/optim/few_steps.h"

/* Logsums of the units, from the first block to the last. */
static fm_code unit_logsums(const fm_design *design, const double *theta, double *out) {
  fm_work work = {0};
  double *v = fm_alloc(design->max_rows + design->max_units, sizeof(double));
  fm_code code = v ? design->ops->work_init(design, &work) : FM_NO_MEMORY;
  for (size_t b = 0; code == FM_OK && b < design->n_blocks; b++) {
    design->ops->load(design, &work, b);
    double *logsum = out + work.block.first, *level = v + design->max_rows;
    design->ops->utility(design, &work, theta, v);
    design->ops->level(design, &work, theta, level);
    fm_logit_probabilities(design->kernels, &work.block, v, logsum);
    for (size_t i = 0; i < work.block.n; i++) {
      logsum[i] += level[i];
    }
  }
  if (work.storage != NULL) {
    design->ops->work_free(&work);
  }
  fm_free(v);
  return code;
}

static fm_code occasion_logsums(const fm_design *design, const double *theta, double *out, fm_error *err) {
  double *of_unit = fm_alloc(design->n_units, sizeof(double));
  const fm_code code = of_unit ? unit_logsums(design, theta, of_unit) : FM_NO_MEMORY;
  for (size_t i = 0; code == FM_OK && i < design->n_occasions; i++) {
    out[i] = of_unit[design->unit_of != NULL ? design->unit_of[i] : i];
  }
  fm_free(of_unit);
  return code == FM_OK ? FM_OK : fm_fail(err, code, "%s", fm_code_text(code));
}

static fm_code fit_and_read(const fm_design *design, const int *fixed, double enough, int threads,
                            double *theta, double *value, int *done, double *logsum, fm_error *err) {
  const fm_pass pass = fm_logit_pass(design, threads);
  const fm_objective objective = fm_pass_objective(&pass);
  FM_TRY(fm_few_steps(&objective, fixed, enough, theta, value, done, err));
  return *done ? occasion_logsums(design, theta, logsum, err) : FM_OK;
}

SEXP firmmove_subset(SEXP spec, SEXP theta, SEXP fixed, SEXP enough, SEXP control) {
  const size_t p = fm_spec_linear(spec);
  if (TYPEOF(theta) != REALSXP || (size_t)Rf_xlength(theta) != p || TYPEOF(fixed) != LGLSXP ||
      (size_t)Rf_xlength(fixed) != p) {
    Rf_error("internal: theta and fixed must have %lu entries", (unsigned long)p);
  }
  const char *names[] = {"theta", "value", "done", "logsum", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, Rf_duplicate(theta));
  SET_VECTOR_ELT(result, 1, Rf_allocVector(REALSXP, 1));
  SET_VECTOR_ELT(result, 2, Rf_allocVector(LGLSXP, 1));
  SET_VECTOR_ELT(result, 3, Rf_allocVector(REALSXP, (R_xlen_t)fm_spec_occasions(spec)));
  fm_error err = {FM_OK, ""};
  fm_design design;
  const fm_spec_options options = {.merge = 1};
  err.code = fm_design_from_spec(spec, &options, &design, &err);
  if (err.code == FM_OK) {
    err.code =
        fit_and_read(&design, LOGICAL(fixed), Rf_asReal(enough), (int)fm_list_number(control, "threads", 1),
                     REAL(VECTOR_ELT(result, 0)), REAL(VECTOR_ELT(result, 1)),
                     LOGICAL(VECTOR_ELT(result, 2)), REAL(VECTOR_ELT(result, 3)), &err);
    design.ops->free(&design);
  }
  if (err.code != FM_OK) {
    fm_raise(&err);
  }
  UNPROTECT(1);
  return result;
}
