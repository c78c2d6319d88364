# Methods of a fit that read what it keeps; those that need the data again start from fit_design().

#' @export
coef.migration_fit <- function(object, ...) {
  check_dots(..., also = "complete")
  object$coefficients
}

#' @export
nobs.migration_fit <- function(object, ...) {
  object$n
}

#' @export
logLik.migration_fit <- function(object, ...) {
  structure(object$loglik, df = object$df, nobs = object$n, class = "logLik")
}

#' @export
deviance.migration_fit <- function(object, ...) {
  -2 * object$loglik
}

#' @importFrom stats df.residual
#' @export
df.residual.migration_fit <- function(object, ...) {
  object$n - object$df
}

#' @export
formula.migration_fit <- function(x, ...) {
  x$formula
}

#' @export
terms.migration_fit <- function(x, ...) {
  # place constants are no terms that could be dropped
  formula <- x$formula
  formula[[length(formula)]] <- formula_parts(formula)[[1L]]
  # step() takes this for the formula of the fit, so as one it is whole
  whole <- x$formula
  attributes(whole) <- attributes(stats::terms(formula, ...))
  whole
}

#' @export
weights.migration_fit <- function(object, ...) {
  object$weights
}

#' @export
family.migration_fit <- function(object, ...) {
  structure(list(family = tolower(model_title(object$model)), link = "logit"), class = "family")
}

#' @importFrom stats case.names
#' @export
case.names.migration_fit <- function(object, ...) {
  row_names(object$data)[object$design$occasion]
}

#' @title Occasions and model matrix of a fit
#' @description `model.frame()` gives the rows of `firms` (or of the long data) that were used;
#' `model.matrix()` the terms, uncentred, as they enter the utility: a row for each occasion and offered
#' place. The fit itself never builds this matrix.
#' @param formula,object A fit of [fit_migration()].
#' @param ... Not used.
#' @return `model.frame()`: a data frame. `model.matrix()`: a numeric matrix with a column for each term and
#'   the attributes `occasion` (row of `model.frame()`; the occasion number for long data) and `place`.
#' @seealso [fitted()][fitted.migration_fit], [estfun()][estfun.migration_fit], [migration_formula] for the terms.
#' @name model_frame_migration_fit
#' @export
model.frame.migration_fit <- function(formula, ...) {
  check_dots(...)
  user_table(formula$data)[frame_rows(formula$data, formula$design$occasion), , drop = FALSE]
}

#' @rdname model_frame_migration_fit
#' @export
model.matrix.migration_fit <- function(object, ...) {
  check_dots(...)
  design <- fit_design(object)
  if (has_tables(object$data)) {
    refuse_cells("The model matrix", c(length(design$occasion), length(object$data$place)), "Fits need none.")
  }
  parts <- .Call(C_model_matrix, design$spec)
  x <- parts$x
  colnames(x) <- object$design$terms$name
  attr(x, "occasion") <- parts$occasion
  attr(x, "place") <- outcome_names(design, object$data)[parts$place]
  x
}

#' @title Confidence intervals of coefficients
#' @description Wald intervals, \eqn{\hat b \pm z\, se}{b +- z se}, from any covariance of
#' [vcov.migration_fit()]; or by the profile likelihood, all values \eqn{b} with
#' \eqn{2 (L(\hat b) - L(b)) \le z^2}{2 (L(b^) - L(b)) <= z^2}, where \eqn{L(b)} is the maximum with the coefficient
#' held at \eqn{b}. These need some ten refits a coefficient, do not depend on how it is scaled, and may be one-sided: a
#' limit that the log-likelihood never falls to is infinite, or that of the domain.
#' @param object A fit of [fit_migration()].
#' @param parm Names or numbers of coefficients; default all.
#' @param level Confidence level, between 0 and 1.
#' @param method `"wald"` or `"profile"`.
#' @param ... Passed to [vcov.migration_fit()]: `type`, `cluster`, `vcov`; not for profiles, which come from the
#'   likelihood.
#' @return A matrix with a row for each coefficient and the lower and upper limit.
#' @seealso [vcov()][vcov.migration_fit] for the covariance, [tidy()][tidy.migration_fit],
#'   [summary()][summary.migration_fit].
#' @export
confint.migration_fit <- function(object, parm, level = 0.95, method = c("wald", "profile"), ...) {
  method <- check_choice(method, "method", c("wald", "profile"))
  check_dots(..., also = if (method == "wald") covariance_arguments)
  level <- check_fraction(level, "level")
  b <- object$coefficients
  se <- standard_errors(object, ...)
  chosen <- if (missing(parm)) names(b) else if (is.numeric(parm)) names(b)[parm] else parm
  check_coefficients(chosen, object)
  tail <- (1 - level) / 2
  limits <- b + outer(se, stats::qnorm(c(tail, 1 - tail)))
  dimnames(limits) <- list(names(b), paste(format(100 * c(tail, 1 - tail), trim = TRUE, digits = 3), "%"))
  limits <- limits[chosen, , drop = FALSE]
  if (method == "profile") profile_limits(object, limits, level) else limits
}

