data <- random_migration()

test_that("a variable is found in the table that has it; table$x says which", {
  places <- transform(data$places, size = price * 2)
  both <- migration_data(data$firms, places, data$ties |> lapply(`[[`, "data"), time = "year")
  hand <- by_hand(data)
  reference <- design_reference(migration_design(
    ~ places$size + firms$size:price + log(roads$distance) + keep(firms$size), both))
  expect_identical(names(reference)[4:7],
                   c("places$size", "log(roads$distance)", "keep(firms$size)", "firms$size:price"))
  expect_equal(reference$`places$size`, 2 * hand$price)
  expect_equal(reference$`firms$size:price`, hand$size * hand$price)
  expect_snapshot(error = TRUE, {
    migration_design(~ size:price, both)
    migration_design(~ firms$price:price, both)
    migration_design(~ roads$dist, both)
  })
})

test_that("unknown variables offer the nearest name", {
  expect_snapshot(error = TRUE, {
    migration_design(~ pric, data)
    migration_design(~ log(prices) + space, data)
    migration_design(~ keep(sizes), data)
    migration_design(~ qqqqqqqqqqqqqqqq, data)
    migration_design(~ I(1), data)
    migration_design(~ to, data)
  })
})

test_that("one call takes its variables from one table", {
  expect_snapshot(error = TRUE, {
    migration_design(~ I(price * size), data)
    migration_design(~ log(price / distance), data)
  })
})
