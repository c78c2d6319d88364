/* test_blocks.c: the container of src/core/store: what is written is read,
 * and what is not whole is refused. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/store/blocks.h"
#include "../../src/core/store/layout.h"
#include "../../src/core/store/shuffle.h"
#include "minunit.h"

enum { ROWS = 1000, LARGEST = 1 << 16 };

static const char target[] = "test_blocks.fms";

typedef struct sample {
  double x[ROWS];
  int32_t k[ROWS];
  uint64_t at[ROWS];
  char text[ROWS];
} sample;

static void fill(sample *s) {
  mu_seed(1);
  for (size_t i = 0; i < ROWS; i++) {
    s->x[i] = mu_normal();
    s->k[i] = (int32_t)(i % 7) - 3;
    s->at[i] = (uint64_t)i << 33;
    s->text[i] = (char)('a' + i % 5);
  }
}

static fm_code write_sample(const sample *s, int deflate, size_t n, fm_error *err) {
  fm_store_writer w;
  FM_TRY(fm_store_create(&w, target, err));
  FM_TRY(fm_store_put(&w, "x", FM_STORE_DOUBLE, s->x, n, deflate, err));
  FM_TRY(fm_store_put(&w, "none", FM_STORE_DOUBLE, NULL, 0, deflate, err));
  FM_TRY(fm_store_put(&w, "k", FM_STORE_INT32, s->k, n, deflate, err));
  FM_TRY(fm_store_put(&w, "at", FM_STORE_SIZE, s->at, n, !deflate, err));
  FM_TRY(fm_store_put(&w, "text", FM_STORE_BYTES, s->text, n, deflate, err));
  return fm_store_finish(&w, err);
}

static fm_code read_sample(const fm_store_file *f, sample *s, size_t n, fm_error *err) {
  FM_TRY(fm_store_read(f, "x", FM_STORE_DOUBLE, s->x, n, err));
  FM_TRY(fm_store_read(f, "none", FM_STORE_DOUBLE, NULL, 0, err));
  FM_TRY(fm_store_read(f, "k", FM_STORE_INT32, s->k, n, err));
  FM_TRY(fm_store_read(f, "at", FM_STORE_SIZE, s->at, n, err));
  return fm_store_read(f, "text", FM_STORE_BYTES, s->text, n, err);
}

static int file_exists(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file != NULL) {
    (void)fclose(file);
  }
  return file != NULL;
}

static void part_name(char *name, size_t room) {
  (void)snprintf(name, room, "%s.part-%ld", target, fm_process_id());
}

/* The bytes of the target; free() them. */
static unsigned char *slurp(size_t *length) {
  unsigned char *bytes = malloc(LARGEST);
  FILE *file = fopen(target, "rb");
  *length = 0;
  if (file != NULL && bytes != NULL) {
    *length = fread(bytes, 1, LARGEST, file);
    (void)fclose(file);
  }
  return bytes;
}

static void spill(const unsigned char *bytes, size_t length) {
  FILE *file = fopen(target, "wb");
  if (file != NULL) {
    CHECK(fwrite(bytes, 1, length, file) == length);
    (void)fclose(file);
  }
}

/* Opens and verifies these bytes. */
static fm_code judge(const unsigned char *bytes, size_t length, fm_error *err) {
  fm_store_file f;
  FM_TRY(fm_store_open_memory(&f, bytes, length, "memory", err));
  const fm_code code = fm_store_verify(&f, err);
  fm_store_close(&f);
  return code;
}

/* ---- what is written is read --------------------------------------------------------------------- */

static void round_trip(int deflate, size_t n) {
  static sample out, back;
  fm_error err;
  fm_store_file f;
  char part[64];
  fill(&out);
  memset(&back, 0, sizeof back);
  CHECK_OK(write_sample(&out, deflate, n, &err));
  part_name(part, sizeof part);
  CHECK(!file_exists(part));
  CHECK_OK(fm_store_open(&f, target, &err));
  CHECK_OK(fm_store_verify(&f, &err));
  CHECK_OK(read_sample(&f, &back, n, &err));
  CHECK_SAME(back.x, out.x, n);
  CHECK(memcmp(back.k, out.k, n * sizeof *out.k) == 0);
  CHECK(memcmp(back.at, out.at, n * sizeof *out.at) == 0);
  CHECK(memcmp(back.text, out.text, n) == 0);
  fm_store_prefetch(&f);
  fm_store_release(&f);
  CHECK_OK(fm_store_verify(&f, &err));
  fm_store_close(&f);
  fm_store_close(&f);
  (void)remove(target);
}

