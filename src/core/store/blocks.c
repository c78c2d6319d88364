/* blocks.c: the reader of blocks.h.
 *
 * Nothing of the file is believed before it is checked: header, then directory (each block inside the file,
 * after the block before it, its size consistent with type and count), then, when a block is read, its
 * checksum. What a deflated block may grow to is bounded by what zlib can do. Of a file that is read, bytes
 * are copied once and then looked at, so that whoever rewrites it meanwhile changes nothing that was
 * checked. Overwrites nothing of the caller but outputs. Thread safety: an open file is not written to.
 */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "../base/alloc.h"
#include "layout.h"
#include "shuffle.h"

#define REMEDY "Copy the file again from where it is whole, or write the store again."

/* The most bytes deflate makes of one, and what a short stream may exceed that by. */
enum { DEFLATE_RATIO = 1032, DEFLATE_SLACK = 1024 };

/* Bytes looked at together, where they need not be kept. */
enum { PIECE = 1 << 16 };

static fm_code damaged(const fm_store_file *f, const char *what, fm_error *err) {
  return fm_fail(err, FM_CORRUPT, "`%.250s` is damaged: %s. " REMEDY, f->path, what);
}

static fm_code damaged_block(const fm_store_file *f, const char *name, const char *what, fm_error *err) {
  return fm_fail(err, FM_CORRUPT, "`%.250s` is damaged: block `%s` %s. " REMEDY, f->path, name, what);
}

static fm_code changed(const fm_store_file *f, const char *name, fm_error *err) {
  return fm_fail(err, FM_CORRUPT,
                 "`%.250s` has changed since it was opened (block `%s`). Open the store again.", f->path,
                 name);
}

static fm_code no_memory(const fm_store_file *f, const fm_store_block *entry, fm_error *err) {
  return fm_fail(err, FM_NO_MEMORY, "No memory to read block `%s` of `%.250s`.", entry->name, f->path);
}

/* ---- header ------------------------------------------------------------------------------------------ */

static fm_code check_version(const fm_store_file *f, const fm_disk_header *header, fm_error *err) {
  if (header->byte_order != FM_BYTE_ORDER) {
    return fm_fail(
        err, FM_CORRUPT,
        "`%.250s` was written on a machine with another order of bytes, or is damaged. Write the store "
        "again on this one.",
        f->path);
  }
  if (header->version != FM_STORE_VERSION) {
    return fm_fail(
        err, FM_CORRUPT,
        "`%.250s` has version %lu of the format; this firmmove reads version %d. Update firmmove, or write "
        "the store again with this one.",
        f->path, (unsigned long)header->version, FM_STORE_VERSION);
  }
  return FM_OK;
}

static fm_code check_header(const fm_store_file *f, const fm_disk_header *header, fm_error *err) {
  static const uint32_t zero[5] = {0};
  FM_TRY(check_version(f, header, err));
  if (header->crc != fm_crc(0, header, offsetof(fm_disk_header, crc)) ||
      memcmp(header->zero, zero, sizeof zero) != 0) {
    return damaged(f, "its header does not match its checksum", err);
  }
  if (header->length != f->map.length) {
    return fm_fail(err, FM_CORRUPT,
                   "`%.250s` has %.0f bytes and should have %.0f: it was cut or added to. " REMEDY, f->path,
                   (double)f->map.length, (double)header->length);
  }
  const uint64_t entries = (uint64_t)header->n * sizeof(fm_disk_entry);
  if (header->directory < sizeof *header || header->directory > header->length ||
      header->directory % FM_STORE_ALIGN != 0 || header->length - header->directory != entries) {
    return damaged(f, "its directory lies outside", err);
  }
  return FM_OK;
}

