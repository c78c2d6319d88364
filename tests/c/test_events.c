/* test_events.c: events by hand, a difference of differences, a regression against its equations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/decompose/events.h"
#include "minunit.h"

enum { MOST = 64, TIMES = 4 };

typedef struct table {
  size_t n;
  int firm[MOST], time[MOST], place[MOST], origin[MOST], n_firms;
  double y[MOST];
} table;

/* A letter a period; a blank: not seen. origin: where the firm was before, or a blank. */
static void add_firm(table *t, const char *letters, char origin, const double *y) {
  for (size_t s = 0; letters[s] != 0; s++) {
    if (letters[s] == ' ') {
      continue;
    }
    t->firm[t->n] = t->n_firms;
    t->time[t->n] = (int)s + 1;
    t->place[t->n] = letters[s] - 'A' + 1;
    t->origin[t->n] = origin == ' ' ? 0 : origin - 'A' + 1;
    t->y[t->n++] = y[s];
  }
  t->n_firms++;
}

static const int all_horizons[TIMES] = {0, 1, 2, -1};

static fm_code make(const table *t, int single, size_t leads, fm_lives *v, fm_events *x) {
  const fm_panel panel = {.n = t->n,
                          .n_firms = (size_t)t->n_firms,
                          .n_times = TIMES,
                          .n_places = 3,
                          .firm = t->firm,
                          .time = t->time,
                          .place = t->place,
                          .performance = t->y};
  unsigned char keep[MOST];
  fm_error err = {FM_OK, ""};
  memset(keep, 1, sizeof(keep));
  *x = (fm_events){0};
  FM_TRY(fm_lives_init(v, &panel, 1));
  FM_TRY(fm_lives_settle(v, keep));
  const fm_events_spec spec = {.lives = v,
                               .n_times = TIMES,
                               .origin = t->origin,
                               .n_rows = t->n,
                               .single = single,
                               .never = 1,
                               .not_yet = 1,
                               .horizon = all_horizons,
                               .n_horizons = 3,
                               .leads = leads};
  FM_TRY(fm_events_find(&spec, x));
  FM_TRY(fm_events_impute(x, &err));
  return leads > 0 ? fm_events_lead(x, &err) : FM_OK;
}

static const fm_event *event_of(const fm_events *x, const fm_lives *v, int firm) {
  size_t i = 0;
  while (v->firm[i] != firm) {
    i++;
  }
  return &x->event[i];
}

static void test_found(void) {
  static table t;
  static const double y[] = {1, 2, 4, 7};
  t = (table){0};
  add_firm(&t, "AAAA", 'A', y);
  add_firm(&t, "AABB", 'A', y);
  add_firm(&t, "AABA", 'A', y);
  add_firm(&t, "BBBB", 'A', y);
  add_firm(&t, "A BB", ' ', y);
  fm_lives v;
  fm_events x;
  CHECK_OK(make(&t, 0, 0, &v, &x));
  CHECK_INT(event_of(&x, &v, 0)->kind, FM_NEVER);
  CHECK_INT(event_of(&x, &v, 1)->kind, FM_EVENT), CHECK_INT(event_of(&x, &v, 1)->at, 2);
  CHECK_INT(event_of(&x, &v, 1)->cohort, 2), CHECK_INT(event_of(&x, &v, 1)->gap, 0);
  CHECK_INT(event_of(&x, &v, 2)->end, 3);
  CHECK_INT(event_of(&x, &v, 3)->kind, FM_NO_BEFORE);
  CHECK_INT(event_of(&x, &v, 4)->kind, FM_EVENT), CHECK_INT(event_of(&x, &v, 4)->gap, 1);
  CHECK_INT(event_of(&x, &v, 4)->from, 1), CHECK_INT(event_of(&x, &v, 4)->to, 2);
  fm_events_free(&x), fm_lives_free(&v);
  CHECK_OK(make(&t, 1, 0, &v, &x));
  CHECK_INT(event_of(&x, &v, 2)->kind, FM_SEVERAL);
  fm_events_free(&x), fm_lives_free(&v);
}

