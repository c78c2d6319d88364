/* test_pairs.c: densities, moments and discs against sums over all pairs. */
#include <math.h>
#include <stdlib.h>

#include "../../src/core/decompose/pairs.h"
#include "../../src/core/decompose/rings.h"
#include "minunit.h"

enum { N = 300, AT = 5 };

static const double at[AT] = {0, 0.03, 0.2, 0.5, 0.9};
static const fm_run alone = {1, NULL, NULL};
static const fm_run together = {3, NULL, NULL};

typedef struct world {
  double x[N], y[N], weight[N];
  int member[N];
  fm_sites sites;
} world;

/* Half of the points spread, half in a small cluster, some at the same place. */
static void make_world(world *w) {
  for (size_t i = 0; i < N; i++) {
    const double size = i % 2 ? 1 : 0.05;
    w->x[i] = i % 10 == 9 ? w->x[i - 1] : mu_uniform() * size;
    w->y[i] = i % 10 == 9 ? w->y[i - 1] : mu_uniform() * size;
    w->weight[i] = mu_uniform() + 0.1;
    w->member[i] = (int)i;
  }
  w->sites = (fm_sites){N, w->x, w->y};
}

static double distance(const world *w, size_t i, size_t j) {
  return hypot(w->x[i] - w->x[j], w->y[i] - w->y[j]);
}

static double kernel(double d, double u, double h) {
  const double near = (d - u) / h, far = (d + u) / h;
  return (exp(-0.5 * near * near) + exp(-0.5 * far * far)) / sqrt(2 * acos(-1)) / h;
}

static void direct_density(const world *w, size_t n, const double *weight, double h, double *density) {
  for (size_t a = 0; a < AT; a++) {
    double sum = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
      for (size_t j = i + 1; j < n; j++) {
        const double pair = weight == NULL ? 1 : weight[i] * weight[j];
        sum += pair * kernel(at[a], distance(w, i, j), h);
        total += pair;
      }
    }
    density[a] = sum / total;
  }
}

static void check_density(const world *w, size_t n, const double *weight, double h) {
  const fm_subsets subsets = {n, 1, w->member, weight, 0};
  const fm_kernel grid = {at, AT, h};
  double density[AT], other[AT], expected[AT];
  CHECK_OK(fm_pair_density(&w->sites, &subsets, &grid, density, &alone, NULL));
  CHECK_OK(fm_pair_density(&w->sites, &subsets, &grid, other, &together, NULL));
  direct_density(w, n, weight, h, expected);
  CHECK_ARRAY(density, expected, AT, 1e-9);
  CHECK_SAME(density, other, AT);
}

static void test_density(void) {
  static world w;
  make_world(&w);
  check_density(&w, N, NULL, 0.1);
  check_density(&w, N, NULL, 0.004);
  check_density(&w, N, w.weight, 0.3);
  check_density(&w, 2, w.weight, 0.05);
}

/* More points than one stripe takes, and more than one draw. */
static void test_large_density(void) {
  enum { MANY = 2500 };
  static double x[MANY], y[MANY];
  static int member[2 * MANY];
  for (size_t i = 0; i < MANY; i++) {
    x[i] = mu_uniform();
    y[i] = mu_uniform();
    member[i] = (int)i;
    member[MANY + i] = (int)(MANY - 1 - i);
  }
  const fm_sites sites = {MANY, x, y};
  const fm_subsets subsets = {MANY, 2, member, NULL, 0};
  const fm_kernel grid = {at, AT, 0.1};
  double density[2 * AT], sum = 0;
  CHECK_OK(fm_pair_density(&sites, &subsets, &grid, density, &together, NULL));
  CHECK_ARRAY(density, density + AT, AT, 1e-12);
  for (size_t i = 0; i < MANY; i++) {
    for (size_t j = i + 1; j < MANY; j++) {
      sum += kernel(at[2], hypot(x[i] - x[j], y[i] - y[j]), 0.1);
    }
  }
  CHECK_CLOSE(density[2], sum / (0.5 * MANY * (MANY - 1)), 1e-10);
}

