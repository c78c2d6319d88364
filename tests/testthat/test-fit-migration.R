test_that("equals survival::clogit on ragged data", {
  skip_if_not_installed("survival")
  # clogit() calls these where it is called
  coxph <- survival::coxph
  Surv <- survival::Surv
  strata <- survival::strata
  for (seed in 3:5) {
    long <- ragged_long(seed = seed)
    fit <- fit_migration(~ x + y + z, choice_data(long, "chosen", "id", "place"))
    peer <- survival::clogit(chosen ~ x + y + z + strata(id), long)
    expect_equal(coef(fit), coef(peer), tolerance = 1e-8)
    expect_equal(vcov(fit), vcov(peer), tolerance = 1e-8, ignore_attr = TRUE)
    expect_equal(as.numeric(logLik(fit)), peer$loglik[2], tolerance = 1e-10)
    expect_equal(fit$loglik_null, peer$loglik[1], tolerance = 1e-10)
  }
})

test_that("with two places equals a binary logit of the differences", {
  set.seed(11)
  n <- 200
  x <- matrix(stats::rnorm(2 * n), n)
  second <- stats::runif(n) < stats::plogis(0.4 + x[, 2] - x[, 1])
  long <- data.frame(
    id = rep(seq_len(n), each = 2), place = c("a", "b"), b = c(0, 1), x = c(t(x)),
    chosen = c(rbind(!second, second))
  )
  fit <- fit_migration(chosen ~ b + x, long, id = "id", place = "place")
  peer <- stats::glm(second ~ I(x[, 2] - x[, 1]), stats::binomial(), control = list(epsilon = 1e-14))
  expect_equal(coef(fit), coef(peer), tolerance = 1e-8, ignore_attr = TRUE)
  expect_equal(vcov(fit), vcov(peer), tolerance = 1e-7, ignore_attr = TRUE)
  expect_equal(deviance(fit), deviance(peer), tolerance = 1e-10)
})

test_that("with weights equals a weighted binary logit", {
  set.seed(12)
  n <- 200
  w <- stats::runif(n, 0, 3)
  x <- stats::rnorm(n)
  second <- stats::runif(n) < stats::plogis(0.5 * x)
  long <- data.frame(
    id = rep(seq_len(n), each = 2), place = c("a", "b"), b = c(0, 1), x = c(rbind(0, x)), w = rep(w, each = 2),
    chosen = c(rbind(!second, second))
  )
  fit <- fit_migration(chosen ~ b + x, long, id = "id", place = "place", weights = w)
  peer <- suppressWarnings(stats::glm(second ~ x, stats::binomial(), weights = w, control = list(epsilon = 1e-14)))
  expect_equal(coef(fit), coef(peer), tolerance = 1e-8, ignore_attr = TRUE)
  expect_equal(vcov(fit), vcov(peer), tolerance = 1e-7, ignore_attr = TRUE)
})

test_that("Japanese investors in Europe: the published conditional logit", {
  skip_if_not_installed("mlogit")
  data("JapaneseFDI", package = "mlogit", envir = environment())
  fit <- fit_migration(choice ~ log(wage) + unemp + elig + log(area) + scrate + ctaxrate, as.data.frame(JapaneseFDI),
    id = "firm", place = "region"
  )
  expect_equal(as.numeric(logLik(fit)), -1728.5652036617, tolerance = 1e-12)
  expect_equal(fit$loglik_null, -1827.45917306, tolerance = 1e-11)
  b <- c(.465810489, -8.895630967, -.254143342, .311017141, -2.256064976, -4.816885160)
  se <- c(.2463624780, 1.6915492293, .2095463998, .0528975801, .3822442089, .5914288024)
  robust <- c(.2323363394, 1.8209140750, .2119464490, .0511157092, .4169412116, .6034736902)
  expect_lt(max(abs(coef(fit) - b)), 1e-8)
  expect_lt(max(abs(sqrt(diag(vcov(fit))) - se)), 1e-9)
  expect_lt(max(abs(sqrt(diag(vcov(fit, type = "robust"))) - robust)), 1e-9)
  expect_true(is.na(fit$n_movers))
})

