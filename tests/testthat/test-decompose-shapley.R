# R squared of a regression on some of the columns
r_squared <- function(outcome, data) {
  function(x) if (length(x)) summary(stats::lm(stats::reformulate(x, outcome), data))$r.squared else 0
}

# Shapley or Owen values from all orders of p players
by_all_orders <- function(value, p, block = rep(1, p)) {
  orders <- as.matrix(expand.grid(rep(list(seq_len(p)), p)))
  orders <- orders[apply(orders, 1, function(o) !anyDuplicated(o) && length(rle(block[o])$values) == max(block)), ,
                   drop = FALSE]
  sums <- numeric(p)
  for (i in seq_len(nrow(orders))) {
    reached <- value[1 + cumsum(c(0, 2^(orders[i, ] - 1)))]
    sums[orders[i, ]] <- sums[orders[i, ]] + diff(reached)
  }
  sums / nrow(orders)
}

test_that("R squared of mtcars and swiss: the published values (LMG) and what each adds by order", {
  x <- decompose_shapley(r_squared("mpg", datasets::mtcars), c("am", "vs", "cyl"))
  expect_equal(x$shapley$estimate, c(.1774891819, .2027032068, .3817849038), tolerance = 1e-9)
  expect_equal(sum(x$shapley$estimate), .7619772926, tolerance = 1e-9)
  expect_equal(x$orders$added, c(.3597989, .1389842, .033684441, .4409477, .1641982, .002963748, .7261800, .3432799,
                                 .075894823), tolerance = 2e-7)
  expect_identical(x$dominance$complete, c(NA, FALSE, FALSE))
  expect_identical(x$dominance$general, c(FALSE, FALSE, FALSE))
  expect_identical(x$calls, 8L)
  names <- c("Agriculture", "Examination", "Education", "Catholic", "Infant.Mortality")
  y <- decompose_shapley(r_squared("Fertility", datasets::swiss), names)
  expect_equal(y$shapley$estimate, c(.05709122077, .1711730289, .26013467862, .10557015037, .11276592293),
               tolerance = 1e-9)
  expect_equal(y$totals$change, .7067350016, tolerance = 1e-9)
})

test_that("log-likelihoods of a logit: Shapley and Owen values", {
  fit <- function(x) {
    c(stats::logLik(stats::glm(stats::reformulate(c("1", x), "am"), stats::binomial(), datasets::mtcars,
                               epsilon = 1e-14, maxit = 50)))
  }
  x <- decompose_shapley(fit, c("mpg", "wt", "disp"))
  expect_equal(unlist(x$totals[1:2], use.names = FALSE), c(-21.61486664, -8.428810747), tolerance = 1e-9)
  expect_equal(x$shapley$estimate, c(2.673420634, 8.003468669, 2.509166588), tolerance = 1e-9)
  by_mask <- c(-21.614866638, -14.837583824, -9.588042404, -8.592127622, -14.865834237, -14.302939951, -8.892385301,
               -8.428810747)
  y <- decompose_shapley(by_mask, c("mpg", "wt", "disp"), list(fuel = "mpg", size = c("disp", "wt")))
  expect_equal(y$shapley$estimate, c(3.620428685, 7.529964644, 2.035662563), tolerance = 1e-9)
  expect_equal(sum(y$shapley$estimate), 13.186055892, tolerance = 1e-9)
  expect_identical(y$shapley$block, c("fuel", "size", "size"))
  # over a block: the Shapley value of the game of blocks
  quotient <- decompose_shapley(by_mask[c(1, 2, 7, 8)], c("fuel", "size"))
  expect_equal(y$blocks$estimate, quotient$shapley$estimate, tolerance = 1e-12)
  expect_lt(abs(y$residual$residual), 1e-12)
})

test_that("values of random games are averages over all orders", {
  set.seed(5)
  value <- stats::rnorm(32)
  expect_equal(shapley_values(value, 5), by_all_orders(value, 5), tolerance = 1e-13)
  block <- c(1, 2, 2, 1, 3)
  expect_equal(shapley_values(value, 5, c("a", "b", "b", "a", "c"), letters[1:5]),
               stats::setNames(by_all_orders(value, 5, block), letters[1:5]), tolerance = 1e-13)
  # values that no such order passes are not read
  value[!owen_needed(5, block)] <- NA
  expect_equal(shapley_values(value, 5, block), by_all_orders(value, 5, block), tolerance = 1e-13)
  expect_identical(sum(owen_needed(5)), 32L)
  # 8 sets of other blocks, with each subset of the block: those of none and of all are counted once
  expect_identical(sum(owen_needed(12, rep(1:4, 3))), 16L + 4L * 8L * 6L)
})

