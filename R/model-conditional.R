#' @title Conditional logit
#' @description Firm \eqn{i} chooses place \eqn{y} of the places \eqn{C_i} on offer with probability
#' \deqn{P_{iy} = \frac{\exp(v_{iy})}{\sum_{j \in C_i} \exp(v_{ij})}, \qquad v_{ij} = \sum_k b_k x_{ijk}.}{P_iy =
#'   exp(v_iy) / sum_j exp(v_ij), v_ij = sum_k b_k x_ijk.}
#' The log-likelihood is concave, so the maximum that [fit_migration()] finds is the only one. The odds of
#' two places do not depend on which others are on offer (independence of irrelevant alternatives); a
#' [nested()] logit relaxes that.
#'
#' @return A model object of class `c("conditional_model", "migration_model")` for the argument `model` of
#'   [fit_migration()].
#' @references McFadden, D. (1974). Conditional logit analysis of qualitative choice behavior. In P. Zarembka
#'   (ed.), *Frontiers in Econometrics*, 105-142. New York: Academic Press.
#'
#'   Guimaraes, P., Figueiredo, O. and Woodward, D. (2003). A tractable approach to the firm location decision
#'   problem. *Review of Economics and Statistics* 85, 201-204. \doi{10.1162/003465303762687811}
#' @seealso [nested()], [fit_migration()]
#' @examples
#' conditional()
#' @export
conditional <- function() {
  structure(list(name = "conditional"), class = c("conditional_model", "migration_model"))
}

#' @export
print.conditional_model <- function(x, ...) {
  cat("Conditional logit\n")
  invisible(x)
}

model_setup.conditional_model <- function(model, data, design, memory = NULL) {
  list(kernel = list(kind = "conditional"), parameters = parameter_table(), start = numeric())
}

model_title.conditional_model <- function(model) {
  "Conditional logit"
}

can_slice.conditional_model <- function(model) {
  TRUE
}
