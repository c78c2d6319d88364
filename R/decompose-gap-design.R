# From formula and data to two groups: model matrices with every level of every factor, and the map from estimated
# coefficients to coefficients that do not depend on which level was left out.

# Rows, response, matrices and groups of a gap
gap_design <- function(formula, data, cluster, between, weight, link, normalise, relax = FALSE, se_cluster = NULL) {
  if (!inherits(formula, "formula") || length(formula) != 3) {
    abort("`formula` must be a formula with an outcome, such as log(output) ~ age + size.", class = "formula")
  }
  environment <- environment(formula)
  data <- plain_table(firms_of(data)$table, "data")
  check_column(data, cluster, "cluster", "data")
  weight <- check_weights(weight, data, "data", "weight")
  pair <- cluster_pair(data[[cluster]], between, cluster)
  variables <- stats::terms(formula, data = data[setdiff(names(data), cluster)])
  if (attr(variables, "intercept") == 0) {
    abort("`formula` must keep its intercept: without one the parts do not add up to the gap.", class = "formula")
  }
  if (!is.null(attr(variables, "offset"))) {
    abort("`formula` has an offset; take it from the outcome instead: y - z ~ x.", class = "formula")
  }
  kept <- which(!is.na(pair$code) & if (is.null(weight)) TRUE else weight > 0)
  frame <- gap_frame(variables, data[kept, , drop = FALSE], kept)
  used <- kept[frame$complete]
  design <- gap_matrices(frame$frame, normalise, pair$code[used])
  design$formula <- stats::formula(variables, environment)
  design$y <- gap_outcome(stats::model.response(frame$frame), link, deparse1(formula[[2]]))
  design$first <- which(pair$code[used] == 1L)
  design$second <- which(pair$code[used] == 2L)
  design$w <- if (is.null(weight)) rep(1, length(used)) else weight[used]
  design$relax <- relax
  design$errors_of <- if (!is.null(se_cluster)) gap_error_groups(data, se_cluster, used)
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

# Groups of firms whose errors go together, a code for each row of the design
gap_error_groups <- function(data, se_cluster, used) {
  check_column(data, se_cluster, "se_cluster", "data")
  code <- code_ids(data[[se_cluster]][used])$code
  bad <- used[is.na(code)]
  if (length(bad) > 0L) {
    abort("`data$", se_cluster, "` (argument `se_cluster`) is missing in ", plural(length(bad), "row"), ": ",
      quote_rows(bad), ". Fill it in.",
      class = "missing"
    )
  }
  if (max(code) < 2L) {
    abort("`se_cluster` has one group only: there is nothing to estimate errors from.", class = "argument")
  }
  code
}

# Matrices: x as estimated, z with all levels, and `map`, coefficients of z from those of x
gap_matrices <- function(frame, normalise, code) {
  variables <- attr(frame, "terms")
  categories <- names(frame)[vapply(frame, function(v) is.factor(v) || is.character(v) || is.logical(v), NA)]
  categories <- intersect(categories, rownames(attr(variables, "factors"))[-1L])
  for (v in categories) {
    frame[[v]] <- common_base(factor(frame[[v]], ordered = FALSE), code)
  }
  x <- coded_matrix(variables, frame, categories, "contr.treatment")
  labels <- c("(Intercept)", attr(variables, "term.labels"))[attr(x, "assign") + 1L]
  design <- list(x = strip(x), z = strip(x), map = diag(ncol(x)), variable = labels, level = colnames(x))
  if (normalise && length(categories) > 0L) {
    joint <- any(attr(variables, "order") > 1L)
    design <- if (joint) {
      sum_to_zero(design, variables, frame, categories)
    } else {
      Reduce(function(design, v) add_base_level(design, v, frame[[v]]), categories, design)
    }
  }
  dimnames(design$map) <- list(design$level, colnames(x))
  by <- order(match(design$variable, unique(labels)))
  design$z <- design$z[, by, drop = FALSE]
  design$map <- design$map[by, , drop = FALSE]
  design$variable <- design$variable[by]
  design$level <- design$level[by]
  design
}

# The level left out must have firms in both clusters; another takes its place where it has not
common_base <- function(x, code) {
  counts <- table(x, factor(code, 1:2))
  both <- which(counts[, 1L] > 0 & counts[, 2L] > 0)
  if (length(both) > 0L && both[1L] != 1L) stats::relevel(x, levels(x)[both[1L]]) else x
}

coded_matrix <- function(variables, frame, categories, contrasts) {
  coding <- lapply(stats::setNames(nm = categories), function(v) contrasts)
  stats::model.matrix(variables, frame, contrasts.arg = if (length(coding) > 0L) coding)
}

# Coefficients that sum to zero over the levels of each factor, in interactions too: those of contr.sum, which span the
# same columns, written out for all levels
sum_to_zero <- function(design, variables, frame, categories) {
  # how one coding follows from the other does not depend on the data: learnt from a frame without gaps
  synthetic <- full_frame(frame, categories, 50L * ncol(design$x) + 1000L)
  learn <- lapply(c("contr.treatment", "contr.sum"), coded_matrix, variables = variables, frame = synthetic, categories = categories)
  change <- qr.solve(learn[[2L]], learn[[1L]])
  assign <- attr(learn[[1L]], "assign")
  factors <- attr(variables, "factors")
  terms <- lapply(seq_len(ncol(factors)), function(t) all_levels(factors[, t], frame))
  map <- lapply(seq_along(terms), function(t) terms[[t]]$spread %*% change[assign == t, , drop = FALSE])
  labels <- attr(variables, "term.labels")
  list(
    x = design$x, z = cbind(1, do.call(cbind, lapply(terms, `[[`, "z"))),
    map = rbind(change[1L, , drop = FALSE], do.call(rbind, map)),
    variable = c("(Intercept)", rep(labels, vapply(terms, function(term) ncol(term$z), 0L))),
    level = c("(Intercept)", unlist(lapply(terms, `[[`, "names")))
  )
}

# A frame like another with any combination of levels, and numbers that follow no rule
full_frame <- function(frame, categories, n) {
  roots <- sqrt(c(2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97))
  next_root <- 0L
  sequence <- function() {
    next_root <<- next_root + 1L
    (seq_len(n) * (roots[(next_root - 1L) %% 25L + 1L] + (next_root - 1L) %/% 25L * pi)) %% 1
  }
  made <- lapply(stats::setNames(nm = names(frame)), function(name) {
    column <- frame[[name]]
    if (name %in% categories) {
      return(factor(levels(column)[1L + floor(nlevels(column) * sequence())], levels(column)))
    }
    if (is.matrix(column)) {
      return(matrix(vapply(seq_len(ncol(column)), function(j) sequence(), numeric(n)), n, dimnames = list(NULL, colnames(column))))
    }
    sequence()
  })
  structure(made, class = "data.frame", row.names = seq_len(n), terms = attr(frame, "terms"))
}

# One term for all levels: z, names, and `spread`, its coefficients from those of contr.sum. A variable is coded by
# contrasts (1) or by all its levels (2); the level left out comes last.
all_levels <- function(coding, frame) {
  each <- lapply(names(coding)[coding > 0], function(v) {
    column <- frame[[v]]
    if (!is.factor(column)) {
      column <- as.matrix(column)
      names <- if (ncol(column) == 1L) v else paste0(v, colnames(column) %||% seq_len(ncol(column)))
      return(list(z = column, names = names, spread = diag(ncol(column))))
    }
    k <- nlevels(column)
    by <- c(seq_len(k)[-1L], 1L)
    spread <- if (coding[[v]] == 1L) stats::contr.sum(k) else diag(k)
    list(
      z = outer(as.integer(column), by, `==`) + 0, names = paste0(v, levels(column)[by]), spread = spread[by, , drop = FALSE]
    )
  })
  Reduce(function(a, b) {
    first <- rep(seq_len(ncol(a$z)), ncol(b$z))
    second <- rep(seq_len(ncol(b$z)), each = ncol(a$z))
    list(
      z = a$z[, first, drop = FALSE] * b$z[, second, drop = FALSE], names = paste(a$names[first], b$names[second], sep = ":"),
      spread = kronecker(b$spread, a$spread)
    )
  }, each)
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
    w = design$w[rows], name = name, relax = design$relax, errors_of = design$errors_of[rows]
  )
}

