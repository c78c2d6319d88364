# How a mixed logit is fitted: starts, the maximum, the sign of spreads, the noise of simulation.

# From the conditional logit: its coefficients are where the distributions are put
model_start.mixed_model <- function(model, problem) {
  setup <- problem$setup
  held <- problem$held$is
  linear <- problem$layout$linear
  extra <- problem$layout$extra
  theta <- start_stay(plain_start(problem), problem)
  raw <- rough_linear_fit(problem, theta[linear])
  b <- raw$theta[seq_along(setup$scale)]
  names(b) <- names(setup$scale)
  start <- theta
  start[linear] <- raw$theta
  located <- start_locations(model, b, setup$scale)
  free <- !held[seq_along(b)]
  start[seq_along(b)][free] <- located$b[free]
  spread <- setup$kernel$row + 1L
  plain <- setup$kernel$transform[spread] %in% c("plain", "censored") & !held[extra]
  start[extra][plain] <- (theta[extra] * located$stretch[names(model$random)[spread]])[plain]
  list(theta = start, null = if (!any(theta[linear] != 0)) raw$value_start)
}

# Locations whose distributions have their middle at b; in willingness-to-pay space b over the price first.
# `stretch` is how much larger the unit of a coefficient is than the spreads to start from take it to be.
start_locations <- function(model, b, scale) {
  stretch <- stats::setNames(rep(1, length(b)), names(b))
  if (model$space == "wtp") {
    least <- 0.1 / scale[[model$price]]
    alpha <- b[[model$price]]
    alpha <- if (alpha > 0) max(alpha, least) else min(alpha, -least)
    other <- names(b) != model$price
    b[other] <- -b[other] / alpha
    b[[model$price]] <- alpha
    stretch[other] <- 1 / (scale[[model$price]] * abs(alpha))
    scale[other] <- scale[other] * abs(alpha)
  }
  small <- 0.1 / scale
  for (name in names(model$random)) {
    b[[name]] <- switch(model$random[[name]],
      lognormal = log(max(b[[name]], small[[name]])),
      negative_lognormal = log(max(-b[[name]], small[[name]])),
      johnson_sb = {
        bounds <- model$bounds[[name]]
        stats::qlogis(min(max((b[[name]] - bounds[1L]) / diff(bounds), 0.05), 0.95))
      },
      b[[name]]
    )
  }
  list(b = b, stretch = stretch)
}

check_start.mixed_model <- function(model, theta) {
  own <- grepl("^(sd|spread):", names(theta))
  if (any(theta[own] < 0)) {
    abort(
      "`start` and `fixed` must give each spread a value of at least 0; negative is ", quote_names(names(theta)[own & theta < 0]), ".",
      class = "start"
    )
  }
}

# The best maximum of all starts. Which terms are collinear is asked of the conditional logit, whose information
# is never indefinite.
model_maximise.mixed_model <- function(model, problem, theta) {
  rank <- conditional_rank(problem)
  check_identified(model, rank, problem$layout)
  lost <- rep(FALSE, problem$layout$total)
  lost[seq_along(rank$aliased)] <- rank$aliased > 0L
  theta[lost] <- 0
  is_fixed <- problem$held$is | lost
  begin <- start_points(model, theta, is_fixed, problem)
  tick <- progress("Starts", length(begin))
  raws <- lapply(begin, function(start) {
    tick()
    tryCatch(climb(problem$sums, problem$setup$kernel, start, is_fixed, problem$control),
      firmmove_error_invalid = function(e) NULL
    )
  })
  found <- vapply(raws, is.list, NA)
  if (!any(found)) {
    abort("The simulated log-likelihood is not finite at any start: give other start values.", class = "start")
  }
  starts <- start_record(raws)
  best <- which.max(ifelse(starts$code == 0L, starts$loglik, starts$loglik - 1e-6 * (1 + abs(starts$loglik))))
  warn_lost_starts(starts)
  raw <- positive_spreads(raws[[best]], problem)
  raw$aliased[lost] <- rank$aliased[rank$aliased > 0L]
  raw$combine[seq_along(rank$aliased), lost] <- rank$combine[, rank$aliased > 0L]
  raw$starts <- starts
  raw
}

