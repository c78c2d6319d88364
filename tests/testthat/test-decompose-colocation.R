six <- function() {
  data.frame(x = c(0, 0, 1, 1, 5, 5), y = c(0, 1, 0, 1, 0, 1), type = c("A", "A", "B", "A", "B", "B"), w = c(2, 1, 1, 3, 1, 2))
}

plain <- function(..., bands = "none") colocation(..., bands = bands)$values$estimate

uniform_points <- function(n, types = 3) {
  data.frame(x = stats::runif(n), y = stats::runif(n), type = sample(LETTERS[seq_len(types)], n, TRUE), w = stats::rexp(n))
}

test_that("M of six points", {
  x <- colocation("x", "y", "type", "w", c(1, 1.5, 5), "m", "none", data = six(), neighbours = c("A", "B"))$values
  of <- function(a, b) x$estimate[x$type == a & x$neighbour == b]
  expect_equal(of("A", "A"), c(1.347593583, 1.605882353, 1.159090909), tolerance = 1e-9)
  expect_equal(of("A", "B"), c(.6596858639, .4068062827, .8442408377), tolerance = 1e-9)
  expect_equal(of("B", "B"), c(2.181818182, 2.181818182, 1.136363636), tolerance = 1e-9)
})

test_that("M of three points at one distance, and at distance 0", {
  d <- data.frame(x = c(0, 1, .5), y = c(0, 0, sqrt(3) / 2))
  x <- colocation(d$x, d$y, c(1, 2, 2), 1:3, c(0, 1, 2), "m", "none", neighbours = 1:2)
  at <- x$values$distance >= 1 & !(x$values$type == "1" & x$values$neighbour == "1")
  expect_equal(x$values$estimate[at], rep(1, 6), tolerance = 1e-12)
  expect_true(all(is.na(x$values$estimate[x$values$distance == 0])))
  expect_equal(x$types$reason[4], "no point has a neighbour within the shortest distances")
  expect_equal(x$types$reason[1], "fewer than two points")
})

test_that("K of three points, plain and weighted, integrates to 1", {
  d <- six()
  k <- function(at, ...) plain(d$x, d$y, d$type, ..., distance = at, bandwidth = .5, reference = "A")
  expect_equal(k(0:2), c(.153718421, .7208127351, .2058835293), tolerance = 1e-9)
  expect_equal(k(0:2, weight = d$w), c(.1141076833, .6715966984, .2681845374), tolerance = 1e-9)
  grid <- seq(0, 8, 0.01)
  expect_equal(sum(k(grid)) * 0.01 - 0.005 * k(0), 1, tolerance = 1e-6)
})

test_that("K and M are sums over all pairs", {
  set.seed(1)
  p <- uniform_points(150)
  own <- p[p$type == "A", ]
  d <- as.vector(stats::dist(own[c("x", "y")]))
  h <- stats::bw.nrd0(d)
  at <- c(0, .1, .4)
  k <- vapply(at, function(a) mean(stats::dnorm(a, d, h) + stats::dnorm(-a, d, h)), 0)
  expect_equal(plain("x", "y", "type", distance = at, data = p, reference = "A"), k, tolerance = 1e-9)
  all <- as.matrix(stats::dist(p[c("x", "y")]))
  diag(all) <- Inf
  case <- p$type == "A"
  m <- vapply(c(.05, .3), function(r) {
    near <- (all[case, ] <= r) * rep(p$w, each = sum(case))
    used <- rowSums(near) > 0
    sum((rowSums(near[, case]) / rowSums(near))[used]) / sum(((sum(p$w[case]) - p$w[case]) / (sum(p$w) - p$w[case]))[used])
  }, 0)
  expect_equal(plain("x", "y", "type", "w", c(.05, .3), "m", data = p, reference = "A"), m, tolerance = 1e-9)
})

