#' @title Tests of the independence of irrelevant alternatives
#' @description A conditional logit says that the odds of two places do not change when a third is taken away. Fitted
#' without some places, to the occasions that neither chose nor came from them, it should then give the same
#' coefficients. With \eqn{b, V} of all places and \eqn{b_r, V_r} of the rest, the test of Hausman and McFadden (1984)
#' is
#' \deqn{H = (b_r - b)'\,(V_r - V)^{-}\,(b_r - b) \sim \chi^2_q,}{H = (b_r - b)' (V_r - V)^- (b_r - b), chi-squared on
#'   q degrees of freedom,}
#' \eqn{q} the rank of the difference.
#'
#' @details *Not positive definite.* \eqn{V_r - V} is so under the hypothesis in large samples only. Where it has
#' eigenvalues that are negative or nil (of its form scaled to the variances of \eqn{b_r}), `print()` says how many,
#' and \eqn{H} uses the generalised inverse on the positive ones, with their number as degrees of freedom: directions
#' in which leaving places out made the estimate *more* precise say nothing about the hypothesis, and dropping them
#' makes the test conservative, not valid. Row `robust` needs no such care: the covariance of the difference is that
#' of the influences of the occasions, \eqn{\sum_i d_i d_i'}{sum_i d_i d_i'} with
#' \eqn{d_i = V_r s_{ri} - V s_i}{d_i = V_r s_ri - V s_i}, which is never indefinite (White 1982; as `suest` of
#' Stata). Prefer it.
#'
#' *Small and Hsiao (1985).* Occasions are split at random. With
#' \eqn{b_{ab} = b_a / \sqrt2 + (1 - 1/\sqrt2) b_b}{b_ab = b_a / sqrt(2) + (1 - 1/sqrt(2)) b_b} from both halves and
#' all places, twice the difference of the log-likelihoods of half \eqn{b} without the places, at its own maximum and
#' at \eqn{b_{ab}}{b_ab}, is chi-squared. The result depends on the split: set `seed`.
#'
#' Terms that do not vary any more without the places drop out of the comparison; place constants are re-estimated,
#' not compared. All three tests have little power in samples of usual size (Cheng and Long 2007): not to reject is no
#' proof of IIA. A [nested()] logit says more.
#'
#' @param object A fit of [fit_migration()] with [conditional()].
#' @param omit Names of the places to leave out.
#' @param small_hsiao `FALSE` leaves the test of Small and Hsiao out.
#' @param seed A seed for the split, or `NULL`.
#' @param ... Not used.
#' @return An object of class `migration_iia`; its table, by `as.data.frame()`, has the rows `hausman_mcfadden`,
#'   `robust` and `small_hsiao` with `statistic`, `df`, `p.value`. Elements: `estimates` (`term`, `all`, `restricted`,
#'   `difference`, `std.error` of the difference, robust), `omit`, `n` (occasions that remain), `eigenvalues` of the
#'   scaled difference and `negative`, their number at or below 0.
#' @section Errors: A model that is not a conditional logit; places that are not there, or all but one; no occasions
#'   left that move.
#' @references Cheng, S. and Long, J. S. (2007). Testing for IIA in the multinomial logit model. *Sociological Methods
#'   & Research* 35, 583-600. \doi{10.1177/0049124106292361}
#'
#'   Hausman, J. and McFadden, D. (1984). Specification tests for the multinomial logit model. *Econometrica* 52,
#'   1219-1240. \doi{10.2307/1910997}
#'
#'   Small, K. A. and Hsiao, C. (1985). Multinomial logit specification tests. *International Economic Review* 26,
#'   619-627. \doi{10.2307/2526707}
#' @seealso [nested()]
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ pull(land_price) + log(distance) + peers(kin), data)
#' iia_test(fit, omit = "Guzhen", seed = 1)
#' @export
iia_test <- function(object, omit, small_hsiao = TRUE, seed = NULL, ...) {
  check_fit(object)
  check_dots(...)
  refuse_streamed(object)
  if (!inherits(object$model, "conditional_model")) {
    abort("iia_test() is of a conditional() logit; this fit is a ", model_title(object$model), ".", class = "argument")
  }
  places <- omitted_places(object, omit)
  restricted <- restricted_design(object, places)
  refit <- maximum_of(object, restricted)
  terms <- compared_terms(object, refit)
  difference <- refit$theta[terms] - object$coefficients[terms]
  names <- names(object$coefficients)[terms]
  v_all <- object$covariance[names, names, drop = FALSE]
  v_less <- refit$covariance[terms, terms, drop = FALSE]
  classic <- hausman(difference, v_less - v_all, sqrt(diag(v_less)))
  spread <- influence_of_difference(object, restricted, refit, terms)
  robust <- hausman(difference, spread, sqrt(diag(v_less)))
  rows <- rbind(
    data.frame(test = "hausman_mcfadden", classic$row), data.frame(test = "robust", robust$row),
    if (check_flag(small_hsiao, "small_hsiao")) {
      data.frame(test = "small_hsiao", with_seed(seed, small_hsiao_test(object, places)))
    }
  )
  new_answer("migration_iia",
    table = rows, omit = object$data$place[places], n = length(restricted$occasion), eigenvalues = classic$eigenvalues,
    negative = classic$negative,
    estimates = data.frame(
      term = names, all = unname(object$coefficients[terms]), restricted = refit$theta[terms],
      difference = unname(difference), std.error = sqrt(diag(spread)), row.names = NULL
    ),
    title = iia_title(object, places, restricted), notes = iia_notes(classic, length(terms))
  )
}

