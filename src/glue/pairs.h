/* pairs.h: entry points of pairs of points. */
#ifndef FM_GLUE_PAIRS_H
#define FM_GLUE_PAIRS_H

#include "glue.h"

SEXP firmmove_pair_distances(SEXP x, SEXP y);
SEXP firmmove_pair_histogram(SEXP x, SEXP y, SEXP top, SEXP n_bins, SEXP threads);
SEXP firmmove_pair_density(SEXP x, SEXP y, SEXP member, SEXP weight, SEXP at, SEXP bandwidth, SEXP threads);
SEXP firmmove_pair_moments(SEXP x, SEXP y, SEXP at, SEXP bandwidth, SEXP threads);
SEXP firmmove_ring_sums(SEXP x, SEXP y, SEXP weight, SEXP from, SEXP to, SEXP radius, SEXP threads);
SEXP firmmove_m_function(SEXP x, SEXP y, SEXP weight, SEXP all, SEXP member, SEXP place, SEXP n_from,
                         SEXP radius, SEXP threads);

#endif
