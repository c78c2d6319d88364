# A crew: the processes of `workers =` at work on one fit.
#
# The rows of a store are cut into slices. A crew knows which worker keeps which slice (`owner`), hands out the
# slices of a pass in batches, and collects a vector of sums for each slice. Who computed a slice changes no digit:
# a slice is always summed in the same way, and the sums of the slices are added in the order of the slices.
#
# A batch is half of what a worker still has to do, within limits of time, so that a worker that is done early
# finds slices of others to take over, and a fit that is interrupted has to wait for a moment only. A worker that
# dies, or is silent for much longer than others need, loses its slices to the others; when nobody is left, the
# session computes them itself.

# Seconds of work that a batch should at least be worth a message, and at most keep a worker out of reach.
batch_seconds <- c(0.05, 2)
# A worker is silent when it takes so many times as long as such slices usually take.
patience_factor <- 10
# Seconds given to workers to load the package and look at the store when a fit starts.
start_seconds <- 60
# Seconds given to workers to finish what they are at when a fit ends before its time.
settle_seconds <- 10

# Start and end --------------------------------------------------------------------------------------------------

# The crew of a fit: checks each worker, and deals the slices in runs
# workers: A cluster object.
# plan: A plan, with `slices`, a data frame of a row each.
# control: Of migration_control().
# Value: An environment of class `crew`.
workers_start <- function(workers, plan, control) {
  crew <- new.env(parent = emptyenv())
  class(crew) <- "crew"
  crew$engine <- engine_of(workers)
  crew$plan <- plan
  crew$plan_id <- new_plan_id()
  crew$control <- control
  crew$started <- elapsed()
  crew$events <- list()
  crew$times <- new.env(parent = emptyenv())
  crew$memory <- new.env(parent = emptyenv())
  n <- length(workers)
  crew$state <- rep("idle", n)
  crew$task <- rep(NA_real_, n)
  crew$has_plan <- rep(FALSE, n)
  crew$batch <- rep(list(integer()), n)
  crew$sent <- vector("list", n)
  crew$facts <- vector("list", n)
  checked <- FALSE
  on.exit(if (!checked) crew_settle(crew))
  check_workers(crew)
  checked <- TRUE
  crew$threads <- threads_by_host(crew)
  crew$owner <- rep(NA_integer_, nrow(plan$slices))
  crew$cached <- matrix(FALSE, nrow(plan$slices), n)
  live <- which(crew$state == "idle")
  crew$owner <- live[cut_runs(nrow(plan$slices), length(live))]
  crew
}

# An id for a plan that no other plan has, of whatever session, since a worker may serve several
new_plan_id <- local({
  count <- 0L
  function() {
    count <<- count + 1L
    paste(Sys.info()[["nodename"]], Sys.getpid(), format(Sys.time(), "%Y%m%d%H%M%OS6"), count, sep = "-")
  }
})

# The run that each of n slices falls in when they are cut into k runs of the same length
cut_runs <- function(n, k) {
  if (k == 0L) integer() else as.integer(ceiling(seq_len(n) * (k / n)))
}

# The task numbers of this session; a worker is sent each at most once
next_task <- local({
  count <- 0
  function() {
    count <<- count + 1
    count
  }
})

# Threads of each worker: as many as asked for, but no more in all than its machine has cores
threads_by_host <- function(crew) {
  hosts <- vapply(crew$facts, function(facts) if (is.null(facts)) NA_character_ else facts$host, "")
  beside <- table(hosts)
  vapply(seq_along(hosts), function(i) {
    if (is.na(hosts[i])) {
      return(1L)
    }
    share <- crew$facts[[i]]$cores %/% beside[[hosts[i]]]
    as.integer(max(1L, min(crew$control$threads, share)))
  }, 1L)
}

# Ends a crew: workers forget its plan and slices; the cluster stays, it is the user's
crew_stop <- function(crew) {
  crew_settle(crew)
  for (i in which(crew$state == "idle")) {
    crew_send(crew, i, list(kind = "clear"), integer())
  }
  crew_settle(crew)
  rm(list = ls(crew$memory, all.names = TRUE), envir = crew$memory)
  warn_of_events(crew)
  invisible(crew_report(crew))
}

