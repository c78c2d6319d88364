# Words for messages and printed output: names in quotes, counts with their nouns, sizes, text within the width of the
# console.

# Names for a message: "`a`, `b`, `c` and 7 more"
quote_names <- function(x, max = 5) {
  x <- as.character(x)
  more <- length(x) - max
  # "and 1 more" is longer than the name it hides
  if (more == 1) more <- 0
  shown <- paste0("`", if (more > 0) x[seq_len(max)] else x, "`", collapse = ", ")
  if (more > 0) paste(shown, "and", format_count(more), "more") else shown
}

# Row numbers for a message: "5, 9, 12 and 7 more"
quote_rows <- function(rows, max = 5) {
  gsub("`", "", quote_names(rows, max), fixed = TRUE)
}

# The string of `among` closest to `name`, or NULL when none is close
nearest_name <- function(name, among) {
  among <- unique(as.character(among))
  if (!length(among)) {
    return(NULL)
  }
  distance <- drop(utils::adist(name, among, ignore.case = TRUE))
  best <- which.min(distance)
  # further than half of the longer word is another word, not a slip
  if (distance[best] > max(nchar(name), nchar(among[best])) / 2) {
    return(NULL)
  }
  among[best]
}

# A count and its noun: "1 row", "3 rows", "2 entries"
plural <- function(n, singular, plural = paste0(singular, "s")) {
  paste(format_count(n), if (n == 1) singular else plural)
}

# A count with thousands separated: "1,000,000"
format_count <- function(n) {
  format(n, big.mark = ",", scientific = FALSE, trim = TRUE)
}

# Each number on its own, to four digits
format_each <- function(x) {
  vapply(x, format, "", digits = 4)
}

# "2 GB"
format_bytes <- function(bytes) {
  power <- if (is.finite(bytes) && bytes >= 1) min(4, floor(log(bytes, 1024) + 1e-9)) else 0
  paste(format(round(bytes / 1024^power, 1), trim = TRUE), c("bytes", "KB", "MB", "GB", "TB")[power + 1])
}

# "a matrix", "a character vector", "NULL": what the user gave instead
describe_type <- function(x) {
  if (is.null(x)) {
    return("NULL")
  }
  if (is.matrix(x)) {
    return("a matrix")
  }
  if (is.function(x)) {
    return("a function")
  }
  if (is.object(x)) {
    return(paste0("an object of class `", class(x)[1], "`"))
  }
  if (is.list(x)) {
    return("a list")
  }
  paste("a", mode(x), "vector")
}

# Text broken into lines of the width of the console
wrapped <- function(text) {
  paste(as.character(cli::ansi_strwrap(text, width = cli::console_width(), exdent = 2)), collapse = "\n")
}

formula_text <- function(formula) {
  paste(trimws(deparse(formula, width.cutoff = 500L)), collapse = " ")
}
