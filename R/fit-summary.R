# What a person reads of a fit: print, summary, analysis of deviance, knitr.

#' @title Coefficient table of a fit
#' @description Coefficients with standard errors, Wald tests and the record of the fit. Coefficients are tested
#' against 0; dissimilarity parameters lambda against 1, where the nested logit is the conditional one.
#' @param object,x A fit of [fit_migration()], or its summary.
#' @param type,cluster,vcov Which standard errors, as in [vcov.migration_fit()].
#' @param digits Significant digits.
#' @param signif.stars `TRUE` marks small p-values with stars.
#' @param ... Not used.
#' @return A list of class `summary.migration_fit` with `coefficients` (a matrix with columns Estimate, Std. Error,
#'   z value, Pr(>|z|)), `parameters` (a row for each: its group, the value tested, its section), `vcov_type`, the
#'   counts, the log-likelihoods and `convergence`. `print()` returns its argument invisibly.
#' @seealso [tidy()][tidy.migration_fit] for a data frame, [vcov()][vcov.migration_fit],
#'   [confint()][confint.migration_fit], [anova()][anova.migration_fit].
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(land_price) + distance, data)
#' summary(fit)
#' summary(fit, cluster = ~ firm)
#' @export
summary.migration_fit <- function(object, type = c("hessian", "opg", "robust", "cluster"), cluster = NULL,
                                  vcov = NULL, ...) {
  check_dots(...)
  asked <- asked_covariance(object, vcov, if (!missing(type)) type, cluster)
  table <- coefficient_table(object, vcov = asked)
  kept <- c(
    "model", "formula", "data_name", "n", "n_firms", "n_places", "n_movers", "n_no_origin", "n_exits", "loglik",
    "loglik_null", "df", "convergence", "aliased", "fixed", "border", "na.action", "effects", "allocations"
  )
  structure(
    c(
      list(coefficients = table, parameters = object$parameters),
      list(vcov_type = vcov_title(object, asked), memory = object$design$memory),
      object[intersect(kept, names(object))]
    ),
    class = "summary.migration_fit"
  )
}

# Estimate, Std. Error, z value, Pr(>|z|); z of lambda is of lambda = 1
coefficient_table <- function(object, ...) {
  estimate <- object$coefficients
  se <- standard_errors(object, ...)
  z <- (estimate - object$parameters$null) / se
  cbind(Estimate = estimate, `Std. Error` = se, `z value` = z, `Pr(>|z|)` = 2 * stats::pnorm(-abs(z)))
}

vcov_title <- function(object, asked) {
  switch(asked$type,
    given = "as given in `vcov`",
    HC1 = "robust (sandwich, n / (n - k))",
    hessian = "information matrix",
    opg = "outer product of scores",
    robust = "robust (sandwich)",
    cluster = paste0("clustered by ", cluster_title(object, asked$cluster))
  )
}

cluster_title <- function(object, cluster) {
  codes <- cluster_codes(object, cluster)
  size <- vapply(codes, max, 0L)
  if (is.null(cluster)) {
    return(paste0("firm (", format_count(size), ")"))
  }
  if (!inherits(cluster, "formula")) {
    return(plural(size[1L], "group"))
  }
  paste0(cluster_labels(cluster), " (", format_count(size), ")", collapse = " and ")
}

#' @rdname summary.migration_fit
#' @export
print.summary.migration_fit <- function(x, digits = max(3L, getOption("digits") - 3L),
                                        signif.stars = getOption("show.signif.stars"), ...) {
  print_head(x)
  sections <- unique(x$parameters$section)
  for (section in sections) {
    cat("\n", section, ":\n", sep = "")
    stats::printCoefmat(x$coefficients[x$parameters$section == section, , drop = FALSE],
      digits = digits, signif.stars = signif.stars,
      signif.legend = signif.stars && section == sections[length(sections)],
      na.print = "", has.Pvalue = TRUE, P.values = TRUE
    )
  }
  cat("\n")
  print_details(x$model, x)
  cat("Standard errors: ", x$vcov_type, "\n", sep = "")
  print_foot(x)
  invisible(x)
}

