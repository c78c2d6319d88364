# Runs tests/testthat on the installed package and records the counts of expectations. FILTER: the files. QUEUE: a folder
# that several of these processes share, where each file is a folder that the process made that runs it.
suppressPackageStartupMessages(library(testthat))
library(firmmove)
Sys.setenv(NOT_CRAN = "true")

# Files that match, the largest first, so that processes that share them end together
test_files <- function(filter) {
  files <- list.files("tests/testthat", "^test-.*[.]R$", full.names = TRUE)
  name <- sub("^test-(.*)[.]R$", "\\1", basename(files))
  if (nzchar(filter)) files <- files[grepl(filter, name)]
  files[order(-file.size(files))]
}

# Whether this process is the one to run a file
taken <- function(file, queue) {
  nzchar(queue) && !dir.create(file.path(queue, basename(file)), showWarnings = FALSE)
}

# A failure of testthat itself counts as an error of the file
run_file <- function(file) {
  reporter <- ProgressReporter$new(show_praise = FALSE, max_failures = Inf, update_interval = 1e6)
  test_file(file, package = "firmmove", load_package = "installed", stop_on_failure = FALSE, reporter = reporter)
}

step <- Sys.getenv("STEP", "testthat")
queue <- Sys.getenv("QUEUE")
results <- list()
for (file in test_files(Sys.getenv("FILTER"))) {
  if (!taken(file, queue)) {
    results <- c(results, run_file(file))
  }
}
expectations <- unlist(lapply(results, `[[`, "results"), recursive = FALSE)
count <- function(kind) sum(vapply(expectations, inherits, NA, paste0("expectation_", kind)))
passed <- count("success")
failed <- count("failure") + count("error")
skipped <- count("skip")
dir.create("build/results", showWarnings = FALSE, recursive = TRUE)
writeLines(paste(passed, failed, skipped), file.path("build/results", step))
cat(passed, "passed,", failed, "failed,", skipped, "skipped\n")
quit(status = as.integer(failed > 0 || (passed == 0 && !nzchar(queue))))
