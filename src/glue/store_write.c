/* store_write.c: columns of R -> blocks of a file, and the checksums of what they hold.
 *
 * A column becomes a block of int32 (logicals, integers, and doubles that are all whole), of doubles, or,
 * for text, of int32 codes with a dictionary: the distinct strings in UTF-8 one after the other
 * (<name>.bytes) and where each ends
 * (<name>.ends). Everything R may refuse is done before a file is opened.
 */
#include <limits.h>
#include <string.h>

#include "../core/store/blocks.h"
#include "../core/store/hash.h"
#include "../core/store/shuffle.h"
#include "codes.h"
#include "store.h"

const char *fm_native_path(SEXP path) {
  if (TYPEOF(path) != STRSXP || Rf_xlength(path) != 1) {
    Rf_error("internal: a path must be one string");
  }
  const char *expanded = R_ExpandFileName(Rf_translateChar(STRING_ELT(path, 0))); /* in a buffer of R's */
  const size_t size = strlen(expanded) + 1;
  return memcpy(R_alloc(size, 1), expanded, size);
}

/* ---- columns ----------------------------------------------------------------------------------------- */

/* What is written of a column; memory of R. */
typedef struct column_blocks {
  const char *name;
  fm_store_type type;
  const void *data;
  size_t n;
  int is_text;
  const char *bytes;
  const uint64_t *ends;
  size_t n_bytes, n_ends;
} column_blocks;

/* Whole numbers of the range of int, apart from NA; neither -0 nor NaN. */
static int is_whole(const double *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (ISNAN(x[i]) ? !R_IsNA(x[i]) : !(x[i] > INT_MIN && x[i] <= INT_MAX && x[i] == (double)(int)x[i])) {
      return 0;
    }
  }
  return 1;
}

static const int *as_ints(const double *x, size_t n) {
  int *whole = (int *)R_alloc(n + 1, sizeof(int));
  for (size_t i = 0; i < n; i++) {
    whole[i] = ISNAN(x[i]) ? NA_INTEGER : (int)x[i];
  }
  return whole;
}

/* The dictionary: the strings at the rows `first`, one after the other. */
static void fill_dictionary(SEXP x, SEXP first, column_blocks *to) {
  const size_t n = (size_t)Rf_xlength(first);
  const char **text = (const char **)R_alloc(n + 1, sizeof *text);
  uint64_t *ends = (uint64_t *)R_alloc(n + 1, sizeof *ends);
  uint64_t end = 0;
  for (size_t k = 0; k < n; k++) {
    text[k] = Rf_translateCharUTF8(STRING_ELT(x, (R_xlen_t)REAL_RO(first)[k] - 1));
    end += strlen(text[k]);
    ends[k] = end;
  }
  char *bytes = R_alloc((size_t)end + 1, 1);
  for (size_t k = 0, at = 0; k < n; at = (size_t)ends[k++]) {
    memcpy(bytes + at, text[k], (size_t)ends[k] - at);
  }
  to->bytes = bytes;
  to->ends = ends;
  to->n_bytes = (size_t)end;
  to->n_ends = n;
}

static void prepare_text(SEXP x, column_blocks *to) {
  SEXP found = PROTECT(firmmove_column_codes(x));
  if (found == R_NilValue) {
    Rf_error("internal: text of several encodings");
  }
  int *code = (int *)R_alloc(to->n + 1, sizeof(int));
  if (to->n > 0) {
    memcpy(code, INTEGER_RO(VECTOR_ELT(found, 1)), to->n * sizeof(int));
  }
  fill_dictionary(x, VECTOR_ELT(found, 0), to);
  to->type = FM_STORE_INT32;
  to->data = code;
  to->is_text = 1;
  UNPROTECT(1);
}

static void prepare(SEXP x, const char *name, column_blocks *to) {
  *to = (column_blocks){.name = name, .type = FM_STORE_INT32, .n = (size_t)Rf_xlength(x)};
  switch (TYPEOF(x)) {
    case LGLSXP:
      to->data = LOGICAL_RO(x);
      break;
    case INTSXP:
      to->data = INTEGER_RO(x);
      break;
    case RAWSXP:
      to->type = FM_STORE_BYTES;
      to->data = RAW_RO(x);
      break;
    case REALSXP:
      to->type = is_whole(REAL_RO(x), to->n) ? FM_STORE_INT32 : FM_STORE_DOUBLE;
      to->data = to->type == FM_STORE_INT32 ? (const void *)as_ints(REAL_RO(x), to->n) : REAL_RO(x);
      break;
    case STRSXP:
      prepare_text(x, to);
      break;
    default:
      Rf_error("internal: a column of type %s", Rf_type2char((SEXPTYPE)TYPEOF(x)));
  }
}

