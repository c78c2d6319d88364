# The equilibria of a cell of a chain() fit: all fixed points of Psi that can be found, at the estimates and along
# the interaction from 0 on. A problem is one cell as the C entry points know it (cell_problem()).

#' @title Equilibria of chain migration
#' @description With strong interaction the equations \eqn{s = \Psi(s)} of a [chain()] model have several solutions:
#' the same firms, with the same reasons, may all stay or all leave. `equilibria()` looks for all of them in a cell
#' (a group of firms in a period).
#'
#' Starts are every corner (all firms at one place), equal shares, the shares of the fit, random shares, and the
#' solutions at neighbouring values of \eqn{\delta}. From each, the adjustment \eqn{s \leftarrow s + a(\Psi(s) - s)}{s
#' <- s + a (Psi(s) - s)} leads to a stable equilibrium and Newton's method to the nearest one of any kind; the boundary
#' between the basins of every two stable ones is followed to the unstable one on it. That finds all of them in
#' practice; there is no proof that it always does.
#'
#' @param fit,object A fit of [fit_migration()] with a [chain()] model and rational expectations.
#' @param group,time Which cells: values of the group column and of the periods; `NULL` is all of them. With both
#'   `NULL` the cell with the most firms is taken.
#' @param newdata `NULL`: the firms and places of the fit; or data of the class the model was fitted to.
#' @param starts Number of random starts, a whole number of at least 1.
#' @param delta Values of \eqn{\delta} for the map, a numeric vector; the default is 31 values from 0 to 1.5 times the
#'   estimate. `NULL`: no map.
#' @param tolerance Solutions whose shares differ by no more than this are one.
#' @param seed A whole number that seeds the random starts; the state of the generator before is put back.
#' @param x The result.
#' @param places For `plot()`: which places; by default the two whose shares differ most between equilibria.
#' @param ... Not used.
#' @return `equilibria()`: a data frame of class `chain_equilibria` with a row for each cell, equilibrium and place:
#'   `group`, `time`, `equilibrium` (numbered by the first place's share, the largest first), `place`, `share`, `stable`
#'   (every eigenvalue of \eqn{\partial\Psi/\partial s}{dPsi/ds} is below 1, so that gradual adjustment leads back),
#'   `spectral_radius` (the largest absolute eigenvalue; above 1 with a negative eigenvalue, simultaneous best replies
#'   overshoot), `current` (the one of the fit). Attributes: `map`, a data frame of the same kind with a column `delta`;
#'   `tipping`, the values of \eqn{\delta} between which the number of equilibria changes (`group`, `time`, `delta`,
#'   `below`, `above`).
#'
#'   `autoplot()`: a ggplot, the shares of some places in all equilibria against \eqn{\delta}; `plot()` draws it and
#'   returns it invisibly.
#' @section Errors: A fit of another model, or with lagged shares (there is one path, and no equilibrium to look for);
#'   cells that do not exist.
#' @references Brock, W. A. and Durlauf, S. N. (2001). Discrete choice with social interactions. *Review of Economic
#'   Studies* 68, 235-260. \doi{10.1111/1467-937X.00168}
#' @seealso [tipping()], [chain()]
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(environment) + log(distance), data,
#'   model = chain(native), subset = data$firms$year %in% 1996:1999
#' )
#' found <- equilibria(fit, "Wenzhou", 1997, starts = 5, delta = NULL)
#' found
#' @export
equilibria <- function(fit, ...) {
  UseMethod("equilibria")
}

#' @rdname equilibria
#' @export
equilibria.default <- function(fit, ...) {
  abort("`fit` must be a fit of fit_migration() with model = chain(), not ", class(fit)[1L], ".", class = "argument")
}

