/* condition.c: status -> R condition. */
#include "glue.h"

static const char *class_of(fm_code code) {
  switch (code) {
    case FM_NO_MEMORY:
      return "memory";
    case FM_INVALID:
      return "invalid";
    case FM_SINGULAR:
      return "singular";
    case FM_DIVERGED:
      return "diverged";
    case FM_INTERRUPTED:
      return "interrupted";
    case FM_IO:
      return "io";
    case FM_CORRUPT:
      return "corrupt";
    default:
      return "internal";
  }
}

void fm_raise(const fm_error *err) {
  SEXP space = PROTECT(Rf_mkString("firmmove"));
  SEXP package = PROTECT(R_FindNamespace(space));
  SEXP message = PROTECT(Rf_mkString(err->message[0] ? err->message : fm_code_text(err->code)));
  SEXP kind = PROTECT(Rf_mkString(class_of(err->code)));
  SEXP call = PROTECT(Rf_lang3(Rf_install("core_condition"), message, kind));
  Rf_eval(call, package);
  UNPROTECT(5);
}

void fm_check(fm_code code, fm_error *err) {
  if (code != FM_OK) {
    err->code = code;
    fm_raise(err);
  }
}

static void check_interrupt(void *unused) {
  (void)unused;
  R_CheckUserInterrupt();
}

int fm_user_interrupted(void *context) {
  (void)context;
  return R_ToplevelExec(check_interrupt, NULL) == FALSE;
}
