#' @title Elasticities of where firms go
#' @description By how many per cent the expected number of firms at a place changes when a variable of a place rises
#' by one per cent. With \eqn{P_{ij}}{P_ij} the probabilities and \eqn{w_i} the weights,
#' \deqn{E_{jk} = \frac{x_k}{N_j} \frac{\partial N_j}{\partial x_k}
#'   = \frac{\sum_i w_i P_{ij}\, e_{ijk}}{\sum_i w_i P_{ij}}, \qquad N_j = \sum_i w_i P_{ij}, \quad
#'   e_{ijk} = \frac{x_{ik}}{P_{ij}} \frac{\partial P_{ij}}{\partial x_{ik}}:}{E_jk = (x_k / N_j) dN_j/dx_k = sum_i
#'   w_i P_ij e_ijk / sum_i w_i P_ij, with N_j = sum_i w_i P_ij and e_ijk = (x_ik / P_ij) dP_ij/dx_ik:}
#' the elasticities of the firms, weighted by their probabilities, so that those who never go there do not count
#' (Ben-Akiva and Lerman 1985, section 5.4).
#'
#' @details For a [conditional()] logit with one term \eqn{b x} the elasticity of a firm is \eqn{b x_j (1 - P_j)} with
#' respect to the place's own variable and \eqn{-b x_k P_k} with respect to another's, the same for all places. For a
#' [nested()] logit, of one nest \eqn{n} and its parameter \eqn{\lambda}{lambda}, it is
#' \eqn{b x_j [(1 - P_j) + (1/\lambda - 1)(1 - P_{j|n})]}{b x_j ((1 - P_j) + (1/lambda - 1) (1 - P_j|n))} and
#' \eqn{-b x_k [P_k + (1/\lambda - 1) P_{k|n}]}{-b x_k (P_k + (1/lambda - 1) P_k|n)} within the nest, and
#' \eqn{-b x_k P_k} outside of it. What is computed needs no formula: it is the derivative of [predict()]ed flows when
#' the variable changes in the data, so it holds for every model, and a variable that enters several times (`push(x)`,
#' `w:pull(x)`, `log(x)`) counts with all of them. With `by = "place"` and data of one firm the result is that firm's
#' elasticity.
#'
#' Of a conditional logit of relational data, the elasticities of all pairs of places and their standard errors take one
#' pass over the data; of other models the designs are shifted at each place in turn.
#'
#' Where the choices feed back on each other, as in the equilibrium of [chain()], what the others do is held as it is:
#' for the change with feedback see [counterfactual()].
#'
#' @param object A fit of [fit_migration()].
#' @param variable Name of a numeric variable of places or ties (of long data: any) that is in the model. Of ties,
#'   those that lead to the place.
#' @param by `"place"`: of the number of firms at each place, whatever their origin; `"origin"`: of the flows from
#'   each origin; `"leaving"`: of the number of firms that leave, with respect to the variable of each place.
#' @param of Names of the places whose variable changes; `NULL` is all. Work grows with their number.
#' @param std.error `FALSE` leaves standard errors out, which are most of the work.
#' @param conf.level Level of the intervals, between 0 and 1.
#' @param ... `type` and `cluster`, or `vcov`: which covariance, as in [vcov.migration_fit()].
#' @return An object of class `migration_elasticities`; its table, by `as.data.frame()`, has `variable`, `from` (only
#'   with `by = "origin"`), `place` (not with `by = "leaving"`), `of` (whose variable changes), `own`, `estimate`,
#'   `std.error`, `conf.low`, `conf.high`. `summary()` gives a matrix of the estimates, place by `of`.
#' @section Errors: A variable that the model does not have, that is an attribute of firms (then see
#'   [marginal_effects()]) or that is not a number; of [hazard()] anything but `by = "leaving"`.
#' @references Ben-Akiva, M. and Lerman, S. R. (1985). *Discrete Choice Analysis*. MIT Press.
#'
#'   Train, K. E. (2009). *Discrete Choice Methods with Simulation*, 2nd ed. Cambridge University Press.
#'   \doi{10.1017/CBO9780511805271}
#' @seealso [marginal_effects()], [counterfactual()]
#' @examples
#' data <- subset(wenzhou_guzhen(), year %in% 1997:1998)
#' fit <- fit_migration(~ pull(land_price) + log(distance) + log(makers), data)
#' elasticities(fit, "land_price", of = c("Guzhen", "Shanghai"))
#' elasticities(fit, "land_price", by = "leaving", of = "Guzhen")
#' @export
elasticities <- function(object, variable, by = c("place", "origin", "leaving"), of = NULL, std.error = TRUE,
                         conf.level = 0.95, ...) {
  check_fit(object)
  check_dots(..., also = covariance_arguments)
  by <- check_choice(by, "by")
  if (by != "leaving") {
    refuse_hazard(object, paste0("elasticities(by = \"", by, "\")"), "Use `by = \"leaving\"`.")
  }
  variable <- check_variable(object, variable)
  check_elastic(object, variable)
  conf.level <- check_fraction(conf.level, "conf.level")
  places <- place_numbers(object, of, "of")
  base <- fit_design(object)
  table <- elasticity_frame(object, variable$variable, by, places, base)
  space <- if (check_flag(std.error, "std.error")) theta_space(object, base, ...)
  found <- if (by == "place") crossed_elasticities(object, variable, places, base, space)
  found <- found %||% shifted_elasticities(object, variable, by, places, space, table$cell)
  table$estimate <- found$estimate
  se <- found$std.error
  shown <- is.finite(table$estimate)
  table$cell <- NULL
  new_answer("migration_elasticities",
    table = plain_rows(with_intervals(table, se, conf.level)[shown, ]),
    title = paste0("Elasticities of ", elasticity_of[[by]], " with respect to `", variable$variable, "`"),
    notes = if (std.error) interval_note(conf.level, "by the delta method"), by = by
  )
}

