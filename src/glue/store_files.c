/* store_files.c: files and folders of a store, each call of the system checked.
 *
 * What R's own file functions leave open: they warn where writing fails, wait for ever at a pipe, and
 * rename over what is there.
 */
#include <errno.h>
#include <string.h>

#include "../core/store/blocks.h"
#include "../core/store/shuffle.h"
#include "store.h"

/* Writes a raw vector to a file, through to the disk, under a name of its own first. */
SEXP firmmove_file_write(SEXP path, SEXP bytes) {
  fm_error err = {FM_OK, ""};
  fm_check(fm_write_file(fm_native_path(path), RAW_RO(bytes), (size_t)Rf_xlength(bytes), &err), &err);
  return R_NilValue;
}

/* Adds the bytes of numbers to the end of a file. */
SEXP firmmove_file_append(SEXP path, SEXP numbers) {
  fm_error err = {FM_OK, ""};
  const size_t bytes = (size_t)Rf_xlength(numbers) * sizeof(double);
  fm_check(fm_append_file(fm_native_path(path), REAL_RO(numbers), bytes, &err), &err);
  return R_NilValue;
}

/* The bytes of a regular file. */
SEXP firmmove_file_read(SEXP path) {
  fm_error err = {FM_OK, ""};
  fm_file_map file;
  const char *name = fm_native_path(path);
  fm_check(fm_file_map_open(&file, name, FM_FILE_READ, &err), &err);
  const size_t length = file.length;
  fm_file_map_close(&file);
  SEXP bytes = PROTECT(Rf_allocVector(RAWSXP, (R_xlen_t)length));
  fm_check(fm_file_map_open(&file, name, FM_FILE_READ, &err), &err);
  const int whole = file.length == length && fm_file_map_read(&file, 0, RAW(bytes), length) == 0;
  fm_file_map_close(&file);
  if (!whole) {
    fm_check(fm_fail(&err, FM_IO, "`%.300s` changed while it was read. Try again.", name), &err);
  }
  UNPROTECT(1);
  return bytes;
}

/* What tells a file of a store from another: its length and the checksum of its header without the checksum
 * at its end, as the header is followed by what it was made of. "" of what is no regular file. */
SEXP firmmove_file_mark(SEXP path) {
  enum { HEADER = 60 };
  unsigned char head[HEADER];
  char mark[64] = "";
  fm_file_map file;
  if (fm_file_map_open(&file, fm_native_path(path), FM_FILE_READ, NULL) == FM_OK) {
    const size_t n = file.length < HEADER ? file.length : HEADER;
    if (fm_file_map_read(&file, 0, head, n) == 0) {
      (void)snprintf(mark, sizeof mark, "%llu-%08lx", (unsigned long long)file.length,
                     (unsigned long)fm_crc(0, head, n));
    }
    fm_file_map_close(&file);
  }
  return Rf_mkString(mark);
}

/* "" when done; "exists", "unsupported", or the words of the system. */
static SEXP outcome(int result) {
  if (result == 0) {
    return Rf_mkString("");
  }
  if (errno == EEXIST || errno == ENOTEMPTY) {
    return Rf_mkString("exists");
  }
  return Rf_mkString(errno == ENOSYS ? "unsupported" : strerror(errno));
}

/* Renames a file or folder, never over another. */
SEXP firmmove_path_rename(SEXP from, SEXP to) {
  const char *a = fm_native_path(from), *b = fm_native_path(to);
  return outcome(fm_rename_new(a, b));
}

/* Gives two folders each other's name in one step. */
SEXP firmmove_path_exchange(SEXP first, SEXP second) {
  const char *a = fm_native_path(first), *b = fm_native_path(second);
  return outcome(fm_exchange(a, b));
}

/* Makes the names in a folder last. */
SEXP firmmove_folder_flush(SEXP path) { return outcome(fm_flush_folder(fm_native_path(path))); }
