# Pictures of the decompositions that are not accounts of clusters (those: plot-decompose.R). Each has one main picture;
# the caption says method, reference, weights and unit, as print() does.

#' @title Plot a decomposition
#' @description
#' One picture for each decomposition:
#'
#' | of | picture |
#' |---|---|
#' | [colocation()] | K or M by distance, with what chance gives and its bands, a panel for each type |
#' | [concentration()] | indices of industries, or `what = "lorenz"`: Lorenz curves of industries over regions |
#' | [decompose_gap()] | the parts of the gap by variable, with intervals |
#' | [decompose_growth()], [decompose_share()] | terms of each region or exporter, stacked, with the change as a point |
#' | [decompose_productivity()] | the terms of each cluster, by period |
#' | [decompose_shapley()], [decompose_factors()] | the share of each player, with intervals where values are drawn |
#' | [compare_quantiles()] | quantiles of both clusters, and those of the first shifted, dilated and truncated |
#' | [relatedness()] | the most related pairs |
#' | [complexity()] | the complexity of regions against their diversity |
#' | [innovation_synergy()] | contributions of regions and of what is between them |
#' | [recode_moves()] | terms by the longest gap that is bridged |
#'
#' @param x,object A decomposition.
#' @param what For a [concentration()]: `"indices"` or `"lorenz"`.
#' @param top Number of types, regions, clusters, variables or pairs to draw, the largest first.
#' @param ... Passed from `plot()` to `autoplot()`; there nothing.
#' @return `autoplot()`: a ggplot, to change or add to. `plot()` draws it and returns it invisibly.
#' @section Errors: Package ggplot2 is not installed; nothing to draw.
#' @seealso [plot.decompose_cluster()]
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' firms <- subset(wenzhou_guzhen()$firms, year == 2003 & to %in% c("Wenzhou", "Guzhen"))
#' plot(decompose_gap(productivity ~ age + log(jobs) + segment, firms, "to"))
#' @name plot.decomposition
NULL

