# Conditional and nested fits on firms and places and on long data, of a few rows: see reach.R.
set.seed(1)
n <- 24
J <- 5
places <- data.frame(
  place = rep(LETTERS[1:J], 2), time = rep(1:2, each = J), rent = round(runif(2 * J), 2),
  skill = rnorm(2 * J), region = rep(c("east", "east", "west", "west", "south"), 2)
)
firms <- data.frame(
  firm = rep(1:(n / 2), 2), time = rep(1:2, each = n / 2), from = sample(LETTERS[1:J], n, TRUE),
  size = rpois(n, 9) + 1, kin = rep(rep(c("a", "b"), length.out = n / 2), 2)
)
firms$to <- ifelse(runif(n) < 0.5, firms$from, sample(LETTERS[1:J], n, TRUE))
ties <- expand.grid(from = LETTERS[1:J], to = LETTERS[1:J], stringsAsFactors = FALSE)
ties$distance <- ifelse(ties$from == ties$to, 0, runif(nrow(ties), 1, 9))
relational <- migration_data(firms, places, ties, time = "time")

long <- merge(firms, places, by = "time")
long <- long[order(long$firm, long$time), ]
long$id <- paste(long$firm, long$time)
long$chosen <- as.integer(long$place == long$to)
ragged <- choice_data(long, "chosen", id = "id", place = "place", firm = "firm", from = "from")

use <- function(fit) {
  utils::capture.output(print(fit))
  for (type in c("hessian", "opg", "robust")) vcov(fit, type = type)
  for (type in c("probability", "utility", "logsum", "flows")) predict(fit, type = type)
  simulate(fit, nsim = 1, seed = 1)
  model.matrix(fit)
  invisible()
}

two <- migration_control(threads = 2, max_iterations = 5)
fit <- function(...) suppressWarnings(fit_migration(..., control = two))
step("conditional", use(fit(~ rent + pull(skill) + keep(log(size)) + distance + peers(kin), relational)))
step("place constants", use(fit(~ rent + size:skill | place, relational)))
step("nested", use(fit(~ rent + distance, relational, model = nested())))
step("nests of places", use(fit(~ rent, relational, model = nested(~ region, lambda = "one"))))
step("long data", use(fit(~ rent + pull(skill), ragged)))
step("nested, long data", use(fit(~ rent, ragged, model = nested())))

# Errors raised in C leave by another door.
step("an error", try(fit_migration(~ rent + I(2 * rent) + I(1 / (rent > 2)), relational), silent = TRUE))
