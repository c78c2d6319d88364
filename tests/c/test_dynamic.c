/* test_dynamic.c: values of places against their equation, derivatives against differences, one thread
 * against three. */
#include <math.h>
#include <string.h>

#include "../../src/core/choice/dynamic.h"
#include "minunit.h"

enum { KINDS = 3, PLACES = 5, TERMS = 3, MARKETS = 4, STATES = KINDS * PLACES, CELLS = STATES * PLACES };

typedef struct world {
  double x[MARKETS][CELLS * TERMS], offset[MARKETS][CELLS], count[MARKETS][CELLS];
  double transition[KINDS * KINDS];
  fm_dynamic_market market[MARKETS];
  fm_dynamic model;
} world;

static void make_world(world *w, double discount, int changing) {
  for (size_t t = 0; t < MARKETS; t++) {
    for (size_t i = 0; i < CELLS * TERMS; i++) {
      w->x[t][i] = 2.0 * mu_uniform() - 1.0;
    }
    for (size_t i = 0; i < CELLS; i++) {
      /* place 4 is not on offer to those who are at place 1 */
      const int out = i % PLACES == 4 && i / PLACES % PLACES == 1;
      w->offset[t][i] = out ? -HUGE_VAL : 0.3 * mu_uniform();
      w->count[t][i] = out ? 0.0 : floor(6.0 * mu_uniform());
    }
    w->market[t] = (fm_dynamic_market){.x = w->x[t], .offset = w->offset[t], .count = w->count[t]};
  }
  for (size_t z = 0; z < KINDS; z++) {
    const double stay = 0.5 + 0.4 * mu_uniform();
    for (size_t next = 0; next < KINDS; next++) {
      w->transition[z * KINDS + next] = z == next ? stay : (1.0 - stay) / (KINDS - 1);
    }
  }
  w->model = (fm_dynamic){.discount = discount,
                          .transition = changing ? w->transition : NULL,
                          .n_kinds = KINDS,
                          .n_places = PLACES,
                          .n_terms = TERMS,
                          .n_markets = MARKETS,
                          .market = w->market};
}

static double likelihood(const world *w, const double *theta) {
  double value = 0.0;
  const fm_dynamic_answer answer = {.likelihood = &value};
  CHECK_OK(fm_dynamic_run(&w->model, theta, 1, NULL, &answer, NULL));
  return value;
}

static const double theta[TERMS] = {0.6, -0.9, 1.3};

/* V(z,o) = log sum_j exp(u + beta sum_z' Q V(z',j)) */
static void values_solve_their_equation(void) {
  static world w;
  for (int changing = 0; changing < 2; changing++) {
    double value[MARKETS * STATES], ahead[MARKETS * STATES], slope[MARKETS * STATES * TERMS];
    make_world(&w, 0.95, changing);
    const fm_dynamic_answer answer = {.value = value, .ahead = ahead, .slope = slope};
    CHECK_OK(fm_dynamic_run(&w.model, theta, 1, NULL, &answer, NULL));
    for (size_t t = 0; t < MARKETS; t++) {
      for (size_t s = 0; s < STATES; s++) {
        long double sum = 0.0L;
        for (size_t j = 0; j < PLACES; j++) {
          long double v = (long double)w.offset[t][s * PLACES + j];
          for (size_t k = 0; k < TERMS; k++) {
            v += (long double)(theta[k] * w.x[t][(s * TERMS + k) * PLACES + j]);
          }
          for (size_t z = 0; z < KINDS; z++) {
            const double share =
                changing ? w.transition[s / PLACES * KINDS + z] : (double)(z == s / PLACES);
            v += (long double)(0.95 * share * value[t * STATES + z * PLACES + j]);
          }
          sum += expl(v);
        }
        CHECK_CLOSE(value[t * STATES + s], (double)logl(sum), 1e-12);
      }
    }
  }
}

static void derivatives_are_differences(void) {
  static world w;
  for (int changing = 0; changing < 2; changing++) {
    double value, score[TERMS], information[TERMS * TERMS];
    make_world(&w, 0.9, changing);
    const fm_dynamic_answer answer = {.likelihood = &value, .score = score, .information = information};
    CHECK_OK(fm_dynamic_run(&w.model, theta, 1, NULL, &answer, NULL));
    CHECK_CLOSE(value, likelihood(&w, theta), 1e-14);
    for (size_t k = 0; k < TERMS; k++) {
      double at[TERMS], f[4];
      static const double steps[] = {-2e-3, -1e-3, 1e-3, 2e-3};
      for (int m = 0; m < 4; m++) {
        memcpy(at, theta, sizeof at);
        at[k] += steps[m];
        f[m] = likelihood(&w, at);
      }
      CHECK_CLOSE(score[k], (8.0 * (f[2] - f[1]) - (f[3] - f[0])) / 12e-3, 1e-7);
      CHECK(information[k + k * TERMS] > 0.0);
      for (size_t l = 0; l < TERMS; l++) {
        CHECK_CLOSE(information[k + l * TERMS], information[l + k * TERMS], 1e-12);
      }
    }
  }
}

