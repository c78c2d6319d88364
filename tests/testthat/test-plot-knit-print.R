# The rows of a Markdown table as a data frame of text, with the caption
read_table <- function(text, which = 1L) {
  lines <- strsplit(paste(text, collapse = "\n"), "\n", fixed = TRUE)[[1L]]
  captions <- grep("^Table: ", lines)
  start <- captions[which] + 2L
  rest <- lines[start:length(lines)]
  rows <- rest[seq_len(match(FALSE, c(startsWith(rest, "|"), FALSE)) - 1L)]
  cells <- lapply(strsplit(rows, "|", fixed = TRUE), function(x) trimws(x[-1L]))
  table <- as.data.frame(do.call(rbind, cells[-(1:2)]))
  names(table) <- cells[[1L]]
  structure(table, caption = sub("^Table: ", "", lines[captions[which]]))
}

knit <- function(x, ...) {
  text <- knitr::knit_print(x, ...)
  expect_s3_class(text, "knit_asis")
  text
}

test_that("answers of a fit become tables with a caption", {
  skip_if_not_installed("knitr")
  fit <- small_fit()
  answers <- list(
    effects = marginal_effects(fit, "rent"), elasticities = elasticities(fit, "rent"), worth = compensate(fit, "rent"),
    attribution = attribute_moves(fit, list(rent = "rent", distance = "distance")),
    iia = iia_test(fit, fit$data$place[1L], small_hsiao = FALSE)
  )
  for (name in names(answers)) {
    answer <- answers[[name]]
    table <- as.data.frame(answer)
    shown <- read_table(knit(answer, digits = 6, n = 100))
    expect_identical(names(shown), names(table), info = name)
    expect_equal(nrow(shown), nrow(table), info = name)
    column <- if (name == "iia") "statistic" else "estimate"
    expect_equal(as.numeric(shown[[column]]), table[[column]], tolerance = 1e-5, info = name)
  }
  expect_match(attr(read_table(knit(answers$worth)), "caption"), "in units of `rent`. 95% intervals", fixed = TRUE)
  expect_identical(attr(read_table(knit(answers$worth, caption = "Worth")), "caption"), "Worth")
})

test_that("claims are named once and keep their verdict", {
  skip_if_not_installed("knitr")
  fit <- small_fit()
  claims <- test_claims(fit, c("dear places repel" = "rent < 0", "dear places repel" = "2 * rent < 0"))
  table <- read_table(knit(claims))
  expect_identical(table$claim, c("dear places repel", ""))
  expect_identical(table$verdict, as.data.frame(claims)$verdict)
  expect_false("std.error" %in% names(table))
})

test_that("a counterfactual becomes its totals and its places, the largest change first", {
  skip_if_not_installed("knitr")
  fit <- small_fit()
  cheap <- counterfactual(fit, places = transform(places, rent = 0.9 * rent), draws = 0)
  text <- knit(cheap, digits = 5)
  expect_identical(read_table(text)$quantity, cheap$totals$quantity)
  stocks <- read_table(text, 2L)
  change <- abs(as.numeric(stocks$change))
  expect_false(is.unsorted(-change))
  expect_equal(change[1L], max(abs(cheap$stocks$change)), tolerance = 1e-4)
  expect_match(attr(read_table(knit(cheap, n = 2), 2L), "caption"), "more row", fixed = TRUE)
})

test_that("the accounts of clusters add up from start to end", {
  skip_if_not_installed("knitr")
  lamps <- wenzhou_guzhen()
  account <- decompose_cluster(subset(lamps, year %in% c(1996, 2004)), "productivity", "jobs")
  text <- knit(account, digits = 8)
  expect_match(attr(read_table(text), "caption"), "The mean account of the clusters, 1996 to 2004", fixed = TRUE)
  size <- read_table(text, 2L)
  numbers <- vapply(size[-1L], as.numeric, numeric(nrow(size)))
  expect_equal(rowSums(numbers[, -ncol(numbers)]), numbers[, "end"])
  wenzhou <- subset(account$size, cluster == "Wenzhou" & component == "transfer_out")
  expect_equal(as.numeric(size$transfer_out[size$cluster == "Wenzhou"]), sum(wenzhou$estimate))
})

