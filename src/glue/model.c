/* model.c: which kinds of models there are, and the simplest of them. */
#include <string.h>

#include "../core/choice/logit.h"
#include "model.h"

/* ---- the conditional logit --------------------------------------------------------------------------- */
static fm_pass conditional_pass(const fm_model *model, const fm_design *design, int threads) {
  (void)model;
  return fm_logit_pass(design, threads);
}

static void conditional_probabilities(const fm_model *model, const fm_design *design, fm_work *work,
                                      const double *theta, double *v, double *logsum, double *scratch) {
  (void)model, (void)theta, (void)scratch;
  fm_logit_probabilities(design->kernels, &work->block, v, logsum);
}

static void conditional_scores(const fm_model *model, const fm_design *design, fm_work *work,
                               const double *theta, double *scratch, double *scores) {
  (void)model;
  fm_logit_occasion_scores(design, work, theta, scratch, scores);
}

static size_t conditional_scratch(const fm_model *model, const fm_design *design) {
  (void)model;
  return fm_logit_pass(design, 1).scratch;
}

static fm_response conditional_response(const fm_model *model, const fm_design *design,
                                        const double *theta) {
  (void)model;
  return fm_logit_response(design, theta);
}

fm_model fm_conditional_from_list(SEXP list, const fm_extent *extent) {
  static const fm_model_ops ops = {conditional_pass, conditional_probabilities, conditional_scores,
                                   conditional_scratch, conditional_response};
  (void)list, (void)extent;
  return (fm_model){.ops = &ops, .separable = 1};
}

/* ---- kinds ------------------------------------------------------------------------------------------- */
static const struct {
  const char *kind;
  fm_model (*from_list)(SEXP list, const fm_extent *extent);
} kinds[] = {
    {"conditional", fm_conditional_from_list},
    {"nested", fm_nested_from_list},
    {"hazard", fm_hazard_from_list},
    {"cross_nested", fm_cross_nested_from_list},
    {"scaled", fm_scaled_from_list},
    {"latent", fm_latent_from_list},
    {"chain", fm_chain_from_list},
    {"mixed", fm_mixed_from_list},
};

/* `group` of a model: 1-based codes, each in use,
 * for models whose likelihood is not a sum over occasions. */
static void unpack_groups(SEXP list, const fm_extent *extent, fm_model *model) {
  const size_t n = extent->n_occasions;
  model->group = fm_as_codes(fm_list_get(list, "group"), n, 1, (double)n, "group");
  model->n_groups = fm_largest_code(model->group, n);
}

fm_spec_options fm_model_options(const fm_model *model) {
  return (fm_spec_options){.merge = 1, .group = model->group, .n_groups = model->n_groups};
}

const fm_model *fm_model_from_list(SEXP list, const fm_extent *extent) {
  const char *kind = CHAR(STRING_ELT(fm_list_need(list, "kind", STRSXP), 0));
  for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
    if (strcmp(kind, kinds[k].kind) == 0) {
      fm_model *model = (fm_model *)R_alloc(1, sizeof(fm_model));
      *model = kinds[k].from_list(list, extent);
      unpack_groups(list, extent, model);
      return model;
    }
  }
  Rf_error("internal: no model of kind %s", kind);
}

size_t fm_list_groups(SEXP list) {
  SEXP group = fm_list_get(list, "group");
  const size_t n = (size_t)Rf_xlength(group), given = fm_list_count(list, "n_groups");
  const size_t largest = fm_largest_code(fm_as_ints(group, n, "group"), n);
  return largest > given ? largest : given;
}
