/* chain.c: value, score and information of a chain model for one cell, and fixed points on request.
 *
 * Equations: chain.h. Sums over the occasions of a cell are kept by place (J numbers a term), so that what
 * the interaction adds to the information costs J x (parameters)^2 a cell, whatever the number of firms:
 *   information = logit part in x  +  B A' + A B'  -  sum_j h_j Q_j,   B = R + A G / 2,
 *   R_kj = sum_i w_i [c_ij (x_ijk - xc_ik) + q_ij xq_ik / W^2],
 *     G = sum_i w_i [diag c_i - c_i c_i' + q_i q_i' / W^2],
 *   xc_ik = sum_j c_ij x_ijk,   xq_ik = sum_j q_ij x_ijk,
 * with A, R (parameters x J) stored a parameter a row. x_ijk comes from the utilities of unit vectors.
 */
#include "chain.h"

#include <math.h>
#include <string.h>

#include "../base/alloc.h"
#include "../base/linalg.h"
#include "../base/threads.h"
#include "chain_cell.h"

/* A cell and what its derivatives need. */
typedef struct derivatives {
  fm_chain_cell cell;
  size_t n_par;
  double *lambda, *h;   /* J */
  double *q, *c;        /* rows of a block */
  double *x, *nothing;  /* rows of a block: utilities of a unit vector, and of zero */
  double *xc, *xq;      /* units x terms */
  double *minus, *plus; /* units: -w_i, and w_i / W^2 */
  double *unit;         /* linear: a unit vector */
  double *row;          /* terms */
  double *a, *r, *ga;   /* parameters x J */
  double *g;            /* J x J */
  double *product;      /* parameters^2 */
} derivatives;

/* The doubles used; scratch = NULL only counts. */
static size_t lay_out(derivatives *d, const fm_design *design, double *scratch) {
  const size_t n = design->n_places, p = design->n_linear + 1;
  fm_arena a = {scratch, 0};
  *d = (derivatives){.n_par = p};
  fm_chain_cell_lay_out(&d->cell, design, &a);
  d->lambda = fm_take(&a, n);
  d->h = fm_take(&a, n);
  d->q = fm_take(&a, design->max_rows);
  d->c = fm_take(&a, design->max_rows);
  d->x = fm_take(&a, design->max_rows);
  d->nothing = fm_take(&a, design->max_rows);
  d->xc = fm_take(&a, design->max_units * design->n_terms);
  d->xq = fm_take(&a, design->max_units * design->n_terms);
  d->minus = fm_take(&a, design->max_units);
  d->plus = fm_take(&a, design->max_units);
  d->unit = fm_take(&a, design->n_linear);
  d->row = fm_take(&a, design->n_terms);
  d->a = fm_take(&a, p * n);
  d->r = fm_take(&a, p * n);
  d->ga = fm_take(&a, p * n);
  d->g = fm_take(&a, n * n);
  d->product = fm_take(&a, p * p);
  return a.used;
}

/* ---- the adjoint ------------------------------------------------------------------------------------- */

/* lambda and h = S + M lambda; I - M D is factored in lu on return unless the shares are given. */
static fm_code adjoint(derivatives *d) {
  fm_chain_cell *cell = &d->cell;
  const size_t n = cell->n_places;
  const fm_kernels *kernels = cell->design->kernels;
  for (size_t j = 0; j < n; j++) {
    d->h[j] = cell->chosen[j] - cell->total * cell->psi[j];
    d->lambda[j] = 0.0;
  }
  if (cell->chain->given) {
    return FM_OK;
  }
  FM_TRY(fm_chain_cell_factor(cell));
  for (size_t j = 0; j < n; j++) {
    d->lambda[j] = cell->delta * cell->map.slope[j] * d->h[j];
  }
  fm_lu_solve(cell->map.lu, n, cell->map.pivot, 1, d->lambda, 1);
  for (size_t j = 0; j < n; j++) {
    d->h[j] += kernels->dot(cell->map.m + j * n, d->lambda, n);
  }
  return FM_OK;
}

/* q and c of the loaded block, and the weights of its units. */
static void block_weights(derivatives *d) {
  const fm_chain_cell *cell = &d->cell;
  const fm_block *block = &cell->work->block;
  for (size_t i = 0; i < block->n; i++) {
    double mean = 0.0;
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      mean += cell->rows.p[r] * d->lambda[block->place[r]];
    }
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      d->q[r] = cell->rows.p[r] * (d->lambda[block->place[r]] - mean);
      d->c[r] = cell->rows.p[r] - d->q[r] / cell->total;
    }
    d->minus[i] = -block->weight[i];
    d->plus[i] = block->weight[i] / (cell->total * cell->total);
  }
}

