/* groups.c: sorting by group, and where the groups of a design start.
 * Thread safety: a design is built by one thread.
 */
#include "groups.h"

#include "../base/alloc.h"
#include "chunks.h"

fm_code fm_order_by_key(size_t n, const size_t *key, size_t n_keys, const size_t *before, size_t *order) {
  size_t *start = fm_alloc_zero(n_keys + 1, sizeof(size_t));
  if (!start) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < n; i++) {
    start[key[i] + 1]++;
  }
  for (size_t k = 0; k < n_keys; k++) {
    start[k + 1] += start[k];
  }
  for (size_t i = 0; i < n; i++) {
    const size_t item = before ? before[i] : i;
    order[start[key[item]]++] = item;
  }
  fm_free(start);
  return FM_OK;
}

/* first_unit (n_groups + 1), group_block (n_groups + 1) and the largest group. */
static void find_starts(fm_design *design, const size_t *group_of, const size_t *block_first,
                        size_t n_blocks, const size_t *row_of, size_t *first_unit, size_t *group_block) {
  const size_t n_groups = design->n_groups;
  size_t block = 0;
  for (size_t g = 0; g <= n_groups; g++) {
    while (block < n_blocks && group_of[block_first[block]] < g) {
      block++;
    }
    group_block[g] = block;
    first_unit[g] = block_first[block];
  }
  for (size_t g = 0; g < n_groups; g++) {
    const size_t from = first_unit[g], to = first_unit[g + 1];
    const size_t rows = row_of ? row_of[to] - row_of[from] : (to - from) * design->n_places;
    design->max_group_units = to - from > design->max_group_units ? to - from : design->max_group_units;
    design->max_group_rows = rows > design->max_group_rows ? rows : design->max_group_rows;
  }
}

/* Chunks of whole groups, from the first unit of each. */
static fm_code cut_groups(fm_design *design, const size_t *first_unit, size_t **chunk) {
  FM_TRY(fm_cut_chunks(first_unit, design->n_groups, design->n_linear, &design->chunk_group,
                       &design->n_chunks));
  *chunk = fm_alloc(design->n_chunks + 1, sizeof(size_t));
  if (*chunk == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t c = 0; c <= design->n_chunks; c++) {
    (*chunk)[c] = design->group_block[design->chunk_group[c]];
  }
  return FM_OK;
}

fm_code fm_group_design(fm_design *design, size_t n_groups, const size_t *group_of,
                        const size_t *block_first, size_t n_blocks, const size_t *row_of, size_t **chunk) {
  size_t *first_unit = fm_alloc(n_groups + 1, sizeof(size_t));
  design->n_groups = n_groups;
  design->group_block = fm_alloc(n_groups + 1, sizeof(size_t));
  fm_code code = FM_NO_MEMORY;
  if (first_unit != NULL && design->group_block != NULL) {
    find_starts(design, group_of, block_first, n_blocks, row_of, first_unit, design->group_block);
    code = cut_groups(design, first_unit, chunk);
  }
  fm_free(first_unit);
  return code;
}

void fm_group_free(fm_design *design) {
  if (!design->mapped) {
    fm_free(design->group_block), fm_free(design->chunk_group);
  }
  design->group_block = design->chunk_group = NULL;
}
