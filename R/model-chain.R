#' Chain migration: the model object
#'
#' @title Chain migration in equilibrium
#' @description Do firms leave because others leave? In a chain model the share of the firm's own group \eqn{g}
#' that is at place \eqn{j} in period \eqn{t} is part of the utility of \eqn{j}:
#' \deqn{v_{ij} = \sum_k b_k x_{ijk} + \delta f(s_{gtj}), \qquad
#'   P_{ij} = \frac{\exp v_{ij}}{\sum_l \exp v_{il}}.}{v_ij = sum_k b_k x_ijk + delta f(s_gtj), P_ij = exp(v_ij) / sum_l exp(v_il).}
#' With `expectation = "lagged"` the share is that of the period before: firms follow those who went. This is
#' the [conditional()] logit with the term `peers(group, lag = 1)`, to the last digit.
#'
#' With `expectation = "rational"` firms decide together, and each expects the shares that will come about
#' (Brock and Durlauf 2001):
#' \deqn{s_{gtj} = \Psi_j(s_{gt}; b, \delta) = \frac{\sum_{i \in (g,t)} w_i P_{ij}(b, \delta, s_{gt})}{\sum_{i \in (g,t)} w_i}.}{s_gtj = Psi_j(s_gt; b, delta) = sum_{i in (g,t)} w_i P_ij(b, delta, s_gt) / sum_{i in (g,t)} w_i.}
#' The shares of a *cell*, a group in a period, are a fixed point of \eqn{\Psi}, an equilibrium, and are solved anew
#' for every trial value of the coefficients. Firms that stay count at their origin. The firm's own probability is
#' part of the share, as in Brock and Durlauf; in `peers()` the firm itself is left out. Firms that closed
#' (`to` missing) do not count. A place that is not on offer to a firm has no share of it.
#'
#' @param group The firm column that holds the group, written `chain(kin)`, `chain("kin")` or `chain(~ kin)`, as
#'   in `peers(kin)`; `NULL` (default): all firms are one group.
#' @param expectation `"rational"` (default): the shares of the same period, in equilibrium; `"lagged"`: those of
#'   the period before.
#' @param estimator For rational expectations: `"ml"` (default), maximum likelihood with the fixed point solved
#'   inside; `"npl"`, nested pseudo-likelihood. See below.
#' @param scale \eqn{f}: `"share"` (default), \eqn{f(s) = s}; `"log1p"`, \eqn{\log(1 + n s)}{log(1 + n s)} with \eqn{n} the
#'   number of firms in the cell (the sum of their weights); `"count"`, \eqn{n s}. With `"lagged"` these are the
#'   scales of `peers()`.
#' @param lag For `"lagged"`: how many periods before.
#'
#' @return A model object of class `"chain_model"` for the argument `model` of [fit_migration()]. The fit has the
#'   coefficient `chain(<group>)`, \eqn{\delta}, and with rational expectations also
#'   \item{equilibrium}{data frame: `group`, `time`, `place`, `share` (the equilibrium), `observed` (the share of the firms
#'     that chose the place)}
#'   \item{cells}{data frame, a row for each cell: `group`, `time`, `firms` (weighted), `spectral_radius`,
#'     `iterations` and `residual` of its fixed point, `converged`}
#'   \item{spectral_radius}{the largest of the cells}
#'   \item{npl}{list: `coefficients`, `iterations`, `change` (last change of a share), `converged`}
#'
#' @section Estimation:
#' *Nested pseudo-likelihood* (Aguirregabiria and Mira 2007) starts from the observed shares \eqn{s_0} and repeats
#' \eqn{\theta_k = \arg\max_\theta \sum_i w_i \log P_{iy}(\theta, s_{k-1})}{theta_k = argmax sum_i w_i log P_iy(theta, s_{k-1})}, a
#' conditional logit, and \eqn{s_k = \Psi(s_k; \theta_k)}{s_k = Psi(s_k; theta_k)}, solved from \eqn{s_{k-1}}, until the shares settle
#' (where one step of \eqn{\Psi} is taken instead, the limit is the same and comes later). Its covariance is
#' \eqn{H^{-1} \Omega H^{-1\prime}}{H^-1 Omega H^-1'}, with \eqn{\Omega} the information of the pseudo-likelihood and \eqn{H} the derivative of
#' its score along the equilibrium.
#'
#' *Maximum likelihood* starts there and maximises the likelihood with \eqn{s = \Psi(s; \theta)} solved inside. With
#' \eqn{ds/d\theta = (I - \partial\Psi/\partial s)^{-1} \partial\Psi/\partial\theta}{ds/dtheta = (I - dPsi/ds)^-1 dPsi/dtheta} the score and the information are exact.
#' Where the equations have several solutions, the one nearest to the pseudo-likelihood's is followed.
#'
#' The spectral radius of \eqn{\partial\Psi/\partial s}{dPsi/ds} says how much of a small change of the shares is handed on:
#' below 1 the equilibrium is stable, and a change of 1 at the outset ends as at most 1 / (1 - radius). Near 1 the
#' cell is at a tipping point: see [tipping()]. [equilibria()] looks for the other solutions.
#'
#' @section What identifies the interaction:
#' Firms of a group end up at the same places for three reasons (Manski 1993): because others do
#' (*endogenous* effect, \eqn{\delta}), because of what their group is like (*contextual* effect), and
#' because they face the same circumstances (*correlated* effect). Only the first multiplies a change.
#'
#' - In a linear model the three cannot be told apart: that is the *reflection problem*. Here \eqn{\Psi} is not
#'   linear, so \eqn{\delta} is identified even from one cell (Brock and Durlauf 2001), but then by functional
#'   form alone, and a warning says so.
#' - Better are cells that differ: in the firms they consist of, in their origins, distances, ties, and in the
#'   attributes of places over time. What makes *other* members like a place shifts \eqn{s_{gtj}}{s_gtj} but is not part of
#'   a firm's own utility. That is the exclusion restriction (as the attributes of other places are in Bayer and
#'   Timmins 2007).
#' - With place constants (`| place`) all that makes a place attractive to everybody at all times is taken out;
#'   \eqn{\delta} rests on the differences between cells in the share of the same place. With one cell there are none: the
#'   shares are collinear with the constants and \eqn{\delta} is `NA`.
#' - What no data of this kind identify: an unobserved attraction of a place for *one* group, in *one* period (a
#'   fair, a subsidy for natives of a town). It raises the share and is taken for interaction, so \eqn{\delta} is too large.
#'   Put in what is known of such attractions (`same_dialect`, ties), and compare with `"lagged"`, in which the
#'   share was there before the decision but lasting attractions still enter.
#' - The data are taken to come from one equilibrium in each cell, the one near the observed shares.
#'
#' @section Errors and warnings:
#' A group column that the firms do not have, or that is missing for some firm used; `"lagged"` without periods. A warning when the
#' spectral radius of some cell is above 0.95 (class `firmmove_warning_equilibrium`), when a fixed point is not found
#' (it names the cell), when the two estimators differ by more than two standard errors, and when one cell is all
#' there is (`firmmove_warning_identification`).
#' @references Aguirregabiria, V. and Mira, P. (2007). Sequential estimation of dynamic discrete games.
#'   *Econometrica* 75, 1-53. \doi{10.1111/j.1468-0262.2007.00731.x}
#'
#'   Bayer, P. and Timmins, C. (2007). Estimating equilibrium models of sorting across locations. *Economic
#'   Journal* 117, 353-374. \doi{10.1111/j.1468-0297.2007.02021.x}
#'
#'   Brock, W. A. and Durlauf, S. N. (2001). Discrete choice with social interactions. *Review of Economic
#'   Studies* 68, 235-260. \doi{10.1111/1467-937X.00168}
#'
#'   Manski, C. F. (1993). Identification of endogenous social effects: the reflection problem. *Review of Economic
#'   Studies* 60, 531-542. \doi{10.2307/2298123}
#' @seealso [equilibria()], [tipping()], [conditional()], [fit_migration()], [migration_formula] for `peers()`
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(environment) + log(distance) + same_dialect, data,
#'   model = chain(native), subset = data$firms$year %in% 1996:1999
#' )
#' summary(fit)
#' head(fit$cells)
#' @export
chain <- function(group = NULL, expectation = c("rational", "lagged"), estimator = c("ml", "npl"),
                  scale = c("share", "log1p", "count"), lag = 1) {
  group <- group_column(substitute(group))
  expectation <- match.arg(expectation)
  structure(
    list(
      name = "chain", group = group, expectation = expectation, estimator = match.arg(estimator),
      scale = match.arg(scale), lag = check_count(lag, "lag")
    ),
    class = c(paste0(expectation, "_chain_model"), "chain_model", "migration_model")
  )
}