/* ---- score ------------------------------------------------------------------------------------------- */

static void chosen_score(derivatives *d, double *score) {
  const fm_design *design = d->cell.design;
  const fm_block *block = &d->cell.work->block;
  for (size_t i = 0; i < block->n; i++) {
    for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
      design->ops->row(design, d->cell.work, i, block->choice_row[c], d->row);
      design->kernels->axpy(block->choice_weight[c], d->row, score, design->n_terms);
    }
  }
  if (design->n_effects == 0) {
    return;
  }
  for (size_t i = 0; i < block->n; i++) {
    for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
      const int place = block->place[block->offset[i] + (size_t)block->choice_row[c]];
      score[design->n_terms + (size_t)place] += block->choice_weight[c];
    }
  }
}

/* ---- information ------------------------------------------------------------------------------------- */

/* Adds a block's share of row k of R, and of row k of the sensitivity of Psi, which is collected in A. */
static void add_term(derivatives *d, size_t k) {
  const fm_chain_cell *cell = &d->cell;
  const fm_block *block = &cell->work->block;
  const size_t n_terms = cell->design->n_terms, n = cell->n_places;
  double *r_row = d->r + k * n, *a_row = d->a + k * n;
  for (size_t i = 0; i < block->n; i++) {
    const double w = block->weight[i], xc = d->xc[i * n_terms + k];
    const double xq = d->xq[i * n_terms + k] * d->plus[i];
    double mean = 0.0;
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      d->x[r] = cell->rows.p[r] > 0.0 ? d->x[r] - d->nothing[r] : 0.0; /* not offered: -inf less -inf */
      mean += cell->rows.p[r] * d->x[r];
    }
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      r_row[block->place[r]] += w * d->c[r] * (d->x[r] - xc) + d->q[r] * xq;
      a_row[block->place[r]] += w * cell->rows.p[r] * (d->x[r] - mean);
    }
  }
}

static void add_terms(derivatives *d) {
  const fm_design *design = d->cell.design;
  memset(d->unit, 0, design->n_linear * sizeof(double));
  design->ops->utility(design, d->cell.work, d->unit, d->nothing);
  for (size_t k = 0; k < design->n_terms; k++) {
    d->unit[k] = 1.0;
    design->ops->utility(design, d->cell.work, d->unit, d->x);
    d->unit[k] = 0.0;
    add_term(d, k);
  }
}

/* g += sum_i s_i u_i u_i' for the block's rows u laid out by place. */
static void add_outer(derivatives *d, const double *s, const double *u) {
  const fm_chain_cell *cell = &d->cell;
  const size_t n = cell->n_places, units = cell->work->block.n;
  fm_chain_cell_spread(cell, u, cell->rows.wide);
  memcpy(cell->rows.weighted, cell->rows.wide, units * n * sizeof(double));
  for (size_t i = 0; i < units; i++) {
    cell->design->kernels->scale(s[i], cell->rows.weighted + i * n, n);
  }
  cell->design->kernels->gemm_tn(units, n, n, cell->rows.weighted, n, cell->rows.wide, n, d->g, n);
}

static void block_information(derivatives *d, double *information) {
  const fm_chain_cell *cell = &d->cell;
  const fm_design *design = cell->design;
  const fm_block *block = &cell->work->block;
  design->ops->project(design, cell->work, d->c, d->xc);
  design->ops->project(design, cell->work, d->q, d->xq);
  design->ops->cross(design, cell->work, block->weight, d->c, information, d->n_par);
  design->ops->outer(design, cell->work, d->minus, d->c, d->xc, information, d->n_par);
  add_outer(d, d->minus, d->c);
  if (!cell->chain->given) {
    design->ops->outer(design, cell->work, d->plus, d->q, d->xq, information, d->n_par);
    add_outer(d, d->plus, d->q);
  }
  for (size_t i = 0; i < block->n; i++) {
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      d->g[(size_t)block->place[r] * (cell->n_places + 1)] += block->weight[i] * d->c[r];
    }
  }
  add_terms(d);
}

