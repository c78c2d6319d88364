/* hazard_frailty.c: hazards with a gamma frailty, one spell at a time.
 *
 * With F(s) = log(1 + v s) / v, A the hazard cumulated while staying and S that of the period of leaving,
 *   l = -F(A) [+ log(1 - exp(-B)) + log pi_k],   B = F(A + S) - F(A) = F(s),   s = S / (1 + v A):
 * the frailty among those still there, whose mean has fallen to 1 / (1 + v A), shrinks S to s. l and its
 * derivatives are taken in A, a = log S and v, and carried to theta by the chain rule: dA = sum_i S_i z_i,
 * d2A = sum_i S_i (z_i z_i' + cov_i), da = z, d2a = cov, with z and cov as in hazard.c. Near v s = 0 F and
 * its derivatives in v are series, so v = 0 is no exception.
 */
#include <math.h>
#include <string.h>

#include "../base/arena.h"
#include "hazard_parts.h"

/* ---- the spell as a function of A, a = log S and v --------------------------------------------------- */
typedef struct log_mean {
  double f, v, vv; /* F(s), its first and second derivative in v */
} log_mean;

static log_mean log_mean_at(double s, double v) {
  const double x = v * s;
  log_mean m = {0.0, 0.0, 0.0};
  if (x > 0.05) {
    const double q = s / (1.0 + x);
    m.f = log1p(x) / v;
    m.v = (q - m.f) / v;
    m.vv = (-q * q - 2.0 * m.v) / v;
    return m;
  }
  for (int n = 14; n >= 0; n--) { /* sums of (-1)^n x^n / (n+1) and of its derivatives, Horner's way */
    const double sign = n % 2 == 0 ? 1.0 : -1.0, k = (double)n;
    m.f = m.f * x + sign / (k + 1.0);
    m.v = m.v * x - sign * (k + 1.0) / (k + 2.0);
    m.vv = m.vv * x + sign * (k + 1.0) * (k + 2.0) / (k + 3.0);
  }
  m.f *= s, m.v *= s * s, m.vv *= s * s * s;
  return m;
}

/* l without log pi_k, and its derivatives. */
typedef struct spell {
  double value, A, a, v, AA, Aa, aa, Av, av, vv;
} spell;

static spell staying(double A, double v) {
  const log_mean m = log_mean_at(A, v);
  const double q = 1.0 / (1.0 + v * A);
  return (spell){.value = -m.f, .A = -q, .v = -m.v, .AA = v * q * q, .Av = A * q * q, .vv = -m.vv};
}

/* Adds log(1 - exp(-B)); every derivative of B is divided by B, which may be tiny. */
static void add_leaving(spell *l, double A, double total, double v) {
  const double tau = 1.0 + v * A, s = total / tau, q = 1.0 / (1.0 + v * s);
  const log_mean m = log_mean_at(s, v);
  const fm_leaving leave = fm_hazard_leaving(m.f);
  const double sA = -v * s / tau, sv = -s * A / tau; /* derivatives of s; that in a is s itself */
  const double qs = -v * q * q, qv = -s * q * q;     /* of q, in s and in v */
  const double over = 1.0 / m.f;
  const double bA = q * sA * over, ba = q * s * over, bv = (m.v + q * sv) * over;
  const double bAA = (qs * sA * sA + q * 2.0 * v * v * s / (tau * tau)) * over;
  const double bAa = (qs * sA * s + q * sA) * over;
  const double baa = (qs * s * s + q * s) * over;
  const double sAv = s / tau * (2.0 * v * A / tau - 1.0);
  const double bAv = (qs * sA * sv + qv * sA + q * sAv) * over;
  const double bav = (qs * s * sv + qv * s + q * sv) * over;
  const double bvv = (m.vv + 2.0 * qv * sv + qs * sv * sv + q * 2.0 * s * A * A / (tau * tau)) * over;
  const double e = leave.first, ee = -(leave.first + leave.curvature);
  l->value += leave.value;
  l->A += e * bA, l->a += e * ba, l->v += e * bv;
  l->AA += e * bAA + ee * bA * bA, l->Aa += e * bAa + ee * bA * ba, l->aa += e * baa + ee * ba * ba;
  l->Av += e * bAv + ee * bA * bv, l->av += e * bav + ee * ba * bv, l->vv += e * bvv + ee * bv * bv;
}

