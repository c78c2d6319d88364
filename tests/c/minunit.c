/* minunit.c: the checks, the counts, and the runner of all suites.
 *
 * Usage: run-tests [name ...]: the suites of these names, or all. The last line is "N passed, N failed";
 * the exit code is 1 when a case failed or no case was run.
 */
#include "minunit.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct {
  const char *suite, *name; /* what is running; no name between the cases */
  int case_failed;
  long passed, failed;
  uint64_t random;
} state = {"", "", 0, 0, 0, 1};

/* ---- checks ------------------------------------------------------------------------------------------ */

static void fail_at(const char *file, int line) {
  state.case_failed = 1;
  printf("FAIL %s/%s at %s:%d: ", state.suite, state.name, file, line);
}

int mu_check(int holds, const char *text, const char *file, int line) {
  if (!holds) {
    fail_at(file, line);
    printf("%s does not hold\n", text);
  }
  return holds;
}

int mu_check_code(fm_code actual, fm_code expected, const char *text, const char *file, int line) {
  if (actual != expected) {
    fail_at(file, line);
    printf("%s gave code %d (%s), not %d (%s)\n", text, (int)actual, fm_code_text(actual), (int)expected,
           fm_code_text(expected));
  }
  return actual == expected;
}

int mu_check_int(long long actual, long long expected, const char *text, const char *file, int line) {
  if (actual != expected) {
    fail_at(file, line);
    printf("%s is %lld, not %lld\n", text, actual, expected);
  }
  return actual == expected;
}

int mu_check_text(const char *actual, const char *expected, const char *text, const char *file, int line) {
  const int same = strcmp(actual, expected) == 0;
  if (!same) {
    fail_at(file, line);
    printf("%s is \"%s\", not \"%s\"\n", text, actual, expected);
  }
  return same;
}

/* The distance of the tolerance's unit; INFINITY when one of the two is a NaN. */
static double distance(double actual, double expected) {
  if (isnan(actual) || isnan(expected)) {
    return INFINITY;
  }
  if (isinf(actual) || isinf(expected)) {
    return actual > expected || actual < expected ? INFINITY : 0;
  }
  return fabs(actual - expected) / fmax(1, fabs(expected));
}

int mu_check_close(double actual, double expected, double tolerance, const char *text, const char *file,
                   int line) {
  const double d = distance(actual, expected);
  if (!(d <= tolerance)) {
    fail_at(file, line);
    printf("%s is %.17g, not %.17g: off by %.3g, more than %.3g\n", text, actual, expected, d, tolerance);
  }
  return d <= tolerance;
}

int mu_check_array(const double *actual, const double *expected, size_t n, double tolerance,
                   const char *text, const char *file, int line) {
  size_t worst = 0;
  for (size_t i = 1; i < n; i++) {
    if (distance(actual[i], expected[i]) > distance(actual[worst], expected[worst])) {
      worst = i;
    }
  }
  const double d = n == 0 ? 0 : distance(actual[worst], expected[worst]);
  if (!(d <= tolerance)) {
    fail_at(file, line);
    printf("%s[%zu] is %.17g, not %.17g: off by %.3g, more than %.3g\n", text, worst, actual[worst],
           expected[worst], d, tolerance);
  }
  return d <= tolerance;
}

int mu_check_same(const double *actual, const double *expected, size_t n, const char *text,
                  const char *file, int line) {
  for (size_t i = 0; i < n; i++) {
    if (memcmp(actual + i, expected + i, sizeof(double)) != 0) {
      fail_at(file, line);
      printf("%s[%zu] is %a, not the same bits as %a\n", text, i, actual[i], expected[i]);
      return 0;
    }
  }
  return 1;
}

/* ---- allocations ------------------------------------------------------------------------------------- */
#ifdef FM_TEST_ALLOC
static long live(void) { return fm_test_alloc_live(); }

/* Fails the k-th allocation of one run of the scenario; returns its code. */
static fm_code run_failing(fm_code (*scenario)(void *context), void *context, long k, int sticky) {
  const long before = live();
  fm_test_alloc_fail_after(k, sticky);
  const fm_code code = scenario(context);
  fm_test_alloc_fail_after(0, 0);
  if (code != FM_OK && code != FM_NO_MEMORY) {
    fail_at(__FILE__, __LINE__);
    printf("allocation %ld failing gave code %d (%s)\n", k, (int)code, fm_code_text(code));
  }
  if (live() != before) {
    fail_at(__FILE__, __LINE__);
    printf("allocation %ld failing left %ld blocks\n", k, live() - before);
  }
  return code;
}

void mu_each_allocation(fm_code (*scenario)(void *context), void *context) {
  enum { LIMIT = 100000 };
  for (int sticky = 0; sticky <= 1; sticky++) {
    long k = 1;
    while (!state.case_failed && k < LIMIT && run_failing(scenario, context, k, sticky) != FM_OK) {
      k++;
    }
    CHECK(k < LIMIT);
  }
}
#else
static long live(void) { return 0; }

void mu_each_allocation(fm_code (*scenario)(void *context), void *context) { CHECK_OK(scenario(context)); }
#endif

/* ---- random numbers ---------------------------------------------------------------------------------- */

void mu_seed(unsigned long seed) { state.random = seed; }

/* splitmix64. */
double mu_uniform(void) {
  uint64_t z = (state.random += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return ((double)((z ^ (z >> 31)) >> 12) + 0.5) / 4503599627370496.0;
}

double mu_normal(void) {
  const double radius = sqrt(-2 * log(mu_uniform()));
  return radius * cos(6.283185307179586 * mu_uniform());
}

/* ---- runner ------------------------------------------------------------------------------------------ */

void mu_run(const char *name, void (*test_case)(void)) {
  const long before = live();
  state.name = name;
  state.case_failed = 0;
  mu_seed(1);
  test_case();
  CHECK_INT(live(), before);
  if (state.case_failed) {
    state.failed++;
  } else {
    state.passed++;
  }
  state.name = "";
  state.case_failed = 0;
}

static int wanted(const char *name, int n, char *const *names) {
  int found = n == 0;
  for (int i = 0; i < n && !found; i++) {
    found = strcmp(name, names[i]) == 0;
  }
  return found;
}

static void run_suite(const char *name, void (*suite)(void)) {
  const long before = state.passed + state.failed;
  state.suite = name;
  suite();
  if (state.case_failed) { /* a check outside the cases */
    state.failed++;
    state.case_failed = 0;
  }
  printf("%s: %ld cases\n", name, state.passed + state.failed - before);
  (void)fflush(stdout);
}

int main(int argc, char **argv) {
#define SUITE(name)                        \
  if (wanted(#name, argc - 1, argv + 1)) { \
    run_suite(#name, test_##name);         \
  }
#include "suites.inc"
#undef SUITE
  printf("%ld passed, %ld failed\n", state.passed, state.failed);
  (void)fflush(stdout); /* a leak sanitizer ends the program before its files are flushed */
  return state.failed > 0 || state.passed == 0;
}
