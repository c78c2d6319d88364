/* places.c: a panel of firms -> what places do, who is there and how far off that may be. */
#include "places.h"

#include <limits.h>
#include <string.h>

#include "../core/base/alloc.h"
#include "../core/decompose/connected.h"
#include "../core/decompose/places.h"

/* ---- reading ------------------------------------------------------------------------------------------------------- */
static const int *codes(SEXP list, const char *name, size_t n, int low, double high) {
  SEXP x = fm_list_need(list, name, INTSXP);
  const int *code = INTEGER_RO(x), last = high < 2147483647.0 ? (int)high : INT_MAX;
  int outside = (size_t)Rf_xlength(x) != n;
  for (size_t i = 0; !outside && i < n; i++) {
    outside = (code[i] < low) | (code[i] > last);
  }
  if (outside) {
    Rf_error("internal: `%s` must be %lu codes from %d to %.0f", name, (unsigned long)n, low, high);
  }
  return code;
}

static const double *numbers(SEXP list, const char *name, size_t n) {
  SEXP x = fm_list_get(list, name);
  if (x == R_NilValue) {
    return NULL;
  }
  if (TYPEOF(x) != REALSXP || (size_t)Rf_xlength(x) != n) {
    Rf_error("internal: `%s` must be %lu numbers", name, (unsigned long)n);
  }
  return REAL_RO(x);
}

static fm_panel panel_of(SEXP list) {
  const size_t n = (size_t)Rf_xlength(fm_list_need(list, "performance", REALSXP));
  fm_panel panel = {.n = n,
                    .n_firms = (size_t)fm_list_number(list, "n_firms", 0),
                    .n_times = (size_t)fm_list_number(list, "n_times", 0),
                    .n_places = (size_t)fm_list_number(list, "n_places", 0)};
  if (n >= 4294967295u) {
    Rf_error("internal: a panel of more than 2^32 rows");
  }
  panel.firm = codes(list, "firm", n, 0, (double)panel.n_firms - 1.0);
  panel.time = codes(list, "time", n, 1, (double)panel.n_times);
  panel.place = codes(list, "place", n, NA_INTEGER, (double)panel.n_places);
  panel.performance = numbers(list, "performance", n);
  panel.weight = numbers(list, "weight", n);
  return panel;
}

static fm_places_spec spec_of(SEXP list, const fm_panel *panel) {
  static const fm_leave leaves[] = {FM_LEAVE_ROW, FM_LEAVE_MATCH, FM_LEAVE_FIRM};
  static const char *const words[] = {"row", "match", "firm"};
  fm_places_spec spec = {.n_times = panel->n_times,
                         .periods = fm_list_flag(list, "periods", 0),
                         .n_controls = (size_t)fm_list_number(list, "n_controls", 0),
                         .n_rows = panel->n,
                         .leave = FM_LEAVE_FIRM,
                         .threads = fm_control_threads(list),
                         .interrupted = fm_user_interrupted};
  spec.controls = numbers(list, "controls", panel->n * spec.n_controls);
  const char *leave = CHAR(STRING_ELT(fm_list_need(list, "leave", STRSXP), 0));
  for (size_t k = 0; k < 3; k++) {
    spec.leave = strcmp(leave, words[k]) == 0 ? leaves[k] : spec.leave;
  }
  return spec;
}

/* ---- memory that R frees -------------------------------------------------------------------------------------------- */
typedef struct work {
  fm_lives lives;
  fm_places places;
  unsigned char *keep, *reason;
  int *firm; /* codes of the firms before some are dropped */
  size_t n_firms, n_all;
  int leaves_out;
} work;

static void release(SEXP pointer) {
  work *w = R_ExternalPtrAddr(pointer);
  if (w != NULL) {
    fm_places_free(&w->places);
    fm_lives_free(&w->lives);
    fm_free(w->keep), fm_free(w->reason), fm_free(w->firm), fm_free(w);
    R_ClearExternalPtr(pointer);
  }
}

static work *hold(SEXP pointer) {
  work *w = fm_alloc_zero(1, sizeof(work));
  if (w == NULL) {
    fm_error err = {FM_NO_MEMORY, ""};
    fm_raise(&err);
  }
  R_SetExternalPtrAddr(pointer, w);
  R_RegisterCFinalizerEx(pointer, release, TRUE);
  return w;
}

