/* ragged.h: the long table as it is: one row per occasion and offered place, columns untouched.
 *
 * Rows of an occasion are neighbours; occasions may offer different numbers of places. Columns are read
 * where they lie (a column of a data frame), block by block, centred by the first row of each occasion.
 */
#ifndef FM_RAGGED_H
#define FM_RAGGED_H

#include <stddef.h>

#include "design.h"

typedef struct fm_ragged_spec {
  size_t n_occasions, n_rows, n_places;
  const size_t *start;          /* n_occasions + 1: first row of each occasion */
  const double *const *columns; /* n_terms with a coefficient each, then n_offsets with coefficient 1 */
  size_t n_terms, n_offsets;
  const int *place;             /* n_rows: 1-based */
  const int *origin;            /* n_occasions: 1-based row within the occasion, 0 none */
  const int *chosen;            /* n_occasions: 1-based row within the occasion, 0 none */
  const double *weight;         /* n_occasions, or NULL: ones */
  const unsigned char *offered; /* n_places: 0 = taken out for everybody; NULL: none is */
  const int *group;             /* n_occasions: 1-based group of each, all of them used; NULL: no groups */
  size_t n_groups;
  int effects; /* absorb place constants */
} fm_ragged_spec;

/* The spec's arrays must outlive the design; the spec itself need not. On failure nothing needs
 * freeing; else design->ops->free(design). */
fm_code fm_ragged_init(fm_design *design, const fm_ragged_spec *spec, fm_error *err);

/* The functions of the storage. */
const fm_design_ops *fm_ragged_ops(void);

#endif
