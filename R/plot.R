#' Pictures of fits and of flows
#'
#' @title Plot a fit or the flows of data
#' @description For a fit: its coefficients with confidence intervals, grouped into push, pull, keep, place, tie and
#' the rest. For data: the moves between places, as arrows on a map where the places have coordinates (columns
#' `lon` and `lat`, or `longitude` and `latitude`), else as a table shaded by the number of moves. Shapes and one
#' scale of lightness carry the information, so both read in grey print and by the colour-blind.
#'
#' @param x,object A fit of [fit_migration()], or a [migration_data()].
#' @param conf.level Confidence level of the intervals, between 0 and 1.
#' @param standardise `TRUE` shows each coefficient times the standard deviation of its term over the
#'   alternatives (of all firms together), so that terms in different units can be compared; `FALSE` (default) the
#'   coefficients as they are.
#' @param type,cluster Which standard errors, as in [vcov.migration_fit()].
#' @param top For a map: only the `top` largest flows are drawn.
#' @param ... Not used.
#' @return `autoplot()`: a ggplot, to change or add to. `plot()` draws it and returns it invisibly.
#' @section Errors: Package ggplot2 is not installed; data without a move.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' data <- wenzhou_guzhen()
#' plot(data)
#' fit <- fit_migration(~ push(land_price) + distance, data)
#' plot(fit)
#' @name plot.migration_fit
NULL

# the columns of the data of a picture, as aes() knows them
utils::globalVariables(".data")

#' @noRd
need_ggplot2 <- function(installed = requireNamespace("ggplot2", quietly = TRUE)) {
  if (!installed) {
    abort(
      "Pictures need the package ggplot2, which is not installed: install.packages(\"ggplot2\").",
      class = "package"
    )
  }
}

#' @rdname plot.migration_fit
#' @export
plot.migration_fit <- function(x, ...) {
  need_ggplot2()
  picture <- autoplot.migration_fit(x, ...)
  print(picture)
  invisible(picture)
}

#' @rdname plot.migration_fit
#' @exportS3Method ggplot2::autoplot migration_fit
autoplot.migration_fit <- function(object, conf.level = 0.95, standardise = FALSE,
                                   type = c("hessian", "opg", "robust", "cluster"), cluster = NULL, ...) {
  need_ggplot2()
  type <- if (missing(type) && !is.null(cluster)) "cluster" else match.arg(type)
  table <- tidy.migration_fit(object, conf.int = TRUE, conf.level = conf.level, type = type, cluster = cluster)
  table <- table[!is.na(table$estimate), , drop = FALSE]
  if (check_flag(standardise, "standardise")) {
    table <- standardised(table, object)
  }
  table$term <- factor(table$term, rev(table$term))
  table$group <- factor(group_titles[table$group], unique(group_titles))
  coefficient_plot(table, model_title(object$model), conf.level, standardise)
}

#' Titles of the kinds of terms, in the order of the panels
#' @noRd
group_titles <- c(
  push = "Push", pull = "Pull", keep = "Keep", stay = "Stay", place = "Place", tie = "Tie", peers = "Peers",
  firm_place = "Interaction", lambda = "Lambda", sd = "Spread", spread = "Spread", chol = "Covariance factor"
)

#' Coefficients times the standard deviation of their columns; lambda has no column
#' @noRd
standardised <- function(table, object) {
  x <- model.matrix.migration_fit(object)
  spread <- apply(x, 2L, stats::sd)[table$term]
  spread[is.na(spread)] <- 1
  for (column in c("estimate", "conf.low", "conf.high")) {
    table[[column]] <- table[[column]] * spread
  }
  table
}

