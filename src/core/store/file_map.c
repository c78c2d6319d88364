/* file_map.c: the one place that knows which system it is on. Windows has no map here and reads what should
 * be mapped into memory; other systems map it, so that pages come when they are touched and can be given
 * back. Thread safety: errno apart, no state.
 */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* madvise, fsync, fileno, renameat2 */
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include "file_map.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "../base/alloc.h"

#if defined(_WIN32)
#include <io.h>
#include <process.h>
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#endif

enum { PIECE = 1 << 30 }; /* bytes asked of the system at once */

static fm_code refused(fm_error *err, const char *path) {
  return fm_fail(err, FM_IO, "Cannot read `%.300s`: %s. Check that it exists and that you may read it.",
                 path, strerror(errno));
}

static fm_code not_a_file(fm_error *err, const char *path) {
  return fm_fail(err, FM_IO, "Cannot read `%.300s`: it is not a file, or too long for this machine.", path);
}

#if defined(_WIN32)

/* What Windows says, as errno. */
static int failed(void) {
  const DWORD why = GetLastError();
  errno = why == ERROR_FILE_NOT_FOUND || why == ERROR_PATH_NOT_FOUND ? ENOENT
          : why == ERROR_ACCESS_DENIED                               ? EACCES
          : why == ERROR_ALREADY_EXISTS || why == ERROR_FILE_EXISTS  ? EEXIST
                                                                     : EIO;
  return -1;
}

static fm_code open_file(fm_file_map *m, const char *path, fm_error *err) {
  LARGE_INTEGER length;
  const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  const HANDLE file =
      CreateFileA(path, GENERIC_READ, share, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
  if (file == INVALID_HANDLE_VALUE) {
    (void)failed();
    return refused(err, path);
  }
  m->file = file;
  m->has_file = 1;
  if (GetFileType(file) != FILE_TYPE_DISK || !GetFileSizeEx(file, &length) ||
      (unsigned long long)length.QuadPart > SIZE_MAX / 2) {
    return not_a_file(err, path);
  }
  m->length = (size_t)length.QuadPart;
  return FM_OK;
}

static int read_piece(const fm_file_map *m, size_t offset, void *to, size_t n) {
  OVERLAPPED at = {0};
  DWORD got = 0;
  at.Offset = (DWORD)(offset & 0xFFFFFFFFu);
  at.OffsetHigh = (DWORD)((unsigned long long)offset >> 32);
  return ReadFile(m->file, to, (DWORD)n, &got, &at) ? (int)got : failed();
}

static fm_code map_file(fm_file_map *m, const char *path, fm_error *err) {
  m->owned = fm_alloc(m->length, 1);
  if (m->owned == NULL) {
    return fm_fail(err, FM_NO_MEMORY, "No memory to read `%.300s` of %.0f bytes.", path, (double)m->length);
  }
  if (fm_file_map_read(m, 0, m->owned, m->length) != 0) {
    return refused(err, path);
  }
  m->bytes = m->owned;
  return FM_OK;
}

int fm_file_map_whole(const fm_file_map *m) {
  (void)m;
  return 1;
}
void fm_file_map_prefetch(const fm_file_map *m) { (void)m; }
void fm_file_map_release(const fm_file_map *m) { (void)m; }

void fm_file_map_close(fm_file_map *m) {
  if (m->has_file) {
    (void)CloseHandle(m->file);
  }
  fm_free(m->owned);
  *m = (fm_file_map){0};
}

long fm_process_id(void) { return (long)_getpid(); }
int fm_flush_to_disk(FILE *file) { return fflush(file) == 0 ? _commit(_fileno(file)) : -1; }

int fm_replace_file(const char *from, const char *to) {
  return MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING) ? 0 : failed();
}

int fm_flush_folder(const char *path) {
  (void)path;
  return 0;
}

int fm_rename_new(const char *from, const char *to) { return MoveFileExA(from, to, 0) ? 0 : failed(); }

int fm_exchange(const char *a, const char *b) {
  (void)a;
  (void)b;
  errno = ENOSYS;
  return -1;
}

#else

