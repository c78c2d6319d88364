/* store_read.c: blocks of a file -> columns of R.
 *
 * A column is read in three steps, so that no memory of the core is held while R allocates: how long are
 * the blocks (file open), vectors for them (closed), contents (open). Codes are checked before they become
 * strings or factors.
 */
#include <limits.h>
#include <string.h>

#include "../core/base/alloc.h"
#include "../core/store/blocks.h"
#include "store.h"

const int *fm_column_storages(SEXP words, size_t n) {
  /* as fm_column_storage */
  static const char *const storages[] = {"logical", "integer", "double", "character", "raw", NULL};
  return fm_words(words, n, storages, "storage");
}

/* A column to read: rows first .. first + n - 1 of a block of `total` rows. */
typedef struct wanted {
  const char *name;
  int storage;
  int n_levels;           /* integers from 1 to n_levels or NA; 0: any */
  size_t first, n, total; /* FM_COLUMN_RAW: all of the block */
  fm_store_type type;
  void *values; /* n, of the type of the R vector (FM_COLUMN_CHARACTER: codes) */
  char *bytes;  /* of the dictionary */
  uint64_t *ends;
  size_t n_bytes, n_ends;
} wanted;

static void part_of(char *to, const wanted *w, const char *part) {
  (void)snprintf(to, FM_STORE_NAME, "%.50s.%s", w->name, part);
}

static fm_code wrong(const fm_store_file *f, const wanted *w, const char *what, fm_error *err) {
  return fm_fail(
      err, FM_CORRUPT,
      "`%.250s` is damaged: block `%s` %s. Copy the file again from where it is whole, or write the store "
      "again.",
      f->path, w->name, what);
}

/* ---- step 1: how long -------------------------------------------------------------------------------- */

static fm_code measure_text(const fm_store_file *f, wanted *w, fm_error *err) {
  char name[FM_STORE_NAME];
  part_of(name, w, "bytes");
  const fm_store_block *bytes = fm_store_find(f, name);
  part_of(name, w, "ends");
  const fm_store_block *ends = fm_store_find(f, name);
  if ((bytes == NULL) != (ends == NULL)) {
    return wrong(f, w, "has half a dictionary", err);
  }
  w->n_bytes = bytes == NULL ? 0 : bytes->n; /* all are missing: no dictionary */
  w->n_ends = ends == NULL ? 0 : ends->n;
  return FM_OK;
}

static fm_code measure(const fm_store_file *f, wanted *w, fm_error *err) {
  const fm_store_block *entry = fm_store_find(f, w->name);
  if (entry == NULL) {
    return wrong(f, w, "is not there", err);
  }
  if (w->storage == FM_COLUMN_RAW) {
    w->n = w->total = entry->n;
  }
  const int fits = w->storage == FM_COLUMN_RAW ? entry->type == FM_STORE_BYTES
                   : w->storage == FM_COLUMN_DOUBLE
                       ? entry->type == FM_STORE_DOUBLE || entry->type == FM_STORE_INT32
                       : entry->type == FM_STORE_INT32;
  if (!fits || entry->n != w->total) {
    return wrong(f, w, fits ? "has another number of rows than the manifest says" : "is of another type",
                 err);
  }
  w->type = entry->type;
  return w->storage == FM_COLUMN_CHARACTER ? measure_text(f, w, err) : FM_OK;
}

/* Opens a file that must be the one that was written with the manifest, where that says which: its length
 * and the checksum of its header, as R's file_mark() puts them. FM_INVALID: it is another. */
static fm_code open_marked(fm_store_file *f, const char *path, const char *mark, fm_error *err) {
  char found[64];
  FM_TRY(fm_store_open(f, path, err));
  (void)snprintf(found, sizeof found, "%llu-%08lx", (unsigned long long)f->map.length,
                 (unsigned long)f->mark);
  if (mark == NULL || strcmp(found, mark) == 0) {
    return FM_OK;
  }
  fm_store_close(f);
  return fm_fail(
      err, FM_INVALID,
      "`%.250s` is not the file that was there when the store was opened: it was written again or "
      "exchanged. Open it again with open_store().",
      path);
}

static fm_code measure_all(const char *path, const char *mark, wanted *w, size_t n, fm_error *err) {
  fm_store_file f;
  FM_TRY(open_marked(&f, path, mark, err));
  fm_code code = FM_OK;
  for (size_t k = 0; k < n && code == FM_OK; k++) {
    code = measure(&f, &w[k], err);
  }
  fm_store_close(&f);
  return code;
}

/* ---- step 2: vectors --------------------------------------------------------------------------------- */

static SEXPTYPE type_of(int storage) {
  switch (storage) {
    case FM_COLUMN_LOGICAL:
      return LGLSXP;
    case FM_COLUMN_DOUBLE:
      return REALSXP;
    case FM_COLUMN_RAW:
      return RAWSXP;
    default:
      return INTSXP;
  }
}

