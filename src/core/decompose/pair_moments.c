/* pair_moments.c: first and second moments of the kernel over all pairs of sites, for several bandwidths at
 * once: what the exact variance of K(d) under sampling without replacement is made of.
 *
 * The rows of a block of sites are binned together, then turned into k_i(d) for every bandwidth by
 * products of matrices: a few neighbouring d have their coefficients over the same bins, with zeros where
 * one does not reach. Products of two kernels are kernels of bandwidth h/sqrt(2), so that the sums over
 * pairs come from the bins of all rows:
 *   f((d-u)/h) f((e-u)/h) = f((d-e)/(h sqrt 2)) f(((d+e)/2 - u)/(h/sqrt 2)).
 * Thread safety: no state; stripes of sites are fixed by the data, each with sums of its own,
 * added in order.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/kernels.h"
#include "../base/threads.h"
#include "bins.h"
#include "pairs.h"

enum { BLOCK = 16, CHUNK = 128, STRIPES = 32, BATCH = 8, TOGETHER = 4 };

/* Coefficients of up to TOGETHER neighbouring d, rows of FM_BIN_MOMENTS (to - from). */
typedef struct gauss_rows {
  size_t n, from, to;
  double *c;
} gauss_rows;

typedef struct moments_run {
  const fm_sites *sites;
  const fm_pair_moments *m;
  double *x, *y, *box; /* the sites in tiles, and where chunks of them are */
  double step;
  size_t n_bins, from;
  size_t together, n_groups; /* d in a group; groups */
  gauss_rows *gauss;         /* n_h x n_groups */
  /* one a stripe of a batch */
  double *row;   /* BLOCK x n_bins x FM_BIN_MOMENTS */
  double *value; /* BLOCK x n_at */
  /* one a stripe */
  double *total; /* n_bins x FM_BIN_MOMENTS */
  double *mean;  /* n_h x n_at */
  double *site;  /* n_h x n_at x n_at */
} moments_run;

static size_t n_sums(const moments_run *run) { return run->m->n_h * run->m->n_at; }

static size_t n_moments(const moments_run *run) { return run->n_bins * FM_BIN_MOMENTS; }

/* ---- sites in tiles
 * --------------------------------------------------------------------------------------- */
typedef struct point {
  double x, y;
} point;

static int by_x(const void *a, const void *b) {
  const double x = ((const point *)a)->x, other = ((const point *)b)->x;
  return (x > other) - (x < other);
}

static int by_y(const void *a, const void *b) {
  const double y = ((const point *)a)->y, other = ((const point *)b)->y;
  return (y > other) - (y < other);
}

/* Sites that follow one another are near each other: strips across y with their sites by x, so that a
 * chunk of them is
 * about a square, most of which are out of reach of a site. */
static void sort_sites(point *site, size_t n) {
  const size_t across = (size_t)sqrt((double)n / CHUNK), strips = across > 1 ? across : 1;
  qsort(site, n, sizeof(point), by_y);
  for (size_t k = 0; k < strips; k++) {
    const size_t from = n * k / strips, to = n * (k + 1) / strips;
    qsort(site + from, to - from, sizeof(point), by_x);
  }
}

/* left, right, bottom, top of each chunk */
static void set_box(const moments_run *run, size_t from, size_t n, double *box) {
  box[0] = box[2] = INFINITY;
  box[1] = box[3] = -INFINITY;
  for (size_t j = from; j < from + n; j++) {
    box[0] = fmin(box[0], run->x[j]);
    box[1] = fmax(box[1], run->x[j]);
    box[2] = fmin(box[2], run->y[j]);
    box[3] = fmax(box[3], run->y[j]);
  }
}

static void fill_tiles(moments_run *run, point *site) {
  const size_t n = run->sites->n;
  for (size_t i = 0; i < n; i++) {
    site[i] = (point){run->sites->x[i], run->sites->y[i]};
  }
  sort_sites(site, n);
  for (size_t i = 0; i < n; i++) {
    run->x[i] = site[i].x;
    run->y[i] = site[i].y;
  }
  for (size_t j = 0; j < n; j += CHUNK) {
    set_box(run, j, n - j < CHUNK ? n - j : CHUNK, run->box + 4 * (j / CHUNK));
  }
}

