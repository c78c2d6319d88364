# The mixed logit: the model object, and what it tells the kernels. How it is fitted is in model-mixed-fit.R, what its
# distributions amount to in model-mixed-coefficients.R.

#' @title Mixed logit: coefficients that differ between firms
#' @description Firms differ in what they care about, beyond what the data say of them. In a mixed logit some
#' coefficients have a distribution over firms instead of one value. With \eqn{\beta_f}{beta_f} the coefficients
#' of firm \eqn{f} and \eqn{i} its occasions, the log-likelihood is
#' \deqn{L = \sum_f w_f \log \int \prod_{i \in f} P_{i y_i}(\beta) \, dF(\beta) \approx
#'   \sum_f w_f \log \frac{1}{R} \sum_{r=1}^R \prod_{i \in f} P_{i y_i}(\beta_{fr}),}{L = sum_f w_f log (1/R) sum_r
#' prod_{i in f} P_{i y_i}(beta_fr),} with the conditional logit's probabilities inside and \eqn{R} draws of each firm's
#' own. The score and the information matrix are those of this simulated likelihood, exactly; standard errors are the
#' information's (`vcov(type = "opg")` gives those that some other programs print).
#'
#' Each random coefficient has a location \eqn{m} and a spread \eqn{s}; with \eqn{z} standard normal:
#'
#' | `random = ` | coefficient | for |
#' |---|---|---|
#' | `"normal"` | \eqn{m + s z} | tastes of either sign |
#' | `"lognormal"` | \eqn{\exp(m + s z)}{exp(m + s z)} | always positive, with a long tail |
#' | `"negative_lognormal"` | \eqn{-\exp(m + s z)}{-exp(m + s z)} | always negative, as of a price |
#' | `"truncated_normal"` | \eqn{\max(0, m + s z)}{max(0, m + s z)} | never negative, some firms indifferent |
#' | `"uniform"` | \eqn{m + s u}, \eqn{u} uniform on (-1, 1) | bounded |
#' | `"triangular"` | \eqn{m + s t}, \eqn{t} triangular on (-1, 1) | bounded, most firms in the middle |
#' | `"johnson_sb"` | \eqn{l + (h - l) / (1 + \exp(-(m + s z)))}{l + (h - l) / (1 + exp(-(m + s z)))} | between bounds \eqn{l}, \eqn{h}; may have two peaks |
#'
#' [random_coefficients()] turns locations and spreads into the mean, median and standard deviation of the
#' coefficient itself; [individual()] gives the coefficients of each firm given what it chose.
#'
#' A random `stay` is unobserved inertia: some firms leave at a small provocation, others never do.
#'
#' @param random Named character vector: for each random coefficient its distribution (see above; `"n"`, `"ln"`,
#'   `"nln"`, `"tn"`, `"u"`, `"t"` and `"sb"` are short for them), under its name among the coefficients of the
#'   fit, as in `c(stay = "normal", "push(land_price)" = "lognormal")`. In willingness-to-pay space it may be
#'   `NULL`.
#' @param correlated `TRUE`: all coefficients made from normals are correlated, by a lower Cholesky factor;
#'   or the names of those which are; or a list of such sets. Uniform and triangular ones never are.
#' @param draws Number of draws for each firm (powers of two suit Sobol's sequence); or draws of your own: a
#'   matrix, draws x random coefficients, used for all firms, or an array, firms x draws x random coefficients
#'   (firms, or occasions without `panel`, in the order in which they first appear). Numbers all inside
#'   (0, 1) are taken as uniform, others as standard normal.
#' @param sequence `"sobol"` (default): scrambled anew for each firm; `"halton"`: consecutive pieces of one
#'   scrambled sequence; `"mlhs"`: modified latin hypercube; `"random"`: pseudo-random numbers. The same `seed`
#'   gives the same draws for any number of threads.
#' @param panel `TRUE` (default): a firm keeps its coefficients over all its occasions. `FALSE`: every occasion
#'   has its own.
#' @param space `"preference"` or `"wtp"`: willingness-to-pay space, where the utility is
#'   \eqn{v = \alpha (p - \sum_k \omega_k x_k)}{v = alpha (p - sum_k omega_k x_k)}: \eqn{\alpha}{alpha} is the
#'   coefficient of `price` and every other one is \eqn{\omega = -\beta / \alpha}{omega = -beta / alpha}, what
#'   a unit of \eqn{x} is worth in units of the price. A distribution is then one of the willingness to pay
#'   itself, which has moments where a ratio of random coefficients has none.
#' @param price The coefficient that is the price, for `space = "wtp"`; it may be random too.
#' @param bounds Named list with the bounds of `"johnson_sb"` coefficients, as in `list(rent = c(-2, 0))`; (0, 1)
#'   where none are given.
#' @param starts Number of start points. The first is made from the conditional logit; the others vary its
#'   spreads and locations at random. The best maximum is kept; `fit$starts` lists all.
#' @param seed A whole number, at least 0: which draws.
#' @param scramble `FALSE`: Sobol's and Halton's sequence as they are. All firms then have the same Sobol draws.
#' @param burn Points at the start of Halton's sequence that are left out.
#' @param check_draws How many other sets of draws to look at the estimates with, 0 for none: see *Simulation
#'   noise*.
#' @param precision The simulation noise of a coefficient, as a share of its standard error, above which the fit
#'   warns.
#'
#' @return A model object of class `c("mixed_model", "migration_model")` for the argument `model` of
#'   [fit_migration()]. Under the name of a random coefficient the fit has its location \eqn{m}; after these
#'   follow `sd:<name>` (`spread:<name>` for uniform and triangular), always reported as positive, and
#'   for correlated ones the entries `chol:<name>,<name>` of the Cholesky factor. The fit has in addition
#'   \item{simulation}{list: `draws`, `sequence`, `seed`, `loglik` (standard deviation of the log-likelihood
#'     over draws), `coefficients` (that of each coefficient), `share` (the latter over the standard error)}
#'   \item{starts}{data frame, a row for each start: `loglik`, `code`, `iterations`}
#'
#' @section Simulation noise:
#' Estimates depend on the draws. After the fit the score is evaluated with `check_draws` other sets of draws; a
#' Newton step from there says where the estimates would have been, and so how much they owe to chance. A fit
#' whose noise exceeds `precision` standard errors in some coefficient warns and names it: take more draws.
#'
#' @section Standard errors:
#' Those of the exact information of the simulated likelihood. The unit of that likelihood is the firm (the occasion
#' with `panel = FALSE`), so the score contributions of [estfun()][estfun.migration_fit] have a row for each firm, and
#' `vcov(fit, type = "robust")` is clustered by firm. mlogit prints errors from the outer product of the scores of
#' choice situations, also in a panel, where these are not independent: its errors may differ from these by a third at
#' the same estimates.
#' @section Predictions:
#' `predict()` averages the probabilities over the distribution of the coefficients in the population, not over
#' what is known of a firm from its choices; `type = "utility"` is at the mean coefficients.
#'
#' @section What identifies it:
#' Spreads are identified by substitution that the conditional logit rules out and, with a panel, by how alike the
#' choices of a firm are over time. With one occasion for each firm and few places little is left: expect
#' large standard errors, or a spread that runs to 0. A spread that is estimated near 0 says that the data
#' show no difference between firms, not that there is none.
#'
#' @section Errors: A name in `random`, `correlated`, `bounds` or `price` that no coefficient has (the nearest one is
#'   suggested); an unknown distribution; a random coefficient whose term does not vary between the places of any
#'   occasion, or is a combination of others; weights that differ between the occasions of a firm (with `panel`);
#'   draws of the wrong shape; place constants in willingness-to-pay space. Warnings: a panel in which each
#'   firm has one occasion; too few draws; a start from which no maximum was found; a one-sided distribution that has
#'   shrunk to 0, because the choices show the other sign.
#' @references Train, K. E. (2009). *Discrete Choice Methods with Simulation*, 2nd ed. Cambridge University Press.
#'   \doi{10.1017/CBO9780511805271}
#'
#'   Revelt, D. and Train, K. (1998). Mixed logit with repeated choices: households' choices of appliance
#'   efficiency level. *Review of Economics and Statistics* 80, 647-657. \doi{10.1162/003465398557735}
#'
#'   Train, K. and Weeks, M. (2005). Discrete choice models in preference space and willingness-to-pay space. In
#'   R. Scarpa and A. Alberini (eds.), *Applications of Simulation Methods in Environmental and Resource
#'   Economics*, 1-16. Dordrecht: Springer. \doi{10.1007/1-4020-3684-1_1}
#'
#'   Joe, S. and Kuo, F. Y. (2008). Constructing Sobol sequences with better two-dimensional projections. *SIAM
#'   Journal on Scientific Computing* 30, 2635-2654. \doi{10.1137/070709359}
#'
#'   Owen, A. B. (1998). Scrambling Sobol' and Niederreiter-Xing points. *Journal of Complexity* 14, 466-489.
#'   \doi{10.1006/jcom.1998.0487}
#'
#'   Burley, B. (2020). Practical hash-based Owen scrambling. *Journal of Computer Graphics Techniques* 9(4), 1-20.
#'
#'   Matousek, J. (1998). On the L2-discrepancy for anchored boxes. *Journal of Complexity* 14, 527-556.
#'   \doi{10.1006/jcom.1998.0489}
#'
#'   Hess, S., Train, K. E. and Polak, J. W. (2006). On the use of a modified latin hypercube sampling (MLHS) method
#'   in the estimation of a mixed logit model for vehicle choice. *Transportation Research Part B* 40, 147-163.
#'   \doi{10.1016/j.trb.2004.10.005}
#' @seealso [random_coefficients()], [individual()], [conditional()], [nested()], [fit_migration()]
#' @examples
#' mixed(c(stay = "normal", "push(land_price)" = "lognormal"))
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(land_price) + distance, data, mixed(c(stay = "normal"), draws = 64))
#' summary(fit)
#' random_coefficients(fit)
#' @export
mixed <- function(random = NULL, correlated = FALSE, draws = 512, sequence = c("sobol", "halton", "mlhs", "random"),
                  panel = TRUE, space = c("preference", "wtp"), price = NULL, bounds = NULL, starts = 1, seed = 1,
                  scramble = TRUE, burn = 50, check_draws = 2, precision = 0.25) {
  space <- check_choice(space, "space")
  random <- check_random(random, space)
  check_price(price, space)
  structure(
    list(
      name = "mixed", random = random, blocks = correlated_blocks(correlated, random), draws = check_draws_given(draws),
      sequence = check_choice(sequence, "sequence"), panel = check_flag(panel, "panel"), space = space, price = price,
      bounds = check_bounds(bounds, random), starts = check_count(starts, "starts"),
      seed = check_whole(seed, "seed"), scramble = check_flag(scramble, "scramble"),
      burn = check_whole(burn, "burn"), check_draws = check_whole(check_draws, "check_draws"),
      precision = check_positive(precision, "precision")
    ),
    class = c("mixed_model", "migration_model")
  )
}

