# The design of a hazard model: the spec of relational data whose "places" are the outcomes of a period: stay,
# then the risks. A covariate x of the period and the firm has a column for each risk k,
#   x_ijk = x_i 1{outcome j is risk k},
# written as a multiplier of the occasion times a table with one row, so that equal periods are merged.

# Arguments and value as of migration_design(); besides it gives outcomes and, for each occasion, spell, duration
# and when.
# profile: NULL, or list(rows, duration, spell): these rows of `firms`, at these durations, instead of
#   what the data say.
hazard_design <- function(model, formula, data, weights = NULL, subset = NULL, na.action = stats::na.omit,
                          choice = TRUE, basis = NULL, env = NULL, profile = NULL) {
  check_hazard_data(data)
  if (is.null(basis)) check_hidden_duration(model, formula, data)
  plan <- hazard_plan(model, formula, data, env)
  atoms <- lapply(plan$atoms, relational_level, data = data)
  lapply(c(plan$terms, plan$offsets), check_hazard_term, atoms = atoms)
  occasions <- if (is.null(profile)) {
    spells <- hazard_spells(model, data, choice, report = is.null(basis))
    periods_at_risk(data, spells, weights, subset, choice, env)
  } else {
    profile_periods(data, profile)
  }
  if (is.null(basis)) check_durations(model, occasions$duration)
  data$firms$duration <- rep(NA_real_, nrow(data$firms))
  components <- lapply(atoms, hazard_component, data = data, occasions = occasions, basis = basis$atoms)
  entries <- hazard_entries(acting_on_leaving(plan), components)
  frame <- new_frame(data, occasions, atoms, components)
  missing <- missing_at_origin(unlist(entries, recursive = FALSE), frame)
  dropped <- drop_missing(c(missing, list(from = occasions$missing_from)), occasions, na.action)
  keep <- which(dropped$keep %||% rep(TRUE, occasions$n))
  columns <- lapply(entries, lapply, hazard_column, frame = frame, keep = keep)
  kept <- restrict_occasions(occasions, keep)
  design <- list(
    spec = hazard_spec(columns, kept, length(model$risks)),
    terms = hazard_terms(entries$terms, atoms, model$risks),
    basis = list(atoms = lapply(components, function(component) component$basis)),
    formula = formula, occasion = kept$number, na.action = dropped$na.action, selected = occasions$number,
    outcomes = c("stay", model$risks), whole = TRUE, row = keep,
    spell = occasions$spell[keep], duration = occasions$duration[keep], when = occasions$when[keep],
    late = occasions$late[keep]
  )
  structure(design, class = "migration_design")
}

check_hazard_data <- function(data) {
  if (!has_tables(data)) {
    abort(
      "hazard() asks when firms leave, which takes a panel of firms: give it a migration_data(), not the long ",
      "table of places on offer.",
      class = "hazard_data"
    )
  }
}

# Formula ---------------------------------------------------------------------------------------------

# A column `duration` is hidden by the word, unless it is what durations are
check_hidden_duration <- function(model, formula, data) {
  named <- if (inherits(model$duration, "formula")) all.vars(model$duration) else model$duration
  if ("duration" %in% names(data$firms) && "duration" %in% all.vars(formula) && !"duration" %in% named) {
    abort("`duration` is the duration of spells in formulas of hazards and also a column of `firms`. Say that they are ",
      "the same with hazard(duration = \"duration\"), or rename the column.",
      class = "lookup"
    )
  }
}

