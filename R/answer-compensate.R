#' @title Willingness to pay, the money value of a tie, the cost of moving
#' @description Divides coefficients by that of a price. A firm would pay
#' \deqn{-b_k / b_p}{-b_k / b_p}
#' units of price for one more unit of term \eqn{k}: its utility stays the same when the price rises by as much (the
#' compensating variation). Of a tie or of [peers][migration_formula], it is the money value of the tie.
#'
#' The *cost of moving* is what a mover would have had to be paid to be as well off in a place just like the one it
#' left: the utility that it loses by moving, over \eqn{-b_p}{-b_p}, averaged over the moves in the data,
#' \deqn{-\frac{1}{b_p}\,\frac{1}{M} \sum_i (v^{stay}_{i} - v^{move}_{i}).}{(1 / -b_p) (1/M) sum_i (v_stay,i -
#'   v_move,i).}
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
#' *Firms that differ.* Of a [mixed()] logit the means of the distributions are divided: that is not the mean of the
#' ratio of each firm, which need not exist. In willingness-to-pay space nothing is divided: the result is the
#' coefficients themselves, of random ones their means. Of [latent()] classes each has its own rows, for `price` the
#' name of the term (all classes) or of one coefficient (its class).
#'
#' @param object A fit of [fit_migration()].
#' @param price Name of the coefficient of the price, like `"pull(land_price)"`. A cost has a negative coefficient.
#' @param terms Names of the coefficients to value; `NULL` is all of the linear terms but the price.
#' @param conf.level Level of the intervals, between 0 and 1.
#' @param interval `"delta"`, `"fieller"` or `"simulated"`.
#' @param network Names of coefficients that count as the network, besides all terms with `peers()`.
#' @param draws,seed Number of draws of simulated intervals, and a seed for them (the state of the generator is then
#'   put back).
#' @param ... `type` and `cluster`, or `vcov`: which covariance, as in [vcov.migration_fit()].
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
#' @seealso [counterfactual()] for money under a change of places, [mixed()] with `space = "wtp"`, [marginal_effects()],
#'   [attribute_moves()].
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
  check_dots(..., also = covariance_arguments)
  interval <- check_choice(interval, "interval")
  conf.level <- check_fraction(conf.level, "conf.level")
  draws <- check_count(draws, "draws")
  refuse_hazard(object, "compensate()", "Its coefficients are of log hazards, not of utility.")
  worth <- worth_ratios(object, price, terms, network, ...)
  table <- ratio_intervals(worth$table, worth$ratio, interval, conf.level, draws, seed)
  new_answer("migration_compensation",
    table = plain_rows(table), title = paste0("Worth to firms, in units of `", price, "`"), price = price,
    weak = worth$weak, notes = c(compensation_notes(table, interval, conf.level, draws), worth_note(object))
  )
}

# What is valued, as ratios of sums of coefficients: list(table: term, group, estimate; ratio; weak: is the price
# imprecise)
worth_ratios <- function(object, price, terms, network, ...) {
  at <- price_position(object, price)
  sums <- rbind(term_sums(object, terms, at), moving_sums(object, network))
  classes <- class_coefficients(object)
  if (price %in% names(object$coefficients) && length(classes) > 1L) {
    classes <- Filter(function(class) names(object$coefficients)[class[at]] == price, classes)
  }
  known <- worth_coefficients(object, price, ...)
  weak <- any(mapply(
    tell_price, known$price[classes_at(classes, at)], known$price_se[classes_at(classes, at)],
    class_labels(price, names(classes))
  ))
  parts <- lapply(seq_along(classes), function(k) sums_in_class(object, sums, classes[[k]], names(classes)[k], at))
  labels <- do.call(rbind, lapply(parts, `[[`, "labels"))
  ratio <- list(
    weights = do.call(rbind, lapply(parts, `[[`, "weights")), at = unlist(lapply(parts, `[[`, "at")),
    v = known$v, b = known$b, draw = known$draw, space = known$space
  )
  ratio$top <- drop(ratio$weights %*% known$b)
  ratio$bottom <- -unname(known$b[ratio$at])
  list(table = data.frame(labels, estimate = ratio$top / ratio$bottom), ratio = ratio, weak = weak)
}

# The number of the term that is the price, which may be named as the term or as one of its coefficients
price_position <- function(object, price) {
  terms <- object$design$terms$name
  classes <- class_coefficients(object)
  named <- unique(c(terms, names(object$coefficients)[unlist(classes)]))
  if (!is.character(price) || length(price) != 1L || !price %in% named) {
    abort(
      "`price` must be the name of a coefficient of a term.",
      did_you_mean(price, named, otherwise = paste0(" The model has ", quote_names(terms, 20), ".")),
      class = "price"
    )
  }
  at <- term_numbers(object, price)
  b <- object$coefficients[vapply(classes, `[`, 0L, at)]
  if (anyNA(b) || any(b == 0)) {
    abort("The coefficient of the price `", price, "` is ", if (anyNA(b)) "not estimable" else "0",
      ", so nothing can be valued in it.",
      class = "price"
    )
  }
  at
}

