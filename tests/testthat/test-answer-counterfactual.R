test_that("changes are those of predict() on changed data", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance + keep(size), data, weights = w, control = one_thread())
  found <- counterfactual(fit, places = transform(places, rent = 0.5 * rent), draws = 0)
  changed <- data
  changed$places$rent <- 0.5 * changed$places$rent
  w <- data$firms$w
  before <- predict(fit)
  after <- predict(fit, changed)
  expect_equal(found$stocks$change, unname(colSums(w * (after - before))), tolerance = 1e-10)
  expect_lt(abs(sum(found$stocks$change)), 1e-10)
  expect_equal(found$stocks$observed, unname(c(rowsum(w, data$firms$to))))
  home <- cbind(1:400, match(data$firms$from, data$place))
  expect_equal(found$totals$change[1], sum(w * (before[home] - after[home])), tolerance = 1e-10)
  v <- predict(fit, changed, type = "logsum") - predict(fit, type = "logsum")
  expect_equal(found$totals$change[2], sum(w * v) / sum(w), tolerance = 1e-10)
  expect_equal(found$firms$leave_after, unname(1 - after[home]), tolerance = 1e-10)
  left <- found$firms$left
  expect_identical(is.na(found$firms$would_stay), !left)
  money <- counterfactual(fit, places = transform(places, rent = rent - 1), price = "rent", draws = 0)
  # a unit less rent everywhere is worth a unit
  expect_equal(money$totals$change[3], 1, tolerance = 1e-10)
})

test_that("tables may come as data frames, functions or expressions, firms and ties too", {
  fit <- small_fit()
  mine <- transform(fit$data$places, rent = rent + 1:6)
  by_frame <- counterfactual(fit, places = mine, draws = 0)
  by_function <- counterfactual(fit, places = function(old) transform(old, rent = rent + 1:6), draws = 0)
  by_expression <- counterfactual(fit, places = transform(places, rent = rent + 1:6), draws = 0)
  expect_equal(by_frame$stocks, by_function$stocks)
  expect_equal(by_frame$stocks, by_expression$stocks)
  nearer <- counterfactual(fit, ties = transform(ties, distance = distance / 2), draws = 0)
  expect_gt(nearer$totals$change[1], 0)
  larger <- counterfactual(fit, firms = transform(firms, size = 2 * size), draws = 0)
  expect_lt(larger$totals$change[1], 0)
  both <- counterfactual(fit,
    firms = transform(firms, size = 2 * size), ties = transform(ties, distance = distance / 2), draws = 0
  )
  expect_identical(both$changed, c("firms", "ties"))
})

test_that("who would have stayed is exact for a push", {
  data <- relocation_data()
  fit <- fit_migration(~ push(rent) + distance, data, control = one_thread())
  found <- counterfactual(fit, places = transform(places, rent = 0.5 * rent), draws = 0)
  kept <- tapply(found$firms$leave_before - found$firms$leave_after, data$firms$from, sum)
  expect_equal(found$origins$before - found$origins$after, kept, ignore_attr = TRUE)
  # the same errors, drawn given what was chosen, before and after
  set.seed(1)
  v <- predict(fit, type = "utility")
  changed <- data
  changed$places$rent <- 0.5 * changed$places$rent
  u <- predict(fit, changed, type = "utility")
  i <- 1
  errors <- matrix(gumbel(6 * 40000), 6)
  home <- match(data$firms$from[i], data$place)
  left <- max.col(t(v[i, ] + errors)) != home
  stays <- max.col(t(u[i, ] + errors)) == home
  p <- pmax(found$firms$leave_before - found$firms$leave_after, 0) / found$firms$leave_before
  expect_equal(mean(stays[left]), p[i], tolerance = 0.03)
  # pushes are losses of staying: less of a push with a positive coefficient is a gain
  expect_identical(sign(found$totals$change[2]), sign(coef(fit)[["push(rent)"]]))
})

test_that("intervals come from the draws of the coefficients", {
  fit <- small_fit(~ distance + keep(size) | place)
  what_if <- function() {
    counterfactual(fit,
      ties = transform(ties, distance = distance + (to == "a")), interval = "simulated", draws = 400, seed = 1
    )
  }
  found <- what_if()
  expect_identical(found$stocks, what_if()$stocks)
  expect_true(all(found$stocks$conf.low <= found$stocks$change & found$stocks$change <= found$stocks$conf.high))
  design <- fit_design(fit)
  to_a <- fit$data$ties$ties$data$to == "a"
  changed <- fit$data
  changed$ties$ties$data$distance[to_a] <- changed$ties$ties$data$distance[to_a] + 1
  after <- fit_design_on(fit, changed)
  value <- function(theta) {
    colSums(expected_flows(fit, at_theta(after, theta)) - expected_flows(fit, at_theta(design, theta)))
  }
  delta <- delta_errors(value, theta_space(fit, design))
  expect_equal(found$stocks$std.error, delta, tolerance = 0.25)
})