test_that("relational and long storage of the same data agree", {
  fit <- fit_migration(~ rent + distance + keep(size) + size:wage, relocation_data(), weights = w)
  long <- relocation_long()
  other <- fit_migration(chosen ~ stays + rent + distance + I(size * stays) + I(size * wage) - stay, long,
    id = "id", place = "place", from = "from", weights = w
  )
  expect_equal(unname(coef(fit)), unname(coef(other)), tolerance = 1e-10)
  expect_equal(unname(vcov(fit)), unname(vcov(other)), tolerance = 1e-9)
  expect_equal(fit$loglik, other$loglik, tolerance = 1e-12)
  expect_equal(fit$loglik_null, other$loglik_null, tolerance = 1e-12)
  expect_identical(fit$n_movers, other$n_movers)
})

test_that("absorbed place constants equal dummies", {
  data <- relocation_data()
  fit <- fit_migration(~ distance + keep(size) | place, data)
  dummies <- fit_migration(chosen ~ stays + distance + I(size * stays) + factor(place) - stay, relocation_long(),
    id = "id", place = "place", from = "from"
  )
  expect_equal(unname(coef(fit)), unname(coef(dummies)[1:3]), tolerance = 1e-8)
  expect_equal(unname(fit$effects[-1]), unname(coef(dummies)[4:8]), tolerance = 1e-8)
  expect_equal(fit$effects[["a"]], 0)
  expect_equal(unname(vcov(fit)), unname(vcov(dummies)[1:3, 1:3]), tolerance = 1e-8)
  se <- unname(sqrt(diag(vcov(dummies))[4:8]))
  expect_equal(unname(fit$design$effects_se[-1]), se, tolerance = 1e-8)
  expect_equal(attributes(logLik(fit))$df, attributes(logLik(dummies))$df)
})

test_that("units do not matter", {
  tables <- relocation()
  fit <- function(tables) {
    data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
    fit_migration(~ distance + keep(size) | place, data)
  }
  base <- fit(tables)
  tables$ties$distance <- 1e9 * tables$ties$distance
  tables$firms$size <- 1e-9 * tables$firms$size + 1e-7
  big <- fit(tables)
  unit <- c(1e-9, 1e9)
  expect_equal(coef(big)[2:3], coef(base)[2:3] * unit, tolerance = 1e-7)
  for (type in c("hessian", "opg", "robust", "cluster")) {
    expect_equal(vcov(big, type = type)[2:3, 2:3], vcov(base, type = type)[2:3, 2:3] * tcrossprod(unit), tolerance = 1e-6)
  }
})

test_that("results are the same to the last bit with one and two threads", {
  data <- relocation_data(2000)
  one <- fit_migration(~ rent + distance, data, control = migration_control(threads = 1))
  two <- fit_migration(~ rent + distance, data, control = migration_control(threads = 2))
  expect_identical(coef(one), coef(two))
  expect_identical(vcov(one), vcov(two))
  expect_identical(one$loglik, two$loglik)
})

test_that("held coefficients stay where they are and do not count", {
  data <- relocation_data()
  free <- fit_migration(~ rent + distance, data)
  held <- fit_migration(~ rent + distance, data, control = migration_control(fixed = c(rent = coef(free)[["rent"]])))
  expect_equal(coef(held), coef(free), tolerance = 1e-7)
  expect_equal(attr(logLik(held), "df"), 2)
  expect_equal(vcov(held)["rent", "rent"], 0)
  expect_true(is.na(summary(held)$coefficients["rent", "Std. Error"]))
  zero <- fit_migration(~ rent + distance, data, control = migration_control(fixed = c(rent = 0)))
  expect_equal(zero$loglik, fit_migration(~distance, data)$loglik, tolerance = 1e-12)
})