static void check_moments(const double *h) {
  static world w;
  static double k[N][AT];
  make_world(&w);
  double mean[2 * AT], site[2 * AT * AT], pair[2 * AT * AT], again[2 * AT * AT];
  fm_pair_moments m = {at, h, AT, 2, mean, site, pair};
  CHECK_OK(fm_pair_moments_all(&w.sites, &m, &alone, NULL));
  m.pair = again;
  CHECK_OK(fm_pair_moments_all(&w.sites, &m, &together, NULL));
  CHECK_SAME(pair, again, 2 * AT * AT);
  for (size_t s = 0; s < 2; s++) {
    double first[AT] = {0}, square[AT * AT] = {0}, product[AT * AT] = {0};
    for (size_t i = 0; i < N; i++) {
      for (size_t a = 0; a < AT; a++) {
        k[i][a] = 0;
        for (size_t j = 0; j < N; j++) {
          k[i][a] += j == i ? 0 : kernel(at[a], distance(&w, i, j), h[s]) / (N - 1);
        }
        first[a] += k[i][a] / N;
      }
      for (size_t a = 0; a < AT; a++) {
        for (size_t b = 0; b < AT; b++) {
          square[a + AT * b] += k[i][a] * k[i][b];
          for (size_t j = i + 1; j < N; j++) {
            product[a + AT * b] +=
                kernel(at[a], distance(&w, i, j), h[s]) * kernel(at[b], distance(&w, i, j), h[s]);
          }
        }
      }
    }
    CHECK_ARRAY(mean + AT * s, first, AT, 1e-7);
    CHECK_ARRAY(site + AT * AT * s, square, AT * AT, 1e-7);
    CHECK_ARRAY(pair + AT * AT * s, product, AT * AT, 1e-6);
  }
}

/* Bandwidths in which the d are far apart, and near each other. */
static void test_moments(void) {
  const double narrow[2] = {0.15, 0.05}, wide[2] = {0.15, 0.12};
  check_moments(narrow);
  check_moments(wide);
}

static void test_histogram(void) {
  static world w;
  static double d[N * (N - 1) / 2];
  make_world(&w);
  double count[16], expected[16] = {0};
  fm_pair_distances(&w.sites, d);
  for (size_t k = 0; k < N * (N - 1) / 2; k++) {
    const size_t b = (size_t)(d[k] * 16);
    expected[b < 16 ? b : 15]++;
  }
  CHECK_OK(fm_pair_histogram(&w.sites, 1, 16, count, &together, NULL));
  CHECK_ARRAY(count, expected, 16, 0);
  CHECK_CODE(fm_pair_histogram(&w.sites, 0, 16, count, &alone, NULL), FM_INVALID);
}

/* ---- discs ------------------------------------------------------------------------------------------- */

enum { MANY = 6000, RADII = 6 };

typedef struct plane {
  double x[MANY], y[MANY], weight[MANY];
  fm_sites sites;
} plane;

static const double radius[RADII] = {0, 0.001, 0.02, 0.1, 0.3, 2};

/* kind 0: uniform, 1: two towns far from 0, 2: a grid with ties, 3: all at one place, 4: a line. */
static void make_plane(plane *p, int kind) {
  for (size_t i = 0; i < MANY; i++) {
    const double u = mu_uniform(), v = mu_uniform();
    p->x[i] = kind == 1 ? 1000 + 0.01 * u + (i % 2 ? 0.29 : 0) : kind == 2 ? floor(u * 50) / 50 : u;
    p->y[i] = kind == 1 ? 5000 + 0.01 * v : kind == 2 ? floor(v * 50) / 50 : kind == 4 ? 0.5 : v;
    if (kind == 3) {
      p->x[i] = p->y[i] = 1;
    }
    p->weight[i] = floor(1 + 100 * u * v); /* whole numbers: sums are exact */
  }
  p->sites = (fm_sites){MANY, p->x, p->y};
}

static void direct_sums(const plane *p, int to_every, int i, double *sum) {
  for (size_t k = 0; k < RADII; k++) {
    const double square = radius[k] * radius[k] * (1 + 2e-12);
    sum[k] = 0;
    for (int j = 0; j < MANY; j += to_every) {
      const double dx = p->x[j] - p->x[i], dy = p->y[j] - p->y[i];
      sum[k] += j != i && dx * dx + dy * dy <= square ? p->weight[j] : 0;
    }
  }
}

static void check_sums(const plane *p, int to_every) {
  enum { FROM = 100 };
  static int from[FROM], to[MANY];
  static double sum[FROM * RADII], other[FROM * RADII];
  double expected[RADII];
  for (int i = 0; i < FROM; i++) {
    from[i] = i * 59;
  }
  for (int i = 0; i * to_every < MANY; i++) {
    to[i] = i * to_every;
  }
  const fm_around around = {from, to, FROM, (size_t)((MANY - 1) / to_every + 1), p->weight};
  const fm_radii radii = {radius, RADII};
  CHECK_OK(fm_ring_sums(&p->sites, &around, &radii, sum, &alone, NULL));
  CHECK_OK(fm_ring_sums(&p->sites, &around, &radii, other, &together, NULL));
  CHECK_SAME(sum, other, FROM * RADII);
  for (size_t i = 0; i < FROM; i++) {
    direct_sums(p, to_every, from[i], expected);
    CHECK_ARRAY(sum + i * RADII, expected, RADII, 0);
  }
}

