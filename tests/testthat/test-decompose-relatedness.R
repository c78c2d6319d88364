s4 <- function() rbind(C1 = c(1, 1, 1, 1), C2 = c(0, 1, 0, 0), C3 = c(0, 0, 1, 1), C4 = c(0, 0, 0, 1))

test_that("complexity of the published network", {
  x <- complexity(s4(), presence = "positive")
  expect_equal(x$regions$eci, c(-.06525768931, -1.38816603302, .64760357951, .80582014282), tolerance = 1e-9)
  expect_equal(x$eigenvalues$eigenvalue, c(1, .5421337132, .1901543016, .1010453186), tolerance = 1e-9)
  expect_equal(x$regions$average_ubiquity, c(2, 2, 2.5, 3), tolerance = 1e-12)
  expect_equal(x$regions$diversity, c(4, 1, 2, 1))
  # the transition matrix as published, and its second eigenvector
  step <- (s4() / rowSums(s4())) %*% (t(s4()) / colSums(s4()))
  printed <- rbind(c(.5833333333, .125, .2083333333, .0833333333), c(.5, .5, 0, 0),
                   c(.4166666667, 0, .4166666667, .1666666667), c(.3333333333, 0, .3333333333, .3333333333))
  expect_equal(unname(step), printed, tolerance = 1e-9)
  # standardising adds a constant, the first eigenvector
  rest <- step %*% x$regions$eci - x$eigenvalues$eigenvalue[2] * x$regions$eci
  expect_lt(diff(range(rest)), 1e-12)
})

test_that("eci and pci are eigenvectors of the transition matrices", {
  set.seed(1)
  m <- matrix(stats::rbinom(30 * 12, 1, 0.4), 30, 12)
  m[, 1] <- m[1, ] <- 1
  for (n in list(m, t(m))) {
    x <- complexity(n, presence = "positive")
    k <- rowSums(n)
    u <- colSums(n)
    step <- (n / k) %*% (t(n) / u)
    raw <- eigen(step)
    v <- Re(raw$vectors[, 2])
    expect_equal(x$eigenvalues$eigenvalue[2], Re(raw$values[2]), tolerance = 1e-10)
    expect_equal(abs(stats::cor(v, x$regions$eci)), 1, tolerance = 1e-10)
    expect_gte(stats::cor(x$regions$eci, k), 0)
    expect_equal(stats::cor(x$industries$pci, drop(t(n) %*% x$regions$eci) / u), 1, tolerance = 1e-10)
    expect_equal(c(mean(x$regions$eci), stats::sd(x$regions$eci)), c(0, 1), tolerance = 1e-12)
  }
})

test_that("fitness is a fixed point where it converges", {
  set.seed(2)
  m <- matrix(stats::rbinom(40 * 15, 1, 0.6), 40, 15)
  x <- complexity(m, presence = "positive")
  expect_true(x$convergence$converged)
  f <- drop(m %*% x$industries$complexity)
  expect_equal(x$regions$fitness, f / mean(f), tolerance = 1e-9)
  expect_false(complexity(s4(), presence = "positive", iterations = 50)$convergence$converged)
})

test_that("empty regions and industries are NA with a reason", {
  m <- cbind(rbind(s4(), C5 = 0), 0)
  x <- complexity(m, presence = "positive")
  expect_equal(x$regions$reason[5], "has no industry")
  expect_true(is.na(x$regions$eci[5]))
  expect_equal(x$regions$eci[1:4], complexity(s4(), presence = "positive")$regions$eci)
  expect_equal(x$industries$reason[5], "is in no region")
})

test_that("a long table is summed, and a quotient of exactly 1 counts", {
  long <- data.frame(town = rep(c("a", "b"), each = 3), trade = c("x", "y", "y", "x", "y", "y"), jobs = c(2, 1, 1, 2, 1, 1))
  x <- relatedness(long, "town", "trade", "jobs")
  expect_equal(x$density$rca, rep(1, 4))
  expect_equal(x$density$present, rep(1L, 4))
  expect_equal(x$density$density, rep(100, 4))
  expect_equal(relatedness(long, "town", "trade")$density$size, c(1, 1, 2, 2))
})

test_that("relatedness has its definitions", {
  m <- s4()
  together <- crossprod(m)
  k <- diag(together)
  off <- together - diag(k)
  s <- colSums(off)
  total <- sum(s)
  at <- cbind(c(1, 1, 1, 2, 2, 3), c(2, 3, 4, 3, 4, 4))
  value <- function(method) relatedness(m, presence = "positive", method = method)$pairs$relatedness
  expect_equal(value("proximity"), (together / outer(k, k, pmax))[at], tolerance = 1e-12)
  expect_equal(value("association"), ((off / total) / (outer(s, s) / total^2))[at], tolerance = 1e-12)
  expect_equal(value("cosine"), (off / sqrt(outer(s, s)))[at], tolerance = 1e-12)
  expect_equal(value("jaccard"), (off / (outer(s, s, `+`) - off))[at], tolerance = 1e-12)
  p <- s / total
  expected <- total / 2 * (outer(p, s, function(a, b) a * b) / (total - s) + t(outer(p, s) / (total - s)))
  expect_equal(value("probability"), (off / expected)[at], tolerance = 1e-12)
})

