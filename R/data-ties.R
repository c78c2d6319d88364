# Tie tables: attributes of pairs (origin, place) or (firm, place), and which
# places are available. Rows are found through integer codes; a table is touched
# once, whatever the number of firms.

# Check the tie tables and code their keys
code_ties <- function(ties, data) {
  if (is.null(ties)) {
    return(list())
  }
  if (is.data.frame(ties)) ties <- list(ties = ties)
  if (!is.list(ties) || length(ties) == 0) {
    abort("`ties` must be a data frame or a named list of data frames, not ",
      describe_type(ties), ".",
      class = "type"
    )
  }
  check_tie_names(names(ties), length(ties))
  stats::setNames(
    lapply(names(ties), function(name) code_tie(ties[[name]], name, data)),
    names(ties)
  )
}

# Stop unless tie tables have names, distinct from each other and the tables
check_tie_names <- function(names, n) {
  if (is.null(names)) names <- rep("", n)
  if (any(!nzchar(names) | is.na(names))) {
    abort("`ties` has ", plural(sum(!nzchar(names) | is.na(names)), "table"),
      " without a name: write list(distance = ..., kin = ...).",
      class = "columns"
    )
  }
  taken <- names[duplicated(names) | names %in% c("firms", "places", "network")]
  if (length(taken)) {
    abort("`ties` has a table named ", quote_names(unique(taken)),
      ", a name that another table has. Rename it.",
      class = "columns"
    )
  }
}

# One tie table: its key, codes and attribute columns
code_tie <- function(table, name, data) {
  label <- if (name == "ties") "ties" else paste0("ties$", name)
  table <- plain_table(table, label)
  names <- data$names
  table <- rename_plain_keys(table, names)
  by <- tie_key(table, label, names)
  timed <- !is.null(names$time) && names$time %in% names(table)
  keys <- c(if (by == "place") names$from else names$firm, names$to, if (timed) names$time)
  for (key in keys) {
    check_column(table, key, key, label)
    check_no_na(table[[key]], paste0(label, "$", key))
  }
  tie <- list(
    data = table, by = by, timed = timed, default = tie_default(table, label),
    columns = attribute_columns(table, keys),
    index = list(
      from = code_among(table[[keys[1]]], if (by == "place") data$place else data$firm),
      to = code_among(table[[names$to]], data$place),
      time = if (timed) code_among(table[[names$time]], id_text(data$time))
    )
  )
  check_tie_unique(tie, keys, label, data)
  tie
}

# Key columns called plainly `from`, `to`, `firm` or `time` take the names they have in `firms`
rename_plain_keys <- function(table, names) {
  for (key in c("from", "to", "firm", "time")) {
    if (!is.null(names[[key]]) && key %in% names(table) && !names[[key]] %in% names(table)) {
      names(table)[names(table) == key] <- names[[key]]
    }
  }
  table
}

# Whether a tie table is keyed by "place" (origin) or by "firm"
tie_key <- function(table, label, names) {
  has <- c(
    place = !is.null(names$from) && names$from %in% names(table),
    firm = names$firm %in% names(table)
  )
  if (!names$to %in% names(table) || sum(has) != 1) {
    abort("`", label, "` must have the column `", names$to, "` and one of ",
      quote_names(c(names$from, names$firm)), "; its columns are ",
      quote_names(names(table), 8), ".",
      class = "columns"
    )
  }
  names(has)[has]
}

# The number a table gives for pairs it lacks, NA if none
tie_default <- function(table, label) {
  default <- attr(table, "default")
  if (is.null(default)) {
    return(NA_real_)
  }
  if (!is.numeric(default) && !is.logical(default) || length(default) != 1) {
    abort("The attribute \"default\" of `", label, "` must be one number.", class = "type")
  }
  as.numeric(default)
}

# Stop when a tie table repeats a pair
check_tie_unique <- function(tie, keys, label, data) {
  name <- function(row) {
    key <- lapply(tie$data[row, keys, drop = FALSE], id_text)
    pair <- paste(key[[1]], "to", key[[2]])
    if (tie$timed) paste(pair, "in", key[[3]]) else pair
  }
  key <- combine_codes(tie$index, tie_sizes(tie, data))
  check_unique(
    key, name, label, if (tie$timed) "a pair and time" else "a pair",
    "Keep one row each."
  )
}

# Number of levels of each key of a tie table
tie_sizes <- function(tie, data) {
  c(
    if (tie$by == "place") length(data$place) else length(data$firm), length(data$place),
    max(1L, length(data$time))
  )[seq_len(2L + tie$timed)]
}

