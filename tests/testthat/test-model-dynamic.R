# Firms that look ahead: numbers of a worked example, differences, and what is refused.

# Moves of exporters (z = 1) and others between three places, as counts: rows are origins
moves_of_kinds <- function() {
  counts <- rbind(
    c(62, 24, 14), c(6, 78, 16), c(5, 17, 78),
    c(45, 41, 14), c(3, 88, 9), c(3, 32, 65)
  )
  id <- c("a", "b", "c")
  firms <- expand.grid(from = id, exporter = 0:1, to = id, stringsAsFactors = FALSE)
  firms$n <- as.vector(counts)
  firms$firm <- paste0("f", seq_len(nrow(firms)))
  places <- data.frame(place = id, land_price = c(1, 0.6, 0.3), creativity = c(0.2, 0.9, 0.5))
  ties <- data.frame(from = id[c(1, 1, 2, 2, 3, 3)], to = id[c(2, 3, 1, 3, 1, 2)], distance = c(1, 2, 1, 1.5, 2, 1.5))
  migration_data(firms, places, ties, weights = "n")
}

kinds_change <- matrix(c(0.9, 0.2, 0.1, 0.8), 2, dimnames = list(0:1, 0:1))
kinds_formula <- ~ distance + land_price + exporter:creativity
look_ahead_fit <- function(...) {
  fit_migration(kinds_formula, moves_of_kinds(), model = dynamic(0.9, transition = kinds_change, ...))
}

# The world of a fit, with counts, at any coefficients
world_at <- function(fit, theta, wanted) {
  .Call(C_dynamic, counted_world(fit_design(fit)), theta, wanted, list(threads = 1L))
}

test_that("values, probabilities, log-likelihood and score are those of the example", {
  fit <- look_ahead_fit()
  theta <- c(1, -0.5, -0.8, 1.2)
  expect_equal(world_at(fit, theta, "values")$value,
    c(10.1339180086, 10.5460006445, 10.7905791738, 12.0881711708, 12.9929798353, 12.7054444673),
    tolerance = 1e-11
  )
  at <- world_at(fit, theta, "score")
  expect_equal(at$likelihood, -453.53480162718, tolerance = 1e-13)
  expect_equal(at$score, c(-8.32434268069, 5.99409925378, 42.8352679387, 3.99089014906), tolerance = 1e-10)
  fit$coefficients[] <- theta
  p <- predict(fit)
  first <- c(
    0.5286075381831, 0.2460330748687, 0.225359386948, 0.0781135569945, 0.7302473714300, 0.191639071576,
    0.0370988175632, 0.0993654842433, 0.863535698193
  )
  expect_equal(as.vector(t(unname(p[1:3, ]))), first, tolerance = 1e-11)
})

test_that("maximum likelihood, its errors, and nested pseudo-likelihood are those of the example", {
  truth <- c(1.130599641881, -0.399981226908, -0.353084392640, 1.223447004926)
  fit <- look_ahead_fit()
  expect_equal(unname(coef(fit)), truth, tolerance = 1e-9)
  expect_equal(as.numeric(logLik(fit)), -444.04068541893, tolerance = 1e-13)
  expect_equal(unname(sqrt(diag(vcov(fit)))), c(0.317556749763, 0.203199854758, 0.107120816212, 0.168082143889), tolerance = 1e-9)
  npl <- look_ahead_fit(estimator = "npl")
  expect_equal(coef(npl), coef(fit), tolerance = 1e-9)
  expect_equal(vcov(npl), vcov(fit), tolerance = 1e-7)
  static <- fit_migration(kinds_formula, moves_of_kinds())
  expect_equal(unname(coef(static)), c(1.07950967906, -0.415336712291, -0.613193445321, 2.01409098378), tolerance = 1e-9)
  # one round of pseudo-likelihood from the frequencies
  problem <- refit_problem(fit, fit_design(fit))
  world <- counted_world(problem$design)
  world$given <- lapply(world$count, function(n) as.vector(apply(matrix(n, 3), 2, function(k) k / sum(k))))
  step <- given_values(world, unname(coef(static)), problem$control)
  one <- maximise_world(problem, step, unname(coef(static)), problem$control)
  expect_equal(one$theta, c(1.1667042199, -0.382406215026, -0.364683478331, 1.21691547644), tolerance = 1e-9)
  expect_equal(one$value, -444.12523381788, tolerance = 1e-12)
})

