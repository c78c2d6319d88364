/* entropy.h: entry points of the entropies. */
#ifndef FM_GLUE_ENTROPY_H
#define FM_GLUE_ENTROPY_H

#include "glue.h"

SEXP firmmove_entropies(SEXP codes, SEXP levels, SEXP weight, SEXP group, SEXP n_groups);
SEXP firmmove_synergy_null(SEXP codes, SEXP levels, SEXP group, SEXP n_groups, SEXP seeds, SEXP threads);

#endif