static fm_code read_header(fm_store_file *f, fm_disk_header *header, fm_error *err) {
  const size_t magic = sizeof header->magic;
  const size_t there = f->map.length < sizeof *header ? f->map.length : sizeof *header;
  if (f->map.length == 0) {
    return fm_fail(err, FM_CORRUPT, "`%.250s` is empty. " REMEDY, f->path);
  }
  if (fm_file_map_read(&f->map, 0, header, there) != 0) {
    return damaged(f, "it was cut while it was opened", err);
  }
  if (there < magic || memcmp(header->magic, FM_STORE_MAGIC, magic) != 0) {
    return fm_fail(err, FM_CORRUPT,
                   "`%.250s` is not a file of a store, or its beginning is damaged: it does not begin "
                   "with " FM_STORE_MAGIC ". Check the path, or write the store again.",
                   f->path);
  }
  if (there < sizeof *header) {
    return fm_fail(err, FM_CORRUPT, "`%.250s` was cut after %.0f bytes. " REMEDY, f->path,
                   (double)f->map.length);
  }
  f->mark = header->crc;
  return check_header(f, header, err);
}

/* ---- directory --------------------------------------------------------------------------------------- */

/* Count, size and offset of a block agree with each other and lie between `from` and `to`. */
static int fits(const fm_disk_entry *disk, uint64_t from, uint64_t to) {
  if (disk->offset < from || disk->offset > to || disk->offset % FM_STORE_ALIGN != 0 ||
      disk->stored > to - disk->offset) {
    return 0;
  }
  const uint64_t size = fm_store_type_size((fm_store_type)disk->type);
  if (disk->encoding == FM_STORE_RAW) {
    return disk->stored % size == 0 && disk->n == disk->stored / size;
  }
  const uint64_t most = disk->stored > SIZE_MAX / 2 / DEFLATE_RATIO - DEFLATE_SLACK
                            ? SIZE_MAX / 2
                            : disk->stored * DEFLATE_RATIO + DEFLATE_SLACK;
  return disk->n > 0 && disk->n <= most / size;
}

/* A valid name, and zeros behind it. */
static int name_valid(const char *name) {
  if (!fm_store_name_valid(name, FM_STORE_NAME)) {
    return 0;
  }
  for (size_t i = strlen(name); i < FM_STORE_NAME; i++) {
    if (name[i] != '\0') {
      return 0;
    }
  }
  return 1;
}

static fm_code take_entry(const fm_store_file *f, const fm_disk_entry *disk, uint64_t from, uint64_t to,
                          fm_store_block *entry, fm_error *err) {
  static const uint32_t zero[7] = {0};
  if (!name_valid(disk->name)) {
    return damaged(f, "a block has no valid name", err);
  }
  if (disk->type > FM_STORE_SIZE || disk->encoding > FM_STORE_DEFLATED ||
      memcmp(disk->zero, zero, sizeof zero) != 0) {
    return damaged_block(f, disk->name, "is of a kind this version does not know", err);
  }
  if (!fits(disk, from, to)) {
    return damaged_block(f, disk->name, "does not fit into the file", err);
  }
  *entry =
      (fm_store_block){.type = (fm_store_type)disk->type, .encoding = (fm_store_encoding)disk->encoding};
  memcpy(entry->name, disk->name, strlen(disk->name));
  entry->n = (size_t)disk->n;
  entry->offset = (size_t)disk->offset;
  entry->stored = (size_t)disk->stored;
  entry->crc = disk->crc;
  return FM_OK;
}

/* An entry's place in the order of names. */
typedef struct named {
  const char *name;
  size_t i;
} named;

static int by_name(const void *a, const void *b) {
  return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

static fm_code order_names(fm_store_file *f, fm_error *err) {
  named *order = fm_alloc(f->n, sizeof *order);
  if (order == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "No memory to open `%.250s`.", f->path);
  }
  for (size_t i = 0; i < f->n; i++) {
    order[i] = (named){f->entry[i].name, i};
  }
  qsort(order, f->n, sizeof *order, by_name);
  fm_code code = FM_OK;
  for (size_t k = 0; k < f->n && code == FM_OK; k++) {
    f->by_name[k] = order[k].i;
    if (k > 0 && strcmp(order[k].name, order[k - 1].name) == 0) {
      code = damaged_block(f, order[k].name, "is there twice", err);
    }
  }
  fm_free(order);
  return code;
}

