# One line for each region, exporter or cluster: start, components, end. Shared by the print methods of decompositions
# whose components add up from the start to the end.

# Print start + components = end, a line for each value of column `id`
print_component_lines <- function(table, id, ends, title, digits, n) {
  lines <- component_lines(table, id)
  # what is 0 but for rounding is shown as 0
  amounts <- zapsmall(cbind(start = ends[[2]], as.matrix(lines[-1]), end = ends[[3]]), 10)
  lines <- data.frame(lines[id], amounts, check.names = FALSE)
  cat("\n", title, "\n", sep = "")
  print(utils::head(lines, n), digits = digits, row.names = FALSE)
  if (nrow(lines) > n) cat("... ", plural(nrow(lines) - n, paste("more", id)), "\n", sep = "")
}

# Components as columns, in order; rows in the order of the table
component_lines <- function(table, id) {
  rows <- unique(table[[id]])
  columns <- unique(table$component)
  wide <- matrix(NA_real_, length(rows), length(columns), dimnames = list(NULL, columns))
  wide[cbind(match(table[[id]], rows), match(table$component, columns))] <- table$estimate
  data.frame(stats::setNames(list(rows), id), wide, check.names = FALSE)
}

# Notes as a table
note_table <- function(notes) data.frame(note = as.character(notes))

# Terms in per cent of the change they are parts of; NA where the change is next to nothing beside the level
percent_of <- function(estimate, change, level) {
  small <- abs(change) <= 1e-8 * max(abs(level), abs(change), na.rm = TRUE)
  100 * estimate / ifelse(small, NA_real_, change)
}
