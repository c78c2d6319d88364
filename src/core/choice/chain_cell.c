/* chain_cell.c: the shares of one cell, by sweeps over its blocks.
 *
 * A sweep costs one evaluation of the logit, units x places exponentials, and units x places^2 products
 * when M is asked for. Newton's step is (I - M D)^-1 (Psi(s) - s); it keeps the sum of s, because the
 * columns of M sum to zero. It is taken no longer than `longest` and only if it lowers the residual as it
 * should; otherwise s moves to s + damping (Psi(s) - s). Overwrites the cell's scratch memory only. Thread
 * safety: a cell belongs to one thread.
 */
#include "chain_cell.h"

#include <math.h>
#include <string.h>

#include "../base/linalg.h"
#include "logit.h"

enum { MAX_NEWTON = 200, MAX_DYNAMICS = 20000, HALVINGS = 4, CALM = 10, PATIENCE = 40 };
static const double tolerance = 1e-13; /* residual of a solution */
static const double rounding = 1e-10;  /* residual below which a step that fails is rounding's fault */
static const double longest = 0.25;    /* share of the firms a Newton step may move */
static const double settled = 1e-3;    /* residual below which the dynamics may end in Newton steps */
static const double nearby = 0.02;     /* share of the firms these may move */
static const double least_damping = 1.0 / 32.0;

/* ---- memory ------------------------------------------------------------------------------------------ */

void fm_chain_cell_lay_out(fm_chain_cell *cell, const fm_design *design, fm_arena *a) {
  const size_t n = design->n_places;
  *cell = (fm_chain_cell){.design = design, .n_places = n};
  cell->share = fm_take(a, n);
  cell->psi = fm_take(a, n);
  cell->trial = fm_take(a, n);
  cell->spare = fm_take(a, n);
  cell->map.f = fm_take(a, n);
  cell->map.slope = fm_take(a, n);
  cell->map.bend = fm_take(a, n);
  cell->chosen = fm_take(a, n);
  cell->map.pivot = fm_take_int(a, n);
  cell->map.m = fm_take(a, n * n);
  cell->map.lu = fm_take(a, n * n);
  cell->rows.p = fm_take(a, design->max_rows);
  cell->rows.logsum = fm_take(a, design->max_units);
  cell->rows.wide = fm_take(a, design->max_units * n);
  cell->rows.weighted = fm_take(a, design->max_units * n);
}

/* ---- sweeps ------------------------------------------------------------------------------------------ */

void fm_chain_cell_open(fm_chain_cell *cell, const fm_chain *chain, fm_work *work, const double *theta,
                        size_t group) {
  const fm_design *design = cell->design;
  cell->chain = chain;
  cell->work = work;
  cell->theta = theta;
  cell->delta = theta[design->n_linear];
  cell->first_block = design->group_block[group];
  cell->end_block = design->group_block[group + 1];
  cell->total = 0.0;
  memset(cell->chosen, 0, cell->n_places * sizeof(double));
  for (size_t b = cell->first_block; b < cell->end_block; b++) {
    design->ops->load(design, work, b);
    const fm_block *block = &work->block;
    for (size_t i = 0; i < block->n; i++) {
      cell->total += block->weight[i];
      for (size_t c = block->choice[i]; c < block->choice[i + 1]; c++) {
        const int place = block->place[block->offset[i] + (size_t)block->choice_row[c]];
        cell->chosen[place] += block->choice_weight[c];
      }
    }
  }
  cell->total = cell->total > 0.0 ? cell->total : 1.0; /* a cell without weight adds nothing to any sum */
}

/* f and its derivatives at share. */
static void interact(fm_chain_cell *cell) {
  const double n = cell->chain->scale == FM_CHAIN_SHARE ? 1.0 : cell->total;
  for (size_t j = 0; j < cell->n_places; j++) {
    const double x = n * cell->share[j];
    const int logarithm = cell->chain->scale == FM_CHAIN_LOG1P;
    cell->map.f[j] = logarithm ? log1p(x) : x;
    cell->map.slope[j] = logarithm ? n / (1.0 + x) : n;
    cell->map.bend[j] = logarithm ? -cell->map.slope[j] * cell->map.slope[j] : 0.0;
  }
}

