# What a fit of hazard() prints and predicts: its outcomes are staying and the risks, not places.

# Print -----------------------------------------------------------------------------------------------

# "13,000 periods at risk of 1,500 firms, 588 moves (4.4%), 375 exits (2.8%)"
counts_text.hazard_model <- function(model, x) {
  share <- function(n) paste0(" (", format(100 * n / x$n, digits = 2), "%)")
  events <- c(
    if (!is.na(x$n_movers)) paste0(plural(x$n_movers, "move"), share(x$n_movers)),
    if (!is.na(x$n_exits)) paste0(plural(x$n_exits, "exit"), share(x$n_exits))
  )
  paste(c(
    paste0(plural(x$n, "period"), " at risk of ", plural(x$n_firms, "firm")), events
  ), collapse = ", ")
}

model_null_text.hazard_model <- function(model) {
  "Constant hazards"
}

null_parameters.hazard_model <- function(model) {
  length(model$risks)
}

print_details.hazard_model <- function(model, x) {
  span <- format(range(x$memory$durations), trim = TRUE)
  cat("Duration: ", duration_text(model), ", ", paste(span, collapse = " to "), "\n", sep = "")
  frailty <- x$memory$frailty
  if (is.null(frailty)) {
    return(invisible())
  }
  cat(
    "Frailty of ", plural(x$memory$spells, "spell"), ": ",
    if (frailty$boundary) {
      "variance estimated at 0, the boundary; the other estimates are those without frailty"
    } else {
      paste0(
        "likelihood ratio of variance 0 ", format(frailty$statistic, digits = 4), ", p = ",
        format.pval(frailty$p.value, digits = 3), " (mixture of 0 and chi-squared with 1 df)"
      )
    }, "\n",
    sep = ""
  )
}

#' @export
family.migration_fit_hazard <- function(object, ...) {
  structure(list(family = "discrete-time hazard", link = object$model$link), class = "family")
}

#' @export
glance.migration_fit_hazard <- function(x, ...) {
  check_dots(...)
  table <- NextMethod()
  table$n_exits <- x$n_exits
  at <- match("n_movers", names(table))
  table[append(seq_len(ncol(table) - 1L), ncol(table), after = at)]
}

# Probabilities ---------------------------------------------------------------------------------------

# Probabilities of the outcomes or, as "utility", eta. With frailty those of a firm that has survived the periods of
# its spell before, averaged over the frailty of such firms: their product over a spell is its likelihood.
kernel_predict.migration_fit_hazard <- function(object, design, type) {
  if (type == "flows") {
    # every firm is where it stays, the first outcome
    p <- hazard_outcomes(object, design, "probability", average = TRUE)
    flows <- matrix(0, ncol(p) + 1L, ncol(p))
    flows[1L, ] <- colSums(p * (design$spec$weights %||% 1))
    return(flows)
  }
  hazard_outcomes(object, design, type, average = TRUE)
}

hazard_outcomes <- function(object, design, type, average) {
  kernel <- list(kind = if (object$model$link == "logit") "conditional" else "hazard")
  predict <- function(type) {
    .Call(C_predict, design$spec, kernel, design$theta[design$layout$linear], type, kernel_control(object$control))
  }
  if (type == "utility" || !object$model$frailty || !average) {
    return(predict(type))
  }
  average_frailty(predict("utility"), design, design$theta[design$layout$extra])
}

# P_stay = ((1 + v A) / (1 + v (A + S)))^(1/v) with A the hazards of the periods of the spell before
average_frailty <- function(eta, design, variance) {
  risk <- exp(eta[, -1L, drop = FALSE] - eta[, 1L])
  total <- rowSums(risk)
  before <- hazard_before(total, design)
  survivors <- total / (1 + variance * before)
  cumulated <- if (variance > 0) log1p(variance * survivors) / variance else survivors
  cbind(exp(-cumulated), -expm1(-cumulated) * risk / total)
}

