/* rings.h: weight around points within radii, exact, and the M function of Marcon and Puech from it.
 *
 *   out[k + n_radii * i] = sum of w_j over points j != i with d_ij <= radius[k]
 *
 * Points are kept in strips sorted by x, with running sums; only points between the chords a circle cuts
 * from
 * the two edges of a strip are compared one by one (strips.c). Distances are compared by squares; a pair
 * within
 * 1e-12 of a radius, relatively, counts as inside, so that a distance of 0.1 between 0.2 and 0.3 is 0.1.
 * Thread safety: strips are read only once built. Results do not depend on the number of threads.
 */
#ifndef FM_RINGS_H
#define FM_RINGS_H

#include <stddef.h>

#include "pairs.h"

/* radius[0] < radius[1] < ..., all >= 0. */
typedef struct fm_radii {
  const double *radius;
  size_t n;
} fm_radii;

/* Sums around the n_from sites from[.] (0-based; NULL: all sites) of the weights of the n_to sites to[.]
 * (0-based;
 * NULL: all), weight by site. A site is not its own neighbour; another at the same place is. */
typedef struct fm_around {
  const int *from, *to;
  size_t n_from, n_to;
  const double *weight;
} fm_around;

fm_code fm_ring_sums(const fm_sites *sites, const fm_around *around, const fm_radii *radii, double *out,
                     const fm_run *run, fm_error *err);

/* M(r) = sum_i case_i(r)/all_i(r) / sum_i share_i, over the cases i that have a neighbour within r, where
 * case_i and all_i are the weights of neighbours of the type and of all types, and
 * share_i = (W_type - w_i [i is of the type])/(W - w_i).
 * Without `place` draw b has the n_from reference sites member[(n_from + n_to) b ..] and after them the
 * n_to sites of
 * the neighbour type; weights stay at their sites, and all is n_radii x sites (every site). With `place`,
 * n_sites x
 * n_draws, the type and weight of site j are at place[j + n_sites b] in draw b; member then has the
 * n_from + n_to
 * sites once, and `all` is not read. n_to = 0: the reference sites are the neighbours too.
 * m[k + n_radii * b]; NaN where no reference site has a neighbour. */
typedef struct fm_m_draws {
  size_t n_from, n_to, n_draws;
  const int *member, *place;
  const double *weight, *all;
} fm_m_draws;

fm_code fm_m_function(const fm_sites *sites, const fm_m_draws *draws, const fm_radii *radii, double *m,
                      const fm_run *run, fm_error *err);

#endif