#' The name of the group column: as written, in quotes, or after ~
#' @noRd
group_column <- function(written) {
  if (is.call(written) && identical(written[[1L]], quote(`~`)) && length(written) == 2L) {
    written <- written[[2L]]
  }
  valid <- is.null(written) || is.name(written) ||
    (is.character(written) && length(written) == 1L && !is.na(written))
  if (!valid) {
    abort(
      "`group` must be the name of one firm column, like chain(kin) or chain(\"kin\"), or NULL, not `",
      deparse1(written), "`.",
      class = "argument"
    )
  }
  if (is.null(written)) NULL else as.character(written)
}

#' The coefficient's name
#' @noRd
chain_label <- function(model) {
  paste0("chain(", model$group, ")")
}

#' @export
print.chain_model <- function(x, ...) {
  cat(model_title(x), "\n", sep = "")
  cat("  group: ", x$group %||% "all firms", "; scale: ", x$scale, sep = "")
  if (x$expectation == "lagged") {
    cat("; lag: ", x$lag, "\n", sep = "")
  } else {
    cat("; estimator: ", c(ml = "maximum likelihood", npl = "nested pseudo-likelihood")[[x$estimator]], "\n", sep = "")
  }
  invisible(x)
}

#' @noRd
model_title.chain_model <- function(model) {
  if (model$expectation == "lagged") "Chain migration, lagged shares" else "Chain migration in equilibrium"
}

