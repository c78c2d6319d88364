/* m_function.c: the M function of Marcon and Puech for draws of the null.
 *
 * Either the sites of a type are drawn and weights stay at the sites, so that the weights of all
 * neighbours are known
 * beforehand; or weights and types move together over the sites, and the neighbours of the reference
 * sites are
 * summed anew in each draw. Overwrites m only. Thread safety: each draw is a task of
 * its own.
 */
#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/threads.h"
#include "strips.h"

enum { BATCH = 64 };

typedef struct m_worker {
  fm_strips near, whole; /* neighbours of the type; all sites, when weights move */
  fm_discs found, around;
  double *ratio, *share; /* by radius */
  double *weight;        /* by site, when weights move */
  int *member;           /* reference and neighbour sites, when weights move */
} m_worker;

typedef struct m_run {
  const fm_sites *sites;
  const fm_m_draws *draws;
  fm_rings r;
  double total; /* weight of all sites */
  size_t *site; /* of each point of the strips of all sites */
  double *out;
  m_worker *worker;
  size_t n_workers, from;
} m_run;

static double weight_of(const double *weight, const int *member, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    sum += weight[member[i]];
  }
  return sum;
}

/* Weight of all neighbours of reference site i of a group, by radius. */
static const double *all_around(const m_run *run, const m_worker *w, size_t i, size_t site) {
  return run->draws->place != NULL ? w->around.d[i].sum : run->draws->all + site * run->r.n;
}

static void find_group(const m_run *run, m_worker *w, const int *from, size_t n, const double *weight) {
  for (size_t i = 0; i < n; i++) {
    w->found.centre[2 * i] = w->around.centre[2 * i] = run->sites->x[from[i]];
    w->found.centre[2 * i + 1] = w->around.centre[2 * i + 1] = run->sites->y[from[i]];
  }
  fm_discs_around(&w->near, &run->r, n, &w->found);
  if (run->draws->place != NULL) {
    fm_discs_around(&w->whole, &run->r, n, &w->around);
    for (size_t i = 0; i < n; i++) {
      fm_disc_leave_out(&w->around.d[i], run->r.n, weight[from[i]]);
    }
  }
}

/* Ratios and shares of some reference sites; own: they are among the neighbours, whose weight is `type`. */
static void add_group(const m_run *run, m_worker *w, const int *from, size_t n, const double *weight,
                      double type) {
  const size_t n_radii = run->r.n;
  const int own = run->draws->n_to == 0;
  find_group(run, w, from, n, weight);
  for (size_t i = 0; i < n; i++) {
    const size_t s = (size_t)from[i];
    const double self = weight[s], *all = all_around(run, w, i, s);
    const double share = (type - (own ? self : 0)) / (run->total - self);
    if (own) {
      fm_disc_leave_out(&w->found.d[i], n_radii, self);
    }
    for (size_t k = 0; k < n_radii; k++) {
      if (all[k] > 0) {
        w->ratio[k] += w->found.d[i].sum[k] / all[k];
        w->share[k] += share;
      }
    }
  }
}

/* Takes every mark to its place. */
static void move_marks(const m_run *run, m_worker *w, size_t draw) {
  const fm_m_draws *draws = run->draws;
  const int *place = draws->place + draw * run->sites->n;
  for (size_t j = 0; j < run->sites->n; j++) {
    w->weight[place[j]] = draws->weight[j];
  }
  for (size_t i = 0; i < draws->n_from + draws->n_to; i++) {
    w->member[i] = place[draws->member[i]];
  }
  fm_strips_weigh(&w->whole, run->site, w->weight);
}

static fm_code m_task(void *context, size_t task, size_t worker) {
  m_run *run = context;
  const fm_m_draws *draws = run->draws;
  m_worker *w = &run->worker[worker];
  const size_t b = run->from + task, n = run->r.n;
  const int *from = draws->member + b * (draws->n_from + draws->n_to);
  const double *weight = draws->weight;
  if (draws->place != NULL) {
    move_marks(run, w, b);
    from = w->member;
    weight = w->weight;
  }
  const int *to = draws->n_to == 0 ? from : from + draws->n_from;
  fm_strips_build(&w->near, run->sites, to, weight);
  const double type = weight_of(weight, to, w->near.n);
  memset(w->ratio, 0, n * sizeof(double));
  memset(w->share, 0, n * sizeof(double));
  for (size_t i = 0; i < draws->n_from; i += FM_DISCS) {
    const size_t left = draws->n_from - i;
    add_group(run, w, from + i, left < FM_DISCS ? left : FM_DISCS, weight, type);
  }
  for (size_t k = 0; k < n; k++) {
    run->out[k + n * b] = w->share[k] > 0 ? w->ratio[k] / w->share[k] : NAN;
  }
  return FM_OK;
}

static void m_free(m_run *run) {
  if (run->worker != NULL) {
    for (size_t i = 0; i < run->n_workers; i++) {
      m_worker *w = &run->worker[i];
      fm_strips_free(&w->near), fm_strips_free(&w->whole);
      fm_discs_free(&w->found), fm_discs_free(&w->around);
      fm_free(w->ratio), fm_free(w->share), fm_free(w->weight), fm_free(w->member);
    }
  }
  fm_free(run->worker), fm_free(run->site);
  fm_rings_free(&run->r);
}

static fm_code worker_init(const m_run *run, m_worker *w, size_t n_radii) {
  const fm_m_draws *draws = run->draws;
  FM_TRY(fm_strips_init(&w->near, draws->n_to == 0 ? draws->n_from : draws->n_to, n_radii));
  FM_TRY(fm_discs_init(&w->found, n_radii));
  FM_TRY(fm_discs_init(&w->around, n_radii));
  w->ratio = fm_alloc(n_radii, sizeof(double));
  w->share = fm_alloc(n_radii, sizeof(double));
  if (!w->ratio || !w->share) {
    return FM_NO_MEMORY;
  }
  if (draws->place == NULL) {
    return FM_OK;
  }
  FM_TRY(fm_strips_init(&w->whole, run->sites->n, n_radii));
  w->weight = fm_alloc(run->sites->n, sizeof(double));
  w->member = fm_alloc(draws->n_from + draws->n_to, sizeof(int));
  return w->weight && w->member ? fm_strips_order(&w->whole, run->sites, run->site) : FM_NO_MEMORY;
}

static fm_code m_init(m_run *run, const fm_radii *radii, int threads) {
  run->n_workers = threads > 1 ? (size_t)threads : 1;
  FM_TRY(fm_rings_init(&run->r, radii));
  run->worker = fm_alloc_zero(run->n_workers, sizeof(m_worker));
  run->site = fm_alloc(run->sites->n, sizeof(size_t));
  if (run->worker == NULL || run->site == NULL) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < run->n_workers; i++) {
    FM_TRY(worker_init(run, &run->worker[i], radii->n));
  }
  for (size_t s = 0; s < run->sites->n; s++) {
    run->total += run->draws->weight[s];
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
