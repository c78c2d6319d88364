terms_fit <- function(formula = ~ rent + distance + keep(size), ...) {
  fit_migration(formula, relocation_data(200), control = one_thread(), ...)
}

test_that("drop1 and add1 are the refits, one term less or more", {
  fit <- terms_fit()
  table <- drop1(fit, test = "Chisq")
  expect_identical(rownames(table), c("<none>", "stay", "rent", "distance", "keep(size)"))
  for (term in rownames(table)[-1L]) {
    less <- update(fit, as.formula(paste(". ~ . -", term)))
    expect_equal(table[term, "AIC"], AIC(less))
    expect_equal(table[term, "LRT"], 2 * as.numeric(logLik(fit) - logLik(less)))
    expect_equal(table[term, "Pr(>Chi)"], anova(less, fit)[2L, "Pr(>Chisq)"])
  }
  small <- terms_fit(~rent)
  more <- add1(small, ~ . + distance + keep(size), k = log(nobs(small)))
  expect_equal(more["distance", "AIC"], BIC(update(small, . ~ . + distance)))
  expect_error(drop1(fit, ~distanc), "Did you mean `distance`", class = "firmmove_error_argument")
  expect_error(add1(fit, ~ . + rent), "no term that the fit lacks", class = "firmmove_error_argument")
})

test_that("step goes to the least criterion, with place constants kept", {
  fit <- terms_fit(~ rent + keep(size))
  found <- step(fit, trace = 0)
  expect_lte(AIC(found), AIC(fit))
  expect_lte(AIC(found), min(drop1(found)$AIC) + 1e-8)
  absorbed <- terms_fit(~ distance + keep(size) | place)
  expect_identical(rownames(add1(absorbed, ~ . + keep(w))), c("<none>", "keep(w)"))
  expect_match(deparse1(formula(step(absorbed, trace = 0))), "| place", fixed = TRUE)
})

test_that("anova takes the usual test argument", {
  small <- terms_fit(~rent)
  large <- terms_fit(~ rent + distance)
  expect_equal(anova(small, large, test = "Chisq"), anova(small, large))
  expect_named(anova(small, large, test = "none"), c("Parameters", "logLik", "Df"))
  expect_error(anova(small, large, test = "F"), "`test` must be one of", class = "firmmove_error_argument")
})

test_that("update uses what the fit holds", {
  made <- local({
    inside <- ragged_long()
    model <- nested(~ns)
    inside$ns <- ifelse(inside$place %in% sort(unique(inside$place))[1:2], "a", "b")
    w <- rep(1, nrow(inside))
    suppressWarnings(fit_migration(chosen ~ x, inside, model, id = "id", place = "place", weights = w))
  })
  more <- suppressWarnings(update(made, . ~ . + y))
  expect_identical(names(coef(more))[1:2], c("x", "y"))
  expect_equal(coef(suppressWarnings(update(made))), coef(made))
  path <- tempfile(fileext = ".rds")
  saveRDS(made, path)
  expect_equal(coef(suppressWarnings(update(readRDS(path), . ~ . + y))), coef(more))
  expect_identical(more$call$data, quote(inside))
})
