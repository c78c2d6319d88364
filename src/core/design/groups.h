/* groups.h: occasions that belong together (the panel of a firm, the members of an equilibrium).
 *
 * A grouped design serves the units of a group one after the other: blocks never straddle groups, chunks
 * hold whole groups, so a model may work through a group and forget it.
 */
#ifndef FM_GROUPS_H
#define FM_GROUPS_H

#include <stddef.h>

#include "design.h"

/* order (n) = items sorted by key (0-based, below n_keys), equal keys in the order of `before` (NULL: 0, 1,
 * ..., n-1). order may not be before. */
fm_code fm_order_by_key(size_t n, const size_t *key, size_t n_keys, const size_t *before, size_t *order);

/* Fills the group fields of design and cuts chunks of whole groups. group_of (0-based) is the group of each
 * unit, in unit order; block_first (n_blocks + 1) the first unit of each block, row_of (n_units + 1) the
 * first row of each unit, or NULL when every unit has n_places rows. *chunk is the caller's to free. */
fm_code fm_group_design(fm_design *design, size_t n_groups, const size_t *group_of,
                        const size_t *block_first, size_t n_blocks, const size_t *row_of, size_t **chunk);
/* Frees what fm_group_design allocated in design. */
void fm_group_free(fm_design *design);

#endif
