/* test_design.c: a random relocation problem stored in every way must give the same numbers.
 *
 * The relational storage (merged and not) is compared with the ragged one, whose long table is expanded
 * here from first principles; score and information are compared with numerical derivatives; results
 * must not depend on threads; every allocation may fail without a leak.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../../src/core/choice/logit.h"
#include "../../src/core/choice/separation.h"
#include "../../src/core/design/image.h"
#include "../../src/core/design/ragged.h"
#include "../../src/core/design/relational.h"
#include "minunit.h"

enum { N = 120, J = 9, T = 3, TABLES = 6, TERMS = 10, OFFSETS = 1, COLUMNS = TERMS + OFFSETS };

static int random_int(int n) { return (int)(mu_uniform() * n); }

/* Everything a spec points to. */
typedef struct problem {
  int origin[N], chosen[N], time[N], firm[N];
  double weight[N], size[N], age[N];
  double place_values[J], timed_values[T * J], tie_values[J * J], push_values[J], one[1];
  int sparse_first[N + 1], sparse_place[N * J];
  double sparse_value[N * J];
  unsigned char available[T * J], offered[J];
  fm_table tables[TABLES];
  fm_term terms[COLUMNS];
  fm_relational_spec spec;
  /* the long table */
  size_t start[N + 1];
  int long_place[N * J], long_origin[N], long_chosen[N];
  double column[COLUMNS][N * J];
  const double *columns[COLUMNS];
  fm_ragged_spec ragged;
} problem;

static void draw_firms(problem *p) {
  for (int i = 0; i < N; i++) {
    p->origin[i] = random_int(J + 1);
    p->time[i] = 1 + random_int(T);
    p->firm[i] = i + 1;
    p->weight[i] = 0.5 + mu_uniform();
    p->size[i] = random_int(3);
    p->age[i] = random_int(2);
  }
  for (int j = 0; j < J; j++) {
    p->place_values[j] = 1000.0 + mu_normal();
    p->push_values[j] = mu_normal();
    p->offered[j] = j != 4;
    for (int t = 0; t < T; t++) {
      p->timed_values[t * J + j] = mu_normal();
      p->available[t * J + j] = mu_uniform() < 0.85 || j == 0;
    }
    for (int o = 0; o < J; o++) {
      p->tie_values[o * J + j] = o == j ? 0.0 : mu_uniform();
    }
  }
  p->one[0] = 1.0;
}

/* A third of the firms has a full row of ties, a third some, a third none. */
static void draw_sparse(problem *p) {
  int at = 0;
  for (int i = 0; i < N; i++) {
    p->sparse_first[i] = at;
    for (int j = 0; j < J; j++) {
      if (i % 3 == 0 || (i % 3 == 1 && mu_uniform() < 0.3)) {
        p->sparse_place[at] = j + 1;
        p->sparse_value[at++] = mu_normal();
      }
    }
  }
  p->sparse_first[N] = at;
}

static void describe(problem *p, int effects, int merge) {
  p->tables[0] = (fm_table){FM_TABLE_DENSE, NULL, 1, p->place_values, NULL, NULL};
  p->tables[1] = (fm_table){FM_TABLE_DENSE, p->time, T, p->timed_values, NULL, NULL};
  p->tables[2] = (fm_table){FM_TABLE_DENSE, p->origin, J, p->tie_values, NULL, NULL};
  p->tables[3] = (fm_table){FM_TABLE_SCALAR, p->origin, J, p->push_values, NULL, NULL};
  p->tables[4] = (fm_table){FM_TABLE_SCALAR, NULL, 1, p->one, NULL, NULL};
  p->tables[5] = (fm_table){FM_TABLE_SPARSE, p->firm, N, p->sparse_value, p->sparse_first, p->sparse_place};
  const fm_term terms[COLUMNS] = {
      {1, FM_MASK_ALL, NULL},    {4, FM_MASK_STAY, NULL},   {1, FM_MASK_MOVE, NULL},
      {2, FM_MASK_MOVE, NULL},   {3, FM_MASK_MOVE, NULL},   {4, FM_MASK_STAY, p->size},
      {1, FM_MASK_ALL, p->age},  {2, FM_MASK_ALL, p->size}, {5, FM_MASK_ALL, NULL},
      {5, FM_MASK_MOVE, p->age}, {0, FM_MASK_ALL, p->size}};
  memcpy(p->terms, terms, sizeof terms);
  p->spec = (fm_relational_spec){.n_occasions = N,
                                 .n_places = J,
                                 .origin = p->origin,
                                 .chosen = p->chosen,
                                 .weight = p->weight,
                                 .tables = p->tables,
                                 .n_tables = TABLES,
                                 .terms = p->terms,
                                 .n_terms = TERMS,
                                 .n_offsets = OFFSETS,
                                 .available_key = p->time,
                                 .available = p->available,
                                 .n_available = T,
                                 .offered = p->offered,
                                 .effects = effects,
                                 .merge = merge};
}

