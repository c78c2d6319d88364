#' Estimates for each firm
#'
#' @title What the choices of each firm say of it
#' @description The coefficients of each firm given what it chose, for models in which firms differ by more than
#' their attributes. See the method of the model, such as [individual.migration_fit_latent()].
#' @param object A fit of [fit_migration()].
#' @param ... Arguments of the method.
#' @return A data frame with a row for each firm.
#' @export
individual <- function(object, ...) {
  UseMethod("individual")
}
