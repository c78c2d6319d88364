# The design of a fit, rebuilt from its data or from others, with its parameters; utilities and pieces of it.

is_streamed <- function(object) {
  is_store(object$data)
}

# Stops what needs all rows at once, when the fit is on a store
refuse_streamed <- function(object) {
  if (is_streamed(object)) {
    variable_tables(object$data)
  }
}

# The design of a fit, rebuilt from its data: `spec` for the C entry points, `kernel`, `theta`
fit_design <- function(object) {
  refuse_streamed(object)
  design <- model_design(object$model, object$formula, object$data,
    weights = object$given$weights, subset = object$given$subset, na.action = object$given$na.action,
    basis = object$design$basis, env = environment(object$formula)
  )
  if (inherits(design$na.action, "exclude") && is.null(design$selected)) {
    design$selected <- select_occasions(object$data, left_side(object$formula), NULL, object$given$subset,
      choice = TRUE, env = environment(object$formula)
    )$number
  }
  complete_design(object, design, object$data)
}

# Adds the model and the parameters to a design, which may be of new data
complete_design <- function(object, design, data) {
  setup <- model_setup(object$model, data, design, memory = object$design$memory)
  b <- object$coefficients[object$layout$terms]
  extra <- object$coefficients[setup$parameters$name]
  effects <- object$effects[match(design$effects, names(object$effects))]
  effects[!is.finite(effects)] <- 0
  b[is.na(b)] <- 0
  extra[is.na(extra)] <- setup$start[is.na(extra)]
  design$kernel <- setup$kernel
  design$layout <- parameter_layout(design, setup)
  design$theta <- unname(c(b, effects, extra))
  settle_design(object, design, data)
}

at_theta <- function(design, theta) {
  design$theta <- theta
  design
}

# Calls `value` on pieces of the occasions (occasion_pieces()), or on all of them where the design says that they
# belong together (`whole`)
by_slice <- function(design, value) {
  pieces <- if (!isTRUE(design$whole)) occasion_pieces(design$spec)
  if (is.null(pieces)) {
    return(value(design))
  }
  spec <- design$spec
  group <- design$kernel$group
  unlist(lapply(pieces, function(rows) {
    design$spec <- some_occasions(spec, rows)
    design$kernel$group <- group[rows]
    value(design)
  }))
}

# Utilities at coefficients b of the terms and place constants that are the same for all firms, in the shape of
# kernel_predict()
plain_utility <- function(object, design, b) {
  .Call(C_predict, design$spec, list(kind = "conditional"), b, "utility", kernel_control(object$control))
}