# Arguments -------------------------------------------------------------------------------------------

# Distributions by their short names, with what the kernel calls them: how eta becomes the coefficient, and the
# shape of the draws
distributions <- data.frame(
  name = c(
    "normal", "lognormal", "negative_lognormal", "truncated_normal", "triangular", "uniform", "johnson_sb"
  ),
  short = c("n", "ln", "nln", "tn", "t", "u", "sb"),
  transform = c("plain", "log", "minus_log", "censored", "plain", "plain", "bounded"),
  shape = c("normal", "normal", "normal", "normal", "triangular", "uniform", "normal")
)

check_random <- function(random, space) {
  if (is.null(random) && space == "wtp") {
    return(stats::setNames(character(), character()))
  }
  random <- if (is.list(random)) unlist(random) else random
  named <- is.character(random) && length(random) > 0L && !is.null(names(random)) && all(nzchar(names(random)))
  if (!named) {
    abort(
      "`random` must name coefficients and give each a distribution, like c(stay = \"normal\").",
      class = "argument"
    )
  }
  if (anyDuplicated(names(random))) {
    abort("`random` names ", quote_names(unique(names(random)[duplicated(names(random))])), " twice.", class = "argument")
  }
  stats::setNames(vapply(random, distribution_name, ""), names(random))
}