#' @rdname equilibria
#' @export
equilibria.migration_fit_chain <- function(fit, group = NULL, time = NULL, newdata = NULL, starts = 20,
                                           delta = seq(0, 1.5, 0.05) * chain_delta(fit), tolerance = 1e-6, seed = 1,
                                           ...) {
  check_dots(...)
  check_rational(fit)
  starts <- check_count(starts, "starts")
  tolerance <- check_fraction(tolerance, "tolerance")
  data <- chain_data(fit, newdata)
  fit$given$weights <- if (is.null(newdata)) fit$given$weights
  cells <- wanted_cells(fit, data, group, time)
  restore <- seed_generator(seed)
  on.exit(restore())
  tick <- progress("Groups and periods", nrow(cells))
  each <- lapply(seq_len(nrow(cells)), function(i) {
    tick()
    cell_equilibria(cell_problem(fit, data, cells[i, ]), cells[i, ], starts, delta, tolerance)
  })
  table <- do.call(rbind, lapply(each, `[[`, "table"))
  structure(table,
    class = c("chain_equilibria", "data.frame"), delta = chain_delta(fit), label = chain_label(fit$model),
    map = do.call(rbind, lapply(each, `[[`, "map")), tipping = do.call(rbind, lapply(each, `[[`, "tipping"))
  )
}

chain_delta <- function(fit) {
  delta <- fit$coefficients[[chain_label(fit$model)]]
  if (is.na(delta)) 0 else delta
}

check_rational <- function(fit) {
  if (fit$model$expectation != "rational") {
    abort(
      "The fit has lagged shares, which are given and not solved for: there is no equilibrium to look for. ",
      "Fit chain(expectation = \"rational\").",
      class = "argument"
    )
  }
}

# One cell ------------------------------------------------------------------------------------------------

chain_data <- function(fit, newdata) {
  if (is.null(newdata)) fit$data else prediction_data(newdata, fit)
}

# The cells asked for: group, time
wanted_cells <- function(fit, data, group, time) {
  cells <- fit$cells
  if (!identical(data, fit$data)) {
    cells <- data_cells(fit, data)
  }
  check_cell_values(group, cells$group, "group")
  check_cell_values(time, cells$time, "time")
  if (is.null(group) && is.null(time)) {
    return(cells[which.max(cells$firms), c("group", "time")])
  }
  use <- (if (is.null(group)) TRUE else cells$group %in% as.character(group)) &
    (if (is.null(time)) TRUE else cells$time %in% time)
  if (!any(use)) {
    abort("No firm is in a cell with both this `group` and this `time`.", class = "argument")
  }
  cells[use, c("group", "time")]
}

check_cell_values <- function(given, known, name) {
  known <- as.character(known[!is.na(known)])
  unknown <- setdiff(as.character(given), known)
  if (length(unknown) > 0L) {
    abort(
      "`", name, "` has ", quote_names(unknown), ", of which the data have no firm.",
      did_you_mean(unknown, known),
      class = "argument"
    )
  }
}

# The cells of new data with their firms
data_cells <- function(fit, data) {
  design <- counted(prediction_design(fit, data), data)
  cbind(design$cells, firms = cell_sizes(design$spec, nrow(design$cells)))
}

# The occasions of a cell: a logical for each row of firms, or occasion of long data
in_cell <- function(fit, data, cell) {
  all <- seq_along(data$index$firm)
  group <- occasion_value(fit$model, data)
  use <- if (is.na(cell$group)) rep(TRUE, length(all)) else !is.na(group) & as.character(group) == cell$group
  if (!is.na(cell$time)) {
    use <- use & data$time[data$index$time] == cell$time
  }
  if (identical(data, fit$data)) {
    use <- use & all %in% fit$design$occasion
  }
  use
}

# The group of each occasion of the data
occasion_value <- function(model, data) {
  if (is.null(model$group)) {
    return(NA)
  }
  occasion_column(data, model$group)
}

# One cell for the C entry points, with the equilibrium of the fit (or nearest to it) as `current`. `data` may have
# other attributes of places than the fit.
cell_problem <- function(fit, data, cell, use = in_cell(fit, data, cell)) {
  design <- cell_design(fit, data, use)
  kernel <- design$kernel
  kernel$given <- FALSE
  list(
    spec = counted(design, data)$spec, kernel = kernel, theta = design$theta, current = design$share[, 1L],
    firms = design$spec$cell_size, place = data$place, control = fit$control
  )
}

