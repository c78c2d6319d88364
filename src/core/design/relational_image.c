/* relational_image.c: what a relational design consists of, for images (image.h).
 *
 * Descriptions of tables and terms go in as numbers; arrays as they are. The map from occasions to units is
 * left out: a pass does not need it.
 */
#include <stdio.h>

#include "../base/alloc.h"
#include "image.h"
#include "relational_layout.h"

static fm_code numbers(fm_relational *rel, const fm_image *image) {
  size_t effects = (size_t)rel->effects;
  size_t *const n[] = {&rel->n_places,       &rel->stride,
                       &rel->n_terms,        &rel->terms.n_tables,
                       &rel->terms.n_dense,  &rel->terms.n_origin,
                       &rel->terms.n_sparse, &rel->terms.n_multipliers,
                       &rel->terms.n_pairs,  &rel->n_available,
                       &rel->units.n,        &rel->units.n_cells,
                       &rel->blocks.n,       &effects};
  FM_TRY(fm_image_numbers(image, "relational", n, sizeof n / sizeof n[0]));
  rel->effects = (int)effects;
  return FM_OK;
}

/* ---- tables and terms -------------------------------------------------------------------------------- */
static fm_code table(const fm_image *image, fm_table *t, size_t number, size_t n_places) {
  char name[48];
  size_t kind = t->kind, entries = t->kind == FM_TABLE_SPARSE ? (size_t)t->first[t->n_rows] : 0;
  size_t *const n[] = {&kind, &t->n_rows, &entries};
  (void)snprintf(name, sizeof name, "table-%zu", number);
  FM_TRY(fm_image_numbers(image, name, n, 3));
  t->kind = (fm_table_kind)kind;
  const size_t width = t->kind == FM_TABLE_DENSE ? n_places : 1;
  (void)snprintf(name, sizeof name, "table-%zu-values", number);
  FM_TRY(fm_image_array(image, name, FM_STORE_DOUBLE, &t->values,
                        t->kind == FM_TABLE_SPARSE ? entries : t->n_rows * width));
  (void)snprintf(name, sizeof name, "table-%zu-first", number);
  FM_TRY(fm_image_array(image, name, FM_STORE_INT32, &t->first, t->n_rows + 1));
  (void)snprintf(name, sizeof name, "table-%zu-place", number);
  return fm_image_array(image, name, FM_STORE_INT32, &t->place, entries);
}

static fm_code term(const fm_image *image, const char *kind, size_t number, size_t *term, size_t *table,
                    fm_mask *mask, size_t *multiplier) {
  char name[48];
  size_t m = (size_t)*mask;
  size_t *const n[] = {term, table, &m, multiplier};
  (void)snprintf(name, sizeof name, "%s-%zu", kind, number);
  FM_TRY(fm_image_numbers(image, name, n, 4));
  *mask = (fm_mask)m;
  return FM_OK;
}

static fm_code descriptions(fm_relational *rel, const fm_image *image) {
  size_t none = 0;
  for (size_t t = 0; t < rel->terms.n_tables; t++) {
    FM_TRY(table(image, &rel->terms.tables[t], t, rel->n_places));
  }
  for (size_t k = 0; k < rel->terms.n_dense; k++) {
    fm_dense_term *d = &rel->terms.dense[k];
    FM_TRY(term(image, "dense", k, &d->term, &d->table, &d->mask, &d->multiplier));
  }
  for (size_t k = 0; k < rel->terms.n_origin; k++) {
    fm_origin_term *o = &rel->terms.origin[k];
    FM_TRY(term(image, "origin", k, &o->term, &o->table, &o->mask, &none));
  }
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    fm_sparse_term *s = &rel->terms.sparse[k];
    FM_TRY(term(image, "sparse", k, &s->term, &s->table, &s->mask, &none));
  }
  return FM_OK;
}

