# Columns of the design of ~ rent + w with a log baseline, for likelihoods written out
columns_of <- function(f) cbind(1, log(f$duration), f$rent, f$w)

# Log-likelihood with gamma frailty, theta = c(move, exit, v), from its definition
frailty_loglik <- function(theta, f) {
  e <- exp(cbind(columns_of(f) %*% theta[1:4], columns_of(f) %*% theta[5:8]))
  total <- rowSums(e)
  event <- f$y != "stay"
  stayed <- tapply(ifelse(event, 0, total), f$spell, sum)
  last <- tapply(ifelse(event, total, 0), f$spell, sum)
  mean_exp <- function(s) (1 + theta[9] * s)^(-1 / theta[9])
  share <- ifelse(f$y == "move", e[, 1], e[, 2]) / total
  sum(log(mean_exp(stayed) - ifelse(last > 0, mean_exp(stayed + last), 0))) + sum(log(share[event]))
}

test_that("model objects know what they are", {
  expect_snapshot(print(hazard()))
  expect_snapshot(print(hazard("logit", "exit", baseline = ~ poly(duration, 2), duration = ~ age + 1)))
  expect_identical(hazard(risks = c("exit", "move"))$risks, c("move", "exit"))
  expect_snapshot(error = TRUE, hazard(risks = "die"))
  expect_snapshot(error = TRUE, hazard(baseline = y ~ duration))
  expect_snapshot(error = TRUE, hazard(duration = 3))
  expect_snapshot(error = TRUE, hazard("logit", frailty = TRUE))
  expect_error(hazard("probit"), "must be one of .*, not `")
})

test_that("one risk equals glm, by cloglog and logit", {
  f <- hazard_frame()
  data <- hazard_data()
  for (link in c("cloglog", "logit")) {
    fit <- fit_quietly(~ rent + w, data, hazard(link, "move", baseline = "log"))
    f$leave <- as.integer(f$y == "move")
    peer <- glm(leave ~ log(duration) + rent + w, binomial(link), f[f$y != "exit", ],
      control = list(epsilon = 1e-14, maxit = 100)
    )
    expect_lt(max(abs(coef(fit) - coef(peer))), 1e-8)
    expect_lt(abs(fit$loglik - as.numeric(logLik(peer))), 1e-8)
    expect_equal(fit$n, nobs(peer))
    # the information is the observed one: glm's expected one only where the link is canonical
    if (link == "logit") {
      expect_lt(max(abs(vcov(fit) - vcov(peer))), 1e-8)
    } else {
      eta <- predict(peer)
      s <- exp(eta)
      d2 <- ifelse(peer$y == 1, s * (s * exp(s) - expm1(s)) / expm1(s)^2, s)
      x <- model.matrix(peer)
      expect_lt(max(abs(vcov(fit) - solve(crossprod(x, d2 * x)))), 1e-8)
      expect_equal(unname(sqrt(diag(vcov(fit)))), unname(sqrt(diag(vcov(peer)))), tolerance = 0.02)
    }
  }
})

test_that("closing alone counts a move as surviving", {
  f <- hazard_frame()
  fit <- fit_quietly(~ rent + w, hazard_data(), hazard("logit", "exit", baseline = "log"))
  peer <- glm(y == "exit" ~ log(duration) + rent + w, binomial(), f, control = list(epsilon = 1e-14))
  expect_equal(unname(coef(fit)), unname(coef(peer)), tolerance = 1e-8)
  expect_equal(fit$n, nrow(f))
})

