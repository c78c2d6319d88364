# The spec of long data: a column of doubles for each term, by offered row, rows
# grouped by occasion. Numeric columns that need no conversion are passed as the
# user's data frame has them: nothing is copied.

#' @export
lay_out.choice_data <- function(data, plan, occasions, na.action, basis, env) {
  rows <- ragged_rows(data, occasions)
  components <- lapply(plan$atoms, ragged_component,
    data = data, occasions = occasions,
    rows = rows, env = env, basis = basis$atoms
  )
  atoms <- Map(ragged_level, plan$atoms, components,
    MoreArgs = list(rows = rows, absorbed = plan$absorbed, basis = basis$atoms)
  )
  if (is.null(basis)) check_roles(c(plan$terms, plan$offsets), atoms, plan$origins)
  entries <- design_entries(plan, components, atoms)
  missing <- missing_in_rows(components, atoms, rows)
  dropped <- drop_missing(missing, occasions, na.action)
  if (is.null(basis) && !is.null(dropped$keep)) {
    lacking <- function(atom) data$place[sort(unique(rows$place[component_missing(components[[atom$id]])]))]
    warn_missing_attributes(missing, atoms, lacking, occasions$n)
  }
  if (!is.null(dropped$keep)) {
    kept <- rep.int(dropped$keep, diff(rows$start))
    components <- lapply(components, component_rows, rows = which(kept))
    occasions <- restrict_occasions(occasions, dropped$keep)
    rows <- ragged_rows(data, occasions)
  }
  columns <- lapply(c(entries$terms, entries$offsets), ragged_column,
    components = components,
    atoms = atoms, rows = rows
  )
  list(
    spec = ragged_spec(data, occasions, rows, columns, length(entries$offsets)),
    terms = terms_table(entries$terms, atoms),
    basis = Map(
      function(component, atom) c(component$basis, list(level = atom$level, constant = atom$constant)),
      components, atoms
    ),
    occasion = occasions$number, na.action = dropped$na.action
  )
}

# Rows of the occasions: take (rows of the data, NULL all), start, ranks, and the origin's row
ragged_rows <- function(data, occasions) {
  start <- as.double(data$start)
  take <- data$order
  place <- data$index$place
  rank <- data$index$rank
  if (!occasions$all) {
    size <- diff(start)[occasions$number]
    at <- sequence(size, from = start[occasions$number] + 1)
    take <- if (is.null(take)) at else take[at]
    place <- place[at]
    rank <- rank[at]
    start <- c(0, cumsum(size))
  }
  origin <- occasions$origin
  list(
    take = take, start = start, place = place, rank = rank, origin = origin,
    origin_row = start[-length(start)][origin > 0L] + origin[origin > 0L]
  )
}

# Columns of an atom by row of the occasions
ragged_component <- function(atom, data, occasions, rows, env, basis) {
  count <- rows$start[length(rows$start)]
  if (is.null(atom$peers)) {
    return(evaluate_atom(
      atom, table_rows(data$data, atom, rows$take), count, env,
      basis[[atom$id]]
    ))
  }
  component <- peers_component(atom, data, occasions)
  occasion <- rep.int(seq_len(occasions$n), diff(rows$start))
  values <- peers_column(component, occasions, rows$place, occasion, length(data$place))
  if (!is.null(component$missing)) values[component$missing[occasion]] <- NA
  list(kind = "numeric", columns = list(values), suffix = "", complete = FALSE)
}

# A column constant within every occasion is an attribute of firms; one that is the same whenever a place is offered
# is an attribute of places that does not change, which matters beside their constants
ragged_level <- function(atom, component, rows, absorbed, basis) {
  if (!is.null(atom$level)) {
    return(atom)
  }
  known <- basis[[atom$id]]
  values <- component$columns %||% list(component$codes)
  all_are <- function(constant) all(vapply(values, constant, NA))
  atom$level <- known$level %||% if (all_are(function(x) is_occasion_constant(x, rows$start))) "firm" else "row"
  atom$constant <- known$constant %||% (absorbed && all_are(function(x) is_place_constant(x, rows$place)))
  atom
}

