# Parts of a gap and their covariance.
#
# A set of parts is a list of matrices with a row for each part: `value`, the derivatives with respect to the
# coefficients of the first group, of the second and of the reference (`first`, `second`, `star`), and the weights
# (`mean_first`, `mean_second`) of the group means that the parts depend on: the means of z and of the fitted
# outcome with each of the three sets of coefficients. Sets are added and scaled like numbers, so the covariance of
# everything printed follows from one formula,
#
#   V = J_1 V(b_1) J_1' + J_2 V(b_2) J_2' + M_1 V(means_1) M_1' + M_2 V(means_2) M_2'.

# Reference coefficients b* and how they change with those of the groups: db* = first db_1 + second db_2
gap_reference <- function(first, second, reference, link) {
  p <- ncol(first$x)
  share <- sum(first$w) / (sum(first$w) + sum(second$w))
  if (is.character(reference) && reference %in% c("pooled", "neumark")) {
    return(pooled_reference(first, second, reference == "pooled", link))
  }
  omega <- if (is.numeric(reference)) {
    reference
  } else {
    switch(reference,
      first = 1,
      second = 0,
      reimers = 0.5,
      shapley = 0.5,
      cotton = share
    )
  }
  list(
    b = omega * first$b + (1 - omega) * second$b, first = diag(omega, p), second = diag(1 - omega, p),
    intercept = FALSE
  )
}

# Coefficients of both groups together, with (Jann) or without (Neumark) a constant of the second group
pooled_reference <- function(first, second, dummy, link) {
  p <- ncol(first$x)
  extra <- if (dummy) list(cbind(first$x, 0), cbind(second$x, 1)) else list(first$x, second$x)
  x <- rbind(extra[[1]], extra[[2]])
  if (dummy) {
    colnames(x) <- c(colnames(first$x), paste0("cluster", second$name))
  }
  y <- c(first$y, second$y)
  w <- c(first$w, second$w)
  fit <- if (link == "identity") {
    fit_linear(x, y, w, "both clusters", first$relax)
  } else {
    fit_binary(x, y, w, link, "both clusters", first$relax)
  }
  b <- fit$b
  information <- function(x, w, own) crossprod(w * curvature(drop(x %*% b), link) * x, own)
  free <- which(!colnames(x) %in% fit$held)
  whole <- information(x, w, x)[free, free, drop = FALSE]
  kept <- seq_len(p)
  moved <- function(group, extra) {
    change <- matrix(0, ncol(x), p)
    change[free, ] <- solve(whole, information(extra, group$w, group$x)[free, , drop = FALSE])
    change[kept, , drop = FALSE]
  }
  list(b = b[kept], first = moved(first, extra[[1]]), second = moved(second, extra[[2]]), intercept = dummy)
}

# Fitted outcome, its slope, and the weight of a row in the information, at an index
response <- function(index, link) {
  switch(link,
    identity = index,
    logit = stats::plogis(index),
    probit = stats::pnorm(index)
  )
}
slope <- function(index, link) {
  switch(link,
    identity = rep(1, length(index)),
    logit = stats::dlogis(index),
    probit = stats::dnorm(index)
  )
}
curvature <- function(index, link) {
  if (link == "identity") {
    return(rep(1, length(index)))
  }
  slope(index, link)^2 / (response(index, link) * response(-index, link))
}

# Which means and which coefficients each part is made of: x is a combination of the means of the groups, beta one
# of the coefficients (first, second, reference)
part_recipes <- list(
  endowments = list(x = c(1, -1), beta = c(0, 1, 0)),
  coefficients = list(x = c(0, 1), beta = c(1, -1, 0)),
  interaction = list(x = c(1, -1), beta = c(1, -1, 0)),
  explained = list(x = c(1, -1), beta = c(0, 0, 1)),
  unexplained_first = list(x = c(1, 0), beta = c(1, 0, -1)),
  unexplained_second = list(x = c(0, 1), beta = c(0, -1, 1))
)

