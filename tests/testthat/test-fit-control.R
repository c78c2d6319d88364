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
