/* dynamics_grouped.c: variances of influences whose firms go together in groups.
 *
 *   variance_k = sum_g ( all_k' M_g + start_k' M_g[o = c] + end_k' M_g[d = c] + stay_k' M_g[o = d = c]
 *                        + dead_k' M_g[o = c, d = none] + gone_k' M_g[o = c, d unseen]
 *                        + new_k' M_g[o unseen, d = c] + own_k' M_g[cell] )^2
 *
 * with M_g the moments of the firms of group g, c the cluster of the influence.
 */
#include <string.h>

#include "../base/alloc.h"
#include "firm_dynamics.h"

/* Sums of one group in one pair of periods. */
typedef struct group_sums {
  double all[FM_FIRM_MOMENTS];
  /* (1 + n_places) x FM_FIRM_MOMENTS for each class; n_cells x FM_FIRM_MOMENTS for FM_CLASS_OWN, none for
   * all */
  double *of[FM_CLASSES];
  unsigned char *touched; /* 1 + n_places */
} group_sums;

/* Derivatives of each term: by class, and in the sums of its own cell. */
typedef struct gradients {
  double *all, *own;
} gradients;

static fm_code sums_init(group_sums *s, size_t n_places, size_t n_cells) {
  *s = (group_sums){0};
  const size_t places = n_places + 1;
  int fine = 1;
  for (size_t kind = FM_CLASS_START; kind < FM_CLASSES; kind++) {
    s->of[kind] =
        fm_alloc_zero((kind == FM_CLASS_OWN ? n_cells : places) * FM_FIRM_MOMENTS, sizeof(double));
    fine = fine && s->of[kind] != NULL;
  }
  s->touched = fm_alloc_zero(places, 1);
  return fine && s->touched ? FM_OK : FM_NO_MEMORY;
}

static void sums_free(group_sums *s) {
  for (size_t kind = FM_CLASS_START; kind < FM_CLASSES; kind++) {
    fm_free(s->of[kind]);
  }
  fm_free(s->touched);
}

static void plus(double *to, const double *m) {
  for (size_t a = 0; a < FM_FIRM_MOMENTS; a++) {
    to[a] += m[a];
  }
}

static double dot(const double *l, const double *m) {
  double total = 0.0;
  for (size_t a = 0; a < FM_FIRM_MOMENTS; a++) {
    total += l[a] * m[a];
  }
  return total;
}

static void put(group_sums *s, const fm_dynamics *d, const fm_part *part, size_t n_places) {
  const size_t start = (size_t)d->start[part->cell], end = (size_t)d->end[part->cell];
  const int seen_start = start >= 1 && start <= n_places, seen_end = end >= 1 && end <= n_places;
  plus(s->all, part->sum);
  plus(s->of[FM_CLASS_OWN] + part->cell * FM_FIRM_MOMENTS, part->sum);
  if (seen_start) {
    plus(s->of[FM_CLASS_START] + start * FM_FIRM_MOMENTS, part->sum);
    s->touched[start] = 1;
    if (end == 0) {
      plus(s->of[FM_CLASS_DEAD] + start * FM_FIRM_MOMENTS, part->sum);
    }
    if (!seen_end) {
      plus(s->of[FM_CLASS_GONE] + start * FM_FIRM_MOMENTS, part->sum);
    }
  }
  if (seen_end) {
    plus(s->of[FM_CLASS_END] + end * FM_FIRM_MOMENTS, part->sum);
    s->touched[end] = 1;
    if (!seen_start) {
      plus(s->of[FM_CLASS_NEW] + end * FM_FIRM_MOMENTS, part->sum);
    }
  }
  if (start == end && seen_start) {
    plus(s->of[FM_CLASS_STAY] + start * FM_FIRM_MOMENTS, part->sum);
  }
}

