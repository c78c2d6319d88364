#' The place that nearly won
#'
#' @description
#' What arrivals do to the firms that are there already is read off places that nearly got them. A fitted model of
#' choice knows these: `runner_up()` names, for each move, the likeliest places but its origin and its destination.
#' `incumbents()` stacks the firms that were at the winner and at the runner-up before, and compares them.
#'
#' @details
#' With \eqn{P_{ij}} the probability that firm \eqn{i} goes to \eqn{j}, \eqn{o} its origin and \eqn{d} the winner, the
#' runner-up is the place with the largest \eqn{P_{ij}} among the others (Greenstone, Hornbeck and Moretti). With
#' `weights = TRUE` all places stand in, with the weight \eqn{P_{ij}/(1 - P_{id} - P_{io})}. Winner and runner-up differ
#' by what the model does not know, which is assumed to have nothing to do with what incumbents will do.
#'
#' `incumbents()` takes the firms seen at the winner, and at the runner-up, in the period before the move, wherever they
#' are later. With \eqn{\Delta y_{ik}} the performance \eqn{k} periods after the move less that in the period before it,
#' \deqn{\delta_k = \sum_e w_e [\textrm{mean}_{\textrm{winner}} \Delta y_{ik} - \textrm{mean}_{\textrm{runner-up}}
#' \Delta y_{ik}] / \sum_e w_e .}{delta_k = sum_e w_e (mean over the winner's firms of Delta y_ik - mean over the
#' runner-up's) / sum_e w_e.} Errors take the contributions of firms at one place (or of one firm) as one. A placebo
#' compares the runner-up with the next (`against = "runner_up"`, from `runner_up(n = 2)`): nothing happened in either.
#'
#' `arrivals` holds, for each place and period, the arrivals, what the model expected, and the difference: arrivals
#' recentred in the sense of Borusyak and Hull, a regressor that is free of what makes a place attractive.
#'
#' @param fit A fit of [fit_migration()] to a [migration_data()] with a time.
#' @param n Number of runners-up.
#' @param weights `TRUE`: all places, with weights.
#' @param events `NULL`: all moves. Or which rows of `firms`: numbers or `TRUE`/`FALSE` for each row.
#' @param size `NULL`, or the name of a column of `firms` that is copied, such as jobs: cases then count by it.
#' @param window Periods before and after the move that `incumbents()` looks at.
#' @return `runner_up()`: an object of class `runner_up` and `decomposition` with tables
#' \describe{
#'   \item{`events`}{`event` (row of `firms`), `firm`, `time`, `origin`, `winner`, `runner_up`, `rank`, `p_winner`,
#'   `p_runner_up`, `weight`, and `size`.}
#'   \item{`arrivals`}{`place`, `time`, `arrivals`, `expected`, `recentred`.}
#'   \item{`notes`}{`table`, `note`.}
#' }
#' @section Errors: A fit to long data or to a store; no moves; data without a time; fewer places than `n` + 2.
#' @references
#' Greenstone, M., Hornbeck, R. and Moretti, E. (2010). Identifying agglomeration spillovers: evidence from winners and
#' losers of large plant openings. *Journal of Political Economy* 118, 536-598. \doi{10.1086/653714}
#'
#' Borusyak, K. and Hull, P. (2023). Nonrandom exposure to exogenous shocks. *Econometrica* 91, 2155-2185.
#' \doi{10.3982/ECTA19367}
#' @seealso [move_events()] for the movers themselves, [decompose_places()].
#' @examples
#' lamps <- wenzhou_guzhen(1996:2002)
#' fit <- fit_migration(~ push(land_price) + pull(creativity) + log(distance), lamps)
#' near <- runner_up(fit, n = 2)
#' near
#' incumbents(near, lamps, "productivity")$difference
#' @export
runner_up <- function(fit, n = 1, weights = FALSE, events = NULL, size = NULL, window = 3) {
  call <- match.call()
  check_fit(fit)
  n <- check_count(n, "n")
  check_flag(weights, "weights")
  window <- check_count(window, "window")
  design <- runner_up_design(fit)
  data <- fit$data
  if (!is.null(size)) check_column(data$firms, size, "size", "data$firms")
  at <- chosen_events(design, events, nrow(data$firms))
  if (!weights && length(data$place) < n + 2L) {
    abort("With ", plural(length(data$place), "place"), " there is no runner-up number ", n, " beside origin and winner.", class = "argument")
  }
  table <- nearly_won(fit, design, at, if (weights) length(data$place) else n, weights, size)
  structure(
    list(
      events = table, arrivals = recentred_arrivals(fit, design),
      notes = runner_up_notes(table, at), window = window, weights = weights, size = size, columns = data$names,
      additive = character(), method = if (weights) "all places by probability" else plural(n, "runner-up", "runners-up"),
      reference = "likeliest places beside origin and destination, by the fit", call = call
    ),
    class = c("runner_up", "decomposition")
  )
}