/* ---- the work ----------------------------------------------------------------------------------------------------------- */
static fm_code choose(work *w, const fm_panel *panel, int threads) {
  FM_TRY(fm_lives_init(&w->lives, panel, threads));
  w->n_firms = w->lives.n_firms;
  w->n_all = w->lives.n;
  w->keep = fm_alloc(w->n_firms, 1);
  w->reason = fm_alloc(w->n_firms, 1);
  w->firm = fm_alloc_copy(w->lives.firm, w->n_firms, sizeof(int));
  if (w->keep == NULL || w->reason == NULL || w->firm == NULL) {
    return FM_NO_MEMORY;
  }
  if (w->lives.repeated > 0) {
    return FM_OK;
  }
  FM_TRY(fm_connected(&w->lives, w->keep, w->reason, &w->leaves_out));
  return fm_lives_settle(&w->lives, w->keep);
}

/* Whether any firm that is left has moved. */
static int any_move(const fm_lives *v) {
  for (size_t i = 0; i < v->n_firms; i++) {
    if (fm_moves(v, i)) {
      return 1;
    }
  }
  return 0;
}

/* ---- packing ----------------------------------------------------------------------------------------------------------- */
static SEXP reals(const double *x, size_t n) {
  SEXP result = Rf_allocVector(REALSXP, (R_xlen_t)n);
  if (n > 0) {
    memcpy(REAL(result), x, n * sizeof(double));
  }
  return result;
}

static SEXP square(const double *x, size_t n) {
  SEXP result = Rf_allocMatrix(REALSXP, (int)n, (int)n);
  memcpy(REAL(result), x, n * n * sizeof(double));
  return result;
}

static SEXP ints(const int *x, size_t n) {
  SEXP result = Rf_allocVector(INTSXP, (R_xlen_t)n);
  if (n > 0) {
    memcpy(INTEGER(result), x, n * sizeof(int));
  }
  return result;
}

static SEXP flags(const unsigned char *x, size_t n) {
  SEXP result = Rf_allocVector(INTSXP, (R_xlen_t)n);
  for (size_t i = 0; i < n; i++) {
    INTEGER(result)[i] = x[i];
  }
  return result;
}

enum { REPEATED, REPEAT, N_ALL, FIRM, REASON, LEAVES_OUT, MOVES, SET_SIZE };

static void pack_set(const work *w, SEXP to) {
  const fm_lives *v = &w->lives;
  const size_t shown = v->repeated < 5 ? v->repeated : 5;
  SET_VECTOR_ELT(to, REPEATED, Rf_ScalarReal((double)v->repeated));
  SET_VECTOR_ELT(to, REPEAT, Rf_allocVector(REALSXP, (R_xlen_t)shown));
  for (size_t i = 0; i < shown; i++) {
    REAL(VECTOR_ELT(to, REPEAT))[i] = (double)v->repeat[i] + 1.0;
  }
  SET_VECTOR_ELT(to, N_ALL, Rf_ScalarReal((double)w->n_all));
  SET_VECTOR_ELT(to, FIRM, ints(w->firm, w->n_firms));
  SET_VECTOR_ELT(to, REASON, v->repeated > 0 ? R_NilValue : flags(w->reason, w->n_firms));
  SET_VECTOR_ELT(to, LEAVES_OUT, Rf_ScalarLogical(w->leaves_out));
}

/* A matrix: rows, firms, in, out, value, control of each place. */
static SEXP place_table(const fm_places *p) {
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)p->n_places, 6));
  fm_place_row *row = (fm_place_row *)(void *)R_alloc(p->n_places, sizeof(fm_place_row));
  fm_error err = {fm_places_table(p, row), ""};
  if (err.code != FM_OK) {
    fm_raise(&err);
  }
  double *to = REAL(result);
  for (size_t j = 0; j < p->n_places; j++) {
    const double number[] = {(double)row[j].rows, (double)row[j].firms, (double)row[j].in,
                             (double)row[j].out,  row[j].value,         row[j].control};
    for (size_t a = 0; a < 6; a++) {
      to[j + a * p->n_places] = number[a];
    }
  }
  UNPROTECT(1);
  return result;
}

/* Rows of the panel, from 1 on, before and after each move. */
static SEXP move_rows(const fm_places *p) {
  const size_t n = fm_places_moves(p, NULL);
  size_t *before = (size_t *)(void *)R_alloc(n + 1, sizeof(size_t));
  fm_places_moves(p, before);
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)n, 2));
  for (size_t k = 0; k < n; k++) {
    REAL(result)[k] = (double)p->spec.lives->row[before[k]] + 1.0;
    REAL(result)[k + n] = (double)p->spec.lives->row[before[k] + 1] + 1.0;
  }
  UNPROTECT(1);
  return result;
}

static SEXP three(const fm_corrections *x) {
  const double value[] = {x->place, x->cov, x->firm};
  return reals(value, 3);
}