# Sum of the hazards of earlier periods of the same spell
hazard_before <- function(total, design) {
  order <- order(design$spell, design$when)
  sorted <- total[order]
  sum_before <- cumsum(sorted) - sorted
  first <- !duplicated(design$spell[order])
  before <- numeric(length(total))
  before[order] <- sum_before - sum_before[first][cumsum(first)]
  pmax(before, 0)
}

kernel_choice.migration_fit_hazard <- function(object, design, uniform) {
  p <- kernel_predict(object, design, "probability")
  choice <- rep(1L, nrow(p))
  below <- numeric(nrow(p))
  for (outcome in seq_len(ncol(p) - 1L)) {
    below <- below + p[, outcome]
    choice <- choice + (uniform > below)
  }
  choice
}

#' @title Predict hazards, outcomes and survival
#' @description What a fit of [hazard()] says of the periods it was fitted to, or of new ones.
#'
#' | `type` | value | shape |
#' |---|---|---|
#' | `"probability"` | \eqn{P_{stay}, P_{move}, P_{exit}}{P_stay, P_move, P_exit} | matrix, a row for each period, a column for each outcome |
#' | `"hazard"` | \eqn{1 - P_{stay}}{1 - P_stay} | a number for each period |
#' | `"utility"` | \eqn{\eta_k}{eta_k} | matrix, a column for each risk |
#' | `"choice"` | the most probable outcome | a factor |
#' | `"survival"` | \eqn{\prod_{s \le d} P_{stay}(s)}{prod_(s <= d) P_stay(s)} and the probability of having left by each risk until \eqn{d} | data frame, see below |
#'
#' @param object A fit of [fit_migration()] with [hazard()].
#' @param newdata `NULL`: the periods of the fit. Or a [migration_data()], or a data frame of firms that is used with
#'   the places of the fit. Durations are counted as in the fit; new data may instead have a column `duration`.
#' @param type What to predict; see above.
#' @param durations For `"survival"`: the durations to run through, in order and without gaps; default 1 to the longest
#'   of the fit (with `baseline = "dummies"` those of the fit).
#' @param frailty With a frailty, whose hazards: `"average"` (default), over the firms that have survived the
#'   periods of their spell before, as they are in the data; or `"one"`, a firm whose frailty is 1.
#' @param ... Not used.
#' @return See above. `"survival"`: a data frame with `occasion` (row name of `newdata`; not there without
#'   `newdata`), `duration`, `survival` (the probability of being at the place after this duration) and a
#'   column for each risk, the probability of having left by it: `survival` and these sum to 1. Each row of `newdata` is
#'   a firm that keeps its attributes from the first duration on; without `newdata` there is one firm, whose terms
#'   have their means over the periods of the fit.
#' @section Errors: Variables or levels that the fit does not know, as in [predict.migration_fit()]; `durations` that do
#'   not rise.
#' @seealso [baseline_hazard()]
#' @examples
#' lamps <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(environment) + keep(log(size)), lamps, model = hazard(baseline = "log"))
#' head(predict(fit))
#' firm <- data.frame(firm = c("small", "large"), year = 2000, from = "Wenzhou", size = c(5, 200))
#' predict(fit, firm, type = "survival", durations = 1:3)
#' @export
predict.migration_fit_hazard <- function(object, newdata = NULL,
                                         type = c("probability", "hazard", "utility", "choice", "survival"),
                                         durations = NULL, frailty = c("average", "one"), ...) {
  type <- check_choice(type, "type")
  average <- check_choice(frailty, "frailty") == "average"
  check_dots(...)
  if (type == "survival") {
    return(predict_survival(object, newdata, checked_durations(durations, object), average))
  }
  shape <- function(design, data) shape_hazard(object, type, average, design, data)
  if (is_store(newdata %||% object$data)) {
    return(predict_store(object, newdata, type, shape))
  }
  if (is.null(newdata)) {
    return(shape(fit_design(object), object$data))
  }
  data <- prediction_data(newdata, object)
  shape(new_design(object, data), data)
}

