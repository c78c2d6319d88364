# Stores: folders of files in columns, written once and read in pieces.

#' Open a store
#'
#' @description
#' `open_store()` opens the folder that [write_store()] made: it reads the manifest and the
#' small tables (places, ties, network), and none of the firms. Where data are
#' asked for, a store may be given instead: [fit_migration()] then reads it slice by slice.
#' `verify_store()` reads every byte and checks every checksum, and tells of folders that a writer left beside the store
#' when it was killed; `clean = TRUE` removes what it had written there.
#'
#' @section What a store promises:
#' * *A writer that is killed*, or a machine that stops, at any moment leaves at the path what was there before, or
#'   the whole
#'   new store: files are written through to the disk under another name, and a store gets its name, or takes that of
#'   an old one, in one step. (Not so where the system cannot exchange two names, as Windows and macOS: there is a
#'   moment
#'   in which nothing has the name. `verify_store(path, clean = TRUE)` ends what was broken off.)
#' * *A store that changes while it is open* gives an error and not other figures: each file that is read must be the
#'   one
#'   that was there when the store was opened. To replace a store that is in use, write it again with
#'   `overwrite = TRUE`; do not copy files over it.
#' * *Two writers* to one path: one store is written, the other writer gets an error.
#' * *Nothing in a store is code.* A function for `available` is stored by its words, to be shown and compared; it is
#'   not
#'   made of them, and who opens the store gives it. A store of unknown origin can be wrong, and cannot run anything.
#'
#' @param path Folder of the store.
#' @param store,x,object An open store, or for `verify_store()` also its path.
#' @param available The function that says which places are open, where the store was written with one.
#' @param clean `TRUE` removes the files of writers that were killed, and gives a store back its name that was between
#'   two;
#'   files that no writer makes are moved into the store's folder. Writers that are at work are left alone, and so for
#'   a day are those of other machines.
#' @param data An open store, to be read into memory as a [migration_data()].
#' @param ... Not used.
#'
#' @return `open_store()` returns an object of class `migration_store`, a list with
#' \describe{
#'   \item{`path`, `id`}{the folder, and the checksum of the content in hexadecimal: the
#'     same for the same data, however they were written.}
#'   \item{`n`, `kind`}{rows of firms, `"migration"`; or rows of long data, `"choice"`.}
#'   \item{`names`}{names of the key columns, as in [migration_data()].}
#'   \item{`columns`}{data frame `name`, `type`: the columns of firms.}
#'   \item{`together`}{whether the rows of each firm are together.}
#'   \item{`counts`}{list of `firms`, `occasions`, `movers`, `no_origin`, `closed`.}
#'   \item{`frame`}{places, times, ties, network and `available`, as in a migration_data.}
#'   \item{`shards`}{files, their rows and the columns, for [store_data()].}
#' }
#' `summary()` returns a list with `files` (data frame `file`, `rows`, `bytes`), `columns`
#' (`name`, `type`, `bytes`) and prints. `verify_store()` returns, invisibly, a data frame `file`,
#' `blocks`, `bytes`.
#' `as_migration_data()` reads the whole store into memory, one of long data as a [choice_data()].
#'
#' @section Errors:
#' No folder, a folder that is not a store, a manifest or a file that is missing, empty,
#' cut, damaged, foreign, of another store or written by a later version; a store with a function for `available` that
#' is not given (`firmmove_error_available`): each names the
#' file, in damaged files the block, and what to do. Classes: `firmmove_error_no_store`,
#' `firmmove_error_corrupt`, `firmmove_error_io`, `firmmove_error_store_changed`.
#'
#' @seealso [write_store()], [store_data()], [store_format].
#' @examples
#' path <- file.path(tempdir(), "lamps")
#' write_store(wenzhou_guzhen(), path)
#' store <- open_store(path)
#' store
#' summary(store)
#' verify_store(store)
#' identical(as_migration_data(store)$firms, wenzhou_guzhen()$firms)
#' unlink(path, recursive = TRUE)
#' @export
open_store <- function(path, available = NULL) {
  path <- check_store_path(path)
  manifest <- read_manifest(path)
  whole <- as.list(manifest$whole)
  specs <- specs_from_records(manifest$columns, "firms")
  shards <- list(
    folder = path, files = manifest$shards$Shard,
    rows = as.numeric(manifest$shards$Rows), marks = manifest$shards$Mark, specs = specs
  )
  check_shard_files(shards, manifest)
  names <- key_names(whole)
  own <- Filter(function(spec) spec$name != weights_column, specs)
  store <- list(
    path = path, id = whole$Id, n = as.numeric(whole$Rows), kind = whole$Kind, names = names,
    columns = data.frame(name = vapply(own, `[[`, "", "name"), type = vapply(own, column_type, "")),
    together = whole$Firms_together == "yes",
    counts = lapply(whole[c("Firms", "Occasions", "Movers", "No_origin", "Closed")], as.numeric),
    encoding = whole$Encoding, shard_rows = as.numeric(whole$Shard_rows), mark = manifest$mark,
    shards = shards
  )
  names(store$counts) <- tolower(names(store$counts))
  store$frame <- if (store$kind == "choice") {
    read_choice_frame(manifest, path, names, whole)
  } else {
    read_frame(manifest, path, names, whole, available)
  }
  structure(store, class = "migration_store")
}

