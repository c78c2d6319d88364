# How a latent-class model is fitted: random starts, EM from each, Newton's method to finish, classes in order of
# size, and what went wrong.

# The conditional logit in every class: the centre of the random starts
model_start.latent_model <- function(model, problem) {
  begin <- model_start.migration_model(model, problem)
  held <- problem$held$is
  index <- latent_index(problem$setup$kernel, problem$layout)
  for (class in seq_len(model$classes)[-1L]) {
    at <- index$class[, class]
    begin$theta[at] <- ifelse(held[at], begin$theta[at], begin$theta[index$class[, 1L]])
  }
  begin
}

model_maximise.latent_model <- function(model, problem, theta) {
  if (!is.null(problem$sums$head)) {
    return(maximise_slices(model, problem, theta))
  }
  problem <- class_problem(problem, theta)
  index <- problem$index
  theta[c(index$class[problem$lost, ])] <- 0
  begin <- starting_points(model, problem, theta)
  tick <- progress("Random starts", length(begin))
  runs <- lapply(begin, function(start) {
    tick()
    run_start(start, model, problem)
  })
  record <- starts_record(runs, problem)
  raw <- runs[[which(record$best)]]$raw
  raw <- in_order_of_size(raw, mean_shares(raw$theta, problem$setup$kernel, index), problem)
  raw <- mark_aliased(raw, problem)
  raw$starts <- record
  describe_classes(raw, problem)
}

# A problem with what is known before classes are looked for: `index` of theta (latent_index()), `plain`, the
# conditional logit of all firms, `lost`, its terms that are not estimable, and `fixed`, what is not estimated
class_problem <- function(problem, theta) {
  index <- latent_index(problem$setup$kernel, problem$layout)
  plain <- plain_logit(theta, index, problem)
  held <- problem$held$is
  lost <- plain$aliased > 0L & !held[index$class[, 1L]]
  problem$index <- index
  problem$plain <- plain
  problem$lost <- lost
  problem$fixed <- held | seq_along(held) %in% index$class[lost, ]
  problem
}

# Where theta has the linear parameters of each class (a column a class) and gamma (a column for each but the first)
latent_index <- function(kernel, layout) {
  classes <- kernel$classes
  n_linear <- length(layout$linear)
  free <- kernel$free + 1L
  class <- matrix(seq_len(n_linear), n_linear, classes)
  for (c in seq_len(classes)[-1L]) {
    class[free, c] <- n_linear + (c - 2L) * length(free) + seq_along(free)
  }
  n_z <- nrow(kernel$membership)
  gamma <- n_linear + (classes - 1L) * length(free) + seq_len(n_z * (classes - 1L))
  list(class = class, gamma = matrix(gamma, n_z, classes - 1L), free = free)
}

# Probabilities of the classes by membership, a row for each group
class_probabilities <- function(theta, kernel, index) {
  value <- cbind(0, crossprod(kernel$membership, matrix(theta[index$gamma], nrow(index$gamma))))
  value <- exp(value - do.call(pmax, lapply(seq_len(ncol(value)), function(c) value[, c])))
  value / rowSums(value)
}

mean_shares <- function(theta, kernel, index) {
  weight <- kernel$weight %||% rep(1, max(kernel$group))
  colSums(class_probabilities(theta, kernel, index) * weight) / sum(weight)
}

# Starts ----------------------------------------------------------------------------------------------

# The conditional logit of all firms: which terms are not estimable, and how precisely the others are known
plain_logit <- function(theta, index, problem) {
  at <- index$class[, 1L]
  maximise(problem$sums, list(kind = "conditional"), theta[at], problem$held$is[at], problem$control)
}

# The user's start where classes differ in it; else random ones around it
starting_points <- function(model, problem, theta) {
  index <- problem$index
  fixed <- problem$fixed
  if (model$classes == 1L || classes_differ(theta, index, fixed)) {
    return(list(theta))
  }
  spread <- disturbance(problem$plain, index, fixed, max(problem$setup$kernel$group))
  with_seed(model$seed, lapply(seq_len(model$starts), function(start) disturbed(theta, index, fixed, spread)))
}

classes_differ <- function(theta, index, fixed) {
  values <- matrix(ifelse(fixed, NA, theta)[index$class[index$free, ]], length(index$free))
  any(apply(values, 1L, function(x) length(unique(x[!is.na(x)])) > 1L))
}

