/* chain.h: entry point of the equilibria of a chain model. */
#ifndef FM_GLUE_CHAIN_H
#define FM_GLUE_CHAIN_H

#include "glue.h"

SEXP firmmove_chain_solve(SEXP spec, SEXP model, SEXP theta, SEXP cell, SEXP start, SEXP method,
                          SEXP control);

#endif