# The names of the key columns, NULL where there is none, in the order of the classes of data
key_names <- function(whole) {
  keys <- if (whole$Kind == "choice") {
    c("chosen", "id", "place", "firm", "from", "time", "weights")
  } else {
    c("firm", "place", "time", "from", "to")
  }
  names <- lapply(whole[paste0("Key_", keys)], function(x) if (!is.null(x)) unescape_text(x))
  stats::setNames(names, keys)
}

# Stop when a file the manifest lists is missing or is not the one that was written
check_shard_files <- function(shards, manifest) {
  remedy <- "Copy the store again from where it is whole, or write it again."
  file <- file.path(shards$folder, c("tables.fms", shards$files))
  absent <- file[!file.exists(file)]
  if (length(absent)) {
    abort("The store lacks ", plural(length(absent), "file"), ": ", quote_names(absent), ". ",
      remedy,
      class = "corrupt"
    )
  }
  if (sum(shards$rows) != as.numeric(manifest$whole[["Rows"]])) {
    abort("`", file.path(shards$folder, "manifest"), "` does not agree with itself on the rows. ",
      remedy,
      class = "corrupt"
    )
  }
  for (k in seq_along(shards$files)) {
    if (!identical(file_mark(file[k + 1]), manifest$shards$Mark[k])) {
      stop_other_file(file[k + 1L])
    }
  }
}

stop_other_file <- function(file) {
  # if the file itself is damaged, that is the better message
  .Call(C_blocks_info, file)
  abort("`", file, "` is not the file that was written with the manifest: it belongs to another store, or was exchanged. ",
    "Copy the store again from where it is whole, or write it again.",
    class = "corrupt"
  )
}

# Places, times, ties, network and availability of a store, as in a migration_data
read_frame <- function(manifest, path, names, whole, available) {
  tables <- read_tables(manifest, path)
  found <- code_places(tables$places, names)
  frame <- list(places = tables$places, names = names, place = found$levels)
  frame["time"] <- list(tables$times$time)
  frame$firm <- character()
  frame$place_row <- code_place_rows(tables$places, found$code, frame)
  ties <- tables[startsWith(names(tables), "tie:")]
  names(ties) <- sub("^tie:", "", names(ties))
  frame$ties <- code_ties(if (length(ties)) ties, with_tie_firms(frame, ties))
  frame["network"] <- list(tables$network)
  frame["available"] <- list(read_available(whole$Available, path, frame, available))
  if (!is.null(whole$Note)) attr(frame, "note") <- unescape_text(whole$Note)
  frame
}

