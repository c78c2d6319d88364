# Intervals of coefficients by the profile likelihood.

# Limits of some coefficients; `wald`, a matrix with their names, says how far to look first
profile_limits <- function(object, wald, level) {
  refuse_streamed(object)
  design <- fit_design(object)
  problem <- refit_problem(object, design)
  reach <- stats::qnorm((1 + level) / 2)
  for (name in rownames(wald)) {
    k <- problem$layout$coefficients[match(name, problem$layout$names)]
    wald[name, ] <- if (object$estimated[[name]]) {
      profile_of(object, problem, design$theta, k, wald[name, ], reach)
    } else {
      NA
    }
  }
  wald
}

# Both limits of one coefficient, number k of theta
profile_of <- function(object, problem, theta, k, wald, reach) {
  top <- object$loglik
  problem$held$is[k] <- TRUE
  warm <- theta
  # how far the log-likelihood has fallen with the coefficient at b, as a normal deviate less the one asked for
  fallen <- function(b) {
    start <- replace(warm, k, b)
    problem$held$value[k] <- b
    raw <- tryCatch(model_maximise(object$model, problem, start), firmmove_error = function(e) NULL)
    if (is.null(raw)) {
      return(NA_real_)
    }
    warm <<- raw$theta
    sqrt(max(2 * (top - raw$value), 0)) - reach
  }
  vapply(1:2, function(side) {
    warm <<- theta
    crossing(fallen, theta[k], wald[[side]])
  }, 0)
}

# Where a function that is below 0 at `centre` comes to 0 in the direction of `guess`; an infinite value where it never
# does
crossing <- function(fallen, centre, guess) {
  step <- guess - centre
  inner <- centre
  outer <- guess
  at <- fallen(outer)
  tries <- 0L
  while (!is.na(at) && at < 0 && tries < 12L) {
    inner <- outer
    outer <- outer + step * 2^tries
    at <- fallen(outer)
    tries <- tries + 1L
  }
  if (is.na(at)) {
    return(NA_real_)
  }
  if (at < 0) {
    return(sign(step) * Inf)
  }
  ends <- sort(c(inner, outer))
  stats::uniroot(function(b) {
    value <- fallen(b)
    if (is.na(value)) 0 else value
  }, ends, tol = 1e-6 * abs(step))$root
}
