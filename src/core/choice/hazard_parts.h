/* hazard_parts.h: what hazard.c and hazard_frailty.c share. */
#ifndef FM_HAZARD_PARTS_H
#define FM_HAZARD_PARTS_H

#include <stddef.h>

#include "hazard.h"

/* Utilities v (rows) become shares pi among the risks in place, 0 at staying; log_total (n) = log S, kept
 * within +-690 so that S is a number; -INFINITY for a unit that is not at risk. */
void fm_hazard_shares(const fm_kernels *kernels, const fm_block *block, double *v, double *log_total);

/* log(1 - exp(-S)), its derivative in log S, and minus its second derivative in log S. */
typedef struct fm_leaving {
  double value, first, curvature;
} fm_leaving;
fm_leaving fm_hazard_leaving(double total);

/* Weight of the choices of unit i: staying, leaving by any risk. */
typedef struct fm_counts {
  double stay, leave;
} fm_counts;
fm_counts fm_hazard_counts(const fm_block *block, size_t i);

/* Adds sum_i c_i cov_i + e_i z_i z_i' to h, where cov_i is the covariance of x under the shares pi and z_i
 * = sum_k pi_k x_k - x_stay. shares: rows; z (rows) and y (units x terms) are overwritten; so is cov. */
void fm_hazard_information(const fm_design *design, fm_work *work, double *cov, const double *e,
                           const double *shares, double *z, double *y, double *h, size_t ld);

/* z (rows) = pi, and -1 at staying, times s (n) if not NULL; 0 for units not at risk. */
void fm_hazard_contrast(const fm_block *block, const double *s, const double *shares, double *z);

/* The group function of hazard_frailty.c and its scratch in doubles. */
fm_code fm_hazard_group(const fm_pass *pass, fm_work *work, size_t group, double *scratch, fm_sums *sums);
size_t fm_hazard_group_scratch(const fm_design *design);

#endif
