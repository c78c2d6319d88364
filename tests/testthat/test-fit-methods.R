test_that("accessors agree with each other", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance, data)
  expect_named(coef(fit), c("stay", "rent", "distance"))
  expect_equal(nobs(fit), 400)
  expect_equal(AIC(fit), 2 * 3 - 2 * fit$loglik)
  expect_equal(BIC(fit), log(400) * 3 - 2 * fit$loglik)
  expect_equal(deviance(fit), -2 * fit$loglik)
  expect_equal(df.residual(fit), 397)
  expect_equal(formula(fit), ~ rent + distance, ignore_formula_env = TRUE)
  expect_identical(attr(terms(fit), "term.labels"), c("rent", "distance"))
  expect_s3_class(family(fit), "family")
  expect_null(weights(fit))
  expect_identical(case.names(fit), as.character(1:400))
  expect_identical(nrow(model.frame(fit)), 400L)
  expect_s3_class(fit, "migration_fit_conditional")
})

test_that("confidence intervals are Wald's, of any covariance", {
  fit <- fit_migration(~ rent + distance, relocation_data())
  se <- sqrt(diag(vcov(fit)))
  expect_equal(unname(confint(fit)[, 2]), unname(coef(fit) + qnorm(0.975) * se))
  expect_equal(confint(fit), confint.default(fit), tolerance = 1e-12)
  robust <- sqrt(diag(vcov(fit, cluster = ~firm)))
  expect_equal(confint(fit, "rent", 0.9, cluster = ~firm)[1], coef(fit)[["rent"]] - qnorm(0.95) * robust[["rent"]])
  expect_equal(rownames(confint(fit, 2:3)), c("rent", "distance"))
})

test_that("the model matrix holds the terms as they enter the utility", {
  fit <- fit_migration(~ rent + distance + keep(size), relocation_data())
  x <- model.matrix(fit)
  long <- relocation_long()
  expect_equal(dim(x), c(2400L, 4L))
  row <- order(attr(x, "occasion"), attr(x, "place"))
  expect_equal(unname(x[row, ]), unname(as.matrix(cbind(long$stays, long$rent, long$distance, long$size * long$stays))))
  v <- predict(fit, type = "utility")
  expect_equal(unname(c(x %*% coef(fit))[row]), unname(c(t(v))), tolerance = 1e-10)
})

test_that("fitted values and residuals", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance, data, weights = w)
  p <- predict(fit)
  y <- outer(data$firms$to, colnames(p), "==") + 0
  expect_equal(unname(fitted(fit)), rowSums(p * y), ignore_attr = TRUE)
  expect_equal(fitted(fit, outcome = FALSE), p)
  expect_equal(sum(residuals(fit)^2), deviance(fit))
  expect_equal(unname(residuals(fit, "response")), unname(y - p))
  expect_equal(unname(residuals(fit, "pearson")), unname((y - p) / sqrt(p * (1 - p))))
  long <- fit_migration(chosen ~ rent + distance, relocation_long(),
    id = "id", place = "place", from = "from", weights = w
  )
  expect_equal(unname(fitted(long)), unname(fitted(fit)), tolerance = 1e-9)
  expect_equal(unname(residuals(long, "response")), unname(c(t(y - p))), tolerance = 1e-8)
})

test_that("na.exclude pads, na.omit does not", {
  tables <- relocation()
  tables$firms$size[c(3, 10)] <- NA
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  omit <- fit_migration(~ rent + keep(size), data)
  exclude <- fit_migration(~ rent + keep(size), data, na.action = na.exclude)
  expect_equal(coef(omit), coef(exclude))
  expect_equal(nobs(omit), 398)
  expect_length(fitted(omit), 398)
  expect_length(fitted(exclude), 400)
  expect_identical(names(which(is.na(fitted(exclude)))), c("3", "10"))
  expect_equal(fitted(exclude)[-c(3, 10)], fitted(omit))
  expect_equal(dim(predict(exclude)), c(400L, 6L))
  some <- update(exclude, subset = year == 1)
  expect_identical(names(which(is.na(fitted(some)))), c("3", "10"))
  expect_length(fitted(some), 200)
  expect_error(fit_migration(~ rent + keep(size), data, na.action = na.fail), class = "firmmove_error_missing")
})

