# Conditional logit with a constant for each of many places, on relational data. fepois fits the Poisson regression of
# the expanded table with effects of occasions and places, which has the same estimates and errors.

constants_coefficients <- c(stay = 6, "size:skill" = 0.5)

make_constants <- function(size) {
  set.seed(size$occasions + size$places)
  n <- size$occasions
  J <- size$places
  places <- data.frame(place = sprintf("p%05d", seq_len(J)), skill = stats::rnorm(J))
  firms <- data.frame(firm = seq_len(n), from = sample(J, n, replace = TRUE), size = stats::rnorm(n))
  b <- constants_coefficients
  attraction <- stats::rnorm(J, 0, 0.5)
  firms$to <- vapply(seq_len(n), function(i) {
    v <- attraction + b[["size:skill"]] * firms$size[i] * places$skill
    v[firms$from[i]] <- v[firms$from[i]] + b[["stay"]]
    which.max(v - log(stats::rexp(J)))
  }, 1L)
  firms[c("from", "to")] <- lapply(firms[c("from", "to")], function(code) places$place[code])
  list(firms = firms, places = places)
}

# The long table that the Poisson regression needs
expand_constants <- function(data) {
  n <- nrow(data$firms)
  J <- nrow(data$places)
  from <- match(data$firms$from, data$places$place)
  id <- rep(seq_len(n), each = J)
  place <- rep(seq_len(J), n)
  data.frame(
    id = id, place = place, chosen = as.integer(place == match(data$firms$to, data$places$place)[id]),
    stay = as.integer(place == from[id]), interaction = data$firms$size[id] * data$places$skill[place]
  )
}

constants_calls <- list(
  firmmove = function(data, ...) {
    migration <- firmmove::migration_data(data$firms, data$places)
    fit <- firmmove::fit_migration(~ size:skill | place, migration, ...)
    c(estimates(stats::coef(fit), stats::vcov(fit), names(constants_coefficients)), list(fit = fit))
  },
  fepois = function(data) {
    fit <- fixest::fepois(
      chosen ~ stay + interaction | id + place, expand_constants(data), vcov = "iid",
      ssc = fixest::ssc(K.adj = FALSE, G.adj = FALSE), nthreads = 2, notes = FALSE, glm.tol = 1e-10, fixef.tol = 1e-9
    )
    estimates(stats::coef(fit), stats::vcov(fit), names(constants_coefficients), c("stay", "interaction"))
  }
)

constants_title <- function(size) {
  sprintf("conditional logit, a constant for each place: %s firms x %s places, 2 terms", count(size$occasions),
          count(size$places))
}

add_row("constants",
  title = constants_title, make = make_constants, truth = function(size) constants_coefficients, calls = constants_calls,
  size = list(occasions = 2000, places = 2000, terms = 2), quick = list(occasions = 1000, places = 200, terms = 2),
  goal = list(ratio = c(fepois = 1))
)

add_row("constants-firms",
  title = constants_title, make = make_constants, truth = function(size) constants_coefficients, calls = constants_calls,
  size = list(occasions = 5000, places = 500, terms = 2), quick = list(occasions = 2000, places = 100, terms = 2),
  goal = list(ratio = c(fepois = 1))
)