/* Turns the sensitivities of Psi in A into ds/dtheta; leaves them zero where the shares are given. */
static void share_derivatives(derivatives *d) {
  const fm_chain_cell *cell = &d->cell;
  const fm_design *design = cell->design;
  const size_t n = cell->n_places, n_terms = design->n_terms;
  if (cell->chain->given) {
    memset(d->a, 0, d->n_par * n * sizeof(double));
    return;
  }
  design->kernels->scale(1.0 / cell->total, d->a, n_terms * n);
  if (design->n_effects > 0) {
    memcpy(d->a + n_terms * n, cell->map.m, n * n * sizeof(double));
  }
  double *of_delta = d->a + design->n_linear * n;
  for (size_t j = 0; j < n; j++) {
    of_delta[j] = design->kernels->dot(cell->map.m + j * n, cell->map.f, n);
  }
  fm_lu_solve(cell->map.lu, n, cell->map.pivot, 0, d->a, d->n_par);
}

/* information -= sum_j h_j Q_j, with ds/dtheta in A. */
static void curvature(derivatives *d, double *information) {
  const fm_chain_cell *cell = &d->cell;
  const size_t n = cell->n_places, p = d->n_par;
  const fm_kernels *kernels = cell->design->kernels;
  double *first = cell->trial, *second = cell->spare;
  for (size_t j = 0; j < n; j++) {
    first[j] = d->h[j] * cell->map.slope[j];
    second[j] = cell->delta * d->h[j] * cell->map.bend[j];
  }
  for (size_t l = 0; l < p; l++) {
    const double along = kernels->dot(first, d->a + l * n, n);
    information[l + (p - 1) * p] -= l + 1 == p ? 2.0 * along : along;
    if (cell->chain->scale == FM_CHAIN_LOG1P) {
      for (size_t k = 0; k <= l; k++) {
        information[k + l * p] -= kernels->dot3(second, d->a + k * n, d->a + l * n, n);
      }
    }
  }
}

/* information += B A' + A B'. */
static void interaction_information(derivatives *d, double *information) {
  const fm_chain_cell *cell = &d->cell;
  const size_t n = cell->n_places, p = d->n_par;
  const fm_kernels *kernels = cell->design->kernels;
  if (cell->design->n_effects > 0) {
    memcpy(d->r + cell->design->n_terms * n, d->g, n * n * sizeof(double));
  }
  memset(d->ga, 0, p * n * sizeof(double));
  kernels->gemm_nt(p, n, n, d->a, n, d->g, n, d->ga, n);
  kernels->axpy(0.5, d->ga, d->r, p * n);
  memset(d->product, 0, p * p * sizeof(double));
  kernels->gemm_nt(p, p, n, d->r, n, d->a, n, d->product, p);
  for (size_t l = 0; l < p; l++) {
    for (size_t k = 0; k <= l; k++) {
      information[k + l * p] += d->product[k + l * p] + d->product[l + k * p];
    }
  }
}

/* A = D ds/dtheta + f e_delta, then all of the information that is not the logit's. */
static void finish_information(derivatives *d, double *information) {
  const fm_chain_cell *cell = &d->cell;
  const size_t n = cell->n_places;
  share_derivatives(d);
  curvature(d, information);
  for (size_t k = 0; k < d->n_par; k++) {
    for (size_t j = 0; j < n; j++) {
      d->a[j + k * n] *= cell->delta * cell->map.slope[j];
    }
  }
  cell->design->kernels->axpy(1.0, cell->map.f, d->a + cell->design->n_linear * n, n);
  interaction_information(d, information);
}

/* ---- the pass ---------------------------------------------------------------------------------------- */

/* The shares of the cell at theta: solved from its start, or given. */
static void find_shares(const fm_chain *chain, fm_chain_cell *cell, size_t group) {
  const double *start = chain->start + group * cell->n_places;
  if (!chain->given) {
    fm_chain_cell_solve(cell, start, FM_CHAIN_NEWTON);
    return;
  }
  memcpy(cell->share, start, cell->n_places * sizeof(double));
  fm_chain_cell_sweep(cell, 0);
  cell->converged = 1;
}

static void add_derivatives(derivatives *d, fm_sums *sums) {
  fm_chain_cell *cell = &d->cell;
  const fm_design *design = cell->design;
  const size_t n = cell->n_places;
  if (sums->information != NULL) {
    memset(d->a, 0, d->n_par * n * sizeof(double));
    memset(d->r, 0, d->n_par * n * sizeof(double));
    memset(d->g, 0, n * n * sizeof(double));
  }
  for (size_t b = cell->first_block; b < cell->end_block; b++) {
    (void)fm_chain_cell_block(cell, b);
    block_weights(d);
    chosen_score(d, sums->score);
    design->ops->score(design, cell->work, d->minus, d->c, sums->score);
    if (sums->information != NULL) {
      block_information(d, sums->information);
    }
  }
  sums->score[design->n_linear] += design->kernels->dot(cell->map.f, d->h, n);
  if (sums->information != NULL) {
    finish_information(d, sums->information);
  }
}

