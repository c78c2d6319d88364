# Availability: which places an occasion may choose, from a logical column of a
# tie table or from a function of (from, to, time).

# Check the argument `available`: NULL, list(tie, column) or list(fun)
code_available <- function(available, data) {
  if (is.null(available)) {
    return(NULL)
  }
  if (is.function(available)) {
    return(list(fun = available))
  }
  columns <- unlist(lapply(data$ties, `[[`, "columns"))
  if (identical(available, "rows") && !"rows" %in% columns) {
    return(list(fun = with_row(data), rows = TRUE))
  }
  if (!is.character(available) || length(available) != 1 || is.na(available)) {
    abort("`available` must be the name of a logical column of a tie table or a function, not ",
      describe_type(available), ".",
      class = "available"
    )
  }
  find_available(available, data$ties)
}

# The rule that a place is on offer at the times at which `places` has a row for it
with_row <- function(data) {
  if (ncol(data$place_row) == 1L && !(!is.null(data$names$time) && data$names$time %in% names(data$places))) {
    abort("available = \"rows\" needs places with rows by time: name the column of `places` with `time =`.",
      class = "available"
    )
  }
  on_offer <- !is.na(data$place_row)
  place <- data$place
  time <- id_text(data$time)
  function(from, to, time_of) {
    on_offer[cbind(match(to, place), match(id_text(time_of), time))]
  }
}

# The tie table and column that a name ("open" or "table$open") stands for
find_available <- function(name, ties) {
  columns <- lapply(ties, `[[`, "columns")
  candidates <- data.frame(
    tie = rep(names(ties), lengths(columns)),
    column = as.character(unlist(columns, use.names = FALSE))
  )
  full <- paste0(candidates$tie, "$", candidates$column)
  hit <- which(candidates$column == name | full == name)
  if (length(hit) > 1) {
    abort("`available`: ", quote_names(candidates$tie[hit]), " all have a column `", name,
      "`. Say which: available = \"", full[hit[1]], "\".",
      class = "available"
    )
  }
  if (length(hit) == 0) {
    abort("`available`: no tie table has a column `", name, "`.",
      did_you_mean(name, candidates$column, otherwise = if (length(ties) > 0L) {
        paste0(" They have ", quote_names(full, 8), ".")
      } else {
        " Give the table that has it in `ties`."
      }),
      class = "available"
    )
  }
  as.list(candidates[hit, ])
}

# Turn the column of availability into TRUE/FALSE; data with it
logical_available <- function(data) {
  tie <- data$available$tie
  column <- data$available$column
  value <- data$ties[[tie]]$data[[column]]
  label <- paste0("Column `", column, "` of the tie table `", tie, "`")
  if (!is.logical(value) && !(is.numeric(value) && all(value %in% c(0, 1, NA)))) {
    abort(label, " must be TRUE/FALSE or 0/1 to say which places are available.",
      class = "available"
    )
  }
  if (anyNA(value)) {
    abort(label, " is missing (NA) in ", plural(sum(is.na(value)), "row"),
      ": say TRUE or FALSE for each.",
      class = "available"
    )
  }
  data$ties[[tie]]$data[[column]] <- value != 0
  data
}

# Value of the availability function for pairs (codes; origin NA: none)
call_available <- function(data, origin, place, time = NULL) {
  value <- data$available$fun(
    data$place[origin], data$place[place],
    if (!is.null(time)) data$time[time]
  )
  if (!(is.logical(value) || is.numeric(value)) || length(value) != length(place)) {
    abort("The function `available` must return TRUE or FALSE for each of the ",
      plural(length(place), "pair"), " it is given, not ", describe_type(value),
      " of length ", format_count(length(value)), ".",
      class = "available"
    )
  }
  if (anyNA(value)) {
    bad <- which(is.na(value))
    abort("The function `available` returned NA for ", plural(length(bad), "pair"), ": ",
      quote_names(paste(data$place[origin[bad]], "to", data$place[place[bad]])), ".",
      class = "available"
    )
  }
  as.vector(value != 0)
}

# Whether each of a set of pairs is available, from distinct pairs only
#
# `firm` is used by firm-keyed tables, `origin` by the others; all are codes.
pair_available <- function(data, firm, origin, place, time = NULL) {
  if (is.null(data$available)) {
    return(rep(TRUE, length(place)))
  }
  J <- length(data$place)
  if (!is.null(data$available$fun)) {
    # code J + 1 stands for no origin
    coded <- ifelse(is.na(origin), J + 1L, origin)
    key <- combine_codes(list(coded, place, time), c(J + 1, J, length(data$time)))
    first <- which(!duplicated(key))
    value <- call_available(data, origin[first], place[first], time[first])
    return(value[match(key, key[first])])
  }
  name <- data$available$tie
  tie <- data$ties[[name]]
  by_place <- tie$by == "place"
  row <- tie_pair_rows(data, name, if (by_place) origin else firm, place, time)
  value <- tie$data[[data$available$column]][row]
  absent <- is.na(row)
  value[absent] <- if (by_place) {
    is.na(origin[absent]) | origin[absent] == place[absent] | tie$default %in% 1
  } else {
    tie$default %in% 1
  }
  value
}

# Logical matrix, place x length(origin): availability for origins and times
#
# For a place-keyed table or a function; origin NA (or 0) is no origin.
available_places <- function(data, origin, time = NULL) {
  J <- length(data$place)
  origin[!is.na(origin) & origin == 0L] <- NA_integer_
  K <- length(origin)
  if (!is.null(data$available$fun)) {
    value <- call_available(
      data, rep(origin, each = J), rep(seq_len(J), K),
      if (!is.null(time)) rep(time, each = J)
    )
    return(matrix(value, J, K))
  }
  tie <- data$ties[[data$available$tie]]
  rows <- tie_rows(data, data$available$tie, origin, time)
  value <- matrix(tie$data[[data$available$column]][rows], J, K)
  absent <- which(is.na(value))
  column <- (absent - 1L) %/% J + 1L
  value[absent] <- is.na(origin[column]) | origin[column] == (absent - 1L) %% J + 1L |
    tie$default %in% 1
  value
}

# Stop when a firm chose a place that `available` does not offer it
check_chosen_available <- function(data) {
  if (is.null(data$available)) {
    return(invisible())
  }
  row <- which(!is.na(data$index$chosen))
  offered <- pair_available(
    data, data$index$firm[row], data$index$origin[row],
    data$index$chosen[row], data$index$time[row]
  )
  bad <- row[!offered]
  if (length(bad) == 0) {
    return(invisible())
  }
  label <- paste(data$firm[data$index$firm[bad]], "to", data$place[data$index$chosen[bad]])
  if (!is.null(data$time)) label <- paste(label, "in", id_text(data$time)[data$index$time[bad]])
  abort(plural(length(bad), "firm"), " chose a place that `available` does not offer: ",
    quote_names(label), ". Correct `available` or drop the row.",
    class = "not_offered"
  )
}