#' @noRd
coefficient_plot <- function(table, title, conf.level, standardise) {
  null <- data.frame(group = unique(table$group))
  null$at <- as.numeric(null$group == "Lambda")
  ggplot2::ggplot(table, ggplot2::aes(x = .data$estimate, y = .data$term)) +
    ggplot2::geom_vline(ggplot2::aes(xintercept = .data$at), null, linetype = "dashed", colour = "grey50") +
    ggplot2::geom_errorbarh(
      ggplot2::aes(xmin = .data$conf.low, xmax = .data$conf.high), height = 0.2, colour = "grey30", na.rm = TRUE
    ) +
    ggplot2::geom_point(ggplot2::aes(shape = .data$group), size = 2.5, show.legend = FALSE) +
    ggplot2::scale_shape_manual(values = stats::setNames(c(16:18, 15, 1, 2, 0, 5, 4, 6, 3), unique(group_titles))) +
    ggplot2::facet_grid(group ~ ., scales = "free_y", space = "free_y") +
    ggplot2::labs(
      x = paste0(
        if (standardise) "coefficient x standard deviation of the term" else "coefficient", ", ",
        format(100 * conf.level), "% interval"
      ),
      y = NULL, title = title
    ) +
    ggplot2::theme_bw() +
    ggplot2::theme(strip.text.y = ggplot2::element_text(angle = 0), panel.grid.minor = ggplot2::element_blank())
}

# Flows -----------------------------------------------------------------------------------------------

#' @rdname plot.migration_fit
#' @export
plot.migration_data <- function(x, ...) {
  need_ggplot2()
  picture <- autoplot.migration_data(x, ...)
  print(picture)
  invisible(picture)
}

#' @rdname plot.migration_fit
#' @exportS3Method ggplot2::autoplot migration_data
autoplot.migration_data <- function(object, top = 40, ...) {
  need_ggplot2()
  moves <- moves_between(object)
  where <- coordinates(object)
  if (is.null(where)) {
    flow_table_plot(moves)
  } else {
    flow_map(moves, where, check_count(top, "top"))
  }
}

#' Moves of all times together: from, to, count
#' @noRd
moves_between <- function(data) {
  index <- data$index
  moved <- which(!is.na(index$origin) & !is.na(index$chosen) & index$origin != index$chosen)
  if (length(moved) == 0L) {
    abort("No firm moves: there are no flows to draw.", class = "no_movers")
  }
  n <- length(data$place)
  pair <- (index$origin[moved] - 1) * n + index$chosen[moved]
  each <- unique(pair)
  data.frame(
    from = factor(data$place[(each - 1) %/% n + 1], data$place),
    to = factor(data$place[(each - 1) %% n + 1], data$place),
    count = tabulate(match(pair, each))
  )
}

#' Longitude and latitude of the places, or NULL
#' @noRd
coordinates <- function(data) {
  find <- function(names) {
    at <- match(names, tolower(names(data$places)))
    at <- at[!is.na(at)]
    if (length(at) > 0L) data$places[[at[1L]]][data$place_row[, 1L]]
  }
  lon <- find(c("lon", "long", "longitude"))
  lat <- find(c("lat", "latitude"))
  if (!is.numeric(lon) || !is.numeric(lat) || anyNA(lon) || anyNA(lat)) {
    return(NULL)
  }
  data.frame(place = data$place, lon = lon, lat = lat)
}

#' @noRd
flow_table_plot <- function(moves) {
  moves$share <- moves$count / max(moves$count)
  ggplot2::ggplot(moves, ggplot2::aes(x = .data$to, y = .data$from, fill = .data$count)) +
    ggplot2::geom_tile(colour = "white") +
    ggplot2::geom_text(
      ggplot2::aes(label = .data$count), colour = ifelse(moves$share > 0.5, "white", "black"), size = 3
    ) +
    ggplot2::scale_fill_gradient(low = "grey92", high = "#08306b", name = "moves", breaks = whole_breaks) +
    ggplot2::scale_x_discrete(drop = FALSE) +
    ggplot2::scale_y_discrete(drop = FALSE, limits = rev) +
    ggplot2::labs(x = "to", y = "from", title = "Moves between places") +
    ggplot2::coord_equal() +
    ggplot2::theme_bw() +
    ggplot2::theme(
      axis.text.x = ggplot2::element_text(angle = 45, hjust = 1), panel.grid = ggplot2::element_blank()
    )
}

#' Counts are whole numbers
#' @noRd
whole_breaks <- function(limits) {
  breaks <- unique(round(pretty(limits, 4)))
  breaks[breaks >= limits[1L] & breaks <= limits[2L]]
}

