test_that("ratios and delta errors are those of logitr's wtp()", {
  skip_if_not_installed("logitr")
  data <- relocation_long()
  fit <- fit_migration(chosen ~ rent + distance + stays - stay, data, id = "id", place = "place")
  terms <- c("rent", "distance", "stays")
  theirs <- suppressMessages(logitr::logitr(data, outcome = "chosen", obsID = "id", pars = terms))
  wtp <- logitr::wtp(theirs, scalePar = "rent")
  ours <- as.data.frame(compensate(fit, "rent"))
  ours <- ours[match(c("distance", "stays"), ours$term), ]
  expect_equal(ours$estimate, wtp[c("distance", "stays"), "Estimate"], tolerance = 1e-4)
  # theirs are from draws
  expect_equal(ours$std.error, wtp[c("distance", "stays"), "Std. Error"], tolerance = 0.1)
})

test_that("delta, Fieller and simulated intervals against closed forms", {
  fit <- small_fit()
  b <- coef(fit)
  v <- vcov(fit)
  delta <- as.data.frame(compensate(fit, "rent"))
  row <- delta[delta$term == "distance", ]
  r <- -b[["distance"]] / b[["rent"]]
  se <- sqrt(v["distance", "distance"] + 2 * r * v["distance", "rent"] + r^2 * v["rent", "rent"]) / abs(b[["rent"]])
  expect_equal(c(row$estimate, row$std.error), c(r, se), tolerance = 1e-10)
  fieller <- as.data.frame(compensate(fit, "rent", interval = "fieller"))
  limits <- unlist(fieller[fieller$term == "distance", c("conf.low", "conf.high")])
  # at both limits b_k + r b_p is just not rejected
  z <- vapply(limits, function(r) {
    a <- c(distance = 1, rent = r)
    abs(sum(a * b[names(a)])) / sqrt(drop(a %*% v[names(a), names(a)] %*% a))
  }, 0)
  expect_equal(unname(z), rep(qnorm(0.975), 2), tolerance = 1e-8)
  drawn <- as.data.frame(compensate(fit, "rent", interval = "simulated", draws = 4000, seed = 1))
  at <- drawn$term == "distance"
  expect_equal(unname(unlist(drawn[at, c("conf.low", "conf.high")])), unname(limits), tolerance = 0.05)
  expect_identical(drawn, as.data.frame(compensate(fit, "rent", interval = "simulated", draws = 4000, seed = 1)))
})

test_that("a weak price warns, and Fieller's sets are unbounded", {
  fit <- small_fit()
  weak <- fit
  weak$coefficients[["rent"]] <- -0.01
  expect_warning(compensate(weak, "rent"), class = "firmmove_warning_weak_price")
  table <- suppressWarnings(as.data.frame(compensate(weak, "rent", interval = "fieller")))
  expect_true(all(table$region %in% c("all but", "all")))
  some <- table[table$term == "distance", ]
  # the estimate is in the set, which is all that is outside of the limits
  expect_true(some$region == "all" || some$estimate < some$conf.low || some$estimate > some$conf.high)
  expect_true(all(is.infinite(table$conf.low[table$region == "all"])))
  expect_snapshot(compensate(weak, "rent", interval = "fieller"))
  up <- fit
  up$coefficients[["rent"]] <- 0.6
  expect_warning(compensate(up, "rent"), class = "firmmove_warning_price")
})

test_that("the cost of moving is what the definition says", {
  data <- relocation_data()
  fit <- fit_migration(~ pull(rent) + push(wage) + distance + keep(size) + wage, data, control = one_thread())
  b <- coef(fit)
  firms <- data$firms
  at <- firms$from != firms$to
  from <- match(firms$from, data$place)
  pairs <- data$ties$ties$data
  distance <- pairs$distance[match(paste(firms$from, firms$to), paste(pairs$from, pairs$to))]
  lost <- b[["stay"]] + b[["keep(size)"]] * firms$size - b[["pull(rent)"]] * data$places$rent[from] -
    b[["push(wage)"]] * data$places$wage[from] - b[["distance"]] * distance
  found <- as.data.frame(compensate(fit, "pull(rent)"))
  expect_equal(found$estimate[found$group == "moving"], mean(lost[at]) / -b[["pull(rent)"]], tolerance = 1e-8)
})

test_that("the network's parts add up, and do not depend on where an index has its zero", {
  lamps <- subset(wenzhou_guzhen(), year %in% 1996:1998)
  formula <- ~ push(technology) + pull(technology) + pull(land_price) + log(distance) + peers(kin)
  fit <- fit_migration(formula, lamps, control = one_thread())
  cost <- as.data.frame(suppressWarnings(compensate(fit, "pull(land_price)")))
  cost <- cost[cost$group == "moving", ]
  expect_equal(sum(cost$estimate[1:3]), cost$estimate[4])
  lamps$places$technology <- lamps$places$technology + 100
  shifted <- fit_migration(formula, lamps, control = one_thread())
  again <- as.data.frame(suppressWarnings(compensate(shifted, "pull(land_price)")))
  expect_equal(again$estimate[again$group == "moving"], cost$estimate, tolerance = 1e-4)
})

test_that("long data without pull() give the cost of moving, with pull() none", {
  long <- long_fit(chosen ~ rent + distance + keep(size))
  ours <- as.data.frame(compensate(long, "rent"))
  expect_equal(ours$estimate, as.data.frame(compensate(small_fit(), "rent"))$estimate, tolerance = 1e-6)
  pulled <- long_fit(chosen ~ pull(rent) + distance)
  expect_false("moving" %in% as.data.frame(compensate(pulled, "pull(rent)"))$group)
})

# tools/recovery-compensate.R has the same with thousands of draws, and without a network.
test_that("intervals of worth and of the cost of moving cover", {
  skip_on_cran()
  intervals <- c("delta", "fieller", "simulated")
  covered <- vapply(1:300, function(seed) {
    drawn <- worth_draw(seed, 300)
    fit <- fit_migration(~ rent + wage + kin, drawn$data, control = one_thread())
    worth <- suppressWarnings(worth_ratios(fit, "rent", NULL, "kin"))
    truth <- drawn$truth[worth$table$term]
    vapply(intervals, function(interval) {
      table <- ratio_intervals(worth$table, worth$ratio, interval, 0.95, 400, seed)
      in_set <- table$conf.low <= truth & truth <= table$conf.high
      ifelse(table$region == "all but", !in_set, in_set)
    }, logical(length(truth)))
  }, matrix(NA, 7, 3))
  coverage <- rowMeans(covered, dims = 2)
  # 95% with three standard errors of 300 draws, 3.8 points
  expect_true(all(coverage > 0.912 & coverage < 0.988), info = paste(round(coverage, 3), collapse = " "))
})

test_that("messages of compensate()", {
  fit <- small_fit()
  expect_snapshot(error = TRUE, {
    compensate(fit, "rents")
    compensate(fit, "rent", terms = "distanc")
    compensate(fit, "rent", network = "kin")
  })
  expect_snapshot(compensate(fit, "rent"))
})
