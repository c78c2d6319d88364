# Writing a store: rows come in pieces of any size and leave as shards of equal size,
# into a folder beside the target that is renamed when all is there.

#' Write a store, for data larger than memory
#'
#' @description
#' `write_store()` writes firms, places and ties to a folder of files in columns,
#' which [open_store()] opens without reading it. The rows may come from a
#' [migration_data()] or a data frame, or in pieces from sources that do not fit in
#' memory: CSV files (plain or compressed by gzip), Parquet files, or a query to a
#' database. All checks of [migration_data()] are made, also on pieces.
#'
#' @details
#' The store holds the rows in the order in which they come. Models of panels need the
#' rows of a firm together; where they are not, and there are more than 262,144 rows,
#' the rows are sorted by firm (firms in the order of their first row, the rows of a
#' firm in the order in which they came). The result is a function of the rows alone:
#' neither the source, nor the pieces, nor the size of the shards, nor compression
#' changes the `id` of a store, a checksum of 128 bits of its content.
#'
#' Whether a number is stored as integer or double does not matter to the `id`; -0
#' counts as 0. A column without any value counts as the same, whatever its type. The
#' same data thus give the same `id` from CSV, Parquet, a database or a data frame, if
#' text is text and numbers carry all their digits (17 in CSV). Factors keep their levels, in
#' data frames; in pieces they are taken as text.
#'
#' In CSV files a field is missing when it is empty or `NA` without quotation marks.
#' Each column is a number, a logical (`TRUE`, `FALSE`, `true`, `false`) or text, whichever
#' fits all its fields (the files are read twice); `types` says it for columns where
#' this is not meant, such as codes with leading zeros.
#'
#' Nothing is kept of a store that could not be written: it is written to a temporary
#' folder beside `path` and renamed at the end; what appears at `path` meanwhile is not replaced. What a writer that was
#' killed leaves there [verify_store()] finds. Sorting needs up to three times the
#' space of the store there.
#'
#' @param data A [migration_data()] or [choice_data()]; a data frame of firms; paths of CSV files
#'   (`.csv`, `.csv.gz`, `.txt`, `.tsv`) or Parquet files (`.parquet`; needs
#'   nanoparquet), whose rows are taken in this order; or a DBI connection.
#' @param path Folder to make.
#' @param places,ties,network,firm,place,time,from,to,available As in
#'   [migration_data()].
#' @param weights `NULL`, the name of a column, or, for a data frame, a vector.
#' @param query For a connection: the query in SQL that gives the rows of firms (with
#'   ORDER BY, if their order is to be the same each time).
#' @param chunk_rows Rows to hold in memory at once.
#' @param types Named character vector, for some columns: `"number"`, `"logical"`,
#'   `"text"`, or `"date"` (text such as 1999-12-31, or days since 1970).
#' @param sep Separator of the fields of CSV files, one character; tab for `.tsv`.
#' @param compress `FALSE`: raw blocks, which are fastest to read. `TRUE`: bytes are
#'   shuffled and deflated by zlib.
#' @param shard_rows Rows of a shard.
#' @param overwrite `TRUE` replaces a store at `path`: the files that its manifest lists. Other files in its folder
#'   stay,
#'   and anything but a whole store is never replaced.
#' @param ... Arguments of the methods.
#'
#' @return The store as [open_store()] gives it, invisibly.
#'
#' @section Errors:
#' Those of [migration_data()]; a target that exists; a disk that is full or a folder
#' that may not be written (class `firmmove_error_io`); rows of a CSV file with too few
#' or too many fields; a value that is not what `types` says. Each names the file, the
#' row and what to do.
#'
#' @seealso [open_store()], [store_format] for what is in the files.
#' @examples
#' lamps <- wenzhou_guzhen(1992:1996)
#' path <- file.path(tempdir(), "lamps")
#' write_store(lamps, path)
#' store <- open_store(path)
#' store
#'
#' # the same rows from a file, in pieces
#' file <- tempfile(fileext = ".csv")
#' write.csv(lamps$firms, file, row.names = FALSE)
#' again <- write_store(file, tempfile(), places = lamps$places, ties = lamps$ties$ties$data,
#'                      network = lamps$network, time = "year", chunk_rows = 2000)
#' c(again$id, store$id)
#' unlink(path, recursive = TRUE)
#' @export
write_store <- function(data, path, ...) UseMethod("write_store")