/* x of term k for occasion i and place j, straight from the definition. */
static double attribute(const problem *p, size_t k, int i, int j) {
  const fm_term *term = &p->terms[k];
  const fm_table *table = &p->tables[term->table];
  const int is_origin = j == p->origin[i] - 1;
  if ((term->mask == FM_MASK_MOVE && is_origin) || (term->mask == FM_MASK_STAY && !is_origin)) {
    return 0.0;
  }
  const int row = table->key ? table->key[i] - 1 : 0;
  double x = 0.0;
  if (table->kind == FM_TABLE_SPARSE) {
    for (int e = table->first[row]; e < table->first[row + 1]; e++) {
      x += table->place[e] - 1 == j ? table->values[e] : 0.0;
    }
  } else {
    x = table->values[table->kind == FM_TABLE_DENSE ? row * J + j : row];
  }
  return x * (term->multiplier ? term->multiplier[i] : 1.0);
}

/* Occasions without an origin use row 1 of the tables keyed by it: their ties are never looked at. */
static void no_origin_rows(problem *p, int *keys) {
  for (int i = 0; i < N; i++) {
    keys[i] = p->origin[i] > 0 ? p->origin[i] : 1;
  }
  p->tables[2].key = p->tables[3].key = keys;
}

static void expand(problem *p, int effects) {
  size_t at = 0;
  for (int i = 0; i < N; i++) {
    p->start[i] = at;
    p->long_origin[i] = p->long_chosen[i] = 0;
    for (int j = 0; j < J; j++) {
      if (!p->available[(p->time[i] - 1) * J + j] || !p->offered[j]) {
        continue;
      }
      for (size_t k = 0; k < COLUMNS; k++) {
        p->column[k][at] = attribute(p, k, i, j);
      }
      p->long_place[at++] = j + 1;
      p->long_origin[i] = j + 1 == p->origin[i] ? (int)(at - p->start[i]) : p->long_origin[i];
      p->long_chosen[i] = j + 1 == p->chosen[i] ? (int)(at - p->start[i]) : p->long_chosen[i];
    }
  }
  p->start[N] = at;
  for (size_t k = 0; k < COLUMNS; k++) {
    p->columns[k] = p->column[k];
  }
  p->ragged = (fm_ragged_spec){.n_occasions = N,
                               .n_rows = at,
                               .n_places = J,
                               .start = p->start,
                               .columns = p->columns,
                               .n_terms = TERMS,
                               .n_offsets = OFFSETS,
                               .place = p->long_place,
                               .origin = p->long_origin,
                               .chosen = p->long_chosen,
                               .weight = p->weight,
                               .effects = effects};
}

static void choose_places(problem *p) {
  for (int i = 0; i < N; i++) {
    do {
      p->chosen[i] = 1 + random_int(J);
    } while (!p->available[(p->time[i] - 1) * J + p->chosen[i] - 1] || !p->offered[p->chosen[i] - 1]);
  }
}

enum { P = TERMS + J };

typedef struct numbers {
  double value, score[P], information[P * P];
} numbers;

static void evaluate(const fm_design *design, const double *theta, int threads, numbers *out) {
  fm_pass pass = fm_logit_pass(design, threads);
  memset(out, 0, sizeof *out);
  pass.theta = theta;
  pass.order = FM_INFORMATION;
  CHECK(fm_pass_run(&pass, &out->value, out->score, out->information, NULL) == FM_OK);
}

