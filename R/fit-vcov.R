#' @title Covariance matrices of a fit
#' @description With information \eqn{H}, scores \eqn{s_i} of the occasions at the estimates and \eqn{S_g} their
#' sums over the members of cluster \eqn{g}:
#'
#' | `type` | covariance | assumes |
#' |---|---|---|
#' | `"hessian"` | \eqn{H^{-1}}{H^-1} | the model |
#' | `"opg"` | \eqn{(\sum_i s_i s_i')^{-1}}{(sum_i s_i s_i')^-1} | the model; noisier |
#' | `"robust"` | \eqn{H^{-1} (\sum_i s_i s_i') H^{-1}}{H^-1 (sum_i s_i s_i') H^-1} | independent occasions |
#' | `"cluster"` | \eqn{H^{-1} (\frac{G}{G-1} \sum_g S_g S_g') H^{-1}}{H^-1 (G/(G-1) sum_g S_g S_g') H^-1} | independent clusters |
#'
#' With two clusterings the middle is that of the first, plus that of the second, less that of their
#' intersection, each with its own factor \eqn{G/(G-1)} (Cameron, Gelbach and Miller 2011).
#' `"robust"` equals `sandwich::sandwich(fit)` and `"cluster"` equals `sandwich::vcovCL(fit, cluster)`: type HC0
#' with the cluster factor. `"robust"` has no factor.
#'
#' Weights enter \eqn{H} and \eqn{s_i}; for weights that undo a sampling design take `"robust"` or `"cluster"`.
#' With absorbed place constants \eqn{s_i} is the score of the coefficients less its projection on the scores of
#' the constants, so that the result is the block of the full covariance that belongs to the coefficients
#' (`"opg"` is then the inverse of that projected sum).
#'
#' @param object A fit of [fit_migration()].
#' @param type `"hessian"` (default), `"opg"`, `"robust"` or `"cluster"`; giving `cluster` alone means
#'   `"cluster"`.
#' @param cluster For `"cluster"`: a formula with one or two terms in columns of `firms` (of the long data), like
#'   `~ firm` or `~ firm + kin`, `~ I(year %/% 5)`, `~ town:sector` for the intersection; or a vector, or a data frame
#'   of one or two, with an entry for each occasion used or each row of the data. Default: the firm. Clusters without
#'   weight do not count in \eqn{G}.
#' @param complete `TRUE` (default): all coefficients, `NA` for one that is not estimable and 0 for one held
#'   fixed, as [stats::vcov()] has it; `FALSE`: the estimated ones.
#' @param vcov Which covariance, as other packages have it, instead of `type` and `cluster`: a word (a `type`, or
#'   `"iid"`, `"HC0"`, `"HC1"`), a formula of clusters, a matrix, a function of the fit that gives one, or a list of
#'   `type` and `cluster`. Every function that takes `type` and `cluster` takes `vcov` too.
#' @param ... Nothing: another argument is an error.
#' @return A square matrix with the names of the coefficients.
#' @section Errors: A cluster column that the data do not have, of the wrong length or with missing values; one
#'   cluster only; more than two clusterings.
#' @references Cameron, A. C., Gelbach, J. B. and Miller, D. L. (2011). Robust inference with multiway
#'   clustering. *Journal of Business & Economic Statistics* 29, 238-249. \doi{10.1198/jbes.2010.07136}
#'
#'   Zeileis, A., Koell, S. and Graham, N. (2020). Various versatile variances. *Journal of Statistical
#'   Software* 95(1), 1-36. \doi{10.18637/jss.v095.i01}
#' @seealso [estfun()][estfun.migration_fit] for the scores, [confint()][confint.migration_fit],
#'   [summary()][summary.migration_fit].
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(land_price) + distance, data)
#' sqrt(diag(vcov(fit)))
#' sqrt(diag(vcov(fit, cluster = ~ firm)))
#' @export
vcov.migration_fit <- function(object, type = c("hessian", "opg", "robust", "cluster"), cluster = NULL,
                               complete = TRUE, vcov = NULL, ...) {
  check_dots(...)
  asked <- asked_covariance(object, vcov, if (!missing(type)) type, cluster)
  covariance <- switch(asked$type,
    given = asked$matrix,
    HC1 = around(object$covariance, score_products(object)) * hc1_factor(object),
    hessian = object$covariance,
    opg = outer_product_covariance(score_products(object)),
    robust = around(object$covariance, score_products(object)),
    cluster = around(object$covariance, cluster_meat(object, asked$cluster))
  )
  if (complete) complete_covariance(covariance, object) else covariance
}