#' @export
write_store.default <- function(data, path, ...) {
  abort("`data` must be a migration_data, a data frame, paths of CSV or Parquet files, or a ",
    "connection to a database, not ", describe_type(data), ".",
    class = "type"
  )
}

#' @rdname write_store
#' @export
write_store.migration_data <- function(data, path, compress = FALSE, shard_rows = 262144,
                                       overwrite = FALSE, ...) {
  check_dots(...)
  target <- store_target(path, compress, shard_rows, overwrite)
  on.exit(remove_part(target))
  writer <- shard_writer(target$part, "firms", target)
  code <- data$index$firm
  together <- length(.Call(C_run_starts, code)) - 1 == length(data$firm)
  row <- if (!together && length(code) > store_sort_rows) order(code, method = "radix")
  check_weights_free(names(data$firms))
  columns <- c(unclass(data$firms), if (!is.null(data$weights)) list(data$weights))
  names <- c(names(data$firms), if (!is.null(data$weights)) weights_column)
  specs <- unname(Map(column_spec, columns, names))
  for (first in seq(1, length(code), by = target$shard_rows)) {
    rows <- first:min(first + target$shard_rows - 1, length(code))
    if (!is.null(row)) rows <- row[rows]
    add_rows(writer, lapply(columns, `[`, rows), specs)
  }
  close_shards(writer)
  counts <- c(count_moves(data), firms = length(data$firm))
  finish_store(target, writer, data, together || !is.null(row), counts)
}

#' @rdname write_store
#' @export
write_store.data.frame <- function(data, path, places, ties = NULL, network = NULL,
                                   firm = "firm", place = "place", time = NULL, from = "from",
                                   to = "to", available = NULL, weights = NULL, compress = FALSE,
                                   shard_rows = 262144, overwrite = FALSE, ...) {
  check_dots(...)
  need_places(missing(places))
  checked <- migration_data(
    data, places, ties, network, firm, place, time, from, to,
    available, weights
  )
  write_store(checked, path,
    compress = compress, shard_rows = shard_rows,
    overwrite = overwrite
  )
}

need_places <- function(missing) {
  if (missing) {
    abort("`places` is missing: a store of firms has the places they choose among, as in ",
      "migration_data().",
      class = "argument"
    )
  }
}

# Data of no more rows than this keep their order; they fit in memory anywhere.
store_sort_rows <- 262144

# The column of weights: a name no column of a person has.
weights_column <- "(weights)"

check_weights_free <- function(names) {
  if (weights_column %in% names) {
    abort(
      "The data have a column `", weights_column, "`, the name that a store gives its weights. Rename it.",
      class = "columns"
    )
  }
}

# ---- the target ------------------------------------------------------------------------------

# Check where and how to write; list(path, part, compress, shard_rows, overwrite)
store_target <- function(path, compress, shard_rows, overwrite) {
  if (!is.character(path) || length(path) != 1 || is.na(path) || !nzchar(path)) {
    abort("`path` must be the path of a folder, one string.", class = "type")
  }
  check_store_flag(compress, "compress")
  check_store_flag(overwrite, "overwrite")
  shard_rows <- check_store_rows(shard_rows, "shard_rows")
  path <- sub("(.)/+$", "\\1", path.expand(path))
  check_target_free(path, overwrite)
  list(path = path, part = new_part_folder(path), state = new.env(parent = emptyenv()), compress = compress, shard_rows = shard_rows, overwrite = overwrite)
}

check_store_flag <- function(x, arg) {
  if (!is.logical(x) || length(x) != 1 || is.na(x)) {
    abort("`", arg, "` must be TRUE or FALSE.", class = "type")
  }
}

check_store_rows <- function(x, arg) {
  if (!is.numeric(x) || length(x) != 1 || is.na(x) || x < 1 || x > 2^30) {
    abort("`", arg, "` must be a number of rows, at least 1.", class = "type")
  }
  floor(as.numeric(x))
}

# ---- shards ----------------------------------------------------------------------------------

