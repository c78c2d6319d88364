# Probabilities of the choices that a mixed logit was fitted to, with the draws of its likelihood.

# Given the earlier choices of the same group: what the likelihood of its first t choices gains with the t-th
chosen_probability.migration_fit_mixed <- function(object, design) {
  group <- design$kernel$group
  turn <- turn_in_group(group)
  gained <- numeric(length(group))
  before <- numeric(max(group))
  for (t in seq_len(max(turn))) {
    now <- group_likelihoods(object, design, turn <= t)
    gained[turn == t] <- (now - before)[group[turn == t]]
    before <- now
  }
  exp(gained)
}

# 1 for the first occasion of each group, 2 for its second, ...
turn_in_group <- function(group) {
  at <- order(group)
  sorted <- group[at]
  first <- match(sorted, sorted)
  turn <- integer(length(group))
  turn[at] <- seq_along(sorted) - first + 1L
  turn
}

# The simulated log-likelihood of each group on some of its occasions
group_likelihoods <- function(object, design, rows) {
  spec <- if (all(rows)) design$spec else some_occasions(design$spec, which(rows))
  kernel <- design$kernel
  kernel$group <- kernel$group[rows]
  moments <- .Call(C_mixed_individual, spec, kernel, design$theta, kernel_control(object$control))
  moments[, ncol(moments)]
}

# Attributions have standard errors of draws for this model
occasion_likelihoods.mixed_model <- function(model, object, design) {
  NULL
}