# A square root of the covariance that the estimates of a small class would have: a few firms a coefficient
disturbance <- function(plain, index, fixed, n_groups) {
  at <- index$free[plain$aliased[index$free] == 0L]
  covariance <- plain$covariance[at, at, drop = FALSE]
  usable <- is.finite(diag(covariance)) & diag(covariance) > 0
  at <- at[usable]
  if (length(at) == 0L) {
    return(list(at = at, root = matrix(0, 0L, 0L)))
  }
  d <- sqrt(diag(covariance)[usable])
  scaled <- covariance[usable, usable, drop = FALSE] / tcrossprod(d)
  parts <- eigen(scaled, symmetric = TRUE)
  root <- d * (parts$vectors %*% (sqrt(pmax(parts$values, 0)) * t(parts$vectors)))
  list(at = at, root = root * sqrt(max(1, n_groups / (3 * length(at)))))
}

disturbed <- function(theta, index, fixed, spread) {
  for (class in seq_len(ncol(index$class))) {
    at <- index$class[spread$at, class]
    moved <- theta[at] + drop(spread$root %*% stats::rnorm(length(at)))
    theta[at] <- ifelse(fixed[at], theta[at], moved)
  }
  theta
}

# EM, then Newton's method. A start from which the likelihood cannot be computed is part of the record.
run_start <- function(theta, model, problem) {
  tryCatch(
    {
      # one class needs no EM
      iterations <- if (model$classes > 1L) model$em_iterations else 0L
      em <- expectation_maximisation(theta, problem, iterations, model$em_tolerance)
      raw <- newton_finish(em$theta, problem)
      if (raw$stop != fm_converged && iterations > 0L) {
        # Newton's method may end at a saddle where EM was not near a maximum yet
        em <- longer_em(em, model, problem)
        raw <- newton_finish(em$theta, problem)
      }
      list(em = em, raw = raw)
    },
    firmmove_error = function(e) list(problem = conditionMessage(e))
  )
}

longer_em <- function(em, model, problem) {
  more <- expectation_maximisation(em$theta, problem, 5L * model$em_iterations, model$em_tolerance / 1e4)
  more$path <- c(em$path, more$path[-1L])
  more$iterations <- em$iterations + more$iterations
  more
}

# Which terms are not estimable is known of all firms together. A class that is badly determined is no reason to
# leave terms out of it: it has no standard errors.
newton_finish <- function(theta, problem) {
  control <- problem$control
  control$rank_tolerance <- 1e-15
  raw <- fit_kernel(problem$sums, problem$setup$kernel, theta, problem$fixed, watched_control(control))
  unknown <- raw$aliased > 0L
  raw$aliased[] <- fm_not_aliased
  raw$combine[] <- 0
  raw$covariance[unknown, ] <- raw$covariance[, unknown] <- NA
  raw$covariance[!is.finite(raw$covariance)] <- NA
  raw
}

# theta, posterior (classes x groups), path, iterations, converged; no iterations: the posterior at theta
expectation_maximisation <- function(theta, problem, iterations = 0L, tolerance = 1e-6) {
  control <- c(kernel_control(problem$control), em_iterations = iterations, em_tolerance = tolerance)
  .Call(C_latent_em, problem$design$spec, problem$setup$kernel, theta, problem$fixed, control)
}

starts_record <- function(runs, problem) {
  failed <- vapply(runs, function(run) is.null(run$raw), NA)
  if (all(failed)) {
    abort("None of the starts of the latent classes leads to a maximum: ", runs[[1L]]$problem, ".", class = "starts")
  }
  number <- function(value) vapply(runs, function(run) as.double(value(run) %||% NA), 0)
  record <- data.frame(
    start = seq_along(runs), em_iterations = number(function(run) run$em$iterations),
    em_loglik = number(function(run) if (!is.null(run$em)) utils::tail(run$em$path, 1L)),
    iterations = number(function(run) run$raw$iterations), loglik = number(function(run) run$raw$value),
    converged = vapply(runs, function(run) identical(run$raw$stop, fm_converged), NA),
    smallest = number(function(run) if (!is.null(run$raw)) min(mean_shares(run$raw$theta, problem$setup$kernel, problem$index))),
    problem = vapply(runs, function(run) run$problem %||% "", "")
  )
  candidates <- if (any(record$converged)) record$converged else !failed
  record$best <- seq_along(runs) == which(candidates)[which.max(record$loglik[candidates])]
  structure(record, path = lapply(runs, function(run) run$em$path))
}

