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

# " Did you mean `land_price`?", for the end of a message: where one of `among` is likely what the first of `name` was
# meant to be; else `otherwise`. With `write` the name of an argument: " Did you mean time = \"year\"?"
did_you_mean <- function(name, among, write = NULL, otherwise = NULL) {
  near <- nearest_name(name[1L], among)
  if (is.null(near)) {
    return(otherwise)
  }
  paste0(" Did you mean ", if (is.null(write)) paste0("`", near, "`") else paste0(write, " = \"", near, "\""), "?")
}

# The string of `among` that is a slip of the pen away from `name`, or that it begins; NULL when none is
nearest_name <- function(name, among) {
  among <- unique(as.character(among))
  among <- among[!is.na(among) & nzchar(among)]
  if (!is.character(name) || is.na(name) || !nzchar(name) || length(among) == 0L) {
    return(NULL)
  }
  distance <- drop(utils::adist(name, among, ignore.case = TRUE))
  # two letters that changed places are one slip
  distance[distance == 2 & same_letters(name, among)] <- 1
  share <- distance / pmax(nchar(name), nchar(among))
  best <- which.min(share)
  # further than a third of the longer word is another word
  if (share[best] <= 1 / 3) {
    return(among[best])
  }
  begun <- startsWith(tolower(among), tolower(name))
  if (nchar(name) > 2L && any(begun)) among[which(begun)[1L]]
}

# Whether strings are made of the same letters, whatever their order
same_letters <- function(name, among) {
  letters <- lapply(strsplit(tolower(c(name, among)), ""), sort)
  vapply(letters[-1L], identical, NA, y = letters[[1L]])
}

# A count and its noun: "1 row", "3 rows", "2 entries"
plural <- function(n, singular, plural = paste0(singular, "s")) {
  paste(format_count(n), if (n == 1) singular else plural)
}

# A count with thousands separated: "1,000,000"
format_count <- function(n) {
  format(n, big.mark = ",", scientific = FALSE, trim = TRUE)
}

# The same for each of several numbers
format_count_each <- function(n) {
  vapply(n, format_count, character(1))
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

print_table <- function(table, digits, n) {
  print(utils::head(table, n), digits = digits, row.names = FALSE)
  if (nrow(table) > n) {
    cat("... ", plural(nrow(table) - n, "more row"), "\n", sep = "")
  }
}

# "95% intervals by the delta method"
interval_note <- function(conf.level, method) {
  paste0(format(100 * conf.level), "% intervals ", method, ".")
}
