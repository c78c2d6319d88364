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
  for (size_t a = 0; a < rel->n_multipliers; a++) {
    if (rel->multipliers[a] == multiplier) {
      return a + 1;
    }
  }
  rel->multipliers[rel->n_multipliers++] = multiplier;
  return rel->n_multipliers;
}

static void place_term(fm_relational *rel, const fm_term *term, size_t number) {
  const fm_table *table = &rel->tables[term->table];
  if (table->kind == FM_TABLE_SPARSE) {
    rel->sparse[rel->n_sparse++] = (fm_sparse_term){number, term->table, term->mask, term->multiplier};
  } else if (table->kind == FM_TABLE_SCALAR || term->mask == FM_MASK_STAY) {
    rel->at_origin[rel->n_origin++] = (fm_origin_term){number, term->table, term->mask, term->multiplier};
  } else {
    rel->dense[rel->n_dense++] =
        (fm_dense_term){number, term->table, term->mask, multiplier_number(rel, term->multiplier)};
  }
}

static fm_code split_terms(fm_relational *rel, const fm_relational_spec *spec) {
  const size_t all = spec->n_terms + spec->n_offsets;
  rel->tables = fm_alloc(spec->n_tables, sizeof(fm_table));
  rel->dense = fm_alloc(all, sizeof(fm_dense_term));
  rel->at_origin = fm_alloc(all, sizeof(fm_origin_term));
  rel->sparse = fm_alloc(all, sizeof(fm_sparse_term));
  rel->multipliers = fm_alloc(all, sizeof(const double *));
  if (!rel->tables || !rel->dense || !rel->at_origin || !rel->sparse || !rel->multipliers) {
    return FM_NO_MEMORY;
  }
  if (spec->n_tables > 0) {
    memcpy(rel->tables, spec->tables, spec->n_tables * sizeof(fm_table));
  }
  rel->n_tables = spec->n_tables;
  for (size_t k = 0; k < all; k++) {
    place_term(rel, &spec->terms[k], k < spec->n_terms ? k : FM_OFFSET_TERM);
  }
  return FM_OK;
}

/* Sorts the dense terms by multiplier (stable: the order of the formula within each). */
static fm_code group_dense(fm_relational *rel) {
  fm_dense_term *sorted = fm_alloc(rel->n_dense, sizeof(fm_dense_term));
  rel->group = fm_alloc(rel->n_multipliers + 2, sizeof(size_t));
  if (!sorted || !rel->group) {
    fm_free(sorted);
    return FM_NO_MEMORY;
  }
  size_t at = 0;
  for (size_t a = 0; a <= rel->n_multipliers; a++) {
    rel->group[a] = at;
    for (size_t k = 0; k < rel->n_dense; k++) {
      if (rel->dense[k].multiplier == a) {
        sorted[at++] = rel->dense[k];
      }
    }
  }
  rel->group[rel->n_multipliers + 1] = at;
  fm_free(rel->dense);
  rel->dense = sorted;
  return FM_OK;
}

/* Numbers the products of two multipliers that the information needs. */
static fm_code number_pairs(fm_relational *rel) {
  const size_t m = rel->n_multipliers + 1;
  rel->pair = fm_alloc(m * m, sizeof(size_t));
  rel->pair_a = fm_alloc_zero(m * m, sizeof(size_t)); /* zeros behind the pairs: an image writes all */
  rel->pair_b = fm_alloc_zero(m * m, sizeof(size_t));
  if (!rel->pair || !rel->pair_a || !rel->pair_b) {
    return FM_NO_MEMORY;
  }
  for (size_t a = 0; a < m; a++) {
    for (size_t b = a; b < m; b++) {
      rel->pair[a * m + b] = rel->pair[b * m + a] = rel->n_pairs;
      rel->pair_a[rel->n_pairs] = a;
      rel->pair_b[rel->n_pairs++] = b;
    }
  }
  return FM_OK;
}

