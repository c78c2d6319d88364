# Conditions: every error, warning and message of the package is signalled here,
# so that each carries a class a caller can catch and words a person can act on.

# Stop with a classed error; the message is pasted from `...`
abort <- function(..., class = NULL, call = NULL) {
  stop(new_condition(paste0(...), "error", class, call))
}

# Warn with a classed warning; the message is pasted from `...`
warn <- function(..., class = NULL, call = NULL) {
  warning(new_condition(paste0(...), "warning", class, call))
}

# Tell with a classed message; the message is pasted from `...`
inform <- function(..., class = NULL, call = NULL) {
  message(new_condition(paste0(..., "\n"), "message", class, call))
}

# Condition object of a type ("error", "warning" or "message") and class
new_condition <- function(message, type, class = NULL, call = NULL) {
  base <- paste0("firmmove_", type)
  specific <- if (length(class)) paste(base, class, sep = "_")
  structure(
    class = c(specific, base, type, "condition"),
    list(message = message, call = call)
  )
}

# What a failure in the C core becomes: a classed error; an interrupt stays an interrupt
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
