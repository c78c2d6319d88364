/* test_places.c: twelve firms worked by hand; dense algebra over all rows, with periods, a control and weights; sets. */
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
  static const double y[][4] = {{2.31, 2.44, 2.83, 2.79}, {1.92, 2.35, 2.41, 2.52}, {3.05, 2.97, 2.71, 2.84},
                                {1.48, 1.63, 1.59, 2.02}, {2.75, 2.69, 2.88, 2.71}, {2.02, 2.33, 2.21, 2.45},
                                {2.66, 3.04, 2.79, 2.72}, {3.11, 3.18, 3.02, 3.25}, {1.71, 1.66, 1.89, 1.83},
                                {2.94, 3.12, 3.08, 3.21}, {2.27, 2.15, 2.38, 2.29}, {3.41, 3.36, 3.55}};
  *t = (table){0};
  for (size_t i = 0; i < 12; i++) {
    add_firm(t, place[i], y[i]);
  }
}

static fm_panel panel_of(const table *t, int weighted) {
  return (fm_panel){.n = t->n, .n_firms = (size_t)t->n_firms, .n_times = (size_t)t->n_times,
                    .n_places = (size_t)t->n_places, .firm = t->firm, .time = t->time, .place = t->place,
                    .performance = t->y, .weight = weighted ? t->weight : NULL};
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
  const fm_places_spec spec = {.lives = lives, .n_times = panel.n_times, .periods = how.periods,
                               .n_controls = (size_t)how.control, .controls = t->z, .n_rows = t->n,
                               .leave = how.leave, .leaves_out = leaves_out, .threads = how.threads};
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

void test_places(void) {
  RUN(test_twelve_firms);
}
