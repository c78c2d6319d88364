/* relational_build.c: from two tables to cells, units, blocks and chunks.
 *
 * Stages: split terms by where they can be non-zero; group occasions into cells (equal dense table rows)
 * and units (equal in everything the likelihood sees); order units by cell; gather what each unit needs;
 * cut blocks (units of one cell) and chunks (runs of blocks of about equal work, their number fixed by
 * the data). Nothing of size occasions x places is made.
 * Writes only rel and the public fields of design. Thread safety: a design is built by one thread.
 */
#include <string.h>

#include "../base/alloc.h"
#include "chunks.h"
#include "groups.h"
#include "relational_layout.h"

/* Rows of a block fit the second-level cache; with place constants each block updates a places x places
 * matrix, so larger blocks pay. */
enum { TARGET_ROWS = 16384, TARGET_ROWS_EFFECTS = 65536, MOST_UNITS = 256 };

/* ---- terms ------------------------------------------------------------------------------------------ */
static size_t multiplier_number(fm_relational *rel, const double *multiplier) {
  if (multiplier == NULL) {
    return 0;
  }
  for (size_t a = 0; a < rel->terms.n_multipliers; a++) {
    if (rel->build.multipliers[a] == multiplier) {
      return a + 1;
    }
  }
  rel->build.multipliers[rel->terms.n_multipliers++] = multiplier;
  return rel->terms.n_multipliers;
}

static void place_term(fm_relational *rel, const fm_term *term, size_t number) {
  const fm_table *table = &rel->terms.tables[term->table];
  if (table->kind == FM_TABLE_SPARSE) {
    rel->terms.sparse[rel->terms.n_sparse++] =
        (fm_sparse_term){number, term->table, term->mask, term->multiplier};
  } else if (table->kind == FM_TABLE_SCALAR || term->mask == FM_MASK_STAY) {
    rel->terms.origin[rel->terms.n_origin++] =
        (fm_origin_term){number, term->table, term->mask, term->multiplier};
  } else {
    rel->terms.dense[rel->terms.n_dense++] =
        (fm_dense_term){number, term->table, term->mask, multiplier_number(rel, term->multiplier)};
  }
}

static fm_code split_terms(fm_relational *rel, const fm_relational_spec *spec) {
  const size_t all = spec->n_terms + spec->n_offsets;
  rel->terms.tables = fm_alloc(spec->n_tables, sizeof(fm_table));
  rel->terms.dense = fm_alloc(all, sizeof(fm_dense_term));
  rel->terms.origin = fm_alloc(all, sizeof(fm_origin_term));
  rel->terms.sparse = fm_alloc(all, sizeof(fm_sparse_term));
  rel->build.multipliers = fm_alloc(all, sizeof(const double *));
  if (!rel->terms.tables || !rel->terms.dense || !rel->terms.origin || !rel->terms.sparse ||
      !rel->build.multipliers) {
    return FM_NO_MEMORY;
  }
  if (spec->n_tables > 0) {
    memcpy(rel->terms.tables, spec->tables, spec->n_tables * sizeof(fm_table));
  }
  rel->terms.n_tables = spec->n_tables;
  for (size_t k = 0; k < all; k++) {
    place_term(rel, &spec->terms[k], k < spec->n_terms ? k : FM_OFFSET_TERM);
  }
  return FM_OK;
}

/* Sorts the dense terms by multiplier (stable: the order of the formula within each). */
static fm_code group_dense(fm_relational *rel) {
  fm_dense_term *sorted = fm_alloc(rel->terms.n_dense, sizeof(fm_dense_term));
  rel->terms.dense_first = fm_alloc(rel->terms.n_multipliers + 2, sizeof(size_t));
  if (!sorted || !rel->terms.dense_first) {
    fm_free(sorted);
    return FM_NO_MEMORY;
  }
  size_t at = 0;
  for (size_t a = 0; a <= rel->terms.n_multipliers; a++) {
    rel->terms.dense_first[a] = at;
    for (size_t k = 0; k < rel->terms.n_dense; k++) {
      if (rel->terms.dense[k].multiplier == a) {
        sorted[at++] = rel->terms.dense[k];
      }
    }
  }
  rel->terms.dense_first[rel->terms.n_multipliers + 1] = at;
  fm_free(rel->terms.dense);
  rel->terms.dense = sorted;
  return FM_OK;
}