# The design of some occasions, with the parameters
cell_design <- function(fit, data, use) {
  choice <- all(data$index$chosen[use] > 0L, na.rm = TRUE) && !anyNA(data$index$chosen[use])
  design <- model_design(fit$model, fit$formula, data,
    weights = fit$given$weights, subset = use, na.action = fit$given$na.action, choice = choice,
    basis = fit$design$basis, env = environment(fit$formula)
  )
  complete_design(fit, design, data)
}

# Fixed points from starts (a column each): shares, largest absolute and largest eigenvalue
fixed_points <- function(problem, start, method, theta = problem$theta) {
  start <- as.matrix(start)
  found <- solve_shares(
    problem$spec, problem$kernel, theta, rep(1L, ncol(start)), start, method, problem$control
  )
  keep <- found$converged
  list(
    share = found$share[, keep, drop = FALSE], radius = apply(abs(found$eigenvalue[, keep, drop = FALSE]), 2L, max),
    top = apply(found$eigenvalue[, keep, drop = FALSE], 2L, max), converged = keep
  )
}

# Some of the fixed points
some_points <- function(points, which) {
  list(share = points$share[, which, drop = FALSE], radius = points$radius[which], top = points$top[which])
}

join_points <- function(a, b) {
  list(share = cbind(a$share, b$share), radius = c(a$radius, b$radius), top = c(a$top, b$top))
}

# Distinct fixed points, the larger share of the first place first
distinct_points <- function(points, tolerance) {
  n <- ncol(points$share)
  if (n == 0L) {
    return(points)
  }
  keep <- integer()
  for (i in seq_len(n)) {
    apart <- vapply(keep, function(k) max(abs(points$share[, i] - points$share[, k])) > tolerance, NA)
    if (all(apart)) keep <- c(keep, i)
  }
  rank <- do.call(order, c(lapply(seq_len(nrow(points$share)), function(j) -round(points$share[j, keep], 6))))
  some_points(points, keep[rank])
}

# Starts that need no luck: corners of the places on offer, equal shares, the current ones; and random ones
start_shares <- function(problem, random) {
  n <- length(problem$place)
  offered <- if (is.null(problem$spec$offered)) rep(TRUE, n) else problem$spec$offered
  corners <- diag(n)[, offered, drop = FALSE]
  draws <- matrix(stats::rexp(n * random)^2, n) * offered
  as_shares(cbind(problem$current, corners, as.numeric(offered), draws))
}

# All fixed points found from starts
search_points <- function(problem, start, tolerance, theta = problem$theta) {
  stable <- distinct_points(fixed_points(problem, start, "dynamics", theta), tolerance)
  any_kind <- fixed_points(problem, start, "newton", theta)
  found <- distinct_points(join_points(stable, any_kind), tolerance)
  if (ncol(stable$share) > 1L) {
    found <- distinct_points(join_points(found, between_points(problem, stable, tolerance, theta)), tolerance)
  }
  found
}

# Unstable fixed points on the boundaries between the basins of stable ones, two at a time
between_points <- function(problem, stable, tolerance, theta) {
  n <- min(ncol(stable$share), 8L)
  pairs <- utils::combn(n, 2L)
  a <- stable$share[, pairs[1L, ], drop = FALSE]
  b <- stable$share[, pairs[2L, ], drop = FALSE]
  low <- rep(0, ncol(pairs))
  high <- rep(1, ncol(pairs))
  for (step in 1:24) {
    middle <- (low + high) / 2
    at <- a + (b - a) * rep(middle, each = nrow(a))
    end <- solve_shares(problem$spec, problem$kernel, theta, rep(1L, ncol(at)), at, "dynamics", problem$control)$share
    home <- apply(abs(end - a), 2L, max) < 100 * tolerance
    low <- ifelse(home, middle, low)
    high <- ifelse(home, high, middle)
  }
  at <- a + (b - a) * rep(high, each = nrow(a))
  fixed_points(problem, cbind(at, (a + b) / 2), "newton", theta)
}

