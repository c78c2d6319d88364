/* hash.h: a checksum of 128 bits of a sequence of 64-bit words, the identity of what a store holds.
 *
 * Two lanes in the manner of MurmurHash3 (Appleby 2011); a word at a time, so that it does not matter in
 * which pieces the words come. It tells stores apart and is no protection against forgery.
 */
#ifndef FM_HASH_H
#define FM_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct fm_hash { /* starts as zeros */
  uint64_t a, b;
} fm_hash;

#define FM_HASH_MISSING UINT64_C(0x7FF00000000007A2)
#define FM_HASH_NAN UINT64_C(0x7FF8000000000000)

static inline uint64_t fm_rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

static inline void fm_hash_word(fm_hash *h, uint64_t word) {
  const uint64_t c = UINT64_C(0x87C37B91114253D5), d = UINT64_C(0x4CF5AD432745937F);
  h->a = fm_rotate(h->a ^ fm_rotate(word * c, 31) * d, 27) + h->b;
  h->a = h->a * 5 + 0x52DCE729;
  h->b = fm_rotate(h->b ^ fm_rotate(word * d, 33) * c, 31) + h->a;
  h->b = h->b * 5 + 0x38495AB5;
}

/* The words of a number: its bits; -0 counts as 0, each NaN as the same, missing as FM_HASH_MISSING. */
void fm_hash_doubles(fm_hash *h, const double *x, size_t n);
/* The same of whole numbers; the lowest one is missing. */
void fm_hash_ints(fm_hash *h, const int32_t *x, size_t n);
/* The words of a text: its length, then its bytes in eights, the first lowest. */
void fm_hash_text(fm_hash *h, const char *text, size_t length);

#endif
