/* blocks.h: a file of named, typed blocks, the container of shards of rows and of compiled slices.
 *
 * Layout, all offsets multiples of 64, numbers in the byte order of the machine that wrote (a mark tells):
 *
 *   header     64 bytes: "FIRMMOVE", version, byte-order mark, length of the file, offset of the directory,
 * number of blocks, crc32 of the directory, zeros, crc32 of the 60 bytes before blocks     each at a
 * multiple of 64, zeros between them directory  128 bytes a block: name (63 bytes and a zero), type,
 * encoding, number of elements, offset, stored bytes, crc32 of the stored bytes, zeros
 *
 * A block is raw, or its bytes are shuffled (all first bytes, all second bytes, ...) and deflated by zlib.
 * A raw block is read where it lies in the map of the file. All sizes are checked against the file before
 * memory is asked for. Messages name the file, the block and what to do. Thread safety: a writer belongs to
 * one thread; an open file may be read by many.
 */
#ifndef FM_BLOCKS_H
#define FM_BLOCKS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../base/status.h"
#include "file_map.h"

enum { FM_STORE_VERSION = 1, FM_STORE_NAME = 64, FM_STORE_ALIGN = 64 };

typedef enum fm_store_type {
  FM_STORE_BYTES = 0,
  FM_STORE_INT32 = 1,
  FM_STORE_DOUBLE = 2,
  FM_STORE_SIZE = 3 /* uint64 */
} fm_store_type;
typedef enum fm_store_encoding { FM_STORE_RAW = 0, FM_STORE_DEFLATED = 1 } fm_store_encoding;

typedef struct fm_store_block {
  char name[FM_STORE_NAME]; /* printable ASCII without blanks, 1 to 63 characters */
  fm_store_type type;
  fm_store_encoding encoding;
  size_t n;      /* elements */
  size_t offset; /* in the file */
  size_t stored; /* bytes in the file */
  uint32_t crc;  /* of the stored bytes */
} fm_store_block;

/* Bytes of an element: 1, 4, 8, 8. */
size_t fm_store_type_size(fm_store_type type);

/* ---- writing ----------------------------------------------------------------------------------------- */
/* Writes beside the target and renames at the end, so that no file of that name is ever half written. */
typedef struct fm_store_writer { /* fields are private */
  FILE *file;
  char *path, *part;
  size_t offset;
  fm_store_block *entry;
  size_t n, room;
} fm_store_writer;

/* After a failure of any of these the writer has been aborted: nothing is left on disk or in memory. */
fm_code fm_store_create(fm_store_writer *w, const char *path, fm_error *err);
fm_code fm_store_put(fm_store_writer *w, const char *name, fm_store_type type, const void *data, size_t n,
                     int deflate, fm_error *err);
/* Directory, header, flush to the disk, rename; the writer is done. */
fm_code fm_store_finish(fm_store_writer *w, fm_error *err);
/* Closes and removes what was written. Harmless after finish, after a failure, and on a zeroed writer. */
void fm_store_abort(fm_store_writer *w);

/* The same for a file of plain bytes, such as a manifest: part, flush, rename. */
fm_code fm_write_file(const char *path, const void *bytes, size_t n, fm_error *err);
/* Adds bytes to the end of a file of the writer's own, which is not flushed to the disk. */
fm_code fm_append_file(const char *path, const void *bytes, size_t n, fm_error *err);

/* ---- reading ----------------------------------------------------------------------------------------- */
typedef struct fm_store_file { /* fields are private */
  char *path;
  fm_file_map map;
  uint32_t mark;         /* checksum of the header, and so of the directory and all blocks */
  fm_store_block *entry; /* in the order of the file */
  size_t *by_name;       /* their indices in the order of names */
  size_t n;
} fm_store_file;

/* Opens read-only; checks the header and the directory, not the blocks. FM_IO, FM_CORRUPT, FM_NO_MEMORY:
 * nothing is left open. Blocks are read from the file when asked for: a file cut meanwhile is FM_CORRUPT.
 */
fm_code fm_store_open(fm_store_file *f, const char *path, fm_error *err);
/* The same, and maps the file: for fm_store_get(). Of files that nobody else writes: to touch a map of a
 * file that was cut ends the process. Its name may be removed once it is open. */
fm_code fm_store_map(fm_store_file *f, const char *path, fm_error *err);
/* The same of bytes in memory, which stay the caller's and must outlive f. */
fm_code fm_store_open_memory(fm_store_file *f, const void *bytes, size_t length, const char *label,
                             fm_error *err);
size_t fm_store_count(const fm_store_file *f);
const fm_store_block *fm_store_entry(const fm_store_file *f, size_t i);
/* NULL when there is none. */
const fm_store_block *fm_store_find(const fm_store_file *f, const char *name);
/* Points into the map of a raw block, aligned to 64; its checksum is not looked at. FM_CORRUPT when the
 * block is absent, of another type or deflated; FM_INVALID when the file is not mapped. */
fm_code fm_store_get(const fm_store_file *f, const char *name, fm_store_type type, size_t *n,
                     const void **data, fm_error *err);
/* Copies or inflates all n elements after checking their checksum. FM_CORRUPT also when n is not their
 * number. */
fm_code fm_store_read(const fm_store_file *f, const char *name, fm_store_type type, void *out, size_t n,
                      fm_error *err);
/* Elements first .. first + n - 1, after checking the checksum of all; of a deflated block, all is
 * inflated. */
fm_code fm_store_read_part(const fm_store_file *f, const char *name, fm_store_type type, size_t first,
                           size_t n, void *out, fm_error *err);
/* All checksums, all deflated blocks, and that nothing but zeros lies between the blocks. */
fm_code fm_store_verify(const fm_store_file *f, fm_error *err);
/* Asks the system to read ahead; gives the pages back. Both only advise. */
void fm_store_prefetch(const fm_store_file *f);
void fm_store_release(const fm_store_file *f);
void fm_store_close(fm_store_file *f); /* harmless on a closed or zeroed file */

#endif
