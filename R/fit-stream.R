# Fits on data in a store (open_store()): the slices of the data are read one after the other, built and kept, in memory
# as long as there is room, else on disk; every pass adds up their sums (fit-slices.R).
#
# A stream plan says how a slice is built, wherever that is done: a list of class "stream_plan" that travels to
# workers, with the store (path and id), the cuts, formula, model, weights, subset, na.action, the basis of the design
# and what the model remembers of its setup. Data do not travel.

# The source of a fit ---------------------------------------------------------------------------------

fit_source.migration_store <- function(data, model, formula, rows, na.action, control, workers) {
  check_streamed(model)
  check_store_unchanged(data)
  plan <- stream_plan(data, model, formula, rows, na.action, control)
  plan$levels <- plan_levels(plan)
  plan$peers <- plan_peers(plan)
  plan$basis <- learn_basis(plan)
  head <- stream_head(plan)
  plan$memory <- head$setup$memory
  plan$basis <- head$design$basis
  plan$room <- check_room(plan, head, control)
  sums <- if (is.null(workers)) stream_slices(plan, head) else crew_slices(workers, plan, head, control)
  done <- FALSE
  on.exit(if (!done) close_sums(sums))
  design <- streamed_design(plan, head, sums)
  choices <- streamed_choices(design, sums)
  check_choices(model, choices)
  setup <- head$setup
  setup$kernel <- without_arrays(setup$kernel)
  setup$memory <- merge_memory(model, setup$memory, sums$counts)
  done <- TRUE
  list(design = design, setup = setup, sums = sums, choices = choices)
}

check_streamed <- function(model) {
  if (!can_slice(model)) {
    abort(
      model_title(model), " needs all data at once and cannot be fitted on a store. Read it into memory with ",
      "as_migration_data(store), or take conditional(), nested(), mixed(), latent() or hazard().",
      class = "store_model"
    )
  }
}

# The plan --------------------------------------------------------------------------------------------

# Weights and subset of a fit on a store: expressions, with the values they use, evaluated in each slice
fit_rows.migration_store <- function(data, weights, subset, env) {
  list(
    weights = weights, subset = subset,
    env = travelling(list(weights, subset), env, data$columns$name)
  )
}

# An environment that can travel: the values and functions that expressions use and the columns do not have
travelling <- function(expressions, env, columns) {
  new <- new.env(parent = globalenv())
  values <- setdiff(unlist(lapply(expressions, all.vars)), columns)
  for (name in values) {
    value <- get0(name, envir = env, inherits = TRUE)
    if (!is.null(value)) assign(name, value, envir = new)
  }
  functions <- setdiff(unlist(lapply(expressions, all.names)), c(values, columns))
  for (name in functions) {
    value <- get0(name, envir = env, mode = "function", inherits = TRUE)
    if (is.null(value) || is.primitive(value) || identical(environment(value), baseenv())) next
    if (!identical(environmentName(environment(value)), "base")) assign(name, value, envir = new)
  }
  new
}

stream_plan <- function(store, model, formula, rows, na.action, control) {
  environment(formula) <- travelling(list(formula), environment(formula), store$columns$name)
  used <- c(
    all.vars(formula), model_variables(model), all.vars(rows$weights), all.vars(rows$subset),
    names_in(rows$weights)
  )
  structure(
    list(
      store = list(path = normalizePath(store$path), id = store$id, mark = store$mark), available = store$frame$available$fun,
      slices = plan_slices(store, control$slice), formula = formula,
      model = model, rows = rows, na.action = na.action, columns = intersect(store$columns$name, used),
      basis = NULL, memory = NULL, room = 0,
      token = paste(Sys.getpid(), format(Sys.time(), "%Y%m%d%H%M%OS6"))
    ),
    class = "stream_plan"
  )
}

# The slices of a store. Only a store no larger than a slice of the default size may have the rows of its firms
# scattered: then attribute `order` puts them together.
plan_slices <- function(store, rows) {
  slices <- store_slices(store, rows)
  if (attr(slices, "together") || nrow(slices) == 1L) {
    return(slices)
  }
  firm <- store_rows(store, 1, store$n, store$names$firm)[[1L]]
  order <- firm_order(match(firm, unique(firm)))
  structure(slices_of_firms(match(firm, unique(firm))[order], rows), order = order)
}

