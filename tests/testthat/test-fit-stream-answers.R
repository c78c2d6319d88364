moves <- ~ keep(size) + rent + distance

#' The fit of a store and that of the same rows in memory, in the same slices
fit_twice <- function(formula, data, ..., slice = 150) {
  store <- store_of(data, shard_rows = 70)
  list(store = quiet_fit(formula, store, ..., control = sliced(slice)),
       memory = quiet_fit(formula, data, ..., control = sliced(slice)))
}

#' Spells whose rows are named by their number
in_order <- function(n) {
  tables <- hazard_tables(n)
  rownames(tables$firms) <- NULL
  migration_data(tables$firms, tables$places, time = "year")
}

made <- new.env()
conditional_twice <- function() {
  if (is.null(made$fits)) made$fits <- fit_twice(moves, together())
  made$fits
}

models_twice <- function() {
  if (is.null(made$models)) {
    made$models <- list(
      conditional = conditional_twice(),
      nested = fit_twice(moves, together(), model = nested()),
      occasions = fit_twice(~ rent + distance, together(), model = few_draws(panel = FALSE)),
      frailty = fit_twice(~ push(rent) + w, in_order(100), model = hazard(frailty = TRUE), slice = 300),
      mixed = fit_twice(~ rent + distance, together(), model = few_draws()),
      latent = fit_twice(~ x + y, two_clear_kinds(100), model = latent(2, ~z, starts = 2)),
      hazard = fit_twice(~ push(rent) + w, in_order(100), model = hazard(baseline = "log"), slice = 300)
    )
  }
  made$models
}

test_that("predictions of a fit on a store are those in memory, of all models", {
  for (name in names(models_twice())) {
    fits <- models_twice()[[name]]
    types <- if (name %in% c("hazard", "frailty")) c("probability", "hazard", "utility", "choice") else c("flows", "choice", "logsum", "probability", "utility")
    for (type in types) {
      expect_equal(predict(fits$store, type = type), predict(fits$memory, type = type), tolerance = 1e-10,
                   label = paste(name, type))
    }
  }
})

test_that("predictions for another store, other data and new firms are those in memory", {
  fits <- conditional_twice()
  tables <- relocation(100, seed = 8)
  other <- together(tables)
  store <- store_of(other)
  for (type in c("flows", "choice", "logsum", "probability")) {
    expected <- predict(fits$memory, other, type = type)
    expect_equal(predict(fits$store, store, type = type), expected, tolerance = 1e-10)
    expect_equal(predict(fits$store, other, type = type), expected, tolerance = 1e-10)
    expect_equal(predict(fits$memory, store, type = type), expected, tolerance = 1e-10)
  }
  firms <- data.frame(firm = c("x", "y"), year = 1:2, from = c("a", "f"), size = c(3, 0.2))
  expect_equal(predict(fits$store, firms), predict(fits$memory, firms), tolerance = 1e-12)
  expect_error(predict(fits$store, list(1)), class = "firmmove_error_newdata")
})

test_that("predictions with subset, weights, missing values and empty slices are those in memory", {
  tables <- relocation()
  tables$firms$size[c(3, 200)] <- NA
  tables$firms$first <- tables$firms$firm %in% together()$firms$firm[1:160]
  data <- together(tables)
  fits <- fit_twice(moves, data, subset = quote(!first), weights = quote(w))
  for (type in c("flows", "choice", "logsum")) {
    expect_equal(predict(fits$store, type = type), predict(fits$memory, type = type), tolerance = 1e-10)
  }
  fits <- fit_twice(moves, data, na.action = na.exclude)
  for (type in c("flows", "choice", "logsum")) {
    expect_equal(predict(fits$store, type = type), predict(fits$memory, type = type), tolerance = 1e-10)
  }
})

test_that("predictions that would not fit the memory are refused", {
  fit <- conditional_twice()$store
  fit$control <- migration_control(memory = 10000)
  expect_snapshot(error = TRUE, predict(fit, type = "probability"))
  expect_equal(sum(predict(fit, type = "flows")$flow), 400)
})

test_that("standard errors of a fit on a store are those in memory, of all models", {
  for (name in names(models_twice())) {
    fits <- models_twice()[[name]]
    for (type in c("hessian", "robust", "opg")) {
      expect_equal(vcov(fits$store, type), vcov(fits$memory, type), tolerance = 1e-10, label = paste(name, type))
    }
  }
  fits <- conditional_twice()
  expect_equal(vcov(fits$store, cluster = ~firm), vcov(fits$memory, cluster = ~firm), tolerance = 1e-10)
  expect_equal(vcov(fits$store, cluster = ~kin), vcov(fits$memory, cluster = ~kin), tolerance = 1e-10)
  expect_equal(vcov(fits$store, "cluster"), vcov(fits$memory, "cluster"), tolerance = 1e-10)
  expect_snapshot(error = TRUE, {
    vcov(fits$store, cluster = ~ kin + year)
    vcov(fits$store, cluster = ~nothing)
    vcov(fits$store, cluster = rep(1:2, 200))
  })
})

test_that("flows of a store are those of its data", {
  data <- wenzhou_guzhen()
  store <- store_of(data, shard_rows = 4000)
  for (by_time in c(FALSE, TRUE)) {
    for (zeros in c(FALSE, TRUE)) {
      expected <- as_flows(data, by_time = by_time, zeros = zeros)
      expect_equal(as_flows(store, by_time = by_time, zeros = zeros), expected)
      parts <- with_function("store_slices", function(store, rows) {
        data.frame(first = seq(1, store$n, 3000), last = c(seq(3000, store$n, 3000), store$n))
      }, as_flows(store, by_time = by_time, zeros = zeros))
      expect_equal(parts, expected)
    }
  }
})

test_that("decompositions of a store are those of its data, and read the columns they use", {
  data <- wenzhou_guzhen()
  store <- store_of(data, shard_rows = 4000)
  read <- NULL
  rows <- store_rows
  watch <- function(store, first, last, columns = NULL) {
    read <<- c(read, columns)
    rows(store, first, last, columns)
  }
  same <- function(call) {
    memory <- suppressMessages(eval(call, list(data = data)))
    read <<- NULL
    streamed <- with_function("store_rows", watch, suppressMessages(eval(call, list(data = store))))
    memory$call <- streamed$call <- NULL
    expect_equal(streamed, memory)
    setdiff(read, c("firm", "year", "from", "to"))
  }
  expect_setequal(same(quote(decompose_cluster(data, "productivity", "output"))), c("productivity", "output"))
  expect_setequal(same(quote(decompose_productivity(data, "productivity", "output"))), c("productivity", "output"))
  expect_setequal(same(quote(decompose_growth(data, industry = "segment", size = "jobs"))), c("segment", "jobs"))
  expect_setequal(
    same(quote(decompose_gap(log(output) ~ age + exporter, data, "from", c("Wenzhou", "Guzhen")))),
    c("output", "age", "exporter")
  )
  expect_setequal(
    same(quote(compare_quantiles(data, "productivity", "from", c("Wenzhou", "Guzhen"), draws = 0, ranks = 50))), "productivity"
  )
  expect_error(decompose_cluster(store, "nothing", "output"), class = "firmmove_error_columns")
  write_store(relocation_data(40), store$path, overwrite = TRUE)
  expect_error(decompose_cluster(store, "productivity", "output"), class = "firmmove_error_store_changed")
})
