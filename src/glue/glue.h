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

/* ---- conditions (condition.c): the one place where a status becomes an R condition ------------------- */
/* Raises an R error of class firmmove_error_<code> with the message of err. Does not return. */
void fm_raise(const fm_error *err);
/* Raises err as an error of that code, unless it is FM_OK. */
void fm_check(fm_code code, fm_error *err);
/* The interrupt callback of the core: non-zero when the user asked to stop. */
int fm_user_interrupted(void *context);

/* ---- vectors and lists (unpack.c): an R error names what is not of the type or the length asked for -- */
/* NULL where R has NULL. */
const double *fm_as_doubles(SEXP x, size_t n, const char *what);
const int *fm_as_ints(SEXP x, size_t n, const char *what);
/* Integers in low .. high, so that the core may use them as indices. */
const int *fm_as_codes(SEXP x, size_t n, double low, double high, const char *what);
/* A numeric vector that must be there. */
const double *fm_need_doubles(SEXP x, size_t n, const char *what);
/* The largest of n codes that are not negative; 0 of none. */
size_t fm_largest_code(const int *code, size_t n);
/* Codes from 1 on as codes from 0 on: a copy in R's transient memory. NULL where R has NULL. */
const int *fm_from_zero(SEXP code);
/* Where a maximum is looked for: p parameters, and which of them are fixed. */
void fm_check_start(SEXP start, SEXP fixed, size_t p);
/* Which of the words, ended by NULL, x is. */
int fm_word(SEXP x, const char *const *words, const char *what);
/* The same for each of n words; memory of R. */
const int *fm_words(SEXP x, size_t n, const char *const *words, const char *what);

SEXP fm_list_get(SEXP list, const char *name);                 /* R_NilValue when absent */
SEXP fm_list_need(SEXP list, const char *name, SEXPTYPE type); /* error when absent or of another type */
int fm_list_flag(SEXP list, const char *name, int otherwise);
double fm_list_number(SEXP list, const char *name, double otherwise);
size_t fm_list_count(SEXP list, const char *name); /* a number of things: 0 when absent */
const double *fm_list_doubles(SEXP list, const char *name, size_t n);
const int *fm_list_ints(SEXP list, const char *name, size_t n);
const int *fm_list_codes(SEXP list, const char *name, size_t n, double low,
                         double high); /* must be there */
const int *fm_list_words(SEXP list, const char *name, size_t n, const char *const *words);
int fm_control_threads(SEXP control); /* its `threads`, or 1 */

/* ---- designs and models ------------------------------------------------------------------------------ */
typedef struct fm_spec_options {
  int merge;        /* equal occasions may be merged */
  const int *group; /* 1-based group of each occasion, or NULL */
  size_t n_groups;
} fm_spec_options;
/* An R spec (see R/design.R for its extent), checked and unpacked. Memory of R, freed by R. */
typedef struct fm_spec fm_spec;
const fm_spec *fm_spec_unpack(SEXP spec, const fm_spec_options *options);
/* Occasions first .. last-1 of a spec, in the order of the data or, where it is not NULL, in `order`
 * (1-based). group (of these occasions, 1-based, all used) may be NULL. */
const fm_spec *fm_spec_part(const fm_spec *spec, const int *order, size_t first, size_t last,
                            const int *group, size_t n_groups);
/* The design an fm_spec describes, without R: may be called on any thread. */
fm_code fm_spec_design(const void *spec, fm_design *design, fm_error *err);
/* What is done with a design. Nothing of R may jump out of it. */
typedef fm_code (*fm_design_use)(const fm_design *design, void *context, fm_error *err);
/* Makes the design of a spec, has it used and frees it; an R error when any of this fails. */
void fm_with_design(SEXP spec, const fm_spec_options *options, fm_design_use use, void *context);
/* What a model must know of the data before a design is made of them. */
typedef struct fm_extent {
  size_t n_terms, n_places;
  size_t n_linear;    /* terms and, where there are any, constants of places */
  size_t n_occasions; /* of slices, which are counted elsewhere: 0 */
} fm_extent;
fm_extent fm_spec_extent(SEXP spec);
/* The extent that all slices of some data have: terms, places,
 * and whether there are constants of places. */
fm_extent fm_slices_extent(SEXP numbers);
int fm_spec_is_ragged(SEXP spec);

/* A choice model as R describes it; see model.h. Memory of R, freed by R. */
typedef struct fm_model fm_model;
const fm_model *fm_model_from_list(SEXP list, const fm_extent *extent);
/* Merged occasions in the groups of a model. */
fm_spec_options fm_model_options(const fm_model *model);

/* ---- entry points, called as .Call(C_<name>, ...) ---------------------------------------------------- */
SEXP firmmove_fit(SEXP spec, SEXP model, SEXP start, SEXP fixed, SEXP control);
SEXP firmmove_fit_sums(SEXP evaluate, SEXP numbers, SEXP model, SEXP start, SEXP fixed, SEXP control);
SEXP firmmove_evaluate(SEXP spec, SEXP model, SEXP theta, SEXP order, SEXP control);
SEXP firmmove_scores(SEXP spec, SEXP model, SEXP theta, SEXP adjust, SEXP control);
SEXP firmmove_predict(SEXP spec, SEXP model, SEXP theta, SEXP type, SEXP control);
SEXP firmmove_respond(SEXP spec, SEXP model, SEXP theta, SEXP directions, SEXP asked, SEXP control);
SEXP firmmove_variances(SEXP spec, SEXP model, SEXP theta, SEXP directions, SEXP type, SEXP control);
SEXP firmmove_elasticities(SEXP spec, SEXP along, SEXP control);
/* Standard deviations and quantiles of rows (core/base/row_spread.h): a column each. */
SEXP firmmove_row_spread(SEXP x, SEXP at, SEXP threads);
SEXP firmmove_choice(SEXP spec, SEXP model, SEXP theta, SEXP uniforms, SEXP control);
SEXP firmmove_model_matrix(SEXP spec);
SEXP firmmove_run_starts(SEXP x);
SEXP firmmove_rise_within(SEXP code, SEXP start);
SEXP firmmove_class_sums(SEXP x, SEXP index, SEXP n);

#endif
