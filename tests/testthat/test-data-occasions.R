# From a register to occasions: figures by hand, the way there and back on the bundled data, and the traps of registers.
register <- data.frame(
  id = c(1, 1, 1, 2, 2, 3, 3, 4), year = c(2001, 2002, 2003, 2001, 2002, 2001, 2003, 2002),
  town = c("Wenzhou", "Guzhen", "Guzhen", "Wenzhou ", "Wenzhou", "wenzhou", "Guzhen", "Guzhen"), jobs = 11:18
)
make <- function(data = register, ...) as_occasions(data, firm = "id", place = "town", time = "year", ...)
plain <- function(x) as.data.frame(x)
count_of <- function(x, what) {
  counts <- summary(x)$counts
  counts$rows[counts$what == what]
}

test_that("a panel becomes occasions, by hand", {
  made <- plain(make())
  expect_identical(made$id, c(1, 1, 1, 2, 2, 2, 3, 3, 4, 4))
  expect_identical(made$year, c(2001, 2002, 2003, 2001, 2002, 2003, 2001, 2003, 2002, 2003))
  expect_identical(made$from, c(NA, "Wenzhou", "Guzhen", NA, "Wenzhou", "Wenzhou", NA, NA, NA, "Guzhen"))
  expect_identical(
    made$to, c("Wenzhou", "Guzhen", "Guzhen", "Wenzhou", "Wenzhou", NA, "Wenzhou", "Guzhen", "Guzhen", NA)
  )
  expect_identical(as.character(made$event), c(
    "first", "move", "stay", "first", "stay", "closure", "first", "return", "birth", "closure"
  ))
  # a closure has the attributes of the last row
  expect_identical(made$jobs, c(11L, 12L, 13L, 14L, 15L, 15L, 16L, 17L, 18L, 18L))
})

test_that("gaps are what the user says", {
  third <- function(gaps) subset(plain(make(gaps = gaps, before = "jobs")), id == 3, c(year, from, to, event, jobs))
  carried <- third("carry")
  expect_identical(carried$from, c(NA, "Wenzhou"))
  expect_identical(as.character(carried$event), c("first", "move"))
  expect_identical(carried$jobs, c(NA, 16L))
  left <- third("exit")
  expect_identical(left$year, c(2001, 2002, 2003))
  expect_identical(as.character(left$event), c("first", "closure", "return"))
  expect_identical(left$to, c("Wenzhou", NA, "Guzhen"))
})

test_that("the bundled panel comes back, with its closures", {
  lamps <- wenzhou_guzhen()
  firms <- lamps$firms
  seen <- firms[!is.na(firms$to), ]
  panel <- data.frame(firm = seen$firm, year = seen$year, town = seen$to)
  made <- as_occasions(panel[sample(nrow(panel)), ], place = "town", time = "year")
  table <- plain(made)
  at <- match(paste(seen$firm, seen$year), paste(table$firm, table$year))
  known <- table$event[at] %in% c("stay", "move")
  expect_identical(table$from[at][known], as.character(seen$from)[known])
  expect_identical(table$to[at], as.character(seen$to))
  expect_identical(as.vector(table(table$event)), c(489L, 1004L, 15479L, 545L, 0L, 345L))
  expect_identical(count_of(made, "moves"), 545)
  # the model takes them without a word on rows of firms that are not there
  moves <- as_occasions(panel, place = "town", time = "year", events = c("stay", "move"))
  expect_silent(data <- migration_data(moves, lamps$places, lamps$ties$ties$data, time = "year"))
  whole <- migration_data(firms[paste(firms$firm, firms$year) %in% paste(table$firm, table$year)[
    table$event %in% c("stay", "move")
  ], ], lamps$places, lamps$ties$ties$data, time = "year")
  form <- ~ push(land_price) + log(distance)
  expect_equal(coef(fit_migration(form, data)), coef(fit_migration(form, whole)), tolerance = 1e-8)
})

test_that("a renamed place, a merger and a wave are told apart, and recode takes the table", {
  lamps <- wenzhou_guzhen()
  seen <- lamps$firms[!is.na(lamps$firms$to), ]
  panel <- data.frame(firm = seen$firm, year = seen$year, town = seen$to)
  plainly <- as_occasions(panel, place = "town", time = "year")
  expect_null(summary(plainly)$suspected)
  panel$town[panel$town == "Guzhen" & panel$year >= 2000] <- "Guzhen town"
  made <- as_occasions(panel, place = "town", time = "year")
  found <- summary(made)$suspected
  expect_identical(found, data.frame(
    from = "Guzhen", to = "Guzhen town", time = 2000L, firms = 146L, of = 146L, kind = "new name"
  ))
  again <- as_occasions(panel, place = "town", time = "year", recode = found)
  expect_null(summary(again)$suspected)
  expect_identical(plain(again)$event, plain(plainly)$event)
  expect_identical(summary(again)$codes$why, "recode")

  panel <- expand.grid(year = 2000:2003, firm = 1:60)
  panel$town <- c("a", "b", "c")[(panel$firm - 1) %/% 20 + 1]
  panel$town[panel$town == "a" & panel$year >= 2002] <- "b"
  expect_identical(summary(as_occasions(panel, place = "town", time = "year"))$suspected$kind, "merger")
})

