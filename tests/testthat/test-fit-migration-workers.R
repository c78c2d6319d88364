test_that("both ends of the sockets send at once, and packages come from the same libraries", {
  before <- options(socketOptions = NULL)
  libraries <- .libPaths()
  on.exit({
    options(before)
    .libPaths(libraries)
  })
  # a library that only this session knows of
  dir.create(own <- tempfile("library-"))
  .libPaths(c(own, libraries))
  workers <- migration_workers(1)
  expect_identical(parallel::clusterCall(workers, getOption, "socketOptions"), list("no-delay"))
  expect_null(getOption("socketOptions"))
  expect_identical(parallel::clusterCall(workers, eval, quote(.libPaths())), list(.libPaths()))
  expect_equal(basename(.libPaths()[1]), basename(own))
  parallel::stopCluster(workers)
})

test_that("workers are a cluster that prints itself, works in parallel, and stops though one is dead", {
  workers <- migration_workers(2)
  expect_s3_class(workers, c("migration_workers", "SOCKcluster", "cluster"), exact = TRUE)
  anonymous <- function(lines) gsub("process [0-9]+", "process <id>", lines)
  expect_snapshot(print(workers), transform = anonymous)
  expect_identical(parallel::parLapply(workers, 1:3, sqrt), lapply(1:3, sqrt))
  expect_s3_class(workers[1], "migration_workers")
  tools::pskill(workers[[1]]$process, 9)
  parallel::stopCluster(workers)
  expect_snapshot(print(workers), transform = anonymous)
})

test_that("a wrong number of workers is named", {
  expect_snapshot(error = TRUE, migration_workers(0))
})
