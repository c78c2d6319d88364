/* codes.h: entry points that turn columns of ids into codes. */
#ifndef FM_GLUE_CODES_H
#define FM_GLUE_CODES_H

#include "glue.h"

SEXP firmmove_column_codes(SEXP x);
SEXP firmmove_firm_codes(SEXP x);
SEXP firmmove_recode(SEXP code, SEXP rank);

#endif
