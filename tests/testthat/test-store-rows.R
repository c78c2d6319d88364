test_that("any run of rows comes, across shards", {
  firms <- mixed_firms()
  data <- migration_data(firms, small_places(), small_ties(), time = "year")
  for (compress in c(FALSE, TRUE)) {
    store <- store_of(data, shard_rows = 9, compress = compress)
    for (range in list(c(1, 1), c(1, 160), c(9, 10), c(8, 30), c(160, 160), c(73, 81))) {
      got <- store_rows(store, range[1], range[2])
      want <- firms[range[1]:range[2], ]
      attr(want, "out.attrs") <- NULL
      rownames(want) <- NULL
      expect_identical(got, want)
    }
    expect_identical(store_rows(store, 10, 30, c("size", "firm")), {
      want <- firms[10:30, c("size", "firm")]
      attr(want, "out.attrs") <- NULL
      rownames(want) <- NULL
      want
    })
  }
  expect_snapshot(error = TRUE, {
    store_rows(store, 0, 5)
    store_rows(store, 5, 161)
    store_rows(store, 5, 4)
    store_rows(store, 1, 2, "sise")
  })
})

test_that("data of some rows have the places and times of the whole", {
  firms <- mixed_firms()
  data <- migration_data(firms, small_places(), small_ties(), time = "year", weights = seq_len(160) + 0.5)
  store <- store_of(data, shard_rows = 50)
  part <- store_data(store, 41, 90, "size")
  expect_s3_class(part, "migration_data")
  expect_identical(part$time, data$time)
  expect_identical(part$place, data$place)
  expect_identical(part$index$time, data$index$time[41:90])
  expect_identical(part$index$origin, data$index$origin[41:90])
  expect_identical(part$index$chosen, data$index$chosen[41:90])
  expect_identical(part$firm[part$index$firm], firms$firm[41:90])
  expect_identical(part$weights, 41:90 + 0.5)
  expect_identical(names(part$firms), c("firm", "year", "from", "to", "size"))
  expect_identical(part$ties, data$ties)
  expect_error(store_data(store, 1, 2, "sise"), class = "firmmove_error_columns")
})

test_that("slices end with a firm", {
  firms <- data.frame(firm = rep(1:30, c(1:29, 400)), from = "Yiwu", to = "Guzhen")
  firms$year <- ave(firms$firm, firms$firm, FUN = seq_along)
  store <- store_of(migration_data(firms, small_places(), time = "year"), shard_rows = 33)
  expect_true(store$together)
  for (rows in c(1, 2, 10, 100, 434, 435, 436, 1e6)) {
    slices <- store_slices(store, rows)
    n <- nrow(slices)
    expect_identical(slices$first, c(1, slices$last[-n] + 1))
    expect_identical(slices$last[n], 835)
    size <- slices$last - slices$first + 1
    expect_true(all(size[-n] >= rows))
    expect_false(any(firms$firm[slices$last[-n]] == firms$firm[slices$last[-n] + 1]))
    # no slice could be shorter
    starts <- findInterval(slices$first + rows - 1, which(!duplicated(firms$firm)))
    expect_identical(slices$last[-n], cumsum(c(1:29, 400))[starts][-n])
  }
  expect_true(attr(slices, "together"))
})

test_that("rows of a firm that are apart are cut anywhere, and it is said", {
  store <- store_of(migration_data(mixed_firms(), small_places(), time = "year"))
  expect_false(store$together)
  slices <- store_slices(store, 50)
  expect_identical(slices$last, c(50, 100, 150, 160))
  expect_false(attr(slices, "together"))
})
