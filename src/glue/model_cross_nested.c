/* model_cross_nested.c: the cross-nested logit as R describes it (R/model-cross-nested.R). */
#include "../core/choice/cross_nested.h"
#include "model.h"

static fm_pass pass(const fm_model *model, const fm_design *design, int threads) {
  return fm_cross_nested_pass(model->state, design, threads);
}

static void probabilities(const fm_model *model, const fm_design *design, fm_work *work,
                          const double *theta, double *v, double *logsum, double *scratch) {
  fm_cross_nested_probabilities(model->state, design, work, theta, scratch, v, logsum);
}

static void scores(const fm_model *model, const fm_design *design, fm_work *work, const double *theta,
                   double *scratch, double *out) {
  fm_cross_nested_occasion_scores(model->state, design, work, theta, scratch, out);
}

static size_t scratch_size(const fm_model *model, const fm_design *design) {
  return fm_cross_nested_scratch(model->state, design);
}

fm_model fm_cross_nested_from_list(SEXP list, const fm_extent *extent) {
  static const fm_model_ops ops = {pass, probabilities, scores, scratch_size};
  const size_t n_places = extent->n_places;
  SEXP lambda = fm_list_need(list, "lambda", INTSXP), nest = fm_list_need(list, "nest", INTSXP);
  const size_t n_entries = (size_t)Rf_xlength(nest);
  fm_cross_nested *crossed = (fm_cross_nested *)R_alloc(1, sizeof(fm_cross_nested));
  *crossed = (fm_cross_nested){.n_nests = (size_t)Rf_xlength(lambda),
                               .n_lambda = fm_list_count(list, "n_lambda"),
                               .n_tau = fm_list_count(list, "n_tau"),
                               .first = fm_list_ints(list, "first", n_places + 1),
                               .nest = INTEGER(nest),
                               .tau = fm_list_ints(list, "tau", n_entries),
                               .lambda = INTEGER(lambda),
                               .stay_alone = fm_list_flag(list, "stay_alone", 0)};
  crossed->log_allocation = fm_list_doubles(list, "log_allocation", n_entries);
  fm_error err = {FM_OK, ""};
  if (crossed->first == NULL || (size_t)crossed->first[n_places] != n_entries ||
      crossed->log_allocation == NULL || (crossed->n_tau > 0 && crossed->tau == NULL)) {
    Rf_error("internal: the entries of the nests have the wrong length");
  }
  fm_check(fm_cross_nested_check(crossed, n_places, &err), &err);
  return (fm_model){
      .ops = &ops, .state = crossed, .extra = crossed->n_lambda + crossed->n_tau, .separable = 1};
}
