# From a formula and data to the lists of arrays the kernels read ("spec").
#
# migration_design() reads the formula (design-formula.R), finds its variables
# (design-lookup.R), selects the occasions (design-occasions.R), computes the
# columns of each variable on its own table (design-columns.R), and lays the
# terms out for the storage of the data: design-relational.R never expands firms
# x places, design-ragged.R passes the columns of long data as they are.

# The design of a migration model
# formula, data, weights, subset, na.action: as in [fit_migration()].
# choice: FALSE: chosen places are not needed (prediction).
# basis: `basis` of an earlier design: the same columns on new data.
# env: where names that no table has are looked up.
# unchosen: function of a spec that says which places no answer names: these have
#   no place constant.
# Value: list of class `migration_design`: spec, terms (name, term, kind,
#   variable), effects, basis, formula, occasion, na.action.
migration_design <- function(formula, data, weights = NULL, subset = NULL,
                             na.action = stats::na.omit, choice = TRUE, basis = NULL,
                             env = NULL, unchosen = unchosen_places) {
  parsed <- parse_formula(formula, env)
  absorbed <- absorbs_places(parsed$absorbed, data$names$place)
  occasions <- select_occasions(data, parsed$response, weights, subset, choice, parsed$env)
  stay <- basis$stay %||% any_origin(occasions)
  movers <- movers_design(data, occasions, basis, choice)
  if (movers) data <- set_parts(data, movers_only = TRUE)
  plan <- plan_terms(parsed, data, stay && !movers)
  plan$absorbed <- absorbed
  check_origins(plan, stay)
  design <- lay_out(data, plan, occasions, na.action, basis, parsed$env)
  design$spec$effects <- absorbed
  design <- set_offered(design, data, basis, if (choice) unchosen)
  design["effects"] <- list(if (absorbed) data$place)
  design$basis <- list(
    stay = stay, movers = movers, atoms = design$basis, effects = design$effects,
    unchosen = data$place[!(design$spec$offered %||% TRUE)]
  )
  design$formula <- formula
  structure(design, class = "migration_design")
}

# Lay the terms out for the storage of the data
#
# Computes the columns of each variable on its own table, drops the occasions
# with missing values as `na.action` says, and builds the spec.
# Value: list(spec, terms, basis = one for each atom, occasion, na.action)
lay_out <- function(data, plan, occasions, na.action, basis, env) UseMethod("lay_out")

# Does any occasion have an origin?
any_origin <- function(occasions) max(occasions$origin) > 0L

# Without origins, terms that refer to them have no meaning
check_origins <- function(plan, stay) {
  if (stay) {
    return(invisible())
  }
  for (term in c(plan$terms, plan$offsets)) {
    roles <- vapply(term$factors, function(f) f$role, "")
    if (any(roles %in% c("stay", "keep", "push"))) {
      abort("`", term$name, "` refers to the origin, but no occasion has one. Give the column ",
        "of the origin as `from`, or drop the term.",
        class = "formula"
      )
    }
  }
}

# The columns of all terms, named and checked; offsets last
design_entries <- function(plan, components, atoms) {
  check_offsets(plan$offsets, components)
  full <- code_terms(plan$terms, atoms, plan$absorbed)
  entries <- unlist(Map(expand_term, plan$terms, full, list(components)), recursive = FALSE)
  offsets <- unlist(lapply(plan$offsets, function(term) {
    expand_term(term, rep(FALSE, length(term$factors)), components)
  }), recursive = FALSE)
  if (!length(entries) && !plan$absorbed) {
    abort("`formula` has no terms: there is nothing to estimate. Add an attribute of places, ",
      "or leave `stay` in.",
      class = "formula"
    )
  }
  check_distinct_names(vapply(entries, function(e) e$name, ""))
  list(terms = as.list(entries), offsets = as.list(offsets))
}

