# Whole numbers, text, logicals and 17 digits, as all sources have them.
common_firms <- function(n = 40, years = 4) {
  firms <- mixed_firms(n, years)[c("firm", "year", "from", "to", "size", "sales", "exporter", "name", "nothing")]
  attr(firms, "out.attrs") <- NULL
  firms
}

exact_csv <- function(firms, file, ...) {
  text <- which(vapply(firms, is.character, NA))
  firms$sales <- sprintf("%.17g", firms$sales)
  connection <- if (grepl("gz$", file)) gzfile(file, "w", encoding = "UTF-8") else
    base::file(file, "w", encoding = "UTF-8")
  on.exit(close(connection))
  utils::write.table(firms, connection, row.names = FALSE, quote = text, qmethod = "double", sep = ",", ...)
}

firms_file <- function(firms, name = "firms.csv", ...) {
  file <- file.path(tempfile("csv-"), name)
  dir.create(dirname(file))
  exact_csv(firms, file, ...)
  file
}

lines_file <- function(..., sep = "\n") {
  file <- file.path(tempfile("csv-"), "firms.csv")
  dir.create(dirname(file))
  writeBin(charToRaw(paste(c(...), collapse = sep)), file)
  file
}

store_from <- function(data, ..., time = "year") {
  write_store(data, tempfile("store-"), places = small_places(), ties = small_ties(), time = time, ...)
}

test_that("CSV, CSV.gz, Parquet and SQLite give the store of the data frame", {
  firms <- common_firms()
  want <- store_from(firms)
  got <- list(
    store_from(firms_file(firms), chunk_rows = 7, shard_rows = 11),
    store_from(firms_file(firms, "firms.csv.gz")),
    store_from(firms_file(firms, eol = "\r\n"), compress = TRUE),
    store_from(c(firms_file(firms[1:50, ]), firms_file(firms[51:160, ])), chunk_rows = 20)
  )
  if (requireNamespace("nanoparquet", quietly = TRUE)) {
    parts <- tempfile(c("a", "b"), fileext = ".parquet")
    nanoparquet::write_parquet(firms[1:90, ], parts[1])
    nanoparquet::write_parquet(firms[91:160, ], parts[2])
    got <- c(got, list(store_from(parts, chunk_rows = 40)))
  }
  if (requireNamespace("RSQLite", quietly = TRUE) && requireNamespace("DBI", quietly = TRUE)) {
    connection <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
    DBI::dbWriteTable(connection, "firms", firms)
    got <- c(got, list(store_from(connection, query = "SELECT * FROM firms", chunk_rows = 33,
                                  types = c(exporter = "logical"))))
    DBI::dbDisconnect(connection)
  }
  for (store in got) {
    expect_identical(store$id, want$id)
    expect_identical(store$counts, want$counts)
    expect_identical(store$together, want$together)
    # of a column without values, sources have types of their own
    back <- as_migration_data(store)
    back$firms$nothing <- NA
    expect_equal(back, as_migration_data(want))
    expect_identical(back$firms$sales, firms$sales)
    expect_identical(back$firms$name, firms$name)
  }
})

test_that("types say what a column is", {
  file <- lines_file("firm,from,to,code,day,size", "01,Yiwu,Guzhen,007,2001-02-03,1", "2,Yiwu,Yiwu,8,,2.5")
  firms <- as_migration_data(store_from(file, time = NULL))$firms
  expect_identical(firms$firm, 1:2)
  expect_identical(firms$code, 7:8)
  expect_identical(firms$day, c("2001-02-03", NA))
  expect_identical(firms$size, c(1, 2.5))
  firms <- as_migration_data(store_from(file, time = NULL, types = c(
    firm = "text", code = "text", day = "date"
  )))$firms
  expect_identical(firms$firm, c("01", "2"))
  expect_identical(firms$code, c("007", "8"))
  expect_identical(firms$day, as.Date(c("2001-02-03", NA)))
})