check_coefficients <- function(names, object) {
  unknown <- setdiff(names, names(object$coefficients))
  if (length(unknown) > 0L) {
    abort(
      "`parm` names ", quote_names(unknown), ", not a coefficient of the fit.",
      did_you_mean(as.character(unknown), names(object$coefficients)),
      class = "argument"
    )
  }
}

# Standard errors of all coefficients: NA where there is no estimate
standard_errors <- function(object, ...) {
  se <- sqrt(diag(vcov(object, ...)))
  se[!object$estimated] <- NA
  se
}

#' @title Fitted values and residuals of a fit
#' @description With \eqn{P_{ij}}{P_ij} the fitted probability, \eqn{y_i} the chosen place and \eqn{w_i} the
#' weight: `fitted()` is \eqn{P_{i y_i}}{P_iy}; deviance residuals are
#' \eqn{\sqrt{-2 w_i \log P_{i y_i}}}{sqrt(-2 w_i log P_iy)}, so that their squares sum to [deviance()];
#' Of a [mixed()] logit `fitted()` is the simulated probability of the choice with the draws of the likelihood, given
#' the earlier choices of the same firm where its coefficients are its own (`panel = TRUE`): in every model the sum of
#' \eqn{w_i \log}{w_i log} of it is the log-likelihood, but of answers that are not one choice, as rankings are.
#' response residuals are \eqn{1\{j = y_i\} - P_{ij}}{1{j = y_i} - P_ij} and Pearson residuals these over
#' \eqn{\sqrt{P_{ij}(1 - P_{ij})}}{sqrt(P_ij (1 - P_ij))}.
#' @param object A fit of [fit_migration()].
#' @param outcome `TRUE` (default): of the chosen place; `FALSE`: of all places, as
#'   [predict()][predict.migration_fit] gives them.
#' @param type `"deviance"` (default), `"response"` or `"pearson"`.
#' @param ... Not used.
#' @return A number for each occasion (`fitted()`, deviance residuals); else a number for each occasion and
#'   place, in the shape of `predict(object, type = "probability")`.
#' @seealso [predict()][predict.migration_fit], [augment()][tidy.migration_fit], which puts them beside the data.
#' @export
fitted.migration_fit <- function(object, outcome = TRUE, ...) {
  check_dots(...)
  if (!outcome) {
    return(predict(object, type = "probability"))
  }
  design <- fit_design(object)
  occasion_result(chosen_probability(object, design), design, object$data)
}

# Probabilities of the chosen places, a slice of occasions at a time so that no occasions x places matrix is made
chosen_probability.migration_fit <- function(object, design) {
  by_slice(design, function(part) at_chosen(part$spec, kernel_predict(object, part, "probability")))
}

#' @rdname fitted.migration_fit
#' @export
residuals.migration_fit <- function(object, type = c("deviance", "response", "pearson"), ...) {
  check_dots(...)
  type <- check_choice(type, "type")
  design <- fit_design(object)
  if (type == "deviance") {
    w <- if (is.null(object$weights)) 1 else object$weights
    return(occasion_result(sqrt(-2 * w * log(chosen_probability(object, design))), design, object$data))
  }
  p <- kernel_predict(object, design, "probability")
  residual <- chosen_indicator(design$spec) - p
  place_result(if (type == "pearson") residual / sqrt(p * (1 - p)) else residual, design, object$data)
}

