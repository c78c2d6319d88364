#' Long data: a row per occasion and offered place
#'
#' @description
#' `choice_data()` describes data in long format. Each occasion has a row for
#' each place offered to it; the number of offered places may differ between
#' occasions, and nothing is padded. The columns are used as they are: numeric
#' columns of data already grouped by occasion reach the kernels uncopied.
#'
#' @param data Data frame (tibble, data table) with a row per occasion and
#'   offered place.
#' @param chosen Name of the column that tells the chosen row: `TRUE`/`FALSE`,
#'   0/1 or `"yes"`/`"no"` (any case); or of a column that repeats, on each row
#'   of the occasion, the id of the chosen place. For other answers see `answer`.
#' @param id Name of the column that identifies the occasion; or of several that do so together, as
#'   `c("person", "task")` where task numbers restart with every person.
#' @param place Name of the column with the id of the offered place.
#' @param firm Name of the column that identifies the firm, constant within an
#'   occasion. By default each occasion is a firm of its own.
#' @param from `NULL` (no origin), or the name of a column with the id of the
#'   origin, constant within an occasion and `NA` for no origin; or of a
#'   `TRUE`/`FALSE` column that is `TRUE` on the row of the origin.
#' @param time `NULL` or the name of the time column, constant within an
#'   occasion.
#' @param weights `NULL`, the name of a column constant within an occasion, or a
#'   numeric vector with a value per row of `data` (constant within an occasion)
#'   or per occasion in order of first appearance. Finite, not negative.
#' @param answer What `chosen` holds: `"choice"` (default), the chosen place;
#'   `"ranking"`, ranks: 1 for the best, 2 for the next, ..., `NA` where not ranked
#'   (the lowest rank may be given to several rows: they count as not ranked);
#'   `"best_worst"`, 1 for the best, -1 for the worst and 0 or `NA` for the others, or
#'   `"best"`, `"worst"` and `""`. Models of [ranked()] use the whole answer; all else
#'   takes the best for the chosen place.
#'
#' @return An object of class `choice_data`: a list with
#' \describe{
#'   \item{`data`}{the data as a plain data frame, rows in order.}
#'   \item{`names`}{the names of the key columns.}
#'   \item{`order`}{`NULL` when the rows of each occasion are contiguous, else
#'     the permutation that groups them, occasions in order of first appearance.}
#'   \item{`start`}{offsets, from 0, of the N occasions in grouped order;
#'     length N + 1.}
#'   \item{`id`, `place`, `firm`, `time`}{occasion ids (original type), place ids
#'     and firm ids (text), sorted times (original type).}
#'   \item{`index`}{integer codes: `place` per row in grouped order; per occasion
#'     `chosen` and `origin` (position within the occasion, 0: no origin),
#'     `firm`, `time`.}
#'   \item{`weights`}{numeric, per occasion, or `NULL`.}
#'   \item{`answer`}{`"ranking"` or `"best_worst"`, with `index$rank` per row (0: not
#'     ranked, -1: the worst); absent for choices.}
#' }
#'
#' @section Errors:
#' Two chosen places, none, a chosen place that is not offered, a place offered
#' twice, missing ids, a firm, origin, time or weight
#' that changes within an occasion: each names how many occasions and which; so do a
#' ranking with a gap, with a tie above the bottom or without any rank, and an answer with
#' no best or several. An
#' origin that is not among the offered places is a warning: the firm cannot
#' stay. An occasion with one place is a note: it is kept, with probability 1, without effect on the estimates.
#'
#' @seealso [migration_data()] for relational tables, [as_migration_data()].
#' @references
#' McFadden, D. (1974). Conditional logit analysis of qualitative choice behavior.
#' In *Frontiers in Econometrics*, Academic Press, 105-142. Croissant, Y. (2020).
#' Estimation of random utility models in R: the mlogit package. *Journal of
#' Statistical Software* 95(11). \doi{10.18637/jss.v095.i11}
#' @examples
#' long <- data.frame(
#'   id = rep(1:3, c(3, 2, 3)),
#'   town = c("Guzhen", "Wenzhou", "Yiwu", "Guzhen", "Wenzhou", "Guzhen", "Wenzhou", "Yiwu"),
#'   went = c(1, 0, 0, 0, 1, 0, 0, 1), home = "Wenzhou", rent = c(5, 9, 7, 5, 9, 6, 9, 7)
#' )
#' offers <- choice_data(long, chosen = "went", id = "id", place = "town", from = "home")
#' offers
#' summary(offers)
#' as_flows(offers, zeros = FALSE)
#' @export
choice_data <- function(data, chosen, id, place, firm = id, from = NULL, time = NULL,
                        weights = NULL, answer = c("choice", "ranking", "best_worst")) {
  answer <- check_choice(answer, "answer")
  names <- list(
    chosen = chosen, id = id, place = place, firm = firm, from = from,
    time = time, weights = if (is.character(weights)) weights
  )
  data <- plain_table(data, "data")
  if (length(id) > 1L) {
    joined <- join_ids(data, id)
    data <- joined$data
    names$firm <- if (identical(firm, id)) joined$name else firm
    names$id <- joined$name
    names$id_columns <- id
  }
  check_long_columns(data, names)
  rows <- group_rows(data[[names$id]])
  x <- c(list(data = data, names = names), rows)
  found <- code_ids(grouped(x, place))
  x$place <- found$levels
  x$index <- list(place = found$code)
  check_offers(x)
  x <- code_answers(x, answer)
  x$index$origin <- code_origin(x)
  x <- code_long_firms(x)
  x["weights"] <- list(code_long_weights(weights, x))
  structure(x, class = "choice_data")
}

