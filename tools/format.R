# The layout of R code: styler's tidyverse style, with braces around the body of an `if` or loop that returns, or goes
# over the end of its line.
#
#   Rscript tools/format.R [--check] FILE ...      rewrites; or names the files that differ, and fails

# `if (x) return(y)` as a statement becomes a block; styler then lays it out. Chains with `else` and values of an
# expression stay.
brace_bodies <- function(lines) {
  parsed <- utils::getParseData(parse(text = lines, keep.source = TRUE), includeText = TRUE)
  bodies <- bare_bodies(parsed)
  marks <- data.frame(
    line = c(bodies$line1, bodies$line2), column = c(bodies$col1, bodies$col2 + 1L),
    text = rep(c("{\n", "\n}\n"), each = nrow(bodies))
  )
  # from the last to the first, so that the places of those before stay true
  for (k in order(-marks$line, -marks$column)) {
    line <- lines[marks$line[k]]
    lines[marks$line[k]] <- paste0(
      substring(line, 1L, marks$column[k] - 1L), marks$text[k], trimws(substring(line, marks$column[k]), "left")
    )
  }
  lines <- sub("\n$", "", lines)
  strsplit(paste(lines, collapse = "\n"), "\n", fixed = TRUE)[[1L]]
}

# The bodies without braces of statements: the last expression of an `if` without `else`, or of a loop
bare_bodies <- function(parsed) {
  keys <- parsed[parsed$token %in% c("IF", "FOR", "WHILE"), ]
  found <- lapply(seq_len(nrow(keys)), function(k) {
    statement <- keys$parent[k]
    inside <- parsed[parsed$parent == statement, ]
    block <- parsed[parsed$parent == parsed$parent[parsed$id == statement], ]
    body <- utils::tail(inside[inside$token %in% c("expr", "equal_assign"), ], 1L)
    is_statement <- any(block$token == "'{'")
    braced <- any(parsed$token[parsed$parent == body$id] == "'{'")
    stands_alone <- startsWith(body$text, "return(") || body$line2 > statement_line(parsed, statement)
    if (is_statement && !braced && !any(inside$token == "ELSE") && stands_alone) body
  })
  do.call(rbind, c(list(parsed[0L, ]), found))
}

statement_line <- function(parsed, id) {
  parsed$line1[parsed$id == id]
}

laid_out <- function(file) {
  lines <- brace_bodies(readLines(file, encoding = "UTF-8"))
  as.character(styler::style_text(lines, strict = TRUE, include_roxygen_examples = FALSE))
}

arguments <- commandArgs(TRUE)
check <- "--check" %in% arguments
files <- setdiff(arguments, "--check")
differ <- vapply(files, function(file) {
  new <- laid_out(file)
  same <- identical(new, readLines(file, encoding = "UTF-8"))
  if (!same && !check) writeLines(new, file, useBytes = TRUE)
  !same
}, NA)
if (any(differ)) {
  said <- if (check) "not laid out as `make format-fix` would: " else "rewritten: "
  cat(said, paste(files[differ], collapse = " "), "\n", sep = "")
}
quit(status = as.integer(check && any(differ)))
