single <- data.frame(place = letters[1:6], nest = c("north", "north", "south", "south", "south", "east"))
several <- rbind(single, data.frame(place = c("b", "c", "f"), nest = c("south", "north", "south")))
crossed_fit <- function(formula = ~ rent + distance, model = cross_nested(several), data = relocation_data(), ...) {
  expected <- c("firmmove_warning_lambda", "firmmove_warning_allocation")
  suppressWarnings(fit_migration(formula, data, model, ...), classes = expected)
}

# Probabilities by the definition, places x nests, staying (row number) alone
crossed_probability <- function(v, allocation, lambda, stay = NULL) {
  allocation[stay, ] <- 0
  part <- sweep(allocation * exp(v), 2, 1 / lambda, `^`)
  inside <- colSums(part)
  top <- c(inside^lambda, if (!is.null(stay)) exp(v[stay]))
  p <- rowSums(sweep(part, 2, inside^lambda / pmax(inside, 1e-300), `*`)) / sum(top)
  p[stay] <- exp(v[stay]) / sum(top)
  p
}

# A panel of choices among eight places without an origin, from a cross-nested logit
overlap <- matrix(
  c(1, 1, 1, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0.5, 0.5, 1, 1, 1), 8, 2,
  dimnames = list(letters[1:8], c("coast", "delta"))
)
overlap_data <- function(n, seed = 4, allocation = overlap, lambda = c(0.4, 0.6)) {
  set.seed(seed)
  long <- data.frame(id = rep(seq_len(n), each = 8), place = letters[1:8], x = stats::rnorm(8 * n))
  p <- apply(matrix(long$x, 8), 2L, crossed_probability, allocation = allocation, lambda = lambda)
  draw <- stats::runif(n)
  chosen <- 1 + colSums(sweep(apply(p, 2L, cumsum), 2, draw, `<`))
  long$chosen <- as.integer(rep(chosen, each = 8) == rep(1:8, n))
  long
}
overlap_fit <- function(data, model, ...) {
  fit_migration(chosen ~ x, data, model, id = "id", place = "place", control = one_thread(...))
}

test_that("memberships are read as rows and as a matrix", {
  rows <- cross_nested(several)$membership
  expect_equal(rows$allocation, c(1, 0.5, 0.5, 1, 1, 0.5, 0.5, 0.5, 0.5))
  cells <- unclass(table(several$place, several$nest)) > 0
  by <- function(x) x[order(x$place, x$nest), ]
  expect_equal(by(cross_nested(cells)$membership), by(rows), ignore_attr = TRUE)
  expect_equal(by(cross_nested(1 * cells)$membership), by(rows), ignore_attr = TRUE)
  expect_equal(by(cross_nested(cells / rowSums(cells))$membership), by(rows), ignore_attr = TRUE)
  given <- transform(several, allocation = c(1, 0.2, 0.3, 1, 1, 0.4, 0.8, 0.7, 0.6))
  expect_equal(cross_nested(given)$membership$allocation, given$allocation)
  expect_snapshot(print(cross_nested(several)))
})

test_that("memberships that are none are named", {
  expect_snapshot(error = TRUE, cross_nested(~region))
  expect_snapshot(error = TRUE, cross_nested(several["place"]))
  expect_snapshot(error = TRUE, cross_nested(rbind(several, several[2, ])))
  expect_snapshot(error = TRUE, cross_nested(transform(several, nest = NA)))
  expect_snapshot(error = TRUE, cross_nested(transform(several, allocation = 0.5)))
  expect_snapshot(error = TRUE, cross_nested(transform(single, allocation = c(-1, 1, 1, 1, 1, 1))))
  expect_snapshot(error = TRUE, cross_nested(matrix(1, 2, 2)))
  data <- relocation_data()
  expect_snapshot(error = TRUE, fit_migration(~rent, data, cross_nested(several[-4, ])))
  more <- rbind(several, data.frame(place = "A", nest = "east"))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, cross_nested(more)))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, cross_nested(transform(single, nest = place))))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, cross_nested(several), start = c("lambda:north" = 0)))
})

