# The template of a paper: drafted and rendered as a user does it, in a session that knows nothing of this one.
test_that("the template renders in a clean session and answers every claim with a number", {
  skip_on_cran()
  skip_if_not_installed("rmarkdown")
  skip_if_not_installed("knitr")
  skip_if_not_installed("ggplot2")
  skip_if_not(rmarkdown::pandoc_available("1.12.3"))
  skip_if(dir.exists(file.path(find.package("firmmove"), "src")), "needs the installed package")
  folder <- tempfile("paper-")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  script <- file.path(folder, "render.R")
  writeLines(c(
    deparse(bquote(.libPaths(.(c(dirname(find.package("firmmove")), .libPaths()))))),
    deparse(bquote(setwd(.(folder)))),
    'rmarkdown::draft("paper.Rmd", template = "migration-paper", package = "firmmove", edit = FALSE)',
    'rmarkdown::render("paper.Rmd", "html_document", params = list(quick = TRUE), quiet = TRUE)'
  ), script)
  log <- suppressWarnings(
    system2(file.path(R.home("bin"), "Rscript"), c("--no-save", "--no-restore", shQuote(script)), TRUE, TRUE)
  )
  expect_null(attr(log, "status"), info = paste(log, collapse = "\n"))
  html <- paste(readLines(file.path(folder, "paper.html"), encoding = "UTF-8"), collapse = "\n")
  # the text: without scripts, styles and pictures
  body <- gsub("(?s)<(script|style)\\b.*?</\\1>", "", sub("(?s)^.*?<body", "<body", html, perl = TRUE), perl = TRUE)
  text <- gsub("[[:space:]]+", " ", gsub("<[^>]+>", " ", gsub("</p>", "\r", body)))

  claims <- regmatches(body, gregexpr("(?s)<p><strong>Claim [0-9].*?</p>", body, perl = TRUE))[[1L]]
  expect_length(claims, 7L)
  expect_true(all(grepl("[0-9]+\\.?[0-9]* \\(95% interval -?[0-9.,]+ to -?[0-9.,]+\\)", gsub("\\s+", " ", claims))))
  expect_true(all(grepl("supported|open|contradicted", claims)))
  expect_false(any(grepl("\\b(NA|NaN|NULL|Inf)\\b|not in this model", claims)))
  expect_false(grepl("Error|`r |\\bNaN\\b", text))
  expect_gte(lengths(regmatches(html, gregexpr("data:image/png;base64", html))), 7L)
  # nothing but the doi links leads out; every citation has its reference
  expect_false(grepl("<(img|script)[^>]*src=\"https?://", html))
  expect_false(grepl("???", text, fixed = TRUE))
  expect_gte(lengths(regmatches(html, gregexpr("https://doi.org/", html))), 6L)

  # the numbers of the text are those of the functions
  lamps <- wenzhou_guzhen()
  account <- decompose_cluster(subset(lamps, year %in% c(1996, 2004)), "productivity", "jobs")
  lost <- subset(account$size, cluster == "Wenzhou" & component == "transfer_out" & partner == "Guzhen")$estimate
  expect_match(claims[6L], format(lost, big.mark = ","), fixed = TRUE)
})

test_that("captions of the template have no sign that LaTeX takes for a comment", {
  lines <- readLines(system.file("rmarkdown/templates/migration-paper/skeleton/skeleton.Rmd", package = "firmmove"))
  captions <- grep("fig.cap", lines, value = TRUE)
  expect_gte(length(captions), 7L)
  expect_false(any(grepl("%", captions, fixed = TRUE)))
})
