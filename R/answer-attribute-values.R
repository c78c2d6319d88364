# Shapley and Owen values: which subsets of p players a value is needed for, and what each subset weighs in the share of
# each player. Everything the attribution does with the values (shares, covariances, gradients) is then one product.
#
#   phi_k = sum_T  weights[T, k] v(T),   a row of `member` (logical, subsets x p) for each T.

# The subsets and weights of exact values
# p: number of players.
# blocks: NULL for Shapley's values; for Owen's the block (1, 2, ...) of each player.
# Value: list(member, weights): subsets by size.
exact_plan <- function(p, blocks = NULL) {
  weights <- owen_weights(p, blocks)
  at <- which(rowSums(weights != 0) > 0)
  member <- matrix(bitwAnd(at - 1L, rep(2L^(seq_len(p) - 1L), each = length(at))) > 0L, ncol = p)
  ordering <- order(rowSums(member))
  list(member = member[ordering, , drop = FALSE], weights = weights[at[ordering], , drop = FALSE])
}

# Values estimated from sampled orders, each with its reverse: the subsets that the orders visit and their weights and,
# for the sampling error, the row of `member` before each player of each order (`path`, orders x (p + 1)) with the
# orders
sampled_plan <- function(p, permutations, blocks = NULL) {
  code <- if (is.null(blocks)) rep(1L, p) else blocks
  half <- vapply(seq_len(ceiling(permutations / 2)), function(i) draw_order(code), integer(p))
  half <- t(matrix(half, p))
  orders <- rbind(half, half[, p:1, drop = FALSE])
  keys <- apply(orders, 1L, function(order) {
    member <- logical(p)
    key <- character(p + 1L)
    key[1L] <- subset_key(member)
    for (k in seq_len(p)) {
      member[order[k]] <- TRUE
      key[k + 1L] <- subset_key(member)
    }
    key
  })
  subsets <- unique(c(keys))
  subsets <- subsets[order(lengths(regmatches(subsets, gregexpr("1", subsets, fixed = TRUE))))]
  path <- t(matrix(match(keys, subsets), p + 1L))
  member <- do.call(rbind, strsplit(subsets, "", fixed = TRUE)) == "1"
  list(member = member, weights = path_weights(path, orders, nrow(member)), path = path, orders = orders)
}

# A random order in which the players of a block (1, 2, ... for each player) follow one another
draw_order <- function(code) {
  block <- sample.int(max(code))
  player <- sample.int(length(code))
  player[order(block[code[player]])]
}

subset_key <- function(member) {
  paste(as.integer(member), collapse = "")
}

# Each step of an order gives its player the value after it less the value before
path_weights <- function(path, orders, n_subsets) {
  p <- ncol(orders)
  player <- c(orders)
  after <- c(path[, -1L])
  before <- c(path[, -(p + 1L)])
  count <- function(row) matrix(tabulate((player - 1L) * n_subsets + row, n_subsets * p), n_subsets)
  (count(after) - count(before)) / nrow(orders)
}

# What each player (a column) adds on average in an order and its reverse (a row)
gains_of_pairs <- function(plan, value) {
  gains <- matrix(value[plan$path[, -1L]] - value[plan$path[, -ncol(plan$path)]], nrow(plan$orders))
  by_player <- gains
  by_player[cbind(c(row(gains)), c(plan$orders))] <- gains
  half <- seq_len(nrow(by_player) / 2)
  (by_player[half, , drop = FALSE] + by_player[-half, , drop = FALSE]) / 2
}

# Standard errors of the means over pairs of orders
pair_errors <- function(pairs) {
  apply(pairs, 2L, stats::sd) / sqrt(nrow(pairs))
}