distribution_name <- function(x) {
  clean <- gsub("[- ]", "_", tolower(x))
  at <- match(clean, c(distributions$name, distributions$short))
  if (is.na(at)) {
    abort(
      "`random` has the distribution \"", x, "\"; there are ", quote_names(distributions$name, max = 10), ".",
      did_you_mean(clean, distributions$name),
      class = "argument"
    )
  }
  distributions$name[(at - 1L) %% nrow(distributions) + 1L]
}

check_price <- function(price, space) {
  given <- is.character(price) && length(price) == 1L && !is.na(price)
  if (space == "wtp" && !given) {
    abort("`space = \"wtp\"` needs `price`, the name of the coefficient to measure the others in.", class = "argument")
  }
  if (space == "preference" && !is.null(price)) {
    abort("`price` is for willingness-to-pay space: add space = \"wtp\", or leave it out.", class = "argument")
  }
}

# Sets of correlated coefficients, each in the order of `random`
correlated_blocks <- function(correlated, random) {
  if (isFALSE(correlated)) {
    return(list())
  }
  normal <- names(random)[random %in% distributions$name[distributions$shape == "normal"]]
  blocks <- if (isTRUE(correlated)) list(normal) else if (is.list(correlated)) correlated else list(correlated)
  if (!all(vapply(blocks, is.character, NA))) {
    abort(
      "`correlated` must be TRUE, FALSE, names of random coefficients, or a list of such names.",
      class = "argument"
    )
  }
  named <- unlist(blocks)
  check_known(named, names(random), "`correlated` names", "a random coefficient")
  if (anyDuplicated(named)) {
    abort("`correlated` names ", quote_names(named[duplicated(named)]), " twice.", class = "argument")
  }
  if (any(!named %in% normal)) {
    abort(
      "`correlated` names ", quote_names(setdiff(named, normal)),
      ": uniform and triangular coefficients have no Cholesky factor.",
      class = "argument"
    )
  }
  blocks <- lapply(blocks, function(block) names(random)[names(random) %in% block])
  if (any(lengths(blocks) < 2L)) {
    abort("`correlated` needs at least two coefficients made from normals in each set.", class = "argument")
  }
  blocks
}

