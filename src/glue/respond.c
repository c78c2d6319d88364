/* respond.c: sums of probabilities over the occasions, with their derivatives (core/choice/response.h).
 *
 * Results are R's memory, made before the core allocates anything, so that nothing leaks when R jumps.
 */
#include <math.h>
#include <string.h>

#include "../core/base/alloc.h"
#include "../core/base/row_spread.h"
#include "../core/choice/elasticity.h"
#include "model.h"

/* What R may ask for, and where the answers stand in the list it gets. */
enum { FLOWS, FLOW_SLOPES, LOGSUM_SLOPES, STAY_GRADIENT, LOGSUM, STAY, N_RESULTS };
static const char *const names[N_RESULTS + 1] = {
    "flows", "flow_slopes", "logsum_slopes", "stay_gradient", "logsum", "stay", ""};

/* Predictions whose variances R may ask for; the words stand in firmmove_variances(). */
enum { PROBABILITY_VARIANCE, UTILITY_VARIANCE, LOGSUM_VARIANCE };

typedef struct responding {
  const fm_model *model;
  const double *theta;
  fm_response_sums sums;
  size_t n_par;
  SEXP result;
  int threads, type, ragged;
} responding;

static double *numbers_at(SEXP result, int at) {
  SEXP x = VECTOR_ELT(result, at);
  return x == R_NilValue ? NULL : REAL(x);
}

/* Values of the units, in memory of the core, handed out to their occasions. */
static void spread_units(const fm_design *design, const double *of_unit, double *out) {
  for (size_t i = 0; i < design->n_occasions; i++) {
    const double x = of_unit[design->unit_of != NULL ? design->unit_of[i] : i];
    out[i] = isnan(x) ? NA_REAL : x;
  }
}

static fm_code run_units(const fm_design *design, responding *s, double *memory, fm_error *err) {
  double *logsum = numbers_at(s->result, LOGSUM), *stay = numbers_at(s->result, STAY);
  const fm_response response = s->model->ops->response(s->model, design, s->theta);
  s->sums.logsum = logsum != NULL ? memory : NULL;
  s->sums.stay = stay != NULL ? memory + design->n_units : NULL;
  FM_TRY(fm_response_run(&response, &s->sums, s->threads, err));
  if (logsum != NULL) {
    spread_units(design, s->sums.logsum, logsum);
  }
  if (stay != NULL) {
    spread_units(design, s->sums.stay, stay);
  }
  return FM_OK;
}

static fm_code respond(const fm_design *design, void *context, fm_error *err) {
  double *memory = fm_alloc(2 * design->n_units, sizeof(double));
  if (memory == NULL) {
    return FM_NO_MEMORY;
  }
  const fm_code code = run_units(design, context, memory, err);
  fm_free(memory);
  return code;
}

static int asks(SEXP asked, int what) {
  for (R_xlen_t i = 0; i < Rf_xlength(asked); i++) {
    if (strcmp(CHAR(STRING_ELT(asked, i)), names[what]) == 0) {
      return 1;
    }
  }
  return 0;
}

static void add_result(SEXP result, int at, SEXP asked, size_t rows, size_t columns) {
  if (asks(asked, at)) {
    SET_VECTOR_ELT(result, at, Rf_allocMatrix(REALSXP, (int)rows, (int)columns));
  }
}

static SEXP new_results(const fm_extent *extent, SEXP asked, size_t directions, size_t n_par) {
  const char *labels[N_RESULTS + 1];
  memcpy(labels, names, sizeof labels);
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, labels));
  const size_t rows = extent->n_places + 1, cells = rows * extent->n_places;
  add_result(result, FLOWS, asked, rows, extent->n_places);
  add_result(result, FLOW_SLOPES, asked, cells, directions);
  add_result(result, LOGSUM_SLOPES, asked, directions, 1);
  add_result(result, STAY_GRADIENT, asked, n_par, 1);
  add_result(result, LOGSUM, asked, extent->n_occasions, 1);
  add_result(result, STAY, asked, extent->n_occasions, 1);
  UNPROTECT(1);
  return result;
}