static void test_discs(void) {
  static plane p;
  for (int kind = 0; kind < 5; kind++) {
    make_plane(&p, kind);
    check_sums(&p, 1); /* strips */
    check_sums(&p, 20);
    check_sums(&p, 50); /* few points: all compared */
  }
}

/* M from sums over all pairs. */
static double direct_m(const plane *p, const int *member, size_t n_from, size_t n_to, double r) {
  const int own = n_to == 0;
  const int *to = own ? member : member + n_from;
  const size_t n = own ? n_from : n_to;
  double type = 0, total = 0, ratio = 0, share = 0;
  for (size_t i = 0; i < MANY; i++) {
    total += p->weight[i];
  }
  for (size_t j = 0; j < n; j++) {
    type += p->weight[to[j]];
  }
  for (size_t i = 0; i < n_from; i++) {
    const int a = member[i];
    double all = 0, near = 0;
    for (int j = 0; j < MANY; j++) {
      all += j != a && hypot(p->x[a] - p->x[j], p->y[a] - p->y[j]) <= r ? p->weight[j] : 0;
    }
    for (size_t j = 0; j < n; j++) {
      near += to[j] != a && hypot(p->x[a] - p->x[to[j]], p->y[a] - p->y[to[j]]) <= r ? p->weight[to[j]] : 0;
    }
    ratio += all > 0 ? near / all : 0;
    share += all > 0 ? (type - (own ? p->weight[a] : 0)) / (total - p->weight[a]) : 0;
  }
  return share > 0 ? ratio / share : NAN;
}

static void test_m(void) {
  enum { FROM = 60, TO = 40 };
  static plane p;
  static double all[MANY * RADII];
  int member[2 * (FROM + TO)];
  make_plane(&p, 0);
  for (int i = 0; i < 2 * (FROM + TO); i++) {
    member[i] = i * 29;
  }
  const fm_radii radii = {radius, RADII};
  const fm_around around = {NULL, NULL, MANY, MANY, p.weight};
  CHECK_OK(fm_ring_sums(&p.sites, &around, &radii, all, &together, NULL));
  fm_m_draws draws = {FROM, TO, 2, member, NULL, p.weight, all};
  double m[2 * RADII], other[2 * RADII];
  CHECK_OK(fm_m_function(&p.sites, &draws, &radii, m, &alone, NULL));
  CHECK_OK(fm_m_function(&p.sites, &draws, &radii, other, &together, NULL));
  CHECK(isnan(m[0]) && isnan(other[0])); /* nobody at distance 0 */
  for (size_t k = 1; k < RADII; k++) {
    CHECK_CLOSE(m[k], direct_m(&p, member, FROM, TO, radius[k]), 1e-12);
    CHECK_CLOSE(other[RADII + k], direct_m(&p, member + FROM + TO, FROM, TO, radius[k]), 1e-12);
  }
  draws = (fm_m_draws){FROM, 0, 1, member, NULL, p.weight, all};
  CHECK_OK(fm_m_function(&p.sites, &draws, &radii, m, &alone, NULL));
  CHECK_CLOSE(m[3], direct_m(&p, member, FROM, 0, radius[3]), 1e-12);
}

/* Types and weights that move together: the same as a plane in which they are somewhere else. */
static void test_m_of_moving_marks(void) {
  enum { FROM = 60, TO = 40, DRAWS = 2 };
  static plane p, moved;
  static int place[DRAWS * MANY];
  int member[FROM + TO], there[FROM + TO];
  double m[DRAWS * RADII], other[DRAWS * RADII];
  make_plane(&p, 0);
  for (int j = 0; j < MANY; j++) {
    place[j] = j;
    place[MANY + j] = (j + 17) % MANY;
  }
  for (int i = 0; i < FROM + TO; i++) {
    member[i] = i * 29;
  }
  const fm_radii radii = {radius, RADII};
  const fm_m_draws draws = {FROM, TO, DRAWS, member, place, p.weight, NULL};
  CHECK_OK(fm_m_function(&p.sites, &draws, &radii, m, &alone, NULL));
  CHECK_OK(fm_m_function(&p.sites, &draws, &radii, other, &together, NULL));
  moved = p;
  for (int j = 0; j < MANY; j++) {
    moved.weight[place[MANY + j]] = p.weight[j];
  }
  for (int i = 0; i < FROM + TO; i++) {
    there[i] = place[MANY + member[i]];
  }
  for (size_t k = 1; k < RADII; k++) {
    CHECK_CLOSE(m[k], direct_m(&p, member, FROM, TO, radius[k]), 1e-12);
    CHECK_CLOSE(m[RADII + k], direct_m(&moved, there, FROM, TO, radius[k]), 1e-12);
    CHECK(m[RADII + k] == other[RADII + k]);
  }
}

