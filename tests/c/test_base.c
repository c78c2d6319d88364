/* test_base.c: status, memory and threads. */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "../../src/core/base/alloc.h"
#include "../../src/core/base/status.h"
#include "../../src/core/base/threads.h"
#include "minunit.h"

/* ---- status ------------------------------------------------------------------------------------------ */

static fm_code pass_up(fm_code code, int *reached) {
  FM_TRY(code);
  *reached = 1;
  return FM_OK;
}

static void status_messages(void) {
  fm_error err = {FM_OK, ""};
  CHECK_CODE(fm_fail(&err, FM_INVALID, "column %d of %s", 3, "x"), FM_INVALID);
  CHECK(err.code == FM_INVALID && strcmp(err.message, "column 3 of x") == 0);
  CHECK_CODE(fm_fail(NULL, FM_SINGULAR, "nobody listens"), FM_SINGULAR);
  char longer[2 * FM_MESSAGE_SIZE];
  memset(longer, 'a', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  (void)fm_fail(&err, FM_DIVERGED, "%s", longer);
  CHECK(strlen(err.message) == FM_MESSAGE_SIZE - 1);
}

static void status_codes(void) {
  for (int code = FM_OK; code <= FM_CORRUPT; code++) {
    CHECK(strcmp(fm_code_text((fm_code)code), "unknown error") != 0);
    for (int other = FM_OK; other < code; other++) {
      CHECK(strcmp(fm_code_text((fm_code)code), fm_code_text((fm_code)other)) != 0);
    }
  }
  int reached = 0;
  CHECK(pass_up(FM_DIVERGED, &reached) == FM_DIVERGED && !reached);
  CHECK(pass_up(FM_OK, &reached) == FM_OK && reached);
}

/* ---- memory ------------------------------------------------------------------------------------------ */

static void memory_blocks(void) {
  const long before = fm_test_alloc_live();
  for (size_t n = 0; n < 200; n += 7) {
    unsigned char *a = fm_alloc(n, 1), *z = fm_alloc_zero(n, 3);
    CHECK(a != NULL && z != NULL && fm_test_alloc_live() == before + 2);
    CHECK((uintptr_t)a % 64 == 0 && (uintptr_t)z % 64 == 0);
    memset(a, 255, n);
    for (size_t i = 0; i < 3 * n; i++) {
      CHECK(z[i] == 0);
    }
    fm_free(a);
    fm_free(z);
  }
  fm_free(NULL);
  CHECK(fm_test_alloc_live() == before);
}

static void memory_overflow(void) {
  const long before = fm_test_alloc_live();
  CHECK(fm_alloc(SIZE_MAX, 1) == NULL);
  CHECK(fm_alloc(SIZE_MAX / 8 + 2, 8) == NULL); /* wraps to 8 bytes */
  CHECK(fm_alloc_zero(SIZE_MAX / 2, SIZE_MAX / 2) == NULL);
  const size_t half = (size_t)1 << 4 * sizeof(size_t);
  CHECK(fm_alloc_zero(half, half) == NULL); /* wraps to 0 */
  CHECK(fm_alloc((size_t)PTRDIFF_MAX, 1) == NULL);
  CHECK(fm_test_alloc_live() == before);
}

static int next_fails(void) {
  void *p = fm_alloc(1, 1);
  fm_free(p);
  return p == NULL;
}

static void memory_injection(void) {
  fm_test_alloc_fail_after(2, 0);
  CHECK(!next_fails() && next_fails() && !next_fails() && !next_fails());
  fm_test_alloc_fail_after(2, 1);
  CHECK(!next_fails() && next_fails() && next_fails());
  fm_test_alloc_fail_after(0, 0);
  CHECK(!next_fails());
}

/* ---- threads ----------------------------------------------------------------------------------------- */

enum { TASKS = 37 };

typedef struct crew {
  double sum[TASKS];
  int done[TASKS];
  size_t worker[TASKS];
  size_t fails[2]; /* tasks that fail, with different codes */
} crew;

static fm_code add_up(void *context, size_t task, size_t worker) {
  crew *c = context;
  c->done[task]++;
  c->worker[task] = worker;
  for (int i = 0; i < 1000; i++) {
    c->sum[task] += sin((double)task + 0.1 * i);
  }
  if (task == c->fails[0]) {
    return FM_INVALID;
  }
  return task == c->fails[1] ? FM_SINGULAR : FM_OK;
}

static void threads_agree(void) {
  crew one = {.fails = {TASKS, TASKS}};
  CHECK_OK(fm_parallel(TASKS, 1, add_up, &one));
  for (int threads = -1; threads <= 9; threads++) {
    crew many = {.fails = {TASKS, TASKS}};
    CHECK_OK(fm_parallel(TASKS, threads, add_up, &many));
    CHECK(memcmp(one.sum, many.sum, sizeof one.sum) == 0);
    for (size_t i = 0; i < TASKS; i++) {
      CHECK(many.done[i] == 1);
      CHECK(many.worker[i] < (size_t)(threads > 1 ? threads : 1));
    }
  }
  CHECK_OK(fm_parallel(0, 4, add_up, &one));
}

static void threads_fail(void) {
  for (int round = 0; round < 50; round++) {
    crew c = {.fails = {(size_t)(round % 30), (size_t)((round + 2) % 30)}};
    const fm_code lowest = c.fails[0] < c.fails[1] ? FM_INVALID : FM_SINGULAR;
    const int threads = 1 + round % 5;
    CHECK(fm_parallel(TASKS, threads, add_up, &c) == lowest);
    for (size_t i = 0; i < TASKS; i++) {
      CHECK(c.done[i] == 1 || (c.done[i] == 0 && (i > c.fails[0] || i > c.fails[1])));
    }
    CHECK(threads > 1 || c.done[TASKS - 1] == 0); /* no new task after a failure */
  }
}

/* ---- interrupts -------------------------------------------------------------------------------------- */

typedef struct user {
  int asked;
  int stops; /* says so at this question; 0: never */
} user;

static int ask_user(void *context) {
  user *u = context;
  u->asked++;
  return u->asked == u->stops;
}

/* Keeps the processor busy for a little more than a tenth of a second in all. */
static fm_code dawdle(void *context, size_t task, size_t worker) {
  const clock_t begin = clock();
  int *done = context;
  (void)worker;
  while (clock() - begin < CLOCKS_PER_SEC / 50) {
  }
  done[task]++;
  return FM_OK;
}

static void threads_ask_whether_to_stop(void) {
  for (int threads = 1; threads <= 2; threads++) {
    int done[TASKS] = {0}, all = 0;
    user patient = {0, 0}, stops = {0, 1};
    CHECK_CODE(fm_parallel_watched(TASKS, threads, dawdle, done, ask_user, &stops), FM_INTERRUPTED);
    for (size_t i = 0; i < TASKS; i++) {
      all += done[i];
      CHECK(i == 0 || done[i] <= done[i - 1]); /* the tasks that were started, in order */
    }
    CHECK(stops.asked == 1 && all > 0 && all < TASKS);
    CHECK_OK(fm_parallel_watched(TASKS, threads, dawdle, done, ask_user, &patient));
    CHECK(patient.asked > 0 && patient.asked < TASKS);
    crew failing = {.fails = {0, TASKS}};
    CHECK_CODE(fm_parallel_watched(TASKS, threads, add_up, &failing, ask_user, &patient), FM_INVALID);
  }
}

void test_base(void);
void test_base(void) {
  RUN(status_messages);
  RUN(status_codes);
  RUN(memory_blocks);
  RUN(memory_overflow);
  RUN(memory_injection);
  RUN(threads_agree);
  RUN(threads_fail);
  RUN(threads_ask_whether_to_stop);
}
