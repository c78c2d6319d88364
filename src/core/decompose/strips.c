/* strips.c: points in strips, and sums over discs by strip.
 *
 * Strips of equal numbers of points are cut across y; in each the points are sorted by x and lie in
 * buckets of equal
 * width, with running sums of their weights. A circle meets a strip in chords: buckets between the
 * shorter ones are
 * inside for sure and come from the running sums, buckets beyond the longer ones are outside, and only
 * the points
 * of those between are compared one by one. With s strips the former cost radii x s, the latter n/s. A
 * few points are
 * compared all. A sum over no point is exactly 0: numbers are counted beside the weights.
 */
#include "strips.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/kernels.h"

enum { TABLE = 1024, FEW = 32 };

typedef struct fm_point {
  double x, y, weight;
} fm_point;

/* ---- strips
 * --------------------------------------------------------------------------------------------- */

void fm_strips_free(fm_strips *s) {
  fm_free(s->start), fm_free(s->points), fm_free(s->buffer), fm_free(s->x), fm_free(s->y);
  fm_free(s->weight), fm_free(s->running), fm_free(s->bottom), fm_free(s->top);
  fm_free(s->bucket), fm_free(s->left), fm_free(s->right), fm_free(s->per_x);
  *s = (fm_strips){0};
}

/* Room for n points, to be asked for n_radii discs at a time. */
fm_code fm_strips_init(fm_strips *s, size_t n, size_t n_radii) {
  /* measured: a strip of a disc costs about as much as 12 points compared with all rings, or 200 with one
   * radius */
  const double many = (double)n_radii * (double)n_radii;
  const size_t wanted = (size_t)sqrt((double)n / 56);
  *s = (fm_strips){.n = n, .n_strips = (double)n < many || wanted < 2 ? 1 : wanted};
  s->start = fm_alloc(s->n_strips + 1, sizeof(size_t));
  s->points = fm_alloc(n, sizeof(fm_point));
  s->buffer = fm_alloc(n, sizeof(fm_point));
  s->x = fm_alloc_zero(n + FM_BEYOND, sizeof(double));
  s->y = fm_alloc_zero(n + FM_BEYOND, sizeof(double));
  s->weight = fm_alloc_zero(n + FM_BEYOND, sizeof(double));
  s->running = fm_alloc(n + s->n_strips, sizeof(double));
  s->bottom = fm_alloc(s->n_strips, sizeof(double));
  s->top = fm_alloc(s->n_strips, sizeof(double));
  s->n_buckets = n / s->n_strips / 4 + 1;
  s->bucket = fm_alloc(s->n_strips * (s->n_buckets + 1), sizeof(size_t));
  s->left = fm_alloc(s->n_strips, sizeof(double));
  s->right = fm_alloc(s->n_strips, sizeof(double));
  s->per_x = fm_alloc(s->n_strips, sizeof(double));
  const int places = s->start && s->points && s->buffer && s->x && s->y && s->weight;
  if (!places || !s->running || !s->bottom || !s->top || !s->bucket || !s->left || !s->right || !s->per_x) {
    fm_strips_free(s);
    return FM_NO_MEMORY;
  }
  return FM_OK;
}

static double coordinate(const fm_point *p, int by_y) { return by_y ? p->y : p->x; }

/* Merges the sorted runs from .. middle-1 and middle .. to-1 of p into out. */
static void merge(const fm_point *p, size_t from, size_t middle, size_t to, int by_y, fm_point *out) {
  size_t i = from, j = middle;
  for (size_t k = from; k < to; k++) {
    const int left = j == to || (i < middle && coordinate(&p[i], by_y) <= coordinate(&p[j], by_y));
    out[k] = left ? p[i++] : p[j++];
  }
}

/* Sorts n points, stably; buffer has room for as many. */
static void sort_points(fm_point *p, fm_point *buffer, size_t n, int by_y) {
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t from = 0; from < n; from += 2 * width) {
      const size_t middle = from + width < n ? from + width : n;
      const size_t to = from + 2 * width < n ? from + 2 * width : n;
      merge(p, from, middle, to, by_y, buffer);
    }
    memcpy(p, buffer, n * sizeof(fm_point));
  }
}

/* The bucket of a value; it never falls as the value rises. */
static size_t bucket_of(const fm_strips *s, size_t k, double value) {
  const double at = (value - s->left[k]) * s->per_x[k];
  return at <= 0 ? 0 : at >= (double)s->n_buckets ? s->n_buckets - 1 : (size_t)at;
}

