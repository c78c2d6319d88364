# How move_events() is shown.

#' @rdname move_events
#' @param x A `move_events()`.
#' @param digits Significant digits to show.
#' @param n Rows of a table to show.
#' @export
print.move_events <- function(x, digits = max(3L, getOption("digits") - 3L), n = 24, ...) {
  print_reference(x)
  used <- x$set[x$set$what == "used", ]
  movers <- x$set$firms[x$set$what == "movers"]
  cat("  ", plural(used$rows, "row"), " of ", plural(used$firms, "firm"), ", ", format_count(movers), " of which move\n", sep = "")
  for (name in intersect(c("effects", "overall", "pretrend", "symmetry", "by"), names(x))) {
    cat("\n", name, ":\n", sep = "")
    print(utils::head(x[[name]], n), digits = digits, row.names = FALSE)
    if (nrow(x[[name]]) > n) cat("... ", plural(nrow(x[[name]]) - n, "more row"), "\n", sep = "")
  }
  print_residual(x)
  invisible(x)
}

#' @rdname move_events
#' @param object A `move_events()`.
#' @export
coef.move_events <- function(object, ...) {
  after <- object$effects$event_time >= 0
  stats::setNames(object$effects$estimate[after], paste0("t", object$effects$event_time[after]))
}

#' @rdname move_events
#' @export
vcov.move_events <- function(object, ...) {
  names <- names(coef.move_events(object))
  object$covariance[names, names, drop = FALSE]
}

#' Picture of what happens around a move
#'
#' @title Plot events of moving
#' @description Estimates by periods since the move, with their intervals; leads before it. With `by`, a panel for each
#' group.
#' @param x,object A [move_events()].
#' @param ... Not used.
#' @return `autoplot()`: a ggplot, to change or add to. `plot()` draws it and returns it invisibly.
#' @section Errors: Package ggplot2 is not installed.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' plot(move_events(wenzhou_guzhen(), "productivity"))
#' @seealso [move_events()] for the tables, [decompose_places()].
#' @name plot.move_events
NULL

#' @rdname plot.move_events
#' @export
plot.move_events <- function(x, ...) {
  need_ggplot2()
  picture <- autoplot.move_events(x)
  print(picture)
  invisible(picture)
}

#' @rdname plot.move_events
#' @exportS3Method ggplot2::autoplot move_events
autoplot.move_events <- function(object, ...) {
  need_ggplot2()
  table <- if (is.null(object$by)) object$effects else object$by[!is.na(object$by$event_time), , drop = FALSE]
  table <- table[!is.na(table$estimate), , drop = FALSE]
  table$when <- ifelse(table$event_time < 0, "before", "after")
  share <- object$method == "gap"
  picture <- ggplot2::ggplot(table, ggplot2::aes(x = .data$event_time, y = .data$estimate, colour = .data$when)) +
    ggplot2::geom_hline(yintercept = 0, colour = "grey60") +
    ggplot2::geom_vline(xintercept = -0.5, colour = "grey60", linetype = 2) +
    ggplot2::geom_segment(ggplot2::aes(
      x = .data$event_time, xend = .data$event_time, y = .data$conf.low, yend = .data$conf.high
    ), data = table[!is.na(table$std.error), , drop = FALSE]) +
    ggplot2::geom_point(size = 2) +
    ggplot2::scale_colour_manual(values = c(before = "grey50", after = "#08306b"), guide = "none") +
    ggplot2::scale_x_continuous(breaks = sort(unique(table$event_time))) +
    ggplot2::labs(
      x = "periods since the move", y = paste0(
        if (share) "share of the gap in " else "effect on ", object$columns$performance, ", ",
        format(100 * object$conf.level), "% interval"
      )
    ) +
    ggplot2::theme_bw() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank())
  if (is.null(object$by)) picture else picture + ggplot2::facet_wrap(~group)
}
