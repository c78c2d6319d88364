# Standard errors and intervals of predictions, by the delta method.

# What predict() gives with se.fit = TRUE: list(fit, se.fit, lower, upper), each in the shape of the prediction; for
# flows the table with columns std.error, conf.low and conf.high
predicted_intervals <- function(object, type, design, data, conf.level, ...) {
  if (type %in% c("choice", "top")) {
    abort("A most probable place has no standard error: ask for type = \"probability\".", class = "argument")
  }
  level <- check_fraction(conf.level, "conf.level")
  own <- fit_design(object)
  if (!identical(design$effects, own$effects)) {
    abort("Intervals with place constants need the places of the fit in `newdata`.", class = "newdata")
  }
  at <- kernel_predict(object, design, type)
  se <- prediction_errors(object, design, type, theta_space(object, own, ...), length(at))
  z <- stats::qnorm((1 + level) / 2)
  limits <- prediction_limits(as.vector(at), se, z, type)
  shaped <- function(x) {
    if (is.matrix(at)) x <- matrix(x, nrow(at))
    if (type == "logsum") occasion_result(x, design, data) else place_result(x, design, data)
  }
  if (type == "flows") {
    return(flow_intervals(at, se, limits, data$place))
  }
  list(fit = shaped(as.vector(at)), se.fit = shaped(se), lower = shaped(limits$lower), upper = shaped(limits$upper))
}

prediction_errors <- function(object, design, type, space, n) {
  variance <- kernel_variances(object, design, root_directions(space), type)
  if (!is.null(variance)) {
    return(sqrt(as.vector(variance)))
  }
  value <- function(theta) {
    as.vector(kernel_predict(object, resolve_equilibrium(object, at_theta(design, theta)), type))
  }
  check_interval_room(n * sum(diag(space$covariance) > 0))
  delta_errors(value, replace(space, "theta", list(design$theta)))
}

# Of probabilities on the scale of log odds, so that limits are between 0 and 1; where there is no doubt, none
prediction_limits <- function(at, se, z, type) {
  if (type != "probability") {
    return(list(lower = at - z * se, upper = at + z * se))
  }
  odds <- stats::qlogis(at)
  width <- ifelse(at > 0 & at < 1, z * se / (at * (1 - at)), 0)
  list(lower = stats::plogis(odds - width), upper = stats::plogis(odds + width))
}

check_interval_room <- function(numbers) {
  if (isTRUE(numbers > 1e8)) {
    abort(
      "These intervals need ", format_bytes(8 * numbers), " of derivatives: give fewer rows as `newdata`, or ask for ",
      "type = \"flows\".",
      class = "memory"
    )
  }
}

flow_intervals <- function(at, se, limits, place) {
  table <- flow_table(at, place)
  cell <- cbind(match(table$from, place), match(table$to, place))
  cell[is.na(cell[, 1L]), 1L] <- nrow(at)
  of <- function(x) matrix(x, nrow(at))[cell]
  table$std.error <- of(se)
  table$conf.low <- pmax(of(limits$lower), 0)
  table$conf.high <- of(limits$upper)
  table
}
