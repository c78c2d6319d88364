test_that("a number that has become text, TRUE or a factor is an error in new data, and the other way round", {
  fit <- fit_migration(~ rent + keep(size), stayers_by_size())
  new <- function(size) data.frame(firm = seq_along(size), from = "a", size = size)
  expect_equal(dim(predict(fit, new(c(3, 7)))), c(2L, 3L))
  expect_equal(unname(predict(fit, new(c(3L, 7L)))), unname(predict(fit, new(c(3, 7)))))
  wrong <- list(c("3", "7"), c("3", "7", "9"), factor(c(3, 7)), c(TRUE, FALSE), as.Date(c(3, 7), "1970-01-01"))
  for (size in wrong) {
    expect_error(predict(fit, new(size)), "but was a number when the model was fitted", class = "firmmove_error_newdata")
  }
  # a column that is missing throughout is no other type
  expect_true(all(is.na(predict(fit, new(c(NA, NA))))))
  by_text <- stayers_by_size()
  by_text <- migration_data(transform(by_text$firms, size = c("small", "large")[(size > 5) + 1]), by_text$places)
  fit <- fit_migration(~ rent + keep(size), by_text)
  expect_error(predict(fit, new(c(3, 7))), "is a number, but was text", class = "firmmove_error_newdata")
  expect_equal(predict(fit, new(factor(c("large", "small")))), predict(fit, new(c("large", "small"))))
})

test_that("the types of long data, of expressions, places and ties are held too", {
  d <- three_places()
  new <- subset(d, id <= 2)
  expect_error(predict(fit_three(y ~ q + z, d), transform(new, q = as.character(q))), "`q` of `data` is text")
  # text compares with numbers without a word
  expect_error(predict(fit_three(y ~ I(q > 5) + z, d), transform(new, q = as.character(q))), "`q` of `data` is text")
  d$when <- as.Date("2000-01-01") + seq_len(nrow(d)) %% 7
  expect_error(predict(fit_three(y ~ when, d), transform(new, when = as.POSIXct("2000-01-01"))), "was a date when")
  d$wait <- as.difftime(d$q, units = "days")
  new$wait <- as.difftime(24 * new$q, units = "hours")
  expect_error(predict(fit_three(y ~ wait, d), new), "a duration in hours, but was a duration in days")
  data <- stayers_by_size()
  fit <- fit_migration(~ rent, data)
  expect_error(counterfactual(fit, places = transform(data$places, rent = as.character(rent)), draws = 0),
    "`rent` of `places` is text", class = "firmmove_error_newdata"
  )
})

test_that("membership of latent classes holds its types", {
  data <- relocation_data()
  fit <- suppressWarnings(fit_migration(~ rent, data, model = latent(2, ~size, starts = 1, varying = "first")))
  firms <- transform(data$firms[1:4, ], size = as.character(size))
  expect_error(predict(fit, firms), "`size` of `firms` is text", class = "firmmove_error_newdata")
})

test_that("numbers read as text are no factors of hundreds of levels", {
  d <- three_places()
  d$thousands <- format(round(1000 + 500 * d$x, 1), big.mark = ",")
  d$comma <- sub(".", ",", round(d$x, 1), fixed = TRUE)
  d$absent <- replace(as.character(seq_len(nrow(d))), 5, "n/a")
  for (name in c("thousands", "comma", "absent")) {
    expect_error(fit_three(reformulate(name, "y"), d), "values that look like numbers",
      class = "firmmove_error_disguised_number"
    )
  }
  expect_error(fit_three(y ~ absent, d), "600 values that look like numbers (`n/a`)", fixed = TRUE)
  # codes are text, and few plain numbers may be meant
  d$code <- sprintf("%02d", rep(1:3, 200))
  d$few <- rep(c("1", "2", "10"), 200)
  expect_named(coef(fit_three(y ~ code + x, d)), c("code02", "code03", "x"))
  expect_named(coef(fit_three(y ~ few + x, d)), c("few10", "few2", "x"))
})
