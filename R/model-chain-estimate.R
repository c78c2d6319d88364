# How a chain() model with rational expectations is estimated, and what its fit keeps and warns of.

# Estimation --------------------------------------------------------------------------------------------

# Fixed points from starts (places x runs) in cells; theta has one column, or one for each run
solve_shares <- function(spec, kernel, theta, cell, start, method, control) {
  .Call(
    C_chain_solve, spec, kernel, as.matrix(theta), as.integer(cell), as.double(start), method,
    kernel_control(control)
  )
}

# Nested pseudo-likelihood, then maximum likelihood from there
model_maximise.rational_chain_model <- function(model, problem, theta) {
  likelihood <- model$estimator == "ml"
  npl <- pseudo_likelihood(problem, theta, exact = !likelihood)
  raw <- if (likelihood) full_likelihood(problem, theta, npl) else npl_covariance(problem, npl)
  start <- if (likelihood) raw$start else npl$share
  kernel <- problem$setup$kernel
  if (!likelihood) {
    kernel$start <- npl$share
  }
  raw$fixed_point <- solve_all(problem, kernel, raw$theta, start, if (likelihood) "newton" else "step")
  raw$npl <- npl[c("theta", "iterations", "change", "converged")]
  raw
}

# Fixed points of all cells
solve_all <- function(problem, kernel, theta, start, method) {
  design <- problem$design
  solve_shares(design$spec, kernel, theta, seq_len(nrow(design$cells)), start, method, problem$control)
}

# Alternates the conditional logit with shares given, and the shares it implies. Where these turn back, they are moved
# part of the way only.
pseudo_likelihood <- function(problem, theta, exact) {
  tolerance <- if (exact) 1e-10 else 1e-6
  kernel <- problem$setup$kernel
  kernel$given <- TRUE
  relax <- 1
  before <- 0
  control <- problem$control
  for (iteration in seq_len(problem$control$max_iterations)) {
    raw <- maximise(problem$sums, kernel, theta, problem$held$is, control, n_extra = 1L)
    theta <- raw$theta
    move <- implied_shares(problem, kernel, theta) - kernel$start
    if (max(abs(move)) <= tolerance) {
      break
    }
    relax <- if (sum(move * before) < 0) max(relax / 2, 1 / 16) else min(1, 1.25 * relax)
    before <- move
    kernel$start <- kernel$start + relax * move
    # as a start of the likelihood one Newton step a round will do
    control$max_iterations <- if (exact) problem$control$max_iterations else 1L
  }
  change <- max(abs(move))
  list(
    raw = raw, theta = theta, share = kernel$start, iterations = iteration, change = change,
    converged = change <= tolerance
  )
}

# The equilibrium nearest to the shares that are given; one step towards it where there is none
implied_shares <- function(problem, kernel, theta) {
  found <- solve_all(problem, kernel, theta, kernel$start, "newton")
  lost <- which(!found$converged)
  if (length(lost) > 0L) {
    start <- kernel$start[, lost, drop = FALSE]
    stepped <- solve_shares(problem$design$spec, kernel, theta, lost, start, "step", problem$control)
    found$share[, lost] <- stepped$share
  }
  found$share
}

# From the pseudo-likelihood's end or, where that is higher, from the start values and the observed shares
full_likelihood <- function(problem, theta, npl) {
  kernel <- problem$setup$kernel
  control <- kernel_control(problem$control)
  value <- function(theta, start) {
    kernel$start <- start
    evaluate_sums(problem$sums, kernel, theta, fm_value, control)$value
  }
  starts <- list(
    list(theta = npl$theta, share = npl$share), list(theta = theta, share = kernel$start)
  )
  values <- vapply(starts, function(s) value(s$theta, s$share), 0)
  if (!any(is.finite(values))) {
    stop_unsolved(problem, theta)
  }
  best <- starts[[which.max(values)]]
  kernel$start <- best$share
  raw <- maximise(problem$sums, kernel, best$theta, problem$held$is, problem$control, n_extra = 1L)
  raw$start <- best$share
  raw
}

stop_unsolved <- function(problem, theta) {
  kernel <- problem$setup$kernel
  found <- solve_all(problem, kernel, theta, kernel$start, "newton")
  abort(
    "No equilibrium was found at the start values for ", unsolved_cells(found$converged, problem$design$cells),
    ". Give other start values with `start =`.",
    class = "equilibrium"
  )
}

unsolved_cells <- function(converged, cells) {
  lost <- which(!converged)
  named <- cell_names(cells[utils::head(lost, 5L), , drop = FALSE])
  more <- length(lost) - length(named)
  paste0(plural(length(lost), "cell"), ": ", paste(named, collapse = ", "), if (more > 0L) paste(" and", more, "more"))
}

