/* test_places.c: twelve firms worked by hand; dense algebra over all rows, with periods, a control and
 * weights; sets. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/decompose/connected.h"
#include "../../src/core/decompose/places.h"
#include "minunit.h"

enum { MOST = 200 };

typedef struct table {
  size_t n;
  int firm[MOST], time[MOST], place[MOST];
  double y[MOST], weight[MOST], z[MOST];
  int n_firms, n_times, n_places;
} table;

static void add_firm(table *t, const char *letters, const double *y) {
  for (size_t s = 0; letters[s] != 0; s++, t->n++) {
    t->firm[t->n] = t->n_firms;
    t->time[t->n] = (int)s + 1;
    t->place[t->n] = letters[s] - 'A' + 1;
    t->y[t->n] = y[s];
    t->weight[t->n] = 1.0;
    t->z[t->n] = 0.0;
    t->n_times = t->time[t->n] > t->n_times ? t->time[t->n] : t->n_times;
    t->n_places = t->place[t->n] > t->n_places ? t->place[t->n] : t->n_places;
  }
  t->n_firms++;
}

static void twelve_firms(table *t) {
  static const char *const place[] = {"AABB", "ABBB", "BBCC", "CCCB", "AAAC", "CAAA",
                                      "ABCC", "AAAA", "AAAA", "BBBB", "CCCC", "BBB"};
  static const double y[][4] = {
      {2.31, 2.44, 2.83, 2.79}, {1.92, 2.35, 2.41, 2.52}, {3.05, 2.97, 2.71, 2.84},
      {1.48, 1.63, 1.59, 2.02}, {2.75, 2.69, 2.88, 2.71}, {2.02, 2.33, 2.21, 2.45},
      {2.66, 3.04, 2.79, 2.72}, {3.11, 3.18, 3.02, 3.25}, {1.71, 1.66, 1.89, 1.83},
      {2.94, 3.12, 3.08, 3.21}, {2.27, 2.15, 2.38, 2.29}, {3.41, 3.36, 3.55}};
  *t = (table){0};
  for (size_t i = 0; i < 12; i++) {
    add_firm(t, place[i], y[i]);
  }
}

static fm_panel panel_of(const table *t, int weighted) {
  return (fm_panel){.n = t->n,
                    .n_firms = (size_t)t->n_firms,
                    .n_times = (size_t)t->n_times,
                    .n_places = (size_t)t->n_places,
                    .firm = t->firm,
                    .time = t->time,
                    .place = t->place,
                    .performance = t->y,
                    .weight = weighted ? t->weight : NULL};
}

typedef struct manner {
  int weighted, periods, control, threads;
  fm_leave leave;
} manner;

/* Lives, set and estimates of a table. */
static fm_code run(const table *t, manner how, fm_lives *lives, fm_places *p) {
  const fm_panel panel = panel_of(t, how.weighted);
  fm_error err = {FM_OK, ""};
  int leaves_out = 0;
  unsigned char *keep = NULL, *reason = NULL;
  *p = (fm_places){0};
  fm_code code = fm_lives_init(lives, &panel, how.threads);
  keep = code == FM_OK ? fm_alloc(lives->n_firms, 1) : NULL;
  reason = code == FM_OK ? fm_alloc(lives->n_firms, 1) : NULL;
  code = code == FM_OK && (keep == NULL || reason == NULL) ? FM_NO_MEMORY : code;
  code = code == FM_OK ? fm_connected(lives, keep, reason, &leaves_out) : code;
  code = code == FM_OK ? fm_lives_settle(lives, keep) : code;
  const fm_places_spec spec = {.lives = lives,
                               .n_times = panel.n_times,
                               .periods = how.periods,
                               .n_controls = (size_t)how.control,
                               .controls = t->z,
                               .n_rows = t->n,
                               .leave = how.leave,
                               .leaves_out = leaves_out,
                               .threads = how.threads};
  code = code == FM_OK ? fm_places_run(&spec, p, &err) : code;
  fm_free(keep), fm_free(reason);
  return code;
}

static size_t code_of(const fm_lives *v, int place) {
  size_t j = 0;
  while (v->place_code[j] != place) {
    j++;
  }
  return j;
}

