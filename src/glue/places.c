/* places.c: a panel of firms -> what places do, who is there and how far off that may be. */
#include "places.h"

#include <string.h>

#include "../core/base/alloc.h"
#include "../core/decompose/connected.h"
#include "../core/decompose/places.h"
#include "pack.h"
#include "panel.h"

static fm_places_spec spec_of(SEXP list, const fm_panel *panel) {
  static const fm_leave leaves[] = {FM_LEAVE_ROW, FM_LEAVE_MATCH, FM_LEAVE_FIRM};
  static const char *const words[] = {"row", "match", "firm", NULL};
  fm_places_spec spec = {.n_times = panel->n_times,
                         .periods = fm_list_flag(list, "periods", 0),
                         .n_controls = fm_list_count(list, "n_controls"),
                         .n_rows = panel->n,
                         .leave = leaves[fm_word(fm_list_get(list, "leave"), words, "leave")],
                         .threads = fm_control_threads(list),
                         .interrupted = fm_user_interrupted};
  spec.controls = fm_list_doubles(list, "controls", panel->n * spec.n_controls);
  return spec;
}

/* ---- memory that R frees ---------------------------------------------------------------------------- */
typedef struct work {
  fm_lives lives;
  fm_places places;
  unsigned char *keep, *reason;
  /* of the firms before some are dropped: code, rows, whether at several places */
  int *firm, *rows, *moves;
  size_t n_firms, n_all;
  int leaves_out;
} work;

static void release(SEXP pointer) {
  work *w = R_ExternalPtrAddr(pointer);
  if (w != NULL) {
    fm_places_free(&w->places);
    fm_lives_free(&w->lives);
    fm_free(w->keep), fm_free(w->reason), fm_free(w->firm), fm_free(w->rows), fm_free(w->moves), fm_free(w);
    R_ClearExternalPtr(pointer);
  }
}

/* ---- the work --------------------------------------------------------------------------------------- */
static fm_code choose(work *w, const fm_panel *panel, int threads) {
  FM_TRY(fm_lives_init(&w->lives, panel, threads));
  w->n_firms = w->lives.n_firms;
  w->n_all = w->lives.n;
  w->keep = fm_alloc(w->n_firms, 1);
  w->reason = fm_alloc(w->n_firms, 1);
  w->firm = fm_alloc_copy(w->lives.firm, w->n_firms, sizeof(int));
  w->rows = fm_alloc(w->n_firms, sizeof(int));
  w->moves = fm_alloc(w->n_firms, sizeof(int));
  if (w->keep == NULL || w->reason == NULL || w->firm == NULL || w->rows == NULL || w->moves == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < w->n_firms; i++) {
    w->rows[i] = (int)(w->lives.first[i + 1] - w->lives.first[i]);
    w->moves[i] = fm_moves(&w->lives, i);
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

/* ---- packing ---------------------------------------------------------------------------------------- */
enum { REPEATED, REPEAT, N_ALL, FIRM, ROWS, MOVES, REASON, LEAVES_OUT, PLACES };

static void pack_set(const work *w, SEXP to) {
  const fm_lives *v = &w->lives;
  SET_VECTOR_ELT(to, REPEATED, Rf_ScalarReal((double)v->repeated));
  SET_VECTOR_ELT(to, REPEAT, fm_panel_repeats(v->repeat, v->repeated));
  SET_VECTOR_ELT(to, N_ALL, Rf_ScalarReal((double)w->n_all));
  SET_VECTOR_ELT(to, FIRM, fm_pack_ints(w->firm, w->n_firms));
  SET_VECTOR_ELT(to, ROWS, fm_pack_ints(w->rows, w->n_firms));
  SET_VECTOR_ELT(to, MOVES, fm_pack_ints(w->moves, w->n_firms));
  SET_VECTOR_ELT(to, REASON, v->repeated > 0 ? R_NilValue : fm_pack_flags(w->reason, w->n_firms));
  SET_VECTOR_ELT(to, LEAVES_OUT, Rf_ScalarLogical(w->leaves_out));
}

/* A matrix: rows, firms, in, out, value, control of each place. */
static SEXP place_table(const fm_places *p) {
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)p->n_places, 6));
  fm_place_row *row = (fm_place_row *)(void *)R_alloc(p->n_places, sizeof(fm_place_row));
  fm_error err = {fm_places_table(p, row), ""};
  fm_check(err.code, &err);
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
  return fm_pack_doubles(value, 3);
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
  FIRM_ROW,
  FIRM_FIRST,
  PLACE,
  MOVE_ROWS,
  SHIFT,
  ROW,
  PREDICTED,
  V
};

