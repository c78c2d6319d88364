# The manifest of a store: what its files are, as text in the format of DESCRIPTION
# files (Debian control format). One record for the whole, one for each table other
# than `firms`, each column and each shard, and at the end the crc32 of all before.

store_format_name <- "firmmove store"
store_format_version <- 1L

# Text without blanks, commas or line ends: other bytes are written as %XX, NA as %
escape_text <- function(x) {
  x <- enc2utf8(as.character(x))
  odd <- !is.na(x) & grepl("[^A-Za-z0-9._()$:-]", x)
  x[odd] <- vapply(x[odd], function(one) {
    bytes <- charToRaw(one)
    plain <- grepl("^[A-Za-z0-9._()$:-]$", rawToChar(bytes, multiple = TRUE), useBytes = TRUE)
    text <- ifelse(plain, rawToChar(bytes, multiple = TRUE), paste0("%", toupper(format(bytes))))
    paste(text, collapse = "")
  }, "", USE.NAMES = FALSE)
  x[is.na(x)] <- "%"
  x
}

# The inverse of escape_text()
unescape_text <- function(x) {
  odd <- !is.na(x) & grepl("%..", x)
  x[odd] <- vapply(x[odd], utils::URLdecode, "", USE.NAMES = FALSE)
  x[!is.na(x) & x == "%"] <- NA
  Encoding(x) <- "UTF-8"
  x
}

# Write the manifest of a store
#
# `info` is a list: `whole` (named character), `tables`, `columns` and `shards`
# (data frames of text, whose columns are the fields).
write_manifest <- function(info, path) {
  records <- c(
    list(info$whole), record_rows(info$tables), record_rows(info$columns),
    record_rows(info$shards)
  )
  text <- vapply(records, function(record) {
    record <- record[!is.na(record) & nzchar(record)]
    paste0(names(record), ": ", record, "\n", collapse = "")
  }, "")
  body <- charToRaw(paste0(paste(text, collapse = "\n"), "\n"))
  end <- charToRaw(paste0("Checksum: ", .Call(C_crc, body), "\n"))
  .Call(C_file_write, file.path(path, "manifest"), c(body, end))
  invisible(manifest_mark(c(body, end)))
}

# The rows of a table of text as named vectors
record_rows <- function(table) {
  lapply(seq_len(NROW(table)), function(i) unlist(table[i, , drop = FALSE]))
}

# What tells one manifest from another
manifest_mark <- function(bytes) paste0(length(bytes), "-", .Call(C_crc, bytes))

# The fields of a manifest; others are of a later firmmove, and are left aside
manifest_fields <- c(
  "Format", "Version", "Id", "Package", "Kind", "Rows", "Firms", "Occasions", "Movers", "No_origin", "Closed",
  "Firms_together", "Shard_rows", "Encoding", "Available", "Answer", "Note", "Table", "Default", "Column",
  "Storage", "Empty", "Detail", "Levels", "Hash", "Shard", "Mark", "Checksum",
  paste0("Key_", c("firm", "place", "time", "from", "to", "chosen", "id", "weights"))
)

# Read and check the manifest of a store: list(whole, tables, columns, shards, mark)
read_manifest <- function(path) {
  file <- file.path(path, "manifest")
  bytes <- manifest_bytes(path, file)
  text <- strsplit(rawToChar(bytes[bytes != 0]), "\n", fixed = TRUE)[[1]]
  check_manifest_origin(text, file)
  check_manifest_whole(bytes, file)
  records <- manifest_records(text, file)
  part <- function(field) {
    rows <- records[!is.na(records[[field]]), , drop = FALSE]
    rownames(rows) <- NULL
    rows
  }
  whole <- unlist(part("Format")[1, ])
  columns <- part("Column")
  tables <- part("Table")
  manifest <- list(
    whole = whole[!is.na(whole)], columns = columns,
    tables = tables[is.na(tables$Column), , drop = FALSE],
    shards = part("Shard"), mark = manifest_mark(bytes)
  )
  check_manifest_values(manifest, file)
  manifest
}

