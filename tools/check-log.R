# Reads a log of R CMD check; prints every check that gave an error, warning or note, and fails if there is
# one besides the note of a new submission:  Rscript tools/check-log.R 00check.log
log <- if (file.exists(commandArgs(TRUE))) readLines(commandArgs(TRUE), encoding = "UTF-8")
if (!any(grepl("^Status:", log))) {
  message("R CMD check did not reach its end")
  quit(status = 1)
}

# A check is a line "* ... RESULT" and the lines up to the next one.
checks <- split(log, cumsum(grepl("^\\* ", log)))
worried <- Filter(function(lines) any(grepl("(ERROR|WARNING|NOTE)$", lines)), checks)

is_new_submission <- function(lines) {
  said <- lines[nzchar(lines)][-1]
  grepl("checking CRAN incoming feasibility", lines[1], fixed = TRUE) &&
    all(grepl("^Maintainer: |^New submission$", said))
}
allowed <- vapply(worried, is_new_submission, NA)
for (lines in worried[!allowed]) {
  cat(lines, sep = "\n")
}
cat(sum(!allowed), "findings,", sum(allowed), "allowed\n")
quit(status = as.integer(any(!allowed)))