test_that("the score of occasions adds up to that of the likelihood, which is its difference", {
  fit <- look_ahead_fit()
  theta <- c(0.7, -0.3, -0.5, 0.9)
  design <- fit_design(fit)
  design$theta <- theta
  scores <- kernel_scores(fit, resolve_equilibrium(fit, design))
  total <- world_at(fit, theta, "score")$score
  expect_equal(unname(colSums(scores)), total, tolerance = 1e-10)
  value <- function(theta) world_at(fit, theta, "likelihood")$likelihood
  slope <- vapply(1:4, function(k) {
    step <- 1e-3 * (1:4 == k)
    (8 * (value(theta + step) - value(theta - step)) - (value(theta + 2 * step) - value(theta - 2 * step))) / 12e-3
  }, 0)
  expect_equal(total, slope, tolerance = 1e-8)
  expect_equal(unname(colSums(sandwich::estfun(fit))), rep(0, 4), tolerance = 1e-6)
  expect_equal(sum(log(fitted(fit)) * moves_of_kinds()$firms$n), as.numeric(logLik(fit)), tolerance = 1e-12)
})

test_that("discount 0 is the conditional logit, to the bit", {
  static <- fit_migration(kinds_formula, moves_of_kinds())
  none <- fit_migration(kinds_formula, moves_of_kinds(), model = dynamic(0))
  expect_identical(coef(none), coef(static))
  expect_identical(vcov(none), vcov(static))
  expect_identical(predict(none), predict(static))
  expect_equal(sandwich::estfun(none), sandwich::estfun(static))
})

test_that("kinds that do not change are solved apart, and one by one or together makes no difference", {
  apart <- fit_migration(kinds_formula, moves_of_kinds(), model = dynamic(0.9))
  same <- diag(2)
  dimnames(same) <- list(0:1, 0:1)
  together <- fit_migration(kinds_formula, moves_of_kinds(), model = dynamic(0.9, transition = same))
  expect_equal(coef(apart), coef(together), tolerance = 1e-10)
  expect_equal(apart$values$value, together$values$value, tolerance = 1e-10)
  by_types <- fit_migration(kinds_formula, moves_of_kinds(), model = dynamic(0.9, types = ~exporter))
  expect_identical(coef(by_types), coef(apart))
})

test_that("values hold at a discount near 1, where their level is large", {
  fit <- fit_migration(kinds_formula, moves_of_kinds(), model = dynamic(0.9999))
  world <- fit_design(fit)
  p <- predict(fit)
  expect_equal(unname(rowSums(p)), rep(1, nrow(p)), tolerance = 1e-14)
  at <- fit$values
  # V solves its equation: V(o) = log sum exp(u + beta V)
  states <- fit_design(fit)$world
  u <- function(m) matrix(matrix(aperm(array(states$x[[m]], c(3, 4, 3)), c(1, 3, 2)), ncol = 4) %*% coef(fit), 3)
  for (m in 1:2) {
    v <- at$value[(m - 1) * 3 + 1:3]
    expect_equal(log(colSums(exp(u(m) + 0.9999 * v - max(v)))) + max(v), v, tolerance = 1e-10)
  }
})

