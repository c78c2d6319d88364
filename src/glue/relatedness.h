/* relatedness.h: entry point of relatedness. */
#ifndef FM_GLUE_RELATEDNESS_H
#define FM_GLUE_RELATEDNESS_H

#include "glue.h"

SEXP firmmove_relatedness(SEXP present, SEXP method, SEXP self, SEXP threads);

#endif
