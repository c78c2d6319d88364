# Selection or agglomeration: how the distribution of performance in one cluster comes from that of another by a
# shift, a dilation and a truncation.
#
# With r2 = (r1 - S) / (1 - S), both sets of ranks of the criterion are the same equally spaced points, and the two
# integrals are over the same normalised measure. So with the means and covariances of (y1, y2) over the ranks,
#
#   M(A, D; S) = [D^2 m11 + A^2 + m22 + 2 A D m1 - 2 D m12 - 2 A m2] (1 + 1/D^2),
#
# A is m2 - D m1, and D a root of v11 D^4 - v12 D^3 + v12 D - v22 = 0 (v: covariances, or the raw moments m when
# A is held at 0). What is left is a search in S.

#' @title Shift, dilation and truncation between the performance of two clusters
#' @description
#' Firms of a large cluster may be more productive because being there makes all of them better (a shift), more so
#' the better ones (a dilation), or because the weak ones do not survive there (a truncation of the left tail). The
#' three leave different traces in the distribution of performance.
#'
#' @details
#' If \eqn{\lambda_1, \lambda_2} are the quantile functions of the first and second cluster,
#' \deqn{\lambda_2(u) = D\,\lambda_1(S+(1-S)u) + A,\qquad u\in[\max(0,-S/(1-S)),1].}
#' \eqn{A>0}: the second cluster is shifted to the right of the first; \eqn{D>1}: it is more dispersed; \eqn{S>0}: it
#' has lost the share S of the left tail of the first; \eqn{S<0}: the first has lost some of the second. Swapping the
#' clusters gives \eqn{1/D}, \eqn{-A/D} and \eqn{-S/(1-S)}. The estimates minimise the mean squared difference
#' between \eqn{D\lambda_1+A} and \eqn{\lambda_2} plus that between \eqn{\lambda_1} and \eqn{(\lambda_2-A)/D} over
#' `ranks` + 1 equally spaced ranks. S is looked for between -1 and 1/2, at most half of either cluster: the more is cut
#' off, the less is left that could disagree. For given S the minimum is closed form, so a bootstrap draw costs one
#' search in one number. R2 is \eqn{1-M(A,D,S)/M(0,1,0)}.
#'
#' What the numbers do not say: a truncation is relative. Selection that is equally hard in both clusters leaves
#' \eqn{S=0}. Firms that move are in the distribution of the cluster they moved to: sorting looks like a dilation or
#' a shift.
#'
#' @param data A data frame with a row for each firm, or a [migration_data()], whose firms table is used.
#' @param performance Name of the column of performance, most often log productivity.
#' @param cluster Name of the column that says in which cluster a firm is.
#' @param between The two clusters: first, the reference, and second. `NULL` when there are only two, in the order of
#'   levels or the alphabet.
#' @param parameters Which of `"shift"`, `"dilation"`, `"truncation"` are estimated; the others are held at 0, 1, 0.
#' @param trim Share of the firms of each cluster cut off at each end before anything is done, from 0 to below 0.25: one
#'   outlier can decide the result. Combes and others cut 1%.
#' @param ranks Number of intervals of ranks.
#' @param draws Number of bootstrap draws, within clusters; 0 for none.
#' @param conf.level Level of the intervals, estimate plus and minus a normal quantile of bootstrap errors.
#' @param min_firms `NULL`, or the smallest number of firms that may be shown; then table `quantiles`, whose values
#'   are those
#'   of single firms, is empty, and a cluster of fewer is an error.
#' @param seed A number that makes the draws repeatable; `NULL` takes the generator as it is.
#' @return An object of class `compare_quantiles` and `decomposition`: a list of data frames
#' * `parameters`: parameter (shift, dilation, truncation), symbol, estimate, null, std.error, conf.low, conf.high; an
#'   error of `NA` for parameters that are held fixed, and without draws;
#' * `fit`: criterion, criterion_null, r2, firms_first, firms_second, mean_first, mean_second, sd_first, sd_second;
#' * `quantiles`: rank (in the second cluster), first, second, fitted: the second cluster as the first, transformed;
#' * `draws`: shift, dilation, truncation of each bootstrap draw;
#'
#' and `residual` (root mean square of second minus fitted), `notes` (note), `method`, `reference`
#' (text) and `call`.
#' @section Errors: More than two clusters and no `between`, fewer than 10 firms in a cluster, infinite performance,
#'   no variation. Firms without a performance are left out with a note.
#' @references
#' Combes, P.-P., Duranton, G., Gobillon, L., Puga, D. and Roux, S. (2012) The productivity advantages of large
#' cities: distinguishing agglomeration from firm selection. *Econometrica* 80, 2543-2594, \doi{10.3982/ECTA8442}.
#'
#' Kondo, K. (2017) Quantile approach for distinguishing agglomeration from firm selection in Stata. RIETI Technical
#' Paper 17-T-001.
#' @seealso [decompose_gap()] for a gap of means or of one quantile, [decompose_productivity()], [decompose_cluster()].
#' @examples
#' firms <- subset(wenzhou_guzhen()$firms, year == 2003 & !is.na(to))
#' compare_quantiles(firms, "productivity", "to", between = c("Wenzhou", "Guzhen"), draws = 20)
#' @export
compare_quantiles <- function(data, performance, cluster, between = NULL,
                              parameters = c("shift", "dilation", "truncation"), trim = 0, ranks = 1000,
                              draws = 100, conf.level = 0.95, min_firms = NULL, seed = NULL) {
  call <- match.call()
  data <- firms_of(read_firms(data, c(performance, cluster)))$table
  unknown <- setdiff(parameters, c("shift", "dilation", "truncation"))
  if (!is.character(parameters) || length(unknown) || !length(parameters)) {
    abort("`parameters` must be some of `shift`, `dilation`, `truncation`, not ", quote_names(unknown), ".",
      class = "argument"
    )
  }
  if (!is.numeric(ranks) || length(ranks) != 1 || !isTRUE(ranks >= 10 && ranks == round(ranks))) {
    abort("`ranks` must be a whole number of at least 10.", class = "argument")
  }
  if (!is.numeric(draws) || length(draws) != 1 || !isTRUE(draws >= 0 && draws != 1 && draws == round(draws))) {
    abort("`draws` must be 0 or a whole number of at least 2.", class = "argument")
  }
  check_fraction(conf.level, "conf.level")
  if (!is.numeric(trim) || length(trim) != 1L || !isTRUE(trim >= 0 && trim < 0.25)) {
    abort("`trim` must be one number from 0 to below 0.25: the share of firms cut off at each end.", class = "argument")
  }
  min_firms <- check_min_firms(min_firms)
  groups <- quantile_groups(plain_table(data, "data"), performance, cluster, between, trim)
  check_quantile_firms(groups, min_firms)
  free <- c("shift", "dilation", "truncation") %in% parameters
  best <- fit_quantiles(groups$first, groups$second, free, ranks)
  drawn <- with_seed(seed, draw_quantiles(groups, free, ranks, draws))
  result <- quantile_tables(best, drawn, groups, free, ranks, conf.level, call)
  if (!is.null(min_firms)) {
    # quantiles of single firms are their values
    result$quantiles <- result$quantiles[0L, ]
    result <- told_disclosure(result, min_firms)
  }
  structure(result, class = c("compare_quantiles", "decomposition"))
}

