# Tables of places for relational designs, and the keys that find their rows.
#
# A key is list(name, dims, sizes, index, size, code, parts): a row for each
# combination of its dimensions (time, origin, firm, those of peers()) that
# occurs among the occasions; `index` is the row of each occasion, `parts` the
# codes of each row. The key without dimensions has one row and the name "".
# A table is list(id, kind, key, values): dense J x rows, scalar one number a
# row for every place, sparse list(ptr, col, val) by row.

# The key of some dimensions; built once a frame
occasion_key <- function(frame, dims) {
  dims <- sort(dims)
  name <- paste(dims, collapse = " x ")
  slot <- paste("key", name)
  if (is.null(frame$cache[[slot]])) {
    frame$cache[[slot]] <- if (length(dims)) {
      new_key(name, dims, frame)
    } else {
      list(name = "", dims = character(), size = 1L)
    }
  }
  frame$cache[[slot]]
}

# Number the observed combinations; by counting where they are few
new_key <- function(name, dims, frame) {
  sizes <- vapply(dims, function(dim) as.numeric(frame$dims[[dim]]$size), 0)
  code <- combine_codes(lapply(dims, function(dim) frame$dims[[dim]]$code), sizes)
  total <- prod(sizes)
  if (total <= max(4 * frame$n, 1e5)) {
    observed <- which(tabulate(code, total) > 0L)
    row <- integer(total)
    row[observed] <- seq_along(observed)
    index <- if (length(observed) == total) as.integer(code) else row[code]
  } else {
    observed <- sort(unique(code))
    index <- match(code, observed)
  }
  stride <- c(1, cumprod(sizes))[seq_along(sizes)]
  parts <- Map(
    function(size, step) as.integer((observed - 1) %/% step %% size) + 1L,
    sizes, stride
  )
  list(
    name = name, dims = dims, sizes = sizes, index = index, size = length(observed),
    code = observed, parts = stats::setNames(parts, dims)
  )
}

# Row of a table for each row of a finer key
key_rows <- function(coarse, fine) {
  if (!length(coarse$dims)) {
    return(rep(1L, fine$size))
  }
  match(combine_codes(fine$parts[coarse$dims], coarse$sizes), coarse$code)
}

# Table of factor k of a term column; built once a frame
entry_table <- function(k, entry, frame) {
  factor <- entry$term$factors[[k]]
  atom <- frame$atoms[[factor$atom]]
  # what is read at the origin only needs one number a row
  at_origin <- atom$level == "place" && (factor$role == "push" || entry$term$mask == "stay")
  id <- paste(c(atom$id, entry$column[k], entry$full[k], if (at_origin) "at origin"),
    collapse = " "
  )
  slot <- paste("table", id)
  if (is.null(frame$cache[[slot]])) {
    component <- frame$components[[atom$id]]
    column <- function(part) component_column(part, entry$full[k], entry$column[k])
    table <- switch(atom$level,
      place = if (at_origin) {
        origin_table(column(component), frame)
      } else {
        place_table(column(component), frame)
      },
      tie = tie_table(atom$table, column(component), table_default(component, column), frame),
      peers = peers_table(component, frame)
    )
    frame$cache[[slot]] <- c(list(id = id), table)
  }
  frame$cache[[slot]]
}

# Value of a tie column for absent pairs, NULL without a default; factors are at their first level
table_default <- function(component, column) {
  if (is.null(component$default)) {
    return(NULL)
  }
  if (component$kind == "factor") 0 else column(component$default)
}

# The table of ones, for stay and keep()
one_table <- function(frame) {
  list(id = "one", kind = "scalar", key = occasion_key(frame, character()), values = 1)
}

# Attribute of places: a column for each time when places change, else one
place_table <- function(column, frame) {
  timed <- ncol(frame$data$place_row) > 1L
  key <- occasion_key(frame, if (timed) "time" else character())
  rows <- place_rows(frame$data, if (timed) key$parts$time)
  list(kind = "dense", key = key, values = matrix(column[rows], frame$J))
}

# Attribute of the place of origin: one number an origin (and time); 0 without origin
origin_table <- function(column, frame) {
  timed <- ncol(frame$data$place_row) > 1L
  key <- occasion_key(frame, c("origin", if (timed) "time"))
  origin <- key$parts$origin - 1L
  values <- numeric(key$size)
  known <- which(origin > 0L)
  time <- if (timed) key$parts$time[known] else rep(1L, length(known))
  values[known] <- column[frame$data$place_row[cbind(origin[known], time)]]
  list(kind = "scalar", key = key, values = values)
}

# Attribute of a tie table
tie_table <- function(name, column, default, frame) {
  tie <- frame$data$ties[[name]]
  if (tie$by == "place") {
    place_tie_table(name, column, default, frame)
  } else {
    firm_tie_table(name, column, default, frame)
  }
}

