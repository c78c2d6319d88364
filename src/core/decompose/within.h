/* within.h: a regression with a constant for each firm, by moments that are added up firm by firm.
 *
 *   y_t = alpha_i + x_t'beta + e_t,   S = sum of (x - xbar_i)(x - xbar_i)',   beta = V sum (x - xbar_i) y,
 *   covariance over firms V (sum of rho_i rho_i') V,   rho_i = sum over the firm of x_t e_t.
 *
 * x has `size` numbers of which a row names those that are not 0. Thread safety: a regression belongs to
 * one thread.
 */
#ifndef FM_WITHIN_H
#define FM_WITHIN_H

#include <stddef.h>
#include <stdint.h>

#include "../base/status.h"

/* The rows of one firm: entries first[t] .. first[t + 1] - 1 are those of row t. */
typedef struct fm_within_rows {
  size_t n;
  size_t *first; /* n + 1 */
  uint32_t *index;
  double *value;
  double *y;
} fm_within_rows;

typedef struct fm_within {
  size_t size;
  double *s, *v;          /* size x size */
  double *raw;            /* size: sum of x squared */
  double *g, *beta;       /* size */
  double *meat;           /* size x size */
  double *gap;            /* size x size: I - S V, or NULL where no more is aliased than a sum of dummies */
  unsigned char *aliased; /* 1: a combination of others, 2: no variation */
  double *sum;            /* size: scratch, 0 between calls */
  uint32_t *seen;         /* size */
  size_t n, n_firms;
} fm_within;

fm_code fm_within_init(fm_within *w, size_t size);
void fm_within_free(fm_within *w);
void fm_within_add(fm_within *w, const fm_within_rows *rows);
fm_code fm_within_solve(fm_within *w, fm_error *err);
/* x_t'beta. */
double fm_within_fit(const fm_within *w, const fm_within_rows *rows, size_t t);
/* Residuals e (rows->n) of a firm that was added, and its rho: entries seen[0 .. result-1] of w->sum. The
 * caller puts these
 * back to 0 with fm_within_clear(). */
size_t fm_within_rho(fm_within *w, const fm_within_rows *rows, double *e);
void fm_within_clear(fm_within *w, size_t n_seen);
/* meat += rho rho' for the rho in w->sum. */
void fm_within_meat(fm_within *w, size_t n_seen);
/* Does the regression say what c'beta is? */
int fm_within_estimable(const fm_within *w, const double *c);

fm_code fm_within_rows_init(fm_within_rows *rows, size_t longest, size_t entries_of_row);
void fm_within_rows_free(fm_within_rows *rows);
static inline void fm_within_enter(fm_within_rows *rows, size_t *at, size_t index, double value) {
  rows->index[*at] = (uint32_t)index;
  rows->value[(*at)++] = value;
}

#endif
