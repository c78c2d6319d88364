#' @title Plot what the moves do to clusters
#' @description `"waterfall"`: the way from the start to the end of each cluster, a step for each component. `"flows"`:
#' who gains from whom, a matrix of what clusters win (in the mean or the size account) by the firms that come from each
#' other cluster, or lose by those that go there. `"net"`: the same net, where one cluster's gain in size is the other's
#' loss.
#'
#' @param x,object A [decompose_cluster()].
#' @param type The picture.
#' @param account `"mean"` or `"size"`.
#' @param clusters Which clusters; `NULL` all (at most `top`, the largest).
#' @param start,end The pair of periods; `NULL` the end points, or the last pair.
#' @param top Number of clusters to show when `clusters` is `NULL`.
#' @param ... Not used.
#' @return `autoplot()`: a ggplot, to change or add to. `plot()` draws it and returns it invisibly.
#' @section Errors: Package ggplot2 is not installed; a cluster or pair of periods that is not there.
#' @seealso [decompose_cluster()], [print.decomposition()] for the tables, [plot.migration_fit()] for flows on a map.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' account <- decompose_cluster(wenzhou_guzhen(), "productivity", "jobs", pairs = "ends")
#' plot(account, clusters = c("Wenzhou", "Guzhen"))
#' plot(account, "net", account = "size")
#' @name plot.decompose_cluster
NULL

#' @rdname plot.decompose_cluster
#' @export
plot.decompose_cluster <- function(x, type = c("waterfall", "flows", "net"), account = c("mean", "size"), ...) {
  need_ggplot2()
  picture <- autoplot.decompose_cluster(x, check_choice(type, "type"), check_choice(account, "account"), ...)
  print(picture)
  invisible(picture)
}

#' @rdname plot.decompose_cluster
#' @exportS3Method ggplot2::autoplot decompose_cluster
autoplot.decompose_cluster <- function(object, type = c("waterfall", "flows", "net"), account = c("mean", "size"),
                                       clusters = NULL, start = NULL, end = NULL, top = 8, ...) {
  check_dots(...)
  need_ggplot2()
  type <- check_choice(type, "type")
  account <- check_choice(account, "account")
  pair <- shown_pair(object, start, end)
  totals <- in_pair(object$totals, pair)
  clusters <- shown_clusters(totals, clusters, check_count(top, "top"))
  table <- in_pair(object[[account]], pair)
  table <- table[table$cluster %in% clusters, , drop = FALSE]
  unit <- if (account == "mean") paste0(if (isTRUE(object$log)) "log of ", object$columns$performance) else size_name(object)
  what <- switch(type,
    waterfall = "from start to end",
    flows = "who gains from whom",
    net = "net gains"
  )
  title <- paste0(
    "The ", account, " account, ", unit, ", ", as.character(pair$start), " to ", as.character(pair$end), ": ", what
  )
  if (type == "waterfall") {
    ends <- totals[match(clusters, totals$cluster), ]
    columns <- if (account == "mean") c("value_start", "value_end") else c("size_start", "size_end")
    steps <- waterfall_steps(table, clusters, ends[[columns[1]]], ends[[columns[2]]])
    picture <- waterfall_plot(steps, cluster_strips(clusters, ends), unit)
  } else {
    picture <- flow_matrix_plot(flow_pairs(table, clusters, account, type), clusters, type, unit)
  }
  hidden <- nrow(totals) - length(clusters)
  picture + picture_words(object, title, c(
    if (type == "waterfall") attr(picture, "said"), if (hidden > 0L) paste0(plural(hidden, "other cluster"), " not drawn.")
  ))
}

# Names of panels: on several lines, and why a cluster has no end, or no start
cluster_strips <- function(clusters, ends) {
  why <- ifelse(ends$firms_end %in% 0, "(no firm at the end)", ifelse(ends$firms_start %in% 0, "(no firm at the start)", ""))
  stats::setNames(trimws(paste(wrap_names(clusters, 26), why, sep = ifelse(nzchar(why), "\n", ""))), clusters)
}

size_name <- function(object) {
  if (is.null(object$columns$size)) object$columns$weight else object$columns$size
}

