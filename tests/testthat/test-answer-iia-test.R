test_that("the test is that of two fits", {
  data <- relocation_data()
  fit <- small_fit(~ rent + distance)
  found <- iia_test(fit, "f", small_hsiao = FALSE)
  keep <- data$firms$from != "f" & data$firms$to != "f"
  places <- data$places[data$places$place != "f", ]
  ties <- data$ties$ties$data
  less <- migration_data(data$firms[keep, ], places, ties[ties$from != "f" & ties$to != "f", ], time = "year")
  refit <- fit_migration(~ rent + distance, less, control = one_thread())
  expect_equal(found$estimates$restricted, unname(coef(refit)), tolerance = 1e-7)
  d <- coef(refit) - coef(fit)
  v <- vcov(refit) - vcov(fit)
  if (all(eigen(v)$values > 0)) {
    expect_equal(found$table$statistic[1], drop(d %*% solve(v, d)), tolerance = 1e-5)
  }
  influence <- -estfun.migration_fit(fit) %*% vcov(fit)
  influence[which(keep), ] <- influence[which(keep), ] + estfun.migration_fit(refit) %*% vcov(refit)
  expect_equal(found$table$statistic[2], drop(d %*% solve(crossprod(influence), d)), tolerance = 1e-5)
  expect_identical(found$n, sum(keep))
})

test_that("mlogit's hmftest gives the same", {
  skip_if_not_installed("mlogit")
  long <- ragged_long(n = 400)
  long <- long[order(long$id, long$place), ]
  fit <- fit_migration(chosen ~ x + y, long, id = "id", place = "place")
  wide <- dfidx::dfidx(long, idx = c("id", "place"), choice = "chosen")
  all <- mlogit::mlogit(chosen ~ x + y | 0, wide)
  keep <- !long$id %in% long$id[long$chosen == 1 & long$place == "a"]
  less <- long[keep & long$place != "a", ]
  less <- less[less$id %in% names(which(table(less$id) > 1)), ]
  some <- mlogit::mlogit(chosen ~ x + y | 0, dfidx::dfidx(less, idx = c("id", "place"), choice = "chosen"))
  theirs <- mlogit::hmftest(all, some)
  found <- iia_test(fit, "a", small_hsiao = FALSE)
  if (found$negative == 0L) {
    expect_equal(found$table$statistic[1], unname(theirs$statistic), tolerance = 1e-3)
  }
  expect_equal(found$estimates$restricted, unname(coef(some)), tolerance = 1e-5, ignore_attr = TRUE)
})

test_that("an indefinite difference is told, and its rank counts", {
  found <- hausman(c(1, 2), diag(c(4, -1)), c(1, 1))
  expect_identical(found$negative, 1L)
  expect_equal(unlist(found$row), c(statistic = 1 / 4, df = 1, p.value = stats::pchisq(1 / 4, 1, lower.tail = FALSE)))
  expect_match(iia_notes(found, 2), "1 of 2 eigenvalues")
})

test_that("tests hold their level under IIA and reject against it", {
  p <- vapply(1:40, function(seed) {
    fit <- fit_migration(~ rent + distance, relocation_data(seed = seed), control = one_thread())
    as.data.frame(iia_test(fit, "b", seed = seed))$p.value[2:3]
  }, numeric(2))
  expect_true(all(rowMeans(p < 0.05) <= 0.2))
  # two places that share their errors: a red bus and a blue one
  set.seed(1)
  n <- 4000
  x <- matrix(stats::rnorm(3 * n), n)
  shared <- gumbel(n)
  u <- x + cbind(shared + 0.05 * gumbel(n), shared + 0.05 * gumbel(n), gumbel(n))
  long <- data.frame(
    id = rep(1:n, each = 3), place = c("red", "blue", "car"), x = c(t(x)),
    chosen = as.integer(t(u == apply(u, 1, max)))
  )
  fit <- fit_migration(chosen ~ x, long, id = "id", place = "place")
  expect_lt(as.data.frame(iia_test(fit, "blue", small_hsiao = FALSE))$p.value[2], 1e-4)
})

test_that("place constants, and messages", {
  fit <- small_fit(~ distance | place)
  found <- iia_test(fit, "a", seed = 1)
  expect_identical(found$estimates$term, c("stay", "distance"))
  expect_identical(found$table$df[3], 6L)
  expect_snapshot(error = TRUE, {
    iia_test(fit)
    iia_test(fit, "z")
    iia_test(fit, letters[1:5])
    iia_test(suppressWarnings(small_fit(~ rent, model = nested(~region))), "a")
  })
  expect_snapshot(print(iia_test(small_fit(~ rent + distance), "a", seed = 1), digits = 3))
})
