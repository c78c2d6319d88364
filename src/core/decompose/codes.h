/* codes.h: consecutive codes for 64-bit keys.
 *
 * A hash table with open addressing; keys get the codes 0, 1, 2, ... in the order in which they come.
 * Thread safety: a table belongs to one thread at a time.
 */
#ifndef FM_CODES_H
#define FM_CODES_H

#include <stddef.h>
#include <stdint.h>

#include "../base/status.h"

typedef struct fm_codes {
  uint64_t *key;
  uint32_t *slot; /* code + 1; 0 where empty */
  size_t mask;    /* size - 1, the size being a power of two */
  size_t n;       /* codes given so far */
} fm_codes;

/* An empty table with room for about `expected` keys; it grows when it must. */
fm_code fm_codes_init(fm_codes *codes, size_t expected);
/* The code of key, a new one when it has none yet. FM_INVALID after 2^32 - 2 keys. */
fm_code fm_codes_get(fm_codes *codes, uint64_t key, uint32_t *code);
void fm_codes_free(fm_codes *codes);

#endif