elasticity_of <- c(
  place = "the expected number of firms at a place", origin = "expected flows",
  leaving = "the expected number of firms that leave"
)

check_elastic <- function(object, variable) {
  if (variable$table == "firms") {
    abort(
      "`", variable$variable, "` is an attribute of firms, not of places or ties. See marginal_effects().",
      class = "variable"
    )
  }
  if (!is.numeric(table_of(object$data, variable$table)[[variable$variable]])) {
    abort("`", variable$variable, "` is not a number, so it has no elasticity. See marginal_effects().",
      class = "variable"
    )
  }
}

# Of a conditional logit, all pairs in one pass: list(estimate, std.error), in the order of elasticity_frame(); NULL for
# other models, and where the storage does not give the derivatives of its terms in a variable.
crossed_elasticities <- function(object, variable, places, base, space) {
  if (!inherits(object, "migration_fit_conditional")) {
    return(NULL)
  }
  shifted <- lapply(c(1, -1), function(sign) {
    change <- function(x) x * exp(sign * elasticity_step)
    fit_design_on(object, change_variable(object$data, variable, change))$spec
  })
  wide <- with_derivatives(base$spec, shifted[[1L]], shifted[[2L]], 2 * elasticity_step)
  pushed <- lapply(object$design$terms$term[wide$at], pushed_factors, name = variable$variable)
  if (is.null(wide) || any(lengths(pushed) != 1L)) {
    return(NULL)
  }
  directions <- if (is.null(space)) matrix(0, length(base$theta), 0L) else root_directions(space)
  found <- .Call(
    C_elasticities, wide$spec, elasticity_directions(base, wide$at, unlist(pushed), directions),
    kernel_control(object$control)
  )
  stocks <- found$stocks[, 1L]
  responses <- matrix(found$responses[, places, ], ncol = 1L + ncol(directions))
  estimate <- responses[, 1L] / stocks
  slopes <- (responses[, -1L, drop = FALSE] - estimate * found$stocks[rep(seq_along(stocks), length(places)), -1L]) / stocks
  list(estimate = estimate, std.error = if (is.null(space)) NA_real_ else sqrt(rowSums(slopes^2)))
}

