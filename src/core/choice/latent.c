/* latent.c: value, score and information of one group under all classes.
 *
 * Formulas: latent.h. The choices of a group under one class are a conditional logit, whose pass does the
 * work on the blocks; here its results are mixed and put where the parameters of the class are.
 * Thread safety: latent.h.
 */
#include "latent.h"

#include <math.h>
#include <string.h>

#include "../base/arena.h"
#include "../base/sums.h"
#include "logit.h"

/* ---- model ----------------------------------------------------------------------------------------- */
size_t fm_latent_extra(const fm_latent *model) {
  return (model->n_classes - 1) * (model->n_free + model->n_z);
}

fm_code fm_latent_check(const fm_latent *model, size_t n_terms, fm_error *err) {
  if (model->n_classes == 0 || model->n_free > n_terms) {
    return fm_fail(err, FM_INVALID,
                   "a latent-class logit needs a class, and no more free terms than terms");
  }
  for (size_t k = 0; k < model->n_free; k++) {
    const int low = k > 0 ? model->free[k - 1] : -1;
    if (model->free[k] <= low || (size_t)model->free[k] >= n_terms) {
      return fm_fail(err, FM_INVALID, "free term %zu has index %d, not in %d..%zu", k + 1, model->free[k],
                     low + 1, n_terms);
    }
  }
  return FM_OK;
}

/* ---- layout ---------------------------------------------------------------------------------------- */
/* What a thread's scratch holds, and where parameters are. */
typedef struct group_sums {
  const fm_latent *model;
  size_t n_linear, n_par, first_gamma;
  double *theta;       /* classes x n_linear: linear parameters of each class */
  double *log_pi, *pi; /* classes */
  double *value;       /* classes: log P of the group's choices */
  double *h;           /* classes: posterior */
  double *score;       /* classes x n_linear: derivative of value, times the weight */
  double *information; /* classes x n_linear^2: minus its second derivative, times the weight */
  double *g;           /* n_par: score of the group */
  double *logit;       /* scratch of the conditional logit */
} group_sums;

/* The doubles used; scratch = NULL only counts. */
static size_t lay_out(group_sums *s, const fm_latent *model, const fm_design *design, double *scratch) {
  const size_t m = model->n_classes, n = design->n_linear;
  fm_arena a = {scratch, 0};
  *s = (group_sums){.model = model, .n_linear = n, .n_par = n + fm_latent_extra(model)};
  s->first_gamma = n + (m - 1) * model->n_free;
  s->theta = fm_take(&a, m * n);
  s->log_pi = fm_take(&a, m);
  s->pi = fm_take(&a, m);
  s->value = fm_take(&a, m);
  s->h = fm_take(&a, m);
  s->score = fm_take(&a, m * n);
  s->information = fm_take(&a, m * n * n);
  s->g = fm_take(&a, s->n_par);
  s->logit = fm_take(&a, fm_logit_pass(design, 1).scratch);
  return a.used;
}

/* theta of class c = theta of class 1 with the free terms of the class. */
static void class_theta(const group_sums *s, size_t c, const double *theta) {
  const size_t n_free = s->model->n_free;
  double *own = s->theta + c * s->n_linear;
  memcpy(own, theta, s->n_linear * sizeof(double));
  if (c > 0) {
    for (size_t k = 0; k < n_free; k++) {
      own[s->model->free[k]] = theta[s->n_linear + (c - 1) * n_free + k];
    }
  }
}

/* Where linear parameter k of class c is in theta; `at` is the number of free terms before k. */
static size_t position(const group_sums *s, size_t c, size_t k, size_t *at) {
  if (*at < s->model->n_free && (size_t)s->model->free[*at] == k) {
    const size_t number = (*at)++;
    return c == 0 ? k : s->n_linear + (c - 1) * s->model->n_free + number;
  }
  return k;
}

static const double *attributes(const fm_latent *model, size_t group) {
  return model->z + group * model->n_z;
}

/* ---- the classes of a group ------------------------------------------------------------------------- */
static double log_sum_exp(const double *x, size_t n) {
  double top = -HUGE_VAL, total = 0.0;
  for (size_t i = 0; i < n; i++) {
    top = x[i] > top ? x[i] : top;
  }
  if (!(top > -HUGE_VAL)) {
    return top;
  }
  for (size_t i = 0; i < n; i++) {
    total += exp(x[i] - top);
  }
  return top + log(total);
}

