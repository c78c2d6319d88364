/* model_mixed.c: the mixed logit as R describes it (R/model-mixed.R). */
#include "../core/choice/mixed.h"
#include "mixed.h"
#include "model.h"

static fm_pass pass(const fm_model *model, const fm_design *design, int threads) {
  return fm_mixed_pass(model->state, design, threads);
}

static void probabilities(const fm_model *model, const fm_design *design, fm_work *work,
                          const double *theta, double *v, double *logsum, double *scratch) {
  fm_mixed_probabilities(model->state, design, work, theta, v, logsum, scratch);
}

static size_t scratch_size(const fm_model *model, const fm_design *design) {
  return fm_mixed_predict_scratch(model->state, design);
}

/* A double vector of n entries of a list, or NULL where R has NULL. */
static const double *numbers(SEXP list, const char *name, size_t n) {
  SEXP x = fm_list_get(list, name);
  if (x == R_NilValue) {
    return NULL;
  }
  if (TYPEOF(x) != REALSXP || (size_t)Rf_xlength(x) != n) {
    Rf_error("internal: `%s` must be %lu numbers", name, (unsigned long)n);
  }
  return REAL(x);
}

static fm_draws draws_from_list(SEXP list, size_t n_dims) {
  fm_draws draws = {.sequence = (fm_sequence)(int)fm_list_number(list, "sequence", 0),
                    .n_dims = n_dims,
                    .n_draws = (size_t)fm_list_number(list, "draws", 0),
                    .seed = (uint64_t)fm_list_number(list, "seed", 0),
                    .scramble = fm_list_flag(list, "scramble", 1),
                    .burn = (size_t)fm_list_number(list, "burn", 0),
                    .n_stored = (size_t)fm_list_number(list, "n_stored", 0)};
  if (draws.sequence == FM_STORED) {
    draws.stored = numbers(list, "stored", draws.n_stored * draws.n_draws * n_dims);
  }
  if (draws.sequence == FM_SOBOL && n_dims <= FM_DRAWS_DIMENSIONS) {
    unsigned *points = (unsigned *)R_alloc(n_dims * draws.n_draws + 1, sizeof(unsigned));
    fm_sobol_points(n_dims, draws.n_draws, points);
    draws.points = points;
  }
  return draws;
}

fm_model fm_mixed_from_list(SEXP list, SEXP spec) {
  static const fm_model_ops ops = {pass, probabilities, NULL, scratch_size};
  SEXP term = fm_list_need(list, "term", INTSXP), row = fm_list_need(list, "row", INTSXP);
  fm_mixed *mixed = (fm_mixed *)R_alloc(1, sizeof(fm_mixed));
  const size_t m = (size_t)Rf_xlength(term), q = (size_t)Rf_xlength(row);
  SEXP weight = fm_list_get(list, "group_weight");
  *mixed = (fm_mixed){.n_random = m,
                      .term = INTEGER(term),
                      .transform = fm_list_integers(list, "transform", m),
                      .shape = fm_list_integers(list, "shape", m),
                      .sign = numbers(list, "sign", m),
                      .low = numbers(list, "low", m),
                      .width = numbers(list, "width", m),
                      .n_spread = q,
                      .row = INTEGER(row),
                      .column = fm_list_integers(list, "column", q),
                      .price = (int)fm_list_number(list, "price", -1),
                      .draws = draws_from_list(list, m),
                      .first_set = (size_t)fm_list_number(list, "first_group", 0),
                      .given_normal = fm_list_flag(list, "given_normal", 0),
                      .outer = fm_list_flag(list, "outer", 0),
                      .weight = weight == R_NilValue ? NULL : REAL(weight)};
  fm_error err = {FM_OK, ""};
  const size_t terms = fm_spec_terms(spec);
  if (fm_mixed_check(mixed, terms, fm_spec_linear(spec) - terms, &err) != FM_OK) {
    fm_raise(&err);
  }
  return (fm_model){.ops = &ops, .state = mixed, .extra = q};
}

SEXP firmmove_mixed_individual(SEXP spec, SEXP model, SEXP theta, SEXP control) {
  const fm_model *m = fm_model_from_list(model, spec);
  const fm_mixed *mixed = m->state;
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)m->n_groups, 2 * (int)mixed->n_random));
  fm_error err = {FM_OK, ""};
  fm_design design;
  const fm_spec_options options = {.merge = 1, .group = m->group, .n_groups = m->n_groups};
  err.code = fm_design_from_spec(spec, &options, &design, &err);
  if (err.code == FM_OK) {
    const int threads = fm_control_threads(control);
    err.code = fm_mixed_individual(mixed, &design, REAL(theta), threads, REAL(result), &err);
    design.ops->free(&design);
  }
  if (err.code != FM_OK) {
    fm_raise(&err);
  }
  UNPROTECT(1);
  return result;
}

SEXP firmmove_draws(SEXP model, SEXP set) {
  const size_t dims = (size_t)fm_list_number(model, "dims", 0);
  const fm_draws draws = draws_from_list(model, dims);
  fm_error err = {FM_OK, ""};
  if (fm_draws_check(&draws, &err) != FM_OK) {
    fm_raise(&err);
  }
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)draws.n_draws, (int)dims));
  fm_draws_set(&draws, fm_kernels_best(), (size_t)Rf_asInteger(set), REAL(result), draws.n_draws);
  UNPROTECT(1);
  return result;
}
