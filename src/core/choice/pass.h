/* pass.h: one pass over a design: every chunk on some thread, sums in chunk order.
 *
 * A model supplies what to do with one block or, on a grouped design, with one group; the pass owns
 * workspaces, accumulators and the reduction, so results do not depend on the number of threads.
 */
#ifndef FM_PASS_H
#define FM_PASS_H

#include <stddef.h>

#include "../base/status.h"
#include "../design/design.h"
#include "../optim/objective.h"

/* Accumulators of one chunk. score (n_par) and information (n_par x n_par, upper triangle) are NULL
 * when the order of the pass does not ask for them. */
typedef struct fm_sums {
  double value;
  double *score;
  double *information;
  size_t n_par;
} fm_sums;

/* What a pass does, and for which parameters. A model fills everything but theta and order. */
typedef struct fm_pass fm_pass;
struct fm_pass {
  const fm_design *design;
  const void *model;   /* handed to the block function */
  const double *theta; /* n_par */
  size_t n_par;
  int order; /* FM_VALUE, FM_SCORE, FM_INFORMATION of objective.h */
  int threads;
  double effort;  /* work per number of the design beside a conditional logit's; 0 counts as 1 */
  size_t scratch; /* doubles of scratch memory each thread gets; not zeroed between blocks */
  /* 0: theta is outside the model's domain (value is -INFINITY). NULL: every theta is inside. */
  int (*admissible)(const fm_pass *pass);
  /* Adds the contribution of the block loaded in work to sums. */
  fm_code (*block)(const fm_pass *pass, fm_work *work, double *scratch, fm_sums *sums);
  /* If not NULL, called instead of block, once a group; it loads the blocks of the group itself, as often
   * as it needs them. What cross() keeps back is flushed after the last group of a chunk. */
  fm_code (*group)(const fm_pass *pass, fm_work *work, size_t group, double *scratch, fm_sums *sums);
};

/* Runs the pass. information is returned with both triangles filled. */
fm_code fm_pass_run(const fm_pass *pass, double *value, double *score, double *information, fm_error *err);

/* Score of each group (n_groups x n_par, row-major): what the group adds to the score of the pass. Runs on
 * the calling thread; the pass must have a group function. */
fm_code fm_pass_group_scores(const fm_pass *pass, double *scores, fm_error *err);

/* The log-likelihood of a pass as an objective; pass must outlive it. */
fm_objective fm_pass_objective(const fm_pass *pass);

#endif