static void test_twelve_firms(void) {
  static table t;
  twelve_firms(&t);
  static const double place[] = {.029684144630, .030059547540, .030110809260};
  static const double cov[] = {.015771434704, .015544247750, .015472244471};
  for (int leave = FM_LEAVE_ROW; leave <= FM_LEAVE_FIRM; leave++) {
    fm_lives v;
    fm_places p;
    CHECK_OK(run(&t, (manner){0, 0, 0, 1, (fm_leave)leave}, &v, &p));
    CHECK_INT(p.n, 47);
    const size_t A = code_of(&v, 1), B = code_of(&v, 2), C = code_of(&v, 3);
    CHECK_CLOSE(p.b[B] - p.b[A], .367644230769, 1e-11);
    CHECK_CLOSE(p.b[C] - p.b[A], -.028894230769, 1e-11);
    CHECK_CLOSE(p.s2, .011103318036, 1e-11);
    CHECK_CLOSE(p.moment[FM_Y][FM_Y], .280177636940, 1e-11);
    CHECK_CLOSE(p.moment[FM_PSI][FM_PSI], .032516337793, 1e-11);
    CHECK_CLOSE(p.moment[FM_PSI][FM_ALPHA], .013768165071, 1e-11);
    CHECK_CLOSE(p.moment[FM_ALPHA][FM_ALPHA], .212329022299, 1e-11);
    CHECK_CLOSE(p.moment[FM_PSI][FM_PSI] - p.s2 * p.trace.place, .031336873655, 1e-11);
    CHECK_CLOSE(p.moment[FM_PSI][FM_ALPHA] - p.s2 * p.trace.cov, .014475147591, 1e-11);
    CHECK_CLOSE(p.moment[FM_ALPHA][FM_ALPHA] - p.s2 * p.trace.firm, .209023390877, 1e-11);
    CHECK_CLOSE(p.moment[FM_PSI][FM_PSI] - p.leave_out.place, place[leave], 1e-11);
    CHECK_CLOSE(p.moment[FM_PSI][FM_ALPHA] - p.leave_out.cov, cov[leave], 1e-11);
    CHECK_CLOSE(p.moment[FM_ALPHA][FM_ALPHA] - p.leave_out.firm, .207342136255, 1e-11);
    CHECK_CLOSE(sqrt(p.variance), .003985508733, 1e-11);
    CHECK_INT(p.alone, 0);
    fm_places_free(&p), fm_lives_free(&v);
  }
}

/* Two places that only movers of their own tie, a place that one firm ties to the rest, and a firm seen
 * once. */
static void test_set(void) {
  static table t;
  static const double y[] = {1, 2, 3, 4};
  twelve_firms(&t);
  add_firm(&t, "DE", y), add_firm(&t, "ED", y); /* apart */
  add_firm(&t, "AF", y), add_firm(&t, "FF", y); /* tied by one firm */
  add_firm(&t, "A", y);
  fm_lives v;
  const fm_panel panel = panel_of(&t, 0);
  unsigned char keep[17], reason[17];
  int leaves_out = 0;
  CHECK_OK(fm_lives_init(&v, &panel, 1));
  CHECK_OK(fm_connected(&v, keep, reason, &leaves_out));
  CHECK_INT(leaves_out, 1);
  for (size_t i = 0; i < 12; i++) {
    CHECK_INT(reason[i], FM_KEPT);
  }
  CHECK_INT(reason[12], FM_OUTSIDE), CHECK_INT(reason[13], FM_OUTSIDE);
  CHECK_INT(reason[14], FM_SOLE_TIE), CHECK_INT(reason[15], FM_OUTSIDE),
      CHECK_INT(reason[16], FM_SEEN_ONCE);
  CHECK_OK(fm_lives_settle(&v, keep));
  CHECK_INT(v.n, 47), CHECK_INT(v.n_firms, 12), CHECK_INT(v.n_places, 3);
  fm_lives_free(&v);
}

/* One tie: nothing can be left out, and the connected set is kept. */
static void test_one_mover(void) {
  static table t;
  static const double y[] = {1, 2, 3, 5};
  t = (table){0};
  add_firm(&t, "AABB", y), add_firm(&t, "AAA", y), add_firm(&t, "BBB", y);
  fm_lives v;
  const fm_panel panel = panel_of(&t, 0);
  unsigned char keep[3], reason[3];
  int leaves_out = 1;
  CHECK_OK(fm_lives_init(&v, &panel, 1));
  CHECK_OK(fm_connected(&v, keep, reason, &leaves_out));
  CHECK_INT(leaves_out, 0);
  CHECK_INT(keep[0] + keep[1] + keep[2], 3);
  fm_lives_free(&v);
}

static void test_repeats(void) {
  static table t;
  twelve_firms(&t);
  t.time[1] = 1;
  fm_lives v;
  const fm_panel panel = panel_of(&t, 0);
  CHECK_OK(fm_lives_init(&v, &panel, 1));
  CHECK_INT(v.repeated, 1), CHECK_INT(v.repeat[0], 1);
  fm_lives_free(&v);
}

