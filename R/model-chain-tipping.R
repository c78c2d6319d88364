# What moves a cell of a chain() fit to another equilibrium: firms, or an attribute of a place.

#' @title What tips a cluster
#' @description How many firms of a group would have to be at a place, or how far would an attribute of the place
#' have to change, for the group to move to another equilibrium of its [chain()] model? And where would it then end?
#'
#' *Firms.* From the equilibrium \eqn{s^*} of the fit the shares are moved towards the place, \eqn{(1 - m) s^* + m
#' e_j}{(1 - m) s* + m e_j} (`direction` `"in"`), or away from it (`"out"`), and the adjustment \eqn{s \leftarrow s +
#' a(\Psi(s) - s)}{s <- s + a (Psi(s) - s)} is left to run. The threshold is the smallest displacement from which it
#' does not come back: the boundary of the basin of attraction.
#'
#' *An attribute.* With `variable` the attribute of the place is changed step by step, up and down, and the
#' equilibrium followed. The threshold is the value at which it disappears and the shares jump; that is a fold of the
#' map of equilibria. A large change without a jump is no tipping, and gives `NA`.
#'
#' @param fit A fit of [fit_migration()] with a [chain()] model and rational expectations.
#' @param place The place.
#' @param variable `NULL`: a number of firms; or the name of a numeric attribute of places (a column of long data).
#' @param group,time,newdata Which cell, as in [equilibria()]: one of them.
#' @param to For `direction = "out"`: the place the firms go to; `NULL` (default): all others, in proportion.
#' @param range For `variable`: the smallest and the largest value to try; default the range of the attribute over
#'   places and periods, widened by its width on both sides.
#' @param jump For `variable`: a change of a share that counts as a jump when no smaller step avoids it.
#' @param tolerance Precision of the threshold, as a share, or relative to the width of `range`.
#' @param ... Not used.
#' @return A data frame of class `chain_tipping` with a row for each direction. For firms: `group`, `time`, `place`,
#'   `direction`, `share` (now), `threshold` (the share of the place at the tipping point), `firms` (how many firms
#'   more or fewer that is), `share_after` (of the place, once the group has settled), `radius_after`. For an attribute:
#'   `variable`, `value` (now), `threshold`, `change`, `share`, `share_before` and `share_after` (just before and after
#'   the jump), `firms` (how many arrive or leave in the jump). `threshold` is `NA` where the group does not tip.
#'   Attribute `after`: the shares of all places after tipping, a column a row.
#' @section Errors: A fit of another model; a place or attribute that the data do not have; more than one cell.
#' @seealso [equilibria()], [chain()]
#' @references Brock, W. A. and Durlauf, S. N. (2001). Discrete choice with social interactions. *Review of Economic
#'   Studies* 68, 235-260. \doi{10.1111/1467-937X.00168}
#' @examples
#' # two towns, alike but for chance: with an interaction of 3 all firms go to one of them
#' set.seed(4)
#' share <- uniroot(function(s) s - plogis(-0.1 + 3 * (2 * s - 1)), c(0.7, 1))$root
#' towns <- data.frame(place = c("a", "b"), rent = c(1, 0.9))
#' firms <- data.frame(firm = 1:400, kin = rep(c("x", "y"), each = 200))
#' firms$to <- ifelse(runif(400) < ifelse(firms$kin == "x", share, 0.06), "a", "b")
#' data <- migration_data(firms, towns, from = NULL)
#' known <- migration_control(fixed = c(rent = -1))
#' fit <- fit_migration(~ rent, data, model = chain(kin), control = known)
#' equilibria(fit, group = "x", delta = NULL)
#' tipping(fit, "a", group = "x")
#' tipping(fit, "a", "rent", group = "x", range = c(0, 3))
#' @export
tipping <- function(fit, ...) {
  UseMethod("tipping")
}

#' @rdname tipping
#' @export
tipping.default <- function(fit, ...) {
  abort("`fit` must be a fit of fit_migration() with model = chain(), not ", class(fit)[1L], ".", class = "argument")
}

