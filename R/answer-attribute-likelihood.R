# Attribution of the log-likelihood: the maximum with the terms of some groups, for many sets of groups on one design.

# Maxima of the log-likelihood for the subsets of a plan, in the order of their size, each started from what its own
# subsets lead to expect. Returns list(value, score): `score` sums weights[T, k] l_i(T) over the subsets, an occasion
# a row, l_i the part of the occasion in the log-likelihood; NULL where the likelihood is no such sum.
likelihood_values <- function(object, design, groups, plan, weights = NULL, known = NULL) {
  if (!is.null(weights)) {
    design$spec$weights <- weights
  }
  problem <- refit_problem(object, design)
  contributions <- if (is.null(weights)) occasion_likelihoods(object$model, object, design)
  n <- nrow(plan$member)
  keys <- drop(plan$member %*% 2^(seq_len(ncol(plan$member)) - 1L))
  theta <- matrix(0, length(design$theta), n)
  value <- numeric(n)
  score <- if (!is.null(contributions)) matrix(0, n_occasions(design$spec), ncol(plan$member))
  batches <- subset_batches(rowSums(plan$member), n_occasions(design$spec))
  tick <- progress("Sets of groups", n)
  for (batch in batches) {
    tick(min(batch) - 1L)
    held <- lapply(batch, function(t) hold_groups(problem, groups[!plan$member[t, ]]))
    starts <- Map(function(t, held) {
      start <- if (is.null(known)) expected_theta(plan$member[t, ], theta, keys, t) else known[, t]
      start <- if (is.null(start)) design$theta else start
      replace(start, held$is, held$value[held$is])
    }, batch, held)
    best <- restricted_maxima(object$model, problem, starts, held)
    theta[, batch] <- best$theta
    value[batch] <- best$value
    if (!is.null(contributions)) {
      # here the likelihood is computed after the last step, not predicted from it
      each <- contributions(best$theta, best$logsum)
      value[batch] <- colSums(each)
      score <- score + each %*% plan$weights[batch, , drop = FALSE]
    }
  }
  list(value = value, theta = theta, score = score)
}

# The numbers of the subsets in batches, each of subsets of one size, which do not need one another. So many that
# threads are rarely idle and an interrupt waits for little; few where there are many occasions, since the parts of
# all of these in the likelihood of each subset are at hand at once.
subset_batches <- function(sizes, n_occasions) {
  most <- max(4, min(32, 1e6 %/% n_occasions))
  by_size <- split(seq_along(sizes), sizes)
  unlist(lapply(by_size, function(at) split(at, (seq_along(at) - 1L) %/% most)), recursive = FALSE, use.names = FALSE)
}

# Parameters that are not estimated when some groups (of numbers of coefficients) are out
hold_groups <- function(problem, out) {
  out <- unlist(out)
  at <- problem$layout$coefficients[out]
  held <- problem$held
  held$is[at] <- TRUE
  held$value[at] <- problem$layout$parameters$null[out]
  held
}

# Start values for a set of groups from those of its subsets: if what four groups do to theta were made up of what
# three of them do, theta(T) = sum theta(T-a) - sum theta(T-ab) + sum theta(T-abc) - theta(T-abcd), here averaged
# over all four out of T. Where some subsets are not known, from one that is; NULL for none.
expected_theta <- function(member, theta, keys, t) {
  inside <- which(member)
  if (length(inside) == 0L) {
    return(NULL)
  }
  bits <- 2^(inside - 1L)
  highest <- min(length(inside), 4L)
  before <- keys[seq_len(t - 1L)]
  at <- lapply(seq_len(highest), function(k) match(keys[t] - utils::combn(bits, k, sum), before))
  if (anyNA(unlist(at))) {
    near <- at[[1L]][!is.na(at[[1L]])]
    return(if (length(near) > 0L) theta[, near[1L]])
  }
  means <- lapply(at, function(columns) rowMeans(theta[, columns, drop = FALSE]))
  Reduce(`+`, Map(function(mean, k) (-1)^(k + 1L) * choose(highest, k) * mean, means, seq_len(highest)))
}

restricted_maxima.migration_model <- function(model, problem, starts, held) {
  found <- Map(function(theta, held) {
    problem$held <- held
    model_maximise(model, problem, theta)[c("theta", "value")]
  }, starts, held)
  list(theta = vapply(found, `[[`, starts[[1L]], "theta"), value = vapply(found, `[[`, 0, "value"))
}

