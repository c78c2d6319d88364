# What a column of a store is. A column has a kind (what it means) and a storage
# (the R type it is read as); both are facts of the whole column, while each shard
# writes whole numbers as integers where all of its own are. The checksum of a
# column is one of its values: it does not depend on storage, shards or source.

# What a column is: list(name, kind, storage, detail, levels, empty)
# `empty`: every value so far is missing.
column_spec <- function(x, name, table = "firms") {
  spec <- list(
    name = name, kind = column_kind(x), storage = typeof(x), detail = "",
    levels = NULL, empty = FALSE
  )
  if (is.na(spec$kind)) {
    abort("Column `", name, "` of `", table, "` is ", describe_type(x),
      "; a store keeps numbers, logicals, text, factors, dates and times. ",
      "Convert the column or drop it.",
      class = "type"
    )
  }
  if (is.factor(x)) spec$levels <- levels(x)
  if (spec$kind == "datetime") spec$detail <- c(attr(x, "tzone"), "")[1]
  if (spec$kind == "difftime") spec$detail <- attr(x, "units")
  # what a missing value is called depends on where the data come from
  spec$empty <- spec$kind %in% c("number", "logical", "text") && all(is.na(x)) &&
    !(is.double(x) && any(is.nan(x)))
  spec
}

# "number", "logical", "text", "factor", "ordered", "date", "datetime", "difftime" or NA
column_kind <- function(x) {
  if (!is.null(dim(x))) {
    return(NA_character_)
  }
  if (is.ordered(x)) {
    return("ordered")
  }
  if (is.factor(x)) {
    return("factor")
  }
  if (inherits(x, "Date") && is.numeric(unclass(x))) {
    return("date")
  }
  if (inherits(x, "POSIXct")) {
    return("datetime")
  }
  if (inherits(x, "difftime")) {
    return("difftime")
  }
  if (is.object(x) && !identical(class(x), "AsIs")) {
    return(NA_character_)
  }
  switch(typeof(x),
    logical = "logical",
    integer = ,
    double = "number",
    character = "text",
    NA_character_
  )
}

# The spec of a column of which another piece has come; error when they differ in kind
join_spec <- function(old, new, where = "") {
  if (old$empty && new$empty) {
    return(old)
  }
  if (old$empty) {
    return(new)
  }
  if (new$empty) {
    return(old)
  }
  same <- old$kind == new$kind && identical(old$levels, new$levels)
  if (!same) {
    abort("Column `", old$name, "` is of kind ", old$kind, " in the first rows and of kind ",
      new$kind, " later", where, ". Say what it is: types = c(", old$name, " = \"",
      if (all(c(old$kind, new$kind) %in% c("number", "logical"))) "number" else "text",
      "\").",
      class = "type"
    )
  }
  if (old$storage != new$storage) old$storage <- "double"
  old
}

# A column as the C code takes it
column_values <- function(x) {
  if (is.character(x)) enc2utf8(x) else x
}

# Values as the C code gives them -> the column
restore_column <- function(x, spec) {
  switch(spec$kind,
    factor = structure(x, levels = spec$levels, class = "factor"),
    ordered = structure(x, levels = spec$levels, class = c("ordered", "factor")),
    date = structure(x, class = "Date"),
    datetime = structure(x,
      class = c("POSIXct", "POSIXt"),
      tzone = if (nzchar(spec$detail)) spec$detail
    ),
    difftime = structure(x, class = "difftime", units = spec$detail),
    x
  )
}

# The type of a column as a person calls it
column_type <- function(spec) {
  switch(spec$kind,
    number = spec$storage,
    text = "character",
    date = "Date",
    datetime = "POSIXct",
    spec$kind
  )
}

# The line of a column in the text whose checksum is the id of the store
column_line <- function(spec, hash) {
  kind <- if (spec$empty) "missing" else spec$kind
  paste(c(
    spec$name, kind, if (kind == "difftime") spec$detail, spec$levels,
    as.character(hash)
  ), collapse = "\r")
}

# Specs of the columns of a table
table_specs <- function(table, arg) {
  unname(Map(function(x, name) column_spec(x, name, arg), table, names(table)))
}

# Read rows first + 1 .. first + n of columns of one file; list of columns
#
# `block` names them in the file, which has `total` rows, and the mark of the manifest where there is one.
read_block_columns <- function(file, block, specs, first, n, total, mark = NA_character_) {
  storage <- vapply(specs, `[[`, "", "storage", USE.NAMES = FALSE)
  n_levels <- vapply(specs, function(spec) length(spec$levels), 1L)
  values <- tryCatch(
    .Call(C_shard_read, file, block, storage, n_levels, as.numeric(c(first, n, total)), as.character(mark)),
    firmmove_error_invalid = function(e) abort(conditionMessage(e), class = c("store_changed", "corrupt"))
  )
  Map(restore_column, values, specs)
}

# A data frame of columns, without the cost and the checks of data.frame()
quick_frame <- function(columns, names, n) {
  structure(unname(columns),
    names = names, row.names = .set_row_names(n),
    class = "data.frame"
  )
}
