# Stores: folders of files in columns, written once and read in pieces.

#' Open a store
#'
#' @description
#' `open_store()` opens the folder that [write_store()] made: it reads the manifest and the
#' small tables (places, ties, network), and none of the firms. Where data are
#' asked for, a store may be given instead: [fit_migration()] then reads it slice by slice.
#' `verify_store()` reads every byte and checks every checksum.
#' `check_store_unchanged()` stops when the store on disk is no longer the one
#' that was opened.
#'
#' @param path Folder of the store.
#' @param store,x,object An open store, or for `verify_store()` also its path.
#' @param data An open store, to be read into memory as a [migration_data()].
#' @param ... Not used.
#'
#' @return `open_store()` returns an object of class `migration_store`, a list with
#' \describe{
#'   \item{`path`, `id`}{the folder, and the checksum of the content in hexadecimal: the
#'     same for the same data, however they were written.}
#'   \item{`n`}{rows of firms.}
#'   \item{`names`}{names of the key columns, as in [migration_data()].}
#'   \item{`columns`}{data frame `name`, `type`: the columns of firms.}
#'   \item{`together`}{whether the rows of each firm are together.}
#'   \item{`counts`}{list of `firms`, `occasions`, `movers`, `no_origin`, `closed`.}
#'   \item{`frame`}{places, times, ties, network and `available`, as in a migration_data.}
#'   \item{`shards`}{files, their rows and the columns, for [store_rows()].}
#' }
#' `summary()` returns a list with `files` (data frame `file`, `rows`, `bytes`), `columns`
#' (`name`, `type`, `bytes`) and prints. `verify_store()` returns, invisibly, a data frame `file`,
#' `blocks`, `bytes`; `check_store_unchanged()` returns `store`, invisibly.
#' `as_migration_data()` reads the whole store into memory.
#'
#' @section Errors:
#' No folder, a folder that is not a store, a manifest or a file that is missing, empty,
#' cut, damaged, foreign, of another store or written by a later version: each names the
#' file, in damaged files the block, and what to do. Classes: `firmmove_error_no_store`,
#' `firmmove_error_corrupt`, `firmmove_error_io`, `firmmove_error_store_changed`.
#'
#' @seealso [write_store()], [store_rows()], [store_format].
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
open_store <- function(path) {
  if (!is.character(path) || length(path) != 1 || is.na(path)) {
    abort("`path` must be the path of a folder, one string.", class = "type")
  }
  path <- sub("(.)/+$", "\\1", path.expand(path))
  manifest <- read_manifest(path)
  whole <- as.list(manifest$whole)
  specs <- specs_from_records(manifest$columns, "firms")
  shards <- list(folder = path, files = manifest$shards$Shard,
                 rows = as.numeric(manifest$shards$Rows), specs = specs)
  check_shard_files(shards, manifest)
  keys <- whole[grep("^Key_", names(whole))]
  names <- lapply(stats::setNames(keys, sub("^Key_", "", names(keys))), unescape_text)
  names <- stats::setNames(names[c("firm", "place", "time", "from", "to")],
                           c("firm", "place", "time", "from", "to"))
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
  store$frame <- read_frame(manifest, path, names, whole)
  structure(store, class = "migration_store")
}

#' Stop when a file the manifest lists is missing or is not the one that was written
#' @noRd
check_shard_files <- function(shards, manifest) {
  remedy <- "Copy the store again from where it is whole, or write it again."
  file <- file.path(shards$folder, c("tables.fms", shards$files))
  absent <- file[!file.exists(file)]
  if (length(absent)) {
    abort("The store lacks ", plural(length(absent), "file"), ": ", quote_names(absent), ". ",
          remedy, class = "corrupt")
  }
  if (sum(shards$rows) != as.numeric(manifest$whole[["Rows"]])) {
    abort("`", file.path(shards$folder, "manifest"), "` does not agree with itself on the rows. ",
          remedy, class = "corrupt")
  }
  for (k in seq_along(shards$files)) {
    if (!identical(file_mark(file[k + 1]), manifest$shards$Mark[k])) {
      # if the file itself is damaged, that is the better message
      .Call(C_blocks_info, file[k + 1])
      abort("`", file[k + 1], "` is not the file that was written with the manifest: it belongs to ",
            "another store, or was exchanged. ", remedy, class = "corrupt")
    }
  }
}

