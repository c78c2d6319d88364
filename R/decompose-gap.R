# The gap between two clusters: how much of it their firms' attributes explain, how much the returns to them.

#' @title Oaxaca-Blinder decomposition of a gap between two clusters
#' @description
#' Why are firms of one cluster more productive, or more likely to innovate, than those of another: because they are
#' larger, older, better equipped, or because the same attributes bring more there? Twofold and threefold, for means,
#' probabilities, quantiles, variances and Gini coefficients, by variable, with standard errors that count the
#' sampling of the attributes too.
#'
#' @details
#' With mean attributes \eqn{\bar x_A, \bar x_B} and coefficients \eqn{b_A, b_B} of the first and second cluster, the
#' gap of means is exactly
#' \deqn{\underbrace{(\bar x_A-\bar x_B)'b_B}_{endowments} + \underbrace{\bar x_B'(b_A-b_B)}_{coefficients} +
#'   \underbrace{(\bar x_A-\bar x_B)'(b_A-b_B)}_{interaction}
#'   = \underbrace{(\bar x_A-\bar x_B)'b^*}_{explained}
#'   + \underbrace{\bar x_A'(b_A-b^*)+\bar x_B'(b^*-b_B)}_{unexplained}.}
#' The reference \eqn{b^*} is: `pooled`, both clusters together with a constant for the second (Jann), so that
#' nothing is unexplained in the first; `neumark`, without that constant; `reimers`, \eqn{(b_A+b_B)/2}; `cotton`, the
#' mean with the shares of firms (or weights); `first`, \eqn{b_A}; `second`, \eqn{b_B}; a number, the weight of
#' \eqn{b_A}. `shapley` averages over both orders of switching attributes and coefficients, which for a mean is
#' `reimers`.
#'
#' *Factors.* With `normalise`, each factor (text and logical columns too) counts with all its levels and
#' coefficients that sum to zero, the constant taking their mean (Gardeazabal and Ugidos; Yun), all factors at once, and
#' their interactions too, over the levels of each factor.
#' Without, what the unexplained part puts down to a factor depends on which level comes first. The unexplained part
#' of a numeric variable depends on its zero point, normalised or not.
#'
#' *Curved outcomes.* With `link = "logit"` or `"probit"` the parts are differences of mean probabilities,
#' \eqn{E_A F(xb^*)-E_B F(xb^*)} and so on; variables share them out by Yun's weights
#' \eqn{(\bar x_{Ak}-\bar x_{Bk})b^*_k/\sum_k}, the Aumann-Shapley values of a single index. The interaction is not
#' shared out. A probit leaves a small residual, since its mean probability is not the mean outcome.
#'
#' *Other statistics.* The outcome is replaced by its recentred influence function, for a quantile
#' \eqn{q_\tau+(\tau-1\{y\le q_\tau\})/f(q_\tau)} with a Gaussian kernel density. With `reweight`, the second cluster
#' is also reweighted to the attributes of the first by the odds of a logit of membership, and the gap is
#' `composition` \eqn{(\bar x_C-\bar x_B)'b_B} + `specification` \eqn{\bar x_C'(b_C-b_B)} + `structure`
#' \eqn{\bar x_A'(b_A-b_C)} + `reweighting` \eqn{(\bar x_A-\bar x_C)'b_C}. A specification error that is not small
#' says that the regression is not the conditional statistic; a reweighting error, that the logit does not balance.
#'
#' A quantile at a value that many firms have has no density, so that its influence function means little and the
#' parts miss the gap: a
#' note says so, a warning where it is more than 5% of the firms. With `reweight` table `counterfactual` has the
#' statistic of the second cluster reweighted (DiNardo, Fortin and Lemieux), and the gap through it.
#'
#' *Standard errors* are by the delta method with random attributes,
#' \eqn{V(\bar x'b)=\bar x'V(b)\bar x+b'V(\bar x)b}, in which the reference moves with the coefficients of both
#' clusters. Those of quantiles and variances also count, with robust errors, that the quantile, the density there and
#' the mean in the influence function are estimated; the bandwidth, and the influence function of a Gini coefficient,
#' are taken as known. `draws` gives the bootstrap, within clusters, which re-estimates everything and is the only one
#' for `reweight`.
#'
#' What the numbers do not say: the unexplained part is not the effect of the place. It holds everything that was
#' left out, and firms choose where to be.
#'
#' @param formula The outcome and its variables, `log(output) ~ age + size + segment`. The constant stays.
#' @param data A data frame with a row for each firm, or a [migration_data()] or
#'   [open_store()], whose firms are used.
#' @param cluster Name of the column that says in which cluster a firm is.
#' @param between The two clusters, first and second; the gap is first minus second. `NULL` when there are only two,
#'   in the order of levels or the alphabet.
#' @param reference Reference coefficients; see Details.
#' @param link `"identity"`, `"logit"` or `"probit"`; for the last two the outcome is 0 or 1.
#' @param statistic What the gap is of: `"mean"`, `"quantile"`, `"interquantile"` (the difference of two quantiles,
#'   such as P90
#'   less P10), `"variance"` or `"gini"`.
#' @param probs For quantiles: one or more numbers between 0 and 1, by default 0.5; for `"interquantile"` two, by
#'   default 0.1 and
#'   0.9.
#' @param bandwidth Of the kernel density, in the unit of the outcome; `NULL` for [stats::bw.nrd0()] in each cluster.
#' @param reweight `TRUE` for the decomposition with reweighting, or a one-sided formula for the logit of membership.
#' @param normalise `FALSE` leaves factors with their first level left out.
#' @param relax `TRUE` holds coefficients at 0 that a cluster cannot tell, such as that of an industry it lacks, with
#'   a note;
#'   `FALSE` stops there.
#' @param groups `NULL`, or a named list of variables whose parts are added up, with errors, in table `grouped`:
#'   `list(size = c("log(jobs)", "age"))`.
#' @param weight Name of a column of sampling weights, or a vector; used in means and in coefficients alike.
#' @param errors Covariance of coefficients: `"classical"`, or `"robust"` (HC1). The default is classical for means
#'   and probabilities, robust for the influence functions.
#' @param se_cluster `NULL`, or the name of a column: errors of firms with the same value go together, and `draws` are
#'   of
#'   whole groups.
#' @param conf.level Level of the intervals.
#' @param draws Number of bootstrap draws; 0 for the delta method.
#' @param min_firms `NULL`, or the smallest number of firms that may be shown: levels that fewer have (or lack) are
#'   blank in
#'   `levels` and `coefficients`; a cluster of fewer is an error.
#' @param seed A number that makes the draws repeatable; `NULL` takes the generator as it is.
#' @return An object of class `decompose_gap` and `decomposition`: a list of data frames, each with `prob` when
#'   `statistic` is a quantile,
#' * `overall`: fold (twofold, threefold or reweighted), component, estimate, std.error, conf.low, conf.high;
#' * `detailed`: fold, component, variable, estimate, std.error, conf.low, conf.high: sums to `overall`;
#' * `levels`: the same by column of the model matrix, with a column `level`;
#' * `totals`: cluster, firms, weight, value (the statistic), std.error; the last row is the gap;
#' * `coefficients`: variable, level, mean_first, mean_second, coef_first, coef_second, coef_reference;
#' * `grouped` (with `groups`): as `detailed`, by group; `counterfactual` (with `reweight`): first, counterfactual,
#' second,
#'   component (structure, composition), estimate and its errors;
#'
#' and `residual` (fold, residual: the gap minus the sum of its parts), `notes` (note), `method`,
#' `reference` (text) and `call`.
#' @section Errors: A formula without constant, more than two clusters and no `between`, a logarithm of a value that
#'   is not positive (such rows are not dropped silently), columns that a cluster cannot tell apart (named), an
#'   outcome that is not 0 or 1 with a logit, separation.
#' @references
#' Jann, B. (2008) The Blinder-Oaxaca decomposition for linear regression models. *Stata Journal* 8, 453-479,
#' \doi{10.1177/1536867X0800800401}.
#'
#' Yun, M.-S. (2004) Decomposing differences in the first moment. *Economics Letters* 82, 275-280,
#' \doi{10.1016/j.econlet.2003.09.008}. Yun, M.-S. (2005) A simple solution to the identification problem in detailed
#' wage decompositions. *Economic Inquiry* 43, 766-772, \doi{10.1093/ei/cbi053}.
#'
#' Bauer, T. K. and Sinning, M. (2008) An extension of the Blinder-Oaxaca decomposition to nonlinear models. *AStA
#' Advances in Statistical Analysis* 92, 197-206, \doi{10.1007/s10182-008-0056-3}.
#'
#' Firpo, S., Fortin, N. M. and Lemieux, T. (2018) Decomposing wage distributions using recentered influence
#' function regressions. *Econometrics* 6(2), 28, \doi{10.3390/econometrics6020028}.
#' @seealso [compare_quantiles()] for whole distributions, [decompose_cluster()] for changes over time,
#'   [decompose_productivity()], [print.decomposition()].
#' @examples
#' firms <- subset(wenzhou_guzhen()$firms, year == 2003 & to %in% c("Wenzhou", "Guzhen"))
#' gap <- decompose_gap(productivity ~ age + log(jobs) + segment, firms, "to")
#' gap
#' gap$detailed
#' decompose_gap(exporter ~ age + log(jobs), firms, "to", link = "logit")$overall
#' tails <- decompose_gap(productivity ~ age + log(jobs), firms, "to",
#'   statistic = "quantile", probs = c(0.1, 0.9))
#' tails$overall
#' @export
decompose_gap <- function(formula, data, cluster, between = NULL,
                          reference = c("pooled", "neumark", "reimers", "cotton", "first", "second", "shapley"),
                          link = c("identity", "logit", "probit"),
                          statistic = c("mean", "quantile", "interquantile", "variance", "gini"), probs = NULL,
                          bandwidth = NULL, reweight = FALSE, normalise = TRUE, relax = FALSE, groups = NULL, weight = NULL,
                          errors = NULL, se_cluster = NULL, conf.level = 0.95, draws = 0, min_firms = NULL,
                          seed = NULL) {
  call <- match.call()
  spec <- gap_spec(
    reference = if (is.numeric(reference)) reference else check_choice(reference, "reference"),
    link = check_choice(link, "link"), statistic = check_choice(statistic, "statistic"),
    probs = probs, bandwidth = bandwidth, reweight = reweight, errors = errors, conf.level = conf.level,
    draws = draws, se_cluster = se_cluster
  )
  check_flag(normalise, "normalise")
  check_flag(relax, "relax")
  min_firms <- check_min_firms(min_firms)
  data <- read_firms(data, c(
    all.vars(formula), cluster, if (inherits(reweight, "formula")) all.vars(reweight), if (is.character(weight)) weight,
    se_cluster
  ))
  design <- gap_design(formula, data, cluster, between, weight, spec$link, normalise, relax, se_cluster)
  design$groups <- variable_groups(groups, unique(design$variable))
  if (inherits(reweight, "formula")) {
    design$member <- membership_matrix(reweight, data, design)
  }
  results <- lapply(spec$probs, function(prob) gap_at(design, spec, prob))
  if (spec$draws > 0) {
    results <- with_seed(seed, bootstrap_gap(results, design, spec))
  }
  tables <- gap_tables(results, design, spec, call)
  tell_mass(results, design, spec)
  structure(small_gap(tables, design, min_firms), class = c("decompose_gap", "decomposition"))
}