static fm_code tiles_init(moments_run *run) {
  const size_t n = run->sites->n;
  point *site = fm_alloc(n, sizeof(point));
  run->x = fm_alloc(n, sizeof(double));
  run->y = fm_alloc(n, sizeof(double));
  run->box = fm_alloc(n / CHUNK + 1, 4 * sizeof(double));
  const int fine = site && run->x && run->y && run->box;
  if (fine) {
    fill_tiles(run, site);
  }
  fm_free(site);
  return fine ? FM_OK : FM_NO_MEMORY;
}

/* Whether all of a box is further from (x, y) than any bin. */
static int out_of_reach(const double *box, double x, double y, double reach) {
  const double dx = fmax(fmax(box[0] - x, x - box[1]), 0), dy = fmax(fmax(box[2] - y, y - box[3]), 0);
  return dx * dx + dy * dy > reach * reach;
}

/* ---- values at sites
 * --------------------------------------------------------------------------------------- */
/* Distances of site i to all others. */
static void add_row(const moments_run *run, size_t i, double *moment) {
  const fm_kernels *kernels = fm_kernels_best();
  const double centre[2] = {run->x[i], run->y[i]}, reach = run->step * (double)run->n_bins;
  double position[CHUNK];
  for (size_t j = 0; j < run->sites->n; j += CHUNK) {
    const size_t n = run->sites->n - j < CHUNK ? run->sites->n - j : CHUNK;
    if (out_of_reach(run->box + 4 * (j / CHUNK), centre[0], centre[1], reach)) {
      continue;
    }
    kernels->distances(run->x + j, run->y + j, centre, 1 / run->step, position, n);
    if (i >= j && i - j < n) {
      position[i - j] = INFINITY; /* itself */
    }
    kernels->bin_powers(position, NULL, n, run->n_bins, moment);
  }
}

/* Values k_i(d) of a block of sites for each bandwidth, into the sums of the stripe. */
static void add_values(const moments_run *run, const double *row, size_t n, size_t stripe, double *value) {
  const size_t n_at = run->m->n_at, size = n_moments(run);
  const fm_kernels *kernels = fm_kernels_best();
  for (size_t s = 0; s < run->m->n_h; s++) {
    const double scale = 1 / (run->m->h[s] * ((double)run->sites->n - 1));
    double *mean = run->mean + stripe * n_sums(run) + s * n_at;
    memset(value, 0, n * n_at * sizeof(double));
    for (size_t g = 0; g < run->n_groups; g++) {
      const gauss_rows *of = &run->gauss[s * run->n_groups + g];
      const size_t width = (of->to - of->from) * FM_BIN_MOMENTS;
      kernels->gemm_nt(n, of->n, width, row + of->from * FM_BIN_MOMENTS, size, of->c, width,
                       value + g * run->together, n_at);
    }
    kernels->scale(scale, value, n * n_at);
    for (size_t i = 0; i < n; i++) {
      kernels->axpy(1, value + i * n_at, mean, n_at);
    }
    double *site = run->site + (stripe * n_sums(run) + s * n_at) * n_at;
    kernels->gemm_tn(n, n_at, n_at, value, n_at, value, n_at, site, n_at);
  }
}

static fm_code moments_stripe(void *context, size_t task, size_t worker) {
  moments_run *run = context;
  const size_t stripe = run->from + task, size = n_moments(run), n = run->sites->n;
  const size_t last = n * (stripe + 1) / STRIPES;
  double *row = run->row + task * BLOCK * size, *total = run->total + stripe * size;
  double *value = run->value + task * BLOCK * run->m->n_at;
  (void)worker;
  for (size_t i = n * stripe / STRIPES; i < last; i += BLOCK) {
    const size_t now = last - i < BLOCK ? last - i : BLOCK;
    memset(row, 0, now * size * sizeof(double));
    for (size_t k = 0; k < now; k++) {
      add_row(run, i + k, row + k * size);
      fm_kernels_best()->axpy(1, row + k * size, total, size);
    }
    add_values(run, row, now, stripe, value);
  }
  return FM_OK;
}

/* ---- products over pairs
 * -------------------------------------------------------------------------------- */