# Terms of the baseline, then those of the formula
hazard_plan <- function(model, formula, data, env) {
  parsed <- parse_formula(formula, env)
  if (!is.null(parsed$response) && !identical(parsed$response, data$names$to)) {
    abort("The left side of `formula` is `", parsed$response, "`, but a hazard is about the column `",
      data$names$to, "` of the data. Write that, or nothing.",
      class = "formula"
    )
  }
  if (!is.null(parsed$absorbed)) {
    abort("`| ", term_text(parsed$absorbed), "` has no meaning in a hazard: constants of places say where firms go. ",
      "Use a factor of places for differences between origins.",
      class = "formula"
    )
  }
  check_has_constant(parsed$right, parsed$env, "`formula`")
  data$firms$duration <- rep(NA_real_, nrow(data$firms))
  baseline <- baseline_terms(model)
  own <- plan_terms(parsed, data, stay = FALSE)
  own$atoms <- lapply(own$atoms, function(atom) c(atom, list(env = parsed$env)))
  if (is.null(baseline)) {
    return(own)
  }
  first <- plan_terms(baseline, data, stay = FALSE)
  first$atoms <- lapply(first$atoms, function(atom) c(atom, list(env = baseline$env)))
  check_baseline(first)
  twice <- intersect(term_names(first), term_names(own))
  list(
    terms = c(first$terms, own$terms[!term_names(own) %in% twice]), offsets = own$offsets,
    atoms = c(first$atoms, own$atoms[setdiff(names(own$atoms), names(first$atoms))])
  )
}

term_names <- function(plan) vapply(plan$terms, function(term) term$name, "")

# The baseline needs durations it can be computed of and told by
check_durations <- function(model, duration) {
  known <- duration[!is.na(duration)]
  if (length(known) == 0L) {
    abort("`duration` of hazard() is missing for every period at risk.", class = "duration")
  }
  if (identical(model$baseline, "log") && any(known == 0)) {
    abort("`baseline = \"log\"` takes the log of duration, which is 0 in ", plural(sum(known == 0), "period"),
      ". Count the first period as 1, as in hazard(duration = ~ ", duration_expression(model), " + 1).",
      class = "duration"
    )
  }
  if (!identical(model$baseline, "constant") && all(known == known[1L])) {
    abort("`baseline` lets the hazard change with duration, but every period at risk has the duration ", known[1L],
      ". Use baseline = \"constant\", or name the columns of periods (time =) or of durations (duration =).",
      class = "duration"
    )
  }
}

duration_expression <- function(model) {
  if (inherits(model$duration, "formula")) deparse1(model$duration[[2L]]) else model$duration %||% "duration"
}

check_baseline <- function(plan) {
  for (atom in plan$atoms) {
    other <- setdiff(atom$variables, "duration")
    if (length(other) > 0L || !is.null(atom$peers)) {
      abort("`baseline` of hazard() has `", atom$text, "`, but is a formula of `duration` alone. Put ",
        quote_names(other), " into `formula`.",
        class = "formula"
      )
    }
  }
}

# The constant belongs to the baseline and cannot be left out
check_has_constant <- function(right, env, what) {
  terms <- stats::terms(stats::as.formula(call("~", right), env = env))
  if (attr(terms, "intercept") == 0L) {
    abort(what, " leaves out the constant, but every risk of a hazard has one. Drop the `- 1` or `+ 0`.",
      class = "formula"
    )
  }
}

# The baseline as a parsed formula of `duration`; NULL when it is constant
#' @importFrom splines ns
baseline_terms <- function(model) {
  right <- if (inherits(model$baseline, "formula")) {
    model$baseline[[2L]]
  } else {
    switch(model$baseline,
      constant = NULL,
      log = quote(log(duration)),
      dummies = quote(factor(duration)),
      spline = quote(ns(duration, df = 3))
    )
  }
  if (is.null(right)) {
    return(NULL)
  }
  # ns() is found in the package's own imports
  env <- if (inherits(model$baseline, "formula")) environment(model$baseline) else topenv()
  check_has_constant(right, env, "`baseline` of hazard()")
  list(right = right, env = env)
}

# What the parts of a formula can mean for leaving
check_hazard_term <- function(term, atoms) {
  for (factor in term$factors) {
    atom <- atoms[[factor$atom %||% ""]]
    if (factor$role == "stay") {
      abort("`", term$name, "`: a hazard has no `stay`; its constant is part of the baseline",
        if (length(term$factors) > 1L) ". Write keep(w) for an attribute w of firms." else ". Drop the term.",
        class = "formula"
      )
    }
    if (factor$role == "pull") {
      abort("`", factor$text, "`: pull() says where a firm goes, not when it leaves. Write `push(",
        atom$text, ")` for the value at the origin.",
        class = "formula"
      )
    }
    if (atom$level == "tie") {
      abort("`", factor$text, "` is an attribute of the ties `", atom$table, "`, which say where a firm goes, not ",
        "when it leaves. A hazard takes attributes of firms and of the origin.",
        class = "formula"
      )
    }
    if (factor$role == "keep" && atom$level != "firm") {
      abort("`", factor$text, "`: `", atom$text, "` is ", level_text(atom), "; keep() takes an attribute of firms. ",
        "Write `push(", atom$text, ")`.",
        class = "formula"
      )
    }
    check_role(if (factor$role == "plain") utils::modifyList(factor, list(role = "any")) else factor, atom)
  }
}

