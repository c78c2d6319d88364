set.seed(1)

# Rows region x industry x time from a list of regions, each a list with the sizes of all industries at each time.
growth_rows <- function(regions, times) {
  rows <- lapply(names(regions), function(r) {
    lapply(seq_along(times), function(k) {
      sizes <- regions[[r]][[k]]
      data.frame(region = r, industry = paste0("i", seq_along(sizes)), time = times[k], size = sizes)
    })
  })
  do.call(rbind, unlist(rows, recursive = FALSE))
}
growth_of <- function(data, ...) decompose_growth(data, "region", "industry", "time", "size", ...)
# estimates of one region (and industry) in the order of the components
estimates <- function(table, region, industry = NULL) {
  kept <- table$region == region
  if (!is.null(industry)) kept <- kept & table$industry == industry
  stats::setNames(table$estimate[kept], table$component[kept])
}
expect_figures <- function(object, expected, tolerance = 1e-9) {
  expect_equal(unname(object), expected, tolerance = tolerance)
}

holukuluku <- function() growth_rows(list(h = list(c(500, 100, 200, 200), c(1000, 100, 250, 280))), c(1985, 1995))
holukuluku_nation <- function() {
  growth_rows(list(n = list(c(100, 200, 400, 300), c(110, 240, 520, 420))), c(1985, 1995))
}
three_regions <- function() {
  growth_rows(list(
    a = list(c(90, 20, 10, 60), c(100, 40, 10, 55)),
    b = list(c(60, 30, 30, 40), c(85, 55, 40, 35)),
    c = list(c(250, 100, 110, 300), c(255, 115, 85, 390))
  ), 0:1)
}
random_growth <- function(regions = 5, industries = 4, times = 3, zeros = 0.2) {
  rows <- expand.grid(region = paste0("r", seq_len(regions)), industry = paste0("i", seq_len(industries)),
                      time = seq_len(times))
  # the first region has every industry, so that each has a national growth rate
  there <- stats::runif(nrow(rows)) > zeros | rows$region == "r1"
  rows$size <- (1 + round(stats::rexp(nrow(rows), 0.01))) * there
  rows
}

test_that("the table of Krumme comes out", {
  classic <- growth_of(holukuluku(), reference = holukuluku_nation())
  expect_figures(estimates(classic$regions, "h"), c(290, -80, 420))
  expected <- estimates(classic$components, "h")[c(1, 4, 7, 10)] + estimates(classic$components, "h")[c(2, 5, 8, 11)]
  expect_figures(c(500, 100, 200, 200) + expected, c(550, 120, 260, 280))
  expect_equal(sum(classic$totals$change), 630)
  expect_equal(sum(estimates(classic$regions, "h")[-1]), 340)

  esteban <- growth_of(holukuluku(), "esteban_marquillas", reference = holukuluku_nation())$components
  expect_equal(esteban$estimate[esteban$component == "competitive"], c(90, -40, -20, 0))
  expect_equal(esteban$estimate[esteban$component == "allocation"], c(360, 20, 10, 0))
  whole <- growth_of(holukuluku(), "esteban_marquillas", reference = holukuluku_nation())$regions
  expect_equal(whole$estimate[whole$component %in% c("competitive", "allocation")], c(30, 390))

  arcelus <- growth_of(holukuluku(), "arcelus", reference = holukuluku_nation())$components
  terms <- matrix(arcelus$estimate, 4, byrow = TRUE)
  expect_equal(terms, rbind(
    c(29, 116, -19, -76, 34, 136, 56, 224), c(58, -29, -18, 9, 68, -34, -108, 54),
    c(116, -58, 4, -2, 136, -68, -156, 78), c(87, -29, 33, -11, 102, -34, -102, 34)
  ))
  expect_equal(rowSums(terms), c(500, 0, 50, 80))
})

test_that("the nation may have industries that no region has", {
  local <- data.frame(region = "l", industry = "own", time = 0:1, size = c(99593, 99346))
  nation <- data.frame(industry = rep(c("own", "other"), each = 2), time = c(0, 1, 0, 1),
                       size = c(1687808, 1688864, 121044320 - 1687808, 129877063 - 1688864))
  result <- growth_of(local, reference = nation)
  expect_figures(estimates(result$regions, "l"), c(7267.4155516, -7205.1038384, -309.3117132))
  expect_equal(sum(result$regions$estimate), -247)
})

