/* subset.h: one of the many small fits of an attribution, called as .Call(C_subset, ...). */
#ifndef FM_GLUE_SUBSET_H
#define FM_GLUE_SUBSET_H

#include "glue.h"

SEXP firmmove_subset(SEXP spec, SEXP theta, SEXP fixed, SEXP enough, SEXP control);

#endif
