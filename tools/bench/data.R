# Simulated data. A seed is set for each, so a row has the same data in every run.

# Names of n columns: x1, x2, ...
columns <- function(n) paste0("x", seq_len(n))

# A row per occasion and place, grouped by occasion, all places offered, attributes independent normal.
long_frame <- function(size) {
  x <- matrix(stats::rnorm(size$occasions * size$places * size$terms), ncol = size$terms)
  colnames(x) <- columns(size$terms)
  data.frame(
    id = rep(seq_len(size$occasions), each = size$places),
    place = rep(seq_len(size$places), size$occasions),
    choice = 0L, x
  )
}

long_coefficients <- function(size) seq(-0.5, 0.5, length.out = size$terms)
nest_lambdas <- function(size) seq(0.5, 0.9, length.out = size$nests)

# Marks one place of each occasion, drawn with the probabilities p (occasions x places).
mark_choices <- function(data, p) {
  below <- stats::runif(nrow(p)) * rowSums(p)
  chosen <- rep(1L, nrow(p))
  sum <- numeric(nrow(p))
  for (j in seq_len(ncol(p) - 1L)) {
    sum <- sum + p[, j]
    chosen <- chosen + (below > sum)
  }
  data$choice[(seq_len(nrow(p)) - 1L) * ncol(p) + chosen] <- 1L
  data
}

utilities <- function(data, size) {
  v <- as.matrix(data[columns(size$terms)]) %*% long_coefficients(size)
  matrix(v, size$occasions, size$places, byrow = TRUE)
}

make_conditional <- function(size) {
  set.seed(size$occasions + size$places)
  data <- long_frame(size)
  mark_choices(data, exp(utilities(data, size)))
}

# Nests of equal size in a column `nest`.
make_nested <- function(size) {
  set.seed(size$occasions + size$places)
  data <- long_frame(size)
  of_place <- rep(seq_len(size$nests), length.out = size$places)
  data$nest <- paste0("n", of_place)[data$place]
  lambda <- nest_lambdas(size)
  scaled <- exp(sweep(utilities(data, size), 2, lambda[of_place], "/"))
  inclusive <- rowsum(t(scaled), of_place)
  share <- inclusive^(lambda - 1)
  mark_choices(data, scaled * t(share[of_place, ]))
}

# Firms in places, with push, pull, keep, stay, ties and three products of a continuous attribute of the firm
# with one of the place.
relational_coefficients <- c(
  stay = 3, rent = -0.4, "pull(wage)" = 0.5, "push(rent)" = 0.3, "keep(age)" = 0.4, "log(distance)" = -0.6,
  dialect = 0.5, "size:rent" = 0.3, "skill:wage" = 0.4, "age:park" = -0.3
)

make_relational <- function(size) {
  set.seed(size$occasions + size$places)
  J <- size$places
  places <- data.frame(place = sprintf("p%04d", seq_len(J)), rent = stats::runif(J, -1, 1),
                       wage = stats::runif(J, -1, 1), park = stats::runif(J, -1, 1))
  east <- stats::runif(J)
  north <- stats::runif(J)
  group <- sample(20L, J, replace = TRUE)
  pairs <- expand.grid(to = seq_len(J), from = seq_len(J))
  pairs <- pairs[pairs$from != pairs$to, ]
  ties <- data.frame(
    from = places$place[pairs$from], to = places$place[pairs$to],
    distance = 0.01 + sqrt((east[pairs$from] - east[pairs$to])^2 + (north[pairs$from] - north[pairs$to])^2),
    dialect = as.numeric(group[pairs$from] == group[pairs$to])
  )
  n <- size$occasions
  origin <- sample.int(J, n, replace = TRUE)
  firms <- data.frame(firm = seq_len(n), from = places$place[origin], size = stats::runif(n, -1, 1),
                      skill = stats::runif(n, -1, 1), age = stats::runif(n, -1, 1))
  firms$to <- places$place[draw_places(firms, places, ties, origin)]
  list(firms = firms, places = places, ties = ties)
}

