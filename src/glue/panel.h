/* panel.h: reads the list of R that describes a panel of firms for lives.h. */
#ifndef FM_GLUE_PANEL_H
#define FM_GLUE_PANEL_H

#include "../core/decompose/firm_dynamics.h"
#include "glue.h"

/* list(firm, n_firms, time, n_times, place, n_places, performance, weight) */
fm_panel fm_panel_from_list(SEXP list);
/* The first of `repeated` rows, from 1 on, that repeat a firm and time. */
SEXP fm_panel_repeats(const size_t *row, size_t repeated);

#endif
