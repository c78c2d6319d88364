# R's generator in a state of its own. The kinds are given, so that a seed means the same numbers whatever kinds the
# session uses.

# Seeds the generator; returns the function that puts the old state back
seed_generator <- function(seed) {
  kinds <- RNGkind()
  state <- get0(".Random.seed", envir = globalenv(), inherits = FALSE)
  set.seed(seed, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
  function() {
    # R warns of the user's own choice of sample.kind = "Rounding"
    suppressWarnings(do.call(RNGkind, as.list(kinds)))
    if (is.null(state)) {
      rm(".Random.seed", envir = globalenv())
    } else {
      assign(".Random.seed", state, envir = globalenv())
    }
  }
}

# Evaluates code with the generator seeded, and puts the old state back; NULL: as it comes
with_seed <- function(seed, code) {
  if (is.null(seed)) {
    return(code)
  }
  restore <- seed_generator(seed)
  on.exit(restore())
  code
}