test_that("one nest each is the nested logit", {
  for (lambda in c("each", "one")) {
    crossed <- crossed_fit(model = cross_nested(single, lambda = lambda))
    nested <- crossed_fit(model = nested(~region, lambda))
    expect_equal(coef(crossed), coef(nested), tolerance = 1e-8)
    expect_equal(vcov(crossed), vcov(nested), tolerance = 1e-8)
    expect_equal(crossed$loglik, nested$loglik, tolerance = 1e-12)
    expect_equal(vcov(crossed, type = "robust"), vcov(nested, type = "robust"), tolerance = 1e-8)
    expect_equal(predict(crossed), predict(nested), tolerance = 1e-8)
  }
  crossed <- crossed_fit(~ distance | place, cross_nested(single))
  expect_equal(coef(crossed), coef(crossed_fit(~ distance | place, nested(~region))), tolerance = 1e-7)
})

test_that("lambda = 1 is the conditional logit", {
  plain <- fit_migration(~ rent + distance, relocation_data())
  at_one <- migration_control(fixed = c(lambda = 1))
  fit <- fit_migration(~ rent + distance, relocation_data(), cross_nested(several, lambda = "one"), control = at_one)
  expect_equal(coef(fit)[1:3], coef(plain), tolerance = 1e-8)
  expect_equal(fit$loglik, plain$loglik, tolerance = 1e-12)
})

test_that("a nest for each pair is the paired combinatorial logit", {
  pairs <- utils::combn(letters[1:4], 2)
  membership <- data.frame(place = as.vector(pairs), nest = rep(apply(pairs, 2, paste, collapse = ""), each = 2))
  set.seed(8)
  long <- data.frame(id = rep(1:80, each = 4), place = letters[1:4], x = stats::rnorm(320))
  long$chosen <- as.integer(as.vector(apply(matrix(long$x + gumbel(320), 4), 2, function(u) u == max(u))))
  fit <- suppressWarnings(overlap_fit(long, cross_nested(membership, lambda = "one")))
  v <- predict(fit, type = "utility")
  lambda <- coef(fit)[["lambda"]]
  by_hand <- apply(matrix(v, 4), 2, function(u) {
    # Koppelman and Wen (2000), with allocation 1/3 to each of the three pairs of a place
    e <- outer(u, u, function(a, b) (exp(a / lambda) + exp(b / lambda)))
    diag(e) <- NA
    total <- sum(e[upper.tri(e)]^lambda)
    rowSums(exp(u / lambda) * e^(lambda - 1), na.rm = TRUE) / total
  })
  expect_equal(unname(predict(fit)), as.vector(by_hand), tolerance = 1e-10)
})

test_that("probabilities follow the definition and sum to 1 at any size of utility", {
  data <- relocation_data()
  given <- transform(several, allocation = c(1, 0.2, 0.3, 1, 1, 0.4, 0.8, 0.7, 0.6))
  fit <- crossed_fit(model = cross_nested(given))
  v <- predict(fit, type = "utility")
  p <- predict(fit)
  allocation <- stats::xtabs(allocation ~ place + nest, given)
  lambda <- c(east = 1, north = coef(fit)[["lambda:north"]], south = coef(fit)[["lambda:south"]])
  for (i in c(1, 50, 311)) {
    by_hand <- crossed_probability(v[i, ], unclass(allocation), lambda, match(data$firms$from[i], letters))
    expect_equal(unname(p[i, ]), unname(by_hand), tolerance = 1e-10)
  }
  expect_equal(unname(rowSums(p)), rep(1, 400))
  expect_equal(sum(log(fitted(fit))), fit$loglik, tolerance = 1e-12)
  design <- fit_design(fit)
  for (size in c(1e3, 1e6, 1e9)) {
    theta <- design$theta
    theta[1:3] <- theta[1:3] * size
    p <- .Call(C_predict, design$spec, design$kernel, theta, "probability", kernel_control(fit$control))
    expect_equal(unname(rowSums(p)), rep(1, 400))
  }
})