test_that("codes are mended, told, and follow the reference", {
  panel <- data.frame(id = 1:6, year = 2000, town = c("03872", "3872", " 261", "261", "n", "N"))
  made <- make(panel)
  expect_identical(plain(made)$to, c("03872", "03872", "261", "261", "n", "n"))
  expect_setequal(summary(made)$codes$why, c("zeros in front", "blanks", "capitals"))
  reference <- data.frame(place = c("3872", "00261", "N"))
  expect_identical(plain(make(panel, places = reference))$to, c("3872", "3872", "00261", "00261", "N", "N"))
  # two places that differ by zeros only are two places
  both <- data.frame(place = c("3872", "03872", "261", "N"))
  expect_identical(plain(make(panel, places = both))$to[1:2], c("03872", "3872"))
  # labels instead of codes
  panel$town <- structure(c(1, 1, 2, 2, 1, 2), labels = c(Wenzhou = 1, Guzhen = 2), class = c("haven_labelled", "double"))
  expect_identical(plain(make(panel))$to, c("Wenzhou", "Wenzhou", "Guzhen", "Guzhen", "Wenzhou", "Guzhen"))
})

test_that("a wide panel made long has no closures before birth", {
  wide <- merge(expand.grid(id = 1:4, year = 2001:2003), register, all.x = TRUE)
  expect_equal(plain(make(wide))[c("id", "year", "from", "to", "event")],
    plain(make())[c("id", "year", "from", "to", "event")],
    ignore_attr = TRUE
  )
  expect_identical(count_of(make(wide), "rows without a place, dropped"), 4)
})

test_that("a firm twice in a period is an error, or its main place", {
  twice <- rbind(register, data.frame(id = 1, year = 2002, town = "Foshan", jobs = 3L))
  expect_error(make(twice), "`1 in 2002`", class = "firmmove_error_duplicate")
  expect_identical(plain(make(twice, weight = "jobs"))$to[2], "Guzhen")
  twice$jobs[9] <- 40L
  expect_identical(plain(make(twice, weight = "jobs"))$to[2], "Foshan")
  # sums decide, not the largest establishment
  several <- rbind(twice, data.frame(id = 1, year = 2002, town = "Guzhen", jobs = 39L))
  expect_identical(plain(make(several, weight = "jobs"))$to[2], "Guzhen")
  repeated <- make(rbind(register, register[2, ]))
  expect_identical(count_of(repeated, "rows that repeat another, dropped"), 1)
  expect_identical(plain(repeated)$event, plain(make())$event)
})

test_that("spells become periods", {
  spells <- data.frame(
    id = c(1, 1, 2, 3, 3, 3), town = c("Wenzhou", "Guzhen", "Wenzhou", "Wenzhou", "Foshan", "Guzhen"),
    begin = as.Date(c("1999-03-01", "2001-06-30", "2000-01-15", "1999-01-01", "2000-02-01", "2000-05-01")),
    end = as.Date(c("2001-06-30", NA, "2002-02-28", "2000-02-01", "2000-05-01", NA))
  )
  made <- make(spells, begin = "begin", end = "end")
  table <- plain(made)
  expect_identical(table$year, c(1999:2002, 2000:2002, 1999:2002))
  expect_identical(table$to, c(
    "Wenzhou", "Wenzhou", "Guzhen", "Guzhen", "Wenzhou", "Wenzhou", NA, "Wenzhou", "Guzhen", "Guzhen", "Guzhen"
  ))
  expect_identical(count_of(made, "spells that no period sees (double moves)"), 1)
  years <- data.frame(id = c(1, 1), town = c("a", "b"), begin = c(1990, 1993), end = c(1993, 1994))
  expect_identical(plain(make(years, begin = "begin", end = "end"))$to, c("a", "a", "a", "b", "b"))
  years$end[1] <- 1994
  expect_error(make(years, begin = "begin", end = "end"), "spells that overlap", class = "firmmove_error_duplicate")
  years$end <- c(1989, NA)
  expect_error(make(years, begin = "begin", end = "end"), "end.* before", class = "firmmove_error_spells")
})

