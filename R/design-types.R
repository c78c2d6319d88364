# The types of the variables of a formula: what a column was when the model was fitted it must be in new data, or a
# number read as text would become the dummies of a factor without a word.

# What a column is, in words; NA where every value is missing, which goes with any type
variable_type <- function(x) {
  if (length(x) == 0L || (is.na(x[[1L]]) && all(is.na(x)))) {
    return(NA_character_)
  }
  if (!is.null(dim(x))) {
    return(paste("a matrix of", plural(ncol(x), "column")))
  }
  if (inherits(x, "difftime")) {
    return(paste("a duration in", units(x)))
  }
  kinds <- c(Date = "a date", POSIXt = "a date and time", factor = "text", character = "text")
  at <- match(class(x), names(kinds), nomatch = 0L)
  if (any(at > 0L)) {
    return(unname(kinds[at[at > 0L][1L]]))
  }
  if (is.logical(x)) "TRUE or FALSE" else if (is.numeric(x)) "a number" else class(x)[1L]
}

variable_types <- function(columns) {
  vapply(columns, variable_type, "")
}

# The columns of new data, checked against the types of the fit (named; NULL: there are none yet). A column that is
# missing throughout takes the type of the fit.
fitted_types <- function(columns, types, table) {
  for (name in intersect(names(columns), names(types))) {
    type <- variable_type(columns[[name]])
    if (is.na(types[[name]])) {
      next
    }
    if (is.na(type)) {
      columns[[name]] <- missing_column(columns[[name]], types[[name]])
    } else if (type != types[[name]]) {
      abort("`", name, "` of `", table, "` is ", type, ", but was ", types[[name]],
        " when the model was fitted. Give it as the data of the fit have it.",
        class = "newdata"
      )
    }
  }
  columns
}

missing_column <- function(x, type) {
  if (type == "text") {
    return(rep(NA_character_, length(x)))
  }
  if (type == "a number") rep(NA_real_, length(x)) else x
}

# Numbers in disguise -----------------------------------------------------------------------------------

# Stops at text that is a number in disguise ("1,000", "3,5", "n/a" among numbers), which would become a factor with a
# level for each; a code of fixed width is none. factor(x) in the formula says that the levels are meant.
check_disguise <- function(value, atom) {
  if (!is.name(atom$call)) {
    return(invisible())
  }
  levels <- if (is.factor(value)) levels(value) else unique(value)
  levels <- levels[!is.na(levels)]
  numeric <- reads_as_number(levels)
  if (length(levels) < 3L || mean(numeric) < 0.8 || !are_amounts(levels[numeric], all(numeric))) {
    return(invisible())
  }
  odd <- levels[!numeric | is.na(suppressWarnings(as.numeric(levels)))]
  abort("`", atom$text, "` of `", atom$table, "` is text with ", plural(length(levels), "value"),
    " that look like numbers", if (length(odd) > 0L) paste0(" (", quote_names(odd, 2), ")"),
    ": as a factor each would have a coefficient. Make it a number, or write `factor(", atom$text,
    ")` if you mean the levels.",
    class = "disguised_number"
  )
}

# Whether strings are numbers but for marks of thousands, a decimal comma, a currency or a unit sign
reads_as_number <- function(x) {
  plain <- gsub("[[:space:],.'$%]|\u20ac|\u00a3|\u00a5|\u00a0", "", x)
  grepl("^[-+]?[0-9]+(e[-+]?[0-9]+)?$", plain, ignore.case = TRUE)
}

# Whether numbers written as text are amounts, not codes: with decimals, signs or words among them, or many of
# different lengths
are_amounts <- function(x, all_numbers) {
  x <- trimws(x)
  digits <- grepl("^[0-9]+$", x)
  # codes keep their zeros or have one length
  codes <- any(grepl("^0[0-9]", x)) || (all(digits) && length(unique(nchar(x))) == 1L)
  !codes && (!all(digits) || !all_numbers || length(x) > 50L)
}
