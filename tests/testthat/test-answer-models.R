# Answers of models whose coefficients differ between firms, and answers that have no meaning for a model.

test_that("without differences between firms the answers are those of the conditional logit", {
  fits <- degenerate_fits()
  same <- function(answer) {
    expected <- answer(fits$plain)
    for (fit in fits[-1L]) {
      expect_equal(answer(fit), expected, tolerance = 1e-6)
    }
  }
  same(function(fit) elasticities(fit, "x", std.error = FALSE)$table)
  same(function(fit) marginal_effects(fit, std.error = FALSE)$table)
  what_if <- function(fit) counterfactual(fit, places = transform(places, x = x + (place == "b")), draws = 0)
  same(function(fit) what_if(fit)[c("stocks", "totals", "firms")])
  groups <- list(push = "push(x)", pull = "pull(y)")
  same(function(fit) {
    attribute_moves(fit, groups, what = "moves", reference = "zero")$table[c("group", "estimate", "alone", "last")]
  })
  same(function(fit) attribute_moves(fit, groups["push"], what = "moves")$table$estimate)
})

test_that("worth of a mixed logit is of the means", {
  fit <- fit_of("mixed")
  table <- as.data.frame(suppressWarnings(compensate(fit, "y")))
  b <- coef(fit)
  expect_equal(table$estimate[table$term == "x"], -b[["x"]] / b[["y"]])
  v <- vcov(fit)[c("x", "y"), c("x", "y")]
  gradient <- c(-1 / b[["y"]], b[["x"]] / b[["y"]]^2)
  expect_equal(table$std.error[table$term == "x"], sqrt(drop(gradient %*% v %*% gradient)), tolerance = 1e-6)
  kinds <- two_kinds_data(firms = 60, times = 3, apart = 1.5)
  log_normal <- suppressWarnings(fit_migration(~ x + y, kinds,
    model = mixed(c(y = "lognormal"), draws = 32, check_draws = 0), control = one_thread()
  ))
  table <- as.data.frame(suppressWarnings(compensate(log_normal, "x")))
  mean <- random_coefficients(log_normal)$mean
  expect_equal(table$estimate[table$term == "y"], -mean / coef(log_normal)[["x"]])
  expect_equal(
    as.data.frame(suppressWarnings(compensate(log_normal, "x", interval = "simulated", draws = 4000, seed = 1)))$estimate,
    table$estimate
  )
})

test_that("in willingness-to-pay space the coefficients are the worth", {
  kinds <- two_kinds_data(firms = 60, times = 3, apart = 1.5)
  fit <- suppressWarnings(fit_migration(~ x + y, kinds,
    model = mixed(c(x = "normal"), draws = 32, check_draws = 0, space = "wtp", price = "y"), control = one_thread()
  ))
  worth <- suppressWarnings(compensate(fit, "y"))
  table <- as.data.frame(worth)
  expect_equal(table$estimate[table$term == "x"], coef(fit)[["x"]])
  expect_equal(table$std.error[table$term == "x"], sqrt(vcov(fit)["x", "x"]), tolerance = 1e-6)
  expect_match(worth$notes, "willingness-to-pay space", all = FALSE)
  expect_equal(unname(predict(fit, type = "utility")[1, ] - predict(fit, type = "utility")[1, 1]), {
    x <- model.matrix(fit)[1:4, ] %*% (c(-coef(fit)[["stay"]], -coef(fit)[["x"]], 1) * coef(fit)[["y"]])
    drop(x - x[1])
  })
})

test_that("each latent class has its own worth", {
  fit <- fit_of("latent")
  b <- coef(fit)
  table <- as.data.frame(suppressWarnings(compensate(fit, "y")))
  for (class in c(":class1", ":class2")) {
    expect_equal(table$estimate[table$term == paste0("x", class)], -b[[paste0("x", class)]] / b[[paste0("y", class)]])
  }
  one <- as.data.frame(suppressWarnings(compensate(fit, "y:class2", interval = "fieller")))
  expect_true(all(grepl("class2$", one$term)))
})

