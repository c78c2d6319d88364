# The spec of relational data: tables of places, keys that say which row of a
# table an occasion uses, and multipliers of the occasion. Utility of term k is
#   multiplier[i] * table[row(i), j] * mask(i, j),
# so nothing here has the size firms x places, unless the user's own tie table
# keyed by firm has. Tables that several terms use are built once.
#
# A frame is list(data, occasions, atoms, components, n, J, dims, cache): what
# the tables are built from; `cache` (an environment) holds keys and tables.

#' @export
lay_out.migration_data <- function(data, plan, occasions, na.action, basis, env) {
  atoms <- lapply(plan$atoms, relational_level, data = data, basis = basis$atoms)
  check_roles(c(plan$terms, plan$offsets), atoms, plan$origins)
  components <- lapply(atoms, relational_component,
    data = data, occasions = occasions,
    env = env, basis = basis$atoms
  )
  if (plan$absorbed && is.null(basis)) atoms <- Map(unchanging_places, atoms, components, list(data$place_row))
  entries <- design_entries(plan, components, atoms)
  all <- c(entries$terms, entries$offsets)
  frame <- new_frame(data, occasions, atoms, components)
  missing <- missing_by_variable(all, frame)
  dropped <- drop_missing(missing, occasions, na.action)
  if (is.null(basis) && !is.null(dropped$keep)) {
    lacking <- function(atom) places_lacking(components[[atom$id]], atom, data)
    warn_missing_attributes(missing, atoms, lacking, occasions$n)
  }
  if (!is.null(dropped$keep)) frame <- restrict_frame(frame, dropped$keep)
  spec <- relational_spec(lapply(all, relational_entry, frame = frame), frame)
  spec$terms$offset <- rep(0:1, c(length(entries$terms), length(entries$offsets)))
  list(
    spec = spec, terms = terms_table(entries$terms, atoms),
    basis = Map(function(component, atom) c(component$basis, list(constant = atom$constant)), components, atoms),
    occasion = frame$occasions$number, na.action = dropped$na.action
  )
}

# What an atom depends on: firm, place, tie, peers
relational_level <- function(atom, data, basis = NULL) {
  if (!is.null(atom$level)) {
    return(atom)
  }
  atom$level <- switch(atom$table,
    firms = "firm",
    places = "place",
    "tie"
  )
  # how a factor is coded must not depend on how many periods new data have
  atom$constant <- basis[[atom$id]]$constant %||% (atom$level == "place" && ncol(data$place_row) == 1L)
  atom
}

# Marks an attribute of places that is the same at all times, though places have rows by time: which matters beside
# their constants
unchanging_places <- function(atom, component, place_row) {
  if (atom$level == "place" && !atom$constant) {
    values <- component$columns %||% list(component$codes)
    place <- as.vector(row(place_row))
    atom$constant <- all(vapply(values, function(x) is_place_constant(x[place_row], place), NA))
  }
  atom
}

# Columns of an atom on the rows of its table: firms' rows are those of the occasions
relational_component <- function(atom, data, occasions, env, basis) {
  basis <- basis[[atom$id]]
  switch(atom$level,
    peers = peers_component(atom, data, occasions),
    firm = evaluate_atom(
      atom, table_rows(data$firms, atom, occasion_rows(occasions)),
      occasions$n, env, basis
    ),
    place = place_component(atom, data, env, basis),
    tie = tie_component(atom, data$ties[[atom$table]], env, basis)
  )
}

# Rows of `firms` to take; NULL for all
occasion_rows <- function(occasions) if (!occasions$all) occasions$number

# Place attributes are computed on the rows in use and put back in all rows
place_component <- function(atom, data, env, basis) {
  rows <- sort(unique(as.vector(data$place_row)))
  component <- evaluate_atom(atom, table_rows(data$places, atom, rows), length(rows), env, basis)
  back <- match(seq_len(nrow(data$places)), rows)
  component_rows(component, if (anyNA(back)) back)
}

