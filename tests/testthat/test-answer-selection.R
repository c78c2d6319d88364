lamps <- wenzhou_guzhen(1996:2003)
fit <- fit_migration(~ push(land_price) + pull(creativity) + log(distance), lamps)

test_that("terms are functions of the probabilities", {
  p <- predict(fit)
  row <- as.integer(rownames(p))
  chosen <- p[cbind(seq_along(row), match(lamps$firms$to[row], colnames(p)))]
  origin <- p[cbind(seq_along(row), match(lamps$firms$from[row], colnames(p)))]
  moves <- (lamps$firms$from != lamps$firms$to)[row]
  x <- selection_terms(fit, degree = 3)
  expect_equal(nrow(x), nrow(lamps$firms))
  expect_true(all(is.na(x$move[-row])))
  expect_equal(x$stay_3[row], ifelse(moves, 0, chosen^3), tolerance = 1e-12)
  expect_equal(x$move_12[row], ifelse(moves, chosen * origin^2, 0), tolerance = 1e-12)
  x <- selection_terms(fit, type = "dubin_mcfadden")
  expect_equal(x$chosen_move[row], ifelse(moves, -log(chosen), 0), tolerance = 1e-12)
  expect_equal(x$left[row], ifelse(moves, origin * log(origin) / (1 - origin), 0), tolerance = 1e-12)
  x <- selection_terms(fit, type = "lee")
  expect_equal(x$lee_stay[row], ifelse(moves, 0, dnorm(qnorm(chosen)) / chosen), tolerance = 1e-12)
})

test_that("slopes of the terms are derivatives in the coefficients", {
  for (type in c("dahl", "dubin_mcfadden", "lee")) {
    terms <- selection_terms(fit, type = type)
    b <- seq_len(ncol(terms)) / 10
    slope <- first_step(terms)$slope(b)
    for (k in seq_along(coef(fit))) {
      ahead <- behind <- fit
      step <- 1e-5 * max(abs(coef(fit)[k]), 0.1)
      ahead$coefficients[k] <- coef(fit)[k] + step
      behind$coefficients[k] <- coef(fit)[k] - step
      difference <- (as.matrix(selection_terms(ahead, type = type)) - as.matrix(selection_terms(behind, type = type))) %*% b / (2 * step)
      known <- !is.na(difference)
      expect_equal(slope[known, k], difference[known], tolerance = 1e-4)
    }
  }
})

test_that("the covariance of an lm() without terms that matter is the clustered one", {
  terms <- selection_terms(fit, type = "lee")
  data <- cbind(lamps$firms, terms)
  set.seed(1)
  data$y <- rnorm(nrow(data))
  model <- lm(y ~ move + lee_stay + lee_move, data)
  v <- vcov(terms, model)
  expect_equal(dimnames(v), dimnames(vcov(model)))
  skip_if_not_installed("sandwich")
  clustered <- sandwich::vcovCL(model, ~firm, type = "HC0", cadjust = FALSE)
  # what the first step adds is small beside noise
  expect_equal(diag(v), diag(clustered), tolerance = 0.2)
  expect_error(vcov(terms, lm(y ~ size, data)), "none of the terms", class = "firmmove_error_columns")
  expect_error(vcov(selection_terms(fit, newdata = lamps), model), "no errors", class = "firmmove_error_newdata")
})

test_that("what cannot serve is named", {
  expect_error(selection_terms(1), "must be a fit")
  expect_error(decompose_places(wenzhou_guzhen(1996:2000), "productivity", selection = fit), "same firms in the same order",
    class = "firmmove_error_newdata")
})