test_that("a bundled fit has place constants, robust errors, answers, and any thread count gives the same bits", {
  data <- wenzhou_guzhen()
  formula <- ~ environment + exporter:creativity + log(distance) | place
  few <- data$firms$year %in% 1998:2001
  fit <- fit_migration(formula, data, model = dynamic(0.9), subset = few, control = migration_control(threads = 1))
  two <- fit_migration(formula, data, model = dynamic(0.9), subset = few, control = migration_control(threads = 2))
  expect_identical(coef(fit), coef(two))
  expect_identical(vcov(fit), vcov(two))
  problem <- refit_problem(fit, fit_design(fit))
  theta <- c(coef(fit), fit$effects)
  theta[is.na(theta) | !is.finite(theta)] <- 0
  score <- evaluate_sums(dynamic_sums(counted_world(problem$design), problem$design$spec), list(), unname(theta), 1L, list(threads = 1L))$score
  expect_lt(max(abs(score[!problem$held$is])), 1e-4)
  expect_equal(unname(colSums(sandwich::estfun(fit))), rep(0, length(coef(fit))), tolerance = 1e-4)
  robust <- sqrt(diag(vcov(fit, type = "robust")))
  expect_lt(max(abs(log(robust / sqrt(diag(vcov(fit)))))), 0.7)
  expect_equal(nrow(fit$values), 2 * 4 * 17)
})

test_that("a change that lasts for ever is worth what the example says, and moves more firms than one met once", {
  better <- function(places) within(places, creativity[place == "c"] <- 0.8)
  at <- function(data, theta) {
    fit <- fit_migration(kinds_formula, data, model = dynamic(0.9, transition = kinds_change))
    matrix(world_at(fit, theta, "values")$value, 3)
  }
  data <- moves_of_kinds()
  new <- migration_data(data$firms, better(data$places), data$ties[[1]]$data, weights = "n")
  theta <- c(1, -0.5, -0.8, 1.2)
  expect_equal((at(new, theta) - at(data, theta))[, 1], c(0.429827979779, 0.417888126477, 0.482707325568), tolerance = 1e-10)
  fit <- look_ahead_fit()
  static <- fit_migration(kinds_formula, data)
  static$coefficients[] <- coef(fit)
  gain <- function(fit) {
    change <- counterfactual(fit, places = better(places), draws = 20, seed = 1)$stocks
    change$change[change$place == "c"]
  }
  expect_gt(gain(fit), 1.5 * gain(static))
})

test_that("what the model cannot take is refused in words", {
  expect_snapshot(error = TRUE, dynamic(1))
  expect_snapshot(error = TRUE, dynamic(c(0.9, 0.95)))
  expect_snapshot(error = TRUE, dynamic(0.9, types = "exporter"))
  expect_snapshot(error = TRUE, dynamic(0.9, survival = 0))
  expect_snapshot(error = TRUE, dynamic(0.9, transition = matrix(c(0.9, 0.3, 0.1, 0.8), 2, dimnames = list(0:1, 0:1))))
  data <- moves_of_kinds()
  other <- matrix(c(1, 0, 0, 1), 2, dimnames = list(c("x", "y"), c("x", "y")))
  expect_snapshot(error = TRUE, fit_migration(kinds_formula, data, model = dynamic(0.9, transition = other)))
  expect_snapshot(error = TRUE, fit_migration(kinds_formula, data, model = dynamic(0.9, types = ~from)))
  expect_error(
    fit_migration(~land_price, data, model = dynamic(0.9, types = ~exporters)),
    "`types` names `exporters`, which no column of the firms is called. Did you mean `exporter`?",
    fixed = TRUE
  )
  expect_snapshot(error = TRUE, fit_migration(~ land_price + peers(), data, model = dynamic(0.9)))
  expect_snapshot(error = TRUE, fit_migration(chosen ~ x, ragged_data(30), model = dynamic(0.9)))
})

test_that("a fit prints as what it is", {
  expect_snapshot(print(look_ahead_fit()))
  expect_snapshot(print(dynamic(0.9, types = ~exporter)))
  expect_snapshot(print(summary(fit_migration(~ push(land_price) + distance, moves_of_kinds(), model = dynamic(0.9)))))
})