static double furthest(const double *a, const double *b, size_t n) {
  double worst = 0.0;
  for (size_t i = 0; i < n; i++) {
    const double d = fabs(a[i] - b[i]) / (1.0 + fabs(b[i]));
    worst = d > worst || isnan(d) ? d : worst;
  }
  return worst;
}

static void check_same(const numbers *a, const numbers *b, size_t p, double tolerance) {
  CHECK_CLOSE(a->value, b->value, tolerance);
  CHECK(furthest(a->score, b->score, p) < tolerance);
  CHECK(furthest(a->information, b->information, p * p) < tolerance);
}

/* Central differences of value and score. */
static void check_derivatives(const fm_design *design, const double *theta, const numbers *at) {
  const size_t p = design->n_linear;
  const double step = 1e-5;
  double moved[P];
  static numbers up, down;
  for (size_t k = 0; k < p; k++) {
    memcpy(moved, theta, p * sizeof(double));
    moved[k] = theta[k] + step;
    evaluate(design, moved, 1, &up);
    moved[k] = theta[k] - step;
    evaluate(design, moved, 1, &down);
    CHECK_CLOSE((up.value - down.value) / (2 * step), at->score[k], 1e-6);
    for (size_t l = 0; l < p; l++) {
      const double h = -(up.score[l] - down.score[l]) / (2 * step);
      CHECK_CLOSE(h, at->information[k + l * p], 2e-6);
    }
  }
}

/* ---- images: a design written to a file and opened again is the same to the last bit ----------------- */
static void check_image(fm_design *design, const double *theta, const numbers *whole) {
  static numbers again;
  const char *path = "image.fms";
  fm_store_file file;
  fm_design opened;
  CHECK(fm_design_save(design, path, NULL) == FM_OK);
  CHECK(fm_design_bytes(design) > 0);
  CHECK(fm_store_map(&file, path, NULL) == FM_OK);
  CHECK(fm_design_open(&opened, &file, NULL) == FM_OK);
  CHECK(opened.n_units == design->n_units && opened.n_groups == design->n_groups);
  CHECK(fm_design_bytes(&opened) == fm_design_bytes(design) - design->n_occasions * sizeof(size_t));
  evaluate(&opened, theta, 2, &again);
  CHECK(memcmp(whole, &again, sizeof again) == 0);
  opened.ops->free(&opened);
  fm_store_close(&file);
  CHECK(remove(path) == 0);
  CHECK(fm_design_save(design, "no/such/directory/image", NULL) == FM_IO);
}

static void one_problem(unsigned long seed, int effects) {
  mu_seed(seed);
  static problem p;
  static numbers merged, single, longer, again;
  int keys[N];
  double theta[P];
  fm_design design;
  draw_firms(&p);
  draw_sparse(&p);
  choose_places(&p);
  describe(&p, effects, 1);
  no_origin_rows(&p, keys);
  expand(&p, effects);
  for (size_t k = 0; k < P; k++) {
    theta[k] = 0.4 * mu_normal();
  }
  CHECK(fm_relational_init(&design, &p.spec, NULL) == FM_OK);
  design.n_numbers = SIZE_MAX; /* else so short a pass would stay on one thread */
  evaluate(&design, theta, 1, &merged);
  evaluate(&design, theta, 3, &again);
  CHECK(memcmp(&merged, &again, sizeof merged) == 0);
  check_image(&design, theta, &merged);
  check_derivatives(&design, theta, &merged);
  design.ops->free(&design);
  p.spec.merge = 0;
  CHECK(fm_relational_init(&design, &p.spec, NULL) == FM_OK);
  CHECK(design.n_units == N);
  evaluate(&design, theta, 2, &single);
  check_same(&single, &merged, design.n_linear, 1e-11);
  design.ops->free(&design);
  CHECK(fm_ragged_init(&design, &p.ragged, NULL) == FM_OK);
  design.n_numbers = SIZE_MAX;
  evaluate(&design, theta, 1, &longer);
  evaluate(&design, theta, 2, &again);
  CHECK(memcmp(&longer, &again, sizeof longer) == 0);
  check_image(&design, theta, &longer);
  check_same(&longer, &merged, design.n_linear, 1e-11);
  design.ops->free(&design);
}

