/* places.h: entry points of decompose_places() and move_events(). */
#ifndef FM_GLUE_PLACES_H
#define FM_GLUE_PLACES_H

#include "glue.h"

SEXP firmmove_places(SEXP panel);
SEXP firmmove_move_events(SEXP panel);

#endif
