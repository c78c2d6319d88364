# A register in pieces gives the occasions and the report that it gives in memory, in whatever order its rows come.
test_that("pieces give what memory gives", {
  lamps <- wenzhou_guzhen(1992:2000)
  seen <- lamps$firms[!is.na(lamps$firms$to), ]
  panel <- data.frame(firm = seen$firm, year = seen$year, town = seen$to, size = seen$size)
  panel$town[panel$town == "Guzhen" & panel$year >= 1997] <- "guzhen "
  panel <- panel[order(panel$year, runif(nrow(panel))), ]
  whole <- as_occasions(panel, place = "town", time = "year", places = lamps$places)
  file <- tempfile(fileext = ".csv")
  on.exit(unlink(file))
  write.csv(panel, file, row.names = FALSE)
  source <- as_occasions(file, place = "town", time = "year", places = lamps$places, chunk_rows = 1000)
  expect_error(summary(source), "when write_store", class = "firmmove_error")
  store <- write_store(source, tempfile(), lamps$places, lamps$ties$ties$data)
  expect_equal(summary(source)$counts, summary(whole)$counts)
  expect_equal(summary(source)$codes, summary(whole)$codes)
  written <- as_migration_data(store)$firms
  expected <- as.data.frame(whole)
  at <- match(paste(expected$firm, expected$year), paste(written$firm, written$year))
  expect_identical(nrow(written), nrow(expected))
  expect_identical(written$from[at], expected$from)
  expect_identical(written$to[at], expected$to)
  expect_identical(written$event[at], as.character(expected$event))
  expect_identical(written$size[at], expected$size)
  expect_true(store$together)
  unlink(store$path, recursive = TRUE)
})

test_that("a query is read as a file is; a renamed place is suspected across pieces", {
  skip_if_not_installed("RSQLite")
  panel <- expand.grid(year = 2000:2003, firm = 1:200)
  panel$town <- ifelse(panel$firm <= 100, "a", "b")
  panel$town[panel$town == "a" & panel$year >= 2002] <- "c"
  connection <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
  on.exit(DBI::dbDisconnect(connection))
  DBI::dbWriteTable(connection, "panel", panel)
  source <- as_occasions(connection, "SELECT * FROM panel", place = "town", time = "year", chunk_rows = 100)
  store <- write_store(source, tempfile(), places = data.frame(place = c("a", "b", "c")))
  expect_equal(summary(source)$suspected, data.frame(
    from = "a", to = "c", time = 2002L, firms = 100L, of = 100L, kind = "new name"
  ))
  expect_output(print(source), "new name")
  unlink(store$path, recursive = TRUE)
})

test_that("spells and unknown arguments are refused", {
  file <- tempfile(fileext = ".csv")
  on.exit(unlink(file))
  writeLines(c("firm,year,town", "1,2000,a"), file)
  expect_error(as_occasions(file, begin = "begin"), "in pieces", class = "firmmove_error")
  expect_error(as_occasions(file, places = NULL, gap = "exit"), "gaps", class = "firmmove_error")
})
