/* decompose.h: entry points of the account of clusters. */
#ifndef FM_GLUE_DECOMPOSE_H
#define FM_GLUE_DECOMPOSE_H

#include "glue.h"

SEXP firmmove_firm_dynamics(SEXP panel);
SEXP firmmove_account_variance(SEXP dynamics, SEXP terms);
SEXP firmmove_cell_variance(SEXP dynamics, SEXP gradient);

#endif
