# Sources of rows that come in pieces. A source is a list: `take()` gives the next
# piece, a list(columns, where), or NULL at the end; `close()` gives back what it
# holds. Pieces have at most chunk_rows rows, except that a Parquet part is read whole.

#' @rdname write_store
#' @export
write_store.character <- function(data, path, places, ties = NULL, network = NULL,
                                  firm = "firm", place = "place", time = NULL, from = "from",
                                  to = "to", available = NULL, weights = NULL,
                                  chunk_rows = 262144, types = NULL, sep = ",", compress = FALSE,
                                  shard_rows = 262144, overwrite = FALSE, ...) {
  check_dots(...)
  need_places(missing(places))
  chunk_rows <- check_store_rows(chunk_rows, "chunk_rows")
  check_types(types)
  check_source_files(data)
  keys <- list(
    places = places, ties = ties, network = network, firm = firm, place = place,
    time = time, from = from, to = to, available = available, weights = weights
  )
  parquet <- grepl("[.]parquet$", data, ignore.case = TRUE)
  if (any(parquet) && !all(parquet)) {
    abort("`data` has files of CSV and of Parquet: write them one kind at a time.", class = "type")
  }
  target <- store_target(path, compress, shard_rows, overwrite)
  on.exit(remove_part(target))
  source <- if (all(parquet)) {
    parquet_source(data, chunk_rows)
  } else {
    csv_source(data, sep, types, chunk_rows)
  }
  write_pieces(source, target, keys, chunk_rows, types)
}

#' @rdname write_store
#' @export
write_store.DBIConnection <- function(data, path, query, places, ties = NULL, network = NULL,
                                      firm = "firm", place = "place", time = NULL, from = "from",
                                      to = "to", available = NULL, weights = NULL,
                                      chunk_rows = 262144, types = NULL, compress = FALSE,
                                      shard_rows = 262144, overwrite = FALSE, ...) {
  check_dots(...)
  need_places(missing(places))
  chunk_rows <- check_store_rows(chunk_rows, "chunk_rows")
  check_types(types)
  need_package("DBI", "to read from a database")
  if (!is.character(query) || length(query) != 1 || is.na(query)) {
    abort("`query` must be one string in SQL, such as \"SELECT * FROM firms ORDER BY firm\".",
      class = "type"
    )
  }
  keys <- list(
    places = places, ties = ties, network = network, firm = firm, place = place,
    time = time, from = from, to = to, available = available, weights = weights
  )
  target <- store_target(path, compress, shard_rows, overwrite)
  on.exit(remove_part(target))
  write_pieces(query_source(data, query, chunk_rows), target, keys, chunk_rows, types)
}

# Stop when an optional package is not installed
need_package <- function(package, why) {
  if (!requireNamespace(package, quietly = TRUE)) {
    abort("The package `", package, "` is needed ", why, ": install.packages(\"", package, "\").",
      class = "package"
    )
  }
}

check_types <- function(types) {
  if (is.null(types)) {
    return(invisible())
  }
  known <- c("number", "logical", "text", "date")
  named <- is.character(types) && !is.null(names(types)) && all(nzchar(names(types)))
  if (!named || !all(types %in% known)) {
    abort("`types` must name columns and say ", quote_names(known), " for each: ",
      "types = c(firm = \"text\").",
      class = "type"
    )
  }
}

check_source_files <- function(files) {
  if (length(files) == 0 || anyNA(files)) {
    abort("`data` must be paths of CSV or Parquet files; it has none.", class = "empty")
  }
  absent <- files[!file.exists(files) | dir.exists(files)]
  if (length(absent)) {
    abort("There is no file ", quote_names(absent), ". Check the path in `data`.", class = "io")
  }
}

# Stop when `types` names a column the source does not have
check_types_known <- function(types, names) {
  absent <- setdiff(names(types), names)
  if (length(absent)) {
    abort("`types` names ", quote_names(absent), ", which the data do not have; their columns are ",
      quote_names(names, 8), ".",
      class = "columns"
    )
  }
}

# ---- CSV -------------------------------------------------------------------------------------

# Bytes to read at once.
csv_bytes <- 2^22

