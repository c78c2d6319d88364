clustered_choices <- function() {
  set.seed(1)
  n <- 200L
  long <- data.frame(id = rep(seq_len(n), each = 3L), alt = rep(letters[1:3], n), x = rnorm(3 * n), z = rnorm(3 * n))
  u <- long$x - long$z - log(-log(runif(3 * n)))
  long$y <- as.integer(u == ave(u, long$id, FUN = max))
  long$g <- long$id %/% 10
  long$h <- long$id %% 4
  long
}

fit_clustered <- function(long = clustered_choices(), ...) {
  fit_migration(y ~ x + z, long, id = "id", place = "alt", control = one_thread(), ...)
}

test_that("a cluster formula means what its terms say", {
  fit <- fit_clustered()
  long <- clustered_choices()
  by_g <- vcov(fit, cluster = ~g)
  expect_equal(vcov(fit, cluster = ~ I(id %/% 10)), by_g)
  both <- vcov(fit, cluster = interaction(long$g, long$h))
  expect_equal(vcov(fit, cluster = ~ interaction(g, h)), both)
  expect_equal(vcov(fit, cluster = ~ g:h), both)
  expect_equal(vcov(fit, cluster = ~ g^h), both)
  expect_equal(
    vcov(fit, cluster = ~ g + h), by_g + vcov(fit, cluster = ~h) - both
  )
  ten <- 10
  expect_equal(vcov(fit, cluster = ~ I(id %/% ten)), by_g)
  # sandwich, on the scores
  skip_if_not_installed("sandwich")
  expect_equal(by_g, sandwich::vcovCL(fit, cluster = long$g[!duplicated(long$id)]), tolerance = 1e-10)
})

test_that("clusters that are missing, unknown or a name are errors; those without weight do not count", {
  long <- clustered_choices()
  long$gn <- replace(long$g, long$id <= 30, NA)
  fit <- fit_clustered(long)
  expect_error(vcov(fit, cluster = ~gn), "missing for 90 rows", class = "firmmove_error_cluster")
  expect_error(vcov(fit, cluster = ~ I(gg + 1)), "`gg`", class = "firmmove_error_cluster")
  expect_error(vcov(fit, cluster = "g"), "write cluster = ~ g", class = "firmmove_error_cluster")
  half <- fit_clustered(long, weights = as.numeric(long$id <= 100))
  alone <- fit_clustered(long[long$id <= 100, ])
  expect_equal(vcov(half, cluster = ~g), vcov(alone, cluster = ~g), tolerance = 1e-8)
})

test_that("unknown arguments are refused by name with the nearest", {
  fit <- fit_clustered()
  expect_error(vcov(fit, robust = TRUE), "`robust`.*nearest is `vcov`", class = "firmmove_error_argument")
  expect_error(confint(fit, conf.level = 0.9), "nearest is `level`", class = "firmmove_error_argument")
  expect_error(compensate(fit, "x", levl = 0.9), "nearest is `conf.level`", class = "firmmove_error_argument")
  expect_error(fit_clustered(weigths = 1), "nearest is `weights`", class = "firmmove_error_argument")
  expect_error(fit_clustered(cluster = ~g), "said afterwards", class = "firmmove_error_argument")
  # no exported method swallows what it does not know
  for (call in list(
    quote(summary(fit, robst = 1)), quote(tidy(fit, robst = 1)), quote(glance(fit, robst = 1)),
    quote(augment(fit, robst = 1)), quote(fitted(fit, robst = 1)), quote(residuals(fit, robst = 1)),
    quote(predict(fit, robst = 1)), quote(simulate(fit, robst = 1)), quote(coef(fit, robst = 1)),
    quote(elasticities(fit, "x", robst = 1)), quote(marginal_effects(fit, "x", type = "place", robst = 1)),
    quote(counterfactual(fit, data = data, robst = 1)), quote(test_claims(fit, "x > 0", robst = 1)),
    quote(attribute_moves(fit, robst = 1)), quote(iia_test(fit, "a", robst = 1)), quote(drop1(fit, robst = 1)),
    quote(update(fit, robst = 1)), quote(model.frame(fit, robst = 1))
  )) {
    expect_error(eval(call), "robst", class = "firmmove_error_argument")
  }
})