conditional_rank <- function(problem) {
  linear <- problem$layout$linear
  asked <- kernel_control(problem$control)
  asked$max_iterations <- 0L
  fit_kernel(problem$sums, list(kind = "conditional"), numeric(length(linear)), problem$held$is[linear], asked)
}

check_identified <- function(model, rank, layout) {
  lost <- layout$names[which(rank$aliased[layout$terms] > 0L)]
  bad <- intersect(c(names(model$random), model$price), lost)
  if (length(bad) > 0L) {
    abort(
      quote_names(bad), if (length(bad) == 1L) " is" else " are", " a combination of other terms within occasions, ",
      "so a random coefficient of it has no location. Leave one of these terms out.",
      class = "random"
    )
  }
}

# The start itself, then others: spreads times a number between 1/3 and 3, locations moved by as much as a spread
start_points <- function(model, theta, is_fixed, problem) {
  kernel <- problem$setup$kernel
  own <- kernel$row == kernel$column
  terms <- kernel$term[kernel$row[own] + 1L] + 1L
  others <- lapply(seq_len(model$starts - 1L), function(k) {
    start <- theta
    spread <- problem$layout$extra[own]
    start[terms] <- theta[terms] + stats::rnorm(length(terms)) * abs(theta[spread])
    start[spread] <- theta[spread] * 3^stats::runif(length(spread), -1, 1)
    start[is_fixed] <- theta[is_fixed]
    start
  })
  c(list(theta), others)
}

start_record <- function(raws) {
  part <- function(name, none) vapply(raws, function(raw) if (is.null(raw)) none else as.double(raw[[name]]), 0)
  data.frame(
    start = seq_along(raws), loglik = part("value", -Inf), code = as.integer(part("stop", 2)),
    iterations = as.integer(part("iterations", 0))
  )
}

warn_lost_starts <- function(starts) {
  lost <- starts$start[starts$code != 0L]
  if (nrow(starts) > 1L && length(lost) > 0L && length(lost) < nrow(starts)) {
    warn(
      "No maximum was found from start ", paste(lost, collapse = ", "), " of ", nrow(starts),
      "; the best of the others is kept (see fit$starts).",
      class = "starts"
    )
  }
}

# A column of the factor may change its sign together with its draws, which leaves the likelihood as it is: all
# that is by parameter changes with it
positive_spreads <- function(raw, problem) {
  kernel <- problem$setup$kernel
  layout <- problem$layout
  diagonal <- match(seq_along(kernel$term) - 1L, ifelse(kernel$row == kernel$column, kernel$column, -1L))
  turned <- raw$theta[layout$extra][diagonal] < 0 & !problem$held$is[layout$extra][diagonal]
  raw$sign <- kernel$sign * ifelse(turned, -1, 1)
  flip <- rep(1, layout$total)
  flip[layout$extra] <- ifelse(turned[kernel$column + 1L], -1, 1)
  for (part in c("theta", "score", "step", "direction")) {
    raw[[part]] <- raw[[part]] * flip
  }
  for (part in c("information", "covariance", "combine")) {
    raw[[part]] <- raw[[part]] * outer(flip, flip)
  }
  raw
}

model_finish.mixed_model <- function(model, fit, raw, problem) {
  fit$design$memory$sign <- raw$sign
  fit$starts <- raw$starts
  fit$simulation <- simulation_noise(model, fit, raw, problem)
  fit$design$memory$simulation <- fit$simulation
  fit$design$memory$distribution <- distribution_table(model, fit$coefficients, fit$covariance)
  warn_edge(fit$design$memory$distribution, problem$setup$scale)
  fit
}

