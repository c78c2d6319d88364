# The bundled design is recovered by tools/recovery.R, which takes minutes; here a small one, in seconds.
test_that("fits recover the parameters the choices were drawn from", {
  skip_on_cran()
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance + keep(size) + pull(wage), data)
  truth <- coef(fit)
  draws <- simulate(fit, nsim = 200, seed = 11)
  rows <- fit$design$occasion
  tables <- relocation()
  fits <- vapply(draws, function(to) {
    tables$firms$to[rows] <- as.character(to)
    again <- fit_migration(formula(fit), migration_data(tables$firms, tables$places, tables$ties, time = "year"))
    interval <- confint(again)
    cbind(coef(again), interval[, 1] <= truth & truth <= interval[, 2])
  }, matrix(0, length(truth), 2))
  bias <- rowMeans(fits[, 1, ]) - truth
  expect_true(all(abs(bias) < 3.5 * apply(fits[, 1, ], 1, sd) / sqrt(200)))
  covered <- rowMeans(fits[, 2, ])
  expect_true(all(covered > 0.91 & covered < 0.985), info = paste(round(covered, 3), collapse = " "))
})
