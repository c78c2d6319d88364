/* dynamics_rows.h: the rows of a panel, firm by firm in order of time, whatever their order in the table.
 *
 * Firms are cut into ranges of codes, some thousand rows each. Rows in order of firm and time are read
 * where they
 * are; others are first brought together by range, in one pass that writes a record of 32 bytes a row,
 * and each range
 * is then sorted within the caches. Ranges depend on the panel alone, not on the order of its rows or on
 * threads.
 */
#ifndef FM_DYNAMICS_ROWS_H
#define FM_DYNAMICS_ROWS_H

#include "firm_dynamics.h"

/* A row of the panel. */
typedef struct fm_record {
  uint32_t row;
  int firm, time, place;
  double performance, weight; /* performance less the centre */
} fm_record;

typedef struct fm_ranges {
  const fm_panel *panel;
  unsigned shift;    /* range k: firms k << shift .. ((k + 1) << shift) - 1 */
  size_t n;          /* number of ranges */
  size_t *first;     /* n + 1: rows in the ranges before */
  size_t most;       /* rows in the largest */
  fm_record *record; /* by range; NULL when the rows of the panel are in order */
} fm_ranges;

/* What a thread needs to read a range: room for ranges->most records and a number for each firm of a
 * range. */
typedef struct fm_reader {
  fm_record *life;
  uint32_t *next;
} fm_reader;

/* The caller frees ranges and readers whatever is returned. */
fm_code fm_ranges_init(fm_ranges *ranges, const fm_panel *panel, int threads);
void fm_ranges_free(fm_ranges *ranges);
fm_code fm_reader_init(fm_reader *reader, const fm_ranges *ranges);
void fm_reader_free(fm_reader *reader);

/* The rows of range k in reader->life, in order of firm and time (and, among repeats, of the table). */
void fm_ranges_read(const fm_ranges *ranges, size_t k, fm_reader *reader);

#endif