#' @noRd
group_noun.chain_model <- function(model) {
  "the firms of a group in a period"
}

# Lagged shares -----------------------------------------------------------------------------------------

#' The conditional logit with one more term
#' @noRd
model_design.lagged_chain_model <- function(model, formula, data, ...) {
  if (is.null(data$time)) {
    abort(
      "chain(expectation = \"lagged\") needs the shares of the period before, but the data have no periods. ",
      "Name their column with `time =`.",
      class = "formula"
    )
  }
  check_group(model, data)
  term <- as.call(c(
    quote(peers), if (!is.null(model$group)) as.name(model$group),
    list(lag = as.numeric(model$lag), scale = model$scale)
  ))
  design <- migration_design(with_term(formula, term), data, ...)
  # the last of the peers: those the user wrote come before
  at <- utils::tail(which(design$terms$kind == "peers" & design$terms$term == term_text(term)), 1L)
  design$terms[at, c("name", "kind")] <- list(chain_label(model), "chain")
  design
}

#' A formula with a term more in its first part
#' @noRd
with_term <- function(formula, term) {
  parts <- formula_parts(formula)
  parts[[1L]] <- call("+", parts[[1L]], term)
  formula[[length(formula)]] <- Reduce(function(a, b) call("|", a, b), parts)
  formula
}

#' @noRd
model_setup.lagged_chain_model <- function(model, data, design, memory = NULL) {
  model_setup(conditional(), data, design, memory)
}

# Cells -------------------------------------------------------------------------------------------------

#' The table that firms are rows of
#' @noRd
firm_columns <- function(data) {
  if (inherits(data, "migration_data")) data$firms else data$data
}

#' @noRd
check_group <- function(model, data) {
  columns <- names(firm_columns(data))
  if (is.null(model$group) || model$group %in% columns) {
    return(invisible())
  }
  near <- nearest_name(model$group, columns)
  abort(
    "`group` of chain() names `", model$group, "`, which is not a column of the firms.",
    if (!is.null(near)) paste0(" Did you mean `", near, "`?"),
    class = "chain_group"
  )
}

