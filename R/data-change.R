# Changes inside migration_data and choice_data. The objects hold integer codes by row, so a table put in the place of
# another must be coded again where its keys or rows are not the same: filtered, sorted and joined tables give what
# migration_data() would give for them.

# Data with some of its elements replaced, nothing checked or coded again
set_parts <- function(.whole, ...) {
  given <- list(...)
  class <- oldClass(.whole)
  parts <- unclass(.whole)
  parts[names(given)] <- given
  structure(parts, class = class)
}

#' Change the tables of data
#'
#' @description
#' A table may be replaced or changed in place: `data$firms <- `, `data$firms$size_class <- cut(...)`,
#' `data$places$rent[3] <- 5`, `data$ties$roads$data <- `; for long data, `data$data <- `. Where rows or key columns
#' change, the data are checked and coded again, as [migration_data()] or [choice_data()] does it, so that a table that
#' was sorted or filtered gives the right answers. The verbs do the same to the table of firms (to the long table):
#' `subset()`, `transform()` and, with dplyr, `filter()`, `arrange()`, `mutate()` and `left_join()`.
#'
#' @details
#' `left_join()` adds columns to the table that has the columns of `by`: to firms, or else to places. It may not
#' repeat rows. `filter()` on long data may leave out some places of an occasion. Weights follow the rows; those that
#' were given as a vector are lost with a table whose rows cannot be followed, and this is an error.
#'
#' @param x,_data,.data A [migration_data()] or [choice_data()].
#' @param name,i Name of an element.
#' @param value Its new value: a data frame for a table.
#' @param y A data frame with columns to join.
#' @param by,... As in the functions of base R and dplyr.
#' @param subset Condition on the columns of the table; rows where it is `NA` are dropped.
#' @return Data of the class of `x`.
#' @section Errors: Those of [migration_data()] and [choice_data()]; a join that repeats rows; nothing left.
#' @seealso [migration_data()], [choice_data()], [subset()][subset.migration_data].
#' @examples
#' data <- wenzhou_guzhen()
#' data$firms$large <- data$firms$size > 50
#' data$firms <- data$firms[order(data$firms$size), ]
#' data <- transform(data, age_class = cut(age, c(-1, 3, 10, Inf)))
#' fit_migration(~ keep(large) + keep(age_class), data)
#' @name change_data
NULL

#' @rdname change_data
#' @export
`$<-.migration_data` <- function(x, name, value) replace_part(x, name, value)

#' @rdname change_data
#' @export
`[[<-.migration_data` <- function(x, i, value) replace_part(x, part_name(x, i), value)

#' @rdname change_data
#' @export
`[<-.migration_data` <- function(x, i, value) replace_parts(x, part_name(x, i), value)

#' @rdname change_data
#' @export
`$<-.choice_data` <- function(x, name, value) replace_part(x, name, value)

#' @rdname change_data
#' @export
`[[<-.choice_data` <- function(x, i, value) replace_part(x, part_name(x, i), value)

#' @rdname change_data
#' @export
`[<-.choice_data` <- function(x, i, value) replace_parts(x, part_name(x, i), value)

part_name <- function(x, i) {
  if (is.character(i)) i else names(x)[i]
}

replace_parts <- function(x, names, value) {
  value <- rep_len(if (is.list(value)) value else list(value), length(names))
  for (k in seq_along(names)) {
    x <- replace_part(x, names[k], value[[k]])
  }
  x
}

# Data with one element replaced; a table with the keys it had stands in as it is, another is coded again
replace_part <- function(x, name, value) {
  UseMethod("replace_part")
}

replace_part.migration_data <- function(x, name, value) {
  given <- stats::setNames(list(value), name)
  if (!name %in% c("firms", "places", "ties", "network", "available")) {
    return(do.call(set_parts, c(list(x), given)))
  }
  keys <- if (name == "firms") c("firm", "time", "from", "to") else c("place", "time")
  same <- switch(name,
    firms = ,
    places = same_keys(value, x[[name]], unlist(x$names[keys])),
    ties = same_tie_keys(value, x$ties, unlist(x$names)),
    identical(value, x[[name]])
  )
  if (same) {
    return(do.call(set_parts, c(list(x), given)))
  }
  code_again(x, given)
}

