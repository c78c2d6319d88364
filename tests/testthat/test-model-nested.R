# Log-likelihood of the nested logit from its definition, for one occasion with utilities v of places in nests
nested_probability <- function(v, nest, lambda) {
  inclusive <- tapply(v / lambda[nest], nest, function(u) log(sum(exp(u))))
  top <- lambda[names(inclusive)] * inclusive
  exp(v / lambda[nest] - inclusive[nest] + (top - log(sum(exp(top))))[nest])
}

test_that("model objects know their levels", {
  expect_identical(nested()$levels, "move")
  expect_identical(nested(~move)$levels, "move")
  expect_identical(nested(~ move / region)$levels, c("move", "region"))
  expect_snapshot(print(nested(~ move / region, "one")))
  expect_snapshot(print(conditional()))
  expect_snapshot(error = TRUE, nested("region"))
  expect_snapshot(error = TRUE, nested(~ a / b / c))
  expect_snapshot(error = TRUE, nested(~ log(a)))
  expect_snapshot(error = TRUE, nested(~ region / move))
  expect_error(nested(lambda = "all"), "must be one of .*, not `")
})

test_that("Japanese investors in Europe: the published nested logit", {
  skip_if_not_installed("mlogit")
  data("JapaneseFDI", package = "mlogit", envir = environment())
  fit <- fit_migration(choice ~ log(wage) + unemp + elig + log(area) + scrate + ctaxrate, as.data.frame(JapaneseFDI),
    model = nested(~country, lambda = "one"), id = "firm", place = "region"
  )
  expect_lt(abs(as.numeric(logLik(fit)) + 1726.98099210), 1e-7)
  expect_lt(abs(coef(fit)[["lambda"]] - .84647460), 1e-7)
  expect_lt(abs(sqrt(vcov(fit)["lambda", "lambda"]) - .083845096), 1e-7)
  expect_equal(round(sqrt(vcov(fit, type = "opg")["lambda", "lambda"]), 6), .082703)
})

test_that("lambda = 1 is the conditional logit", {
  data <- relocation_data()
  plain <- fit_migration(~ rent + distance, data)
  for (nests in list("move", ~region, ~ move / region)) {
    fit <- fit_migration(~ rent + distance, data,
      model = nested(nests, "one"),
      control = migration_control(fixed = c(
        if (!identical(nests, "move")) c(lambda = 1), if (!identical(nests, ~region)) c("lambda:move" = 1)
      ))
    )
    expect_equal(coef(fit)[1:3], coef(plain), tolerance = 1e-9)
    expect_equal(fit$loglik, plain$loglik, tolerance = 1e-12)
    expect_equal(attr(logLik(fit), "df"), 3)
  }
})

test_that("probabilities and likelihood follow the definition", {
  data <- relocation_data()
  fit <- suppressWarnings(fit_migration(~ rent + distance, data, model = nested(~region)))
  expect_named(coef(fit), c("stay", "rent", "distance", "lambda:north", "lambda:south"))
  v <- predict(fit, type = "utility")
  p <- predict(fit)
  lambda <- c(
    north = coef(fit)[["lambda:north"]], south = coef(fit)[["lambda:south"]], east = 1, stay = 1
  )
  region <- setNames(relocation()$places$region, letters[1:6])
  for (i in c(1, 50, 311)) {
    nest <- unname(region)
    nest[colnames(p) == data$firms$from[i]] <- "stay"
    expect_equal(unname(p[i, ]), unname(c(nested_probability(v[i, ], nest, lambda))), tolerance = 1e-12)
  }
  expect_equal(unname(rowSums(p)), rep(1, 400))
  chosen <- p[cbind(seq_len(400), match(data$firms$to, colnames(p)))]
  expect_equal(sum(log(chosen)), fit$loglik, tolerance = 1e-12)
  expect_equal(unname(fitted(fit)), chosen)
})

test_that("three levels follow the definition, and the information is the derivative of the score", {
  data <- relocation_data()
  fit <- suppressWarnings(fit_migration(~ rent + distance, data, model = nested(~ move / region)))
  expect_named(coef(fit), c("stay", "rent", "distance", "lambda:north", "lambda:south", "lambda:move"))
  v <- predict(fit, type = "utility")
  region <- relocation()$places$region
  b <- c(north = coef(fit)[["lambda:north"]], south = coef(fit)[["lambda:south"]], east = 1)
  top <- coef(fit)[["lambda:move"]]
  for (i in c(2, 77, 400)) {
    stay <- match(data$firms$from[i], letters)
    group <- split(seq_len(6)[-stay], region[-stay])
    regional <- vapply(names(group), function(r) b[[r]] * log(sum(exp(v[i, group[[r]]] / b[[r]]))), 0)
    moving <- top * log(sum(exp(regional / top)))
    expect_equal(predict(fit, type = "logsum")[[i]], log(exp(moving) + exp(v[i, stay])), tolerance = 1e-12)
    p <- numeric(6)
    p[stay] <- 1 / (1 + exp(moving - v[i, stay]))
    for (r in names(group)) {
      within <- exp(v[i, group[[r]]] / b[[r]] - regional[[r]] / b[[r]])
      p[group[[r]]] <- (1 - p[stay]) * exp(regional[[r]] / top - moving / top) * within
    }
    expect_equal(unname(predict(fit)[i, ]), p, tolerance = 1e-12)
  }
  design <- fit_design(fit)
  score <- function(theta) {
    .Call(C_evaluate, design$spec, design$kernel, theta, 1L, kernel_control(fit$control))$score
  }
  step <- 1e-5
  by_hand <- vapply(seq_along(design$theta), function(k) {
    move <- replace(numeric(6), k, step)
    (score(design$theta - move) - score(design$theta + move)) / (2 * step)
  }, numeric(6))
  expect_equal(unname(fit$information), by_hand, tolerance = 1e-6)
})

