test_that("a fit is drawn with a panel for each kind of term", {
  skip_if_not_installed("ggplot2")
  fit <- fit_migration(~ push(rent) + pull(wage) + keep(size) + distance, relocation_data())
  picture <- ggplot2::autoplot(fit)
  built <- ggplot2::ggplot_build(picture)
  expect_equal(nrow(built$layout$layout), 5)
  points <- built$data[[3]]
  expect_equal(sort(points$x), sort(unname(coef(fit))))
  expect_equal(length(unique(points$shape)), 5)
  standard <- ggplot2::autoplot(fit, standardise = TRUE)
  sd <- apply(model.matrix(fit), 2, sd)
  expect_equal(sort(ggplot2::ggplot_build(standard)$data[[3]]$x), sort(unname(coef(fit) * sd)))
})

test_that("flows are a shaded table without coordinates and a map with them", {
  skip_if_not_installed("ggplot2")
  data <- relocation_data()
  built <- ggplot2::ggplot_build(ggplot2::autoplot(data))
  moved <- sum(data$firms$from != data$firms$to)
  expect_equal(sum(as.numeric(built$data[[2]]$label)), moved)
  tables <- relocation()
  tables$places$lon <- 1:6
  tables$places$lat <- c(2, 1, 3, 2, 5, 4)
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  map <- ggplot2::ggplot_build(ggplot2::autoplot(data, top = 5))
  expect_equal(nrow(map$data[[1]]), 5)
  expect_setequal(trimws(map$data[[3]]$label), letters[1:6])
})

test_that("names of places do not cover each other", {
  # five names where four sides are, and one far away; the busiest place is named first
  crowd <- paste0("place ", 1:5)
  where <- data.frame(place = c(crowd, "far"), lon = c(0, 0.01, 0.02, 0.03, 0.04, 10), lat = c(rep(0, 5), 10))
  moves <- data.frame(from = "far", to = c("place 5", "place 1"), count = c(9, 1))
  names <- place_names(where, moves)
  expect_identical(names$place[1:2], c("far", "place 5"))
  expect_lt(nrow(names), 6)
  expect_false(anyDuplicated(names$side[names$place != "far"]) > 0)
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
