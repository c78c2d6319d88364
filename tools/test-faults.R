# Stores whose writer is killed, or whose disk fails:  Rscript tools/test-faults.R [KILLS] [STRIDE]
#
#   fail, short  the n-th call of the system on a file of the store fails (or writes half), for all n (each STRIDE-th): the
#                writer stops with an error and the old store is whole, or it ends and the new one is; nothing stays behind
#                but a file of the user that could not be moved to the new store, which is told
#   kill         the process is killed at the n-th call: old or new, whole; verify_store(clean = TRUE) leaves nothing else
#   random       killed at KILLS random moments
#
# Each for a first writing, an overwriting, and an overwriting from a CSV file whose firms are counted in files. The writer
# is a fork of this session, so that hundreds are done in a minute. Linux only. Prints tried and failed.
library(firmmove)
given <- as.integer(commandArgs(TRUE))
kills <- if (length(given) > 0L) given[1L] else 200L
stride <- if (length(given) > 1L) given[2L] else 1L

folder <- file.path(tempdir(), "faults")
dir.create(folder)
Sys.setenv(FAULTS_FOLDER = folder)
path <- file.path(folder, "store")
old <- wenzhou_guzhen(1992:1993)
new <- wenzhou_guzhen(1992:1995)
csv <- file.path(tempdir(), "firms.csv")
utils::write.csv(new$firms, csv, row.names = FALSE)
write_csv <- function(...) {
  write_store(csv, places = new$places, ties = new$ties$ties$data, network = new$network, time = "year", chunk_rows = 1500, ...)
}
ids <- c(old = write_store(old, file.path(tempdir(), "old"))$id, new = write_store(new, file.path(tempdir(), "new"))$id)
firms <- open_store(file.path(tempdir(), "new"))$counts$firms

ways <- list(
  "first" = list(before = FALSE, write = function() write_store(new, path, shard_rows = 3000)),
  "over" = list(before = TRUE, write = function() write_store(new, path, shard_rows = 3000, overwrite = TRUE)),
  "csv" = list(before = TRUE, write = function() write_csv(path = path, overwrite = TRUE))
)

prepare <- function(way) {
  unlink(folder, recursive = TRUE)
  dir.create(folder)
  if (way$before) {
    file.copy(file.path(tempdir(), "old"), folder, recursive = TRUE)
    file.rename(file.path(folder, "old"), path)
    writeLines("mine", file.path(path, "notes.txt"))
  }
}

# Writes in a process of its own, by fork: "done", "kept" (done, and told that a file of the user is in the old folder
# still), "error" or "killed"
write_apart <- function(way, at = NULL, how = "fail", kill_after = NULL) {
  job <- parallel::mcparallel({
    if (!is.null(at)) Sys.setenv(FAULTS_AT = at, FAULTS_HOW = how)
    outcome <- "done"
    kept <- function(w) outcome <<- "kept"
    tryCatch({
      withCallingHandlers(way$write(), firmmove_warning_leftover = kept)
      outcome
    }, error = function(e) if (inherits(e, "firmmove_error")) "error" else paste("raw error:", conditionMessage(e)))
  }, silent = TRUE)
  if (!is.null(kill_after)) {
    Sys.sleep(kill_after)
    tools::pskill(job$pid, 9L)
  }
  outcome <- suppressWarnings(parallel::mccollect(job)[[1L]]) %||% "killed"
  # the system takes a moment to end a process that was killed
  end <- Sys.time() + 5
  while (firmmove:::process_runs(job$pid) && Sys.time() < end) {
    Sys.sleep(0.01)
  }
  outcome
}
`%||%` <- function(x, y) if (is.null(x)) y else x

# What is wrong afterwards; NULL when all is well
fault_of <- function(way, outcome) {
  if (startsWith(outcome, "raw")) {
    return(outcome)
  }
  left <- list.files(folder, "[.]part-", full.names = TRUE)
  if (outcome == "kept") {
    if (!identical(list.files(left), "notes.txt")) return("the file of the user is not where it was told to be")
    file.rename(file.path(left, "notes.txt"), file.path(path, "notes.txt"))
    outcome <- "done"
  } else if (outcome != "killed" && length(left) > 0L) {
    return("a writer that was not killed left a folder")
  }
  there <- file.exists(path)
  if (outcome == "killed") {
    there <- tryCatch({
      suppressMessages(verify_store(path, clean = TRUE))
      TRUE
    }, firmmove_error_no_store = function(e) FALSE, error = function(e) conditionMessage(e))
    if (is.character(there)) return(there)
    if (length(list.files(folder, "[.]part-")) > 0L) return("a folder stays after cleaning")
  }
  if (!there) {
    return(if (way$before || outcome == "done") "no store at the path")
  }
  if (way$before && !file.exists(file.path(path, "notes.txt"))) {
    return("a file of the user is gone")
  }
  found <- tryCatch({
    verify_store(path)
    open_store(path)
  }, error = function(e) conditionMessage(e))
  if (is.character(found)) {
    return(found)
  }
  state <- names(ids)[match(found$id, ids)]
  if (is.na(state) || (outcome == "done" && state != "new")) {
    return(paste("after", outcome, "the store is", state))
  }
  if (state == "new" && found$counts$firms != firms) "the number of firms is wrong"
}

# The calls of a writing that nothing happens to
calls_of <- function(way) {
  prepare(way)
  counter <- file.path(tempdir(), "count")
  unlink(counter)
  job <- parallel::mcparallel({
    Sys.setenv(FAULTS_COUNT = counter)
    way$write()
  }, silent = TRUE)
  suppressWarnings(parallel::mccollect(job))
  as.integer(readLines(counter))
}

tried <- failed <- 0L
note <- function(name, fault) {
  tried <<- tried + 1L
  if (!is.null(fault)) {
    failed <<- failed + 1L
    cat("FAILED", name, ":", fault, "\n")
  }
}
for (name in names(ways)) {
  way <- ways[[name]]
  calls <- calls_of(way)
  for (how in c("fail", "short", "kill")) {
    before <- c(tried, failed)
    outcomes <- character()
    for (n in seq(1L, calls, by = stride)) {
      prepare(way)
      outcome <- write_apart(way, n, how)
      outcomes <- c(outcomes, outcome)
      note(paste(name, how, n), fault_of(way, outcome))
    }
    cat(sprintf("%-6s %-6s %d calls: %d tried, %d failed (%s)\n", name, how, calls, tried - before[1L], failed - before[2L],
                paste(names(table(outcomes)), table(outcomes), collapse = ", ")))
  }
}
set.seed(1)
before <- c(tried, failed)
for (k in seq_len(kills)) {
  way <- ways[[sample(names(ways), 1L)]]
  prepare(way)
  outcome <- write_apart(way, kill_after = stats::runif(1L, 0, 0.5))
  note(paste("random kill", k), fault_of(way, outcome))
}
cat(sprintf("random kills: %d tried, %d failed\n", tried - before[1L], failed - before[2L]))
dir.create("build/results", recursive = TRUE, showWarnings = FALSE)
writeLines(paste(tried - failed, failed, 0), "build/results/faults")
quit(status = as.integer(failed > 0L))
