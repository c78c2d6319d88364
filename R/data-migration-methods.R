# What a person sees of migration_data: print, summary, as.data.frame, subset.

#' Print, summarise and convert migration data
#'
#' @description
#' `print()` shows occasions, places, times, the moves and their rate, and the
#' largest flows between places. `summary()` shows what may need a second look:
#' keys without a match, places nobody comes from or goes to, attributes that
#' never vary, sizes of groups, missing values. `as.data.frame()` gives the table
#' of firms or, on request, the long table. `subset()` keeps some of the firms'
#' rows. `nobs()` counts the occasions.
#'
#' @param x,object A [migration_data()].
#' @param top Number of flows, or of levels of a group, to show.
#' @param long `FALSE` for the table of firms, as given. `TRUE` for the long
#'   table, a row per occasion and offered place: for other software and for
#'   small data, as its size is occasions times places.
#' @param subset Condition on the columns of `firms`; rows where it is `NA` are
#'   dropped.
#' @param row.names,optional,... Not used.
#'
#' @return `print()` returns `x`, invisibly. `summary()` returns a list of class
#'   `summary.migration_data` with data frames `times` (time, occasions, movers,
#'   no_origin, closed), `keys` (table, problem, count, which), `constant`
#'   (table, column, value), `groups` (column, value, occasions), `missing`
#'   (table, column, count) and the character vector `unused` of places.
#'   `as.data.frame()` returns a data frame; the long one has the columns
#'   `occasion` (row of `firms`), `chosen` (0/1), the keys, the attributes of the
#'   firm and those of place and ties, prefixed by the table where names clash.
#'   `subset()` returns a `migration_data`, `nobs()` a count. `print()` and
#'   `summary()` warn when no firm moves or none chooses.
#' @seealso [migration_data()], [as_flows()], [plot.migration_data()], [print.choice_data()].
#' @examples
#' firms <- data.frame(
#'   firm = 1:4, from = c("Wenzhou", "Wenzhou", "Guzhen", NA),
#'   to = c("Guzhen", "Wenzhou", "Guzhen", "Guzhen"), size = c(20, 150, 60, 8)
#' )
#' places <- data.frame(place = c("Wenzhou", "Guzhen", "Yiwu"), land_price = c(9, 5, 7))
#' moves <- migration_data(firms, places)
#' print(moves)
#' summary(moves)
#' as.data.frame(moves, long = TRUE)
#' nobs(subset(moves, size > 10))
#' @export
print.migration_data <- function(x, top = 3, ...) {
  # of the rows there are: a subset keeps the codes of all
  cat("<migration_data> ", plural(length(unique(x$index$firm)), "firm"), ", ", plural(length(x$place), "place"),
    if (!is.null(x$time)) paste0(", ", time_range(x$time[sort(unique(x$index$time))])), "\n",
    sep = ""
  )
  renamed <- describe_renamed(renamed_places(x))
  print_lines(c(describe_moves(x), describe_tables(x), flows = describe_flows(x, top), renamed = renamed))
  # simulated data say so wherever they are shown
  if (is.character(attr(x, "note"))) writeLines(strwrap(attr(x, "note"), 78, prefix = "  "))
  warn_no_moves(x)
  invisible(x)
}

# "17 times, 1992 to 2008"
time_range <- function(time) {
  text <- id_text(time)
  range <- if (length(text) > 1) paste(text[1], "to", text[length(text)]) else text
  paste0(plural(length(text), "time"), " (", range, ")")
}

# Print labelled lines, labels aligned
print_lines <- function(lines) {
  lines <- lines[nzchar(lines)]
  cat(paste0("  ", formatC(names(lines), width = -10), lines, "\n"), sep = "")
}

# Lines on occasions and moves, for both classes of data
describe_moves <- function(x) move_lines(count_moves(x))