# Largest difference between the information and differences of the score, and the score and those of the value
derivative_errors <- function(fit, theta) {
  design <- fit_design(fit)
  at <- function(theta, order) .Call(C_evaluate, design$spec, design$kernel, theta, order, kernel_control(fit$control))
  here <- at(theta, 2L)
  step <- 1e-4
  errors <- vapply(seq_along(theta), function(k) {
    move <- replace(numeric(length(theta)), k, step)
    up <- at(theta + move, 1L)
    down <- at(theta - move, 1L)
    up2 <- at(theta + 2 * move, 1L)
    down2 <- at(theta - 2 * move, 1L)
    slope <- (8 * (up$value - down$value) - (up2$value - down2$value)) / (12 * step)
    curve <- (8 * (up$score - down$score) - (up2$score - down2$score)) / (12 * step)
    c(abs(slope - here$score[k]), max(abs(curve + here$information[, k])))
  }, numeric(2L)) / max(abs(here$information))
  max(errors)
}

test_that("score and information are the derivatives, on merged, unmerged and ragged data", {
  set.seed(2)
  # without terms of the firm many firms are alike and are merged
  merged <- crossed_fit(~ rent + distance, cross_nested(several, "estimate"))
  unmerged <- crossed_fit(~ rent + keep(size) + distance | place, cross_nested(several, "estimate", "one"))
  membership <- data.frame(
    place = c(letters[1:9], "a", "d", "d", "i"),
    nest = c("u", "u", "u", "v", "v", "v", "w", "w", "w", "v", "u", "w", "u")
  )
  ragged <- suppressWarnings(fit_migration(chosen ~ x + y, ragged_data(), cross_nested(membership, "estimate")))
  for (fit in list(merged, unmerged, ragged)) {
    theta <- fit_design(fit)$theta
    extra <- fit$parameters$group %in% c("lambda", "allocation")
    n <- sum(extra)
    linear <- seq_len(length(theta) - n)
    theta[linear] <- stats::runif(length(linear), -0.5, 0.5)
    theta[-linear] <- ifelse(fit$parameters$group[extra] == "lambda", stats::runif(n, 0.4, 1.1), stats::rnorm(n))
    expect_lt(derivative_errors(fit, theta), 1e-6)
  }
})

test_that("long and relational data agree", {
  fit <- crossed_fit()
  long <- suppressWarnings(fit_migration(chosen ~ rent + distance, relocation_long(),
    model = cross_nested(several), id = "id", place = "place", from = "from"
  ))
  expect_equal(coef(fit), coef(long), tolerance = 1e-8)
  expect_equal(vcov(fit), vcov(long), tolerance = 1e-7)
})

test_that("small data: equal to a direct maximisation", {
  long <- overlap_data(250)
  x <- matrix(long$x, 8)
  chosen <- cbind(apply(matrix(long$chosen, 8), 2, which.max), 1:250)
  loglik <- function(b) {
    tau <- stats::plogis(b[4:5])
    allocation <- overlap
    allocation[4:5, ] <- cbind(1 - tau, tau)
    nests <- lapply(1:2, function(m) {
      part <- (allocation[, m] * exp(b[1] * x))^(1 / b[m + 1])
      total <- colSums(part)
      list(joint = t(t(part) * total^(b[m + 1] - 1)), total = total^b[m + 1])
    })
    p <- t(t(nests[[1]]$joint + nests[[2]]$joint) / (nests[[1]]$total + nests[[2]]$total))
    sum(log(p[chosen]))
  }
  fit <- overlap_fit(long, cross_nested(overlap, "estimate"))
  expect_named(coef(fit), c("x", "lambda:coast", "lambda:delta", "allocation:d:delta", "allocation:e:delta"))
  expect_equal(loglik(coef(fit)), fit$loglik, tolerance = 1e-12)
  direct <- stats::optim(c(1, 0.6, 0.6, 0, 0), function(b) if (any(b[2:3] <= 0)) 1e9 else -loglik(b),
    method = "BFGS", control = list(reltol = 1e-14)
  )
  expect_lt(abs(fit$loglik + direct$value), 1e-7)
  expect_lt(max(abs(coef(fit) - direct$par)), 1e-3)
})

