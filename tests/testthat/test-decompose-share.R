set.seed(2)

two_by_two <- function() {
  data.frame(
    commodity = rep(c("c1", "c2"), each = 2, times = 2), market = rep(c("m1", "m2"), 4), time = rep(0:1, each = 4),
    sales = c(20, 30, 30, 45, 36, 21, 33, 104), size = c(100, 200, 300, 150, 150, 210, 330, 260)
  )
}
share_of_data <- function(data, ..., size = "size") {
  decompose_share(data, "commodity", "market", "time", "sales", size, ...)
}
effects <- function(result) stats::setNames(result$effects$estimate, result$effects$component)
share_methods <- c("leamer_stern", "fagerberg_sollie", "bennet", "log_mean")

random_sales <- function(times = 2, zeros = 0.2, exporters = 3) {
  rows <- expand.grid(exporter = paste0("e", seq_len(exporters)), commodity = paste0("c", 1:4),
                      market = paste0("m", 1:3), time = seq_len(times))
  rows$sales <- stats::rexp(nrow(rows)) * (stats::runif(nrow(rows)) > zeros)
  rows
}

test_that("the worked table comes out by every method", {
  data <- two_by_two()
  expect_equal(effects(share_of_data(data)),
               c(growth = 100 / 3, commodity = 0, market = 14.16666667, competitiveness = 21.5), tolerance = 1e-9)
  expect_equal(
    effects(share_of_data(data, method = "fagerberg_sollie")),
    c(share = 0.012, commodity = 0.0120567375887, market = 0.0025062656642, commodity_adaptation = 0.0100567375887,
      market_adaptation = 0.0009241188077), tolerance = 1e-11
  )
  expect_equal(sum(share_of_data(data, method = "fagerberg_sollie")$effects$estimate), 0.0375438596491,
               tolerance = 1e-11)
  expect_equal(effects(share_of_data(data, method = "bennet")), c(structure = 53.75, competitiveness = 15.25))
  for (method in c("leamer_stern", "bennet", "log_mean")) {
    expect_equal(sum(effects(share_of_data(data, method = method))), 69, tolerance = 1e-12)
  }
  expect_equal(effects(share_of_data(data, method = "log_mean")),
               c(growth = 36.48862882, structure = 17.51853266, share = 14.99283851), tolerance = 1e-9)
})

test_that("which of commodity and market comes first matters; the average is between", {
  data <- two_by_two()
  market <- effects(share_of_data(data, order = "market"))
  # markets grow by 80/400 and 120/350, all of them by 200/750
  expect_equal(market[["market"]], (80 / 400 - 200 / 750) * 50 + (120 / 350 - 200 / 750) * 75)
  commodity <- effects(share_of_data(data))
  expect_equal(market[c("growth", "competitiveness")], commodity[c("growth", "competitiveness")])
  expect_equal(sum(market), sum(commodity))
  expect_equal(effects(share_of_data(data, order = "average")), (market + commodity) / 2)
})

test_that("every method adds up, with zeros and several exporters", {
  for (draw in 1:15) {
    data <- random_sales(times = 3)
    for (method in share_methods) for (chain in c(FALSE, TRUE)) {
      result <- share_of_data(data, size = NULL, exporter = "exporter", method = method, chain = chain)
      expect_true(all(abs(result$residual$residual) < 1e-10 * max(result$totals$value_end)))
      cells <- tapply(result$components$estimate, result$components[c("exporter", "component")], sum)
      whole <- tapply(result$effects$estimate, result$effects[c("exporter", "component")], sum)
      expect_equal(cells, whole[, colnames(cells)])
      if (chain) expect_equal(sum(result$steps$estimate), sum(result$effects$estimate))
    }
  }
})

test_that("competitiveness of all sellers together is zero", {
  data <- random_sales(zeros = 0)
  for (method in c("leamer_stern", "bennet")) {
    result <- share_of_data(data, size = NULL, exporter = "exporter", method = method)$effects
    expect_equal(sum(result$estimate[result$component == "competitiveness"]), 0)
  }
  expect_equal(sum(share_of_data(data, size = NULL, exporter = "exporter", method = "fagerberg_sollie")
                   $effects$estimate), 0)
})

test_that("time reversal changes the sign of Bennet and of the logarithmic mean", {
  data <- random_sales(zeros = 0.1)
  back <- transform(data, time = 3 - time)
  for (method in c("bennet", "log_mean")) {
    forth <- share_of_data(data, size = NULL, exporter = "exporter", method = method)$effects
    reverse <- share_of_data(back, size = NULL, exporter = "exporter", method = method)$effects
    expect_equal(reverse$estimate, -forth$estimate)
  }
})

test_that("a market that is new or lost is structure, a share that is new is share", {
  data <- data.frame(
    commodity = c("new", "won", "old", "new", "won", "old", "lost", "lost"), market = "m",
    time = c(0, 0, 0, 1, 1, 1, 0, 1), sales = c(0, 0, 10, 5, 7, 12, 4, 0), size = c(0, 50, 100, 60, 55, 110, 8, 0)
  )
  cells <- share_of_data(data, method = "log_mean")$components
  pick <- function(commodity, component) cells$estimate[cells$commodity == commodity & cells$component == component]
  expect_equal(pick("new", "structure"), 5)
  expect_equal(pick("won", "share"), 7)
  expect_equal(pick("lost", "structure"), -4)
  expect_setequal(cells$margin[cells$commodity %in% c("new", "won")], "entry")
  expect_setequal(cells$margin[cells$commodity == "lost"], "exit")
  expect_match(share_of_data(data, method = "log_mean")$notes$note, "3 cells")
  for (method in share_methods) expect_lt(abs(share_of_data(data, method = method)$residual$residual), 1e-12)
  # nothing of a market that did not exist is put down to the share
  bennet <- share_of_data(data, method = "bennet")$components
  expect_equal(bennet$estimate[bennet$commodity == "new" & bennet$component == "competitiveness"], 0)
})

