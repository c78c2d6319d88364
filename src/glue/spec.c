/* spec.c: the R description of a design (R/design.R) -> a description of the core -> a design of the core.
 *
 * The first step needs R: every length and index is checked there, so that the core may trust them.
 * Descriptions live in R's transient memory; numbers stay where R keeps them. The second step is of the
 * core alone, and may run on any thread.
 */
#include <string.h>

#include "../core/design/ragged.h"
#include "../core/design/relational.h"
#include "glue.h"

struct fm_spec {
  int ragged;
  fm_relational_spec relational; /* one of these two */
  fm_ragged_spec long_table;
};

int fm_spec_is_ragged(SEXP spec) {
  static const char *const kinds[] = {"relational", "ragged", NULL};
  return fm_word(fm_list_get(spec, "kind"), kinds, "kind");
}

/* The row numbers of key `number` (0: one row for all, NULL). */
static const int *key_rows(SEXP keys, int number, size_t n, size_t rows) {
  if (number == 0) {
    return NULL;
  }
  if (number < 1 || number > Rf_xlength(keys)) {
    Rf_error("internal: there is no key %d", number);
  }
  return fm_as_codes(VECTOR_ELT(keys, number - 1), n, 1, (int)rows, "key");
}

static void unpack_sparse(SEXP values, size_t n_places, fm_table *table) {
  SEXP first = fm_list_need(values, "ptr", INTSXP);
  SEXP value = fm_list_need(values, "val", REALSXP);
  table->n_rows = Rf_xlength(first) > 0 ? (size_t)Rf_xlength(first) - 1 : 0;
  const size_t entries = (size_t)Rf_xlength(value);
  table->first = fm_as_codes(first, table->n_rows + 1, 0, (int)entries, "ptr");
  for (size_t r = 0; r < table->n_rows; r++) {
    if (table->first[r] > table->first[r + 1]) {
      Rf_error("internal: `ptr` falls at row %lu", (unsigned long)r + 1);
    }
  }
  table->place = fm_list_codes(values, "col", entries, 1, (int)n_places);
  table->values = REAL(value);
}

static fm_table unpack_table(SEXP item, SEXP keys, size_t n, size_t n_places) {
  /* as fm_table_kind */
  static const char *const kinds[] = {"dense", "scalar", "sparse", NULL};
  fm_table table = {.kind = (fm_table_kind)fm_word(fm_list_get(item, "kind"), kinds, "kind")};
  SEXP values = fm_list_get(item, "values");
  if (table.kind == FM_TABLE_SPARSE) {
    unpack_sparse(values, n_places, &table);
  } else {
    if (TYPEOF(values) != REALSXP) {
      Rf_error("internal: table values must be doubles");
    }
    const size_t width = table.kind == FM_TABLE_DENSE ? n_places : 1;
    table.n_rows = (size_t)Rf_xlength(values) / width;
    table.values = REAL(values);
    if (table.n_rows == 0 || table.n_rows * width != (size_t)Rf_xlength(values)) {
      Rf_error("internal: table values have the wrong length");
    }
  }
  table.key = key_rows(keys, (int)fm_list_number(item, "key", 0), n, table.n_rows);
  return table;
}

static void unpack_terms(SEXP spec, fm_relational_spec *rel) {
  /* as fm_mask */
  static const char *const masks[] = {"all", "move", "stay", NULL};
  SEXP terms = fm_list_need(spec, "terms", VECSXP);
  SEXP multipliers = fm_list_need(spec, "multipliers", VECSXP);
  SEXP table = fm_list_need(terms, "table", INTSXP);
  const size_t all = (size_t)Rf_xlength(table);
  const int *tables = fm_as_codes(table, all, 1, (int)rel->n_tables, "terms$table");
  const int *mask = fm_list_words(terms, "mask", all, masks);
  const int *by = fm_list_codes(terms, "multiplier", all, 0, (int)Rf_xlength(multipliers));
  const int *offset = fm_list_codes(terms, "offset", all, 0, 1);
  fm_term *out = (fm_term *)R_alloc(all + 1, sizeof(fm_term));
  for (size_t k = 0; k < all; k++) {
    out[k] = (fm_term){.table = (size_t)(tables[k] - 1), .mask = (fm_mask)mask[k]};
    if (by[k] > 0) {
      out[k].multiplier =
          fm_need_doubles(VECTOR_ELT(multipliers, by[k] - 1), rel->n_occasions, "multiplier");
    }
    if (offset[k] == 0 && rel->n_offsets > 0) {
      Rf_error("internal: offsets must come last");
    }
    rel->n_offsets += offset[k] == 1;
    rel->n_terms += offset[k] == 0;
  }
  rel->terms = out;
}

