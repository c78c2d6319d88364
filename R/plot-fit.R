#' @title Plot a fit or the flows of data
#' @description Pictures of what a fit says and of the moves in data. Shapes, line types and one scale of lightness
#' carry the information, so all read in grey print and by the colour-blind.
#'
#' | of | `what` | picture |
#' |---|---|---|
#' | a fit | `"coefficients"` | coefficients with confidence intervals, grouped into push, pull, keep, place, tie and the rest |
#' | | `"observed"` | predicted against observed moves of each pair of places, on square-root scales; a point on the line is predicted as it was |
#' | | `"map"`, `"table"`, `"chord"` | the predicted flows, as for data |
#' | data | `"map"` | moves as arrows between the places (columns `lon` and `lat`, or `longitude` and `latitude`) |
#' | | `"table"` | moves from row to column, shaded by their number |
#' | | `"chord"` | places on a circle, a band for each flow from the place it leaves to the one it points at |
#' | | `"time"` | arrivals, departures, firms that appear and firms that close, by place and period |
#'
#' @param x,object A fit of [fit_migration()], or a [migration_data()].
#' @param what Which picture; see above. Data are drawn as a map where all places have coordinates, else as a table.
#' @param conf.level Confidence level of the intervals, between 0 and 1.
#' @param standardise `TRUE` shows each coefficient times the standard deviation of its term over the
#'   alternatives (of all firms together), so that terms in different units can be compared; `FALSE` (default) the
#'   coefficients as they are.
#' @param type,cluster,vcov Which standard errors, as in [vcov.migration_fit()].
#' @param background For a map: an sf object, such as borders of provinces, that is drawn below; needs package sf.
#' @param top For a map or chords: only the `top` largest flows are drawn (40). For `"table"` and `"time"`: only the
#'   `top` places with the most moves (25 and 6).
#' @param label Names of places in pictures of data: the name of a column of `places`, or names that are named by ids,
#'   as `c("442000" = "Guzhen")`.
#' @param value For `"places"`: the column of `places` that colours the map, its mean over time. Where `background` has
#'   a column of the ids of places, its areas are coloured (a choropleth), else dots.
#' @param ... Not used.
#' @return `autoplot()`: a ggplot, to change or add to. `plot()` draws it and returns it invisibly.
#' @section Errors: Package ggplot2 is not installed; data without a move; a map of places without coordinates;
#'   data without a time drawn over time.
#' @seealso [predict()][predict.migration_fit] and [as_flows()] for the numbers, [plot.migration_fit_hazard()] for
#'   hazards, [plot.decompose_cluster()] for clusters.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' data <- wenzhou_guzhen()
#' plot(data)
#' plot(data, what = "chord", top = 25)
#' plot(data, what = "time", top = 4)
#' fit <- fit_migration(~ push(land_price) + distance, data)
#' plot(fit)
#' plot(fit, what = "observed")
#' @name plot.migration_fit
NULL

# the columns of the data of a picture, as aes() knows them
utils::globalVariables(".data")

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
autoplot.migration_fit <- function(object, what = c("coefficients", "observed", "map", "table", "chord"),
                                   conf.level = 0.95, standardise = FALSE,
                                   type = c("hessian", "opg", "robust", "cluster"), cluster = NULL, top = NULL,
                                   background = NULL, vcov = NULL, ...) {
  need_ggplot2()
  check_dots(...)
  what <- check_choice(what, "what")
  if (what != "coefficients") {
    return(predicted_plot(object, what, top, background))
  }
  asked <- asked_covariance(object, vcov, if (!missing(type)) type, cluster)
  table <- tidy.migration_fit(object, conf.int = TRUE, conf.level = conf.level, vcov = asked, groups = TRUE)
  table <- table[!is.na(table$estimate), , drop = FALSE]
  if (check_flag(standardise, "standardise")) {
    table <- standardised(table, object)
  }
  table$null <- object$parameters$null[match(table$term, object$parameters$name)]
  table$term <- factor(table$term, rev(table$term))
  table$group <- titled_groups(table$group, object$parameters)
  coefficient_plot(table, model_title(object$model), conf.level, standardise)
}

# Titles of the kinds of terms, in the order of the panels
group_titles <- c(
  push = "Push", pull = "Pull", keep = "Keep", stay = "Stay", place = "Place", tie = "Tie", peers = "Peers",
  chain = "Chain", firm_place = "Interaction", lambda = "Lambda", move = "Move", exit = "Exit",
  frailty = "Frailty", sd = "Spread", spread = "Spread", chol = "Covariance factor"
)

# Panels of a picture: known groups in the order of their titles; a group of the model's own has the heading of its
# section for a title
titled_groups <- function(group, parameters) {
  titles <- c(group_titles, own_titles(parameters))
  factor(titles[group], unique(titles))
}

own_titles <- function(parameters) {
  own <- parameters[!parameters$group %in% names(group_titles) & !duplicated(parameters$group), , drop = FALSE]
  stats::setNames(sub(" \\(.*", "", own$section), own$group)
}

# Coefficients times the standard deviation of their columns; parameters of the model, as lambda, have no column
standardised <- function(table, object) {
  x <- model.matrix.migration_fit(object)
  of <- object$parameters$term %||% object$parameters$name
  spread <- apply(x, 2L, stats::sd)[of[match(table$term, object$parameters$name)]]
  spread[is.na(spread)] <- 1
  for (column in c("estimate", "conf.low", "conf.high")) {
    table[[column]] <- table[[column]] * spread
  }
  table
}

coefficient_plot <- function(table, title, conf.level, standardise) {
  null <- unique(data.frame(group = table$group, at = table$null))
  ggplot2::ggplot(table, ggplot2::aes(x = .data$estimate, y = .data$term)) +
    ggplot2::geom_vline(ggplot2::aes(xintercept = .data$at), null, linetype = "dashed", colour = "grey50") +
    ggplot2::geom_errorbar(
      ggplot2::aes(xmin = .data$conf.low, xmax = .data$conf.high),
      orientation = "y", width = 0.2, colour = "grey30", na.rm = TRUE
    ) +
    ggplot2::geom_point(ggplot2::aes(shape = .data$group), size = 2.5, show.legend = FALSE) +
    ggplot2::scale_shape_manual(values = stats::setNames(
      rep_len(c(16:18, 15, 1, 2, 0, 5, 4, 8), nlevels(table$group)), levels(table$group)
    )) +
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