# Tie attributes, and their value for absent pairs when the table has a default
tie_component <- function(atom, tie, env, basis) {
  rows <- nrow(tie$data)
  own <- if (tie$by == "place") (tie$index$from == tie$index$to) %in% TRUE
  component <- evaluate_atom(atom, table_rows(tie$data, atom, NULL), rows, env, basis, own)
  if (is.na(tie$default)) {
    return(component)
  }
  extended <- lapply(table_rows(tie$data, atom, NULL), function(x) {
    c(x, if (is.numeric(x) || is.logical(x)) tie$default else NA)
  })
  coding <- component$basis
  coding$types <- NULL
  with_default <- evaluate_atom(atom, extended, rows + 1L, env, coding)
  component$default <- component_rows(with_default, rows + 1L)
  component
}

# Frame of the occasions with the dimensions keys are made of
new_frame <- function(data, occasions, atoms, components) {
  J <- length(data$place)
  dims <- list(
    time = list(code = occasions$time, size = max(1L, length(data$time))),
    origin = list(code = occasions$origin + 1L, size = J + 1L),
    firm = list(code = occasions$firm, size = length(data$firm))
  )
  for (component in components) dims <- c(dims, component$dims)
  list(
    data = data, occasions = occasions, atoms = atoms, components = components,
    n = occasions$n, J = J, dims = dims, cache = new.env(parent = emptyenv())
  )
}

# Frame of some of the occasions; tables are built anew for the keys that remain
restrict_frame <- function(frame, keep) {
  components <- frame$components
  for (id in names(components)) {
    level <- frame$atoms[[id]]$level
    if (level == "firm") components[[id]] <- component_rows(components[[id]], which(keep))
    if (level == "peers") {
      components[[id]]$dims <- lapply(components[[id]]$dims, function(dim) {
        dim$code <- dim$code[keep]
        dim
      })
    }
  }
  new_frame(frame$data, restrict_occasions(frame$occasions, keep), frame$atoms, components)
}

# For each variable which occasions lack it (named list of logicals)
missing_by_variable <- function(entries, frame) {
  missing <- list()
  for (entry in entries) {
    for (k in seq_along(entry$term$factors)) {
      atom <- frame$atoms[[entry$term$factors[[k]]$atom %||% ""]]
      if (is.null(atom)) next
      missing[[atom$text]] <- either(missing[[atom$text]], missing_in_factor(k, entry, frame))
    }
  }
  missing
}

# Occasions for which factor k of a term column is missing; NULL for none
missing_in_factor <- function(k, entry, frame) {
  id <- entry$term$factors[[k]]$atom
  component <- frame$components[[id]]
  switch(frame$atoms[[id]]$level,
    firm = component_missing(component),
    peers = component$missing,
    missing_in_table(entry_table(k, entry, frame), frame)
  )
}

# Elementwise or of two logicals, either of which may be NULL
either <- function(a, b) if (is.null(a)) b else if (is.null(b)) a else a | b

# One term column as table, multiplier and mask
relational_entry <- function(entry, frame) {
  factors <- entry$term$factors
  levels <- vapply(factors, function(f) frame$atoms[[f$atom %||% ""]]$level %||% "role", "")
  tables <- lapply(which(!levels %in% c("firm", "role")), entry_table,
    entry = entry,
    frame = frame
  )
  list(
    table = if (length(tables)) {
      Reduce(function(a, b) multiply_tables(a, b, frame), tables)
    } else {
      one_table(frame)
    },
    multiplier = entry_multiplier(entry, which(levels == "firm"), frame),
    mask = entry$term$mask
  )
}

# Product of the firm attributes of a term: list(id, values), NULL for none
entry_multiplier <- function(entry, which, frame) {
  if (!length(which)) {
    return(NULL)
  }
  id <- vapply(which, function(k) {
    paste(entry$term$factors[[k]]$atom, entry$column[k], entry$full[k])
  }, "")
  list(id = paste(sort(id), collapse = " * "), values = function() {
    columns <- lapply(which, function(k) {
      component_column(
        frame$components[[entry$term$factors[[k]]$atom]], entry$full[k],
        entry$column[k]
      )
    })
    Reduce(`*`, columns)
  })
}

