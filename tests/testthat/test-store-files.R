# A folder that a process of number `process` on this machine would have left beside a path
left_behind <- function(path, process = "999999", end = "") {
  here <- .Call(C_crc, charToRaw(Sys.info()[["nodename"]]))
  folder <- paste0(path, ".part-", process, "-", here, "-1a2b3c", end)
  dir.create(folder)
  folder
}

test_that("what appears at the path while a store is written is not replaced", {
  path <- tempfile("store-")
  target <- store_target(path, FALSE, 10, FALSE)
  dir.create(path)
  writeLines("three years of work", file.path(path, "thesis.txt"))
  expect_error(rename_store(target), class = "firmmove_error_exists")
  expect_identical(readLines(file.path(path, "thesis.txt")), "three years of work")
  # an empty folder too, and a file
  unlink(file.path(path, "thesis.txt"))
  expect_error(rename_store(target), class = "firmmove_error_exists")
  unlink(path, recursive = TRUE)
  writeLines("a file", path)
  expect_error(rename_store(target), class = "firmmove_error_exists")
  expect_identical(readLines(path), "a file")
  remove_part(target)
  expect_false(dir.exists(target$part))
})

test_that("of two writers to one path one has an error, and the other's store stays", {
  path <- tempfile("store-")
  writers <- lapply(1:2, function(i) store_target(path, FALSE, 10, FALSE))
  for (target in writers) {
    writer <- shard_writer(target$part, "firms", target)
    data <- small_data()
    add_rows(writer, unclass(data$firms), unname(Map(column_spec, unclass(data$firms), names(data$firms))))
    close_shards(writer)
    finish <- function() finish_store(target, writer, data, TRUE, c(count_moves(data), firms = length(data$firm)))
    if (identical(target, writers[[1L]])) id <- finish()$id else expect_error(finish(), class = "firmmove_error_exists")
    remove_part(target)
  }
  expect_identical(open_store(path)$id, id)
  expect_length(leftover_folders(path), 0L)
})

test_that("overwriting removes the files of the old store and no others", {
  store <- store_of(shard_rows = 2)
  notes <- file.path(store$path, "notes.txt")
  writeLines("mine", notes)
  dir.create(file.path(store$path, "scripts"))
  writeLines("1", file.path(store$path, "scripts", "a.R"))
  writeLines("not of the store", file.path(store$path, "firms-000900.fms"))
  again <- write_store(wenzhou_guzhen(1992:1993), store$path, overwrite = TRUE)
  expect_identical(readLines(notes), "mine")
  expect_identical(readLines(file.path(store$path, "scripts", "a.R")), "1")
  expect_setequal(
    list.files(store$path), c("firms-000001.fms", "firms-000900.fms", "manifest", "notes.txt", "scripts", "tables.fms")
  )
  expect_invisible(verify_store(again))
  expect_identical(list.files(dirname(store$path), paste0("^", basename(store$path), "[.]part-")), character())
})

test_that("a folder is a store by its whole manifest, not by a line", {
  folder <- tempfile("store-")
  dir.create(folder)
  writeLines(c("Format: firmmove store", "Version: 1"), file.path(folder, "manifest"))
  writeLines("photo", file.path(folder, "photos.zip"))
  expect_error(write_store(small_data(), folder, overwrite = TRUE), class = "firmmove_error_exists")
  expect_identical(readLines(file.path(folder, "photos.zip")), "photo")
})