static void blocks_round_trip(void) {
  const size_t sizes[] = {0, 1, 2, 63, 64, 65, ROWS};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    round_trip(0, sizes[i]);
    round_trip(1, sizes[i]);
  }
}

static void blocks_lie_in_the_map(void) {
  static sample out;
  fm_error err;
  fm_store_file f;
  size_t n = 0;
  const void *data = NULL;
  fill(&out);
  CHECK_OK(write_sample(&out, 0, ROWS, &err));
  CHECK_OK(fm_store_open(&f, target, &err));
  CHECK_CODE(fm_store_get(&f, "x", FM_STORE_DOUBLE, &n, &data, &err), FM_INVALID); /* read, not mapped */
  fm_store_close(&f);
  CHECK_OK(fm_store_map(&f, target, &err));
  CHECK_OK(fm_store_get(&f, "x", FM_STORE_DOUBLE, &n, &data, &err));
  CHECK(n == ROWS && (uintptr_t)data % 64 == 0);
  CHECK_SAME((const double *)data, out.x, n);
  CHECK_CODE(fm_store_get(&f, "at", FM_STORE_SIZE, &n, &data, &err), FM_CORRUPT); /* deflated */
  CHECK_CODE(fm_store_get(&f, "k", FM_STORE_DOUBLE, &n, &data, &err), FM_CORRUPT);
  CHECK_CODE(fm_store_get(&f, "y", FM_STORE_DOUBLE, &n, &data, &err), FM_CORRUPT);
  CHECK_TEXT(
      err.message,
      "`test_blocks.fms` is damaged: block `y` is not there. Copy the file again from where it is whole, "
      "or write the store again.");
  CHECK_CODE(fm_store_read(&f, "x", FM_STORE_DOUBLE, out.x, ROWS - 1, &err), FM_CORRUPT);
  CHECK_INT(fm_store_count(&f), 5);
  CHECK_TEXT(fm_store_entry(&f, 2)->name, "k");
  CHECK(fm_store_find(&f, "text") == fm_store_entry(&f, 4) && fm_store_find(&f, "tex") == NULL);
  fm_store_close(&f);
  (void)remove(target);
}

static void blocks_in_part(void) {
  static sample out, back;
  fm_error err;
  fm_store_file f;
  fill(&out);
  for (int deflate = 0; deflate < 2; deflate++) {
    CHECK_OK(write_sample(&out, deflate, ROWS, &err));
    CHECK_OK(fm_store_open(&f, target, &err));
    CHECK_OK(fm_store_read_part(&f, "x", FM_STORE_DOUBLE, 100, 50, back.x, &err));
    CHECK_SAME(back.x, out.x + 100, 50);
    CHECK_OK(fm_store_read_part(&f, "k", FM_STORE_INT32, ROWS, 0, back.k, &err));
    CHECK_OK(fm_store_read_part(&f, "at", FM_STORE_SIZE, ROWS - 3, 3, back.at, &err));
    CHECK(memcmp(back.at, out.at + ROWS - 3, 3 * sizeof *out.at) == 0);
    CHECK_CODE(fm_store_read_part(&f, "x", FM_STORE_DOUBLE, ROWS - 3, 4, back.x, &err), FM_CORRUPT);
    CHECK_CODE(fm_store_read_part(&f, "x", FM_STORE_DOUBLE, ROWS + 1, 0, back.x, &err), FM_CORRUPT);
    fm_store_close(&f);
  }
  (void)remove(target);
}

static void blocks_deflate_shrinks(void) {
  static sample out;
  fm_error err;
  fm_store_file f;
  fill(&out);
  CHECK_OK(write_sample(&out, 1, ROWS, &err));
  CHECK_OK(fm_store_open(&f, target, &err));
  CHECK(fm_store_find(&f, "k")->stored < ROWS);
  CHECK_INT(fm_store_find(&f, "k")->encoding, FM_STORE_DEFLATED);
  CHECK_INT(fm_store_find(&f, "at")->encoding, FM_STORE_RAW);
  fm_store_close(&f);
  (void)remove(target);
}