#' @rdname tipping
#' @export
tipping.migration_fit_chain <- function(fit, place, variable = NULL, group = NULL, time = NULL, newdata = NULL,
                                        to = NULL, range = NULL, jump = 0.02, tolerance = 1e-6, ...) {
  check_dots(...)
  check_rational(fit)
  data <- chain_data(fit, newdata)
  fit$given$weights <- if (is.null(newdata)) fit$given$weights
  cells <- wanted_cells(fit, data, group, time)
  if (nrow(cells) > 1L) {
    abort(
      "`group` and `time` leave ", plural(nrow(cells), "cell"), ": give both, so that one is left.",
      class = "argument"
    )
  }
  at <- known_place(place, data, "place")
  tolerance <- check_fraction(tolerance, "tolerance")
  result <- if (is.null(variable)) {
    tipping_firms(fit, data, cells, at, if (!is.null(to)) known_place(to, data, "to"), tolerance)
  } else {
    tipping_variable(fit, data, cells, at, variable, range, check_fraction(jump, "jump"), tolerance)
  }
  class(result) <- c("chain_tipping", "data.frame")
  result
}

known_place <- function(place, data, name) {
  at <- match(place, data$place)
  if (length(at) != 1L || is.na(at)) {
    abort(
      "`", name, "` must be one place of the data, not ", quote_names(place), ".",
      did_you_mean(place, data$place),
      class = "argument"
    )
  }
  at
}

# Firms -----------------------------------------------------------------------------------------------------

tipping_firms <- function(fit, data, cell, at, to, tolerance) {
  problem <- cell_problem(fit, data, cell)
  home <- resting_point(problem)
  directions <- c("in", "out")
  found <- lapply(directions, function(direction) {
    basin_edge(problem, home, displacement(home, at, direction, to), at, tolerance)
  })
  pick <- function(what) vapply(found, `[[`, 0, what)
  end <- vapply(found, `[[`, home, "end")
  result <- data.frame(
    group = cell$group, time = cell$time, place = data$place[at], direction = directions, share = home[at],
    threshold = pick("edge"), firms = problem$firms * abs(pick("edge") - home[at]), share_after = end[at, ],
    radius_after = pick("radius"), stringsAsFactors = FALSE
  )
  attr(result, "after") <- structure(end, dimnames = list(data$place, directions))
  result
}

# The stable equilibrium the fit is at, or next to
resting_point <- function(problem) {
  points <- fixed_points(problem, problem$current, "newton")
  if (ncol(points$share) == 1L && points$top < 1) {
    return(points$share[, 1L])
  }
  settled <- fixed_points(problem, problem$current, "dynamics")
  if (ncol(settled$share) == 0L) {
    abort("No stable equilibrium was found next to that of the fit.", class = "equilibrium")
  }
  settled$share[, 1L]
}

# The function that gives the shares after a displacement of size m, 0 to 1
displacement <- function(home, at, direction, to) {
  corner <- replace(numeric(length(home)), at, 1)
  if (direction == "in") {
    return(function(m) (1 - m) * home + m * corner)
  }
  others <- if (is.null(to)) home * (1 - corner) else replace(numeric(length(home)), to, 1)
  others <- others / max(sum(others), .Machine$double.xmin)
  function(m) home + m * home[at] * (others - corner)
}

# The smallest displacement that is not undone: list(edge, the share of place `at` there; end; radius), NA where there
# is none
basin_edge <- function(problem, home, displace, at, tolerance) {
  ends <- function(m) {
    start <- vapply(m, displace, home)
    solve_shares(problem$spec, problem$kernel, problem$theta, rep(1L, length(m)), start, "dynamics", problem$control)
  }
  leaves <- function(found) found$converged & apply(abs(found$share - home), 2L, max) > 1e-4
  grid <- seq(0, 1, length.out = 41L)
  first <- which(leaves(ends(grid)))[1L]
  if (is.na(first) || first == 1L) {
    return(list(edge = NA_real_, end = home * NA, radius = NA_real_))
  }
  low <- grid[first - 1L]
  high <- grid[first]
  while (high - low > tolerance / 4) {
    middle <- (low + high) / 2
    if (leaves(ends(middle))) high <- middle else low <- middle
  }
  beyond <- ends(high)
  list(edge = displace((low + high) / 2)[at], end = beyond$share[, 1L], radius = max(abs(beyond$eigenvalue)))
}

