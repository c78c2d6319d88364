/* dynamics_variance.c: sums of squared influences of the terms of an account.
 *
 *   variance_k = sum over cells j of g_kj' (sum of m m' over the firms of j) g_kj
 *
 * with g_kj the sum of the derivatives of term k in the classes that cell j belongs to. The cells fall
 * into seven kinds for a
 * term: emigrants, deaths, those that hide, immigrants, those that are new (or seen again) and stayers of
 * its cluster, and all
 * others of the pair; their sums of products are made once for each cluster and pair, and the term's own
 * cell is taken out of its kind and put back with its own derivatives.
 */
#include <string.h>

#include "../base/alloc.h"
#include "firm_dynamics.h"

enum { LEAVE, DEATH, HIDE, ARRIVE, NEW, STAY, KINDS };

/* Sums of products, packed as in a cell. */
typedef struct products {
  double *unit; /* n_units x KINDS x FM_FIRM_PRODUCTS */
  double *all;  /* (1 + n_pairs) x FM_FIRM_PRODUCTS */
} products;

static double *unit_products(const products *p, size_t n_places, int pair, int place, size_t kind) {
  const size_t unit = (size_t)(pair - 1) * n_places + (size_t)(place - 1);
  return p->unit + (unit * KINDS + kind) * FM_FIRM_PRODUCTS;
}

static void plus(double *to, const double *from) {
  for (size_t i = 0; i < FM_FIRM_PRODUCTS; i++) {
    to[i] += from[i];
  }
}

static int is_place(int place, size_t n_places) { return place >= 1 && (size_t)place <= n_places; }

static size_t kind_leaving(int end, size_t n_places) {
  return is_place(end, n_places) ? LEAVE : (end == 0 ? DEATH : HIDE);
}

static size_t kind_coming(int start, size_t n_places) { return is_place(start, n_places) ? ARRIVE : NEW; }

static void add_up(const products *p, const fm_dynamics *d) {
  for (size_t j = 0; j < d->n_cells; j++) {
    const int start = d->start[j], end = d->end[j], stays = start == end;
    const double *product = d->cell[j].product;
    plus(p->all + (size_t)d->pair[j] * FM_FIRM_PRODUCTS, product);
    if (is_place(start, d->n_places)) {
      const size_t kind = stays ? STAY : kind_leaving(end, d->n_places);
      plus(unit_products(p, d->n_places, d->pair[j], start, kind), product);
    }
    if (is_place(end, d->n_places) && !stays) {
      plus(unit_products(p, d->n_places, d->pair[j], end, kind_coming(start, d->n_places)), product);
    }
  }
}

/* Sums of squares that cancel to less than their rounding are no variance. */
static double above_rounding(double total, double scale) { return total > 1e-14 * scale ? total : 0.0; }

/* Only the moments in which x is not zero are touched. */
double fm_packed_quadratic(const double *x, const double *packed) {
  size_t used[FM_FIRM_MOMENTS], n = 0;
  double scale = 0.0;
  for (size_t a = 0; a < FM_FIRM_MOMENTS; a++) {
    if (x[a] != 0.0) {
      used[n++] = a;
    }
  }
  double total = 0.0;
  for (size_t i = 0; i < n; i++) {
    const size_t a = used[i];
    double row = 0.5 * x[a] * packed[fm_product_at(a, a)];
    scale += x[a] * x[a] * packed[fm_product_at(a, a)];
    for (size_t j = i + 1; j < n; j++) {
      row += x[used[j]] * packed[fm_product_at(a, used[j])];
    }
    total += 2.0 * x[a] * row;
  }
  return above_rounding(total, scale);
}

void fm_term_gradient(const fm_terms *terms, size_t k, double gradient[FM_CLASSES][FM_FIRM_MOMENTS]) {
  memset(gradient, 0, FM_CLASSES * FM_FIRM_MOMENTS * sizeof(double));
  for (size_t j = 0; j < terms->n_columns; j++) {
    gradient[terms->class_of[j]][terms->moment[j]] += terms->column[j][k];
  }
}

