# Conditions: every error, warning and message of the package is signalled here,
# so that each carries a class a caller can catch and words a person can act on.

#' Stop with a classed error; the message is pasted from `...`
#' @noRd
abort <- function(..., class = NULL, call = NULL) {
  stop(new_condition(paste0(...), "error", class, call))
}

#' Warn with a classed warning; the message is pasted from `...`
#' @noRd
warn <- function(..., class = NULL, call = NULL) {
  warning(new_condition(paste0(...), "warning", class, call))
}

#' Tell with a classed message; the message is pasted from `...`
#' @noRd
inform <- function(..., class = NULL, call = NULL) {
  message(new_condition(paste0(..., "\n"), "message", class, call))
}

#' Condition object of a type ("error", "warning" or "message") and class
#' @noRd
new_condition <- function(message, type, class = NULL, call = NULL) {
  base <- paste0("firmmove_", type)
  specific <- if (length(class)) paste(base, class, sep = "_")
  structure(
    class = c(specific, base, type, "condition"),
    list(message = message, call = call)
  )
}

#' Names for a message: "`a`, `b`, `c` and 7 more"
#' @noRd
quote_names <- function(x, max = 5) {
  x <- as.character(x)
  more <- length(x) - max
  # "and 1 more" is longer than the name it hides
  if (more == 1) more <- 0
  shown <- paste0("`", if (more > 0) x[seq_len(max)] else x, "`", collapse = ", ")
  if (more > 0) paste(shown, "and", format_count(more), "more") else shown
}

#' The string of `among` closest to `name`, or NULL when none is close
#' @noRd
nearest_name <- function(name, among) {
  among <- unique(as.character(among))
  if (!length(among)) return(NULL)
  distance <- drop(utils::adist(name, among, ignore.case = TRUE))
  best <- which.min(distance)
  # further than half of the longer word is another word, not a slip
  if (distance[best] > max(nchar(name), nchar(among[best])) / 2) return(NULL)
  among[best]
}

#' A count and its noun: "1 row", "3 rows", "2 entries"
#' @noRd
plural <- function(n, singular, plural = paste0(singular, "s")) {
  paste(format_count(n), if (n == 1) singular else plural)
}

#' A count with thousands separated: "1,000,000"
#' @noRd
format_count <- function(n) {
  format(n, big.mark = ",", scientific = FALSE, trim = TRUE)
}

#' What a failure in the C core becomes: a classed error; an interrupt stays an interrupt
#' @noRd
core_condition <- function(message, class) {
  if (class == "interrupted") {
    interrupt <- structure(
      class = c("firmmove_interrupt", "interrupt", "condition"),
      list(message = "interrupted", call = NULL)
    )
    signalCondition(interrupt)
    # nobody caught it: back to the prompt, as R itself does
    invokeRestart("abort")
  }
  abort(message, class = class)
}

#' Stop when `...` holds an argument that nothing uses
#' @noRd
check_dots <- function(...) {
  if (...length() == 0) return(invisible())
  unknown <- names(list(...))
  abort("There is no such argument: ",
        if (is.null(unknown)) "one without a name is too many" else quote_names(unknown[nzchar(unknown)]),
        ".", class = "argument")
}