/* Without firm-level ties there are few distinct occasions, and merging must find them. */
static void merging_merges(void) {
  static problem p;
  int keys[N];
  mu_seed(99);
  fm_design design;
  draw_firms(&p);
  draw_sparse(&p);
  choose_places(&p);
  describe(&p, 0, 1);
  no_origin_rows(&p, keys);
  p.terms[8] = p.terms[9] = p.terms[0];
  for (int i = 0; i < N; i++) {
    p.origin[i] = 1 + i % 2, keys[i] = p.origin[i], p.time[i] = 1, p.size[i] = i % 3, p.age[i] = 0;
  }
  CHECK(fm_relational_init(&design, &p.spec, NULL) == FM_OK);
  CHECK(design.n_units == 6);
  design.ops->free(&design);
}

/* Two places, the one with the larger x always chosen: separated in x and in nothing else. */
static void separation_is_found(void) {
  const double x[] = {0, 1, 2, 0, 0, 3, 1, 5}, z[] = {0, 1, 1, 0, 0, -1, 2, 1};
  const double *columns[] = {x, z};
  const size_t start[] = {0, 2, 4, 6, 8};
  const int place[] = {1, 2, 1, 2, 1, 2, 1, 2}, none[4] = {0}, chosen[] = {2, 1, 2, 2};
  const fm_ragged_spec spec = {.n_occasions = 4,
                               .n_rows = 8,
                               .n_places = 2,
                               .start = start,
                               .columns = columns,
                               .n_terms = 2,
                               .place = place,
                               .origin = none,
                               .chosen = chosen};
  fm_design design;
  int separated[2];
  CHECK(fm_ragged_init(&design, &spec, NULL) == FM_OK);
  const double along[] = {1.0, 0.0}, against[] = {-1.0, 0.0}, across[] = {0.0, 1.0}, tiny[] = {1e-6, 0.0};
  CHECK(fm_separation(&design, NULL, along, 1, separated, NULL) == FM_OK);
  CHECK(separated[0] == 1 && separated[1] == 0);
  CHECK(fm_separation(&design, NULL, against, 1, separated, NULL) == FM_OK && separated[0] == 0);
  CHECK(fm_separation(&design, NULL, across, 1, separated, NULL) == FM_OK && separated[1] == 0);
  CHECK(fm_separation(&design, NULL, tiny, 1, separated, NULL) == FM_OK && separated[0] == 0);
  design.ops->free(&design);
}

/* A model that does with a group what the logit does with its blocks. */
static fm_code logit_group(const fm_pass *pass, fm_work *work, size_t group, double *scratch,
                           fm_sums *sums) {
  const fm_design *design = pass->design;
  for (size_t b = design->group_block[group]; b < design->group_block[group + 1]; b++) {
    design->ops->load(design, work, b);
    FM_TRY(pass->block(pass, work, scratch, sums));
  }
  return FM_OK;
}

static fm_pass grouped_pass(fm_design *design, const double *theta, int threads) {
  fm_pass pass = fm_logit_pass(design, threads);
  design->n_numbers = SIZE_MAX;
  pass.group = logit_group;
  pass.theta = theta;
  pass.order = FM_INFORMATION;
  return pass;
}

static void check_groups(fm_design *design, const double *theta, const int *group, size_t n_groups,
                         const numbers *whole) {
  static numbers once, again;
  static double scores[N * P];
  double total[P] = {0};
  memset(&once, 0, sizeof once), memset(&again, 0, sizeof again);
  fm_pass pass = grouped_pass(design, theta, 1);
  CHECK(fm_pass_run(&pass, &once.value, once.score, once.information, NULL) == FM_OK);
  pass.threads = 3;
  CHECK(fm_pass_run(&pass, &again.value, again.score, again.information, NULL) == FM_OK);
  CHECK(memcmp(&once, &again, sizeof once) == 0);
  check_same(&once, whole, design->n_linear, 1e-11);
  CHECK(fm_pass_group_scores(&pass, scores, NULL) == FM_OK);
  for (size_t g = 0; g < n_groups; g++) {
    for (size_t k = 0; k < design->n_linear; k++) {
      total[k] += scores[g * design->n_linear + k];
    }
  }
  CHECK(furthest(total, whole->score, design->n_linear) < 1e-11);
  /* the unit of each occasion lies in the occasion's group */
  CHECK(design->n_groups == n_groups);
  fm_work work = {0};
  CHECK(design->ops->work_init(design, &work) == FM_OK);
  for (size_t g = 0; g < n_groups; g++) {
    size_t first = (size_t)-1, end = 0, rows = 0;
    for (size_t b = design->group_block[g]; b < design->group_block[g + 1]; b++) {
      design->ops->load(design, &work, b);
      first = first == (size_t)-1 ? work.block.first : first;
      end = work.block.first + work.block.n;
      rows += work.block.offset[work.block.n];
    }
    CHECK(end - first <= design->max_group_units && rows <= design->max_group_rows);
    for (size_t i = 0; i < N; i++) {
      const size_t unit = design->unit_of[i];
      CHECK(((size_t)group[i] == g + 1) == (unit >= first && unit < end));
    }
  }
  design->ops->work_free(&work);
}

