/* logit.h: the conditional logit.
 *
 *   l = sum_i w_i (v_iy - log sum_{j in C_i} exp v_ij),   score residual w_i (1{j = y} - P_ij),
 *   information sum_i w_i [sum_j P_ij x_ij x_ij' - xbar_i xbar_i'],  xbar_i = sum_j P_ij x_ij.
 */
#ifndef FM_LOGIT_H
#define FM_LOGIT_H

#include <stddef.h>

#include "pass.h"
#include "response.h"

/* The pass of a conditional logit: parameters b and d of the design. */
fm_pass fm_logit_pass(const fm_design *design, int threads);

/* Turns utilities v (rows of the block) into choice probabilities in place and writes each unit's
 * inclusive value log sum exp v (less its level) to logsum (n). */
void fm_logit_probabilities(const fm_kernels *kernels, const fm_block *block, double *v, double *logsum);

/* sum over the choices of the block of w v_iy. */
double fm_logit_chosen_utility(const fm_block *block, const double *v);

/* Score contributions of each unit of the loaded block: scores (n x n_linear, row-major). Units must be
 * single occasions. scratch: fm_logit_pass(design, 1).scratch doubles. */
void fm_logit_occasion_scores(const fm_design *design, fm_work *work, const double *theta, double *scratch,
                              double *scores);

/* dp = p (dv - mean), mean = sum p dv: how n probabilities change where utilities do. */
void fm_logit_change(const fm_kernels *kernels, const double *p, const double *dv, size_t n, double *dp,
                     double *mean);

/* How its probabilities respond. */
fm_response fm_logit_response(const fm_design *design, const double *theta);

#endif
