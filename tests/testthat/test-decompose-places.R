places_of <- function(data, ...) {
  suppressWarnings(decompose_places(data, "y", "firm", "place", "time", ...))
}
estimates <- function(x, estimator) {
  table <- x$variance[x$variance$estimator == estimator, ]
  c(table$estimate[1L], table$estimate[2L] / 2, table$estimate[3L])
}

test_that("twelve firms worked by hand", {
  data <- twelve_firms()
  x <- places_of(data, controls = NULL, groups = list(A = "A", B = "B"))
  expect_equal(x$places$effect - x$places$effect[1L], c(0, .367644230769, -.028894230769), tolerance = 1e-11)
  expect_equal(x$firms$effect[x$firms$firm == "f01"], 2.52584134615, tolerance = 1e-11)
  expect_equal(x$places$std.error, c(.051521562518, .046027491343, .068852095082), tolerance = 1e-10)
  expect_equal(sqrt(diag(vcov(x))), setNames(x$places$std.error, c("A", "B", "C")))
  expect_equal(estimates(x, "plugin"), c(.032516337793, .013768165071, .212329022299), tolerance = 1e-11)
  expect_equal(estimates(x, "homoskedastic"), c(.031336873655, .014475147591, .209023390877), tolerance = 1e-11)
  expect_equal(estimates(x, "leave_out"), c(.030110809260, .015472244471, .207342136255), tolerance = 1e-11)
  expect_equal(x$variance$estimate[6L], .280177636940, tolerance = 1e-11)
  expect_equal(x$variance$std.error[13L], .003985508733, tolerance = 1e-10)
  expect_equal(x$gap$estimate[1:2], c(.455069444444, .367644230769), tolerance = 1e-11)
  expect_equal(estimates(places_of(data, controls = NULL, leave = "match"), "leave_out")[1:2], c(.030059547540, .015544247750),
    tolerance = 1e-10)
  expect_equal(estimates(places_of(data, controls = NULL, leave = "row"), "leave_out"), c(.029684144630, .015771434704, .207342136255),
    tolerance = 1e-10)
  expect_equal(x$places$rows, c(18, 16, 13))
  expect_warning(decompose_places(data, "y", "firm", "place", "time", controls = NULL), "2.3 movers a place", class = "firmmove_warning_few_movers")
})

test_that("terms add up, and a constant added to performance changes nothing", {
  data <- twelve_firms()
  x <- places_of(data)
  expect_lt(max(abs(x$residual$residual)), 1e-14)
  expect_equal(x$places$value, x$places$effect + x$places$who + x$places$controls, tolerance = 1e-14)
  sums <- tapply(x$variance$estimate[x$variance$component != "total"], x$variance$estimator[x$variance$component != "total"], sum)
  expect_equal(as.vector(sums), rep(x$variance$estimate[6L], 3L), tolerance = 1e-13)
  for (leave in c("row", "match", "firm")) {
    one <- places_of(data, leave = leave)
    more <- places_of(transform(data, y = y + 10), leave = leave)
    expect_equal(more$variance, one$variance, tolerance = 1e-9)
    expect_equal(more$places$effect, one$places$effect, tolerance = 1e-9)
  }
})

test_that("controls, weights and ways of leaving out agree with algebra over all rows", {
  set.seed(1)
  data <- panel_of_movers(40, 5, 4, gaps = 0.1)
  data <- data[ave(data$y, data$firm, FUN = length) > 1, ]
  data$age <- rnorm(nrow(data))
  data$jobs <- runif(nrow(data))
  periods <- model.matrix(~ factor(time), data)[, -1L]
  for (leave in c("row", "match", "firm")) {
    x <- places_of(data, controls = ~ time + age, weight = "jobs", leave = leave)
    expected <- dense_places(data, cbind(periods, data$age), data$jobs / sum(data$jobs), leave)
    expect_equal(estimates(x, "plugin"), unname(expected$plug), tolerance = 1e-10)
    expect_equal(estimates(x, "homoskedastic"), unname(expected$homo), tolerance = 1e-10)
    expect_equal(estimates(x, "leave_out"), unname(expected$out), tolerance = 1e-10)
  }
  expect_true(expected$variance < 0 && is.na(x$variance$std.error[13L]))
  expect_equal(unname(vcov(x)), unname(expected$covariance), tolerance = 1e-9)
  expect_equal(unname(coef(x)), unname(expected$psi), tolerance = 1e-10)
})

