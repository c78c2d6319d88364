#' Firms, places and the ties between them
#'
#' @description
#' `migration_data()` takes the tables as they come: the firms (a row per
#' occasion), the places (a row per place, or per place and time), the ties
#' between pairs and the network of firms. It checks the keys and stores their
#' integer codes. The long table of firms x places is never built, so the size
#' of the object is the size of its tables.
#'
#' @details
#' Occasion \eqn{i} is one firm deciding once, from the origin \eqn{o_i} (column
#' `from`) among the places \eqn{j = 1, \dots, J}; the chosen place \eqn{c_i} is
#' the column `to`. The firm *stays* when \eqn{c_i = o_i} and is a *mover* when
#' it is not.
#'
#' * `to` equal to `from`: the firm stayed.
#' * `to` missing (`NA`): the firm closed. Such a row is no choice; it is kept
#'   for exit models and for decompositions.
#' * `from` missing: the firm has no origin, so it cannot stay: a start-up or a
#'   foreign investor.
#'
#' Ids may be of any type (numbers, strings, factors, dates); they are compared
#' as text, need not run from 1 to n, and unused levels of factors do no harm.
#' Tibbles and data tables give the same result as data frames.
#'
#' @param firms Data frame with a row per occasion: the firm, the time, the
#'   places `from` and `to`, and attributes of the firm.
#' @param places Data frame with a row per place, or per place and time when it
#'   has the time column. Every place of every time needs a row, unless
#'   `available = "rows"`.
#' @param ties `NULL`, a data frame or a named list of data frames with
#'   attributes of pairs. A table with the column `from` is keyed by origin and
#'   destination (`from`, `to`); a table with the column `firm` is keyed by firm
#'   and destination (`firm`, `to`). Either may have the time column too. The
#'   columns have the names given in `firm`, `from`, `to` and `time`, or are
#'   called plainly `firm`, `from`, `to` and `time`. A table keyed by origin needs a row for each pair of an origin that
#'   occurs and another place, except pairs that are not available; the pair of a place with itself is 0 unless given. A
#'   table keyed by firm needs a row only for the pairs that exist if it says what the others are:
#'   `attr(ties, "default") <- 0`.
#' @param network `NULL` or a data frame of links between firms: column `firm`
#'   (or the name in the argument `firm`), column `peer`, and if wanted
#'   `weight` (not negative; 1 otherwise). A link is directed: the peer counts
#'   for the firm. List both directions if both hold.
#' @param firm,place,time,from,to Names of the key columns, strings. `time` is
#'   `NULL` when each firm decides once. `from` is `NULL` when no firm has an
#'   origin.
#' @param available `NULL` (every place is offered); or `"rows"`: a place is offered
#'   at the times at which `places` has a row for it; or the name of a logical
#'   (or 0/1) column of a tie table (`"open"`, or `"table$open"` if two tables
#'   have it), or a function `function(from, to, time)` that returns `TRUE`
#'   where a firm at `from` may go to `to`. It is called with vectors of equal
#'   length, one element per pair: place ids as character (`from` is `NA` for no
#'   origin) and times of the original type (`NULL` without time); it is called
#'   for distinct origins and times, not for every firm. With a tie column, a
#'   firm without origin is offered every place, and a place is available to the
#'   firms it has already unless the table says otherwise.
#' @param weights `NULL`, the name of a column of `firms`, or a numeric vector
#'   with a finite, non-negative weight per row of `firms`.
#'
#' @return An object of class `migration_data`: a list with
#' \describe{
#'   \item{`firms`, `places`}{the tables as plain data frames, rows in order.}
#'   \item{`ties`}{named list; each element holds the table (`data`), its key
#'     (`by`, `"place"` or `"firm"`), whether it is `timed`, its `default`, its
#'     attribute `columns` and the integer codes of its keys (`index`).}
#'   \item{`network`}{data frame `firm`, `peer`, `weight`, or `NULL`.}
#'   \item{`names`}{the names of the key columns.}
#'   \item{`place`, `time`, `firm`}{ids of places (text, in order of first
#'     appearance), sorted times (original type), ids of firms (text).}
#'   \item{`index`}{integer codes per row of `firms`: `firm`, `time`, `origin`
#'     (`NA`: none), `chosen` (`NA`: closed).}
#'   \item{`place_row`}{integer matrix, place x time: rows of `places`.}
#'   \item{`available`, `weights`}{as checked.}
#' }
#'
#' @section Errors:
#' One sentence says which argument is wrong, how many rows and which: a key
#' column that is absent or `NA`, a duplicated occasion, a place that `places`
#' lacks, a missing or repeated row of places, ties or network, a chosen place
#' that `available` does not offer, weights that are negative or not finite. All
#' are of class `firmmove_error`. Warnings tell of rows of firms that are not there
#' (before their first place, between two, after the last: `to` and `from` missing),
#' and of places most of whose firms went to one other place in one period, as they
#' do when a place gets a new name.
#'
#' @seealso [choice_data()] for long data, [as_flows()] for the flow table,
#'   [fit_migration()].
#' @references
#' McFadden, D. (1978). Modelling the choice of residential location. In *Spatial
#' Interaction Theory and Planning Models*, North-Holland, 75-96. Figueiredo, O.,
#' Guimaraes, P. and Woodward, D. (2002). Home-field advantage: location
#' decisions of Portuguese entrepreneurs. *Journal of Urban Economics* 52,
#' 341-361. \doi{10.1016/S0094-1190(02)00006-2}
#' @examples
#' firms <- data.frame(
#'   firm = c(1, 2, 3, 4), from = c("Wenzhou", "Wenzhou", "Guzhen", NA),
#'   to = c("Guzhen", "Wenzhou", "Guzhen", "Guzhen"), size = c(20, 150, 60, 8)
#' )
#' places <- data.frame(place = c("Wenzhou", "Guzhen", "Yiwu"), land_price = c(9, 5, 7))
#' ties <- expand.grid(from = places$place, to = places$place)
#' ties$distance <- c(0, 1050, 240, 1050, 0, 1000, 240, 1000, 0)
#' moves <- migration_data(firms, places, ties)
#' moves
#' summary(moves)
#' as_flows(moves, zeros = FALSE)
#' @export
migration_data <- function(firms, places, ties = NULL, network = NULL,
                           firm = "firm", place = "place", time = NULL,
                           from = "from", to = "to", available = NULL, weights = NULL) {
  names <- list(firm = firm, place = place, time = time, from = from, to = to)
  data <- build_migration_data(firms, places, ties, network, names, available, weights)
  tell_history(data)
  data
}

