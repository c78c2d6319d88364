# From a register to occasions: a firm decides once a period, its origin is the place of the period before.

#' A register as occasions
#'
#' @description
#' `as_occasions()` makes the table of firms that [migration_data()] takes, with the columns `from` and `to`, from what
#' a register holds: a panel (a row per firm and period, with its place), spells (a row per stay, with its begin and
#' end) or addresses with coordinates. It mends what can be mended without a doubt, stops where it cannot, and reports
#' both.
#'
#' @details
#' Let \eqn{p_{it}}{p[it]} be the place of firm \eqn{i} in period \eqn{t}, and let the periods be the distinct times of
#' the data in order. The row of \eqn{(i, t)} has `to` \eqn{= p_{it}}{= p[it]} and `from` \eqn{= p_{i,t-1}}{= p[i,t-1]}.
#' What happened is in the column `event`:
#'
#' | `event` | `from` | `to` | the firm |
#' |---|---|---|---|
#' | `stay`, `move` | place before | place | is seen in this period and in the one before |
#' | `first` | none | place | is seen in the first period of the data: where it was before is not known |
#' | `birth` | none | place | is seen for the first time in a later period |
#' | `return` | none | place | is seen again after a gap (see `gaps`) |
#' | `closure` | place before | none | is not seen any more, in the first period without it; a row made for it, with the attributes of the last one |
#'
#' The end of the data is no closure: a firm that is seen in the last period has no such row. Rows without a place
#' (`NA`, or text without letters), as in a wide table made long, are taken for periods in which the firm is not there.
#'
#' A model of moves wants `events = c("stay", "move")`: a birth is a choice among all places, with other coefficients.
#' Decompositions of clusters want all rows.
#'
#' *Codes.* Blanks around ids of places are cut. Ids that differ by zeros in front or by capitals only become
#' one: that of `places` where it is given, else the longest of those that occur (or that which most rows have). Labels
#' of package haven replace their codes.
#'
#' *Renamed and merged places.* A code that changes looks like a wave of moves. Pairs (from, to, time) with at
#' least 5 firms, at least 80 per cent of the firms of the origin, and more than chance can explain are listed as
#' `suspected`: as a new name (nobody was at `to` before), a merger (`from` is empty from then on) or a wave of moves.
#' `recode = ` takes such a table, or your own, and puts the new code in place of the old one at all times.
#'
#' *Spells* cover the periods from `begin` to `end`, both included; where one ends as the next begins, the
#' later one counts. Periods are whole numbers from the first to the last, or, where `begin` is a Date, years, and the
#' place of a year is that of its last day. A stay between two such days is not seen; such stays are counted.
#'
#' *Addresses.* Where `data` has no column `place`, each address is given the nearest place of `places`: by the
#' great circle for degrees (longitude first), in a straight line otherwise. No table of all pairs is built.
#'
#' @param data Data frame: a panel, spells or addresses. Or a source that does not fit in memory, as
#'   [write_store()] reads them: paths of CSV or Parquet files, or a DBI connection. The result is then a source too,
#'   which `write_store()` takes in place of the paths.
#' @param firm,place,time Names of the columns, strings. For spells `time` names the column of periods that is made.
#' @param begin,end For spells: names of the columns with the first and the last moment of a stay, numbers or Dates.
#'   `end` is `NA` for a stay that goes on.
#' @param places Data frame with a row per place: the ids that count, and for addresses the coordinates. Its column of
#'   ids is called as `place` says, or `place`.
#' @param coordinates For addresses: names of two columns of `data` and of `places`, longitude and latitude or x and y.
#' @param recode Data frame of old and new ids of places, its first two columns. New ids may be recoded on.
#' @param gaps What a firm is that is not seen for a period or more and then again: `"separate"`, it returns, without an
#'   origin; `"carry"`, its origin is the place before the gap, and the move is dated by its return; `"exit"`,
#'   as `separate`, and it closed when it was first not seen.
#' @param weight Name of a column, such as employment. A firm with several places in a period is
#'   then at the one with the largest sum (of equals, the first). Without it such a firm is an error.
#' @param before Names of columns to be taken from the row before, as they were when the firm decided (`NA` where there
#'   is none). Closures have the values of the last row anyway.
#' @param events The events to keep; all of them by default.
#' @param within Addresses farther than this from every place (kilometres for degrees) have no place.
#' @param periods For spells: the moments at which places are looked up, in order; made as said above by default.
#' @param ... Arguments of the methods.
#'
#' @return For a data frame: a data frame of class `occasions`, rows by firm and time, with the columns of `data` but
#'   for `place` (or `begin` and `end`), and `from`, `to` (text) and `event` (a factor). With coordinates also `moved`,
#'   the distance between the places (or addresses) of the row before and of this one (kilometres for degrees).
#'   `summary()` gives the report, a list of data frames:
#' \describe{
#'   \item{`counts`}{`what`, `rows`, `firms`: what was read, dropped, mended and found.}
#'   \item{`codes`}{`written`, `used`, `rows`, `why`: ids of places that were changed.}
#'   \item{`suspected`}{`from`, `to`, `time`, `firms`, `of`, `kind`: places that may have got a new name.}
#'   \item{`bounced`}{`firm`, `time`, `from`, `to`: moves that a move back follows in the next period.}
#' }
#' For a source: a list of class `occasions_source`, whose `summary()` gives the same when it has been written.
#'
#' @section Errors: A column that is absent; a firm with several places in a period (named; `weight` settles it); spells
#'   that overlap or end before they begin; a code that is recoded to two others, or in a circle; addresses without
#'   coordinates of places. All are of class `firmmove_error`.
#' @seealso [migration_data()], [place_distances()] for a table of ties, [write_store()].
#' @references
#' Greenstone, M., Hornbeck, R. and Moretti, E. (2010). Identifying agglomeration spillovers. *Journal of Political
#' Economy* 118, 536-598. \doi{10.1086/653714}
#' @examples
#' panel <- data.frame(
#'   id = c(1, 1, 1, 2, 2, 3, 3, 4), year = c(2001, 2002, 2003, 2001, 2002, 2001, 2003, 2002),
#'   town = c("Wenzhou", "Guzhen", "Guzhen", "Wenzhou ", "Wenzhou", "wenzhou", "Guzhen", "Guzhen"),
#'   jobs = 11:18
#' )
#' moves <- as_occasions(panel, firm = "id", place = "town", time = "year")
#' moves
#' as.data.frame(moves)
#' summary(moves)$codes
#'
#' # spells: the same firms, as a business register has them
#' spells <- data.frame(
#'   id = c(1, 1, 2), town = c("Wenzhou", "Guzhen", "Wenzhou"),
#'   begin = as.Date(c("1999-03-01", "2001-06-30", "2000-01-15")),
#'   end = as.Date(c("2001-06-30", NA, "2002-02-28"))
#' )
#' as.data.frame(as_occasions(spells, firm = "id", place = "town", begin = "begin", end = "end"))
#' @export
as_occasions <- function(data, ...) UseMethod("as_occasions")

