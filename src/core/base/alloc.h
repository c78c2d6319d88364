/* alloc.h: the one place where the core asks for memory.
 *
 * Sizes are checked for overflow. Tests build the core with -DFM_TEST_ALLOC and can make the n-th
 * allocation fail; in the package there is no such state.
 */
#ifndef FM_ALLOC_H
#define FM_ALLOC_H

#include <stddef.h>

/* n * size bytes, uninitialised, aligned to 64 bytes; NULL on overflow or when memory is out.
 * n = 0 gives a valid pointer. Release with fm_free. */
void *fm_alloc(size_t n, size_t size);
/* The same, zeroed. */
void *fm_alloc_zero(size_t n, size_t size);
/* A copy of n * size bytes. */
void *fm_alloc_copy(const void *from, size_t n, size_t size);
void fm_free(void *p);
/* Fresh memory, of fm_alloc or not, will be written all over: large pages, where the system has them. */
void fm_expect_use(void *p, size_t bytes);

#ifdef FM_TEST_ALLOC
/* The countdown-th allocation from now fails (0: none will), and all after it while sticky. */
void fm_test_alloc_fail_after(long countdown, int sticky);
/* Allocations not yet freed. */
long fm_test_alloc_live(void);
#endif

#endif
