/* kernels.c: the kernels compiled for each instruction set, and the choice among them at run time.
 *
 * Arguments, accuracy and what is overwritten: kernels.h. Thread safety: no state; the choice asks the
 * processor each time, which costs nanoseconds, and callers keep the table they were given.
 */
#include "kernels.h"

#include <math.h>
#include <string.h>

#define FM_NAN ((double)NAN)
#define FM_JOIN_(a, b) a##b
#define FM_JOIN(a, b) FM_JOIN_(a, b)

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define FM_X86 1
#else
#define FM_X86 0
#endif

#define FM_NAME(f) FM_JOIN(f, base)
#define FM_TARGET
#define FM_BYTES 16
#define FM_COLS 2
#define FM_LABEL "base"
#include "kernels_impl.h"
#undef FM_NAME
#undef FM_TARGET
#undef FM_BYTES
#undef FM_COLS
#undef FM_LABEL

#if FM_X86
#define FM_NAME(f) FM_JOIN(f, avx2)
#define FM_TARGET __attribute__((target("avx2,fma")))
#define FM_BYTES 32
#define FM_COLS 2
#define FM_LABEL "avx2"
#include "kernels_impl.h"
#undef FM_NAME
#undef FM_TARGET
#undef FM_BYTES
#undef FM_COLS
#undef FM_LABEL

#define FM_NAME(f) FM_JOIN(f, avx512)
#define FM_TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma")))
#define FM_BYTES 64
#define FM_COLS 4
#define FM_LABEL "avx512"
#include "kernels_impl.h"
#endif

size_t fm_kernels_all(const fm_kernels **tables, size_t capacity) {
  size_t n = 0;
#if FM_X86
  __builtin_cpu_init();
  if (n < capacity && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    tables[n++] = &FM_JOIN(table, avx512);
  }
  if (n < capacity && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
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