#' Adds to the design the cell of each occasion (spec$cell) and the table of cells
#' @noRd
model_design.rational_chain_model <- function(model, formula, data, ...) {
  check_group(model, data)
  design <- migration_design(formula, data, ...)
  group <- occasion_groups(model, data, design$occasion)
  time <- if (is.null(data$time)) rep(1L, length(group$code)) else data$index$time[design$occasion]
  pair <- combine_codes(list(group$code, time), c(length(group$values), max(time)))
  each <- sort(unique(pair))
  first <- match(each, pair)
  design$spec$cell <- match(pair, each)
  design$cells <- data.frame(
    group = group$values[group$code[first]], time = if (is.null(data$time)) NA else data$time[time[first]],
    stringsAsFactors = FALSE
  )
  design
}

#' Code and values of the group of each occasion used
#' @noRd
occasion_groups <- function(model, data, occasion) {
  if (is.null(model$group)) {
    return(list(code = rep(1L, length(occasion)), values = NA_character_))
  }
  value <- if (inherits(data, "migration_data")) data$firms[[model$group]] else first_rows(data, model$group)
  found <- distinct(value[occasion])
  if (anyNA(found$code)) {
    abort(
      "The group column `", model$group, "` of chain() is missing for ", plural(sum(is.na(found$code)), "occasion"),
      ". Leave them out with `subset = !is.na(", model$group, ")`, or give them a group.",
      class = "chain_group"
    )
  }
  list(code = found$code, values = as.character(found$values))
}

#' Weight of the occasions of each cell at their chosen places, places x cells; NULL where choices are unknown
#' @noRd
chosen_weights <- function(spec, n_cells) {
  chosen <- spec$chosen
  if (spec$kind == "ragged") {
    chosen <- spec$place[spec$start[-length(spec$start)] + chosen]
  }
  at <- combine_codes(list(chosen, spec$cell), c(spec$J, n_cells))
  total <- matrix(0, spec$J, n_cells)
  each <- sort(unique(at))
  weight <- spec$weights %||% rep(1, length(chosen))
  total[each] <- rowsum(weight, match(at, each))
  total
}

#' Columns that sum to 1; equal shares where a column is 0
#' @noRd
as_shares <- function(total) {
  size <- colSums(total)
  shares <- total / rep(ifelse(size > 0, size, 1), each = nrow(total))
  shares[, size == 0] <- 1 / nrow(total)
  shares
}

#' Firms of each cell, weighted
#' @noRd
cell_sizes <- function(spec, n_cells) {
  weight <- spec$weights %||% rep(1, length(spec$cell))
  size <- numeric(n_cells)
  sums <- rowsum(weight, spec$cell)
  size[as.integer(rownames(sums))] <- sums
  size
}

#' f of shares, places x cells
#' @noRd
interaction_of <- function(model, share, size) {
  count <- share * rep(size, each = nrow(share))
  switch(model$scale, share = share, count = count, log1p = log1p(count))
}

#' `memory`, of an earlier fit: its cells, their shares, and whether predictions solve them again
#' @noRd
model_setup.rational_chain_model <- function(model, data, design, memory = NULL) {
  cells <- design$cells
  if (is.null(memory)) {
    observed <- as_shares(chosen_weights(design$spec, nrow(cells)))
    memory <- list(cells = cells, place = data$place, share = observed, observed = observed)
  }
  list(
    kernel = list(
      kind = "chain", group = design$spec$cell, scale = model$scale, given = model$estimator == "npl",
      start = remembered_shares(memory, cells, data$place)
    ),
    parameters = parameter_table(chain_label(model), "chain"),
    start = 0, memory = memory
  )
}

#' Shares of the cells from those of the fit: of the same cell, else the mean of its group, else the mean of all
#' @noRd
remembered_shares <- function(memory, cells, place) {
  share <- memory$share[match(place, memory$place), , drop = FALSE]
  share[is.na(share)] <- 0
  at <- match_cells(cells, memory$cells)
  start <- share[, at, drop = FALSE]
  unknown <- which(is.na(at))
  if (length(unknown) > 0L) {
    group <- match(cells$group[unknown], memory$cells$group)
    for (i in seq_along(unknown)) {
      alike <- if (is.na(group[i])) TRUE else memory$cells$group %in% cells$group[unknown[i]]
      start[, unknown[i]] <- rowMeans(share[, alike, drop = FALSE])
    }
  }
  as_shares(start)
}

#' @noRd
match_cells <- function(cells, table) {
  match(paste(cells$group, cells$time, sep = "\r"), paste(table$group, table$time, sep = "\r"))
}