# `frame` with the firms its tie tables speak of
with_tie_firms <- function(frame, ties) {
  firm <- frame$names$firm
  ids <- lapply(ties, function(tie) if (firm %in% names(tie)) code_ids(tie[[firm]])$levels)
  frame$firm <- unique(as.character(unlist(ids, use.names = FALSE)))
  frame
}

# The small tables of a store, by name
read_tables <- function(manifest, path) {
  file <- file.path(path, "tables.fms")
  records <- manifest$tables
  names <- unescape_text(records$Table)
  tables <- lapply(seq_along(names), function(k) {
    specs <- specs_from_records(manifest$columns, names[k])
    n <- as.numeric(records$Rows[k])
    values <- read_block_columns(file, paste0(k, ".", seq_along(specs)), specs, 0, n, n)
    check_table_hashes(values, manifest$columns$Hash[unescape_text(manifest$columns$Table) == names[k]], file)
    table <- quick_frame(values, vapply(specs, `[[`, "", "name"), n)
    if (!is.null(records$Default) && !is.na(records$Default[k])) {
      attr(table, "default") <- as.numeric(records$Default[k])
    }
    table
  })
  stats::setNames(tables, names)
}

# The file of the tables has no mark in the manifest: its columns have checksums there
check_table_hashes <- function(values, wanted, file) {
  if (!identical(vapply(column_hashes(values), hash_text, ""), wanted)) {
    stop_other_file(file)
  }
}

# The availability of a store. A function is code: its words are in the store, to be shown and compared, and it is
# never made
# of them; whoever opens the store gives it.
read_available <- function(field, path, frame, given) {
  if (field == "all") {
    return(NULL)
  }
  if (field != "function") {
    return(find_available(unescape_text(sub("^column ", "", field)), frame$ties))
  }
  bytes <- .Call(C_shard_read, file.path(path, "tables.fms"), "available", "raw", 0L, c(0, 0, 0), no_mark)[[1L]]
  words <- available_words(bytes)
  if (!is.function(given)) {
    abort(
      "The store `", path, "` says which places are open by a function, which is code and is not taken from a file. Give it: ",
      "open_store(path, available = ...)", if (!is.null(words)) paste0("; its words are\n", words),
      class = "available"
    )
  }
  if (!is.null(words) && !identical(paste(function_text(given), collapse = "\n"), words)) {
    abort("`available` is not the function that the store was written with; its words are\n", words, class = "available")
  }
  list(fun = given)
}

# The text of a function in a store; NULL of one that was written as serialize() writes it
available_words <- function(bytes) {
  if (any(bytes == 0)) {
    return(NULL)
  }
  words <- rawToChar(bytes)
  Encoding(words) <- "UTF-8"
  if (validUTF8(words)) words
}

# Stop unless `store` is an open store
check_store <- function(store) {
  if (!is_store(store)) {
    abort("`store` must be a store opened by open_store(), not ", describe_type(store), ".",
      class = "type"
    )
  }
}

#' @rdname open_store
#' @export
verify_store <- function(store, clean = FALSE) {
  clean <- check_flag(clean, "clean")
  path <- if (is_store(store)) store$path else check_store_path(store)
  left <- if (clean) clean_leftovers(path) else leftover_folders(path)
  if (length(left) > 0L) {
    inform(
      plural(length(left), "folder"), " that a writer broken off has left beside `", path, "`: ", quote_names(left), ". ",
      if (clean) "What it had written is removed." else "verify_store(path, clean = TRUE) removes it.",
      class = "leftover"
    )
  }
  if (is_store(store)) check_store_unchanged(store)
  manifest <- read_manifest(path)
  files <- c("tables.fms", manifest$shards$Shard)
  paths <- file.path(path, files)
  blocks <- vapply(paths, function(path) {
    .Call(C_blocks_verify, path)
    length(.Call(C_blocks_info, path)$name)
  }, 0L)
  shards <- list(
    folder = path, files = manifest$shards$Shard, rows = as.numeric(manifest$shards$Rows),
    marks = manifest$shards$Mark, specs = specs_from_records(manifest$columns, "firms")
  )
  check_shard_files(shards, manifest)
  verify_content(manifest, shards)
  invisible(data.frame(file = files, blocks = unname(blocks), bytes = file.size(paths)))
}