/* Back to zeros, where put() has written. */
static void wipe(group_sums *s, const fm_dynamics *d, const fm_part *part, size_t n_places) {
  const size_t ends[2] = {(size_t)d->start[part->cell], (size_t)d->end[part->cell]};
  memset(s->all, 0, sizeof s->all);
  memset(s->of[FM_CLASS_OWN] + part->cell * FM_FIRM_MOMENTS, 0, sizeof s->all);
  for (size_t e = 0; e < 2; e++) {
    if (ends[e] <= n_places) {
      for (size_t kind = FM_CLASS_START; kind < FM_CLASS_OWN; kind++) {
        memset(s->of[kind] + ends[e] * FM_FIRM_MOMENTS, 0, sizeof s->all);
      }
      s->touched[ends[e]] = 0;
    }
  }
}

static double influence_of(const group_sums *s, const fm_terms *terms, size_t k, const double *gradient) {
  const double *g = gradient + k * FM_CLASSES * FM_FIRM_MOMENTS;
  double total = dot(g + FM_CLASS_ALL * FM_FIRM_MOMENTS, s->all);
  if (s->touched[terms->place[k]]) {
    const size_t at = (size_t)terms->place[k] * FM_FIRM_MOMENTS;
    for (size_t kind = FM_CLASS_START; kind < FM_CLASS_OWN; kind++) {
      total += dot(g + kind * FM_FIRM_MOMENTS, s->of[kind] + at);
    }
    if (terms->cell[k] > 0) {
      total += dot(g + FM_CLASS_OWN * FM_FIRM_MOMENTS,
                   s->of[FM_CLASS_OWN] + (size_t)(terms->cell[k] - 1) * FM_FIRM_MOMENTS);
    }
  }
  return total;
}

/* First part of each (pair, group), parts in that order: a counting sort by group, then by pair. */
static fm_code sort_parts(const fm_dynamics *d, size_t *order) {
  const size_t n_groups = d->n_groups, n_pairs = d->n_pairs;
  size_t *by_group = fm_alloc(d->n_parts, sizeof(size_t));
  size_t *next = fm_alloc_zero((n_groups > n_pairs ? n_groups : n_pairs) + 2, sizeof(size_t));
  const int fine = by_group != NULL && next != NULL;
  if (fine) {
    for (size_t i = 0; i < d->n_parts; i++) {
      next[(size_t)d->part[i].group + 1]++;
    }
    for (size_t g = 0; g <= n_groups; g++) {
      next[g + 1] += next[g];
    }
    for (size_t i = 0; i < d->n_parts; i++) {
      by_group[next[d->part[i].group]++] = i;
    }
    memset(next, 0, (n_pairs + 2) * sizeof(size_t));
    for (size_t i = 0; i < d->n_parts; i++) {
      next[(size_t)d->pair[d->part[i].cell] + 1]++;
    }
    for (size_t p = 0; p <= n_pairs; p++) {
      next[p + 1] += next[p];
    }
    for (size_t i = 0; i < d->n_parts; i++) {
      order[next[d->pair[d->part[by_group[i]].cell]]++] = by_group[i];
    }
  }
  fm_free(by_group);
  fm_free(next);
  return fine ? FM_OK : FM_NO_MEMORY;
}

/* Squares of all influences of one group, whose sums are in s, for the terms from k0 on of its pair. */
static void add_group(const group_sums *s, const fm_terms *terms, size_t k0, int pair, const gradients *of,
                      double *variance, double *own) {
  for (size_t k = k0; k < terms->n && terms->pair[k] == pair; k++) {
    const double x = influence_of(s, terms, k, of->all);
    variance[k] += x * x;
    if (own != NULL && terms->cell[k] > 0) {
      const double *sum = s->of[FM_CLASS_OWN] + (size_t)(terms->cell[k] - 1) * FM_FIRM_MOMENTS;
      const double part = dot(of->own + k * FM_FIRM_MOMENTS, sum);
      own[k] += part * part;
    }
  }
}

