/* entropy.c: entropies of coded columns of R. Codes of R begin with 1. */
#include "entropy.h"

#include <stdint.h>

#include "../core/decompose/entropy.h"

static fm_categories categories(SEXP codes, SEXP levels, SEXP group, SEXP n_groups) {
  const size_t d = (size_t)Rf_xlength(codes);
  if (d < 1 || d > FM_MAX_DIMENSIONS) {
    Rf_error("internal: %d dimensions", (int)d);
  }
  const int **code = (const int **)R_alloc(d, sizeof(int *));
  size_t *range = (size_t *)R_alloc(d, sizeof(size_t));
  for (size_t k = 0; k < d; k++) {
    code[k] = fm_from_zero(VECTOR_ELT(codes, (R_xlen_t)k));
    range[k] = (size_t)INTEGER_RO(levels)[k];
  }
  return (fm_categories){
      .n = (size_t)Rf_xlength(VECTOR_ELT(codes, 0)),
      .d = d,
      .code = code,
      .levels = range,
      .group = fm_from_zero(group),
      .n_groups = (size_t)Rf_asInteger(n_groups),
  };
}

/* list(entropy, cells: groups x subsets, total: groups). */
SEXP firmmove_entropies(SEXP codes, SEXP levels, SEXP weight, SEXP group, SEXP n_groups) {
  fm_categories data = categories(codes, levels, group, n_groups);
  data.weight = fm_as_doubles(weight, (size_t)Rf_xlength(weight), "weight");
  const int subsets = (1 << data.d) - 1;
  SEXP entropy = PROTECT(Rf_allocMatrix(REALSXP, (int)data.n_groups, subsets));
  SEXP cells = PROTECT(Rf_allocMatrix(REALSXP, (int)data.n_groups, subsets));
  SEXP total = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)data.n_groups));
  fm_error err = {FM_OK, ""};
  fm_check(fm_entropies(&data, REAL(entropy), REAL(cells), REAL(total)), &err);
  const char *names[] = {"entropy", "cells", "total", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, entropy);
  SET_VECTOR_ELT(result, 1, cells);
  SET_VECTOR_ELT(result, 2, total);
  UNPROTECT(4);
  return result;
}

/* list(whole, between: draws, within: groups x draws). */
SEXP firmmove_synergy_null(SEXP codes, SEXP levels, SEXP group, SEXP n_groups, SEXP seeds, SEXP threads) {
  const fm_categories data = categories(codes, levels, group, n_groups);
  const R_xlen_t n_draws = Rf_xlength(seeds);
  uint64_t *seed = (uint64_t *)R_alloc((size_t)n_draws, sizeof(uint64_t));
  for (R_xlen_t b = 0; b < n_draws; b++) {
    seed[b] = (uint64_t)(REAL_RO(seeds)[b] * 9007199254740992.0); /* a uniform of R times 2^53 */
  }
  SEXP whole = PROTECT(Rf_allocVector(REALSXP, n_draws));
  SEXP between = PROTECT(Rf_allocVector(REALSXP, n_draws));
  SEXP within = PROTECT(Rf_allocMatrix(REALSXP, (int)data.n_groups, (int)n_draws));
  const fm_synergy_draws draws = {
      .n_draws = (size_t)n_draws,
      .seed = seed,
      .whole = REAL(whole),
      .between = REAL(between),
      .within = REAL(within),
      .threads = Rf_asInteger(threads),
      .interrupted = fm_user_interrupted,
  };
  fm_error err = {FM_OK, ""};
  fm_check(fm_synergy_null(&data, &draws, &err), &err);
  const char *names[] = {"whole", "between", "within", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, whole);
  SET_VECTOR_ELT(result, 1, between);
  SET_VECTOR_ELT(result, 2, within);
  UNPROTECT(4);
  return result;
}
