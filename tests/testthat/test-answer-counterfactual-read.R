test_that("a change that no term reads is an error", {
  fit <- small_fit()
  expect_error(
    counterfactual(fit, places = transform(places, rentt = 0.5 * rent), draws = 0), "reads `rentt`.*mean `rent`",
    class = "firmmove_error_unread"
  )
  expect_error(
    counterfactual(fit, places = transform(places, weather = 1), draws = 0), "reads `weather`", class = "firmmove_error_unread"
  )
  # a helper column beside one that is read
  expect_no_error(counterfactual(fit, places = transform(places, weather = 1, rent = 0.9 * rent), draws = 0))
  long <- fit_of("long")
  expect_error(counterfactual(long, data = transform(data, other = 1)), "reads `other`", class = "firmmove_error_unread")
})
