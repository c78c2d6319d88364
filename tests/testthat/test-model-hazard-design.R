design_of <- function(formula, model = hazard(), data = hazard_data(n = 60), ...) {
  suppressMessages(hazard_design(model, formula, data, ...))
}

test_that("covariates are those of the firm and of its origin", {
  design <- design_of(~ push(rent) + rent:w + keep(w) + coast, hazard(baseline = "log"))
  f <- hazard_frame(n = 60)
  data <- hazard_data(n = 60)
  f <- f[match(paste(data$firms$firm, data$firms$year), paste(f$firm, f$year)), ]
  x <- do.call(cbind, design$spec$multipliers)
  expect_equal(x, unname(cbind(log(f$duration), f$rent, -f$w, f$coast == "yes", f$rent * f$w)))
  expect_identical(design$terms$name[1:6], paste0(
    "move:", c("(Intercept)", "log(duration)", "push(rent)", "keep(w)", "coastyes", "rent:w")
  ))
  expect_identical(design$terms$risk, rep(c("move", "exit"), each = 6))
  expect_equal(design$spec$chosen, as.integer(f$y))
})

test_that("peers are those at the origin", {
  tables <- hazard_tables(n = 60)
  data <- migration_data(tables$firms, tables$places, time = "year")
  design <- design_of(~ peers(scale = "count"), data = data)
  f <- tables$firms
  expected <- vapply(seq_len(nrow(f)), function(i) {
    before <- f$year == f$year[i] - 1 & f$firm != f$firm[i] & f$to %in% f$from[i]
    if (f$year[i] == 1) before <- f$year == 1 & f$firm != f$firm[i] & f$from == f$from[i]
    sum(before)
  }, 0)
  expect_equal(design$spec$multipliers[[1]], expected)
})

test_that("factors have contrasts where the model holds the rest", {
  names_of <- function(formula) {
    data <- hazard_data(n = 60)
    data$firms$kind <- c("x", "y", "z")[1 + data$firms$firm %% 3]
    design_of(formula, hazard(risks = "move"), data)$terms$name[-1]
  }
  expect_identical(names_of(~ kind + w), c("move:kindy", "move:kindz", "move:w"))
  expect_identical(names_of(~ w + kind:w), c("move:w", "move:kindy:w", "move:kindz:w"))
  expect_identical(names_of(~ kind:w), c("move:kindx:w", "move:kindy:w", "move:kindz:w"))
  expect_identical(names_of(~ push(coast)), "move:push(coast)yes")
})

test_that("terms without a meaning for leaving are errors", {
  tables <- hazard_tables(n = 60)
  ties <- expand.grid(from = letters[1:3], to = letters[1:3])
  ties$distance <- seq_len(9)
  data <- migration_data(tables$firms, tables$places, ties[ties$from != ties$to, ], time = "year")
  for (formula in list(
    ~ pull(rent), ~distance, ~stay, ~ stay:w, ~ rent | place, ~ rent - 1, ~ push(w), ~ keep(rent), w ~ rent, ~rnt
  )) {
    expect_snapshot(error = TRUE, hazard_design(hazard(), formula, data))
  }
  expect_snapshot(error = TRUE, hazard_design(hazard(baseline = ~ 0 + duration), ~rent, data))
  expect_snapshot(error = TRUE, hazard_design(hazard(baseline = ~ log(w)), ~rent, data))
})

test_that("missing values are left out and put back", {
  tables <- hazard_tables(n = 60)
  tables$firms$w[c(3, 10)] <- NA
  data <- migration_data(tables$firms, tables$places, time = "year")
  fit <- fit_quietly(~ rent + w, data, hazard())
  expect_equal(fit$n, nrow(tables$firms) - 2)
  padded <- fit_quietly(~ rent + w, data, hazard(), na.action = na.exclude)
  expect_equal(coef(padded), coef(fit))
  expect_equal(nrow(predict(padded)), nrow(tables$firms))
  expect_equal(which(is.na(fitted(padded))), c(3, 10), ignore_attr = TRUE)
  expect_error(fit_quietly(~ rent + w, data, hazard(), na.action = na.fail), class = "firmmove_error_missing")
})

test_that("a subset keeps the durations of the whole panel", {
  data <- hazard_data(n = 100)
  fit <- fit_quietly(~w, data, hazard(baseline = "log"), subset = year > 3)
  f <- hazard_frame(n = 100)
  f <- f[f$year > 3, ]
  peer <- glm(y != "stay" ~ log(duration) + w, binomial("cloglog"), f)
  one <- fit_quietly(~w, data, hazard("logit", "exit", baseline = "log"), subset = year > 3)
  expect_equal(fit$n, nrow(f))
  expect_equal(sort(unique(f$duration)), fit$design$memory$durations)
  expect_equal(
    unname(coef(one)), unname(coef(glm(y == "exit" ~ log(duration) + w, binomial(), f))), tolerance = 1e-6
  )
})

test_that("durations that the baseline cannot use are errors", {
  tables <- hazard_tables(n = 60)
  tables$firms$age <- tables$firms$year - 1
  tables$firms$none <- NA_real_
  data <- migration_data(tables$firms, tables$places, time = "year")
  expect_snapshot(error = TRUE, design_of(~w, hazard(baseline = "log", duration = "age"), data))
  expect_snapshot(error = TRUE, design_of(~w, hazard(duration = "none"), data))
  first <- tables$firms[tables$firms$year == 1, c("firm", "from", "to", "w")]
  once <- migration_data(first, tables$places[tables$places$year == 1, c("place", "rent")])
  expect_snapshot(error = TRUE, design_of(~w, hazard(baseline = "spline"), once))
  expect_identical(design_of(~w, hazard(), once)$duration, rep(1L, 60))
})

test_that("tibbles and data tables give the same design", {
  skip_if_not_installed("tibble")
  skip_if_not_installed("data.table")
  tables <- hazard_tables(n = 60)
  other <- migration_data(tibble::as_tibble(tables$firms), data.table::as.data.table(tables$places), time = "year")
  expect_identical(
    design_of(~ rent + w, hazard(baseline = "log"), other)$spec, design_of(~ rent + w, hazard(baseline = "log"))$spec
  )
})
