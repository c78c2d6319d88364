/* subsets.h: some of the many small fits of an attribution, called as .Call(C_subsets, ...). */
#ifndef FM_GLUE_SUBSETS_H
#define FM_GLUE_SUBSETS_H

#include "glue.h"

SEXP firmmove_subsets(SEXP specs, SEXP theta, SEXP fixed, SEXP enough, SEXP control);

#endif