check_quantile_firms <- function(groups, min_firms) {
  n <- c(length(groups$first), length(groups$second))
  if (!is.null(min_firms) && any(n < min_firms)) {
    abort("`", groups$names[which.min(n)], "` has ", plural(min(n), "firm"), ", fewer than `min_firms`.", class = "too_few")
  }
}

# Sorted performance of the two clusters
quantile_groups <- function(data, performance, cluster, between, trim = 0) {
  check_column(data, performance, "performance", "data")
  check_column(data, cluster, "cluster", "data")
  value <- data[[performance]]
  if (!is.numeric(value)) {
    abort("`data$", performance, "` must be numbers, not ", describe_type(value), ".", class = "type")
  }
  pair <- cluster_pair(data[[cluster]], between, cluster)
  bad <- which(!is.na(pair$code) & (is.nan(value) | is.infinite(value)))
  if (length(bad)) {
    abort("`data$", performance, "` is infinite or not a number in ", plural(length(bad), "row"), ": ",
      quote_rows(bad), ". A logarithm needs positive values.",
      class = "undefined"
    )
  }
  groups <- lapply(1:2, function(k) sort(as.numeric(value[pair$code %in% k & !is.na(value)])))
  for (k in 1:2) {
    if (length(groups[[k]]) < 10) {
      abort("`", pair$names[k], "` has ", plural(length(groups[[k]]), "firm"), " with a performance: quantiles need ",
        "at least 10.",
        class = "too_few"
      )
    }
    if (groups[[k]][1] == groups[[k]][length(groups[[k]])]) {
      abort("`data$", performance, "` does not vary in `", pair$names[k], "`.", class = "constant")
    }
  }
  whole <- groups
  groups <- lapply(groups, trim_ends, trim = trim)
  list(
    first = groups[[1]], second = groups[[2]], names = pair$names,
    dropped = sum(is.na(value) & !is.na(pair$code)), trimmed = sum(lengths(whole)) - sum(lengths(groups)),
    far = vapply(groups, count_far, 0L)
  )
}

