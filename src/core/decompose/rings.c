/* rings.c: points in strips, and sums over discs by strip.
 *
 * Strips of equal numbers of points are cut across y; in each the points are sorted by x and lie in buckets of equal
 * width, with running sums of their weights. A circle meets a strip in chords: buckets between the shorter ones are
 * inside for sure and come from the running sums, buckets beyond the longer ones are outside, and only the points
 * of those between are compared one by one. With s strips the former cost radii x s, the latter n/s. A few points are
 * compared all. A sum over no point is exactly 0: numbers are counted beside the weights.
 * Arguments: rings.h. Overwrites the outputs only.
 */
#include "rings.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/kernels.h"
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
  /* Buckets of equal width over the x of a strip: bucket b of strip k has the points
   * bucket[b + (n_buckets + 1) k] .. bucket[b + 1 + (n_buckets + 1) k] - 1. */
  size_t n_buckets, *bucket;
  double *left, *right, *per_x; /* by strip: its least and largest x, buckets per unit of x */
} strips;

/* ---- strips --------------------------------------------------------------------------------------------- */

static void strips_free(strips *s) {
  fm_free(s->start), fm_free(s->points), fm_free(s->buffer), fm_free(s->x), fm_free(s->y);
  fm_free(s->weight), fm_free(s->running), fm_free(s->bottom), fm_free(s->top);
  fm_free(s->bucket), fm_free(s->left), fm_free(s->right), fm_free(s->per_x);
  *s = (strips){0};
}

