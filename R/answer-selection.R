#' Movers choose themselves
#'
#' @description
#' Firms that move, and where they move to, are not drawn at random. `selection_terms()` gives the functions of choice
#' probabilities that a regression of performance needs as controls, from a fit of the choice; and what is needed to
#' carry the error of the fit into that of the regression.
#'
#' @details
#' With \eqn{P_c} the probability of the chosen place and \eqn{P_o} that of staying,
#' \deqn{y_{ij} = \psi_j + x'b + g_s(P_{ic})}{y_ij = psi_j + x'b + g_s(P_ic)} for firms that stay and \eqn{+
#'   g_m(P_{ic}, P_{io})}{+ g_m(P_ic, P_io)} for movers.
#' * `"dahl"`: polynomials of `degree` in \eqn{P_c} for stayers, in \eqn{P_c} and \eqn{P_o} with products for movers,
#'   and a constant for moving (Dahl).
#' * `"dubin_mcfadden"`: \eqn{E[e_c|c] = -\log P_c} of the chosen place and, for movers, \eqn{E[e_o|c] = P_o \log P_o/(1
#'   - P_o)}{E[e_o|c] = P_o log P_o/(1 - P_o)} of the place they left, with extreme-value utilities (Dubin and
#'   McFadden).
#' * `"lee"`: \eqn{\phi(\Phi^{-1}(P_c))/P_c}{dnorm(qnorm(P_c))/P_c} (Lee), for stayers and movers.
#'
#' *Errors.* The terms depend on estimated coefficients. With \eqn{z_i} the regressors of a firm and \eqn{u_i} its
#' residuals, the influence of a firm is \eqn{A(z_i u_i + G I^{-1} s_i)}, \eqn{A} the inverse of the regressors'
#' moments, \eqn{I^{-1}} `vcov(fit)`, \eqn{s_i} the sum of its scores and \eqn{G} minus the sum of \eqn{z} times the
#' derivative of the terms. `vcov(terms, model)` gives that covariance, clustered by firm, for an `lm()`;
#' [decompose_places()] with `selection =` does the same. Estimated constants of places (`| place`) are held at their
#' estimates given the other coefficients.
#'
#' @section What the numbers do not say:
#' Something must move firms that is not in the equation of performance: distance, say, or ties. Otherwise the terms are
#' told from the rest by their curvature alone. `decompose_places(selection =)` warns when there is nothing of the kind.
#'
#' @param fit A fit of [fit_migration()] to a [migration_data()].
#' @param newdata `NULL`, or data of the same class: the terms of other occasions, which must have chosen places. These
#'   carry no errors.
#' @param type The form of the terms; see Details.
#' @param degree Degree of Dahl's polynomials.
#' @return A data frame of class `selection_terms` with a row for each row of `firms`; `NA` where there is no choice
#' (the firm closed, or is not in the fit). `vcov()`: a square matrix with the names of the coefficients of the `lm()`.
#' @section Errors: A fit to long data or on a store; a model whose likelihood is not one of occasions, for `vcov()`; an
#'   `lm()` without the terms.
#' @references
#' Dahl, G. B. (2002). Mobility and the return to education: testing a Roy model with multiple markets. *Econometrica*
#' 70, 2367-2420. \doi{10.1111/j.1468-0262.2002.00443.x}
#'
#' Dubin, J. A. and McFadden, D. L. (1984). An econometric analysis of residential electric appliance holdings and
#' consumption. *Econometrica* 52, 345-362. \doi{10.2307/1911493}
#'
#' Lee, L.-F. (1983). Generalized econometric models with selectivity. *Econometrica* 51, 507-512. \doi{10.2307/1912003}
#'
#' Bourguignon, F., Fournier, M. and Gurgand, M. (2007). Selection bias corrections based on the multinomial logit
#' model: Monte Carlo comparisons. *Journal of Economic Surveys* 21, 174-205. \doi{10.1111/j.1467-6419.2007.00503.x}
#' @seealso [decompose_places()].
#' @examples
#' lamps <- wenzhou_guzhen(1996:2002)
#' fit <- fit_migration(~ push(land_price) + pull(creativity) + log(distance), lamps)
#' terms <- selection_terms(fit)
#' panel <- cbind(lamps$firms, terms)
#' model <- lm(productivity ~ factor(to) + move + stay_1 + stay_2 + move_10 + move_01, panel)
#' sqrt(diag(vcov(terms, model)))[c("move", "move_10")]
#' @export
selection_terms <- function(fit, newdata = NULL, type = c("dahl", "dubin_mcfadden", "lee"), degree = 2) {
  check_fit(fit)
  type <- check_choice(type, "type")
  degree <- check_count(degree, "degree")
  refuse_streamed(fit)
  if (!has_tables(fit$data) || (!is.null(newdata) && !identical(class(newdata), class(fit$data)))) {
    abort("selection_terms() needs a fit to a migration_data(), and `newdata` of that class.", class = "newdata")
  }
  data <- if (is.null(newdata)) fit$data else newdata
  design <- if (is.null(newdata)) fit_design(fit) else selection_design(fit, newdata)
  p <- by_slice(design, function(part) {
    values <- kernel_predict(fit, part, "probability")
    as.vector(rbind(at_chosen(part$spec, values), at_home(part$spec, values)))
  })
  p <- matrix(p, ncol = 2L, byrow = TRUE, dimnames = list(NULL, c("chosen", "origin")))
  p[is.na(p[, "origin"]), "origin"] <- 0
  moves <- design$spec$chosen != design$spec$origin
  form <- selection_form(type, degree)
  terms <- matrix(NA_real_, nrow(data$firms), length(form$names), dimnames = list(NULL, form$names))
  terms[design$occasion, ] <- form$value(p, moves)
  structure(
    as.data.frame(terms),
    class = c("selection_terms", "data.frame"), form = form, fit = fit, new = !is.null(newdata),
    probability = p, moves = moves, occasion = design$occasion
  )
}