check_draws_given <- function(draws) {
  if (length(draws) == 1L) {
    return(check_count(draws, "draws"))
  }
  if (!is.numeric(draws) || !length(dim(draws)) %in% 2:3 || !all(is.finite(draws))) {
    abort(
      "`draws` must be a number, a matrix (draws x random coefficients) or an array (firms x draws x random ",
      "coefficients) of finite numbers.",
      class = "argument"
    )
  }
  draws
}

check_bounds <- function(bounds, random) {
  bounded <- names(random)[random == "johnson_sb"]
  check_known(names(bounds), bounded, "`bounds` names", "a Johnson SB coefficient")
  valid <- vapply(bounds, function(b) is.numeric(b) && length(b) == 2L && all(is.finite(b)) && b[1L] < b[2L], NA)
  if (!all(valid)) {
    abort("`bounds` must give each coefficient two numbers, the lower one first.", class = "argument")
  }
  full <- stats::setNames(rep(list(c(0, 1)), length(bounded)), bounded)
  full[names(bounds)] <- bounds
  full
}

#' @export
print.mixed_model <- function(x, ...) {
  cat(model_title(x), "\n", sep = "")
  if (length(x$random) > 0L) {
    cat("  random: ", paste0(names(x$random), " ", gsub("_", " ", x$random), collapse = ", "), "\n", sep = "")
  }
  for (block in x$blocks) {
    cat("  correlated: ", paste(block, collapse = ", "), "\n", sep = "")
  }
  cat("  draws: ", draws_text(x), "\n", sep = "")
  invisible(x)
}