test_that("K between two types is over the pairs across", {
  set.seed(11)
  p <- uniform_points(120)
  a <- p[p$type == "A", ]
  b <- p[p$type == "B", ]
  d <- as.vector(sqrt(outer(a$x, b$x, `-`)^2 + outer(a$y, b$y, `-`)^2))
  w <- as.vector(outer(a$w, b$w))
  at <- c(0, .1, .4, .8)
  kernel <- function(w, h) vapply(at, function(u) stats::weighted.mean(stats::dnorm(u, d, h) + stats::dnorm(-u, d, h), w), 0)
  x <- colocation("x", "y", "type", distance = at, bands = "none", data = p, reference = "A", neighbours = c("A", "B"))
  expect_equal(x$types$bandwidth[2], stats::bw.nrd0(d), tolerance = 1e-12)
  expect_equal(x$values$estimate[5:8], kernel(rep(1, length(d)), stats::bw.nrd0(d)), tolerance = 1e-8)
  own <- colocation("x", "y", "type", distance = at, bands = "none", data = p, reference = "A")$values$estimate
  expect_equal(x$values$estimate[1:4], own)
  y <- colocation("x", "y", "type", "w", at, bands = "none", data = p, reference = "A", neighbours = "B", bandwidth = .1)
  expect_equal(y$values$estimate, kernel(w, .1), tolerance = 1e-8)
  # the same from either side; a type of one firm has pairs with another
  z <- colocation("x", "y", "type", "w", at, bands = "none", data = p, reference = "B", neighbours = "A", bandwidth = .1)
  expect_equal(z$values$estimate, y$values$estimate, tolerance = 1e-8)
  p$type[p$type == "C"] <- "B"
  p$type[1] <- "lone"
  one <- colocation("x", "y", "type", distance = at, bands = "none", data = p, reference = "lone", neighbours = "B")
  expect_false(anyNA(one$values$estimate))
})

test_that("types put at random are not co-located, a type put around another is", {
  set.seed(12)
  p <- data.frame(x = stats::runif(200), y = stats::runif(200), type = rep(c("A", "B", "C", "D"), c(30, 30, 70, 70)))
  near <- p$type == "B"
  p$x[near] <- p$x[1:30] + stats::rnorm(30, 0, .01)
  p$y[near] <- p$y[1:30] + stats::rnorm(30, 0, .01)
  x <- colocation("x", "y", "type", distance = seq(0, .3, .02), data = p, reference = "A", neighbours = c("B", "C"),
                  draws = 199)
  expect_identical(x$bands, "simulation")
  expect_identical(x$types$localised, c(TRUE, FALSE))
  inside <- x$values[x$values$neighbour == "C", ]
  expect_true(all(abs(inside$estimate - inside$expected) < 4 * (inside$upper - inside$lower)))
})

test_that("analytic moments are those of all subsets", {
  set.seed(2)
  n <- 9
  x <- stats::runif(n)
  y <- stats::runif(n)
  at <- c(0, .1, .3, .6)
  for (size in c(2, 4, 8)) {
    k <- utils::combn(n, size, function(s) {
      d <- as.vector(stats::dist(cbind(x, y)[s, ]))
      vapply(at, function(a) mean(stats::dnorm(a, d, .13) + stats::dnorm(a, -d, .13)), 0)
    })
    b <- colocation(x, y, rep(1:2, c(size, n - size)), distance = at, bandwidth = .13, reference = 1)$values
    expect_equal(b$expected, rowMeans(k), tolerance = 1e-7)
    expect_equal(b$std.error, sqrt(rowMeans((k - rowMeans(k))^2)), tolerance = 1e-6)
  }
})

test_that("analytic and simulated bands agree", {
  set.seed(3)
  p <- uniform_points(400, 8)
  bands <- function(kind) {
    colocation("x", "y", "type", distance = c(.2, .4), data = p, reference = "A", bandwidth = .05, bands = kind)$values
  }
  a <- bands("analytic")
  s <- bands("simulation")
  for (column in c("expected", "lower", "upper", "lower_global", "upper_global")) {
    expect_equal(a[[column]], s[[column]], tolerance = 0.05)
  }
  expect_true(all(a$upper_global > a$upper & a$lower_global < a$lower))
})

test_that("a cluster is localised, and bands keep their level", {
  set.seed(4)
  p <- uniform_points(500)
  close <- p$x < .3 & p$y < .3
  p$type[close] <- "A"
  at <- seq(0, .4, .05)
  for (kind in c("analytic", "simulation")) {
    x <- colocation("x", "y", "type", distance = at, data = p, bands = kind, draws = 200)
    expect_true(x$types$localised[x$types$type == "A"])
    expect_false(x$types$dispersed[x$types$type == "A"])
    expect_gt(x$values$localisation[x$values$type == "A"][2], 0)
  }
  m <- colocation("x", "y", "type", "w", at[-1], "m", data = p, draws = 100)
  expect_true(m$types$localised[m$types$type == "A"])
  expect_equal(m$values$expected, rep(1, nrow(m$values)), tolerance = 0.1)
  found <- vapply(1:40, function(k) {
    p$type <- sample(p$type)
    colocation("x", "y", "type", distance = at, data = p, reference = "B")$types$localised
  }, NA)
  expect_lt(mean(found), 0.2)
})