selection_design <- function(fit, newdata) {
  design <- model_design(fit$model, fit$formula, newdata,
    na.action = stats::na.exclude, basis = fit$design$basis, env = environment(fit$formula)
  )
  complete_design(fit, design, newdata)
}

# Names, values (occasions x terms) and slopes in P_c and P_o (lists of occasions x terms) of a form of the terms
selection_form <- function(type, degree) {
  switch(type,
    dahl = dahl_form(degree),
    dubin_mcfadden = dubin_mcfadden_form(),
    lee = lee_form()
  )
}

dahl_form <- function(degree) {
  powers <- expand.grid(origin = 0:degree, chosen = 0:degree)
  powers <- powers[rowSums(powers) >= 1L & rowSums(powers) <= degree, , drop = FALSE]
  power <- function(x, k) outer(x, k, `^`)
  slope <- function(x, k) sweep(outer(x, pmax(k - 1, 0), `^`), 2L, k, `*`)
  both <- function(of_c, of_o, p, moves) {
    stay <- of_c(p[, 1L], seq_len(degree)) * (if (identical(of_o, slope)) 0 else 1)
    move <- of_c(p[, 1L], powers$chosen) * of_o(p[, 2L], powers$origin)
    cbind(if (identical(of_c, power) && identical(of_o, power)) as.numeric(moves) else 0 * moves, stay * !moves, move * moves)
  }
  list(
    names = c("move", paste0("stay_", seq_len(degree)), paste0("move_", powers$chosen, powers$origin)),
    value = function(p, moves) both(power, power, p, moves),
    slope = function(p, moves) list(both(slope, power, p, moves), both(power, slope, p, moves))
  )
}

