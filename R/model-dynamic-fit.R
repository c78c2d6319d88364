# How a dynamic() model is estimated, and predictions of its fit.

# Estimation --------------------------------------------------------------------------------------------

# A world as a source of sums (fit-kernel.R)
dynamic_sums <- function(world, spec) {
  structure(list(world = world, extent = spec_extent(spec), head = NULL), class = "dynamic_sums")
}

evaluate_sums.dynamic_sums <- function(sums, kernel, theta, order, control) {
  wanted <- c("likelihood", "score", "information")[order + 1L]
  raw <- .Call(C_dynamic, sums$world, theta, wanted, control)
  list(value = raw$likelihood, score = raw$score, information = raw$information)
}

# Along a direction values change as well, so that no direction of the terms proves a separation: nothing is said to
# move
count_along.dynamic_sums <- function(sums, direction, question, control) {
  0
}

close_sums.dynamic_sums <- function(sums) {
  invisible()
}

model_maximise.dynamic_model <- function(model, problem, theta) {
  if (model$discount == 0) {
    return(NextMethod())
  }
  world <- counted_world(problem$design)
  start <- rough_linear_fit(problem, theta)$theta
  start[problem$held$is] <- theta[problem$held$is]
  exact <- model$estimator == "npl"
  found <- pseudo_values(problem, world, start, exact)
  if (exact) {
    return(found)
  }
  maximise_world(problem, world, found$theta, problem$control)
}

maximise_world <- function(problem, world, theta, control) {
  maximise(dynamic_sums(world, problem$design$spec), list(kind = "conditional"), theta, problem$held$is, control)
}

# Alternates the logit with values read from given probabilities, and the probabilities it implies. As a start of the
# likelihood one round will do.
pseudo_values <- function(problem, world, theta, exact) {
  control <- problem$control
  static <- utils::modifyList(world, list(discount = 0))
  world$given <- world_probabilities(static, theta)
  for (round in seq_len(if (exact) control$max_iterations else 1L)) {
    step <- given_values(world, theta, control)
    raw <- maximise_world(problem, step, theta, control)
    moved <- max(abs(raw$theta - theta))
    theta <- raw$theta
    world$given <- world_probabilities(step, theta)
    if (moved <= 1e-11 * max(1, abs(theta))) break
  }
  if (exact && moved > 1e-6) {
    warn("Nested pseudo-likelihood did not settle in ", round, " rounds: coefficients still move by ", format(moved, digits = 2),
      ". Use estimator = \"ml\", or a larger `max_iterations` in migration_control().",
      class = "convergence"
    )
  }
  raw
}

# The world of the conditional logit with terms x + beta E W and offset beta E e, at given probabilities
given_values <- function(world, theta, control) {
  read <- .Call(C_dynamic, world, theta, "values", kernel_control(control))
  at <- cell_tables(read, world)
  n <- c(world$n_places, world$n_terms, world$n_kinds)
  states <- rep(seq_len(n[3L]), each = n[1L])
  for (t in seq_along(world$x)) {
    cells <- (t - 1L) * n[3L] + seq_len(n[3L])
    slope <- aperm(at$slope[, , cells, drop = FALSE], c(2L, 1L, 3L))
    world$x[[t]] <- world$x[[t]] + as.vector(slope[, , states])
    world$offset[[t]] <- world$offset[[t]] + as.vector(at$ahead[, cells, drop = FALSE][, states])
  }
  world$given <- NULL
  world$discount <- 0
  world
}

# Values by cell: ahead, places x cells; slope, terms x places x cells
cell_tables <- function(read, world) {
  n_cells <- length(world$x) * world$n_kinds
  list(
    ahead = matrix(read$ahead, world$n_places), value = matrix(read$value, world$n_places),
    slope = array(read$slope, c(world$n_terms, world$n_places, n_cells))
  )
}