test_that("points, rows, units, threads and copies", {
  set.seed(5)
  p <- uniform_points(300)
  at <- c(.05, .1, .3)
  for (statistic in c("kd", "m")) {
    a <- plain("x", "y", "type", "w", at, statistic, data = p, reference = "A")
    q <- p[sample(nrow(p)), ]
    expect_equal(plain("x", "y", "type", "w", at, statistic, data = q, reference = "A"), a, tolerance = 1e-9)
    q <- transform(p, x = 1000 * x + 5000, y = 1000 * y - 3000, w = 7 * w)
    unit <- if (statistic == "kd") 1000 else 1
    expect_equal(unit * plain("x", "y", "type", "w", 1000 * at, statistic, data = q, reference = "A"), a, tolerance = 1e-8)
  }
  run <- function(threads) {
    set.seed(6)
    colocation("x", "y", "type", "w", at, "m", data = p, draws = 20, control = migration_control(threads = threads))$values
  }
  expect_identical(run(1), run(2))
})

test_that("coincident points count, weights of 0 are dropped", {
  d <- data.frame(x = c(0, 0, 1, 1), y = 0, type = c("A", "A", "B", "B"))
  expect_equal(plain("x", "y", "type", distance = c(0, 2), statistic = "m", data = d, reference = "A"), c(3, 1))
  x <- colocation("x", "y", "type", distance = 0:1, data = d, bands = "none")
  expect_equal(x$types$reason, rep("its distances are all the same: give `bandwidth`", 2))
  y <- colocation("x", "y", "type", distance = c(0, 1), data = d, bands = "analytic", bandwidth = .1)
  expect_equal(y$values$estimate[c(1, 3)], rep(2 * stats::dnorm(0) / .1, 2), tolerance = 1e-9)
  w <- transform(rbind(six(), data.frame(x = 0, y = .5, type = "A", w = 0)))
  expect_message(z <- colocation("x", "y", "type", "w", 1, "m", "none", data = w), class = "firmmove_message_dropped")
  expect_equal(z$dropped, 1)
  expect_equal(z$values$estimate[1], 1.347593583, tolerance = 1e-9)
})

test_that("more than 46,340 points are no more than others", {
  set.seed(7)
  n <- 50000
  p <- data.frame(x = stats::runif(n), y = stats::runif(n), type = rep(c("A", "B"), c(100, n - 100)))
  x <- colocation("x", "y", "type", distance = c(.01, .02), statistic = "m", data = p, bands = "none", reference = "A")
  near <- vapply(1:100, function(i) {
    d <- sqrt((p$x - p$x[i])^2 + (p$y - p$y[i])^2)
    d[i] <- Inf
    c(sum(d[1:100] <= .02), sum(d <= .02))
  }, numeric(2))
  expect_equal(x$values$estimate[2], sum(near[1, ] / near[2, ]) / (100 * 99 / (n - 1)), tolerance = 1e-12)
})

test_that("default distances end at the median, from a histogram too", {
  set.seed(8)
  p <- uniform_points(200)
  x <- colocation("x", "y", "type", data = p, bands = "none")
  expect_equal(max(x$values$distance), stats::median(stats::dist(p[c("x", "y")])), tolerance = 1e-12)
  q <- uniform_points(3000)
  d <- stats::dist(q[c("x", "y")])
  found <- distance_quantiles(q$x, q$y, c(.25, .5), 2L)
  expect_equal(found$quantile, stats::quantile(d, c(.25, .5), names = FALSE), tolerance = 1e-4)
  expect_equal(found$sd, stats::sd(d), tolerance = 1e-4)
})

test_that("sf points bring their unit, degrees are taken for degrees", {
  skip_if_not_installed("sf")
  d <- six()
  points <- sf::st_as_sf(d, coords = c("x", "y"), crs = 32650)
  x <- colocation(points, type = "type", weight = "w", distance = 1, statistic = "m", bands = "none")
  expect_equal(x$values$estimate[1], 1.347593583, tolerance = 1e-9)
  expect_equal(x$unit, "metre")
  expect_snapshot(error = TRUE, {
    colocation(sf::st_as_sf(d, coords = c("x", "y"), crs = 4326), type = "type")
    colocation(sf::st_buffer(points, 1), type = "type")
  })
})

test_that("errors and prints", {
  d <- six()
  expect_snapshot(error = TRUE, {
    colocation(d$x, d$y[-1], d$type)
    colocation(c(NA, 1), c(1, 2), 1:2)
    colocation(d$x, d$y, d$type[-1])
    colocation(d$x, d$y, d$type, -d$w)
    colocation("x", "y", "typ", data = d)
    colocation(d$x, d$y, d$type, d$w, bands = "analytic")
    colocation(d$x, d$y, d$type, distance = c(2, 1))
    colocation(d$x, d$y, d$type, reference = "C")
    colocation(d$x, d$y, d$type, neighbours = "A", bands = "analytic")
    colocation(d$x, d$y, d$type, bandwidth = 0)
    colocation(d$x, d$y, d$type, conf.level = 95)
    colocation(rep(1, 4), rep(1, 4), c(1, 1, 2, 2))
    colocation(1:3, 1:3, c(1, 1, 2), distance = 1, bandwidth = 1, bands = "analytic")
    colocation(1, 1, 1)
  })
  expect_snapshot(print(colocation(d$x, d$y, d$type, distance = 1:2, bands = "none", unit = "km")))
  expect_snapshot(print(colocation(d$x, d$y, d$type, distance = 1:2, statistic = "m", bands = "none", neighbours = "A")))
})

