lamps <- wenzhou_guzhen()

test_that("the bundled data give the figures of didimputation 0.5.1", {
  x <- move_events(lamps, "productivity")
  at <- x$effects$event_time %in% 0:2
  expect_equal(x$effects$estimate[at], c(.2624372449, .2453844023, .2305963976), tolerance = 1e-9)
  expect_equal(x$effects$std.error[at], c(.01391788224, .01781983218, .02136136012), tolerance = 1e-9)
  expect_equal(x$set$rows[x$set$what == "used"], 16597)
  expect_equal(x$set$firms[x$set$what %in% c("used", "movers", "no period before")], c(1450, 434, 43))
  expect_equal(sqrt(diag(vcov(x))), setNames(x$effects$std.error[x$effects$event_time >= 0], paste0("t", 0:5)))
  expect_match(x$notes$note, "43 firms moved in the first period", all = FALSE)
})

test_that("estimates and errors are those of algebra over all rows", {
  set.seed(1)
  data <- data.frame(firm = rep(1:40, each = 6), time = rep(1:6, 40))
  when <- rep(sample(c(3:5, NA), 40, TRUE), each = 6)
  data$place <- ifelse(!is.na(when) & data$time >= when, "b", "a")
  data$z <- rnorm(nrow(data))
  data$w <- runif(nrow(data))
  data$y <- rnorm(nrow(data)) + data$time
  x <- move_events(data, "y", "firm", "place", "time", horizon = 0:2, leads = 2, controls = ~z, weight = "w")
  after <- data$place == "b"
  fit <- lm(y ~ factor(firm) + factor(time) + z, data, subset = !after)
  tau <- data$y - predict(fit, data)
  keep <- which(after & data$time - when == 1)
  expect_equal(x$effects$estimate[x$effects$event_time == 1], weighted.mean(tau[keep], data$w[keep]), tolerance = 1e-10)
  # the weights of the estimator, and its error
  X <- model.matrix(~ factor(firm) + factor(time) + z, data)
  v1 <- data$w[keep] / sum(data$w[keep])
  v <- numeric(nrow(data))
  v[!after] <- -X[!after, ] %*% solve(crossprod(X[!after, ]), crossprod(X[keep, ], v1))
  v[keep] <- v1
  r <- tau
  means <- ave(seq_along(keep), when[keep], FUN = function(i) sum(v1[i]^2 * tau[keep][i]) / sum(v1[i]^2))
  r[keep] <- tau[keep] - means
  error <- sqrt(sum(rowsum(v * r, data$firm)^2))
  expect_equal(x$effects$std.error[x$effects$event_time == 1], error, tolerance = 1e-10)
  expect_equal(sum(v * data$y), x$effects$estimate[x$effects$event_time == 1], tolerance = 1e-10)
})

test_that("leads and the gap are regressions clustered by firm", {
  study <- as_event_study(lamps)
  before <- study[is.na(study$event_time) | study$event_time < 0, ]
  before <- before[before$unit %in% before$unit[duplicated(before$unit)], ]
  for (k in 1:4) before[[paste0("l", k)]] <- as.numeric(before$event_time %in% -k)
  x <- move_events(lamps, "productivity")
  skip_if_not_installed("fixest")
  fit <- fixest::feols(productivity ~ l4 + l3 + l2 + l1 | unit + period, before, cluster = ~unit, ssc = fixest::ssc(K.fixef = "nested"))
  expect_equal(x$effects$estimate[1:4], unname(coef(fit)), tolerance = 1e-7)
  expect_equal(x$effects$std.error[1:4], as.vector(fixest::se(fit)), tolerance = 1e-3)
})

test_that("the same bits for row order, names and a store; additions to performance change nothing", {
  data <- lamps$firms[!is.na(lamps$firms$to), ]
  whole <- function(data, ...) {
    x <- move_events(data, "productivity", "firm", "to", "year", ...)
    list(x$effects, x$overall, x$symmetry)
  }
  x <- whole(data)
  set.seed(1)
  mixed <- data[sample(nrow(data)), ]
  expect_identical(whole(mixed), x)
  mixed$firm <- match(mixed$firm, sample(unique(mixed$firm)))
  mixed$to <- paste0(substr(mixed$to, 4, 4), mixed$to)
  expect_identical(whole(mixed), x)
  more <- whole(transform(data, productivity = productivity + 100))
  expect_equal(more, x, tolerance = 1e-10)
  path <- tempfile()
  on.exit(unlink(path, recursive = TRUE))
  write_store(lamps, path)
  expect_identical(move_events(open_store(path), "productivity")$effects, move_events(lamps, "productivity")$effects)
})