# Newton steps on one design a set, several sets at once (C_subsets), up to the step that promises less than a
# millionth or, where there are many occasions and passes cost, three tenths; with its gain, so that what is left out
# is of third order, a few thousandths at most and far less in the shares. `logsum`: of each occasion there. Where
# steps do not lead to a maximum the careful maximiser takes over.
restricted_maxima.conditional_model <- function(model, problem, starts, held) {
  design <- problem$design
  control <- kernel_control(problem$control)
  small <- Map(function(theta, held) smaller_design(design, !held$is | theta != 0), starts, held)
  enough <- if (n_occasions(design$spec) > 10000L) 0.3 else 1e-6
  found <- .Call(
    C_subsets, lapply(small, `[[`, "spec"), Map(function(theta, part) theta[part$at], starts, small),
    Map(function(held, part) held$is[part$at], held, small), enough, control
  )
  theta <- matrix(unlist(Map(function(theta, part, best) replace(theta, part$at, best), starts, small, found$theta)),
    ncol = length(starts)
  )
  value <- found$value
  logsum <- matrix(unlist(found$logsum), ncol = length(starts))
  for (k in which(!found$done)) {
    careful <- restricted_maxima.migration_model(model, problem, starts[k], held[k])
    theta[, k] <- careful$theta
    value[k] <- careful$value
    logsum[, k] <- .Call(C_predict, design$spec, design$kernel, theta[, k], "logsum", control)
  }
  list(theta = theta, value = value, logsum = logsum)
}


# A design with the terms that matter at some theta: list(spec, at: the positions in theta that are left)
smaller_design <- function(design, keep) {
  terms <- seq_len(term_count(design$spec))
  keep[-terms] <- TRUE
  if (!any(keep[terms]) || all(keep)) {
    return(list(spec = design$spec, at = seq_along(keep)))
  }
  list(spec = keep_terms(design$spec, keep[terms]), at = which(keep))
}

occasion_likelihoods.conditional_model <- function(model, object, design) {
  w <- occasion_weights(design$spec)
  chosen <- chosen_columns(object, design)
  function(theta, logsum) w * (chosen$level + chosen$x %*% theta - logsum)
}

occasion_likelihoods.migration_model <- function(model, object, design) {
  w <- occasion_weights(design$spec)
  each <- function(theta) {
    p <- chosen_probability(object, at_theta(design, theta))
    ifelse(w > 0, w * log(p), 0)
  }
  here <- tryCatch(sum(each(design$theta)), error = function(e) NA)
  same <- is.finite(here) && abs(here - object$loglik) < 1e-6 * (1 + abs(object$loglik))
  if (same) function(theta, logsum) matrix(apply(theta, 2L, each), ncol = ncol(theta))
}

# Columns of the utility of the chosen places: v = level + x theta, from utilities at unit vectors, so that no table
# of occasions x places x terms is made
chosen_columns <- function(object, design) {
  at <- function(theta) chosen_utility(object, at_theta(design, theta))
  zero <- numeric(length(design$theta))
  level <- at(zero)
  x <- vapply(seq_along(zero), function(k) at(replace(zero, k, 1)) - level, level)
  list(level = level, x = matrix(x, length(level)))
}

chosen_utility <- function(object, design) {
  by_slice(design, function(part) at_chosen(part$spec, kernel_predict(object, part, "utility")))
}

# Covariance of the shares of the groups when firms are drawn anew: the maximum does not move with the data to first
# order, so the influence of a firm on v(T) is its own part in it
influence_covariance <- function(object, score) {
  firm <- object$data$index$firm[object$design$occasion]
  sums <- rowsum(score, firm)
  n <- nrow(sums)
  crossprod(sweep(sums, 2L, colMeans(sums))) * n / (n - 1)
}

# Covariance over bootstrap samples of firms: each counts as often as it is drawn
bootstrap_draws <- function(object, design, groups, plan, theta, draws) {
  firm <- match(object$data$index$firm[object$design$occasion], unique(object$data$index$firm[object$design$occasion]))
  w <- occasion_weights(design$spec)
  n <- max(firm)
  tick <- progress("Bootstrap draws", draws)
  vapply(seq_len(draws), function(i) {
    tick()
    count <- tabulate(sample.int(n, n, replace = TRUE), n)
    value <- likelihood_values(object, design, groups, plan, weights = w * count[firm], known = theta)$value
    drop(crossprod(plan$weights, value))
  }, numeric(ncol(plan$member)))
}