# Lines on counts of occasions and moves
move_lines <- function(count) {
  occasions <- format_count(count$occasions)
  extra <- c(
    if (count$no_origin > 0) paste(format_count(count$no_origin), "without origin"),
    if (count$closed > 0) paste(plural(count$closed, "row"), "of firms that closed"),
    if ((count$absent %||% 0) > 0) paste(plural(count$absent, "row"), "of firms that are not there")
  )
  if (length(extra)) occasions <- paste0(occasions, " (", paste(extra, collapse = "; "), ")")
  with_origin <- count$occasions - count$no_origin
  moves <- if (with_origin > 0) {
    paste0(
      format_count(count$movers), " of ", format_count(with_origin),
      if (count$no_origin > 0) " with an origin",
      " (", format(round(100 * count$movers / with_origin, 1), nsmall = 1), "%)"
    )
  } else {
    ""
  }
  c(occasions = occasions, moves = moves)
}

# Counts of occasions, movers, firms without origin and closed rows
count_moves <- function(x) {
  code <- occasion_places(x)
  choice <- !is.na(code$chosen)
  absent <- if (!all(choice)) absent_rows(x)
  list(
    occasions = sum(choice),
    no_origin = sum(choice & is.na(code$origin)),
    movers = sum(code$origin != code$chosen, na.rm = TRUE),
    closed = sum(absent$closed), absent = sum(!choice) - sum(absent$closed)
  )
}

# Lines on the tables of attributes
describe_tables <- function(x) {
  keys <- unlist(x$names[c("firm", "time", "from", "to")])
  ties <- vapply(names(x$ties), function(name) {
    tie <- x$ties[[name]]
    paste0(
      if (name != "ties") paste0(name, ": "), attribute_text(tie$columns), " by ",
      if (tie$by == "place") "origin" else "firm", " and place", if (tie$timed) " and time"
    )
  }, character(1))
  timed <- ncol(x$place_row) > 1 || !is.null(x$names$time) && x$names$time %in% names(x$places)
  place_keys <- c(x$names$place, if (timed) x$names$time)
  c(
    firms = attribute_text(attribute_columns(x$firms, keys)),
    places = paste0(attribute_text(attribute_columns(x$places, place_keys)), if (timed) " by time"),
    ties = paste(ties, collapse = "; "),
    network = if (is.null(x$network)) "" else plural(nrow(x$network), "link"),
    available = describe_available(x$available),
    weights = describe_weights(x$weights)
  )
}

attribute_text <- function(columns) {
  if (length(columns)) quote_names(columns, 6) else "no attributes"
}

describe_available <- function(available) {
  if (is.null(available)) {
    return("")
  }
  if (isTRUE(available$rows)) {
    "where `places` has a row"
  } else if (is.null(available$fun)) {
    paste0("column `", available$column, "` of `", available$tie, "`")
  } else {
    "a function of from, to and time"
  }
}

describe_weights <- function(weights) {
  if (is.null(weights)) "" else paste("sum", format(sum(weights)))
}

# The largest flows between different places (or first locations if none)
describe_flows <- function(x, top) {
  flows <- as_flows(x, zeros = FALSE)
  flows <- flows[!flows$stay, ]
  if (any(!is.na(flows$from))) flows <- flows[!is.na(flows$from), ]
  # weighted rows stand for more firms than they are
  size <- if (is.null(x$weights)) flows$count else flows$weight
  largest <- utils::head(order(-size), top)
  flows <- flows[largest, ]
  from <- ifelse(is.na(flows$from), "to", paste(flows$from, "->"))
  paste(from, flows$to, format_count_each(signif(size[largest], 6)), collapse = ", ")
}

