# What a data centre lets out: cells of fewer firms than `min_firms` are blanked, and so that nobody can take the others
# from the total, where only one cell of a total is blanked the next smallest is too. Totals are kept.

check_min_firms <- function(min_firms) {
  if (is.null(min_firms)) NULL else check_count(min_firms, "min_firms")
}

# Which cells to blank: those of 1 to min_firms - 1 firms, and in a group with one of them the next smallest that has
# any (the largest blank cell may be the only one with firms: then nothing more can be hidden). `total` is the code of
# the total that a cell is part of, or a list of several such codes.
cells_to_blank <- function(firms, total, min_firms, blank = firms > 0 & firms < min_firms) {
  totals <- if (is.list(total)) total else list(total)
  repeat {
    more <- unlist(lapply(totals, complement_cells, firms = firms, blank = blank))
    if (length(more) == 0L) {
      return(blank)
    }
    blank[more] <- TRUE
  }
}

# One cell for each total of which only one cell is blank
complement_cells <- function(total, firms, blank) {
  hidden <- tapply(blank, total, sum)
  alone <- names(hidden)[hidden == 1L]
  candidates <- which(as.character(total) %in% alone & !blank & firms > 0)
  candidates <- candidates[order(firms[candidates])]
  candidates[!duplicated(total[candidates])]
}

# One number for each combination of values of some columns
row_codes <- function(table, columns) {
  if (length(columns) == 0L) {
    return(rep(1L, nrow(table)))
  }
  key <- do.call(paste, c(unname(lapply(table[columns], as.character)), sep = "\r"))
  match(key, unique(key))
}

# Columns that say something of firms, not which row it is
telling_columns <- function(table, keys) {
  numbers <- names(table)[vapply(table, is.numeric, NA)]
  setdiff(numbers, c(keys, "start", "end", "time", "prob", "distance"))
}

blank_rows <- function(table, rows, keys = character()) {
  for (column in telling_columns(table, keys)) {
    table[[column]][rows] <- NA
  }
  table
}

# `rules` names, for each table, the columns of the total (`by`) and of the cell in it (`cell`); all rows of a cell go
# together. A table may count firms in `firms` or in both of two columns.
disclose <- function(result, min_firms, rules) {
  min_firms <- check_min_firms(min_firms)
  if (is.null(min_firms)) {
    return(result)
  }
  for (name in intersect(names(rules), names(result))) {
    rule <- rules[[name]]
    table <- result[[name]]
    cell <- row_codes(table, c(rule$by, rule$cell))
    first <- !duplicated(cell)
    firms <- lapply(table[first, rule$firms %||% "firms", drop = FALSE], function(n) replace(n, is.na(n), 0))
    small <- Reduce(`|`, lapply(firms, function(n) n > 0 & n < min_firms))
    blank <- cells_to_blank(do.call(pmax, unname(firms)), row_codes(table[first, ], rule$by), min_firms, small)
    result[[name]] <- blank_rows(table, blank[cell], c(rule$by, rule$cell))
  }
  told_disclosure(result, min_firms)
}

told_disclosure <- function(result, min_firms) {
  result$min_firms <- min_firms
  text <- paste0("cells of fewer than ", min_firms, " firms, and what would give them away, are blank")
  result$reference <- c(result$reference, text)
  result
}
