# The bits of sums do not depend on workers; see helper-workers.R for the toys.
same_sums <- function(crew, plan, theta = c(0.1, -0.4, 0.7)) {
  expect_identical(toy_passes(crew, theta), lapply(theta, function(at) toy_sums(plan, at)))
}

# Numbers of processes and names of machines are not the same on any two runs.
anonymous <- function(lines) {
  gsub("process [0-9]+", "process <id>", gsub(Sys.info()[["nodename"]], "<host>", lines, fixed = TRUE))
}

test_that("sums are the same bits for 1, 2 and 3 workers", {
  skip_on_cran()
  plan <- toy_plan()
  for (n in 1:3) {
    workers <- if (n == 2) toy_workers(n, migration_workers) else toy_workers(n)
    crew <- workers_start(workers, plan, migration_control())
    expect_equal(tabulate(crew$owner, n), rep(12 / n, n))
    counts <- crew_counts(crew)
    expect_equal(vapply(counts, `[[`, 1, "rows"), rep(50, 12))
    same_sums(crew, plan)
    expect_identical(crew_sums(crew, NULL, 0.2, 0), toy_sums(plan, 0.2, 0))
    expect_silent(crew_stop(crew))
    stop_toys(workers)
  }
})

test_that("a crew leaves the cluster usable and the workers without its slices", {
  workers <- toy_workers(2)
  on.exit(stop_toys(workers))
  plan <- toy_plan()
  first <- workers_start(workers, plan, migration_control())
  same_sums(first, plan)
  held <- function() length(ls(getFromNamespace("worker_memory", "firmmove")))
  environment(held) <- globalenv()
  expect_identical(parallel::clusterCall(workers, held), list(1L, 1L))
  crew_stop(first)
  expect_identical(parallel::clusterCall(workers, held), list(0L, 0L))
  expect_length(unique(processes_of(workers)), 2)
  # two fits at a time: workers that have forgotten a plan are sent it again
  one <- workers_start(workers, plan, migration_control())
  other <- workers_start(workers, toy_plan(5), migration_control())
  same_sums(one, plan, 0.3)
  same_sums(other, toy_plan(5), 0.3)
  same_sums(one, plan, -0.3)
  crew_stop(other)
  crew_stop(one)
})

test_that("slices stay where they are, and runs follow the speed of workers", {
  workers <- toy_workers(2)
  on.exit(stop_toys(workers))
  crew <- workers_start(workers, toy_plan(40), migration_control())
  where <- function() vapply(crew_counts(crew), `[[`, 1L, "process")
  where()
  keeps <- where()
  expect_identical(where(), keeps)
  expect_identical(keeps, processes_of(workers)[crew$owner])
  crew_stop(crew)
})

test_that("batches are halves within limits of time", {
  crew <- new.env()
  crew$times <- new.env()
  crew$cached <- matrix(TRUE, 100, 1)
  work <- list(kind = "sums 2")
  size <- function(share) batch_size(crew, work, 1L, seq_len(share), share)
  expect_equal(size(40), 1)
  note_seconds(crew, "sums 2", FALSE, 0.01)
  expect_equal(vapply(c(100, 40, 8, 4, 1), size, 1), c(50, 20, 5, 4, 1))
  for (i in 1:30) note_seconds(crew, "sums 2", FALSE, 0.5)
  expect_equal(vapply(c(100, 4, 1), size, 1), c(4, 2, 1))
  for (i in 1:30) note_seconds(crew, "sums 2", FALSE, 60)
  expect_equal(size(100), 1)
})

test_that("runs are contiguous and as equal as can be", {
  for (k in 1:5) {
    runs <- cut_runs(12, k)
    expect_false(is.unsorted(runs))
    expect_lte(diff(range(tabulate(runs, k))), 1)
  }
  expect_identical(cut_runs(2, 3), c(2L, 3L))
})

test_that("the threads of workers on one machine are not more than its cores", {
  facts <- function(host, cores) list(host = host, cores = cores)
  crew <- list(
    facts = list(facts("a", 8L), facts("a", 8L), NULL, facts("b", 2L), facts("a", 8L)),
    control = migration_control(threads = 4)
  )
  expect_identical(threads_by_host(crew), c(2L, 2L, 1L, 2L, 2L))
})

# Faults ---------------------------------------------------------------------------------------------------------