check_store_path <- function(path) {
  if (!is.character(path) || length(path) != 1L || is.na(path) || !nzchar(path)) {
    abort("`path` must be the path of a folder, one string.", class = "type")
  }
  sub("(.)/+$", "\\1", path.expand(path))
}

# Stop unless the values have the checksums of the manifest, and the id is that of the content
verify_content <- function(manifest, shards) {
  hashes <- rep(list(raw()), length(shards$specs))
  end <- cumsum(shards$rows)
  for (k in seq_along(shards$files)) {
    columns <- read_rows(shards, end[k] - shards$rows[k] + 1, end[k])
    hashes <- Map(function(hash, x) .Call(C_hash, hash, column_values(x)), hashes, columns)
  }
  # the columns of the tables are compared when they are read
  tables <- read_tables(manifest, shards$folder)
  specs <- lapply(names(tables), function(name) specs_from_records(manifest$columns, name))
  table_hashes <- lapply(tables, column_hashes)
  words <- stored_function(manifest, shards$folder)
  lines <- table_lines(names(tables), specs, table_hashes, manifest$tables$Default %||% rep(NA, length(tables)))
  id <- if (anyNA(words)) manifest$whole[["Id"]] else store_id(manifest$whole, shards$specs, hashes, lines, words)
  found <- vapply(hashes, hash_text, "")
  if (!identical(found, manifest$columns$Hash[manifest$columns$Table == "firms"]) || !identical(id, manifest$whole[["Id"]])) {
    abort("`", file.path(shards$folder, "manifest"), "` has checksums that are not those of the values in the store. ",
      "Copy the store again from where it is whole, or write it again.",
      class = "corrupt"
    )
  }
}

# The checksums of the columns of a table
column_hashes <- function(columns) {
  lapply(unname(unclass(columns)), function(x) .Call(C_hash, raw(), column_values(x)))
}

hash_text <- function(hash) {
  paste(as.character(hash), collapse = "")
}

# The words of the function of a store that has one, NA where they are not told
stored_function <- function(manifest, folder) {
  if (manifest$whole[["Available"]] == "function") {
    bytes <- .Call(C_shard_read, file.path(folder, "tables.fms"), "available", "raw", 0L, c(0, 0, 0), no_mark)[[1L]]
    strsplit(available_words(bytes) %||% NA_character_, "\n", fixed = TRUE)[[1L]]
  }
}

# Stops when the store on disk is no longer the one that was opened; else gives it back
check_store_unchanged <- function(store) {
  check_store(store)
  file <- file.path(store$path, "manifest")
  bytes <- tryCatch(.Call(C_file_read, file), error = function(e) raw())
  if (!identical(manifest_mark(bytes), store$mark)) {
    abort("The store `", store$path, "` has changed since it was opened: its file `manifest` is ",
      "another or gone. Open it again with open_store().",
      class = "store_changed"
    )
  }
  invisible(store)
}

