#' @title What the distribution of a random coefficient amounts to
#' @description Locations and spreads of a [mixed()] logit are not always what one wants to read: the location of
#' a lognormal coefficient is the mean of its logarithm. This table gives the mean, the median and the standard
#' deviation of each coefficient itself, over firms, with standard errors by the delta method:
#' \eqn{\exp(m + s^2/2)}{exp(m + s^2/2)}, \eqn{\exp(m)}{exp(m)} and so on in closed form, for Johnson's SB by
#' integrating numerically.
#' @param object A fit of [fit_migration()] with [mixed()].
#' @param type,cluster,vcov Which covariance of the estimates, as in [vcov.migration_fit()].
#' @return A data frame with a row for each random coefficient: `term`, `distribution`, `mean`, `mean.se`, `median`,
#'   `median.se`, `sd`, `sd.se`, `positive` (share of firms for which it is above 0). For correlated coefficients the
#'   attribute `correlation` is the matrix of correlations of the normals they are made from.
#' @section Errors: A fit of another model.
#' @seealso [mixed()], [individual()]
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(land_price) + distance, data, mixed(c(stay = "normal"), draws = 64))
#' random_coefficients(fit)
#' @export
random_coefficients <- function(object, type = c("hessian", "opg", "robust", "cluster"), cluster = NULL,
                                vcov = NULL) {
  if (!inherits(object, "migration_fit_mixed")) {
    abort("`object` must be a fit of fit_migration() with mixed().", class = "argument")
  }
  asked <- asked_covariance(object, vcov, if (!missing(type)) type, cluster)
  covariance <- vcov.migration_fit(object, vcov = asked, complete = FALSE)
  distribution_table(object$model, object$coefficients, covariance)
}

distribution_table <- function(model, coefficients, covariance) {
  random <- model$random
  spreads <- random_spreads(model)
  rows <- lapply(seq_along(random), function(m) {
    used <- c(names(random)[m], spreads$name[spreads$row == m])
    value <- function(theta) coefficient_moments(theta, random[[m]], model$bounds[[names(random)[m]]])
    at <- coefficients[used]
    se <- distribution_errors(value, at, covariance)
    moments <- value(at)
    data.frame(
      term = names(random)[m], distribution = random[[m]], mean = moments[["mean"]], mean.se = se[[1L]],
      median = moments[["median"]], median.se = se[[2L]], sd = moments[["sd"]], sd.se = se[[3L]],
      positive = share_positive(at, random[[m]], model$bounds[[names(random)[m]]])
    )
  })
  table <- do.call(rbind, rows)
  if (length(model$blocks) > 0L) {
    attr(table, "correlation") <- normal_correlation(random, spreads, coefficients)
  }
  table
}

# Coefficients with the means of the distributions in the place of their locations
random_means <- function(model, coefficients) {
  spreads <- random_spreads(model)
  means <- coefficients
  for (m in seq_along(model$random)) {
    name <- names(model$random)[m]
    used <- c(name, spreads$name[spreads$row == m])
    means[[name]] <- coefficient_moments(coefficients[used], model$random[[m]], model$bounds[[name]])[["mean"]]
  }
  means
}

# Mean, median and standard deviation of a coefficient; theta is its location, then a row of the factor
coefficient_moments <- function(theta, distribution, bounds) {
  m <- theta[[1L]]
  s <- sqrt(sum(theta[-1L]^2))
  switch(distribution,
    normal = c(mean = m, median = m, sd = s),
    uniform = c(mean = m, median = m, sd = s / sqrt(3)),
    triangular = c(mean = m, median = m, sd = s / sqrt(6)),
    lognormal = lognormal_moments(m, s),
    negative_lognormal = lognormal_moments(m, s) * c(-1, -1, 1),
    truncated_normal = censored_moments(m, s),
    johnson_sb = bounded_moments(m, s, bounds)
  )
}

lognormal_moments <- function(m, s) {
  c(mean = exp(m + s^2 / 2), median = exp(m), sd = exp(m + s^2 / 2) * sqrt(expm1(s^2)))
}

