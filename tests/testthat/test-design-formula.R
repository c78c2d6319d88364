data <- random_migration()

names_of <- function(formula, ...) migration_design(formula, data, ...)$terms$name

test_that("coefficients have the names the user wrote, stay first", {
  expect_identical(names_of(~ price + size:price + price:age),
                   c("stay", "price", "size:price", "price:age"))
  expect_identical(names_of(~ pull( space ):size + log(price)),
                   c("stay", "log(price)", "pull(space):size"))
  expect_identical(names_of(~ poly(price, 2) + region + keep(factor(kin))),
                   c("stay", "poly(price, 2)1", "poly(price, 2)2", "regiondelta", "regioninland",
                     "keep(factor(kin))b", "keep(factor(kin))c"))
})

test_that("stay can be taken out wherever it is written", {
  expect_identical(names_of(~ price - stay), "price")
  expect_identical(names_of(~ -stay + price), "price")
  expect_identical(names_of(~ (price - stay) + space), c("price", "space"))
  expect_identical(names_of(~ space + stay), c("stay", "space"))
  expect_identical(names_of(~ 1), "stay")
  # a constant that is taken out must be the one there is
  expect_identical(names_of(~ 0 + price - stay), "price")
  expect_identical(names_of(~ 0 + price + stay), c("stay", "price"))
  expect_error(names_of(~ 0 + price), "Write `- stay` to leave it out", class = "firmmove_error_formula")
  expect_error(names_of(~ price - 1), "the one that is added is `stay`", class = "firmmove_error_formula")
})

test_that("* and ^ expand as in any formula", {
  expect_identical(names_of(~ price * space), c("stay", "price", "space", "price:space"))
  expect_identical(names_of(~ (price + space + distance)^2)[5:7],
                   c("price:space", "price:distance", "space:distance"))
  expect_identical(names_of(~ price * space - price:space), c("stay", "price", "space"))
})

test_that("the part after | asks for place constants", {
  expect_identical(migration_design(~ price | place, data)$effects, data$place)
  expect_null(migration_design(~ price | 0, data)$effects)
  expect_null(migration_design(~ price, data)$effects)
  expect_identical(nrow(migration_design(~ -stay | place, data)$terms), 0L)
})

test_that("the left side names the chosen place", {
  expect_identical(migration_design(to ~ price, data)$spec, migration_design(~ price, data)$spec)
  firms <- transform(data$firms, plan = rev(as.character(to)))
  other <- migration_data(firms, data$places, time = "year")
  design <- migration_design(plan ~ price, other)
  expect_identical(data$place[design$spec$chosen], firms$plan[design$occasion])
  expect_identical(design$occasion, which(!is.na(firms$plan)))
})

test_that("names of no table come from where the formula was written", {
  degree <- 2
  expect_identical(names_of(~ poly(price, degree) - stay), paste0("poly(price, degree)", 1:2))
  make <- function(power) ~ I(price^power) - stay
  expect_equal(design_reference(migration_design(make(3), data))[[3]],
               by_hand(data)$price^3)
})

test_that("bad formulas are explained", {
  expect_snapshot(error = TRUE, {
    migration_design("price", data)
    migration_design(data$firms, data)
    migration_design(~ price | region, data)
    migration_design(~ price | place | time, data)
    migration_design(log(to) ~ price, data)
    migration_design(too ~ price, data)
    migration_design(kin ~ price, data)
    migration_design(~ ., data)
    migration_design(~ -stay, data)
    migration_design(~ 0 - stay, data)
  })
})

test_that("roles that do not fit are explained", {
  expect_snapshot(error = TRUE, {
    migration_design(~ size, data)
    migration_design(~ size * price, data)
    migration_design(~ size:age, data)
    migration_design(~ log(size), data)
    migration_design(~ keep(price), data)
    migration_design(~ keep(distance), data)
    migration_design(~ push(size), data)
    migration_design(~ pull(size), data)
    migration_design(~ push(distance), data)
    migration_design(~ push(pull(price)), data)
    migration_design(~ keep(stay), data)
    migration_design(~ keep(size:price), data)
    migration_design(~ push(price, space), data)
    migration_design(~ stay:pull(price), data)
    migration_design(~ offset(size), data)
    migration_design(~ offset(region), data)
    migration_design(~ offset(poly(price, 2)), data)
    migration_design(~ offset(price, space), data)
  })
})

test_that("without origins there is no stay, and terms of the origin are errors", {
  firms <- transform(data$firms, from = NA_character_)
  foreign <- migration_data(firms, data$places, time = "year")
  expect_identical(migration_design(~ price, foreign)$terms$name, "price")
  expect_snapshot(error = TRUE, {
    migration_design(~ price + keep(size), foreign)
    migration_design(~ push(price), foreign)
    migration_design(~ 0, foreign)
  })
})