/* ---- a group ----------------------------------------------------------------------------------------- */
typedef struct buffers {
  double *pi, *log_total;  /* rows and units of the group: shares and log S */
  double *stays, *leaves;  /* units of the group: how often, over the weight of the group */
  double *z, *y, *cov, *e; /* rows, units x terms, units, units of a block */
  double *dA, *da;         /* n_linear */
} buffers;

/* The doubles used; scratch = NULL only counts. */
static size_t lay_out(buffers *b, const fm_design *design, double *scratch) {
  fm_arena a = {scratch, 0};
  b->pi = fm_take(&a, design->max_group_rows);
  b->log_total = fm_take(&a, design->max_group_units);
  b->stays = fm_take(&a, design->max_group_units);
  b->leaves = fm_take(&a, design->max_group_units);
  b->z = fm_take(&a, design->max_rows);
  b->y = fm_take(&a, design->max_units * design->n_terms);
  b->cov = fm_take(&a, design->max_units);
  b->e = fm_take(&a, design->max_units);
  b->dA = fm_take(&a, design->n_linear);
  b->da = fm_take(&a, design->n_linear);
  return a.used;
}

size_t fm_hazard_group_scratch(const fm_design *design) {
  buffers b;
  return lay_out(&b, design, NULL);
}

/* What is known of a group once its blocks have been seen. */
typedef struct history {
  double A;         /* hazard cumulated while staying */
  double log_total; /* of the period of leaving */
  double log_share; /* log pi_k of the risk that came about */
  double leaves;    /* 0 or 1 */
} history;

/* Shares, log S and counts of the loaded block; adds to the history. */
static void observe(const fm_design *design, fm_work *work, const double *theta, double weight,
                    const buffers *b, history *seen) {
  const fm_block *block = &work->block;
  design->ops->utility(design, work, theta, b->pi);
  fm_hazard_shares(design->kernels, block, b->pi, b->log_total);
  for (size_t i = 0; i < block->n; i++) {
    const int at_risk = b->log_total[i] > -HUGE_VAL;
    const fm_counts n = fm_hazard_counts(block, i);
    b->stays[i] = at_risk ? n.stay / weight : 0.0;
    b->leaves[i] = at_risk ? n.leave / weight : 0.0;
    seen->A += b->stays[i] > 0.0 ? b->stays[i] * exp(b->log_total[i]) : 0.0;
    seen->leaves += b->leaves[i];
    if (b->leaves[i] > 0.0) {
      for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
        if (block->choice_row[c] != block->origin[i] && block->choice_weight[c] > 0.0) {
          seen->log_total = b->log_total[i];
          seen->log_share = log(b->pi[block->offset[i] + (size_t)block->choice_row[c]]);
        }
      }
    }
  }
}

/* The buffers of a group from the next block on. */
static void advance(buffers *b, const fm_block *block) {
  b->pi += block->offset[block->n];
  b->log_total += block->n, b->stays += block->n, b->leaves += block->n;
}

static void load_if_several(const fm_design *design, fm_work *work, size_t b, size_t group) {
  if (design->group_block[group + 1] - design->group_block[group] > 1) {
    design->ops->load(design, work, b);
  }
}

/* dA += sum_i S_i z_i, da += z of the period of leaving. */
static void chain(const fm_design *design, fm_work *work, const buffers *b) {
  const size_t n = work->block.n;
  for (size_t i = 0; i < n; i++) {
    b->e[i] = b->stays[i] > 0.0 ? b->stays[i] * exp(b->log_total[i]) : 0.0;
  }
  fm_hazard_contrast(&work->block, NULL, b->pi, b->z);
  design->ops->score(design, work, b->e, b->z, b->dA);
  design->ops->score(design, work, b->leaves, b->z, b->da);
}

