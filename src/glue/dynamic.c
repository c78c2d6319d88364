/* dynamic.c: markets of firms that look ahead -> values of places,
 * and the log-likelihood of their moves. */
#include "dynamic.h"

#include <math.h>
#include <string.h>

#include "../core/choice/dynamic.h"

static const double *part(SEXP list, R_xlen_t t, size_t n, const char *what) {
  return list == R_NilValue ? NULL : fm_need_doubles(VECTOR_ELT(list, t), n, what);
}

/* world = list(discount, transition (kinds x kinds, transposed, or NULL), n_kinds, n_places, n_terms, x,
 * offset, count, given): the last four lists with an array for each market, as in dynamic.h; the last two
 * may be NULL. */
static fm_dynamic model_of(SEXP world) {
  fm_dynamic model = {.discount = fm_list_number(world, "discount", 0.0),
                      .n_kinds = fm_list_count(world, "n_kinds"),
                      .n_places = fm_list_count(world, "n_places"),
                      .n_terms = fm_list_count(world, "n_terms")};
  SEXP x = fm_list_need(world, "x", VECSXP), offset = fm_list_need(world, "offset", VECSXP);
  SEXP count = fm_list_get(world, "count"), given = fm_list_get(world, "given");
  const size_t cells = model.n_kinds * model.n_places * model.n_places;
  model.n_markets = (size_t)Rf_xlength(x);
  if (Rf_xlength(offset) != Rf_xlength(x) || (count != R_NilValue && Rf_xlength(count) != Rf_xlength(x)) ||
      (given != R_NilValue && Rf_xlength(given) != Rf_xlength(x))) {
    Rf_error("internal: each list must have an array for each market");
  }
  model.transition = fm_list_doubles(world, "transition", model.n_kinds * model.n_kinds);
  fm_dynamic_market *market =
      (fm_dynamic_market *)(void *)R_alloc(model.n_markets + 1, sizeof(fm_dynamic_market));
  for (R_xlen_t t = 0; t < Rf_xlength(x); t++) {
    market[t] = (fm_dynamic_market){.x = part(x, t, cells * model.n_terms, "x"),
                                    .offset = part(offset, t, cells, "offset"),
                                    .count = part(count, t, cells, "count"),
                                    .given = part(given, t, cells, "given")};
  }
  model.market = market;
  return model;
}

enum { VALUE, AHEAD, SLOPE, LIKELIHOOD, SCORE, INFORMATION };

/* A vector of n numbers in place `at` of the result. */
static double *make(SEXP result, int at, size_t n) {
  SEXP numbers = Rf_allocVector(REALSXP, (R_xlen_t)n);
  SET_VECTOR_ELT(result, at, numbers);
  return REAL(numbers);
}

/* Where there are no values the likelihood is zero. */
static void outside(const fm_dynamic_answer *answer, size_t p) {
  *answer->likelihood = -HUGE_VAL;
  if (answer->score != NULL) {
    memset(answer->score, 0, p * sizeof(double));
  }
  if (answer->information != NULL) {
    memset(answer->information, 0, p * p * sizeof(double));
  }
}

/* list(value, ahead: markets x states; slope: markets x states x terms; likelihood, score, information),
 * all row after row. wanted: "values", or how far the likelihood goes: "likelihood",
 * "score", "information". */
SEXP firmmove_dynamic(SEXP world, SEXP theta, SEXP wanted, SEXP control) {
  static const char *const words[] = {"values", "likelihood", "score", "information", NULL};
  const char *names[] = {"value", "ahead", "slope", "likelihood", "score", "information", ""};
  const fm_dynamic model = model_of(world);
  const double *at = fm_need_doubles(theta, model.n_terms, "theta");
  const int order = fm_word(wanted, words, "wanted");
  const size_t states = model.n_markets * model.n_kinds * model.n_places, p = model.n_terms;
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  fm_dynamic_answer answer = {0};
  if (order == 0) {
    answer.value = make(result, VALUE, states);
    answer.ahead = make(result, AHEAD, states);
    answer.slope = make(result, SLOPE, states * p);
  } else {
    answer.likelihood = make(result, LIKELIHOOD, 1);
    answer.score = order > 1 ? make(result, SCORE, p) : NULL;
    answer.information = order > 2 ? make(result, INFORMATION, p * p) : NULL;
  }
  fm_error err = {FM_OK, ""};
  const fm_code code =
      fm_dynamic_run(&model, at, fm_control_threads(control), fm_user_interrupted, &answer, &err);
  if (code == FM_DIVERGED && order > 0) {
    outside(&answer, p);
  } else {
    fm_check(code, &err);
  }
  UNPROTECT(1);
  return result;
}
