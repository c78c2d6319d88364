# The long table of a migration_data: occasions times places. Nothing in the
# package uses it to fit; it is for other software, small data and tests.

# Long data frame, a row per occasion and offered place
expand_long <- function(data) {
  row <- occasions(data)
  J <- length(data$place)
  if (as.numeric(J) * length(row) > .Machine$integer.max) {
    abort("The long table would have ", format_count(as.numeric(J) * length(row)),
      " rows. fit_migration() needs no long table.",
      class = "too_large"
    )
  }
  pair <- list(row = rep(row, each = J), place = rep(seq_len(J), length(row)))
  pair$time <- data$index$time[pair$row]
  pair$origin <- data$index$origin[pair$row]
  offered <- pair_available(data, data$index$firm[pair$row], pair$origin, pair$place, pair$time)
  pair <- lapply(pair, function(code) if (!is.null(code)) code[offered])
  long <- add_columns(list(occasion = pair$row), data$firms, pair$row, "firms")
  long <- add_columns(
    long, list(chosen = as.integer(pair$place == data$index$chosen[pair$row])),
    seq_along(pair$row), "occasion"
  )
  key <- stats::setNames(list(data$place), data$names$place)
  long <- add_columns(long, key, pair$place, "place")
  timed <- if (ncol(data$place_row) > 1) pair$time else 1L
  attributes <- data$places[setdiff(names(data$places), c(data$names$place, data$names$time))]
  long <- add_columns(long, attributes, data$place_row[cbind(pair$place, timed)], "places")
  for (name in names(data$ties)) long <- add_tie_columns(long, data, name, pair)
  if (!is.null(data$weights)) {
    long <- add_columns(long, list(weight = data$weights), pair$row, "occasion")
  }
  structure(long, row.names = .set_row_names(length(pair$row)), class = "data.frame")
}

# Add columns of a table at rows, prefixed by `prefix` where the name is taken
add_columns <- function(long, table, row, prefix) {
  for (column in names(table)) {
    name <- if (column %in% names(long)) paste(prefix, column, sep = ".") else column
    long[[name]] <- table[[column]][row]
  }
  long
}

# Add the attributes of a tie table; pairs it lacks get its default, or 0 where
# a firm is at the place already or has no origin
add_tie_columns <- function(long, data, name, pair) {
  tie <- data$ties[[name]]
  by_place <- tie$by == "place"
  row <- tie_pair_rows(
    data, name, if (by_place) pair$origin else data$index$firm[pair$row],
    pair$place, pair$time
  )
  absent <- is.na(row)
  here <- absent & by_place & (is.na(pair$origin) | pair$origin == pair$place)
  columns <- lapply(tie$data[tie$columns], function(value) {
    value <- value[row]
    if (is.numeric(value) || is.logical(value)) {
      value[absent] <- tie$default
      value[here] <- 0
    }
    value
  })
  add_columns(long, columns, seq_along(row), name)
}
