# From the user's table to the codes and numbers that the kernel of decompose_cluster() takes.

# The columns of a panel, checked: codes of firm, time and cluster, numbers of performance and weight
cluster_panel <- function(data, columns, log) {
  source <- firms_of(read_firms(data, columns))
  columns <- known_columns(columns, source)
  check_time(columns, source)
  arg <- source$arg
  table <- plain_table(source$table, arg)
  if (is.null(columns$weight)) {
    table <- unit_weight(table)
    columns$weight <- "1"
  }
  check_panel_columns(table, columns, arg)
  label <- function(column) paste0(arg, "$", column)
  check_no_na(table[[columns$firm]], label(columns$firm))
  check_no_na(table[[columns$time]], label(columns$time))
  table[[columns$cluster]] <- blank_as_missing(table[[columns$cluster]], label(columns$cluster))
  cluster <- ordered_codes(table[[columns$cluster]], source$places)
  if (!length(cluster$values)) {
    abort("`", label(columns$cluster), "` is missing (NA) in every row: no firm is anywhere.", class = "empty")
  }
  time <- ordered_codes(table[[columns$time]])
  dead <- if (anyNA(cluster$code)) is.na(cluster$code)
  tell_homeless(table, columns, dead, label(columns$cluster))
  number <- function(role, log = FALSE) panel_numbers(table, columns, role, dead, arg, log)
  performance <- number("performance", log)
  list(
    firm = panel_firms(table[[columns$firm]]), firms = table[[columns$firm]], time = time$code,
    times = time$values, place = cluster$code, places = id_text(cluster$values),
    performance = performance, centre = centre_of(performance), weight = number("weight"),
    size = if (!is.null(columns$size) && !identical(columns$size, columns$weight)) number("size"),
    group = panel_groups(table, columns$se_cluster, dead, arg), columns = columns, arg = arg
  )
}

# A weight of one for each row, as a column of the name that print() shows
unit_weight <- function(table) {
  table[["1"]] <- rep(1, nrow(table))
  table
}

# Ids with empty text, which read.csv() makes of an empty cell, as missing ones
blank_as_missing <- function(x, label) {
  if (is.factor(x)) {
    empty <- which(!nzchar(trimws(levels(x))))
    blank <- if (length(empty) > 0L) which(as.integer(x) %in% empty)
  } else {
    # distinct() of a long column is quicker than a look at every row
    blank <- if (is.character(x) && any(!nzchar(trimws(distinct(x)$values)))) which(!nzchar(trimws(x)))
  }
  if (length(blank) > 0L) {
    inform("`", label, "` is empty text (\"\") in ", plural(length(blank), "row"), ": ", quote_rows(blank),
      ". Taken as missing (NA).",
      class = "blank"
    )
    x[blank] <- NA
  }
  x
}

# Stop when a key is missing or empty text
check_key <- function(x, label) {
  check_no_na(x, label)
  text <- if (is.factor(x)) levels(x) else if (is.character(x)) distinct(x)$values
  if (any(!nzchar(trimws(text)))) {
    rows <- which(!nzchar(trimws(as.character(x))))
    if (length(rows) > 0L) {
      abort("`", label, "` is empty text (\"\") in ", plural(length(rows), "row"), ": ", quote_rows(rows),
        ". Fill it in, or drop the row.",
        class = "missing_key"
      )
    }
  }
}

# Firms that work but are nowhere have not closed: their address is missing
tell_homeless <- function(table, columns, dead, label) {
  if (is.null(dead)) {
    return(invisible())
  }
  working <- function(column) {
    x <- table[[column]]
    if (is.numeric(x)) is.finite(x[dead]) & x[dead] != 0 else rep(FALSE, sum(dead))
  }
  found <- which(dead)[working(columns$performance) & working(columns$weight)]
  if (length(found) > 0L) {
    one <- length(found) == 1L
    inform(
      plural(length(found), "row"), if (one) " has" else " have", " performance and weight but no `", label, "`: ",
      quote_rows(found), ". ", if (one) "Its firm is" else "Their firms are", " counted as closed then. Fill in the ",
      "cluster, drop ", if (one) "the row" else "the rows", ", or set weight and performance to NA.",
      class = "no_cluster"
    )
  }
}

# Columns of migration data that need not be named
check_panel_columns <- function(table, columns, arg) {
  if (nrow(table) == 0) abort("`", arg, "` has no rows.", class = "empty")
  for (role in c("performance", "weight", "firm", "cluster", "time")) {
    if (is.null(columns[[role]])) {
      abort("`", role, "` is needed: the name of a column of `", arg, "`, as a string.", class = "columns")
    }
    check_column(table, columns[[role]], role, arg)
  }
  for (role in c("size", "se_cluster")) {
    if (!is.null(columns[[role]])) check_column(table, columns[[role]], role, arg)
  }
}

# Values in order (of factor levels, of numbers, of text; or of `among`) and the code of each row
ordered_codes <- function(x, among = NULL) {
  if (is.factor(x)) {
    # recode() for as.integer(), which is slow to copy many rows
    found <- distinct(recode(x, seq_along(levels(x)), copy = TRUE))
    used <- sort(found$values)
    sorted <- list(values = levels(x)[used], code = match(found$values, used))
  } else {
    found <- distinct(x)
    sorted <- code_times(found$values)
  }
  if (!is.null(among)) {
    first <- order(match(id_text(sorted$values), among))
    sorted <- list(values = sorted$values[first], code = order(first)[sorted$code])
  }
  list(values = sorted$values, code = recode(found$code, sorted$code))
}

