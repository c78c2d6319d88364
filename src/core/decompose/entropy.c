/* entropy.c: rows are counted into cells of all dimensions and the group by one hash table; the subsets
 * are counted from the occupied cells, which are few. Thread safety: no state; a counter belongs to one
 * thread. Cells are visited in order of first appearance, so results depend on the data alone.
 */
#include "entropy.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/threads.h"

/* ---- counting keys
 * -------------------------------------------------------------------------------------- */

typedef struct counter {
  size_t mask;     /* slots - 1 */
  size_t n;        /* keys so far */
  size_t capacity; /* of key and sum */
  size_t *slot;    /* index + 1 of a key, 0 empty */
  uint64_t *key;
  double *sum;
} counter;

static void counter_free(counter *c) {
  fm_free(c->slot), fm_free(c->key), fm_free(c->sum);
  *c = (counter){0};
}

static fm_code counter_init(counter *c, size_t capacity) {
  *c = (counter){.mask = 4 * capacity - 1, .capacity = capacity};
  c->slot = fm_alloc_zero(4 * capacity, sizeof(size_t));
  c->key = fm_alloc(capacity, sizeof(uint64_t));
  c->sum = fm_alloc(capacity, sizeof(double));
  if (!c->slot || !c->key || !c->sum) {
    counter_free(c);
    return FM_NO_MEMORY;
  }
  return FM_OK;
}

static void counter_clear(counter *c) {
  memset(c->slot, 0, (c->mask + 1) * sizeof(size_t));
  c->n = 0;
}

static size_t place_of(const counter *c, uint64_t key) {
  uint64_t z = key * UINT64_C(0x9e3779b97f4a7c15);
  z ^= z >> 29;
  size_t at = (size_t)z & c->mask;
  while (c->slot[at] != 0 && c->key[c->slot[at] - 1] != key) {
    at = (at + 1) & c->mask;
  }
  return at;
}

/* Four times the capacity, with the keys in the same order. */
static fm_code counter_grow(counter *c) {
  counter larger;
  FM_TRY(counter_init(&larger, 4 * c->capacity));
  for (size_t k = 0; k < c->n; k++) {
    larger.slot[place_of(&larger, c->key[k])] = k + 1;
    larger.key[k] = c->key[k];
    larger.sum[k] = c->sum[k];
  }
  larger.n = c->n;
  counter_free(c);
  *c = larger;
  return FM_OK;
}

static fm_code counter_add(counter *c, uint64_t key, double weight) {
  size_t at = place_of(c, key);
  if (c->slot[at] == 0) {
    if (c->n == c->capacity) {
      FM_TRY(counter_grow(c));
      at = place_of(c, key);
    }
    c->key[c->n] = key;
    c->sum[c->n] = 0;
    c->slot[at] = ++c->n;
  }
  c->sum[c->slot[at] - 1] += weight;
  return FM_OK;
}

/* ---- entropies
 * ------------------------------------------------------------------------------------------ */

/* What one evaluation works with; the counters keep their size from one to the next. */
typedef struct workspace {
  counter joint, part;
  double *total;
} workspace;

static void workspace_free(workspace *w) {
  counter_free(&w->joint), counter_free(&w->part);
  fm_free(w->total);
  w->total = NULL;
}

static fm_code workspace_init(workspace *w, size_t n_groups) {
  *w = (workspace){0};
  w->total = fm_alloc(n_groups, sizeof(double));
  fm_code code = w->total == NULL ? FM_NO_MEMORY : counter_init(&w->joint, 1024);
  if (code == FM_OK) {
    code = counter_init(&w->part, 1024);
  }
  if (code != FM_OK) {
    workspace_free(w);
  }
  return code;
}

/* Keys are group + n_groups * (code_0 + levels_0 * (code_1 + ...)). */
static int keys_fit(const fm_categories *data) {
  double range = (double)data->n_groups;
  for (size_t k = 0; k < data->d; k++) {
    range *= (double)data->levels[k];
  }
  return data->d >= 1 && data->d <= FM_MAX_DIMENSIONS && data->n_groups > 0 && range < 9.2e18;
}

static fm_code count_rows(const fm_categories *data, workspace *w) {
  counter_clear(&w->joint);
  memset(w->total, 0, data->n_groups * sizeof(double));
  for (size_t i = 0; i < data->n; i++) {
    const double weight = data->weight == NULL ? 1 : data->weight[i];
    const size_t group = data->group == NULL ? 0 : (size_t)data->group[i];
    uint64_t key = 0;
    for (size_t k = data->d; k-- > 0;) {
      key = key * data->levels[k] + (uint64_t)data->code[k][i];
    }
    if (weight > 0) {
      w->total[group] += weight;
      FM_TRY(counter_add(&w->joint, key * data->n_groups + group, weight));
    }
  }
  return FM_OK;
}

