three_moves <- function() {
  place <- c("a", "b", "c", "idle")
  data.frame(
    from = factor(c("a", "b", "c"), place), to = factor(c("b", "a", "a"), place), count = c(6, 3, 1)
  )
}

test_that("both ends of a band are as wide as the flow, and places as wide as their moves", {
  layout <- chord_layout(three_moves())
  expect_identical(layout$places$place, c("a", "b", "c"))
  flows <- layout$flows
  unit <- (2 * pi - 3 * 5 * pi / 180) / 20
  expect_equal(flows$out_end - flows$out_begin, unit * flows$count)
  expect_equal(flows$in_end - flows$in_begin, unit * flows$count)
  expect_equal(layout$places$moves, c(10, 9, 1))
  expect_equal(layout$places$end - layout$places$begin, unit * c(10, 9, 1))
  # gaps of five degrees between places, none within one
  expect_equal(layout$places$begin[-1] - layout$places$end[-3], rep(5 * pi / 180, 2))
  edges <- sort(c(flows$out_begin, flows$in_begin, flows$out_end, flows$in_end))
  expect_equal(sum(diff(edges)[c(FALSE, TRUE)]), 2 * 5 * pi / 180)
  # what leaves a place comes before what arrives
  expect_lt(flows$out_end[1], min(flows$in_begin[2:3]) + 1e-12)
})

test_that("bands touch the circle where they leave and end short of it where they arrive", {
  flows <- chord_layout(three_moves())$flows
  bands <- chord_bands(flows)
  expect_identical(unique(bands$band), 1:3)
  radius <- sqrt(bands$x^2 + bands$y^2)
  angle <- atan2(bands$x, bands$y) %% (2 * pi)
  at <- function(k, from, to) radius[bands$band == k & angle > from + 1e-6 & angle < to - 1e-6]
  for (k in 1:3) {
    expect_equal(max(at(k, flows$out_begin[k], flows$out_end[k])), 0.99)
    expect_equal(max(at(k, flows$in_begin[k], flows$in_end[k])), 0.97)
  }
})

test_that("names of places that lie too close are those of the busier", {
  places <- data.frame(
    place = c("busy", "close", "far", "last"), begin = c(0, 0.03, 2, 6.2), end = c(0.02, 0.05, 3, 6.25), moves = c(9, 1, 5, 1)
  )
  names <- chord_names(places)
  # the last lies within four degrees of the first across the top
  expect_identical(names$place, c("busy", "far"))
  expect_identical(names$hjust, c(0, 0))
  expect_equal(names$angle[2], 90 - 2.5 * 180 / pi)
})

test_that("the flows of data and of fits are drawn as chords", {
  skip_if_not_installed("ggplot2")
  data <- relocation_data()
  moved <- sum(data$firms$from != data$firms$to)
  picture <- ggplot2::autoplot(data, what = "chord")
  built <- ggplot2::ggplot_build(picture)
  expect_equal(length(unique(built$data[[1]]$group)), length(unique(with(data$firms, paste(from, to))[data$firms$from != data$firms$to])))
  expect_setequal(built$data[[3]]$label, letters[1:6])
  expect_equal(sum(chord_layout(moves_between(data))$flows$count), moved)
  # four senders have a fill, the others share one
  expect_equal(length(unique(built$data[[1]]$fill)), 5)
  few <- ggplot2::ggplot_build(ggplot2::autoplot(data, what = "chord", top = 3))
  expect_equal(length(unique(few$data[[1]]$group)), 3)
  fit <- fit_migration(~ rent + distance, data)
  drawn <- ggplot2::ggplot_build(ggplot2::autoplot(fit, what = "chord", top = 10))
  expect_equal(length(unique(drawn$data[[1]]$group)), 10)
})