test_that("Farhauer and Kroell's regions come out", {
  dunn <- growth_of(three_regions())$regions
  expect_figures(dunn$estimate, c(27, 1, -3, 24, -1, 32, 114, 0, -29))
  esteban <- growth_of(three_regions(), "esteban_marquillas")$regions
  expect_figures(estimates(esteban, "a"), c(27, 1, -0.6363636364, -2.3636363636))
  expect_figures(estimates(esteban, "b"), c(24, -1, 18.42424242, 13.57575758))
  expect_figures(estimates(esteban, "c"), c(114, 0, -33.57190083, 4.571900826))
  index <- growth_of(three_regions(), "gerfin")$index
  expect_figures(estimates(index, "a"), c(1.0048309179, 0.9855769231, 0.9903381643))
})

test_that("Freiburg 2008 to 2014 in nine industries (official statistics), and regional terms that cancel over regions", {
  data <- growth_rows(list(
    freiburg = list(c(13004, 2931, 22492, 4503, 3361, 890, 12448, 34358, 6069),
                    c(12121, 3154, 25484, 4798, 3372, 1059, 14837, 42931, 6673)),
    germany = list(c(7073942, 1572378, 6248666, 841848, 990439, 220171, 3296029, 5905168, 1084708),
                   c(7155807, 1696961, 6674652, 925648, 996498, 232167, 3992230, 7127512, 1123004))
  ), c(2008, 2014))
  dunn <- growth_of(data, reference = "germany")
  expect_equal(sum(dunn$totals$change[dunn$totals$region == "freiburg"]), 14373)
  expect_equal(round(unname(estimates(dunn$regions, "freiburg")), 4), c(9887.2784, 2501.6119, 1984.1097))
  esteban <- estimates(growth_of(data, "esteban_marquillas", reference = "germany")$regions, "freiburg")
  expect_equal(round(esteban[["competitive"]], 5), 343.78685)
  expect_equal(round(esteban[["allocation"]], 5), 1640.32287)
  cells <- growth_of(random_growth())$components
  regional <- cells[cells$component == "regional", ]
  expect_lt(max(abs(rowsum(regional$estimate, paste(regional$industry, regional$end)))), 1e-9)
})

test_that("the dynamic method sums the steps, which the end points do not", {
  data <- growth_rows(list(
    nation = list(c(400, 150, 150, 400), c(440, 210, 135, 480), c(460, 230, 155, 500)),
    a = list(c(90, 20, 10, 60), c(100, 40, 10, 55), c(105, 45, 15, 60))
  ), c(2008, 2009, 2011))
  dynamic <- growth_of(data, "dynamic", reference = "nation")
  expect_figures(estimates(dynamic$steps, "a"), c(27, 1, -3, 12.9644268775, -0.8363003743, 7.8718734969))
  expect_figures(estimates(dynamic$regions, "a"), c(39.9644268775, 0.1636996257, 4.8718734969))
  ends <- growth_of(data, reference = "nation")
  expect_figures(estimates(ends$regions, "a"), c(40.0909090909, -0.5909090909, 5.5))
  expect_equal(sum(dynamic$regions$estimate), sum(ends$regions$estimate))
})

test_that("Spiekermann and Wegener's indices and forecast come out", {
  data <- growth_rows(list(
    r1 = list(c(1400, 3600), c(1000, 4400)), r2 = list(c(1200, 1800), c(1100, 3700)),
    r3 = list(c(1100, 900), c(800, 1000))
  ), c(1990, 2000))
  result <- growth_of(data, "gerfin", forecast = data.frame(industry = c("i1", "i2"), size = c(2500, 12500)))
  component <- function(x) result$index$estimate[result$index$component == x]
  expect_figures(component("mix"), c(1.04954955, 0.9834834835, 0.9009009009))
  expect_figures(component("region"), c(0.8575107296, 1.355725191, 0.8325))
  expect_equal(component("total"), component("mix") * component("region"))
  expect_figures(result$forecast$estimate,
                 c(739.2333876, 1285.601474, 574.137931, 5182.757157, 6890.361547, 1143.543956))
})

