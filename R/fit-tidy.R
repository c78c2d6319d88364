#' @importFrom generics tidy
#' @export
generics::tidy

#' @importFrom generics glance
#' @export
generics::glance

#' @importFrom generics augment
#' @export
generics::augment

#' @title Tidy, glance and augment a fit
#' @description `tidy()` gives the coefficients, `glance()` the fit in one row, `augment()` the data with fitted
#' probabilities. The generics are those of the generics package, so broom and modelsummary find them.
#' @param x A fit of [fit_migration()].
#' @param conf.int `TRUE` adds Wald intervals.
#' @param conf.level Level of the intervals, between 0 and 1.
#' @param exponentiate `TRUE` gives odds ratios, exp(estimate); standard errors by the delta method, intervals of
#'   the ratio. Dissimilarity parameters are left as they are.
#' @param type,cluster,vcov Which standard errors, as in [vcov.migration_fit()].
#' @param groups `TRUE` adds the column `group`, the kind of each term. It is not there by default, so that tables
#'   beside fits of other packages have one row for a term.
#' @param effects `TRUE` adds the absorbed place constants, with information standard errors.
#' @param data Data for `augment()`: `NULL` for the table the model was fitted to.
#' @param newdata New data for `augment()`, as in [predict.migration_fit()].
#' @param ... Not used.
#' @return
#' `tidy()`: a data frame with `term`, with `groups = TRUE` the `group` (`push`, `pull`, `keep`, `stay`, `place`, `tie`,
#' `peers`, `firm_place` for interactions, `lambda`, `allocation`, `scale`, `effect`), `estimate`, `std.error`,
#' `statistic`, `p.value` (of 0; of 1 for `lambda` and `scale`) and, if asked, `conf.low`, `conf.high`. `NA` where a
#' coefficient is not estimable; no standard error where it is held fixed.
#'
#' `glance()`: a data frame of one row with `model`, `nobs`, `n_firms`, `n_places`, `n_movers`, `df`, `logLik`,
#' `null.logLik`, `rho2` (McFadden's), `AIC`, `BIC`, `deviance`, `df.residual`, `iterations`, `converged`.
#'
#' `augment()`: for [migration_data()] the rows of `firms` that were used with `.fitted`, the probability of the
#' chosen place, `.leave`, that of leaving the origin, and `.resid`, the deviance residual. For [choice_data()]
#' the long rows with `.fitted`, the probability of the place, and `.resid`, the response residual.
#' With `newdata` there is no residual and, for firms, `.fitted` is the probability of the most probable place,
#' `.choice`.
#' @seealso [summary()][summary.migration_fit], [confint()][confint.migration_fit], [fitted()][fitted.migration_fit].
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(land_price) + distance, data)
#' tidy(fit, conf.int = TRUE)
#' glance(fit)
#' head(augment(fit))
#' @name tidy.migration_fit
NULL

#' @rdname tidy.migration_fit
#' @export
tidy.migration_fit <- function(x, conf.int = FALSE, conf.level = 0.95, exponentiate = FALSE,
                               type = c("hessian", "opg", "robust", "cluster"), cluster = NULL,
                               effects = FALSE, vcov = NULL, groups = FALSE, ...) {
  # modelsummary hands on what is its own
  check_dots(..., also = "coef_rename")
  table <- coefficient_table(x, vcov = asked_covariance(x, vcov, if (!missing(type)) type, cluster))
  result <- data.frame(
    term = rownames(table), group = x$parameters$group, estimate = table[, 1L], std.error = table[, 2L],
    statistic = table[, 3L], p.value = table[, 4L], row.names = NULL
  )
  if (effects && !is.null(x$effects)) {
    result <- rbind(result, tidy_effects(x))
  }
  if (conf.int) {
    reach <- stats::qnorm((1 + check_fraction(conf.level, "conf.level")) / 2) * result$std.error
    result$conf.low <- result$estimate - reach
    result$conf.high <- result$estimate + reach
  }
  odds <- result$term %in% x$parameters$name[x$parameters$odds] | result$group == "effect"
  result <- if (exponentiate) exponentiated(result, odds) else result
  if (check_flag(groups, "groups")) result else result[names(result) != "group"]
}

tidy_effects <- function(x) {
  estimate <- x$effects
  se <- x$design$effects_se
  se[!is.finite(estimate) | se == 0] <- NA
  z <- unname(estimate / se)
  data.frame(
    term = names(estimate), group = "effect", estimate = unname(estimate), std.error = unname(se),
    statistic = z, p.value = 2 * stats::pnorm(-abs(z))
  )
}

exponentiated <- function(result, ratio) {
  value <- exp(result$estimate[ratio])
  result$std.error[ratio] <- result$std.error[ratio] * value
  for (column in intersect(c("estimate", "conf.low", "conf.high"), names(result))) {
    result[[column]][ratio] <- exp(result[[column]][ratio])
  }
  result
}

#' @rdname tidy.migration_fit
#' @export
glance.migration_fit <- function(x, ...) {
  check_dots(...)
  data.frame(
    model = x$model$name, nobs = x$n, n_firms = x$n_firms, n_places = x$n_places, n_movers = x$n_movers,
    df = x$df, logLik = x$loglik, null.logLik = x$loglik_null, rho2 = mcfadden(x),
    AIC = stats::AIC(x), BIC = stats::BIC(x), deviance = stats::deviance(x), df.residual = x$n - x$df,
    iterations = x$convergence$iterations, converged = x$convergence$code == 0L
  )
}

#' @rdname tidy.migration_fit
#' @export
augment.migration_fit <- function(x, data = NULL, newdata = NULL, ...) {
  check_dots(...)
  augment_rows(x$data, x, data, newdata)
}

# The user's table with columns of the fit; dispatches on the data
augment_rows <- function(data, x, table, newdata) {
  UseMethod("augment_rows")
}

augment_rows.choice_data <- function(data, x, table, newdata) {
  if (!is.null(newdata)) {
    table <- if (is.data.frame(newdata)) newdata else user_table(newdata)
    table$.fitted <- unname(predict(x, newdata, type = "probability"))
    return(table)
  }
  table <- model.frame.migration_fit(x)
  design <- fit_design(x)
  p <- kernel_predict(x, design, "probability")
  row <- order(user_rows(data, design$occasion))
  table$.fitted <- p[row]
  table$.resid <- (chosen_indicator(design$spec) - p)[row]
  table
}

augment_rows.migration_data <- function(data, x, table, newdata) {
  if (!is.null(newdata)) {
    table <- if (is.data.frame(newdata)) newdata else user_table(newdata)
    p <- predict(x, newdata, type = "probability")
    best <- max.col(ifelse(is.na(p), 0, p), "first")
    table$.choice <- factor(ifelse(is.na(p[, 1L]), NA, colnames(p)[best]), colnames(p))
    table$.fitted <- p[cbind(seq_along(best), best)]
    return(table)
  }
  table <- if (is.null(table)) model.frame.migration_fit(x) else as.data.frame(table)
  design <- fit_design(x)
  if (nrow(table) != length(design$occasion)) {
    abort("`data` must have a row for each of the ", length(design$occasion), " occasions.", class = "argument")
  }
  p <- chosen_probability(x, design)
  w <- if (is.null(x$weights)) 1 else x$weights
  table$.fitted <- p
  table$.leave <- leaving_probability(x, design)
  table$.resid <- sqrt(-2 * w * log(p))
  table
}

# The probability of leaving of each occasion; NA without an origin
leaving_probability <- function(object, design) {
  by_slice(design, function(part) 1 - at_home(part$spec, kernel_predict(object, part, "probability")))
}
