/* draws.h: points of the unit cube for simulated likelihoods, made when they are needed.
 *
 * A *set* is the points of one firm: n_draws points of n_dims coordinates, a function of (sequence, seed,
 * set) alone. So every thread makes the sets of its firms itself, no firm's draws are kept, and results
 * depend neither on the number of threads nor on the order of the work.
 *
 *   FM_SOBOL   the first n_draws points of Sobol's sequence with the direction numbers of Joe and Kuo
 *              (2008), up to 64 dimensions. Scrambled: digits permuted as by Owen (1995), anew for each set
 *              and dimension, by the hash of Laine and Karras (2011) with the constants of Burley (2020).
 *   FM_HALTON  Halton's sequence in the first 64 primes, cut into consecutive pieces after `burn` points, a
 *              piece for each set. Scrambled: digit d at position k becomes h d + g_k modulo the prime
 *              (Matousek 1998), h and g_k drawn once for each dimension.
 *   FM_MLHS    modified latin hypercube (Hess, Train and Polak 2006): (permutation of 0 .. n-1 + shift) /
 *              n, for each set and dimension.
 *   FM_RANDOM  independent uniform numbers from the counter-based generator of Steele,
 *              Lea and Flood (2014).
 *   FM_STORED  what the caller gives: stored[set + n_stored (draw + n_draws dimension)]; n_stored = 1: the
 *              same for all sets.
 *
 * Thread safety: a description is read-only; output belongs to the caller.
 */
#ifndef FM_DRAWS_H
#define FM_DRAWS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels.h"
#include "status.h"

typedef enum fm_sequence { FM_SOBOL, FM_HALTON, FM_MLHS, FM_RANDOM, FM_STORED } fm_sequence;

enum { FM_DRAWS_DIMENSIONS = 64 }; /* of FM_SOBOL and FM_HALTON */

typedef struct fm_draws {
  fm_sequence sequence;
  size_t n_dims, n_draws;
  uint64_t seed;
  int scramble;           /* of FM_SOBOL and FM_HALTON */
  size_t burn;            /* points of FM_HALTON left out at the start */
  const unsigned *points; /* of FM_SOBOL: what fm_sobol_points() gives */
  const double *stored;   /* of FM_STORED */
  size_t n_stored;        /* its sets */
} fm_draws;

/* FM_INVALID with words where the description is impossible. */
fm_code fm_draws_check(const fm_draws *draws, fm_error *err);

/* points (n_dims x n_draws): Sobol's points as numbers of 32 binary digits, the first digit lowest. */
void fm_sobol_points(size_t n_dims, size_t n_draws, unsigned *points);

/* u (n_dims rows, stride apart) = the points of a set, inside (0, 1); stored ones as they are. */
void fm_draws_set(const fm_draws *draws, const fm_kernels *kernels, size_t set, double *u, size_t stride);

/* A hash of two numbers, for seeds that depend on several. */
uint64_t fm_mix(uint64_t a, uint64_t b);

#endif
