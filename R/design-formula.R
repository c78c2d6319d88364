# Reads a migration formula: splits it, names its terms as the user wrote them,
# and finds which part each variable plays (place, push, pull, keep, stay, peers).

#' The formula language of migration models
#'
#' A migration formula lists what a firm weighs when it decides where to be. It
#' is one-sided, `~ terms`, or has the name of the column of the chosen place
#' on its left. Each variable is looked up in the table that has it: `places`,
#' `ties` or `firms` of a [migration_data()], the columns of a [choice_data()].
#'
#' Write \eqn{o} for the origin of firm \eqn{i} (the place where it is at the
#' start of the occasion), \eqn{j} for a place it may choose. The utility is
#' \deqn{v_{ij} = \sum_k b_k x_{ijk}}{v_ij = sum_k b_k x_ijk}
#' and each term of the formula adds one column \eqn{x_{ijk}}{x_ijk} or, for
#' factors and `poly()`, several:
#'
#' | written | column |
#' |---|---|
#' | `x`, an attribute of places | \eqn{x_j}: one coefficient for the origin and for destinations |
#' | `pull(x)` | \eqn{x_j} if \eqn{j \ne o}{j != o}, else 0: draws movers to a place |
#' | `push(x)` | \eqn{x_o} if \eqn{j \ne o}{j != o}, else 0: drives firms out of their origin |
#' | `keep(w)`, `w` an attribute of firms | \eqn{w_i} if \eqn{j = o}, else 0: holds the firm |
#' | `stay` | 1 if \eqn{j = o}, else 0: the constant of staying |
#' | `w:x`, `w:pull(x)`, `w:push(x)`, `w:d` | the product; any number of variables, in any order |
#' | `stay:w`, `stay:x`, `stay:d` | `keep(w)`; \eqn{x_o} or \eqn{d_{io}} if staying |
#' | `d`, an attribute of ties | \eqn{d_{oj}} or \eqn{d_{ij}}: 0 at the origin unless the table says otherwise |
#' | `peers(g, lag = 1, scale = "share")` | other firms of the same group `g` already at \eqn{j} (below) |
#' | `place` after a bar at the end | a constant for each place, absorbed without dummy columns (below) |
#' | `offset(q)` | \eqn{q_{ij}} with its coefficient fixed at 1 |
#'
#' `stay` is added as the first term unless the formula says `- stay` or no
#' firm has an origin. An occasion without an origin has no stay; terms that
#' refer to the origin (`push()`, `keep()`, ties keyed by origin) are 0 for it.
#'
#' @section A firm attribute by itself:
#' It is the same for every place, so it cannot tell them apart, and writing it
#' is an error. Write `keep(size)`, or `size:x` with an attribute `x` of
#' places. `size * x` contains `size` by itself and is an error too.
#'
#' @section Functions:
#' `log()`, `poly()`, `splines::bs()`, `factor()`, `I()`, `scale()` and any
#' other function work inside a term as in [stats::formula()], and within
#' `push()`, `pull()`, `keep()`, `offset()`. They are computed on the table that
#' has the variable: `poly(land_price, 2)` is a polynomial over the rows of
#' `places`. All variables of one call must be in one table; write a product of
#' two tables with `:`. [predict()] uses the knots, means and levels of the fit.
#' Other names, such as the `k` of `poly(x, k)`, are looked up where the formula
#' was written.
#'
#' Character variables are factors, logical variables are 0 and 1. A factor has
#' a column for each level but the first where the model already contains the
#' term without it, and for every level otherwise, as in [stats::model.matrix()];
#' a firm attribute by itself counts as contained, because it is the same for
#' every place. The contrasts are those of `options("contrasts")`.
#'
#' @section Two tables with the same column:
#' A name that two tables have is an error; write `places$x`, `firms$x` or, for
#' a tie table called `roads`, `roads$x`.
#'
#' @section Peers:
#' `peers(g)` counts the firms with the same value of the firm column `g` that
#' were at the place at the end of the period `lag` periods before. The firm
#' itself is not counted. `peers(network)` counts the firms linked to it in
#' `network`, with the weights of the links; `peers()` counts all firms. Periods
#' are those observed, in their order: with data of 1997 and 1999, one period
#' before 1999 is 1997. A firm is where its `to` says at the end of the period
#' or, where it was not observed in that period, where its next `from` says.
#' Before the first period that is the `from` of the first period. Closed firms
#' are at no place.
#'
#' `scale` is `"share"`: the count divided by the size of the group (for
#' `network` the weight of all links) then at any place; `"log1p"`: log(1 +
#' count); or `"count"`. `lag = 0` counts those who choose at the same time;
#' their choices depend on each other, which a conditional logit ignores.
#'
#' @section Place constants:
#' With `~ x + d | place` the model has a constant for each place. Places that no firm
#' chose have a constant of minus infinity: they are taken out, with a message
#' that names them.
#'
#' @section Missing values:
#' An occasion with a missing value in a variable of the formula is treated as
#' `na.action` says; [stats::na.omit()] drops it and the fit reports how many.
#' An attribute missing for one place concerns every firm that may choose it.
#' Infinite values are an error.
#'
#' @name migration_formula
#' @family fitting
#' @references
#' McFadden, D. (1974). Conditional logit analysis of qualitative choice
#' behavior. In P. Zarembka (ed.), *Frontiers in Econometrics*, 105-142.
#'
#' Wilkinson, G. N. and Rogers, C. E. (1973). Symbolic description of factorial
#' models for analysis of variance. *Applied Statistics* 22, 392-399.
#' \doi{10.2307/2346786}
#' @seealso [fit_migration()], [migration_data()] for the tables that terms are looked up in.
#' @examples
#' places <- data.frame(place = c("Wenzhou", "Guzhen", "Ningbo"),
#'                      land_price = c(9, 4, 7), coast = c(TRUE, FALSE, TRUE))
#' firms <- data.frame(firm = 1:8, size = c(3, 8, 2, 5, 9, 4, 6, 7),
#'                     from = "Wenzhou",
#'                     to = c("Guzhen", "Wenzhou", "Wenzhou", "Ningbo",
#'                            "Guzhen", "Wenzhou", "Guzhen", "Ningbo"))
#' ties <- data.frame(from = "Wenzhou", to = c("Guzhen", "Ningbo"),
#'                    distance = c(1100, 210))
#' data <- migration_data(firms, places, ties)
#'
#' # staying (added), land price of the place, whether large firms stay
#' coef(fit_migration(~ land_price + keep(size), data))
#'
#' # other formulas
#' ~ pull(land_price) + push(land_price) + log(distance)
#' ~ land_price + size:land_price - stay
#' ~ factor(coast) + peers(kin, lag = 1, scale = "log1p") + offset(log(sampled))
#' ~ keep(log(size)) + distance | place
NULL

