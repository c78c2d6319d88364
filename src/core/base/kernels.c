/* kernels.c: the kernels compiled for each instruction set, and the choice among them at run time.
 *
 * Arguments, accuracy and what is overwritten: kernels.h. Thread safety: no state; the choice asks the
 * processor and the environment each time, and callers keep the table they were given.
 */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FM_NAN ((double)NAN)
#define FM_JOIN_(a, b) a##b
#define FM_JOIN(a, b) FM_JOIN_(a, b)

/* gcc for Windows keeps the stack at multiples of 16 bytes and spills wider vectors as if it were at 32 or
 * 64 (its bug 54412), so there only clang has the wide sets. */
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__)) && \
    (!defined(_WIN32) || defined(__clang__))
#define FM_X86 1
#else
#define FM_X86 0
#endif

/* Rational functions of the normal quantile, lowest power first (Wichura 1988, AS 241). */
static const double fm_middle_above[8] = {
    3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3, 1.3731693765509461125e+4,
    4.5921953931549871457e+4, 6.7265770927008700853e+4, 3.3430575583588128105e+4, 2.5090809287301226727e+3};
static const double fm_middle_below[8] = {1.0,
                                          4.2313330701600911252e+1,
                                          6.8718700749205790830e+2,
                                          5.3941960214247511077e+3,
                                          2.1213794301586595867e+4,
                                          3.9307895800092710610e+4,
                                          2.8729085735721942674e+4,
                                          5.2264952788528545610e+3};
static const double fm_tail_above[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                        5.76949722146069140550e0,  3.64784832476320460504e0,
                                        1.27045825245236838258e0,  2.41780725177450611770e-1,
                                        2.27238449892691845833e-2, 7.74545014278341407640e-4};
static const double fm_tail_below[8] = {1.0,
                                        2.05319162663775882187e0,
                                        1.67638483018380384940e0,
                                        6.89767334985100004550e-1,
                                        1.48103976427480074590e-1,
                                        1.51986665636164571966e-2,
                                        5.47593808499534494600e-4,
                                        1.05075007164441684324e-9};
static const double fm_far_above[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                       1.78482653991729133580e0,  2.96560571828504891230e-1,
                                       2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                       2.71155556874348757815e-5, 2.01033439929228813265e-7};
static const double fm_far_below[8] = {1.0,
                                       5.99832206555887937690e-1,
                                       1.36929880922735805310e-1,
                                       1.48753612908506148525e-2,
                                       7.86869131145613259100e-4,
                                       1.84631831751005468180e-5,
                                       1.42151175831644588870e-7,
                                       2.04426310338993978564e-15};

#define FM_NAME(f) FM_JOIN(f, base)
#define FM_TARGET
#define FM_VECTOR_BYTES 16
#define FM_COLS 2
#define FM_LABEL "base"
#include "kernels_impl.h"
#undef FM_NAME
#undef FM_TARGET
#undef FM_VECTOR_BYTES
#undef FM_COLS
#undef FM_LABEL

#if FM_X86
#define FM_NAME(f) FM_JOIN(f, avx2)
#define FM_TARGET __attribute__((target("avx2,fma")))
#define FM_VECTOR_BYTES 32
#define FM_COLS 2
#define FM_LABEL "avx2"
#include "kernels_impl.h"
#undef FM_NAME
#undef FM_TARGET
#undef FM_VECTOR_BYTES
#undef FM_COLS
#undef FM_LABEL

#define FM_NAME(f) FM_JOIN(f, avx512)
#define FM_TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma")))
#define FM_VECTOR_BYTES 64
#define FM_COLS 4
#define FM_LABEL "avx512"
#include "kernels_impl.h"
#endif

#if FM_X86
/* The place of a set among those from narrow to wide, or N_SETS. */
enum { N_SETS = 3 };
static size_t place_of(const char *name) {
  static const char *const sets[N_SETS] = {"base", "avx2", "avx512"};
  size_t at = 0;
  while (at < N_SETS && strcmp(name, sets[at]) != 0) {
    at++;
  }
  return at;
}

/* Whether FIRMMOVE_SIMD, if it names a set, allows this one: itself and those less wide. */
static int allowed(const char *name) {
  const char *most = getenv("FIRMMOVE_SIMD");
  return most == NULL || place_of(name) <= place_of(most);
}
#endif

size_t fm_kernels_all(const fm_kernels **tables, size_t capacity) {
  size_t n = 0;
#if FM_X86
  __builtin_cpu_init();
  if (n < capacity && allowed("avx512") && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    tables[n++] = &FM_JOIN(table, avx512);
  }
  if (n < capacity && allowed("avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    tables[n++] = &FM_JOIN(table, avx2);
  }
#endif
  if (n < capacity) {
    tables[n++] = &FM_JOIN(table, base);
  }
  return n;
}

const fm_kernels *fm_kernels_best(void) {
  const fm_kernels *tables[1];
  (void)fm_kernels_all(tables, 1);
  return tables[0];
}