# Check that long data have rows and their key columns, without missing ids
check_long_columns <- function(data, names) {
  if (nrow(data) == 0) abort("`data` has no rows.", class = "empty")
  for (key in setdiff(names(names), c("weights", "id_columns"))) {
    if (!is.null(names[[key]])) check_column(data, names[[key]], key, "data")
  }
  for (key in c("id", "place", "firm", "time")) {
    if (is.null(names[[key]])) next
    check_no_na(data[[names[[key]]]], paste0("data$", names[[key]]))
  }
}

# Data with a column that joins several id columns, and its name
join_ids <- function(data, id) {
  for (column in id) {
    check_column(data, column, "id", "data")
    check_no_na(data[[column]], paste0("data$", column))
  }
  found <- lapply(data[id], code_ids)
  key <- combine_codes(lapply(found, `[[`, "code"), lengths(lapply(found, `[[`, "levels")))
  first <- which(!duplicated(key))
  label <- make.unique(do.call(paste, c(lapply(found, function(f) f$levels[f$code[first]]), sep = ":")))
  name <- paste(id, collapse = ":")
  data[[name]] <- label[match(key, key[first])]
  list(data = data, name = name)
}

# Group rows by occasion: list(order, start, id)
#
# Rows that are already grouped are recognised by comparing neighbours and are
# not sorted.
group_rows <- function(id) {
  ordering <- NULL
  given <- id
  # dates and times are numbers below, and lose nothing as such
  if (inherits(id, c("Date", "POSIXct", "difftime"))) id <- as.numeric(id)
  key <- if (is.numeric(id) || is.logical(id) || is.factor(id)) id else as.character(id)
  start <- .Call(C_run_starts, key)
  first <- start[-length(start)] + 1
  if (anyDuplicated(id[first])) {
    code <- match(id, unique(id))
    ordering <- order(code, method = "radix")
    start <- .Call(C_run_starts, code[ordering])
    first <- ordering[start[-length(start)] + 1]
  }
  list(order = ordering, start = start, id = given[first])
}

# Whether each element differs from the one before (n - 1 values)
changes <- function(x) {
  if (is.factor(x)) x <- as.integer(x)
  n <- length(x)
  x[-1L] != x[-n]
}

# A column in grouped order
grouped <- function(x, column) {
  value <- x$data[[column]]
  if (is.null(x$order)) value else value[x$order]
}

# Number of rows of each occasion
offer_sizes <- function(x) diff(x$start)

# Occasion of each of a set of rows (1-based, in grouped order)
occasion_of <- function(x, row) findInterval(row - 1L, x$start)

# Stop when an occasion offers a place twice; tell of those that offer one place only
check_offers <- function(x) {
  tell_one_place(x)
  twice <- repeated_offers(x)
  if (length(twice)) {
    row <- twice[1]
    abort("A place is offered more than once in ", plural(length(unique(occasion_of(x, twice))), "occasion"),
      ": `", x$place[x$index$place[row]], "` in occasion ", quote_ids(x, occasion_of(x, row)),
      if (length(twice) > 1) ", for example", ". ", advise_restarting(x, occasion_of(x, twice)),
      class = "duplicate"
    )
  }
}

# Occasions with one place: it is chosen with probability 1, so they count in shares and say nothing of the terms
tell_one_place <- function(x) {
  single <- which(offer_sizes(x) == 1L)
  if (length(single) > 0L) {
    inform(plural(length(single), "occasion"), if (length(single) == 1L) " offers" else " offer", " one place only: ",
      quote_ids(x, single), ". ", if (length(single) == 1L) "It is" else "They are",
      " kept, with probability 1, without effect on the estimates.",
      class = "one_place"
    )
  }
}