# Numbers of the terms with these names or, in latent classes, names of their coefficients; NA for unknown ones
term_numbers <- function(object, names) {
  at <- match(names, object$design$terms$name)
  for (class in class_coefficients(object)) {
    at <- ifelse(is.na(at), match(names, names(object$coefficients)[class]), at)
  }
  at
}

# Coefficients that ratios are taken of, with their covariance, `draw` (which makes them of drawn coefficients), and the
# coefficients of prices with standard errors. Of random coefficients these are the means; in willingness-to-pay space
# the price counts as -1, so that a ratio to it is the coefficient itself.
worth_coefficients <- function(object, price, ...) {
  b <- object$coefficients
  b[is.na(b)] <- 0
  v <- vcov(object, ...)
  v[is.na(v)] <- 0
  space <- list(theta = b, covariance = v)
  average <- coefficient_means(object$model)
  if (is.null(average)) {
    return(list(b = b, v = v, draw = identity, space = space, price = b, price_se = sqrt(diag(v))))
  }
  means <- function(b) average(stats::setNames(b, names(object$coefficients)))
  slope <- theta_jacobian(means, space)
  of_means <- slope %*% v %*% t(slope)
  fixed <- if (identical(object$model$space, "wtp")) match(object$model$price, names(b))
  worth <- function(b) replace(means(b), fixed, -1)
  v_worth <- of_means
  v_worth[fixed, ] <- v_worth[, fixed] <- 0
  list(b = worth(b), v = v_worth, draw = worth, space = space, price = means(b), price_se = sqrt(diag(of_means)))
}

worth_note <- function(object) {
  if (identical(object$model$space, "wtp")) {
    "In willingness-to-pay space: the coefficients themselves, of random ones the means."
  } else if (length(object$model$random) > 0L) {
    "Of random coefficients the ratio is that of the means, which is not the mean of the ratio of each firm."
  } else if (length(class_coefficients(object)) > 1L) {
    "Each class of firms has its own worth; individual() tells the classes of firms."
  }
}

# Numbers of the coefficients of a term in some classes
classes_at <- function(classes, at) {
  vapply(classes, `[`, 0L, at)
}

class_labels <- function(names, class) {
  if (is.null(class)) names else paste0(names, ":", class)
}

# Sums of the coefficients of the terms as sums of the coefficients of a class: list(labels, weights, at, the number
# of the price for each row)
sums_in_class <- function(object, sums, class, name, at) {
  weights <- matrix(0, nrow(sums), length(object$coefficients))
  weights[, class] <- as.matrix(sums[-(1:2)])
  labels <- data.frame(term = class_labels(sums$term, name), group = sums$group)
  list(labels = labels, weights = weights, at = rep(class[at], nrow(sums)))
}

# Names of the coefficients of the terms
linear_names <- function(object) {
  names(object$coefficients)[object$layout$terms]
}

