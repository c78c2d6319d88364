/* cross_nested_work.h: the entries and nests of the cross-nested logit for every unit of a block.
 *
 * Private to cross_nested.c and cross_nested_information.c. Nest m of unit i has slot i * width + m; the
 * nest of staying, when it is alone, is the last. Entries are listed row by row.
 */
#ifndef FM_CROSS_NESTED_WORK_H
#define FM_CROSS_NESTED_WORK_H

#include <stddef.h>

#include "cross_nested.h"

typedef struct fm_crossing {
  const fm_cross_nested *model;
  const fm_block *block;
  size_t width, n_entries, n_slots, n_par;
  double *log_allocation, *allocation; /* of the entries of the model */
  double *unit_chosen, *logsum;        /* of the units of the block */
  struct {
    int *first;       /* rows + 1: entries of each row */
    double *utility;  /* v */
    double *weights;  /* what is handed to the design */
    double *chosen;   /* weight of the choices of the row */
    double *residual; /* derivative of the log-likelihood in v */
  } row;
  struct {             /* of the block */
    int *member;       /* entry of the model, -1: staying, a nest of its own */
    int *slot;         /* its nest */
    double *share;     /* s_e: probability of the place given the nest */
    double *log_share; /* l_e, -INFINITY when the place is not offered */
    double *count;     /* n_e: weight of the choices that fall to the entry */
    double *adjoint;   /* r_e: derivative of the log-likelihood in v_j + log a_jm */
  } entry;
  struct {
    double *rate;      /* k: 1 / lambda */
    double *inclusive; /* W_m */
    double *top;       /* Q_m: probability of the nest */
    double *log_top;
    double *entropy;    /* H_m = -sum s_e l_e = dW_m / dlambda_m */
    double *count;      /* n_m */
    double *chosen_log; /* sum of n_e l_e */
    double *adjoint;
  } nest;
  struct {                    /* for the information */
    double *means;            /* width x units x terms: mean of x in each nest */
    double *slope;            /* width x n_par: D_m of one unit */
    double *vectors, *scaled; /* a few rows of n_par */
    double *x;                /* terms */
  } info;
} fm_crossing;

/* Places the arrays of a block of n units and n_rows rows in scratch and gives the doubles used;
 * scratch = NULL only counts. */
size_t fm_crossing_layout(fm_crossing *c, const fm_cross_nested *model, const fm_design *design, size_t n,
                          size_t n_rows, double *scratch);

/* h (n_par x n_par, upper triangle) += information of the block. Needs the residuals. Overwrites the row
 * weights. */
void fm_crossing_information(fm_crossing *c, const fm_design *design, fm_work *work, double *h);

/* Parameter of a nest within lambda, or -1; and of an entry of the model within tau. */
static inline int fm_crossing_lambda(const fm_crossing *c, size_t nest) {
  return nest < c->model->n_nests ? c->model->lambda[nest] : -1;
}

static inline int fm_crossing_tau(const fm_crossing *c, int member) {
  return member >= 0 && c->model->tau != NULL ? c->model->tau[member] : -1;
}

#endif
