/* firm_dynamics.c: one pass over a panel, firm by firm in order of time.
 *
 * Firms are cut into stripes that the panel alone determines; each stripe has sums of its own, which are
 * added up in
 * order.
 */
#include "firm_dynamics.h"

#include <string.h>

#include "../base/alloc.h"
#include "../base/kernels.h"
#include "../base/threads.h"
#include "codes.h"
#include "dynamics_rows.h"

enum { W0, P0, Y0, W1, P1, Y1, X01, X10, U, V0, V1, GAIN };
enum {
  NONE = 0,
  BLOCK = 4,
  ROWS_OF_STRIPE = 1 << 15,
  MOST_STRIPES = 16,
  MOST_DIRECT = 1 << 18,
  POLL_EVERY = 1 << 20
};

/* What the pass over some of the firms carries along. */
typedef struct pass {
  const fm_panel *panel;
  const fm_kernels *kernels;
  fm_dynamics *result;
  uint32_t *slot; /* code + 1 of each possible cell, where there are few; else NULL, and: */
  fm_codes cells;
  fm_codes parts;
  size_t room_cells, room_parts;
  int hidden; /* the end of a firm that is seen before and after */
} pass;

size_t fm_product_at(size_t a, size_t b) {
  static const size_t before[FM_FIRM_MOMENTS / BLOCK] = {0, 48, 80};
  const size_t block = a / BLOCK, width = FM_FIRM_MOMENTS - BLOCK * block;
  return before[block] + (a - BLOCK * block) * width + (b - BLOCK * block);
}

/* ---- memory that grows
 * ------------------------------------------------------------------------------------- */
static fm_code resize(void **old, size_t used, size_t room, size_t size) {
  void *larger = fm_alloc(room, size);
  if (larger == NULL) {
    return FM_NO_MEMORY;
  }
  if (used > 0) {
    memcpy(larger, *old, used * size);
  }
  fm_free(*old);
  *old = larger;
  return FM_OK;
}

/* Room for one more in n vectors, whose entries have these sizes, all with `used` of *room entries taken.
 * */
static fm_code room_for_one(void **vectors, const size_t *sizes, size_t n, size_t used, size_t *room) {
  const size_t larger = used < 64 ? 128 : 2 * used;
  for (size_t i = 0; i < n; i++) {
    FM_TRY(resize(&vectors[i], used, larger, sizes[i]));
  }
  *room = larger;
  return FM_OK;
}

static fm_code grow_cells(pass *s) {
  fm_dynamics *r = s->result;
  void *vectors[] = {r->cell, r->pair, r->start, r->end};
  const size_t sizes[] = {sizeof(fm_cell), sizeof(int), sizeof(int), sizeof(int)};
  const fm_code code = room_for_one(vectors, sizes, 4, r->n_cells, &s->room_cells);
  r->cell = vectors[0], r->pair = vectors[1], r->start = vectors[2], r->end = vectors[3];
  return code;
}

static fm_code grow_parts(pass *s) {
  void *part = s->result->part;
  const size_t size = sizeof(fm_part);
  const fm_code code = room_for_one(&part, &size, 1, s->result->n_parts, &s->room_parts);
  s->result->part = part;
  return code;
}

/* ---- one firm in one pair of periods
 * ------------------------------------------------------------------- */
/* The twelve numbers; start or end is NULL where the firm is not seen. */
static void moments(const fm_panel *p, const fm_record *start, const fm_record *end, double *restrict m) {
  memset(m, 0, FM_FIRM_MOMENTS * sizeof(double));
  if (start != NULL) {
    m[W0] = start->weight;
    m[P0] = m[W0] * start->performance;
    m[Y0] = p->size ? p->size[start->row] : m[W0];
  }
  if (end != NULL) {
    m[W1] = end->weight;
    m[P1] = m[W1] * end->performance;
    m[Y1] = p->size ? p->size[end->row] : m[W1];
  }
  if (start != NULL && end != NULL) {
    m[X01] = m[W0] * end->performance;
    m[X10] = m[W1] * start->performance;
    m[GAIN] = m[Y1] > m[Y0] ? m[Y1] - m[Y0] : 0.0;
    if (p->keep_zero || (m[W0] != 0.0 && m[W1] != 0.0)) {
      m[U] = 1.0;
      m[V0] = start->performance;
      m[V1] = end->performance;
    }
  }
}

/* Those of three moments: a firm seen at one end has no others. */
static void add_three(double *restrict c, const double *restrict m, size_t first) {
  for (size_t a = first; a < first + 3; a++) {
    for (size_t b = a; b < first + 3; b++) {
      c[fm_product_at(a, b)] += m[a] * m[b];
    }
  }
}

