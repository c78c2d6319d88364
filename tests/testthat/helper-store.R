# Stores with known content, and ways to damage them.

store_of <- function(data = small_data(), ..., path = tempfile("store-")) {
  write_store(data, path, ...)
}

small_data <- function() migration_data(small_firms(), small_places(), small_ties())

# Firms with every kind of column, some values missing, the rows of a firm apart.
mixed_firms <- function(n = 40, years = 4) {
  set.seed(7)
  firms <- expand.grid(firm = paste0("f", seq_len(n)), year = 2000 + seq_len(years), stringsAsFactors = FALSE)
  rows <- nrow(firms)
  firms$from <- sample(towns, rows, TRUE)
  firms$to <- sample(c(towns, NA), rows, TRUE)
  firms$size <- sample(c(NA, 1:9), rows, TRUE)
  firms$sales <- rnorm(rows) * 10^sample(-300:300, rows, TRUE)
  firms$special <- rep_len(c(NA, NaN, Inf, -Inf, 0, 2^31, -2^31, 1.5), rows)
  firms$exporter <- sample(c(TRUE, FALSE, NA), rows, TRUE)
  firms$grade <- factor(sample(c("a", "b", NA), rows, TRUE), levels = c("b", "unused, %", "a"))
  firms$rank <- factor(sample(c("low", "high"), rows, TRUE), levels = c("low", "high"), ordered = TRUE)
  firms$founded <- as.Date("1990-01-01") + sample(c(NA, 1:900), rows, TRUE)
  firms$seen <- as.POSIXct("2001-02-03", tz = "Asia/Shanghai") + rnorm(rows)
  firms$wait <- as.difftime(sample(9, rows, TRUE), units = "days")
  firms$name <- sample(c("\u53e4\u9547", "", "a\nb", NA), rows, TRUE)
  firms$nothing <- rep(NA, rows)
  firms
}

file_bytes <- function(file) readBin(file, "raw", file.size(file))

# Replaces part of a file; the path of the store.
damage <- function(store, file, change) {
  path <- file.path(store$path, file)
  writeBin(change(file_bytes(path)), path)
  store$path
}

flip <- function(at, bit = as.raw(4)) {
  function(bytes) {
    bytes[at] <- xor(bytes[at], bit)
    bytes
  }
}

# Messages without the folders of this machine.
plain_paths <- function(lines) {
  lines <- gsub("`[^`]*(store-)[0-9a-f]+", "`<store>", lines)
  lines <- sub("folder( +).*", "folder\\1<store>", lines)
  lines <- sub("id( +)[0-9a-f]{32}", "id\\1<id>", lines)
  gsub("`[^`]*/(firms[.](csv|parquet))", "`\\1", lines)
}

# Runs R code as a user who may not do everything; its lines of output, or NULL where that cannot be.
run_as_nobody <- function(code) {
  script <- tempfile(fileext = ".R", tmpdir = "/tmp")
  on.exit(unlink(script))
  writeLines(code, script)
  Sys.chmod(script, "0644")
  r <- file.path(R.home("bin"), "Rscript")
  libraries <- paste(.libPaths(), collapse = ":")
  words <- c("--vanilla", script)
  command <- r
  if (Sys.info()[["user"]] == "root") {
    words <- c("--reuid=65534", "--regid=65534", "--clear-groups", r, words)
    command <- "setpriv"
  }
  out <- suppressWarnings(system2(command, words, stdout = TRUE, stderr = FALSE,
                                  env = c(paste0("R_LIBS=", libraries), "TMPDIR=/tmp")))
  if (is.null(attr(out, "status")) && length(out) > 0) out
}
