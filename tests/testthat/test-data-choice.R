test_that("rows grouped by occasion are used in place", {
  data <- choice_data(small_long(), "went", "id", "town", from = "home")
  expect_s3_class(data, "choice_data")
  expect_null(data$order)
  expect_equal(data$start, c(0L, 3L, 5L, 8L))
  expect_equal(data$id, c(5, 7, 3))
  expect_equal(data$place, c("Guzhen", "Wenzhou", "Yiwu"))
  expect_equal(data$index$place, c(1L, 2L, 3L, 1L, 2L, 1L, 2L, 3L))
  expect_equal(data$index$chosen, c(1L, 2L, 3L))
  expect_equal(data$index$origin, c(2L, 2L, 2L))
  expect_equal(data$firm, c("5", "7", "3"))
  expect_identical(data$data, small_long())
  expect_equal(occasions(data), 1:3)
  expect_equal(nobs(data), 3)
})

test_that("scattered rows are grouped in order of first appearance", {
  long <- small_long()[c(6, 1, 4, 2, 7, 5, 3, 8), ]
  data <- choice_data(long, "went", "id", "town", from = "home")
  expect_equal(data$order, c(1L, 5L, 8L, 2L, 4L, 7L, 3L, 6L))
  expect_equal(data$id, c(3, 5, 7))
  expect_equal(data$start, c(0L, 3L, 6L, 8L))
  expect_equal(data$index$chosen, c(3L, 1L, 2L))
  expect_equal(data$index$origin, c(2L, 2L, 2L))
  expect_equal(long$went[data$order][data$start[1:3] + data$index$chosen], c(1, 1, 1))
})

test_that("the chosen row is told by 0/1, TRUE/FALSE, yes/no or the chosen place", {
  long <- small_long()
  plain <- choice_data(long, "went", "id", "town")$index
  yes <- ifelse(long$went == 1, "Yes", "no")
  place <- rep(c("Guzhen", "Wenzhou", "Yiwu"), c(3, 2, 3))
  for (went in list(long$went == 1, as.integer(long$went), yes, factor(yes), place,
                    factor(place, levels = c("Unused", "Yiwu", "Wenzhou", "Guzhen")))) {
    expect_equal(choice_data(transform(long, went = went), "went", "id", "town")$index, plain)
  }
})

test_that("numbers of places are told from 0/1", {
  long <- data.frame(id = rep(1:3, each = 2), place = c(0, 1), to = rep(c(1, 1, 0), each = 2))
  expect_equal(choice_data(long, "to", "id", "place")$index$chosen, c(2L, 2L, 1L))
})

test_that("ids of any type give the same data", {
  plain <- choice_data(small_long(), "went", "id", "town", from = "home")
  typed <- transform(small_long(), id = factor(id, levels = c(1, 3, 5, 7)), town = factor(town),
                     home = factor(home, levels = c("Wenzhou", "Nowhere")))
  data <- choice_data(typed, "went", "id", "town", from = "home")
  expect_equal(data[c("start", "index", "firm", "place")], plain[c("start", "index", "firm", "place")])
  skip_if_not_installed("tibble")
  skip_if_not_installed("data.table")
  expect_equal(choice_data(tibble::as_tibble(small_long()), "went", "id", "town", from = "home"), plain)
  expect_equal(choice_data(data.table::as.data.table(small_long()), "went", "id", "town", from = "home"), plain)
})

