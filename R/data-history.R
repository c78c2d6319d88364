# What the rows of a firm, one after the other, have to say: rows in which it is not there, places that got a new name,
# ids that lost their form on the way.

# Rows without a chosen place, by what they are: logicals closed, before, between and after (the firm's places), or NULL
# where every row has one. A firm closes where it has an origin and no place; where the data have no origins, in the
# first row without a place after one with.
absent_rows <- function(data) {
  index <- data$index
  if (!anyNA(index$chosen)) {
    return(NULL)
  }
  time <- index$time %||% rep(1L, length(index$firm))
  rank <- order(index$firm, time, method = "radix")
  firm <- index$firm[rank]
  there <- !is.na(index$chosen[rank])
  total <- cumsum(there)
  first <- which(c(TRUE, firm[-1L] != firm[-length(firm)]))
  run <- diff(c(first, length(firm) + 1L))
  earlier <- total - rep(c(0L, total)[first], run)
  later <- rep(total[first + run - 1L], run) - total
  closed <- if (is.null(data$names$from)) {
    !there & c(FALSE, there[-length(there)]) & !seq_along(firm) %in% first
  } else {
    !there & !is.na(index$origin[rank])
  }
  back <- order(rank)
  list(
    closed = closed[back], before = (!there & !closed & earlier == 0L & later > 0L)[back],
    between = (!there & earlier > 0L & later > 0L)[back], after = (!there & !closed & later == 0L)[back]
  )
}

# Counts of rows of firms that are not there: a data frame what, rows, firms; NULL where there are none
history_counts <- function(data, rows = absent_rows(data)) {
  if (is.null(rows)) {
    return(NULL)
  }
  kinds <- list(
    "before its first place" = rows$before, "between two places: it opens again" = rows$between,
    "after its last place" = rows$after
  )
  counts <- data.frame(
    firm = names(kinds), rows = vapply(kinds, sum, 0L),
    firms = vapply(kinds, function(at) length(unique(data$index$firm[at])), 0L), row.names = NULL
  )
  counts <- counts[counts$rows > 0L, ]
  if (nrow(counts) > 0L) counts
}

warn_history <- function(data) {
  # firms that decide once have no history, and firms to be predicted have not chosen yet
  if (is.null(data$time) || all(is.na(data$index$chosen))) {
    return(invisible())
  }
  rows <- absent_rows(data)
  counts <- history_counts(data, rows)
  if (!is.null(counts)) {
    closed <- sum(rows$closed)
    warn("`", data$names$to, "` is missing in ", plural(sum(is.na(data$index$chosen)), "row"), ", of which ",
      format_count(closed), if (closed == 1L) " is a firm that closes" else " are firms that close",
      ". Of the rows of a firm there are ", paste0(format_count(counts$rows), " ", counts$firm, collapse = "; "),
      ". A firm that is not there neither chooses nor closes: drop these rows.",
      class = "history"
    )
  }
}

# Places that may have got a new name: of at least five firms at a place, at least 80 per cent went to one and the same
# place in one period, in data where that is no accident. A data frame from, to, time, firms, of; NULL for none.
renamed_places <- function(data) {
  index <- data$index
  at <- which(!is.na(index$origin) & !is.na(index$chosen))
  J <- length(data$place)
  time <- index$time[at] %||% rep(1L, length(at))
  flows <- count_keys(combine_codes(
    list(index$origin[at], index$chosen[at], time), c(J, J, max(1L, length(data$time)))
  ))
  key <- flows$key - 1
  found <- renamed_flows(key %% J + 1, (key %/% J) %% J + 1, key %/% (as.double(J) * J) + 1, flows$n, J)
  if (length(found$firms) == 0L) {
    return(NULL)
  }
  renamed <- data.frame(
    from = data$place[found$from], to = data$place[found$to],
    time = if (is.null(data$time)) NA else data$time[found$time], firms = found$firms, of = found$of
  )
  plain_rows(renamed[order(-renamed$firms), ])
}

