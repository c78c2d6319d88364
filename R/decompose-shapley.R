#' Who contributes how much: Shapley and Owen values, dominance
#'
#' @description
#' `decompose_shapley()` shares a number between the players that make it up together: a fit statistic between
#' regressors, a change between causes. `value` gives the number for every subset of the players. The Shapley value of a
#' player is what it adds, averaged over all orders in which the players can come; the shares add up to the whole.
#'
#' @details
#' With \eqn{v(T)} the value of the players \eqn{T} and \eqn{p} players,
#' \deqn{\phi_k = \sum_{T \not\ni k} \frac{|T|!\,(p-1-|T|)!}{p!} [v(T \cup k) - v(T)], \qquad
#'   \sum_k \phi_k = v(\mathrm{all}) - v(\emptyset).}{phi_k = sum over T without k of |T|! (p-1-|T|)!/p! [v(T+k) -
#' v(T)]; sum phi_k = v(all) - v(none).} With `value` an \eqn{R^2} this is the measure LMG. Three kinds of dominance
#' come with it: a player dominates another *generally* if its Shapley value is larger, *conditionally* if what it adds
#' is larger on average for each number of players before it (table `orders`), *completely* if it adds more to every
#' subset without either.
#'
#' With `blocks` the Owen value: only those orders count in which the players of a block follow one another. Its sum
#' over a block is the Shapley value of the block in the game of blocks. It needs \eqn{2^{G-1}\sum_b 2^{p_b}}{2^(G-1)
#' sum 2^p_b} values at most instead of \eqn{2^p}.
#'
#' *Sampling.* A function of more subsets than those of 12 players is not called for all of them; orders are drawn
#' instead, each followed by its reverse (an antithetic pair, which has less noise than two orders). An estimate is
#' the mean over the pairs, its standard error comes from their variance. Estimates still add up exactly. `seed` makes
#' them repeatable.
#'
#' @section What the numbers do not say:
#' A share is a convention of dividing fairly what is joint, not an effect: two regressors that say the same halve what
#' either would get alone. A player that adds nothing to anybody gets 0.
#'
#' @param value A function of a character vector (the names of some players, `character()` for none) that returns a
#'   number; or the numbers themselves: \eqn{2^p} of them, that of a subset at 1 plus the sum of \eqn{2^{k-1}}{2^(k-1)}
#'   over its players \eqn{k} (none, 1, 2, 1 and 2, 3, ...).
#' @param players Names of the players: 1 to 20 for numbers, any number for a function; `NULL` numbers them.
#' @param blocks `NULL`, or the block of each player: a vector in the order of `players` or named by them, or a
#'   named list of the players of each block.
#' @param draws `NULL` is exact where that takes 4,096 calls of `value` or fewer (12 players without blocks), else
#' 500. A
#'   number of antithetic pairs of orders asks for sampling.
#' @param conf.level Confidence level of the intervals of sampled values.
#' @param seed A number that makes drawn orders repeatable; `NULL` takes the generator as it is.
#' @return An object of class `decompose_shapley` and `decomposition`:
#' \describe{
#'   \item{`shapley`}{`player`, `block` (`NA` without blocks), `estimate`, `share` (of the whole); with sampling
#'     `std.error`,
#'     `conf.low`, `conf.high`.}
#'   \item{`blocks`}{with blocks: `block`, `estimate`, `share`, and the same errors.}
#'   \item{`orders`}{`player`, `before` (players that came before), `added`: what it adds then, on average.
#'     Without blocks
#'     and exact only, as the next.}
#'   \item{`dominance`}{a row for two players: `player`, `over`, `subsets` (share of the subsets to which `player`
#'     adds more, equal
#'     ones count half), `complete`, `conditional`, `general`: `TRUE` if it dominates, `FALSE` if it is dominated, `NA`
#'     if neither.}
#'   \item{`totals`}{`value_none`, `value_all`, `change`.}
#' }
#' and `method`, `reference`, `residual`, `calls` (how often `value` was called), `call`.
#' @section Errors: A number of values that is no power of two; a value that is not one finite number, with its
#' subset; a
#'   player in no block, or in two.
#' @references
#' Shapley, L. S. (1953). A value for n-person games. In *Contributions to the Theory of Games II*, Princeton University
#' Press, 307-317. \doi{10.1515/9781400881970-018}
#'
#' Owen, G. (1977). Values of games with a priori unions. In *Mathematical Economics and Game Theory*, Springer, 76-88.
#' \doi{10.1007/978-3-642-45494-3_7}
#'
#' Budescu, D. V. (1993). Dominance analysis: a new approach to the problem of relative importance of predictors in
#' multiple regression. *Psychological Bulletin* 114, 542-551. \doi{10.1037/0033-2909.114.3.542}
#'
#' Shorrocks, A. F. (2013). Decomposition procedures for distributional analysis: a unified framework based on the
#' Shapley value. *Journal of Economic Inequality* 11, 99-126. \doi{10.1007/s10888-011-9214-z}
#' @seealso [decompose_factors()] for products and rates.
#' @examples
#' # what explains the jobs of lamp makers in 2008
#' firms <- subset(wenzhou_guzhen()$firms, year == 2008 & !is.na(to))
#' explained <- function(x) {
#'   summary(lm(reformulate(c("1", x), "log(jobs)"), firms))$r.squared
#' }
#' decompose_shapley(explained, c("productivity", "exporter", "to"))
#' decompose_shapley(explained, c("productivity", "exporter", "to"),
#'                   blocks = c("firm", "firm", "place"))
#' @export
decompose_shapley <- function(value, players = NULL, blocks = NULL, draws = NULL, conf.level = 0.95, seed = NULL) {
  call <- match.call()
  conf.level <- check_fraction(conf.level, "conf.level")
  players <- game_players(value, players)
  code <- block_codes(blocks, players)
  if (!is.null(draws)) draws <- check_count(draws, "draws")
  if (is.function(value) && is.null(draws) && owen_calls(code$code) > 4096) draws <- 500L
  game <- new_game(value, players)
  result <- if (is.null(draws)) exact_shapley(game, code) else with_seed(seed, sampled_shapley(game, code, draws, conf.level))
  structure(
    c(result, list(
      method = if (is.null(blocks)) "shapley" else "owen",
      reference = shapley_reference(length(players), code, draws), calls = game$calls(), conf.level = conf.level,
      call = call
    )),
    class = c("decompose_shapley", "decomposition")
  )
}

