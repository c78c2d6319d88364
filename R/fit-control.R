#' @title Control of a fit
#' @description Collects and checks the numbers that steer [fit_migration()]. None of them changes what is
#' estimated, except `fixed`.
#'
#' @param threads Number of threads, a whole number of at least 1. The default is 2, or 1 on a machine with
#'   one core. Results are the same to the last bit for any number. Where the system does not let so many be started (a
#'   container's limit of processes, memory), a warning says so and fewer are used.
#' @param max_iterations Largest number of Newton iterations, a whole number of at least 1.
#' @param tolerance Convergence tolerance. The fit stops when the rise in the log-likelihood that the next
#'   Newton step promises, \eqn{s'H^{-1}s/2}{s'H^-1 s/2} with score \eqn{s} and information \eqn{H}, is at most
#'   `tolerance * (1 + abs(log-likelihood))`.
#' @param rank_tolerance A term whose variation, once the terms before it are taken out, is below this share
#'   of its own variation counts as collinear and is not estimated.
#' @param fixed Named numeric vector of coefficients that are held at a value instead of being estimated,
#'   such as `c("push(land_price)" = 0)` or `c(lambda = 1)`. They do not count as parameters in
#'   [logLik()], [AIC()] and [anova()], and their variance is 0.
#' @param slice Rows of the data that are summed together, a whole number of at least 1. Data with more rows are cut,
#'   at the end of a firm, into slices of this many rows, whose sums are added in the order of the rows. It is what a
#'   fit on an [open_store()] reads at a time, and what `workers` share. Results depend on `slice` in their last digits;
#'   threads, memory, workers and the files of a store change none.
#' @param memory Memory that a session may use for a fit on an [open_store()], about: bytes, or a string such as `"2GB"`
#'   or `"500MB"`. It must hold what it takes to build one slice. Slices that do not fit are kept in files in the
#'   temporary directory of the session and read in every pass. Each of the `workers` may use as much.
#' @param patience Seconds, a number above 0. A worker that has not answered for so long, and for ten times as long as
#'   others usually take for as much work, has its part given to the others; see [workers].
#' @param trace `TRUE` reports each stage of the fit as it is done, with its time.
#'
#' @section Processors: Sums are taken by the widest vector instructions of the processor (AVX-512, AVX2, or those that
#'   all have); another set changes the last digits of a fit, standard errors by less than 1e-12 of their size. With
#'   `FIRMMOVE_SIMD=base` in the environment before R starts (or `avx2`, `avx512`) no wider set is taken.
#' @return A list of class `migration_control` with the arguments as elements.
#' @section Errors: An argument of the wrong type, length or range is an error that names it.
#' @seealso [fit_migration()], [open_store()], [migration_workers()]
#' @examples
#' migration_control(threads = 1, fixed = c("push(land_price)" = 0))
#' @export
migration_control <- function(threads = NULL, max_iterations = 100, tolerance = 1e-12,
                              rank_tolerance = 1e-10, fixed = NULL, slice = 262144, memory = "2GB",
                              patience = 30, trace = FALSE) {
  if (is.null(threads)) {
    threads <- default_threads()
  }
  structure(
    list(
      threads = startable_threads(check_count(threads, "threads")),
      max_iterations = check_count(max_iterations, "max_iterations"),
      tolerance = check_fraction(tolerance, "tolerance"),
      rank_tolerance = check_fraction(rank_tolerance, "rank_tolerance"),
      fixed = check_fixed(fixed),
      slice = check_count(slice, "slice"),
      memory = check_memory(memory),
      patience = check_seconds(patience, "patience"),
      trace = check_flag(trace, "trace")
    ),
    class = "migration_control"
  )
}

check_fixed <- function(fixed) {
  if (is.null(fixed)) {
    return(NULL)
  }
  named <- !is.null(names(fixed)) && all(nzchar(names(fixed))) && !anyDuplicated(names(fixed))
  if (!is.numeric(fixed) || !all(is.finite(fixed)) || !named) {
    abort(
      "`fixed` must be a numeric vector of finite values with a different name on each, ",
      "like c(\"push(land_price)\" = 0).",
      class = "argument"
    )
  }
  fixed
}

# Bytes from a number or a string like "2GB"
check_memory <- function(memory) {
  bytes <- if (is.numeric(memory) && length(memory) == 1L) as.double(memory) else NA_real_
  if (is.character(memory) && length(memory) == 1L && grepl("^ *[0-9.]+ *([KMGT]?)i?B? *$", memory, ignore.case = TRUE)) {
    unit <- toupper(sub("^ *[0-9.]+ *([KMGTkmgt]?).*$", "\\1", memory))
    number <- suppressWarnings(as.numeric(sub("^ *([0-9.]+).*$", "\\1", memory)))
    bytes <- number * 1024^match(unit, c("", "K", "M", "G", "T")) / 1024
  }
  if (is.na(bytes) || bytes <= 0) {
    abort("`memory` must be a number of bytes or a string like \"2GB\" or \"500MB\".", class = "argument")
  }
  bytes
}

#' @export
print.migration_control <- function(x, ...) {
  cat("Control of a migration fit\n")
  fixed <- if (is.null(x$fixed)) "none" else paste0(names(x$fixed), " = ", format(x$fixed), collapse = ", ")
  values <- c(
    threads = x$threads, max_iterations = x$max_iterations, tolerance = format(x$tolerance),
    rank_tolerance = format(x$rank_tolerance), fixed = fixed, slice = format_count(x$slice),
    memory = format_bytes(x$memory), patience = format(x$patience), trace = x$trace
  )
  cat(paste0("  ", format(names(values)), "  ", values, "\n"), sep = "")
  invisible(x)
}