# Warns of a price coefficient that is imprecise or positive; TRUE for an imprecise one
tell_price <- function(b, se, price) {
  if (b > 0) {
    warn("The coefficient of the price `", price, "` is positive (", format(b, digits = 3),
      "): firms would seek a high price, and what they would pay has the opposite sign.",
      class = "price"
    )
  }
  z <- abs(b) / se
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

# The sums of terms to value: label, group and a column for each term
term_sums <- function(object, terms, at) {
  names <- object$design$terms$name
  lost <- vapply(seq_along(names), function(k) anyNA(object$coefficients[classes_at(class_coefficients(object), k)]), NA)
  known <- which(!lost)
  asked <- term_numbers(object, terms)
  if (anyNA(asked)) {
    unknown <- terms[is.na(asked)]
    abort("`terms` names ", quote_names(unknown), ", not among the terms.",
      did_you_mean(unknown, names),
      class = "argument"
    )
  }
  chosen <- setdiff(if (is.null(terms)) known else intersect(asked, known), at)
  weights <- diag(length(names))[chosen, , drop = FALSE]
  data.frame(term = names[chosen], group = object$design$terms$kind[chosen], weights)
}

# The cost of moving ----------------------------------------------------------------------------------

# What a mover loses by moving to a place like its own, as sums of coefficients; no rows where it cannot be told
moving_sums <- function(object, network) {
  linear <- object$design$terms$name
  unknown <- network[is.na(term_numbers(object, network))]
  if (length(unknown) > 0L) {
    abort("`network` names ", quote_names(unknown), ", not among the terms.", class = "argument")
  }
  lost <- moving_loss(object)
  if (is.null(lost)) {
    return(NULL)
  }
  network <- grepl("peers(", object$design$terms$term, fixed = TRUE) |
    seq_along(linear) %in% term_numbers(object, network)
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
  data.frame(term = rownames(rows), group = "moving", unname(rows))
}

# Means over the moves of each term at staying and at moving. Attributes of places are those of the origin on both
# sides, so plain ones cancel.
moving_loss <- function(object) {
  spec <- fit_design(object)$spec
  at <- which(moved(spec) & (spec$weights %||% 1) > 0)
  terms <- object$design$terms
  x <- if (length(at) > 0L) columns_of_moves(spec, at, terms)
  if (is.null(x)) {
    return(NULL)
  }
  travels <- with_destination(object) | !x$at_home
  mask <- term_masks(terms)
  stay <- x$origin * rep(mask != "move", each = length(at))
  move <- x$origin
  move[, travels] <- x$chosen[, travels]
  move <- move * rep(mask != "stay", each = length(at))
  w <- occasion_weights(spec)[at]
  list(stay = colSums(stay * w) / sum(w), move = colSums(move * w) / sum(w))
}

# Whether a term depends on the destination by a tie or by peers
with_destination <- function(object) {
  ties <- unlist(lapply(object$data[["ties"]], `[[`, "columns"))
  terms <- object$design$terms
  vapply(terms$term, function(term) {
    grepl("peers(", term, fixed = TRUE) || any(term_columns(term) %in% ties)
  }, NA, USE.NAMES = FALSE)
}

# Whether a term is of every place ("all"), of moving ("move") or of staying ("stay")
term_masks <- function(terms) {
  roles <- lapply(terms$term, function(term) all.names(str2lang(term)))
  has <- function(names) vapply(roles, function(role) any(names %in% role), NA)
  ifelse(has(c("push", "pull")), "move", ifelse(has(c("stay", "keep")), "stay", "all"))
}

# Intervals of ratios ---------------------------------------------------------------------------------

ratio_intervals <- function(table, ratio, interval, conf.level, draws, seed) {
  switch(interval,
    delta = delta_ratio(table, ratio, conf.level),
    fieller = fieller_ratio(delta_ratio(table, ratio, conf.level), ratio, conf.level),
    simulated = with_seed(seed, simulated_ratio(table, ratio, conf.level, draws))
  )
}

# Gradient of top / bottom in the coefficients, a row each: bottom is less the price coefficient
ratio_gradient <- function(ratio, value) {
  gradient <- ratio$weights
  price <- cbind(seq_along(ratio$at), ratio$at)
  gradient[price] <- gradient[price] + value
  gradient / ratio$bottom
}

delta_ratio <- function(table, ratio, conf.level) {
  gradient <- ratio_gradient(ratio, table$estimate)
  se <- sqrt(pmax(rowSums((gradient %*% ratio$v) * gradient), 0))
  table <- with_intervals(table, se, conf.level)
  table$region <- "interval"
  table
}

# Limits of all r with (top - r bottom)^2 <= z^2 var(top - r bottom): a quadratic in r
fieller_ratio <- function(table, ratio, conf.level) {
  z2 <- stats::qnorm((1 + conf.level) / 2)^2
  v_top <- rowSums((ratio$weights %*% ratio$v) * ratio$weights)
  v_both <- -rowSums(ratio$weights * ratio$v[ratio$at, , drop = FALSE])
  a <- ratio$bottom^2 - z2 * diag(ratio$v)[ratio$at]
  half <- ratio$top * ratio$bottom - z2 * v_both
  root <- half^2 - a * (ratio$top^2 - z2 * v_top)
  none <- root < 0
  root <- sqrt(pmax(root, 0))
  low <- (half - sign(a) * root) / a
  high <- (half + sign(a) * root) / a
  table$region <- ifelse(a > 0, "interval", ifelse(none, "all", "all but"))
  table$conf.low <- ifelse(none, -Inf, low)
  table$conf.high <- ifelse(none, Inf, high)
  table
}

simulated_ratio <- function(table, ratio, conf.level, draws) {
  tick <- progress("Draws of the coefficients", draws)
  b <- apply(draw_theta(ratio$space, draws), 2L, function(theta) {
    tick()
    ratio$draw(theta)
  })
  drawn <- (ratio$weights %*% b) / -b[ratio$at, , drop = FALSE]
  table <- with_draws(table, drawn, conf.level)
  table$region <- "interval"
  table
}

compensation_notes <- function(table, interval, conf.level, draws) {
  how <- switch(interval,
    delta = "by the delta method",
    fieller = "after Fieller",
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
