#' @title Draw choices from a fitted model
#' @description Draws the chosen place of every occasion of the fit from its fitted probabilities. Given the
#' seed, the draws are the same for any number of threads.
#' @param object A fit of [fit_migration()].
#' @param nsim Number of draws of all occasions, at least 1.
#' @param seed `NULL`, or a number for [set.seed()]; the state of the generator before is then put back.
#' @param ... Not used.
#' @return A data frame with a row for each occasion of the fit and the columns `sim_1`, `sim_2`, ..., factors of
#'   places. The attribute `seed` is the state of the generator before the draws, or `seed` itself, as for other
#'   methods of [stats::simulate()].
#' @seealso [predict()][predict.migration_fit] with `type = "choice"` for one draw, [simulate_migration()] for panels
#'   from stated parameters.
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(land_price) + distance, data)
#' draws <- simulate(fit, nsim = 2, seed = 1)
#' sort(table(draws$sim_1), decreasing = TRUE)
#' @export
simulate.migration_fit <- function(object, nsim = 1, seed = NULL, ...) {
  nsim <- check_count(nsim, "nsim")
  if (!exists(".Random.seed", envir = .GlobalEnv)) {
    stats::runif(1)
  }
  state <- get(".Random.seed", envir = .GlobalEnv)
  if (is.null(seed)) {
    used <- state
  } else {
    set.seed(seed)
    used <- structure(seed, kind = as.list(RNGkind()))
    on.exit(assign(".Random.seed", state, envir = .GlobalEnv))
  }
  design <- fit_design(object)
  tick <- progress("Simulations", nsim)
  draws <- lapply(seq_len(nsim), function(i) {
    tick()
    draw_choices(object, design)
  })
  names(draws) <- paste0("sim_", seq_len(nsim))
  draws <- list2DF(draws)
  row.names(draws) <- draw_names(object, design)
  attr(draws, "seed") <- used
  draws
}

draw_names.migration_fit <- function(object, design) {
  row_names(object$data)[design$occasion]
}

draw_choices.migration_fit <- function(object, design) {
  uniform <- stats::runif(n_occasions(design$spec))
  chosen <- place_code(design$spec, kernel_choice(object, design, uniform))
  outcomes <- outcome_names(design, object$data)
  factor(outcomes[chosen], levels = outcomes)
}
