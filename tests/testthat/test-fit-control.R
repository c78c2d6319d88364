test_that("defaults use at most two threads and hold nothing fixed", {
  control <- migration_control()
  expect_s3_class(control, "migration_control")
  expect_true(control$threads %in% 1:2)
  expect_identical(control$max_iterations, 100L)
  expect_null(control$fixed)
})

test_that("control prints itself", {
  expect_snapshot(print(migration_control(threads = 2, fixed = c(stay = 1, "push(x)" = 0))))
})

test_that("wrong controls are named", {
  expect_snapshot(error = TRUE, migration_control(threads = 0))
  expect_snapshot(error = TRUE, migration_control(max_iterations = 2.5))
  expect_snapshot(error = TRUE, migration_control(tolerance = -1))
  expect_snapshot(error = TRUE, migration_control(rank_tolerance = "small"))
  expect_snapshot(error = TRUE, migration_control(fixed = c(1, 2)))
  expect_snapshot(error = TRUE, migration_control(fixed = c(a = Inf)))
  expect_snapshot(error = TRUE, migration_control(trace = NA))
  expect_snapshot(error = TRUE, migration_control(patience = 0))
  expect_error(migration_control(treads = 2), "unused argument")
})

test_that("a fork of the process fits with one thread, and does not hang", {
  skip_on_os("windows")
  expect_false(is_forked())
  fork <- parallel::mcparallel(kernel_control(migration_control(threads = 2))$threads)
  expect_equal(parallel::mccollect(fork)[[1]], 1L)
})

test_that("each set of vector instructions can be forced, and moves the last digits alone", {
  skip_on_cran()
  script <- tempfile(fileext = ".R")
  on.exit(unlink(script))
  writeLines(c(
    "library(firmmove)",
    "data <- wenzhou_guzhen(1996:2000)",
    "fit <- fit_migration(~ push(land_price) + log(distance) + keep(log(size)) | place, data)",
    "nested <- fit_migration(~ push(land_price) + log(distance), data, model = nested())",
    "cat(sprintf('%a', c(coef(fit), sqrt(diag(vcov(fit))), coef(nested))))"
  ), script)
  figures <- function(set) {
    given <- c(paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep)), paste0("FIRMMOVE_SIMD=", set))
    said <- system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", script), stdout = TRUE, stderr = FALSE, env = given)
    as.numeric(strsplit(said, " ")[[1L]])
  }
  base <- figures("base")
  expect_true(all(is.finite(base)))
  expect_identical(figures("base"), base)
  for (set in c("avx2", "avx512")) expect_equal(figures(set), base, tolerance = 1e-10)
})