# What to do about places offered twice: occasions that have more than one firm carry numbers that restart
advise_restarting <- function(x, occasion) {
  names <- x$names
  if (!identical(names$firm, names$id) && any(occasion %in% varying(x, distinct(grouped(x, names$firm))$code))) {
    return(paste0(
      "`", names$id, "` restarts with every `", names$firm, "`, so it is no id by itself: write id = c(\"", names$firm,
      "\", \"", names$id, "\")."
    ))
  }
  paste0(
    "Keep one row each; or, if `", names$id, "` restarts with every person, name both columns: id = c(\"person\", \"",
    names$id, "\")."
  )
}

# Rows (grouped order) whose place the occasion has already
#
# Where places come in rising order within each occasion none repeats, and the
# search is spared.
repeated_offers <- function(x) {
  place <- x$index$place
  if (.Call(C_rise_within, place, as.double(x$start))) {
    return(integer())
  }
  occasion <- rep.int(seq_along(x$id), offer_sizes(x))
  which(duplicated(combine_codes(list(place, occasion), c(length(x$place), length(x$id)))))
}

# Ids of occasions for a message
quote_ids <- function(x, occasion) quote_names(id_text(x$id[occasion]))

# Position, within each occasion, of the chosen row
code_chosen <- function(x) {
  value <- grouped(x, x$names$chosen)
  flag <- chosen_flag(value)
  row <- if (!is.null(flag)) which(flag)
  if (is_one_each(x, row)) {
    return(as.integer(row - x$start[-length(x$start)]))
  }
  place <- code_among(value, x$place)
  if (holds_place(x, value, place)) {
    return(position_of(x, place, "chosen"))
  }
  if (is.null(flag)) stop_chosen_type(x, value, place)
  stop_chosen_count(x, tabulate(occasion_of(x, row), length(x$id)))
}

# A chosen column as TRUE/FALSE, or NULL when it is neither logical, 0/1 nor yes/no
chosen_flag <- function(value) {
  if (anyNA(value)) {
    return(NULL)
  }
  if (is.logical(value)) {
    return(value)
  }
  if (is.numeric(value)) {
    if (min(value) < 0 || max(value) > 1) {
      return(NULL)
    }
    flag <- value == 1
    return(if (is.integer(value) || all(flag | value == 0)) flag)
  }
  found <- distinct(value)
  word <- tolower(id_text(found$values))
  yes <- word %in% c("yes", "true", "1")
  if (all(yes | word %in% c("no", "false", "0"))) yes[found$code]
}

# Whether rows hold exactly one row of each occasion, in order
is_one_each <- function(x, row) {
  N <- length(x$id)
  length(row) == N && all(row > x$start[-(N + 1L)]) && all(row <= x$start[-1L])
}

# Whether a column holds place ids, one and the same within each occasion
holds_place <- function(x, value, place) {
  !anyNA(value) && !all(is.na(place)) && length(varying(x, distinct(value)$code)) == 0
}

# Occasions within which codes (NA allowed) change
varying <- function(x, code) {
  change <- changes(code)
  if (anyNA(code)) {
    missing <- is.na(code)
    change[is.na(change)] <- FALSE
    change <- change | changes(missing)
  }
  change[x$start[-c(1L, length(x$start))]] <- FALSE
  unique(occasion_of(x, which(change) + 1L))
}

# Position within each occasion of the row of a place; 0 where not offered
#
# `place` has a code per row, constant within the occasion.
position_of <- function(x, place, what) {
  N <- length(x$id)
  row <- which(x$index$place == place)
  occasion <- occasion_of(x, row)
  position <- integer(N)
  position[occasion] <- as.integer(row - x$start[occasion])
  if (what == "chosen" && any(position == 0L)) stop_not_offered(x, which(position == 0L))
  position
}

stop_not_offered <- function(x, occasion) {
  place <- id_text(grouped(x, x$names$chosen)[x$start[occasion] + 1L])
  abort("In ", plural(length(occasion), "occasion"), " the chosen place is not among the offered ones: ",
    quote_names(paste(place, "in", id_text(x$id[occasion]))),
    ". Add its row, or drop the occasion.",
    class = "not_offered"
  )
}

