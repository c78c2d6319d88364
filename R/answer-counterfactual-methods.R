# What a person sees of a counterfactual: print, summary, tables, picture.

#' @title Print, summarise and plot counterfactuals
#' @description See [counterfactual()]. The picture has the places in the order of the change of their stock, each
#' with its interval; shape and position carry what it says, so it reads in grey.
#' @param x,object A [counterfactual()].
#' @param digits Significant digits to show.
#' @param n Rows of a table to show, or places to draw: those with the largest changes.
#' @param table Name of a table: `"stocks"`, `"flows"`, `"totals"`, `"origins"` or `"firms"`.
#' @param row.names,optional,... Not used.
#' @return `print()` returns `x`, invisibly; `summary()` an object with the tables `totals`, `stocks`, `flows` and
#'   `origins`; `autoplot()` a ggplot.
#' @seealso [counterfactual()], [print.migration_answer()].
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' data <- subset(wenzhou_guzhen(), year %in% 1997:1998)
#' fit <- fit_migration(~ pull(land_price) + log(distance) + log(makers), data)
#' cheap <- counterfactual(fit,
#'   places = transform(places, land_price = 0.8 * land_price)
#' )
#' summary(cheap)
#' plot(cheap)
#' @name print.migration_counterfactual
NULL

#' @rdname print.migration_counterfactual
#' @export
print.migration_counterfactual <- function(x, digits = max(3L, getOption("digits") - 3L), n = 12, ...) {
  cat(wrapped(counterfactual_title(x)), "\n\n", sep = "")
  print(x$totals, digits = digits, row.names = FALSE)
  cat("\nFirms at each place:\n")
  print_table(by_change(x$stocks), digits, n)
  cat(counterfactual_note(x), "\n", sep = "")
  invisible(x)
}

counterfactual_title <- function(x) {
  changed <- paste(x$changed, collapse = ", ")
  paste0("Counterfactual: other ", changed, "; ", plural(nrow(x$firms), "occasion"), ", ", x$model)
}

counterfactual_note <- function(x) {
  x$how
}

# Rows in the order of the size of the change
by_change <- function(table) {
  table[order(-abs(table$change)), , drop = FALSE]
}

#' @rdname print.migration_counterfactual
#' @export
summary.migration_counterfactual <- function(object, ...) {
  check_dots(...)
  moves <- object$flows[object$flows$from != object$flows$to | is.na(object$flows$from), ]
  structure(
    list(
      totals = object$totals, stocks = plain_rows(by_change(object$stocks)), flows = plain_rows(by_change(moves)),
      origins = object$origins, object = object
    ),
    class = "summary.migration_counterfactual"
  )
}

#' @rdname print.migration_counterfactual
#' @export
print.summary.migration_counterfactual <- function(x, digits = max(3L, getOption("digits") - 3L), n = 12, ...) {
  cat(wrapped(counterfactual_title(x$object)), "\n\n", sep = "")
  print(x$totals, digits = digits, row.names = FALSE)
  cat("\nFirms at each place:\n")
  print_table(x$stocks, digits, n)
  cat("\nMoves between places:\n")
  print_table(x$flows, digits, n)
  cat("\nLeavers by origin: observed, expected before and after; who left and would have stayed:\n")
  print_table(x$origins, digits, n)
  cat(counterfactual_note(x$object), "\n", sep = "")
  invisible(x)
}

#' @rdname print.migration_counterfactual
#' @export
as.data.frame.migration_counterfactual <- function(x, row.names = NULL, optional = FALSE,
                                                   table = c("stocks", "flows", "totals", "origins", "firms"), ...) {
  check_dots(..., also = "stringsAsFactors")
  x[[check_choice(table, "table")]]
}

#' @rdname print.migration_counterfactual
#' @export
tidy.migration_counterfactual <- function(x, table = c("stocks", "flows", "totals", "origins", "firms"), ...) {
  check_dots(...)
  x[[check_choice(table, "table")]]
}

#' @rdname print.migration_counterfactual
#' @export
plot.migration_counterfactual <- function(x, ...) {
  need_ggplot2()
  picture <- autoplot.migration_counterfactual(x, ...)
  print(picture)
  invisible(picture)
}

#' @rdname print.migration_counterfactual
#' @exportS3Method ggplot2::autoplot migration_counterfactual
autoplot.migration_counterfactual <- function(object, n = 20, ...) {
  check_dots(...)
  need_ggplot2()
  table <- utils::head(by_change(object$stocks), n)
  table$place <- factor(table$place, table$place[order(table$change)])
  ggplot2::ggplot(table, ggplot2::aes(x = .data$change, y = .data$place)) +
    ggplot2::geom_vline(xintercept = 0, linetype = "dashed", colour = "grey50") +
    ggplot2::geom_segment(
      ggplot2::aes(x = 0, xend = .data$change, yend = .data$place),
      colour = "grey70", linewidth = 2
    ) +
    ggplot2::geom_errorbar(
      ggplot2::aes(xmin = .data$conf.low, xmax = .data$conf.high),
      orientation = "y", width = 0.25, colour = "grey20", na.rm = TRUE
    ) +
    ggplot2::geom_point(size = 2.5) +
    ggplot2::labs(
      x = "change in the expected number of firms", y = NULL, title = "Firms at each place, after less before",
      caption = counterfactual_note(object)
    ) +
    ggplot2::theme_bw() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank())
}