#' Places, times, ties, network and availability of a store, as in a migration_data
#' @noRd
read_frame <- function(manifest, path, names, whole) {
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
  frame["available"] <- list(read_available(whole$Available, path, frame))
  if (!is.null(whole$Note)) attr(frame, "note") <- unescape_text(whole$Note)
  frame
}

#' `frame` with the firms its tie tables speak of
#' @noRd
with_tie_firms <- function(frame, ties) {
  firm <- frame$names$firm
  ids <- lapply(ties, function(tie) if (firm %in% names(tie)) code_ids(tie[[firm]])$levels)
  frame$firm <- unique(as.character(unlist(ids, use.names = FALSE)))
  frame
}

#' The small tables of a store, by name
#' @noRd
read_tables <- function(manifest, path) {
  file <- file.path(path, "tables.fms")
  records <- manifest$tables
  names <- unescape_text(records$Table)
  tables <- lapply(seq_along(names), function(k) {
    specs <- specs_from_records(manifest$columns, names[k])
    n <- as.numeric(records$Rows[k])
    values <- read_block_columns(file, paste0(k, ".", seq_along(specs)), specs, 0, n, n)
    table <- quick_frame(values, vapply(specs, `[[`, "", "name"), n)
    if (!is.null(records$Default) && !is.na(records$Default[k])) {
      attr(table, "default") <- as.numeric(records$Default[k])
    }
    table
  })
  stats::setNames(tables, names)
}

#' @noRd
read_available <- function(field, path, frame) {
  if (field == "all") return(NULL)
  if (field != "function") {
    return(find_available(unescape_text(sub("^column ", "", field)), frame$ties))
  }
  bytes <- .Call(C_shard_read, file.path(path, "tables.fms"), "available", 4L, 0L, c(0, 0, 0))
  list(fun = unserialize(bytes[[1]]))
}

#' Stop unless `store` is an open store
#' @noRd
check_store <- function(store) {
  if (!inherits(store, "migration_store")) {
    abort("`store` must be a store opened by open_store(), not ", describe_type(store), ".",
          class = "type")
  }
}

#' @rdname open_store
#' @export
verify_store <- function(store) {
  if (!inherits(store, "migration_store")) store <- open_store(store)
  check_store_unchanged(store)
  files <- c("tables.fms", store$shards$files)
  paths <- file.path(store$path, files)
  blocks <- vapply(paths, function(path) {
    .Call(C_blocks_verify, path)
    length(.Call(C_blocks_info, path)$name)
  }, 0L)
  check_shard_files(store$shards, read_manifest(store$path))
  invisible(data.frame(file = files, blocks = unname(blocks), bytes = file.size(paths)))
}

#' @rdname open_store
#' @export
check_store_unchanged <- function(store) {
  check_store(store)
  file <- file.path(store$path, "manifest")
  bytes <- tryCatch(suppressWarnings(readBin(file, "raw", file.size(file))),
                    error = function(e) raw())
  if (!identical(manifest_mark(bytes), store$mark)) {
    abort("The store `", store$path, "` has changed since it was opened: its file `manifest` is ",
          "another or gone. Open it again with open_store().", class = "store_changed")
  }
  invisible(store)
}

#' @rdname open_store
#' @export
print.migration_store <- function(x, ...) {
  frame <- x$frame
  cat("<migration_store> ", plural(x$counts$firms, "firm"), ", ", plural(length(frame$place), "place"),
      if (!is.null(frame$time)) paste0(", ", time_range(frame$time)), "\n", sep = "")
  keys <- unlist(x$names[c("firm", "time", "from", "to")])
  frame$firms <- quick_frame(vector("list", nrow(x$columns)), x$columns$name, 0L)
  tables <- describe_tables(frame)
  weighted <- weights_column %in% store_column_names(x)
  print_lines(c(
    move_lines(x$counts), tables[names(tables) != "weights"], weights = if (weighted) "a weight per row",
    rows = paste0(format_count(x$n), " in ", plural(length(x$shards$files), "shard"), ", ", x$encoding,
                  if (!x$together) "; rows of a firm are not together"),
    folder = x$path, id = x$id
  ))
  if (is.character(attr(frame, "note"))) writeLines(strwrap(attr(frame, "note"), 78, prefix = "  "))
  invisible(x)
}

#' @rdname open_store
#' @export
summary.migration_store <- function(object, ...) {
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
    columns = data.frame(name = vapply(specs, `[[`, "", "name"), type = vapply(specs, column_type, ""),
                         bytes = as.numeric(stored))
  ), class = "summary.migration_store")
}

#' @export
#' @noRd
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
  store_data(data, 1, data$n)
}
