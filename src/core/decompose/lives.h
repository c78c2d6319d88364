/* lives.h: the rows of a panel firm by firm in order of time, in an order of firms and places that does
 * not know their names.
 *
 * Sums over firms keep their last digit only when the firms come in the same order. Here that order is
 * given by what
 * firms do: a hash of their periods and performances, and of the places they were at, places being known
 * by the hashes of
 * their firms. So results are the same to the last bit for any order of the rows and any names of firms
 * and places
 * (firms that are alike in all of it may change places; then their sums are alike too, but for rounding).
 */
#ifndef FM_LIVES_H
#define FM_LIVES_H

#include <stddef.h>
#include <stdint.h>

#include "firm_dynamics.h"

typedef struct fm_lives {
  size_t n, n_firms, n_places; /* rows, firms and places that are kept */
  size_t *first;               /* n_firms + 1: where the rows of a firm begin */
  uint32_t *row;               /* n: which row of the panel */
  uint32_t *place;             /* n: 0 .. n_places-1 */
  uint32_t *time;              /* n: 0 .. n_times-1 */
  double *y, *weight;          /* n: performance; weight, NULL where the panel has none */
  int *firm, *place_code;      /* code of a firm, of a place in the panel */
  /* rows that repeat a firm and time: nothing else means anything when there are any */
  size_t repeated;
  size_t repeat[5]; /* the first of them */
} fm_lives;

/* All rows at a place (firm_dynamics.h: firm, time, place, performance, weight or NULL), in the order of
 * the codes of firms.
 * The caller frees whatever is returned. */
fm_code fm_lives_init(fm_lives *lives, const fm_panel *panel, int threads);
/* Keeps the firms with keep[firm] != 0, and puts firms and places into the order described. */
fm_code fm_lives_settle(fm_lives *lives, const unsigned char *keep);
void fm_lives_free(fm_lives *lives);

/* Rows of firm i are lives->first[i] .. lives->first[i + 1] - 1. Is it at more than one place? */
int fm_moves(const fm_lives *lives, size_t i);

#endif