# A list of named groups of variables as the group of each variable; those in none are groups of their own
variable_groups <- function(groups, variables) {
  if (is.null(groups)) {
    return(NULL)
  }
  if (!is.list(groups) || is.null(names(groups)) || any(!nzchar(names(groups)))) {
    abort("`groups` must be a named list of variables, as list(size = c(\"log(jobs)\", \"age\")).", class = "argument")
  }
  named <- unlist(groups, use.names = FALSE)
  unknown <- setdiff(named, variables)
  if (length(unknown) > 0L || anyDuplicated(named) > 0L) {
    abort("`groups` must name variables of `formula`, each once: ", quote_names(variables, 12), "; not ",
      quote_names(c(unknown, named[duplicated(named)])), ".",
      class = "argument"
    )
  }
  of <- stats::setNames(variables, variables)
  of[named] <- rep(names(groups), lengths(groups))
  of
}

# Clusters of fewer firms than may be shown: nothing can be
small_gap <- function(tables, design, min_firms) {
  if (is.null(min_firms)) {
    return(tables)
  }
  sizes <- c(length(design$first), length(design$second))
  if (any(sizes < min_firms)) {
    abort("`", design$names[which.min(sizes)], "` has ", plural(min(sizes), "firm"), ", fewer than `min_firms`: a gap of ",
      "two clusters cannot be shown without it.",
      class = "too_few"
    )
  }
  # a level that a few firms have tells their attributes
  few <- vapply(seq_along(design$variable), function(k) {
    z <- design$z[, k]
    n <- c(sum(z[design$first] != 0), sum(z[design$second] != 0))
    any(n > 0 & n < min_firms) || any(sizes - n > 0 & sizes - n < min_firms)
  }, NA)
  hidden <- design$level[few]
  tables$levels <- blank_rows(tables$levels, tables$levels$level %in% hidden)
  tables$coefficients <- blank_rows(tables$coefficients, tables$coefficients$level %in% hidden)
  told_disclosure(tables, min_firms)
}

