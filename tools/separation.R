# Separation against linear programming: on random small data sets of every model, how often a fit names it, misses it, or
# names it where there is none. Needs lpSolve.
#   Rscript tools/separation.R [data sets a model, 150] [library]
arguments <- commandArgs(TRUE)
sets <- if (length(arguments) > 0L) as.integer(arguments[1L]) else 150L
if (length(arguments) > 1L) .libPaths(c(arguments[-1L], .libPaths()))
suppressPackageStartupMessages(library(firmmove))

# Is there a direction along which no row of `gain` falls, and some rise?
is_separated <- function(gain) {
  n <- nrow(gain)
  k <- ncol(gain)
  # maximise sum t with t <= gain %*% (up - down), 0 <= t <= 1
  rows <- rbind(cbind(gain, -gain, -diag(n)), cbind(matrix(0, n, 2 * k), diag(n)))
  found <- lpSolve::lp("max", c(rep(0, 2 * k), rep(1, n)), rows, rep(c(">=", "<="), each = n), rep(0:1, each = n))
  found$status == 0L && found$objval > 1e-6
}

# Occasions of three or four places, two dummies, one of them rare, and a continuous term
random_choices <- function() {
  n <- sample(15:40, 1L)
  j <- sample(3:4, 1L)
  d <- data.frame(id = rep(seq_len(n), each = j), alt = rep(letters[seq_len(j)], n), x = round(stats::rnorm(n * j), 1))
  d$s <- as.integer(stats::runif(n * j) < 0.1)
  d$b <- as.integer(stats::runif(n * j) < 0.4)
  u <- stats::rnorm(1L) * d$x + stats::rnorm(1L) * d$b - log(-log(stats::runif(n * j)))
  d$y <- as.integer(u == stats::ave(u, d$id, FUN = max))
  d$nest <- ifelse(d$alt == "a", "one", "two")
  d$firm <- (d$id + 1L) %/% 2L
  d
}

choice_gains <- function(d) {
  x <- as.matrix(d[c("x", "s", "b")])
  chosen <- x[d$y == 1L, , drop = FALSE][d$id, , drop = FALSE]
  unique((chosen - x)[d$y == 0L, , drop = FALSE])
}

choice_fit <- function(model) {
  function(d) {
    fit_migration(y ~ x + s + b, d, model, id = "id", place = "alt", firm = "firm", control = migration_control(threads = 1))
  }
}

# Spells of up to five years that end by leaving
random_spells <- function() {
  n <- sample(15:40, 1L)
  rows <- lapply(seq_len(n), function(i) {
    long <- sample(1:5, 1L)
    data.frame(firm = i, year = seq_len(long), end = seq_len(long) == long & stats::runif(1L) < 0.7)
  })
  d <- do.call(rbind, rows)
  d$x <- round(stats::rnorm(nrow(d)), 1)
  d$s <- as.integer(stats::runif(nrow(d)) < ifelse(d$end, 0.15, 0.05))
  d$from <- "a"
  d$to <- ifelse(d$end, "b", "a")
  d
}

spell_gains <- function(d) {
  unique(cbind(1, as.matrix(d[c("x", "s")])) * ifelse(d$end, 1, -1))
}

spell_fit <- function(frailty) {
  function(d) {
    data <- migration_data(d, data.frame(place = c("a", "b")), time = "year")
    fit_migration(~ x + s, data, hazard(risks = "move", baseline = "constant", frailty = frailty))
  }
}

crossed <- data.frame(place = c("a", "b", "b", "c", "d"), nest = c("one", "one", "two", "two", "two"), allocation = c(1, 0.5, 0.5, 1, 1))
models <- list(
  conditional = list(random_choices, choice_gains, choice_fit(conditional())),
  `nested, one lambda` = list(random_choices, choice_gains, choice_fit(nested(~nest, "one"))),
  nested = list(random_choices, choice_gains, choice_fit(nested(~nest))),
  cross_nested = list(random_choices, choice_gains, function(d) {
    choice_fit(cross_nested(crossed[crossed$place %in% d$alt, ]))(d)
  }),
  `mixed, panel` = list(random_choices, choice_gains, choice_fit(mixed(c(x = "normal"), draws = 64))),
  mixed = list(random_choices, choice_gains, choice_fit(mixed(c(x = "normal"), panel = FALSE, draws = 64))),
  latent = list(random_choices, choice_gains, choice_fit(latent(2))),
  hazard = list(random_spells, spell_gains, spell_fit(FALSE)),
  frailty = list(random_spells, spell_gains, spell_fit(TRUE))
)

# "named", "unconverged" (another warning that the fit is none), "silent", or the class of an error
say <- function(fit, d) {
  said <- character()
  result <- tryCatch(
    withCallingHandlers(fit(d),
      warning = function(w) {
        said <<- c(said, class(w))
        invokeRestart("muffleWarning")
      },
      message = function(m) invokeRestart("muffleMessage")
    ),
    error = function(e) e
  )
  if (inherits(result, "error")) {
    return(if (inherits(result, "firmmove_error_no_movers")) "no movers" else "error")
  }
  if ("firmmove_warning_separated" %in% said) "named" else if (result$convergence$code != 0L) "unconverged" else "silent"
}

for (name in names(models)) {
  model <- models[[name]]
  set.seed(20)
  seconds <- system.time(found <- replicate(sets, {
    d <- model[[1L]]()
    c(is_separated(model[[2L]](d)), say(model[[3L]], d))
  }))[[3L]]
  apart <- found[1L, ] == "TRUE"
  of <- function(rows) paste(names(table(found[2L, rows])), table(found[2L, rows]), collapse = ", ")
  cat(
    format(name, width = 20), " separated ", sum(apart), ": ", of(apart), "; not: ", of(!apart), " (", round(seconds, 1), " s)\n",
    sep = ""
  )
}