test_that("a worker that is killed loses its slices to the other, and sums stay the same", {
  skip_on_cran()
  skip_on_os("windows")
  set.seed(1)
  plan <- toy_plan(30, seconds = 0.02)
  for (after in runif(3, 0, 0.6)) {
    workers <- toy_workers(2)
    crew <- workers_start(workers, plan, migration_control())
    signal_later(processes_of(workers)[sample(2, 1)], "KILL", after)
    expect_message(same_sums(crew, plan), "was lost: its [0-9]+ slices go to 1 other worker")
    expect_warning(report <- crew_stop(crew), "the same to the last digit", class = "firmmove_warning_workers")
    expect_equal(sum(report$event == "lost"), 1)
    stop_toys(workers)
  }
})

test_that("when all workers are lost, the session does the rest and says so", {
  skip_on_cran()
  skip_on_os("windows")
  workers <- toy_workers(2)
  on.exit(stop_toys(workers))
  plan <- toy_plan(6, seconds = 0.01)
  crew <- workers_start(workers, plan, migration_control())
  same_sums(crew, plan, 0.5)
  for (process in processes_of(workers)) tools::pskill(process, 9)
  Sys.sleep(0.2)
  expect_snapshot(sums <- crew_sums(crew, NULL, 0.25, 2), transform = anonymous)
  expect_identical(sums, toy_sums(plan, 0.25))
  expect_warning(report <- crew_stop(crew), "This session computes 6 slices of this pass itself")
  expect_equal(report$event, c("lost", "lost", "session"))
  expect_equal(report$slices, c(3, 3, 6))
})

test_that("a worker that is stopped loses its slices, and is welcome when it is back", {
  skip_on_cran()
  skip_on_os("windows")
  workers <- toy_workers(2)
  on.exit(stop_toys(workers))
  plan <- toy_plan(12, seconds = 0.01)
  crew <- workers_start(workers, plan, migration_control(patience = 3))
  same_sums(crew, plan, 0.5)
  stopped <- processes_of(workers)[1]
  tools::pskill(stopped, tools::SIGSTOP)
  expect_message(same_sums(crew, plan, 0.25), "has not answered for .* its [0-9]+ slices? go to 1 other worker")
  expect_equal(unique(crew$owner), 2L)
  same_sums(crew, plan, -0.25)
  tools::pskill(stopped, tools::SIGCONT)
  Sys.sleep(0.3)
  # the late answer is to coefficients of an earlier pass
  expect_message(same_sums(crew, plan, 0.125), "answers again")
  expect_warning(report <- crew_stop(crew), "has not answered")
  expect_true(all(c("silent", "back") %in% report$event))
  expect_true(stopped %in% processes_of(workers))
})

test_that("an interrupt of a worker alone is an answer, and its slices are done again", {
  skip_on_cran()
  skip_on_os("windows")
  workers <- toy_workers(1)
  on.exit(stop_toys(workers))
  plan <- toy_plan(10, seconds = 0.1)
  crew <- workers_start(workers, plan, migration_control())
  signal_later(processes_of(workers), "INT", 0.5)
  same_sums(crew, plan, 0.5)
  expect_silent(crew_stop(crew))
})

test_that("an error of the computation is passed on, and the cluster stays usable", {
  workers <- toy_workers(2)
  on.exit(stop_toys(workers))
  crew <- workers_start(workers, toy_plan(refuse = 5L), migration_control())
  expect_snapshot(error = TRUE, crew_sums(crew, NULL, 0.5, 2), transform = anonymous)
  expect_silent(crew_stop(crew))
  expect_length(processes_of(workers), 2)
})

test_that("an answer to an earlier call is dropped", {
  workers <- toy_workers(2)
  on.exit(stop_toys(workers))
  engine <- engine_of(workers)
  engine_send(engine, 1L, list(fun = "sum", args = list(1, 2)), -1)
  plan <- toy_plan()
  crew <- workers_start(workers, plan, migration_control())
  same_sums(crew, plan)
  expect_silent(crew_stop(crew))
})

interrupted_crew <- '
suppressMessages(library(testthat))
library(firmmove)
for (name in c("workers_start", "crew_sums", "crew_stop", "slice_sums", "slice_build")) {
  assign(name, utils::getFromNamespace(name, "firmmove"))
}
source(commandArgs(TRUE))
workers <- toy_workers(2, migration_workers)
plan <- toy_plan(40, seconds = 0.1)
fit <- function() {
  crew <- workers_start(workers, plan, migration_control())
  on.exit(crew_stop(crew))
  signal_later(Sys.getpid(), "INT", 0.7)
  crew_sums(crew, NULL, 0.5, 2)
  "finished"
}
cat(tryCatch(fit(), interrupt = function(e) "interrupted"), "\n")
cat(identical(sort(processes_of(workers)), sort(sapply(unclass(workers), function(w) w$process))), "\n")
plan$seconds <- 0
crew <- workers_start(workers, plan, migration_control())
cat(identical(crew_sums(crew, NULL, 0.25, 2), toy_sums(plan, 0.25)), "\n")
crew_stop(crew)
parallel::stopCluster(workers)
'

