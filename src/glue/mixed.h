/* mixed.h: entry points that only the mixed logit has. */
#ifndef FM_GLUE_MIXED_H
#define FM_GLUE_MIXED_H

#include "glue.h"

/* Means and standard deviations of each group's random coefficients,
 * given its choices: groups x 2 random. */
SEXP firmmove_mixed_individual(SEXP spec, SEXP model, SEXP theta, SEXP control);
/* Set `set` (from 0) of the draws of a model: draws x random coefficients,
 * in the unit cube unless stored. */
SEXP firmmove_draws(SEXP model, SEXP set);

#endif
