/* rings.c: sums of weights around sites within radii, in batches of groups of sites. */
#include "rings.h"

#include <string.h>

#include "../base/alloc.h"
#include "../base/threads.h"
#include "strips.h"

enum { BATCH = 64 };

typedef struct sums_run {
  const fm_sites *sites;
  const fm_around *around;
  fm_strips s;
  fm_rings r;
  unsigned char *inside; /* by site: whether it is among `to` */
  fm_discs *worker;
  size_t n_workers;
  double *out;
  size_t from; /* first group of the batch */
} sums_run;

static size_t site_at(const fm_around *a, size_t i) { return a->from == NULL ? i : (size_t)a->from[i]; }

static fm_code sums_task(void *context, size_t task, size_t worker) {
  sums_run *run = context;
  const size_t first = (run->from + task) * FM_DISCS, left = run->around->n_from - first;
  const size_t n = left < FM_DISCS ? left : FM_DISCS;
  fm_discs *g = &run->worker[worker];
  for (size_t i = 0; i < n; i++) {
    const size_t s = site_at(run->around, first + i);
    g->centre[2 * i] = run->sites->x[s];
    g->centre[2 * i + 1] = run->sites->y[s];
  }
  fm_discs_around(&run->s, &run->r, n, g);
  for (size_t i = 0; i < n; i++) {
    const size_t s = site_at(run->around, first + i);
    if (run->inside[s]) {
      fm_disc_leave_out(&g->d[i], run->r.n, run->around->weight[s]);
    }
    memcpy(run->out + (first + i) * run->r.n, g->d[i].sum, run->r.n * sizeof(double));
  }
  return FM_OK;
}

static void sums_free(sums_run *run) {
  fm_strips_free(&run->s), fm_rings_free(&run->r);
  if (run->worker != NULL) {
    for (size_t k = 0; k < run->n_workers; k++) {
      fm_discs_free(&run->worker[k]);
    }
  }
  fm_free(run->worker), fm_free(run->inside);
}

static fm_code sums_init(sums_run *run, const fm_radii *radii, int threads) {
  FM_TRY(fm_rings_init(&run->r, radii));
  FM_TRY(fm_strips_init(&run->s, run->around->n_to, radii->n));
  run->n_workers = threads > 1 ? (size_t)threads : 1;
  run->worker = fm_alloc_zero(run->n_workers, sizeof(fm_discs));
  run->inside = fm_alloc_zero(run->sites->n, 1);
  if (run->worker == NULL || run->inside == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t k = 0; k < run->n_workers; k++) {
    FM_TRY(fm_discs_init(&run->worker[k], radii->n));
  }
  for (size_t i = 0; i < run->around->n_to; i++) {
    run->inside[run->around->to == NULL ? i : (size_t)run->around->to[i]] = 1;
  }
  fm_strips_build(&run->s, run->sites, run->around->to, run->around->weight);
  return FM_OK;
}

static fm_code sums_batches(sums_run *s, const fm_run *run, fm_error *err) {
  const size_t groups = (s->around->n_from + FM_DISCS - 1) / FM_DISCS;
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