/* Each draw with weights of its own. */
static void test_weights_by_draw(void) {
  static world w;
  enum { FEW = 40 };
  int member[2 * FEW];
  double weight[2 * FEW], both[2 * AT], one[AT];
  make_world(&w);
  for (int i = 0; i < 2 * FEW; i++) {
    member[i] = i;
    weight[i] = w.weight[i];
  }
  const fm_kernel grid = {at, AT, 0.1};
  const fm_subsets draws = {FEW, 2, member, weight, FEW}, second = {FEW, 1, member + FEW, weight + FEW, 0};
  CHECK_OK(fm_pair_density(&w.sites, &draws, &grid, both, &alone, NULL));
  CHECK_OK(fm_pair_density(&w.sites, &second, &grid, one, &alone, NULL));
  CHECK_ARRAY(both + AT, one, AT, 1e-14);
}

/* ---- failures
 * ------------------------------------------------------------------------------------------- */

static fm_code scenario(void *context) {
  const world *w = context;
  const double h = 0.1;
  double density[AT], mean[AT], site[AT * AT], pair[AT * AT], count[8];
  static double sum[N * AT];
  const fm_subsets subsets = {N, 1, w->member, NULL, 0};
  const fm_kernel grid = {at, AT, h};
  const fm_pair_moments m = {at, &h, AT, 1, mean, site, pair};
  const fm_around around = {NULL, NULL, N, N, w->weight};
  const fm_radii radii = {at, AT};
  FM_TRY(fm_pair_density(&w->sites, &subsets, &grid, density, &together, NULL));
  FM_TRY(fm_pair_histogram(&w->sites, 1, 8, count, &alone, NULL));
  FM_TRY(fm_ring_sums(&w->sites, &around, &radii, sum, &together, NULL));
  fm_m_draws draws = {10, 0, 1, w->member, NULL, w->weight, sum};
  FM_TRY(fm_m_function(&w->sites, &draws, &radii, density, &together, NULL));
  draws.place = w->member;
  FM_TRY(fm_m_function(&w->sites, &draws, &radii, density, &together, NULL));
  return fm_pair_moments_all(&w->sites, &m, &alone, NULL);
}

static void test_allocations(void) {
  static world w;
  make_world(&w);
  mu_each_allocation(scenario, &w);
}

static int stop(void *context) {
  (void)context;
  return 1;
}

static void test_invalid(void) {
  static world w;
  make_world(&w);
  const fm_run stopped = {1, stop, NULL};
  const double h[1] = {0};
  double density[AT], sum[N * AT];
  const fm_subsets subsets = {N, 1, w.member, NULL, 0};
  fm_kernel grid = {at, AT, 0};
  const fm_pair_moments m = {at, h, AT, 1, density, sum, sum};
  const fm_around around = {NULL, NULL, N, N, w.weight};
  fm_radii radii = {at, 0};
  CHECK_CODE(fm_pair_density(&w.sites, &subsets, &grid, density, &alone, NULL), FM_INVALID);
  CHECK_CODE(fm_pair_moments_all(&w.sites, &m, &alone, NULL), FM_INVALID);
  CHECK_CODE(fm_ring_sums(&w.sites, &around, &radii, sum, &alone, NULL), FM_INVALID);
  grid.h = 0.1;
  radii.n = AT;
  CHECK_CODE(fm_pair_density(&w.sites, &subsets, &grid, density, &stopped, NULL), FM_INTERRUPTED);
  CHECK_CODE(fm_ring_sums(&w.sites, &around, &radii, sum, &stopped, NULL), FM_INTERRUPTED);
}

void test_pairs(void) {
  RUN(test_density);
  RUN(test_large_density);
  RUN(test_moments);
  RUN(test_histogram);
  RUN(test_discs);
  RUN(test_m);
  RUN(test_m_of_moving_marks);
  RUN(test_weights_by_draw);
  RUN(test_allocations);
  RUN(test_invalid);
}
