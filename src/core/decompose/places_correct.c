/* places_correct.c: traces, and what is left out, firm by firm.
 *
 * Within firm i with T rows everything is a T x T matrix: E X E' gathers entries of X, and taking means
 * off its rows and
 * columns makes D X D' of it. A firm that stays has the same place in each row: its places drop out, and
 * without periods
 * and controls nothing is left at all. Equations: places.h.
 */
#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/arena.h"
#include "../base/threads.h"
#include "../base/total.h"
#include "places.h"

enum { ROWS_OF_TASK = 1 << 13 };
static const double least_pivot = 1e-9;

/* What a task adds up. */
typedef struct sums {
  fm_total trace[3], left_out[3]; /* of place, cov, firm */
  size_t alone;
} sums;

/* One firm. Matrices are rows x rows. */
typedef struct firm {
  size_t i, first, rows;
  int moves;
  double omega;                 /* its weight */
  double *p, *b, *c, *f, *left; /* D V D', D W D', B of cov, D W_f D', left_s'V e_t */
  double *solve;                /* the factor of I - P, or of a part of it */
  double *mean;                 /* (m - mbar)'V d_s */
  double *e, *z, *x;            /* residuals, performance less the firm's mean, scratch */
  double *pz, *pr;              /* scratch */
  size_t *at;                   /* rows of a match */
  /* What firms that stay have in common when they are seen in the same periods: kept from one to the next.
   * */
  double *kept[4];  /* p, b, c, f */
  size_t kept_rows; /* 0: nothing is kept */
  uint32_t *kept_time;
  double *kept_mean; /* of V over the rows, before it is centred */
} firm;

typedef struct pass {
  fm_places *p;
  size_t *start; /* n_tasks + 1: firms of a task */
  sums *sum;     /* n_tasks */
  double *room;  /* of each worker */
  size_t room_size;
} pass;

/* ---- small systems ---------------------------------------------------------------------------------- */
/* The lower factor of a (m x m), in place; 0 when a pivot is as good as 0. */
static int factor(double *a, size_t m) {
  for (size_t i = 0; i < m; i++) {
    for (size_t j = 0; j <= i; j++) {
      double sum = a[i * m + j];
      for (size_t k = 0; k < j; k++) {
        sum -= a[i * m + k] * a[j * m + k];
      }
      if (i == j) {
        if (!(sum > least_pivot)) {
          return 0;
        }
        a[i * m + i] = sqrt(sum);
      } else {
        a[i * m + j] = sum / a[j * m + j];
      }
    }
  }
  return 1;
}

static void solve(const double *a, size_t m, double *x) {
  for (size_t i = 0; i < m; i++) {
    for (size_t k = 0; k < i; k++) {
      x[i] -= a[i * m + k] * x[k];
    }
    x[i] /= a[i * m + i];
  }
  for (size_t i = m; i-- > 0;) {
    for (size_t k = i + 1; k < m; k++) {
      x[i] -= a[k * m + i] * x[k];
    }
    x[i] /= a[i * m + i];
  }
}

static void product(const double *a, const double *x, double *to, size_t m) {
  for (size_t s = 0; s < m; s++) {
    to[s] = 0.0;
    for (size_t t = 0; t < m; t++) {
      to[s] += a[s * m + t] * x[t];
    }
  }
}

/* ---- gathering -------------------------------------------------------------------------------------- */
/* Entry b of e_s'X, for row s; places: with the place of the row. */
static inline double row_entry(const fm_places *p, const double *X, size_t s, size_t b, int places) {
  const fm_lives *v = p->spec.lives;
  double sum = places ? X[v->place[s] * p->size + b] : 0.0;
  if (p->spec.periods) {
    sum += X[(p->at_time + v->time[s]) * p->size + b];
  }
  for (size_t k = 0; k < p->n_controls; k++) {
    sum += p->z[s * p->n_controls + k] * X[(p->at_z + k) * p->size + b];
  }
  return sum;
}

