# Places of a register: ids that differ by blanks, zeros or capitals, old and new ids, the nearest place to an address.

# `places` of as_occasions(): list(id, xyz or NULL), or NULL
reference_places <- function(places, place, coordinates) {
  if (is.null(places)) {
    if (!is.null(coordinates)) {
      abort("Addresses need `places`, with a row per place and its coordinates.", class = "argument")
    }
    return(NULL)
  }
  places <- plain_table(places, "places")
  column <- if (place %in% names(places)) place else "place"
  check_column(places, column, "place", "places")
  check_no_na(places[[column]], paste0("places$", column))
  id <- id_text(plain_labels(places[[column]]))
  first <- !duplicated(id)
  found <- list(id = id[first])
  if (!is.null(coordinates)) found$at <- coordinate_columns(places, coordinates, "places")[first, , drop = FALSE]
  found
}

# Old and new ids: list(old, new), new ones followed to the end; NULL for none
recode_table <- function(recode) {
  if (is.null(recode)) {
    return(NULL)
  }
  recode <- plain_table(recode, "recode")
  if (ncol(recode) < 2L) {
    abort("`recode` must have two columns, the old ids of places and the new ones.", class = "columns")
  }
  old <- trimws(as.character(recode[[1L]]))
  new <- trimws(as.character(recode[[2L]]))
  check_no_na(c(old, new), "recode")
  pair <- !duplicated(paste(old, new, sep = "\r"))
  twice <- unique(old[pair][duplicated(old[pair])])
  if (length(twice) > 0L) {
    abort("`recode` gives more than one new id to ", quote_names(twice), ". A place that was divided cannot be ",
      "recoded by its id: give its parts one id instead.",
      class = "recode"
    )
  }
  list(old = old[pair], new = follow_codes(old[pair], new[pair]))
}

follow_codes <- function(old, new) {
  final <- new
  for (step in seq_len(length(old) + 1L)) {
    on <- match(final, old)
    moves <- !is.na(on) & new[on] != final
    if (!any(moves)) {
      return(final)
    }
    final[moves] <- new[on[moves]]
  }
  abort("`recode` goes in a circle: ", quote_names(old[moves]), ". Leave out one of these rows.", class = "recode")
}

# Text of labelled codes (class haven_labelled), where every value has a label; else x without that class
plain_labels <- function(x) {
  if (!inherits(x, "haven_labelled")) {
    return(x)
  }
  labels <- attr(x, "labels")
  values <- as.vector(unclass(x))
  at <- match(values, labels)
  if (length(labels) == 0L || any(is.na(at) & !is.na(values))) values else names(labels)[at]
}

# Codes of a column of places, mended: list(levels, code)
tidy_places <- function(x, given, book) {
  found <- code_ids(plain_labels(x))
  rows <- tabulate(found$code, length(found$levels))
  mapped <- given$code_map %||% place_map(found$levels, rows, given)
  used <- mapped$used[match(found$levels, mapped$written)]
  levels <- mapped$levels %||% unique(used[!is.na(used)])
  if (is.null(given$code_map)) tell_codes(book, mapped, rows)
  list(levels = levels, code = match(used, levels)[found$code])
}

# written (ids as they are), used (NA: no place), why (""): what becomes of each
place_map <- function(written, rows, given) {
  trimmed <- trimws(written, whitespace = "[\\h\\v]")
  used <- ifelse(nzchar(trimmed), trimmed, NA)
  why <- ifelse(used != written, "blanks", "")
  why[is.na(used)] <- "no place"
  alike <- unify_ids(used, rows, given$places$id, why)
  recoded <- recode_ids(alike$used, alike$why, given$recode)
  # an id that the table of old and new ones has as it was written
  as_written <- recode_ids(used, recoded$why, given$recode)
  changed <- which(recoded$used == alike$used & as_written$used != used)
  recoded$used[changed] <- as_written$used[changed]
  recoded$why[changed] <- "recode"
  last <- unify_ids(recoded$used, rows, given$places$id, recoded$why)
  list(written = written, used = last$used, why = last$why)
}

recode_ids <- function(used, why, recode) {
  at <- match(used, recode$old)
  changed <- which(!is.na(at) & recode$new[at] != used)
  used[changed] <- recode$new[at[changed]]
  why[changed] <- "recode"
  list(used = used, why = why)
}

