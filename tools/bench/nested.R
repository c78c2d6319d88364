# Nested logit on long data, a dissimilarity parameter for each nest.

# The estimates under our names. Nests are called n1, n2, ...; `names` are those of the package where they differ.
nested_estimates <- function(fit, K, names = NULL) {
  b <- stats::coef(fit)
  ours <- c(columns(K), paste0("lambda:n", seq_len(length(b) - K)))
  estimates(b, stats::vcov(fit), ours, if (is.null(names)) ours else names)
}

nested_calls <- list(
  firmmove = function(data, ...) {
    K <- count_terms(data)
    fit <- firmmove::fit_migration(
      long_formula(K, "choice"), data = data, id = "id", place = "place",
      model = firmmove::nested(~ nest), ...
    )
    c(nested_estimates(fit, K), list(fit = fit))
  },
  choicer = function(data) {
    K <- count_terms(data)
    fit <- choicer::run_nestlogit(
      data = data.table::as.data.table(data), id_col = "id", alt_col = "place", choice_col = "choice",
      covariate_cols = columns(K), nest_col = "nest", use_asc = FALSE
    )
    nested_estimates(fit, K, names(stats::coef(fit)))
  },
  mlogit = function(data) {
    K <- count_terms(data)
    indexed <- dfidx::dfidx(data[names(data) != "nest"], choice = "choice", idx = c("id", "place"))
    first <- data[!duplicated(data$place), ]
    nests <- split(as.character(first$place), first$nest)
    formula <- stats::as.formula(paste("choice ~", paste(columns(K), collapse = " + "), "| 0"))
    fit <- mlogit::mlogit(formula, indexed, nests = nests)
    nested_estimates(fit, K, c(columns(K), paste0("iv:", names(nests))))
  }
)

add_row("nested",
  title = function(size) {
    sprintf("nested logit, long data: %s occasions x %s places x %s variables, %s nests",
            count(size$occasions), count(size$places), count(size$terms), count(size$nests))
  },
  make = make_nested, truth = function(size) c(long_coefficients(size), nest_lambdas(size)), calls = nested_calls,
  size = list(occasions = 5000, places = 30, terms = 6, nests = 5),
  quick = list(occasions = 1000, places = 15, terms = 4, nests = 5),
  goal = list(seconds = 0.12, ratio = c(mlogit = 30, choicer = 5))
)
