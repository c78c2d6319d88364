# Panels of firms of two kinds, shared by the tests of latent classes.

# Firms of two kinds: most like x and are easily moved, the others dislike it and stay; z shifts the kind
two_kinds <- function(firms = 200, times = 4, seed = 1, places = 4, apart = 1) {
  set.seed(seed)
  place <- letters[seq_len(places)]
  z <- round(stats::rnorm(firms), 2)
  kind <- 1L + (stats::runif(firms) < stats::plogis(-0.5 + z))
  table <- expand.grid(place = place, year = seq_len(times))
  table$x <- round(stats::runif(nrow(table), -2, 2), 2)
  table$y <- round(stats::rnorm(nrow(table)), 2)
  rows <- expand.grid(firm = seq_len(firms), year = seq_len(times))
  rows$from <- sample(place, nrow(rows), replace = TRUE)
  rows$z <- z[rows$firm]
  rows$kind <- kind[rows$firm]
  x <- t(matrix(table$x, places)[, rows$year])
  y <- t(matrix(table$y, places)[, rows$year])
  stay <- outer(rows$from, place, "==")
  v <- stay * c(0.6, 2)[rows$kind] + x * (apart * c(1, -0.8)[rows$kind]) + 0.5 * y
  rows$to <- place[max.col(v + matrix(gumbel(length(v)), nrow(v)))]
  rows$w <- round(1 + stats::runif(firms), 2)[rows$firm]
  rows$segment <- c("ceiling", "outdoor", "table")[1 + rows$firm %% 3]
  list(firms = rows, places = table)
}

two_kinds_data <- function(...) {
  tables <- two_kinds(...)
  migration_data(tables$firms, tables$places, time = "year")
}

# The same written out long, some places not on offer
two_kinds_long <- function(..., drop = 0.2) {
  tables <- two_kinds(...)
  firms <- cbind(tables$firms, id = seq_len(nrow(tables$firms)))
  long <- merge(firms, tables$places)
  long <- long[order(long$id, long$place), ]
  long$chosen <- as.integer(long$to == long$place)
  set.seed(99)
  keep <- long$chosen == 1 | long$from == long$place | stats::runif(nrow(long)) > drop
  # an occasion needs two places
  keep <- keep | stats::ave(keep, long$id, FUN = sum) < 2
  long <- long[keep, ]
  row.names(long) <- NULL
  long
}

# Log-likelihood of latent classes from its definition: utilities v[[c]] (occasions x places), chosen columns, firms,
# probabilities of the classes pi (firms x classes), weights of the firms
latent_loglik <- function(v, chosen, firm, pi, w = 1) {
  by_class <- vapply(v, function(u) {
    p <- u[cbind(seq_along(chosen), chosen)] - log(rowSums(exp(u)))
    as.vector(rowsum(p, firm))
  }, numeric(max(firm)))
  sum(w * log(rowSums(pi * exp(by_class))))
}