# Parts of a formula: response, right side, absorbed effects, environment
parse_formula <- function(formula, env = NULL) {
  if (!inherits(formula, "formula")) {
    abort("`formula` must be a formula such as `~ land_price + distance`, not ",
      describe_type(formula), ".",
      class = "formula"
    )
  }
  refuse_instruments(formula)
  parts <- Formula::as.Formula(formula)
  refuse_parts(parts)
  right <- stats::formula(parts, lhs = 0, rhs = 1)[[2L]]
  if ("." %in% all.names(right)) {
    abort("`formula` contains `.`, which has no meaning here: name the terms.",
      class = "formula"
    )
  }
  list(
    formula = formula, response = formula_response(parts), right = right,
    absorbed = if (length(parts)[2L] == 2L) {
      stats::formula(parts, lhs = 0, rhs = 2)[[2L]]
    },
    env = env %||% environment(formula) %||% globalenv()
  )
}

# Name on the left of the formula, or NULL
formula_response <- function(parts) {
  if (length(parts)[1L] == 0L) {
    return(NULL)
  }
  left <- stats::formula(parts, lhs = 1, rhs = 0)[[2L]]
  if (!is.name(left)) {
    abort("The left side of `formula` must be the name of the column of the ",
      "chosen place, not `", deparse1(left), "`.",
      class = "formula"
    )
  }
  as.character(left)
}

# Whether the part after `|` asks for place constants
absorbs_places <- function(absorbed, place) {
  if (is.null(absorbed) || identical(absorbed, 0) || identical(absorbed, 0L)) {
    return(FALSE)
  }
  if (is.name(absorbed) && as.character(absorbed) %in% c("place", place)) {
    return(TRUE)
  }
  refuse_absorbed(absorbed, place)
}

# Terms of the right side: for each its variables as written, and the offsets
formula_terms <- function(right, stay, env) {
  if (stay) right <- add_stay(right)
  terms <- stats::terms(stats::as.formula(call("~", right), env = env))
  variables <- as.list(attr(terms, "variables"))[-1L]
  text <- vapply(variables, term_text, "")
  factors <- attr(terms, "factors")
  count <- if (length(factors)) ncol(factors) else 0L
  used <- lapply(seq_len(count), function(k) which(factors[, k] > 0L))
  written <- written_interactions(right)
  list(
    terms = lapply(used, function(k) variables[k][written_order(text[k], written)]),
    offsets = lapply(variables[attr(terms, "offset")], offset_factors)
  )
}

# `stay` as the first term: before the leftmost term, so that `- stay` works
add_stay <- function(right) {
  if (!is.call(right)) {
    return(call("+", quote(stay), right))
  }
  sign <- as.character(right[[1L]])[1L]
  if (sign %in% c("+", "-") && length(right) == 2L) {
    return(call(sign, quote(stay), right[[2L]]))
  }
  if (sign %in% c("+", "-", "(")) {
    right[[2L]] <- add_stay(right[[2L]])
    return(right)
  }
  call("+", quote(stay), right)
}

# The factors of each `a:b:c` in the formula, in the user's order
written_interactions <- function(expr) {
  if (!is.call(expr)) {
    return(list())
  }
  if (is_call_to(expr, ":")) {
    return(list(vapply(chain_factors(expr), term_text, "")))
  }
  if (!is_call_to(expr, c("+", "-", "*", "(", "^", "/", "%in%"))) {
    return(list())
  }
  unlist(lapply(as.list(expr)[-1L], written_interactions), recursive = FALSE)
}