# Everything the parts are made of
gap_moments <- function(first, second, star, map, link) {
  betas <- list(first = first$b, second = second$b, star = star$b)
  fitted <- lapply(list(first = first, second = second), function(group) {
    index <- vapply(betas, function(b) drop(group$x %*% b), numeric(nrow(group$x)))
    share <- group$w / sum(group$w)
    list(
      mean = colSums(share * response(index, link)), values = response(index, link),
      slope = t(crossprod(group$x, share * apply(index, 2, slope, link = link)))
    )
  })
  list(
    first = first, second = second, star = star, map = map, link = link, fitted = fitted,
    beta = vapply(betas, function(b) drop(map %*% b), numeric(nrow(map)))
  )
}

# A set of parts, empty but for its values
empty_set <- function(moments, value) {
  n <- length(value)
  p <- ncol(moments$map)
  m <- nrow(moments$map) + 3L
  zero <- matrix(0, n, p)
  list(
    value = value, first = zero, second = zero, star = zero,
    mean_first = matrix(0, n, m), mean_second = matrix(0, n, m)
  )
}

# Part of every column of z in the linear index: x_k beta_k
linear_set <- function(moments, recipe) {
  x <- recipe$x[1] * moments$first$mean + recipe$x[2] * moments$second$mean
  beta <- drop(moments$beta %*% recipe$beta)
  set <- empty_set(moments, x * beta)
  columns <- seq_along(x)
  for (k in 1:3) set[[c("first", "second", "star")[k]]] <- recipe$beta[k] * x * moments$map
  set$mean_first[, columns] <- diag(recipe$x[1] * beta, length(x))
  set$mean_second[, columns] <- diag(recipe$x[2] * beta, length(x))
  free_intercept(moments, set)
}

# Part of all variables: differences of mean fitted outcomes
mean_set <- function(moments, recipe) {
  set <- empty_set(moments, 0)
  for (g in 1:2) {
    fitted <- moments$fitted[[g]]
    weight <- recipe$x[g] * recipe$beta
    set$value <- set$value + sum(weight * fitted$mean)
    for (k in 1:3) {
      name <- c("first", "second", "star")[k]
      set[[name]] <- set[[name]] + weight[k] * fitted$slope[k, , drop = FALSE]
    }
    means <- c("mean_first", "mean_second")[g]
    set[[means]][, ncol(set[[means]]) - 2:0] <- weight
  }
  free_intercept(moments, set)
}

# With a constant of the second group, b* fits the mean of the first exactly: its constant moves with that mean
free_intercept <- function(moments, set) {
  if (!moments$star$intercept) {
    return(set)
  }
  slope <- moments$fitted$first$slope["star", 1]
  last <- ncol(set$mean_first)
  set$mean_first[, last - 2L] <- set$mean_first[, last - 2L] + set$star[, 1] / slope
  set$mean_first[, last] <- set$mean_first[, last] - set$star[, 1] / slope
  set
}

# Weighted sum of sets
combine_sets <- function(sets, weights) {
  Reduce(function(a, b) Map(`+`, a, b), Map(function(set, weight) lapply(set, `*`, weight), sets, weights))
}

# Sums of the parts of a set: `sums` has a row for each sum
sum_set <- function(set, sums) {
  set$value <- drop(sums %*% set$value)
  set[-1] <- lapply(set[-1], function(m) sums %*% m)
  set
}

# Yun's weights: the parts q_k of the index share out a part of the outcome, D_k = Q q_k / sum(q)
#
# For a single index these are the Aumann-Shapley values. With sum(q) = 0 there is nothing to share by: NA.
share_out <- function(set, total) {
  sum <- sum_set(set, matrix(1, 1, length(set$value)))
  scale <- max(abs(set$value))
  if (scale > 0 && abs(sum$value) < 1e-12 * scale) {
    return(lapply(set, function(m) m * NA_real_))
  }
  if (scale == 0) {
    return(lapply(set, function(m) m * 0))
  }
  q <- set$value
  ratio <- total$value / sum$value
  result <- list(value = ratio * q)
  for (name in names(set)[-1]) {
    result[[name]] <- ratio * set[[name]] + (q / sum$value) %o% total[[name]][1, ] -
      (ratio * q / sum$value) %o% sum[[name]][1, ]
  }
  result
}

