# Linear algebra on covariance and information matrices.

# Solves a x = b for a covariance or information a whose rows may be in very different units; NA where a is
# singular, as the covariance of a separated fit may be
solve_scaled <- function(a, b = diag(nrow(a))) {
  if (length(a) == 0L) {
    return(a)
  }
  d <- 1 / sqrt(diag(a))
  x <- tryCatch(solve(a * tcrossprod(d), d * b, tol = 0), error = function(e) NA_real_ * b)
  x <- d * x
  rownames(x) <- rownames(a)
  if (missing(b)) colnames(x) <- colnames(a)
  x
}

named_square <- function(x, names) {
  dimnames(x) <- list(names, names)
  x
}

# Mean radius of the earth in kilometres (IUGG)
earth_radius <- 6371.0088
