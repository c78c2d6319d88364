#' @title Firms that look ahead
#' @description A move costs once; a better place pays in every period after. A static logit puts both into one number.
#' Here a firm of kind \eqn{z} at place \eqn{o} values place \eqn{j} by what it gives now and by what it leads to:
#' \deqn{v(z,o,j) = u(z,o,j) + \beta \sum_{z'} Q(z,z') V(z',j), \qquad V(z,o) = \log \sum_j \exp v(z,o,j), \qquad
#'   P(j | z,o) = \exp(v(z,o,j) - V(z,o)).}{v(z,o,j) = u(z,o,j) + beta sum_z' Q(z,z') V(z',j), V(z,o) = log sum_j exp
#' v(z,o,j), P(j | z,o) = exp(v(z,o,j) - V(z,o)).} The flow utility \eqn{u = \sum_k b_k x_k}{u = sum_k b_k x_k} of the
#' formula is received in each period at the place that was chosen, \eqn{\beta}{beta} is `discount * survival`, and
#' \eqn{V}, the value of being somewhere before the shocks are seen (Euler's constant left out), is solved anew for
#' every trial value of the coefficients. Firms expect the attributes of places to stay as they are in the period
#' (static expectations), so \eqn{V} is a fixed point for each period. With `discount = 0` the model is [conditional()],
#' to the bit.
#'
#' @param discount What the next period is worth beside this one, one number from 0 to below 1. It is set, not
#'   estimated: fit with several values to see what hangs on it.
#' @param types Which firms are of one kind: a one-sided formula of columns of the firms, such as `~ exporter`. `NULL`
#'   (default): the values of the attributes of firms that the formula uses. All that utility depends on must be the
#'   same for the firms of a kind.
#' @param transition How kinds change from a period to the next, \eqn{Q}: a square matrix with a row and a column for
#'   each kind, named by its values (joined by `:` where there are several), whose rows add up to 1. `NULL` (default): a
#'   firm stays of its kind.
#' @param survival Probability that a firm is still there in the next period, one number above 0 and at most 1.
#' @param estimator `"ml"` (default), maximum likelihood; `"npl"`, nested pseudo-likelihood repeated until it settles,
#'   whose limit is the same maximum.
#'
#' @return A model object of class `"dynamic_model"` for the argument `model` of [fit_migration()]. The fit also has
#'   \item{values}{data frame: `time`, `type`, `place`, `value`, \eqn{V} at the estimates, a row for each kind at each
#'     place in each period used}
#'
#' @section Reading the terms:
#' An attribute of places (`environment`), an interaction (`exporter:creativity`) and `stay:x` are flows: they are
#' received in every period spent at the place. `push(x)`, `pull(x)`, ties such as distance, and the constant of staying
#' are paid once, at the move. So `push(environment)` is a reward for leaving a place once; `environment` is suffered
#' every year. Static models cannot tell the two apart. A note is given where `push()` or `pull()` of an attribute
#' stands without the attribute. Inclusive values, `predict(type = "logsum")`, are \eqn{V} at the origin.
#' [counterfactual()], [elasticities()] and [marginal_effects()] compare worlds in which a change lasts for ever and is
#' expected to.
#'
#' @section Estimation:
#' \eqn{V} is found by Newton's method, with \eqn{F[(z,o),(z',j)] = Q(z,z') P(j|z,o)}: \eqn{V \leftarrow V + (I - \beta
#' F)^{-1} (T(V) - V)}{V <- V + (I - beta F)^-1 (T(V) - V)}, a few steps from 0. Its derivatives are exact,
#' \eqn{W_k = dV/db_k = (I - \beta F)^{-1} \sum_j P x_k}{W_k = dV/db_k = (I - beta F)^-1 sum_j P x_k}, so that the score
#' is that of a conditional logit with \eqn{q_k = x_k + \beta \sum_{z'} Q W_k}{q_k = x_k + beta sum_z' Q W_k} in place
#' of \eqn{x_k}, and the information is \eqn{\sum_i w_i \mathrm{Cov}_P(q)}{sum_i w_i Cov_P(q)}. Firms of one kind at one
#' place in one period are counted, not passed over one by one: the time of a step depends on kinds, periods and places
#' only. A table of kinds x periods x places x places x terms is kept in memory, and a market of n states costs n^3.
#'
#' @section Errors:
#' A `discount` outside \[0, 1) or of several values; more than 5,000 kinds; an attribute of firms in the formula that
#' differs within a kind; a `transition` that is not square, not named by the kinds, or whose rows do not add up to 1;
#' firms without an origin; long data, data on disk, [peers()][migration_formula], and ties of firms.
#' @references Aguirregabiria, V. and Mira, P. (2002). Swapping the nested fixed point algorithm. *Econometrica* 70,
#'   1519-1543. \doi{10.1111/1468-0262.00340}
#'
#'   Kennan, J. and Walker, J. R. (2011). The effect of expected income on individual migration decisions.
#'   *Econometrica* 79, 211-251. \doi{10.3982/ECTA4657}
#'
#'   Rust, J. (1987). Optimal replacement of GMC bus engines. *Econometrica* 55, 999-1033. \doi{10.2307/1911259}
#' @seealso [conditional()], [chain()], [fit_migration()], [counterfactual()]
#' @examples
#' data <- wenzhou_guzhen()
#' ahead <- fit_migration(~ environment + governance + log(distance), data, model = dynamic(0.9))
#' static <- fit_migration(~ environment + governance + log(distance), data)
#' cbind(static = coef(static), ahead = coef(ahead))
#' head(ahead$values)
#' @export
dynamic <- function(discount = 0.95, types = NULL, transition = NULL, survival = 1, estimator = c("ml", "npl")) {
  check_discount(discount)
  if (!is.numeric(survival) || length(survival) != 1L || !isTRUE(survival > 0 && survival <= 1)) {
    abort("`survival` must be one number above 0 and at most 1.", class = "argument")
  }
  if (!is.null(types) && !(inherits(types, "formula") && length(types) == 2L)) {
    abort("`types` must be a one-sided formula of columns of the firms, like ~ exporter, or NULL.", class = "argument")
  }
  structure(
    list(
      name = "dynamic", discount = discount * survival, types = types, transition = check_transition(transition),
      estimator = check_choice(estimator, "estimator")
    ),
    class = c("dynamic_model", "migration_model")
  )
}

