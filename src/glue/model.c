/* model.c: the R description of a choice model -> passes, probabilities and scores of the core. */
#include <string.h>

#include "../core/choice/logit.h"
#include "../core/choice/nested.h"
#include "glue.h"

typedef enum model_kind { CONDITIONAL, NESTED } model_kind;

struct fm_model {
  model_kind kind;
  fm_nested nested;
};

static const int *integers(SEXP list, const char *name, size_t n) {
  SEXP x = fm_list_get(list, name);
  if (x == R_NilValue) {
    return NULL;
  }
  if (TYPEOF(x) != INTSXP || (size_t)Rf_xlength(x) != n) {
    Rf_error("internal: `%s` must be %lu integers", name, (unsigned long)n);
  }
  return INTEGER(x);
}

static fm_nested unpack_nested(SEXP list, size_t n_places) {
  SEXP lambda = fm_list_need(list, "lambda", INTSXP), upper = fm_list_get(list, "lambda_upper");
  fm_nested nested = {.n_nests = (size_t)Rf_xlength(lambda),
                      .n_upper = upper == R_NilValue ? 0 : (size_t)Rf_xlength(upper),
                      .n_lambda = (size_t)fm_list_number(list, "n_lambda", 0),
                      .nest = integers(list, "nest", n_places),
                      .lambda = INTEGER(lambda),
                      .stay_alone = fm_list_flag(list, "stay_alone", 0)};
  nested.parent = integers(list, "parent", nested.n_nests);
  nested.lambda_upper = integers(list, "lambda_upper", nested.n_upper);
  fm_error err = {FM_OK, ""};
  if (nested.nest == NULL || fm_nested_check(&nested, n_places, &err) != FM_OK) {
    fm_raise(&err);
  }
  return nested;
}

fm_model *fm_model_from_list(SEXP list, SEXP spec) {
  fm_model *model = (fm_model *)R_alloc(1, sizeof(fm_model));
  const char *kind = CHAR(STRING_ELT(fm_list_need(list, "kind", STRSXP), 0));
  if (strcmp(kind, "conditional") == 0) {
    *model = (fm_model){.kind = CONDITIONAL};
  } else if (strcmp(kind, "nested") == 0) {
    *model = (fm_model){NESTED, unpack_nested(list, (size_t)fm_list_number(spec, "J", 0))};
  } else {
    Rf_error("internal: no model of kind %s", kind);
  }
  return model;
}

size_t fm_model_extra(const fm_model *model) { return model->kind == NESTED ? model->nested.n_lambda : 0; }

size_t fm_model_scratch(const fm_model *model, const fm_design *design) {
  return model->kind == NESTED ? fm_nested_scratch(&model->nested, design)
                               : fm_logit_pass(design, 1).scratch;
}

fm_pass fm_model_pass(const fm_model *model, const fm_design *design, int threads) {
  return model->kind == NESTED ? fm_nested_pass(&model->nested, design, threads)
                               : fm_logit_pass(design, threads);
}

void fm_model_probabilities(const fm_model *model, const fm_design *design, fm_work *work,
                            const double *theta, double *v, double *logsum, double *scratch) {
  if (model->kind == NESTED) {
    fm_nested_probabilities(&model->nested, design, work, theta, scratch, v, v, logsum);
  } else {
    fm_logit_probabilities(design->kernels, &work->block, v, logsum);
  }
}

void fm_model_scores(const fm_model *model, const fm_design *design, fm_work *work, const double *theta,
                     double *scratch, double *scores) {
  if (model->kind == NESTED) {
    fm_nested_occasion_scores(&model->nested, design, work, theta, scratch, scores);
  } else {
    fm_logit_occasion_scores(design, work, theta, scratch, scores);
  }
}
