/* pack.c: vectors of C as vectors of R, and memory of the core that R frees. */
#include "pack.h"

#include <string.h>

#include "../core/base/alloc.h"

SEXP fm_pack_doubles(const double *x, size_t n) {
  SEXP result = Rf_allocVector(REALSXP, (R_xlen_t)n);
  if (n > 0 && x != NULL) {
    memcpy(REAL(result), x, n * sizeof(double));
  }
  return result;
}

SEXP fm_pack_ints(const int *x, size_t n) {
  SEXP result = Rf_allocVector(INTSXP, (R_xlen_t)n);
  if (n > 0 && x != NULL) {
    memcpy(INTEGER(result), x, n * sizeof(int));
  }
  return result;
}

SEXP fm_pack_flags(const unsigned char *x, size_t n) {
  SEXP result = Rf_allocVector(INTSXP, (R_xlen_t)n);
  for (size_t i = 0; i < n; i++) {
    INTEGER(result)[i] = x[i];
  }
  return result;
}

SEXP fm_pack_symmetric(const double *x, size_t n) {
  SEXP result = Rf_allocMatrix(REALSXP, (int)n, (int)n);
  memcpy(REAL(result), x, n * n * sizeof(double));
  return result;
}

void *fm_hold(SEXP pointer, size_t size, void (*release)(SEXP pointer)) {
  void *memory = fm_alloc_zero(1, size);
  if (memory == NULL) {
    fm_error err = {FM_NO_MEMORY, ""};
    fm_raise(&err);
  }
  R_SetExternalPtrAddr(pointer, memory);
  R_RegisterCFinalizerEx(pointer, release, TRUE);
  return memory;
}
