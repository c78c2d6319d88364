test_that("each decomposition has a picture, with its numbers", {
  skip_if_not_installed("ggplot2")
  firms <- subset(wenzhou_guzhen()$firms, year %in% c(1999, 2003) & to %in% c("Wenzhou", "Guzhen", "Zouqu"))
  late <- firms[firms$year == 2003, ]
  set.seed(2)
  made <- suppressMessages(list(
    levels = decompose_productivity(firms, "productivity", "jobs", "firm", "to", "year"),
    growth = decompose_growth(firms, "to", "segment", "year", "jobs"),
    gerfin = decompose_growth(firms, "to", "segment", "year", "jobs", method = "gerfin"),
    share = decompose_share(firms, "segment", "to", "year", "jobs", exporter = "native"),
    gap = decompose_gap(productivity ~ age + jobs, late, "to", between = c("Wenzhou", "Guzhen")),
    shapley = decompose_shapley(c(0, 1, 2, 4), c("a", "b")),
    quantiles = compare_quantiles(late, "productivity", "to", between = c("Wenzhou", "Guzhen"), draws = 0),
    concentration = concentration(late, "to", "segment", "jobs", plant = "firm"),
    k = colocation(runif(40), runif(40), rep(c("a", "b"), 20), distance = c(0.1, 0.2)),
    m = colocation(runif(40), runif(40), rep(c("a", "b"), 20), distance = c(0.1, 0.2), statistic = "m", draws = 9),
    relatedness = relatedness(late, "to", "segment", "jobs"),
    complexity = complexity(rbind(A = c(1, 1, 1), B = c(0, 1, 0), C = c(0, 1, 1)), presence = "positive"),
    synergy = innovation_synergy(late, c("native", "segment"), region = "to")
  ))
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  for (name in names(made)) {
    expect_s3_class(plot(made[[name]]), "ggplot")
    expect_gt(nchar(ggplot2::autoplot(made[[name]])$labels$caption), 10, label = name)
  }
  expect_identical(ggplot2::autoplot(made$k)$data$estimate, made$k$values$estimate)
  parts <- ggplot2::autoplot(made$growth)$data
  expect_equal(sum(parts$estimate), sum(made$growth$totals$change))
  expect_s3_class(ggplot2::autoplot(made$concentration, "lorenz"), "ggplot")
  expect_error(ggplot2::autoplot(made$gap, tops = 3), class = "firmmove_error_argument")
})

test_that("labels of a waterfall add up at the digits shown, and levels far above the steps are cut", {
  skip_if_not_installed("ggplot2")
  data <- three_clusters()
  data$q <- data$q / 10 + 10
  data <- ggplot2::autoplot(decompose_long(data))$data
  number <- function(x) as.numeric(gsub(",", "", ifelse(nzchar(x), x, "0")))
  for (cluster in levels(data$cluster)) {
    own <- data[data$cluster == cluster, ]
    own <- own[order(own$component), ]
    expect_equal(sum(number(own$label[-nrow(own)])), number(own$label[nrow(own)]))
  }
  bars <- data[data$kind == "level", ]
  expect_true(all(bars$cut & bars$from > 9))
  # the steps take a good part of the height
  steps <- data[data$kind != "level" & data$cluster == "W", ]
  expect_gt(diff(range(steps$from, steps$to)) / (max(steps$height) - min(bars$from[bars$cluster == "W"])), 0.5)
})

test_that("names are wrapped, without blanks too", {
  expect_identical(wrap_names("short"), "short")
  expect_match(wrap_names("Rhine-Neckar Metropolitan Region"), "\n")
  expect_true(all(nchar(strsplit(wrap_names(strrep("\u6e29\u5dde", 12)), "\n")[[1]], "width") <= 22))
})
