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

test_that("predicted flows are compared with observed ones pair by pair", {
  skip_if_not_installed("ggplot2")
  data <- relocation_data()
  fit <- fit_migration(~ distance + rent, data)
  built <- ggplot2::ggplot_build(ggplot2::autoplot(fit, what = "observed"))
  points <- built$data[[2]]
  flows <- predict(fit, type = "flows")
  moved <- with(data$firms, table(from, to))
  diag(moved) <- 0
  expect_equal(sum(points$y^2), sum(moved))
  expect_equal(sort(points$x^2), sort(flows$flow[flows$from != flows$to]))
  at <- which.max(points$y)
  largest <- which(moved == max(moved), arr.ind = TRUE)[1, ]
  expect_equal(points$y[at]^2, max(moved))
  same <- flows$from == rownames(moved)[largest[1]] & flows$to == colnames(moved)[largest[2]]
  expect_true(any(abs(points$x[points$y == max(points$y)]^2 - flows$flow[same]) < 1e-9))
  table <- ggplot2::ggplot_build(ggplot2::autoplot(fit, what = "table"))
  expect_equal(sum(as.numeric(table$data[[2]]$label)), sum(flows$flow[flows$from != flows$to]), tolerance = 0.05)
  long <- fit_migration(~ rent + distance, choice_data(relocation_long(), "chosen", "id", "place", from = "from"))
  again <- ggplot2::ggplot_build(ggplot2::autoplot(long, what = "observed"))$data[[2]]
  expect_equal(sort(again$y), sort(points$y))
})

test_that("arrivals, departures, new and closed firms are counted by place and period", {
  tables <- relocation(60)
  tables$firms$from[1:5] <- NA
  tables$firms$to[11:13] <- NA
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  events <- events_over_time(data)
  total <- rowsum(events$count, as.character(events$event))[, 1]
  moves <- with(tables$firms, !is.na(from) & !is.na(to) & from != to)
  expect_equal(total[["arrivals"]], sum(moves))
  expect_equal(total[["departures"]], sum(moves))
  expect_equal(total[["new"]], 5)
  expect_equal(total[["closed"]], 3)
  one <- events$place == "b" & events$time == 1 & events$event == "departures"
  expect_equal(events$count[one], sum(moves & tables$firms$from == "b" & tables$firms$year == 1, na.rm = TRUE))
  skip_if_not_installed("ggplot2")
  picture <- ggplot2::ggplot_build(ggplot2::autoplot(data, what = "time", top = 3))
  expect_equal(nrow(picture$layout$layout), 3)
})

test_that("pictures that cannot be drawn are errors in words", {
  skip_if_not_installed("ggplot2")
  tables <- relocation(60)
  data <- migration_data(tables$firms[1:30, ], tables$places, tables$ties)
  expect_snapshot(error = TRUE, ggplot2::autoplot(data, what = "time"))
  expect_snapshot(error = TRUE, ggplot2::autoplot(data, what = "map"))
})

test_that("a map has borders below it, in degrees whatever their reference system", {
  skip_if_not_installed("ggplot2")
  tables <- relocation()
  tables$places$lon <- 101:106
  tables$places$lat <- c(32, 31, 33, 32, 35, 34)
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  expect_snapshot(error = TRUE, ggplot2::autoplot(data, background = 1))
  skip_if_not_installed("sf")
  corners <- cbind(c(101, 104, 104, 101, 101), c(31, 31, 34, 34, 31))
  border <- sf::st_sf(name = "province", geometry = sf::st_sfc(sf::st_polygon(list(corners)), crs = 4326))
  built <- ggplot2::ggplot_build(ggplot2::autoplot(data, background = border, top = 5))
  expect_equal(cbind(built$data[[1]]$x, built$data[[1]]$y), corners)
  expect_equal(nrow(built$data[[2]]), 5)
  metres <- ggplot2::ggplot_build(ggplot2::autoplot(data, background = sf::st_transform(border, 3857)))
  expect_equal(cbind(metres$data[[1]]$x, metres$data[[1]]$y), corners, tolerance = 1e-6)
})