# Something that takes rows in pieces and writes shards: an environment
shard_writer <- function(folder, prefix, target, total = TRUE) {
  list2env(list(
    folder = folder, prefix = prefix, compress = target$compress, shard_rows = target$shard_rows,
    specs = NULL, hashes = NULL, hashed = total, pending = list(), pending_rows = 0,
    files = character(), rows = numeric()
  ), parent = emptyenv())
}

# Add rows: a list of columns, all of one length, and their specs
add_rows <- function(writer, columns, specs, where = "") {
  writer$specs <- if (is.null(writer$specs)) {
    specs
  } else {
    Map(join_spec, writer$specs, specs, where)
  }
  n <- length(columns[[1]])
  if (n == 0) {
    return(invisible())
  }
  writer$pending[[length(writer$pending) + 1]] <- lapply(columns, column_values)
  writer$pending_rows <- writer$pending_rows + n
  if (writer$pending_rows >= writer$shard_rows) write_full_shards(writer)
}

# Write as many full shards as the pending rows make
write_full_shards <- function(writer) {
  columns <- join_columns(writer$pending)
  n <- writer$pending_rows
  first <- 1
  while (n - first + 1 >= writer$shard_rows) {
    last <- first + writer$shard_rows - 1
    write_shard(writer, if (first == 1 && last == n) columns else lapply(columns, `[`, first:last))
    first <- last + 1
  }
  writer$pending_rows <- n - first + 1
  writer$pending <- if (writer$pending_rows > 0) list(lapply(columns, `[`, first:n)) else list()
}

# Pieces of columns one after the other, without their attributes
join_columns <- function(pieces) {
  if (length(pieces) == 1) {
    return(pieces[[1]])
  }
  lapply(seq_along(pieces[[1]]), function(j) {
    unlist(lapply(pieces, function(piece) as.vector(unclass(piece[[j]]))), use.names = FALSE)
  })
}

# Write one shard and go on with the checksums of the columns
write_shard <- function(writer, columns) {
  file <- sprintf("%s-%06d.fms", writer$prefix, length(writer$files) + 1L)
  .Call(
    C_shard_write, file.path(writer$folder, file), as.character(seq_along(columns)), columns,
    writer$compress
  )
  if (writer$hashed) {
    if (is.null(writer$hashes)) writer$hashes <- rep(list(raw()), length(columns))
    writer$hashes <- Map(
      function(hash, column) .Call(C_hash, hash, column),
      writer$hashes, columns
    )
  }
  writer$files <- c(writer$files, file)
  writer$rows <- c(writer$rows, length(columns[[1]]))
}

# Write what is pending
close_shards <- function(writer) {
  if (writer$pending_rows == 0) {
    return(invisible())
  }
  write_shard(writer, join_columns(writer$pending))
  writer$pending <- list()
  writer$pending_rows <- 0
}

# What is in the shards of a writer, as read_rows() needs it
shards_of <- function(writer) {
  list(folder = writer$folder, files = writer$files, rows = writer$rows, specs = writer$specs)
}

# ---- the end ---------------------------------------------------------------------------------

# Write tables and manifest, rename, open
#
# `frame` is a migration_data, or what is one but for its rows.
finish_store <- function(target, writer, frame, together, counts) {
  tables <- write_tables(target, frame)
  columns <- column_records("firms", writer$specs, writer$hashes)
  whole <- store_fields(target, writer, frame, together, counts)
  whole[["Id"]] <- store_id(whole, writer$specs, writer$hashes, tables$lines, function_text(frame$available$fun))
  shards <- data.frame(
    Shard = writer$files, Rows = format(writer$rows, scientific = FALSE, trim = TRUE),
    Mark = vapply(file.path(target$part, writer$files), file_mark, "")
  )
  write_manifest(list(
    whole = whole, tables = tables$tables, columns = rbind(columns, tables$columns),
    shards = shards
  ), target$part)
  rename_store(target)
  invisible(open_store(target$path, frame$available$fun))
}

