# three firms in two clusters, one of them alone
lone_firm <- function() {
  data.frame(
    id = c(1, 2, 3, 1, 2, 3), t = rep(1:2, each = 3), place = c("A", "B", "B"), q = c(1, 2, 3, 1.3, 2.5, 3.1),
    w = c(5, 6, 7, 8, 9, 10)
  )
}

test_that("one firm has no standard error, and a note says so", {
  x <- decompose_cluster(lone_firm(), "q", "w", "id", "place", "t")
  within <- x$mean[x$mean$component == "within", ]
  expect_equal(within$estimate, c(0.3, 0.3))
  expect_equal(within$std.error, c(NA, 0.2))
  expect_equal(within$conf.high, c(NA, 0.3 + stats::qt(0.975, 1) * 0.2))
  expect_identical(within$firms, c(1, 2))
  expect_identical(x$totals$std.error[1], NA_real_)
  expect_match(x$notes$note[x$notes$cluster == "A"], "one firm")
  # a group of nobody adds 0 for certain
  expect_identical(x$mean$std.error[x$mean$component == "birth"], c(0, 0))
  level <- decompose_productivity(lone_firm(), "q", "w", cluster = "place", time = "t")
  expect_true(all(is.na(level$level$std.error[level$level$cluster == "A"])))
  expect_match(level$notes$note, "one firm")
})

test_that("what cancels is no error of 2e-8", {
  data <- lone_firm()
  data$w <- 1
  x <- decompose_cluster(data, "q", "w", "id", "place", "t")
  expect_identical(x$mean$std.error[x$mean$component == "covariance" & x$mean$cluster == "B"], 0)
})

test_that("intervals of a few stayers cover", {
  for (n in c(2, 3, 5, 10)) {
    set.seed(n)
    clusters <- 3000
    firms <- n * clusters
    data <- data.frame(
      id = rep(seq_len(firms), 2), t = rep(1:2, each = firms), place = rep(rep(seq_len(clusters), each = n), 2),
      q = rnorm(2 * firms), w = rexp(2 * firms) + 0.1
    )
    mean <- decompose_cluster(data, "q", "w", "id", "place", "t")$mean
    within <- mean[mean$component == "within", ]
    expect_gt(mean(within$conf.low <= 0 & within$conf.high >= 0), 0.935)
    expect_equal(unique(within$df), n - 1)
    covariance <- mean[mean$component == "covariance", ]
    if (n > 2) {
      expect_gt(mean(covariance$conf.low <= 0 & covariance$conf.high >= 0), 0.94)
    }
    expect_true(all(covariance$df >= 1 & covariance$df <= n - 1 + 1e-9))
  }
})

test_that("a weighted mean has the freedom of firms of equal weight", {
  data <- data.frame(
    id = rep(1:4, 2), t = rep(1:2, each = 4), place = "A", q = c(1, 2, 3, 5, 2, 2, 4, 4), w = c(4, 2, 1, 1, 1, 1, 1, 1)
  )
  x <- decompose_cluster(data, "q", "w", "id", "place", "t")
  worth <- 1 / sum((c(4, 2, 1, 1) / 8)^2)
  expect_equal(x$mean$df[x$mean$component == "covariance"], worth - 1)
  expect_equal(x$mean$df[x$mean$component == "within"], 3)
  expect_equal(x$totals$df, worth - 1)
  level <- decompose_productivity(data, "q", "w", cluster = "place", time = "t")$level
  expect_equal(level$df[level$component == "covariance"][1L], worth - 1)
  data$w <- 1
  expect_equal(decompose_cluster(data, "q", "w", "id", "place", "t", method = "diewert_fox")$mean$df[1L], 3)
})

test_that("a flow of one firm has no error, others have the freedom of both groups", {
  set.seed(5)
  data <- random_panel(200, 3, 2)
  x <- suppressMessages(decompose_cluster(data, "q", "w", "id", "town", "year"))
  flows <- x$mean[x$mean$component %in% c("immigration", "emigration"), ]
  expect_true(all(is.na(flows$std.error) == (flows$firms == 1)))
  some <- flows[flows$firms > 1, ]
  stayers <- x$mean[x$mean$component == "within", ]
  most <- some$firms - 1 + stayers$firms[match(some$cluster, stayers$cluster)] - 1
  expect_true(all(some$df > 0 & some$df <= most + 1e-9))
})

test_that("a firm with performance and weight but no cluster is told", {
  data <- data.frame(id = c(1, 2, 1, 2), t = c(1, 1, 2, 2), place = c("A", "A", "A", NA), q = c(1, 2, 1, 3), w = 10)
  expect_message(decompose_cluster(data, "q", "w", "id", "place", "t"), "no `data\\$place`: 4")
  data$place[4] <- ""
  expect_message(x <- suppressMessages(decompose_cluster(data, "q", "w", "id", "place", "t"), "firmmove_message_blank"),
    class = "firmmove_message_no_cluster"
  )
  expect_identical(unique(x$mean$cluster), "A")
  data$q[4] <- data$w[4] <- NA
  expect_message(decompose_cluster(data, "q", "w", "id", "place", "t"), class = "firmmove_message_blank")
})

test_that("weights that sum to 0 are not said to add up", {
  data <- lone_firm()
  data$w[2:3] <- c(5, -5)
  expect_warning(x <- decompose_cluster(data, "q", "w", "id", "place", "t"), "unless the weights of a cluster sum to 0")
  expect_match(x$notes$note[x$notes$table == "system"], "does not add up")
})
