# Coverage of 95% intervals of decompose_cluster() and of Olley-Pakes covariances in clusters of few firms, whose change is
# 0 in truth.
#
#   Rscript tools/coverage-stayers.R [clusters] [seed]      4000 clusters by default

library(firmmove)
given <- commandArgs(TRUE)
clusters <- as.integer(c(given, "4000")[1])
set.seed(if (length(given) > 1L) as.integer(given[2L]) else 777001L)

# Weights and performance of n firms in each cluster, both periods
draw <- function(weights, n) {
  size <- n * clusters
  lasting <- rnorm(size)
  log_weight <- function(sd) {
    own <- rnorm(size, sd = sd)
    c(own, own + rnorm(size, sd = 0.3))
  }
  w <- switch(weights,
    equal = runif(2 * size, 0.8, 1.2), exponential = rexp(2 * size) + 0.1, lognormal_1 = exp(log_weight(1)),
    lognormal_1.3 = exp(log_weight(1.3))
  )
  data.frame(
    id = rep(seq_len(size), 2), t = rep(1:2, each = size), place = rep(rep(seq_len(clusters), each = n), 2),
    q = c(lasting, lasting) + rnorm(2 * size, sd = 0.4), w = w
  )
}

covers <- function(table) mean(table$conf.low <= 0 & table$conf.high >= 0)
cat("weights, firms, coverage: within, covariance, change, weighted within (Diewert and Fox), level of Olley and Pakes\n")
for (weights in c("equal", "exponential", "lognormal_1", "lognormal_1.3")) {
  for (n in c(2, 3, 4, 5, 10, 30)) {
    data <- draw(weights, n)
    x <- decompose_cluster(data, "q", "w", "id", "place", "t")
    weighted <- decompose_cluster(data, "q", "w", "id", "place", "t", method = "diewert_fox")$mean
    level <- decompose_productivity(data[data$t == 1, ], "q", "w", cluster = "place")$level
    of <- function(table, name) covers(table[table$component == name, ])
    figures <- c(
      of(x$mean, "within"), of(x$mean, "covariance"), covers(x$totals), of(weighted, "within"), of(level, "covariance")
    )
    cat(format(weights, width = 14), format(n, width = 2), sprintf("%.3f", figures), "\n")
  }
}
