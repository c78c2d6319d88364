estimates_of <- function(result) stats::setNames(result$parameters$estimate, result$parameters$symbol)
two_towns <- function(first, second) {
  data.frame(town = rep(c("a", "b"), c(length(first), length(second))), tfp = c(first, second))
}
# quantiles of the model at equally spaced ranks, so that the truth is met without noise
exact_towns <- function(shift, dilation, truncation, n = 20000) {
  u <- (seq_len(n) - 0.5) / n
  two_towns(stats::qnorm(u), shift + dilation * stats::qnorm(truncation + (1 - truncation) * u))
}

test_that("the three parameters are found, each alone and together", {
  for (truth in list(c(0.1, 1.2, 0.1), c(0.3, 1, 0), c(0, 0.8, 0), c(0, 1, 0.05))) {
    result <- compare_quantiles(exact_towns(truth[1], truth[2], truth[3]), "tfp", "town", draws = 0)
    expect_equal(unname(estimates_of(result)), truth, tolerance = 2e-3)
    expect_gt(result$fit$r2, 0.9999)
  }
})

test_that("a truncation of the first cluster is a negative one of the second", {
  d <- exact_towns(0.1, 1.2, 0.1)
  forth <- estimates_of(compare_quantiles(d, "tfp", "town", draws = 0))
  back <- estimates_of(compare_quantiles(d, "tfp", "town", between = c("b", "a"), draws = 0))
  expect_equal(back[["D"]], 1 / forth[["D"]], tolerance = 1e-6)
  expect_equal(back[["A"]], -forth[["A"]] / forth[["D"]], tolerance = 1e-6)
  expect_equal(back[["S"]], -forth[["S"]] / (1 - forth[["S"]]), tolerance = 1e-6)
})

test_that("the closed form is the minimum of the criterion written out", {
  d <- two_towns(stats::rnorm(300), stats::rgamma(200, 3))
  y <- lapply(split(d$tfp, d$town), sort)
  quantile_at <- function(y, u) stats::approx(seq_along(y) / length(y), y, u, rule = 2)$y
  criterion <- function(a, d, s, ranks = 1000) {
    # both sets of ranks, each in its own order
    from1 <- max(0, s)
    from2 <- max(0, -s / (1 - s))
    k <- seq(0, 1, length.out = ranks + 1)
    r1 <- c(from1 + k * (1 - from1), s + (1 - s) * (from2 + k * (1 - from2)))
    r2 <- c((from1 + k * (1 - from1) - s) / (1 - s), from2 + k * (1 - from2))
    trapezoid <- function(x, r) {
      x <- x[order(r)]
      r <- sort(r)
      n <- length(r)
      sum((x[-1] + x[-n]) * diff(r)) / (r[n] - r[1]) / 2
    }
    y1 <- quantile_at(y$a, r1)
    y2 <- quantile_at(y$b, r2)
    trapezoid((d * y1 + a - y2)^2, r1) + trapezoid((y1 - (y2 - a) / d)^2, r2)
  }
  for (s in c(-0.4, 0, 0.25)) {
    best <- fit_at(y$a, y$b, s, c(TRUE, TRUE), 1000)
    expect_equal(best$criterion, criterion(best$shift, best$dilation, s))
    search <- stats::optim(c(0, 1), function(p) criterion(p[1], p[2], s), control = list(reltol = 1e-12))
    expect_lte(best$criterion, search$value * (1 + 1e-12))
    expect_equal(search$par, c(best$shift, best$dilation), tolerance = 1e-4)
    for (free in list(c(TRUE, FALSE), c(FALSE, TRUE))) {
      held <- fit_at(y$a, y$b, s, free, 1000)
      one <- stats::optimize(function(p) if (free[1]) criterion(p, 1, s) else criterion(0, p, s), c(-5, 5), tol = 1e-9)
      expect_equal(held$criterion, one$objective)
    }
  }
  result <- compare_quantiles(d, "tfp", "town", draws = 0)
  e <- estimates_of(result)
  expect_equal(result$fit$criterion, criterion(e[["A"]], e[["D"]], e[["S"]]))
  expect_equal(result$fit$criterion_null, criterion(0, 1, 0))
})

