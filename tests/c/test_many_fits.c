/* test_many_fits.c: fits of all subsets of terms, side by side, against the fit of each by itself. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/choice/logit.h"
#include "../../src/core/choice/many_fits.h"
#include "dense.h"
#include "minunit.h"

enum { SUBSETS = 1 << TERMS };

typedef struct results {
  fm_one_fit fits[SUBSETS];
  int fixed[SUBSETS][LINEAR];
  double theta[SUBSETS][LINEAR], logsum[SUBSETS][UNITS];
} results;

static fm_code make(const void *spec, fm_design *design, fm_error *err) {
  if (spec == NULL) {
    return fm_fail(err, FM_INVALID, "as told");
  }
  *design = ((const dense *)spec)->design;
  return FM_OK;
}

/* All subsets of the terms, from 0; place constants, if any, are held. */
static results *all_subsets(const dense *data) {
  results *r = calloc(1, sizeof *r);
  for (size_t s = 0; s < SUBSETS; s++) {
    for (size_t k = 0; k < LINEAR; k++) {
      r->fixed[s][k] = k >= TERMS || !(s >> k & 1);
    }
    r->fits[s] = (fm_one_fit){
        .spec = data, .fixed = r->fixed[s], .theta = r->theta[s], .logsum = r->logsum[s], .done = -1};
  }
  return r;
}

/* log sum exp of the utilities of a unit, written out. */
static double logsum_of(const dense *data, const double *theta, size_t i) {
  long double total = 0.0;
  for (size_t r = data->first_row[i]; r < data->first_row[i + 1]; r++) {
    long double v = 0.0;
    for (size_t k = 0; k < TERMS; k++) {
      v += (long double)theta[k] * data->x[r][k];
    }
    total += data->offered[r] ? expl(v) : 0.0L;
  }
  return (double)logl(total);
}

static void maxima(void) {
  dense *data = make_data(1, 0, 5);
  results *r = all_subsets(data);
  CHECK_OK(fm_many_fits(r->fits, SUBSETS, make, 1e-12, 2, NULL, NULL));
  const fm_pass pass = fm_logit_pass(&data->design, 1);
  const fm_objective objective = fm_pass_objective(&pass);
  for (size_t s = 0; s < SUBSETS; s++) {
    double value, score[LINEAR];
    CHECK(r->fits[s].done == 1);
    CHECK_OK(objective.evaluate(&objective, r->theta[s], FM_SCORE, &value, score, NULL, NULL));
    CHECK_CLOSE(r->fits[s].value, value, 1e-10);
    for (size_t k = 0; k < TERMS; k++) {
      CHECK_CLOSE(r->fixed[s][k] ? r->theta[s][k] : score[k], 0.0, 1e-6);
    }
    for (size_t i = 0; i < UNITS; i++) {
      CHECK_CLOSE(r->logsum[s][i], logsum_of(data, r->theta[s], i), 1e-13);
    }
  }
  free(r), free(data);
}

static void threads(void) {
  dense *data = make_data(0, 1, 6);
  results *one = all_subsets(data);
  CHECK_OK(fm_many_fits(one->fits, SUBSETS, make, 0.1, 1, NULL, NULL));
  for (int n = 2; n <= 3; n++) {
    results *many = all_subsets(data);
    CHECK_OK(fm_many_fits(many->fits, SUBSETS, make, 0.1, n, NULL, NULL));
    CHECK_SAME(many->theta[0], one->theta[0], SUBSETS * LINEAR);
    CHECK_SAME(many->logsum[0], one->logsum[0], SUBSETS * UNITS);
    for (size_t s = 0; s < SUBSETS; s++) {
      CHECK_SAME(&many->fits[s].value, &one->fits[s].value, 1);
    }
    free(many);
  }
  /* alone, with threads inside */
  results *alone = all_subsets(data);
  CHECK_OK(fm_many_fits(alone->fits + SUBSETS - 1, 1, make, 0.1, 2, NULL, NULL));
  CHECK_SAME(alone->theta[SUBSETS - 1], one->theta[SUBSETS - 1], LINEAR);
  free(alone), free(one), free(data);
}

/* The first fit that fails tells; one that is not done is no failure. */
static void failures(void) {
  dense *data = make_data(0, 0, 7);
  results *r = all_subsets(data);
  fm_error err = {FM_OK, ""};
  r->fits[3].spec = NULL;
  CHECK_CODE(fm_many_fits(r->fits, SUBSETS, make, 1e-9, 2, NULL, &err), FM_INVALID);
  CHECK_TEXT(err.message, "as told");
  CHECK(r->fits[0].done == 1 && r->fits[3].done == 0);
  r->fits[3].spec = data;
  for (size_t i = 0; i < ROWS; i++) {
    data->x[i][1] = 0.0; /* the information has no full rank where this term is in */
  }
  CHECK_OK(fm_many_fits(r->fits, SUBSETS, make, 1e-9, 2, NULL, &err));
  for (size_t s = 0; s < SUBSETS; s++) {
    CHECK_INT(r->fits[s].done, (s & 2) == 0);
  }
  free(r), free(data);
}

static fm_code fit_all(void *context) {
  results *r = all_subsets(context);
  fm_error err = {FM_OK, ""};
  const fm_code code = fm_many_fits(r->fits, 2, make, 1e-9, 1, NULL, &err);
  free(r);
  return code;
}

static void allocations(void) {
  dense *data = make_data(0, 0, 8);
  mu_each_allocation(fit_all, data);
  free(data);
}

void test_many_fits(void) {
  RUN(maxima);
  RUN(threads);
  RUN(failures);
  RUN(allocations);
}
