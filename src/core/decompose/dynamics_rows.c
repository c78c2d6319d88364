/* dynamics_rows.c: a partition of the rows by range of firms, and a counting sort of each range.
 *
 * Blocks of rows are counted and written side by side; each knows where its rows of a range begin, so that
 * those keep their order. Thread safety: ranges are read only once made; a
 * reader belongs to one thread at a time.
 */
#include "dynamics_rows.h"

#include <stdlib.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/threads.h"

enum { SHORT_LIFE = 24, ROWS_IN_REACH = 1 << 14, WIDEST = 16, BLOCKS = 16 };

static void read_row(const fm_panel *p, size_t row, fm_record *to) {
  to->row = (uint32_t)row;
  to->firm = p->firm[row];
  to->time = p->time[row];
  to->place = p->place[row];
  to->performance = p->performance[row] - p->centre;
  to->weight = p->weight[row];
}

static int in_order(const fm_panel *p) {
  for (size_t i = 1; i < p->n; i++) {
    if (p->firm[i] < p->firm[i - 1] || (p->firm[i] == p->firm[i - 1] && p->time[i] < p->time[i - 1])) {
      return 0;
    }
  }
  return 1;
}

/* ---- the partition ----------------------------------------------------------------------------------- */
typedef struct partition {
  fm_ranges *ranges;
  size_t n_blocks;
  size_t *next; /* n_blocks x n ranges: counts, then where the next row of a block and range goes */
} partition;

static size_t block_start(const partition *s, size_t block) {
  return (size_t)((uint64_t)s->ranges->panel->n * block / s->n_blocks);
}

static fm_code count_block(void *context, size_t block, size_t worker) {
  const partition *s = context;
  const int *firm = s->ranges->panel->firm;
  size_t *next = s->next + block * s->ranges->n;
  const size_t last = block_start(s, block + 1);
  (void)worker;
  for (size_t i = block_start(s, block); i < last; i++) {
    next[(unsigned)firm[i] >> s->ranges->shift]++;
  }
  return FM_OK;
}

static fm_code write_block(void *context, size_t block, size_t worker) {
  const partition *s = context;
  const fm_panel *p = s->ranges->panel;
  size_t *next = s->next + block * s->ranges->n;
  const size_t last = block_start(s, block + 1);
  (void)worker;
  for (size_t i = block_start(s, block); i < last; i++) {
    read_row(p, i, &s->ranges->record[next[(unsigned)p->firm[i] >> s->ranges->shift]++]);
  }
  return FM_OK;
}

/* Counts become places. */
static void lay_out(partition *s) {
  fm_ranges *r = s->ranges;
  size_t at = 0;
  for (size_t k = 0; k < r->n; k++) {
    r->first[k] = at;
    for (size_t b = 0; b < s->n_blocks; b++) {
      const size_t count = s->next[b * r->n + k];
      s->next[b * r->n + k] = at;
      at += count;
    }
  }
  r->first[r->n] = at;
}

static fm_code bring_together(fm_ranges *r, int threads) {
  partition s = {.ranges = r, .n_blocks = r->panel->n > ROWS_IN_REACH ? BLOCKS : 1};
  s.next = fm_alloc_zero(s.n_blocks * r->n, sizeof(size_t));
  r->record = fm_alloc(r->panel->n, sizeof(fm_record));
  fm_code code = s.next != NULL && r->record != NULL ? FM_OK : FM_NO_MEMORY;
  if (code == FM_OK) {
    code = fm_parallel(s.n_blocks, threads, count_block, &s);
  }
  if (code == FM_OK) {
    lay_out(&s);
    code = fm_parallel(s.n_blocks, threads, write_block, &s);
  }
  fm_free(s.next);
  return code;
}