static void unpack_availability(SEXP spec, SEXP keys, fm_relational_spec *rel) {
  SEXP offered = fm_list_get(spec, "offered");
  if (offered != R_NilValue) {
    unsigned char *flags = (unsigned char *)R_alloc(rel->n_places + 1, 1);
    const int *on = LOGICAL(fm_list_need(spec, "offered", LGLSXP));
    for (size_t j = 0; j < rel->n_places && j < (size_t)Rf_xlength(offered); j++) {
      flags[j] = on[j] != 0;
    }
    rel->offered = flags;
  }
  SEXP available = fm_list_get(spec, "available");
  if (available != R_NilValue) {
    SEXP values = fm_list_need(available, "values", RAWSXP);
    rel->available = RAW(values);
    rel->n_available = (size_t)Rf_xlength(values) / rel->n_places;
    rel->available_key =
        key_rows(keys, (int)fm_list_number(available, "key", 0), rel->n_occasions, rel->n_available);
  }
}

static fm_relational_spec unpack_relational(SEXP spec, const fm_spec_options *options) {
  SEXP keys = fm_list_need(spec, "keys", VECSXP), tables = fm_list_need(spec, "tables", VECSXP);
  fm_relational_spec rel = {.n_occasions = fm_list_count(spec, "n"),
                            .n_places = fm_list_count(spec, "J"),
                            .n_tables = (size_t)Rf_xlength(tables),
                            .effects = fm_list_flag(spec, "effects", 0),
                            .merge = options->merge,
                            .group = options->group,
                            .n_groups = options->n_groups};
  const int places = (int)rel.n_places;
  rel.origin = fm_list_codes(spec, "origin", rel.n_occasions, 0, places);
  rel.chosen = fm_list_codes(spec, "chosen", rel.n_occasions, 0, places);
  rel.weight = fm_list_doubles(spec, "weights", rel.n_occasions);
  fm_table *out = (fm_table *)R_alloc(rel.n_tables + 1, sizeof(fm_table));
  for (size_t t = 0; t < rel.n_tables; t++) {
    out[t] = unpack_table(VECTOR_ELT(tables, (R_xlen_t)t), keys, rel.n_occasions, rel.n_places);
  }
  rel.tables = out;
  unpack_terms(spec, &rel);
  unpack_availability(spec, keys, &rel);
  return rel;
}

static const size_t *unpack_start(SEXP start, size_t n_rows) {
  const size_t n = (size_t)Rf_xlength(start);
  size_t *out = (size_t *)R_alloc(n + 1, sizeof(size_t));
  const double *from = REAL(start);
  for (size_t i = 0; i < n; i++) {
    if (!(from[i] >= 0 && from[i] <= (double)n_rows) || (i > 0 && from[i] <= from[i - 1])) {
      Rf_error("internal: `start` must rise from 0 to the number of rows");
    }
    out[i] = (size_t)from[i];
  }
  return out;
}

static void check_positions(const int *position, const fm_ragged_spec *rag, const char *what) {
  for (size_t i = 0; i < rag->n_occasions; i++) {
    if ((size_t)position[i] > rag->start[i + 1] - rag->start[i]) {
      Rf_error("internal: `%s` of occasion %lu is not one of its rows", what, (unsigned long)i + 1);
    }
  }
}