static void add_squares(group_sums *s, const fm_dynamics *d, const size_t *order, const fm_terms *terms,
                        const gradients *of, double *variance, double *own) {
  size_t first = 0, k0 = 0;
  while (first < d->n_parts) {
    const fm_part *head = &d->part[order[first]];
    const int pair = d->pair[head->cell];
    size_t last = first;
    for (; last < d->n_parts; last++) {
      const fm_part *part = &d->part[order[last]];
      if (part->group != head->group || d->pair[part->cell] != pair) {
        break;
      }
      put(s, d, part, d->n_places);
    }
    while (k0 < terms->n && terms->pair[k0] < pair) {
      k0++;
    }
    add_group(s, terms, k0, pair, of, variance, own);
    for (size_t i = first; i < last; i++) {
      wipe(s, d, &d->part[order[i]], d->n_places);
    }
    first = last;
  }
}

static fm_code gradients_init(gradients *of, const fm_dynamics *d, const fm_terms *terms) {
  of->all = fm_alloc(terms->n, FM_CLASSES * FM_FIRM_MOMENTS * sizeof(double));
  of->own = fm_alloc(terms->n, FM_FIRM_MOMENTS * sizeof(double));
  if (of->all == NULL || of->own == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t k = 0; k < terms->n; k++) {
    double g[FM_CLASSES][FM_FIRM_MOMENTS];
    fm_term_gradient(terms, k, g);
    memcpy(of->all + k * FM_CLASSES * FM_FIRM_MOMENTS, g, sizeof g);
    if (terms->cell[k] > 0) {
      fm_own_gradient(d, terms, k, of->own + k * FM_FIRM_MOMENTS);
    }
  }
  return FM_OK;
}

fm_code fm_dynamics_grouped(const fm_dynamics *d, const fm_terms *terms, double *variance, double *own) {
  memset(variance, 0, terms->n * sizeof(double));
  if (own != NULL) {
    memset(own, 0, terms->n * sizeof(double));
  }
  group_sums sums;
  gradients of = {NULL, NULL};
  size_t *order = fm_alloc(d->n_parts, sizeof(size_t));
  fm_code code = sums_init(&sums, d->n_places, d->n_cells);
  if (order == NULL) {
    code = FM_NO_MEMORY;
  }
  code = code == FM_OK ? gradients_init(&of, d, terms) : code;
  code = code == FM_OK ? sort_parts(d, order) : code;
  if (code == FM_OK) {
    add_squares(&sums, d, order, terms, &of, variance, own);
  }
  sums_free(&sums);
  fm_free(order), fm_free(of.all), fm_free(of.own);
  return code;
}

/* ---- one influence given cell by cell
 * ---------------------------------------------------------------------------- */
static double of_cell(const double *gradient, size_t n_cells, size_t cell, const double *m) {
  double total = 0.0;
  for (size_t a = 0; a < FM_FIRM_MOMENTS; a++) {
    total += gradient[cell + n_cells * a] * m[a];
  }
  return total;
}

static void cells_by_group(const fm_dynamics *d, const size_t *order, const double *gradient,
                           double *variance) {
  size_t i = 0;
  while (i < d->n_parts) {
    const fm_part *head = &d->part[order[i]];
    const int pair = d->pair[head->cell];
    double x = 0.0;
    for (; i < d->n_parts; i++) {
      const fm_part *part = &d->part[order[i]];
      if (part->group != head->group || d->pair[part->cell] != pair) {
        break;
      }
      x += of_cell(gradient, d->n_cells, part->cell, part->sum);
    }
    variance[pair - 1] += x * x;
  }
}

fm_code fm_dynamics_cells(const fm_dynamics *d, const double *gradient, double *variance) {
  memset(variance, 0, d->n_pairs * sizeof(double));
  if (d->n_groups == 0) {
    for (size_t j = 0; j < d->n_cells; j++) {
      double x[FM_FIRM_MOMENTS];
      for (size_t a = 0; a < FM_FIRM_MOMENTS; a++) {
        x[a] = gradient[j + d->n_cells * a];
      }
      variance[d->pair[j] - 1] += fm_packed_quadratic(x, d->cell[j].product);
    }
    return FM_OK;
  }
  size_t *order = fm_alloc(d->n_parts, sizeof(size_t));
  const fm_code code = order != NULL ? sort_parts(d, order) : FM_NO_MEMORY;
  if (code == FM_OK) {
    cells_by_group(d, order, gradient, variance);
  }
  fm_free(order);
  return code;
}