# The list the kernels read: shared tables, keys and multipliers once each
relational_spec <- function(parts, frame) {
  tables <- lapply(parts, function(part) part$table)
  table_id <- vapply(tables, function(table) table$id, "")
  distinct <- tables[!duplicated(table_id)]
  offered <- offered_table(frame)
  key_name <- unique(c(
    unlist(lapply(distinct, function(table) table$key$name)),
    offered$key$name
  ))
  key_name <- setdiff(key_name, "")
  number <- function(key) if (key$name == "") 0L else match(key$name, key_name)
  multipliers <- Filter(Negate(is.null), lapply(parts, function(part) part$multiplier))
  multiplier_id <- unique(vapply(multipliers, function(m) m$id, ""))
  occasions <- frame$occasions
  structure(list(
    kind = "relational", n = frame$n, J = frame$J, origin = occasions$origin,
    chosen = occasions$chosen, weights = occasions$weights,
    keys = lapply(key_name, function(name) frame$cache[[paste("key", name)]]$index),
    tables = lapply(distinct, function(table) {
      list(
        kind = table$kind, key = number(table$key), values = clear_missing(table$values)
      )
    }),
    multipliers = lapply(multiplier_id, function(id) {
      Find(function(m) m$id == id, multipliers)$values()
    }),
    terms = list(
      table = match(table_id, unique(table_id)),
      mask = vapply(parts, function(part) part$mask, ""),
      multiplier = vapply(parts, function(part) {
        if (is.null(part$multiplier)) 0L else match(part$multiplier$id, multiplier_id)
      }, 0L)
    ),
    available = if (!is.null(offered)) {
      list(key = number(offered$key), values = as_raw_matrix(offered$values))
    },
    offered = NULL
  ), class = "relational_spec")
}

# Missing values that remain are of places not offered: 0
clear_missing <- function(values) {
  if (is.list(values)) {
    values$val <- clear_missing(values$val)
    return(values)
  }
  if (anyNA(values)) values[is.na(values)] <- 0
  values
}

# Logical matrix as raw 0/1 of the same shape
as_raw_matrix <- function(x) {
  dim <- dim(x)
  x <- as.raw(x)
  dim(x) <- dim
  x
}

# The view of a relational design (design-view.R) -------------------------------------------------------

place_code.relational_spec <- function(spec, outcome) {
  outcome
}

at_outcome.relational_spec <- function(spec, values, outcome) {
  found <- values[cbind(seq_along(outcome), pmax(outcome, 1L))]
  found[outcome == 0L] <- NA
  found
}

chosen_indicator.relational_spec <- function(spec) {
  y <- matrix(0, n_occasions(spec), spec$J)
  y[cbind(seq_along(spec$chosen), spec$chosen)] <- 1
  y
}

likely_place.relational_spec <- function(spec, values) {
  max.col(values, "first")
}

likeliest_places.relational_spec <- function(spec, values, n) {
  top <- top_columns(values, n)
  top$place[!(top$value > 0)] <- NA
  top$value[is.na(top$place)] <- NA
  top
}

# The columns of the n largest values of each row, the first of those alike: list(place, value)
top_columns <- function(values, n) {
  rows <- seq_len(nrow(values))
  best <- matrix(0L, nrow(values), n)
  value <- matrix(0, nrow(values), n)
  for (k in seq_len(n)) {
    best[, k] <- max.col(values, "first")
    value[, k] <- values[cbind(rows, best[, k])]
    values[cbind(rows, best[, k])] <- -2
  }
  list(place = best, value = value)
}

first_move.relational_spec <- function(spec, values) {
  rows <- seq_len(n_occasions(spec))
  values[cbind(rows, pmax(spec$origin, 1L))] <- NA
  first <- values[cbind(rows, max.col(!is.na(values), "first"))]
  ifelse(spec$origin > 0L & !is.na(first), first, 0)
}

