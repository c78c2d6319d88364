/* chunks.h: cut blocks into the tasks of a pass.
 *
 * The number of chunks depends on the data and the number of parameters only, never on the threads, so
 * sums over chunks do not either.
 */
#ifndef FM_CHUNKS_H
#define FM_CHUNKS_H

#include <stddef.h>

#include "../base/status.h"

/* block_first (n_blocks + 1) counts units or rows before each block. Allocates *chunk (*n_chunks + 1). */
fm_code fm_cut_chunks(const size_t *block_first, size_t n_blocks, size_t n_linear, size_t **chunk,
                      size_t *n_chunks);

#endif