static void fill_buckets(fm_strips *s, size_t k) {
  const size_t first = s->start[k], last = s->start[k + 1];
  size_t *bucket = s->bucket + k * (s->n_buckets + 1);
  const double width = last > first ? s->x[last - 1] - s->x[first] : 0;
  s->left[k] = last > first ? s->x[first] : 0;
  s->right[k] = last > first ? s->x[last - 1] : 0;
  s->per_x[k] = width > 0 ? (double)s->n_buckets / width : 0;
  size_t i = first;
  for (size_t b = 0; b < s->n_buckets; b++) {
    bucket[b] = i;
    while (i < last && bucket_of(s, k, s->x[i]) == b) {
      i++;
    }
  }
  bucket[s->n_buckets] = last;
}

/* Unpacks the sorted points of a strip. */
static void fill_strip(fm_strips *s, size_t k) {
  double sum = 0;
  s->bottom[k] = INFINITY;
  s->top[k] = -INFINITY;
  for (size_t i = s->start[k]; i < s->start[k + 1]; i++) {
    const fm_point *p = &s->points[i];
    s->x[i] = p->x;
    s->y[i] = p->y;
    s->weight[i] = p->weight;
    s->bottom[k] = fmin(s->bottom[k], p->y);
    s->top[k] = fmax(s->top[k], p->y);
    s->running[i + k] = sum;
    sum += p->weight;
  }
  s->running[s->start[k + 1] + k] = sum;
}

/* Strips of the sites to[0 .. n-1] (NULL: all). */
void fm_strips_build(fm_strips *s, const fm_sites *sites, const int *to, const double *weight) {
  for (size_t i = 0; i < s->n; i++) {
    const size_t at = to == NULL ? i : (size_t)to[i];
    s->points[i] = (fm_point){sites->x[at], sites->y[at], weight[at]};
  }
  if (s->n_strips > 1) {
    sort_points(s->points, s->buffer, s->n, 1);
  }
  for (size_t k = 0; k <= s->n_strips; k++) {
    s->start[k] = (size_t)((double)s->n * (double)k / (double)s->n_strips);
  }
  s->start[s->n_strips] = s->n;
  for (size_t k = 0; k < s->n_strips; k++) {
    if (s->n_strips > 1) {
      sort_points(s->points + s->start[k], s->buffer, s->start[k + 1] - s->start[k], 0);
    }
    fill_strip(s, k);
    if (s->n_strips > 1) {
      fill_buckets(s, k);
    }
  }
}

fm_code fm_strips_order(fm_strips *s, const fm_sites *sites, size_t *site) {
  double *number = fm_alloc(sites->n, sizeof(double));
  if (number == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < sites->n; i++) {
    number[i] = (double)i;
  }
  fm_strips_build(s, sites, NULL, number); /* numbers sorted along as if they were weights */
  for (size_t i = 0; i < sites->n; i++) {
    site[i] = (size_t)s->weight[i];
  }
  fm_free(number);
  return FM_OK;
}

void fm_strips_weigh(fm_strips *s, const size_t *site, const double *weight) {
  for (size_t k = 0; k < s->n_strips; k++) {
    double sum = 0;
    for (size_t i = s->start[k]; i < s->start[k + 1]; i++) {
      s->weight[i] = weight[site[i]];
      s->running[i + k] = sum;
      sum += s->weight[i];
    }
    s->running[s->start[k + 1] + k] = sum;
  }
}

/* ---- rings
 * ---------------------------------------------------------------------------------------------- */

void fm_rings_free(fm_rings *r) {
  fm_free(r->square), fm_free(r->first);
  *r = (fm_rings){0};
}

fm_code fm_rings_init(fm_rings *r, const fm_radii *radii) {
  *r = (fm_rings){.n = radii->n};
  r->square = fm_alloc(radii->n + 1, sizeof(double));
  r->first = fm_alloc(TABLE + 1, sizeof(unsigned));
  if (!r->square || !r->first) {
    fm_rings_free(r);
    return FM_NO_MEMORY;
  }
  for (size_t k = 0; k < radii->n; k++) {
    r->square[k] = radii->radius[k] * radii->radius[k] * (1 + 2e-12);
  }
  r->square[radii->n] = INFINITY;
  const double last = r->square[radii->n - 1];
  r->scale = last > 0 ? TABLE / last : 0;
  size_t k = 0;
  for (size_t e = 0; e <= TABLE; e++) {
    /* a little below the edge: rounding must not skip a ring */
    const double edge = last / TABLE * ((double)e - 0.001);
    while (r->square[k] < edge) {
      k++;
    }
    r->first[e] = (unsigned)k;
  }
  return FM_OK;
}

