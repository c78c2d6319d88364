# Methods for emmeans. It averages linear predictors over a grid of the variables; those of a fit that mean something
# there are the logit of the probability of leaving (firms with origins) and the utility of an alternative (long data).

#' @title Use a fit with emmeans
#' @description `emmeans::emmeans()`, `pairs()` and `contrast()` work on fits, over a reference grid of the variables in
#' the formula: numbers at their mean, categories at every level.
#'
#' | data | variables of the grid | what is averaged |
#' |---|---|---|
#' | [migration_data()] with origins | columns of `firms` in the formula, the origin and the time | \eqn{\log(p / (1 - p))}{log(p / (1 - p))}, \eqn{p} the probability that such a firm leaves; `type = "response"` gives \eqn{p}, and odds ratios for contrasts |
#' | [choice_data()] without origins, [ranked()] answers | columns of the long table in the formula, the place with `\| place` | the utility of such an alternative, \eqn{x'\beta}{x'b}; contrasts are log odds of one against the other |
#'
#' Origins and times count alike in averages, however many firms they have, unless `weights = "proportional"` is asked
#' for. Standard errors are by the delta method. Where the average over the firms as they are is wanted, see
#' [marginal_effects()] and marginaleffects.
#' @param object A fit of [fit_migration()].
#' @param data Not used.
#' @param trms,xlev,grid What emmeans hands on.
#' @param vcov. `type` of [vcov.migration_fit()], a covariance of the coefficients, or a function that gives one for a
#'   fit.
#' @param ... Passed on by emmeans; not used.
#' @return What emmeans asks for.
#' @section Errors: A fit for which this has no meaning, because what a firm does depends on the other firms
#'   ([peers][migration_formula], [chain()]) or on how long it has been there ([hazard()]), because the formula has an
#'   attribute of pairs of a firm and a place, or because there are classes with utilities of their own ([latent()] of
#'   long data); migration data without origins, where no firm leaves; long data with origins, where the utility
#'   of a place is not of its attributes alone; no variable for the grid.
#' @seealso [marginal_effects()], which needs no other package; [marginaleffects_migration_fit] for marginaleffects.
#' @examplesIf requireNamespace("emmeans", quietly = TRUE)
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ keep(log(size)) + keep(segment) + log(distance), data, subset = year == 2000)
#' # the probability that a firm of mean size leaves Wenzhou, by what it makes
#' emmeans::emmeans(fit, ~segment, at = list(from = "Wenzhou"), type = "response")
#' # how much each reason matters, in interviews
#' reasons <- fit_migration(rank ~ factor, wenzhou_interviews(), ranked(),
#'   id = "firm", place = "factor"
#' )
#' emmeans::emmeans(reasons, ~factor)
#' @name emmeans_migration_fit
#' @exportS3Method emmeans::recover_data migration_fit
recover_data.migration_fit <- function(object, data = NULL, ...) {
  check_grid_meaning(object)
  rows <- grid_rows(object)
  if (length(rows) == 0L) {
    abort("The formula has no variable of ", if (has_origins(object)) "firms" else "the long table",
      ": there is no grid to average over.",
      class = "emmeans"
    )
  }
  formula <- stats::reformulate(sprintf("`%s`", names(rows)), if (has_origins(object)) "leaving" else "utility")
  # emmeans reads the left side of the formula of the call
  emmeans::recover_data(call("fit_migration", formula), stats::delete.response(stats::terms(formula)), NULL, frame = rows)
}

#' @rdname emmeans_migration_fit
#' @exportS3Method emmeans::emm_basis migration_fit
emm_basis.migration_fit <- function(object, trms, xlev, grid, vcov. = "hessian", ...) {
  b <- get_coef.migration_fit(object)
  covariance <- get_vcov.migration_fit(object, if (is.function(vcov.)) vcov.(object) else vcov.)
  leaving <- has_origins(object)
  at <- function(b) {
    moved <- set_coef.migration_fit(object, b)
    if (leaving) stats::qlogis(leaving_at(moved, grid)) else utility_at(moved, grid)
  }
  slope <- grid_jacobian(at, b, sqrt(diag(covariance)), nrow(grid))
  # each point is a parameter of its own, with the covariance of the delta method
  list(
    X = diag(nrow(grid)), bhat = at(b), nbasis = matrix(NA), V = slope %*% covariance %*% t(slope),
    dffun = function(k, dfargs) Inf, dfargs = list(), misc = if (leaving) list(tran = "logit", inv.lbl = "prob") else list()
  )
}

