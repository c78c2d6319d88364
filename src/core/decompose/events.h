/* events.h: what happens to firms that move, before and after.
 *
 * The event of a firm is its first move; its life is cut before the second (or the firm is left out). Rows
 * before the event
 * and those of firms that never move say what would have been,
 *
 *   Y(0)_it = alpha_i + tau_t + z_it'b,   tau_it = y_it - Y(0)_it after the move (Borusyak, Jaravel,
 *   Spiess 2024).
 *
 * An estimand e is a mean of tau_it over rows, by weight: of those some periods after the move, of a group
 * of movers. With
 * c_e its mean of x_it - xbar_i (x: periods and controls, xbar_i over the rows before), firm i has the
 * influence
 *
 *   sum over its rows after the move of w (tau_it - taubar) / W_e - c_e'V rho_i
 *
 * taubar the mean of tau by squared weight over movers of its cohort and group in the period, V and rho
 * those of within.h. The
 * squares of influences add up to the variance, their products to covariances.
 *
 * Leads: a regression on the rows before with a dummy for each of the last periods before the move. Gap:
 *   y_it = alpha_i + tau_t + sum_k (theta_k Delta_i + rho_k) 1{t - t_i* = k} + e_it, Delta_i the mean of
 *   the destination less
 * that of the origin in the period before the move, both without the firm (Finkelstein, Gentzkow, Williams
 * 2016).
 *
 * Everything is a sum over firms in the order of lives.h.
 */
#ifndef FM_EVENTS_H
#define FM_EVENTS_H

#include "lives.h"
#include "within.h"

enum fm_event_kind { FM_NEVER, FM_EVENT, FM_NO_BEFORE, FM_SEVERAL };

/* A firm's event. */
typedef struct fm_event {
  /* FM_NO_BEFORE: moved in its first period; FM_SEVERAL: left out for its second move */
  unsigned char kind;
  unsigned char gap; /* not seen in the period before */
  uint32_t at, end;  /* rows before the move; rows before the second move */
  uint32_t cohort;   /* period of the move, from 0 on */
  int from, to;      /* places, as the panel codes them */
  double delta;      /* NaN where nobody else is at one of the two */
} fm_event;

typedef struct fm_events_spec {
  const fm_lives *lives; /* settled, all firms */
  size_t n_times;
  /* of each row of the panel: place before, below 1: none; NULL: nothing known of first rows */
  const int *origin;
  size_t n_controls, n_rows;
  const double *controls; /* n_rows x n_controls, by columns */
  int single;             /* leave out firms that move again */
  int never, not_yet;     /* who tells the periods: firms that never move; the others before they do */
  /* n_times: which mean takes a row h periods after the move, from 0 on; -1: none */
  const int *horizon;
  size_t n_horizons;
  size_t leads;
  /* of each row of the panel, 1 .. n_groups, or NULL; a firm is of the group of its first row after */
  const int *group;
  size_t n_groups;
  int (*interrupted)(void *);
} fm_events_spec;

/* Estimand (f, g, h): family f (0: all; 1: moves up and down, by the sign of delta; 2: groups), group g of
 * the family, mean h (the
 * last one: over all horizons); in this order, h fastest. */
typedef struct fm_estimands {
  size_t n, n_means;                         /* n_means = n_horizons + 1 */
  size_t n_of[3], first_of[3];               /* groups of a family, its first estimand */
  double *weight, *estimate, *rows, *movers; /* n */
  double *covariance;                        /* n x n */
} fm_estimands;

typedef struct fm_events {
  fm_events_spec spec;
  size_t n_firms;
  fm_event *event;  /* n_firms */
  double *y;        /* n, less its mean */
  fm_within before; /* size n_times + n_controls */
  double *tau;      /* n: NaN where there is none */
  double *unknown;  /* n_times: rows after a move in a period that no control tells */
  fm_estimands means;
  fm_within lead; /* size n_times + n_controls + leads: leads 1, 2, ... last */
} fm_events;

/* events and deltas; the caller frees */
fm_code fm_events_find(const fm_events_spec *spec, fm_events *events);
fm_code fm_events_impute(fm_events *events, fm_error *err);
fm_code fm_events_lead(fm_events *events, fm_error *err);
/* The gap regression in `result`: periods, controls, rho_k, theta_k for k = -leads .. n_horizons-1 without
 * -1. */
fm_code fm_events_gap(const fm_events *events, fm_within *result, fm_error *err);
void fm_events_free(fm_events *events);

/* ---- between the files ------------------------------------------------------------------------------ */
/* Rows of firm i into `rows`: x of periods and controls. */
void fm_events_fill(const fm_events *events, size_t i, size_t n, fm_within_rows *rows);
size_t fm_events_longest(const fm_events *events);

#endif
