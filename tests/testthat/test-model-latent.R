few <- function(...) latent(..., starts = 3)

evaluate_fit <- function(fit, theta, order, threads = 1L) {
  design <- fit_design(fit)
  control <- fit$control
  control$threads <- threads
  .Call(C_evaluate, design$spec, design$kernel, theta, order, kernel_control(control))
}

# Score and information at a random point against differences, and equal bits for 1, 2, 3 threads
expect_derivatives <- function(fit) {
  set.seed(4)
  theta <- fit_design(fit)$theta
  theta <- theta + stats::rnorm(length(theta), sd = 0.3)
  at <- evaluate_fit(fit, theta, 2L)
  step <- 1e-4
  difference <- function(order, part) {
    vapply(seq_along(theta), function(k) {
      near <- lapply(c(-2, -1, 1, 2) * step, function(d) evaluate_fit(fit, replace(theta, k, theta[k] + d), order)[[part]])
      (8 * (near[[3]] - near[[2]]) - (near[[4]] - near[[1]])) / (12 * step)
    }, numeric(if (order == 0L) 1L else length(theta)))
  }
  expect_equal(at$score, difference(0L, "value"), tolerance = 1e-6)
  expect_equal(at$information, -difference(1L, "score"), tolerance = 1e-6)
  expect_identical(evaluate_fit(fit, theta, 2L, 2L), at)
  expect_identical(evaluate_fit(fit, theta, 2L, 3L), at)
}

test_that("model objects say what they are", {
  expect_snapshot(print(latent(3, ~ log(size), common = "rent")))
  expect_snapshot(print(latent(panel = FALSE, starts = 1)))
  expect_snapshot(error = TRUE, latent(0))
  expect_snapshot(error = TRUE, latent(membership = "size"))
  expect_snapshot(error = TRUE, latent(common = 1))
  expect_snapshot(error = TRUE, latent(seed = NA))
  expect_snapshot(error = TRUE, latent(em_tolerance = 2))
})

test_that("derivatives are right and equal for any number of threads", {
  data <- two_kinds_data(60, 3)
  long <- choice_data(two_kinds_long(60, 3), "chosen", "id", "place", firm = "firm", from = "from")
  expect_derivatives(fit_migration(~ x + y, data, model = few(2)))
  expect_derivatives(fit_migration(~ x + y, data, model = few(2, ~ z + segment, common = "y"), weights = w))
  expect_derivatives(fit_migration(~ x + y | place, data, model = few(2, ~z)))
  expect_derivatives(suppressWarnings(fit_migration(~x, long, model = few(3, ~z), weights = w)))
  # no tie between occasions: many are merged
  expect_derivatives(suppressWarnings(fit_migration(~x, data, model = few(2, panel = FALSE))))
})

test_that("one class is the conditional logit", {
  data <- relocation_data()
  plain <- fit_migration(~ rent + distance, data)
  fit <- fit_migration(~ rent + distance, data, model = latent(1, ~kin, varying = "first"))
  expect_equal(coef(fit), coef(plain), tolerance = 1e-9)
  expect_equal(vcov(fit), vcov(plain), tolerance = 1e-8)
  expect_equal(fit$loglik, plain$loglik, tolerance = 1e-12)
  expect_equal(fit$loglik_null, plain$loglik_null, tolerance = 1e-12)
  expect_equal(vcov(fit, "robust"), vcov(plain, cluster = ~firm) * (1 - 1 / plain$n_firms), tolerance = 1e-8)
  expect_equal(predict(fit), predict(plain), tolerance = 1e-8)
  expect_identical(fit$entropy_r2, NA_real_)
})

