# Slices: runs of occasions whose log-likelihood, score and information are added up, so that a fit need not hold all
# its data at once, or in one process. They are cut by the rows of the data (slices_of_firms()), never by the memory,
# the threads or the workers there are, so that these do not change a digit of the result.
#
# A slice is list(pointer, extent, arrays, groups, units, bytes): the built design as an external pointer (NULL when
# no occasion of its rows counts), the numbers of spec_extent(), and what the model has by group. A set of slices is a
# source of sums (fit-kernel.R) of class "slice_set" with a method of slice_parts(): in this process (local_slices()) or
# on workers (fit-stream.R).

# What a slice is asked --------------------------------------------------------------------------------

# Read and compile slice `s` of a plan
#
# A plan is all that is needed to compute sums of any slice, without the rows; its class has a method that returns
# an object for slice_sums() and slice_counts(). It runs on the workers, and in the session when none is left.
slice_build <- function(plan, s) UseMethod("slice_build")

# The sums of a slice at coefficients `theta`: value, score, information, as far as `order` asks
slice_sums <- function(slice, kernel, theta, order, threads) UseMethod("slice_sums")

# What is counted of a slice before the first pass
slice_counts <- function(slice) UseMethod("slice_counts")

# Which rows ------------------------------------------------------------------------------------------

# Slices of rows whose firms follow each other (see store_slices() for those of a store)
# firm: code of the firm of each row.
slices_of_firms <- function(firm, rows) {
  n <- length(firm)
  ends <- which(c(firm[-1L] != firm[-n], TRUE))
  cut_slices(n, rows, function(row) ends[findInterval(row - 1, ends) + 1L])
}

# The order in which the rows of each firm follow each other, firms by first appearance; NULL when they do
firm_order <- function(firm) {
  ends <- which(c(firm[-1L] != firm[-length(firm)], TRUE))
  if (anyDuplicated(firm[ends]) == 0L) {
    return(NULL)
  }
  order(match(firm, unique(firm)), method = "radix")
}

# Slices of data in memory ----------------------------------------------------------------------------

# The source of the sums of a design: slices where it is larger than one and the model allows it
# Value: list(setup, sums). With slices, the start values and scales of the setup are those of the first, as they are
#   when the data are streamed.
sums_in_memory <- function(model, formula, design, setup, data, rows, na.action, control) {
  firm <- data$index$firm
  ordering <- if (length(firm) > control$slice) firm_order(firm)
  scattered <- !is.null(ordering) && !can_reorder(design$spec)
  if (!can_slice(model) || length(firm) <= control$slice || is.unsorted(design$occasion) || scattered) {
    return(list(setup = setup, sums = design_sums(design$spec)))
  }
  ordering <- ordering %||% seq_along(firm)
  cut <- slices_of_firms(firm[ordering], control$slice)
  parts <- cut_design(design, setup$kernel, ordering, cut)
  head <- ordering[seq_len(cut$last[attr(parts, "first")])]
  if ("peers" %in% all.names(formula)) {
    atoms <- model_atoms(model, formula, data, rows, environment(formula))$atoms
    data$peer_counts <- learn_peers(Filter(function(atom) !counts_links(atom$peers, data), atoms), function(s) data, 1L)
  }
  counted <- rows_in_use(design, length(firm))
  head <- first_slice(model, formula, rows_of(data, head), lapply(counted, `[`, head), na.action, design$basis, setup$memory)
  list(
    setup = utils::modifyList(setup, head$setup[c("start", "scale")]),
    sums = local_slices(parts, spec_extent(design$spec), head)
  )
}

# The occasions of a design as slices of the rows order[first], ..., order[last]
# Value: list of slices; attribute `first`: which of the cuts was the first with an occasion.
cut_design <- function(design, kernel, order, cut) {
  position <- integer(length(order))
  position[order] <- seq_along(order)
  at <- position[design$occasion]
  occasions <- if (is.unsorted(at)) order(at)
  last <- findInterval(cut$last, if (is.null(occasions)) at else at[occasions])
  first <- c(0L, last[-length(last)])
  used <- which(first < last)
  group <- if (!is.null(occasions)) kernel$group[occasions] else kernel$group
  structure(new_slices(design$spec, kernel, occasions, last[used], group), first = used[1L])
}

can_slice.migration_model <- function(model) {
  FALSE
}

# Which of n rows, or occasions of long data, a design has, and their weights
rows_in_use <- function(design, n) {
  weights <- design$spec$weights
  list(
    weights = if (!is.null(weights)) replace(numeric(n), design$occasion, weights),
    subset = replace(logical(n), design$occasion, TRUE)
  )
}

# The first slice as data of its own: starts and scales are taken from it
first_slice <- function(model, formula, data, rows, na.action, basis, memory) {
  design <- model_design(model, formula, data,
    weights = rows$weights, subset = rows$subset, na.action = na.action, basis = basis,
    env = environment(formula)
  )
  list(data = data, design = design, setup = suppressWarnings(first_setup(model, data, design, memory)))
}