/* Means of the full rows of sparse terms, which centring takes out. */
static fm_code average_rows(fm_relational *rel) {
  size_t total = 0;
  rel->row_mean_first = fm_alloc(rel->n_sparse, sizeof(size_t));
  if (!rel->row_mean_first) {
    return FM_NO_MEMORY;
  }
  for (size_t k = 0; k < rel->n_sparse; k++) {
    rel->row_mean_first[k] = total;
    total += rel->tables[rel->sparse[k].table].n_rows;
  }
  rel->row_mean = fm_alloc_zero(total, sizeof(double));
  if (!rel->row_mean) {
    return FM_NO_MEMORY;
  }
  for (size_t k = 0; k < rel->n_sparse; k++) {
    const fm_table *table = &rel->tables[rel->sparse[k].table];
    double *mean = rel->row_mean + rel->row_mean_first[k];
    for (size_t row = 0; row < table->n_rows && rel->sparse[k].mask == FM_MASK_ALL; row++) {
      const int from = table->first[row], to = table->first[row + 1];
      if ((size_t)(to - from) != rel->n_places) {
        continue;
      }
      for (int e = from; e < to; e++) {
        mean[row] += table->values[e] / (double)rel->n_places;
      }
    }
  }
  return FM_OK;
}

/* ---- cells and units --------------------------------------------------------------------------------- */
static int any_dense_move(const fm_relational *rel) {
  for (size_t k = 0; k < rel->n_dense; k++) {
    if (rel->dense[k].mask == FM_MASK_MOVE) {
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
  for (size_t k = 0; k < rel->n_dense; k++) {
    const int *key = rel->tables[rel->dense[k].table].key;
    int seen = 0;
    for (size_t before = 0; before < k; before++) {
      seen |= rel->tables[rel->dense[before].table].key == key;
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
  for (size_t k = 0; k < rel->n_sparse; k++) {
    FM_TRY(fm_refine_by_int(n, unit, n_units, rel->tables[rel->sparse[k].table].key));
    FM_TRY(fm_refine_by_double(n, unit, n_units, rel->sparse[k].multiplier));
  }
  for (size_t k = 0; k < rel->n_origin; k++) {
    FM_TRY(fm_refine_by_int(n, unit, n_units, rel->tables[rel->at_origin[k].table].key));
    FM_TRY(fm_refine_by_double(n, unit, n_units, rel->at_origin[k].multiplier));
  }
  for (size_t a = 0; a < rel->n_multipliers; a++) {
    FM_TRY(fm_refine_by_double(n, unit, n_units, rel->multipliers[a]));
  }
  return FM_OK;
}

/* The order of the units: by group, then by cell. key (n_units) is overwritten. */
static fm_code sort_units(const fm_relational *rel, const fm_relational_spec *spec, const size_t *first,
                          const size_t *cell, size_t *key, size_t *order) {
  for (size_t u = 0; u < rel->n_units; u++) {
    key[u] = cell[first[u]];
  }
  if (spec->group == NULL) {
    return fm_order_by_key(rel->n_units, key, rel->n_cells, NULL, order);
  }
  size_t *by_cell = fm_alloc(rel->n_units, sizeof(size_t));
  fm_code code = by_cell ? FM_OK : FM_NO_MEMORY;
  code = code == FM_OK ? fm_order_by_key(rel->n_units, key, rel->n_cells, NULL, by_cell) : code;
  for (size_t u = 0; u < rel->n_units; u++) {
    key[u] = (size_t)(spec->group[first[u]] - 1);
  }
  code = code == FM_OK ? fm_order_by_key(rel->n_units, key, spec->n_groups, by_cell, order) : code;
  fm_free(by_cell);
  return code;
}

/* Renumbers units in that order; fills unit_of, cell_of, group_of, representative. */
static fm_code order_units(fm_relational *rel, const fm_relational_spec *spec, const size_t *unit,
                           const size_t *cell) {
  const size_t n = spec->n_occasions;
  size_t *first = fm_alloc(rel->n_units, sizeof(size_t)); /* first occasion of an unordered unit */
  size_t *moved = fm_alloc(rel->n_units, sizeof(size_t)); /* its place in the order */
  size_t *order = fm_alloc(rel->n_units, sizeof(size_t));
  fm_code code = first && moved && order ? FM_OK : FM_NO_MEMORY;
  for (size_t i = n; code == FM_OK && i-- > 0;) {
    first[unit[i]] = i;
  }
  code = code == FM_OK ? sort_units(rel, spec, first, cell, moved, order) : code;
  for (size_t at = 0; code == FM_OK && at < rel->n_units; at++) {
    const size_t i = first[order[at]];
    moved[order[at]] = at;
    rel->representative[at] = i;
    rel->cell_of[at] = cell[i];
    if (spec->group != NULL) {
      rel->group_of[at] = (size_t)(spec->group[i] - 1);
    }
  }
  for (size_t i = 0; code == FM_OK && i < n; i++) {
    rel->unit_of[i] = moved[unit[i]];
  }
  fm_free(first), fm_free(moved), fm_free(order);
  return code;
}

static fm_code sort_occasions(fm_relational *rel, const fm_relational_spec *spec) {
  const size_t n = spec->n_occasions;
  size_t *cell = fm_alloc(n, sizeof(size_t)), *unit = fm_alloc(n, sizeof(size_t));
  rel->unit_of = fm_alloc(n, sizeof(size_t));
  fm_code code = cell && unit && rel->unit_of ? FM_OK : FM_NO_MEMORY;
  if (code == FM_OK) {
    code = find_cells(rel, spec, cell, &rel->n_cells);
  }
  if (code == FM_OK && spec->merge) {
    memcpy(unit, cell, n * sizeof(size_t));
    rel->n_units = rel->n_cells;
    code = fm_refine_by_int(n, unit, &rel->n_units, spec->group);
    code = code == FM_OK ? find_units(rel, spec, unit, &rel->n_units) : code;
  } else if (code == FM_OK) {
    for (size_t i = 0; i < n; i++) {
      unit[i] = i;
    }
    rel->n_units = n;
  }
  if (code == FM_OK) {
    rel->cell_of = fm_alloc(rel->n_units, sizeof(size_t));
    rel->representative = fm_alloc(rel->n_units, sizeof(size_t));
    rel->group_of = fm_alloc(spec->group ? rel->n_units : 1, sizeof(size_t));
    const int ok = rel->cell_of && rel->representative && rel->group_of;
    code = ok ? order_units(rel, spec, unit, cell) : FM_NO_MEMORY;
  }
  fm_free(cell), fm_free(unit);
  return code;
}

/* ---- what each unit needs ------------------------------------------------------------------------------ */
static int row_of(const int *key, size_t occasion) { return key ? key[occasion] - 1 : 0; }

/* Multiplier times table of an origin term, at the origin of occasion i. */
static double origin_term_x(const fm_relational *rel, const fm_relational_spec *spec,
                            const fm_origin_term *term, size_t i) {
  const fm_table *table = &rel->tables[term->table];
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
  const size_t width = rel->n_dense + 1;
  rel->cell_row = fm_alloc(rel->n_cells * width, sizeof(int));
  if (!rel->cell_row) {
    return FM_NO_MEMORY;
  }
  for (size_t u = rel->n_units; u-- > 0;) {
    int *row = rel->cell_row + rel->cell_of[u] * width;
    const size_t i = rel->representative[u];
    for (size_t k = 0; k < rel->n_dense; k++) {
      row[k] = row_of(rel->tables[rel->dense[k].table].key, i);
    }
    row[rel->n_dense] = row_of(spec->available ? spec->available_key : NULL, i);
  }
  return FM_OK;
}

static fm_code gather_units(fm_relational *rel, const fm_relational_spec *spec) {
  const size_t n = rel->n_units;
  rel->origin = fm_alloc(n, sizeof(int));
  rel->multiplier = fm_alloc(n * rel->n_multipliers, sizeof(double));
  rel->origin_x = fm_alloc(n * rel->n_origin, sizeof(double));
  rel->sparse_multiplier = fm_alloc(n * rel->n_sparse, sizeof(double));
  rel->sparse_row = fm_alloc(n * rel->n_sparse, sizeof(int));
  if (!rel->origin || !rel->multiplier || !rel->origin_x || !rel->sparse_multiplier || !rel->sparse_row) {
    return FM_NO_MEMORY;
  }
  for (size_t u = 0; u < n; u++) {
    const size_t i = rel->representative[u];
    rel->origin[u] = spec->origin[i] - 1;
    for (size_t a = 0; a < rel->n_multipliers; a++) {
      rel->multiplier[u * rel->n_multipliers + a] = rel->multipliers[a][i];
    }
    for (size_t k = 0; k < rel->n_origin; k++) {
      rel->origin_x[u * rel->n_origin + k] = origin_term_x(rel, spec, &rel->at_origin[k], i);
    }
    for (size_t k = 0; k < rel->n_sparse; k++) {
      const double *by = rel->sparse[k].multiplier;
      rel->sparse_multiplier[u * rel->n_sparse + k] = by ? by[i] : 1.0;
      rel->sparse_row[u * rel->n_sparse + k] = row_of(rel->tables[rel->sparse[k].table].key, i);
    }
  }
  return FM_OK;
}

/* Lists the choices of each unit, equal ones added up, from occasions sorted by unit. */
static void list_choices(fm_relational *rel, const fm_relational_spec *spec, const size_t *start,
                         const size_t *sorted, size_t *slot) {
  size_t used = 0;
  for (size_t u = 0; u < rel->n_units; u++) {
    rel->choice[u] = used;
    rel->weight[u] = 0.0;
    for (size_t at = start[u]; at < start[u + 1]; at++) {
      const size_t i = sorted[at];
      const double w = spec->weight ? spec->weight[i] : 1.0;
      rel->weight[u] += w;
      if (spec->chosen == NULL || spec->chosen[i] <= 0) {
        continue;
      }
      const size_t place = (size_t)(spec->chosen[i] - 1);
      if (slot[place] < rel->choice[u] || slot[place] >= used) {
        slot[place] = used;
        rel->choice_row[used] = (int)place;
        rel->choice_weight[used++] = 0.0;
      }
      rel->choice_weight[slot[place]] += w;
    }
  }
  rel->choice[rel->n_units] = used;
}

static fm_code gather_choices(fm_relational *rel, const fm_relational_spec *spec) {
  const size_t n = spec->n_occasions;
  size_t *start = fm_alloc_zero(rel->n_units + 2, sizeof(size_t));
  size_t *sorted = fm_alloc(n, sizeof(size_t));
  size_t *slot = fm_alloc(rel->n_places, sizeof(size_t));
  rel->weight = fm_alloc(rel->n_units, sizeof(double));
  rel->choice = fm_alloc(rel->n_units + 1, sizeof(size_t));
  rel->choice_row = fm_alloc(n, sizeof(int));
  rel->choice_weight = fm_alloc(n, sizeof(double));
  const int ok =
      start && sorted && slot && rel->weight && rel->choice && rel->choice_row && rel->choice_weight;
  if (ok) {
    for (size_t i = 0; i < n; i++) {
      start[rel->unit_of[i] + 2]++;
    }
    for (size_t u = 0; u < rel->n_units; u++) {
      start[u + 2] += start[u + 1];
    }
    for (size_t i = 0; i < n; i++) {
      sorted[start[rel->unit_of[i] + 1]++] = i;
    }
    for (size_t j = 0; j < rel->n_places; j++) {
      slot[j] = (size_t)-1;
    }
    list_choices(rel, spec, start, sorted, slot);
  }
  fm_free(start), fm_free(sorted), fm_free(slot);
  return ok ? FM_OK : FM_NO_MEMORY;
}

/* ---- blocks --------------------------------------------------------------------------------------------- */
static int same_block(const fm_relational *rel, const fm_relational_spec *spec, size_t u, size_t v) {
  return rel->cell_of[u] == rel->cell_of[v] &&
         (spec->group == NULL || rel->group_of[u] == rel->group_of[v]);
}

static fm_code cut_blocks(fm_relational *rel, const fm_relational_spec *spec, fm_design *design) {
  const size_t n = rel->n_units;
  const size_t target = rel->effects ? TARGET_ROWS_EFFECTS : TARGET_ROWS;
  size_t most = target / (rel->n_places > 0 ? rel->n_places : 1);
  most = most < 4 ? 4 : (most > MOST_UNITS ? MOST_UNITS : most);
  rel->block_first = fm_alloc(n + 1, sizeof(size_t));
  if (!rel->block_first) {
    return FM_NO_MEMORY;
  }
  design->max_units = 0;
  for (size_t u = 0; u < n;) {
    size_t end = u + 1;
    while (end < n && end - u < most && same_block(rel, spec, u, end)) {
      end++;
    }
    rel->block_first[rel->n_blocks++] = u;
    design->max_units = end - u > design->max_units ? end - u : design->max_units;
    u = end;
  }
  rel->block_first[rel->n_blocks] = n;
  design->max_rows = design->max_units * rel->n_places;
  if (spec->group != NULL) {
    return fm_group_design(design, spec->n_groups, rel->group_of, rel->block_first, rel->n_blocks, NULL,
                           &rel->chunk);
  }
  return fm_cut_chunks(rel->block_first, rel->n_blocks, design->n_linear, &rel->chunk, &design->n_chunks);
}

/* Offsets and places of the rows of a block: the same for all blocks, since every unit has all rows. */
static fm_code lay_out_rows(fm_relational *rel, const fm_design *design) {
  rel->offset = fm_alloc(design->max_units + 1, sizeof(size_t));
  rel->place = fm_alloc(design->max_rows, sizeof(int));
  if (!rel->offset || !rel->place) {
    return FM_NO_MEMORY;
  }
  for (size_t i = 0; i <= design->max_units; i++) {
    rel->offset[i] = i * rel->n_places;
  }
  for (size_t i = 0; i < design->max_units; i++) {
    for (size_t j = 0; j < rel->n_places; j++) {
      rel->place[i * rel->n_places + j] = (int)j;
    }
  }
  return FM_OK;
}

/* Drops what points into the occasions of the spec, and what only building needs. */
static void forget_spec(fm_relational *rel) {
  fm_free(rel->representative), fm_free(rel->group_of), fm_free(rel->multipliers);
  rel->representative = rel->group_of = NULL;
  rel->multipliers = NULL;
  for (size_t t = 0; t < rel->n_tables; t++) {
    rel->tables[t].key = NULL;
  }
  for (size_t k = 0; k < rel->n_origin; k++) {
    rel->at_origin[k].multiplier = NULL;
  }
  for (size_t k = 0; k < rel->n_sparse; k++) {
    rel->sparse[k].multiplier = NULL;
  }
}

fm_code fm_relational_build(fm_relational *rel, fm_design *design, const fm_relational_spec *spec,
                            fm_error *err) {
  rel->n_places = spec->n_places;
  rel->stride = (spec->n_places + 7) / 8 * 8;
  rel->n_terms = spec->n_terms;
  rel->effects = spec->effects;
  rel->available = spec->available;
  rel->n_available = spec->n_available;
  fm_code code = split_terms(rel, spec);
  if (code == FM_OK && spec->offered != NULL) {
    rel->offered = fm_alloc_copy(spec->offered, spec->n_places, 1);
    code = rel->offered ? FM_OK : FM_NO_MEMORY;
  }
  code = code == FM_OK ? group_dense(rel) : code;
  code = code == FM_OK ? number_pairs(rel) : code;
  code = code == FM_OK ? average_rows(rel) : code;
  code = code == FM_OK ? sort_occasions(rel, spec) : code;
  code = code == FM_OK ? gather_cells(rel, spec) : code;
  code = code == FM_OK ? gather_units(rel, spec) : code;
  code = code == FM_OK ? gather_choices(rel, spec) : code;
  code = code == FM_OK ? cut_blocks(rel, spec, design) : code;
  code = code == FM_OK ? lay_out_rows(rel, design) : code;
  if (code == FM_OK) {
    forget_spec(rel);
  }
  return code == FM_OK ? FM_OK : fm_fail(err, code, "%s", fm_code_text(code));
}

void fm_relational_release(fm_relational *rel, int mapped) {
  void *described[] = {rel->tables, rel->dense, rel->at_origin, rel->sparse};
  void *arrays[] = {
      rel->multipliers,       rel->group,      rel->pair,     rel->pair_a,      rel->pair_b,
      rel->unit_of,           rel->cell_of,    rel->group_of, rel->cell_row,    rel->sparse_row,
      rel->representative,    rel->origin,     rel->weight,   rel->choice,      rel->choice_row,
      rel->choice_weight,     rel->multiplier, rel->origin_x, rel->block_first, rel->chunk,
      rel->sparse_multiplier, rel->offset,     rel->place,    rel->row_mean,    rel->offered,
      rel->row_mean_first};
  for (size_t i = 0; i < sizeof described / sizeof described[0]; i++) {
    fm_free(described[i]);
  }
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && !mapped; i++) {
    fm_free(arrays[i]);
  }
  fm_free(rel);
}
