move_table <- function(firms) {
  open <- firms[!is.na(firms$to), ]
  open$moved <- open$to != open$from
  open
}

test_that("the bundled panel has the tables its help page lists", {
  data <- wenzhou_guzhen()
  expect_s3_class(data, "migration_data")
  expect_named(data$firms, c(
    "firm", "year", "from", "to", "founded", "age", "native", "kin", "segment", "exporter",
    "size", "capital", "tfp", "productivity", "jobs", "output", "patents"
  ))
  expect_named(data$places, c(
    "place", "year", "province", "dialect", "longitude", "latitude", "land_price", "space",
    "technology", "environment", "governance", "creativity", "wage", "makers", "birth_rate"
  ))
  expect_named(data$ties[[1]]$data, c("from", "to", "distance", "same_province", "same_dialect"))
  expect_equal(dim(data$ties[[1]]$data), c(17 * 16, 5))
  expect_equal(sort(unique(data$firms$year)), 1992:2008)
  expect_length(data$place, 17)
  expect_gt(length(data$firm), 1400)
  expect_lt(length(data$firm), 1600)
  expect_false(anyNA(data$places))
  closed <- is.na(data$firms$to)
  for (column in c("productivity", "jobs", "output", "patents")) {
    expect_identical(is.na(data$firms[[column]]), closed)
  }
  expect_true(all(data$network$firm %in% data$firm))
})

test_that("it says that it is simulated and carries its true parameters", {
  data <- wenzhou_guzhen()
  expect_match(attr(data, "note"), "SIMULATED")
  expect_output(print(data), "SIMULATED")
  truth <- attr(data, "truth")
  expect_s3_class(truth, "migration_truth")
  expect_output(print(truth), "SIMULATED")
  expect_named(truth$performance, names(performance_defaults()))
  expect_equal(truth$stock, "makers")
})

test_that("distances are those of the 17 places", {
  ties <- wenzhou_guzhen()$ties[[1]]$data
  km <- c(Linhai = 113, Yiwu = 158, Beilun = 246, Hangzhou = 259, Shanghai = 368, Zouqu = 430,
          Xiamen = 468, Nanchang = 478, Dongguan = 888, Shenzhen = 900, Foshan = 938,
          Guzhen = 961, Henglan = 963, Jiangmen = 972, Shenyang = 1556, Chengdu = 1637)
  from <- ties[ties$from == "Wenzhou", ]
  expect_lt(max(abs(from$distance - km[from$to])), 4)
  back <- merge(ties, ties, by.x = c("from", "to"), by.y = c("to", "from"))
  expect_identical(back$distance.x, back$distance.y)
})

test_that("moves resemble the public figures", {
  open <- move_table(wenzhou_guzhen()$firms)
  home <- open[open$from == "Wenzhou", ]
  rate <- tapply(home$moved, home$year, mean)
  expect_lt(max(rate[as.character(1992:1996)]), 0.02)
  expect_gt(rate[["1997"]], 0.1)
  expect_lt(rate[["1998"]], 0.04)
  expect_gt(mean(rate[as.character(1999:2003)]), 0.05)
  expect_lt(mean(rate[as.character(2004:2008)]), 0.04)
  left <- home[home$moved, ]
  expect_gt(mean(left$to == "Guzhen"), 0.58)
  expect_lt(mean(left$to == "Guzhen"), 0.67)
  together <- paste(left$kin, left$year, left$to)
  share <- mean(together %in% together[duplicated(together)])
  expect_gt(share, 0.4)
  expect_lt(share, 0.6)
  peak <- sum(home$year == 1997)
  expect_gt(peak, 800)
  expect_lt(peak, 1100)
})

test_that("the true parameters can be estimated from it", {
  data <- wenzhou_guzhen()
  truth <- attr(data, "truth")
  fit <- fit_migration(truth$formula, data)
  se <- sqrt(diag(vcov(fit)))[names(truth$beta)]
  expect_lt(max(abs(coef(fit)[names(truth$beta)] - truth$beta) / se), 2)
  strong <- c("push(technology)", "push(environment)", "pull(creativity)", "pull(governance)",
              "log(makers)", "log(distance)", "peers(kin)", "peers(network)")
  expect_gt(min(abs(coef(fit)[strong] / se[strong])), 3)
  weak <- c("push(land_price)", "push(space)")
  expect_lt(max(abs(coef(fit)[weak] / se[weak])), 2)
})

test_that("movers gain and are selected", {
  firms <- move_table(wenzhou_guzhen()$firms)
  fit <- lm(productivity ~ tfp + moved + factor(from), firms)
  expect_gt(coef(fit)[["movedTRUE"]], 0.05)
  home <- firms[firms$from == "Wenzhou", ]
  expect_gt(mean(home$tfp[home$moved]), mean(home$tfp[!home$moved]))
})

test_that("years can be chosen", {
  data <- wenzhou_guzhen(1997:1999)
  expect_equal(sort(unique(data$firms$year)), 1997:1999)
  expect_equal(nrow(data$places), 17 * 3)
  expect_snapshot(error = TRUE, wenzhou_guzhen(1990:1993))
})

test_that("interviews have the margins of the Yueqing survey", {
  answers <- wenzhou_interviews()
  expect_equal(nrow(answers), 85 * 6)
  first <- answers[which(answers$rank == 1), ]
  expect_equal(anyDuplicated(first$firm), 0)
  expect_equal(c(table(first$group)),
               c(land = 21, "own development" = 21, "soft environment" = 43))
  ranks <- split(answers$rank, answers$firm)
  expect_length(ranks, 85)
  complete <- vapply(ranks, function(r) identical(sort(r), seq_len(sum(!is.na(r)))), NA)
  expect_true(all(complete))
  expect_true(all(lengths(lapply(ranks, na.omit)) >= 2))
  firms <- wenzhou_guzhen()$firms
  move <- firms[match(paste(answers$firm, answers$year), paste(firms$firm, firms$year)), ]
  expect_true(all(move$from == "Wenzhou" & move$to == answers$to))
  expect_equal(sum(attr(answers, "truth")), 1)
  expect_output(print(answers), "SIMULATED")
})

test_that("facts have a source and a grade each", {
  facts <- cluster_facts()
  expect_named(facts, c("place", "date", "fact", "value", "value_high", "unit", "source",
                        "grade"))
  expect_type(facts$value, "double")
  expect_true(all(facts$grade %in% c("A", "B", "B/C", "C", "X")))
  expect_true(all(nzchar(facts$source)))
  guzhen <- facts[facts$place == "Guzhen" & facts$unit == "firms", ]
  expect_equal(guzhen$value[guzhen$date == "2002"], 1432)
  expect_equal(sum(facts$value[grepl("^main reason", facts$fact)]), 85)
})

test_that("the files are small and are what tools/dataset.R writes", {
  files <- list.files(system.file("extdata", package = "firmmove"), full.names = TRUE)
  expect_lt(sum(file.size(files)), 600e3)
  skip_on_cran()
  script <- normalizePath(test_path("..", "..", "tools", "dataset.R"), mustWork = FALSE)
  skip_if_not(file.exists(script), "tools/dataset.R is not in the built package")
  out <- tempfile("extdata")
  dir.create(out)
  on.exit(unlink(out, recursive = TRUE))
  libraries <- paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))
  system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", shQuote(script), shQuote(out)), env = libraries)
  expect_length(list.files(out), 6)
  for (file in list.files(out)) {
    expect_identical(readLines(file.path(out, file)),
                     readLines(system.file("extdata", file, package = "firmmove")), info = file)
  }
})