# The records of a manifest as rows of text, a column for each field that some record has
manifest_records <- function(text, file) {
  blank <- !nzchar(text)
  record <- (cumsum(blank) + 1L)[!blank]
  line <- text[!blank]
  at <- regexpr(": ", line, fixed = TRUE, useBytes = TRUE)
  field <- substr(line, 1L, at - 1L)
  known <- match(field, manifest_fields)
  if (any(at < 1L) || anyDuplicated(data.frame(record, known)[!is.na(known), ]) > 0L) {
    stop_manifest(file, "a line is no field, or a field is there twice")
  }
  columns <- lapply(stats::setNames(nm = c(unique(manifest_fields[stats::na.omit(known)]), "Table", "Column", "Shard")), function(name) {
    rows <- which(field == name)
    value <- rep(NA_character_, max(record))
    value[record[rows]] <- substring(line[rows], at[rows] + 2L)
    value
  })
  columns <- columns[!duplicated(names(columns))]
  quick_frame(columns, names(columns), max(record))
}

stop_manifest <- function(file, what) {
  abort("`", file, "` is damaged: ", what, ". Copy the store again from where it is whole, or write it again.",
    class = "corrupt"
  )
}

# Stop when a field of a manifest is not what a writer writes: its checksum tells damage and not design
check_manifest_values <- function(manifest, file) {
  whole <- as.list(manifest$whole)
  fine <- function(value, pattern) !is.null(value) && !anyNA(value) && all(grepl(pattern, value))
  number <- "^[0-9]{1,15}$"
  known <- list(
    Version = "^1$", Id = "^[0-9a-f]{32}$", Kind = "^(migration|choice)$", Firms_together = "^(yes|no)$",
    Encoding = "^(raw|deflated)$", Available = "^(all|function|column .+)$",
    Rows = number, Firms = number, Occasions = number, Movers = number, No_origin = number, Closed = number, Shard_rows = number
  )
  keys <- if (identical(whole$Kind, "choice")) c("chosen", "id", "place") else c("firm", "place", "to")
  known[paste0("Key_", keys)] <- "."
  wrong <- names(known)[!mapply(function(name, pattern) fine(whole[[name]], pattern), names(known), known)]
  if (length(wrong) > 0L) {
    stop_manifest(file, paste0("field `", wrong[1L], "` is ", whole[[wrong[1L]]] %||% "not there"))
  }
  columns <- manifest$columns
  kinds <- "^(number|logical|text|factor|ordered|date|datetime|difftime)$"
  rows <- c(manifest$tables$Rows, manifest$shards$Rows)
  if (!fine(columns$Kind, kinds) || !fine(columns$Storage, "^(logical|integer|double|character)$") ||
    !fine(columns$Hash, "^[0-9a-f]{32}$") || !fine(c("0", rows), number)) {
    stop_manifest(file, "a column or its rows are described as none can be")
  }
  if (nrow(manifest$shards) > 0L && !fine(manifest$shards$Shard, "^firms-[0-9]{6,}[.]fms$")) {
    stop_manifest(file, "it names a shard that is not a file `firms-<number>.fms` of the store")
  }
  check_manifest_keys(manifest, file)
}

# The key columns are columns of their tables
check_manifest_keys <- function(manifest, file) {
  names <- unlist(key_names(as.list(manifest$whole)))
  firms <- unescape_text(manifest$columns$Column[manifest$columns$Table == "firms"])
  lost <- setdiff(names[setdiff(names(names), if ("chosen" %in% names(names)) character() else "place")], firms)
  if (length(lost) > 0L && manifest$whole[["Kind"]] == "migration") {
    stop_manifest(file, paste0("the key `", lost[1L], "` is no column"))
  }
}