/* The key with the codes of dimensions outside the subset set to 0. */
static uint64_t reduce(const fm_categories *data, uint64_t key, size_t subset) {
  uint64_t rest = key / data->n_groups;
  uint64_t reduced = key % data->n_groups;
  uint64_t stride = data->n_groups;
  for (size_t k = 0; k < data->d; k++) {
    if (subset >> k & 1) {
      reduced += stride * (rest % data->levels[k]);
    }
    rest /= data->levels[k];
    stride *= data->levels[k];
  }
  return reduced;
}

static fm_code count_subset(const fm_categories *data, workspace *w, size_t subset) {
  counter_clear(&w->part);
  for (size_t c = 0; c < w->joint.n; c++) {
    FM_TRY(counter_add(&w->part, reduce(data, w->joint.key[c], subset), w->joint.sum[c]));
  }
  return FM_OK;
}

/* H = log2 W - sum c log2 c / W of each group; cells may be NULL. */
static void entropy_of(const fm_categories *data, const workspace *w, double *entropy, double *cells) {
  for (size_t g = 0; g < data->n_groups; g++) {
    entropy[g] = 0;
    if (cells != NULL) {
      cells[g] = 0;
    }
  }
  for (size_t c = 0; c < w->part.n; c++) {
    const size_t g = (size_t)(w->part.key[c] % data->n_groups);
    entropy[g] += w->part.sum[c] * log2(w->part.sum[c]);
    if (cells != NULL) {
      cells[g]++;
    }
  }
  for (size_t g = 0; g < data->n_groups; g++) {
    entropy[g] = w->total[g] > 0 ? fmax(log2(w->total[g]) - entropy[g] / w->total[g], 0) : 0;
  }
}

static fm_code all_entropies(const fm_categories *data, workspace *w, double *entropy, double *cells) {
  FM_TRY(count_rows(data, w));
  const size_t subsets = ((size_t)1 << data->d) - 1;
  for (size_t a = 1; a <= subsets; a++) {
    const size_t from = data->n_groups * (a - 1);
    FM_TRY(count_subset(data, w, a));
    entropy_of(data, w, entropy + from, cells == NULL ? NULL : cells + from);
  }
  return FM_OK;
}

fm_code fm_entropies(const fm_categories *data, double *entropy, double *cells, double *total) {
  if (!keys_fit(data)) {
    return FM_INVALID;
  }
  workspace w;
  FM_TRY(workspace_init(&w, data->n_groups));
  const fm_code code = all_entropies(data, &w, entropy, cells);
  if (total != NULL) {
    memcpy(total, w.total, data->n_groups * sizeof(double));
  }
  workspace_free(&w);
  return code;
}

double fm_synergy(const double *entropy, size_t d, size_t stride) {
  double sum = 0;
  for (size_t a = 1; a < (size_t)1 << d; a++) {
    size_t odd = 0;
    for (size_t k = 0; k < d; k++) {
      odd ^= a >> k & 1;
    }
    sum += odd ? entropy[stride * (a - 1)] : -entropy[stride * (a - 1)];
  }
  return sum;
}

/* ---- permutations
 * --------------------------------------------------------------------------------------- */

/* splitmix64: a draw needs a stream of its own, whichever thread runs it. */
static uint64_t next(uint64_t *state) {
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* Shuffles x[at[first]], .., x[at[last - 1]] (at NULL: the identity). The bias of the modulus is below
 * n / 2^64. */
static void shuffle(int *x, const size_t *at, size_t first, size_t last, uint64_t *state) {
  for (size_t i = last; i-- > first + 1;) {
    const size_t j = first + (size_t)(next(state) % (i - first + 1));
    const size_t a = at == NULL ? i : at[i];
    const size_t b = at == NULL ? j : at[j];
    const int swap = x[a];
    x[a] = x[b];
    x[b] = swap;
  }
}

/* One worker's copies. */
typedef struct permuter {
  workspace w;
  int *code[FM_MAX_DIMENSIONS]; /* 1 .. d-1 are own copies */
  double *entropy;              /* n_groups x subsets */
} permuter;

typedef struct null_run {
  const fm_categories *data;
  const fm_synergy_draws *draws;
  size_t *member; /* rows sorted by group */
  size_t *start;  /* n_groups + 1 */
  permuter *worker;
  size_t n_workers;
  size_t from; /* first draw of the batch */
} null_run;

static void permuter_free(permuter *p, size_t d) {
  workspace_free(&p->w);
  for (size_t k = 1; k < d; k++) {
    fm_free(p->code[k]);
  }
  fm_free(p->entropy);
}

static fm_code permuter_init(permuter *p, const fm_categories *data) {
  FM_TRY(workspace_init(&p->w, data->n_groups));
  const size_t subsets = ((size_t)1 << data->d) - 1;
  p->entropy = fm_alloc(data->n_groups * subsets, sizeof(double));
  int complete = p->entropy != NULL;
  for (size_t k = 1; k < data->d; k++) {
    p->code[k] = fm_alloc(data->n, sizeof(int));
    complete = complete && p->code[k] != NULL;
  }
  if (!complete) {
    permuter_free(p, data->d);
    memset(p, 0, sizeof *p);
    return FM_NO_MEMORY;
  }
  return FM_OK;
}

static void null_free(null_run *run) {
  if (run->worker != NULL) {
    for (size_t i = 0; i < run->n_workers; i++) {
      permuter_free(&run->worker[i], run->data->d);
    }
  }
  fm_free(run->worker), fm_free(run->member), fm_free(run->start);
}

/* Rows by group, in order within each. */
static void sort_members(null_run *run) {
  const fm_categories *data = run->data;
  for (size_t i = 0; i < data->n; i++) {
    run->start[(data->group == NULL ? 0 : (size_t)data->group[i]) + 1]++;
  }
  for (size_t g = 0; g < data->n_groups; g++) {
    run->start[g + 1] += run->start[g];
  }
  for (size_t i = data->n; i-- > 0;) { /* from the back: each start moves up to its own place */
    const size_t g = data->group == NULL ? 0 : (size_t)data->group[i];
    run->member[--run->start[g + 1]] = i;
  }
  for (size_t g = 0; g < data->n_groups; g++) {
    run->start[g] = run->start[g + 1];
  }
  run->start[data->n_groups] = data->n;
}

static fm_code null_init(null_run *run) {
  const fm_categories *data = run->data;
  run->n_workers = run->draws->threads > 1 ? (size_t)run->draws->threads : 1;
  run->worker = fm_alloc_zero(run->n_workers, sizeof(permuter));
  run->member = fm_alloc(data->n, sizeof(size_t));
  run->start = fm_alloc_zero(data->n_groups + 1, sizeof(size_t));
  if (!run->worker || !run->member || !run->start) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < run->n_workers; i++) {
    FM_TRY(permuter_init(&run->worker[i], data));
  }
  sort_members(run);
  return FM_OK;
}