test_that("density leaves the industry itself out, or counts it", {
  m <- s4()
  x <- relatedness(m, presence = "positive")
  phi <- x$matrix
  expect_true(all(diag(phi) == 0))
  expect_equal(x$density$density[1:4], unname(100 * drop(m %*% phi[, 1]) / sum(phi[, 1])), tolerance = 1e-12)
  own <- relatedness(m, presence = "positive", self = TRUE)
  expect_equal(diag(own$matrix), rep(1, 4), ignore_attr = TRUE)
  lone <- relatedness(diag(2), presence = "positive")
  expect_true(all(is.na(lone$density$density)))
})

test_that("errors and prints", {
  d <- data.frame(town = c("a", "b"), trade = "x", jobs = 1:2)
  expect_snapshot(error = TRUE, {
    complexity(diag(4), presence = "positive")
    complexity(matrix(c(1, 1, 0, 0, 0, 0, 1, 1), 2, byrow = TRUE, dimnames = list(c("Wenzhou", "Guzhen"), NULL)),
               presence = "positive")
    complexity(matrix(1, 3, 3), presence = "positive")
    complexity(matrix(1, 1, 3), presence = "positive")
    complexity(matrix(-1, 3, 3))
    complexity(matrix(0, 3, 3))
    complexity(s4(), threshold = 0)
    relatedness(d, "town", "trade", "jobs")
    relatedness(d, "town")
    relatedness(matrix("a", 2, 2))
  })
  expect_snapshot(print(complexity(s4(), presence = "positive", iterations = 20)))
  expect_snapshot(print(relatedness(s4(), presence = "positive")))
})

test_that("a double second eigenvalue is told", {
  ring <- diag(4) + diag(4)[c(2, 3, 4, 1), ]
  expect_warning(complexity(ring, presence = "positive"), class = "firmmove_warning_complexity")
})

test_that("the sign of complexity does not depend on the order of rows", {
  set.seed(3)
  m <- t(replicate(12, sample(rep(0:1, c(6, 6)))))
  dimnames(m) <- list(letters[1:12], LETTERS[1:12])
  a <- complexity(m, presence = "positive")
  expect_match(a$notes$note, "sign is that of fitness")
  expect_gt(stats::sd(a$regions$fitness), 0.1)
  expect_gt(stats::cor(a$regions$eci, a$regions$fitness), 0)
  for (k in 1:5) {
    b <- complexity(m[sample(12), sample(12)], presence = "positive")$regions
    expect_equal(b$eci[match(a$regions$region, b$region)], a$regions$eci, tolerance = 1e-8)
  }
  # neither diversity nor fitness tells: the first by name
  m <- rbind(a = c(1, 1, 0), b = c(0, 1, 1), c = c(1, 1, 1))
  a <- complexity(m, presence = "positive")
  expect_equal(a$regions$eci, c(1, -1, 0))
  expect_match(a$notes$note, "`a` is put above")
  expect_equal(complexity(m[c(2, 1, 3), ], presence = "positive")$regions$eci, c(-1, 1, 0))
})

test_that("periods, least sizes and sparse matrices", {
  set.seed(4)
  d <- expand.grid(town = letters[1:6], trade = LETTERS[1:8], year = c(2000, 2005))
  d$jobs <- rexp(nrow(d))
  x <- relatedness(d, "town", "trade", "jobs", time = "year")
  late <- relatedness(d[d$year == 2005, ], "town", "trade", "jobs")
  expect_equal(x$pairs$relatedness[x$pairs$time == 2005], late$pairs$relatedness)
  expect_equal(x$matrix[["2005"]], late$matrix)
  y <- complexity(d, "town", "trade", "jobs", time = "year", presence = "rca")
  expect_equal(y$regions$eci[y$regions$time == 2005], complexity(d[d$year == 2005, ], "town", "trade", "jobs")$regions$eci)
  expect_output(print(y), "Regions, most complex first")
  m <- tapply(d$jobs, d[c("town", "trade")], sum)
  least <- sort(rowSums(m))[2]
  expect_identical(sort(unique(relatedness(m, min_region = least)$density$region)), sort(rownames(m)[rowSums(m) >= least]))
  expect_identical(sum(relatedness(m, presence = "positive", min_cell = 1)$density$present), sum(m >= 1))
  skip_if_not_installed("Matrix")
  expect_equal(relatedness(Matrix::Matrix(m, sparse = TRUE))$pairs, relatedness(m)$pairs)
})

test_that("opportunity outlook and gain are those of their sums", {
  m <- rbind(C1 = c(1, 1, 1, 1), C2 = c(0, 1, 0, 0), C3 = c(0, 0, 1, 1), C4 = c(0, 0, 0, 1))
  x <- complexity(m, presence = "positive", opportunity = TRUE)
  phi <- relatedness(m, presence = "positive")$matrix
  density <- m %*% phi / rep(colSums(phi), each = 4)
  pci <- x$industries$pci
  expect_equal(x$regions$outlook, unname(drop((density * (1 - m)) %*% pci)))
  gain <- sapply(1:4, function(p) sum(phi[p, ] / colSums(phi)[p] * (1 - m["C4", ]) * pci) - density["C4", p] * pci[p])
  expect_equal(x$opportunities$gain[x$opportunities$region == "C4"], gain[1:3])
})