# With roles checked every term acts on leaving; `sign` is -1 for keep()
acting_on_leaving <- function(plan) {
  turn <- function(term) {
    roles <- vapply(term$factors, function(factor) factor$role, "")
    term$sign <- (-1)^sum(roles == "keep")
    term$mask <- "all"
    term$factors <- lapply(term$factors, function(factor) {
      factor$role <- "plain"
      factor
    })
    term
  }
  plan$terms <- lapply(plan$terms, turn)
  plan$offsets <- lapply(plan$offsets, turn)
  plan
}

# The columns of all terms of one risk, after the constant
hazard_entries <- function(plan, components) {
  check_offsets(plan$offsets, components)
  entries <- unlist(Map(expand_term, plan$terms, hazard_coding(plan$terms), list(components)), recursive = FALSE)
  offsets <- unlist(lapply(plan$offsets, function(term) {
    expand_term(term, rep(FALSE, length(term$factors)), components)
  }), recursive = FALSE)
  check_distinct_names(vapply(entries, function(entry) entry$name, ""))
  list(terms = as.list(entries), offsets = as.list(offsets))
}

# R's rule for the factors of each term: contrasts (FALSE) where the model contains the term without the factor,
# as it does the constant, else a column for every level
hazard_coding <- function(terms) {
  margins <- lapply(terms, margin_ids)
  lapply(terms, function(term) {
    vapply(term$factors, function(factor) {
      rest <- setdiff(margin_ids(term), factor$atom)
      length(rest) > 0L && !any(vapply(margins, setequal, NA, rest))
    }, NA)
  })
}

# Occasions and columns -------------------------------------------------------------------------------

# Rows of firms at risk, with outcomes for chosen places; in a prediction rows without origin are kept as missing
periods_at_risk <- function(data, spells, weights, subset, choice, env) {
  n <- nrow(data$firms)
  at_risk <- !is.na(spells$outcome)
  keep <- rep_len(resolve_subset(subset, data$firms, n, env), n)
  number <- which(keep & (at_risk | !choice))
  if (!any(keep & at_risk)) {
    abort("No firm is at risk of leaving: no row of `firms` that is in `subset` has an origin.",
      class = "no_occasions"
    )
  }
  values <- period_values(data)
  values$chosen <- no_na(spells$outcome)
  values["weights"] <- list(resolve_weights(weights, data$weights, data$firms, n, env))
  occasions <- new_occasions(number, n, values)
  occasions$spell <- spells$spell[number]
  occasions$duration <- spells$duration[number]
  occasions$late <- spells$late[number]
  occasions$when <- occasions$time
  occasions$missing_from <- if (any(!at_risk[number])) !at_risk[number]
  occasions
}

period_values <- function(data) {
  index <- data$index
  list(firm = index$firm, time = index$time %||% rep(1L, length(index$firm)), origin = no_na(index$origin))
}

# Rows of firms at given durations
profile_periods <- function(data, profile) {
  values <- lapply(period_values(data), function(x) x[profile$rows])
  n <- length(profile$rows)
  occasions <- c(list(number = profile$rows, n = n, all = FALSE), values)
  occasions$chosen <- rep(1L, n)
  occasions[c("spell", "duration")] <- profile[c("spell", "duration")]
  occasions$when <- seq_len(n)
  occasions$missing_from <- if (any(occasions$origin == 0L)) occasions$origin == 0L
  occasions
}

