# What stream.R measures. Each measure is a function of the options that returns figures().
#
# The inner functions of the package are timed themselves where the question is about a part of a fit: this file is
# sourced into an environment that sees them.

figure <- function(what, value, unit, goal = NA, met = value <= goal) {
  data.frame(what = what, value = value, unit = unit, goal = goal, met = met)
}

# Busy processes of the machine, over the last minute.
processor_load <- function() {
  line <- tryCatch(readLines("/proc/loadavg"), error = function(e) "NA", warning = function(w) "NA")
  as.numeric(strsplit(line, " ")[[1]][1])
}

peak_memory <- function() {
  line <- tryCatch(grep("^VmHWM", readLines("/proc/self/status"), value = TRUE), error = function(e) "NA")
  as.numeric(gsub("[^0-9]", "", line)) / 1024
}

# The median over some calls of seconds on the clock and of computing.
median_time <- function(call, runs = 5) {
  call()
  apply(replicate(runs, time_of(call())), 1, stats::median)
}

# ---- data ---------------------------------------------------------------------------------------------------

# Terms that are not among the eight have no part in the choices either.
relational_coefficients[c("rent", "age:park")] <- 0

# Firms of ten years each; three attributes that differ in every row, so that no two occasions are alike.
stream_terms <- c("pull(wage)", "push(rent)", "keep(age)", "log(distance)", "dialect", "size:rent", "skill:wage")

# `terms` counts `stay`, which is always there.
stream_formula <- function(terms) {
  stats::reformulate(c(utils::head(rev(stream_terms), terms - 1), if (terms == 1) "1"))
}

stream_data <- function(options) {
  data <- make_relational(list(occasions = options$rows, places = options$places))
  data$firms$firm <- (seq_len(nrow(data$firms)) + 9L) %/% 10L
  data$firms$year <- rep_len(2001:2010, nrow(data$firms))
  data
}

write_data <- function(data, path, ...) {
  write_store(data$firms, path, places = data$places, ties = data$ties, time = "year", ...)
}

# A plan as a fit makes it, and its slices in this process.
plan_of <- function(options, terms = options$terms) {
  store <- open_store(options$store)
  control <- migration_control(slice = options$slice, threads = 1)
  rows <- list(weights = NULL, subset = NULL, env = globalenv())
  plan <- stream_plan(store, conditional(), stream_formula(terms), rows, stats::na.omit, control)
  plan$basis <- learn_basis(plan)
  head <- stream_head(plan)
  plan$memory <- head$setup$memory
  plan$basis <- head$design$basis
  list(plan = plan, head = head, control = control)
}

slices_of <- function(planned, room) {
  planned$plan$room <- room
  planned$plan$token <- paste("room", room)
  stream_slices(planned$plan, planned$head)
}

pass <- function(planned, slices, order) {
  theta <- numeric(length(planned$head$design$terms$name))
  slice_parts(slices, planned$head$setup$kernel, theta, order, planned$control)
}

cells <- function(options) options$rows * options$places

# ---- measures -----------------------------------------------------------------------------------------------

measures <- list()

# Rows written per second, raw and deflated, from a data frame that is there.
measures$write <- function(options) {
  data <- stream_data(utils::modifyList(options, list(rows = min(options$rows, 2e6))))
  found <- lapply(c(raw = FALSE, deflated = TRUE), function(compress) {
    path <- tempfile("store-")
    on.exit(unlink(path, recursive = TRUE))
    time <- time_of(write_data(data, path, compress = compress))
    c(time, bytes = sum(file.size(list.files(path, full.names = TRUE))))
  })
  n <- nrow(data$firms)
  do.call(rbind, lapply(names(found), function(kind) {
    rbind(
      figure(paste("rows written,", kind), n / found[[kind]][["clock"]], "rows/s"),
      figure(paste("rows written,", kind, "(computing)"), n / found[[kind]][["cpu"]], "rows/s"),
      figure(paste("bytes on disk,", kind), found[[kind]][["bytes"]] / n, "bytes/row")
    )
  }))
}

# Building a slice: reading its rows, the design in R, the layout in C; for 2, 4 and 8 terms.
measures$build <- function(options) {
  before <- peak_memory()
  found <- do.call(rbind, lapply(c(8, 4, 2), function(terms) {
    planned <- plan_of(options, terms)
    planned$plan$room <- Inf
    rows <- planned$plan$slices$last[1] / 1e6
    reading <- median_time(function() slice_data(planned$plan, 1L), 3)
    slice <- NULL
    building <- median_time(function() slice <<- slice_build(planned$plan, 1L), 3)
    rbind(
      figure(sprintf("reading rows for %d terms (computing)", terms), reading[["cpu"]] / rows, "s/million rows"),
      figure(sprintf("building a slice of %d terms, with reading", terms),
             building[["clock"]] / rows, "s/million rows"),
      figure(sprintf("building a slice of %d terms (computing)", terms), building[["cpu"]] / rows, "s/million rows"),
      figure(sprintf("bytes of a slice of %d terms", terms), slice$bytes / rows / 1e6, "bytes/row")
    )
  }))
  most <- 1e6 * (peak_memory() - before) / min(options$slice, options$rows)
  rbind(found, figure("memory for building a slice", most, "bytes/row"))
}

