/* decompose.c: a panel of firms -> the sums of its cells, and variances of influences by groups of firms. */
#include "decompose.h"

#include <limits.h>
#include <string.h>

#include "../core/base/alloc.h"
#include "../core/decompose/firm_dynamics.h"

enum { CHECK_BLOCK = 1 << 12 };

/* ---- the pass -------------------------------------------------------------------------------------------------- */
static const double *doubles_or_null(SEXP list, const char *name, size_t n) {
  SEXP x = fm_list_get(list, name);
  if (x == R_NilValue) {
    return NULL;
  }
  if (TYPEOF(x) != REALSXP || (size_t)Rf_xlength(x) != n) {
    Rf_error("internal: `%s` must be %lu numbers", name, (unsigned long)n);
  }
  return REAL_RO(x);
}

/* Codes between low and high, so that the core never leaves its arrays. */
static const int *codes_within(SEXP list, const char *name, size_t n, int low, double high) {
  SEXP x = fm_list_need(list, name, INTSXP);
  const int *code = INTEGER_RO(x);
  const int last = high < 2147483647.0 ? (int)high : INT_MAX;
  int outside = (size_t)Rf_xlength(x) != n;
  for (size_t i = 0; !outside && i < n; i += CHECK_BLOCK) {
    const size_t end = n - i < CHECK_BLOCK ? n : i + CHECK_BLOCK;
    for (size_t j = i; j < end; j++) {
      outside |= (code[j] < low) | (code[j] > last);
    }
  }
  if (outside) {
    Rf_error("internal: `%s` must be %lu codes from %d to %.0f", name, (unsigned long)n, low, high);
  }
  return code;
}

static fm_panel panel_of(SEXP list) {
  const size_t n = (size_t)Rf_xlength(fm_list_need(list, "weight", REALSXP));
  fm_panel panel = {.n = n,
                    .n_firms = (size_t)fm_list_number(list, "n_firms", 0),
                    .n_times = (size_t)fm_list_number(list, "n_times", 0),
                    .n_places = (size_t)fm_list_number(list, "n_places", 0),
                    .n_groups = (size_t)fm_list_number(list, "n_groups", 0),
                    .centre = fm_list_number(list, "centre", 0.0),
                    .keep_zero = fm_list_flag(list, "keep_zero", 0),
                    .consecutive = fm_list_flag(list, "consecutive", 1),
                    .end_to_end = fm_list_flag(list, "end_to_end", 0),
                    .gap_is_exit = fm_list_flag(list, "gap_is_exit", 0)};
  if (n >= 4294967295u) {
    Rf_error("internal: a panel of more than 2^32 rows");
  }
  panel.firm = codes_within(list, "firm", n, 0, (double)panel.n_firms - 1.0);
  panel.time = codes_within(list, "time", n, 1, (double)panel.n_times);
  panel.place = codes_within(list, "place", n, NA_INTEGER, (double)panel.n_places);
  panel.performance = doubles_or_null(list, "performance", n);
  panel.weight = doubles_or_null(list, "weight", n);
  panel.size = doubles_or_null(list, "size", n);
  if (panel.n_groups > 0) {
    panel.group = codes_within(list, "group", n, 1, (double)panel.n_groups);
  }
  return panel;
}

/* What the core has allocated belongs to an external pointer, so that it is freed whatever R does. */
static void release(SEXP pointer) {
  fm_dynamics *d = R_ExternalPtrAddr(pointer);
  if (d != NULL) {
    fm_dynamics_free(d);
    fm_free(d);
    R_ClearExternalPtr(pointer);
  }
}

static fm_dynamics *hold(SEXP pointer) {
  fm_dynamics *d = fm_alloc_zero(1, sizeof(fm_dynamics));
  if (d == NULL) {
    fm_error err = {FM_NO_MEMORY, ""};
    fm_raise(&err);
  }
  R_SetExternalPtrAddr(pointer, d);
  R_RegisterCFinalizerEx(pointer, release, TRUE);
  return d;
}

static SEXP ints(const int *x, size_t n) {
  SEXP result = Rf_allocVector(INTSXP, (R_xlen_t)n);
  if (n > 0) {
    memcpy(INTEGER(result), x, n * sizeof(int));
  }
  return result;
}

static void fill_sums(const fm_dynamics *d, double *count, double *sum) {
  for (size_t i = 0; i < d->n_cells; i++) {
    count[i] = (double)d->cell[i].count;
    for (size_t a = 0; a < FM_FIRM_MOMENTS; a++) {
      sum[i + a * d->n_cells] = d->cell[i].sum[a];
    }
  }
}

enum { PAIR, START, END, COUNT, SUM, N_FIRMS, ZEROS, GAPS, REPEATED, REPEAT, POINTER };