test_that("an industry that is new to a region is no problem", {
  data <- growth_rows(list(r = list(c(10, 0), c(12, 5)), n = list(c(100, 50), c(110, 60))), 0:1)
  dunn <- growth_of(data, reference = "n")
  expect_figures(estimates(dunn$regions, "r"), c(4 / 3, -1 / 3, 6))
  for (method in c("esteban_marquillas", "arcelus", "multifactor")) {
    result <- growth_of(data, method, reference = "n")
    expect_equal(estimates(result$regions, "r")[["no_base"]], 5)
    expect_equal(sum(result$regions$estimate), 7)
  }
})

test_that("spatial weights act on sizes", {
  data <- three_regions()
  w <- matrix(c(0, 1, 1, 1, 0, 0, 1, 0, 0), 3, dimnames = list(c("a", "b", "c"), NULL))
  result <- growth_of(data, "spatial", neighbours = w)
  size <- function(region, time) data$size[data$region == region & data$time == time]
  rate <- (size("b", 1) + size("c", 1)) / (size("b", 0) + size("c", 0)) - 1
  own <- estimates(result$regions, "a")
  expect_equal(own[["national"]], sum(size("a", 0)) * 0.15)
  expect_equal(own[["neighbour_mix"]], sum(size("a", 0) * (rate - 0.15)))
  expect_equal(own[["regional"]], sum(size("a", 1) - size("a", 0) * (1 + rate)))
  table <- data.frame(c("c", "a", "b", "a"), c("a", "c", "a", "b"), 1)
  expect_equal(growth_of(data, "spatial", neighbours = table)$regions, result$regions)
  expect_equal(growth_of(data, "spatial", neighbours = w[3:1, ][, 3:1])$regions, result$regions)
  island <- growth_of(data, "spatial", neighbours = w * c(1, 0, 1))
  expect_true(all(is.na(estimates(island$regions, "b")[c("neighbour_mix", "regional")])))
  expect_match(island$notes$note, "`b` without a neighbour")
})

test_that("with everybody a neighbour the spatial method compares with the rest", {
  data <- random_growth(zeros = 0)
  spatial <- growth_of(data, "spatial", neighbours = 1 - diag(5), reference = "rest")
  expect_equal(spatial$regions$estimate, growth_of(data, reference = "rest")$regions$estimate)
})

test_that("multifactor rates add up to the growth of the region, cells to that of the cell", {
  data <- random_growth(zeros = 0)
  result <- growth_of(data, "multifactor")
  rates <- matrix(result$rates$estimate, 5, dimnames = list(unique(result$rates$component), NULL))
  expect_equal(unname(colSums(rates[1:4, ])), unname(rates["growth", ]))
  # the same from standardised rates
  size <- xtabs(size ~ region + industry + time, data)
  nation <- colSums(size[, , 1]) / sum(size[, , 1])
  region <- rowSums(t(nation * t(size[, , 3] / size[, , 1]))) - sum(size[, , 3]) / sum(size[, , 1])
  expect_equal(unname(rates["region", ]), unname(region))
  cells <- matrix(result$cells$estimate, 5)
  expect_equal(cells[1, ], colSums(cells[2:5, ]))
  expect_equal(colSums(nation * matrix(cells[5, ], 4)), rep(0, 5))
})

test_that("the parts add up to the change, whatever the method", {
  for (draw in 1:20) {
    data <- random_growth()
    for (method in c("dunn", "esteban_marquillas", "arcelus", "dynamic", "multifactor")) {
      result <- growth_of(data, method)
      sums <- tapply(result$components$estimate, result$components[c("region", "industry")], sum)
      change <- tapply(result$totals$change, result$totals[c("region", "industry")], sum)
      expect_equal(sums, change, tolerance = 1e-10)
      expect_true(all(abs(result$residual$residual) < 1e-10 * max(data$size)))
    }
    dunn <- growth_of(data)$components
    regional <- dunn[dunn$component == "regional", ]
    expect_equal(as.vector(tapply(regional$estimate, regional$industry, sum)), rep(0, 4))
    mix <- dunn[dunn$component == "industry_mix", ]
    expect_lt(abs(sum(mix$estimate)), 1e-9 * sum(data$size))
  }
})