/* All products of stayers; of movers those of the first eight moments, all that a term ever asks. */
static void add(const fm_kernels *kernels, fm_cell *restrict cell, const double *restrict m,
                const fm_record *start, const fm_record *end) {
  cell->count++;
  for (size_t a = 0; a < FM_FIRM_MOMENTS; a++) {
    cell->sum[a] += m[a];
  }
  if (start != NULL && end != NULL) {
    kernels->add_squares(m, 12, cell->product); /* movers too: seen as one place, they stay */
  } else {
    add_three(cell->product, m, start != NULL ? W0 : W1);
  }
}

/* The code of a cell; that of a new one is the number of cells so far. */
static fm_code code_of(pass *s, uint64_t key, uint32_t *code) {
  if (s->slot == NULL) {
    return fm_codes_get(&s->cells, key, code);
  }
  if (s->slot[key] == 0) {
    s->slot[key] = (uint32_t)s->result->n_cells + 1;
  }
  *code = s->slot[key] - 1;
  return FM_OK;
}

static fm_code cell_of(pass *s, int pair, int start, int end, uint32_t *code) {
  fm_dynamics *r = s->result;
  const uint64_t ends = (uint64_t)s->hidden + 1;
  FM_TRY(code_of(s, ((uint64_t)pair * ends + (uint64_t)start) * ends + (uint64_t)end, code));
  if (*code == r->n_cells) {
    FM_TRY(r->n_cells < s->room_cells ? FM_OK : grow_cells(s));
    r->pair[*code] = pair;
    r->start[*code] = start;
    r->end[*code] = end;
    memset(&r->cell[*code], 0, sizeof(fm_cell));
    r->n_cells++;
  }
  return FM_OK;
}

static fm_code add_part(pass *s, uint32_t cell, int group, const double *m) {
  fm_dynamics *r = s->result;
  uint32_t code = 0;
  FM_TRY(fm_codes_get(&s->parts, (uint64_t)cell * (s->panel->n_groups + 1) + (uint64_t)group, &code));
  if (code == r->n_parts) {
    FM_TRY(r->n_parts < s->room_parts ? FM_OK : grow_parts(s));
    r->part[code] = (fm_part){.cell = cell, .group = group};
    r->n_parts++;
  }
  for (size_t a = 0; a < FM_FIRM_MOMENTS; a++) {
    r->part[code].sum[a] += m[a];
  }
  return FM_OK;
}

/* start or end is NULL where the firm is not seen. The group is that of the start, else that of the end. */
static fm_code emit(pass *s, int pair, const fm_record *start, const fm_record *end, int unseen) {
  uint32_t cell = 0;
  double m[FM_FIRM_MOMENTS];
  FM_TRY(cell_of(s, pair, start ? start->place : unseen, end ? end->place : unseen, &cell));
  moments(s->panel, start, end, m);
  add(s->kernels, &s->result->cell[cell], m, start, end);
  const int *group = s->panel->group;
  return group ? add_part(s, cell, group[start ? start->row : end->row], m) : FM_OK;
}

/* ---- one firm
 * ---------------------------------------------------------------------------------------------- */
/* From the row before (NULL: none) to the row after (NULL: none) in the firm's life. */
static fm_code step(pass *s, const fm_record *before, const fm_record *after) {
  if (before != NULL && after != NULL && after->time == before->time + 1) {
    return emit(s, before->time, before, after, NONE);
  }
  const int gap = before != NULL && after != NULL;
  const int unseen = gap && !s->panel->gap_is_exit ? s->hidden : NONE;
  s->result->gaps += (size_t)gap;
  if (before != NULL && before->time < (int)s->panel->n_times) {
    FM_TRY(emit(s, before->time, before, NULL, unseen));
  }
  if (after != NULL && after->time > 1) {
    FM_TRY(emit(s, after->time - 1, NULL, after, unseen));
  }
  return FM_OK;
}

static void note_repeat(fm_dynamics *r, uint32_t row) {
  if (r->repeated < 5) {
    r->repeat[r->repeated] = row;
  }
  r->repeated++;
}

/* The n rows of one firm, in order of time. */
static fm_code firm_life(pass *s, const fm_record *life, size_t n) {
  const fm_panel *p = s->panel;
  const fm_record *before = NULL, *first = NULL, *last = NULL;
  for (size_t j = 0; j < n; j++) {
    const fm_record *now = &life[j];
    if (j > 0 && now->time == life[j - 1].time) {
      note_repeat(s->result, now->row);
    }
    if (now->place < 1) {
      continue;
    }
    if (p->consecutive) {
      FM_TRY(step(s, before, now));
    }
    before = now;
    s->result->zeros += now->weight == 0.0;
    first = now->time == 1 ? now : first;
    last = now->time == (int)p->n_times ? now : last;
  }
  if (before == NULL) {
    return FM_OK;
  }
  s->result->n_firms++;
  if (p->consecutive) {
    FM_TRY(step(s, before, NULL));
  }
  return p->end_to_end && (first || last) ? emit(s, (int)s->result->n_pairs, first, last, NONE) : FM_OK;
}