static void membership(const group_sums *s, const double *theta, size_t group) {
  const fm_latent *model = s->model;
  const double *z = attributes(model, group), *gamma = theta + s->first_gamma;
  s->log_pi[0] = 0.0;
  for (size_t c = 1; c < model->n_classes; c++, gamma += model->n_z) {
    s->log_pi[c] = 0.0;
    for (size_t a = 0; a < model->n_z; a++) {
      s->log_pi[c] += gamma[a] * z[a];
    }
  }
  const double total = log_sum_exp(s->log_pi, model->n_classes);
  for (size_t c = 0; c < model->n_classes; c++) {
    s->log_pi[c] -= total;
    s->pi[c] = exp(s->log_pi[c]);
  }
}

/* Adds the loaded block, as a conditional logit of class c, to value,
 * score and information of the class. */
static fm_code add_block(const fm_pass *pass, fm_work *work, size_t c, const fm_sums *out,
                         const group_sums *s) {
  const fm_design *design = pass->design;
  const size_t n = s->n_linear;
  fm_pass logit = fm_logit_pass(design, 1);
  logit.theta = s->theta + c * n;
  fm_sums sums = {.n_par = n};
  sums.score = out->score != NULL ? s->score + c * n : NULL;
  sums.information = out->information != NULL ? s->information + c * n * n : NULL;
  FM_TRY(logit.block(&logit, work, s->logit, &sums));
  if (sums.information != NULL) {
    design->ops->flush(design, work, sums.information, n);
  }
  s->value[c] += sums.value;
  return FM_OK;
}

/* Value, score and information of the choices of the group under each class. */
static fm_code class_sums(const fm_pass *pass, fm_work *work, size_t group, double weight,
                          const fm_sums *out, const group_sums *s) {
  const fm_design *design = pass->design;
  const size_t m = s->model->n_classes, n = s->n_linear;
  memset(s->value, 0, m * sizeof(double));
  memset(s->score, 0, out->score != NULL ? m * n * sizeof(double) : 0);
  memset(s->information, 0, out->information != NULL ? m * n * n * sizeof(double) : 0);
  for (size_t c = 0; c < m; c++) {
    class_theta(s, c, pass->theta);
  }
  for (size_t b = design->group_block[group]; b < design->group_block[group + 1]; b++) {
    design->ops->load(design, work, b);
    for (size_t c = 0; c < m; c++) {
      FM_TRY(add_block(pass, work, c, out, s));
    }
  }
  for (size_t c = 0; c < m; c++) {
    s->value[c] /= weight;
  }
  return FM_OK;
}

/* Fills h and returns the contribution of the group to the value, weight aside. */
static double mix(const group_sums *s, size_t group) {
  const size_t m = s->model->n_classes;
  double value = 0.0;
  if (s->model->posterior != NULL) {
    memcpy(s->h, s->model->posterior + group * m, m * sizeof(double));
    for (size_t c = 0; c < m; c++) {
      value += s->h[c] > 0.0 ? s->h[c] * (s->log_pi[c] + s->value[c]) : 0.0;
    }
    return value;
  }
  for (size_t c = 0; c < m; c++) {
    s->h[c] = s->log_pi[c] + s->value[c];
  }
  value = log_sum_exp(s->h, m);
  for (size_t c = 0; c < m; c++) {
    s->h[c] = exp(s->h[c] - value);
  }
  return value;
}

/* ---- score ------------------------------------------------------------------------------------------ */
/* g = sum_c h_c u_c, weight included. */
static void group_score(const group_sums *s, size_t group, double weight) {
  const fm_latent *model = s->model;
  const double *z = attributes(model, group);
  memset(s->g, 0, s->n_par * sizeof(double));
  for (size_t c = 0; c < model->n_classes; c++) {
    size_t free = 0;
    for (size_t k = 0; k < s->n_linear; k++) {
      s->g[position(s, c, k, &free)] += s->h[c] > 0.0 ? s->h[c] * s->score[c * s->n_linear + k] : 0.0;
    }
    if (c > 0) {
      for (size_t a = 0; a < model->n_z; a++) {
        s->g[s->first_gamma + (c - 1) * model->n_z + a] = weight * (s->h[c] - s->pi[c]) * z[a];
      }
    }
  }
}

/* ---- information ------------------------------------------------------------------------------------- */
/* += h_c (H_c - s_c s_c' / weight), the last of the mixture only. */
static void add_class(const group_sums *s, size_t c, double weight, fm_sums *sums) {
  const size_t n = s->n_linear;
  const double *score = s->score + c * n, *information = s->information + c * n * n;
  const double spread = s->model->posterior == NULL ? 1.0 / weight : 0.0;
  size_t free_l = 0;
  for (size_t l = 0; l < n; l++) {
    const size_t to_l = position(s, c, l, &free_l);
    size_t free_k = 0;
    for (size_t k = 0; k <= l; k++) {
      const size_t to_k = position(s, c, k, &free_k);
      *fm_upper(sums->information, sums->n_par, to_k, to_l) +=
          s->h[c] * (information[k + l * n] - spread * score[k] * score[l]);
    }
  }
}

