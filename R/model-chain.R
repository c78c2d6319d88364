#' @title Chain migration in equilibrium
#' @description Do firms leave because others leave? In a chain model the share of the firm's own group \eqn{g}
#' that is at place \eqn{j} in period \eqn{t} is part of the utility of \eqn{j}:
#' \deqn{v_{ij} = \sum_k b_k x_{ijk} + \delta f(s_{gtj}), \qquad
#'   P_{ij} = \frac{\exp v_{ij}}{\sum_l \exp v_{il}}.}{v_ij = sum_k b_k x_ijk + delta f(s_gtj), P_ij = exp(v_ij) / sum_l
#' exp(v_il).} With `expectation = "lagged"` the share is that of the period before: firms follow those who went. This
#' is the [conditional()] logit with the term `peers(group, lag = 1)`, to the last digit.
#'
#' With `expectation = "rational"` firms decide together, and each expects the shares that will come about
#' (Brock and Durlauf 2001):
#' \deqn{s_{gtj} = \Psi_j(s_{gt}; b, \delta) = \frac{\sum_{i \in (g,t)} w_i P_{ij}(b, \delta, s_{gt})}{\sum_{i \in
#'   (g,t)} w_i}.}{s_gtj = Psi_j(s_gt; b, delta) = sum_{i in (g,t)} w_i P_ij(b, delta, s_gt) / sum_{i in (g,t)} w_i.}
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
#' @param scale \eqn{f}: `"share"` (default), \eqn{f(s) = s}; `"log1p"`, \eqn{\log(1 + n s)}{log(1 + n s)} with \eqn{n}
#'   the number of firms in the cell (the sum of their weights); `"count"`, \eqn{n s}. With `"lagged"` these are the
#'   scales of `peers()`.
#' @param lag For `"lagged"`: how many periods before.
#'
#' @return A model object of class `"chain_model"` for the argument `model` of [fit_migration()]. The fit has the
#'   coefficient `chain(<group>)`, \eqn{\delta}, and with rational expectations also
#'   \item{equilibrium}{data frame: `group`, `time`, `place`, `share` (the equilibrium), `observed` (the share of the
#'     firms that chose the place)}
#'   \item{cells}{data frame, a row for each cell: `group`, `time`, `firms` (weighted), `spectral_radius`,
#'     `iterations` and `residual` of its fixed point, `converged`}
#'   \item{spectral_radius}{the largest of the cells}
#'   \item{npl}{list: `coefficients`, `iterations`, `change` (last change of a share), `converged`}
#'
#' @section Estimation:
#' *Nested pseudo-likelihood* (Aguirregabiria and Mira 2007) starts from the observed shares \eqn{s_0} and repeats
#' \eqn{\theta_k = \arg\max_\theta \sum_i w_i \log P_{iy}(\theta, s_{k-1})}{theta_k = argmax sum_i w_i log P_iy(theta,
#' s_{k-1})}, a conditional logit, and \eqn{s_k = \Psi(s_k; \theta_k)}{s_k = Psi(s_k; theta_k)}, solved from
#' \eqn{s_{k-1}}, until the shares settle (where one step of \eqn{\Psi} is taken instead, the limit is the same and
#' comes later). Its covariance is \eqn{H^{-1} \Omega H^{-1\prime}}{H^-1 Omega H^-1'}, with \eqn{\Omega} the information
#' of the pseudo-likelihood and \eqn{H} the derivative of its score along the equilibrium.
#'
#' *Maximum likelihood* starts there and maximises the likelihood with \eqn{s = \Psi(s; \theta)} solved inside. With
#' \eqn{ds/d\theta = (I - \partial\Psi/\partial s)^{-1} \partial\Psi/\partial\theta}{ds/dtheta = (I - dPsi/ds)^-1
#' dPsi/dtheta} the score and the information are exact. Where the equations have several solutions, the one nearest to
#' the pseudo-likelihood's is followed.
#'
#' The spectral radius of \eqn{\partial\Psi/\partial s}{dPsi/ds} says how much of a small change of the shares is handed
#' on: below 1 the equilibrium is stable, and a change of 1 at the outset ends as at most 1 / (1 - radius). Near 1 the
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
#'   attributes of places over time. What makes *other* members like a place shifts \eqn{s_{gtj}}{s_gtj} but is not part
#'   of a firm's own utility. That is the exclusion restriction (as the attributes of other places are in Bayer and
#'   Timmins 2007).
#' - With place constants (`| place`) all that makes a place attractive to everybody at all times is taken out;
#'   \eqn{\delta} rests on the differences between cells in the share of the same place. With one cell there are none:
#'   the shares are collinear with the constants and \eqn{\delta} is `NA`.
#' - What no data of this kind identify: an unobserved attraction of a place for *one* group, in *one* period (a
#'   fair, a subsidy for natives of a town). It raises the share and is taken for interaction, so \eqn{\delta} is too
#'   large. Put in what is known of such attractions (`same_dialect`, ties), and compare with `"lagged"`, in which the
#'   share was there before the decision but lasting attractions still enter.
#' - The data are taken to come from one equilibrium in each cell, the one near the observed shares.
#'
#' @section Errors and warnings:
#' A group column that the firms do not have, or that is missing for some firm used; `"lagged"` without periods. A
#' warning when the spectral radius of some cell is above 0.95 (class `firmmove_warning_equilibrium`), when a fixed
#' point is not found (it names the cell), when the two estimators differ by more than two standard errors, and when one
#' cell is all there is (`firmmove_warning_identification`).
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
  expectation <- check_choice(expectation, "expectation")
  structure(
    list(
      name = "chain", group = group, expectation = expectation, estimator = check_choice(estimator, "estimator"),
      scale = check_choice(scale, "scale"), lag = check_count(lag, "lag")
    ),
    class = c(paste0(expectation, "_chain_model"), "chain_model", "migration_model")
  )
}

