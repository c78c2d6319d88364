/* dense.h: the simplest design there is, for tests of models, with random data.
 *
 * It serves fm_design_ops from an x stored row by row, every sum written out, so that a test of a model
 * depends on no storage of the package. Sets of places are ragged, some places are not offered, some
 * occasions have no origin, two choices, or none.
 */
#ifndef FM_TEST_DENSE_H
#define FM_TEST_DENSE_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/base/kernels.h"
#include "../../src/core/design/design.h"
#include "minunit.h"

enum { PLACES = 9, TERMS = 3, UNITS = 60, BLOCK = 7, LINEAR = TERMS + PLACES, ROWS = UNITS * PLACES };
enum { BLOCKS = (UNITS + BLOCK - 1) / BLOCK, CHUNKS = (BLOCKS + 1) / 2 };

typedef struct dense {
  size_t first_row[UNITS + 1];
  double x[ROWS][TERMS];
  int place[ROWS], offered[ROWS];
  int origin[UNITS];
  double weight[UNITS];
  size_t choice[UNITS + 1];
  int choice_row[ROWS];
  double choice_weight[ROWS];
  size_t chunk[CHUNKS + 1];
  fm_design design;
} dense;

static inline dense *data_of(const fm_design *design) { return design->storage; }

static inline fm_code dense_work_init(const fm_design *design, fm_work *work) {
  work->design = design;
  work->storage = calloc(BLOCK + 1, sizeof(size_t)); /* the offsets of the block */
  return work->storage != NULL ? FM_OK : FM_NO_MEMORY;
}

static inline void dense_work_free(fm_work *work) {
  free(work->storage);
  work->storage = NULL;
}

static inline void dense_load(const fm_design *design, fm_work *work, size_t b) {
  const dense *data = data_of(design);
  const size_t first = b * BLOCK, n = first + BLOCK < UNITS ? BLOCK : UNITS - first;
  size_t *offset = work->storage;
  for (size_t i = 0; i <= n; i++) {
    offset[i] = data->first_row[first + i] - data->first_row[first];
  }
  work->block = (fm_block){.first = first,
                           .n = n,
                           .first_row = data->first_row[first],
                           .offset = offset,
                           .place = data->place + data->first_row[first],
                           .origin = data->origin + first,
                           .weight = data->weight + first,
                           .choice = data->choice + first,
                           .choice_row = data->choice_row,
                           .choice_weight = data->choice_weight};
}

static inline size_t base_row(const fm_design *design, const fm_work *work) {
  return data_of(design)->first_row[work->block.first];
}

static inline void dense_utility(const fm_design *design, fm_work *work, const double *theta, double *v) {
  const dense *data = data_of(design);
  for (size_t r = 0; r < work->block.offset[work->block.n]; r++) {
    const size_t at = base_row(design, work) + r;
    v[r] = design->n_effects > 0 ? theta[TERMS + data->place[at]] : 0.0;
    for (int k = 0; k < TERMS; k++) {
      v[r] += theta[k] * data->x[at][k];
    }
    v[r] = data->offered[at] ? v[r] : -INFINITY;
  }
}

static inline void dense_along(const fm_design *design, fm_work *work, const double *direction,
                               double *dv) {
  const dense *data = data_of(design);
  for (size_t r = 0; r < work->block.offset[work->block.n]; r++) {
    const size_t at = base_row(design, work) + r;
    dv[r] = design->n_effects > 0 ? direction[TERMS + data->place[at]] : 0.0;
    for (int k = 0; k < TERMS; k++) {
      dv[r] += direction[k] * data->x[at][k];
    }
  }
}

/* The utility of a row of the data, for definitions of models. */
static inline long double dense_worth(const dense *data, const double *theta, size_t row) {
  long double v = data->design.n_effects > 0 ? theta[TERMS + data->place[row]] : 0.0;
  for (int k = 0; k < TERMS; k++) {
    v += (long double)theta[k] * data->x[row][k];
  }
  return data->offered[row] ? v : -INFINITY;
}

static inline void dense_row(const fm_design *design, fm_work *work, size_t i, int at, double *x) {
  memcpy(x, data_of(design)->x[base_row(design, work) + work->block.offset[i] + (size_t)at],
         TERMS * sizeof(double));
}

static inline void dense_project(const fm_design *design, fm_work *work, const double *w, double *y) {
  for (size_t i = 0; i < work->block.n; i++) {
    for (size_t k = 0; k < TERMS; k++) {
      y[i * TERMS + k] = 0.0;
      for (size_t r = work->block.offset[i]; r < work->block.offset[i + 1]; r++) {
        y[i * TERMS + k] += w[r] * data_of(design)->x[base_row(design, work) + r][k];
      }
    }
  }
}

/* z = [x; e_place] of a row of the block. */
static inline void dense_full_row(const fm_design *design, const fm_work *work, size_t r, double *z) {
  const dense *data = data_of(design);
  const size_t at = base_row(design, work) + r;
  memset(z, 0, design->n_linear * sizeof(double));
  memcpy(z, data->x[at], TERMS * sizeof(double));
  if (design->n_effects > 0) {
    z[TERMS + data->place[at]] = 1.0;
  }
}

