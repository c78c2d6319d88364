/* kernels_impl.h: the body of the vector kernels, included by kernels.c once per instruction set.
 *
 * The including file defines
 *   FM_NAME(f)   the name f gets in this instruction set
 *   FM_TARGET    the function attribute that selects it (may be empty)
 *   FM_VECTOR_BYTES     width of a vector in bytes
 *   FM_COLS      columns of a register tile (vectors of accumulators it leaves room for)
 * Vectors are the compilers' generic ones, so there is one source and no intrinsics. A sum runs over
 * the lanes of a vector and then over its rest in order, the same for every call of the same length.
 */

#define FM_LANES (FM_VECTOR_BYTES / 8)
#define FM_INLINE static inline __attribute__((always_inline)) FM_TARGET

typedef double FM_NAME(vec) __attribute__((vector_size(FM_VECTOR_BYTES)));
typedef double FM_NAME(mem) __attribute__((vector_size(FM_VECTOR_BYTES), aligned(8), may_alias));
typedef long long FM_NAME(ivec) __attribute__((vector_size(FM_VECTOR_BYTES)));
typedef unsigned long long FM_NAME(uvec) __attribute__((vector_size(FM_VECTOR_BYTES)));
#define vec FM_NAME(vec)
#define mem FM_NAME(mem)
#define ivec FM_NAME(ivec)
#define uvec FM_NAME(uvec)

#define LOAD(p) (*(const mem *)(p))
#define STORE(p, x) (*(mem *)(p) = (x))
#define SPLAT(a) ((vec){0} + (a))
#define SELECT(mask, a, b) ((vec)(((mask) & (ivec)(a)) | (~(mask) & (ivec)(b))))

FM_INLINE double FM_NAME(lanes)(vec a) {
  double total = 0.0;
  for (size_t l = 0; l < FM_LANES; l++) {
    total += a[l];
  }
  return total;
}

/* ---- exp ------------------------------------------------------------------------------------------
 * x = n log 2 + r with |r| <= log(2)/2; exp(r) by its series to r^13/13!, added from the small end with
 * the rounding of 1 + r carried along; the power 2^n is multiplied on in two halves, so that results
 * below the normal range come out too. */
FM_INLINE vec FM_NAME(exp_lanes)(vec v) {
  const double shift = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to an integer */
  const double log2e = 1.44269504088896338700e+00;
  const double ln2_hi = 6.93147180369123816490e-01, ln2_lo = 1.90821492927058770002e-10;
  const vec bounded_above = SELECT(v > SPLAT(709.8), SPLAT(709.8), v);
  const vec a = SELECT(bounded_above < SPLAT(-746.0), SPLAT(-746.0), bounded_above);
  const vec shifted = a * log2e + shift;
  const vec whole = shifted - shift;
  const vec hi = a - whole * ln2_hi;
  const vec lo = whole * ln2_lo;
  const vec r = hi - lo;
  const vec r2 = r * r;
  const vec r4 = r2 * r2;
  const vec q0 = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
  const vec q1 = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
  const vec q2 = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800.0));
  const vec tail = r2 * (q0 + r4 * (q1 + r4 * q2)) - lo;
  const vec one = hi + 1.0;
  const vec value = one + (tail + (hi - (one - 1.0)));
  const ivec power = (ivec)((uvec)shifted - (uvec)SPLAT(shift));
  const ivec half = power >> 1;
  const vec scale1 = (vec)((uvec)(half + 1023) << 52);
  const vec scale2 = (vec)((uvec)(power - half + 1023) << 52);
  vec result = value * scale1 * scale2;
  result = SELECT(v > SPLAT(709.782712893384), SPLAT(HUGE_VAL), result);
  return SELECT(v < SPLAT(-745.133219101941), SPLAT(0.0), result);
}

FM_TARGET static void FM_NAME(exp_)(const double *x, double *y, size_t n) {
  size_t i = 0;
  for (; i + FM_LANES <= n; i += FM_LANES) {
    STORE(y + i, FM_NAME(exp_lanes)(LOAD(x + i)));
  }
  if (i < n) {
    vec v = SPLAT(0.0);
    memcpy(&v, x + i, (n - i) * sizeof(double));
    v = FM_NAME(exp_lanes)(v);
    memcpy(y + i, &v, (n - i) * sizeof(double));
  }
}