test_that("fields are read as RFC 4180 has them", {
  file <- lines_file("\xef\xbb\xbffirm;from;to;\"a remark\"", "", "1;Yiwu;Guzhen;\"says \"\"no\"\"; twice\n\"",
                     "2;Yiwu;;NA", "3;Yiwu;Yiwu;\"NA\"", "4;Yiwu;Yiwu;\"\"", sep = "\r\n")
  firms <- as_migration_data(store_from(file, time = NULL, sep = ";"))$firms
  expect_identical(firms$`a remark`, c("says \"no\"; twice\n", NA, "NA", ""))
  expect_identical(firms$to, c("Guzhen", NA, "Yiwu", "Yiwu"))
})

test_that("rows of firms that are apart are sorted as in memory", {
  set.seed(5)
  n <- 270000
  firms <- data.frame(firm = sample(40000, n, TRUE), from = "Yiwu", to = sample(towns, n, TRUE), x = seq_len(n))
  firms$year <- ave(firms$x, firms$firm, FUN = seq_along)
  firms$firm[firms$x %% 9 == 0] <- 17L # one firm larger than a piece
  firms$year <- firms$x
  store <- store_from(firms[c("firm", "year", "from", "to")])
  expect_true(store$together)
  order <- order(match(firms$firm, unique(firms$firm)))
  expect_identical(store_rows(store, 1, n, "year")$year, firms$year[order])
  file <- tempfile(fileext = ".csv")
  utils::write.csv(firms[c("firm", "year", "from", "to")], file, row.names = FALSE, quote = FALSE)
  pieces <- store_from(file, chunk_rows = 30000)
  expect_identical(pieces$id, store$id)
  expect_identical(pieces$counts, store$counts)
  expect_setequal(list.files(pieces$path), c("manifest", "tables.fms", paste0("firms-00000", 1:2, ".fms")))
})

test_that("pieces are checked as a table is, and the row is named", {
  head <- "firm,year,from,to,w"
  row <- function(...) paste(c(...), collapse = ",")
  fine <- c(row(1, 2000, "Yiwu", "Guzhen", 1), row(1, 2001, "Guzhen", "Guzhen", 1))
  from <- function(..., chunk_rows = 2, time = "year", weights = NULL, types = NULL) {
    store_from(lines_file(head, ...), chunk_rows = chunk_rows, time = time, weights = weights, types = types)
  }
  expect_snapshot(error = TRUE, transform = plain_paths, {
    from(fine, row(2, 2000, "Yiwu", "Nowhere", 1))
    from(fine, row(2, 2000, "Nowhere", "Yiwu", 1), row(3, 2000, "There", "Yiwu", 1))
    from(fine, row("", 2000, "Yiwu", "Yiwu", 1))
    from(fine, row(2, "NA", "Yiwu", "Yiwu", 1))
    from(fine, row(1, 2001, "Yiwu", "Yiwu", 1))
    from(fine, time = NULL)
    from(fine, row(2, 2000, "Yiwu", "Yiwu", -1), weights = "w")
    from(fine, weights = "v")
    from(fine, row(2, 2000, "Yiwu", "Yiwu"))
    from(fine, "\"2,2000,Yiwu,Yiwu,1")
    from(fine, row(2, 2000, "Yiwu", "Yiwu", "much"), types = c(w = "number"))
    from(fine, types = c(v = "number"))
    from(fine, types = c(w = "numeric"))
    from()
    from(fine, time = "yaer")
    store_from(lines_file(""))
    store_from(c(lines_file(head, fine), lines_file("firm,year", "1,2")))
    store_from(character())
    store_from("no/such.csv")
    store_from(lines_file(head, fine), sep = ",,")
  })
  bad <- file.path(tempfile("csv-"), "firms.parquet")
  dir.create(dirname(bad))
  writeLines("x", bad)
  skip_if_not_installed("nanoparquet")
  expect_error(store_from(bad), "Cannot read `.*firms.parquet` as Parquet", class = "firmmove_error_corrupt")
})

test_that("places not offered and pairs that lack are found in pieces", {
  file <- lines_file("firm,year,from,to", "1,1999,Wenzhou,Guzhen", "2,2000,Guzhen,Yiwu")
  write <- function(...) write_store(file, tempfile("store-"), places = small_places(), time = "year",
                                     chunk_rows = 1, ...)
  expect_snapshot(error = TRUE, transform = plain_paths, {
    write(available = function(from, to, time) to != "Yiwu")
    write(ties = small_ties()[-2, ])
  })
  expect_identical(write(available = function(from, to, time) to != "Wenzhou")$n, 2)
})
