# Fits and closed forms shared by the tests of answers.

# A relational fit with the data it was made of
small_fit <- function(formula = ~ rent + distance + keep(size), ..., n = 400) {
  fit_migration(formula, relocation_data(n = n), control = one_thread(), ...)
}

# Moves of firms between two places only: one index decides
two_place_data <- function(n = 500, seed = 4) {
  set.seed(seed)
  firms <- data.frame(
    firm = seq_len(n), from = sample(c("a", "b"), n, replace = TRUE), size = stats::rnorm(n), age = stats::rnorm(n),
    kin = stats::rnorm(n)
  )
  leave <- stats::runif(n) < stats::plogis(-1 - 0.8 * firms$size + 0.5 * firms$age)
  firms$to <- ifelse(leave, ifelse(firms$from == "a", "b", "a"), firms$from)
  migration_data(firms, data.frame(place = c("a", "b"), rent = c(1, 2)))
}

# The same from the table written out long
long_fit <- function(formula, firm = NULL, time = NULL) {
  fit_migration(formula, relocation_long(),
    id = "id", place = "place", from = "from", firm = firm, time = time, control = one_thread()
  )
}

# Moves of firms that know what they pay, and what that is in units of rent: list(data, truth, named as the rows of
# compensate()). The truth of the cost of moving is that of the moves drawn, as its definition says. Without a network
# kin counts for nothing.
worth_draw <- function(seed, n = 600, kin = 1) {
  b <- c(stay = 1.2, rent = -0.6, wage = 0.4, kin = kin)
  set.seed(seed)
  places <- data.frame(
    place = letters[1:5], rent = c(2.1, 0.4, 1.7, 3, 0.9), wage = c(1, 2.5, 2, 0.5, 3)
  )
  from <- sample.int(5L, n, replace = TRUE)
  share <- matrix(stats::runif(5L * n), n)
  own <- cbind(seq_len(n), from)
  v <- rep(b[["rent"]] * places$rent + b[["wage"]] * places$wage, each = n) + kin * share
  v[own] <- v[own] + b[["stay"]]
  to <- max.col(v + matrix(gumbel(5L * n), n))
  ties <- data.frame(
    firm = rep(seq_len(n), 5L), to = rep(places$place, each = n), kin = c(share)
  )
  firms <- data.frame(firm = seq_len(n), from = places$place[from], to = places$place[to])
  left <- kin * mean(share[own][from != to])
  found <- -kin * mean(share[cbind(seq_len(n), to)][from != to])
  costs <- c(b[["stay"]], left, found, b[["stay"]] + left + found)
  truth <- c(b[c("stay", "wage", "kin")], costs) / -b[["rent"]]
  names(truth)[4:7] <- c(
    "moving cost without network", "network left at the origin", "network found at the destination",
    "moving cost with network"
  )
  list(data = migration_data(firms, places, ties), truth = truth)
}
