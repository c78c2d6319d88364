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
    drawn <- density_draws(points, members[[k]], n_from[k], options)
    draws <- in_pieces("Simulations", options$draws, function(numbers) {
      weight <- drawn$weight
      if (is.matrix(weight)) {
        weight <- weight[, numbers, drop = FALSE]
      }
      draw_density(points, drawn$site[, numbers, drop = FALSE], n_from[k], weight, h[k], options)
    })
    list(draws = do.call(cbind, draws))
  })
  null
}

# Sites of the points of a type (and of its neighbours) in each draw, and their weights: those of the type, which move
# with it, or those of the sites
density_draws <- function(points, members, n_from, options) {
  n <- length(members)
  # sites come in random order, so weights in the order of the type fall on them at random
  site <- if (options$null == "independence") {
    fixed <- members[seq_len(n_from)]
    others <- setdiff(seq_len(points$n), fixed)
    vapply(seq_len(options$draws), function(b) c(fixed, others[sample.int(length(others), n - n_from)]), integer(n))
  } else {
    vapply(seq_len(options$draws), function(b) sample.int(points$n, n), integer(n))
  }
  site <- matrix(site, n)
  weight <- if (points$weighted) {
    if (options$null == "labelling") matrix(points$weight[site], n) else points$weight[members]
  }
  list(site = site, weight = weight)
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

# Draws of M: types with their weights put on other sites; types alone permuted, over weights that stay (`all` has the
# weights around every point); or all that is not of the type put on other sites but its own
m_null <- function(points, from, to, all, options) {
  label <- options$null == "labelling"
  n <- length(from) + length(to)
  # as many draws at a time as take some hundred megabytes
  piece <- max(1, floor(2e7 / if (label) n else points$n))
  pieces <- split(seq_len(options$draws), ceiling(seq_len(options$draws) / piece))
  tick <- progress("Simulations", length(pieces))
  draws <- lapply(pieces, function(numbers) {
    tick()
    place <- if (!label) moved_marks(points, from, length(numbers), options)
    member <- if (label) {
      matrix(vapply(numbers, function(b) sample.int(points$n, n), integer(n)), n)
    } else {
      matrix(c(from, to), n)
    }
    .Call(
      C_m_function, points$x, points$y, points$weight, if (label) all, member, place, length(from), options$distance,
      options$threads
    )
  })
  list(draws = do.call(cbind, draws))
}

# Where the type and weight of each point go, a column for each draw
moved_marks <- function(points, from, draws, options) {
  moving <- if (options$null == "independence") setdiff(seq_len(points$n), from) else seq_len(points$n)
  vapply(seq_len(draws), function(b) {
    replace(seq_len(points$n), moving, moving[sample.int(length(moving))])
  }, integer(points$n))
}

# Columns of bands beside an estimate
band_columns <- function(estimate, null, options) {
  if (is.null(null)) {
    columns <- c(
      "expected", "lower", "upper", "lower_global", "upper_global", if (options$bands == "analytic") "std.error",
      "localisation", "dispersion"
    )
    none <- matrix(NA_real_, length(estimate), length(columns), dimnames = list(NULL, columns))
    return(as.data.frame(none))
  }
  bands <- if (is.null(null$draws)) normal_bands(null, options) else drawn_bands(null$draws, options$conf.level)
  over <- pmax(estimate - bands$upper_global, 0)
  under <- pmax(bands$lower_global - estimate, 0)
  bands$localisation <- over
  bands$dispersion <- if (any(over > 0, na.rm = TRUE)) 0 * under else under
  bands
}

# Bands of a normal vector: the global ones let a share `level` of vectors pass everywhere
normal_bands <- function(null, options) {
  sd <- sqrt(pmax(diag(null$covariance), 0))
  local <- stats::qnorm(options$conf.level)
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
    return(stats::qnorm(options$conf.level))
  }
  correlation <- covariance[varies, varies, drop = FALSE] / outer(sd[varies], sd[varies])
  spectrum <- eigen(correlation, symmetric = TRUE)
  used <- spectrum$values > 1e-10
  root <- spectrum$vectors[, used, drop = FALSE] * rep(sqrt(spectrum$values[used]), each = sum(varies))
  n <- max(options$draws, 10000L)
  z <- root %*% matrix(stats::rnorm(n * sum(used)), sum(used))
  stats::quantile(do.call(pmax, as.data.frame(t(z))), options$conf.level, names = FALSE)
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
