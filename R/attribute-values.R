# Shapley and Owen values: which subsets of p players a value is needed for, and what each subset weighs in the share of
# each player. Everything the attribution does with the values (shares, covariances, gradients) is then one product.
#
#   phi_k = sum_T  weights[T, k] v(T),   a row of `member` (logical, subsets x p) for each T.

#' The subsets and weights of exact values
#'
#' @param p number of players.
#' @param blocks NULL for Shapley's values; for Owen's the block (1, 2, ...) of each player.
#' @return list(member, weights): subsets by size.
#' @noRd
exact_plan <- function(p, blocks = NULL) {
  mask <- seq_len(2^p) - 1L
  bit <- 2L^(seq_len(p) - 1L)
  member <- vapply(bit, function(b) bitwAnd(mask, b) > 0L, logical(length(mask)))
  weights <- if (is.null(blocks)) shapley_weights(member) else owen_weights(member, blocks)
  needed <- rowSums(weights != 0) > 0
  order <- order(rowSums(member))
  order <- order[needed[order]]
  list(member = member[order, , drop = FALSE], weights = weights[order, , drop = FALSE])
}

#' |T|! (p - 1 - |T|)! / p! of the gain that player k brings to T: plus for T with k, minus without
#' @noRd
shapley_weights <- function(member) {
  p <- ncol(member)
  size <- rowSums(member)
  # of T less the player
  others <- size - member
  weight <- exp(lfactorial(others) + lfactorial(pmax(p - 1L - others, 0)) - lfactorial(p))
  ifelse(member, weight, ifelse(others < p, -weight, 0))
}

#' Blocks come one after the other in random order, the players of a block in random order within: only subsets that
#' hold every other block whole or not at all count
#' @noRd
owen_weights <- function(member, blocks) {
  n <- max(blocks)
  size <- tabulate(blocks, n)
  inside <- vapply(seq_len(n), function(b) rowSums(member[, blocks == b, drop = FALSE]), numeric(nrow(member)))
  partial <- inside > 0 & inside < rep(size, each = nrow(member))
  whole <- inside == rep(size, each = nrow(member))
  vapply(seq_along(blocks), function(k) {
    b <- blocks[k]
    feasible <- rowSums(partial[, -b, drop = FALSE]) == 0
    before <- rowSums(whole[, -b, drop = FALSE])
    others <- inside[, b] - member[, k]
    weight <- order_weight(before, n) * order_weight(others, size[b])
    ifelse(feasible, ifelse(member[, k], weight, -weight), 0)
  }, numeric(nrow(member)))
}

#' Share of the orders of n in which just the `before` given ones come first
#' @noRd
order_weight <- function(before, n) {
  exp(lfactorial(before) + lfactorial(n - 1L - before) - lfactorial(n))
}

#' The same from sampled orders, each with its reverse: subsets visited, their weights, and for the sampling error the
#' row of `member` before each player of each order (`path`, orders x (p + 1)) with the orders
#' @noRd
sampled_plan <- function(p, permutations, blocks = NULL) {
  half <- t(vapply(seq_len(ceiling(permutations / 2)), function(i) random_order(p, blocks), integer(p)))
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

#' @noRd
random_order <- function(p, blocks) {
  if (is.null(blocks)) {
    return(sample.int(p))
  }
  shuffle <- function(x) x[sample.int(length(x))]
  unlist(lapply(shuffle(unique(blocks)), function(b) shuffle(which(blocks == b))))
}

#' @noRd
subset_key <- function(member) {
  paste(as.integer(member), collapse = "")
}

#' Each step of an order gives its player the value after it less the value before
#' @noRd
path_weights <- function(path, orders, n_subsets) {
  p <- ncol(orders)
  player <- c(orders)
  after <- c(path[, -1L])
  before <- c(path[, -(p + 1L)])
  count <- function(row) matrix(tabulate((player - 1L) * n_subsets + row, n_subsets * p), n_subsets)
  (count(after) - count(before)) / nrow(orders)
}

#' Standard errors of sampled values: the spread of the means of an order and its reverse
#' @noRd
sampling_errors <- function(plan, value) {
  gains <- matrix(value[plan$path[, -1L]] - value[plan$path[, -ncol(plan$path)]], nrow(plan$orders))
  by_player <- gains
  by_player[cbind(c(row(gains)), c(plan$orders))] <- gains
  half <- nrow(by_player) / 2
  pairs <- (by_player[seq_len(half), , drop = FALSE] + by_player[half + seq_len(half), , drop = FALSE]) / 2
  apply(pairs, 2L, stats::sd) / sqrt(half)
}
