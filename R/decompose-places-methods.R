# How decompose_places() is shown.

#' @rdname decompose_places
#' @param x A `decompose_places()`.
#' @param digits Significant digits to show.
#' @param n Rows of a table to show.
#' @export
print.decompose_places <- function(x, digits = max(3L, getOption("digits") - 3L), n = 12, ...) {
  print_reference(x)
  kept <- x$set[x$set$what == "kept", ]
  cat("  ", plural(kept$places, "place"), ", ", plural(kept$firms, "firm"), " of which ", format_count(kept$movers),
    " move, ", plural(kept$rows, "row"), if (x$set$rows[1L] > kept$rows) paste0(" of ", format_count(x$set$rows[1L])), "\n",
    sep = ""
  )
  cat("\nvariance of ", x$columns$performance, ":\n", sep = "")
  print(wide_variance(x), digits = digits, row.names = FALSE)
  at <- order(-x$places$effect)
  shown <- x$places[at, c("cluster", "effect", "std.error", "shrunk", "firms", "movers_in", "movers_out", "value", "who")]
  cat("\nplaces by effect: value = effect + who", if (any(x$places$controls != 0)) " + controls", "\n", sep = "")
  print(utils::head(shown, n), digits = digits, row.names = FALSE)
  if (nrow(shown) > n) cat("... ", plural(nrow(shown) - n, "more place"), "\n", sep = "")
  for (name in intersect(c("gap", "projection"), names(x))) {
    cat("\n", name, ":\n", sep = "")
    print(x[[name]], digits = digits, row.names = FALSE)
  }
  print_residual(x)
  invisible(x)
}

# A row for each component, a column for each estimator
wide_variance <- function(x) {
  table <- x$variance
  estimators <- unique(table$estimator)
  wide <- lapply(estimators, function(name) table$estimate[table$estimator == name])
  last <- table[table$estimator == estimators[length(estimators)], ]
  data.frame(
    component = last$component, stats::setNames(wide, estimators), share = last$share, std.error = last$std.error
  )
}

#' Pictures of what places do
#'
#' @title Plot effects of places
#' @description `"effects"`: the effect of each place with its interval, and the shrunken effect as an open point.
#' `"variance"`: the components by estimator. `"gap"`: from the mean of the reference group to that of the other, a step
#' for what places do, who is there and controls. `"map"`: shrunken effects where the places are (needs columns
#' `longitude` and `latitude` in the `places` of a [migration_data()]).
#'
#' @param x,object A [decompose_places()].
#' @param type The picture.
#' @param top Number of places to show: those with most rows.
#' @param ... Not used.
#' @return `autoplot()`: a ggplot, to change or add to. `plot()` draws it and returns it invisibly.
#' @section Errors: Package ggplot2 is not installed; no groups were compared; places without coordinates.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' places <- decompose_places(wenzhou_guzhen(), "productivity")
#' plot(places)
#' @seealso [decompose_places()] for the tables, [plot.decompose_cluster()] for accounts of moves.
#' @name plot.decompose_places
NULL

#' @rdname plot.decompose_places
#' @export
plot.decompose_places <- function(x, type = c("effects", "variance", "gap", "map"), ...) {
  need_ggplot2()
  picture <- autoplot.decompose_places(x, check_choice(type, "type"), ...)
  print(picture)
  invisible(picture)
}

#' @rdname plot.decompose_places
#' @exportS3Method ggplot2::autoplot decompose_places
autoplot.decompose_places <- function(object, type = c("effects", "variance", "gap", "map"), top = 30, ...) {
  need_ggplot2()
  switch(check_choice(type, "type"),
    effects = effects_plot(object, check_count(top, "top")),
    variance = variance_plot(object),
    gap = gap_plot(object),
    map = effects_map(object)
  )
}