warn_of_events <- function(crew) {
  told <- Filter(function(event) event$event %in% c("left out", "lost", "silent", "session"), crew$events)
  owing <- which(crew$state == "silent")
  if (length(told) > 0L || length(owing) > 0L) {
    names <- vapply(owing, function(i) worker_name(crew, i), "")
    warn(
      "Not all workers worked to the end. Others computed their part, and the result is the same to the last digit. ",
      paste0(vapply(told, `[[`, "", "said"), ". ", collapse = ""),
      if (length(owing) > 0L) {
        paste0(
          paste(names, collapse = ", "), " may still send an answer: later fits know to drop it, but other calls ",
          "to these workers would not. "
        )
      },
      "parallel::stopCluster() and migration_workers() give a fresh set.",
      class = "workers"
    )
  }
}

# Waits until no answer is outstanding, so that the cluster can be used for something else; an interrupt waits with it
crew_settle <- function(crew, seconds = settle_seconds) {
  suspendInterrupts(settle_answers(crew, seconds))
}

settle_answers <- function(crew, seconds) {
  end <- elapsed() + seconds
  while (any(crew$state == "busy") && elapsed() < end) {
    busy <- which(crew$state == "busy")
    for (i in busy[engine_ready(crew$engine, busy, min(1, seconds))]) {
      got <- engine_receive(crew$engine, i)
      if (got$lost) {
        crew$state[i] <- "lost"
      } else if (identical(got$task, crew$task[i])) {
        crew$state[i] <- "idle"
      }
    }
  }
  crew$state[crew$state == "busy"] <- "silent"
}

# Check of the workers -------------------------------------------------------------------------------------------

# Asks each worker for its version, its digits and the store
#
# What the user can set right (a package, a version, a path) is an error, or a fit would run on fewer machines than
# it was given. A worker that is dead or does not answer is left out.
check_workers <- function(crew) {
  message <- list(kind = "check", plan = crew$plan, version = worker_facts()$version)
  for (i in seq_along(crew$state)) {
    crew_send(crew, i, message, integer())
  }
  problems <- list()
  end <- elapsed() + max(start_seconds, crew$control$patience)
  while (any(crew$state == "busy") && elapsed() < end) {
    busy <- which(crew$state == "busy")
    for (i in busy[engine_ready(crew$engine, busy, min(1, max(0, end - elapsed())))]) {
      problems[[as.character(i)]] <- suspendInterrupts(check_answer(crew, i, engine_receive(crew$engine, i)))
    }
  }
  for (i in which(crew$state != "idle")) {
    why <- if (crew$state[i] == "busy") " does not answer" else " is gone"
    # one that was never checked does not come back
    crew$state[i] <- "lost"
    crew_event(crew, i, "left out", 0L, paste0(worker_name(crew, i), why, " and is left out"))
  }
  stop_for_problems(crew, problems)
  warn_of_digits(crew)
  if (!any(crew$state == "idle")) {
    abort("None of the ", length(crew$state), " workers answers. Start new ones, as with migration_workers().",
      class = "workers"
    )
  }
}

# Takes the answer of worker i to the check; what is wrong with it, or NULL
check_answer <- function(crew, i, got) {
  if (got$lost) {
    crew$state[i] <- "lost"
    return(NULL)
  }
  if (!identical(got$task, crew$task[i])) {
    return(NULL)
  }
  crew$state[i] <- "idle"
  if (!inherits(got$value, "firmmove_answer")) {
    return(list(what = paste0("answers \"", got$error, "\""), remedy = "Start new workers"))
  }
  crew$facts[[i]] <- got$value$facts
  crew$has_plan[i] <- TRUE
  answer_problem(got$value)
}

answer_problem <- function(answer) {
  mine <- worker_facts()
  theirs <- answer$facts
  if (identical(answer$state, "no_package")) {
    if (!is.null(theirs$version)) {
      return(other_version(theirs$version, mine$version))
    }
    return(list(
      what = paste0("cannot load the package firmmove from ", paste(theirs$libraries, collapse = ", ")),
      remedy = "Install it there, or show the workers where it is: parallel::clusterEvalQ(workers, .libPaths(\"...\"))"
    ))
  }
  if (identical(answer$state, "error")) {
    return(list(what = paste0("fails: ", answer$message), remedy = "Start new workers"))
  }
  if (!identical(theirs$version, mine$version)) {
    return(other_version(theirs$version, mine$version))
  }
  if (!identical(theirs$code, mine$code)) {
    return(list(
      what = paste0("has another build of firmmove ", mine$version, " than this session"),
      remedy = "Install both from the same sources, and restart the session and the workers"
    ))
  }
  answer$problem
}