# A column named in quotes
names_in <- function(expression) {
  if (is.character(expression)) expression
}

model_variables.migration_model <- function(model) {
  character()
}

# The store of a plan, opened once a process and again when it was written again
plan_store <- function(plan) {
  key <- paste(unlist(plan$store), collapse = " ")
  if (is.null(opened_stores[[key]])) {
    store <- open_store(plan$store$path, plan$available)
    if (!identical(store$id, plan$store$id)) {
      abort("The store `", plan$store$path, "` is not the one the fit began with: its rows have changed.",
        class = "store_changed"
      )
    }
    assign(key, store, envir = opened_stores)
  }
  check_store_unchanged(opened_stores[[key]])
  opened_stores[[key]]
}

opened_stores <- new.env(parent = emptyenv())

# Rows of a slice -------------------------------------------------------------------------------------

# The rows of slice s as data
slice_data <- function(plan, s) {
  store <- plan_store(plan)
  part <- plan$slices[s, ]
  order <- attr(plan$slices, "order")
  # a store of one slice's size whose firms are scattered is small: it is read whole
  data <- if (is.null(order)) {
    store_data(store, part$first, part$last, plan$columns)
  } else {
    rows_of(store_data(store, 1, store$n, plan$columns), order[part$first:part$last])
  }
  # changed while it was read
  check_store_unchanged(store)
  # rows are named by their number in the store
  if (is.null(order)) attr(data$firms, "row.names") <- seq.int(part$first, part$last)
  data$peer_counts <- plan$peers
  for (column in names(plan$levels)) {
    data$firms[[column]] <- factor(data$firms[[column]], plan$levels[[column]])
  }
  data$part <- TRUE
  data
}

# Levels, in all rows, of the text that a model itself uses: a slice may lack some
plan_levels <- function(plan) {
  columns <- intersect(model_variables(plan$model), plan$columns)
  store <- plan_store(plan)
  text <- Filter(function(column) is.character(store_rows(store, 1, 1, column)[[1L]]), columns)
  lapply(stats::setNames(text, text), function(column) {
    levels <- NULL
    for (s in seq_len(nrow(plan$slices))) {
      levels <- union_levels(levels, store_rows(store, plan$slices$first[s], plan$slices$last[s], column)[[1L]])
    }
    levels
  })
}

# Counts of peers() over all rows
plan_peers <- function(plan) {
  if (!"peers" %in% all.names(plan$formula)) {
    return(NULL)
  }
  found <- NULL
  for (s in seq_len(nrow(plan$slices))) {
    if (is.null(found)) found <- slice_atoms(plan, s, slice_data(plan, s))
  }
  if (!is.null(found)) learn_peers(found$atoms, function(s) slice_data(plan, s), nrow(plan$slices))
}

# Weights and subset in the rows of a slice
slice_rows <- function(plan, s, data) {
  part <- plan$slices[s, ]
  order <- attr(plan$slices, "order")
  lapply(plan$rows[c("weights", "subset")], function(expression) {
    value <- eval(expression, data$firms, plan$rows$env)
    whole <- is.atomic(value) && length(value) == max(plan$slices$last) && length(value) > nrow(data$firms)
    at <- part$first:part$last
    if (whole) value[if (is.null(order)) at else order[at]] else value
  })
}

# The design of a slice; NULL when none of its rows is an occasion, or all have missing values: these are `lost`
slice_design <- function(plan, s, data, basis = plan$basis, lost = function(e) NULL) {
  rows <- slice_rows(plan, s, data)
  empty <- function(e) {
    lost(e)
    NULL
  }
  tryCatch(
    model_design(plan$model, plan$formula, data,
      weights = rows$weights, subset = rows$subset, na.action = plan$na.action, basis = basis,
      env = environment(plan$formula)
    ),
    firmmove_error_no_occasions = function(e) NULL, firmmove_error_all_missing = empty
  )
}

# The basis -------------------------------------------------------------------------------------------