#' "`Wenzhou` in 1997"
#' @noRd
cell_names <- function(cells) {
  group <- ifelse(is.na(cells$group), "all firms", paste0("`", cells$group, "`"))
  paste0(group, ifelse(is.na(cells$time), "", paste(" in", cells$time)))
}

# Estimation --------------------------------------------------------------------------------------------

#' Fixed points from starts (places x runs) in cells; theta has one column, or one for each run
#' @noRd
solve_shares <- function(spec, kernel, theta, cell, start, method, control) {
  .Call(
    C_chain_solve, spec, kernel, as.matrix(theta), as.integer(cell), as.double(start), method,
    kernel_control(control)
  )
}

#' Nested pseudo-likelihood, then maximum likelihood from there
#' @noRd
model_maximise.rational_chain_model <- function(model, theta, setup, layout, held, design, control) {
  likelihood <- model$estimator == "ml"
  npl <- pseudo_likelihood(theta, setup, held, design, control, if (likelihood) 1e-6 else 1e-10)
  if (likelihood) {
    raw <- full_likelihood(theta, npl, setup, held, design, control)
  } else {
    raw <- npl_covariance(npl, setup, held, design, control)
    setup$kernel$start <- npl$share
  }
  cells <- seq_len(nrow(design$cells))
  start <- if (likelihood) raw$start else npl$share
  raw$fixed_point <- solve_shares(
    design$spec, setup$kernel, raw$theta, cells, start, if (likelihood) "newton" else "step", control
  )
  raw$npl <- npl[c("theta", "iterations", "change", "converged")]
  raw
}

#' Alternates the conditional logit with shares given, and the shares it implies. Where these turn back, they are moved
#' part of the way only.
#' @noRd
pseudo_likelihood <- function(theta, setup, held, design, control, tolerance) {
  kernel <- setup$kernel
  kernel$given <- TRUE
  relax <- 1
  before <- 0
  for (iteration in seq_len(control$max_iterations)) {
    raw <- maximise(design$spec, kernel, theta, held$is, control, n_extra = 1L)
    theta <- raw$theta
    move <- implied_shares(design, kernel, theta, control) - kernel$start
    if (max(abs(move)) <= tolerance) {
      break
    }
    relax <- if (sum(move * before) < 0) max(relax / 2, 1 / 16) else min(1, 1.25 * relax)
    before <- move
    kernel$start <- kernel$start + relax * move
  }
  change <- max(abs(move))
  list(
    raw = raw, theta = theta, share = kernel$start, iterations = iteration, change = change,
    converged = change <= tolerance
  )
}

#' The equilibrium nearest to the shares that are given; one step towards it where there is none
#' @noRd
implied_shares <- function(design, kernel, theta, control) {
  cells <- seq_len(nrow(design$cells))
  found <- solve_shares(design$spec, kernel, theta, cells, kernel$start, "newton", control)
  lost <- which(!found$converged)
  if (length(lost) > 0L) {
    start <- kernel$start[, lost, drop = FALSE]
    found$share[, lost] <- solve_shares(design$spec, kernel, theta, lost, start, "step", control)$share
  }
  found$share
}

#' From the pseudo-likelihood's end or, where that is higher, from the start values and the observed shares
#' @noRd
full_likelihood <- function(theta, npl, setup, held, design, control) {
  kernel <- setup$kernel
  value <- function(theta, start) {
    kernel$start <- start
    .Call(C_evaluate, design$spec, kernel, theta, 0L, kernel_control(control))$value
  }
  starts <- list(
    list(theta = npl$theta, share = npl$share), list(theta = theta, share = kernel$start)
  )
  values <- vapply(starts, function(s) value(s$theta, s$share), 0)
  if (!any(is.finite(values))) {
    stop_unsolved(theta, kernel, design, control)
  }
  best <- starts[[which.max(values)]]
  kernel$start <- best$share
  raw <- maximise(design$spec, kernel, best$theta, held$is, control, n_extra = 1L)
  raw$start <- best$share
  raw
}