# All parts: list of sets by column of z (`columns`) and as a whole (`overall`), both named by part
gap_parts <- function(moments, reference) {
  columns <- lapply(part_recipes, linear_set, moments = moments)
  one <- matrix(1, 1, nrow(moments$map))
  whole <- lapply(columns, sum_set, sums = one)
  if (moments$link != "identity") whole <- lapply(part_recipes, mean_set, moments = moments)
  # with a constant of the second cluster, b* fits the mean of the first whatever the data
  if (moments$star$intercept) whole$unexplained_first <- lapply(whole$unexplained_first, `*`, 0)
  if (identical(reference, "shapley")) {
    columns <- shapley_parts(columns)
    whole <- shapley_parts(whole)
  } else {
    columns$unexplained <- combine_sets(columns[c("unexplained_first", "unexplained_second")], c(1, 1))
    whole$unexplained <- combine_sets(whole[c("unexplained_first", "unexplained_second")], c(1, 1))
  }
  if (moments$link != "identity") columns <- shared_parts(columns, whole)
  ordering <- intersect(c(
    "explained", "unexplained", "unexplained_first", "unexplained_second", "endowments",
    "coefficients", "interaction"
  ), names(whole))
  list(columns = columns[ordering], overall = whole[ordering])
}

# Average over both orders of switching means and coefficients
shapley_parts <- function(parts) {
  half <- function(name) combine_sets(list(parts[[name]], parts$interaction), c(1, 0.5))
  c(
    list(explained = half("endowments"), unexplained = half("coefficients")),
    parts[c("endowments", "coefficients", "interaction")]
  )
}

# Parts of a curved outcome by column; the interaction has no weights of its own
shared_parts <- function(columns, whole) {
  shared <- Map(share_out, columns, whole[names(columns)])
  if (all(c("unexplained_first", "unexplained_second") %in% names(shared))) {
    shared$unexplained <- combine_sets(shared[c("unexplained_first", "unexplained_second")], c(1, 1))
  }
  shared$interaction <- lapply(shared$interaction, function(m) m * NA_real_)
  shared
}

# Standard errors of a set
set_errors <- function(set, moments, means) {
  star <- moments$star
  first <- set$first + set$star %*% star$first
  second <- set$second + set$star %*% star$second
  if (!is.null(moments$first$errors_of)) {
    influence <- rbind(
      part_influence(first, set$mean_first, moments$first, moments$fitted$first),
      part_influence(second, set$mean_second, moments$second, moments$fitted$second)
    )
    return(grouped_error(influence, c(moments$first$errors_of, moments$second$errors_of)))
  }
  quadratic <- function(j, v) rowSums((j %*% v) * j)
  variance <- quadratic(first, moments$first$covariance) + quadratic(second, moments$second$covariance) +
    quadratic(set$mean_first, means$first) + quadratic(set$mean_second, means$second) +
    covariance_with_means(first, set$mean_first, moments$first, moments$fitted$first) +
    covariance_with_means(second, set$mean_second, moments$second, moments$fitted$second)
  sqrt(pmax(variance, 0))
}

# Influence of each firm of a group on the parts, through its coefficients and its means
part_influence <- function(by_coefficient, by_mean, group, fitted) {
  x <- cbind(group$z, fitted$values)
  share <- group$w / sum(group$w)
  centred <- share * (x - rep(colSums(share * x), each = nrow(x)))
  group$influence %*% t(by_coefficient) + centred %*% t(by_mean)
}

# Errors of sums of influences (a column each) whose firms go together
grouped_error <- function(influence, code) {
  n <- length(unique(code))
  sqrt(colSums(rowsum(influence, code)^2) * n / (n - 1))
}

# What the covariance of a group's coefficients with its means adds; only coefficients of influence functions have any
covariance_with_means <- function(by_coefficient, by_mean, group, fitted) {
  if (is.null(group$influence)) {
    return(0)
  }
  x <- cbind(group$z, fitted$values)
  share <- group$w / sum(group$w)
  both <- crossprod(group$influence, share * (x - rep(colSums(share * x), each = nrow(x))))
  2 * rowSums((by_coefficient %*% both) * by_mean)
}

# Covariance of the means of a group: of z, and of the outcome fitted with each set of coefficients
mean_covariance <- function(group, fitted) {
  covariance_of_mean(cbind(group$z, fitted$values), group$w)
}

covariance_of_mean <- function(x, w) {
  share <- w / sum(w)
  centred <- x - rep(colSums(share * x), each = nrow(x))
  crossprod(share * centred) * nrow(x) / (nrow(x) - 1)
}