test_that("other decompositions become a table for each of theirs", {
  skip_if_not_installed("knitr")
  firms <- subset(wenzhou_guzhen()$firms, year == 2004 & to %in% c("Wenzhou", "Guzhen"))
  found <- decompose_productivity(firms, "productivity", "jobs", "firm", "to", "year")
  text <- knit(found, digits = 8)
  level <- read_table(text)
  expect_match(attr(level, "caption"), "^Decompose productivity \\(olley pakes\\): level. Reference: ")
  expect_equal(as.numeric(level$estimate), found$level$estimate, tolerance = 1e-6)
  synergy <- innovation_synergy(firms, c("native", "segment"), region = "to")
  text <- knit(synergy, digits = 8)
  expect_equal(as.numeric(read_table(text)$synergy), synergy$total$synergy, tolerance = 1e-6)
  expect_identical(read_table(text, 2L)$region[1:2], as.character(synergy$regions$region)[1:2])
})

test_that("numbers keep their significant digits, whole numbers their form", {
  expect_identical(format_column(c(1.1, 109.26, -2279.4, NA, 0.0021747), 3), c("1.10", "109", "-2279", "", "0.00217"))
  expect_identical(format_column(c(1996, 2004, NA), 3), c("1996", "2004", ""))
  expect_identical(format_column(c(0.5, 1.234e-9), 3), c("0.500", "1.23e-09"))
  expect_identical(format_column(c(TRUE, NA), 3), c("TRUE", ""))
})

test_that("in a table wider than a page texts wrap and numbers do not", {
  wide <- c("|text|n|", paste0("|:", strrep("-", 80), "|---:|"), paste0("|", strrep("a ", 40), "|-12|"))
  expect_identical(wrapping_columns(wide)[2L], paste0("|:", strrep("-", 31), "|-----:|"))
  expect_identical(wrapping_columns(wide)[-2L], wide[-2L])
  narrow <- c("|text|n|", "|:---|---:|", "|a|1|")
  expect_identical(wrapping_columns(narrow), narrow)
})

test_that("names are read as they are, whatever language they look like", {
  skip_if_not_installed("knitr")
  skip_if_not_installed("rmarkdown")
  skip_if_not(rmarkdown::pandoc_available())
  names <- c("[a](javascript:alert(2))", "<script>alert(1)</script>", "$x_1$ & `r 1`", "\\input{/etc/hostname}", "a|b *c* _d_ @e ~f~")
  places <- data.frame(place = names, rent = c(1, 2, 4, 3, 5))
  firms <- data.frame(firm = 1:50, from = rep(names, 10), to = rep(names, each = 10))
  fit <- fit_migration(~ rent, migration_data(firms, places))
  what_if <- counterfactual(fit, places = transform(places, rent = rent + (place == names[1L])), draws = 0)
  as <- function(text, to) {
    from <- tempfile(fileext = ".md")
    out <- tempfile()
    writeLines(text, from)
    rmarkdown::pandoc_convert(from, to = to, output = out, options = "--wrap=none")
    paste(readLines(out), collapse = "\n")
  }
  text <- knit(what_if, n = 10, digits = 3)
  html <- as(text, "html")
  expect_no_match(html, "<a |<script|<em>|class=\"math|<sub>|class=\"citation")
  tex <- as(text, "latex")
  expect_no_match(tex, "\\\\input|\\\\href|\\\\emph|\\\\\\(|<script")
  plain <- as(text, "plain")
  for (name in names) {
    expect_match(plain, name, fixed = TRUE)
  }
  expect_no_match(knit(what_if, format = "html"), "<script")
  expect_no_match(knit(what_if, format = "latex"), "\\\\input")
  odd <- stats::setNames(list("rent"), names[2L])
  expect_no_match(as(knit(attribute_moves(fit, odd)), "html"), "<script")
  # a caption of one's own is Markdown
  expect_match(as(knit(what_if, caption = "**Bold**"), "html"), "<strong>Bold</strong>", fixed = TRUE)
})