# Checked arguments
gap_spec <- function(reference, link, statistic, probs, bandwidth, reweight, errors, conf.level, draws, se_cluster) {
  if (is.numeric(reference) && (length(reference) != 1 || !is.finite(reference))) {
    abort("`reference` as a number is the weight of the first cluster's coefficients: one finite number.",
      class = "argument"
    )
  }
  if (link != "identity" && statistic != "mean") {
    abort("`link = \"", link, "\"` goes with `statistic = \"mean\"` only, not with \"", statistic, "\".",
      class = "argument"
    )
  }
  probs <- gap_probs(probs, statistic)
  if (!is.null(bandwidth) && (!is.numeric(bandwidth) || length(bandwidth) != 1 || !isTRUE(bandwidth > 0))) {
    abort("`bandwidth` must be one positive number.", class = "argument")
  }
  if (!inherits(reweight, "formula")) check_flag(reweight, "reweight")
  reweighted <- !isFALSE(reweight)
  if (reweighted && link != "identity") {
    abort("`reweight` goes with `link = \"identity\"` only, not with \"", link, "\".", class = "argument")
  }
  if (!is.numeric(draws) || length(draws) != 1 || !isTRUE(draws >= 0 && draws != 1 && draws == round(draws))) {
    abort("`draws` must be 0 or a whole number of at least 2.", class = "argument")
  }
  if (!is.null(se_cluster)) {
    if (!is.null(errors)) {
      abort("`se_cluster` gives the errors: leave `errors` out.", class = "argument")
    }
    errors <- "cluster"
  }
  errors <- errors %||% if (statistic == "mean") "classical" else "robust"
  list(
    reference = reference, link = link, statistic = statistic,
    probs = probs, bandwidth = bandwidth, reweight = reweighted,
    errors = check_choice(errors, "errors", c("classical", "robust", if (!is.null(se_cluster)) "cluster")),
    conf.level = check_fraction(conf.level, "conf.level"), draws = draws
  )
}