test_that("parameters are found again, allocations with delta-method errors", {
  allocation <- overlap
  allocation[4:5, ] <- c(0.7, 0.3, 0.3, 0.7)
  fit <- overlap_fit(overlap_data(4000, allocation = allocation), cross_nested(overlap, "estimate"))
  truth <- c(1, 0.4, 0.6, log(3 / 7), log(7 / 3))
  z <- (coef(fit) - truth) / sqrt(diag(vcov(fit)))
  expect_lt(sum(z^2), stats::qchisq(0.999, 5))
  table <- fit$allocations
  second <- table$nest == "delta" & table$place %in% c("d", "e")
  expect_equal(table$allocation[second], unname(stats::plogis(coef(fit)[4:5])))
  a <- table$allocation[table$place == "d"]
  expect_equal(table$std.error[table$place == "d"], rep(a[1] * a[2] * sqrt(vcov(fit)[4, 4]), 2))
  expect_true(all(is.na(table$std.error[!table$place %in% c("d", "e")])))
  expect_equal(vcov(fit, type = "opg"), vcov(fit), tolerance = 0.2)
  known <- overlap_fit(overlap_data(4000, allocation = allocation), cross_nested(allocation))
  z <- (coef(known) - truth[1:3]) / sqrt(diag(vcov(known)))
  expect_lt(sum(z^2), stats::qchisq(0.999, 3))
  expect_snapshot(summary(fit))
})

test_that("any number of threads gives the same digits", {
  long <- overlap_data(12000)
  one <- overlap_fit(long, cross_nested(overlap, "estimate"))
  two <- fit_migration(chosen ~ x, long, cross_nested(overlap, "estimate"), id = "id", place = "place",
    control = migration_control(threads = 2)
  )
  expect_identical(coef(one), coef(two))
  expect_identical(vcov(one), vcov(two))
})

test_that("the methods of a fit work", {
  for (fit in list(crossed_fit(), crossed_fit(~ distance | place))) {
    scores <- estfun.migration_fit(fit)
    expect_lt(max(abs(colSums(scores))), 1e-5)
    expect_equal(sum(residuals(fit)^2), deviance(fit), tolerance = 1e-12)
    expect_equal(sum(predict(fit, type = "flows")$flow), 400)
    expect_identical(simulate(fit, seed = 1), simulate(fit, seed = 1))
    expect_equal(nrow(augment(fit)), 400L)
    expect_equal(dim(confint(fit)), c(length(coef(fit)), 2L))
  }
  fit <- crossed_fit()
  expect_equal(predict(fit, fit$data$firms[1:5, ]), predict(fit)[1:5, ])
  new <- migration_data(
    data.frame(firm = 1:2, from = c("a", "b"), to = c("b", "b")), relocation()$places[1:4, ], relocation()$ties
  )
  expect_equal(unname(rowSums(predict(fit, new))), c(1, 1))
  expect_snapshot(print(summary(fit)))
  skip_if_not_installed("ggplot2")
  estimated <- crossed_fit(model = cross_nested(several, "estimate", "one"))
  expect_s3_class(autoplot.migration_fit(estimated), "ggplot")
})

test_that("estimates at odds with the theory are warnings that name them", {
  expect_warning(
    fit_migration(~ rent + distance, relocation_data(), cross_nested(several, "estimate", "one")),
    "`b` in `south`, `c` in `north`, `f` in `east`",
    class = "firmmove_warning_allocation"
  )
  expect_warning(fit_migration(~ rent + distance, relocation_data(), cross_nested(several)),
    "`lambda:north` = 1.472",
    class = "firmmove_warning_lambda"
  )
})
