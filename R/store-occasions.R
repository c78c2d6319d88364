# Occasions of a register that does not fit in memory: rows are dealt by firm into files, in any order in which they
# come, and each file is made into occasions with the periods and the ids of places of all.

#' @rdname as_occasions
#' @param sep As in [write_store()].
#' @param types As in [write_store()]; columns of ids are best `"text"`.
#' @param chunk_rows Rows to hold in memory at once.
#' @export
as_occasions.character <- function(data, ..., sep = ",", types = NULL, chunk_rows = 262144) {
  chunk_rows <- check_store_rows(chunk_rows, "chunk_rows")
  check_types(types)
  check_source_files(data)
  parquet <- grepl("[.]parquet$", data, ignore.case = TRUE)
  if (any(parquet) && !all(parquet)) {
    abort("`data` has files of CSV and of Parquet: give them one kind at a time.", class = "type")
  }
  make <- function() if (all(parquet)) parquet_source(data, chunk_rows) else csv_source(data, sep, types, chunk_rows)
  occasions_source(make, chunk_rows, types, ...)
}

#' @rdname as_occasions
#' @param query As in [write_store()].
#' @export
as_occasions.DBIConnection <- function(data, query, ..., types = NULL, chunk_rows = 262144) {
  chunk_rows <- check_store_rows(chunk_rows, "chunk_rows")
  check_types(types)
  need_package("DBI", "to read from a database")
  if (!is.character(query) || length(query) != 1L || is.na(query)) {
    abort("`query` must be one string in SQL, such as \"SELECT * FROM firms\".", class = "type")
  }
  occasions_source(function() query_source(data, query, chunk_rows), chunk_rows, types, ...)
}

# What write_store() needs to make and write the occasions; `state` gets the report
occasions_source <- function(make, chunk_rows, types, ...) {
  allowed <- c(
    "firm", "place", "time", "places", "coordinates", "recode", "gaps", "weight", "before", "events", "within"
  )
  options <- list(...)
  if ("begin" %in% names(options)) {
    abort("Spells are not read in pieces: read them into a data frame, which is smaller than the panel they make.",
      class = "argument"
    )
  }
  check_dots(..., also = allowed, owner = c("data", "sep", "types", "chunk_rows"))
  given <- utils::modifyList(list(firm = "firm", place = "place", time = "time"), options, keep.null = TRUE)
  structure(
    list(make = make, chunk_rows = chunk_rows, types = types, given = given, state = new.env(parent = emptyenv())),
    class = "occasions_source"
  )
}

#' @export
print.occasions_source <- function(x, n = 6L, ...) {
  if (is.null(x$state$report)) {
    cat(wrap_text("Occasions of a register in pieces, made when write_store() writes them."), sep = "\n")
  } else {
    cat("Occasions of a register in pieces, as they were written.\n")
    print_report(x$state$report, x$state$note, n)
  }
  invisible(x)
}

#' @export
summary.occasions_source <- function(object, ...) {
  object$state$report %||% abort("The report is there when write_store() has written the occasions.", class = "argument")
}

#' @rdname write_store
#' @export
write_store.occasions_source <- function(data, path, places = data$given$places, ties = NULL, network = NULL,
                                         place = "place", available = NULL, weights = NULL, compress = FALSE,
                                         shard_rows = 262144, overwrite = FALSE, ...) {
  check_dots(...)
  need_places(is.null(places))
  keys <- list(
    places = places, ties = ties, network = network, firm = data$given$firm, place = place,
    time = data$given$time, from = "from", to = "to", available = available, weights = weights
  )
  target <- store_target(path, compress, shard_rows, overwrite)
  on.exit(remove_part(target))
  folder <- tempfile("register-")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE), add = TRUE)
  dealt <- deal_register(data, folder)
  write_pieces(bucket_source(data, dealt), target, keys, data$chunk_rows, NULL)
}

# Buckets a register is dealt into; each is made into occasions in memory.
register_buckets <- 32L