#' @rdname summary.migration_fit
#' @export
print.migration_fit <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  print_head(x)
  if (length(x$coefficients) > 0L) {
    cat("\nCoefficients:\n")
    print(noquote(format(x$coefficients, digits = digits)), right = TRUE)
  }
  cat("\n")
  print_foot(x)
  invisible(x)
}

print_head <- function(x) {
  cat(wrapped(model_text(x)), "\n", sep = "")
  cat(counts_text(x$model, x), "\n", sep = "")
  dropped <- length(x$na.action)
  if (dropped > 0L) {
    cat(plural(dropped, "occasion"), " dropped for missing values\n", sep = "")
  }
}

# "400 occasions of 200 firms, 6 places, 215 moves (54%)"
counts_text.migration_model <- function(model, x) {
  born <- x$n_no_origin %||% 0L
  movers <- if (!is.na(x$n_movers)) {
    paste0(
      ", ", plural(x$n_movers, "move"), " (", format(100 * x$n_movers / (x$n - born), digits = 2), "%",
      if (born > 0L) paste0(" of ", format_count(x$n - born), " with an origin; ", format_count(born), " without"), ")"
    )
  }
  paste0(plural(x$n, "occasion"), " of ", plural(x$n_firms, "firm"), ", ", plural(x$n_places, "place"), movers)
}

# Model and formula in words
model_text <- function(fit) {
  paste0(model_title(fit$model), ": ", formula_text(fit$formula))
}

print_foot <- function(x) {
  if (any(x$aliased)) {
    cat("Not estimable: ", quote_names(names(x$aliased)[x$aliased], max = 20), "\n", sep = "")
  }
  if (any(x$fixed)) {
    cat("Held fixed: ", quote_names(names(x$fixed)[x$fixed], max = 20), "\n", sep = "")
  }
  if (length(x$border) > 0L) {
    cat("At a border, without standard error: ", quote_names(names(x$border), max = 20), "\n", sep = "")
  }
  if (!is.null(x$effects)) {
    known <- sum(is.finite(x$effects))
    cat("Place constants absorbed: ", known, " of ", plural(length(x$effects), "place"), "\n", sep = "")
  }
  print_likelihood(x)
  print_convergence(x$convergence)
}

print_likelihood <- function(x) {
  value <- function(number) formatC(number, format = "f", digits = 2, big.mark = ",")
  cat("Log-likelihood ", value(x$loglik), " on ", plural(x$df, "parameter"), sep = "")
  if (!is.null(x$loglik_null)) {
    cat(
      " (", tolower(model_null_text(x$model)), " ", value(x$loglik_null), ", McFadden R2 ", format(mcfadden(x), digits = 3), ")",
      sep = ""
    )
  }
  cat(
    "\nAIC ", value(2 * x$df - 2 * x$loglik), ", BIC ", value(log(x$n) * x$df - 2 * x$loglik), "\n",
    sep = ""
  )
}

mcfadden <- function(x) {
  1 - x$loglik / x$loglik_null
}

print_convergence <- function(convergence) {
  steps <- plural(convergence$iterations, "iteration")
  if (convergence$code == 0L) {
    cat("Converged in ", steps, "\n", sep = "")
  } else {
    cat("NOT CONVERGED after ", steps, ": ", convergence$message, "\n", sep = "")
  }
}

# Comparison of fits ----------------------------------------------------------------------------------

