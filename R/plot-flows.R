# Pictures of flows: on a map, as a table, over time, predicted against observed.

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
autoplot.migration_data <- function(object, what = c("map", "table", "chord", "time", "places"), top = NULL,
                                    background = NULL, label = NULL, value = NULL, ...) {
  check_dots(...)
  need_ggplot2()
  what <- if (missing(what)) {
    if (!is.null(value)) "places" else c("map", "table")[1L + is.null(coordinates(object))]
  } else {
    check_choice(what, "what")
  }
  names <- place_labels(object, label)
  if (what == "time") {
    return(time_plot(object, check_count(top %||% 6, "top"), names))
  }
  if (what == "places") {
    return(places_map(object, value, background, names))
  }
  top <- check_count(top %||% default_top(what), "top")
  flow_plot(moves_between(object), object, what, top, background, "Moves between places", names)
}

# Arrows or chords that can be told apart; places that a table can name
default_top <- function(what) if (what == "table") 25L else 40L

# The names of places in pictures, one for each: from a column of `places`, or a vector named by ids
place_labels <- function(data, label) {
  if (is.null(label)) {
    return(data$place)
  }
  if (is.character(label) && length(label) == 1L && is.null(names(label))) {
    check_column(data$places, label, "label", "places")
    given <- as.character(data$places[[label]])[data$place_row[, 1L]]
  } else {
    if (is.null(names(label))) {
      abort("`label` must be the name of a column of `places`, or names of places that are named by their ids: ",
        "label = c(\"442000\" = \"Guzhen\").",
        class = "argument"
      )
    }
    check_known(names(label), data$place, "`label` names", "a place")
    given <- as.character(label)[match(data$place, names(label))]
  }
  ifelse(is.na(given), data$place, given)
}

# Flows (from, to, count) as a map, a table or chords; names: those of the places in pictures
flow_plot <- function(moves, data, what, top, background, title, names = data$place) {
  if (anyDuplicated(names) > 0L) names <- make.unique(names)
  named <- moves
  for (end in c("from", "to")) named[[end]] <- factor(names[match(moves[[end]], data$place)], names)
  if (what == "table") {
    return(flow_table_plot(busiest_moves(named, top)) + ggplot2::labs(title = title))
  }
  if (what == "chord") {
    return(chord_plot(named, top) + ggplot2::labs(title = title))
  }
  where <- coordinates(data)
  if (is.null(where)) {
    abort(
      "A map needs the coordinates of all places, columns `longitude` and `latitude` of `places`; ",
      "what = \"table\" or \"chord\" draws the flows without.",
      class = "coordinates"
    )
  }
  where$place <- names
  flow_map(named, where, top, background) + ggplot2::labs(title = title)
}

# Moves among the `top` places with the most of them
busiest_moves <- function(moves, top) {
  if (nlevels(moves$from) <= top) {
    return(moves)
  }
  place <- levels(moves$from)
  busy <- rowsum(rep(moves$count, 2L), c(as.integer(moves$from), as.integer(moves$to)))
  kept <- place[sort(as.integer(rownames(busy))[utils::head(order(-busy[, 1L]), top)])]
  moves <- moves[moves$from %in% kept & moves$to %in% kept, , drop = FALSE]
  for (end in c("from", "to")) moves[[end]] <- factor(moves[[end]], kept)
  moves
}

# Moves of all times together: from, to, count
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

# Longitude and latitude of the places, or NULL
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

