# Methods for packages that summarise and compare models: marginaleffects, insight, parameters, performance,
# modelsummary, texreg. None of them is needed; each finds its method when it is there. (broom's generics are in
# tidy.R, sandwich's in vcov.R, lmtest reads nobs() and logLik().)

# marginaleffects -----------------------------------------------------------------------------------------

#' Fits in marginaleffects
#'
#' @title Use a fit with marginaleffects
#' @description `marginaleffects::predictions()`, `avg_slopes()`, `comparisons()` and their kin work on fits. For
#' [migration_data()] the rows are the occasions, the variables are the columns of `firms`, and the outcome is the
#' probability of leaving the origin (`type = "response"`) or the probabilities of all places
#' (`type = "probability"`, a group for each place). For [choice_data()] the rows are those of the long table and
#' the outcome is the probability of the row's place. Standard errors are by the delta method from
#' [vcov()][vcov.migration_fit]. Attributes of places are not columns of `firms`: for these see
#' `marginal_effects()`.
#'
#' Loading firmmove adds its class to `options("marginaleffects_model_classes")`, which is how marginaleffects
#' learns of it.
#' @param model A fit of [fit_migration()].
#' @param newdata Rows to predict: of `firms`, or of the long table.
#' @param type `"response"` or `"probability"`.
#' @param coefs Named coefficients to put in.
#' @param vcov `NULL` or `TRUE`: of the information; a matrix; or a `type` of [vcov.migration_fit()].
#' @param ... Passed on by marginaleffects; not used.
#' @return What marginaleffects asks for: a data frame with `rowid`, `group` and `estimate`; coefficients; a
#'   covariance; a fit.
#' @examplesIf requireNamespace("marginaleffects", quietly = TRUE)
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
  long <- inherits(model$data, "choice_data")
  p <- predict(model, effect_data(newdata, model), type = "probability")
  rowid <- newdata$rowid %||% seq_len(nrow(newdata))
  if (long) {
    return(data.frame(rowid = rowid, estimate = unname(p)))
  }
  if (identical(type, "probability")) {
    return(data.frame(
      rowid = rep(rowid, ncol(p)), group = factor(rep(colnames(p), each = nrow(p)), colnames(p)),
      estimate = as.vector(p)
    ))
  }
  origin <- match(as.character(newdata[[model$data$names$from]]), colnames(p))
  if (all(is.na(origin))) {
    abort(
      "No firm has an origin to leave: ask marginaleffects for type = \"probability\", those of the places.",
      class = "argument"
    )
  }
  data.frame(rowid = rowid, estimate = 1 - unname(p)[cbind(seq_along(origin), origin)])
}

#' Rows in the shape predict() takes. Where the keys are those of the fit's own occasions, which marginaleffects
#' asks for again and again, the table of firms is exchanged and nothing is checked anew.
#' @noRd
effect_data <- function(newdata, model) {
  newdata <- as.data.frame(newdata)
  data <- model$data
  if (inherits(data, "choice_data")) {
    return(newdata[setdiff(names(newdata), c("rowid", "rowidcf"))])
  }
  occasion <- model$design$occasion
  keys <- unlist(data$names[c("firm", "from", "to", "time")])
  same <- nrow(newdata) == length(occasion) && all(names(data$firms) %in% names(newdata)) &&
    all(vapply(keys, function(k) identical(as.vector(newdata[[k]]), as.vector(data$firms[[k]][occasion])), NA))
  if (!same || length(occasion) < nrow(data$firms)) {
    return(newdata[intersect(names(newdata), names(data$firms))])
  }
  data$firms <- newdata[names(data$firms)]
  data
}

#' @rdname marginaleffects_migration_fit
#' @exportS3Method marginaleffects::get_coef migration_fit
get_coef.migration_fit <- function(model, ...) {
  model$coefficients[model$estimated]
}

#' @rdname marginaleffects_migration_fit
#' @exportS3Method marginaleffects::set_coef migration_fit
set_coef.migration_fit <- function(model, coefs, ...) {
  model$coefficients[names(coefs)] <- coefs
  model
}

