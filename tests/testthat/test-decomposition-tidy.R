gap_of_two <- function() {
  set.seed(1)
  d <- data.frame(g = rep(1:2, 50), x = rnorm(100), y = rnorm(100))
  decompose_gap(y ~ x, d, "g")
}

test_that("levels of intervals are honoured, and unknown arguments are not ignored", {
  x <- gap_of_two()
  wide <- tidy(x)
  narrow <- tidy(x, conf.level = 0.5)
  expect_equal(narrow$conf.high - narrow$estimate, stats::qnorm(0.75) * narrow$std.error)
  expect_identical(wide$conf.low, x$overall$conf.low)
  expect_false(any(c("conf.low", "conf.high") %in% names(tidy(x, conf.int = FALSE))))
  expect_error(tidy(x, conf.lvl = 0.5), class = "firmmove_error_argument")
  expect_error(glance(x, digits = 3), class = "firmmove_error_argument")
  expect_equal(narrow$p.value, 2 * stats::pnorm(-abs(narrow$estimate / narrow$std.error)))
  expect_equal(unname(confint(x, level = 0.5)), cbind(narrow$conf.low, narrow$conf.high))
  expect_identical(colnames(confint(x, level = 0.5)), c("25 %", "75 %"))
})

test_that("terms have names of their own, and Student's t where firms are few", {
  x <- decompose_cluster(wenzhou_guzhen(1996:1999), "productivity", "jobs", pairs = "ends")
  table <- tidy(x, conf.level = 0.9)
  expect_false(anyDuplicated(table$term) > 0)
  expect_true("Wenzhou: emigration, Guzhen" %in% table$term)
  known <- !is.na(table$std.error)
  expect_equal((table$conf.high - table$estimate)[known], (stats::qt(0.95, table$df) * table$std.error)[known])
  both <- tidy(suppressMessages(decompose_cluster(wenzhou_guzhen(1996:1999), "productivity", "jobs")))
  expect_false(anyDuplicated(both$term) > 0)
})

every_decomposition <- function() {
  firms <- subset(wenzhou_guzhen()$firms, year %in% c(1999, 2003) & to %in% c("Wenzhou", "Guzhen", "Zouqu"))
  late <- firms[firms$year == 2003, ]
  set.seed(2)
  lapply(list(
    cluster = decompose_cluster(firms, "productivity", "jobs", "firm", "to", "year"),
    levels = decompose_productivity(firms, "productivity", "jobs", "firm", "to", "year"),
    growth = decompose_growth(firms, "to", "segment", "year", "jobs"),
    share = decompose_share(firms, "segment", "to", "year", "jobs", exporter = "native"),
    gap = decompose_gap(productivity ~ age + jobs, late, "to", between = c("Wenzhou", "Guzhen")),
    shapley = decompose_shapley(c(0, 1, 2, 4), c("a", "b")),
    factors = decompose_factors(c(firms = 120, workers = 25), c(firms = 150, workers = 31)),
    quantiles = compare_quantiles(late, "productivity", "to", between = c("Wenzhou", "Guzhen"), draws = 3),
    concentration = concentration(late, "to", "segment", "jobs", plant = "firm"),
    colocation = colocation(runif(40), runif(40), rep(c("a", "b"), 20), distance = c(0.1, 0.2)),
    relatedness = relatedness(late, "to", "segment", "jobs"),
    complexity = complexity(rbind(c(1, 1, 1), c(0, 1, 0), c(0, 1, 1)), presence = "positive"),
    synergy = innovation_synergy(late, c("native", "segment"), region = "to")
  ), identity)
}

test_that("tidy, glance and tables of papers work for every decomposition", {
  suppressMessages(all <- every_decomposition())
  for (name in names(all)) {
    x <- all[[name]]
    table <- tidy(x)
    expect_true(is.character(table$term) && anyDuplicated(table$term) == 0 && is.numeric(table$estimate), info = name)
    expect_identical(nrow(glance(x)), 1L, info = name)
    if (requireNamespace("knitr", quietly = TRUE)) {
      expect_s3_class(knitr::knit_print(x), "knit_asis")
    }
    if (requireNamespace("modelsummary", quietly = TRUE)) {
      made <- suppressMessages(suppressWarnings(modelsummary::modelsummary(x, output = "data.frame")))
      expect_gt(nrow(made), 1)
    }
    if (requireNamespace("parameters", quietly = TRUE)) {
      expect_identical(parameters::parameters(x)$Coefficient, table$estimate, info = name)
    }
  }
})

test_that("wide tables are cut into blocks that keep their names", {
  x <- decompose_cluster(wenzhou_guzhen(1996:1999), "productivity", "jobs", pairs = "ends")
  text <- utils::capture.output(print(summary(x)))
  text <- text[seq_len(min(match("notes:", text, length(text))))]
  tables <- text[grepl("^ ", text) & !grepl("reference|performance|standard|firm none|end for|terms of one", text)]
  expect_lte(max(nchar(tables)), getOption("width"))
  header <- grep("std.error", text, value = TRUE)
  expect_true(all(grepl("cluster|start|component", header)))
})
