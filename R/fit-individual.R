#' @title Coefficients of each firm given its choices
#' @description What a firm chose says something of its coefficients. With \eqn{\beta}{beta} distributed over firms as
#' estimated, the mean for a firm \eqn{f} with choices \eqn{y_f} is
#' \deqn{E(\beta \mid y_f) = \frac{\int \beta \prod_{i \in f} P_{i y_i}(\beta) \, dF(\beta)}{\int \prod_{i \in f} P_{i
#'   y_i}(\beta) \, dF(\beta)},}{E(beta | y_f) = int beta prod_i P_iy(beta) dF(beta) / int prod_i P_iy(beta) dF(beta),}
#' computed over the draws of the fit; the standard deviation likewise. It is not a standard error: it says how
#' much firms with the same choices in the same circumstances differ.
#' @param object A fit of [fit_migration()] with coefficients that differ between firms.
#' @param ... Arguments of methods.
#' @return For [mixed()]: a data frame with a row for each firm (each occasion without `panel`): `firm`,
#'   `occasions`, and for each random coefficient its mean, under its name, and standard deviation, under
#'   `sd:<name>`. In willingness-to-pay space these are the price coefficient and willingnesses to pay.
#' @section Errors: A fit of a model in which all firms have the same coefficients.
#' @references Revelt, D. and Train, K. (2000). Customer-specific taste parameters and mixed logit. Working paper
#'   E00-274, University of California, Berkeley.
#'
#'   Train, K. E. (2009). *Discrete Choice Methods with Simulation*, 2nd ed., chapter 11. Cambridge University Press.
#'   \doi{10.1017/CBO9780511805271}
#' @seealso [mixed()], [latent()]
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(land_price) + distance, data, mixed(c(stay = "normal"), draws = 64))
#' head(individual(fit))
#' @export
individual <- function(object, ...) {
  UseMethod("individual")
}

#' @export
individual.default <- function(object, ...) {
  abort(
    "`object` must be a fit whose coefficients differ between firms, as with mixed(), not ", class(object)[1L], ".",
    class = "argument"
  )
}

#' @rdname individual
#' @export
individual.migration_fit_mixed <- function(object, ...) {
  check_dots(...)
  design <- fit_design(object)
  random <- names(object$model$random)
  moments <- .Call(C_mixed_individual, design$spec, design$kernel, design$theta, kernel_control(object$control))
  colnames(moments) <- c(random, if (length(random) > 0L) paste0("sd:", random))
  group <- design$kernel$group
  first <- match(seq_len(max(group)), group)
  firm <- firm_names(object$data)[object$data$index$firm[design$occasion[first]]]
  data.frame(firm = firm, occasions = tabulate(group), moments, check.names = FALSE)
}
