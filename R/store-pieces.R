# Rows that come in pieces: each piece is checked as migration_data() checks a table,
# written as a shard, and what concerns the whole (times, pairs of origin and time,
# repeated occasions) is gathered or looked at again in runs of whole firms.

# Write the pieces of a source as a store
write_pieces <- function(source, target, keys, chunk_rows, types) {
  on.exit(source$close())
  state <- piece_state(keys)
  writer <- shard_writer(target$part, "firms", target)
  while (!is.null(piece <- source$take())) {
    columns <- piece_columns(piece, types, state)
    check_piece(columns, piece, state)
    add_rows(writer, columns, piece_specs(columns, piece), piece_place(piece, 1))
  }
  close_shards(writer)
  if (sum(writer$rows) == 0) abort("`data` has no rows.", class = "empty")
  frame <- piece_frame(state, writer)
  arranged <- arrange_rows(writer, target, frame, chunk_rows)
  check_whole_firms(arranged, frame, keys, chunk_rows)
  counts <- c(state$counts, firms = arranged$firms)
  finish_store(target, arranged$writer, frame, arranged$together, counts)
}

# What is known of the rows so far, an environment
piece_state <- function(keys) {
  names <- keys[c("firm", "place", "time", "from", "to")]
  keys$places <- plain_table(keys$places, "places")
  found <- code_places(keys$places, names)
  if (!is.null(keys$weights) && !(is.character(keys$weights) && length(keys$weights) == 1)) {
    abort("`weights` must be the name of a column when rows come in pieces.", class = "weights")
  }
  list2env(list(
    keys = keys, names = names, place = found$levels, place_code = found$code,
    columns = NULL, times = NULL, cells = NULL,
    counts = list(occasions = 0, no_origin = 0, movers = 0, closed = 0)
  ))
}

# "row 262,145 of `file`"
piece_place <- function(piece, row) sprintf(piece$where, format_count(piece$row + row))

# The columns of a piece: types as asked, factors as text, weights as a column
piece_columns <- function(piece, types, state) {
  columns <- piece$columns
  if (is.null(state$columns)) {
    state$columns <- names(columns)
    check_weights_free(names(columns))
    check_types_known(types, names(columns))
    check_firm_names(columns, state)
  }
  if (!identical(names(columns), state$columns)) {
    abort("The columns change at ", piece_place(piece, 1), ": they are ", quote_names(names(columns), 8),
      ", not ", quote_names(state$columns, 8), ". Give parts with the same columns.",
      class = "columns"
    )
  }
  columns <- lapply(columns, plain_piece)
  for (name in names(types)) {
    columns[[name]] <- as_kind(columns[[name]], types[[name]], name, piece)
  }
  if (!is.null(state$keys$weights)) {
    columns[[weights_column]] <- as.numeric(columns[[state$keys$weights]])
  }
  columns
}

# Check that the key columns are there
check_firm_names <- function(columns, state) {
  table <- quick_frame(columns, names(columns), length(columns[[1]]))
  twice <- names(columns)[duplicated(names(columns))]
  if (length(twice)) {
    abort("`data` has more than one column named ", quote_names(unique(twice)),
      ". Rename or drop one.",
      class = "columns"
    )
  }
  if (nrow(table) == 0) abort("`data` has no rows.", class = "empty")
  # missing keys are told with their row later
  keys <- unlist(state$names[c("firm", "time")])
  for (key in intersect(keys, names(table))) table[[key]] <- rep(1L, nrow(table))
  check_firm_columns(table, state$names)
  if (!is.null(state$keys$weights)) check_column(table, state$keys$weights, "weights", "firms")
}

# A column of a piece: factors as text, integer64 as numbers, no names
plain_piece <- function(x) {
  if (is.factor(x)) {
    return(as.character(x))
  }
  if (inherits(x, "integer64")) {
    return(as.numeric(as.character(x)))
  }
  if (inherits(x, "AsIs")) class(x) <- setdiff(class(x), "AsIs")
  x
}

# A column as the kind that `types` says
as_kind <- function(x, kind, name, piece) {
  value <- switch(kind,
    text = if (is.numeric(x) && !is.object(x)) number_text(x) else as.character(x),
    number = if (is.character(x)) suppressWarnings(as.numeric(x)) else as.numeric(x),
    logical = if (is.character(x)) {
      c(
        true = TRUE, t = TRUE, false = FALSE, f = FALSE,
        "1" = TRUE, "0" = FALSE
      )[tolower(x)]
    } else {
      x != 0
    },
    date = if (is.numeric(x) || inherits(x, "Date")) {
      structure(as.numeric(x), class = "Date")
    } else {
      as.Date(x, format = "%Y-%m-%d")
    }
  )
  bad <- which(is.na(value) & !is.na(x))
  if (length(bad)) {
    abort("Column `", name, "` has `", format(x[bad[1]]), "` in ", piece_place(piece, bad[1]),
      ", which is no ", kind, ". Correct it, or say another of `types`.",
      class = "type"
    )
  }
  unname(value)
}

# Numbers as text, NA as NA
number_text <- function(x) {
  text <- rep(NA_character_, length(x))
  text[!is.na(x)] <- id_text(x[!is.na(x)])
  text
}

piece_specs <- function(columns, piece) {
  unname(Map(column_spec, columns, names(columns)))
}

# ---- checks ----------------------------------------------------------------------------------

