test_that("ids are the same text whatever their type", {
  expect_equal(id_text(c(1, 1e5, 123456789012)), c("1", "100000", "123456789012"))
  expect_equal(id_text(100001L), "100001")
  expect_equal(id_text(1.5), "1.5")
  expect_equal(code_among(c(3, NA, 100000), c("100000", "3")), c(2L, NA, 1L))
  expect_equal(code_among(factor(c("b", "a")), c("a", "b", "c")), c(2L, 1L))
})

test_that("times are sorted as a person would sort them", {
  expect_equal(code_times(c("wave 10", "wave 2", "wave 1"))$values, c("wave 1", "wave 2", "wave 10"))
  expect_equal(code_times(c("900", "1000"))$values, c("900", "1000"))
  expect_equal(code_times(c(2001, 1999))$code, c(2L, 1L))
  day <- as.Date(c("2001-01-01", "1999-01-01"))
  expect_equal(code_times(day)$values, sort(day))
  season <- factor(c("spring", "autumn"), levels = c("winter", "spring", "autumn"))
  expect_equal(as.character(code_times(season)$values), c("spring", "autumn"))
})

test_that("combined codes are exact beyond the range of integers", {
  expect_equal(combine_codes(list(1:3, c(1L, 1L, 2L)), c(3, 2)), c(1L, 2L, 6L))
  big <- combine_codes(list(c(1L, 1000000L), c(1L, 1000000L)), c(1e6, 1e6))
  expect_equal(big, c(1, 1e12))
  expect_equal(combine_codes(list(2L, NULL), c(3, 0)), 2L)
})

test_that("values that first appear late in a long column are found", {
  x <- c(rep(1:2, 1e5), 9L, NA)
  found <- distinct(x)
  expect_equal(found$values, c(1L, 2L, 9L))
  expect_equal(utils::tail(found$code, 3), c(2L, 3L, NA))
  expect_equal(distinct(rep(c("b", "a"), 1e5))$values, c("b", "a"))
})
