# Finds the table of each variable of a formula and plans its terms: which
# variables ("atoms") are multiplied, in which role, on which rows of the choice.
#
# An atom is list(id, text, call, table, variables, level): `call` is to be
# evaluated in the table, `level` says what its value depends on (firm, place,
# tie, peers; row for a column of long data). A term is list(name, factors,
# mask), a factor list(text, role, atom); mask "all": every place, "move": places moved
# to, "stay": the origin. Text given to the user is always the user's own.

# Terms, offsets and atoms of a parsed formula for the tables of the data
plan_terms <- function(parsed, data, stay) {
  tables <- variable_tables(data)
  check_words(parsed, tables)
  if (stay) check_intercept(parsed$right, parsed$env)
  read <- formula_terms(parsed$right, stay, parsed$env)
  atoms <- list()
  plan_one <- function(factors) {
    factors <- lapply(factors, read_variable, env = parsed$env)
    for (k in which(vapply(factors, function(f) f$role != "stay", NA))) {
      atom <- find_atom(factors[[k]], tables, parsed$env)
      factors[[k]]$atom <- atom$id
      atoms[[atom$id]] <<- atom
    }
    new_term(factors)
  }
  terms <- lapply(read$terms, plan_one)
  offsets <- lapply(read$offsets, function(factors) c(plan_one(factors), list(offset = TRUE)))
  list(terms = terms, offsets = offsets, atoms = atoms, origins = stay)
}

# A term from its factors, with the mask their roles imply
new_term <- function(factors) {
  roles <- vapply(factors, function(f) f$role, "")
  name <- paste(vapply(factors, function(f) f$text, ""), collapse = ":")
  move <- any(roles %in% c("pull", "push"))
  staying <- any(roles %in% c("stay", "keep"))
  if (move && staying) {
    abort("`", name, "` is zero everywhere: pull() and push() act on leaving, ",
      "stay and keep() on staying. Drop the term.",
      class = "formula"
    )
  }
  list(name = name, factors = factors, mask = if (move) "move" else if (staying) "stay" else "all")
}

# Names of the variables each table offers to a formula
variable_tables <- function(data) UseMethod("variable_tables")

#' @export
variable_tables.migration_data <- function(data) {
  names <- data$names
  c(
    list(
      firms = setdiff(names(data$firms), names$to),
      places = setdiff(names(data$places), names$time)
    ),
    lapply(data$ties, function(tie) tie$columns)
  )
}

#' @export
variable_tables.choice_data <- function(data) {
  list(data = setdiff(names(data$data), c(data$names$chosen, data$names$id)))
}

# The atom of a factor: its expression and the one table that has its variables
find_atom <- function(factor, tables, env) {
  if (!is.null(factor$peers)) {
    return(peers_atom(factor, tables))
  }
  located <- locate_variables(factor$inner, tables, env)
  table <- unique(located$table)
  text <- term_text(factor$inner)
  if (length(table) > 1L) {
    abort("`", text, "` takes variables from the tables ", quote_names(table),
      ". A call works on one table: write a product of two tables with `:`.",
      class = "formula"
    )
  }
  list(
    id = text, text = text, call = located$call, table = table,
    variables = located$variables, level = NULL
  )
}

# Replace `table$x` by x and say which table has each variable
locate_variables <- function(expr, tables, env) {
  chosen <- character()
  strip <- function(e) {
    if (is_call_to(e, "$") && is.name(e[[2L]]) && as.character(e[[2L]]) %in% names(tables)) {
      column <- as.character(e[[3L]])
      chosen[column] <<- as.character(e[[2L]])
      return(as.name(column))
    }
    for (k in seq_along(e)[-1L]) if (is.call(e[[k]])) e[[k]] <- strip(e[[k]])
    e
  }
  call <- strip(expr)
  names <- all.vars(call)
  table <- vapply(names, variable_table, "",
    tables = tables, chosen = chosen,
    expr = expr, env = env
  )
  known <- nzchar(table)
  if (!any(known)) unknown_variable(expr, names, tables)
  list(call = call, table = unname(table[known]), variables = names[known])
}

# Table that has a variable; "" for a value of the formula's environment
variable_table <- function(name, tables, chosen, expr, env) {
  if (name %in% names(chosen)) {
    return(check_table_column(name, chosen[[name]], tables))
  }
  found <- names(tables)[vapply(tables, function(columns) name %in% columns, NA)]
  if (length(found) > 1L) {
    abort("`", name, "` is a column of ", paste0("`", found, "`", collapse = " and of "),
      ". Write ", paste0("`", found, "$", name, "`", collapse = " or "),
      " for the one you mean.",
      class = "lookup"
    )
  }
  if (length(found) == 1L) {
    return(found)
  }
  if (is.call(expr) && is_value(name, env)) {
    return("")
  }
  unknown_variable(expr, name, tables)
}