# An attribute ----------------------------------------------------------------------------------------------

tipping_variable <- function(fit, data, cell, at, variable, range, jump, tolerance) {
  rows <- attribute_rows(data, variable, at, cell)
  values <- data[[attribute_table(data)]][[variable]]
  now <- values[rows]
  limits <- check_range(range, values, now)
  problem <- changed_cell(fit, data, cell, rows)
  problem_at <- function(value) problem(stats::setNames(list(value), variable))
  base <- problem_at(now[1L])
  home <- resting_point(base)
  each <- lapply(c(up = limits[2L], down = limits[1L]), function(limit) {
    follow_attribute(problem_at, home, now[1L], limit, jump, tolerance * diff(limits))
  })
  pick <- function(what) vapply(each, function(found) found[[what]][at], 0, USE.NAMES = FALSE)
  edge <- vapply(each, `[[`, 0, "at", USE.NAMES = FALSE)
  result <- data.frame(
    group = cell$group, time = cell$time, place = data$place[at], variable = variable, direction = names(each),
    value = now[1L], threshold = edge, change = edge - now[1L], share = home[at], share_before = pick("before"),
    share_after = pick("after"), firms = base$firms * abs(pick("after") - pick("before")), stringsAsFactors = FALSE
  )
  attr(result, "after") <- structure(
    vapply(each, `[[`, home, "after"),
    dimnames = list(data$place, names(each))
  )
  result
}

# The cell as a function of a named list of attributes in some rows of the table of places, or of long data
changed_cell <- function(fit, data, cell, rows) {
  use <- in_cell(fit, data, cell)
  fit$design$memory$equilibrium <- "start"
  column <- attribute_table(data)
  function(values) {
    for (name in names(values)) data[[column]][[name]][rows] <- values[[name]]
    cell_problem(fit, data, cell, use)
  }
}

# The cells of a period that tip while attributes of a place go, all together, from where they are to `target`, a named
# list: a data frame with `group`, `time`, the share `way` of the change at which they do, the `place` whose share jumps
# most, from `before` to `after`, and the `firms` this is
tipping_on_the_way <- function(fit, place, target, time = NULL, jump = 0.02, tolerance = 1e-4) {
  data <- fit$data
  cells <- fit$cells
  if (!is.null(time)) {
    cells <- cells[is.na(cells$time) | cells$time == time, ]
  }
  tick <- progress("Groups", nrow(cells))
  found <- lapply(seq_len(nrow(cells)), function(i) {
    tick()
    tipping_to(fit, data, cells[i, ], known_place(place, data, "place"), target, jump, tolerance)
  })
  do.call(rbind, found)
}

# A row of that data frame, for one cell; NULL where it does not tip
tipping_to <- function(fit, data, cell, at, target, jump, tolerance) {
  rows <- attribute_rows(data, names(target)[1L], at, cell)
  now <- lapply(data[[attribute_table(data)]][names(target)], `[`, rows)
  problem <- changed_cell(fit, data, cell, rows)
  problem_at <- function(way) problem(Map(function(from, to) from + way * (to - from), now, target))
  base <- problem_at(0)
  home <- resting_point(base)
  ahead <- problem_at(1)
  end <- solve_shares(ahead$spec, ahead$kernel, ahead$theta, 1L, home, "dynamics", ahead$control)$share[, 1L]
  if (max(abs(end - home)) <= jump) {
    return(NULL)
  }
  tips <- follow_attribute(problem_at, home, 0, 1, jump, tolerance)
  if (is.na(tips$at)) {
    return(NULL)
  }
  most <- which.max(abs(tips$after - tips$before))
  data.frame(
    group = cell$group, time = cell$time, way = tips$at, place = data$place[most], before = tips$before[most],
    after = tips$after[most], firms = base$firms * abs(tips$after[most] - tips$before[most])
  )
}