other_version <- function(theirs, mine) {
  list(
    what = paste0("has firmmove ", theirs, ", this session has ", mine),
    remedy = "Install the same version on both, and restart the workers"
  )
}

# One error for all that is wrong: the first problem, and which workers have it
stop_for_problems <- function(crew, problems) {
  if (length(problems) == 0L) {
    return(invisible())
  }
  problems <- problems[order(as.integer(names(problems)))]
  what <- vapply(problems, `[[`, "", "what")
  same <- what == what[1L]
  who <- vapply(as.integer(names(problems)[same]), function(i) worker_name(crew, i), "")
  others <- if (sum(same) > 1L) paste0(" The same holds for ", paste(who[-1L], collapse = ", "), ".")
  more <- if (any(!same)) paste0(" ", plural(sum(!same), "more worker"), " cannot be used for other reasons.")
  abort(who[1L], " ", what[1L], ". ", problems[[1L]]$remedy, ".", others, more, class = "workers")
}

warn_of_digits <- function(crew) {
  differs <- vapply(crew$facts, function(facts) {
    !is.null(facts) && !identical(facts$digits, worker_facts()$digits)
  }, NA)
  if (any(differs)) {
    who <- vapply(which(differs), function(i) worker_name(crew, i), "")
    warn(
      paste(who, collapse = ", "), if (sum(differs) == 1L) " rounds" else " round",
      " differently from this session (another processor or compiler): the last digits of results depend on which ",
      "worker computes what.",
      class = "worker_digits"
    )
  }
}

# How a worker is named to the user
worker_name <- function(crew, i) {
  facts <- crew$facts[[i]]
  if (is.null(facts)) {
    return(paste("Worker", i))
  }
  paste0("Worker ", i, " (", facts$host, ", process ", facts$process, ")")
}

# What happened --------------------------------------------------------------------------------------------------

# Notes an event; the user is told at once of all but slices that merely changed hands
crew_event <- function(crew, i, event, slices, said) {
  crew$events[[length(crew$events) + 1L]] <- list(
    worker = i, event = event, slices = as.integer(slices), seconds = elapsed() - crew$started, said = said
  )
  if (event != "moved") {
    inform("Workers: ", said, ".", class = "workers")
  }
}

# What happened to the workers of a fit
# Value: A data frame with a row for each event, in order: `worker` (its number, NA for the session itself), `host`,
#   `process`, `event` ("left out", "lost", "silent", "back", "moved": took over slices of another, "session": slices
#   were computed by the session), `slices` (how many were concerned), `seconds` since the start.
crew_report <- function(crew) {
  column <- function(name, type) vapply(crew$events, `[[`, type, name)
  worker <- column("worker", 1L)
  fact <- function(name, type) {
    vapply(worker, function(i) {
      facts <- if (!is.na(i)) crew$facts[[i]]
      if (is.null(facts)) type[NA_integer_] else facts[[name]]
    }, type)
  }
  data.frame(
    worker = worker, host = fact("host", ""), process = fact("process", 1L), event = column("event", ""),
    slices = column("slices", 1L), seconds = column("seconds", 1)
  )
}

# A pass ---------------------------------------------------------------------------------------------------------

# What slice_counts() gives, by slice
crew_counts <- function(crew) crew_pass(crew, list(kind = "counts"))

# What slice_sums() gives, by slice
# theta: Coefficients.
# order: 0: value, 1: and score, 2: and information.
crew_sums <- function(crew, kernel, theta, order) {
  crew_pass(crew, list(kind = "sums", kernel = kernel, theta = theta, order = order))
}

# Has a message carried out for each slice
crew_pass <- function(crew, message) {
  on.exit(if (!all(work$done)) crew_settle(crew))
  n <- length(crew$owner)
  # an answer that comes late from the pass before finds no batch, and is dropped
  crew$batch[] <- list(integer())
  work <- new.env(parent = emptyenv())
  work$message <- message
  work$kind <- paste(message$kind, message$order)
  work$waiting <- rep(TRUE, n)
  work$done <- rep(FALSE, n)
  work$values <- vector("list", n)
  while (!all(work$done)) {
    hand_out(crew, work)
    alone <- !any(crew$state == "busy")
    if (alone && any(work$waiting)) {
      compute_here(crew, work)
    }
    collect(crew, work, if (alone) 0 else next_deadline(crew))
    recall_silent(crew, work)
  }
  work$values
}