#' Leaves room for the points at both ends of arrows; places at one spot have none between them
#' @noRd
shorten <- function(arrows) {
  dx <- arrows$xend - arrows$x
  dy <- arrows$yend - arrows$y
  length <- sqrt(dx^2 + dy^2)
  cut <- pmin(0.012 * max(length), 0.2 * length) / ifelse(length > 0, length, 1)
  arrows$x <- arrows$x + cut * dx
  arrows$y <- arrows$y + cut * dy
  arrows$xend <- arrows$xend - cut * dx
  arrows$yend <- arrows$yend - cut * dy
  arrows[length > 0, , drop = FALSE]
}

#' Names of the places on the map, the busiest placed first: right of the point, or left, below or above it where
#' that is free of points and of the names before, as text of a map five inches high has it; else left out
#' @noRd
place_names <- function(where, moves) {
  busy <- rowsum(rep(moves$count, 2L), c(as.character(moves$from), as.character(moves$to)))
  busy <- busy[match(where$place, rownames(busy))]
  where <- where[order(-ifelse(is.na(busy), 0, busy)), , drop = FALSE]
  high <- 0.026 * 1.2 * max(diff(range(where$lat)), 0.6 * diff(range(where$lon)), 1e-6)
  widen <- 1 / max(cos(mean(where$lat) * pi / 180), 0.1)
  wide <- 0.5 * high * widen * (nchar(where$place) + 1)
  free <- function(x, y, wide, high, taken) {
    !any(abs(taken$x - x) < (taken$wide + wide) / 2 & abs(taken$y - y) < (taken$high + high) / 2)
  }
  taken <- data.frame(x = where$lon, y = where$lat, wide = 0.5 * high * widen, high = 0.5 * high)
  where$side <- NA_integer_
  for (i in seq_len(nrow(where))) {
    x <- where$lon[i] + c(0.55, -0.55, 0, 0) * wide[i] + c(0.25, -0.25, 0, 0) * high * widen
    y <- where$lat[i] + c(0, 0, -0.8, 0.8) * high
    fits <- which(mapply(free, x, y, wide[i], high, MoreArgs = list(taken = taken)))
    if (length(fits) > 0L) {
      where$side[i] <- fits[1L]
      taken <- rbind(taken, data.frame(x = x[fits[1L]], y = y[fits[1L]], wide = wide[i], high = high))
    }
  }
  where <- where[!is.na(where$side), , drop = FALSE]
  where$label <- paste0(c(" ", "", "", "")[where$side], where$place, c("", " ", "", "")[where$side])
  where$hjust <- c(0, 1, 0.5, 0.5)[where$side]
  where$vjust <- c(0.5, 0.5, 1.5, -0.6)[where$side]
  where
}

#' Arrows bend to the same side, so that the two directions of a pair lie apart
#' @noRd
flow_map <- function(moves, where, top) {
  names <- place_names(where, moves)
  moves <- utils::head(moves[order(-moves$count), , drop = FALSE], top)
  from <- where[match(moves$from, where$place), ]
  to <- where[match(moves$to, where$place), ]
  arrows <- data.frame(x = from$lon, y = from$lat, xend = to$lon, yend = to$lat, count = moves$count)
  arrows <- arrows[order(arrows$count), , drop = FALSE]
  arrows <- shorten(arrows)
  ggplot2::ggplot() +
    ggplot2::geom_curve(
      ggplot2::aes(
        x = .data$x, y = .data$y, xend = .data$xend, yend = .data$yend, linewidth = .data$count,
        alpha = .data$count
      ),
      arrows,
      curvature = 0.2, colour = "#08306b",
      arrow = ggplot2::arrow(length = ggplot2::unit(0.2, "cm"), type = "closed")
    ) +
    ggplot2::geom_point(ggplot2::aes(x = .data$lon, y = .data$lat), where, size = 1.8) +
    ggplot2::geom_text(
      ggplot2::aes(
        x = .data$lon, y = .data$lat, label = .data$label, hjust = .data$hjust, vjust = .data$vjust
      ),
      names,
      size = 3.2
    ) +
    ggplot2::scale_linewidth(range = c(0.3, 2), name = "moves", breaks = whole_breaks) +
    ggplot2::scale_alpha(range = c(0.35, 1), guide = "none") +
    ggplot2::scale_x_continuous(expand = ggplot2::expansion(0.16)) +
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(0.1)) +
    ggplot2::coord_quickmap(clip = "off") +
    ggplot2::labs(x = "longitude", y = "latitude", title = "Moves between places") +
    ggplot2::theme_bw()
}
