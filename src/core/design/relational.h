/* relational.h: firms and places as two tables, never multiplied out.
 *
 * Term k of the utility is x_ijk = a_k(i) Z_k[row_k(i), j] m_k(i, j): a multiplier of the occasion (1 or a
 * firm attribute), a row of a table of places chosen by a key (none, time, origin, origin x time, firm,
 * ...), and a mask (everywhere, only when moving, only when staying). Place attributes, ties,
 * interactions and the constant of staying are all one case.
 *
 * Occasions that share the rows of all dense tables form a cell: the shared part of their utility is
 * computed once. Occasions equal in everything are merged into a unit with a weight. Cost of a pass is
 * O(units x places) flops, memory O(occasions + tables).
 */
#ifndef FM_RELATIONAL_H
#define FM_RELATIONAL_H

#include <stddef.h>

#include "design.h"

typedef enum fm_table_kind {
  FM_TABLE_DENSE = 0,  /* a number for each row and place */
  FM_TABLE_SCALAR = 1, /* a number for each row, the same for all places */
  FM_TABLE_SPARSE = 2  /* numbers for some places of each row, 0 elsewhere */
} fm_table_kind;

typedef struct fm_table {
  fm_table_kind kind;
  const int *key; /* n_occasions: row of each occasion, 1-based; NULL: the table has one row */
  size_t n_rows;
  const double *values; /* dense: n_rows x n_places, places contiguous; scalar: n_rows; sparse: entries */
  const int *first;     /* sparse: n_rows + 1: first entry of each row, 0-based */
  const int *place;     /* sparse: place of each entry, 1-based */
} fm_table;

typedef enum fm_mask { FM_MASK_ALL = 0, FM_MASK_MOVE = 1, FM_MASK_STAY = 2 } fm_mask;

typedef struct fm_term {
  size_t table; /* index into tables */
  fm_mask mask;
  const double *multiplier; /* n_occasions, or NULL: ones */
} fm_term;

typedef struct fm_relational_spec {
  size_t n_occasions, n_places;
  const int *origin;    /* n_occasions: 1-based place, 0 none */
  const int *chosen;    /* n_occasions: 1-based place, 0 none (prediction) */
  const double *weight; /* n_occasions, or NULL: ones */
  const fm_table *tables;
  size_t n_tables;
  const fm_term *terms; /* n_terms with a coefficient each, then n_offsets whose coefficient is 1 */
  size_t n_terms, n_offsets;
  const int *available_key;       /* n_occasions, 1-based rows of available; NULL: one row */
  const unsigned char *available; /* rows x n_places, 1 = offered; NULL: all are */
  size_t n_available;             /* rows of available */
  const unsigned char *offered;   /* n_places: 0 = taken out for everybody; NULL: none is */
  const int *group; /* n_occasions: 1-based group of each, all of them used; NULL: no groups */
  size_t n_groups;
  int effects; /* absorb place constants */
  int merge;   /* merge equal occasions (else unit order is still by cell) */
} fm_relational_spec;

/* Sorts occasions into cells, merges them and cuts blocks and chunks. The spec's arrays must outlive the
 * design; the spec itself need not. On failure nothing needs freeing; else design->ops->free(design). */
fm_code fm_relational_init(fm_design *design, const fm_relational_spec *spec, fm_error *err);

/* The functions of the storage. */
const fm_design_ops *fm_relational_ops(void);

#endif