/* out[s, t] = e_s'X e_t, of places and periods alone. symmetric: X is. */
static void gather_dummies(const fm_places *p, const firm *g, const double *X, int symmetric, double *out) {
  const uint32_t *place = p->spec.lives->place + g->first, *time = p->spec.lives->time + g->first;
  const size_t m = g->rows, L = p->size, at_time = p->at_time;
  for (size_t s = 0; s < m; s++) {
    const double *of_place = X + place[s] * L, *of_time = X + (at_time + time[s]) * L;
    double *row = out + s * m;
    const size_t from = symmetric ? s : 0;
    if (!p->spec.periods) {
      for (size_t t = from; t < m; t++) {
        row[t] = of_place[place[t]];
      }
    } else if (!g->moves) {
      for (size_t t = from; t < m; t++) {
        row[t] = of_time[at_time + time[t]];
      }
    } else {
      for (size_t t = from; t < m; t++) {
        row[t] = of_place[place[t]] + of_time[place[t]] + of_place[at_time + time[t]] +
                 of_time[at_time + time[t]];
      }
    }
  }
  if (symmetric) {
    for (size_t s = 0; s < m; s++) {
      for (size_t t = 0; t < s; t++) {
        out[s * m + t] = out[t * m + s];
      }
    }
  }
}

/* out[s, t] = e_s'X e_t. */
static void gather(const fm_places *p, const firm *g, const double *X, int symmetric, double *out) {
  const fm_lives *v = p->spec.lives;
  if (p->n_controls == 0) {
    gather_dummies(p, g, X, symmetric, out);
    return;
  }
  for (size_t s = 0; s < g->rows; s++) {
    for (size_t t = 0; t < g->rows; t++) {
      const size_t row = g->first + s, column = g->first + t;
      double sum = g->moves ? row_entry(p, X, row, v->place[column], 1) : 0.0;
      if (p->spec.periods) {
        sum += row_entry(p, X, row, p->at_time + v->time[column], g->moves);
      }
      for (size_t k = 0; k < p->n_controls; k++) {
        sum += p->z[column * p->n_controls + k] * row_entry(p, X, row, p->at_z + k, g->moves);
      }
      out[s * g->rows + t] = sum;
    }
  }
}

/* left[s, t] = (f_s - nbar)'V e_t; of a firm that stays without the place in e_t, which is the same in
 * all. */
static void gather_left(const fm_places *p, const firm *g) {
  const fm_lives *v = p->spec.lives;
  for (size_t s = 0; s < g->rows; s++) {
    const double *own = p->v + v->place[g->first + s] * p->size;
    if (!g->moves && s > 0) { /* the place is the same in all rows */
      memcpy(g->left + s * g->rows, g->left, g->rows * sizeof(double));
      continue;
    }
    for (size_t t = 0; t < g->rows; t++) {
      const size_t column = g->first + t;
      double sum = g->moves ? own[v->place[column]] - p->h[v->place[column]] : 0.0;
      if (p->spec.periods) {
        sum += own[p->at_time + v->time[column]] - p->h[p->at_time + v->time[column]];
      }
      for (size_t k = 0; k < p->n_controls; k++) {
        sum += p->z[column * p->n_controls + k] * (own[p->at_z + k] - p->h[p->at_z + k]);
      }
      g->left[s * g->rows + t] = sum;
    }
  }
}

static void centre_rows(double *a, size_t m) {
  for (size_t s = 0; s < m; s++) {
    double mean = 0.0;
    for (size_t t = 0; t < m; t++) {
      mean += a[s * m + t];
    }
    mean /= (double)m;
    for (size_t t = 0; t < m; t++) {
      a[s * m + t] -= mean;
    }
  }
}

static void centre(double *a, size_t m, double *mean) {
  centre_rows(a, m);
  memset(mean, 0, m * sizeof(double));
  for (size_t s = 0; s < m; s++) {
    for (size_t t = 0; t < m; t++) {
      mean[t] += a[s * m + t] / (double)m;
    }
  }
  for (size_t s = 0; s < m; s++) {
    for (size_t t = 0; t < m; t++) {
      a[s * m + t] -= mean[t];
    }
  }
}

/* Means over the rows of E V E', which is in g->p and not yet centred. */
static void gather_means(const firm *g, double *mean) {
  for (size_t t = 0; t < g->rows; t++) {
    double sum = 0.0;
    for (size_t s = 0; s < g->rows; s++) {
      sum += g->p[s * g->rows + t];
    }
    mean[t] = sum / (double)g->rows;
  }
}

