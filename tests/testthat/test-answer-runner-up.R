lamps <- wenzhou_guzhen(1996:2003)
fit <- fit_migration(~ push(land_price) + pull(creativity) + log(distance), lamps)
p <- predict(fit)

test_that("the runner-up is the likeliest place but origin and winner", {
  x <- runner_up(fit, n = 2)
  first <- x$events[x$events$rank == 1L, ]
  moves <- which(lamps$firms$from != lamps$firms$to)
  expect_equal(first$event, moves)
  for (k in c(1L, 50L, length(moves))) {
    row <- p[as.character(moves[k]), ]
    others <- sort(row[setdiff(names(row), c(first$origin[k], first$winner[k]))], decreasing = TRUE)
    expect_equal(x$events$runner_up[x$events$event == moves[k]], names(others)[1:2])
    expect_equal(first$p_winner[k], row[[first$winner[k]]], tolerance = 1e-12)
    expect_equal(first$p_runner_up[k], others[[1L]], tolerance = 1e-12)
  }
  all <- runner_up(fit, weights = TRUE)$events
  expect_equal(as.vector(tapply(all$weight, all$event, sum)), rep(1, length(moves)), tolerance = 1e-10)
  k <- which(all$event == moves[1L])
  expect_equal(all$weight[k] * (1 - all$p_winner[k] - unname(p[as.character(moves[1L]), all$origin[k]])), all$p_runner_up[k], tolerance = 1e-10)
})

test_that("arrivals are recentred by what the fit expects", {
  x <- runner_up(fit)$arrivals
  flows <- as.data.frame(predict(fit, type = "flows"))
  expected <- tapply(flows$flow[!is.na(flows$from) & flows$from != flows$to], flows$to[!is.na(flows$from) & flows$from != flows$to], sum)
  expect_equal(as.vector(tapply(x$expected, x$place, sum)[names(expected)]), as.vector(expected), tolerance = 1e-8)
  expect_equal(sum(x$arrivals), sum(lamps$firms$from != lamps$firms$to, na.rm = TRUE))
  expect_equal(x$recentred, x$arrivals - x$expected)
})

test_that("incumbents are those that were there before, and their difference is a difference of means", {
  near <- runner_up(fit, events = lamps$firms$year == 2000, window = 2)
  x <- incumbents(near, lamps, "productivity")
  one <- x$panel[x$panel$case == x$panel$case[1L], ]
  firms <- lamps$firms
  place <- one$place[one$side == 1L][1L]
  expect_setequal(unique(one$firm[one$side == 1L]), firms$firm[firms$year == 1999 & firms$to %in% place])
  expect_equal(range(one$event_time), c(-2, 2))
  now <- x$panel[x$panel$event_time == 1L, ]
  before <- x$panel[x$panel$event_time == -1L, ]
  key <- function(t) paste(t$case, t$side, t$firm)
  now$change <- now$performance - before$performance[match(key(now), key(before))]
  means <- tapply(now$change, list(now$case, now$side), mean)
  weight <- now$weight[match(rownames(means), now$case)]
  fine <- complete.cases(means)
  expect_equal(x$difference$estimate[x$difference$event_time %in% 1L], weighted.mean((means[, 2L] - means[, 1L])[fine], weight[fine]),
    tolerance = 1e-10)
  expect_true(all(x$panel$treated == (x$panel$side == 1L & x$panel$event_time >= 0L)))
  expect_true(all(is.finite(x$difference$std.error)))
})

test_that("a placebo compares the runner-up with the next", {
  near <- runner_up(fit, n = 2)
  x <- incumbents(near, lamps, "productivity", against = "runner_up")
  expect_s3_class(x, "incumbents")
  expect_error(incumbents(runner_up(fit), lamps, "productivity", against = "runner_up"), "n = 2", class = "firmmove_error_argument")
})

test_that("bad input is named", {
  expect_error(runner_up(1), "must be a fit")
  expect_error(runner_up(fit, events = 0), "`events` must be rows", class = "firmmove_error_argument")
  expect_error(runner_up(fit, events = which(lamps$firms$from == lamps$firms$to)), "no move", class = "firmmove_error_no_movers")
  expect_error(runner_up(fit, n = 16), "no runner-up number 16", class = "firmmove_error_argument")
  expect_error(runner_up(fit, size = "job"), "jobs")
  expect_error(incumbents(1, lamps, "productivity"), "runner_up", class = "firmmove_error_type")
  sized <- runner_up(fit, size = "size")$events
  expect_equal(sized$size, lamps$firms$size[sized$event])
})
