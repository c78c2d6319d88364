/* shuffle.h: bytes of numbers regrouped, and deflated blocks turned back.
 *
 * Numbers of a column share their high bytes; with all first bytes together, then all second bytes, ...,
 * zlib finds the repetition.
 */
#ifndef FM_SHUFFLE_H
#define FM_SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

#include "../base/status.h"

/* out[b * n + i] = in[i * size + b], i < n, b < size; size is 1, 4 or 8. */
void fm_shuffle(const unsigned char *in, size_t n, size_t size, unsigned char *out);
/* The inverse. */
void fm_unshuffle(const unsigned char *in, size_t n, size_t size, unsigned char *out);

uint32_t fm_crc(uint32_t crc, const void *data, size_t bytes); /* goes on from crc; start with 0 */

/* Deflates and hands the result to sink piece by piece; a sink that fails ends it. FM_NO_MEMORY when zlib
 * has none. */
typedef fm_code (*fm_sink)(void *context, const void *data, size_t bytes);
fm_code fm_deflate(const void *data, size_t bytes, fm_sink sink, void *context);
/* Inflates a whole stream of exactly `bytes` > 0 bytes; FM_CORRUPT when it is not one. */
fm_code fm_inflate(const void *data, size_t stored, void *out, size_t bytes);

#endif