test_that("vcov is taken wherever type and cluster are", {
  fit <- fit_clustered()
  asked <- list(
    matrix = vcov(fit, cluster = ~g), function_of = function(fit) vcov(fit, cluster = ~g), formula = ~g,
    list = list(cluster = ~g)
  )
  v <- vcov(fit, cluster = ~g)
  se <- sqrt(diag(v))
  for (given in asked) {
    expect_equal(vcov(fit, vcov = given), v)
    expect_equal(summary(fit, vcov = given)$coefficients[, 2L], se)
    expect_equal(tidy(fit, vcov = given)$std.error, unname(se))
    expect_equal(confint(fit, vcov = given), confint(fit, cluster = ~g))
    for (answer in list(
      function(...) suppressWarnings(compensate(fit, "x", ...)), function(...) elasticities(fit, "x", ...),
      function(...) test_claims(fit, "x - z > 0", ...)
    )) {
      expect_equal(as.data.frame(answer(vcov = given)), as.data.frame(answer(cluster = ~g)))
    }
    effects <- marginal_effects(fit, "x", type = "place", vcov = given)
    expect_equal(as.data.frame(effects), as.data.frame(marginal_effects(fit, "x", type = "place", cluster = ~g)))
  }
  words <- list(iid = "hessian", HC0 = "robust", robust = "robust", opg = "opg")
  for (word in names(words)) {
    expect_equal(vcov(fit, vcov = word), vcov(fit, type = words[[word]]))
  }
  expect_equal(vcov(fit, vcov = "HC1"), vcov(fit, type = "robust") * 200 / 198)
  expect_error(vcov(fit, vcov = "HC3"), "no `vcov` \"HC3\"", class = "firmmove_error_argument")
  expect_error(vcov(fit, vcov = diag(3)), "3 rows", class = "firmmove_error_argument")
  expect_error(vcov(fit, type = "robust", vcov = v), "give one", class = "firmmove_error_argument")
})

test_that("other packages show the errors asked for", {
  skip_if_not_installed("modelsummary")
  skip_if_not_installed("parameters")
  skip_if_not_installed("lmtest")
  skip_if_not_installed("sandwich")
  fit <- fit_clustered()
  se <- unname(sqrt(diag(vcov(fit, cluster = ~g))))
  shown <- function(vcov) {
    table <- modelsummary::modelsummary(fit, vcov = vcov, output = "data.frame", fmt = NULL)
    as.numeric(gsub("[()]", "", table[[4L]][table$statistic == "std.error"]))
  }
  v <- vcov(fit, cluster = ~g)
  by_g <- function(fit) vcov(fit, cluster = ~g)
  expect_equal(shown(list(v)), se, tolerance = 1e-10)
  expect_equal(shown(list(by_g)), se, tolerance = 1e-10)
  expect_equal(shown(~g), se, tolerance = 1e-10)
  robust <- unname(sqrt(diag(vcov(fit, type = "robust"))))
  expect_equal(shown("HC0"), robust, tolerance = 1e-10)
  for (given in list(v, by_g, ~g)) {
    expect_equal(parameters::model_parameters(fit, vcov = given)$SE, se, tolerance = 1e-10)
  }
  expect_equal(parameters::model_parameters(fit, vcov = "HC0")$SE, robust, tolerance = 1e-10)
  expect_equal(unname(lmtest::coeftest(fit, vcov. = v)[, 2L]), se, tolerance = 1e-10)
  expect_equal(unname(lmtest::coeftest(fit, vcov. = by_g)[, 2L]), se, tolerance = 1e-10)
  expect_equal(unname(sqrt(diag(sandwich::vcovHC(fit)))), robust, tolerance = 1e-10)
  skip_if_not_installed("marginaleffects")
  # whose own derivatives are numerical
  for (given in list(v, by_g, ~g)) {
    expect_equal(unname(marginaleffects::get_vcov(fit, vcov = given)), unname(v), tolerance = 1e-10)
    found <- with_null_default(marginaleffects::hypotheses(fit, vcov = given))
    expect_equal(as.numeric(found$std.error), se, tolerance = 1e-7)
  }
  expect_equal(unname(marginaleffects::get_vcov(fit, vcov = "HC0")), unname(vcov(fit, type = "robust")), tolerance = 1e-10)
})

test_that("waldtest compares fits, changes and terms", {
  skip_if_not_installed("lmtest")
  fit <- fit_clustered()
  chisq <- (coef(fit)[["z"]]^2) / vcov(fit)["z", "z"]
  table <- lmtest::waldtest(fit, "z")
  expect_equal(table$Chisq[2L], chisq)
  expect_equal(lmtest::waldtest(fit, . ~ . - z)$Chisq[2L], chisq)
  expect_equal(
    lmtest::waldtest(fit, "z", vcov = ~g)$Chisq[2L], coef(fit)[["z"]]^2 / vcov(fit, cluster = ~g)["z", "z"]
  )
  lamps <- fit_migration(~ push(land_price) + log(distance), subset(wenzhou_guzhen(), year == 2000))
  expect_equal(
    lmtest::waldtest(lamps, . ~ . - log(distance))$Chisq[2L], unname(coef(lamps)[3L]^2 / vcov(lamps)[3L, 3L])
  )
})