test_that("the logarithmic mean keeps its digits", {
  expect_equal(log_mean(c(1, 2, 0, 5), c(1, 1, 3, 5 * (1 + 1e-13))), c(1, 1 / log(2), 0, 5), tolerance = 1e-12)
})

test_that("row order, split rows and one commodity of all do not matter", {
  data <- random_sales()
  result <- share_of_data(data, size = NULL, exporter = "exporter")$effects
  shuffled <- data[sample(nrow(data)), ]
  again <- share_of_data(rbind(transform(shuffled, sales = sales / 2), transform(data, sales = sales / 2)),
                         size = NULL, exporter = "exporter")$effects
  again <- again[order(again$exporter), ]
  expect_equal(again$estimate, result$estimate)
  one <- decompose_share(data, NULL, "market", "time", "sales", exporter = "exporter")
  expect_equal(one$effects$estimate[one$effects$component == "growth"],
               result$estimate[result$component == "growth"])
})

test_that("bad input is named", {
  data <- two_by_two()
  twice <- rbind(cbind(exporter = "a", data), cbind(exporter = "b", transform(data, size = size + time)))
  expect_snapshot(error = TRUE, {
    share_of_data(data[data$time == 0, ])
    share_of_data(transform(data, sales = -sales))
    share_of_data(transform(data, size = ifelse(commodity == "c1", 0, size)))
    share_of_data(transform(data, size = ifelse(time == 1, 0, size), sales = ifelse(time == 1, 0, sales)))
    share_of_data(transform(data, size = ifelse(time == 1, NA, size)))
    share_of_data(twice, exporter = "exporter")
    share_of_data(data, chain = NA)
    share_of_data(data, exporter = "country")
  })
  expect_snapshot(invisible(share_of_data(transform(data, size = size / 3))))
})

# the residual is rounding, which differs between machines
scrub <- function(lines) sub("(largest residual: ).*", "\\1...", lines)
test_that("print adds up from start to end", {
  expect_snapshot(transform = scrub, {
    share_of_data(two_by_two())
    share_of_data(two_by_two(), method = "fagerberg_sollie")
  })
})

test_that("a new market is no competitiveness, with any method", {
  d <- data.frame(
    e = rep(c("A", "B"), each = 4), c = "k", m = rep(c("x", "y"), 4), t = rep(rep(1:2, each = 2), 2),
    s = c(10, 0, 12, 6, 20, 0, 22, 4)
  )
  for (order in c("commodity", "market", "average")) {
    x <- decompose_share(d, "c", "m", "t", "s", exporter = "e", order = order)
    sums <- tapply(x$effects$estimate, x$effects$component, sum)
    expect_equal(sums[["competitiveness"]], 0, tolerance = 1e-12)
    # the new market is a market, whichever is taken out first
    expect_equal(sums[["commodity"]], 0, tolerance = 1e-12)
    expect_lt(max(abs(x$residual$residual)), 1e-12)
  }
  # one seller alone has all of every market, and cannot be more competitive
  one <- decompose_share(d[d$e == "A", ], "c", "m", "t", "s")$effects
  expect_equal(one$estimate[one$component == "competitiveness"], 0, tolerance = 1e-12)
  turned <- transform(d, c = m, m = c)
  x <- decompose_share(turned, "c", "m", "t", "s", exporter = "e", order = "commodity")$effects
  expect_equal(sum(x$estimate[x$component == "market"]), 0, tolerance = 1e-12)
})

test_that("a size said on several rows of a cell is taken once, with a warning", {
  d <- data.frame(
    c = c("k", "k", "k", "k", "j", "j"), m = "x", t = c(1, 1, 2, 2, 1, 2), s = c(5, 5, 8, 7, 10, 10),
    M = c(100, 100, 120, 120, 100, 100)
  )
  expect_warning(x <- decompose_share(d, "c", "m", "t", "s", "M"), "taken once", class = "firmmove_warning_size")
  expect_equal(x$effects$estimate[match(c("growth", "commodity", "competitiveness"), x$effects$component)], c(2, 0, 3))
  expect_equal(sum(x$effects$percent), 100)
  d$M[2] <- 50
  expect_message(suppressWarnings(decompose_share(d, "c", "m", "t", "s", "M")), "added up")
})

test_that("sales of few firms are blank, and so is what would give them away", {
  set.seed(1)
  firms <- expand.grid(firm = 1:6, item = c("a", "b"), market = c("n", "s"), year = 1:2, seller = c("P", "Q"))
  firms <- firms[!(firms$item == "a" & firms$market == "n" & firms$seller == "P" & firms$firm > 2), ]
  firms$sold <- runif(nrow(firms), 1, 2)
  whole <- decompose_share(firms, "item", "market", "year", "sold", exporter = "seller")
  x <- decompose_share(firms, "item", "market", "year", "sold", exporter = "seller", firm = "firm", min_firms = 3)
  cells <- unique(x$components[c("exporter", "commodity", "market", "firms")])
  hidden <- is.na(cells$firms)
  expect_identical(sum(hidden), 2L)
  expect_true(all(cells$exporter[hidden] == "P") && any(cells$commodity[hidden] == "a" & cells$market[hidden] == "n"))
  expect_identical(x$effects, whole$effects)
  expect_identical(x$totals$firms, c(6L, 6L))
  few <- decompose_share(firms, "item", "market", "year", "sold", exporter = "seller", firm = "firm", min_firms = 7)
  expect_true(all(is.na(few$effects$estimate)) && all(is.na(few$components$estimate)))
})
