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