test_that("the error of the variance of places agrees with algebra over all rows", {
  set.seed(6)
  data <- panel_of_movers(60, 5, 4)
  x <- places_of(data)
  expected <- dense_places(data, model.matrix(~ factor(time), data)[, -1L])
  expect_equal(x$variance$std.error[13L]^2, expected$variance, tolerance = 1e-9)
})

test_that("the same bits for row order, names of firms and places, threads and a store", {
  set.seed(2)
  data <- panel_of_movers(200, 6, 8)
  data$jobs <- runif(nrow(data))
  whole <- function(data, ...) {
    x <- places_of(data, weight = "jobs", ...)
    list(x$variance[-1L], x$correlation, x$places$effect, x$places$std.error, x$places$who, sort(x$firms$effect))
  }
  x <- whole(data)
  expect_identical(whole(data[sample(nrow(data)), ]), x)
  renamed <- transform(data, firm = paste0("z", sprintf("%04d", match(firm, sample(200)))))
  expect_identical(whole(renamed), x)
  places <- sample(8)
  moved <- transform(data, place = places[place])
  x2 <- whole(moved)
  expect_identical(x2[[1L]], x[[1L]])
  expect_identical(x2[[3L]][places], x[[3L]])
  panel <- movers_panel(data, list(performance = "y", firm = "firm", cluster = "place", time = "time", weight = "jobs"))
  raw <- lapply(1:3, function(threads) {
    .Call(C_places, kernel_panel(panel, periods = TRUE, n_controls = 0, leave = "firm", rows = TRUE, threads = threads))$places
  })
  expect_identical(raw[[2L]], raw[[1L]])
  expect_identical(raw[[3L]], raw[[1L]])
})

test_that("a store and migration_data give what a data frame gives", {
  lamps <- wenzhou_guzhen()
  x <- decompose_places(lamps, "productivity")
  path <- tempfile()
  on.exit(unlink(path, recursive = TRUE))
  write_store(lamps, path)
  stored <- decompose_places(open_store(path), "productivity")
  expect_identical(stored$variance, x$variance)
  expect_identical(stored$places, x$places)
  plain <- decompose_places(lamps$firms, "productivity", "firm", "to", "year")
  expect_identical(plain$variance, x$variance)
})

test_that("what cannot be compared is dropped and named", {
  data <- twelve_firms()
  island <- data.frame(firm = rep(c("x", "y"), each = 2), time = rep(1:2, 2), place = c("D", "E", "E", "D"), y = 1:4 / 4)
  once <- data.frame(firm = "z", time = 1, place = "A", y = 2)
  x <- places_of(rbind(data, island, once), controls = NULL)
  expect_equal(estimates(x, "leave_out")[1L], .030110809260, tolerance = 1e-10)
  expect_equal(x$set$firms, c(15, 12, 1, 0, 2))
  expect_match(x$notes$note, "`D`, `E`", all = FALSE)
  tie <- data.frame(firm = "t", time = 1:2, place = c("A", "F"), y = c(2, 2.5))
  far <- data.frame(firm = "u", time = 1:2, place = "F", y = c(3, 3.1))
  x <- places_of(rbind(data, tie, far), controls = NULL)
  expect_equal(x$set$firms, c(14, 12, 0, 1, 1))
  expect_match(x$notes$note, "`F`", all = FALSE)
})

test_that("one mover: the plug-in is kept, nothing is left out", {
  data <- twelve_firms()
  data <- data[data$firm %in% c("f01", "f08", "f09", "f10"), ]
  x <- places_of(data, controls = NULL)
  expect_equal(x$places$cluster, c("A", "B"))
  expect_true(all(is.na(x$variance$estimate[13:15])))
  expect_true(all(is.finite(x$variance$estimate[1:6])))
  expect_match(x$notes$note, "nothing can be left out", all = FALSE)
  expect_error(places_of(data[data$firm != "f01", ]), "No firm is at two places", class = "firmmove_error_no_movers")
})

test_that("bad input is named", {
  data <- twelve_firms()
  expect_error(places_of(rbind(data, data[1L, ])), "`f01 in 1`", class = "firmmove_error_duplicate")
  expect_error(places_of(transform(data, y = replace(y, 3, NA))), "missing or not finite in 1 row", class = "firmmove_error_missing")
  expect_error(places_of(transform(data, w = -1), weight = "w"), "negative", class = "firmmove_error_weights")
  expect_error(places_of(data, shrink = "project"), "needs `project`", class = "firmmove_error_argument")
  expect_error(places_of(data, groups = list(a = "A", b = "Q")), "`Q`")
  expect_error(places_of(data, controls = ~ time + nothing), "nothing")
  x <- places_of(transform(data, kind = as.numeric(factor(firm)) %% 2), controls = ~ time + kind)
  expect_true(is.na(x$controls$estimate[x$controls$term == "kind"]))
  expect_match(x$notes$note, "`kind`", all = FALSE)
})

