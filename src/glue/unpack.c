/* unpack.c: vectors and named entries of lists of R, with their names in every message. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "glue.h"

enum { CHECK_BLOCK = 1 << 12 };

/* ---- vectors ----------------------------------------------------------------------------------------- */
const double *fm_as_doubles(SEXP x, size_t n, const char *what) {
  return x == R_NilValue ? NULL : fm_need_doubles(x, n, what);
}

const double *fm_need_doubles(SEXP x, size_t n, const char *what) {
  if (TYPEOF(x) != REALSXP || (size_t)Rf_xlength(x) != n) {
    Rf_error("internal: `%s` must be %lu numbers", what, (unsigned long)n);
  }
  return REAL_RO(x);
}

const int *fm_as_ints(SEXP x, size_t n, const char *what) {
  if (x == R_NilValue) {
    return NULL;
  }
  if (TYPEOF(x) != INTSXP || (size_t)Rf_xlength(x) != n) {
    Rf_error("internal: `%s` must be %lu integers", what, (unsigned long)n);
  }
  return INTEGER_RO(x);
}

/* Whether some of the codes are outside: looked at in blocks, within which nothing branches. */
static int any_outside(const int *code, size_t n, int low, int high) {
  int outside = 0;
  for (size_t i = 0; i < n; i += CHECK_BLOCK) {
    const size_t end = n - i < CHECK_BLOCK ? n : i + CHECK_BLOCK;
    for (size_t j = i; j < end; j++) {
      outside |= (code[j] < low) | (code[j] > high);
    }
    if (outside) {
      break;
    }
  }
  return outside;
}

const int *fm_as_codes(SEXP x, size_t n, double low, double high, const char *what) {
  const int *code = fm_as_ints(x, n, what);
  const int first = low > -2147483648.0 ? (int)low : INT_MIN,
            last = high < 2147483647.0 ? (int)high : INT_MAX;
  if (code != NULL && any_outside(code, n, first, last)) {
    size_t i = 0;
    while (code[i] >= first && code[i] <= last) {
      i++;
    }
    Rf_error("internal: `%s` has %d at %lu, outside %d..%d", what, code[i], (unsigned long)i + 1, first,
             last);
  }
  return code;
}

size_t fm_largest_code(const int *code, size_t n) {
  int largest = 0;
  if (code == NULL) {
    return 0;
  }
  for (size_t i = 0; i < n; i++) {
    largest = code[i] > largest ? code[i] : largest;
  }
  return (size_t)largest;
}

const int *fm_from_zero(SEXP code) {
  if (code == R_NilValue) {
    return NULL;
  }
  const size_t n = (size_t)Rf_xlength(code);
  const int *from = fm_as_ints(code, n, "code");
  int *copy = (int *)R_alloc(n + 1, sizeof(int));
  for (size_t i = 0; i < n; i++) {
    copy[i] = from[i] - 1;
  }
  return copy;
}

void fm_check_start(SEXP start, SEXP fixed, size_t p) {
  if (TYPEOF(start) != REALSXP || (size_t)Rf_xlength(start) != p || TYPEOF(fixed) != LGLSXP ||
      (size_t)Rf_xlength(fixed) != p) {
    Rf_error("internal: `start` and `fixed` must have %lu entries", (unsigned long)p);
  }
}

static int place_among(const char *word, const char *const *words, const char *what) {
  for (int k = 0; words[k] != NULL; k++) {
    if (strcmp(word, words[k]) == 0) {
      return k;
    }
  }
  Rf_error("internal: `%s` cannot be \"%s\"", what, word);
}

int fm_word(SEXP x, const char *const *words, const char *what) { return fm_words(x, 1, words, what)[0]; }

const int *fm_words(SEXP x, size_t n, const char *const *words, const char *what) {
  if (TYPEOF(x) != STRSXP || (size_t)Rf_xlength(x) != n) {
    Rf_error("internal: `%s` must be %lu words", what, (unsigned long)n);
  }
  int *number = (int *)R_alloc(n + 1, sizeof(int));
  for (size_t i = 0; i < n; i++) {
    number[i] = place_among(CHAR(STRING_ELT(x, (R_xlen_t)i)), words, what);
  }
  return number;
}

/* ---- entries of lists -------------------------------------------------------------------------------- */
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

size_t fm_list_count(SEXP list, const char *name) {
  const double count = fm_list_number(list, name, 0.0);
  if (!(count >= 0.0 && count <= 9007199254740992.0)) {
    Rf_error("internal: `%s` must be a count, not %g", name, count);
  }
  return (size_t)count;
}

const double *fm_list_doubles(SEXP list, const char *name, size_t n) {
  return fm_as_doubles(fm_list_get(list, name), n, name);
}

const int *fm_list_ints(SEXP list, const char *name, size_t n) {
  return fm_as_ints(fm_list_get(list, name), n, name);
}

const int *fm_list_codes(SEXP list, const char *name, size_t n, double low, double high) {
  return fm_as_codes(fm_list_need(list, name, INTSXP), n, low, high, name);
}

const int *fm_list_words(SEXP list, const char *name, size_t n, const char *const *words) {
  return fm_words(fm_list_get(list, name), n, words, name);
}

int fm_control_threads(SEXP control) { return (int)fm_list_number(control, "threads", 1); }
