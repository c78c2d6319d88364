#' @title Attribution of the likelihood and of the moves to groups of terms
#' @description How much of what the model explains is due to cost, space, technology, networks? With \eqn{v(T)} the
#' worth of the groups \eqn{T} together, the share of group \eqn{k} of \eqn{p} is its gain, averaged over all orders
#' in which the groups can be brought in (Shapley 1953):
#' \deqn{\phi_k = \sum_{T \not\ni k} \frac{|T|!\,(p - 1 - |T|)!}{p!}\,[v(T \cup k) - v(T)], \qquad
#'   \sum_k \phi_k = v(all) - v(none).}{phi_k = sum over T without k of |T|! (p - 1 - |T|)! / p! [v(T and k) - v(T)];
#'   the phi_k sum to v(all) - v(none).}
#'
#' @details *What is shared out.*
#' * `what = "likelihood"`: \eqn{v(T)} is the log-likelihood of the model refitted with the groups in \eqn{T} only, on
#'   the same occasions. It measures what the groups tell about the choices.
#' * `what = "moves"`: \eqn{v(T)} is the expected number of moves with the estimated coefficients when the variables
#'   outside of \eqn{T} are at their reference. It measures how many firms more (or fewer) move because the variables
#'   are as they are. The reference of a term of moving or staying (push, pull, keep, ties) is its mean over the moves
#'   or stays on offer, so that what is shared out is due to *differences* between places and firms; that of an
#'   attribute of every place is any value, the same everywhere; that of `peers()` is none. `reference` sets others.
#'
#' Terms in no group are in every model: by default the constant of staying, and always place constants.
#'
#' *How.* `method = "shapley"` as above; `"owen"` for groups in blocks (say pushes and pulls): the orders in which
#' each block comes as a whole (Owen 1977), so that the shares of the groups of a block sum to the Shapley value of
#' the block. Up to 12 groups all \eqn{2^p} values are computed, above that those along `permutations` random orders,
#' each with its reverse; `sampling.error` tells how far off that may be. `method = "path"`, for moves, takes instead
#' the straight line from reference to actual values, along which every group changes at the same pace (Aumann and
#' Shapley 1974); where one index decides, as with two places, the share of a group in the change of each probability
#' is its share in the change of the index. It costs a few dozen predictions, whatever the number of groups.
#'
#' *Intervals.* With `draws = 0` (default) they come from first-order theory and cost little: of the likelihood from
#' the influence of each firm, which is its own part in \eqn{v(T)}, as the maxima do not move with the data to first
#' order; of moves from the derivatives of \eqn{v(T)} in the coefficients. With `draws`, of the likelihood from a
#' bootstrap over firms with all refits for each, which takes `draws` times as long: 20 to 50 give a rough standard
#' error; of moves from draws of the coefficients. For the likelihood of a group that explains nothing, first-order
#' theory fails, as the share cannot be negative: there use a test ([anova()][anova.migration_fit]).
#'
#' @param object A fit of [fit_migration()].
#' @param groups A named list: each element the names of the terms (or coefficients) of a group, such as
#'   `list(cost = c("push(land_price)", "pull(land_price)"), network = "peers(network)")`. `NULL`: a group for each
#'   kind of term, `push`, `pull`, `place`, `tie`, `peers`, `keep` and `firm_place` (interactions).
#' @param what `"likelihood"` or `"moves"`.
#' @param method `"shapley"`, `"owen"` or `"path"`.
#' @param blocks For `"owen"`: a named list of vectors of names of groups; a group that is in none is a block by
#'   itself.
#' @param reference For moves: `"mean"`, `"zero"` (the term is taken out) or a named vector of values of terms, the
#'   others being at their mean.
#' @param draws 0, or the number of bootstrap samples or draws for intervals.
#' @param permutations Orders to sample for more than 12 groups.
#' @param seed A seed for sampled orders and draws, or `NULL`.
#' @param conf.level Level of the intervals, between 0 and 1.
#' @param ... For moves, `type` and `cluster`, or `vcov`: which covariance, as in [vcov.migration_fit()].
#' @return An object of class `migration_attribution`; its table, by `as.data.frame()`, has `group`, `block` (with
#'   `"owen"`), `estimate`, `std.error`, `conf.low`, `conf.high`, `share` (of the total), `share.low`, `share.high`
#'   (missing where the total is not told from 0), `alone` (the gain of the group as the first, \eqn{v(k) - v(none)})
#'   and `last` (as the last, \eqn{v(all) - v(all\ but\ k)}), where these are computed, and `sampling.error`. Elements
#'   `none`, `all`: \eqn{v(none)}, \eqn{v(all)}; `covariance`: of the estimates; `blocks`: sums by block. `plot()`
#'   draws bars with intervals.
#' @section Errors: Groups that name no term, or a term twice; blocks that name no group; `"path"` for the likelihood.
#' @references Aumann, R. J. and Shapley, L. S. (1974). *Values of Non-Atomic Games*. Princeton University Press.
#'
#'   Huettner, F. and Sunder, M. (2012). Axiomatic arguments for decomposing goodness of fit according to Shapley and
#'   Owen values. *Electronic Journal of Statistics* 6, 1239-1250. \doi{10.1214/12-EJS710}
#'
#'   Owen, G. (1977). Values of games with a priori unions. In *Mathematical Economics and Game Theory*, 76-88.
#'   Springer. \doi{10.1007/978-3-642-45494-3_7}
#'
#'   Shapley, L. S. (1953). A value for n-person games. In *Contributions to the Theory of Games II*, 307-317.
#'   Princeton University Press. \doi{10.1515/9781400881970-018}
#' @seealso [counterfactual()], [anova()][anova.migration_fit]
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(
#'   ~ push(land_price) + push(technology) + pull(creativity) + log(distance) + peers(kin), data
#' )
#' causes <- list(
#'   cost = "push(land_price)", technology = "push(technology)", cluster = "pull(creativity)",
#'   distance = "log(distance)", network = "peers(kin)"
#' )
#' attribute_moves(fit, causes)
#' attribute_moves(fit, causes, what = "moves", method = "path")
#' attribute_moves(fit, causes, method = "owen", blocks = list(push = c("cost", "technology")))
#' @export
attribute_moves <- function(object, groups = NULL, what = c("likelihood", "moves"),
                            method = c("shapley", "owen", "path"), blocks = NULL, reference = "mean", draws = 0, permutations = 200, seed = NULL,
                            conf.level = 0.95, ...) {
  check_fit(object)
  check_dots(..., also = covariance_arguments)
  what <- check_choice(what, "what")
  method <- check_choice(method, "method")
  conf.level <- check_fraction(conf.level, "conf.level")
  groups <- whole_terms(object, attribution_groups(object, groups), what)
  blocks <- attribution_blocks(blocks, method, names(groups))
  check_attribution(what, method, reference)
  if (!identical(as.numeric(draws), 0)) {
    draws <- check_count(draws, "draws")
  }
  result <- with_seed(seed, {
    plan <- if (method != "path") attribution_plan(length(groups), permutations, blocks$number)
    if (what == "likelihood") {
      attribute_likelihood(object, groups, plan, draws)
    } else {
      attribute_expected(object, groups, plan, reference, draws, ...)
    }
  })
  new_attribution(object, groups, blocks, what, method, result, draws, conf.level)
}

# Up to this number of groups all sets are valued
exact_groups <- 12L

attribution_plan <- function(p, permutations, blocks) {
  if (p <= exact_groups) exact_plan(p, blocks) else sampled_plan(p, check_count(permutations, "permutations"), blocks)
}

check_attribution <- function(what, method, reference) {
  if (method == "path" && what == "likelihood") {
    abort("`method = \"path\"` is for `what = \"moves\"`: there is no line between two models.", class = "argument")
  }
  fine <- identical(reference, "mean") || identical(reference, "zero") ||
    (is.numeric(reference) && !is.null(names(reference)) && all(is.finite(reference)))
  if (!fine) {
    abort("`reference` must be \"mean\", \"zero\" or a named vector of values of terms.", class = "argument")
  }
}

# Groups ----------------------------------------------------------------------------------------------

# Numbers of coefficients by group
attribution_groups <- function(object, groups) {
  parameters <- object$parameters
  if (is.null(groups)) {
    kind <- object$design$terms$kind
    used <- setdiff(unique(kind), c("stay", "baseline"))
    return(lapply(stats::setNames(nm = used), function(k) which(kind == k)))
  }
  named <- is.list(groups) && length(groups) > 0L && !is.null(names(groups)) && all(nzchar(names(groups))) &&
    !anyDuplicated(names(groups))
  if (!named) {
    abort("`groups` must be a list with a name for each group, like list(cost = \"push(land_price)\").",
      class = "groups"
    )
  }
  numbers <- lapply(groups, group_numbers, object = object)
  all <- unlist(numbers, use.names = FALSE)
  if (anyDuplicated(all)) {
    abort("`groups` has ", quote_names(parameters$name[unique(all[duplicated(all)])]), " more than once.",
      class = "groups"
    )
  }
  numbers
}

# A term and the spread of its random coefficient, or its coefficients in all classes, go together: the groups with
# all coefficients of their terms
whole_terms <- function(object, groups, what) {
  term <- term_of_coefficients(object)
  groups <- lapply(groups, function(group) union(group, which(term > 0L & term %in% term[group])))
  all <- unlist(groups, use.names = FALSE)
  if (anyDuplicated(all)) {
    name <- object$design$terms$name[unique(term[all[duplicated(all)]])]
    abort("`groups` has coefficients of ", quote_names(name), " in several groups: those of one term (its spread, its ",
      "coefficients in the classes) go together.",
      class = "groups"
    )
  }
  check_removable(object, object$design$terms$name[term[all]], what)
  groups
}

# Stops at terms of random coefficients that no value of the location takes out of the model
check_removable <- function(object, names, what) {
  random <- object$model$random
  bound <- names(random)[random %in% c("lognormal", "negative_lognormal", "johnson_sb")]
  bad <- intersect(names, c(bound, if (identical(object$model$space, "wtp")) object$model$price))
  if (length(bad) > 0L) {
    abort("`groups` has ", quote_names(bad), ", whose coefficient cannot be 0 in this mixed logit, so that it cannot be ",
      "taken out. Leave it out of the groups, or give it a normal distribution in preference space.",
      class = "groups"
    )
  }
}

# Coefficients named in a group, by their own name or that of their term
group_numbers <- function(object, group) {
  names <- object$parameters$name
  terms <- object$design$terms$term
  at <- lapply(as.character(group), function(name) {
    found <- which(names == name)
    if (length(found) == 0L) found <- which(terms == name)
    found
  })
  unknown <- as.character(group)[lengths(at) == 0L]
  if (length(unknown) > 0L || length(group) == 0L) {
    abort(
      "`groups` must name terms of the model", if (length(unknown) > 0L) paste0(", not ", quote_names(unknown)), ".",
      did_you_mean(unknown, c(names, terms)),
      class = "groups"
    )
  }
  unlist(at)
}

# list(number: the block of each group, name: of each block), or NULL without blocks
attribution_blocks <- function(blocks, method, groups) {
  if (method != "owen") {
    if (!is.null(blocks)) {
      abort("`blocks` is for `method = \"owen\"`.", class = "argument")
    }
    return(NULL)
  }
  members <- unlist(blocks)
  if (!is.list(blocks) || is.null(names(blocks)) || !all(members %in% groups) || anyDuplicated(members)) {
    unknown <- setdiff(members, groups)
    abort("`blocks` must be a named list of names of groups, each in one block: ", quote_names(groups, 12), ".",
      did_you_mean(unknown, groups),
      class = "blocks"
    )
  }
  block <- stats::setNames(groups, groups)
  block[members] <- rep(names(blocks), lengths(blocks))
  list(number = match(block, unique(block)), name = unique(unname(block)))
}

# Values ----------------------------------------------------------------------------------------------

attribute_likelihood <- function(object, groups, plan, draws) {
  design <- fit_design(object)
  found <- likelihood_values(object, design, groups, plan)
  covariance <- if (draws > 0) {
    stats::cov(t(bootstrap_draws(object, design, groups, plan, found$theta, draws)))
  } else if (!is.null(found$score)) {
    influence_covariance(object, found$score)
  }
  c(shared(plan, found$value), list(covariance = covariance))
}

attribute_expected <- function(object, groups, plan, reference, draws, ...) {
  design <- fit_design(object)
  frame <- moves_frame(object, design, groups, reference)
  space <- theta_space(object, design, ...)
  phi <- function(theta, nodes = 24L) {
    at <- replace(space, "theta", list(theta))
    if (is.null(plan)) {
      return(path_values(object, design, groups, frame, at, nodes))
    }
    drop(crossprod(plan$weights, moves_values(object, design, groups, plan, frame, at, FALSE)$value))
  }
  result <- if (is.null(plan)) {
    ends <- c(
      expected_moves(object, design, theta_without(frame, space$theta, groups)$theta),
      expected_moves(object, design, space$theta)
    )
    list(estimate = phi(space$theta), none = ends[1L], all = ends[2L])
  } else {
    found <- moves_values(object, design, groups, plan, frame, space, draws == 0)
    shared(plan, found$value)
  }
  result$covariance <- if (draws > 0) {
    tick <- progress("Draws of the coefficients", draws)
    stats::cov(t(apply(draw_theta(space, draws), 2L, function(theta) {
      tick()
      phi(theta)
    })))
  } else {
    slope <- if (is.null(plan)) theta_jacobian(function(theta) phi(theta, 6L), space) else found$gradient
    slope %*% space$covariance %*% t(slope)
  }
  result
}

# Shares, ends, and the gains of each group as the first and as the last
shared <- function(plan, value) {
  size <- rowSums(plan$member)
  p <- ncol(plan$member)
  single <- vapply(seq_len(p), function(k) match(TRUE, size == 1 & plan$member[, k]), 0L)
  without <- vapply(seq_len(p), function(k) match(TRUE, size == p - 1 & !plan$member[, k]), 0L)
  none <- value[size == 0]
  all <- value[size == p]
  list(
    estimate = drop(crossprod(plan$weights, value)), none = none, all = all, alone = value[single] - none,
    last = all - value[without], sampling = if (!is.null(plan$path)) pair_errors(gains_of_pairs(plan, value))
  )
}

# The result ------------------------------------------------------------------------------------------

new_attribution <- function(object, groups, blocks, what, method, result, draws, conf.level) {
  covariance <- result$covariance
  p <- length(groups)
  if (is.null(covariance)) {
    covariance <- matrix(NA_real_, p, p)
  }
  dimnames(covariance) <- list(names(groups), names(groups))
  table <- data.frame(group = names(groups))
  table$block <- if (!is.null(blocks)) blocks$name[blocks$number]
  table$estimate <- unname(result$estimate)
  table <- with_intervals(table, unname(sqrt(diag(covariance))), conf.level)
  table <- cbind(table, share_columns(table$estimate, covariance, conf.level))
  for (column in c("alone", "last")) {
    table[[column]] <- result[[column]]
  }
  table$sampling.error <- result$sampling
  new_answer("migration_attribution",
    table = table, what = what, method = method, none = result$none, all = result$all, covariance = covariance,
    blocks = if (!is.null(blocks)) block_sums(table, blocks, covariance, conf.level), groups = groups,
    title = attribution_title(what, method, result), model = model_title(object$model), conf.level = conf.level,
    notes = attribution_notes(what, covariance, draws, conf.level, result)
  )
}

# Shares of the total with intervals by the delta method; none where the total is not told from 0
share_columns <- function(estimate, covariance, conf.level) {
  total <- sum(estimate)
  share <- estimate / total
  gradient <- (diag(length(estimate)) - share) / total
  se <- sqrt(pmax(rowSums((gradient %*% covariance) * gradient), 0))
  z <- stats::qnorm((1 + conf.level) / 2)
  if (is.na(sum(covariance)) || abs(total) < z * sqrt(sum(covariance))) {
    se <- NA
  }
  data.frame(share = share, share.low = share - z * se, share.high = share + z * se)
}

block_sums <- function(table, blocks, covariance, conf.level) {
  into <- outer(seq_along(blocks$name), blocks$number, `==`) + 0
  sums <- data.frame(block = blocks$name, estimate = drop(into %*% table$estimate))
  with_intervals(sums, sqrt(diag(into %*% covariance %*% t(into))), conf.level)
}

attribution_title <- function(what, method, result) {
  of <- if (what == "likelihood") "log-likelihood" else "expected moves"
  how <- c(shapley = "Shapley values", owen = "Owen values", path = "Aumann-Shapley values")[[method]]
  value <- function(x) format(round(x, 2), nsmall = 2, big.mark = ",")
  paste0(
    how, " of the ", of, ": from ", value(result$none), " without the groups to ", value(result$all), " with all"
  )
}

attribution_notes <- function(what, covariance, draws, conf.level, result) {
  if (anyNA(covariance)) {
    return("No intervals: the likelihood of this model is not a sum over occasions; `draws` bootstraps it.")
  }
  how <- if (what == "likelihood") {
    if (draws > 0) paste("from", plural(draws, "bootstrap sample"), "of firms") else "from the influence of firms"
  } else if (draws > 0) {
    paste("from", plural(draws, "draw"), "of the coefficients")
  } else {
    "by the delta method"
  }
  c(
    interval_note(conf.level, how),
    if (!is.null(result$sampling)) "Orders of the groups were sampled: see sampling.error."
  )
}

#' @title Plot an attribution
#' @description Bars of the shares, in the order of their size, with their intervals.
#' @param x,object An attribution of [attribute_moves()].
#' @param share `TRUE` draws shares of the total, in per cent.
#' @param ... Not used.
#' @return `autoplot()`: a ggplot. `plot()` draws it and returns it invisibly.
#' @seealso [attribute_moves()], [print.migration_answer()].
#' @name plot.migration_attribution
#' @export
plot.migration_attribution <- function(x, ...) {
  need_ggplot2()
  picture <- autoplot.migration_attribution(x, ...)
  print(picture)
  invisible(picture)
}

#' @rdname plot.migration_attribution
#' @exportS3Method ggplot2::autoplot migration_attribution
autoplot.migration_attribution <- function(object, share = FALSE, ...) {
  check_dots(...)
  need_ggplot2()
  table <- object$table
  if (check_flag(share, "share")) {
    table[c("estimate", "conf.low", "conf.high")] <- 100 * table[c("share", "share.low", "share.high")]
  }
  table$group <- factor(table$group, table$group[order(table$estimate)])
  of <- if (object$what == "likelihood") "gain in log-likelihood" else "change in expected moves"
  picture <- ggplot2::ggplot(table, ggplot2::aes(x = .data$estimate, y = .data$group)) +
    ggplot2::geom_col(fill = "grey80", colour = "grey40", width = 0.7) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey30") +
    ggplot2::geom_errorbar(
      ggplot2::aes(xmin = .data$conf.low, xmax = .data$conf.high),
      orientation = "y", width = 0.25, na.rm = TRUE
    ) +
    ggplot2::labs(
      x = if (share) paste("per cent of the", of) else of, y = NULL, title = paste("What makes up the", of),
      caption = paste(object$notes, collapse = " ")
    ) +
    ggplot2::theme_bw() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank(), panel.grid.major.y = ggplot2::element_blank())
  if (is.null(table$block)) {
    return(picture)
  }
  picture + ggplot2::facet_grid(block ~ ., scales = "free_y", space = "free_y") +
    ggplot2::theme(strip.text.y = ggplot2::element_text(angle = 0))
}