# Two columns must not have the same name
check_distinct_names <- function(names) {
  twice <- unique(names[duplicated(names)])
  if (length(twice)) {
    abort("Two terms of `formula` give a coefficient the same name: ", quote_names(twice),
      ". Rename a variable or a level.",
      class = "formula"
    )
  }
}

# Offsets are one numeric column each
check_offsets <- function(offsets, components) {
  for (term in offsets) {
    for (factor in term$factors) {
      component <- components[[factor$atom %||% ""]]
      if (is.null(component)) next
      if (component$kind == "factor" || length(component$suffix) > 1L) {
        abort("`offset(", term$name, ")` must be numeric, not ",
          if (component$kind == "factor") "a factor." else "a matrix.",
          class = "formula"
        )
      }
    }
  }
}

# The terms table: coefficient, term of the formula, kind, variable
terms_table <- function(entries, atoms) {
  text <- function(f) vapply(entries, f, "")
  data.frame(
    name = text(function(e) e$name),
    term = text(function(e) e$term$name),
    kind = text(function(e) term_kind(e$term, atoms)),
    variable = text(function(e) term_variables(e$term, atoms)),
    stringsAsFactors = FALSE
  )
}

# place, pull, push, keep, stay, tie, peers, or firm_place for interactions
term_kind <- function(term, atoms) {
  levels <- vapply(term$factors, function(f) atoms[[f$atom %||% ""]]$level %||% "stay", "")
  if (length(term$factors) > 1L) {
    keeps <- term$mask == "stay" && all(levels %in% c("firm", "stay"))
    return(if (keeps) "keep" else "firm_place")
  }
  role <- term$factors[[1L]]$role
  if (role != "plain") {
    return(role)
  }
  switch(levels,
    row = "place",
    levels
  )
}

# Variables of a term, joined by `:`; "stay" for the constant
term_variables <- function(term, atoms) {
  variables <- unlist(lapply(term$factors, function(f) atoms[[f$atom %||% ""]]$variables))
  if (length(variables)) paste(unique(variables), collapse = ":") else term$factors[[1L]]$role
}

# Places taken out: those nobody chose when the model has place constants
set_offered <- function(design, data, basis, unchosen) {
  if (!design$spec$effects) {
    return(design)
  }
  out <- if (!is.null(basis)) {
    check_places(data, basis)
    data$place %in% basis$unchosen
  } else if (!is.null(unchosen)) {
    unchosen(design$spec)
  }
  if (!any(out)) {
    return(design)
  }
  if (is.null(basis)) tell_unchosen(data$place[out])
  design$spec$offered <- !out
  design
}

tell_unchosen <- function(places) {
  inform("Nobody chose ", plural(length(places), "place"), ": ", quote_names(places), ". Choice sets are without ",
    if (length(places) == 1L) "it" else "them", ", because the place constant would be minus infinity.",
    class = "unchosen_places"
  )
}

# Places without weight among the chosen
unchosen_places <- function(spec) {
  chosen <- chosen_place(spec)
  if (!is.null(spec$weights)) chosen <- chosen[spec$weights > 0]
  tabulate(chosen, spec$J) == 0L
}

# New data may not have places whose constant was not estimated
check_places <- function(data, basis) {
  new <- setdiff(data$place, basis$effects)
  if (length(new)) {
    abort("`newdata` has ", plural(length(new), "place"), " without a place constant: ",
      quote_names(new), ". The model was fitted with `| place`.",
      class = "newdata"
    )
  }
}

#' @export
print.migration_design <- function(x, ...) {
  cat("<migration_design> ", deparse1(x$formula), "\n", sep = "")
  cat(plural(length(x$occasion), "occasion"), ", ", plural(nrow(x$terms), "term"), ", ",
    sub("_spec", "", class(x$spec), fixed = TRUE), " storage\n",
    sep = ""
  )
  print(x$terms, row.names = FALSE)
  invisible(x)
}