/* A mover and two that stay: the effect is a difference of differences. */
static void test_difference(void) {
  static table t;
  static const double stays[] = {1, 1.5, 2, 4}, also[] = {3, 3.5, 5, 5.5}, moves[] = {2, 2.5, 6, 9};
  t = (table){0};
  add_firm(&t, "AAAA", 'A', stays), add_firm(&t, "AAAA", 'A', also), add_firm(&t, "AABB", 'A', moves);
  fm_lives v;
  fm_events x;
  CHECK_OK(make(&t, 0, 1, &v, &x));
  const double before = (2 + 2.5) / 2 - ((1 + 1.5) / 2 + (3 + 3.5) / 2) / 2;
  CHECK_CLOSE(x.means.estimate[0], 6 - (2 + 5) / 2.0 - before, 1e-12);
  CHECK_CLOSE(x.means.estimate[1], 9 - (4 + 5.5) / 2.0 - before, 1e-12);
  CHECK_CLOSE(x.means.estimate[3], (x.means.estimate[0] + x.means.estimate[1]) / 2, 1e-12);
  CHECK_CLOSE(x.means.rows[3], 2, 0), CHECK_CLOSE(x.means.movers[3], 1, 0);
  CHECK(isnan(x.means.estimate[2]));
  /* the only mover is its own mean: all of the variance is that of the two that stay */
  CHECK(x.means.covariance[0] > 0);
  CHECK_CLOSE(x.lead.beta[TIMES], 2.5 - 2 - 0.5, 1e-12);
  fm_events_free(&x), fm_lives_free(&v);
}

/* A period in which everybody has moved. */
static void test_unknown(void) {
  static table t;
  static const double y[] = {1, 2, 4, 8}, other[] = {2, 3, 1, 1};
  t = (table){0};
  add_firm(&t, "AABB", 'A', y), add_firm(&t, "AAA ", 'A', other);
  fm_lives v;
  fm_events x;
  CHECK_OK(make(&t, 0, 0, &v, &x));
  CHECK_CLOSE(x.unknown[3], 1, 0), CHECK_CLOSE(x.unknown[2], 0, 0);
  CHECK_CLOSE(x.means.estimate[0], (4 - 1.5) - (1 - 2.5), 1e-12);
  fm_events_free(&x), fm_lives_free(&v);
}

/* y = alpha + x'b + noise: e sums to nothing with x. */
static void test_regression(void) {
  enum { FIRMS = 20, ROWS = 5, K = 3 };
  static double xs[FIRMS * ROWS][K], ys[FIRMS * ROWS];
  fm_within w;
  fm_within_rows rows;
  double e[ROWS], sum[K] = {0};
  CHECK_OK(fm_within_init(&w, K));
  CHECK_OK(fm_within_rows_init(&rows, ROWS, K));
  for (size_t pass = 0; pass < 2; pass++) {
    for (size_t i = 0; i < FIRMS; i++) {
      size_t at = 0;
      rows.n = ROWS;
      for (size_t t = 0; t < ROWS; t++) {
        double *x = xs[i * ROWS + t];
        if (pass == 0) {
          x[0] = mu_normal(), x[1] = mu_normal();
          x[2] = x[0] - x[1]; /* told by the others */
        }
        ys[i * ROWS + t] = pass == 0 ? (double)i + x[0] + mu_normal() : ys[i * ROWS + t];
        for (size_t k = 0; k < K; k++) {
          fm_within_enter(&rows, &at, k, x[k]);
        }
        rows.first[t + 1] = at;
        rows.y[t] = ys[i * ROWS + t];
      }
      if (pass == 0) {
        fm_within_add(&w, &rows);
        continue;
      }
      const size_t n_seen = fm_within_rho(&w, &rows, e);
      fm_within_meat(&w, n_seen);
      for (size_t k = 0; k < K; k++) {
        sum[k] += w.sum[k];
      }
      fm_within_clear(&w, n_seen);
    }
    if (pass == 0) {
      CHECK_OK(fm_within_solve(&w, NULL));
    }
  }
  const double none[K] = {0};
  CHECK_ARRAY(sum, none, K, 1e-10);
  CHECK_INT(w.aliased[2], 1);
  CHECK_CLOSE(w.beta[2], 0, 0);
  fm_within_rows_free(&rows), fm_within_free(&w);
}

static fm_code scenario(void *context) {
  fm_lives v;
  fm_events x;
  const fm_code code = make(context, 0, 1, &v, &x);
  fm_events_free(&x);
  fm_lives_free(&v);
  return code;
}

static void test_memory(void) {
  static table t;
  static const double y[] = {1, 2, 4, 8}, other[] = {2, 3, 1, 1};
  t = (table){0};
  add_firm(&t, "AABB", 'A', y), add_firm(&t, "AAAA", 'A', other), add_firm(&t, "ABBB", 'A', other);
  mu_each_allocation(scenario, &t);
}

void test_events(void) {
  mu_seed(5);
  RUN(test_found);
  RUN(test_difference);
  RUN(test_unknown);
  RUN(test_regression);
  RUN(test_memory);
}