# Codes of firms from 0 on, straight from the column where it is of a plain type
panel_firms <- function(x) {
  if (is.logical(x)) x <- as.integer(x)
  if (is.numeric(x) || is.factor(x) || is.character(x) || typeof(x) %in% c("integer", "double")) {
    found <- .Call(C_firm_codes, x)
    if (!is.null(found)) {
      return(found)
    }
  }
  found <- code_ids(x)
  list(code = found$code - 1L, n = length(found$levels))
}

# A column of numbers that is known wherever a firm is alive
panel_numbers <- function(table, columns, role, dead, arg, log = FALSE) {
  x <- table[[columns[[role]]]]
  label <- paste0("`", arg, "$", columns[[role]], "`")
  if (!is.numeric(x) || is.factor(x)) {
    abort(label, " (argument `", role, "`) must be numbers, not ", describe_type(x), ".", class = "type")
  }
  x <- as.double(x)
  # a finite sum has finite terms: the cheap look first
  bad <- if (!is.finite(sum(x))) which(if (is.null(dead)) !is.finite(x) else !is.finite(x) & !dead)
  if (length(bad)) {
    abort(label, " (argument `", role, "`) is missing or not finite in ", plural(length(bad), "row"),
      " of firms that are there: ", quote_rows(bad), ". Fill in the value, drop the row, or let `",
      columns$cluster, "` be NA where the firm had closed.",
      class = "missing"
    )
  }
  if (role %in% c("weight", "size")) warn_negative(x, dead, label, role)
  if (log) log_of(x, dead, label) else x
}

warn_negative <- function(x, dead, label, role) {
  negative <- if (min(0, x, na.rm = TRUE) < 0) which(if (is.null(dead)) x < 0 else x < 0 & !dead)
  if (length(negative)) {
    warn(label, " (argument `", role, "`) is negative in ", plural(length(negative), "row"), ": ",
      quote_rows(negative), ". Shares leave the range from 0 to 1. Accounts still add up, unless the weights of a cluster ",
      "sum to 0: it has no mean then.",
      class = "negative_weight"
    )
  }
}

# Logarithms; a value without one is refused, not dropped
log_of <- function(x, dead, label) {
  bad <- which(if (is.null(dead)) x <= 0 else x <= 0 & !dead)
  if (length(bad)) {
    abort(label, " has no logarithm in ", plural(length(bad), "row"), ", where it is not positive: ",
      quote_rows(bad), ". Leave `log = FALSE`, or decide what those firms are.",
      class = "log"
    )
  }
  suppressWarnings(log(x))
}

# Codes of the groups of firms whose errors go together, or NULL
panel_groups <- function(table, column, dead, arg) {
  if (is.null(column)) {
    return(NULL)
  }
  found <- code_ids(table[[column]])
  lacking <- which(if (is.null(dead)) is.na(found$code) else is.na(found$code) & !dead)
  if (length(lacking)) {
    abort("`", arg, "$", column, "` (argument `se_cluster`) is missing in ", plural(length(lacking), "row"), ": ",
      quote_rows(lacking), ". Fill it in.",
      class = "missing"
    )
  }
  if (length(found$levels) < 2) {
    abort("`se_cluster` has one group only: there is nothing to estimate errors from.", class = "argument")
  }
  found$code[is.na(found$code)] <- 1L
  list(code = found$code, n = length(found$levels))
}

# Sums of all cells of all pairs of periods
panel_cells <- function(panel, options) {
  n_times <- length(panel$times)
  if (n_times < 2) {
    abort("`", panel$arg, "$", panel$columns$time, "` has one period only, ", id_text(panel$times),
      ": a change needs two. decompose_productivity() decomposes levels.",
      class = "one_period"
    )
  }
  several <- n_times > 2
  cells <- .Call(C_firm_dynamics, list(
    firm = panel$firm$code, n_firms = panel$firm$n, time = panel$time, n_times = n_times, place = panel$place,
    n_places = length(panel$places), performance = panel$performance, weight = panel$weight, size = panel$size,
    group = panel$group$code, n_groups = if (is.null(panel$group)) 0 else panel$group$n, centre = panel$centre,
    keep_zero = options$zero_weight == "keep", consecutive = options$pairs != "ends" || !several,
    end_to_end = options$pairs != "consecutive" && several, gap_is_exit = options$gaps == "exit",
    threads = dynamics_threads(length(panel$weight))
  ))
  if (cells[["repeated"]] > 0) stop_repeated(cells, panel)
  cells
}

# A short pass is over before a second thread has started; results are the same bits for any number
dynamics_threads <- function(rows) {
  if (is_forked() || rows < 2e5) 1L else default_threads()
}

# A number near the performances: products of differences from it do not cancel
centre_of <- function(x) {
  some <- x[unique(round(seq(1, length(x), length.out = 1000)))]
  some <- some[is.finite(some)]
  if (length(some)) mean(some) else 0
}

# A firm twice in a period
stop_repeated <- function(cells, panel) {
  rows <- cells[["repeat"]]
  names <- paste(id_text(panel$firms[rows]), "in", id_text(panel$times)[panel$time[rows]])
  abort("`", panel$arg, "` has ", plural(cells[["repeated"]], "row"),
    if (cells[["repeated"]] == 1) " that repeats" else " that repeat", " a firm and period: ",
    quote_names(unique(names)), ". A firm is at one place at a time: keep one row each, or make the unit a plant (firm ",
    "and site).",
    class = "duplicate"
  )
}