double fm_chain_cell_block(fm_chain_cell *cell, size_t b) {
  const fm_design *design = cell->design;
  const fm_block *block = &cell->work->block;
  design->ops->load(design, cell->work, b);
  design->ops->utility(design, cell->work, cell->theta, cell->rows.p);
  for (size_t r = 0; r < block->offset[block->n]; r++) {
    cell->rows.p[r] += cell->delta * cell->map.f[block->place[r]];
  }
  double value = fm_logit_chosen_utility(block, cell->rows.p);
  fm_logit_probabilities(design->kernels, block, cell->rows.p, cell->rows.logsum);
  for (size_t i = 0; i < block->n; i++) {
    value -= block->weight[i] > 0.0 ? block->weight[i] * cell->rows.logsum[i] : 0.0;
  }
  return value;
}

void fm_chain_cell_spread(const fm_chain_cell *cell, const double *values, double *wide) {
  const fm_block *block = &cell->work->block;
  memset(wide, 0, block->n * cell->n_places * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      wide[i * cell->n_places + (size_t)block->place[r]] = values[r];
    }
  }
}

static void add_shares(fm_chain_cell *cell) {
  const fm_block *block = &cell->work->block;
  for (size_t i = 0; i < block->n; i++) {
    for (size_t r = block->offset[i]; r < block->offset[i + 1]; r++) {
      cell->psi[block->place[r]] += block->weight[i] * cell->rows.p[r];
    }
  }
}

/* m += sum_i w_i P_i P_i' of the block. */
static void add_squares(fm_chain_cell *cell) {
  const fm_block *block = &cell->work->block;
  const fm_kernels *kernels = cell->design->kernels;
  const size_t n = cell->n_places;
  fm_chain_cell_spread(cell, cell->rows.p, cell->rows.wide);
  memcpy(cell->rows.weighted, cell->rows.wide, block->n * n * sizeof(double));
  for (size_t i = 0; i < block->n; i++) {
    kernels->scale(block->weight[i], cell->rows.weighted + i * n, n);
  }
  kernels->gemm_tn(block->n, n, n, cell->rows.weighted, n, cell->rows.wide, n, cell->map.m, n);
}

void fm_chain_cell_sweep(fm_chain_cell *cell, int with_m) {
  const size_t n = cell->n_places;
  const double share = 1.0 / cell->total;
  interact(cell);
  cell->value = 0.0;
  memset(cell->psi, 0, n * sizeof(double));
  if (with_m) {
    memset(cell->map.m, 0, n * n * sizeof(double));
  }
  for (size_t b = cell->first_block; b < cell->end_block; b++) {
    cell->value += fm_chain_cell_block(cell, b);
    add_shares(cell);
    if (with_m) {
      add_squares(cell);
    }
  }
  cell->residual = 0.0;
  for (size_t j = 0; j < n; j++) {
    cell->psi[j] *= share;
    cell->residual = fmax(cell->residual, fabs(cell->psi[j] - cell->share[j]));
  }
  if (with_m) {
    for (size_t j = 0; j < n; j++) {
      cell->design->kernels->scale(-share, cell->map.m + j * n, n);
      cell->map.m[j + j * n] += cell->psi[j];
    }
  }
}

/* ---- fixed points ------------------------------------------------------------------------------------ */

fm_code fm_chain_cell_factor(fm_chain_cell *cell) {
  const size_t n = cell->n_places;
  for (size_t k = 0; k < n; k++) {
    const double d = cell->delta * cell->map.slope[k];
    for (size_t j = 0; j < n; j++) {
      cell->map.lu[j + k * n] = (j == k) - cell->map.m[j + k * n] * d;
    }
  }
  return fm_lu_factor(cell->map.lu, n, cell->map.pivot);
}

fm_code fm_chain_cell_eigenvalues(fm_chain_cell *cell, double *values) {
  const size_t n = cell->n_places;
  const double delta = cell->delta;
  for (size_t k = 0; k < n; k++) {
    for (size_t j = 0; j < n; j++) {
      cell->map.lu[j + k * n] =
          delta * sqrt(cell->map.slope[j]) * cell->map.m[j + k * n] * sqrt(cell->map.slope[k]);
    }
  }
  return fm_eigenvalues(cell->map.lu, n, values, NULL);
}

/* share := base + length * step, within [0, 1]. */
static void go(fm_chain_cell *cell, const double *base, const double *step, double length) {
  for (size_t j = 0; j < cell->n_places; j++) {
    cell->share[j] = fmin(1.0, fmax(0.0, base[j] + length * step[j]));
  }
}

/* A Newton step from share, where M is known; *moved says whether the residual fell enough. If not, share
 * is as before and psi is not. */
