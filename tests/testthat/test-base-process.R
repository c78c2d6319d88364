# A process that may take but little more memory, and wants 64 threads of 8 MB of addresses each
few_threads <- '
library(firmmove)
size <- as.numeric(gsub("[^0-9]", "", grep("VmSize", readLines("/proc/self/status"), value = TRUE))) * 1024
system(sprintf("prlimit --pid %d --as=%.0f", Sys.getpid(), size + 150e6))
control <- withCallingHandlers(migration_control(threads = 64), firmmove_warning_threads = function(w) cat("told\n"))
x <- stats::runif(3000) # too many pairs to sort: counted by threads
near <- firmmove:::distance_quantiles(x, x, 0.5, control$threads)
cat(control$threads >= 1L, control$threads < 64L, length(near) > 0L, "\n")
'

test_that("threads that the system does not give are told and done without; the process lives", {
  skip_on_cran()
  skip_if(!nzchar(Sys.which("prlimit")) || !file.exists("/proc/self/status"), "needs prlimit of Linux")
  skip_if(nzchar(Sys.getenv("FIRMMOVE_SANITIZE")), "limits memory")
  script <- tempfile(fileext = ".R")
  on.exit(unlink(script))
  writeLines(few_threads, script)
  libraries <- paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))
  said <- system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", script), stdout = TRUE, stderr = FALSE, env = libraries)
  expect_identical(trimws(said), c("told", "TRUE TRUE TRUE"))
})

test_that("threads that the system gives are taken without a word", {
  expect_silent(threads <- startable_threads(2L))
  expect_identical(threads, 2L)
})
