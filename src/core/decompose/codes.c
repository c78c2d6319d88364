/* codes.c: the hash table of codes.h. */
#include "codes.h"

#include "../base/alloc.h"

static size_t place_of(uint64_t key, size_t mask) {
  uint64_t h = key * 0x9e3779b97f4a7c15ULL; /* 2^64 / golden ratio: neighbours are spread */
  h ^= h >> 32;
  return (size_t)h & mask;
}

static fm_code allocate(fm_codes *codes, size_t size) {
  codes->key = fm_alloc(size, sizeof(uint64_t));
  codes->slot = fm_alloc_zero(size, sizeof(uint32_t));
  codes->mask = size - 1;
  if (codes->key == NULL || codes->slot == NULL) {
    fm_codes_free(codes);
    return FM_NO_MEMORY;
  }
  return FM_OK;
}

fm_code fm_codes_init(fm_codes *codes, size_t expected) {
  size_t size = 64;
  while (size < 2 * expected) {
    size *= 2;
  }
  *codes = (fm_codes){0};
  return allocate(codes, size);
}

void fm_codes_free(fm_codes *codes) {
  fm_free(codes->key);
  fm_free(codes->slot);
  codes->key = NULL;
  codes->slot = NULL;
}

static size_t find(const fm_codes *codes, uint64_t key) {
  size_t at = place_of(key, codes->mask);
  while (codes->slot[at] != 0 && codes->key[at] != key) {
    at = (at + 1) & codes->mask;
  }
  return at;
}

static fm_code grow(fm_codes *codes) {
  fm_codes larger = {.n = codes->n};
  FM_TRY(allocate(&larger, 4 * (codes->mask + 1)));
  for (size_t i = 0; i <= codes->mask; i++) {
    if (codes->slot[i] != 0) {
      const size_t at = find(&larger, codes->key[i]);
      larger.key[at] = codes->key[i];
      larger.slot[at] = codes->slot[i];
    }
  }
  fm_codes_free(codes);
  *codes = larger;
  return FM_OK;
}

fm_code fm_codes_get(fm_codes *codes, uint64_t key, uint32_t *code) {
  size_t at = find(codes, key);
  if (codes->slot[at] == 0) {
    if (codes->n >= UINT32_MAX - 1) {
      return FM_INVALID;
    }
    if (2 * codes->n > codes->mask) {
      FM_TRY(grow(codes));
      at = find(codes, key);
    }
    codes->key[at] = key;
    codes->slot[at] = (uint32_t)++codes->n;
  }
  *code = codes->slot[at] - 1;
  return FM_OK;
}
