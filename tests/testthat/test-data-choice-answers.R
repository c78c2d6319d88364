interviews <- function(rank, who = rep(c("a", "b"), each = 3)) {
  data.frame(who = who, what = rep(c("land", "market", "tax"), length.out = length(who)), rank = rank)
}
ranking <- function(...) choice_data(interviews(...), "rank", "who", "what", answer = "ranking")
best_worst <- function(...) choice_data(interviews(...), "rank", "who", "what", answer = "best_worst")

test_that("rankings are read, with ties at the bottom either way", {
  data <- ranking(c(2, 1, NA, 3, 1, 2))
  expect_identical(data$index$rank, c(2L, 1L, 0L, 3L, 1L, 2L))
  expect_identical(data$index$chosen, c(2L, 2L))
  expect_identical(ranking(c(2, 1, 2, 3, 1, 2))$index$rank, c(0L, 1L, 0L, 3L, 1L, 2L))
  mixed <- interviews(c(2, 1, NA, 3, 1, 2))[c(1, 4, 2, 5, 3, 6), ]
  mixed <- choice_data(mixed, "rank", "who", "what", answer = "ranking")
  expect_identical(mixed$index$rank, data$index$rank)
  expect_snapshot(print(data))
  expect_null(choice_data(interviews(c(0, 1, 0, 0, 0, 1)), "rank", "who", "what")$answer)
})

test_that("rankings that are none are named", {
  expect_snapshot(error = TRUE, ranking(c(2, 1, NA, 3, 1, 4)))
  expect_snapshot(error = TRUE, ranking(c(2, 3, NA, 1, 2, 3)))
  expect_snapshot(error = TRUE, ranking(c(1, 2, 2, 1, 1, NA)))
  expect_snapshot(error = TRUE, ranking(c(1, 2, 2, NA, NA, NA)))
  expect_snapshot(error = TRUE, ranking(c(1, 2, 2, 1, 1, 1)))
  expect_snapshot(error = TRUE, ranking(c(1, 2, NA, 1, 0, NA)))
  expect_snapshot(error = TRUE, ranking(c(1, 2, NA, 1, 1.5, NA)))
  expect_snapshot(error = TRUE, ranking(c("1", "2", "3", "first", "2", "3")))
  expect_message(ranking(c(1, 2, 3, 1), who = c("a", "a", "a", "b")), "1 occasion offers one place only: `b`")
})

test_that("best-worst answers are read as numbers and as words", {
  data <- best_worst(c(1, 0, -1, NA, 1, NA))
  expect_identical(data$index$rank, c(1L, 0L, -1L, 0L, 1L, 0L))
  expect_identical(best_worst(c("best", "", "Worst", NA, "BEST", "none"))$index$rank, data$index$rank)
  expect_snapshot(print(data))
})

test_that("best-worst answers that are none are named", {
  expect_snapshot(error = TRUE, best_worst(c(0, 0, -1, -1, 1, 0)))
  expect_snapshot(error = TRUE, best_worst(c(1, 1, -1, -1, 1, 0)))
  expect_snapshot(error = TRUE, best_worst(c(1, -1, -1, -1, 1, 0)))
  expect_snapshot(error = TRUE, best_worst(c(1, 2, 3, 1, 2, 3)))
})
