/* store_csv.c: bytes of a CSV file -> columns of R, as many whole records as the bytes hold.
 */
#include <limits.h>

#include "../core/base/alloc.h"
#include "../core/store/csv.h"
#include "store.h"

/* A problem of R's user, to be told with the file and the row: list(rows = records before it, problem =
 * words). */
static SEXP problem_of(const fm_csv *csv, const char *words) {
  const char *names[] = {"rows", "problem", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, Rf_ScalarReal((double)csv->n_rows));
  SET_VECTOR_ELT(result, 1, Rf_mkString(words));
  UNPROTECT(1);
  return result;
}

/* ---- kinds ------------------------------------------------------------------------------------------- */

static int not_logical(const fm_csv_field *field) {
  return !(field->length >= 4 && fm_csv_logical(field) >= 0); /* true and false in full */
}

/* What all fields seen of a column are, so far: arrays by column. */
typedef struct fitting {
  int *number, *logical, *whole;
} fitting;

static void look_at(const fm_csv_field *field, const fitting *fits, size_t column) {
  double value = 0;
  if (fm_csv_missing(field)) {
    return;
  }
  const int number = fm_csv_number(field, &value);
  const int whole = number && value > INT_MIN && value <= INT_MAX && value == (double)(int)value;
  fits->number[column] &= number;
  fits->logical[column] &= !not_logical(field);
  fits->whole[column] &= whole;
}

static void look_at_all(const fm_csv *csv, const fitting *fits) {
  for (size_t i = 0; i < csv->n_rows; i++) {
    for (size_t j = 0; j < csv->n_columns; j++) {
      look_at(&csv->field[i * csv->n_columns + j], fits, j);
    }
  }
}

/* TRUE for each column, as entry `at` of a list. */
static int *new_flags(SEXP list, R_xlen_t at, int n) {
  SET_VECTOR_ELT(list, at, Rf_allocVector(LGLSXP, n));
  int *flag = LOGICAL(VECTOR_ELT(list, at));
  for (int j = 0; j < n; j++) {
    flag[j] = 1;
  }
  return flag;
}

static const char *text_of(SEXP bytes) { return (const char *)RAW_RO(bytes); }

/* list(rows, used, number, logical, whole): of each column, whether all its fields are that, or missing. */
SEXP firmmove_csv_kinds(SEXP bytes, SEXP separator, SEXP n_columns, SEXP last) {
  const char *names[] = {"rows", "used", "number", "logical", "whole", ""};
  const int n = Rf_asInteger(n_columns);
  fm_error err = {FM_OK, ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  const fitting fits = {new_flags(result, 2, n), new_flags(result, 3, n), new_flags(result, 4, n)};
  fm_csv csv = {.n_columns = (size_t)n};
  const fm_code code =
      fm_csv_split(&csv, text_of(bytes), (size_t)Rf_xlength(bytes), CHAR(STRING_ELT(separator, 0))[0],
                   Rf_asLogical(last) == TRUE, INT_MAX, &err);
  if (code == FM_OK) {
    look_at_all(&csv, &fits);
  }
  fm_csv_free(&csv);
  if (code == FM_NO_MEMORY) {
    fm_raise(&err);
  }
  SET_VECTOR_ELT(result, 0, Rf_ScalarReal((double)csv.n_rows));
  SET_VECTOR_ELT(result, 1, Rf_ScalarReal((double)csv.used));
  if (code != FM_OK) {
    result = problem_of(&csv, err.message);
  }
  UNPROTECT(1);
  return result;
}

/* ---- columns ----------------------------------------------------------------------------------------- */

/* Writes row i of a column of numbers or logicals; 0 when the field is none. */
static int put_value(const fm_csv_field *field, SEXP x, R_xlen_t i) {
  if (TYPEOF(x) == REALSXP) {
    REAL(x)[i] = NA_REAL;
    return fm_csv_missing(field) || fm_csv_number(field, &REAL(x)[i]);
  }
  LOGICAL(x)[i] = fm_csv_missing(field) ? NA_LOGICAL : fm_csv_logical(field);
  return LOGICAL(x)[i] != -1;
}

static SEXP string_of(const fm_csv_field *field, char *scratch) {
  if (fm_csv_missing(field)) {
    return NA_STRING;
  }
  if (field->quoted < 2) {
    return Rf_mkCharLenCE(field->text, (int)field->length, CE_UTF8);
  }
  return Rf_mkCharLenCE(scratch, (int)fm_csv_copy(field, scratch), CE_UTF8);
}

/* A column from its fields, `stride` apart; the row of the first field that is no value, or -1. */
static R_xlen_t fill_column(const fm_csv_field *field, size_t stride, SEXP x, char *scratch) {
  for (R_xlen_t i = 0; i < Rf_xlength(x); i++) {
    const fm_csv_field *one = &field[(size_t)i * stride];
    if (TYPEOF(x) == STRSXP) {
      SET_STRING_ELT(x, i, string_of(one, scratch));
    } else if (!put_value(one, x, i)) {
      return i;
    }
  }
  return -1;
}

static void free_csv(SEXP pointer) {
  fm_csv *csv = R_ExternalPtrAddr(pointer);
  if (csv != NULL) {
    fm_csv_free(csv);
    fm_free(csv);
    R_ClearExternalPtr(pointer);
  }
}

/* Fields that the collector frees if R fails while they become strings. */
static SEXP new_csv(void) {
  SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue));
  R_RegisterCFinalizer(pointer, free_csv);
  R_SetExternalPtrAddr(pointer, fm_alloc_zero(1, sizeof(fm_csv)));
  UNPROTECT(1);
  return pointer;
}

