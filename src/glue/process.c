/* process.c: what the system lets this process have.
 *
 * Threads: OpenMP ends the process when it cannot start one, so it is tried first by threads that do
 * nothing. Sockets: R listens on all addresses of a machine and lets nobody choose. The socket that R
 * holds is exchanged for one that is bound to the loopback address; R's connection stays what it was.
 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* pthread_create, dup2, sockets */
#endif
#include "process.h"

#if !defined(_WIN32)
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#if defined(_OPENMP)
#include <pthread.h>
#endif
#endif

#if defined(_OPENMP) && !defined(_WIN32)
enum { MAX_TRIED = 256 };

static void *wait_for_all(void *gate) {
  pthread_mutex_t *mutex = gate;
  (void)pthread_mutex_lock(mutex);
  (void)pthread_mutex_unlock(mutex);
  return NULL;
}

/* How many threads of `wanted`, the one that calls among them, can run at once. */
static int startable(int wanted) {
  pthread_t thread[MAX_TRIED];
  pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
  int n = 0;
  (void)pthread_mutex_lock(&gate);
  while (n < wanted - 1 && n < MAX_TRIED && pthread_create(&thread[n], NULL, wait_for_all, &gate) == 0) {
    n++;
  }
  (void)pthread_mutex_unlock(&gate);
  for (int i = 0; i < n; i++) {
    (void)pthread_join(thread[i], NULL);
  }
  return n == MAX_TRIED ? wanted : n + 1;
}
#else
static int startable(int wanted) { return wanted; }
#endif

/* How many of the wanted threads can be started now. */
SEXP firmmove_startable_threads(SEXP wanted) { return Rf_ScalarInteger(startable(Rf_asInteger(wanted))); }

#if !defined(_WIN32)
/* Is fd a socket that listens on this port of all addresses? */
static int listens_everywhere(int fd, int port) {
  struct sockaddr_in at;
  socklen_t size = sizeof at;
  int listens = 0;
  socklen_t length = sizeof listens;
  return getsockname(fd, (struct sockaddr *)&at, &size) == 0 && at.sin_family == AF_INET &&
         ntohs(at.sin_port) == port && at.sin_addr.s_addr == htonl(INADDR_ANY) &&
         getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens;
}

/* A socket that listens on the loopback address alone, and its port, given by the system; -1: none. */
static int loopback_socket(int *port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at;
  socklen_t size = sizeof at;
  memset(&at, 0, sizeof at);
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 128) != 0 ||
      getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
    if (fd >= 0) {
      (void)close(fd);
    }
    return -1;
  }
  *port = ntohs(at.sin_port);
  return fd;
}

/* The port where the socket of R's server connection on `port` now listens; 0: it is left as it was. */
static int move_to_loopback(int port) {
  enum { HIGHEST = 4096 }; /* more files than R lets itself open */
  int fd = 0, now = 0;
  while (fd < HIGHEST && !listens_everywhere(fd, port)) {
    fd++;
  }
  const int own = fd < HIGHEST ? loopback_socket(&now) : -1;
  if (own < 0) {
    return 0;
  }
  const int flags = fcntl(fd, F_GETFL);
  const int moved = flags >= 0 && fcntl(own, F_SETFL, flags) == 0 && dup2(own, fd) == fd;
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* not for the processes that are started */
  (void)close(own);
  return moved ? now : 0;
}
#else
static int move_to_loopback(int port) {
  (void)port;
  return 0;
}
#endif

/* Lets R's server connection on a port listen on the loopback address alone: its new port, or 0. */
SEXP firmmove_loopback(SEXP port) { return Rf_ScalarInteger(move_to_loopback(Rf_asInteger(port))); }
