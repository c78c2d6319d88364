lamps <- wenzhou_guzhen()

test_that("rows of firms that are not there are told from closings", {
  expect_silent(migration_data(lamps$firms, lamps$places, time = "year"))
  full <- merge(expand.grid(firm = unique(lamps$firms$firm), year = 1992:2008), lamps$firms, all.x = TRUE)
  expect_warning(data <- migration_data(full, lamps$places, time = "year"),
    "missing in 8,374 rows, of which 375 are firms that close. Of the rows of a firm there are 5,117 before its first",
    class = "firmmove_warning_history"
  )
  expect_output(print(data), "17,517 (375 rows of firms that closed; 7,999 rows of firms that are not there)", fixed = TRUE)
  expect_warning(said <- summary(data), class = "firmmove_warning_history")
  expect_equal(said$history$rows, c(5117, 2882))
  expect_equal(sum(said$times$closed), 375)
})

test_that("a firm that opens again, and data without origins", {
  places <- data.frame(place = c("a", "b"))
  firms <- data.frame(
    firm = 1, year = 1:7, from = c(NA, NA, "a", "b", NA, NA, "a"), to = c(NA, "a", "b", NA, NA, "a", "b")
  )
  expect_warning(data <- migration_data(firms, places, time = "year"),
    "of which 1 is a firm that closes. Of the rows of a firm there are 1 before its first place; 2 between two places"
  )
  expect_equal(which(absent_rows(data)$between), c(4L, 5L))
  expect_equal(which(absent_rows(data)$closed), 4L)
  # without origins the first row without a place is the closing
  expect_message(
    expect_warning(data <- migration_data(firms, places, time = "year", from = NULL)),
    "6 rows are of firms that have an earlier one", class = "firmmove_message_no_origins"
  )
  expect_equal(which(absent_rows(data)$closed), 4L)
  expect_error(migration_data(firms[c("firm", "year", "to")], places, time = "year"), "the place of the row before")
})

test_that("a place with a new name looks like a wave of moves, and is shown", {
  firms <- lamps$firms
  new <- function(x, when) ifelse(x == "Guzhen" & when, "Guzhen (new)", x)
  firms$to <- new(firms$to, firms$year >= 2000)
  firms$from <- new(firms$from, firms$year > 2000)
  places <- rbind(lamps$places, transform(subset(lamps$places, place == "Guzhen"), place = "Guzhen (new)"))
  expect_warning(data <- migration_data(firms, places, time = "year"),
    "150 of 150 firms Guzhen -> Guzhen (new) in 2000: a new name?", fixed = TRUE, class = "firmmove_warning_renamed"
  )
  expect_equal(renamed_places(data)[c("time", "firms", "of")], data.frame(time = 2000, firms = 150L, of = 150L))
  expect_output(print(data), "renamed   150 of 150 firms")
  expect_null(renamed_places(lamps))
  # where everybody moves, that most go to one place is no news
  expect_null(renamed_places(subset(lamps, from != to)))
})

test_that("ids that lost their form are explained", {
  places <- data.frame(place = c("03872", "11", "b"))
  lacking <- function(to, ...) migration_data(data.frame(firm = seq_along(to), to = to), places, from = NULL, ...)
  expect_error(lacking(c("3872", "11")), "`3872` is `03872` of `places` but for zeros in front", fixed = TRUE)
  expect_error(lacking(c("11 ", "b")), "`11 ` is `11` of `places` but for blanks", fixed = TRUE)
  expect_error(lacking(c("B", "11")), "but for capitals", fixed = TRUE)
  expect_error(lacking(c("", "11")), "make it NA where a firm has none", fixed = TRUE)
  places <- data.frame(place = c("Wenzhou", "Guzhen"))
  expect_error(lacking(c(1, 2)), "codes of a factor", fixed = TRUE)
  expect_error(lacking(c("Guzhne", "Wenzhou")), "Did you mean `Guzhen`?", fixed = TRUE)
  labelled <- structure(1:2, labels = c(Wenzhou = 1L, Guzhen = 2L), class = c("haven_labelled", "integer"))
  expect_error(migration_data(list2DF(list(firm = 1:2, to = labelled)), places, from = NULL), "haven::as_factor")
})