# V = H^-1 Omega H^-1' with H by differences of the pseudo-score along the equilibrium. `turn` makes of a score of
# the pseudo-likelihood the one that goes with V: V turn s = H^-1 s.
npl_covariance <- function(problem, npl) {
  raw <- npl$raw
  kernel <- problem$setup$kernel
  free <- which(!problem$held$is & raw$aliased == 0L)
  control <- kernel_control(problem$control)
  score_at <- function(theta) {
    kernel$given <- FALSE
    kernel$start <- npl$share
    share <- solve_all(problem, kernel, theta, npl$share, "newton")$share
    kernel$given <- TRUE
    kernel$start <- share
    evaluate_sums(problem$sums, kernel, theta, fm_score, control)$score[free]
  }
  step <- 1e-4 * pmax(abs(npl$theta), 1e-2)
  minus_h <- vapply(free, function(k) {
    move <- replace(numeric(length(step)), k, step[k])
    (score_at(npl$theta + move) - score_at(npl$theta - move)) / (2 * step[k])
  }, numeric(length(free)))
  inverse <- -solve(minus_h, tol = 0)
  covariance <- inverse %*% raw$information[free, free] %*% t(inverse)
  raw$covariance[] <- 0
  raw$covariance[free, free] <- (covariance + t(covariance)) / 2
  raw$information[free, free] <- solve_scaled(raw$covariance[free, free, drop = FALSE])
  raw$turn <- diag(length(npl$theta))
  raw$turn[free, free] <- raw$information[free, free] %*% inverse
  raw
}

# The fit -------------------------------------------------------------------------------------------------

model_finish.rational_chain_model <- function(model, fit, raw, problem) {
  design <- problem$design
  found <- raw$fixed_point
  share <- found$share
  cells <- design$cells
  radius <- apply(abs(found$eigenvalue), 2L, max)
  fit$cells <- data.frame(
    cells,
    firms = cell_sizes(design$spec, nrow(cells)), spectral_radius = radius, iterations = found$iterations,
    residual = found$residual, converged = found$converged
  )
  place <- fit$data$place
  fit$equilibrium <- data.frame(
    cells[rep(seq_len(nrow(cells)), each = length(place)), , drop = FALSE],
    place = place, share = as.vector(share),
    observed = as.vector(problem$setup$memory$observed), row.names = NULL
  )
  fit$spectral_radius <- max(radius)
  fit$npl <- list(
    coefficients = stats::setNames(raw$npl$theta[coefficient_places(fit, raw)], names(fit$coefficients)),
    iterations = raw$npl$iterations, change = raw$npl$change, converged = raw$npl$converged
  )
  fit$convergence$fixed_point <- list(
    iterations = max(found$iterations), residual = max(found$residual), converged = all(found$converged)
  )
  fit$design$turn <- raw$turn
  fit$design$memory$share <- share
  fit$design$memory$cells <- fit$cells
  fit
}

# Where in theta the coefficients are: the terms first, delta last
coefficient_places <- function(fit, raw) {
  n <- length(fit$coefficients)
  c(seq_len(n - 1L), length(raw$theta))
}

check_estimates.rational_chain_model <- function(model, fit) {
  label <- chain_label(model)
  warn_one_cell(fit, label)
  if (!all(fit$cells$converged)) {
    warn(
      "No equilibrium was found at the estimates for ", unsolved_cells(fit$cells$converged, fit$cells), ".",
      class = "equilibrium"
    )
  }
  warn_radius(fit)
  warn_npl(model, fit)
}

warn_one_cell <- function(fit, label) {
  if (nrow(fit$cells) == 1L && fit$estimated[[label]]) {
    warn(
      "All firms are in one cell, so `", label, "` rests on functional form alone: nothing in the data shifts the ",
      "share of a place but what also shifts its utility. Use several groups or periods (?chain).",
      class = "identification"
    )
  }
}

warn_radius <- function(fit) {
  near <- which(fit$cells$spectral_radius > 0.95)
  if (length(near) > 0L) {
    top <- near[order(-fit$cells$spectral_radius[near])]
    named <- paste0(
      cell_names(fit$cells[utils::head(top, 3L), ]), " (",
      format_each(fit$cells$spectral_radius[utils::head(top, 3L)]), ")"
    )
    warn(
      "The interaction is at the edge of uniqueness or beyond it: the spectral radius is above 0.95 for ",
      plural(length(near), "cell"), ": ", paste(named, collapse = ", "),
      if (length(near) > 3L) paste(" and", length(near) - 3L, "more"),
      ". There may be other equilibria (see equilibria()), and standard errors take the one followed for granted.",
      class = "equilibrium"
    )
  }
}

warn_npl <- function(model, fit) {
  if (!fit$npl$converged) {
    warn(
      "The nested pseudo-likelihood did not settle: after ", plural(fit$npl$iterations, "iteration"), " a share still ",
      "changes by ", format(fit$npl$change, digits = 2), ".",
      if (model$estimator == "npl") " Use estimator = \"ml\", or raise migration_control(max_iterations = ).",
      class = "npl"
    )
    return(invisible())
  }
  if (model$estimator == "npl") {
    return(invisible())
  }
  distance <- abs(fit$coefficients - fit$npl$coefficients)[fit$estimated] / sqrt(diag(fit$covariance))
  far <- which(distance > 2)
  if (length(far) > 0L) {
    warn(
      "Nested pseudo-likelihood and maximum likelihood differ by more than two standard errors for ",
      quote_names(names(far)), ": the likelihood may have several maxima, or another equilibrium fits better.",
      class = "npl"
    )
  }
}