# A list of what each statistic needs: one number, two, or NA
gap_probs <- function(probs, statistic) {
  if (!statistic %in% c("quantile", "interquantile")) {
    return(list(NA_real_))
  }
  pair <- statistic == "interquantile"
  probs <- probs %||% if (pair) c(0.1, 0.9) else 0.5
  usable <- is.numeric(probs) && length(probs) > 0L && all(is.finite(probs) & probs > 0 & probs < 1)
  if (!usable || (pair && (length(probs) != 2L || probs[1L] >= probs[2L]))) {
    abort("`probs` must be ", if (pair) "two rising " else "", "numbers between 0 and 1.", class = "argument")
  }
  if (pair) list(probs) else as.list(probs)
}

# Variables of the logit of membership, for the rows of the design
membership_matrix <- function(formula, data, design) {
  data <- plain_table(firms_of(data)$table, "data")
  frame <- stats::model.frame(formula[c(1L, length(formula))], data[design$rows, , drop = FALSE],
    na.action = stats::na.pass
  )
  x <- stats::model.matrix(attr(frame, "terms"), frame)
  if (nrow(x) != length(design$y) || any(!is.finite(x))) {
    abort("`reweight` has variables that are missing or infinite in rows that `formula` uses.", class = "missing")
  }
  strip(x)
}