# The table and the map -----------------------------------------------------------------------------------

cell_equilibria <- function(problem, cell, starts, delta, tolerance) {
  start <- start_shares(problem, starts)
  map <- if (length(delta) > 0L) trace_delta(problem, delta, start, tolerance)
  nearest <- if (!is.null(map)) map$points[[which.min(abs(delta - delta_of(problem)))]]$share
  points <- search_points(problem, cbind(start, nearest), tolerance)
  here <- fixed_points(problem, problem$current, "newton")
  points <- distinct_points(join_points(points, here), tolerance)
  list(
    table = point_table(points, problem, cell, current = TRUE),
    map = if (!is.null(map)) map_table(map, problem, cell),
    tipping = if (!is.null(map)) delta_tipping(map, problem, cell, tolerance)
  )
}

delta_of <- function(problem) {
  problem$theta[length(problem$theta)]
}

with_delta <- function(problem, delta) {
  replace(problem$theta, length(problem$theta), delta)
}

# Equilibria along delta, there and back: each value starts from the solutions at its neighbours too
trace_delta <- function(problem, delta, start, tolerance) {
  delta <- sort(unique(delta))
  points <- vector("list", length(delta))
  visit <- function(i, neighbour) {
    theta <- with_delta(problem, delta[i])
    known <- points[[i]] %||% search_points(problem, start, tolerance, theta)
    if (!is.null(neighbour)) {
      known <- distinct_points(join_points(known, fixed_points(problem, neighbour$share, "newton", theta)), tolerance)
    }
    known
  }
  tick <- progress("Equilibria along delta", 2L * length(delta))
  for (i in seq_along(delta)) {
    tick()
    points[[i]] <- visit(i, if (i > 1L) points[[i - 1L]])
  }
  for (i in rev(seq_along(delta))[-1L]) {
    tick()
    points[[i]] <- visit(i, points[[i + 1L]])
  }
  list(delta = delta, points = points)
}

point_table <- function(points, problem, cell, current = FALSE) {
  n <- ncol(points$share)
  J <- nrow(points$share)
  table <- data.frame(
    group = cell$group, time = cell$time, equilibrium = rep(seq_len(n), each = J), place = rep(problem$place, n),
    share = as.vector(points$share), stable = rep(points$top < 1, each = J),
    spectral_radius = rep(points$radius, each = J), stringsAsFactors = FALSE
  )
  if (current) {
    away <- apply(abs(points$share - problem$current), 2L, max)
    table$current <- rep(seq_len(n) == which.min(away) & away < 1e-4, each = J)
  }
  table
}

map_table <- function(map, problem, cell) {
  do.call(rbind, Map(function(delta, points) {
    cbind(delta = delta, point_table(points, problem, cell))
  }, map$delta, map$points))
}

# Where along delta the number of equilibria changes, by bisection
delta_tipping <- function(map, problem, cell, tolerance) {
  count <- vapply(map$points, function(points) ncol(points$share), 0L)
  at <- which(diff(count) != 0L)
  value <- vapply(at, function(i) {
    richer <- if (count[i] > count[i + 1L]) i else i + 1L
    start <- cbind(map$points[[i]]$share, map$points[[i + 1L]]$share)
    inside <- map$delta[richer]
    outside <- map$delta[2L * i + 1L - richer]
    for (step in 1:20) {
      middle <- (inside + outside) / 2
      theta <- with_delta(problem, middle)
      found <- distinct_points(fixed_points(problem, start, "newton", theta), tolerance)
      rich <- ncol(found$share) >= max(count[i], count[i + 1L])
      if (rich) {
        inside <- middle
        start <- found$share
      } else {
        outside <- middle
      }
    }
    (inside + outside) / 2
  }, 0)
  data.frame(
    group = rep(cell$group, length(at)), time = rep(cell$time, length(at)), delta = value, below = count[at],
    above = count[at + 1L], stringsAsFactors = FALSE
  )
}

# Reading it ----------------------------------------------------------------------------------------------

