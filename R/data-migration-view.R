# The view of migration_data (data-view.R).

user_table.migration_data <- function(data) {
  data$firms
}

firms_of.migration_data <- function(data) {
  list(
    table = data$firms, arg = "data$firms", places = data$place,
    columns = list(firm = data$names$firm, time = data$names$time, cluster = data$names$to)
  )
}

firm_attributes.migration_data <- function(data) {
  variable_tables(data)$firms
}

user_rows.migration_data <- function(data, occasion) {
  occasion
}

frame_rows.migration_data <- function(data, occasion) {
  occasion
}

count_data_occasions.migration_data <- function(data) {
  nrow(data$firms)
}

row_names.migration_data <- function(data) {
  row.names(data$firms)
}

occasion_frame.migration_data <- function(data) {
  data$firms
}

occasion_column.migration_data <- function(data, name) {
  data$firms[[name]]
}

occasion_places.migration_data <- function(data) {
  data$index[c("origin", "chosen")]
}

rows_of.migration_data <- function(data, rows) {
  some_firms(data, rows)
}

table_of.migration_data <- function(data, table) {
  switch(table,
    firms = data$firms,
    places = data$places,
    data$ties[[table]]$data
  )
}

change_variable.migration_data <- function(data, variable, change, place = NULL) {
  name <- variable$variable
  here <- function(code) if (is.null(place)) seq_along(code) else which(code == place)
  if (variable$table == "firms") {
    data$firms <- change_column(data$firms, name, seq_len(nrow(data$firms)), change)
  } else if (variable$table == "places") {
    code <- match(as.character(data$places[[data$names$place]]), data$place)
    data$places <- change_column(data$places, name, here(code), change)
  } else {
    tie <- data$ties[[variable$table]]
    data$ties[[variable$table]]$data <- change_column(tie$data, name, here(tie$index$to), change)
  }
  data
}

change_origins_of.migration_data <- function(data, variable, change, origin) {
  lapply(sort(unique(origin[origin > 0L])), function(place) {
    list(data = change_variable(data, variable, change, place), which = which(origin == place))
  })
}

attribute_table.migration_data <- function(data) {
  "places"
}

rows_of_place.migration_data <- function(data, place, time) {
  data$place_row[place, if (ncol(data$place_row) == 1L) 1L else match(time, data$time)]
}

changeable_tables.migration_data <- function(data) {
  c("places", "firms", "ties", "network")
}

old_tables.migration_data <- function(data) {
  ties <- lapply(data$ties, `[[`, "data")
  old <- list(firms = data$firms, places = data$places, network = data$network)
  if (length(ties) == 1L) old$ties <- ties[[1L]] else if (length(ties) > 1L) old$ties <- ties
  c(old, ties[setdiff(names(ties), names(old))])
}

rebuild_data.migration_data <- function(data, new) {
  names <- data$names
  ties <- lapply(data$ties, `[[`, "data")
  if (is.data.frame(new$ties)) {
    if (length(ties) != 1L) {
      abort("The data have ", length(ties), " tables of ties: give `ties` as a list with the name of the one that ",
        "changes.",
        class = "argument"
      )
    }
    ties[[1L]] <- new$ties
  } else if (!is.null(new$ties)) {
    ties[names(new$ties)] <- new$ties
  }
  for (name in names(ties)) {
    known <- data$ties[[name]]$default
    if (is.null(attr(ties[[name]], "default")) && !is.null(known) && !is.na(known)) {
      attr(ties[[name]], "default") <- known
    }
  }
  if (!is.null(new$firms) && nrow(new$firms) != nrow(data$firms)) {
    abort("The changed `firms` has ", plural(nrow(new$firms), "row"), " and the old one ",
      format_count(nrow(data$firms)), ": attributes can change, not which firms there are.",
      class = "argument"
    )
  }
  network <- if (is.null(new$network)) data$network else new$network
  build <- function(places, available = given_available(data), answers = FALSE) {
    build_migration_data(new$firms %||% data$firms, places,
      ties = if (length(ties) > 0L) ties, network = network, names = names, available = available,
      weights = data$weights, answers = answers
    )
  }
  places <- new$places %||% data$places
  if (names$place %in% names(places) && !setequal(id_text(unique(places[[names$place]])), data$place)) {
    return(changed_places(data, places, build))
  }
  rebuilt <- build(places, answers = TRUE)
  if (!identical(rebuilt$place, data$place)) {
    abort("The changed `places` must have the places of the old one in the same order.", class = "argument")
  }
  rebuilt
}

put_rows.migration_data <- function(data, occasion, rows) {
  for (name in names(rows)) {
    data$firms[[name]][occasion] <- rows[[name]]
  }
  data
}

has_tables.migration_data <- function(data) {
  TRUE
}
