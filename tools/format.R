# The layout of R code: styler's tidyverse style, with braces around the body of an `if` or loop that returns, or goes
# over the end of its line, and comments wrapped at the width of the code.
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

# Comments ------------------------------------------------------------------------------------------------

max_width <- 120

# The parts of a line that is a comment: list(mark, gap, text), mark "#" or "#'" with the blanks before it; NULL of code
comment_parts <- function(line) {
  found <- regmatches(line, regexec("^(\\s*#'?)( *)(.*)$", line))[[1L]]
  if (length(found) > 0L) list(mark = found[2L], gap = found[3L], text = found[4L])
}

# Whether a line of comment begins something: a tag, an item, a line of a list, or is none of running text
begins_anew <- function(text) {
  text == "" || grepl("^(@|[-*] |[0-9]+\\. |\\\\item|\\\\deqn|\\\\describe|```|\\||\\})|-{5,}$", text)
}

# Numbers of the lines that go on the paragraph of comment that begins, or is broken, at line `first`
rest_of_paragraph <- function(lines, first) {
  mark <- comment_parts(lines[first])$mark
  last <- first
  gap <- NULL
  equation <- startsWith(comment_parts(lines[first])$text, "\\deqn")
  while (last < length(lines) && !equation) {
    after <- comment_parts(lines[last + 1L])
    ends <- is.null(after) || after$mark != mark || begins_anew(after$text)
    if (ends || !identical(gap %||% after$gap, after$gap)) break
    gap <- after$gap
    last <- last + 1L
  }
  list(last = last, gap = gap)
}

`%||%` <- function(x, y) if (is.null(x)) y else x

# A paragraph of comment that is too wide, filled again from its first wide line on
filled <- function(lines, first, rest) {
  parts <- comment_parts(lines[first])
  hanging <- if (grepl("^(@|[-*] |\\\\(item|deqn))", parts$text)) paste0(parts$gap, "  ") else parts$gap
  texts <- vapply(lines[first:rest$last], function(line) comment_parts(line)$text, "")
  strwrap(
    paste(texts, collapse = " "), max_width + 1L,
    initial = paste0(parts$mark, parts$gap), prefix = paste0(parts$mark, rest$gap %||% hanging)
  )
}

# Comments that are wider than code are wrapped. Examples and rows of tables stay as they are.
wrap_comments <- function(lines) {
  tag <- ""
  k <- 1L
  while (k <= length(lines)) {
    parts <- comment_parts(lines[k])
    is_page <- !is.null(parts) && endsWith(parts$mark, "'")
    if (!is_page) tag <- ""
    if (is_page && startsWith(parts$text, "@")) tag <- sub(" .*", "", parts$text)
    fixed <- is.null(parts) || startsWith(tag, "@examples") || grepl("^\\||-{5,}$", parts$text)
    if (nchar(lines[k]) > max_width && !fixed) {
      rest <- rest_of_paragraph(lines, k)
      lines <- c(lines[seq_len(k - 1L)], filled(lines, k, rest), lines[seq_len(length(lines)) > rest$last])
    }
    k <- k + 1L
  }
  lines
}

laid_out <- function(file) {
  lines <- brace_bodies(wrap_comments(readLines(file, encoding = "UTF-8")))
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