dubin_mcfadden_form <- function() {
  left <- function(p) ifelse(p > 0 & p < 1, p * log(p) / (1 - p), 0)
  left_slope <- function(p) ifelse(p > 0 & p < 1, (log(p) + 1 - p) / (1 - p)^2, 0)
  list(
    names = c("move", "chosen_stay", "chosen_move", "left"),
    value = function(p, moves) {
      own <- -log(p[, 1L])
      cbind(as.numeric(moves), own * !moves, own * moves, left(p[, 2L]) * moves)
    },
    slope = function(p, moves) {
      own <- -1 / p[, 1L]
      zero <- 0 * own
      list(cbind(zero, own * !moves, own * moves, zero), cbind(zero, zero, zero, left_slope(p[, 2L]) * moves))
    }
  )
}

lee_form <- function() {
  mills <- function(p) stats::dnorm(stats::qnorm(p)) / p
  mills_slope <- function(p) -stats::qnorm(p) / p - stats::dnorm(stats::qnorm(p)) / p^2
  list(
    names = c("move", "lee_stay", "lee_move"),
    value = function(p, moves) cbind(as.numeric(moves), mills(p[, 1L]) * !moves, mills(p[, 1L]) * moves),
    slope = function(p, moves) {
      x <- mills_slope(p[, 1L])
      zero <- 0 * x
      list(cbind(zero, x * !moves, x * moves), cbind(zero, zero, zero))
    }
  )
}

# ---- the error of the first step -----------------------------------------------------------------------------------

# What the fit adds to the error of a second step: list(occasion, firm: code of each row of firms, scores by occasion,
# covariance, slope(b): derivative of terms %*% b in the coefficients, rows of firms x coefficients)
first_step <- function(terms) {
  fit <- attr(terms, "fit")
  if (attr(terms, "new")) {
    abort("Terms of `newdata` carry no errors of the fit: leave `newdata` out.", class = "newdata")
  }
  design <- fit_design(fit)
  if (!is.null(fit$design$group)) {
    abort("The likelihood of this model is one of firms, not of occasions: its terms carry no errors.", class = "model")
  }
  weight <- occasion_weights(design$spec)
  estimated <- fit$estimated
  scores <- kernel_scores(fit, design)[, estimated, drop = FALSE]
  at_origin <- design
  had <- design$spec$origin > 0L
  at_origin$spec$chosen[had] <- design$spec$origin[had]
  of_origin <- kernel_scores(fit, at_origin)[, estimated, drop = FALSE]
  p <- attr(terms, "probability")
  slopes <- attr(terms, "form")$slope(p, attr(terms, "moves"))
  occasion <- attr(terms, "occasion")
  list(
    scores = scores, covariance = fit$covariance, occasion = occasion, n = nrow(terms), firm = code_ids(fit$data$firms[[fit$data$names$firm]])$code,
    slope = function(b) {
      full <- matrix(0, nrow(terms), ncol(scores))
      full[occasion, ] <- drop(slopes[[1L]] %*% b) * p[, 1L] * scores / weight +
        drop(slopes[[2L]] %*% b) * p[, 2L] * of_origin / weight
      full
    }
  )
}

#' @rdname selection_terms
#' @param object Terms of `selection_terms()`.
#' @param model An [stats::lm()] in which they are, by their names.
#' @param ... Not used.
#' @export
vcov.selection_terms <- function(object, model, ...) {
  if (!inherits(model, "lm")) {
    abort("`model` must be an lm() with the terms among its regressors.", class = "type")
  }
  b <- stats::coef(model)
  used <- intersect(names(object), names(b)[!is.na(b)])
  if (length(used) == 0L) {
    abort("`model` has none of the terms ", quote_names(names(object), 8), ".", class = "columns")
  }
  first <- first_step(object)
  x <- stats::model.matrix(model)[, !is.na(b), drop = FALSE]
  row <- match(rownames(x), row.names(object))
  if (anyNA(row)) {
    abort("`model` must be fitted to the rows of the data of the fit, in their order: cbind(data$firms, terms).", class = "newdata")
  }
  w <- if (is.null(model$weights)) 1 else stats::weights(model)
  loads <- replace(stats::setNames(numeric(ncol(object)), names(object)), used, b[used])
  bread <- chol2inv(chol(crossprod(x, w * x)))
  through <- -crossprod(x, w * first$slope(loads)[row, , drop = FALSE]) %*% first$covariance
  n_firms <- max(first$firm)
  sums <- function(values, firm) {
    rowsum(rbind(values, matrix(0, n_firms, ncol(values))), c(firm, seq_len(n_firms)))
  }
  influence <- sums(w * stats::residuals(model) * x, first$firm[row]) +
    sums(first$scores, first$firm[first$occasion]) %*% t(through)
  covariance <- bread %*% crossprod(influence) %*% bread
  dimnames(covariance) <- list(colnames(x), colnames(x))
  covariance
}

