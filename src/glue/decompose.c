/* decompose.c: a panel of firms -> the sums of its cells, and variances of influences by groups of firms.
 * */
#include "decompose.h"

#include <string.h>

#include "../core/base/alloc.h"
#include "../core/decompose/firm_dynamics.h"
#include "pack.h"
#include "panel.h"

/* ---- the pass
 * -------------------------------------------------------------------------------------------------- */
static fm_panel panel_of(SEXP list) {
  fm_panel panel = fm_panel_from_list(list);
  panel.n_groups = fm_list_count(list, "n_groups");
  panel.centre = fm_list_number(list, "centre", 0.0);
  panel.keep_zero = fm_list_flag(list, "keep_zero", 0);
  panel.consecutive = fm_list_flag(list, "consecutive", 1);
  panel.end_to_end = fm_list_flag(list, "end_to_end", 0);
  panel.gap_is_exit = fm_list_flag(list, "gap_is_exit", 0);
  panel.size = fm_list_doubles(list, "size", panel.n);
  if (panel.n_groups > 0) {
    panel.group = fm_list_codes(list, "group", panel.n, 1, (double)panel.n_groups);
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

static void fill_sums(const fm_dynamics *d, double *count, double *sum) {
  for (size_t i = 0; i < d->n_cells; i++) {
    count[i] = (double)d->cell[i].count;
    for (size_t a = 0; a < FM_FIRM_MOMENTS; a++) {
      sum[i + a * d->n_cells] = d->cell[i].sum[a];
    }
  }
}

/* How many groups the firms of each cell are in. */
static SEXP groups_of_cells(const fm_dynamics *d) {
  SEXP result = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)d->n_cells));
  double *groups = REAL(result);
  memset(groups, 0, d->n_cells * sizeof(double));
  for (size_t i = 0; i < d->n_parts; i++) {
    groups[d->part[i].cell]++;
  }
  UNPROTECT(1);
  return result;
}

enum { PAIR, START, END, COUNT, SUM, N_FIRMS, ZEROS, GAPS, REPEATED, REPEAT, POINTER, GROUPS };

static SEXP pack(const fm_dynamics *d, SEXP pointer) {
  const char *names[] = {"pair", "start",    "end",    "count",   "sum",    "n_firms", "zeros",
                         "gaps", "repeated", "repeat", "pointer", "groups", ""};
  const int n = (int)d->n_cells;
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, PAIR, fm_pack_ints(d->pair, d->n_cells));
  SET_VECTOR_ELT(result, START, fm_pack_ints(d->start, d->n_cells));
  SET_VECTOR_ELT(result, END, fm_pack_ints(d->end, d->n_cells));
  SET_VECTOR_ELT(result, COUNT, Rf_allocVector(REALSXP, n));
  SET_VECTOR_ELT(result, SUM, Rf_allocMatrix(REALSXP, n, FM_FIRM_MOMENTS));
  SET_VECTOR_ELT(result, N_FIRMS, Rf_ScalarReal((double)d->n_firms));
  SET_VECTOR_ELT(result, ZEROS, Rf_ScalarReal((double)d->zeros));
  SET_VECTOR_ELT(result, GAPS, Rf_ScalarReal((double)d->gaps));
  SET_VECTOR_ELT(result, REPEATED, Rf_ScalarReal((double)d->repeated));
  SET_VECTOR_ELT(result, REPEAT, fm_panel_repeats(d->repeat, d->repeated));
  SET_VECTOR_ELT(result, POINTER, pointer);
  fill_sums(d, REAL(VECTOR_ELT(result, COUNT)), REAL(VECTOR_ELT(result, SUM)));
  if (d->n_groups > 0) {
    SET_VECTOR_ELT(result, GROUPS, groups_of_cells(d));
  }
  UNPROTECT(1);
  return result;
}

/* panel = list(firm, n_firms, time, n_times, place, n_places, performance, weight, size, group, n_groups,
 * centre,
 * keep_zero, consecutive, end_to_end, gap_is_exit, threads): the fields of fm_panel, and the number of
 * threads. */
