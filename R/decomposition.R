#' Decompositions: printing, summaries and tables
#'
#' @description
#' Every decomposition of the package is a list of plain data frames, with the `method`, the `reference` (which group or
#' weights its terms are measured against) and the `residual` (what the identity leaves of the change: shown, never
#' scaled away). These methods work on all of them.
#'
#' `print()` names the reference and shows each table with the sum of its estimates; for [decompose_cluster()] the
#' accounts of the clusters, one line each, which add up from left to right. `summary()` adds standard errors and flows.
#' `as.data.frame()` gives one table as it is, [tidy()][tidy.decomposition] with names of its terms.
#'
#' @param x,object A decomposition.
#' @param table Name of the table, one of `names(x)`; the first if `NULL`.
#' @param digits Significant digits to show.
#' @param n Rows of a table to show.
#' @param row.names,optional Not used.
#' @param ... Nothing: an argument that is not known is an error.
#' @return `print()` returns `x`, invisibly; `summary()` a list of class `summary.decomposition` with `wide` (a row for
#'   each cluster and pair of periods, a column for each component, summed over partners; only of tables that have them)
#'   and `tables`; `as.data.frame()` a data frame.
#' @section Errors: A table that the decomposition does not have.
#' @seealso [decompose_cluster()] and its sisters, [plot.decompose_cluster()], [knit_print.migration_answer()] for
#'   documents.
#' @examples
#' account <- decompose_cluster(wenzhou_guzhen(), "productivity", "jobs", pairs = "ends")
#' print(account)
#' summary(account)
#' head(as.data.frame(account, table = "size"))
#' @name print.decomposition
NULL

# Names of the tables of a decomposition: its elements that are data frames
decomposition_tables <- function(x) names(x)[vapply(x, is.data.frame, NA)]

#' @rdname print.decomposition
#' @export
print.decomposition <- function(x, digits = max(3L, getOption("digits") - 3L), n = 12, ...) {
  print_reference(x)
  tables <- setdiff(decomposition_tables(x), c("residual", "notes"))
  for (name in tables) {
    table <- x[[name]]
    if (nrow(table) == 0) next
    cat("\n", name, ":\n", sep = "")
    print_fitting(utils::head(table, n), digits)
    if (nrow(table) > n) cat("... ", plural(nrow(table) - n, "more row"), "\n", sep = "")
    # levels of several clusters and periods have no sum that means anything
    if (is.numeric(table[["estimate"]]) && (is.null(x$additive) || name %in% x$additive)) {
      cat("sum of estimates: ", format(sum(table$estimate, na.rm = TRUE), digits = digits), "\n", sep = "")
    }
  }
  print_residual(x)
  invisible(x)
}

# A table that fits the width of the console: a wider one is cut into blocks, each of which begins with the columns that
# say which row it is
print_fitting <- function(table, digits, width = getOption("width")) {
  text <- as.matrix(format(table, digits = digits))
  size <- pmax(nchar(names(table), "width"), apply(text, 2L, function(x) max(nchar(trimws(x), "width")))) + 1L
  labels <- which(!vapply(table, is.numeric, NA) | names(table) %in% c("start", "end", "time"))
  labels <- labels[cumsum(size[labels]) < width / 2]
  left <- setdiff(seq_along(table), labels)
  while (length(left) > 0L) {
    fits <- sum(size[labels]) + cumsum(size[left]) <= width
    now <- if (any(fits)) left[fits] else left[1L]
    print(table[sort(c(labels, now))], digits = digits, row.names = FALSE)
    left <- setdiff(left, now)
  }
  if (length(labels) == length(table)) {
    print(table, row.names = FALSE)
  }
}

# Class, method and reference
print_reference <- function(x) {
  cat("<", class(x)[1], ">", if (is.character(x$method)) paste0(" ", paste(x$method, collapse = ", ")), "\n", sep = "")
  lines <- unlist(strwrap(as.character(x$reference), 78, indent = 2, exdent = 4, simplify = FALSE))
  if (length(lines)) writeLines(lines)
}

# The largest residual, and what is NA and why
print_residual <- function(x) {
  left <- if (is.data.frame(x$residual)) x$residual$residual else x$residual
  left <- suppressWarnings(max(abs(as.numeric(unlist(left))), na.rm = TRUE))
  if (is.finite(left)) cat("\nlargest residual: ", format(left, digits = 2), "\n", sep = "")
  if (is.data.frame(x$notes) && nrow(x$notes)) {
    cat("notes:\n")
    print(utils::head(x$notes, 6), row.names = FALSE, right = FALSE)
    if (nrow(x$notes) > 6) cat("... ", plural(nrow(x$notes) - 6, "more note"), " in `notes`\n", sep = "")
  }
}

#' @rdname print.decomposition
#' @export
summary.decomposition <- function(object, ...) {
  check_dots(...)
  tables <- decomposition_tables(object)
  accounts <- Filter(function(name) {
    all(c("cluster", "start", "end", "component", "estimate") %in% names(object[[name]])) && nrow(object[[name]])
  }, tables)
  wide <- lapply(stats::setNames(nm = accounts), function(name) wide_account(object[[name]]))
  structure(list(wide = wide, tables = unclass(object)[tables], object = object), class = "summary.decomposition")
}

