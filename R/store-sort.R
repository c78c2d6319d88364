# Rows of a firm together, with bounded memory. Rows are dealt into buckets by a
# checksum of the firm; each bucket is sorted by the first row of its firms; the
# buckets are merged. The result is the stable order by first appearance, the same as
# in memory. Columns added on the way: the number of the row, and the first of its firm.

# The shards of a writer, or sorted ones: list(writer, shards, together, firms)
#
# Sorts only when the rows of some firm are apart and there are more than
# store_sort_rows rows.
arrange_rows <- function(writer, target, frame, chunk_rows) {
  shards <- shards_of(writer)
  shards$specs <- writer$specs
  j <- match(frame$names$firm, vapply(writer$specs, `[[`, "", "name"))
  chunk_rows <- max(chunk_rows, 1024)
  runs <- count_firm_runs(shards, j, chunk_rows, target)
  together <- runs$runs == runs$firms
  if (!together && sum(writer$rows) > store_sort_rows) {
    writer <- sort_shards(shards, j, target, chunk_rows)
    together <- TRUE
  }
  list(writer = writer, shards = shards_of(writer), together = together, firms = runs$firms)
}

# Number of buckets, so that one has about `chunk_rows` rows; at most 256 files are written at once
bucket_count <- function(n, chunk_rows) as.integer(min(256, max(1, ceiling(n / chunk_rows))))

# Number of runs of equal firms, and of firms: a firm that comes again begins another run
#
# Firms are compared by checksums of 106 bits.
count_firm_runs <- function(shards, j, chunk_rows, target) {
  n <- sum(shards$rows)
  buckets <- bucket_count(n, chunk_rows)
  files <- file.path(target$part, sprintf("runs-%03d", seq_len(buckets)))
  on.exit(unlink(files, expand = FALSE))
  before <- NULL
  runs <- dealt <- 0
  kept <- NULL
  for (first in seq(1, n, by = chunk_rows)) {
    firm <- read_rows(shards, first, min(first + chunk_rows - 1, n), j)[[1]]
    start <- .Call(C_run_starts, plain_key(firm))
    start <- start[-length(start)] + 1
    if (identical(plain_key(firm[1]), before)) start <- start[-1]
    before <- plain_key(firm[length(firm)])
    runs <- runs + length(start)
    kept <- .Call(C_hash_each, plain_key(firm[start]))
    dealt <- dealt + nrow(kept)
    if (buckets > 1) deal_runs(kept, files)
  }
  if (buckets == 1) {
    return(list(runs = runs, firms = count_distinct(kept)))
  }
  kept <- lapply(files[file.exists(files)], read_runs)
  if (sum(vapply(kept, nrow, 1L)) != dealt) {
    abort("A file of `", target$part, "` was changed while the store was written. Write it again.", class = "io")
  }
  list(runs = runs, firms = sum(vapply(kept, count_distinct, 0)))
}

# A column of ids without its class
plain_key <- function(x) as.vector(unclass(x))

# Append rows of checksums to the files of their buckets
deal_runs <- function(hash, files) {
  bucket <- hash[, 1] %% length(files) + 1
  for (part in split(seq_len(nrow(hash)), bucket)) {
    .Call(C_file_append, files[bucket[part[1]]], as.vector(t(hash[part, , drop = FALSE])))
  }
}

read_runs <- function(file) {
  matrix(readBin(file, "double", file.size(file) / 8), ncol = 2, byrow = TRUE)
}

# Number of distinct rows of checksums
count_distinct <- function(hash) {
  if (nrow(hash) == 0) {
    return(0)
  }
  hash <- hash[order(hash[, 1], hash[, 2], method = "radix"), , drop = FALSE]
  same <- hash[-1, , drop = FALSE] == hash[-nrow(hash), , drop = FALSE]
  nrow(hash) - sum(same[, 1] & same[, 2])
}

# Sort the rows of shards by firm; the old shards are removed
sort_shards <- function(shards, j, target, chunk_rows) {
  buckets <- bucket_count(sum(shards$rows), chunk_rows)
  pieces <- deal_rows(shards, j, target, chunk_rows, buckets)
  unlink(file.path(shards$folder, shards$files), expand = FALSE)
  sorted <- lapply(pieces, sort_bucket, j = j, target = target, chunk_rows = chunk_rows)
  merge_buckets(sorted, shards$specs, target, chunk_rows)
}

row_spec <- list(
  name = "(row)", kind = "number", storage = "double", detail = "", levels = NULL,
  empty = FALSE
)