#' @rdname marginaleffects_migration_fit
#' @exportS3Method marginaleffects::get_vcov migration_fit
get_vcov.migration_fit <- function(model, vcov = NULL, ...) {
  if (isFALSE(vcov)) {
    return(NULL)
  }
  if (is.matrix(vcov)) {
    return(vcov)
  }
  type <- if (is.character(vcov)) vcov else "hessian"
  vcov.migration_fit(model, type = type, complete = FALSE)
}

#' Tells marginaleffects of the class of fits; called when firmmove is loaded
#' @noRd
announce_fits <- function() {
  known <- getOption("marginaleffects_model_classes")
  if (!"migration_fit" %in% known) {
    options(marginaleffects_model_classes = c(known, "migration_fit"))
  }
}

# insight ----------------------------------------------------------------------------------------------------

#' Rows of the data that belong to the fit
#' @noRd
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

#' Variables of the formula that are columns of the rows
#' @noRd
#' @exportS3Method insight::find_predictors migration_fit
find_predictors.migration_fit <- function(x, flatten = FALSE, ...) {
  variables <- intersect(all.vars(x$formula), names(insight_rows(x)))
  variables <- setdiff(variables, find_response.migration_fit(x))
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
    family = tolower(model_title(x$model)), link_function = "logit", is_multinomial = TRUE, is_logit = TRUE,
    is_binomial = FALSE, is_linear = FALSE, is_bayesian = FALSE, is_mixed = FALSE, is_multivariate = FALSE,
    is_zero_inflated = FALSE, n_obs = x$n, model_terms = find_variables.migration_fit(x)
  )
}

#' @exportS3Method insight::link_inverse migration_fit
link_inverse.migration_fit <- function(x, ...) {
  stats::plogis
}

# parameters, performance -----------------------------------------------------------------------------------------

#' @exportS3Method parameters::model_parameters migration_fit
model_parameters.migration_fit <- function(model, ci = 0.95, exponentiate = FALSE, ...) {
  table <- tidy.migration_fit(model, conf.int = TRUE, conf.level = ci, exponentiate = exponentiate)
  result <- data.frame(
    Parameter = table$term, Component = table$group, Coefficient = table$estimate, SE = table$std.error, CI = ci,
    CI_low = table$conf.low, CI_high = table$conf.high, z = table$statistic, df_error = Inf, p = table$p.value
  )
  structure(result,
    class = c("parameters_model", "see_parameters_model", "data.frame"), ci = ci, exponentiate = exponentiate,
    model_class = class(model), coefficient_name = if (exponentiate) "Odds Ratio" else "Coefficient",
    zi_coefficient_name = "Coefficient", digits = 2, ci_digits = 2, p_digits = 3, no_caption = TRUE
  )
}

#' @exportS3Method performance::model_performance migration_fit
model_performance.migration_fit <- function(model, ...) {
  structure(
    data.frame(
      AIC = stats::AIC(model), BIC = stats::BIC(model), R2_McFadden = mcfadden(model),
      Log_loss = -model$loglik / sum(model$weights %||% rep(1, model$n))
    ),
    class = c("performance_model", "data.frame")
  )
}

#' McFadden's R2 of a fit, in the shape of performance::r2()
#' @noRd
#' @exportS3Method performance::r2 migration_fit
r2.migration_fit <- function(model, ...) {
  structure(list(R2 = c(`McFadden's R2` = mcfadden(model))), model_type = "Migration model", class = "r2_generic")
}

# texreg --------------------------------------------------------------------------------------------------------------

#' The pieces of a texreg table; texreg's generic is of S4, so a function that makes its object
#'
#' @title Tables with texreg
#' @description Makes the object that `texreg::screenreg()`, `texreg()` and `htmlreg()` print, with the standard
#' errors asked for: `texreg::screenreg(lapply(fits, texreg_fit, cluster = ~ firm))`. Tables of modelsummary need no
#' such step.
#' @param fit A fit of [fit_migration()].
#' @param ... `type` and `cluster` as in [vcov.migration_fit()].
#' @return An object of texreg's class `texreg`.
#' @section Errors: Package texreg is not installed.
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