# Ties of origin and place: dense by origin (and time); 0 at the origin and without one
place_tie_table <- function(name, column, default, frame) {
  timed <- frame$data$ties[[name]]$timed
  key <- occasion_key(frame, c("origin", if (timed) "time"))
  origin <- key$parts$origin - 1L
  rows <- tie_rows(frame$data, name, origin, key$parts$time)
  values <- matrix(column[rows], frame$J)
  absent <- is.na(rows)
  if (!is.null(default)) values[absent] <- default
  values[, origin == 0L] <- 0
  known <- which(origin > 0L)
  own <- cbind(origin[known], known)
  values[own[absent[own], , drop = FALSE]] <- 0
  list(kind = "dense", key = key, values = values)
}

# Ties of firm and place: sparse by firm (and time), absent pairs 0
#
# A default whose term is not 0 needs a value for every place: that table is
# dense, by firm and origin, as the origin stays 0.
firm_tie_table <- function(name, column, default, frame) {
  timed <- frame$data$ties[[name]]$timed
  filled <- !is.null(default) && !default %in% c(0, NA)
  key <- occasion_key(frame, c("firm", if (filled) "origin", if (timed) "time"))
  entries <- tie_entries(frame$data, name, key$parts$firm, key$parts$time)
  if (is.null(default)) check_firm_ties(name, entries, key, frame)
  values <- list(ptr = entries$ptr, col = entries$col, val = column[entries$row])
  if (filled) {
    return(filled_table(values, default, name, key, frame))
  }
  new_sparse(values, key, frame$J)
}

# Firm-keyed ties with a value at every place
filled_table <- function(sparse, default, name, key, frame) {
  if (as.numeric(key$size) * frame$J > 2e8) {
    abort("The default of the ties `", name, "` makes a term that is ", format(default),
      " for every absent pair: ", plural(key$size, "firm"), " x ", plural(frame$J, "place"),
      " do not fit in memory. Code the attribute so that absent pairs are 0.",
      class = "too_large"
    )
  }
  values <- matrix(default, frame$J, key$size)
  origin <- key$parts$origin - 1L
  known <- which(origin > 0L)
  values[cbind(origin[known], known)] <- 0
  values[cbind(sparse$col, sparse_rows(sparse))] <- sparse$val
  list(kind = "dense", key = key, values = values)
}

# Without a default every firm needs every place it may move to
check_firm_ties <- function(name, entries, key, frame) {
  short <- diff(entries$ptr) < frame$J
  if (!any(short)) {
    return(invisible())
  }
  origin <- frame$occasions$origin
  at <- which(short[key$index])
  row <- key$index[at]
  pair <- combine_codes(list(entries$col, sparse_rows(entries)), c(frame$J, key$size))
  own <- origin[at] > 0L & !combine_codes(list(origin[at], row), c(frame$J, key$size)) %in% pair
  absent <- frame$J - diff(entries$ptr)[row] - own
  at <- at[absent > 0L]
  absent <- absent[absent > 0L]
  if (length(at) && !is.null(frame$data$available)) {
    absent <- absent_offered(pair, at, key, frame)
  }
  if (sum(absent) > 0) {
    abort("The ties `", name, "` lack ", plural(sum(absent), "pair"), " of a firm and a place ",
      "it may move to. Add the rows, or say what absent pairs are: ",
      "attr(ties, \"default\") <- 0.",
      class = "missing_pairs"
    )
  }
}

# Number of pairs of some occasions that are offered but have no row of ties
absent_offered <- function(pair, at, key, frame) {
  place <- rep(seq_len(frame$J), length(at))
  at <- rep(at, each = frame$J)
  absent <- !combine_codes(list(place, key$index[at]), c(frame$J, key$size)) %in% pair &
    place != frame$occasions$origin[at]
  origin <- frame$occasions$origin[at][absent]
  origin[origin == 0L] <- NA_integer_
  sum(pair_available(
    frame$data, frame$occasions$firm[at][absent], origin, place[absent],
    frame$occasions$time[at][absent]
  ))
}

# A sparse table, or a dense one when most values are not 0
new_sparse <- function(values, key, J, full = 2 * length(values$col) >= as.numeric(key$size) * J) {
  if (!full) {
    return(list(kind = "sparse", key = key, values = values))
  }
  dense <- matrix(0, J, key$size)
  dense[cbind(values$col, sparse_rows(values))] <- values$val
  list(kind = "dense", key = key, values = dense)
}

# Row of each entry of compressed rows
sparse_rows <- function(sparse) {
  rep.int(seq_len(length(sparse$ptr) - 1L), diff(sparse$ptr))
}

