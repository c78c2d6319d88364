/* cells.c: group occasions by the codes they share.
 *
 * A grouping is an id per item, numbered by first appearance. Refining it by another code maps each pair
 * (id, code) to a new id through an open-addressing hash table, so the cost is one look-up per item and
 * code whatever the range of the codes, and the numbering depends on the data alone.
 */
#include <stdint.h>
#include <string.h>

#include "../base/alloc.h"
#include "relational_layout.h"

typedef struct fm_slot {
  uint64_t group; /* old id + 1; 0 marks an empty slot */
  uint64_t code;
  size_t id;
} fm_slot;

/* splitmix64 finaliser: spreads both words over all bits. */
static uint64_t mix(uint64_t group, uint64_t code) {
  uint64_t z = group * UINT64_C(0x9e3779b97f4a7c15) ^ code;
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static size_t find(fm_slot *slots, size_t mask, uint64_t group, uint64_t code, size_t *n_groups) {
  size_t at = (size_t)mix(group, code) & mask;
  while (slots[at].group != 0 && (slots[at].group != group || slots[at].code != code)) {
    at = (at + 1) & mask;
  }
  if (slots[at].group == 0) {
    slots[at] = (fm_slot){group, code, (*n_groups)++};
  }
  return slots[at].id;
}

static fm_code new_slots(size_t n, fm_slot **slots, size_t *mask) {
  size_t capacity = 16;
  while (capacity < 2 * n) {
    capacity *= 2;
  }
  *slots = fm_alloc_zero(capacity, sizeof(fm_slot));
  *mask = capacity - 1;
  return *slots == NULL ? FM_NO_MEMORY : FM_OK;
}

fm_code fm_refine_by_int(size_t n, size_t *group, size_t *n_groups, const int *code) {
  if (code == NULL || *n_groups == n) {
    return FM_OK;
  }
  fm_slot *slots = NULL;
  size_t mask = 0, found = 0;
  FM_TRY(new_slots(n, &slots, &mask));
  for (size_t i = 0; i < n; i++) {
    group[i] = find(slots, mask, group[i] + 1, (uint64_t)(int64_t)code[i], &found);
  }
  *n_groups = found;
  fm_free(slots);
  return FM_OK;
}

fm_code fm_refine_by_double(size_t n, size_t *group, size_t *n_groups, const double *value) {
  if (value == NULL || *n_groups == n) {
    return FM_OK;
  }
  fm_slot *slots = NULL;
  size_t mask = 0, found = 0;
  FM_TRY(new_slots(n, &slots, &mask));
  for (size_t i = 0; i < n; i++) {
    const double v = value[i] + 0.0; /* -0 and 0 are one value */
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    group[i] = find(slots, mask, group[i] + 1, bits, &found);
  }
  *n_groups = found;
  fm_free(slots);
  return FM_OK;
}
