#' A change in a product or rate, by its factors
#'
#' @description
#' `decompose_factors()` decomposes the change of a product of factors, of a sum of products over groups, or of any
#' other function of factors, into a part for each factor: Das Gupta's standardisation, which is the Shapley value of
#' the game in which the factors of a subset have moved from the start to the end.
#' \deqn{\phi_k = \sum_{T \not\ni k} \frac{|T|!\,(p-1-|T|)!}{p!} [f(x_{T \cup k} \textrm{ at the end}) -
#'   f(x_T \textrm{ at the end})]}{phi_k = sum over T without k of |T|! (p-1-|T|)!/p! [f(T+k at the end) - f(T at the
#'   end)]}
#'
#' @details
#' Two factors: \eqn{\Delta a\,(b_0+b_1)/2}; three: \eqn{\Delta a\,[(b_0c_0+b_1c_1)/3 + (b_0c_1+b_1c_0)/6]}. For a sum
#' of products nothing of size \eqn{2^p} is formed: the Shapley value of a product is the integral of \eqn{\Delta x_k
#' \prod_{j \ne k} (x_{j0} + t\,\Delta x_j)} over \eqn{t} from 0 to 1, a polynomial that Gauss and Legendre's
#' \eqn{\lceil p/2 \rceil}{p/2} points integrate exactly.
#'
#' @param start,end Named lists, data frames or vectors with the factors before and after, of the same names and
#' lengths; an
#'   element for each group.
#' @param value `NULL` is the sum over groups of the product of the factors; else a function that takes a list or data
#'   frame as `start` and returns a number. It is called \eqn{2^p} times, up to 12 factors.
#' @param groups `NULL`, or the names of the groups; with `value = NULL` table `groups` then has the part of each.
#' @param blocks,draws,conf.level,seed As in [decompose_shapley()], which does the work when there are `blocks` or a
#'   `value`.
#' @param periods Instead of `start` and `end`: a named list of the factors of several periods (or places). Then table
#'   `rates` has
#'   Das Gupta's standardised rates, `period`, `player`, `rate`, `value`, whose differences are the parts, so that
#'   those of table
#'   `steps`, of each two periods that follow each other, add up to those of the ends.
#' @return An object of class `decompose_shapley` and `decomposition`, with the tables of [decompose_shapley()];
#' players are
#'   factors, `totals` has the value at the `start` (`value_none`) and at the end (`value_all`). For products without
#'   blocks `shapley`, `totals`, and with `groups` the table `groups`: `group`, `player`, `estimate`.
#' @section Errors: Factors that differ in name or length; values that are missing or infinite.
#' @references
#' Das Gupta, P. (1993). *Standardization and Decomposition of Rates: A User's Manual*. U.S. Bureau of the Census,
#' Current Population Reports P23-186.
#'
#' Shorrocks, A. F. (2013). Decomposition procedures for distributional analysis: a unified framework based on the
#' Shapley value. *Journal of Economic Inequality* 11, 99-126. \doi{10.1007/s10888-011-9214-z}
#' @seealso [decompose_shapley()].
#' @examples
#' # lamps made = firms x workers a firm x lamps a worker
#' decompose_factors(c(firms = 120, workers = 25, output = 2.0),
#'                   c(firms = 150, workers = 31, output = 2.6))
#' # the mean of two towns: shares and levels
#' decompose_factors(list(share = c(.7, .3), level = c(1.5, 2.5)),
#'                   list(share = c(.4, .6), level = c(1.6, 3.0)), groups = c("Wenzhou", "Guzhen"))
#' @export
decompose_factors <- function(start, end, value = NULL, groups = NULL, blocks = NULL, draws = NULL, conf.level = 0.95,
                              periods = NULL, seed = NULL) {
  call <- match.call()
  if (!is.null(periods)) {
    if (!missing(start) || !missing(end) || !is.null(value) || !is.null(blocks) || !is.null(draws)) {
      abort("`periods` goes with products, and without `start`, `end`, `value`, `blocks` and `draws`.", class = "argument")
    }
    result <- c(period_parts(periods, groups), list(call = call))
    return(structure(result, class = c("decompose_shapley", "decomposition")))
  }
  start <- factor_list(start, "start")
  end <- factor_list(end, "end")
  check_factors(start, end)
  if (!is.null(value) && !is.function(value)) {
    abort("`value` must be a function of the factors, or NULL for their product.", class = "argument")
  }
  if (is.null(value) && is.null(blocks) && is.null(draws)) {
    result <- product_parts(start, end, groups)
  } else {
    if (!is.null(groups)) abort("`groups` needs a product: no `value`, `blocks` or `draws`.", class = "argument")
    if (is.null(value)) value <- function(x) sum(Reduce(`*`, x))
    mixed <- function(switched) {
      start[switched] <- end[switched]
      value(if (attr(start, "table")) quick_table(as.data.frame(start, optional = TRUE)) else start)
    }
    result <- unclass(decompose_shapley(mixed, names(start), blocks, draws, conf.level, seed))
  }
  result$reference <- c(
    "reference: the factors at the start and at the end alike (every order of switching them)",
    if (!is.null(blocks)) result$reference[2]
  )
  result$call <- call
  structure(result, class = c("decompose_shapley", "decomposition"))
}

