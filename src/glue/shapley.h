/* shapley.h: entry points of Shapley and Owen values. */
#ifndef FM_GLUE_SHAPLEY_H
#define FM_GLUE_SHAPLEY_H

#include "glue.h"

SEXP firmmove_shapley_orders(SEXP value, SEXP players);
SEXP firmmove_shapley_dominance(SEXP value, SEXP players);
SEXP firmmove_owen(SEXP value, SEXP block, SEXP n_blocks);
SEXP firmmove_owen_weights(SEXP block, SEXP n_blocks);
SEXP firmmove_owen_needed(SEXP block, SEXP n_blocks);

#endif