flow_table_plot <- function(moves) {
  moves$dark <- sqrt(moves$count / max(moves$count)) > 0.5
  ggplot2::ggplot(moves, ggplot2::aes(x = .data$to, y = .data$from, fill = .data$count)) +
    ggplot2::geom_tile(colour = "white") +
    ggplot2::geom_text(
      ggplot2::aes(label = format_flow(.data$count)),
      colour = ifelse(moves$dark, "white", "black"), size = 3
    ) +
    ggplot2::scale_fill_gradient(
      low = "grey95", high = "#08306b", name = "moves", trans = "sqrt", breaks = root_breaks,
      limits = c(0, NA)
    ) +
    ggplot2::scale_x_discrete(drop = FALSE) +
    ggplot2::scale_y_discrete(drop = FALSE, limits = rev) +
    ggplot2::labs(x = "to", y = "from") +
    ggplot2::coord_equal() +
    ggplot2::theme_bw() +
    ggplot2::theme(
      axis.text.x = ggplot2::element_text(angle = 45, hjust = 1), panel.grid = ggplot2::element_blank()
    )
}

# Counts are whole numbers
whole_breaks <- function(limits) {
  breaks <- unique(round(pretty(limits, 4)))
  breaks[breaks >= limits[1L] & breaks <= limits[2L]]
}

# Leaves room for the points at both ends of arrows; places at one spot have none between them
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

