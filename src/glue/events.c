/* events.c: a panel of firms -> what happens to those that move. */
#include <string.h>

#include "../core/base/alloc.h"
#include "../core/decompose/events.h"
#include "pack.h"
#include "panel.h"
#include "places.h"

typedef struct work {
  fm_lives lives;
  fm_events events;
  fm_within gap;
} work;

static void release(SEXP pointer) {
  work *w = R_ExternalPtrAddr(pointer);
  if (w != NULL) {
    fm_events_free(&w->events);
    fm_within_free(&w->gap);
    fm_lives_free(&w->lives);
    fm_free(w);
    R_ClearExternalPtr(pointer);
  }
}

static fm_events_spec spec_of(SEXP list, const fm_panel *panel) {
  fm_events_spec spec = {.n_times = panel->n_times,
                         .n_rows = panel->n,
                         .n_controls = fm_list_count(list, "n_controls"),
                         .single = fm_list_flag(list, "single", 0),
                         .never = fm_list_flag(list, "never", 1),
                         .not_yet = fm_list_flag(list, "not_yet", 1),
                         .n_horizons = fm_list_count(list, "n_horizons"),
                         .leads = fm_list_count(list, "leads"),
                         .n_groups = fm_list_count(list, "n_groups"),
                         .interrupted = fm_user_interrupted};
  spec.controls = fm_list_doubles(list, "controls", panel->n * spec.n_controls);
  spec.horizon = fm_list_codes(list, "horizon", panel->n_times, -1, (double)spec.n_horizons - 1.0);
  if (fm_list_get(list, "origin") != R_NilValue) {
    spec.origin = fm_list_codes(list, "origin", panel->n, NA_INTEGER, 2147483647.0);
  }
  if (spec.n_groups > 0) {
    spec.group = fm_list_codes(list, "group", panel->n, 1, (double)spec.n_groups);
  }
  return spec;
}

static fm_code run(work *w, const fm_panel *panel, fm_events_spec *spec, int threads, int gap,
                   fm_error *err) {
  FM_TRY(fm_lives_init(&w->lives, panel, threads));
  if (w->lives.repeated > 0) {
    return FM_OK;
  }
  unsigned char *keep = fm_alloc(w->lives.n_firms, 1);
  if (keep == NULL) {
    return FM_NO_MEMORY;
  }
  memset(keep, 1, w->lives.n_firms);
  const fm_code code = fm_lives_settle(&w->lives, keep);
  fm_free(keep);
  FM_TRY(code);
  spec->lives = &w->lives;
  FM_TRY(fm_events_find(spec, &w->events));
  if (gap) {
    return fm_events_gap(&w->events, &w->gap, err);
  }
  FM_TRY(fm_events_impute(&w->events, err));
  return spec->leads > 0 ? fm_events_lead(&w->events, err) : FM_OK;
}

/* ---- packing ---------------------------------------------------------------------------------------- */
/* A row for each firm: code of the firm, kind, gap, cohort, from, to, rows, rows before, rows kept, delta.
 * */
static SEXP event_table(const work *w) {
  enum { COLUMNS = 10 };
  const size_t n = w->events.n_firms;
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)n, COLUMNS));
  double *to = REAL(result);
  for (size_t i = 0; i < n; i++) {
    const fm_event *e = &w->events.event[i];
    const double row[COLUMNS] = {w->lives.firm[i],
                                 e->kind,
                                 e->gap,
                                 e->cohort + 1.0,
                                 e->from,
                                 e->to,
                                 (double)(w->lives.first[i + 1] - w->lives.first[i]),
                                 e->at,
                                 e->end,
                                 e->delta};
    for (size_t a = 0; a < COLUMNS; a++) {
      to[i + a * n] = row[a];
    }
  }
  UNPROTECT(1);
  return result;
}