# One slice, one thread: seconds for a row and place by order and terms, and the sum of slices in the session.
measures$sums <- function(options) {
  kinds <- c(value = 0, score = 1, information = 2)
  found <- do.call(rbind, lapply(c(2, 4, 8), function(terms) {
    planned <- plan_of(options, terms)
    planned$plan$slices <- planned$plan$slices[1, ]
    slices <- slices_of(planned, Inf)
    do.call(rbind, lapply(names(kinds), function(kind) {
      time <- median_time(function() pass(planned, slices, kinds[[kind]]), 7)
      figure(sprintf("%s, %d terms (computing)", kind, terms),
             1e9 * time[["cpu"]] / (planned$plan$slices$last[1] * options$places), "ns/row and place")
    }))
  }))
  vectors <- replicate(2000, stats::rnorm(1 + options$terms + options$terms^2), simplify = FALSE)
  sums <- median_time(function() for (i in 1:20) .Call(C_sum_slices, vectors))
  rbind(found, figure("adding up the sums of slices", 1e6 * sums[["cpu"]] / 40000, "us/slice"))
}

# A pass over slices in memory and over the same slices in files, in turn.
measures$pass <- function(options) {
  planned <- plan_of(options)
  planned$control <- migration_control(slice = options$slice)
  held <- slices_of(planned, Inf)
  files <- slices_of(planned, 0)
  times <- replicate(5, cbind(memory = time_of(pass(planned, held, 2)), disk = time_of(pass(planned, files, 2))))
  same <- identical(pass(planned, held, 2), pass(planned, files, 2))
  of <- apply(times, 1:2, stats::median)
  ratios <- times["clock", "disk", ] / times["clock", "memory", ]
  computing <- times["cpu", "disk", ] / times["cpu", "memory", ]
  whole <- median_time(function() streamed_design(planned$plan, planned$head, held), 3)
  rbind(
    figure("slices", length(held$parts), ""),
    figure("bytes of the counts of a slice", length(serialize(held$counts[[1]], NULL, xdr = FALSE)), "bytes"),
    figure("putting counts together (computing)", 1e3 * whole[["cpu"]] / length(held$parts), "ms/slice"),
    figure("a pass in memory, value to information", of["clock", "memory"], "s"),
    figure("a pass over slices on disk", of["clock", "disk"], "s"),
    figure("disk over memory", stats::median(ratios), "times", goal = 1.3),
    figure("disk over memory (computing)", stats::median(computing), "times"),
    figure("the same digits", same, "", goal = 1, met = same)
  )
}

# The most memory that a process held that fitted the store, with the memory it was allowed; and what it did.
measures$fit <- function(options) {
  before <- peak_memory()
  evaluations <- new.env()
  count_orders(evaluations)
  store <- open_store(options$store)
  control <- migration_control(slice = options$slice, memory = options$memory)
  opened <- peak_memory()
  time <- time_of(fit <- fit_migration(stream_formula(options$terms), store, control = control))
  errors <- sqrt(diag(stats::vcov(fit)))
  distance <- (stats::coef(fit) - relational_coefficients[names(stats::coef(fit))]) / errors
  peak <- peak_memory()
  rbind(
    figure("peak of a process with the package loaded", before, "MB"),
    figure("peak with the store open", opened, "MB"),
    figure(paste("peak of a fit with memory =", options$memory), peak, "MB", goal = 1024),
    figure("the fit", time[["clock"]], "s"),
    figure("the fit (computing)", time[["cpu"]], "s"),
    figure("iterations", fit$convergence$iterations, ""),
    figure("passes for the value", evaluations$orders[["0"]], ""),
    figure("passes for the score", evaluations$orders[["1"]], ""),
    figure("passes for the information", evaluations$orders[["2"]], ""),
    if (options$terms == 8)
      figure("largest distance from the truth, in standard errors", max(abs(distance)), "", goal = 4.5)
  )
}

# Counts the passes of a fit by what they compute.
count_orders <- function(counts) {
  counts$orders <- c("0" = 0, "1" = 0, "2" = 0)
  original <- sum_of_slices
  utils::assignInNamespace("sum_of_slices", function(slices, kernel, theta, order, control) {
    counts$orders[[as.character(order)]] <- counts$orders[[as.character(order)]] + 1
    original(slices, kernel, theta, order, control)
  }, "firmmove")
}