# Names of the places on the map, the busiest placed first: right of the point, or left, below or above it where
# that is free of points and of the names before, as text of a map five inches high has it; else left out
place_names <- function(where, moves, dots = where) {
  busy <- rowsum(rep(moves$count, 2L), c(as.character(moves$from), as.character(moves$to)))
  busy <- busy[match(where$place, rownames(busy))]
  where <- where[order(-ifelse(is.na(busy), 0, busy)), , drop = FALSE]
  high <- 0.026 * 1.2 * max(diff(range(where$lat)), 0.6 * diff(range(where$lon)), 1e-6)
  widen <- 1 / max(cos(mean(where$lat) * pi / 180), 0.1)
  wide <- 0.5 * high * widen * (nchar(where$place) + 1)
  free <- function(x, y, wide, high, taken) {
    !any(abs(taken$x - x) < (taken$wide + wide) / 2 & abs(taken$y - y) < (taken$high + high) / 2)
  }
  edge <- range(where$lon) + c(-0.16, 0.16) * diff(range(where$lon))
  taken <- data.frame(x = dots$lon, y = dots$lat, wide = 0.5 * high * widen, high = 0.5 * high)
  where$side <- NA_integer_
  for (i in seq_len(nrow(where))) {
    x <- where$lon[i] + c(0.55, -0.55, 0, 0) * wide[i] + c(0.25, -0.25, 0, 0) * high * widen
    y <- where$lat[i] + c(0, 0, -0.8, 0.8) * high
    fits <- which(mapply(free, x, y, wide[i], high, MoreArgs = list(taken = taken)))
    inside <- x - wide[i] / 2 > edge[1L] & x + wide[i] / 2 < edge[2L]
    fits <- fits[order(!inside[fits])]
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

# Arrows bend to the same side, so that the two directions of a pair lie apart, and lie over the dots. On a crowded map
# only the ends of the arrows drawn are named, by the size of their flows, and other places are small and grey.
flow_map <- function(moves, where, top, background = NULL) {
  moves <- utils::head(moves[order(-moves$count), , drop = FALSE], top)
  crowded <- nrow(where) > 40L
  ends <- where$place %in% c(as.character(moves$from), as.character(moves$to))
  names <- if (crowded) place_names(where[ends, ], moves) else place_names(where, moves)
  from <- where[match(moves$from, where$place), ]
  to <- where[match(moves$to, where$place), ]
  arrows <- data.frame(x = from$lon, y = from$lat, xend = to$lon, yend = to$lat, count = moves$count)
  arrows <- arrows[order(arrows$count), , drop = FALSE]
  ggplot2::ggplot() +
    map_background(background) +
    ggplot2::geom_point(
      ggplot2::aes(x = .data$lon, y = .data$lat), where,
      size = ifelse(ends, if (crowded) 1.2 else 1.8, 0.6), colour = ifelse(ends | !crowded, "black", "grey65")
    ) +
    ggplot2::geom_curve(
      ggplot2::aes(
        x = .data$x, y = .data$y, xend = .data$xend, yend = .data$yend, linewidth = .data$count,
        alpha = .data$count
      ),
      shorten(arrows),
      curvature = 0.2, colour = "#08306b",
      arrow = ggplot2::arrow(length = ggplot2::unit(if (crowded) 0.15 else 0.2, "cm"), type = "closed")
    ) +
    ggplot2::geom_text(
      ggplot2::aes(
        x = .data$lon, y = .data$lat, label = .data$label, hjust = .data$hjust, vjust = .data$vjust
      ),
      names,
      size = 3.2
    ) +
    ggplot2::scale_linewidth(range = c(0.3, 2), name = "moves", breaks = whole_breaks) +
    ggplot2::scale_alpha(range = c(0.35, 1), guide = "none") +
    map_frame(background, where) +
    ggplot2::labs(x = "longitude", y = "latitude") +
    ggplot2::theme_bw()
}

# A column of `places` on the map, its mean over time: areas of `background` where that has a column of ids, else dots
places_map <- function(data, value, background, names) {
  if (is.null(value)) abort("Name the column of `places` to draw: value = \"land_price\".", class = "argument")
  check_column(data$places, value, "value", "places")
  column <- data$places[[value]]
  if (!is.numeric(column) && !is.logical(column)) {
    abort("`places$", value, "` must be numbers to be drawn, not ", describe_type(column), ".", class = "type")
  }
  at <- rowMeans(matrix(as.double(column)[data$place_row], nrow(data$place_row)), na.rm = TRUE)
  title <- paste0(value, if (ncol(data$place_row) > 1L) ", mean over time")
  id <- if (inherits(background, "sf")) intersect(c(data$names$place, "place"), names(background))
  picture <- if (length(id) > 0L) {
    background$.value <- at[match(as.character(background[[id[1L]]]), data$place)]
    ggplot2::ggplot(background) +
      ggplot2::geom_sf(ggplot2::aes(fill = .data$.value), colour = "grey80", linewidth = 0.2) +
      ggplot2::scale_fill_viridis_c(name = value, na.value = "grey92")
  } else {
    dots_map(data, at, background, names, value)
  }
  picture + ggplot2::labs(title = title) + ggplot2::theme_bw()
}

# Dots in the colour of their value, the largest named first where there is room; of a crowd the largest 15 only
dots_map <- function(data, at, background, names, value) {
  where <- coordinates(data)
  if (is.null(where)) {
    abort("A map needs the coordinates of all places, columns `longitude` and `latitude` of `places`, or a `background` ",
      "of class sf with a column `", data$names$place, "` and the area of each.",
      class = "coordinates"
    )
  }
  where$place <- names
  where$value <- at
  ranked <- data.frame(from = names, to = names, count = rank(at, na.last = "keep"))
  crowded <- nrow(where) > 40L
  ranked <- utils::head(ranked[order(-ranked$count, na.last = NA), ], if (crowded) 15L else nrow(ranked))
  ggplot2::ggplot() +
    map_background(background) +
    ggplot2::geom_point(
      ggplot2::aes(x = .data$lon, y = .data$lat, colour = .data$value), where,
      size = if (crowded) 2 else 3.5
    ) +
    ggplot2::geom_text(
      ggplot2::aes(x = .data$lon, y = .data$lat, label = .data$label, hjust = .data$hjust, vjust = .data$vjust),
      place_names(where[names %in% ranked$from, ], ranked),
      size = 3
    ) +
    ggplot2::scale_colour_viridis_c(name = value, na.value = "grey80") +
    map_frame(background, where) +
    ggplot2::labs(x = "longitude", y = "latitude")
}

# What lies below a map, in degrees as the places are: outlines as paths, as arrows cannot bend on a map of ggplot2's
# own
map_background <- function(background) {
  if (is.null(background)) {
    return(NULL)
  }
  if (!requireNamespace("sf", quietly = TRUE)) {
    abort("A `background` needs the package sf, which is not installed: install.packages(\"sf\").", class = "package")
  }
  if (!inherits(background, c("sf", "sfc"))) {
    abort("`background` must be an sf object, not ", describe_type(background), ".", class = "argument")
  }
  shape <- sf::st_geometry(background)
  if (!is.na(sf::st_crs(shape))) shape <- sf::st_transform(shape, 4326)
  lines <- lapply(seq_along(shape), function(k) {
    at <- sf::st_coordinates(shape[k])
    part <- do.call(paste, c(k, as.data.frame(at[, -(1:2), drop = FALSE])))
    data.frame(x = at[, "X"], y = at[, "Y"], part = part)
  })
  ggplot2::geom_path(
    ggplot2::aes(x = .data$x, y = .data$y, group = .data$part), do.call(rbind, lines),
    colour = "grey65", linewidth = 0.3
  )
}

# The part of the world that has the places, and room for their names
map_frame <- function(background, where) {
  if (is.null(background)) {
    return(list(
      ggplot2::scale_x_continuous(expand = ggplot2::expansion(0.16)),
      ggplot2::scale_y_continuous(expand = ggplot2::expansion(0.1)), ggplot2::coord_quickmap(clip = "off")
    ))
  }
  around <- function(x, by) range(x) + c(-by, by) * diff(range(x))
  ggplot2::coord_quickmap(xlim = around(where$lon, 0.16), ylim = around(where$lat, 0.1), expand = FALSE)
}

# Counts as they are, predicted flows to one decimal
format_flow <- function(x) {
  ifelse(x == round(x) | x < 0.05, format(round(x), trim = TRUE), formatC(x, digits = 1, format = "f"))
}

# Predicted flows ---------------------------------------------------------------------------------------

predicted_plot <- function(object, what, top, background) {
  flows <- predict(object, type = "flows")
  place <- object$data$place
  moves <- flows[!is.na(flows$from) & flows$from != flows$to, , drop = FALSE]
  moves <- data.frame(from = factor(moves$from, place), to = factor(moves$to, place), count = moves$flow)
  if (nrow(moves) == 0L) {
    abort("The fit has no firm with an origin: there are no flows to draw.", class = "no_movers")
  }
  if (what != "observed") {
    return(flow_plot(moves, object$data, what, check_count(top %||% default_top(what), "top"), background, "Predicted moves between places"))
  }
  observed_plot(compare_flows(object, moves))
}

# Predicted and observed moves of each pair of places with either
compare_flows <- function(object, predicted) {
  design <- fit_design(object)
  spec <- design$spec
  from <- origin_place(spec)
  to <- chosen_place(spec)
  moved <- from > 0L & from != to
  weight <- occasion_weights(spec)
  n <- spec$J
  pair <- (as.integer(predicted$from) - 1) * n + as.integer(predicted$to)
  at <- match((from[moved] - 1) * n + to[moved], pair)
  predicted$observed <- as.vector(rowsum(c(weight[moved], numeric(length(pair))), c(at, seq_along(pair))))
  predicted
}

observed_plot <- function(flows) {
  fit <- stats::cor(sqrt(flows$count), sqrt(flows$observed))
  far <- abs(sqrt(flows$observed) - sqrt(flows$count))
  named <- flows[utils::head(order(-far), 5L), , drop = FALSE]
  named$label <- paste(named$from, named$to, sep = " > ")
  # names lie away from the line, where few points are: over the point above it, else right of the point
  above <- named$observed > named$count
  named$hjust <- ifelse(above, pmin(0.5, 2 * sqrt(named$count / max(flows$count))), -0.06)
  named$vjust <- ifelse(above, -0.9, 0.8)
  ggplot2::ggplot(flows, ggplot2::aes(x = .data$count, y = .data$observed)) +
    ggplot2::geom_abline(slope = 1, intercept = 0, linetype = "dashed", colour = "grey50") +
    ggplot2::geom_point(shape = 1, colour = "#08306b") +
    ggplot2::geom_text(
      ggplot2::aes(label = .data$label, hjust = .data$hjust, vjust = .data$vjust), named,
      size = 3, check_overlap = TRUE
    ) +
    ggplot2::scale_x_sqrt(limits = c(0, NA), breaks = root_breaks, expand = ggplot2::expansion(c(0.02, 0.15))) +
    ggplot2::scale_y_sqrt(limits = c(0, NA), breaks = root_breaks, expand = ggplot2::expansion(c(0.04, 0.1))) +
    ggplot2::labs(
      x = "predicted moves", y = "observed moves", title = "Moves of each pair of places",
      subtitle = paste0(
        "correlation of square roots ", formatC(fit, digits = 3, format = "f"),
        "; named are pairs that are far off"
      )
    ) +
    ggplot2::theme_bw() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank())
}

# Breaks that lie about evenly on a square-root scale
root_breaks <- function(limits) {
  top <- max(limits, 1, na.rm = TRUE)
  unique(signif((sqrt(top) * seq(0, 1, 0.2))^2, 1))
}

# Time --------------------------------------------------------------------------------------------------

# Arrivals, departures, appearances and closures by place and period: place, time, event, count
events_over_time <- function(data) {
  index <- data$index
  if (is.null(index$time) || !has_tables(data)) {
    abort("There is no `time` in the data: moves cannot be drawn over time.", class = "no_time")
  }
  moved <- !is.na(index$origin) & !is.na(index$chosen) & index$origin != index$chosen
  event <- list(
    arrivals = ifelse(moved, index$chosen, NA), departures = ifelse(moved, index$origin, NA),
    new = ifelse(is.na(index$origin), index$chosen, NA), closed = ifelse(is.na(index$chosen), index$origin, NA)
  )
  n <- length(data$place)
  count <- lapply(event, function(place) tabulate((index$time - 1) * n + place, n * length(data$time)))
  data.frame(
    place = rep(data$place, length(data$time) * length(event)),
    time = rep(rep(data$time, each = n), length(event)),
    event = factor(rep(names(event), each = n * length(data$time)), names(event)), count = unlist(count, use.names = FALSE)
  )
}

# An axis of years has no half years
whole_times <- function(time) {
  if (is.numeric(time) && !is.object(time) && all(time == round(time))) {
    ggplot2::scale_x_continuous(breaks = whole_breaks)
  }
}

time_plot <- function(data, top, names = data$place) {
  events <- events_over_time(data)
  if (anyDuplicated(names) > 0L) names <- make.unique(names)
  events$place <- names[match(events$place, data$place)]
  moves <- events[events$event %in% c("arrivals", "departures"), ]
  busiest <- sort(rowsum(moves$count, moves$place)[, 1L], decreasing = TRUE)
  if (busiest[1L] == 0) {
    abort("No firm moves: there are no flows to draw.", class = "no_movers")
  }
  events <- events[events$place %in% names(utils::head(busiest, top)), , drop = FALSE]
  events <- events[events$event %in% events$event[events$count > 0], , drop = FALSE]
  events$place <- factor(events$place, names(busiest))
  # line types tell in grey what colours tell on screen
  lines <- c(arrivals = "solid", departures = "22", new = "dotdash", closed = "13")
  inks <- c(arrivals = "#08306b", departures = "#b35806", new = "grey45", closed = "grey20")
  ggplot2::ggplot(events, ggplot2::aes(
    x = .data$time, y = .data$count, colour = .data$event, linetype = .data$event
  )) +
    ggplot2::geom_line(linewidth = 0.6) +
    ggplot2::facet_wrap(~place, scales = "free_y") +
    ggplot2::scale_linetype_manual(values = lines, name = NULL) +
    ggplot2::scale_colour_manual(values = inks, name = NULL) +
    ggplot2::scale_y_continuous(limits = c(0, NA), breaks = whole_breaks) +
    whole_times(data$time) +
    ggplot2::labs(x = data$names$time, y = "firms", title = "Firms that come, go, appear and close") +
    ggplot2::theme_bw() +
    ggplot2::theme(legend.position = "bottom", panel.grid.minor = ggplot2::element_blank())
}
