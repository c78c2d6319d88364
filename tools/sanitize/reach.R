# Runs the smoke scripts through every entry point from R into C, and says which they did not reach:
#
#   Rscript tools/sanitize/reach.R [part ...]     parts: fits models store decompose; all without any
#
# SMOKE_TORTURE=yes lets the garbage collector work at every allocation while C code runs, so that an object that is not
# protected is gone when it is used next; R code in between runs at full speed. Fails when a step failed or an entry point
# was not reached that should have been.
invisible(compiler::enableJIT(0)) # compiled code calls .Call() without looking it up
library(firmmove)

torture <- nzchar(Sys.getenv("SMOKE_TORTURE"))
reached <- character()
watched <- function(routine, ...) {
  reached <<- union(reached, routine$name)
  if (torture) {
    gctorture(TRUE)
    on.exit(gctorture(FALSE))
  }
  base::.Call(routine, ...)
}

# The functions of the package once more, where they find this .Call before that of base.
package <- new.env(parent = asNamespace("firmmove"))
package$.Call <- watched
for (file in list.files("R", "\\.R$", full.names = TRUE)) {
  sys.source(file, package)
}

helpers <- new.env(parent = package)
for (file in list.files("tests/testthat", "^helper-.*[.]R$", full.names = TRUE)) {
  sys.source(file, helpers)
}

failed <- 0L
package$step <- function(name, code) {
  begin <- proc.time()[["elapsed"]]
  said <- tryCatch({
    suppressMessages(suppressWarnings(force(code)))
    "ok"
  }, error = function(e) {
    failed <<- failed + 1L
    paste("ERROR", substr(conditionMessage(e), 1L, 150L))
  })
  cat(sprintf("%-28s %6.1f s  %s\n", name, proc.time()[["elapsed"]] - begin, said))
}

parts <- commandArgs(TRUE)
all_parts <- c("fits", "models", "store", "decompose")
for (part in if (length(parts) > 0L) parts else all_parts) {
  sys.source(file.path("tools/sanitize", paste0("smoke-", part, ".R")), new.env(parent = helpers))
}

entries <- sub("^firmmove_", "", names(getDLLRegisteredRoutines("firmmove")$.Call))
words <- unlist(lapply(list.files("R", "\\.R$", full.names = TRUE), readLines))
called <- sub("^C_", "", unique(unlist(regmatches(words, gregexpr("\\bC_[a-z_]+", words)))))
reached <- sub("^(C|firmmove)_", "", reached)
cat(length(intersect(entries, reached)), "of", length(entries), "entry points reached\n")
left <- setdiff(intersect(entries, called), reached)
if (length(left) > 0L) {
  cat("not reached:", paste(left, collapse = ", "), "\n")
}
uncalled <- setdiff(entries, called)
if (length(uncalled) > 0L) {
  cat("called by no function of R:", paste(uncalled, collapse = ", "), "\n")
}
short <- length(parts) > 0L && !all(all_parts %in% parts)
quit(status = as.integer(failed > 0L || (length(left) > 0L && !short)))
