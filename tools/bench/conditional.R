# Conditional logit on long data, against all packages that fit it.

long_formula <- function(terms, left, ...) stats::reformulate(c(columns(terms), ...), left, env = parent.frame())
count_terms <- function(data) sum(grepl("^x[0-9]+$", names(data)))

conditional_calls <- list(
  firmmove = function(data, ...) {
    K <- count_terms(data)
    fit <- firmmove::fit_migration(long_formula(K, "choice"), data = data, id = "id", place = "place", ...)
    c(estimates(stats::coef(fit), stats::vcov(fit), columns(K)), list(fit = fit))
  },
  choicer = function(data) {
    K <- count_terms(data)
    fit <- choicer::run_mnlogit(
      data = data.table::as.data.table(data), id_col = "id", alt_col = "place", choice_col = "choice",
      covariate_cols = columns(K), use_asc = FALSE
    )
    estimates(stats::coef(fit), stats::vcov(fit), columns(K))
  },
  fepois = function(data) {
    K <- count_terms(data)
    formula <- stats::as.formula(paste("choice ~", paste(columns(K), collapse = " + "), "| id"))
    fit <- fixest::fepois(formula, data, vcov = "iid", ssc = fixest::ssc(K.adj = FALSE), nthreads = 2)
    estimates(stats::coef(fit), stats::vcov(fit), columns(K))
  },
  logitr = function(data) {
    K <- count_terms(data)
    fit <- logitr::logitr(data, outcome = "choice", obsID = "id", pars = columns(K), predict = FALSE, numThreads = 2)
    estimates(stats::coef(fit), stats::vcov(fit), columns(K))
  },
  mclogit = function(data) {
    K <- count_terms(data)
    fit <- mclogit::mclogit(
      long_formula(K, quote(cbind(choice, id))), data, control = mclogit::mclogit.control(trace = FALSE)
    )
    estimates(stats::coef(fit), stats::vcov(fit), columns(K))
  },
  clogit = function(data) {
    K <- count_terms(data)
    # clogit() looks these up where it is called
    coxph <- survival::coxph
    strata <- survival::strata
    Surv <- survival::Surv
    fit <- survival::clogit(long_formula(K, "choice", "strata(id)"), data)
    estimates(stats::coef(fit), stats::vcov(fit), columns(K))
  },
  mlogit = function(data) {
    K <- count_terms(data)
    indexed <- dfidx::dfidx(data, choice = "choice", idx = c("id", "place"))
    formula <- stats::as.formula(paste("choice ~", paste(columns(K), collapse = " + "), "| 0"))
    fit <- mlogit::mlogit(formula, indexed)
    estimates(stats::coef(fit), stats::vcov(fit), columns(K))
  }
)

conditional_title <- function(size) {
  sprintf("conditional logit, long data: %s occasions x %s places x %s variables",
          count(size$occasions), count(size$places), count(size$terms))
}

add_row("conditional-large",
  title = conditional_title, make = make_conditional, truth = long_coefficients, calls = conditional_calls,
  size = list(occasions = 20000, places = 100, terms = 10), quick = list(occasions = 2000, places = 50, terms = 10),
  goal = list(seconds = 0.6, ratio = c(clogit = 35, fepois = 8, choicer = 4))
)

add_row("conditional-small",
  title = conditional_title, make = make_conditional, truth = long_coefficients, calls = conditional_calls,
  size = list(occasions = 5000, places = 50, terms = 10), quick = list(occasions = 1000, places = 20, terms = 10),
  goal = list(seconds = 0.08)
)
