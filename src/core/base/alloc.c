/* alloc.c: aligned memory with overflow checks, and failures on request for the tests.
 *
 * A block is raw memory of malloc or calloc with the user's part moved up to the next multiple of 64; the
 * address of the raw memory is kept just before it. (C17's aligned_alloc is missing on Windows and cannot
 * zero lazily, which matters for large matrices that are mostly never touched.)
 * A first touch of a page costs about as much as some thousand additions, and far more on a virtual
 * machine; so the system is asked for large pages where blocks are large. Thread safety: as malloc; the
 * counters of the tests are atomic.
 */
#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* madvise */
#endif

#include "alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

enum { FM_ALIGNMENT = 64, FM_OVERHEAD = FM_ALIGNMENT + sizeof(void *), FM_LARGE_PAGE = 2 << 20 };

#ifdef FM_TEST_ALLOC
#include <stdatomic.h>

static atomic_long test_live = 0;
static atomic_long test_countdown = 0; /* 0: idle; the allocation that takes it from 1 to 0 fails */
static atomic_int test_sticky = 0;
static atomic_int test_failing = 0;

void fm_test_alloc_fail_after(long countdown, int sticky) {
  atomic_store(&test_countdown, countdown);
  atomic_store(&test_sticky, sticky);
  atomic_store(&test_failing, 0);
}

long fm_test_alloc_live(void) { return atomic_load(&test_live); }

static int must_fail(void) {
  if (atomic_load(&test_failing)) {
    return 1;
  }
  if (atomic_load(&test_countdown) == 0 || atomic_fetch_sub(&test_countdown, 1) != 1) {
    return 0;
  }
  atomic_store(&test_failing, atomic_load(&test_sticky));
  return 1;
}

static void count(long change) { (void)atomic_fetch_add(&test_live, change); }
#else
static int must_fail(void) { return 0; }
static void count(long change) { (void)change; }
#endif

/* Tells the address sanitizer that the bytes after the user's part are nobody's. */
#if defined(FM_TEST_ALLOC) && defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
static void guard(void *from, size_t bytes) { ASAN_POISON_MEMORY_REGION(from, bytes); }
#else
static void guard(void *from, size_t bytes) {
  (void)from;
  (void)bytes;
}
#endif

/* The user's part of a raw block of so many bytes; remembers where the block began. */
static void *align(void *raw, size_t bytes) {
  if (raw == NULL) {
    return NULL;
  }
  const uintptr_t first = (uintptr_t)raw + sizeof(void *);
  const size_t gap = (size_t)(-first & (FM_ALIGNMENT - 1));
  unsigned char *user = (unsigned char *)raw + sizeof(void *) + gap;
  memcpy(user - sizeof(void *), &raw, sizeof(void *));
  guard(user + (bytes - FM_OVERHEAD), FM_ALIGNMENT - gap);
  count(1);
  return user;
}

/* Bytes to ask for, 0 when they cannot be counted. */
static size_t total_bytes(size_t n, size_t size) {
  const size_t limit = (size_t)PTRDIFF_MAX - FM_OVERHEAD - FM_LARGE_PAGE;
  return size > 0 && n > limit / size ? 0 : n * size + FM_OVERHEAD;
}

void fm_expect_use(void *p, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const uintptr_t page = FM_LARGE_PAGE, first = ((uintptr_t)p + page - 1) / page * page;
  const uintptr_t last = ((uintptr_t)p + bytes) / page * page;
  if (last > first) { /* where the advice is refused, pages are small */
    (void)madvise((unsigned char *)p + (first - (uintptr_t)p), last - first, MADV_HUGEPAGE);
  }
#else
  (void)p;
  (void)bytes;
#endif
}

/* Raw memory; whole large pages where there are many, so that the one that is not full does not count. */
static void *raw_block(size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const size_t page = FM_LARGE_PAGE;
  if (bytes >= 8 * page) {
    const size_t rounded = (bytes + page - 1) / page * page;
    void *raw = aligned_alloc(page, rounded);
    if (raw != NULL) {
      fm_expect_use(raw, rounded);
    }
    return raw;
  }
#endif
  return malloc(bytes);
}

void *fm_alloc(size_t n, size_t size) {
  const size_t bytes = total_bytes(n, size);
  return bytes == 0 || must_fail() ? NULL : align(raw_block(bytes), bytes);
}

void *fm_alloc_zero(size_t n, size_t size) {
  const size_t bytes = total_bytes(n, size);
  return bytes == 0 || must_fail() ? NULL : align(calloc(bytes, 1), bytes);
}

void *fm_alloc_copy(const void *from, size_t n, size_t size) {
  void *copy = fm_alloc(n, size);
  if (copy != NULL && n * size > 0) {
    memcpy(copy, from, n * size);
  }
  return copy;
}

void fm_free(void *p) {
  if (p == NULL) {
    return;
  }
  void *raw = NULL;
  memcpy(&raw, (unsigned char *)p - sizeof(void *), sizeof(void *));
  count(-1);
  free(raw);
}
