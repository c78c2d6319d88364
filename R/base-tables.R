# Tables and keys: plain data frames in, integer codes out. Whatever the type of
# an id (factor, character, number, date), ids are compared as text, and only
# their distinct values are ever turned into text: a table of a million rows
# costs integer arithmetic.

# A plain data frame of any kind of data frame, columns shared, rows in order
#
# data.table changes columns in place, so its columns are copied first.
plain_table <- function(x, arg) {
  if (!is.data.frame(x)) {
    abort("`", arg, "` must be a data frame, not ", describe_type(x), ".", class = "type")
  }
  if (inherits(x, "data.table")) x <- as.data.frame(x)
  repeated <- names(x)[duplicated(names(x))]
  if (length(repeated)) {
    abort("`", arg, "` has more than one column named ", quote_names(unique(repeated)),
      ". Rename or drop one.",
      class = "columns"
    )
  }
  default <- attr(x, "default")
  structure(
    stats::setNames(lapply(seq_along(x), function(j) .subset2(x, j)), names(x)),
    row.names = .row_names_info(x, 0L), class = "data.frame", default = default
  )
}

# Check that `column` is one string naming a column of `table` fit to be a key
check_column <- function(table, column, arg, table_arg) {
  if (!is.character(column) || length(column) != 1 || is.na(column)) {
    abort("`", arg, "` must be the name of one column of `", table_arg, "`, as a string.",
      class = "columns"
    )
  }
  if (!column %in% names(table)) {
    abort(
      "`", table_arg, "` has no column `", column, "` (argument `", arg, "`).",
      did_you_mean(column, names(table),
        write = arg, otherwise = paste0(" Its columns are ", quote_names(names(table), 8), ".")
      ),
      class = "columns"
    )
  }
  if (!is.atomic(table[[column]]) || !is.null(dim(table[[column]]))) {
    abort("`", table_arg, "$", column, "` must be a plain column of ids, not ",
      describe_type(table[[column]]), ".",
      class = "columns"
    )
  }
  invisible(column)
}

# Stop when a key column has missing values; say in which rows
check_no_na <- function(x, label) {
  if (!anyNA(x)) {
    return(invisible())
  }
  rows <- which(is.na(x))
  abort("`", label, "` is missing (NA) in ", plural(length(rows), "row"), ": ",
    quote_rows(rows), ". Fill it in, or drop the row.",
    class = "missing_key"
  )
}

# Distinct values of a column and the code of each row: list(values, code)
#
# NA has no code. A factor's values are its levels, used or not.
distinct <- function(x) {
  if (is.factor(x)) {
    return(list(values = levels(x), code = as.integer(x)))
  }
  if (inherits(x, "integer64")) x <- as.character(x)
  quick <- if (!is.object(x) && is.atomic(x)) .Call(C_column_codes, x)
  if (!is.null(quick)) {
    return(list(values = unique(x[quick$first]), code = quick$code))
  }
  # the first rows of a long column often hold all its values, which spares
  # hashing the rest
  if (length(x) > 1e5) {
    found <- code_by(x, unique(x[seq_len(5000)]))
    if (!anyNA(found$code)) {
      return(found)
    }
  }
  code_by(x, unique(x))
}

# rank[code]; `code` itself where that is the same
recode <- function(code, rank, copy = FALSE) {
  if (!copy && identical(rank, seq_along(rank))) {
    return(code)
  }
  .Call(C_recode, code, rank)
}

# Codes of `x` among the values that are not NA
code_by <- function(x, values) {
  values <- values[!is.na(values)]
  list(values = values, code = match(x, values))
}

# Ids as text; whole numbers without exponent, so that 1e5, 100000L and
# "100000" are the same id
id_text <- function(x) {
  if (is.double(x) && !is.object(x) && all(x == round(x) & abs(x) < 2^53)) {
    return(sprintf("%.0f", x))
  }
  if (inherits(x, "POSIXct")) {
    return(time_text(x))
  }
  as.character(x)
}

# Dates with times as text; with parts of a second where any has them
time_text <- function(x) {
  whole <- format(x, "%Y-%m-%d %H:%M:%S")
  part <- as.numeric(x) %% 1
  if (!any(part > 0, na.rm = TRUE)) {
    return(as.character(x))
  }
  paste0(whole, sub("^0", "", sprintf("%.6f", part)))
}

# Integer code of each row of `x` among `levels` (text); NA where absent
code_among <- function(x, levels) {
  found <- distinct(x)
  match(id_text(found$values), levels)[found$code]
}

# Levels (text, in order of first appearance) and codes of a column of ids
#
# Unused levels of a factor are left out.
code_ids <- function(x) {
  if (is.factor(x)) {
    used <- unique(as.integer(x))
    used <- used[!is.na(used)]
    return(list(levels = levels(x)[used], code = match(as.integer(x), used)))
  }
  found <- distinct(x)
  list(levels = id_text(found$values), code = found$code)
}

