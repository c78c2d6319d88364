/* image.h: a built design as a file, and back without building it again.
 *
 * The file is a container of blocks (../store/blocks.h): a block for each array of the design. A design
 * that is opened from one reads its arrays where they lie in the mapped file, so it takes next to no memory
 * and no time, and the pages it has read may be given back between two passes. Every storage lists its
 * numbers and arrays once, in a function that an image calls in either direction.
 *
 * An image is scratch of the process that wrote it: the layout may change from version to version.
 * Thread safety: an image belongs to one thread; the design opened from it is read-only.
 */
#ifndef FM_IMAGE_H
#define FM_IMAGE_H

#include <stddef.h>

#include "../base/status.h"
#include "../store/blocks.h"
#include "design.h"

/* One of these is set: writing, reading, or counting bytes. */
struct fm_image {
  fm_store_writer *writer;
  const fm_store_file *file;
  size_t *bytes;
  fm_error *err;
};

static inline int fm_image_reads(const fm_image *image) { return image->file != NULL; }

/* Writes or reads n single numbers as block `name`. */
fm_code fm_image_numbers(const fm_image *image, const char *name, size_t *const *numbers, size_t n);
/* Writes the n elements at *array as block `name`, or points *array at those of the file. An array that is
 * NULL is left out, and NULL when it is not there. */
fm_code fm_image_array(const fm_image *image, const char *name, fm_store_type type, void *array, size_t n);

/* Writes the image of a design. */
fm_code fm_design_save(const fm_design *design, const char *path, fm_error *err);

/* Bytes of the arrays of a design. */
size_t fm_design_bytes(const fm_design *design);

/* A design opened from an image; file must outlive it. design->ops->free(design) when done. */
fm_code fm_design_open(fm_design *design, const fm_store_file *file, fm_error *err);

#endif
