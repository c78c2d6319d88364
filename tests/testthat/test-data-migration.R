test_that("tables are kept and keys are coded", {
  data <- migration_data(small_firms(), small_places(), small_ties())
  expect_s3_class(data, "migration_data")
  expect_identical(data$firms, small_firms())
  expect_equal(data$place, towns)
  expect_equal(data$firm, c("11", "25", "37", "48", "59"))
  expect_equal(data$index$origin, c(1L, 1L, 2L, NA, 1L))
  expect_equal(data$index$chosen, c(2L, 1L, 2L, 2L, NA))
  expect_null(data$index$time)
  expect_equal(data$place_row, matrix(1:3))
  expect_equal(data$ties$ties$by, "place")
  expect_equal(data$ties$ties$columns, "distance")
  expect_equal(occasions(data), 1:4)
  expect_equal(nobs(data), 4)
})

test_that("the type of ids and of the data frame does not matter", {
  plain <- migration_data(small_firms(), small_places(), small_ties())
  firms <- small_firms()
  firms$from <- factor(firms$from, levels = c("Unused", rev(towns)))
  firms$to <- factor(firms$to)
  coded <- migration_data(firms, small_places(), small_ties())
  expect_equal(coded[c("place", "index", "firm")], plain[c("place", "index", "firm")])

  number <- function(x) match(x, towns) * 100000
  firms <- transform(small_firms(), from = number(from), to = as.integer(number(to)))
  places <- transform(small_places(), place = as.character(as.integer(number(place))))
  places$place <- c("100000", "200000", "300000")
  numbered <- migration_data(firms, places)
  expect_equal(numbered$index, plain$index)
})

test_that("tibble and data.table give the same as data.frame", {
  skip_if_not_installed("tibble")
  skip_if_not_installed("data.table")
  plain <- migration_data(small_firms(), small_places(), small_ties())
  expect_equal(
    migration_data(tibble::as_tibble(small_firms()), tibble::as_tibble(small_places()),
                   tibble::as_tibble(small_ties())), plain
  )
  table <- data.table::as.data.table(small_firms())
  data <- migration_data(table, data.table::as.data.table(small_places()),
                         data.table::as.data.table(small_ties()))
  expect_equal(data, plain)
  data.table::set(table, i = 1L, j = "size", value = 999)
  expect_equal(data$firms$size, small_firms()$size)
})

test_that("places that change over time are matched by time", {
  data <- migration_data(panel_firms(), panel_places(), time = "year")
  expect_equal(data$time, c(1999, 2000))
  expect_equal(data$index$time, c(1L, 2L, 1L, 2L))
  expect_equal(data$place_row, cbind(4:6, 1:3))
  expect_equal(place_rows(data, c(2L, 1L, 2L)), cbind(1:3, 4:6, 1:3))
  fixed <- migration_data(panel_firms(), small_places(), time = "year")
  expect_equal(place_rows(fixed, c(1L, 2L)), cbind(1:3, 1:3))
})

test_that("times may be dates, factors or text, of different type in each table", {
  firms <- transform(panel_firms(), year = as.character(year))
  data <- migration_data(firms, panel_places(), time = "year")
  expect_equal(data$time, c("1999", "2000"))
  expect_equal(data$place_row, cbind(4:6, 1:3))
  date <- function(x) as.Date(paste0(x, "-01-01"))
  data <- migration_data(transform(panel_firms(), year = date(year)),
                         transform(panel_places(), year = date(year)), time = "year")
  expect_equal(data$time, date(c(1999, 2000)))
  expect_equal(data$place_row, cbind(4:6, 1:3))
  data <- migration_data(transform(panel_firms(), year = factor(year)),
                         transform(panel_places(), year = as.integer(year)), time = "year")
  expect_equal(data$place_row, cbind(4:6, 1:3))
})

test_that("tie_rows() finds rows of a table keyed by origin", {
  data <- migration_data(small_firms(), small_places(), small_ties())
  expect_equal(tie_rows(data, "ties", c(2L, NA, 1L, 2L)),
               cbind(c(2, 5, 8), NA, c(1, 4, 7), c(2, 5, 8)))
  shuffled <- small_ties()[c(9, 2, 4, 7, 3, 6, 8), ]
  data <- migration_data(small_firms(), small_places(), shuffled)
  rows <- tie_rows(data, "ties", 1:2)
  expect_equal(data$ties$ties$data$distance[rows], c(NA, 1050, 240, 1050, NA, 1000))
})

