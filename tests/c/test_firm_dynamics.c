/* Sums of firms by cell, and variances of terms, against direct sums. */
#include "../../src/core/decompose/firm_dynamics.h"

#include <math.h>
#include <string.h>

#include "../../src/core/decompose/codes.h"
#include "minunit.h"

enum { MAX_ROWS = 4000 };

typedef struct data {
  size_t n;
  int firm[MAX_ROWS], time[MAX_ROWS], place[MAX_ROWS], group[MAX_ROWS];
  double performance[MAX_ROWS], weight[MAX_ROWS], size[MAX_ROWS];
} data;

static data made;

/* A panel of firms that are born, move, close and, some of them, are not seen for a while. */
static void make_panel(size_t firms, int times, int places) {
  mu_seed(7);
  made.n = 0;
  for (size_t f = 0; f < firms; f++) {
    int place = 1 + (int)(mu_uniform() * places);
    for (int t = 1 + (int)(mu_uniform() * times); t <= times; t++) {
      if (mu_uniform() < 0.2) {
        place = 1 + (int)(mu_uniform() * places);
      }
      if (mu_uniform() < 0.9) {
        const size_t i = made.n++;
        made.firm[i] = (int)f;
        made.time[i] = t;
        made.place[i] = mu_uniform() < 0.05 ? -1 : place;
        made.group[i] = 1 + (int)(f % 11);
        made.performance[i] = mu_normal();
        made.weight[i] = exp(mu_normal());
        made.size[i] = exp(mu_normal());
      }
    }
  }
}

static void swap_ints(int *x, size_t a, size_t b) {
  const int kept = x[a];
  x[a] = x[b];
  x[b] = kept;
}

static void swap_doubles(double *x, size_t a, size_t b) {
  const double kept = x[a];
  x[a] = x[b];
  x[b] = kept;
}

static void swap_rows(size_t a, size_t b) {
  swap_ints(made.firm, a, b);
  swap_ints(made.time, a, b);
  swap_ints(made.place, a, b);
  swap_ints(made.group, a, b);
  swap_doubles(made.performance, a, b);
  swap_doubles(made.weight, a, b);
  swap_doubles(made.size, a, b);
}

static void shuffle_rows(void) {
  for (size_t i = made.n; i > 1; i--) {
    swap_rows(i - 1, (size_t)(mu_uniform() * (double)i));
  }
}

static fm_panel panel_of(size_t firms, size_t times, size_t places) {
  return (fm_panel){.n = made.n,
                    .n_firms = firms,
                    .n_times = times,
                    .n_places = places,
                    .firm = made.firm,
                    .time = made.time,
                    .place = made.place,
                    .performance = made.performance,
                    .weight = made.weight,
                    .size = made.size,
                    .centre = 0.25,
                    .consecutive = 1,
                    .end_to_end = 1};
}

static ptrdiff_t row_of(int firm, int time) {
  for (size_t i = 0; i < made.n; i++) {
    if (made.firm[i] == firm && made.time[i] == time && made.place[i] > 0) {
      return (ptrdiff_t)i;
    }
  }
  return -1;
}

static void codes_are_consecutive(void) {
  fm_codes codes;
  CHECK_OK(fm_codes_init(&codes, 1));
  int fine = 1;
  for (uint64_t i = 0; i < 5000; i++) {
    uint32_t code = 0;
    fine = fine && fm_codes_get(&codes, (i % 1250) * 0x100000001ULL, &code) == FM_OK && code == i % 1250;
  }
  CHECK(fine);
  CHECK_INT(codes.n, 1250);
  fm_codes_free(&codes);
}

static void order_of_rows_is_nothing(void) {
  make_panel(300, 4, 3);
  const fm_panel panel = panel_of(300, 4, 3);
  fm_dynamics sorted, mixed;
  CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &sorted));
  shuffle_rows();
  CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &mixed));
  if (CHECK_INT(mixed.n_cells, sorted.n_cells)) {
    for (size_t j = 0; j < sorted.n_cells; j++) {
      CHECK(sorted.pair[j] == mixed.pair[j] && sorted.start[j] == mixed.start[j] &&
            sorted.end[j] == mixed.end[j]);
      CHECK_SAME(mixed.cell[j].sum, sorted.cell[j].sum, FM_FIRM_MOMENTS);
      CHECK_SAME(mixed.cell[j].product, sorted.cell[j].product, FM_FIRM_PRODUCTS);
    }
  }
  CHECK_INT(mixed.gaps, sorted.gaps);
  CHECK(sorted.gaps > 0);
  fm_dynamics_free(&sorted);
  fm_dynamics_free(&mixed);
}