# Pairs (from, to, time) as places that may have got a new name: of at least five firms at a place, at least 80 per cent
# went to one other place in one period, in data where that is no accident. n: firms of each pair, stays too; J: places.
renamed_flows <- function(from, to, time, n, J) {
  cell <- from + J * (time - 1)
  cells <- unique(cell)
  at <- match(cell, cells)
  of <- rowsum(as.double(n), at, reorder = TRUE)[, 1L]
  moved <- from != to
  rate <- sum(n[moved]) / sum(n)
  accident <- stats::pbinom(n - 1, of[at], rate, lower.tail = FALSE) * length(cells)
  found <- which(moved & n >= 5 & n >= 0.8 * of[at] & accident < 1e-3)
  list(from = from[found], to = to[found], time = time[found], firms = as.integer(n[found]), of = as.integer(of[at][found]))
}

describe_renamed <- function(renamed) {
  if (is.null(renamed)) {
    return("")
  }
  shown <- utils::head(renamed, 3)
  text <- paste0(
    format_count_each(shown$firms), " of ", format_count_each(shown$of), " firms ", shown$from, " -> ", shown$to,
    ifelse(is.na(shown$time), "", paste(" in", shown$time)),
    collapse = ", "
  )
  paste0(text, if (nrow(renamed) > 3L) paste(" and", nrow(renamed) - 3L, "more"), ": a new name?")
}

# What is to be said of data once they are built
tell_history <- function(data) {
  warn_history(data)
  renamed <- renamed_places(data)
  if (!is.null(renamed)) {
    warn(describe_renamed(renamed), " If a place was renamed or merged, give it one id at all times, or the renaming ",
      "counts as a wave of moves.",
      class = "renamed"
    )
  }
  tell_no_origins(data)
}

# A panel of firms and places whose `from` has not been made
tell_no_origins <- function(data) {
  if (!is.null(data$names$from) || is.null(data$time)) {
    return(invisible())
  }
  again <- sum(duplicated(data$index$firm))
  if (again > 0L) {
    inform(plural(again, "row"), if (again == 1L) " is" else " are", " of firms that have an earlier one, and without ",
      "`from` each counts as a start-up that chooses anew. Name a column with the place of the row before.",
      class = "no_origins"
    )
  }
}

# Ids that are nearly there --------------------------------------------------------------------------------

# Why places that firms name may be lacking from `places`: a sentence, or NULL. lacking: ids as text; x: the column.
explain_lacking <- function(lacking, x, place) {
  if (inherits(x, "haven_labelled")) {
    return("The column holds codes with labels: turn it into text with haven::as_factor().")
  }
  if (all(!nzchar(trimws(lacking)))) {
    return("Text without letters is no place: make it NA where a firm has none.")
  }
  alike <- function(as) {
    at <- match(as(lacking), as(place))
    if (all(is.na(at))) NULL else list(mine = lacking[!is.na(at)][1L], known = place[at[!is.na(at)][1L]])
  }
  forms <- list(
    "but for blanks around it: use trimws() on both" = trimws,
    "but for zeros in front, which are lost where ids are read as numbers: read both as text" =
      function(id) sub("^0+(?=.)", "", trimws(id), perl = TRUE),
    "but for capitals: use tolower() on both" = function(id) tolower(trimws(id))
  )
  for (form in names(forms)) {
    pair <- alike(forms[[form]])
    if (!is.null(pair)) {
      return(paste0("`", pair$mine, "` is `", pair$known, "` of `places` ", form, "."))
    }
  }
  if (all(grepl("^[0-9]+$", lacking)) && !any(grepl("^[0-9]+$", place)) && max(as.numeric(lacking)) <= length(place)) {
    return("They look like the codes of a factor: give its text, as.character() of the factor.")
  }
  near <- did_you_mean(lacking, place)
  if (!is.null(near)) {
    paste0("Add a row for each, or mend the ids.", near)
  }
}
