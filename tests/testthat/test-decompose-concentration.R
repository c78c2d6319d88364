# regions a..e in rows, industries A..E in columns (documentation of EconGeo)
five <- function() {
  m <- rbind(c(100, 0, 0, 0, 0), c(0, 15, 5, 70, 10), c(0, 20, 10, 20, 50), c(0, 25, 30, 5, 40), c(0, 40, 55, 5, 0))
  data.frame(region = rep(letters[1:5], 5), industry = rep(LETTERS[1:5], each = 5), size = as.vector(m))
}

random_plants <- function(n, regions = 8, industries = 6) {
  data.frame(
    plant = seq_len(n), region = sample(letters[seq_len(regions)], n, TRUE),
    industry = sample(LETTERS[seq_len(industries)], n, TRUE), jobs = stats::rexp(n)
  )
}

test_that("simple indices are the published ones", {
  d <- data.frame(region = 1:5, ind = c(0, 10, 10, 30, 50), pop = c(10, 15, 20, 25, 30))
  x <- concentration(d, "region", size = "ind", base = "pop")$industries
  expect_equal(x$hoover, 0.25, tolerance = 1e-12)
  expect_equal(x$locational_gini, 0.31, tolerance = 1e-12)
  expect_equal(x$gini, 0.48, tolerance = 1e-12)
  gini <- function(e) concentration(data.frame(e = e), size = "e")$industries$gini
  expect_equal(gini(c(0, 0, 0, 0, 1)), 0.8, tolerance = 1e-12)
  expect_equal(gini(c(0, 0, 0, 1, 1)), 0.6, tolerance = 1e-12)
  y <- concentration(five(), "region", "industry", "size")
  expect_equal(y$quotients$lq[y$quotients$region == "b"], c(0, .75, .25, 3.5, .5), tolerance = 1e-12)
  expect_equal(y$industries$locational_gini / 2, c(.40, .18, .27, .31, .28), tolerance = 1e-12)
  expect_equal(y$regions$krugman, c(1.6, 1, .6, .7, 1.1), tolerance = 1e-12)
})

test_that("Theil and the mean log deviation split between and within", {
  y <- data.frame(y = c(0, 0, 0, 10, 10, 10), block = rep(1:2, each = 3))
  x <- concentration(y, size = "y", area = "block")
  expect_equal(unlist(x$industries[c("theil", "theil_within", "theil_between")], use.names = FALSE), c(log(2), 0, log(2)),
               tolerance = 1e-12)
  expect_true(all(x$theil$within >= 0))
  expect_equal(x$industries$mld, Inf)
  w <- data.frame(y = 1:4 * 10, weight = 1:4)
  w$total <- w$y * w$weight
  expect_equal(concentration(w, size = "y")$industries$mld, .1217772743, tolerance = 1e-9)
  expect_equal(concentration(w, size = "y")$industries$theil, .1064401353, tolerance = 1e-9)
  expect_equal(concentration(w, size = "total", base = "weight")$industries$mld, .07588142151, tolerance = 1e-9)
  set.seed(1)
  p <- random_plants(300)
  p$area <- ifelse(p$region %in% c("a", "b", "c"), "west", "east")
  x <- concentration(p, "region", "industry", "jobs", area = "area")
  expect_lt(x$residual, 1e-12)
  by <- tapply(x$theil$mld_within + x$theil$mld_between, factor(x$theil$industry, x$industries$industry), sum)
  expect_equal(as.vector(by), x$industries$mld, tolerance = 1e-12)
})