FM_TARGET static double FM_NAME(exp_less_)(double shift, double *x, size_t n) {
  vec total = SPLAT(0.0);
  size_t i = 0;
  for (; i + FM_LANES <= n; i += FM_LANES) {
    const vec v = FM_NAME(exp_lanes)(LOAD(x + i) - shift);
    STORE(x + i, v);
    total += v;
  }
  if (i < n) {
    vec v = SPLAT(-HUGE_VAL);
    memcpy(&v, x + i, (n - i) * sizeof(double));
    v = FM_NAME(exp_lanes)(v - shift);
    memcpy(x + i, &v, (n - i) * sizeof(double));
    total += v;
  }
  return FM_NAME(lanes)(total);
}

/* ---- log ------------------------------------------------------------------------------------------
 * x = 2^k m with m in [sqrt(1/2), sqrt(2)), f = m - 1, s = f / (2 + f): log m = f - f^2/2 +
 * s (f^2/2 + R(s^2)) with the odd series of log((1 + s) / (1 - s)) for R. */
FM_INLINE vec FM_NAME(log_lanes)(vec v) {
  const double ln2_hi = 6.93147180369123816490e-01, ln2_lo = 1.90821492927058770002e-10;
  const ivec tiny = v < SPLAT(2.2250738585072014e-308);
  const vec a = SELECT(tiny, v * 18014398509481984.0, v); /* 2^54 */
  const uvec bits = (uvec)a;
  /* adding 2^52 - bits of sqrt(1/2) carries into the exponent exactly when m >= sqrt(1/2) */
  const uvec exponent = (bits + (0x3ff0000000000000ULL - 0x3fe6a09e667f3bcdULL)) >> 52;
  const uvec k = exponent - 1023 - ((uvec)tiny & 54);
  const vec m = (vec)(bits - (exponent << 52) + (1023ULL << 52));
  const vec f = m - 1.0;
  const vec s = f / (f + 2.0);
  const vec z = s * s;
  const vec w = z * z;
  const vec t1 = w * (0.3999999999940941908 + w * (0.2222219843214978396 + w * 0.1531383769920937332));
  const vec t2 =
      z * (0.6666666666666735130 +
           w * (0.2857142874366239149 + w * (0.1818357216161805012 + w * 0.1479819860511658591)));
  const vec half_square = 0.5 * f * f;
  /* integers this small become doubles by the same trick as in exp, backwards */
  const vec kd = (vec)(k + (uvec)SPLAT(6755399441055744.0)) - 6755399441055744.0;
  const vec body = s * (half_square + t1 + t2) + kd * ln2_lo;
  vec result = kd * ln2_hi - ((half_square - body) - f);
  result = SELECT(v == SPLAT(HUGE_VAL), v, result);
  result = SELECT(v == SPLAT(0.0), SPLAT(-HUGE_VAL), result);
  return SELECT((v < SPLAT(0.0)) | ~(v == v), SPLAT(FM_NAN), result);
}

FM_TARGET static void FM_NAME(log_)(const double *x, double *y, size_t n) {
  size_t i = 0;
  for (; i + FM_LANES <= n; i += FM_LANES) {
    STORE(y + i, FM_NAME(log_lanes)(LOAD(x + i)));
  }
  if (i < n) {
    vec v = SPLAT(1.0);
    memcpy(&v, x + i, (n - i) * sizeof(double));
    v = FM_NAME(log_lanes)(v);
    memcpy(y + i, &v, (n - i) * sizeof(double));
  }
}

/* ---- one-dimensional loops ------------------------------------------------------------------------ */
FM_TARGET static double FM_NAME(max_)(const double *x, size_t n) {
  vec best = SPLAT(-HUGE_VAL);
  size_t i = 0;
  for (; i + FM_LANES <= n; i += FM_LANES) {
    const vec v = LOAD(x + i);
    best = SELECT(v > best, v, best);
  }
  double top = -HUGE_VAL;
  for (size_t l = 0; l < FM_LANES; l++) {
    top = best[l] > top ? best[l] : top;
  }
  for (; i < n; i++) {
    top = x[i] > top ? x[i] : top;
  }
  return top;
}

FM_TARGET static double FM_NAME(sum_)(const double *x, size_t n) {
  vec a = SPLAT(0.0), b = SPLAT(0.0);
  size_t i = 0;
  for (; i + 2 * FM_LANES <= n; i += 2 * FM_LANES) {
    a += LOAD(x + i);
    b += LOAD(x + i + FM_LANES);
  }
  double total = FM_NAME(lanes)(a + b);
  for (; i < n; i++) {
    total += x[i];
  }
  return total;
}