static void groups_stay_together(void) {
  enum { GROUPS = 17 };
  static problem p;
  static numbers whole;
  int keys[N], group[N];
  double theta[P];
  fm_design design;
  mu_seed(31);
  draw_firms(&p), draw_sparse(&p), choose_places(&p);
  for (size_t k = 0; k < P; k++) {
    theta[k] = 0.4 * mu_normal();
  }
  for (int i = 0; i < N; i++) {
    group[i] = i < GROUPS ? i + 1 : 1 + random_int(GROUPS);
  }
  for (int effects = 0; effects < 2; effects++) {
    describe(&p, effects, 1), no_origin_rows(&p, keys), expand(&p, effects);
    CHECK(fm_relational_init(&design, &p.spec, NULL) == FM_OK);
    evaluate(&design, theta, 1, &whole);
    design.ops->free(&design);
    p.spec.group = p.ragged.group = group;
    p.spec.n_groups = p.ragged.n_groups = GROUPS;
    for (int merge = 0; merge < 2; merge++) {
      p.spec.merge = merge;
      CHECK(fm_relational_init(&design, &p.spec, NULL) == FM_OK);
      check_groups(&design, theta, group, GROUPS, &whole);
      design.ops->free(&design);
    }
    CHECK(fm_ragged_init(&design, &p.ragged, NULL) == FM_OK);
    check_groups(&design, theta, group, GROUPS, &whole);
    design.ops->free(&design);
  }
}

/* One of the storages of a problem, and whether to build the ragged one. */
typedef struct scenario {
  const problem *p;
  int ragged;
} scenario;

static fm_code build_and_run(void *context) {
  const scenario *it = context;
  fm_design design;
  static numbers out;
  double theta[P] = {0};
  FM_TRY(it->ragged ? fm_ragged_init(&design, &it->p->ragged, NULL)
                    : fm_relational_init(&design, &it->p->spec, NULL));
  fm_pass pass = fm_logit_pass(&design, 2);
  pass.theta = theta;
  pass.order = FM_INFORMATION;
  const fm_code code = fm_pass_run(&pass, &out.value, out.score, out.information, NULL);
  design.ops->free(&design);
  return code;
}

static void every_allocation_may_fail(void) {
  static problem p;
  int keys[N];
  mu_seed(5);
  draw_firms(&p);
  draw_sparse(&p);
  choose_places(&p);
  describe(&p, 1, 1);
  no_origin_rows(&p, keys);
  expand(&p, 1);
  scenario relational = {&p, 0}, ragged = {&p, 1};
  mu_each_allocation(build_and_run, &relational);
  mu_each_allocation(build_and_run, &ragged);
  int group[N];
  for (int i = 0; i < N; i++) {
    group[i] = 1 + i % 7;
  }
  p.spec.group = p.ragged.group = group;
  p.spec.n_groups = p.ragged.n_groups = 7;
  mu_each_allocation(build_and_run, &relational);
  mu_each_allocation(build_and_run, &ragged);
}

static void storages_agree(void) {
  for (unsigned long seed = 1; seed <= 12; seed++) {
    one_problem(seed, seed % 2 == 0);
  }
}

void test_design(void) {
  RUN(storages_agree);
  RUN(merging_merges);
  RUN(groups_stay_together);
  RUN(separation_is_found);
  RUN(every_allocation_may_fail);
}
