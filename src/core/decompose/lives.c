/* lives.c: reads a panel firm by firm, and orders firms and places by hashes of what they do. */
#include "lives.h"

#include <stdlib.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/draws.h"
#include "dynamics_rows.h"

/* ---- reading ---------------------------------------------------------------------------------------- */
static fm_code make_room(fm_lives *v, size_t rows, size_t firms, size_t places, int weighted) {
  v->first = fm_alloc_zero(firms + 1, sizeof(size_t));
  v->row = fm_alloc(rows, sizeof(uint32_t));
  v->place = fm_alloc(rows, sizeof(uint32_t));
  v->time = fm_alloc(rows, sizeof(uint32_t));
  v->y = fm_alloc(rows, sizeof(double));
  v->weight = weighted ? fm_alloc(rows, sizeof(double)) : NULL;
  v->firm = fm_alloc(firms, sizeof(int));
  v->place_code = fm_alloc(places, sizeof(int));
  const int fine = v->first && v->row && v->place && v->time && v->y && v->firm && v->place_code &&
                   (!weighted || v->weight != NULL);
  return fine ? FM_OK : FM_NO_MEMORY;
}

static void take_record(fm_lives *v, const fm_record *record) {
  const size_t at = v->n;
  const int same = v->n_firms > 0 && v->firm[v->n_firms - 1] == record->firm;
  if (!same) {
    v->firm[v->n_firms] = record->firm;
    v->first[v->n_firms++] = at;
  } else if (v->time[at - 1] + 1 == (uint32_t)record->time) {
    if (v->repeated < 5) {
      v->repeat[v->repeated] = record->row;
    }
    v->repeated++;
  }
  v->row[at] = record->row;
  v->place[at] = (uint32_t)(record->place - 1);
  v->time[at] = (uint32_t)(record->time - 1);
  v->y[at] = record->performance;
  if (v->weight != NULL) {
    v->weight[at] = record->weight;
  }
  v->first[v->n_firms] = ++v->n;
}

static void read_all(fm_lives *v, const fm_ranges *ranges, fm_reader *reader) {
  for (size_t k = 0; k < ranges->n; k++) {
    fm_ranges_read(ranges, k, reader);
    const size_t rows = ranges->first[k + 1] - ranges->first[k];
    for (size_t i = 0; i < rows; i++) {
      if (reader->life[i].place >= 1) {
        take_record(v, &reader->life[i]);
      }
    }
  }
}

fm_code fm_lives_init(fm_lives *lives, const fm_panel *panel, int threads) {
  *lives = (fm_lives){.n_places = panel->n_places};
  fm_panel whole = *panel;
  whole.weight = panel->weight != NULL ? panel->weight : panel->performance;
  whole.centre = 0.0;
  fm_ranges ranges = {0};
  fm_reader reader = {0};
  fm_code code = make_room(lives, panel->n, panel->n_firms, panel->n_places, panel->weight != NULL);
  if (code == FM_OK) {
    code = fm_ranges_init(&ranges, &whole, threads);
  }
  if (code == FM_OK) {
    code = fm_reader_init(&reader, &ranges);
  }
  if (code == FM_OK) {
    read_all(lives, &ranges, &reader);
    for (size_t j = 0; j < panel->n_places; j++) {
      lives->place_code[j] = (int)j + 1;
    }
  }
  fm_reader_free(&reader);
  fm_ranges_free(&ranges);
  return code;
}

void fm_lives_free(fm_lives *v) {
  fm_free(v->first), fm_free(v->row), fm_free(v->place), fm_free(v->time), fm_free(v->y),
      fm_free(v->weight);
  fm_free(v->firm), fm_free(v->place_code);
  *v = (fm_lives){0};
}

int fm_moves(const fm_lives *v, size_t i) {
  for (size_t s = v->first[i] + 1; s < v->first[i + 1]; s++) {
    if (v->place[s] != v->place[s - 1]) {
      return 1;
    }
  }
  return 0;
}

/* ---- an order without names ------------------------------------------------------------------------- */
typedef struct named {
  uint64_t hash;
  uint32_t code;
} named;

typedef struct settling {
  named *firm, *spare; /* the kept firms */
  size_t n_firms;
  named *place; /* all places; the hash of one without rows is 0 */
  uint32_t *code_of;
} settling;

static uint64_t bits(double x) {
  uint64_t to;
  const double value = x + 0.0; /* -0 is 0 */
  memcpy(&to, &value, sizeof(to));
  return to;
}

static uint64_t hash_performances(const fm_lives *v, uint32_t firm) {
  uint64_t hash = 1;
  for (size_t s = v->first[firm]; s < v->first[firm + 1]; s++) {
    hash = fm_mix(hash ^ bits(v->y[s]), v->time[s]);
    hash = v->weight != NULL ? fm_mix(hash, bits(v->weight[s])) : hash;
  }
  return hash;
}

/* A place is the sum of its rows, in any order. */
static void hash_places(const fm_lives *v, settling *s) {
  for (size_t i = 0; i < s->n_firms; i++) {
    const uint32_t firm = s->firm[i].code;
    for (size_t r = v->first[firm]; r < v->first[firm + 1]; r++) {
      s->place[v->place[r]].hash += fm_mix(s->firm[i].hash, v->time[r]) | 1u;
    }
  }
}

