/* strips.h: points in strips, and the weight around some centres within several radii: what rings.c and
 * m_function.c
 * are made of (how: strips.c).
 *
 * A set of strips is built from sites and weights, or rebuilt with other weights. Thread safety: strips
 * and rings
 * are read only once built; discs belong to one thread.
 */
#ifndef FM_STRIPS_H
#define FM_STRIPS_H

#include <stddef.h>

#include "rings.h"

enum { FM_DISCS = 64 };

typedef struct fm_strips {
  size_t n, n_strips; /* one strip: all points are compared */
  size_t *start;      /* n_strips + 1 */
  struct fm_point *points, *buffer;
  double *x, *y, *weight; /* by strip, then by x */
  double *running; /* sums of weights before each point of a strip, which has one more entry than points */
  double *bottom, *top; /* the least and the largest y of a strip */
  /* Buckets of equal width over the x of a strip: bucket b of strip k has the points
   * bucket[b + (n_buckets + 1) k] .. bucket[b + 1 + (n_buckets + 1) k] - 1. */
  size_t n_buckets, *bucket;
  double *left, *right, *per_x; /* by strip: its least and largest x, buckets per unit of x */
} fm_strips;

/* Room for n points, to be asked for n_radii discs at a time; the caller frees. */
fm_code fm_strips_init(fm_strips *strips, size_t n, size_t n_radii);
void fm_strips_free(fm_strips *strips);
/* Strips of the sites to[0 .. n-1] (NULL: all), weight by site. */
void fm_strips_build(fm_strips *strips, const fm_sites *sites, const int *to, const double *weight);
/* Which site each point of strips of all sites is. */
fm_code fm_strips_order(fm_strips *strips, const fm_sites *sites, size_t *site);
/* The strips with other weights, by site. */
void fm_strips_weigh(fm_strips *strips, const size_t *site, const double *weight);

/* Which ring a squared distance is in: the first k with d2 <= square[k], n beyond the last. */
typedef struct fm_rings {
  size_t n;
  double *square;  /* n + 1, the last is INFINITY */
  double scale;    /* entries of the table per unit of d2 */
  unsigned *first; /* TABLE + 1: the ring of the lower edge of each entry */
} fm_rings;

fm_code fm_rings_init(fm_rings *rings, const fm_radii *radii);
void fm_rings_free(fm_rings *rings);

/* Weight and number of the points within each radius: n + 1 of each, the last is scratch. */
typedef struct fm_disc {
  double *sum, *count;
} fm_disc;

/* Up to FM_DISCS centres (x, y) and their discs. */
typedef struct fm_discs {
  double centre[2 * FM_DISCS];
  fm_disc d[FM_DISCS];
  double *memory;
} fm_discs;

fm_code fm_discs_init(fm_discs *discs, size_t n_radii);
void fm_discs_free(fm_discs *discs);
/* Sums within each radius around the first n centres. */
void fm_discs_around(const fm_strips *strips, const fm_rings *rings, size_t n, fm_discs *discs);
/* A centre among the points, of weight `self`, leaves itself out. */
void fm_disc_leave_out(fm_disc *disc, size_t n_radii, double self);

#endif
