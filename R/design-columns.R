# Turns an expression of a formula into columns of numbers on the rows of its
# table. A component is
#   list(kind = "numeric", columns = list of doubles, suffix = "" or names)
#   list(kind = "factor", codes = integer, levels, contrasts = levels x columns)
# with `basis`, what is needed to compute the same columns on other data.

# Evaluate an atom on a table (a list of equally long columns)
# own: NULL, or which rows are the tie of a place with itself
evaluate_atom <- function(atom, table, rows, env, basis = NULL, own = NULL) {
  call <- basis$call %||% atom$call
  table <- fitted_types(table, basis$types, atom$table)
  value <- tryCatch(eval(call, table, env), error = function(e) {
    abort("`", atom$text, "` cannot be computed on `", atom$table, "`: ",
      conditionMessage(e), ".",
      class = "formula"
    )
  })
  check_length(value, rows, atom)
  component <- if (is.character(value) || is.factor(value)) {
    if (is.null(basis$levels)) check_disguise(value, atom)
    factor_component(value, atom, basis)
  } else {
    numeric_component(value, atom, basis)
  }
  if (is.null(component$basis$call)) {
    component$basis$call <- stats::makepredictcall(value, atom$call)
  }
  component$basis$types <- basis$types %||% variable_types(table)
  complete <- vapply(component$columns, is_complete, NA)
  for (column in component$columns[!complete]) check_finite(column, atom, own)
  component$complete <- component$kind == "numeric" && all(complete)
  component
}

# An expression must give a value for each row
check_length <- function(value, rows, atom) {
  if (!is.atomic(value) || is.null(value)) {
    abort("`", atom$text, "` of `", atom$table, "` gives ", describe_type(value),
      ", not numbers or a factor.",
      class = "formula"
    )
  }
  count <- if (is.null(dim(value))) length(value) else nrow(value)
  if (count != rows) {
    abort("`", atom$text, "` gives ", plural(count, "value"), " for ", plural(rows, "row"),
      " of `", atom$table, "`.",
      class = "formula"
    )
  }
}

# Numbers, logicals, dates and matrices
numeric_component <- function(value, atom, basis) {
  if (is.complex(value) || is.raw(value)) {
    abort("`", atom$text, "` of `", atom$table, "` is ", typeof(value),
      ", not a number, logical, date or factor.",
      class = "formula"
    )
  }
  if (!is.null(basis$levels)) {
    abort("`", atom$text, "` of `", atom$table, "` is a number, but was text when the model was fitted. Give it as ",
      "the data of the fit have it.",
      class = "newdata"
    )
  }
  if (is.null(dim(value))) {
    return(list(
      kind = "numeric", columns = list(as.double(value)), suffix = "",
      basis = list(call = basis$call)
    ))
  }
  columns <- lapply(seq_len(ncol(value)), function(k) as.double(value[, k]))
  suffix <- if (ncol(value) == 1L) "" else colnames(value) %||% as.character(seq_len(ncol(value)))
  list(kind = "numeric", columns = columns, suffix = suffix, basis = list(call = basis$call))
}

# Factors: levels in use and their contrasts, or those of the fit
factor_component <- function(value, atom, basis) {
  if (!is.null(basis$levels)) {
    return(known_levels(value, atom, basis))
  }
  if (!is.factor(value)) value <- factor(value)
  if (any(tabulate(value, nlevels(value)) == 0L)) value <- droplevels(value)
  levels <- levels(value)
  if (length(levels) < 2L) {
    abort("The factor `", atom$text, "` of `", atom$table, "` has one level",
      if (length(levels)) paste0(", `", levels, "`"),
      ": it cannot tell places or firms apart. Drop the term.",
      class = "formula"
    )
  }
  contrasts <- stats::contrasts(value)
  if (is.null(colnames(contrasts))) colnames(contrasts) <- seq_len(ncol(contrasts))
  list(
    kind = "factor", codes = as.integer(value), levels = levels, contrasts = contrasts,
    basis = list(levels = levels, contrasts = contrasts)
  )
}

# A factor of new data, coded with the levels of the fit
known_levels <- function(value, atom, basis) {
  text <- as.character(value)
  codes <- match(text, basis$levels)
  new <- unique(text[is.na(codes) & !is.na(text)])
  if (length(new)) {
    abort("`", atom$text, "` of `", atom$table, "` has the new ",
      if (length(new) == 1L) "level " else "levels ", quote_names(new),
      "; the model was fitted with ", quote_names(basis$levels, 10), ".",
      class = "newdata"
    )
  }
  list(
    kind = "factor", codes = codes, levels = basis$levels, contrasts = basis$contrasts,
    basis = basis
  )
}

