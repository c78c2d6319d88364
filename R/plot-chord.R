# Chord diagrams of flows: places on a circle, as wide as the moves from and to them, and a band for each flow.

# Places on the circle and the flows between them as angles in radians, clockwise from the top: list(places: place,
# begin, end, moves; flows: from, to, count, and where the band leaves (out_begin, out_end) and arrives (in_begin,
# in_end)). In each place the flows that leave come first, then those that arrive, so ordered that bands cross little.
chord_layout <- function(moves) {
  moves <- moves[moves$count > 0, , drop = FALSE]
  used <- levels(moves$from)[levels(moves$from) %in% c(as.character(moves$from), as.character(moves$to))]
  n <- length(used)
  from <- match(moves$from, used)
  to <- match(moves$to, used)
  gap <- min(5, 120 / n) * pi / 180
  unit <- (2 * pi - n * gap) / (2 * sum(moves$count))
  # both ends of all flows, in the order in which they lie around the circle
  at <- c(from, to)
  other <- c(to, from)
  arrives <- rep(0:1, each = nrow(moves))
  ordering <- order(at, arrives, -((other - at) %% n))
  width <- rep(moves$count, 2L) * unit
  end <- begin <- numeric(length(at))
  end[ordering] <- cumsum(width[ordering]) + gap * (at[ordering] - 0.5)
  begin[ordering] <- end[ordering] - width[ordering]
  out <- seq_len(nrow(moves))
  list(
    places = data.frame(
      place = used, begin = as.vector(tapply(begin, at, min)), end = as.vector(tapply(end, at, max)),
      moves = as.vector(tapply(rep(moves$count, 2L), at, sum))
    ),
    flows = data.frame(
      from = used[from], to = used[to], count = moves$count, out_begin = begin[out], out_end = end[out],
      in_begin = begin[-out], in_end = end[-out]
    )
  )
}

# Points on a circle
on_circle <- function(angle, radius) {
  data.frame(x = radius * sin(angle), y = radius * cos(angle))
}

# Curve between two points of the circle that bends towards the middle, the more the further they are apart
bent_curve <- function(from, to, radius) {
  apart <- (to - from + pi) %% (2 * pi) - pi
  ends <- on_circle(c(from, from + apart), radius)
  middle <- on_circle(from + apart / 2, min(radius) * (1 - abs(apart) / pi))
  t <- seq(0, 1, length.out = 40L)
  curve <- function(x, m) (1 - t)^2 * x[1L] + 2 * t * (1 - t) * m + t^2 * x[2L]
  data.frame(x = curve(ends$x, middle$x), y = curve(ends$y, middle$y))
}

# Outlines of the bands. A band touches the place that it leaves; where it arrives it ends before the circle, in a
# point.
chord_bands <- function(flows) {
  bands <- lapply(seq_len(nrow(flows)), function(k) {
    flow <- flows[k, ]
    along <- seq(0, 1, length.out = 21L)
    leaving <- on_circle(flow$out_begin + along * (flow$out_end - flow$out_begin), 0.99)
    point <- on_circle(flow$in_begin + along * (flow$in_end - flow$in_begin), 0.97 - 0.08 * abs(2 * along - 1))
    there <- bent_curve(flow$out_end, flow$in_begin, c(0.99, 0.89))
    back <- bent_curve(flow$in_end, flow$out_begin, c(0.89, 0.99))
    cbind(rbind(leaving, there, point, back), band = k)
  })
  do.call(rbind, bands)
}

# The places as parts of a ring
chord_ring <- function(places) {
  parts <- lapply(seq_len(nrow(places)), function(k) {
    angle <- seq(places$begin[k], places$end[k], length.out = 40L)
    cbind(rbind(on_circle(angle, 1.05), on_circle(rev(angle), 1)), part = k)
  })
  do.call(rbind, parts)
}

# Names outside of the ring, written outwards; of places that lie too close the busier has its name
chord_names <- function(places) {
  places$middle <- (places$begin + places$end) / 2
  kept <- numeric()
  for (k in order(-places$moves)) {
    apart <- abs(places$middle[kept] - places$middle[k])
    if (all(pmin(apart, 2 * pi - apart) > 4 * pi / 180)) kept <- c(kept, k)
  }
  places <- places[sort(kept), , drop = FALSE]
  left <- places$middle > pi
  cbind(places, on_circle(places$middle, 1.08),
    angle = 90 - places$middle * 180 / pi + ifelse(left, 180, 0), hjust = as.numeric(left)
  )
}

# The places that most moves leave have a fill of their own, dark to light so that grey print tells them apart
chord_fills <- c("#08306b", "#b35806", "#4dac8b", "#a6c8e4", "grey88")

chord_plot <- function(moves, top) {
  moves <- utils::head(moves[order(-moves$count), , drop = FALSE], top)
  layout <- chord_layout(moves)
  leaving <- sort(tapply(layout$flows$count, layout$flows$from, sum), decreasing = TRUE)
  senders <- names(utils::head(leaving, 4L))
  groups <- c(senders, if (length(leaving) > 4L) "others")
  bands <- chord_bands(layout$flows)
  sender <- layout$flows$from[bands$band]
  bands$sender <- factor(ifelse(sender %in% senders, sender, "others"), groups)
  fills <- stats::setNames(chord_fills[seq_along(groups)], groups)
  if ("others" %in% groups) fills[["others"]] <- chord_fills[5L]
  names <- chord_names(layout$places)
  # how far the names reach, in a picture of some five inches
  outer <- on_circle(names$middle, 1.12 + 0.05 * nchar(names$place))
  reach <- function(x) range(x, -1.08, 1.08)
  # narrow bands lie upon wide ones
  bands <- bands[order(-layout$flows$count[bands$band]), , drop = FALSE]
  bands$band <- factor(bands$band, unique(bands$band))
  ggplot2::ggplot(bands, ggplot2::aes(x = .data$x, y = .data$y)) +
    ggplot2::geom_polygon(
      ggplot2::aes(group = .data$band, fill = .data$sender),
      colour = "grey30", linewidth = 0.15, alpha = 0.85
    ) +
    ggplot2::geom_polygon(ggplot2::aes(group = .data$part), chord_ring(layout$places), fill = "grey25") +
    ggplot2::geom_text(
      ggplot2::aes(label = .data$place, angle = .data$angle, hjust = .data$hjust), names,
      size = 3.2
    ) +
    ggplot2::scale_fill_manual(values = fills, name = "moves from") +
    ggplot2::coord_equal(xlim = reach(outer$x), ylim = reach(outer$y), expand = FALSE) +
    ggplot2::labs(caption = "Width: number of moves. A band touches the place left and points at the place reached.") +
    ggplot2::theme_void() +
    ggplot2::theme(plot.margin = ggplot2::margin(6, 6, 6, 6))
}
