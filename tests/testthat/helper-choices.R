# Two hundred occasions of three places, with a chooser's factor and columns of several types; shared by the tests of
# words, types and new data.

three_places <- function(n = 200, seed = 1) {
  set.seed(seed)
  d <- data.frame(id = rep(1:n, each = 3), alt = rep(c("a", "b", "c"), n), x = rnorm(3 * n), z = rnorm(3 * n))
  u <- d$x - d$z + gumbel(3 * n)
  d$y <- as.integer(u == ave(u, d$id, FUN = max))
  d$q <- ifelse(d$x > 0, 3, 7)
  d$w <- factor(rep(sample(c("lo", "mid", "hi"), n, TRUE), each = 3), levels = c("lo", "mid", "hi"))
  d$home <- "a"
  d
}

fit_three <- function(formula, data = three_places(), ...) {
  fit_migration(formula, data, id = "id", place = "alt", ..., control = migration_control(threads = 1))
}

# Firms that stay the more, the larger they are, among three places
stayers_by_size <- function() {
  set.seed(2)
  places <- data.frame(place = c("a", "b", "c"), rent = 1:3)
  firms <- data.frame(firm = 1:300, from = sample(places$place, 300, TRUE), size = sample(c(3, 7), 300, TRUE))
  firms$to <- ifelse(runif(300) < 0.1 * firms$size, firms$from, sample(places$place, 300, TRUE))
  migration_data(firms, places)
}
