/* hazard.c: value, score and information of grouped proportional hazards for one block of units.
 *
 * Formulas: hazard.h. In log S the log-likelihood of leaving is f(S) = log(1 - exp(-S)), that of staying
 * -S; among those that leave the risks are a conditional logit. So with c and n the weights of leaving by k
 * and of leaving at all, and l' the derivative in log S,
 *   residual of k: l' pi_k + c_k - n pi_k,   of staying: -l',
 *   information: (n - l') cov(pi) - l'' z z',  z = sum_k pi_k x_k - x_stay.
 */
#include "hazard.h"

#include <math.h>
#include <string.h>

#include "../base/arena.h"
#include "hazard_parts.h"

/* exp() of it, and its inverse, are numbers */
static const double LOG_LIMIT = 690.0;

/* ---- one unit ---------------------------------------------------------------------------------------- */
void fm_hazard_shares(const fm_kernels *kernels, const fm_block *block, double *v, double *log_total) {
  for (size_t i = 0; i < block->n; i++) {
    const size_t n = block->offset[i + 1] - block->offset[i];
    double *row = v + block->offset[i];
    const double stay = block->origin[i] >= 0 ? row[block->origin[i]] : -HUGE_VAL;
    if (block->origin[i] >= 0) {
      row[block->origin[i]] = -HUGE_VAL;
    }
    const double top = kernels->max(row, n);
    if (!(stay > -HUGE_VAL) || !(top > -HUGE_VAL)) {
      memset(row, 0, n * sizeof(double));
      log_total[i] = -HUGE_VAL;
      continue;
    }
    const double total = kernels->exp_less(top, row, n);
    kernels->scale(1.0 / total, row, n);
    log_total[i] = fmax(-LOG_LIMIT, fmin(LOG_LIMIT, top - stay + log(total)));
  }
}

fm_leaving fm_hazard_leaving(double total) {
  fm_leaving f;
  f.value = total < 1.0 ? log(-expm1(-total)) : log1p(-exp(-total));
  const double x = exp(-total), left = -expm1(-total);
  f.first = total * x / left;
  if (total < 0.05) { /* the series of Bernoulli's numbers: the closed form cancels */
    const double t = total * total;
    f.curvature = total / 2.0 - t * (1.0 / 6.0 - t * (1.0 / 180.0 - t * (1.0 / 5040.0 - t / 151200.0)));
  } else {
    f.curvature = total * x * (total - left) / (left * left);
  }
  return f;
}

fm_counts fm_hazard_counts(const fm_block *block, size_t i) {
  fm_counts n = {0.0, 0.0};
  for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
    if (block->choice_row[c] == block->origin[i]) {
      n.stay += block->choice_weight[c];
    } else {
      n.leave += block->choice_weight[c];
    }
  }
  return n;
}

/* ---- one block --------------------------------------------------------------------------------------- */
typedef struct buffers {
  double *pi;        /* rows: utilities, then shares */
  double *z;         /* rows: residuals, then contrasts */
  double *log_total; /* units */
  double *cov;       /* units: what the covariance of x under pi counts */
  double *e;         /* units: what z z' counts */
  double *y;         /* units x terms */
} buffers;

/* The doubles used; scratch = NULL only counts. */
static size_t lay_out(buffers *b, const fm_design *design, double *scratch) {
  fm_arena a = {scratch, 0};
  b->pi = fm_take(&a, design->max_rows);
  b->z = fm_take(&a, design->max_rows);
  b->log_total = fm_take(&a, design->max_units);
  b->cov = fm_take(&a, design->max_units);
  b->e = fm_take(&a, design->max_units);
  b->y = fm_take(&a, design->max_units * design->n_terms);
  return a.used;
}

size_t fm_hazard_scratch(const fm_design *design) {
  buffers b;
  return lay_out(&b, design, NULL);
}

/* sum over choices of unit i of w log pi_k; the residuals of these shares into r. */
static double share_part(const fm_block *block, size_t i, const double *pi, double *r) {
  double value = 0.0;
  for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
    const int row = block->choice_row[c];
    if (row != block->origin[i] && block->choice_weight[c] > 0.0) {
      value += block->choice_weight[c] * log(pi[row]);
      r[row] += block->choice_weight[c];
    }
  }
  return value;
}

/* Log-likelihood of unit i; its residuals into r (zeroed before),
 * its weights in the information into cov and e. */