# Logit probabilities, places x states of each market, of a world whose discount is 0
world_probabilities <- function(world, theta) {
  Map(function(x, offset) {
    x <- matrix(aperm(array(x, c(world$n_places, world$n_terms, length(offset) / world$n_places)), c(1L, 3L, 2L)),
      ncol = world$n_terms
    )
    v <- matrix(offset + drop(x %*% theta), world$n_places)
    p <- exp(v - rep(apply(v, 2L, max), each = nrow(v)))
    as.vector(p / rep(colSums(p), each = nrow(p)))
  }, world$x, world$offset)
}

# The fit -------------------------------------------------------------------------------------------------

model_finish.dynamic_model <- function(model, fit, raw, problem) {
  design <- problem$design
  cells <- design$cells
  read <- .Call(C_dynamic, design$world, raw$theta, "values", kernel_control(problem$control))
  place <- fit$data$place
  at <- rep(seq_len(nrow(cells)), each = length(place))
  fit$values <- data.frame(
    time = if (is.null(fit$data$time)) NA else fit$data$time[cells$time[at]], type = cells$type[at],
    place = rep(place, nrow(cells)), value = read$value
  )
  fit
}

check_estimates.dynamic_model <- function(model, fit) {
  terms <- fit$design$terms
  once <- terms$variable[terms$kind %in% c("push", "pull")]
  alone <- setdiff(once, terms$variable[!terms$kind %in% c("push", "pull")])
  if (model$discount > 0 && length(alone) > 0L) {
    inform(
      "push() and pull() are paid once, at the move; ", quote_names(alone), " as a term of its own would be received in every ",
      "period spent at a place (?dynamic).",
      class = "once"
    )
  }
}

print_details.dynamic_model <- function(model, x) {
  kinds <- x$memory$kinds
  listed <- if (length(kinds) > 1L) paste0(" (", quote_names(kinds, 6L), ")")
  cat("Kinds of firms: ", length(kinds), listed, "; values of places solved for ", plural(x$memory$n_periods, "period"), "\n",
    sep = ""
  )
}

# Predictions ---------------------------------------------------------------------------------------------

settle_design.migration_fit_dynamic <- function(object, design, data) {
  resolve_equilibrium(object, design)
}

# What lies ahead of each place becomes an offset of the conditional logit
resolve_equilibrium.migration_fit_dynamic <- function(object, design) {
  world <- design$world
  read <- .Call(C_dynamic, world, design$theta, "values", kernel_control(object$control))
  tables <- cell_tables(read, world)
  # values less the mean of their market, which no probability feels
  market <- rep(seq_along(world$x), each = world$n_kinds)
  design$level <- world$discount * rowsum(colMeans(tables$value), market)[market] / world$n_kinds
  design$slope <- tables$slope
  design$plain <- design$plain %||% design$spec
  design$spec <- if (world$discount == 0) design$plain else with_cell_offset(design$plain, tables$ahead)
  design
}

kernel_predict.migration_fit_dynamic <- function(object, design, type) {
  values <- NextMethod()
  if (type %in% c("utility", "logsum")) values + design$level[design$spec$cell] else values
}

# The score of q = x + beta E W: that of the logit with the offset, and that of a table of places for each term
kernel_scores.migration_fit_dynamic <- function(object, design) {
  scores <- NextMethod()
  if (design$world$discount == 0) {
    return(scores)
  }
  p <- kernel_predict(object, design, "probability")
  cell <- design$spec$cell
  chosen <- cbind(chosen_place(design$spec), cell)
  weight <- occasion_weights(design$spec)
  own <- vapply(seq_len(design$world$n_terms), function(k) {
    table <- matrix(design$slope[k, , ], nrow = dim(design$slope)[2L])
    weight * (table[chosen] - rowSums(p * t(table)[cell, , drop = FALSE]))
  }, numeric(length(cell)))
  own <- matrix(own, nrow = length(cell))
  terms <- seq_len(ncol(scores))
  if (!is.null(object$design$adjust)) {
    own[, terms] <- own[, terms] - own[, -terms, drop = FALSE] %*% t(object$design$adjust)
  }
  scores + own[, terms, drop = FALSE]
}