test_that("competing risks by logit are a multinomial logit", {
  skip_if_not_installed("nnet")
  f <- hazard_frame()
  fit <- fit_quietly(~ rent + w, hazard_data(), hazard("logit", baseline = "log"))
  peer <- nnet::multinom(y ~ log(duration) + rent + w, f, trace = FALSE, reltol = 1e-15, maxit = 1000, Hess = TRUE)
  expect_lt(max(abs(coef(fit) - c(t(coef(peer))))), 1e-5)
  expect_lt(abs(fit$loglik - as.numeric(logLik(peer))), 1e-8)
  expect_equal(unname(vcov(fit)), unname(vcov(peer)), tolerance = 1e-5)
  expect_named(coef(fit), paste0(rep(c("move", "exit"), each = 4), ":", c("(Intercept)", "log(duration)", "rent", "w")))
})

test_that("competing risks by cloglog split the total hazard in proportion", {
  f <- hazard_frame()
  fit <- fit_quietly(~ rent + w, hazard_data(), hazard(baseline = "log"))
  loglik <- function(theta) {
    e <- exp(cbind(columns_of(f) %*% theta[1:4], columns_of(f) %*% theta[5:8]))
    s <- rowSums(e)
    sum(ifelse(f$y == "stay", -s, log(-expm1(-s)) + log(ifelse(f$y == "move", e[, 1], e[, 2]) / s)))
  }
  expect_equal(fit$loglik, loglik(coef(fit)), tolerance = 1e-12)
  best <- optim(coef(fit) * 0.8, function(b) -loglik(b), method = "BFGS", control = list(reltol = 1e-14, maxit = 500))
  expect_equal(best$par, coef(fit), tolerance = 1e-4)
  expect_equal(-best$value, fit$loglik, tolerance = 1e-9)
  # the shares of the outcomes are the null model
  n <- table(f$y)
  expect_equal(fit$loglik_null, sum(n * log(n / sum(n))))
  constant <- fit_quietly(~1, hazard_data(), hazard())
  expect_equal(constant$loglik, fit$loglik_null, tolerance = 1e-12)
})

test_that("frailty has the likelihood of its definition, its integral and a direct maximum", {
  f <- hazard_frame(n = 400, v = 1)
  fit <- fit_quietly(~ rent + w, hazard_data(n = 400, v = 1), hazard(baseline = "log", frailty = TRUE))
  expect_equal(fit$loglik, frailty_loglik(coef(fit), f), tolerance = 1e-12)
  best <- optim(coef(fit) * 0.9, function(b) if (b[9] < 1e-4) 1e10 else -frailty_loglik(b, f),
    method = "BFGS", control = list(reltol = 1e-14, maxit = 500)
  )
  expect_equal(best$par, coef(fit), tolerance = 1e-4)
  expect_lt(fit$loglik + best$value, 1e-6)
  expect_gt(fit$loglik + best$value, -1e-8)
  # the integral over the gamma, for some spells
  e <- exp(cbind(columns_of(f) %*% coef(fit)[1:4], columns_of(f) %*% coef(fit)[5:8]))
  v <- coef(fit)[["frailty"]]
  spell_loglik <- function(g) {
    rows <- which(f$spell == g)
    inside <- function(u) {
      vapply(u, function(one) {
        s <- one * rowSums(e[rows, , drop = FALSE])
        share <- ifelse(f$y[rows] == "move", e[rows, 1], e[rows, 2]) / rowSums(e[rows, , drop = FALSE])
        prod(ifelse(f$y[rows] == "stay", exp(-s), -expm1(-s) * share))
      }, 0) * dgamma(u, 1 / v, 1 / v)
    }
    log(integrate(inside, 0, Inf, rel.tol = 1e-10, subdivisions = 1000)$value)
  }
  p <- fitted(fit)
  rows <- match(paste(f$firm, f$year), with(fit$data$firms, paste(firm, year)))
  for (g in unique(f$spell)[c(1, 7, 50, 200)]) {
    expect_equal(spell_loglik(g), sum(log(p[rows[f$spell == g]])), tolerance = 1e-7)
  }
})