/* -= h_c s_c m_c', m_c the membership part of u_c: (1{k = c} - pi_k) z for each class k. */
static void add_class_membership(const group_sums *s, size_t c, size_t group, fm_sums *sums) {
  const fm_latent *model = s->model;
  const double *z = attributes(model, group);
  size_t free = 0;
  for (size_t k = 0; k < s->n_linear; k++) {
    const size_t to = position(s, c, k, &free);
    const double x = s->h[c] * s->score[c * s->n_linear + k];
    for (size_t l = 1; l < model->n_classes; l++) {
      double *column = sums->information + (s->first_gamma + (l - 1) * model->n_z) * sums->n_par + to;
      for (size_t a = 0; a < model->n_z; a++) {
        column[a * sums->n_par] -= x * ((l == c ? 1.0 : 0.0) - s->pi[l]) * z[a];
      }
    }
  }
}

/* What the pair of classes k, l has in the block of gamma, as a multiple of z z': minus the second
 * derivative of log pi, and for the mixture less sum_c h_c (1{k = c} - pi_k) (1{l = c} - pi_l). */
static double membership_curvature(const group_sums *s, size_t k, size_t l) {
  const double same = k == l ? 1.0 : 0.0, pk = s->pi[k], pl = s->pi[l];
  const double curvature = same * pk - pk * pl;
  if (s->model->posterior != NULL) {
    return curvature;
  }
  return curvature - (same * s->h[k] - s->h[k] * pl - pk * s->h[l] + pk * pl);
}

static void add_membership(const group_sums *s, size_t group, double weight, fm_sums *sums) {
  const fm_latent *model = s->model;
  const size_t n_z = model->n_z;
  const double *z = attributes(model, group);
  for (size_t l = 1; l < model->n_classes; l++) {
    for (size_t k = 1; k <= l; k++) {
      const double x = weight * membership_curvature(s, k, l);
      double *block = sums->information + s->first_gamma + (k - 1) * n_z +
                      (s->first_gamma + (l - 1) * n_z) * sums->n_par;
      for (size_t b = 0; b < n_z; b++) {
        for (size_t a = 0; a < (k == l ? b + 1 : n_z); a++) {
          block[a + b * sums->n_par] += x * z[a] * z[b];
        }
      }
    }
  }
}

static void group_information(const fm_pass *pass, const group_sums *s, size_t group, double weight,
                              fm_sums *sums) {
  const int mixture = s->model->posterior == NULL;
  for (size_t c = 0; c < s->model->n_classes; c++) {
    if (s->h[c] > 0.0) {
      add_class(s, c, weight, sums);
    }
    if (s->h[c] > 0.0 && mixture) {
      add_class_membership(s, c, group, sums);
    }
  }
  add_membership(s, group, weight, sums);
  if (mixture) {
    for (size_t l = 0; l < s->n_par; l++) {
      pass->design->kernels->axpy(s->g[l] / weight, s->g, sums->information + l * sums->n_par, l + 1);
    }
  }
}

/* ---- pass -------------------------------------------------------------------------------------------- */
static fm_code latent_group(const fm_pass *pass, fm_work *work, size_t group, double *scratch,
                            fm_sums *sums) {
  const fm_latent *model = pass->model;
  const double weight = model->weight ? model->weight[group] : 1.0;
  group_sums s;
  lay_out(&s, model, pass->design, scratch);
  membership(&s, pass->theta, group);
  if (!(weight > 0.0)) { /* nothing is known of its class but its attributes */
    memcpy(s.h, s.pi, model->n_classes * sizeof(double));
  } else {
    FM_TRY(class_sums(pass, work, group, weight, sums, &s));
    sums->value += weight * mix(&s, group);
  }
  if (model->posterior_out != NULL) {
    memcpy(model->posterior_out + group * model->n_classes, s.h, model->n_classes * sizeof(double));
  }
  if (!(weight > 0.0) || sums->score == NULL) {
    return FM_OK;
  }
  group_score(&s, group, weight);
  for (size_t k = 0; k < s.n_par; k++) {
    sums->score[k] += s.g[k];
  }
  if (sums->information != NULL) {
    group_information(pass, &s, group, weight, sums);
  }
  return FM_OK;
}

fm_pass fm_latent_pass(const fm_latent *model, const fm_design *design, int threads) {
  group_sums s;
  return (fm_pass){.design = design,
                   .model = model,
                   .n_par = design->n_linear + fm_latent_extra(model),
                   .threads = threads,
                   .effort = (double)model->n_classes,
                   .scratch = lay_out(&s, model, design, NULL),
                   .group = latent_group};
}
