# Parameters that run to the border of their domain, or along which the information is singular: where the search holds
# them, which they are, and what a fit says of them. Such a parameter is held where it is: it has no standard error, and
# the others have those that they have beside it.

# Bounds --------------------------------------------------------------------------------------------------

# How far the parameters of a model may run before they count as at their border: list(lower, upper), or NULL.
# Dispatches on the model.
model_bounds <- function(model, theta, layout) {
  UseMethod("model_bounds")
}

model_bounds.migration_model <- function(model, theta, layout) {
  NULL
}

# At these a nest is as good as one place, or no nest; at the allocations a place is as good as out of a nest
parameter_bounds <- list(lambda = c(1e-3, 1e3), allocation = c(-14, 14))

model_bounds.nested_model <- function(model, theta, layout) {
  of <- parameter_bounds[layout$parameters$group]
  lower <- rep(-Inf, layout$total)
  upper <- -lower
  bounded <- !vapply(of, is.null, NA)
  lower[layout$coefficients[bounded]] <- vapply(of[bounded], `[`, 0, 1L)
  upper[layout$coefficients[bounded]] <- vapply(of[bounded], `[`, 0, 2L)
  # a start of the user may be further out
  list(lower = pmin(lower, theta), upper = pmax(upper, theta))
}

model_bounds.cross_nested_model <- model_bounds.nested_model

# The control of a maximisation with the bounds of its model
bounded_control <- function(control, model, theta, layout) {
  control[c("lower", "upper")] <- model_bounds(model, theta, layout)
  control
}

# Which ---------------------------------------------------------------------------------------------------

# The fit with what stands at a border: `border`, a named character vector that says where ("0", "1", "Inf",
# "separated", "singular"). These count as not estimated, and the covariance of the others is that given them.
with_borders <- function(fit, raw, layout) {
  at <- layout$coefficients
  free <- fit$estimated
  where <- stats::setNames(rep("", length(at)), layout$names)
  where[free & is.infinite(diag(raw$covariance)[at])] <- "singular"
  where[free & as.logical(raw$separated[at])] <- "separated"
  own <- model_borders(fit$model, fit, layout)
  where[free & own != ""] <- own[free & own != ""]
  pinned <- free & (raw$border %||% integer(layout$total))[at] != 0L
  where[pinned] <- border_word(layout$parameters$group, raw$border[at] < 0L)[pinned]
  fit$border <- where[where != ""]
  if (length(fit$border) > 0L) hold_parameters(fit, names(fit$border)) else fit
}

border_word <- function(group, low) {
  ifelse(low, "0", ifelse(group == "allocation", "1", "Inf"))
}

# The fit as if these parameters were held at their values
hold_parameters <- function(fit, names) {
  estimated <- names(fit$coefficients)[fit$estimated]
  keep <- setdiff(estimated, names)
  v <- fit$covariance
  loose <- names[is.finite(diag(v)[names]) & diag(v)[names] > 0]
  beside <- v[keep, keep, drop = FALSE]
  if (length(loose) > 0L) {
    across <- v[loose, keep, drop = FALSE]
    less <- crossprod(across, solve_scaled(v[loose, loose, drop = FALSE], across))
    beside <- if (anyNA(less)) beside else beside - less
  }
  fit$covariance <- beside
  fit$information <- fit$information[keep, keep, drop = FALSE]
  fit$estimated[names] <- FALSE
  fit
}

# Of each coefficient the border that it has reached although no bound held it, or "". Dispatches on the model.
model_borders <- function(model, fit, layout) {
  UseMethod("model_borders")
}

model_borders.migration_model <- function(model, fit, layout) {
  rep("", length(layout$names))
}

# A lambda that the log-likelihood hardly depends on any more: beyond it choices within the nest are certain, or even
model_borders.nested_model <- function(model, fit, layout) {
  lambda <- fit$coefficients
  se <- lambda * NA
  se[fit$estimated] <- sqrt(pmax(diag(fit$covariance), 0))
  flat <- layout$parameters$group == "lambda" & fit$estimated & !is.na(lambda) & !(se < 10 * lambda)
  ifelse(flat & lambda < 0.5, "0", ifelse(flat & lambda > 2, "Inf", ""))
}

model_borders.cross_nested_model <- model_borders.nested_model

