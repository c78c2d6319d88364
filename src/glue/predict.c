/* predict.c: probabilities, utilities, inclusive values, flows, simulated choices, score contributions
 * and the model matrix, block by block.
 *
 * Results are R's memory, made before the core allocates anything, so that nothing leaks when R jumps.
 */
#include <math.h>
#include <string.h>

#include "../core/base/alloc.h"
#include "model.h"

enum { POLL_EVERY = 256 }; /* blocks between two looks for an interrupt */

/* One sweep over all blocks of a design. */
typedef struct sweep sweep;
typedef void (*sweep_block)(sweep *s, void *extra);
struct sweep {
  const fm_model *model;
  sweep_block block; /* what is done with each block, given extra */
  void *extra;
  const fm_design *design;
  fm_work work;
  const double *theta;
  double *v, *logsum, *level, *scratch; /* of the core */
  size_t *occasion;                     /* n_units: the occasion of each unit (unmerged designs) */
  double *out;                          /* the result */
  size_t n_out;                         /* rows of a matrix result */
  size_t width;                         /* numbers per unit in rows */
  double *rows;                         /* units x width, of the core */
};

static void sweep_free(sweep *s) {
  s->design->ops->work_free(&s->work);
  fm_free(s->rows), fm_free(s->v), fm_free(s->logsum), fm_free(s->level), fm_free(s->scratch),
      fm_free(s->occasion);
}

static fm_code sweep_init(sweep *s) {
  const fm_design *design = s->design;
  s->v = fm_alloc(design->max_rows, sizeof(double));
  s->logsum = fm_alloc(design->max_units, sizeof(double));
  s->level = fm_alloc(design->max_units, sizeof(double));
  s->scratch = fm_alloc(s->model ? s->model->ops->scratch(s->model, design) : 1, sizeof(double));
  s->occasion = fm_alloc(design->n_units, sizeof(size_t));
  s->rows = fm_alloc(design->max_units * s->width, sizeof(double));
  if (!s->rows || !s->v || !s->logsum || !s->level || !s->scratch || !s->occasion) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i < design->n_occasions; i++) {
    s->occasion[design->unit_of ? design->unit_of[i] : i] = i;
  }
  return design->ops->work_init(design, &s->work);
}

static fm_code sweep_blocks(sweep *s) {
  FM_TRY(sweep_init(s));
  for (size_t b = 0; b < s->design->n_blocks; b++) {
    s->design->ops->load(s->design, &s->work, b);
    s->block(s, s->extra);
    if (b % POLL_EVERY == POLL_EVERY - 1 && fm_user_interrupted(NULL)) {
      return FM_INTERRUPTED;
    }
  }
  return FM_OK;
}

static fm_code sweep_design(const fm_design *design, void *context, fm_error *err) {
  sweep *s = context;
  (void)err;
  s->design = design;
  const fm_code code = sweep_blocks(s);
  sweep_free(s);
  return code;
}

/* Runs block over all blocks of the design of spec. */
static void sweep_run(sweep *s, SEXP spec, int merge, sweep_block block, void *extra) {
  const fm_spec_options options = {.merge = merge};
  s->block = block;
  s->extra = extra;
  fm_with_design(spec, &options, sweep_design, s);
}

static void probabilities(sweep *s) {
  s->design->ops->utility(s->design, &s->work, s->theta, s->v);
  s->model->ops->probabilities(s->model, s->design, &s->work, s->theta, s->v, s->logsum, s->scratch);
}

/* A sweep of a model at theta. */
static sweep sweep_of(const fm_extent *extent, SEXP model, SEXP theta) {
  const fm_model *m = fm_model_from_list(model, extent);
  return (sweep){.model = m, .theta = fm_need_doubles(theta, extent->n_linear + m->extra, "theta")};
}

/* ---- probabilities and utilities --------------------------------------------------------------------- */
/* Where row r of unit i goes: a cell of the occasion x place matrix, or the row of the long table. */
static double *cell_of_row(const sweep *s, size_t i, size_t r) {
  const fm_block *block = &s->work.block;
  const size_t occasion = s->occasion[block->first + i];
  if (s->n_out > 0) {
    return s->out + occasion + (size_t)block->place[r] * s->n_out;
  }
  return s->out + r; /* ragged: out has been moved to the block's first row */
}

