/* image.c: the directions of an image, and what all designs have in common. */
#include "image.h"

#include <string.h>

#include "ragged.h"
#include "relational.h"

enum { MOST_NUMBERS = 16 };

/* The storages that have images; a file names its own by the place in this table. */
static const fm_design_ops *(*const storages[])(void) = {fm_relational_ops, fm_ragged_ops};
enum { STORAGES = sizeof storages / sizeof storages[0] };

static size_t number_of(const fm_design_ops *ops) {
  size_t number = 0;
  while (number < STORAGES && storages[number]() != ops) {
    number++;
  }
  return number;
}

fm_code fm_image_numbers(const fm_image *image, const char *name, size_t *const *numbers, size_t n) {
  uint64_t value[MOST_NUMBERS];
  if (!fm_image_reads(image)) {
    for (size_t i = 0; i < n; i++) {
      value[i] = *numbers[i];
    }
  }
  if (image->bytes != NULL) {
    *image->bytes += n * sizeof value[0];
    return FM_OK;
  }
  if (image->writer != NULL) {
    return fm_store_put(image->writer, name, FM_STORE_SIZE, value, n, 0, image->err);
  }
  FM_TRY(fm_store_read(image->file, name, FM_STORE_SIZE, value, n, image->err));
  for (size_t i = 0; i < n; i++) {
    *numbers[i] = (size_t)value[i];
  }
  return FM_OK;
}

fm_code fm_image_array(const fm_image *image, const char *name, fm_store_type type, void *array, size_t n) {
  const void *at = NULL;
  if (!fm_image_reads(image)) {
    memcpy(&at, array, sizeof at);
  }
  if (image->bytes != NULL) {
    *image->bytes += at == NULL ? 0 : n * fm_store_type_size(type);
    return FM_OK;
  }
  if (image->writer != NULL) {
    return at == NULL ? FM_OK : fm_store_put(image->writer, name, type, at, n, 0, image->err);
  }
  if (fm_store_find(image->file, name) != NULL) {
    size_t found = 0;
    FM_TRY(fm_store_get(image->file, name, type, &found, &at, image->err));
    if (found != n) {
      return fm_fail(image->err, FM_CORRUPT, "the image of a design has %zu numbers in `%s`, not %zu",
                     found, name, n);
    }
  }
  memcpy(array, &at, sizeof at);
  return FM_OK;
}

/* What every design has. storage: its number among the storages. */
static fm_code common(fm_design *design, size_t *storage, const fm_image *image) {
  size_t *const sizes[] = {storage,
                           &design->n_terms,
                           &design->n_effects,
                           &design->n_places,
                           &design->n_occasions,
                           &design->n_units,
                           &design->n_blocks,
                           &design->n_chunks,
                           &design->max_units,
                           &design->max_rows,
                           &design->n_groups,
                           &design->max_group_units,
                           &design->max_group_rows,
                           &design->n_numbers};
  FM_TRY(fm_image_numbers(image, "design", sizes, sizeof sizes / sizeof sizes[0]));
  design->n_linear = design->n_terms + design->n_effects;
  FM_TRY(fm_image_array(image, "chunk", FM_STORE_SIZE, &design->chunk, design->n_chunks + 1));
  FM_TRY(fm_image_array(image, "group_block", FM_STORE_SIZE, &design->group_block, design->n_groups + 1));
  return fm_image_array(image, "chunk_group", FM_STORE_SIZE, &design->chunk_group, design->n_chunks + 1);
}

/* What there is of a design, in the direction of the image; of a design that is written or counted nothing
 * changes. */
static fm_code list_all(fm_design *design, const fm_image *image) {
  size_t storage = number_of(design->ops);
  FM_TRY(common(design, &storage, image));
  if (storage >= STORAGES) {
    return fm_fail(image->err, FM_CORRUPT, "the image of a design has storage %zu of %d", storage,
                   (int)STORAGES);
  }
  design->ops = storages[storage]();
  return design->ops->image(design, image);
}

size_t fm_design_bytes(const fm_design *design) {
  size_t bytes = 0; /* and the map from occasions to units, which an image leaves out */
  fm_design copy = *design;
  const fm_image image = {.bytes = &bytes};
  const fm_code code = list_all(&copy, &image);
  return code == FM_OK ? bytes + (design->unit_of ? design->n_occasions * sizeof(size_t) : 0) : 0;
}

fm_code fm_design_save(const fm_design *design, const char *path, fm_error *err) {
  fm_store_writer writer;
  FM_TRY(fm_store_create(&writer, path, err));
  const fm_image image = {.writer = &writer, .err = err};
  fm_design copy = *design;
  const fm_code code = list_all(&copy, &image);
  if (code != FM_OK) {
    fm_store_abort(&writer);
    return code;
  }
  return fm_store_finish(&writer, err);
}

fm_code fm_design_open(fm_design *design, const fm_store_file *file, fm_error *err) {
  const fm_image image = {.file = file, .err = err};
  *design = (fm_design){.kernels = fm_kernels_best()};
  return list_all(design, &image);
}