/* The model, theta and directions of a call; directions is a matrix with a row for each parameter,
 * or NULL. */
static responding unpack_call(SEXP spec, SEXP model, SEXP theta, SEXP directions, SEXP control,
                              fm_extent *extent) {
  *extent = fm_spec_extent(spec);
  const fm_model *m = fm_model_from_list(model, extent);
  if (m->ops->response == NULL) {
    Rf_error("internal: this model does not say how it responds");
  }
  const size_t n_par = extent->n_linear + m->extra;
  const size_t n = directions == R_NilValue ? 0 : (size_t)Rf_ncols(directions);
  return (responding){
      .model = m,
      .theta = fm_need_doubles(theta, n_par, "theta"),
      .n_par = n_par,
      .sums = {.n_directions = n, .directions = fm_as_doubles(directions, n_par * n, "directions")},
      .threads = fm_control_threads(control)};
}

/* asked: names of results, "flows" among them where "flow_slopes" is. */
SEXP firmmove_respond(SEXP spec, SEXP model, SEXP theta, SEXP directions, SEXP asked, SEXP control) {
  fm_extent extent;
  responding s = unpack_call(spec, model, theta, directions, control, &extent);
  s.result = PROTECT(new_results(&extent, asked, s.sums.n_directions, s.n_par));
  s.sums.flows = numbers_at(s.result, FLOWS);
  s.sums.flow_slopes = numbers_at(s.result, FLOW_SLOPES);
  s.sums.logsum_slopes = numbers_at(s.result, LOGSUM_SLOPES);
  s.sums.stay_gradient = numbers_at(s.result, STAY_GRADIENT);
  const fm_spec_options options = {.merge = 1};
  fm_with_design(spec, &options, respond, &s);
  UNPROTECT(1);
  return s.result;
}

/* ---- variances of predictions ------------------------------------------------------------------------ */
/* Rows of the design, in memory of the core, handed out to the matrix of occasions x places that R has. */
static void spread_rows(const fm_design *design, const double *of_row, double *out) {
  const size_t n = design->n_occasions, places = design->n_places;
  for (size_t i = 0; i < n; i++) {
    const double *from = of_row + (design->unit_of != NULL ? design->unit_of[i] : i) * places;
    for (size_t j = 0; j < places; j++) {
      out[i + j * n] = from[j];
    }
  }
}

static fm_code vary(const fm_design *design, void *context, fm_error *err) {
  responding *s = context;
  double *out = REAL(s->result);
  const int by_row = s->type != LOGSUM_VARIANCE;
  const int direct = by_row && s->ragged; /* the rows of long data are those of the design */
  const size_t n = by_row ? (direct ? 1 : design->n_units * design->n_places) : design->n_units;
  double *memory = fm_alloc_zero(n, sizeof(double)), *to = direct ? out : memory;
  if (memory == NULL) {
    return FM_NO_MEMORY;
  }
  s->sums.probability_variance = s->type == PROBABILITY_VARIANCE ? to : NULL;
  s->sums.utility_variance = s->type == UTILITY_VARIANCE ? to : NULL;
  s->sums.logsum_variance = s->type == LOGSUM_VARIANCE ? to : NULL;
  const fm_response response = s->model->ops->response(s->model, design, s->theta);
  const fm_code code = fm_response_run(&response, &s->sums, s->threads, err);
  if (code == FM_OK && !by_row) {
    spread_units(design, memory, out);
  }
  if (code == FM_OK && by_row && !direct) {
    spread_rows(design, memory, out);
  }
  fm_free(memory);
  return code;
}

static SEXP new_predictions(SEXP spec, const fm_extent *extent, int type) {
  if (type == LOGSUM_VARIANCE) {
    return Rf_allocVector(REALSXP, (R_xlen_t)extent->n_occasions);
  }
  if (fm_spec_is_ragged(spec)) {
    return Rf_allocVector(REALSXP, Rf_xlength(fm_list_need(spec, "place", INTSXP)));
  }
  return Rf_allocMatrix(REALSXP, (int)extent->n_occasions, (int)extent->n_places);
}

