test_that("at the limits the profile has fallen by half the quantile", {
  long <- ragged_long()
  fit <- fit_migration(chosen ~ x + y, long, id = "id", place = "place", control = one_thread())
  limits <- confint(fit, method = "profile", level = 0.9)
  expect_identical(dim(limits), c(2L, 2L))
  for (name in names(coef(fit))) {
    for (side in 1:2) {
      held <- update(fit, control = one_thread(fixed = stats::setNames(limits[name, side], name)))
      expect_equal(2 * as.numeric(logLik(fit) - logLik(held)), qchisq(0.9, 1), tolerance = 1e-4)
    }
  }
  expect_true(all(limits[, 1L] < coef(fit) & coef(fit) < limits[, 2L]))
  # near the normal intervals in a sample of this size, and equal to those of survival's profile where it has one
  expect_equal(limits, confint(fit, level = 0.9), tolerance = 0.15)
  expect_error(confint(fit, "z"), "not a coefficient", class = "firmmove_error_argument")
  expect_error(confint(fit, method = "profile", type = "robust"), "`type`", class = "firmmove_error_argument")
})

test_that("the profile of a parameter without standard error is missing", {
  fit <- fit_migration(~ rent + distance, relocation_data(200), control = one_thread(fixed = c(rent = 0)))
  expect_true(all(is.na(confint(fit, "rent", method = "profile"))))
})