test_that("a corrected variance below 0 is reported as it is", {
  set.seed(2)
  data <- panel_of_movers(40, 4, 6, sorting = 0)
  data$y <- rnorm(nrow(data))
  x <- places_of(data, controls = NULL)
  expect_lt(x$variance$estimate[13L], 0)
  expect_true(is.na(x$correlation$correlation[3L]))
  expect_match(x$notes$note, "not told from 0", all = FALSE)
  expect_equal(x$places$shrunk, rep(0, nrow(x$places)))
})

test_that("shrinkage, projection and symmetry are what they say", {
  set.seed(4)
  data <- panel_of_movers(200, 6, 8)
  data$north <- data$place %% 2
  x <- places_of(data, project = ~north, shrink = "project")
  z <- cbind(1, x$places$cluster %in% c("1", "3", "5", "7"))
  w <- x$places$rows
  gamma <- solve(crossprod(z, w * z), crossprod(z, w * x$places$effect))
  expect_equal(x$projection$estimate, drop(gamma), tolerance = 1e-10)
  gain <- solve(crossprod(z, w * z), t(w * z))
  expect_equal(x$projection$std.error, unname(sqrt(diag(gain %*% vcov(x) %*% t(gain)))), tolerance = 1e-10)
  keep <- x$variance$estimate[13L] / (x$variance$estimate[13L] + x$places$std.error^2)
  expect_equal(x$places$shrunk, keep * x$places$effect + (1 - keep) * drop(z %*% gamma), tolerance = 1e-10)
  expect_equal(x$symmetry$difference, x$symmetry$up + x$symmetry$down)
  expect_equal(sum(x$symmetry$movers_up + x$symmetry$movers_down) <= sum(x$places$movers_in), TRUE)
})

test_that("errors of a gap are those of leaving firms out", {
  set.seed(5)
  data <- panel_of_movers(80, 5, 4)
  groups <- list(a = c("1", "2"), b = "3")
  x <- places_of(data, groups = groups)
  expect_equal(sum(x$gap$estimate[2:4]), x$gap$estimate[1L], tolerance = 1e-12)
  again <- vapply(unique(data$firm), function(firm) {
    places_of(data[data$firm != firm, ], groups = groups)$gap$estimate
  }, numeric(4))
  jackknife <- sqrt(rowSums((again - x$gap$estimate)^2))
  expect_equal(x$gap$std.error, jackknife, tolerance = 0.06)
})

test_that("selection adds the error of the first step, and warns when nothing is left out", {
  lamps <- wenzhou_guzhen(1995:2003)
  fit <- fit_migration(~ push(land_price) + pull(creativity) + log(distance), lamps)
  x <- decompose_places(lamps, "productivity", selection = fit)
  z <- selection_terms(fit)
  z[is.na(z)] <- 0
  data <- cbind(lamps$firms, z)
  plain <- decompose_places(data, "productivity", "firm", "to", "year",
    controls = ~ time + move + stay_1 + stay_2 + move_01 + move_02 + move_10 + move_11 + move_20)
  expect_equal(coef(x), coef(plain)[names(coef(x))], tolerance = 1e-7)
  more <- diag(vcov(x)) - diag(vcov(plain))[names(coef(x))]
  expect_gt(sum(abs(more)), 0)
  expect_warning(warn_nothing_left_out(fit, ~ time + land_price + creativity + distance, "year"), "nothing is left out",
    class = "firmmove_warning_not_identified")
})

test_that("methods and pictures work", {
  x <- places_of(twelve_firms(), groups = list(A = "A", B = "B"))
  expect_output(print(x), "value = effect \\+ who")
  expect_equal(names(as.data.frame(x))[1:2], c("cluster", "effect"))
  expect_s3_class(summary(x), "summary.decomposition")
  skip_if_not_installed("ggplot2")
  for (type in c("effects", "variance", "gap")) expect_s3_class(ggplot2::autoplot(x, type), "ggplot")
  expect_error(ggplot2::autoplot(x, "map"), "no coordinates", class = "firmmove_error_columns")
  expect_s3_class(ggplot2::autoplot(decompose_places(wenzhou_guzhen(), "productivity"), "map"), "ggplot")
})