test_that("the likelihood is the definition's, and its maximum the one optim finds", {
  tables <- two_kinds(100, 4)
  data <- migration_data(tables$firms, tables$places, time = "year")
  fit <- fit_migration(~x, data, model = few(2, ~z), weights = w)
  v <- function(b) {
    b[1] * outer(tables$firms$from, letters[1:4], "==") + b[2] * t(matrix(tables$places$x, 4)[, tables$firms$year])
  }
  by_hand <- function(theta) {
    second <- stats::plogis(theta[5] + theta[6] * tables$firms$z[1:100])
    latent_loglik(
      list(v(theta[1:2]), v(theta[3:4])), match(tables$firms$to, letters), tables$firms$firm,
      cbind(1 - second, second), tables$firms$w[1:100]
    )
  }
  expect_equal(by_hand(coef(fit)), fit$loglik, tolerance = 1e-12)
  set.seed(2)
  found <- vapply(1:3, function(start) {
    stats::optim(stats::rnorm(6, sd = 0.5), by_hand, method = "BFGS", control = list(fnscale = -1, reltol = 1e-12))$value
  }, 0)
  expect_lt(abs(max(found) - fit$loglik), 1e-6)
  hessian <- stats::optimHess(coef(fit), by_hand, control = list(ndeps = rep(1e-4, 6)))
  expect_equal(unname(solve(-hessian)), unname(vcov(fit)), tolerance = 1e-4)
  # the score at the maximum, firm by firm
  scores <- estfun.migration_fit(fit)
  expect_identical(dim(scores), c(100L, 6L))
  expect_lt(max(abs(colSums(scores)) * sqrt(diag(vcov(fit)))), 1e-6)
})

test_that("place constants are those of dummies for all classes", {
  tables <- two_kinds(100, 4)
  data <- migration_data(tables$firms, tables$places, time = "year")
  absorbed <- fit_migration(~ x | place, data, model = few(2, ~z))
  for (place in c("b", "c", "d")) tables$places[[place]] <- as.numeric(tables$places$place == place)
  data <- migration_data(tables$firms, tables$places, time = "year")
  dummies <- fit_migration(~ x + b + c + d, data, model = few(2, ~z, common = c("b", "c", "d")))
  names <- names(coef(absorbed))
  expect_equal(absorbed$loglik, dummies$loglik, tolerance = 1e-10)
  expect_equal(coef(absorbed), coef(dummies)[names], tolerance = 1e-6)
  expect_equal(unname(absorbed$effects[-1]), unname(coef(dummies)[c("b", "c", "d")]), tolerance = 1e-6)
  for (type in c("hessian", "robust")) {
    expect_equal(vcov(absorbed, type), vcov(dummies, type)[names, names], tolerance = 1e-5)
  }
})

test_that("relational and long data agree", {
  fit <- fit_migration(~ x + y, two_kinds_data(80, 3), model = few(2, ~z), weights = w)
  long <- choice_data(two_kinds_long(80, 3, drop = 0), "chosen", "id", "place", firm = "firm", from = "from")
  again <- fit_migration(~ x + y, long, model = few(2, ~z), weights = w)
  expect_equal(coef(again), coef(fit), tolerance = 1e-7)
  expect_equal(vcov(again), vcov(fit), tolerance = 1e-6)
  expect_equal(individual(again)$class1, individual(fit)$class1, tolerance = 1e-6)
})

test_that("EM never loses, and starts do not depend on the state of R's generator", {
  data <- two_kinds_data(80, 3)
  set.seed(11)
  state <- .Random.seed
  fit <- fit_migration(~x, data, model = latent(2, ~z, starts = 4, em_tolerance = 1e-9))
  expect_identical(.Random.seed, state)
  paths <- attr(fit$starts, "path")
  expect_length(paths, 4)
  for (path in paths) expect_gt(min(diff(path)), -1e-9)
  expect_gt(max(lengths(paths)), 5)
  set.seed(12)
  again <- fit_migration(~x, data,
    model = latent(2, ~z, starts = 4, em_tolerance = 1e-9), control = migration_control(threads = 3)
  )
  expect_identical(again$starts, fit$starts)
  expect_identical(coef(again), coef(fit))
  other <- fit_migration(~x, data, model = latent(2, ~z, starts = 4, seed = 2))
  expect_false(identical(other$starts$em_loglik, fit$starts$em_loglik))
  expect_equal(coef(other), coef(fit), tolerance = 1e-6)
})

