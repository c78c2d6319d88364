/* rows.c: looks over the rows of long data in one pass, without the n-long vectors that the same look
 * costs in R.
 */
#include <string.h>

#include "glue.h"

/* Writes where runs of equal neighbours start (start may be NULL: counts only); returns their number. */
#define RUNS(TYPE, POINTER)                     \
  do {                                          \
    const TYPE *value = POINTER;                \
    for (R_xlen_t i = 0; i < n; i++) {          \
      if (i == 0 || value[i] != value[i - 1]) { \
        if (start != NULL) {                    \
          start[found] = (double)i;             \
        }                                       \
        found++;                                \
      }                                         \
    }                                           \
  } while (0)

static R_xlen_t write_starts(SEXP x, double *start) {
  const R_xlen_t n = Rf_xlength(x);
  R_xlen_t found = 0;
  switch (TYPEOF(x)) {
    case LGLSXP:
      RUNS(int, LOGICAL_RO(x));
      break;
    case INTSXP:
      RUNS(int, INTEGER_RO(x));
      break;
    case REALSXP:
      RUNS(double, REAL_RO(x));
      break;
    default:
      RUNS(SEXP, STRING_PTR_RO(x));
      break; /* strings are compared as R caches them */
  }
  return found;
}

/* 0-based first rows of the runs of equal values of a key column, and its length at the end. */
SEXP firmmove_run_starts(SEXP x) {
  const int type = TYPEOF(x);
  if (type != LGLSXP && type != INTSXP && type != REALSXP && type != STRSXP) {
    Rf_error("internal: a key column of type %s", Rf_type2char((SEXPTYPE)type));
  }
  const R_xlen_t runs = write_starts(x, NULL);
  SEXP result = PROTECT(Rf_allocVector(REALSXP, runs + 1));
  (void)write_starts(x, REAL(result));
  REAL(result)[runs] = (double)Rf_xlength(x);
  UNPROTECT(1);
  return result;
}

/* Whether codes rise strictly within each occasion; start as run_starts gives it. */
SEXP firmmove_rise_within(SEXP code, SEXP start) {
  const int *value = INTEGER(code);
  const double *first = REAL(start);
  for (R_xlen_t i = 0; i + 1 < Rf_xlength(start); i++) {
    for (R_xlen_t r = (R_xlen_t)first[i] + 1; r < (R_xlen_t)first[i + 1]; r++) {
      if (value[r] <= value[r - 1]) {
        return Rf_ScalarLogical(0);
      }
    }
  }
  return Rf_ScalarLogical(1);
}

/* Sums of the rows of a numeric matrix with the same index, 1 .. n: an n-row matrix. Rows without an index
 * (NA) are left out. */
SEXP firmmove_class_sums(SEXP x, SEXP index, SEXP n) {
  const int rows = Rf_nrows(x), columns = Rf_ncols(x), classes = Rf_asInteger(n);
  if (TYPEOF(x) != REALSXP || TYPEOF(index) != INTSXP || Rf_xlength(index) != rows || classes < 0) {
    Rf_error("internal: sums need numbers, and an index for each row");
  }
  const int *of = INTEGER_RO(index);
  for (int i = 0; i < rows; i++) {
    if (of[i] != NA_INTEGER && (of[i] < 1 || of[i] > classes)) {
      Rf_error("internal: index %d is outside 1..%d", of[i], classes);
    }
  }
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, classes, columns));
  long double *sum = R_allocLD((size_t)classes + 1);
  for (int k = 0; k < columns; k++) {
    const double *column = REAL_RO(x) + (R_xlen_t)k * rows;
    memset(sum, 0, ((size_t)classes + 1) * sizeof(long double));
    for (int i = 0; i < rows; i++) {
      if (of[i] != NA_INTEGER) {
        sum[of[i]] += column[i];
      }
    }
    for (int c = 0; c < classes; c++) {
      REAL(result)[c + (R_xlen_t)k * classes] = (double)sum[c + 1];
    }
  }
  UNPROTECT(1);
  return result;
}
