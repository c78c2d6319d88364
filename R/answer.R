# What the answers of a fit share: the design at other data and other coefficients, standard errors of anything that
# is computed from coefficients, draws of coefficients, and the tables that come out.

# What others do --------------------------------------------------------------------------------------

resolve_equilibrium.migration_fit <- function(object, design) {
  design
}

hold_equilibrium.migration_fit <- function(object, design, other) {
  design
}

# The fit restricted to some of its occasions: `rows` is logical, by row of the table they are in. Where firms react to
# each other, `context` keeps the fit to all.
restrict_fit <- function(object, rows) {
  if (is.null(object$context)) {
    object$context <- object
  }
  object$given$subset <- rows
  object
}

# Designs ---------------------------------------------------------------------------------------------

# The design of the occasions of a fit with other data in the place of its own
fit_design_on <- function(object, data) {
  object$data <- data
  fit_design(object)
}

# Expected flows: a row for each origin and one, the last, for firms without; a column for each place
expected_flows <- function(object, design) {
  kernel_predict(object, design, "flows")
}

# Whether a flow from row to column is a stay
stays_of <- function(flows) {
  row(flows) == col(flows)
}

# Coefficients ----------------------------------------------------------------------------------------

# theta of a design with its covariance, place constants included: list(theta, covariance, at: coefficients in theta,
# n_terms). Given the coefficients b the absorbed constants are d(b) = d - A'(b - b^) with A = H_bd H_dd^-1, and have
# the covariance H_dd^-1 around that.
theta_space <- function(object, design, ...) {
  v <- vcov(object, ...)
  v[is.na(v)] <- 0
  layout <- design$layout
  list(
    theta = design$theta, covariance = theta_covariance(object, design, v), at = layout$coefficients,
    n_terms = length(layout$terms)
  )
}

# The covariance of theta from that of the coefficients
theta_covariance <- function(object, design, v) {
  layout <- design$layout
  covariance <- matrix(0, layout$total, layout$total)
  covariance[layout$coefficients, layout$coefficients] <- v
  if (length(layout$effects) > 0L) {
    covariance <- with_effects(covariance, layout$coefficients, layout$effects, object, design)
  }
  covariance
}

with_effects <- function(covariance, at, effects, object, design) {
  free <- effects[object$design$effects_se > 0 & is.finite(object$effects)]
  information <- .Call(
    C_evaluate, design$spec, design$kernel, design$theta, fm_information, kernel_control(object$control)
  )$information
  across <- object$design$adjust[, match(free, effects), drop = FALSE]
  v <- covariance[at, at]
  covariance[at, free] <- -v %*% across
  covariance[free, at] <- t(covariance[at, free])
  covariance[free, free] <- solve_scaled(information[free, free]) + crossprod(across, v %*% across)
  covariance
}

# Draws of theta from its asymptotic normal distribution, a column each. The symmetric root does not depend on the
# signs of eigenvectors, which the last digits of a covariance may turn.
draw_theta <- function(space, draws) {
  eigen <- eigen(space$covariance, symmetric = TRUE)
  root <- eigen$vectors %*% (sqrt(pmax(eigen$values, 0)) * t(eigen$vectors))
  noise <- matrix(stats::rnorm(draws * length(space$theta)), length(space$theta))
  space$theta + root %*% noise
}

# Standard errors -------------------------------------------------------------------------------------

# Derivatives of value(theta), a vector, in theta: central differences, a thousandth of a standard error wide, so
# that the function is as good as quadratic between them. Only for parameters with a variance.
theta_jacobian <- function(value, space) {
  se <- sqrt(diag(space$covariance))
  free <- which(se > 0)
  tick <- progress("Derivatives", length(free))
  columns <- lapply(free, function(k) {
    tick()
    step <- 1e-3 * se[k]
    ahead <- behind <- space$theta
    ahead[k] <- ahead[k] + step
    behind[k] <- behind[k] - step
    (value(ahead) - value(behind)) / (2 * step)
  })
  jacobian <- matrix(0, length(value(space$theta)), length(space$theta))
  jacobian[, free] <- unlist(columns)
  jacobian
}

# Standard errors by the delta method
delta_errors <- function(value, space) {
  jacobian <- theta_jacobian(value, space)
  sqrt(pmax(rowSums((jacobian %*% space$covariance) * jacobian), 0))
}

# Adds std.error and the limits of a normal interval to a table with `estimate`
with_intervals <- function(table, std.error, conf.level) {
  reach <- stats::qnorm((1 + conf.level) / 2) * std.error
  table$std.error <- std.error
  table$conf.low <- table$estimate - reach
  table$conf.high <- table$estimate + reach
  table
}