test_that("a type of one point, or all at one place, is a row with a reason", {
  set.seed(1)
  x <- runif(50)
  y <- runif(50)
  z <- colocation(x, y, c("z", rep(c("a", "b"), length.out = 49)))
  expect_identical(z$types$reason, c("fewer than two points", NA, NA))
  expect_true(all(is.na(z$values$std.error[z$values$type == "z"])))
  expect_true(all(is.finite(z$values$upper[z$values$type != "z"])))
  one <- rep(1, 50)
  z <- colocation(c(one, x), c(one, y), rep(c("a", "b"), each = 50), distance = c(0, .1, .2, .3))
  expect_match(z$types$reason[1], "distances are all the same")
})

test_that("the null of M moves types with their weights, and finds what labelling does not", {
  # half of the plants of A, whose sizes are far apart, in one disc
  found <- vapply(1:12, function(i) {
    set.seed(i)
    n <- 300
    x <- runif(n)
    y <- runif(n)
    x[1:15] <- pmin(pmax(.5 + rnorm(15, 0, .08), 0), 1)
    y[1:15] <- pmin(pmax(.5 + rnorm(15, 0, .08), 0), 1)
    w <- c(rexp(30)^3 * 30 + 1, rep(1, 270))
    above <- function(null) {
      z <- colocation(x, y, rep(c("A", "B"), c(30, 270)), weight = w, distance = c(.05, .1), statistic = "m",
        draws = 99, reference = "A", null = null, seed = 1
      )
      z$values$estimate[2] > z$values$upper[2]
    }
    c(above("location"), above("labelling"))
  }, logical(2))
  expect_gt(mean(found[1, ]), 0.5)
  expect_lt(mean(found[2, ]), 0.2)
})

test_that("draws of M are those of moved types and weights, and a seed repeats them", {
  set.seed(4)
  n <- 60
  x <- runif(n)
  y <- runif(n)
  type <- rep(c("a", "b"), c(20, 40))
  w <- rexp(n)
  again <- function(null, ...) {
    colocation(x, y, type, weight = w, distance = .3, statistic = "m", draws = 4, null = null, seed = 7, ...)$values
  }
  expect_identical(again("location"), again("location"))
  set.seed(7, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
  place <- vapply(1:4, function(b) sample.int(n), integer(n))
  m <- apply(place, 2, function(p) {
    moved_w <- replace(w, p, w)
    moved_type <- replace(type, p, type)
    colocation(x, y, moved_type, weight = moved_w, distance = .3, statistic = "m", bands = "none", reference = "a")$values$estimate
  })
  expect_equal(again("location")$expected[1], mean(m), tolerance = 1e-12)
  apart <- again("independence", reference = "a", neighbours = "b")
  expect_true(all(is.finite(apart$upper)))
  expect_error(again("independence"), class = "firmmove_error_argument")
})

test_that("K of weighted points: weights move with the type, or stay at the sites", {
  set.seed(5)
  x <- runif(80)
  y <- runif(80)
  type <- rep(c("a", "b"), 40)
  w <- c(rep(1, 79), 100)
  k <- function(null) {
    colocation(x, y, type, weight = w, distance = c(.1, .3), draws = 50, reference = "a", null = null, seed = 2)$values
  }
  # the one large plant is of type b: its size is in draws of labels, and not where sizes move along
  expect_gt(max(abs(k("labelling")$upper / k("location")$upper - 1)), 0.05)
})

test_that("degrees by the names of columns are distances on the earth", {
  d <- data.frame(lon = c(120, 121, 120.5), lat = c(28, 28, 28.4), kind = "a")
  expect_message(z <- colocation("lon", "lat", "kind", data = d, distance = c(0, 50), bands = "none"),
    class = "firmmove_message_degrees"
  )
  expect_identical(z$unit, "km")
  flat <- suppressMessages(flatten_degrees(d$lon, d$lat))
  expect_equal(sqrt(diff(flat$x[1:2])^2 + diff(flat$y[1:2])^2), 98.18, tolerance = 1e-3)
})