test_that("where two names cannot be exchanged, a store is replaced in two steps", {
  store <- store_of()
  writeLines("mine", file.path(store$path, "notes.txt"))
  part <- left_behind(store$path)
  unlink(part, recursive = TRUE)
  write_store(wenzhou_guzhen(1992:1993), part)
  aside <- paste0(part, "-old")
  swap_in_two_steps(part, store$path, aside)
  clear_aside(aside, store$path, c("manifest", "tables.fms", store$shards$files))
  expect_identical(sort(list.files(store$path)), c("firms-000001.fms", "manifest", "notes.txt", "tables.fms"))
  expect_false(dir.exists(aside) || dir.exists(part))
  # broken off between the two: both are whole, and nothing has the name
  id <- open_store(store$path)$id
  write_store(small_data(), part)
  file.rename(store$path, aside)
  expect_error(open_store(store$path), class = "firmmove_error_no_store")
  expect_message(verify_store(store$path, clean = TRUE), class = "firmmove_message_leftover")
  expect_true(open_store(store$path)$id != id)
  expect_identical(readLines(file.path(store$path, "notes.txt")), "mine")
  expect_false(dir.exists(aside) || dir.exists(part))
  # the old one alone is put back
  file.rename(store$path, aside)
  suppressMessages(verify_store(store$path, clean = TRUE))
  expect_true(file.exists(file.path(store$path, "notes.txt")))
})

test_that("what killed writers leave is told and cleaned, writers at work and files of others are left alone", {
  store <- store_of()
  killed <- left_behind(store$path)
  file.copy(file.path(store$path, "firms-000001.fms"), killed)
  writeLines("half", file.path(killed, "manifest.part-999999"))
  writeLines("runs", file.path(killed, "runs-001"))
  writeLines("mine", file.path(killed, "notes.txt"))
  at_work <- left_behind(store$path, "1")
  abroad <- sub("999999-[0-9a-f]+", "999999-00000000", killed)
  dir.create(abroad)
  namesake <- paste0(store$path, ".part-of-something")
  dir.create(namesake)
  expect_message(verify_store(store), "verify_store\\(path, clean = TRUE\\)")
  expect_true(dir.exists(killed))
  expect_message(verify_store(store$path, clean = TRUE), "is removed")
  expect_false(dir.exists(killed))
  expect_identical(readLines(file.path(store$path, "notes.txt")), "mine")
  expect_true(all(dir.exists(c(at_work, abroad, namesake))))
  expect_silent(verify_store(store))
})

test_that("no name is a pattern: neighbours of an odd path stay", {
  folder <- tempfile("store-")
  dir.create(folder)
  path <- file.path(folder, if (.Platform$OS.type == "windows") "a[bc]" else "a*[b]?")
  near <- file.path(folder, c("ab", "a1b2"))
  for (file in near) writeLines("mine", file)
  write_store(small_data(), path)
  write_store(small_data(), path, overwrite = TRUE)
  expect_error(write_store("no such.csv", paste0(path, "2"), places = small_places()))
  expect_invisible(verify_store(path))
  expect_true(all(file.exists(near)))
})

test_that("a shard that is exchanged after the store was opened is not read", {
  data <- wenzhou_guzhen(1992:1995)
  other <- data
  other$firms$size <- rev(other$firms$size)
  one <- store_of(data, shard_rows = 2000)
  two <- store_of(other, shard_rows = 2000)
  file.copy(file.path(two$path, "firms-000002.fms"), file.path(one$path, "firms-000002.fms"), overwrite = TRUE)
  expect_error(store_rows(one, 1, one$n, "size"), class = "firmmove_error_store_changed")
  expect_error(fit_migration(~ keep(size), one), class = "firmmove_error")
  expect_error(open_store(one$path), class = "firmmove_error_corrupt")
  # the file of the tables has no mark, and checksums of columns
  three <- store_of(data, shard_rows = 2000)
  data$places$land_price <- 2 * data$places$land_price
  four <- store_of(data, shard_rows = 2000)
  file.copy(file.path(four$path, "tables.fms"), file.path(three$path, "tables.fms"), overwrite = TRUE)
  expect_error(open_store(three$path), class = "firmmove_error_corrupt")
})

test_that("a shard that is cut while the store is open is an error and no dead session", {
  store <- store_of(wenzhou_guzhen(1992:1995))
  file <- file.path(store$path, "firms-000001.fms")
  bytes <- file_bytes(file)
  for (left in c(0, 63, 64, 200, length(bytes) / 2, length(bytes) - 1)) {
    writeBin(utils::head(bytes, left), file)
    expect_error(store_rows(store, 1, store$n), class = "firmmove_error_corrupt")
  }
})

