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

test_that("codes of columns are those of match() on their distinct values", {
  set.seed(4)
  i <- sample(c(NA, -3:12), 500, replace = TRUE)
  utf8 <- c("\u6e29\u5dde", "\u53e4\u9547", "Wenzhou", "Guzhen", NA)[sample.int(5, 500, replace = TRUE)]
  latin <- c("M\u00e2con", iconv("M\u00e2con", "UTF-8", "latin1"), "Nice")[sample.int(3, 500, replace = TRUE)]
  columns <- list(
    i, as.double(i), i + 0.5, replace(as.double(i), 1:3, NaN), c(0, -0, 1, -0), i %% 2 == 0, i * 1e9, letters[i + 4], utf8,
    latin, i * 200000L, c(NA, NA), rep(NA_character_, 3), integer(), character(), as.Date("2001-01-01") + i,
    c(a = 2L, b = 1L, c = 2L), c(.Machine$integer.max, 0L, -.Machine$integer.max)
  )
  for (x in columns) {
    values <- unique(x)
    values <- values[!is.na(values)]
    expect_identical(distinct(x), list(values = values, code = match(x, values)))
    firms <- asNamespace("firmmove")$panel_firms(x[!is.na(x)]) # a helper of the tests has that name too
    expect_identical(match(firms$code, unique(firms$code)), match(x[!is.na(x)], values))
    expect_true(all(firms$code >= 0 & firms$code < firms$n))
  }
})

test_that("a factor has the codes of its used levels, in their order", {
  x <- factor(c("b", "d", NA, "a", "b"), levels = c("d", "c", "b", "a"))
  expect_identical(ordered_codes(x), list(values = c("d", "b", "a"), code = c(2L, 1L, NA, 3L, 2L)))
  expect_identical(ordered_codes(x, c("a", "b", "d"))$code, c(2L, 3L, NA, 1L, 2L))
})
