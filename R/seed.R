#' Evaluates code with the generator of R in a state of its own, and puts the old state back; NULL: as it comes. The
#' kind is given, so that a seed means the same numbers whatever kind the session uses.
#' @noRd
with_seed <- function(seed, code) {
  if (is.null(seed)) {
    return(code)
  }
  if (!exists(".Random.seed", envir = .GlobalEnv)) {
    stats::runif(1)
  }
  state <- get(".Random.seed", envir = .GlobalEnv)
  on.exit(assign(".Random.seed", state, envir = .GlobalEnv))
  set.seed(seed, kind = "Mersenne-Twister", normal.kind = "Inversion")
  code
}