# The bytes of the manifest; errors where there is none
manifest_bytes <- function(path, file) {
  if (!dir.exists(path)) {
    abort("There is no store at `", path, "`: ",
      if (file.exists(path)) {
        "it is a file, and a store is a folder"
      } else {
        "no such folder"
      }, ". Check the path, or write one with write_store().",
      class = "no_store"
    )
  }
  if (!file.exists(file)) {
    abort("`", path, "` is not a store: it has no file `manifest`. Check the path, or write ",
      "the store again if writing it was broken off.",
      class = "no_store"
    )
  }
  .Call(C_file_read, file)
}

# Stop when a manifest is empty, foreign or of a future version
check_manifest_origin <- function(text, file) {
  remedy <- "Copy the store again from where it is whole, or write it again."
  if (length(text) == 0) abort("`", file, "` is empty. ", remedy, class = "corrupt")
  if (!identical(text[1], paste("Format:", store_format_name))) {
    abort("`", file, "` is not the manifest of a store, or its beginning is damaged: it does not begin ",
      "with \"Format: ", store_format_name, "\". Check the path. ", remedy,
      class = "corrupt"
    )
  }
  version <- suppressWarnings(as.numeric(sub("^Version: *", "", c(text[-1], "")[1])))
  if (is.na(version)) {
    abort("`", file, "` is damaged: it has no version. ", remedy, class = "corrupt")
  }
  if (version > store_format_version) {
    abort("`", file, "` has version ", version, " of the format; this firmmove reads version ",
      store_format_version, ". Update firmmove, or write the store again with this one.",
      class = "corrupt"
    )
  }
}

# Stop when the checksum at the end of a manifest is not that of what is before
check_manifest_whole <- function(bytes, file) {
  size <- nchar("Checksum: 00000000\n")
  n <- length(bytes)
  body <- bytes[seq_len(max(0, n - size))]
  wanted <- charToRaw(paste0("Checksum: ", .Call(C_crc, body), "\n"))
  if (n <= size || !identical(bytes[(n - size + 1):n], wanted)) {
    abort("`", file, "` is damaged or was cut: it does not match its checksum. Copy the store ",
      "again from where it is whole, or write it again.",
      class = "corrupt"
    )
  }
}

# Specs and checksums of columns as records of a manifest
column_records <- function(table, specs, hashes) {
  data.frame(
    Column = escape_text(vapply(specs, `[[`, "", "name")),
    Table = rep(escape_text(table), length(specs)),
    Kind = vapply(specs, `[[`, "", "kind"), Storage = vapply(specs, `[[`, "", "storage"),
    Empty = ifelse(vapply(specs, `[[`, NA, "empty"), "yes", NA),
    Detail = vapply(specs, function(spec) escape_text(spec$detail), ""),
    Levels = vapply(specs, function(spec) {
      if (is.null(spec$levels)) {
        NA_character_
      } else {
        paste0(escape_text(spec$levels), ",", collapse = "", recycle0 = TRUE)
      }
    }, ""),
    Hash = vapply(hashes, hash_text, "")
  )
}

# The inverse: specs of the columns of one table
specs_from_records <- function(columns, table) {
  rows <- columns[unescape_text(columns$Table) == table, , drop = FALSE]
  field <- function(i, name) {
    value <- rows[[name]][i]
    if (is.null(value) || is.na(value)) "" else value
  }
  lapply(seq_len(nrow(rows)), function(i) {
    kind <- field(i, "Kind")
    levels <- if (kind %in% c("factor", "ordered")) {
      unescape_text(strsplit(field(i, "Levels"), ",", fixed = TRUE)[[1]])
    }
    list(
      name = unescape_text(rows$Column[i]), kind = kind, storage = field(i, "Storage"),
      detail = unescape_text(field(i, "Detail")), levels = levels,
      empty = field(i, "Empty") == "yes"
    )
  })
}
