# Reading rows of a store: any run of rows, across shards, only the columns asked for.

# Rows of shards: list of columns
#
# `shards` is a list: folder, files, rows (of each file), specs. `j` numbers columns;
# first and last are 1-based and may be larger than an integer.
read_rows <- function(shards, first, last, j = seq_along(shards$specs)) {
  end <- cumsum(shards$rows)
  start <- end - shards$rows
  use <- which(end >= first & start < last)
  pieces <- lapply(use, function(k) {
    from <- max(first - 1, start[k]) - start[k]
    n <- min(last, end[k]) - start[k] - from
    read_block_columns(
      file.path(shards$folder, shards$files[k]), as.character(j), shards$specs[j],
      from, n, shards$rows[k], shards$marks[k] %||% NA
    )
  })
  if (length(pieces) == 1) {
    return(pieces[[1]])
  }
  Map(restore_column, join_columns(pieces), shards$specs[j])
}

check_rows_range <- function(store, first, last) {
  fine <- is.numeric(first) && is.numeric(last) && length(first) == 1 && length(last) == 1 &&
    !is.na(first) && !is.na(last) && first >= 1 && last >= first && last <= store$n
  if (!fine) {
    abort("`first` and `last` must be rows of the store, 1 to ", format_count(store$n), ".",
      class = "range"
    )
  }
}

# Some rows of firms as a data frame. Only the columns asked for are read, and only the shards that have the rows.
# first, last: row numbers from 1 on; columns: names, NULL for all.
store_rows <- function(store, first, last, columns = NULL) {
  check_store(store)
  check_rows_range(store, first, last)
  names <- store_column_names(store)
  if (is.null(columns)) columns <- setdiff(names, weights_column)
  absent <- setdiff(columns, names)
  if (length(absent)) {
    abort("The store has no column ", quote_names(absent), ".",
      did_you_mean(absent, names, otherwise = paste0(" It has ", quote_names(store$columns$name, 8), ".")),
      class = "columns"
    )
  }
  values <- read_rows(store$shards, first, last, match(columns, names))
  quick_frame(values, columns, last - first + 1)
}

store_column_names <- function(store) vapply(store$shards$specs, `[[`, "", "name")

#' Some rows of a store
#'
#' @description
#' Reads some rows of a store as a [migration_data()] with all places, ties and the network of the store, or as a
#' [choice_data()] where the store holds long data. Only the columns asked for are read, and only the shards that have
#' the rows. [as_migration_data()] reads a whole store.
#'
#' @param store An [open_store()].
#' @param first,last First and last row, counted from 1. Of long data they must enclose whole occasions.
#' @param columns Names of columns of firms; `NULL` is all. The key columns are always read.
#'
#' @return A `migration_data` whose places and times are those of the whole store, and whose firms are those of the
#'   rows; for long data a `choice_data`.
#'
#' @section Errors:
#' Rows or columns the store does not have; a damaged or missing file, which is named with
#' the block and what to do (class `firmmove_error_corrupt` or `firmmove_error_io`).
#' @seealso [open_store()], [write_store()], [as_migration_data()] for all rows, [fit_migration()] for a fit that reads
#'   a store piece by piece.
#' @examples
#' path <- file.path(tempdir(), "lamps")
#' store <- write_store(wenzhou_guzhen(), path)
#' store_data(store, 1, 1000, "size")
#' unlink(path, recursive = TRUE)
#' @export
store_data <- function(store, first, last, columns = NULL) {
  check_store(store)
  own <- store$columns$name
  choice <- store$kind == "choice"
  keys <- unlist(if (choice) store$names else store$names[c("firm", "time", "from", "to")])
  wanted <- if (is.null(columns)) own else own[own %in% c(keys, columns)]
  weighted <- weights_column %in% store_column_names(store)
  absent <- setdiff(columns, own)
  rows <- store_rows(store, first, last, c(wanted, if (weighted) weights_column, absent))
  weights <- if (weighted) as.numeric(rows[[weights_column]])
  if (weighted) rows <- quick_frame(unclass(rows)[wanted], wanted, nrow(rows))
  if (choice) choice_of_rows(store$frame, rows, weights) else data_of_rows(store$frame, rows, weights)
}

# A migration_data of rows, with the places, times, ties and network of a frame
data_of_rows <- function(frame, rows, weights) {
  names <- frame$names
  firm <- code_ids(rows[[names$firm]])
  data <- list(
    firms = rows, places = frame$places, ties = list(), network = NULL, names = names,
    place = frame$place
  )
  data["time"] <- list(frame$time)
  data$firm <- firm$levels
  index <- list(firm = firm$code)
  index["time"] <- list(if (!is.null(names$time)) code_known_times(rows[[names$time]], frame$time))
  index$origin <- if (is.null(names$from)) {
    rep(NA_integer_, nrow(rows))
  } else {
    code_among(rows[[names$from]], frame$place)
  }
  index$chosen <- code_among(rows[[names$to]], frame$place)
  data$index <- index
  data$place_row <- frame$place_row
  data["tie_row"] <- list(NULL)
  data$ties <- lapply(frame$ties, function(tie) {
    if (tie$by == "firm") tie$index$from <- code_among(tie$data[[names$firm]], data$firm)
    tie
  })
  data["network"] <- list(frame$network)
  data["available"] <- list(frame$available)
  data["weights"] <- list(weights)
  attr(data, "note") <- attr(frame, "note")
  structure(data, class = "migration_data")
}

# Codes of times among sorted times, as code_times() gives them
code_known_times <- function(x, times) {
  if (is.factor(x)) {
    return(match(as.character(x), as.character(times)))
  }
  match(x, times)
}

# The rows of a store cut into slices of whole firms, the unit in which a fit reads it: a data frame first, last. Each
# slice has `rows` rows and the rest of its last firm; the last slice has what is left. Attribute `together` is FALSE
# when the rows of a firm lie apart in the store, which is then cut every `rows` rows (long data: at the end of an
# occasion).
store_slices <- function(store, rows = 262144) {
  check_store(store)
  rows <- check_store_rows(rows, "rows")
  # an occasion of long data is whole even where a firm is not
  whole <- if (store$together) store$names$firm else store$names$id
  j <- match(whole, store_column_names(store))
  end <- if (!is.null(whole)) function(row) last_row_of_firm(store$shards, row, store$n, j) else identity
  structure(cut_slices(store$n, rows, end), together = store$together)
}

# Slices of at least `rows` rows; `end` gives the last row of the firm of a row
cut_slices <- function(n, rows, end) {
  last <- numeric()
  at <- 0
  while (at < n) {
    at <- at + rows
    at <- if (at >= n) n else end(at)
    last <- c(last, at)
  }
  data.frame(first = c(1, last[-length(last)] + 1)[seq_along(last)], last = last)
}

# The last row of the run of a firm that has a row
last_row_of_firm <- function(shards, row, n, j) {
  width <- 64
  repeat {
    firm <- read_rows(shards, row, min(row + width, n), j)[[1]]
    other <- which(firm != firm[1])
    if (length(other)) {
      return(row + other[1] - 2)
    }
    if (row + width >= n) {
      return(n)
    }
    width <- 8 * width
  }
}
