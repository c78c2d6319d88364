/* blocks_write.c: the writer of blocks.h.
 *
 * Blocks are written as they come; the directory follows the last, and the header, until then zeros, is
 * written at the end: a file that was cut short has no magic word. Overwrites: the file
 * <path>.part-<process>, renamed to <path>. Thread safety: one thread a writer.
 */
#include <errno.h>
#include <string.h>

#include "../base/alloc.h"
#include "blocks.h"
#include "layout.h"
#include "shuffle.h"

size_t fm_store_type_size(fm_store_type type) {
  return type == FM_STORE_BYTES ? 1 : type == FM_STORE_INT32 ? 4 : 8;
}

void fm_store_abort(fm_store_writer *w) {
  if (w->file != NULL) {
    (void)fclose(w->file);
  }
  if (w->part != NULL) {
    (void)remove(w->part);
  }
  fm_free(w->path);
  fm_free(w->part);
  fm_free(w->entry);
  *w = (fm_store_writer){0};
}

/* Records why writing failed, with errno's words. */
static fm_code refused(const fm_store_writer *w, fm_error *err) {
  return fm_fail(err, FM_IO,
                 "Cannot write `%.300s`: %s. Free some space or choose another folder; nothing was kept.",
                 w->path, strerror(errno));
}

static fm_code no_memory(const fm_store_writer *w, fm_error *err) {
  return fm_fail(err, FM_NO_MEMORY, "No memory to write `%.300s`.", w->path);
}

static fm_code aborted(fm_store_writer *w, fm_code code) {
  fm_store_abort(w);
  return code;
}

static fm_code append(fm_store_writer *w, const void *data, size_t bytes) {
  if (bytes > 0 && fwrite(data, 1, bytes, w->file) != bytes) {
    return FM_IO;
  }
  w->offset += bytes;
  return FM_OK;
}

static fm_code append_zeros(fm_store_writer *w) {
  static const unsigned char zeros[FM_STORE_ALIGN] = {0};
  return append(w, zeros, fm_store_aligned(w->offset) - w->offset);
}

/* ---- opening ----------------------------------------------------------------------------------------- */

static fm_code name_files(fm_store_writer *w, const char *path) {
  const size_t length = strlen(path), room = length + 40;
  w->path = fm_alloc(length + 1, 1);
  w->part = fm_alloc(room, 1);
  if (w->path == NULL || w->part == NULL) {
    fm_free(w->part);
    w->part = NULL; /* nothing to remove */
    return FM_NO_MEMORY;
  }
  memcpy(w->path, path, length + 1);
  (void)snprintf(w->part, room, "%s.part-%ld", path, fm_process_id());
  return FM_OK;
}

