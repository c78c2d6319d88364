/* file_map.c: the one place that knows which system it is on.
 *
 * Arguments: file_map.h. Windows reads the file into memory; other systems map it, so that pages come when they are
 * touched and can be given back. Thread safety: errno apart, no state.
 */
#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* madvise, fsync, fileno */
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include "file_map.h"

#include <errno.h>
#include <string.h>

#include "../base/alloc.h"

#if defined(_WIN32)
#include <io.h>
#include <process.h>
#include <windows.h>
#else
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

static fm_code refused(fm_error *err, const char *path) {
  return fm_fail(err, FM_IO, "Cannot read `%.300s`: %s. Check that it exists and that you may read it.",
                 path, strerror(errno));
}

#if defined(_WIN32)

static long long length_of(FILE *file) { return _fseeki64(file, 0, SEEK_END) == 0 ? _ftelli64(file) : -1; }

fm_code fm_file_map_open(fm_file_map *m, const char *path, fm_error *err) {
  *m = (fm_file_map){0};
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    return refused(err, path);
  }
  const long long length = length_of(file);
  fm_code code = length < 0 ? refused(err, path) : FM_OK;
  if (code == FM_OK && (m->owned = fm_alloc((size_t)length, 1)) == NULL) {
    code = fm_fail(err, FM_NO_MEMORY, "No memory to read `%.300s` of %lld bytes.", path, length);
  }
  rewind(file);
  if (code == FM_OK && fread(m->owned, 1, (size_t)length, file) != (size_t)length) {
    code = refused(err, path);
  }
  fclose(file);
  m->bytes = m->owned;
  m->length = (size_t)length;
  if (code != FM_OK) {
    fm_file_map_close(m);
  }
  return code;
}

int fm_file_map_whole(const fm_file_map *m) {
  (void)m;
  return 1;
}
void fm_file_map_prefetch(const fm_file_map *m) { (void)m; }
void fm_file_map_release(const fm_file_map *m) { (void)m; }

void fm_file_map_close(fm_file_map *m) {
  fm_free(m->owned);
  *m = (fm_file_map){0};
}

long fm_process_id(void) { return (long)_getpid(); }
int fm_flush_to_disk(FILE *file) { return fflush(file) == 0 ? _commit(_fileno(file)) : -1; }

int fm_replace_file(const char *from, const char *to) {
  if (MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING)) {
    return 0;
  }
  errno = GetLastError() == ERROR_ACCESS_DENIED ? EACCES : EIO;
  return -1;
}

#else

fm_code fm_file_map_open(fm_file_map *m, const char *path, fm_error *err) {
  *m = (fm_file_map){0};
  struct stat about;
  m->descriptor = open(path, O_RDONLY | O_CLOEXEC);
  m->has_descriptor = m->descriptor >= 0;
  if (!m->has_descriptor || fstat(m->descriptor, &about) != 0) {
    const fm_code code = refused(err, path);
    fm_file_map_close(m);
    return code;
  }
  if (!S_ISREG(about.st_mode) || (uintmax_t)about.st_size > SIZE_MAX / 2) {
    fm_file_map_close(m);
    return fm_fail(err, FM_IO, "Cannot read `%.300s`: it is not a file, or too long for this machine.",
                   path);
  }
  m->length = (size_t)about.st_size;
  if (m->length > 0) {
    void *bytes = mmap(NULL, m->length, PROT_READ, MAP_SHARED, m->descriptor, 0);
    if (bytes == MAP_FAILED) {
      const fm_code code = refused(err, path);
      fm_file_map_close(m);
      return code;
    }
    m->bytes = bytes;
    m->mapped = 1;
  }
  return FM_OK;
}

int fm_file_map_whole(const fm_file_map *m) {
  struct stat about;
  return !m->mapped || (fstat(m->descriptor, &about) == 0 && (size_t)about.st_size == m->length);
}

/* POSIX gives the address as one that is not constant. */
static void *address(const fm_file_map *m) {
  void *p;
  memcpy(&p, &m->bytes, sizeof p);
  return p;
}

void fm_file_map_prefetch(const fm_file_map *m) {
#ifdef MADV_WILLNEED
  if (m->mapped) {
    (void)madvise(address(m), m->length, MADV_WILLNEED);
  }
#else
  (void)m;
#endif
}

void fm_file_map_release(const fm_file_map *m) {
#ifdef MADV_DONTNEED
  if (m->mapped) {
    (void)madvise(address(m), m->length, MADV_DONTNEED);
  }
#else
  (void)m;
#endif
}

void fm_file_map_close(fm_file_map *m) {
  if (m->mapped) {
    (void)munmap(address(m), m->length);
  }
  if (m->has_descriptor) {
    (void)close(m->descriptor);
  }
  *m = (fm_file_map){0};
}

long fm_process_id(void) { return (long)getpid(); }
int fm_flush_to_disk(FILE *file) { return fflush(file) == 0 ? fsync(fileno(file)) : -1; }
int fm_replace_file(const char *from, const char *to) { return rename(from, to); }

#endif