# Predictions of a design in the shape of its data
shape_hazard <- function(object, type, average, design, data) {
  if (isTRUE(design$nothing)) {
    return(missing_prediction(type, data, c(if (type != "utility") "stay", object$model$risks)))
  }
  p <- hazard_outcomes(object, design, if (type == "utility") type else "probability", average)
  switch(type,
    probability = place_result(p, design, data),
    utility = place_result(p, design, data)[, -1L, drop = FALSE],
    hazard = occasion_result(rowSums(p[, -1L, drop = FALSE]), design, data),
    choice = occasion_result(factor(design$outcomes[max.col(p, "first")], design$outcomes), design, data)
  )
}

checked_durations <- function(durations, object) {
  observed <- object$design$memory$durations
  if (is.null(durations)) {
    return(if (identical(object$model$baseline, "dummies")) observed else seq_len(max(1, observed)))
  }
  valid <- is.numeric(durations) && length(durations) > 0L && !anyNA(durations)
  if (!valid || is.unsorted(durations, strictly = TRUE)) {
    abort("`durations` must be rising numbers, like 1:10.", class = "argument")
  }
  durations
}

predict_survival <- function(object, newdata, durations, average) {
  n <- length(durations)
  if (is.null(newdata)) {
    eta <- cbind(0, baseline_eta(object, durations)$eta)
    p <- outcomes_of_eta(object, eta, list(spell = rep(1L, n), when = seq_len(n)), average)
    return(cbind(duration = durations, survival_table(p, rep(1L, n), object$model$risks)))
  }
  data <- prediction_data(newdata, object)
  firms <- nrow(data$firms)
  rows <- rep(seq_len(firms), each = n)
  profile <- list(rows = rows, duration = rep(durations, firms), spell = rows)
  design <- new_design(object, data, profile_design(object, data, profile))
  p <- matrix(NA_real_, length(rows), length(object$model$risks) + 1L)
  if (!isTRUE(design$nothing)) p[design$row, ] <- hazard_outcomes(object, design, "probability", average)
  data.frame(
    occasion = row_names(data)[rows], duration = rep(durations, firms), survival_table(p, rows, object$model$risks)
  )
}

profile_design <- function(object, data, profile) {
  design <- hazard_design(object$model, object$formula, data,
    na.action = stats::na.exclude, choice = FALSE, basis = object$design$basis,
    env = environment(object$formula), profile = profile
  )
  complete_design(object, design, data)
}

# Survival, and the probability of having left by each risk, along each spell; p has all durations of a spell in order
survival_table <- function(p, spell, risks) {
  along <- function(x, f) unsplit(lapply(split(x, spell), f), spell)
  survival <- along(p[, 1L], cumprod)
  before <- along(survival, function(s) c(1, s[-length(s)]))
  left <- lapply(seq_along(risks), function(k) along(before * p[, k + 1L], cumsum))
  data.frame(survival = survival, stats::setNames(left, risks))
}

# Probabilities from eta (first column: staying, 0) without a design
outcomes_of_eta <- function(object, eta, order, average) {
  if (object$model$link == "logit") {
    return(exp(eta) / rowSums(exp(eta)))
  }
  variance <- if (object$model$frailty && average) object$coefficients[["frailty"]] else 0
  average_frailty(eta, order, variance)
}

# Baseline --------------------------------------------------------------------------------------------

