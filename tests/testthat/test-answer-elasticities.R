test_that("elasticities of a conditional logit follow the formula, weighted by probabilities", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance, data, weights = w, control = one_thread())
  p <- predict(fit)
  w <- data$firms$w
  b <- coef(fit)[["rent"]]
  x <- data$places$rent
  by_hand <- outer(1:6, 1:6, Vectorize(function(j, k) {
    each <- if (j == k) b * x[k] * (1 - p[, j]) else -b * x[k] * p[, k]
    sum(w * p[, j] * each) / sum(w * p[, j])
  }))
  found <- elasticities(fit, "rent", std.error = FALSE)
  expect_equal(unname(unclass(summary(found))), by_hand, tolerance = 1e-6, ignore_attr = TRUE)
  table <- as.data.frame(found)
  expect_named(table, c("variable", "place", "of", "own", "estimate", "std.error", "conf.low", "conf.high"))
  expect_identical(table$own, table$place == table$of)
})

test_that("elasticities, logsums and willingness to pay are mlogit's on its own example", {
  skip_if_not_installed("mlogit")
  data("Heating", package = "mlogit", envir = environment())
  wide <- dfidx::dfidx(Heating, choice = "depvar", varying = c(3:12))
  theirs <- mlogit::mlogit(depvar ~ ic + oc | 0, wide)
  long <- as.data.frame(wide)
  long <- data.frame(
    id = rep(Heating$idcase, each = 5), place = rep(levels(dfidx::idx(wide)[[2]]), nrow(Heating)),
    ic = long$ic, oc = long$oc, chosen = as.integer(long$depvar)
  )
  fit <- fit_migration(chosen ~ ic + oc, long, id = "id", place = "place")
  expect_equal(coef(fit), coef(theirs), tolerance = 1e-5, ignore_attr = TRUE)
  expect_equal(unname(predict(fit, type = "logsum")), as.numeric(mlogit::logsum(theirs)), tolerance = 1e-5)
  b <- coef(theirs)
  v <- vcov(theirs)
  slope <- c(b[["oc"]], -b[["ic"]]) / b[["ic"]]^2
  worth <- as.data.frame(compensate(fit, "ic"))
  expect_equal(worth$estimate, -b[["oc"]] / b[["ic"]], tolerance = 1e-5)
  expect_equal(worth$std.error, sqrt(drop(slope %*% v %*% slope)), tolerance = 1e-4)
  # mlogit gives effects at one set of covariates: that of the mean
  mean <- aggregate(cbind(ic, oc) ~ place, long, mean)
  at_mean <- fit
  one <- data.frame(id = 1, place = mean$place, ic = mean$ic, oc = mean$oc, chosen = c(1, 0, 0, 0, 0))
  at_mean$data <- choice_data(one, "chosen", "id", "place")
  ours <- summary(elasticities(at_mean, "ic", std.error = FALSE))
  p <- exp(as.matrix(mean[c("ic", "oc")]) %*% coef(fit))
  p <- drop(p / sum(p))
  z <- data.frame(ic = mean$ic, oc = mean$oc, row.names = mean$place)
  theirs <- stats::effects(theirs, covariate = "ic", type = "rr", data = z)
  by_hand <- sapply(1:5, function(k) coef(fit)[["ic"]] * mean$ic[k] * ((1:5 == k) - p[k]))
  expect_equal(unname(unclass(ours)), by_hand, tolerance = 1e-6, ignore_attr = TRUE)
  expect_equal(sort(c(unclass(ours))), sort(c(theirs)), tolerance = 1e-4)
})

test_that("elasticities of a nested logit follow the formula", {
  data <- relocation_data()
  fit <- suppressWarnings(small_fit(~ rent + distance, model = nested(~region, lambda = "one")))
  one <- fit
  firm <- data$firms[1, ]
  one$data <- migration_data(firm, data$places, data$ties$ties$data, time = "year")
  p <- drop(predict(fit, one$data))
  b <- coef(fit)[["rent"]]
  lambda <- coef(fit)[["lambda"]]
  nest <- ifelse(data$place == firm$from, "stay", data$places$region)
  within <- p / ave(p, nest, FUN = sum)
  free <- table(data$places$region)[nest] > 1
  scale <- ifelse(free %in% TRUE, lambda, 1)
  x <- data$places$rent
  by_hand <- outer(1:6, 1:6, Vectorize(function(j, k) {
    if (nest[j] != nest[k]) {
      return(-b * x[k] * p[k])
    }
    b * x[k] * ((j == k) / scale[k] - p[k] - (1 / scale[k] - 1) * within[k])
  }))
  found <- summary(elasticities(one, "rent", std.error = FALSE))
  expect_equal(unname(unclass(found)), by_hand, tolerance = 1e-6, ignore_attr = TRUE)
})

