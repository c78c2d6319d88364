# The view of choice_data (data-view.R).

user_table.choice_data <- function(data) {
  data$data
}

firm_attributes.choice_data <- function(data) {
  variable_tables(data)$data
}

# Rows of the user's long table that belong to occasions, in the order of the design
user_rows.choice_data <- function(data, occasion) {
  first <- data$start[occasion]
  rows <- sequence(data$start[occasion + 1L] - first, first + 1L)
  if (is.null(data$order)) rows else data$order[rows]
}

frame_rows.choice_data <- function(data, occasion) {
  sort(user_rows(data, occasion))
}

# A column of the long table, its first row of each occasion
first_rows <- function(data, column) {
  at <- data$start[-length(data$start)] + 1L
  data$data[[column]][if (is.null(data$order)) at else data$order[at]]
}

count_data_occasions.choice_data <- function(data) {
  length(data$start) - 1L
}

row_names.choice_data <- function(data) {
  as.character(data$id)
}

occasion_frame.choice_data <- function(data) {
  as.data.frame(lapply(stats::setNames(nm = names(data$data)), first_rows, data = data), check.names = FALSE)
}

occasion_column.choice_data <- function(data, name) {
  first_rows(data, name)
}

# Whether a column has several values for the places of one occasion
differs_within <- function(data, name) {
  values <- data$data[[name]]
  code <- match(values, unique(values))
  if (!is.null(data$order)) {
    code <- code[data$order]
  }
  !is_occasion_constant(code, as.double(data$start))
}

# Codes of the origin (NA: none) and the chosen place of the occasions of long data
occasion_places.choice_data <- function(data) {
  first <- data$start[-length(data$start)]
  origin <- data$index$origin
  origin[origin == 0L] <- NA_integer_
  list(origin = data$index$place[first + origin], chosen = data$index$place[first + data$index$chosen])
}

rows_of.choice_data <- function(data, rows) {
  last <- data$start[max(rows) + 1L]
  table <- if (is.null(data$order)) data$data else data$data[data$order, , drop = FALSE]
  data <- set_parts(data, data = table[seq_len(last), , drop = FALSE], order = NULL)
  data$start <- data$start[c(rows, max(rows) + 1L)]
  by_row <- lengths(data$index) == length(data$index$place)
  data$index <- Map(function(code, long) if (long) code[seq_len(last)] else code[rows], data$index, by_row)
  set_parts(data, weights = data$weights[rows])
}

table_of.choice_data <- function(data, table) {
  data$data
}

change_variable.choice_data <- function(data, variable, change, place = NULL) {
  code <- data$index$place
  here <- if (is.null(place)) seq_along(code) else which(code == place)
  rows <- if (is.null(data$order)) here else data$order[here]
  data$data <- change_column(data$data, variable$variable, rows, change)
  data
}

change_origins_of.choice_data <- function(data, variable, change, origin) {
  from <- no_na(data$index$origin)
  rows <- data$start[-length(data$start)][from > 0L] + from[from > 0L]
  if (!is.null(data$order)) {
    rows <- data$order[rows]
  }
  data$data <- change_column(data$data, variable$variable, rows, change)
  list(list(data = data, which = NULL))
}

attribute_table.choice_data <- function(data) {
  "data"
}

rows_of_place.choice_data <- function(data, place, time) {
  occasion <- rep.int(seq_along(data$id), diff(data$start))
  here <- data$index$place == place
  if (!is.na(time)) {
    here <- here & data$time[data$index$time[occasion]] == time
  }
  rows <- which(here)
  if (!is.null(data$order)) data$order[rows] else rows
}

changeable_tables.choice_data <- function(data) {
  "data"
}

old_tables.choice_data <- function(data) {
  list(data = data$data)
}

rebuild_data.choice_data <- function(data, new) {
  table <- new$data
  if (same_keys(table, data$data, unlist(data$names))) {
    return(set_parts(data, data = as.data.frame(table)))
  }
  changed_offers(data, table)
}

put_rows.choice_data <- function(data, occasion, rows) {
  at <- frame_rows(data, occasion)
  for (name in names(rows)) {
    data$data[[name]][at] <- rows[[name]]
  }
  data
}

has_tables.choice_data <- function(data) {
  FALSE
}