test_that("tie_rows() finds rows by origin and time", {
  ties <- merge(small_ties(), data.frame(year = c(2000, 1999)))
  ties$distance <- ties$distance + ties$year
  data <- migration_data(panel_firms(), small_places(), ties, time = "year")
  rows <- tie_rows(data, "ties", c(1L, 3L), c(2L, 1L))
  expect_equal(matrix(data$ties$ties$data$distance[rows], 3), cbind(c(0, 1050, 240) + 2000, c(240, 1000, 0) + 1999))
})

test_that("tie_entries() gives compressed rows of a table keyed by firm", {
  kin <- data.frame(firm = c(37, 11, 37, 999), to = c("Yiwu", "Guzhen", "Wenzhou", "Yiwu"), n = 1:4)
  data <- migration_data(small_firms(), small_places(), list(kin = structure(kin, default = 0)))
  expect_equal(data$ties$kin$by, "firm")
  expect_equal(data$ties$kin$default, 0)
  entries <- tie_entries(data, "kin", c(3L, 2L, 1L))
  expect_equal(entries, list(ptr = c(0L, 2L, 2L, 3L), col = c(1L, 3L, 2L), row = c(3L, 1L, 2L)))
  again <- tie_entries(data, "kin", c(1L, 3L, 1L))
  expect_equal(again$col, c(2L, 1L, 3L, 2L))
  expect_equal(again$ptr, c(0L, 1L, 3L, 4L))
})

test_that("a table keyed by firm may change over time", {
  kin <- data.frame(firm = c("b", "a", "b"), to = c("Yiwu", "Guzhen", "Wenzhou"), year = c(2000, 1999, 1999))
  data <- migration_data(panel_firms(), small_places(), list(kin = kin), time = "year")
  entries <- tie_entries(data, "kin", c(1L, 1L, 2L, 2L), c(1L, 2L, 1L, 2L))
  expect_equal(entries, list(ptr = c(0L, 1L, 1L, 2L, 3L), col = c(2L, 1L, 3L), row = c(2L, 3L, 1L)))
})

test_that("the network is directed and weighs 1 unless told", {
  network <- data.frame(firm = c(11, 25), peer = c(25, 77))
  data <- migration_data(small_firms(), small_places(), network = network)
  expect_equal(data$network, data.frame(firm = c("11", "25"), peer = c("25", "77"), weight = 1))
})

test_that("weights are a column or a vector", {
  expect_equal(migration_data(small_firms(), small_places(), weights = "size")$weights, small_firms()$size)
  expect_equal(migration_data(small_firms(), small_places(), weights = 1:5)$weights, 1:5 + 0)
})

test_that("no firm needs an origin", {
  firms <- transform(small_firms(), from = NA)
  expect_equal(migration_data(firms, small_places())$index$origin, rep(NA_integer_, 5))
  expect_equal(migration_data(firms[-2], small_places(), from = NULL)$index$origin, rep(NA_integer_, 5))
})

test_that("availability is a column of ties or a function of distinct pairs", {
  ties <- transform(small_ties(), open = as.integer(to != "Yiwu"))
  data <- migration_data(small_firms(), small_places(), ties, available = "open")
  expect_equal(data$available, list(tie = "ties", column = "open"))
  expect_equal(available_places(data, c(1L, NA)), cbind(c(TRUE, TRUE, FALSE), TRUE))
  asked <- 0
  open <- function(from, to, time) {
    asked <<- asked + length(to)
    !(from %in% "Wenzhou" & to == "Yiwu")
  }
  data <- migration_data(small_firms(), small_places(), available = open)
  expect_equal(asked, 4)
  expect_equal(available_places(data, c(1L, NA)), cbind(c(TRUE, TRUE, FALSE), TRUE))
  late <- function(from, to, time) to != "Yiwu" | time >= 2000
  data <- migration_data(panel_firms(), small_places(), time = "year", available = late)
  expect_equal(available_places(data, c(1L, 1L), 1:2), cbind(c(TRUE, TRUE, FALSE), TRUE))
})

test_that("availability may be keyed by firm", {
  banned <- data.frame(firm = c(11, 25), to = "Yiwu", open = FALSE)
  make <- function(firms = small_firms()) {
    migration_data(firms, small_places(), structure(banned, default = 1), available = "open")
  }
  long <- as.data.frame(make(), long = TRUE)
  expect_equal(long$occasion, rep(1:4, c(2, 2, 3, 3)))
  expect_error(make(transform(small_firms(), to = "Yiwu")), "`11 to Yiwu`, `25 to Yiwu`",
               class = "firmmove_error_not_offered")
})

