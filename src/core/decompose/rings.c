/* rings.c: points in strips, and sums over discs by strip.
 *
 * Strips of equal numbers of points are cut across y; in each the points are sorted by x, with running sums of
 * their weights. A circle meets a strip in chords: points between the shorter ones are inside for sure and
 * come from the running sums, points beyond the longer ones are outside, and only those between are compared
 * one by one. With s strips the former cost radii x s, the latter n/s. A few points are compared all. A sum over no point
 * is exactly 0: numbers are counted beside the weights.
 * Arguments: rings.h. Overwrites the outputs only.
 */
#include "rings.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/threads.h"

enum { BATCH = 64, GROUP = 64, TABLE = 1024, FEW = 32 };

typedef struct point {
  double x, y, weight;
} point;

typedef struct strips {
  size_t n, n_strips; /* one strip: all points are compared */
  size_t *start;      /* n_strips + 1 */
  point *points, *buffer;
  double *x, *y, *weight; /* by strip, then by x */
  double *
      running; /* running sums of weights before each point of a strip; a strip has one more entry than points */
  double *bottom, *top; /* the least and the largest y of a strip */
  /* Buckets of equal width over the x of a strip, to begin a search in: bucket b of strip k has the points
   * bucket[b + (n_buckets + 1) k] .. bucket[b + 1 + (n_buckets + 1) k] - 1. */
  size_t n_buckets, *bucket;
  double *left, *per_x; /* by strip: its least x, buckets per unit of x */
} strips;

/* ---- strips --------------------------------------------------------------------------------------------- */

static void strips_free(strips *s) {
  fm_free(s->start), fm_free(s->points), fm_free(s->buffer), fm_free(s->x), fm_free(s->y);
  fm_free(s->weight), fm_free(s->running), fm_free(s->bottom), fm_free(s->top);
  fm_free(s->bucket), fm_free(s->left), fm_free(s->per_x);
  *s = (strips){0};
}

/* Room for n points, to be asked for n_radii discs at a time. */
static fm_code strips_init(strips *s, size_t n, size_t n_radii) {
  /* measured: a strip of a disc costs about as much as 50 points, a point compared with all rings as 2 */
  const double many = 9.0 * (double)n_radii * (double)n_radii;
  const size_t wanted = (size_t)sqrt((double)n / 28);
  *s = (strips){.n = n, .n_strips = (double)n < many || wanted < 2 ? 1 : wanted};
  s->start = fm_alloc(s->n_strips + 1, sizeof(size_t));
  s->points = fm_alloc(n, sizeof(point));
  s->buffer = fm_alloc(n, sizeof(point));
  s->x = fm_alloc(n, sizeof(double));
  s->y = fm_alloc(n, sizeof(double));
  s->weight = fm_alloc(n, sizeof(double));
  s->running = fm_alloc(n + s->n_strips, sizeof(double));
  s->bottom = fm_alloc(s->n_strips, sizeof(double));
  s->top = fm_alloc(s->n_strips, sizeof(double));
  s->n_buckets = n / s->n_strips / 4 + 1;
  s->bucket = fm_alloc(s->n_strips * (s->n_buckets + 1), sizeof(size_t));
  s->left = fm_alloc(s->n_strips, sizeof(double));
  s->per_x = fm_alloc(s->n_strips, sizeof(double));
  const int places = s->start && s->points && s->buffer && s->x && s->y && s->weight;
  if (!places || !s->running || !s->bottom || !s->top || !s->bucket || !s->left || !s->per_x) {
    strips_free(s);
    return FM_NO_MEMORY;
  }
  return FM_OK;
}

static double coordinate(const point *p, int by_y) { return by_y ? p->y : p->x; }

/* Merges the sorted runs from .. middle-1 and middle .. to-1 of p into out. */
static void merge(const point *p, size_t from, size_t middle, size_t to, int by_y, point *out) {
  size_t i = from, j = middle;
  for (size_t k = from; k < to; k++) {
    const int left = j == to || (i < middle && coordinate(&p[i], by_y) <= coordinate(&p[j], by_y));
    out[k] = left ? p[i++] : p[j++];
  }
}

/* Sorts n points, stably; buffer has room for as many. */
static void sort_points(point *p, point *buffer, size_t n, int by_y) {
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t from = 0; from < n; from += 2 * width) {
      const size_t middle = from + width < n ? from + width : n;
      const size_t to = from + 2 * width < n ? from + 2 * width : n;
      merge(p, from, middle, to, by_y, buffer);
    }
    memcpy(p, buffer, n * sizeof(point));
  }
}