# Ids that are the same but for zeros in front, or capitals
unify_ids <- function(used, rows, reference, why) {
  forms <- list(
    "zeros in front" = function(id) sub("^0+(?=[0-9])", "", id, perl = TRUE), "capitals" = tolower
  )
  for (form in names(forms)) {
    bare <- forms[[form]](used)
    best <- preferred_ids(used, rows, bare, reference, forms[[form]], form)
    changed <- which(!is.na(used) & best != used)
    used[changed] <- best[changed]
    why[changed] <- form
  }
  list(used = used, why = why)
}

# For each id that of its kind which counts: of the reference, where one and only one is alike; else the longest, the
# most frequent, the first
preferred_ids <- function(used, rows, bare, reference, as_bare, form) {
  total <- rowsum(as.double(rows), match(used, unique(used)), reorder = TRUE)[match(used, unique(used)), 1L]
  rank <- if (form == "capitals") order(bare, -total, seq_along(used)) else order(bare, -nchar(used), -total, seq_along(used))
  best <- used[rank][!duplicated(bare[rank])][match(bare, bare[rank][!duplicated(bare[rank])])]
  if (is.null(reference)) {
    return(best)
  }
  known <- as_bare(reference)
  alone <- !known %in% known[duplicated(known)]
  at <- match(bare, known[alone])
  ifelse(used %in% reference, used, ifelse(is.na(at), best, reference[alone][at]))
}

tell_codes <- function(book, mapped, rows) {
  changed <- which(nzchar(mapped$why))
  if (length(changed) == 0L) {
    return(invisible())
  }
  codes <- data.frame(
    written = mapped$written[changed], used = mapped$used[changed], rows = rows[changed], why = mapped$why[changed]
  )
  book$codes <- plain_rows(codes[order(-codes$rows), ])
  for (why in setdiff(unique(codes$why), "no place")) {
    label <- if (why == "recode") "recoded places" else paste0("ids of places mended: ", why)
    note(book, label, sum(codes$rows[codes$why == why]))
  }
}

# Coordinates ------------------------------------------------------------------------------------------------------

# Two columns as a matrix of numbers
coordinate_columns <- function(table, coordinates, arg) {
  if (!is.character(coordinates) || length(coordinates) != 2L) {
    abort("`coordinates` must name two columns, longitude and latitude or x and y.", class = "argument")
  }
  for (name in coordinates) {
    check_column(table, name, "coordinates", arg)
    if (!is.numeric(table[[name]])) {
      abort("`", arg, "$", name, "` must be numbers, not ", describe_type(table[[name]]), ".", class = "type")
    }
  }
  at <- cbind(as.double(table[[coordinates[1L]]]), as.double(table[[coordinates[2L]]]))
  if (arg == "places" && anyNA(at)) {
    abort("`places` lacks the coordinates of ", plural(sum(rowSums(is.na(at)) > 0), "place"), ", in row ",
      quote_rows(which(rowSums(is.na(at)) > 0)), ". Fill them in, or drop the row.",
      class = "missing_key"
    )
  }
  at
}

in_degrees <- function(at) all(abs(at[, 1L]) <= 180, abs(at[, 2L]) <= 90, na.rm = TRUE)

# Kilometres of the great circle between rows of two matrices of degrees; straight lines otherwise
distance_between <- function(a, b, degrees) {
  if (!degrees) {
    return(sqrt(rowSums((a - b)^2)))
  }
  a <- a * pi / 180
  b <- b * pi / 180
  chord <- sin((b[, 2L] - a[, 2L]) / 2)^2 + cos(a[, 2L]) * cos(b[, 2L]) * sin((b[, 1L] - a[, 1L]) / 2)^2
  2 * earth_radius * asin(sqrt(pmin(1, chord)))
}

# The nearest place of each address: list(levels, code); distances and addresses far away are noted
nearest_places <- function(table, given, book) {
  at <- coordinate_columns(table, given$coordinates, "data")
  degrees <- in_degrees(given$places$at)
  if (degrees && !in_degrees(at)) {
    abort("`places` has coordinates in degrees and `data` has not: ", quote_rows(which(abs(at[, 2L]) > 90 | abs(at[, 1L]) > 180)),
      " are out of range. The order is longitude, latitude.",
      class = "argument"
    )
  }
  point <- complex(real = at[, 1L], imaginary = at[, 2L])
  key <- match(point, unique(point))
  first <- which(!duplicated(key))
  code <- nearest_rows(at[first, , drop = FALSE], given$places$at, degrees)
  distance <- distance_between(at[first, , drop = FALSE], given$places$at[code, , drop = FALSE], degrees)
  far <- distance > given$within
  note(book, "addresses too far from every place", sum(far[key], na.rm = TRUE))
  code[far] <- NA
  list(levels = given$places$id, code = code[key])
}