test_that("a pair that is not available needs no tie", {
  lacking <- subset(small_ties(), to != "Yiwu")
  expect_error(migration_data(small_firms(), small_places(), lacking), class = "firmmove_error_missing_pairs")
  closed <- function(from, to, time) to != "Yiwu"
  expect_s3_class(migration_data(small_firms(), small_places(), lacking, available = closed), "migration_data")
  late <- function(from, to, time) to != "Yiwu" | time > 2000
  expect_s3_class(
    migration_data(panel_firms()[1:3, ], small_places(), lacking, time = "year", available = late),
    "migration_data"
  )
})

test_that("print and summary say what a person wants to know", {
  kin <- structure(data.frame(firm = c(11, 999), to = c("Guzhen", "Lucern"), kin = 1), default = 0)
  firms <- transform(small_firms(), group = c("x", "y", "x", NA, "x"), one = 1)
  data <- migration_data(firms, small_places(), list(road = small_ties(), kin = kin),
                         network = data.frame(firm = 11, peer = 77), weights = "size")
  expect_snapshot(print(data))
  expect_snapshot(summary(data))
  expect_snapshot(print(migration_data(panel_firms(), panel_places(), time = "year")))
  expect_snapshot(summary(migration_data(panel_firms(), panel_places(), time = "year")))
})

test_that("no movers and no choices are a warning when looked at", {
  stay <- transform(small_firms(), to = from)
  expect_snapshot(x <- print(migration_data(stay, small_places())))
  none <- transform(small_firms(), to = NA)
  expect_snapshot(x <- print(migration_data(none, small_places())))
})

test_that("the long table has a row per occasion and offered place", {
  ties <- subset(small_ties(), from != to)
  data <- migration_data(small_firms(), small_places(), ties,
                         available = function(from, to, time) !(to == "Yiwu" & from %in% "Guzhen"))
  long <- as.data.frame(data, long = TRUE)
  expect_equal(nrow(long), 11)
  expect_equal(long$occasion, rep(1:4, c(3, 3, 2, 3)))
  expect_equal(tapply(long$chosen, long$occasion, sum), tapply(rep(1, 4), 1:4, sum))
  weighted <- migration_data(transform(small_firms(), weight = 1:5), small_places(), weights = "size")
  expect_equal(as.data.frame(weighted, long = TRUE)$occasion.weight[c(1, 4)], c(20, 150))
  expect_equal(long$distance, c(0, 1050, 240, 0, 1050, 240, 1050, 0, 0, 0, 0))
  expect_equal(long$land_price[1:3], c(9, 5, 7))
  expect_identical(as.data.frame(data), small_firms())
})

test_that("subset() keeps rows of firms", {
  data <- migration_data(small_firms(), small_places(), small_ties(), weights = "size")
  part <- subset(data, size > 10)
  expect_equal(part$index$chosen, c(2L, 1L, 2L))
  expect_equal(part$weights, c(20, 150, 60))
  attr(data, "note") <- "SIMULATED: no firm in it exists."
  expect_output(print(subset(data, size > 10)), "SIMULATED")
  expect_snapshot(error = TRUE, subset(data, 1:2))
  expect_snapshot(error = TRUE, subset(data, size > 1e6))
})

test_that("bad tables and columns are named", {
  firms <- small_firms()
  places <- small_places()
  expect_snapshot(error = TRUE, {
    migration_data(as.matrix(firms), places)
    migration_data(NULL, places)
    migration_data(firms, towns)
    migration_data(firms[0, ], places)
    migration_data(firms, places[0, ])
    migration_data(firms, places[1, , drop = FALSE])
    migration_data(firms, places, firm = "firn")
    migration_data(firms, places, time = "month")
    migration_data(firms, places, firm = c("firm", "size"))
    migration_data(firms, places, from = "to")
    migration_data(firms, setNames(places, c("town", "rent")))
    migration_data(cbind(firms, size = 1), places)
    migration_data(transform(firms, firm = I(as.list(firm))), places)
  })
})

test_that("missing and repeated keys are named", {
  firms <- small_firms()
  places <- small_places()
  expect_snapshot(error = TRUE, {
    migration_data(transform(firms, firm = c(1, NA, 3, NA, 5)), places)
    migration_data(transform(firms, firm = c(1, 2, 1, 4, 5)), places)
    migration_data(rbind(panel_firms(), panel_firms()[2, ]), places, time = "year")
    migration_data(transform(panel_firms(), year = c(1999, NA, 1999, 2000)), places, time = "year")
    migration_data(firms, transform(places, place = c("Wenzhou", NA, "Yiwu")))
    migration_data(firms, rbind(places, places[2, ]))
    migration_data(panel_firms(), rbind(panel_places(), panel_places()[5, ]), time = "year")
    migration_data(panel_firms(), panel_places()[-(2:3), ], time = "year")
    migration_data(firms, places[places$place != "Guzhen", ])
    migration_data(transform(firms, from = c("Zouqu", "Zouqu", "Yiwu", NA, "Lucern")), places)
  })
})