factor_list <- function(x, name) {
  table <- is.data.frame(x)
  x <- as.list(x)
  if (!length(x) || is.null(names(x)) || anyDuplicated(names(x)) || !all(nzchar(names(x)))) {
    abort("`", name, "` must be a list, data frame or vector of factors with different names.", class = "factors")
  }
  for (factor in names(x)) {
    if (!is.numeric(x[[factor]]) || !all(is.finite(x[[factor]]))) {
      abort("`", name, "$", factor, "` must be finite numbers.", class = "factors")
    }
  }
  structure(x, table = table)
}

check_factors <- function(start, end) {
  lacking <- c(setdiff(names(start), names(end)), setdiff(names(end), names(start)))
  if (length(lacking)) {
    abort("`start` and `end` must have the same factors; only one has ", quote_names(lacking), ".", class = "factors")
  }
  for (factor in names(start)) {
    if (length(start[[factor]]) != length(end[[factor]])) {
      abort("Factor `", factor, "` has ", plural(length(start[[factor]]), "value"), " at the start and ",
        format_count(length(end[[factor]])), " at the end.",
        class = "factors"
      )
    }
  }
}

# Tables of a sum of products
product_parts <- function(start, end, groups) {
  end <- end[names(start)]
  sizes <- lengths(start)
  n <- max(sizes)
  if (!all(sizes %in% c(1L, n))) {
    abort("The factors of a product must have one value each, or as many as there are groups: they have ",
      paste(unique(sizes), collapse = ", "), ".",
      class = "factors"
    )
  }
  if (!is.null(groups) && length(groups) != n) {
    abort("`groups` must name the ", plural(n, "group"), ".", class = "argument")
  }
  a <- vapply(start, rep_len, numeric(n), length.out = n)
  b <- vapply(end, rep_len, numeric(n), length.out = n)
  parts <- product_shapley(matrix(a, n), matrix(b, n))
  ends <- c(sum(Reduce(`*`, start)), sum(Reduce(`*`, end)))
  estimate <- colSums(parts)
  change <- ends[2] - ends[1]
  result <- list(
    shapley = data.frame(
      player = names(start), block = NA_character_, estimate = estimate,
      share = if (change != 0) estimate / change else NA_real_
    ),
    totals = data.frame(value_none = ends[1], value_all = ends[2], change = change),
    residual = data.frame(table = "shapley", residual = change - sum(estimate)), method = "shapley"
  )
  if (!is.null(groups)) {
    result$groups <- data.frame(
      group = rep(as.character(groups), each = ncol(parts)), player = rep(names(start), n),
      estimate = as.vector(t(parts))
    )
  }
  result
}

# Shapley values of the factors of each row's product: rows are groups, columns factors
product_shapley <- function(a, b) standard_others(a, b) * (b - a)

# What multiplies each factor: the product of the others, standardised between a and b
standard_others <- function(a, b) {
  points <- gauss_legendre(ceiling(ncol(a) / 2))
  others <- 0 * a
  for (i in seq_along(points$at)) {
    others <- others + points$weight[i] * others_product(a + points$at[i] * (b - a))
  }
  others
}