#' @rdname equilibria
#' @export
print.chain_equilibria <- function(x, ...) {
  if (is.null(attr(x, "label")) || !all(c("equilibrium", "share", "current") %in% names(x))) {
    return(NextMethod())
  }
  cells <- unique(as.data.frame(x)[c("group", "time")])
  cat("Equilibria at `", attr(x, "label"), "` = ", format(attr(x, "delta"), digits = 4), "\n", sep = "")
  for (i in seq_len(nrow(cells))) {
    rows <- x[match_cells(x, cells[i, ]) %in% 1L, ]
    class(rows) <- "data.frame"
    cat("\n", cell_names(cells[i, ]), "\n", sep = "")
    print_cell(rows)
  }
  print_tipping_delta(attr(x, "tipping"))
  invisible(x)
}

# A line for each equilibrium, with its largest shares
print_cell <- function(rows) {
  for (each in split(rows, rows$equilibrium)) {
    top <- utils::head(each[order(-each$share), ], 3L)
    shares <- paste0(top$place, " ", format(100 * top$share, digits = 1, nsmall = 1, trim = TRUE), "%", collapse = ", ")
    cat(
      "  ", each$equilibrium[1L], ": ", shares, "; ", if (each$stable[1L]) "stable" else "UNSTABLE",
      ", spectral radius ", format(each$spectral_radius[1L], digits = 3), if (each$current[1L]) " <- the fit", "\n",
      sep = ""
    )
  }
}

print_tipping_delta <- function(tipping) {
  if (length(tipping$delta) == 0L) {
    return(invisible())
  }
  cat("\nThe number of equilibria changes along the interaction:\n")
  cat(sprintf(
    "  %s: %d below %s, %d above\n", cell_names(tipping), tipping$below, format(tipping$delta, digits = 4), tipping$above
  ), sep = "")
}

#' @rdname equilibria
#' @export
plot.chain_equilibria <- function(x, ...) {
  need_ggplot2()
  picture <- autoplot.chain_equilibria(x, ...)
  print(picture)
  invisible(picture)
}

#' @rdname equilibria
#' @exportS3Method ggplot2::autoplot chain_equilibria
autoplot.chain_equilibria <- function(object, places = NULL, ...) {
  need_ggplot2()
  map <- attr(object, "map")
  if (is.null(map)) {
    abort("There is no map to draw: equilibria() was called with `delta = NULL`.", class = "argument")
  }
  places <- places %||% telling_places(map)
  map <- map[map$place %in% places, ]
  map$place <- factor(map$place, places)
  map$cell <- gsub("`", "", cell_names(map))
  tipping <- attr(object, "tipping")
  tipping$cell <- gsub("`", "", cell_names(tipping))
  equilibrium_plot(map, tipping, attr(object, "delta"), attr(object, "label"))
}

# The two places whose shares range most
telling_places <- function(map) {
  range <- tapply(map$share, map$place, function(s) max(s) - min(s))
  names(sort(range, decreasing = TRUE))[seq_len(min(2L, length(range)))]
}

equilibrium_plot <- function(map, tipping, delta, label) {
  map$kind <- factor(ifelse(map$stable, "stable", "unstable"), c("stable", "unstable"))
  ggplot2::ggplot(map, ggplot2::aes(x = .data$delta, y = .data$share)) +
    ggplot2::geom_vline(xintercept = delta, colour = "grey50") +
    ggplot2::geom_vline(ggplot2::aes(xintercept = .data$delta), tipping, linetype = "dashed", colour = "grey50") +
    ggplot2::geom_point(ggplot2::aes(shape = .data$kind), size = 1.8) +
    ggplot2::scale_shape_manual(values = c(stable = 16, unstable = 1)) +
    ggplot2::facet_grid(cell ~ place) +
    ggplot2::scale_y_continuous(limits = c(0, 1)) +
    ggplot2::labs(
      x = paste0(label, " (line: the estimate; dashed: the number of equilibria changes)"), y = "share", shape = NULL
    ) +
    ggplot2::theme_bw() +
    ggplot2::theme(legend.position = "top", panel.grid.minor = ggplot2::element_blank())
}
