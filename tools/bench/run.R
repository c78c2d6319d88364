# Times firmmove against the packages people use for the same work, on the same data in the same run:
#
#   Rscript tools/bench/run.R [ROW ...] [--quick] [--limit=SECONDS] [--runs=N] [--only=PACKAGE,...] [--out=FILE]
#
# firmmove must be installed (`make bench` does it). README.md here says what is measured and how to read it.

folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
for (file in c("rows.R", "data.R", "conditional.R", "nested.R", "mixed.R", "relational.R", "constants.R", "decompose.R", "report.R")) {
  source(file.path(folder, file))
}

# ---- arguments ----------------------------------------------------------------------------------------------

read_arguments <- function(given) {
  options <- list(rows = names(rows), quick = FALSE, limit = 300, runs = 5, only = NULL, out = NULL)
  named <- grepl("^--", given)
  if (any(!named)) options$rows <- given[!named]
  for (argument in given[named]) {
    name <- sub("^--([a-z]+).*$", "\\1", argument)
    value <- if (grepl("=", argument, fixed = TRUE)) sub("^[^=]*=", "", argument)
    if (!name %in% names(formals(set_option))[-1]) stop("unknown option ", argument, call. = FALSE)
    options <- do.call(set_option, c(list(options), stats::setNames(list(value), name)))
  }
  unknown <- setdiff(options$rows, names(rows))
  if (length(unknown) > 0) {
    stop("no row `", unknown[1], "`; there are ", paste(names(rows), collapse = ", "), call. = FALSE)
  }
  options
}

# One option, given as text (NULL: given without a value).
set_option <- function(options, quick, limit, runs, only, out) {
  if (!missing(quick)) options$quick <- TRUE
  if (!missing(limit)) options$limit <- as.numeric(limit)
  if (!missing(runs)) options$runs <- as.integer(runs)
  if (!missing(only)) options$only <- strsplit(only, ",", fixed = TRUE)[[1]]
  if (!missing(out)) options$out <- out
  options
}

# ---- child processes ----------------------------------------------------------------------------------------

# Runs one package on one row in an R of its own. The result, or a list with `note` saying why there is none.
measure <- function(row, package, data_file, options) {
  if (!nzchar(system.file(package = rows[[row]]$needs[package]))) {
    return(list(note = "not installed"))
  }
  result <- tempfile(fileext = ".rds")
  log <- tempfile(fileext = ".log")
  on.exit(unlink(c(result, log)))
  script <- c("--no-save", "--no-restore", file.path(folder, "measure.R"))
  environment <- c(
    paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep)),
    "OMP_NUM_THREADS=2", "RCPP_PARALLEL_NUM_THREADS=2"
  )
  status <- suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"), shQuote(c(script, row, package, data_file, result, options$runs)),
    stdout = log, stderr = log, env = environment,
    timeout = if (package == "firmmove") 0 else options$limit
  ))
  if (file.exists(result)) {
    return(readRDS(result))
  }
  list(note = if (status == 124) {
    sprintf("stopped after %g s", options$limit)
  } else {
    paste("failed:", failure(readLines(log, warn = FALSE)))
  })
}

# What the log of a child says of its end, in one line.
failure <- function(lines) {
  lines <- trimws(lines[!grepl("^(Calls:|Execution halted|\\s*$)", lines)])
  from <- utils::tail(grep("^Error|^\\*\\*\\*", lines), 1)
  text <- if (length(from) > 0) lines[seq(from, min(from + 2, length(lines)))] else utils::tail(lines, 1)
  substr(paste(text, collapse = " "), 1, 300)
}

# All packages on one row; ours first, since the others are compared with it.
run_row <- function(row, options) {
  definition <- rows[[row]]
  size <- if (options$quick) definition$quick else definition$size
  cat("\n", definition$title(size), "\n", sep = "")
  data_file <- tempfile(fileext = ".rds")
  on.exit(unlink(data_file))
  saveRDS(definition$make(size), data_file, compress = FALSE)
  invisible(gc())
  packages <- names(definition$calls)
  if (!is.null(options$only)) packages <- intersect(packages, c("firmmove", options$only))
  results <- list()
  for (package in packages) {
    results[[package]] <- measure(row, package, data_file, options)
    print_line(package, results[[package]], results$firmmove)
  }
  if (!is.null(results$firmmove$profile)) {
    distance <- (results$firmmove$coefficients - definition$truth(size)) / results$firmmove$errors
    results$firmmove$profile$error <- max(abs(distance))
  }
  print_profile(results$firmmove$profile, size)
  if (!options$quick) print_goals(definition$goal, results)
  list(row = row, size = size, results = results)
}

main <- function() {
  options <- read_arguments(commandArgs(TRUE))
  cat(describe_machine(), sep = "\n")
  done <- lapply(options$rows, run_row, options)
  if (!is.null(options$out)) {
    dir.create(dirname(options$out), showWarnings = FALSE, recursive = TRUE)
    writeLines(markdown(done, options$quick), options$out)
    cat("\nwritten to", options$out, "\n")
  }
  failed <- vapply(done, function(row) is.null(row$results$firmmove$seconds), NA)
  quit(status = as.integer(any(failed)))
}

main()