test_that("known classes are recovered", {
  fit <- fit_migration(~ x + y, two_kinds_data(400, 6), model = few(2, ~z, common = "y"))
  # class 1 is the larger: most firms are of the first kind
  truth <- c(0.6, 1, 0.5, 2, -0.8, -0.5, 1)
  z <- (coef(fit) - truth) / sqrt(diag(vcov(fit)))
  expect_lt(max(abs(z)), 3)
  expect_named(coef(fit), c(
    "stay:class1", "x:class1", "y", "stay:class2", "x:class2", "class2:(Intercept)", "class2:z"
  ))
  kind <- two_kinds(400, 6)$firms$kind[1:400]
  firms <- individual(fit)
  expect_gt(mean(firms$class == kind), 0.95)
  expect_identical(firms$firm, as.character(1:400))
  expect_equal(firms$class1 + firms$class2, rep(1, 400))
  b <- coef(fit)
  expect_equal(firms$x, firms$class1 * b[["x:class1"]] + firms$class2 * b[["x:class2"]], tolerance = 1e-12)
  expect_equal(firms$y, rep(b[["y"]], 400), tolerance = 1e-12)
  # the mean posterior is the mean of the prior at the maximum
  expect_equal(colMeans(firms[c("class1", "class2")]), fit$shares, tolerance = 1e-6)
})

test_that("classes are numbered by size, but keep the numbers that `fixed` gives them", {
  data <- two_kinds_data(100, 4)
  fit <- fit_migration(~x, data, model = few(3, ~z), control = migration_control(threads = 1))
  expect_false(is.unsorted(rev(fit$shares)))
  start <- c("x:class1" = -1, "x:class2" = 1)
  turned <- fit_migration(~x, data, model = few(2), start = start)
  expect_identical(nrow(turned$starts), 1L)
  expect_gt(coef(turned)[["x:class1"]], 0)
  held <- fit_migration(~x, data, model = few(2), start = start, control = migration_control(fixed = c("x:class1" = -1)))
  expect_identical(coef(held)[["x:class1"]], -1)
  expect_lt(held$shares[["class1"]], held$shares[["class2"]])
  expect_identical(held$df, 4L)
})

test_that("every method of a fit works", {
  data <- two_kinds_data(100, 4)
  fit <- fit_migration(~ x + y, data, model = few(2, ~z, common = "y"))
  v <- lapply(1:2, function(class) {
    b <- coef(fit)[c(paste0(c("stay", "x"), ":class", class), "y")]
    plain <- fit_migration(~ x + y, data, control = migration_control(fixed = stats::setNames(b, c("stay", "x", "y"))))
    list(p = predict(plain), u = predict(plain, type = "utility"), l = predict(plain, type = "logsum"))
  })
  second <- stats::plogis(coef(fit)[["class2:(Intercept)"]] + coef(fit)[["class2:z"]] * data$firms$z)
  mix <- function(part) (1 - second) * v[[1]][[part]] + second * v[[2]][[part]]
  expect_equal(predict(fit), mix("p"), tolerance = 1e-10)
  expect_equal(predict(fit, type = "utility"), mix("u"), tolerance = 1e-10)
  expect_equal(predict(fit, type = "logsum"), mix("l"), tolerance = 1e-10)
  p <- predict(fit)
  flows <- predict(fit, type = "flows")
  expect_equal(flows$flow[flows$from == "a" & flows$to == "b"], sum(p[data$firms$from == "a", "b"]))
  expect_identical(as.character(predict(fit, type = "choice")), unname(colnames(p)[max.col(p, "first")]), ignore_attr = TRUE)
  expect_equal(unname(fitted(fit)), p[cbind(1:400, match(data$firms$to, colnames(p)))])
  expect_equal(predict(fit, newdata = data$firms[5:9, ]), p[5:9, ], ignore_attr = TRUE)
  for (type in c("opg", "robust", "cluster")) expect_true(all(is.finite(vcov(fit, type))))
  expect_equal(vcov(fit, "robust"), vcov(fit, cluster = ~firm) * (99 / 100), tolerance = 1e-10)
  expect_error(vcov(fit, cluster = ~year), "the occasions of a firm")
  expect_identical(unique(tidy(fit, groups = TRUE)$group), c("class1", "common", "class2", "membership"))
  expect_identical(glance(fit)$model, "latent")
  expect_identical(dim(confint(fit)), c(7L, 2L))
  expect_named(augment(fit), c(names(data$firms), ".fitted", ".leave", ".resid"))
  smaller <- update(fit, . ~ . - y, model = few(2, ~z))
  expect_gt(anova(smaller, fit)$Chisq[2], 0)
  expect_identical(colnames(model.matrix(fit)), c("stay", "x", "y"))
})

test_that("prints are stable", {
  fit <- fit_migration(~ x + y, two_kinds_data(100, 4), model = few(2, ~z, common = "y"))
  expect_snapshot(print(fit))
  expect_snapshot(print(summary(fit), signif.stars = FALSE))
})

