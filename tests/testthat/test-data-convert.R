test_that("a data frame is long data or a table of firms, as its arguments say", {
  long <- small_long()
  expect_equal(as_migration_data(long, chosen = "went", id = "id", place = "town"),
               choice_data(long, "went", "id", "town"))
  expect_equal(as_migration_data(small_firms(), places = small_places()),
               migration_data(small_firms(), small_places()))
  data <- migration_data(small_firms(), small_places())
  expect_identical(as_migration_data(data), data)
  offers <- choice_data(long, "went", "id", "town")
  expect_identical(as_migration_data(offers), offers)
  expect_snapshot(error = TRUE, {
    as_migration_data(long)
    as_migration_data(1:3)
  })
})

test_that("a dfidx keeps its nesting index as a column", {
  skip_if_not_installed("mlogit")
  skip_if_not_installed("dfidx")
  utils::data("JapaneseFDI", package = "mlogit", envir = environment())
  indexed <- dfidx::dfidx(JapaneseFDI, idx = list("firm", c("region", "country")), idnames = c("firm", "region"))
  data <- as_migration_data(indexed, chosen = "choice")
  expect_equal(nobs(data), 452)
  expect_equal(length(data$place), 57)
  expect_true(all(c("country", "wage", "choice.c") %in% names(data$data)))
  expect_false(any(c("idx", "xseries") %in% unlist(lapply(data$data, class))))
  direct <- choice_data(as.data.frame(JapaneseFDI), "choice", "firm", "region")
  expect_equal(data$index$chosen, direct$index$chosen)
  expect_snapshot(error = TRUE, as_migration_data(indexed))
})

test_that("a dfidx made from wide data names its choice and its panel", {
  skip_if_not_installed("mlogit")
  skip_if_not_installed("dfidx")
  utils::data("Train", package = "mlogit", envir = environment())
  indexed <- dfidx::dfidx(Train, choice = "choice", varying = 4:11, sep = "_",
                          idx = list(c("choiceid", "id")), idnames = c("chid", "alt"))
  data <- as_migration_data(indexed)
  expect_equal(nobs(data), nrow(Train))
  expect_equal(length(data$firm), length(unique(Train$id)))
  expect_equal(data$place[occasion_places(data)$chosen], as.character(Train$choice))
  expect_equal(data$data$price[data$start[-1]], Train$price_B)
})
