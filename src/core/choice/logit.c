/* logit.c: value, score and information of the conditional logit for one block of occasions.
 *
 * Formulas: logit.h. Exponentials are taken of utilities less their largest, so no utility is too large
 * or too small.
 */
#include "logit.h"

#include <math.h>
#include <string.h>

#include "../base/arena.h"

void fm_logit_probabilities(const fm_kernels *kernels, const fm_block *block, double *v, double *logsum) {
  for (size_t i = 0; i < block->n; i++) {
    const size_t n = block->offset[i + 1] - block->offset[i];
    double *row = v + block->offset[i];
    const double top = kernels->max(row, n);
    const double total = kernels->exp_less(top, row, n);
    kernels->scale(1.0 / total, row, n);
    logsum[i] = top + log(total);
  }
}

/* What a thread's scratch holds. */
typedef struct buffers {
  double *p;      /* rows: utilities, then probabilities */
  double *logsum; /* units */
  double *y;      /* units x terms: xbar */
  double *chosen; /* units: weight of the choices of a unit */
  double *minus;  /* units: its negative */
  double *x;      /* terms */
} buffers;

/* The doubles used; scratch = NULL only counts. */
static size_t lay_out(buffers *b, const fm_design *design, double *scratch) {
  fm_arena a = {scratch, 0};
  b->p = fm_take(&a, design->max_rows);
  b->logsum = fm_take(&a, design->max_units);
  b->chosen = fm_take(&a, design->max_units);
  b->minus = fm_take(&a, design->max_units);
  b->y = fm_take(&a, design->max_units * design->n_terms);
  b->x = fm_take(&a, design->n_terms);
  return a.used;
}

double fm_logit_chosen_utility(const fm_block *block, const double *v) {
  double total = 0.0;
  for (size_t i = 0; i < block->n; i++) {
    for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
      const double w = block->choice_weight[c];
      total += w > 0.0 ? w * v[block->offset[i] + (size_t)block->choice_row[c]] : 0.0;
    }
  }
  return total;
}

static void weigh_choices(const fm_block *block, const buffers *b) {
  for (size_t i = 0; i < block->n; i++) {
    b->chosen[i] = 0.0;
    for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
      b->chosen[i] += block->choice_weight[c];
    }
    b->minus[i] = -b->chosen[i];
  }
}

/* g += w [x_iy; e_y] for choice c of unit i. */
static void add_choice(const fm_design *design, fm_work *work, size_t i, size_t c, double *x, double *g) {
  const fm_block *block = &work->block;
  const double w = block->choice_weight[c];
  design->ops->row(design, work, i, block->choice_row[c], x);
  for (size_t k = 0; k < design->n_terms; k++) {
    g[k] += w * x[k];
  }
  if (design->n_effects > 0) {
    const size_t at = block->offset[i] + (size_t)block->choice_row[c];
    g[design->n_terms + (size_t)block->place[at]] += w;
  }
}

static void chosen_score(const fm_design *design, fm_work *work, double *x, double *g) {
  for (size_t i = 0; i < work->block.n; i++) {
    for (size_t c = work->block.choice[i]; c < work->block.choice[i + 1]; c++) {
      add_choice(design, work, i, c, x, g);
    }
  }
}

static void expected_score(const fm_design *design, fm_work *work, const buffers *b, double *g) {
  if (design->n_effects > 0) {
    design->ops->score(design, work, b->minus, b->p, g);
    return;
  }
  for (size_t i = 0; i < work->block.n; i++) {
    for (size_t k = 0; k < design->n_terms; k++) {
      g[k] += b->minus[i] * b->y[i * design->n_terms + k];
    }
  }
}

static fm_code logit_block(const fm_pass *pass, fm_work *work, double *scratch, fm_sums *sums) {
  const fm_design *design = pass->design;
  buffers b;
  lay_out(&b, design, scratch);
  design->ops->utility(design, work, pass->theta, b.p);
  double value = fm_logit_chosen_utility(&work->block, b.p);
  weigh_choices(&work->block, &b);
  fm_logit_probabilities(design->kernels, &work->block, b.p, b.logsum);
  for (size_t i = 0; i < work->block.n; i++) {
    value += b.chosen[i] > 0.0 ? b.minus[i] * b.logsum[i] : 0.0;
  }
  sums->value += value;
  if (sums->score == NULL) {
    return FM_OK;
  }
  design->ops->project(design, work, b.p, b.y);
  chosen_score(design, work, b.x, sums->score);
  expected_score(design, work, &b, sums->score);
  if (sums->information != NULL) {
    design->ops->cross(design, work, b.chosen, b.p, sums->information, sums->n_par);
    design->ops->outer(design, work, b.minus, b.p, b.y, sums->information, sums->n_par);
  }
  return FM_OK;
}

void fm_logit_occasion_scores(const fm_design *design, fm_work *work, const double *theta, double *scratch,
                              double *scores) {
  buffers b;
  lay_out(&b, design, scratch);
  const fm_block *block = &work->block;
  const size_t nt = design->n_terms, p = design->n_linear;
  memset(scores, 0, block->n * p * sizeof(double));
  design->ops->utility(design, work, theta, b.p);
  weigh_choices(block, &b);
  fm_logit_probabilities(design->kernels, block, b.p, b.logsum);
  design->ops->project(design, work, b.p, b.y);
  for (size_t i = 0; i < block->n; i++) {
    double *g = scores + i * p;
    for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
      add_choice(design, work, i, c, b.x, g);
    }
    for (size_t k = 0; k < nt; k++) {
      g[k] += b.minus[i] * b.y[i * nt + k];
    }
    if (design->n_effects > 0) {
      for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
        g[nt + (size_t)block->place[r]] += b.minus[i] * b.p[r];
      }
    }
  }
}

fm_pass fm_logit_pass(const fm_design *design, int threads) {
  buffers b;
  return (fm_pass){.design = design,
                   .n_par = design->n_linear,
                   .threads = threads,
                   .scratch = lay_out(&b, design, NULL),
                   .block = logit_block};
}

/* ---- response ---------------------------------------------------------------------------------------- */
static void response_probabilities(const fm_response *r, fm_work *work, double *scratch, double *p,
                                   double *logsum) {
  (void)scratch;
  r->design->ops->utility(r->design, work, r->theta, p);
  fm_logit_probabilities(r->design->kernels, &work->block, p, logsum);
}

void fm_logit_change(const fm_kernels *kernels, const double *p, const double *dv, size_t n, double *dp,
                     double *mean) {
  *mean = kernels->dot(p, dv, n);
  kernels->less(*mean, dv, dp, n);
  kernels->times(p, dp, dp, n);
}

static void response_change(const fm_response *r, fm_work *work, double *scratch, const double *p,
                            const double *dv, const double *own, double *dp, double *dlogsum) {
  const size_t *offset = work->block.offset;
  (void)scratch, (void)own;
  for (size_t i = 0; i < work->block.n; i++) {
    fm_logit_change(r->design->kernels, p + offset[i], dv + offset[i], offset[i + 1] - offset[i],
                    dp + offset[i], &dlogsum[i]);
  }
}

fm_response fm_logit_response(const fm_design *design, const double *theta) {
  return (fm_response){.design = design,
                       .theta = theta,
                       .n_par = design->n_linear,
                       .probabilities = response_probabilities,
                       .change = response_change};
}