# Deal rows into buckets: for each bucket its pieces as shards, with the number of the row
deal_rows <- function(shards, j, target, chunk_rows, buckets) {
  n <- sum(shards$rows)
  specs <- c(shards$specs, list(row_spec))
  raw_target <- list(compress = FALSE, shard_rows = Inf)
  writers <- lapply(seq_len(buckets), function(b) {
    shard_writer(target$part, sprintf("bucket-%03d", b), raw_target, total = FALSE)
  })
  flush_at <- 4 * chunk_rows
  held <- 0
  for (first in seq(1, n, by = chunk_rows)) {
    last <- min(first + chunk_rows - 1, n)
    columns <- c(read_rows(shards, first, last), list(as.numeric(first:last)))
    bucket <- .Call(C_hash_each, plain_key(columns[[j]]))[, 1] %% buckets + 1
    rows <- split(seq_along(bucket), factor(bucket, seq_len(buckets)))
    for (b in which(lengths(rows) > 0)) add_rows(writers[[b]], lapply(columns, `[`, rows[[b]]), specs)
    held <- held + last - first + 1
    if (held >= flush_at || last == n) {
      lapply(writers, close_shards)
      held <- 0
    }
  }
  Filter(function(x) length(x$files) > 0, lapply(writers, function(writer) {
    piece <- shards_of(writer)
    piece$specs <- specs
    piece
  }))
}

# Sort one bucket by the first row of each firm; the pieces are removed
sort_bucket <- function(pieces, j, target, chunk_rows) {
  columns <- read_rows(pieces, 1, sum(pieces$rows))
  unlink(file.path(pieces$folder, pieces$files), expand = FALSE)
  code <- code_ids(columns[[j]])$code
  order <- order(code, method = "radix")
  row <- columns[[length(columns)]]
  first <- row[match(seq_len(max(code)), code)][code]
  columns[[length(columns)]] <- first
  writer <- shard_writer(target$part, sub("-[0-9]+[.]fms$", "-sorted", pieces$files[1]),
    list(compress = FALSE, shard_rows = chunk_rows),
    total = FALSE
  )
  add_rows(writer, lapply(columns, `[`, order), pieces$specs)
  close_shards(writer)
  list(folder = writer$folder, files = writer$files, rows = writer$rows, specs = pieces$specs)
}

# Merge sorted buckets into the shards of the store
merge_buckets <- function(buckets, specs, target, chunk_rows) {
  writer <- shard_writer(target$part, "sorted", target)
  width <- max(1024, ceiling(2 * chunk_rows / length(buckets)))
  cursors <- lapply(buckets, function(bucket) {
    list2env(list(shards = bucket, at = 0, n = sum(bucket$rows), columns = NULL, held = 0))
  })
  while (length(cursors)) {
    for (cursor in cursors) if (cursor$held < width / 2) fill_cursor(cursor, width)
    bound <- merge_bound(cursors, width)
    taken <- Filter(Negate(is.null), lapply(cursors, take_below, bound))
    columns <- join_columns(taken)
    order <- order(columns[[length(columns)]], method = "radix")
    add_rows(writer, lapply(columns[-length(columns)], `[`, order), specs)
    cursors <- Filter(function(cursor) cursor$held > 0 || cursor$at < cursor$n, cursors)
  }
  close_shards(writer)
  writer$specs <- specs
  unlink(unlist(lapply(buckets, function(bucket) file.path(bucket$folder, bucket$files))), expand = FALSE)
  rename_shards(writer)
}

# Read on in a bucket, up to `width` rows held
fill_cursor <- function(cursor, width) {
  last <- min(cursor$at + width, cursor$n)
  if (last <= cursor$at) {
    return(invisible())
  }
  new <- read_rows(cursor$shards, cursor$at + 1, last)
  cursor$columns <- if (cursor$held == 0) new else join_columns(list(cursor$columns, new))
  cursor$held <- cursor$held + last - cursor$at
  cursor$at <- last
}

# Firms that begin before this row are complete in the rows held
merge_bound <- function(cursors, width) {
  repeat {
    open <- Filter(function(cursor) cursor$at < cursor$n, cursors)
    if (length(open) == 0) {
      return(Inf)
    }
    last <- vapply(open, function(cursor) cursor$columns[[length(cursor$columns)]][cursor$held], 0)
    lowest <- open[[which.min(last)]]
    if (lowest$columns[[length(lowest$columns)]][1] < min(last)) {
      return(min(last))
    }
    # some other bucket may have rows to give
    firsts <- vapply(cursors, function(cursor) {
      if (cursor$held > 0) cursor$columns[[length(cursor$columns)]][1] else Inf
    }, 0)
    if (min(firsts) < min(last)) {
      return(min(last))
    }
    # one firm fills what is held of its bucket
    fill_cursor(lowest, 4 * width)
  }
}

# Take the rows whose firms begin before `bound` from a bucket; NULL if there are none
take_below <- function(cursor, bound) {
  if (cursor$held == 0) {
    return(NULL)
  }
  first <- cursor$columns[[length(cursor$columns)]]
  n <- if (is.finite(bound)) findInterval(bound, first, left.open = TRUE) else cursor$held
  if (n == 0) {
    return(NULL)
  }
  taken <- lapply(cursor$columns, `[`, seq_len(n))
  cursor$columns <- lapply(cursor$columns, function(x) x[-seq_len(n)])
  cursor$held <- cursor$held - n
  taken
}

# Give sorted shards the names of shards
rename_shards <- function(writer) {
  files <- sub("^sorted-", "firms-", writer$files)
  for (k in seq_along(files)) {
    move_folder(file.path(writer$folder, writer$files[k]), file.path(writer$folder, files[k]))
  }
  writer$files <- files
  writer
}
