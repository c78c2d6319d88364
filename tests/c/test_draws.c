/* test_draws.c: known first points, stratification, uniformity,
 * and that a set depends on its number alone. */
#include <math.h>
#include <string.h>

#include "../../src/core/base/draws.h"
#include "minunit.h"

enum { R = 256, DIMS = 64 };

static unsigned points[DIMS * 1024];

static fm_draws describe(fm_sequence sequence, size_t dims, size_t draws, int scramble) {
  fm_sobol_points(dims, draws, points);
  return (fm_draws){.sequence = sequence,
                    .n_dims = dims,
                    .n_draws = draws,
                    .seed = 7,
                    .scramble = scramble,
                    .burn = 50,
                    .points = points};
}

/* The first points as published (without the half cell that keeps them off 0). */
static void first_points(void) {
  static const double sobol[3][8] = {{0, .5, .75, .25, .375, .875, .625, .125},
                                     {0, .5, .25, .75, .375, .875, .125, .625},
                                     {0, .5, .25, .75, .625, .125, .875, .375}};
  static const double halton[2][4] = {{.5, .25, .75, .125}, {1.0 / 3, 2.0 / 3, 1.0 / 9, 4.0 / 9}};
  double u[3 * 8];
  fm_draws draws = describe(FM_SOBOL, 3, 8, 0);
  fm_draws_set(&draws, fm_kernels_best(), 5, u, 8);
  for (int m = 0; m < 3; m++) {
    CHECK_ARRAY(u + m * 8, sobol[m], 8, 2e-10);
  }
  draws = describe(FM_HALTON, 2, 4, 0);
  draws.burn = 0;
  fm_draws_set(&draws, fm_kernels_best(), 0, u, 4);
  CHECK_ARRAY(u, halton[0], 4, 1e-15);
  CHECK_ARRAY(u + 4, halton[1], 4, 1e-15);
  draws.n_draws = 2; /* the second set goes on where the first one ended */
  fm_draws_set(&draws, fm_kernels_best(), 1, u, 2);
  CHECK_ARRAY(u, halton[0] + 2, 2, 1e-15);
}

/* A point in each of n equal intervals of every dimension. */
static void check_strata(const double *u, size_t n) {
  for (size_t m = 0; m < DIMS; m++) {
    int hit[R] = {0}, all = 1;
    for (size_t r = 0; r < n; r++) {
      hit[(size_t)(u[m * n + r] * (double)n)]++;
    }
    for (size_t r = 0; r < n; r++) {
      all = all && hit[r] == 1;
    }
    CHECK(all);
  }
}

static void strata(void) {
  static double u[DIMS * R];
  const fm_draws sobol = describe(FM_SOBOL, DIMS, R, 1), latin = describe(FM_MLHS, DIMS, R, 1);
  for (size_t set = 0; set < 5; set++) {
    fm_draws_set(&sobol, fm_kernels_best(), set, u, R);
    check_strata(u, R);
    fm_draws_set(&latin, fm_kernels_best(), set, u, R);
    check_strata(u, R);
  }
}

/* Two dimensions of a scrambled net: a point in each of the 16 x 16 cells. */
static void cells(void) {
  static double u[2 * R];
  const fm_draws sobol = describe(FM_SOBOL, 2, R, 1);
  for (size_t set = 0; set < 20; set++) {
    int hit[R] = {0}, all = 1;
    fm_draws_set(&sobol, fm_kernels_best(), set, u, R);
    for (size_t r = 0; r < R; r++) {
      hit[16 * (size_t)(16 * u[r]) + (size_t)(16 * u[R + r])]++;
    }
    for (size_t r = 0; r < R; r++) {
      all = all && hit[r] == 1;
    }
    CHECK(all);
  }
}

