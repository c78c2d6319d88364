# Twelve firms at three places, a letter a period.
twelve_firms <- function() {
  place <- list(
    f01 = "AABB", f02 = "ABBB", f03 = "BBCC", f04 = "CCCB", f05 = "AAAC", f06 = "CAAA", f07 = "ABCC", f08 = "AAAA",
    f09 = "AAAA", f10 = "BBBB", f11 = "CCCC", f12 = "BBB"
  )
  y <- list(
    f01 = c(2.31, 2.44, 2.83, 2.79), f02 = c(1.92, 2.35, 2.41, 2.52), f03 = c(3.05, 2.97, 2.71, 2.84),
    f04 = c(1.48, 1.63, 1.59, 2.02), f05 = c(2.75, 2.69, 2.88, 2.71), f06 = c(2.02, 2.33, 2.21, 2.45),
    f07 = c(2.66, 3.04, 2.79, 2.72), f08 = c(3.11, 3.18, 3.02, 3.25), f09 = c(1.71, 1.66, 1.89, 1.83),
    f10 = c(2.94, 3.12, 3.08, 3.21), f11 = c(2.27, 2.15, 2.38, 2.29), f12 = c(3.41, 3.36, 3.55)
  )
  letters_of <- strsplit(unlist(place), "")
  data.frame(
    firm = rep(names(place), lengths(letters_of)), time = sequence(lengths(letters_of)),
    place = unlist(letters_of, use.names = FALSE), y = unlist(y, use.names = FALSE)
  )
}

# A panel of firms of which some move, with effects of places, persistent errors and good firms in good places.
panel_of_movers <- function(firms, periods, places, move = 0.15, rho = 0.8, sorting = 0.6, gaps = 0) {
  psi <- stats::rnorm(places, sd = 0.4)
  alpha <- stats::rnorm(firms, sd = 0.5)
  at <- order(psi)[pmin(places, pmax(1L, ceiling(places * stats::pnorm(sorting * alpha + stats::rnorm(firms)))))]
  place <- matrix(0L, firms, periods)
  place[, 1L] <- at
  for (t in seq_len(periods)[-1L]) {
    moves <- stats::runif(firms) < move
    place[, t] <- ifelse(moves, sample.int(places, firms, TRUE), place[, t - 1L])
  }
  error <- matrix(stats::rnorm(firms * periods, sd = 0.2), firms)
  for (t in seq_len(periods)[-1L]) {
    error[, t] <- rho * error[, t - 1L] + sqrt(1 - rho^2) * error[, t]
  }
  data <- data.frame(
    firm = rep(seq_len(firms), periods), time = rep(seq_len(periods), each = firms), place = as.vector(place),
    y = as.vector(alpha + matrix(psi[place], firms) + error), psi = psi[place], alpha = rep(alpha, periods)
  )
  data[stats::runif(nrow(data)) >= gaps, ]
}

# The same estimators by algebra over all rows, as they are defined. z: a matrix of controls; w: weights that sum to 1.
dense_places <- function(data, z = NULL, w = rep(1 / nrow(data), nrow(data)), leave = "firm") {
  inverse <- function(a) {
    e <- eigen((a + t(a)) / 2, symmetric = TRUE)
    keep <- e$values > 1e-9 * max(e$values)
    e$vectors[, keep] %*% (t(e$vectors[, keep]) / e$values[keep])
  }
  firm <- factor(data$firm)
  place <- factor(data$place)
  D <- stats::model.matrix(~ firm - 1)
  G <- cbind(stats::model.matrix(~ place - 1), z)
  X <- cbind(D, G)
  V <- inverse(crossprod(X))
  y <- data$y - mean(data$y)
  n <- length(y)
  P <- X %*% V %*% t(X)
  e <- drop(y - P %*% y)
  centred <- function(rows) { # rows: what each row of the data has of b; the form of the weighted variance
    left <- rows - rep(1, n) %*% crossprod(w, rows)
    left
  }
  hat <- V %*% t(X)
  J <- nlevels(place)
  at_psi <- cbind(matrix(0, n, ncol(D)), G[, seq_len(J)], matrix(0, n, ncol(G) - J))
  at_alpha <- cbind(D, matrix(0, n, ncol(G)))
  psi <- centred(at_psi) %*% hat
  alpha <- centred(at_alpha) %*% hat
  B <- list(place = crossprod(psi, w * psi), cov = crossprod(alpha, w * psi), firm = crossprod(alpha, w * alpha))
  s2 <- sum(e^2) / (n - round(sum(diag(P))))
  form <- function(b) drop(crossprod(y, b %*% y))
  plug <- vapply(B, form, 0)
  homo <- plug - s2 * vapply(B, function(b) sum(diag(b)), 0)
  H <- diag(n) - D %*% (t(D) / tabulate(firm))
  d <- H %*% G
  W <- d %*% inverse(crossprod(d)) %*% t(d)
  groups <- switch(leave, row = seq_len(n), firm = as.integer(firm), match = as.integer(factor(paste(firm, place))))
  moves <- tapply(data$place, firm, function(x) length(unique(x)) > 1)[firm]
  out <- plug
  for (g in unique(groups)) {
    at <- which(groups == g)
    whole <- leave == "firm" || (leave == "match" && !moves[at[1]])
    r <- solve(diag(length(at)) - (if (whole) W else P)[at, at], e[at])
    for (k in 1:2) out[k] <- out[k] - sum(B[[k]][at, at, drop = FALSE] * tcrossprod(y[at], r))
  }
  out[3] <- plug[3] - sum(diag(B$firm) * y * e / (1 - diag(P)))
  # the variance of the variance of places, and the jackknife
  zz <- drop(H %*% y)
  Pw <- W
  C <- B$place
  r <- e
  gradient <- inverse(crossprod(d)) %*% t(d)
  influence <- NULL
  of <- as.integer(firm)
  b <- matrix(0, n, n)
  for (i in unique(of)) {
    at <- which(of == i)
    M <- solve(diag(length(at)) - Pw[at, at])
    r[at] <- M %*% e[at]
    b[at, at] <- B$place[at, at] %*% M
    influence <- cbind(influence, gradient[, at, drop = FALSE] %*% r[at])
  }
  C <- B$place + (b %*% Pw + Pw %*% t(b)) / 2
  C[outer(of, of, "==")] <- 0
  Cz <- C %*% zz
  variance <- 0
  Omega <- matrix(0, n, n)
  for (i in unique(of)) {
    at <- which(of == i)
    O <- tcrossprod(zz[at], r[at])
    Omega[at, at] <- (O + t(O)) / 2
    variance <- variance + 4 * drop(crossprod(Cz[at], Omega[at, at] %*% Cz[at]))
  }
  CO <- C %*% Omega
  variance <- variance - 2 * sum(CO * t(CO))
  coefficients <- drop(gradient %*% zz)[seq_len(J)]
  means <- drop(rowsum(w, place))
  centre <- diag(J) - rep(1, J) %*% t(means)
  list(psi = drop(centre %*% coefficients), plug = plug, homo = homo, out = out, s2 = s2, variance = variance,
       covariance = tcrossprod(centre %*% influence[seq_len(J), ]))
}