#' @title Compare nested models by their likelihood
#' @description Likelihood-ratio tests of each fit against the one before it:
#' \eqn{2(L_2 - L_1)}{2 (L2 - L1)} on the difference in the number of estimated parameters. Coefficients that are
#' held fixed or not estimable do not count; absorbed place constants do. One fit alone is compared with equal
#' shares.
#' @param object A fit of [fit_migration()].
#' @param ... More fits, of the same occasions.
#' @param test `"Chisq"` (or `"LRT"`) for the test, `"none"` for the log-likelihoods only.
#' @return A data frame of class `anova` with a row for each model: Parameters, logLik, Df, Chisq, Pr(>Chisq).
#' @section Errors: Fits of different occasions, choices or weights; something that is not a fit.
#' @seealso [summary.migration_fit()], [update()][update.migration_fit] to refit with other terms, [iia_test()],
#'   [compare_classes()] for the number of latent classes.
#' @examples
#' data <- wenzhou_guzhen()
#' small <- fit_migration(~ distance, data)
#' large <- update(small, . ~ . + push(land_price))
#' anova(small, large)
#' @export
anova.migration_fit <- function(object, ..., test = c("Chisq", "LRT", "none")) {
  test <- check_choice(test, "test", c("Chisq", "LRT", "none"))
  fits <- list(object, ...)
  if (!all(vapply(fits, inherits, NA, "migration_fit"))) {
    abort("anova() compares fits of fit_migration() only.", class = "argument")
  }
  invisible(lapply(fits[-1L], check_same_occasions, fit = object))
  parameters <- vapply(fits, function(fit) as.double(fit$df), 0)
  loglik <- vapply(fits, function(fit) fit$loglik, 0)
  text <- vapply(fits, model_text, "")
  if (length(fits) == 1L) {
    parameters <- c(null_parameters(object$model), parameters)
    loglik <- c(object$loglik_null, loglik)
    text <- c(model_null_text(object$model), text)
  }
  table <- likelihood_ratios(parameters, loglik)
  if (test == "none") {
    table <- table[c("Parameters", "logLik", "Df")]
  }
  lines <- vapply(paste0("Model ", seq_along(text), ": ", text), wrapped, "")
  heading <- c("Likelihood-ratio tests\n", paste(lines, collapse = "\n"))
  structure(table, heading = heading, class = c("anova", "data.frame"))
}

likelihood_ratios <- function(parameters, loglik) {
  df <- c(NA, diff(parameters))
  chisq <- c(NA, 2 * diff(loglik)) * sign(df)
  wrong <- which(chisq < -1e-6 * (1 + abs(loglik)))
  if (length(wrong) > 0L) {
    warn(
      "Model ", paste(wrong, collapse = ", "), ": the larger model has the lower log-likelihood, so the models ",
      "are not nested, or one did not converge.",
      class = "not_nested"
    )
    chisq[wrong] <- NA
  }
  chisq[df %in% 0] <- NA
  data.frame(
    Parameters = parameters, logLik = loglik, Df = abs(df), Chisq = pmax(chisq, 0),
    `Pr(>Chisq)` = stats::pchisq(pmax(chisq, 0), abs(df), lower.tail = FALSE),
    check.names = FALSE
  )
}

check_same_occasions <- function(other, fit) {
  same_kind <- identical(class(fit$data), class(other$data))
  choices <- function(x) x$data$index$chosen[x$design$occasion]
  same <- fit$n == other$n && identical(fit$n_movers, other$n_movers) &&
    identical(fit$design$memory$stages, other$design$memory$stages) &&
    (!same_kind || (identical(choices(fit), choices(other)) &&
      isTRUE(all.equal(fit$weights, other$weights))))
  if (!same) {
    abort(
      "The fits differ in their occasions (", format_count(fit$n), " and ", format_count(other$n), "), choices or ",
      "weights, so their likelihoods cannot be compared. Fit both to the rows that have all variables",
      if (!is.null(fit$design$memory$stages)) ", and to as many ranks", ".",
      class = "occasions"
    )
  }
}

# knitr -----------------------------------------------------------------------------------------------

# Coefficient table in R Markdown
# x: A fit.
# ...: Passed to [knitr::kable()].
# Value: Markdown of class `knit_asis`.
#' @exportS3Method knitr::knit_print migration_fit
knit_print.migration_fit <- function(x, ...) {
  table <- coefficient_table(x)
  table[, 4L] <- signif(table[, 4L], 3)
  caption <- paste0(
    model_title(x$model), ": ", plural(x$n, "occasion"), ", log-likelihood ", format(x$loglik, nsmall = 2),
    if (x$convergence$code != 0L) paste0(" (NOT CONVERGED: ", x$convergence$message, ")")
  )
  columns <- c("estimate", "std. error", "z", "p")
  format <- table_format(...)
  rownames(table) <- literal_text(rownames(table), format)
  text <- knitr::kable(table,
    col.names = columns, digits = c(4, 4, 2, 4), caption = literal_caption(caption, format), ...
  )
  knitr::asis_output(paste0("\n\n", paste(text, collapse = "\n"), "\n\n"))
}
