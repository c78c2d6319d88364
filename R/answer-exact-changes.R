# What changes where a variable of the data changes, with slopes along directions of theta from the core: for models
# whose kernel_response() says how they respond. A result is a matrix with a row for each value: the value, then its
# slope along each direction.

# Expected leavers
exact_leavers <- function(object, design, directions) {
  steep <- ncol(directions) > 0L
  found <- kernel_response(object, design, NULL, c("stay", if (steep) "stay_gradient"))
  if (is.null(found)) {
    return(NULL)
  }
  leavers <- sum(occasion_weights(design$spec) * (1 - c(found$stay)), na.rm = TRUE)
  gradient <- c(found$stay_gradient)
  if (steep && !is.null(design$fold)) {
    gradient <- sum_by(gradient, design$fold, nrow(directions))
  }
  matrix(c(leavers, if (steep) -crossprod(directions, gradient)), 1L)
}

# Expected firms at places, all or one
exact_stocks <- function(object, design, directions, place = NULL) {
  steep <- ncol(directions) > 0L
  found <- kernel_response(object, design, if (steep) directions, c("flows", if (steep) "flow_slopes"))
  if (is.null(found)) {
    return(NULL)
  }
  J <- ncol(found$flows)
  stocks <- cbind(colSums(found$flows), if (steep) stock_slopes(found$flow_slopes, J))
  if (is.null(place)) stocks else stocks[place, , drop = FALSE]
}

# The change from `down` to `up` at spots (effect_spots()), a row each; NULL for models that do not respond
exact_changes <- function(object, variable, step, type, base, directions) {
  read <- function(designs) {
    parts <- lapply(designs, function(one) {
      design <- at_theta(one$design, one$theta %||% base$theta)
      if (type == "leave") {
        exact_leavers(object, design, directions)
      } else {
        exact_stocks(object, design, directions, one$place)
      }
    })
    if (type == "leave") Reduce(`+`, parts) else do.call(rbind, parts)
  }
  change <- function(part) {
    up <- read(part(object, variable, step$up, base))
    if (is.null(up)) NULL else up - read(part(object, variable, step$down, base))
  }
  spots <- effect_spots(variable_level(object, variable), type)
  if (!identical(spots$at, c("origin", "elsewhere"))) {
    return(change(spots$change[[1L]]))
  }
  all <- change(change_everywhere)
  if (is.null(all)) {
    return(NULL)
  }
  origin <- change(function(...) change_own_place(...) %||% change_origins(...))
  rbind(origin, all - origin)
}

# At the origins ----------------------------------------------------------------------------------------

# The design with a variable of places changed at the origin of each occasion, of all origins at once: a term that takes
# it from the origin, or acts on staying alone, has it changed; one that takes it from every place is cut in two, of
# which the part on staying has it changed. NULL where a term takes it from both at once.
change_own_place <- function(object, variable, change, base) {
  changed <- fit_design_on(object, change_variable(object$data, variable, change))$spec
  pushed <- lapply(object$design$terms$term, pushed_factors, name = variable$variable)
  found <- swap_at_home(base$spec, changed, pushed)
  if (is.null(found)) {
    return(NULL)
  }
  n <- term_count(base$spec)
  base$spec <- found$spec
  # the place in theta of each coefficient of the new terms
  base$fold <- append(seq_along(base$theta), found$cut, n)
  list(list(design = base, place = NULL, theta = base$theta[base$fold]))
}

# For each factor of a term with a variable, whether it is one of push()
pushed_factors <- function(term, name) {
  factors <- function(expr) {
    if (is_call_to(expr, ":")) c(factors(expr[[2L]]), factors(expr[[3L]])) else list(expr)
  }
  having <- Filter(function(factor) name %in% all.vars(factor), factors(str2lang(term)))
  vapply(having, is_call_to, NA, "push")
}
