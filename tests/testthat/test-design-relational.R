# The spec of each kind of term against columns computed by hand from the tables.

data <- random_migration()
hand <- by_hand(data)

expect_columns <- function(formula, expected, data, hand, ...) {
  reference <- design_reference(migration_design(formula, data, ...))
  expect_equal(unname(reference[["occasion"]]), hand$occasion)
  expect_equal(unname(reference[["place"]]), hand$place)
  columns <- setdiff(names(reference), c("occasion", "place", "offset"))
  expect_identical(columns, names(expected))
  for (name in columns) expect_equal(reference[[name]], as.numeric(expected[[name]]), info = name)
  invisible(reference)
}

move <- 1 - hand$stay

test_that("attributes of places, push, pull, keep and stay", {
  expect_columns(
    ~ price + pull(space) + push(price) + keep(size) + log(price), data = data, hand = hand,
    list(stay = hand$stay, price = hand$price, "pull(space)" = hand$space * move,
         "push(price)" = hand$home_price * move, "keep(size)" = hand$size * hand$stay,
         "log(price)" = log(hand$price))
  )
})

test_that("ties of origin and place, and of firm and place", {
  # no row: 0 at the origin and without origin; p1 has a row for itself
  expect_columns(
    ~ distance + log(distance) + relatives + log1p(relatives) + pull(distance), data = data,
    hand = hand,
    list(stay = hand$stay, distance = hand$distance,
         "log(distance)" = ifelse(hand$road, log(hand$distance), 0),
         relatives = hand$relatives, "log1p(relatives)" = log1p(hand$relatives),
         "pull(distance)" = hand$distance * move)
  )
})

test_that("interactions of every kind", {
  expect_columns(
    ~ size:price + distance:age + relatives:size + distance:price + relatives:space +
      price:space + size:push(price) + pull(space):size + push(space):pull(price) +
      size:age:price + distance:relatives - stay,
    data = data, hand = hand,
    with(hand, list(
      "size:price" = size * price, "distance:age" = distance * age,
      "relatives:size" = relatives * size, "distance:price" = distance * price,
      "relatives:space" = relatives * space, "price:space" = price * space,
      "size:push(price)" = size * home_price * move, "pull(space):size" = space * size * move,
      "push(space):pull(price)" = home_space * price * move,
      "distance:relatives" = distance * relatives, "size:age:price" = size * age * price
    ))
  )
})

test_that("stay interacts with attributes of firms, places and ties", {
  expect_columns(
    ~ stay:size + stay:price + stay:distance + keep(size):price - stay, data = data, hand = hand,
    with(hand, list("stay:size" = stay * size, "stay:price" = stay * price,
                    "stay:distance" = stay * distance, "keep(size):price" = stay * size * price))
  )
})

test_that("factors of every table", {
  dialect <- function(level) as.numeric(!is.na(hand$dialect) & hand$dialect == level)
  expect_columns(
    ~ region + keep(kin) + dialect + export:price + push(region), data = data, hand = hand,
    c(list(stay = hand$stay, regiondelta = hand$region == "delta",
           regioninland = hand$region == "inland",
           "keep(kin)b" = hand$stay * (hand$kin == "b"), "keep(kin)c" = hand$stay * (hand$kin == "c"),
           dialectwu = dialect("wu"), dialectyue = dialect("yue"),
           "push(region)delta" = move * hand$home_region %in% "delta",
           "push(region)inland" = move * hand$home_region %in% "inland",
           "export:price" = hand$export * hand$price))
  )
})

test_that("offsets come last, with coefficient 1", {
  design <- migration_design(~ price + offset(log(price)) + offset(size:distance), data)
  reference <- design_reference(design)
  expect_equal(reference$offset, log(hand$price) + hand$size * hand$distance)
  expect_identical(design$spec$terms$offset, c(0L, 0L, 1L, 1L))
  expect_identical(design$terms$name, c("stay", "price"))
})

test_that("places that do not change have one row of a table", {
  fixed <- random_migration(timed = FALSE)
  table <- by_hand(fixed)
  design <- migration_design(~ price + size:price + push(price), fixed)
  expect_equal(design_reference(design)$price, table$price)
  expect_equal(design_reference(design)$`push(price)`, table$home_price * (1 - table$stay))
  dense <- Filter(function(t) t$kind == "dense", design$spec$tables)
  expect_length(dense, 1)
  expect_identical(dim(dense[[1]]$values), c(4L, 1L))
  expect_identical(dense[[1]]$key, 0L)
})

test_that("tables, keys and multipliers are shared between terms", {
  spec <- migration_design(~ price + pull(price) + size:price + size:space + keep(size), data)$spec
  # ones, price, space
  expect_length(spec$tables, 3)
  expect_length(spec$keys, 1)
  expect_length(spec$multipliers, 1)
  expect_identical(spec$terms$mask, c("all", "move", "stay", "all", "all")[c(3, 1, 2, 3, 4, 5)])
})

