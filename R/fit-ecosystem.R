# Methods for packages that summarise and compare models: marginaleffects, insight, parameters, performance,
# modelsummary, texreg. None of them is needed; each finds its method when it is there. (broom's generics are in
# fit-tidy.R, sandwich's in fit-vcov.R, lmtest reads nobs() and logLik().)

# marginaleffects -----------------------------------------------------------------------------------------

#' @title Use a fit with marginaleffects
#' @description `marginaleffects::predictions()`, `avg_slopes()`, `comparisons()` and their kin work on fits. For
#' [migration_data()] the rows are the occasions, the variables are the columns of `firms`, and the outcome is the
#' probability of leaving the origin (`type = "response"`) or the probabilities of all places
#' (`type = "probability"`, a group for each place; of a [hazard()] for each outcome). For [choice_data()] the rows are
#' those of the long table and the outcome is the probability of the row's place; in slopes and comparisons an attribute
#' of places changes at that place alone, one of firms at all. Standard errors are by the delta method from
#' [vcov()][vcov.migration_fit]; place constants count among the coefficients, as `constant: <place>`. Where firms react
#' to each other, as with [peers][migration_formula] or in an equilibrium of [chain()], a variable changes for all rows
#' at once, and the equilibrium is solved again. Attributes of places are not columns of `firms`: for these see
#' `marginal_effects()`.
#'
#' Loading firmmove adds its class to `options("marginaleffects_model_classes")`, which is how marginaleffects
#' learns of it.
#' @param model A fit of [fit_migration()].
#' @param newdata Rows to predict: of `firms`, or of the long table.
#' @param type `"response"` or `"probability"`.
#' @param coefs Named coefficients to put in.
#' @param vcov `NULL` or `TRUE`: of the information; else a word, formula, matrix or function as in
#'   [vcov.migration_fit()].
#' @param ... Passed on by marginaleffects; not used.
#' @return What marginaleffects asks for: a data frame with `rowid`, `group` and `estimate`; coefficients; a
#'   covariance; a fit.
#' @seealso [marginal_effects()], which needs no other package; [emmeans_migration_fit] for emmeans;
#'   [predict()][predict.migration_fit].
#' @examplesIf requireNamespace("marginaleffects", quietly = TRUE) && getRversion() >= "4.4.0"
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ keep(size) + distance, data, subset = year == 2000)
#' # one more worker changes the probability of leaving by
#' marginaleffects::avg_slopes(fit, variables = "size")
#' @name marginaleffects_migration_fit
#' @exportS3Method marginaleffects::get_predict migration_fit
get_predict.migration_fit <- function(model, newdata = NULL, type = "response", ...) {
  if (is.null(newdata)) {
    newdata <- insight_rows(model)
  }
  newdata <- as.data.frame(newdata)
  rowid <- newdata$rowid %||% seq_len(nrow(newdata))
  p <- effect_probabilities(model, newdata[setdiff(names(newdata), c("rowid", "rowidcf"))])
  if (!is.matrix(p)) {
    return(data.frame(rowid = rowid, estimate = unname(p)))
  }
  if (identical(type, "probability")) {
    return(data.frame(
      rowid = rep(rowid, ncol(p)), group = factor(rep(colnames(p), each = nrow(p)), colnames(p)),
      estimate = as.vector(p)
    ))
  }
  home <- home_column(model, newdata, colnames(p))
  data.frame(rowid = rowid, estimate = 1 - unname(p)[cbind(seq_along(home), home)])
}

# The column of the probabilities that is staying, for each row
home_column <- function(model, newdata, outcomes) {
  if (!chooses_place(model$model)) {
    return(rep(1L, nrow(newdata)))
  }
  origin <- match(as.character(newdata[[model$data$names$from %||% ""]]), outcomes)
  if (all(is.na(origin))) {
    abort(
      "No firm has an origin to leave: ask marginaleffects for type = \"probability\", those of the places.",
      class = "argument"
    )
  }
  origin
}

# Probabilities of the rows of a table, a vector or matrix. marginaleffects asks again and again for the rows of the fit
# with other values, or for several such tables one below the other: these are predicted in the place of the fit's own
# rows, so that durations, peers and equilibria are those of the data. Other rows are new firms.
effect_probabilities <- function(model, newdata) {
  rows <- insight_rows(model)
  copies <- nrow(newdata) / nrow(rows)
  keys <- unlist(model$data$names[c("firm", "from", "to", "time", "id", "place", "chosen")])
  keys <- intersect(keys, names(rows))
  same <- copies >= 1 && copies == round(copies) && all(names(rows) %in% names(newdata)) &&
    all(vapply(keys, function(k) identical(as.vector(newdata[[k]]), rep(as.vector(rows[[k]]), copies)), NA))
  if (!same) {
    return(predict(model, newdata[intersect(names(newdata), names(rows))], type = "probability"))
  }
  long <- !has_tables(model$data)
  compares <- compares_predictions()
  each <- lapply(seq_len(copies), function(copy) {
    own <- newdata[(copy - 1L) * nrow(rows) + seq_len(nrow(rows)), names(rows), drop = FALSE]
    if (long && compares) predict_row_by_row(model, own, rows) else predict_in_place(model, own)
  })
  if (is.matrix(each[[1L]])) do.call(rbind, each) else unlist(each)
}