static int same_sums(const fm_dynamics *a, const fm_dynamics *b) {
  int same = a->n_cells == b->n_cells && a->gaps == b->gaps && a->n_firms == b->n_firms &&
             a->n_parts == b->n_parts;
  for (size_t j = 0; same && j < a->n_cells; j++) {
    same = a->pair[j] == b->pair[j] && a->start[j] == b->start[j] && a->end[j] == b->end[j] &&
           a->cell[j].count == b->cell[j].count &&
           memcmp(a->cell[j].sum, b->cell[j].sum, sizeof a->cell[j].sum) == 0 &&
           memcmp(a->cell[j].product, b->cell[j].product, sizeof a->cell[j].product) == 0;
  }
  for (size_t i = 0; same && i < a->n_parts; i++) {
    same = a->part[i].cell == b->part[i].cell && a->part[i].group == b->part[i].group &&
           memcmp(a->part[i].sum, b->part[i].sum, sizeof a->part[i].sum) == 0;
  }
  return same;
}

/* Enough rows for several stripes: four periods, all firms of a period at random, or in order. */
enum { MANY_FIRMS = 40000, MANY = 4 * MANY_FIRMS };
static int many_firm[MANY], many_time[MANY], many_place[MANY], many_group[MANY];
static double many_performance[MANY], many_weight[MANY];

static void make_many(int ordered) {
  for (size_t i = 0; i < MANY; i++) {
    const size_t turn = i % MANY_FIRMS, t = i / MANY_FIRMS;
    const size_t f = ordered ? i / 4 : (turn * 12347 + t * 77) % MANY_FIRMS, time = ordered ? i % 4 : t;
    many_firm[i] = (int)(3 * f); /* codes may be unused */
    many_time[i] = 1 + (int)time;
    many_place[i] = (f + time) % 7 == 0 ? -1 : 1 + (int)((f + (time > 1)) % 5);
    many_group[i] = 1 + (int)(f % 13);
    many_performance[i] = sin((double)(f * 4 + time));
    many_weight[i] = 1.5 + cos((double)(f * 3 + time));
  }
}

static void threads_are_nothing(void) {
  fm_panel panel = {.n = MANY,
                    .n_firms = 3 * MANY_FIRMS,
                    .n_times = 4,
                    .n_places = 5,
                    .firm = many_firm,
                    .time = many_time,
                    .place = many_place,
                    .performance = many_performance,
                    .weight = many_weight,
                    .consecutive = 1,
                    .end_to_end = 1};
  for (int grouped = 0; grouped < 2; grouped++) {
    panel.group = grouped ? many_group : NULL;
    panel.n_groups = grouped ? 13 : 0;
    fm_dynamics one, three, ordered;
    make_many(0);
    CHECK_OK(fm_dynamics_run(&panel, 1, NULL, &one));
    CHECK_OK(fm_dynamics_run(&panel, 3, NULL, &three));
    make_many(1);
    CHECK_OK(fm_dynamics_run(&panel, 3, NULL, &ordered));
    CHECK(same_sums(&one, &three));
    CHECK(same_sums(&one, &ordered));
    CHECK(one.n_parts == (grouped ? 13 * one.n_cells : 0));
    CHECK_INT(one.n_firms, MANY_FIRMS);
    fm_dynamics_free(&one), fm_dynamics_free(&three), fm_dynamics_free(&ordered);
  }
}

/* A repeat in each of two stripes, and one more than are kept. */
static void repeats_of_all_stripes(void) {
  make_many(0);
  const size_t again[6] = {5, 9, 100, MANY_FIRMS - 1, 7000, 30000};
  for (size_t k = 0; k < 6; k++) {
    many_time[again[k]] = 2;
  }
  const fm_panel panel = {.n = MANY,
                          .n_firms = 3 * MANY_FIRMS,
                          .n_times = 4,
                          .n_places = 5,
                          .firm = many_firm,
                          .time = many_time,
                          .place = many_place,
                          .performance = many_performance,
                          .weight = many_weight,
                          .consecutive = 1};
  fm_dynamics d;
  CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &d));
  CHECK_INT(d.repeated, 6);
  for (size_t k = 0; k < 5; k++) { /* the later of the two rows */
    CHECK(d.repeat[k] >= MANY_FIRMS && d.repeat[k] < 2 * MANY_FIRMS &&
          (k == 0 || d.repeat[k] != d.repeat[k - 1]));
  }
  fm_dynamics_free(&d);
}