/* T of the permuted codes, whole. */
static fm_code whole_synergy(const fm_categories *permuted, permuter *p, double *value) {
  fm_categories whole = *permuted;
  whole.group = NULL;
  whole.n_groups = 1;
  FM_TRY(all_entropies(&whole, &p->w, p->entropy, NULL));
  *value = fm_synergy(p->entropy, whole.d, 1);
  return FM_OK;
}

static fm_code one_draw(void *context, size_t task, size_t worker) {
  const null_run *run = context;
  const fm_synergy_draws *draws = run->draws;
  permuter *p = &run->worker[worker];
  const size_t b = run->from + task, groups = run->data->n_groups, d = run->data->d;
  uint64_t state = draws->seed[b];
  const int *code[FM_MAX_DIMENSIONS] = {run->data->code[0]};
  fm_categories permuted = *run->data;
  permuted.code = code;
  for (size_t k = 1; k < d; k++) {
    code[k] = p->code[k];
    memcpy(p->code[k], run->data->code[k], run->data->n * sizeof(int));
    for (size_t g = 0; g < groups; g++) {
      shuffle(p->code[k], run->member, run->start[g], run->start[g + 1], &state);
    }
  }
  FM_TRY(all_entropies(&permuted, &p->w, p->entropy, NULL));
  for (size_t g = 0; g < groups; g++) {
    draws->within[g + groups * b] = fm_synergy(p->entropy + g, d, groups);
  }
  for (size_t k = 1; k < d; k++) {
    shuffle(p->code[k], NULL, 0, run->data->n, &state);
  }
  FM_TRY(all_entropies(&permuted, &p->w, p->entropy, NULL));
  double inside = 0;
  for (size_t g = 0; g < groups; g++) {
    inside += p->w.total[g] * fm_synergy(p->entropy + g, d, groups);
  }
  FM_TRY(whole_synergy(&permuted, p, &draws->whole[b]));
  draws->between[b] = draws->whole[b] - inside / (double)run->data->n;
  return FM_OK;
}

static fm_code run_draws(null_run *run, fm_error *err) {
  enum { BATCH = 32 };
  const fm_synergy_draws *draws = run->draws;
  for (run->from = 0; run->from < draws->n_draws; run->from += BATCH) {
    const size_t left = draws->n_draws - run->from;
    FM_TRY(fm_parallel_watched(left < BATCH ? left : BATCH, draws->threads, one_draw, run,
                               draws->interrupted, draws->interrupt_context));
    if (draws->interrupted != NULL && draws->interrupted(draws->interrupt_context)) {
      return fm_fail(err, FM_INTERRUPTED, "interrupted");
    }
  }
  return FM_OK;
}

fm_code fm_synergy_null(const fm_categories *data, const fm_synergy_draws *draws, fm_error *err) {
  if (!keys_fit(data) || data->n == 0 || data->weight != NULL) {
    return fm_fail(err, FM_INVALID, "permutations need rows, codes that fit 63 bits, and no weights");
  }
  null_run run = {.data = data, .draws = draws};
  fm_code code = null_init(&run);
  if (code == FM_OK) {
    code = run_draws(&run, err);
  }
  null_free(&run);
  return code;
}
