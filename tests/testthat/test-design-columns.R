data <- random_migration(timed = FALSE, J = 6)
hand <- by_hand(data)

test_that("poly, bs, scale and factor are rebuilt on new data with the basis of the fit", {
  formula <- ~ poly(price, 2) + splines::bs(space, 4) + region + keep(scale(size)) +
    keep(poly(age, 2)) + kin:price
  fit <- migration_design(formula, data)
  some <- migration_data(data$firms[data$firms$kin != "a", ][1:9, ],
                         transform(data$places, price = price + 0.1), time = "year")
  new <- migration_design(formula, some, choice = FALSE, basis = fit$basis)
  expect_identical(new$terms, fit$terms)
  a <- design_reference(new)
  p <- poly(data$places$price, 2)
  expect_equal(a$`poly(price, 2)2`, predict(p, data$places$price + 0.1)[a$place, 2])
  expect_equal(a$`splines::bs(space, 4)3`, splines::bs(data$places$space, 4)[a$place, 3])
  size <- data$firms$size[!is.na(data$firms$to)]
  here <- some$place[a$place] == some$firms$from[a$occasion]
  here[is.na(here)] <- FALSE
  expect_equal(a$`keep(scale(size))`, here * (some$firms$size[a$occasion] - mean(size)) / sd(size))
  expect_identical(names(a)[grep("kin", names(a))], c("kina:price", "kinb:price", "kinc:price"))
})

test_that("the same columns again with the basis on the same data", {
  formula <- ~ poly(price, 2) + region:size + log(distance) + peers(kin) | place
  fit <- migration_design(formula, data)
  again <- migration_design(formula, data, basis = fit$basis)
  expect_equal(again$spec, fit$spec)
})

test_that("factors: contrasts where the margin is in the model, else a column a level", {
  columns <- function(formula) {
    grep("region|kin", migration_design(formula, data)$terms$name, value = TRUE)
  }
  expect_identical(columns(~ region), c("regiondelta", "regioninland"))
  expect_identical(columns(~ kin:price), c("kina:price", "kinb:price", "kinc:price"))
  expect_identical(columns(~ kin:price + price), c("kinb:price", "kinc:price"))
  expect_identical(columns(~ keep(kin)), c("keep(kin)b", "keep(kin)c"))
  expect_length(columns(~ keep(kin) - stay), 3)
  expect_length(columns(~ pull(region)), 2)
  expect_length(columns(~ pull(region) - stay), 3)
  # size:region sums to size, the same for every place
  expect_length(columns(~ size:region), 2)
  expect_length(columns(~ size:pull(region)), 3)
  expect_length(columns(~ size:pull(region) + keep(size)), 2)
  # with place constants the attribute of places is in the model
  expect_length(columns(~ kin:price | place), 2)
  expect_length(columns(~ kin:region), 6)
})

test_that("the model matrix has full rank where R's rule promises it", {
  design <- migration_design(~ region + kin:region + keep(kin) + kin:price, data)
  reference <- design_reference(design)
  x <- as.matrix(reference[-c(1:2, ncol(reference))])
  centred <- x - apply(x, 2, function(column) ave(column, reference$occasion))
  # kin:price and kin:region overlap only where a region has one place
  expect_equal(qr(centred)$rank, ncol(x) - 0L)
})

test_that("characters are factors, logicals 0 and 1, unused levels dropped, dates numbers", {
  places <- transform(data$places, region = factor(region, c("inland", "coast", "sea", "delta")),
                      since = as.Date("2000-01-01") + seq_along(place))
  more <- migration_data(data$firms, places, time = "year")
  design <- migration_design(~ region + export:price + since, more)
  expect_identical(design$terms$name,
                   c("stay", "regioncoast", "regiondelta", "since", "export:price"))
  expect_equal(design_reference(design)$since[1:6], as.numeric(places$since))
})

test_that("bad columns are explained", {
  places <- transform(data$places, flat = "a", big = c(1, Inf, 2, -Inf, 3, 4))
  places$list <- as.list(1:6)
  bad <- migration_data(data$firms, places, time = "year")
  expect_snapshot(error = TRUE, {
    migration_design(~ flat, bad)
    migration_design(~ big, bad)
    migration_design(~ log(price - price), bad)
    migration_design(~ list, bad)
    migration_design(~ I(price[1:2]), bad)
    migration_design(~ poly(price, 10), bad)
    migration_design(~ as.complex(price), bad)
  })
})

test_that("new levels, lacking variables and lacking places in new data are explained", {
  fit <- migration_design(~ region + price, data)
  constants <- suppressMessages(migration_design(~ price | place, data))
  changed <- function(...) migration_data(data$firms, transform(data$places, ...), time = "year")
  extra <- rbind(data$places, transform(data$places[1, ], place = "p9"))
  expect_snapshot(error = TRUE, {
    migration_design(~ region + price, changed(region = "sea"), basis = fit$basis)
    migration_design(~ region + price, changed(region = 1), basis = fit$basis)
    migration_design(~ region + price, changed(price = NULL), basis = fit$basis)
    migration_design(~ price | place, migration_data(data$firms, extra, time = "year"),
                     basis = constants$basis)
  })
})

test_that("two columns of one name are an error", {
  places <- transform(data$places, a = c("a1", "b1", "b1", "c", "c", "a1"), ab1 = price)
  twice <- migration_data(data$firms, places, time = "year")
  expect_snapshot(error = TRUE, migration_design(~ a + ab1, twice))
})
