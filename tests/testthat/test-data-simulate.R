panel_rows <- function(data) data$firms[order(data$firms$firm, data$firms$year), ]

test_that("a firm's row starts where and as its row before ended", {
  data <- simulate_migration(firms = 300, places = 5, years = 2001:2005, seed = 1)
  firms <- panel_rows(data)
  n <- nrow(firms)
  same <- which(firms$firm[-1] == firms$firm[-n])
  expect_identical(firms$from[same + 1], firms$to[same])
  expect_identical(firms$size[same + 1], firms$jobs[same])
  expect_identical(firms$tfp[same + 1], firms$productivity[same])
  expect_equal(firms$year[same + 1], firms$year[same] + 1)
  expect_equal(firms$age, firms$year - firms$founded)
  closed <- is.na(firms$to)
  expect_true(any(closed))
  expect_false(any(closed[same]))
  expect_identical(is.na(firms$jobs), closed)
  expect_identical(is.na(firms$productivity), closed)
  expect_identical(is.na(firms$output), closed)
  expect_true(all(firms$size >= 1 & firms$size == round(firms$size)))
})

test_that("new firms enter the year after and have the attributes of the firm they leave", {
  start <- data.frame(firm = sprintf("F%05d", 1:80), place = rep(c("P1", "P2"), 40),
                      kin = rep(c("a", "b", "c", "d"), 20),
                      branch = rep(c("x", "y", "z", "w"), 20))
  data <- simulate_migration(start, places = 2, years = 1:4, births = 0.3, seed = 2,
                             beta = c(stay = 40), network = 2)
  firms <- panel_rows(data)
  first <- firms[!duplicated(firms$firm), ]
  born <- first[!first$firm %in% start$firm, ]
  expect_gt(nrow(born), 20)
  expect_equal(born$year, born$founded + 1)
  expect_identical(match(born$kin, c("a", "b", "c", "d")), match(born$branch, c("x", "y", "z", "w")))
  # nobody moves, so a kin group stays where it was: a and c at P1, b and d at P2
  expect_identical(born$from, ifelse(born$kin %in% c("a", "c"), "P1", "P2"))
  expect_true(all(born$firm %in% data$network$firm))
})

test_that("a given year of founding is kept", {
  start <- data.frame(firm = 1:4, place = c("P1", "P2", "P1", "P2"),
                      founded = c(1990, 1995, 2000, 2001))
  data <- simulate_migration(start, places = 2, years = 2000:2003, births = 0, seed = 1,
                             beta = c(stay = 0), exit = c(constant = -50))
  first <- panel_rows(data)
  first <- first[!duplicated(first$firm), ]
  expect_equal(first$year, c(2000, 2000, 2001, 2002))
})

test_that("the seed alone fixes the result and the generator is left as it was", {
  set.seed(9, kind = "Mersenne-Twister")
  before <- .Random.seed
  one <- simulate_migration(100, places = 3, years = 1:3, seed = 4)
  expect_identical(.Random.seed, before)
  two <- simulate_migration(100, places = 3, years = 1:3, seed = 4)
  three <- simulate_migration(100, places = 3, years = 1:3, seed = 5)
  expect_identical(one$firms, two$firms)
  expect_false(identical(one$firms$tfp[1:50], three$firms$tfp[1:50]))
})

test_that("terms act as the formula language says", {
  places <- data.frame(place = c("A", "B", "C"), x = c(0, 1, 2))
  ties <- expand.grid(from = places$place, to = places$place, stringsAsFactors = FALSE)
  ties <- ties[ties$from != ties$to, ]
  ties$near <- as.integer(paste(ties$from, ties$to) %in% c("A B", "B C", "C A"))
  firms <- data.frame(firm = 1:300, place = rep(places$place, 100), w = rep(0:1, each = 150))
  run <- function(beta) {
    simulate_migration(firms, places, ties, years = 1, beta = beta, seed = 1,
                       exit = c(constant = -50))$firms
  }
  expect_true(all(with(run(c(stay = 60)), to == from)))
  expect_true(all(with(run(c(stay = -60)), to != from)))
  expect_true(all(run(c(x = 60))$to == "C"))
  pulled <- run(c(stay = 0, "pull(x)" = 60))
  expect_identical(pulled$to[pulled$from != "C"], rep("C", 200))
  expect_identical(pulled$to[pulled$from == "C"], rep("B", 100))
  pushed <- run(c(stay = 90, "push(x)" = 60))
  expect_identical(pushed$to != pushed$from, pushed$from == "C")
  near <- run(c(stay = -60, near = 60))
  expect_identical(near$to, unname(c(A = "B", B = "C", C = "A")[near$from]))
  kept <- run(c(stay = -60, "keep(w)" = 120))
  expect_identical(kept$to == kept$from, kept$w == 1)
  expect_true(all(run(c(stay = 0, "w:x" = 60))$to[151:300] == "C"))
})