# Coded and checked data; names: those of the key columns; answers: FALSE where choices may be of places not on offer
build_migration_data <- function(firms, places, ties, network, names, available, weights, answers = TRUE) {
  firms <- plain_table(firms, "firms")
  places <- plain_table(places, "places")
  check_firm_columns(firms, names)
  found <- code_places(places, names)
  data <- list(
    firms = firms, places = places, ties = list(), network = NULL,
    names = names, place = found$levels
  )
  data <- code_occasions(data)
  data$place_row <- code_place_rows(places, found$code, data)
  data["tie_row"] <- list(NULL)
  data$ties <- code_ties(ties, data)
  data["network"] <- list(code_network(network, data))
  data["available"] <- list(code_available(available, data))
  check_place_rows(data$place_row, data)
  if (!is.null(data$available$tie)) data <- logical_available(data)
  data["weights"] <- list(check_weights(weights, firms, "firms"))
  if (is.character(weights)) attr(data, "weights_column") <- weights
  class(data) <- "migration_data"
  check_tie_pairs(data)
  if (answers) check_chosen_available(data)
  data
}

# Check that `firms` has rows and its key columns, each named once
check_firm_columns <- function(firms, names) {
  if (nrow(firms) == 0) abort("`firms` has no rows.", class = "empty")
  if (identical(names$from, "from") && !"from" %in% names(firms)) {
    abort("`firms` has no column `from`, the place of a firm before it decides. In a panel of firms and places that is ",
      "the place of the row before; from = NULL says that no firm has an origin; or name the column.",
      class = "columns"
    )
  }
  for (key in c("firm", "time", "from", "to")) {
    if (is.null(names[[key]]) && key %in% c("time", "from")) next
    check_column(firms, names[[key]], key, "firms")
  }
  columns <- unlist(names[c("firm", "time", "from", "to")])
  twice <- columns[duplicated(columns)]
  if (length(twice)) {
    abort("Column `", twice[1], "` of `firms` is named for ",
      paste0("`", names(columns)[columns == twice[1]], "`", collapse = " and "),
      ": each needs a column of its own.",
      class = "columns"
    )
  }
  check_no_na(firms[[names$firm]], paste0("firms$", names$firm))
  if (!is.null(names$time)) check_no_na(firms[[names$time]], paste0("firms$", names$time))
}

# Levels and codes of the places of `places`
code_places <- function(places, names) {
  if (nrow(places) == 0) abort("`places` has no rows.", class = "empty")
  check_column(places, names$place, "place", "places")
  check_no_na(places[[names$place]], paste0("places$", names$place))
  found <- code_ids(places[[names$place]])
  if (length(found$levels) < 2) {
    abort("`places` has only one place, ", quote_names(found$levels),
      ": a choice needs at least two.",
      class = "empty"
    )
  }
  found
}

# Add time, firm and index to the data: integer codes of the rows of `firms`
code_occasions <- function(data) {
  firms <- data$firms
  names <- data$names
  time <- if (!is.null(names$time)) code_times(firms[[names$time]])
  firm <- code_ids(firms[[names$firm]])
  data["time"] <- list(time$values)
  data$firm <- firm$levels
  check_occasion_unique(firm, time, names)
  index <- list(firm = firm$code)
  index["time"] <- list(time$code)
  index$origin <- if (is.null(names$from)) {
    rep(NA_integer_, nrow(firms))
  } else {
    code_known(firms[[names$from]], data$place, "come from", names)
  }
  index$chosen <- code_known(firms[[names$to]], data$place, "go to", names)
  data$index <- index
  data
}