# Clusters to draw: those asked for, or the largest
shown_clusters <- function(totals, clusters, top) {
  if (is.null(clusters)) {
    order <- order(-pmax(abs(totals$size_start), abs(totals$size_end)))
    return(totals$cluster[sort(utils::head(order, top))])
  }
  unknown <- setdiff(as.character(clusters), totals$cluster)
  if (length(unknown)) {
    abort("`clusters` has ", quote_names(unknown), ", which ", if (length(unknown) == 1) "is" else "are",
      " not among those with firms then: ", quote_names(totals$cluster, 8), ".",
      class = "argument"
    )
  }
  as.character(clusters)
}

# Bars from where the account stands to where it goes, cluster by cluster
waterfall_steps <- function(table, clusters, start, end) {
  wide <- wide_account(table)
  wide <- wide[match(clusters, wide$cluster), , drop = FALSE]
  components <- setdiff(names(wide), c("cluster", "start", "end", "change"))
  change <- as.matrix(wide[components])
  reached <- start + t(apply(change, 1, cumsum))
  n <- length(clusters)
  steps <- data.frame(
    cluster = rep(clusters, length(components)), component = rep(components, each = n),
    from = as.vector(cbind(start, reached[, -length(components)])), to = as.vector(reached), kind = "change"
  )
  steps$kind <- ifelse(steps$to < steps$from, "down", "up")
  bar <- function(component, to) data.frame(cluster = clusters, component = component, from = 0, to = to, kind = "level")
  steps <- rbind(bar("start", start), steps, bar("end", end))
  steps$component <- factor(gsub("_", " ", steps$component), gsub("_", " ", c("start", components, "end")))
  steps$cluster <- factor(steps$cluster, clusters)
  steps[!is.na(steps$to), , drop = FALSE]
}

waterfall_plot <- function(steps, strips, unit) {
  at <- as.integer(steps$component)
  steps$left <- at - 0.4
  steps$right <- at + 0.4
  steps$label <- step_labels(steps)
  steps <- cut_levels(steps)
  steps$height <- pmax(steps$from, steps$to)
  # numbers that would run into each other stand upright
  many <- length(unique(steps$cluster)) > 1L || max(nchar(steps$label)) > 6L
  picture <- ggplot2::ggplot(steps) +
    ggplot2::geom_rect(ggplot2::aes(
      xmin = .data$left, xmax = .data$right, ymin = .data$from, ymax = .data$to, fill = .data$kind
    ), colour = "grey30", linewidth = 0.2) +
    ggplot2::geom_segment(ggplot2::aes(
      x = .data$right, xend = .data$right + 0.2, y = .data$to, yend = .data$to
    ), steps[steps$component != "end", ], colour = "grey50", linewidth = 0.3) +
    ggplot2::geom_text(
      ggplot2::aes(x = (.data$left + .data$right) / 2, y = .data$height, label = .data$label),
      vjust = if (many) 0.5 else -0.4, hjust = if (many) -0.15 else 0.5, angle = if (many) 90 else 0, size = if (many) 2.1 else 2.6
    ) +
    ggplot2::scale_fill_manual(
      values = c(level = "grey60", up = "#9ecae1", down = "#08306b"), breaks = c("up", "down"), name = NULL,
      labels = c("adds", "takes away")
    ) +
    ggplot2::scale_x_continuous(breaks = seq_along(levels(steps$component)), labels = levels(steps$component)) +
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(c(if (any(steps$cut)) 0 else 0.05, if (many) 0.28 else 0.14))) +
    ggplot2::facet_wrap(~cluster, scales = "free_y", labeller = ggplot2::as_labeller(strips)) +
    ggplot2::labs(x = NULL, y = unit) +
    decomposition_theme() +
    ggplot2::theme(
      axis.text.x = ggplot2::element_text(angle = 45, hjust = 1), panel.grid.major.x = ggplot2::element_blank()
    )
  structure(picture, said = c(
    "Labels add up from left to right.",
    if (any(steps$cut)) "The bars of start and end are cut off below: the axis does not begin at 0."
  ))
}