#' @export
as_occasions.default <- function(data, ...) {
  abort("`data` must be a data frame, paths of CSV or Parquet files, or a connection to a database, not ",
    describe_type(data), ".",
    class = "type"
  )
}

occasion_events <- c("first", "birth", "stay", "move", "return", "closure")

#' @rdname as_occasions
#' @export
as_occasions.data.frame <- function(data, firm = "firm", place = "place", time = "time", begin = NULL, end = NULL,
                                    places = NULL, coordinates = NULL, recode = NULL,
                                    gaps = c("separate", "carry", "exit"), weight = NULL, before = NULL,
                                    events = NULL, within = Inf, periods = NULL, ...) {
  check_dots(...)
  given <- list(
    firm = firm, place = place, time = time, begin = begin, end = end, coordinates = coordinates,
    gaps = check_choice(gaps, "gaps", c("separate", "carry", "exit")), weight = weight, before = before,
    events = check_events(events), within = within, periods = periods,
    places = reference_places(places, place, coordinates), recode = recode_table(recode)
  )
  table <- plain_table(data, "data")
  check_register(table, given)
  book <- new_report()
  note(book, "rows read", nrow(table), length(code_ids(table[[firm]])$levels))
  rows <- if (is.null(begin)) panel_rows(table, given, book) else spell_rows(table, given, book)
  chained <- chain_rows(one_row_each(rows, table, given, book), table, given, book)
  occasion_table(chained, table, given, book)
}

