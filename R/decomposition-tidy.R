# Decompositions in the tables of a paper: one row a term, with a name, an estimate, its error and an interval of any
# level. modelsummary takes tidy() and glance(), parameters its own generic.

#' @title Tidy and glance a decomposition
#' @description `tidy()` gives one table of a decomposition with a column `term` that names each row, `statistic`,
#'   `p.value`, and intervals of any level; `glance()` the decomposition in one row; `confint()` the intervals as a
#'   matrix. So modelsummary and parameters make tables of decompositions as they do of fits.
#' @param x,object A decomposition.
#' @param table Name of the table, one of `names(x)`; `NULL` is the first that has estimates.
#' @param conf.int `FALSE` leaves the intervals out.
#' @param conf.level,level Level of the intervals, between 0 and 1; `NULL` is that of the decomposition.
#' @param parm Names or numbers of terms; all if missing.
#' @param ... Nothing: an argument that is not known is an error.
#' @return
#' `tidy()`: a data frame with `term` (what tells the rows of the table apart, such as "Wenzhou: emigration, Guzhen"),
#' the columns of the table, `estimate`, and where it has errors `std.error`, `statistic`, `p.value` (of 0; by Student's
#' t where the table has degrees of freedom), `conf.low`, `conf.high`. For tables without a column `estimate` it is the
#' main one: the gamma of Ellison and Glaeser and other indices of [concentration()], a row each; `eci` of
#' [complexity()]; `relatedness`; the `contribution` of a region to its synergy.
#'
#' `glance()`: a data frame of one row with `decomposition`, `method`, `nobs` (firms, points or regions, `NA` where they
#' are not counted), `terms`, `residual` (the largest) and `conf.level`.
#'
#' `confint()`: a matrix with a row for each term.
#' @section Errors: A table that the decomposition does not have; an unknown argument.
#' @seealso [print.decomposition()]
#' @examples
#' account <- decompose_cluster(wenzhou_guzhen(), "productivity", "jobs", pairs = "ends")
#' head(tidy(account, conf.level = 0.9))
#' glance(account)
#' head(confint(account, level = 0.9))
#' @name tidy.decomposition
NULL

#' @rdname tidy.decomposition
#' @export
tidy.decomposition <- function(x, table = NULL, conf.int = TRUE, conf.level = NULL, ...) {
  check_dots(...)
  check_flag(conf.int, "conf.int")
  name <- tidy_table(x, table)
  result <- with_estimate(as.data.frame.decomposition(x, table = name), x)
  if (is.null(result$std.error) && !is.null(conf.level)) {
    abort("Table `", name, "` has no standard errors, so no intervals: leave `conf.level` out.", class = "argument")
  }
  if (is.null(result$estimate)) {
    return(quick_table(term = row_terms(result), result))
  }
  if (!is.null(result$std.error)) {
    result <- with_tests(result, x, conf.level)
  }
  if (!conf.int) {
    result <- result[setdiff(names(result), c("conf.low", "conf.high"))]
  }
  plain_rows(quick_table(term = row_terms(result), result))
}

# The table asked for, or the first with estimates
tidy_table <- function(x, table) {
  if (!is.null(table)) {
    return(table)
  }
  tables <- setdiff(decomposition_tables(x), c("residual", "notes"))
  has <- vapply(tables, function(name) "estimate" %in% names(x[[name]]), NA)
  main <- main_estimates[[class(x)[1L]]]$table
  if (!is.null(main)) main else if (any(has)) tables[has][1L] else tables[1L]
}

# Where the main numbers are of decompositions whose first table has no column `estimate`
main_estimates <- list(
  concentration = list(table = "industries", columns = c(
    "hoover", "krugman", "gini", "locational_gini", "hhi", "theil", "mld", "ellison_glaeser", "maurel_sedillot"
  )),
  relatedness = list(table = "pairs", columns = "relatedness"),
  complexity = list(table = "regions", columns = "eci"),
  innovation_synergy = list(table = "total", columns = c("synergy", "corrected"))
)

# `estimate`: the column of that name, or the main columns one below the other
with_estimate <- function(table, x) {
  main <- main_estimates[[class(x)[1L]]]
  columns <- intersect(main$columns, names(table))
  if (!is.null(table$estimate) || length(columns) == 0L) {
    if (is.null(table$estimate) && !is.null(table$contribution)) {
      table$estimate <- table$contribution
    }
    return(table)
  }
  if (length(columns) == 1L) {
    table$estimate <- table[[columns]]
    return(table)
  }
  keys <- table[intersect(names(table), c("time", "industry", "region", "n"))]
  rows <- nrow(table)
  error <- rep(NA_real_, rows * length(columns))
  own <- match("ellison_glaeser", columns)
  if (!is.na(own) && !is.null(table$std.error)) {
    error[seq_len(rows) + rows * (own - 1L)] <- table$std.error
  }
  long <- quick_table(
    keys[rep(seq_len(rows), length(columns)), , drop = FALSE],
    index = rep(columns, each = rows),
    estimate = unlist(table[columns], use.names = FALSE)
  )
  if (!all(is.na(error))) {
    long$std.error <- error
  }
  long
}

