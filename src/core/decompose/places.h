/* places.h: what places do and who is there, from firms that move.
 *
 *   y_it = alpha_i + psi_j(i,t) + tau_t + z_it'b + e_it
 *
 * A row of the regressors, e, has a 1 at its place, a 1 at its period (where periods are controlled for)
 * and its controls
 * z: L numbers. Firms are taken out exactly: with e less its mean over the rows of the firm, d,
 *
 *   S = sum d d',   V its inverse (a generalised one: the last place and what is aliased get 0),   b = V
 *   sum d y.
 *
 * The variances over rows, with weights omega that sum to 1 (1/n without weights), are quadratic forms y'B
 * y:
 *
 *   place   B_st = d_s'W d_t,   W = V A V,   A = diag(nbar) - nbar nbar',   nbar_j the weight of the rows
 *   of place j
 *   cov     B_st = left_s'V d_t - d_s'W_c d_t
 *             without weights left_s = (f_s - nbar)/n,  W_c = V[A; C]V_J,  C = Z'F/n - zbar nbar'
 *             with them       left_s = sum of omega (f - nbar) over the firm / T,  W_c = V (sum_i m_i
 *             g_i') V_J
 *   firm    B_ss = Omega/T^2 - (Omega/T)^2 + d_s'W_f d_s - 2 (Omega/T)(m_i - mbar)'V d_s,
 *             Omega = sum of omega over the firm, m_i the mean of e in the firm, mbar = sum Omega_i m_i,
 *             W_f = V (sum Omega_i m_i m_i' - mbar mbar') V
 *
 * and are too large (or small) by the trace of B with the covariance of the errors. It is estimated by s^2
 * (homoskedastic) or
 * by y_c r_c', where r_c is the residual of the rows c predicted without them: of a row, of a firm at a
 * place, or of a firm.
 * Where a firm is left out whole only what is within it is used on the right: its alpha goes too.
 * Sources: Andrews, Gill, Schank and Upward (2008); Kline, Saggio and Solvsten (2020).
 *
 * Firms are cut into tasks by their order alone: results do not depend on the number of threads.
 */
#ifndef FM_PLACES_H
#define FM_PLACES_H

#include "lives.h"

typedef enum fm_leave { FM_LEAVE_ROW, FM_LEAVE_MATCH, FM_LEAVE_FIRM } fm_leave;

typedef struct fm_places_spec {
  const fm_lives *lives; /* settled; firms with two rows or more; places in one piece */
  size_t n_times;
  int periods; /* are periods controlled for? */
  size_t n_controls;
  const double *controls; /* rows of the panel x n_controls, by columns */
  size_t n_rows;          /* rows of the panel */
  fm_leave leave;
  int leaves_out; /* 0: only the plug-in and the homoskedastic estimates mean anything */
  int threads;
  int (*interrupted)(void *); /* may be NULL */
} fm_places_spec;

/* Second moments over rows, about their means: of psi, alpha, controls, residual and y. */
enum { FM_PSI, FM_ALPHA, FM_CONTROL, FM_RESIDUAL, FM_Y, FM_PARTS };

/* What is taken off a plug-in estimate, or its trace: of place, cov, firm. */
typedef struct fm_corrections {
  double place, cov, firm;
} fm_corrections;

typedef struct fm_places {
  fm_places_spec spec;
  size_t n, n_firms, n_places, n_times, n_controls;
  size_t size;    /* L */
  size_t at_time; /* e[at_time + t], where periods are controlled for */
  size_t at_z;    /* e[at_z + k] */
  size_t longest; /* rows of the firm with most */
  double centre;  /* mean of y over rows: taken off */
  double *y;      /* n: less the centre */
  double *omega;  /* n, or NULL: 1/n */
  double *z;      /* n x n_controls, by rows, each column less its mean */
  double *nbar;   /* n_places */
  double *s, *v;  /* L x L; s is freed once v is there */
  double *w, *w_cov, *w_firm;
  double *h;      /* L: V nbar */
  double *v_mbar; /* L */
  /* L: coefficients; psi has the mean 0 over rows, so have the periods and controls together */
  double *b;
  unsigned char *aliased; /* L */
  double shift;           /* taken off tau_t + z'b */
  double *alpha;          /* n_firms */
  /* n: residual; predicted without the firm; (I - P)^-1 B z and (I - P)^-1 B r */
  double *residual, *r, *bz, *br;
  double *own_zz, *own_zr, *own_rr; /* n_firms: u'C_ii v of C before its diagonal is taken out */
  double moment[FM_PARTS][FM_PARTS];
  double s2;
  fm_corrections trace;     /* tr B: times s2 off the plug-in */
  fm_corrections leave_out; /* off the plug-in; firm by rows, whatever is left out */
  size_t alone;             /* blocks of leverage 1, which cannot be left out */
  double variance;          /* of the leave-out estimate of place, a firm left out */
  double *covariance;       /* L x L: of b, by leaving out firms in turn */
} fm_places;

/* The caller frees whatever is returned. */
fm_code fm_places_run(const fm_places_spec *spec, fm_places *result, fm_error *err);
void fm_places_free(fm_places *result);

/* ---- tables (places_tables.c) ----------------------------------------------------------------------- */
typedef struct fm_place_row {
  size_t rows, firms, in, out; /* rows; firms ever there; moves to and from it */
  double value, control;       /* means over rows (by weight): performance; periods and controls */
} fm_place_row;

/* row: n_places. */
fm_code fm_places_table(const fm_places *p, fm_place_row *row);
/* Rows t of lives with another place at t + 1 of the same firm; returns their number. before may be NULL.
 * */
size_t fm_places_moves(const fm_places *p, size_t *before);

/* ---- between the files ------------------------------------------------------------------------------ */
/* e_t'x for row t. */
static inline double fm_row_times(const fm_places *p, size_t t, const double *x) {
  double sum = x[p->spec.lives->place[t]];
  if (p->spec.periods) {
    sum += x[p->at_time + p->spec.lives->time[t]];
  }
  for (size_t k = 0; k < p->n_controls; k++) {
    sum += p->z[t * p->n_controls + k] * x[p->at_z + k];
  }
  return sum;
}

/* The entries of E'x over the rows of firm i that can be other than 0: how many, which, and their values
 * for each of n_x
 * vectors (x[a] has a value for each row of all firms; value is n_x rows of `room`). x sums to zero over
 * the firm. */
size_t fm_firm_sums(const fm_places *p, size_t i, const double *const *x, size_t n_x, uint32_t *index,
                    double *value, size_t room);
/* Room that fm_firm_sums() needs. */
static inline size_t fm_firm_room(const fm_places *p) { return 2 * p->longest + p->n_controls; }

fm_code fm_places_solve(fm_places *p, fm_error *err); /* places_solve.c: s, v, b and the sandwiches */
fm_code fm_places_correct(fm_places *p);              /* places_correct.c: what is left out */
fm_code fm_places_spread(fm_places *p);               /* places_spread.c: covariance and variance */

#endif
