# The world of dynamic(): kinds of firms, and what they would find at each place in each period.

# Kinds -------------------------------------------------------------------------------------------------

# The kind of each occasion used: list(code, first = a row of each kind, names)
firm_kinds <- function(model, formula, data, occasion) {
  used <- intersect(all.vars(formula[[length(formula)]]), firm_attributes(data))
  columns <- if (is.null(model$types)) {
    as.list(data$firms[occasion, used, drop = FALSE])
  } else {
    kind_columns(model$types, data, occasion)
  }
  if (length(columns) == 0L) {
    return(one_kind(data, occasion, model$transition))
  }
  found <- distinct(do.call(paste, c(lapply(columns, as.character), sep = ":")))
  kinds <- list(code = found$code, first = occasion[match(seq_along(found$values), found$code)], names = found$values)
  if (length(kinds$names) > 5000L) {
    abort(
      "There are ", format_count(length(kinds$names)), " kinds of firms, by ", quote_names(names(columns)),
      "; dynamic() solves the values of at most 5,000. Name fewer by `types =`, or cut what is continuous into classes.",
      class = "kinds"
    )
  }
  check_alike(used, data, occasion, kinds)
  order_kinds(kinds, model$transition)
}

kind_columns <- function(types, data, occasion) {
  known <- firm_attributes(data)
  elsewhere <- function(name) exists(name, envir = environment(types))
  unknown <- Filter(Negate(elsewhere), setdiff(all.vars(types), known))
  if (length(unknown) > 0L) {
    abort("`types` names ", quote_names(unknown), ", which no column of the firms is called.",
      did_you_mean(unknown, known),
      class = "kinds"
    )
  }
  parts <- attr(stats::terms(types), "variables")[-1L]
  columns <- lapply(as.list(parts), function(e) eval(e, data$firms, environment(types))[occasion])
  names(columns) <- vapply(as.list(parts), deparse1, "")
  gone <- names(columns)[vapply(columns, anyNA, NA)]
  if (length(gone) > 0L) {
    abort("`types` is missing (NA) for some firms, by ", quote_names(gone), ".", class = "kinds")
  }
  columns
}

one_kind <- function(data, occasion, transition) {
  if (!is.null(transition)) {
    abort("`transition` needs kinds of firms, and neither `types` nor the formula names any.", class = "kinds")
  }
  list(code = rep(1L, length(occasion)), first = occasion[1L], names = "all")
}

# What the formula uses must not differ within a kind
check_alike <- function(used, data, occasion, kinds) {
  for (name in used) {
    x <- data$firms[[name]]
    differs <- which(!(x[occasion] == x[kinds$first][kinds$code]) %in% TRUE)
    if (length(differs) > 0L) {
      abort(
        "`", name, "` is in the formula but differs between firms of the kind \"", kinds$names[kinds$code[differs[1L]]],
        "\". Add it to `types`, or use in the formula what `types` has.",
        class = "kinds"
      )
    }
  }
}

# Kinds in the order of the transition, which may know of kinds that no firm is
order_kinds <- function(kinds, transition) {
  if (is.null(transition)) {
    return(kinds)
  }
  at <- match(kinds$names, rownames(transition))
  if (anyNA(at) || length(at) != nrow(transition)) {
    abort(
      "`transition` has the kinds ", quote_names(rownames(transition)), ", and the firms are of the kinds ",
      quote_names(kinds$names), ".",
      class = "kinds"
    )
  }
  list(code = at[kinds$code], first = kinds$first[order(at)], names = rownames(transition))
}

# Design ------------------------------------------------------------------------------------------------

# Adds to the design the cell of each occasion (spec$cell: a kind in a period), the table of cells, and the world: what
# firms of each kind would find at each place in each period
model_design.dynamic_model <- function(model, formula, data, ...) {
  check_dynamic_data(formula, data)
  design <- migration_design(formula, data, ...)
  if (any(design$spec$origin == 0L)) {
    abort(
      plural(sum(design$spec$origin == 0L), "occasion"), " without an origin: dynamic() values moves from where a firm is. ",
      "Leave new firms out with `subset = !is.na(", data$names$from, ")`.",
      class = "origin"
    )
  }
  design <- add_cells(design, model, firm_kinds(model, formula, data, design$occasion), data)
  design$world <- new_world(model, formula, data, design, list(...)$env %||% environment(formula))
  design
}

check_dynamic_data <- function(formula, data) {
  if (!has_tables(data)) {
    abort("dynamic() needs tables of firms and places, migration_data(), not long data: values are solved for every place.",
      class = "data"
    )
  }
  if ("peers" %in% all.names(formula)) {
    abort("dynamic() does not go with peers(): firms would have to foresee where others go.", class = "formula")
  }
  own <- names(data$ties)[vapply(data$ties, function(tie) identical(tie$by, "firm"), NA)]
  if (length(own) > 0L && length(intersect(all.vars(formula), unlist(lapply(data$ties[own], `[[`, "columns")))) > 0L) {
    abort("dynamic() does not go with ties of firms: every firm would be a kind of its own.", class = "formula")
  }
}