test_that("standard errors are those of the delta method, by an exact derivative", {
  fit <- small_fit(~ rent + distance)
  found <- as.data.frame(elasticities(fit, "rent", of = "a"))
  row <- found[found$place == "a", ]
  # d E / d theta by refitting at shifted coefficients
  value <- function(b) {
    shifted <- fit
    shifted$coefficients[] <- b
    as.data.frame(elasticities(shifted, "rent", of = "a", std.error = FALSE))$estimate[1]
  }
  b <- coef(fit)
  gradient <- vapply(seq_along(b), function(k) {
    h <- 1e-4
    (value(replace(b, k, b[k] + h)) - value(replace(b, k, b[k] - h))) / (2 * h)
  }, 0)
  expect_equal(row$std.error, sqrt(drop(gradient %*% vcov(fit) %*% gradient)), tolerance = 1e-4)
})

test_that("flows by origin and leaving respond as predictions do", {
  fit <- small_fit(~ pull(rent) + push(rent) + distance)
  up <- change_variable(fit$data, list(variable = "rent", table = "places"), function(x) 1.001 * x, 2L)
  before <- predict(fit, type = "flows")
  after <- predict(fit, up, type = "flows")
  found <- as.data.frame(elasticities(fit, "rent", by = "origin", of = "b", std.error = FALSE))
  at <- match(paste(found$from, found$place), paste(before$from, before$to))
  expect_equal(found$estimate, (log(after$flow) - log(before$flow))[at] / log(1.001), tolerance = 2e-3)
  leave <- function(flows) sum(flows$flow[flows$from != flows$to])
  leaving <- as.data.frame(elasticities(fit, "rent", by = "leaving", of = "b", std.error = FALSE))
  expect_equal(leaving$estimate, (log(leave(after)) - log(leave(before))) / log(1.001), tolerance = 2e-3)
})

test_that("ties count towards the place, and place constants in the errors", {
  fit <- small_fit(~ distance | place)
  found <- as.data.frame(elasticities(fit, "distance", of = c("a", "c")))
  expect_true(all(found$estimate[found$own] < 0))
  expect_true(all(found$std.error > 0))
  dummies <- small_fit(~ distance + factor(place))
  same <- as.data.frame(elasticities(dummies, "distance", of = c("a", "c")))
  expect_equal(found$estimate, same$estimate, tolerance = 1e-5)
  expect_equal(found$std.error, same$std.error, tolerance = 1e-4)
})

test_that("what has no elasticity is an error", {
  fit <- small_fit()
  expect_snapshot(error = TRUE, {
    elasticities(fit, "size")
    elasticities(fit, "rnet")
    elasticities(fit, "rent", of = "z")
    elasticities(1, "rent")
  })
  expect_snapshot(elasticities(fit, "rent", of = "a"))
})

test_that("all pairs in one pass are the change of predictions, with its errors", {
  data <- relocation_data(300)
  formulas <- list(
    ~ push(rent) + pull(rent) + distance + keep(size), ~ rent + size:rent + stay:rent + log(rent) + distance,
    ~ size:push(rent) + rent + distance | place
  )
  for (formula in formulas) {
    fit <- suppressWarnings(fit_migration(formula, data, weights = w, control = one_thread()))
    for (name in c("rent", "distance")) {
      variable <- check_variable(fit, name)
      base <- fit_design(fit)
      space <- theta_space(fit, base)
      exact <- crossed_elasticities(fit, variable, c(2L, 5L), base, space)
      slow <- shifted_elasticities(fit, variable, "place", c(2L, 5L), space, 1:12)
      expect_equal(exact$estimate, slow$estimate, tolerance = 1e-7)
      expect_equal(exact$std.error, slow$std.error, tolerance = 1e-5)
    }
  }
  expect_null(crossed_elasticities(fit_of("nested"), check_variable(fit_of("nested"), "rent"), 1L, NULL, NULL))
})