test_that("firms follow their peers of the year before", {
  places <- data.frame(place = c("A", "B", "C"))
  firms <- data.frame(firm = 1:40, place = rep(c("A", "B"), 20), kin = rep(c("a", "b"), 20))
  firms$place[1] <- "C"
  data <- simulate_migration(firms, places, years = 1:3, births = 0, seed = 1,
                             exit = c(constant = -50), beta = c(stay = 0, "peers(kin)" = 200))
  # the one at C has its kin at A; the others of a have 18 at A and one at C
  expect_identical(data$firms$to, rep(rep(c("A", "B"), 20), 3))
})

test_that("a fit recovers the true parameters", {
  beta <- c(stay = -1, "push(environment)" = -0.3, "pull(creativity)" = 0.3,
            "log(distance)" = -0.5, "peers(kin)" = 2, "keep(log(size))" = 0.3,
            "tfp:pull(technology)" = 0.1)
  data <- simulate_migration(1500, places = 8, years = 1:6, beta = beta, seed = 3)
  fit <- fit_migration(attr(data, "truth")$formula, data)
  error <- coef(fit)[names(beta)] - beta
  expect_lt(drop(error %*% solve(vcov(fit)[names(beta), names(beta)], error)), qchisq(0.999, 7))
  expect_gt(sum(data$firms$to != data$firms$from, na.rm = TRUE), 200)
})

test_that("nested choices can be drawn", {
  beta <- c(stay = 2, "pull(creativity)" = 0.2, "lambda:move" = 0.5)
  data <- simulate_migration(3000, places = 6, years = 1:2, beta = beta, seed = 5,
                             model = nested("move"))
  fit <- fit_migration(attr(data, "truth")$formula, data, model = nested("move"))
  error <- coef(fit)[names(beta)] - beta
  expect_lt(drop(error %*% solve(vcov(fit)[names(beta), names(beta)], error)), qchisq(0.999, 3))
})

test_that("productivity persists and gains in the year of a move", {
  data <- simulate_migration(20000, places = 3, years = 1, seed = 6, beta = c(stay = 1),
                             exit = c(constant = -50),
                             performance = list(persistence = 0.6, shock = 0.1, gain = 0.2))
  firms <- data$firms
  fit <- lm(productivity ~ tfp + I(to != from), firms)
  expect_lt(max(abs(coef(fit) - c(0, 0.6, 0.2)) / sqrt(diag(vcov(fit)))), 4)
  expect_equal(sigma(fit), 0.1, tolerance = 0.03)
  size <- lm(log(jobs) ~ log(size), firms, subset = size > 20)
  expect_equal(unname(coef(size)[2]), 0.95, tolerance = 0.03)
  expect_equal(firms$output, 10 * exp(firms$productivity) * firms$jobs^0.7 * firms$capital^0.3)
})

test_that("productivity of a place is the weighted sum of its attributes", {
  places <- data.frame(place = c("A", "B"), skill = c(1, 3))
  firms <- data.frame(firm = 1:4, place = "A", tfp = c(-1, 0, 0, 1))
  data <- simulate_migration(firms, places, years = 1, seed = 1, beta = c(stay = -60),
                             exit = c(constant = -50),
                             performance = list(place = c(skill = 0.5), shock = 0, gain = 0.1,
                                                persistence = 0.5))
  expect_equal(data$firms$tfp, c(-1, 0, 0, 1) + 0.5)
  expect_equal(data$firms$productivity, c(-0.5, 0, 0, 0.5) + 1.5 + 0.1)
})

test_that("closing follows its logit", {
  data <- simulate_migration(40000, places = 2, years = 1, seed = 7, beta = c(stay = 3),
                             exit = c(constant = -2, tfp = -1, size = -0.3))
  fit <- glm(is.na(to) ~ tfp + log(size), binomial, data$firms)
  expect_lt(max(abs(coef(fit) - c(-2, -1, -0.3)) / sqrt(diag(vcov(fit)))), 4)
})