SEXP firmmove_firm_dynamics(SEXP panel) {
  const fm_panel p = panel_of(panel);
  SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue));
  fm_dynamics *d = fm_hold(pointer, sizeof(fm_dynamics), release);
  const fm_code code = fm_dynamics_run(&p, fm_control_threads(panel), fm_user_interrupted, d);
  fm_error err = {FM_OK, ""};
  if (code != FM_OK) {
    release(pointer);
  }
  fm_check(code, &err);
  SEXP result = pack(d, pointer);
  UNPROTECT(1);
  return result;
}

/* ---- variances
 * --------------------------------------------------------------------------------------------------- */
/* as fm_firm_class */
static const char *const classes[FM_CLASSES + 1] = {"all",  "start", "end", "stay", "dead",
                                                    "gone", "new",   "own", NULL};
/* as fm_firm_moment */
static const char *const moments[FM_FIRM_MOMENTS + 1] = {"w0",  "p0", "y0", "w1", "p1",   "y1", "x01",
                                                         "x10", "u",  "v0", "v1", "gain", NULL};

static fm_terms terms_of(SEXP list, const fm_dynamics *d) {
  SEXP columns = fm_list_need(list, "columns", VECSXP);
  fm_terms terms = {.n = (size_t)Rf_xlength(fm_list_need(list, "pair", INTSXP)),
                    .n_columns = (size_t)Rf_xlength(columns)};
  terms.pair = fm_list_codes(list, "pair", terms.n, 1, (double)d->n_pairs);
  terms.place = fm_list_codes(list, "place", terms.n, 1, (double)d->n_places);
  terms.cell = fm_list_codes(list, "cell", terms.n, 0, (double)d->n_cells);
  terms.class_of = fm_list_words(list, "class", terms.n_columns, classes);
  terms.moment = fm_list_words(list, "moment", terms.n_columns, moments);
  const double **column = (const double **)R_alloc(terms.n_columns + 1, sizeof(double *));
  for (size_t j = 0; j < terms.n_columns; j++) {
    column[j] = fm_need_doubles(VECTOR_ELT(columns, (R_xlen_t)j), terms.n, "derivatives");
  }
  terms.column = column;
  return terms;
}

/* Sum over firms, or over their groups, of the squared influences, and beside it that over those of the
 * own cell,
 * of terms = list(pair, place, cell, class, moment,
 * columns): the fields of fm_terms. */
SEXP firmmove_account_variance(SEXP dynamics, SEXP terms) {
  const fm_dynamics *d = R_ExternalPtrAddr(dynamics);
  if (d == NULL) {
    Rf_error("internal: the sums of the firms are gone");
  }
  const fm_terms t = terms_of(terms, d);
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)t.n, 2));
  double *variance = REAL(result), *own = variance + t.n;
  fm_error err = {FM_OK, ""};
  fm_check(d->n_groups > 0 ? fm_dynamics_grouped(d, &t, variance, own)
                           : fm_dynamics_variance(d, &t, variance, own),
           &err);
  UNPROTECT(1);
  return result;
}

/* Sum over firms, or over their groups, of the squares of one influence, for each pair of periods.
 * gradient: matrix cell x
 * moment. */
SEXP firmmove_cell_variance(SEXP dynamics, SEXP gradient) {
  const fm_dynamics *d = R_ExternalPtrAddr(dynamics);
  if (d == NULL || TYPEOF(gradient) != REALSXP ||
      (size_t)Rf_xlength(gradient) != d->n_cells * FM_FIRM_MOMENTS) {
    Rf_error("internal: the sums of the firms are gone, or of other cells");
  }
  SEXP result = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)d->n_pairs));
  fm_error err = {FM_OK, ""};
  fm_check(fm_dynamics_cells(d, REAL_RO(gradient), REAL(result)), &err);
  UNPROTECT(1);
  return result;
}