/* list(beta, aliased, covariance, n, n_firms) */
static SEXP regression(const fm_within *w) {
  const char *names[] = {"beta", "aliased", "covariance", "n", "n_firms", ""};
  const size_t k = w->size;
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, fm_pack_doubles(w->beta, k));
  SET_VECTOR_ELT(result, 1, Rf_allocVector(INTSXP, (R_xlen_t)k));
  for (size_t a = 0; a < k; a++) {
    INTEGER(VECTOR_ELT(result, 1))[a] = w->aliased[a];
  }
  SET_VECTOR_ELT(result, 2, Rf_allocMatrix(REALSXP, (int)k, (int)k));
  double *to = REAL(VECTOR_ELT(result, 2));
  for (size_t a = 0; a < k; a++) {
    for (size_t b = 0; b < k; b++) {
      double sum = 0.0;
      for (size_t c = 0; c < k; c++) {
        double inner = 0.0;
        for (size_t d = 0; d < k; d++) {
          inner += w->meat[c * k + d] * w->v[d * k + b];
        }
        sum += w->v[a * k + c] * inner;
      }
      to[a + b * k] = sum;
    }
  }
  SET_VECTOR_ELT(result, 3, Rf_ScalarReal((double)w->n));
  SET_VECTOR_ELT(result, 4, Rf_ScalarReal((double)w->n_firms));
  UNPROTECT(1);
  return result;
}

static SEXP means(const fm_estimands *m) {
  const char *names[] = {"estimate", "rows", "movers", "covariance", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, fm_pack_doubles(m->estimate, m->n));
  SET_VECTOR_ELT(result, 1, fm_pack_doubles(m->rows, m->n));
  SET_VECTOR_ELT(result, 2, fm_pack_doubles(m->movers, m->n));
  SET_VECTOR_ELT(result, 3, Rf_allocMatrix(REALSXP, (int)m->n, (int)m->n));
  memcpy(REAL(VECTOR_ELT(result, 3)), m->covariance, m->n * m->n * sizeof(double));
  UNPROTECT(1);
  return result;
}

enum { REPEATED, REPEAT, TABLE, BEFORE, MEANS, UNKNOWN, LEAD, GAP };

static void pack(const work *w, SEXP to, int gap) {
  SET_VECTOR_ELT(to, REPEATED, Rf_ScalarReal((double)w->lives.repeated));
  SET_VECTOR_ELT(to, REPEAT, fm_panel_repeats(w->lives.repeat, w->lives.repeated));
  if (w->lives.repeated > 0) {
    return;
  }
  SET_VECTOR_ELT(to, TABLE, event_table(w));
  if (gap) {
    SET_VECTOR_ELT(to, GAP, regression(&w->gap));
    return;
  }
  SET_VECTOR_ELT(to, BEFORE, regression(&w->events.before));
  SET_VECTOR_ELT(to, MEANS, means(&w->events.means));
  SET_VECTOR_ELT(to, UNKNOWN, fm_pack_doubles(w->events.unknown, w->events.spec.n_times));
  if (w->events.lead.size > 0) {
    SET_VECTOR_ELT(to, LEAD, regression(&w->events.lead));
  }
}

/* panel = list(firm, n_firms, time, n_times, place, n_places, performance, weight, origin, controls,
 * n_controls, single, never,
 * not_yet, horizon, n_horizons, leads, group, n_groups, gap, threads): fields of fm_panel and
 * fm_events_spec; gap: the regression
 * on gaps instead of the imputation. */
SEXP firmmove_move_events(SEXP panel) {
  const char *names[] = {"repeated", "repeat", "table", "before", "means", "unknown", "lead", "gap", ""};
  const fm_panel p = fm_panel_from_list(panel);
  fm_events_spec spec = spec_of(panel, &p);
  const int gap = fm_list_flag(panel, "gap", 0);
  SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue));
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  work *w = fm_hold(pointer, sizeof(work), release);
  fm_error err = {FM_OK, ""};
  err.code = run(w, &p, &spec, fm_control_threads(panel), gap, &err);
  if (err.code != FM_OK) {
    release(pointer);
  }
  fm_check(err.code, &err);
  pack(w, result, gap);
  release(pointer);
  UNPROTECT(2);
  return result;
}
