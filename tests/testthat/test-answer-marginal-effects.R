test_that("effects on leaving equal numerical differences of predict()", {
  data <- relocation_data()
  formula <- ~ pull(rent) + push(rent) + distance + keep(size) + size:wage
  fit <- fit_migration(formula, data, weights = w, control = one_thread())
  found <- as.data.frame(marginal_effects(fit, std.error = FALSE))
  w <- data$firms$w
  home <- cbind(1:400, match(data$firms$from, data$place))
  leave <- function(changed) sum(w * (1 - predict(fit, changed)[home])) / sum(w)
  h <- 1e-4
  firms <- function(by) {
    data$firms$size <- data$firms$size + by
    leave(data)
  }
  row <- function(variable, at) found$estimate[found$variable == variable & found$at == at]
  expect_equal(row("size", "firm"), (firms(h) - firms(-h)) / (2 * h), tolerance = 1e-6)
  origin <- function(by, where) {
    mean <- 0
    for (o in 1:6) {
      changed <- data
      at <- if (where == "origin") o else setdiff(1:6, o)
      changed$places$rent[at] <- changed$places$rent[at] + by
      rows <- home[, 2] == o
      mean <- mean + sum((w * (1 - predict(fit, changed)[home]))[rows])
    }
    mean / sum(w)
  }
  expect_equal(row("rent", "origin"), (origin(h, "origin") - origin(-h, "origin")) / (2 * h), tolerance = 1e-6)
  expect_equal(row("rent", "elsewhere"), (origin(h, "else") - origin(-h, "else")) / (2 * h), tolerance = 1e-6)
  ties <- function(by) {
    data$ties$ties$data$distance <- data$ties$ties$data$distance + by
    leave(data)
  }
  expect_equal(row("distance", "ties"), (ties(h) - ties(-h)) / (2 * h), tolerance = 1e-6)
})

test_that("a binary logit has the effects of glm()", {
  data <- two_place_data()
  fit <- fit_migration(~ keep(size) + keep(age), data, control = one_thread())
  found <- as.data.frame(marginal_effects(fit))
  firms <- data$firms
  binary <- glm(I(to != from) ~ size + age, binomial, firms)
  p <- fitted(binary)
  expect_equal(found$estimate, unname(coef(binary)[-1] * mean(p * (1 - p))), tolerance = 1e-6)
  x <- model.matrix(binary)
  gradient <- sapply(2:3, function(k) {
    colMeans(p * (1 - p) * (1 - 2 * p) * x) * coef(binary)[k] + (1:3 == k) * mean(p * (1 - p))
  })
  se <- sqrt(diag(t(gradient) %*% vcov(binary) %*% gradient))
  expect_equal(found$std.error, se, tolerance = 1e-4)
})

test_that("levels are contrasts, and long data give what relational ones give", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance + keep(kin), data, control = one_thread())
  found <- as.data.frame(marginal_effects(fit, std.error = FALSE))
  expect_identical(found$contrast[found$variable == "kin"], c("Wang - Li", "Zhu - Li"))
  set <- function(level) {
    data$firms$kin <- level
    mean(1 - predict(fit, data)[cbind(1:400, match(data$firms$from, data$place))])
  }
  contrasts <- c(set("Wang") - set("Li"), set("Zhu") - set("Li"))
  expect_equal(found$estimate[found$variable == "kin"], contrasts, tolerance = 1e-8)
  long <- long_fit(chosen ~ rent + distance + keep(kin))
  same <- as.data.frame(marginal_effects(long, std.error = FALSE))
  expect_equal(same$estimate[same$variable == "kin"], found$estimate[found$variable == "kin"], tolerance = 1e-6)
  expect_equal(same$estimate[same$variable == "rent"], found$estimate[found$variable == "rent"], tolerance = 1e-6)
})

test_that("effects on each place's own probability", {
  data <- relocation_data()
  fit <- small_fit(~ rent + distance)
  found <- as.data.frame(marginal_effects(fit, "rent", type = "place", std.error = FALSE))
  p <- predict(fit)
  expect_equal(found$estimate, unname(colMeans(coef(fit)[["rent"]] * p * (1 - p))), tolerance = 1e-6)
  firm <- as.data.frame(marginal_effects(small_fit(), "size", type = "place", std.error = FALSE))
  expect_lt(abs(sum(firm$estimate)), 1e-10)
})

test_that("effects without origins, and their messages", {
  fit <- fit_migration(~ x + y, ragged_data(), control = one_thread())
  expect_snapshot(error = TRUE, {
    marginal_effects(fit)
    marginal_effects(small_fit(), "rents")
    marginal_effects(small_fit(), what = 1)
  })
  expect_identical(unique(as.data.frame(marginal_effects(fit, type = "place", std.error = FALSE))$at), "own")
  expect_snapshot(marginal_effects(small_fit(~ rent + distance), "rent"))
})

test_that("effects in an equilibrium hold what the others do, for any part of the occasions", {
  fit <- fit_of("chain")
  step <- 1e-4
  leaving <- function(size = 0, rent = 0, at = c("origin", "all")) {
    data <- fit$data
    data$firms$size <- data$firms$size + size
    data$places$rent <- data$places$rent + rent
    p <- predict(fit, data, equilibrium = "fitted")
    mean(1 - p[cbind(seq_len(nrow(p)), match(data$firms$from, colnames(p)))])
  }
  table <- as.data.frame(marginal_effects(fit, c("size", "rent"), std.error = FALSE))
  expect_equal(table$estimate[table$variable == "size"], (leaving(step) - leaving(-step)) / (2 * step), tolerance = 1e-5)
  rent <- vapply(letters[1:5], function(place) {
    change <- function(by) {
      data <- fit$data
      data$places$rent <- data$places$rent + by * (data$places$place == place)
      p <- predict(fit, data, equilibrium = "fitted")
      sum((1 - p[, place])[data$firms$from == place])
    }
    (change(step) - change(-step)) / (2 * step)
  }, 0)
  expect_equal(table$estimate[table$at == "origin"], sum(rent) / fit$n, tolerance = 1e-5)
  expect_true(all(marginal_effects(fit, "size")$table$std.error > 0))
})

test_that("elasticities in an equilibrium hold what the others do", {
  fit <- fit_of("chain")
  shifted <- function(by) {
    data <- fit$data
    data$places$rent[data$places$place == "b"] <- data$places$rent[data$places$place == "b"] * exp(by)
    colSums(predict(fit, data, equilibrium = "fitted"))
  }
  table <- as.data.frame(elasticities(fit, "rent", of = "b", std.error = FALSE))
  expect_equal(table$estimate, unname((shifted(1e-4) - shifted(-1e-4)) / (2e-4 * shifted(0))), tolerance = 1e-5)
})