/* Not to be kept waiting by a pipe: it is opened at once, and seen not to be a file. */
static fm_code open_file(fm_file_map *m, const char *path, fm_error *err) {
  struct stat about;
  m->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (m->file < 0) {
    return refused(err, path);
  }
  m->has_file = 1;
  if (fstat(m->file, &about) != 0) {
    return refused(err, path);
  }
  if (!S_ISREG(about.st_mode) || (uintmax_t)about.st_size > SIZE_MAX / 2) {
    return not_a_file(err, path);
  }
  m->length = (size_t)about.st_size;
  return FM_OK;
}

static int read_piece(const fm_file_map *m, size_t offset, void *to, size_t n) {
  ssize_t got;
  do {
    got = pread(m->file, to, n, (off_t)offset);
  } while (got < 0 && errno == EINTR);
  return (int)got;
}

static fm_code map_file(fm_file_map *m, const char *path, fm_error *err) {
  if (m->length > 0) {
    void *bytes = mmap(NULL, m->length, PROT_READ, MAP_SHARED, m->file, 0);
    if (bytes == MAP_FAILED) {
      return refused(err, path);
    }
    m->bytes = bytes;
    m->mapped = 1;
  }
  return FM_OK;
}

int fm_file_map_whole(const fm_file_map *m) {
  struct stat about;
  return !m->mapped || (fstat(m->file, &about) == 0 && (size_t)about.st_size == m->length);
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
  if (m->has_file) {
    (void)close(m->file);
  }
  *m = (fm_file_map){0};
}

long fm_process_id(void) { return (long)getpid(); }
int fm_flush_to_disk(FILE *file) { return fflush(file) == 0 ? fsync(fileno(file)) : -1; }
int fm_replace_file(const char *from, const char *to) { return rename(from, to); }

/* Some file systems have no such thing, and say so: there names last as they are. */
int fm_flush_folder(const char *path) {
  const int folder = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (folder < 0) {
    return -1;
  }
  int result = fsync(folder);
  const int why = errno;
  if (result != 0 && (why == EINVAL || why == EROFS || why == ENOTSUP)) {
    result = 0;
  }
  (void)close(folder);
  errno = why;
  return result;
}

/* A system call that Linux has since 3.15; what a file system cannot do is EINVAL. */
static int rename_with(const char *from, const char *to, unsigned flags) {
#if defined(__linux__) && defined(SYS_renameat2)
  const long result = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
  if (result != 0 && errno == EINVAL) {
    errno = ENOSYS;
  }
  return (int)result;
#else
  (void)from;
  (void)to;
  (void)flags;
  errno = ENOSYS;
  return -1;
#endif
}

/* Without that call: rename() replaces an empty folder only, and a folder never replaces a file; looking
 * first leaves a moment in which an empty folder or, for a file, a file may come. */
int fm_rename_new(const char *from, const char *to) {
  struct stat about;
  const unsigned no_replace = 1;
  const int result = rename_with(from, to, no_replace);
  if (result == 0 || errno != ENOSYS) {
    return result;
  }
  if (lstat(to, &about) == 0) {
    errno = EEXIST;
    return -1;
  }
  return rename(from, to);
}

int fm_exchange(const char *a, const char *b) {
  const unsigned exchange = 2;
  return rename_with(a, b, exchange);
}

#endif

/* ---- of all systems ---------------------------------------------------------------------------------- */

fm_code fm_file_map_open(fm_file_map *m, const char *path, fm_file_access access, fm_error *err) {
  *m = (fm_file_map){0};
  fm_code code = open_file(m, path, err);
  if (code == FM_OK && access == FM_FILE_MAP) {
    code = map_file(m, path, err);
  }
  if (code != FM_OK) {
    fm_file_map_close(m);
  }
  return code;
}

int fm_file_map_read(const fm_file_map *m, size_t offset, void *to, size_t n) {
  unsigned char *at = to;
  if (offset > m->length || n > m->length - offset) {
    return -1;
  }
  if (m->bytes != NULL) {
    if (n > 0) {
      memcpy(at, m->bytes + offset, n);
    }
    return 0;
  }
  while (n > 0) {
    const int got = read_piece(m, offset, at, n < PIECE ? n : PIECE);
    if (got <= 0) {
      return -1;
    }
    at += got;
    offset += (size_t)got;
    n -= (size_t)got;
  }
  return 0;
}
