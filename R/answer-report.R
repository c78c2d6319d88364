#' @title Write a self-contained report
#' @description Renders what a reader of a fit asks for into one HTML file that needs nothing else: the model in
#' words, the coefficient table with the standard errors asked for, pictures of the coefficients, the flows and
#' the predicted against the observed moves, tests of the model as a whole, the record of the maximisation, and
#' the R session. A paper to write around it: `rmarkdown::draft("paper.Rmd", "migration-paper",
#' package = "firmmove")`.
#' @param fit A fit of [fit_migration()].
#' @param file Path of the HTML file to write.
#' @param title Title of the report.
#' @param type,cluster Which standard errors, as in [vcov.migration_fit()].
#' @param overwrite `TRUE` replaces a file that is there already.
#' @param quiet `FALSE` shows the progress of the rendering.
#' @return The path of the file, invisibly.
#' @section Errors: Package rmarkdown or ggplot2, or pandoc, is not there; `file` does not end in `.html`, exists
#'   already, or lies in a folder that does not exist.
#' @seealso [explore_migration()] for an app, [knit_print.migration_answer()] for single tables, [test_claims()].
#' @examplesIf requireNamespace("rmarkdown", quietly = TRUE) && rmarkdown::pandoc_available()
#' fit <- fit_migration(~ push(land_price) + distance, wenzhou_guzhen())
#' \donttest{
#' file <- tempfile(fileext = ".html")
#' report_migration(fit, file)
#' }
#' @export
report_migration <- function(fit, file, title = "Why firms leave, and where they go",
                             type = c("hessian", "opg", "robust", "cluster"), cluster = NULL,
                             overwrite = FALSE, quiet = TRUE) {
  if (!inherits(fit, "migration_fit")) {
    abort("`fit` must be a fit of fit_migration(), not ", class(fit)[1L], ".", class = "argument")
  }
  type <- if (missing(type) && !is.null(cluster)) "cluster" else check_choice(type, "type")
  check_report_file(file, check_flag(overwrite, "overwrite"))
  need_rmarkdown()
  need_ggplot2()
  source <- system.file("rmarkdown", "report.Rmd", package = "firmmove", mustWork = TRUE)
  place <- tempfile("report-")
  dir.create(place)
  on.exit(unlink(place, recursive = TRUE))
  # rendered aside, so that a report that fails halfway leaves no file
  file.copy(source, place)
  made <- rmarkdown::render(file.path(place, "report.Rmd"),
    output_file = file.path(place, "report.html"), quiet = check_flag(quiet, "quiet"),
    params = list(fit = fit, title = title, type = type, cluster = cluster), envir = new.env(parent = globalenv())
  )
  if (!file.copy(made, file, overwrite = TRUE)) {
    abort("`file` could not be written: ", file, ".", class = "file")
  }
  invisible(file)
}

check_report_file <- function(file, overwrite) {
  if (!is.character(file) || length(file) != 1L || is.na(file) || !grepl("\\.html?$", file)) {
    abort("`file` must be the path of an HTML file, like \"report.html\".", class = "argument")
  }
  if (!dir.exists(dirname(file))) {
    abort("`file` lies in a folder that does not exist: ", dirname(file), ".", class = "file")
  }
  if (file.exists(file) && !overwrite) {
    abort("`file` exists already: ", file, ". overwrite = TRUE replaces it.", class = "file")
  }
}

need_rmarkdown <- function(available = requireNamespace("rmarkdown", quietly = TRUE) &&
                             requireNamespace("knitr", quietly = TRUE) && rmarkdown::pandoc_available("1.12.3"),
                           why = lacking_for_reports()) {
  if (!available) {
    abort(
      "Reports need the packages rmarkdown and knitr, and pandoc (RStudio brings it; else pandoc.org).",
      why,
      class = "package"
    )
  }
}

# Which of the needs of a report is not met, and why: a sentence, or NULL where none is found
lacking_for_reports <- function() {
  for (package in c("rmarkdown", "knitr")) {
    why <- tryCatch(
      {
        loadNamespace(package)
        NULL
      },
      error = conditionMessage
    )
    if (!is.null(why)) {
      return(paste0(" The package ", package, " cannot be loaded: ", trimws(why), "."))
    }
  }
  if (!rmarkdown::pandoc_available("1.12.3")) " There is no pandoc of version 1.12.3 or later."
}
