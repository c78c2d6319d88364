# A fit that takes some seconds, in a process of its own, which is told to stop in the middle of it.
interrupted_fit <- '
library(firmmove)
set.seed(1)
n <- 150000
J <- 800
places <- data.frame(place = seq_len(J), x = rnorm(J), y = rnorm(J))
firms <- data.frame(firm = seq_len(n), from = sample(J, n, TRUE), to = sample(J, n, TRUE), w = rnorm(n), u = rnorm(n))
data <- migration_data(firms, places)
stop_after <- function(seconds) system(sprintf("(sleep %s; kill -INT %d) &", seconds, Sys.getpid()))
outcome <- function() {
  stop_after(1)
  begin <- proc.time()[["elapsed"]]
  # a tolerance nothing meets: only the interrupt ends the fit before its hundredth pass
  hold <- migration_control(threads = 1, tolerance = 1e-300)
  how <- tryCatch({
    fit_migration(~ w:x + u:y + x, data, control = hold)
    "finished"
  }, interrupt = function(condition) "interrupted")
  cat(how, proc.time()[["elapsed"]] - begin < 60, "\n")
}
outcome()
# none of these stays, so there is no constant of staying
small <- migration_data(firms[1:500, ], places)
cat(names(coef(suppressWarnings(fit_migration(~ w:x, small)))), "\n")
'

test_that("an interrupt in the middle of a fit returns cleanly, and the session goes on", {
  skip_on_cran()
  skip_on_os(c("windows", "mac", "solaris"))
  script <- tempfile(fileext = ".R")
  on.exit(unlink(script))
  writeLines(interrupted_fit, script)
  rscript <- file.path(R.home("bin"), "Rscript")
  libraries <- paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))
  lines <- system2(rscript, c("--vanilla", script), stdout = TRUE, stderr = FALSE, env = libraries)
  expect_equal(trimws(lines), c("interrupted TRUE", "w:x"))
})
