# cli writes bars of streams that are no terminals as lines; its logger tells when a bar is made and when it goes.

with_bars <- function(code, ...) {
  old <- options(firmmove.progress = TRUE, ...)
  on.exit(options(old))
  force(code)
}

#' Bars that code opens, as "total", in order, and how many of them are closed again
bars_of <- function(code) {
  log <- with_bars(utils::capture.output(force(code)), cli.progress_handlers_force = "logger")
  opened <- grep("created$", log, value = TRUE)
  list(totals = sub(".*/([^ ]*) created$", "\\1", opened), closed = length(grep("terminated", log)))
}

loop <- function(total = 3, wait = 0) {
  tick <- progress("Draws", total)
  for (i in seq_len(total)) {
    tick()
    Sys.sleep(wait)
  }
  total
}

#' The first line of a bar; cli shows one when its clock ticks, so rounds go on until then
first_line <- function(open, round) {
  line <- NA_character_
  run <- function(owner = environment()) {
    tick <- open(owner)
    for (i in seq_len(300)) {
      round(tick, i)
      if (!is.na(line)) break
      Sys.sleep(0.05)
    }
  }
  with_bars(withCallingHandlers(run(), message = function(m) {
    if (is.na(line)) line <<- conditionMessage(m)
    invokeRestart("muffleMessage")
  }), cli.progress_show_after = 0, cli.dynamic = FALSE)
  line
}

test_that("a bar tells what it counts, how much is done, and the time left", {
  line <- first_line(function(owner) progress("Draws", 300, owner), function(tick, i) tick())
  expect_match(line, "^Draws .* [0-9]+%.*ETA")
  soon <- with_bars(capture_messages(loop(4, 0.1)), cli.dynamic = FALSE)
  # not in the first two seconds
  expect_length(soon, 0L)
})

test_that("nobody is told in scripts, documents and where the option says no", {
  old <- options(firmmove.progress = NULL, knitr.in.progress = NULL)
  on.exit(options(old))
  expect_true(shows_progress(watched = TRUE))
  expect_false(shows_progress(watched = FALSE))
  options(knitr.in.progress = TRUE)
  expect_false(shows_progress(watched = TRUE))
  quiet <- function(...) {
    old <- options(cli.progress_handlers_force = "logger", cli.progress_show_after = 0, ...)
    on.exit(options(old))
    c(utils::capture.output(loop()), capture_messages(loop()))
  }
  skip_if(interactive())
  expect_identical(quiet(firmmove.progress = NULL), "[1] 3")
  expect_identical(quiet(firmmove.progress = FALSE), "[1] 3")
})

test_that("a loop within a loop is silent, and bars go with the function, errors too", {
  outer <- function() {
    tick <- progress("Outer", 2)
    for (i in 1:2) {
      tick()
      loop(5)
    }
  }
  expect_identical(bars_of(outer()), list(totals = "2", closed = 1L))
  broken <- function() {
    tick <- progress("Broken", 2)
    tick()
    stop("broken")
  }
  expect_identical(bars_of(try(broken(), silent = TRUE)), list(totals = "2", closed = 1L))
  expect_identical(bars_of(loop(7))$totals, "7")
  expect_identical(bars_of(loop(1))$totals, character())
})

test_that("C tells R the iterations and log-likelihoods of a fit", {
  fit <- fit_migration(~ rent + distance, relocation_data())
  design <- fit_design(fit)
  seen <- list()
  climb_with <- function(report) {
    control <- c(kernel_control(fit$control), report = report)
    .Call(C_fit, design$spec, design$kernel, 0 * design$theta, logical(length(design$theta)), control)
  }
  raw <- climb_with(function(iteration, value) seen[[length(seen) + 1L]] <<- c(iteration, value))
  seen <- do.call(rbind, seen)
  expect_identical(seen[, 1L], as.numeric(0:raw$iterations))
  expect_equal(seen[1L, 2L], raw$value_start)
  expect_equal(max(seen[, 2L]), raw$value, tolerance = 1e-9)
  expect_true(all(diff(seen[, 2L]) > 0))
  line <- first_line(progress_fit, function(report, i) report(i, -10.5))
  expect_match(line, "Fitting iteration [0-9]+, log-likelihood -10[.]50 ")
})

