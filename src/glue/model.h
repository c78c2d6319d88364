/* model.h: a choice model as R describes it, and the table of what a model can do.
 *
 * R/model-<name>.R makes a list with `kind` and what the kind needs; model_<name>.c turns it into an
 * fm_model in memory of R's. fit.c and predict.c know models by this table only.
 */
#ifndef FM_MODEL_H
#define FM_MODEL_H

#include "../core/choice/response.h"
#include "glue.h"

typedef struct fm_model_ops {
  /* The log-likelihood as a pass. */
  fm_pass (*pass)(const fm_model *model, const fm_design *design, int threads);
  /* Utilities v of the loaded block become probabilities in place; logsum (units) less the level. NULL: R
   * makes the predictions of this model from those of others. */
  void (*probabilities)(const fm_model *model, const fm_design *design, fm_work *work, const double *theta,
                        double *v, double *logsum, double *scratch);
  /* Score contributions of each unit of the loaded block (single occasions): units x n_par, row-major.
   * NULL: the contributions are those of the groups, fm_pass_group_scores. */
  void (*scores)(const fm_model *model, const fm_design *design, fm_work *work, const double *theta,
                 double *scratch, double *scores);
  /* Doubles of scratch that probabilities and scores need. */
  size_t (*scratch)(const fm_model *model, const fm_design *design);
  /* How the probabilities respond at theta. NULL: R takes differences. */
  fm_response (*response)(const fm_model *model, const fm_design *design, const double *theta);
} fm_model_ops;

struct fm_model {
  const fm_model_ops *ops;
  const void *state;  /* the model's own */
  size_t extra;       /* parameters after the linear ones */
  int separable;      /* choices can be separated by the linear terms: look when a fit runs on */
  const double *sign; /* n_occasions: -1 where the least useful place is named, else 1; or NULL */
  const int *group;   /* n_occasions: 1-based group of each, or NULL */
  size_t n_groups;
};

/* One for each kind; memory of R, freed by R. They check what R gives them. */
fm_model fm_conditional_from_list(SEXP list, const fm_extent *extent);
fm_model fm_nested_from_list(SEXP list, const fm_extent *extent);
fm_model fm_hazard_from_list(SEXP list, const fm_extent *extent);
fm_model fm_cross_nested_from_list(SEXP list, const fm_extent *extent);
fm_model fm_scaled_from_list(SEXP list, const fm_extent *extent);
fm_model fm_latent_from_list(SEXP list, const fm_extent *extent);
fm_model fm_chain_from_list(SEXP list, const fm_extent *extent);
fm_model fm_mixed_from_list(SEXP list, const fm_extent *extent);

/* Number of groups of a model's description: `n_groups`, or the largest code of `group`. */
size_t fm_list_groups(SEXP list);

#endif
