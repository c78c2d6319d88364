# Spells with known hazards, shared by the tests of hazard().

# Firms of three places over some periods: a panel from their first period on, closed firms with `to` missing
#
# eta of moving is -2.2 + 0.3 log(duration) + 0.8 push - 0.5 w, of closing -3 + 0.4 push; a gamma frailty of
# variance v for each spell
hazard_tables <- function(n = 300, periods = 8, v = 0, link = "cloglog", seed = 11) {
  set.seed(seed)
  places <- data.frame(
    place = rep(c("a", "b", "c"), periods), year = rep(seq_len(periods), each = 3),
    rent = round(stats::runif(3 * periods, 0, 2), 2), coast = rep(c("yes", "no", "no"), periods)
  )
  at <- sample(3, n, replace = TRUE)
  w <- round(stats::rnorm(n), 2)
  alive <- rep(TRUE, n)
  spell <- integer(n)
  frail <- function(k) if (v > 0) stats::rgamma(k, 1 / v, 1 / v) else rep(1, k)
  u <- frail(n)
  rows <- list()
  for (year in seq_len(periods)) {
    spell <- spell + 1L
    rent <- places$rent[(year - 1) * 3 + at]
    eta <- cbind(-2.2 + 0.3 * log(spell) + 0.8 * rent - 0.5 * w, -3 + 0.4 * rent)
    p <- if (link == "logit") exp(eta) / (1 + rowSums(exp(eta))) else {
      s <- u * rowSums(exp(eta))
      -expm1(-s) * exp(eta) / rowSums(exp(eta))
    }
    draw <- stats::runif(n)
    moves <- draw < p[, 1]
    closes <- !moves & draw < p[, 1] + p[, 2]
    goes <- ifelse(moves, (at + sample(2, n, replace = TRUE) - 1) %% 3 + 1, at)
    to <- ifelse(closes, NA, letters[goes])
    rows[[year]] <- data.frame(firm = seq_len(n), year = year, from = letters[at], to = to, w = w)[alive, ]
    alive <- alive & !closes
    at <- goes
    spell[moves] <- 0L
    u[moves] <- frail(sum(moves))
  }
  list(firms = do.call(rbind, rows), places = places)
}

hazard_data <- function(...) {
  tables <- hazard_tables(...)
  migration_data(tables$firms, tables$places, time = "year")
}

# Its rows as a data frame for glm() and direct likelihoods: y stay, move or exit
hazard_frame <- function(...) {
  tables <- hazard_tables(...)
  f <- tables$firms
  f$rent <- tables$places$rent[match(paste(f$from, f$year), paste(tables$places$place, tables$places$year))]
  f$coast <- tables$places$coast[match(f$from, tables$places$place)]
  f <- f[order(f$firm, f$year), ]
  last <- c(FALSE, f$firm[-1] == f$firm[-nrow(f)] & f$from[-1] == f$from[-nrow(f)])
  f$spell <- cumsum(!last)
  f$duration <- stats::ave(f$year, f$spell, FUN = seq_along)
  f$y <- factor(ifelse(is.na(f$to), "exit", ifelse(f$to == f$from, "stay", "move")), c("stay", "move", "exit"))
  f
}

# The call of fit_migration() as written, without its messages: update() works on the result
fit_quietly <- function(...) {
  call <- match.call()
  call[[1]] <- quote(fit_migration)
  suppressMessages(eval(call, parent.frame()))
}
