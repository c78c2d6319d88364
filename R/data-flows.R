#' Flows between places
#'
#' @description
#' `as_flows()` counts the firms that went from each place to each place: the
#' origin-destination table, ready for gravity models
#' (`fixest::fepois(count ~ log(distance) | from + to, data = ...)`) and for
#' migration tables. The diagonal, `from == to`, holds the firms that stayed.
#'
#' @details
#' The count of a pair is \eqn{F_{od} = \#\{i : o_i = o, c_i = d\}}; the weight is
#' \eqn{\sum w_i} over the same occasions. Firms that closed are not counted.
#' Conditional logit and Poisson regression of these counts with origin effects
#' have the same likelihood in the coefficients of pairs (Guimaraes, Figueiredo
#' and Woodward 2003).
#'
#' @param data A [migration_data()] or a [choice_data()].
#' @param by_time `TRUE` for a table per time.
#' @param zeros `TRUE` to give pairs without a firm too: every place with every
#'   place (at every time).
#' @param ... Not used.
#'
#' @return A data frame with a row per pair (and time), sorted by time, origin
#'   and destination: `from` and `to`, place ids as text (`from` is `NA` for
#'   firms without origin); `time` if asked for; `count`, firms; `weight`, the
#'   sum of their weights (the count without weights); `stay`, `TRUE` on the
#'   diagonal.
#' @references
#' Guimaraes, P., Figueiredo, O. and Woodward, D. (2003). A tractable approach to
#' the firm location decision problem. *Review of Economics and Statistics* 85,
#' 201-204. \doi{10.1162/003465303762687811}
#' @seealso [migration_data()], [choice_data()]; [predict()][predict.migration_fit] with `type = "flows"` for the
#'   expected ones; [plot.migration_data()] for pictures.
#' @examples
#' firms <- data.frame(
#'   firm = 1:4, from = c("Wenzhou", "Wenzhou", "Guzhen", NA),
#'   to = c("Guzhen", "Wenzhou", "Guzhen", "Guzhen")
#' )
#' moves <- migration_data(firms, data.frame(place = c("Wenzhou", "Guzhen", "Yiwu")))
#' as_flows(moves)
#' as_flows(moves, zeros = FALSE)
#' @export
as_flows <- function(data, ...) UseMethod("as_flows")

#' @rdname as_flows
#' @export
as_flows.default <- function(data, ...) {
  abort("`data` must be a migration_data() or a choice_data(), not ", describe_type(data), ".",
    class = "type"
  )
}

#' @rdname as_flows
#' @export
as_flows.migration_data <- function(data, by_time = FALSE, zeros = TRUE, ...) {
  check_dots(...)
  row <- occasions(data)
  count_flows(
    data, data$index$origin[row], data$index$chosen[row], data$index$time[row],
    data$weights[row], by_time, zeros
  )
}

#' @rdname as_flows
#' @export
as_flows.choice_data <- function(data, by_time = FALSE, zeros = TRUE, ...) {
  check_dots(...)
  code <- occasion_places(data)
  count_flows(data, code$origin, code$chosen, data$index$time, data$weights, by_time, zeros)
}

# Count occasions by origin, chosen place and time (codes)
count_flows <- function(data, origin, chosen, time, weights, by_time, zeros) {
  check_flow_arguments(data, by_time, zeros)
  J <- length(data$place)
  # no origin sorts last, as place J + 1
  origin[is.na(origin)] <- J + 1L
  key <- combine_codes(
    list(chosen, origin, if (by_time) time),
    c(J, J + 1, length(data$time))
  )
  cell <- sort(unique(key))
  if (zeros) cell <- all_cells(J, if (by_time) length(data$time) else 1L, any(origin > J))
  at <- match(key, cell)
  count <- tabulate(at, length(cell))
  flows <- data.frame(
    from = data$place[((cell - 1) %/% J) %% (J + 1) + 1],
    to = data$place[(cell - 1) %% J + 1]
  )
  if (by_time) flows$time <- data$time[(cell - 1) %/% (J * (J + 1)) + 1]
  flows$count <- count
  flows$weight <- if (is.null(weights)) as.numeric(count) else sum_by(weights, at, length(cell))
  flows$stay <- !is.na(flows$from) & flows$from == flows$to
  flows
}

# Keys of all pairs of places at each of some times, no origin included if any
all_cells <- function(J, times, no_origin) {
  pairs <- seq_len(J * (J + no_origin))
  rep((seq_len(times) - 1) * J * (J + 1), each = length(pairs)) + pairs
}

# Sums of `x` over groups 1..n
sum_by <- function(x, group, n) {
  total <- numeric(n)
  total[unique(group)] <- rowsum(x, group, reorder = FALSE)
  total
}

check_flow_arguments <- function(data, by_time, zeros) {
  for (flag in c("by_time", "zeros")) {
    value <- get(flag)
    if (!is.logical(value) || length(value) != 1 || is.na(value)) {
      abort("`", flag, "` must be TRUE or FALSE.", class = "argument")
    }
  }
  if (by_time && is.null(data$time)) {
    abort("`by_time` needs a time: the data have none. Name its column with `time =` when ",
      "making the data.",
      class = "argument"
    )
  }
}
