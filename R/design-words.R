# Words of the formula language that are also something else: the name of a column, an operator of R's formulas, a
# habit of another package. Each is read in the one sense that is meant, or refused with the words to write.

# Checks the right side of a parsed formula against the tables (named list of column names)
check_words <- function(parsed, tables) {
  check_hidden_columns(parsed$right, tables)
  check_operators(parsed$right, tables)
  check_functions(parsed$right, parsed$env)
}

# A column called like a word that the formula uses is hidden by the word
check_hidden_columns <- function(right, tables) {
  hidden <- function(word, what) {
    home <- names(tables)[vapply(tables, function(columns) word %in% columns, NA)]
    if (length(home) == 0L) {
      return(invisible())
    }
    abort("`", word, "` is ", what, " and also a column of ", paste0("`", home, "`", collapse = " and "),
      ". Write `", home[1L], "$", word, "` for the column, or rename it to have the word.",
      class = "lookup"
    )
  }
  if (uses_stay(right)) {
    hidden("stay", "the constant of staying in formulas")
  }
}

# Whether the word `stay` is written as something to estimate: not behind a minus, which takes the constant out, nor as
# part of `table$stay`
uses_stay <- function(expr) {
  if (is.name(expr)) {
    return(identical(expr, quote(stay)))
  }
  if (!is.call(expr) || is_call_to(expr, c("$", "peers"))) {
    return(FALSE)
  }
  parts <- as.list(expr)[-1L]
  if (is_call_to(expr, "-")) parts <- parts[-length(parts)]
  any(vapply(parts, uses_stay, NA))
}

# `%in%` nests terms in R's formulas, which has no meaning here; most who write it mean the comparison
check_operators <- function(expr, tables) {
  if (!is_call_to(expr, c("+", "-", "*", "(", "^", "/", ":", "%in%"))) {
    return(invisible())
  }
  if (is_call_to(expr, "%in%")) {
    text <- term_text(expr)
    abort("`", text, "`: `%in%` is an operator of R's formulas. Write `I(", text, ")` for the comparison.",
      class = "formula"
    )
  }
  for (part in as.list(expr)[-1L]) {
    check_operators(part, tables)
  }
}

# A function that does not exist but is nearly a word of the language
check_functions <- function(expr, env) {
  if (!is.call(expr)) {
    return(invisible())
  }
  name <- if (is.name(expr[[1L]])) as.character(expr[[1L]])
  words <- c("push", "pull", "keep", "peers", "offset")
  if (!is.null(name) && !name %in% words && !exists(name, envir = env, mode = "function")) {
    near <- nearest_name(name, words)
    abort("There is no function `", name, "()` (in `", term_text(expr), "`).",
      if (!is.null(near)) paste0(" Did you mean `", near, "()`?"),
      class = "formula"
    )
  }
  for (part in as.list(expr)[-1L]) {
    if (!missing(part)) check_functions(part, env)
  }
}

# Constants ---------------------------------------------------------------------------------------------

# Where `stay` is to be added, `0 +` and `- 1` leave open whether it is: a model of places has no other constant
check_intercept <- function(right, env) {
  terms <- stats::terms(stats::as.formula(call("~", right), env = env))
  if (attr(terms, "intercept") == 0L && !uses_stay(right) && !"stay" %in% all.vars(right)) {
    abort("`", term_text(right), "` takes out a constant, but the one that is added is `stay`. Write `- stay` to ",
      "leave it out, or drop the `0 +` or `- 1` to keep it.",
      class = "formula"
    )
  }
}

# What follows the bar: `place`, or 0 for none
refuse_absorbed <- function(absorbed, place) {
  text <- deparse1(absorbed)
  if (identical(absorbed, 1) || identical(absorbed, 1L)) {
    abort("`| 1` is read as constants by some packages and as none by others. Write `| place` for a constant of each ",
      "place, or drop the bar.",
      class = "formula"
    )
  }
  others <- setdiff(all.vars(absorbed), c("place", place))
  abort("Only place constants can follow `|`: write `| place`, not `| ", text, "`.",
    if (length(others) > 0L) {
      paste0(
        " What mlogit writes `y ~ x | ", paste(others, collapse = " + "), "` is `~ x + ",
        paste0(others, ":factor(", place, ")", collapse = " + "), " | place` here."
      )
    },
    class = "formula"
  )
}

# fixest's third part, `y ~ x | place | price ~ cost`
refuse_instruments <- function(formula) {
  within <- if (length(formula) > 2L) as.list(formula)[-1L] else list(formula[[2L]])
  if (any(vapply(within, function(part) is.call(part) && "~" %in% all.names(part), NA))) {
    abort("`", formula_text(formula), "` has two `~`, as fixest writes instruments: they are not supported. Write ",
      "`~ terms | place`.",
      class = "formula"
    )
  }
}

# Parts of a formula that only other packages have
refuse_parts <- function(parts) {
  if (length(parts)[1L] > 1L) {
    abort("`formula` may have one left side: `to ~ terms | place`.", class = "formula")
  }
  if (length(parts)[2L] > 2L) {
    abort("`formula` may have one `|`: `to ~ terms | place`. What mlogit writes `y ~ x | w | z` is ",
      "`~ x + w:factor(place) + z:factor(place) | place` here.",
      class = "formula"
    )
  }
}
