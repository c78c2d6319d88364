# Numbers that carry their gradient. A term of an account is a function of a few sums of firms; written
# with `dual` numbers, its formula gives its value and its influence function at once. A dual holds
# `v`, values, and `g`, a named list of derivatives: "start.w0" is the derivative in the sum of w0 over
# the firms that are in the cluster at the start. The classes of firms are `all` (of the pair of periods),
# `start`, `end` (those of the cluster at one end), `stay` (at both), `dead` (those that close), `own` (the
# group of the term); `gone` and `new`, those not seen at the end, or at the start.

dual_classes <- c("all", "start", "end", "stay", "dead", "gone", "new", "own")

# The moments that the kernel sums, in its order (firm_dynamics.h)
dual_moments <- c("w0", "p0", "y0", "w1", "p1", "y1", "x01", "x10", "u", "v0", "v1", "gain")

dual <- function(v, g = list()) {
  x <- list(v = v, g = g)
  class(x) <- "dual"
  x
}

# Sums as duals: derivative 1 in themselves
dual_sum <- function(v, class, moment) {
  dual(v, stats::setNames(list(rep(1, length(v))), paste0(class, ".", moment)))
}

as_dual <- function(x) if (inherits(x, "dual")) x else dual(x)

# Derivatives a * x + b * y, with names of both
combine_gradients <- function(x, a, y, b) {
  names <- union(names(x), names(y))
  both <- lapply(names, function(name) {
    if (is.null(y[[name]])) {
      return(a * x[[name]])
    }
    if (is.null(x[[name]])) {
      return(b * y[[name]])
    }
    a * x[[name]] + b * y[[name]]
  })
  stats::setNames(both, names)
}

#' @export
Ops.dual <- function(e1, e2) {
  if (missing(e2)) {
    return(dual(-e1$v, lapply(e1$g, `-`)))
  }
  a <- as_dual(e1)
  b <- as_dual(e2)
  ratio <- a$v / b$v
  switch(.Generic,
    "+" = dual(a$v + b$v, combine_gradients(a$g, 1, b$g, 1)),
    "-" = dual(a$v - b$v, combine_gradients(a$g, 1, b$g, -1)),
    "*" = dual(a$v * b$v, combine_gradients(a$g, b$v, b$g, a$v)),
    "/" = dual(ratio, combine_gradients(a$g, 1 / b$v, b$g, -ratio / b$v))
  )
}

#' @export
`[.dual` <- function(x, i) dual(x$v[i], lapply(x$g, `[`, i))

#' @export
length.dual <- function(x) length(x$v)

# Elements of `yes` where `test`, of `no` elsewhere
dual_if <- function(test, yes, no) {
  pick <- function(x, y) {
    if (is.null(x)) x <- numeric(length(test))
    x[!test] <- if (is.null(y)) 0 else y[!test]
    x
  }
  yes <- as_dual(yes)
  no <- as_dual(no)
  names <- union(names(yes$g), names(no$g))
  gradient <- lapply(names, function(name) pick(yes$g[[name]], no$g[[name]]))
  dual(pick(yes$v, no$v), stats::setNames(gradient, names))
}

# One after the other
dual_join <- function(list) {
  names <- unique(unlist(lapply(list, function(x) names(x$g))))
  gradient <- lapply(names, function(name) {
    unlist(lapply(list, function(x) if (is.null(x$g[[name]])) numeric(length(x$v)) else x$g[[name]]),
      use.names = FALSE
    )
  })
  dual(unlist(lapply(list, `[[`, "v"), use.names = FALSE), stats::setNames(gradient, names))
}

# Variances ------------------------------------------------------------------------------------------

# Sums of the rows of x with the same index, an n-row matrix; index may be NA
class_sums <- function(x, index, n) {
  storage.mode(x) <- "double"
  .Call(C_class_sums, x, as.integer(index), n)
}

# Standard errors of terms: list(error, df)
#
# The kernel sums the squared influences over firms, or over groups of firms. A share or a mean does not
# change when all firms are doubled, and its influences sum to zero; a count does, and `counted` says so: then
# the influences are taken from their mean. `counts` are the firms that a term rests on (mean_counts()), NULL where sums
# are all that is asked of them.
term_errors <- function(terms, sums, counted = FALSE, counts = NULL) {
  squares <- term_squares(terms, sums)
  if (counted) {
    squares[, 1L] <- squares[, 1L] - terms$dual$v^2 / sums$n_drawn
  }
  if (!is.null(terms$x)) {
    squares[, 1L] <- squares[, 1L] + second_order(terms, sums)
  }
  if (is.null(counts)) {
    return(list(error = sqrt(pmax(squares[, 1L], 0)), df = rep(Inf, nrow(squares))))
  }
  error_of_few(squares, counts)
}

# What the variance of a product x y has beyond the delta method: Var(x) Var(y) + Cov(x, y)^2
#
# Var(x y) = x^2 Var(y) + y^2 Var(x) + 2 x y Cov(x, y) + that; the rest is all there is when x and y are near 0, as
# the differences between clusters that are alike.
second_order <- function(terms, sums) {
  of <- function(dual) {
    terms$dual <- dual
    pmax(term_squares(terms, sums)[, 1L], 0)
  }
  variance <- list(x = of(terms$x), y = of(terms$y))
  unit <- lapply(variance, function(v) ifelse(v > 0, 1 / sqrt(v), 0))
  # both in units of their errors, so that one does not drown in the other
  correlation <- (of(terms$x * unit$x + terms$y * unit$y) - 2) / 2
  ifelse(variance$x > 0 & variance$y > 0, variance$x * variance$y * (1 + correlation^2), 0)
}

# Sums of squared influences, of all firms and of those of the own cell; terms are in the order of their units, so of
# the pairs
term_squares <- function(terms, sums) {
  names <- strsplit(names(terms$dual$g), ".", fixed = TRUE)
  .Call(C_account_variance, sums$cells$pointer, list(
    pair = sums$pair[terms$unit], place = sums$place[terms$unit], cell = terms$cell,
    class = vapply(names, `[`, "", 1L), moment = vapply(names, `[`, "", 2L), columns = unname(terms$dual$g)
  ))
}

# Derivatives of sums of terms in the moments of each cell: cell x moment x sum. `of` is the sum, 1 .. n, that each
# term belongs to, NA for none.
cell_gradients <- function(terms, of, n, sums) {
  cells <- length(sums$cells$pair)
  gradient <- array(0, c(cells, length(dual_moments), n))
  of_cell <- c(sums$index, list(own = seq_len(cells), all = sums$cells$pair))
  of_term <- list(own = replace(terms$cell, terms$cell == 0L, NA), all = sums$pair[terms$unit])
  rows <- c(own = cells, all = sums$n_pairs)
  for (name in names(terms$dual$g)) {
    part <- strsplit(name, ".", fixed = TRUE)[[1L]]
    by <- of_term[[part[1L]]] %||% terms$unit
    m <- if (part[1L] %in% names(rows)) rows[[part[1L]]] else sums$n_units
    total <- class_sums(cbind(terms$dual$g[[name]]), by + m * (of - 1L), m * n)
    # the sums of the class that each cell is in; 0 where it is in none
    total <- rbind(matrix(total, m), 0)[replace(of_cell[[part[1L]]], is.na(of_cell[[part[1L]]]), m + 1L), ]
    moment <- match(part[2L], dual_moments)
    gradient[, moment, ] <- gradient[, moment, ] + total
  }
  gradient
}
