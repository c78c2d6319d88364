# Panels and plain-R reference accounts for the tests of the decompositions.

cluster_methods <- c("melitz_polanec", "diewert_fox", "griliches_regev", "foster_haltiwanger_krizan",
                     "baily_hulten_campbell", "baldwin_gu")

all_methods <- c(cluster_methods, "price", "shapley")

# The example T2: three clusters, moves, births and deaths, in long form.
three_clusters <- function() {
  wide <- utils::read.table(na.strings = "-", text = "
    a1 W W 100 110 2.0 2.2
    a2 W W  60  50 1.5 1.6
    a3 W W  40  40 1.0 1.3
    a4 W G  80 100 2.5 3.0
    a5 W G  30  20 1.2 1.1
    a6 W N  50  60 1.8 2.0
    a7 W -  20   - 0.8   -
    a8 - W   -  30   - 1.7
    g1 G G 120 150 2.2 2.6
    g2 G G  70  60 1.9 1.8
    g3 G W  30  30 1.4 1.5
    g4 G -  40   - 1.1   -
    g5 - G   -  50   - 2.4
    g6 - G   -  20   - 1.0
    n1 N N  90 100 1.6 1.9
    n2 N N  50  40 1.3 1.2
    n3 N G  40  60 2.1 2.7
    n4 N -  10   - 0.7   -
    n5 - N   -  30   - 1.5", col.names = c("id", "k0", "k1", "w0", "w1", "q0", "q1"))
  long <- data.frame(id = rep(wide$id, 2), year = rep(2000:2001, each = nrow(wide)), town = c(wide$k0, wide$k1),
                     w = c(wide$w0, wide$w1), q = c(wide$q0, wide$q1))
  long[!is.na(long$town), ]
}

# The example T1: six firms in each of two periods, one cluster; `entrants` renames firms 7 and 8.
six_firms <- function(entrants = c(7, 8), periods = 1:2) {
  one <- data.frame(id = 1:6, t = 1, q = c(1.95, 1.73, 1.64, 1.85, 1.39, 1.57), w = c(.33, .25, .10, .12, .09, .11))
  two <- data.frame(id = c(1:4, entrants), t = 2, q = c(1.68, 1.76, 1.04, 1.47, 1.17, 1.23),
                    w = c(.30, .21, .17, .01, .25, .06))
  data <- rbind(one, two, transform(one, t = 3))
  data <- data[data$t %in% periods, ]
  data$place <- "all"
  data
}

decompose_long <- function(data, method = "melitz_polanec", ...) {
  decompose_cluster(data, performance = "q", weight = "w", firm = "id", cluster = "town", time = "year",
                    method = method, ...)
}

# A random panel: firms are born, die, move; some clusters empty, some firms of odd sizes.
random_panel <- function(n = 60, places = 3, periods = 2, move = 0.25, exit = 0.15, late = 0.25) {
  firm <- seq_len(n)
  first <- ifelse(stats::runif(n) < late, sample(seq_len(periods), n, TRUE), 1)
  last <- pmin(periods, first + stats::rgeom(n, exit))
  row <- do.call(rbind, lapply(firm, function(i) {
    at <- first[i]:last[i]
    moves <- stats::runif(length(at)) < move
    where <- sample(places, length(at), TRUE)
    for (j in seq_along(at)[-1]) if (!moves[j]) where[j] <- where[j - 1]
    data.frame(id = i, year = 2000 + at, town = where)
  }))
  row$town <- paste0("T", row$town)
  row$w <- stats::rlnorm(nrow(row), 2, 1)
  row$q <- stats::rnorm(n)[row$id] + stats::rnorm(nrow(row), 1)
  row
}

# The mean account of one cluster between two periods, term by term from the definitions.
reference_mean <- function(data, cluster, start, end, method) {
  if (method == "shapley") return(reference_shapley(data, cluster, start, end))
  wide <- merge(data[data$year == start, c("id", "town", "w", "q")], data[data$year == end, c("id", "town", "w", "q")],
                by = "id", all = TRUE, suffixes = c("0", "1"))
  at0 <- wide[wide$town0 %in% cluster, ]
  at1 <- wide[wide$town1 %in% cluster, ]
  stay <- wide[wide$town0 %in% cluster & wide$town1 %in% cluster, ]
  mean0 <- sum(at0$w0 * at0$q0) / sum(at0$w0)
  mean1 <- sum(at1$w1 * at1$q1) / sum(at1$w1)
  s0 <- stay$w0 / sum(at0$w0)
  s1 <- stay$w1 / sum(at1$w1)
  h0 <- stay$w0 / sum(stay$w0)
  h1 <- stay$w1 / sum(stay$w1)
  dq <- stay$q1 - stay$q0
  fitness <- stay$w1 / stay$w0
  qbar <- (stay$q0 + stay$q1) / 2
  left <- at0[!at0$town1 %in% cluster, ]
  of_stayers <- c(sum(h0 * stay$q0), sum(h1 * stay$q1))
  R <- switch(method,
    melitz_polanec = , diewert_fox = , price = of_stayers,
    griliches_regev = rep((mean0 + mean1) / 2, 2), foster_haltiwanger_krizan = rep(mean0, 2),
    baily_hulten_campbell = c(0, 0),
    baldwin_gu = rep(if (nrow(left)) sum(left$w0 * left$q0) / sum(left$w0) else mean0, 2)
  )
  terms <- switch(method,
    melitz_polanec = c(within = mean(dq), covariance = diff(of_stayers) - mean(dq)),
    diewert_fox = c(within = sum((h0 + h1) / 2 * dq), between = sum((h1 - h0) * qbar)),
    griliches_regev = , baldwin_gu = c(within = sum((s0 + s1) / 2 * dq), between = sum((s1 - s0) * (qbar - R[1]))),
    foster_haltiwanger_krizan = c(within = sum(s0 * dq), between = sum((s1 - s0) * (stay$q0 - mean0)),
                                  cross = sum((s1 - s0) * dq)),
    baily_hulten_campbell = c(within = sum(s0 * dq), between = sum((s1 - s0) * stay$q1)),
    price = c(transmission = sum(h1 * dq), selection = sum(h0 * (fitness / sum(h0 * fitness) - 1) * stay$q0))
  )
  enters <- function(g) if (nrow(g)) sum(g$w1 / sum(at1$w1) * (g$q1 - R[2])) else 0
  leaves <- function(g) if (nrow(g)) sum(g$w0 / sum(at0$w0) * (R[1] - g$q0)) else 0
  others <- setdiff(unique(data$town), cluster)
  from <- vapply(others, function(o) enters(at1[at1$town0 %in% o, ]), 1)
  to <- vapply(others, function(o) leaves(at0[at0$town1 %in% o, ]), 1)
  list(
    terms = c(terms, birth = enters(at1[is.na(at1$town0), ]), immigration = sum(from),
              death = leaves(at0[is.na(at0$town1), ]), emigration = sum(to)),
    from = from, to = to, change = mean1 - mean0
  )
}

# The Shapley form from the values of the game of its three factors, played for each group of movers
reference_shapley <- function(data, cluster, start, end) {
  wide <- merge(data[data$year == start, c("id", "town", "w", "q")], data[data$year == end, c("id", "town", "w", "q")],
                by = "id", all = TRUE, suffixes = c("0", "1"))
  wide <- wide[wide$town0 %in% cluster | wide$town1 %in% cluster, ]
  both <- wide[!is.na(wide$w0) & !is.na(wide$w1), ]
  others <- setdiff(unique(data$town), cluster)
  mean_of <- function(firms, a, b) {
    w <- if (a) firms$w1 else firms$w0
    sum(w * (if (b) firms$q1 else firms$q0)) / sum(w)
  }
  here <- function(m) both[if (m) both$town1 %in% cluster else both$town0 %in% cluster, ]
  states <- expand.grid(m = 0:1, a = 0:1, b = 0:1)
  v <- mapply(function(m, a, b) mean_of(here(m), a, b), states$m, states$a, states$b)
  parts <- shapley_values(v, 3)
  stay <- both[both$town0 %in% cluster & both$town1 %in% cluster, ]
  moved <- function(other, m) {
    group <- both[(if (m) both$town0 else both$town1) %in% other, ]
    gap <- mapply(function(a, b) {
      w <- function(firms) if (a) firms$w1 else firms$w0
      if (nrow(group)) sum(w(group)) / sum(w(here(m))) * (mean_of(group, a, b) - mean_of(stay, a, b)) else 0
    }, c(0, 1, 0, 1), c(0, 0, 1, 1))
    (2 * m - 1) * sum(gap * c(1 / 3, 1 / 6, 1 / 6, 1 / 3))
  }
  from <- vapply(others, moved, 1, m = 1)
  to <- vapply(others, moved, 1, m = 0)
  stopifnot(abs(sum(from, to) - parts[1]) < 1e-12)
  born <- wide[wide$town1 %in% cluster & is.na(wide$w0), ]
  died <- wide[wide$town0 %in% cluster & is.na(wide$w1), ]
  birth <- sum(born$w1 * (born$q1 - v[8])) / (sum(born$w1) + sum(here(1)$w1))
  death <- sum(died$w0 * (v[1] - died$q0)) / (sum(died$w0) + sum(here(0)$w0))
  list(terms = c(within = parts[3], between = parts[2], birth = birth, immigration = sum(from), death = death,
                 emigration = sum(to)), from = from, to = to)
}

# Sums over partners, as a named vector
account_of <- function(table, cluster, start = NULL, end = NULL) {
  keep <- table$cluster == cluster
  if (!is.null(start)) keep <- keep & table$start == start & table$end == end
  drop(rowsum(table$estimate[keep], table$component[keep])[, 1])
}

# Estimates of all tables as one vector, for bootstraps: rows are matched by their labels
all_estimates <- function(x, tables = c("mean", "size", "share", "sorting", "system", "growth")) {
  unlist(lapply(tables, function(name) {
    table <- x[[name]]
    label <- paste(name, table$block, table$cluster, table$component, table$partner)
    stats::setNames(table$estimate, label)
  }))
}

all_errors <- function(x, ...) {
  each <- lapply(x[c("mean", "size", "share", "sorting", "system", "growth")], function(table) {
    if (is.data.frame(table)) table$estimate <- table$std.error
    table
  })
  all_estimates(each, ...)
}
