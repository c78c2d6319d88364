/* file_map.h: the bytes of a file, read piece by piece or mapped.
 *
 * A file that others may cut or rewrite is read: what is gone is then an error of reading, while to touch a
 * map of it is fatal (SIGBUS). Only files that this process made for itself are mapped. Thread safety: an
 * open file may be read by many threads.
 */
#ifndef FM_FILE_MAP_H
#define FM_FILE_MAP_H

#include <stddef.h>
#include <stdio.h>

#include "../base/status.h"

typedef enum fm_file_access { FM_FILE_READ, FM_FILE_MAP } fm_file_access;

typedef struct fm_file_map {
  const unsigned char *bytes; /* NULL: the file is read piece by piece */
  size_t length;
  void *owned;  /* memory to free, or NULL */
  int mapped;   /* bytes is a map to undo */
  int has_file; /* the next is open */
#if defined(_WIN32)
  void *file;
#else
  int file;
#endif
} fm_file_map;

/* Opens a regular file read-only; an empty one has length 0. FM_FILE_MAP gives its bytes, mapped where the
 * system can, else read into memory. FM_IO, FM_NO_MEMORY: nothing is left open. */
fm_code fm_file_map_open(fm_file_map *m, const char *path, fm_file_access access, fm_error *err);
/* Copies bytes offset .. offset + n - 1; 0 when done, -1 when the file has them no more or the system
 * refuses. */
int fm_file_map_read(const fm_file_map *m, size_t offset, void *to, size_t n);
/* A mapped file still has the length it had. */
int fm_file_map_whole(const fm_file_map *m);
void fm_file_map_prefetch(const fm_file_map *m);
void fm_file_map_release(const fm_file_map *m);
void fm_file_map_close(fm_file_map *m);

/* ---- what writing needs of the system; 0 means done, else errno tells -------------------------------- */
long fm_process_id(void);
int fm_flush_to_disk(FILE *file);
int fm_replace_file(const char *from, const char *to);
/* Makes names that were changed in a folder last; done where the system has no such thing. */
int fm_flush_folder(const char *path);
/* Renames, and fails with errno = EEXIST when `to` is there already, whatever it is. */
int fm_rename_new(const char *from, const char *to);
/* Gives two files or folders each other's name in one step; errno = ENOSYS where the system cannot. */
int fm_exchange(const char *a, const char *b);

#endif