test_that("firm, time, origin and weights are constant within an occasion", {
  long <- transform(small_long(), firm = rep(c("b", "a", "b"), c(3, 2, 3)),
                    year = rep(c(2001, 1999, 2003), c(3, 2, 3)), w = rep(1:3, c(3, 2, 3)),
                    here = town == "Wenzhou")
  data <- choice_data(long, "went", "id", "town", firm = "firm", time = "year", from = "here", weights = "w")
  expect_equal(data$firm, c("b", "a"))
  expect_equal(data$index$firm, c(1L, 2L, 1L))
  expect_equal(data$time, c(1999, 2001, 2003))
  expect_equal(data$index$time, c(2L, 1L, 3L))
  expect_equal(data$index$origin, c(2L, 2L, 2L))
  expect_equal(data$weights, c(1, 2, 3))
  expect_equal(choice_data(long, "went", "id", "town", weights = long$w)$weights, c(1, 2, 3))
  expect_equal(choice_data(long, "went", "id", "town", weights = c(4, 5, 6))$weights, c(4, 5, 6))
  scattered <- choice_data(long[c(6, 1, 4, 2, 7, 5, 3, 8), ], "went", "id", "town", weights = "w")
  expect_equal(scattered$weights, c(3, 1, 2))
})

test_that("an occasion may lack an origin", {
  long <- transform(small_long(), home = rep(c("Wenzhou", NA, "Guzhen"), c(3, 2, 3)))
  expect_equal(choice_data(long, "went", "id", "town", from = "home")$index$origin, c(2L, 0L, 1L))
  long$home[1:3] <- "Zouqu"
  expect_snapshot(data <- choice_data(long, "went", "id", "town", from = "home"))
  expect_equal(data$index$origin, c(0L, 0L, 1L))
})

test_that("print and summary say what a person wants to know", {
  long <- transform(small_long(), size = rep(1:3, c(3, 2, 3)), one = 1, rent = replace(rent, 2, NA))
  data <- choice_data(long, "went", "id", "town", from = "home")
  expect_snapshot(print(data))
  expect_snapshot(summary(data))
  stay <- transform(long, went = as.integer(town == "Wenzhou"))
  expect_snapshot(x <- print(choice_data(stay, "went", "id", "town", from = "home")))
  expect_identical(as.data.frame(data), long)
})

test_that("bad tables, columns and ids are named", {
  long <- small_long()
  expect_snapshot(error = TRUE, {
    choice_data(as.list(long), "went", "id", "town")
    choice_data(long[0, ], "went", "id", "town")
    choice_data(long, "wnet", "id", "town")
    choice_data(long, "went", "id", "place")
    choice_data(long, "went", c("id", "home"), "town")
    choice_data(transform(long, id = replace(id, 2, NA)), "went", "id", "town")
    choice_data(transform(long, town = replace(town, 2:3, NA)), "went", "id", "town")
    choice_data(transform(long, town = "Wenzhou"), "went", "id", "town")
    choice_data(long[-4, ], "went", "id", "town")
  })
})

test_that("a bad choice is named", {
  long <- small_long()
  expect_snapshot(error = TRUE, {
    choice_data(transform(long, went = replace(went, 2, 1)), "went", "id", "town")
    choice_data(transform(long, went = replace(went, 1, 0)), "went", "id", "town")
    choice_data(transform(long, went = c(1, 1, 0, 0, 0, 0, 0, 1)), "went", "id", "town")
    choice_data(transform(long, went = went + 1), "went", "id", "town")
    choice_data(transform(long, went = replace(went, 1, NA)), "went", "id", "town")
    choice_data(transform(long, went = rep(c("Guzhen", "Yiwu", "Yiwu"), c(3, 2, 3))), "went", "id", "town")
    choice_data(transform(long, went = rev(town)), "went", "id", "town")
  })
})

test_that("what should be constant within an occasion is named", {
  long <- transform(small_long(), year = 1:8, w = 1:8)
  expect_snapshot(error = TRUE, {
    choice_data(long, "went", "id", "town", time = "year")
    choice_data(long, "went", "id", "town", firm = "rent")
    choice_data(long, "went", "id", "town", from = "town")
    choice_data(long, "went", "id", "town", weights = "w")
    choice_data(long, "went", "id", "town", weights = 1:8)
    choice_data(transform(long, home = year < 3), "went", "id", "town", from = "home")
    choice_data(transform(long, w = -1), "went", "id", "town", weights = "w")
    choice_data(long, "went", "id", "town", weights = 1:5)
    choice_data(long, "went", "id", "town", weights = c(1, NA, 2))
  })
})