# Players and blocks ---------------------------------------------------------------------------------

# Names of the players
game_players <- function(value, players) {
  if (!is.function(value) && !is.numeric(value)) {
    abort("`value` must be a function of the names of players, or the numbers of all subsets, not ",
      describe_type(value), ".",
      class = "argument"
    )
  }
  p <- if (is.function(value)) length(players) else log2(length(value))
  if (p < 1 || p != round(p)) {
    abort(
      if (is.function(value)) {
        "`players` must name at least one player."
      } else {
        paste0("`value` has ", plural(length(value), "number"), ": p players have 2^p subsets (2, 4, 8, ...).")
      },
      class = "argument"
    )
  }
  if (is.numeric(value) && p > 20) {
    abort("`value` has the subsets of ", p, " players; 20 are the most. Give a function instead: orders are drawn.",
      class = "argument"
    )
  }
  if (is.null(players)) players <- as.character(seq_len(p))
  players <- as.character(players)
  if (length(players) != p || anyNA(players) || anyDuplicated(players)) {
    abort("`players` must be ", p, " different names", if (is.numeric(value)) paste0(" for ", length(value), " values"),
      ".",
      class = "argument"
    )
  }
  players
}

# list(code = block of each player from 1 on, names, given = are there blocks)
block_codes <- function(blocks, players) {
  if (is.null(blocks)) {
    return(list(code = rep(1L, length(players)), names = NA_character_, given = FALSE))
  }
  if (is.list(blocks)) {
    each <- rep(names(blocks), lengths(blocks))
    blocks <- stats::setNames(each, as.character(unlist(blocks, use.names = FALSE)))
  }
  if (!is.null(names(blocks))) {
    twice <- unique(names(blocks)[duplicated(names(blocks))])
    if (length(twice)) abort("`blocks` has ", quote_names(twice), " more than once.", class = "blocks")
    unknown <- setdiff(names(blocks), players)
    if (length(unknown)) {
      abort("`blocks` has ", quote_names(unknown), ", which is no player.", did_you_mean(unknown, players), class = "blocks")
    }
    blocks <- blocks[match(players, names(blocks))]
  }
  if (length(blocks) != length(players) || anyNA(blocks)) {
    lacking <- if (length(blocks) == length(players)) players[is.na(blocks)]
    abort("`blocks` must give a block for each of the ", plural(length(players), "player"),
      if (length(lacking)) paste0("; it lacks ", quote_names(lacking)), ".",
      class = "blocks"
    )
  }
  names <- unique(as.character(blocks))
  list(code = match(as.character(blocks), names), names = names, given = TRUE)
}