/* Numbers the products of two multipliers that the information needs. */
static fm_code number_pairs(fm_relational *rel) {
  const size_t m = rel->terms.n_multipliers + 1;
  rel->terms.pair = fm_alloc(m * m, sizeof(size_t));
  rel->terms.pair_a =
      fm_alloc_zero(m * m, sizeof(size_t)); /* zeros behind the pairs: an image writes all */
  rel->terms.pair_b = fm_alloc_zero(m * m, sizeof(size_t));
  if (!rel->terms.pair || !rel->terms.pair_a || !rel->terms.pair_b) {
    return FM_NO_MEMORY;
  }
  for (size_t a = 0; a < m; a++) {
    for (size_t b = a; b < m; b++) {
      rel->terms.pair[a * m + b] = rel->terms.pair[b * m + a] = rel->terms.n_pairs;
      rel->terms.pair_a[rel->terms.n_pairs] = a;
      rel->terms.pair_b[rel->terms.n_pairs++] = b;
    }
  }
  return FM_OK;
}

static void average_full_rows(const fm_table *table, size_t n_places, double *mean) {
  for (size_t row = 0; row < table->n_rows; row++) {
    const int from = table->first[row], to = table->first[row + 1];
    if ((size_t)(to - from) != n_places) {
      continue;
    }
    for (int e = from; e < to; e++) {
      mean[row] += table->values[e] / (double)n_places;
    }
  }
}

/* Means of the full rows of sparse terms, which centring takes out. */
static fm_code average_rows(fm_relational *rel) {
  size_t total = 0;
  rel->terms.row_mean_first = fm_alloc(rel->terms.n_sparse, sizeof(size_t));
  if (!rel->terms.row_mean_first) {
    return FM_NO_MEMORY;
  }
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    rel->terms.row_mean_first[k] = total;
    total += rel->terms.tables[rel->terms.sparse[k].table].n_rows;
  }
  rel->terms.row_mean = fm_alloc_zero(total, sizeof(double));
  if (!rel->terms.row_mean) {
    return FM_NO_MEMORY;
  }
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    if (rel->terms.sparse[k].mask == FM_MASK_ALL) {
      average_full_rows(&rel->terms.tables[rel->terms.sparse[k].table], rel->n_places,
                        rel->terms.row_mean + rel->terms.row_mean_first[k]);
    }
  }
  return FM_OK;
}

/* ---- cells and units --------------------------------------------------------------------------------- */
static int any_dense_move(const fm_relational *rel) {
  for (size_t k = 0; k < rel->terms.n_dense; k++) {
    if (rel->terms.dense[k].mask == FM_MASK_MOVE) {
      return 1;
    }
  }
  return 0;
}

static fm_code find_cells(const fm_relational *rel, const fm_relational_spec *spec, size_t *cell,
                          size_t *n_cells) {
  const size_t n = spec->n_occasions;
  memset(cell, 0, n * sizeof(size_t));
  *n_cells = n > 0;
  for (size_t k = 0; k < rel->terms.n_dense; k++) {
    const int *key = rel->terms.tables[rel->terms.dense[k].table].key;
    int seen = 0;
    for (size_t before = 0; before < k; before++) {
      seen |= rel->terms.tables[rel->terms.dense[before].table].key == key;
    }
    if (!seen) {
      FM_TRY(fm_refine_by_int(n, cell, n_cells, key));
    }
  }
  if (spec->available != NULL) {
    FM_TRY(fm_refine_by_int(n, cell, n_cells, spec->available_key));
  }
  return any_dense_move(rel) ? fm_refine_by_int(n, cell, n_cells, spec->origin) : FM_OK;
}

static fm_code find_units(const fm_relational *rel, const fm_relational_spec *spec, size_t *unit,
                          size_t *n_units) {
  const size_t n = spec->n_occasions;
  FM_TRY(fm_refine_by_int(n, unit, n_units, spec->origin));
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    FM_TRY(fm_refine_by_int(n, unit, n_units, rel->terms.tables[rel->terms.sparse[k].table].key));
    FM_TRY(fm_refine_by_double(n, unit, n_units, rel->terms.sparse[k].multiplier));
  }
  for (size_t k = 0; k < rel->terms.n_origin; k++) {
    FM_TRY(fm_refine_by_int(n, unit, n_units, rel->terms.tables[rel->terms.origin[k].table].key));
    FM_TRY(fm_refine_by_double(n, unit, n_units, rel->terms.origin[k].multiplier));
  }
  for (size_t a = 0; a < rel->terms.n_multipliers; a++) {
    FM_TRY(fm_refine_by_double(n, unit, n_units, rel->build.multipliers[a]));
  }
  return FM_OK;
}

