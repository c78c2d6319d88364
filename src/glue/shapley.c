/* shapley.c: Shapley and Owen values of the 2^p values of a game. Blocks are codes from 1 on. */
#include "shapley.h"

#include "../core/decompose/shapley.h"

static size_t players_of(SEXP value, size_t p) {
  if (p < 1 || p > FM_MAX_PLAYERS || TYPEOF(value) != REALSXP ||
      (size_t)Rf_xlength(value) != (size_t)1 << p) {
    Rf_error("internal: a game needs the values of all subsets of 1 to %d players", FM_MAX_PLAYERS);
  }
  return p;
}

/* The number of players of a vector with a block for each. */
static size_t blocks_of(SEXP block) {
  const size_t p = (size_t)Rf_xlength(block);
  if (p < 1 || p > FM_MAX_PLAYERS) {
    Rf_error("internal: a game has 1 to %d players", FM_MAX_PLAYERS);
  }
  return p;
}

static SEXP done(SEXP result, fm_code code) {
  fm_error err = {FM_OK, ""};
  fm_check(code, &err);
  UNPROTECT(1);
  return result;
}

/* Matrix player x number of players before. */
SEXP firmmove_shapley_orders(SEXP value, SEXP players) {
  const size_t p = players_of(value, (size_t)Rf_asInteger(players));
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)p, (int)p));
  return done(result, fm_shapley_orders(REAL_RO(value), p, REAL(result)));
}

/* Matrix player x player: share of the subsets to which the row adds more than the column. */
SEXP firmmove_shapley_dominance(SEXP value, SEXP players) {
  const size_t p = players_of(value, (size_t)Rf_asInteger(players));
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)p, (int)p));
  return done(result, fm_shapley_dominance(REAL_RO(value), p, REAL(result)));
}

SEXP firmmove_owen(SEXP value, SEXP block, SEXP n_blocks) {
  const size_t p = players_of(value, (size_t)Rf_xlength(block));
  SEXP result = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)p));
  return done(result, fm_owen(REAL_RO(value), p, fm_from_zero(block), (size_t)Rf_asInteger(n_blocks),
                              REAL(result)));
}

/* Matrix subset x player: what the value of the subset weighs in the Owen value of the player. */
SEXP firmmove_owen_weights(SEXP block, SEXP n_blocks) {
  const size_t p = blocks_of(block);
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, 1 << p, (int)p));
  return done(result,
              fm_owen_weights(p, fm_from_zero(block), (size_t)Rf_asInteger(n_blocks), REAL(result)));
}

/* TRUE for the subsets whose values the Owen value reads, 2^p. */
SEXP firmmove_owen_needed(SEXP block, SEXP n_blocks) {
  const size_t p = blocks_of(block);
  SEXP result = PROTECT(Rf_allocVector(LGLSXP, (R_xlen_t)1 << p));
  return done(result,
              fm_owen_needed(p, fm_from_zero(block), (size_t)Rf_asInteger(n_blocks), LOGICAL(result)));
}
