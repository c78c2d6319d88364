/* row_spread.h: standard deviation and quantiles of the rows of a matrix, by one sort of each row. */
#ifndef FM_ROW_SPREAD_H
#define FM_ROW_SPREAD_H

#include <stddef.h>

#include "status.h"

/* x: n_rows x n_columns, column-major; NaN do not count. out: n_rows x (1 + n_at), column-major: the
 * standard deviation of each row (divided by their number less 1), then its quantiles at at[0 .. n_at-1] in
 * 0 .. 1, between two neighbours on a line (type 7 of Hyndman & Fan 1996). NaN where a row has too few. */
fm_code fm_row_spread(const double *x, size_t n_rows, size_t n_columns, const double *at, size_t n_at,
                      int threads, double *out);

#endif