/* (m - mbar)'V d_s from those means. */
static void join_means(const fm_places *p, const firm *g, const double *mean) {
  double all = 0.0;
  for (size_t t = 0; t < g->rows; t++) {
    g->mean[t] = mean[t] - fm_row_times(p, g->first + t, p->v_mbar);
    if (!g->moves) { /* its place is in m, but was left out of the gathering */
      g->mean[t] += g->left[t] + fm_row_times(p, g->first + t, p->h);
    }
    all += g->mean[t] / (double)g->rows;
  }
  for (size_t t = 0; t < g->rows; t++) {
    g->mean[t] -= all;
  }
}

/* B of cov from left and D W_cov D' in c. */
static void join_cov(const fm_places *p, const firm *g) {
  const size_t m = g->rows;
  for (size_t t = 0; t < m; t++) {
    double weighted = 0.0;
    if (p->omega != NULL) {
      for (size_t s = 0; s < m; s++) {
        weighted += p->omega[g->first + s] * g->left[s * m + t] / (double)m;
      }
    }
    for (size_t s = 0; s < m; s++) {
      const double left = p->omega != NULL ? weighted : g->left[s * m + t] / (double)p->n;
      g->c[s * m + t] = left - g->c[s * m + t];
    }
  }
}

/* The centred matrices but that of cov, whose part through left is added later; and means. */
static void gather_all(const fm_places *p, const firm *g, double *mean) {
  const size_t m = g->rows;
  gather(p, g, p->v, 1, g->p);
  gather(p, g, p->w, 1, g->b);
  gather(p, g, p->w_cov, 0, g->c);
  gather(p, g, p->w_firm, 1, g->f);
  gather_means(g, mean);
  centre(g->p, m, g->x), centre(g->b, m, g->x), centre(g->c, m, g->x), centre(g->f, m, g->x);
}

/* Whether the firm stays in the periods of which things are kept. */
static int is_kept(const fm_places *p, const firm *g) {
  return !g->moves && p->n_controls == 0 && g->kept_rows == g->rows &&
         memcmp(g->kept_time, p->spec.lives->time + g->first, g->rows * sizeof(uint32_t)) == 0;
}

static void keep(const fm_places *p, firm *g) {
  const double *from[] = {g->p, g->b, g->c, g->f};
  for (size_t k = 0; k < 4; k++) {
    memcpy(g->kept[k], from[k], g->rows * g->rows * sizeof(double));
  }
  memcpy(g->kept_time, p->spec.lives->time + g->first, g->rows * sizeof(uint32_t));
  g->kept_rows = g->rows;
}

static void fill(const fm_places *p, firm *g) {
  const size_t m = g->rows, square = m * m;
  if (!g->moves && p->size == p->n_places) {
    memset(g->p, 0, square * sizeof(double)), memset(g->b, 0, square * sizeof(double));
    memset(g->c, 0, square * sizeof(double)), memset(g->f, 0, square * sizeof(double));
    memset(g->mean, 0, m * sizeof(double));
    return;
  }
  gather_left(p, g);
  if (is_kept(p, g)) {
    double *to[] = {g->p, g->b, g->c, g->f};
    for (size_t k = 0; k < 4; k++) {
      memcpy(to[k], g->kept[k], square * sizeof(double));
    }
    join_means(p, g, g->kept_mean);
  } else if (g->moves || p->n_controls > 0) {
    gather_all(p, g, g->pz);
    join_means(p, g, g->pz);
  } else {
    gather_all(p, g, g->kept_mean);
    keep(p, g);
    join_means(p, g, g->kept_mean);
  }
  centre_rows(g->left, m);
  join_cov(p, g);
}

/* ---- leaving out ------------------------------------------------------------------------------------ */
static void take_off(sums *sum, double place, double cov) {
  fm_total_add(&sum->left_out[0], place);
  fm_total_add(&sum->left_out[1], cov);
}

/* x := (I - P - share)^-1 x over the rows at[0 .. m-1]; 0 when they cannot be left out. */
static int predicted_without(const firm *g, const size_t *at, size_t m, double share, double *x) {
  for (size_t a = 0; a < m; a++) {
    for (size_t b = 0; b < m; b++) {
      g->solve[a * m + b] = (a == b ? 1.0 : 0.0) - share - g->p[at[a] * g->rows + at[b]];
    }
  }
  if (!factor(g->solve, m)) {
    return 0;
  }
  solve(g->solve, m, x);
  return 1;
}

static double dot(const double *x, const double *y, size_t m) {
  double sum = 0.0;
  for (size_t t = 0; t < m; t++) {
    sum += x[t] * y[t];
  }
  return sum;
}