test_that("row order, types of ids, units and split rows do not matter", {
  data <- random_growth()
  result <- growth_of(data)$regions
  shuffled <- data[sample(nrow(data)), ]
  shuffled$region <- as.character(shuffled$region)
  again <- growth_of(shuffled)$regions
  expect_equal(again[order(again$region), ]$estimate, result$estimate)
  expect_equal(growth_of(transform(data, size = 1000 * size))$regions$estimate, 1000 * result$estimate)
  split <- rbind(transform(data, size = size / 2), transform(data, size = size / 2))
  expect_equal(growth_of(split)$regions, result)
  skip_if_not_installed("data.table")
  expect_equal(growth_of(data.table::as.data.table(data))$regions, result)
})

# ---- firms --------------------------------------------------------------------------------------------------

random_firms <- function(n = 200, times = 2) {
  firms <- do.call(rbind, lapply(seq_len(times), function(time) {
    data.frame(firm = seq_len(n), time = time, region = sample(letters[1:4], n, TRUE),
               industry = sample(c("lamps", "shoes", "pens"), n, TRUE), size = round(stats::rexp(n, 0.05)) + 1)
  }))
  firms[stats::runif(nrow(firms)) < 0.8, ]
}

test_that("the regional term is split by what firms did", {
  firms <- data.frame(
    firm = c("s", "d", "e", "o", "w", "s", "b", "e", "o", "w"), time = rep(0:1, each = 5),
    region = c("W", "W", "W", "G", "G", "W", "W", "G", "G", "W"), industry = "lamps",
    size = c(100, 20, 80, 100, 100, 120, 30, 90, 110, 130)
  )
  result <- growth_of(firms, firm = "firm")
  g <- 480 / 400
  expect_equal(estimates(result$regional, "W"),
               c(stayers = 120 - g * 100, births = 30, deaths = -g * 20, immigration = 130, emigration = -g * 80))
  flows <- result$flows
  expect_equal(flows[flows$region == "W", "estimate"], c(130, -g * 80))
  expect_equal(flows$partner, c("G", "G", "W", "W"))
  expect_equal(flows$firms, rep(1L, 4))
})

test_that("what firms did adds up to the regional term", {
  for (draw in 1:10) {
    firms <- random_firms()
    result <- growth_of(firms, firm = "firm")
    parts <- tapply(result$regional$estimate, result$regional[c("region", "industry")], sum)
    whole <- result$components[result$components$component == "regional", ]
    expect_equal(parts, tapply(whole$estimate, whole[c("region", "industry")], sum))
    moves <- result$regional$component %in% c("immigration", "emigration")
    expect_equal(sum(result$regional$estimate[moves]), sum(result$flows$estimate))
    expect_equal(growth_of(firms)$regions, result$regions)
  }
})

test_that("a firm that comes back was neither dead nor born, one that changes industry has not moved", {
  firms <- data.frame(
    firm = c(1, 2, 3, 2, 3, 1, 2, 3), time = c(0, 0, 0, 1, 1, 2, 2, 2), region = "W",
    industry = c("lamps", "lamps", "lamps", "lamps", "shoes", "lamps", "lamps", "shoes"), size = 10
  )
  table <- growth_of(firms, "dynamic", firm = "firm")$regional
  lamps <- estimates(table, "W", "lamps")
  expect_equal(lamps[c("births", "deaths")], c(births = 0, deaths = 0))
  expect_true(lamps[["gap_out"]] < 0 && lamps[["gap_in"]] > 0 && lamps[["switch_out"]] < 0)
  expect_gt(estimates(table, "W", "shoes")[["switch_in"]], 0)
})