test_that("parameters that are held fixed have no error; those of the bootstrap are near the truth", {
  set.seed(3)
  d <- two_towns(stats::rnorm(2000), 0.2 + stats::rnorm(2000))
  result <- compare_quantiles(d, "tfp", "town", parameters = "shift", draws = 100)
  expect_equal(result$parameters$estimate[2:3], c(1, 0))
  expect_equal(is.na(result$parameters$std.error), c(FALSE, TRUE, TRUE))
  expect_equal(result$parameters$std.error[1], sqrt(2 / 2000), tolerance = 0.25)
  expect_equal(result$parameters$estimate[1], diff(tapply(d$tfp, d$town, mean))[[1]], tolerance = 1e-2)
  expect_equal(nrow(result$draws), 100)
})

test_that("a truncation at the limit of the search is told", {
  result <- compare_quantiles(exact_towns(0, 1, 0.8, 2000), "tfp", "town", draws = 0)
  expect_equal(estimates_of(result)[["S"]], 0.5, tolerance = 1e-6)
  expect_match(result$notes$note, "limit of the search")
})

test_that("units and row order do not matter", {
  d <- two_towns(stats::rexp(100), stats::rexp(150)^1.1)
  base <- estimates_of(compare_quantiles(d, "tfp", "town", draws = 0))
  shuffled <- d[sample(nrow(d)), ]
  expect_equal(estimates_of(compare_quantiles(shuffled, "tfp", "town", draws = 0)), base)
  scaled <- estimates_of(compare_quantiles(transform(d, tfp = 10 * tfp), "tfp", "town", draws = 0))
  expect_equal(scaled, base * c(10, 1, 1), tolerance = 1e-6)
})

test_that("the quantile is linear between k / n", {
  y <- c(1, 2, 4, 8)
  expect_equal(sorted_quantile(y, c(0, 0.1, 0.25, 0.3, 0.5, 0.99, 1)), c(1, 1, 1, 1.2, 2, 7.84, 8))
})

test_that("bad input is named", {
  d <- two_towns(stats::rnorm(20), stats::rnorm(20))
  d$tfp[1] <- NA
  expect_match(compare_quantiles(d, "tfp", "town", draws = 0)$notes$note, "1 firm without a performance")
  expect_snapshot(error = TRUE, {
    compare_quantiles(transform(d, tfp = ifelse(is.na(tfp), -Inf, tfp)), "tfp", "town")
    compare_quantiles(d[c(2:12, 21:25), ], "tfp", "town")
    compare_quantiles(transform(d, tfp = 1), "tfp", "town")
    compare_quantiles(transform(d, town = seq_along(town) %% 3), "tfp", "town")
    compare_quantiles(d, "town", "town")
    compare_quantiles(d, "tfp", "town", ranks = 2.5)
    compare_quantiles(d, "tfp", "town", draws = 1)
    compare_quantiles(d, "tpf", "town")
  })
})

test_that("print names the reference", {
  expect_snapshot(compare_quantiles(exact_towns(0.1, 1.2, 0.1, 500), "tfp", "town", draws = 0))
})

test_that("outliers are told, and trimmed off", {
  set.seed(1)
  d <- data.frame(g = rep(1:2, c(3000, 2000)), v = c(rnorm(3000), 0.1 + 1.2 * rnorm(2000)))
  d$v[1] <- 50
  expect_match(compare_quantiles(d, "v", "g", draws = 0)$notes$note, "far from all others", all = FALSE)
  x <- compare_quantiles(d, "v", "g", draws = 2, seed = 1, trim = 0.005)
  expect_equal(x$parameters$estimate, c(0.1, 1.2, 0), tolerance = 0.06)
  expect_match(x$notes$note, "50 firms at the ends left out", all = FALSE)
  expect_identical(x$draws, compare_quantiles(d, "v", "g", draws = 2, seed = 1, trim = 0.005)$draws)
  expect_error(compare_quantiles(d, "v", "g", trim = 0.3), class = "firmmove_error_argument")
  expect_error(compare_quantiles(d, "v", "g", min_firms = 2500), class = "firmmove_error_too_few")
})