runner_up_design <- function(fit) {
  refuse_streamed(fit)
  if (!has_tables(fit$data)) {
    abort("runner_up() needs a fit to a migration_data(), where places are the same for all firms.", class = "newdata")
  }
  if (is.null(fit$data$names$time)) {
    abort("`data` has no time: name its column, migration_data(..., time = ).", class = "columns")
  }
  fit_design(fit)
}

# Occasions of a design that are moves and among the events asked for
chosen_events <- function(design, events, rows) {
  at <- which(moved(design$spec))
  if (!is.null(events)) {
    valid <- (is.logical(events) && length(events) == rows) || (is.numeric(events) && all(events %in% seq_len(rows)))
    if (!valid) {
      abort("`events` must be rows of `firms`, 1 to ", format_count(rows), ", or TRUE/FALSE for each of them.", class = "argument")
    }
    wanted <- if (is.logical(events)) which(events) else events
    at <- at[design$occasion[at] %in% wanted]
  }
  if (length(at) == 0L) {
    abort("There is no move among the occasions of the fit", if (!is.null(events)) " that `events` names", ".", class = "no_movers")
  }
  at
}

# The likeliest places of the moves, a run of occasions at a time
nearly_won <- function(fit, design, at, n, weights, size) {
  spec <- design$spec
  design$spec <- some_occasions(spec, at)
  if (!is.null(design$kernel$group)) design$kernel$group <- design$kernel$group[at]
  n <- min(n, length(fit$data$place))
  found <- matrix(by_slice(design, function(part) {
    as.vector(t(top_others(part$spec, kernel_predict(fit, part, "probability"), n)))
  }), ncol = 5L, byrow = TRUE, dimnames = list(NULL, c("place", "rank", "p", "p_winner", "rest")))
  firms <- fit$data$firms
  names <- fit$data$names
  occasion <- rep(at, each = n)
  row <- design$occasion[occasion]
  keep <- found[, "p"] > 0
  table <- quick_table(
    event = row, firm = firms[[names$firm]][row], time = firms[[names$time]][row],
    origin = fit$data$place[spec$origin[occasion]], winner = fit$data$place[spec$chosen[occasion]],
    runner_up = fit$data$place[found[, "place"]], rank = as.integer(found[, "rank"]), p_winner = found[, "p_winner"],
    p_runner_up = found[, "p"],
    weight = found[, "p"] / if (weights) found[, "rest"] else stats::ave(found[, "p"], occasion, FUN = sum)
  )
  if (!is.null(size)) table$size <- firms[[size]][row]
  plain_rows(table[keep, , drop = FALSE])
}

# For each occasion n rows, of the likeliest places but origin and chosen: place, rank, p, p of the chosen, what is left
top_others <- function(spec, p, n) {
  rows <- seq_len(nrow(p))
  p_winner <- p[cbind(rows, spec$chosen)]
  p_origin <- p[cbind(rows, spec$origin)]
  p[cbind(rows, spec$chosen)] <- -1
  p[cbind(rows, spec$origin)] <- -1
  top <- top_columns(p, n)
  cbind(
    as.vector(t(top$place)), rep(seq_len(n), nrow(p)), as.vector(t(top$value)), rep(p_winner, each = n),
    rep(1 - p_winner - p_origin, each = n)
  )
}

# Arrivals by place and period, and those that the fit expects
recentred_arrivals <- function(fit, design) {
  data <- fit$data
  spec <- design$spec
  w <- occasion_weights(spec)
  time <- ordered_codes(data$firms[[data$names$time]][design$occasion])
  n_places <- length(data$place)
  pieces <- lapply(seq_along(time$values), function(k) {
    rows <- which(time$code == k)
    part <- design
    part$spec <- some_occasions(spec, rows)
    if (!is.null(part$kernel$group)) part$kernel$group <- part$kernel$group[rows]
    flows <- expected_flows(fit, part)
    moves <- rows[moved(part$spec)]
    arrivals <- rowsum(c(w[moves], numeric(n_places)), c(spec$chosen[moves], seq_len(n_places)))[, 1L]
    expected <- colSums(flows[seq_len(n_places), , drop = FALSE] * !stays_of(flows)[seq_len(n_places), , drop = FALSE])
    quick_table(
      place = data$place, time = rep(time$values[k], n_places), arrivals = unname(arrivals), expected = expected,
      recentred = unname(arrivals) - expected
    )
  })
  plain_rows(do.call(rbind, pieces))
}

runner_up_notes <- function(table, at) {
  lacking <- length(at) - length(unique(table$event))
  note <- if (lacking > 0L) paste0(plural(lacking, "move"), " without any other place on offer, left out")
  data.frame(table = rep("events", length(note)), note = as.character(note))
}
