# One package on one row, in a process of its own, started by run.R:
#
#   Rscript tools/bench/measure.R ROW PACKAGE DATA RESULT RUNS
#
# Reads the data from the file DATA and writes to RESULT a list: version, seconds and cpu (of each run), memory (MB of
# the first run beyond what was there before it), coefficients, errors, profile (ours only).

folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
for (file in c("rows.R", "data.R", "conditional.R", "nested.R", "mixed.R", "relational.R", "constants.R", "decompose.R", "profile.R")) {
  source(file.path(folder, file))
}

# A line of /proc/self/status in MB; NA where there is none. VmRSS: memory held now, VmHWM: the most so far.
memory_now <- function(field) {
  lines <- tryCatch(readLines("/proc/self/status"), error = function(e) character(), warning = function(w) character())
  line <- grep(paste0("^", field, ":"), lines, value = TRUE)
  if (length(line) == 0) NA_real_ else as.numeric(gsub("[^0-9]", "", line)) / 1024
}

# VmHWM starts anew from what is held now, where the system allows it.
forget_peak <- function() {
  try(suppressWarnings(cat("5", file = "/proc/self/clear_refs")), silent = TRUE)
}

arguments <- commandArgs(TRUE)
row <- rows[[arguments[1]]]
package <- arguments[2]
call <- row$calls[[package]]
loadNamespace(row$needs[[package]])
data <- readRDS(arguments[3])
runs <- as.integer(arguments[5])

invisible(gc())
forget_peak()
before <- memory_now("VmRSS")
times <- as.matrix(time_of(result <- call(data)))
memory <- memory_now("VmHWM") - before

# Short calls are repeated, for at most some ten seconds in all.
for (run in seq_len(min(runs - 1, floor(10 / times["clock", 1])))) {
  invisible(gc())
  times <- cbind(times, time_of(call(data)))
}

saveRDS(list(
  version = as.character(utils::packageVersion(row$needs[[package]])),
  seconds = times["clock", ], cpu = times["cpu", ], memory = memory,
  coefficients = result$coefficients, errors = result$errors,
  profile = if (package == "firmmove" && !is.null(row$truth)) {
    tryCatch(profile_call(call, data, result$fit), error = function(e) list(note = conditionMessage(e)))
  }
), arguments[4])
