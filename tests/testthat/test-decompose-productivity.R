test_that("Olley and Pakes' level of the six firms", {
  x <- decompose_productivity(six_firms(periods = 1), "q", "w", cluster = "place")
  expect_equal(x$totals$value, 1.7598, tolerance = 1e-12)
  expect_equal(x$level$estimate, c(1.688333333, .07146666667), tolerance = 1e-9)
  expect_identical(x$level$component, c("mean", "covariance"))
})

test_that("levels by cluster and period have errors from influences", {
  set.seed(3)
  data <- random_panel(120, 2, 2)
  x <- decompose_productivity(data, "q", "w", "id", "town", "year")
  own <- data[data$town == "T2" & data$year == 2002, ]
  row <- x$level$cluster == "T2" & x$level$time == 2002
  value <- stats::weighted.mean(own$q, own$w)
  expect_equal(x$level$estimate[row], c(mean(own$q), value - mean(own$q)), tolerance = 1e-12)
  influence <- own$w * (own$q - value) / sum(own$w) - (own$q - mean(own$q)) / nrow(own)
  more <- sqrt(nrow(own) / (nrow(own) - 1))
  expect_equal(
    x$level$std.error[row], more * c(sqrt(sum((own$q - mean(own$q))^2)) / nrow(own), sqrt(sum(influence^2))),
    tolerance = 1e-12
  )
  expect_lt(max(abs(x$residual$residual)), 1e-14)
})

test_that("the covariance splits over groups of firms", {
  set.seed(4)
  data <- random_panel(120, 2, 2)
  data$kind <- c("old", "new", "young")[data$id %% 3 + 1]
  x <- decompose_productivity(data, "q", "w", cluster = "town", time = "year", groups = "kind", base = "old")
  sums <- rowsum(x$covariance$estimate, paste(x$covariance$cluster, x$covariance$time))
  level <- x$level[x$level$component == "covariance", ]
  expect_equal(sums[match(paste(level$cluster, level$time), rownames(sums)), 1], level$estimate, tolerance = 1e-12,
               ignore_attr = TRUE)
  expect_equal(sum(x$covariance$share), 4)
})

value_added <- function() {
  set.seed(21)
  data <- random_panel(60, 3, 3)
  data$va <- exp(data$q) * 10
  data$labour <- data$w
  data$capital <- stats::rlnorm(nrow(data))
  data$wages <- data$va * stats::runif(nrow(data), .4, .7)
  data$rent <- data$va * .2
  data
}

petrin <- function(data, ...) {
  decompose_productivity(
    data, firm = "id", cluster = "town", time = "year", method = "petrin_levinsohn", output = "va",
    inputs = c(labour = "labour", capital = "capital"), costs = c(labour = "wages", capital = "rent"), ...
  )
}

test_that("Petrin and Levinsohn's identity holds for each place, movers apart, and for the whole", {
  data <- value_added()
  x <- petrin(data, elasticities = c(capital = .3, labour = .6))
  expect_lt(max(abs(x$residual$residual)), 1e-14)
  expect_true(anyNA(x$totals$cluster))
  one <- data[data$year == 2001, ]
  two <- data[data$year == 2002, ]
  both <- intersect(one$id, two$id)
  a <- one[match(both, one$id), ]
  b <- two[match(both, two$id), ]
  D <- (a$va / sum(one$va) + b$va / sum(two$va)) / 2
  dA <- log(b$va / a$va) - .6 * log(b$labour / a$labour) - .3 * log(b$capital / a$capital)
  first <- x$growth[x$growth$start == 2001, ]
  expect_equal(sum(first$estimate[first$component == "efficiency"]), sum(D * dA), tolerance = 1e-12)
  s <- (a$wages / a$va + b$wages / b$va) / 2
  expect_equal(sum(first$estimate[first$partner %in% "labour"]), sum(D * (.6 - s) * log(b$labour / a$labour)),
               tolerance = 1e-12)
  stays <- a$town == b$town & a$town == "T1"
  expect_equal(first$estimate[first$cluster %in% "T1" & first$component == "efficiency"], sum((D * dA)[stays]),
               tolerance = 1e-12)
  born <- setdiff(two$id, one$id)
  entry <- x$entry[x$entry$start == 2001 & x$entry$component == "birth", ]
  expect_equal(sum(entry$estimate), sum(two$va[two$id %in% born]))
  data$eps <- .6
  data$alpha <- .3
  expect_equal(petrin(data, elasticities = c(labour = "eps", capital = "alpha"))$growth, x$growth)
})

