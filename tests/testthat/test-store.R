test_that("a store gives back what was written, whatever the shards and the compression", {
  data <- migration_data(mixed_firms(), small_places(), small_ties(), time = "year",
                         network = data.frame(firm = c("f1", "f2"), peer = c("f2", "f9")),
                         weights = seq_len(160) / 7)
  stores <- list(store_of(data), store_of(data, shard_rows = 7), store_of(data, compress = TRUE),
                 store_of(data, shard_rows = 160, compress = TRUE))
  for (store in stores) {
    expect_identical(as_migration_data(store), data)
    expect_identical(store$id, stores[[1]]$id)
    expect_identical(sum(verify_store(store)$bytes > 0), length(store$shards$files) + 1L)
  }
  expect_identical(length(stores[[2]]$shards$files), 23L)
  expect_identical(stores[[1]]$columns$type[c(2, 5:14)], c(
    "double", "integer", "double", "double", "logical", "factor", "ordered", "Date", "POSIXct",
    "difftime", "character"
  ))
})

test_that("ties by firm and time, defaults and availability come back", {
  firms <- panel_firms()
  kin <- data.frame(firm = c("a", "b"), to = c("Yiwu", "Guzhen"), kin = 1:2)
  attr(kin, "default") <- 0.1
  open <- expand.grid(from = towns, to = towns, year = c(1999, 2000), stringsAsFactors = FALSE)
  open$open <- c(TRUE, TRUE, TRUE, TRUE, TRUE, FALSE)
  by_column <- migration_data(firms, panel_places(), list(kin = kin, open = open), time = "year",
                              available = "open")
  expect_identical(as_migration_data(store_of(by_column)), by_column)
  apart <- "Yiwu"
  by_function <- migration_data(firms, panel_places(), time = "year",
                                available = function(from, to, time) to != apart | from == "Wenzhou")
  back <- as_migration_data(store_of(by_function))
  expect_identical(back$available$fun("Guzhen", c("Guzhen", "Yiwu"), 1999), c(TRUE, FALSE))
  expect_equal(back, by_function, ignore_function_env = TRUE)
})

test_that("the id is of the content alone, and of all of it", {
  data <- small_data()
  id <- store_of(data)$id
  firms <- small_firms()
  firms$firm <- as.integer(firms$firm)
  id_of <- function(firms, places = small_places(), ties = small_ties(), ...) {
    store_of(migration_data(firms, places, ties, ...))$id
  }
  expect_identical(id_of(firms), id)
  same <- firms
  same$size[1] <- 21
  expect_false(id_of(same) == id)
  expect_false(id_of(stats::setNames(firms, c("firm", "from", "to", "SIZE"))) == id)
  expect_false(id_of(firms[c(2, 1, 3:5), ]) == id)
  expect_false(id_of(firms, weights = rep(1, 5)) == id)
  places <- small_places()
  places$land_price[3] <- 8
  expect_false(id_of(firms, places) == id)
  expect_false(id_of(transform(firms, from = factor(from))) == id)
})

test_that("a bundled panel is the same from a store", {
  lamps <- wenzhou_guzhen()
  store <- store_of(lamps, shard_rows = 5000)
  attr(lamps, "truth") <- NULL
  expect_identical(as_migration_data(store), lamps)
})

test_that("print and summary tell what is in a store", {
  store <- store_of(migration_data(mixed_firms(), small_places(), small_ties(), time = "year"), shard_rows = 100)
  expect_snapshot(store, transform = plain_paths)
  expect_snapshot(print(summary(store)), transform = plain_paths)
  expect_equal(sum(summary(store)$files$rows, na.rm = TRUE), 160)
})

test_that("what is not a store is refused, with the file and a remedy", {
  folder <- tempfile("store-")
  file <- tempfile("store-")
  writeLines("x", file)
  expect_snapshot(error = TRUE, transform = plain_paths, {
    open_store(1)
    open_store(folder)
    open_store(file)
    dir.create(folder)
    open_store(folder)
    writeLines("Package: firmmove", file.path(folder, "manifest"))
    open_store(folder)
    file.create(file.path(folder, "manifest"))
    open_store(folder)
    verify_store(folder)
    store_rows(folder, 1, 2)
  })
})

test_that("damage of any file is told, with file, block and remedy", {
  fresh <- function(...) store_of(path = tempfile("store-"), ...)
  future <- function(bytes) charToRaw(sub("Version: 1", "Version: 9", rawToChar(bytes)))
  expect_snapshot(error = TRUE, transform = plain_paths, {
    open_store(damage(fresh(), "manifest", future))
    open_store(damage(fresh(), "manifest", flip(200)))
    open_store(damage(fresh(), "manifest", function(bytes) bytes[1:300]))
    open_store(damage(fresh(), "tables.fms", function(bytes) bytes[1:500]))
    open_store(damage(fresh(), "tables.fms", flip(70)))
    open_store(damage(fresh(), "firms-000001.fms", function(bytes) raw()))
    open_store(damage(fresh(), "firms-000001.fms", function(bytes) bytes[1:100]))
    open_store(damage(fresh(), "firms-000001.fms", function(bytes) charToRaw("firm,from\n")))
    open_store(damage(fresh(), "firms-000001.fms", flip(9, as.raw(8))))
    open_store(damage(fresh(), "firms-000001.fms", function(bytes) file_bytes(
      file.path(fresh(compress = TRUE)$path, "firms-000001.fms")
    )))
    verify_store(damage(fresh(), "firms-000001.fms", flip(65)))
    as_migration_data(open_store(damage(fresh(), "firms-000001.fms", flip(130))))
    as_migration_data(open_store(damage(fresh(compress = TRUE), "firms-000001.fms", flip(65))))
  })
  store <- fresh()
  unlink(file.path(store$path, "firms-000001.fms"))
  expect_snapshot(error = TRUE, transform = plain_paths, {
    open_store(store$path)
    store_rows(store, 1, 2)
  })
})

test_that("every flipped bit of a shard is found", {
  for (compress in c(FALSE, TRUE)) {
    store <- store_of(compress = compress)
    file <- file.path(store$path, "firms-000001.fms")
    bytes <- file_bytes(file)
    set.seed(3)
    for (at in sample(length(bytes), 100)) {
      writeBin(flip(at, as.raw(2^sample(0:7, 1)))(bytes), file)
      expect_error(verify_store(store$path), class = "firmmove_error_corrupt")
    }
    writeBin(bytes, file)
    expect_silent(verify_store(store$path))
  }
})

test_that("a store changed since it was opened is noticed", {
  store <- store_of()
  expect_identical(check_store_unchanged(store), store)
  write_store(migration_data(small_firms()[1:3, ], small_places()), store$path, overwrite = TRUE)
  expect_snapshot(error = TRUE, transform = plain_paths, {
    check_store_unchanged(store)
    as_migration_data(store)
  })
  expect_error(store_rows(store, 1, 5), class = "firmmove_error_corrupt")
  unlink(store$path, recursive = TRUE)
  expect_error(check_store_unchanged(store), class = "firmmove_error_store_changed")
})