check_discount <- function(discount) {
  if (!is.numeric(discount) || length(discount) != 1L) {
    abort("`discount` must be one number: fit once for each of several values.", class = "argument")
  }
  if (!isTRUE(discount >= 0 && discount < 1)) {
    abort(
      "`discount` is ", format(discount), " and must be at least 0 and below 1: at 1 no value of a place is finite.",
      class = "argument"
    )
  }
}

check_transition <- function(transition) {
  if (is.null(transition)) {
    return(NULL)
  }
  if (!is.matrix(transition) || !is.numeric(transition) || nrow(transition) != ncol(transition) ||
    is.null(rownames(transition))) {
    abort("`transition` must be a square matrix of numbers whose rows are named by the kinds of firms.", class = "argument")
  }
  if (any(!is.finite(transition)) || any(transition < 0)) {
    abort("`transition` must have probabilities, none of them negative or missing.", class = "argument")
  }
  off <- which(abs(rowSums(transition) - 1) > 1e-8)
  if (length(off) > 0L) {
    abort(
      "The rows of `transition` must add up to 1, and ", quote_names(rownames(transition)[off]), " to ",
      paste(format(rowSums(transition)[off], digits = 6), collapse = ", "), ".",
      class = "argument"
    )
  }
  transition / rowSums(transition)
}

#' @export
print.dynamic_model <- function(x, ...) {
  cat(model_title(x), "\n", sep = "")
  cat("  kinds of firms: ", if (is.null(x$types)) "by the attributes in the formula" else deparse1(x$types),
    if (!is.null(x$transition)) ", which change", "; estimator: ",
    c(ml = "maximum likelihood", npl = "nested pseudo-likelihood")[[x$estimator]], "\n",
    sep = ""
  )
  invisible(x)
}

model_title.dynamic_model <- function(model) {
  paste0("Firms that look ahead, discount ", format(model$discount))
}

model_setup.dynamic_model <- function(model, data, design, memory = NULL) {
  setup <- model_setup(conditional(), data, design, memory)
  setup$memory <- list(kinds = unique(design$cells$type), n_periods = length(unique(design$cells$time)))
  setup
}
