# Separation in every model. Where no chosen place loses by going along a direction of the coefficients, utility
# differences only grow that way and so does each probability of a choice: a nested, cross-nested or mixed logit, latent
# classes and a hazard with frailty have no maximum there either. The search for such a direction is that of the concave
# model with the same terms (src/core/choice/separation.h): its start is continued until it has converged, or proves it.

# Which parameters run off: list(separated, direction, theta), by theta, or NULL for none, from the start of a fit
find_separation <- function(model, problem, theta) {
  layout <- problem$layout
  if (length(layout$extra) == 0L) {
    return(NULL)
  }
  fixed <- problem$held$is[layout$linear]
  begin <- separation_start(model, problem, theta)
  repeat {
    raw <- separation_logit(model, problem, begin, fixed)
    if (!any(raw$separated)) {
      return(NULL)
    }
    barred <- barred_directions(model, raw, layout)
    if (!any(barred)) {
      break
    }
    # a coefficient whose distribution has one sign cannot follow a direction of the other: it stays at 0
    fixed <- fixed | barred
    begin <- replace(problem$held$value[layout$linear], barred, 0)
  }
  spread_separation(model, raw, problem)
}

# The same after a fit whose model has no parameters of its own, where it ends knowing next to nothing of a term that it
# knew something of at its start: a hazard that is certain is reached in a few steps
late_separation <- function(model, problem, raw, apart) {
  if (!is.null(apart) || any(raw$separated) || length(problem$layout$extra) > 0L || !isTRUE(raw$shrunk < 1e-4)) {
    return(apart)
  }
  fixed <- problem$held$is
  found <- separation_logit(model, problem, problem$held$value, fixed)
  if (any(found$separated)) {
    found$theta <- raw$theta
    spread_separation(model, found, problem)
  }
}

# Where the search starts: the start of a fit has come near the maximum of the concave model already, unless its linear
# parameters are something else; dispatches on the model
separation_start <- function(model, problem, theta) {
  UseMethod("separation_start")
}

separation_start.migration_model <- function(model, problem, theta) {
  theta[problem$layout$linear]
}

separation_start.mixed_model <- function(model, problem, theta) {
  start_stay(plain_start(problem), problem)[problem$layout$linear]
}

# The concave model with the same terms, from a start; dispatches on the model
separation_logit <- function(model, problem, theta, fixed) {
  UseMethod("separation_logit")
}

separation_logit.migration_model <- function(model, problem, theta, fixed) {
  maximise(problem$sums, list(kind = "conditional"), theta, fixed, exact_control(problem))
}

separation_logit.ranked_model <- function(model, problem, theta, fixed) {
  answers <- explode_answers(problem$design$spec, model)
  maximise(design_sums(answers$spec), stage_kernel(answers), theta, fixed, exact_control(problem))
}

# A direction is proved where the search has gone as far as digits go
exact_control <- function(problem) {
  control <- problem$control
  control$tolerance <- min(control$tolerance, 1e-12)
  control
}

# What runs off, by theta of the model; dispatches on the model
spread_separation <- function(model, raw, problem) {
  UseMethod("spread_separation")
}

spread_separation.migration_model <- function(model, raw, problem) {
  at <- problem$layout$linear
  apart <- list(separated = logical(problem$layout$total))
  apart$direction <- apart$theta <- numeric(problem$layout$total)
  apart$separated[at] <- as.logical(raw$separated)
  apart$direction[at] <- raw$direction
  apart$theta[at] <- raw$theta
  apart
}

# The location of a coefficient of one sign is that of its logarithm
spread_separation.mixed_model <- function(model, raw, problem) {
  apart <- spread_separation.migration_model(model, raw, problem)
  at <- match(names(model$random)[model$random %in% c("lognormal", "negative_lognormal")], problem$layout$names)
  at <- at[apart$separated[at]]
  apart$theta[at] <- log(abs(apart$theta[at]))
  apart
}

# In latent classes the terms run off in each class
spread_separation.latent_model <- function(model, raw, problem) {
  apart <- spread_separation.migration_model(model, raw, problem)
  class <- latent_index(problem$setup$kernel, problem$layout)$class
  for (part in names(apart)) {
    for (k in seq_len(ncol(class))) {
      apart[[part]][class[, k]] <- apart[[part]][class[, 1L]]
    }
  }
  apart
}

# Terms whose coefficient cannot go where a direction points; dispatches on the model
barred_directions <- function(model, raw, layout) {
  UseMethod("barred_directions")
}

barred_directions.migration_model <- function(model, raw, layout) {
  logical(length(raw$theta))
}

barred_directions.mixed_model <- function(model, raw, layout) {
  sign <- c(lognormal = 1, negative_lognormal = -1, truncated_normal = 1, johnson_sb = 0)
  at <- match(names(model$random), layout$names)
  allowed <- sign[model$random]
  barred <- logical(length(raw$theta))
  barred[at] <- as.logical(raw$separated[at]) & !is.na(allowed) & raw$direction[at] * allowed <= 0
  barred
}

# Holds what runs off where the concave model left it, so that the search for the others ends. Latent classes are looked
# for from random starts, which find out by themselves. Dispatches on the model.
hold_separated <- function(model, problem, apart) {
  UseMethod("hold_separated")
}

hold_separated.migration_model <- function(model, problem, apart) {
  if (!is.null(apart)) {
    problem$held$is <- problem$held$is | apart$separated
    problem$held$value[apart$separated] <- apart$theta[apart$separated]
  }
  problem
}

hold_separated.latent_model <- function(model, problem, apart) {
  problem
}

start_separated <- function(theta, apart) {
  if (!is.null(apart)) {
    theta[apart$separated] <- apart$theta[apart$separated]
  }
  theta
}

# The raw fit with what runs off marked, as C_fit marks it for the concave models
mark_separated <- function(raw, apart) {
  if (!is.null(apart)) {
    raw$separated <- as.logical(raw$separated) | apart$separated
    raw$direction[apart$separated] <- apart$direction[apart$separated]
  }
  raw
}