test_that("a default of a firm-keyed tie that is not 0 fills absent pairs but the origin", {
  ties <- data$ties
  attr(ties$kinship$data, "default") <- 2
  filled <- migration_data(data$firms, data$places,
                           list(roads = ties$roads$data, kinship = ties$kinship$data), time = "year")
  reference <- design_reference(migration_design(~ relatives + exp(relatives), filled))
  listed <- paste(hand$firm, data$place[hand$place]) %in%
    paste(ties$kinship$data$firm, ties$kinship$data$to)
  value <- ifelse(listed, hand$relatives, ifelse(hand$stay == 1, 0, 2))
  expect_equal(reference$relatives, value)
  expect_equal(reference$`exp(relatives)`, ifelse(listed | hand$stay == 0, exp(value), 0))
})

test_that("availability of a tie column and of a function", {
  firms <- subset(data$firms, !is.na(to))
  roads <- data$ties$roads$data
  open <- with(roads, paste(from, to)[open])
  firms$to <- ifelse(is.na(firms$from) | paste(firms$from, firms$to) %in% open |
                       firms$from == firms$to, firms$to, firms$from)
  by_tie <- migration_data(firms, data$places, list(roads = roads), time = "year",
                           available = "open")
  rule <- function(from, to, time) is.na(from) | from == to | paste(from, to) %in% open
  by_rule <- migration_data(firms, data$places, list(roads = roads), time = "year",
                            available = rule)
  a <- design_reference(migration_design(~ price + distance, by_tie))
  b <- design_reference(migration_design(~ price + distance, by_rule))
  expect_equal(a, b, ignore_attr = TRUE)
  from <- firms$from[a$occasion]
  expect_true(all(rule(from, data$place[a$place])))
  expect_lt(nrow(a), nrow(firms) * 4)
})

test_that("availability of a firm-keyed tie column", {
  kinship <- data$ties$kinship$data
  kinship$welcome <- kinship$relatives > 1
  firms <- subset(data$firms, !is.na(to))
  pair <- paste(kinship$firm, kinship$to)
  refused <- !(kinship$welcome[match(paste(firms$firm, firms$to), pair)] %in% c(TRUE, NA))
  attr(kinship, "default") <- 1
  some <- migration_data(firms[!refused, ], data$places, list(kinship = kinship), time = "year",
                         available = "welcome")
  reference <- design_reference(migration_design(~ price, some))
  at <- match(paste(some$firms$firm[reference$occasion], some$place[reference$place]), pair)
  expect_true(all(is.na(at) | kinship$welcome[at]))
  long <- expand_long(some)
  expect_identical(nrow(reference), nrow(long))
  expect_equal(reference$price, long$price)
})

test_that("place constants are absorbed, and places nobody chose taken out", {
  firms <- transform(data$firms, to = ifelse(to %in% "p3", "p1", to))
  unchosen <- migration_data(firms, data$places, time = "year")
  expect_snapshot(design <- migration_design(~ price | place, unchosen))
  expect_true(design$spec$effects)
  expect_identical(design$spec$offered, c(TRUE, TRUE, FALSE, TRUE))
  expect_identical(design$effects, data$place)
  expect_null(migration_design(~ price | 0, unchosen)$effects)
  # a weight of 0 does not count
  expect_message(migration_design(~ price | place, data, weights = as.numeric(!data$firms$to %in% "p2")),
                 class = "firmmove_message")
})

test_that("names and kinds of the terms", {
  terms <- migration_design(~ price + pull(space) + push(price) + keep(size) + distance +
                              size:price + keep(size):export + poly(space, 2), data)$terms
  expect_identical(terms$name[9:10], c("size:price", "keep(size):export"))
  expect_identical(
    terms$kind,
    c("stay", "place", "pull", "push", "keep", "tie", "place", "place", "firm_place", "keep")
  )
  expect_identical(terms$variable[c(1, 3, 9)], c("stay", "space", "size:price"))
})

test_that("one row of a table for each key that occurs, none for each firm", {
  set.seed(2)
  n <- 2e4
  firms <- data.frame(firm = seq_len(n), from = sample(20, n, TRUE), to = sample(20, n, TRUE),
                      size = runif(n))
  places <- data.frame(place = 1:20, x = runif(20))
  ties <- expand.grid(from = 1:20, to = 1:20)
  ties$d <- runif(400)
  design <- migration_design(~ x + push(x) + d + size:d + keep(size), migration_data(firms, places, ties))
  expect_lt(max(vapply(design$spec$tables, function(t) length(t$values), 0L)), 401)
  expect_lt(as.numeric(object.size(design)), 40 * n)
})