static inline size_t ring_of(const fm_rings *r, double d2) {
  const double entry = d2 * r->scale;
  size_t k = entry < TABLE ? r->first[(size_t)entry] : r->first[TABLE];
  while (d2 > r->square[k]) {
    k++;
  }
  return k;
}

/* ---- discs
 * ---------------------------------------------------------------------------------------------- */

void fm_discs_free(fm_discs *g) { fm_free(g->memory); }

fm_code fm_discs_init(fm_discs *g, size_t n) {
  g->memory = fm_alloc(2 * FM_DISCS * (n + 1), sizeof(double));
  if (g->memory != NULL) {
    for (size_t i = 0; i < FM_DISCS; i++) {
      g->d[i].sum = g->memory + 2 * i * (n + 1);
      g->d[i].count = g->d[i].sum + n + 1;
    }
  }
  return g->memory == NULL ? FM_NO_MEMORY : FM_OK;
}

/* Every point by its ring. */
static void compare_all(const fm_strips *s, const fm_rings *r, double x, double y, fm_disc *d) {
  for (size_t i = 0; i < s->n; i++) {
    const double dx = s->x[i] - x, dy = s->y[i] - y;
    const size_t k = ring_of(r, dx * dx + dy * dy);
    d->sum[k] += s->weight[i];
    d->count[k]++;
  }
  for (size_t k = 1; k < r->n; k++) {
    d->sum[k] += d->sum[k - 1];
    d->count[k] += d->count[k - 1];
  }
}

/* The discs around (x, y) in strip k. Rounding moves the chords by less than `slack`, which is never 0. */
static void add_strip(const fm_strips *s, size_t k, const fm_rings *r, const fm_kernels *kernels,
                      const double *centre, fm_disc *d) {
  const double x = centre[0], over = s->bottom[k] - centre[1], under = centre[1] - s->top[k];
  const double least = over > under ? over : under, most = over < under ? -over : -under;
  const double near = least > 0 ? least * least : 0, far = most * most;
  const size_t *bucket = s->bucket + k * (s->n_buckets + 1);
  const fm_points points = {s->x, s->y, s->weight};
  for (size_t q = ring_of(r, near); q < r->n; q++) {
    const double square = r->square[q], chord = sqrt(square - near),
                 slack = 4e-15 * (fabs(x) + chord) + 1e-300;
    const double sure = (square > far ? sqrt(square - far) : 0) - slack;
    /* many points may be at one place, the whole of a strip say: its ends are not left to buckets */
    const size_t in0 = x - sure < s->left[k] ? bucket[0] : bucket[bucket_of(s, k, x - sure) + 1];
    const size_t in1 = x + sure > s->right[k] ? bucket[s->n_buckets] : bucket[bucket_of(s, k, x + sure)];
    size_t run[4] = {bucket[bucket_of(s, k, x - chord - slack)], in0, in1,
                     bucket[bucket_of(s, k, x + chord + slack) + 1]};
    if (in0 + FEW < in1) {
      d->sum[q] += s->running[in1 + k] - s->running[in0 + k];
      d->count[q] += (double)(in1 - in0);
    } else { /* points so few are added one by one, which loses no digits */
      run[1] = run[2] = run[3];
    }
    d->sum[q] += kernels->disc(&points, run, centre, square, &d->count[q]);
  }
}

/* A point among the strips leaves itself, of weight `self`, out. */
void fm_disc_leave_out(fm_disc *d, size_t n, double self) {
  for (size_t k = 0; k < n; k++) {
    d->count[k]--;
    d->sum[k] = d->count[k] > 0 ? d->sum[k] - self : 0;
  }
}

/* Sums within each radius around the first n centres, strip after strip, each of which stays in the
 * caches. */
void fm_discs_around(const fm_strips *s, const fm_rings *r, size_t n, fm_discs *g) {
  const fm_kernels *kernels = fm_kernels_best();
  memset(g->memory, 0, 2 * n * (r->n + 1) * sizeof(double));
  for (size_t k = 0; k < s->n_strips; k++) {
    for (size_t i = 0; i < n; i++) {
      if (s->n_strips == 1) {
        compare_all(s, r, g->centre[2 * i], g->centre[2 * i + 1], &g->d[i]);
      } else {
        add_strip(s, k, r, kernels, g->centre + 2 * i, &g->d[i]);
      }
    }
  }
}
