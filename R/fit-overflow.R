# Terms so large that the log-likelihood or a derivative is not a finite number

# The value of an expression that maximises; where the core fails at its start, an error that names the terms
with_named_overflow <- function(expr, problem) {
  tryCatch(expr, firmmove_error_invalid = function(e) {
    terms <- overflowing_terms(problem)
    if (length(terms) == 0L) {
      stop(e)
    }
    abort(
      quote_names(terms), if (length(terms) == 1L) " is" else " are", " too large: squares of the values are no finite ",
      "numbers. Measure ", if (length(terms) == 1L) "it" else "them", " in a larger unit.",
      class = "overflow"
    )
  })
}

# Terms whose score or information at 0 is not finite
overflowing_terms <- function(problem) {
  layout <- problem$layout
  theta <- numeric(length(layout$linear))
  at <- tryCatch(
    evaluate_sums(problem$sums, list(kind = "conditional"), theta, 2L, kernel_control(problem$control)),
    firmmove_error = function(e) NULL
  )
  lost <- !is.finite(at$score[layout$terms]) | !is.finite(diag(at$information)[layout$terms])
  problem$design$terms$name[which(lost)]
}