/* The bucket of a value; it never falls as the value rises. */
static size_t bucket_of(const strips *s, size_t k, double value) {
  const double at = (value - s->left[k]) * s->per_x[k];
  return at <= 0 ? 0 : at >= (double)s->n_buckets ? s->n_buckets - 1 : (size_t)at;
}

static void fill_buckets(strips *s, size_t k) {
  const size_t first = s->start[k], last = s->start[k + 1];
  size_t *bucket = s->bucket + k * (s->n_buckets + 1);
  const double width = last > first ? s->x[last - 1] - s->x[first] : 0;
  s->left[k] = last > first ? s->x[first] : 0;
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
static void fill_strip(strips *s, size_t k) {
  double sum = 0;
  s->bottom[k] = INFINITY;
  s->top[k] = -INFINITY;
  for (size_t i = s->start[k]; i < s->start[k + 1]; i++) {
    const point *p = &s->points[i];
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
static void strips_build(strips *s, const fm_sites *sites, const int *to, const double *weight) {
  for (size_t i = 0; i < s->n; i++) {
    const size_t at = to == NULL ? i : (size_t)to[i];
    s->points[i] = (point){sites->x[at], sites->y[at], weight[at]};
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

/* ---- rings ---------------------------------------------------------------------------------------------- */

/* Which ring a squared distance is in: the first k with d2 <= square[k], n beyond the last. */
typedef struct rings {
  size_t n;
  double *square;  /* n + 1, the last is INFINITY */
  double scale;    /* entries of the table per unit of d2 */
  unsigned *first; /* TABLE + 1: the ring of the lower edge of each entry */
} rings;

static void rings_free(rings *r) {
  fm_free(r->square), fm_free(r->first);
  *r = (rings){0};
}

static fm_code rings_init(rings *r, const fm_radii *radii) {
  *r = (rings){.n = radii->n};
  r->square = fm_alloc(radii->n + 1, sizeof(double));
  r->first = fm_alloc(TABLE + 1, sizeof(unsigned));
  if (!r->square || !r->first) {
    rings_free(r);
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

static inline size_t ring_of(const rings *r, double d2) {
  const double entry = d2 * r->scale;
  size_t k = entry < TABLE ? r->first[(size_t)entry] : r->first[TABLE];
  while (d2 > r->square[k]) {
    k++;
  }
  return k;
}

/* ---- discs ---------------------------------------------------------------------------------------------- */

/* Weight and number of the points within each radius: n + 1 of each, the last is scratch. */
typedef struct discs {
  double *sum, *count;
} discs;

static void discs_free(discs *d) {
  fm_free(d->sum), fm_free(d->count);
  *d = (discs){0};
}

static fm_code discs_init(discs *d, size_t n) {
  *d = (discs){fm_alloc(n + 1, sizeof(double)), fm_alloc(n + 1, sizeof(double))};
  if (!d->sum || !d->count) {
    discs_free(d);
    return FM_NO_MEMORY;
  }
  return FM_OK;
}

/* Every point by its ring. */
static void compare_all(const strips *s, const rings *r, double x, double y, discs *d) {
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

/* The first point of strip k whose x is at least `value`; the end of the strip if none. */
static size_t lower_bound(const strips *s, size_t k, double value) {
  const size_t *bucket = s->bucket + k * (s->n_buckets + 1) + bucket_of(s, k, value);
  size_t from = bucket[0], n = bucket[1] - bucket[0];
  while (n > 1) {
    const size_t half = n / 2;
    from += s->x[from + half - 1] < value ? half : 0;
    n -= half;
  }
  return n == 1 && s->x[from] < value ? from + 1 : from;
}

/* Adds the points from .. to-1 whose squared distance is at most `square`. */
static void compare(const strips *s, size_t from, size_t to, double x, double y, double square, double *sum,
                    double *count) {
  double inside = 0;
  int found = 0;
  for (size_t i = from; i < to; i++) {
    const double dx = s->x[i] - x, dy = s->y[i] - y;
    const int in = dx * dx + dy * dy <= square;
    inside += s->weight[i] * in; /* no branch: it could not be foreseen */
    found += in;
  }
  *sum += inside;
  *count += found;
}

/* Adds all points from .. to-1 of strip k; few are added one by one, which loses no digits. */
static void add_run(const strips *s, size_t k, size_t from, size_t to, double *sum, double *count) {
  if (to - from > FEW) {
    *sum += s->running[to + k] - s->running[from + k];
  } else {
    for (size_t i = from; i < to; i++) {
      *sum += s->weight[i];
    }
  }
  *count += (double)(to - from);
}

/* The discs around (x, y) in strip k. Rounding moves the chords by less than `slack`, which is never 0. */
static void add_strip(const strips *s, size_t k, const rings *r, double x, double y, discs *d) {
  const double over = s->bottom[k] - y, under = y - s->top[k];
  const double near = fmax(fmax(over, under), 0), far = fmax(-over, -under);
  for (size_t q = ring_of(r, near * near); q < r->n; q++) {
    const double square = r->square[q];
    const double chord = sqrt(square - near * near), slack = 4e-15 * (fabs(x) + chord) + 1e-300;
    const size_t out0 = lower_bound(s, k, x - chord - slack), out1 = lower_bound(s, k, x + chord + slack);
    const double rest = square - far * far;
    size_t in0 = out0, in1 = out0;
    if (rest > 0 && sqrt(rest) > slack) {
      const double sure = sqrt(rest) - slack;
      in0 = lower_bound(s, k, x - sure);
      in1 = lower_bound(s, k, x + sure);
      add_run(s, k, in0, in1, &d->sum[q], &d->count[q]);
    }
    compare(s, out0, in0, x, y, square, &d->sum[q], &d->count[q]);
    compare(s, in1, out1, x, y, square, &d->sum[q], &d->count[q]);
  }
}

/* Sums within each radius around a point; a point among the strips leaves itself, of weight `self`, out. */
static void around(const strips *s, const rings *r, double x, double y, const double *self, discs *d) {
  memset(d->sum, 0, (r->n + 1) * sizeof(double));
  memset(d->count, 0, (r->n + 1) * sizeof(double));
  if (s->n_strips == 1) {
    compare_all(s, r, x, y, d);
  } else {
    for (size_t k = 0; k < s->n_strips; k++) {
      add_strip(s, k, r, x, y, d);
    }
  }
  for (size_t k = 0; self != NULL && k < r->n; k++) {
    d->count[k]--;
    d->sum[k] = d->count[k] > 0 ? d->sum[k] - *self : 0;
  }
}

/* ---- sums around sites ---------------------------------------------------------------------------------- */

typedef struct sums_run {
  const fm_sites *sites;
  const fm_around *around;
  strips s;
  rings r;
  unsigned char *inside; /* by site: whether it is among `to` */
  discs discs[BATCH];
  double *out;
  size_t from; /* first group of the batch */
} sums_run;

static fm_code sums_task(void *context, size_t task, size_t worker) {
  sums_run *run = context;
  const size_t first = (run->from + task) * GROUP, n = run->around->n_from;
  const size_t last = first + GROUP < n ? first + GROUP : n;
  discs *d = &run->discs[task];
  (void)worker;
  for (size_t i = first; i < last; i++) {
    const size_t s = run->around->from == NULL ? i : (size_t)run->around->from[i];
    const double *self = run->inside[s] ? &run->around->weight[s] : NULL;
    around(&run->s, &run->r, run->sites->x[s], run->sites->y[s], self, d);
    memcpy(run->out + i * run->r.n, d->sum, run->r.n * sizeof(double));
  }
  return FM_OK;
}

static void sums_free(sums_run *run) {
  strips_free(&run->s), rings_free(&run->r);
  for (size_t k = 0; k < BATCH; k++) {
    discs_free(&run->discs[k]);
  }
  fm_free(run->inside);
}

static fm_code sums_init(sums_run *run, const fm_radii *radii) {
  FM_TRY(rings_init(&run->r, radii));
  FM_TRY(strips_init(&run->s, run->around->n_to, radii->n));
  for (size_t k = 0; k < BATCH; k++) {
    FM_TRY(discs_init(&run->discs[k], radii->n));
  }
  run->inside = fm_alloc_zero(run->sites->n, 1);
  if (run->inside == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < run->around->n_to; i++) {
    run->inside[run->around->to == NULL ? i : (size_t)run->around->to[i]] = 1;
  }
  strips_build(&run->s, run->sites, run->around->to, run->around->weight);
  return FM_OK;
}

static fm_code sums_batches(sums_run *s, const fm_run *run, fm_error *err) {
  const size_t groups = (s->around->n_from + GROUP - 1) / GROUP;
  for (s->from = 0; s->from < groups; s->from += BATCH) {
    const size_t left = groups - s->from;
    FM_TRY(fm_parallel(left < BATCH ? left : BATCH, run->threads, sums_task, s));
    if (run->interrupted != NULL && run->interrupted(run->interrupt_context)) {
      return fm_fail(err, FM_INTERRUPTED, "interrupted");
    }
  }
  return FM_OK;
}

fm_code fm_ring_sums(const fm_sites *sites, const fm_around *around_what, const fm_radii *radii,
                     double *out, const fm_run *run, fm_error *err) {
  if (radii->n == 0) {
    return fm_fail(err, FM_INVALID, "no radius");
  }
  sums_run s = {.sites = sites, .around = around_what, .out = out};
  fm_code code = sums_init(&s, radii);
  if (code == FM_OK) {
    code = sums_batches(&s, run, err);
  }
  sums_free(&s);
  return code;
}

/* ---- the M function ------------------------------------------------------------------------------------- */

typedef struct m_worker {
  strips s;
  discs d;
  double *ratio, *share; /* n each */
} m_worker;

typedef struct m_run {
  const fm_sites *sites;
  const fm_m_draws *draws;
  rings r;
  double total; /* weight of all sites */
  double *out;
  m_worker *worker;
  size_t n_workers, from;
} m_run;

static double weight_of(const fm_m_draws *draws, const int *member, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    sum += draws->weight[member[i]];
  }
  return sum;
}

static fm_code m_task(void *context, size_t task, size_t worker) {
  m_run *run = context;
  const fm_m_draws *draws = run->draws;
  m_worker *w = &run->worker[worker];
  const size_t b = run->from + task, n = run->r.n;
  const int *from = draws->member + b * (draws->n_from + draws->n_to);
  const int own = draws->n_to == 0;
  const int *to = own ? from : from + draws->n_from;
  strips_build(&w->s, run->sites, to, draws->weight);
  const double type = weight_of(draws, to, w->s.n);
  memset(w->ratio, 0, n * sizeof(double));
  memset(w->share, 0, n * sizeof(double));
  for (size_t i = 0; i < draws->n_from; i++) {
    const size_t s = (size_t)from[i];
    const double self = draws->weight[s], *all = draws->all + s * n;
    around(&w->s, &run->r, run->sites->x[s], run->sites->y[s], own ? &self : NULL, &w->d);
    const double share = (type - (own ? self : 0)) / (run->total - self);
    for (size_t k = 0; k < n; k++) {
      if (all[k] > 0) {
        w->ratio[k] += w->d.sum[k] / all[k];
        w->share[k] += share;
      }
    }
  }
  for (size_t k = 0; k < n; k++) {
    run->out[k + n * b] = w->share[k] > 0 ? w->ratio[k] / w->share[k] : NAN;
  }
  return FM_OK;
}

static void m_free(m_run *run) {
  for (size_t i = 0; run->worker != NULL && i < run->n_workers; i++) {
    strips_free(&run->worker[i].s), discs_free(&run->worker[i].d);
    fm_free(run->worker[i].ratio), fm_free(run->worker[i].share);
  }
  fm_free(run->worker);
  rings_free(&run->r);
}

static fm_code m_init(m_run *run, const fm_radii *radii, int threads) {
  const fm_m_draws *draws = run->draws;
  run->n_workers = threads > 1 ? (size_t)threads : 1;
  FM_TRY(rings_init(&run->r, radii));
  run->worker = fm_alloc_zero(run->n_workers, sizeof(m_worker));
  if (run->worker == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < run->n_workers; i++) {
    m_worker *w = &run->worker[i];
    FM_TRY(strips_init(&w->s, draws->n_to == 0 ? draws->n_from : draws->n_to, radii->n));
    FM_TRY(discs_init(&w->d, radii->n));
    w->ratio = fm_alloc(radii->n, sizeof(double));
    w->share = fm_alloc(radii->n, sizeof(double));
    if (!w->ratio || !w->share) {
      return FM_NO_MEMORY;
    }
  }
  for (size_t s = 0; s < run->sites->n; s++) {
    run->total += draws->weight[s];
  }
  return FM_OK;
}

fm_code fm_m_function(const fm_sites *sites, const fm_m_draws *draws, const fm_radii *radii, double *m,
                      const fm_run *run, fm_error *err) {
  if (radii->n == 0) {
    return fm_fail(err, FM_INVALID, "no radius");
  }
  m_run d = {.sites = sites, .draws = draws, .out = m};
  fm_code code = m_init(&d, radii, run->threads);
  for (d.from = 0; code == FM_OK && d.from < draws->n_draws; d.from += BATCH) {
    const size_t left = draws->n_draws - d.from;
    code = fm_parallel(left < BATCH ? left : BATCH, run->threads, m_task, &d);
    if (code == FM_OK && run->interrupted != NULL && run->interrupted(run->interrupt_context)) {
      code = fm_fail(err, FM_INTERRUPTED, "interrupted");
    }
  }
  m_free(&d);
  return code;
}
