test_that("fitted values of a mixed logit add up to its log-likelihood", {
  kinds <- two_kinds_data(firms = 40, times = 3, apart = 1.5)
  for (panel in c(FALSE, TRUE)) {
    fit <- fit_migration(~ x + y, kinds,
      model = mixed(c(x = "normal"), draws = 32, panel = panel, check_draws = 0), control = one_thread()
    )
    expect_equal(sum(log(fitted(fit))), as.numeric(logLik(fit)), tolerance = 1e-10)
    expect_equal(sum(residuals(fit)^2), deviance(fit), tolerance = 1e-10)
  }
})
