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

/* The entries must be parameters. */
static void check_scales(const int *scale, size_t n, size_t n_scales) {
  for (size_t i = 0; i < n && scale != NULL; i++) {
    if (scale[i] < -1 || scale[i] >= (int)n_scales) {
      Rf_error("internal: `scale` has %d at %lu", scale[i], (unsigned long)i + 1);
    }
  }
}

fm_model fm_scaled_from_list(SEXP list, SEXP spec) {
  static const fm_model_ops ops = {pass, probabilities, scores, scratch_size};
  const size_t n = fm_spec_occasions(spec);
  SEXP sign = fm_list_need(list, "sign", REALSXP);
  fm_scaled *scaled = (fm_scaled *)R_alloc(1, sizeof(fm_scaled));
  if ((size_t)Rf_xlength(sign) != n) {
    Rf_error("internal: `sign` must be %lu numbers", (unsigned long)n);
  }
  *scaled = (fm_scaled){.sign = REAL(sign),
                        .scale = fm_list_integers(list, "scale", n),
                        .n_scales = (size_t)fm_list_number(list, "n_scales", 0)};
  check_scales(scaled->scale, n, scaled->n_scales);
  return (fm_model){
      .ops = &ops, .state = scaled, .extra = scaled->n_scales, .separable = 1, .sign = scaled->sign};
}
