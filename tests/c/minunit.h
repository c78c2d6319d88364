/* minunit.h: the C tests of the core, without R.
 *
 * A file test_<name>.c defines  void test_<name>(void),  which calls RUN(case) for each of its cases:
 * static functions without arguments that make CHECKs. The Makefile finds the files; nothing else needs to
 * be told of a new one (its prototype comes from here). A case fails when one of its checks does; the
 * others are still made. A check tells the file, the line, and the values that differ.
 */
#ifndef MINUNIT_H
#define MINUNIT_H

#include <stddef.h>

#include "../../src/core/base/alloc.h"
#include "../../src/core/base/status.h"

/* The prototypes of all suites; the Makefile writes suites.inc: SUITE(name) for each test_<name>.c. */
#define SUITE(name) void test_##name(void);
#include "suites.inc"
#undef SUITE

/* Runs one case and counts it. Memory of fm_alloc that a case leaves behind fails it. */
#define RUN(test_case) mu_run(#test_case, test_case)

/* Holds. */
#define CHECK(condition) mu_check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
/* The fm_code of a call. */
#define CHECK_OK(call) mu_check_code(call, FM_OK, #call, __FILE__, __LINE__)
#define CHECK_CODE(call, expected) mu_check_code(call, expected, #call, __FILE__, __LINE__)
/* Whole numbers, and text. */
#define CHECK_INT(actual, expected) \
  mu_check_int((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
#define CHECK_TEXT(actual, expected) mu_check_text(actual, expected, #actual, __FILE__, __LINE__)
/* |actual - expected| <= tolerance * max(1, |expected|); equal infinities pass, a NaN never does. */
#define CHECK_CLOSE(actual, expected, tolerance) \
  mu_check_close(actual, expected, tolerance, #actual, __FILE__, __LINE__)
/* The same for n numbers; the worst is reported. */
#define CHECK_ARRAY(actual, expected, n, tolerance) \
  mu_check_array(actual, expected, n, tolerance, #actual, __FILE__, __LINE__)
/* n numbers with identical bits. */
#define CHECK_SAME(actual, expected, n) mu_check_same(actual, expected, n, #actual, __FILE__, __LINE__)

void mu_run(const char *name, void (*test_case)(void));
int mu_check(int holds, const char *text, const char *file, int line); /* returns holds */
int mu_check_code(fm_code actual, fm_code expected, const char *text, const char *file, int line);
int mu_check_int(long long actual, long long expected, const char *text, const char *file, int line);
int mu_check_text(const char *actual, const char *expected, const char *text, const char *file, int line);
int mu_check_close(double actual, double expected, double tolerance, const char *text, const char *file,
                   int line);
int mu_check_array(const double *actual, const double *expected, size_t n, double tolerance,
                   const char *text, const char *file, int line);
int mu_check_same(const double *actual, const double *expected, size_t n, const char *text,
                  const char *file, int line);

/* Runs the scenario again and again, failing its first, second, ... allocation (alone, then with all after
 * it) until it gets through. Each run must end in FM_NO_MEMORY or FM_OK and free what it allocated.
 * Without -DFM_TEST_ALLOC the scenario is run once and must succeed. */
void mu_each_allocation(fm_code (*scenario)(void *context), void *context);

/* Pseudo-random numbers, the same on every machine: uniform on (0, 1), and standard normal. */
void mu_seed(unsigned long seed);
double mu_uniform(void);
double mu_normal(void);

#endif