# The fields of the first record of the manifest
store_fields <- function(target, writer, frame, together, counts) {
  number <- function(x) format(x, scientific = FALSE, trim = TRUE)
  names <- unlist(frame$names)
  available <- if (is.null(frame$available)) {
    "all"
  } else if (is.null(frame$available$fun)) {
    paste0("column ", escape_text(paste0(frame$available$tie, "$", frame$available$column)))
  } else {
    "function"
  }
  note <- attr(frame, "note")
  c(
    Format = store_format_name, Version = as.character(store_format_version), Id = "",
    Package = paste("firmmove", utils::packageVersion("firmmove")), Kind = if (is.null(frame$names$chosen)) "migration" else "choice",
    Rows = number(sum(writer$rows)), Firms = number(counts$firms),
    Occasions = number(counts$occasions), Movers = number(counts$movers),
    No_origin = number(counts$no_origin), Closed = number(counts$closed),
    Firms_together = if (together) "yes" else "no", Shard_rows = number(target$shard_rows),
    Encoding = if (target$compress) "deflated" else "raw",
    stats::setNames(escape_text(names), paste0("Key_", names(names))),
    Available = available, Answer = frame$answer, Note = if (is.character(note)) escape_text(paste(note, collapse = " "))
  )
}

# The checksum of the content: of rows, columns, tables and the meaning of the keys
store_id <- function(whole, specs, hashes, lines, available) {
  fields <- whole[c(
    "Format", "Kind", "Rows", grep("^Key_", names(whole), value = TRUE), "Available",
    intersect("Answer", names(whole))
  )]
  lines <- c(paste(names(fields), fields), mapply(column_line, specs, hashes), lines, available)
  hash_text(.Call(C_hash, raw(), lines))
}

# The words of a function, its arguments and its body; NULL of none
function_text <- function(fun) {
  if (is.function(fun)) c(deparse(args(fun)), deparse(body(fun)))
}

# Write the small tables to one file; list(tables, columns, lines) for manifest and id
write_tables <- function(target, frame) {
  tables <- frame_tables(frame)
  specs <- Map(table_specs, tables, names(tables))
  hashes <- lapply(tables, column_hashes)
  block <- unlist(Map(function(table, k) paste0(k, ".", seq_along(table)), tables, seq_along(tables)))
  values <- lapply(unlist(lapply(tables, as.list), recursive = FALSE, use.names = FALSE), column_values)
  if (is.function(frame$available$fun)) {
    block <- c(block, "available")
    values <- c(values, list(charToRaw(enc2utf8(paste(function_text(frame$available$fun), collapse = "\n")))))
  }
  .Call(C_shard_write, file.path(target$part, "tables.fms"), unname(block), unname(values), target$compress)
  defaults <- vapply(frame$ties, `[[`, 0, "default")
  records <- data.frame(
    Table = escape_text(names(tables)),
    Rows = vapply(tables, function(x) as.character(nrow(x)), ""),
    Default = NA_character_
  )
  given <- defaults[!is.na(defaults)]
  records$Default[match(paste0("tie:", names(given), recycle0 = TRUE), names(tables))] <- exact_number(given)
  list(
    tables = records, lines = table_lines(names(tables), specs, hashes, records$Default),
    columns = do.call(rbind, unname(Map(column_records, names(tables), specs, hashes)))
  )
}

# The lines of the small tables in the text whose checksum is the id of the store
table_lines <- function(names, specs, hashes, defaults) {
  lines <- unlist(Map(function(name, specs, hashes) {
    paste(name, mapply(column_line, specs, hashes))
  }, names, specs, hashes))
  c(unname(lines), paste("default", defaults))
}

# Numbers with all their digits, whatever options(OutDec, scipen) and the locale have
exact_number <- function(x) {
  chartr(",", ".", vapply(x, function(one) formatC(one, digits = 17L, format = "g"), ""))
}

# The small tables of data, by name: places, times, network, tie:<name>
frame_tables <- function(frame) {
  ties <- lapply(frame$ties, `[[`, "data")
  if (length(ties)) names(ties) <- paste0("tie:", names(ties))
  tables <- c(
    list(places = frame$places),
    if (!is.null(frame$time)) list(times = data.frame(time = frame$time)),
    if (!is.null(frame$network)) list(network = frame$network), ties
  )
  # as.data.frame() would spell names anew where the locale lacks their letters
  lapply(tables, function(table) quick_frame(unclass(table), names(table), nrow(table)))
}

# What tells a file from another: its length and the checksum of its header, which covers its
# directory and so its blocks
file_mark <- function(file) .Call(C_file_mark, file)