/* Sums over the directions of the squared slopes of each prediction, in its shape. */
SEXP firmmove_variances(SEXP spec, SEXP model, SEXP theta, SEXP directions, SEXP type, SEXP control) {
  static const char *const types[] = {"probability", "utility", "logsum", NULL};
  fm_extent extent;
  responding s = unpack_call(spec, model, theta, directions, control, &extent);
  s.type = fm_word(type, types, "type");
  s.ragged = fm_spec_is_ragged(spec);
  s.result = PROTECT(new_predictions(spec, &extent, s.type));
  memset(REAL(s.result), 0, (size_t)Rf_xlength(s.result) * sizeof(double));
  const fm_spec_options options = {.merge = 0};
  fm_with_design(spec, &options, vary, &s);
  UNPROTECT(1);
  return s.result;
}

/* ---- elasticities ------------------------------------------------------------------------------------ */
typedef struct crossing {
  fm_elasticity e;
  int threads;
} crossing;

static fm_code cross_places(const fm_design *design, void *context, fm_error *err) {
  crossing *s = context;
  s->e.design = design;
  return fm_elasticity_run(&s->e, s->threads, err);
}

/* along: a list of theta, to, from (a number for each linear parameter) and of directions, to_slopes,
 * from_slopes (a column for each direction). Gives list(stocks, responses), see
 * core/choice/elasticity.h. */
SEXP firmmove_elasticities(SEXP spec, SEXP along, SEXP control) {
  const fm_extent extent = fm_spec_extent(spec);
  const size_t p = extent.n_linear, n = (size_t)Rf_ncols(fm_list_need(along, "directions", REALSXP));
  const char *labels[] = {"stocks", "responses", ""};
  const int layers = 1 + (int)n, places = (int)extent.n_places;
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, labels));
  SET_VECTOR_ELT(result, 0, Rf_allocMatrix(REALSXP, places, layers));
  SET_VECTOR_ELT(result, 1, Rf_alloc3DArray(REALSXP, places, places, layers));
  crossing s = {.e = {.theta = fm_list_doubles(along, "theta", p),
                      .to = fm_list_doubles(along, "to", p),
                      .from = fm_list_doubles(along, "from", p),
                      .n_directions = n,
                      .directions = fm_list_doubles(along, "directions", p * n),
                      .to_slopes = fm_list_doubles(along, "to_slopes", p * n),
                      .from_slopes = fm_list_doubles(along, "from_slopes", p * n),
                      .stocks = numbers_at(result, 0),
                      .responses = numbers_at(result, 1)},
                .threads = fm_control_threads(control)};
  if (!s.e.theta || !s.e.to || !s.e.from || !s.e.to_slopes || !s.e.from_slopes) {
    Rf_error("internal: `along` lacks a direction");
  }
  const fm_spec_options options = {.merge = 1};
  fm_with_design(spec, &options, cross_places, &s);
  UNPROTECT(1);
  return result;
}

/* ---- draws ------------------------------------------------------------------------------------------- */
SEXP firmmove_row_spread(SEXP x, SEXP at, SEXP threads) {
  const size_t n = (size_t)Rf_nrows(x), columns = (size_t)Rf_ncols(x), n_at = (size_t)Rf_xlength(at);
  const double *numbers = fm_need_doubles(x, n * columns, "x"),
               *quantiles = fm_need_doubles(at, n_at, "at");
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)n, 1 + (int)n_at));
  fm_error err = {FM_OK, ""};
  const fm_code code =
      fm_row_spread(numbers, n, columns, quantiles, n_at, Rf_asInteger(threads), REAL(result));
  fm_check(code == FM_OK ? FM_OK : fm_fail(&err, code, "%s", fm_code_text(code)), &err);
  UNPROTECT(1);
  return result;
}