# Several periods: standardised rates of each factor, whose differences are the parts (Das Gupta 1993)
#
# With S_i.ij the rate of i standardised with j for one factor,
#   S_i = sum_j S_i.ij / (N - 1) + sum_j [sum_{k != i, j} S_j.jk - (N - 2) S_j.ij] / (N (N - 1)),    j != i.
# Parts between any two periods are S_j - S_i, so that those of a chain of periods add up to those of its ends.
period_parts <- function(periods, groups) {
  each <- period_matrices(periods, groups)
  N <- length(each)
  players <- colnames(each[[1L]])
  paired <- array(0, c(N, N, length(players)))
  for (i in seq_len(N)) {
    for (j in seq_len(N)[-i]) {
      paired[i, j, ] <- colSums(each[[i]] * standard_others(each[[i]], each[[j]]))
    }
  }
  rates <- vapply(seq_along(players), function(f) standardised_rates(matrix(paired[, , f], N)), numeric(N))
  value <- vapply(each, function(x) sum(apply(x, 1L, prod)), 0)
  part_table <- function(from, to) {
    data.frame(
      start = rep(names(each)[from], each = length(players)), end = rep(names(each)[to], each = length(players)),
      player = rep(players, length(from)), estimate = as.vector(t(rates[to, , drop = FALSE] - rates[from, , drop = FALSE]))
    )
  }
  whole <- part_table(1L, N)
  change <- value[N] - value[1L]
  list(
    shapley = data.frame(
      player = players, block = NA_character_, estimate = whole$estimate,
      share = if (change != 0) whole$estimate / change else NA_real_
    ),
    steps = part_table(seq_len(N - 1L), seq_len(N)[-1L]),
    rates = data.frame(
      period = rep(names(each), length(players)), player = rep(players, each = N), rate = as.vector(rates),
      value = rep(unname(value), length(players))
    ),
    totals = data.frame(value_none = value[[1L]], value_all = value[[N]], change = unname(change)),
    residual = data.frame(table = "shapley", residual = unname(change) - sum(whole$estimate)), method = "shapley",
    reference = "reference: the factors of all periods alike (standardised rates of Das Gupta)", additive = "shapley"
  )
}

standardised_rates <- function(paired) {
  N <- nrow(paired)
  own <- rowSums(paired)
  vapply(seq_len(N), function(i) {
    others <- seq_len(N)[-i]
    # sum over k other than i and j of S_j.jk, less (N - 2) S_j.ij
    correction <- own[others] - paired[cbind(others, i)] - (N - 2) * paired[cbind(others, i)]
    own[i] / (N - 1) + sum(correction) / (N * (N - 1))
  }, 0)
}

# A matrix group x factor for each period
period_matrices <- function(periods, groups) {
  if (!is.list(periods) || length(periods) < 2L) {
    abort("`periods` must be a list of the factors of at least two periods.", class = "argument")
  }
  if (is.null(names(periods))) {
    names(periods) <- as.character(seq_along(periods))
  }
  lists <- Map(factor_list, periods, paste0("periods$", names(periods)))
  for (other in lists[-1L]) {
    check_factors(lists[[1L]], other)
  }
  n <- max(lengths(lists[[1L]]))
  if (!all(lengths(lists[[1L]]) %in% c(1L, n)) || (!is.null(groups) && length(groups) != n)) {
    abort("The factors of a product must have one value each, or as many as there are groups.", class = "factors")
  }
  lapply(lists, function(x) {
    matrix(vapply(x[names(lists[[1L]])], rep_len, numeric(n), length.out = n), n, dimnames = list(NULL, names(lists[[1L]])))
  })
}

# Product of all columns but one, for each column, without a division
others_product <- function(x) {
  p <- ncol(x)
  left <- right <- x * 0 + 1
  for (k in seq_len(p)[-1]) {
    left[, k] <- left[, k - 1] * x[, k - 1]
    right[, p + 1 - k] <- right[, p + 2 - k] * x[, p + 2 - k]
  }
  left * right
}

# Points and weights on (0, 1), exact for polynomials of degree 2 n - 1 (Golub and Welsch)
gauss_legendre <- function(n) {
  if (n == 1) {
    return(list(at = 0.5, weight = 1))
  }
  k <- seq_len(n - 1)
  beside <- k / sqrt(4 * k^2 - 1)
  jacobi <- matrix(0, n, n)
  jacobi[cbind(k, k + 1)] <- beside
  jacobi[cbind(k + 1, k)] <- beside
  found <- eigen(jacobi, symmetric = TRUE)
  list(at = (found$values + 1) / 2, weight = found$vectors[1, ]^2)
}
