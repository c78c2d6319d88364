# What calls the kernels of a fit: log-likelihood and derivatives at given parameters, and the maximum.

# The part of the control that the C entry points read
kernel_control <- function(control) {
  kernel <- control[c("threads", "max_iterations", "tolerance", "rank_tolerance")]
  if (is_forked()) {
    kernel$threads <- 1L
  }
  kernel
}

# What C reads to fit, with a bar for the function that asks
watched_control <- function(control, owner = parent.frame()) {
  c(kernel_control(control), list(report = progress_fit(owner)))
}

# One maximisation. A coefficient of a term that turns out not to be estimable must stay at 0, or the others would
# make up for its start value. The last `n_extra` of theta are the model's own.
maximise <- function(spec, kernel, theta, fixed, control, n_extra = 0L) {
  asked <- watched_control(control)
  raw <- fit_kernel(spec, kernel, theta, fixed, asked)
  linear <- seq_along(theta) <= length(theta) - n_extra
  stray <- raw$aliased > 0L & theta != 0 & !fixed & linear
  if (any(stray)) {
    theta[stray] <- 0
    raw <- fit_kernel(spec, kernel, theta, fixed, asked)
  }
  raw
}

# The maximum of a model's log-likelihood, as C_fit returns it, of a spec with slices or without
fit_kernel <- function(spec, kernel, theta, fixed, control) {
  if (is.null(spec$slices)) {
    return(.Call(C_fit, spec, kernel, theta, fixed, control))
  }
  problem <- NULL
  evaluate <- function(theta, order, question) {
    if (!is.null(question)) kernel <- list(kind = "along", question = question)
    tryCatch(sum_of_slices(spec$slices, kernel, theta, order, control), error = function(e) {
      problem <<- e
      NULL
    })
  }
  shape <- spec$slices$shape
  # the core takes a slice that cannot be computed for an interrupt
  withCallingHandlers(
    .Call(C_fit_sums, evaluate, shape, without_arrays(kernel), theta, fixed, control),
    firmmove_interrupt = function(e) if (!is.null(problem)) stop(problem)
  )
}

# Value, score and information at given parameters, as C_evaluate returns them
evaluate_kernel <- function(spec, kernel, theta, order, control) {
  if (is.null(spec$slices)) {
    return(.Call(C_evaluate, spec, kernel, theta, order, control))
  }
  sums <- sum_of_slices(spec$slices, kernel, theta, order, control)
  p <- length(theta)
  list(
    value = sums[1L], score = if (order >= 1L) sums[1L + seq_len(p)],
    information = if (order >= 2L) matrix(sums[1L + p + seq_len(p^2)], p)
  )
}

sum_of_slices <- function(slices, kernel, theta, order, control) {
  .Call(C_sum_slices, slice_parts(slices, kernel, theta, order, control))
}