static size_t longest_field(const fm_csv *csv) {
  size_t longest = 0;
  for (size_t i = 0; i < csv->n_rows * csv->n_columns; i++) {
    longest = csv->field[i].length > longest ? csv->field[i].length : longest;
  }
  return longest;
}

/* list(rows, used, columns), or list(rows, problem, column): field `column` (from 1) of the record after
 * `rows`. */
static SEXP columns_of(const fm_csv *csv, SEXP storage) {
  const char *names[] = {"rows", "used", "columns", ""}, *failed[] = {"rows", "problem", "column", ""};
  static const SEXPTYPE type[] = {LGLSXP, REALSXP, REALSXP, STRSXP, STRSXP}; /* as fm_column_storage */
  const int *becomes = fm_column_storages(storage, csv->n_columns);
  const R_xlen_t n = (R_xlen_t)csv->n_columns;
  char *scratch = R_alloc(longest_field(csv) + 1, 1);
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SEXP columns = Rf_allocVector(VECSXP, n);
  SET_VECTOR_ELT(result, 2, columns);
  R_xlen_t bad = -1;
  for (R_xlen_t j = 0; j < n && bad < 0; j++) {
    SET_VECTOR_ELT(columns, j, Rf_allocVector(type[becomes[j]], (R_xlen_t)csv->n_rows));
    bad = fill_column(csv->field + j, csv->n_columns, VECTOR_ELT(columns, j), scratch);
    if (bad >= 0) {
      const fm_csv_field *field = &csv->field[(size_t)bad * csv->n_columns + (size_t)j];
      result = PROTECT(Rf_mkNamed(VECSXP, failed));
      SET_VECTOR_ELT(result, 0, Rf_ScalarReal((double)bad));
      SET_VECTOR_ELT(result, 1, Rf_ScalarString(string_of(field, scratch)));
      SET_VECTOR_ELT(result, 2, Rf_ScalarReal((double)j + 1));
      UNPROTECT(2);
      return result;
    }
  }
  SET_VECTOR_ELT(result, 0, Rf_ScalarReal((double)csv->n_rows));
  SET_VECTOR_ELT(result, 1, Rf_ScalarReal((double)csv->used));
  UNPROTECT(1);
  return result;
}

/* The records of the bytes, at most max_rows; storage of each column as in firmmove_shard_read, all numbers
 * as doubles. */
SEXP firmmove_csv_columns(SEXP bytes, SEXP separator, SEXP storage, SEXP last, SEXP max_rows) {
  fm_error err = {FM_OK, ""};
  SEXP pointer = PROTECT(new_csv());
  fm_csv *csv = R_ExternalPtrAddr(pointer);
  if (csv == NULL) {
    Rf_error("no memory to read a file");
  }
  csv->n_columns = (size_t)Rf_xlength(storage);
  const fm_code code =
      fm_csv_split(csv, text_of(bytes), (size_t)Rf_xlength(bytes), CHAR(STRING_ELT(separator, 0))[0],
                   Rf_asLogical(last) == TRUE, (size_t)Rf_asReal(max_rows), &err);
  if (code == FM_NO_MEMORY) {
    free_csv(pointer);
    fm_raise(&err);
  }
  SEXP result = PROTECT(code == FM_OK ? columns_of(csv, storage) : problem_of(csv, err.message));
  free_csv(pointer);
  UNPROTECT(2);
  return result;
}