/* ---- ranges ------------------------------------------------------------------------------------------ */
/* The first row of a firm from `firm` on, in a panel in order. */
static size_t first_row(const fm_panel *p, size_t firm) {
  size_t from = 0, to = p->n;
  while (from < to) {
    const size_t middle = from + (to - from) / 2;
    if ((size_t)p->firm[middle] < firm) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from;
}

fm_code fm_ranges_init(fm_ranges *r, const fm_panel *panel, int threads) {
  *r = (fm_ranges){.panel = panel};
  const size_t wanted = panel->n / ROWS_IN_REACH + 1;
  while (r->shift < WIDEST && (panel->n_firms >> (r->shift + 1)) >= wanted) {
    r->shift++;
  }
  r->n = (panel->n_firms >> r->shift) + 1;
  r->first = fm_alloc_zero(r->n + 1, sizeof(size_t));
  if (r->first == NULL) {
    return FM_NO_MEMORY;
  }
  if (in_order(panel)) {
    for (size_t k = 1; k <= r->n; k++) {
      r->first[k] = first_row(panel, k << r->shift);
    }
  } else {
    FM_TRY(bring_together(r, threads));
  }
  for (size_t k = 0; k < r->n; k++) {
    const size_t rows = r->first[k + 1] - r->first[k];
    r->most = rows > r->most ? rows : r->most;
  }
  return FM_OK;
}

void fm_ranges_free(fm_ranges *r) {
  fm_free(r->first), fm_free(r->record);
  *r = (fm_ranges){0};
}

fm_code fm_reader_init(fm_reader *reader, const fm_ranges *r) {
  reader->life = fm_alloc(r->most, sizeof(fm_record));
  reader->next = fm_alloc(((size_t)1 << r->shift) + 1, sizeof(uint32_t));
  return reader->life != NULL && reader->next != NULL ? FM_OK : FM_NO_MEMORY;
}

void fm_reader_free(fm_reader *reader) {
  fm_free(reader->life), fm_free(reader->next);
  *reader = (fm_reader){0};
}

/* ---- reading ----------------------------------------------------------------------------------------- */
static int earlier(const void *a, const void *b) {
  const fm_record *x = a, *y = b;
  const int order = (x->time > y->time) - (x->time < y->time);
  return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

/* By insertion where that is quick; a life is short and often in order. */
static void sort_life(fm_record *life, size_t n) {
  if (n > SHORT_LIFE) {
    qsort(life, n, sizeof(fm_record), earlier);
    return;
  }
  for (size_t j = 1; j < n; j++) {
    if (life[j - 1].time <= life[j].time) {
      continue;
    }
    const fm_record moving = life[j];
    size_t at = j;
    for (; at > 0 && life[at - 1].time > moving.time; at--) {
      life[at] = life[at - 1];
    }
    life[at] = moving;
  }
}

/* A counting sort by firm, then each life by time. */
static void sort_range(const fm_ranges *r, size_t k, fm_reader *reader) {
  const fm_record *record = r->record + r->first[k];
  const size_t n = r->first[k + 1] - r->first[k], width = (size_t)1 << r->shift;
  const unsigned first_firm = (unsigned)(k << r->shift);
  uint32_t *next = reader->next;
  memset(next, 0, (width + 1) * sizeof(uint32_t));
  for (size_t i = 0; i < n; i++) {
    next[(unsigned)record[i].firm - first_firm + 1]++;
  }
  for (size_t f = 0; f < width; f++) {
    next[f + 1] += next[f];
  }
  for (size_t i = 0; i < n; i++) {
    reader->life[next[(unsigned)record[i].firm - first_firm]++] = record[i];
  }
  size_t from = 0;
  for (size_t f = 0; f < width; f++) { /* next[f] is now where firm f ends */
    sort_life(reader->life + from, next[f] - from);
    from = next[f];
  }
}

void fm_ranges_read(const fm_ranges *r, size_t k, fm_reader *reader) {
  if (r->record != NULL) {
    sort_range(r, k, reader);
    return;
  }
  for (size_t i = r->first[k]; i < r->first[k + 1]; i++) {
    read_row(r->panel, i, &reader->life[i - r->first[k]]);
  }
}
