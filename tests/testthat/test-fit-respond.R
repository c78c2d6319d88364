# Slopes along directions by differences of the fourth order of what the kernels predict
difference_along <- function(value, theta, direction, step = 1e-3) {
  at <- function(m) value(theta + m * step * direction)
  (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
}

responding_fits <- function() {
  models <- fits_of_models()
  constants <- fit_migration(~ distance + keep(size) | place, relocation_data(200), weights = w, control = one_thread())
  c(models[c("conditional", "long", "nested")], list(constants = constants))
}

test_that("slopes of flows, logsums and staying are differences of what is predicted", {
  fits <- responding_fits()
  for (name in names(fits)) {
    fit <- fits[[name]]
    design <- fit_design(fit)
    directions <- root_directions(theta_space(fit, design))[, 1:2]
    asked <- c("flows", "flow_slopes", "logsum_slopes", "stay_gradient", "logsum", "stay")
    found <- kernel_response(fit, design, directions, asked)
    w <- occasion_weights(design$spec)
    expect_equal(found$flows, expected_flows(fit, design), tolerance = 1e-12, info = name)
    expect_equal(c(found$logsum), kernel_predict(fit, design, "logsum"), tolerance = 1e-12, info = name)
    expect_equal(1 - c(found$stay), leaving_probability(fit, design), tolerance = 1e-12, info = name)
    for (d in 1:2) {
      slope <- function(value) difference_along(value, design$theta, directions[, d])
      flows <- slope(function(theta) c(expected_flows(fit, at_theta(design, theta))))
      expect_lt(max(abs(found$flow_slopes[, d] - flows)), 1e-7 * max(abs(flows)))
      logsum <- slope(function(theta) sum(w * kernel_predict(fit, at_theta(design, theta), "logsum")))
      expect_equal(found$logsum_slopes[d], logsum, tolerance = 1e-7, info = name)
      if (any(design$spec$origin > 0L)) {
        stay <- slope(function(theta) -sum(w * leaving_probability(fit, at_theta(design, theta)), na.rm = TRUE))
        expect_equal(sum(found$stay_gradient * directions[, d]), stay, tolerance = 1e-7, info = name)
      }
    }
  }
})

test_that("the same bits come from any number of threads", {
  fit <- fit_of("conditional")
  design <- fit_design(fit)
  directions <- root_directions(theta_space(fit, design))
  answer <- function(threads) {
    fit$control$threads <- threads
    kernel_response(fit, design, directions, c("flows", "flow_slopes", "logsum_slopes", "stay_gradient"))
  }
  expect_identical(answer(3L), answer(1L))
})

test_that("directions make up the covariance, whatever the units", {
  v <- crossprod(matrix(c(1, 2, 0, 1, 3, 1, 2, 0, 1), 3)) * outer(c(1, 1e-6, 1e5), c(1, 1e-6, 1e5))
  space <- list(theta = numeric(4), covariance = rbind(cbind(v, 0), 0))
  directions <- root_directions(space)
  expect_equal(tcrossprod(directions)[1:3, 1:3] / v, matrix(1, 3, 3), tolerance = 1e-9)
  expect_identical(directions[4, ], numeric(3))
})

test_that("intervals by the delta method are those of many draws", {
  fit <- small_fit(~ rent + distance + keep(size), n = 2000)
  what_if <- function(...) counterfactual(fit, places = transform(places, rent = rent + (place == "a")), ...)
  delta <- what_if()
  drawn <- what_if(interval = "simulated", draws = 3000, seed = 1)
  expect_equal(delta$stocks$change, drawn$stocks$change)
  expect_equal(drawn$stocks$std.error, delta$stocks$std.error, tolerance = 0.05)
  expect_equal(drawn$totals$std.error, delta$totals$std.error, tolerance = 0.05)
  expect_equal(drawn$flows$std.error, delta$flows$std.error, tolerance = 0.05)
  expect_equal(drawn$stocks$conf.low, delta$stocks$conf.low, tolerance = 0.05)
})

test_that("welfare in money and pushes have the slopes of draws", {
  fit <- small_fit(~ push(rent) + pull(rent) + distance)
  sides <- list(
    object = fit, before = fit_design(fit), price = welfare_price(fit, "pull(rent)"), equilibrium = TRUE,
    after = fit_design_on(fit, change_variable(fit$data, list(table = "places", variable = "rent"), sqrt))
  )
  directions <- root_directions(theta_space(fit, sides$before))
  exact <- change_slopes(sides, compare_sides(sides), directions)
  differences <- difference_slopes(sides, directions)
  expect_equal(exact, differences, tolerance = 1e-6)
})
