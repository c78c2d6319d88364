lamps <- wenzhou_guzhen()
estimates <- function(data, terms) coef(fit_migration(terms, data))
formula <- ~ push(land_price) + keep(log(size))

test_that("transform() and subset() keep the class, with the counts of the rows there are", {
  expect_equal(
    estimates(transform(lamps, logsize = log(size)), ~ push(land_price) + keep(logsize)), estimates(lamps, formula),
    ignore_attr = TRUE
  )
  few <- subset(lamps, year == 2000 & firm %in% unique(firm)[1:5])
  expect_output(suppressWarnings(print(few)), "4 firms, 17 places, 1 time \\(2000\\)")
  expect_equal(suppressWarnings(summary(few))$times$time, 2000)
  expect_error(subset(lamps, size < 0), "leaves no rows")
})

test_that("verbs of dplyr work on the data", {
  skip_if_not_installed("dplyr")
  large <- dplyr::filter(lamps, size >= 10)
  expect_equal(estimates(large, formula), estimates(subset(lamps, size >= 10), formula))
  expect_equal(estimates(dplyr::arrange(lamps, -size), formula), estimates(lamps, formula))
  expect_named(estimates(dplyr::mutate(lamps, big = size > 50), ~ keep(big)), c("stay", "keep(big)"))
  firms <- data.frame(firm = unique(lamps$firms$firm))
  firms$number <- seq_len(nrow(firms))
  joined <- dplyr::left_join(lamps, firms, by = "firm")
  expect_equal(joined$firms$number, match(lamps$firms$firm, firms$firm))
  expect_equal(estimates(joined, formula), estimates(lamps, formula))
  places <- data.frame(place = lamps$place, coast = seq_along(lamps$place) %% 2)
  expect_named(estimates(dplyr::left_join(lamps, places, by = "place"), ~coast), c("stay", "coast"))
  expect_error(dplyr::left_join(lamps, rbind(firms, firms[1, ]), by = "firm"), "`y` has several rows for one key",
    class = "firmmove_error_duplicate"
  )
  expect_error(dplyr::filter(lamps, size < 0), "No rows are left")
})

test_that("verbs of dplyr work on long data, where places may be taken out", {
  skip_if_not_installed("dplyr")
  d <- three_places()
  data <- choice_data(d, "y", "id", "alt")
  kept <- dplyr::filter(data, alt != "a" | y == 1, !(id %in% id[alt == "a" & y == 1]))
  rest <- subset(d, !id %in% d$id[d$alt == "a" & d$y == 1] & alt != "a")
  expect_equal(estimates(kept, ~ x + z), estimates(choice_data(rest, "y", "id", "alt"), ~ x + z))
  expect_equal(estimates(dplyr::arrange(data, x), ~ x + z), estimates(data, ~ x + z))
  expect_equal(estimates(dplyr::mutate(data, x = 2 * x), ~ x + z)[["x"]], estimates(data, ~ x + z)[["x"]] / 2)
  expect_named(estimates(dplyr::left_join(data, data.frame(alt = "a", first = 1), by = "alt"), ~ x), "x")
  expect_named(estimates(transform(data, both = x + z), ~ both), "both")
})