/* By cell, then, stable, by group. */
static fm_code sort_twice(const fm_relational *rel, const fm_relational_spec *spec, const size_t *first,
                          size_t *key, size_t *by_cell, size_t *order) {
  FM_TRY(fm_order_by_key(rel->units.n, key, rel->units.n_cells, NULL, by_cell));
  for (size_t u = 0; u < rel->units.n; u++) {
    key[u] = (size_t)(spec->group[first[u]] - 1);
  }
  return fm_order_by_key(rel->units.n, key, spec->n_groups, by_cell, order);
}

/* The order of the units: by group, then by cell. key (n_units) is overwritten. */
static fm_code sort_units(const fm_relational *rel, const fm_relational_spec *spec, const size_t *first,
                          const size_t *cell, size_t *key, size_t *order) {
  for (size_t u = 0; u < rel->units.n; u++) {
    key[u] = cell[first[u]];
  }
  if (spec->group == NULL) {
    return fm_order_by_key(rel->units.n, key, rel->units.n_cells, NULL, order);
  }
  size_t *by_cell = fm_alloc(rel->units.n, sizeof(size_t));
  const fm_code code = by_cell ? sort_twice(rel, spec, first, key, by_cell, order) : FM_NO_MEMORY;
  fm_free(by_cell);
  return code;
}

/* Renumbers units in that order; fills unit_of, cell_of, group_of, representative. */
static fm_code renumber(fm_relational *rel, const fm_relational_spec *spec, const size_t *unit,
                        const size_t *cell, size_t *first, size_t *moved, size_t *order) {
  for (size_t i = spec->n_occasions; i-- > 0;) {
    first[unit[i]] = i;
  }
  FM_TRY(sort_units(rel, spec, first, cell, moved, order));
  for (size_t at = 0; at < rel->units.n; at++) {
    const size_t i = first[order[at]];
    moved[order[at]] = at;
    rel->build.representative[at] = i;
    rel->units.cell[at] = cell[i];
    if (spec->group != NULL) {
      rel->build.group_of[at] = (size_t)(spec->group[i] - 1);
    }
  }
  for (size_t i = 0; i < spec->n_occasions; i++) {
    rel->units.of[i] = moved[unit[i]];
  }
  return FM_OK;
}

static fm_code order_units(fm_relational *rel, const fm_relational_spec *spec, const size_t *unit,
                           const size_t *cell) {
  size_t *first = fm_alloc(rel->units.n, sizeof(size_t)); /* first occasion of an unordered unit */
  size_t *moved = fm_alloc(rel->units.n, sizeof(size_t)); /* its place in the order */
  size_t *order = fm_alloc(rel->units.n, sizeof(size_t));
  const fm_code code =
      first && moved && order ? renumber(rel, spec, unit, cell, first, moved, order) : FM_NO_MEMORY;
  fm_free(first), fm_free(moved), fm_free(order);
  return code;
}

/* Occasions that are merged get the same unit. */
static fm_code merge_occasions(fm_relational *rel, const fm_relational_spec *spec, const size_t *cell,
                               size_t *unit) {
  const size_t n = spec->n_occasions;
  if (!spec->merge) {
    for (size_t i = 0; i < n; i++) {
      unit[i] = i;
    }
    rel->units.n = n;
    return FM_OK;
  }
  memcpy(unit, cell, n * sizeof(size_t));
  rel->units.n = rel->units.n_cells;
  FM_TRY(fm_refine_by_int(n, unit, &rel->units.n, spec->group));
  return find_units(rel, spec, unit, &rel->units.n);
}

static fm_code sort_into(fm_relational *rel, const fm_relational_spec *spec, size_t *cell, size_t *unit) {
  FM_TRY(find_cells(rel, spec, cell, &rel->units.n_cells));
  FM_TRY(merge_occasions(rel, spec, cell, unit));
  rel->units.cell = fm_alloc(rel->units.n, sizeof(size_t));
  rel->build.representative = fm_alloc(rel->units.n, sizeof(size_t));
  rel->build.group_of = fm_alloc(spec->group ? rel->units.n : 1, sizeof(size_t));
  const int ok = rel->units.cell && rel->build.representative && rel->build.group_of;
  return ok ? order_units(rel, spec, unit, cell) : FM_NO_MEMORY;
}

