# Packages that summarise models, on a fit of every model (helper-models.R): each is skipped where it is absent.

test_that("modelsummary and broom have the coefficients of every model", {
  skip_if_not_installed("modelsummary")
  for (fit in fits_of_models()) {
    table <- modelsummary::modelsummary(fit, output = "data.frame", fmt = NULL, statistic = "std.error")
    cells <- function(what) as.numeric(gsub("[()]", "", table[table$part == "estimates" & table$statistic == what, 4L]))
    expect_equal(cells("estimate"), unname(coef(fit)[!is.na(coef(fit))]), tolerance = 1e-6)
    expect_equal(cells("std.error"), unname(sqrt(diag(vcov(fit)))[!is.na(coef(fit))]), tolerance = 1e-6)
    expect_true(any(table$term == "Num.Obs."))
  }
})

test_that("insight reads every model", {
  skip_if_not_installed("insight")
  for (fit in fits_of_models()) {
    expect_identical(insight::get_parameters(fit)$Parameter, names(coef(fit)))
    expect_equal(unname(insight::get_parameters(fit)$Estimate), unname(coef(fit)))
    expect_identical(deparse1(insight::find_formula(fit)$conditional), deparse1(formula(fit)))
    expect_equal(insight::get_statistic(fit)$Statistic, tidy(fit)$statistic)
    expect_equal(nrow(insight::get_data(fit)), nrow(model.frame(fit)))
    expect_true(all(insight::find_variables(fit, flatten = TRUE) %in% names(insight::get_data(fit))))
    expect_identical(insight::find_statistic(fit), "z-statistic")
    expect_true(insight::model_info(fit)$is_multinomial)
  }
})

test_that("parameters and performance summarise every model", {
  skip_if_not_installed("parameters")
  skip_if_not_installed("performance")
  for (fit in fits_of_models()) {
    table <- parameters::model_parameters(fit, ci = 0.9)
    expect_equal(table$Coefficient, unname(coef(fit)))
    expect_equal(unname(table$CI_low), unname(confint(fit, level = 0.9)[, 1L]))
    expect_output(print(table), names(coef(fit))[1L], fixed = TRUE)
    quality <- performance::model_performance(fit)
    expect_equal(quality$AIC, AIC(fit))
    expect_equal(unname(performance::r2(fit)$R2), glance(fit)$rho2)
  }
})

test_that("lmtest and sandwich test every model", {
  skip_if_not_installed("lmtest")
  skip_if_not_installed("sandwich")
  for (fit in fits_of_models()) {
    table <- lmtest::coeftest(fit)
    expect_equal(unname(table[, 1L]), unname(coef(fit)))
    expect_equal(unname(table[, 3L]), unname(coef(fit) / sqrt(diag(vcov(fit)))))
    rows <- nrow(sandwich::estfun(fit))
    meat <- crossprod(sandwich::estfun(fit)) / rows
    expect_equal(sandwich::sandwich(fit), sandwich::bread(fit) %*% meat %*% sandwich::bread(fit) / rows)
    expect_equal(unname(sandwich::vcovCL(fit, cluster = seq_len(rows), cadjust = FALSE, type = "HC0")),
      unname(sandwich::sandwich(fit)), tolerance = 1e-8)
  }
  data <- relocation_data()
  large <- fit_migration(~ rent + distance, data)
  ratio <- lmtest::lrtest(fit_migration(~rent, data), large)
  expect_equal(ratio$LogLik[2L], as.numeric(logLik(large)))
})

test_that("slopes of marginaleffects are differences of the probability of leaving", {
  skip_if_not_installed("marginaleffects")
  data <- relocation_data()
  fit <- fit_migration(~ keep(size) + rent + distance, data)
  leaving <- function(x) {
    p <- predict(fit, x)
    1 - p[cbind(seq_len(nrow(p)), match(x$firms$from, colnames(p)))]
  }
  step <- 1e-4
  up <- down <- data
  up$firms$size <- data$firms$size + step
  down$firms$size <- data$firms$size - step
  slope <- with_null_default(marginaleffects::avg_slopes(fit, variables = "size"))
  expect_equal(slope$estimate, mean(leaving(up) - leaving(down)) / (2 * step), tolerance = 1e-4)
  # the delta method: difference the mean slope in each coefficient
  mean_slope <- function(b) {
    moved <- set_coef.migration_fit(fit, b)
    p <- function(x) get_predict.migration_fit(moved, x$firms)$estimate
    mean(p(up) - p(down)) / (2 * step)
  }
  b <- coef(fit)
  gradient <- vapply(names(b), function(k) {
    h <- replace(0 * b, k, 1e-4)
    (mean_slope(b + h) - mean_slope(b - h)) / 2e-4
  }, 0)
  expect_equal(slope$std.error, sqrt(drop(gradient %*% vcov(fit) %*% gradient)), tolerance = 1e-3)
  places <- with_null_default(marginaleffects::avg_predictions(fit, type = "probability"))
  expect_equal(places$estimate, unname(colMeans(predict(fit))[as.character(places$group)]))
  robust <- with_null_default(marginaleffects::avg_slopes(fit, variables = "size", vcov = vcov(fit, cluster = ~firm)))
  expect_false(isTRUE(all.equal(robust$std.error, slope$std.error)))
})

