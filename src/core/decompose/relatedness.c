/* relatedness.c: blocks of industries, each with all others, side by side.
 * Thread safety: a block writes its own rows.
 */
#include "relatedness.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/kernels.h"
#include "../base/threads.h"

enum { BLOCK = 32, WORD = 64, STRETCH = 512 };

typedef struct relations {
  const fm_presence *presence;
  const fm_relations *out;
  size_t n_words;
  uint64_t *bits; /* n_words x n_industries: the regions of an industry */
  double *row;    /* n_regions x n_industries, row by row */
  double *k, *s;  /* n_industries */
  double total;
  double *density; /* a worker's: BLOCK x n_regions */
} relations;

static unsigned count_bits(uint64_t x) {
  x -= (x >> 1) & 0x5555555555555555ULL;
  x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
  return (unsigned)((x * 0x0101010101010101ULL) >> 56);
}

static unsigned count_both(const relations *r, size_t p, size_t q) {
  const uint64_t *a = r->bits + p * r->n_words, *b = r->bits + q * r->n_words;
  unsigned both = 0;
  for (size_t w = 0; w < r->n_words; w++) {
    both += count_bits(a[w] & b[w]);
  }
  return both;
}

static double related(const relations *r, size_t p, size_t q, double both) {
  const double product = r->s[p] * r->s[q];
  if (both == 0) {
    return 0;
  }
  switch (r->presence->method) {
    case FM_ASSOCIATION:
      return both * r->total / product;
    case FM_PROBABILITY:
      return 2 * both / (product / (r->total - r->s[p]) + product / (r->total - r->s[q]));
    case FM_COSINE:
      return both / sqrt(product);
    case FM_JACCARD:
      return both / (r->s[p] + r->s[q] - both);
    default:
      return both / fmax(r->k[p], r->k[q]);
  }
}

/* Row p of phi, and its pairs with the industries after it. */
static void fill_row(const relations *r, size_t p) {
  const size_t n = r->presence->n_industries, before = p * (2 * n - p - 1) / 2;
  double *phi = r->out->phi + p * n;
  for (size_t q = 0; q < n; q++) {
    const unsigned both = count_both(r, p, q);
    phi[q] = related(r, p, q, (double)both);
    if (q > p && r->out->together != NULL) {
      r->out->together[before + q - p - 1] = (int)both;
    }
  }
  if (r->out->related != NULL) {
    memcpy(r->out->related + before, phi + p + 1, (n - p - 1) * sizeof(double));
  }
  if (!r->presence->self) {
    phi[p] = 0;
  }
}

/* Densities of the industries from .. from + count - 1, a stretch of the others at a time, which stays in
 * the caches. */
static void fill_density(const relations *r, size_t from, size_t count, double *sums) {
  const fm_kernels *kernels = fm_kernels_best();
  const size_t n = r->presence->n_industries, regions = r->presence->n_regions;
  memset(sums, 0, count * regions * sizeof(double));
  for (size_t q = 0; q < n; q += STRETCH) {
    const size_t some = n - q < STRETCH ? n - q : STRETCH;
    kernels->gemm_nt(count, regions, some, r->out->phi + from * n + q, n, r->row + q, n, sums, regions);
  }
  for (size_t p = 0; p < count; p++) {
    const double total = kernels->sum(r->out->phi + (from + p) * n, n);
    double *density = r->out->density + (from + p) * regions;
    for (size_t c = 0; c < regions; c++) {
      density[c] = total > 0 ? sums[p * regions + c] / total : NAN;
    }
  }
}

static fm_code fill_block(void *context, size_t task, size_t worker) {
  const relations *r = context;
  const size_t from = task * BLOCK, left = r->presence->n_industries - from;
  const size_t count = left < BLOCK ? left : BLOCK;
  for (size_t p = from; p < from + count; p++) {
    fill_row(r, p);
  }
  if (r->out->density != NULL) {
    fill_density(r, from, count, r->density + worker * BLOCK * r->presence->n_regions);
  }
  return FM_OK;
}

/* Bits, rows, and the sums of C from the numbers of industries of the regions. */
static void read_presence(relations *r, double *diversity) {
  const size_t n = r->presence->n_industries, regions = r->presence->n_regions;
  for (size_t p = 0; p < n; p++) {
    for (size_t c = 0; c < regions; c++) {
      const int there = r->presence->present[c + p * regions] != 0;
      r->row[c * n + p] = there;
      diversity[c] += there;
      r->k[p] += there;
      r->bits[p * r->n_words + c / WORD] |= (uint64_t)there << (c % WORD);
    }
  }
  for (size_t p = 0; p < n; p++) {
    for (size_t c = 0; c < regions; c++) {
      r->s[p] += r->presence->present[c + p * regions] != 0 ? diversity[c] - 1 : 0;
    }
    r->total += r->s[p];
  }
}

fm_code fm_relatedness(const fm_presence *presence, const fm_relations *out, int threads) {
  const size_t n = presence->n_industries, regions = presence->n_regions;
  const size_t workers = threads > 1 ? (size_t)threads : 1;
  relations r = {.presence = presence, .out = out, .n_words = (regions + WORD - 1) / WORD};
  r.bits = fm_alloc_zero(n * r.n_words, sizeof(uint64_t));
  r.row = fm_alloc(n * regions, sizeof(double));
  r.k = fm_alloc_zero(n, sizeof(double));
  r.s = fm_alloc_zero(n, sizeof(double));
  r.density = fm_alloc(workers * BLOCK * regions, sizeof(double));
  double *diversity = fm_alloc_zero(regions, sizeof(double));
  fm_code code = FM_NO_MEMORY;
  if (r.bits && r.row && r.k && r.s && r.density && diversity) {
    read_presence(&r, diversity);
    const size_t blocks = (n + BLOCK - 1) / BLOCK;
    code = fm_parallel_watched(blocks, threads, fill_block, &r, presence->interrupted, NULL);
  }
  fm_free(r.bits), fm_free(r.row), fm_free(r.k), fm_free(r.s), fm_free(r.density), fm_free(diversity);
  return code;
}