test_that("simulated firms keep their class", {
  data <- two_kinds_data(300, 6)
  fit <- fit_migration(~x, data, model = few(2))
  draws <- simulate(fit, nsim = 2, seed = 3)
  expect_identical(draws, simulate(fit, nsim = 2, seed = 3))
  firms <- data$firms
  firms$to <- as.character(draws$sim_1)
  again <- fit_migration(~x, migration_data(firms, data$places, time = "year"), model = few(2))
  expect_lt(max(abs(coef(again) - coef(fit)) / sqrt(diag(vcov(again)))), 3.5)
})

test_that("missing attributes of membership follow na.action", {
  tables <- two_kinds(60, 3)
  tables$firms$z[tables$firms$firm == 7] <- NA
  data <- migration_data(tables$firms, tables$places, time = "year")
  fit <- fit_migration(~x, data, model = few(2, ~z))
  expect_identical(fit$n, 177L)
  expect_length(fit$na.action, 3)
  expect_identical(length(fitted(fit)), 177L)
  padded <- fit_migration(~x, data, model = few(2, ~z), na.action = na.exclude)
  expect_identical(length(fitted(padded)), 180L)
  expect_identical(which(is.na(fitted(padded))), which(is.na(tables$firms$z)), ignore_attr = TRUE)
  expect_identical(sum(is.na(predict(fit, newdata = tables$firms)[, 1])), 3L)
  expect_snapshot(error = TRUE, fit_migration(~x, data, model = few(2, ~z), na.action = na.fail))
  part <- fit_migration(~x, data, model = few(2, ~z), subset = year < 3)
  expect_identical(part$n, 118L)
})

test_that("terms that are not estimable are named for each class", {
  tables <- two_kinds(60, 3)
  tables$places$double <- 2 * tables$places$x
  data <- migration_data(tables$firms, tables$places, time = "year")
  expect_snapshot(fit <- fit_migration(~ x + double, data, model = few(2)))
  expect_identical(names(which(is.na(coef(fit)))), c("double:class1", "double:class2"))
  expect_equal(coef(fit)[["x:class1"]], coef(fit_migration(~x, data, model = few(2)))[["x:class1"]], tolerance = 1e-6)
  expect_true(all(is.na(individual(fit)$double)))
  expect_true(all(is.finite(predict(fit))))
})

test_that("a class that never moves is named, and nothing is NaN", {
  tables <- two_kinds(100, 4)
  stayers <- tables$firms$kind == 2
  tables$firms$to[stayers] <- tables$firms$from[stayers]
  data <- migration_data(tables$firms, tables$places, time = "year")
  expect_warning(
    fit <- fit_migration(~x, data, model = few(2, common = "x")), "`stay:class1` \\(towards Inf\\)",
    class = "firmmove_warning_separated"
  )
  expect_identical(fit$convergence$code, 3L)
  expect_false(any(is.nan(unlist(fit[c("coefficients", "covariance", "information", "shares", "loglik")]))))
  expect_equal(fit$shares[["class1"]], mean(stayers), tolerance = 0.15)
})

test_that("classes that collapse are named", {
  # one kind of firm: three classes are too many, and with one occasion each nothing tells them apart
  set.seed(3)
  tables <- two_kinds(80, 1, apart = 0)
  fit <- suppressWarnings(fit_migration(~x, migration_data(tables$firms, tables$places, time = "year"), model = few(2)))
  empty <- fit
  empty$empty_classes <- 2L
  expect_snapshot(check_estimates(fit$model, empty))
  equal <- fit
  equal$equal_classes <- matrix(1:2)
  expect_snapshot(check_estimates(fit$model, equal))
  lost <- fit
  lost$starts$converged[2] <- FALSE
  expect_snapshot(check_estimates(fit$model, lost))
})