check_events <- function(events) {
  if (is.null(events)) {
    return(occasion_events)
  }
  check_known(events, occasion_events, "`events` has", "an event")
  events
}

# Columns that are there, keys without NA, no column that would be overwritten
check_register <- function(table, given) {
  if (nrow(table) == 0L) abort("`data` has no rows.", class = "empty")
  spells <- !is.null(given$begin)
  if (spells && is.null(given$end)) {
    abort("Spells need `end` too, the column with the last moment of a stay (NA where it goes on).", class = "argument")
  }
  check_column(table, given$firm, "firm", "data")
  check_no_na(table[[given$firm]], paste0("data$", given$firm))
  if (!spells) {
    check_column(table, given$time, "time", "data")
    check_no_na(table[[given$time]], paste0("data$", given$time))
  }
  if (is.null(given$coordinates) || given$place %in% names(table)) check_column(table, given$place, "place", "data")
  for (name in given$before) check_column(table, name, "before", "data")
  if (!is.null(given$weight)) {
    check_column(table, given$weight, "weight", "data")
    check_weights(table[[given$weight]], table, "data", "weight")
  }
  keys <- c(given$place, if (spells) c(given$begin, given$end))
  made <- c("from", "to", "event", if (spells) given$time)
  taken <- setdiff(intersect(made, names(table)), keys)
  if (length(taken) > 0L) {
    abort("`data` has a column ", quote_names(taken), ", which as_occasions() makes. Rename or drop it.",
      class = "columns"
    )
  }
}

# The report ---------------------------------------------------------------------------------------------------

# What is found on the way, an environment: counts by what they count, changed codes, suspected and bounced moves
new_report <- function() {
  list2env(list(
    counts = list(), codes = NULL, suspected = NULL, bounced = NULL, times = NULL, flows = NULL
  ), parent = emptyenv())
}

# Add to a count; a count of nothing is not kept
note <- function(book, what, rows, firms = NA) {
  if (rows > 0) book$counts[[what]] <- (book$counts[[what]] %||% c(0, 0)) + c(rows, firms)
}

# What a report counts, in its order
report_lines <- c(
  "rows read", "rows without a place, dropped", "spells without a place, dropped",
  "spells that no period sees (double moves)", "addresses too far from every place", "rows that repeat another, dropped",
  "rows beside the main place, dropped", "ids of places mended: blanks", "ids of places mended: zeros in front",
  "ids of places mended: capitals", "recoded places", "first rows: where from is not known", "births", "stays", "moves",
  "moves out and back in the next period", "returns after a gap", "closures",
  "firms still there at the end (no closures)"
)

report_list <- function(book) {
  book$counts <- book$counts[intersect(report_lines, names(book$counts))]
  counts <- matrix(as.double(unlist(book$counts)), ncol = 2L, byrow = TRUE)
  list(
    counts = data.frame(what = as.character(names(book$counts)), rows = counts[, 1L], firms = counts[, 2L]),
    codes = book$codes, suspected = book$suspected, bounced = book$bounced
  )
}

# Rows: a list of firm and time (codes), row (of the table), place (code among `levels`), levels, ids, times

panel_rows <- function(table, given, book) {
  firm <- code_ids(table[[given$firm]])
  time <- given$times %||% code_times(table[[given$time]])
  if (!is.null(given$times)) time$code <- match(table[[given$time]], time$values)
  located <- if (given$place %in% names(table)) {
    tidy_places(table[[given$place]], given, book)
  } else {
    nearest_places(table, given, book)
  }
  book$time_note <- missing_periods(time$values)
  rows <- list(firm = firm$code, time = time$code, place = located$code, row = seq_along(firm$code))
  present <- !is.na(rows$place)
  note(book, "rows without a place, dropped", sum(!present), length(unique(rows$firm[!present])))
  if (!any(present) && is.null(given$times)) abort("No row of `data` has a place.", class = "empty")
  if (!all(present)) rows <- lapply(rows, `[`, present)
  c(rows, list(levels = located$levels, ids = firm$levels, times = time$values))
}

