/* codes.c: columns of ids -> codes: by value where they are whole numbers of a small range,
 * else by a hash table. */
#include "codes.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "../core/base/alloc.h"
#include "../core/decompose/codes.h"

enum { SMALL_RANGE = 1 << 20 };

/* An integer vector that will be written all over. */
static SEXP fresh_ints(size_t n) {
  SEXP x = Rf_allocVector(INTSXP, (R_xlen_t)n);
  fm_expect_use(INTEGER(x), n * sizeof(int));
  return x;
}

/* ---- whole numbers ----------------------------------------------------------------------------------- */
/* Integers, or doubles to be read as integers. NA and NaN are NA_INTEGER. */
typedef struct whole {
  const int *integer; /* NULL: */
  const double *number;
  int low, high; /* the range of those that are not NA; low > high without any */
} whole;

static inline int whole_at(const whole *x, size_t i) {
  if (x->integer != NULL) {
    return x->integer[i];
  }
  return x->number[i] == x->number[i] ? (int)x->number[i] : NA_INTEGER;
}

static void range_of_integers(whole *x, size_t n) {
  int low = INT_MAX, high = INT_MIN;
  for (size_t i = 0; i < n; i++) {
    const int value = x->integer[i];
    low = value < low && value != NA_INTEGER ? value : low;
    high = value > high ? value : high; /* NA_INTEGER is INT_MIN */
  }
  x->low = low;
  x->high = high;
}

/* 0 when some number is not whole, or large. */
static int range_of_numbers(whole *x, size_t n) {
  double low = 1073741823.0, high = -1073741823.0;
  for (size_t i = 0; i < n; i++) {
    const double value = x->number[i];
    if (value != value) {
      continue;
    }
    if (!(fabs(value) <= 1073741823.0) || (double)(int)value != value) {
      return 0;
    }
    low = value < low ? value : low;
    high = value > high ? value : high;
  }
  x->low = (int)low;
  x->high = (int)high;
  return 1;
}

static int as_whole(SEXP x, whole *to) {
  const size_t n = (size_t)Rf_xlength(x);
  *to = (whole){0};
  if (TYPEOF(x) == INTSXP || TYPEOF(x) == LGLSXP) {
    to->integer = TYPEOF(x) == INTSXP ? INTEGER_RO(x) : LOGICAL_RO(x);
    range_of_integers(to, n);
    return 1;
  }
  if (TYPEOF(x) != REALSXP) {
    return 0;
  }
  to->number = REAL_RO(x);
  return range_of_numbers(to, n);
}

static double width_of(const whole *x) { return x->low > x->high ? 0.0 : (double)x->high - x->low + 1; }

/* Codes 1, 2, ... in order of first appearance; returns their number. */
static size_t codes_by_value(const whole *x, size_t n, int *code) {
  const size_t width = (size_t)width_of(x);
  int *table = (int *)R_alloc(width + 1, sizeof(int));
  size_t found = 0;
  memset(table, 0, (width + 1) * sizeof(int));
  for (size_t i = 0; i < n; i++) {
    const int value = whole_at(x, i);
    int *slot = &table[value == NA_INTEGER ? (int)width : value - x->low];
    if (*slot == 0) {
      *slot = value == NA_INTEGER ? NA_INTEGER : (int)++found;
    }
    code[i] = *slot;
  }
  return found;
}

/* ---- other ids --------------------------------------------------------------------------------------- */
static int is_missing(SEXP x, size_t i) {
  return TYPEOF(x) == STRSXP ? STRING_ELT(x, (R_xlen_t)i) == NA_STRING : ISNAN(REAL_RO(x)[i]);
}

/* The number, or where R keeps the string. */
static uint64_t key_at(SEXP x, size_t i) {
  uint64_t key = 0;
  if (TYPEOF(x) == STRSXP) {
    key = (uint64_t)(uintptr_t)STRING_ELT(x, (R_xlen_t)i);
  } else if (TYPEOF(x) == REALSXP) {
    const double value = REAL_RO(x)[i] + 0.0; /* -0 is 0 */
    memcpy(&key, &value, sizeof(double));
  } else {
    key = (uint64_t)(uint32_t)INTEGER_RO(x)[i];
  }
  return key;
}

/* The same as codes_by_value(), of strings, doubles or integers;
 * without_na: there are no NA to look for. */