static fm_code sort_occasions(fm_relational *rel, const fm_relational_spec *spec) {
  const size_t n = spec->n_occasions;
  size_t *cell = fm_alloc(n, sizeof(size_t)), *unit = fm_alloc(n, sizeof(size_t));
  rel->units.of = fm_alloc(n, sizeof(size_t));
  const fm_code code = cell && unit && rel->units.of ? sort_into(rel, spec, cell, unit) : FM_NO_MEMORY;
  fm_free(cell), fm_free(unit);
  return code;
}

/* ---- what each unit needs ---------------------------------------------------------------------------- */
static int row_of(const int *key, size_t occasion) { return key ? key[occasion] - 1 : 0; }

/* Multiplier times table of an origin term, at the origin of occasion i. */
static double origin_term_x(const fm_relational *rel, const fm_relational_spec *spec,
                            const fm_origin_term *term, size_t i) {
  const fm_table *table = &rel->terms.tables[term->table];
  const size_t row = (size_t)row_of(table->key, i);
  const int origin = spec->origin[i];
  const double by = term->multiplier ? term->multiplier[i] : 1.0;
  double x = table->kind == FM_TABLE_SCALAR ? table->values[row] : 0.0;
  if (table->kind == FM_TABLE_DENSE && origin > 0) {
    x = table->values[row * rel->n_places + (size_t)(origin - 1)];
  }
  return by * x;
}

/* The rows that each cell reads of the tables, from the first unit of the cell. */
static fm_code gather_cells(fm_relational *rel, const fm_relational_spec *spec) {
  const size_t width = rel->terms.n_dense + 1;
  rel->units.cell_row = fm_alloc(rel->units.n_cells * width, sizeof(int));
  if (!rel->units.cell_row) {
    return FM_NO_MEMORY;
  }
  for (size_t u = rel->units.n; u-- > 0;) {
    int *row = rel->units.cell_row + rel->units.cell[u] * width;
    const size_t i = rel->build.representative[u];
    for (size_t k = 0; k < rel->terms.n_dense; k++) {
      row[k] = row_of(rel->terms.tables[rel->terms.dense[k].table].key, i);
    }
    row[rel->terms.n_dense] = row_of(spec->available ? spec->available_key : NULL, i);
  }
  return FM_OK;
}

static fm_code gather_units(fm_relational *rel, const fm_relational_spec *spec) {
  const size_t n = rel->units.n;
  rel->units.origin = fm_alloc(n, sizeof(int));
  rel->units.multiplier = fm_alloc(n * rel->terms.n_multipliers, sizeof(double));
  rel->units.origin_x = fm_alloc(n * rel->terms.n_origin, sizeof(double));
  rel->units.sparse_multiplier = fm_alloc(n * rel->terms.n_sparse, sizeof(double));
  rel->units.sparse_row = fm_alloc(n * rel->terms.n_sparse, sizeof(int));
  if (!rel->units.origin || !rel->units.multiplier || !rel->units.origin_x ||
      !rel->units.sparse_multiplier || !rel->units.sparse_row) {
    return FM_NO_MEMORY;
  }
  for (size_t u = 0; u < n; u++) {
    const size_t i = rel->build.representative[u];
    rel->units.origin[u] = spec->origin[i] - 1;
    for (size_t a = 0; a < rel->terms.n_multipliers; a++) {
      rel->units.multiplier[u * rel->terms.n_multipliers + a] = rel->build.multipliers[a][i];
    }
    for (size_t k = 0; k < rel->terms.n_origin; k++) {
      rel->units.origin_x[u * rel->terms.n_origin + k] = origin_term_x(rel, spec, &rel->terms.origin[k], i);
    }
    for (size_t k = 0; k < rel->terms.n_sparse; k++) {
      const double *by = rel->terms.sparse[k].multiplier;
      rel->units.sparse_multiplier[u * rel->terms.n_sparse + k] = by ? by[i] : 1.0;
      rel->units.sparse_row[u * rel->terms.n_sparse + k] =
          row_of(rel->terms.tables[rel->terms.sparse[k].table].key, i);
    }
  }
  return FM_OK;
}