# Warn when no firm chooses or none of those with an origin moves
warn_no_moves <- function(x) {
  count <- count_moves(x)
  if (count$occasions == 0) {
    warn("The column `", x$names$to, "` is missing (NA) in every row: no firm chooses, so the data ",
      "serve for prediction only.",
      class = "no_choice"
    )
  } else if (count$occasions > count$no_origin && count$movers == 0) {
    warn("No firm moves: all ", plural(count$occasions - count$no_origin, "occasion"),
      " with an origin ", if (count$occasions - count$no_origin == 1) "is a stay" else "are stays",
      ", so nothing can be said about moving.",
      class = "no_movers"
    )
  }
}

#' @rdname print.migration_data
#' @export
summary.migration_data <- function(object, top = 5, ...) {
  check_dots(...)
  tables <- c(list(firms = object$firms, places = object$places), lapply(object$ties, `[[`, "data"))
  keys <- unlist(object$names)
  warn_no_moves(object)
  warn_history(object)
  structure(list(
    times = time_counts(object),
    history = history_counts(object),
    renamed = renamed_places(object),
    keys = key_problems(object),
    unused = unused_places(object),
    constant = bind_rows(lapply(names(tables), function(name) {
      constant_columns(tables[[name]], name, keys)
    })),
    groups = group_sizes(object$firms, unlist(object$names[c("firm", "time", "from", "to")]), top),
    missing = bind_rows(lapply(names(tables), function(name) {
      missing_counts(tables[[name]], name, keys)
    })),
    data = describe_moves(object), top = top
  ), class = "summary.migration_data")
}

# Data frames of a list below each other, NULL ones left out
bind_rows <- function(list) do.call(rbind, list)

# Occasions, movers, firms without origin and closed rows at each time
time_counts <- function(x) {
  index <- x$index
  time <- if (is.null(index$time)) rep(1L, length(index$firm)) else index$time
  times <- max(1L, length(x$time))
  count <- function(rows) tabulate(time[which(rows %||% FALSE)], times)
  choice <- !is.na(index$chosen)
  counts <- data.frame(
    time = if (is.null(x$time)) NA else x$time, occasions = count(choice),
    movers = count(index$origin != index$chosen),
    no_origin = count(choice & is.na(index$origin)), closed = count(absent_rows(x)$closed)
  )
  plain_rows(counts[tabulate(time, times) > 0L, ])
}

# Places no firm comes from or goes to
unused_places <- function(x) {
  used <- tabulate(c(x$index$origin, x$index$chosen), length(x$place))
  x$place[used == 0]
}

# Keys of a table that another table does not have: table, problem, count, which
key_problems <- function(x) {
  ties <- lapply(names(x$ties), function(name) tie_problems(x, name))
  network <- if (!is.null(x$network)) {
    ends <- unique(c(x$network$firm, x$network$peer))
    key_problem("network", "firms that `firms` lacks", setdiff(ends, x$firm))
  }
  bind_rows(c(ties, list(network)))
}

tie_problems <- function(x, name) {
  tie <- x$ties[[name]]
  unknown <- function(code, column) code_ids(tie$data[[column]][is.na(code)])$levels
  key <- if (tie$by == "place") x$names$from else x$names$firm
  places <- union(if (tie$by == "place") unknown(tie$index$from, key), unknown(tie$index$to, x$names$to))
  rbind(
    key_problem(name, "places that `places` lacks", places),
    if (tie$by == "firm") key_problem(name, "firms that `firms` lacks", unknown(tie$index$from, key)),
    if (tie$by == "firm") absent_pairs(x, name),
    if (tie$timed) key_problem(name, "times that `firms` lacks", unknown(tie$index$time, x$names$time))
  )
}

# Pairs a firm-keyed tie table does not have
absent_pairs <- function(x, name) {
  tie <- x$ties[[name]]
  known <- stats::complete.cases(do.call(cbind, tie$index))
  occasions <- if (tie$timed) length(x$index$firm) else length(x$firm)
  absent <- as.numeric(occasions) * length(x$place) - sum(known)
  problem <- if (is.na(tie$default)) {
    "absent pairs, no default"
  } else {
    paste("absent pairs, taken as", format(tie$default))
  }
  if (absent > 0) data.frame(table = name, problem = problem, count = absent, which = "")
}