# Rows of a place-keyed tie table for origins (codes) and times (codes or NULL)
#
# Returns an integer matrix, place x length(origin): row of the table, NA where
# the table has none (also for origin NA or 0).
tie_rows <- function(data, tie, origin, time = NULL) {
  table <- data$ties[[tie]]
  J <- length(data$place)
  if (!table$timed) time <- NULL
  origin[!is.na(origin) & origin == 0L] <- NA_integer_
  wanted <- combine_codes(list(origin, time), c(J, length(data$time)))
  asked <- unique(wanted[!is.na(wanted)])
  at <- match(combine_codes(table$index[c("from", "time")], c(J, length(data$time))), asked)
  use <- which(!is.na(at) & !is.na(table$index$to))
  rows <- matrix(NA_integer_, J, length(asked))
  rows[table$index$to[use] + J * (at[use] - 1)] <- use
  if (identical(wanted, asked)) {
    return(rows)
  }
  rows[, match(wanted, asked), drop = FALSE]
}

# Rows of a firm-keyed tie table for firms (codes) and times (codes or NULL)
#
# Returns compressed rows, one per element of `firm`: `ptr` (0-based offsets),
# `col` (place, 1-based, rising within a firm), `row` (row of the table).
tie_entries <- function(data, tie, firm, time = NULL) {
  table <- data$ties[[tie]]
  sizes <- c(length(data$firm), length(data$time))
  if (!table$timed) time <- NULL
  wanted <- combine_codes(list(firm, time), sizes)
  asked <- unique(wanted)
  at <- match(combine_codes(table$index[c("from", "time")], sizes), asked)
  use <- which(!is.na(at) & !is.na(table$index$to))
  use <- use[order(at[use], table$index$to[use], method = "radix")]
  count <- tabulate(at[use], length(asked))
  if (!identical(wanted, asked)) {
    first <- cumsum(c(0L, count))
    again <- match(wanted, asked)
    use <- use[sequence(count[again], from = first[again] + 1L)]
    count <- count[again]
  }
  list(ptr = c(0L, cumsum(count)), col = table$index$to[use], row = use)
}

# Row of a tie table for each of a set of pairs; NA where it has none
#
# `key` holds codes of origins for a place-keyed table, of firms for a
# firm-keyed one; all arguments have one element per pair.
tie_pair_rows <- function(data, tie, key, place, time = NULL) {
  table <- data$ties[[tie]]
  sizes <- tie_sizes(table, data)
  wanted <- combine_codes(list(key, place, if (table$timed) time), sizes)
  match(wanted, combine_codes(table$index, sizes), incomparables = NA)
}

# Stop when a place-keyed tie table lacks a pair that firms may choose
#
# Needed are the pairs of each origin (and time) that occurs with every other
# place, unless `available` says the place is not offered there.
check_tie_pairs <- function(data) {
  for (name in names(data$ties)) {
    tie <- data$ties[[name]]
    if (tie$by != "place" || !is.na(tie$default)) next
    absent <- missing_pairs(data, name)
    if (nrow(absent) == 0) next
    pair <- paste(data$place[absent$origin], "to", data$place[absent$place])
    if (tie$timed) pair <- paste(pair, "in", id_text(data$time)[absent$time])
    label <- if (name == "ties") "ties" else paste0("ties$", name)
    abort("`", label, "` lacks ", plural(nrow(absent), "pair"), " of an origin and a place: ",
      quote_names(pair), ". Add a row for each, or give the number for absent pairs: ",
      "attr(", label, ", \"default\") <- 0.",
      class = "missing_pairs"
    )
  }
}

# Pairs a place-keyed tie table lacks: data frame origin, place, time (codes)
missing_pairs <- function(data, name) {
  J <- length(data$place)
  tie <- data$ties[[name]]
  # a pair of a table without time is needed if it is offered at any time
  timed <- !is.null(data$time) && (tie$timed || !is.null(data$available))
  cell <- origin_cells(data, timed)
  rows <- tie_rows(data, name, cell$origin, cell$time)
  at <- which(is.na(rows))
  column <- (at - 1L) %/% J + 1L
  absent <- data.frame(origin = cell$origin[column], place = (at - 1L) %% J + 1L)
  absent$time <- cell$time[column]
  absent <- absent[absent$origin != absent$place, , drop = FALSE]
  absent <- absent[pair_needed(data, name, absent), , drop = FALSE]
  if (!tie$timed) absent <- unique(absent[c("origin", "place")])
  absent
}

# Whether a tie table needs a row for pairs: FALSE where they are not offered
pair_needed <- function(data, name, pair) {
  rule <- data$available
  by_firm <- !is.null(rule$tie) && data$ties[[rule$tie]]$by == "firm"
  if (nrow(pair) == 0 || is.null(rule) || by_firm || identical(rule$tie, name)) {
    return(rep(TRUE, nrow(pair)))
  }
  pair_available(data, NULL, pair$origin, pair$place, pair$time)
}

# Distinct origins (and times) that occur among the choices, as codes
origin_cells <- function(data, timed) {
  J <- length(data$place)
  origin <- data$index$origin
  key <- combine_codes(list(origin, if (timed) data$index$time), c(J, length(data$time)))
  key <- sort(unique(key))
  cell <- list(origin = as.integer((key - 1) %% J + 1))
  cell["time"] <- list(if (timed) as.integer((key - 1) %/% J + 1))
  cell
}