test_that("properties: dummies get nothing, equals the same, sums add up, order of players is free", {
  set.seed(6)
  value <- stats::rnorm(16)
  with_dummy <- c(value, value)
  expect_equal(shapley_values(with_dummy, 5), c(shapley_values(value, 4), 0), tolerance = 1e-14)
  twins <- function(x) sqrt(sum(c(a = 4, b = 4, c = 9)[x]))
  x <- decompose_shapley(twins, c("a", "b", "c"))
  expect_equal(x$shapley$estimate[1], x$shapley$estimate[2], tolerance = 1e-15)
  expect_equal(x$dominance$subsets, c(.5, 0, 0))
  expect_identical(x$dominance$general, c(NA, FALSE, FALSE))
  y <- decompose_shapley(twins, c("c", "a", "b"))
  expect_equal(x$shapley$estimate[c(3, 1, 2)], y$shapley$estimate, tolerance = 1e-15)
  one <- decompose_shapley(c(1, 4))
  expect_equal(one$shapley$estimate, 3)
  expect_null(one$dominance)
})

test_that("twenty players, exactly: the glove game", {
  # 10 left and 10 right gloves: a pair is worth 1
  bits <- rowSums(vapply(0:9, function(k) bitwAnd(bitwShiftR(0:1023, k), 1L), numeric(1024)))
  value <- as.vector(outer(bits, bits, pmin))
  x <- decompose_shapley(value)
  expect_equal(x$shapley$estimate, rep(.5, 20), tolerance = 1e-12)
})

test_that("drawn orders: recovery within their errors, exact sums, blocks", {
  set.seed(8)
  weight <- stats::runif(14)
  game <- function(x) sum(weight[as.integer(x)])^1.5
  x <- decompose_shapley(game, as.character(1:14), draws = 400)
  bits <- vapply(0:13, function(k) bitwAnd(bitwShiftR(0:(2^14 - 1), k), 1L), numeric(2^14))
  exact <- shapley_values(drop(bits %*% weight)^1.5, 14)
  z <- (x$shapley$estimate - exact) / x$shapley$std.error
  expect_lt(max(abs(z)), 4)
  expect_gt(stats::sd(z), .5)
  expect_lt(abs(x$residual$residual), 1e-12)
  blocks <- rep(c("p", "q", "r"), c(4, 5, 5))
  y <- decompose_shapley(game, as.character(1:14), blocks, draws = 400)
  owen <- shapley_values(drop(bits %*% weight)^1.5, 14, blocks)
  expect_lt(max(abs(y$shapley$estimate - owen) / y$shapley$std.error), 4)
  expect_equal(unname(rowsum(y$shapley$estimate, blocks)[, 1]), y$blocks$estimate, tolerance = 1e-12)
  # few enough subsets with blocks: exact though there are 14 players
  z <- decompose_shapley(game, as.character(1:14), blocks)
  expect_equal(z$shapley$estimate, unname(owen), tolerance = 1e-12)
  expect_lte(z$calls, 4 * (16 + 32 + 32))
})

test_that("an additive game is recovered by any orders, without error", {
  set.seed(9)
  x <- decompose_shapley(function(x) sum(as.numeric(x)), as.character(1:13), draws = 3)
  expect_equal(x$shapley$estimate, 1:13)
  expect_equal(x$shapley$std.error, rep(0, 13))
})

test_that("prints and refusals", {
  expect_snapshot(decompose_shapley(c(0, 2, 1, 5), c("land", "space")))
  expect_snapshot(decompose_shapley(c(0, 2, 1, 5, 0, 3, 2, 7), c("land", "space", "tie"), c("push", "push", "pull")))
  expect_snapshot(error = TRUE, {
    decompose_shapley("x")
    decompose_shapley(1:3)
    decompose_shapley(mean)
    decompose_shapley(1:4, c("a", "a"))
    decompose_shapley(c(0, 1, NA, 3), c("a", "b"))
    decompose_shapley(function(x) "b", c("a", "b"))
    decompose_shapley(1:4, c("land", "space"), c("push", NA))
    decompose_shapley(1:4, c("land", "space"), c(land = "push", spac = "push"))
    decompose_shapley(1:4, c("land", "space"), list(push = c("land", "space"), pull = "space"))
    decompose_shapley(1:4, c("land", "space"), "push")
    decompose_shapley(length, letters, draws = 1)
    decompose_shapley(numeric(2^21))
  })
})
