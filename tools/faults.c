/* faults.c: a library that is loaded before all others (LD_PRELOAD) and lets one call of the system fail, or kills the
 * process there; for tools/test-faults.R.
 *
 * FAULTS_FOLDER: only calls on files whose path begins so count. FAULTS_AT=n: the n-th of them. FAULTS_HOW=fail (an
 * error: the disk is full), short (a write of half its bytes, then errors) or kill. FAULTS_COUNT=file: the number of
 * calls is kept there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static long seen = 0;

static int ours(const char *path) {
  const char *folder = getenv("FAULTS_FOLDER");
  return folder != NULL && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int ours_fd(int fd) {
  char link[64], path[4096];
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) {
    return 0;
  }
  path[n] = '\0';
  return ours(path);
}

/* Keeps the number of calls in a file, as a process that is forked may end without a word. */
static void keep_count(void) {
  static int file = -1;
  char text[32];
  const char *path = getenv("FAULTS_COUNT");
  if (path == NULL) {
    return;
  }
  if (file < 0) {
    file = open(path, O_WRONLY | O_CREAT, 0600);
  }
  const int n = snprintf(text, sizeof text, "%ld\n", seen);
  (void)!pwrite(file, text, (size_t)n, 0);
}

/* 0: the call goes on; 1: it fails; 2: it does half of what it should. */
static int strikes(void) {
  const char *at = getenv("FAULTS_AT"), *how = getenv("FAULTS_HOW");
  static pid_t process = 0;
  if (process != getpid()) { /* a fork counts from 1 */
    process = getpid();
    seen = 0;
  }
  seen++;
  keep_count();
  if (at == NULL || how == NULL || seen != atol(at)) {
    return 0;
  }
  if (strcmp(how, "kill") == 0) {
    (void)kill(getpid(), SIGKILL);
  }
  errno = ENOSPC;
  return strcmp(how, "short") == 0 ? 2 : 1;
}

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

ssize_t write(int fd, const void *data, size_t n) {
  ssize_t (*real)(int, const void *, size_t) = REAL("write", ssize_t (*)(int, const void *, size_t));
  if (ours_fd(fd)) {
    const int how = strikes();
    if (how == 1) {
      return -1;
    }
    if (how == 2 && n > 1) {
      return real(fd, data, n / 2);
    }
  }
  return real(fd, data, n);
}

/* glibc's stdio writes by calls of its own, which cannot be replaced: so its functions are. */
size_t fwrite(const void *data, size_t size, size_t n, FILE *file) {
  size_t (*real)(const void *, size_t, size_t, FILE *) =
      REAL("fwrite", size_t (*)(const void *, size_t, size_t, FILE *));
  return ours_fd(fileno(file)) && strikes() ? 0 : real(data, size, n, file);
}

int fflush(FILE *file) {
  int (*real)(FILE *) = REAL("fflush", int (*)(FILE *));
  return file != NULL && ours_fd(fileno(file)) && strikes() ? EOF : real(file);
}

int fclose(FILE *file) {
  int (*real)(FILE *) = REAL("fclose", int (*)(FILE *));
  if (ours_fd(fileno(file)) && strikes()) {
    (void)real(file);
    errno = ENOSPC;
    return EOF;
  }
  return real(file);
}

int fsync(int fd) {
  int (*real)(int) = REAL("fsync", int (*)(int));
  return ours_fd(fd) && strikes() ? -1 : real(fd);
}

FILE *fopen(const char *path, const char *mode) {
  FILE *(*real)(const char *, const char *) = REAL("fopen", FILE * (*)(const char *, const char *));
  return ours(path) && strpbrk(mode, "wa+") != NULL && strikes() ? NULL : real(path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
  FILE *(*real)(const char *, const char *) = REAL("fopen64", FILE * (*)(const char *, const char *));
  return ours(path) && strpbrk(mode, "wa+") != NULL && strikes() ? NULL : real(path, mode);
}

int rename(const char *from, const char *to) {
  int (*real)(const char *, const char *) = REAL("rename", int (*)(const char *, const char *));
  return (ours(from) || ours(to)) && strikes() ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode) {
  int (*real)(const char *, mode_t) = REAL("mkdir", int (*)(const char *, mode_t));
  return ours(path) && strikes() ? -1 : real(path, mode);
}

/* renameat2(), which has no function in older C libraries. */
long syscall(long number, ...) {
  long (*real)(long, ...) = REAL("syscall", long (*)(long, ...));
  long x[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; i++) {
    x[i] = va_arg(rest, long);
  }
  va_end(rest);
#ifdef SYS_renameat2
  if (number == SYS_renameat2 && ours((const char *)x[1]) && strikes()) {
    return -1;
  }
#endif
  return real(number, x[0], x[1], x[2], x[3], x[4], x[5]);
}