static void write_rows(sweep *s, int utilities) {
  const fm_block *block = &s->work.block;
  for (size_t i = 0; i < block->n; i++) {
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      const double x = s->v[r];
      *cell_of_row(s, i, r) = !utilities ? x : (x > -HUGE_VAL ? x + s->level[i] : NA_REAL);
    }
  }
  if (s->n_out == 0) {
    s->out += block->offset[block->n];
  }
}

static void probability_block(sweep *s, void *extra) {
  (void)extra;
  probabilities(s);
  write_rows(s, 0);
}

static void utility_block(sweep *s, void *extra) {
  (void)extra;
  s->design->ops->utility(s->design, &s->work, s->theta, s->v);
  s->design->ops->level(s->design, &s->work, s->theta, s->level);
  write_rows(s, 1);
}

static void logsum_block(sweep *s, void *extra) {
  (void)extra;
  probabilities(s);
  s->design->ops->level(s->design, &s->work, s->theta, s->level);
  for (size_t i = 0; i < s->work.block.n; i++) {
    s->out[s->occasion[s->work.block.first + i]] = s->logsum[i] + s->level[i];
  }
}

/* Expected flows: out is (places + 1) x places, the last row for occasions without an origin. */
static void flow_block(sweep *s, void *extra) {
  (void)extra;
  const fm_block *block = &s->work.block;
  probabilities(s);
  for (size_t i = 0; i < block->n; i++) {
    const size_t from = block->origin[i] >= 0
                            ? (size_t)block->place[block->offset[i] + (size_t)block->origin[i]]
                            : s->n_out - 1;
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      s->out[from + (size_t)block->place[r] * s->n_out] += block->weight[i] * s->v[r];
    }
  }
}

static SEXP new_rows(SEXP spec, size_t *n_out) {
  if (fm_spec_is_ragged(spec)) {
    *n_out = 0;
    return Rf_allocVector(REALSXP, Rf_xlength(fm_list_need(spec, "place", INTSXP)));
  }
  const fm_extent extent = fm_spec_extent(spec);
  *n_out = extent.n_occasions;
  return Rf_allocMatrix(REALSXP, (int)*n_out, (int)extent.n_places);
}

SEXP firmmove_predict(SEXP spec, SEXP model, SEXP theta, SEXP type, SEXP control) {
  (void)control;
  const char *what = CHAR(Rf_asChar(type));
  const fm_extent extent = fm_spec_extent(spec);
  sweep s = sweep_of(&extent, model, theta);
  const int places = (int)extent.n_places;
  SEXP result;
  sweep_block block;
  int merge = 0;
  if (strcmp(what, "probability") == 0 || strcmp(what, "utility") == 0) {
    result = PROTECT(new_rows(spec, &s.n_out));
    block = what[0] == 'p' ? probability_block : utility_block;
  } else if (strcmp(what, "logsum") == 0) {
    result = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)extent.n_occasions));
    block = logsum_block;
  } else if (strcmp(what, "flows") == 0) {
    result = PROTECT(Rf_allocMatrix(REALSXP, places + 1, places));
    s.n_out = (size_t)places + 1;
    memset(REAL(result), 0, s.n_out * (size_t)places * sizeof(double));
    block = flow_block;
    merge = 1;
  } else {
    Rf_error("internal: no prediction of type %s", what);
  }
  s.out = REAL(result);
  sweep_run(&s, spec, merge, block, NULL);
  UNPROTECT(1);
  return result;
}

/* ---- simulated choices ------------------------------------------------------------------------------- */
typedef struct draw {
  const double *uniform;
  int *choice;
  int relational;
} draw;

/* The row where the cumulated probability passes u;
 * the last one with a positive probability if none does. */
static size_t pick_row(const double *p, size_t n, double u) {
  double cumulated = 0.0;
  size_t last = 0;
  for (size_t j = 0; j < n; j++) {
    cumulated += p[j];
    last = p[j] > 0.0 ? j : last;
    if (u < cumulated) {
      return last;
    }
  }
  return last;
}