# n / (n - k), with n the rows of estfun()
hc1_factor <- function(object) {
  n <- if (is.null(object$design$group)) object$n else max(object$design$group)
  n / (n - sum(object$estimated))
}

around <- function(bread, meat) {
  covariance <- bread %*% meat %*% bread
  (covariance + t(covariance)) / 2
}

outer_product_covariance <- function(products) {
  covariance <- solve_scaled(products)
  if (anyNA(covariance)) {
    abort("The outer product of the scores is singular: use type = \"hessian\".", class = "singular")
  }
  covariance
}

complete_covariance <- function(covariance, object) {
  names <- names(object$coefficients)
  full <- matrix(NA_real_, length(names), length(names), dimnames = list(names, names))
  known <- !object$aliased & !names %in% names(object$border)
  full[known, known] <- 0
  full[object$estimated, object$estimated] <- covariance
  full
}

# Scores ----------------------------------------------------------------------------------------------

score_products <- function(object) {
  if (is_streamed(object)) streamed_meat(object)[[1L]] else crossprod(estfun.migration_fit(object))
}

#' @title Score contributions of a fit
#' @description `estfun()` gives the derivatives of each occasion's weighted log-likelihood with respect to the
#' estimated coefficients; its columns sum to zero at the maximum. Where the likelihood is not a sum over occasions
#' but over firms, as with a panel of random coefficients, there is a row for each firm. `bread()` is the number of
#' these rows times the inverse information. With these, `sandwich::sandwich()`, `sandwich::vcovCL()` and their kin
#' work.
#'
#' With absorbed place constants \eqn{d} the scores are \eqn{s_b - H_{bd} H_{dd}^{-1} s_d}{s_b - H_bd H_dd^-1 s_d}:
#' those of the likelihood with the constants concentrated out.
#' @param x A fit of [fit_migration()].
#' @param ... Not used.
#' @return `estfun()`: a matrix with a row for each occasion and a column for each estimated coefficient.
#'   `bread()`: a square matrix.
#' @seealso [vcov()][vcov.migration_fit] for robust and clustered covariances, [predict()][predict.migration_fit].
#' @exportS3Method sandwich::estfun migration_fit
estfun.migration_fit <- function(x, ...) {
  design <- fit_design(x)
  scores <- kernel_scores(x, design)
  colnames(scores) <- names(x$coefficients)
  scores[, x$estimated, drop = FALSE]
}

#' @rdname estfun.migration_fit
#' @exportS3Method sandwich::bread migration_fit
bread.migration_fit <- function(x, ...) {
  x$covariance * if (is.null(x$design$group)) length(x$design$occasion) else max(x$design$group)
}

# Clusters --------------------------------------------------------------------------------------------

# Sum over clusters of the outer products of their scores, one- or two-way
cluster_meat <- function(object, cluster) {
  if (is_streamed(object)) {
    return(streamed_cluster_meat(object, cluster))
  }
  clusters <- lapply(cluster_codes(object, cluster), of_score_rows, object = object)
  scores <- estfun.migration_fit(object)
  weighted <- weighted_rows(object)
  if (!all(weighted)) {
    scores <- scores[weighted, , drop = FALSE]
    clusters <- lapply(clusters, function(code) renumber(code[weighted]))
  }
  meat <- Reduce(`+`, lapply(clusters, one_way_meat, scores = scores))
  if (length(clusters) == 2L) {
    both <- match_pairs(clusters[[1L]], clusters[[2L]])
    meat <- meat - one_way_meat(both, scores)
  }
  meat
}