static SEXP pack_places(const fm_places *p, int rows) {
  const char *names[] = {"place_code", "nbar",      "b",          "aliased",   "covariance", "centre",
                         "moment",     "s2",        "trace",      "leave_out", "alone",      "variance",
                         "alpha",      "firm_row",  "firm_first", "place",     "move_rows",  "shift",
                         "row",        "predicted", "v",          ""};
  const fm_lives *v = p->spec.lives;
  SEXP to = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(to, PLACE_CODE, fm_pack_ints(v->place_code, p->n_places));
  SET_VECTOR_ELT(to, NBAR, fm_pack_doubles(p->nbar, p->n_places));
  SET_VECTOR_ELT(to, B, fm_pack_doubles(p->b, p->size));
  SET_VECTOR_ELT(to, ALIASED, fm_pack_flags(p->aliased, p->size));
  SET_VECTOR_ELT(to, COVARIANCE, fm_pack_symmetric(p->covariance, p->size));
  SET_VECTOR_ELT(to, CENTRE, Rf_ScalarReal(p->centre));
  SET_VECTOR_ELT(to, MOMENT, Rf_allocMatrix(REALSXP, FM_PARTS, FM_PARTS));
  memcpy(REAL(VECTOR_ELT(to, MOMENT)), p->moment, sizeof(p->moment));
  SET_VECTOR_ELT(to, S2, Rf_ScalarReal(p->s2));
  SET_VECTOR_ELT(to, TRACE, three(&p->trace));
  SET_VECTOR_ELT(to, LEAVE_OUT, three(&p->leave_out));
  SET_VECTOR_ELT(to, ALONE, Rf_ScalarReal((double)p->alone));
  SET_VECTOR_ELT(to, VARIANCE, Rf_ScalarReal(p->variance));
  SET_VECTOR_ELT(to, ALPHA, fm_pack_doubles(p->alpha, p->n_firms));
  SET_VECTOR_ELT(to, FIRM_ROW, Rf_allocVector(REALSXP, (R_xlen_t)p->n_firms));
  SET_VECTOR_ELT(to, FIRM_FIRST, Rf_allocVector(REALSXP, (R_xlen_t)p->n_firms + 1));
  for (size_t i = 0; i <= p->n_firms; i++) {
    REAL(VECTOR_ELT(to, FIRM_FIRST))[i] = (double)v->first[i];
    if (i < p->n_firms) {
      REAL(VECTOR_ELT(to, FIRM_ROW))[i] = (double)v->row[v->first[i]] + 1.0;
    }
  }
  SET_VECTOR_ELT(to, PLACE, place_table(p));
  SET_VECTOR_ELT(to, MOVE_ROWS, move_rows(p));
  SET_VECTOR_ELT(to, SHIFT, Rf_ScalarReal(p->shift));
  if (rows) {
    SET_VECTOR_ELT(to, ROW, Rf_allocVector(REALSXP, (R_xlen_t)p->n));
    for (size_t t = 0; t < p->n; t++) {
      REAL(VECTOR_ELT(to, ROW))[t] = (double)v->row[t] + 1.0;
    }
    SET_VECTOR_ELT(to, PREDICTED, fm_pack_doubles(p->r, p->n));
    SET_VECTOR_ELT(to, V, fm_pack_symmetric(p->v, p->size));
  }
  UNPROTECT(1);
  return to;
}

/* panel = list(firm, n_firms, time, n_times, place, n_places, performance, weight, periods, controls,
 * n_controls, leave, rows,
 * threads): fields of fm_panel and fm_places_spec; rows: give residuals of all rows too. Result: the set
 * that is kept, and
 * places = what fm_places has, NULL where nothing moves. */
SEXP firmmove_places(SEXP panel) {
  const char *names[] = {"repeated", "repeat", "n_all",      "firm",   "rows",
                         "moves",    "reason", "leaves_out", "places", ""};
  const fm_panel p = fm_panel_from_list(panel);
  fm_places_spec spec = spec_of(panel, &p);
  SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue));
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  work *w = fm_hold(pointer, sizeof(work), release);
  fm_error err = {FM_OK, ""};
  err.code = choose(w, &p, spec.threads);
  if (err.code == FM_OK && w->lives.repeated == 0 && any_move(&w->lives)) {
    spec.lives = &w->lives;
    spec.leaves_out = w->leaves_out;
    err.code = fm_places_run(&spec, &w->places, &err);
  }
  if (err.code != FM_OK) {
    release(pointer);
  }
  fm_check(err.code, &err);
  pack_set(w, result);
  if (w->places.covariance != NULL) {
    SET_VECTOR_ELT(result, PLACES, pack_places(&w->places, fm_list_flag(panel, "rows", 0)));
  }
  release(pointer);
  UNPROTECT(2);
  return result;
}