# Upper bound of the subsets that the Owen value reads
owen_calls <- function(code) {
  sizes <- tabulate(code)
  min(2^length(code), 2^(length(sizes) - 1) * sum(2^sizes))
}

shapley_reference <- function(p, code, draws) {
  c(
    paste0("reference: no player; ", if (is.null(draws)) {
      paste0("the average over all orders of ", plural(p, "player"))
    } else {
      paste0(plural(draws, "pair"), " of an order of the ", p, " players and its reverse, drawn at random")
    }),
    if (code$given) paste0("blocks, whose players follow one another: ", paste(code$names, collapse = ", "))
  )
}

# Values of subsets ----------------------------------------------------------------------------------

# A game that checks what it is told, remembers it, and counts its calls; a subset is TRUE for its players
new_game <- function(value, players) {
  known <- new.env(parent = emptyenv())
  n <- 0L
  ask <- function(subset) {
    if (!is.function(value)) {
      return(checked(value[1 + sum(2^(which(subset) - 1))], subset))
    }
    key <- paste0("s", paste(which(subset), collapse = " "))
    if (is.null(known[[key]])) {
      n <<- n + 1L
      known[[key]] <- checked(value(players[subset]), subset)
    }
    known[[key]]
  }
  checked <- function(x, subset) {
    if (is.numeric(x) && length(x) == 1 && is.finite(x)) {
      return(as.double(x))
    }
    abort("`value` of ", if (any(subset)) quote_names(players[subset]) else "no player", " is ",
      if (length(x) == 1) format(x) else paste0(describe_type(x), " of length ", length(x)),
      ": it must be one finite number.",
      class = "value"
    )
  }
  list(ask = ask, players = players, calls = function() n, numbers = if (is.numeric(value)) as.double(value))
}

# Values of all subsets, or of those that are needed (NA elsewhere)
game_values <- function(game, needed) {
  players <- 2L^(seq_along(game$players) - 1L)
  ask <- function(mask) game$ask(bitwAnd(mask, players) > 0L)
  if (!is.null(game$numbers)) {
    # asking for the first that is no number tells which subset it is
    bad <- which(needed & !is.finite(game$numbers))
    if (length(bad)) ask(bad[1] - 1L)
    return(game$numbers)
  }
  values <- rep(NA_real_, length(needed))
  tick <- progress("Sets of players", sum(needed))
  values[needed] <- vapply(which(needed) - 1L, function(mask) {
    tick()
    ask(mask)
  }, 0)
  values
}

# Shapley values, or Owen values with blocks, of the values of all subsets, 1 + bit pattern
#
# `blocks` are codes 1, 2, ... of the p players. Subsets that owen_needed() does not ask for may be NA.
shapley_values <- function(value, p, blocks = NULL, names = NULL) {
  code <- if (is.null(blocks)) rep(1L, p) else match(blocks, unique(blocks))
  stats::setNames(.Call(C_owen, as.double(value), code, max(code)), names)
}