# Rows in files by a checksum of the firm: list(files, times, written, rows)
deal_register <- function(data, folder) {
  source <- data$make()
  on.exit(source$close())
  files <- file.path(folder, sprintf("bucket-%02d", seq_len(register_buckets)))
  connections <- lapply(files, file, open = "wb")
  on.exit(lapply(connections, close), add = TRUE)
  known <- list2env(list(times = NULL, ids = NULL, filled = logical(register_buckets)))
  while (!is.null(piece <- source$take())) {
    columns <- lapply(piece$columns, plain_piece)
    for (name in intersect(names(data$types), names(columns))) {
      columns[[name]] <- as_kind(columns[[name]], data$types[[name]], name, piece)
    }
    deal_piece(columns, data$given, connections, known)
  }
  if (!any(known$filled)) abort("`data` has no rows.", class = "empty")
  list(files = files[known$filled], times = code_times(known$times)$values, ids = known$ids)
}

deal_piece <- function(columns, given, connections, known) {
  table <- plain_rows(structure(columns, class = "data.frame"))
  addresses <- !is.null(given$coordinates) && !given$place %in% names(table)
  for (key in c("firm", "time", if (!addresses) "place")) check_column(table, given[[key]], key, "data")
  for (key in c("firm", "time")) check_no_na(table[[given[[key]]]], paste0("data$", given[[key]]))
  known$times <- unique(c(known$times, unique(table[[given$time]])))
  if (!addresses) {
    found <- code_ids(plain_labels(table[[given$place]]))
    n <- tabulate(found$code, length(found$levels))
    all <- unique(c(known$ids$written, found$levels))
    rows <- numeric(length(all))
    rows[match(known$ids$written, all)] <- known$ids$rows
    at <- match(found$levels, all)
    rows[at] <- rows[at] + n
    known$ids <- list(written = all, rows = rows)
  }
  bucket <- as.integer(.Call(C_hash_each, plain_key(table[[given$firm]]))[, 1L] %% register_buckets) + 1L
  for (part in split(seq_along(bucket), bucket)) {
    at <- bucket[part[1L]]
    serialize(lapply(columns, `[`, part), connections[[at]], xdr = FALSE)
    known$filled[at] <- TRUE
  }
}

# A source of occasions, a bucket at a time
bucket_source <- function(data, dealt) {
  book <- new_report()
  given <- do.call(source_arguments, data$given)
  given$times <- list(values = dealt$times)
  if (!is.null(dealt$ids)) {
    map <- place_map(dealt$ids$written, dealt$ids$rows, given)
    tell_codes(book, map, dealt$ids$rows)
    map$levels <- unique(map$used[!is.na(map$used)])
    given$code_map <- map
  }
  state <- list2env(list(k = 0L, made = 0))
  take <- function() {
    while (state$k < length(dealt$files)) {
      state$k <- state$k + 1L
      table <- occasions_of_bucket(dealt$files[state$k], given, book)
      if (!is.null(table)) {
        where <- list(columns = as.list(as.data.frame(table)), where = "occasion %s", row = state$made)
        state$made <- state$made + nrow(table)
        return(where)
      }
    }
    book$suspected <- suspected_places(book)
    data$state$report <- report_list(book)
    data$state$note <- book$time_note
    NULL
  }
  list(take = take, close = function() NULL)
}

# The arguments of as_occasions() as its method for data frames checks them
source_arguments <- function(firm, place, time, places = NULL, coordinates = NULL, recode = NULL, gaps = "separate",
                             weight = NULL, before = NULL, events = NULL, within = Inf) {
  list(
    firm = firm, place = place, time = time, coordinates = coordinates,
    gaps = check_choice(gaps, "gaps", c("separate", "carry", "exit")), weight = weight, before = before,
    events = check_events(events), within = within, places = reference_places(places, place, coordinates),
    recode = recode_table(recode)
  )
}

occasions_of_bucket <- function(file, given, book) {
  connection <- file(file, "rb")
  pieces <- list()
  on.exit(close(connection))
  size <- file.size(file)
  while (seek(connection) < size) pieces[[length(pieces) + 1L]] <- unserialize(connection)
  columns <- lapply(stats::setNames(nm = names(pieces[[1L]])), function(name) do.call(c, lapply(pieces, `[[`, name)))
  table <- plain_rows(structure(columns, class = "data.frame"))
  check_register(table, given)
  note(book, "rows read", nrow(table), length(code_ids(table[[given$firm]])$levels))
  rows <- panel_rows(table, given, book)
  if (length(rows$row) == 0L) {
    return(NULL)
  }
  chained <- chain_rows(one_row_each(rows, table, given, book), table, given, book)
  if (length(chained$row) == 0L) {
    return(NULL)
  }
  occasion_table(chained, table, given, book, attach = FALSE)
}