#' @rdname open_store
#' @export
print.migration_store <- function(x, ...) {
  frame <- x$frame
  cat("<migration_store> ", plural(x$counts$firms, "firm"), ", ", plural(length(frame$place), "place"),
    if (!is.null(frame$time)) paste0(", ", time_range(frame$time)), "\n",
    sep = ""
  )
  frame$firms <- quick_frame(vector("list", nrow(x$columns)), x$columns$name, 0L)
  tables <- if (x$kind == "choice") {
    c(columns = attribute_text(attribute_columns(frame$firms, x$names)))
  } else {
    describe_tables(frame)
  }
  weighted <- weights_column %in% store_column_names(x)
  print_lines(c(
    move_lines(x$counts), tables[names(tables) != "weights"],
    weights = if (weighted) "a weight per row",
    rows = paste0(
      format_count(x$n), " in ", plural(length(x$shards$files), "shard"), ", ", x$encoding,
      if (!x$together) "; rows of a firm are not together"
    ),
    folder = x$path, id = x$id
  ))
  if (is.character(attr(frame, "note"))) writeLines(strwrap(attr(frame, "note"), 78, prefix = "  "))
  invisible(x)
}

#' @rdname open_store
#' @export
summary.migration_store <- function(object, ...) {
  check_dots(...)
  files <- c("manifest", "tables.fms", object$shards$files)
  paths <- file.path(object$path, files)
  rows <- c(NA, NA, object$shards$rows)
  stored <- numeric(length(object$shards$specs))
  for (path in paths[-(1:2)]) {
    info <- .Call(C_blocks_info, path)
    column <- as.integer(sub("[.].*", "", info$name))
    sums <- tapply(info$stored, factor(column, seq_along(stored)), sum)
    stored <- stored + ifelse(is.na(sums), 0, sums)
  }
  specs <- object$shards$specs
  structure(list(
    store = object,
    files = data.frame(file = files, rows = rows, bytes = file.size(paths)),
    columns = data.frame(
      name = vapply(specs, `[[`, "", "name"), type = vapply(specs, column_type, ""),
      bytes = as.numeric(stored)
    )
  ), class = "summary.migration_store")
}

#' @export
print.summary.migration_store <- function(x, ...) {
  print(x$store)
  cat("\nColumns of firms, bytes on disk:\n")
  columns <- x$columns
  columns$bytes <- vapply(columns$bytes, format_count, "")
  print(columns, row.names = FALSE)
  cat("\n", plural(nrow(x$files), "file"), ", ", format_count(sum(x$files$bytes)), " bytes\n", sep = "")
  invisible(x)
}

#' @rdname open_store
#' @export
as_migration_data.migration_store <- function(data, ...) {
  check_dots(...)
  check_store_unchanged(data)
  refuse_cells("The data", data$n, "Fit the store itself, or read some of its rows: store_data().")
  store_data(data, 1, data$n)
}

