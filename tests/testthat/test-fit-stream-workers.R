moves <- ~ keep(size) + rent + distance

test_that("a fit on a store is the same bits with 0, 1 and 2 workers", {
  skip_on_cran()
  store <- store_of(together(), shard_rows = 90)
  alone <- fit_migration(moves, store, control = sliced(40))
  workers <- migration_workers(2)
  on.exit(stop_toys(workers))
  for (n in 1:2) {
    fit <- expect_silent(fit_migration(moves, store, control = sliced(40), workers = workers[seq_len(n)]))
    expect_same_bits(fit, alone)
  }
})

test_that("all models give the same bits with workers", {
  skip_on_cran()
  workers <- migration_workers(2)
  on.exit(stop_toys(workers))
  same <- function(formula, data, ..., slice = 100) {
    store <- store_of(data)
    fit <- function(workers) quiet_fit(formula, store, ..., control = sliced(slice), workers = workers)
    expect_same_bits(fit(workers), fit(NULL))
  }
  same(moves, together(), model = nested())
  same(~ rent + distance, together(), model = few_draws())
  same(~ x + y, two_clear_kinds(), model = latent(2, ~z, starts = 2), slice = 300)
  same(~ push(rent) + w, hazard_data(200, v = 1), model = hazard(baseline = "log", frailty = TRUE), slice = 300)
  same(~ keep(kin) + distance + peers(kin) | place, together(), weights = quote(w), subset = quote(size < 3))
})

test_that("values of the caller travel to workers, and slices spill there", {
  skip_on_cran()
  store <- store_of(together())
  limit <- 1.5
  scaled <- function(x) x / limit
  memory <- little_memory(store, moves, slice = 40)
  alone <- fit_migration(~ pull(scaled(rent)) + keep(size), store, subset = size < 2 * limit, control = sliced(40))
  workers <- migration_workers(2)
  on.exit(stop_toys(workers))
  fit <- fit_migration(~ pull(scaled(rent)) + keep(size), store, subset = size < 2 * limit, workers = workers,
                       control = sliced(40, memory = memory))
  expect_same_bits(fit, alone)
  spilled <- function() length(list.files(tempdir(), "^slice-"))
  environment(spilled) <- globalenv()
  expect_equal(unlist(parallel::clusterCall(workers, spilled)), c(0, 0))
})

test_that("a worker that is killed in the middle of a fit changes no digit, and is told", {
  skip_on_cran()
  skip_on_os("windows")
  store <- store_of(together())
  alone <- fit_migration(moves, store, control = sliced(40))
  workers <- migration_workers(2)
  on.exit(stop_toys(workers))
  passes <- 0L
  sums <- crew_sums
  # killed before the third pass
  kill <- function(...) {
    passes <<- passes + 1L
    if (passes == 3L) tools::pskill(workers[[2]]$process, 9L)
    sums(...)
  }
  with_function("crew_sums", kill, expect_warning(
    fit <- fit_migration(moves, store, control = sliced(40), workers = workers), class = "firmmove_warning_workers"
  ))
  expect_gt(passes, 3)
  expect_same_bits(fit, alone)
})

test_that("a worker that is killed while it builds its slices changes no digit", {
  skip_on_cran()
  skip_on_os("windows")
  store <- store_of(together())
  alone <- fit_migration(moves, store, control = sliced(40))
  workers <- migration_workers(2)
  on.exit(stop_toys(workers))
  counts <- crew_counts
  kill <- function(crew) {
    signal_later(workers[[1]]$process, "KILL", 0.05)
    counts(crew)
  }
  with_function("crew_counts", kill, fit <- quiet_fit(moves, store, control = sliced(40), workers = workers))
  expect_same_bits(fit, alone)
})

test_that("a fit whose workers are all killed is done by the session", {
  skip_on_cran()
  skip_on_os("windows")
  store <- store_of(together())
  workers <- migration_workers(2)
  on.exit(stop_toys(workers))
  passes <- 0L
  sums <- crew_sums
  kill <- function(...) {
    passes <<- passes + 1L
    if (passes == 2L) for (node in unclass(workers)) tools::pskill(node$process, 9L)
    sums(...)
  }
  with_function("crew_sums", kill, fit <- quiet_fit(moves, store, control = sliced(40), workers = workers))
  expect_same_bits(fit, fit_migration(moves, store, control = sliced(40)))
})

test_that("workers are for stores, and must see the store", {
  skip_on_cran()
  workers <- migration_workers(1)
  on.exit(stop_toys(workers))
  expect_snapshot(error = TRUE, {
    fit_migration(moves, together(), workers = workers)
    fit_migration(moves, store_of(together()), workers = 2)
  })
})

test_that("a store that changes under workers ends the fit", {
  skip_on_cran()
  store <- store_of(together())
  workers <- migration_workers(2)
  on.exit(stop_toys(workers))
  start <- workers_start
  tables <- relocation()
  tables$firms$size <- 2 * tables$firms$size
  change <- function(...) {
    crew <- start(...)
    write_store(together(tables), store$path, overwrite = TRUE)
    crew
  }
  with_function("workers_start", change, expect_error(
    suppressWarnings(fit_migration(moves, store, control = sliced(40), workers = workers)), "changed|not the one"
  ))
  # and they serve the next one
  store <- open_store(store$path)
  expect_same_bits(fit_migration(moves, store, control = sliced(40), workers = workers),
                   fit_migration(moves, store, control = sliced(40)))
})