static void sum_of(double *to, const double *a, const double *b) {
  for (size_t i = 0; i < FM_FIRM_MOMENTS; i++) {
    to[i] = a[i] + b[i];
  }
}

/* Derivatives of a term in the sums of each kind of cell. */
static void kind_gradients(double g[FM_CLASSES][FM_FIRM_MOMENTS], double of[KINDS][FM_FIRM_MOMENTS]) {
  sum_of(of[LEAVE], g[FM_CLASS_ALL], g[FM_CLASS_START]);
  sum_of(of[HIDE], of[LEAVE], g[FM_CLASS_GONE]);
  sum_of(of[DEATH], of[HIDE], g[FM_CLASS_DEAD]);
  sum_of(of[ARRIVE], g[FM_CLASS_ALL], g[FM_CLASS_END]);
  sum_of(of[NEW], of[ARRIVE], g[FM_CLASS_NEW]);
  sum_of(of[STAY], of[LEAVE], g[FM_CLASS_END]);
  sum_of(of[STAY], of[STAY], g[FM_CLASS_STAY]);
}

static size_t kind_of_own(const fm_dynamics *d, const fm_terms *terms, size_t k) {
  const size_t own = (size_t)terms->cell[k] - 1;
  const int leaves = d->start[own] == terms->place[k];
  return leaves ? kind_leaving(d->end[own], d->n_places) : kind_coming(d->start[own], d->n_places);
}

void fm_own_gradient(const fm_dynamics *d, const fm_terms *terms, size_t k, double *gradient) {
  double g[FM_CLASSES][FM_FIRM_MOMENTS], of[KINDS][FM_FIRM_MOMENTS];
  fm_term_gradient(terms, k, g);
  kind_gradients(g, of);
  sum_of(gradient, of[kind_of_own(d, terms, k)], g[FM_CLASS_OWN]);
}

/* own_part: what the firms of the term's own cell add. */
static double one_variance(const fm_dynamics *d, const fm_terms *terms, size_t k, const products *p,
                           double *own_part) {
  double g[FM_CLASSES][FM_FIRM_MOMENTS], of[KINDS][FM_FIRM_MOMENTS];
  fm_term_gradient(terms, k, g);
  kind_gradients(g, of);
  double total = fm_packed_quadratic(g[FM_CLASS_ALL], p->all + (size_t)terms->pair[k] * FM_FIRM_PRODUCTS);
  for (size_t kind = 0; kind < KINDS; kind++) {
    const double *packed = unit_products(p, d->n_places, terms->pair[k], terms->place[k], kind);
    total += fm_packed_quadratic(of[kind], packed) - fm_packed_quadratic(g[FM_CLASS_ALL], packed);
  }
  if (terms->cell[k] > 0) {
    const double *product = d->cell[terms->cell[k] - 1].product;
    const size_t kind = kind_of_own(d, terms, k);
    double with_own[FM_FIRM_MOMENTS];
    sum_of(with_own, of[kind], g[FM_CLASS_OWN]);
    *own_part = fm_packed_quadratic(with_own, product);
    total += *own_part - fm_packed_quadratic(of[kind], product);
  }
  return total;
}

fm_code fm_dynamics_variance(const fm_dynamics *d, const fm_terms *terms, double *variance, double *own) {
  products p = {fm_alloc_zero(d->n_places * d->n_pairs * KINDS * FM_FIRM_PRODUCTS, sizeof(double)),
                fm_alloc_zero((d->n_pairs + 1) * FM_FIRM_PRODUCTS, sizeof(double))};
  const int fine = p.unit != NULL && p.all != NULL;
  if (fine) {
    add_up(&p, d);
    for (size_t k = 0; k < terms->n; k++) {
      double of_own = 0.0;
      variance[k] = one_variance(d, terms, k, &p, &of_own);
      if (own != NULL) {
        own[k] = of_own;
      }
    }
  }
  fm_free(p.unit);
  fm_free(p.all);
  return fine ? FM_OK : FM_NO_MEMORY;
}