# What all slices must agree on, and is found before the first is built: whether there is a constant of staying, the
# levels of factors, the coefficients of functions of firms' attributes (knots, centres), and the places without a
# constant
learn_basis <- function(plan) {
  store <- plan_store(plan)
  basis <- list(stay = any_from(plan, store), atoms = NULL, effects = NULL, unchosen = NULL)
  basis$atoms <- learn_atoms(plan)
  if (absorbs_places(parse_formula(plan$formula, environment(plan$formula))$absorbed, store$names$place)) {
    basis$effects <- store$frame$place
    basis$unchosen <- never_chosen(plan, basis)
  }
  basis
}

any_from <- function(plan, store) {
  from <- store$names$from
  if (is.null(from)) {
    return(FALSE)
  }
  for (s in seq_len(nrow(plan$slices))) {
    rows <- store_rows(store, plan$slices$first[s], plan$slices$last[s], from)
    if (!all(is.na(rows[[from]]))) {
      return(TRUE)
    }
  }
  FALSE
}

# Atoms of the formula, and how those of firms are computed in a slice; NULL where none of its rows is an occasion
slice_atoms <- function(plan, s, data) {
  rows <- slice_rows(plan, s, data)
  tryCatch(model_atoms(plan$model, plan$formula, data, rows, environment(plan$formula)),
    firmmove_error_no_occasions = function(e) NULL
  )
}

# Bases of the atoms that do not follow from a row alone
learn_atoms <- function(plan) {
  tied <- NULL
  levels <- list()
  for (s in seq_len(nrow(plan$slices))) {
    found <- slice_atoms(plan, s, slice_data(plan, s))
    if (is.null(found)) next
    if (is.null(tied)) {
      own <- Filter(function(atom) atom$level == "firm", found$atoms)
      tied <- own[!vapply(own, row_by_row, NA, found = found)]
    }
    if (length(tied) == 0L) {
      return(NULL)
    }
    for (id in names(tied)) levels[[id]] <- union_levels(levels[[id]], found$value(tied[[id]]))
  }
  lapply(stats::setNames(names(tied), names(tied)), function(id) {
    text <- levels[[id]]
    factor_component(factor(text, levels = text), tied[[id]], NULL)$basis
  })
}

# Is each value of an atom made of its own row? Factors need their levels, which is told by FALSE; an atom that
# depends on the other rows in another way cannot be computed slice by slice. That shows in half of the rows, unless
# these happen to be alike, so functions that are known to look at all rows are refused by name.
row_by_row <- function(atom, found) {
  value <- found$value(atom)
  coded <- is.character(value) || is.factor(value)
  n <- if (is.matrix(value)) nrow(value) else length(value)
  half <- seq_len(ceiling(n / 2))
  plain <- function(x) if (coded) as.character(x) else unname(as.vector(x))
  alone <- plain(found$value(atom, half))
  same <- identical(alone, plain(if (is.matrix(value)) value[half, ] else value[half]))
  settled <- coded || identical(stats::makepredictcall(value, atom$call), atom$call)
  if (!same || !settled || length(intersect(all.names(atom$call), over_rows)) > 0L) {
    abort(
      "`", atom$text, "` depends on all rows of `firms`, which a fit on a store does not see at once. Compute it as a ",
      "column before write_store(), or write it with its constants, such as bs(x, knots = , Boundary.knots = ).",
      class = "store_formula"
    )
  }
  !coded
}

# Functions whose value depends on the rows beside it.
over_rows <- c(
  "mean", "weighted.mean", "median", "quantile", "sd", "var", "mad", "IQR", "min", "max", "range", "sum", "prod", "length",
  "rank", "order", "sort", "rev", "cumsum", "cumprod", "diff", "ave", "ecdf", "scale"
)

# Levels in the order a factor of all rows would have: that of the column, or, of a factor made by the formula, of
# its numbers or words
union_levels <- function(known, value) {
  found <- if (is.factor(value)) levels(droplevels(value)) else unique(value[!is.na(value)])
  if (is.factor(value) && all(known %in% levels(value))) {
    return(intersect(levels(value), c(known, found)))
  }
  all <- union(known, found)
  number <- suppressWarnings(as.numeric(all))
  if (is.factor(value) && !anyNA(number)) all[order(number)] else levels(factor(all))
}

