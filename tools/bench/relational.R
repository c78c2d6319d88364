# Conditional logit on relational data. No other package can hold the full size: its long table has a thousand
# million rows.

relational_formula <- ~ rent + pull(wage) + push(rent) + keep(age) + log(distance) + dialect + size:rent +
  skill:wage + age:park

relational_calls <- list(
  firmmove = function(data, ...) {
    migration <- firmmove::migration_data(data$firms, data$places, ties = data$ties)
    fit <- firmmove::fit_migration(relational_formula, migration, ...)
    c(estimates(stats::coef(fit), stats::vcov(fit), names(relational_coefficients)), list(fit = fit))
  }
)

add_row("relational",
  title = function(size) {
    sprintf("conditional logit, relational: %s firms x %s places, 10 terms, 3 of them firm x place",
            count(size$occasions), count(size$places))
  },
  make = make_relational, truth = function(size) relational_coefficients, calls = relational_calls,
  size = list(occasions = 1e6, places = 1000, terms = 10), quick = list(occasions = 50000, places = 100, terms = 10),
  goal = list(seconds = 45, memory = 1000)
)