# Gives each idle worker a batch
hand_out <- function(crew, work) {
  for (i in which(crew$state == "idle")) {
    batch <- next_batch(crew, work, i)
    if (length(batch) == 0L) {
      next
    }
    work$waiting[batch] <- FALSE
    crew$batch[[i]] <- batch
    message <- c(work$message, list(slices = batch, threads = crew$threads[i]))
    if (!crew_send(crew, i, message, batch, work$kind)) {
      worker_lost(crew, work, i)
    }
  }
}

# The slices worker i does next: of its own, else of nobody's, else from the tail of who has most left
next_batch <- function(crew, work, i) {
  waiting <- which(work$waiting)
  owner <- crew$owner[waiting]
  mine <- waiting[which(owner == i)]
  if (length(mine) > 0L) {
    return(utils::head(mine, batch_size(crew, work, i, mine, length(mine))))
  }
  free <- waiting[is.na(owner)]
  if (length(free) > 0L) {
    share <- ceiling(length(free) / sum(crew$state %in% c("idle", "busy")))
    return(utils::head(free, batch_size(crew, work, i, free, share)))
  }
  left <- tabulate(owner, length(crew$state))
  slow <- which.max(left)
  # what its owner has done before a message could help is left to it
  usual <- usual_seconds(crew, work$kind, FALSE)
  if (left[slow] < 2L || (!is.na(usual) && left[slow] * usual < 2 * batch_seconds[1L])) {
    return(integer())
  }
  tail <- utils::tail(waiting[owner == slow], left[slow] %/% 2L)
  batch <- utils::tail(tail, batch_size(crew, work, i, tail, length(tail)))
  crew_event(crew, i, "moved", length(batch), "slices changed hands")
  batch
}

# Half of the slices, but neither so few that messages cost more than work, nor so many that it takes long
batch_size <- function(crew, work, i, slices, share) {
  usual <- usual_seconds(crew, work$kind, !all(crew$cached[slices, i]))
  if (is.na(usual)) {
    return(1L)
  }
  limits <- batch_seconds / max(usual, 1e-6)
  min(share, max(ceiling(share / 2), ceiling(limits[1L])), max(1, floor(limits[2L])))
}

# Seconds that a slice usually takes in a task of this kind, read first or not; NA when not known yet
usual_seconds <- function(crew, kind, cold) {
  known <- crew$times[[paste(kind, cold)]]
  if (is.null(known)) NA_real_ else stats::median(known)
}

note_seconds <- function(crew, kind, cold, seconds) {
  name <- paste(kind, cold)
  assign(name, utils::tail(c(crew$times[[name]], seconds), 25L), envir = crew$times)
}

# Sends worker i a message; FALSE when it is gone
crew_send <- function(crew, i, message, slices, kind = message$kind) {
  crew$task[i] <- next_task()
  message$plan_id <- crew$plan_id
  cold <- length(slices) > 0L && !all(crew$cached[slices, i])
  if (length(slices) > 0L && !crew$has_plan[i]) {
    message$plan <- crew$plan
    crew$has_plan[i] <- TRUE
  }
  crew$sent[[i]] <- list(at = elapsed(), cold = cold, kind = kind)
  # sent and noted in one: an interrupt between would leave an answer that nobody waits for
  suspendInterrupts({
    gone <- !engine_send(crew$engine, i, list(fun = worker_entry, args = list(message)), crew$task[i])
    crew$state[i] <- if (gone) "lost" else "busy"
  })
  !gone
}

# Answers --------------------------------------------------------------------------------------------------------

# Waits for answers and takes them
collect <- function(crew, work, seconds) {
  owing <- which(crew$state %in% c("busy", "silent"))
  if (length(owing) == 0L) {
    return(invisible())
  }
  for (i in owing[engine_ready(crew$engine, owing, seconds)]) {
    # taken and noted in one, or an interrupt between would wait for an answer that has come
    suspendInterrupts(take_answer(crew, work, i, engine_receive(crew$engine, i)))
  }
}