# Whole years of which the data have none: text, or NULL
missing_periods <- function(times) {
  if (!is.numeric(times) || length(times) < 2L || any(times != round(times)) || diff(range(times)) > 1000) {
    return(NULL)
  }
  absent <- setdiff(seq(times[1L], times[length(times)], by = min(diff(times))), times)
  if (length(absent) > 0L) {
    paste0("no row of any firm in ", quote_rows(absent), ": the periods on either side follow each other")
  }
}

spell_rows <- function(table, given, book) {
  firm <- code_ids(table[[given$firm]])
  located <- tidy_places(table[[given$place]], given, book)
  bounds <- spell_bounds(table, given)
  begin <- bounds$begin
  end <- bounds$end
  present <- which(!is.na(located$code))
  note(book, "spells without a place, dropped", length(begin) - length(present), NA)
  rank <- present[order(firm$code[present], begin[present], end[present], method = "radix")]
  follows <- c(firm$code[rank][-1L] == firm$code[rank][-length(rank)], FALSE)
  next_begin <- c(begin[rank][-1L], NA)
  first <- findInterval(begin[rank], bounds$moments, left.open = TRUE) + 1L
  last <- findInterval(end[rank], bounds$moments)
  # where one spell ends as the next begins, the next one counts
  meets <- which(follows & next_begin == end[rank] & last > 0L)
  meets <- meets[bounds$moments[last[meets]] == end[rank][meets]]
  last[meets] <- last[meets] - 1L
  each <- pmax(0L, last - first + 1L)
  note(book, "spells that no period sees (double moves)", sum(each == 0L), length(unique(firm$code[rank][each == 0L])))
  if (sum(each) == 0) abort("No spell covers any of the periods.", class = "empty")
  at <- rep(rank, each)
  list(
    firm = firm$code[at], time = sequence(each[each > 0L], first[each > 0L]), place = located$code[at], row = at,
    levels = located$levels, ids = firm$levels, times = bounds$times
  )
}

# Begin and end as numbers, the moments at which places are looked up, and what the periods are called
spell_bounds <- function(table, given) {
  for (name in c("begin", "end")) check_column(table, given[[name]], name, "data")
  begin <- table[[given$begin]]
  end <- table[[given$end]]
  dates <- inherits(begin, "Date")
  if (!(dates && inherits(end, "Date") || is.numeric(begin) && (is.numeric(end) || all(is.na(end))))) {
    abort("`begin` and `end` must both be numbers or both be of class Date, as as.Date() gives; `data$", given$begin,
      "` is ", describe_type(begin), ", `data$", given$end, "` ", describe_type(end), ".",
      class = "type"
    )
  }
  check_no_na(begin, paste0("data$", given$begin))
  wrong <- which(end < begin)
  if (length(wrong) > 0L) {
    abort("`data` has ", plural(length(wrong), "spell"), " that end", if (length(wrong) == 1L) "s", " before ",
      "the begin: ", if (length(wrong) == 1L) "row " else "rows ", quote_rows(wrong), ". Exchange the two, or drop the row.",
      class = "spells"
    )
  }
  moments <- spell_moments(begin, end, dates, given$periods)
  end <- as.double(end)
  end[is.na(end)] <- Inf
  list(begin = as.double(begin), end = end, moments = as.double(moments$at), times = moments$times)
}

