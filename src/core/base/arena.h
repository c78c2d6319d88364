/* arena.h: cuts a thread's scratch into arrays, or counts what they need; and a check of the indices a
 * model is given. Private to choice/.
 */
#ifndef FM_ARENA_H
#define FM_ARENA_H

#include <stddef.h>

#include "../base/status.h"

typedef struct fm_arena {
  double *base; /* NULL: only count */
  size_t used;
} fm_arena;

static inline double *fm_take(fm_arena *a, size_t n) {
  double *start = a->base != NULL ? a->base + a->used : NULL;
  a->used += n;
  return start;
}

/* An int is no larger than a double, so n doubles hold n of them. */
static inline int *fm_take_int(fm_arena *a, size_t n) { return (int *)(void *)fm_take(a, n); }

/* Are all of index in lowest .. size - 1? -1 counts as in range where lowest is -1; index may be NULL. */
static inline fm_code fm_check_range(const int *index, size_t n, int lowest, size_t size, const char *what,
                                     fm_error *err) {
  if (index != NULL) {
    for (size_t i = 0; i < n; i++) {
      if (index[i] < lowest || (index[i] >= 0 && (size_t)index[i] >= size)) {
        return fm_fail(err, FM_INVALID, "%s %zu has index %d, outside %d..%zu", what, i + 1, index[i],
                       lowest, size);
      }
    }
  }
  return FM_OK;
}

#endif