static void hash_moves(const fm_lives *v, settling *s) {
  for (size_t i = 0; i < s->n_firms; i++) {
    const uint32_t firm = s->firm[i].code;
    uint64_t hash = s->firm[i].hash;
    for (size_t r = v->first[firm]; r < v->first[firm + 1]; r++) {
      hash = fm_mix(hash, s->place[v->place[r]].hash);
    }
    s->firm[i].hash = hash;
  }
}

static int by_hash(const void *a, const void *b) {
  const named *x = a, *y = b;
  const int order = (x->hash > y->hash) - (x->hash < y->hash);
  return order != 0 ? order : (x->code > y->code) - (x->code < y->code);
}

/* Two passes of a radix sort over the upper half of the hashes, then by insertion. */
static void sort_firms(settling *s, size_t *count) {
  enum { DIGITS = 1 << 16 };
  named *from = s->firm, *to = s->spare;
  for (unsigned shift = 32; shift <= 48; shift += 16) {
    memset(count, 0, (DIGITS + 1) * sizeof(size_t));
    for (size_t i = 0; i < s->n_firms; i++) {
      count[((from[i].hash >> shift) & (DIGITS - 1)) + 1]++;
    }
    for (size_t d = 0; d < DIGITS; d++) {
      count[d + 1] += count[d];
    }
    for (size_t i = 0; i < s->n_firms; i++) {
      to[count[(from[i].hash >> shift) & (DIGITS - 1)]++] = from[i];
    }
    named *last = from;
    from = to;
    to = last;
  }
  for (size_t i = 1; i < s->n_firms; i++) {
    const named moving = s->firm[i];
    size_t at = i;
    while (at > 0 && by_hash(&s->firm[at - 1], &moving) > 0) {
      s->firm[at] = s->firm[at - 1];
      at--;
    }
    s->firm[at] = moving;
  }
}

/* Firms and places are numbered in their new order. */
static void number_places(fm_lives *to, settling *s, size_t n_places) {
  qsort(s->place, n_places, sizeof(named), by_hash);
  for (size_t j = 0; j < n_places; j++) {
    if (s->place[j].hash != 0) {
      s->code_of[s->place[j].code] = (uint32_t)to->n_places;
      to->place_code[to->n_places++] = (int)s->place[j].code + 1;
    }
  }
}

static void copy_firms(const fm_lives *from, fm_lives *to, const settling *s) {
  for (size_t i = 0; i < s->n_firms; i++) {
    const uint32_t firm = s->firm[i].code;
    to->firm[i] = from->firm[firm];
    to->first[i] = to->n;
    for (size_t r = from->first[firm]; r < from->first[firm + 1]; r++) {
      to->row[to->n] = from->row[r];
      to->place[to->n] = s->code_of[from->place[r]];
      to->time[to->n] = from->time[r];
      to->y[to->n] = from->y[r];
      if (to->weight != NULL) {
        to->weight[to->n] = from->weight[r];
      }
      to->n++;
    }
  }
  to->n_firms = s->n_firms;
  to->first[s->n_firms] = to->n;
}

static size_t choose_firms(const fm_lives *v, const unsigned char *keep, settling *s) {
  size_t rows = 0;
  for (size_t i = 0; i < v->n_firms; i++) {
    if (keep[i]) {
      s->firm[s->n_firms++] = (named){hash_performances(v, (uint32_t)i), (uint32_t)i};
      rows += v->first[i + 1] - v->first[i];
    }
  }
  for (size_t j = 0; j < v->n_places; j++) {
    s->place[j] = (named){0, (uint32_t)j};
  }
  return rows;
}

static fm_code settle(fm_lives *v, const unsigned char *keep, settling *s, size_t *count) {
  const size_t rows = choose_firms(v, keep, s);
  hash_places(v, s);
  hash_moves(v, s);
  sort_firms(s, count);
  fm_lives settled = {0};
  const fm_code code = make_room(&settled, rows, s->n_firms, v->n_places, v->weight != NULL);
  if (code == FM_OK) {
    number_places(&settled, s, v->n_places);
    copy_firms(v, &settled, s);
    fm_lives_free(v);
    *v = settled;
  } else {
    fm_lives_free(&settled);
  }
  return code;
}

fm_code fm_lives_settle(fm_lives *v, const unsigned char *keep) {
  settling s = {.firm = fm_alloc(v->n_firms, sizeof(named)),
                .spare = fm_alloc(v->n_firms, sizeof(named)),
                .place = fm_alloc(v->n_places, sizeof(named)),
                .code_of = fm_alloc(v->n_places, sizeof(uint32_t))};
  size_t *count = fm_alloc((1 << 16) + 1, sizeof(size_t));
  fm_code code = FM_NO_MEMORY;
  if (s.firm != NULL && s.spare != NULL && s.place != NULL && s.code_of != NULL && count != NULL) {
    code = settle(v, keep, &s, count);
  }
  fm_free(s.firm), fm_free(s.spare), fm_free(s.place), fm_free(s.code_of), fm_free(count);
  return code;
}
