# Does dynamic() find what firms that look ahead were made from, and what does a static fit make of them? Prints, for
# each coefficient, the truth, the mean of the estimates, their bias in per cent of the truth, the coverage of 95%
# intervals, and the mean of the static estimates.  Rscript tools/recovery-dynamic.R [replications] [seed]
suppressPackageStartupMessages(library(firmmove))
arguments <- as.numeric(commandArgs(TRUE))
n_draws <- if (length(arguments) > 0L) arguments[1L] else 200
seed <- if (length(arguments) > 1L) arguments[2L] else 20261

# Firms at random places of 12, over 6 periods in which prices and creativity differ
made_tables <- function(n = 12000, places = 12, periods = 6) {
  id <- sprintf("p%02d", seq_len(places))
  at <- expand.grid(place = id, year = seq_len(periods), stringsAsFactors = FALSE)
  at$land_price <- stats::runif(nrow(at), 0, 3)
  at$creativity <- stats::runif(nrow(at), 0, 2)
  pairs <- expand.grid(from = id, to = id, stringsAsFactors = FALSE)
  pairs <- pairs[pairs$from != pairs$to, ]
  pairs$distance <- stats::runif(nrow(pairs), 0.3, 2)
  firms <- data.frame(
    firm = rep(seq_len(n / periods), each = periods), year = rep(seq_len(periods), n / periods),
    from = sample(id, n, replace = TRUE), exporter = rep(stats::rbinom(n / periods, 1, 0.4), each = periods)
  )
  firms$to <- firms$from
  migration_data(firms, at, pairs, time = "year")
}

formula <- ~ land_price + exporter:creativity + distance
truth <- c(stay = 5.6, land_price = -0.1, distance = -0.5, "exporter:creativity" = 0.15)
set.seed(seed)
data <- made_tables()
# any answers will do for a fit whose coefficients are then the truth
data$firms$to[1:600] <- sample(data$place, 600, replace = TRUE)
data <- migration_data(data$firms, data$places, data$ties[[1L]]$data, time = "year")
made <- suppressWarnings(fit_migration(formula, data, model = dynamic(0.95)))
made$coefficients <- truth[names(coef(made))]
answers <- simulate(made, nsim = n_draws, seed = seed + 1)
one <- function(to) {
  firms <- data$firms
  firms$to <- as.character(to)
  drawn <- migration_data(firms, data$places, data$ties[[1L]]$data, time = "year")
  ahead <- fit_migration(formula, drawn, model = dynamic(0.95))
  static <- fit_migration(formula, drawn)
  inside <- abs(coef(ahead) - made$coefficients) <= stats::qnorm(0.975) * sqrt(diag(vcov(ahead)))
  c(coef(ahead), inside, coef(static), mean(firms$to == firms$from))
}
found <- vapply(answers, one, numeric(3 * length(truth) + 1))
k <- seq_along(truth)
cat("staying:", format(100 * mean(found[3 * length(truth) + 1, ]), digits = 3), "%\n")
print(data.frame(
  truth = made$coefficients, mean = rowMeans(found[k, ]), bias_percent = 100 * (rowMeans(found[k, ]) / made$coefficients - 1),
  monte_carlo_error_percent = abs(100 * apply(found[k, ], 1, sd) / sqrt(n_draws) / made$coefficients),
  coverage = rowMeans(found[length(k) + k, ]), static = rowMeans(found[2 * length(k) + k, ])
), digits = 3)