test_that("long and relational data agree, nest by nest", {
  fit <- suppressWarnings(fit_migration(~ rent + distance, relocation_data(), model = nested(~region)))
  long <- suppressWarnings(fit_migration(chosen ~ rent + distance, relocation_long(),
    model = nested(~region), id = "id", place = "place", from = "from"
  ))
  expect_equal(coef(fit), coef(long), tolerance = 1e-8)
  expect_equal(vcov(fit), vcov(long), tolerance = 1e-7)
})

test_that("the score is zero and the information right at the maximum", {
  fit <- suppressWarnings(fit_migration(~ rent + distance, relocation_data(), model = nested(~ move / region, "one")))
  expect_named(coef(fit), c("stay", "rent", "distance", "lambda", "lambda:move"))
  scores <- estfun.migration_fit(fit)
  expect_lt(max(abs(colSums(scores)) * sqrt(diag(vcov(fit)))), 1e-4)
})

test_that("nests of one place have no lambda", {
  fit <- suppressWarnings(fit_migration(~rent, relocation_data(), model = nested(~region)))
  expect_false("lambda:east" %in% names(coef(fit)))
  tables <- relocation()
  tables$places$own <- tables$places$place
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  expect_snapshot(error = TRUE, fit_migration(~rent, data, model = nested(~own)))
})

test_that("estimates outside (0, 1] warn with their values", {
  set.seed(5)
  n <- 600
  places <- data.frame(place = letters[1:4], region = c("n", "n", "s", "s"), x = c(1, 0, 2, 0.5))
  # more alike across nests than within: each nest's shock is shared with the other sign
  u <- matrix(gumbel(4 * n), n) + rep(places$x, each = n)
  shock <- stats::rnorm(n, sd = 3)
  u <- u + cbind(shock, -shock, shock, -shock)
  firms <- data.frame(firm = seq_len(n), to = places$place[max.col(u)])
  data <- migration_data(firms, places, from = NULL)
  expect_warning(
    fit <- fit_migration(~x, data, model = nested(~region, "one")),
    "`lambda` = ",
    class = "firmmove_warning_lambda"
  )
  expect_gt(coef(fit)[["lambda"]], 1)
})

test_that("wrong nests are named", {
  tables <- relocation()
  expect_snapshot(error = TRUE, fit_migration(~rent, relocation_data(), nested(), start = c("lambda:move" = 0)))
  tables$places$hole <- c(NA, "n", "n", "s", "s", "s")
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  expect_snapshot(error = TRUE, fit_migration(~rent, data, model = nested(~regoin)))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, model = nested(~hole)))
  moving <- merge(tables$places, data.frame(year = 1:2))
  moving$region[moving$place == "c" & moving$year == 2] <- "east"
  data <- migration_data(tables$firms, moving, tables$ties, time = "year")
  expect_snapshot(error = TRUE, fit_migration(~rent, data, model = nested(~region)))
  firms <- tables$firms
  firms$from <- NULL
  data <- migration_data(firms, tables$places, from = NULL, time = "year")
  expect_snapshot(error = TRUE, fit_migration(~rent, data, model = nested()))
})

test_that("regions of the same name in two countries are two nests", {
  places <- data.frame(
    place = letters[1:6], country = c("p", "p", "p", "q", "q", "q"), region = c("n", "n", "s", "n", "n", "s")
  )
  data <- migration_data(data.frame(firm = 1:6, to = letters[1:6]), places, from = NULL)
  design <- list(spec = list(origin = rep(0L, 6), J = 6L, offered = NULL))
  setup <- model_setup(nested(~ country / region), data, design)
  expect_identical(setup$parameters$name, c("lambda:p/n", "lambda:q/n", "lambda:p", "lambda:q"))
  expect_identical(setup$kernel$nest, c(0L, 0L, 1L, 2L, 2L, 3L))
  expect_identical(setup$kernel$parent, c(0L, 0L, 1L, 1L))
  expect_identical(setup$kernel$lambda, c(0L, -1L, 1L, -1L))
  expect_identical(setup$kernel$lambda_upper, c(2L, 3L))
})