static void shuffle_groups_bytes(void) {
  const unsigned char in[16] = {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18};
  const unsigned char by_8[16] = {1, 11, 2, 12, 3, 13, 4, 14, 5, 15, 6, 16, 7, 17, 8, 18};
  const unsigned char by_4[16] = {1, 5, 11, 15, 2, 6, 12, 16, 3, 7, 13, 17, 4, 8, 14, 18};
  unsigned char out[16], back[16];
  fm_shuffle(in, 2, 8, out);
  CHECK(memcmp(out, by_8, 16) == 0);
  fm_unshuffle(out, 2, 8, back);
  CHECK(memcmp(back, in, 16) == 0);
  fm_shuffle(in, 4, 4, out);
  CHECK(memcmp(out, by_4, 16) == 0);
  fm_unshuffle(out, 4, 4, back);
  CHECK(memcmp(back, in, 16) == 0);
  CHECK_INT(fm_crc(0, "123456789", 9), 0xCBF43926);
  CHECK_INT(fm_crc(fm_crc(0, "1234", 4), "56789", 5), 0xCBF43926);
}

/* ---- what is not whole is refused ---------------------------------------------------------------- */

static void each_bit_and_each_cut(int deflate) {
  static sample out;
  fm_error err;
  size_t length = 0;
  fill(&out);
  CHECK_OK(write_sample(&out, deflate, 20, &err));
  unsigned char *bytes = slurp(&length);
  CHECK(length > 64 && length % 64 == 0);
  CHECK_OK(judge(bytes, length, &err));
  for (size_t i = 0; i < 8 * length; i++) {
    bytes[i / 8] = (unsigned char)(bytes[i / 8] ^ (1 << i % 8));
    CHECK_CODE(judge(bytes, length, &err), FM_CORRUPT);
    bytes[i / 8] = (unsigned char)(bytes[i / 8] ^ (1 << i % 8));
  }
  for (size_t cut = 0; cut < length; cut++) {
    CHECK_CODE(judge(bytes, cut, &err), FM_CORRUPT);
  }
  free(bytes);
  (void)remove(target);
}

static void damage_is_found(void) {
  each_bit_and_each_cut(0);
  each_bit_and_each_cut(1);
}

/* The target with one change, its checksums made right again: a number of 8 or 4 bytes, or a letter and
 * zeros. */
static fm_code forged(size_t at, uint64_t value, size_t bytes, fm_error *err) {
  size_t length = 0;
  unsigned char *file = slurp(&length);
  fm_disk_header header;
  memcpy(&header, file, sizeof header);
  unsigned char *to = file + (at < 64 ? at : header.directory + at - 64);
  const uint32_t half = (uint32_t)value;
  const unsigned char letter[8] = {(unsigned char)value}; /* and zeros behind it */
  memcpy(to, bytes == 8 ? (const void *)&value : bytes == 4 ? (const void *)&half : letter, bytes);
  memcpy(&header, file, sizeof header);
  header.directory_crc = fm_crc(0, file + header.directory, (size_t)(length - header.directory));
  header.crc = fm_crc(0, &header, offsetof(fm_disk_header, crc));
  memcpy(file, &header, sizeof header);
  const fm_code code = judge(file, length, err);
  free(file);
  return code;
}

static void forgeries_are_refused(void) {
  enum { ENTRY = 64, SECOND = ENTRY + sizeof(fm_disk_entry) };
  static sample out;
  fm_error err;
  fill(&out);
  CHECK_OK(write_sample(&out, 1, 20, &err));
  CHECK_OK(forged(offsetof(fm_disk_header, n), 5, 4, &err));
  CHECK_CODE(forged(offsetof(fm_disk_header, n), 6, 4, &err), FM_CORRUPT);
  CHECK_CODE(forged(offsetof(fm_disk_header, version), 2, 4, &err), FM_CORRUPT);
  CHECK_TEXT(
      err.message,
      "`memory` has version 2 of the format; this firmmove reads version 1. Update firmmove, or write the "
      "store again with this one.");
  CHECK_CODE(forged(offsetof(fm_disk_header, byte_order), 0x04030201, 4, &err), FM_CORRUPT);
  CHECK_CODE(forged(ENTRY, 0, 1, &err), FM_CORRUPT);        /* no name */
  CHECK_CODE(forged(ENTRY + 63, 'x', 1, &err), FM_CORRUPT); /* behind the end of the name */
  CHECK_CODE(forged(SECOND, 'x', 5, &err), FM_CORRUPT);     /* the name of the first */
  CHECK_TEXT(
      err.message,
      "`memory` is damaged: block `x` is there twice. Copy the file again from where it is whole, or write "
      "the store again.");
  CHECK_CODE(forged(ENTRY + offsetof(fm_disk_entry, type), 4, 4, &err), FM_CORRUPT);
  CHECK_CODE(forged(ENTRY + offsetof(fm_disk_entry, encoding), 2, 4, &err), FM_CORRUPT);
  CHECK_CODE(forged(ENTRY + offsetof(fm_disk_entry, n), UINT64_MAX, 8, &err), FM_CORRUPT);
  CHECK_CODE(forged(ENTRY + offsetof(fm_disk_entry, n), UINT64_C(1) << 61, 8, &err), FM_CORRUPT);
  CHECK_CODE(forged(ENTRY + offsetof(fm_disk_entry, n), 21, 8, &err), FM_CORRUPT); /* inflates to fewer */
  CHECK_CODE(forged(ENTRY + offsetof(fm_disk_entry, n), 19, 8, &err), FM_CORRUPT);
  CHECK_CODE(forged(ENTRY + offsetof(fm_disk_entry, offset), 0, 8, &err), FM_CORRUPT);
  CHECK_CODE(forged(ENTRY + offsetof(fm_disk_entry, offset), UINT64_MAX - 63, 8, &err), FM_CORRUPT);
  CHECK_CODE(forged(ENTRY + offsetof(fm_disk_entry, stored), UINT64_MAX, 8, &err), FM_CORRUPT);
  (void)remove(target);
}