effects_plot <- function(object, top) {
  table <- object$places
  table <- table[utils::head(order(-table$rows), top), , drop = FALSE]
  table$cluster <- stats::reorder(table$cluster, table$effect)
  ggplot2::ggplot(table, ggplot2::aes(x = .data$effect, y = .data$cluster)) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey60") +
    ggplot2::geom_segment(ggplot2::aes(
      x = .data$conf.low, xend = .data$conf.high, y = .data$cluster, yend = .data$cluster
    ), colour = "grey40") +
    ggplot2::geom_point(ggplot2::aes(shape = "estimate"), colour = "#08306b", size = 2) +
    ggplot2::geom_point(ggplot2::aes(x = .data$shrunk, shape = "shrunken"), colour = "#08306b", size = 2) +
    ggplot2::scale_shape_manual(values = c(estimate = 16, shrunken = 1), name = NULL) +
    ggplot2::labs(
      x = paste0("effect of the place on ", object$columns$performance, ", ", format(100 * object$conf.level), "% interval"),
      y = NULL
    ) +
    ggplot2::theme_bw() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank(), legend.position = "bottom")
}

variance_plot <- function(object) {
  table <- object$variance[object$variance$component != "total" & !is.na(object$variance$estimate), , drop = FALSE]
  table$component <- factor(table$component, rev(unique(table$component)))
  table$estimator <- factor(gsub("_", " ", table$estimator), c("plugin", "homoskedastic", "leave out"))
  ggplot2::ggplot(table, ggplot2::aes(x = .data$share, y = .data$component, colour = .data$estimator, shape = .data$estimator)) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey60") +
    ggplot2::geom_point(position = ggplot2::position_dodge(width = 0.5), size = 2) +
    ggplot2::scale_colour_manual(values = c(plugin = "grey60", homoskedastic = "#6baed6", `leave out` = "#08306b"), name = NULL) +
    ggplot2::scale_shape_manual(values = c(plugin = 4, homoskedastic = 17, `leave out` = 16), name = NULL) +
    ggplot2::labs(x = paste("share of the variance of", object$columns$performance), y = NULL) +
    ggplot2::theme_bw() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank(), legend.position = "bottom")
}

gap_plot <- function(object) {
  if (is.null(object$gap)) {
    abort("There is no gap to draw: give `groups` to decompose_places().", class = "argument")
  }
  table <- object$gap
  parts <- table[table$component != "gap", , drop = FALSE]
  wide <- lapply(split(parts, factor(parts$group, unique(parts$group))), function(x) {
    reached <- cumsum(x$estimate)
    data.frame(
      cluster = paste(x$group[1L], "less", x$reference[1L]), component = c(x$component, "gap"),
      from = c(0, reached[-length(reached)], 0), to = c(reached, sum(x$estimate)),
      kind = c(ifelse(x$estimate < 0, "down", "up"), "level")
    )
  })
  steps <- do.call(rbind, wide)
  steps$component <- factor(steps$component, unique(steps$component))
  steps$cluster <- factor(steps$cluster, unique(steps$cluster))
  waterfall_plot(steps, stats::setNames(nm = levels(steps$cluster)), paste("gap in", object$columns$performance))
}

effects_map <- function(object) {
  if (is.null(object$coordinates)) {
    abort(
      "The places have no coordinates: give decompose_places() a migration_data() whose places have columns ",
      "`longitude` and `latitude`.",
      class = "columns"
    )
  }
  table <- merge(object$places, as.data.frame(object$coordinates), by = "cluster")
  reach <- max(abs(table$shrunk))
  ggplot2::ggplot(table, ggplot2::aes(x = .data$longitude, y = .data$latitude)) +
    ggplot2::geom_point(ggplot2::aes(fill = .data$shrunk, size = .data$firms), shape = 21, colour = "grey30") +
    ggplot2::geom_text(ggplot2::aes(label = .data$cluster), vjust = -1.1, size = 2.6, check_overlap = TRUE) +
    ggplot2::scale_fill_gradient2(
      low = "#7f2704", mid = "grey95", high = "#08306b", limits = c(-reach, reach), name = "effect, shrunken"
    ) +
    ggplot2::scale_x_continuous(expand = ggplot2::expansion(0.1)) +
    ggplot2::labs(x = NULL, y = NULL) +
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(0.1)) +
    ggplot2::coord_quickmap() +
    ggplot2::theme_bw()
}

# Where the places are, of migration data that say so
place_coordinates <- function(panel) {
  table <- panel$source$places
  if (is.null(table) || !all(c("longitude", "latitude") %in% names(table))) {
    return(NULL)
  }
  key <- id_text(table[[panel$source$names$place]])
  first <- !duplicated(key)
  list(cluster = key[first], longitude = table$longitude[first], latitude = table$latitude[first])
}