/* Lists the choices of each unit, equal ones added up, from occasions sorted by unit. */
static void list_choices(fm_relational *rel, const fm_relational_spec *spec, const size_t *start,
                         const size_t *sorted, size_t *slot) {
  size_t used = 0;
  for (size_t u = 0; u < rel->units.n; u++) {
    rel->units.choice[u] = used;
    rel->units.weight[u] = 0.0;
    for (size_t at = start[u]; at < start[u + 1]; at++) {
      const size_t i = sorted[at];
      const double w = spec->weight ? spec->weight[i] : 1.0;
      rel->units.weight[u] += w;
      if (spec->chosen == NULL || spec->chosen[i] <= 0) {
        continue;
      }
      const size_t place = (size_t)(spec->chosen[i] - 1);
      if (slot[place] < rel->units.choice[u] || slot[place] >= used) {
        slot[place] = used;
        rel->units.choice_row[used] = (int)place;
        rel->units.choice_weight[used++] = 0.0;
      }
      rel->units.choice_weight[slot[place]] += w;
    }
  }
  rel->units.choice[rel->units.n] = used;
}

static fm_code gather_choices(fm_relational *rel, const fm_relational_spec *spec) {
  const size_t n = spec->n_occasions;
  size_t *start = fm_alloc_zero(rel->units.n + 2, sizeof(size_t));
  size_t *sorted = fm_alloc(n, sizeof(size_t));
  size_t *slot = fm_alloc(rel->n_places, sizeof(size_t));
  rel->units.weight = fm_alloc(rel->units.n, sizeof(double));
  rel->units.choice = fm_alloc(rel->units.n + 1, sizeof(size_t));
  rel->units.choice_row = fm_alloc(n, sizeof(int));
  rel->units.choice_weight = fm_alloc(n, sizeof(double));
  const int ok = start && sorted && slot && rel->units.weight && rel->units.choice &&
                 rel->units.choice_row && rel->units.choice_weight;
  if (ok) {
    for (size_t i = 0; i < n; i++) {
      start[rel->units.of[i] + 2]++;
    }
    for (size_t u = 0; u < rel->units.n; u++) {
      start[u + 2] += start[u + 1];
    }
    for (size_t i = 0; i < n; i++) {
      sorted[start[rel->units.of[i] + 1]++] = i;
    }
    for (size_t j = 0; j < rel->n_places; j++) {
      slot[j] = (size_t)-1;
    }
    list_choices(rel, spec, start, sorted, slot);
  }
  fm_free(start), fm_free(sorted), fm_free(slot);
  return ok ? FM_OK : FM_NO_MEMORY;
}

/* ---- blocks ------------------------------------------------------------------------------------------ */
static int same_block(const fm_relational *rel, const fm_relational_spec *spec, size_t u, size_t v) {
  return rel->units.cell[u] == rel->units.cell[v] &&
         (spec->group == NULL || rel->build.group_of[u] == rel->build.group_of[v]);
}

static fm_code cut_blocks(fm_relational *rel, const fm_relational_spec *spec, fm_design *design) {
  const size_t n = rel->units.n;
  const size_t target = rel->effects ? TARGET_ROWS_EFFECTS : TARGET_ROWS;
  size_t most = target / (rel->n_places > 0 ? rel->n_places : 1);
  most = most < 4 ? 4 : (most > MOST_UNITS ? MOST_UNITS : most);
  rel->blocks.first = fm_alloc(n + 1, sizeof(size_t));
  if (!rel->blocks.first) {
    return FM_NO_MEMORY;
  }
  design->max_units = 0;
  for (size_t u = 0; u < n;) {
    size_t end = u + 1;
    while (end < n && end - u < most && same_block(rel, spec, u, end)) {
      end++;
    }
    rel->blocks.first[rel->blocks.n++] = u;
    design->max_units = end - u > design->max_units ? end - u : design->max_units;
    u = end;
  }
  rel->blocks.first[rel->blocks.n] = n;
  design->max_rows = design->max_units * rel->n_places;
  if (spec->group != NULL) {
    return fm_group_design(design, spec->n_groups, rel->build.group_of, rel->blocks.first, rel->blocks.n,
                           NULL, &rel->blocks.chunk);
  }
  return fm_cut_chunks(rel->blocks.first, rel->blocks.n, design->n_linear, &rel->blocks.chunk,
                       &design->n_chunks);
}