with_tests <- function(table, x, conf.level) {
  df <- if (is.null(table$df)) Inf else ifelse(is.na(table$df), Inf, table$df)
  statistic <- ifelse(table$std.error > 0, table$estimate / table$std.error, NA)
  table$statistic <- statistic
  table$p.value <- 2 * stats::pt(-abs(statistic), df)
  level <- if (is.null(conf.level)) x$conf.level else check_fraction(conf.level, "conf.level")
  if (!is.null(conf.level) || is.null(table$conf.low)) {
    reach <- interval_reach(table$std.error, rep_len(df, nrow(table)), if (is.null(level)) 0.95 else level)
    table$conf.low <- table$estimate - reach
    table$conf.high <- table$estimate + reach
  }
  table
}

# Names of rows by what tells them apart: cluster, pair of periods where there are several, component, partner ...
row_terms <- function(table) {
  if (nrow(table) == 0L) {
    return(character())
  }
  span <- if (all(c("start", "end") %in% names(table))) {
    paste(as.character(table$start), as.character(table$end), sep = "-")
  }
  labels <- c(
    list(prob = table[["prob"]], time = table[["time"]], event_time = table[["event_time"]], span = span),
    table[setdiff(names(table)[!vapply(table, is.numeric, NA)], c("time", "start", "end", "reason", "note", "fold"))],
    list(distance = table[["distance"]], within = if (is.numeric(table[["within"]])) table[["within"]])
  )
  labels <- lapply(labels[lengths(labels) > 0L], as.character)
  varies <- vapply(labels, function(label) length(unique(label)) > 1L, NA)
  shown <- labels[varies | names(labels) %in% c("component", "player", "parameter", "variable")]
  if (length(shown) == 0L) {
    shown <- utils::head(labels, 1L)
  }
  make.unique(join_labels(shown, nrow(table)), sep = " ")
}

join_labels <- function(labels, n) {
  text <- character(n)
  for (k in seq_along(labels)) {
    more <- !is.na(labels[[k]])
    sep <- ifelse(nzchar(text[more]), if (k == 2L) ": " else ", ", "")
    text[more] <- paste0(text[more], sep, labels[[k]][more])
  }
  text
}

#' @rdname tidy.decomposition
#' @export
glance.decomposition <- function(x, ...) {
  check_dots(...)
  main <- with_estimate(x[[tidy_table(x, NULL)]], x)
  left <- if (is.data.frame(x$residual)) x$residual$residual else x$residual
  left <- abs(as.numeric(unlist(left)))
  data.frame(
    decomposition = class(x)[1L], method = if (is.character(x$method)) paste(x$method, collapse = ", ") else NA_character_,
    nobs = decomposition_size(x), terms = nrow(main), residual = if (any(!is.na(left))) max(left, na.rm = TRUE) else NA_real_,
    conf.level = if (is.null(x$conf.level)) NA_real_ else x$conf.level
  )
}

# How many firms or points a decomposition is of, where it has counted them
decomposition_size <- function(x) {
  n <- c(x$n_firms, x$n, if (inherits(x, "decompose_gap")) sum(x$totals$firms, na.rm = TRUE))
  if (length(n) > 0L) {
    return(as.numeric(n[1L]))
  }
  for (columns in list(c("firms_first", "firms_second"))) {
    if (!is.null(x$fit) && all(columns %in% names(x$fit))) {
      return(sum(x$fit[columns]))
    }
  }
  if (is.data.frame(x$totals) && !is.null(x$totals$firms)) sum(x$totals$firms, na.rm = TRUE) else NA_real_
}

#' @importFrom stats nobs
#' @rdname tidy.decomposition
#' @export
nobs.decomposition <- function(object, ...) decomposition_size(object)

#' @rdname tidy.decomposition
#' @export
confint.decomposition <- function(object, parm, level = NULL, table = NULL, ...) {
  check_dots(...)
  found <- tidy.decomposition(object, table, conf.level = level)
  if (is.null(found$conf.low)) {
    abort("The decomposition has no standard errors, so no intervals.", class = "argument")
  }
  if (is.null(level)) {
    level <- if (is.null(object$conf.level)) 0.95 else object$conf.level
  }
  ends <- paste(format(100 * c(1 - level, 1 + level) / 2, trim = TRUE, digits = 3), "%")
  result <- matrix(c(found$conf.low, found$conf.high), ncol = 2L, dimnames = list(found$term, ends))
  if (missing(parm)) result else result[parm, , drop = FALSE]
}

#' @exportS3Method parameters::model_parameters decomposition
model_parameters.decomposition <- function(model, ci = NULL, table = NULL, ...) {
  found <- tidy.decomposition(model, table, conf.level = ci)
  result <- data.frame(Parameter = found$term, Coefficient = found$estimate)
  columns <- c(SE = "std.error", CI_low = "conf.low", CI_high = "conf.high", t = "statistic", df_error = "df", p = "p.value")
  columns <- columns[columns %in% names(found)]
  result[names(columns)] <- found[columns]
  structure(result, class = c("parameters_model", "see_parameters_model", "data.frame"), ci = ci, show_sigma = FALSE)
}