# Order -----------------------------------------------------------------------------------------------

# A maximum with its classes renumbered, the largest first
in_order_of_size <- function(raw, shares, problem) {
  index <- problem$index
  by_size <- order(-shares)
  own <- c(index$class[index$free, ], index$gamma)
  if (identical(by_size, seq_along(shares)) || any(problem$held$is[own])) {
    return(raw)
  }
  again <- newton_finish(permuted(raw$theta, by_size, index), problem)
  kept <- c("iterations", "evaluations", "stop", "value_start")
  again[kept] <- raw[kept]
  again
}

permuted <- function(theta, by_size, index) {
  new <- theta
  free <- index$free
  new[index$class[free, ]] <- theta[index$class[free, by_size]]
  gamma <- cbind(0, matrix(theta[index$gamma], nrow(index$gamma)))[, by_size, drop = FALSE]
  new[index$gamma] <- gamma[, -1L] - gamma[, 1L]
  new
}

# What became of the classes --------------------------------------------------------------------------

# Terms that are not estimable for all firms together are not for any class
mark_aliased <- function(raw, problem) {
  index <- problem$index
  lost <- problem$lost
  for (class in seq_len(ncol(index$class))) {
    at <- index$class[, class]
    raw$aliased[at[lost]] <- problem$plain$aliased[lost]
    raw$combine[at, at[lost]] <- problem$plain$combine[, lost]
  }
  raw
}

# Adds shares, entropy, and which classes are empty, equal, or run to infinity
describe_classes <- function(raw, problem) {
  h <- expectation_maximisation(raw$theta, problem)$posterior
  totals <- class_totals(raw$theta, problem$setup$kernel, problem$index, h)
  raw <- describe_shares(raw, totals, problem$plain, problem$index)
  raw$separated[] <- seq_along(problem$fixed) %in% running_off(raw$theta, h, problem)
  raw
}

# What the description of the classes adds up over firms: probabilities of the classes and weight, entropy of the
# posterior probabilities h (classes x firms), firms with weight
class_totals <- function(theta, kernel, index, h) {
  weight <- kernel$weight %||% rep(1, ncol(h))
  entropy <- -sum(colSums(ifelse(h > 0, h * log(h), 0)) * weight)
  c(colSums(class_probabilities(theta, kernel, index) * weight), sum(weight), entropy, sum(weight > 0))
}

describe_shares <- function(raw, totals, plain, index) {
  classes <- ncol(index$class)
  weight <- totals[classes + 1L]
  raw$shares <- stats::setNames(totals[seq_len(classes)] / weight, paste0("class", seq_len(classes)))
  raw$entropy_r2 <- if (classes == 1L) NA_real_ else 1 - totals[classes + 2L] / (weight * log(classes))
  raw$empty <- which(raw$shares * totals[classes + 3L] < 1)
  raw$equal <- equal_classes(raw$theta, plain, index, weight)
  raw$direction <- sign(raw$theta)
  raw
}

# Pairs of classes whose utilities hardly differ: by 1e-4 of the standard deviation of what is not seen
equal_classes <- function(theta, plain, index, weight) {
  if (ncol(index$class) == 1L) {
    return(NULL)
  }
  pairs <- utils::combn(ncol(index$class), 2L)
  apart <- apply(pairs, 2L, function(pair) {
    d <- theta[index$class[, pair[1L]]] - theta[index$class[, pair[2L]]]
    sqrt(max(0, sum(d * drop(plain$information %*% d))) / weight)
  })
  pairs[, apart < 1e-4, drop = FALSE]
}

# Coefficients of a class for which its firms' choices have no variance left: positions in theta. What remains of the
# information that the class would have at equal shares falls below 1e-6 when choices become certain.
running_off <- function(theta, h, problem) {
  spec <- problem$design$spec
  index <- problem$index
  group <- problem$setup$kernel$group
  weights <- occasion_weights(spec)
  control <- kernel_control(problem$control)
  variance <- function(b, weights) {
    spec$weights <- weights
    diag(.Call(C_evaluate, spec, list(kind = "conditional"), b, fm_information, control)$information)
  }
  found <- lapply(seq_len(ncol(index$class)), function(class) {
    at <- index$class[, class]
    of_class <- weights * h[class, group]
    possible <- variance(numeric(length(at)), of_class)
    at[!problem$fixed[at] & possible > 0 & variance(theta[at], of_class) < 1e-6 * possible]
  })
  unique(unlist(found))
}