/* Score of log pi_k, and the parts of the information that are sums over units. */
static void unit_sums(const fm_design *design, fm_work *work, const spell *l, double weight,
                      const buffers *b, fm_sums *sums) {
  const fm_block *block = &work->block;
  for (size_t i = 0; i < block->n; i++) {
    const double stay = b->stays[i] > 0.0 ? b->stays[i] * exp(b->log_total[i]) : 0.0;
    b->cov[i] = weight * (b->leaves[i] * (1.0 - l->a) - l->A * stay);
    b->e[i] = weight * (-b->leaves[i] * l->aa - l->A * stay);
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      b->z[r] = -weight * b->leaves[i] * b->pi[r];
    }
    if (b->leaves[i] > 0.0) {
      for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
        const int leaves = block->choice_row[c] != block->origin[i];
        b->z[block->offset[i] + (size_t)block->choice_row[c]] += leaves ? block->choice_weight[c] : 0.0;
      }
    }
  }
  design->ops->score(design, work, NULL, b->z, sums->score);
  if (sums->information != NULL) {
    fm_hazard_information(design, work, b->cov, b->e, b->pi, b->z, b->y, sums->information, sums->n_par);
  }
}

/* What the derivatives in A, a and v add once dA and da are complete. */
static void group_sums(size_t n, const spell *l, double weight, const buffers *b, fm_sums *sums) {
  for (size_t k = 0; k < n; k++) {
    sums->score[k] += weight * (l->A * b->dA[k] + l->a * b->da[k]);
  }
  sums->score[n] += weight * l->v;
  if (sums->information == NULL) {
    return;
  }
  double *h = sums->information;
  for (size_t c = 0; c < n; c++) {
    const double by_A = weight * (l->AA * b->dA[c] + l->Aa * b->da[c]), by_a = weight * l->Aa * b->dA[c];
    for (size_t r = 0; r <= c; r++) {
      h[r + c * sums->n_par] -= by_A * b->dA[r] + by_a * b->da[r];
    }
    h[c + n * sums->n_par] -= weight * (l->Av * b->dA[c] + l->av * b->da[c]);
  }
  h[n + n * sums->n_par] -= weight * l->vv;
}

/* Sees all blocks of a group. */
static history see_group(const fm_pass *pass, fm_work *work, size_t group, double weight,
                         const buffers *all) {
  const fm_design *design = pass->design;
  buffers here = *all;
  history seen = {0.0, 0.0, 0.0, 0.0};
  for (size_t at = design->group_block[group]; at < design->group_block[group + 1]; at++) {
    design->ops->load(design, work, at);
    observe(design, work, pass->theta, weight, &here, &seen);
    advance(&here, &work->block);
  }
  return seen;
}

/* Adds score and information of a group that has been seen. */
static void add_derivatives(const fm_pass *pass, fm_work *work, size_t group, double weight, const spell *l,
                            const buffers *all, fm_sums *sums) {
  const fm_design *design = pass->design;
  buffers here = *all;
  memset(all->dA, 0, design->n_linear * sizeof(double));
  memset(all->da, 0, design->n_linear * sizeof(double));
  for (size_t at = design->group_block[group]; at < design->group_block[group + 1]; at++) {
    load_if_several(design, work, at, group);
    chain(design, work, &here);
    unit_sums(design, work, l, weight, &here, sums);
    advance(&here, &work->block);
  }
  group_sums(design->n_linear, l, weight, all, sums);
}

fm_code fm_hazard_group(const fm_pass *pass, fm_work *work, size_t group, double *scratch, fm_sums *sums) {
  const fm_hazard *model = pass->model;
  const double weight = model->group_weight != NULL ? model->group_weight[group] : 1.0;
  const double v = pass->theta[pass->design->n_linear];
  if (!(weight > 0.0)) {
    return FM_OK;
  }
  buffers b;
  lay_out(&b, pass->design, scratch);
  const history seen = see_group(pass, work, group, weight, &b);
  if (seen.leaves > 1.0 + 1e-9) {
    return FM_INVALID;
  }
  spell l = staying(seen.A, v);
  if (seen.leaves > 0.0) {
    add_leaving(&l, seen.A, exp(seen.log_total), v);
  }
  sums->value += weight * (l.value + seen.log_share);
  if (sums->score != NULL) {
    add_derivatives(pass, work, group, weight, &l, &b, sums);
  }
  return FM_OK;
}
