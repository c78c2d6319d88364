# The same rows, from wherever they come, are the same store:  make test-sources
#
# Starts a PostgreSQL server of its own (temporary folder, unix socket, no network), fills a table, and writes a store
# from a data frame, CSV as R and as PostgreSQL write it, CSV.gz, Parquet, SQLite and PostgreSQL. All must have the
# same id, with rows in order and with rows that have to be sorted. Records the counts in build/results/sources. What is
# not installed is skipped, and said.
library(firmmove)

# ---- the server -------------------------------------------------------------------------------------------------

server_programs <- function() {
  folders <- c(Sys.glob("/usr/lib/postgresql/*/bin"), dirname(Sys.which("initdb")))
  folders <- folders[nzchar(folders) & file.exists(file.path(folders, "initdb"))]
  if (length(folders)) utils::tail(folders, 1)
}

# PostgreSQL refuses to run as root; Debian's packages make a user for it.
as_server <- function(command, ...) {
  root <- system2("id", "-u", stdout = TRUE) == "0"
  words <- c(if (root) c("-u", "postgres", "--", command), ...)
  output <- suppressWarnings(system2(if (root) "runuser" else command, words, stdout = TRUE, stderr = TRUE))
  if (!is.null(attr(output, "status"))) stop(paste(c(command, output), collapse = "\n"), call. = FALSE)
  output
}

start_server <- function(programs) {
  folder <- tempfile("postgres-", "/tmp")
  dir.create(folder, mode = "0777")
  Sys.chmod(folder, "0777", use_umask = FALSE)
  data <- file.path(folder, "data")
  as_server(file.path(programs, "initdb"), "-D", data, "-U", "firmmove", "-A", "trust", "-E", "UTF8", "--no-sync")
  options <- shQuote(paste0("-k ", folder, " -c listen_addresses= -c fsync=off"))
  as_server(file.path(programs, "pg_ctl"), "-D", data, "-w", "-l", file.path(folder, "log"), "-o", options, "start",
            ">/dev/null")
  list(folder = folder, data = data, programs = programs)
}

stop_server <- function(server) {
  try(as_server(file.path(server$programs, "pg_ctl"), "-D", server$data, "-m", "immediate", "stop"))
  unlink(server$folder, recursive = TRUE)
}

# ---- the data ---------------------------------------------------------------------------------------------------

towns <- c("Wenzhou", "Guzhen", "Yiwu", "\u53e4\u9547", "a \"town\", with\nall")

# sorted = FALSE: by year, so that the rows of a firm are apart
rows <- function(n_firms, years, sorted) {
  set.seed(1)
  firms <- expand.grid(year = 2000 + seq_len(years), firm = seq_len(n_firms))[2:1]
  n <- nrow(firms)
  firms$firm <- sprintf("F%06d", sample(n_firms)[firms$firm])
  firms$from <- sample(towns, n, TRUE)
  firms$to <- sample(c(towns, NA), n, TRUE)
  firms$size <- sample(c(NA, 1:500), n, TRUE)
  firms$capital <- exp(rnorm(n)) * 10^sample(-8:8, n, TRUE)
  firms$capital[sample(n, n / 20)] <- NA
  firms$count <- round(runif(n) * 1e12)
  firms$exporter <- sample(c(TRUE, FALSE, NA), n, TRUE)
  firms$founded <- as.Date("1970-01-01") + sample(-3000:15000, n, TRUE)
  firms$remark <- sample(c("fine", "", "NA?", "50%", "it's", NA), n, TRUE)
  firms$empty <- rep(NA, n)
  if (!sorted) firms <- firms[order(firms$year), ]
  rownames(firms) <- NULL
  firms
}

exact_csv <- function(firms, file) {
  connection <- if (grepl("gz$", file)) gzfile(file, "w", encoding = "UTF-8") else file(file, "w", encoding = "UTF-8")
  on.exit(close(connection))
  text <- which(vapply(firms, is.character, NA))
  for (name in c("capital", "count")) {
    firms[[name]] <- ifelse(is.na(firms[[name]]), NA, sprintf("%.17g", firms[[name]]))
  }
  write.csv(firms, connection, row.names = FALSE, quote = text, fileEncoding = "UTF-8")
}

# ---- the stores -------------------------------------------------------------------------------------------------

rest <- list(places = data.frame(place = towns, rent = seq_along(towns)), time = "year")
types <- c(exporter = "logical", founded = "date")
store_id <- function(data, ...) {
  path <- tempfile("store-")
  on.exit(unlink(path, recursive = TRUE))
  do.call(write_store, c(list(data, path, ...), rest))$id
}