enum {
  PLACE_CODE,
  NBAR,
  B,
  ALIASED,
  COVARIANCE,
  CENTRE,
  MOMENT,
  S2,
  TRACE,
  LEAVE_OUT,
  ALONE,
  VARIANCE,
  ALPHA,
  FIRM_CODE,
  FIRM_FIRST,
  PLACE,
  MOVE_ROWS,
  ROW,
  PREDICTED,
  V
};

static SEXP pack_places(const fm_places *p, int rows) {
  const char *names[] = {"place_code", "nbar",  "b",         "aliased", "covariance", "centre", "moment",
                         "s2",         "trace", "leave_out", "alone",   "variance",   "alpha",  "firm_code",
                         "firm_first", "place", "move_rows", "row",     "predicted",  "v",      ""};
  const fm_lives *v = p->spec.lives;
  SEXP to = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(to, PLACE_CODE, ints(v->place_code, p->n_places));
  SET_VECTOR_ELT(to, NBAR, reals(p->nbar, p->n_places));
  SET_VECTOR_ELT(to, B, reals(p->b, p->size));
  SET_VECTOR_ELT(to, ALIASED, flags(p->aliased, p->size));
  SET_VECTOR_ELT(to, COVARIANCE, square(p->covariance, p->size));
  SET_VECTOR_ELT(to, CENTRE, Rf_ScalarReal(p->centre));
  SET_VECTOR_ELT(to, MOMENT, Rf_allocMatrix(REALSXP, FM_PARTS, FM_PARTS));
  memcpy(REAL(VECTOR_ELT(to, MOMENT)), p->moment, sizeof(p->moment));
  SET_VECTOR_ELT(to, S2, Rf_ScalarReal(p->s2));
  SET_VECTOR_ELT(to, TRACE, three(&p->trace));
  SET_VECTOR_ELT(to, LEAVE_OUT, three(&p->leave_out));
  SET_VECTOR_ELT(to, ALONE, Rf_ScalarReal((double)p->alone));
  SET_VECTOR_ELT(to, VARIANCE, Rf_ScalarReal(p->variance));
  SET_VECTOR_ELT(to, ALPHA, reals(p->alpha, p->n_firms));
  SET_VECTOR_ELT(to, FIRM_CODE, ints(v->firm, p->n_firms));
  SET_VECTOR_ELT(to, FIRM_FIRST, Rf_allocVector(REALSXP, (R_xlen_t)p->n_firms + 1));
  for (size_t i = 0; i <= p->n_firms; i++) {
    REAL(VECTOR_ELT(to, FIRM_FIRST))[i] = (double)v->first[i];
  }
  SET_VECTOR_ELT(to, PLACE, place_table(p));
  SET_VECTOR_ELT(to, MOVE_ROWS, move_rows(p));
  if (rows) {
    SET_VECTOR_ELT(to, ROW, Rf_allocVector(REALSXP, (R_xlen_t)p->n));
    for (size_t t = 0; t < p->n; t++) {
      REAL(VECTOR_ELT(to, ROW))[t] = (double)v->row[t] + 1.0;
    }
    SET_VECTOR_ELT(to, PREDICTED, reals(p->r, p->n));
    SET_VECTOR_ELT(to, V, square(p->v, p->size));
  }
  UNPROTECT(1);
  return to;
}

/* panel = list(firm, n_firms, time, n_times, place, n_places, performance, weight, periods, controls, n_controls, leave, rows,
 * threads): fields of fm_panel and fm_places_spec; rows: give residuals of all rows too. Result: the set that is kept, and
 * places = what fm_places has, NULL where nothing moves. */
SEXP firmmove_places(SEXP panel) {
  const char *names[] = {"repeated", "repeat", "n_all", "firm", "reason", "leaves_out", "places", ""};
  const fm_panel p = panel_of(panel);
  fm_places_spec spec = spec_of(panel, &p);
  SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue));
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  work *w = hold(pointer);
  fm_error err = {FM_OK, ""};
  err.code = choose(w, &p, spec.threads);
  if (err.code == FM_OK && w->lives.repeated == 0 && any_move(&w->lives)) {
    spec.lives = &w->lives;
    spec.leaves_out = w->leaves_out;
    err.code = fm_places_run(&spec, &w->places, &err);
  }
  if (err.code != FM_OK) {
    release(pointer);
    fm_raise(&err);
  }
  pack_set(w, result);
  if (w->places.covariance != NULL) {
    SET_VECTOR_ELT(result, MOVES, pack_places(&w->places, fm_list_flag(panel, "rows", 0)));
  }
  release(pointer);
  UNPROTECT(2);
  return result;
}