static double unit_part(const fm_block *block, size_t i, const double *pi, double log_total, double *r,
                        double *cov, double *e) {
  *cov = *e = 0.0;
  if (!(log_total > -HUGE_VAL)) {
    return 0.0;
  }
  const fm_counts n = fm_hazard_counts(block, i);
  const double total = exp(log_total);
  const fm_leaving leave = fm_hazard_leaving(total);
  double value = n.leave > 0.0 ? n.leave * leave.value : 0.0;
  value -= n.stay > 0.0 ? n.stay * total : 0.0;
  const double slope = n.leave * leave.first - n.stay * total;
  for (size_t k = 0; k < block->offset[i + 1] - block->offset[i]; k++) {
    r[k] = (slope - n.leave) * pi[k];
  }
  value += share_part(block, i, pi, r);
  r[block->origin[i]] = -slope;
  *cov = n.leave - slope;
  *e = n.leave * leave.curvature + n.stay * total;
  return value;
}

static double block_part(const fm_design *design, fm_work *work, const double *theta, const buffers *b) {
  const fm_block *block = &work->block;
  double value = 0.0;
  design->ops->utility(design, work, theta, b->pi);
  fm_hazard_shares(design->kernels, block, b->pi, b->log_total);
  memset(b->z, 0, block->offset[block->n] * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    const size_t at = block->offset[i];
    value += unit_part(block, i, b->pi + at, b->log_total[i], b->z + at, &b->cov[i], &b->e[i]);
  }
  return value;
}

void fm_hazard_contrast(const fm_block *block, const double *s, const double *shares, double *z) {
  for (size_t i = 0; i < block->n; i++) {
    const double scale = s != NULL ? s[i] : 1.0;
    double any = 0.0;
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      any += shares[r];
      z[r] = scale * shares[r];
    }
    if (any > 0.0) {
      z[block->offset[i] + (size_t)block->origin[i]] = -scale;
    }
  }
}

void fm_hazard_information(const fm_design *design, fm_work *work, double *cov, const double *e,
                           const double *shares, double *z, double *y, double *h, size_t ld) {
  if (design->n_places > 2) { /* one risk has no covariance */
    design->ops->cross(design, work, cov, shares, h, ld);
    design->ops->project(design, work, shares, y);
    for (size_t i = 0; i < work->block.n; i++) {
      cov[i] = -cov[i];
    }
    design->ops->outer(design, work, cov, shares, y, h, ld);
  }
  fm_hazard_contrast(&work->block, NULL, shares, z);
  design->ops->project(design, work, z, y);
  design->ops->outer(design, work, e, z, y, h, ld);
}

static fm_code hazard_block(const fm_pass *pass, fm_work *work, double *scratch, fm_sums *sums) {
  const fm_design *design = pass->design;
  buffers b;
  lay_out(&b, design, scratch);
  sums->value += block_part(design, work, pass->theta, &b);
  if (sums->score != NULL) {
    design->ops->score(design, work, NULL, b.z, sums->score);
  }
  if (sums->information != NULL) {
    fm_hazard_information(design, work, b.cov, b.e, b.pi, b.z, b.y, sums->information, sums->n_par);
  }
  return FM_OK;
}

/* ---- for the outside --------------------------------------------------------------------------------- */
void fm_hazard_probabilities(const fm_kernels *kernels, const fm_block *block, double *v,
                             double *log_total) {
  fm_hazard_shares(kernels, block, v, log_total);
  for (size_t i = 0; i < block->n; i++) {
    const double total = log_total[i] > -HUGE_VAL ? exp(log_total[i]) : 0.0;
    kernels->scale(-expm1(-total), v + block->offset[i], block->offset[i + 1] - block->offset[i]);
    if (block->origin[i] >= 0) {
      v[block->offset[i] + (size_t)block->origin[i]] = exp(-total);
    }
  }
}

void fm_hazard_occasion_scores(const fm_design *design, fm_work *work, const double *theta, double *scratch,
                               double *scores) {
  buffers b;
  lay_out(&b, design, scratch);
  const fm_block *block = &work->block;
  const size_t nt = design->n_terms, p = design->n_linear;
  (void)block_part(design, work, theta, &b);
  design->ops->project(design, work, b.z, b.y);
  memset(scores, 0, block->n * p * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    memcpy(scores + i * p, b.y + i * nt, nt * sizeof(double));
    if (design->n_effects > 0) {
      for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
        scores[i * p + nt + (size_t)block->place[r]] += b.z[r];
      }
    }
  }
}

static int variance_allowed(const fm_pass *pass) {
  const double v = pass->theta[pass->design->n_linear];
  return v >= 0.0 && isfinite(v);
}

fm_pass fm_hazard_pass(const fm_hazard *model, const fm_design *design, int threads) {
  fm_pass pass = {.design = design,
                  .model = model,
                  .n_par = design->n_linear,
                  .threads = threads,
                  .scratch = fm_hazard_scratch(design),
                  .block = hazard_block};
  if (model->frailty) {
    pass.n_par++;
    pass.admissible = variance_allowed;
    pass.scratch = fm_hazard_group_scratch(design);
    pass.block = NULL;
    pass.group = fm_hazard_group;
  }
  return pass;
}
