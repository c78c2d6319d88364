# Times and memory of stores, slices and workers, on this machine:
#
#   Rscript tools/bench/stream.R [MEASURE ...] [--rows=N] [--places=N] [--terms=N] [--slice=N] [--memory=SIZE]
#                                [--store=FOLDER] [--out=FILE.csv]
#
# Each measure runs in a fresh R process. The result is a data frame measure, rows, places, terms, what, value, unit,
# goal, met, printed and, with --out, written as CSV. README.md here says what the figures mean.
# firmmove must be installed (`make install`, R_LIBS=build/library).

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
folder <- dirname(script)
source(file.path(folder, "report.R"))
bench <- new.env(parent = asNamespace("firmmove"))
for (file in c("rows.R", "data.R", "stream-measures.R")) sys.source(file.path(folder, file), bench)
measures <- bench$measures

# ---- arguments ----------------------------------------------------------------------------------------------

read_options <- function(given) {
  options <- list(
    measures = setdiff(names(measures), "make"), rows = 2e6, places = 50, terms = 8, slice = 262144, memory = "500MB",
    store = "", out = "", child = "", result = ""
  )
  named <- grepl("^--", given)
  if (any(!named)) options$measures <- given[!named]
  for (argument in given[named]) {
    name <- sub("^--([a-z]+)=.*$", "\\1", argument)
    if (!name %in% names(options)) stop("unknown option ", argument, call. = FALSE)
    value <- sub("^[^=]*=", "", argument)
    options[[name]] <- if (is.numeric(options[[name]])) as.numeric(value) else value
  }
  unknown <- setdiff(options$measures, names(measures))
  if (length(unknown) > 0) {
    stop("no measure `", unknown[1], "`; there are ", paste(names(measures), collapse = ", "), call. = FALSE)
  }
  if (!options$terms %in% 1:8) stop("--terms is a number from 1 to 8", call. = FALSE)
  options
}

# ---- processes ----------------------------------------------------------------------------------------------

# One measure in an R of its own: its data frame, or NULL after a line that says why there is none.
in_process <- function(name, options) {
  result <- tempfile(fileext = ".rds")
  log <- tempfile(fileext = ".log")
  on.exit(unlink(c(result, log)))
  options[c("child", "result")] <- c(name, result)
  options$measures <- NULL
  arguments <- paste0("--", names(options), "=", vapply(options, format, "", scientific = FALSE, trim = TRUE))
  system2(
    file.path(R.home("bin"), "Rscript"), shQuote(c("--no-save", "--no-restore", script, arguments)),
    stdout = log, stderr = log,
    env = c(paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep)), "OMP_WAIT_POLICY=passive")
  )
  if (file.exists(result)) {
    return(readRDS(result))
  }
  cat(" ", name, "failed:", utils::tail(readLines(log, warn = FALSE), 3), sep = "\n    ")
  NULL
}

child <- function(options) {
  started <- bench$processor_load()
  found <- measures[[options$child]](options)
  loads <- c(before = started, after = bench$processor_load())
  found <- rbind(found, bench$figure(paste("load average,", names(loads)), loads, ""))
  saveRDS(cbind(measure = options$child, options[c("rows", "places", "terms")], found), options$result)
}

print_measure <- function(found) {
  goal <- ifelse(is.na(found$goal), "", paste0("   goal ", short(found$goal), ": ", ifelse(found$met, "met", "MISSED")))
  cat(sprintf("  %-52s %10s %s%s\n", found$what, short(found$value), found$unit, goal), sep = "")
}

main <- function() {
  options <- read_options(commandArgs(TRUE))
  if (nzchar(options$child)) {
    return(child(options))
  }
  cat(describe_machine()[1], sprintf("%s firm-years x %s places, %s terms, slices of %s rows", count(options$rows),
                                     count(options$places), count(options$terms), count(options$slice)), sep = "\n")
  if (!nzchar(options$store)) {
    options$store <- tempfile("bench-store-")
    on.exit(unlink(options$store, recursive = TRUE))
  }
  if (!dir.exists(options$store)) in_process("make", options)
  found <- list()
  for (name in options$measures) {
    cat("\n", name, "\n", sep = "")
    found[[name]] <- in_process(name, options)
    if (!is.null(found[[name]])) print_measure(found[[name]])
  }
  if (nzchar(options$out)) {
    utils::write.csv(do.call(rbind, unname(found)), options$out, row.names = FALSE)
    cat("\nwritten to", options$out, "\n")
  }
  quit(status = as.integer(length(found) < length(options$measures)))
}

main()