test_that("`stock` adds the firms at the place at the start of the year", {
  places <- expand.grid(place = c("A", "B", "C"), year = 1:3)
  places$makers <- 100
  data <- simulate_migration(200, places, years = 1:3, seed = 8, stock = "makers",
                             beta = c(stay = 1, "log(makers)" = 0.3), births = 0.1)
  counted <- as.data.frame(table(place = data$firms$from, year = data$firms$year))
  expect_equal(data$places$makers, 100 + counted$Freq)
})

test_that("founding rates may differ by place and year", {
  places <- expand.grid(place = c("A", "B"), year = 1:3)
  places$rate <- c(0, 1, 0, 1, 0, 0)
  data <- simulate_migration(200, places, years = 1:3, seed = 8, beta = c(stay = 60),
                             births = "rate")
  first <- data$firms[!duplicated(data$firms$firm), ]
  born <- first[first$year > 1, ]
  expect_gt(nrow(born), 100)
  expect_true(all(born$from == "B"))
})

test_that("links are symmetric, mostly within kin, and of the mean asked for", {
  data <- simulate_migration(2000, places = 4, years = 1, seed = 9, network = 4,
                             beta = c(stay = 2, "peers(network)" = 1))
  links <- data$network
  expect_false(any(links$firm == links$peer))
  expect_setequal(paste(links$firm, links$peer), paste(links$peer, links$firm))
  expect_gt(nrow(links) / 2000, 3)
  expect_lt(nrow(links) / 2000, 4)
  kin <- data$firms$kin[match(c(links$firm, links$peer), data$firms$firm)]
  same <- kin[seq_len(nrow(links))] == kin[-seq_len(nrow(links))]
  expect_gt(mean(same), 0.8)
})

test_that("formulas are read for their terms and lags", {
  expect_equal(formula_of_terms(c("stay", "a", "b:c")), ~ a + b:c, ignore_formula_env = TRUE)
  expect_equal(formula_of_terms(c("a", "b")), ~ a + b - stay, ignore_formula_env = TRUE)
  expect_equal(formula_of_terms("stay"), ~ stay, ignore_formula_env = TRUE)
  expect_equal(formula_of_terms(c("a", "stay", "lambda:move"), nested()), ~ a,
               ignore_formula_env = TRUE)
  expect_equal(longest_lag(~ a + peers(kin) + peers(g, 3):b + peers(g, lag = 2)), 3)
  expect_equal(longest_lag(~ a + peers(kin)), 1)
  expect_equal(longest_lag(~ a), 0)
})

test_that("a random member is a member", {
  set.seed(1)
  group <- c(3, 1, 1, 2, 3, 3)
  member_group <- c(1, 3, 1, 1, 3, 5)
  for (i in 1:20) {
    member <- random_member(group, member_group, 5)
    expect_identical(is.na(member), group == 2)
    expect_identical(member_group[member[-4]], group[-4])
  }
})

test_that("wrong arguments are named", {
  expect_snapshot(error = TRUE, simulate_migration(10, years = c(1, 3)))
  expect_snapshot(error = TRUE, simulate_migration(10, beta = 1))
  expect_snapshot(error = TRUE, simulate_migration(10, places = 3, years = 1:2,
                                                   beta = c(stay = 1, cost = 2)))
  expect_snapshot(error = TRUE, simulate_migration(10, places = 3, years = 1:2,
                                                   beta = c(stay = 1, b = 1),
                                                   formula = ~ pull(space)))
  expect_snapshot(error = TRUE, simulate_migration(10, places = 3, years = 1:2,
                                                   beta = c(stay = 1),
                                                   formula = ~ pull(space)))
  expect_snapshot(error = TRUE, simulate_migration(10, performance = list(gains = 1)))
  expect_snapshot(error = TRUE, simulate_migration(10, exit = 3))
  expect_snapshot(error = TRUE, simulate_migration(10, births = "rate"))
  expect_snapshot(error = TRUE, simulate_migration(10, births = -1))
  expect_snapshot(error = TRUE, simulate_migration(10, stock = "makers"))
  expect_snapshot(error = TRUE, simulate_migration(10, beta = c("peers(kin, lag = 0)" = 1)))
  expect_snapshot(error = TRUE, simulate_migration(
    data.frame(firm = 1:2, place = c("P1", "Q")), places = 2
  ))
  expect_snapshot(error = TRUE, simulate_migration(
    10, places = data.frame(place = c("A", "B", "A"), year = c(1, 1, 2)), years = 1:2
  ))
})

test_that("the true parameters print", {
  data <- simulate_migration(50, places = 3, years = 1:2, seed = 1)
  expect_snapshot(attr(data, "truth"))
  expect_match(attr(data, "note"), "SIMULATED")
})