/* Sums of the stayers of place 2 from time 2 to 3, and their products, one firm after the other. */
static void cells_add_up(void) {
  make_panel(300, 4, 3);
  const fm_panel panel = panel_of(300, 4, 3);
  fm_dynamics d;
  CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &d));
  double w0 = 0.0, x01 = 0.0, v1 = 0.0, gain = 0.0, w0p1 = 0.0, count = 0.0;
  for (int f = 0; f < 300; f++) {
    const ptrdiff_t a = row_of(f, 2), b = row_of(f, 3);
    if (a >= 0 && b >= 0 && made.place[a] == 2 && made.place[b] == 2) {
      const double q1 = made.performance[b] - 0.25;
      w0 += made.weight[a];
      x01 += made.weight[a] * q1;
      v1 += q1;
      gain += fmax(made.size[b] - made.size[a], 0.0);
      w0p1 += made.weight[a] * made.weight[b] * q1;
      count += 1.0;
    }
  }
  size_t at = 0;
  while (at < d.n_cells && !(d.pair[at] == 2 && d.start[at] == 2 && d.end[at] == 2)) {
    at++;
  }
  if (CHECK(at < d.n_cells)) {
    const fm_cell *cell = &d.cell[at];
    CHECK_INT(cell->count, count);
    CHECK_CLOSE(cell->sum[0], w0, 1e-12);
    CHECK_CLOSE(cell->sum[6], x01, 1e-12);
    CHECK_CLOSE(cell->sum[10], v1, 1e-12);
    CHECK_CLOSE(cell->sum[11], gain, 1e-12);
    CHECK_CLOSE(cell->product[fm_product_at(0, 4)], w0p1, 1e-12);
  }
  fm_dynamics_free(&d);
}

static void gaps_are_no_deaths(void) {
  made.n = 0;
  const int time[3] = {1, 2, 4}, place[3] = {1, 1, 2};
  for (size_t i = 0; i < 3; i++) {
    made.firm[i] = 0;
    made.time[i] = time[i];
    made.place[i] = place[i];
    made.performance[i] = made.weight[i] = made.size[i] = 1.0;
    made.n++;
  }
  fm_panel panel = panel_of(1, 4, 2);
  fm_dynamics d;
  CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &d));
  CHECK_INT(d.n_cells, 4);
  CHECK_INT(d.gaps, 1);
  CHECK(d.pair[1] == 2 && d.start[1] == 1 && d.end[1] == 3); /* out of sight */
  CHECK(d.pair[2] == 3 && d.start[2] == 3 && d.end[2] == 2); /* seen again, elsewhere */
  CHECK(d.pair[3] == 4 && d.start[3] == 1 && d.end[3] == 2); /* from end to end it has moved */
  fm_dynamics_free(&d);
  panel.gap_is_exit = 1;
  CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &d));
  CHECK(d.end[1] == 0 && d.start[2] == 0);
  fm_dynamics_free(&d);
  panel.consecutive = 0;
  CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &d));
  CHECK_INT(d.n_cells, 1);
  CHECK(d.pair[0] == 1 && d.start[0] == 1 && d.end[0] == 2);
  fm_dynamics_free(&d);
}

static void repeats_are_told(void) {
  make_panel(50, 3, 2);
  made.time[made.n] = made.time[4];
  made.firm[made.n] = made.firm[4];
  made.place[made.n] = 1;
  made.performance[made.n] = made.weight[made.n] = made.size[made.n] = 1.0;
  made.n++;
  const fm_panel panel = panel_of(50, 3, 2);
  fm_dynamics d;
  CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &d));
  CHECK_INT(d.repeated, 1);
  CHECK_INT(d.repeat[0], made.n - 1);
  fm_dynamics_free(&d);
}

