test_that("a target that exists is kept, unless it is a store and may be replaced", {
  store <- store_of()
  folder <- tempfile("store-")
  dir.create(folder)
  writeLines("mine", file.path(folder, "notes"))
  expect_snapshot(error = TRUE, transform = plain_paths, {
    write_store(small_data(), store$path)
    write_store(small_data(), folder, overwrite = TRUE)
    write_store(small_data(), file.path(folder, "no", "such"))
    write_store(small_data(), NA)
    write_store(small_data(), "x", compress = 1)
    write_store(small_data(), "x", shard_rows = 0)
    write_store(small_data(), "x", chunk = 5)
    write_store(small_firms(), "x")
    write_store(1, "x")
  })
  expect_identical(readLines(file.path(folder, "notes")), "mine")
  again <- write_store(wenzhou_guzhen(), store$path, overwrite = TRUE)
  expect_identical(again$n, 17892)
  expect_setequal(list.files(store$path), c("manifest", "tables.fms", "firms-000001.fms"))
  expect_identical(list.files(dirname(store$path), paste0(basename(store$path), ".")), character())
})

test_that("columns a store cannot keep are named", {
  firms <- small_firms()
  firms$list <- as.list(1:5)
  complex <- small_firms()
  complex$z <- complex(5)
  expect_snapshot(error = TRUE, {
    write_store(migration_data(firms, small_places()), tempfile())
    write_store(complex, tempfile(), places = small_places())
  })
})

test_that("nothing stays of a store that could not be written", {
  folder <- tempfile("store-")
  dir.create(folder)
  firms <- small_firms()
  firms$z <- complex(5)
  expect_error(write_store(firms, file.path(folder, "s"), places = small_places()), class = "firmmove_error_type")
  csv <- file.path(folder, "firms.csv")
  writeLines(c("firm,from,to", "1,Yiwu,Guzhen", "2,Yiwu,Nowhere"), csv)
  expect_error(write_store(csv, file.path(folder, "s"), places = small_places()),
               class = "firmmove_error_unknown_place")
  expect_identical(list.files(folder, all.files = TRUE, no.. = TRUE), "firms.csv")
})

test_that("a full disk is told and leaves nothing", {
  skip_on_os(c("windows", "mac", "solaris"))
  skip_on_cran()
  folder <- tempfile("store-")
  dir.create(folder)
  # a small file system, where one may be mounted
  mounted <- suppressWarnings(system2("mount", c("-t", "tmpfs", "-o", "size=256k", "tmpfs", folder),
                                      stdout = FALSE, stderr = FALSE)) == 0
  skip_if_not(mounted, "no file system may be mounted")
  on.exit(system2("umount", folder))
  for (compress in c(FALSE, TRUE)) {
    expect_error(write_store(wenzhou_guzhen(), file.path(folder, "lamps"), compress = compress),
                 "firms-000001.fms`: No space left on device. Free some space", class = "firmmove_error_io")
    expect_identical(list.files(folder, all.files = TRUE, no.. = TRUE), character())
  }
  expect_identical(write_store(small_data(), file.path(folder, "small"))$n, 5)
})

test_that("a folder that may not be written or read is told", {
  skip_on_os("windows")
  skip_on_cran()
  skip_if(Sys.info()[["user"]] == "root" && !nzchar(Sys.which("setpriv")), "root may write anywhere")
  folder <- tempfile("store-", "/tmp")
  dir.create(folder, mode = "0755")
  store_of(path = file.path(folder, "kept"))
  Sys.chmod(file.path(folder, "kept", "firms-000001.fms"), "0000")
  Sys.chmod(folder, "0555")
  on.exit({
    Sys.chmod(folder, "0755")
    unlink(folder, recursive = TRUE)
  })
  code <- paste0(
    "library(firmmove); say <- function(e) cat(class(e)[1], conditionMessage(e), \"\\n\"); ",
    "tryCatch(write_store(wenzhou_guzhen(), \"", folder, "/new\"), error = say); ",
    "tryCatch(open_store(\"", folder, "/kept\"), error = say)"
  )
  told <- run_as_nobody(code)
  skip_if(is.null(told), "no other user can run R here")
  expect_match(told[1], "firmmove_error_io Cannot write to the folder")
  expect_match(told[2], "firmmove_error_io Cannot read `.*firms-000001.fms`: Permission denied")
  expect_identical(list.files(folder), "kept")
})

test_that("an interrupt while writing leaves nothing", {
  folder <- tempfile("store-")
  dir.create(folder)
  csv <- file.path(folder, "firms.csv")
  utils::write.csv(small_firms(), csv, row.names = FALSE)
  stop_now <- function(from, to, time) {
    # as if the user had pressed the key while availability is checked
    stop(structure(class = c("interrupt", "condition"), list(message = "", call = NULL)))
  }
  stopped <- tryCatch(write_store(csv, file.path(folder, "s"), places = small_places(), available = stop_now),
                      condition = function(e) class(e)[1])
  expect_identical(stopped, "interrupt")
  expect_identical(list.files(folder, all.files = TRUE, no.. = TRUE), "firms.csv")
})