take_answer <- function(crew, work, i, got) {
  if (got$lost) {
    return(worker_lost(crew, work, i))
  }
  # the answer to a call of an earlier fit, or of somebody else
  if (!identical(got$task, crew$task[i])) {
    return(invisible())
  }
  if (!is.null(got$error)) {
    abort(worker_name(crew, i), " fails: ", got$error, class = "workers")
  }
  if (crew$state[i] == "silent") {
    crew_event(crew, i, "back", 0L, paste(worker_name(crew, i), "answers again"))
  }
  crew$state[i] <- "idle"
  switch(got$value$state,
    done = take_values(crew, work, i, got$value$values),
    error = pass_on(crew, i, got$value),
    take_back(crew, work, i, forget = got$value$state == "no_plan")
  )
}

take_values <- function(crew, work, i, values) {
  batch <- crew$batch[[i]]
  sent <- crew$sent[[i]]
  if (length(batch) == 0L) {
    return(invisible())
  }
  note_seconds(crew, sent$kind, sent$cold, (elapsed() - sent$at) / length(batch))
  crew$cached[batch, i] <- TRUE
  fresh <- !work$done[batch]
  work$values[batch[fresh]] <- values[fresh]
  work$done[batch] <- TRUE
  work$waiting[batch] <- FALSE
  crew$owner[batch[fresh]] <- i
  crew$batch[[i]] <- integer()
}

# An error of the computation is the user's to see, wherever it happened
pass_on <- function(crew, i, answer) {
  stop(structure(
    class = answer$class,
    list(message = paste0(answer$message, " (on ", sub("^W", "w", worker_name(crew, i)), ")"), call = NULL)
  ))
}

# What worker i was given and has not done waits again
take_back <- function(crew, work, i, forget) {
  if (forget) {
    crew$has_plan[i] <- FALSE
    crew$cached[, i] <- FALSE
  }
  batch <- crew$batch[[i]]
  work$waiting[batch[!work$done[batch]]] <- TRUE
}

worker_lost <- function(crew, work, i) {
  crew$state[i] <- "lost"
  give_up(crew, work, i, "lost", "was lost")
}

# Workers that take much longer than others usually do lose their slices; a late answer is still welcome
recall_silent <- function(crew, work) {
  for (i in which(crew$state == "busy" & deadlines(crew) <= elapsed())) {
    crew$state[i] <- "silent"
    waited <- round(elapsed() - crew$sent[[i]]$at)
    give_up(crew, work, i, "silent", paste0("has not answered for ", plural(waited, "second")))
  }
}

# The slices of worker i become anybody's
give_up <- function(crew, work, i, event, said) {
  take_back(crew, work, i, forget = event == "lost")
  slices <- sum(crew$owner == i, na.rm = TRUE)
  crew$owner[which(crew$owner == i)] <- NA
  left <- sum(crew$state %in% c("idle", "busy"))
  to <- if (left > 0L) paste("to", plural(left, "other worker")) else "to this session, as no other worker is there"
  crew_event(crew, i, event, slices, paste0(
    worker_name(crew, i), " ", said, if (slices > 0L) paste0(": its ", plural(slices, "slice"), " go ", to)
  ))
}

# When the patience with each worker ends
deadlines <- function(crew) {
  vapply(seq_along(crew$state), function(i) {
    sent <- crew$sent[[i]]
    usual <- usual_seconds(crew, sent$kind, sent$cold)
    if (is.na(usual)) {
      return(Inf)
    }
    sent$at + max(crew$control$patience, patience_factor * usual * length(crew$batch[[i]]))
  }, 1)
}

# Seconds to wait for an answer: until a patience ends, at most one, so that an interrupt is noticed
next_deadline <- function(crew) {
  max(0, min(1, deadlines(crew)[crew$state == "busy"] - elapsed()))
}

# One slice, computed by the session itself, with the function that workers use
compute_here <- function(crew, work) {
  s <- which(work$waiting)[1L]
  if (!isTRUE(crew$alone)) {
    crew$alone <- TRUE
    left <- sum(work$waiting)
    crew_event(crew, NA_integer_, "session", left, paste0(
      "This session computes ", plural(left, "slice"), " of this pass itself, as no worker is there"
    ))
  }
  message <- c(work$message, list(
    slices = s, threads = crew$control$threads, plan = crew$plan, plan_id = crew$plan_id
  ))
  work$values[s] <- slices_task(message, crew$memory)$values
  work$waiting[s] <- FALSE
  work$done[s] <- TRUE
}