# The records of one file in pieces: list(file, header, take(convert), state, close())
#
# `convert(bytes, last)` calls one of the C routines; its `used` bytes are done with.
csv_reader <- function(file, sep) {
  connection <- if (grepl("[.](gz|bz2|xz)$", file)) gzfile(file, "rb") else file(file, "rb")
  state <- list2env(list(bytes = raw(), ended = FALSE, rows = 0))
  more <- function() {
    new <- readBin(connection, "raw", csv_bytes)
    if (length(new) == 0) state$ended <- TRUE
    if (length(new) && any(new == as.raw(0))) {
      abort("`", file, "` has bytes of zero: it is not text in UTF-8. Write it as UTF-8.",
        class = "corrupt"
      )
    }
    state$bytes <- c(state$bytes, new)
  }
  take <- function(convert) {
    repeat {
      if (length(state$bytes) == 0 && state$ended) {
        return(NULL)
      }
      found <- if (length(state$bytes)) convert(state$bytes, state$ended)
      if (!is.null(found$problem)) {
        return(found)
      }
      if (!is.null(found) && found$used > 0) {
        state$bytes <- state$bytes[-seq_len(found$used)]
        state$rows <- state$rows + found$rows
        if (found$rows > 0) {
          return(found)
        }
      } else if (state$ended) {
        # a quotation mark that never closes
        return(list(rows = 0, problem = "begins a quotation that does not end"))
      } else {
        more()
      }
    }
  }
  reader <- list(file = file, take = take, state = state, close = function() close(connection))
  opened <- FALSE
  on.exit(if (!opened) close(connection))
  reader$header <- csv_header(reader, sep, more)
  opened <- TRUE
  reader
}

# The names in the first record of a file
csv_header <- function(reader, sep, more) {
  state <- reader$state
  while (!state$ended && !any(state$bytes == charToRaw("\n"))) more()
  if (length(state$bytes) > 2 && identical(state$bytes[1:3], as.raw(c(0xef, 0xbb, 0xbf)))) {
    state$bytes <- state$bytes[-(1:3)]
  }
  if (length(state$bytes) == 0) {
    abort("`", reader$file, "` is empty: a CSV file begins with the names of its columns.",
      class = "empty"
    )
  }
  end <- c(which(state$bytes == charToRaw("\n")), length(state$bytes))[1]
  line <- sub("\r?\n?$", "", rawToChar(state$bytes[seq_len(end)]))
  Encoding(line) <- "UTF-8"
  names <- scan(text = line, what = "", sep = sep, quote = "\"", quiet = TRUE, encoding = "UTF-8")
  state$bytes <- state$bytes[-seq_len(end)]
  state$rows <- 1
  names
}

# Go through the records of files; `step(reader, found)` gets what `convert` makes
each_csv <- function(files, sep, convert, step) {
  for (file in files) {
    reader <- csv_reader(file, sep)
    tryCatch(
      {
        repeat {
          row <- reader$state$rows
          found <- reader$take(convert)
          if (is.null(found)) break
          if (!is.null(found$problem)) abort_record(reader, row, found)
          step(reader, found)
        }
      },
      finally = reader$close()
    )
  }
}

# Stop on a record that has not its fields, or has no value where one is due
abort_record <- function(reader, row, found, names = NULL, types = NULL) {
  at <- format_count(row + found$rows + 1)
  if (is.null(found$column)) {
    abort("Record ", at, " of `", reader$file, "` ", found$problem, ". Correct it",
      if (grepl("fields", found$problem)) ", or say which `sep` stands between fields", ".",
      class = "corrupt"
    )
  }
  column <- names[found$column]
  kind <- c(double = "number", logical = "logical")[[types[found$column]]]
  abort("Record ", at, " of `", reader$file, "` has `", found$problem, "` in column `", column,
    "`, which is no ", kind, ". Correct it, or say types = c(", column, " = \"text\").",
    class = "type"
  )
}

# The storage of each column of CSV files: from `types`, or from a look at all fields
csv_storages <- function(files, sep, types, names) {
  storage <- stats::setNames(rep(NA_character_, length(names)), names)
  given <- c(number = "double", logical = "logical", text = "character", date = "character")
  storage[names(types)] <- given[types]
  fits <- stats::setNames(rep(list(rep(TRUE, length(names))), 3L), c("number", "logical", "whole"))
  # whether numbers are whole is to be known even where they are known to be numbers
  each_csv(
    files, sep, function(bytes, last) .Call(C_csv_kinds, bytes, sep, length(names), last),
    function(reader, found) fits <<- Map(`&`, fits, found[names(fits)])
  )
  guess <- ifelse(fits$logical, "logical", ifelse(fits$number, "double", "character"))
  storage[is.na(storage)] <- guess[is.na(storage)]
  whole <- storage == "double" & fits$whole
  list(storage = storage, whole = whole)
}

