#' @title Start workers on this machine
#' @description Starts `n` R processes and connects them by sockets: a PSOCK cluster as
#' [parallel::makePSOCKcluster()] makes it, with three differences. Both ends of each socket send at once
#' (`"no-delay"`), without which an answer of more than a few kilobytes waits about 40 ms for the next one. The
#' processes look for packages where this session does, so that they load the same firmmove. And each must show a
#' secret of 32 random bytes before anything of it is read, so that nobody else is taken for a worker.
#'
#' How a fit is shared, what workers on other machines need, and what happens when one fails: [workers].
#' @param n Number of processes, a whole number of at least 1. More than there are cores makes nothing faster.
#' @return A cluster object of class `c("migration_workers", "SOCKcluster", "cluster")`: for
#'   `fit_migration(workers = )`, and for every function of package parallel. Give it to
#'   [parallel::stopCluster()] when done, which also works when some of the processes have died.
#' @section Errors: `n` is not a whole number of at least 1. The processes could not be started or did not connect
#'   within two minutes (class `firmmove_error_workers`).
#' @seealso [workers], [fit_migration()], [parallel::makeCluster()]
#' @examples
#' \donttest{
#' workers <- migration_workers(2)
#' workers
#' parallel::stopCluster(workers)
#' }
#' @export
migration_workers <- function(n = 2) {
  n <- check_count(n, "n")
  token <- paste(secret_bytes(32L), collapse = "")
  server <- worker_server()
  on.exit(close(server$socket))
  launch_workers(n, server$port, token)
  cluster <- structure(accept_workers(server, n, token), class = c("SOCKcluster", "cluster"))
  # as a call: .libPaths() itself would travel with its memory, and set the paths of that copy
  parallel::clusterCall(cluster, eval, call(".libPaths", .libPaths()))
  processes <- unlist(parallel::clusterCall(cluster, Sys.getpid))
  nodes <- Map(function(node, process) {
    node$process <- process
    node
  }, unclass(cluster), processes)
  structure(nodes, class = c("migration_workers", class(cluster)))
}

# Seconds for workers to start, to show who they are once they have connected, and to be idle
worker_seconds <- c(start = 120, token = 2, idle = 30 * 24 * 3600)

# A socket that waits for workers, and its port. R's listen on all addresses of the machine, so its place is taken at
# once by one of the loopback address alone. Where the system does not let us, as on Windows, whoever connects still has
# to show a secret before anything else is read.
worker_server <- function(tries = 20L) {
  # ports as those of package parallel; not by the session's random numbers, which are the user's
  first <- sum(as.integer(charToRaw(tempfile()))) + Sys.getpid()
  for (port in 11000L + (first + 37L * seq_len(tries)) %% 1000L) {
    socket <- tryCatch(suppressWarnings(serverSocket(port)), error = function(e) NULL)
    if (!is.null(socket)) {
      moved <- .Call(C_loopback, port)
      return(list(socket = socket, port = if (moved > 0L) moved else port))
    }
  }
  abort("No port between 11000 and 11999 is free for workers to connect to. Try again.", class = "workers")
}

# Starts the processes. The secret goes by the environment, which other users cannot see, as they can a command.
launch_workers <- function(n, port, token) {
  script <- tempfile("worker-", fileext = ".R")
  writeLines(c("worker <- ", deparse(worker_loop), sprintf("worker(%d)", port)), script)
  before <- Sys.getenv("FIRMMOVE_WORKER", NA)
  Sys.setenv(FIRMMOVE_WORKER = token)
  on.exit(if (is.na(before)) Sys.unsetenv("FIRMMOVE_WORKER") else Sys.setenv(FIRMMOVE_WORKER = before))
  rscript <- file.path(R.home("bin"), "Rscript")
  packages <- "--default-packages=datasets,utils,grDevices,graphics,stats,methods"
  for (i in seq_len(n)) {
    system2(rscript, c(packages, shQuote(script)), stdout = FALSE, stderr = FALSE, wait = FALSE)
  }
}

