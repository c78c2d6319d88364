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

test_that("verdicts", {
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