static void foreign_files_are_refused(void) {
  fm_error err;
  fm_store_file f;
  CHECK_CODE(fm_store_open(&f, "no/such.fms", &err), FM_IO);
  CHECK_TEXT(err.message,
             "Cannot read `no/such.fms`: No such file or directory. Check that it exists and that you may "
             "read it.");
  CHECK_CODE(fm_store_open(&f, ".", &err), FM_IO);
  spill((const unsigned char *)"", 0);
  CHECK_CODE(fm_store_open(&f, target, &err), FM_CORRUPT);
  CHECK_TEXT(err.message,
             "`test_blocks.fms` is empty. Copy the file again from where it is whole, or write the "
             "store again.");
  spill((const unsigned char *)"firm,from,to\n", 13);
  CHECK_CODE(fm_store_open(&f, target, &err), FM_CORRUPT);
  CHECK_TEXT(err.message,
             "`test_blocks.fms` is not a file of a store, or its beginning is damaged: it does not begin "
             "with FIRMMOVE. Check the path, or write the store again.");
  spill((const unsigned char *)"FIRMMOVE\1", 9);
  CHECK_CODE(fm_store_open(&f, target, &err), FM_CORRUPT);
  (void)remove(target);
}

/* However much of the file is left, what it had is read or refused. */
static void cut_while_open(int deflate, size_t left) {
  static sample out, back;
  fm_error err;
  fm_store_file f;
  size_t length = 0;
  fill(&out);
  CHECK_OK(write_sample(&out, deflate, ROWS, &err));
  unsigned char *bytes = slurp(&length);
  CHECK_OK(fm_store_open(&f, target, &err));
  spill(bytes, left * length / 10);
  CHECK_CODE(read_sample(&f, &back, ROWS, &err), FM_CORRUPT);
  if (left == 0) {
    CHECK_TEXT(err.message,
               "`test_blocks.fms` has changed since it was opened (block `x`). Open the store again.");
    CHECK_CODE(fm_store_read_part(&f, "x", FM_STORE_DOUBLE, 1, 1, back.x, &err), FM_CORRUPT);
  }
  CHECK_CODE(fm_store_verify(&f, &err), FM_CORRUPT);
  fm_store_close(&f);
  free(bytes);
  (void)remove(target);
}

static void a_cut_since_opening_is_noticed(void) {
  for (size_t left = 0; left < 5; left++) {
    cut_while_open(0, left);
    cut_while_open(1, left);
  }
}

/* A file of the same length in its place: the checksums of the one that was opened hold. */
static void a_change_since_opening_is_noticed(void) {
  static sample out, back;
  fm_error err;
  fm_store_file f;
  size_t length = 0;
  fill(&out);
  CHECK_OK(write_sample(&out, 0, ROWS, &err));
  unsigned char *bytes = slurp(&length);
  CHECK_OK(fm_store_open(&f, target, &err));
  const size_t at = fm_store_find(&f, "x")->offset;
  bytes[at + 8] = (unsigned char)(bytes[at + 8] ^ 1);
  spill(bytes, length);
  CHECK_CODE(read_sample(&f, &back, ROWS, &err), FM_CORRUPT);
  CHECK_CODE(fm_store_read_part(&f, "x", FM_STORE_DOUBLE, 100, 1, back.x, &err), FM_CORRUPT);
  fm_store_close(&f);
  free(bytes);
  (void)remove(target);
}

/* ---- names ------------------------------------------------------------------------------------------ */