stop_chosen_type <- function(x, value, place) {
  label <- paste0("`data$", x$names$chosen, "`")
  if (anyNA(value)) check_no_na(value, paste0("data$", x$names$chosen))
  if (all(is.na(place))) {
    abort(label, " must be TRUE/FALSE, 0/1 or \"yes\"/\"no\", or hold the id of the chosen place; ",
      "it has values like ", quote_names(utils::head(code_ids(value)$levels, 3)), ".",
      class = "chosen"
    )
  }
  changing <- varying(x, distinct(value)$code)
  abort(label, " holds place ids but changes within ", plural(length(changing), "occasion"), ": ",
    quote_ids(x, changing), ". It must repeat the one chosen place on each row.",
    class = "chosen"
  )
}

# Stop for occasions with no chosen place or several
stop_chosen_count <- function(x, count) {
  none <- which(count == 0L)
  several <- which(count > 1L)
  part <- c(
    if (length(none)) {
      paste0(
        "no place is chosen in ", plural(length(none), "occasion"), ": ",
        quote_ids(x, none)
      )
    },
    if (length(several)) {
      paste0(
        "more than one place is chosen in ", plural(length(several), "occasion"),
        ": ", quote_ids(x, several)
      )
    }
  )
  abort("`data$", x$names$chosen, "` must mark one place in each occasion; ",
    paste(part, collapse = "; "), ".",
    class = "chosen"
  )
}

# Position within each occasion of the origin's row; 0 for none
code_origin <- function(x) {
  N <- length(x$id)
  if (is.null(x$names$from)) {
    return(integer(N))
  }
  value <- grouped(x, x$names$from)
  if (is.logical(value) && !all(is.na(value))) {
    return(flagged_origin(x, value))
  }
  place <- code_among(value, x$place)
  check_constant(x, distinct(value)$code, "from", "One occasion has one origin.")
  position <- position_of(x, place, "origin")
  absent <- which(position == 0L & !is.na(value[x$start[-(N + 1L)] + 1L]))
  if (length(absent)) {
    warn("In ", plural(length(absent), "occasion"), " the origin is not among the offered places: ",
      quote_ids(x, absent), ". ", if (length(absent) == 1) "That firm" else "Those firms",
      " cannot stay.",
      class = "origin_not_offered"
    )
  }
  position
}

# Origins from a column that is TRUE on the row of the origin
flagged_origin <- function(x, value) {
  row <- which(value)
  occasion <- occasion_of(x, row)
  twice <- unique(occasion[duplicated(occasion)])
  if (length(twice)) {
    abort("`data$", x$names$from, "` marks more than one origin in ",
      plural(length(twice), "occasion"), ": ", quote_ids(x, twice), ".",
      class = "origin"
    )
  }
  position <- integer(length(x$id))
  position[occasion] <- as.integer(row - x$start[occasion])
  position
}

# Stop when a key column changes within an occasion
check_constant <- function(x, code, key, hint) {
  changing <- varying(x, code)
  if (length(changing) == 0) {
    return(invisible())
  }
  column <- x$names[[key]]
  abort(if (is.null(column)) paste0("`", key, "`") else paste0("`data$", column, "` (argument `", key, "`)"),
    " changes within ", plural(length(changing), "occasion"), ": ", quote_ids(x, changing),
    ". ", hint,
    class = "not_constant"
  )
}

# Add firm and time, codes per occasion
code_long_firms <- function(x) {
  first <- x$start[-length(x$start)] + 1L
  if (identical(x$names$firm, x$names$id)) {
    x$firm <- id_text(x$id)
    x$index$firm <- seq_along(x$id)
  } else {
    firm <- grouped(x, x$names$firm)
    check_constant(x, firm, "firm", "One occasion is one firm deciding once.")
    found <- code_ids(firm[first])
    x$firm <- found$levels
    x$index$firm <- found$code
  }
  x["time"] <- x$index["time"] <- list(NULL)
  if (is.null(x$names$time)) {
    return(x)
  }
  time <- grouped(x, x$names$time)
  check_constant(x, time, "time", "One occasion has one time.")
  found <- code_times(time[first])
  x$time <- found$values
  x$index$time <- found$code
  x
}

# Weights per occasion, from a column, a value per row or a value per occasion
code_long_weights <- function(weights, x) {
  N <- length(x$id)
  if (is.null(weights)) {
    return(NULL)
  }
  if (is.numeric(weights) && length(weights) == N) {
    return(check_weights(weights, data.frame(x$id), "occasions"))
  }
  weights <- check_weights(weights, x$data, "data")
  if (!is.null(x$order)) weights <- weights[x$order]
  check_constant(x, weights, "weights", "One occasion has one weight.")
  weights[x$start[-(N + 1L)] + 1L]
}

#' @export
occasions.choice_data <- function(data) seq_along(data$id)