/* The firm as a whole: r, and what the variance needs; `counts` says whether the estimates leave firms
 * out. */
static void leave_firm(fm_places *p, const firm *g, int counts, sums *sum) {
  const size_t m = g->rows;
  double *r = p->r + g->first, *bz = p->bz + g->first, *br = p->br + g->first;
  for (size_t t = 0; t < m; t++) {
    g->at[t] = t;
    r[t] = g->e[t];
  }
  if (!predicted_without(g, g->at, m, 0.0, r)) {
    memset(bz, 0, m * sizeof(double)), memset(br, 0, m * sizeof(double));
    p->own_zz[g->i] = p->own_zr[g->i] = p->own_rr[g->i] = 0.0;
    sum->alone++;
    return;
  }
  product(g->b, g->z, bz, m);
  product(g->b, r, br, m);
  const double place = dot(g->z, br, m), zz = dot(g->z, bz, m), rr = dot(r, br, m);
  solve(g->solve, m, bz);
  solve(g->solve, m, br);
  product(g->p, bz, g->pz, m);
  product(g->p, br, g->pr, m);
  p->own_zz[g->i] = zz + dot(g->z, g->pz, m);
  p->own_zr[g->i] = place + 0.5 * (dot(r, g->pz, m) + dot(g->z, g->pr, m));
  p->own_rr[g->i] = rr + dot(r, g->pr, m);
  if (counts) {
    product(g->c, r, g->x, m);
    take_off(sum, place, dot(p->y + g->first, g->x, m));
  }
}

/* The rows of a mover at one place after the other; x is scratch. */
static void leave_matches(const fm_places *p, const firm *g, sums *sum) {
  const uint32_t *place = p->spec.lives->place + g->first;
  const double *y = p->y + g->first;
  for (size_t s = 0; s < g->rows; s++) {
    size_t m = 0, before = 0;
    for (size_t t = 0; t < g->rows; t++) {
      before += t < s && place[t] == place[s];
      if (place[t] == place[s]) {
        g->x[m] = g->e[t];
        g->at[m++] = t;
      }
    }
    if (before > 0) {
      continue;
    }
    if (!predicted_without(g, g->at, m, 1.0 / (double)g->rows, g->x)) {
      sum->alone++;
      continue;
    }
    double of_place = 0.0, of_cov = 0.0;
    for (size_t a = 0; a < m; a++) {
      for (size_t b = 0; b < m; b++) {
        of_place += y[g->at[a]] * g->b[g->at[a] * g->rows + g->at[b]] * g->x[b];
        of_cov += y[g->at[a]] * g->c[g->at[a] * g->rows + g->at[b]] * g->x[b];
      }
    }
    take_off(sum, of_place, of_cov);
  }
}

/* Single rows: always for the variance of firms, for the others where asked. */
static void leave_rows(const fm_places *p, const firm *g, sums *sum) {
  const double rows = (double)g->rows, part = g->omega / rows;
  const double *y = p->y + g->first;
  for (size_t s = 0; s < g->rows; s++) {
    const size_t at = s * (g->rows + 1);
    const double of_firm = part / rows - part * part + g->f[at] - 2.0 * part * g->mean[s];
    const double rest = 1.0 - 1.0 / rows - g->p[at];
    fm_total_add(&sum->trace[0], g->b[at]);
    fm_total_add(&sum->trace[1], g->c[at]);
    fm_total_add(&sum->trace[2], of_firm);
    if (!(rest > least_pivot)) {
      sum->alone++;
      continue;
    }
    const double r = y[s] * g->e[s] / rest;
    fm_total_add(&sum->left_out[2], of_firm * r);
    if (p->spec.leave == FM_LEAVE_ROW) {
      take_off(sum, g->b[at] * r, g->c[at] * r);
    }
  }
}

/* ---- the pass --------------------------------------------------------------------------------------- */
static void take_firm(const fm_places *p, firm *g, size_t i) {
  const fm_lives *v = p->spec.lives;
  g->i = i;
  g->first = v->first[i];
  g->rows = v->first[i + 1] - v->first[i];
  g->moves = fm_moves(v, i);
  g->omega = 0.0;
  double mean = 0.0;
  for (size_t t = 0; t < g->rows; t++) {
    g->omega += p->omega != NULL ? p->omega[g->first + t] : 1.0 / (double)p->n;
    mean += p->y[g->first + t] / (double)g->rows;
  }
  for (size_t t = 0; t < g->rows; t++) {
    g->e[t] = p->residual[g->first + t];
    g->z[t] = p->y[g->first + t] - mean;
  }
}