# One row for each cluster and pair of periods, one column for each component
wide_account <- function(table) {
  key <- paste(table$cluster, table$start, table$end, sep = "\r")
  row <- match(key, unique(key))
  components <- intersect(c(component_order, unique(table$component)), table$component)
  sums <- matrix(0, max(row), length(components), dimnames = list(NULL, components))
  found <- rowsum(table$estimate, (match(table$component, components) - 1) * nrow(sums) + row)
  sums[as.integer(rownames(found))] <- found
  wide <- data.frame(table[!duplicated(key), c("cluster", "start", "end")], sums, check.names = FALSE)
  wide$change <- rowSums(sums)
  plain_rows(wide)
}

#' @rdname print.decomposition
#' @export
print.summary.decomposition <- function(x, digits = max(3L, getOption("digits") - 3L), n = 24, ...) {
  print_reference(x$object)
  for (name in setdiff(names(x$tables), c("residual", "notes"))) {
    table <- x$tables[[name]]
    if (nrow(table) == 0) next
    cat("\n", name, ":\n", sep = "")
    print_fitting(utils::head(table, n), digits)
    if (nrow(table) > n) cat("... ", plural(nrow(table) - n, "more row"), "\n", sep = "")
  }
  print_residual(x$object)
  invisible(x)
}

#' @rdname print.decomposition
#' @export
as.data.frame.decomposition <- function(x, row.names = NULL, optional = FALSE, table = NULL, ...) {
  check_dots(..., also = "stringsAsFactors")
  tables <- decomposition_tables(x)
  if (is.null(table)) {
    return(x[[tables[1]]])
  }
  if (!is.character(table) || length(table) != 1 || !table %in% tables) {
    abort("`table` must be one of ", quote_names(tables, 12), ".", class = "argument")
  }
  x[[table]]
}

# The accounts of clusters ---------------------------------------------------------------------------

# The pair of periods that print() and the pictures show: the end points, or the last
shown_pair <- function(x, start = NULL, end = NULL) {
  pairs <- x$system_total[c("start", "end")]
  at <- nrow(pairs)
  if (!is.null(start) || !is.null(end)) {
    at <- which((is.null(start) | as.character(pairs$start) == as.character(start)) &
      (is.null(end) | as.character(pairs$end) == as.character(end)))
    if (length(at) == 0) {
      abort("There is no pair of periods from ", if (is.null(start)) "any" else start, " to ",
        if (is.null(end)) "any" else end, ".",
        class = "argument"
      )
    }
    at <- at[1]
  }
  pairs[at, ]
}

# Rows of a table that belong to a pair
in_pair <- function(table, pair) {
  table[as.character(table$start) == as.character(pair$start) & as.character(table$end) == as.character(pair$end), ,
    drop = FALSE
  ]
}

#' @rdname print.decomposition
#' @export
print.decompose_cluster <- function(x, digits = max(3L, getOption("digits") - 3L), n = 12, ...) {
  print_reference(x)
  pair <- shown_pair(x)
  pairs <- nrow(x$system_total)
  cat("  from ", as.character(pair$start), " to ", as.character(pair$end),
    if (pairs > 1) paste0("; ", pairs - 1, " other pairs of periods in the tables"), "; ",
    plural(x$n_firms, "firm"), "\n",
    sep = ""
  )
  totals <- in_pair(x$totals, pair)
  print_account(x$mean, "mean account", totals[c("cluster", "value_start", "value_end")], pair, digits, n)
  print_account(x$size, "size account", totals[c("cluster", "size_start", "size_end")], pair, digits, n)
  print_residual(x)
  invisible(x)
}

# Start, components, end of each cluster, or NULL where the pair has no rows: each line adds up
account_lines <- function(table, ends, pair) {
  table <- in_pair(table, pair)
  if (nrow(table) == 0) {
    return(NULL)
  }
  wide <- wide_account(table)
  parts <- wide[setdiff(names(wide), c("cluster", "start", "end", "change"))]
  at <- match(wide$cluster, ends$cluster)
  # what is left of terms that cancel is no digit to show
  parts[] <- lapply(parts, function(x) replace(x, abs(x) < 1e-13 * max(abs(unlist(ends[-1])), na.rm = TRUE), 0))
  data.frame(cluster = wide$cluster, start = ends[[2]][at], parts, end = ends[[3]][at], check.names = FALSE)
}

print_account <- function(table, title, ends, pair, digits, n) {
  lines <- account_lines(table, ends, pair)
  if (is.null(lines)) {
    return(invisible())
  }
  cat("\n", title, ": start + components = end\n", sep = "")
  print(utils::head(lines, n), digits = digits, row.names = FALSE)
  if (nrow(lines) > n) cat("... ", plural(nrow(lines) - n, "more cluster"), "\n", sep = "")
}