static fm_code chain_group(const fm_pass *pass, fm_work *work, size_t group, double *scratch,
                           fm_sums *sums) {
  derivatives d;
  lay_out(&d, pass->design, scratch);
  fm_chain_cell_open(&d.cell, pass->model, work, pass->theta, group);
  find_shares(pass->model, &d.cell, group);
  sums->value += d.cell.converged ? d.cell.value : -HUGE_VAL;
  if (sums->score == NULL || !d.cell.converged) {
    return FM_OK;
  }
  if (adjoint(&d) != FM_OK) { /* a fold: the equilibrium has no derivative */
    sums->value = -HUGE_VAL;
    return FM_OK;
  }
  add_derivatives(&d, sums);
  return FM_OK;
}

fm_pass fm_chain_pass(const fm_chain *chain, const fm_design *design, int threads) {
  derivatives d;
  return (fm_pass){.design = design,
                   .model = chain,
                   .n_par = design->n_linear + 1,
                   .threads = threads,
                   .effort = 10.0,
                   .scratch = lay_out(&d, design, NULL),
                   .group = chain_group};
}

/* ---- fixed points on request ------------------------------------------------------------------------- */

typedef struct batch {
  const fm_chain *chain;
  const fm_design *design;
  fm_chain_run *runs;
  fm_work *work;    /* workers */
  double **scratch; /* workers */
  size_t workers;
} batch;

static fm_code do_run(void *context, size_t task, size_t worker) {
  batch *s = context;
  fm_chain_run *run = &s->runs[task];
  fm_chain_cell cell;
  fm_arena a = {s->scratch[worker], 0};
  fm_chain_cell_lay_out(&cell, s->design, &a);
  fm_chain_cell_open(&cell, s->chain, &s->work[worker], run->theta, run->group);
  fm_chain_cell_solve(&cell, run->start, run->method);
  memcpy(run->share, cell.share, cell.n_places * sizeof(double));
  run->residual = cell.residual;
  run->iterations = cell.iterations;
  run->converged = cell.converged;
  return run->eigenvalue == NULL ? FM_OK : fm_chain_cell_eigenvalues(&cell, run->eigenvalue);
}

static void batch_free(batch *s) {
  for (size_t w = 0; w < s->workers; w++) {
    if (s->work != NULL && s->work[w].storage != NULL) {
      s->design->ops->work_free(&s->work[w]);
    }
    if (s->scratch != NULL) {
      fm_free(s->scratch[w]);
    }
  }
  fm_free(s->work), fm_free(s->scratch);
}

static fm_code batch_init(batch *s) {
  s->work = fm_alloc_zero(s->workers, sizeof(fm_work));
  s->scratch = fm_alloc_zero(s->workers, sizeof(double *));
  if (!s->work || !s->scratch) {
    return FM_NO_MEMORY;
  }
  fm_chain_cell cell;
  fm_arena counted = {NULL, 0};
  fm_chain_cell_lay_out(&cell, s->design, &counted);
  for (size_t w = 0; w < s->workers; w++) {
    FM_TRY(s->design->ops->work_init(s->design, &s->work[w]));
    s->scratch[w] = fm_alloc(counted.used, sizeof(double));
    if (!s->scratch[w]) {
      return FM_NO_MEMORY;
    }
  }
  return FM_OK;
}

fm_code fm_chain_solve(const fm_chain *chain, const fm_design *design, fm_chain_run *runs, size_t n,
                       int threads, int (*interrupted)(void *), fm_error *err) {
  const size_t round = 64; /* runs between two looks for an interrupt */
  batch s = {.chain = chain, .design = design, .workers = threads > 1 && n > 1 ? (size_t)threads : 1};
  fm_code code = batch_init(&s);
  for (size_t first = 0; code == FM_OK && first < n; first += round) {
    const size_t here = n - first < round ? n - first : round;
    s.runs = runs + first;
    code = fm_parallel_watched(here, (int)s.workers, do_run, &s, interrupted, NULL);
    if (code == FM_OK && interrupted != NULL && interrupted(NULL)) {
      code = FM_INTERRUPTED;
    }
  }
  batch_free(&s);
  return code == FM_OK ? FM_OK : fm_fail(err, code, "%s", fm_code_text(code));
}