static void choice_block(sweep *s, void *extra) {
  draw *d = extra;
  const fm_block *block = &s->work.block;
  probabilities(s);
  for (size_t i = 0; i < block->n; i++) {
    const size_t occasion = s->occasion[block->first + i], from = block->offset[i];
    const size_t row = pick_row(s->v + from, block->offset[i + 1] - from, d->uniform[occasion]);
    d->choice[occasion] = 1 + (d->relational ? block->place[from + row] : (int)row);
  }
}

SEXP firmmove_choice(SEXP spec, SEXP model, SEXP theta, SEXP uniforms, SEXP control) {
  (void)control;
  const fm_extent extent = fm_spec_extent(spec);
  sweep s = sweep_of(&extent, model, theta);
  const size_t n = extent.n_occasions;
  SEXP result = PROTECT(Rf_allocVector(INTSXP, (R_xlen_t)n));
  draw d = {fm_need_doubles(uniforms, n, "uniforms"), INTEGER(result), !fm_spec_is_ragged(spec)};
  sweep_run(&s, spec, 0, choice_block, &d);
  UNPROTECT(1);
  return result;
}

/* ---- score contributions ----------------------------------------------------------------------------- */
/* With place constants, d is a function of b: its part of the score is taken out by
 * s_b - A s_d, A = H_bd H_dd^-1 (adjust, n_terms x n_effects), so that no n x places matrix is made. */
typedef struct contributions {
  const double *adjust;
  size_t n_terms, n_effects, n_extra;
} contributions;

/* out, at a distance of n_out: the row of contributions to the kept parameters. */
static void write_scores(const contributions *c, const double *row, double *out, size_t n_out) {
  const size_t linear = c->n_terms + c->n_effects, kept = c->n_terms + c->n_extra;
  for (size_t k = 0; k < kept; k++) {
    double total = row[k < c->n_terms ? k : linear + k - c->n_terms];
    for (size_t j = 0; j < c->n_effects; j++) {
      total -= c->adjust[k + j * kept] * row[c->n_terms + j];
    }
    out[k * n_out] = total;
  }
}

static void score_block(sweep *s, void *extra) {
  const contributions *c = extra;
  const fm_block *block = &s->work.block;
  s->model->ops->scores(s->model, s->design, &s->work, s->theta, s->scratch, s->rows);
  for (size_t i = 0; i < block->n; i++) {
    write_scores(c, s->rows + i * s->width, s->out + s->occasion[block->first + i], s->n_out);
  }
}

/* The contributions of groups, whose rows come out in the order of their codes. */
typedef struct group_rows {
  const fm_model *model;
  const contributions *c;
  const double *theta;
  double *out;
} group_rows;

static fm_code write_groups(const fm_design *design, void *context, fm_error *err) {
  const group_rows *g = context;
  const size_t width = g->c->n_terms + g->c->n_effects + g->c->n_extra, n = g->model->n_groups;
  double *rows = fm_alloc(n * width, sizeof(double));
  if (rows == NULL) {
    return FM_NO_MEMORY;
  }
  fm_pass pass = g->model->ops->pass(g->model, design, 1);
  pass.theta = g->theta;
  pass.order = FM_SCORE;
  const fm_code code = fm_pass_group_scores(&pass, rows, err);
  if (code == FM_OK) {
    for (size_t i = 0; i < n; i++) {
      write_scores(g->c, rows + i * width, g->out + i, n);
    }
  }
  fm_free(rows);
  return code;
}

static void group_scores(const sweep *s, SEXP spec, const contributions *c) {
  const fm_spec_options options = fm_model_options(s->model);
  group_rows g = {s->model, c, s->theta, s->out};
  fm_with_design(spec, &options, write_groups, &g);
}

