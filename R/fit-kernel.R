# The objective of a fit: where a log-likelihood, its score and its information come from, and the maximum.
#
# A source of sums is one of
#   design_sums                 a spec, passed over whole by the core
#   local_slices, crew_slices   slices held by this process (fit-slices.R) or by workers (fit-stream.R)
# with methods of evaluate_sums(), count_along() and close_sums(), as an fm_objective of the core has its functions. A
# source has `extent`, the numbers the core must know before it has a design, and `head`, the first slice as data of its
# own (NULL of a design). Everything else takes any of them.

# Value, score and information of a kernel at theta, as far as `order` asks: list(value, score, information)
evaluate_sums <- function(sums, kernel, theta, order, control) {
  UseMethod("evaluate_sums")
}

# For a direction of the linear parameters, how many occasions lose utility along it, or how far choices reach (see
# core/choice/separation.h); `question` is c(what, tolerance)
count_along <- function(sums, direction, question, control) {
  UseMethod("count_along")
}

# Gives back what a source holds, when a fit ends
close_sums <- function(sums) {
  UseMethod("close_sums")
}

# A design as a source --------------------------------------------------------------------------------

design_sums <- function(spec) {
  structure(list(spec = spec, extent = spec_extent(spec), head = NULL), class = "design_sums")
}

# Terms, places, and whether there are constants of places
spec_extent <- function(spec) {
  as.double(c(term_count(spec), spec$J, isTRUE(spec$effects)))
}

evaluate_sums.design_sums <- function(sums, kernel, theta, order, control) {
  .Call(C_evaluate, sums$spec, kernel, theta, order, control)
}

# The core makes a slice of all occasions, which is what it counts over
count_along.design_sums <- function(sums, direction, question, control) {
  slice <- .Call(C_slices_new, sums$spec, NULL, as.double(n_occasions(sums$spec)), NULL, NULL)[[1L]]
  on.exit(.Call(C_slice_free, slice))
  .Call(C_slice_count, slice, direction, question, control)
}

close_sums.design_sums <- function(sums) {
  invisible()
}

# Maximum ---------------------------------------------------------------------------------------------

# The part of the control that the C entry points read
kernel_control <- function(control) {
  read <- c("threads", "max_iterations", "tolerance", "rank_tolerance", "lower", "upper", "unit")
  kernel <- control[intersect(read, names(control))]
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
maximise <- function(sums, kernel, theta, fixed, control, n_extra = 0L) {
  asked <- watched_control(control)
  raw <- fit_kernel(sums, kernel, theta, fixed, asked)
  linear <- seq_along(theta) <= length(theta) - n_extra
  stray <- raw$aliased > 0L & theta != 0 & !fixed & linear
  if (any(stray)) {
    theta[stray] <- 0
    raw <- fit_kernel(sums, kernel, theta, fixed, asked)
  }
  raw
}

# The maximum of a model's log-likelihood, as C_fit returns it. Of a design the core does all by itself; other sources
# it asks for sums.
fit_kernel <- function(sums, kernel, theta, fixed, control) {
  if (!is.null(sums$spec)) {
    return(.Call(C_fit, sums$spec, kernel, theta, fixed, control))
  }
  failure <- NULL
  ask <- function(theta, order, question) {
    answer <- function() {
      if (!is.null(question)) {
        return(count_along(sums, theta, question, control))
      }
      found <- evaluate_sums(sums, kernel, theta, order, control)
      c(found$value, found$score, found$information)
    }
    tryCatch(answer(), error = function(e) {
      failure <<- e
      NULL
    })
  }
  # the core takes a slice that cannot be computed for an interrupt
  withCallingHandlers(
    .Call(C_fit_sums, ask, sums$extent, without_arrays(kernel), theta, fixed, control),
    firmmove_interrupt = function(e) if (!is.null(failure)) stop(failure)
  )
}

# A kernel without its arrays that have an entry for each occasion or each group
without_arrays <- function(kernel) {
  if (!is.null(kernel$group)) kernel$group <- integer()
  none <- group_arrays(kernel, integer())
  kernel[names(none)] <- none
  kernel
}

# What a kernel has by group, as its `by_group` declares, for some groups
group_arrays <- function(kernel, groups) {
  arrays <- Filter(Negate(is.null), kernel[kernel$by_group])
  lapply(arrays, function(x) if (is.matrix(x)) x[, groups, drop = FALSE] else x[groups])
}

# What the stop rule is relative to: the mean weight, as a power of two so that no digit changes
weight_unit <- function(design) {
  w <- design$spec$weights
  counts <- design$counts %||% if (!is.null(w)) list(weight = sum(w), n = sum(w > 0))
  size <- if (is.null(counts$weight)) 1 else counts$weight / counts$n
  if (is.finite(size) && size > 0) 2^round(log2(size)) else 1
}

# Far from a maximum the information may be indefinite and Newton's method slow: a few steps with outer products of the
# firms' scores lead to where it is not (many would be slow again). With censored coefficients the score jumps where a
# draw crosses zero, so the top is found to fewer digits.
climb <- function(sums, kernel, start, fixed, control) {
  asked <- watched_control(control)
  if (any(kernel$transform == "censored")) {
    asked$tolerance <- max(asked$tolerance, 1e-9)
  }
  near <- asked
  near$tolerance <- max(asked$tolerance, 1e-6)
  near$max_iterations <- min(asked$max_iterations, 4L)
  kernel$outer <- TRUE
  approach <- fit_kernel(sums, kernel, start, fixed, near)
  kernel$outer <- FALSE
  asked$max_iterations <- max(asked$max_iterations - approach$iterations, 0L)
  raw <- fit_kernel(sums, kernel, approach$theta, fixed, asked)
  raw$iterations <- raw$iterations + approach$iterations
  raw$evaluations <- raw$evaluations + approach$evaluations
  raw$value_start <- approach$value_start
  raw
}