test_that("every long loop has a bar", {
  data <- relocation_data(100)
  fit <- fit_migration(~ push(rent) + wage + distance, data)
  totals <- function(code) bars_of(code)$totals
  # the maximum without a known end, then what comes after
  expect_identical(totals(fit_migration(~rent, data)), "NA")
  expect_true("10" %in% totals(counterfactual(fit, places = transform(places, rent = 2 * rent), interval = "simulated", draws = 10)))
  expect_true("50" %in% totals(suppressWarnings(compensate(fit, "wage", interval = "simulated", draws = 50))))
  groups <- list(cost = "push(rent)", pull = "wage")
  expect_true("4" %in% totals(attribute_moves(fit, groups)))
  expect_true("6" %in% totals(attribute_moves(fit, groups, draws = 6)))
  expect_true("7" %in% totals(attribute_moves(fit, groups, what = "moves", draws = 7)))
  expect_true("2" %in% totals(marginal_effects(fit, c("rent", "wage"))))
  expect_true("4" %in% totals(elasticities(fit, "rent", by = "leaving")))
  expect_identical(totals(simulate(fit, nsim = 5)), "5")
  game <- function(players) length(players)^2
  expect_identical(totals(decompose_shapley(game, letters[1:3])), "8")
  expect_identical(totals(decompose_shapley(game, letters[1:3], draws = 9)), "8")
  towns <- data.frame(y = rnorm(60), x = rnorm(60), town = rep(c("a", "b"), 30))
  expect_identical(totals(decompose_gap(y ~ x, towns, "town", draws = 8)), "8")
  expect_identical(totals(compare_quantiles(transform(towns, y = exp(y)), "y", "town", draws = 3)), "3")
})

test_that("models with several starts, classes or equilibria have bars", {
  kinds <- two_kinds_data(firms = 40, times = 2, apart = 1.5)
  totals <- function(code) bars_of(suppressMessages(suppressWarnings(code)))$totals
  model <- latent(starts = 2)
  expect_true("2" %in% totals(fit_migration(~x, kinds, model = latent(2, starts = 2))))
  expect_true("3" %in% totals(compare_classes(~x, kinds, classes = 1:3, model = model)))
  random <- mixed(c(x = "normal"), draws = 8, starts = 2, check_draws = 3)
  expect_true(all(c("2", "3") %in% totals(fit_migration(~ x + y, kinds, model = random))))
  fit <- fit_of("chain")
  cell <- fit$cells[1L, ]
  expect_identical(
    totals(equilibria(fit, cell$group, cell$time, starts = 1, delta = c(0, 0.5))), "4"
  )
  expect_identical(totals(tipping(fit, fit$data$place[1L], "rent", cell$group, cell$time)), c("100", "100"))
})

test_that("simulations in pieces are those at once", {
  set.seed(3)
  points <- data.frame(x = runif(60), y = runif(60), type = rep(c("a", "b"), 30))
  both <- function(code) {
    code <- substitute(code)
    run <- function() {
      set.seed(1)
      eval(code, parent.frame(2))
    }
    plain <- run()
    log <- bars_of(pieces <- run())
    expect_identical(pieces, plain)
    log$totals
  }
  draw <- function(statistic, reference = NULL) {
    colocation("x", "y", "type", distance = c(0.1, 0.3), statistic = statistic, bands = "simulation", data = points,
      reference = reference, draws = 45)$values
  }
  expect_identical(both(draw("kd")), "2")
  expect_identical(both(draw("kd", "a")), "20")
  # so few points are simulated at once
  expect_length(both(draw("m", "a")), 0L)
  firms <- data.frame(g = sample(3, 90, TRUE), t = sample(3, 90, TRUE), r = sample(2, 90, TRUE))
  expect_identical(both(innovation_synergy(firms, c("g", "t"), "r", permutations = 50)$regions), "20")
})