# A sorted sample without the share `trim` at each end
trim_ends <- function(y, trim) {
  cut <- floor(trim * length(y))
  y[seq_len(length(y) - 2 * cut) + cut]
}

# How many values of a sorted sample are out of all proportion: ten times the middle half away from it
count_far <- function(y) {
  q <- sorted_quantile(y, c(0.25, 0.75))
  sum(y > q[2L] + 10 * diff(q) | y < q[1L] - 10 * diff(q))
}

# Quantiles of a sorted sample: linear between the ranks k / n, the smallest value below 1 / n
sorted_quantile <- function(y, rank) {
  position <- length(y) * rank
  below <- pmin(pmax(floor(position), 1), length(y))
  above <- pmin(below + 1, length(y))
  y[below] + pmax(position - below, 0) * (y[above] - y[below])
}

# Both quantile functions at the ranks that a truncation makes correspond
matched_quantiles <- function(first, second, truncation, ranks) {
  rank <- seq(max(0, -truncation / (1 - truncation)), 1, length.out = ranks + 1)
  list(
    rank = rank, first = sorted_quantile(first, truncation + (1 - truncation) * rank),
    second = sorted_quantile(second, rank)
  )
}

# Shift and dilation that are best for a truncation, and the criterion
fit_at <- function(first, second, truncation, free, ranks) {
  q <- matched_quantiles(first, second, truncation, ranks)
  weight <- c(0.5, rep(1, ranks - 1), 0.5) / ranks
  centre <- if (free[1]) c(sum(weight * q$first), sum(weight * q$second)) else c(0, 0)
  a <- q$first - centre[1]
  b <- q$second - centre[2]
  v11 <- sum(weight * a * a)
  v12 <- sum(weight * a * b)
  v22 <- sum(weight * b * b)
  distance <- function(d) (d^2 * v11 - 2 * d * v12 + v22) * (1 + 1 / d^2)
  dilation <- if (free[2]) best_dilation(v11, v12, v22, distance) else 1
  list(
    shift = centre[2] - dilation * centre[1], dilation = dilation, truncation = truncation,
    criterion = distance(dilation)
  )
}

# Positive root of v11 D^4 - v12 D^3 + v12 D - v22 with the smallest criterion
best_dilation <- function(v11, v12, v22, distance) {
  # in units of the ratio of spreads, so that the roots are near 1
  unit <- sqrt(v22 / v11)
  coefficients <- c(-v22, v12 * unit, 0, -v12 * unit^3, v11 * unit^4)
  roots <- polyroot(coefficients)
  roots <- Re(roots)[abs(Im(roots)) < 1e-6 & Re(roots) > 0]
  # polyroot keeps about 12 digits; one step of Newton gives the rest
  value <- coefficients[1] + roots * (coefficients[2] + roots^2 * (coefficients[4] + roots * coefficients[5]))
  slope <- coefficients[2] + roots^2 * (3 * coefficients[4] + 4 * roots * coefficients[5])
  roots <- unit * (roots - ifelse(slope == 0, 0, value / slope))
  roots[which.min(distance(roots))]
}

# Largest v that is searched, S = 1 - exp(-v): half of a cluster
#
# The further the tails are cut, the less is compared and the better it fits, so a search without end finds one.
most_truncation <- log(2)