test_that("avg_predictions runs on every model of firms with origins", {
  skip_if_not_installed("marginaleffects")
  for (fit in fits_of_models()) {
    if (inherits(fit$data, "migration_data")) {
      average <- with_null_default(marginaleffects::avg_predictions(fit))
      expect_true(average$estimate > 0 && average$estimate < 1)
      expect_true(average$std.error > 0)
    }
  }
})

test_that("long data give the probability of the row's place", {
  skip_if_not_installed("marginaleffects")
  data <- ragged_data()
  fit <- fit_migration(~ x + y, data)
  rows <- with_null_default(marginaleffects::predictions(fit))
  expect_equal(rows$estimate, unname(predict(fit)), tolerance = 1e-8)
})

test_that("texreg shows the standard errors asked for", {
  skip_if_not_installed("texreg")
  fit <- fit_migration(~ rent + distance, relocation_data())
  table <- texreg_fit(fit, cluster = ~firm)
  expect_equal(table@se, unname(sqrt(diag(vcov(fit, cluster = ~firm)))))
  expect_output(print(texreg::screenreg(table)), "distance")
})

test_that("avg_predictions of a hazard is the mean probability of leaving, durations those of the data", {
  skip_if_not_installed("marginaleffects")
  fit <- fit_of("hazard")
  average <- with_null_default(marginaleffects::avg_predictions(fit))
  expect_equal(average$estimate, mean(predict(fit, type = "hazard")))
  slopes <- with_null_default(marginaleffects::avg_slopes(fit, variables = "w"))
  up <- down <- fit
  up$data$firms$w <- up$data$firms$w + 1e-4
  down$data$firms$w <- down$data$firms$w - 1e-4
  expect_equal(slopes$estimate, mean(predict(up, type = "hazard") - predict(down, type = "hazard")) / 2e-4,
    tolerance = 1e-4
  )
  risks <- with_null_default(marginaleffects::avg_predictions(fit, type = "probability"))
  expect_equal(risks$estimate, unname(colMeans(predict(fit))[as.character(risks$group)]))
})

test_that("place constants are among the coefficients of marginaleffects, with the covariance of all", {
  skip_if_not_installed("marginaleffects")
  data <- relocation_data()
  absorbed <- fit_migration(~ keep(size) + distance | place, data)
  dummies <- fit_migration(~ keep(size) + distance + place, data)
  expect_equal(absorbed$loglik, dummies$loglik)
  expect_identical(names(get_coef.migration_fit(absorbed))[4:8], paste0("constant: ", letters[2:6]))
  expect_equal(unname(get_vcov.migration_fit(absorbed)), unname(vcov(dummies)), tolerance = 1e-5)
  slope <- function(fit) with_null_default(marginaleffects::avg_slopes(fit, variables = "size"))
  expect_equal(slope(absorbed)$estimate, slope(dummies)$estimate, tolerance = 1e-6)
  expect_equal(slope(absorbed)$std.error, slope(dummies)$std.error, tolerance = 1e-4)
})

test_that("slopes of two variables at once, of part of the data and of long data", {
  skip_if_not_installed("marginaleffects")
  fit <- fit_migration(~ keep(size) + keep(w) + peers(kin), relocation_data(), subset = year == 2)
  both <- with_null_default(marginaleffects::avg_slopes(fit, variables = c("size", "w")))
  alone <- with_null_default(marginaleffects::avg_slopes(fit, variables = "w"))
  expect_equal(both$estimate[both$term == "w"], alone$estimate)
  long <- fit_of("long")
  slopes <- with_null_default(marginaleffects::avg_slopes(long, variables = c("x", "y")))
  # an attribute of places changes at one place at a time: b P (1 - P)
  p <- predict(long)
  expect_equal(slopes$estimate, unname(coef(long)[c("x", "y")]) * mean(p * (1 - p)), tolerance = 1e-6)
})

