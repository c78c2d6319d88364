test_that("two places: every fixed point of the closed form, with its stability", {
  for (delta in c(1, 3, 5)) {
    for (gap in c(0, -0.2, 0.4)) {
      fit <- two_place_fit(gap, delta, c(x = 0.9, y = 0.06))
      found <- equilibria(fit, "x", starts = 2, delta = NULL)
      at_a <- found[found$place == "a", ]
      m <- rev(two_place_roots(gap, delta))
      expect_equal(at_a$share, (1 + m) / 2, tolerance = 1e-9)
      slope <- delta / 2 * (1 - m^2)
      expect_equal(at_a$spectral_radius, slope, tolerance = 1e-7)
      expect_identical(at_a$stable, slope < 1)
      expect_identical(sum(at_a$current), 1L)
    }
  }
})

test_that("along delta equilibria appear where the closed form has its fold", {
  gap <- -0.2
  fit <- two_place_fit(gap, 3, c(x = 0.9, y = 0.06))
  found <- equilibria(fit, "x", starts = 2)
  # two roots meet where delta (1 - m^2) / 2 = 1 and m = tanh((gap + delta m) / 2)
  fold <- uniroot(function(d) gap + d * sqrt(1 - 2 / d) - 2 * atanh(sqrt(1 - 2 / d)), c(2.01, 4), tol = 1e-12)$root
  tipping <- attr(found, "tipping")
  expect_equal(tipping$delta, fold, tolerance = 1e-4)
  expect_identical(c(tipping$below, tipping$above), c(1L, 3L))
  map <- attr(found, "map")
  expect_true(all(map$delta >= 0 & map$delta <= 4.5))
  for (delta in c(1.5, 4.5)) {
    rows <- map[abs(map$delta - delta) < 1e-9 & map$place == "a", ]
    expect_equal(rows$share, rev(1 + two_place_roots(gap, delta)) / 2, tolerance = 1e-8)
  }
  expect_snapshot(print(found))
  skip_if_not_installed("ggplot2")
  expect_s3_class(ggplot2::autoplot(found), "ggplot")
  expect_snapshot(error = TRUE, ggplot2::autoplot(equilibria(fit, "x", starts = 2, delta = NULL)))
})

test_that("the firms that tip a group are the unstable equilibrium of the closed form", {
  fit <- two_place_fit(-0.2, 3, c(x = 0.9, y = 0.06))
  m <- two_place_roots(-0.2, 3)
  found <- tipping(fit, "a", group = "x")
  expect_identical(found$direction, c("in", "out"))
  expect_identical(is.na(found$threshold), c(TRUE, FALSE))
  expect_equal(found$threshold[2], (1 + m[2]) / 2, tolerance = 1e-6)
  expect_equal(found$share_after[2], (1 + m[1]) / 2, tolerance = 1e-9)
  expect_equal(found$firms[2], 200 * (m[3] - m[2]) / 2, tolerance = 1e-5)
  expect_equal(unname(attr(found, "after")[, "out"]), (1 + c(1, -1) * m[1]) / 2, tolerance = 1e-9)
  down <- tipping(fit, "a", group = "y")
  expect_equal(down$threshold, c((1 + m[2]) / 2, NA), tolerance = 1e-6)
  expect_equal(tipping(fit, "a", group = "x", to = "b"), found)
  expect_snapshot(print(found))
})

test_that("the attribute that tips a group is the fold of the closed form", {
  fit <- two_place_fit(-0.2, 3, c(x = 0.9, y = 0.06))
  found <- tipping(fit, "a", "charm", group = "x", range = c(-2, 2))
  m <- sqrt(1 - 2 / 3)
  fold <- 2 * atanh(m) - 3 * m
  expect_equal(found$threshold, c(NA, fold), tolerance = 1e-5)
  expect_equal(found$change[2], fold + 0.2, tolerance = 1e-4)
  expect_equal(found$share_before[2], (1 + m) / 2, tolerance = 0.01)
  expect_equal(found$share_after[2], (1 + two_place_roots(fold - 1e-6, 3)[1]) / 2, tolerance = 1e-4)
  up <- tipping(fit, "a", "charm", group = "y", range = c(-2, 2))
  expect_equal(up$threshold, c(-fold, NA), tolerance = 1e-5)
  expect_snapshot(print(found))
})

test_that("long data tip at the same values", {
  places <- data.frame(place = c("a", "b"), charm = c(-0.2, 0))
  firms <- data.frame(id = 1:60, kin = rep(c("x", "y"), each = 30), to = rep(c("a", "b", "a", "b"), c(27, 3, 2, 28)))
  long <- merge(firms, places)
  long$chosen <- as.integer(long$to == long$place)
  data <- choice_data(long, "chosen", "id", "place")
  fit <- suppressWarnings(fit_migration(~charm, data, chain(kin),
    control = migration_control(fixed = c(charm = 1, "chain(kin)" = 3))
  ))
  m <- two_place_roots(-0.2, 3)
  expect_equal(tipping(fit, "a", group = "x")$threshold[2], (1 + m[2]) / 2, tolerance = 1e-6)
  fold <- 2 * atanh(sqrt(1 / 3)) - 3 * sqrt(1 / 3)
  expect_equal(tipping(fit, "a", "charm", group = "x", range = c(-2, 2))$threshold[2], fold, tolerance = 1e-5)
})

test_that("the bundled data: an environment that drives Wenzhou's lamp makers out at once", {
  data <- wenzhou_guzhen()
  fit <- fit_migration(
    ~ push(environment) + push(technology) + pull(creativity) + log(distance) + keep(log(size)), data,
    model = chain(native)
  )
  found <- tipping(fit, "Wenzhou", "environment", group = "Wenzhou", time = 1999)
  down <- found[found$direction == "down", ]
  expect_lt(down$threshold, down$value)
  expect_gt(down$firms, 100)
  # just below the threshold there is one equilibrium less than just above
  at <- function(value) {
    changed <- data
    changed$places$environment[changed$places$place == "Wenzhou" & changed$places$year == 1999] <- value
    equilibria(fit, "Wenzhou", 1999, newdata = changed, starts = 5, delta = NULL)
  }
  above <- at(down$threshold + 0.02)
  below <- at(down$threshold - 0.02)
  count <- function(found) max(found$equilibrium)
  expect_identical(count(above) - count(below), 2L)
  expect_equal(max(below$share[below$place == "Wenzhou"]), down$share_after, tolerance = 0.05)
  all <- equilibria(fit, "Wenzhou", starts = 2, delta = NULL)
  expect_identical(length(unique(all$time)), 17L)
})

test_that("wrong arguments are named", {
  fit <- two_place_fit(-0.2, 3, c(x = 0.9, y = 0.06))
  expect_snapshot(error = TRUE, equilibria(1))
  expect_snapshot(error = TRUE, tipping("a"))
  expect_snapshot(error = TRUE, equilibria(fit, group = "z"))
  expect_snapshot(error = TRUE, equilibria(fit, time = 1990))
  expect_snapshot(error = TRUE, tipping(fit, "c", group = "x"))
  expect_snapshot(error = TRUE, tipping(fit, "a", group = c("x", "y")))
  expect_snapshot(error = TRUE, tipping(fit, "a", "charms", group = "x"))
  expect_snapshot(error = TRUE, tipping(fit, "a", "charm", group = "x", range = c(0, 1)))
  lagged <- fit_migration(~ log(distance), wenzhou_guzhen(), chain(kin, "lagged"))
  expect_snapshot(error = TRUE, equilibria(lagged))
})