/* Over many sets each point is uniform (a scramble is a random one), and neighbours are uncorrelated. */
static void uniformity(void) {
  enum { SETS = 2000 };
  static const fm_sequence all[] = {FM_SOBOL, FM_HALTON, FM_MLHS, FM_RANDOM};
  double u[3 * 4];
  for (size_t s = 0; s < 4; s++) {
    const fm_draws draws = describe(all[s], 3, 4, 1);
    double mean = 0.0, square = 0.0, across = 0.0;
    for (size_t set = 0; set < SETS; set++) {
      fm_draws_set(&draws, fm_kernels_best(), set, u, 4);
      mean += u[4] - 0.5;
      square += (u[4] - 0.5) * (u[4] - 0.5);
      across += (u[4] - 0.5) * (u[8] - 0.5);
      for (int i = 0; i < 12; i++) {
        CHECK(u[i] > 0.0 && u[i] < 1.0);
      }
    }
    CHECK(fabs(mean / SETS) < 4.0 * sqrt(1.0 / 12 / SETS));
    CHECK(fabs(square / SETS - 1.0 / 12) < 4.0 * sqrt(1.0 / 180 / SETS));
    CHECK(fabs(across / SETS) < 4.0 / 12 / sqrt(SETS));
  }
}

/* The integral of prod (1 + (u_m - 1/2)) is 1; quasi-random points come far nearer than random ones. */
static void low_discrepancy(void) {
  static const fm_sequence all[] = {FM_RANDOM, FM_HALTON, FM_SOBOL};
  enum { N = 1024, M = 5, SETS = 20 };
  static double u[M * N];
  double error[3];
  for (size_t s = 0; s < 3; s++) {
    const fm_draws draws = describe(all[s], M, N, 1);
    double total = 0.0;
    for (size_t set = 0; set < SETS; set++) {
      double sum = 0.0;
      fm_draws_set(&draws, fm_kernels_best(), set, u, N);
      for (size_t r = 0; r < N; r++) {
        double product = 1.0;
        for (size_t m = 0; m < M; m++) {
          product *= 0.5 + u[m * N + r];
        }
        sum += product - 1.0;
      }
      total += sum * sum / N / N;
    }
    error[s] = sqrt(total / SETS);
  }
  CHECK(error[1] < 0.2 * error[0] && error[2] < 0.05 * error[0]);
}

/* Sets and dimensions differ, and every instruction set gives the same. */
static void reproducible(void) {
  double u[2 * 40], v[2 * 40];
  const fm_kernels *tables[4];
  const size_t n = fm_kernels_all(tables, 4);
  const fm_draws draws = describe(FM_SOBOL, 2, 37, 1);
  fm_draws_set(&draws, tables[0], 3, u, 40);
  for (size_t t = 1; t < n; t++) {
    fm_draws_set(&draws, tables[t], 3, v, 40);
    CHECK_SAME(v, u, 37);
    CHECK_SAME(v + 40, u + 40, 37);
  }
  fm_draws_set(&draws, tables[0], 4, v, 40);
  CHECK(u[0] != v[0] && u[0] != u[40]);
}

static void given(void) {
  const double values[] = {.1, .2, .3, .4, .5, .6, .7, .8}; /* 2 sets, 2 draws, 2 dimensions */
  double u[4];
  const fm_draws draws = {
      .sequence = FM_STORED, .n_dims = 2, .n_draws = 2, .stored = values, .n_stored = 2};
  const double expected[] = {.2, .4, .6, .8};
  fm_draws_set(&draws, fm_kernels_best(), 1, u, 2);
  CHECK_ARRAY(u, expected, 4, 0.0);
}

static void impossible(void) {
  fm_error err;
  fm_draws draws = describe(FM_SOBOL, 64, 8, 1);
  CHECK_OK(fm_draws_check(&draws, &err));
  draws.n_dims = 65;
  CHECK_CODE(fm_draws_check(&draws, &err), FM_INVALID);
  draws = (fm_draws){.sequence = FM_STORED, .n_dims = 1, .n_draws = 1};
  CHECK_CODE(fm_draws_check(&draws, &err), FM_INVALID);
  draws.n_draws = 0;
  CHECK_CODE(fm_draws_check(&draws, &err), FM_INVALID);
}

void test_draws(void) {
  RUN(first_points);
  RUN(strata);
  RUN(cells);
  RUN(uniformity);
  RUN(low_discrepancy);
  RUN(reproducible);
  RUN(given);
  RUN(impossible);
}
