# The template of the paper refilled as a user refills it, rendered in a session that knows nothing of this one.

paper_skeleton <- function() {
  readLines(system.file("rmarkdown/templates/migration-paper/skeleton/skeleton.Rmd", package = "firmmove"))
}

# refill: lines in place of those between the two marks (NULL: as it is); params: a list; to: where `keep` is saved.
# Returns list(log, status, text, html, kept): kept, the objects of the paper named in `keep`
render_paper <- function(refill = NULL, params = list(), format = "html_document", keep = character()) {
  folder <- tempfile("paper-")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  lines <- paper_skeleton()
  if (!is.null(refill)) {
    marks <- grep("^# ===== ", lines)
    lines <- c(lines[seq_len(marks[1L])], refill, lines[marks[2L]:length(lines)])
  }
  saved <- file.path(folder, "kept.rds")
  lines <- c(lines, "", "```{r keep-for-test, include = FALSE}", deparse(bquote(saveRDS(mget(.(keep)), .(saved)))), "```")
  writeLines(lines, file.path(folder, "paper.Rmd"))
  file.copy(system.file("rmarkdown/templates/migration-paper/skeleton/references.bib", package = "firmmove"), folder)
  output <- file.path(folder, if (format == "html_document") "paper.html" else "paper.docx")
  script <- file.path(folder, "render.R")
  writeLines(c(
    deparse(bquote(.libPaths(.(c(dirname(find.package("firmmove")), .libPaths()))))),
    deparse(bquote(setwd(.(folder)))),
    deparse(bquote(rmarkdown::render("paper.Rmd", .(format), params = .(params), quiet = TRUE)))
  ), script)
  log <- suppressWarnings(
    system2(file.path(R.home("bin"), "Rscript"), c("--no-save", "--no-restore", shQuote(script)), TRUE, TRUE)
  )
  done <- is.null(attr(log, "status")) && file.exists(output)
  html <- if (done && format == "html_document") paste(readLines(output, encoding = "UTF-8"), collapse = "\n") else ""
  list(
    log = paste(log, collapse = "\n"), done = done, html = html, text = paper_text(html),
    kept = if (file.exists(saved)) readRDS(saved)
  )
}

# What a reader sees of a page, paragraphs as elements: without scripts, styles, pictures and code
paper_text <- function(html) {
  body <- sub("(?s)^.*?<body", "<body", html, perl = TRUE)
  body <- gsub("(?s)<(script|style|pre)\\b.*?</\\1>", "", body, perl = TRUE)
  body <- gsub("(?s)<math\\b.*?</math>", "formula", body, perl = TRUE)
  parts <- regmatches(body, gregexpr("(?s)<(p|h1|h2|caption|li|td|th)\\b[^>]*>.*?</\\1>", body, perl = TRUE))[[1L]]
  parts <- gsub("&lt;", "<", gsub("&gt;", ">", gsub("<[^>]+>", "", parts)))
  parts <- trimws(gsub("[[:space:]]+", " ", parts))
  parts
}

# Gaps that an inline result without a value leaves in a sentence
gaps_of <- function(text) {
  text <- text[nchar(text) > 15L]
  gaps <- c(
    "\\( to \\)", " \\(\\)", " \\.( |$)", " , ", "  ", "\\b(NA|NaN|NULL|Inf|character\\(0\\)|numeric\\(0\\))\\b", "`r ",
    "not in this model", " (by|of|to|from|with|is|are|and) *[.,;:)]", "^[.,;]"
  )
  text[Reduce(`|`, lapply(gaps, grepl, x = text))]
}