test_that("an offset equals a coefficient held at 1", {
  data <- relocation_data()
  offset <- fit_migration(~ distance + offset(rent), data)
  held <- fit_migration(~ distance + rent, data, control = migration_control(fixed = c(rent = 1)))
  expect_equal(coef(offset), coef(held)[c("stay", "distance")], tolerance = 1e-9)
  expect_equal(offset$loglik, held$loglik, tolerance = 1e-12)
})

test_that("start values lead to the same maximum", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance, data)
  near <- fit_migration(~ rent + distance, data, start = coef(fit))
  far <- fit_migration(~ rent + distance, data, start = c(distance = 2))
  expect_equal(coef(near), coef(fit), tolerance = 1e-9)
  expect_lte(near$convergence$iterations, 2)
  expect_equal(coef(far), coef(fit), tolerance = 1e-9)
  expect_equal(near$loglik_null, fit$loglik_null, tolerance = 1e-12)
})

test_that("subset and weights are evaluated in the table of firms", {
  tables <- relocation()
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  some <- fit_migration(~ rent + distance, data, subset = size > 1 & year == 1)
  zero <- fit_migration(~ rent + distance, data, weights = as.numeric(size > 1 & year == 1))
  expect_equal(coef(some), coef(zero), tolerance = 1e-9)
  expect_equal(nobs(some), sum(tables$firms$size > 1 & tables$firms$year == 1))
  expect_equal(nobs(zero), nobs(some))
  expect_equal(zero$n_movers, some$n_movers)
  vector <- tables$firms$w
  expect_equal(
    coef(fit_migration(~rent, data, weights = vector)), coef(fit_migration(~rent, data, weights = "w"))
  )
})

test_that("the null model is equal shares", {
  fit <- fit_migration(~ rent + distance, relocation_data())
  expect_equal(fit$loglik_null, -400 * log(6))
})

test_that("a term that is not estimable is named, and NA", {
  tables <- relocation()
  tables$places$twice <- 2 * tables$places$rent - tables$places$wage
  tables$places$same <- 1
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  expect_snapshot(fit <- fit_migration(~ rent + wage + twice + same, data))
  expect_equal(names(which(is.na(coef(fit)))), c("twice", "same"))
  base <- fit_migration(~ rent + wage, data)
  expect_equal(coef(fit)[1:3], coef(base), tolerance = 1e-9)
  expect_equal(attr(logLik(fit), "df"), 3)
  expect_true(all(is.na(vcov(fit)["twice", ])))
  expect_equal(vcov(fit, complete = FALSE), vcov(base), tolerance = 1e-8)
  expect_snapshot(summary(fit))
  again <- suppressWarnings(fit_migration(~ rent + wage + twice, data, start = c(twice = 3)))
  expect_equal(coef(again)[1:3], coef(base), tolerance = 1e-8)
})

test_that("a place attribute is a combination of place constants", {
  expect_snapshot(fit <- fit_migration(~ rent + distance | place, relocation_data()))
  expect_true(is.na(coef(fit)[["rent"]]))
})

test_that("terms that separate the choices are named", {
  long <- ragged_long(60)
  long$sure <- long$chosen * 2
  expect_warning(
    fit <- fit_migration(chosen ~ x + sure, long, id = "id", place = "place"),
    "no finite maximum.*`sure` \\(towards Inf\\)",
    class = "firmmove_warning_separated"
  )
  expect_equal(fit$convergence$code, 3L)
  expect_output(print(fit), "NOT CONVERGED")
})

test_that("a fit that did not converge warns and says so", {
  expect_snapshot(fit <- fit_migration(~ rent + distance, relocation_data(),
    control = migration_control(max_iterations = 1)
  ))
  expect_equal(fit$convergence$code, 1L)
  expect_output(print(fit), "NOT CONVERGED after 1 iteration")
  expect_output(print(summary(fit)), "NOT CONVERGED after 1 iteration")
})