# Order of the factors of a term: as written when written with `:`
written_order <- function(text, written) {
  for (chain in written) {
    if (length(chain) == length(text) && setequal(chain, text)) {
      return(match(chain, text))
    }
  }
  seq_along(text)
}

# a, b, c of `a:b:c`
chain_factors <- function(expr) {
  if (!is_call_to(expr, ":")) {
    return(list(expr))
  }
  c(chain_factors(expr[[2L]]), chain_factors(expr[[3L]]))
}

# Factors of the argument of `offset()`
offset_factors <- function(expr) {
  if (length(expr) != 2L) {
    abort("`", term_text(expr), "` must have one argument.", class = "formula")
  }
  chain_factors(expr[[2L]])
}

# Role of one factor of a term: plain, pull, push, keep, stay or peers
read_variable <- function(expr, env) {
  text <- term_text(expr)
  if (identical(expr, quote(stay))) {
    return(list(text = text, role = "stay"))
  }
  if (is_call_to(expr, "peers")) {
    return(read_peers(expr, text, "plain", env))
  }
  if (!is_call_to(expr, c("pull", "push", "keep"))) {
    return(list(text = text, role = "plain", inner = expr))
  }
  role <- as.character(expr[[1L]])
  if (length(expr) != 2L) {
    abort("`", text, "` must have one argument.", class = "formula")
  }
  inner <- expr[[2L]]
  if (is_call_to(inner, "peers")) {
    return(read_peers(inner, text, role, env))
  }
  check_inner(inner, text, role)
  list(text = text, role = role, inner = inner)
}

# The argument of push(), pull(), keep() must be an ordinary expression
check_inner <- function(inner, text, role) {
  if (is_call_to(inner, c("pull", "push", "keep", "offset")) || identical(inner, quote(stay))) {
    abort("`", text, "` puts one role inside another. Give ", role,
      "() a variable.",
      class = "formula"
    )
  }
  if (is_call_to(inner, ":")) {
    factors <- vapply(chain_factors(inner), term_text, "")
    abort("`", text, "` has a product inside ", role, "(). Write `", role, "(",
      factors[1L], "):", paste(factors[-1L], collapse = ":"), "`.",
      class = "formula"
    )
  }
}

# Arguments of `peers()`
read_peers <- function(expr, text, role, env) {
  if (role %in% c("push", "keep")) {
    abort("`", text, "` has no meaning. Write `stay:", term_text(expr),
      "` for peers at the origin.",
      class = "formula"
    )
  }
  signature <- function(g, lag = 1, scale = c("share", "log1p", "count")) NULL
  args <- tryCatch(as.list(match.call(signature, expr))[-1L], error = function(e) {
    abort("`", text, "` has arguments that peers(g, lag, scale) lacks.", class = "formula")
  })
  if (!is.null(args$g) && !is.name(args$g)) {
    abort("The group of `", text, "` must be the name of a column of firms, or ",
      "`network`.",
      class = "formula"
    )
  }
  list(text = text, role = if (role == "pull") "pull" else "peers", peers = list(
    group = if (!is.null(args$g)) as.character(args$g),
    lag = peers_lag(args$lag %||% 1, text, env),
    scale = peers_scale(args$scale %||% "share", text, env)
  ))
}

# `lag` of peers(): a whole number of periods
peers_lag <- function(lag, text, env) {
  value <- tryCatch(eval(lag, env), error = function(e) NULL)
  if (!is.numeric(value) || length(value) != 1L || is.na(value) || value < 0 ||
    value != round(value)) {
    abort("`lag` of `", text, "` must be a whole number of periods, 0 or more, not ",
      deparse1(lag), ".",
      class = "formula"
    )
  }
  as.integer(value)
}

# `scale` of peers(): share, log1p or count
peers_scale <- function(scale, text, env) {
  value <- tryCatch(eval(scale, env), error = function(e) NULL)
  choices <- c("share", "log1p", "count")
  if (!is.character(value) || length(value) != 1L || !value %in% choices) {
    abort("`scale` of `", text, "` must be \"share\", \"log1p\" or \"count\", not ",
      deparse1(scale), ".",
      class = "formula"
    )
  }
  value
}

# Text of an expression as R's formulas write it
term_text <- function(expr) deparse1(expr, backtick = TRUE)

# Is `expr` a call to one of the functions named?
is_call_to <- function(expr, names) {
  is.call(expr) && is.name(expr[[1L]]) && as.character(expr[[1L]]) %in% names
}

# `x`, or `y` when `x` is NULL
`%||%` <- function(x, y) if (is.null(x)) y else x

# The name on the left side of a formula, or NULL
left_side <- function(formula) {
  if (length(formula) < 3L) {
    return(NULL)
  }
  refuse_instruments(formula)
  if (!is.name(formula[[2L]])) {
    abort("The left side of `formula` must be the name of one column, the chosen place.", class = "formula")
  }
  as.character(formula[[2L]])
}