# Directions of the coefficients of a design that has the derivatives of the terms `at` after its terms: the effects of
# a place on its own utility (`to`) or, of pushes, on the utilities of those who start there (`from`)
elasticity_directions <- function(base, at, pushed, directions) {
  n <- length(base$layout$terms)
  added <- length(at)
  widen <- function(x, of = NULL) {
    x <- as.matrix(x)
    own <- matrix(0, nrow(x) + added, ncol(x))
    if (is.null(of)) {
      own[-(n + seq_len(added)), ] <- x
    } else {
      own[n + which(of), ] <- x[at[of], ]
    }
    own
  }
  list(
    theta = c(widen(base$theta)), to = c(widen(base$theta, !pushed)), from = c(widen(base$theta, pushed)),
    directions = widen(directions), to_slopes = widen(directions, !pushed), from_slopes = widen(directions, pushed)
  )
}

# The same by the change of predictions
shifted_elasticities <- function(object, variable, by, places, space, cell) {
  designs <- shifted_designs(object, variable, places)
  value <- function(theta) c(elasticity_array(object, designs, theta, by))[cell]
  list(
    estimate = value(designs$base$theta), std.error = if (is.null(space)) NA_real_ else delta_errors(value, space)
  )
}

# Half the width of the difference quotients in log x: the error is its square times a third derivative
elasticity_step <- 1e-4

# The design of the fit and, for each place, the designs with the variable a bit lower and higher there
shifted_designs <- function(object, variable, places) {
  shift <- function(place, by) {
    changed <- change_variable(object$data, variable, function(x) x * exp(by), place)
    fit_design_on(object, changed)
  }
  list(
    base = fit_design(object),
    down = lapply(places, shift, by = -elasticity_step),
    up = lapply(places, shift, by = elasticity_step)
  )
}

# Elasticities at theta: an array of what responds x places of the variable
elasticity_array <- function(object, designs, theta, by) {
  settled <- resolve_equilibrium(object, at_theta(designs$base, theta))
  counted <- function(design) {
    flows <- expected_flows(object, hold_equilibrium(object, at_theta(design, theta), settled))
    switch(by,
      place = colSums(flows),
      origin = c(flows),
      leaving = flows_away(flows)
    )
  }
  base <- counted(designs$base)
  vapply(seq_along(designs$up), function(k) {
    (counted(designs$up[[k]]) - counted(designs$down[[k]])) / (2 * elasticity_step * base)
  }, base)
}

# Labels of the cells of elasticity_array()
elasticity_frame <- function(object, variable, by, places, design) {
  names <- object$data$place
  n <- length(names)
  if (by == "leaving") {
    return(data.frame(variable = variable, of = names[places], cell = seq_along(places)))
  }
  size <- if (by == "place") n else n * (n + 1L)
  cell <- seq_len(size * length(places))
  within <- (cell - 1L) %% size
  of <- places[(cell - 1L) %/% size + 1L]
  at <- if (by == "place") within + 1L else within %/% (n + 1L) + 1L
  table <- data.frame(variable = variable, place = names[at], of = names[of], own = at == of, cell = cell)
  if (by == "origin") {
    table <- cbind(table["variable"], from = c(names, NA)[within %% (n + 1L) + 1L], table[-1L])
  }
  table
}

#' @export
summary.migration_elasticities <- function(object, ...) {
  check_dots(...)
  table <- object$table
  if (object$by == "leaving") {
    return(stats::setNames(table$estimate, table$of))
  }
  rows <- if (object$by == "origin") paste(table$from, "->", table$place) else table$place
  matrix <- tapply(table$estimate, list(place = factor(rows, unique(rows)), of = factor(table$of, unique(table$of))), c)
  matrix[, , drop = FALSE]
}