# Cluster of each row of estfun(), from that of each occasion
of_score_rows <- function(code, object) {
  group <- object$design$group
  if (is.null(group)) {
    return(code)
  }
  of_group <- code[match(seq_len(max(group)), group)]
  if (any(of_group[group] != code)) {
    abort(
      "`cluster` splits occasions that the likelihood of this model ties together (", group_noun(object$model),
      "): clusters must hold them whole.",
      class = "cluster"
    )
  }
  match(of_group, unique(of_group))
}

# Rows of estfun() that have a weight: clusters of others only are none
weighted_rows <- function(object) {
  weights <- object$weights
  if (is.null(weights)) {
    return(TRUE)
  }
  group <- object$design$group
  if (is.null(group)) weights > 0 else seq_len(max(group)) %in% group[weights > 0]
}

one_way_meat <- function(code, scores) {
  n <- max(code)
  if (n < 2L) {
    abort("All occasions are in one cluster: clustered errors need at least two.", class = "cluster")
  }
  crossprod(rowsum(scores, code, reorder = FALSE)) * (n / (n - 1))
}

match_pairs <- function(a, b) {
  pair <- (a - 1) * max(b) + b
  match(pair, unique(pair))
}

# One or two integer vectors of cluster numbers, an entry for each occasion
cluster_codes <- function(object, cluster) {
  if (is.null(cluster)) {
    return(list(renumber(object$data$index$firm[object$design$occasion])))
  }
  columns <- if (inherits(cluster, "formula")) cluster_columns(object, cluster) else cluster_vectors(object, cluster)
  if (!length(columns) %in% 1:2) {
    abort("`cluster` must be one or two clusterings, not ", length(columns), ".", class = "cluster")
  }
  lapply(columns, function(column) renumber(occasion_values(object, column)))
}

renumber <- function(x) {
  if (anyNA(x)) {
    abort("`cluster` is missing for ", plural(sum(is.na(x)), "occasion"), ".", class = "cluster")
  }
  match(x, unique(x))
}

cluster_columns <- function(object, cluster) {
  cluster_terms(cluster, cluster_frame(object))
}

cluster_frame <- function(object) {
  user_table(object$data)
}

cluster_vectors <- function(object, cluster) {
  frame <- cluster_frame(object)
  if (is.character(cluster) && length(cluster) <= 2L && all(cluster %in% names(frame)) && nrow(frame) > 2L) {
    abort(
      "`cluster` is a formula of columns, or a vector with an entry for each occasion: write cluster = ~ ",
      paste(cluster, collapse = " + "), ".",
      class = "cluster"
    )
  }
  as.list(as.data.frame(cluster))
}

check_cluster_names <- function(names, known) {
  unknown <- setdiff(names, known)
  if (length(unknown) > 0L) {
    abort(
      "`cluster` names ", quote_names(unknown), ", not a column of the data.",
      did_you_mean(unknown, known),
      class = "cluster"
    )
  }
}

# A value for each occasion from one for each occasion, or for each row of the data
occasion_values <- function(object, column) {
  occasion <- object$design$occasion
  data <- object$data
  if (length(column) == length(occasion)) {
    return(column)
  }
  if (length(column) != nrow(user_table(data))) {
    abort(
      "`cluster` has ", plural(length(column), "value"), "; the fit has ",
      plural(length(occasion), "occasion"), ".",
      class = "cluster"
    )
  }
  if (has_tables(data)) {
    return(column[occasion])
  }
  code <- ifelse(is.na(column), NA, match(column, unique(column)))
  if (!is.null(data$order)) {
    code <- code[data$order]
  }
  size <- diff(data$start)
  used <- rep(seq_along(size) %in% occasion, size)
  if (anyNA(code[used])) {
    abort("`cluster` is missing for ", plural(sum(is.na(code[used])), "row"), " of the data.", class = "cluster")
  }
  if (any((code != rep(code[data$start[-length(data$start)] + 1], size))[used])) {
    abort("`cluster` differs between the places of one occasion.", class = "cluster")
  }
  code[data$start[occasion] + 1]
}