# The group with its coefficients and their covariance
fit_group <- function(group, link, errors) {
  fit <- if (link == "identity") {
    fit_linear(group$x, group$y, group$w, group$name, group$relax)
  } else {
    fit_binary(group$x, group$y, group$w, link, group$name, group$relax)
  }
  group$b <- fit$b
  group$held <- fit$held
  n <- nrow(group$x)
  more <- n / (n - ncol(group$x))
  scores <- fit$working * group$x
  if (!is.null(group$estimated)) {
    # the outcome holds estimated numbers: coefficients move with them, and so with the means of the variables
    moved <- crossprod(group$w * group$x, group$estimated$slope)
    scores <- scores + group$estimated$influence %*% t(moved)
  }
  influence <- scores %*% fit$bread
  group$covariance <- if (errors == "classical") fit$classical else crossprod(influence) * more
  if (errors == "cluster" || (errors == "robust" && !is.null(group$estimated))) {
    group$influence <- influence
  }
  group$mean <- colSums(group$w * group$z) / sum(group$w)
  group
}

# Weighted least squares: coefficients, bread (X'WX)^-1, weighted residuals
fit_linear <- function(x, y, w, name, relax = FALSE) {
  root <- sqrt(w)
  decomposed <- qr(root * x)
  kept <- estimable(decomposed, x, name, relax)
  b <- numeric(ncol(x))
  b[kept] <- qr.coef(decomposed, root * y)[kept]
  residual <- y - drop(x %*% b)
  bread <- matrix(0, ncol(x), ncol(x))
  bread[kept, kept] <- chol2inv(qr.R(decomposed)[seq_along(kept), seq_along(kept), drop = FALSE])
  list(
    b = stats::setNames(b, colnames(x)), bread = bread, working = w * residual,
    classical = bread * sum(w * residual^2) / (nrow(x) - length(kept)), held = colnames(x)[-kept]
  )
}

