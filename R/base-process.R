# The process that runs: which one loaded the package, and how many threads it may use.

# The process that loaded the package
loaded_in <- new.env(parent = emptyenv())

# Whether this is a fork (parallel::mclapply()) of the process that loaded the package: OpenMP may hang in one
# whose parent has used threads
is_forked <- function() {
  !identical(loaded_in$process, Sys.getpid())
}

# Two threads, or one where there is one core; asking the system takes 20 ms, so once a session
default_threads <- local({
  known <- NULL
  function() {
    if (is.null(known)) {
      cores <- parallel::detectCores()
      known <<- if (is.na(cores)) 1L else min(2L, cores)
    }
    known
  }
})

# The threads, or fewer where the system does not let this process start so many now, as OpenMP ends the process where
# it cannot start one. Then half of those that could be: what limits them is mostly memory, and they need some to work.
startable_threads <- function(threads) {
  if (threads < 2L || is_forked()) {
    return(threads)
  }
  can <- .Call(C_startable_threads, threads)
  if (can == threads) {
    return(threads)
  }
  fewer <- (can + 1L) %/% 2L
  warn("The system lets this process start ", can, " of ", threads, " threads: going on with ", fewer, ". Check the limits ",
    "of memory and processes (ulimit -v, ulimit -u, the container).",
    class = "threads"
  )
  fewer
}
