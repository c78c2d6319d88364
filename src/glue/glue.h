/* glue.h: what R sees of the core. Each entry point checks and unpacks its arguments, calls the core,
 * packs the result, and frees what the core allocated before anything of R can jump.
 */
#ifndef FM_GLUE_H
#define FM_GLUE_H

#ifndef R_NO_REMAP
#define R_NO_REMAP
#endif
#include <R.h>
#include <Rinternals.h>

#include "../core/base/status.h"
#include "../core/choice/pass.h"
#include "../core/design/design.h"

/* ---- conditions (condition.c): the one place where a status becomes an R condition ---------------------- */
/* Raises an R error of class firmmove_error_<code> with the message of err. Does not return. */
void fm_raise(const fm_error *err);
/* The interrupt callback of the core: non-zero when the user asked to stop. */
int fm_user_interrupted(void *context);

/* ---- lists (unpack.c) -------------------------------------------------------------------------------------- */
SEXP fm_list_get(SEXP list, const char *name);                 /* R_NilValue when absent */
SEXP fm_list_need(SEXP list, const char *name, SEXPTYPE type); /* error when absent or of another type */
int fm_list_flag(SEXP list, const char *name, int otherwise);
double fm_list_number(SEXP list, const char *name, double otherwise);
int fm_control_threads(SEXP control); /* its `threads`, or 1 */

/* ---- designs and models ------------------------------------------------------------------------------------- */
typedef struct fm_spec_options {
  int merge;        /* equal occasions may be merged */
  const int *group; /* 1-based group of each occasion, or NULL */
  size_t n_groups;
} fm_spec_options;
/* An R spec (see R/design.R for its shape), checked and unpacked. Memory of R, freed by R. */
typedef struct fm_spec fm_spec;
const fm_spec *fm_spec_unpack(SEXP spec, const fm_spec_options *options);
/* Occasions first .. last-1 of a spec, in the order of the data or, where it is not NULL, in `order` (1-based).
 * group (of these occasions, 1-based, all used) may be NULL. */
const fm_spec *fm_spec_part(const fm_spec *spec, const int *order, size_t first, size_t last,
                            const int *group, size_t n_groups);
/* The design an fm_spec describes, without R: may be called on any thread. */
fm_code fm_spec_design(const void *spec, fm_design *design, fm_error *err);
/* Both steps. */
fm_code fm_design_from_spec(SEXP spec, const fm_spec_options *options, fm_design *design, fm_error *err);
/* Terms and offsets of a spec, and the number of linear parameters, before a design is made. */
size_t fm_spec_terms(SEXP spec);
size_t fm_spec_linear(SEXP spec);
size_t fm_spec_occasions(SEXP spec);

/* A choice model as R describes it; see model.h. Memory of R, freed by R. */
typedef struct fm_model fm_model;
const fm_model *fm_model_from_list(SEXP list, SEXP spec);

/* ---- entry points, called as .Call(C_<name>, ...) ------------------------------------------------------------ */
SEXP firmmove_fit(SEXP spec, SEXP model, SEXP start, SEXP fixed, SEXP control);
SEXP firmmove_fit_sums(SEXP evaluate, SEXP shape, SEXP model, SEXP start, SEXP fixed, SEXP control);
SEXP firmmove_evaluate(SEXP spec, SEXP model, SEXP theta, SEXP order, SEXP control);
SEXP firmmove_scores(SEXP spec, SEXP model, SEXP theta, SEXP adjust, SEXP control);
SEXP firmmove_predict(SEXP spec, SEXP model, SEXP theta, SEXP type, SEXP control);
SEXP firmmove_choice(SEXP spec, SEXP model, SEXP theta, SEXP uniforms, SEXP control);
SEXP firmmove_model_matrix(SEXP spec);
SEXP firmmove_run_starts(SEXP x);
SEXP firmmove_rise_within(SEXP code, SEXP start);
SEXP firmmove_class_sums(SEXP x, SEXP index, SEXP n);

#endif