FM_TARGET static double FM_NAME(dot_)(const double *x, const double *y, size_t n) {
  vec a = SPLAT(0.0), b = SPLAT(0.0);
  size_t i = 0;
  for (; i + 2 * FM_LANES <= n; i += 2 * FM_LANES) {
    a += LOAD(x + i) * LOAD(y + i);
    b += LOAD(x + i + FM_LANES) * LOAD(y + i + FM_LANES);
  }
  double total = FM_NAME(lanes)(a + b);
  for (; i < n; i++) {
    total += x[i] * y[i];
  }
  return total;
}

FM_TARGET static double FM_NAME(dot3_)(const double *x, const double *y, const double *z, size_t n) {
  vec a = SPLAT(0.0), b = SPLAT(0.0);
  size_t i = 0;
  for (; i + 2 * FM_LANES <= n; i += 2 * FM_LANES) {
    a += LOAD(x + i) * LOAD(y + i) * LOAD(z + i);
    b += LOAD(x + i + FM_LANES) * LOAD(y + i + FM_LANES) * LOAD(z + i + FM_LANES);
  }
  double total = FM_NAME(lanes)(a + b);
  for (; i < n; i++) {
    total += x[i] * y[i] * z[i];
  }
  return total;
}

FM_TARGET static void FM_NAME(axpy_)(double a, const double *x, double *y, size_t n) {
  size_t i = 0;
  for (; i + FM_LANES <= n; i += FM_LANES) {
    STORE(y + i, LOAD(y + i) + a * LOAD(x + i));
  }
  for (; i < n; i++) {
    y[i] += a * x[i];
  }
}

FM_TARGET static void FM_NAME(scale_)(double a, double *x, size_t n) {
  size_t i = 0;
  for (; i + FM_LANES <= n; i += FM_LANES) {
    STORE(x + i, a * LOAD(x + i));
  }
  for (; i < n; i++) {
    x[i] *= a;
  }
}

FM_TARGET static void FM_NAME(less_)(double a, const double *x, double *y, size_t n) {
  size_t i = 0;
  for (; i + FM_LANES <= n; i += FM_LANES) {
    STORE(y + i, LOAD(x + i) - a);
  }
  for (; i < n; i++) {
    y[i] = x[i] - a;
  }
}

FM_TARGET static void FM_NAME(times_)(const double *x, const double *y, double *z, size_t n) {
  size_t i = 0;
  for (; i + FM_LANES <= n; i += FM_LANES) {
    STORE(z + i, LOAD(x + i) * LOAD(y + i));
  }
  for (; i < n; i++) {
    z[i] = x[i] * y[i];
  }
}

FM_TARGET static void FM_NAME(combine_)(const double *base, const double *u, const double *c, size_t ldc,
                                        size_t m, double *y, size_t n) {
  size_t j = 0;
  for (; j + FM_LANES <= n; j += FM_LANES) {
    vec v = LOAD(base + j);
    for (size_t a = 0; a < m; a++) {
      v += u[a] * LOAD(c + a * ldc + j);
    }
    STORE(y + j, v);
  }
  for (; j < n; j++) {
    double v = base[j];
    for (size_t a = 0; a < m; a++) {
      v += u[a] * c[a * ldc + j];
    }
    y[j] = v;
  }
}

/* ---- rows times rows ------------------------------------------------------------------------------ */
/* A tile of rows x cols dot products, kept in registers; rows and cols are constants where inlined. */
FM_INLINE void FM_NAME(nt_tile)(size_t rows, size_t cols, size_t n, const double *a, size_t lda,
                                const double *b, size_t ldb, double *c, size_t ldc) {
  vec acc[4][4];
  for (size_t i = 0; i < rows; i++) {
    for (size_t k = 0; k < cols; k++) {
      acc[i][k] = SPLAT(0.0);
    }
  }
  size_t j = 0;
  for (; j + FM_LANES <= n; j += FM_LANES) {
    vec right[4];
#pragma GCC unroll 4
    for (size_t k = 0; k < cols; k++) {
      right[k] = LOAD(b + k * ldb + j);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < rows; i++) {
      const vec left = LOAD(a + i * lda + j);
#pragma GCC unroll 4
      for (size_t k = 0; k < cols; k++) {
        acc[i][k] += left * right[k];
      }
    }
  }
  for (size_t i = 0; i < rows; i++) {
    for (size_t k = 0; k < cols; k++) {
      double total = FM_NAME(lanes)(acc[i][k]);
      for (size_t rest = j; rest < n; rest++) {
        total += a[i * lda + rest] * b[k * ldb + rest];
      }
      c[i * ldc + k] += total;
    }
  }
}