test_that("bad input is told in words", {
  data <- value_added()
  eps <- c(labour = .6, capital = .3)
  expect_snapshot(error = TRUE, {
    petrin(transform(data, va = replace(va, 2, 0)), elasticities = eps)
    petrin(transform(data, wages = replace(wages, 2, NA)), elasticities = eps)
    petrin(data, elasticities = eps["labour"])
    petrin(rbind(data, data[1, ]), elasticities = eps)
    petrin(data[data$year == 2001, ], elasticities = eps)
    decompose_productivity(data, weight = "w", cluster = "town")
    decompose_productivity(data, "q", "w", cluster = "town", groups = "town", base = "T9")
    decompose_productivity(transform(data, town = NA), "q", "w", cluster = "town")
  })
})

test_that("Petrin and Levinsohn's standard errors are within 5% of a bootstrap's, movers, births and deaths too", {
  skip_on_cran()
  set.seed(22)
  data <- random_panel(800, 2, 2, move = .3, exit = .2, late = .4)
  data$va <- exp(data$q / 2) * 10
  data$wages <- data$va * stats::runif(nrow(data), .4, .7)
  x <- decompose_productivity(
    data, firm = "id", cluster = "town", time = "year", method = "petrin_levinsohn", output = "va",
    inputs = c(labour = "w"), costs = c(labour = "wages"), elasticities = c(labour = .6)
  )
  wide <- merge(data[data$year == 2001, ], data[data$year == 2002, ], by = "id", all = TRUE, suffixes = c("0", "1"))
  times <- t(stats::rmultinom(3000, nrow(wide), rep(1, nrow(wide)))) + 0
  sum_of <- function(x, group = TRUE) drop(times %*% ifelse(group & !is.na(x), x, 0))
  V <- list(sum_of(wide$va0), sum_of(wide$va1))
  dx <- log(wide$w1 / wide$w0)
  s <- (wide$wages0 / wide$va0 + wide$wages1 / wide$va1) / 2
  g <- cbind(log(wide$va1 / wide$va0) - .6 * dx, (.6 - s) * dx)
  place <- ifelse(wide$town0 == wide$town1, wide$town0, "moved")
  drawn <- function(group, k) {
    (sum_of(wide$va0 * g[, k], place %in% group) / V[[1]] + sum_of(wide$va1 * g[, k], place %in% group) / V[[2]]) / 2
  }
  where <- ifelse(is.na(x$growth$cluster), "moved", x$growth$cluster)
  bootstrap <- mapply(function(group, k) stats::sd(drawn(group, k)), where, 1 + (x$growth$component == "reallocation"))
  expect_lt(max(abs(x$growth$std.error / bootstrap - 1)), .05)
  total <- vapply(unique(where), function(group) stats::sd(drawn(group, 1) + drawn(group, 2)), 1)
  expect_lt(max(abs(x$totals$std.error / total - 1)), .05)
  once <- c(sum(wide$va1[is.na(wide$va0) & wide$town1 %in% "T1"]), -sum(wide$va0[is.na(wide$va1) & wide$town0 %in% "T1"]))
  entry <- x$entry[x$entry$cluster == "T1", ]
  expect_equal(entry$estimate, once)
  bootstrap <- c(stats::sd(sum_of(wide$va1, is.na(wide$va0) & wide$town1 %in% "T1")),
                 stats::sd(sum_of(wide$va0, is.na(wide$va1) & wide$town0 %in% "T1")))
  expect_lt(max(abs(entry$std.error / bootstrap - 1)), .05)
  expect_equal(x$growth$conf.high - x$growth$estimate, stats::qt(.975, x$growth$df) * x$growth$std.error)
})

test_that("a firm-year twice stops, and periods are not pooled", {
  data <- data.frame(id = c(1, 2, 1, 2), t = c(1, 1, 2, 2), place = "A", q = c(1, 2, 1, 3), w = 10)
  expect_error(decompose_productivity(rbind(data, data[1, ]), "q", "w", "id", "place", "t"),
    class = "firmmove_error_duplicate"
  )
  expect_error(decompose_productivity(data, "q", "w", firm = "id", cluster = "place"), "time =",
    class = "firmmove_error_duplicate"
  )
  expect_identical(decompose_productivity(data, "q", "w", "id", "place", "t")$totals$firms, c(2, 2))
})

test_that("levels have no sum, and weights of 0 have a note", {
  data <- data.frame(id = 1:4, place = rep(c("A", "B"), each = 2), q = c(100, 2, 1, 3), w = c(1, 2, 0, 0))
  x <- decompose_productivity(data, "q", "w", "id", "place")
  expect_false(any(grepl("sum of estimates", utils::capture.output(print(x)))))
  expect_match(x$notes$note, "weights of its firms sum to 0")
  expect_identical(x$level$estimate[x$level$component == "covariance"][2], NA_real_)
})

test_that("levels of few firms can be kept back", {
  set.seed(6)
  data <- data.frame(place = rep(c("A", "B", "C", "D"), c(2, 20, 12, 30)), q = rnorm(64), w = 1)
  x <- decompose_productivity(data, "q", "w", cluster = "place", min_firms = 3)
  expect_identical(unique(x$level$cluster[is.na(x$level$estimate)]), c("A", "C"))
})