test_that("the gap finds the share of the place", {
  set.seed(2)
  firms <- 800
  psi <- seq(0, 1, length.out = 6)
  place <- matrix(sample(6, firms, TRUE), firms, 8)
  moves <- sample(c(4:6, NA), firms, TRUE)
  for (i in which(!is.na(moves))) place[i, moves[i]:8] <- sample(6, 1)
  quality <- psi[place[, 1]] * 1 + rnorm(firms, sd = 0.3) # half of the gap is who is there
  data <- data.frame(firm = rep(seq_len(firms), 8), time = rep(1:8, each = firms), place = as.vector(place))
  data$y <- psi[data$place] + rep(quality, 8) + rnorm(nrow(data), sd = 0.2)
  x <- move_events(data, "y", "firm", "place", "time", method = "gap", horizon = 0:2, leads = 3)
  expect_equal(x$overall$estimate, 0.5, tolerance = 0.1)
  expect_lt(x$overall$std.error, 0.05)
  expect_equal(x$effects$estimate[x$effects$event_time == -1], 0)
  expect_true(all(abs(x$effects$estimate[x$effects$event_time < -1]) < 0.1))
})

test_that("groups, single moves and controls are what they say", {
  x <- move_events(lamps, "productivity", by = "exporter")
  whole <- x$effects$estimate[x$effects$event_time == 0]
  zero <- x$by[x$by$event_time %in% 0, ]
  expect_equal(weighted.mean(zero$estimate, zero$movers), whole, tolerance = 1e-10)
  single <- move_events(lamps, "productivity", moves = "single")
  expect_lt(single$set$firms[3L], x$set$firms[3L])
  expect_gt(single$set$firms[single$set$what == "second move, left out"], 0)
  never <- move_events(lamps, "productivity", control = "never")
  expect_false(isTRUE(all.equal(never$effects$estimate, x$effects$estimate)))
  expect_equal(x$symmetry$estimate[3L], sum(x$symmetry$estimate[1:2]))
})

test_that("as_event_study gives the rows that are used", {
  study <- as_event_study(lamps, never = "0")
  expect_equal(nrow(study), 16597)
  expect_equal(length(unique(study$unit)), 1450)
  expect_equal(length(unique(study$unit[study$cohort > 0])), 434)
  expect_equal(sum(study$event_time %in% 0), 434)
  expect_equal(sort(unique(as_event_study(lamps)$cohort[study$cohort == 0])), Inf)
  expect_error(as_event_study(lamps, horizon = 3), "horizon", class = "firmmove_error")
})

test_that("bad input is named", {
  data <- data.frame(firm = rep(1:6, each = 4), time = rep(1:4, 6), place = c("a", "a", "b", "b", rep("a", 20)), y = as.numeric(1:24 %% 7))
  run <- function(data, ...) move_events(data, "y", "firm", "place", "time", horizon = 0:1, leads = 0, ...)
  expect_error(run(transform(data, time = c(1, 2, 3, 7)[time])), "unequal distances", class = "firmmove_error_time")
  expect_error(run(transform(data, y = 1)), "nothing can have an effect", class = "firmmove_error_constant")
  expect_error(run(data[data$firm > 1, ]), "No firm moves", class = "firmmove_error_no_movers")
  expect_error(move_events(data, "y", "firm", "place", "time"), "`horizon` goes to 5, but 4 periods", class = "firmmove_error_argument")
  expect_error(run(data, control = "always"), "`control`", class = "firmmove_error_argument")
  expect_match(run(data)$notes$note, "fewer than 5 movers", all = FALSE)
  # a period in which all that are seen have moved
  alone <- rbind(data[data$time < 4, ], data[data$firm == 1 & data$time == 4, ])
  x <- run(alone)
  expect_true(is.na(x$effects$estimate[2L]))
  expect_match(x$notes$note, "no control tells.*`4`", all = FALSE)
  gap <- run(data[-2L, ])
  expect_true(gap$table$gap)
})

test_that("methods and the picture work", {
  x <- move_events(lamps, "productivity")
  expect_output(print(x), "pretrend")
  expect_s3_class(summary(x), "summary.decomposition")
  skip_if_not_installed("ggplot2")
  expect_s3_class(ggplot2::autoplot(x), "ggplot")
  expect_s3_class(ggplot2::autoplot(move_events(lamps, "productivity", by = "exporter")), "ggplot")
})