/* Offsets and places of the rows of a block: the same for all blocks, since every unit has all rows. */
static fm_code lay_out_rows(fm_relational *rel, const fm_design *design) {
  rel->blocks.offset = fm_alloc(design->max_units + 1, sizeof(size_t));
  rel->blocks.place = fm_alloc(design->max_rows, sizeof(int));
  if (!rel->blocks.offset || !rel->blocks.place) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i <= design->max_units; i++) {
    rel->blocks.offset[i] = i * rel->n_places;
  }
  for (size_t i = 0; i < design->max_units; i++) {
    for (size_t j = 0; j < rel->n_places; j++) {
      rel->blocks.place[i * rel->n_places + j] = (int)j;
    }
  }
  return FM_OK;
}

/* Drops what points into the occasions of the spec, and what only building needs. */
static void forget_spec(fm_relational *rel) {
  fm_free(rel->build.representative), fm_free(rel->build.group_of), fm_free(rel->build.multipliers);
  rel->build.representative = rel->build.group_of = NULL;
  rel->build.multipliers = NULL;
  for (size_t t = 0; t < rel->terms.n_tables; t++) {
    rel->terms.tables[t].key = NULL;
  }
  for (size_t k = 0; k < rel->terms.n_origin; k++) {
    rel->terms.origin[k].multiplier = NULL;
  }
  for (size_t k = 0; k < rel->terms.n_sparse; k++) {
    rel->terms.sparse[k].multiplier = NULL;
  }
}

static fm_code copy_offered(fm_relational *rel, const fm_relational_spec *spec) {
  if (spec->offered == NULL) {
    return FM_OK;
  }
  rel->offered = fm_alloc_copy(spec->offered, spec->n_places, 1);
  return rel->offered ? FM_OK : FM_NO_MEMORY;
}

static fm_code build(fm_relational *rel, fm_design *design, const fm_relational_spec *spec) {
  FM_TRY(split_terms(rel, spec));
  FM_TRY(copy_offered(rel, spec));
  FM_TRY(group_dense(rel));
  FM_TRY(number_pairs(rel));
  FM_TRY(average_rows(rel));
  FM_TRY(sort_occasions(rel, spec));
  FM_TRY(gather_cells(rel, spec));
  FM_TRY(gather_units(rel, spec));
  FM_TRY(gather_choices(rel, spec));
  FM_TRY(cut_blocks(rel, spec, design));
  FM_TRY(lay_out_rows(rel, design));
  forget_spec(rel);
  return FM_OK;
}

fm_code fm_relational_build(fm_relational *rel, fm_design *design, const fm_relational_spec *spec,
                            fm_error *err) {
  rel->n_places = spec->n_places;
  rel->stride = (spec->n_places + 7) / 8 * 8;
  rel->n_terms = spec->n_terms;
  rel->effects = spec->effects;
  rel->available = spec->available;
  rel->n_available = spec->n_available;
  const fm_code code = build(rel, design, spec);
  return code == FM_OK ? FM_OK : fm_fail(err, code, "%s", fm_code_text(code));
}

void fm_relational_release(fm_relational *rel, int mapped) {
  void *described[] = {rel->terms.tables, rel->terms.dense, rel->terms.origin, rel->terms.sparse};
  void *arrays[] = {rel->build.multipliers,
                    rel->terms.dense_first,
                    rel->terms.pair,
                    rel->terms.pair_a,
                    rel->terms.pair_b,
                    rel->units.of,
                    rel->units.cell,
                    rel->build.group_of,
                    rel->units.cell_row,
                    rel->units.sparse_row,
                    rel->build.representative,
                    rel->units.origin,
                    rel->units.weight,
                    rel->units.choice,
                    rel->units.choice_row,
                    rel->units.choice_weight,
                    rel->units.multiplier,
                    rel->units.origin_x,
                    rel->blocks.first,
                    rel->blocks.chunk,
                    rel->units.sparse_multiplier,
                    rel->blocks.offset,
                    rel->blocks.place,
                    rel->terms.row_mean,
                    rel->offered,
                    rel->terms.row_mean_first};
  for (size_t i = 0; i < sizeof described / sizeof described[0]; i++) {
    fm_free(described[i]);
  }
  if (!mapped) {
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
      fm_free(arrays[i]);
    }
  }
  fm_free(rel);
}