draws_text <- function(model) {
  if (is.array(model$draws)) {
    return(paste(format_count(utils::tail(dim(model$draws), 2L)[1L]), "given"))
  }
  names <- c(sobol = "Sobol", halton = "Halton", mlhs = "MLHS", random = "pseudo-random")
  plain <- !model$scramble && model$sequence %in% c("sobol", "halton")
  paste0(format_count(model$draws), " ", names[[model$sequence]], if (plain) " (not scrambled)")
}

model_title.mixed_model <- function(model) {
  paste0(
    if (model$panel) "Panel mixed logit" else "Mixed logit",
    if (model$space == "wtp") " in willingness-to-pay space"
  )
}

group_noun.mixed_model <- function(model) {
  "the occasions of a firm"
}

# Setup -----------------------------------------------------------------------------------------------

# `memory` holds the signs of the draws that make the spreads of an earlier fit positive
model_setup.mixed_model <- function(model, data, design, memory = NULL) {
  names <- design$terms$name
  check_known(names(model$random), names, "`random` names", "a coefficient of the model")
  check_known(model$price, names, "`price` is", "a coefficient of the model")
  if (model$space == "wtp" && length(design$effects) > 0L) {
    abort("Place constants (`| place`) have no place in willingness-to-pay space: write space = \"preference\".",
      class = "random"
    )
  }
  spreads <- random_spreads(model)
  group <- mixed_groups(model, data, design)
  kernel <- mixed_kernel(model, names, spreads, group, memory)
  kernel$group_weight <- group_weights(model, data, design, group, is.null(memory))
  kernel$by_group <- "group_weight"
  scale <- NULL
  if (is.null(memory)) {
    warn_single_occasions(model, group)
    scale <- term_scales(model, design)
  }
  list(
    kernel = kernel,
    parameters = parameter_table(spreads$name, spreads$group, section = "Spreads of random coefficients"),
    start = spread_starts(model, spreads, scale),
    linear = parameter_table(names, design$terms$kind,
      odds = !names %in% names(model$random) & model$space != "wtp",
      section = ifelse(names %in% names(model$random), "Locations of random coefficients", linear_section(model))
    ),
    memory = list(sign = kernel$sign),
    scale = scale
  )
}

linear_section <- function(model) {
  if (model$space == "wtp") "Price, and willingness to pay" else "Coefficients"
}

# The spreads: name, group, row and column (numbers of random coefficients) of the factor of the covariance
random_spreads <- function(model) {
  random <- names(model$random)
  rows <- lapply(seq_along(random), function(m) {
    block <- Filter(function(b) random[m] %in% b, model$blocks)
    if (length(block) == 0L) {
      group <- if (model$random[[m]] %in% c("uniform", "triangular")) "spread" else "sd"
      return(data.frame(name = paste0(group, ":", random[m]), group = group, row = m, column = m))
    }
    column <- match(block[[1L]], random)
    column <- column[column <= m]
    data.frame(name = paste0("chol:", random[m], ",", random[column]), group = "chol", row = m, column = column)
  })
  none <- data.frame(name = character(), group = character(), row = integer(), column = integer())
  do.call(rbind, c(list(none), rows))
}

# Group of each occasion: its firm, in order of appearance, or itself
mixed_groups <- function(model, data, design) {
  n <- length(design$occasion)
  if (!model$panel) {
    return(seq_len(n))
  }
  firm <- data$index$firm[design$occasion]
  match(firm, unique(firm))
}

# The weight of each group; NULL without weights
group_weights <- function(model, data, design, group, check) {
  weights <- design$spec$weights
  if (is.null(weights)) {
    return(NULL)
  }
  of_group <- weights[match(seq_len(max(group)), group)]
  differs <- group[weights != of_group[group]]
  if (check && length(differs) > 0L) {
    firm <- firm_names(data)[data$index$firm[design$occasion[match(unique(differs), group)]]]
    abort(
      "`weights` differ between the occasions of ", plural(length(firm), "firm"), ": ", quote_names(firm),
      ". In a panel a firm has one weight.",
      class = "weights"
    )
  }
  as.double(of_group)
}

firm_names <- function(data) {
  as.character(data$firm)
}