static size_t codes_by_key(SEXP x, size_t n, int without_na, int *code) {
  fm_codes codes = {0};
  fm_error err = {fm_codes_init(&codes, 1024), ""};
  uint64_t before = 0;
  uint32_t known = 0;
  for (size_t i = 0; i < n && err.code == FM_OK; i++) {
    if (!without_na && is_missing(x, i)) {
      code[i] = NA_INTEGER;
      continue;
    }
    const uint64_t key = key_at(x, i);
    if (i == 0 || key != before || codes.n == 0) {
      err.code = fm_codes_get(&codes, key, &known);
      before = key;
    }
    code[i] = (int)known + 1;
  }
  const size_t found = codes.n;
  fm_codes_free(&codes);
  fm_check(err.code, &err);
  return found;
}

/* The rows, from 1 on, in which each code appears first. */
static SEXP first_rows(const int *code, size_t n, size_t n_codes) {
  SEXP first = Rf_allocVector(REALSXP, (R_xlen_t)n_codes);
  double *row = REAL(first);
  size_t found = 0;
  for (size_t i = 0; found < n_codes && i < n; i++) {
    if (code[i] > (int)found) {
      row[found++] = (double)i + 1;
    }
  }
  return first;
}

/* By the value of the byte: whether plain char has a sign depends on the processor. */
static int is_ascii(const char *text) {
  const unsigned char *at = (const unsigned char *)text;
  while (*at > 0 && *at < 128) {
    at++;
  }
  return *at == 0;
}

/* R keeps each string once for an encoding: strings in one encoding, or in ASCII,
 * differ when their places do. */
static int one_encoding(SEXP x, SEXP first) {
  int known = -1;
  for (R_xlen_t k = 0; k < Rf_xlength(first); k++) {
    SEXP text = STRING_ELT(x, (R_xlen_t)REAL_RO(first)[k] - 1);
    if (!is_ascii(CHAR(text))) {
      const int encoding = (int)Rf_getCharCE(text);
      if (known >= 0 && encoding != known) {
        return 0;
      }
      known = encoding;
    }
  }
  return 1;
}

/* ---- entry points ------------------------------------------------------------------------------------ */
/* list(first = rows in which each value but NA appears first, code = 1, 2, ... in that order, NA for NA);
 * NULL for a column that is better left to R: numbers that are not whole or far apart,
 * strings of several encodings. */
SEXP firmmove_column_codes(SEXP x) {
  const size_t n = (size_t)Rf_xlength(x);
  const char *names[] = {"first", "code", ""};
  whole numbers;
  const int is_whole = TYPEOF(x) != STRSXP && as_whole(x, &numbers);
  if (TYPEOF(x) != STRSXP && (!is_whole || width_of(&numbers) > SMALL_RANGE)) {
    return R_NilValue;
  }
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 1, fresh_ints(n));
  int *code = INTEGER(VECTOR_ELT(result, 1));
  const size_t found = is_whole ? codes_by_value(&numbers, n, code) : codes_by_key(x, n, 0, code);
  SET_VECTOR_ELT(result, 0, first_rows(code, n, found));
  const int fine = is_whole || one_encoding(x, VECTOR_ELT(result, 0));
  UNPROTECT(1);
  return fine ? result : R_NilValue;
}

/* list(code = 0-based, n = number of codes, some perhaps unused) of integers, doubles or strings without
 * NA; NULL for strings of several encodings. */
SEXP firmmove_firm_codes(SEXP x) {
  const size_t n = (size_t)Rf_xlength(x);
  const char *names[] = {"code", "n", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, fresh_ints(n));
  int *code = INTEGER(VECTOR_ELT(result, 0));
  whole numbers;
  double n_codes = 0;
  int fine = 1;
  if (as_whole(x, &numbers) && width_of(&numbers) <= fmin(4.0 * (double)n + 1e6, 2147483646.0)) {
    for (size_t i = 0; i < n; i++) {
      code[i] = whole_at(&numbers, i) - numbers.low;
    }
    n_codes = width_of(&numbers);
  } else {
    const size_t found = codes_by_key(x, n, 1, code);
    n_codes = (double)found;
    fine = TYPEOF(x) != STRSXP || one_encoding(x, first_rows(code, n, found));
    for (size_t i = 0; i < n; i++) {
      code[i]--;
    }
  }
  SET_VECTOR_ELT(result, 1, Rf_ScalarReal(n_codes));
  UNPROTECT(1);
  return fine ? result : R_NilValue;
}

/* rank[code], NA for NA. */
SEXP firmmove_recode(SEXP code, SEXP rank) {
  const size_t n = (size_t)Rf_xlength(code);
  const int n_codes = (int)Rf_xlength(rank), *of = INTEGER_RO(rank), *from = INTEGER_RO(code);
  SEXP result = PROTECT(fresh_ints(n));
  int *to = INTEGER(result);
  for (size_t i = 0; i < n; i++) {
    to[i] = from[i] >= 1 && from[i] <= n_codes ? of[from[i] - 1] : NA_INTEGER;
  }
  UNPROTECT(1);
  return result;
}
