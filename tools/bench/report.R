# Lines for the screen and a table in markdown.

count <- function(x) format(x, big.mark = ",", scientific = FALSE, trim = TRUE)

# Three digits or as many as asked, small numbers as powers of ten.
short <- function(x, digits = 3) {
  vapply(signif(x, digits), function(v) format(v, scientific = isTRUE(v != 0 && abs(v) < 1e-3)), "")
}

describe_machine <- function() {
  cpu <- tryCatch(grep("model name", readLines("/proc/cpuinfo"), value = TRUE)[1],
                  error = function(e) NA, warning = function(w) NA)
  c(
    sprintf("%s, %d cores, %s", if (is.na(cpu)) "processor not known" else sub("^.*: *", "", cpu),
            parallel::detectCores(), R.version.string),
    "Every package in a process of its own, two threads at most; seconds are the median of the runs."
  )
}

# ---- one package --------------------------------------------------------------------------------------------

# The figures of a result beside ours: numbers, NA where there are none.
figures <- function(result, ours) {
  has <- !is.null(result$seconds)
  compared <- has && !is.null(ours$seconds)
  largest <- function(x) if (all(is.na(x))) NA_real_ else max(abs(x), na.rm = TRUE)
  c(
    seconds = if (has) stats::median(result$seconds) else NA,
    cpu = if (has) stats::median(result$cpu) else NA,
    runs = if (has) length(result$seconds) else NA,
    memory = if (has) result$memory else NA,
    ratio = if (compared) stats::median(result$seconds) / stats::median(ours$seconds) else NA,
    coefficients = if (compared) largest(result$coefficients - ours$coefficients) else NA,
    errors = if (compared) largest(result$errors / ours$errors - 1) else NA
  )
}

# Why there is no result, or a warning where a package gave no finite figure for something.
remark <- function(result, ours) {
  lacking <- !is.finite(result$coefficients)
  if (!is.null(result$errors)) lacking <- lacking | !is.finite(result$errors)
  if (!is.null(result$note)) {
    result$note
  } else if (any(lacking)) {
    sprintf("%d of %d estimates or standard errors not finite", sum(lacking), length(lacking))
  } else {
    ""
  }
}

print_line <- function(package, result, ours) {
  f <- figures(result, ours)
  if (is.na(f[["seconds"]])) {
    cat(sprintf("  %-9s %s\n", package, remark(result, ours)))
    return(invisible())
  }
  cat(sprintf("  %-9s %8s s  (%d runs, cpu %s s)  %6.0f MB", package, short(f[["seconds"]]), as.integer(f[["runs"]]),
              short(f[["cpu"]]), f[["memory"]]))
  if (package != "firmmove" && !is.na(f[["ratio"]])) {
    cat(sprintf("  ratio %5s  estimates differ by %s", short(f[["ratio"]]), short(f[["coefficients"]], 2)))
    if (!is.na(f[["errors"]])) cat(sprintf(", errors by %s%%", short(100 * f[["errors"]], 2)))
  }
  cat(" ", result$version, remark(result, ours), "\n")
}

# ---- ours ---------------------------------------------------------------------------------------------------

profile_lines <- function(profile, size) {
  if (is.null(profile)) {
    return(character())
  }
  if (!is.null(profile$note)) {
    return(paste("no profile:", profile$note))
  }
  passes <- profile$passes[, -1]
  per_cell <- 1e9 * passes["cpu", ] / (size$occasions * size$places)
  c(
    paste0("stages: ", paste(names(profile$stages), paste(short(profile$stages), "s"), collapse = ", ")),
    sprintf("%d iterations, %d evaluations, %g digits; layout in C %s s", profile$iterations, profile$evaluations,
            profile$digits, short(profile$passes[["clock", "layout"]])),
    paste0("a pass: ", paste0(
      short(passes["clock", ]), " s for the ", colnames(passes), " (", short(per_cell, 2), " ns)", collapse = ", "
    )),
    sprintf("estimates are at most %s standard errors from the truth", short(profile$error, 2))
  )
}

print_profile <- function(profile, size) {
  lines <- profile_lines(profile, size)
  if (length(lines) > 0) cat(paste0("    ", lines, "\n"), sep = "")
}

# ---- goals --------------------------------------------------------------------------------------------------

# A data frame goal, aim, got, met; nothing for what was not measured.
goal_table <- function(goal, results) {
  ours <- results$firmmove
  if (is.null(ours$seconds)) {
    return(NULL)
  }
  seconds <- stats::median(ours$seconds)
  lines <- list()
  if (!is.null(goal$seconds)) {
    lines$seconds <- data.frame(goal = "seconds", aim = goal$seconds, got = seconds, met = seconds <= goal$seconds)
  }
  if (!is.null(goal$memory)) {
    lines$memory <- data.frame(goal = "MB", aim = goal$memory, got = ours$memory, met = ours$memory <= goal$memory)
  }
  for (package in names(goal$ratio)) {
    ratio <- figures(results[[package]], ours)[["ratio"]]
    if (is.na(ratio)) next
    aim <- goal$ratio[[package]]
    lines[[package]] <- data.frame(goal = paste("times", package), aim = aim, got = ratio, met = ratio >= aim)
  }
  do.call(rbind, lines)
}

goal_lines <- function(goal, results) {
  table <- goal_table(goal, results)
  if (is.null(table)) {
    return(character())
  }
  sprintf("goal %s %s: %s, %s", short(table$aim), table$goal, short(table$got), ifelse(table$met, "met", "MISSED"))
}

print_goals <- function(goal, results) {
  lines <- goal_lines(goal, results)
  if (length(lines) > 0) cat(paste0("    ", lines, "\n"), sep = "")
}

# ---- markdown -----------------------------------------------------------------------------------------------

markdown_row <- function(done) {
  definition <- rows[[done$row]]
  ours <- done$results$firmmove
  line <- function(package) {
    result <- done$results[[package]]
    f <- figures(result, ours)
    cell <- function(value) ifelse(is.na(value), "", short(value))
    first <- package == "firmmove"
    paste0("| ", paste(c(
      paste(package, result$version), cell(f[["seconds"]]), cell(f[["ratio"]]), cell(f[["cpu"]]),
      if (is.na(f[["memory"]])) "" else sprintf("%.0f", f[["memory"]]),
      if (first) "" else cell(f[["coefficients"]]), if (first) "" else cell(f[["errors"]]), remark(result, ours)
    ), collapse = " | "), " |")
  }
  goals <- if (!done$quick) goal_lines(definition$goal, done$results)
  notes <- c(profile_lines(ours$profile, done$size), goals)
  title <- definition$title(done$size)
  c(
    "", paste0("## ", toupper(substr(title, 1, 1)), substring(title, 2)), "",
    paste("| package | seconds | ratio to ours | cpu | MB beyond the data",
          "| estimates differ | errors differ (share) | remark |"),
    "|---|---:|---:|---:|---:|---:|---:|---|",
    vapply(names(done$results), line, ""), "", if (length(notes) > 0) paste("*", notes)
  )
}

markdown <- function(done, quick) {
  c("# Times and memory", "", paste0(describe_machine(), collapse = "\n"),
    "", if (quick) "Scaled down (`--quick`): the goals are for the full sizes.",
    unlist(lapply(done, function(row) markdown_row(c(row, quick = quick)))))
}
