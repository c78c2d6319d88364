lamps <- wenzhou_guzhen()

test_that("data of movers only have no stay and no origin on offer, which is said", {
  movers <- subset(lamps, from != to)
  terms <- ~ pull(land_price) + log(makers) + log(distance)
  expect_message(fit <- fit_migration(terms, movers), "No firm stays in these data",
    class = "firmmove_message_movers_only"
  )
  expect_equal(unname(round(coef(fit), 4)), c(-0.0158, 2.0809, -0.7646))
  bare <- ~ pull(land_price) + log(makers) + log(distance) - stay
  without <- suppressMessages(fit_migration(bare, movers))
  expect_equal(coef(without), coef(fit))
  by_hand <- migration_data(movers$firms, lamps$places, lamps$ties[[1]]$data,
    time = "year", available = function(from, to, time) from != to
  )
  expect_silent(known <- fit_migration(bare, by_hand))
  expect_equal(coef(known), coef(fit), tolerance = 1e-8)
  expect_equal(logLik(known), logLik(fit), ignore_attr = TRUE)
  # predictions of those who may stay are those of a move too
  p <- predict(fit, lamps$firms[1:5, ])
  expect_equal(unname(p[cbind(1:5, match(lamps$firms$from[1:5], lamps$place))]), numeric(5))
  expect_equal(unname(rowSums(p)), rep(1, 5))
})

test_that("movers in long data are told to leave the origin out", {
  d <- three_places()
  d$home <- rep(ifelse(d$y[d$alt == "a"] == 1, "b", "a"), each = 3)
  expect_warning(fit_three(y ~ x + z - stay, d, from = "home"), "leave the rows of origins out of `data`",
    class = "firmmove_warning_movers_only"
  )
})

test_that("births among movers are said and counted", {
  firms <- lamps$firms
  firms$from[firms$year > 1992 & !duplicated(firms$firm)] <- NA
  data <- suppressWarnings(migration_data(firms, lamps$places, time = "year"))
  expect_message(fit <- fit_migration(~ pull(land_price), data), "1,004 of 17,517 occasions have no origin",
    class = "firmmove_message_no_origin"
  )
  expect_output(print(fit), "545 moves (3.3% of 16,513 with an origin; 1,004 without)", fixed = TRUE)
  expect_output(print(summary(fit)), "of 16,513 with an origin; 1,004 without", fixed = TRUE)
  expect_silent(fit_migration(~ pull(land_price), data, subset = !is.na(from)))
})

test_that("a register of moves with hardly a stay is said to be one", {
  firms <- data.frame(firm = 1:300, from = rep(c("a", "b", "c"), 100), to = rep(c("b", "c", "a"), 100))
  firms$to[1:3] <- firms$from[1:3]
  data <- migration_data(firms, data.frame(place = c("a", "b", "c"), rent = c(1, 3, 2)))
  expect_message(fit_migration(~rent, data), "99% of the occasions with an origin are moves",
    class = "firmmove_message_few_stay"
  )
})

test_that("a missing attribute of a place is a warning with the share of occasions it costs", {
  places <- lamps$places
  places$land_price[places$place == "Shenyang" & places$year < 2004] <- NA
  data <- migration_data(lamps$firms, places, time = "year")
  expect_warning(fit_migration(~ pull(land_price), data),
    "`land_price` is missing for `Shenyang`, which costs 11,770 occasions of 17,517 (67%)", fixed = TRUE,
    class = "firmmove_warning_missing_attribute"
  )
  ties <- lamps$ties$ties$data
  ties$distance[ties$to == "Chengdu" & ties$from == "Guzhen"] <- NA
  expect_warning(fit_migration(~ log(distance), migration_data(lamps$firms, lamps$places, ties, time = "year"),
    subset = year == 2000), "`log(distance)` is missing for `Chengdu`", fixed = TRUE)
  d <- three_places()
  d$x[d$alt == "b" & d$id < 50] <- NA
  expect_warning(fit_three(y ~ x + z, d), "`x` is missing for `b`, which costs 49 occasions of 200", fixed = TRUE)
})

test_that("a place without a row at a time is not on offer then, where data say so", {
  firms <- subset(lamps$firms, from != "Shenyang" & !to %in% "Shenyang")
  late <- subset(lamps$places, place != "Shenyang" | year >= 2004)
  expect_error(migration_data(firms, late, time = "year"), "available = \"rows\"", fixed = TRUE)
  rows <- migration_data(firms, late, time = "year", available = "rows")
  by_hand <- migration_data(firms, lamps$places, time = "year", available = function(from, to, time) {
    to != "Shenyang" | time >= 2004
  })
  a <- fit_migration(~ push(land_price) + pull(land_price), rows)
  expect_equal(coef(a), coef(fit_migration(~ push(land_price) + pull(land_price), by_hand)))
  expect_equal(nobs(a), sum(!is.na(firms$to)))
  expect_output(print(rows), "where `places` has a row")
  # new firms, and data coded again, keep the rule
  p <- predict(a, subset(firms, year == 2000)[1:3, ])
  expect_equal(unname(p[, "Shenyang"]), numeric(3))
  rows$firms <- firms[order(firms$size), ]
  expect_equal(coef(fit_migration(~ push(land_price) + pull(land_price), rows)), coef(a))
  expect_error(migration_data(lamps$firms, late, time = "year", available = "rows"), "chose a place that `available`")
  expect_error(
    migration_data(data.frame(firm = 1, to = "a"), data.frame(place = c("a", "b")), from = NULL, available = "rows"),
    "needs places with rows by time"
  )
})