# Infinite values are an error
check_finite <- function(column, atom, own = NULL) {
  infinite <- sum(is.infinite(column))
  if (infinite > 0L && !is.null(own) && all(own[is.infinite(column)])) {
    abort("`", atom$text, "` of `", atom$table, "` is infinite in ", plural(infinite, "row"),
      ", each a place with itself, as the diagonal of a matrix of distances. Leave these rows out of the table: ",
      "a tie is 0 at the origin by itself.",
      class = "infinite"
    )
  }
  if (infinite) {
    abort("`", atom$text, "` of `", atom$table, "` is infinite in ",
      plural(infinite, "row"), ". Mend the data, or write a function that is finite, ",
      "such as log(x + 1).",
      class = "infinite"
    )
  }
}

# Are all values finite? A finite sum of squares says so in one pass
is_complete <- function(column) is.finite(crossprod(column)) || all(is.finite(column))

# Column k of a component: for factors a contrast, or a level if `full`
component_column <- function(component, full, k) {
  if (component$kind == "numeric") {
    return(component$columns[[k]])
  }
  if (full) as.double(component$codes == k) else unname(component$contrasts[component$codes, k])
}

# Keep some rows of a component
component_rows <- function(component, rows) {
  if (is.null(rows)) {
    return(component)
  }
  component$columns <- lapply(component$columns, function(x) x[rows])
  component$codes <- component$codes[rows]
  component
}

# Which rows of a component are missing; NULL when none is
component_missing <- function(component) {
  if (component$complete) {
    return(NULL)
  }
  values <- component$columns %||% list(component$codes)
  values <- values[vapply(values, anyNA, NA)]
  if (length(values)) Reduce(`|`, lapply(values, is.na))
}

# For each factor of each term: a column for every level (TRUE) or contrasts
#
# R's rule: contrasts if the model contains the term without the factor. A
# product of firm attributes counts as contained, because it is the same for
# every place of an occasion; with place constants a product of attributes of
# places that do not change does too. `move` equals 1 - stay, hence is
# contained when stay is, and w:move when w:stay is.
code_terms <- function(terms, atoms, absorbed) {
  margins <- lapply(terms, margin_ids)
  lapply(terms, function(term) {
    ids <- margin_ids(term)
    vapply(term$factors, function(factor) {
      if (is.null(factor$atom)) {
        return(FALSE)
      }
      rest <- setdiff(ids, factor_ids(factor, value = TRUE))
      !is_contained(rest, margins, atoms, absorbed)
    }, NA)
  })
}

# Is the product of `rest` in the model, or the same for every place?
is_contained <- function(rest, margins, atoms, absorbed) {
  levels <- vapply(rest, function(id) atoms[[id]]$level %||% "role", "")
  if (all(levels == "firm")) {
    return(TRUE)
  }
  constant <- vapply(rest, function(id) isTRUE(atoms[[id]]$constant), NA)
  if (absorbed && all(constant)) {
    return(TRUE)
  }
  same <- function(ids) {
    others <- setdiff(ids, c("<move>", "<stay>"))
    firm <- vapply(others, function(id) identical(atoms[[id]]$level, "firm"), NA)
    # w:move is w less w:stay, and w alone is the same for every place
    if (all(firm)) sub("<move>", "<stay>", ids, fixed = TRUE) else ids
  }
  any(vapply(margins, function(ids) setequal(same(ids), same(rest)), NA))
}

# What a term multiplies, as a set of names
margin_ids <- function(term) unique(unlist(lapply(term$factors, factor_ids)))

# What one factor of a term multiplies, as a name; `value` leaves out in which role (push, pull, keep)
factor_ids <- function(factor, value = FALSE) {
  role <- switch(factor$role,
    pull = ,
    push = "<move>",
    stay = ,
    keep = "<stay>"
  )
  atom <- if (!is.null(factor$atom)) {
    if (factor$role == "push") paste0("<origin>", factor$atom) else factor$atom
  }
  if (value) atom else c(role, atom)
}

# Every column of a term: which column of which atom each factor contributes
expand_term <- function(term, full, components) {
  suffix <- lapply(seq_along(term$factors), function(k) {
    atom <- term$factors[[k]]$atom
    if (is.null(atom)) "" else component_suffix(components[[atom]], full[k])
  })
  text <- vapply(term$factors, function(f) f$text, "")
  is_factor <- vapply(term$factors, function(f) {
    !is.null(f$atom) && components[[f$atom]]$kind == "factor"
  }, NA)
  grid <- as.matrix(expand.grid(lapply(suffix, seq_along)))
  lapply(seq_len(nrow(grid)), function(r) {
    column <- unname(grid[r, ])
    name <- paste0(text, mapply(`[`, suffix, column), collapse = ":")
    list(name = name, term = term, full = full & is_factor, column = column)
  })
}

# What the columns of a component add to the name of its variable
component_suffix <- function(component, full) {
  if (component$kind == "numeric") {
    return(component$suffix)
  }
  if (full) component$levels else colnames(component$contrasts)
}