static void *values_of(SEXP x) {
  switch (TYPEOF(x)) {
    case LGLSXP:
      return LOGICAL(x);
    case REALSXP:
      return REAL(x);
    case RAWSXP:
      return RAW(x);
    default:
      return INTEGER(x);
  }
}

static void make_vector(wanted *w, SEXP result, R_xlen_t k) {
  SEXP x = Rf_allocVector(type_of(w->storage), (R_xlen_t)w->n);
  SET_VECTOR_ELT(result, k, x);
  w->values = values_of(x);
  if (w->storage == FM_COLUMN_CHARACTER) {
    w->bytes = R_alloc(w->n_bytes + 1, 1);
    w->ends = (uint64_t *)R_alloc(w->n_ends + 1, sizeof *w->ends);
  }
}

/* ---- step 3: contents -------------------------------------------------------------------------------- */

static fm_code read_as_doubles(const fm_store_file *f, const wanted *w, fm_error *err) {
  int *whole = fm_alloc(w->n, sizeof(int));
  if (whole == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "No memory to read block `%s` of `%.250s`.", w->name, f->path);
  }
  const fm_code code = fm_store_read_part(f, w->name, FM_STORE_INT32, w->first, w->n, whole, err);
  double *to = w->values;
  if (code == FM_OK) {
    for (size_t i = 0; i < w->n; i++) {
      to[i] = whole[i] == NA_INTEGER ? NA_REAL : whole[i];
    }
  }
  fm_free(whole);
  return code;
}

/* Codes are NA or 1 .. n_codes. */
static int codes_valid(const int *code, size_t n, size_t n_codes) {
  for (size_t i = 0; i < n; i++) {
    if (code[i] != NA_INTEGER && (code[i] < 1 || (size_t)code[i] > n_codes)) {
      return 0;
    }
  }
  return 1;
}

/* Ends rise to the number of bytes; no string is too long for R or holds a zero. */
static int dictionary_valid(const wanted *w) {
  uint64_t before = 0;
  for (size_t k = 0; k < w->n_ends; k++) {
    if (w->ends[k] < before || w->ends[k] > w->n_bytes || w->ends[k] - before > INT_MAX) {
      return 0;
    }
    before = w->ends[k];
  }
  return before == w->n_bytes && (w->n_bytes == 0 || memchr(w->bytes, 0, w->n_bytes) == NULL);
}

static fm_code read_dictionary(const fm_store_file *f, const wanted *w, fm_error *err) {
  char name[FM_STORE_NAME];
  if (w->n_ends > 0 || w->n_bytes > 0) {
    part_of(name, w, "bytes");
    FM_TRY(fm_store_read(f, name, FM_STORE_BYTES, w->bytes, w->n_bytes, err));
    part_of(name, w, "ends");
    FM_TRY(fm_store_read(f, name, FM_STORE_SIZE, w->ends, w->n_ends, err));
  }
  return dictionary_valid(w) ? FM_OK : wrong(f, w, "has a broken dictionary", err);
}

static fm_code read_column(const fm_store_file *f, const wanted *w, fm_error *err) {
  if (w->storage == FM_COLUMN_DOUBLE && w->type == FM_STORE_INT32) {
    return read_as_doubles(f, w, err);
  }
  FM_TRY(fm_store_read_part(f, w->name, w->type, w->first, w->n, w->values, err));
  if (w->storage == FM_COLUMN_CHARACTER) {
    FM_TRY(read_dictionary(f, w, err));
  }
  const size_t n_codes = w->storage == FM_COLUMN_CHARACTER ? w->n_ends : (size_t)w->n_levels;
  const int coded = w->storage == FM_COLUMN_CHARACTER || w->n_levels > 0;
  return !coded || codes_valid(w->values, w->n, n_codes)
             ? FM_OK
             : wrong(f, w, "has codes that its dictionary lacks", err);
}

static fm_code read_columns(const char *path, const char *mark, const wanted *w, size_t n, fm_error *err) {
  fm_store_file f;
  FM_TRY(open_marked(&f, path, mark, err));
  fm_code code = FM_OK;
  for (size_t k = 0; k < n && code == FM_OK; k++) {
    fm_store_block const *entry = fm_store_find(&f, w[k].name); /* the file may be another by now */
    code = entry != NULL && entry->type == w[k].type && entry->n == w[k].total
               ? read_column(&f, &w[k], err)
               : wrong(&f, &w[k], "has changed while it was read", err);
  }
  fm_store_close(&f);
  return code;
}