sums_of_moves.relational_spec <- function(spec, values) {
  w <- occasion_weights(spec)
  w[spec$origin == 0L] <- 0
  home <- values[cbind(seq_along(w), pmax(spec$origin, 1L))]
  on <- rowSums(!is.na(values)) - !is.na(home)
  all <- rowSums(values, na.rm = TRUE)
  home[is.na(home)] <- 0
  c(sum(w * (all - home)), sum(w * home), sum(w * on), sum(w))
}

user_values.relational_spec <- function(spec, values, design, data) {
  rows <- padded(design)
  full <- matrix(NA_real_, length(rows), ncol(values),
    dimnames = list(row_names(data)[rows], outcome_names(design, data))
  )
  full[match(design$occasion, rows), ] <- values
  full
}

mean_moves.relational_spec <- function(spec) {
  spec$J - 1
}

# The tables are shared
some_occasions.relational_spec <- function(spec, rows) {
  for (part in c("origin", "chosen", "weights", "cell")) {
    spec[[part]] <- spec[[part]][rows]
  }
  spec$keys <- lapply(spec$keys, `[`, rows)
  spec$multipliers <- lapply(spec$multipliers, `[`, rows)
  spec$n <- length(rows)
  spec
}

occasion_pieces.relational_spec <- function(spec) {
  n <- n_occasions(spec)
  size <- max(1L, as.integer(2^22 / spec$J))
  lapply(seq(1L, max(n, 1L), by = size), function(from) from:min(n, from + size - 1L))
}

can_reorder.relational_spec <- function(spec) {
  TRUE
}

term_count.relational_spec <- function(spec) {
  sum(spec$terms$offset == 0L)
}

# With only the tables, keys and multipliers that are left in use: with fewer keys more occasions are alike
keep_terms.relational_spec <- function(spec, keep) {
  keep <- c(keep, rep(TRUE, length(spec$terms$table) - length(keep)))
  spec$terms <- lapply(spec$terms, `[`, keep)
  used <- sort(unique(spec$terms$table))
  spec$tables <- spec$tables[used]
  spec$terms$table <- match(spec$terms$table, used)
  used <- setdiff(sort(unique(spec$terms$multiplier)), 0L)
  spec$multipliers <- spec$multipliers[used]
  spec$terms$multiplier <- no_na(match(spec$terms$multiplier, used))
  used <- setdiff(unique(c(vapply(spec$tables, function(table) as.integer(table$key), 0L), spec$available$key)), 0L)
  spec$keys <- spec$keys[used]
  renumbered <- function(key) no_na(match(key, used))
  spec$tables <- lapply(spec$tables, function(table) replace(table, "key", list(renumbered(table$key))))
  if (!is.null(spec$available)) {
    spec$available$key <- renumbered(spec$available$key)
  }
  spec
}

# Dense and scalar tables are looked up; sparse ones are laid out by the core
columns_of_moves.relational_spec <- function(spec, rows, terms) {
  spec <- some_occasions(spec, rows)
  kinds <- vapply(spec$tables, `[[`, "", "kind")[spec$terms$table]
  found <- if (any(kinds == "sparse")) {
    laid_out_columns(spec)
  } else {
    at <- function(place) {
      matrix(vapply(seq_len(nrow(terms)), term_values, numeric(length(rows)), spec = spec, place = place), length(rows))
    }
    list(origin = at(spec$origin), chosen = at(spec$chosen))
  }
  c(found, list(at_home = rep(TRUE, nrow(terms))))
}

laid_out_columns <- function(spec) {
  spec$terms$mask[] <- "all"
  spec$available <- NULL
  x <- .Call(C_model_matrix, spec)
  at <- paste(x$occasion, x$place)
  rows_of_place <- function(place) x$x[match(paste(seq_along(place), place), at), , drop = FALSE]
  list(origin = rows_of_place(spec$origin), chosen = rows_of_place(spec$chosen))
}