# The name of the group column: as written, in quotes, or after ~
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

# The coefficient's name
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

model_title.chain_model <- function(model) {
  if (model$expectation == "lagged") "Chain migration, lagged shares" else "Chain migration in equilibrium"
}

group_noun.chain_model <- function(model) {
  "the firms of a group in a period"
}

# Lagged shares -----------------------------------------------------------------------------------------

# The conditional logit with one more term
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

# A formula with a term more in its first part
with_term <- function(formula, term) {
  parts <- formula_parts(formula)
  parts[[1L]] <- call("+", parts[[1L]], term)
  formula[[length(formula)]] <- Reduce(function(a, b) call("|", a, b), parts)
  formula
}

model_setup.lagged_chain_model <- function(model, data, design, memory = NULL) {
  model_setup(conditional(), data, design, memory)
}

# Cells -------------------------------------------------------------------------------------------------

check_group <- function(model, data) {
  columns <- names(user_table(data))
  if (is.null(model$group) || model$group %in% columns) {
    return(invisible())
  }
  abort(
    "`group` of chain() names `", model$group, "`, which is not a column of the firms.",
    did_you_mean(model$group, columns),
    class = "chain_group"
  )
}

# Adds to the design the cell of each occasion (spec$cell) and the table of cells
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

# Code and values of the group of each occasion used
occasion_groups <- function(model, data, occasion) {
  if (is.null(model$group)) {
    return(list(code = rep(1L, length(occasion)), values = NA_character_))
  }
  value <- occasion_column(data, model$group)
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

# Weight of the occasions of each cell at their chosen places, places x cells
chosen_weights <- function(spec, n_cells) {
  at <- combine_codes(list(chosen_place(spec), spec$cell), c(spec$J, n_cells))
  total <- matrix(0, spec$J, n_cells)
  each <- sort(unique(at))
  total[each] <- rowsum(occasion_weights(spec), match(at, each))
  total
}

# Columns that sum to 1; equal shares where a column is 0
as_shares <- function(total) {
  size <- colSums(total)
  shares <- total / rep(ifelse(size > 0, size, 1), each = nrow(total))
  shares[, size == 0] <- 1 / nrow(total)
  shares
}

# Firms of each cell, weighted
cell_sizes <- function(spec, n_cells) {
  weight <- occasion_weights(spec)
  size <- numeric(n_cells)
  sums <- rowsum(weight, spec$cell)
  size[as.integer(rownames(sums))] <- sums
  size
}

# f of shares, places x cells
interaction_of <- function(model, share, size) {
  count <- share * rep(size, each = nrow(share))
  switch(model$scale,
    share = share,
    count = count,
    log1p = log1p(count)
  )
}

# `memory`, of an earlier fit: its cells, their shares, and whether predictions solve them again
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

# Shares of the cells from those of the fit: of the same cell, else the mean of its group, else the mean of all
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

match_cells <- function(cells, table) {
  match(paste(cells$group, cells$time, sep = "\r"), paste(table$group, table$time, sep = "\r"))
}

# "`Wenzhou` in 1997"
cell_names <- function(cells) {
  group <- ifelse(is.na(cells$group), "all firms", paste0("`", cells$group, "`"))
  paste0(group, ifelse(is.na(cells$time), "", paste(" in", cells$time)))
}

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

depends_on_others.chain_model <- function(model) {
  TRUE
}
