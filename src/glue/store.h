/* store.h: entry points that write and read the files of a store. */
#ifndef FM_GLUE_STORE_H
#define FM_GLUE_STORE_H

#include "glue.h"

/* The path as the system wants it; memory of R. */
const char *fm_native_path(SEXP path);

/* What a column is in R. */
typedef enum fm_column_storage {
  FM_COLUMN_LOGICAL,
  FM_COLUMN_INTEGER,
  FM_COLUMN_DOUBLE,
  FM_COLUMN_CHARACTER,
  FM_COLUMN_RAW
} fm_column_storage;
/* fm_column_storage of each of n words: "logical", "integer", "double", "character", "raw". Memory of R. */
const int *fm_column_storages(SEXP words, size_t n);

SEXP firmmove_shard_write(SEXP path, SEXP names, SEXP columns, SEXP deflate);
SEXP firmmove_shard_read(SEXP path, SEXP names, SEXP storage, SEXP n_levels, SEXP range, SEXP mark);
SEXP firmmove_blocks_info(SEXP path);
SEXP firmmove_blocks_verify(SEXP path);
SEXP firmmove_file_write(SEXP path, SEXP bytes);
SEXP firmmove_file_append(SEXP path, SEXP numbers);
SEXP firmmove_file_read(SEXP path);
SEXP firmmove_file_mark(SEXP path);
SEXP firmmove_path_rename(SEXP from, SEXP to);
SEXP firmmove_path_exchange(SEXP first, SEXP second);
SEXP firmmove_folder_flush(SEXP path);
SEXP firmmove_hash(SEXP state, SEXP x);
SEXP firmmove_hash_each(SEXP x);
SEXP firmmove_crc(SEXP bytes);
SEXP firmmove_csv_kinds(SEXP bytes, SEXP separator, SEXP n_columns, SEXP last);
SEXP firmmove_csv_columns(SEXP bytes, SEXP separator, SEXP storage, SEXP last, SEXP max_rows);

#endif