#' @noRd
stop_unsolved <- function(theta, kernel, design, control) {
  cells <- seq_len(nrow(design$cells))
  found <- solve_shares(design$spec, kernel, theta, cells, kernel$start, "newton", control)
  abort(
    "No equilibrium was found at the start values for ", unsolved_cells(found$converged, design$cells),
    ". Give other start values with `start =`.",
    class = "equilibrium"
  )
}

#' @noRd
unsolved_cells <- function(converged, cells) {
  lost <- which(!converged)
  named <- cell_names(cells[utils::head(lost, 5L), , drop = FALSE])
  more <- length(lost) - length(named)
  paste0(plural(length(lost), "cell"), ": ", paste(named, collapse = ", "), if (more > 0L) paste(" and", more, "more"))
}

#' V = H^-1 Omega H^-1' with H by differences of the pseudo-score along the equilibrium. `turn` makes of a score of
#' the pseudo-likelihood the one that goes with V: V turn s = H^-1 s.
#' @noRd
npl_covariance <- function(npl, setup, held, design, control) {
  raw <- npl$raw
  kernel <- setup$kernel
  free <- which(!held$is & raw$aliased == 0L)
  cells <- seq_len(nrow(design$cells))
  score_at <- function(theta) {
    kernel$given <- FALSE
    kernel$start <- npl$share
    share <- solve_shares(design$spec, kernel, theta, cells, npl$share, "newton", control)$share
    kernel$given <- TRUE
    kernel$start <- share
    .Call(C_evaluate, design$spec, kernel, theta, 1L, kernel_control(control))$score[free]
  }
  step <- 1e-4 * pmax(abs(npl$theta), 1e-2)
  minus_h <- vapply(free, function(k) {
    move <- replace(numeric(length(step)), k, step[k])
    (score_at(npl$theta + move) - score_at(npl$theta - move)) / (2 * step[k])
  }, numeric(length(free)))
  inverse <- -solve(minus_h, tol = 0)
  covariance <- inverse %*% raw$information[free, free] %*% t(inverse)
  raw$covariance[] <- 0
  raw$covariance[free, free] <- (covariance + t(covariance)) / 2
  raw$information[free, free] <- solve_scaled(raw$covariance[free, free, drop = FALSE])
  raw$turn <- diag(length(npl$theta))
  raw$turn[free, free] <- raw$information[free, free] %*% inverse
  raw
}

# The fit -------------------------------------------------------------------------------------------------

#' @noRd
model_finish.rational_chain_model <- function(model, fit, raw, setup, design) {
  found <- raw$fixed_point
  share <- found$share
  cells <- design$cells
  radius <- apply(abs(found$eigenvalue), 2L, max)
  fit$cells <- data.frame(
    cells, firms = cell_sizes(design$spec, nrow(cells)), spectral_radius = radius, iterations = found$iterations,
    residual = found$residual, converged = found$converged
  )
  place <- fit$data$place
  fit$equilibrium <- data.frame(
    cells[rep(seq_len(nrow(cells)), each = length(place)), , drop = FALSE], place = place, share = as.vector(share),
    observed = as.vector(setup$memory$observed), row.names = NULL
  )
  fit$spectral_radius <- max(radius)
  fit$npl <- list(
    coefficients = stats::setNames(raw$npl$theta[coefficient_places(fit, raw)], names(fit$coefficients)),
    iterations = raw$npl$iterations, change = raw$npl$change, converged = raw$npl$converged
  )
  fit$convergence$fixed_point <- list(
    iterations = max(found$iterations), residual = max(found$residual), converged = all(found$converged)
  )
  fit$design$turn <- raw$turn
  fit$design$memory$share <- share
  fit$design$memory$cells <- fit$cells
  fit
}

#' Where in theta the coefficients are: the terms first, delta last
#' @noRd
coefficient_places <- function(fit, raw) {
  n <- length(fit$coefficients)
  c(seq_len(n - 1L), length(raw$theta))
}

#' @noRd
print_details.chain_model <- function(model, x) {
  cells <- x$memory$cells
  if (is.null(cells)) {
    return(invisible())
  }
  top <- which.max(cells$spectral_radius)
  cat(
    plural(nrow(cells), "cell"), " (", model$group %||% "all firms", if (!all(is.na(cells$time))) " by period",
    "), spectral radius up to ", format(cells$spectral_radius[top], digits = 3), " (", cell_names(cells[top, ]), ")\n",
    sep = ""
  )
}