#' @rdname plot.decomposition
#' @export
plot.decomposition <- function(x, ...) {
  need_ggplot2()
  picture <- ggplot2::autoplot(x, ...)
  print(picture)
  invisible(picture)
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot decomposition
autoplot.decomposition <- function(object, top = 15, ...) {
  need_ggplot2()
  check_dots(...)
  table <- tidy.decomposition(object)
  if (is.null(table$estimate) || all(is.na(table$estimate))) {
    abort("There is no picture of a `", class(object)[1L], "` without estimates.", class = "argument")
  }
  table <- utils::head(table[order(-abs(table$estimate)), , drop = FALSE], check_count(top, "top"))
  table$term <- factor(wrap_names(table$term), rev(unique(wrap_names(table$term))))
  interval_plot(table, "term") + decomposition_labels(object, "estimate")
}

# ---- what pictures share -----------------------------------------------------------------------------------------

# Colours that differ in lightness too, so that they read in grey
part_colours <- function(n) {
  base <- c("#08306b", "#6baed6", "#f7b538", "#b5482a", "#7a9a3a", "#c6dbef", "#5e4b8b", "#d9a6c2", "#41545e")
  if (n <= length(base)) base[seq_len(n)] else grDevices::hcl.colors(n, "Viridis")
}

decomposition_theme <- function() {
  ggplot2::theme_bw() +
    ggplot2::theme(
      panel.grid.minor = ggplot2::element_blank(), plot.caption = ggplot2::element_text(hjust = 0, size = 7.5),
      legend.position = "bottom", plot.title.position = "plot", plot.caption.position = "plot"
    )
}

# Title and caption: what print() says of method and reference
decomposition_labels <- function(x, unit, title = decomposition_title(x), more = NULL) {
  list(ggplot2::labs(x = unit, y = NULL), picture_words(x, title, more), decomposition_theme())
}

picture_words <- function(x, title, more = NULL) {
  caption <- unlist(strwrap(c(more, as.character(x$reference)), 105, simplify = FALSE))
  ggplot2::labs(title = title, caption = paste(caption, collapse = "\n"))
}

# Long names on several lines. Chinese has no blanks: such names are cut after some signs.
wrap_names <- function(x, width = 22) {
  vapply(as.character(x), function(name) {
    if (is.na(name) || nchar(name, "width") <= width) {
      return(name)
    }
    if (!grepl("[ -]", name)) {
      signs <- strsplit(name, "")[[1L]]
      line <- ceiling(cumsum(nchar(signs, "width")) / width)
      return(paste(tapply(signs, line, paste, collapse = ""), collapse = "\n"))
    }
    paste(strwrap(gsub("_", " ", name), width), collapse = "\n")
  }, "", USE.NAMES = FALSE)
}

# Estimates as points with intervals where there are any, a row each
interval_plot <- function(table, rows) {
  picture <- ggplot2::ggplot(table, ggplot2::aes(x = .data$estimate, y = .data[[rows]])) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey60", linewidth = 0.3)
  if (!is.null(table$conf.low) && any(is.finite(table$conf.low))) {
    known <- table[is.finite(table$conf.low), , drop = FALSE]
    picture <- picture + ggplot2::geom_segment(
      ggplot2::aes(x = .data$conf.low, xend = .data$conf.high, yend = .data[[rows]]), known,
      colour = "grey35", linewidth = 0.5
    )
  }
  picture + ggplot2::geom_point(size = 2, colour = "#08306b")
}

# Terms stacked for each row, those below 0 to the left, with the whole as a point
stacked_plot <- function(table, rows, totals) {
  parts <- unique(table$component)
  table$component <- factor(table$component, parts)
  ggplot2::ggplot(table, ggplot2::aes(x = .data$estimate, y = .data[[rows]])) +
    ggplot2::geom_col(
      ggplot2::aes(fill = .data$component),
      position = ggplot2::position_stack(reverse = TRUE), colour = "grey30",
      linewidth = 0.2, width = 0.7, na.rm = TRUE
    ) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey30", linewidth = 0.3) +
    ggplot2::geom_point(
      ggplot2::aes(x = .data$change, y = .data[[rows]]), totals,
      shape = 23, fill = "white", size = 2.4, inherit.aes = FALSE,
      na.rm = TRUE
    ) +
    ggplot2::scale_fill_manual(values = part_colours(length(parts)), labels = function(x) gsub("_", " ", x), name = NULL)
}

largest_rows <- function(names, size, top) {
  names[order(-abs(size))][seq_len(min(length(names), check_count(top, "top")))]
}

# ---- each ----------------------------------------------------------------------------------------------------------

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot decompose_gap
autoplot.decompose_gap <- function(object, top = 15, ...) {
  need_ggplot2()
  check_dots(...)
  table <- if (is.null(object$grouped)) object$detailed else object$grouped
  names(table)[names(table) == "group"] <- "variable"
  shown <- if (any(table$fold == "twofold")) c("explained", "unexplained") else unique(table$component)
  table <- table[table$component %in% shown, , drop = FALSE]
  size <- tapply(abs(table$estimate), table$variable, max)
  kept <- largest_rows(names(size), size, top)
  table <- table[table$variable %in% kept, , drop = FALSE]
  order <- unique(table$variable)
  table$variable <- factor(wrap_names(table$variable), rev(unique(wrap_names(order))))
  table$component <- factor(table$component, shown)
  gap <- object$totals[object$totals$cluster == "gap", , drop = FALSE]
  said <- paste0("gap ", paste(signif(gap$value, 3), collapse = ", "), if (!is.null(gap$prob)) {
    paste0(" at the quantiles ", paste(gap$prob, collapse = ", "))
  })
  panels <- if (is.null(table$prob)) ggplot2::facet_wrap(~component) else ggplot2::facet_grid(prob ~ component)
  interval_plot(table, "variable") + panels +
    decomposition_labels(object, "part of the gap, in the unit of the outcome", object$method, said)
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot decompose_growth
autoplot.decompose_growth <- function(object, top = 12, ...) {
  need_ggplot2()
  check_dots(...)
  if (is.null(object$regions)) {
    table <- object$index[object$index$component != "total", , drop = FALSE]
    table$region <- factor(wrap_names(table$region), rev(unique(wrap_names(table$region))))
    table$estimate <- 100 * (table$estimate - 1)
    return(interval_plot(table, "region") + ggplot2::facet_wrap(~component) +
      decomposition_labels(object, "index, per cent above or below that of the reference"))
  }
  change <- rowsum(object$totals$change, object$totals$region)
  stacked_of(object, object$regions, "region", data.frame(region = rownames(change), change = change[, 1L]), top, "change of size")
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot decompose_share
autoplot.decompose_share <- function(object, top = 12, ...) {
  need_ggplot2()
  check_dots(...)
  unit <- if (object$method == "fagerberg_sollie") "change of the market share" else "change of sales"
  stacked_of(object, object$effects, "exporter", object$totals[c("exporter", "change")], top, unit)
}

stacked_of <- function(object, table, rows, totals, top, unit) {
  kept <- largest_rows(totals[[rows]], totals$change, top)
  order <- rev(unique(wrap_names(totals[[rows]][totals[[rows]] %in% kept])))
  table <- table[table[[rows]] %in% kept, , drop = FALSE]
  totals <- totals[totals[[rows]] %in% kept, , drop = FALSE]
  table[[rows]] <- factor(wrap_names(table[[rows]]), order)
  totals[[rows]] <- factor(wrap_names(totals[[rows]]), order)
  span <- paste0(", ", as.character(table$start[1L]), " to ", as.character(table$end[1L]))
  stacked_plot(table, rows, totals) +
    decomposition_labels(object, unit, paste0(decomposition_title(object), span), "The diamond is the change: the sum of the terms.")
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot decompose_productivity
autoplot.decompose_productivity <- function(object, top = 12, ...) {
  need_ggplot2()
  check_dots(...)
  if (is.null(object$level)) {
    totals <- object$totals
    totals$cluster[is.na(totals$cluster)] <- "firms that move"
    table <- object$growth
    table$cluster[is.na(table$cluster)] <- "firms that move"
    table$component <- ifelse(is.na(table$partner), table$component, paste(table$component, "of", table$partner))
    last <- function(x) x[as.character(x$end) == as.character(utils::tail(x$end, 1L)), , drop = FALSE]
    return(stacked_of(object, last(table), "cluster", last(totals)[c("cluster", "change")], top, "growth"))
  }
  table <- object$level
  size <- tapply(object$totals$firms, object$totals$cluster, max, na.rm = TRUE)
  table <- table[table$cluster %in% largest_rows(names(size), size, top) & !is.na(table$estimate), , drop = FALSE]
  table$cluster <- factor(wrap_names(table$cluster), unique(wrap_names(table$cluster)))
  table$time <- if (all(is.na(table$time))) factor("") else if (is.numeric(table$time)) table$time else factor(table$time)
  ggplot2::ggplot(table, ggplot2::aes(x = .data$time, y = .data$estimate, colour = .data$cluster, group = .data$cluster)) +
    ggplot2::geom_line(linewidth = 0.4) +
    ggplot2::geom_point(ggplot2::aes(shape = .data$cluster), size = 1.6) +
    ggplot2::scale_shape_manual(values = rep_len(c(16, 17, 15, 1, 2, 0, 3, 4, 5, 6, 7, 8), nlevels(table$cluster)), name = NULL) +
    ggplot2::scale_colour_manual(values = part_colours(nlevels(table$cluster)), name = NULL) +
    ggplot2::facet_wrap(~component, scales = "free_y") +
    decomposition_labels(object, NULL)
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot decompose_shapley
autoplot.decompose_shapley <- function(object, top = 15, ...) {
  need_ggplot2()
  check_dots(...)
  table <- object$shapley
  table <- table[table$player %in% largest_rows(table$player, table$estimate, top), , drop = FALSE]
  table$player <- factor(wrap_names(table$player), rev(unique(wrap_names(table$player))))
  picture <- ggplot2::ggplot(table, ggplot2::aes(x = .data$estimate, y = .data$player)) +
    ggplot2::geom_col(width = 0.6, fill = "#6baed6", colour = "grey30", linewidth = 0.2) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey30", linewidth = 0.3)
  if (!is.null(table$conf.low)) {
    picture <- picture + ggplot2::geom_segment(
      ggplot2::aes(x = .data$conf.low, xend = .data$conf.high, yend = .data$player),
      colour = "grey20"
    )
  }
  whole <- paste0("They add up to ", format(object$totals$change[1L], digits = 4), ".")
  picture + decomposition_labels(object, "part of the whole", more = whole)
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot compare_quantiles
autoplot.compare_quantiles <- function(object, ...) {
  need_ggplot2()
  check_dots(...)
  q <- object$quantiles
  if (nrow(q) == 0L) {
    abort("The quantiles are kept back (`min_firms`): there is nothing to draw.", class = "argument")
  }
  names <- c(first = "first", second = "second", fitted = "first, transformed")
  long <- data.frame(
    rank = rep(q$rank, 3), value = c(q$first, q$second, q$fitted), line = factor(rep(names, each = nrow(q)), names)
  )
  p <- object$parameters
  said <- paste0(p$parameter, " ", signif(p$estimate, 3), collapse = ", ")
  ggplot2::ggplot(long, ggplot2::aes(x = .data$rank, y = .data$value, linetype = .data$line, colour = .data$line)) +
    ggplot2::geom_line(linewidth = 0.6) +
    ggplot2::scale_linetype_manual(values = c("42", "solid", "11"), name = NULL) +
    ggplot2::scale_colour_manual(values = c("#6baed6", "#08306b", "#b5482a"), name = NULL) +
    decomposition_labels(object, "rank in the second cluster", object$method, said)
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot colocation
autoplot.colocation <- function(object, top = 9, ...) {
  need_ggplot2()
  check_dots(...)
  table <- object$values
  same <- table$type == table$neighbour
  panel <- ifelse(same, table$type, paste(table$type, "and", table$neighbour))
  kept <- unique(panel[!is.na(table$estimate)])
  if (length(kept) == 0L) {
    abort("No type has an estimate: there is nothing to draw.", class = "argument")
  }
  n <- object$types$n[match(kept, ifelse(object$types$type == object$types$neighbour, object$types$type,
    paste(object$types$type, "and", object$types$neighbour)
  ))]
  shown <- largest_rows(kept, n, top)
  table$panel <- factor(wrap_names(panel), unique(wrap_names(kept[kept %in% shown])))
  table <- table[!is.na(table$panel), , drop = FALSE]
  picture <- ggplot2::ggplot(table, ggplot2::aes(x = .data$distance, y = .data$estimate))
  if (object$bands != "none") {
    picture <- picture +
      ggplot2::geom_ribbon(ggplot2::aes(ymin = .data$lower_global, ymax = .data$upper_global), fill = "grey88", na.rm = TRUE) +
      ggplot2::geom_ribbon(ggplot2::aes(ymin = .data$lower, ymax = .data$upper), fill = "grey74", na.rm = TRUE) +
      ggplot2::geom_line(ggplot2::aes(y = .data$expected), linetype = "42", colour = "grey30", na.rm = TRUE)
  }
  few <- length(unique(table$distance)) < 8L
  said <- if (object$bands != "none") {
    paste0(
      "Grey: ", object$bands, " bands, one-sided at ", format(100 * object$conf.level), "%, dark at each distance, light ",
      "over all; dashed: expected."
    )
  }
  left <- length(kept) - length(shown)
  picture +
    ggplot2::geom_line(colour = "#08306b", linewidth = 0.7, na.rm = TRUE) +
    (if (few) ggplot2::geom_point(colour = "#08306b", na.rm = TRUE)) +
    ggplot2::facet_wrap(~panel, scales = "free_y") +
    decomposition_labels(
      object, paste("distance,", if (length(object$unit)) object$unit else "in the unit of the coordinates"),
      if (object$statistic == "kd") "K density of distances" else "M function",
      c(said, if (left > 0) paste0(plural(left, "smaller type"), " not drawn."))
    ) +
    ggplot2::labs(y = if (object$statistic == "kd") "density" else "M (1: as all)")
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot concentration
autoplot.concentration <- function(object, what = c("indices", "lorenz"), top = 12, ...) {
  need_ggplot2()
  check_dots(...)
  if (check_choice(what, "what") == "lorenz") {
    return(lorenz_plot(object, top))
  }
  table <- object$industries
  kept <- largest_rows(unique(table$industry), tapply(table$size, table$industry, max)[unique(table$industry)], top)
  columns <- c("locational_gini", "theil", "ellison_glaeser")
  columns <- columns[vapply(columns, function(name) any(is.finite(table[[name]])), NA)]
  table <- table[table$industry %in% kept, , drop = FALSE]
  error <- if (is.null(table$std.error)) NA_real_ else table$std.error
  long <- do.call(rbind, lapply(columns, function(name) {
    se <- if (name == "ellison_glaeser") error else NA_real_
    data.frame(
      industry = table$industry, time = if (is.null(table$time)) "" else as.character(table$time), index = name,
      estimate = table[[name]], conf.low = table[[name]] - 1.96 * se, conf.high = table[[name]] + 1.96 * se
    )
  }))
  long$industry <- factor(wrap_names(long$industry), rev(unique(wrap_names(long$industry))))
  long$index <- factor(gsub("_", " ", long$index), gsub("_", " ", columns))
  panels <- if (is.null(table$time)) {
    ggplot2::facet_wrap(~index, scales = "free_x")
  } else {
    ggplot2::facet_grid(time ~ index, scales = "free_x")
  }
  interval_plot(long[is.finite(long$estimate), ], "industry") + panels +
    decomposition_labels(object, "index; intervals of Ellison and Glaeser's: 95%, plants at random", "Concentration of industries")
}

lorenz_plot <- function(object, top) {
  q <- object$quotients
  if (is.null(q)) {
    abort("Lorenz curves need several industries: give `industry`.", class = "argument")
  }
  size <- tapply(q$size, q$industry, sum)
  q <- q[q$industry %in% largest_rows(names(size), size, min(top, 9)), , drop = FALSE]
  group <- split(q, list(q$industry, if (is.null(q$time)) "" else q$time), drop = TRUE)
  curves <- do.call(rbind, lapply(group, function(part) {
    by <- order(part$share / ifelse(part$reference > 0, part$reference, NA))
    data.frame(
      industry = part$industry[1L], time = if (is.null(part$time)) "" else as.character(part$time[1L]),
      x = c(0, cumsum(part$reference[by])), y = c(0, cumsum(part$share[by]))
    )
  }))
  curves$industry <- factor(wrap_names(curves$industry))
  picture <- ggplot2::ggplot(curves, ggplot2::aes(x = .data$x, y = .data$y, colour = .data$industry, linetype = .data$industry)) +
    ggplot2::geom_abline(colour = "grey60", linewidth = 0.3) +
    ggplot2::geom_line(linewidth = 0.6) +
    ggplot2::scale_colour_manual(values = part_colours(nlevels(curves$industry)), name = NULL) +
    ggplot2::scale_linetype_manual(values = rep_len(c("solid", "42", "11", "4212"), nlevels(curves$industry)), name = NULL) +
    ggplot2::coord_equal()
  if (!all(curves$time == "")) {
    picture <- picture + ggplot2::facet_wrap(~time)
  }
  picture + decomposition_labels(object, "share of the reference, least specialised regions first", "Lorenz curves of industries") +
    ggplot2::labs(y = "share of the industry")
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot relatedness
autoplot.relatedness <- function(object, top = 20, ...) {
  need_ggplot2()
  check_dots(...)
  table <- object$pairs
  at <- which(table$relatedness >= largest_value(table$relatedness, check_count(top, "top")))
  table <- table[utils::head(at[order(-table$relatedness[at])], top), , drop = FALSE]
  label <- wrap_names(paste(table$industry, "-", table$partner, if (!is.null(table$time)) paste0("(", table$time, ")") else ""), 44)
  table$pair <- factor(label, rev(unique(label)))
  ggplot2::ggplot(table, ggplot2::aes(x = .data$relatedness, y = .data$pair)) +
    ggplot2::geom_segment(ggplot2::aes(x = 0, xend = .data$relatedness, yend = .data$pair), colour = "grey70") +
    ggplot2::geom_point(colour = "#08306b", size = 2) +
    decomposition_labels(object, paste0("relatedness (", object$method, ")"), "The most related industries")
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot complexity
autoplot.complexity <- function(object, top = 40, ...) {
  need_ggplot2()
  check_dots(...)
  table <- object$regions[!is.na(object$regions$eci), , drop = FALSE]
  named <- table[table$region %in% largest_rows(unique(table$region), tapply(abs(table$eci), table$region, max)[unique(table$region)], top), ,
    drop = FALSE
  ]
  picture <- ggplot2::ggplot(table, ggplot2::aes(x = .data$diversity, y = .data$eci)) +
    ggplot2::geom_hline(yintercept = 0, colour = "grey60", linewidth = 0.3) +
    ggplot2::geom_point(colour = "#08306b", size = 1.6) +
    ggplot2::geom_text(ggplot2::aes(label = wrap_names(.data$region)), named, size = 2.6, vjust = -0.7, check_overlap = TRUE) +
    ggplot2::scale_x_continuous(expand = ggplot2::expansion(0.12)) +
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(0.08))
  if (!is.null(table$time)) {
    picture <- picture + ggplot2::facet_wrap(~time)
  }
  picture + decomposition_labels(object, "diversity: number of industries", "Complexity of regions", object$notes$note) +
    ggplot2::labs(y = "complexity (eci)")
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot innovation_synergy
autoplot.innovation_synergy <- function(object, top = 15, ...) {
  need_ggplot2()
  check_dots(...)
  table <- if (is.null(object$regions)) data.frame(region = "all", object$total, contribution = object$total$synergy) else object$regions
  table$region <- ifelse(is.na(table$region), "between regions", as.character(table$region))
  size <- tapply(abs(table$contribution), table$region, max, na.rm = TRUE)
  table <- table[table$region %in% largest_rows(names(size), size, top), , drop = FALSE]
  table$region <- factor(wrap_names(table$region), rev(unique(wrap_names(table$region))))
  picture <- ggplot2::ggplot(table, ggplot2::aes(x = .data$contribution, y = .data$region)) +
    ggplot2::geom_col(width = 0.6, fill = "#6baed6", colour = "grey30", linewidth = 0.2) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey30", linewidth = 0.3)
  if (!is.null(table$time)) {
    picture <- picture + ggplot2::facet_wrap(~time)
  }
  picture + decomposition_labels(
    object, "contribution, bits", paste("Synergy of", paste(object$dimensions, collapse = ", "))
  )
}

#' @rdname plot.decomposition
#' @exportS3Method ggplot2::autoplot recode_moves
autoplot.recode_moves <- function(object, top = 9, ...) {
  need_ggplot2()
  check_dots(...)
  table <- object$sensitivity[object$sensitivity$account == "mean", , drop = FALSE]
  last <- as.character(table$end) == as.character(utils::tail(table$end, 1L)) &
    as.character(table$start) == as.character(utils::tail(table$start, 1L))
  table <- table[last, , drop = FALSE]
  size <- tapply(abs(table$estimate), table$cluster, max, na.rm = TRUE)
  table <- table[table$cluster %in% largest_rows(names(size), size, top), , drop = FALSE]
  table$cluster <- factor(wrap_names(table$cluster), unique(wrap_names(table$cluster)))
  parts <- unique(table$component)
  ggplot2::ggplot(table, ggplot2::aes(x = .data$within, y = .data$estimate, colour = .data$component, shape = .data$component)) +
    ggplot2::geom_hline(yintercept = 0, colour = "grey60", linewidth = 0.3) +
    ggplot2::geom_line(na.rm = TRUE) +
    ggplot2::geom_point(size = 1.8, na.rm = TRUE) +
    ggplot2::scale_colour_manual(values = part_colours(length(parts)), name = NULL) +
    ggplot2::scale_shape_manual(values = rep_len(c(16, 17, 15, 1, 2, 0, 3, 4), length(parts)), name = NULL) +
    ggplot2::scale_x_continuous(breaks = unique(table$within)) +
    ggplot2::facet_wrap(~cluster, scales = "free_y") +
    decomposition_labels(object, "longest gap that is bridged, in periods", "Terms of the mean account by how moves are coded")
}
