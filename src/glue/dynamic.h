/* dynamic.h: entry point of the value of places. */
#ifndef FM_GLUE_DYNAMIC_H
#define FM_GLUE_DYNAMIC_H

#include "glue.h"

SEXP firmmove_dynamic(SEXP world, SEXP theta, SEXP wanted, SEXP control);

#endif
