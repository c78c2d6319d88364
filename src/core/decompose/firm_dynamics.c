/* firm_dynamics.c: one pass over a panel, firm by firm in order of time.
 *
 * Arguments and what is computed: firm_dynamics.h. Overwrites only the result. Thread safety: no state.
 */
#include "firm_dynamics.h"

#include <stdlib.h>
#include <string.h>

#include "../base/alloc.h"
#include "codes.h"

enum { W0, P0, Y0, W1, P1, Y1, X01, X10, U, V0, V1, GAIN };
enum { NONE = 0, BLOCK = 4, SHORT_LIFE = 24, ROWS_IN_REACH = 1 << 14, POLL_EVERY = 1 << 20 };

/* A row of the panel. */
typedef struct record {
  uint32_t row;
  int firm, time, place;
  double performance, weight, size; /* performance less the centre */
} record;

/* What the pass carries along. */
typedef struct pass {
  const fm_panel *panel;
  fm_dynamics *result;
  fm_codes cells, parts;
  size_t room_cells, room_parts, room_life;
  record *life; /* the rows of one firm, or of a range of firms */
  int hidden;   /* the end of a firm that is seen before and after */
} pass;

size_t fm_product_at(size_t a, size_t b) {
  static const size_t before[FM_MOMENTS / BLOCK] = {0, 48, 80};
  const size_t block = a / BLOCK, width = FM_MOMENTS - BLOCK * block;
  return before[block] + (a - BLOCK * block) * width + (b - BLOCK * block);
}

/* ---- memory that grows ------------------------------------------------------------------------------------- */
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

static fm_code resize_ints(int **old, size_t used, size_t room) {
  void *p = *old;
  const fm_code code = resize(&p, used, room, sizeof(int));
  *old = p;
  return code;
}

static fm_code room_for_cell(pass *s) {
  fm_dynamics *r = s->result;
  if (r->n_cells < s->room_cells) {
    return FM_OK;
  }
  const size_t used = r->n_cells, room = used < 64 ? 128 : 2 * used;
  void *cell = r->cell;
  const fm_code code = resize(&cell, used, room, sizeof(fm_cell));
  r->cell = cell;
  FM_TRY(code);
  FM_TRY(resize_ints(&r->pair, used, room));
  FM_TRY(resize_ints(&r->start, used, room));
  FM_TRY(resize_ints(&r->end, used, room));
  s->room_cells = room;
  return FM_OK;
}

static fm_code room_for_part(pass *s) {
  fm_dynamics *r = s->result;
  if (r->n_parts < s->room_parts) {
    return FM_OK;
  }
  const size_t used = r->n_parts, room = used < 64 ? 128 : 2 * used;
  void *part = r->part;
  const fm_code code = resize(&part, used, room, sizeof(fm_part));
  r->part = part;
  FM_TRY(code);
  s->room_parts = room;
  return FM_OK;
}