test_that("update changes formula, model and data", {
  data <- relocation_data()
  fit <- fit_migration(~ rent - stay, data)
  expect_named(coef(update(fit, . ~ . + distance)), c("rent", "distance"))
  expect_named(coef(update(fit, ~ . + stay)), c("stay", "rent"))
  with_stay <- fit_migration(~rent, data)
  expect_named(coef(update(with_stay, . ~ . - stay)), "rent")
  constants <- update(with_stay, . ~ distance | place)
  expect_named(coef(constants), c("stay", "distance"))
  expect_length(constants$effects, 6)
  expect_named(coef(update(constants, . ~ . + keep(size))), c("stay", "distance", "keep(size)"))
  expect_null(update(constants, . ~ . | 0)$effects)
  expect_s3_class(suppressWarnings(update(fit, model = nested())), "migration_fit_nested")
  expect_equal(nobs(update(fit, subset = year == 1)), 200)
  expect_identical(deparse(update(fit, . ~ . + wage, evaluate = FALSE)$formula), "~rent + wage - stay")
})

test_that("formulas are updated part by part", {
  changed <- function(old, new) deparse1(update_parts(old, new))
  expect_identical(changed(~ x + push(y), . ~ . + z), "~x + push(y) + z")
  expect_identical(changed(~ x - stay, ~ z + .), "~z + x - stay")
  expect_identical(changed(to ~ x + offset(q), . ~ . - x), "to ~ offset(q)")
  expect_identical(changed(~x, ~ . - x - stay), "~1 - stay")
  expect_identical(changed(~ x | place, ~y), "~y | place")
  expect_identical(changed(~ (x + y) * w, ~ . - y:w), "~x + y + w + x:w")
})

test_that("anova gives likelihood-ratio tests with the right degrees of freedom", {
  data <- relocation_data()
  small <- fit_migration(~rent, data)
  large <- fit_migration(~ rent + distance + keep(size), data)
  table <- anova(small, large)
  expect_s3_class(table, "anova")
  expect_equal(table$Df[2], 2)
  expect_equal(table$Chisq[2], 2 * (large$loglik - small$loglik))
  expect_equal(table[["Pr(>Chisq)"]][2], pchisq(table$Chisq[2], 2, lower.tail = FALSE))
  expect_equal(anova(large, small)$Chisq[2], table$Chisq[2])
  held <- fit_migration(~ rent + distance + keep(size), data,
    control = migration_control(fixed = c("keep(size)" = 0))
  )
  expect_equal(anova(held, large)$Df[2], 1)
  expect_equal(anova(large)$Chisq[2], 2 * (large$loglik - large$loglik_null))
  constants <- fit_migration(~ distance | place, data)
  expect_equal(anova(fit_migration(~distance, data), constants)$Df[2], 5)
})

test_that("anova prints its models", {
  data <- relocation_data()
  expect_snapshot(anova(fit_migration(~rent, data), fit_migration(~ rent + distance, data)))
})

test_that("anova refuses fits of other occasions, and warns of models that are not nested", {
  data <- relocation_data()
  fit <- fit_migration(~rent, data)
  expect_snapshot(error = TRUE, anova(fit, fit_migration(~ rent + distance, data, subset = year == 1)))
  expect_snapshot(error = TRUE, anova(fit, fit_migration(~ rent + distance, data, weights = w)))
  expect_snapshot(error = TRUE, anova(fit, "rent"))
  one <- fit_migration(~ rent + distance + keep(size), data)
  other <- fit_migration(~ wage + size:wage + kin:rent, data)
  expect_gt(one$loglik, other$loglik)
  expect_warning(anova(one, other), class = "firmmove_warning_not_nested")
})

test_that("fits print", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance, data)
  expect_snapshot(print(fit))
  expect_snapshot(print(summary(fit)))
  expect_snapshot(print(summary(fit, cluster = ~firm)))
  nest <- suppressWarnings(fit_migration(~ rent + distance, data, model = nested()))
  expect_snapshot(print(summary(nest)))
  constants <- fit_migration(~ distance | place, data, control = migration_control(fixed = c(distance = -1)))
  expect_snapshot(print(summary(constants)))
})

test_that("a model of place constants alone has the shares of the places", {
  firms <- relocation()$firms
  firms$from <- NULL
  fit <- fit_migration(~ 1 | place, migration_data(firms, relocation()$places, from = NULL, time = "year"))
  share <- as.vector(table(firms$to)) / 400
  expect_equal(unname(predict(fit)[1, ]), share, tolerance = 1e-9)
  expect_equal(unname(fit$effects), log(share / share[1]), tolerance = 1e-8)
  expect_snapshot(print(fit))
  expect_equal(dim(vcov(fit, type = "robust")), c(0L, 0L))
})

test_that("knitr gets a table", {
  skip_if_not_installed("knitr")
  fit <- fit_migration(~ rent + distance, relocation_data())
  text <- knitr::knit_print(fit)
  expect_s3_class(text, "knit_asis")
  expect_match(text, "|rent ", fixed = TRUE)
  expect_match(text, "Conditional logit: 400 occasions", fixed = TRUE)
})