# Is a column a function of the place? The first rows settle it for nearly every column that is not.
is_place_constant <- function(x, place) {
  same <- function(at) {
    first <- x[at][match(place[at], place[at])]
    all(x[at] == first | (is.na(x[at]) & is.na(first)), na.rm = TRUE) && identical(is.na(x[at]), is.na(first))
  }
  same(seq_len(min(length(x), 200L))) && same(seq_along(x))
}

# For each variable which occasions lack it
missing_in_rows <- function(components, atoms, rows) {
  missing <- lapply(components, function(component) {
    bad <- component_missing(component)
    if (is.null(bad)) {
      return(NULL)
    }
    occasion <- logical(length(rows$start) - 1L)
    occasion[findInterval(which(bad) - 1, rows$start)] <- TRUE
    occasion
  })
  stats::setNames(missing, vapply(atoms, function(atom) atom$text, ""))
}

# The column of one term
ragged_column <- function(entry, components, atoms, rows) {
  factors <- entry$term$factors
  values <- lapply(seq_along(factors), function(k) {
    factor <- factors[[k]]
    if (is.null(factor$atom)) {
      return(NULL)
    }
    x <- component_column(components[[factor$atom]], entry$full[k], entry$column[k])
    if (factor$role == "push") at_origin(x, rows) else x
  })
  values <- Filter(Negate(is.null), values)
  mask_rows(if (length(values)) Reduce(`*`, values), entry$term$mask, rows)
}

# The value of the origin's row on every row of its occasion, 0 without origin
at_origin <- function(x, rows) {
  value <- numeric(length(rows$origin))
  value[rows$origin > 0L] <- x[rows$origin_row]
  rep.int(value, diff(rows$start))
}

# 0 at the origin (mask "move") or away from it (mask "stay"); x NULL stands for ones
mask_rows <- function(x, mask, rows) {
  if (mask == "all") {
    return(x)
  }
  if (mask == "move") {
    x[rows$origin_row] <- 0
    return(x)
  }
  masked <- numeric(rows$start[length(rows$start)])
  masked[rows$origin_row] <- if (is.null(x)) 1 else x[rows$origin_row]
  masked
}

ragged_spec <- function(data, occasions, rows, columns, n_offset) {
  structure(list(
    kind = "ragged", n = occasions$n, start = rows$start, columns = columns,
    place = rows$place, J = length(data$place), origin = occasions$origin,
    chosen = occasions$chosen, weights = occasions$weights, n_offset = n_offset,
    offered = NULL, rank = rows$rank
  ), class = "ragged_spec")
}

# The view of a ragged design (design-view.R) -----------------------------------------------------------

# Rows of long data that lie before the first row of each occasion
rows_before <- function(spec) {
  spec$start[-length(spec$start)]
}

# The occasion of each row
occasion_of_rows <- function(spec) {
  rep.int(seq_len(n_occasions(spec)), diff(spec$start))
}

place_code.ragged_spec <- function(spec, outcome) {
  known <- outcome > 0L
  outcome[known] <- spec$place[(rows_before(spec) + outcome)[known]]
  outcome
}

at_outcome.ragged_spec <- function(spec, values, outcome) {
  found <- values[rows_before(spec) + pmax(outcome, 1L)]
  found[outcome == 0L] <- NA
  found
}

chosen_indicator.ragged_spec <- function(spec) {
  y <- numeric(length(spec$place))
  y[rows_before(spec) + spec$chosen] <- 1
  y
}

likely_place.ragged_spec <- function(spec, values) {
  occasion <- occasion_of_rows(spec)
  first <- order(occasion, -values, spec$place)
  spec$place[first[!duplicated(occasion)]]
}

likeliest_places.ragged_spec <- function(spec, values, n) {
  occasion <- occasion_of_rows(spec)
  sorted <- order(occasion, -values, spec$place)
  # sorted rows lie in the order of occasions, as the rows do: the rank is the row less those of occasions before
  rank <- seq_along(values) - rows_before(spec)[occasion]
  keep <- rank <= n & values[sorted] > 0
  at <- cbind(occasion, rank)[keep, , drop = FALSE]
  place <- matrix(NA_integer_, n_occasions(spec), n)
  value <- matrix(NA_real_, n_occasions(spec), n)
  place[at] <- spec$place[sorted[keep]]
  value[at] <- values[sorted[keep]]
  list(place = place, value = value)
}