# A table with the rows of a finer key
rekey <- function(table, key) {
  if (table$key$name == key$name) {
    return(table)
  }
  rows <- key_rows(table$key, key)
  values <- table$values
  table$values <- switch(table$kind,
    dense = values[, rows, drop = FALSE],
    scalar = values[rows],
    sparse = take_rows(values, rows)
  )
  table$key <- key
  table
}

# Some rows of compressed rows
take_rows <- function(sparse, rows) {
  count <- diff(sparse$ptr)[rows]
  at <- sequence(count, from = sparse$ptr[rows] + 1L)
  list(ptr = c(0L, cumsum(count)), col = sparse$col[at], val = sparse$val[at])
}

# Product of two tables on their joint key; built once a frame
multiply_tables <- function(a, b, frame) {
  id <- paste(sort(c(a$id, b$id)), collapse = " * ")
  slot <- paste("table", id)
  if (is.null(frame$cache[[slot]])) {
    key <- occasion_key(frame, union(a$key$dims, b$key$dims))
    # sparse before dense before scalar: the product has the kind of the first
    ordering <- order(match(c(a$kind, b$kind), c("sparse", "dense", "scalar")))
    pair <- lapply(list(a, b)[ordering], rekey, key = key)
    frame$cache[[slot]] <- list(
      id = id, kind = pair[[1L]]$kind, key = key,
      values = table_product(pair[[1L]], pair[[2L]], frame$J)
    )
  }
  frame$cache[[slot]]
}

# Values of a product; `a` is sparse or dense where either is
table_product <- function(a, b, J) {
  if (a$kind == "dense") {
    return(if (b$kind == "scalar") a$values * rep(b$values, each = J) else a$values * b$values)
  }
  if (a$kind == "scalar") {
    return(a$values * b$values)
  }
  values <- a$values
  row <- sparse_rows(values)
  other <- switch(b$kind,
    scalar = b$values[row],
    dense = b$values[cbind(values$col, row)],
    sparse = sparse_at(b$values, values$col, row, J)
  )
  values$val <- values$val * other
  values
}

# Values of compressed rows at some places; 0 where there is no entry
sparse_at <- function(sparse, col, row, J) {
  sizes <- c(J, length(sparse$ptr) - 1L)
  at <- match(
    combine_codes(list(col, row), sizes),
    combine_codes(list(sparse$col, sparse_rows(sparse)), sizes)
  )
  value <- sparse$val[at]
  value[is.na(at)] <- 0
  value
}

# Which places are offered, as a dense table of logicals; NULL when all are
offered_table <- function(frame) {
  rule <- frame$data$available
  movers <- isTRUE(frame$data$movers_only)
  if (is.null(rule) && !movers) {
    return(NULL)
  }
  if (is.null(frame$cache[["offered"]])) {
    offered <- if (!is.null(rule)) new_offered(rule, frame)
    frame$cache[["offered"]] <- if (movers) without_origins(offered, frame) else offered
  }
  frame$cache[["offered"]]
}

new_offered <- function(rule, frame) {
  tie <- if (!is.null(rule$tie)) frame$data$ties[[rule$tie]]
  by_firm <- !is.null(tie) && tie$by == "firm"
  timed <- if (is.null(tie)) !is.null(frame$data$time) else tie$timed
  key <- occasion_key(frame, c(if (by_firm) "firm" else "origin", if (timed) "time"))
  values <- if (by_firm) {
    entries <- tie_entries(frame$data, rule$tie, key$parts$firm, key$parts$time)
    filled <- matrix(tie$default %in% 1, frame$J, key$size)
    filled[cbind(entries$col, sparse_rows(entries))] <- tie$data[[rule$column]][entries$row]
    filled
  } else {
    available_places(frame$data, key$parts$origin - 1L, key$parts$time)
  }
  list(kind = "dense", key = key, values = values)
}

# Occasions that would read a missing value of a table at a place they are offered
missing_in_table <- function(table, frame) {
  values <- table$values
  if (table$kind == "sparse") {
    if (!anyNA(values$val)) {
      return(NULL)
    }
    bad <- logical(table$key$size)
    bad[sparse_rows(values)[is.na(values$val)]] <- TRUE
    return(bad[table$key$index])
  }
  if (!anyNA(values)) {
    return(NULL)
  }
  key <- table$key
  missing <- is.na(values)
  offered <- offered_table(frame)
  if (table$kind == "dense" && !is.null(offered)) {
    key <- occasion_key(frame, union(key$dims, offered$key$dims))
    missing <- rekey(list(kind = "dense", key = table$key, values = missing), key)$values &
      rekey(offered, key)$values
  }
  bad <- if (table$kind == "dense") colSums(missing) > 0 else missing
  if (length(key$dims)) bad[key$index] else rep(bad, frame$n)
}