first_setup.migration_model <- function(model, data, design, memory) {
  model_setup(model, data, design)
}

# A slice ---------------------------------------------------------------------------------------------

# The occasions of a spec, in `order`, as slices that end at each of `last`; group: their codes, in that order
new_slices <- function(spec, kernel, order, last, group) {
  codes <- if (!is.null(group)) split_at(group, last)
  groups <- lapply(codes, unique)
  keep <- spec[c("tables", "available", "columns")]
  pointers <- .Call(C_slices_new, spec, order, as.double(last), if (!is.null(group)) Map(match, codes, groups), keep)
  extent <- spec_extent(spec)
  lapply(seq_along(last), function(s) {
    size <- .Call(C_slice_size, pointers[[s]])
    new_slice_object(list(
      pointer = pointers[[s]], extent = extent, arrays = group_arrays(kernel, groups[[s]]), units = size[1L],
      groups = size[2L], bytes = size[3L]
    ))
  })
}

# A vector cut after each of `last`
split_at <- function(x, last) {
  unname(split(x, rep(seq_along(last), diff(c(0, last)))))
}

new_slice_object <- function(slice) {
  structure(slice, class = "slice")
}

# The kernel of a model with the arrays of one slice
slice_kernel <- function(kernel, slice) {
  kernel$group <- NULL
  kernel[names(slice$arrays)] <- slice$arrays
  kernel$n_groups <- slice$groups
  kernel$first_group <- kernel$first_groups[slice$number]
  kernel
}

# Log-likelihood, score and information (as far as order asks) of a slice, in one vector
# kernel: of the model; or of what else is added up: kind "along", with `question`, is what count_along() counts in the
#   direction theta; another kind has a `sums_of_slice`, a function of (slice, kernel, theta, control) and `n_sums`, how
#   many it gives. `first_groups` says how many groups there are before each slice.
slice_sums.slice <- function(slice, kernel, theta, order, threads) {
  control <- list(threads = threads)
  if (is.null(slice$pointer)) {
    return(no_sums(kernel, length(theta), order))
  }
  if (kernel$kind == "along") {
    return(.Call(C_slice_count, slice$pointer, theta, kernel$question, control))
  }
  kernel <- slice_kernel(kernel, slice)
  if (!is.null(kernel$sums_of_slice)) {
    return(kernel$sums_of_slice(slice, kernel, theta, control))
  }
  .Call(C_slice_sums, slice$pointer, slice$extent, kernel, theta, order, control)
}

# The sums of a slice without occasions
no_sums <- function(kernel, p, order) {
  if (!is.null(kernel$n_sums)) {
    return(numeric(kernel$n_sums))
  }
  numeric(1L + (order >= fm_score) * p + (order >= fm_information) * p^2)
}

# A set of slices -------------------------------------------------------------------------------------

# Sums of each slice, as a list in the order of the slices
slice_parts <- function(slices, kernel, theta, order, control) {
  UseMethod("slice_parts")
}

# Slices held by this process
# parts: the slices; extent: spec_extent(); head: first_slice().
local_slices <- function(parts, extent, head) {
  parts <- Map(function(slice, s) {
    slice$number <- s
    slice
  }, parts, seq_along(parts))
  structure(
    list(
      parts = parts, first_groups = before(vapply(parts, function(slice) slice$groups, 0)), extent = extent, head = head
    ),
    class = c("local_slices", "slice_set")
  )
}

# Totals of what comes before each entry
before <- function(x) {
  cumsum(c(0, x))[seq_along(x)]
}

slice_parts.local_slices <- function(slices, kernel, theta, order, control) {
  parts <- slices$parts
  kernel$first_groups <- slices$first_groups
  lapply(seq_along(parts), function(s) {
    if (s < length(parts) && !is.null(parts[[s + 1L]]$pointer)) .Call(C_slice_prefetch, parts[[s + 1L]]$pointer)
    slice_sums(parts[[s]], kernel, theta, order, control$threads)
  })
}

close_sums.local_slices <- function(sums) {
  for (slice in sums$parts) free_slice(slice)
}

free_slice <- function(slice) {
  if (!is.null(slice$pointer)) .Call(C_slice_free, slice$pointer)
  invisible()
}

# As a source of sums ---------------------------------------------------------------------------------

evaluate_sums.slice_set <- function(sums, kernel, theta, order, control) {
  total <- sum_of_slices(sums, kernel, theta, order, control)
  p <- length(theta)
  list(
    value = total[1L], score = if (order >= fm_score) total[1L + seq_len(p)],
    information = if (order >= fm_information) matrix(total[1L + p + seq_len(p^2)], p)
  )
}

count_along.slice_set <- function(sums, direction, question, control) {
  sum_of_slices(sums, list(kind = "along", question = question), direction, fm_value, control)
}

sum_of_slices <- function(slices, kernel, theta, order, control) {
  .Call(C_sum_slices, slice_parts(slices, kernel, theta, order, control))
}