static void zeros_and_long_lives(void) {
  made.n = 0;
  for (size_t i = 0; i < 200;
       i++) { /* one firm, latest row first: longer than what is sorted by insertion */
    made.firm[i] = 0;
    made.time[i] = 200 - (int)i;
    made.place[i] = 1;
    made.performance[i] = 1.0;
    made.weight[i] = i % 2 ? 0.0 : 1.0;
    made.n++;
  }
  fm_panel panel = panel_of(1, 200, 1);
  panel.size = NULL;
  fm_dynamics d;
  CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &d));
  CHECK_INT(d.n_cells, 200);
  CHECK_INT(d.zeros, 100);
  CHECK_CLOSE(d.cell[0].sum[8], 0.0, 0.0); /* not in unweighted means */
  CHECK_CLOSE(d.cell[0].sum[2], d.cell[0].sum[0], 0.0);
  fm_dynamics_free(&d);
  panel.keep_zero = 1;
  CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &d));
  CHECK_CLOSE(d.cell[0].sum[8], 1.0, 0.0);
  fm_dynamics_free(&d);
}

/* ---- variances --------------------------------------------------------------------------------------- */
enum { TERMS = 40, COLUMNS = 10 };
static int term_pair[TERMS], term_place[TERMS], term_cell[TERMS];
static const int column_class[COLUMNS] = {FM_CLASS_ALL,  FM_CLASS_START, FM_CLASS_START, FM_CLASS_END,
                                          FM_CLASS_STAY, FM_CLASS_STAY,  FM_CLASS_DEAD,  FM_CLASS_GONE,
                                          FM_CLASS_NEW,  FM_CLASS_OWN};
static const int column_moment[COLUMNS] = {5, 0, 1, 4, 6, 9, 1, 0, 3, 3};
static double derivative[COLUMNS][TERMS];

static fm_terms make_terms(const fm_dynamics *d, const double **column) {
  size_t n = 0;
  for (size_t j = 0; j < d->n_cells && n < TERMS; j++) { /* the cells of movers in order of pairs */
    if (d->start[j] != d->end[j]) {
      const int from_here = d->start[j] >= 1 && d->start[j] <= 3;
      term_pair[n] = d->pair[j];
      term_place[n] = from_here ? d->start[j] : d->end[j];
      term_cell[n++] = (int)j + 1;
    }
  }
  for (size_t a = 1; a < n; a++) {
    for (size_t b = a; b > 0 && term_pair[b - 1] > term_pair[b]; b--) {
      const int kept[3] = {term_pair[b], term_place[b], term_cell[b]};
      term_pair[b] = term_pair[b - 1], term_place[b] = term_place[b - 1], term_cell[b] = term_cell[b - 1];
      term_pair[b - 1] = kept[0], term_place[b - 1] = kept[1], term_cell[b - 1] = kept[2];
    }
  }
  for (size_t j = 0; j < COLUMNS; j++) {
    column[j] = derivative[j];
    for (size_t k = 0; k < n; k++) {
      derivative[j][k] = mu_normal();
    }
  }
  return (fm_terms){.n = n,
                    .n_columns = COLUMNS,
                    .pair = term_pair,
                    .place = term_place,
                    .cell = term_cell,
                    .class_of = column_class,
                    .moment = column_moment,
                    .column = column};
}

/* Grouped by firm, each group is one firm, and both ways to the variance must agree. */
static void both_variances_agree(void) {
  make_panel(300, 4, 3);
  for (size_t i = 0; i < made.n; i++) {
    made.group[i] = made.firm[i] + 1;
  }
  fm_panel panel = panel_of(300, 4, 3);
  panel.group = made.group;
  panel.n_groups = 300;
  fm_dynamics d;
  const double *column[COLUMNS];
  double one[TERMS], two[TERMS], own[TERMS], own_two[TERMS];
  CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &d));
  const fm_terms terms = make_terms(&d, column);
  CHECK_OK(fm_dynamics_variance(&d, &terms, one, own));
  CHECK_OK(fm_dynamics_grouped(&d, &terms, two, own_two));
  CHECK_ARRAY(one, two, terms.n, 1e-10);
  CHECK_ARRAY(own, own_two, terms.n, 1e-10);
  fm_dynamics_free(&d);
}

static int in_class(const fm_dynamics *d, size_t j, int kind, int place, int cell) {
  const int start = d->start[j], end = d->end[j];
  const int seen_start = start >= 1 && start <= 3, seen_end = end >= 1 && end <= 3;
  switch (kind) {
    case FM_CLASS_ALL:
      return 1;
    case FM_CLASS_START:
      return start == place;
    case FM_CLASS_END:
      return end == place;
    case FM_CLASS_STAY:
      return start == place && end == place;
    case FM_CLASS_DEAD:
      return start == place && end == 0;
    case FM_CLASS_GONE:
      return start == place && !seen_end;
    case FM_CLASS_NEW:
      return end == place && !seen_start;
    default:
      return (int)j + 1 == cell;
  }
}

