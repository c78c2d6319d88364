# Folders of stores on the disk: how a finished store gets its name, how one takes the place of another, and what
# writers
# that were killed leave behind.
#
# A store is written beside its place, in `<name>.part-<process>-<machine>-<random>`, and gets its name by one renaming
# that never goes over anything else. A store that is replaced changes names with the new one in one step, where the
# system can (Linux), so that a whole store is at the path at every moment; elsewhere there is a moment between two
# renamings, and verify_store(clean = TRUE) ends what was broken off there. Nothing is deleted but the files that a
# manifest lists, or that a writer makes.

# The files that a writer of a store makes, by their names
writer_files <- "^(manifest|tables[.]fms|(firms|sorted)-[0-9]+[.]fms|bucket-[0-9]+-[a-z0-9-]+[.]fms|runs-[0-9]+)([.]part-[0-9]+)?$"

# A name for the folder that a store is written in; never longer than a name may be where the path's own is not
part_folder <- function(path) {
  machine <- .Call(C_crc, charToRaw(Sys.info()[["nodename"]]))
  part <- tempfile(paste0(basename(path), ".part-", Sys.getpid(), "-", machine, "-"), dirname(path))
  if (nchar(basename(part), "bytes") > 255L) {
    abort(
      "The name `", basename(path), "` is too long by ", nchar(basename(part), "bytes") - 255L, " bytes: while a store is ",
      "written, its folder has a longer name. Choose a shorter one.",
      class = "io"
    )
  }
  part
}

new_part_folder <- function(path) {
  part <- part_folder(path)
  if (!suppressWarnings(dir.create(part))) {
    abort("Cannot write to the folder `", dirname(path), "`. Check that it exists and that you may ",
      "write there, or choose another.",
      class = "io"
    )
  }
  part
}

# Renaming and flushing, with an error where the system refuses ---------------------------------------------

# Renames; what is there at `to` already is never replaced
move_folder <- function(from, to) {
  said <- .Call(C_path_rename, from, to)
  if (said == "exists") {
    abort(
      "`", to, "` exists: it appeared while the store was written, and is not replaced. Choose another `path`.",
      class = "exists"
    )
  }
  if (nzchar(said)) {
    abort("Cannot rename `", from, "` to `", to, "`: ", said, ". Check that you may write in the folder, and ",
      "that no program has a file of the store open.",
      class = "io"
    )
  }
}

flush_folder <- function(path) {
  said <- .Call(C_folder_flush, path)
  if (nzchar(said)) {
    abort("Cannot make the folder `", path, "` last: ", said, ".", class = "io")
  }
}

# The finished store ----------------------------------------------------------------------------------------

# The files of the store at a path, from its manifest; NULL where there is none that is whole
known_store_files <- function(path) {
  manifest <- tryCatch(read_manifest(path), firmmove_error = function(e) NULL)
  if (!is.null(manifest)) c("manifest", "tables.fms", manifest$shards$Shard)
}

# Stop unless the target is free, or a store that may be replaced
check_target_free <- function(path, overwrite) {
  if (!file.exists(path)) {
    return(invisible())
  }
  known <- !is.null(known_store_files(path))
  if (known && overwrite) {
    return(invisible())
  }
  remedy <- if (known) {
    "Write overwrite = TRUE to replace that store, or choose another `path`."
  } else if (file.exists(file.path(path, "manifest"))) {
    "It is not a store, or not a whole one, so it is not replaced: remove it yourself, or choose another `path`."
  } else {
    "It is not a store, so it is not replaced: choose another `path`."
  }
  abort("`", path, "` exists already. ", remedy, class = "exists")
}

# Give the finished folder its name; with `overwrite` it takes the place of the store that is there
rename_store <- function(target) {
  flush_folder(target$part)
  if (target$overwrite && file.exists(target$path)) {
    replace_store(target)
  } else {
    move_folder(target$part, target$path)
    target$state$named <- TRUE
  }
  flush_folder(dirname(target$path))
}

# The new store takes the name of the old, which is removed; files in the old folder that are not the store's stay
replace_store <- function(target) {
  path <- target$path
  check_target_free(path, overwrite = TRUE)
  old <- known_store_files(path)
  aside <- target$part
  said <- .Call(C_path_exchange, target$part, path)
  if (said == "unsupported") {
    aside <- paste0(target$part, "-old")
    swap_in_two_steps(target$part, path, aside)
  } else if (nzchar(said)) {
    abort("Cannot replace `", path, "`: ", said, ". The old store is as it was.", class = "io")
  }
  # from here on the folder of that name is the old store
  target$state$named <- TRUE
  clear_aside(aside, path, old)
}

swap_in_two_steps <- function(part, path, aside) {
  move_folder(path, aside)
  tryCatch(move_folder(part, path), error = function(e) {
    move_folder(aside, path)
    stop(e)
  })
}

