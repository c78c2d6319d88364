# Where a decomposition finds its firms: in a table, or in data that know which of their columns is what.

# What a decomposition reads: list(table = the table of firms, arg = what to call it, columns = names of its columns by
# role (firm, time, cluster) that the data know, places = the places in their order, or NULL). A plain table knows of
# nothing.
firms_of <- function(data) {
  UseMethod("firms_of")
}

firms_of.default <- function(data) {
  list(table = data, arg = "data", columns = list(), places = NULL)
}

# Columns by role: those given, and where none is given, those that the data know
known_columns <- function(columns, source) {
  for (role in names(source$columns)) {
    columns[[role]] <- columns[[role]] %||% source$columns[[role]]
  }
  columns
}

# Data that know their columns may know of no time
check_time <- function(columns, source) {
  if (is.null(columns$time) && length(source$columns) > 0L) {
    abort("`data` has no time: name its column, migration_data(..., time = ).", class = "columns")
  }
}

# A column that the data know, where none was given
needed_column <- function(known, role, source) {
  if (is.null(known)) {
    abort("`", role, "` is needed: the name of a column of `", source$arg, "`, as a string.", class = "columns")
  }
  known
}
