# What sandwich, lmtest and insight ask of a fit: covariances by their names, and Wald tests between fits.

#' @exportS3Method insight::get_varcov migration_fit
get_varcov.migration_fit <- function(x, vcov = NULL, vcov_args = NULL, ...) {
  if (is.function(vcov)) {
    return(do.call(vcov, c(list(x), vcov_args)))
  }
  if (is.character(vcov) && length(vcov) == 1L) {
    vcov <- switch(vcov,
      vcovHC = vcov_args$type %||% "HC0",
      vcovOPG = "opg",
      vcovCL = vcov_args$cluster %||% "cluster",
      vcov
    )
  }
  vcov.migration_fit(x, vcov = vcov, complete = FALSE)
}

# Robust covariances of sandwich; HC2 and above divide by leverages, which choices have not
#' @exportS3Method sandwich::vcovHC migration_fit
vcovHC.migration_fit <- function(x, type = c("HC0", "HC1", "const"), sandwich = TRUE, ...) {
  check_dots(...)
  if (!isTRUE(sandwich)) {
    return(score_products(x) / nrow(estfun.migration_fit(x)))
  }
  type <- check_choice(type, "type", c("HC0", "HC1", "const"))
  vcov.migration_fit(x, vcov = if (type == "const") "hessian" else type, complete = FALSE)
}

# Wald tests of lmtest between fits: the terms that the larger has and the smaller has not
#' @exportS3Method lmtest::waldtest migration_fit
waldtest.migration_fit <- function(object, ..., vcov = NULL, test = c("Chisq", "F")) {
  test <- check_choice(test, "test", c("Chisq", "F"))
  fits <- wald_fits(object, list(...))
  rows <- lapply(seq_along(fits)[-1L], function(k) wald_row(fits[[k - 1L]], fits[[k]], vcov, test))
  table <- do.call(rbind, c(list(data.frame(Res.Df = stats::df.residual(fits[[1L]]), Df = NA, stat = NA, p = NA)), rows))
  names(table) <- c("Res.Df", "Df", test, paste0("Pr(>", test, ")"))
  lines <- paste0("Model ", seq_along(fits), ": ", vapply(fits, function(fit) formula_text(fit$formula), ""))
  structure(table, heading = c("Wald test\n", paste(lines, collapse = "\n")), class = c("anova", "data.frame"))
}

# Fits to compare: changes of the formula, terms to drop by name or number, and fits; alone: against no terms but `stay`
wald_fits <- function(object, others) {
  if (length(others) == 0L) {
    others <- list(~1)
  }
  fits <- list(object)
  for (other in others) {
    last <- fits[[length(fits)]]
    if (is.numeric(other)) {
      other <- attr(stats::terms(last), "term.labels")[other]
    }
    if (is.character(other)) {
      other <- stats::as.formula(paste("~ . -", paste(other, collapse = " - ")))
    }
    fits[[length(fits) + 1L]] <- if (inherits(other, "formula")) update.migration_fit(last, other) else other
  }
  if (!all(vapply(fits, inherits, NA, "migration_fit"))) {
    abort("waldtest() compares fits of fit_migration(), or takes changes of the formula.", class = "argument")
  }
  invisible(lapply(fits[-1L], check_same_occasions, fit = object))
  fits
}

wald_row <- function(before, after, vcov, test) {
  free <- function(fit) names(fit$coefficients)[fit$estimated]
  more <- if (length(free(after)) > length(free(before))) after else before
  less <- if (identical(more, after)) before else after
  if (length(setdiff(free(less), free(more))) > 0L) {
    abort("waldtest() needs models of which one has all terms of the other.", class = "argument")
  }
  lost <- setdiff(free(more), free(less))
  v <- vcov.migration_fit(more, vcov = vcov, complete = FALSE)
  b <- more$coefficients[lost] - more$parameters$null[match(lost, more$parameters$name)]
  stat <- sum(b * solve_scaled(v[lost, lost, drop = FALSE], as.matrix(b)))
  df <- length(lost)
  left <- stats::df.residual(more)
  p <- if (test == "Chisq") {
    stats::pchisq(stat, df, lower.tail = FALSE)
  } else {
    stats::pf(stat / df, df, left, lower.tail = FALSE)
  }
  data.frame(
    Res.Df = stats::df.residual(after), Df = length(free(after)) - length(free(before)),
    stat = if (test == "F") stat / df else stat, p = p
  )
}
