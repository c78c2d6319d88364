#' What things are worth to firms in money
#'
#' @title Willingness to pay, the money value of a tie, the cost of moving
#' @description Divides coefficients by that of a price. A firm would pay
#' \deqn{-b_k / b_p}{-b_k / b_p}
#' units of price for one more unit of term \eqn{k}: its utility stays the same when the price rises by as much (the
#' compensating variation). Of a tie or of [peers][migration_formula], it is the money value of the tie.
#'
#' The *cost of moving* is what a mover would have had to be paid to be as well off in a place just like the one it
#' left: the utility that it loses by moving, over \eqn{-b_p}{-b_p}, averaged over the moves in the data,
#' \deqn{-\frac{1}{b_p}\,\frac{1}{M} \sum_i (v^{stay}_{i} - v^{move}_{i}).}{(1 / -b_p) (1/M) sum_i (v_stay,i - v_move,i).}
#' Attributes of places, pushes and pulls are those of the origin on both sides, ties and peers those of the place the
#' firm went to. It is given without the network (all terms of peers at 0) and with it; the difference is what the
#' network saved the movers.
#'
#' @details Intervals of a ratio of coefficients:
#' * `"delta"`: normal, with
#'   \eqn{se^2 = (V_{kk} + 2 r V_{kp} + r^2 V_{pp}) / b_p^2}{se^2 = (V_kk + 2 r V_kp + r^2 V_pp) / b_p^2} for
#'   \eqn{r = -b_k/b_p}{r = -b_k/b_p}. Symmetric, and too short when \eqn{b_p} is imprecise.
#' * `"fieller"`: all ratios \eqn{r} for which \eqn{b_k + r b_p = 0} is not rejected. Holds its level even when the
#'   price coefficient is weak, and says so: when \eqn{b_p} itself is not told from 0 the set is unbounded, all
#'   numbers but those between two limits, or all numbers (column `region`).
#' * `"simulated"`: quantiles of the ratio over draws of the coefficients from their asymptotic normal distribution
#'   (Krinsky and Robb 1986).
#'
#' Coefficients of mixed and latent-class models are parameters of distributions; what is divided here is the
#' coefficient of each term as the fit reports it.
#'
#' @param object A fit of [fit_migration()].
#' @param price Name of the coefficient of the price, like `"pull(land_price)"`. A cost has a negative coefficient.
#' @param terms Names of the coefficients to value; `NULL` is all of the linear terms but the price.
#' @param conf.level Level of the intervals, between 0 and 1.
#' @param interval `"delta"`, `"fieller"` or `"simulated"`.
#' @param network Names of coefficients that count as the network, besides all terms with `peers()`.
#' @param draws,seed Number of draws of simulated intervals, and a seed for them (the state of the generator is then
#'   put back).
#' @param ... `type` and `cluster`: which covariance, as in [vcov.migration_fit()].
#' @return An object of class `migration_compensation`; its table, by `as.data.frame()`, has `term`, `group` (kind of
#'   the term; `moving` for the rows `moving cost without network`, `network left at the origin`,
#'   `network found at the destination` and their sum, `moving cost with network`), `estimate` in units of price,
#'   `std.error` (delta method; of draws with `"simulated"`), `conf.low`, `conf.high` and `region`: `"interval"`,
#'   `"all but"` (every number that is *not* between `conf.low` and `conf.high`) or `"all"`.
#' @section Errors and warnings: A price that is not a coefficient of the model, not estimable or 0. A price
#'   coefficient less than three standard errors from 0 is a warning: delta intervals are then not to be trusted. A
#'   positive one is a warning too. The rows of the cost of moving are left out where no firm moves, and for long data
#'   with `pull()`, whose columns do not say what the origin would be worth as a destination.
#' @references Fieller, E. C. (1954). Some problems in interval estimation. *Journal of the Royal Statistical Society
#'   B* 16, 175-185. \doi{10.1111/j.2517-6161.1954.tb00159.x}
#'
#'   Hole, A. R. (2007). A comparison of approaches to estimating confidence intervals for willingness to pay
#'   measures. *Health Economics* 16, 827-840. \doi{10.1002/hec.1197}
#'
#'   Krinsky, I. and Robb, A. L. (1986). On approximating the statistical properties of elasticities. *Review of
#'   Economics and Statistics* 68, 715-719. \doi{10.2307/1924536}
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(
#'   ~ push(technology) + pull(land_price) + pull(creativity) + log(distance) + peers(kin), data
#' )
#' compensate(fit, "pull(land_price)")
#' compensate(fit, "pull(land_price)", interval = "fieller", conf.level = 0.99)
#' @export
compensate <- function(object, price, terms = NULL, conf.level = 0.95, interval = c("delta", "fieller", "simulated"),
                       network = NULL, draws = 1000, seed = NULL, ...) {
  check_fit(object)
  interval <- match.arg(interval)
  conf.level <- check_fraction(conf.level, "conf.level")
  draws <- check_count(draws, "draws")
  at <- price_position(object, price)
  v <- vcov(object, ...)
  v[is.na(v)] <- 0
  weak <- tell_price(object, price, v[at, at])
  sums <- rbind(term_sums(object, terms, at), moving_sums(object, network))
  b <- object$coefficients
  b[is.na(b)] <- 0
  ratio <- list(
    top = drop(as.matrix(sums[-(1:2)]) %*% b), bottom = -b[[at]], weights = as.matrix(sums[-(1:2)]),
    at = at, v = v, b = b
  )
  table <- data.frame(sums[1:2], estimate = ratio$top / ratio$bottom)
  table <- switch(interval,
    delta = delta_ratio(table, ratio, conf.level),
    fieller = fieller_ratio(delta_ratio(table, ratio, conf.level), ratio, conf.level),
    simulated = with_seed(seed, simulated_ratio(table, ratio, conf.level, draws))
  )
  new_answer("migration_compensation",
    table = plain_rows(table), title = paste0("Worth to firms, in units of `", price, "`"), price = price, weak = weak,
    notes = compensation_notes(table, interval, conf.level, draws)
  )
}

#' @noRd
price_position <- function(object, price) {
  names <- linear_names(object)
  if (!is.character(price) || length(price) != 1L || !price %in% names) {
    near <- if (is.character(price) && length(price) == 1L) nearest_name(price, names)
    abort(
      "`price` must be the name of a coefficient of a term. ",
      if (is.null(near)) paste0("The model has ", quote_names(names, 20), ".") else
        paste0("Did you mean `", near, "`?"),
      class = "price"
    )
  }
  b <- object$coefficients[[price]]
  if (is.na(b) || b == 0) {
    abort("The coefficient of the price `", price, "` is ", if (is.na(b)) "not estimable" else "0",
      ", so nothing can be valued in it.",
      class = "price"
    )
  }
  match(price, names(object$coefficients))
}

#' Names of the coefficients of the terms
#' @noRd
linear_names <- function(object) {
  names(object$coefficients)[seq_len(nrow(object$design$terms))]
}

#' Warns of a price coefficient that is imprecise or positive; TRUE for an imprecise one
#' @noRd
tell_price <- function(object, price, variance) {
  b <- object$coefficients[[price]]
  if (b > 0) {
    warn("The coefficient of the price `", price, "` is positive (", format(b, digits = 3),
      "): firms would seek a high price, and what they would pay has the opposite sign.",
      class = "price"
    )
  }
  z <- abs(b) / sqrt(variance)
  if (z >= 3) {
    return(FALSE)
  }
  warn(
    "The coefficient of the price `", price, "` is only ", format(z, digits = 2), " standard errors from 0, so ratios ",
    "to it are imprecise and far from normal: prefer `interval = \"fieller\"`.",
    class = "weak_price"
  )
  TRUE
}

#' The sums of coefficients to value: label, group and a column for each coefficient
#' @noRd
term_sums <- function(object, terms, at) {
  names <- linear_names(object)
  known <- names[!is.na(object$coefficients[names])]
  unknown <- setdiff(terms, names)
  if (length(unknown) > 0L) {
    near <- nearest_name(unknown[1L], names)
    abort("`terms` names ", quote_names(unknown), ", not among the terms.",
      if (!is.null(near)) paste0(" Did you mean `", near, "`?"),
      class = "argument"
    )
  }
  chosen <- setdiff(if (is.null(terms)) known else intersect(terms, known), names[at])
  weights <- diag(length(object$coefficients))[match(chosen, names), , drop = FALSE]
  data.frame(term = chosen, group = object$design$terms$kind[match(chosen, names)], weights)
}

# The cost of moving ----------------------------------------------------------------------------------

#' What a mover loses by moving to a place like its own, as sums of coefficients; no rows where it cannot be told
#' @noRd
moving_sums <- function(object, network) {
  linear <- linear_names(object)
  unknown <- setdiff(network, linear)
  if (length(unknown) > 0L) {
    abort("`network` names ", quote_names(unknown), ", not among the terms.", class = "argument")
  }
  lost <- moving_loss(object)
  if (is.null(lost)) {
    return(NULL)
  }
  network <- grepl("peers(", object$design$terms$term, fixed = TRUE) | linear %in% network
  rows <- if (any(network)) {
    cost <- ifelse(network, 0, lost$stay - lost$move)
    left <- ifelse(network, lost$stay, 0)
    found <- ifelse(network, -lost$move, 0)
    rbind(
      "moving cost without network" = cost, "network left at the origin" = left,
      "network found at the destination" = found, "moving cost with network" = cost + left + found
    )
  } else {
    rbind("moving cost" = lost$stay - lost$move)
  }
  rest <- matrix(0, nrow(rows), length(object$coefficients) - length(linear))
  data.frame(term = rownames(rows), group = "moving", unname(cbind(rows, rest)))
}

#' Means over the moves of each term at staying and at moving. Attributes of places are those of the origin on both
#' sides, so plain ones cancel.
#' @noRd
moving_loss <- function(object) {
  design <- fit_design(object)
  spec <- design$spec
  at <- which(moved(spec) & (spec$weights %||% 1) > 0)
  terms <- object$design$terms
  if (length(at) == 0L || (spec$kind == "ragged" && any(grepl("pull(", terms$term, fixed = TRUE)))) {
    return(NULL)
  }
  x <- if (spec$kind == "ragged") moves_ragged(spec, at, nrow(terms)) else moves_relational(spec, at)
  # long data do not say what is a tie: a column that is 0 at every origin
  travels <- with_destination(object) | (spec$kind == "ragged" & colSums(x$origin != 0) == 0)
  mask <- term_masks(terms)
  stay <- x$origin * rep(mask != 1L, each = length(at))
  move <- x$origin
  move[, travels] <- x$chosen[, travels]
  move <- move * rep(mask != 2L, each = length(at))
  w <- if (is.null(spec$weights)) rep(1, length(at)) else spec$weights[at]
  list(stay = colSums(stay * w) / sum(w), move = colSums(move * w) / sum(w))
}

#' Whether a term depends on the destination by a tie or by peers
#' @noRd
with_destination <- function(object) {
  ties <- unlist(lapply(object$data[["ties"]], `[[`, "columns"))
  terms <- object$design$terms
  vapply(terms$term, function(term) {
    grepl("peers(", term, fixed = TRUE) || any(term_columns(term) %in% ties)
  }, NA, USE.NAMES = FALSE)
}

#' 0: a term of every place, 1: of moving, 2: of staying
#' @noRd
term_masks <- function(terms) {
  roles <- lapply(terms$term, function(term) all.names(str2lang(term)))
  has <- function(names) vapply(roles, function(role) any(names %in% role), NA)
  ifelse(has(c("push", "pull")), 1L, ifelse(has(c("stay", "keep")), 2L, 0L))
}

#' Columns of the terms at the origin and at the chosen place, as if no term were masked
#' @noRd
moves_relational <- function(spec, at) {
  spec <- slice_spec(spec, at)
  spec$terms$mask[] <- 0L
  both <- function(place) {
    only <- spec
    only$available <- NULL
    rows <- .Call(C_model_matrix, only)
    rows$x[match(paste(seq_along(place), place), paste(rows$occasion, rows$place)), , drop = FALSE]
  }
  list(origin = both(spec$origin), chosen = both(spec$chosen))
}

#' @noRd
moves_ragged <- function(spec, at, n_terms) {
  first <- spec$start[at]
  x <- vapply(spec$columns[seq_len(n_terms)], as.double, numeric(length(spec$place)))
  list(origin = x[first + spec$origin[at], , drop = FALSE], chosen = x[first + spec$chosen[at], , drop = FALSE])
}

# Intervals of ratios ---------------------------------------------------------------------------------

#' Gradient of top / bottom in the coefficients, a row each: bottom is less the price coefficient
#' @noRd
ratio_gradient <- function(ratio, value) {
  gradient <- ratio$weights
  gradient[, ratio$at] <- gradient[, ratio$at] + value
  gradient / ratio$bottom
}

#' @noRd
delta_ratio <- function(table, ratio, conf.level) {
  gradient <- ratio_gradient(ratio, table$estimate)
  se <- sqrt(pmax(rowSums((gradient %*% ratio$v) * gradient), 0))
  table <- with_intervals(table, se, conf.level)
  table$region <- "interval"
  table
}

#' Limits of all r with (top - r bottom)^2 <= z^2 var(top - r bottom): a quadratic in r
#' @noRd
fieller_ratio <- function(table, ratio, conf.level) {
  z2 <- stats::qnorm((1 + conf.level) / 2)^2
  v_top <- rowSums((ratio$weights %*% ratio$v) * ratio$weights)
  v_both <- -drop(ratio$weights %*% ratio$v[, ratio$at])
  a <- ratio$bottom^2 - z2 * ratio$v[ratio$at, ratio$at]
  half <- ratio$top * ratio$bottom - z2 * v_both
  root <- half^2 - a * (ratio$top^2 - z2 * v_top)
  none <- root < 0
  root <- sqrt(pmax(root, 0))
  low <- (half - sign(a) * root) / a
  high <- (half + sign(a) * root) / a
  table$region <- if (a > 0) "interval" else ifelse(none, "all", "all but")
  table$conf.low <- ifelse(none, -Inf, low)
  table$conf.high <- ifelse(none, Inf, high)
  table
}

#' @noRd
simulated_ratio <- function(table, ratio, conf.level, draws) {
  b <- draw_theta(list(theta = ratio$b, covariance = ratio$v), draws)
  drawn <- (ratio$weights %*% b) / rep(-b[ratio$at, ], each = nrow(ratio$weights))
  table <- with_draws(table, drawn, conf.level)
  table$region <- "interval"
  table
}

#' @noRd
compensation_notes <- function(table, interval, conf.level, draws) {
  how <- switch(interval,
    delta = "by the delta method", fieller = "after Fieller",
    simulated = paste("from", plural(draws, "draw"), "of the coefficients")
  )
  c(
    interval_note(conf.level, how),
    if (any(table$region == "all but")) {
      paste0(
        "The price coefficient is not told from 0 at this level, so sets are unbounded: where `region` is ",
        "\"all but\", every number outside of conf.low to conf.high."
      )
    },
    if (any(table$region == "all")) "Where `region` is \"all\" the data exclude no value."
  )
}
