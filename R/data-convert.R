#' Convert other data to migration_data or choice_data
#'
#' @description
#' `as_migration_data()` takes a data frame of firms, a long data frame, or a
#' `dfidx` (the class of mlogit's data) and calls [migration_data()] or
#' [choice_data()] as its arguments say.
#'
#' @param data A data frame, a `dfidx`, or data of this package (returned as
#'   they are).
#' @param ... For a data frame, the arguments of [choice_data()] when `chosen` is
#'   among them, else of [migration_data()], `data` being `firms`. For a `dfidx`,
#'   further arguments of [choice_data()], such as `from` and `weights`.
#' @param chosen Name of the column that tells the chosen row. For a `dfidx`, by
#'   default the choice column it names, or its only logical column.
#' @param firm Name of the column that identifies the firm. For a `dfidx`, by
#'   default the index in which occasions are nested (the `id` of a panel), or
#'   the occasion.
#'
#' @return A [migration_data()] or [choice_data()]. From a `dfidx`, a
#'   `choice_data` whose columns are those of the data and those of the index:
#'   the occasion is the first index, the place is the second, and indexes that
#'   nest them are kept as columns to write in formulas and nests.
#' @seealso [migration_data()], [choice_data()].
#' @examples
#' long <- data.frame(
#'   id = rep(1:2, each = 2), town = c("Guzhen", "Wenzhou"), went = c(1, 0, 0, 1)
#' )
#' as_migration_data(long, chosen = "went", id = "id", place = "town")
#'
#' if (requireNamespace("mlogit", quietly = TRUE) && requireNamespace("dfidx", quietly = TRUE)) {
#'   data("JapaneseFDI", package = "mlogit")
#'   fdi <- dfidx::dfidx(as.data.frame(JapaneseFDI),
#'     idx = list("firm", c("region", "country")), idnames = c("firm", "region")
#'   )
#'   as_migration_data(fdi, chosen = "choice")
#' }
#' @export
as_migration_data <- function(data, ...) UseMethod("as_migration_data")

#' @rdname as_migration_data
#' @export
as_migration_data.default <- function(data, ...) {
  abort("`data` must be a data frame, a dfidx, or data of this package, not ",
    describe_type(data), ".",
    class = "type"
  )
}

#' @rdname as_migration_data
#' @export
as_migration_data.migration_data <- function(data, ...) data

#' @rdname as_migration_data
#' @export
as_migration_data.choice_data <- function(data, ...) data

#' @rdname as_migration_data
#' @export
as_migration_data.data.frame <- function(data, ...) {
  given <- names(list(...))
  if ("chosen" %in% given) {
    return(choice_data(data, ...))
  }
  if ("places" %in% given) {
    return(migration_data(data, ...))
  }
  abort("Say what `data` are: for long data (a row per offered place) give `chosen`, `id` and ",
    "`place`; for a table of firms give `places`.",
    class = "argument"
  )
}

#' @rdname as_migration_data
#' @export
as_migration_data.dfidx <- function(data, chosen = NULL, firm = NULL, ...) {
  index <- dfidx_index(data)
  plain <- plain_dfidx(data, index)
  if (is.null(chosen)) chosen <- dfidx_choice(data, plain)
  ids <- attr(index, "ids")
  occasion <- names(index)[ids == 1]
  id <- occasion[1]
  # indexes beyond the first of a dimension nest it: the person of a panel
  if (is.null(firm)) firm <- if (length(occasion) > 1) occasion[2] else id
  choice_data(plain, chosen = chosen, id = id, place = names(index)[ids == 2][1], firm = firm, ...)
}

# The index of a dfidx: its column of class idx
dfidx_index <- function(data) {
  columns <- unclass(data)
  at <- which(vapply(columns, inherits, logical(1), what = "idx"))
  index <- if (length(at)) columns[[at[1]]] else attr(data, "index")
  ids <- attr(index, "ids")
  if (is.null(ids) || !all(1:2 %in% ids)) {
    abort("`data` is a dfidx without an index of occasions and places. ",
      "Give a data frame with `chosen`, `id` and `place` instead.",
      class = "type"
    )
  }
  index
}

# Columns of a dfidx and of its index as one plain data frame
plain_dfidx <- function(data, index) {
  columns <- unclass(data)
  attributes(columns) <- list(names = names(columns))
  columns <- columns[!vapply(columns, inherits, logical(1), what = "idx")]
  keys <- as.list(unclass(index))
  attributes(keys) <- list(names = names(index))
  columns <- c(keys, columns[setdiff(names(columns), names(keys))])
  structure(columns, row.names = .set_row_names(length(keys[[1]])), class = "data.frame")
}

# The choice column of a dfidx: the one it names, or its only logical column
dfidx_choice <- function(data, plain) {
  named <- attr(data, "choice")
  if (!is.null(named)) {
    return(named)
  }
  logical <- names(plain)[vapply(plain, is.logical, logical(1))]
  if (length(logical) == 1) {
    return(logical)
  }
  abort("Say which column tells the chosen row: chosen = \"...\". The columns are ",
    quote_names(names(plain), 8), ".",
    class = "argument"
  )
}
