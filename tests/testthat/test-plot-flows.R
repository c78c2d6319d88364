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
  expect_equal(nrow(map$data[[2]]), 5)
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
  expect_equal(nrow(built$data[[3]]), 5)
  metres <- ggplot2::ggplot_build(ggplot2::autoplot(data, background = sf::st_transform(border, 3857)))
  expect_equal(cbind(metres$data[[1]]$x, metres$data[[1]]$y), corners, tolerance = 1e-6)
})

test_that("a map of hundreds of places names the ends of the largest flows, under the names asked for", {
  skip_if_not_installed("ggplot2")
  set.seed(2)
  places <- data.frame(place = 1:200, lon = runif(200, 100, 120), lat = runif(200, 20, 40), rent = runif(200))
  places$name <- paste("town", places$place)
  from <- rep(1:200, 5)
  to <- c(sample(200, 900, TRUE), rep(7, 100))
  data <- migration_data(data.frame(firm = 1:1000, from = from, to = to), places)
  map <- ggplot2::ggplot_build(ggplot2::autoplot(data, top = 30, label = "name"))
  expect_identical(nrow(map$data[[1]]), 200L)
  expect_identical(nrow(map$data[[2]]), 30L)
  expect_true("town 7" %in% trimws(map$data[[3]]$label))
  flows <- aggregate(firm ~ from + to, data$firms[data$firms$from != data$firms$to, ], length)
  ends <- with(flows[order(-flows$firm), ], c(from, to))
  expect_true(all(trimws(map$data[[3]]$label) %in% paste("town", ends)))
  # the arrows lie over the dots
  layers <- vapply(ggplot2::autoplot(data)$layers, function(layer) class(layer$geom)[1L], "")
  expect_identical(layers[1:2], c("GeomPoint", "GeomCurve"))
  table <- ggplot2::autoplot(data, what = "table", top = 10)
  expect_identical(nlevels(table$data$from), 10L)
  colours <- ggplot2::autoplot(data, value = "rent", label = c("7" = "Guzhen"))
  expect_identical(colours$labels$title, "rent")
  expect_equal(ggplot2::layer_data(colours, 1L)$x, places$lon)
  expect_error(ggplot2::autoplot(data, value = "name"), "must be numbers", class = "firmmove_error")
  expect_error(ggplot2::autoplot(data, label = "nam"), "Did you mean", class = "firmmove_error")
  expect_error(ggplot2::autoplot(data, what = "places"), "value = ", class = "firmmove_error")
})

test_that("areas of an sf object are coloured where it has the ids of places", {
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("sf")
  square <- function(x) sf::st_polygon(list(rbind(c(x, 0), c(x + 1, 0), c(x + 1, 1), c(x, 1), c(x, 0))))
  areas <- sf::st_sf(place = c("b", "a"), geometry = sf::st_sfc(square(1), square(0)))
  data <- migration_data(data.frame(firm = 1, from = "a", to = "b"), data.frame(place = c("a", "b"), rent = c(1, 3)))
  picture <- ggplot2::autoplot(data, value = "rent", background = areas)
  expect_identical(picture$data$.value, c(3, 1))
  expect_silent(ggplot2::ggplot_build(picture))
})

test_that("years on an axis are whole", {
  skip_if_not_installed("ggplot2")
  built <- ggplot2::ggplot_build(ggplot2::autoplot(wenzhou_guzhen(2000:2003), what = "time"))
  breaks <- built$layout$panel_params[[1L]]$x$breaks
  breaks <- breaks[!is.na(breaks)]
  expect_identical(breaks, round(breaks))
})