static fm_code take_entries(fm_store_file *f, const fm_disk_header *header, fm_disk_entry *disk,
                            fm_error *err) {
  const size_t bytes = f->n * sizeof *disk;
  if (fm_file_map_read(&f->map, (size_t)header->directory, disk, bytes) != 0 ||
      fm_crc(0, disk, bytes) != header->directory_crc) {
    return damaged(f, "its directory does not match its checksum", err);
  }
  uint64_t from = sizeof *header;
  for (size_t i = 0; i < f->n; i++) {
    FM_TRY(take_entry(f, &disk[i], from, header->directory, &f->entry[i], err));
    from = disk[i].offset + disk[i].stored;
  }
  return order_names(f, err);
}

static fm_code read_directory(fm_store_file *f, const fm_disk_header *header, fm_error *err) {
  f->n = header->n;
  f->entry = fm_alloc(f->n, sizeof *f->entry);
  f->by_name = fm_alloc(f->n, sizeof *f->by_name);
  fm_disk_entry *disk = fm_alloc(f->n, sizeof *disk);
  const fm_code code = f->entry == NULL || f->by_name == NULL || disk == NULL
                           ? fm_fail(err, FM_NO_MEMORY, "No memory to open `%.250s`.", f->path)
                           : take_entries(f, header, disk, err);
  fm_free(disk);
  return code;
}

/* ---- opening ----------------------------------------------------------------------------------------- */

static fm_code look_into(fm_store_file *f, const char *path, fm_error *err) {
  fm_disk_header header;
  const size_t length = strlen(path);
  f->path = fm_alloc(length + 1, 1);
  if (f->path == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "No memory to open `%.250s`.", path);
  }
  memcpy(f->path, path, length + 1);
  FM_TRY(read_header(f, &header, err));
  return read_directory(f, &header, err);
}

static fm_code opened(fm_store_file *f, const char *path, fm_error *err) {
  const fm_code code = look_into(f, path, err);
  if (code != FM_OK) {
    fm_store_close(f);
  }
  return code;
}

fm_code fm_store_open(fm_store_file *f, const char *path, fm_error *err) {
  *f = (fm_store_file){0};
  FM_TRY(fm_file_map_open(&f->map, path, FM_FILE_READ, err));
  return opened(f, path, err);
}

fm_code fm_store_map(fm_store_file *f, const char *path, fm_error *err) {
  *f = (fm_store_file){0};
  FM_TRY(fm_file_map_open(&f->map, path, FM_FILE_MAP, err));
  return opened(f, path, err);
}

fm_code fm_store_open_memory(fm_store_file *f, const void *bytes, size_t length, const char *label,
                             fm_error *err) {
  *f = (fm_store_file){.map = {.bytes = bytes, .length = length}};
  return opened(f, label, err);
}

void fm_store_close(fm_store_file *f) {
  fm_file_map_close(&f->map);
  fm_free(f->path);
  fm_free(f->entry);
  fm_free(f->by_name);
  *f = (fm_store_file){0};
}

void fm_store_prefetch(const fm_store_file *f) { fm_file_map_prefetch(&f->map); }
void fm_store_release(const fm_store_file *f) { fm_file_map_release(&f->map); }

/* ---- blocks ------------------------------------------------------------------------------------------ */

size_t fm_store_count(const fm_store_file *f) { return f->n; }
const fm_store_block *fm_store_entry(const fm_store_file *f, size_t i) { return &f->entry[i]; }