# Sorted distinct times (original type) and the code of each row
#
# Factors keep the order of their levels; text is ordered as a person would,
# with "wave 2" before "wave 10".
code_times <- function(x) {
  if (is.factor(x)) {
    values <- droplevels(unique(x))
    values <- values[order(as.integer(values))]
  } else {
    values <- unique(x)
    values <- if (is.character(x)) values[natural_order(values)] else sort(values)
  }
  list(values = values, code = match(x, values))
}

# Order of strings with runs of digits compared as numbers
natural_order <- function(x) {
  number <- suppressWarnings(as.numeric(x))
  if (!anyNA(number)) {
    return(order(number))
  }
  runs <- gregexpr("[0-9]+", x)
  padded <- x
  width <- max(nchar(unlist(regmatches(x, runs))), 0L)
  regmatches(padded, runs) <- lapply(regmatches(x, runs), function(digits) {
    paste0(strrep("0", width - nchar(digits)), digits)
  })
  order(padded, x)
}

# One whole number for a combination of codes, first code running fastest
#
# Integer when the range allows, else double (exact to 2^53). NA where any
# code is NA.
combine_codes <- function(codes, sizes) {
  present <- !vapply(codes, is.null, logical(1))
  codes <- codes[present]
  sizes <- as.numeric(sizes[present])
  small <- prod(sizes) < .Machine$integer.max
  key <- codes[[1]]
  stride <- sizes[1]
  for (k in seq_along(codes)[-1]) {
    step <- if (small) as.integer(stride) else stride
    key <- key + step * (codes[[k]] - 1L)
    stride <- stride * sizes[k]
  }
  key
}

# Distinct whole numbers and how often each occurs
count_keys <- function(key) {
  values <- unique(key)
  list(key = as.double(values), n = tabulate(match(key, values), length(values)))
}

# Stop when rows of a table repeat a key; `label` turns row numbers into names
check_unique <- function(key, label, table_arg, what, hint) {
  if (anyDuplicated(key, incomparables = NA) == 0) {
    return(invisible())
  }
  again <- which(duplicated(key) & !is.na(key))
  abort("`", table_arg, "` has ", plural(length(again), "row"), " that ",
    if (length(again) == 1) "repeats " else "repeat ", what, ": ",
    quote_names(unique(label(again))), ". ", hint,
    class = "duplicate"
  )
}

# Names of columns of a table other than its keys
attribute_columns <- function(table, keys) {
  setdiff(names(table), unlist(keys))
}

# Check weights: a column of `table` or a vector with a value per row
check_weights <- function(weights, table, table_arg, arg = "weights") {
  if (is.null(weights)) {
    return(NULL)
  }
  n <- nrow(table)
  if (is.character(weights)) {
    check_column(table, weights, arg, table_arg)
    weights <- table[[weights]]
  }
  if (!is.numeric(weights) && !is.logical(weights)) {
    abort("`", arg, "` must be numbers or the name of a column of numbers, not ",
      describe_type(weights), ".",
      class = "weights"
    )
  }
  if (length(weights) != n) {
    abort("`", arg, "` must have a value for each of the ", plural(n, "row"), " of `",
      table_arg, "`, not ", format_count(length(weights)), ".",
      class = "weights"
    )
  }
  bad <- which(!is.finite(weights) | weights < 0)
  if (length(bad)) {
    abort("`", arg, "` must be finite and not negative; ", plural(length(bad), "row"),
      if (length(bad) == 1) " is not: " else " are not: ", quote_rows(bad), ".",
      class = "weights"
    )
  }
  as.numeric(weights)
}

# 0 for NA
no_na <- function(x) {
  if (anyNA(x)) x[is.na(x)] <- 0L
  x
}

# The variables of an atom at some rows of a table (NULL: all), as a list
table_rows <- function(table, atom, rows) {
  columns <- unclass(table)[intersect(atom$variables, names(table))]
  if (is.null(rows)) columns else lapply(columns, function(x) x[rows])
}

# Rows numbered from 1
plain_rows <- function(table) {
  attr(table, "row.names") <- .set_row_names(length(table[[1]]))
  table
}

# A data frame of columns of equal length, and of those of data frames: data.frame() without its checks, which cost
# more than the accounts of a few clusters
quick_table <- function(...) {
  table <- list()
  given <- list(...)
  for (at in seq_along(given)) {
    table <- c(table, if (is.data.frame(given[[at]])) as.list(given[[at]]) else given[at])
  }
  attr(table, "row.names") <- .set_row_names(length(table[[1]]))
  class(table) <- "data.frame"
  table
}