static fm_code put_text(fm_store_writer *w, const column_blocks *c, int deflate, fm_error *err) {
  char name[FM_STORE_NAME];
  (void)snprintf(name, sizeof name, "%.50s.bytes", c->name);
  FM_TRY(fm_store_put(w, name, FM_STORE_BYTES, c->bytes, c->n_bytes, deflate, err));
  (void)snprintf(name, sizeof name, "%.50s.ends", c->name);
  return fm_store_put(w, name, FM_STORE_SIZE, c->ends, c->n_ends, deflate, err);
}

static fm_code write_columns(const char *path, const column_blocks *column, size_t n, int deflate,
                             fm_error *err) {
  fm_store_writer w;
  FM_TRY(fm_store_create(&w, path, err));
  for (size_t k = 0; k < n; k++) {
    FM_TRY(fm_store_put(&w, column[k].name, column[k].type, column[k].data, column[k].n, deflate, err));
    if (column[k].is_text) {
      FM_TRY(put_text(&w, &column[k], deflate, err));
    }
  }
  return fm_store_finish(&w, err);
}

/* Writes a list of columns to a file, under the names given. */
SEXP firmmove_shard_write(SEXP path, SEXP names, SEXP columns, SEXP deflate) {
  const size_t n = (size_t)Rf_xlength(columns);
  fm_error err = {FM_OK, ""};
  column_blocks *column = (column_blocks *)R_alloc(n + 1, sizeof *column);
  const char *file = fm_native_path(path);
  for (size_t k = 0; k < n; k++) {
    prepare(VECTOR_ELT(columns, (R_xlen_t)k), CHAR(STRING_ELT(names, (R_xlen_t)k)), &column[k]);
  }
  fm_check(write_columns(file, column, n, Rf_asLogical(deflate) == TRUE, &err), &err);
  return R_NilValue;
}

/* ---- checksums ------------------------------------------------------------------------------------- */

static void hash_strings(fm_hash *h, SEXP x) {
  const void *vmax = vmaxget();
  for (R_xlen_t i = 0; i < Rf_xlength(x); i++) {
    if (STRING_ELT(x, i) == NA_STRING) {
      fm_hash_word(h, FM_HASH_MISSING);
    } else {
      const char *text = Rf_translateCharUTF8(STRING_ELT(x, i));
      fm_hash_text(h, text, strlen(text));
      vmaxset(vmax);
    }
  }
}

/* The state, raw of 16 bytes (or of none, to begin), after the values of x. */
SEXP firmmove_hash(SEXP state, SEXP x) {
  fm_hash h = {0, 0};
  if (Rf_xlength(state) == (R_xlen_t)sizeof h) {
    memcpy(&h, RAW_RO(state), sizeof h);
  }
  const size_t n = (size_t)Rf_xlength(x);
  if (TYPEOF(x) == STRSXP) {
    hash_strings(&h, x);
  } else if (TYPEOF(x) == REALSXP) {
    fm_hash_doubles(&h, REAL_RO(x), n);
  } else if (TYPEOF(x) == INTSXP || TYPEOF(x) == LGLSXP) {
    fm_hash_ints(&h, TYPEOF(x) == INTSXP ? INTEGER_RO(x) : LOGICAL_RO(x), n);
  } else {
    Rf_error("internal: no checksum of type %s", Rf_type2char((SEXPTYPE)TYPEOF(x)));
  }
  SEXP result = Rf_allocVector(RAWSXP, (R_xlen_t)sizeof h);
  memcpy(RAW(result), &h, sizeof h);
  return result;
}

/* Two numbers of 53 bits for each value of x: n x 2. */
SEXP firmmove_hash_each(SEXP x) {
  const R_xlen_t n = Rf_xlength(x);
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)n, 2));
  double *to = REAL(result);
  const void *vmax = vmaxget();
  for (R_xlen_t i = 0; i < n; i++) {
    fm_hash h = {0, 0};
    if (TYPEOF(x) == STRSXP && STRING_ELT(x, i) != NA_STRING) {
      const char *text = Rf_translateCharUTF8(STRING_ELT(x, i));
      fm_hash_text(&h, text, strlen(text));
      vmaxset(vmax);
    } else if (TYPEOF(x) == REALSXP) {
      fm_hash_doubles(&h, REAL_RO(x) + i, 1);
    } else if (TYPEOF(x) == INTSXP || TYPEOF(x) == LGLSXP) {
      fm_hash_ints(&h, (TYPEOF(x) == INTSXP ? INTEGER_RO(x) : LOGICAL_RO(x)) + i, 1);
    }
    to[i] = (double)(h.a >> 11);
    to[n + i] = (double)(h.b >> 11);
  }
  UNPROTECT(1);
  return result;
}

/* crc32 of a raw vector, as eight hexadecimal digits. */
SEXP firmmove_crc(SEXP bytes) {
  char text[9];
  (void)snprintf(text, sizeof text, "%08lx",
                 (unsigned long)fm_crc(0, RAW_RO(bytes), (size_t)Rf_xlength(bytes)));
  return Rf_mkString(text);
}
