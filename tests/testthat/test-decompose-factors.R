test_that("two and three factors: Das Gupta's formulas", {
  x <- decompose_factors(c(a = 2, b = 3), c(a = 5, b = 7))
  expect_equal(x$shapley$estimate, c(3 * 10, 4 * 7) / 2)
  a <- c(2, 5)
  b <- c(3, 7)
  c <- c(1.5, .5)
  part <- function(a, b, c) diff(a) * ((b[1] * c[1] + b[2] * c[2]) / 3 + (b[1] * c[2] + b[2] * c[1]) / 6)
  y <- decompose_factors(list(a = a[1], b = b[1], c = c[1]), list(a = a[2], b = b[2], c = c[2]))
  expect_equal(y$shapley$estimate, c(part(a, b, c), part(b, c, a), part(c, a, b)), tolerance = 1e-14)
  expect_equal(y$totals$change, diff(a * b * c))
  expect_equal(x$shapley$share, c(30, 28) / 58)
})

test_that("products of many factors over groups are the Shapley values of their game", {
  set.seed(2)
  for (p in c(1, 4, 7)) {
    start <- as.data.frame(matrix(stats::runif(3 * p), 3))
    end <- as.data.frame(matrix(stats::runif(3 * p, -1, 2), 3))
    quick <- decompose_factors(start, end, groups = c("u", "v", "w"))
    slow <- decompose_factors(start, end, function(x) sum(apply(x, 1, prod)))
    expect_equal(quick$shapley$estimate, slow$shapley$estimate, tolerance = 1e-12)
    expect_lt(abs(quick$residual$residual), 1e-13)
    by_group <- drop(rowsum(quick$groups$estimate, quick$groups$player))
    expect_equal(unname(by_group[quick$shapley$player]), quick$shapley$estimate, tolerance = 1e-13)
  }
})

test_that("a rate: shares and levels; Bennet's formula", {
  start <- list(share = c(.7, .3), level = c(1.5, 2.5))
  end <- list(share = c(.4, .6), level = c(1.6, 3))
  x <- decompose_factors(start, end)
  expect_equal(x$shapley$estimate, c(sum((end$share - start$share) * (start$level + end$level)) / 2,
                                     sum((end$level - start$level) * (start$share + end$share)) / 2))
})

test_that("any function, blocks and constants", {
  start <- list(scale = 2, x = c(1, 2, 3))
  end <- list(scale = 3, x = c(1, 5, 6))
  x <- decompose_factors(start, end, function(f) f$scale * stats::sd(f$x))
  s <- c(stats::sd(1:3), stats::sd(c(1, 5, 6)))
  expect_equal(x$shapley$estimate, c(mean(s), 2.5 * diff(s)))
  y <- decompose_factors(c(a = 1, b = 2, c = 4), c(a = 2, b = 3, c = 5), blocks = c("u", "u", "v"))
  expect_equal(y$blocks$estimate, c((6 - 2) * 4.5, (2 + 6) / 2))
  # a factor that is the same for all groups
  z <- decompose_factors(list(n = 10, s = c(.5, .5)), list(n = 20, s = c(.2, .8)))
  expect_equal(z$shapley$estimate, c(10, 0))
})

test_that("refusals and print", {
  expect_snapshot(decompose_factors(c(firms = 120, workers = 25), c(firms = 150, workers = 31)))
  expect_snapshot(error = TRUE, {
    decompose_factors(c(1, 2), c(1, 2))
    decompose_factors(c(a = 1, b = 2), c(a = 1, c = 2))
    decompose_factors(c(a = 1, b = NA), c(a = 1, b = 2))
    decompose_factors(list(a = 1:2), list(a = 1:3))
    decompose_factors(list(a = 1:2, b = 1:3), list(a = 1:2, b = 1:3))
    decompose_factors(c(a = 1), c(a = 2), value = 3)
    decompose_factors(c(a = 1), c(a = 2), groups = c("u", "v"))
    decompose_factors(c(a = 1), c(a = 2), sum, groups = "u")
  })
})

test_that("several periods: rates are standardised, and parts chain", {
  p <- list(
    `1980` = list(share = c(.7, .3), level = c(1.5, 2.5)), `1990` = list(share = c(.5, .5), level = c(1.7, 2.0)),
    `2000` = list(share = c(.4, .6), level = c(1.6, 3.0))
  )
  x <- decompose_factors(periods = p, groups = c("a", "b"))
  expect_equal(sum(x$shapley$estimate), x$totals$change)
  expect_equal(rowsum(x$steps$estimate, x$steps$player)[x$shapley$player, ], x$shapley$estimate, ignore_attr = TRUE)
  # two periods: the standardised rates are those at the mean of the other factor
  two <- decompose_factors(periods = p[c(1, 3)])
  expect_equal(two$rates$rate[1], sum(c(.7, .3) * c(1.55, 2.75)))
  expect_equal(two$shapley$estimate, decompose_factors(p[[1]], p[[3]])$shapley$estimate)
  # Das Gupta's formula for three, written out for the first factor
  s <- function(i, j) sum(p[[i]]$share * (p[[i]]$level + p[[j]]$level) / 2)
  first <- (s(1, 2) + s(1, 3)) / 2 + (s(2, 3) - s(2, 1) + s(3, 2) - s(3, 1)) / 6
  expect_equal(x$rates$rate[1], first)
  expect_error(decompose_factors(p[[1]], p[[2]], periods = p), class = "firmmove_error_argument")
})

test_that("a seed repeats drawn orders", {
  value <- function(x) length(x)^2
  draw <- function() decompose_shapley(value, letters[1:5], draws = 5, seed = 3)$shapley
  expect_identical(draw(), draw())
})
