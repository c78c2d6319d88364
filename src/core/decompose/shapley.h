/* shapley.h: how the players of a game share its value: Shapley and Owen values and dominance,
 * from all values.
 *
 * A game of p players gives a value v to each subset of them: value[m] is that of the players whose bits
 * are set in m = 0 .. 2^p - 1. With m_k(T) = v(T + k) - v(T), what player k adds to the players T,
 *
 *   by order      c_k(s) = mean of m_k(T) over the T of s players without k     (conditional dominance)
 *   Shapley       phi_k  = mean of c_k(s) over s = 0 .. p-1                     (general dominance)
 *   Owen          phi_k  = mean of m_k(T) over the orders in which the players of a
 *                 block follow one another.
 *
 * Both values add up to value[2^p - 1] - value[0]. Cost: p 2^(p-1) differences; the Owen value of G blocks
 * of p_b players takes 2^(G-1) sum_b p_b 2^(p_b - 1), and reads only the values it needs.
 */
#ifndef FM_SHAPLEY_H
#define FM_SHAPLEY_H

#include <stddef.h>

#include "../base/status.h"

enum { FM_MAX_PLAYERS = 20 };

/* by_order[k + p s] = c_k(s), p x p. */
fm_code fm_shapley_orders(const double *value, size_t p, double *by_order);

/* share[j + p k]: share of the 2^(p-2) subsets without j and k to which j adds more than k; equal counts
 * half. The diagonal is 0.5. */
fm_code fm_shapley_dominance(const double *value, size_t p, double *share);

/* block[k] = 0 .. n_blocks-1, each with a player; estimate (p). One block,
 * or a block for each player: Shapley. */
fm_code fm_owen(const double *value, size_t p, const int *block, size_t n_blocks, double *estimate);

/* weight[m + 2^p k]: what value[m] weighs in the Owen value of player k, 2^p x p. */
fm_code fm_owen_weights(size_t p, const int *block, size_t n_blocks, double *weight);

/* needed[m] = 1 where the Owen value reads value[m], 0 elsewhere; 2^p. */
fm_code fm_owen_needed(size_t p, const int *block, size_t n_blocks, int *needed);

#endif
