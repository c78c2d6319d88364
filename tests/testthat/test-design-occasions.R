data <- random_migration()
choice <- which(!is.na(data$firms$to))

test_that("closed firms are no occasions, unless chosen places are not needed", {
  expect_identical(migration_design(~ price, data)$occasion, choice)
  predicted <- migration_design(~ price, data, choice = FALSE)
  expect_identical(predicted$occasion, seq_len(nrow(data$firms)))
  expect_identical(predicted$spec$chosen[is.na(data$firms$to)], 0L)
})

test_that("subset: condition, rows, formula, expression", {
  large <- which(data$firms$size > 4)
  kept <- intersect(choice, large)
  for (subset in list(data$firms$size > 4, large, ~ size > 4, quote(size > 4))) {
    design <- migration_design(~ price, data, subset = subset)
    expect_identical(design$occasion, kept)
    expect_identical(design$spec$chosen, data$index$chosen[kept])
  }
  threshold <- 4
  expect_identical(migration_design(~ price, data, subset = ~ size > threshold)$occasion, kept)
  expect_identical(migration_design(~ price, data, subset = ifelse(data$firms$size > 4, TRUE, NA))$occasion,
                   kept)
})

test_that("weights: vector, column, formula; those given override those of the data", {
  own <- migration_data(data$firms, data$places, time = "year", weights = "age")
  expect_identical(migration_design(~ price, own)$spec$weights, as.double(data$firms$age[choice]))
  for (weights in list(data$firms$size, "size", ~ size)) {
    expect_identical(migration_design(~ price, own, weights = weights)$spec$weights,
                     data$firms$size[choice])
  }
  expect_null(migration_design(~ price, data)$spec$weights)
})

test_that("missing values go through na.action, with counts", {
  firms <- data$firms
  firms$size[c(4, 9)] <- NA
  firms$age[9] <- NA
  some <- migration_data(firms, data$places, time = "year")
  formula <- ~ price + keep(size) + age:price
  design <- migration_design(formula, some)
  expect_identical(design$occasion, setdiff(choice, c(4, 9)))
  expect_s3_class(design$na.action, "omit")
  expect_identical(attr(design$na.action, "counts"), c(size = 2L, age = 1L))
  expect_identical(as.vector(design$na.action), match(c(4, 9), choice))
  padded <- migration_design(formula, some, na.action = na.exclude)
  expect_s3_class(padded$na.action, "exclude")
  expect_length(napredict(padded$na.action, padded$spec$origin), length(choice))
  expect_equal(design_reference(design), ignore_attr = TRUE, {
    complete <- migration_data(firms[-c(4, 9), ], data$places, time = "year")
    design_reference(migration_design(formula, complete))
  })
  expect_snapshot(error = TRUE, {
    migration_design(formula, some, na.action = na.fail)
    migration_design(formula, some, na.action = na.pass)
  })
})

test_that("a missing attribute of a place concerns the occasions that face it", {
  places <- data$places
  places$space[places$year == 2002 & places$place == "p2"] <- NA
  some <- migration_data(data$firms, places, time = "year")
  firms <- data$firms
  expect_identical(migration_design(~ space, some)$occasion,
                   which(!is.na(firms$to) & firms$year != 2002))
  # push() reads the origin only
  expect_identical(migration_design(~ push(space), some)$occasion,
                   which(!is.na(firms$to) & !(firms$year == 2002 & firms$from %in% "p2")))
  # not offered, not missing
  shut <- migration_data(subset(firms, !(year == 2002 & (to %in% "p2" | from %in% "p2"))), places,
                         time = "year", available = function(from, to, time) to != "p2" | time != 2002)
  expect_null(migration_design(~ space, shut)$na.action)
  everywhere <- migration_data(firms, transform(data$places, space = ifelse(place == "p2", NA, space)),
                               time = "year")
  expect_snapshot(error = TRUE, migration_design(~ space, everywhere))
})

test_that("missing ties and missing weights are missing values too", {
  roads <- data$ties$roads$data
  roads$distance[roads$from == "p3" & roads$to == "p1"] <- NA
  some <- migration_data(data$firms, data$places, list(roads = roads), time = "year")
  expect_identical(migration_design(~ distance, some)$occasion,
                   which(!is.na(data$firms$to) & !data$firms$from %in% "p3"))
  weights <- replace(data$firms$size, 7, NA)
  expect_identical(migration_design(~ price, data, weights = weights)$occasion, setdiff(choice, 7))
})

test_that("firm-keyed ties without a default need every place a firm may move to", {
  kin <- data$ties$kinship$data
  attr(kin, "default") <- NULL
  partial <- migration_data(data$firms, data$places, list(kinship = kin), time = "year")
  expect_snapshot(error = TRUE, migration_design(~ relatives, partial))
  cross <- data$firms[data$firms$year == 2001 & !is.na(data$firms$from), ]
  full <- expand.grid(firm = cross$firm, to = data$place, stringsAsFactors = FALSE)
  full <- full[full$to != cross$from[match(full$firm, cross$firm)], ]
  full$visits <- seq_len(nrow(full))
  one <- migration_data(cross, subset(data$places, year == 2001), full)
  x <- design_reference(migration_design(~ visits, one))
  pair <- match(paste(cross$firm[x$occasion], data$place[x$place]), paste(full$firm, full$to))
  expect_equal(x$visits, ifelse(is.na(pair), 0, full$visits[pair]))
})

test_that("bad subset and weights are explained", {
  expect_snapshot(error = TRUE, {
    migration_design(~ price, data, subset = "size")
    migration_design(~ price, data, subset = c(TRUE, FALSE))
    migration_design(~ price, data, subset = ~ size > 100)
    migration_design(~ price, data, weights = "sizes")
    migration_design(~ price, data, weights = 1:3)
    migration_design(~ price, data, weights = -data$firms$size)
    migration_design(~ price, data, weights = "kin")
  })
})