# Places that no occasion with weight chooses
never_chosen <- function(plan, basis) {
  chosen <- logical(length(basis$effects))
  basis$unchosen <- character()
  for (s in seq_len(nrow(plan$slices))) {
    design <- slice_design(plan, s, slice_data(plan, s), basis)
    if (!is.null(design)) chosen <- chosen | !unchosen_places(design$spec)
  }
  out <- basis$effects[!chosen]
  if (length(out) > 0L) {
    tell_unchosen(out)
  }
  out
}

model_atoms.migration_model <- function(model, formula, data, rows, env) {
  parsed <- parse_formula(formula, env)
  occasions <- select_occasions(data, parsed$response, rows$weights, rows$subset, TRUE, parsed$env)
  plan <- plan_terms(parsed, data, any_origin(occasions))
  atoms <- lapply(plan$atoms, relational_level, data = data)
  list(atoms = atoms, value = function(atom, at = seq_len(occasions$n)) {
    eval(atom$call, table_rows(data$firms, atom, occasions$number[at]), parsed$env)
  })
}

# The first slice -------------------------------------------------------------------------------------

# The first slice that has an occasion, as data in memory: terms, starts and scales are taken from it
stream_head <- function(plan) {
  for (s in seq_len(nrow(plan$slices))) {
    data <- slice_data(plan, s)
    design <- slice_design(plan, s, data)
    if (!is.null(design)) {
      return(list(data = data, design = design, setup = first_setup(plan$model, data, design, NULL)))
    }
  }
  abort("No occasion is left: no row of the store has a chosen place and is in `subset`.", class = "no_occasions")
}

# The memory asked for must hold a slice and what it is built from; what is left is for slices that are kept
# Value: Bytes for slices.
check_room <- function(plan, head, control) {
  size <- function(x) building_copies * as.double(utils::object.size(x))
  need <- size(head$data$firms) + size(head$design$spec)
  if (need > control$memory) {
    rows <- plan$slices$last[1L] - plan$slices$first[1L] + 1L
    # what a slice needs however few its rows are
    always <- size(head$data$firms[0L, , drop = FALSE]) + size(head$design$spec[c("tables", "terms", "available")])
    fewer <- floor(rows * (control$memory - always) / (need - always) / 2)
    abort(
      "`memory` is ", format_bytes(control$memory), ", but a slice of ", plural(rows, "row"), " needs about ",
      format_bytes(need), ". Raise migration_control(memory = )",
      if (fewer >= 1) paste0(", or take smaller slices: migration_control(slice = ", fewer, ")"), ".",
      class = "memory"
    )
  }
  max(0, control$memory - need - session_bytes)
}

# Building a slice takes so many times the bytes of its rows and arrays, and a session with the package takes so many
# before it: both measured.
building_copies <- 16
session_bytes <- 80 * 1024^2

# Slices ----------------------------------------------------------------------------------------------

slice_build.stream_plan <- function(plan, s) {
  data <- slice_data(plan, s)
  lost <- NULL
  design <- slice_design(plan, s, data, lost = function(e) lost <<- e)
  if (is.null(design)) {
    counts <- list(missing = lost$counts, omitted = as.integer(lost$n %||% 0))
    return(new_slice_object(list(pointer = NULL, groups = 0, units = 0, bytes = 0, number = s, counts = counts)))
  }
  setup <- model_setup(plan$model, data, design, memory = plan$memory)
  slice <- new_slices(design$spec, setup$kernel, NULL, length(design$occasion), setup$kernel$group)[[1L]]
  slice$number <- s
  slice$counts <- count_slice(plan$model, design, data)
  within_room(slice, plan)
}

# A slice in memory, if there is room beside the slices of the same plan in this process, else in a file
within_room <- function(slice, plan) {
  if (!identical(held_bytes$plan, plan$token)) {
    held_bytes$plan <- plan$token
    held_bytes$bytes <- 0
  }
  if (held_bytes$bytes + slice$bytes > plan$room) {
    return(spill_slice(slice))
  }
  held_bytes$bytes <- held_bytes$bytes + slice$bytes
  slice
}

held_bytes <- new.env(parent = emptyenv())

# What is counted of a slice, for the design of the whole
slice_counts.slice <- function(slice) {
  c(slice$counts, slice[c("groups", "units", "bytes")])
}

