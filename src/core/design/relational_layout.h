/* relational_layout.h: how a relational design is stored (private to relational*.c).
 *
 * Terms are split by where they can be non-zero. A *dense* term has a number for every place: its table
 * row is copied, masked and centred once a cell. An *origin* term is non-zero (after centring) only at
 * the origin: stay, keep(w), push(x), whatever their multiplier. A *sparse* term has entries at some
 * places of its own row, as firm-level ties have.
 */
#ifndef FM_RELATIONAL_LAYOUT_H
#define FM_RELATIONAL_LAYOUT_H

#include <stddef.h>

#include "relational.h"

typedef struct fm_dense_term {
  size_t term; /* index in theta, or FM_OFFSET_TERM */
  size_t table;
  fm_mask mask;      /* FM_MASK_ALL or FM_MASK_MOVE */
  size_t multiplier; /* 0: one; else 1 + index into the unit's multipliers */
} fm_dense_term;

typedef struct fm_origin_term {
  size_t term;
  size_t table;
  fm_mask mask;             /* FM_MASK_STAY, or FM_MASK_MOVE / FM_MASK_ALL of a scalar table */
  const double *multiplier; /* while the design is built */
} fm_origin_term;

typedef struct fm_sparse_term {
  size_t term;
  size_t table;
  fm_mask mask;
  const double *multiplier; /* while the design is built */
} fm_sparse_term;

#define FM_OFFSET_TERM ((size_t)-1)

/* The coefficient of a term: an offset has 1. */
static inline double fm_coefficient(const double *theta, size_t term) {
  return term == FM_OFFSET_TERM ? 1.0 : theta[term];
}

/* How far the coefficient of a term moves along a direction: that of an offset does not. */
static inline double fm_movement(const double *direction, size_t term) {
  return term == FM_OFFSET_TERM ? 0.0 : direction[term];
}

/* What an origin term adds at the origin, and what centring took from all places, of its product x of
 * multiplier and table. */
static inline double fm_at_origin(const fm_origin_term *term, double x) {
  return term->mask == FM_MASK_STAY ? x : (term->mask == FM_MASK_MOVE ? -x : 0.0);
}
static inline double fm_origin_level(const fm_origin_term *term, double x) {
  return term->mask == FM_MASK_STAY ? 0.0 : x;
}

/* The terms by kind, the tables they read, and what only depends on these. */
typedef struct fm_relational_terms {
  fm_table *tables; /* copies of the descriptions, not of the numbers */
  size_t n_tables;
  fm_dense_term *dense; /* sorted by multiplier */
  size_t n_dense;
  size_t n_multipliers; /* of dense terms */
  size_t *dense_first;  /* n_multipliers + 2: where the dense terms of each multiplier start */
  fm_origin_term *origin;
  size_t n_origin;
  fm_sparse_term *sparse;
  size_t n_sparse;
  double *row_mean;       /* per sparse term x row of its table: mean of full rows, else 0 */
  size_t *row_mean_first; /* n_sparse: where a term's means start */
  size_t *pair; /* (m + 1) x (m + 1), m = n_multipliers: number of the product of multipliers a, b */
  size_t *pair_a, *pair_b;
  size_t n_pairs;
} fm_relational_terms;

/* The merged occasions, and the cells they lie in. */
typedef struct fm_relational_units {
  size_t n, n_cells;
  size_t *of;      /* n_occasions: unit of each */
  size_t *cell;    /* n: of each unit */
  int *cell_row;   /* n_cells x (n_dense + 1): 0-based rows of the dense terms' tables, and of available */
  int *sparse_row; /* n x n_sparse: 0-based rows of the sparse terms' tables */
  int *origin;     /* n: 0-based place or -1 */
  double *weight;  /* n */
  size_t *choice;  /* n + 1 */
  int *choice_row;
  double *choice_weight;
  double *multiplier;        /* n x n_multipliers */
  double *origin_x;          /* n x n_origin: multiplier times table; see fm_at_origin() */
  double *sparse_multiplier; /* n x n_sparse */
} fm_relational_units;

typedef struct fm_relational_blocks {
  size_t n;
  size_t *first;  /* n + 1: first unit of each */
  size_t *chunk;  /* n_chunks + 1 */
  size_t *offset; /* max_units + 1: row offsets, the same for every block */
  int *place;     /* max_rows: place of each row, the same for every block */
} fm_relational_blocks;

/* What is needed only while the design is built. */
typedef struct fm_relational_scaffold {
  const double **multipliers; /* distinct multipliers of dense terms */
  size_t *group_of;           /* n_units, with groups */
  size_t *representative;     /* n_units: an occasion of each */
} fm_relational_scaffold;

/* Once built, a design looks at nothing of the spec but the numbers of the tables. */
typedef struct fm_relational {
  size_t n_places, stride; /* stride: n_places rounded up to whole vectors */
  size_t n_terms;          /* with a coefficient */
  int effects;
  const unsigned char *available;
  size_t n_available;     /* rows of available */
  unsigned char *offered; /* n_places, or NULL */
  fm_relational_terms terms;
  fm_relational_units units;
  fm_relational_blocks blocks;
  fm_relational_scaffold build;
} fm_relational;

/* relational_build.c */
fm_code fm_relational_build(fm_relational *rel, fm_design *design, const fm_relational_spec *spec,
                            fm_error *err);
/* mapped: the arrays are a file's, and not freed. */
void fm_relational_release(fm_relational *rel, int mapped);

/* relational_image.c: the operation `image`. */
fm_code fm_relational_image(fm_design *design, const fm_image *image);

/* cells.c */
/* Refines groups (0-based ids of n items, *n_groups of them) by an integer code per item; ids are
 * renumbered by first appearance. code may be NULL (nothing to refine by). */
fm_code fm_refine_by_int(size_t n, size_t *group, size_t *n_groups, const int *code);
/* The same by the bits of a double per item. */
fm_code fm_refine_by_double(size_t n, size_t *group, size_t *n_groups, const double *value);

#endif