# The store with some lines of its manifest changed and its checksum right again
forge <- function(store, pattern, line) {
  file <- file.path(store$path, "manifest")
  text <- readLines(file)
  text <- sub(pattern, line, text[-length(text)])
  body <- charToRaw(paste0(text, "\n", collapse = ""))
  writeBin(c(body, charToRaw(paste0("Checksum: ", .Call(C_crc, body), "\n"))), file)
  store$path
}

test_that("a manifest that no writer writes is refused, however right its checksum", {
  forgeries <- list(
    c("^Kind: migration", "Kind: other"), c("^Version: 1", "Version: -1"), c("^Rows: .*", "Rows: Inf"),
    c("^Rows: .*", "Rows: NaN"), c("^Firms: .*", "Firms: "), c("^Firms: .*", "Firms: 1e400"), c("^Id: .*", "Id: x"),
    c("^Shard: .*", "Shard: ../other/firms-000001.fms"), c("^Shard: .*", "Shard: /etc/passwd"),
    c("^Storage: .*", "Storage: list"), c("^Kind: text", "Kind: language"), c("^Key_firm: .*", "Key_firm: none"),
    c("^Key_to: .*", ""), c("^Available: .*", "Available: system()"), c("^Rows: .*", "Rows 5"),
    c("^Rows: (.*)", "Rows: \\1\nRows: \\1"), c("^Encoding: .*", "Encoding: x")
  )
  for (forgery in forgeries) {
    expect_error(open_store(forge(store_of(), forgery[1L], forgery[2L])), class = "firmmove_error")
  }
  took <- system.time(open_store(forge(store_of(), "^Format: (.*)", paste0("Format: \\1\nVersion: 1\n", paste0(
    "Field_", seq_len(20000), ": x", collapse = "\n"
  )))) |> try(silent = TRUE))
  expect_lt(took[["elapsed"]], 10)
})

test_that("checksums that do not belong to the values are found by verify_store()", {
  path <- forge(store_of(), "^Id: .*", paste0("Id: ", strrep("f", 32)))
  expect_error(verify_store(path), class = "firmmove_error_corrupt")
  path <- forge(store_of(), "^Hash: .*", paste0("Hash: ", strrep("0", 32)))
  expect_error(verify_store(path), class = "firmmove_error_corrupt")
  for (data in list(small_data(), migration_data(mixed_firms(), small_places(), small_ties(), time = "year"))) {
    expect_invisible(verify_store(store_of(data, shard_rows = 3)))
  }
})

test_that("a pipe in the place of a file does not keep anybody waiting", {
  skip_on_os("windows")
  skip_if(!nzchar(Sys.which("mkfifo")))
  for (file in c("manifest", "firms-000001.fms", "tables.fms")) {
    store <- store_of()
    unlink(file.path(store$path, file))
    system2("mkfifo", file.path(store$path, file))
    expect_error(open_store(store$path), class = "firmmove_error")
  }
})

test_that("nothing in a store is code: a function is given by who opens it", {
  apart <- "Yiwu"
  open <- function(from, to, time) to != apart | from == "Wenzhou"
  store <- store_of(migration_data(small_firms(), small_places(), small_ties(), available = open))
  expect_identical(as_migration_data(store)$available$fun, open)
  expect_error(open_store(store$path), "to != apart", class = "firmmove_error_available")
  expect_identical(open_store(store$path, available = open)$id, store$id)
  expect_error(open_store(store$path, available = function(from, to, time) TRUE), class = "firmmove_error_available")
  expect_invisible(verify_store(store))
  expect_invisible(verify_store(store$path))
  # as versions before wrote it: never read, and nothing of it runs
  block <- serialize(function(from, to, time) stop("ran"), NULL)
  expect_null(available_words(block))
  expect_false(any(grepl("unserialize|readRDS|eval\\(parse", unlist(lapply(
    ls(asNamespace("firmmove"), pattern = "store|table|manifest|shard|csv|parquet|piece|source"), function(name) {
      f <- get(name, asNamespace("firmmove"))
      if (is.function(f)) deparse(f)
    }
  )))))
})

