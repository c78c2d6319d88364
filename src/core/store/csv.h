/* csv.h: bytes of a file with separators -> the places of its fields (RFC 4180).
 *
 * A field that begins with a quotation mark ends with one, and holds separators, ends of lines and doubled
 * quotation marks; a record ends with \n or \r\n. Empty lines are left out.
 */
#ifndef FM_CSV_H
#define FM_CSV_H

#include <stddef.h>

#include "../base/status.h"

typedef struct fm_csv_field {
  const char *text; /* in the bytes; without the outer quotation marks */
  size_t length;
  int quoted; /* 1: between quotation marks; 2: and some are doubled inside */
} fm_csv_field;

typedef struct fm_csv {
  size_t n_columns;    /* of each record; 0: as many as the first record has */
  size_t n_rows;       /* whole records found */
  size_t used;         /* bytes they take */
  fm_csv_field *field; /* n_rows x n_columns, by record; fm_csv_free() */
  size_t room;
} fm_csv;

/* Splits at most max_rows whole records; `last` says that no bytes follow, so that an unfinished line is a
 * record. FM_INVALID: a record has another number of fields (n_rows tells how many were fine).
 * FM_NO_MEMORY. */
fm_code fm_csv_split(fm_csv *csv, const char *bytes, size_t length, char separator, int last,
                     size_t max_rows, fm_error *err);
void fm_csv_free(fm_csv *csv);

/* NA: an empty field or the letters NA, neither quoted. */
int fm_csv_missing(const fm_csv_field *field);
/* Whether the field is a number and nothing else; to the nearest double. */
int fm_csv_number(const fm_csv_field *field, double *value);
/* TRUE, true, T, t or 1 -> 1; FALSE, false, F, f or 0 -> 0; else -1. */
int fm_csv_logical(const fm_csv_field *field);
/* Copies without the doubling of quotation marks; returns the length, at most field->length. */
size_t fm_csv_copy(const fm_csv_field *field, char *to);

#endif
