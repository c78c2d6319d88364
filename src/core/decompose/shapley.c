/* shapley.c: Shapley and Owen values and dominance of a game given by the values of all subsets. */
#include "shapley.h"

#include <string.h>

#include "../base/alloc.h"

static size_t bit(size_t k) { return (size_t)1 << k; }

static size_t count_bits(size_t m) {
  size_t n = 0;
  for (; m != 0; m &= m - 1) {
    n++;
  }
  return n;
}

/* n choose k */
static double choose(size_t n, size_t k) {
  double c = 1.0;
  for (size_t i = 0; i < k; i++) {
    c = c * (double)(n - i) / (double)(i + 1);
  }
  return c;
}

static int fits(size_t p) { return p >= 1 && p <= FM_MAX_PLAYERS; }

/* ---- dominance --------------------------------------------------------------------------------------- */
fm_code fm_shapley_orders(const double *value, size_t p, double *by_order) {
  if (!fits(p)) {
    return FM_INVALID;
  }
  memset(by_order, 0, p * p * sizeof(double));
  for (size_t m = 0; m + 1 < bit(p); m++) {
    double *order = by_order + p * count_bits(m);
    for (size_t k = 0; k < p; k++) {
      if (!(m & bit(k))) {
        order[k] += value[m | bit(k)] - value[m];
      }
    }
  }
  for (size_t s = 0; s < p; s++) {
    const double subsets = choose(p - 1, s);
    for (size_t k = 0; k < p; k++) {
      by_order[k + p * s] /= subsets;
    }
  }
  return FM_OK;
}

static double share_of_pair(const double *value, size_t p, size_t j, size_t k) {
  size_t more = 0, equal = 0;
  for (size_t m = 0; m < bit(p); m++) {
    if (m & (bit(j) | bit(k))) {
      continue;
    }
    more += value[m | bit(j)] > value[m | bit(k)];
    equal += value[m | bit(j)] == value[m | bit(k)];
  }
  return ((double)more + 0.5 * (double)equal) / (double)bit(p - 2);
}

fm_code fm_shapley_dominance(const double *value, size_t p, double *share) {
  if (!fits(p)) {
    return FM_INVALID;
  }
  for (size_t k = 0; k < p; k++) {
    share[k + p * k] = 0.5;
    for (size_t j = 0; j < k; j++) {
      share[j + p * k] = share_of_pair(value, p, j, k);
      share[k + p * j] = 1.0 - share[j + p * k];
    }
  }
  return FM_OK;
}

/* ---- Owen -------------------------------------------------------------------------------------------- */
/* The players of each block, and those of each set of blocks. */
typedef struct coalition {
  size_t n_blocks;
  size_t mask[FM_MAX_PLAYERS];
  size_t own[FM_MAX_PLAYERS]; /* of each player: how many its block has */
  size_t *of;                 /* 2^n_blocks */
} coalition;

static fm_code coalition_init(coalition *c, size_t p, const int *block, size_t n_blocks) {
  *c = (coalition){.n_blocks = n_blocks};
  if (!fits(p) || n_blocks < 1 || n_blocks > p) {
    return FM_INVALID;
  }
  for (size_t k = 0; k < p; k++) {
    if (block[k] < 0 || (size_t)block[k] >= n_blocks) {
      return FM_INVALID;
    }
    c->mask[block[k]] |= bit(k);
  }
  for (size_t b = 0; b < n_blocks; b++) {
    if (c->mask[b] == 0) {
      return FM_INVALID;
    }
  }
  for (size_t k = 0; k < p; k++) {
    c->own[k] = count_bits(c->mask[block[k]]);
  }
  c->of = fm_alloc_zero(bit(n_blocks), sizeof(size_t));
  if (c->of == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t b = 0; b < n_blocks; b++) {
    for (size_t q = bit(b); q < bit(b + 1); q++) {
      c->of[q] = c->of[q - bit(b)] | c->mask[b];
    }
  }
  return FM_OK;
}

