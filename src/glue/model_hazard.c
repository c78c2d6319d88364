/* model_hazard.c: grouped proportional hazards as R describes them (R/model-hazard.R). */
#include "../core/choice/hazard.h"
#include "model.h"

static fm_pass pass(const fm_model *model, const fm_design *design, int threads) {
  return fm_hazard_pass(model->state, design, threads);
}

static void probabilities(const fm_model *model, const fm_design *design, fm_work *work,
                          const double *theta, double *v, double *logsum, double *scratch) {
  (void)model, (void)theta, (void)scratch;
  fm_hazard_probabilities(design->kernels, &work->block, v, logsum);
}

static void scores(const fm_model *model, const fm_design *design, fm_work *work, const double *theta,
                   double *scratch, double *out) {
  (void)model;
  fm_hazard_occasion_scores(design, work, theta, scratch, out);
}

static size_t scratch_size(const fm_model *model, const fm_design *design) {
  (void)model;
  return fm_hazard_scratch(design);
}

/* `weight`: of each spell, where the hazards of a spell share a frailty. */
static const double *group_weights(SEXP list) {
  SEXP weight = fm_list_get(list, "weight");
  const size_t n = (size_t)Rf_xlength(weight);
  if (weight != R_NilValue && n < fm_list_groups(list)) {
    Rf_error("internal: `weight` must be a number for each group");
  }
  return fm_as_doubles(weight, n, "weight");
}

fm_model fm_hazard_from_list(SEXP list, const fm_extent *extent) {
  static const fm_model_ops plain = {pass, probabilities, scores, scratch_size};
  static const fm_model_ops grouped = {pass, probabilities, NULL, scratch_size};
  (void)extent;
  fm_hazard *hazard = (fm_hazard *)R_alloc(1, sizeof(fm_hazard));
  *hazard = (fm_hazard){.frailty = fm_list_flag(list, "frailty", 0)};
  if (hazard->frailty) {
    hazard->group_weight = group_weights(list);
  }
  return (fm_model){.ops = hazard->frailty ? &grouped : &plain,
                    .state = hazard,
                    .extra = hazard->frailty ? 1 : 0,
                    .separable = 1};
}