# In pieces of rows, so that no more than some megabytes of all pairs exist at a time
nearest_rows <- function(at, places, degrees) {
  unit <- function(x) {
    x <- x * pi / 180
    cbind(cos(x[, 2L]) * cos(x[, 1L]), cos(x[, 2L]) * sin(x[, 1L]), sin(x[, 2L]))
  }
  centre <- colMeans(places)
  near <- if (degrees) unit(places) else sweep(places, 2L, centre)
  code <- rep(NA_integer_, nrow(at))
  known <- which(rowSums(is.na(at)) == 0)
  for (rows in split(known, ceiling(seq_along(known) / max(1, floor(2e6 / nrow(places)))))) {
    x <- if (degrees) unit(at[rows, , drop = FALSE]) else sweep(at[rows, , drop = FALSE], 2L, centre)
    # the largest inner product is the nearest on the sphere; in the plane less half the squared length
    score <- tcrossprod(x, near)
    if (!degrees) score <- sweep(score, 2L, rowSums(near^2) / 2)
    code[rows] <- max.col(score, ties.method = "first")
  }
  code
}

# Distance between the row before and this one, NA where there is none
moved_distance <- function(chained, table, given) {
  degrees <- in_degrees(given$places$at)
  at <- if (all(given$coordinates %in% names(table)) && !given$place %in% names(table)) {
    all <- coordinate_columns(table, given$coordinates, "data")
    list(all[chained$previous, , drop = FALSE], all[chained$row, , drop = FALSE])
  } else {
    of <- match(chained$levels, given$places$id)
    list(given$places$at[of[chained$from], , drop = FALSE], given$places$at[of[chained$to], , drop = FALSE])
  }
  distance <- distance_between(at[[1L]], at[[2L]], degrees)
  distance[is.na(chained$from) | is.na(chained$to)] <- NA
  distance
}

#' Distances between places
#'
#' @description
#' A table of ties, `from`, `to` and `distance`, for [migration_data()], from the coordinates of places. A place and
#' itself are no pair. Only the pairs that start at `origins` are made.
#'
#' @details
#' For degrees the distance is that of the great circle in kilometres,
#' \deqn{d = 2R\arcsin\sqrt{\sin^2\frac{\phi_2-\phi_1}{2} + \cos\phi_1\cos\phi_2\sin^2\frac{\lambda_2-\lambda_1}{2}},}{
#' d = 2 R asin(sqrt(sin((phi2 - phi1)/2)^2 + cos(phi1) cos(phi2) sin((lambda2 - lambda1)/2)^2)),}
#' \eqn{R} = 6371.0088 km, longitude \eqn{\lambda}{lambda} first, latitude \eqn{\phi}{phi} second; otherwise the
#' straight line, in the units of the coordinates. Coordinates within 180 and 90 are taken for degrees.
#'
#' @param places Data frame with a row per place (of several rows of a place the first counts).
#' @param place Name of its column of ids.
#' @param coordinates Names of two columns, longitude and latitude or x and y.
#' @param origins `NULL` (all places) or the ids at which pairs start, such as the origins that occur.
#' @param from,to Names of the columns of ids that are made.
#' @return A data frame `from`, `to` (text) and `distance`.
#' @section Errors: A column that is absent, no number or `NA`; an origin that `places` lacks.
#' @seealso [as_occasions()], [migration_data()].
#' @references Sinnott, R. W. (1984). Virtues of the haversine. *Sky and Telescope* 68, 159.
#' @examples
#' places <- data.frame(place = c("Wenzhou", "Guzhen"), lon = c(120.70, 113.19), lat = c(28.00, 22.61))
#' place_distances(places)
#' @export
place_distances <- function(places, place = "place", coordinates = c("lon", "lat"), origins = NULL, from = "from",
                            to = "to") {
  reference <- reference_places(places, place, coordinates)
  id <- reference$id
  origins <- if (is.null(origins)) id else unique(id_text(plain_labels(origins)[!is.na(origins)]))
  start <- match(origins, id)
  if (anyNA(start)) {
    abort("`places` lacks ", quote_names(origins[is.na(start)]), " of `origins`. Add a row for each.",
      class = "unknown_place"
    )
  }
  pair <- list(from = rep(start, each = length(id)), to = rep(seq_along(id), length(start)))
  pair <- lapply(pair, `[`, pair$from != pair$to)
  at <- reference$at
  table <- list(id[pair$from], id[pair$to], distance_between(
    at[pair$from, , drop = FALSE], at[pair$to, , drop = FALSE], in_degrees(at)
  ))
  plain_rows(structure(table, names = c(from, to, "distance"), class = "data.frame"))
}
