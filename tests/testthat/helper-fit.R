# Random choice data with known coefficients, shared by the tests of fits.

gumbel <- function(n) -log(-log(stats::runif(n)))

# Firms of six places in three regions: staying is worth 1.5, rent -0.6, distance -0.8, size holds firms
relocation <- function(n = 400, seed = 7) {
  set.seed(seed)
  places <- data.frame(
    place = letters[1:6], region = c("north", "north", "south", "south", "south", "east"),
    rent = c(2.1, 0.4, 1.7, 3, 0.9, 1.3), wage = c(1, 2.5, 2, 0.5, 3, 1.2)
  )
  pairs <- expand.grid(from = places$place, to = places$place, stringsAsFactors = FALSE)
  pairs <- pairs[pairs$from != pairs$to, ]
  pairs$distance <- round(stats::runif(nrow(pairs), 0.2, 2), 2)
  from <- sample(places$place, n, replace = TRUE)
  size <- round(stats::rlnorm(n), 2)
  at <- matrix(0, 6, 6)
  at[cbind(match(pairs$from, places$place), match(pairs$to, places$place))] <- pairs$distance
  stays <- outer(from, places$place, "==")
  utility <- stays * (1.5 + 0.3 * size) - 0.6 * rep(places$rent, each = n) - 0.8 * at[match(from, places$place), ]
  to <- places$place[max.col(utility + matrix(gumbel(6 * n), n))]
  firms <- data.frame(
    firm = paste0("f", seq_len(n) %% (n / 2)), year = rep(1:2, each = n / 2), from = from, to = to, size = size,
    kin = sample(c("Li", "Zhu", "Wang"), n, replace = TRUE), w = round(stats::runif(n, 0.5, 2), 2)
  )
  list(firms = firms, places = places, ties = pairs)
}

relocation_data <- function(...) {
  tables <- relocation(...)
  migration_data(tables$firms, tables$places, tables$ties, time = "year")
}

# The same written out long, with every term as a column
relocation_long <- function(...) {
  tables <- relocation(...)
  n <- nrow(tables$firms)
  long <- merge(cbind(tables$firms, id = seq_len(n)), tables$places)
  long <- merge(long, tables$ties, by.x = c("from", "place"), by.y = c("from", "to"), all.x = TRUE)
  long$distance[is.na(long$distance)] <- 0
  long <- long[order(long$id, long$place), ]
  long$origin_rent <- tables$places$rent[match(long$from, tables$places$place)]
  long$chosen <- as.integer(long$to == long$place)
  long$stays <- as.numeric(long$from == long$place)
  row.names(long) <- NULL
  long
}

# Long data with 2 to 7 places an occasion and weights
ragged_long <- function(n = 150, seed = 3) {
  set.seed(seed)
  offered <- sample(2:7, n, replace = TRUE)
  long <- data.frame(
    id = rep(seq_len(n), offered), place = unlist(lapply(offered, function(k) sort(sample(letters[1:9], k)))),
    x = stats::rnorm(sum(offered)), y = stats::runif(sum(offered)), z = stats::rnorm(sum(offered), sd = 3)
  )
  value <- 0.8 * long$x - 1.2 * long$y + 0.2 * long$z + gumbel(nrow(long))
  long$chosen <- as.integer(value == stats::ave(value, long$id, FUN = max))
  long
}

ragged_data <- function(...) choice_data(ragged_long(...), "chosen", "id", "place")

one_thread <- function(...) migration_control(threads = 1, ...)

# Rankings of 3 to 6 of seven reasons in random choice sets, some complete
ranked_long <- function(n = 120, seed = 11) {
  set.seed(seed)
  offered <- sample(3:6, n, replace = TRUE)
  long <- data.frame(
    who = rep(sprintf("r%03d", seq_len(n)), offered),
    what = unlist(lapply(offered, function(k) sort(sample(LETTERS[1:7], k)))),
    x = round(stats::rnorm(sum(offered)), 3), y = round(stats::runif(sum(offered)), 3)
  )
  worth <- c(A = 0, B = 0.6, C = -0.4, D = 1, E = 0.2, F = -0.8, G = 0.5)
  long$utility <- unname(worth[long$what]) + 0.7 * long$x - long$y + gumbel(nrow(long))
  place <- stats::ave(-long$utility, long$who, FUN = rank)
  depth <- stats::ave(seq_along(place), long$who, FUN = function(i) sample(length(i), 1))
  long$rank <- ifelse(place <= depth, place, NA)
  long
}

# The same as best-worst answers by the model: the best, then the worst of the others
best_worst_long <- function(n = 200, seed = 12) {
  long <- ranked_long(n, seed)
  v <- long$utility
  best <- v == stats::ave(v, long$who, FUN = max)
  worth <- c(A = 0, B = 0.6, C = -0.4, D = 1, E = 0.2, F = -0.8, G = 0.5)
  down <- -(unname(worth[long$what]) + 0.7 * long$x - long$y) + gumbel(nrow(long))
  down[best] <- -Inf
  worst <- down == stats::ave(down, long$who, FUN = max)
  long$answer <- best - worst
  long
}
