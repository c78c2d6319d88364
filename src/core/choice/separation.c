/* separation.c: a certificate of separation from one direction.
 *
 * Formula: separation.h. Utilities are taken less those at zero, so offsets drop out. Overwrites
 * separated only.
 */
#include "separation.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "pass.h"

typedef struct asked {
  fm_along what;
  double tolerance;
  const double *sign; /* units, or NULL */
} asked;

/* v1 = change of each utility along the direction, times the sign; unoffered places change nothing. */
static void change_of_utility(const fm_pass *pass, fm_work *work, const double *zero, double *v1,
                              double *v0) {
  const fm_design *design = pass->design;
  const asked *ask = pass->model;
  const fm_block *block = &work->block;
  design->ops->utility(design, work, pass->theta, v1);
  design->ops->utility(design, work, zero, v0);
  for (size_t i = 0; i < block->n; i++) {
    const double sign = ask->sign != NULL ? ask->sign[block->first + i] : 1.0;
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      v1[r] = v0[r] > -HUGE_VAL ? sign * (v1[r] - v0[r]) : -HUGE_VAL;
    }
  }
}

static fm_code count_block(const fm_pass *pass, fm_work *work, double *scratch, fm_sums *sums) {
  const asked *ask = pass->model;
  const fm_block *block = &work->block;
  double *v1 = scratch, *v0 = v1 + pass->design->max_rows, *zero = v0 + pass->design->max_rows;
  for (size_t k = 0; k < pass->design->n_linear; k++) {
    zero[k] = 0.0;
  }
  change_of_utility(pass, work, zero, v1, v0);
  for (size_t i = 0; i < block->n; i++) {
    const double *row = v1 + block->offset[i];
    const size_t n = block->offset[i + 1] - block->offset[i];
    for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
      const double own = row[block->choice_row[c]];
      if (block->choice_weight[c] <= 0.0) {
        continue;
      }
      if (ask->what == FM_LOSSES) {
        sums->value += pass->design->kernels->max(row, n) > own + ask->tolerance;
        continue;
      }
      for (size_t j = 0; j < n; j++) {
        const double gap = row[j] > -HUGE_VAL ? own - row[j] : 0.0;
        if (ask->what == FM_GAINS) {
          sums->value += gap > ask->tolerance;
        } else {
          sums->value = fmax(sums->value, fabs(gap));
        }
      }
    }
  }
  return FM_OK;
}

fm_code fm_count_along(const fm_design *design, const double *sign, const double *direction, fm_along what,
                       double tolerance, int threads, double *answer, fm_error *err) {
  const asked ask = {what, tolerance, sign};
  const fm_pass pass = {.design = design,
                        .model = &ask,
                        .theta = direction,
                        .n_par = design->n_linear,
                        .order = FM_VALUE,
                        .threads = threads,
                        .scratch = 2 * design->max_rows + design->n_linear,
                        .block = count_block};
  return fm_pass_run(&pass, answer, NULL, NULL, err);
}

/* How many alternatives fall behind along a part of a direction; none where the part does not separate. */
static fm_code gains_along(const fm_along_counter *counter, const double *direction, double tolerance,
                           double *gains, fm_error *err) {
  double losses = 0.0;
  *gains = 0.0;
  FM_TRY(counter->count(counter->context, direction, FM_LOSSES, tolerance, &losses, err));
  return losses > 0.0 ? FM_OK
                      : counter->count(counter->context, direction, FM_GAINS, tolerance, gains, err);
}

/* Takes parameter k out of the direction when it is only carried along: the rest separates as many
 * alternatives without it, and it separates none by itself. A term that separates completely carries all
 * others along. */
static fm_code drop_carried(const fm_along_counter *counter, size_t k, double tolerance, double *direction,
                            double *alone, int *separated, fm_error *err) {
  const double own = direction[k];
  double with = 0.0, without = 0.0, by_itself = 0.0;
  fm_code code = gains_along(counter, direction, tolerance, &with, err);
  alone[k] = own;
  direction[k] = 0.0;
  if (code == FM_OK) {
    code = gains_along(counter, direction, tolerance, &without, err);
  }
  if (code == FM_OK) {
    code = gains_along(counter, alone, tolerance, &by_itself, err);
  }
  alone[k] = 0.0;
  separated[k] = without < with || by_itself > 0.0;
  direction[k] = separated[k] ? own : 0.0;
  return code;
}

/* Marks the parameters without which the direction moves utilities noticeably less, and that are not
 * carried along. */
static fm_code mark_parameters(const fm_along_counter *counter, double *direction, double *alone,
                               double reach, int *separated, fm_error *err) {
  size_t n = 0;
  for (size_t k = 0; k < counter->n_linear; k++) {
    double own = 0.0;
    if (direction[k] != 0.0) {
      alone[k] = direction[k];
      FM_TRY(counter->count(counter->context, alone, FM_REACH, 0.0, &own, err));
      alone[k] = 0.0;
    }
    separated[k] = own > 0.01 * reach;
    n += separated[k] != 0;
  }
  if (n < 2) {
    return FM_OK;
  }
  for (size_t k = 0; k < counter->n_linear; k++) {
    if (separated[k]) {
      FM_TRY(drop_carried(counter, k, 1e-6 * reach, direction, alone, separated, err));
    }
  }
  return FM_OK;
}

static fm_code name_parameters(const fm_along_counter *counter, const double *direction, double reach,
                               int *separated, fm_error *err) {
  double *left = fm_alloc_zero(2 * counter->n_linear, sizeof(double));
  if (left == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "%s", fm_code_text(FM_NO_MEMORY));
  }
  memcpy(left, direction, counter->n_linear * sizeof(double));
  const fm_code code = mark_parameters(counter, left, left + counter->n_linear, reach, separated, err);
  fm_free(left);
  return code;
}

fm_code fm_separation_counted(const fm_along_counter *counter, const double *direction, int *separated,
                              fm_error *err) {
  double reach = 0.0, losses = 0.0;
  for (size_t k = 0; k < counter->n_linear; k++) {
    separated[k] = 0;
    if (!isfinite(direction[k])) {
      return FM_OK;
    }
  }
  FM_TRY(counter->count(counter->context, direction, FM_REACH, 0.0, &reach, err));
  if (!(reach > 1e-3)) {
    return FM_OK;
  }
  FM_TRY(counter->count(counter->context, direction, FM_LOSSES, 1e-6 * reach, &losses, err));
  if (losses > 0.0) {
    return FM_OK;
  }
  return name_parameters(counter, direction, reach, separated, err);
}

/* ---- one design -------------------------------------------------------------------------------------- */
static fm_code count_design(const void *context, const double *direction, fm_along what, double tolerance,
                            double *answer, fm_error *err) {
  const fm_counted_design *c = context;
  return fm_count_along(c->design, c->sign, direction, what, tolerance, c->threads, answer, err);
}

fm_along_counter fm_design_counter(const fm_counted_design *counted) {
  return (fm_along_counter){count_design, counted, counted->design->n_linear};
}

fm_code fm_separation(const fm_design *design, const double *sign, const double *direction, int threads,
                      int *separated, fm_error *err) {
  const fm_counted_design counted = {design, sign, threads};
  const fm_along_counter counter = fm_design_counter(&counted);
  return fm_separation_counted(&counter, direction, separated, err);
}
