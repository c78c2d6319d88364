long_fit <- function(formula = rank ~ x + y + what, model = ranked(), data = ranked_long(), ...) {
  fit_migration(formula, data, model, id = "who", place = "what", control = one_thread(), ...)
}

test_that("predictions are of the first rank", {
  long <- ranked_long()
  fit <- long_fit(data = long)
  v <- predict(fit, type = "utility")
  p <- exp(v) / stats::ave(exp(v), long$who, FUN = sum)
  expect_equal(predict(fit), p)
  expect_equal(unname(fit |> predict(type = "logsum")), unname(log(tapply(exp(v), long$who, sum)))[seq_len(120)],
    ignore_attr = TRUE
  )
  expect_equal(sum(predict(fit, type = "flows")$flow), 120)
  expect_equal(nlevels(predict(fit, type = "choice")), 7L)
  new <- long[1:10, setdiff(names(long), "rank")]
  new <- new[new$who %in% names(which(table(new$who) > 1)), ]
  expect_length(predict(fit, new), nrow(new))
  expect_equal(unname(predict(fit, long[long$who == "r002", ])), unname(p[long$who == "r002"]))
  # a choice set without the first choice
  less <- long[long$who == "r002" & !long$rank %in% 1, ]
  expect_equal(sum(predict(fit, less)), 1)
  expect_named(augment(fit, newdata = less), c(names(less), ".fitted"))
  stage <- long_fit(model = ranked(scale = "stage"), data = long)
  v <- predict(stage, type = "utility")
  expect_equal(predict(stage), exp(v) / stats::ave(exp(v), long$who, FUN = sum))
})

test_that("the expected rank is the mean over all orders", {
  long <- ranked_long()
  fit <- long_fit(data = long)
  rank <- predict(fit, type = "rank")
  size <- stats::ave(seq_along(rank), long$who, FUN = length)
  expect_equal(unname(tapply(rank, long$who, sum)), unname(tapply((size + 1) / 2, long$who, sum)), ignore_attr = TRUE)
  i <- which(long$who == names(which(table(long$who) == 3))[1])
  w <- exp(predict(fit, type = "utility")[i])
  orders <- rbind(c(1, 2, 3), c(1, 3, 2), c(2, 1, 3), c(2, 3, 1), c(3, 1, 2), c(3, 2, 1))
  p <- apply(orders, 1, function(o) w[o[1]] / sum(w) * w[o[2]] / (w[o[2]] + w[o[3]]))
  expect_equal(unname(rank[i]), colSums(p * t(apply(orders, 1, order))))
  expect_snapshot(error = TRUE, predict(long_fit(model = ranked(scale = "stage")), type = "rank"))
  expect_equal(unname(predict(fit, long[i, ], type = "rank")), unname(rank[i]))
})

test_that("fitted values and residuals are of the whole answer", {
  for (fit in list(
    long_fit(), long_fit(model = ranked(scale = "stage")), long_fit(model = ranked(depth = 2)),
    long_fit(answer ~ x + y | what, ranked("best_worst"), best_worst_long())
  )) {
    expect_equal(sum(log(fitted(fit))), fit$loglik, tolerance = 1e-12)
    expect_equal(sum(residuals(fit)^2), deviance(fit), tolerance = 1e-12)
    expect_length(residuals(fit, "response"), nrow(fit$data$data))
  }
})

test_that("scores are of respondents", {
  long <- ranked_long()
  for (fit in list(long_fit(data = long), long_fit(model = ranked(scale = "stage"), data = long))) {
    scores <- estfun.migration_fit(fit)
    expect_equal(dim(scores), c(120L, length(coef(fit))))
    expect_lt(max(abs(colSums(scores))), 1e-6)
    expect_equal(vcov(fit, type = "cluster"), vcov(fit, type = "robust") * 120 / 119)
    expect_equal(vcov(fit, cluster = long$who), vcov(fit, type = "cluster"))
  }
  # the score of a respondent is that of a fit without the respondent's weight
  fit <- long_fit(rank ~ x + y, data = long)
  some <- long$who %in% unique(long$who)[1:40]
  part <- long_fit(rank ~ x + y, data = long[some, ])
  design <- fit_design(part)
  answers <- explode_answers(design$spec, part$model)
  total <- .Call(C_evaluate, answers$spec, stage_kernel(answers), unname(coef(fit)), 1L, kernel_control(fit$control))
  expect_equal(unname(colSums(estfun.migration_fit(fit)[1:40, ])), total$score, tolerance = 1e-10)
  skip_if_not_installed("sandwich")
  expect_equal(sandwich::sandwich(fit), vcov(fit, type = "robust"))
})

