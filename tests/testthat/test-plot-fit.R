test_that("a fit is drawn with a panel for each kind of term", {
  skip_if_not_installed("ggplot2")
  fit <- fit_migration(~ push(rent) + pull(wage) + keep(size) + distance, relocation_data())
  picture <- ggplot2::autoplot(fit)
  built <- ggplot2::ggplot_build(picture)
  expect_equal(nrow(built$layout$layout), 5)
  points <- built$data[[3]]
  expect_equal(sort(points$x), sort(unname(coef(fit))))
  expect_equal(length(unique(points$shape)), 5)
  # intervals lie along x, each about its estimate
  bars <- built$data[[2]]
  expect_true(all(bars$ymax - bars$ymin > 0 & bars$ymax - bars$ymin < 0.5))
  expect_equal(sort((bars$xmin + bars$xmax) / 2), sort(unname(coef(fit))))
  standard <- ggplot2::autoplot(fit, standardise = TRUE)
  sd <- apply(model.matrix(fit), 2, sd)
  expect_equal(sort(ggplot2::ggplot_build(standard)$data[[3]]$x), sort(unname(coef(fit) * sd)))
})

test_that("plot draws and returns the picture", {
  skip_if_not_installed("ggplot2")
  file <- tempfile(fileext = ".pdf")
  grDevices::pdf(file)
  expect_s3_class(plot(fit_migration(~rent, relocation_data())), "ggplot")
  expect_s3_class(plot(relocation_data()), "ggplot")
  grDevices::dev.off()
  expect_gt(file.size(file), 0)
  unlink(file)
})

test_that("no moves and no ggplot2 are errors in words", {
  skip_if_not_installed("ggplot2")
  tables <- relocation()
  tables$firms$to <- tables$firms$from
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  expect_snapshot(error = TRUE, ggplot2::autoplot(data))
  expect_snapshot(error = TRUE, need_ggplot2(installed = FALSE))
})