static SEXP as_strings(SEXP codes, const wanted *w) {
  SEXP dictionary = PROTECT(Rf_allocVector(STRSXP, (R_xlen_t)w->n_ends));
  for (size_t k = 0; k < w->n_ends; k++) {
    const uint64_t from = k == 0 ? 0 : w->ends[k - 1];
    SET_STRING_ELT(dictionary, (R_xlen_t)k,
                   Rf_mkCharLenCE(w->bytes + from, (int)(w->ends[k] - from), CE_UTF8));
  }
  SEXP text = PROTECT(Rf_allocVector(STRSXP, (R_xlen_t)w->n));
  const int *code = INTEGER_RO(codes);
  for (size_t i = 0; i < w->n; i++) {
    SET_STRING_ELT(text, (R_xlen_t)i,
                   code[i] == NA_INTEGER ? NA_STRING : STRING_ELT(dictionary, code[i] - 1));
  }
  UNPROTECT(2);
  return text;
}

/* Columns of a file: their names, what each becomes (words, see fm_column_storages()), the number of levels
 * where integers are codes, range = first row (from 0), rows, rows of the file, and the mark of the file or
 * NA. */
SEXP firmmove_shard_read(SEXP path, SEXP names, SEXP storage, SEXP n_levels, SEXP range, SEXP mark) {
  const size_t n = (size_t)Rf_xlength(names);
  fm_error err = {FM_OK, ""};
  wanted *w = (wanted *)R_alloc(n + 1, sizeof *w);
  const int *becomes = fm_column_storages(storage, n);
  const char *file = fm_native_path(path);
  const char *known = STRING_ELT(mark, 0) == NA_STRING ? NULL : CHAR(STRING_ELT(mark, 0));
  SEXP result = PROTECT(Rf_allocVector(VECSXP, (R_xlen_t)n));
  for (size_t k = 0; k < n; k++) {
    w[k] = (wanted){.name = CHAR(STRING_ELT(names, (R_xlen_t)k)), .storage = becomes[k]};
    w[k].n_levels = INTEGER_RO(n_levels)[k];
    w[k].first = (size_t)REAL_RO(range)[0];
    w[k].n = (size_t)REAL_RO(range)[1];
    w[k].total = (size_t)REAL_RO(range)[2];
  }
  fm_check(measure_all(file, known, w, n, &err), &err);
  for (size_t k = 0; k < n; k++) {
    make_vector(&w[k], result, (R_xlen_t)k);
  }
  fm_check(read_columns(file, known, w, n, &err), &err);
  for (size_t k = 0; k < n; k++) {
    if (w[k].storage == FM_COLUMN_CHARACTER) {
      SET_VECTOR_ELT(result, (R_xlen_t)k, as_strings(VECTOR_ELT(result, (R_xlen_t)k), &w[k]));
    }
  }
  UNPROTECT(1);
  return result;
}

/* ---- a look at a file -------------------------------------------------------------------------------- */

/* list(name, type, encoding, n, stored): the directory. */
SEXP firmmove_blocks_info(SEXP path) {
  const char *file = fm_native_path(path), *names[] = {"name", "type", "encoding", "n", "stored", ""};
  fm_error err = {FM_OK, ""};
  fm_store_file f;
  fm_check(fm_store_open(&f, file, &err), &err);
  const size_t n = fm_store_count(&f);
  fm_store_block *entry = fm_alloc(n, sizeof *entry);
  if (entry != NULL && n > 0) {
    memcpy(entry, fm_store_entry(&f, 0), n * sizeof *entry);
  }
  fm_store_close(&f);
  SEXP kept = PROTECT(Rf_allocVector(RAWSXP, entry == NULL ? 0 : (R_xlen_t)(n * sizeof *entry)));
  if (entry != NULL && n > 0) {
    memcpy(RAW(kept), entry, n * sizeof *entry);
  }
  fm_free(entry);
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, Rf_allocVector(STRSXP, (R_xlen_t)n));
  for (R_xlen_t j = 1; j < 5; j++) {
    SET_VECTOR_ELT(result, j, Rf_allocVector(REALSXP, (R_xlen_t)n));
  }
  for (size_t k = 0; k < n; k++) {
    fm_store_block one;
    memcpy(&one, RAW_RO(kept) + k * sizeof one, sizeof one);
    SET_STRING_ELT(VECTOR_ELT(result, 0), (R_xlen_t)k, Rf_mkChar(one.name));
    REAL(VECTOR_ELT(result, 1))[k] = (double)one.type;
    REAL(VECTOR_ELT(result, 2))[k] = (double)one.encoding;
    REAL(VECTOR_ELT(result, 3))[k] = (double)one.n;
    REAL(VECTOR_ELT(result, 4))[k] = (double)one.stored;
  }
  UNPROTECT(2);
  return result;
}

static fm_code verify(const char *path, fm_error *err) {
  fm_store_file f;
  FM_TRY(fm_store_open(&f, path, err));
  const fm_code code = fm_store_verify(&f, err);
  fm_store_close(&f);
  return code;
}

/* Checks every byte of a file. */
SEXP firmmove_blocks_verify(SEXP path) {
  fm_error err = {FM_OK, ""};
  fm_check(verify(fm_native_path(path), &err), &err);
  return R_NilValue;
}