# Markets are periods, with all kinds where these change, else a kind in a period
add_cells <- function(design, model, kinds, data) {
  time <- if (is.null(data$time)) rep(1L, length(kinds$code)) else data$index$time[design$occasion]
  n_kinds <- length(kinds$names)
  if (is.null(model$transition)) {
    pair <- combine_codes(list(kinds$code, time), c(n_kinds, max(time)))
    each <- sort(unique(pair))
    design$cells <- data.frame(kind = kinds$code[match(each, pair)], time = time[match(each, pair)])
    design$spec$cell <- match(pair, each)
  } else {
    each <- sort(unique(time))
    design$cells <- data.frame(kind = rep(seq_len(n_kinds), length(each)), time = rep(each, each = n_kinds))
    design$spec$cell <- (match(time, each) - 1L) * n_kinds + kinds$code
  }
  design$cells$type <- kinds$names[design$cells$kind]
  design$cells$first <- kinds$first[design$cells$kind]
  design
}

# The states of all cells as occasions: a firm of the kind at each place in the period
state_data <- function(data, cells) {
  n_places <- length(data$place)
  row <- rep(cells$first, each = n_places)
  origin <- rep(seq_len(n_places), nrow(cells))
  firms <- data$firms[row, , drop = FALSE]
  firms[[data$names$from]] <- data$place[origin]
  index <- lapply(data$index, function(code) code[row])
  index$origin <- origin
  index$chosen <- origin
  if (!is.null(data$time)) {
    index$time <- rep(cells$time, each = n_places)
    firms[[data$names$time]] <- data$time[index$time]
  }
  set_parts(data, firms = firms, index = index, weights = NULL)
}

# What C_dynamic reads, but for counts
new_world <- function(model, formula, data, design, env) {
  cells <- design$cells
  n_terms <- term_count(design$spec) + length(design$effects)
  n_places <- length(data$place)
  n_kinds <- if (is.null(model$transition)) 1L else nrow(model$transition)
  check_world_size(as.double(nrow(cells)) * n_places^2 * (n_terms + 1), nrow(cells), n_places)
  states <- migration_design(formula, state_data(data, cells), choice = FALSE, basis = design$basis, env = env)
  if (nrow(cells) * n_places != length(states$occasion)) {
    abort("An attribute of firms, places or ties is missing (NA) where a firm might go: dynamic() needs all of them.",
      class = "missing"
    )
  }
  tables <- state_tables(states$spec, n_terms)
  market <- rep(seq_len(nrow(cells) / n_kinds), each = n_kinds * n_places)
  pick <- function(rows) list(x = as.vector(tables$x[, , rows]), offset = as.vector(tables$offset[, rows]))
  markets <- lapply(split(seq_along(market), market), pick)
  list(
    discount = model$discount, transition = if (!is.null(model$transition)) as.double(t(model$transition)),
    n_kinds = n_kinds, n_places = n_places, n_terms = n_terms,
    x = unname(lapply(markets, `[[`, "x")), offset = unname(lapply(markets, `[[`, "offset"))
  )
}

check_world_size <- function(numbers, n_cells, n_places) {
  if (numbers > 1e9) {
    abort(
      plural(n_cells, "kind of firms and period", "kinds of firms and periods"), " by ", format_count(n_places),
      " places make tables of ", format_count(round(8e-9 * numbers)), " GB. Name fewer kinds by `types =`, or fewer periods by `subset =`.",
      class = "size"
    )
  }
}

# Utilities at 0, places x states, -Inf where a place is not on offer, and terms, places x terms x states
state_tables <- function(spec, n_terms) {
  utility <- function(theta) t(.Call(C_predict, spec, list(kind = "conditional"), theta, "utility", list(threads = 1L)))
  offset <- utility(numeric(n_terms))
  offset[is.na(offset)] <- -Inf
  x <- array(0, c(nrow(offset), n_terms, ncol(offset)))
  for (k in seq_len(n_terms)) {
    x[, k, ] <- utility(replace(numeric(n_terms), k, 1)) - offset
  }
  x[!is.finite(x)] <- 0
  list(x = x, offset = offset)
}

# The world with the weight of the firms that chose each place from each state
counted_world <- function(design) {
  spec <- design$spec
  world <- design$world
  n_places <- world$n_places
  counted <- which(spec$chosen > 0L)
  state <- (spec$cell[counted] - 1L) * n_places + origin_place(spec)[counted]
  code <- (state - 1) * n_places + chosen_place(spec)[counted]
  each <- sort(unique(code))
  total <- numeric(nrow(design$cells) * n_places^2)
  total[each] <- rowsum(occasion_weights(spec)[counted], match(code, each))
  of_market <- matrix(total, ncol = length(world$x))
  world$count <- lapply(seq_along(world$x), function(t) of_market[, t])
  world
}