static fm_ragged_spec unpack_ragged(SEXP spec, const fm_spec_options *options) {
  SEXP start = fm_list_need(spec, "start", REALSXP), columns = fm_list_need(spec, "columns", VECSXP);
  SEXP place = fm_list_need(spec, "place", INTSXP);
  const size_t all = (size_t)Rf_xlength(columns);
  fm_ragged_spec rag = {.n_occasions = (size_t)Rf_xlength(start) - 1,
                        .n_rows = (size_t)Rf_xlength(place),
                        .n_places = fm_list_count(spec, "J"),
                        .n_offsets = fm_list_count(spec, "n_offset"),
                        .group = options->group,
                        .n_groups = options->n_groups,
                        .effects = fm_list_flag(spec, "effects", 0)};
  rag.n_terms = all - rag.n_offsets;
  rag.start = unpack_start(start, rag.n_rows);
  rag.place = fm_as_codes(place, rag.n_rows, 1, (int)rag.n_places, "place");
  const int longest = rag.n_rows < (size_t)INT_MAX ? (int)rag.n_rows : INT_MAX;
  rag.origin = fm_list_codes(spec, "origin", rag.n_occasions, 0, longest);
  rag.chosen = fm_list_codes(spec, "chosen", rag.n_occasions, 0, longest);
  check_positions(rag.origin, &rag, "origin");
  check_positions(rag.chosen, &rag, "chosen");
  rag.weight = fm_list_doubles(spec, "weights", rag.n_occasions);
  const double **out = (const double **)R_alloc(all + 1, sizeof(double *));
  for (size_t k = 0; k < all; k++) {
    out[k] = fm_need_doubles(VECTOR_ELT(columns, (R_xlen_t)k), rag.n_rows, "column");
  }
  rag.columns = out;
  fm_relational_spec places = {.n_places = rag.n_places};
  SEXP none = fm_list_get(spec, "keys");
  if (fm_list_get(spec, "offered") != R_NilValue) {
    unpack_availability(spec, none, &places);
  }
  rag.offered = places.offered;
  return rag;
}

const fm_spec *fm_spec_unpack(SEXP spec, const fm_spec_options *options) {
  fm_spec *out = (fm_spec *)R_alloc(1, sizeof(fm_spec));
  *out = (fm_spec){.ragged = fm_spec_is_ragged(spec)};
  if (out->ragged) {
    out->long_table = unpack_ragged(spec, options);
  } else {
    out->relational = unpack_relational(spec, options);
  }
  return out;
}

/* ---- some of the occasions --------------------------------------------------------------------------- */
/* Entries first .. last-1 of an array by occasion,
 * in the order of the data or picked by `order` (1-based). */
typedef struct picked {
  size_t first, last;
  const int *order;
} picked;

static const void *pick(const void *x, size_t size, const picked *p) {
  const char *from = x;
  if (x == NULL || p->order == NULL) {
    return x ? from + p->first * size : NULL;
  }
  char *out = R_alloc(p->last - p->first + 1, (int)size);
  for (size_t i = p->first; i < p->last; i++) {
    memcpy(out + (i - p->first) * size, from + (size_t)(p->order[i] - 1) * size, size);
  }
  return out;
}

static const int *pick_codes(const int *x, const picked *p) { return pick(x, sizeof(int), p); }
static const double *pick_numbers(const double *x, const picked *p) { return pick(x, sizeof(double), p); }

/* Tables that share a key, and terms that share a multiplier, go on sharing it. */
static const fm_table *pick_tables(const fm_relational_spec *rel, const picked *p) {
  fm_table *out = (fm_table *)R_alloc(rel->n_tables + 1, sizeof(fm_table));
  for (size_t t = 0; t < rel->n_tables; t++) {
    size_t like = 0;
    while (rel->tables[like].key != rel->tables[t].key) {
      like++;
    }
    out[t] = rel->tables[t];
    out[t].key = like < t ? out[like].key : pick_codes(rel->tables[t].key, p);
  }
  return out;
}

