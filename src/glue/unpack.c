/* unpack.c: read named entries of R lists, with the name in every message. */
#include <string.h>

#include "glue.h"

SEXP fm_list_get(SEXP list, const char *name) {
  SEXP names = Rf_getAttrib(list, R_NamesSymbol);
  for (R_xlen_t i = 0; i < Rf_xlength(names); i++) {
    if (strcmp(CHAR(STRING_ELT(names, i)), name) == 0) {
      return VECTOR_ELT(list, i);
    }
  }
  return R_NilValue;
}

SEXP fm_list_need(SEXP list, const char *name, SEXPTYPE type) {
  SEXP x = fm_list_get(list, name);
  if ((SEXPTYPE)TYPEOF(x) != type) {
    Rf_error("internal: entry `%s` must be of type %s, not %s", name, Rf_type2char(type),
             Rf_type2char((SEXPTYPE)TYPEOF(x)));
  }
  return x;
}

int fm_list_flag(SEXP list, const char *name, int otherwise) {
  SEXP x = fm_list_get(list, name);
  return x == R_NilValue ? otherwise : Rf_asLogical(x) == TRUE;
}

double fm_list_number(SEXP list, const char *name, double otherwise) {
  SEXP x = fm_list_get(list, name);
  return x == R_NilValue ? otherwise : Rf_asReal(x);
}

int fm_control_threads(SEXP control) { return (int)fm_list_number(control, "threads", 1); }
