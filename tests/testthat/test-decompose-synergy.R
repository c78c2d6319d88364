ten_firms <- function() {
  data.frame(
    g = rep(c("W", "G"), c(4, 6)), t = strsplit("hhmlllmhlm", "")[[1]], s = strsplit("SLSSLLSSSL", "")[[1]],
    sub = c("w1", "w1", "w2", "w2", "g1", "g1", "g2", "g2", "g1", "g2")
  )
}

total <- function(...) innovation_synergy(...)$total$synergy

test_that("known tables have their synergy", {
  x <- expand.grid(a = 0:1, b = 0:1)
  x$xor <- (x$a + x$b) %% 2
  x$and <- x$a * x$b
  expect_equal(total(x, c("a", "b", "xor")), -1, tolerance = 1e-12)
  expect_equal(total(x, c("a", "b", "and")), -.1887218755, tolerance = 1e-9)
  expect_equal(total(data.frame(a = 0:1, b = 0:1, c = 0:1), c("a", "b", "c")), 1, tolerance = 1e-12)
  expect_equal(total(expand.grid(a = 0:1, b = 0:2, c = 0:3), c("a", "b", "c")), 0, tolerance = 1e-12)
})

test_that("entropies and the split over regions are those of ten firms", {
  x <- innovation_synergy(ten_firms(), c("g", "t", "s"))
  expect_equal(x$entropies$entropy, c(.9709505945, 1.5709505945, 2.446439345, .9709505945, 1.895461844, 2.521928095, 3.121928095),
               tolerance = 1e-9)
  expect_equal(x$total$synergy, -.2290494055, tolerance = 1e-9)
  y <- innovation_synergy(ten_firms(), c("sub", "t", "s"), region = "g")
  expect_equal(y$total$synergy, -.05551565619, tolerance = 1e-9)
  regions <- y$regions
  expect_equal(regions$synergy[match(c("G", "W"), regions$region)], c(.08170416595, .31127812446), tolerance = 1e-9)
  expect_equal(sum(regions$contribution[1:2]), .1735337494, tolerance = 1e-9)
  expect_equal(regions$contribution[3], -.2290494055, tolerance = 1e-9)
  expect_lt(y$residual, 1e-12)
})

test_that("what is between nested regions is the synergy of the regions", {
  set.seed(1)
  for (k in 1:20) {
    d <- data.frame(sub = sample(9, 200, TRUE), t = sample(4, 200, TRUE), s = sample(3, 200, TRUE))
    d$g <- (d$sub - 1) %/% 3
    x <- innovation_synergy(d, c("sub", "t", "s"), "g")
    expect_equal(x$regions$contribution[x$regions$component == "between"], total(d, c("g", "t", "s")), tolerance = 1e-10)
    expect_equal(sum(x$regions$contribution), x$total$synergy, tolerance = 1e-12)
    expect_equal(sum(x$regions$contribution_corrected), x$total$corrected, tolerance = 1e-12)
  }
})

test_that("the correction is Miller and Madow's", {
  x <- innovation_synergy(ten_firms(), c("t", "s"))
  mm <- x$entropies$entropy + (c(3, 2, 6) - 1) / (20 * log(2))
  expect_equal(x$entropies$corrected, mm, tolerance = 1e-12)
  expect_equal(x$total$corrected, mm[1] + mm[2] - mm[3], tolerance = 1e-12)
})

test_that("two and four dimensions", {
  d <- ten_firms()
  x <- innovation_synergy(d, c("t", "s"))$entropies$entropy
  expect_equal(total(d, c("t", "s")), x[1] + x[2] - x[3], tolerance = 1e-12)
  four <- innovation_synergy(d, c("g", "t", "s", "sub"))
  sign <- c(1, -1, 1, -1)[four$entropies$order]
  expect_equal(four$total$synergy, sum(sign * four$entropies$entropy), tolerance = 1e-12)
})

test_that("rows, names, weights and periods", {
  d <- ten_firms()
  set.seed(2)
  expect_equal(total(d[sample(10), ], c("g", "t", "s")), total(d, c("g", "t", "s")), tolerance = 1e-12)
  counted <- stats::aggregate(n ~ g + t + s, transform(d, n = 1), sum)
  expect_equal(innovation_synergy(counted, c("g", "t", "s"), weight = "n")$total,
               innovation_synergy(d, c("g", "t", "s"))$total, tolerance = 1e-12)
  both <- rbind(transform(d, year = 2), transform(d, year = 1, s = "S"))
  x <- innovation_synergy(both, c("sub", "t", "s"), "g", time = "year")
  expect_equal(x$total$time, 1:2)
  expect_equal(x$total$synergy[2], -.05551565619, tolerance = 1e-9)
  expect_lt(x$residual, 1e-12)
  one <- innovation_synergy(transform(d, g = "all"), c("sub", "t", "s"), "g")
  expect_equal(one$regions$contribution, c(one$total$synergy, 0), tolerance = 1e-12)
})

test_that("permutations keep their level, and find dependence", {
  set.seed(5)
  d <- data.frame(r = sample(4, 300, TRUE), t = sample(4, 300, TRUE))
  d$s <- (d$r + d$t) %% 4
  d$g <- d$r > 2
  x <- innovation_synergy(d, c("r", "t", "s"), "g", permutations = 99)
  expect_lt(x$total$p.value, 0.03)
  expect_lt(x$total$synergy, x$total$null_mean - 3 * x$total$null_sd)
  p <- vapply(1:60, function(k) {
    e <- data.frame(r = sample(3, 60, TRUE), t = sample(3, 60, TRUE), s = sample(2, 60, TRUE))
    innovation_synergy(e, c("r", "t", "s"), permutations = 49)$total$p.value
  }, 0)
  expect_gt(mean(p < 0.5), 0.3)
  expect_lt(mean(p < 0.5), 0.7)
  set.seed(6)
  a <- innovation_synergy(d, c("r", "t", "s"), "g", permutations = 20, control = migration_control(threads = 1))
  set.seed(6)
  b <- innovation_synergy(d, c("r", "t", "s"), "g", permutations = 20, control = migration_control(threads = 2))
  expect_identical(a$regions, b$regions)
  counted <- stats::aggregate(n ~ g + r + t + s, transform(d, n = 1), sum)
  expect_equal(innovation_synergy(counted, c("r", "t", "s"), "g", weight = "n", permutations = 5)$total$n, 300)
})

test_that("errors and prints", {
  d <- transform(ten_firms(), w = c(-1, rep(1, 9)), half = 0.5, size = c(NA, 1:9))
  expect_snapshot(error = TRUE, {
    innovation_synergy(d, "t")
    innovation_synergy(d, c("t", "z"))
    innovation_synergy(d, c("t", "half"))
    innovation_synergy(d, c("t", "size"))
    innovation_synergy(d, c("t", "s"), weight = "w")
    innovation_synergy(d, c("t", "s"), weight = "half", permutations = 9)
    innovation_synergy(d, c("t", "s"), permutations = -1)
    innovation_synergy(d[0, ], c("t", "s"))
  })
  wide <- as.data.frame(matrix(1:3000, 3000, 4))
  expect_snapshot(error = TRUE, innovation_synergy(wide, names(wide)))
  expect_snapshot(print(innovation_synergy(ten_firms(), c("sub", "t", "s"), "g")))
})
