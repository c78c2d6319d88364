# From formula and data to two groups: model matrices with every level of every factor, and the map from estimated
# coefficients to coefficients that do not depend on which level was left out.

# Rows, response, matrices and groups of a gap
gap_design <- function(formula, data, cluster, between, weights, link, normalise) {
  if (!inherits(formula, "formula") || length(formula) != 3) {
    abort("`formula` must be a formula with an outcome, such as log(output) ~ age + size.", class = "formula")
  }
  environment <- environment(formula)
  if (inherits(data, "migration_data")) data <- data$firms
  data <- plain_table(data, "data")
  check_column(data, cluster, "cluster", "data")
  weights <- check_weights(weights, data, "data")
  pair <- cluster_pair(data[[cluster]], between, cluster)
  variables <- stats::terms(formula, data = data[setdiff(names(data), cluster)])
  if (attr(variables, "intercept") == 0) {
    abort("`formula` must keep its intercept: without one the parts do not add up to the gap.", class = "formula")
  }
  if (!is.null(attr(variables, "offset"))) {
    abort("`formula` has an offset; take it from the outcome instead: y - z ~ x.", class = "formula")
  }
  kept <- which(!is.na(pair$code) & if (is.null(weights)) TRUE else weights > 0)
  frame <- gap_frame(variables, data[kept, , drop = FALSE], kept)
  used <- kept[frame$complete]
  design <- gap_matrices(frame$frame, normalise)
  design$formula <- stats::formula(variables, environment)
  design$y <- gap_outcome(stats::model.response(frame$frame), link, deparse1(formula[[2]]))
  design$first <- which(pair$code[used] == 1L)
  design$second <- which(pair$code[used] == 2L)
  design$w <- if (is.null(weights)) rep(1, length(used)) else weights[used]
  design$names <- pair$names
  design$rows <- used
  design$dropped <- length(kept) - length(used)
  check_group_sizes(design)
}

# Which two clusters are compared, and the code (1, 2, NA) of each row
cluster_pair <- function(x, between, cluster) {
  ids <- code_ids(x)
  names <- if (is.factor(x)) intersect(levels(x), ids$levels) else id_text(sort(unique(x)))
  if (is.null(between)) {
    if (length(names) != 2) {
      abort("`data$", cluster, "` has ", plural(length(names), "cluster"), ": ", quote_names(names),
        ". Say which two to compare: between = c(\"first\", \"second\").",
        class = "cluster"
      )
    }
    between <- names
  }
  if (length(between) != 2 || anyNA(between) || between[1] == between[2]) {
    abort("`between` must name two different clusters.", class = "cluster")
  }
  between <- id_text(between)
  unknown <- setdiff(between, names)
  if (length(unknown)) {
    abort("`between` names ", quote_names(unknown), ", which `data$", cluster, "` lacks. It has ",
      quote_names(names), ".",
      class = "cluster"
    )
  }
  list(names = between, code = match(match(ids$levels, between)[ids$code], 1:2))
}

# Model frame of the complete rows; a value that a function could not give is an error, not a missing value
gap_frame <- function(variables, data, rows) {
  frame <- suppressWarnings(stats::model.frame(variables, data, na.action = stats::na.pass, drop.unused.levels = TRUE))
  inputs <- intersect(all.vars(variables), names(data))
  present <- stats::complete.cases(data[inputs])
  for (name in names(frame)) {
    column <- frame[[name]]
    bad <- if (is.numeric(column)) rowSums(!is.finite(as.matrix(column))) > 0 else is.na(column)
    bad <- which(bad & present)
    if (length(bad)) {
      abort("`", name, "` is not defined or infinite in ", plural(length(bad), "row"), " of `data` where nothing is ",
        "missing: ", quote_rows(rows[bad]), ". A logarithm needs positive values: leave those rows out, or use ",
        "another scale.",
        class = "undefined"
      )
    }
  }
  complete <- stats::complete.cases(frame)
  frame <- droplevels(frame[complete, , drop = FALSE])
  list(frame = frame, complete = complete)
}

# Matrices: x as estimated, z with all levels, and `map`, coefficients of z from those of x
gap_matrices <- function(frame, normalise) {
  variables <- attr(frame, "terms")
  categories <- names(frame)[vapply(frame, function(v) is.factor(v) || is.character(v) || is.logical(v), NA)]
  categories <- intersect(categories, attr(variables, "term.labels"))
  contrasts <- lapply(stats::setNames(nm = categories), function(v) "contr.treatment")
  x <- stats::model.matrix(variables, frame, contrasts.arg = if (length(contrasts)) contrasts)
  assign <- attr(x, "assign")
  labels <- c("(Intercept)", attr(variables, "term.labels"))[assign + 1L]
  design <- list(x = strip(x), z = strip(x), map = diag(ncol(x)), variable = labels, level = colnames(x))
  if (normalise) for (v in categories) design <- add_base_level(design, v, frame[[v]])
  dimnames(design$map) <- list(design$level, colnames(x))
  order <- order(match(design$variable, unique(labels)))
  design$z <- design$z[, order, drop = FALSE]
  design$map <- design$map[order, , drop = FALSE]
  design$variable <- design$variable[order]
  design$level <- design$level[order]
  design
}

strip <- function(x) matrix(as.vector(x), nrow(x), ncol(x), dimnames = list(NULL, colnames(x)))