static void newton_step(fm_chain_cell *cell, double furthest, int *moved) {
  const size_t n = cell->n_places;
  const double before = cell->residual;
  double size = 0.0;
  *moved = 0;
  if (fm_chain_cell_factor(cell) != FM_OK) {
    return;
  }
  memcpy(cell->trial, cell->share, n * sizeof(double));
  for (size_t j = 0; j < n; j++) {
    cell->spare[j] = cell->psi[j] - cell->share[j];
  }
  fm_lu_solve(cell->map.lu, n, cell->map.pivot, 0, cell->spare, 1);
  for (size_t j = 0; j < n; j++) {
    size = fmax(size, fabs(cell->spare[j]));
  }
  double length = size > furthest ? furthest / size : 1.0;
  if (isfinite(size)) {
    for (int i = 0; i < HALVINGS && !*moved; i++, length *= 0.5) {
      go(cell, cell->trial, cell->spare, length);
      fm_chain_cell_sweep(cell, 1);
      *moved = cell->residual <= (1.0 - 0.5 * length) * before;
    }
  }
  if (!*moved) {
    memcpy(cell->share, cell->trial, n * sizeof(double));
  }
}

/* share += damping (Psi(share) - share), psi being known. Where the next step would lead back most of the
 * way, the damping is made stronger. */
static void damped_step(fm_chain_cell *cell, double *damping, int with_m) {
  const size_t n = cell->n_places;
  const fm_kernels *kernels = cell->design->kernels;
  double *step = cell->spare, back = 0.0;
  for (size_t j = 0; j < n; j++) {
    step[j] = cell->psi[j] - cell->share[j];
  }
  kernels->axpy(*damping, step, cell->share, n);
  fm_chain_cell_sweep(cell, with_m);
  for (size_t j = 0; j < n; j++) {
    back -= step[j] * (cell->psi[j] - cell->share[j]);
  }
  if (back > 0.25 * kernels->dot(step, step, n)) {
    *damping = fmax(0.5 * *damping, least_damping);
  }
}

static void solve_newton(fm_chain_cell *cell) {
  double damping = 1.0;
  fm_chain_cell_sweep(cell, 1);
  for (; cell->iterations < MAX_NEWTON && cell->residual > tolerance; cell->iterations++) {
    const double before = cell->residual;
    int moved = 0;
    newton_step(cell, longest, &moved);
    if (!moved) {
      fm_chain_cell_sweep(cell, 1);
      if (before <= rounding) {
        break;
      }
      damped_step(cell, &damping, 1);
    }
  }
}

/* Whether the dynamics would stay here; M at share is known. */
static int is_stable(fm_chain_cell *cell) {
  const fm_code code = fm_chain_cell_eigenvalues(cell, cell->trial);
  return code == FM_OK && cell->trial[cell->n_places - 1] < 1.0;
}

/* Steps of the dynamics until they settle, then Newton steps. A saddle that the dynamics pass slowly is not
 * mistaken for their end, because it is not stable. */
static void solve_dynamics(fm_chain_cell *cell) {
  double damping = 1.0;
  int calm = 0;
  fm_chain_cell_sweep(cell, 0);
  for (; cell->iterations < MAX_DYNAMICS && cell->residual > tolerance; cell->iterations++) {
    const double before = cell->residual;
    const int try_newton = calm >= CALM && before < settled;
    int moved = 0;
    if (try_newton) {
      fm_chain_cell_sweep(cell, 1);
      if (is_stable(cell)) {
        newton_step(cell, nearby, &moved);
      }
      calm = moved ? calm : -PATIENCE;
    }
    if (!moved) {
      if (try_newton) {
        fm_chain_cell_sweep(cell, 0);
      }
      damped_step(cell, &damping, 0);
      calm = cell->residual < before ? calm + 1 : 0;
    }
  }
  fm_chain_cell_sweep(cell, 1);
}

void fm_chain_cell_solve(fm_chain_cell *cell, const double *start, fm_chain_method method) {
  memcpy(cell->share, start, cell->n_places * sizeof(double));
  cell->iterations = 0;
  if (method == FM_CHAIN_STEP) {
    fm_chain_cell_sweep(cell, 1);
    memcpy(cell->share, cell->psi, cell->n_places * sizeof(double));
    cell->converged = 1;
    return;
  }
  (method == FM_CHAIN_NEWTON ? solve_newton : solve_dynamics)(cell);
  cell->converged = cell->residual <= rounding;
}