#' @title Baseline hazard by duration
#' @description The probability of leaving in a period by each risk, by duration, for a firm whose terms have their
#' means over the periods of the fit (and, with a frailty, whose frailty is 1). Terms that hold `duration` are computed
#' at each duration. Intervals are \eqn{\mathrm{logit}^{-1}}{inverse logit} of the Wald interval of \eqn{\mathrm{logit}
#' P_k}{logit P_k}, by the delta method, so that they stay between 0 and 1.
#' @param fit A fit of [fit_migration()] with [hazard()].
#' @param durations The durations; default those observed in the fit.
#' @param conf.level Confidence level, between 0 and 1.
#' @param type,cluster,vcov Which covariance, as in [vcov.migration_fit()].
#' @return A data frame with a row for each risk and duration: `risk`, `duration`, `hazard`, `std.error` (of the hazard,
#'   by the delta method), `conf.low`, `conf.high`.
#' @section Errors: A fit of another model; `durations` that do not rise.
#' @seealso [plot.migration_fit_hazard()], [predict.migration_fit_hazard()] for survival
#' @examples
#' lamps <- wenzhou_guzhen()
#' spline <- hazard(baseline = "spline", duration = "age")
#' fit <- fit_migration(~ push(environment), lamps, model = spline)
#' baseline_hazard(fit, durations = c(1, 5, 10, 20))
#' @export
baseline_hazard <- function(fit, durations = NULL, conf.level = 0.95,
                            type = c("hessian", "opg", "robust", "cluster"), cluster = NULL, vcov = NULL) {
  if (!inherits(fit, "migration_fit_hazard")) {
    abort("`fit` must be a fit with model = hazard().", class = "argument")
  }
  asked <- asked_covariance(fit, vcov, if (!missing(type)) type, cluster)
  durations <- if (is.null(durations)) fit$design$memory$durations else checked_durations(durations, fit)
  reach <- stats::qnorm((1 + check_fraction(conf.level, "conf.level")) / 2)
  at <- baseline_eta(fit, durations)
  p <- outcomes_of_eta(fit, cbind(0, at$eta), list(spell = seq_along(durations), when = durations), FALSE)
  covariance <- vcov.migration_fit(fit, vcov = asked)
  covariance[is.na(covariance)] <- 0
  rows <- lapply(seq_along(fit$model$risks), function(k) {
    se <- logit_error(k, p, at, covariance, fit)
    center <- stats::qlogis(p[, k + 1L])
    data.frame(
      risk = fit$model$risks[k], duration = durations, hazard = p[, k + 1L],
      std.error = se * p[, k + 1L] * (1 - p[, k + 1L]),
      conf.low = stats::plogis(center - reach * se), conf.high = stats::plogis(center + reach * se)
    )
  })
  do.call(rbind, rows)
}

# Standard error of logit P_k by duration: d log P_k / d eta_l is 1{k = l} - P_l (logit), 1{k = l} + (P_stay / (1 -
# P_stay) - 1 / S) e_l (cloglog)
logit_error <- function(k, p, at, covariance, fit) {
  risks <- seq_along(fit$model$risks)
  e <- exp(at$eta)
  total <- rowSums(e)
  pull <- if (fit$model$link == "logit") -p[, -1L, drop = FALSE] else (1 / expm1(total) - 1 / total) * e
  slope <- lapply(risks, function(l) ((k == l) + pull[, l]) / (1 - p[, k + 1L]) * at$x)
  gradient <- do.call(cbind, slope)
  linear <- seq_len(ncol(gradient))
  sqrt(rowSums((gradient %*% covariance[linear, linear]) * gradient))
}

# Terms of the average firm at each duration (x, the constant first) and their eta, a column for each risk
baseline_eta <- function(fit, durations) {
  x <- cbind(1, baseline_columns(fit, durations))
  b <- fit$coefficients[seq_len(nrow(fit$design$terms))]
  b[is.na(b)] <- 0
  b <- matrix(b, ncol = length(fit$model$risks))
  list(x = x, eta = x %*% b + baseline_offset(fit))
}

# Means of the columns over the periods of the fit; those of duration at each of `durations`
baseline_columns <- function(fit, durations) {
  terms <- fit$design$terms
  terms <- terms[terms$risk == terms$risk[1L], , drop = FALSE][-1L, , drop = FALSE]
  spec <- fit_design(fit)$spec
  weights <- occasion_weights(spec)
  mean_of <- function(columns) vapply(columns, stats::weighted.mean, 0, w = weights)
  columns <- spec$multipliers[seq_len(nrow(terms))]
  x <- matrix(mean_of(columns), length(durations), nrow(terms), byrow = TRUE)
  variables <- strsplit(terms$variable, ":", fixed = TRUE)
  alone <- vapply(variables, identical, NA, "duration")
  mixed <- vapply(variables, function(v) "duration" %in% v, NA) & !alone
  if (any(alone)) {
    rows <- rep(fit$design$occasion[1L], length(durations))
    x[, alone] <- do.call(cbind, columns_at(fit, rows, durations)[alone])
  }
  for (d in seq_along(durations)[any(mixed)]) {
    rows <- fit$design$occasion
    x[d, mixed] <- mean_of(columns_at(fit, rows, rep(durations[d], length(rows)))[mixed])
  }
  x
}

