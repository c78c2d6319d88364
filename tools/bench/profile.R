# Where the time of our own call goes: the stages of fit_migration(), as migration_control(trace = TRUE) tells them,
# and the passes over the data. A pass is one evaluation of the log-likelihood, with its score and its information
# matrix as asked; the kernel's limit is stated per occasion, place and core of a pass.

profile_call <- function(call, data, fit) {
  list(stages = stage_seconds(call, data), passes = pass_times(fit),
       iterations = fit$convergence$iterations, evaluations = fit$convergence$evaluations,
       digits = min(fit$convergence$digits, na.rm = TRUE))
}

# Seconds until each message of the trace, and from the last to the end.
stage_seconds <- function(call, data) {
  invisible(gc())
  at <- proc.time()[["elapsed"]]
  stage <- "start"
  withCallingHandlers(
    call(data, control = firmmove::migration_control(trace = TRUE)),
    firmmove_message_trace = function(m) {
      at <<- c(at, proc.time()[["elapsed"]])
      stage <<- c(stage, sub("^fit_migration: (.*) done.*$", "\\1", trimws(conditionMessage(m))))
      invokeRestart("muffleMessage")
    }
  )
  at <- c(at, proc.time()[["elapsed"]])
  stats::setNames(diff(at), c(stage[-1], "rest"))
}

# Times of laying out the data, and of a pass at the estimates for the value, with the score, and with the
# information as well. An evaluation lays out once and passes once; a fit lays out once and passes several times,
# nearly always with the information: the difference tells the two apart.
pass_times <- function(fit) {
  internal <- asNamespace("firmmove")
  design <- internal$fit_design(fit)
  spec <- design$spec
  control <- internal$kernel_control(fit$control)
  theta <- design$theta
  evaluate <- function(order) {
    call <- function() time_of(.Call(internal$C_evaluate, spec, design$kernel, theta, order, control))
    apply(replicate(3, call()), 1, stats::median)
  }
  once <- vapply(0:2, evaluate, c(clock = 0, cpu = 0))
  start <- replace(theta, design$layout$linear, 0)
  whole <- time_of(raw <- .Call(internal$C_fit, spec, design$kernel, start, logical(length(start)), control))
  pass <- (whole - once[, 3]) / (raw$evaluations - 1)
  layout <- pmax(0, once[, 3] - pass)
  cbind(layout = layout, value = once[, 1] - layout, score = once[, 2] - layout, information = pass)
}
