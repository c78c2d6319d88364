/* draws.c: quasi-random and pseudo-random points. Sequences and arguments: draws.h. */
#include "draws.h"

#include <math.h>

#include "sobol_table.h"

enum { WORD = 32, MOST_DIGITS = 32 };

/* ---- hashes ------------------------------------------------------------------------------------------ */
static const uint64_t golden = 0x9e3779b97f4a7c15ULL;

/* Output function of SplitMix64. */
static uint64_t avalanche(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

uint64_t fm_mix(uint64_t a, uint64_t b) { return avalanche(avalanche(a + golden) + golden * (b + 1)); }

/* The key of a dimension of a set. */
static uint64_t key_of(const fm_draws *draws, size_t set, size_t dim) {
  return fm_mix(fm_mix(draws->seed, set), dim);
}

/* Number `at` of the stream of a key, inside (0, 1). */
static double uniform(uint64_t key, uint64_t at) {
  return ((double)(avalanche(key + golden * (at + 1)) >> 11) + 0.5) * 0x1p-53;
}

/* A whole number below n from the stream of a key; n is far below 2^53. */
static size_t below(uint64_t key, uint64_t at, size_t n) { return (size_t)(uniform(key, at) * (double)n); }

/* ---- Sobol ------------------------------------------------------------------------------------------- */
/* v[b]: the direction number for bit b of the index, the first digit highest. */
static void directions(size_t dim, unsigned *v) {
  if (dim == 0) {
    for (unsigned b = 0; b < WORD; b++) {
      v[b] = 1u << (31 - b);
    }
    return;
  }
  const struct sobol_polynomial *polynomial = &sobol_polynomials[dim - 1];
  const unsigned s = polynomial->degree;
  for (unsigned b = 0; b < WORD; b++) {
    if (b < s) {
      v[b] = polynomial->direction[b] << (31 - b);
      continue;
    }
    v[b] = v[b - s] ^ (v[b - s] >> s);
    for (unsigned k = 1; k < s; k++) {
      v[b] ^= ((polynomial->coefficients >> (s - 1 - k)) & 1u) * v[b - k];
    }
  }
}

static unsigned reversed(unsigned x) {
  unsigned y = 0;
  for (unsigned b = 0; b < WORD; b++) {
    y |= ((x >> b) & 1u) << (31 - b);
  }
  return y;
}

/* Point i + 1 differs from point i by the direction number of the lowest zero bit
 * of i (Antonov and Saleev). */
void fm_sobol_points(size_t n_dims, size_t n_draws, unsigned *points) {
  for (size_t dim = 0; dim < n_dims; dim++) {
    unsigned v[WORD], x = 0;
    directions(dim, v);
    for (size_t i = 0; i < n_draws; i++) {
      points[dim * n_draws + i] = reversed(x);
      unsigned bit = 0;
      while (bit < WORD - 1 && ((i >> bit) & 1u)) {
        bit++;
      }
      x ^= v[bit];
    }
  }
}

static void sobol(const fm_draws *draws, const fm_kernels *kernels, size_t set, size_t dim, double *u) {
  const unsigned *points = draws->points + dim * draws->n_draws;
  if (draws->scramble) {
    kernels->scramble((unsigned)(key_of(draws, set, dim) >> 32), points, u, draws->n_draws);
    return;
  }
  for (size_t i = 0; i < draws->n_draws; i++) {
    u[i] = ((double)reversed(points[i]) + 0.5) * 0x1p-32;
  }
}

/* ---- Halton ------------------------------------------------------------------------------------------ */
static const unsigned primes[FM_DRAWS_DIMENSIONS] = {
    2,   3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,  47,  53,
    59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103, 107, 109, 113, 127, 131,
    137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223,
    227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283, 293, 307, 311};

/* The radical inverse of a running index. */
typedef struct radical {
  unsigned base, n;            /* n digits are enough for 32 bits */
  unsigned digit[MOST_DIGITS]; /* of the index, lowest first */
  double weight[MOST_DIGITS];  /* base^-(k + 1) */
  unsigned factor;             /* digit d counts as factor d + shift modulo the base */
  unsigned shift[MOST_DIGITS];
  double sum[MOST_DIGITS + 1]; /* of the digits from k on, so that a step adds up what it changed only */
} radical;

static void add_digit(radical *r, unsigned k) {
  const unsigned d = (r->factor * r->digit[k] + r->shift[k]) % r->base;
  r->sum[k] = r->sum[k + 1] + (double)d * r->weight[k];
}

static void radical_start(radical *r, const fm_draws *draws, size_t dim, uint64_t index) {
  const uint64_t key = key_of(draws, (size_t)-1, dim);
  *r = (radical){.base = primes[dim], .factor = 1};
  if (draws->scramble) {
    r->factor = 1 + (unsigned)below(key, 0, r->base - 1);
  }
  double weight = 1.0;
  for (unsigned k = 0; k < MOST_DIGITS && weight > 0x1p-32; k++, r->n++) {
    weight /= (double)r->base;
    r->weight[k] = weight;
    r->digit[k] = (unsigned)(index % r->base);
    index /= r->base;
    r->shift[k] = draws->scramble ? (unsigned)below(key, k + 1, r->base) : 0;
  }
  for (unsigned k = r->n; k > 0; k--) {
    add_digit(r, k - 1);
  }
}

static void radical_next(radical *r) {
  unsigned k = 0;
  while (k < r->n && ++r->digit[k] == r->base) {
    r->digit[k++] = 0;
  }
  for (k = k < r->n ? k + 1 : r->n; k > 0; k--) {
    add_digit(r, k - 1);
  }
}

/* Scrambled, the middle of the cell that the digits leave open; plain, the point itself: it is never 0. */
static void halton(const fm_draws *draws, size_t set, size_t dim, double *u) {
  radical r;
  radical_start(&r, draws, dim, (uint64_t)draws->burn + (uint64_t)set * draws->n_draws + 1);
  const double half = draws->scramble ? 0.5 * r.weight[r.n - 1] : 0.0;
  for (size_t i = 0; i < draws->n_draws; i++) {
    u[i] = r.sum[0] + half;
    radical_next(&r);
  }
}

/* ---- the others -------------------------------------------------------------------------------------- */
static void latin(const fm_draws *draws, size_t set, size_t dim, double *u) {
  const uint64_t key = key_of(draws, set, dim);
  const double n = (double)draws->n_draws, shift = uniform(key, 0);
  for (size_t i = 0; i < draws->n_draws; i++) {
    u[i] = ((double)i + shift) / n;
  }
  for (size_t i = draws->n_draws; i > 1; i--) {
    const size_t j = below(key, i, i);
    const double keep = u[i - 1];
    u[i - 1] = u[j];
    u[j] = keep;
  }
}

static void pseudo_random(const fm_draws *draws, size_t set, size_t dim, double *u) {
  const uint64_t key = key_of(draws, set, dim);
  for (size_t i = 0; i < draws->n_draws; i++) {
    u[i] = uniform(key, i);
  }
}

static void stored(const fm_draws *draws, size_t set, size_t dim, double *u) {
  const size_t row = draws->n_stored > 1 ? set : 0;
  for (size_t i = 0; i < draws->n_draws; i++) {
    u[i] = draws->stored[row + draws->n_stored * (i + draws->n_draws * dim)];
  }
}

void fm_draws_set(const fm_draws *draws, const fm_kernels *kernels, size_t set, double *u, size_t stride) {
  for (size_t dim = 0; dim < draws->n_dims; dim++, u += stride) {
    switch (draws->sequence) {
      case FM_SOBOL:
        sobol(draws, kernels, set, dim, u);
        break;
      case FM_HALTON:
        halton(draws, set, dim, u);
        break;
      case FM_MLHS:
        latin(draws, set, dim, u);
        break;
      case FM_RANDOM:
        pseudo_random(draws, set, dim, u);
        break;
      case FM_STORED:
        stored(draws, set, dim, u);
        break;
    }
  }
}

fm_code fm_draws_check(const fm_draws *draws, fm_error *err) {
  const int bounded = draws->sequence == FM_SOBOL || draws->sequence == FM_HALTON;
  if (draws->n_draws == 0) {
    return fm_fail(err, FM_INVALID, "there must be at least one draw");
  }
  if (bounded && draws->n_dims > FM_DRAWS_DIMENSIONS) {
    return fm_fail(err, FM_INVALID, "%zu random coefficients; this sequence of draws has %d dimensions",
                   draws->n_dims, (int)FM_DRAWS_DIMENSIONS);
  }
  if ((draws->sequence == FM_SOBOL && draws->points == NULL) ||
      (draws->sequence == FM_STORED && (draws->stored == NULL || draws->n_stored == 0))) {
    return fm_fail(err, FM_INVALID, "the draws are not there");
  }
  return FM_OK;
}
