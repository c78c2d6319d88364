# Gaps of quantiles, variances and Gini coefficients: the outcome of each firm is replaced by its recentred influence
# on the statistic of its group, whose mean is the statistic; means are then decomposed as ever. Reweighting gives
# the counterfactual group: the firms of the second cluster with weights that make them alike to the first.

# Statistic of a group and the recentred influence function: list(value, influence, estimated)
#
# `estimated` is NULL or list(slope, influence), two matrices firm x number: how each firm's recentred influence moves
# with the estimated numbers in it (a quantile, a density, a mean), and the firm's influence on these.
recentred_influence <- function(y, w, statistic, prob, bandwidth, name) {
  switch(statistic,
    mean = list(value = sum(w * y) / sum(w), influence = y),
    quantile = rif_quantile(y, w, prob, bandwidth, name),
    interquantile = rif_difference(
      rif_quantile(y, w, prob[2L], bandwidth, name), rif_quantile(y, w, prob[1L], bandwidth, name)
    ),
    variance = rif_variance(y, w),
    gini = rif_gini(y, w, name)
  )
}

# q + (tau - 1{y <= q}) / f(q), the density by a Gaussian kernel
rif_quantile <- function(y, w, prob, bandwidth, name) {
  q <- weighted_quantile(y, w, prob)
  h <- if (is.null(bandwidth)) stats::bw.nrd0(y) else bandwidth
  share <- w / sum(w)
  near <- stats::dnorm((y - q) / h) / h
  density <- sum(share * near)
  if (!is.finite(1 / density)) {
    abort("The density of the outcome of `", name, "` at its quantile ", format(prob), " is 0. Give a larger ",
      "`bandwidth`.",
      class = "density"
    )
  }
  below <- prob - (y <= q)
  # the step 1{y <= q} has the kernel for its derivative in q
  on_quantile <- share * below / density
  steepness <- sum(share * near * (y - q)) / h^2
  estimated <- list(
    slope = cbind(1 - near / density, -below / density^2),
    influence = cbind(on_quantile, share * (near - density) + steepness * on_quantile)
  )
  list(value = q, influence = q + below / density, estimated = estimated, mass = sum(share[y == q]))
}

# That of a difference of two statistics
rif_difference <- function(upper, lower) {
  list(
    value = upper$value - lower$value, influence = upper$influence - lower$influence,
    estimated = list(
      slope = cbind(upper$estimated$slope, -lower$estimated$slope),
      influence = cbind(upper$estimated$influence, lower$estimated$influence)
    ),
    mass = max(upper$mass, lower$mass)
  )
}

# Quantile by linear interpolation; R's type 7 when weights are equal
weighted_quantile <- function(y, w, prob) {
  ordering <- order(y)
  y <- y[ordering]
  w <- w[ordering]
  n <- length(y)
  middle <- cumsum(w) - w / 2
  rank <- (middle - middle[1]) / (middle[n] - middle[1])
  stats::approx(rank, y, prob, ties = "ordered", rule = 2)$y
}

# (y - mean)^2
rif_variance <- function(y, w) {
  from_mean <- y - sum(w * y) / sum(w)
  influence <- from_mean^2
  list(
    value = sum(w * influence) / sum(w), influence = influence,
    estimated = list(slope = cbind(-2 * from_mean), influence = cbind(w * from_mean / sum(w)))
  )
}

# 1 + 2 R y / mean^2 - 2 [y (1 - p) + GL(p)] / mean, R the area under the generalised Lorenz curve GL
rif_gini <- function(y, w, name) {
  share <- w / sum(w)
  mean <- sum(share * y)
  if (any(y < 0) || mean <= 0) {
    abort("The Gini coefficient needs an outcome that is not negative; that of `", name, "` is.", class = "outcome")
  }
  ordering <- order(y)
  s <- share[ordering]
  rank <- cumsum(s) - s / 2
  lorenz <- cumsum(s * y[ordering]) - s * y[ordering] / 2
  area <- sum(s * lorenz)
  influence <- numeric(length(y))
  influence[ordering] <- 1 + 2 * area * y[ordering] / mean^2 - 2 * (y[ordering] * (1 - rank) + lorenz) / mean
  list(value = 1 - 2 * area / mean, influence = influence)
}

# Weights that give the second cluster the variables of the first: odds of belonging to the first
counterfactual_weights <- function(first, second) {
  x <- rbind(first$x, second$x)
  member <- rep(1:0, c(nrow(first$x), nrow(second$x)))
  fit <- fit_binary(x, member, c(first$w, second$w), "logit", "cluster membership")
  odds <- exp(drop(second$x %*% fit$b)) * sum(second$w) / sum(first$w)
  second$w * odds
}

# Parts of a gap with a reweighted group in between, each an identity in itself
#
# composition xC - xB at bB, specification xC (bC - bB), structure xA (bA - bC), reweighting (xA - xC) bC.
reweighted_parts <- function(first, second, counterfactual, map) {
  beta <- lapply(list(first, second, counterfactual), function(group) drop(map %*% group$b))
  mean <- lapply(list(first, second, counterfactual), `[[`, "mean")
  columns <- list(
    composition = (mean[[3]] - mean[[2]]) * beta[[2]],
    specification = mean[[3]] * (beta[[3]] - beta[[2]]),
    structure = mean[[1]] * (beta[[1]] - beta[[3]]),
    reweighting = (mean[[1]] - mean[[3]]) * beta[[3]]
  )
  lapply(columns, function(value) list(value = value))
}
