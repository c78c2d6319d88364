/* subsets.c: conditional logits of subsets of terms, each from a good start,
 * and the logsums of the occasions there.
 *
 * Lists, with an entry a subset: its design, its start, which parameters stay. All is unpacked and
 * allocated before the first thread starts.
 */
#include "subsets.h"

#include "../core/choice/many_fits.h"

enum { THETA, VALUE, DONE, LOGSUM };

/* What the core needs of subset k; its results go straight into the vectors of `result`. */
static fm_one_fit unpack_fit(SEXP spec, SEXP theta, SEXP fixed, SEXP result, R_xlen_t k) {
  const fm_spec_options options = {.merge = 1};
  const fm_extent extent = fm_spec_extent(spec);
  fm_check_start(theta, fixed, extent.n_linear);
  SET_VECTOR_ELT(VECTOR_ELT(result, THETA), k, Rf_duplicate(theta));
  SET_VECTOR_ELT(VECTOR_ELT(result, LOGSUM), k, Rf_allocVector(REALSXP, (R_xlen_t)extent.n_occasions));
  return (fm_one_fit){.spec = fm_spec_unpack(spec, &options),
                      .fixed = LOGICAL_RO(fixed),
                      .theta = REAL(VECTOR_ELT(VECTOR_ELT(result, THETA), k)),
                      .logsum = REAL(VECTOR_ELT(VECTOR_ELT(result, LOGSUM), k))};
}

SEXP firmmove_subsets(SEXP specs, SEXP theta, SEXP fixed, SEXP enough, SEXP control) {
  const R_xlen_t n = Rf_xlength(specs);
  const char *names[] = {"theta", "value", "done", "logsum", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, THETA, Rf_allocVector(VECSXP, n));
  SET_VECTOR_ELT(result, VALUE, Rf_allocVector(REALSXP, n));
  SET_VECTOR_ELT(result, DONE, Rf_allocVector(LGLSXP, n));
  SET_VECTOR_ELT(result, LOGSUM, Rf_allocVector(VECSXP, n));
  fm_one_fit *fits = (fm_one_fit *)R_alloc((size_t)n, sizeof(fm_one_fit));
  for (R_xlen_t k = 0; k < n; k++) {
    fits[k] = unpack_fit(VECTOR_ELT(specs, k), VECTOR_ELT(theta, k), VECTOR_ELT(fixed, k), result, k);
  }
  R_CheckUserInterrupt();
  fm_error err = {FM_OK, ""};
  fm_check(fm_many_fits(fits, (size_t)n, fm_spec_design, Rf_asReal(enough), fm_control_threads(control),
                        fm_user_interrupted, &err),
           &err);
  for (R_xlen_t k = 0; k < n; k++) {
    REAL(VECTOR_ELT(result, VALUE))[k] = fits[k].value;
    LOGICAL(VECTOR_ELT(result, DONE))[k] = fits[k].done;
  }
  UNPROTECT(1);
  return result;
}