# The lines that a script prints in a process of its own, which knows the toys.
run_apart <- function(script, launcher = NULL) {
  file <- tempfile(fileext = ".R")
  on.exit(unlink(file))
  writeLines(script, file)
  libraries <- paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))
  command <- c(
    launcher, file.path(R.home("bin"), "Rscript"), "--vanilla", file, normalizePath(test_path("helper-workers.R"))
  )
  trimws(suppressWarnings(
    system2(
      command[1], command[-1], stdout = TRUE, stderr = FALSE, stdin = nullfile(), env = libraries, timeout = 300
    )
  ))
}

test_that("an interrupt leaves the cluster without answers outstanding", {
  skip_on_cran()
  skip_on_os("windows")
  expect_equal(run_apart(interrupted_crew), c("interrupted", "TRUE", "TRUE"))
})

# Workers that cannot be used ------------------------------------------------------------------------------------

test_that("a worker without the package, of another version or build, or without the file is a clear error", {
  skip_on_cran()
  start <- function(plan = toy_plan()) workers_start(workers, plan, migration_control())
  pretend <- function(facts) {
    change <- function(facts) {
      namespace <- asNamespace("firmmove")
      known <- utils::modifyList(namespace$worker_facts(), facts)
      unlockBinding("worker_facts", namespace)
      assign("worker_facts", function() known, namespace)
    }
    environment(change) <- globalenv()
    parallel::clusterCall(workers[2], change, facts)
  }
  workers <- toy_workers(2)
  on.exit(stop_toys(workers))
  expect_snapshot(error = TRUE, start(toy_plan(file = "no/such/file")), transform = anonymous)
  pretend(list(digits = "0x1p+0"))
  expect_snapshot(crew_stop(start()), transform = anonymous)
  pretend(list(code = "other"))
  expect_snapshot(error = TRUE, start(), transform = anonymous)
  pretend(list(version = "0.0.9"))
  expect_snapshot(error = TRUE, start(), transform = anonymous)
})

test_that("a worker whose library lacks the package says where it looked", {
  skip_on_cran()
  skip_if(dir.exists(file.path(.Library, "firmmove")))
  workers <- parallel::makePSOCKcluster(1)
  on.exit(stop_toys(workers))
  bare <- function() .libPaths(.Library, include.site = FALSE)
  environment(bare) <- globalenv()
  parallel::clusterCall(workers, bare)
  here <- function(lines) gsub(.Library, "<library>", anonymous(lines), fixed = TRUE)
  expect_snapshot(error = TRUE, workers_start(workers, toy_plan(), migration_control()), transform = here)
})

test_that("a store that is not there, or has other rows, is a problem of a worker", {
  store <- list(path = "/data/register", id = "a1")
  expect_null(store_problem(store, function(path) list(path = path, id = "a1")))
  expect_match(store_problem(store, function(path) list(id = "b2"))$what, "other rows in the store /data/register")
  gone <- store_problem(store, function(path) stop("There is no store at ", path, "."))
  expect_equal(gone$what, "cannot open the store /data/register: There is no store at /data/register")
  expect_match(gone$remedy, "under this path$")
})

test_that("dead workers are left out at the start; without any left there is no fit", {
  skip_on_cran()
  skip_on_os("windows")
  workers <- toy_workers(2)
  on.exit(stop_toys(workers))
  tools::pskill(processes_of(workers)[1], 9)
  Sys.sleep(0.2)
  plan <- toy_plan()
  expect_snapshot(crew <- workers_start(workers, plan, migration_control()))
  same_sums(crew, plan)
  expect_warning(crew_stop(crew), "Worker 1 is gone and is left out")
  tools::pskill(crew$facts[[2]]$process, 9)
  Sys.sleep(0.2)
  expect_snapshot(error = TRUE, suppressMessages(workers_start(workers, plan, migration_control())))
})

test_that("what is no cluster is an error", {
  expect_snapshot(error = TRUE, engine_of(2))
  expect_snapshot(error = TRUE, engine_of(structure(list(), class = "cluster")))
  expect_snapshot(error = TRUE, engine_of(structure(list(structure(list(), class = "nwsNode")), class = "cluster")))
  expect_snapshot(error = TRUE, need_worker_package("Rmpi", FALSE))
})