# Estimates at one statistic, from the rows of the design that `first` and `second` hold
gap_at <- function(design, spec, prob, first = design$first, second = design$second, errors = TRUE) {
  groups <- list(
    first = gap_group(design, first, design$names[1]),
    second = gap_group(design, second, design$names[2])
  )
  values <- mass <- numeric(2)
  for (g in 1:2) {
    rif <- recentred_influence(groups[[g]]$y, groups[[g]]$w, spec$statistic, prob, spec$bandwidth, groups[[g]]$name)
    values[g] <- rif$value
    mass[g] <- rif$mass %||% 0
    groups[[g]]$outcome <- groups[[g]]$y
    groups[[g]]$y <- rif$influence
    groups[[g]]$estimated <- rif$estimated
    groups[[g]] <- fit_group(groups[[g]], spec$link, spec$errors)
  }
  result <- if (spec$reweight) {
    gap_reweighted(groups, design, spec, prob, first, second)
  } else {
    gap_ordinary(groups, design, spec, errors)
  }
  c(result, value_errors(groups), list(groups = groups, values = values, mass = mass))
}

# Errors of the statistic of each group, and, where firms go together, of the gap
value_errors <- function(groups) {
  if (is.null(groups$first$errors_of)) {
    return(list(spread = vapply(groups, function(g) sqrt(drop(covariance_of_mean(cbind(g$y), g$w))), 0)))
  }
  influence <- lapply(groups, function(g) cbind(g$w * (g$y - sum(g$w * g$y) / sum(g$w)) / sum(g$w)))
  list(
    spread = vapply(1:2, function(k) grouped_error(influence[[k]], groups[[k]]$errors_of), 0),
    gap_error = grouped_error(
      rbind(influence[[1L]], -influence[[2L]]), c(groups$first$errors_of, groups$second$errors_of)
    )
  )
}

gap_ordinary <- function(groups, design, spec, errors) {
  star <- gap_reference(groups$first, groups$second, spec$reference, spec$link)
  moments <- gap_moments(groups$first, groups$second, star, design$map, spec$link)
  parts <- gap_parts(moments, spec$reference)
  means <- if (errors) Map(mean_covariance, groups, moments$fitted)
  list(parts = finish_parts(parts, design, function(set) {
    if (errors) set_errors(set, moments, means) else NULL
  }), star = star$b)
}