# Gives a factor its left-out level, and all its coefficients mean 0; the intercept takes the mean
add_base_level <- function(design, variable, values) {
  own <- which(design$variable == variable)
  k <- length(own) + 1L
  base <- paste0(variable, if (is.factor(values)) levels(values)[1] else sort(unique(values))[1])
  average <- colSums(design$map[own, , drop = FALSE]) / k
  design$map[own, ] <- design$map[own, , drop = FALSE] - rep(average, each = length(own))
  design$map[1, ] <- design$map[1, ] + average
  design$map <- rbind(design$map, -average)
  design$z <- cbind(design$z, 1 - rowSums(design$z[, own, drop = FALSE]))
  design$variable <- c(design$variable, variable)
  design$level <- c(design$level, base)
  design
}

# Outcome as numbers; 0 and 1 for logit and probit
gap_outcome <- function(y, link, name) {
  if (link == "identity") {
    if (!is.numeric(y) && !is.logical(y)) {
      abort("The outcome `", name, "` must be numbers, not ", describe_type(y), ".", class = "outcome")
    }
    return(as.numeric(y))
  }
  if (is.factor(y) && nlevels(y) == 2) y <- as.integer(y) - 1L
  if (!(is.numeric(y) || is.logical(y)) || !all(y %in% 0:1)) {
    abort("The outcome `", name, "` must be 0 or 1 (or a factor of two levels) with link = \"", link, "\".",
      class = "outcome"
    )
  }
  as.numeric(y)
}

check_group_sizes <- function(design) {
  sizes <- c(length(design$first), length(design$second))
  if (any(sizes <= ncol(design$x))) {
    few <- which.min(sizes)
    abort("`", design$names[few], "` has ", plural(sizes[few], "complete row"), " for ",
      plural(ncol(design$x), "coefficient"), ".",
      class = "too_few"
    )
  }
  design
}

# ---- groups -------------------------------------------------------------------------------------------------

# One group: its rows of the design
gap_group <- function(design, rows, name) {
  list(
    x = design$x[rows, , drop = FALSE], z = design$z[rows, , drop = FALSE], y = design$y[rows],
    w = design$w[rows], name = name
  )
}

# The group with its coefficients and their covariance
fit_group <- function(group, link, errors) {
  fit <- if (link == "identity") {
    fit_linear(group$x, group$y, group$w, group$name)
  } else {
    fit_binary(group$x, group$y, group$w, link, group$name)
  }
  group$b <- fit$b
  n <- nrow(group$x)
  scores <- fit$working * group$x
  if (errors == "classical") {
    group$covariance <- fit$classical
  } else if (is.null(group$estimated)) {
    group$covariance <- fit$bread %*% crossprod(scores) %*% fit$bread * (n / (n - ncol(group$x)))
  } else {
    # the outcome holds estimated numbers: coefficients move with them, and so with the means of the variables
    moved <- crossprod(group$w * group$x, group$estimated$slope)
    group$influence <- (scores + group$estimated$influence %*% t(moved)) %*% fit$bread
    group$covariance <- crossprod(group$influence) * (n / (n - ncol(group$x)))
  }
  group$mean <- colSums(group$w * group$z) / sum(group$w)
  group
}

# Weighted least squares: coefficients, bread (X'WX)^-1, weighted residuals
fit_linear <- function(x, y, w, name) {
  root <- sqrt(w)
  qr <- qr(root * x)
  check_rank(qr, x, name)
  b <- qr.coef(qr, root * y)
  residual <- y - drop(x %*% b)
  bread <- matrix(0, ncol(x), ncol(x))
  bread[qr$pivot, qr$pivot] <- chol2inv(qr.R(qr))
  list(b = b, bread = bread, working = w * residual, classical = bread * sum(w * residual^2) / (nrow(x) - ncol(x)))
}

# Logit or probit by iterated least squares; weights are scaled to mean 1
fit_binary <- function(x, y, w, link, name) {
  check_rank(qr(x), x, name)
  w <- w / mean(w)
  family <- stats::binomial(link)
  fit <- suppressWarnings(stats::glm.fit(x, y,
    weights = w, family = family,
    control = stats::glm.control(epsilon = 1e-12, maxit = 50)
  ))
  slope <- family$mu.eta(fit$linear.predictors)
  spread <- pmax(fit$fitted.values * (1 - fit$fitted.values), .Machine$double.eps)
  bread <- chol2inv(qr.R(qr(sqrt(w * slope^2 / spread) * x)))
  # an error of 100 in the unit of the index is no estimate: 0 and 1 are told apart without fail
  reach <- sqrt(diag(bread)) * pmax(apply(x, 2, stats::sd), 1e-8)
  if (!fit$converged || any(!is.finite(reach) | reach > 100)) {
    abort("The ", link, " of `", name, "` does not converge: some variable tells 0 from 1 without fail. ",
      "Drop or merge it.",
      class = "separation"
    )
  }
  list(b = fit$coefficients, bread = bread, working = w * slope * (y - fit$fitted.values) / spread, classical = bread)
}

# Stop when a group cannot tell its coefficients apart; name the columns
check_rank <- function(qr, x, name) {
  if (qr$rank == ncol(x)) {
    return(invisible())
  }
  lost <- colnames(x)[qr$pivot[-seq_len(qr$rank)]]
  abort("In `", name, "` ", plural(length(lost), "column"), " cannot be told apart from the others: ",
    quote_names(lost), ". A level without firms there, or a variable that does not vary: merge or drop it.",
    class = "collinear"
  )
}