test_that("the turns of a mirai ring follow who answers", {
  engine <- list2env(list(ring = c(2L, 3L, 1L), who = c("a", "b", "c"), sent = 5, turned = 0))
  learn_turn(engine, 1L, list(sent = 5), "a")
  expect_identical(engine$ring, c(2L, 3L, 1L))
  # the turn thought to be that of 1 was that of 3: all turns are those of the node before
  learn_turn(engine, 1L, list(sent = 5), "c")
  expect_identical(engine$ring, c(1L, 2L, 3L))
  # a call sent before the ring was turned says nothing new
  learn_turn(engine, 2L, list(sent = 4), "a")
  expect_identical(engine$ring, c(1L, 2L, 3L))
  expect_identical(turn(1:4, 1L), c(2L, 3L, 4L, 1L))
  expect_identical(turn(1:4, -1L), c(4L, 1L, 2L, 3L))
})

# Engines --------------------------------------------------------------------------------------------------------

test_that("mirai clusters work, also when a daemon dies", {
  skip_on_cran()
  skip_on_os("windows")
  skip_if_not_installed("mirai")
  workers <- toy_workers(2, mirai::make_cluster)
  on.exit(parallel::stopCluster(workers))
  plan <- toy_plan(30, seconds = 0.01)
  crew <- workers_start(workers, plan, migration_control())
  daemons <- vapply(crew$facts, `[[`, 1L, "process")
  expect_length(unique(daemons), 2)
  counted <- vapply(crew_counts(crew), `[[`, 1L, "process")
  expect_setequal(counted, daemons)
  same_sums(crew, plan)
  signal_later(daemons[1], "KILL", 0.1)
  expect_message(same_sums(crew, plan), "Worker [12] .* was lost")
  # were the daemon that is left taken for lost, the session itself would have to do this
  expect_silent(same_sums(crew, plan))
  expect_warning(crew_stop(crew), "was lost")
})

over_mpi <- '
if (Rmpi::mpi.comm.rank(0) > 0) {
  sink(nullfile())
  snow::workLoop(snow::makeMPImaster())
  Rmpi::mpi.quit()
}
suppressMessages(library(testthat))
library(firmmove)
for (name in c("workers_start", "crew_sums", "crew_stop", "slice_sums", "slice_build")) {
  assign(name, utils::getFromNamespace(name, "firmmove"))
}
source(commandArgs(TRUE))
cat("MPI\n")
workers <- toy_workers(2, function(n) snow::makeMPIcluster())
plan <- toy_plan(20)
crew <- workers_start(workers, plan, migration_control())
cat("same", identical(toy_passes(crew), lapply(c(0.1, -0.4, 0.7), function(at) toy_sums(plan, at))), "\n")
cat("processes", length(unique(sapply(crew$facts, function(f) f$process))), "\n")
cat("events", setdiff(crew_stop(crew)$event, "moved"), "\n")
snow::stopCluster(workers)
Rmpi::mpi.quit()
'

# As a batch job starts MPI: rank 0 is the session, the others are its workers.
test_that("MPI clusters work", {
  skip_on_cran()
  skip_on_os("windows")
  skip_if(!nzchar(Sys.which("mpirun")), "no mpirun")
  mpirun <- c("mpirun", "--allow-run-as-root", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1", "-n", "3")
  lines <- run_apart(over_mpi, mpirun)
  skip_if(!"MPI" %in% lines, "snow, Rmpi or MPI itself is missing")
  expect_equal(lines, c("MPI", "same TRUE", "processes 2", "events"))
})

test_that("an answer that stops half way is given up after seconds", {
  skip_on_cran()
  server <- worker_server()
  on.exit(close(server$socket))
  node <- socketConnection("127.0.0.1", server$port, blocking = FALSE, open = "a+b")
  on.exit(close(node), add = TRUE)
  here <- socketAccept(server$socket, blocking = TRUE, open = "a+b", timeout = 60)
  answer <- serialize(list(type = "VALUE", value = sin(1:1e4), success = TRUE, tag = 1), NULL)
  writeBin(answer[1:40000], node)
  engine <- socket_engine(list(structure(list(con = here), class = "SOCKnode")))
  begin <- elapsed()
  expect_true(engine_receive(engine, 1L)$lost)
  expect_lt(elapsed() - begin, 10 * stall_seconds)
  expect_false(is_open_socket(here))
})
