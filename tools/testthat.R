# Runs tests/testthat on the installed package and records the counts of expectations. FILTER: the files.
suppressPackageStartupMessages(library(testthat))
library(firmmove)
Sys.setenv(NOT_CRAN = "true")

filter <- Sys.getenv("FILTER")
step <- Sys.getenv("STEP", "testthat")
results <- test_dir(
  "tests/testthat", package = "firmmove", load_package = "installed", stop_on_failure = FALSE,
  filter = if (nzchar(filter)) filter,
  reporter = ProgressReporter$new(show_praise = FALSE, max_failures = Inf, update_interval = 1e6)
)
expectations <- unlist(lapply(results, `[[`, "results"), recursive = FALSE)
count <- function(kind) sum(vapply(expectations, inherits, NA, paste0("expectation_", kind)))
passed <- count("success")
failed <- count("failure") + count("error")
skipped <- count("skip")
dir.create("build/results", showWarnings = FALSE, recursive = TRUE)
writeLines(paste(passed, failed, skipped), file.path("build/results", step))
cat(passed, "passed,", failed, "failed,", skipped, "skipped\n")
quit(status = as.integer(failed > 0 || passed == 0))