# A spread that makes no difference to utility: a thousandth of the scale of its term
model_borders.mixed_model <- function(model, fit, layout) {
  where <- rep("", length(layout$names))
  scale <- fit$scale
  own <- which(layout$parameters$group %in% c("sd", "spread"))
  term <- sub("^(sd|spread):", "", layout$names[own])
  size <- abs(fit$coefficients[own]) * ifelse(is.na(scale[term]), 1, scale[term])
  where[own[!is.na(size) & size < 1e-3]] <- "0"
  where
}

# Words ---------------------------------------------------------------------------------------------------

warn_borders <- function(fit) {
  border <- fit$border[!fit$border %in% c("separated", "singular")]
  if (length(border) > 0L) {
    ways <- ifelse(border == "Inf", "infinity", border)
    warn(
      paste0("`", names(border), "` runs to ", ways, collapse = ", "), ", the border of its domain: the log-likelihood has no ",
      "maximum inside. It is held at ", paste(format_each(fit$coefficients[names(border)]), collapse = ", "),
      " without a standard error, and the others are estimated beside it. ", border_advice(fit, border),
      class = "border"
    )
  }
  singular <- names(fit$border)[fit$border == "singular"]
  if (length(singular) > 0L && fit$convergence$code != 3L) {
    warn(
      "At the estimates nothing tells ", quote_names(singular), " from the others (the information is singular): no ",
      "standard error. Leave a term out, or hold one with migration_control(fixed = ).",
      class = "singular"
    )
  }
}

border_advice <- function(fit, border) {
  group <- fit$parameters$group[match(names(border)[1L], fit$parameters$name)]
  switch(group,
    lambda = "Take other nests, one lambda for all of them, or conditional().",
    allocation = "Take the place out of the nest, or out of the others, in `membership`.",
    "Take it for the same for all firms."
  )
}

# Towards the border ----------------------------------------------------------------------------------------

# A lambda that runs to 0 takes the coefficients along a bend that Newton's steps cannot follow, as differences of
# utility within a nest shrink with it. After `patient` iterations the small ones are therefore lowered by hand, the
# others following, and let go at their bound.
model_maximise.nested_model <- function(model, problem, theta) {
  layout <- problem$layout
  control <- bounded_control(problem$control, model, theta, layout)
  climb <- function(theta, fixed, iterations) {
    control$max_iterations <- as.integer(max(iterations, 1L))
    maximise(problem$sums, problem$setup$kernel, theta, fixed, control, n_extra = length(layout$extra))
  }
  raw <- climb(theta, problem$held$is, min(control$max_iterations, patient))
  while (raw$stop != 0L && raw$iterations < control$max_iterations) {
    lowered <- lower_lambda(raw, problem, control, climb)
    if (is.null(lowered)) {
      return(continued(climb(raw$theta, problem$held$is, control$max_iterations - raw$iterations), raw))
    }
    raw <- continued(lowered, raw)
    if (any(raw$border != 0L)) {
      break
    }
    raw <- continued(climb(raw$theta, problem$held$is, min(control$max_iterations - raw$iterations, patient)), raw)
  }
  raw
}

model_maximise.cross_nested_model <- model_maximise.nested_model

patient <- 20L

# A raw fit that goes on from an earlier one
continued <- function(raw, before) {
  raw$iterations <- raw$iterations + before$iterations
  raw$evaluations <- raw$evaluations + before$evaluations
  raw$value_start <- before$value_start
  raw
}

# The maximum with the small lambda lowered step by step to their bound, as long as the log-likelihood rises: a raw fit,
# or NULL where it does not. Lambda that would go on are marked as held at their border.
lower_lambda <- function(raw, problem, control, climb) {
  small <- problem$layout$coefficients[problem$layout$parameters$group == "lambda"]
  small <- small[!problem$held$is[small] & raw$theta[small] < 0.5]
  lost <- raw$aliased > 0L
  fixed <- replace(problem$held$is | lost, small, TRUE)
  best <- NULL
  theta <- raw$theta
  while (length(small) > 0L && any(theta[small] > control$lower[small])) {
    theta[small] <- pmax(control$lower[small], theta[small] / 4)
    found <- climb(theta, fixed, patient)
    if (found$value < (best %||% raw)$value) {
      break
    }
    best <- if (is.null(best)) found else continued(found, best)
    theta <- found$theta
  }
  if (is.null(best)) {
    return(NULL)
  }
  best$aliased[lost] <- raw$aliased[lost]
  best$combine[, lost] <- raw$combine[, lost]
  if (all(best$theta[small] <= control$lower[small] & best$score[small] <= 0)) {
    best$border[small] <- -1L
  }
  best
}
