# Verbs on data: what people do to a data frame, done to the table of firms or the long table.

# Some rows of the firms, in an order, with their codes and weights
some_firms <- function(data, rows) {
  set_parts(data,
    firms = data$firms[rows, , drop = FALSE], index = lapply(data$index, function(code) code[rows]),
    weights = data$weights[rows]
  )
}

# The rows of a table that a verb of dplyr keeps, in its order
rows_after <- function(table, verb, ...) {
  table <- plain_rows(table)
  name <- "row of the data"
  table[[name]] <- seq_len(nrow(table))
  rows <- verb(table, ...)[[name]]
  if (length(rows) == 0L) {
    abort("No rows are left.", class = "empty")
  }
  rows
}

#' @rdname change_data
#' @export
transform.migration_data <- function(`_data`, ...) {
  columns <- eval(substitute(list(...)), `_data`$firms, parent.frame())
  firms <- `_data`$firms
  firms[names(columns)] <- columns
  replace_part(`_data`, "firms", firms)
}

#' @rdname change_data
#' @export
transform.choice_data <- function(`_data`, ...) {
  columns <- eval(substitute(list(...)), `_data`$data, parent.frame())
  table <- `_data`$data
  table[names(columns)] <- columns
  replace_part(`_data`, "data", table)
}

#' @rdname change_data
#' @export
subset.choice_data <- function(x, subset, ...) {
  keep <- eval(substitute(subset), x$data, parent.frame())
  if (!is.logical(keep) || length(keep) != nrow(x$data)) {
    abort("`subset` must be a condition with TRUE or FALSE for each of the ", plural(nrow(x$data), "row"), ".",
      class = "subset"
    )
  }
  long_rows(x, which(keep))
}

long_rows <- function(x, rows) {
  if (length(rows) == 0L) {
    abort("No rows are left.", class = "empty")
  }
  replace_part(x, "data", x$data[rows, , drop = FALSE])
}

#' @rdname change_data
#' @exportS3Method dplyr::filter migration_data
filter.migration_data <- function(.data, ...) {
  some_firms(.data, rows_after(.data$firms, dplyr::filter, ...))
}

#' @rdname change_data
#' @exportS3Method dplyr::filter choice_data
filter.choice_data <- function(.data, ...) {
  long_rows(.data, rows_after(.data$data, dplyr::filter, ...))
}

#' @rdname change_data
#' @exportS3Method dplyr::arrange migration_data
arrange.migration_data <- function(.data, ...) {
  some_firms(.data, rows_after(.data$firms, dplyr::arrange, ...))
}

#' @rdname change_data
#' @exportS3Method dplyr::arrange choice_data
arrange.choice_data <- function(.data, ...) {
  long_rows(.data, rows_after(.data$data, dplyr::arrange, ...))
}

#' @rdname change_data
#' @exportS3Method dplyr::mutate migration_data
mutate.migration_data <- function(.data, ...) {
  replace_part(.data, "firms", dplyr::mutate(.data$firms, ...))
}

#' @rdname change_data
#' @exportS3Method dplyr::mutate choice_data
mutate.choice_data <- function(.data, ...) {
  replace_part(.data, "data", dplyr::mutate(.data$data, ...))
}

#' @rdname change_data
#' @exportS3Method dplyr::left_join migration_data
left_join.migration_data <- function(x, y, by = NULL, ...) {
  of_firms <- is.null(by) || !is.character(by) || all(joining(by) %in% names(x$firms))
  if (is.null(by) && !any(names(y) %in% names(x$firms))) of_firms <- FALSE
  name <- if (of_firms) "firms" else "places"
  replace_part(x, name, joined_once(x[[name]], y, by, name, ...))
}

#' @rdname change_data
#' @exportS3Method dplyr::left_join choice_data
left_join.choice_data <- function(x, y, by = NULL, ...) {
  replace_part(x, "data", joined_once(x$data, y, by, "data", ...))
}

# Columns of x that `by` names: those on the left of c("place" = "town")
joining <- function(by) {
  if (is.null(names(by))) by else ifelse(nzchar(names(by)), names(by), by)
}

joined_once <- function(table, y, by, name, ...) {
  joined <- suppressMessages(dplyr::left_join(table, y, by = by, ...))
  if (nrow(joined) != nrow(table)) {
    abort("The join makes ", plural(nrow(joined), "row"), " of the ", format_count(nrow(table)), " of `", name,
      "`: `y` has several rows for one key. Keep one of each.",
      class = "duplicate"
    )
  }
  joined
}