fm_code fm_store_create(fm_store_writer *w, const char *path, fm_error *err) {
  *w = (fm_store_writer){0};
  if (name_files(w, path) != FM_OK) {
    return aborted(w, fm_fail(err, FM_NO_MEMORY, "No memory to write `%.300s`.", path));
  }
  const fm_disk_header nothing = {0};
  w->file = fopen(w->part, "wb");
  if (w->file == NULL || append(w, &nothing, sizeof nothing) != FM_OK) {
    return aborted(w, refused(w, err));
  }
  return FM_OK;
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

static fm_code make_room(fm_store_writer *w) {
  if (w->n < w->room) {
    return FM_OK;
  }
  const size_t room = w->room == 0 ? 64 : 2 * w->room;
  fm_store_block *entry = fm_alloc(room, sizeof *entry);
  if (entry == NULL) {
    return FM_NO_MEMORY;
  }
  if (w->n > 0) {
    memcpy(entry, w->entry, w->n * sizeof *entry);
  }
  fm_free(w->entry);
  w->entry = entry;
  w->room = room;
  return FM_OK;
}

static int has_block(const fm_store_writer *w, const char *name) {
  for (size_t i = 0; i < w->n; i++) {
    if (strcmp(w->entry[i].name, name) == 0) {
      return 1;
    }
  }
  return 0;
}

static fm_code check_block(const fm_store_writer *w, const char *name, fm_store_type type, size_t n,
                           fm_error *err) {
  if (!fm_store_name_valid(name, FM_STORE_NAME) || has_block(w, name)) {
    return fm_fail(err, FM_INVALID, "A block of `%.300s` cannot be named `%.80s`.", w->path, name);
  }
  if (n > SIZE_MAX / 2 / fm_store_type_size(type) || w->n == UINT32_MAX) {
    return fm_fail(err, FM_INVALID, "Block `%s` of `%.300s` is too long.", name, w->path);
  }
  return FM_OK;
}

typedef struct checked_sink {
  fm_store_writer *w;
  uint32_t crc;
} checked_sink;

static fm_code append_checked(void *context, const void *data, size_t bytes) {
  checked_sink *sink = context;
  sink->crc = fm_crc(sink->crc, data, bytes);
  return append(sink->w, data, bytes);
}

static fm_code append_deflated(checked_sink *sink, const void *data, size_t n, size_t size) {
  if (size == 1) {
    return fm_deflate(data, n, append_checked, sink);
  }
  unsigned char *shuffled = fm_alloc(n, size);
  if (shuffled == NULL) {
    return FM_NO_MEMORY;
  }
  fm_shuffle(data, n, size, shuffled);
  const fm_code code = fm_deflate(shuffled, n * size, append_checked, sink);
  fm_free(shuffled);
  return code;
}

fm_code fm_store_put(fm_store_writer *w, const char *name, fm_store_type type, const void *data, size_t n,
                     int deflate, fm_error *err) {
  const size_t size = fm_store_type_size(type);
  fm_code code = check_block(w, name, type, n, err);
  if (code != FM_OK) {
    return aborted(w, code);
  }
  checked_sink sink = {w, 0};
  code = make_room(w);
  code = code != FM_OK ? code : append_zeros(w);
  const size_t offset = w->offset;
  if (code == FM_OK) {
    code = deflate && n > 0 ? append_deflated(&sink, data, n, size) : append_checked(&sink, data, n * size);
  }
  if (code != FM_OK) {
    return aborted(w, code == FM_NO_MEMORY ? no_memory(w, err) : refused(w, err));
  }
  fm_store_block *entry = &w->entry[w->n++];
  *entry = (fm_store_block){
      .type = type, .encoding = deflate && n > 0 ? FM_STORE_DEFLATED : FM_STORE_RAW, .n = n};
  memcpy(entry->name, name, strlen(name));
  entry->offset = offset;
  entry->stored = w->offset - offset;
  entry->crc = sink.crc;
  return FM_OK;
}

/* ---- the end ----------------------------------------------------------------------------------------- */

static fm_disk_entry on_disk(const fm_store_block *entry) {
  fm_disk_entry disk = {.type = (uint32_t)entry->type, .encoding = (uint32_t)entry->encoding};
  memcpy(disk.name, entry->name, FM_STORE_NAME);
  disk.n = entry->n;
  disk.offset = entry->offset;
  disk.stored = entry->stored;
  disk.crc = entry->crc;
  return disk;
}

static fm_code append_directory(fm_store_writer *w, fm_disk_header *header) {
  FM_TRY(append_zeros(w));
  checked_sink sink = {w, 0};
  header->directory = w->offset;
  for (size_t i = 0; i < w->n; i++) {
    const fm_disk_entry disk = on_disk(&w->entry[i]);
    FM_TRY(append_checked(&sink, &disk, sizeof disk));
  }
  memcpy(header->magic, FM_STORE_MAGIC, sizeof header->magic);
  header->version = FM_STORE_VERSION;
  header->byte_order = FM_BYTE_ORDER;
  header->length = w->offset;
  header->n = (uint32_t)w->n;
  header->directory_crc = sink.crc;
  header->crc = fm_crc(0, header, offsetof(fm_disk_header, crc));
  return FM_OK;
}

static fm_code write_end(fm_store_writer *w) {
  fm_disk_header header = {.version = 0};
  FM_TRY(append_directory(w, &header));
  if (fseek(w->file, 0, SEEK_SET) != 0) {
    return FM_IO;
  }
  return append(w, &header, sizeof header);
}

/* Flush, close, rename. */
static fm_code keep(fm_store_writer *w, fm_error *err) {
  if (fm_flush_to_disk(w->file) != 0) {
    return aborted(w, refused(w, err));
  }
  const int closed = fclose(w->file);
  w->file = NULL;
  if (closed != 0 || fm_replace_file(w->part, w->path) != 0) {
    return aborted(w, refused(w, err));
  }
  fm_free(w->part);
  w->part = NULL;
  fm_store_abort(w);
  return FM_OK;
}

fm_code fm_store_finish(fm_store_writer *w, fm_error *err) {
  return write_end(w) == FM_OK ? keep(w, err) : aborted(w, refused(w, err));
}

/* ---- other files ------------------------------------------------------------------------------------- */

fm_code fm_write_file(const char *path, const void *bytes, size_t n, fm_error *err) {
  fm_store_writer w = {0};
  if (name_files(&w, path) != FM_OK) {
    return aborted(&w, fm_fail(err, FM_NO_MEMORY, "No memory to write `%.300s`.", path));
  }
  w.file = fopen(w.part, "wb");
  if (w.file == NULL || append(&w, bytes, n) != FM_OK) {
    return aborted(&w, refused(&w, err));
  }
  return keep(&w, err);
}

fm_code fm_append_file(const char *path, const void *bytes, size_t n, fm_error *err) {
  fm_store_writer w = {0};
  if (name_files(&w, path) != FM_OK) {
    return aborted(&w, fm_fail(err, FM_NO_MEMORY, "No memory to write `%.300s`.", path));
  }
  fm_free(w.part);
  w.part = NULL; /* nothing beside the file */
  w.file = fopen(path, "ab");
  if (w.file == NULL || append(&w, bytes, n) != FM_OK || fflush(w.file) != 0) {
    return aborted(&w, refused(&w, err));
  }
  const int closed = fclose(w.file);
  w.file = NULL;
  if (closed != 0) {
    return aborted(&w, refused(&w, err));
  }
  fm_store_abort(&w);
  return FM_OK;
}
