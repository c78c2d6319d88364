/* firm_dynamics.h: the sums from which every account of clusters with moving firms is made.
 *
 * A pair of periods (start 0, end 1) sorts each firm into a cell (o, d): its cluster at the start and at
 * the
 * end, or none (a birth, a death), or hidden (not seen in this period, but before and after it). All
 * terms of
 * all six methods are functions of the sums over the firms of a cell of
 *
 *   w0  w0 q0  y0  w1  w1 q1  y1  w0 q1  w1 q0  u  u q0  u q1  max(y1 - y0, 0)     with q = performance -
 * centre,
 *
 * u = 1 for a firm seen at both ends (and of weight other than zero at both, unless zeros are kept), 0
 * otherwise;
 * the last four and the mixed ones are 0 for a firm seen at one end. The influence function of each term
 * is linear
 * in them, and firms of different cells are different firms, so that standard errors need no more than
 * the sums of
 * products of the twelve within each cell:
 *
 *   Var(f) = sum over cells of g' (sum of m m') g,   g the gradient of f in the sums of the cell.
 *
 * One pass over the panel, O(n), after a counting sort by firm where the rows are not in order
 * (dynamics_rows.h).
 */
#ifndef FM_FIRM_DYNAMICS_H
#define FM_FIRM_DYNAMICS_H

#include <stddef.h>
#include <stdint.h>

#include "../base/status.h"

typedef enum fm_firm_moment { /* in the order above */
                              FM_MOMENT_W0,
                              FM_MOMENT_P0,
                              FM_MOMENT_Y0,
                              FM_MOMENT_W1,
                              FM_MOMENT_P1,
                              FM_MOMENT_Y1,
                              FM_MOMENT_X01,
                              FM_MOMENT_X10,
                              FM_MOMENT_U,
                              FM_MOMENT_V0,
                              FM_MOMENT_V1,
                              FM_MOMENT_GAIN,
                              FM_FIRM_MOMENTS
} fm_firm_moment;

enum { FM_FIRM_PRODUCTS = 96 }; /* products of two moments a <= b, in blocks of four rows */

typedef struct fm_panel {
  size_t n; /* rows, fewer than 2^32 */
  size_t n_firms, n_times, n_places, n_groups;
  const int *firm;  /* n, 0 .. n_firms-1; codes may be unused */
  const int *time;  /* n, 1 .. n_times, in order of time */
  const int *place; /* n, 1 .. n_places; below 1: not alive */
  const double *performance, *weight;
  const double *size; /* n, or NULL: the weight */
  const int *group;   /* n, 1 .. n_groups: firms whose errors go together; or NULL */
  double centre;      /* taken from performance */
  int keep_zero;      /* firms of weight zero count in unweighted means */
  int consecutive;    /* the pairs of periods that follow each other */
  int end_to_end;     /* a pair of the first and the last period, after those */
  int gap_is_exit;    /* a firm that is hidden counts as dead and born again: no hidden ends */
} fm_panel;

typedef struct fm_cell {
  size_t count; /* firms */
  double sum[FM_FIRM_MOMENTS];
  double product[FM_FIRM_PRODUCTS];
} fm_cell;

/* The sums of one group in one cell. */
typedef struct fm_part {
  uint32_t cell; /* 0 .. n_cells-1 */
  int group;
  double sum[FM_FIRM_MOMENTS];
} fm_part;

typedef struct fm_dynamics {
  size_t n_pairs, n_places, n_groups;
  size_t n_cells, n_parts; /* n_parts: 0 without groups */
  int *pair;               /* n_cells: 1 .. n_pairs, that from end to end the last */
  int *start, *end;        /* n_cells: place, or 0 (none), or n_places+1 (hidden) */
  fm_cell *cell;
  fm_part *part;
  size_t n_firms;   /* firms alive at some time */
  size_t zeros;     /* rows of weight zero */
  size_t gaps;      /* times that a firm is hidden; counted with consecutive pairs */
  size_t repeated;  /* rows that repeat a firm and time: the sums mean nothing when there are any */
  size_t repeat[5]; /* the first of them */
} fm_dynamics;

/* Which of the packed products is that of moments a <= b. */
size_t fm_product_at(size_t a, size_t b);

/* Fills result, which the caller frees whatever is returned. interrupted is polled now and then (may be
 * NULL). The sums do
 * not depend on the number of threads, nor on the order of the rows. */
fm_code fm_dynamics_run(const fm_panel *panel, int threads, int (*interrupted)(void *),
                        fm_dynamics *result);
void fm_dynamics_free(fm_dynamics *result);

/* ---- variances (dynamics_variance.c)
 * --------------------------------------------------------------------- */
/* Classes of firms of a pair of periods in which a term has derivatives: all; those of its cluster at the
 * start, at the
 * end, at both, those that close, those not seen at the end (closed or hidden), those not seen at the
 * start; those of its
 * own cell. */
typedef enum fm_firm_class {
  FM_CLASS_ALL,
  FM_CLASS_START,
  FM_CLASS_END,
  FM_CLASS_STAY,
  FM_CLASS_DEAD,
  FM_CLASS_GONE,
  FM_CLASS_NEW,
  FM_CLASS_OWN,
  FM_CLASSES
} fm_firm_class;

/* Terms of an account. Column j holds the derivatives of all terms in the sum of moment[j] over
 * class_of[j]. */
typedef struct fm_terms {
  size_t n, n_columns;
  const int *pair, *place;      /* n: from 1 on */
  const int *cell;              /* n: from 1 on, or 0: no cell of its own */
  const int *class_of, *moment; /* n_columns: from 0 on */
  const double *const *column;
} fm_terms;

/* variance[k] = sum over the firms of the squared k-th influence; own[k] (NULL: not wanted) that over the
 * firms of its own
 * cell. A sum that is nothing but rounding is 0. */
fm_code fm_dynamics_variance(const fm_dynamics *dynamics, const fm_terms *terms, double *variance,
                             double *own);

/* The same with firms of one group going together: sum over groups of (sum over its firms of the
 * influence)^2. The terms
 * are in the order of their pairs. */
fm_code fm_dynamics_grouped(const fm_dynamics *dynamics, const fm_terms *terms, double *variance,
                            double *own);

/* The squares of one influence for each pair of periods: gradient[j + n_cells a] is its derivative in
 * moment a of the firms of
 * cell j, whatever their classes; firms go together in their groups where there are any. variance:
 * n_pairs. */
fm_code fm_dynamics_cells(const fm_dynamics *dynamics, const double *gradient, double *variance);

/* x' P x with P packed as in a cell. */
double fm_packed_quadratic(const double *x, const double *packed);

/* The derivatives of term k by class. */
void fm_term_gradient(const fm_terms *terms, size_t k, double gradient[FM_CLASSES][FM_FIRM_MOMENTS]);

/* The derivatives of term k, which has a cell of its own, in the sums of that cell, whatever their
 * classes. */
void fm_own_gradient(const fm_dynamics *dynamics, const fm_terms *terms, size_t k, double *gradient);

#endif
