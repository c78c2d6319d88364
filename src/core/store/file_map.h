/* file_map.h: the bytes of a file, mapped where the system can, else read into memory.
 *
 * Thread safety: a map may be read by many threads.
 */
#ifndef FM_FILE_MAP_H
#define FM_FILE_MAP_H

#include <stddef.h>
#include <stdio.h>

#include "../base/status.h"

typedef struct fm_file_map {
  const unsigned char *bytes;
  size_t length;
  void *owned;                    /* memory to free, or NULL */
  int mapped;                     /* bytes is a map to undo */
  int has_descriptor, descriptor; /* of a mapped file */
} fm_file_map;

/* Maps the file read-only. An empty file has length 0. FM_IO, FM_NO_MEMORY: nothing is left open. */
fm_code fm_file_map_open(fm_file_map *m, const char *path, fm_error *err);
/* The file still has the length it had: to touch a map of a file cut since is fatal. */
int fm_file_map_whole(const fm_file_map *m);
void fm_file_map_prefetch(const fm_file_map *m);
void fm_file_map_release(const fm_file_map *m);
void fm_file_map_close(fm_file_map *m);

/* ---- what writing needs of the system; 0 means done, else errno tells ----------------------------------------------- */
long fm_process_id(void);
int fm_flush_to_disk(FILE *file);
int fm_replace_file(const char *from, const char *to);

#endif
