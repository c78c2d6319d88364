/* pairs.c: distances, their histogram, and kernel densities of subsets of points. Thread safety: no state;
 * tasks are stripes of rows fixed by the data, each with bins of its own, added in order.
 */
#include "pairs.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/kernels.h"
#include "../base/threads.h"
#include "bins.h"

enum { BATCH = 32, CHUNK = 256, STRIPES = 16, SMALL = 2000 };

/* Runs n tasks in batches, polling between them. */
static fm_code run_batches(size_t n, fm_task task, void *context, size_t *from, const fm_run *run,
                           fm_error *err) {
  for (*from = 0; *from < n; *from += BATCH) {
    const size_t left = n - *from;
    FM_TRY(fm_parallel_watched(left < BATCH ? left : BATCH, run->threads, task, context, run->interrupted,
                               run->interrupt_context));
    if (run->interrupted != NULL && run->interrupted(run->interrupt_context)) {
      return fm_fail(err, FM_INTERRUPTED, "interrupted");
    }
  }
  return FM_OK;
}

void fm_pair_distances(const fm_sites *sites, double *distance) {
  for (size_t i = 0; i < sites->n; i++) {
    for (size_t j = i + 1; j < sites->n; j++) {
      const double dx = sites->x[i] - sites->x[j], dy = sites->y[i] - sites->y[j];
      *distance++ = sqrt(dx * dx + dy * dy);
    }
  }
}

/* position[k] = scale * distance of site i to site j + k, k < n <= CHUNK. */
static void positions(const fm_sites *sites, size_t i, size_t j, size_t n, double scale, double *position) {
  const double centre[2] = {sites->x[i], sites->y[i]};
  fm_kernels_best()->distances(sites->x + j, sites->y + j, centre, scale, position, n);
}

/* ---- histogram
 * ------------------------------------------------------------------------------------------ */

typedef struct histogram_run {
  const fm_sites *sites;
  double scale; /* bins per unit of distance */
  size_t n_bins, from;
  double *count; /* STRIPES x n_bins */
} histogram_run;

/* Stripe s has the rows s, s + STRIPES, ...: about the same number of pairs each. */
static fm_code histogram_stripe(void *context, size_t task, size_t worker) {
  histogram_run *run = context;
  const fm_sites *sites = run->sites;
  double position[CHUNK];
  double *count = run->count + (run->from + task) * run->n_bins;
  (void)worker;
  for (size_t i = run->from + task; i < sites->n; i += STRIPES) {
    for (size_t j = i + 1; j < sites->n; j += CHUNK) {
      const size_t n = sites->n - j < CHUNK ? sites->n - j : CHUNK;
      positions(sites, i, j, n, run->scale, position);
      for (size_t k = 0; k < n; k++) {
        const size_t b = (size_t)position[k];
        count[b < run->n_bins ? b : run->n_bins - 1]++;
      }
    }
  }
  return FM_OK;
}

fm_code fm_pair_histogram(const fm_sites *sites, double top, size_t n_bins, double *count,
                          const fm_run *run, fm_error *err) {
  if (!(top > 0) || n_bins == 0) {
    return fm_fail(err, FM_INVALID, "a histogram of distances needs a positive range");
  }
  histogram_run h = {.sites = sites, .scale = (double)n_bins / top, .n_bins = n_bins};
  h.count = fm_alloc_zero(STRIPES * n_bins, sizeof(double));
  if (h.count == NULL) {
    return FM_NO_MEMORY;
  }
  const fm_code code = run_batches(STRIPES, histogram_stripe, &h, &h.from, run, err);
  memset(count, 0, n_bins * sizeof(double));
  if (code == FM_OK) {
    for (size_t s = 0; s < STRIPES; s++) {
      for (size_t b = 0; b < n_bins; b++) {
        count[b] += h.count[s * n_bins + b];
      }
    }
  }
  fm_free(h.count);
  return code;
}

/* ---- densities of subsets
 * ------------------------------------------------------------------------------- */

typedef struct density_run {
  const fm_sites *sites;
  const fm_subsets *subsets;
  const fm_kernel *kernel;
  double step;
  size_t n_bins, stripes, from;
  fm_gauss *gauss; /* n_at */
  double *moment;  /* BATCH x n_bins x FM_BIN_MOMENTS */
  double *x, *y;   /* BATCH x n: the sites of the subset of each task */
} density_run;

static const double *weights_of(const fm_subsets *subsets, size_t draw) {
  return subsets->weight == NULL ? NULL : subsets->weight + subsets->weight_step * draw;
}

/* Pairs of rows stripe, stripe + stripes, ... of one subset. */
static void add_rows(const density_run *run, const fm_sites *subset, const double *weight, size_t stripe,
                     double *moment) {
  const fm_kernels *kernels = fm_kernels_best();
  double position[CHUNK], product[CHUNK];
  for (size_t i = stripe; i < subset->n; i += run->stripes) {
    for (size_t j = i + 1; j < subset->n; j += CHUNK) {
      const size_t n = subset->n - j < CHUNK ? subset->n - j : CHUNK;
      positions(subset, i, j, n, 1 / run->step, position);
      if (weight != NULL) {
        for (size_t k = 0; k < n; k++) {
          product[k] = weight[i] * weight[j + k];
        }
      }
      kernels->bin_powers(position, weight == NULL ? NULL : product, n, run->n_bins, moment);
    }
  }
}