# Slices ----------------------------------------------------------------------------------------------

# The maximum of data in slices: the classes of the first slice, by EM from random starts, are where Newton's method
# on all slices begins. What runs to infinity is judged by the first slice.
maximise_slices <- function(model, problem, theta) {
  first <- model_maximise(model, first_problem(problem), theta)
  problem <- class_problem(problem, theta)
  start <- first$theta
  start[c(problem$index$class[problem$lost, ])] <- 0
  raw <- newton_finish(start, problem)
  raw <- in_order_of_size(raw, slices_totals(raw$theta, problem)[seq_len(model$classes)], problem)
  raw <- mark_aliased(raw, problem)
  raw$starts <- first$starts
  raw$separated <- first$separated
  describe_shares(raw, slices_totals(raw$theta, problem), problem$plain, problem$index)
}

# The problem of the fit, on the first slice alone
first_problem <- function(problem) {
  head <- problem$sums$head
  problem[c("design", "setup")] <- head[c("design", "setup")]
  problem$sums <- design_sums(head$design$spec)
  problem
}

# class_totals() of all slices
slices_totals <- function(theta, problem) {
  classes <- problem$setup$kernel$classes
  kernel <- c(
    list(kind = "classes", index = problem$index, sums_of_slice = slice_classes, n_sums = classes + 3),
    problem$setup$kernel[names(problem$setup$kernel) != "kind"]
  )
  sum_of_slices(problem$sums, kernel, theta, fm_value, kernel_control(problem$control))
}

# class_totals() of a slice
slice_classes <- function(slice, kernel, theta, control) {
  kernel$kind <- "latent"
  h <- .Call(C_slice_posterior, slice$pointer, slice$extent, kernel, theta, control)
  class_totals(theta, kernel, kernel$index, h)
}

model_finish.latent_model <- function(model, fit, raw, problem) {
  fit$shares <- raw$shares
  fit$entropy_r2 <- raw$entropy_r2
  fit$starts <- raw$starts
  fit$empty_classes <- raw$empty
  fit$equal_classes <- raw$equal
  fit$design$memory$summary <- fit[c("shares", "entropy_r2", "starts")]
  # the term that a coefficient is of
  fit$parameters$term <- sub(":class[0-9]+$", "", fit$parameters$name)
  class <- match(fit$parameters$group, names(raw$shares))
  own <- !is.na(class)
  fit$parameters$section[own] <- paste0("Class ", class[own], " (share ", format_share(raw$shares)[class[own]], ")")
  fit
}

format_share <- function(x) {
  ifelse(x > 0 & x < 0.001, "< 0.001", formatC(x, digits = 3, format = "f"))
}

check_estimates.latent_model <- function(model, fit) {
  report_starts(fit$starts)
  warn_without_errors(fit)
  if (length(fit$empty_classes) > 0L) {
    warn(
      "Class ", paste(fit$empty_classes, collapse = ", "), " has collapsed: its share is below that of one firm. ",
      "The data do not hold ", model$classes, " classes: take fewer.",
      class = "collapsed"
    )
  }
  if (length(fit$equal_classes) > 0L) {
    warn(
      "Classes ", paste(apply(fit$equal_classes, 2L, paste, collapse = " and "), collapse = ", "),
      " have the same coefficients. The data do not hold ", model$classes, " classes: take fewer.",
      class = "equal_classes"
    )
  }
}

warn_without_errors <- function(fit) {
  unknown <- fit$estimated
  unknown[unknown] <- is.na(diag(fit$covariance))
  if (any(unknown) && fit$convergence$code != 3L) {
    warn(
      "The choices do not determine ", quote_names(names(fit$estimated)[unknown]), ": no standard error. ",
      "Take fewer classes, or name terms in latent(common = ).",
      class = "undetermined"
    )
  }
}

report_starts <- function(starts) {
  lost <- !starts$converged
  if (any(lost) && !all(lost)) {
    inform(
      sum(lost), " of ", plural(nrow(starts), "start"), " did not converge: start ",
      paste(starts$start[lost], collapse = ", "), " (see `fit$starts`).",
      class = "starts"
    )
  }
}

class_index_of <- function(object, design) {
  latent_index(design$kernel, design$layout)
}