# Labels with two digits of the largest step of each cluster, each the difference of what is reached, so that they add
# up at the digits shown; steps of nothing have none
step_labels <- function(steps) {
  change <- steps$kind != "level"
  largest <- stats::ave(ifelse(change, abs(steps$to - steps$from), 0), steps$cluster, FUN = max)
  level <- stats::ave(abs(steps$to), steps$cluster, FUN = max)
  digits <- pmin(pmax(1 - floor(log10(ifelse(largest > 0, largest, level))), 0), 12)
  digits[!is.finite(digits)] <- 0
  rounded <- round(steps$to, digits)
  before <- round(steps$from, digits)
  label <- ifelse(change, signed_fixed(rounded - before, digits), fixed_number(rounded, digits))
  ifelse(change & rounded == before, "", label)
}

fixed_number <- function(x, digits) {
  trimws(mapply(formatC, x, digits = digits, MoreArgs = list(format = "f", big.mark = ",")))
}

signed_fixed <- function(x, digits) paste0(ifelse(x > 0, "+", ""), fixed_number(x, digits))

# Where steps are small beside the level, which bars from 0 would hide, the level is cut off below them
cut_levels <- function(steps) {
  low <- stats::ave(ifelse(steps$kind == "level", steps$to, pmin(steps$from, steps$to)), steps$cluster, FUN = min)
  high <- stats::ave(ifelse(steps$kind == "level", steps$to, pmax(steps$from, steps$to)), steps$cluster, FUN = max)
  room <- pmax(high - low, 1e-9 * abs(high))
  steps$cut <- low > 0 & room < 0.35 * high & room > 1e-6 * high
  below <- steps$cut & steps$kind == "level"
  steps$from[below] <- (low - 0.35 * room)[below]
  steps
}

# Three significant digits, or the whole number where it has more; without exponent
plain_number <- function(x) {
  x <- ifelse(abs(x) >= 1000, round(x), signif(x, 3))
  trimws(vapply(x, function(one) format(one, digits = 15, big.mark = ",", scientific = FALSE), ""))
}

# As plain_number() does, with a sign, and 0 without one
signed_number <- function(x) {
  ifelse(x == 0, "0", paste0(ifelse(x > 0, "+", ""), plain_number(x)))
}

# What each cluster wins by each other one: by arrivals and departures, or net
flow_pairs <- function(table, clusters, account, type) {
  moves <- table[!is.na(table$partner) & table$partner %in% clusters & table$component != "post_move", , drop = FALSE]
  if (nrow(moves) == 0L) {
    abort("No firm moves between these clusters: there are no flows to draw.", class = "no_movers")
  }
  moves$way <- ifelse(moves$component %in% c("immigration", "transfer_in"), "by firms that come", "by firms that go")
  if (type == "net") moves$way <- "net"
  sums <- stats::aggregate(estimate ~ cluster + partner + way, moves, sum)
  sums$cluster <- factor(sums$cluster, clusters)
  sums$partner <- factor(sums$partner, clusters)
  sums
}

flow_matrix_plot <- function(pairs, clusters, type, unit) {
  reach <- max(abs(pairs$estimate))
  pairs$dark <- abs(pairs$estimate) > 0.6 * reach
  pairs$label <- signed_number(round(pairs$estimate, max(0, 2 - ceiling(log10(reach)))))
  ggplot2::ggplot(pairs, ggplot2::aes(x = .data$partner, y = .data$cluster, fill = .data$estimate)) +
    ggplot2::geom_tile(colour = "white") +
    ggplot2::geom_text(ggplot2::aes(label = .data$label, colour = .data$dark), size = if (type == "net") 2.6 else 2.2) +
    ggplot2::scale_colour_manual(values = c("black", "white"), guide = "none") +
    ggplot2::scale_fill_gradient2(
      low = "#7f2704", mid = "grey95", high = "#08306b", limits = c(-reach, reach), name = paste0("gain,\n", unit)
    ) +
    (if (type == "net") NULL else ggplot2::facet_wrap(~way)) +
    ggplot2::scale_x_discrete(drop = FALSE, labels = function(x) wrap_names(x, 30)) +
    ggplot2::scale_y_discrete(drop = FALSE, limits = rev, labels = wrap_names) +
    ggplot2::labs(x = "from or to", y = "gain of") +
    ggplot2::coord_equal() +
    decomposition_theme() +
    ggplot2::theme(
      legend.position = "right",
      axis.text.x = ggplot2::element_text(angle = 45, hjust = 1), panel.grid = ggplot2::element_blank()
    )
}