warn_single_occasions <- function(model, group) {
  if (model$panel && length(group) == max(group)) {
    warn(
      "Each firm has one occasion, so panel = TRUE changes nothing, and only substitution between places tells ",
      "firms apart.",
      class = "panel"
    )
  }
}

# The `model` list of the C entry points
mixed_kernel <- function(model, names, spreads, group, memory) {
  random <- model$random
  kind <- distributions[match(random, distributions$name), ]
  bound <- lapply(names(random), function(name) if (is.null(model$bounds[[name]])) c(0, 1) else model$bounds[[name]])
  bound <- vapply(bound, as.double, numeric(2))
  c(
    list(
      kind = "mixed", term = match(names(random), names) - 1L, transform = kind$transform, shape = kind$shape,
      sign = if (is.null(memory)) rep(1, length(random)) else memory$sign,
      low = as.double(bound[1L, ]), width = as.double(bound[2L, ] - bound[1L, ]),
      row = spreads$row - 1L, column = spreads$column - 1L,
      price = if (is.null(model$price)) -1 else match(model$price, names) - 1,
      group = group
    ),
    draws_kernel(model, max(group))
  )
}

# The part of the kernel's `model` list that says which draws to take
draws_kernel <- function(model, groups) {
  dims <- length(model$random)
  if (!is.array(model$draws)) {
    return(list(
      dims = dims, sequence = model$sequence,
      draws = if (dims > 0L) model$draws else 1L, seed = model$seed, scramble = model$scramble, burn = model$burn
    ))
  }
  shape <- dim(model$draws)
  sets <- if (length(shape) == 3L) shape[1L] else 1L
  shape <- utils::tail(shape, 2L)
  if (shape[2L] != dims || !sets %in% c(1L, groups)) {
    abort(
      "`draws` has draws of ", plural(shape[2L], "coefficient"), if (sets > 1L) paste(" for", plural(sets, "firm")),
      "; the model has ", dims, " random and ", plural(groups, if (model$panel) "firm" else "occasion"), ".",
      class = "argument"
    )
  }
  inside <- all(model$draws > 0 & model$draws < 1)
  list(
    dims = dims, sequence = "stored", draws = shape[1L], stored = as.double(model$draws), n_stored = sets,
    given_normal = !inside
  )
}

# Scale and start values ------------------------------------------------------------------------------

# Standard deviation of each term between the places of an occasion; random ones must have some
term_scales <- function(model, design) {
  n_terms <- nrow(design$terms)
  n_linear <- n_terms + length(design$effects)
  at_zero <- .Call(
    C_evaluate, design$spec, list(kind = "conditional"), numeric(n_linear), fm_information, list(threads = 1L)
  )
  weights <- design$spec$weights
  n <- if (is.null(weights)) length(design$occasion) else sum(weights)
  scale <- sqrt(diag(at_zero$information)[seq_len(n_terms)] / n)
  names(scale) <- design$terms$name
  still <- intersect(names(scale)[!(scale > 0)], names(model$random))
  if (length(still) > 0L) {
    abort(
      "`random` has ", quote_names(still), ", which does not vary between the places of any firm's occasions: ",
      "its distribution cannot be estimated.",
      class = "random"
    )
  }
  scale[!(scale > 0)] <- 1
  scale
}

# Spreads to start from: those that give utilities a standard deviation of one half
spread_starts <- function(model, spreads, scale) {
  if (is.null(scale)) {
    return(rep(0.1, nrow(spreads)))
  }
  size <- 0.5 / scale
  if (model$space == "wtp") {
    other <- names(size) != model$price
    size[other] <- size[other] * scale[[model$price]]
  }
  random <- model$random[spreads$row]
  size <- ifelse(random %in% c("lognormal", "negative_lognormal", "johnson_sb"), 0.5, size[names(random)])
  ifelse(spreads$row == spreads$column, unname(size), 0)
}

can_slice.mixed_model <- function(model) {
  # draws of the user's own for each firm go by the firms of the whole
  length(dim(model$draws)) < 3L || dim(model$draws)[1L] == 1L
}