test_that("effects of models with differences between firms are differences of predict()", {
  for (fit in fits_of_models()[c("mixed", "latent", "cross_nested", "nested")]) {
    name <- intersect(c("x", "rent"), names(fit$data$places))
    shares <- function(by) {
      data <- fit$data
      at <- data$places$place == "b"
      data$places[[name]][at] <- data$places[[name]][at] * exp(by)
      colSums(predict(fit, data))
    }
    table <- elasticities(fit, name, of = "b", std.error = FALSE)$table
    slope <- (shares(1e-4) - shares(-1e-4)) / (2e-4 * shares(0))
    expect_equal(table$estimate, unname(slope), tolerance = 1e-5)
    data <- fit$data
    data$places[[name]][1] <- data$places[[name]][1] + 1
    changed <- data$places
    what_if <- counterfactual(fit, places = changed, interval = "simulated", draws = 3, seed = 1)
    expect_equal(what_if$stocks$after, unname(colSums(predict(fit, data))), tolerance = 1e-8)
    expect_equal(mean(what_if$firms$welfare),
      mean(predict(fit, data, type = "logsum") - predict(fit, type = "logsum")), tolerance = 1e-8)
  }
})

test_that("effects on a hazard are differences of the probability of leaving, also with a frailty", {
  frail <- suppressWarnings(fit_quietly(~ push(rent), hazard_data(150, v = 1),
    model = hazard(baseline = "log", frailty = TRUE), control = one_thread()
  ))
  for (fit in list(fit_of("hazard"), frail)) {
    leaving <- function(by) {
      data <- fit$data
      data$places$rent <- data$places$rent + by
      mean(predict(fit, data, type = "hazard"), na.rm = TRUE)
    }
    effect <- marginal_effects(fit, "rent", std.error = FALSE)$table
    expect_identical(effect$at, "origin")
    expect_equal(effect$estimate, (leaving(1e-4) - leaving(-1e-4)) / 2e-4, tolerance = 1e-5)
    expect_true(all(is.finite(elasticities(fit, "rent", by = "leaving", std.error = FALSE)$table$estimate)))
  }
  hazard <- fit_of("hazard")
  expect_equal(sum(attribute_moves(hazard)$table$estimate), hazard$loglik - hazard$loglik_null, tolerance = 1e-5)
})

test_that("a term and its spread, or its coefficients in all classes, are attributed together", {
  mixed <- attribute_moves(fit_of("mixed"), list(x = "x", y = "y"))
  expect_identical(mixed$groups$x, c(2L, 4L))
  kinds <- two_kinds_data(firms = 60, times = 3, apart = 1.5)
  only <- fit_migration(~y, kinds, control = one_thread())
  expect_equal(mixed$table$last[1], fit_of("mixed")$loglik - only$loglik, tolerance = 1e-5)
  latent <- attribute_moves(fit_of("latent"), list(x = "x", y = "y:class2"))
  expect_identical(latent$groups, list(x = c(2L, 5L), y = c(6L, 3L)))
  moves <- attribute_moves(fit_of("latent"), list(x = "x", y = "y"), what = "moves", reference = "zero")
  out <- fit_of("latent")
  out$coefficients[c("x:class1", "x:class2", "y:class1", "y:class2")] <- 0
  p <- predict(out)
  leave <- sum(1 - p[cbind(seq_len(nrow(p)), match(out$data$firms$from, colnames(p)))])
  expect_equal(moves$none, leave, tolerance = 1e-8)
})

test_that("what has no meaning for a model is an error that says what to do", {
  hazard <- fit_of("hazard")
  expect_snapshot(error = TRUE, elasticities(hazard, "rent"))
  expect_snapshot(error = TRUE, marginal_effects(hazard, type = "place"))
  expect_snapshot(error = TRUE, compensate(hazard, "move:push(rent)"))
  expect_snapshot(error = TRUE, counterfactual(hazard, places = transform(places, rent = 0)))
  expect_snapshot(error = TRUE, attribute_moves(hazard, what = "moves"))
  expect_snapshot(error = TRUE, attribute_moves(fit_of("ranked"), what = "moves"))
  expect_snapshot(error = TRUE, iia_test(fit_of("mixed"), "a"))
  mixed <- degenerate_fits()$mixed
  expect_snapshot(error = TRUE, attribute_moves(mixed, what = "moves"))
  expect_snapshot(error = TRUE, counterfactual(mixed, places = transform(places, x = 0), price = "pull(y)"))
  latent <- fit_of("latent")
  expect_snapshot(error = TRUE, counterfactual(latent, places = transform(places, x = 0), price = "y"))
  expect_snapshot(error = TRUE, attribute_moves(latent, list(one = "x:class1", other = "x:class2")))
})