static void names_are_not_taken_from_others(void) {
  static const unsigned char mine[] = "mine", theirs[] = "theirs";
  const char *other = "test_blocks.other";
  size_t length = 0;
  CHECK_OK(fm_write_file(other, theirs, 6, NULL));
  CHECK_OK(fm_write_file(target, mine, 4, NULL));
  CHECK(fm_rename_new(target, other) != 0 && errno == EEXIST);
  if (fm_exchange(target, other) == 0) {
    unsigned char *bytes = slurp(&length);
    CHECK(length == 6 && memcmp(bytes, theirs, 6) == 0);
    free(bytes);
  } else {
    CHECK_INT(errno, ENOSYS);
  }
  (void)remove(other);
  CHECK_INT(fm_rename_new(target, other), 0);
  CHECK(!file_exists(target) && file_exists(other));
  (void)remove(other);
  CHECK_INT(fm_flush_folder("."), 0);
}

/* ---- writing fails ---------------------------------------------------------------------------------- */

static void nothing_half_written_stays(void) {
  fm_error err;
  fm_store_writer w;
  char part[64];
  const double x[2] = {1, 2};
  CHECK_CODE(fm_store_create(&w, "no/such/folder.fms", &err), FM_IO);
  CHECK_TEXT(err.message,
             "Cannot write `no/such/folder.fms`: No such file or directory. Free some space or choose "
             "another folder; nothing was kept.");
  part_name(part, sizeof part);
  CHECK_OK(fm_store_create(&w, target, &err));
  CHECK_OK(fm_store_put(&w, "x", FM_STORE_DOUBLE, x, 2, 0, &err));
  CHECK(file_exists(part) && !file_exists(target));
  fm_store_abort(&w);
  fm_store_abort(&w);
  CHECK(!file_exists(part) && !file_exists(target));
  CHECK_OK(fm_store_create(&w, target, &err));
  CHECK_OK(fm_store_put(&w, "x", FM_STORE_DOUBLE, x, 2, 0, &err));
  CHECK_CODE(fm_store_put(&w, "x", FM_STORE_DOUBLE, x, 2, 0, &err), FM_INVALID);
  CHECK(!file_exists(part) && !file_exists(target));
  CHECK_OK(fm_store_create(&w, target, &err));
  CHECK_CODE(fm_store_put(&w, "a name", FM_STORE_DOUBLE, x, 2, 0, &err), FM_INVALID);
  CHECK(!file_exists(part));
}

/* /dev/full takes nothing; where there is no such device, there is nothing to see. */
static void a_full_disk_is_told(void) {
  fm_error err;
  fm_store_writer w;
  static const double x[1 << 14] = {0};
  FILE *full = fopen("/dev/full", "r+b");
  if (full == NULL) {
    return;
  }
  CHECK_OK(fm_store_create(&w, target, &err));
  (void)fclose(w.file);
  w.file = full;
  const fm_code code = fm_store_put(&w, "x", FM_STORE_DOUBLE, x, 1 << 14, 0, &err);
  CHECK_CODE(code, FM_IO);
  CHECK_TEXT(err.message,
             "Cannot write `test_blocks.fms`: No space left on device. Free some space or choose another "
             "folder; nothing was kept.");
}

static fm_code write_and_read(void *context) {
  static sample out, back;
  fm_error *err = context;
  fm_store_file f;
  fill(&out);
  FM_TRY(write_sample(&out, 1, 100, err));
  FM_TRY(fm_store_open(&f, target, err));
  fm_code code = read_sample(&f, &back, 100, err);
  code = code == FM_OK ? fm_store_verify(&f, err) : code;
  fm_store_close(&f);
  return code;
}

static void memory_may_run_out(void) {
  fm_error err;
  char part[64];
  mu_each_allocation(write_and_read, &err);
  part_name(part, sizeof part);
  CHECK(!file_exists(part));
  (void)remove(target);
}

void test_blocks(void);
void test_blocks(void) {
  RUN(blocks_round_trip);
  RUN(blocks_lie_in_the_map);
  RUN(blocks_in_part);
  RUN(blocks_deflate_shrinks);
  RUN(shuffle_groups_bytes);
  RUN(damage_is_found);
  RUN(forgeries_are_refused);
  RUN(foreign_files_are_refused);
  RUN(a_cut_since_opening_is_noticed);
  RUN(a_change_since_opening_is_noticed);
  RUN(names_are_not_taken_from_others);
  RUN(nothing_half_written_stays);
  RUN(a_full_disk_is_told);
  RUN(memory_may_run_out);
}