/* The scratch of a worker, or, with an arena that only counts, what it needs. */
static void cut_room(firm *g, fm_arena *room, size_t longest) {
  const size_t square = longest * longest;
  double **matrix[] = {&g->p,     &g->b,       &g->c,       &g->f,       &g->left,
                       &g->solve, &g->kept[0], &g->kept[1], &g->kept[2], &g->kept[3]};
  double **vector[] = {&g->mean, &g->e, &g->z, &g->x, &g->pz, &g->pr, &g->kept_mean};
  for (size_t k = 0; k < sizeof(matrix) / sizeof(matrix[0]); k++) {
    *matrix[k] = fm_take(room, square);
  }
  for (size_t k = 0; k < sizeof(vector) / sizeof(vector[0]); k++) {
    *vector[k] = fm_take(room, longest);
  }
  g->kept_time = (uint32_t *)(void *)fm_take(room, longest);
  g->at = (size_t *)(void *)fm_take(room, longest);
}

static fm_code do_task(void *context, size_t task, size_t worker) {
  const pass *s = context;
  fm_places *p = s->p;
  fm_arena room = {s->room + worker * s->room_size, 0};
  firm g = {0};
  cut_room(&g, &room, p->longest);
  const int by_firm = p->spec.leave == FM_LEAVE_FIRM, by_match = p->spec.leave == FM_LEAVE_MATCH;
  for (size_t i = s->start[task]; i < s->start[task + 1]; i++) {
    take_firm(p, &g, i);
    fill(p, &g);
    leave_firm(p, &g, by_firm || (by_match && !g.moves), &s->sum[task]);
    if (by_match && g.moves) {
      leave_matches(p, &g, &s->sum[task]);
    }
    leave_rows(p, &g, &s->sum[task]);
  }
  return FM_OK;
}

/* Firms by task: those that begin in a range of rows. */
static void cut_tasks(const fm_places *p, size_t n_tasks, size_t *start) {
  const size_t *first = p->spec.lives->first;
  size_t i = 0;
  for (size_t k = 0; k < n_tasks; k++) {
    while (i < p->n_firms && first[i] < k * ROWS_OF_TASK) {
      i++;
    }
    start[k] = i;
  }
  start[n_tasks] = p->n_firms;
}

static void add_up(fm_places *p, const sums *sum, size_t n_tasks) {
  fm_total trace[3] = {{0}}, left_out[3] = {{0}};
  for (size_t k = 0; k < n_tasks; k++) {
    for (size_t a = 0; a < 3; a++) {
      fm_total_add(&trace[a], fm_total_value(&sum[k].trace[a]));
      fm_total_add(&left_out[a], fm_total_value(&sum[k].left_out[a]));
    }
    p->alone += sum[k].alone;
  }
  p->trace =
      (fm_corrections){fm_total_value(&trace[0]), fm_total_value(&trace[1]), fm_total_value(&trace[2])};
  p->leave_out = (fm_corrections){fm_total_value(&left_out[0]), fm_total_value(&left_out[1]),
                                  fm_total_value(&left_out[2])};
}

fm_code fm_places_correct(fm_places *p) {
  const size_t n_tasks = p->n / ROWS_OF_TASK + 1,
               workers = p->spec.threads > 1 ? (size_t)p->spec.threads : 1;
  fm_arena counting = {NULL, 0};
  firm none = {0};
  cut_room(&none, &counting, p->longest);
  pass s = {.p = p, .room_size = counting.used};
  s.start = fm_alloc(n_tasks + 1, sizeof(size_t));
  s.sum = fm_alloc_zero(n_tasks, sizeof(sums));
  s.room = fm_alloc(workers * s.room_size, sizeof(double));
  fm_code code = FM_NO_MEMORY;
  if (s.start != NULL && s.sum != NULL && s.room != NULL) {
    cut_tasks(p, n_tasks, s.start);
    code = fm_parallel(n_tasks, p->spec.threads, do_task, &s);
  }
  if (code == FM_OK) {
    add_up(p, s.sum, n_tasks);
  }
  fm_free(s.start), fm_free(s.sum), fm_free(s.room);
  return code;
}
