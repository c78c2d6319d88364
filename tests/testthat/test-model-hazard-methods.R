hazard_fit <- function(model = hazard(baseline = "log"), formula = ~ rent + w, ...) {
  fit_quietly(formula, hazard_data(...), model)
}

test_that("probabilities are the outcomes', for the fit and for new data", {
  fit <- hazard_fit()
  p <- predict(fit)
  eta <- predict(fit, type = "utility")
  s <- rowSums(exp(eta))
  expect_identical(colnames(p), c("stay", "move", "exit"))
  expect_equal(p, cbind(stay = exp(-s), (1 - exp(-s)) * exp(eta) / s), tolerance = 1e-12)
  expect_equal(predict(fit, type = "hazard"), 1 - p[, "stay"], tolerance = 1e-12)
  expect_equal(predict(fit, fit$data), p)
  new <- fit$data$firms[5:8, c("firm", "year", "from", "w")]
  new$duration <- c(1, 2, 1, 2)
  expect_equal(predict(fit, new)[1, ], p[5, ])
  expect_equal(levels(predict(fit, type = "choice")), colnames(p))
  new$from[2] <- NA
  expect_equal(is.na(predict(fit, new, type = "hazard")), c(FALSE, TRUE, FALSE, FALSE), ignore_attr = TRUE)
  expect_snapshot(error = TRUE, predict(fit, new[, -4]))
})

test_that("residuals, fitted values and simulations are of the outcomes", {
  for (model in list(hazard(baseline = "log"), hazard("logit"), hazard(baseline = "log", frailty = TRUE))) {
    fit <- hazard_fit(model, v = 1)
    expect_equal(sum(log(fitted(fit))), fit$loglik, tolerance = 1e-10)
    expect_equal(sum(residuals(fit)^2), deviance(fit), tolerance = 1e-10)
    expect_equal(unname(rowSums(residuals(fit, "response"))), numeric(fit$n), tolerance = 1e-12)
    draws <- simulate(fit, 2, seed = 4)
    expect_identical(draws, simulate(fit, 2, seed = 4), ignore_attr = TRUE)
    expect_identical(levels(draws$sim_1), c("stay", "move", "exit"))
    expect_equal(mean(draws$sim_1 == "move"), mean(predict(fit)[, "move"]), tolerance = 0.1)
    table <- augment(fit)
    expect_equal(table$.leave, unname(predict(fit, type = "hazard")), tolerance = 1e-12)
    expect_equal(table$.fitted, unname(fitted(fit)))
  }
})

test_that("survival runs along the durations", {
  fit <- hazard_fit()
  new <- data.frame(firm = c("p", "q"), year = 3, from = c("a", "b"), w = c(-1, 1))
  s <- predict(fit, new, type = "survival", durations = 1:4)
  new$duration <- 3
  p <- vapply(1:4, function(d) predict(fit, replace(new, "duration", d))[1, ], numeric(3))
  expect_equal(s$survival[1:4], cumprod(p["stay", ]))
  expect_equal(s$move[1:4], cumsum(c(1, cumprod(p["stay", ])[-4]) * p["move", ]))
  expect_equal(s$survival + s$move + s$exit, rep(1, 8))
  expect_identical(s$occasion, rep(c("1", "2"), each = 4))
  average <- predict(fit, type = "survival")
  hazards <- baseline_hazard(fit, durations = 1:8)
  expect_equal(average$survival, cumprod(1 - hazards$hazard[1:8] - hazards$hazard[9:16]))
  expect_snapshot(error = TRUE, predict(fit, type = "survival", durations = c(2, 1)))
})

test_that("survival averages over the frailty", {
  fit <- hazard_fit(hazard(baseline = "log", frailty = TRUE), v = 1, n = 400)
  v <- coef(fit)[["frailty"]]
  one <- predict(fit, type = "survival", frailty = "one", durations = 1:5)$survival
  average <- predict(fit, type = "survival", durations = 1:5)$survival
  expect_equal(average, (1 - v * log(one))^(-1 / v))
  # a firm's periods follow each other: the product is the likelihood of its spell
  data <- fit$data
  p <- predict(fit)
  alone <- predict(fit, frailty = "one")
  first <- which(data$firms$year == 1)
  expect_equal(p[first, "stay"], (1 - v * log(alone[first, "stay"]))^(-1 / v))
})

