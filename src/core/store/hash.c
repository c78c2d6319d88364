/* hash.c: what words numbers and texts are. Overwrites the state alone. */
#include "hash.h"

#include <string.h>

/* R's NA is the NaN whose low half is 1954. */
static uint64_t word_of(double x) {
  uint64_t bits;
  x += 0.0;
  memcpy(&bits, &x, sizeof bits);
  if (x == x) {
    return bits == UINT64_C(0x8000000000000000) ? 0 : bits;
  }
  return (uint32_t)bits == 1954 ? FM_HASH_MISSING : FM_HASH_NAN;
}

void fm_hash_doubles(fm_hash *h, const double *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    fm_hash_word(h, word_of(x[i]));
  }
}

void fm_hash_ints(fm_hash *h, const int32_t *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    fm_hash_word(h, x[i] == INT32_MIN ? FM_HASH_MISSING : word_of((double)x[i]));
  }
}

void fm_hash_text(fm_hash *h, const char *text, size_t length) {
  fm_hash_word(h, length);
  for (size_t i = 0; i < length; i += 8) {
    uint64_t word = 0;
    for (size_t b = 0; b < 8 && i + b < length; b++) {
      word |= (uint64_t)(unsigned char)text[i + b] << 8 * b;
    }
    fm_hash_word(h, word);
  }
}