# Rows of CSV files
csv_source <- function(files, sep, types, chunk_rows) {
  if (!is.character(sep) || length(sep) != 1 || is.na(sep) || nchar(sep, "bytes") != 1) {
    abort("`sep` must be one character, such as \",\" or \";\".", class = "type")
  }
  if (all(grepl("[.]tsv([.]gz)?$", files)) && sep == ",") sep <- "\t"
  names <- csv_names(files, sep)
  check_types_known(types, names)
  known <- csv_storages(files, sep, types, names)
  storage <- unname(known$storage)
  convert <- function(bytes, last) .Call(C_csv_columns, bytes, sep, storage, last, chunk_rows)
  state <- list2env(list(k = 0, reader = NULL))
  step_close <- function() if (!is.null(state$reader)) state$reader$close()
  take <- function() {
    repeat {
      if (is.null(state$reader)) {
        if (state$k == length(files)) {
          return(NULL)
        }
        state$k <- state$k + 1
        state$reader <- csv_reader(files[state$k], sep)
      }
      row <- state$reader$state$rows
      found <- state$reader$take(convert)
      if (is.null(found)) {
        step_close()
        state$reader <- NULL
        next
      }
      if (!is.null(found$problem)) abort_record(state$reader, row, found, names, known$storage)
      columns <- csv_values(found$columns, names, known$whole, files[state$k])
      return(list(columns = columns, where = paste0("record %s of `", files[state$k], "`"), row = row))
    }
  }
  list(take = take, close = step_close)
}

# Columns with their names; whole numbers as integers; text in UTF-8
csv_values <- function(columns, names, whole, file) {
  columns[whole] <- lapply(columns[whole], as.integer)
  names(columns) <- names
  text <- vapply(columns, is.character, NA)
  for (name in names[text]) {
    if (!all(validUTF8(columns[[name]]))) {
      abort("Column `", name, "` of `", file, "` is not in UTF-8. Convert the file, for instance by iconv().",
        class = "corrupt"
      )
    }
  }
  columns
}

# The names of the columns, which all files must have
csv_names <- function(files, sep) {
  all <- lapply(files, function(file) {
    reader <- csv_reader(file, sep)
    reader$close()
    reader$header
  })
  other <- which(!vapply(all, identical, NA, all[[1]]))
  if (length(other)) {
    abort("`", files[other[1]], "` has other columns than `", files[1], "`: ",
      quote_names(all[[other[1]]], 8), ", not ", quote_names(all[[1]], 8),
      ". Give files with the same columns.",
      class = "columns"
    )
  }
  all[[1]]
}

# ---- Parquet ---------------------------------------------------------------------------------

# Rows of Parquet files, a file at a time
parquet_source <- function(files, chunk_rows) {
  need_package("nanoparquet", "to read Parquet files")
  state <- list2env(list(k = 0, table = NULL, row = 0))
  take <- function() {
    while (is.null(state$table) || state$row >= nrow(state$table)) {
      if (state$k == length(files)) {
        return(NULL)
      }
      state$k <- state$k + 1
      state$table <- read_parquet_part(files[state$k])
      state$row <- 0
    }
    row <- state$row
    rows <- (row + 1):min(row + chunk_rows, nrow(state$table))
    columns <- if (row == 0 && length(rows) == nrow(state$table)) {
      as.list(state$table)
    } else {
      lapply(as.list(state$table), `[`, rows)
    }
    state$row <- row + length(rows)
    list(columns = columns, where = paste0("row %s of `", files[state$k], "`"), row = row)
  }
  list(take = take, close = function() NULL)
}

read_parquet_part <- function(file) {
  tryCatch(
    plain_table(nanoparquet::read_parquet(file), "data"),
    error = function(e) {
      abort("Cannot read `", file, "` as Parquet: ", conditionMessage(e),
        ". Check that it is whole.",
        class = "corrupt"
      )
    }
  )
}

# ---- databases -------------------------------------------------------------------------------

# Rows of a query
#
# RPostgreSQL holds a whole result in memory, so there the rows come through a cursor.
query_source <- function(connection, query, chunk_rows) {
  if (inherits(connection, "PostgreSQLConnection")) {
    return(cursor_source(connection, query, chunk_rows))
  }
  state <- list2env(list(row = 0, result = DBI::dbSendQuery(connection, query)))
  take <- function() {
    table <- DBI::dbFetch(state$result, n = chunk_rows)
    row <- state$row
    state$row <- row + nrow(table)
    if (nrow(table) > 0 || row == 0) list(columns = as.list(table), where = "row %s of the query", row = row)
  }
  list(take = take, close = function() DBI::dbClearResult(state$result))
}

cursor_source <- function(connection, query, chunk_rows) {
  run <- function(...) DBI::dbGetQuery(connection, paste0(...))
  name <- paste0("firmmove_", Sys.getpid())
  run("BEGIN")
  failed <- tryCatch(
    {
      run("DECLARE ", name, " NO SCROLL CURSOR FOR ", query)
      NULL
    },
    error = identity
  )
  if (!is.null(failed)) {
    run("ROLLBACK")
    stop(failed)
  }
  state <- list2env(list(row = 0))
  take <- function() {
    table <- run("FETCH FORWARD ", format(chunk_rows, scientific = FALSE), " FROM ", name)
    row <- state$row
    state$row <- row + NROW(table)
    if (NROW(table) > 0) list(columns = as.list(table), where = "row %s of the query", row = row)
  }
  list(take = take, close = function() run("ROLLBACK"))
}
