test_that("predictions on long data do not need an answer, nor a valid one", {
  fit <- fit_three(y ~ x + z)
  new <- subset(three_places(), id <= 2)
  p <- predict(fit, new)
  expect_equal(predict(fit, transform(new, y = NA)), p)
  expect_equal(predict(fit, transform(new, y = 0)), p)
  expect_equal(predict(fit, transform(new, y = c(1, 1, 0, NA, 0, 0))), p)
  expect_equal(predict(fit, subset(new, select = -y)), p)
})

test_that("a place may be withdrawn, and an occasion be left with one: shares are of the whole population", {
  fit <- fit_three(y ~ x + z)
  new <- subset(three_places(), id <= 2)
  b <- coef(fit)
  rest <- subset(new, alt != "a")
  v <- exp(drop(as.matrix(rest[c("x", "z")]) %*% b))
  expect_equal(unname(predict(fit, rest)), unname(v / ave(v, rest$id, FUN = sum)))
  expect_silent(p <- predict(fit, subset(new, !(id == 1 & alt != "a"))))
  expect_equal(p[["1"]], 1)
  expect_equal(p[c("4", "5", "6")], predict(fit, new)[c("4", "5", "6")])
  expect_equal(predict(fit, new[1, ]), c("1" = 1))
  # constants and factors of places are those of the fit
  constants <- fit_three(y ~ x | alt)
  written <- fit_three(y ~ x + alt)
  expect_equal(predict(constants, rest), predict(written, rest), tolerance = 1e-7)
})

test_that("occasions with one place are kept in a fit, with a note, and change no estimate", {
  d <- three_places()
  one <- subset(d, !(id %in% 5:6 & y == 0))
  expect_message(fit <- fit_three(y ~ x + z, one), "2 occasions offer one place only: `5`, `6`",
    class = "firmmove_message_one_place"
  )
  without <- fit_three(y ~ x + z, subset(d, !id %in% 5:6))
  expect_equal(coef(fit), coef(without), tolerance = 1e-12)
  expect_equal(vcov(fit), vcov(without), tolerance = 1e-10)
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(without)))
  expect_equal(nobs(fit), 200)
  expect_equal(unname(predict(fit)[one$id %in% 5:6]), c(1, 1))
  one$nest <- ifelse(one$alt == "a", "p", "q")
  quiet <- function(e) suppressMessages(suppressWarnings(e))
  for (model in list(nested(~nest), latent(2, starts = 2, seed = 1))) {
    fit <- quiet(fit_three(y ~ x + z, one, model = model))
    expect_equal(coef(fit), coef(quiet(fit_three(y ~ x + z, subset(one, !id %in% 5:6), model = model))), tolerance = 1e-6)
    expect_equal(unname(predict(fit)[one$id %in% 5:6]), c(1, 1))
  }
})

test_that("rows with a missing value give NA, be they all there is", {
  new <- subset(three_places(), id <= 2)
  fit <- fit_three(y ~ x + z)
  expect_equal(predict(fit, transform(new, x = NA)), setNames(rep(NA_real_, 6), 1:6))
  expect_equal(predict(fit, transform(new, x = NA), type = "logsum"), c("1" = NA_real_, "2" = NA))
  expect_equal(nrow(predict(fit, transform(new, x = NA), type = "flows")), 0)
  data <- stayers_by_size()
  fit <- fit_migration(~ rent + keep(size), data)
  both <- predict(fit, data.frame(firm = 1:2, from = "a", size = c(3, NA)))
  expect_equal(is.na(both[, "a"]), c("1" = FALSE, "2" = TRUE))
  alone <- predict(fit, data.frame(firm = 1, from = "a", size = NA))
  expect_equal(alone, matrix(NA_real_, 1, 3, dimnames = list("1", c("a", "b", "c"))))
  expect_equal(predict(fit, data.frame(firm = 1, from = "a", size = NA), type = "choice"),
    setNames(factor(NA, c("a", "b", "c")), 1)
  )
  hazard <- fit_migration(~ size, data, model = hazard(risks = "move", baseline = "constant"))
  expect_true(all(is.na(predict(hazard, data.frame(firm = 1, from = "a", size = NA)))))
  expect_equal(colnames(predict(hazard, data.frame(firm = 1, from = "a", size = NA))), c("stay", "move"))
  expect_true(is.na(predict(hazard, data.frame(firm = 1, from = "a", size = NA), type = "hazard")))
})

test_that("an occasion may be named by several columns, and times keep parts of a second", {
  d <- three_places()
  d$person <- (d$id - 1) %/% 4
  d$task <- (d$id - 1) %% 4 + 1
  fit <- fit_three(y ~ x + z, d)
  two <- fit_migration(y ~ x + z, d, id = c("person", "task"), firm = "person", place = "alt")
  expect_equal(coef(two), coef(fit), tolerance = 1e-10)
  expect_equal(two$n_firms, 50)
  expect_equal(predict(two, d[1:6, setdiff(names(d), "y")]), predict(fit, d[1:6, ]), tolerance = 1e-10)
  expect_error(fit_migration(y ~ x, d, id = "task", firm = "person", place = "alt"),
    "`task` restarts with every `person`, so it is no id by itself: write id = c(\"person\", \"task\")", fixed = TRUE
  )
  expect_error(fit_migration(y ~ x, d, id = "task", place = "alt"), "name both columns", fixed = TRUE)
  d$when <- as.POSIXct("2020-01-01", tz = "UTC") + d$id / 4
  expect_equal(coef(fit_migration(y ~ x + z, d, id = "when", place = "alt")), coef(fit), tolerance = 1e-10)
  mixed <- d[sample(nrow(d)), ]
  expect_equal(coef(fit_migration(y ~ x + z, mixed, id = "when", place = "alt")), coef(fit), tolerance = 1e-10)
  expect_equal(fit_migration(y ~ x, d, id = "id", firm = "when", place = "alt")$n_firms, 200)
})