# The column of term k at a place of each occasion, before it is masked; its table is dense or scalar
term_values <- function(k, spec, place) {
  table <- spec$tables[[spec$terms$table[k]]]
  key <- if (table$key == 0L) 1 else spec$keys[[table$key]]
  values <- as.double(table$values[if (table$kind == "scalar") key else place + (key - 1) * spec$J])
  multiplier <- spec$terms$multiplier[k]
  rep_len(values, length(place)) * if (multiplier == 0L) 1 else spec$multipliers[[multiplier]]
}

utility_of_leaving.relational_spec <- function(spec, b) {
  used <- which(b != 0)
  kinds <- vapply(spec$tables, `[[`, "", "kind")[spec$terms$table[used]]
  if (!is.null(spec$available) || !is.null(spec$offered) || any(kinds != "scalar")) {
    return(NULL)
  }
  total <- numeric(n_occasions(spec))
  for (k in used) {
    total <- total + b[k] * term_values(k, spec, spec$origin)
  }
  ifelse(spec$origin > 0L, total, 0)
}

with_derivatives.relational_spec <- function(spec, up, down, width) {
  parts <- c("terms", "keys")
  if (!identical(spec[parts], up[parts]) || !identical(spec[parts], down[parts])) {
    return(NULL)
  }
  n <- term_count(spec)
  touched <- which(!mapply(identical, up$tables, down$tables)[spec$terms$table])
  kinds <- vapply(spec$tables, `[[`, "", "kind")[spec$terms$table[touched]]
  if (any(touched > n) || any(kinds == "sparse")) {
    return(NULL)
  }
  tables <- lapply(spec$terms$table[touched], function(t) {
    replace(spec$tables[[t]], "values", list((up$tables[[t]]$values - down$tables[[t]]$values) / width))
  })
  added <- list(
    table = length(spec$tables) + seq_along(touched), mask = spec$terms$mask[touched],
    multiplier = spec$terms$multiplier[touched], offset = rep(0L, length(touched))
  )
  spec$terms <- Map(function(old, new) append(old, new, n), spec$terms, added[names(spec$terms)])
  spec$tables <- c(spec$tables, tables)
  list(spec = spec, at = touched)
}

# A term that takes the variable from the origin, or acts on staying alone, has it changed; one that takes it from every
# place is cut in two, of which the part on staying has it changed; one of moves keeps it.
swap_at_home.relational_spec <- function(spec, changed, pushed) {
  if (!identical(spec[c("terms", "keys")], changed[c("terms", "keys")])) {
    return(NULL)
  }
  n <- term_count(spec)
  touched <- which(!mapply(identical, spec$tables, changed$tables)[spec$terms$table])
  if (any(touched > n) || any(lengths(pushed[touched]) != 1L)) {
    return(NULL)
  }
  from <- unlist(pushed[touched])
  mask <- spec$terms$mask[touched]
  swapped <- touched[from | mask == "stay"]
  cut <- touched[!from & mask == "all"]
  tables <- length(spec$tables)
  added <- list(
    table = spec$terms$table[cut] + tables, mask = rep("stay", length(cut)),
    multiplier = spec$terms$multiplier[cut], offset = rep(0L, length(cut))
  )
  spec$terms$table[swapped] <- spec$terms$table[swapped] + tables
  spec$terms$mask[cut] <- "move"
  spec$terms <- Map(function(old, new) append(old, new, n), spec$terms, added[names(spec$terms)])
  spec$tables <- c(spec$tables, changed$tables)
  list(spec = spec, cut = cut)
}

matters_at_home.relational_spec <- function(spec) {
  rep(TRUE, term_count(spec))
}

with_cell_offset.relational_spec <- function(spec, value) {
  spec$keys <- c(spec$keys, list(spec$cell))
  spec$tables <- c(spec$tables, list(list(kind = "dense", key = length(spec$keys), values = as.double(value))))
  spec$terms <- list(
    table = c(spec$terms$table, length(spec$tables)), mask = c(spec$terms$mask, "all"),
    multiplier = c(spec$terms$multiplier, 0L), offset = c(spec$terms$offset, 1L)
  )
  spec
}