# Messages: size and time there and back, and what they cost the session.
measures$message <- function(options) {
  workers <- migration_workers(1)
  on.exit(parallel::stopCluster(workers))
  planned <- plan_of(utils::modifyList(options, list(slice = 1000)))
  planned$plan$slices <- utils::head(planned$plan$slices, 200)
  n <- nrow(planned$plan$slices)
  planned$plan$room <- Inf
  crew <- workers_start(workers, planned$plan, planned$control)
  invisible(crew_counts(crew))
  theta <- numeric(options$terms)
  kernel <- c(planned$head$setup$kernel, list(first_groups = numeric(n)))
  sums <- function(order) crew_sums(crew, kernel, theta, order)
  for (i in 1:10) sums(2)
  whole <- median_time(function() for (i in 1:10) sums(2))
  task <- list(kind = "sums", kernel = kernel, theta = theta, order = 2, slices = 1L, threads = 1L,
               plan_id = crew$plan_id)
  empty <- utils::modifyList(task, list(slices = integer()))
  there_and_back <- function() for (i in 1:200) parallel::clusterCall(workers, worker_entry, empty)
  trip <- median_time(there_and_back)
  value <- list(state = "done", values = list(sums(2)[[1]]), who = "a host 12345")
  answer <- list(type = "VALUE", value = structure(value, class = "firmmove_answer"), success = TRUE, tag = 1)
  bytes <- function(x) length(serialize(x, NULL, xdr = FALSE))
  call <- execute(list(fun = worker_entry, args = list(task)), 1)
  plan <- utils::modifyList(task, list(plan = planned$plan))
  result <- rbind(
    figure("an empty task, there and back", 1e3 * trip[["clock"]] / 200, "ms"),
    figure("an empty task, in the session (computing)", 1e3 * trip[["cpu"]] / 200, "ms"),
    figure("a slice of 1,000 rows, in the session (computing)", 1e6 * whole[["cpu"]] / (10 * n), "us/slice"),
    figure("a task of one slice", bytes(call), "bytes"),
    figure("the plan, sent once", bytes(plan) - bytes(task), "bytes"),
    figure(sprintf("an answer for one slice, %g terms", options$terms), bytes(answer), "bytes"),
    figure("each further slice in an answer", bytes(answer$value$values[[1]]) - 14, "bytes")
  )
  crew_stop(crew)
  rbind(result, crew_figures(crew))
}

# What looking after n workers costs the session at each answer: their deadlines, and looking for work for an idle one.
crew_figures <- function(crew) {
  crew <- list(control = crew$control, owner = rep_len(1:100, 1500), state = rep("busy", 100), times = new.env())
  note_seconds(crew, "sums 2", FALSE, 0.01)
  work <- list2env(list(waiting = rep(c(TRUE, FALSE), c(200, 1300)), kind = "sums 2"))
  search <- median_time(function() for (i in 1:1000) next_batch(crew, work, 101L))
  idle <- figure("looking for work for an idle worker (computing)", 1e3 * search[["cpu"]], "us")
  rbind(idle, do.call(rbind, lapply(c(10, 100, 500), function(n) {
    many <- list(state = rep("busy", n), sent = rep(list(list(at = 0, cold = FALSE, kind = "sums 2")), n),
                 times = new.env(), batch = rep(list(1:3), n), control = crew$control)
    note_seconds(many, "sums 2", FALSE, 0.1)
    time <- median_time(function() for (i in 1:20) deadlines(many))
    figure(sprintf("deadlines of %d workers, at each answer (computing)", n), 1e3 * time[["cpu"]] / 20, "ms")
  })))
}

# The same fit by one worker and by two, a thread each.
measures$workers <- function(options) {
  store <- open_store(options$store)
  control <- migration_control(slice = options$slice, threads = 1)
  once <- function(n) {
    workers <- migration_workers(n)
    on.exit(parallel::stopCluster(workers))
    seconds <- function() sum(proc.time()[c("user.self", "sys.self")])
    used <- function() sum(unlist(parallel::clusterCall(workers, seconds)))
    before <- used()
    time <- time_of(fit <- fit_migration(stream_formula(options$terms), store, control = control, workers = workers))
    list(clock = time[["clock"]], session = time[["cpu"]], workers = used() - before, coefficients = stats::coef(fit))
  }
  one <- once(1)
  two <- once(2)
  again <- once(1)
  same <- identical(one$coefficients, two$coefficients)
  alone <- (one$clock + again$clock) / 2
  rbind(
    figure("the fit by 1 worker, mean of before and after", alone, "s"),
    figure("the fit by 2 workers", two$clock, "s"),
    figure("1 worker over 2 workers", alone / two$clock, "times", goal = 1.85, met = alone / two$clock >= 1.85),
    figure("computing of 1 worker", one$workers, "s"),
    figure("computing of 2 workers, together", two$workers, "s"),
    figure("computing of the session beside 1 worker", one$session, "s"),
    figure("computing of the session beside 2 workers", two$session, "s"),
    figure("the same digits", same, "", goal = 1, met = same)
  )
}

# Not a measure of its own: the store that all the others read.
measures$make <- function(options) {
  write_data(stream_data(options), options$store)
  figure("rows", options$rows, "")
}
