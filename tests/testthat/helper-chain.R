# Panels drawn from an equilibrium with known parameters, shared by the tests and tools/recovery-chain.R.

chain_truth <- c(stay = 1, rent = -0.7, distance = -0.6, "keep(size)" = 0.4, "chain(kin)" = 1.5)

# Firms of `groups` kin groups in `periods` periods: each group starts mostly from a place of its own, so that what
# others prefer differs between groups. Shares solve s = Psi(s) cell by cell, by damped steps from equal shares.
chain_tables <- function(seed, groups = 6, periods = 4, firms = 50, truth = chain_truth, scale = "share",
                         weights = FALSE) {
  set.seed(seed)
  place <- letters[1:5]
  places <- data.frame(
    place = rep(place, periods), year = rep(seq_len(periods), each = 5),
    rent = round(stats::runif(5 * periods, 0, 2), 2)
  )
  pairs <- expand.grid(from = place, to = place, stringsAsFactors = FALSE)
  pairs$distance <- ifelse(pairs$from == pairs$to, 0, round(stats::runif(nrow(pairs), 0.3, 2), 2))
  distance <- matrix(pairs$distance, 5)
  cells <- expand.grid(kin = seq_len(groups), year = seq_len(periods))
  rows <- lapply(seq_len(nrow(cells)), function(i) {
    home <- (cells$kin[i] - 1) %% 5 + 1
    from <- ifelse(stats::runif(firms) < 0.6, home, sample(5, firms, replace = TRUE))
    size <- round(stats::rnorm(firms), 2)
    w <- if (weights) round(stats::runif(firms, 0.5, 2), 2) else rep(1, firms)
    rent <- places$rent[places$year == cells$year[i]]
    stays <- outer(from, 1:5, "==")
    v <- stays * (truth[["stay"]] + truth[["keep(size)"]] * size) + truth[["rent"]] * rep(rent, each = firms) +
      truth[["distance"]] * distance[from, ]
    share <- plain_equilibrium(v, truth[["chain(kin)"]], w, rep(0.2, 5), scale)
    v <- v + truth[["chain(kin)"]] * rep(plain_scale(share, sum(w), scale), each = firms)
    to <- max.col(v - log(-log(matrix(stats::runif(5 * firms), firms))))
    data.frame(
      firm = paste0("f", (cells$kin[i] - 1) * firms + seq_len(firms)), year = cells$year[i], from = place[from],
      to = place[to], size = size, kin = paste0("k", cells$kin[i]), w = w
    )
  })
  list(firms = do.call(rbind, rows), places = places, ties = pairs)
}

plain_scale <- function(share, n, scale) {
  switch(scale, share = share, count = n * share, log1p = log1p(n * share))
}

plain_psi <- function(v, delta, w, share, scale = "share") {
  u <- exp(v + delta * rep(plain_scale(share, sum(w), scale), each = nrow(v)))
  colSums(w * u / rowSums(u)) / sum(w)
}

plain_equilibrium <- function(v, delta, w, share, scale = "share") {
  for (i in 1:2000) {
    new <- plain_psi(v, delta, w, share, scale)
    if (max(abs(new - share)) < 1e-14) break
    share <- (share + new) / 2
  }
  new
}

chain_panel <- function(...) {
  tables <- chain_tables(...)
  migration_data(tables$firms, tables$places, tables$ties, time = "year")
}

chain_formula <- ~ rent + distance + keep(size)

# The same as long data, with some places taken out of some choice sets
chain_long <- function(..., ragged = FALSE) {
  tables <- chain_tables(...)
  firms <- cbind(id = seq_len(nrow(tables$firms)), tables$firms)
  long <- merge(firms, tables$places, by = "year")
  long <- merge(long, tables$ties, by.x = c("from", "place"), by.y = c("from", "to"))
  if (ragged) {
    out <- (long$id + match(long$place, letters)) %% 4 == 0 & long$place != long$to & long$place != long$from
    long <- long[!out, ]
  }
  long <- long[order(long$id, long$place), ]
  long$chosen <- as.integer(long$place == long$to)
  row.names(long) <- NULL
  long
}

# Two places without origins and without attributes that differ between firms: u_a - u_b = `gap`, so that
# m = 2 s_a - 1 solves m = tanh((gap + delta m) / 2). `share`: of firms observed at a, for each group.
two_place_fit <- function(gap, delta, share, n = 200) {
  places <- data.frame(place = c("a", "b"), charm = c(gap, 0))
  kin <- rep(names(share), each = n)
  to <- unlist(lapply(share, function(s) rep(c("a", "b"), round(c(s, 1 - s) * n))))
  data <- migration_data(data.frame(firm = seq_along(to), to = to, kin = kin), places, from = NULL)
  suppressWarnings(fit_migration(~charm, data,
    model = chain(kin), control = migration_control(threads = 1, fixed = c(charm = 1, "chain(kin)" = delta))
  ))
}

# The roots of m = tanh((gap + delta m) / 2), by bisection between the sign changes on a fine grid
two_place_roots <- function(gap, delta) {
  f <- function(m) tanh((gap + delta * m) / 2) - m
  grid <- seq(-1, 1, length.out = 4000)
  at <- which(diff(sign(f(grid))) != 0)
  vapply(at, function(i) stats::uniroot(f, grid[i + 0:1], tol = 1e-14)$root, 0)
}