/* sum over ordered pairs of f((c - u)/h). */
static fm_code gauss_once(const moments_run *run, double c, double h, double *sum) {
  fm_gauss g;
  FM_TRY(fm_gauss_init(&g, c, h, run->step, run->n_bins, 0));
  *sum = fm_gauss_sum(&g, run->total);
  fm_free(g.c);
  return FM_OK;
}

/* sum over ordered pairs of k(d, u) k(e, u): four products of two Gaussians each. */
static fm_code product_sum(const moments_run *run, double d, double e, double h, double *sum) {
  const double narrow = h * sqrt(0.5), norm = 0.39894228040143267794;
  const double near = (d - e) / (h * sqrt(2.0)), far = (d + e) / (h * sqrt(2.0));
  const double same = norm * exp(-0.5 * near * near), other = norm * exp(-0.5 * far * far);
  double part[4] = {0, 0, 0, 0};
  if (same > 1e-18) {
    FM_TRY(gauss_once(run, (d + e) / 2, narrow, &part[0]));
    FM_TRY(gauss_once(run, -(d + e) / 2, narrow, &part[1]));
  }
  if (other > 1e-18) {
    FM_TRY(gauss_once(run, (d - e) / 2, narrow, &part[2]));
    FM_TRY(gauss_once(run, -(d - e) / 2, narrow, &part[3]));
  }
  *sum = same * (part[0] + part[1]) + other * (part[2] + part[3]);
  return FM_OK;
}

static fm_code products_task(void *context, size_t task, size_t worker) {
  const moments_run *run = context;
  const fm_pair_moments *m = run->m;
  const size_t s = task / m->n_at, a = task % m->n_at, n_at = m->n_at;
  (void)worker;
  for (size_t b = 0; b <= a; b++) {
    double sum = 0;
    FM_TRY(product_sum(run, m->at[a], m->at[b], m->h[s], &sum));
    sum /= 2 * m->h[s] * m->h[s];
    m->pair[a + n_at * (b + n_at * s)] = sum;
    m->pair[b + n_at * (a + n_at * s)] = sum;
  }
  return FM_OK;
}

/* ---- the run
 * -------------------------------------------------------------------------------------------- */

static void moments_free(moments_run *run) {
  if (run->gauss != NULL) {
    for (size_t k = 0; k < run->m->n_h * run->n_groups; k++) {
      fm_free(run->gauss[k].c);
    }
  }
  fm_free(run->gauss), fm_free(run->row), fm_free(run->value);
  fm_free(run->total), fm_free(run->mean), fm_free(run->site);
  fm_free(run->x), fm_free(run->y), fm_free(run->box);
}

static fm_code rows_together(gauss_rows *rows, const fm_gauss *each) {
  rows->from = each[0].from;
  rows->to = each[0].to;
  for (size_t a = 1; a < rows->n; a++) {
    rows->from = each[a].from < rows->from ? each[a].from : rows->from;
    rows->to = each[a].to > rows->to ? each[a].to : rows->to;
  }
  const size_t width = (rows->to - rows->from) * FM_BIN_MOMENTS;
  rows->c = fm_alloc_zero(rows->n * width, sizeof(double));
  if (rows->c == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t a = 0; a < rows->n; a++) {
    memcpy(rows->c + a * width + (each[a].from - rows->from) * FM_BIN_MOMENTS, each[a].c,
           (each[a].to - each[a].from) * FM_BIN_MOMENTS * sizeof(double));
  }
  return FM_OK;
}

/* The coefficients of bandwidth s at the d of group g. */
static fm_code gauss_init(const moments_run *run, size_t s, size_t g) {
  const fm_pair_moments *m = run->m;
  gauss_rows *rows = &run->gauss[s * run->n_groups + g];
  fm_gauss each[TOGETHER] = {{0, 0, NULL}};
  const size_t first = g * run->together, left = m->n_at - first;
  fm_code code = FM_OK;
  rows->n = left < run->together ? left : run->together;
  for (size_t a = 0; code == FM_OK && a < rows->n; a++) {
    code = fm_gauss_init(&each[a], m->at[first + a], m->h[s], run->step, run->n_bins, 1);
  }
  if (code == FM_OK) {
    code = rows_together(rows, each);
  }
  for (size_t a = 0; a < rows->n; a++) {
    fm_free(each[a].c);
  }
  return code;
}

