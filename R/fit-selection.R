# Choosing among terms: what step(), drop1() and add1() of stats ask of a fit. Terms are those of the first part of the
# formula; `stay`, which every formula with an origin has, is one of them, and place constants stay as they are.

#' @title Adding and dropping terms
#' @description `drop1()` refits without each term, `add1()` with each term of a scope, [step()] repeats the better of
#'   both
#' while the information criterion falls. All refits are of the same occasions: those of the fit.
#'
#' @details The criterion is \eqn{-2 \log L + k\,df}{-2 log L + k df} with \eqn{k = 2} for AIC; `k = log(nobs(fit))` is
#'   BIC.
#' A refit that would lose or gain occasions, because a term has missing values, is an error that says so: fit first to
#' the rows that have all of them.
#' @param object,fit A fit of [fit_migration()].
#' @param scope A formula of the terms to drop or to add, as in [stats::add1()]; for `drop1()` all terms by default.
#' @param scale Not used.
#' @param test `"none"`, or `"Chisq"` for likelihood-ratio tests.
#' @param k Price of a parameter.
#' @param trace `TRUE` tells each refit.
#' @param ... Nothing: another argument is an error.
#' @return A data frame of class `anova` with a row for no change and for each term: `Df`, `logLik`, `AIC` and, with
#'   `test = "Chisq"`, `LRT` and `Pr(>Chi)`. `extractAIC()`: the degrees of freedom and the criterion.
#' @section Errors: A term of the scope that the formula does not have (`drop1()`); no scope (`add1()`).
#' @seealso [anova.migration_fit()], [update.migration_fit()], [attribute_moves()] for the worth of groups of terms
#' @examples
#' data <- subset(wenzhou_guzhen(), year %in% 1997:1998)
#' fit <- fit_migration(~ push(technology) + pull(creativity) + log(distance), data)
#' drop1(fit, test = "Chisq")
#' add1(fit, ~ . + peers(kin), test = "Chisq")
#' @name drop1.migration_fit
NULL

#' @rdname drop1.migration_fit
#' @importFrom stats extractAIC
#' @export
extractAIC.migration_fit <- function(fit, scale = 0, k = 2, ...) {
  c(fit$df, -2 * fit$loglik + k * fit$df)
}

#' @rdname drop1.migration_fit
#' @importFrom stats drop1
#' @export
drop1.migration_fit <- function(object, scope, scale = 0, test = c("none", "Chisq"), k = 2, trace = FALSE, ...) {
  check_dots(...)
  terms <- fit_terms(object)
  chosen <- if (missing(scope)) terms else scope_terms(scope, object)
  unknown <- setdiff(chosen, terms)
  if (length(unknown) > 0L) {
    abort(
      "`scope` has ", quote_names(unknown), ", not a term of the fit.",
      did_you_mean(unknown, terms),
      class = "argument"
    )
  }
  refits <- term_refits(object, chosen, "-", isTRUE(as.logical(trace)))
  change_table(object, refits, check_choice(test, "test"), k, "Single term deletions")
}

#' @rdname drop1.migration_fit
#' @importFrom stats add1
#' @export
add1.migration_fit <- function(object, scope, scale = 0, test = c("none", "Chisq"), k = 2, trace = FALSE, ...) {
  check_dots(...)
  if (missing(scope)) {
    abort("`scope` says which terms to add, like ~ . + pull(wage).", class = "argument")
  }
  more <- setdiff(scope_terms(scope, object), fit_terms(object))
  if (length(more) == 0L) {
    abort("`scope` has no term that the fit lacks.", class = "argument")
  }
  refits <- term_refits(object, more, "+", isTRUE(as.logical(trace)))
  change_table(object, refits, check_choice(test, "test"), k, "Single term additions")
}

# Terms of the first part of the formula, `stay` among them where there is one
fit_terms <- function(object) {
  terms <- attr(part_terms(formula_parts(object$formula)[[1L]]), "term.labels")
  stays <- any(object$design$terms$kind == "stay" & object$design$terms$name == "stay")
  unique(c(if (stays) "stay", setdiff(terms, "stay")))
}

# Terms of a scope, a formula with dots for those of the fit, or their names
scope_terms <- function(scope, object) {
  if (is.character(scope)) {
    return(scope)
  }
  attr(part_terms(formula_parts(update_parts(object$formula, scope))[[1L]]), "term.labels")
}

# Fits with one term more or less, by name of the term
term_refits <- function(object, terms, sign, trace) {
  refits <- lapply(terms, function(term) {
    if (trace) {
      inform("trying ", sign, " ", term, class = "trace")
    }
    change <- stats::as.formula(paste("~ .", sign, term), env = environment(object$formula))
    fit <- update.migration_fit(object, change)
    check_same_occasions(fit, object)
    fit
  })
  stats::setNames(refits, terms)
}

change_table <- function(object, refits, test, k, title) {
  all <- c(list(`<none>` = object), refits)
  df <- vapply(all, function(fit) as.double(fit$df), 0)
  loglik <- vapply(all, function(fit) fit$loglik, 0)
  table <- data.frame(
    Df = c(NA, abs(df[-1L] - df[1L])), logLik = loglik, AIC = -2 * loglik + k * df, row.names = names(all)
  )
  if (test == "Chisq") {
    table$LRT <- c(NA, pmax(2 * abs(loglik[-1L] - loglik[1L]), 0))
    table$`Pr(>Chi)` <- stats::pchisq(table$LRT, table$Df, lower.tail = FALSE)
    table$`Pr(>Chi)`[table$Df %in% 0] <- NA
  }
  heading <- c(title, paste0("\nModel: ", formula_text(object$formula), "\n"))
  structure(table, heading = heading, class = c("anova", "data.frame"))
}