test_that("bad ties are named", {
  firms <- small_firms()
  places <- small_places()
  ties <- small_ties()
  expect_snapshot(error = TRUE, {
    migration_data(firms, places, "distance")
    migration_data(firms, places, list(ties))
    migration_data(firms, places, list(a = ties, a = ties))
    migration_data(firms, places, list(firms = ties))
    migration_data(firms, places, list(road = as.matrix(ties)))
    migration_data(firms, places, list(road = ties[c("from", "distance")]))
    migration_data(firms, places, transform(ties, firm = 11))
    migration_data(firms, places, transform(ties, to = replace(to, 3, NA)))
    migration_data(firms, places, rbind(ties, ties[4:5, ]))
    migration_data(firms, places, ties[-c(4, 8), ])
    migration_data(firms, places, structure(ties, default = "none"))
  })
})

test_that("bad networks are named", {
  firms <- small_firms()
  places <- small_places()
  link <- data.frame(firm = c(11, 25), peer = c(25, 37))
  expect_snapshot(error = TRUE, {
    migration_data(firms, places, network = as.matrix(link))
    migration_data(firms, places, network = setNames(link, c("firm", "pear")))
    migration_data(firms, places, network = transform(link, peer = c(25, NA)))
    migration_data(firms, places, network = transform(link, peer = c(25, 25)))
    migration_data(firms, places, network = rbind(link, link))
    migration_data(firms, places, network = transform(link, weight = c(1, -1)))
  })
})

test_that("bad availability is named", {
  firms <- small_firms()
  places <- small_places()
  ties <- transform(small_ties(), open = to != "Guzhen" | from == "Guzhen")
  expect_snapshot(error = TRUE, {
    migration_data(firms, places, ties, available = TRUE)
    migration_data(firms, places, available = "open")
    migration_data(firms, places, ties, available = "opn")
    migration_data(firms, places, list(a = ties, b = ties), available = "open")
    migration_data(firms, places, ties, available = "distance")
    migration_data(firms, places, transform(ties, open = replace(open, 2, NA)), available = "open")
    migration_data(firms, places, ties, available = "open")
    migration_data(panel_firms(), places, time = "year", available = function(from, to, time) to != "Yiwu")
    migration_data(firms, places, available = function(from, to, time) TRUE)
    migration_data(firms, places, available = function(from, to, time) from == to)
  })
})

test_that("bad weights are named", {
  firms <- small_firms()
  places <- small_places()
  expect_snapshot(error = TRUE, {
    migration_data(firms, places, weights = "sise")
    migration_data(firms, places, weights = "from")
    migration_data(firms, places, weights = 1:3)
    migration_data(firms, places, weights = c(1, -1, NA, Inf, 1))
    migration_data(firms, places, weights = list(1))
  })
})

test_that("key columns of ties may have the names of firms, or plain ones", {
  firms <- small_firms()
  names(firms)[match(c("firm", "from", "to"), names(firms))] <- c("id", "o", "d")
  pairs <- expand.grid(from = small_places()$place, to = small_places()$place, stringsAsFactors = FALSE)
  pairs <- unique(pairs)
  pairs$km <- seq_len(nrow(pairs))
  time <- if ("year" %in% names(firms)) "year"
  plain <- migration_data(firms, small_places(), pairs, firm = "id", from = "o", to = "d", time = time)
  names(pairs)[1:2] <- c("o", "d")
  named <- migration_data(firms, small_places(), pairs, firm = "id", from = "o", to = "d", time = time)
  expect_identical(plain$ties, named$ties)
})

test_that("a million firms and a thousand places are coded at once", {
  skip_on_cran()
  n <- 1e6
  place <- sprintf("P%04d", 1:1000)
  draw <- function(k) place[(seq_len(n) * k) %% 1000 + 1]
  firms <- data.frame(firm = rev(seq_len(n)) + 5e6, from = draw(7919), to = draw(104729))
  ties <- data.frame(from = rep(place, each = 1000), to = place, d = 1)
  before <- gc(reset = TRUE)
  data <- migration_data(firms, data.frame(place = place), ties)
  # far below firms x places, which would be 8 GB
  expect_lt(sum(gc()[, 6]) - sum(before[, 2]), 500)
  expect_equal(length(data$firm), n)
})