# Probabilities of the occasions of a fit whose rows have other values
predict_in_place <- function(model, rows) {
  model$given$na.action <- stats::na.omit
  model$data <- put_rows(model$data, model$design$occasion, rows)
  predict(model, type = "probability")
}

#' @rdname marginaleffects_migration_fit
#' @exportS3Method marginaleffects::get_coef migration_fit
get_coef.migration_fit <- function(model, ...) {
  c(model$coefficients[model$estimated], free_effects(model))
}

# Estimated place constants, named like factor levels; NULL without
free_effects <- function(model) {
  free <- is.finite(model$effects) & model$design$effects_se > 0
  if (!any(free)) {
    return(NULL)
  }
  stats::setNames(model$effects[free], paste0("constant: ", names(model$effects)[free]))
}

#' @rdname marginaleffects_migration_fit
#' @exportS3Method marginaleffects::set_coef migration_fit
set_coef.migration_fit <- function(model, coefs, ...) {
  effects <- startsWith(names(coefs) %||% character(), "constant: ") & !names(coefs) %in% names(model$coefficients)
  model$coefficients[names(coefs)[!effects]] <- coefs[!effects]
  model$effects[substring(names(coefs)[effects], nchar("constant: ") + 1L)] <- coefs[effects]
  model
}

#' @rdname marginaleffects_migration_fit
#' @exportS3Method marginaleffects::get_vcov migration_fit
get_vcov.migration_fit <- function(model, vcov = NULL, ...) {
  if (isFALSE(vcov)) {
    return(NULL)
  }
  coefficients <- names(model$coefficients)[model$estimated]
  constants <- names(free_effects(model))
  if (is.matrix(vcov) && !is.null(constants) && all(constants %in% colnames(vcov))) {
    return(vcov)
  }
  v <- vcov.migration_fit(model, vcov = vcov, complete = FALSE)
  if (is.null(constants)) {
    return(v)
  }
  all <- complete_covariance(v[coefficients, coefficients, drop = FALSE], model)
  design <- fit_design(model)
  full <- theta_covariance(model, design, no_na(all))
  places <- match(substring(constants, nchar("constant: ") + 1L), names(model$effects))
  at <- c(design$layout$coefficients[model$estimated], design$layout$effects[places])
  named_square(full[at, at], c(coefficients, constants))
}

# Tells marginaleffects of the class of fits; called when firmmove is loaded
announce_fits <- function() {
  known <- getOption("marginaleffects_model_classes")
  if (!"migration_fit" %in% known) {
    options(marginaleffects_model_classes = c(known, "migration_fit"))
  }
}

# insight ----------------------------------------------------------------------------------------------------

# Rows of the data that belong to the fit
insight_rows <- function(x) {
  rows <- model.frame.migration_fit(x)
  row.names(rows) <- NULL
  rows
}

#' @exportS3Method insight::get_data migration_fit
get_data.migration_fit <- function(x, ...) {
  insight_rows(x)
}

#' @exportS3Method insight::find_formula migration_fit
find_formula.migration_fit <- function(x, ...) {
  structure(list(conditional = x$formula), class = c("insight_formula", "list"))
}

#' @exportS3Method insight::find_response migration_fit
find_response.migration_fit <- function(x, ...) {
  left_side(x$formula) %||% x$data$names$to %||% x$data$names$chosen
}

# Variables of the formula that are columns of the rows
#' @exportS3Method insight::find_predictors migration_fit
find_predictors.migration_fit <- function(x, flatten = FALSE, ...) {
  variables <- intersect(all.vars(x$formula), names(insight_rows(x)))
  # of what an occasion and its places are, nothing can be another value
  variables <- setdiff(variables, c(find_response.migration_fit(x), unlist(x$data$names[c("id", "place")])))
  if (flatten) variables else list(conditional = variables)
}

#' @exportS3Method insight::find_variables migration_fit
find_variables.migration_fit <- function(x, flatten = FALSE, ...) {
  parts <- list(
    response = find_response.migration_fit(x), conditional = find_predictors.migration_fit(x, flatten = TRUE)
  )
  if (flatten) unique(unlist(parts, use.names = FALSE)) else parts
}

#' @exportS3Method insight::get_parameters migration_fit
get_parameters.migration_fit <- function(x, ...) {
  data.frame(Parameter = names(x$coefficients), Estimate = unname(x$coefficients))
}

