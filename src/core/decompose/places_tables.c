/* places_tables.c: what is seen at each place, and the moves between places. Equations: places.h. */
#include <string.h>

#include "../base/alloc.h"
#include "../base/total.h"
#include "places.h"

typedef struct place_sums {
  fm_total weight, value, control;
} place_sums;

static void add_row(const fm_places *p, size_t t, place_sums *of) {
  const double omega = p->omega != NULL ? p->omega[t] : 1.0;
  const double control = fm_row_times(p, t, p->b) - p->b[p->spec.lives->place[t]] - p->shift;
  fm_total_add(&of->weight, omega);
  fm_total_add(&of->value, omega * p->y[t]);
  fm_total_add(&of->control, omega * control);
}

/* firms: of a firm at several places each counts. */
static void count_firms(const fm_places *p, fm_place_row *row, size_t *last) {
  const fm_lives *v = p->spec.lives;
  for (size_t i = 0; i < p->n_firms; i++) {
    for (size_t t = v->first[i]; t < v->first[i + 1]; t++) {
      row[v->place[t]].rows++;
      row[v->place[t]].firms += last[v->place[t]] != i + 1;
      last[v->place[t]] = i + 1;
      if (t > v->first[i] && v->place[t] != v->place[t - 1]) {
        row[v->place[t]].in++;
        row[v->place[t - 1]].out++;
      }
    }
  }
}

fm_code fm_places_table(const fm_places *p, fm_place_row *row) {
  place_sums *of = fm_alloc_zero(p->n_places, sizeof(place_sums));
  size_t *last = fm_alloc_zero(p->n_places, sizeof(size_t));
  const int fine = of != NULL && last != NULL;
  if (fine) {
    memset(row, 0, p->n_places * sizeof(fm_place_row));
    for (size_t t = 0; t < p->n; t++) {
      add_row(p, t, &of[p->spec.lives->place[t]]);
    }
    for (size_t j = 0; j < p->n_places; j++) {
      const double weight = fm_total_value(&of[j].weight);
      row[j].value = p->centre + fm_total_value(&of[j].value) / weight;
      row[j].control = fm_total_value(&of[j].control) / weight;
    }
    count_firms(p, row, last);
  }
  fm_free(of), fm_free(last);
  return fine ? FM_OK : FM_NO_MEMORY;
}

size_t fm_places_moves(const fm_places *p, size_t *before) {
  const fm_lives *v = p->spec.lives;
  size_t n = 0;
  for (size_t i = 0; i < p->n_firms; i++) {
    for (size_t t = v->first[i] + 1; t < v->first[i + 1]; t++) {
      if (v->place[t] != v->place[t - 1]) {
        if (before != NULL) {
          before[n] = t - 1;
        }
        n++;
      }
    }
  }
  return n;
}