#' @noRd
check_estimates.rational_chain_model <- function(model, fit) {
  label <- chain_label(model)
  warn_one_cell(fit, label)
  if (!all(fit$cells$converged)) {
    warn(
      "No equilibrium was found at the estimates for ", unsolved_cells(fit$cells$converged, fit$cells), ".",
      class = "equilibrium"
    )
  }
  warn_radius(fit)
  warn_npl(model, fit)
}

#' @noRd
warn_one_cell <- function(fit, label) {
  if (nrow(fit$cells) == 1L && fit$estimated[[label]]) {
    warn(
      "All firms are in one cell, so `", label, "` rests on functional form alone: nothing in the data shifts the ",
      "share of a place but what also shifts its utility. Use several groups or periods (?chain).",
      class = "identification"
    )
  }
}

#' @noRd
warn_radius <- function(fit) {
  near <- which(fit$cells$spectral_radius > 0.95)
  if (length(near) > 0L) {
    top <- near[order(-fit$cells$spectral_radius[near])]
    named <- paste0(
      cell_names(fit$cells[utils::head(top, 3L), ]), " (",
      format_each(fit$cells$spectral_radius[utils::head(top, 3L)]), ")"
    )
    warn(
      "The interaction is at the edge of uniqueness or beyond it: the spectral radius is above 0.95 for ",
      plural(length(near), "cell"), ": ", paste(named, collapse = ", "),
      if (length(near) > 3L) paste(" and", length(near) - 3L, "more"),
      ". There may be other equilibria (see equilibria()), and standard errors take the one followed for granted.",
      class = "equilibrium"
    )
  }
}

#' @noRd
warn_npl <- function(model, fit) {
  if (!fit$npl$converged) {
    warn(
      "The nested pseudo-likelihood did not settle: after ", plural(fit$npl$iterations, "iteration"), " a share still ",
      "changes by ", format(fit$npl$change, digits = 2), ".",
      if (model$estimator == "npl") " Use estimator = \"ml\", or raise migration_control(max_iterations = ).",
      class = "npl"
    )
    return(invisible())
  }
  if (model$estimator == "npl") {
    return(invisible())
  }
  distance <- abs(fit$coefficients - fit$npl$coefficients)[fit$estimated] / sqrt(diag(fit$covariance))
  far <- which(distance > 2)
  if (length(far) > 0L) {
    warn(
      "Nested pseudo-likelihood and maximum likelihood differ by more than two standard errors for ",
      quote_names(names(far)), ": the likelihood may have several maxima, or another equilibrium fits better.",
      class = "npl"
    )
  }
}

# Methods -------------------------------------------------------------------------------------------------

#' Solves the equilibrium of a design for predictions: design$share, places x cells
#' @noRd
settle_design.migration_fit_chain <- function(object, design, data) {
  if (is.null(design$spec$cell)) {
    return(design)
  }
  kernel <- design$kernel
  design$share <- kernel$start
  resolve <- object$design$memory$equilibrium %||% "resolve"
  design$spec$cell_size <- cell_sizes(counted(design, data)$spec, ncol(kernel$start))
  if (resolve == "fitted") {
    check_known_cells(design$cells, object$design$memory$cells)
  }
  if (resolve != "resolve") {
    return(design)
  }
  spec <- counted(design, data)$spec
  kernel$given <- FALSE
  cells <- seq_len(ncol(kernel$start))
  now <- solve_shares(spec, kernel, design$theta, cells, kernel$start, "step", object$control)
  moved <- which(now$residual > 1e-9)
  if (length(moved) > 0L) {
    found <- solve_shares(
      spec, kernel, design$theta, moved, kernel$start[, moved, drop = FALSE], "dynamics", object$control
    )
    design$share[, moved] <- found$share
    if (!all(found$converged)) {
      warn(
        "No equilibrium was found for ", unsolved_cells(found$converged, design$cells[moved, ]), ".",
        class = "equilibrium"
      )
    }
  }
  design
}

#' The design with weight 0 for firms that closed, if any firm's choice is known
#' @noRd
counted <- function(design, data) {
  chosen <- design$spec$chosen
  if (!is.null(chosen) && any(chosen > 0L) && any(chosen == 0L)) {
    design$spec$weights <- (design$spec$weights %||% rep(1, length(chosen))) * (chosen > 0L)
  }
  design
}