#' @exportS3Method insight::get_statistic migration_fit
get_statistic.migration_fit <- function(x, ...) {
  table <- coefficient_table(x)
  structure(
    data.frame(Parameter = rownames(table), Statistic = unname(table[, 3L])),
    statistic = find_statistic.migration_fit(x)
  )
}

#' @exportS3Method insight::find_statistic migration_fit
find_statistic.migration_fit <- function(x, ...) {
  "z-statistic"
}

#' @exportS3Method insight::model_info migration_fit
model_info.migration_fit <- function(x, ...) {
  list(
    family = family(x)$family, link_function = family(x)$link, is_multinomial = TRUE, is_logit = TRUE,
    is_binomial = FALSE, is_linear = FALSE, is_bayesian = FALSE, is_mixed = FALSE, is_multivariate = FALSE,
    is_zero_inflated = FALSE, n_obs = x$n, model_terms = find_variables.migration_fit(x)
  )
}

#' @exportS3Method insight::link_inverse migration_fit
link_inverse.migration_fit <- function(x, ...) {
  stats::make.link(family(x)$link)$linkinv
}

# parameters, performance -----------------------------------------------------------------------------------------

#' @exportS3Method parameters::model_parameters migration_fit
model_parameters.migration_fit <- function(model, ci = 0.95, exponentiate = FALSE, vcov = NULL, vcov_args = NULL, ...) {
  if (is.function(vcov) && length(vcov_args) > 0L) {
    vcov <- do.call(vcov, c(list(model), vcov_args))
  }
  level <- ci %||% 0.95
  table <- tidy.migration_fit(model, conf.int = TRUE, conf.level = level, exponentiate = isTRUE(exponentiate), vcov = vcov)
  result <- data.frame(
    Parameter = table$term, Coefficient = table$estimate, SE = table$std.error, CI = level,
    CI_low = table$conf.low, CI_high = table$conf.high, z = table$statistic, df_error = Inf, p = table$p.value
  )
  structure(result,
    class = c("parameters_model", "see_parameters_model", "data.frame"), ci = level, exponentiate = exponentiate,
    model_class = class(model), coefficient_name = if (exponentiate) "Odds Ratio" else "Coefficient",
    zi_coefficient_name = "Coefficient", digits = 2, ci_digits = 2, p_digits = 3, no_caption = TRUE
  )
}

#' @exportS3Method performance::model_performance migration_fit
model_performance.migration_fit <- function(model, ...) {
  structure(
    data.frame(
      AIC = stats::AIC(model), BIC = stats::BIC(model), R2_McFadden = mcfadden(model),
      Log_loss = -model$loglik / model$weight_sum
    ),
    class = c("performance_model", "data.frame")
  )
}

# McFadden's R2 of a fit, in the shape of performance::r2()
#' @exportS3Method performance::r2 migration_fit
r2.migration_fit <- function(model, ...) {
  structure(list(R2 = c(`McFadden's R2` = mcfadden(model))), model_type = "Migration model", class = "r2_generic")
}

# texreg -------------------------------------------------------------------------------------------------------------

#' @title Tables with texreg
#' @description Makes the object that `texreg::screenreg()`, `texreg()` and `htmlreg()` print, with the standard
#' errors asked for: `texreg::screenreg(lapply(fits, texreg_fit, cluster = ~ firm))`. Tables of modelsummary need no
#' such step.
#' @param fit A fit of [fit_migration()].
#' @param ... `type` and `cluster`, or `vcov`, as in [vcov.migration_fit()].
#' @return An object of texreg's class `texreg`.
#' @section Errors: Package texreg is not installed.
#' @seealso [summary()][summary.migration_fit], [tidy()][tidy.migration_fit], which modelsummary reads.
#' @examplesIf requireNamespace("texreg", quietly = TRUE)
#' fit <- fit_migration(~ push(land_price) + distance, wenzhou_guzhen())
#' texreg::screenreg(texreg_fit(fit, cluster = ~ firm))
#' @export
texreg_fit <- function(fit, ...) {
  if (!requireNamespace("texreg", quietly = TRUE)) {
    abort("Tables of texreg need that package: install.packages(\"texreg\").", class = "package")
  }
  table <- tidy.migration_fit(fit, ...)
  known <- table[!is.na(table$estimate), , drop = FALSE]
  texreg::createTexreg(
    coef.names = known$term, coef = known$estimate, se = known$std.error, pvalues = known$p.value,
    model.name = model_title(fit$model),
    gof.names = c("Occasions", "Firms", "Log likelihood", "AIC", "McFadden's R2"),
    gof = c(fit$n, fit$n_firms, fit$loglik, stats::AIC(fit), mcfadden(fit)),
    gof.decimal = c(FALSE, FALSE, TRUE, TRUE, TRUE)
  )
}
