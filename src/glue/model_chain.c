/* model_chain.c: the chain model as R describes it (R/model-chain.R), and its fixed points. */
#include "../core/choice/chain.h"

#include "chain.h"
#include "model.h"

static fm_pass pass(const fm_model *model, const fm_design *design, int threads) {
  return fm_chain_pass(model->state, design, threads);
}

static fm_chain_scale scale_of(SEXP list) {
  /* as fm_chain_scale */
  static const char *const scales[] = {"share", "count", "log1p", NULL};
  return (fm_chain_scale)fm_word(fm_list_get(list, "scale"), scales, "scale");
}

/* `start` must have a column for each code of `group`. */
static void check_start(SEXP list, const fm_extent *extent, SEXP start) {
  const size_t n = extent->n_occasions;
  const int *group = fm_list_ints(list, "group", n);
  if (group == NULL || !Rf_isMatrix(start) || (size_t)Rf_nrows(start) != extent->n_places ||
      (size_t)Rf_ncols(start) != fm_largest_code(group, n)) {
    Rf_error("internal: `start` must be places x groups");
  }
}

fm_model fm_chain_from_list(SEXP list, const fm_extent *extent) {
  static const fm_model_ops ops = {pass, NULL, NULL, NULL};
  SEXP start = fm_list_need(list, "start", REALSXP);
  check_start(list, extent, start);
  fm_chain *chain = (fm_chain *)R_alloc(1, sizeof(fm_chain));
  *chain =
      (fm_chain){.scale = scale_of(list), .given = fm_list_flag(list, "given", 0), .start = REAL(start)};
  return (fm_model){.ops = &ops, .state = chain, .extra = 1, .separable = 1};
}

/* ---- fixed points ------------------------------------------------------------------------------------ */
enum { SHARE, EIGENVALUE, RESIDUAL, ITERATIONS, CONVERGED };

static SEXP new_result(int places, R_xlen_t n) {
  const char *names[] = {"share", "eigenvalue", "residual", "iterations", "converged", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, SHARE, Rf_allocMatrix(REALSXP, places, (int)n));
  SET_VECTOR_ELT(result, EIGENVALUE, Rf_allocMatrix(REALSXP, places, (int)n));
  SET_VECTOR_ELT(result, RESIDUAL, Rf_allocVector(REALSXP, n));
  SET_VECTOR_ELT(result, ITERATIONS, Rf_allocVector(INTSXP, n));
  SET_VECTOR_ELT(result, CONVERGED, Rf_allocVector(LGLSXP, n));
  UNPROTECT(1);
  return result;
}

/* The runs R asks for: column r of theta and of start, in cell[r]. */
static fm_chain_run *new_runs(SEXP theta, SEXP cell, SEXP start, SEXP method, SEXP result, int places) {
  /* as fm_chain_method */
  static const char *const methods[] = {"newton", "dynamics", "step", NULL};
  const R_xlen_t n = Rf_xlength(cell);
  const size_t p = (size_t)Rf_nrows(theta), j = (size_t)places;
  const fm_chain_method how = (fm_chain_method)fm_word(method, methods, "method");
  fm_chain_run *runs = (fm_chain_run *)R_alloc((size_t)n + 1, sizeof(fm_chain_run));
  for (R_xlen_t r = 0; r < n; r++) {
    const size_t at = (size_t)r;
    runs[r] = (fm_chain_run){.group = (size_t)INTEGER(cell)[r] - 1,
                             .theta = REAL(theta) + (Rf_ncols(theta) > 1 ? at * p : 0),
                             .start = REAL(start) + at * j,
                             .method = how,
                             .share = REAL(VECTOR_ELT(result, SHARE)) + at * j,
                             .eigenvalue = REAL(VECTOR_ELT(result, EIGENVALUE)) + at * j};
  }
  return runs;
}

static void check_runs(const fm_model *m, const fm_extent *extent, SEXP theta, SEXP cell, SEXP start) {
  const R_xlen_t n = Rf_xlength(cell);
  const int p = (int)(extent->n_linear + m->extra), places = (int)extent->n_places;
  if (TYPEOF(theta) != REALSXP || !Rf_isMatrix(theta) || Rf_nrows(theta) != p ||
      (Rf_ncols(theta) != 1 && Rf_ncols(theta) != n)) {
    Rf_error("internal: theta must have %d rows and a column, or one for each run", p);
  }
  if (TYPEOF(start) != REALSXP || Rf_xlength(start) != n * places || TYPEOF(cell) != INTSXP) {
    Rf_error("internal: start must have %d shares for each run", places);
  }
  for (R_xlen_t r = 0; r < n; r++) {
    if (INTEGER(cell)[r] < 1 || (size_t)INTEGER(cell)[r] > m->n_groups) {
      Rf_error("internal: there is no cell %d", INTEGER(cell)[r]);
    }
  }
}

typedef struct solving {
  const fm_chain *chain;
  fm_chain_run *runs;
  size_t n;
  int threads;
} solving;

static fm_code solve_design(const fm_design *design, void *context, fm_error *err) {
  const solving *s = context;
  return fm_chain_solve(s->chain, design, s->runs, s->n, s->threads, fm_user_interrupted, err);
}

SEXP firmmove_chain_solve(SEXP spec, SEXP model, SEXP theta, SEXP cell, SEXP start, SEXP method,
                          SEXP control) {
  const fm_extent extent = fm_spec_extent(spec);
  const fm_model *m = fm_model_from_list(model, &extent);
  check_runs(m, &extent, theta, cell, start);
  const int places = (int)extent.n_places;
  const R_xlen_t n = Rf_xlength(cell);
  SEXP result = PROTECT(new_result(places, n));
  fm_chain_run *runs = new_runs(theta, cell, start, method, result, places);
  solving s = {m->state, runs, (size_t)n, fm_control_threads(control)};
  const fm_spec_options options = fm_model_options(m);
  fm_with_design(spec, &options, solve_design, &s);
  for (R_xlen_t r = 0; r < n; r++) {
    REAL(VECTOR_ELT(result, RESIDUAL))[r] = runs[r].residual;
    INTEGER(VECTOR_ELT(result, ITERATIONS))[r] = runs[r].iterations;
    LOGICAL(VECTOR_ELT(result, CONVERGED))[r] = runs[r].converged;
  }
  UNPROTECT(1);
  return result;
}
