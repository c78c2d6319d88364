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

test_that("who connects without the secret is hung up on, and nothing of it is read", {
  skip_on_cran()
  server <- worker_server()
  on.exit(close(server$socket))
  token <- strrep("a", 64)
  for (say in list(raw(), charToRaw(strrep("b", 64)), serialize(list(fun = "stop"), NULL), charToRaw(strrep("a", 63)))) {
    stranger <- socketConnection("127.0.0.1", server$port, blocking = TRUE, open = "a+b", timeout = 5)
    writeBin(say, stranger)
    begin <- elapsed()
    expect_null(accept_worker(server, token))
    expect_lt(elapsed() - begin, 10)
    close(stranger)
  }
  worker <- socketConnection("127.0.0.1", server$port, blocking = TRUE, open = "a+b", timeout = 5)
  writeBin(charToRaw(token), worker)
  expect_s3_class(connection <- accept_worker(server, token), "sockconn")
  close(worker)
  close(connection)
})

test_that("the session listens for workers on the loopback address alone", {
  skip_on_cran()
  skip_if_not(file.exists("/proc/net/tcp"))
  server <- worker_server()
  on.exit(close(server$socket))
  sockets <- strsplit(trimws(readLines("/proc/net/tcp")[-1L]), " +")
  address <- vapply(sockets, `[`, "", 2L)
  listens <- address[vapply(sockets, `[`, "", 4L) == "0A" & endsWith(address, sprintf(":%04X", server$port))]
  expect_identical(listens, sprintf("0100007F:%04X", server$port))
})

test_that("the secret is in no command and in no environment that lasts", {
  skip_on_cran()
  skip_if_not(file.exists("/proc/self/cmdline"))
  workers <- migration_workers(1)
  on.exit(parallel::stopCluster(workers))
  words <- readBin(sprintf("/proc/%d/cmdline", workers[[1L]]$process), "raw", 1e5)
  words[words == 0] <- charToRaw(" ")
  expect_no_match(rawToChar(words), "[0-9a-f]{64}")
  expect_identical(parallel::clusterCall(workers, Sys.getenv, "FIRMMOVE_WORKER"), list(""))
  expect_identical(Sys.getenv("FIRMMOVE_WORKER"), "")
  # errors and interrupts of a call are answers
  expect_error(parallel::clusterCall(workers, function() stop("no")), "no")
  expect_identical(parallel::clusterCall(workers, function() "mine"), list("mine"))
})