# ---- in decompose_places() -----------------------------------------------------------------------------------------

# The terms as controls of a panel, rows without a choice being told by a column of their own
selection_controls <- function(selection, panel) {
  check_fit(selection)
  data <- selection$data
  same <- !is.null(panel$source) && has_tables(data) && nrow(panel$table) == nrow(data$firms) &&
    identical(panel$table[[data$names$firm]], data$firms[[data$names$firm]]) &&
    identical(panel$table[[data$names$time]], data$firms[[data$names$time]])
  if (!same) {
    abort("`selection` must be a fit to `data`, a migration_data() of the same firms in the same order.", class = "newdata")
  }
  terms <- selection_terms(selection)
  z <- as.matrix(terms)
  none <- is.na(z[, 1L])
  z[none, ] <- 0
  list(z = if (any(none)) cbind(z, no_choice = as.numeric(none)) else z, terms = terms, n_terms = ncol(terms))
}

# Whether something moves firms that is not in the equation of performance
warn_nothing_left_out <- function(selection, controls, time) {
  own <- setdiff(fit_variables(selection)$variable, c(all.vars(controls), time))
  if (length(own) == 0L) {
    warn(
      "Every variable of `selection` is in `controls` too: nothing is left out of the equation of performance, and the terms are told ",
      "from the rest by their curvature alone. Leave out of `controls` what moves firms but not their performance.",
      class = "not_identified"
    )
  }
}

# Adds the error of the first step to the covariances of places_fit()
with_first_step <- function(fit, first, panel) {
  step <- first_step(first$terms)
  rows <- gap_rows(fit, panel)
  at <- fit$p$row
  k <- length(fit$p$b) - ncol(first$z) + seq_len(first$n_terms) # the terms are the last controls, before no_choice
  slope <- step$slope(fit$p$b[k])[at, , drop = FALSE]
  slope <- slope - (rowsum(slope, rows$firm) / tabulate(rows$firm))[rows$firm, , drop = FALSE]
  load <- -step$covariance %*% t(row_products(fit, rows, panel, slope))
  n_firms <- max(step$firm)
  by_firm <- rowsum(rbind(step$scores, matrix(0, n_firms, ncol(step$scores))), c(step$firm[step$occasion], seq_len(n_firms)))
  own <- step$firm[at]
  across <- row_products(fit, rows, panel, by_firm[own, , drop = FALSE] * rows$r)
  middle <- across %*% load
  middle <- middle + t(middle) + t(load) %*% crossprod(by_firm) %*% load
  fit$full <- fit$full + fit$p$v %*% middle %*% fit$p$v
  fit$covariance <- place_covariance(fit$full, fit$p$nbar, fit$order, fit$places)
  fit$first <- list(load = load, by_firm = by_firm[own[!duplicated(rows$firm)], , drop = FALSE])
  fit
}

# sum over rows of e x', coefficients x columns of x
row_products <- function(fit, rows, panel, x) {
  at <- fit$p$row
  sums <- function(x, code, n) rowsum(rbind(x, matrix(0, n, ncol(x))), c(code, seq_len(n)))
  z <- fit$x$z[at, , drop = FALSE]
  rbind(
    sums(x, rows$place, rows$n), if (fit$x$periods) sums(x, panel$time[at], length(panel$times)),
    crossprod(sweep(z, 2L, colMeans(z)), x)
  )
}