file_ids <- function(firms, chunk) {
  csv <- tempfile(fileext = ".csv")
  gz <- tempfile(fileext = ".csv.gz")
  on.exit(unlink(c(csv, gz)))
  exact_csv(firms, csv)
  exact_csv(firms, gz)
  c("CSV" = store_id(csv, chunk_rows = chunk, types = types),
    "CSV.gz" = store_id(gz, chunk_rows = chunk, types = types, shard_rows = 1e4, compress = TRUE))
}

parquet_id <- function(firms, chunk) {
  half <- seq_len(nrow(firms)) <= nrow(firms) / 2
  files <- tempfile(c("a", "b"), fileext = ".parquet")
  on.exit(unlink(files))
  nanoparquet::write_parquet(firms[half, ], files[1])
  nanoparquet::write_parquet(firms[!half, ], files[2])
  store_id(files, chunk_rows = chunk)
}

sqlite_id <- function(firms, chunk) {
  connection <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
  on.exit(DBI::dbDisconnect(connection))
  DBI::dbWriteTable(connection, "firms", firms)
  store_id(connection, "SELECT * FROM firms ORDER BY rowid", chunk_rows = chunk, types = types)
}

postgres_ids <- function(firms, chunk, server) {
  connection <- DBI::dbConnect(RPostgreSQL::PostgreSQL(), host = server$folder, user = "firmmove", dbname = "postgres")
  on.exit(DBI::dbDisconnect(connection))
  csv <- file.path(server$folder, "firms.csv")
  exact_csv(cbind(row = seq_len(nrow(firms)), firms), csv)
  Sys.chmod(csv, "0644")
  if (DBI::dbExistsTable(connection, "firms")) DBI::dbRemoveTable(connection, "firms")
  DBI::dbGetQuery(connection, paste(
    "CREATE TABLE firms (row integer, firm text, year integer, \"from\" text, \"to\" text, size integer,",
    "capital double precision, count bigint, exporter boolean, founded date, remark text, empty text)"
  ))
  DBI::dbGetQuery(connection, paste0("COPY firms FROM '", csv, "' (FORMAT csv, HEADER true, NULL 'NA')"))
  columns <- paste0("\"", names(firms), "\"", collapse = ", ")
  query <- paste("SELECT", columns, "FROM firms ORDER BY row")
  out <- file.path(server$folder, "out.csv")
  DBI::dbGetQuery(connection, paste0("COPY (", query, ") TO '", out, "' (FORMAT csv, HEADER true)"))
  on.exit(unlink(c(csv, out)), add = TRUE)
  c("PostgreSQL" = store_id(connection, query, chunk_rows = chunk, types = c(count = "number")),
    "CSV of PostgreSQL" = store_id(out, chunk_rows = chunk, types = types))
}

has <- function(...) all(vapply(c(...), requireNamespace, NA, quietly = TRUE))

all_ids <- function(firms, chunk, server) {
  c("data frame" = store_id(firms), file_ids(firms, chunk),
    if (has("nanoparquet")) c("Parquet" = parquet_id(firms, chunk)),
    if (has("DBI", "RSQLite")) c("SQLite" = sqlite_id(firms, chunk)),
    if (!is.null(server)) postgres_ids(firms, chunk, server))
}

main <- function() {
  programs <- server_programs()
  usable <- !is.null(programs) && has("DBI", "RPostgreSQL")
  if (!usable) {
    message("PostgreSQL is skipped: it needs the server and the R package RPostgreSQL ",
            "(Debian: apt-get install postgresql r-cran-rpostgresql).")
  }
  server <- if (usable) start_server(programs)
  if (usable) on.exit(stop_server(server))
  cases <- list("in order" = rows(1500, 8, TRUE), "to be sorted" = rows(30000, 9, FALSE))
  failed <- 0
  passed <- 0
  for (case in names(cases)) {
    ids <- all_ids(cases[[case]], ceiling(nrow(cases[[case]]) / 12), server)
    right <- ids == ids[["data frame"]]
    cat(format(nrow(cases[[case]]), big.mark = ","), " rows, ", case, "\n", sep = "")
    cat(sprintf("  %-18s %s %s\n", names(ids), ids, ifelse(right, "", "DIFFERS")), sep = "")
    failed <- failed + sum(!right)
    passed <- passed + sum(right)
  }
  dir.create("build/results", showWarnings = FALSE, recursive = TRUE)
  writeLines(paste(passed, failed, 3 * !usable), "build/results/sources")
  cat(passed, "passed,", failed, "failed\n")
  failed
}

quit(status = as.integer(main() > 0))