# Columns of an atom; `duration` is the occasions' own
hazard_component <- function(atom, data, occasions, basis) {
  if (atom$level != "firm") {
    return(relational_component(atom, data, occasions, atom$env, basis))
  }
  columns <- table_rows(data$firms, atom, occasion_rows(occasions))
  if ("duration" %in% names(columns)) columns$duration <- occasions$duration
  evaluate_atom(atom, columns, occasions$n, atom$env, basis[[atom$id]])
}

# For each variable which periods lack it
missing_at_origin <- function(entries, frame) {
  missing <- list()
  for (entry in entries) {
    for (k in seq_along(entry$term$factors)) {
      atom <- frame$atoms[[entry$term$factors[[k]]$atom]]
      values <- factor_values(k, entry, frame)
      if (anyNA(values)) missing[[atom$text]] <- either(missing[[atom$text]], is.na(values))
    }
  }
  missing
}

# One factor of a column: a number for each period, NA where missing
factor_values <- function(k, entry, frame) {
  id <- entry$term$factors[[k]]$atom
  component <- frame$components[[id]]
  switch(frame$atoms[[id]]$level,
    firm = component_column(component, entry$full[k], entry$column[k]),
    place = values_at_origin(component_column(component, entry$full[k], entry$column[k]), frame),
    peers = peers_at_origin(entry_table(k, entry, frame), frame)
  )
}

# An attribute of places at the origin; 0 without one
values_at_origin <- function(column, frame) {
  rows <- frame$data$place_row
  origin <- frame$occasions$origin
  time <- if (ncol(rows) > 1L) frame$occasions$time else 1L
  values <- column[rows[cbind(pmax(origin, 1L), time)]]
  if (any(origin == 0L)) values[origin == 0L] <- 0
  values
}

# Peers that are at the origin
peers_at_origin <- function(table, frame) {
  origin <- pmax(frame$occasions$origin, 1L)
  row <- if (table$key$name == "") rep(1L, frame$n) else table$key$index
  if (table$kind == "dense") {
    return(table$values[cbind(origin, row)])
  }
  sparse_at(table$values, origin, row, frame$J)
}

# The column of a term, for the periods kept
hazard_column <- function(entry, frame, keep) {
  values <- lapply(seq_along(entry$term$factors), factor_values, entry = entry, frame = frame)
  entry$term$sign * Reduce(`*`, values)[keep]
}

# The spec --------------------------------------------------------------------------------------------

hazard_spec <- function(columns, occasions, n_risks) {
  n_terms <- length(columns$terms)
  n_offsets <- length(columns$offsets)
  unit <- diag(n_risks + 1L)[, -1L, drop = FALSE]
  any_risk <- rowSums(unit)
  tables <- c(lapply(seq_len(n_risks), function(k) unit[, k]), if (n_offsets > 0L) list(any_risk))
  structure(list(
    kind = "relational", n = occasions$n, J = n_risks + 1L, origin = rep(1L, occasions$n),
    chosen = occasions$chosen, weights = occasions$weights, keys = list(),
    tables = lapply(tables, function(values) list(kind = "dense", key = 0L, values = as.double(values))),
    multipliers = lapply(unname(c(columns$terms, columns$offsets)), as.double),
    terms = list(
      table = c(rep(seq_len(n_risks), each = n_terms + 1L), rep(n_risks + 1L, n_offsets)),
      mask = rep("all", n_risks * (n_terms + 1L) + n_offsets),
      multiplier = c(rep(0:n_terms, n_risks), n_terms + seq_len(n_offsets)),
      offset = rep(0:1, c(n_risks * (n_terms + 1L), n_offsets))
    ),
    effects = FALSE, available = NULL, offered = NULL
  ), class = "relational_spec")
}

# The terms table: the constant and the terms of each risk
hazard_terms <- function(entries, atoms, risks) {
  one <- rbind(
    data.frame(name = "(Intercept)", term = "(Intercept)", kind = "baseline", variable = "duration"),
    if (length(entries) > 0L) terms_table(entries, atoms)
  )
  each <- lapply(risks, function(risk) {
    one$name <- paste0(risk, ":", one$name)
    one$risk <- risk
    one
  })
  do.call(rbind, each)
}
