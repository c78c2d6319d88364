# Fits of data in slices: what two of them must have in common, and data that are quick to fit.

# The figures of a fit that do not depend on where its data are
figures <- function(fit) {
  fit[c("coefficients", "effects", "covariance", "loglik", "loglik_null", "n", "n_firms", "n_movers", "df")]
}

expect_same_bits <- function(fit, other) {
  testthat::expect_identical(figures(fit), figures(other))
}

expect_same_fit <- function(fit, other, tolerance = 1e-8) {
  testthat::expect_equal(figures(fit), figures(other), tolerance = tolerance)
}

sliced <- function(slice = 150, threads = 1, ...) migration_control(slice = slice, threads = threads, ...)

# Fits of the same call to data in memory, in one piece and in slices
in_slices <- function(formula, data, ..., slice = 150) {
  fit <- function(control) quiet_fit(formula, data, ..., control = control)
  list(whole = fit(one_thread()), sliced = fit(sliced(slice)), two = fit(sliced(slice, threads = 2)))
}

expect_slices_agree <- function(fits, tolerance = 1e-8) {
  expect_same_fit(fits$sliced, fits$whole, tolerance)
  expect_same_bits(fits$sliced, fits$two)
}

# Evaluates code with another function in place of one of the package
with_function <- function(name, fun, code) {
  namespace <- asNamespace("firmmove")
  old <- get(name, namespace)
  put <- function(value) {
    unlockBinding(name, namespace)
    assign(name, value, namespace)
    lockBinding(name, namespace)
  }
  on.exit(put(old))
  put(fun)
  code
}

# Data as relocation(), the rows of each firm together
together <- function(tables = relocation()) {
  tables$firms <- tables$firms[order(match(tables$firms$firm, unique(tables$firms$firm))), ]
  rownames(tables$firms) <- NULL
  migration_data(tables$firms, tables$places, tables$ties, time = "year")
}

# Data of two clear classes, the rows of each firm together
two_clear_kinds <- function(firms = 200) {
  tables <- two_kinds(firms = firms, times = 3, apart = 1.5)
  tables$firms <- tables$firms[order(tables$firms$firm), ]
  rownames(tables$firms) <- NULL
  migration_data(tables$firms, tables$places, time = "year")
}

# A fit without its messages; weights and subset, as elsewhere, are looked up in the data
quiet_fit <- function(formula, data, ..., weights = NULL, subset = NULL) {
  call <- as.call(c(list(quote(fit_migration), formula, data), list(...)))
  call$weights <- weights
  call$subset <- subset
  suppressWarnings(suppressMessages(eval(call)))
}

few_draws <- function(...) mixed(c(rent = "normal"), draws = 16, check_draws = 0, ...)

# Expects the same bits of a fit from memory, raw and deflated stores, whatever their shards, and with slices on disk
#
# @param ... formula and other arguments of fit_migration(), as quoted where they are looked up in the data.
# @param slice rows of a slice: all have at least two.
expect_store_bits <- function(formula, data, ..., slice = 150, shards = c(262144, 61)) {
  memory <- quiet_fit(formula, data, ..., control = sliced(slice))
  for (rows in shards) {
    for (compress in c(FALSE, TRUE)) {
      store <- store_of(data, shard_rows = rows, compress = compress)
      expect_same_bits(quiet_fit(formula, store, ..., control = sliced(slice)), memory)
      unlink(store$path, recursive = TRUE)
    }
  }
  invisible(memory)
}

# Fits of a store without messages and paths of this machine.
without_paths <- function(lines) gsub("`[^`]*store-[0-9a-f]+`", "`<store>`", lines)

# Memory in which a slice can be built, and room for few of them is left
little_memory <- function(store, formula, model = conditional(), slice = 150, slices = 1) {
  plan <- stream_plan(store, model, formula, list(weights = NULL, subset = NULL, env = globalenv()), na.omit, sliced(slice))
  plan$basis <- learn_basis(plan)
  head <- stream_head(plan)
  full <- sliced(slice, memory = "1GB")
  need <- full$memory - check_room(plan, head, full)
  plan$memory <- head$setup$memory
  plan$basis <- head$design$basis
  plan$room <- Inf
  need + slices * slice_build(plan, 1L)$bytes * 1.01
}