# Logit or probit by iterated least squares; weights are scaled to mean 1
fit_binary <- function(x, y, w, link, name, relax = FALSE) {
  kept <- sort(estimable(qr(x), x, name, relax))
  w <- w / mean(w)
  family <- stats::binomial(link)
  used <- x[, kept, drop = FALSE]
  fit <- suppressWarnings(stats::glm.fit(used, y,
    weights = w, family = family,
    control = stats::glm.control(epsilon = 1e-12, maxit = 50)
  ))
  slope <- family$mu.eta(fit$linear.predictors)
  spread <- pmax(fit$fitted.values * (1 - fit$fitted.values), .Machine$double.eps)
  inverse <- chol2inv(qr.R(qr(sqrt(w * slope^2 / spread) * used)))
  # an error of 100 in the unit of the index is no estimate: 0 and 1 are told apart without fail
  reach <- sqrt(diag(inverse)) * pmax(apply(used, 2, stats::sd), 1e-8)
  if (!fit$converged || any(!is.finite(reach) | reach > 100)) {
    abort("The ", link, " of `", name, "` does not converge: some variable tells 0 from 1 without fail. ",
      "Drop or merge it.",
      class = "separation"
    )
  }
  b <- stats::setNames(numeric(ncol(x)), colnames(x))
  b[kept] <- fit$coefficients
  bread <- matrix(0, ncol(x), ncol(x))
  bread[kept, kept] <- inverse
  list(
    b = b, bread = bread, working = w * slope * (y - fit$fitted.values) / spread, classical = bread,
    held = colnames(x)[-kept]
  )
}

# Columns, in the order of the decomposition, whose coefficients the group can tell apart; stops when there are others,
# unless these may be held at 0
estimable <- function(decomposed, x, name, relax) {
  kept <- decomposed$pivot[seq_len(decomposed$rank)]
  if (decomposed$rank == ncol(x) || relax) {
    return(kept)
  }
  nobody <- colnames(x)[colSums(x != 0) == 0L]
  lost <- setdiff(colnames(x)[decomposed$pivot[-seq_len(decomposed$rank)]], nobody)
  text <- c(
    if (length(nobody) > 0L) paste0("In `", name, "` no firm has ", quote_names(nobody), "."),
    if (length(lost) > 0L) {
      paste0(
        "In `", name, "` ", plural(length(lost), "column"), " cannot be told apart from the others: ", quote_names(lost), "."
      )
    }
  )
  abort(paste(text, collapse = " "), " Merge or drop the level or the variable, or let `relax = TRUE` hold its coefficient ",
    "at 0 there.",
    class = "collinear"
  )
}