count_slice <- function(model, design, data) {
  spec <- design$spec
  weights <- occasion_weights(spec)
  key <- spec$origin * (spec$J + 1) + spec$chosen
  cell <- sort(unique(key))
  list(
    occasions = count_occasions(design, data), rows = length(design$occasion),
    flows = data.frame(key = cell, weight = sum_by(weights, match(key, cell), length(cell))),
    missing = attr(design$na.action, "counts"), omitted = length(design$na.action),
    memory = model_memory(model, design), terms = design$terms$name
  )
}

model_memory.migration_model <- function(model, design) {
  NULL
}

merge_memory.migration_model <- function(model, memory, counts) {
  memory
}

# The slices of a plan in this process
stream_slices <- function(plan, head) {
  tick <- progress("Slices", nrow(plan$slices))
  parts <- lapply(seq_len(nrow(plan$slices)), function(s) {
    tick()
    slice_build(plan, s)
  })
  slices <- local_slices(parts, spec_extent(head$design$spec), head)
  slices$counts <- lapply(parts, function(slice) slice_counts(slice))
  slices
}

# The slices of a plan on workers
crew_slices <- function(workers, plan, head, control) {
  crew <- workers_start(workers, plan, control)
  done <- FALSE
  on.exit(if (!done) crew_stop(crew))
  counts <- crew_counts(crew)
  done <- TRUE
  structure(
    list(
      crew = crew, counts = counts, first_groups = before(vapply(counts, function(x) x$groups, 0)),
      extent = spec_extent(head$design$spec), head = head
    ),
    class = c("crew_slices", "slice_set")
  )
}

slice_parts.crew_slices <- function(slices, kernel, theta, order, control) {
  crew_sums(slices$crew, c(without_arrays(kernel), list(first_groups = slices$first_groups)), theta, order)
}

close_sums.crew_slices <- function(sums) {
  crew_stop(sums$crew)
}

# Moves a slice to a file of the session
spill_slice <- function(slice) {
  if (!is.null(slice$pointer)) {
    .Call(C_slice_spill, slice$pointer, tempfile("slice-", fileext = ".fms"))
  }
  slice
}

# The design of the whole -----------------------------------------------------------------------------

# What a fit asks of a design, put together from the counts of the slices. Its spec has no occasions: these are in the
# slices.
streamed_design <- function(plan, head, slices) {
  counts <- used_slices(slices)
  design <- head$design
  design$spec <- design$spec[c("J", "effects", "offered")]
  design["occasion"] <- list(NULL)
  design$counts <- list(
    n = sum_counts(counts, "n"), n_firms = sum_counts(counts, "n_firms"), n_movers = sum_counts(counts, "n_movers"),
    weight = sum_counts(counts, "weight")
  )
  design["na.action"] <- list(streamed_missing(slices$counts, plan$na.action))
  design
}

# The choices of all slices (see choices_of()): an entry for each pair of origin and chosen place
streamed_choices <- function(design, slices) {
  flows <- do.call(rbind, lapply(used_slices(slices), function(x) x$flows))
  cell <- sort(unique(flows$key))
  J <- design$spec$J
  list(
    origin = as.integer(cell %/% (J + 1)), chosen = as.integer(cell %% (J + 1)),
    weight = sum_by(flows$weight, match(flows$key, cell), length(cell)), J = J, moves = J - 1
  )
}

used_slices <- function(slices) {
  Filter(function(x) !is.null(x$rows), slices$counts)
}

sum_counts <- function(counts, what) {
  values <- vapply(counts, function(x) as.double(x$occasions[[what]]), 0)
  total <- sum(values, na.rm = TRUE)
  if (all(is.na(values))) {
    return(NA_integer_)
  }
  # an integer, as in memory, as long as it is one
  if (total <= .Machine$integer.max) as.integer(total) else total
}

# The record of dropped occasions: how many, and for which variables
streamed_missing <- function(counts, na.action) {
  omitted <- sum(vapply(counts, function(x) x$omitted, 0L))
  if (omitted == 0L) {
    return(NULL)
  }
  by <- unlist(lapply(counts, function(x) x$missing))
  structure(
    seq_len(omitted),
    class = if (identical(na.action, stats::na.exclude)) "exclude" else "omit",
    counts = vapply(split(by, factor(names(by), unique(names(by)))), sum, 0)
  )
}