static SEXP pack(const fm_dynamics *d, SEXP pointer) {
  const char *names[] = {"pair",  "start", "end",      "count",  "sum",     "n_firms",
                         "zeros", "gaps",  "repeated", "repeat", "pointer", ""};
  const int n = (int)d->n_cells;
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, PAIR, ints(d->pair, d->n_cells));
  SET_VECTOR_ELT(result, START, ints(d->start, d->n_cells));
  SET_VECTOR_ELT(result, END, ints(d->end, d->n_cells));
  SET_VECTOR_ELT(result, COUNT, Rf_allocVector(REALSXP, n));
  SET_VECTOR_ELT(result, SUM, Rf_allocMatrix(REALSXP, n, FM_FIRM_MOMENTS));
  SET_VECTOR_ELT(result, N_FIRMS, Rf_ScalarReal((double)d->n_firms));
  SET_VECTOR_ELT(result, ZEROS, Rf_ScalarReal((double)d->zeros));
  SET_VECTOR_ELT(result, GAPS, Rf_ScalarReal((double)d->gaps));
  SET_VECTOR_ELT(result, REPEATED, Rf_ScalarReal((double)d->repeated));
  const size_t shown = d->repeated < 5 ? d->repeated : 5;
  SET_VECTOR_ELT(result, REPEAT, Rf_allocVector(REALSXP, (R_xlen_t)shown));
  for (size_t i = 0; i < shown; i++) {
    REAL(VECTOR_ELT(result, REPEAT))[i] = (double)d->repeat[i] + 1.0;
  }
  SET_VECTOR_ELT(result, POINTER, pointer);
  fill_sums(d, REAL(VECTOR_ELT(result, COUNT)), REAL(VECTOR_ELT(result, SUM)));
  UNPROTECT(1);
  return result;
}

/* panel = list(firm, n_firms, time, n_times, place, n_places, performance, weight, size, group, n_groups, centre,
 * keep_zero, consecutive, end_to_end, gap_is_exit, threads): the fields of fm_panel, and the number of threads. */
SEXP firmmove_firm_dynamics(SEXP panel) {
  const fm_panel p = panel_of(panel);
  SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue));
  fm_dynamics *d = hold(pointer);
  fm_error err = {fm_dynamics_run(&p, fm_control_threads(panel), fm_user_interrupted, d), ""};
  if (err.code != FM_OK) {
    release(pointer);
    fm_raise(&err);
  }
  SEXP result = pack(d, pointer);
  UNPROTECT(1);
  return result;
}

/* ---- variances --------------------------------------------------------------------------------------------------- */
static fm_terms terms_of(SEXP list, const fm_dynamics *d) {
  SEXP columns = fm_list_need(list, "columns", VECSXP);
  fm_terms terms = {.n = (size_t)Rf_xlength(fm_list_need(list, "pair", INTSXP)),
                    .n_columns = (size_t)Rf_xlength(columns)};
  terms.pair = codes_within(list, "pair", terms.n, 1, (double)d->n_pairs);
  terms.place = codes_within(list, "place", terms.n, 1, (double)d->n_places);
  terms.cell = codes_within(list, "cell", terms.n, 0, (double)d->n_cells);
  terms.class = codes_within(list, "class", terms.n_columns, 0, FM_CLASSES - 1);
  terms.moment = codes_within(list, "moment", terms.n_columns, 0, FM_FIRM_MOMENTS - 1);
  const double **column = (const double **)R_alloc(terms.n_columns + 1, sizeof(double *));
  for (size_t j = 0; j < terms.n_columns; j++) {
    SEXP x = VECTOR_ELT(columns, (R_xlen_t)j);
    if (TYPEOF(x) != REALSXP || (size_t)Rf_xlength(x) != terms.n) {
      Rf_error("internal: derivatives must be %lu numbers", (unsigned long)terms.n);
    }
    column[j] = REAL_RO(x);
  }
  terms.column = column;
  return terms;
}

/* Sum over firms, or over their groups, of the squared influences of terms = list(pair, place, cell, class, moment,
 * columns): the fields of fm_terms. */
SEXP firmmove_account_variance(SEXP dynamics, SEXP terms) {
  const fm_dynamics *d = R_ExternalPtrAddr(dynamics);
  if (d == NULL) {
    Rf_error("internal: the sums of the firms are gone");
  }
  const fm_terms t = terms_of(terms, d);
  SEXP result = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)t.n));
  fm_error err = {FM_OK, ""};
  err.code = d->n_groups > 0 ? fm_dynamics_grouped(d, &t, REAL(result))
                             : fm_dynamics_variance(d, &t, REAL(result));
  if (err.code != FM_OK) {
    fm_raise(&err);
  }
  UNPROTECT(1);
  return result;
}

/* Sum over firms, or over their groups, of the squares of one influence, for each pair of periods. gradient: matrix cell x
 * moment. */
SEXP firmmove_cell_variance(SEXP dynamics, SEXP gradient) {
  const fm_dynamics *d = R_ExternalPtrAddr(dynamics);
  if (d == NULL || TYPEOF(gradient) != REALSXP ||
      (size_t)Rf_xlength(gradient) != d->n_cells * FM_FIRM_MOMENTS) {
    Rf_error("internal: the sums of the firms are gone, or of other cells");
  }
  SEXP result = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)d->n_pairs));
  fm_error err = {fm_dynamics_cells(d, REAL_RO(gradient), REAL(result)), ""};
  if (err.code != FM_OK) {
    fm_raise(&err);
  }
  UNPROTECT(1);
  return result;
}