test_that("frailty 0 is the model without it, and is reported as an estimate", {
  data <- hazard_data()
  plain <- fit_quietly(~ rent + w, data, hazard(baseline = "log"))
  held <- fit_quietly(~ rent + w, data, hazard(baseline = "log", frailty = TRUE),
    control = migration_control(fixed = c(frailty = 0))
  )
  expect_equal(coef(held)[1:8], coef(plain), tolerance = 1e-10)
  expect_equal(vcov(held)[1:8, 1:8], vcov(plain), tolerance = 1e-9)
  # without a baseline a falling hazard is frailty, a rising one is not
  suppressMessages(expect_message(
    fit <- fit_migration(~w, data, hazard(frailty = TRUE), subset = year <= 3),
    class = "firmmove_message_frailty_zero"
  ))
  expect_identical(coef(fit)[["frailty"]], 0)
  expect_identical(fit$convergence$code, 0L)
  expect_equal(attr(logLik(fit), "df"), 5)
  expect_true(is.na(tidy(fit)$std.error[5]))
  expect_false(anyNA(tidy(fit)$estimate))
  expect_snapshot(print(summary(fit)))
  expect_equal(dim(sandwich::estfun(fit)), c(max(fit$design$group), 4L))
})

test_that("the boundary test of frailty is a mixture", {
  fit <- fit_quietly(~ rent + w, hazard_data(n = 400, v = 1), hazard(baseline = "log", frailty = TRUE))
  plain <- suppressMessages(update(fit, model = hazard(baseline = "log")))
  test <- fit$design$memory$frailty
  expect_equal(test$statistic, 2 * (fit$loglik - plain$loglik), tolerance = 1e-10)
  expect_equal(test$p.value, pchisq(test$statistic, 1, lower.tail = FALSE) / 2)
  expect_snapshot(print(summary(fit)))
})

test_that("information and score are derivatives, with and without frailty", {
  set.seed(5)
  for (model in list(hazard(baseline = "log"), hazard(baseline = "log", frailty = TRUE), hazard(risks = "move"))) {
    fit <- fit_quietly(~ rent + w, hazard_data(n = 80, v = 1), model)
    design <- fit_design(fit)
    p <- length(design$theta)
    at <- function(theta, order = 2L) {
      .Call(C_evaluate, design$spec, design$kernel, theta, order, kernel_control(fit$control))
    }
    theta <- design$theta + runif(p, -0.2, 0.2)
    if (model$frailty) theta[p] <- 0.7
    here <- at(theta)
    step <- 1e-4
    for (k in seq_len(p)) {
      up <- at(replace(theta, k, theta[k] + step))
      down <- at(replace(theta, k, theta[k] - step))
      expect_equal((up$value - down$value) / (2 * step), here$score[k], tolerance = 1e-6)
      expect_equal(-(up$score - down$score) / (2 * step), here$information[k, ], tolerance = 1e-6)
    }
  }
})

test_that("parameters are recovered", {
  truth <- c(-2.2, 0.3, 0.8, -0.5, -3, 0, 0.4, 0)
  inside <- vapply(1:12, function(seed) {
    fit <- fit_quietly(~ rent + w, hazard_data(n = 400, v = 0.8, seed = seed), hazard(baseline = "log", frailty = TRUE))
    limits <- confint(fit)[1:8, ]
    limits[, 1] <= truth & truth <= limits[, 2]
  }, logical(8))
  # 96 intervals of 95%: fewer than 85 of them hold their truth with probability 0.003
  expect_gt(sum(inside), 85)
})

test_that("threads do not change a bit", {
  data <- hazard_data(v = 1)
  one <- fit_quietly(~ rent + w, data, hazard(baseline = "log", frailty = TRUE), control = one_thread())
  two <- fit_quietly(~ rent + w, data, hazard(baseline = "log", frailty = TRUE),
    control = migration_control(threads = 2)
  )
  expect_identical(coef(one), coef(two))
  expect_identical(vcov(one), vcov(two))
})