# Columns of rows of the fit's data at other durations
columns_at <- function(fit, rows, durations) {
  profile_design(fit, fit$data, list(rows = rows, duration = durations, spell = seq_along(rows)))$spec$multipliers
}

baseline_offset <- function(fit) {
  spec <- fit_design(fit)$spec
  offsets <- spec$multipliers[spec$terms$multiplier[spec$terms$offset == 1L]]
  weights <- occasion_weights(spec)
  sum(vapply(offsets, stats::weighted.mean, 0, w = weights))
}

# Pictures --------------------------------------------------------------------------------------------

#' @title Plot the baseline hazard of a fit
#' @description The hazard of each risk by duration with its interval ([baseline_hazard()]), or the coefficients as
#' for other fits.
#' @param x,object A fit of [fit_migration()] with [hazard()].
#' @param what `"baseline"` (default) or `"coefficients"`.
#' @param durations,conf.level,type,cluster,vcov As in [baseline_hazard()].
#' @param ... For `plot()` passed to `autoplot()`; there, with `what = "coefficients"`, as in
#'   [plot.migration_fit()].
#' @return `autoplot()`: a ggplot. `plot()` draws it and returns it invisibly.
#' @section Errors: Package ggplot2 is not installed.
#' @seealso [baseline_hazard()] for the numbers, [hazard()], [predict.migration_fit_hazard()].
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' lamps <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(environment), lamps, model = hazard(baseline = "log", duration = "age"))
#' plot(fit)
#' @name plot.migration_fit_hazard
NULL

#' @rdname plot.migration_fit_hazard
#' @export
plot.migration_fit_hazard <- function(x, ...) {
  need_ggplot2()
  picture <- autoplot.migration_fit_hazard(x, ...)
  print(picture)
  invisible(picture)
}

#' @rdname plot.migration_fit_hazard
#' @exportS3Method ggplot2::autoplot migration_fit_hazard
autoplot.migration_fit_hazard <- function(object, what = c("baseline", "coefficients"), durations = NULL,
                                          conf.level = 0.95, type = c("hessian", "opg", "robust", "cluster"),
                                          cluster = NULL, vcov = NULL, ...) {
  need_ggplot2()
  what <- check_choice(what, "what")
  asked <- asked_covariance(object, vcov, if (!missing(type)) type, cluster)
  if (what == "coefficients") {
    return(autoplot.migration_fit(object, conf.level = conf.level, vcov = asked, ...))
  }
  check_dots(...)
  table <- baseline_hazard(object, durations, conf.level, vcov = asked)
  baseline_plot(table, model_title(object$model), conf.level, stepped = identical(object$model$baseline, "dummies"))
}

baseline_plot <- function(table, title, conf.level, stepped) {
  table$risk <- factor(group_titles[table$risk], unique(group_titles[table$risk]))
  picture <- ggplot2::ggplot(table, ggplot2::aes(x = .data$duration, y = .data$hazard, group = .data$risk))
  picture <- if (stepped) {
    picture +
      ggplot2::geom_linerange(ggplot2::aes(ymin = .data$conf.low, ymax = .data$conf.high), colour = "grey55") +
      ggplot2::geom_point(size = 1.6)
  } else {
    picture +
      ggplot2::geom_ribbon(ggplot2::aes(ymin = .data$conf.low, ymax = .data$conf.high), fill = "grey80") +
      ggplot2::geom_line(linewidth = 0.7)
  }
  picture +
    ggplot2::facet_wrap(ggplot2::vars(.data$risk), scales = "free_y") +
    ggplot2::expand_limits(y = 0) +
    ggplot2::labs(
      x = "duration (periods)",
      y = paste0("hazard, ", format(100 * conf.level), "% interval"), title = title
    ) +
    ggplot2::theme_bw() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank())
}