static const fm_term *pick_terms(const fm_relational_spec *rel, const picked *p) {
  const size_t all = rel->n_terms + rel->n_offsets;
  fm_term *out = (fm_term *)R_alloc(all + 1, sizeof(fm_term));
  for (size_t k = 0; k < all; k++) {
    size_t like = 0;
    while (rel->terms[like].multiplier != rel->terms[k].multiplier) {
      like++;
    }
    out[k] = rel->terms[k];
    out[k].multiplier = like < k ? out[like].multiplier : pick_numbers(rel->terms[k].multiplier, p);
  }
  return out;
}

static void pick_relational(fm_relational_spec *rel, const picked *p) {
  rel->n_occasions = p->last - p->first;
  rel->tables = pick_tables(rel, p);
  rel->terms = pick_terms(rel, p);
  rel->origin = pick_codes(rel->origin, p);
  rel->chosen = pick_codes(rel->chosen, p);
  rel->weight = pick_numbers(rel->weight, p);
  rel->available_key = pick_codes(rel->available_key, p);
}

static void pick_ragged(fm_ragged_spec *rag, const picked *p) {
  if (p->order != NULL) {
    Rf_error("internal: a long table is cut in its own order");
  }
  rag->n_occasions = p->last - p->first;
  rag->n_rows = rag->start[p->last] - rag->start[p->first];
  rag->start += p->first;
  rag->origin = pick_codes(rag->origin, p);
  rag->chosen = pick_codes(rag->chosen, p);
  rag->weight = pick_numbers(rag->weight, p);
}

const fm_spec *fm_spec_part(const fm_spec *spec, const int *order, size_t first, size_t last,
                            const int *group, size_t n_groups) {
  fm_spec *out = (fm_spec *)R_alloc(1, sizeof(fm_spec));
  const picked p = {first, last, order};
  *out = *spec;
  if (spec->ragged) {
    pick_ragged(&out->long_table, &p);
  } else {
    pick_relational(&out->relational, &p);
  }
  out->relational.group = out->long_table.group = group;
  out->relational.n_groups = out->long_table.n_groups = n_groups;
  return out;
}

fm_code fm_spec_design(const void *spec, fm_design *design, fm_error *err) {
  const fm_spec *s = spec;
  return s->ragged ? fm_ragged_init(design, &s->long_table, err)
                   : fm_relational_init(design, &s->relational, err);
}

void fm_with_design(SEXP spec, const fm_spec_options *options, fm_design_use use, void *context) {
  const fm_spec *unpacked = fm_spec_unpack(spec, options);
  fm_error err = {FM_OK, ""};
  fm_design design;
  fm_code code = fm_spec_design(unpacked, &design, &err);
  if (code == FM_OK) {
    design.interrupted = fm_user_interrupted;
    code = use(&design, context, &err);
    design.ops->free(&design);
  }
  fm_check(code, &err);
}

static size_t terms_of(SEXP spec, int ragged) {
  if (ragged) {
    return (size_t)Rf_xlength(fm_list_need(spec, "columns", VECSXP)) - fm_list_count(spec, "n_offset");
  }
  SEXP offset = fm_list_need(fm_list_need(spec, "terms", VECSXP), "offset", INTSXP);
  size_t terms = 0;
  for (R_xlen_t k = 0; k < Rf_xlength(offset); k++) {
    terms += INTEGER(offset)[k] == 0;
  }
  return terms;
}

fm_extent fm_spec_extent(SEXP spec) {
  const int ragged = fm_spec_is_ragged(spec);
  fm_extent extent = {.n_terms = terms_of(spec, ragged), .n_places = fm_list_count(spec, "J")};
  extent.n_linear = extent.n_terms + (fm_list_flag(spec, "effects", 0) ? extent.n_places : 0);
  extent.n_occasions =
      ragged ? (size_t)Rf_xlength(fm_list_need(spec, "start", REALSXP)) - 1 : fm_list_count(spec, "n");
  return extent;
}

fm_extent fm_slices_extent(SEXP numbers) {
  const double *x = fm_need_doubles(numbers, 3, "extent");
  fm_extent extent = {.n_terms = (size_t)x[0], .n_places = (size_t)x[1]};
  extent.n_linear = extent.n_terms + (x[2] != 0.0 ? extent.n_places : 0);
  return extent;
}