# Exact draws without utilities for each firm and place: a place is proposed with the part of its probability that
# firms of one origin share and kept with the part that is the firm's own, which attributes in [-1, 1] bound.
draw_places <- function(firms, places, ties, origin) {
  b <- relational_coefficients
  J <- nrow(places)
  common <- vapply(seq_len(J), function(o) {
    at <- (o - 1L) * (J - 1L) + seq_len(J - 1L)
    v <- b[["pull(wage)"]] * places$wage[-o] + b[["push(rent)"]] * places$rent[o] +
      b[["log(distance)"]] * log(ties$distance[at]) + b[["dialect"]] * ties$dialect[at]
    exp(append(v, b[["stay"]], o - 1L) + b[["rent"]] * places$rent)
  }, numeric(J))
  own <- function(i, j) {
    b[["size:rent"]] * firms$size[i] * places$rent[j] + b[["skill:wage"]] * firms$skill[i] * places$wage[j] +
      b[["age:park"]] * firms$age[i] * places$park[j] + b[["keep(age)"]] * firms$age[i] * (origin[i] == j)
  }
  bound <- sum(abs(b[c("size:rent", "skill:wage", "age:park", "keep(age)")]))
  chosen <- integer(nrow(firms))
  open <- seq_along(chosen)
  while (length(open) > 0) {
    by_origin <- split(open, origin[open])
    proposed <- integer(length(chosen))
    for (o in names(by_origin)) {
      firm <- by_origin[[o]]
      proposed[firm] <- sample.int(J, length(firm), replace = TRUE, prob = common[, as.integer(o)])
    }
    kept <- open[log(stats::runif(length(open))) < own(open, proposed[open]) - bound]
    chosen[kept] <- proposed[kept]
    open <- open[chosen[open] == 0L]
  }
  chosen
}

# Firms in towns over years, in order of the year: a firm may close, with a new one in its stead, or move. The firm
# with the least id stays, since dfvad turns signs round when it does not.
make_dynamics <- function(size) {
  set.seed(size$firm_years + size$years)
  n <- size$firm_years %/% size$years
  slot <- seq_len(n)
  alive <- data.frame(firm = sample.int(n), town = sample.int(size$towns, n, replace = TRUE),
                      level = stats::rnorm(n), jobs = stats::rlnorm(n, 2))
  last <- n
  panel <- list()
  for (year in seq_len(size$years)) {
    if (year > 1) {
      moves <- slot[stats::runif(n) < 0.05]
      alive$town[moves] <- sample.int(size$towns, length(moves), replace = TRUE)
      new <- slot[stats::runif(n) < 0.1 & alive$firm > 1]
      alive$firm[new] <- last + seq_along(new)
      alive$level[new] <- stats::rnorm(length(new))
      last <- last + length(new)
      alive$jobs <- alive$jobs * stats::rlnorm(n, 0, 0.2)
    }
    row <- sample.int(n)
    panel[[year]] <- data.frame(
      firm = alive$firm[row], year = 2000L + year, town = alive$town[row],
      productivity = 5 + alive$level[row] + alive$town[row] / size$towns + stats::rnorm(n, 0, 0.3),
      jobs = alive$jobs[row]
    )
  }
  do.call(rbind, panel)
}

# Points in the unit square, of which one in twenty is a case; half of the cases lie around ten centres.
make_cases <- function(size) {
  set.seed(size$points)
  n <- size$points
  data <- data.frame(x = stats::runif(n), y = stats::runif(n),
                     type = rep(c("case", "control"), c(n %/% 20, n - n %/% 20)), jobs = stats::rlnorm(n, 1))
  around_centres(data, seq_len(n %/% 40))
}

# The same in industries of unequal size, the first of them half clustered.
make_industries <- function(size) {
  set.seed(size$points)
  n <- size$points
  industry <- sample.int(size$industries, n, replace = TRUE, prob = 1 / (5 + seq_len(size$industries)))
  data <- data.frame(x = stats::runif(n), y = stats::runif(n), type = sprintf("i%02d", industry), jobs = 1)
  data <- data[order(industry), ]
  around_centres(data, seq_len(sum(industry == 1) %/% 2))
}

around_centres <- function(data, rows) {
  near <- function(centre) pmin(pmax(centre + stats::rnorm(length(rows), 0, 0.02), 0), 1)
  centre <- rep_len(seq_len(10), length(rows))
  data$x[rows] <- near(stats::runif(10)[centre])
  data$y[rows] <- near(stats::runif(10)[centre])
  data
}
