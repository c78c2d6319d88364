# Progress bars (cli) of loops and fits that take more than two seconds.

# How far a loop of `total` rounds is and how long it has to go: a function to call as each round begins, or with how
# many are done. The bar belongs to the function that asks for it and goes with it. Loops within loops are silent: the
# outermost knows best how long it all takes.
progress <- function(label, total, owner = parent.frame()) {
  update <- open_bar(owner, label, total)
  if (is.null(update)) {
    return(function(done) NULL)
  }
  begun <- 0
  function(done = begun) {
    begun <<- done + 1
    update(set = done)
  }
}

# A progress bar for a search whose end is not known: a function of the number of iterations and the log-likelihood,
# which C calls, or NULL for none
progress_fit <- function(owner = parent.frame()) {
  update <- open_bar(owner, "Fitting", NA, "{cli::pb_spin} {cli::pb_name}{cli::pb_status}[{cli::pb_elapsed}]")
  if (is.null(update)) {
    return(NULL)
  }
  function(iteration, value) {
    # a bar is no reason to end a fit
    tryCatch(
      update(status = paste0("iteration ", iteration, ", log-likelihood ", formatC(value, digits = 2, format = "f"))),
      error = function(e) NULL
    )
  }
}

# Whether somebody watches: scripts, forked workers and documents get no bars unless the option asks for them
shows_progress <- function(watched = interactive()) {
  wanted <- getOption("firmmove.progress")
  if (is.null(wanted)) watched && !isTRUE(getOption("knitr.in.progress")) && !is_forked() else isTRUE(wanted)
}

# Whether a bar is open
shown <- new.env(parent = emptyenv())
shown$busy <- FALSE

# Opens a bar that closes when the frame `owner` is left; gives the function that updates it, NULL where none is to be
# shown
open_bar <- function(owner, label, total, format = NULL) {
  if (shown$busy || !shows_progress() || isTRUE(total < 2)) {
    return(NULL)
  }
  release <- function() shown$busy <- FALSE
  shown$busy <- TRUE
  do.call(on.exit, list(as.call(list(release)), add = TRUE), envir = owner)
  bar <- cli::cli_progress_bar(label, total = total, format = format, auto_terminate = FALSE, .envir = owner)
  function(...) cli::cli_progress_update(..., id = bar, .envir = owner)
}

# Runs `run` on the numbers 1 to n, in twenty pieces when somebody watches, else at once: a list of the results
in_pieces <- function(label, n, run) {
  if (!shows_progress() || n < 40L) {
    return(list(run(seq_len(n))))
  }
  pieces <- unname(split(seq_len(n), ceiling(20 * seq_len(n) / n)))
  tick <- progress(label, length(pieces))
  lapply(pieces, function(numbers) {
    tick()
    run(numbers)
  })
}
