# What a person sees of choice_data: print, summary, as.data.frame.

#' Print, summarise and convert long choice data
#'
#' @description
#' `print()` shows occasions, rows, sizes of the choice sets, moves and the
#' largest flows. `summary()` shows what may need a second look. `as.data.frame()`
#' gives the data back; `nobs()` counts the occasions.
#'
#' @param x,object A [choice_data()].
#' @param top Number of flows to show.
#' @param row.names,optional,... Not used.
#'
#' @return `print()` returns `x`, invisibly. `summary()` returns a list of class
#'   `summary.choice_data`: `sizes` (offered, occasions), `unused` (places offered
#'   and never chosen), `firm_level` (columns constant within every occasion),
#'   `constant` and `missing` (table, column, value or count). `as.data.frame()`
#'   returns the data frame, rows in the order given; `nobs()` a count.
#' @seealso [choice_data()], [print.migration_data()], [as_flows()].
#' @examples
#' long <- data.frame(
#'   id = rep(1:2, each = 2), town = c("Guzhen", "Wenzhou"), went = c(1, 0, 0, 1), rent = 5:8
#' )
#' offers <- choice_data(long, chosen = "went", id = "id", place = "town")
#' print(offers)
#' summary(offers)
#' @export
print.choice_data <- function(x, top = 3, ...) {
  size <- range(offer_sizes(x))
  offered <- if (size[1] == size[2]) {
    plural(size[1], "place")
  } else {
    paste0(size[1], " to ", size[2], " places, ", format(mean(offer_sizes(x)), digits = 3), " on average")
  }
  cat("<choice_data> ", plural(length(x$firm), "firm"), ", ", plural(length(x$place), "place"),
    if (!is.null(x$time)) paste0(", ", time_range(x$time)), "\n",
    sep = ""
  )
  print_lines(c(
    describe_moves(x),
    answers = describe_answers(x),
    offered = offered,
    rows = paste0(format_count(nrow(x$data)), if (!is.null(x$order)) ", not grouped by occasion"),
    columns = attribute_text(attribute_columns(x$data, x$names)),
    weights = describe_weights(x$weights),
    flows = describe_flows(x, top)
  ))
  warn_no_moves(x)
  invisible(x)
}

#' @rdname print.choice_data
#' @export
summary.choice_data <- function(object, ...) {
  warn_no_moves(object)
  size <- offer_sizes(object)
  keys <- unlist(object$names)
  offered <- sort(unique(size))
  chosen <- tabulate(occasion_places(object)$chosen, length(object$place))
  structure(list(
    sizes = data.frame(offered = offered, occasions = tabulate(match(size, offered), length(offered))),
    unused = object$place[chosen == 0],
    firm_level = firm_level_columns(object),
    constant = constant_columns(object$data, "data", keys),
    missing = missing_counts(object$data, "data", keys),
    data = describe_moves(object)
  ), class = "summary.choice_data")
}

# Attributes that are constant within every occasion
firm_level_columns <- function(x) {
  columns <- attribute_columns(x$data, x$names)
  columns[vapply(columns, function(column) {
    value <- grouped(x, column)
    is.atomic(value) && length(varying(x, value)) == 0
  }, logical(1))]
}

#' @export
print.summary.choice_data <- function(x, ...) {
  print_lines(x$data)
  print_section("Sizes of the choice sets", utils::head(x$sizes, 10))
  if (nrow(x$sizes) > 10) cat("and", plural(nrow(x$sizes) - 10, "more size"), "\n")
  if (length(x$unused)) {
    cat("\nPlaces never chosen\n  ", quote_names(x$unused, 10), "\n", sep = "")
  }
  if (length(x$firm_level)) {
    cat("\nAttributes of the firm (the same on all rows of an occasion)\n  ",
      quote_names(x$firm_level, 10), "\n",
      sep = ""
    )
  }
  print_section("Attributes that never vary", x$constant)
  print_section("Missing values", x$missing)
  invisible(x)
}

#' @rdname print.choice_data
#' @export
as.data.frame.choice_data <- function(x, row.names = NULL, optional = FALSE, ...) x$data

#' @rdname print.choice_data
#' @export
nobs.choice_data <- function(object, ...) length(object$id)
