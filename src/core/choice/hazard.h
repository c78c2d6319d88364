/* hazard.h: when firms leave: grouped proportional hazards with competing risks, on any storage.
 *
 * The alternatives of a unit are its outcomes: the origin's row is staying, every other row k a risk
 * (moving, closing). With eta_k = v_k - v_stay,
 * S = sum_k exp(eta_k) is the hazard cumulated over the period,
 *   P_stay = exp(-S),   P_k = (1 - exp(-S)) exp(eta_k) / S:
 * a complementary log-log model of leaving at all, and shares pi_k = exp(eta_k) / S among the risks.
 *
 * With frailty the hazards of a group of units (a spell: one stay of a firm) are multiplied by a gamma
 * variable u of mean 1 and variance v. With A the sum of S over the periods stayed and S that of the period
 * of leaving, if any, it integrates out:
 *   L = (1 + v A)^(-1/v),  or  [(1 + v A)^(-1/v) - (1 + v (A + S))^(-1/v)] pi_k.
 * v = 0 is the model without frailty.
 *
 * theta = [b (n_terms), d (n_effects), v (with frailty)]. Value, score and information (minus the Hessian)
 * are exact; without frailty the log-likelihood is concave. A unit without an origin is not at risk: it
 * adds nothing. v < 0 is outside the domain.
 *
 * Thread safety: a model is read-only; scratch memory belongs to one thread.
 */
#ifndef FM_HAZARD_H
#define FM_HAZARD_H

#include <stddef.h>

#include "../base/status.h"
#include "../design/design.h"
#include "pass.h"

typedef struct fm_hazard {
  int frailty;                /* 1: theta ends with the variance v, and the design has groups */
  const double *group_weight; /* n_groups: weight of each spell, the same for all its units; NULL: ones */
} fm_hazard;

/* The pass; model and design must outlive it. With frailty a group may leave once at most, else the pass
 * fails with FM_INVALID. */
fm_pass fm_hazard_pass(const fm_hazard *model, const fm_design *design, int threads);

/* Doubles of scratch that fm_hazard_occasion_scores needs for any block of the design. */
size_t fm_hazard_scratch(const fm_design *design);

/* Utilities v (rows of the block) become probabilities at u = 1, in place; log_total (n) is log S. */
void fm_hazard_probabilities(const fm_kernels *kernels, const fm_block *block, double *v,
                             double *log_total);

/* Score contributions of each unit of the loaded block without frailty: scores
 * (n x n_linear, row-major). */
void fm_hazard_occasion_scores(const fm_design *design, fm_work *work, const double *theta, double *scratch,
                               double *scores);

#endif