# What the value of each subset, 1 + bit pattern (a row), weighs in the Shapley or Owen value of each player (a column)
owen_weights <- function(p, blocks = NULL) {
  code <- if (is.null(blocks)) rep(1L, p) else match(blocks, unique(blocks))
  .Call(C_owen_weights, code, max(code))
}

# Which subsets the Owen value of these blocks reads, a logical for each bit pattern
owen_needed <- function(p, blocks = NULL) {
  code <- if (is.null(blocks)) rep(1L, p) else match(blocks, unique(blocks))
  .Call(C_owen_needed, code, max(code))
}

# Tables ---------------------------------------------------------------------------------------------

exact_shapley <- function(game, code) {
  p <- length(game$players)
  value <- game_values(game, owen_needed(p, code$code))
  estimate <- shapley_values(value, p, code$code)
  result <- shapley_tables(game, code, estimate, value[c(1, length(value))])
  if (code$given) {
    return(result)
  }
  orders <- .Call(C_shapley_orders, value, p)
  result$orders <- data.frame(
    player = rep(game$players, each = p), before = rep(seq_len(p) - 1L, p),
    added = as.vector(t(orders))
  )
  if (p > 1) result$dominance <- dominance_table(value, p, orders, estimate, game$players)
  result
}

shapley_tables <- function(game, code, estimate, ends) {
  change <- ends[2] - ends[1]
  share <- if (change != 0) 1 / change else NA_real_
  result <- list(shapley = data.frame(
    player = game$players, block = code$names[code$code], estimate = estimate,
    share = estimate * share
  ))
  if (code$given) {
    sums <- drop(rowsum(estimate, code$code))
    result$blocks <- data.frame(block = code$names, estimate = unname(sums), share = unname(sums) * share)
  }
  result$totals <- data.frame(value_none = ends[1], value_all = ends[2], change = change)
  result$residual <- data.frame(table = "shapley", residual = change - sum(estimate))
  result
}

# Complete, conditional and general dominance of each two players
dominance_table <- function(value, p, orders, estimate, players) {
  subsets <- .Call(C_shapley_dominance, value, p)
  pair <- which(upper.tri(subsets), arr.ind = TRUE)
  pair <- pair[order(pair[, 1], pair[, 2]), , drop = FALSE]
  share <- subsets[pair]
  difference <- orders[pair[, 1], , drop = FALSE] - orders[pair[, 2], , drop = FALSE]
  verdict <- function(wins, loses) ifelse(wins, TRUE, ifelse(loses, FALSE, NA))
  gap <- estimate[pair[, 1]] - estimate[pair[, 2]]
  data.frame(
    player = players[pair[, 1]], over = players[pair[, 2]], subsets = share, complete = verdict(share == 1, share == 0),
    conditional = verdict(rowSums(difference <= 0) == 0, rowSums(difference >= 0) == 0),
    general = verdict(gap > 0, gap < 0)
  )
}

# Drawn orders ---------------------------------------------------------------------------------------

# Estimates from orders and their reverses, with errors from the variance between pairs
sampled_shapley <- function(game, code, draws, conf.level) {
  if (draws < 2) abort("`draws` must be at least 2: one pair of orders has no variance.", class = "argument")
  plan <- sampled_plan(length(game$players), 2 * draws, code$code)
  tick <- progress("Coalitions", nrow(plan$member))
  value <- apply(plan$member, 1L, function(coalition) {
    tick()
    game$ask(coalition)
  })
  pairs <- gains_of_pairs(plan, value)
  result <- shapley_tables(game, code, colMeans(pairs), value[c(1L, length(value))])
  with_errors <- function(table, pairs) {
    error <- pair_errors(pairs)
    reach <- stats::qt((1 + conf.level) / 2, draws - 1) * error
    data.frame(table, std.error = error, conf.low = table$estimate - reach, conf.high = table$estimate + reach)
  }
  result$shapley <- with_errors(result$shapley, pairs)
  if (code$given) result$blocks <- with_errors(result$blocks, t(rowsum(t(pairs), code$code)))
  result
}