/* ---- one firm in one pair of periods ------------------------------------------------------------------- */
/* The twelve numbers; start or end is NULL where the firm is not seen. */
static void moments(const fm_panel *p, const record *start, const record *end, double *restrict m) {
  memset(m, 0, FM_MOMENTS * sizeof(double));
  if (start != NULL) {
    m[W0] = start->weight;
    m[P0] = m[W0] * start->performance;
    m[Y0] = start->size;
  }
  if (end != NULL) {
    m[W1] = end->weight;
    m[P1] = m[W1] * end->performance;
    m[Y1] = end->size;
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

/* Four rows of products: c[a * stride + b] += left[a] * right[b]. Constants where it is called, so that the
 * compiler makes vectors of it. */
static inline void add_rows(double *restrict c, size_t stride, const double *restrict left,
                            const double *restrict right, size_t width) {
  for (size_t a = 0; a < BLOCK; a++) {
    const double x = left[a];
    for (size_t b = 0; b < width; b++) {
      c[stride * a + b] += x * right[b];
    }
  }
}

/* product += m m', the upper triangle in blocks of four rows. For movers too: seen as one place, they stay. */
static void add_all(double *restrict c, const double *restrict m) {
  add_rows(c, 12, m, m, 12);
  add_rows(c + 48, 8, m + 4, m + 4, 8);
  add_rows(c + 80, 4, m + 8, m + 8, 4);
}

/* Those of three moments: a firm seen at one end has no others. */
static void add_three(double *restrict c, const double *restrict m, size_t first) {
  for (size_t a = first; a < first + 3; a++) {
    for (size_t b = a; b < first + 3; b++) {
      c[fm_product_at(a, b)] += m[a] * m[b];
    }
  }
}

static void add(fm_cell *restrict cell, const double *restrict m, const record *start, const record *end) {
  cell->count++;
  for (size_t a = 0; a < FM_MOMENTS; a++) {
    cell->sum[a] += m[a];
  }
  if (start != NULL && end != NULL) {
    add_all(cell->product, m);
  } else {
    add_three(cell->product, m, start != NULL ? W0 : W1);
  }
}

static fm_code cell_of(pass *s, int pair, int start, int end, uint32_t *code) {
  fm_dynamics *r = s->result;
  const uint64_t ends = (uint64_t)s->hidden + 1;
  FM_TRY(fm_codes_get(&s->cells, ((uint64_t)pair * ends + (uint64_t)start) * ends + (uint64_t)end, code));
  if (*code == r->n_cells) {
    FM_TRY(room_for_cell(s));
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
    FM_TRY(room_for_part(s));
    r->part[code] = (fm_part){.cell = cell, .group = group};
    r->n_parts++;
  }
  for (size_t a = 0; a < FM_MOMENTS; a++) {
    r->part[code].sum[a] += m[a];
  }
  return FM_OK;
}

/* start or end is NULL where the firm is not seen. The group is that of the start, else that of the end. */
static fm_code emit(pass *s, int pair, const record *start, const record *end, int unseen) {
  uint32_t cell = 0;
  double m[FM_MOMENTS];
  FM_TRY(cell_of(s, pair, start ? start->place : unseen, end ? end->place : unseen, &cell));
  moments(s->panel, start, end, m);
  add(&s->result->cell[cell], m, start, end);
  const int *group = s->panel->group;
  return group ? add_part(s, cell, group[start ? start->row : end->row], m) : FM_OK;
}

/* ---- one firm ---------------------------------------------------------------------------------------------- */
/* From the row before (NULL: none) to the row after (NULL: none) in the firm's life. */
static fm_code step(pass *s, const record *before, const record *after) {
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
static fm_code firm_life(pass *s, const record *life, size_t n) {
  const fm_panel *p = s->panel;
  const record *before = NULL, *first = NULL, *last = NULL;
  for (size_t j = 0; j < n; j++) {
    const record *now = &life[j];
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

/* ---- the panel ----------------------------------------------------------------------------------------------- */
static void read_row(const fm_panel *p, size_t row, record *to) {
  to->row = (uint32_t)row;
  to->firm = p->firm[row];
  to->time = p->time[row];
  to->place = p->place[row];
  to->performance = p->performance[row] - p->centre;
  to->weight = p->weight[row];
  to->size = p->size ? p->size[row] : to->weight;
}

static fm_code look_up(size_t row, size_t *poll, int (*interrupted)(void *)) {
  if (row < *poll) {
    return FM_OK;
  }
  *poll += POLL_EVERY;
  return interrupted != NULL && interrupted(NULL) ? FM_INTERRUPTED : FM_OK;
}

/* Rows in order of firm and time: each firm is read in turn. */
static fm_code ordered_firms(pass *s, int (*interrupted)(void *)) {
  const fm_panel *p = s->panel;
  size_t poll = POLL_EVERY;
  for (size_t from = 0, to = 0; from < p->n; from = to) {
    for (to = from + 1; to < p->n && p->firm[to] == p->firm[from];) {
      to++;
    }
    if (to - from > s->room_life) {
      void *life = s->life;
      const fm_code code = resize(&life, 0, 2 * (to - from), sizeof(record));
      s->life = life;
      FM_TRY(code);
      s->room_life = 2 * (to - from);
    }
    for (size_t j = from; j < to; j++) {
      read_row(p, j, &s->life[j - from]);
    }
    FM_TRY(firm_life(s, s->life, to - from));
    FM_TRY(look_up(to, &poll, interrupted));
  }
  return FM_OK;
}

static int earlier(const void *a, const void *b) {
  const record *x = a, *y = b;
  const int order = (x->time > y->time) - (x->time < y->time);
  return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

/* By insertion where that is quick; a life is short and often in order. */
static void sort_life(record *life, size_t n) {
  if (n > SHORT_LIFE) {
    qsort(life, n, sizeof(record), earlier);
    return;
  }
  for (size_t j = 1; j < n; j++) {
    const record moving = life[j];
    size_t at = j;
    for (; at > 0 && life[at - 1].time > moving.time; at--) {
      life[at] = life[at - 1];
    }
    life[at] = moving;
  }
}

/* ---- rows in any order ----------------------------------------------------------------------------------------- */
/* Firms by ranges of codes; the rows of a range, some ROWS_IN_REACH, are read and sorted within the caches. */
typedef struct ranges {
  size_t n, width; /* firms in a range */
  size_t *end;     /* n + 1: where the next row of a range goes; at last, where the range ends */
  uint32_t *row;   /* rows by range */
  record *read;    /* the records of one range as they come */
  uint32_t *next;  /* width + 1 */
} ranges;

static void ranges_free(ranges *r) { fm_free(r->end), fm_free(r->row), fm_free(r->read), fm_free(r->next); }

/* Counts the rows of the ranges and makes room. */
static fm_code ranges_init(ranges *r, pass *s) {
  const fm_panel *p = s->panel;
  r->n = p->n / ROWS_IN_REACH + 1;
  r->width = p->n_firms / r->n + 1;
  r->end = fm_alloc_zero(r->n + 1, sizeof(size_t));
  r->next = fm_alloc(r->width + 1, sizeof(uint32_t));
  r->row = fm_alloc(p->n, sizeof(uint32_t));
  if (r->end == NULL || r->next == NULL || r->row == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < p->n; i++) {
    r->end[(size_t)p->firm[i] / r->width + 1]++;
  }
  size_t most = 0;
  for (size_t k = 0; k < r->n; k++) {
    most = r->end[k + 1] > most ? r->end[k + 1] : most;
    r->end[k + 1] += r->end[k];
  }
  r->read = fm_alloc(most, sizeof(record));
  s->life = fm_alloc(most, sizeof(record));
  return r->read && s->life ? FM_OK : FM_NO_MEMORY;
}

/* One range: a counting sort by firm, then each firm in turn. */
static fm_code range_firms(pass *s, ranges *r, const uint32_t *row, size_t n, size_t first_firm) {
  memset(r->next, 0, (r->width + 1) * sizeof(uint32_t));
  for (size_t i = 0; i < n; i++) {
    read_row(s->panel, row[i], &r->read[i]);
  }
  for (size_t i = 0; i < n; i++) {
    r->next[(size_t)r->read[i].firm - first_firm + 1]++;
  }
  for (size_t f = 0; f < r->width; f++) {
    r->next[f + 1] += r->next[f];
  }
  for (size_t i = 0; i < n; i++) {
    s->life[r->next[(size_t)r->read[i].firm - first_firm]++] = r->read[i];
  }
  size_t from = 0;
  for (size_t f = 0; f < r->width; f++) { /* next[f] is now where firm f ends */
    const size_t to = r->next[f];
    sort_life(s->life + from, to - from);
    FM_TRY(firm_life(s, s->life + from, to - from));
    from = to;
  }
  return FM_OK;
}

static fm_code scattered_firms(pass *s, int (*interrupted)(void *)) {
  const fm_panel *p = s->panel;
  ranges r = {0};
  fm_code code = ranges_init(&r, s);
  for (size_t i = 0; code == FM_OK && i < p->n; i++) {
    r.row[r.end[(size_t)p->firm[i] / r.width]++] = (uint32_t)i;
  }
  size_t from = 0, poll = POLL_EVERY;
  for (size_t k = 0; code == FM_OK && k < r.n; k++) {
    code = range_firms(s, &r, r.row + from, r.end[k] - from, k * r.width);
    from = r.end[k];
    if (code == FM_OK) {
      code = look_up(from, &poll, interrupted);
    }
  }
  ranges_free(&r);
  return code;
}

static int in_order(const fm_panel *p) {
  for (size_t i = 1; i < p->n; i++) {
    if (p->firm[i] < p->firm[i - 1] || (p->firm[i] == p->firm[i - 1] && p->time[i] < p->time[i - 1])) {
      return 0;
    }
  }
  return 1;
}

fm_code fm_dynamics_run(const fm_panel *panel, int (*interrupted)(void *), fm_dynamics *result) {
  *result =
      (fm_dynamics){.n_pairs = (panel->consecutive ? panel->n_times - 1 : 0) + (panel->end_to_end ? 1 : 0),
                    .n_places = panel->n_places,
                    .n_groups = panel->n_groups};
  pass s = {.panel = panel, .result = result, .hidden = (int)panel->n_places + 1};
  fm_code code = fm_codes_init(&s.cells, 256);
  if (code == FM_OK) {
    code = fm_codes_init(&s.parts, panel->group ? 1024 : 1);
  }
  if (code == FM_OK) {
    code = in_order(panel) ? ordered_firms(&s, interrupted) : scattered_firms(&s, interrupted);
  }
  fm_codes_free(&s.cells);
  fm_codes_free(&s.parts);
  fm_free(s.life);
  return code;
}

void fm_dynamics_free(fm_dynamics *r) {
  fm_free(r->pair), fm_free(r->start), fm_free(r->end), fm_free(r->cell), fm_free(r->part);
  *r = (fm_dynamics){0};
}