# The rows that hold an attribute of a place in the period of a cell
attribute_rows <- function(data, variable, at, cell) {
  table <- data[[attribute_table(data)]]
  if (!is.character(variable) || length(variable) != 1L || !is.numeric(table[[variable]])) {
    abort(
      "`variable` must be the name of one numeric attribute of places, not ", quote_names(variable), ".",
      did_you_mean(variable, names(table)[vapply(table, is.numeric, NA)]),
      class = "argument"
    )
  }
  rows_of_place(data, at, cell$time)
}

# Limits of the search
check_range <- function(range, values, now) {
  if (length(unique(now)) > 1L) {
    abort("The attribute differs between occasions of the cell: it does not belong to the place alone.", class = "argument")
  }
  if (is.null(range)) {
    values <- base::range(values, na.rm = TRUE)
    return(values + diff(values) * c(-1, 1))
  }
  valid <- is.numeric(range) && length(range) == 2L && all(is.finite(range)) && range[1L] <= now[1L] &&
    now[1L] <= range[2L] && range[1L] < range[2L]
  if (!valid) {
    abort(
      "`range` must be two finite numbers, the smaller first, with the present value ", format(now[1L]),
      " between them.",
      class = "argument"
    )
  }
  range
}

# Follows the equilibrium from value `from` to `limit`: list(at, before, after), NA where it does not jump. A step that
# changes a share by more than `jump` is halved until it is shorter than `precision`; then it is a jump.
follow_attribute <- function(problem_at, home, from, limit, jump, precision) {
  nothing <- list(at = NA_real_, before = home * NA, after = home * NA)
  value <- from
  share <- home
  step <- (limit - from) / 32
  tick <- progress("Following the equilibrium", 100)
  while (abs(limit - value) > precision / 2) {
    tick(100 * (value - from) / (limit - from))
    if (abs(step) > abs(limit - value)) {
      step <- limit - value
    }
    trial <- tryCatch(problem_at(value + step), firmmove_error = function(e) NULL)
    if (is.null(trial)) {
      return(nothing)
    }
    found <- solve_shares(trial$spec, trial$kernel, trial$theta, 1L, share, "dynamics", trial$control)
    change <- max(abs(found$share[, 1L] - share))
    if (change <= jump) {
      value <- value + step
      share <- found$share[, 1L]
      step <- if (change < jump / 4) 2 * step else step
    } else if (abs(step) <= precision) {
      return(list(at = value + step / 2, before = share, after = found$share[, 1L]))
    } else {
      step <- step / 2
    }
  }
  nothing
}

# Reading it ------------------------------------------------------------------------------------------------

#' @export
print.chain_tipping <- function(x, ...) {
  if (!all(c("place", "direction", "threshold", "share_after") %in% names(x))) {
    return(NextMethod())
  }
  cat("Tipping of ", cell_names(x[1L, ]), " at ", x$place[1L], ", now ", percent(x$share[1L]), " of the firms\n", sep = "")
  lines <- if (is.null(x$variable)) firm_lines(x) else attribute_lines(x)
  cat(paste0("  ", lines, "\n"), sep = "")
  invisible(x)
}

percent <- function(share) {
  paste0(format(100 * share, digits = 1, nsmall = 1, trim = TRUE), "%")
}

firm_lines <- function(x) {
  verb <- c("in" = "arrive", out = "leave")[x$direction]
  ifelse(is.na(x$threshold), paste0("firms ", verb, ": none of it lasts, the group comes back"), sprintf(
    "%s %s (share %s): it ends at %s", plural_each(ceiling(x$firms), "firm"), verb, vapply(x$threshold, percent, ""),
    vapply(x$share_after, percent, "")
  ))
}

attribute_lines <- function(x) {
  ifelse(is.na(x$threshold), paste0("`", x$variable, "` ", x$direction, ": no jump in the range tried"), sprintf(
    "`%s` %s from %s to %s: the share jumps from %s to %s (%s)", x$variable, x$direction, format_each(x$value),
    format_each(x$threshold), vapply(x$share_before, percent, ""), vapply(x$share_after, percent, ""),
    plural_each(round(x$firms), "firm")
  ))
}

plural_each <- function(n, noun) {
  vapply(ifelse(is.na(n), 0, n), plural, "", singular = noun)
}