# Stops where a point of a grid of variables does not say what a firm does
check_grid_meaning <- function(object) {
  refuse <- function(...) abort("emmeans has no meaning for this fit: ", ..., class = "emmeans")
  instead <- " See marginal_effects() and marginaleffects::avg_slopes()."
  refuse_hazard(object, "emmeans()", trimws(instead))
  others <- depends_on_others(object$model) || "peers" %in% all.names(object$formula)
  if (others) {
    refuse("what a firm does depends on where the others are.", instead)
  }
  firm_ties <- Filter(function(tie) tie$by == "firm", object$data[["ties"]])
  used <- intersect(all.vars(object$formula), unlist(lapply(firm_ties, `[[`, "columns")))
  if (length(used) > 0L) {
    refuse(quote_names(used), " is an attribute of pairs of a firm and a place, and a point of a grid is no firm.", instead)
  }
  long <- !has_tables(object$data)
  if (long && !is.null(object$data$names$from)) {
    refuse(
      "the utility of a place depends on whether it is the origin. With migration_data() it is the probability of ",
      "leaving."
    )
  }
  if (long && length(class_coefficients(object)) > 1L) {
    refuse("each class has utilities of its own. See compensate() and summary().")
  }
  if (!long && !has_origins(object)) {
    refuse("no firm has an origin to leave. With choice_data() it is the utility of a place.")
  }
}

has_origins <- function(object) {
  has_tables(object$data) && any(!is.na(object$data$index$origin[object$design$occasion]))
}

# The variables of the grid, as emmeans takes its levels and means from them; origins and times are categories
grid_rows <- function(object) {
  rows <- insight_rows(object)
  names <- object$data$names
  used <- union(find_predictors.migration_fit(object, flatten = TRUE), all.vars(object$model$membership))
  keys <- if (has_origins(object)) c(names$from, names$time) else if (length(object$effects) > 0L) names$place
  keys <- unlist(keys)
  if (has_origins(object)) {
    used <- setdiff(used, c(keys, names$firm))
    if (length(used) == 0L) {
      return(list())
    }
  }
  rows <- rows[union(intersect(used, names(rows)), keys)]
  rows[keys] <- lapply(rows[keys], function(x) factor(as.character(x), unique(as.character(sort(x)))))
  rows
}

# The points of a grid as rows of a table like that of the fit
grid_table <- function(object, grid) {
  rows <- insight_rows(object)
  table <- rows[rep(1L, nrow(grid)), , drop = FALSE]
  for (name in intersect(names(grid), names(rows))) {
    known <- unique(rows[[name]])
    if (is.numeric(known) && is.numeric(grid[[name]])) {
      table[[name]] <- grid[[name]]
      next
    }
    at <- match(as.character(grid[[name]]), as.character(known))
    if (anyNA(at)) {
      abort("`", name, "` is never ", quote_names(unique(as.character(grid[[name]])[is.na(at)])), " in the data of the fit.",
        class = "emmeans"
      )
    }
    table[[name]] <- known[at]
  }
  row.names(table) <- NULL
  table
}

# Probabilities of leaving of firms at the points of a grid
leaving_at <- function(object, grid) {
  firms <- grid_table(object, grid)
  firms[[object$data$names$firm]] <- paste0("point", seq_len(nrow(firms)))
  p <- predict(object, firms)
  1 - p[cbind(seq_len(nrow(p)), home_column(object, firms, colnames(p)))]
}

# Derivatives at n points in the coefficients by central differences, a thousandth of a standard error wide
grid_jacobian <- function(at, b, errors, n) {
  columns <- vapply(seq_along(b), function(k) {
    step <- 1e-3 * errors[k]
    (at(replace(b, k, b[k] + step)) - at(replace(b, k, b[k] - step))) / (2 * step)
  }, numeric(n))
  matrix(columns, n, length(b))
}

# Utilities of alternatives at the points of a grid, each with another place for an occasion
utility_at <- function(object, grid) {
  rows <- grid_table(object, grid)
  names <- object$data$names
  rows[[names$id]] <- seq_len(nrow(rows))
  rows[[names$chosen]] <- NULL
  others <- rows
  known <- unique(insight_rows(object)[[names$place]])
  others[[names$place]] <- known[ifelse(rows[[names$place]] == known[1L], 2L, 1L)]
  unname(predict(object, rbind(rows, others), type = "utility"))[seq_len(nrow(rows))]
}