test_that("weights count periods, and spells with frailty", {
  tables <- hazard_tables(n = 120, v = 1)
  spell_weight <- 1 + tables$firms$firm %% 3
  copies <- tables$firms[rep(seq_len(nrow(tables$firms)), spell_weight), ]
  copies$firm <- paste(copies$firm, sequence(spell_weight))
  twice <- migration_data(copies, tables$places, time = "year")
  data <- migration_data(tables$firms, tables$places, time = "year", weights = spell_weight)
  for (model in list(hazard(), hazard(frailty = TRUE), hazard("logit"))) {
    a <- fit_quietly(~ rent + w, data, model)
    b <- fit_quietly(~ rent + w, twice, model)
    expect_equal(coef(a), coef(b), tolerance = 1e-7)
    expect_equal(vcov(a), vcov(b), tolerance = 1e-6)
    expect_equal(a$loglik, b$loglik, tolerance = 1e-10)
  }
  uneven <- seq_len(nrow(tables$firms))
  expect_snapshot(error = TRUE, fit_migration(~w, data, hazard(frailty = TRUE), weights = uneven))
  expect_snapshot(error = TRUE, fit_quietly(~w, data, hazard(), weights = 0 * uneven))
})

test_that("a model without events, or with a risk that never occurs, is an error", {
  tables <- hazard_tables(n = 60)
  f <- tables$firms
  of <- function(rows) migration_data(f[rows, ], tables$places, time = "year")
  stays <- of(!is.na(f$to) & f$to == f$from)
  expect_snapshot(error = TRUE, fit_quietly(~w, stays, hazard()))
  no_exit <- of(!is.na(f$to))
  expect_snapshot(error = TRUE, fit_quietly(~w, no_exit, hazard()))
  leavers <- of(is.na(f$to) | f$to != f$from)
  expect_snapshot(error = TRUE, suppressWarnings(fit_quietly(~w, leavers, hazard())))
  long <- choice_data(ragged_long(), "chosen", "id", "place")
  expect_snapshot(error = TRUE, fit_migration(~x, long, hazard()))
})

test_that("separation and aliased terms are named", {
  tables <- hazard_tables(n = 150)
  tables$firms$never <- as.numeric(!is.na(tables$firms$to) & tables$firms$to == tables$firms$from &
    tables$firms$firm %% 2 == 0)
  tables$firms$double <- 2 * tables$firms$w
  data <- migration_data(tables$firms, tables$places, time = "year")
  expect_snapshot(fit <- fit_quietly(~ never + w, data, hazard()))
  expect_identical(fit$convergence$code, 3L)
  expect_snapshot(fit <- fit_quietly(~ w + double, data, hazard(baseline = "log")))
  expect_true(all(is.na(coef(fit)[c("move:double", "exit:double")])))
  expect_false(anyNA(predict(fit)))
})

test_that("fixed and start values work", {
  data <- hazard_data(v = 1)
  fit <- fit_quietly(~ rent + w, data, hazard(baseline = "log", frailty = TRUE))
  again <- fit_quietly(~ rent + w, data, hazard(baseline = "log", frailty = TRUE), start = coef(fit) + 0.05)
  expect_equal(coef(again), coef(fit), tolerance = 1e-6)
  held <- fit_quietly(~ rent + w, data, hazard(), control = migration_control(fixed = c("exit:rent" = 0)))
  expect_identical(coef(held)[["exit:rent"]], 0)
  expect_snapshot(error = TRUE, fit_quietly(~rent, data, hazard(frailty = TRUE), start = c(-2, 0, -3, 0, -1)))
})

test_that("spells that come under observation late are counted with frailty", {
  data <- hazard_data(v = 1)
  expect_message(
    suppressMessages(fit_migration(~rent, data, hazard(frailty = TRUE), subset = year > 2),
      classes = "firmmove_message_left_censored"
    ),
    class = "firmmove_message_left_truncated"
  )
})
