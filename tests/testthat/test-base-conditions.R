test_that("conditions carry a class and paste their message", {
  expect_error(abort("a ", 1, class = "argument"), "^a 1$", class = "firmmove_error_argument")
  expect_error(abort("a"), class = "firmmove_error")
  expect_warning(warn("b", class = "no_movers"), class = "firmmove_warning_no_movers")
  expect_message(inform("c"), class = "firmmove_message")
  error <- tryCatch(abort("a"), error = identity)
  expect_null(conditionCall(error))
})

test_that("quote_names() shortens long lists, but not by one name", {
  expect_equal(quote_names(c("a", "b")), "`a`, `b`")
  expect_equal(quote_names(letters[1:6]), "`a`, `b`, `c`, `d`, `e`, `f`")
  expect_equal(quote_names(letters[1:10], max = 3), "`a`, `b`, `c` and 7 more")
  expect_equal(quote_names(factor("z")), "`z`")
})

test_that("nearest_name() offers a slip of the pen, not another word", {
  expect_equal(nearest_name("land_prise", c("wage", "land_price")), "land_price")
  expect_equal(nearest_name("FIRM", c("firm", "form")), "firm")
  expect_null(nearest_name("distance", c("x", "wage")))
  expect_null(nearest_name("a", character()))
  expect_equal(nearest_name("yaer", "year"), "year")
  expect_equal(nearest_name("dist", c("wage", "distance")), "distance")
  # two edits of four letters are another word, and so is another letter
  expect_null(nearest_name("prod", c("from", "to")))
  expect_null(nearest_name("from", "firm"))
  expect_null(nearest_name("x", c("y", "z")))
  expect_null(nearest_name(NA_character_, "NA"))
  expect_null(nearest_name(3, "3"))
})

test_that("did_you_mean() ends a message where a slip is likely, else says something else", {
  expect_equal(did_you_mean("rnet", c("wage", "rent")), " Did you mean `rent`?")
  expect_equal(did_you_mean("yaer", c("firm", "year"), write = "time"), " Did you mean time = \"year\"?")
  expect_null(did_you_mean("quality", c("wage", "rent")))
  expect_equal(did_you_mean("quality", "rent", otherwise = " It has `rent`."), " It has `rent`.")
  expect_null(did_you_mean(NULL, "rent"))
})

test_that("plural() counts", {
  expect_equal(plural(1, "row"), "1 row")
  expect_equal(plural(0, "row"), "0 rows")
  expect_equal(plural(1234567, "row"), "1,234,567 rows")
  expect_equal(plural(2, "entry", "entries"), "2 entries")
})