const fm_store_block *fm_store_find(const fm_store_file *f, const char *name) {
  size_t low = 0, high = f->n;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const fm_store_block *entry = &f->entry[f->by_name[middle]];
    const int sign = strcmp(name, entry->name);
    if (sign == 0) {
      return entry;
    }
    if (sign < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return NULL;
}

static fm_code find(const fm_store_file *f, const char *name, fm_store_type type,
                    const fm_store_block **entry, fm_error *err) {
  *entry = fm_store_find(f, name);
  if (*entry == NULL || (*entry)->type != type) {
    return damaged_block(f, name, *entry == NULL ? "is not there" : "is of another type", err);
  }
  return fm_file_map_whole(&f->map) ? FM_OK : changed(f, name, err);
}

fm_code fm_store_get(const fm_store_file *f, const char *name, fm_store_type type, size_t *n,
                     const void **data, fm_error *err) {
  const fm_store_block *entry = NULL;
  FM_TRY(find(f, name, type, &entry, err));
  if (entry->encoding != FM_STORE_RAW) {
    return damaged_block(f, name, "is deflated and cannot be used where it lies", err);
  }
  if (f->map.bytes == NULL) {
    return fm_fail(err, FM_INVALID, "`%.250s` was opened to be read, not mapped.", f->path);
  }
  *n = entry->n;
  *data = f->map.bytes + entry->offset;
  return FM_OK;
}

static fm_code not_its_checksum(const fm_store_file *f, const fm_store_block *entry, fm_error *err) {
  return damaged_block(f, entry->name, "does not match its checksum", err);
}

/* The stored bytes, checked. */
static fm_code read_stored(const fm_store_file *f, const fm_store_block *entry, void *to, fm_error *err) {
  if (fm_file_map_read(&f->map, entry->offset, to, entry->stored) != 0) {
    return changed(f, entry->name, err);
  }
  return fm_crc(0, to, entry->stored) == entry->crc ? FM_OK : not_its_checksum(f, entry, err);
}

/* The bytes of a deflated block from its stored ones, in their order. */
static fm_code inflate_stored(const fm_store_file *f, const fm_store_block *entry,
                              const unsigned char *stored, unsigned char *out, fm_error *err) {
  const size_t size = fm_store_type_size(entry->type);
  unsigned char *shuffled = size == 1 ? out : fm_alloc(entry->n, size);
  fm_code code = FM_NO_MEMORY;
  if (shuffled != NULL) {
    code = fm_inflate(stored, entry->stored, shuffled, entry->n * size);
  }
  if (code == FM_OK && size > 1) {
    fm_unshuffle(shuffled, entry->n, size, out);
  }
  if (size > 1) {
    fm_free(shuffled);
  }
  if (code == FM_NO_MEMORY) {
    return no_memory(f, entry, err);
  }
  return code == FM_OK ? FM_OK : damaged_block(f, entry->name, "cannot be inflated", err);
}

static fm_code read_entry(const fm_store_file *f, const fm_store_block *entry, void *out, fm_error *err) {
  if (entry->encoding == FM_STORE_RAW) {
    return read_stored(f, entry, out, err);
  }
  unsigned char *stored = fm_alloc(entry->stored, 1);
  if (stored == NULL) {
    return no_memory(f, entry, err);
  }
  fm_code code = read_stored(f, entry, stored, err);
  code = code == FM_OK ? inflate_stored(f, entry, stored, out, err) : code;
  fm_free(stored);
  return code;
}

fm_code fm_store_read(const fm_store_file *f, const char *name, fm_store_type type, void *out, size_t n,
                      fm_error *err) {
  const fm_store_block *entry = NULL;
  FM_TRY(find(f, name, type, &entry, err));
  if (entry->n != n) {
    return damaged_block(f, name, "has another number of elements than the store says", err);
  }
  return read_entry(f, entry, out, err);
}

/* A new copy of all elements. */
static fm_code read_all(const fm_store_file *f, const fm_store_block *entry, unsigned char **copy,
                        fm_error *err) {
  *copy = fm_alloc(entry->n, fm_store_type_size(entry->type));
  if (*copy == NULL) {
    return no_memory(f, entry, err);
  }
  const fm_code code = read_entry(f, entry, *copy, err);
  if (code != FM_OK) {
    fm_free(*copy);
    *copy = NULL;
  }
  return code;
}

/* Part of what a run of pieces gives: bytes from .. from + length - 1 go to `out`. */
typedef struct excerpt {
  size_t from, length;
  unsigned char *out;
} excerpt;

/* Copies what a piece, `at` bytes into the block, has of the excerpt. */
static void take_piece(const excerpt *part, size_t at, const unsigned char *piece, size_t n) {
  const size_t first = at > part->from ? at : part->from;
  const size_t end = part->from + part->length, last = at + n < end ? at + n : end;
  if (first < last) {
    memcpy(part->out + (first - part->from), piece + (first - at), last - first);
  }
}

/* Reads all of a raw block, to check it, and keeps the excerpt. */
static fm_code read_excerpt(const fm_store_file *f, const fm_store_block *entry, const excerpt *part,
                            fm_error *err) {
  unsigned char *piece = fm_alloc(PIECE, 1);
  if (piece == NULL) {
    return no_memory(f, entry, err);
  }
  uint32_t crc = 0;
  fm_code code = FM_OK;
  for (size_t at = 0; code == FM_OK && at < entry->stored; at += PIECE) {
    const size_t left = entry->stored - at, n = left < PIECE ? left : PIECE;
    if (fm_file_map_read(&f->map, entry->offset + at, piece, n) != 0) {
      code = changed(f, entry->name, err);
    } else {
      crc = fm_crc(crc, piece, n);
      take_piece(part, at, piece, n);
    }
  }
  fm_free(piece);
  return code == FM_OK && crc != entry->crc ? not_its_checksum(f, entry, err) : code;
}

fm_code fm_store_read_part(const fm_store_file *f, const char *name, fm_store_type type, size_t first,
                           size_t n, void *out, fm_error *err) {
  const fm_store_block *entry = NULL;
  FM_TRY(find(f, name, type, &entry, err));
  if (first > entry->n || n > entry->n - first) {
    return damaged_block(f, name, "has fewer elements than the store says", err);
  }
  if (first == 0 && n == entry->n) {
    return read_entry(f, entry, out, err);
  }
  const size_t size = fm_store_type_size(type);
  if (entry->encoding == FM_STORE_RAW) {
    const excerpt part = {first * size, n * size, out};
    return read_excerpt(f, entry, &part, err);
  }
  unsigned char *copy = NULL;
  FM_TRY(read_all(f, entry, &copy, err));
  if (n > 0) {
    memcpy(out, copy + first * size, n * size);
  }
  fm_free(copy);
  return FM_OK;
}

/* ---- verifying --------------------------------------------------------------------------------------- */

/* 1: nothing but zeros from .. to - 1; 0: something else, or the file was cut. The gap before a block is
 * short. */
static int all_zero(const fm_store_file *f, size_t from, size_t to) {
  unsigned char gap[FM_STORE_ALIGN];
  while (from < to) {
    const size_t n = to - from < sizeof gap ? to - from : sizeof gap;
    if (fm_file_map_read(&f->map, from, gap, n) != 0) {
      return 0;
    }
    for (size_t i = 0; i < n; i++) {
      if (gap[i] != 0) {
        return 0;
      }
    }
    from += n;
  }
  return 1;
}

static fm_code verify_entry(const fm_store_file *f, const fm_store_block *entry, fm_error *err) {
  const fm_store_block *found = NULL;
  const excerpt nothing = {0, 0, NULL};
  FM_TRY(find(f, entry->name, entry->type, &found, err)); /* the file may have been cut since */
  if (entry->encoding == FM_STORE_RAW) {
    return read_excerpt(f, entry, &nothing, err);
  }
  unsigned char *copy = NULL;
  FM_TRY(read_all(f, entry, &copy, err));
  fm_free(copy);
  return FM_OK;
}

fm_code fm_store_verify(const fm_store_file *f, fm_error *err) {
  size_t end = sizeof(fm_disk_header);
  for (size_t i = 0; i < f->n; i++) {
    FM_TRY(verify_entry(f, &f->entry[i], err));
    if (!all_zero(f, end, f->entry[i].offset)) {
      return damaged_block(f, f->entry[i].name, "follows bytes that belong to no block", err);
    }
    end = f->entry[i].offset + f->entry[i].stored;
  }
  const size_t directory = f->map.length - f->n * sizeof(fm_disk_entry);
  return all_zero(f, end, directory) ? FM_OK : damaged(f, "bytes follow its last block", err);
}