# A row of the table of key problems, NULL when there is none
key_problem <- function(table, problem, which) {
  if (length(which)) {
    data.frame(table = table, problem = problem, count = length(which), which = quote_names(which))
  }
}

# Attributes of a table that never vary
constant_columns <- function(table, name, keys) {
  columns <- attribute_columns(table, keys)
  columns <- columns[vapply(table[columns], is_constant_column, logical(1))]
  if (length(columns)) {
    value <- vapply(table[columns], function(x) format(x[!is.na(x)][1]), character(1))
    data.frame(table = name, column = columns, value = unname(value))
  }
}

is_constant_column <- function(x) {
  if (!is.atomic(x) || length(x) < 2) {
    return(FALSE)
  }
  first <- x[!is.na(x)][1]
  is.na(first) || all(x == first, na.rm = TRUE)
}

# Missing values of the attributes of a table
missing_counts <- function(table, name, keys) {
  columns <- attribute_columns(table, keys)
  count <- vapply(table[columns], function(x) if (is.atomic(x)) sum(is.na(x)) else 0L, integer(1))
  columns <- columns[count > 0]
  if (length(columns)) data.frame(table = name, column = columns, count = unname(count[count > 0]))
}

# Rows in each of the largest levels of the categorical attributes
group_sizes <- function(table, keys, top) {
  columns <- attribute_columns(table, keys)
  columns <- columns[vapply(table[columns], function(x) {
    is.factor(x) || is.character(x) || is.logical(x)
  }, logical(1))]
  bind_rows(lapply(columns, function(column) {
    found <- distinct(table[[column]])
    size <- tabulate(found$code, length(found$values))
    largest <- utils::head(order(-size), top)
    largest <- largest[size[largest] > 0]
    if (length(largest)) {
      data.frame(column = column, value = id_text(found$values)[largest], occasions = size[largest])
    }
  }))
}

#' @export
print.summary.migration_data <- function(x, ...) {
  print_lines(x$data)
  if (!identical(x$times$time, NA)) print_section("By time", x$times)
  print_section("Rows of firms that are not there", x$history)
  print_section("Places that may have got a new name", x$renamed)
  print_section("Keys without a match", x$keys)
  if (length(x$unused)) {
    cat("\nPlaces no firm comes from or goes to\n  ", quote_names(x$unused, 10), "\n", sep = "")
  }
  print_section("Attributes that never vary", x$constant)
  print_section(paste("Largest groups, at most", x$top, "a column"), x$groups)
  print_section("Missing values", x$missing)
  invisible(x)
}

# A titled data frame, nothing when it is empty
print_section <- function(title, table) {
  if (is.null(table) || nrow(table) == 0) {
    return(invisible())
  }
  cat("\n", title, "\n", sep = "")
  print(table, row.names = FALSE, right = FALSE)
}

#' @rdname print.migration_data
#' @export
as.data.frame.migration_data <- function(x, row.names = NULL, optional = FALSE, long = FALSE, ...) {
  check_dots(..., also = "stringsAsFactors")
  if (long) expand_long(x) else x$firms
}

#' @rdname print.migration_data
#' @export
subset.migration_data <- function(x, subset, ...) {
  check_dots(...)
  keep <- eval(substitute(subset), x$firms, parent.frame())
  if (!is.logical(keep) || length(keep) != nrow(x$firms)) {
    abort("`subset` must be a condition with TRUE or FALSE for each of the ",
      plural(nrow(x$firms), "row"), " of `firms`.",
      class = "subset"
    )
  }
  keep <- which(keep)
  if (length(keep) == 0) abort("`subset` leaves no rows.", class = "empty")
  some_firms(x, keep)
}

#' @rdname print.migration_data
#' @export
nobs.migration_data <- function(object, ...) length(occasions(object))
