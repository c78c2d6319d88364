#' R processes of this machine to share a fit with
#'
#' @title Start workers on this machine
#' @description Starts `n` R processes and connects them by sockets: a PSOCK cluster as
#' [parallel::makePSOCKcluster()] makes it, with two differences. Both ends of each socket send at once
#' (`"no-delay"`), without which an answer of more than a few kilobytes waits about 40 ms for the next one. And
#' the processes look for packages where this session does, so that they load the same firmmove.
#'
#' How a fit is shared, what workers on other machines need, and what happens when one fails: [workers].
#' @param n Number of processes, a whole number of at least 1. More than there are cores makes nothing faster.
#' @return A cluster object of class `c("migration_workers", "SOCKcluster", "cluster")`: for
#'   `fit_migration(workers = )`, and for every function of package parallel. Give it to
#'   [parallel::stopCluster()] when done, which also works when some of the processes have died.
#' @section Errors: `n` is not a whole number of at least 1. The processes could not be started or did not connect
#'   within two minutes (error of package parallel).
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
  before <- options(socketOptions = "no-delay")
  on.exit(options(before))
  quotes <- if (.Platform$OS.type == "windows") "cmd" else "sh"
  arguments <- c("-e", shQuote("options(socketOptions='no-delay')", type = quotes))
  cluster <- parallel::makePSOCKcluster(n, rscript_args = arguments)
  # called by name: .libPaths itself would travel with a copy of the list it sets
  parallel::clusterCall(cluster, "do.call", ".libPaths", list(.libPaths()))
  processes <- unlist(parallel::clusterCall(cluster, Sys.getpid))
  nodes <- Map(function(node, process) {
    node$process <- process
    node
  }, unclass(cluster), processes)
  structure(nodes, class = c("migration_workers", class(cluster)))
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
