/* many_fits.c: see many_fits.h. Thread safety: a fit belongs to one task. */
#include "many_fits.h"

#include "../base/alloc.h"
#include "../base/threads.h"
#include "../optim/few_steps.h"
#include "logit.h"

typedef struct all_fits {
  fm_one_fit *fits;
  fm_make_design make;
  double enough;
  int threads; /* inside of a fit */
  fm_interrupted interrupted;
} all_fits;

/* Logsums of the units, from the first block to the last; v has room for the rows and units of a block. */
static void unit_logsums(const fm_design *design, fm_work *work, const double *theta, double *v,
                         double *out) {
  double *level = v + design->max_rows;
  for (size_t b = 0; b < design->n_blocks; b++) {
    design->ops->load(design, work, b);
    double *logsum = out + work->block.first;
    design->ops->utility(design, work, theta, v);
    design->ops->level(design, work, theta, level);
    fm_logit_probabilities(design->kernels, &work->block, v, logsum);
    for (size_t i = 0; i < work->block.n; i++) {
      logsum[i] += level[i];
    }
  }
}

static fm_code occasion_logsums(const fm_design *design, const double *theta, double *out, fm_error *err) {
  fm_work work = {0};
  double *of_unit = fm_alloc(design->n_units, sizeof(double));
  double *v = fm_alloc(design->max_rows + design->max_units, sizeof(double));
  const fm_code code = of_unit && v ? design->ops->work_init(design, &work) : FM_NO_MEMORY;
  if (code == FM_OK) {
    unit_logsums(design, &work, theta, v, of_unit);
    for (size_t i = 0; i < design->n_occasions; i++) {
      out[i] = of_unit[design->unit_of != NULL ? design->unit_of[i] : i];
    }
    design->ops->work_free(&work);
  }
  fm_free(of_unit), fm_free(v);
  return code == FM_OK ? FM_OK : fm_fail(err, code, "%s", fm_code_text(code));
}

static fm_code climb(const all_fits *all, const fm_design *design, fm_one_fit *fit) {
  const fm_pass pass = fm_logit_pass(design, all->threads);
  const fm_objective objective = fm_pass_objective(&pass);
  FM_TRY(fm_few_steps(&objective, fit->fixed, all->enough, fit->theta, &fit->value, &fit->done, &fit->err));
  return fit->done ? occasion_logsums(design, fit->theta, fit->logsum, &fit->err) : FM_OK;
}

static fm_code one_fit(void *context, size_t task, size_t worker) {
  const all_fits *all = context;
  fm_one_fit *fit = &all->fits[task];
  fm_design design;
  (void)worker;
  FM_TRY(all->make(fit->spec, &design, &fit->err));
  design.interrupted = all->interrupted;
  const fm_code code = climb(all, &design, fit);
  design.ops->free(&design);
  return code;
}

fm_code fm_many_fits(fm_one_fit *fits, size_t n, fm_make_design make, double enough, int threads,
                     fm_interrupted interrupted, fm_error *err) {
  all_fits all = {fits, make, enough, n == 1 ? threads : 1, interrupted};
  for (size_t k = 0; k < n; k++) {
    fits[k].done = 0;
    fits[k].err = (fm_error){FM_OK, ""};
  }
  const fm_code code = fm_parallel_watched(n, threads, one_fit, &all, interrupted, NULL);
  if (code != FM_OK) {
    for (size_t k = 0; k < n; k++) {
      if (fits[k].err.code != FM_OK) {
        return fm_fail(err, code, "%s", fits[k].err.message);
      }
    }
  }
  return code;
}
