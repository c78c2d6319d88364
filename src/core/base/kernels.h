/* kernels.h: the vector loops everything else is made of, chosen at run time for the processor.
 *
 * One source (kernels_impl.h) is compiled for each instruction set the compiler can target, and
 * fm_kernels_best() picks the widest the processor has: no -march flag, no global state. Sums run over the
 * lanes of a vector, so last digits may differ between instruction sets, never between thread counts.
 * Inputs may be unaligned; n = 0 is fine.
 */
#ifndef FM_KERNELS_H
#define FM_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Points in a plane with weights; the arrays go on for FM_BEYOND numbers,
 * which are read but do not count. */
enum { FM_BEYOND = 8 };
/* Columns that `gather` adds at a time. */
enum { FM_PANEL = 32 };
typedef struct fm_points {
  const double *x, *y, *weight;
} fm_points;

typedef struct fm_kernels {
  const char *name; /* "avx512", "avx2" or "base" */
  /* y_i = exp(x_i), within 1 ulp of libm; exp(-inf) = 0, NaN stays NaN. y may be x. */
  void (*exp)(const double *x, double *y, size_t n);
  /* x_i = exp(x_i - shift); returns their sum. */
  double (*exp_less)(double shift, double *x, size_t n);
  /* y_i = log(x_i), within 1 ulp of libm; log(0) = -inf, log of a negative is NaN. y may be x. */
  void (*log)(const double *x, double *y, size_t n);
  double (*max)(const double *x, size_t n); /* -INFINITY when n = 0; NaN entries are ignored */
  double (*sum)(const double *x, size_t n);
  double (*dot)(const double *x, const double *y, size_t n);
  double (*dot3)(const double *x, const double *y, const double *z, size_t n); /* sum x y z */
  void (*axpy)(double a, const double *x, double *y, size_t n);                /* y += a x */
  void (*scale)(double a, double *x, size_t n);                                /* x *= a */
  void (*less)(double a, const double *x, double *y, size_t n);                /* y = x - a; y may be x */
  void (*times)(const double *x, const double *y, double *z, size_t n);        /* z = x y */
  /* y = base + sum_a u[a] c[a*ldc + .], a < m: utilities of one occasion of a cell */
  void (*combine)(const double *base, const double *u, const double *c, size_t ldc, size_t m, double *y,
                  size_t n);
  /* c[i*ldc + k] += sum_j a[i*lda + j] b[k*ldb + j], i < m, k < p: rows times rows */
  void (*gemm_nt)(size_t m, size_t p, size_t n, const double *a, size_t lda, const double *b, size_t ldb,
                  double *c, size_t ldc);
  /* c[k*ldc + j] += sum_i u[i*ldu + k] a[i*lda + j], i < m, k < p, j < n: weighted sums of rows */
  void (*gemm_tn)(size_t m, size_t p, size_t n, const double *u, size_t ldu, const double *a, size_t lda,
                  double *c, size_t ldc);
  /* c += the products of x[0 .. n-1] in pairs, the upper triangle of a 12 x 12 matrix in blocks of four
   * rows: rows 0-3 from column 0, rows 4-7 from column 4, rows 8-11 from column 8, 96 numbers in all.
   * n is 8 or 12. */
  void (*add_squares)(const double *x, size_t n, double *c);
  /* Weight of the points run[0] .. run[1]-1 and run[2] .. run[3]-1 whose squared distance to centre (x, y)
   * is at most `square`; their number is added to count. */
  double (*disc)(const fm_points *points, const size_t *run, const double *centre, double square,
                 double *count);
  /* d_i = scale times the distance of (x_i, y_i) to centre, within a few ulp. */
  void (*distances)(const double *x, const double *y, const double *centre, double scale, double *d,
                    size_t n);
  /* moment[8 b + k] += weight_i t^k, k < 8, for the positions b + 1/2 + t, 0 <= b < n_bins; those beyond
   * the last bin count
   * in its middle. weight may be NULL: 1. */
  void (*bin_powers)(const double *position, const double *weight, size_t n, size_t n_bins, double *moment);
  /* z_i = quantile of the standard normal at u_i in (0, 1), within a few ulp. z may be u. */
  void (*quantile)(const double *u, double *z, size_t n);
  /* u_i in (0, 1): x_i (a number of 32 digits, the first digit lowest) with its digits permuted, each by a
   * permutation that depends on the digits before it and on seed (Owen 1995) */
  void (*scramble)(unsigned int seed, const unsigned int *x, double *u, size_t n);
  /* Each column r < n of v (m rows, ldv apart): v_jr = exp(v_jr) / sum_j exp(v_jr), logsum_r = log sum_j
   * exp(v_jr). n must be a multiple of 8; a column needs a finite entry */
  void (*softmax_rows)(size_t m, size_t n, double *v, size_t ldv, double *logsum);
  /* c_kl += a y_k y_l, entry by entry, for k <= l < m, pairs in the order (0,0), (0,1), ..., (1,1), ...; n
   * must be a multiple of 8 */
  void (*add_pairs)(size_t m, size_t n, double a, const double *y, size_t ldy, double *c, size_t ldc);
  /* sum_j = sum_a value[a] rows[index[a] FM_PANEL + j], a < n, j < FM_PANEL: a weighted sum of some rows */
  void (*gather)(const double *value, const uint32_t *index, size_t n, const double *rows, double *sum);
} fm_kernels;

/* Where the environment has FIRMMOVE_SIMD=base, avx2 or avx512, no wider set is taken: figures of one
 * processor can be had to the bit on a better one. */
const fm_kernels *fm_kernels_best(void);
/* The tables this processor can run, widest first, for tests: n of them. */
size_t fm_kernels_all(const fm_kernels **tables, size_t capacity);

#endif