first_move.ragged_spec <- function(spec, values) {
  first <- values[rows_before(spec) + 1L + (spec$origin == 1L)]
  ifelse(spec$origin > 0L & diff(spec$start) > 1, first, 0)
}

sums_of_moves.ragged_spec <- function(spec, values) {
  occasion <- occasion_of_rows(spec)
  has_origin <- spec$origin[occasion] > 0L
  home <- seq_along(values) == (rows_before(spec) + spec$origin)[occasion] & has_origin
  away <- !home & has_origin & !is.na(values)
  w <- occasion_weights(spec)[occasion]
  c(sum((w * values)[away]), sum((w * values)[home]), sum(w[away]), sum(w[home]))
}

user_values.ragged_spec <- function(spec, values, design, data) {
  rows <- padded(design)
  from <- user_rows(data, design$occasion)
  to <- if (length(rows) == length(design$occasion)) from else user_rows(data, rows)
  if (!is.null(data$order)) {
    to <- sort(to)
  }
  # rows that are all there, in order, need no look-up
  full <- if (identical(from, to)) values else values[match(to, from)]
  names(full) <- row.names(data$data)[to]
  full
}

mean_moves.ragged_spec <- function(spec) {
  mean(diff(spec$start)) - 1
}

some_occasions.ragged_spec <- function(spec, rows) {
  size <- diff(spec$start)[rows]
  at <- sequence(size, from = rows_before(spec)[rows] + 1)
  rows_as_occasions(spec, at, size, spec$chosen[rows], spec$origin[rows], rows)
}

# Other occasions made of rows of a spec: `size` rows each, their chosen and origin rows, and the occasions whose
# weights they have
rows_as_occasions <- function(spec, at, size, chosen, origin, occasion) {
  for (part in c("place", "rank")) {
    spec[[part]] <- spec[[part]][at]
  }
  spec$columns <- lapply(spec$columns, `[`, at)
  spec$start <- c(0, cumsum(as.double(size)))
  spec$n <- length(size)
  spec["chosen"] <- list(chosen)
  spec["origin"] <- list(origin)
  for (part in c("weights", "cell")) {
    spec[[part]] <- spec[[part]][occasion]
  }
  spec
}

occasion_pieces.ragged_spec <- function(spec) {
  NULL
}

can_reorder.ragged_spec <- function(spec) {
  FALSE
}

term_count.ragged_spec <- function(spec) {
  length(spec$columns) - spec$n_offset
}

keep_terms.ragged_spec <- function(spec, keep) {
  spec$columns <- spec$columns[c(which(keep), length(keep) + seq_len(spec$n_offset))]
  spec
}

# A column of pull(x) is 0 at the origin, so what x is there cannot be told
columns_of_moves.ragged_spec <- function(spec, rows, terms) {
  if (any(grepl("pull(", terms$term, fixed = TRUE))) {
    return(NULL)
  }
  first <- rows_before(spec)[rows]
  x <- vapply(spec$columns[seq_len(nrow(terms))], as.double, numeric(length(spec$place)))
  origin <- x[first + spec$origin[rows], , drop = FALSE]
  list(
    origin = origin, chosen = x[first + spec$chosen[rows], , drop = FALSE], at_home = colSums(origin != 0) > 0
  )
}

swap_at_home.ragged_spec <- function(spec, changed, pushed) {
  NULL
}

with_derivatives.ragged_spec <- function(spec, up, down, width) {
  NULL
}

utility_of_leaving.ragged_spec <- function(spec, b) {
  NULL
}

matters_at_home.ragged_spec <- function(spec) {
  home <- (rows_before(spec) + spec$origin)[spec$origin > 0L]
  vapply(spec$columns[seq_len(term_count(spec))], function(x) any(x[home] != 0), NA)
}

with_cell_offset.ragged_spec <- function(spec, value) {
  cell <- rep.int(spec$cell, diff(spec$start))
  spec$columns <- c(spec$columns, list(value[cbind(spec$place, cell)]))
  spec$n_offset <- spec$n_offset + 1L
  spec
}
