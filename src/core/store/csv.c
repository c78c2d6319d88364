/* csv.c: splits records into fields in one pass, and reads what a field says. Numbers are read by strtod,
 * which is exact; a short copy ends them with a zero, as the bytes of the file have none. Overwrites the
 * fm_csv alone. Thread safety: no state; the locale must not be changed meanwhile.
 */
#include "csv.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "../base/alloc.h"

enum { LONGEST_NUMBER = 512 };

void fm_csv_free(fm_csv *csv) {
  fm_free(csv->field);
  csv->field = NULL;
  csv->room = 0;
}

static fm_csv_field *new_field(fm_csv *csv, size_t n) {
  if (n >= csv->room) {
    const size_t room = csv->room == 0 ? 1024 : 2 * csv->room;
    fm_csv_field *field = fm_alloc(room, sizeof *field);
    if (field == NULL) {
      return NULL;
    }
    if (n > 0) {
      memcpy(field, csv->field, n * sizeof *field);
    }
    fm_free(csv->field);
    csv->field = field;
    csv->room = room;
  }
  return &csv->field[n];
}

/* Reads one field; returns where it ends (at a separator, an end of line, or `end`), NULL when it is not
 * whole. */
static const char *take_field(const char *at, const char *end, char separator, int last,
                              fm_csv_field *field) {
  if (at < end && *at == '"') {
    field->text = ++at;
    field->quoted = 1;
    for (;; at += 2) {
      at = at < end ? memchr(at, '"', (size_t)(end - at)) : NULL;
      if (at == NULL || (at + 1 == end && !last)) {
        return NULL;
      }
      if (at + 1 == end || at[1] != '"') {
        break;
      }
      field->quoted = 2;
    }
    field->length = (size_t)(at - field->text);
    at++;
    while (at < end && *at != separator && *at != '\n') { /* a stray \r, or text after the quotation mark */
      at++;
    }
  } else {
    field->text = at;
    field->quoted = 0;
    while (at < end && *at != separator && *at != '\n') {
      at++;
    }
    field->length = (size_t)(at - field->text);
    if ((at == end || *at == '\n') && field->length > 0 && at[-1] == '\r') {
      field->length--;
    }
  }
  return at == end && !last ? NULL : at;
}

typedef enum record_state { RECORD, EMPTY_LINE, NOT_WHOLE, OUT_OF_MEMORY } record_state;

/* Reads the fields of one record from the n-th on; *at moves behind it, *count is their number. */
static record_state take_record(fm_csv *csv, const char **at, const char *end, char separator, int last,
                                size_t n, size_t *count) {
  const char *now = *at;
  *count = 0;
  for (;;) {
    fm_csv_field *field = new_field(csv, n + *count);
    if (field == NULL) {
      return OUT_OF_MEMORY;
    }
    now = take_field(now, end, separator, last, field);
    if (now == NULL) {
      return NOT_WHOLE;
    }
    (*count)++;
    if (now == end || *now == '\n') {
      break;
    }
    now++;
  }
  *at = now < end ? now + 1 : end;
  const fm_csv_field *only = &csv->field[n];
  return *count == 1 && only->length == 0 && !only->quoted ? EMPTY_LINE : RECORD;
}

fm_code fm_csv_split(fm_csv *csv, const char *bytes, size_t length, char separator, int last,
                     size_t max_rows, fm_error *err) {
  const char *at = bytes, *end = bytes + length;
  csv->n_rows = csv->used = 0;
  while (at < end && csv->n_rows < max_rows) {
    size_t count = 0;
    const record_state state =
        take_record(csv, &at, end, separator, last, csv->n_rows * csv->n_columns, &count);
    if (state == OUT_OF_MEMORY) {
      return fm_fail(err, FM_NO_MEMORY, "No memory to read so many rows at once: lower `chunk_rows`.");
    }
    if (state == NOT_WHOLE) {
      break;
    }
    if (state == RECORD) {
      csv->n_columns = csv->n_columns == 0 ? count : csv->n_columns;
      if (count != csv->n_columns) {
        return fm_fail(err, FM_INVALID, "has %.0f fields and should have %.0f", (double)count,
                       (double)csv->n_columns);
      }
      csv->n_rows++;
    }
    csv->used = (size_t)(at - bytes);
  }
  return FM_OK;
}

/* ---- fields ----------------------------------------------------------------------------------------- */

int fm_csv_missing(const fm_csv_field *field) {
  return !field->quoted &&
         (field->length == 0 || (field->length == 2 && memcmp(field->text, "NA", 2) == 0));
}

/* strtod() has the decimal mark of the locale of the process, which other libraries may set. So nothing but
 * ASCII without a comma is a number, and where strtod() stops at a point it is given the mark it wants. */
static int number_with_mark(char *copy, size_t length, char *point, double *value) {
  const char *mark = localeconv()->decimal_point;
  const size_t size = strlen(mark);
  char *stop = NULL;
  if (size == 0 || length + size > LONGEST_NUMBER || strcmp(mark, ".") == 0) {
    return 0;
  }
  memmove(point + size, point + 1, strlen(point + 1) + 1);
  memcpy(point, mark, size);
  *value = strtod(copy, &stop);
  return stop > point && *stop == '\0';
}

static int plain_ascii(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if ((unsigned char)text[i] >= 128 || text[i] == ',' || text[i] == '\0') {
      return 0;
    }
  }
  return 1;
}

int fm_csv_number(const fm_csv_field *field, double *value) {
  char copy[LONGEST_NUMBER];
  char *stop = NULL;
  if (field->length == 0 || field->length >= LONGEST_NUMBER || field->quoted == 2 ||
      !plain_ascii(field->text, field->length)) {
    return 0;
  }
  memcpy(copy, field->text, field->length);
  copy[field->length] = '\0';
  if (strpbrk(copy, "xXpP") != NULL) {
    return 0;
  }
  *value = strtod(copy, &stop);
  if (*stop == '.') {
    return number_with_mark(copy, field->length, stop, value);
  }
  return stop == copy + field->length;
}

int fm_csv_logical(const fm_csv_field *field) {
  static const char *const word[] = {"FALSE", "TRUE", "false", "true", "F", "T", "f", "t", "0", "1"};
  for (int i = 0; i < 10; i++) {
    if (strlen(word[i]) == field->length && memcmp(word[i], field->text, field->length) == 0) {
      return i % 2;
    }
  }
  return -1;
}

size_t fm_csv_copy(const fm_csv_field *field, char *to) {
  size_t n = 0;
  for (size_t i = 0; i < field->length; i++) {
    to[n++] = field->text[i];
    if (field->quoted == 2 && field->text[i] == '"') {
      i++; /* the second of a pair */
    }
  }
  return n;
}
