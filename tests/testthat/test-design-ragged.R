# Long data: the same columns as the relational design of the same tables.

data <- random_migration()
long <- by_hand(data)
long$name <- data$place[long$place]
long$here <- ifelse(long$stay == 1, TRUE, FALSE)
long$stay <- NULL
long$won <- as.integer(long$name == long$to)
choice <- choice_data(long, "won", "occasion", "name", firm = "firm", from = "here", time = "year")

test_that("relational and long data give the same columns", {
  formula <- ~ price + pull(space) + push(price) + keep(size) + distance + size:price +
    size:push(price) + age:pull(space) + stay:price + region + kin:price + keep(kin) +
    push(space):pull(price) + splines::bs(age, 4):price + offset(log(price)) + offset(size:distance)
  wide <- design_reference(migration_design(formula, data))
  ragged <- design_reference(migration_design(formula, choice))
  expect_equal(ragged, wide, ignore_attr = "row.names")
})

test_that("plain numeric columns are passed without a copy", {
  skip_if_not(capabilities("profmem"))
  spec <- migration_design(~ price + space + distance - stay, choice)$spec
  address <- function(x) {
    on.exit(untracemem(x))
    tracemem(x)
  }
  expect_null(choice$order)
  expect_identical(address(spec$columns[[2]]), address(choice$data$space))
})

test_that("rows that are not grouped are grouped, subsets and missing values drop occasions", {
  set.seed(4)
  shuffled <- long[sample(nrow(long)), ]
  mixed <- choice_data(shuffled, "won", "occasion", "name", firm = "firm", from = "here", time = "year")
  formula <- ~ price + keep(size) + push(space)
  a <- migration_design(formula, choice)
  b <- migration_design(formula, mixed, subset = shuffled$size > 4)
  x <- design_reference(a)
  y <- design_reference(b)
  x$occasion <- choice$id[a$occasion][x$occasion]
  y$occasion <- mixed$id[b$occasion][y$occasion]
  x <- x[x$occasion %in% long$occasion[long$size > 4], ]
  y$place <- match(mixed$place[y$place], choice$place)
  y <- y[order(y$occasion, y$place), ]
  expect_equal(y, x, ignore_attr = "row.names")

  holes <- long
  holes$price[5] <- NA
  holes$size[holes$occasion == 9] <- NA
  some <- choice_data(holes, "won", "occasion", "name", from = "here")
  design <- migration_design(formula, some)
  expect_identical(design$occasion, setdiff(seq_len(max(long$occasion)), c(2L, 9L)))
  expect_identical(attr(design$na.action, "counts"), c(price = 1L, size = 1L))
  expect_equal(design_reference(design)$price, long$price[!long$occasion %in% c(2, 9)])
})

test_that("weights by row or occasion", {
  by_row <- migration_design(~ price, choice, weights = "size")$spec$weights
  expect_identical(by_row, long$size[!duplicated(long$occasion)])
  expect_identical(migration_design(~ price, choice, weights = by_row)$spec$weights, by_row)
})

test_that("the basis rebuilds the columns", {
  formula <- ~ poly(price, 2) + keep(factor(kin)) + size:region
  fit <- migration_design(formula, choice)
  few <- choice_data(long[long$kin == "b", ], "won", "occasion", "name", from = "here")
  new <- migration_design(formula, few, choice = FALSE, basis = fit$basis)
  expect_identical(new$terms, fit$terms)
  old <- design_reference(fit)
  keep <- long$kin == "b"
  expect_equal(design_reference(new)[-c(1, 2)], old[keep, -c(1, 2)], ignore_attr = "row.names")
})

test_that("places nobody chose are taken out of long data too", {
  moved <- transform(long, won = as.integer(name == ifelse(to == "p3", "p1", to)))
  some <- choice_data(moved, "won", "occasion", "name", from = "here")
  expect_message(design <- migration_design(~ price | place, some), "p3", class = "firmmove_message")
  expect_identical(some$place[!design$spec$offered], "p3")
})

test_that("bad terms of long data are explained", {
  no_origin <- choice_data(long, "won", "occasion", "name")
  expect_identical(migration_design(~ price, no_origin)$terms$name, "price")
  expect_snapshot(error = TRUE, {
    migration_design(~ size, choice)
    migration_design(~ keep(price), choice)
    migration_design(~ push(size), choice)
    migration_design(~ pric, choice)
    migration_design(~ push(price), no_origin)
    migration_design(~ peers(kin), no_origin)
    migration_design(to ~ price, choice)
    migration_design(~ price, choice, subset = long$price > 1.5)
  })
})
