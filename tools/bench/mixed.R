# Panel mixed logit on long data: independent normal coefficients.

# Firms that choose `times` times among `places`; each has its own coefficients.
mixed_means <- function(size) seq(-0.5, 1, length.out = size$terms)
mixed_spreads <- function(size) seq(0.3, 1, length.out = size$terms)

make_mixed <- function(size) {
  set.seed(size$firms + size$draws)
  data <- long_frame(list(occasions = size$firms * size$times, places = size$places, terms = size$terms))
  data$firm <- rep(seq_len(size$firms), each = size$times * size$places)
  own <- matrix(stats::rnorm(size$firms * size$terms), size$firms)
  own <- sweep(sweep(own, 2, mixed_spreads(size), "*"), 2, mixed_means(size), "+")
  v <- rowSums(as.matrix(data[columns(size$terms)]) * own[data$firm, ])
  data <- mark_choices(data, exp(matrix(v, ncol = size$places, byrow = TRUE)))
  attr(data, "draws") <- size$draws
  data
}

all_normal <- function(K, as) stats::setNames(rep(as, K), columns(K))
mixed_terms <- function(K) c(columns(K), paste0("sd:", columns(K)))

mixed_calls <- list(
  firmmove = function(data, ...) {
    K <- count_terms(data)
    model <- firmmove::mixed(all_normal(K, "normal"), draws = attr(data, "draws"), precision = 10)
    fit <- firmmove::fit_migration(
      long_formula(K, "choice"), data = data, id = "id", place = "place", firm = "firm", model = model, ...
    )
    c(estimates(stats::coef(fit), stats::vcov(fit), mixed_terms(K)), list(fit = fit))
  },
  logitr = function(data) {
    K <- count_terms(data)
    fit <- logitr::logitr(
      data, outcome = "choice", obsID = "id", panelID = "firm", pars = columns(K), randPars = all_normal(K, "n"),
      numDraws = attr(data, "draws"), predict = FALSE, numThreads = 2
    )
    found <- estimates(stats::coef(fit), stats::vcov(fit), mixed_terms(K), c(columns(K), paste0("sd_", columns(K))))
    found$coefficients <- ifelse(grepl("^sd:", mixed_terms(K)), abs(found$coefficients), found$coefficients)
    found
  },
  mlogit = function(data) {
    K <- count_terms(data)
    indexed <- dfidx::dfidx(data, choice = "choice", idx = list(c("id", "firm"), "place"))
    formula <- stats::as.formula(paste("choice ~", paste(columns(K), collapse = " + "), "| 0"))
    fit <- mlogit::mlogit(formula, indexed, rpar = all_normal(K, "n"), R = attr(data, "draws"), halton = NA, panel = TRUE)
    found <- estimates(stats::coef(fit), stats::vcov(fit), mixed_terms(K), c(columns(K), paste0("sd.", columns(K))))
    found$coefficients <- ifelse(grepl("^sd:", mixed_terms(K)), abs(found$coefficients), found$coefficients)
    found
  }
)

mixed_title <- function(size) {
  sprintf("panel mixed logit, long data: %s firms x %s occasions x %s places, %s normal coefficients, %s draws",
          count(size$firms), count(size$times), count(size$places), count(size$terms), count(size$draws))
}
mixed_truth <- function(size) c(mixed_means(size), mixed_spreads(size))
mixed_size <- function(draws) list(firms = 500, times = 8, places = 4, terms = 5, draws = draws)
mixed_quick <- list(firms = 100, times = 5, places = 4, terms = 3, draws = 50)

add_row("mixed",
  title = mixed_title, make = make_mixed, truth = mixed_truth, calls = mixed_calls,
  size = mixed_size(200), quick = mixed_quick, goal = list(seconds = 0.25, ratio = c(logitr = 7))
)

add_row("mixed-draws",
  title = mixed_title, make = make_mixed, truth = mixed_truth, calls = mixed_calls[c("firmmove", "logitr")],
  size = mixed_size(1000), quick = mixed_quick, goal = list(seconds = 1.1, ratio = c(logitr = 7))
)