#' The format of a store
#'
#' @description
#' What [write_store()] writes, for those who want to read or check it with other tools.
#' Version 1.
#'
#' @details
#' A store is a folder of three kinds of files.
#'
#' **`manifest`** is text in the format of DESCRIPTION files (records of `Field: value`, separated by
#' empty lines; [read.dcf()] reads it). Names and levels are written with bytes other than
#' letters, digits and `._()$:-` as `%XX`; a missing level is `%`. Its records are
#' * the store: `Format` (`firmmove store`), `Version`, `Id` (checksum of the content), `Package`, `Kind`,
#'   `Rows` (of firms), `Firms`, `Occasions`, `Movers`, `No_origin`, `Closed`, `Firms_together` (`yes` or
#'   `no`), `Shard_rows`, `Encoding` (`raw` or `deflated`), `Key_firm`, `Key_place`, `Key_time`, `Key_from`, `Key_to`
#'   (names of the key columns; absent when there is none), `Available` (`all`, `function`, or `column`
#'   and its name), `Note`; in stores of long data (`Kind: choice`) also `Key_chosen`, `Key_id`, `Key_weights` and
#'   `Answer`, where rows are those of occasions and an occasion is never in two shards;
#' * each table other than the firms: `Table` (`places`, `times`, `network`, `tie:` and a name), `Rows`, `Default`;
#' * each column: `Column`, `Table`, `Kind` (`number`, `logical`, `text`, `factor`, `ordered`, `date`, `datetime`,
#'   `difftime`), `Storage` (the R type it is read as), `Empty` (`yes` when no value is there), `Detail` (time zone
#'   or unit), `Levels` (each followed by a comma), `Hash` (checksum of the values);
#' * each shard: `Shard` (file), `Rows`, `Mark` (its length, and the crc32 of the first 60 bytes);
#' * `Checksum`, the crc32 of all text before it.
#'
#' **`firms-000001.fms`, ...** are the shards: rows of firms, in order. The weights, if any, are the
#' last column, `(weights)`. **`tables.fms`** holds the other tables.
#'
#' Each `.fms` file is a container of blocks:
#' * 64 bytes of header: the letters `FIRMMOVE`; version (4 bytes); the number 0x01020304, by which a reader knows the
#'   order of bytes (4); length of the file (8); offset of the directory (8); number of blocks (4); crc32 of the
#'   directory (4); 20 zeros; crc32 of the 60 bytes before (4);
#' * the blocks, each at a multiple of 64 bytes, with zeros between them, so that a raw block can be used where it is
#'   mapped into memory;
#' * the directory at the end of the file, 128 bytes a block: name (63 bytes at most, then zeros to 64); type (4 bytes:
#'   0 bytes, 1 integers of 32 bits, 2 doubles, 3 unsigned integers of 64 bits); encoding (4: 0 raw, 1 deflated); number
#'   of elements (8); offset (8); stored bytes (8); crc32 of the stored bytes (4); 28 zeros.
#'
#' A deflated block is a zlib stream of the bytes shuffled: the first bytes of all elements, then the second, and so on.
#'
#' Column k of the firms is the block named `k`; in `tables.fms`, column k of the t-th table is `t.k`. A column is a
#' block of
#' integers where all its values in the file are whole and less than 2^31 in size, of doubles otherwise. The
#' missing value is -2^31 among integers and R's `NA` among doubles. Text is a block of integers
#' that number the strings of a dictionary from 1, `k.bytes` (the strings in UTF-8, one after the other) and `k.ends`
#' (where
#' each ends). Factors are integers that number the levels. Of a function for `available` the
#' block `available` has the words, as [deparse()] gives them.
#'
#' Readers must check, and this package does before it asks for memory: both checksums; that the length is that of the
#' file; that blocks lie in the file in rising order without overlap; that number, type and stored bytes of
#' a raw block agree, and that a deflated block grows by no more than zlib can (1032 times); that names are
#' printable ASCII and distinct; and of each block read, its checksum.
#'
#' The **`Id`** and the `Hash` of columns are checksums of 128 bits of a sequence of 64-bit words (two lanes in the
#' manner of MurmurHash3). The words of a number, integer or not, are the bits of its double (0 for -0; one word for
#' `NA` and one for `NaN`), those of a text its length and its bytes. The `Id` is that of the lines that describe keys,
#' columns, their checksums and the tables; it contains nothing of shards, compression, storage or source.
#'
#' @name store_format
#' @seealso [write_store()], [open_store()], [verify_store()]
#' @references
#' Deutsch, P. and Gailly, J.-L. (1996). ZLIB compressed data format specification version 3.3. RFC 1950.
#' \doi{10.17487/RFC1950}
#' @examples
#' path <- file.path(tempdir(), "lamps")
#' write_store(wenzhou_guzhen(), path)
#' list.files(path)
#' manifest <- read.dcf(file.path(path, "manifest"))
#' manifest[1, c("Version", "Rows", "Firms_together", "Key_time")]
#' readBin(file.path(path, "firms-000001.fms"), "raw", 16)
#' unlink(path, recursive = TRUE)
NULL

is_store <- function(x) {
  inherits(x, "migration_store")
}

# A file whose mark nobody has noted
no_mark <- NA_character_
