/* model_scaled.c: the stages of rankings and best-worst answers as R describes them (R/model-ranked.R). */
#include "../core/choice/scaled.h"
#include "model.h"

static fm_pass pass(const fm_model *model, const fm_design *design, int threads) {
  return fm_scaled_pass(model->state, design, threads);
}

static void probabilities(const fm_model *model, const fm_design *design, fm_work *work,
                          const double *theta, double *v, double *logsum, double *scratch) {
  (void)scratch;
  fm_scaled_probabilities(model->state, design, work, theta, v, logsum);
}

static void scores(const fm_model *model, const fm_design *design, fm_work *work, const double *theta,
                   double *scratch, double *out) {
  fm_scaled_occasion_scores(model->state, design, work, theta, scratch, out);
}

static size_t scratch_size(const fm_model *model, const fm_design *design) {
  (void)model;
  return fm_scaled_scratch(design);
}

fm_model fm_scaled_from_list(SEXP list, const fm_extent *extent) {
  static const fm_model_ops ops = {pass, probabilities, scores, scratch_size};
  const size_t n = extent->n_occasions;
  const size_t n_scales = fm_list_count(list, "n_scales");
  fm_scaled *scaled = (fm_scaled *)R_alloc(1, sizeof(fm_scaled));
  *scaled =
      (fm_scaled){.sign = fm_need_doubles(fm_list_get(list, "sign"), n, "sign"),
                  .scale = fm_as_codes(fm_list_get(list, "scale"), n, -1, (double)n_scales - 1, "scale"),
                  .n_scales = n_scales};
  return (fm_model){.ops = &ops, .state = scaled, .extra = n_scales, .separable = 1, .sign = scaled->sign};
}
