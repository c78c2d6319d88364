test_that("long data come back, occasions whole in shards and slices", {
  long <- small_long()
  long$week <- rep(c(2, 1, 2), c(3, 2, 3))
  data <- choice_data(long, "went", "id", "town", from = "home", time = "week", weights = c(1, 2.5, 3))
  for (compress in c(FALSE, TRUE)) {
    store <- store_of(data, shard_rows = 4, compress = compress)
    expect_identical(store$kind, "choice")
    expect_identical(store$shards$rows, c(5, 3))
    expect_identical(as_migration_data(store), data)
  }
  expect_identical(store_slices(store, 1)$last, c(3, 5, 8))
  part <- store_data(store, 4, 8, "rent")
  expect_identical(part$place, data$place)
  expect_identical(part$time, data$time)
  expect_identical(part$index$place, data$index$place[4:8])
  expect_identical(part$index$time, data$index$time[2:3])
  expect_identical(part$weights, c(2.5, 3))
  expect_silent(verify_store(store))
  expect_snapshot(store, transform = plain_paths)
})

test_that("occasions that are apart are grouped, in their order", {
  long <- small_long()[c(1, 4, 2, 6, 3, 5, 7, 8), ]
  data <- choice_data(long, "went", "id", "town", weights = seq_len(3))
  back <- as_migration_data(store_of(data, shard_rows = 2))
  expect_null(back$order)
  expect_identical(back$data$rent, long$rent[data$order])
  expect_identical(back$index, data$index)
  expect_identical(back$weights, data$weights)
  expect_identical(back$start, data$start)
})

test_that("rankings come back, and slices are of whole firms", {
  long <- data.frame(id = rep(1:6, each = 3), who = rep(c("a", "b"), c(9, 9)), town = rep(towns, 6),
                     rank = c(1, 2, 3, 3, 1, 2, 2, 3, 1, 1, 3, 2, 1, 2, 3, 2, 1, 3))
  data <- choice_data(long, "rank", "id", "town", firm = "who", answer = "ranking")
  store <- store_of(data)
  expect_identical(as_migration_data(store), data)
  expect_true(store$together)
  expect_identical(store_slices(store, 4)$last, c(9, 18))
  apart <- choice_data(transform(long, who = rep(c("a", "b"), each = 3)), "rank", "id", "town", firm = "who",
                       answer = "ranking")
  store <- store_of(apart)
  expect_false(store$together)
  expect_identical(store_slices(store, 4)$last, c(6, 12, 18))
})