# What a worker does all its life: the loop of package parallel, after it has shown the secret
worker_loop <- function(port) {
  token <- Sys.getenv("FIRMMOVE_WORKER")
  Sys.unsetenv("FIRMMOVE_WORKER")
  options(socketOptions = "no-delay")
  master <- socketConnection("127.0.0.1", port, blocking = TRUE, open = "a+b", timeout = 30 * 24 * 3600)
  writeBin(charToRaw(token), master)
  carry_out <- function(data) {
    begin <- proc.time()
    success <- TRUE
    failed <- function(e) {
      success <<- FALSE
      structure(conditionMessage(e), class = c("snow-try-error", "try-error"))
    }
    value <- tryCatch(do.call(data$fun, data$args, quote = TRUE), error = failed, interrupt = function(e) {
      failed(simpleError("interrupted"))
    })
    list(type = "VALUE", value = if (data$return) value, success = success, time = proc.time() - begin, tag = data$tag)
  }
  repeat {
    # an interrupt in the middle of a message would leave its other half to the next one
    message <- suspendInterrupts(tryCatch(unserialize(master), error = function(e) list(type = "DONE")))
    if (message$type == "DONE") {
      break
    }
    answer <- carry_out(message$data)
    suspendInterrupts(serialize(answer, master))
  }
  close(master)
}

# The nodes of a cluster: of those who connect, those who show the secret
accept_workers <- function(server, n, token) {
  nodes <- list()
  on.exit(if (length(nodes) < n) for (node in nodes) close(node$con))
  end <- elapsed() + worker_seconds[["start"]]
  while (length(nodes) < n) {
    if (elapsed() > end) {
      abort("Of ", n, " workers ", length(nodes), " started within ", worker_seconds[["start"]], " seconds. Try again, or ask for fewer.",
        class = "workers"
      )
    }
    if (socketSelect(list(server$socket), timeout = 1)) {
      connection <- accept_worker(server, token)
      if (!is.null(connection)) {
        rank <- length(nodes) + 1L
        nodes[[rank]] <- structure(list(con = connection, host = "localhost", rank = rank), class = "SOCKnode")
      }
    }
  }
  nodes
}

# The connection of one who shows the secret, else NULL; what else it says is never read
accept_worker <- function(server, token) {
  connection <- socketAccept(server$socket,
    blocking = TRUE, open = "a+b", timeout = worker_seconds[["token"]],
    options = "no-delay"
  )
  if (!identical(shown_secret(connection, nchar(token)), charToRaw(token))) {
    close(connection)
    return(NULL)
  }
  socketTimeout(connection, worker_seconds[["idle"]])
  connection
}

# The first bytes that a connection says within its time. The clock is our own: where something else has events to
# look after, as later has, the time of a socket that is being read never runs out.
shown_secret <- function(connection, size) {
  end <- elapsed() + worker_seconds[["token"]]
  shown <- raw()
  while (length(shown) < size && elapsed() < end) {
    if (!socketSelect(list(connection), timeout = 0)) {
      Sys.sleep(0.01)
      next
    }
    byte <- tryCatch(suppressWarnings(readBin(connection, "raw", 1L)), error = function(e) raw())
    if (length(byte) == 0L) {
      break
    }
    shown <- c(shown, byte)
  }
  shown
}

#' @export
print.migration_workers <- function(x, ...) {
  cat(plural(length(x), "worker process", "worker processes"), " on this machine\n", sep = "")
  processes <- vapply(unclass(x), function(node) node$process, 1L)
  gone <- !vapply(unclass(x), function(node) is_open_socket(node$con), NA)
  cat(paste0("  ", format(seq_along(processes)), "  process ", processes, ifelse(gone, ", stopped", ""), "\n"), sep = "")
  invisible(x)
}

#' @importFrom parallel stopCluster
#' @export
stopCluster.migration_workers <- function(cl = NULL) {
  # one by one: a process that has died must not keep the others running
  for (i in seq_along(cl)) {
    node <- structure(unclass(cl)[i], class = c("SOCKcluster", "cluster"))
    tryCatch(stopCluster(node), error = function(e) tryCatch(close(node[[1L]]$con), error = function(e) NULL))
  }
  invisible(NULL)
}