/* All columns for a strip of `rows` rows. */
FM_INLINE void FM_NAME(nt_strip)(size_t rows, size_t p, size_t n, const double *a, size_t lda,
                                 const double *b, size_t ldb, double *c, size_t ldc) {
  size_t k = 0;
  for (; k + FM_COLS <= p; k += FM_COLS) {
    FM_NAME(nt_tile)(rows, FM_COLS, n, a, lda, b + k * ldb, ldb, c + k, ldc);
  }
#if FM_COLS == 4
  if (k + 2 <= p) {
    FM_NAME(nt_tile)(rows, 2, n, a, lda, b + k * ldb, ldb, c + k, ldc);
    k += 2;
  }
#endif
  if (k < p) {
    FM_NAME(nt_tile)(rows, 1, n, a, lda, b + k * ldb, ldb, c + k, ldc);
  }
}

FM_TARGET static void FM_NAME(gemm_nt_)(size_t m, size_t p, size_t n, const double *a, size_t lda,
                                        const double *b, size_t ldb, double *c, size_t ldc) {
  size_t i = 0;
  for (; i + 4 <= m; i += 4) {
    FM_NAME(nt_strip)(4, p, n, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
  }
  for (; i < m; i++) {
    FM_NAME(nt_strip)(1, p, n, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
  }
}

/* ---- weighted sums of rows ------------------------------------------------------------------------ */
/* `cols` weighted sums over a strip of `width` vectors starting at column j. */
FM_INLINE void FM_NAME(tn_tile)(size_t cols, size_t width, size_t m, const double *u, size_t ldu,
                                const double *a, size_t lda, double *c, size_t ldc) {
  vec acc[4][2];
#pragma GCC unroll 4
  for (size_t k = 0; k < cols; k++) {
#pragma GCC unroll 2
    for (size_t l = 0; l < width; l++) {
      acc[k][l] = LOAD(c + k * ldc + l * FM_LANES);
    }
  }
  for (size_t i = 0; i < m; i++) {
    vec row[2];
#pragma GCC unroll 2
    for (size_t l = 0; l < width; l++) {
      row[l] = LOAD(a + i * lda + l * FM_LANES);
    }
#pragma GCC unroll 4
    for (size_t k = 0; k < cols; k++) {
#pragma GCC unroll 2
      for (size_t l = 0; l < width; l++) {
        acc[k][l] += u[i * ldu + k] * row[l];
      }
    }
  }
#pragma GCC unroll 4
  for (size_t k = 0; k < cols; k++) {
#pragma GCC unroll 2
    for (size_t l = 0; l < width; l++) {
      STORE(c + k * ldc + l * FM_LANES, acc[k][l]);
    }
  }
}

/* All columns j for `cols` sums. */
FM_INLINE void FM_NAME(tn_strip)(size_t cols, size_t m, size_t n, const double *u, size_t ldu,
                                 const double *a, size_t lda, double *c, size_t ldc) {
  size_t j = 0;
  for (; j + 2 * FM_LANES <= n; j += 2 * FM_LANES) {
    FM_NAME(tn_tile)(cols, 2, m, u, ldu, a + j, lda, c + j, ldc);
  }
  if (j + FM_LANES <= n) {
    FM_NAME(tn_tile)(cols, 1, m, u, ldu, a + j, lda, c + j, ldc);
    j += FM_LANES;
  }
  for (; j < n; j++) {
    for (size_t k = 0; k < cols; k++) {
      double total = c[k * ldc + j];
      for (size_t i = 0; i < m; i++) {
        total += u[i * ldu + k] * a[i * lda + j];
      }
      c[k * ldc + j] = total;
    }
  }
}

FM_TARGET static void FM_NAME(gemm_tn_)(size_t m, size_t p, size_t n, const double *u, size_t ldu,
                                        const double *a, size_t lda, double *c, size_t ldc) {
  size_t k = 0;
  for (; k + 4 <= p; k += 4) {
    FM_NAME(tn_strip)(4, m, n, u + k, ldu, a, lda, c + k * ldc, ldc);
  }
  if (k + 2 <= p) {
    FM_NAME(tn_strip)(2, m, n, u + k, ldu, a, lda, c + k * ldc, ldc);
    k += 2;
  }
  if (k < p) {
    FM_NAME(tn_strip)(1, m, n, u + k, ldu, a, lda, c + k * ldc, ldc);
  }
}

/* ---- squares of a short vector -------------------------------------------------------------------- */
/* Vectors of four lanes at most: rows of 12, 8 and 4 have whole ones. */
#define FM_SHORT (FM_VECTOR_BYTES < 32 ? FM_VECTOR_BYTES : 32)
typedef double FM_NAME(few) __attribute__((vector_size(FM_SHORT), aligned(8), may_alias));

/* Four rows of `stride`, of which the first `used` columns: constants where inlined. */
FM_INLINE void FM_NAME(four_rows)(const double *x, size_t used, size_t stride, double *c) {
  enum { STEP = FM_SHORT / 8 };
#pragma GCC unroll 4
  for (size_t a = 0; a < 4; a++) {
#pragma GCC unroll 6
    for (size_t b = 0; b < used; b += STEP) {
      FM_NAME(few) *to = (FM_NAME(few) *)(c + a * stride + b);
      *to += x[a] * *(const FM_NAME(few) *)(x + b);
    }
  }
}

FM_TARGET static void FM_NAME(add_squares_)(const double *x, size_t n, double *c) {
  if (n == 12) {
    FM_NAME(four_rows)(x, 12, 12, c);
    FM_NAME(four_rows)(x + 4, 8, 8, c + 48);
    FM_NAME(four_rows)(x + 8, 4, 4, c + 80);
  } else {
    FM_NAME(four_rows)(x, 8, 12, c);
    FM_NAME(four_rows)(x + 4, 4, 8, c + 48);
  }
}

#include "kernels_points.h"

/* ---- draws ---------------------------------------------------------------------------------------- */
/* The quantile of the standard normal by two rational functions, for the middle and for the tails
 * (Wichura 1988, AS 241), and a third for the far tails. */
FM_INLINE vec FM_NAME(ratio)(vec r, const double *a, const double *b) {
  vec above = SPLAT(a[7]), below = SPLAT(b[7]);
  for (int k = 6; k >= 0; k--) {
    above = above * r + a[k];
    below = below * r + b[k];
  }
  return above / below;
}

FM_INLINE vec FM_NAME(quantile_lanes)(vec u) {
  const vec q = u - 0.5;
  const vec middle = q * FM_NAME(ratio)(0.180625 - q * q, fm_middle_above, fm_middle_below);
  const ivec lower = q < SPLAT(0.0);
  /* the distance from the nearer end, and the root of minus its logarithm, without a square root */
  const vec end = SELECT(lower, u, 1.0 - u);
  const vec minus_log = -FM_NAME(log_lanes)(end);
  const vec r = FM_NAME(exp_lanes)(0.5 * FM_NAME(log_lanes)(minus_log));
  vec tail = FM_NAME(ratio)(r - 1.6, fm_tail_above, fm_tail_below);
  const vec far = FM_NAME(ratio)(r - 5.0, fm_far_above, fm_far_below);
  tail = SELECT(r > SPLAT(5.0), far, tail);
  tail = SELECT(lower, -tail, tail);
  return SELECT((q <= SPLAT(0.425)) & (q >= SPLAT(-0.425)), middle, tail);
}

FM_TARGET static void FM_NAME(quantile_)(const double *u, double *z, size_t n) {
  size_t i = 0;
  for (; i + FM_LANES <= n; i += FM_LANES) {
    STORE(z + i, FM_NAME(quantile_lanes)(LOAD(u + i)));
  }
  if (i < n) {
    vec v = SPLAT(0.5);
    memcpy(&v, u + i, (n - i) * sizeof(double));
    v = FM_NAME(quantile_lanes)(v);
    memcpy(z + i, &v, (n - i) * sizeof(double));
  }
}

typedef unsigned int FM_NAME(word) __attribute__((vector_size(FM_VECTOR_BYTES / 2)));
typedef int FM_NAME(signed_word) __attribute__((vector_size(FM_VECTOR_BYTES / 2)));
#define word FM_NAME(word)

FM_INLINE word FM_NAME(reverse_bits)(word x) {
  x = ((x >> 1) & 0x55555555u) | ((x & 0x55555555u) << 1);
  x = ((x >> 2) & 0x33333333u) | ((x & 0x33333333u) << 2);
  x = ((x >> 4) & 0x0f0f0f0fu) | ((x & 0x0f0f0f0fu) << 4);
  x = ((x >> 8) & 0x00ff00ffu) | ((x & 0x00ff00ffu) << 8);
  return (x >> 16) | (x << 16);
}

/* A bit of the product with an even number depends on lower bits alone: each step is a nested permutation
 * of the reversed digits (Laine and Karras 2011; constants of Burley 2020). */
FM_TARGET static void FM_NAME(scramble_)(unsigned int seed, const unsigned int *x, double *u, size_t n) {
  for (size_t i = 0; i < n; i += FM_LANES) {
    const size_t here = n - i < FM_LANES ? n - i : FM_LANES;
    word w = {0};
    memcpy(&w, x + i, here * sizeof(unsigned int));
    w += seed;
    w ^= w * 0x6c50b47cu;
    w ^= w * 0xb82f1e52u;
    w ^= w * 0xc7afe638u;
    w ^= w * 0x8d22f6e6u;
    w = FM_NAME(reverse_bits)(w) ^ 0x80000000u;
    const vec v = __builtin_convertvector((FM_NAME(signed_word))w, vec);
    const vec inside = (v + 2147483648.5) * 2.3283064365386963e-10; /* 2^-32 */
    memcpy(u + i, &inside, here * sizeof(double));
  }
}

/* ---- a column of lanes for each draw ---------------------------------------------------------------- */
FM_TARGET static void FM_NAME(softmax_rows_)(size_t m, size_t n, double *v, size_t ldv, double *logsum) {
  for (size_t r = 0; r < n; r += FM_LANES) {
    vec top = LOAD(v + r), total = SPLAT(0.0);
    for (size_t j = 1; j < m; j++) {
      const vec x = LOAD(v + j * ldv + r);
      top = SELECT(x > top, x, top);
    }
    for (size_t j = 0; j < m; j++) {
      const vec x = FM_NAME(exp_lanes)(LOAD(v + j * ldv + r) - top);
      STORE(v + j * ldv + r, x);
      total += x;
    }
    const vec share = 1.0 / total;
    for (size_t j = 0; j < m; j++) {
      STORE(v + j * ldv + r, LOAD(v + j * ldv + r) * share);
    }
    STORE(logsum + r, top + FM_NAME(log_lanes)(total));
  }
}

FM_TARGET static void FM_NAME(add_pairs_)(size_t m, size_t n, double a, const double *y, size_t ldy,
                                          double *c, size_t ldc) {
  for (size_t k = 0; k < m; k++) {
    for (size_t l = k; l < m; l++, c += ldc) {
      for (size_t r = 0; r < n; r += FM_LANES) {
        STORE(c + r, LOAD(c + r) + a * LOAD(y + k * ldy + r) * LOAD(y + l * ldy + r));
      }
    }
  }
}

FM_TARGET static void FM_NAME(gather_)(const double *value, const uint32_t *index, size_t n,
                                       const double *rows, double *sum) {
  vec total[FM_PANEL / FM_LANES] = {{0}};
  for (size_t a = 0; a < n; a++) {
    const double *row = rows + (size_t)index[a] * FM_PANEL;
    for (size_t l = 0; l < FM_PANEL / FM_LANES; l++) {
      total[l] += value[a] * LOAD(row + l * FM_LANES);
    }
  }
  for (size_t l = 0; l < FM_PANEL / FM_LANES; l++) {
    STORE(sum + l * FM_LANES, total[l]);
  }
}

static const fm_kernels FM_NAME(table) = {
    FM_LABEL,           FM_NAME(exp_),          FM_NAME(exp_less_),   FM_NAME(log_),
    FM_NAME(max_),      FM_NAME(sum_),          FM_NAME(dot_),        FM_NAME(dot3_),
    FM_NAME(axpy_),     FM_NAME(scale_),        FM_NAME(less_),       FM_NAME(times_),
    FM_NAME(combine_),  FM_NAME(gemm_nt_),      FM_NAME(gemm_tn_),    FM_NAME(add_squares_),
    FM_NAME(disc_),     FM_NAME(distances_),    FM_NAME(bin_powers_), FM_NAME(quantile_),
    FM_NAME(scramble_), FM_NAME(softmax_rows_), FM_NAME(add_pairs_),  FM_NAME(gather_)};

#undef FM_SHORT
#undef FM_LANES
#undef FM_INLINE
#undef vec
#undef mem
#undef ivec
#undef uvec
#undef LOAD
#undef STORE
#undef SPLAT
#undef SELECT
#undef word