/* ---- stripes
 * ----------------------------------------------------------------------------------------------- */
/* Firms of consecutive ranges. */
typedef struct stripe {
  pass pass;
  fm_dynamics sums;  /* without memory of its own */
  size_t next, last; /* ranges not yet done */
} stripe;

typedef struct stripes {
  const fm_panel *panel;
  fm_ranges ranges;
  size_t n, n_workers, cells; /* cells: as many as there can be */
  stripe *stripe;
  fm_cell *cell; /* n x cells, and where they are: */
  int *ends;     /* n x 3 x cells */
  fm_reader *worker;
} stripes;

static fm_code pass_init(pass *s, const fm_panel *p, fm_dynamics *result) {
  *s = (pass){.panel = p, .kernels = fm_kernels_best(), .result = result, .hidden = (int)p->n_places + 1};
  *result = (fm_dynamics){.n_pairs = (p->consecutive ? p->n_times - 1 : 0) + (p->end_to_end ? 1 : 0),
                          .n_places = p->n_places,
                          .n_groups = p->n_groups};
  const double ends = (double)s->hidden + 1, keys = ((double)result->n_pairs + 1) * ends * ends;
  FM_TRY(fm_codes_init(&s->parts, p->group ? 1024 : 1));
  if (keys > MOST_DIRECT) {
    return fm_codes_init(&s->cells, 256);
  }
  s->slot = fm_alloc_zero((size_t)keys, sizeof(uint32_t));
  return s->slot == NULL ? FM_NO_MEMORY : FM_OK;
}

static void pass_free(pass *s) { fm_free(s->slot), fm_codes_free(&s->cells), fm_codes_free(&s->parts); }

/* By the panel alone: as many as pay, and no more than their sums take about the memory of the panel. */
static size_t count_stripes(const fm_panel *p, double cells) {
  const double room = 3.2e7 + 16.0 * (double)p->n;
  const double fit = room / (cells * ((double)sizeof(fm_cell) + (double)(p->n_groups * sizeof(fm_part))));
  const double some = (double)p->n / ROWS_OF_STRIPE, n = fit < some ? fit : some;
  return n < 2 ? 1 : n < MOST_STRIPES ? (size_t)n : MOST_STRIPES;
}

/* The first range of stripe k: stripes have about as many rows each. */
static size_t first_range(const stripes *s, size_t k) {
  const size_t rows = (size_t)((uint64_t)s->panel->n * k / s->n);
  size_t range = 0;
  while (range < s->ranges.n && (k == s->n || s->ranges.first[range] < rows)) {
    range++;
  }
  return range;
}

static fm_code stripe_init(stripes *s, size_t k) {
  stripe *x = &s->stripe[k];
  FM_TRY(pass_init(&x->pass, s->panel, &x->sums));
  x->next = first_range(s, k);
  x->last = first_range(s, k + 1);
  x->pass.room_cells = s->cells;
  x->sums.cell = s->cell + k * s->cells;
  x->sums.pair = s->ends + 3 * k * s->cells;
  x->sums.start = x->sums.pair + s->cells;
  x->sums.end = x->sums.start + s->cells;
  return FM_OK;
}

/* One stripe counts straight into the result. */
static fm_code stripes_init(stripes *s, pass *total, int threads) {
  const double ends = (double)total->hidden + 1, cells = (double)total->result->n_pairs * ends * ends;
  s->n = count_stripes(s->panel, cells);
  s->n_workers = s->n > 1 && threads > 1 ? (size_t)threads : 1;
  s->stripe = fm_alloc_zero(s->n, sizeof(stripe));
  s->worker = fm_alloc_zero(s->n_workers, sizeof(fm_reader));
  if (s->stripe == NULL || s->worker == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t w = 0; w < s->n_workers; w++) {
    FM_TRY(fm_reader_init(&s->worker[w], &s->ranges));
  }
  if (s->n == 1) {
    s->stripe[0].last = s->ranges.n;
    return FM_OK;
  }
  s->cells = (size_t)cells;
  s->cell = fm_alloc(s->n * s->cells, sizeof(fm_cell));
  s->ends = fm_alloc(s->n * s->cells, 3 * sizeof(int));
  if (s->cell == NULL || s->ends == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t k = 0; k < s->n; k++) {
    FM_TRY(stripe_init(s, k));
  }
  return FM_OK;
}

