/* chunks.c: runs of blocks of about equal work. Chunk c starts at the first block with at least c/n of
 * all units before it. Enough chunks to keep many threads busy, few enough that their accumulators (an
 * n_linear x n_linear matrix each) stay small.
 */
#include "chunks.h"

#include "../base/alloc.h"

enum { MOST_CHUNKS = 64 };

static size_t how_many(size_t n_blocks, size_t n_linear) {
  const size_t accumulator_room = (size_t)1 << 23; /* doubles in all accumulators together */
  size_t most = n_linear > 0 ? accumulator_room / (n_linear * n_linear) : MOST_CHUNKS;
  most = most > MOST_CHUNKS ? MOST_CHUNKS : (most < 4 ? 4 : most);
  return n_blocks < most ? n_blocks : most;
}

fm_code fm_cut_chunks(const size_t *block_first, size_t n_blocks, size_t n_linear, size_t **chunk,
                      size_t *n_chunks) {
  const size_t n = how_many(n_blocks, n_linear);
  *chunk = fm_alloc(n + 1, sizeof(size_t));
  if (*chunk == NULL) {
    return FM_NO_MEMORY;
  }
  const double total = (double)block_first[n_blocks];
  size_t block = 0;
  for (size_t c = 0; c < n; c++) {
    const double before = total * (double)c / (double)n;
    while (block < n_blocks && (double)block_first[block] < before) {
      block++;
    }
    (*chunk)[c] = block;
  }
  (*chunk)[n] = n_blocks;
  *n_chunks = n;
  return FM_OK;
}
