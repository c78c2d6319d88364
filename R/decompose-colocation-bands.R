# What chance alone gives for K and M: exact moments for K without weights, else
# draws; local bands at each distance, global bands over all of them.

# Null of each type's K: analytic moments (list(mean, sd, correlation)), draws (list(draws)), or NULL
density_null <- function(points, members, n_from, h, usable, options) {
  null <- vector("list", length(members))
  if (options$bands == "none" || !any(usable)) {
    return(null)
  }
  if (options$bands == "analytic") {
    null[usable] <- analytic_null(points, lengths(members)[usable], h[usable], options)
    return(null)
  }
  tick <- progress("Types", sum(usable))
  null[usable] <- lapply(which(usable), function(k) {
    tick()
    n <- length(members[[k]])
    drawn <- vapply(seq_len(options$draws), function(b) sample.int(points$n, n), integer(n))
    # sites come in random order, so weights in the order of the type fall on them at random
    weight <- if (points$weighted) points$weight[members[[k]]]
    draws <- in_pieces("Simulations", options$draws, function(numbers) {
      draw_density(points, matrix(drawn, n)[, numbers, drop = FALSE], n_from[k], weight, h[k], options)
    })
    list(draws = do.call(cbind, draws))
  })
  null
}

# Exact mean and covariance of K over draws of n of all sites, for each type
analytic_null <- function(points, n, h, options) {
  if (points$n < 4) abort("Analytic bands need at least four points, not ", points$n, ".", class = "argument")
  widths <- unique(h)
  moments <- .Call(C_pair_moments, points$x, points$y, options$distance, widths, options$threads)
  lapply(seq_along(n), function(k) {
    s <- match(h[k], widths)
    u_statistic(
      moments$mean[, s], matrix(moments$site[, , s], length(options$distance)),
      matrix(moments$pair[, , s], length(options$distance)), as.numeric(points$n), n[k]
    )
  })
}

# Mean and covariance of a U-statistic of order 2 under sampling n of N without replacement
#
# `site` holds the sums of products of k_i, `pair` those of K_ij over pairs.
u_statistic <- function(mean, site, pair, N, n) {
  centre <- outer(mean, mean)
  g <- ((N - 1) / (N - 2))^2 * (site - N * centre)
  q <- pair - N * (N - 1) / 2 * centre - (N - 2) * g
  covariance <- 4 / n * (1 - n / N) * g / (N - 1) +
    4 * q * (N - n) * (N - n - 1) / (n * (n - 1) * N * (N - 1) * (N - 2) * (N - 3))
  list(mean = mean, covariance = covariance)
}

# Draws of M with types permuted over the points
m_null <- function(points, n_from, n_to, all, options) {
  n <- n_from + n_to
  drawn <- vapply(seq_len(options$draws), function(b) sample.int(points$n, n), integer(n))
  draws <- in_pieces("Simulations", options$draws, function(numbers) {
    .Call(
      C_m_function, points$x, points$y, points$weight, all, matrix(drawn, n)[, numbers, drop = FALSE], n_from,
      options$distance, options$threads
    )
  })
  list(draws = do.call(cbind, draws))
}

# Columns of bands beside an estimate
band_columns <- function(estimate, null, options) {
  if (is.null(null)) {
    none <- rep(NA_real_, length(estimate))
    return(data.frame(
      expected = none, lower = none, upper = none, lower_global = none, upper_global = none, localisation = none,
      dispersion = none
    ))
  }
  bands <- if (is.null(null$draws)) normal_bands(null, options) else drawn_bands(null$draws, options$level)
  over <- pmax(estimate - bands$upper_global, 0)
  under <- pmax(bands$lower_global - estimate, 0)
  bands$localisation <- over
  bands$dispersion <- if (any(over > 0, na.rm = TRUE)) 0 * under else under
  bands
}

# Bands of a normal vector: the global ones let a share `level` of vectors pass everywhere
normal_bands <- function(null, options) {
  sd <- sqrt(pmax(diag(null$covariance), 0))
  local <- stats::qnorm(options$level)
  global <- normal_maximum(null$covariance, sd, options)
  data.frame(
    expected = null$mean, lower = pmax(null$mean - local * sd, 0), upper = null$mean + local * sd,
    lower_global = pmax(null$mean - global * sd, 0), upper_global = null$mean + global * sd, std.error = sd
  )
}

# Quantile of the largest of the standardised normal variables; by symmetry also of the smallest
normal_maximum <- function(covariance, sd, options) {
  varies <- sd > 1e-10 * max(sd, 1e-300)
  if (!any(varies)) {
    return(stats::qnorm(options$level))
  }
  correlation <- covariance[varies, varies, drop = FALSE] / outer(sd[varies], sd[varies])
  spectrum <- eigen(correlation, symmetric = TRUE)
  used <- spectrum$values > 1e-10
  root <- spectrum$vectors[, used, drop = FALSE] * rep(sqrt(spectrum$values[used]), each = sum(varies))
  n <- max(options$draws, 10000L)
  z <- root %*% matrix(stats::rnorm(n * sum(used)), sum(used))
  stats::quantile(do.call(pmax, as.data.frame(t(z))), options$level, names = FALSE)
}

# Bands of draws (distances x draws)
#
# The global upper band joins, at each distance, the draws of one rank: the
# smallest rank that a share `level` of draws never exceeds.
drawn_bands <- function(draws, level) {
  complete <- !apply(is.na(draws), 1, any)
  bands <- matrix(NA_real_, nrow(draws), 5, dimnames = list(NULL, c("expected", "lower", "upper", "lower_global", "upper_global")))
  if (any(complete)) {
    kept <- draws[complete, , drop = FALSE]
    sorted <- matrix(apply(kept, 1, sort), nrow = ncol(kept))
    bands[complete, "expected"] <- rowMeans(kept)
    bands[complete, c("lower", "upper")] <- t(apply(kept, 1, stats::quantile, c(1 - level, level), names = FALSE))
    bands[complete, "upper_global"] <- sorted[global_rank(kept, level), ]
    bands[complete, "lower_global"] <- sorted[ncol(kept) + 1 - global_rank(-kept, level), ]
  }
  as.data.frame(bands)
}

# Smallest rank that a share `level` of draws exceeds nowhere
global_rank <- function(draws, level) {
  ranks <- t(apply(draws, 1, rank, ties.method = "min"))
  highest <- sort(apply(matrix(ranks, nrow = nrow(draws)), 2, max))
  highest[ceiling(level * ncol(draws))]
}
