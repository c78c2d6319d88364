# Fits and closed forms shared by the tests of answers.

#' A relational fit with the data it was made of
small_fit <- function(formula = ~ rent + distance + keep(size), ..., n = 400) {
  fit_migration(formula, relocation_data(n = n), control = one_thread(), ...)
}

#' Moves of firms between two places only: one index decides
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

#' The same from the table written out long
long_fit <- function(formula, firm = NULL, time = NULL) {
  fit_migration(formula, relocation_long(),
    id = "id", place = "place", from = "from", firm = firm, time = time, control = one_thread()
  )
}