#' @title Refit with changes
#' @description As [stats::update()], for formulas with `stay` and `|`: a dot stands for the old part, `-
#' stay` is kept, and a part that is not mentioned stays as it is.
#' @param object A fit of [fit_migration()].
#' @param formula. Changes, like `. ~ . + pull(wage)` or `~ . | place`.
#' @param ... Other arguments of [fit_migration()] to change. What is not changed is what the fit holds: its data,
#'   weights, subset, model and control, also where the names in its call are gone.
#' @param evaluate `FALSE` gives the call instead of the fit.
#' @return A fit, or the call.
#' @seealso [fit_migration()], [anova()][anova.migration_fit] to compare the fits.
#' @export
update.migration_fit <- function(object, formula., ..., evaluate = TRUE) {
  call <- object$call
  call$formula <- if (missing(formula.)) object$formula else update_parts(object$formula, stats::as.formula(formula.))
  changes <- match.call(expand.dots = FALSE)$...
  check_changes(names(changes))
  call[names(changes)] <- changes
  if (!check_flag(evaluate, "evaluate")) {
    # step() evaluates the call itself, where the name of the data may be unknown
    known <- tryCatch(is.list(eval(call$data, parent.frame())), error = function(e) FALSE)
    return(if (known) call else held_call(object, call, names(changes), parent.frame()))
  }
  fit <- eval(held_call(object, call, names(changes), parent.frame()), parent.frame())
  fit$call <- call
  if (!"data" %in% names(changes)) {
    fit$data_name <- object$data_name
  }
  fit
}

check_changes <- function(names) {
  offered <- setdiff(names(formals(fit_migration)), "formula")
  unknown <- setdiff(names %||% character(), offered)
  if (length(unknown) > 0L) {
    near <- nearest_name(unknown[1L], offered)
    abort(
      "fit_migration() has no argument ", quote_names(unknown), ".",
      if (!is.null(near)) paste0(" The nearest is `", near, "`."),
      class = "argument"
    )
  }
}

# The call with what the fit holds in the place of names that may be gone, or mean something else by now: data, weights,
# subset, model and control that are not to change. Data that hold another kind of answer than a new model asks for, and
# start values, are evaluated again.
held_call <- function(object, call, changed, env) {
  columns <- c("id", "place", "from", "time", "firm")
  same_answer <- !"model" %in% changed || model_answer(eval(call$model, env)) == model_answer(object$model)
  if (!any(c("data", columns) %in% changed) && same_answer) {
    call$data <- object$data
    call[columns] <- NULL
  }
  held <- list(
    weights = object$given$weights, subset = object$given$subset, na.action = object$given$na.action,
    model = object$model, control = object$control
  )
  if (!"data" %in% changed && !is_streamed(object)) {
    for (name in setdiff(intersect(names(held), names(call)), changed)) {
      call[[name]] <- held[[name]]
    }
  }
  call
}

# Puts the old parts in place of the dots of a new formula
update_parts <- function(old, new) {
  was <- formula_parts(old)
  now <- formula_parts(new)
  parts <- lapply(seq_len(max(length(was), length(now))), function(i) {
    if (i > length(now)) {
      return(was[[i]])
    }
    before <- if (i <= length(was)) was[[i]]
    if (i == 1L) merge_part(before, now[[i]]) else substitute_dot(before, now[[i]])
  })
  left <- if (length(old) == 3L) old[[2L]]
  right <- Reduce(function(a, b) call("|", a, b), parts)
  updated <- if (is.null(left)) call("~", right) else call("~", left, right)
  stats::as.formula(updated, env = environment(old))
}

# The parts of the right side between bars
formula_parts <- function(formula) {
  right <- formula[[length(formula)]]
  parts <- list()
  while (is.call(right) && identical(right[[1L]], quote(`|`))) {
    parts <- c(list(right[[3L]]), parts)
    right <- right[[2L]]
  }
  c(list(right), parts)
}

# Later parts name one column of constants: a dot keeps it
substitute_dot <- function(old, new) {
  if (identical(new, quote(.))) {
    return(if (is.null(old)) 0 else old)
  }
  new
}

# Simplifies new with old for its dots. `stay` is implied in every formula: it is made explicit for the
# arithmetic, and only its absence is written in the result.
merge_part <- function(old, new) {
  if ("." %in% all.names(new)) {
    before <- if (is.null(old)) 0 else simplified(add_stay(old))
    merged <- do.call(substitute, list(new, list(. = call("(", before))))
  } else {
    merged <- add_stay(new)
  }
  simple <- simplified(merged)
  if (!"stay" %in% attr(part_terms(merged), "term.labels")) {
    return(call("-", simple, quote(stay)))
  }
  simplified(call("-", call("(", simple), quote(stay)))
}

part_terms <- function(part) {
  stats::terms(stats::as.formula(call("~", part)), keep.order = TRUE)
}

simplified <- function(part) {
  stats::formula(stats::terms(stats::as.formula(call("~", part)), keep.order = TRUE, simplify = TRUE))[[2L]]
}