gap_reweighted <- function(groups, design, spec, prob, first, second) {
  x <- if (is.null(design$member)) design$x else design$member
  counterfactual <- groups$second
  counterfactual$w <- counterfactual_weights(
    list(x = x[first, , drop = FALSE], w = groups$first$w), list(x = x[second, , drop = FALSE], w = groups$second$w)
  )
  counterfactual$name <- paste(groups$second$name, "reweighted")
  rif <- recentred_influence(
    groups$second$outcome, counterfactual$w, spec$statistic, prob, spec$bandwidth,
    counterfactual$name
  )
  counterfactual$y <- rif$influence
  counterfactual$estimated <- rif$estimated
  counterfactual <- fit_group(counterfactual, spec$link, spec$errors)
  columns <- reweighted_parts(groups$first, groups$second, counterfactual, design$map)
  parts <- list(columns = columns, overall = lapply(columns, function(set) list(value = sum(set$value))))
  w <- counterfactual$w
  list(
    parts = finish_parts(parts, design, function(set) NULL), star = counterfactual$b, counterfactual = rif$value,
    effective = sum(w)^2 / sum(w^2)
  )
}

# Estimates and errors as a whole, by variable and by column
finish_parts <- function(parts, design, error_of) {
  variables <- unique(design$variable)
  sums <- outer(variables, design$variable, "==") + 0
  report <- function(set) list(estimate = set$value, error = error_of(set))
  found <- list(
    overall = lapply(parts$overall, report),
    detailed = lapply(parts$columns, function(set) report(sum_set(set, sums))),
    levels = lapply(parts$columns, report)
  )
  if (!is.null(design$groups)) {
    of <- design$groups[design$variable]
    together <- outer(unique(design$groups), of, "==") + 0
    found$grouped <- lapply(parts$columns, function(set) report(sum_set(set, together)))
  }
  found
}

# Standard errors by drawing firms within clusters, everything estimated anew
bootstrap_gap <- function(results, design, spec) {
  flat <- function(result) {
    c(
      unlist(lapply(result$parts, function(level) lapply(level, `[[`, "estimate"))), result$values,
      result$values[1] - result$values[2], result$values[1] - result$counterfactual,
      result$counterfactual - result$values[2]
    )
  }
  tick <- progress("Bootstrap draws", spec$draws)
  drawn <- lapply(seq_len(spec$draws), function(k) {
    tick()
    rows <- draw_rows(design)
    tryCatch(
      lapply(spec$probs, function(prob) flat(gap_at(design, spec, prob, rows$first, rows$second, errors = FALSE))),
      firmmove_error = function(e) NULL
    )
  })
  kept <- drawn[!vapply(drawn, is.null, NA)]
  if (length(kept) < 2) {
    abort("None of the ", spec$draws, " bootstrap draws could be estimated: a cluster is too small for its variables.",
      class = "bootstrap"
    )
  }
  lapply(seq_along(results), function(k) {
    spread <- apply(do.call(rbind, lapply(kept, `[[`, k)), 2, stats::sd)
    results[[k]] <- set_spread(results[[k]], spread)
    results[[k]]$failed <- length(drawn) - length(kept)
    results[[k]]
  })
}

# Firms drawn within clusters, or whole groups of firms that go together
draw_rows <- function(design) {
  if (is.null(design$errors_of)) {
    draw <- function(rows) rows[sample.int(length(rows), replace = TRUE)]
    return(list(first = draw(design$first), second = draw(design$second)))
  }
  members <- split(seq_along(design$errors_of), design$errors_of)
  rows <- unlist(members[sample.int(length(members), replace = TRUE)], use.names = FALSE)
  list(first = rows[rows %in% design$first], second = rows[rows %in% design$second])
}

set_spread <- function(result, spread) {
  at <- 0L
  for (level in names(result$parts)) {
    for (component in names(result$parts[[level]])) {
      n <- length(result$parts[[level]][[component]]$estimate)
      result$parts[[level]][[component]]$error <- unname(spread[at + seq_len(n)])
      at <- at + n
    }
  }
  result$spread <- unname(spread[at + 1:2])
  result$gap_error <- unname(spread[at + 3])
  if (!is.null(result$counterfactual)) {
    result$counterfactual_error <- unname(spread[at + 4:5])
  }
  result
}