static fm_code density_task(void *context, size_t task, size_t worker) {
  density_run *run = context;
  const size_t n = run->subsets->n, all = run->from + task;
  const int *member = run->subsets->member + all / run->stripes * n;
  double *x = run->x + task * n, *y = run->y + task * n;
  double *moment = run->moment + task * run->n_bins * FM_BIN_MOMENTS;
  (void)worker;
  for (size_t i = 0; i < n; i++) {
    x[i] = run->sites->x[member[i]];
    y[i] = run->sites->y[member[i]];
  }
  memset(moment, 0, run->n_bins * FM_BIN_MOMENTS * sizeof(double));
  const fm_sites subset = {n, x, y};
  add_rows(run, &subset, weights_of(run->subsets, all / run->stripes), all % run->stripes, moment);
  return FM_OK;
}

/* W = ((sum w)^2 - sum w^2)/2 of a draw, as a sum of positive terms. */
static double pair_weight(const fm_subsets *subsets, size_t draw) {
  const double *weight = weights_of(subsets, draw);
  if (weight == NULL) {
    return 0.5 * (double)subsets->n * ((double)subsets->n - 1);
  }
  double before = 0, total = 0;
  for (size_t i = 0; i < subsets->n; i++) {
    total += weight[i] * before;
    before += weight[i];
  }
  return total;
}

/* Adds the stripes of each draw of a batch up and takes the Gaussian sums. */
static void finish_draws(const density_run *run, size_t n_tasks, double *density) {
  const size_t size = run->n_bins * FM_BIN_MOMENTS, n_at = run->kernel->n_at;
  for (size_t task = 0; task < n_tasks; task += run->stripes) {
    double *moment = run->moment + task * size;
    for (size_t s = 1; s < run->stripes; s++) {
      for (size_t k = 0; k < size; k++) {
        moment[k] += moment[s * size + k];
      }
    }
    const size_t draw = (run->from + task) / run->stripes;
    const double total = pair_weight(run->subsets, draw);
    const double scale = total > 0 ? 1 / (run->kernel->h * total) : NAN;
    double *out = density + draw * n_at;
    for (size_t a = 0; a < n_at; a++) {
      out[a] = fm_gauss_sum(&run->gauss[a], moment) * scale;
    }
  }
}

static void density_free(density_run *run) {
  if (run->gauss != NULL) {
    for (size_t a = 0; a < run->kernel->n_at; a++) {
      fm_free(run->gauss[a].c);
    }
  }
  fm_free(run->gauss), fm_free(run->moment), fm_free(run->x), fm_free(run->y);
}

static fm_code density_init(density_run *run) {
  const fm_kernel *kernel = run->kernel;
  double last = 0;
  for (size_t a = 0; a < kernel->n_at; a++) {
    last = fmax(last, kernel->at[a]);
  }
  run->step = kernel->h / 6;
  run->n_bins = fm_bins_needed(last, kernel->h, run->step);
  run->stripes = run->subsets->n > SMALL && run->subsets->n_draws < STRIPES ? STRIPES : 1;
  run->gauss = fm_alloc_zero(kernel->n_at, sizeof(fm_gauss));
  run->moment = fm_alloc(BATCH * run->n_bins, FM_BIN_MOMENTS * sizeof(double));
  run->x = fm_alloc(BATCH * run->subsets->n, sizeof(double));
  run->y = fm_alloc(BATCH * run->subsets->n, sizeof(double));
  if (!run->gauss || !run->moment || !run->x || !run->y) {
    return FM_NO_MEMORY;
  }
  for (size_t a = 0; a < kernel->n_at; a++) {
    FM_TRY(fm_gauss_init(&run->gauss[a], kernel->at[a], kernel->h, run->step, run->n_bins, 1));
  }
  return FM_OK;
}

static fm_code density_batches(density_run *d, double *density, const fm_run *run, fm_error *err) {
  const size_t n_tasks = d->subsets->n_draws * d->stripes;
  for (d->from = 0; d->from < n_tasks; d->from += BATCH) {
    const size_t left = n_tasks - d->from, now = left < BATCH ? left : BATCH;
    FM_TRY(
        fm_parallel_watched(now, run->threads, density_task, d, run->interrupted, run->interrupt_context));
    finish_draws(d, now, density);
    if (run->interrupted != NULL && run->interrupted(run->interrupt_context)) {
      return fm_fail(err, FM_INTERRUPTED, "interrupted");
    }
  }
  return FM_OK;
}

fm_code fm_pair_density(const fm_sites *sites, const fm_subsets *subsets, const fm_kernel *kernel,
                        double *density, const fm_run *run, fm_error *err) {
  if (!(kernel->h > 0)) {
    return fm_fail(err, FM_INVALID, "the bandwidth must be positive");
  }
  density_run d = {.sites = sites, .subsets = subsets, .kernel = kernel};
  fm_code code = density_init(&d);
  if (code == FM_OK) {
    code = density_batches(&d, density, run, err);
  }
  density_free(&d);
  return code;
}