/* Room for n points, to be asked for n_radii discs at a time. */
static fm_code strips_init(strips *s, size_t n, size_t n_radii) {
  /* measured: a strip of a disc costs about as much as 12 points compared with all rings, or 200 with one radius */
  const double many = (double)n_radii * (double)n_radii;
  const size_t wanted = (size_t)sqrt((double)n / 56);
  *s = (strips){.n = n, .n_strips = (double)n < many || wanted < 2 ? 1 : wanted};
  s->start = fm_alloc(s->n_strips + 1, sizeof(size_t));
  s->points = fm_alloc(n, sizeof(point));
  s->buffer = fm_alloc(n, sizeof(point));
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

/* Up to GROUP centres (x, y) and their discs. */
typedef struct group {
  double centre[2 * GROUP];
  discs d[GROUP];
  double *memory;
} group;

static void group_free(group *g) { fm_free(g->memory); }

static fm_code group_init(group *g, size_t n) {
  g->memory = fm_alloc(2 * GROUP * (n + 1), sizeof(double));
  if (g->memory != NULL) {
    for (size_t i = 0; i < GROUP; i++) {
      g->d[i].sum = g->memory + 2 * i * (n + 1);
      g->d[i].count = g->d[i].sum + n + 1;
    }
  }
  return g->memory == NULL ? FM_NO_MEMORY : FM_OK;
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

/* The discs around (x, y) in strip k. Rounding moves the chords by less than `slack`, which is never 0. */
static void add_strip(const strips *s, size_t k, const rings *r, const fm_kernels *kernels,
                      const double *centre, discs *d) {
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
static void leave_out(discs *d, size_t n, double self) {
  for (size_t k = 0; k < n; k++) {
    d->count[k]--;
    d->sum[k] = d->count[k] > 0 ? d->sum[k] - self : 0;
  }
}

/* Sums within each radius around the first n centres, strip after strip, each of which stays in the caches. */
static void around(const strips *s, const rings *r, size_t n, group *g) {
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

/* ---- sums around sites ---------------------------------------------------------------------------------- */

typedef struct sums_run {
  const fm_sites *sites;
  const fm_around *around;
  strips s;
  rings r;
  unsigned char *inside; /* by site: whether it is among `to` */
  group *worker;
  size_t n_workers;
  double *out;
  size_t from; /* first group of the batch */
} sums_run;

static size_t site_at(const fm_around *a, size_t i) { return a->from == NULL ? i : (size_t)a->from[i]; }

static fm_code sums_task(void *context, size_t task, size_t worker) {
  sums_run *run = context;
  const size_t first = (run->from + task) * GROUP, left = run->around->n_from - first;
  const size_t n = left < GROUP ? left : GROUP;
  group *g = &run->worker[worker];
  for (size_t i = 0; i < n; i++) {
    const size_t s = site_at(run->around, first + i);
    g->centre[2 * i] = run->sites->x[s];
    g->centre[2 * i + 1] = run->sites->y[s];
  }
  around(&run->s, &run->r, n, g);
  for (size_t i = 0; i < n; i++) {
    const size_t s = site_at(run->around, first + i);
    if (run->inside[s]) {
      leave_out(&g->d[i], run->r.n, run->around->weight[s]);
    }
    memcpy(run->out + (first + i) * run->r.n, g->d[i].sum, run->r.n * sizeof(double));
  }
  return FM_OK;
}

static void sums_free(sums_run *run) {
  strips_free(&run->s), rings_free(&run->r);
  if (run->worker != NULL) {
    for (size_t k = 0; k < run->n_workers; k++) {
      group_free(&run->worker[k]);
    }
  }
  fm_free(run->worker), fm_free(run->inside);
}

static fm_code sums_init(sums_run *run, const fm_radii *radii, int threads) {
  FM_TRY(rings_init(&run->r, radii));
  FM_TRY(strips_init(&run->s, run->around->n_to, radii->n));
  run->n_workers = threads > 1 ? (size_t)threads : 1;
  run->worker = fm_alloc_zero(run->n_workers, sizeof(group));
  run->inside = fm_alloc_zero(run->sites->n, 1);
  if (run->worker == NULL || run->inside == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t k = 0; k < run->n_workers; k++) {
    FM_TRY(group_init(&run->worker[k], radii->n));
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
    FM_TRY(fm_parallel_watched(left < BATCH ? left : BATCH, run->threads, sums_task, s, run->interrupted,
                               run->interrupt_context));
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
  fm_code code = sums_init(&s, radii, run->threads);
  if (code == FM_OK) {
    code = sums_batches(&s, run, err);
  }
  sums_free(&s);
  return code;
}

/* ---- the M function ------------------------------------------------------------------------------------- */

typedef struct m_worker {
  strips s;
  group g;
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

/* Ratios and shares of some reference sites; own: they are among the neighbours, whose weight is `type`. */
static void add_group(const m_run *run, m_worker *w, const int *from, size_t n, int own, double type) {
  const size_t n_radii = run->r.n;
  for (size_t i = 0; i < n; i++) {
    w->g.centre[2 * i] = run->sites->x[from[i]];
    w->g.centre[2 * i + 1] = run->sites->y[from[i]];
  }
  around(&w->s, &run->r, n, &w->g);
  for (size_t i = 0; i < n; i++) {
    const size_t s = (size_t)from[i];
    const double self = run->draws->weight[s], *all = run->draws->all + s * n_radii;
    const double share = (type - (own ? self : 0)) / (run->total - self);
    if (own) {
      leave_out(&w->g.d[i], n_radii, self);
    }
    for (size_t k = 0; k < n_radii; k++) {
      if (all[k] > 0) {
        w->ratio[k] += w->g.d[i].sum[k] / all[k];
        w->share[k] += share;
      }
    }
  }
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
  for (size_t i = 0; i < draws->n_from; i += GROUP) {
    const size_t left = draws->n_from - i;
    add_group(run, w, from + i, left < GROUP ? left : GROUP, own, type);
  }
  for (size_t k = 0; k < n; k++) {
    run->out[k + n * b] = w->share[k] > 0 ? w->ratio[k] / w->share[k] : NAN;
  }
  return FM_OK;
}

static void m_free(m_run *run) {
  if (run->worker != NULL) {
    for (size_t i = 0; i < run->n_workers; i++) {
      strips_free(&run->worker[i].s), group_free(&run->worker[i].g);
      fm_free(run->worker[i].ratio), fm_free(run->worker[i].share);
    }
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
    FM_TRY(group_init(&w->g, radii->n));
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
    code = fm_parallel_watched(left < BATCH ? left : BATCH, run->threads, m_task, &d, run->interrupted,
                               run->interrupt_context);
    if (code == FM_OK && run->interrupted != NULL && run->interrupted(run->interrupt_context)) {
      code = fm_fail(err, FM_INTERRUPTED, "interrupted");
    }
  }
  m_free(&d);
  return code;
}
