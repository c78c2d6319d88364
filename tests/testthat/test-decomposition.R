test_that("tables come out by name, and unknown ones are an error", {
  x <- decompose_long(three_clusters())
  expect_identical(as.data.frame(x), x$mean)
  expect_identical(as.data.frame(x, table = "size"), x$size)
  sorting <- tidy(x, table = "sorting")
  expect_identical(sorting[names(x$sorting)], x$sorting)
  expect_snapshot(error = TRUE, as.data.frame(x, table = "sizes"))
})

test_that("the summary sums over partners, and each line adds up to the change", {
  x <- decompose_long(three_clusters())
  wide <- summary(x)$wide
  expect_true(all(c("mean", "size", "share") %in% names(wide)))
  expect_equal(wide$mean$change, x$totals$change, tolerance = 1e-12)
  expect_equal(wide$size$transfer_out, c(-30, -40, -160))
  expect_equal(wide$size$change, x$totals$size_change)
  expect_output(print(summary(x)), "sorting:")
})

test_that("a decomposition without a print of its own shows tables, sums and the residual", {
  x <- structure(
    list(parts = data.frame(component = c("a", "b"), estimate = c(1.5, -0.25)), method = "halves",
         reference = "reference: none", residual = 1e-17, call = quote(f())),
    class = c("decompose_example", "decomposition")
  )
  expect_snapshot(x)
  expect_identical(tidy(x), cbind(term = c("a", "b"), x$parts))
})

test_that("pictures are drawn from the account", {
  skip_if_not_installed("ggplot2")
  x <- decompose_long(three_clusters())
  picture <- ggplot2::autoplot(x, clusters = c("W", "G"))
  data <- picture$data
  W <- data[data$cluster == "W", ]
  expect_equal(W$to[W$component == "start"], 1.7684210526, tolerance = 1e-9)
  expect_equal(W$to[W$component == "emigration"], W$to[W$component == "end"], tolerance = 1e-12)
  net <- ggplot2::autoplot(x, "net", account = "size")$data
  gain <- stats::xtabs(estimate ~ cluster + partner, net)
  expect_equal(unclass(gain + t(gain)), unclass(0 * gain))
  expect_equal(gain["G", "W"], 80)
  flows <- ggplot2::autoplot(x, "flows")$data
  expect_setequal(unique(flows$way), c("by firms that come", "by firms that go"))
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_s3_class(plot(x), "ggplot")
  expect_snapshot(error = TRUE, {
    ggplot2::autoplot(x, clusters = "Yiwu")
    ggplot2::autoplot(x, start = 1990)
    ggplot2::autoplot(decompose_cluster(six_firms(), "q", "w", "id", "place", "t"), "flows")
  })
})