test_that("equal and empty classes are found in the numbers", {
  index <- list(class = cbind(1:2, c(3L, 2L)))
  plain <- list(information = diag(c(50, 50)))
  expect_identical(ncol(equal_classes(c(1, 2, 1 + 1e-6), plain, index, 100)), 1L)
  expect_identical(ncol(equal_classes(c(1, 2, 1.1), plain, index, 100)), 0L)
  # shares 0.5, weights 1 and 2
  kernel <- list(membership = matrix(1, 1, 2), weight = c(1, 2))
  index$gamma <- matrix(1L, 1L, 1L)
  certain <- class_totals(0, kernel, index, cbind(c(1, 0), c(0, 1)))
  expect_equal(certain, c(1.5, 1.5, 3, 0, 2))
  split <- class_totals(0, kernel, index, matrix(0.5, 2, 2))
  raw <- list(theta = c(1, 2, 1.1))
  expect_equal(describe_shares(raw, certain, plain, index)$entropy_r2, 1)
  expect_equal(describe_shares(raw, split, plain, index)$entropy_r2, 0)
})

test_that("wrong models are named", {
  data <- two_kinds_data(40, 3)
  expect_snapshot(error = TRUE, fit_migration(~x, data, model = few(2, ~year)))
  expect_snapshot(error = TRUE, fit_migration(~x, data, model = few(2, ~segmnt)))
  expect_snapshot(error = TRUE, fit_migration(~x, data, model = few(2, ~x)))
  expect_snapshot(error = TRUE, fit_migration(~x, data, model = few(2, ~ z + I(2 * z))))
  expect_snapshot(error = TRUE, fit_migration(~x, data, model = few(2, ~ log(z^2 * 0))))
  expect_snapshot(error = TRUE, fit_migration(~ x + y, data, model = few(2, common = "yy")))
  expect_snapshot(error = TRUE, fit_migration(~x, data, model = few(2, common = c("x", "stay"))))
  expect_snapshot(error = TRUE, fit_migration(~x, data, model = few(2), weights = seq_len(120)))
  long <- choice_data(two_kinds_long(20, 2), "chosen", "id", "place", firm = "firm", from = "from")
  expect_snapshot(error = TRUE, fit_migration(~x, long, model = few(2, ~y)))
})

test_that("an attribute that changes may stand with its first value", {
  tables <- two_kinds(60, 3)
  tables$firms$now <- tables$firms$z + tables$firms$year - 1
  data <- migration_data(tables$firms, tables$places, time = "year")
  first <- fit_migration(~x, data, model = few(2, ~now, varying = "first"))
  constant <- fit_migration(~x, data, model = few(2, ~z))
  expect_equal(unname(coef(first)), unname(coef(constant)), tolerance = 1e-10)
})

test_that("numbers of classes are compared", {
  data <- two_kinds_data(100, 4)
  table <- suppressWarnings(compare_classes(~x, data, classes = 2:1, model = few(membership = ~z)))
  expect_s3_class(table, "class_comparison")
  expect_identical(table$classes, 1:2)
  fit <- attr(table, "fits")[["2"]]
  expect_identical(table$logLik[2], fit$loglik)
  expect_equal(table$AIC, -2 * table$logLik + 2 * table$df)
  expect_equal(table$BIC, -2 * table$logLik + log(100) * table$df)
  expect_equal(table$CAIC, -2 * table$logLik + (log(100) + 1) * table$df)
  expect_equal(table$aBIC, -2 * table$logLik + log(102 / 24) * table$df)
  expect_identical(which.min(table$BIC), 2L)
  expect_snapshot(print(table))
  expect_snapshot(error = TRUE, compare_classes(~x, data, model = conditional()))
  expect_snapshot(error = TRUE, compare_classes(~x, data, classes = 0))
  expect_snapshot(saying_classes(3, {
    warn("something", class = "test")
    inform("more")
    1
  }))
  skip_if_not_installed("ggplot2")
  expect_s3_class(plot(table), "ggplot")
  expect_s3_class(plot(fit), "ggplot")
})

test_that("a class that the choices do not determine has no standard errors, and keeps its coefficients", {
  fit <- fit_migration(~x, two_kinds_data(60, 3), model = few(2))
  unknown <- fit
  unknown$covariance[2, ] <- unknown$covariance[, 2] <- NA
  expect_snapshot(check_estimates(fit$model, unknown))
  expect_identical(is.na(tidy(unknown)$std.error), c(FALSE, TRUE, FALSE, FALSE, FALSE))
})

test_that("more classes than choices are refused at once", {
  data <- two_kinds_data(firms = 5, times = 2)
  expect_error(fit_migration(~ x, data, model = latent(1e5)), "more classes than there are choices \\(10\\)")
})