static void stripes_free(stripes *s) {
  if (s->n > 1 && s->stripe != NULL) {
    for (size_t k = 0; k < s->n; k++) {
      pass_free(&s->stripe[k].pass);
      fm_free(s->stripe[k].sums.part);
    }
  }
  if (s->worker != NULL) {
    for (size_t w = 0; w < s->n_workers; w++) {
      fm_reader_free(&s->worker[w]);
    }
  }
  fm_free(s->stripe), fm_free(s->worker), fm_free(s->cell), fm_free(s->ends);
  fm_ranges_free(&s->ranges);
}

/* The firms of one range. */
static fm_code range_firms(pass *s, const fm_ranges *ranges, size_t k, fm_reader *reader) {
  const size_t n = ranges->first[k + 1] - ranges->first[k];
  const fm_record *life = reader->life;
  fm_ranges_read(ranges, k, reader);
  for (size_t from = 0, to = 0; from < n; from = to) {
    for (to = from + 1; to < n && life[to].firm == life[from].firm;) {
      to++;
    }
    FM_TRY(firm_life(s, life + from, to - from));
  }
  return FM_OK;
}

/* Some more ranges of a stripe, until it is time to look up. */
static fm_code stripe_task(void *context, size_t task, size_t worker) {
  stripes *s = context;
  stripe *x = &s->stripe[task];
  const size_t *first = s->ranges.first, from = x->next;
  for (; x->next < x->last && first[x->next] - first[from] < POLL_EVERY; x->next++) {
    FM_TRY(range_firms(&x->pass, &s->ranges, x->next, &s->worker[worker]));
  }
  return FM_OK;
}

static fm_code run_stripes(stripes *s, int threads, int (*interrupted)(void *)) {
  size_t left = s->n;
  while (left > 0) {
    FM_TRY(fm_parallel_watched(s->n, threads, stripe_task, s, interrupted, NULL));
    left = 0;
    for (size_t k = 0; k < s->n; k++) {
      left += s->stripe[k].next < s->stripe[k].last;
    }
    if (left > 0 && interrupted != NULL && interrupted(NULL)) {
      return FM_INTERRUPTED;
    }
  }
  return FM_OK;
}

/* ---- sums of all stripes
 * --------------------------------------------------------------------------------------- */
static void add_cell(fm_cell *restrict to, const fm_cell *restrict from) {
  to->count += from->count;
  for (size_t a = 0; a < FM_FIRM_MOMENTS; a++) {
    to->sum[a] += from->sum[a];
  }
  for (size_t i = 0; i < FM_FIRM_PRODUCTS; i++) {
    to->product[i] += from->product[i];
  }
}

static fm_code add_sums(pass *s, const fm_dynamics *x) {
  fm_dynamics *r = s->result;
  uint32_t *code = fm_alloc(x->n_cells, sizeof(uint32_t));
  fm_code status = code == NULL ? FM_NO_MEMORY : FM_OK;
  for (size_t j = 0; status == FM_OK && j < x->n_cells; j++) {
    status = cell_of(s, x->pair[j], x->start[j], x->end[j], &code[j]);
    if (status == FM_OK) {
      add_cell(&r->cell[code[j]], &x->cell[j]);
    }
  }
  for (size_t i = 0; status == FM_OK && i < x->n_parts; i++) {
    status = add_part(s, code[x->part[i].cell], x->part[i].group, x->part[i].sum);
  }
  fm_free(code);
  for (size_t i = 0; i < x->repeated && i < 5 && r->repeated + i < 5; i++) {
    r->repeat[r->repeated + i] = x->repeat[i];
  }
  r->n_firms += x->n_firms;
  r->zeros += x->zeros;
  r->gaps += x->gaps;
  r->repeated += x->repeated;
  return status;
}

static fm_code all_firms(stripes *s, pass *total, int threads, int (*interrupted)(void *)) {
  FM_TRY(fm_ranges_init(&s->ranges, s->panel, threads));
  FM_TRY(stripes_init(s, total, threads));
  if (s->n == 1) {
    s->stripe[0].pass = *total;
  }
  fm_code code = run_stripes(s, threads, interrupted);
  if (s->n == 1) {
    *total = s->stripe[0].pass; /* its tables may have moved */
  }
  if (s->n > 1) {
    for (size_t k = 0; code == FM_OK && k < s->n; k++) {
      code = add_sums(total, &s->stripe[k].sums);
    }
  }
  return code;
}

fm_code fm_dynamics_run(const fm_panel *panel, int threads, int (*interrupted)(void *),
                        fm_dynamics *result) {
  stripes s = {.panel = panel};
  pass total;
  fm_code code = pass_init(&total, panel, result);
  if (code == FM_OK) {
    code = all_firms(&s, &total, threads, interrupted);
  }
  stripes_free(&s);
  pass_free(&total);
  return code;
}

void fm_dynamics_free(fm_dynamics *r) {
  fm_free(r->pair), fm_free(r->start), fm_free(r->end), fm_free(r->cell), fm_free(r->part);
  *r = (fm_dynamics){0};
}