# Removes `files` from a folder, moves all else in it to `path`, and the folder goes when it is empty
clear_aside <- function(aside, path, files) {
  others <- setdiff(list.files(aside, all.files = TRUE, no.. = TRUE), files)
  kept <- Filter(function(file) nzchar(.Call(C_path_rename, file.path(aside, file), file.path(path, file))), others)
  unlink(file.path(aside, files), expand = FALSE)
  if (length(kept) > 0L) {
    warn(
      "`", path, "` was replaced; ", quote_names(kept), " of the old folder, which ", if (length(kept) == 1L) "is" else "are",
      " not of a store, could not be moved there: see `", aside, "`.",
      class = "leftover"
    )
    return(invisible())
  }
  unlink_empty(aside)
}

# Removes a folder, if it has nothing in it when the system looks
unlink_empty <- function(folder) {
  if (.Platform$OS.type == "windows") {
    if (length(list.files(folder, all.files = TRUE, no.. = TRUE)) == 0L) unlink(folder, recursive = TRUE, expand = FALSE)
  } else {
    suppressWarnings(file.remove(folder))
  }
  invisible()
}

# Removes the folder of a store that was not finished, but no file that a writer does not make
remove_part <- function(target) {
  part <- target$part
  if (is.null(target$state$named) && dir.exists(part)) {
    files <- list.files(part, all.files = TRUE, no.. = TRUE)
    unlink(file.path(part, grep(writer_files, files, value = TRUE)), expand = FALSE)
    unlink_empty(part)
  }
}

# What killed writers leave ---------------------------------------------------------------------------------

# Folders that writers of the store at a path made and no process of this machine is at work on; those of other machines
# count when nothing in them has changed for a day
leftover_folders <- function(path) {
  names <- list.files(dirname(path), all.files = TRUE, no.. = TRUE)
  begin <- paste0(basename(path), ".part-")
  names <- names[startsWith(names, begin)]
  rest <- substring(names, nchar(begin) + 1L)
  parts <- regmatches(rest, regexec("^([0-9]+)-([0-9a-f]{8})-[0-9a-f]+(-old)?$", rest))
  names <- names[lengths(parts) > 0L]
  parts <- parts[lengths(parts) > 0L]
  folders <- file.path(dirname(path), names)
  here <- .Call(C_crc, charToRaw(Sys.info()[["nodename"]]))
  dead <- vapply(seq_along(parts), function(i) {
    process <- as.integer(parts[[i]][2L])
    if (parts[[i]][3L] != here) {
      files <- c(folders[i], list.files(folders[i], full.names = TRUE))
      return(all(difftime(Sys.time(), file.mtime(files), units = "hours") > 24))
    }
    # of this very process: no writer is at work while this runs
    process == Sys.getpid() || !process_runs(process)
  }, NA)
  folders[dead & dir.exists(folders)]
}

# Whether a process of this machine runs; one that has ended and is not yet forgotten by the system does not
process_runs <- function(process) {
  status <- file.path("/proc", process, "stat")
  if (file.exists(status)) {
    line <- tryCatch(suppressWarnings(readLines(status, n = 1L)), error = function(e) "0 () X")
    state <- sub("^.*[)] ([A-Za-z]).*$", "\\1", line)
    return(!state %in% c("Z", "X"))
  }
  isTRUE(tools::pskill(process, 0L))
}

# Ends what was broken off: a store that was between its two names gets its name back, the files of other writers are
# removed; returns the folders that were there
clean_leftovers <- function(path) {
  folders <- leftover_folders(path)
  if (!file.exists(path)) {
    restore_store(path, folders)
  }
  for (folder in folders[dir.exists(folders)]) {
    files <- list.files(folder, all.files = TRUE, no.. = TRUE)
    own <- known_store_files(folder) %||% grep(writer_files, files, value = TRUE)
    if (dir.exists(path)) {
      clear_aside(folder, path, intersect(own, files))
    } else {
      unlink(file.path(folder, own), expand = FALSE)
      unlink_empty(folder)
    }
  }
  folders
}

# Between two renamings both the old store and the new one are whole: the new one gets the name
restore_store <- function(path, folders) {
  old <- folders[endsWith(folders, "-old")]
  for (candidate in c(sub("-old$", "", old), old)) {
    if (!file.exists(path) && !is.null(known_store_files(candidate)) && store_is_whole(candidate)) {
      move_folder(candidate, path)
    }
  }
}

# Whether the files that a manifest lists are there and are those it was written with
store_is_whole <- function(path) {
  tryCatch(
    {
      manifest <- read_manifest(path)
      shards <- list(folder = path, files = manifest$shards$Shard, rows = as.numeric(manifest$shards$Rows))
      check_shard_files(shards, manifest)
      TRUE
    },
    firmmove_error = function(e) FALSE
  )
}
