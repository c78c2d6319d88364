/* test_csv.c: records and fields of src/core/store/csv.c, and the checksums of hash.c. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "../../src/core/store/csv.h"
#include "../../src/core/store/hash.h"
#include "minunit.h"

static const char table[] = "a,b\r\n1,\"x, \"\"y\"\"\n\"\n\n,NA\n\"NA\",";

static void check_field(const fm_csv *csv, size_t i, const char *want) {
  char copy[64];
  copy[fm_csv_copy(&csv->field[i], copy)] = '\0';
  CHECK_TEXT(copy, want);
}

static void csv_splits_records(void) {
  fm_error err;
  fm_csv csv = {0};
  CHECK_OK(fm_csv_split(&csv, table, strlen(table), ',', 1, 100, &err));
  CHECK_INT(csv.n_rows, 4);
  CHECK_INT(csv.n_columns, 2);
  CHECK_INT(csv.used, strlen(table));
  const char *want[8] = {"a", "b", "1", "x, \"y\"\n", "", "NA", "NA", ""};
  for (size_t i = 0; i < 8; i++) {
    check_field(&csv, i, want[i]);
  }
  CHECK(fm_csv_missing(&csv.field[4]) && fm_csv_missing(&csv.field[5]) && !fm_csv_missing(&csv.field[6]));
  fm_csv_free(&csv);
}

/* Cut anywhere, the records before the cut and those after it are all records. */
static void csv_goes_on_after_a_cut(void) {
  fm_error err;
  for (size_t cut = 0; cut <= strlen(table); cut++) {
    fm_csv csv = {.n_columns = 2};
    CHECK_OK(fm_csv_split(&csv, table, cut, ',', 0, 100, &err));
    const size_t before = csv.n_rows, used = csv.used;
    CHECK(used <= cut);
    CHECK_OK(fm_csv_split(&csv, table + used, strlen(table) - used, ',', 1, 100, &err));
    CHECK_INT(before + csv.n_rows, 4);
    fm_csv_free(&csv);
  }
  fm_csv csv = {0};
  CHECK_OK(fm_csv_split(&csv, table, strlen(table), ',', 1, 2, &err));
  CHECK_INT(csv.n_rows, 2);
  CHECK_INT(csv.used, 19);
  fm_csv_free(&csv);
}

static void csv_refuses_ragged_records(void) {
  fm_error err;
  fm_csv csv = {0};
  CHECK_CODE(fm_csv_split(&csv, "a;b\n1;2\n1;2;3\n", 14, ';', 1, 100, &err), FM_INVALID);
  CHECK_TEXT(err.message, "has 3 fields and should have 2");
  CHECK_INT(csv.n_rows, 2);
  fm_csv_free(&csv);
}

static int number(const char *text, double *value) {
  const fm_csv_field field = {text, strlen(text), 0};
  return fm_csv_number(&field, value);
}

static int logical(const char *text) {
  const fm_csv_field field = {text, strlen(text), 0};
  return fm_csv_logical(&field);
}

static void csv_reads_values(void) {
  double x = 0;
  CHECK(number("0.1", &x) && x == 0.1);
  CHECK(number("-1.5e3", &x) && x == -1500);
  CHECK(number("9007199254740993.0000001", &x) && x == 9007199254740994.0);
  CHECK(!number("", &x) && !number("1x", &x) && !number("0x10", &x) && !number("1 2", &x));
  CHECK(logical("TRUE") == 1 && logical("f") == 0 && logical("true") == 1 && logical("yes") == -1);
}

/* A library may have set another decimal mark; where the system has no locale with one, there is nothing to
 * see. */
static void csv_numbers_know_no_locale(void) {
  static const char *const with_comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", "German"};
  int set = 0;
  for (size_t i = 0; i < sizeof with_comma / sizeof *with_comma && !set; i++) {
    set = setlocale(LC_NUMERIC, with_comma[i]) != NULL;
  }
  double x = 0;
  CHECK(number("-1.5e3", &x) && x == -1500);
  CHECK(number("0.1", &x) && x == 0.1);
  CHECK(number("12.", &x) && x == 12 && number(".5", &x) && x == 0.5);
  CHECK(!number("1,5", &x) && !number("1.2.3", &x) && !number("1.5x", &x) && !number(".", &x));
  CHECK(
      !number("1\xd9\xab"
              "5",
              &x)); /* the Arabic decimal mark */
  (void)setlocale(LC_NUMERIC, "C");
}

static fm_code split(void *context) {
  fm_csv csv = {0};
  const fm_code code = fm_csv_split(&csv, table, strlen(table), ',', 1, 100, context);
  fm_csv_free(&csv);
  return code;
}

static void csv_memory_may_run_out(void) {
  fm_error err;
  mu_each_allocation(split, &err);
}

/* ---- checksums ----------------------------------------------------------------------------------- */

static int same(fm_hash a, fm_hash b) { return a.a == b.a && a.b == b.b; }

static void hash_is_of_values(void) {
  const int32_t k[4] = {1, INT32_MIN, 0, -7};
  double x[4] = {1, 0, -0.0, -7};
  const uint64_t na = UINT64_C(0x7FF00000000007A2);
  memcpy(&x[1], &na, sizeof na);
  fm_hash whole = {0, 0}, number = {0, 0}, parts = {0, 0};
  fm_hash_ints(&whole, k, 4);
  fm_hash_doubles(&number, x, 4);
  fm_hash_ints(&parts, k, 1);
  fm_hash_doubles(&parts, x + 1, 3);
  CHECK(same(whole, number) && same(whole, parts));
  fm_hash other = {0, 0};
  x[3] = -7.0000000000000009;
  fm_hash_doubles(&other, x, 4);
  CHECK(!same(whole, other) && other.a != whole.a && other.b != whole.b);
}

static void hash_of_texts_knows_where_they_end(void) {
  fm_hash one = {0, 0}, two = {0, 0};
  fm_hash_text(&one, "ab", 2);
  fm_hash_text(&one, "c", 1);
  fm_hash_text(&two, "a", 1);
  fm_hash_text(&two, "bc", 2);
  CHECK(!same(one, two));
}

void test_csv(void);
void test_csv(void) {
  RUN(csv_splits_records);
  RUN(csv_goes_on_after_a_cut);
  RUN(csv_refuses_ragged_records);
  RUN(csv_reads_values);
  RUN(csv_numbers_know_no_locale);
  RUN(csv_memory_may_run_out);
  RUN(hash_is_of_values);
  RUN(hash_of_texts_knows_where_they_end);
}
