# The view of data: what is asked of migration_data and choice_data alike, whatever tables they keep. A class of data
# has a method of each generic in the file that owns it (data-migration-view.R, data-choice-view.R); nothing else asks
# which class there is, but for verbs that need one of the two and say so (has_tables()).
#
# Fields that both have: place, firm, time (names and values in order; time may be NULL), index (codes), names (of the
# key columns), weights.

# Rows of the user ----------------------------------------------------------------------------------------

# The table whose rows the user thinks of: of firms, or the long table
user_table <- function(data) {
  UseMethod("user_table")
}

# The columns that may be attributes of firms
firm_attributes <- function(data) {
  UseMethod("firm_attributes")
}

# Numbers of the user's rows that belong to occasions, in the order of these
user_rows <- function(data, occasion) {
  UseMethod("user_rows")
}

# Numbers of the user's rows that belong to occasions, in the order in which the user has them
frame_rows <- function(data, occasion) {
  UseMethod("frame_rows")
}

# Occasions -----------------------------------------------------------------------------------------------

count_data_occasions <- function(data) {
  UseMethod("count_data_occasions")
}

# What the occasions are called: row names of the firms, or the ids
row_names <- function(data) {
  UseMethod("row_names")
}

# A table with a row for each occasion, that `subset` may be a condition on
occasion_frame <- function(data) {
  UseMethod("occasion_frame")
}

# A column of the user's table, a value for each occasion
occasion_column <- function(data, name) {
  UseMethod("occasion_column")
}

# Codes of the places of origin and choice of each occasion, NA for none: list(origin, chosen)
occasion_places <- function(data) {
  UseMethod("occasion_places")
}

# Some of the occasions, with all that belongs to them
rows_of <- function(data, rows) {
  UseMethod("rows_of")
}

# Variables -----------------------------------------------------------------------------------------------

# The table, by its name in variable_tables(), that a variable is a column of
table_of <- function(data, table) {
  UseMethod("table_of")
}

# The data with a variable changed by `change` (variable, table: its names) at one place (a number), or everywhere for
# `place` NULL: of ties, those that lead to the place
change_variable <- function(data, variable, change, place = NULL) {
  UseMethod("change_variable")
}

# Data with a variable changed at the origin of each occasion, in parts that may each be computed at once: a list of
# list(data, rows), rows the occasions of the part (NULL: all)
change_origins_of <- function(data, variable, change, origin) {
  UseMethod("change_origins_of")
}

# The name of the table that holds attributes of places, and its rows for a place in a period (NA: all)
attribute_table <- function(data) {
  UseMethod("attribute_table")
}

rows_of_place <- function(data, place, time) {
  UseMethod("rows_of_place")
}

# Tables --------------------------------------------------------------------------------------------------

# The tables that counterfactual() may change, by the names of its arguments
changeable_tables <- function(data) {
  UseMethod("changeable_tables")
}

# The tables as they are, for expressions that make new ones of them
old_tables <- function(data) {
  UseMethod("old_tables")
}

# The data with some tables replaced
rebuild_data <- function(data, new) {
  UseMethod("rebuild_data")
}

# The data with new values in the rows of a fit's occasions; `rows` has the columns that change
put_rows <- function(data, occasion, rows) {
  UseMethod("put_rows")
}

# Whether there are tables of firms and of places: long data have neither
has_tables <- function(data) {
  UseMethod("has_tables")
}

# A table with a column changed in some rows; whole numbers become numbers, so that a small change is not lost
change_column <- function(table, name, rows, change) {
  x <- table[[name]]
  if (is.integer(x)) x <- as.double(x)
  x[rows] <- change(x[rows])
  table[[name]] <- x
  table
}