# Check the keys and weights of a piece; gather times, pairs and counts
check_piece <- function(columns, piece, state) {
  names <- state$names
  for (key in unlist(names[c("firm", "time")])) {
    stop_at_row(
      is.na(columns[[key]]), piece, state, paste0("`firms$", key, "` is missing (NA)"),
      "Fill it in, or drop the row.", "missing_key"
    )
  }
  code <- list(
    origin = if (is.null(names$from)) {
      rep(NA_integer_, length(columns[[1]]))
    } else {
      code_among(columns[[names$from]], state$place)
    },
    chosen = code_among(columns[[names$to]], state$place)
  )
  check_piece_places(code$origin, columns[[names$from]], "come from", piece, state)
  check_piece_places(code$chosen, columns[[names$to]], "go to", piece, state)
  if (!is.null(state$keys$weights)) {
    weight <- columns[[weights_column]]
    stop_at_row(
      !is.finite(weight) | weight < 0, piece, state,
      "`weights` must be finite and not negative, and is not",
      "Correct it, or drop the row.", "weights"
    )
  }
  gather_piece(code, columns, state)
}

# Stop at the first row for which `bad`
stop_at_row <- function(bad, piece, state, what, remedy, class) {
  rows <- which(bad)
  if (length(rows) == 0) {
    return(invisible())
  }
  abort(what, " in ", piece_place(piece, rows[1]), if (length(rows) > 1) " and later",
    ". ", remedy,
    class = class
  )
}

check_piece_places <- function(code, x, verb, piece, state) {
  unknown <- which(is.na(code) & !is.na(x))
  if (length(unknown) == 0) {
    return(invisible())
  }
  lacking <- code_ids(x[unknown])$levels
  abort("`places` lacks ", format_count(length(lacking)), " of the places firms ", verb, ": ",
    quote_names(lacking), ", first in ", piece_place(piece, unknown[1]),
    ". Add a row for each, or drop those firms.",
    class = "unknown_place"
  )
}

# Add a piece to the distinct times, to the distinct pairs of origin and time, and to counts
gather_piece <- function(code, columns, state) {
  time <- NULL
  if (!is.null(state$names$time)) {
    x <- as.vector(unclass(columns[[state$names$time]]))
    state$times <- unique(c(state$times, unique(x)))
    time <- match(x, state$times)
  }
  J <- length(state$place)
  key <- combine_codes(list(code$origin, time), c(J, 2^31))
  state$cells <- unique(c(state$cells, as.numeric(unique(key[!is.na(key)]))))
  choice <- !is.na(code$chosen)
  count <- state$counts
  state$counts <- list(
    occasions = count$occasions + sum(choice),
    no_origin = count$no_origin + sum(choice & is.na(code$origin)),
    movers = count$movers + sum(code$origin != code$chosen, na.rm = TRUE),
    closed = count$closed + sum(!choice)
  )
}

# Places, times, ties, network and availability, checked: a migration_data but for its rows
piece_frame <- function(state, writer) {
  keys <- state$keys
  names <- state$names
  frame <- list(places = keys$places, names = names, place = state$place)
  cells <- list(origin = as.integer((state$cells - 1) %% length(state$place) + 1))
  frame["time"] <- list(NULL)
  if (!is.null(names$time)) {
    spec <- Find(function(spec) spec$name == names$time, writer$specs)
    seen <- restore_column(state$times, spec)
    frame$time <- code_times(seen)$values
    rank <- match(state$times, as.vector(unclass(frame$time)))
    cells$time <- rank[(state$cells - 1) %/% length(state$place) + 1]
  }
  frame$place_row <- code_place_rows(keys$places, state$place_code, frame)
  ties <- if (is.data.frame(keys$ties)) list(ties = keys$ties) else keys$ties
  frame$ties <- code_ties(keys$ties, with_tie_firms(frame, if (is.list(ties)) lapply(ties, rename_plain_keys, names)))
  frame["network"] <- list(code_network(keys$network, frame))
  frame["available"] <- list(code_available(keys$available, frame))
  check_place_rows(frame$place_row, frame)
  if (!is.null(frame$available$tie)) frame <- logical_available(frame)
  frame$index <- c(cells, list(chosen = rep(1L, length(cells$origin))))
  check_tie_pairs(frame)
  frame
}

# Check what needs the rows of a firm together: repeated occasions, places not offered
check_whole_firms <- function(arranged, frame, keys, chunk_rows) {
  shards <- arranged$shards
  names <- vapply(shards$specs, `[[`, "", "name")
  key_names <- unlist(frame$names[c("firm", "time", "from", "to")])
  j <- match(if (is.null(frame$available)) unlist(frame$names[c("firm", "time")]) else key_names, names)
  n <- sum(shards$rows)
  end <- if (arranged$together) {
    function(row) last_row_of_firm(shards, row, n, match(frame$names$firm, names))
  } else {
    function(row) n
  }
  slices <- cut_slices(n, max(chunk_rows, 1024), end)
  for (k in seq_len(nrow(slices))) {
    rows <- read_rows(shards, slices$first[k], slices$last[k], j)
    rows <- quick_frame(rows, names[j], length(rows[[1]]))
    firm <- code_ids(rows[[frame$names$firm]])
    time <- if (!is.null(frame$names$time)) {
      list(values = frame$time, code = code_known_times(rows[[frame$names$time]], frame$time))
    }
    check_occasion_unique(firm, time, frame$names)
    if (!is.null(frame$available)) check_chosen_available(data_of_rows(frame, rows, NULL))
  }
}