censored_moments <- function(m, s) {
  if (s == 0) {
    return(c(mean = max(0, m), median = max(0, m), sd = 0))
  }
  above <- stats::pnorm(m / s)
  density <- s * stats::dnorm(m / s)
  mean <- m * above + density
  c(mean = mean, median = max(0, m), sd = sqrt(max(0, (m^2 + s^2) * above + m * density - mean^2)))
}

# By the midpoint rule in the quantiles, which is smooth here
bounded_moments <- function(m, s, bounds) {
  z <- stats::qnorm((seq_len(4000) - 0.5) / 4000)
  x <- bounds[1L] + diff(bounds) * stats::plogis(m + s * z)
  c(mean = mean(x), median = bounds[1L] + diff(bounds) * stats::plogis(m), sd = sqrt(mean((x - mean(x))^2)))
}

share_positive <- function(theta, distribution, bounds) {
  m <- theta[[1L]]
  s <- sqrt(sum(theta[-1L]^2))
  at <- if (s > 0) m / s else sign(m) * Inf
  switch(distribution,
    normal = ,
    truncated_normal = stats::pnorm(at),
    uniform = min(max((1 + at) / 2, 0), 1),
    triangular = if (abs(at) >= 1) as.double(at > 0) else if (at < 0) (1 + at)^2 / 2 else 1 - (1 - at)^2 / 2,
    lognormal = 1,
    negative_lognormal = 0,
    johnson_sb = {
      zero <- -bounds[1L] / diff(bounds)
      if (zero <= 0) 1 else if (zero >= 1) 0 else stats::pnorm((m - stats::qlogis(zero)) / s)
    }
  )
}

# Standard errors of a function of some coefficients: central differences times the covariance. Coefficients that are
# not estimated have none.
distribution_errors <- function(value, at, covariance) {
  used <- intersect(names(at), rownames(covariance))
  gradient <- vapply(used, function(name) {
    step <- 1e-5 * max(1, abs(at[[name]]))
    up <- down <- at
    up[[name]] <- up[[name]] + step
    down[[name]] <- down[[name]] - step
    (value(up) - value(down)) / (2 * step)
  }, numeric(3))
  gradient <- matrix(gradient, 3L)
  sqrt(pmax(diag(gradient %*% covariance[used, used, drop = FALSE] %*% t(gradient)), 0))
}

# Correlations of the normals behind the coefficients
normal_correlation <- function(random, spreads, coefficients) {
  factor <- matrix(0, length(random), length(random), dimnames = list(names(random), names(random)))
  factor[cbind(spreads$row, spreads$column)] <- coefficients[spreads$name]
  kept <- rowSums(factor^2) > 0
  stats::cov2cor(tcrossprod(factor[kept, , drop = FALSE]))
}

print_details.mixed_model <- function(model, x) {
  table <- x$memory$distribution
  if (!is.null(table) && any(table$distribution != "normal")) {
    cat("Distribution of the coefficients over firms:\n")
    shown <- table
    rownames(shown) <- shown$term
    print(format(shown[c("mean", "median", "sd", "positive")], digits = 4))
    cat("\n")
  }
  correlation <- attr(table, "correlation")
  if (!is.null(correlation)) {
    cat("Correlations:\n")
    print(round(correlation, 3))
    cat("\n")
  }
  cat("Draws: ", draws_text(model), if (model$panel) ", by firm" else ", by occasion", sep = "")
  noise <- x$memory$simulation
  if (!is.null(noise$share)) {
    cat(
      "; noise of the log-likelihood ", format(noise$loglik, digits = 2), ", of coefficients up to ",
      format(max(noise$share), digits = 2), " standard errors",
      sep = ""
    )
  }
  cat("\n")
}

coefficient_means.mixed_model <- function(model) {
  function(coefficients) random_means(model, coefficients)
}

# What the terms are multiplied by at the means of the distributions: in willingness-to-pay space products of the
# means of price coefficient and willingness to pay
mean_coefficients <- function(object, coefficients = object$coefficients) {
  coefficients[is.na(coefficients)] <- 0
  b <- random_means(object$model, coefficients)[object$layout$terms]
  if (object$model$space == "wtp") {
    other <- names(b) != object$model$price
    b[other] <- -b[other] * b[[object$model$price]]
  }
  b
}