static void random_table(table *t) {
  *t = (table){0};
  for (size_t i = 0; i < 40; i++) {
    char letters[5] = "AAAA";
    double y[4];
    for (size_t s = 0; s < 4; s++) {
      letters[s] = s > 0 && mu_uniform() < 0.7 ? letters[s - 1] : (char)('A' + (int)(4 * mu_uniform()));
      y[s] = mu_normal();
    }
    add_firm(t, letters, y);
  }
  for (size_t s = 0; s < t->n; s++) {
    t->weight[s] = mu_uniform();
    t->z[s] = mu_normal();
  }
}

/* Rows from the last to the first, firms and places under other numbers. */
static void disguise(const table *t, table *to) {
  *to = *t;
  for (size_t s = 0; s < t->n; s++) {
    const size_t from = t->n - 1 - s;
    to->firm[s] = (t->firm[from] * 7 + 3) % t->n_firms;
    to->place[s] = t->n_places + 1 - t->place[from];
    to->time[s] = t->time[from];
    to->y[s] = t->y[from], to->weight[s] = t->weight[from], to->z[s] = t->z[from];
  }
}

static void check_same(const fm_places *a, const fm_places *b) {
  CHECK_INT(a->size, b->size), CHECK_INT(a->n, b->n);
  CHECK_SAME(a->b, b->b, a->size);
  CHECK_SAME(&a->moment[0][0], &b->moment[0][0], FM_PARTS * FM_PARTS);
  CHECK_SAME(&a->leave_out.place, &b->leave_out.place, 3);
  CHECK_SAME(&a->trace.place, &b->trace.place, 3);
  CHECK_SAME(&a->variance, &b->variance, 1);
  CHECK_SAME(a->covariance, b->covariance, a->size * a->size);
}

static void test_same_bits(void) {
  static table t, other;
  random_table(&t);
  disguise(&t, &other);
  for (int weighted = 0; weighted < 2; weighted++) {
    fm_lives v, w;
    fm_places p, q;
    CHECK_OK(run(&t, (manner){weighted, 1, 1, 1, FM_LEAVE_FIRM}, &v, &p));
    CHECK_OK(run(&other, (manner){weighted, 1, 1, 3, FM_LEAVE_FIRM}, &w, &q));
    check_same(&p, &q);
    fm_places_free(&p), fm_places_free(&q), fm_lives_free(&v), fm_lives_free(&w);
  }
}

/* Leave-out estimates hang on nothing but what a firm predicts without itself: refitted without each firm
 * in turn. */
static void test_predicted_without(void) {
  static table t, less;
  random_table(&t);
  fm_lives v;
  fm_places p;
  CHECK_OK(run(&t, (manner){0, 1, 1, 1, FM_LEAVE_FIRM}, &v, &p));
  const size_t i = 5;
  less = t;
  less.n = 0;
  for (size_t s = 0; s < t.n; s++) {
    if (t.firm[s] != v.firm[i]) {
      less.firm[less.n] = t.firm[s], less.time[less.n] = t.time[s], less.place[less.n] = t.place[s];
      less.y[less.n] = t.y[s], less.z[less.n++] = t.z[s];
    }
  }
  fm_lives w;
  fm_places q;
  CHECK_OK(run(&less, (manner){0, 1, 1, 1, FM_LEAVE_FIRM}, &w, &q));
  double mean = 0, r[4];
  for (size_t s = 0; s < 4; s++) {
    const size_t at = v.first[i] + s;
    r[s] = v.y[at] - q.b[code_of(&w, v.place_code[v.place[at]])] - q.b[q.at_time + v.time[at]] -
           t.z[v.row[at]] * q.b[q.at_z];
    mean += r[s] / 4;
  }
  for (size_t s = 0; s < 4; s++) {
    CHECK_CLOSE(p.r[v.first[i] + s], r[s] - mean, 1e-9);
  }
  fm_places_free(&p), fm_places_free(&q), fm_lives_free(&v), fm_lives_free(&w);
}

static fm_code scenario(void *context) {
  fm_lives v;
  fm_places p;
  const fm_code code = run(context, (manner){1, 1, 1, 1, FM_LEAVE_FIRM}, &v, &p);
  fm_places_free(&p);
  fm_lives_free(&v);
  return code;
}

static void test_memory(void) {
  static table t;
  twelve_firms(&t);
  for (size_t s = 0; s < t.n; s++) {
    t.z[s] = mu_normal();
  }
  mu_each_allocation(scenario, &t);
}

void test_places(void) {
  mu_seed(11);
  RUN(test_twelve_firms);
  RUN(test_set);
  RUN(test_one_mover);
  RUN(test_repeats);
  RUN(test_same_bits);
  RUN(test_predicted_without);
  RUN(test_memory);
}
