test_that("claims are sums of coefficients with Wald intervals", {
  fit <- small_fit()
  b <- coef(fit)
  v <- vcov(fit)
  table <- as.data.frame(test_claims(fit, c(first = "rent < 0", "2 * rent - distance / 4 > -1", "keep(size) == 0.3")))
  expect_identical(table$claim[1], "first")
  w <- c(stay = 0, rent = 2, distance = -0.25, "keep(size)" = 0)
  expect_equal(table$estimate, c(b[["rent"]], sum(w * b), b[["keep(size)"]]), tolerance = 1e-12)
  expect_equal(table$std.error[2], sqrt(drop(w %*% v %*% w)), tolerance = 1e-12)
  expect_identical(table$verdict[1], "supported")
  expect_identical(table$says[2], "above -1")
  clustered <- as.data.frame(test_claims(fit, "rent < 0", cluster = ~firm))
  expect_equal(clustered$std.error, sqrt(vcov(fit, cluster = ~firm)["rent", "rent"]))
  formula <- as.data.frame(test_claims(fit, list(~ rent < distance)))
  expect_equal(formula$estimate, b[["rent"]] - b[["distance"]])
})

test_that("claims on latent classes are about the mean over the firms, or about a class", {
  fit <- suppressWarnings(fit_migration(~ x + y, two_kinds_data(firms = 60, times = 3, apart = 1.5),
    model = latent(2, ~z, common = "y", starts = 2), control = one_thread()
  ))
  b <- coef(fit)
  table <- as.data.frame(test_claims(fit, c("x > 0", "x:class2 < 0", "x - 2 * y == 0", "y > 0")))
  s <- fit$shares
  mean <- sum(s * b[c("x:class1", "x:class2")])
  expect_equal(table$estimate, c(mean, b[["x:class2"]], mean - 2 * b[["y"]], b[["y"]]), tolerance = 1e-12)
  # the delta method with derivatives by hand: the share of a firm moves with (1, z) by pi_1 pi_2
  z <- fit$data$firms$z[match(seq_len(60), fit$data$firms$firm)]
  pi <- stats::plogis(b[["class2:(Intercept)"]] + b[["class2:z"]] * z)
  expect_equal(mean(pi), s[[2]], tolerance = 1e-8)
  apart <- (b[["x:class2"]] - b[["x:class1"]]) * pi * (1 - pi)
  slope <- c(s, mean(apart), mean(apart * z))
  used <- c("x:class1", "x:class2", "class2:(Intercept)", "class2:z")
  expect_equal(table$std.error[1], sqrt(drop(slope %*% vcov(fit)[used, used] %*% slope)), tolerance = 1e-6)
  expect_equal(table$std.error[2], sqrt(vcov(fit)["x:class2", "x:class2"]), tolerance = 1e-8)
  # the study's claims: a mean over classes, and shares of land without an interval
  study <- two_kinds(firms = 60, times = 3, apart = 1.5)
  names(study$places)[match(c("x", "y"), names(study$places))] <- c("land_price", "technology")
  fit <- suppressWarnings(fit_migration(~ push(land_price) + push(technology),
    migration_data(study$firms, study$places, time = "year"),
    model = latent(2, starts = 1), control = one_thread()
  ))
  claims <- as.data.frame(test_claims(fit))
  expect_identical(claims$shown_by, c("share of push(land_price)", "push(technology)"))
  expect_identical(claims$verdict[1], "no interval")
  both <- coef(fit)[c("push(technology):class1", "push(technology):class2")]
  expect_equal(claims$estimate[2], sum(fit$shares * both), tolerance = 1e-8)
})

test_that("claims on random coefficients are about their means", {
  kinds <- two_kinds_data(firms = 60, times = 3, apart = 1.5)
  fit <- suppressWarnings(fit_migration(~ x + y, kinds,
    model = mixed(c(y = "lognormal"), draws = 32, check_draws = 0), control = one_thread()
  ))
  b <- coef(fit)[c("y", "sd:y")]
  table <- as.data.frame(test_claims(fit, "y > 0.2"))
  mean <- exp(b[[1]] + b[[2]]^2 / 2)
  expect_equal(table$estimate, mean, tolerance = 1e-10)
  slope <- mean * c(1, b[[2]])
  expect_equal(table$std.error, sqrt(drop(slope %*% vcov(fit)[names(b), names(b)] %*% slope)), tolerance = 1e-5)
})

test_that("titles name the model in a sentence", {
  expect_identical(claims_title(conditional()), "Claims tested on a conditional logit")
  expect_identical(claims_title(ranked()), "Claims tested on an exploded logit of rankings")
  expect_identical(claims_title(chain("kin")), "Claims tested on a model of chain migration in equilibrium")
  expect_match(claims_title(hazard()), "^Claims tested on a model of the hazard of leaving")
})

test_that("verdicts", {
  expect_identical(claim_verdict(NA, NA, ">", 0), "no interval")
  expect_identical(claim_verdict(1, 2, ">", 0), "supported")
  expect_identical(claim_verdict(-2, -1, ">", 0), "contradicted")
  expect_identical(claim_verdict(-1, 1, ">", 0), "open")
  expect_identical(claim_verdict(-2, -1, "<", 0), "supported")
  expect_identical(claim_verdict(1, 2, "<", 0), "contradicted")
  expect_identical(claim_verdict(1, 2, "=", 0), "contradicted")
  expect_identical(claim_verdict(-1, 2, "=", 0), "not contradicted")
})

test_that("the study's claims on the bundled data", {
  lamps <- wenzhou_guzhen()
  fit <- fit_migration(
    ~ push(land_price) + push(space) + push(technology) + push(environment) + pull(land_price) + pull(creativity) +
      pull(governance) + log(distance) + peers(kin) + peers(kin):pull(land_price),
    lamps
  )
  claims <- test_claims(fit, performance = "productivity", weight = "jobs", periods = c(1996, 2004))
  table <- as.data.frame(claims)
  expect_identical(length(unique(table$claim)), 9L)
  row <- table[table$shown_by == "push(technology)", ]
  expect_equal(row$estimate, coef(fit)[["push(technology)"]])
  account <- decompose_cluster(subset(lamps, year %in% c(1996, 2004)), "productivity", "jobs")
  size <- subset(account$size, cluster == "Wenzhou" & component == "transfer_out" & partner == "Guzhen")
  expect_equal(table$estimate[table$shown_by == "Wenzhou, transfer_out to Guzhen (size account)"], size$estimate)
  expect_snapshot(print(claims, digits = 3))
})

test_that("messages of test_claims()", {
  fit <- small_fit()
  expect_snapshot(error = TRUE, {
    test_claims(fit)
    test_claims(fit, "rent")
    test_claims(fit, "rents < 0")
    test_claims(fit, "rent * distance < 0")
    test_claims(fit, "exp(rent) < 0")
    test_claims(small_fit(~ push(wage)), performance = "size")
  })
})