/* Whether neighbouring d have most of their bins in common, which reach some 8 bandwidths to each side. */
static int near_each_other(const fm_pair_moments *m, double h) {
  for (size_t a = TOGETHER - 1; a < m->n_at; a++) {
    if (!(fabs(m->at[a] - m->at[a + 1 - TOGETHER]) <= 8 * h)) {
      return 0;
    }
  }
  return 1;
}

static fm_code moments_init(moments_run *run) {
  const fm_pair_moments *m = run->m;
  double last = 0, narrow = INFINITY, wide = 0;
  for (size_t a = 0; a < m->n_at; a++) {
    last = fmax(last, m->at[a]);
  }
  for (size_t s = 0; s < m->n_h; s++) {
    narrow = fmin(narrow, m->h[s]);
    wide = fmax(wide, m->h[s]);
  }
  run->step = narrow / 3;
  run->n_bins = fm_bins_needed(last, wide, run->step);
  run->together = near_each_other(m, narrow) ? TOGETHER : 1;
  run->n_groups = (m->n_at + run->together - 1) / run->together;
  run->gauss = fm_alloc_zero(m->n_h * run->n_groups, sizeof(gauss_rows));
  run->row = fm_alloc(BATCH * BLOCK * n_moments(run), sizeof(double));
  run->value = fm_alloc(BATCH * BLOCK * m->n_at, sizeof(double));
  run->total = fm_alloc_zero(STRIPES * n_moments(run), sizeof(double));
  run->mean = fm_alloc_zero(STRIPES * n_sums(run), sizeof(double));
  run->site = fm_alloc_zero(STRIPES * n_sums(run) * m->n_at, sizeof(double));
  if (!run->gauss || !run->row || !run->value || !run->total || !run->mean || !run->site) {
    return FM_NO_MEMORY;
  }
  FM_TRY(tiles_init(run));
  for (size_t k = 0; k < m->n_h * run->n_groups; k++) {
    FM_TRY(gauss_init(run, k / run->n_groups, k % run->n_groups));
  }
  return FM_OK;
}

/* first += the other stripes, in order. */
static void add_stripes(double *first, size_t size) {
  for (size_t s = 1; s < STRIPES; s++) {
    fm_kernels_best()->axpy(1, first + s * size, first, size);
  }
}

static fm_code moments_pass(moments_run *run, const fm_run *how, fm_error *err) {
  for (run->from = 0; run->from < STRIPES; run->from += BATCH) {
    FM_TRY(fm_parallel_watched(BATCH, how->threads, moments_stripe, run, how->interrupted,
                               how->interrupt_context));
    if (how->interrupted != NULL && how->interrupted(how->interrupt_context)) {
      return fm_fail(err, FM_INTERRUPTED, "interrupted");
    }
  }
  const size_t sums = n_sums(run);
  add_stripes(run->total, n_moments(run));
  add_stripes(run->mean, sums);
  add_stripes(run->site, sums * run->m->n_at);
  for (size_t k = 0; k < sums; k++) {
    run->m->mean[k] = run->mean[k] / (double)run->sites->n;
  }
  memcpy(run->m->site, run->site, sums * run->m->n_at * sizeof(double));
  return fm_parallel_watched(sums, how->threads, products_task, run, how->interrupted,
                             how->interrupt_context);
}

fm_code fm_pair_moments_all(const fm_sites *sites, const fm_pair_moments *moments, const fm_run *run,
                            fm_error *err) {
  for (size_t s = 0; s < moments->n_h; s++) {
    if (!(moments->h[s] > 0)) {
      return fm_fail(err, FM_INVALID, "the bandwidth must be positive");
    }
  }
  if (sites->n < 2) {
    return fm_fail(err, FM_INVALID, "moments over pairs need two sites");
  }
  moments_run m = {.sites = sites, .m = moments};
  fm_code code = moments_init(&m);
  if (code == FM_OK) {
    code = moments_pass(&m, run, err);
  }
  moments_free(&m);
  return code;
}