# Standard deviation and quantiles of draws, a row of `draws` for each row of the table
with_draws <- function(table, draws, conf.level) {
  tail <- (1 - conf.level) / 2
  found <- .Call(C_row_spread, draws, c(tail, 1 - tail), if (is_forked()) 1L else default_threads())
  table$std.error <- found[, 1L]
  table$conf.low <- found[, 2L]
  table$conf.high <- found[, 3L]
  table
}

# Variables -------------------------------------------------------------------------------------------

# The variables of the terms of a fit that are columns of its data: data frame variable, table. The group of peers()
# is none: what counts there is where its members are.
fit_variables <- function(object) {
  terms <- object$design$terms
  tables <- variable_tables(object$data)
  names <- unique(unlist(lapply(unique(terms$term), term_columns)))
  table <- vapply(names, function(name) {
    at <- names(tables)[vapply(tables, function(columns) name %in% columns, NA)]
    if (length(at) == 0L) "" else at[1L]
  }, "")
  found <- data.frame(variable = names, table = unname(table), stringsAsFactors = FALSE)
  found[nzchar(found$table), , drop = FALSE]
}

# Names in a term as written, those inside peers() left out
term_columns <- function(term) {
  without_peers <- function(expr) {
    if (is_call_to(expr, "peers")) {
      return(quote(stay))
    }
    if (is_call_to(expr, "$")) {
      return(as.name(as.character(expr[[3L]])))
    }
    for (k in seq_along(expr)[-1L]) if (is.call(expr[[k]])) expr[[k]] <- without_peers(expr[[k]])
    expr
  }
  setdiff(all.vars(without_peers(str2lang(term))), "stay")
}

# The row of fit_variables() of a name, or an error with the nearest
check_variable <- function(object, variable) {
  known <- fit_variables(object)
  if (!is.character(variable) || length(variable) != 1L || is.na(variable)) {
    abort("`variable` must be the name of one variable of the model, a string.", class = "argument")
  }
  at <- match(variable, known$variable)
  if (is.na(at)) {
    abort(
      "`", variable, "` is not a variable of the model.",
      did_you_mean(variable, known$variable, otherwise = paste0(" It has ", quote_names(known$variable, 12), ".")),
      class = "variable"
    )
  }
  known[at, ]
}

# Numbers of places given by name; all where NULL
place_numbers <- function(object, places, argument) {
  refuse_streamed(object)
  if (is.null(places)) {
    return(seq_along(object$data$place))
  }
  at <- match(as.character(places), object$data$place)
  if (anyNA(at)) {
    unknown <- as.character(places)[is.na(at)]
    abort(
      "`", argument, "` names ", quote_names(unknown), ", not among the places.",
      did_you_mean(unknown, object$data$place),
      class = "place"
    )
  }
  at
}

# Tables ----------------------------------------------------------------------------------------------

#' @title Tables of answers
#' @description The answers of a fit, [elasticities()], [marginal_effects()], [compensate()], [counterfactual()],
#' [attribute_moves()], [iia_test()] and [test_claims()], print as tables and are plain data frames inside.
#' @param x An answer.
#' @param digits Significant digits to show.
#' @param n Rows to show.
#' @param row.names,optional,... Not used.
#' @return `print()` returns `x`, invisibly; `as.data.frame()` and `tidy()` a data frame with `estimate`, `std.error`,
#'   `conf.low` and `conf.high` among its columns.
#' @seealso [elasticities()], [marginal_effects()], [compensate()], [counterfactual()], [attribute_moves()],
#'   [iia_test()], [test_claims()]; [knit_print.migration_answer()] for documents.
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(technology) + pull(creativity) + log(distance), data)
#' tidy(marginal_effects(fit, "technology"))
#' @name print.migration_answer
NULL

# An answer: a list with `table` and what its print method says
new_answer <- function(class, ...) {
  structure(list(...), class = c(class, "migration_answer"))
}

#' @rdname print.migration_answer
#' @export
print.migration_answer <- function(x, digits = max(3L, getOption("digits") - 3L), n = 20, ...) {
  cat(wrapped(x$title), "\n", sep = "")
  print_table(x$table, digits, n)
  cat(vapply(x$notes, function(note) paste0(wrapped(note), "\n"), ""), sep = "")
  invisible(x)
}

#' @rdname print.migration_answer
#' @export
as.data.frame.migration_answer <- function(x, row.names = NULL, optional = FALSE, ...) {
  check_dots(..., also = "stringsAsFactors")
  x$table
}

#' @rdname print.migration_answer
#' @export
tidy.migration_answer <- function(x, ...) {
  check_dots(...)
  x$table
}