omitted_places <- function(object, omit) {
  if (missing(omit) || length(omit) == 0L) {
    abort("`omit` must name the places to leave out.", class = "argument")
  }
  places <- unique(place_numbers(object, omit, "omit"))
  if (length(places) > length(object$data$place) - 2L) {
    abort("`omit` leaves fewer than two places.", class = "place")
  }
  places
}

# The design of the occasions that neither chose nor came from some places, these not on offer
restricted_design <- function(object, places, rows = NULL) {
  full <- fit_design(object)
  spec <- full$spec
  keep <- !(chosen_place(spec) %in% places) & !(origin_place(spec) %in% places)
  if (!is.null(rows)) {
    keep <- keep & rows
  }
  design <- design_of_some(object, full, keep)
  if (!any(moved(design$spec) | design$spec$origin == 0L)) {
    abort("Without these places no firm moves, so nothing can be compared.", class = "no_movers")
  }
  offered <- design$spec$offered %||% rep(TRUE, design$spec$J)
  offered[places] <- FALSE
  if (design$spec$effects %in% TRUE) {
    offered <- offered & !unchosen_places(design$spec)
  }
  design$spec$offered <- offered
  design
}

# The design of some of the occasions of a fit
design_of_some <- function(object, design, keep) {
  if (!any(keep)) {
    abort("No occasion is left.", class = "no_occasions")
  }
  n <- nrow(occasion_frame(object$data))
  fit_design(restrict_fit(object, seq_len(n) %in% design$occasion[keep]))
}

# The maximum on a design: list(theta, value, covariance, free, adjust), coefficients first
maximum_of <- function(object, design) {
  problem <- refit_problem(object, design)
  held <- problem$held
  theta <- design$theta
  theta[held$is] <- held$value[held$is]
  raw <- model_maximise(object$model, problem, theta)
  at <- problem$layout$coefficients
  free <- !held$is[at] & raw$aliased[at] == 0L & !raw$separated[at]
  list(
    theta = raw$theta, value = raw$value, covariance = raw$covariance, free = free,
    df = sum(!held$is & raw$aliased == 0L), adjust = kept_design(problem, raw, free)$adjust
  )
}

# Numbers of coefficients estimated both times
compared_terms <- function(object, refit) {
  terms <- which(object$estimated & refit$free)
  if (length(terms) == 0L) {
    abort("Without these places no coefficient can be estimated, so there is nothing to compare.", class = "no_terms")
  }
  unname(terms)
}

# d' M^- d on the positive eigenvalues of M scaled by `scale`
hausman <- function(difference, middle, scale) {
  spectrum <- eigen(middle / tcrossprod(scale), symmetric = TRUE)
  positive <- spectrum$values > 1e-10 * max(abs(spectrum$values))
  along <- crossprod(spectrum$vectors, difference / scale)[positive]
  statistic <- sum(along^2 / spectrum$values[positive])
  df <- sum(positive)
  list(
    row = data.frame(statistic = statistic, df = df, p.value = stats::pchisq(statistic, df, lower.tail = FALSE)),
    eigenvalues = spectrum$values, negative = sum(!positive)
  )
}

# Covariance of the difference of two estimates, of which one is from some of the occasions of the other: the sum of
# the squares of the differences of their influences
influence_of_difference <- function(object, restricted, refit, terms) {
  influence <- -estfun.migration_fit(object) %*% object$covariance[, names(object$coefficients)[terms], drop = FALSE]
  scores <- .Call(
    C_scores, restricted$spec, restricted$kernel, refit$theta, refit$adjust, kernel_control(object$control)
  )
  free <- which(refit$free)
  at <- match(restricted$occasion, object$design$occasion)
  less <- scores[, free, drop = FALSE] %*% refit$covariance[free, terms, drop = FALSE]
  influence[at, ] <- influence[at, ] + less
  crossprod(influence)
}

# The test of Small and Hsiao as a row: statistic, df, p.value
small_hsiao_test <- function(object, places) {
  n <- length(object$design$occasion)
  first <- seq_len(n) %in% sample.int(n, n %/% 2L)
  full <- fit_design(object)
  a <- maximum_of(object, design_of_some(object, full, first))
  b <- maximum_of(object, design_of_some(object, full, !first))
  restricted <- restricted_design(object, places, rows = !first)
  best <- maximum_of(object, restricted)
  mean <- a$theta / sqrt(2) + (1 - 1 / sqrt(2)) * b$theta
  control <- kernel_control(object$control)
  at_mean <- .Call(C_evaluate, restricted$spec, restricted$kernel, mean, fm_value, control)$value
  statistic <- 2 * (best$value - at_mean)
  data.frame(statistic = statistic, df = best$df, p.value = stats::pchisq(statistic, best$df, lower.tail = FALSE))
}

iia_title <- function(object, places, restricted) {
  paste0(
    "Independence of irrelevant alternatives: without ", quote_names(object$data$place[places]), ", ",
    plural(length(restricted$occasion), "occasion"), " of ", format_count(length(object$design$occasion))
  )
}

iia_notes <- function(classic, n) {
  if (classic$negative > 0L) {
    paste0(
      "The difference of the covariances is not positive definite: ", classic$negative, " of ", n,
      " eigenvalues are not above 0. hausman_mcfadden is on the others and not to be relied on; `robust` is not affected."
    )
  }
}