#' @title How a fit is shared between workers
#' @name workers
#' @description `fit_migration(workers = )` takes a cluster object of package parallel and lets its processes compute
#' the sums that a fit is made of. Rows do not travel: each worker reads its part of an [open_store()] from disk.
#'
#' @section Which clusters:
#' | made by | processes | needs |
#' |---|---|---|
#' | [migration_workers()] | of this machine | nothing |
#' | [parallel::makePSOCKcluster()] | of this and other machines, started by ssh | R on each |
#' | [parallel::makeForkCluster()] | copies of this session; not on Windows | nothing |
#' | `mirai::make_cluster()` | of this and other machines, by ssh or a batch system, encrypted on request | mirai |
#' | `snow::makeMPIcluster()` | of an MPI job | snow, Rmpi, an MPI library |
#'
#' The cluster stays the user's: a fit neither starts nor stops it, and leaves it fit for other use. Stop one of MPI
#' by `snow::stopCluster()`, others by [parallel::stopCluster()].
#'
#' Sockets wait about 40 ms with each answer of more than a few kilobytes unless they are opened with the option
#' `"no-delay"` at both ends, as [migration_workers()] does. For PSOCK clusters that you make yourself, set
#' `options(socketOptions = "no-delay")` first and give
#' `rscript_args = c("-e", shQuote("options(socketOptions='no-delay')"))`. Idle processes of MPI may keep a core busy
#' waiting; Open MPI does not with `--mca mpi_yield_when_idle 1`.
#'
#' @section What a worker needs:
#' * The same version of firmmove, of the same sources. A fit asks each worker first, and stops with an error that
#'   names the workers and the remedy when one has none or another.
#' * The store under the same path, on a disk that all see or as a copy; its checksum is compared.
#' * A processor and compiler that round as those of the session do. That is tried with a small fit; a worker that
#'   differs works all the same, with a warning that the last digits now depend on who computed what.
#'
#' @section What travels:
#' To a worker: once a fit, the specification of the model (formula, places, basis of the terms); then, with each
#' task, the coefficients and the numbers of the slices to sum. A slice is a run of `firms`, some 260,000 rows. Back
#' come, for each slice, the log-likelihood, its \eqn{p} derivatives and the \eqn{p \times p}{p x p} information:
#' \eqn{8 (1 + p + p^2)} bytes. Workers keep the slices they have read, and the same ones go to the same worker in
#' each pass.
#'
#' The sums of the slices are added in the order of the slices, so results are the same to the last bit for any number
#' of workers and whoever computed which slice.
#'
#' @section What happens when a worker fails:
#' * **It dies**: its slices go to the others.
#' * **It does not answer** for `migration_control(patience = )` seconds, and ten times as long as others usually
#'   take for as much work: its slices go to the others, and it is given more when it answers again.
#' * **It is slower than others**: those that are done take over part of what it has left, and keep it.
#' * **All are gone**: the session computes the rest itself.
#' * **The computation fails**, on whichever worker: the fit ends with that error.
#'
#' Each loss is told by a message at once, and by a warning of class `firmmove_warning_workers` when the fit has
#' ended; the result is the same. An MPI job usually ends as a whole when one of its processes dies: that is MPI's
#' doing, and no fit survives it. An interrupt waits up to ten seconds for answers that are under way, so that the
#' cluster can be used again.
#'
#' Each worker uses `migration_control(threads = )` threads, but no more than the cores of its machine divided by the
#' workers there; a fork uses one.
#'
#' @section Security:
#' The workers carry out whatever they are sent, and the session reads whatever they answer: who can be taken for one of
#' them can do all that you can.
#' * [migration_workers()]: processes of this machine, over its loopback address, that know a secret of the session.
#'   While they start, the session listens on that address alone (on Windows on all, as R does); who connects without
#'   the secret is hung up on unheard.
#' * [parallel::makePSOCKcluster()] listens on all addresses and asks nobody who he is: whoever reaches the port first,
#'   from this machine or another, is taken for a worker. Use it in a network that you trust, behind a firewall or
#'   through ssh.
#' * [parallel::makeForkCluster()]: the same, for the moment in which the forks connect.
#' * MPI: who may start processes of the job.
#' * `mirai::make_cluster()`: who reaches its address; with `tls+tcp://` it encrypts and asks for a certificate.
#'
#' Nothing of this is encrypted unless it is said. `mirai::make_cluster()` with a `tls+tcp://` address encrypts.
#' @seealso [migration_workers()], [migration_control()]
#' @examples
#' \donttest{
#' workers <- migration_workers(2)
#' parallel::clusterCall(workers, Sys.getpid)
#' parallel::stopCluster(workers)
#' }
NULL
