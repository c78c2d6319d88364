# Wraps comments of C that are wider than its code, which clang-format leaves alone for the sake of their equations:
#
#   Rscript tools/wrap-comments.R FILE ...
#
# Text is carried over to the next line of its paragraph; a line that is indented (an equation, an entry of a list) keeps
# its indentation and takes in nothing from the line before. `make format-fix` runs this before clang-format.

width <- 108
ruler <- "^/\\* ---- .*-{3,} \\*/$"
own_sentence <- "^ (Arguments|Thread safety|Overwrites|Equations|Formulas|Notation)\\b"

indent <- function(x) nchar(x) - nchar(sub("^ +", "", x))

# The lines of a comment without its marks: list(text, alone), alone when the last mark has a line of its own
bare <- function(lines) {
  text <- trimws(lines)
  text <- c(substring(text[[1]], 3), sub("^\\* ?", " ", text[-1]))
  text[-1] <- ifelse(trimws(lines[-1]) == "*/", "*/", text[-1])
  n <- length(text)
  alone <- n > 1 && text[[n]] == "*/"
  list(text = if (alone) text[-n] else c(text[-n], sub("\\s*\\*/$", "", text[[n]])), alone = alone)
}

# Where what is carried over to a line of its own begins: after a comma or the end of a sentence, or 25 characters from the end
early_break <- function(line, cut) {
  chars <- strsplit(substr(line, 1, cut), "")[[1]]
  depth <- cumsum(chars %in% c("(", "[")) - cumsum(chars %in% c(")", "]"))
  stops <- which(chars %in% c(".", ";", ",") & depth == 0 & c(chars[-1], "") == " ")
  stops <- stops[stops >= 46]
  if (length(stops) > 0) max(stops) else last_blank(line, max(nchar(line) - 25, 40))
}

last_blank <- function(line, before) {
  blanks <- gregexpr(" ", line, fixed = TRUE)[[1]]
  blanks <- blanks[blanks > 0 & blanks <= before]
  if (length(blanks) > 0) max(blanks) - 1L else 0L
}

# One line that is too wide and the next (NULL: none): list(line, rest, joins)
break_line <- function(line, following, room) {
  deep <- indent(line)
  entry <- regmatches(line, regexpr("^ {2,}\\S+ {2,}(?=\\S)", line, perl = TRUE))
  hang <- if (length(entry) > 0 && deep >= 3) nchar(entry) else if (deep >= 8 || deep < 3) deep else deep + 2L
  joins <- !is.null(following) && nzchar(trimws(following)) && (
    (deep == 1 && indent(following) == 1 && !grepl(own_sentence, following) &&
       !grepl("^ [-*A-Z_]+ {2,}", following)) || (deep >= 3 && hang >= 8 && indent(following) == hang))
  cut <- last_blank(line, room + 1L)
  if (!joins && nchar(line) - cut < 25) cut <- early_break(line, cut)
  if (cut <= hang) {
    return(NULL)
  }
  rest <- paste0(strrep(" ", hang), trimws(substring(line, cut + 1L)))
  list(line = sub(" +$", "", substr(line, 1, cut)), rest = if (joins) paste(rest, trimws(following)) else rest, joins = joins)
}

wrap_comment <- function(lines) {
  margin <- sub("/\\*.*$", "", lines[[1]])
  room <- width - nchar(margin) - 2L
  bare <- bare(lines)
  text <- bare$text
  i <- 1L
  while (i <= length(text)) {
    last <- i == length(text)
    if (nchar(text[[i]]) > room - if (last && !bare$alone) 3L else 0L) {
      broken <- break_line(text[[i]], if (!last) text[[i + 1L]], if (last && !bare$alone) room - 3L else room)
      if (!is.null(broken)) {
        text <- c(text[seq_len(i - 1L)], broken$line, broken$rest, text[-seq_len(i + broken$joins)])
      }
    }
    i <- i + 1L
  }
  made <- paste0(margin, c("/*", rep(" *", length(text) - 1L)), text)
  made <- sub(" +$", "", made)
  if (bare$alone) c(made, paste0(margin, " */")) else c(made[-length(made)], paste0(made[length(made)], " */"))
}

wrap_file <- function(file) {
  lines <- readLines(file, encoding = "UTF-8")
  long <- nchar(lines) > width & grepl(ruler, lines)
  cut <- sub("-+ \\*/$", "", lines[long])
  lines[long] <- paste0(cut, strrep("-", width - nchar(cut) - 3L), " */")
  starts <- grep("^\\s*/\\*", lines)
  ends <- grep("*/", lines, fixed = TRUE)
  for (start in rev(starts)) {
    end <- min(ends[ends >= start])
    block <- lines[start:end]
    if (max(nchar(block)) > width && grepl("\\*/$", block[[length(block)]]) && !grepl(ruler, block[[1]])) {
      lines <- c(lines[seq_len(start - 1L)], wrap_comment(block), lines[-seq_len(end)])
    }
  }
  if (!identical(lines, readLines(file, encoding = "UTF-8"))) writeLines(lines, file, useBytes = TRUE)
}

invisible(lapply(commandArgs(TRUE), wrap_file))
