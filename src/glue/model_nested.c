/* model_nested.c: the nested logit as R describes it (R/model-nested.R). */
#include "../core/choice/nested.h"
#include "model.h"

static fm_pass pass(const fm_model *model, const fm_design *design, int threads) {
  return fm_nested_pass(model->state, design, threads);
}

static void probabilities(const fm_model *model, const fm_design *design, fm_work *work,
                          const double *theta, double *v, double *logsum, double *scratch) {
  fm_nested_probabilities(model->state, design, work, theta, scratch, v, v, logsum);
}

static void scores(const fm_model *model, const fm_design *design, fm_work *work, const double *theta,
                   double *scratch, double *out) {
  fm_nested_occasion_scores(model->state, design, work, theta, scratch, out);
}

static size_t scratch_size(const fm_model *model, const fm_design *design) {
  return fm_nested_scratch(model->state, design);
}

static fm_response response(const fm_model *model, const fm_design *design, const double *theta) {
  return fm_nested_response(model->state, design, theta);
}

fm_model fm_nested_from_list(SEXP list, const fm_extent *extent) {
  static const fm_model_ops ops = {pass, probabilities, scores, scratch_size, response};
  const size_t n_places = extent->n_places;
  SEXP lambda = fm_list_need(list, "lambda", INTSXP), upper = fm_list_get(list, "lambda_upper");
  fm_nested *nested = (fm_nested *)R_alloc(1, sizeof(fm_nested));
  *nested = (fm_nested){.n_nests = (size_t)Rf_xlength(lambda),
                        .n_upper = upper == R_NilValue ? 0 : (size_t)Rf_xlength(upper),
                        .n_lambda = fm_list_count(list, "n_lambda"),
                        .nest = fm_list_ints(list, "nest", n_places),
                        .lambda = INTEGER(lambda),
                        .stay_alone = fm_list_flag(list, "stay_alone", 0)};
  nested->parent = fm_list_ints(list, "parent", nested->n_nests);
  nested->lambda_upper = fm_list_ints(list, "lambda_upper", nested->n_upper);
  fm_error err = {FM_OK, ""};
  fm_check(nested->nest != NULL ? fm_nested_check(nested, n_places, &err) : FM_INVALID, &err);
  return (fm_model){.ops = &ops, .state = nested, .extra = nested->n_lambda, .separable = 1};
}