test_that("addresses go to the nearest place, and moves have a length", {
  places <- data.frame(place = c("Wenzhou", "Guzhen"), lon = c(120.70, 113.19), lat = c(28.00, 22.61))
  at <- data.frame(
    id = c(1, 1, 2, 2), year = c(1, 2, 1, 2), lon = c(120.7, 113.2, 113.1, 113.3), lat = c(28, 22.6, 22.6, 22.7)
  )
  made <- as_occasions(at, "id", time = "year", places = places, coordinates = c("lon", "lat"))
  expect_identical(plain(made)$to, c("Wenzhou", "Guzhen", "Guzhen", "Guzhen"))
  # the haversine written out
  haversine <- function(a, b) {
    r <- pi / 180
    h <- sin((b[2] - a[2]) * r / 2)^2 + cos(a[2] * r) * cos(b[2] * r) * sin((b[1] - a[1]) * r / 2)^2
    2 * 6371.0088 * asin(sqrt(h))
  }
  expect_equal(plain(made)$moved[2], haversine(c(120.7, 28), c(113.2, 22.6)))
  ties <- place_distances(places)
  expect_equal(ties$distance, rep(haversine(c(120.70, 28), c(113.19, 22.61)), 2))
  expect_identical(names(place_distances(places, from = "o", to = "d")), c("o", "d", "distance"))
  expect_identical(place_distances(places, origins = "Guzhen")$to, "Wenzhou")
  far <- as_occasions(at, "id", time = "year", places = places, coordinates = c("lon", "lat"), within = 10)
  expect_identical(count_of(far, "addresses too far from every place"), 1)
  flat <- data.frame(place = c("a", "b"), lon = c(0, 3000), lat = c(0, 4000))
  expect_equal(place_distances(flat)$distance, c(5000, 5000))
  # nearest by hand, for many
  set.seed(1)
  many <- data.frame(place = 1:40, lon = runif(40, 100, 120), lat = runif(40, 20, 40))
  points <- data.frame(firm = 1:300, time = 1, lon = runif(300, 100, 120), lat = runif(300, 20, 40))
  nearest <- vapply(1:300, function(k) {
    which.min(vapply(1:40, function(j) haversine(unlist(points[k, 3:4]), unlist(many[j, 2:3])), 0))
  }, 0L)
  found <- as_occasions(points, places = many, coordinates = c("lon", "lat"))
  expect_identical(as.integer(plain(found)$to), nearest)
})

test_that("what cannot be mended is an error that names it", {
  expect_error(make(recode = data.frame(a = c("x", "x"), b = c("y", "z"))), "more than one new id", class = "firmmove_error")
  expect_error(make(recode = data.frame(a = c("x", "y"), b = c("y", "x"))), "circle", class = "firmmove_error")
  expect_error(make(transform(register, from = 1)), "has a column `from`", class = "firmmove_error")
  expect_error(make(events = "moved"), "Did you mean `move`", class = "firmmove_error")
  expect_error(as_occasions(register, firm = "ID"), "no column `ID`", class = "firmmove_error")
  expect_error(as_occasions(1), "must be a data frame", class = "firmmove_error")
  expect_error(make(mistyped = 1), "no such argument", class = "firmmove_error")
  # chains of codes go to their end
  chain <- make(recode = data.frame(old = c("Wenzhou", "Lucheng"), new = c("Lucheng", "Ouhai")))
  expect_true(all(plain(chain)$to %in% c("Ouhai", "Guzhen", NA)))
})

test_that("the print fits the console", {
  withr_width <- options(width = 60)
  on.exit(options(withr_width))
  lines <- capture.output(print(make()))
  expect_lte(max(nchar(lines)), 60)
  expect_true(any(grepl("closures", lines)))
})

test_that("the messy files of the vignette become a fit, every trap told", {
  file <- function(name) system.file("extdata", name, package = "firmmove")
  panel <- read.csv2(file("register-firms.csv"), colClasses = c(town = "character"))
  towns <- read.csv2(file("register-towns.csv"), colClasses = c(town = "character"))
  codes <- read.csv2(file("register-codes.csv"), colClasses = "character")
  moves <- as_occasions(panel, "firm", "town", "year", places = towns, recode = codes, before = "jobs")
  report <- summary(moves)
  expect_true(all(plain(moves)$to %in% c(towns$town, NA)))
  expect_setequal(report$codes$why, c("blanks", "no place", "recode", "zeros in front"))
  expect_null(report$suspected)
  expect_identical(count_of(moves, "rows that repeat another, dropped"), 8)
  expect_identical(count_of(moves, "rows without a place, dropped"), 40)
  # without the table of codes the new one is suspected
  without <- summary(as_occasions(panel, "firm", "town", "year"))$suspected
  expect_identical(c(without$from, without$to, without$kind), c("0579", "0580", "new name"))
  chooses <- subset(plain(moves), event %in% c("stay", "move"))
  expect_silent(data <- migration_data(chooses, towns, place_distances(towns, "town"), place = "town", time = "year"))
  fit <- fit_migration(~ rent + log(distance) + keep(log(jobs)), data)
  # the draw has -0.15 for the rent
  limits <- confint(fit)["rent", ]
  expect_true(limits[[1]] < -0.15 && -0.15 < limits[[2]])
  expect_lt(limits[[2]], 0)
})
