/* model_latent.c: the latent-class logit as R describes it (R/model-latent.R), and its EM algorithm. */
#include <string.h>

#include "../core/choice/latent.h"
#include "../core/choice/latent_em.h"
#include "latent.h"
#include "model.h"

static fm_pass pass(const fm_model *model, const fm_design *design, int threads) {
  return fm_latent_pass(model->state, design, threads);
}

/* The attributes of the groups, n_z x n_groups; the group codes say how many groups there are. */
static void unpack_membership(SEXP list, fm_latent *latent) {
  SEXP z = fm_list_need(list, "membership", REALSXP);
  SEXP dim = Rf_getAttrib(z, R_DimSymbol);
  const int n_groups = (int)fm_list_groups(list);
  if (TYPEOF(dim) != INTSXP || Rf_xlength(dim) != 2 || INTEGER(dim)[1] != n_groups) {
    Rf_error("internal: `membership` must have a column for each of %d groups", n_groups);
  }
  latent->n_z = (size_t)INTEGER(dim)[0];
  latent->z = REAL(z);
  latent->weight = fm_list_doubles(list, "weight", (size_t)n_groups);
}

fm_model fm_latent_from_list(SEXP list, const fm_extent *extent) {
  static const fm_model_ops ops = {.pass = pass};
  SEXP free = fm_list_need(list, "free", INTSXP);
  fm_latent *latent = (fm_latent *)R_alloc(1, sizeof(fm_latent));
  *latent = (fm_latent){.n_classes = fm_list_count(list, "classes"),
                        .n_free = (size_t)Rf_xlength(free),
                        .free = INTEGER(free)};
  unpack_membership(list, latent);
  fm_error err = {FM_OK, ""};
  fm_check(fm_latent_check(latent, extent->n_terms, &err), &err);
  return (fm_model){.ops = &ops, .state = latent, .extra = fm_latent_extra(latent)};
}

/* ---- EM ---------------------------------------------------------------------------------------------- */
enum { THETA, POSTERIOR, PATH, ITERATIONS, CONVERGED };

static SEXP new_result(size_t p, size_t classes, size_t groups, int iterations) {
  const char *names[] = {"theta", "posterior", "path", "iterations", "converged", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, THETA, Rf_allocVector(REALSXP, (R_xlen_t)p));
  SET_VECTOR_ELT(result, POSTERIOR, Rf_allocMatrix(REALSXP, (int)classes, (int)groups));
  SET_VECTOR_ELT(result, PATH, Rf_allocVector(REALSXP, (R_xlen_t)iterations + 1));
  SET_VECTOR_ELT(result, ITERATIONS, Rf_allocVector(INTSXP, 1));
  SET_VECTOR_ELT(result, CONVERGED, Rf_allocVector(LGLSXP, 1));
  UNPROTECT(1);
  return result;
}

typedef struct expecting {
  const fm_latent *latent;
  const fm_em_control *control;
  fm_em_result *result;
  int threads;
} expecting;

static fm_code em_design(const fm_design *design, void *context, fm_error *err) {
  const expecting *e = context;
  return fm_latent_em(e->latent, design, e->threads, e->control, e->result, err);
}

/* EM from start; control has threads, rank_tolerance, em_iterations, em_tolerance. */
SEXP firmmove_latent_em(SEXP spec, SEXP model, SEXP start, SEXP fixed, SEXP control) {
  const fm_extent extent = fm_spec_extent(spec);
  const fm_model *m = fm_model_from_list(model, &extent);
  const fm_latent *latent = m->state;
  const size_t p = extent.n_linear + m->extra;
  fm_check_start(start, fixed, p);
  const fm_em_control em = {.iterations = (int)fm_list_number(control, "em_iterations", 0),
                            .tolerance = fm_list_number(control, "em_tolerance", 0),
                            .rank_tolerance = fm_list_number(control, "rank_tolerance", 0),
                            .fixed = LOGICAL(fixed),
                            .interrupted = fm_user_interrupted};
  SEXP result = PROTECT(new_result(p, latent->n_classes, m->n_groups, em.iterations));
  fm_em_result out = {.theta = REAL(VECTOR_ELT(result, THETA)),
                      .posterior = REAL(VECTOR_ELT(result, POSTERIOR)),
                      .path = REAL(VECTOR_ELT(result, PATH))};
  memcpy(out.theta, REAL(start), p * sizeof(double));
  expecting e = {latent, &em, &out, fm_control_threads(control)};
  const fm_spec_options options = fm_model_options(m);
  fm_with_design(spec, &options, em_design, &e);
  INTEGER(VECTOR_ELT(result, ITERATIONS))[0] = out.iterations;
  LOGICAL(VECTOR_ELT(result, CONVERGED))[0] = out.converged;
  SET_VECTOR_ELT(result, PATH, Rf_lengthgets(VECTOR_ELT(result, PATH), (R_xlen_t)out.iterations + 1));
  UNPROTECT(1);
  return result;
}