test_that("long data, subsets and the picture", {
  long <- long_fit(chosen ~ rent + distance + keep(size))
  found <- counterfactual(long, data = transform(data, rent = 0.5 * rent), draws = 0)
  relational <- counterfactual(small_fit(), places = transform(places, rent = 0.5 * rent), draws = 0)
  expect_equal(found$stocks$change, relational$stocks$change, tolerance = 1e-6)
  expect_equal(found$origins$would_stay, relational$origins$would_stay, tolerance = 1e-6)
  part <- counterfactual(small_fit(),
    places = transform(places, rent = 0.5 * rent), subset = year == 1 & from == "a", draws = 0
  )
  expect_identical(part$origins$from, "a")
  skip_if_not_installed("ggplot2")
  expect_s3_class(ggplot2::autoplot(found), "ggplot")
})

test_that("messages and prints of counterfactual()", {
  fit <- small_fit()
  expect_snapshot(error = TRUE, {
    counterfactual(fit)
    counterfactual(fit, data = firms)
    counterfactual(fit, places = 3)
    counterfactual(fit, firms = firms[1:3, ])
    counterfactual(fit, places = transform(places, rent = NULL))
    counterfactual(fit, places = transform(places, rent = NA_real_))
    counterfactual(fit, places = places[6:1, ])
    counterfactual(fit, places = transform(places, rent = 1), subset = year > 5)
  })
  found <- counterfactual(fit,
    places = transform(places, rent = 0.5 * rent), interval = "simulated",
    draws = 20, seed = 1
  )
  expect_snapshot({
    print(found, digits = 3)
    print(summary(found), digits = 3)
  })
  expect_identical(tidy(found, "flows"), as.data.frame(found, table = "flows"))
})

test_that("the equilibrium of two places is solved again in closed form, or held", {
  charm <- 0.3
  fit <- two_place_fit(charm, 1.2, c(k = 0.7))
  after <- function(...) {
    what_if <- counterfactual(fit, places = transform(places, charm = charm + c(0.5, 0)), draws = 0, ...)
    what_if$stocks
  }
  share <- function(table, when) table[[when]][1L] / sum(table[[when]])
  expect_equal(2 * share(after(), "before") - 1, two_place_roots(charm, 1.2), tolerance = 1e-7)
  expect_equal(2 * share(after(), "after") - 1, two_place_roots(charm + 0.5, 1.2), tolerance = 1e-7)
  m <- two_place_roots(charm, 1.2)
  expect_equal(2 * share(after(equilibrium = FALSE), "after") - 1, tanh((charm + 0.5 + 1.2 * m) / 2), tolerance = 1e-7)
})

test_that("a chain's counterfactual is predict() in equilibrium, of all firms also where some are counted", {
  fit <- fit_of("chain")
  changed <- fit$data
  changed$places$rent <- changed$places$rent + (changed$places$place == "b")
  sums <- function(p, rows = TRUE) unname(colSums(p[rows, ]))
  what_if <- function(...) {
    counterfactual(fit, places = transform(places, rent = rent + (place == "b")), draws = 0, ...)$stocks
  }
  solved <- predict(fit, changed)
  held <- predict(fit, changed, equilibrium = "fitted")
  expect_equal(what_if()$after, sums(solved), tolerance = 1e-7)
  expect_equal(what_if(equilibrium = FALSE)$after, sums(held), tolerance = 1e-7)
  expect_gt(max(abs(solved - held)), 1e-3)
  big <- fit$data$firms$size > 0
  expect_equal(what_if(subset = size > 0)$after, sums(solved, big), tolerance = 1e-7)
  expect_equal(what_if(subset = size > 0, equilibrium = FALSE)$after, sums(held, big), tolerance = 1e-7)
})

test_that("draws of a chain's coefficients move both equilibria", {
  fit <- fit_of("chain")
  what_if <- counterfactual(fit,
    places = transform(places, rent = rent + (place == "b")),
    interval = "simulated", draws = 5, seed = 1
  )
  space <- theta_space(fit, fit_design(fit))
  theta <- with_seed(1, draw_theta(space, 5))
  change <- vapply(1:5, function(k) {
    at <- fit
    at$coefficients[] <- theta[, k]
    changed <- fit$data
    changed$places$rent <- changed$places$rent + (changed$places$place == "b")
    colSums(predict(at, changed)) - colSums(predict(at))
  }, numeric(5))
  expect_equal(what_if$stocks$std.error, unname(apply(change, 1L, stats::sd)), tolerance = 1e-4)
})