# All free parameters. The truncation is searched as v: swapping the clusters is -v
fit_quantiles <- function(first, second, free, ranks) {
  at <- function(v) fit_at(first, second, -expm1(-v), free, ranks)
  if (!free[3]) {
    return(at(0))
  }
  criterion <- function(v) at(v)$criterion
  grid <- most_truncation * seq(-1, 1, length.out = 31)
  for (finer in 1:2) {
    step <- grid[2] - grid[1]
    centre <- grid[which.min(vapply(grid, criterion, 0))]
    grid <- seq(max(centre - step, -most_truncation), min(centre + step, most_truncation), length.out = 21)
  }
  best <- stats::optimize(criterion, range(grid), tol = 1e-10)
  # the search may end beside the best of the grid
  candidates <- c(best$minimum, centre, 0)
  at(candidates[which.min(vapply(candidates, criterion, 0))])
}

# Bootstrap draws within clusters; a sorted draw is a count of each firm, so nothing is sorted again
draw_quantiles <- function(groups, free, ranks, draws) {
  again <- function(y) rep.int(y, tabulate(sample.int(length(y), replace = TRUE), length(y)))
  tick <- progress("Bootstrap draws", draws)
  fits <- lapply(seq_len(draws), function(k) {
    tick()
    fit_quantiles(again(groups$first), again(groups$second), free, ranks)[c("shift", "dilation", "truncation")]
  })
  data.frame(
    shift = vapply(fits, `[[`, 0, "shift"), dilation = vapply(fits, `[[`, 0, "dilation"),
    truncation = vapply(fits, `[[`, 0, "truncation")
  )
}

quantile_tables <- function(best, drawn, groups, free, ranks, conf.level, call) {
  estimate <- unlist(best[c("shift", "dilation", "truncation")])
  error <- if (nrow(drawn)) vapply(drawn, stats::sd, 0) else rep(NA_real_, 3)
  error[!free] <- NA
  reach <- stats::qnorm((1 + conf.level) / 2) * error
  nothing <- fit_at(groups$first, groups$second, 0, c(FALSE, FALSE), ranks)$criterion
  q <- matched_quantiles(groups$first, groups$second, best$truncation, ranks)
  fitted <- best$shift + best$dilation * q$first
  names <- paste0("`", groups$names, "`")
  list(
    parameters = data.frame(
      parameter = names(estimate), symbol = c("A", "D", "S"), estimate = unname(estimate), null = c(0, 1, 0),
      std.error = unname(error), conf.low = unname(estimate - reach), conf.high = unname(estimate + reach)
    ),
    fit = data.frame(
      criterion = best$criterion, criterion_null = nothing, r2 = 1 - best$criterion / nothing,
      firms_first = length(groups$first), firms_second = length(groups$second),
      mean_first = mean(groups$first), mean_second = mean(groups$second),
      sd_first = stats::sd(groups$first), sd_second = stats::sd(groups$second)
    ),
    quantiles = data.frame(rank = q$rank, first = q$first, second = q$second, fitted = fitted),
    draws = drawn,
    method = "Shift, dilation and truncation of quantiles",
    reference = c(
      paste0(
        "reference: ", names[1], "; quantile(u) of ", names[2], " = D quantile(S + (1 - S) u) of ", names[1],
        " + A"
      ),
      paste("standard errors:", if (nrow(drawn)) paste(nrow(drawn), "bootstrap draws") else "none without `draws`")
    ),
    residual = data.frame(parameter = "root mean square", residual = sqrt(mean((q$second - fitted)^2))),
    notes = note_table(c(
      if (groups$trimmed > 0) paste0(plural(groups$trimmed, "firm"), " at the ends left out, as `trim` asks."),
      if (sum(groups$far) > 0) {
        paste0(
          plural(sum(groups$far), "firm"), " far from all others, which may decide the result: compare with `trim = 0.01`."
        )
      },
      if (groups$dropped > 0) paste0(plural(groups$dropped, "firm"), " without a performance left out."),
      if (abs(log1p(-best$truncation)) > most_truncation - 1e-6) {
        "The truncation is at the limit of the search: half of a cluster. It is not to be trusted."
      }
    )),
    call = call
  )
}

#' @rdname print.decomposition
#' @export
print.compare_quantiles <- function(x, digits = max(3L, getOption("digits") - 3L), n = 12, ...) {
  print_reference(x)
  cat("  firms: ", x$fit$firms_first, " and ", x$fit$firms_second, "; R2 ", format(x$fit$r2, digits = digits), "\n\n",
    sep = ""
  )
  print(x$parameters, digits = digits, row.names = FALSE)
  print_residual(x)
  invisible(x)
}
