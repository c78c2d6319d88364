# Counterfactual choice sets: places that are withdrawn and places that enter. The changed data carry, as the attribute
# "before", the old data with the same places, so that both sides have one numbering.

# Long data ------------------------------------------------------------------------------------------------

# The old long data with the rows of another table: places may be gone or new, occasions and origins may not
changed_offers <- function(data, table) {
  names <- data$names
  table <- occasions_in_order(data, plain_table(table, "data"))
  if (!is.null(data$answer)) {
    abort("Places cannot be withdrawn from ", data$answer, " answers: give `data` with the rows of the old.",
      class = "argument"
    )
  }
  id <- names$id_columns %||% names$id
  table[[names$chosen]] <- as.integer(!duplicated(as.data.frame(table)[id]))
  arguments <- c(
    list(id = id, firm = if (identical(names$firm, names$id)) id else names$firm),
    names[c("chosen", "place", "from", "time")]
  )
  new <- withCallingHandlers(
    do.call(choice_data, c(list(table), arguments[!vapply(arguments, is.null, NA)])),
    firmmove_message_one_place = function(m) invokeRestart("muffleMessage"),
    firmmove_warning_origin_not_offered = function(w) {
      abort("The changed `data` withdraw the origin of some occasions, whose firms could no longer be said to leave it. ",
        "Keep the rows of origins.",
        class = "argument"
      )
    }
  )
  place <- union(data$place, new$place)
  new$index$place <- match(new$place, place)[new$index$place]
  if (!identical(occasion_places(new)$origin, occasion_places(data)$origin)) {
    abort("The changed `data` must leave the origins as they are.", class = "argument")
  }
  structure(set_parts(new, place = place, weights = data$weights), before = set_parts(data, place = place))
}

# A long table with the occasions of the data, in their order
occasions_in_order <- function(data, table) {
  names <- data$names
  lacking <- setdiff(unlist(names), c(names(table), names$id, names$chosen))
  if (length(lacking) > 0L) {
    abort("The changed `data` lack ", quote_names(lacking), ".", class = "argument")
  }
  id <- if (is.null(names$id_columns)) table[[names$id]] else join_ids(table, names$id_columns)$data[[names$id]]
  at <- match(id_text(id), id_text(data$id))
  if (anyNA(at) || length(unique(at)) != length(data$id)) {
    abort("The changed `data` must have the occasions of the old: places may be withdrawn or enter, occasions not.",
      class = "argument"
    )
  }
  table[order(at), , drop = FALSE]
}

# The fit on its data with the places of both sides; its weights and subset by occasion, as the rows of long data differ
with_other_places <- function(object, before) {
  if (counts_answers(object)) {
    abort("Places cannot be withdrawn or enter in a model that counts who has chosen what (peers(), chain()): change ",
      "their attributes instead.",
      class = "argument"
    )
  }
  long <- !has_tables(object$data)
  for (what in c("weights", "subset")) {
    value <- object$given[[what]]
    if (long && (is.logical(value) || is.numeric(value)) && length(value) == nrow(object$data$data)) {
      object$given[[what]] <- by_occasion(value, object$data, what)
    }
  }
  object$data <- before
  object
}

# Relational data -------------------------------------------------------------------------------------------

# Relational data in which places are gone or new; `build(places, available)` makes data of a table of places
changed_places <- function(data, places, build) {
  places <- plain_table(places, "places")
  key <- data$names$place
  old <- id_text(data$places[[key]])
  new <- id_text(places[[key]])
  place <- union(data$place, new)
  stack <- function(first, other, keep) {
    columns <- intersect(names(first), names(other))
    table <- rbind(first[columns], other[keep, columns, drop = FALSE])
    table[order(match(id_text(table[[key]]), place)), , drop = FALSE]
  }
  gone <- setdiff(data$place, new)
  entered <- setdiff(new, data$place)
  before <- build(stack(data$places, places, new %in% entered), offered_but(data, entered))
  after <- build(stack(places, data$places, old %in% gone), offered_but(data, gone))
  structure(after, before = before)
}

# The rule of availability of data, less some places
offered_but <- function(data, out) {
  rule <- data$available
  if (!is.null(rule$tie) && data$ties[[rule$tie]]$by == "firm") {
    abort("Places cannot be withdrawn or enter where `available` is a column of ties of firms: change that column.",
      class = "argument"
    )
  }
  place <- data$place
  times <- id_text(data$time)
  function(from, to, time) {
    known <- to %in% place
    value <- rep(TRUE, length(to))
    if (!is.null(rule)) {
      at <- if (!is.null(time)) match(id_text(time), times)[known]
      value[known] <- pair_available(data, NULL, match(from, place)[known], match(to, place)[known], at)
    }
    value & !to %in% out
  }
}