test_that("moves to the region that is the reference are moves", {
  firms <- data.frame(
    firm = c(1, 2, 3, 1, 2, 3), time = rep(0:1, each = 3), region = c("W", "W", "rest", "rest", "W", "rest"),
    industry = "lamps", size = c(10, 20, 30, 12, 25, 31)
  )
  result <- growth_of(firms, firm = "firm", reference = "rest")
  expect_equal(result$flows$partner, "rest")
  expect_equal(estimates(result$regional, "W")[["deaths"]], 0)
  expect_equal(sum(result$regional$estimate), estimates(result$regions, "W")[["regional"]])
})

test_that("a migration_data brings its own regions, times and firms", {
  data <- wenzhou_guzhen()
  result <- decompose_growth(data, industry = "segment", size = "jobs")
  jobs <- data$firms[!is.na(data$firms$to), ]
  expect_equal(sum(result$totals$size_end), sum(jobs$jobs[jobs$year == max(jobs$year)]))
  expect_true(all(abs(result$residual$residual) < 1e-8 * sum(jobs$jobs)))
  emigration <- result$flows[result$flows$component == "emigration" & result$flows$region == "Wenzhou", ]
  expect_true("Guzhen" %in% emigration$partner)
})

test_that("bad input is named", {
  data <- three_regions()
  firms <- data.frame(firm = c(1, 1, 1), time = c(0, 0, 1), region = "W", industry = "lamps", size = 1)
  expect_snapshot(error = TRUE, {
    growth_of(transform(data, size = ifelse(time == 0, size, NA)))
    growth_of(transform(data, size = size - 50))
    growth_of(transform(data, size = as.character(size)))
    growth_of(data[data$time == 0, ])
    growth_of(firms, firm = "firm")
    growth_of(data, "spatial")
    growth_of(data, "spatial", neighbours = diag(3))
    growth_of(data, "spatial", neighbours = diag(2))
    growth_of(data, "spatial", neighbours = data.frame("a", "z", 1))
    growth_of(data, neighbours = diag(3))
    growth_of(data, forecast = data)
    growth_of(data, "gerfin", firm = "region")
    growth_of(data, reference = "nation")
    growth_of(data, reference = data[data$industry != "i2", ])
    growth_of(data, reference = data[data$time == 0, ])
    growth_of(data, "gerfin", forecast = data.frame(industry = "i1", size = 1))
    decompose_growth(data, "region", "sector", "time", "size")
  })
})

test_that("an industry that the reference lacks at the start is NA with a reason", {
  data <- growth_rows(list(r = list(c(10, 5), c(12, 5)), s = list(c(100, 0), c(110, 60))), 0:1)
  result <- growth_of(data, reference = "rest")
  expect_true(is.na(estimates(result$regions, "r")[["regional"]]))
  expect_false(anyNA(estimates(result$regions, "s")))
  expect_snapshot(result$notes$note)
})

test_that("a row of totals is noticed", {
  data <- three_regions()
  total <- aggregate(size ~ industry + time, data, sum)
  expect_snapshot(invisible(growth_of(rbind(data, cbind(region = "all", total)))))
})

test_that("listw of spdep are weights", {
  data <- three_regions()
  w <- matrix(c(0, 1, 1, 1, 0, 0, 1, 0, 0), 3, dimnames = list(c("a", "b", "c"), NULL))
  listed <- structure(
    list(neighbours = structure(list(2:3, 1L, 1L), region.id = c("a", "b", "c")), weights = list(c(1, 1), 1, 1)),
    class = c("listw", "nb")
  )
  expect_equal(growth_of(data, "spatial", neighbours = listed)$regions, growth_of(data, "spatial", neighbours = w)$regions)
})

# the residual is rounding, which differs between machines
scrub <- function(lines) sub("(largest residual: ).*", "\\1...", lines)
test_that("print adds up from start to end", {
  firms <- data.frame(
    firm = c("s", "d", "e", "o", "w", "s", "b", "e", "o", "w"), time = rep(c(1997, 2003), each = 5),
    region = c("W", "W", "W", "G", "G", "W", "W", "G", "G", "W"), industry = "lamps",
    size = c(100, 20, 80, 100, 100, 120, 30, 90, 110, 130)
  )
  expect_snapshot(transform = scrub, {
    growth_of(three_regions())
    growth_of(firms, firm = "firm")
    growth_of(three_regions(), "gerfin")
  })
})
