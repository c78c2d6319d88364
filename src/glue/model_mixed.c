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

static fm_draws draws_from_list(SEXP list, size_t n_dims) {
  /* as fm_sequence */
  static const char *const sequences[] = {"sobol", "halton", "mlhs", "random", "stored", NULL};
  fm_draws draws = {.sequence = (fm_sequence)fm_word(fm_list_get(list, "sequence"), sequences, "sequence"),
                    .n_dims = n_dims,
                    .n_draws = fm_list_count(list, "draws"),
                    .seed = (uint64_t)fm_list_number(list, "seed", 0),
                    .scramble = fm_list_flag(list, "scramble", 1),
                    .burn = fm_list_count(list, "burn"),
                    .n_stored = fm_list_count(list, "n_stored")};
  if (draws.sequence == FM_STORED) {
    draws.stored = fm_list_doubles(list, "stored", draws.n_stored * draws.n_draws * n_dims);
  }
  if (draws.sequence == FM_SOBOL && n_dims <= FM_DRAWS_DIMENSIONS) {
    unsigned *points = (unsigned *)R_alloc(n_dims * draws.n_draws + 1, sizeof(unsigned));
    fm_sobol_points(n_dims, draws.n_draws, points);
    draws.points = points;
  }
  return draws;
}

/* One of each group, or NULL. */
static const double *group_weights(SEXP list) {
  SEXP weight = fm_list_get(list, "group_weight");
  return fm_as_doubles(weight, (size_t)Rf_xlength(weight), "group_weight");
}

fm_model fm_mixed_from_list(SEXP list, const fm_extent *extent) {
  static const fm_model_ops ops = {pass, probabilities, NULL, scratch_size};
  /* as fm_transform */
  static const char *const transforms[] = {"plain", "log", "minus_log", "censored", "bounded", NULL};
  /* as fm_shape */
  static const char *const shapes[] = {"normal", "uniform", "triangular", NULL};
  SEXP term = fm_list_need(list, "term", INTSXP), row = fm_list_need(list, "row", INTSXP);
  fm_mixed *mixed = (fm_mixed *)R_alloc(1, sizeof(fm_mixed));
  const size_t m = (size_t)Rf_xlength(term), q = (size_t)Rf_xlength(row);
  *mixed = (fm_mixed){.n_random = m,
                      .term = INTEGER(term),
                      .transform = fm_list_words(list, "transform", m, transforms),
                      .shape = fm_list_words(list, "shape", m, shapes),
                      .sign = fm_list_doubles(list, "sign", m),
                      .low = fm_list_doubles(list, "low", m),
                      .width = fm_list_doubles(list, "width", m),
                      .n_spread = q,
                      .row = INTEGER(row),
                      .column = fm_list_ints(list, "column", q),
                      .price = (int)fm_list_number(list, "price", -1),
                      .draws = draws_from_list(list, m),
                      .first_set = fm_list_count(list, "first_group"),
                      .given_normal = fm_list_flag(list, "given_normal", 0),
                      .outer = fm_list_flag(list, "outer", 0),
                      .weight = group_weights(list)};
  fm_error err = {FM_OK, ""};
  const size_t terms = extent->n_terms;
  fm_check(fm_mixed_check(mixed, terms, extent->n_linear - terms, &err), &err);
  return (fm_model){.ops = &ops, .state = mixed, .extra = q};
}

typedef struct describing {
  const fm_mixed *mixed;
  const double *theta;
  double *out;
  int threads;
} describing;

static fm_code describe_groups(const fm_design *design, void *context, fm_error *err) {
  const describing *d = context;
  return fm_mixed_individual(d->mixed, design, d->theta, d->threads, d->out, err);
}

SEXP firmmove_mixed_individual(SEXP spec, SEXP model, SEXP theta, SEXP control) {
  const fm_extent extent = fm_spec_extent(spec);
  const fm_model *m = fm_model_from_list(model, &extent);
  const fm_mixed *mixed = m->state;
  const size_t p = extent.n_linear + m->extra;
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)m->n_groups, 2 * (int)mixed->n_random));
  describing d = {mixed, fm_need_doubles(theta, p, "theta"), REAL(result), fm_control_threads(control)};
  const fm_spec_options options = fm_model_options(m);
  fm_with_design(spec, &options, describe_groups, &d);
  UNPROTECT(1);
  return result;
}

SEXP firmmove_draws(SEXP model, SEXP set) {
  const size_t dims = fm_list_count(model, "dims");
  const fm_draws draws = draws_from_list(model, dims);
  fm_error err = {FM_OK, ""};
  fm_check(fm_draws_check(&draws, &err), &err);
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)draws.n_draws, (int)dims));
  fm_draws_set(&draws, fm_kernels_best(), (size_t)Rf_asInteger(set), REAL(result), draws.n_draws);
  UNPROTECT(1);
  return result;
}