/* ---- arrays ------------------------------------------------------------------------------------------ */
static fm_code arrays(fm_relational *rel, const fm_design *design, const fm_image *image) {
  const size_t m = rel->terms.n_multipliers + 1, u = rel->units.n;
  const struct {
    const char *name;
    fm_store_type type;
    void *array;
    size_t n;
  } all[] = {
      {"group", FM_STORE_SIZE, &rel->terms.dense_first, m + 1},
      {"pair", FM_STORE_SIZE, &rel->terms.pair, m * m},
      {"pair_a", FM_STORE_SIZE, &rel->terms.pair_a, m * m},
      {"pair_b", FM_STORE_SIZE, &rel->terms.pair_b, m * m},
      {"available", FM_STORE_BYTES, &rel->available, rel->n_available * rel->n_places},
      {"offered", FM_STORE_BYTES, &rel->offered, rel->n_places},
      {"cell_of", FM_STORE_SIZE, &rel->units.cell, u},
      {"cell_row", FM_STORE_INT32, &rel->units.cell_row, rel->units.n_cells * (rel->terms.n_dense + 1)},
      {"sparse_row", FM_STORE_INT32, &rel->units.sparse_row, u * rel->terms.n_sparse},
      {"unit_origin", FM_STORE_INT32, &rel->units.origin, u},
      {"weight", FM_STORE_DOUBLE, &rel->units.weight, u},
      {"choice", FM_STORE_SIZE, &rel->units.choice, u + 1},
      {"multiplier", FM_STORE_DOUBLE, &rel->units.multiplier, u * rel->terms.n_multipliers},
      {"origin_x", FM_STORE_DOUBLE, &rel->units.origin_x, u * rel->terms.n_origin},
      {"sparse_multiplier", FM_STORE_DOUBLE, &rel->units.sparse_multiplier, u * rel->terms.n_sparse},
      {"block_first", FM_STORE_SIZE, &rel->blocks.first, rel->blocks.n + 1},
      {"offset", FM_STORE_SIZE, &rel->blocks.offset, design->max_units + 1},
      {"place", FM_STORE_INT32, &rel->blocks.place, design->max_rows},
      {"row_mean_first", FM_STORE_SIZE, &rel->terms.row_mean_first, rel->terms.n_sparse},
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    FM_TRY(fm_image_array(image, all[i].name, all[i].type, all[i].array, all[i].n));
  }
  const size_t choices = rel->units.choice[u];
  size_t rows = 0;
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    rows += rel->terms.tables[rel->terms.sparse[k].table].n_rows;
  }
  FM_TRY(fm_image_array(image, "row_mean", FM_STORE_DOUBLE, &rel->terms.row_mean, rows));
  FM_TRY(fm_image_array(image, "choice_row", FM_STORE_INT32, &rel->units.choice_row, choices));
  return fm_image_array(image, "choice_weight", FM_STORE_DOUBLE, &rel->units.choice_weight, choices);
}

/* Room for the descriptions, which are made anew from their numbers. */
static fm_code room(fm_relational *rel) {
  rel->terms.tables = fm_alloc_zero(rel->terms.n_tables, sizeof(fm_table));
  rel->terms.dense = fm_alloc_zero(rel->terms.n_dense, sizeof(fm_dense_term));
  rel->terms.origin = fm_alloc_zero(rel->terms.n_origin, sizeof(fm_origin_term));
  rel->terms.sparse = fm_alloc_zero(rel->terms.n_sparse, sizeof(fm_sparse_term));
  return rel->terms.tables && rel->terms.dense && rel->terms.origin && rel->terms.sparse ? FM_OK
                                                                                         : FM_NO_MEMORY;
}

static fm_code open_design(fm_design *design, const fm_image *image) {
  fm_relational *rel = design->storage;
  FM_TRY(numbers(rel, image));
  FM_TRY(room(rel));
  FM_TRY(descriptions(rel, image));
  return arrays(rel, design, image);
}

fm_code fm_relational_image(fm_design *design, const fm_image *image) {
  if (!fm_image_reads(image)) {
    FM_TRY(numbers(design->storage, image));
    FM_TRY(descriptions(design->storage, image));
    return arrays(design->storage, design, image);
  }
  design->mapped = 1;
  design->storage = fm_alloc_zero(1, sizeof(fm_relational));
  fm_code code = design->storage ? open_design(design, image) : FM_NO_MEMORY;
  if (code != FM_OK && design->storage != NULL) {
    design->ops->free(design);
  }
  return code == FM_NO_MEMORY ? fm_fail(image->err, code, "%s", fm_code_text(code)) : code;
}