test_that("the baseline has the intervals of its information", {
  for (model in list(hazard(baseline = "log"), hazard("logit", baseline = "log"), hazard(risks = "move"))) {
    fit <- hazard_fit(model)
    base <- baseline_hazard(fit, durations = c(1, 4))
    design <- fit_design(fit)
    means <- vapply(design$spec$multipliers, mean, 0)
    hazard_at <- function(b, d, k) {
      x <- c(1, means)
      if (length(model$risks) > 1) x[2] <- log(d)
      eta <- matrix(b, length(x)) |> crossprod(x) |> drop()
      s <- sum(exp(eta))
      qlogis(if (model$link == "logit") exp(eta[k]) / (1 + s) else -expm1(-s) * exp(eta[k]) / s)
    }
    b <- coef(fit)
    for (k in seq_along(model$risks)) {
      gradient <- vapply(seq_along(b), function(j) {
        (hazard_at(replace(b, j, b[j] + 1e-5), 4, k) - hazard_at(replace(b, j, b[j] - 1e-5), 4, k)) / 2e-5
      }, 0)
      se <- sqrt(drop(gradient %*% vcov(fit) %*% gradient))
      row <- base[base$risk == model$risks[k] & base$duration == 4, ]
      expect_equal(qlogis(row$hazard), hazard_at(b, 4, k), tolerance = 1e-10)
      expect_equal(qlogis(row$conf.high) - qlogis(row$hazard), qnorm(0.975) * se, tolerance = 1e-6)
    }
  }
  expect_snapshot(error = TRUE, baseline_hazard(lm(rent ~ 1, hazard_tables()$places)))
})

test_that("durations in interactions are those of the baseline", {
  fit <- hazard_fit(hazard(risks = "move", baseline = "log"), ~ rent + w:duration)
  data <- fit$data
  x <- c(1, log(5), NA, NA)
  f <- hazard_frame()
  f <- f[f$y != "exit", ]
  x[3] <- mean(f$rent)
  x[4] <- 5 * mean(f$w)
  expect_equal(baseline_hazard(fit, 5)$hazard, -expm1(-exp(sum(x * coef(fit)))), tolerance = 1e-10)
})

test_that("dummies of duration are the durations' own hazards", {
  fit <- hazard_fit(hazard(risks = "move", baseline = "dummies"), ~1)
  f <- hazard_frame()
  f <- f[f$y != "exit", ]
  expect_equal(baseline_hazard(fit)$hazard, unname(c(tapply(f$y == "move", f$duration, mean))), tolerance = 1e-8)
  expect_equal(predict(fit, type = "survival")$survival, cumprod(1 - baseline_hazard(fit)$hazard))
})

test_that("covariances, tables and tests work", {
  skip_if_not_installed("sandwich")
  fit <- hazard_fit(hazard(baseline = "log", frailty = TRUE), v = 1)
  expect_equal(vcov(fit, type = "robust"), sandwich::sandwich(fit), tolerance = 1e-10)
  data <- hazard_data()
  plain <- fit_quietly(~ rent + w, data, hazard(baseline = "log"))
  firm <- plain$data$firms$firm
  expect_equal(vcov(plain, cluster = ~firm), sandwich::vcovCL(plain, firm), tolerance = 1e-10)
  expect_equal(dim(vcov(fit, cluster = ~firm)), c(9L, 9L))
  expect_lt(max(abs(colSums(sandwich::estfun(fit)))), 1e-5)
  expect_error(vcov(fit, cluster = ~year), class = "firmmove_error_cluster")
  table <- tidy(fit, conf.int = TRUE, groups = TRUE)
  expect_identical(table$group, c(rep(c("move", "exit"), each = 4), "frailty"))
  ratio <- tidy(fit, exponentiate = TRUE)
  expect_equal(ratio$estimate, c(exp(table$estimate[1:8]), table$estimate[9]))
  expect_named(glance(fit)[5:6], c("n_movers", "n_exits"))
  small <- suppressMessages(update(plain, . ~ . - w))
  test <- anova(small, plain)
  expect_equal(test$Chisq[2], 2 * (plain$loglik - small$loglik))
  expect_equal(anova(plain)$Parameters, c(2, 8))
  expect_identical(family(plain)$link, "cloglog")
  expect_equal(dim(model.matrix(plain)), c(3 * plain$n, 8))
  expect_identical(unique(attr(model.matrix(plain), "place")), c("stay", "move", "exit"))
  expect_snapshot(print(plain))
  expect_snapshot(print(anova(small, plain)))
  expect_output(cat(knit_print.migration_fit(plain)), "Hazard of leaving")
})

test_that("pictures show the baseline or the coefficients", {
  skip_if_not_installed("ggplot2")
  fit <- hazard_fit()
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  picture <- plot(fit)
  expect_equal(nrow(picture$data), 16)
  expect_s3_class(ggplot2::ggplot_build(picture), "ggplot_built")
  coefficients <- ggplot2::autoplot(fit, what = "coefficients")
  expect_equal(nrow(coefficients$data), 8)
  expect_s3_class(ggplot2::ggplot_build(coefficients), "ggplot_built")
  dummies <- ggplot2::autoplot(hazard_fit(hazard(risks = "move", baseline = "dummies")))
  expect_s3_class(ggplot2::ggplot_build(dummies), "ggplot_built")
})
