fit_long <- function() {
  long <- ragged_long(200)
  long$group <- rep(sample(letters[1:20], 200, replace = TRUE), tabulate(long$id))
  long$sector <- rep(sample(1:6, 200, replace = TRUE), tabulate(long$id))
  fit_migration(~ x + y + z, choice_data(long, "chosen", "id", "place"))
}

per_occasion <- function(fit, column) {
  fit$data$data[[column]][fit$data$start[-length(fit$data$start)] + 1]
}

test_that("covariances equal their definitions", {
  fit <- fit_long()
  scores <- estfun.migration_fit(fit)
  inverse <- vcov(fit)
  expect_equal(inverse, solve(fit$information))
  expect_equal(vcov(fit, type = "opg"), solve(crossprod(scores)))
  expect_equal(vcov(fit, type = "robust"), inverse %*% crossprod(scores) %*% inverse)
  expect_lt(max(abs(colSums(scores))), 1e-6)
})

test_that("scores are the derivatives of each occasion's log-likelihood", {
  fit <- fit_long()
  x <- model.matrix(fit)
  p <- predict(fit)
  y <- fit$data$data$chosen
  by_hand <- rowsum((y - p) * x[, ], attr(x, "occasion"))
  expect_equal(unname(estfun.migration_fit(fit)), unname(by_hand), tolerance = 1e-10)
})

test_that("sandwich gives the same robust and clustered covariances", {
  skip_if_not_installed("sandwich")
  fit <- fit_long()
  group <- per_occasion(fit, "group")
  sector <- per_occasion(fit, "sector")
  expect_equal(vcov(fit, type = "robust"), sandwich::sandwich(fit), tolerance = 1e-12)
  expect_equal(vcov(fit, cluster = group), sandwich::vcovCL(fit, group), tolerance = 1e-12)
  expect_equal(vcov(fit, cluster = ~group), sandwich::vcovCL(fit, group), tolerance = 1e-12)
  both <- data.frame(group, sector)
  expect_equal(vcov(fit, cluster = ~ group + sector), sandwich::vcovCL(fit, both), tolerance = 1e-12)
  expect_equal(vcov(fit, cluster = both), sandwich::vcovCL(fit, both), tolerance = 1e-12)
  expect_equal(sandwich::bread(fit), nobs(fit) * vcov(fit))
})

test_that("sandwich agrees for weights, a nested model and absorbed place constants", {
  skip_if_not_installed("sandwich")
  data <- relocation_data()
  firm <- data$firms$firm
  weighted <- fit_migration(~ rent + distance, data, weights = w)
  expect_equal(vcov(weighted, cluster = ~firm), sandwich::vcovCL(weighted, firm), tolerance = 1e-12)
  expect_equal(vcov(weighted, type = "cluster"), sandwich::vcovCL(weighted, firm), tolerance = 1e-12)
  nest <- suppressWarnings(fit_migration(~ rent + distance, data, model = nested()))
  expect_equal(vcov(nest, type = "robust"), sandwich::sandwich(nest), tolerance = 1e-12)
  constants <- fit_migration(~ distance + keep(size) | place, data)
  expect_equal(vcov(constants, cluster = ~firm), sandwich::vcovCL(constants, firm), tolerance = 1e-12)
})

test_that("with absorbed constants robust errors are those of the model with dummies", {
  fit <- fit_migration(~ distance + keep(size) | place, relocation_data())
  dummies <- fit_migration(chosen ~ stays + distance + I(size * stays) + factor(place) - stay, relocation_long(),
    id = "id", place = "place", from = "from"
  )
  expect_equal(
    unname(vcov(fit, type = "robust")), unname(vcov(dummies, type = "robust")[1:3, 1:3]), tolerance = 1e-7
  )
  cluster <- relocation()$firms$kin
  expect_equal(
    unname(vcov(fit, cluster = cluster)), unname(vcov(dummies, cluster = cluster)[1:3, 1:3]), tolerance = 1e-7
  )
})

test_that("lmtest finds what it needs", {
  skip_if_not_installed("lmtest")
  data <- relocation_data()
  small <- fit_migration(~rent, data)
  large <- fit_migration(~ rent + distance, data)
  table <- lmtest::coeftest(large)
  expect_equal(table[, "Std. Error"], sqrt(diag(vcov(large))))
  ratio <- lmtest::lrtest(small, large)
  expect_equal(ratio$Chisq[2], 2 * (large$loglik - small$loglik))
})

test_that("coefficients that are not estimated are NA, held ones 0", {
  tables <- relocation()
  tables$places$twice <- 2 * tables$places$rent
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  fit <- suppressWarnings(fit_migration(~ rent + twice + distance, data,
    control = migration_control(fixed = c(distance = -1))
  ))
  for (type in c("hessian", "opg", "robust", "cluster")) {
    v <- vcov(fit, type = type)
    expect_true(all(is.na(v["twice", ])))
    expect_equal(v["distance", c("stay", "rent")], c(stay = 0, rent = 0))
    expect_identical(dimnames(vcov(fit, type = type, complete = FALSE))[[1]], c("stay", "rent"))
  }
  expect_identical(colnames(estfun.migration_fit(fit)), c("stay", "rent"))
})

test_that("wrong clusters are named", {
  data <- relocation_data()
  fit <- fit_migration(~rent, data)
  expect_snapshot(error = TRUE, vcov(fit, cluster = ~knn))
  expect_snapshot(error = TRUE, vcov(fit, cluster = 1:7))
  expect_snapshot(error = TRUE, vcov(fit, cluster = rep(1, 400)))
  expect_snapshot(error = TRUE, vcov(fit, cluster = c(NA, 1:399)))
  expect_snapshot(error = TRUE, vcov(fit, cluster = ~ firm + kin + year))
  expect_snapshot(error = TRUE, vcov(fit, type = "robust", cluster = ~firm))
  expect_error(vcov(fit, type = "HC1"), "must be one of")
})