/* A row for each occasion; for a model of groups, for each group. */
SEXP firmmove_scores(SEXP spec, SEXP model, SEXP theta, SEXP adjust, SEXP control) {
  (void)control;
  const fm_extent extent = fm_spec_extent(spec);
  sweep s = sweep_of(&extent, model, theta);
  contributions c = {.n_terms = extent.n_terms, .n_extra = s.model->extra};
  c.n_effects = extent.n_linear - c.n_terms;
  const size_t kept = c.n_terms + c.n_extra;
  c.adjust = c.n_effects > 0 ? fm_need_doubles(adjust, kept * c.n_effects, "adjust") : NULL;
  const int grouped = s.model->ops->scores == NULL;
  s.n_out = grouped ? s.model->n_groups : extent.n_occasions;
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)s.n_out, (int)kept));
  s.out = REAL(result);
  s.width = kept + c.n_effects;
  if (grouped) {
    group_scores(&s, spec, &c);
  } else {
    sweep_run(&s, spec, 0, score_block, &c);
  }
  UNPROTECT(1);
  return result;
}

/* ---- model matrix ------------------------------------------------------------------------------------ */
typedef struct matrix_rows {
  int *occasion, *place;
  double *unit_vector, *x;
  size_t at, n_terms;
} matrix_rows;

static void count_rows(sweep *s, void *extra) {
  size_t *rows = extra;
  s->design->ops->utility(s->design, &s->work, s->theta, s->v);
  for (size_t r = 0; r < s->work.block.offset[s->work.block.n]; r++) {
    *rows += s->v[r] > -HUGE_VAL;
  }
}

/* Adds back what centring took out: level() of the k-th unit vector is the level of term k, once the
 * level of the offsets (all b zero) is taken off. */
static void term_levels(sweep *s, matrix_rows *m, size_t k, double *none) {
  m->unit_vector[k] = 1.0;
  s->design->ops->level(s->design, &s->work, m->unit_vector, s->level);
  m->unit_vector[k] = 0.0;
  s->design->ops->level(s->design, &s->work, m->unit_vector, none);
  for (size_t i = 0; i < s->work.block.n; i++) {
    s->level[i] -= none[i];
  }
}

static void matrix_block(sweep *s, void *extra) {
  matrix_rows *m = extra;
  const fm_block *block = &s->work.block;
  const size_t first = m->at;
  s->design->ops->utility(s->design, &s->work, s->theta, s->v);
  for (size_t i = 0; i < block->n; i++) {
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      if (!(s->v[r] > -HUGE_VAL)) {
        continue;
      }
      s->design->ops->row(s->design, &s->work, i, (int)(r - block->offset[i]), m->x);
      for (size_t k = 0; k < m->n_terms; k++) {
        s->out[m->at + k * s->n_out] = m->x[k];
      }
      m->occasion[m->at] = (int)s->occasion[block->first + i] + 1;
      m->place[m->at++] = block->place[r] + 1;
    }
  }
  for (size_t k = 0; k < m->n_terms; k++) {
    term_levels(s, m, k, s->logsum);
    size_t at = first;
    for (size_t i = 0; i < block->n; i++) {
      for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
        if (s->v[r] > -HUGE_VAL) {
          s->out[at++ + k * s->n_out] += s->level[i];
        }
      }
    }
  }
}

SEXP firmmove_model_matrix(SEXP spec) {
  const fm_extent extent = fm_spec_extent(spec);
  const size_t linear = extent.n_linear;
  double *zero = (double *)R_alloc(linear + 1, sizeof(double));
  memset(zero, 0, (linear + 1) * sizeof(double));
  sweep s = {.theta = zero};
  size_t rows = 0;
  sweep_run(&s, spec, 0, count_rows, &rows);
  matrix_rows m = {.n_terms = extent.n_terms, .unit_vector = zero};
  const char *names[] = {"x", "occasion", "place", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, Rf_allocMatrix(REALSXP, (int)rows, (int)m.n_terms));
  SET_VECTOR_ELT(result, 1, Rf_allocVector(INTSXP, (R_xlen_t)rows));
  SET_VECTOR_ELT(result, 2, Rf_allocVector(INTSXP, (R_xlen_t)rows));
  m.occasion = INTEGER(VECTOR_ELT(result, 1));
  m.place = INTEGER(VECTOR_ELT(result, 2));
  m.x = (double *)R_alloc(m.n_terms + 1, sizeof(double));
  s = (sweep){.theta = zero, .out = REAL(VECTOR_ELT(result, 0)), .n_out = rows};
  sweep_run(&s, spec, 0, matrix_block, &m);
  UNPROTECT(1);
  return result;
}