static inline void dense_score(const fm_design *design, fm_work *work, const double *s, const double *r,
                               double *g) {
  double z[LINEAR];
  for (size_t i = 0; i < work->block.n; i++) {
    for (size_t j = work->block.offset[i]; j < work->block.offset[i + 1]; j++) {
      dense_full_row(design, work, j, z);
      for (size_t k = 0; k < design->n_linear; k++) {
        g[k] += (s ? s[i] : 1.0) * r[j] * z[k];
      }
    }
  }
}

static inline void dense_add_square(size_t n, double x, const double *z, double *h, size_t ld) {
  for (size_t l = 0; l < n; l++) {
    for (size_t k = 0; k <= l; k++) {
      h[k + l * ld] += x * z[k] * z[l];
    }
  }
}

static inline void dense_cross(const fm_design *design, fm_work *work, const double *s, const double *q,
                               double *h, size_t ld) {
  double z[LINEAR];
  for (size_t i = 0; i < work->block.n; i++) {
    for (size_t j = work->block.offset[i]; j < work->block.offset[i + 1]; j++) {
      dense_full_row(design, work, j, z);
      dense_add_square(design->n_linear, (s ? s[i] : 1.0) * q[j], z, h, ld);
    }
  }
}

static inline void dense_outer(const fm_design *design, fm_work *work, const double *s, const double *w,
                               const double *y, double *h, size_t ld) {
  double z[LINEAR];
  for (size_t i = 0; i < work->block.n; i++) {
    memset(z, 0, sizeof z);
    memcpy(z, y + i * TERMS, TERMS * sizeof(double));
    for (size_t j = work->block.offset[i]; j < work->block.offset[i + 1] && design->n_effects > 0; j++) {
      z[TERMS + work->block.place[j]] += w[j];
    }
    dense_add_square(design->n_linear, s[i], z, h, ld);
  }
}

static inline void dense_level(const fm_design *design, fm_work *work, const double *theta, double *out) {
  (void)design, (void)theta;
  memset(out, 0, work->block.n * sizeof(double));
}

static inline void dense_flush(const fm_design *design, fm_work *work, double *h, size_t ld) {
  (void)design, (void)work, (void)h, (void)ld;
}

static inline void dense_free(fm_design *design) { design->storage = NULL; }

static const fm_design_ops dense_ops = {
    dense_work_init, dense_work_free, dense_load,  dense_utility, dense_along, dense_level, dense_row,
    dense_project,   dense_score,     dense_cross, dense_outer,   dense_flush, dense_free,  NULL};

/* ---- random data ------------------------------------------------------------------------------------ */
static inline size_t below(size_t n) { return (size_t)(mu_uniform() * (double)n); }

/* Offers of one unit: some places left out of its rows, others there but not offered; nest 0 (places 0
 * to 2) is empty for every fifth unit; at least two places are offered. */
static inline size_t add_rows(dense *data, size_t i, size_t at) {
  for (int j = 0; j < PLACES; j++) {
    const int empty = i % 5 == 0 && j < 3;
    if (j < 7 && mu_uniform() < 0.15) {
      continue;
    }
    for (int k = 0; k < TERMS; k++) {
      data->x[at][k] = 2.0 * mu_uniform() - 1.0;
    }
    data->place[at] = j;
    data->offered[at] = j >= 7 || (!empty && mu_uniform() < 0.9);
    at++;
  }
  return at;
}

static inline int random_choice(const dense *data, size_t i) {
  const size_t first = data->first_row[i], n = data->first_row[i + 1] - first;
  size_t r = below(n);
  while (!data->offered[first + r]) {
    r = (r + 1) % n;
  }
  return (int)r;
}

/* Every third unit has two choices when merged, the last has none. */
static inline void add_choices(dense *data, int merged) {
  size_t c = 0;
  for (size_t i = 0; i < UNITS; i++) {
    const size_t n = i + 1 == UNITS ? 0 : (merged && i % 3 == 0 ? 2 : 1);
    data->choice[i] = c;
    for (size_t m = 0; m < n; m++, c++) {
      data->choice_row[c] = random_choice(data, i);
      data->choice_weight[c] = 0.5 + mu_uniform();
      data->weight[i] += data->choice_weight[c];
    }
  }
  data->choice[UNITS] = c;
}

static inline dense *make_data(int effects, int merged, unsigned long seed) {
  dense *data = calloc(1, sizeof *data);
  mu_seed(seed);
  for (size_t i = 0; i < UNITS; i++) {
    data->first_row[i + 1] = add_rows(data, i, data->first_row[i]);
    const size_t n = data->first_row[i + 1] - data->first_row[i];
    data->origin[i] = i % 4 == 0 ? -1 : (int)below(n);
  }
  add_choices(data, merged);
  for (size_t c = 0; c <= CHUNKS; c++) {
    data->chunk[c] = 2 * c < BLOCKS ? 2 * c : BLOCKS;
  }
  data->design = (fm_design){.ops = &dense_ops,
                             .kernels = fm_kernels_best(),
                             .n_terms = TERMS,
                             .n_effects = effects ? PLACES : 0,
                             .n_linear = TERMS + (effects ? PLACES : 0),
                             .n_places = PLACES,
                             .n_occasions = UNITS,
                             .n_units = UNITS,
                             .n_numbers = SIZE_MAX, /* so that tests run on several threads */
                             .n_blocks = BLOCKS,
                             .n_chunks = CHUNKS,
                             .chunk = data->chunk,
                             .max_units = BLOCK,
                             .max_rows = BLOCK * PLACES,
                             .storage = data};
  return data;
}

#endif
