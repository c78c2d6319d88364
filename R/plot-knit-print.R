# What tables look like in R Markdown: an answer as the last value of a chunk becomes a table with a caption, as a
# fit does (fit-summary.R).

#' @title Answers and decompositions as tables of a paper
#' @description In an R Markdown document the value of a chunk that is an answer of a fit ([elasticities()],
#' [marginal_effects()], [compensate()], [attribute_moves()], [iia_test()], [test_claims()], [counterfactual()]), a
#' decomposition, or an [innovation_synergy()] becomes a table by [knitr::kable()], with a caption that says what the
#' numbers are and which intervals these are. Fits do so too.
#'
#' Names of firms, places and terms are shown as they are: what would be Markdown, HTML or LaTeX in them is escaped. A
#' `caption` of yours is taken as you write it.
#'
#' Numbers have `digits` significant digits in each column. To arrange a table by hand, take `as.data.frame()` or
#' `tidy()` of the answer and pass what you want of it to [knitr::kable()].
#' @param x An answer, a counterfactual, a decomposition or an innovation synergy.
#' @param digits Significant digits of the numbers.
#' @param n Rows to show; the caption says how many more there are.
#' @param caption Caption; `NULL` for the one of the method.
#' @param ... Passed to [knitr::kable()]; knitr's own `options` and `inline` are dropped.
#' @return Markdown, LaTeX or HTML of class `knit_asis`, as [knitr::kable()] makes it where the document is knit.
#' @section Errors: Package knitr is not there.
#' @seealso [print.migration_answer()] and [print.decomposition()] for the console, [summary()][summary.migration_fit]
#'   for fits, [report_migration()].
#' @examplesIf requireNamespace("knitr", quietly = TRUE)
#' fit <- fit_migration(~ push(technology) + pull(creativity) + log(distance), wenzhou_guzhen())
#' cat(knitr::knit_print(marginal_effects(fit, "technology")))
#' @name knit_print.migration_answer
NULL

#' @rdname knit_print.migration_answer
#' @exportS3Method knitr::knit_print migration_answer
knit_print.migration_answer <- function(x, digits = 3, n = 20, caption = NULL, ...) {
  title <- if (is.null(x$title)) class(x)[1L] else x$title
  knit_tables(list(knit_table(x$table, digits, n, said(caption, c(paste0(title, "."), x$notes)), ...)))
}

#' @rdname knit_print.migration_answer
#' @exportS3Method knitr::knit_print migration_claims
knit_print.migration_claims <- function(x, digits = 3, n = 40, caption = NULL, ...) {
  table <- x$table[setdiff(names(x$table), "std.error")]
  # a claim with several rows is named once
  table$claim[duplicated(table$claim)] <- ""
  knit_tables(list(knit_table(table, digits, n, said(caption, c(paste0(x$title, "."), x$notes)), ...)))
}

#' @rdname knit_print.migration_answer
#' @exportS3Method knitr::knit_print migration_counterfactual
knit_print.migration_counterfactual <- function(x, digits = 3, n = 12, caption = NULL, ...) {
  title <- paste0(counterfactual_title(x), ".")
  note <- counterfactual_note(x)
  if (!grepl("[.]$", note)) note <- paste0(note, ".")
  knit_tables(list(
    knit_table(x$totals, digits, n, said(caption, c(title, note)), ...),
    knit_table(by_change(x$stocks), digits, n, c("Firms at each place, the largest changes first.", note), ...)
  ))
}

#' @rdname knit_print.migration_answer
#' @exportS3Method knitr::knit_print decomposition
knit_print.decomposition <- function(x, digits = 3, n = 20, caption = NULL, ...) {
  names <- Filter(function(name) nrow(x[[name]]) > 0L, setdiff(decomposition_tables(x), c("residual", "notes")))
  tables <- lapply(seq_along(names), function(i) {
    own <- c(paste0(decomposition_title(x), ": ", names[i], "."), if (i == 1L) reference_note(x))
    knit_table(x[[names[i]]], digits, n, if (i == 1L) said(caption, own) else own, ...)
  })
  knit_tables(tables)
}

#' @rdname knit_print.migration_answer
#' @exportS3Method knitr::knit_print decompose_cluster
knit_print.decompose_cluster <- function(x, digits = 3, n = 20, caption = NULL, ...) {
  pair <- shown_pair(x)
  totals <- in_pair(x$totals, pair)
  span <- paste(as.character(pair$start), "to", as.character(pair$end))
  accounts <- list(
    mean = account_lines(x$mean, totals[c("cluster", "value_start", "value_end")], pair),
    size = account_lines(x$size, totals[c("cluster", "size_start", "size_end")], pair)
  )
  tables <- lapply(Filter(function(name) !is.null(accounts[[name]]), names(accounts)), function(name) {
    own <- c(
      paste0("The ", name, " account of the clusters, ", span, ": start and components add up to the end."),
      if (name == "mean") reference_note(x)
    )
    knit_table(accounts[[name]], digits, n, if (name == "mean") said(caption, own) else own, ...)
  })
  knit_tables(tables)
}