# Codes of `x` among the places; a place that `places` lacks is an error
code_known <- function(x, place, verb, names) {
  code <- code_among(x, place)
  unknown <- which(is.na(code) & !is.na(x))
  if (length(unknown)) {
    lacking <- code_ids(x[unknown])$levels
    hint <- explain_lacking(lacking, x, place)
    abort("`places` lacks ", format_count(length(lacking)), " of the places firms ", verb,
      ": ", quote_names(lacking), " (", plural(length(unknown), "row"),
      "). ", hint %||% "Add a row for each, or drop those firms.",
      class = "unknown_place"
    )
  }
  code
}

# Stop when a firm has two rows for one time
check_occasion_unique <- function(firm, time, names) {
  key <- combine_codes(list(firm$code, time$code), c(length(firm$levels), length(time$values)))
  label <- function(row) {
    name <- firm$levels[firm$code[row]]
    if (is.null(time)) name else paste(name, "in", id_text(time$values[time$code[row]]))
  }
  check_unique(
    key, label, "firms", if (is.null(time)) "a firm" else "a firm and time",
    if (is.null(time)) {
      "Name the time column with `time =`, or keep one row each."
    } else {
      "Keep one row each."
    }
  )
}

# Place x time matrix of the rows of `places`
code_place_rows <- function(places, code, data) {
  timed <- !is.null(data$names$time) && data$names$time %in% names(places)
  J <- length(data$place)
  if (!timed) {
    check_unique(
      code, function(row) data$place[code[row]], "places", "a place",
      "If places change over time, both tables need the column named in `time =`."
    )
    return(matrix(seq_len(nrow(places)), J, 1))
  }
  column <- places[[data$names$time]]
  check_no_na(column, paste0("places$", data$names$time))
  time <- code_among(column, id_text(data$time))
  key <- combine_codes(list(code, time), c(J, length(data$time)))
  check_unique(
    key, function(row) paste(data$place[code[row]], "in", id_text(column[row])),
    "places", "a place and time", "Keep one row each."
  )
  rows <- matrix(NA_integer_, J, length(data$time))
  rows[key[!is.na(key)]] <- which(!is.na(key))
  rows
}

# Stop when a place has no row at a time at which firms decide, unless that says that it is not on offer
check_place_rows <- function(rows, data) {
  absent <- which(is.na(rows), arr.ind = TRUE)
  if (nrow(absent) == 0L || isTRUE(data$available$rows)) {
    return(invisible())
  }
  which_ones <- paste(data$place[absent[, 1]], "in", id_text(data$time)[absent[, 2]])
  abort("`places` lacks ", plural(nrow(absent), "row"), " for a place and time: ",
    quote_names(which_ones), ". Every place needs a row for every time of `firms`; available = \"rows\" says that a ",
    "place without a row is not on offer then.",
    class = "missing_rows"
  )
}

# Network as a data frame firm, peer (text), weight
code_network <- function(network, data) {
  if (is.null(network)) {
    return(NULL)
  }
  network <- plain_table(network, "network")
  firm <- if (data$names$firm %in% names(network)) data$names$firm else "firm"
  check_column(network, firm, "firm", "network")
  if (!"peer" %in% names(network)) {
    abort("`network` has no column `peer`; its columns are ", quote_names(names(network), 8),
      ". Rename the column of the firm at the other end.",
      class = "columns"
    )
  }
  check_no_na(network[[firm]], paste0("network$", firm))
  check_no_na(network$peer, "network$peer")
  if (is.null(network$weight)) network$weight <- rep(1, nrow(network))
  weight <- check_weights(network$weight, network, "network", "network$weight")
  ends <- lapply(list(network[[firm]], network$peer), code_ids)
  levels <- unique(c(ends[[1]]$levels, ends[[2]]$levels))
  code <- lapply(ends, function(end) match(end$levels, levels)[end$code])
  check_links(code, levels)
  data.frame(firm = levels[code[[1]]], peer = levels[code[[2]]], weight = weight)
}

# Stop when a link repeats another or joins a firm to itself
check_links <- function(code, levels) {
  self <- which(code[[1]] == code[[2]])
  if (length(self)) {
    abort("`network` links ", plural(length(self), "firm"), " to itself: ",
      quote_names(levels[code[[1]][self]]), ". Drop those rows.",
      class = "network"
    )
  }
  label <- function(row) paste(levels[code[[1]][row]], "to", levels[code[[2]][row]])
  check_unique(
    combine_codes(code, rep(length(levels), 2)), label, "network", "a link",
    "Keep one row each."
  )
}

# Rows of the firms table (or occasion numbers) that are a choice
occasions <- function(data) UseMethod("occasions")

#' @export
occasions.migration_data <- function(data) which(!is.na(data$index$chosen))

# Rows of `places`, place x length(time), for integer codes of times (or NULL)
place_rows <- function(data, time = NULL) {
  if (ncol(data$place_row) > 1) {
    return(data$place_row[, time, drop = FALSE])
  }
  data$place_row[, rep(1L, max(1L, length(time))), drop = FALSE]
}