# The table named in `table$x` must have x
check_table_column <- function(name, table, tables) {
  if (name %in% tables[[table]]) {
    return(table)
  }
  abort("`", table, "` has no column `", name, "`.", did_you_mean(name, tables[[table]]),
    class = "lookup"
  )
}

# Is `name` known where the formula was written: a value, or a function given to another, as in C(x, contr.sum)?
is_value <- function(name, env) {
  !is.null(get0(name, envir = env, inherits = TRUE))
}

# Error for a variable no table has, with the nearest name that one has
unknown_variable <- function(expr, names, tables) {
  text <- term_text(expr)
  if (!length(names)) {
    abort("`", text, "` names no column of the data.", class = "lookup")
  }
  within <- if (!identical(text, names[1L])) paste0(" (in `", text, "`)")
  abort("`", names[1L], "`", within, " is not a column of ",
    paste0("`", names(tables), "`", collapse = ", "), ".",
    did_you_mean(names, unlist(tables),
      otherwise = paste0(" Their columns are ", quote_names(unique(unlist(tables)), 10), ".")
    ),
    class = "lookup"
  )
}

# Atom of peers(): its group must be a column of firms, or the network
peers_atom <- function(factor, tables) {
  peers <- factor$peers
  home <- if ("firms" %in% names(tables)) "firms" else "data"
  known <- is.null(peers$group) || peers$group == "network" || peers$group %in% tables[[home]]
  if (!known) {
    abort("`", factor$text, "`: the group `", peers$group, "` is not a column of `", home,
      "`, nor `network`.",
      did_you_mean(peers$group, c(tables[[home]], "network")),
      class = "lookup"
    )
  }
  id <- paste0("peers ", peers$group, " ", peers$lag, " ", peers$scale)
  list(
    id = id, text = factor$text, table = home, peers = peers, level = "peers",
    variables = peers$group %||% character()
  )
}

# Errors for roles that do not fit the table of their variable
check_roles <- function(terms, atoms, origins = TRUE) {
  for (term in terms) {
    for (factor in term$factors) check_role(factor, atoms[[factor$atom %||% ""]])
    check_varies(term, atoms, origins)
  }
}

# One factor: keep() takes firms' attributes, push() places', pull() not firms'
check_role <- function(factor, atom) {
  if (is.null(atom)) {
    return(invisible())
  }
  firm <- atom$level == "firm"
  what <- paste0("`", factor$text, "`: `", atom$text, "` is ", level_text(atom))
  if (factor$role == "keep" && !firm) {
    abort(what, "; keep() takes an attribute of firms. Write `stay:", atom$text,
      "` for its value at the origin if staying",
      if (atom$level == "place") paste0(", or `push(", atom$text, ")`"), ".",
      class = "formula"
    )
  }
  if (factor$role %in% c("push", "pull") && firm) {
    abort(what, "; ", factor$role, "() takes an attribute of places. Write `keep(",
      atom$text, ")`, or `", atom$text, ":", factor$role,
      "(x)` with an attribute x of places.",
      class = "formula"
    )
  }
  if (factor$role == "push" && atom$level == "tie") {
    abort(what, "; push() takes an attribute of places, which the origin has by itself. ",
      "Write `", atom$text, "`.",
      class = "formula"
    )
  }
}

# A term must not be the same for every place
check_varies <- function(term, atoms, origins) {
  if (term$mask != "all") {
    return(invisible())
  }
  levels <- vapply(term$factors, function(f) atoms[[f$atom]]$level, "")
  if (any(levels != "firm")) {
    return(invisible())
  }
  if (isTRUE(term$offset)) {
    abort("`offset(", term$name, ")` is the same for every place, so it changes no choice. ",
      "Drop it.",
      class = "formula"
    )
  }
  first <- term$factors[[1L]]$text
  rest <- sub(first, "", term$name, fixed = TRUE)
  abort("`", term$name, "` is ", if (nzchar(rest)) {
    "a product of attributes of firms"
  } else {
    "an attribute of firms"
  }, ", the same for every place: write ", if (origins) paste0("`keep(", first, ")", rest, "`, or "),
  "`", term$name, ":x` with an attribute x of places.",
  class = "formula"
  )
}

# "an attribute of firms" and so on
level_text <- function(atom) {
  switch(atom$level,
    firm = "an attribute of firms",
    place = "an attribute of places",
    tie = paste0("an attribute of the ties `", atom$table, "`"),
    row = "an attribute of places",
    peers = "a count of firms"
  )
}