# Warns of distributions of one sign that have shrunk to nothing: the data want the other sign
warn_edge <- function(table, scale) {
  if (is.null(table)) {
    return(invisible())
  }
  one_sided <- table$distribution %in% c("lognormal", "negative_lognormal", "truncated_normal")
  # the mean of a lognormal may be all tail: then half of the firms tell that there is nothing
  gone <- one_sided & (abs(table$mean) * scale[table$term] < 1e-4 |
    (abs(table$median) * scale[table$term] < 0.01 & abs(table$mean) > 20 * abs(table$median)))
  gone <- gone & !is.na(gone)
  if (any(gone)) {
    warn(
      "Shrunk to 0: the distribution of ", quote_names(table$term[gone]), " allows one sign only, and the choices show ",
      "none of it. Its location and spread mean nothing; take a normal, or the other sign.",
      class = "edge"
    )
  }
}

# Noise -----------------------------------------------------------------------------------------------

# How far the estimates would move, and the log-likelihood change, with other draws: by a Newton step each
simulation_noise <- function(model, fit, raw, problem) {
  setup <- problem$setup
  noise <- list(
    draws = setup$kernel$draws, sequence = if (is.array(model$draws)) "given" else model$sequence,
    seed = model$seed, loglik = NA_real_, coefficients = NULL, share = NULL
  )
  same_always <- is.array(model$draws) || length(model$random) == 0L ||
    (!model$scramble && model$sequence %in% c("sobol", "halton"))
  if (same_always || model$check_draws == 0 || anyNA(raw$covariance) || any(is.infinite(raw$covariance))) {
    return(noise)
  }
  kernel <- setup$kernel
  kernel$sign <- raw$sign
  tick <- progress("Other draws", model$check_draws)
  moved <- lapply(seq_len(model$check_draws), function(k) {
    tick()
    kernel$seed <- model$seed + 1e6 * k
    at <- evaluate_sums(problem$sums, kernel, raw$theta, fm_score, kernel_control(fit$control))
    list(loglik = at$value - raw$value, theta = drop(raw$covariance %*% at$score))
  })
  # each is the difference of two draws, so half of its square is the variance of one
  spread <- function(x) sqrt(rowMeans(x^2) / 2)
  noise$loglik <- spread(matrix(vapply(moved, `[[`, 0, "loglik"), 1L))
  all <- spread(matrix(vapply(moved, `[[`, raw$theta, "theta"), length(raw$theta)))
  noise$coefficients <- stats::setNames(all[problem$layout$coefficients], names(fit$coefficients))
  noise$share <- noise$coefficients[fit$estimated] / sqrt(diag(fit$covariance))
  noise
}

check_estimates.mixed_model <- function(model, fit) {
  share <- fit$simulation$share
  if (is.null(share) || fit$convergence$code != 0L) {
    return(invisible())
  }
  share <- share[is.finite(share)]
  worst <- which.max(share)
  if (length(worst) > 0L && share[[worst]] > model$precision) {
    warn(
      "With other draws `", names(share)[worst], "` would move by ", format(share[[worst]], digits = 2),
      " of its standard error, more than the precision asked (", format(model$precision), "): take more than ",
      format_count(fit$simulation$draws), " draws.",
      class = "draws"
    )
  }
}

# Predictions -----------------------------------------------------------------------------------------

# Population averages. Stored draws belong to the firms they were given for, so others take their place.
population_kernel <- function(object, kernel) {
  kernel$group <- kernel$group_weight <- NULL
  if (is.array(object$model$draws)) {
    kernel[c("sequence", "draws", "seed", "scramble", "given_normal")] <- list("sobol", 512L, 1, TRUE, FALSE)
  }
  kernel
}

kernel_predict.migration_fit_mixed <- function(object, design, type) {
  if (type == "utility") {
    return(plain_utility(object, design, drop(typical_coefficients(object, design)$b)))
  }
  kernel <- population_kernel(object, design$kernel)
  .Call(C_predict, design$spec, kernel, design$theta, type, kernel_control(object$control))
}

kernel_choice.migration_fit_mixed <- function(object, design, uniform) {
  kernel <- population_kernel(object, design$kernel)
  .Call(C_choice, design$spec, kernel, design$theta, uniform, kernel_control(object$control))
}