#' @rdname knit_print.migration_answer
#' @exportS3Method knitr::knit_print innovation_synergy
knit_print.innovation_synergy <- function(x, digits = 3, n = 20, caption = NULL, ...) {
  own <- c(paste0("Synergy of ", paste(x$dimensions, collapse = ", "), ", in bits."), x$reference)
  shown <- setdiff(names(x$regions), c("corrected", "null_mean", "null_sd"))
  knit_tables(c(
    list(knit_table(x$total, digits, n, said(caption, own), ...)),
    if (!is.null(x$regions)) {
      list(knit_table(x$regions[shown], digits, n, "By region: contributions add up to the total.", ...))
    }
  ))
}

# The caption a user gave, or the method's own
said <- function(caption, own) {
  if (is.null(caption)) own else I(caption)
}

# "decompose_growth, dunn" as a person would say it: "Decompose growth (dunn)"
decomposition_title <- function(x) {
  words <- gsub("_", " ", class(x)[1L], fixed = TRUE)
  substr(words, 1L, 1L) <- toupper(substr(words, 1L, 1L))
  method <- if (is.character(x$method)) paste0(" (", paste(gsub("_", " ", x$method), collapse = ", "), ")")
  paste0(words, method)
}

# What a decomposition is measured against, as a sentence
reference_note <- function(x) {
  text <- paste(as.character(x$reference), collapse = "; ")
  if (nzchar(text)) paste0(toupper(substr(text, 1L, 1L)), substring(text, 2L), ".")
}

# One table with its caption: numbers rounded by column, NA as a blank
knit_table <- function(table, digits, n, caption, options = NULL, inline = NULL, ...) {
  if (!requireNamespace("knitr", quietly = TRUE)) {
    abort("Tables of a paper need the package knitr: install.packages(\"knitr\").", class = "package")
  }
  rows <- nrow(table)
  table <- plain_rows(utils::head(as.data.frame(table), n))
  if (rows > n) {
    caption <- structure(c(caption, paste0("(", plural(rows - n, "more row"), ".)")), class = oldClass(caption))
  }
  align <- ifelse(vapply(table, is.numeric, NA), "r", "l")
  p <- names(table) == "p.value"
  table[p] <- lapply(table[p], function(x) ifelse(is.na(x), "", format.pval(x, digits = 2, eps = 1e-4)))
  table[!p] <- lapply(table[!p], format_column, digits = digits)
  format <- table_format(...)
  text <- knitr::kable(literal_table(table, format),
    align = align, caption = literal_caption(caption, format), row.names = FALSE, ...
  )
  paste(wrapping_columns(text), collapse = "\n")
}

literal_table <- function(table, format) {
  text <- vapply(table, is.character, NA)
  table[text] <- lapply(table[text], literal_text, format = format)
  names(table) <- literal_text(names(table), format)
  if (!format %in% c("latex", "html")) {
    names(table) <- gsub("|", "&#124;", names(table), fixed = TRUE)
  }
  table
}

# In a table of Markdown that is wider than a page pandoc gives columns the widths that their rules have: texts longer
# than 30 characters have those of 30, and wrap, so that numbers do not
wrapping_columns <- function(lines) {
  rule <- grep("^\\|[-:|]+\\|$", lines)
  if (length(rule) != 1L || max(nchar(lines)) <= 72L) {
    return(lines)
  }
  parts <- strsplit(substring(lines[rule], 2L), "|", fixed = TRUE)[[1L]]
  right <- endsWith(parts, ":")
  width <- pmin(nchar(parts), ifelse(right, Inf, 30))
  parts <- paste0(ifelse(right, "", ":"), strrep("-", width + 1L), ifelse(right, ":", ""))
  lines[rule] <- paste0("|", paste(parts, collapse = "|"), "|")
  lines
}

# A column as text: years and other whole numbers as they are, others with `digits` significant digits
format_column <- function(x, digits) {
  if (!is.numeric(x)) {
    x <- as.character(x)
    return(ifelse(is.na(x), "", x))
  }
  known <- x[is.finite(x)]
  whole <- length(known) > 0L && all(known == round(known)) && all(abs(known) < 1e15)
  text <- if (whole) sprintf("%.0f", x) else formatC(significant(x, digits), digits = digits, format = "fg", flag = "#")
  text <- sub("[.]$", "", trimws(text))
  # more than four zeros after the point are not read
  tiny <- which(x != 0 & abs(x) < 1e-5)
  text[tiny] <- sprintf("%.*e", digits - 1L, x[tiny])
  ifelse(is.na(x), "", text)
}

# Significant digits, never fewer than the whole part has
significant <- function(x, digits) {
  large <- is.finite(x) & abs(x) >= 10^digits
  ifelse(large, round(x), signif(x, digits))
}

# Several tables, one below the other
knit_tables <- function(tables) {
  text <- vapply(tables, function(table) paste(table, collapse = "\n"), "")
  knitr::asis_output(paste0("\n\n", paste(text, collapse = "\n\n"), "\n\n"))
}
