# What a worker does: it is sent a message, and answers. Rows never travel: a worker reads its slices from the
# store by the plan of the fit, keeps them, and is sent coefficients and numbers of slices from then on.

# Why this process cannot carry out a plan, or NULL: a list of what is wrong and its remedy
plan_problem <- function(plan) UseMethod("plan_problem")

#' @export
plan_problem.stream_plan <- function(plan) {
  store_problem(plan$store, function(path) open_store(path, plan$available))
}

# Whether this process sees the store of a plan: the same rows under the same path
store_problem <- function(store, open = open_store) {
  found <- tryCatch(open(store$path), error = identity)
  if (inherits(found, "error")) {
    return(list(
      what = paste0("cannot open the store ", store$path, ": ", sub("\\.$", "", conditionMessage(found))),
      remedy = paste(
        "Workers read rows from disk themselves: put the store, or a copy of it, where each of them sees it under",
        "this path"
      )
    ))
  }
  if (!identical(found$id, store$id)) {
    return(list(
      what = paste0("has other rows in the store ", store$path, " than this session"),
      remedy = "Copy the store there anew"
    ))
  }
}

# The plans this process has been sent, by their number: each with the slices built so far
worker_memory <- new.env(parent = emptyenv())

# Sends `message` to the package of the process it is run in; all that travels with it is this function
worker_entry <- function(message) {
  task <- if (requireNamespace("firmmove", quietly = TRUE)) get0("worker_task", asNamespace("firmmove"))
  if (is.function(task)) {
    return(task(message))
  }
  facts <- list(
    host = Sys.info()[["nodename"]], process = Sys.getpid(), libraries = .libPaths(),
    version = if ("firmmove" %in% loadedNamespaces()) getNamespaceVersion("firmmove")[["version"]]
  )
  structure(list(state = "no_package", facts = facts), class = "firmmove_answer")
}
environment(worker_entry) <- globalenv()

# Carries out a message, and answers whatever happens
#
# An interrupt typed at a terminal reaches local workers too: it is an answer as well, else the session would wait
# for one.
worker_task <- function(message, memory = worker_memory) {
  answer <- tryCatch(
    switch(message$kind,
      check = check_task(message, memory),
      clear = clear_task(memory),
      slices_task(message, memory)
    ),
    interrupt = function(e) list(state = "interrupted"),
    error = function(e) list(state = "error", message = conditionMessage(e), class = class(e))
  )
  structure(c(answer, who = paste(Sys.info()[["nodename"]], Sys.getpid())), class = "firmmove_answer")
}

check_task <- function(message, memory) {
  clear_task(memory)
  remember_plan(message, memory)
  facts <- worker_facts()
  # another version may have another idea of a plan
  fits <- identical(facts$version, message$version)
  list(state = "done", facts = facts, problem = if (fits) plan_problem(message[["plan"]]))
}

clear_task <- function(memory) {
  rm(list = ls(memory, all.names = TRUE), envir = memory)
  list(state = "done")
}

slices_task <- function(message, memory) {
  if (!is.null(message[["plan"]])) {
    remember_plan(message, memory)
  }
  held <- memory[[message$plan_id]]
  if (is.null(held)) {
    return(list(state = "no_plan"))
  }
  if (is_forked()) {
    message$threads <- 1L
  }
  list(state = "done", values = lapply(message$slices, slice_value, message = message, held = held))
}

remember_plan <- function(message, memory) {
  if (is.null(memory[[message$plan_id]])) {
    held <- new.env(parent = emptyenv())
    held$plan <- message[["plan"]]
    held$slices <- list()
    assign(message$plan_id, held, envir = memory)
  }
}

slice_value <- function(s, message, held) {
  name <- as.character(s)
  if (is.null(held$slices[[name]])) {
    held$slices[[name]] <- slice_build(held$plan, s)
  }
  slice <- held$slices[[name]]
  switch(message$kind,
    counts = slice_counts(slice),
    sums = slice_sums(slice, message$kernel, message$theta, message$order, message$threads)
  )
}

# What a session must know of a process before it trusts its sums
#
# `code` tells builds of one version apart; `digits` are those of a small fit, which differ where a processor or a
# compiler rounds otherwise.
worker_facts <- local({
  known <- NULL
  function() {
    if (is.null(known)) {
      cores <- parallel::detectCores()
      known <<- list(
        version = getNamespaceVersion("firmmove")[["version"]], code = code_mark(), digits = digits_mark(),
        cores = if (is.na(cores)) 1L else cores
      )
    }
    c(list(host = Sys.info()[["nodename"]], process = Sys.getpid()), known)
  }
})

# A checksum of the words of every function of the package, the same for each installation of the same sources
code_mark <- function() {
  objects <- as.list(topenv(), sorted = TRUE)
  functions <- Filter(is.function, objects)
  words <- lapply(functions, function(f) c(names(formals(f)), all.names(body(f))))
  file <- tempfile()
  on.exit(unlink(file))
  writeLines(c(rbind(names(words), vapply(words, paste, "", collapse = " "))), file, useBytes = TRUE)
  unname(tools::md5sum(file))
}

digits_mark <- function() {
  fit <- fit_migration(~ push(land_price) + distance, wenzhou_guzhen(), control = migration_control(threads = 1))
  sprintf("%a", c(stats::coef(fit), stats::logLik(fit), stats::vcov(fit)))
}