test_that("a column that has the name of the weights is refused", {
  firms <- stats::setNames(small_firms(), c("firm", "from", "to", "(weights)"))
  expect_error(write_store(firms, tempfile(), places = small_places()), class = "firmmove_error_columns")
  csv <- tempfile(fileext = ".csv")
  utils::write.csv(firms, csv, row.names = FALSE)
  expect_error(write_store(csv, tempfile(), places = small_places()), class = "firmmove_error_columns")
})

# Evaluates where numbers have a decimal comma in C, as other libraries may set it; skips where no locale has one
with_comma <- function(code) {
  old <- Sys.getlocale("LC_NUMERIC")
  on.exit(Sys.setlocale("LC_NUMERIC", old))
  set <- function(names) any(vapply(names, function(name) nzchar(suppressWarnings(Sys.setlocale("LC_NUMERIC", name))), NA))
  if (!set(c("de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "German"))) {
    folder <- tempfile()
    dir.create(folder)
    made <- nzchar(Sys.which("localedef")) &&
      suppressWarnings(system2("localedef", c("-i", "de_DE", "-f", "UTF-8", file.path(folder, "de_DE.UTF-8")), stderr = FALSE)) == 0L
    path <- Sys.getenv("LOCPATH", NA)
    Sys.setenv(LOCPATH = folder)
    on.exit(if (is.na(path)) Sys.unsetenv("LOCPATH") else Sys.setenv(LOCPATH = path), add = TRUE)
    skip_if_not(made && set("de_DE.UTF-8"), "a locale with a decimal comma")
  }
  force(code)
}

test_that("options and locales change nothing that is stored", {
  kin <- data.frame(firm = 1:2, to = c("Yiwu", "Guzhen"), kin = 1:2)
  attr(kin, "default") <- 1.5
  written <- function() store_of(migration_data(small_firms(), small_places(), list(kin = kin)))
  id <- written()$id
  old <- options(OutDec = ",", scipen = 100)
  on.exit(options(old))
  store <- written()
  expect_identical(store$id, id)
  expect_identical(open_store(store$path)$frame$ties$kin$default, 1.5)
  options(old)
  csv <- tempfile(fileext = ".csv")
  firms <- cbind(small_firms(), share = c(0.5, 1.25, 2, NA, 3e-5))
  utils::write.csv(firms, csv, row.names = FALSE)
  before <- write_store(csv, tempfile(), places = small_places())
  with_comma(expect_identical(write_store(csv, tempfile(), places = small_places())$id, before$id))
})

test_that("names in Chinese are stored as they are in a session that cannot print them", {
  skip_on_cran()
  skip_on_os("windows")
  places <- small_places()
  names(places)[2L] <- "\u79df\u91d1"
  here <- store_of(migration_data(small_firms(), places, small_ties()))
  folder <- tempfile("store-")
  dir.create(folder)
  saveRDS(list(small_firms(), places, small_ties()), file.path(folder, "tables.rds"))
  script <- file.path(folder, "write.R")
  writeLines(c(
    sprintf(".libPaths(%s)", deparse1(.libPaths())), "library(firmmove)",
    sprintf("x <- readRDS(%s)", deparse1(file.path(folder, "tables.rds"))),
    sprintf("write_store(migration_data(x[[1]], x[[2]], x[[3]]), %s)", deparse1(file.path(folder, "s")))
  ), script)
  system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", script), env = "LC_ALL=C", stdout = FALSE, stderr = FALSE)
  there <- open_store(file.path(folder, "s"))
  expect_identical(there$id, here$id)
  expect_identical(names(there$frame$places)[2L], "\u79df\u91d1")
})
