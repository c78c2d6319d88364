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

# At these a nest is as good as one place, or no nest; at the allocations a place is as good as out of a nest. Between
# them the core finds a maximum, or that there is none (src/core/optim/newton_bounds.c).
parameter_bounds <- list(lambda = c(1e-5, 1e3), allocation = c(-14, 14))

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

model_maximise.nested_model <- function(model, problem, theta) {
  problem$control[c("lower", "upper")] <- model_bounds(model, theta, problem$layout)
  model_maximise.migration_model(model, problem, theta)
}

model_maximise.cross_nested_model <- model_maximise.nested_model

# Which ---------------------------------------------------------------------------------------------------

# The fit with what stands at a border: `border`, a named character vector that says where ("0", "1", "Inf",
# "separated", "singular"). These count as not estimated, and the covariance of the others is that given them.
with_borders <- function(fit, raw, layout) {
  at <- layout$coefficients
  free <- fit$estimated
  where <- stats::setNames(rep("", length(at)), layout$names)
  where[free & is.infinite(diag(raw$covariance)[at])] <- "singular"
  where[free & as.logical(raw$separated[at])] <- "separated"
  own <- model_borders(fit$model, fit, layout, raw$step[at])
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

# Of each coefficient the border that it has reached although no bound held it, or "", from the step that the search
# would take next. Dispatches on the model.
model_borders <- function(model, fit, layout, step) {
  UseMethod("model_borders")
}

model_borders.migration_model <- function(model, fit, layout, step) {
  rep("", length(layout$names))
}

# A lambda that the log-likelihood hardly depends on and that would still go on: beyond it choices within the nest are
# certain, or even. At a maximum inside, however flat, Newton's steps end.
model_borders.nested_model <- function(model, fit, layout, step) {
  lambda <- fit$coefficients
  se <- lambda * NA
  se[fit$estimated] <- sqrt(pmax(diag(fit$covariance), 0))
  own <- layout$parameters$group == "lambda" & fit$estimated & !is.na(lambda)
  flat <- own & !(se < 10 * lambda) & abs(step) > 1e-3 * lambda
  ifelse(flat & lambda < 0.5, "0", ifelse(flat & lambda > 2, "Inf", ""))
}

model_borders.cross_nested_model <- model_borders.nested_model

# A spread that makes no difference to utility: a thousandth of the scale of its term
model_borders.mixed_model <- function(model, fit, layout, step) {
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