test_that("simulated answers are like those given, and give the estimates back", {
  long <- ranked_long(600)
  long <- long[sample(nrow(long)), ]
  fit <- long_fit(data = long)
  draws <- simulate(fit, nsim = 2, seed = 5)
  expect_identical(draws, simulate(fit, nsim = 2, seed = 5), ignore_attr = TRUE)
  expect_identical(row.names(draws), row.names(long)[order(seq_len(nrow(long)))])
  expect_identical(
    tapply(!is.na(draws$sim_1), long$who, sum), tapply(!is.na(long$rank), long$who, sum)
  )
  again <- long_fit(data = transform(long, rank = draws$sim_1))
  z <- (coef(again) - coef(fit)) / sqrt(diag(vcov(again)))
  expect_lt(sum(z^2), stats::qchisq(0.999, length(z)))
  worst <- best_worst_long(400)
  fit <- long_fit(answer ~ x + y + what, ranked("best_worst"), worst)
  worst$answer <- simulate(fit, seed = 1)$sim_1
  again <- long_fit(answer ~ x + y + what, ranked("best_worst"), worst)
  z <- (coef(again) - coef(fit)) / sqrt(diag(vcov(again)))
  expect_lt(sum(z^2), stats::qchisq(0.999, length(z)))
})

test_that("what a person reads", {
  fit <- fit_migration(rank ~ factor, wenzhou_interviews(), ranked(), id = "firm", place = "factor")
  expect_snapshot(print(fit))
  expect_snapshot(summary(fit, type = "robust"))
  expect_snapshot(stage_test(fit))
  expect_snapshot(error = TRUE, stage_test(1))
  expect_snapshot(error = TRUE, stage_test(fit, last = 1))
  first <- update(fit, model = ranked(depth = 1))
  expect_snapshot(error = TRUE, stage_test(first))
  expect_snapshot(error = TRUE, anova(first, fit))
  expect_equal(glance(fit)$nobs, 85L)
  expect_equal(tidy(update(fit, model = ranked(scale = "stage")), groups = TRUE)$group[6:9], rep("scale", 4))
  expect_named(augment(fit), c(names(wenzhou_interviews()), ".fitted", ".resid"))
  expect_equal(formula(update(fit, . ~ group)), rank ~ group, ignore_attr = TRUE)
  skip_if_not_installed("ggplot2")
  expect_s3_class(autoplot.migration_fit(update(fit, model = ranked(scale = "stage"))), "ggplot")
})

test_that("the test of stages is the sum of separate fits", {
  long <- ranked_long(300)
  fit <- long_fit(rank ~ x + y, data = long)
  test <- stage_test(fit, last = 2)
  first <- long_fit(rank ~ x + y, ranked(depth = 1), long)
  rest <- long[!long$rank %in% 1, ]
  rest$rank <- rest$rank - 1
  asked <- stats::ave(!is.na(rest$rank), rest$who, FUN = any) > 0 & stats::ave(rest$x, rest$who, FUN = length) > 1
  second <- long_fit(rank ~ x + y, data = rest[asked, ])
  expect_equal(unname(test$statistic), 2 * (first$loglik + second$loglik - fit$loglik), tolerance = 1e-8)
  expect_equal(test$estimate, cbind(`1` = coef(first), `2+` = coef(second)), tolerance = 1e-6)
  expect_equal(unname(test$parameter), 2)
  worst <- long_fit(answer ~ x, ranked("best_worst"), best_worst_long())
  expect_identical(colnames(stage_test(worst)$estimate), c("best", "worst"))
})