spell_moments <- function(begin, end, dates, periods) {
  if (!is.null(periods)) {
    if (anyNA(periods) || is.unsorted(as.double(periods), strictly = TRUE) || inherits(periods, "Date") != dates) {
      abort("`periods` must be moments of the kind of `begin`, in order, each once.", class = "argument")
    }
    return(list(at = periods, times = periods))
  }
  span <- range(begin, end, na.rm = TRUE)
  if (!dates) {
    times <- as.integer(seq(ceiling(span[1L]), max(ceiling(span[1L]), floor(span[2L]))))
    return(list(at = times, times = times))
  }
  years <- as.integer(format(span, "%Y"))
  times <- seq(years[1L], years[2L])
  list(at = as.Date(paste0(times, "-12-31")), times = times)
}

# One row per firm and period ----------------------------------------------------------------------------------

# Rows by firm and time; those that repeat another in all are dropped, of several places the main one is kept
one_row_each <- function(rows, table, given, book) {
  fixed <- rows[c("levels", "ids", "times")]
  rows <- rows[c("firm", "time", "place", "row")]
  key <- rows$time + length(fixed$times) * (as.double(rows$firm) - 1)
  if (is.unsorted(key, strictly = TRUE)) {
    rank <- order(rows$firm, rows$time, method = "radix")
    rows <- lapply(rows, `[`, rank)
    again <- diff(key[rank]) == 0
    if (any(again)) rows <- main_rows(rows, again, fixed, table, given, book)
  }
  c(rows, fixed)
}

# again: for each row but the first, whether it has the firm and period of the row before
main_rows <- function(rows, again, fixed, table, given, book) {
  cell <- cumsum(c(TRUE, !again))
  several <- cell %in% cell[-1L][again]
  keep <- rep(TRUE, length(cell))
  at <- which(several)
  keep[at[duplicated(cbind.data.frame(cell = cell[at], subset_rows(table, rows$row[at])))]] <- FALSE
  note(book, "rows that repeat another, dropped", sum(!keep), length(unique(rows$firm[!keep])))
  at <- at[keep[at]]
  at <- at[cell[at] %in% cell[at][duplicated(cell[at])]]
  if (length(at) > 0L && is.null(given$weight)) stop_several(rows, at, fixed, given)
  if (length(at) > 0L) {
    note(book, "rows beside the main place, dropped", length(at) - length(unique(cell[at])), length(unique(rows$firm[at])))
    keep[at] <- FALSE
    keep[at[main_of(cell[at], rows$place[at], as.double(table[[given$weight]])[rows$row[at]])]] <- TRUE
  }
  lapply(rows, `[`, keep)
}

subset_rows <- function(table, rows) plain_rows(structure(lapply(table, `[`, rows), row.names = rows, class = "data.frame"))

# The row of the main place of each cell: that with the largest weight, of the place with the largest sum
main_of <- function(cell, place, weight) {
  pair <- match(paste(cell, place), unique(paste(cell, place)))
  total <- rowsum(weight, pair, reorder = FALSE)[pair, 1L]
  rank <- order(cell, -total, pair, -weight, method = "radix")
  rank[!duplicated(cell[rank])]
}

stop_several <- function(rows, at, fixed, given) {
  each <- at[!duplicated(paste(rows$firm[at], rows$time[at]))]
  where <- paste(fixed$ids[rows$firm[each]], "in", id_text(fixed$times[rows$time[each]]))
  differ <- if (is.null(given$begin)) "more than one row" else "spells that overlap"
  abort("`data` has firms with ", differ, " in a period: ", quote_names(where), ". Keep one row each, or ",
    "name a column as `weight`: the place with the largest sum of it is then the firm's.",
    class = "duplicate"
  )
}

# Rows in a chain ------------------------------------------------------------------------------------------------