test_that("Theil of the GDP per head of 32 Mexican states, within and between five regions, 1940 to 2000", {
  # states by row: seven years, region (Hanson 1998)
  table <- matrix(scan(quiet = TRUE, text = "
    10384 6234 8714 16078 21022 20787 27782 2 22361 20977 17865 25321 29283 26839 29855 1
    9573 16013 16707 24384 29038 25842 26103 2 3758 4929 5925 10274 12166 51123 36163 5
    2934 4138 5280 7015 16200 8637 8684 5 8578 13997 16265 19178 23399 25332 30735 1
    8537 9673 12318 20562 25688 26084 28460 1 6909 6049 6036 12551 17427 18313 21358 3
    17816 17119 23174 32386 42028 43810 54349 4 12132 8859 9323 12700 16726 17353 17379 2
    4359 5686 8209 11635 13864 13607 15585 3 2181 3629 4991 6497 8727 9084 11820 5
    4414 5194 6399 7767 12391 13091 12348 3 5309 8232 9953 16288 20659 20133 21610 3
    3408 4972 9053 17164 20165 18547 16322 4 3327 5272 5244 8109 11206 10980 11838 3
    6936 8962 10499 13892 16513 17701 18170 3 4836 7515 7621 10880 13354 12757 11478 2
    9073 11490 20117 28206 34856 34726 38672 1 1892 4538 4140 5230 7730 8465 9010 5
    3569 6415 6542 9775 13374 11895 15685 3 11016 5560 7110 14073 20088 22441 26149 3
    21965 28747 9677 17046 26695 25049 33442 5 4372 7533 6440 9721 12691 15436 15866 2
    4840 6663 9613 14477 15312 15823 15242 2 6399 10345 12134 22662 23181 24784 24068 1
    2459 3857 6494 9367 42361 16055 13360 5 7508 8536 8383 17128 21937 19983 23546 1
    3605 4178 4357 6245 9882 10339 11701 3 5203 10143 11404 12240 14252 13796 12191 3
    7990 8428 10067 11665 15239 13979 17509 5 3734 6435 5821 7426 8876 11656 11130 2"), 32, byrow = TRUE)
  long <- data.frame(state = rep(1:32, 7), region = rep(table[, 8], 7), year = rep(seq(1940, 2000, 10), each = 32),
                     gdp = as.vector(table[, 1:7]))
  x <- concentration(long, "state", size = "gdp", area = "region", time = "year")$industries
  expect_equal(x$theil, c(.2089434423, .1522245053, .1047294149, .1019472497, .0956011276, .1051125640, .1066083235),
               tolerance = 1e-9)
  expect_equal(x$theil_between,
               c(.0345889001, .0281685291, .0526092148, .0593121911, .0320525710, .0296373122, .0363587189),
               tolerance = 1e-8)
  expect_equal(x$theil_within, x$theil - x$theil_between, tolerance = 1e-12)
})

test_that("the weighted Gini does not depend on the order of rows", {
  d <- data.frame(total = c(50, 40, 40), weight = c(5, 2, 1))
  for (order in list(1:3, 3:1, c(2, 3, 1))) {
    x <- concentration(d[order, ], size = "total", base = "weight")$industries
    expect_equal(x$locational_gini, .2788461538, tolerance = 1e-9)
  }
})

test_that("Ellison-Glaeser and its standard error are those of random locations", {
  set.seed(3)
  share <- c(.4, .3, .2, .1)
  plants <- c(30, 20, 20, 10, 10, 5, 5)
  h <- sum((plants / 100)^2)
  draw <- function(k) {
    region <- factor(sample(letters[1:4], 7, TRUE, share), letters[1:4])
    sum((as.vector(tapply(plants, region, sum, default = 0)) / 100 - share)^2)
  }
  g <- vapply(1:4000, draw, 0)
  d <- data.frame(region = c(letters[1:4], "a", "a", "b", "b", "c", "c", "d"), jobs = c(0, 0, 0, 0, plants), x = NA)
  d$x <- share[match(d$region, letters)]
  x <- concentration(d, "region", size = "jobs", base = "x", plant = TRUE)$industries
  expect_equal(x$plants, 7)
  expect_equal(x$herfindahl, h, tolerance = 1e-12)
  room <- 1 - sum(share^2)
  expect_equal(x$ellison_glaeser, (x$g / room - h) / (1 - h), tolerance = 1e-12)
  expect_equal(x$std.error * room * (1 - h), stats::sd(g), tolerance = 0.05)
  expect_equal(mean(g), room * h, tolerance = 0.05)
  s <- c(50, 30, 15, 5) / 100
  expect_equal(x$maurel_sedillot, ((sum(s^2) - sum(share^2)) / room - h) / (1 - h), tolerance = 1e-12)
  given <- concentration(d, "region", size = "jobs", base = "x", herfindahl = h)$industries
  expect_equal(given$ellison_glaeser, x$ellison_glaeser, tolerance = 1e-12)
  expect_true(is.na(given$std.error))
})

test_that("co-agglomeration is the weighted mean of pairs and the published formula", {
  set.seed(4)
  p <- random_plants(400)
  p$sector <- ifelse(p$industry %in% c("A", "B", "C"), "light", "heavy")
  x <- concentration(p, "region", "industry", "jobs", plant = "plant", sector = "sector", pairs = TRUE)
  size <- tapply(p$jobs, p$industry, sum)[c("A", "B", "C")]
  w <- size / sum(size)
  inside <- x$pairs[x$pairs$industry %in% names(w) & x$pairs$partner %in% names(w), ]
  gamma <- x$coagglomeration$gamma[x$coagglomeration$sector == "light"]
  expect_equal(gamma, 2 * sum(w[inside$industry] * w[inside$partner] * inside$gamma) / (1 - sum(w^2)), tolerance = 1e-10)
  own <- x$industries[match(names(w), x$industries$industry), ]
  nation <- tapply(p$jobs, p$region, sum) / sum(p$jobs)
  light <- p[p$sector == "light", ]
  s <- tapply(light$jobs, light$region, sum) / sum(light$jobs)
  published <- (sum((s - nation)^2) / (1 - sum(nation^2)) - sum(w^2 * own$herfindahl) -
                  sum(own$ellison_glaeser * w^2 * (1 - own$herfindahl))) / (1 - sum(w^2))
  expect_equal(gamma, published, tolerance = 1e-10)
})

test_that("rows, names and units do not matter", {
  set.seed(5)
  p <- random_plants(200)
  a <- concentration(p, "region", "industry", "jobs", plant = TRUE)$industries
  q <- p[sample(nrow(p)), ]
  q$jobs <- q$jobs * 1000
  q$region <- factor(paste("region", q$region), levels = c("unused", unique(paste("region", p$region))))
  b <- concentration(q, "region", "industry", "jobs", plant = TRUE)$industries
  b <- b[match(a$industry, b$industry), ]
  row.names(b) <- NULL
  same <- setdiff(names(a), "size")
  expect_equal(b[same], a[same], tolerance = 1e-9)
})

test_that("plants with several rows, periods and references", {
  d <- data.frame(id = c(1, 1, 2, 3), region = c("a", "a", "b", "a"), industry = "A", jobs = c(1, 2, 3, 4), year = c(1, 1, 1, 1))
  x <- concentration(d, "region", "industry", "jobs", plant = "id")$industries
  expect_equal(x$plants, 3)
  expect_equal(x$herfindahl, (9 + 9 + 16) / 100)
  two <- rbind(five(), five())
  two$year <- rep(c(2001, 2000), each = 25)
  y <- concentration(two, "region", "industry", "size", time = "year")
  expect_equal(unique(y$industries$time), c(2000, 2001))
  expect_equal(y$regions$krugman[1:5], y$regions$krugman[6:10])
  rest <- concentration(five(), "region", "industry", "size", reference = "rest")
  expect_equal(rest$regions$krugman[1], 2)
  uniform <- concentration(five(), "region", "industry", "size", reference = "uniform")
  expect_equal(uniform$industries$gini, uniform$industries$locational_gini)
})

test_that("what cannot be computed is NA with its reason", {
  d <- data.frame(region = c("a", "b", "a", "b"), industry = c("A", "A", "B", "C"), jobs = c(1, 2, 3, 0))
  x <- concentration(d, "region", "industry", "jobs", plant = TRUE)$industries
  expect_equal(x$reason, c(NA, "one plant: Ellison-Glaeser is undefined", "the industry has no size"))
  expect_true(is.na(x$ellison_glaeser[2]) && is.na(x$hoover[3]))
  one <- concentration(data.frame(r = "a", jobs = 3), "r", size = "jobs", plant = TRUE)$industries
  expect_equal(one$reason, "all of the reference is in one region")
  expect_true(is.na(one$hhi_normalised))
  lone <- data.frame(region = c("a", "b"), industry = c("A", "B"), jobs = 1:2, sector = c("s", "t"))
  expect_true(all(is.na(concentration(lone, "region", "industry", "jobs", sector = "sector")$coagglomeration$gamma)))
})

test_that("a panel may be given as migration_data", {
  data <- migration_data(small_firms(), small_places())
  expect_error(concentration(data, "from", size = "size", plant = "firm"), class = "firmmove_error_missing_key")
  firms <- small_firms()[c(1, 2, 3, 5), ]
  y <- concentration(migration_data(firms, small_places()), "from", size = "size")
  expect_equal(y$industries$size, 233)
})

test_that("errors and prints", {
  d <- five()
  bad <- transform(d, size = ifelse(region == "c", -1, size))
  mixed <- transform(d, area = seq_along(size))
  expect_snapshot(error = TRUE, {
    concentration(d, "regoin", "industry", "size")
    concentration(bad, "region", "industry", "size")
    concentration(transform(d, size = 0), "region", "industry", "size")
    concentration(mixed, "region", "industry", "size", area = "area")
    concentration(d, "region", "industry", "size", herfindahl = c(A = .5))
    concentration(d, "region", "industry", "size", herfindahl = c(A = .5, B = 2, C = .1, D = .1, E = .1))
    concentration(transform(d, b = 1), "region", "industry", "size", base = "b", reference = "rest")
    concentration(d[0, ], "region", "industry", "size")
  })
  expect_snapshot(print(concentration(d, "region", "industry", "size")))
})

test_that("cells of few firms are blank, and so is what would give them away", {
  plants <- data.frame(
    town = rep(c("A", "B", "C"), c(12, 9, 7)), trade = c(rep("x", 8), rep("y", 4), rep("x", 7), rep("y", 2), rep("x", 3), rep("y", 4)),
    jobs = 1:28, id = 1:28
  )
  whole <- concentration(plants, "town", "trade", "jobs", plant = "id")
  x <- concentration(plants, "town", "trade", "jobs", plant = "id", min_firms = 3)
  cell <- function(town, trade) x$quotients$size[x$quotients$region == town & x$quotients$industry == trade]
  expect_identical(cell("B", "y"), NA_real_)
  # nor can it be had from its town or its trade
  expect_identical(cell("B", "x"), NA_real_)
  hidden <- is.na(x$quotients$size)
  expect_true(all(tapply(hidden, x$quotients$region, sum) != 1L) && all(tapply(hidden, x$quotients$industry, sum) != 1L))
  expect_identical(x$quotients$size[!hidden], whole$quotients$size[!hidden])
  expect_identical(x$industries$firms, c(18, 10))
  expect_identical(x$industries$size, whole$industries$size)
  expect_match(x$reference[2], "fewer than 3 firms")
  few <- concentration(plants, "town", "trade", "jobs", plant = "id", min_firms = 12)
  expect_true(all(is.na(few$industries$ellison_glaeser)))
  expect_match(few$industries$reason, "min_firms")
})
