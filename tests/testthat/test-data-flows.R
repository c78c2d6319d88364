test_that("flows count the choices of each pair", {
  data <- migration_data(small_firms(), small_places(), weights = "size")
  flows <- as_flows(data)
  expect_equal(nrow(flows), 12)
  expect_equal(sum(flows$count), nobs(data))
  expect_equal(flows$count[flows$from %in% "Wenzhou"], c(1, 1, 0))
  expect_equal(flows$count[is.na(flows$from)], c(0, 1, 0))
  expect_equal(sum(flows$weight), 20 + 150 + 60 + 8)
  expect_equal(flows$stay, flows$from %in% towns & flows$from == flows$to)
  short <- as_flows(data, zeros = FALSE)
  expect_equal(short$count, rep(1L, 4))
  expect_equal(short$weight, c(150, 20, 60, 8))
})

test_that("flows may be counted by time", {
  data <- migration_data(panel_firms(), panel_places(), time = "year")
  flows <- as_flows(data, by_time = TRUE)
  expect_equal(nrow(flows), 18)
  expect_equal(tapply(flows$count, flows$time, sum), tapply(c(2, 2), c(1999, 2000), sum))
  short <- as_flows(data, by_time = TRUE, zeros = FALSE)
  expect_equal(short$time, c(1999, 1999, 2000, 2000))
  expect_equal(short$to, c("Wenzhou", "Guzhen", "Yiwu", "Guzhen"))
})

test_that("long and relational data have the same flows", {
  data <- migration_data(small_firms(), small_places())
  long <- choice_data(as.data.frame(data, long = TRUE), "chosen", "occasion", "place", from = "from")
  expect_equal(as_flows(long), as_flows(data))
  expect_equal(as_flows(long, zeros = FALSE), as_flows(data, zeros = FALSE))
})

test_that("flows of nothing are empty", {
  none <- migration_data(transform(small_firms(), to = NA), small_places())
  expect_equal(nrow(as_flows(none, zeros = FALSE)), 0)
  expect_equal(sum(as_flows(none)$count), 0)
})

test_that("bad arguments are named", {
  data <- migration_data(small_firms(), small_places())
  expect_snapshot(error = TRUE, {
    as_flows(small_firms())
    as_flows(data, by_time = TRUE)
    as_flows(data, zeros = NA)
    as_flows(data, time = TRUE)
  })
})