# Adds from, to (codes), event (number), previous (row of the table): occasions and closures by firm and time
chain_rows <- function(rows, table, given, book) {
  n <- length(rows$firm)
  starts <- c(TRUE, rows$firm[-1L] != rows$firm[-n])
  ends <- c(starts[-1L], TRUE)
  origin <- c(NA, rows$place[-n])
  previous <- c(NA, rows$row[-n])
  step <- c(0L, diff(rows$time))
  gap <- !starts & step > 1L
  lone <- starts | (gap & given$gaps != "carry")
  origin[lone] <- NA
  previous[starts] <- NA
  event <- ifelse(origin == rows$place, 3L, 4L)
  event[gap & lone] <- 5L
  event[starts] <- 1L + (rows$time[starts] > 1L)
  note_chain(rows, event, gap, starts, ends, book)
  closes <- rows$time < length(rows$times) & (if (given$gaps == "exit") c(gap[-1L], FALSE) | ends else ends)
  note_firms(book, "closures", closes, rows$firm)
  closed <- which(closes)
  all <- list(
    firm = c(rows$firm, rows$firm[closed]), time = c(rows$time, rows$time[closed] + 1L),
    from = c(origin, rows$place[closed]), to = c(rows$place, rep(NA_integer_, length(closed))),
    row = c(rows$row, rows$row[closed]), previous = c(previous, rows$row[closed]),
    event = c(event, rep(6L, length(closed)))
  )
  kept <- which(occasion_events[all$event] %in% given$events)
  rank <- kept[order(all$firm[kept], all$time[kept], method = "radix")]
  c(lapply(all, `[`, rank), rows[c("levels", "ids", "times")])
}

note_firms <- function(book, what, which, firm) note(book, what, sum(which), length(unique(firm[which])))

note_chain <- function(rows, event, gap, starts, ends, book) {
  label <- c(
    "first rows: where from is not known", "births", "stays", "moves", "returns after a gap"
  )
  for (k in 1:4) note_firms(book, label[k], event == k, rows$firm)
  note_firms(book, label[5L], gap, rows$firm)
  note_firms(book, "firms still there at the end (no closures)", ends & rows$time == length(rows$times), rows$firm)
  bounced <- bounced_rows(rows, event)
  note_firms(book, "moves out and back in the next period", bounced, rows$firm)
  at <- which(bounced)
  book$bounced <- rbind(book$bounced, data.frame(
    firm = rows$ids[rows$firm[at]], time = rows$times[rows$time[at]], from = rows$levels[rows$place[at - 1L]],
    to = rows$levels[rows$place[at]]
  ))
  gather_flows(book, rows, event)
}

# Moves that a move back to the same place follows at once
bounced_rows <- function(rows, event) {
  n <- length(event)
  moved <- event == 4L
  back <- moved & c(moved[-1L], FALSE) & c(rows$firm[-1L] == rows$firm[-n], FALSE)
  back[back] <- rows$place[which(back) - 1L] == rows$place[which(back) + 1L]
  back
}

# Counts of (from, to, time), which tell renamed places: gathered, since a source comes in pieces
gather_flows <- function(book, rows, event) {
  at <- which(event == 3L | event == 4L)
  J <- length(rows$levels)
  sizes <- c(J, J, length(rows$times))
  key <- combine_codes(list(rows$place[at - 1L], rows$place[at], rows$time[at]), sizes)
  there <- combine_codes(list(rows$place, rows$time), sizes[-1L])
  flows <- count_keys(key)
  book$flows <- merge_flow_counts(book$flows, flows)
  book$there <- unique(c(book$there, unique(there)))
  book$frame <- rows[c("levels", "times")]
}

merge_flow_counts <- function(old, new) {
  if (is.null(old)) {
    return(new)
  }
  key <- c(old$key, new$key)
  values <- unique(key)
  list(key = values, n = rowsum(c(old$n, new$n), match(key, values), reorder = TRUE)[, 1L])
}

# The flows of a report as renamed places, with what they look like
suspected_places <- function(book) {
  J <- length(book$frame$levels)
  key <- book$flows$key - 1
  from <- key %% J + 1
  to <- (key %/% J) %% J + 1
  time <- key %/% (as.double(J) * J) + 1
  found <- renamed_flows(from, to, time, book$flows$n, J)
  if (length(found$firms) == 0L) {
    return(NULL)
  }
  there <- function(place, at) {
    seen <- book$there - 1
    vapply(seq_along(place), function(k) any(seen %% J + 1 == place[k] & at(seen %/% J + 1, found$time[k])), NA)
  }
  kind <- ifelse(there(found$from, `>=`), "wave of moves", ifelse(there(found$to, `<`), "merger", "new name"))
  # several that go to one new place together are merged
  joint <- paste(found$to, found$time)
  kind[kind == "new name" & joint %in% joint[duplicated(joint)]] <- "merger"
  suspected <- data.frame(
    from = book$frame$levels[found$from], to = book$frame$levels[found$to], time = book$frame$times[found$time],
    firms = found$firms, of = found$of, kind = kind
  )
  plain_rows(suspected[order(-suspected$firms), ])
}

