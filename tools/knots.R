# Knots: sets of files of R/ that call each other in a circle. Prints them, the largest first, with the calls that tie
# each; tools/lint.R asks for the size of the largest:  Rscript tools/knots.R

# Functions a file defines at its top, and package functions it calls.
file_functions <- function(files) {
  parsed <- lapply(stats::setNames(files, files), parse, keep.source = TRUE)
  defined <- lapply(parsed, function(x) {
    is_definition <- vapply(x, function(e) is.call(e) && identical(e[[1L]], quote(`<-`)) && is.name(e[[2L]]), NA)
    vapply(x[is_definition], function(e) as.character(e[[2L]]), "")
  })
  home <- stats::setNames(rep(files, lengths(defined)), unlist(defined))
  calls <- lapply(parsed, function(x) {
    data <- utils::getParseData(x)
    intersect(data$text[data$token == "SYMBOL_FUNCTION_CALL"], names(home))
  })
  list(home = home, calls = calls)
}

# The strongly connected components with more than one file: from each file, what it reaches that reaches it.
knots_of <- function(files) {
  found <- file_functions(files)
  reach <- sapply(found$calls, function(names) files %in% found$home[names])
  reach <- t(reach) | diag(length(files)) == 1
  repeat {
    further <- (reach %*% reach) > 0
    if (all(further == reach)) break
    reach <- further
  }
  both <- reach & t(reach)
  knot <- apply(both, 1L, function(x) which(x)[1L])
  sets <- split(files, knot)
  sets <- unname(sets[lengths(sets) > 1L])
  list(knots = sets[order(-lengths(sets))], calls = found$calls, home = found$home)
}

# Lines "a.R -> b.R: f(), g()" for the calls inside a knot.
ties_of <- function(knot, found) {
  unlist(lapply(knot, function(file) {
    names <- found$calls[[file]]
    to <- found$home[names]
    inside <- to %in% setdiff(knot, file)
    tapply(names[inside], to[inside], function(x) NULL)
    by <- split(names[inside], to[inside])
    sprintf("  %s -> %s: %s", basename(file), basename(names(by)), vapply(by, paste, "", collapse = ", "))
  }))
}

if (sys.nframe() == 0L) {
  found <- knots_of(list.files("R", "\\.R$", full.names = TRUE))
  for (knot in found$knots) {
    cat(length(knot), " files: ", paste(basename(knot), collapse = " "), "\n", sep = "")
    writeLines(ties_of(knot, found))
  }
}
