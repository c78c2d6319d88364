# Sums of probabilities with their exact derivatives, from the core (core/choice/response.h).

# What kernel_response() gives is named as in glue/respond.c
kernel_response.migration_fit <- function(object, design, directions, asked) {
  NULL
}

kernel_response.migration_fit_conditional <- function(object, design, directions, asked) {
  core_response(object, design, directions, asked)
}

kernel_response.migration_fit_nested <- function(object, design, directions, asked) {
  core_response(object, design, directions, asked)
}

core_response <- function(object, design, directions, asked) {
  .Call(C_respond, design$spec, design$kernel, design$theta, directions, asked, kernel_control(object$control))
}

kernel_variances.migration_fit <- function(object, design, directions, type) {
  NULL
}

kernel_variances.migration_fit_conditional <- function(object, design, directions, type) {
  core_variances(object, design, directions, type)
}

kernel_variances.migration_fit_nested <- function(object, design, directions, type) {
  core_variances(object, design, directions, type)
}

core_variances <- function(object, design, directions, type) {
  if (type == "flows") {
    n <- spec_cells(design$spec)
    return(Reduce(`+`, lapply(direction_batches(directions, n), function(batch) {
      asked <- c("flows", "flow_slopes")
      rowSums(core_response(object, design, directions[, batch, drop = FALSE], asked)$flow_slopes^2)
    }), numeric(n)))
  }
  .Call(C_variances, design$spec, design$kernel, design$theta, directions, type, kernel_control(object$control))
}

# Number of flows
spec_cells <- function(spec) {
  spec$J * (spec$J + 1)
}

# Directions of theta that are independent of each other and have variance 1 each: the covariance is the sum of their
# outer products. Of the correlations, so that units do not matter.
root_directions <- function(space) {
  se <- sqrt(diag(space$covariance))
  free <- which(se > 0)
  if (length(free) == 0L) {
    return(matrix(0, length(se), 0L))
  }
  parts <- eigen(space$covariance[free, free, drop = FALSE] / outer(se[free], se[free]), symmetric = TRUE)
  kept <- parts$values > 1e-14 * parts$values[1L]
  root <- matrix(0, length(se), sum(kept))
  root[free, ] <- se[free] * parts$vectors[, kept, drop = FALSE] * rep(sqrt(parts$values[kept]), each = length(free))
  root
}

# The columns of a matrix of directions in batches, so that a batch of slopes of `size` numbers each is no burden
direction_batches <- function(directions, size) {
  columns <- seq_len(ncol(directions))
  split(columns, (columns - 1L) %/% max(1, floor(2e7 / size)))
}