#' For every model a fit and one with a term less, list(small, large, leaves: do its firms have an origin)
pairs_of_models <- function() {
  data <- relocation_data(200)
  regions <- data.frame(
    place = c("a", "b", "c", "c", "d", "e", "f"), nest = c("north", "north", "north", "south", "south", "south", "east"),
    allocation = c(1, 1, 0.5, 0.5, 1, 1, 1)
  )
  pair <- function(small, large, data, ..., leaves = TRUE) {
    fit <- function(formula) suppressWarnings(suppressMessages(fit_migration(formula, data, ..., control = one_thread())))
    list(small = fit(small), large = fit(large), leaves = leaves)
  }
  moves <- function(model) pair(~ keep(size) + rent, ~ keep(size) + rent + distance, data, model = model)
  rankings <- choice_data(ranked_long(), "rank", "who", "what", answer = "ranking")
  list(
    conditional = moves(conditional()), nested = moves(nested()), cross_nested = moves(cross_nested(regions)),
    mixed = moves(mixed(c(rent = "normal"), draws = 16, check_draws = 0)), latent = moves(latent(2, starts = 2)),
    chain = pair(~ rent + keep(size), chain_formula, chain_panel(1, groups = 3, periods = 2), model = chain(kin)),
    hazard = pair(~w, ~ push(rent) + w, hazard_data(120), model = hazard(baseline = "log")),
    ranked = pair(~x, ~ x + y, rankings, model = ranked(), leaves = FALSE),
    dynamic = moves(dynamic(0.8)),
    long = pair(~x, ~ x + y, ragged_data(), leaves = FALSE)
  )
}

test_that("broom's verbs, lrtest, vcovCL and avg_slopes work on every model", {
  skip_if_not_installed("broom")
  skip_if_not_installed("lmtest")
  skip_if_not_installed("sandwich")
  skip_if_not_installed("marginaleffects")
  pairs <- pairs_of_models()
  expect_named(pairs, names(fits_of_models()))
  for (model in names(pairs)) {
    small <- pairs[[model]]$small
    large <- pairs[[model]]$large
    expect_equal(broom::tidy(large)$estimate, unname(coef(large)), info = model)
    expect_equal(broom::glance(large)$logLik, as.numeric(logLik(large)), info = model)
    expect_true(nrow(broom::augment(large)) >= nobs(large), info = model)
    ratio <- lmtest::lrtest(small, large)
    expect_equal(ratio$Chisq[2L], 2 * as.numeric(logLik(large) - logLik(small)), info = model)
    expect_equal(ratio$Df[2L], attr(logLik(large), "df") - attr(logLik(small), "df"), info = model)
    firm <- large$data$index$firm[large$design$occasion]
    rows <- nrow(sandwich::estfun(large))
    clustered <- sandwich::vcovCL(large, cluster = if (length(firm) == rows) firm else seq_len(rows))
    expect_true(all(diag(clustered) > 0), info = model)
    variable <- if (model == "hazard") "w" else if (pairs[[model]]$leaves) "size" else "x"
    slope <- with_null_default(marginaleffects::avg_slopes(large, variables = variable))
    expect_true(all(is.finite(slope$std.error)), info = model)
    table <- if (inherits(large$data, "migration_data")) "firms" else "data"
    mean_at <- function(by) {
      large$data[[table]][[variable]] <- large$data[[table]][[variable]] + by
      if (model == "hazard") return(mean(predict(large, type = "hazard")))
      p <- predict(large)
      if (pairs[[model]]$leaves) p <- 1 - p[cbind(seq_len(nrow(p)), large$data$index$origin[large$design$occasion])]
      mean(p)
    }
    # of long data an attribute of places changes at one place at a time: there its mean change is not 0
    if (inherits(large$data, "choice_data")) {
      expect_gt(abs(slope$estimate), 1e-3)
      next
    }
    expect_equal(slope$estimate, (mean_at(1e-4) - mean_at(-1e-4)) / 2e-4, tolerance = 1e-4, info = model)
  }
})
