lamps <- wenzhou_guzhen()
formula <- ~ push(land_price) + keep(log(size)) + keep(log(age))
estimates <- function(data, terms = formula) coef(fit_migration(terms, data))

test_that("a table that is sorted or filtered in place gives what the data built of it would give", {
  all <- estimates(lamps)
  expect_equal(unname(round(all, 4)), c(5.1404, -0.0055, 0.3635, 0.0899))
  firms <- lamps$firms
  d <- lamps
  d$firms <- firms[order(-firms$year, firms$firm), ]
  expect_equal(estimates(d), all)
  large <- estimates(subset(lamps, size >= 10))
  d <- lamps
  d[["firms"]] <- subset(firms, size >= 10)
  expect_equal(estimates(d), large)
  expect_equal(nobs(d), nobs(subset(lamps, size >= 10)))
  d <- lamps
  d["places"] <- list(lamps$places[order(lamps$places$place, lamps$places$year), ])
  expect_equal(estimates(d), all)
  d <- lamps
  ties <- d$ties$ties$data
  d$ties$ties$data <- ties[order(ties$distance), ]
  expect_equal(estimates(d, ~ log(distance)), estimates(lamps, ~ log(distance)))
  d <- lamps
  d$firms$large <- d$firms$size > 50
  d$firms$size[1] <- d$firms$size[1]
  expect_identical(d$index, lamps$index)
  expect_identical(attr(d, "note"), attr(lamps, "note"))
  expect_named(estimates(d, ~ keep(large)), c("stay", "keep(large)"))
})

test_that("what is no table of the data is refused, and changes behind their back are seen", {
  d <- lamps
  expect_error(d$firms <- 1:3, "must be a data frame", class = "firmmove_error")
  expect_error(d$firms <- subset(lamps$firms, select = -to), "no column `to`", class = "firmmove_error_columns")
  expect_error(d$places <- d$places[-1, ], "lacks 1 row for a place and time", class = "firmmove_error_missing_rows")
  behind <- function(...) {
    plain <- unclass(lamps)
    plain[names(list(...))] <- list(...)
    structure(plain, class = "migration_data")
  }
  firms <- lamps$firms
  expect_error(estimates(behind(firms = firms[order(firms$size), ])), "`data$firms` was changed", fixed = TRUE)
  expect_error(estimates(behind(firms = firms[-1, ])), class = "firmmove_error_changed")
  expect_error(estimates(behind(places = lamps$places[nrow(lamps$places):1, ])), "`data$places` was", fixed = TRUE)
})

test_that("weights follow the rows where they are a column", {
  tables <- relocation()
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year", weights = "w")
  d <- data
  d$firms <- tables$firms[order(tables$firms$size), ]
  expect_equal(d$weights, d$firms$w)
  expect_equal(estimates(d, ~rent), estimates(data, ~rent))
  numbers <- migration_data(tables$firms, tables$places, tables$ties, time = "year", weights = tables$firms$w)
  expect_error(numbers$firms <- tables$firms[order(tables$firms$size), ], "make them a column", class = "firmmove_error_weights")
})

test_that("long data are coded again too", {
  d <- three_places()
  data <- choice_data(d, "y", "id", "alt")
  other <- data
  other$data <- d[order(-d$id, d$x), ]
  expect_equal(estimates(other, ~ x + z), estimates(data, ~ x + z))
  other <- data
  other$data$x2 <- d$x^2
  expect_named(estimates(other, ~ x2 + z), c("x2", "z"))
  expect_equal(
    estimates(subset(data, id <= 100), ~ x + z),
    estimates(choice_data(subset(d, id <= 100), "y", "id", "alt"), ~ x + z)
  )
})
