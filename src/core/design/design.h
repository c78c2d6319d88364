/* design.h: THE interface between models and storages.
 *
 * A design hides how the utilities v_ij = sum_k b_k x_ijk + d_j + offset_ij are stored. It serves them
 * in blocks of occasions; a model turns the utilities of a block into a log-likelihood, residuals and
 * weights, and hands these back for the design to multiply with its x. So a model never sees a storage,
 * a storage never sees a model.
 *
 * Parameters. The first n_terms entries of theta are b; the next n_effects are the place constants d
 * (absorbed: x has no columns for them). A model's own parameters come after these n_linear = n_terms +
 * n_effects. Vectors and matrices handed to score(), cross() and outer() are indexed the same way, so
 * they may be the model's own, larger, accumulators (leading dimension ld, column-major, and only the
 * upper triangle row <= column is written).
 *
 * Rows. Occasion i of a block owns rows offset[i] .. offset[i+1]-1 of every rows-long array (utilities,
 * residuals, weights). Unoffered places have utility -INFINITY; residuals and weights there must be 0.
 *
 * Centring. x is served centred by a constant per occasion and term, which no choice probability feels
 * (adding the same number to all alternatives of an occasion) and every sum of squares does. level()
 * gives back what utility() left out, for inclusive values and predicted utilities.
 *
 * Merged occasions. A storage may merge occasions with equal x into one with several choices: weight[i]
 * is the sum of its occasions' weights, choices choice[i] .. choice[i+1]-1 list the chosen row and the
 * weight for each distinct choice. unit_of maps each occasion of the data to its merged one (a unit).
 *
 * Groups. A design made with groups (groups.h) has the blocks of a group next to each other: group g owns
 * blocks group_block[g] .. group_block[g+1]-1, chunk c owns groups chunk_group[c] .. chunk_group[c+1]-1.
 * Occasions are merged within a group only. A design without groups has n_groups = 0.
 *
 * Thread safety: a design is read-only after init; each thread has its own fm_work.
 */
#ifndef FM_DESIGN_H
#define FM_DESIGN_H

#include <stddef.h>

#include "../base/kernels.h"
#include "../base/status.h"

typedef struct fm_design fm_design;
typedef struct fm_work fm_work;
typedef struct fm_image fm_image;

/* What a model sees of the block that is loaded. */
typedef struct fm_block {
  size_t first;          /* number of the first unit */
  size_t n;              /* units in the block */
  size_t first_row;      /* number of the first row, among those of all units */
  const size_t *offset;  /* n + 1 */
  const int *place;      /* rows: place of each row, 0-based */
  const int *origin;     /* n: row within the unit that is the origin (staying), or -1 */
  const double *weight;  /* n */
  const size_t *choice;  /* n + 1: into the next two */
  const int *choice_row; /* row within the unit that was chosen */
  const double *choice_weight;
} fm_block;

typedef struct fm_design_ops {
  fm_code (*work_init)(const fm_design *design, fm_work *work);
  void (*work_free)(fm_work *work);
  /* Makes block b the current one of work and fills work->block. */
  void (*load)(const fm_design *design, fm_work *work, size_t b);
  /* v (rows) = utilities less the level of each occasion. */
  void (*utility)(const fm_design *design, fm_work *work, const double *theta, double *v);
  /* dv (rows): how the utilities change where theta moves along `direction` (n_linear), centred; a number
   * everywhere, also where a place is not offered. Offsets do not move. */
  void (*along)(const fm_design *design, fm_work *work, const double *direction, double *dv);
  /* level (n): the constant that utility() left out of all rows of an occasion. */
  void (*level)(const fm_design *design, fm_work *work, const double *theta, double *level);
  /* x (n_terms): the centred attributes of row `row` of unit i. */
  void (*row)(const fm_design *design, fm_work *work, size_t i, int row, double *x);
  /* y (n x n_terms, row i at y + i * n_terms) = sum over rows of w x. */
  void (*project)(const fm_design *design, fm_work *work, const double *w, double *y);
  /* g (n_linear) += sum_i s_i sum_j r_ij [x_ij; e_j]. s may be NULL: ones. */
  void (*score)(const fm_design *design, fm_work *work, const double *s, const double *r, double *g);
  /* h += sum_i s_i sum_j q_ij [x_ij; e_j][x_ij; e_j]'. A storage may keep the sum back until flush();
   * the same h must be given until then. s may be NULL: ones. */
  void (*cross)(const fm_design *design, fm_work *work, const double *s, const double *q, double *h,
                size_t ld);
  /* h += sum_i s_i z_i z_i', z_i = [y_i; w_i scattered to places], with y from project(w). */
  void (*outer)(const fm_design *design, fm_work *work, const double *s, const double *w, const double *y,
                double *h, size_t ld);
  /* Adds what cross() kept back. Call after the last block of a chunk. */
  void (*flush)(const fm_design *design, fm_work *work, double *h, size_t ld);
  void (*free)(fm_design *design);
  /* Lists what the storage consists of, in the direction of the image (image.h). One that reads finds
   * design->storage NULL: it is allocated here, and freed again on failure. NULL: there are no images. */
  fm_code (*image)(fm_design *design, const fm_image *image);
} fm_design_ops;

struct fm_design {
  const fm_design_ops *ops;
  const fm_kernels *kernels;
  size_t n_terms;   /* coefficients b */
  size_t n_effects; /* place constants absorbed: n_places or 0 */
  size_t n_linear;  /* n_terms + n_effects */
  size_t n_places;
  size_t n_occasions; /* of the data */
  size_t n_units;     /* after merging */
  size_t n_blocks;
  size_t n_numbers;           /* about how many a pass touches: is it worth several threads? */
  size_t n_chunks;            /* tasks of one pass; fixed by the data alone */
  const size_t *chunk;        /* n_chunks + 1: first block of each */
  size_t max_units, max_rows; /* of a block */
  size_t n_groups;
  size_t *group_block;                    /* n_groups + 1, or NULL */
  size_t *chunk_group;                    /* n_chunks + 1, or NULL */
  size_t max_group_units, max_group_rows; /* of a group */
  const size_t *unit_of;                  /* n_occasions, or NULL when unit i is occasion i */
  int mapped;                             /* its arrays lie in a file (image.h) and are not its own */
  void *storage;                          /* the storage's own */
  int (*interrupted)(void *context);      /* asked during a pass; NULL: nobody asks. See base/threads.h */
  void *interrupt_context;
};

struct fm_work {
  const fm_design *design;
  fm_block block;
  void *storage; /* the storage's own */
};

#endif