#' @noRd
check_known_cells <- function(cells, known) {
  new <- is.na(match_cells(cells, known))
  if (any(new)) {
    abort(
      "`newdata` has ", plural(sum(new), "cell"), " that the fit has no equilibrium of: ",
      paste(cell_names(cells[utils::head(which(new), 5L), ]), collapse = ", "),
      ". Use equilibrium = \"resolve\".",
      class = "newdata"
    )
  }
}

#' The design of the conditional logit with the interaction as an offset
#' @noRd
with_interaction <- function(object, design) {
  model <- object$model
  spec <- design$spec
  delta <- design$theta[length(design$theta)]
  value <- delta * interaction_of(model, design$share, spec$cell_size)
  if (spec$kind == "relational") {
    spec$keys <- c(spec$keys, list(spec$cell))
    spec$tables <- c(spec$tables, list(list(kind = 0L, key = length(spec$keys), values = as.double(value))))
    spec$terms <- list(
      table = c(spec$terms$table, length(spec$tables)), mask = c(spec$terms$mask, 0L),
      multiplier = c(spec$terms$multiplier, 0L), offset = c(spec$terms$offset, 1L)
    )
  } else {
    cell <- rep.int(spec$cell, diff(spec$start))
    spec$columns <- c(spec$columns, list(value[cbind(spec$place, cell)]))
    spec$n_offset <- spec$n_offset + 1L
  }
  list(spec = spec, kernel = list(kind = "conditional"), theta = design$theta[-length(design$theta)])
}

#' @noRd
kernel_predict.migration_fit_chain <- function(object, design, type) {
  if (is.null(design$spec$cell)) {
    return(kernel_predict.migration_fit(object, design, type))
  }
  kernel_predict.migration_fit(object, with_interaction(object, design), type)
}

#' @noRd
kernel_choice.migration_fit_chain <- function(object, design, uniform) {
  if (is.null(design$spec$cell)) {
    return(kernel_choice.migration_fit(object, design, uniform))
  }
  kernel_choice.migration_fit(object, with_interaction(object, design), uniform)
}

#' Scores of the cells. Those of the pseudo-likelihood are turned, so that they go with the covariance.
#' @rdname estfun.migration_fit
#' @exportS3Method sandwich::estfun migration_fit_chain
estfun.migration_fit_chain <- function(x, ...) {
  turn <- x$design$turn
  if (is.null(turn)) {
    return(estfun.migration_fit(x))
  }
  design <- fit_design(x)
  n <- length(x$coefficients)
  at <- c(seq_len(n - 1L), nrow(turn))
  apart <- diag(nrow(turn))[at, , drop = FALSE]
  adjust <- NULL
  if (length(x$effects) > 0L) {
    apart[, -at] <- -x$design$adjust
  }
  turned <- apart %*% turn
  own <- turned[, at, drop = FALSE]
  if (length(x$effects) > 0L) {
    adjust <- -solve(own, turned[, -at, drop = FALSE])
  }
  scores <- .Call(C_scores, design$spec, design$kernel, design$theta, adjust, kernel_control(x$control)) %*% t(own)
  colnames(scores) <- names(x$coefficients)
  scores[, x$estimated, drop = FALSE]
}

#' @rdname predict.migration_fit
#' @param equilibrium For a [chain()] model with rational expectations: `"resolve"` (default), the shares are solved
#'   again for `newdata`, from those of the fit; `"fitted"`, the shares of the fit are kept, as an attribute would be. What
#'   differs between the two is the social multiplier.
#' @export
predict.migration_fit_chain <- function(object, newdata = NULL,
                                        type = c("probability", "utility", "logsum", "flows", "choice"),
                                        equilibrium = c("resolve", "fitted"), ...) {
  type <- match.arg(type)
  check_dots(...)
  if (object$model$expectation == "lagged") {
    if (inherits(object$data, "migration_data") && is.data.frame(newdata)) {
      refuse_lone_firms()
    }
  } else {
    object$design$memory$equilibrium <- match.arg(equilibrium)
  }
  predict.migration_fit(object, newdata, type)
}
