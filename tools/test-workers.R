# Long tests of workers: engines side by side, workers killed at random moments, figures. Records its counts in
# build/results/workers:  Rscript tools/test-workers.R [KILLS]
suppressPackageStartupMessages(library(testthat))
library(firmmove)
options(warn = 1)
kills <- if (length(commandArgs(TRUE))) as.integer(commandArgs(TRUE)[1]) else 50L
toys <- new.env(parent = asNamespace("firmmove"))
sys.source("tests/testthat/helper-workers.R", toys)
counts <- c(passed = 0L, failed = 0L)

check <- function(what, fine) {
  counts[[2L - fine]] <<- counts[[2L - fine]] + 1L
  if (!fine) cat("FAILED:", what, "\n")
}
evaluate <- function(expression) eval(expression, toys)
seconds <- function(expression) system.time(expression)[["elapsed"]]

# Kills a worker of a fit at a random moment; whether all sums were right, and whether the loss was told.
killed <- function(make) {
  toys$make <- make
  evaluate(quote({
    workers <- toy_workers(2, make)
    plan <- toy_plan(30, seconds = 0.01)
    crew <- workers_start(workers, plan, migration_control())
    signal_later(crew$facts[[sample(2, 1)]]$process, "KILL", runif(1, 0, 0.7))
    theta <- c(0.1, -0.4, 0.7, 0.2)
    right <- identical(toy_passes(crew, theta), lapply(theta, function(at) toy_sums(plan, at)))
    events <- suppressWarnings(crew_stop(crew))$event
    stop_any(workers)
    c(right = right, told = any(events %in% c("lost", "session")))
  }))
}
# Kills a worker of a fit on a store at a random moment of the usual length of such a fit; whether the fit has the
# bits of one without workers, and whether the loss was told.
bits <- function(fit) fit[c("coefficients", "covariance", "loglik", "loglik_null", "n", "n_firms", "n_movers")]
fit_on <- function(workers = NULL) {
  formula <- ~ keep(log(size)) + push(land_price) + pull(makers) + log(distance) + same_dialect
  fit_migration(formula, store, control = migration_control(slice = 500, threads = 1), workers = workers)
}
killed_fit <- function(make, usual) {
  workers <- make(2)
  on.exit(toys$stop_any(workers))
  process <- unlist(parallel::clusterCall(workers, Sys.getpid))[[sample(2, 1)]]
  toys$signal_later(process, "KILL", runif(1, 0, usual))
  told <- FALSE
  fit <- withCallingHandlers(fit_on(workers), warning = function(w) {
    told <<- told || inherits(w, "firmmove_warning_workers")
    invokeRestart("muffleWarning")
  })
  c(right = identical(bits(fit), alone), told = told)
}
# Seconds of a fit by workers that stay.
usual_length <- function(make) {
  workers <- make(2)
  on.exit(toys$stop_any(workers))
  fit <- NULL
  time <- seconds(fit <- fit_on(workers))
  check("workers give the bits of the session", identical(bits(fit), alone))
  time
}
toys$stop_any <- function(workers) {
  if (inherits(workers, "SOCKcluster")) toys$stop_toys(workers) else try(parallel::stopCluster(workers))
}

# What a worker does of pure computation: passes of 80 slices of 0.2 s, by one worker and by two.
speed <- function() {
  evaluate(quote({
    plan <- toy_plan(80, seconds = 0.2)
    time <- vapply(1:2, function(n) {
      workers <- toy_workers(n, migration_workers)
      on.exit(stop_toys(workers))
      crew <- workers_start(workers, plan, migration_control())
      crew_sums(crew, NULL, 0.5, 2)
      time <- system.time(for (i in 1:2) crew_sums(crew, NULL, i / 3, 2))[["elapsed"]] / 2
      crew_stop(crew)
      time
    }, 1)
    time
  }))
}

round_trip <- function(make) {
  workers <- make(1)
  on.exit(parallel::stopCluster(workers))
  answer <- function(x) x
  environment(answer) <- globalenv()
  parallel::clusterCall(workers, answer, numeric(1000))
  1000 * seconds(for (i in 1:50) parallel::clusterCall(workers, answer, numeric(1000))) / 50
}

set.seed(20)
engines <- list(PSOCK = migration_workers, fork = parallel::makeForkCluster)
if (requireNamespace("mirai", quietly = TRUE)) engines$mirai <- mirai::make_cluster
store <- write_store(wenzhou_guzhen(), tempfile("store-"))
alone <- bits(fit_on())
for (name in names(engines)) {
  usual <- usual_length(engines[[name]])
  results <- vapply(seq_len(kills), function(i) killed_fit(engines[[name]], usual), c(right = NA, told = NA))
  cat(sprintf("%s: %d fits on a store of %.1f s with a worker killed, %d the same bits, %d told of it\n", name, kills,
              usual, sum(results["right", ]), sum(results["told", ])))
  for (right in results["right", ]) check(paste(name, "with a worker killed in a fit on a store"), right)
}
for (name in names(engines)) {
  results <- suppressMessages(vapply(seq_len(kills), function(i) killed(engines[[name]]), c(right = NA, told = NA)))
  cat(sprintf("%s: %d times passes with a worker killed, %d right, %d before its last answer\n", name, kills,
              sum(results["right", ]), sum(results["told", ])))
  for (right in results["right", ]) check(paste(name, "with a worker killed"), right)
}
cat(sprintf("an answer of 8 kB: %.2f ms by migration_workers(), %.2f ms by makePSOCKcluster()\n",
            round_trip(migration_workers), round_trip(parallel::makePSOCKcluster)))
time <- speed()
cat(sprintf("80 slices of 0.2 s: %.2f s by one worker, %.2f s by two: %.3f times as fast\n", time[1], time[2],
            time[1] / time[2]))
check("two workers are at least 1.85 times as fast as one", time[1] / time[2] > 1.85)

dir.create("build/results", showWarnings = FALSE, recursive = TRUE)
writeLines(paste(counts[["passed"]], counts[["failed"]], 0), "build/results/workers")
cat(counts[["passed"]], "passed,", counts[["failed"]], "failed\n")
quit(status = as.integer(counts[["failed"]] > 0L))