replace_part.choice_data <- function(x, name, value) {
  keys <- unlist(x$names)
  if (name != "data" || same_keys(value, x$data, keys)) {
    return(do.call(set_parts, c(list(x), stats::setNames(list(value), name))))
  }
  table <- plain_table(value, "data$data")
  names <- x$names
  refuse_lost_weights(x, names$weights)
  id <- names$id_columns %||% names$id
  arguments <- c(
    list(id = id, firm = if (identical(names$firm, names$id)) id else names$firm),
    names[c("chosen", "place", "from", "time", "weights")],
    list(answer = x$answer)
  )
  do.call(choice_data, c(list(table), arguments[!vapply(arguments, is.null, NA)]))
}

# Does a table have the rows of the old one, as its key columns tell?
same_keys <- function(new, old, keys) {
  is.data.frame(new) && nrow(new) == nrow(old) && !anyDuplicated(names(new)) &&
    identical(unclass(new)[intersect(names(new), keys)], unclass(old)[intersect(names(old), keys)])
}

same_tie_keys <- function(new, old, keys) {
  is.list(new) && !is.data.frame(new) && identical(names(new), names(old)) &&
    all(mapply(function(a, b) !is.data.frame(a) && same_keys(a$data, b$data, keys), new, old))
}

# Relational data with some elements replaced, checked and coded as migration_data() does it
code_again <- function(data, given) {
  names <- data$names
  ties <- if ("ties" %in% names(given)) given$ties else data$ties
  if (is.list(ties) && !is.data.frame(ties)) {
    ties <- Map(plain_tie, ties, data$ties[names(ties)])
  }
  weighted <- attr(data, "weights_column")
  if ("firms" %in% names(given)) refuse_lost_weights(data, weighted)
  part <- function(name) if (name %in% names(given)) given[[name]] else data[[name]]
  new <- build_migration_data(part("firms"), part("places"),
    ties = if (length(ties) > 0L) ties, network = part("network"), names = names,
    available = if ("available" %in% names(given)) given$available else given_available(data),
    weights = weighted %||% data$weights
  )
  attr(new, "note") <- attr(data, "note")
  new
}

# A tie table as the user gives it, from one that has been coded or not; a default is not lost with the attributes
plain_tie <- function(tie, old = NULL) {
  table <- if (is.data.frame(tie)) tie else tie$data
  default <- if (is.data.frame(tie)) old$default else tie$default
  if (is.data.frame(table) && is.null(attr(table, "default")) && !is.null(default) && !is.na(default)) {
    attr(table, "default") <- default
  }
  table
}

# The argument `available` that data were built with
given_available <- function(data) {
  rule <- data$available
  if (is.null(rule)) {
    return(NULL)
  }
  if (isTRUE(rule$rows)) "rows" else rule$fun %||% paste(rule$tie, rule$column, sep = "$")
}

refuse_lost_weights <- function(data, column) {
  if (!is.null(data$weights) && is.null(column)) {
    abort("The weights of `data` were given as numbers, which do not follow rows that change: make them a column and ",
      "give its name as `weights`, or build the data anew.",
      class = "weights"
    )
  }
}

# Rows and codes ------------------------------------------------------------------------------------------

# Stops when tables and codes are not of the same rows, as after unclass() and a change by hand; of very many rows some
# are looked at
check_coded <- function(data) {
  UseMethod("check_coded")
}

check_coded.default <- function(data) {
  invisible()
}

check_coded.migration_data <- function(data) {
  names <- data$names
  index <- data$index
  agree <- function(table, column, code, levels) {
    if (is.null(column)) {
      return(TRUE)
    }
    if (nrow(table) != length(code)) {
      return(FALSE)
    }
    at <- looked_at(length(code))
    identical(code_among(table[[column]][at], levels), code[at])
  }
  firms <- agree(data$firms, names$firm, index$firm, data$firm) &&
    agree(data$firms, names$from, index$origin, data$place) && agree(data$firms, names$to, index$chosen, data$place)
  row <- as.vector(data$place_row)
  places <- nrow(data$places) >= max(row, na.rm = TRUE) && identical(
    code_among(data$places[[names$place]][row[!is.na(row)]], data$place), row(data$place_row)[!is.na(row)]
  )
  ties <- all(vapply(data$ties, function(tie) agree(tie$data, names$to, tie$index$to, data$place), NA))
  wrong <- c("firms", "places", "ties")[!c(firms, places, ties)]
  if (length(wrong) > 0L) {
    abort("`data$", wrong[1L], "` was changed behind the codes of `data`: its rows are others. Use data$", wrong[1L],
      " <- ..., filter() or the like on the data themselves, or build them anew with migration_data().",
      class = "changed"
    )
  }
}

looked_at <- function(n) {
  if (n <= 1e5) seq_len(n) else unique(round(seq(1, n, length.out = 2e4)))
}