/* V = e + sum_k b_k W_k at the probabilities that V gives, but for a constant. */
static void given_probabilities_end_at_the_same_values(void) {
  static world w;
  static double p[MARKETS][CELLS];
  double ahead[2][MARKETS * STATES], slope[2][MARKETS * STATES * TERMS];
  make_world(&w, 0.9, 1);
  memset(w.offset, 0, sizeof w.offset);
  const fm_dynamic_answer solved = {.ahead = ahead[0], .slope = slope[0]};
  CHECK_OK(fm_dynamic_run(&w.model, theta, 1, NULL, &solved, NULL));
  for (size_t t = 0; t < MARKETS; t++) {
    for (size_t s = 0; s < STATES; s++) {
      double sum = 0.0;
      for (size_t j = 0; j < PLACES; j++) {
        double v = w.offset[t][s * PLACES + j] + ahead[0][t * STATES + s / PLACES * PLACES + j];
        for (size_t k = 0; k < TERMS; k++) {
          v += theta[k] * w.x[t][(s * TERMS + k) * PLACES + j];
        }
        p[t][s * PLACES + j] = exp(v);
        sum += exp(v);
      }
      for (size_t j = 0; j < PLACES; j++) {
        p[t][s * PLACES + j] /= sum;
      }
    }
    w.market[t].given = p[t];
  }
  const fm_dynamic_answer read = {.ahead = ahead[1], .slope = slope[1]};
  CHECK_OK(fm_dynamic_run(&w.model, theta, 1, NULL, &read, NULL));
  for (size_t t = 0; t < MARKETS; t++) {
    const size_t first = t * STATES;
    for (size_t s = 1; s < STATES; s++) {
      double gap = ahead[1][first + s] - ahead[1][first];
      for (size_t k = 0; k < TERMS; k++) {
        const double w1 = slope[1][(first + s) * TERMS + k] - slope[1][first * TERMS + k];
        CHECK_CLOSE(w1, slope[0][(first + s) * TERMS + k] - slope[0][first * TERMS + k], 1e-11);
        gap += theta[k] * w1;
      }
      CHECK_CLOSE(gap, ahead[0][first + s] - ahead[0][first], 1e-11);
    }
  }
}

static void threads_do_not_matter(void) {
  static world w;
  double value[2], score[2][TERMS], information[2][TERMS * TERMS];
  make_world(&w, 0.99, 1);
  for (int i = 0; i < 2; i++) {
    const fm_dynamic_answer answer = {
        .likelihood = &value[i], .score = score[i], .information = information[i]};
    CHECK_OK(fm_dynamic_run(&w.model, theta, i == 0 ? 1 : 3, NULL, &answer, NULL));
  }
  CHECK(value[0] == value[1]);
  CHECK(memcmp(score[0], score[1], sizeof score[0]) == 0);
  CHECK(memcmp(information[0], information[1], sizeof information[0]) == 0);
}

/* Utilities that are no numbers are outside the model. */
static void what_has_no_value_is_said(void) {
  static world w;
  double value;
  const double wild[TERMS] = {1e308, 1e308, 1e308};
  const fm_dynamic_answer answer = {.likelihood = &value};
  make_world(&w, 0.9, 0);
  CHECK(fm_dynamic_run(&w.model, wild, 1, NULL, &answer, NULL) != FM_OK);
}

static fm_code scenario(void *context) {
  double value, score[TERMS];
  const fm_dynamic_answer answer = {.likelihood = &value, .score = score};
  return fm_dynamic_run(context, theta, 2, NULL, &answer, NULL);
}

static void allocations_that_fail_are_said(void) {
  static world w;
  make_world(&w, 0.9, 1);
  mu_each_allocation(scenario, &w.model);
}

void test_dynamic(void) {
  RUN(values_solve_their_equation);
  RUN(derivatives_are_differences);
  RUN(given_probabilities_end_at_the_same_values);
  RUN(threads_do_not_matter);
  RUN(what_has_no_value_is_said);
  RUN(allocations_that_fail_are_said);
}