# The table ------------------------------------------------------------------------------------------------------

occasion_table <- function(chained, table, given, book, attach = TRUE) {
  spells <- !is.null(given$begin)
  drop <- c(given$place, if (spells) c(given$begin, given$end))
  columns <- lapply(unclass(table)[setdiff(names(table), drop)], `[`, chained$row)
  columns[given$before] <- lapply(unclass(table)[given$before], `[`, chained$previous)
  columns[[given$time]] <- chained$times[chained$time]
  columns <- c(columns[c(given$firm, given$time)], list(
    from = chained$levels[chained$from], to = chained$levels[chained$to],
    event = structure(chained$event, levels = occasion_events, class = "factor")
  ), columns[setdiff(names(columns), c(given$firm, given$time))])
  if (!is.null(given$coordinates)) columns$moved <- moved_distance(chained, table, given)
  if (length(chained$row) == 0L) {
    abort("No row of `data` is one of the `events` ", quote_names(given$events), ".", class = "empty")
  }
  result <- structure(columns, row.names = .set_row_names(length(chained$row)), class = c("occasions", "data.frame"))
  if (attach) {
    book$suspected <- suspected_places(book)
    attr(result, "report") <- report_list(book)
    attr(result, "names_of") <- given[c("firm", "time")]
    attr(result, "note") <- book$time_note
  }
  result
}

#' @rdname as_occasions
#' @param x,object An object of class `occasions`.
#' @param n Rows of each table to print.
#' @export
print.occasions <- function(x, n = 6L, ...) {
  report <- attr(x, "report")
  if (is.null(report) || !all(c("from", "to", "event") %in% names(x))) {
    print(as.data.frame(x), ...)
    return(invisible(x))
  }
  cat(wrap_text(paste0(
    plural(nrow(x), "occasion"), " of ", plural(length(unique(x[[attr(x, "names_of")$firm]])), "firm"), ", columns ",
    quote_names(names(x), 12L), "."
  )), sep = "\n")
  print_report(report, attr(x, "note"), n)
  invisible(x)
}

wrap_text <- function(text) strwrap(text, width = max(30L, getOption("width") - 1L))

print_report <- function(report, text, n) {
  counts <- report$counts
  cat("\n")
  shown <- data.frame(
    rows = format_count_each(counts$rows), firms = ifelse(is.na(counts$firms), "", format_count_each(counts$firms))
  )
  print(cbind(shown, what = format(counts$what)), row.names = FALSE, right = TRUE)
  if (!is.null(text)) cat(wrap_text(paste0("Note: ", text, ".")), sep = "\n")
  if (NROW(report$codes) > 0L) {
    cat("\nIds of places that were changed:\n")
    print(utils::head(report$codes, n), row.names = FALSE)
    print_more(report$codes, n, "codes")
  }
  if (NROW(report$suspected) > 0L) {
    cat("\nPlaces that may have got a new name (`recode =` takes this table):\n")
    print(utils::head(report$suspected, n), row.names = FALSE)
    print_more(report$suspected, n, "suspected")
  }
}

print_more <- function(table, n, name) {
  if (nrow(table) > n) cat("... and ", format_count(nrow(table) - n), " more: summary(x)$", name, "\n", sep = "")
}

#' @rdname as_occasions
#' @export
summary.occasions <- function(object, ...) {
  attr(object, "report") %||% abort("These rows have no report: it stays with the table that as_occasions() gave.",
    class = "argument"
  )
}

#' @export
as.data.frame.occasions <- function(x, ...) {
  x <- structure(unclass(x), report = NULL, names_of = NULL, note = NULL, class = "data.frame")
  as.data.frame(x, ...)
}