test_that("places that nobody chose are taken out of models with place constants", {
  tables <- relocation()
  tables$firms <- tables$firms[tables$firms$to != "f", ]
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  expect_message(fit <- fit_migration(~ distance | place, data), class = "firmmove_message_unchosen_places")
  expect_equal(fit$effects[["f"]], -Inf)
  expect_equal(attr(logLik(fit), "df"), 2 + 4)
  expect_true(all(predict(fit)[, "f"] == 0))
})

test_that("convergence is recorded", {
  convergence <- fit_migration(~ rent + distance, relocation_data())$convergence
  expect_equal(convergence$code, 0L)
  expect_identical(convergence$message, "converged")
  expect_lt(convergence$gradient_norm, 1e-5)
  expect_gt(convergence$condition, 1)
  expect_named(convergence$digits, c("stay", "rent", "distance"))
  expect_true(all(convergence$digits >= 6))
})

test_that("trace reports the stages", {
  messages <- testthat::capture_messages(
    fit_migration(~rent, relocation_data(), control = migration_control(trace = TRUE))
  )
  expect_length(messages, 4)
  expect_match(messages[4], "maximum done, [0-9.]+ s")
})

test_that("wrong input to a fit is named", {
  tables <- relocation()
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  expect_snapshot(error = TRUE, fit_migration("rent", data))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, model = "conditional"))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, control = list(threads = 1)))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, workers = 2))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, id = "firm"))
  expect_snapshot(error = TRUE, fit_migration(~rent, tables$firms))
  expect_snapshot(error = TRUE, fit_migration(~rent, 1:3))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, start = c(1, 2, 3)))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, start = c(rnt = 1)))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, start = "a"))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, control = migration_control(fixed = c(rnt = 1))))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, weights = 0 * size))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, subset = size > 1e9))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, subset = from == to))
})

test_that("a constant for each of many places: estimates and errors are those of the Poisson regression", {
  skip_if_not_installed("fixest")
  set.seed(5)
  places <- data.frame(place = sprintf("p%03d", 1:120), skill = rnorm(120))
  firms <- data.frame(firm = 1:600, from = rep(1:120, 5), size = rnorm(600))
  firms$to <- vapply(1:600, function(i) {
    which.max(0.5 * firms$size[i] * places$skill + 3 * (1:120 == firms$from[i]) - log(rexp(120)))
  }, 1L)
  long <- data.frame(id = rep(1:600, each = 120), place = rep(1:120, 600))
  long$chosen <- as.integer(long$place == firms$to[long$id])
  long$stay <- as.integer(long$place == firms$from[long$id])
  long$x <- firms$size[long$id] * places$skill[long$place]
  firms[c("from", "to")] <- lapply(firms[c("from", "to")], function(code) places$place[code])
  fit <- suppressMessages(fit_migration(~ size:skill | place, migration_data(firms, places)))
  peer <- fixest::fepois(chosen ~ stay + x | id + place, long,
    vcov = "iid", ssc = fixest::ssc(K.adj = FALSE, G.adj = FALSE), glm.tol = 1e-12, fixef.tol = 1e-11, nthreads = 1,
    notes = FALSE
  )
  expect_equal(coef(fit)[c("stay", "size:skill")], coef(peer)[c("stay", "x")], tolerance = 1e-8, ignore_attr = TRUE)
  se <- sqrt(diag(vcov(fit)))[c("stay", "size:skill")]
  expect_equal(se, sqrt(diag(vcov(peer)))[c("stay", "x")], tolerance = 1e-7, ignore_attr = TRUE)
  # the constants, relative to the first place that somebody chose
  offered <- is.finite(fit$effects)
  theirs <- unlist(fixest::fixef(peer)$place)
  theirs <- theirs[match(which(offered), as.integer(names(theirs)))]
  expect_equal(unname(fit$effects[offered]), unname(theirs - theirs[1]), tolerance = 1e-6)
})
