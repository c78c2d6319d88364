/* fuzz_csv.c: libFuzzer's door to src/core/store/csv.h. The first byte of an input is the separator.
 *
 * Records are split whole and in small groups; what is found must lie in the bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/core/store/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const fm_csv *csv, const char *bytes, size_t length) {
  char *copy = malloc(length + 1);
  for (size_t i = 0; copy != NULL && i < csv->n_rows * csv->n_columns; i++) {
    const fm_csv_field *field = &csv->field[i];
    double value = 0;
    if (field->text < bytes || field->text + field->length > bytes + length ||
        fm_csv_copy(field, copy) > field->length) {
      abort();
    }
    (void)fm_csv_missing(field);
    (void)fm_csv_number(field, &value);
    (void)fm_csv_logical(field);
  }
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const size_t length = size - 1;
  char *bytes = malloc(length + (length == 0));
  if (bytes == NULL) {
    return 0;
  }
  memcpy(bytes, data + 1, length);
  fm_error err;
  for (int last = 0; last < 2; last++) {
    fm_csv csv = {0};
    size_t at = 0;
    do {
      if (fm_csv_split(&csv, bytes + at, length - at, (char)data[0], last, 1 + 1000 * (size_t)last, &err) !=
          FM_OK) {
        break;
      }
      look(&csv, bytes + at, length - at);
      at += csv.used;
    } while (csv.used > 0 && at < length);
    fm_csv_free(&csv);
  }
  free(bytes);
  return 0;
}