/* The influence of a term written out cell by cell has the variance of the term. */
static void cells_have_the_variance_of_their_term(void) {
  make_panel(300, 4, 3);
  for (size_t grouped = 0; grouped < 2; grouped++) {
    fm_panel panel = panel_of(300, 4, 3);
    for (size_t i = 0; i < made.n; i++) {
      made.group[i] = made.firm[i] % 11 + 1;
    }
    panel.group = grouped ? made.group : NULL;
    panel.n_groups = grouped ? 11 : 0;
    fm_dynamics d;
    const double *column[COLUMNS];
    double expected[TERMS], own[TERMS], found[8];
    CHECK_OK(fm_dynamics_run(&panel, 2, NULL, &d));
    const fm_terms terms = make_terms(&d, column);
    CHECK_OK(grouped ? fm_dynamics_grouped(&d, &terms, expected, own)
                     : fm_dynamics_variance(&d, &terms, expected, own));
    double *gradient = fm_alloc(d.n_cells * FM_FIRM_MOMENTS, sizeof(double));
    for (size_t k = 0; k < terms.n; k++) {
      memset(gradient, 0, d.n_cells * FM_FIRM_MOMENTS * sizeof(double));
      for (size_t c = 0; c < COLUMNS; c++) {
        for (size_t j = 0; j < d.n_cells; j++) {
          const int here =
              d.pair[j] == terms.pair[k] && in_class(&d, j, column_class[c], term_place[k], term_cell[k]);
          gradient[j + d.n_cells * (size_t)column_moment[c]] += here ? derivative[c][k] : 0.0;
        }
      }
      CHECK_OK(fm_dynamics_cells(&d, gradient, found));
      CHECK_CLOSE(found[terms.pair[k] - 1], expected[k], 1e-9 * expected[k]);
      if (!grouped && term_cell[k] > 0) {
        const size_t at = (size_t)term_cell[k] - 1;
        double x[FM_FIRM_MOMENTS];
        for (size_t a = 0; a < FM_FIRM_MOMENTS; a++) {
          x[a] = gradient[at + d.n_cells * a];
        }
        CHECK_CLOSE(own[k], fm_packed_quadratic(x, d.cell[at].product), 1e-9 * expected[k]);
      }
    }
    fm_free(gradient);
    fm_dynamics_free(&d);
  }
}

static fm_code everything(void *context) {
  (void)context;
  fm_panel panel = panel_of(300, 4, 3);
  panel.group = made.group;
  panel.n_groups = 11;
  fm_dynamics d;
  const double *column[COLUMNS];
  double variance[TERMS];
  fm_code code = fm_dynamics_run(&panel, 2, NULL, &d);
  if (code == FM_OK) {
    const fm_terms terms = make_terms(&d, column);
    code = fm_dynamics_variance(&d, &terms, variance, NULL);
    if (code == FM_OK) {
      code = fm_dynamics_grouped(&d, &terms, variance, NULL);
    }
  }
  fm_dynamics_free(&d);
  return code;
}

static fm_code several_stripes(void *context) {
  fm_dynamics d;
  const fm_code code = fm_dynamics_run(context, 2, NULL, &d);
  fm_dynamics_free(&d);
  return code;
}

static void memory_runs_out(void) {
  make_many(0);
  fm_panel panel = {.n = MANY,
                    .n_firms = 3 * MANY_FIRMS,
                    .n_times = 4,
                    .n_places = 5,
                    .n_groups = 13,
                    .firm = many_firm,
                    .time = many_time,
                    .place = many_place,
                    .performance = many_performance,
                    .weight = many_weight,
                    .group = many_group,
                    .consecutive = 1};
  mu_each_allocation(several_stripes, &panel);
  make_panel(300, 4, 3);
  mu_each_allocation(everything, NULL);
  shuffle_rows();
  mu_each_allocation(everything, NULL);
}

void test_firm_dynamics(void) {
  RUN(codes_are_consecutive);
  RUN(order_of_rows_is_nothing);
  RUN(threads_are_nothing);
  RUN(repeats_of_all_stripes);
  RUN(cells_add_up);
  RUN(gaps_are_no_deaths);
  RUN(repeats_are_told);
  RUN(zeros_and_long_lives);
  RUN(both_variances_agree);
  RUN(cells_have_the_variance_of_their_term);
  RUN(memory_runs_out);
}
