/* pass.c: chunks to threads, sums in chunk order.
 *
 * Each chunk has accumulators of its own; they are added up in chunk order with compensation
 * (Neumaier), after all chunks are done.
 * Thread safety: tasks write to their chunk's accumulators and their worker's workspace only.
 */
#include "pass.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/threads.h"
#include "../base/total.h"

typedef struct run {
  const fm_pass *pass;
  size_t workers;
  fm_work *work;    /* workers */
  double **scratch; /* workers */
  fm_sums *sums;    /* chunks */
  double *memory;   /* the chunks' scores and informations */
} run;

static void run_free(run *r) {
  for (size_t w = 0; w < r->workers; w++) {
    if (r->work != NULL && r->work[w].storage != NULL) {
      r->pass->design->ops->work_free(&r->work[w]);
    }
    if (r->scratch != NULL) {
      fm_free(r->scratch[w]);
    }
  }
  fm_free(r->work), fm_free(r->scratch), fm_free(r->sums), fm_free(r->memory);
}

static fm_code new_workers(run *r) {
  r->work = fm_alloc_zero(r->workers, sizeof(fm_work));
  r->scratch = fm_alloc_zero(r->workers, sizeof(double *));
  if (!r->work || !r->scratch) {
    return FM_NO_MEMORY;
  }
  for (size_t w = 0; w < r->workers; w++) {
    FM_TRY(r->pass->design->ops->work_init(r->pass->design, &r->work[w]));
    r->scratch[w] = fm_alloc(r->pass->scratch, sizeof(double));
    if (!r->scratch[w]) {
      return FM_NO_MEMORY;
    }
  }
  return FM_OK;
}

static fm_code new_sums(run *r) {
  const size_t p = r->pass->n_par, n = r->pass->design->n_chunks;
  const size_t per_chunk =
      (r->pass->order >= FM_SCORE ? p : 0) + (r->pass->order >= FM_INFORMATION ? p * p : 0);
  r->sums = fm_alloc_zero(n, sizeof(fm_sums));
  r->memory = fm_alloc_zero(n, per_chunk * sizeof(double));
  if (!r->sums || !r->memory) {
    return FM_NO_MEMORY;
  }
  for (size_t c = 0; c < n; c++) {
    r->sums[c].n_par = p;
    r->sums[c].score = r->pass->order >= FM_SCORE ? r->memory + c * per_chunk : NULL;
    r->sums[c].information = r->pass->order >= FM_INFORMATION ? r->memory + c * per_chunk + p : NULL;
  }
  return FM_OK;
}

static fm_code run_chunk(void *context, size_t chunk, size_t worker) {
  run *r = context;
  const fm_design *design = r->pass->design;
  fm_work *work = &r->work[worker];
  fm_sums *sums = &r->sums[chunk];
  if (r->pass->group != NULL) {
    for (size_t g = design->chunk_group[chunk]; g < design->chunk_group[chunk + 1]; g++) {
      FM_TRY(r->pass->group(r->pass, work, g, r->scratch[worker], sums));
    }
  } else {
    for (size_t b = design->chunk[chunk]; b < design->chunk[chunk + 1]; b++) {
      design->ops->load(design, work, b);
      FM_TRY(r->pass->block(r->pass, work, r->scratch[worker], sums));
    }
  }
  if (sums->information != NULL) {
    design->ops->flush(design, work, sums->information, sums->n_par);
  }
  return FM_OK;
}

/* The value, or entry `at` of the score or the information, of all chunks, summed in chunk order. */
static double sum_chunks(const fm_sums *sums, size_t n, size_t at, int order) {
  fm_total total = {0.0, 0.0};
  for (size_t c = 0; c < n; c++) {
    const double x = order == FM_VALUE   ? sums[c].value
                     : order == FM_SCORE ? sums[c].score[at]
                                         : sums[c].information[at];
    fm_total_add(&total, x);
  }
  return fm_total_value(&total);
}

static void reduce(const run *r, double *value, double *score, double *information) {
  const size_t p = r->pass->n_par, n = r->pass->design->n_chunks;
  *value = sum_chunks(r->sums, n, 0, FM_VALUE);
  if (r->pass->order >= FM_SCORE) {
    for (size_t k = 0; k < p; k++) {
      score[k] = sum_chunks(r->sums, n, k, FM_SCORE);
    }
  }
  if (r->pass->order >= FM_INFORMATION) {
    for (size_t l = 0; l < p; l++) {
      for (size_t k = 0; k <= l; k++) {
        const double x = sum_chunks(r->sums, n, k + l * p, FM_INFORMATION);
        information[k + l * p] = x;
        information[l + k * p] = x;
      }
    }
  }
}

/* Starting and joining threads costs more than a short pass, above all on a busy machine. */
static size_t worthwhile_threads(const fm_pass *pass) {
  const double enough = 1e6;
  const double work = (double)pass->design->n_numbers * (pass->effort > 0.0 ? pass->effort : 1.0);
  return pass->threads > 1 && work > enough ? (size_t)pass->threads : 1;
}

static fm_code run_all(run *r) {
  FM_TRY(new_workers(r));
  FM_TRY(new_sums(r));
  const fm_design *design = r->pass->design;
  return fm_parallel_watched(design->n_chunks, (int)r->workers, run_chunk, r, design->interrupted,
                             design->interrupt_context);
}

fm_code fm_pass_run(const fm_pass *pass, double *value, double *score, double *information, fm_error *err) {
  if (pass->admissible != NULL && !pass->admissible(pass)) {
    *value = -HUGE_VAL;
    return FM_OK;
  }
  const size_t threads = worthwhile_threads(pass);
  const size_t chunks = pass->design->n_chunks;
  run r = {.pass = pass, .workers = threads < chunks ? threads : (chunks > 0 ? chunks : 1)};
  const fm_code code = run_all(&r);
  if (code == FM_OK) {
    reduce(&r, value, score, information);
  }
  run_free(&r);
  return code == FM_OK ? FM_OK : fm_fail(err, code, "%s", fm_code_text(code));
}

/* The scores of one group, in rows of their own behind those of the groups before. */
static fm_code group_task(void *context, size_t g, size_t worker) {
  run *r = context;
  fm_sums sums = {.score = r->memory + g * r->pass->n_par, .n_par = r->pass->n_par};
  return r->pass->group(r->pass, &r->work[worker], g, r->scratch[worker], &sums);
}

fm_code fm_pass_group_scores(const fm_pass *pass, double *scores, fm_error *err) {
  const fm_design *design = pass->design;
  run r = {.pass = pass, .workers = 1, .memory = scores};
  fm_code code = new_workers(&r);
  memset(scores, 0, design->n_groups * pass->n_par * sizeof(double));
  if (code == FM_OK) {
    code = fm_parallel_watched(design->n_groups, 1, group_task, &r, design->interrupted,
                               design->interrupt_context);
  }
  r.memory = NULL; /* the caller's */
  run_free(&r);
  return code == FM_OK ? FM_OK : fm_fail(err, code, "%s", fm_code_text(code));
}

static fm_code evaluate(const fm_objective *self, const double *theta, int order, double *value,
                        double *score, double *information, fm_error *err) {
  fm_pass pass = *(const fm_pass *)self->context;
  pass.theta = theta;
  pass.order = order;
  return fm_pass_run(&pass, value, score, information, err);
}

fm_objective fm_pass_objective(const fm_pass *pass) {
  return (fm_objective){.n_par = pass->n_par, .evaluate = evaluate, .context = pass};
}
