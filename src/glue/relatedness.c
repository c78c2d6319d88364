/* relatedness.c: a matrix of presence -> relatedness of industries and densities. */
#include "relatedness.h"

#include <string.h>

#include "../core/decompose/relatedness.h"

static enum fm_related method_of(SEXP method) {
  static const char *const names[FM_RELATED] = {"proximity", "association", "probability", "cosine",
                                                "jaccard"};
  const char *name = CHAR(STRING_ELT(method, 0));
  for (int k = 0; k < FM_RELATED; k++) {
    if (strcmp(name, names[k]) == 0) {
      return (enum fm_related)k;
    }
  }
  Rf_error("internal: there is no relatedness `%s`", name);
}

/* present: regions x industries. list(matrix: industries x industries, density: regions x industries,
 * cooccurrence,
 * relatedness: of the pairs, in the order of index_pairs()). */
SEXP firmmove_relatedness(SEXP present, SEXP method, SEXP self, SEXP threads) {
  const char *names[] = {"matrix", "density", "cooccurrence", "relatedness", ""};
  const int regions = Rf_nrows(present), n = Rf_ncols(present);
  const R_xlen_t pairs = (R_xlen_t)n * (n - 1) / 2;
  const fm_presence presence = {
      (size_t)regions,    (size_t)n, REAL_RO(present), method_of(method), Rf_asLogical(self) == TRUE,
      fm_user_interrupted};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, Rf_allocMatrix(REALSXP, n, n));
  SET_VECTOR_ELT(result, 1, Rf_allocMatrix(REALSXP, regions, n));
  SET_VECTOR_ELT(result, 2, Rf_allocVector(INTSXP, pairs));
  SET_VECTOR_ELT(result, 3, Rf_allocVector(REALSXP, pairs));
  const fm_relations out = {REAL(VECTOR_ELT(result, 0)), REAL(VECTOR_ELT(result, 1)),
                            REAL(VECTOR_ELT(result, 3)), INTEGER(VECTOR_ELT(result, 2))};
  fm_error err = {fm_relatedness(&presence, &out, Rf_asInteger(threads)), ""};
  if (err.code != FM_OK) {
    fm_raise(&err);
  }
  UNPROTECT(1);
  return result;
}
