control <- function(...) migration_control(threads = 1, ...)

evaluate_chain <- function(fit, theta, order = 1L, given = FALSE, design = fit_design(fit)) {
  kernel <- design$kernel
  kernel$given <- given
  .Call(C_evaluate, design$spec, kernel, theta, order, kernel_control(fit$control))
}

#' Fourth-order differences of a vector-valued f
differences <- function(f, theta, step = 1e-3) {
  vapply(seq_along(theta), function(k) {
    at <- function(m) f(theta + replace(numeric(length(theta)), k, m * step))
    (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
  }, f(theta))
}

test_that("model objects", {
  expect_identical(chain(kin)$group, "kin")
  expect_identical(chain("kin")$group, "kin")
  expect_identical(chain(~kin)$group, "kin")
  expect_null(chain()$group)
  expect_identical(do.call(chain, list("kin", "lagged"))$expectation, "lagged")
  expect_snapshot(print(chain(kin)))
  expect_snapshot(print(chain(estimator = "npl", scale = "log1p")))
  expect_snapshot(print(chain(kin, "lagged", lag = 2)))
  expect_snapshot(error = TRUE, chain(kin + town))
  expect_snapshot(error = TRUE, chain(kin, lag = 0))
  expect_error(chain(kin, "adaptive"), "must be one of .*, not `")
})

test_that("the likelihood is that of the equilibrium, with weights, for every scale", {
  tables <- chain_tables(1, groups = 3, periods = 2, firms = 30, weights = TRUE)
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year", weights = "w")
  plain <- fit_migration(chain_formula, data)
  firms <- tables$firms
  for (scale in c("share", "log1p", "count")) {
    delta <- c(share = 1.1, log1p = 0.3, count = 0.02)[[scale]]
    fit <- suppressWarnings(fit_migration(chain_formula, data,
      model = chain(kin, scale = scale),
      control = control(fixed = c(coef(plain), "chain(kin)" = delta))
    ))
    v <- predict(plain, type = "utility")
    value <- 0
    for (cell in split(seq_len(nrow(firms)), paste(firms$kin, firms$year))) {
      share <- plain_equilibrium(v[cell, ], delta, firms$w[cell], rep(0.2, 5), scale)
      got <- subset(fit$equilibrium, group == firms$kin[cell[1]] & time == firms$year[cell[1]])
      expect_equal(got$share, unname(share), tolerance = 1e-11)
      u <- v[cell, ] + delta * rep(plain_scale(share, sum(firms$w[cell]), scale), each = length(cell))
      p <- exp(u) / rowSums(exp(u))
      value <- value + sum(firms$w[cell] * log(p[cbind(seq_along(cell), match(firms$to[cell], colnames(v)))]))
      observed <- c(tapply(firms$w[cell], factor(firms$to[cell], letters[1:5]), sum, default = 0)) / sum(firms$w[cell])
      expect_equal(got$observed, unname(observed))
    }
    expect_equal(fit$loglik, value, tolerance = 1e-12)
  }
})

test_that("scores and information are derivatives, relational and ragged, with and without place constants", {
  long <- choice_data(chain_long(3, groups = 2, periods = 2, firms = 20, ragged = TRUE),
    chosen = "chosen", id = "id", place = "place", firm = "firm", from = "from", time = "year", weights = "w"
  )
  expect_true(length(unique(diff(long$start))) > 1)
  relational <- chain_panel(3, groups = 2, periods = 2, firms = 20)
  for (data in list(relational, long)) {
    for (formula in list(chain_formula, ~ rent + distance | place)) {
      for (scale in c("share", "log1p")) {
        fit <- suppressWarnings(fit_migration(formula, data,
          model = chain(kin, scale = scale), control = control(fixed = c("chain(kin)" = 0.5))
        ))
        design <- fit_design(fit)
        set.seed(9)
        for (point in 1:2) {
          theta <- stats::runif(length(design$theta), -0.8, 0.8)
          at <- evaluate_chain(fit, theta, 2L, design = design)
          value <- function(x) evaluate_chain(fit, x, 0L, design = design)$value
          score <- function(x) evaluate_chain(fit, x, 1L, design = design)$score
          expect_equal(at$score, differences(value, theta), tolerance = 1e-7)
          expect_equal(at$information, -differences(score, theta), tolerance = 1e-7)
        }
      }
    }
  }
})

test_that("delta = 0 is the conditional logit", {
  data <- chain_panel(2)
  plain <- fit_migration(chain_formula, data)
  fit <- fit_migration(chain_formula, data, chain(kin), control = control(fixed = c("chain(kin)" = 0)))
  expect_equal(coef(fit)[1:4], coef(plain), tolerance = 1e-9)
  expect_equal(fit$loglik, plain$loglik, tolerance = 1e-13)
  expect_equal(vcov(fit)[1:4, 1:4], vcov(plain), tolerance = 1e-8)
  expect_identical(attr(logLik(fit), "df"), attr(logLik(plain), "df"))
  expect_equal(predict(fit), predict(plain), tolerance = 1e-9)
})

test_that("lagged shares are the term peers()", {
  data <- wenzhou_guzhen()
  for (scale in c("share", "log1p")) {
    term <- if (scale == "share") quote(peers(kin)) else quote(peers(kin, lag = 1, scale = "log1p"))
    formula <- ~ push(environment) + log(distance)
    fit <- fit_migration(formula, data, chain(kin, "lagged", scale = scale))
    plain <- fit_migration(with_term(formula, term), data)
    expect_identical(unname(coef(fit)), unname(coef(plain)))
    expect_identical(unname(vcov(fit)), unname(vcov(plain)))
    expect_identical(logLik(fit)[1], logLik(plain)[1])
    expect_identical(names(coef(fit))[4], "chain(kin)")
    expect_identical(tidy(fit, groups = TRUE)$group[4], "chain")
    expect_identical(predict(fit, type = "flows"), predict(plain, type = "flows"))
  }
  expect_s3_class(fit, "migration_fit_chain")
  expect_error(predict(fit, data$firms[1:5, ]), class = "firmmove_error_newdata")
  expect_identical(dim(estfun.migration_fit_chain(fit)), c(17517L, 4L))
  absorbed <- fit_migration(~ log(distance) | place, data, chain(kin, "lagged"))
  expect_named(coef(absorbed), c("stay", "log(distance)", "chain(kin)"))
  expect_snapshot(error = TRUE, fit_migration(~rent, relocation_data(), chain(clan, "lagged")))
  tables <- relocation()
  still <- migration_data(tables$firms[1:200, ], tables$places, tables$ties)
  expect_snapshot(error = TRUE, fit_migration(~rent, still, chain(kin, "lagged")))
})

test_that("the pseudo-likelihood's end is its definition", {
  data <- chain_panel(4)
  fit <- fit_migration(chain_formula, data, chain(kin, estimator = "npl"))
  # the conditional logit with the shares as ordinary attributes ...
  long <- chain_long(4)
  key <- paste(fit$equilibrium$group, fit$equilibrium$time, fit$equilibrium$place)
  long$share <- fit$equilibrium$share[match(paste(long$kin, long$year, long$place), key)]
  plain <- fit_migration(chosen ~ rent + distance + keep(size) + share, long, id = "id", place = "place", from = "from")
  expect_equal(unname(coef(fit)), unname(coef(plain)), tolerance = 1e-7)
  expect_equal(fit$loglik, plain$loglik, tolerance = 1e-12)
  # ... and the shares are the mean probabilities
  p <- rowsum(predict(plain), paste(long$kin, long$year, long$place))
  expect_equal(unname(p[key, ]) / 50, fit$equilibrium$share, tolerance = 1e-7)
  expect_true(fit$npl$converged)
  # its scores are zero, and go with its covariance: the sandwich is near it
  scores <- estfun.migration_fit_chain(fit)
  expect_identical(dim(scores), c(24L, 5L))
  expect_lt(max(abs(colSums(scores) * sqrt(diag(vcov(fit))))), 1e-5)
  expect_equal(sqrt(diag(vcov(fit))), sqrt(diag(vcov(fit, type = "opg"))), tolerance = 0.5)
  ml <- fit_migration(chain_formula, data, chain(kin))
  expect_gte(ml$loglik, fit$loglik)
  expect_equal(coef(ml), coef(fit), tolerance = 0.05)
  expect_equal(sqrt(diag(vcov(ml))), sqrt(diag(vcov(fit))), tolerance = 0.1)
  expect_equal(ml$npl$coefficients, coef(fit), tolerance = 1e-4)
})

test_that("the covariance of the pseudo-likelihood is that of its definition, with place constants too", {
  fit <- suppressWarnings(fit_migration(~ rent + distance | place, chain_panel(4), chain(kin, estimator = "npl")))
  design <- fit_design(fit)
  kernel <- design$kernel
  free <- c(1:3, 5:8)
  score <- function(x) {
    kernel$given <- FALSE
    found <- solve_shares(design$spec, kernel, x, seq_len(24), kernel$start, "newton", fit$control)
    kernel$given <- TRUE
    kernel$start <- found$share
    .Call(C_evaluate, design$spec, kernel, x, 1L, kernel_control(fit$control))$score
  }
  free <- setdiff(seq_along(design$theta), 4L)
  h <- -differences(score, design$theta)[free, free]
  omega <- evaluate_chain(fit, design$theta, 2L, given = TRUE)$information[free, free]
  v <- solve(h) %*% omega %*% t(solve(h))
  at <- c(1:3, length(free))
  expect_equal(unname(vcov(fit)), v[at, at], tolerance = 1e-5)
  expect_lt(max(abs(colSums(estfun.migration_fit_chain(fit)) * sqrt(diag(vcov(fit))))), 1e-4)
})

test_that("known parameters are recovered", {
  estimates <- vapply(1:12, function(seed) {
    fit <- suppressWarnings(fit_migration(chain_formula, chain_panel(100 + seed), chain("kin"), control = control()))
    rbind(coef(fit), sqrt(diag(vcov(fit))))
  }, matrix(0, 2, 5))
  mean <- rowMeans(estimates[1, , ])
  z <- (mean - chain_truth) / (rowMeans(estimates[2, , ]) / sqrt(12))
  expect_lt(max(abs(z)), 3)
  covered <- abs(estimates[1, , ] - chain_truth) < 1.96 * estimates[2, , ]
  expect_gt(mean(covered), 0.85)
})

test_that("every method of a fit works", {
  data <- chain_panel(5)
  fit <- fit_migration(chain_formula, data, chain(kin), control = control())
  expect_named(coef(fit), names(chain_truth))
  expect_snapshot(print(fit))
  expect_snapshot(print(summary(fit)))
  p <- predict(fit)
  expect_equal(unname(rowSums(p)), rep(1, 1200))
  expect_equal(fitted(fit), p[cbind(seq_len(1200), match(data$firms$to, colnames(p)))], ignore_attr = TRUE)
  expect_equal(sum(log(fitted(fit))), fit$loglik, tolerance = 1e-12)
  share <- rowsum(p, paste(data$firms$kin, data$firms$year)) / 50
  cells <- matrix(fit$equilibrium$share, 5, dimnames = list(letters[1:5], paste(fit$cells$group, fit$cells$time)))
  expect_equal(share, t(cells)[rownames(share), ], tolerance = 1e-11)
  v <- predict(fit, type = "utility")
  expect_equal(exp(v) / rowSums(exp(v)), p, tolerance = 1e-12)
  expect_equal(predict(fit, type = "logsum"), log(rowSums(exp(v))), tolerance = 1e-12)
  expect_equal(sum(predict(fit, type = "flows")$flow), 1200)
  expect_identical(as.character(predict(fit, type = "choice")), unname(colnames(p)[max.col(p)]))
  expect_equal(sum(residuals(fit)^2), deviance(fit))
  expect_equal(dim(residuals(fit, "pearson")), c(1200L, 5L))
  draws <- simulate(fit, 2, seed = 1)
  expect_identical(dim(draws), c(1200L, 2L))
  expect_equal(as.vector(table(draws$sim_1)) / 1200, unname(colMeans(p)), tolerance = 0.1)
  scores <- estfun.migration_fit_chain(fit)
  expect_identical(dim(scores), c(24L, 5L))
  expect_lt(max(abs(colSums(scores))), 1e-5)
  expect_identical(dim(vcov(fit, type = "robust")), c(5L, 5L))
  expect_identical(dim(vcov(fit, cluster = ~kin)), c(5L, 5L))
  expect_snapshot(error = TRUE, vcov(fit, type = "cluster"))
  expect_equal(dim(confint(fit)), c(5L, 2L))
  again <- update(fit, . ~ . - distance)
  expect_named(coef(again), setdiff(names(chain_truth), "distance"))
  plain <- fit_migration(chain_formula, data)
  expect_equal(anova(plain, fit)$Df[2], 1)
  expect_gt(anova(plain, fit)$Chisq[2], 20)
  expect_identical(tidy(fit, groups = TRUE)$group[5], "chain")
  expect_equal(glance(fit)$logLik, fit$loglik)
  expect_equal(augment(fit)$.fitted, unname(fitted(fit)))
  expect_identical(ncol(model.matrix(fit)), 4L)
  expect_identical(family(fit)$family, "chain migration in equilibrium")
  skip_if_not_installed("sandwich")
  expect_equal(sandwich::sandwich(fit), vcov(fit, type = "robust"))
  skip_if_not_installed("ggplot2")
  expect_s3_class(ggplot2::autoplot(fit), "ggplot")
})

test_that("long data, whole and ragged, agree with their definition", {
  fit <- fit_migration(chain_formula, chain_panel(6), chain(kin), control = control())
  long <- fit_migration(chosen ~ rent + distance + keep(size),
    choice_data(chain_long(6), "chosen", "id", "place", firm = "firm", from = "from", time = "year"),
    model = chain(kin), control = control()
  )
  expect_equal(coef(fit), coef(long), tolerance = 1e-7)
  expect_equal(vcov(fit), vcov(long), tolerance = 1e-6)
  expect_equal(fit$loglik, long$loglik, tolerance = 1e-12)
  expect_equal(fit$equilibrium$share[order(fit$equilibrium$group, fit$equilibrium$time, fit$equilibrium$place)],
    long$equilibrium$share[order(long$equilibrium$group, long$equilibrium$time, long$equilibrium$place)],
    tolerance = 1e-6
  )
  data <- chain_long(6, ragged = TRUE)
  ragged <- fit_migration(chosen ~ rent + distance + keep(size),
    choice_data(data, "chosen", "id", "place", firm = "firm", from = "from", time = "year"),
    model = chain(kin), control = control()
  )
  p <- predict(ragged)
  expect_equal(unname(c(rowsum(p, data$id))), rep(1, 1200))
  key <- paste(data$kin, data$year, data$place)
  share <- rowsum(p, key) / 50
  expect_equal(share[paste(ragged$equilibrium$group, ragged$equilibrium$time, ragged$equilibrium$place), ],
    ragged$equilibrium$share,
    tolerance = 1e-11, ignore_attr = TRUE
  )
  expect_equal(nrow(simulate(ragged, seed = 1)), 1200L)
})

test_that("predictions of new data solve the equilibrium again, or keep it", {
  data <- chain_panel(7)
  fit <- fit_migration(chain_formula, data, chain(kin), control = control())
  expect_equal(predict(fit, data), predict(fit), tolerance = 1e-9)
  dear <- data
  dear$places$rent[dear$places$place == "a"] <- dear$places$rent[dear$places$place == "a"] + 1
  kept <- predict(fit, dear, equilibrium = "fitted")
  solved <- predict(fit, dear)
  # the loss of place a is larger when others' leaving counts: the social multiplier
  expect_lt(sum(solved[, "a"]), sum(kept[, "a"]) - 1)
  expect_lt(sum(kept[, "a"]), sum(predict(fit)[, "a"]))
  kin <- paste(data$firms$kin, data$firms$year)
  share <- rowsum(solved, kin) / 50
  delta <- coef(fit)[["chain(kin)"]]
  v <- predict(fit, dear, type = "utility")
  for (cell in unique(kin)[1:3]) {
    without <- v[kin == cell, ] - delta * rep(share[cell, ], each = 50)
    expect_equal(plain_psi(without, delta, rep(1, 50), share[cell, ]), share[cell, ], tolerance = 1e-10)
  }
  # firms alone: a new group starts from the mean of the others
  new <- data$firms[data$firms$kin == "k1", ]
  new$kin <- "k9"
  new$to <- NULL
  expect_equal(unname(rowSums(predict(fit, new))), rep(1, 200))
  expect_snapshot(error = TRUE, predict(fit, new, equilibrium = "fitted"))
  expect_error(predict(fit, data, "probability", "resolve", 3, 4), class = "firmmove_error")
})

test_that("firms that closed do not count", {
  tables <- chain_tables(8)
  closed <- tables$firms[1:100, ]
  closed$firm <- paste0("x", seq_len(100))
  closed$to <- NA
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  more <- migration_data(rbind(tables$firms, closed), tables$places, tables$ties, time = "year")
  fit <- fit_migration(chain_formula, data, chain(kin), control = control())
  same <- fit_migration(chain_formula, more, chain(kin), control = control())
  expect_equal(coef(fit), coef(same), tolerance = 1e-12)
  expect_equal(predict(same, more)[1:1200, ], predict(fit), tolerance = 1e-9)
})

test_that("subset, weights, start and fixed work", {
  data <- chain_panel(9)
  fit <- fit_migration(chain_formula, data, chain(kin), control = control())
  early <- fit_migration(chain_formula, data, chain(kin), subset = year <= 2, control = control())
  expect_identical(nrow(early$cells), 12L)
  doubled <- fit_migration(chain_formula, data, chain(kin), weights = rep(2, 1200), control = control())
  expect_equal(coef(doubled), coef(fit), tolerance = 1e-7)
  expect_equal(vcov(doubled), vcov(fit) / 2, tolerance = 1e-6)
  started <- fit_migration(chain_formula, data, chain(kin), start = c("chain(kin)" = 1), control = control())
  expect_equal(coef(started), coef(fit), tolerance = 1e-6)
  zero <- rep(c(0, 1), c(50, 1150))
  dropped <- fit_migration(chain_formula, data, chain(kin), weights = zero, control = control())
  without <- fit_migration(chain_formula, data, chain(kin), subset = 51:1200, control = control())
  expect_equal(coef(dropped), coef(without), tolerance = 1e-7)
})

test_that("what cannot be identified is named", {
  data <- chain_panel(10, periods = 1, groups = 3)
  expect_warning(one <- fit_migration(chain_formula, data, chain()), class = "firmmove_warning_identification")
  expect_true("chain()" %in% names(coef(one)))
  warnings <- testthat::capture_warnings(absorbed <- fit_migration(~ distance | place, data, chain(), control = control()))
  expect_match(warnings, "`chain()` is a combination of the place constants", fixed = TRUE, all = FALSE)
  expect_true(is.na(coef(absorbed)[["chain()"]]))
  expect_equal(coef(absorbed)[1:2], coef(fit_migration(~ distance | place, data)), tolerance = 1e-7)
  expect_snapshot(error = TRUE, fit_migration(~rent, relocation_data(), chain(kim)))
  tables <- chain_tables(10, periods = 1)
  tables$firms$kin[3:4] <- NA
  holes <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  expect_snapshot(error = TRUE, fit_migration(chain_formula, holes, chain(kin)))
})

test_that("interaction at the edge of uniqueness is a warning with its cells", {
  data <- chain_panel(11, truth = replace(chain_truth, "chain(kin)", 4.5), groups = 4)
  warnings <- testthat::capture_warnings(
    fit <- fit_migration(chain_formula, data, chain(kin), control = control(fixed = c("chain(kin)" = 6)))
  )
  if (fit$spectral_radius > 0.95) {
    expect_match(warnings, "edge of uniqueness", all = FALSE)
  }
  fit$cells$spectral_radius[1:2] <- c(0.99, 1.2)
  expect_snapshot(check_estimates(fit$model, fit))
  fit$cells$spectral_radius[] <- 0.5
  fit$cells$converged[3] <- FALSE
  fit$npl$converged <- TRUE
  fit$npl$coefficients <- coef(fit)
  expect_snapshot(check_estimates(fit$model, fit))
  fit$cells$converged[] <- TRUE
  fit$npl$coefficients[["rent"]] <- coef(fit)[["rent"]] + 1
  expect_snapshot(check_estimates(fit$model, fit))
  fit$npl[c("converged", "iterations", "change")] <- list(FALSE, 7L, 0.02)
  expect_snapshot(check_estimates(fit$model, fit))
})

test_that("threads do not change a digit", {
  data <- chain_panel(12, firms = 150)
  one <- fit_migration(chain_formula, data, chain(kin), control = migration_control(threads = 1))
  two <- fit_migration(chain_formula, data, chain(kin), control = migration_control(threads = 2))
  expect_identical(coef(one), coef(two))
  expect_identical(vcov(one), vcov(two))
})