/* What player k adds to the players `before`: r whole blocks and t players of its own. */
typedef void (*see_gain)(void *context, size_t k, size_t before, size_t r, size_t t);

/* Shows every gain that some order has in which the players of a block follow one another. */
static void each_gain(const coalition *c, see_gain see, void *context) {
  for (size_t b = 0; b < c->n_blocks; b++) {
    const size_t mask = c->mask[b];
    for (size_t q = 0; q < bit(c->n_blocks); q++) {
      size_t inside = 0;
      do {
        for (size_t left = q & bit(b) ? 0 : mask & ~inside; left != 0; left &= left - 1) {
          const size_t k = count_bits((left & (~left + 1)) - 1);
          see(context, k, c->of[q] | inside, count_bits(q), count_bits(inside));
        }
        inside = (inside - mask) & mask; /* the next subset of mask; 0 after the last */
      } while (inside != 0);
    }
  }
}

/* The gains of player k after r blocks and t of its own are averaged, then over r and t: one in so many. */
static double share_of(const coalition *c, size_t k, size_t r, size_t t) {
  return (double)c->n_blocks * choose(c->n_blocks - 1, r) * (double)c->own[k] * choose(c->own[k] - 1, t);
}

/* sum[(r p + t) p + k]: the gains of player k. */
typedef struct gains {
  const double *value;
  size_t p;
  double *sum;
} gains;

static void add_gain(void *context, size_t k, size_t before, size_t r, size_t t) {
  const gains *g = context;
  g->sum[(r * g->p + t) * g->p + k] += g->value[before | bit(k)] - g->value[before];
}

fm_code fm_owen(const double *value, size_t p, const int *block, size_t n_blocks, double *estimate) {
  coalition c;
  FM_TRY(coalition_init(&c, p, block, n_blocks));
  gains g = {value, p, fm_alloc_zero(n_blocks * p * p, sizeof(double))};
  if (g.sum != NULL) {
    each_gain(&c, add_gain, &g);
    for (size_t k = 0; k < p; k++) {
      estimate[k] = 0.0;
      for (size_t r = 0; r < n_blocks; r++) {
        for (size_t t = 0; t < c.own[k]; t++) {
          estimate[k] += g.sum[(r * p + t) * p + k] / share_of(&c, k, r, t);
        }
      }
    }
  }
  const fm_code code = g.sum != NULL ? FM_OK : FM_NO_MEMORY;
  fm_free(c.of), fm_free(g.sum);
  return code;
}

typedef struct weights {
  const coalition *c;
  size_t subsets;
  double *weight;
} weights;

static void weigh_gain(void *context, size_t k, size_t before, size_t r, size_t t) {
  const weights *w = context;
  const double share = 1.0 / share_of(w->c, k, r, t);
  w->weight[(before | bit(k)) + w->subsets * k] = share;
  w->weight[before + w->subsets * k] = -share;
}

fm_code fm_owen_weights(size_t p, const int *block, size_t n_blocks, double *weight) {
  coalition c;
  FM_TRY(coalition_init(&c, p, block, n_blocks));
  weights w = {&c, bit(p), weight};
  memset(weight, 0, bit(p) * p * sizeof(double));
  each_gain(&c, weigh_gain, &w);
  fm_free(c.of);
  return FM_OK;
}

static void need_gain(void *context, size_t k, size_t before, size_t r, size_t t) {
  int *needed = context;
  (void)r, (void)t;
  needed[before] = needed[before | bit(k)] = 1;
}

fm_code fm_owen_needed(size_t p, const int *block, size_t n_blocks, int *needed) {
  coalition c;
  FM_TRY(coalition_init(&c, p, block, n_blocks));
  memset(needed, 0, bit(p) * sizeof(int));
  each_gain(&c, need_gain, needed);
  fm_free(c.of);
  return FM_OK;
}
