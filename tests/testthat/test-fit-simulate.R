test_that("draws depend on the seed alone", {
  fit <- fit_migration(~ rent + distance, relocation_data(), control = migration_control(threads = 1))
  draws <- simulate(fit, nsim = 3, seed = 4)
  expect_named(draws, c("sim_1", "sim_2", "sim_3"))
  expect_equal(nrow(draws), 400)
  expect_identical(levels(draws$sim_1), letters[1:6])
  expect_identical(draws, simulate(fit, nsim = 3, seed = 4))
  two <- update(fit, control = migration_control(threads = 2))
  expect_identical(draws$sim_3, simulate(two, nsim = 3, seed = 4)$sim_3)
  set.seed(9)
  before <- .Random.seed
  simulate(fit, seed = 4)
  expect_identical(.Random.seed, before)
  free <- simulate(fit)
  expect_identical(attr(free, "seed"), before)
  expect_false(identical(.Random.seed, before))
  expect_snapshot(error = TRUE, simulate(fit, nsim = 0))
})

test_that("draws have the fitted frequencies", {
  long <- fit_migration(chosen ~ rent + distance, relocation_long(), id = "id", place = "place", from = "from")
  draws <- simulate(long, nsim = 200, seed = 1)
  share <- table(unlist(draws)) / (200 * 400)
  expect_equal(as.vector(share), unname(colMeans(matrix(predict(long), 400, byrow = TRUE))), tolerance = 0.03)
})

test_that("refitting to draws recovers the coefficients", {
  data <- relocation_data(3000)
  fit <- fit_migration(~ rent + distance, data)
  firms <- data$firms
  firms$to <- as.character(simulate(fit, seed = 2)$sim_1)
  again <- update(fit, data = migration_data(firms, data$places, data$ties$ties$data, time = "year"))
  expect_lt(max(abs(coef(again) - coef(fit)) / sqrt(diag(vcov(fit)))), 4)
})
