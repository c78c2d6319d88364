# The tables of decompose_places(). `fit` is places_fit(): what the kernel found, with places in the order of the panel.

places_tables <- function(fit, panel, options, groups, project) {
  level <- options$conf.level
  variance <- places_variance(fit, options)
  projection <- if (!is.null(project)) places_projection(fit, panel, project, level)
  symmetry <- places_symmetry(fit, panel)
  controls <- controls_table(fit, level)
  tables <- list(
    places = places_table(fit, variance, options, projection), variance = variance$table,
    correlation = variance$correlation, gap = if (!is.null(groups)) places_gap(fit, panel, groups, level),
    projection = projection$table, controls = if (nrow(controls) > 0L) controls, symmetry = symmetry,
    firms = data.frame(
      firm = id_text(panel$firms[fit$p$firm_row]), effect = fit$p$alpha + fit$p$centre, rows = diff(fit$p$firm_first)
    ),
    set = places_set(fit, panel)
  )
  tables$residual <- data.frame(table = c("places", "variance"), residual = c(
    max(abs(tables$places$value - tables$places$effect - tables$places$who - tables$places$controls)),
    max(abs(variance$left), na.rm = TRUE)
  ))
  tables$notes <- places_notes(fit, panel, tables, options)
  if (nrow(tables$notes) > 0L && any(tables$notes$table == "movers")) {
    few <- tables$notes$note[tables$notes$table == "movers"]
    warn(few, class = "few_movers")
  }
  tables[!vapply(tables, is.null, NA)]
}

# Normal limits around estimates
normal_limits <- function(estimate, std.error, level) {
  reach <- stats::qnorm((1 + level) / 2) * std.error
  data.frame(std.error = std.error, conf.low = estimate - reach, conf.high = estimate + reach)
}

places_table <- function(fit, variance, options, projection) {
  seen <- fit$p$place[fit$order, , drop = FALSE]
  std.error <- sqrt(pmax(diag(fit$covariance), 0))
  target <- if (options$shrink == "project") projection$fitted else 0
  tau2 <- variance$tau2
  keep <- if (options$shrink == "none") 1 else if (is.na(tau2) || tau2 <= 0) 0 else tau2 / (tau2 + std.error^2)
  quick_table(
    cluster = fit$places, effect = fit$psi, normal_limits(fit$psi, unname(std.error), options$conf.level),
    shrunk = unname(keep * fit$psi + (1 - keep) * target), firms = seen[, 2L], rows = seen[, 1L], movers_in = seen[, 3L],
    movers_out = seen[, 4L], value = seen[, 5L], who = seen[, 5L] - fit$psi - seen[, 6L], controls = seen[, 6L]
  )
}

# ---- variances -----------------------------------------------------------------------------------------------------

places_variance <- function(fit, options) {
  p <- fit$p
  m <- p$moment
  told <- fit$raw$leaves_out && p$alone == 0
  plug <- c(m[1L, 1L], m[1L, 2L], m[2L, 2L])
  estimates <- list(
    plugin = plug, homoskedastic = plug - p$s2 * p$trace, leave_out = if (told) plug - p$leave_out else rep(NA_real_, 3L)
  )
  controls <- m[3L, 3L] + 2 * (m[1L, 3L] + m[2L, 3L])
  total <- m[5L, 5L]
  error <- if (told && options$leave == "firm" && p$variance > 0) sqrt(p$variance) else NA_real_
  tables <- lapply(names(estimates), function(name) {
    x <- estimates[[name]]
    parts <- c(x[1L], 2 * x[2L], x[3L], controls)
    estimate <- c(parts, total - sum(parts), total)
    std.error <- c(if (name == "leave_out") error else NA_real_, rep(NA_real_, 5L))
    # with few places the error is itself uncertain, and normal limits cover too little
    reach <- stats::qt((1 + options$conf.level) / 2, length(fit$psi) - 1) * std.error
    quick_table(
      component = c("place", "sorting", "firm", "controls", "residual", "total"), estimator = rep(name, 6L),
      estimate = estimate, share = estimate / total, std.error = std.error, conf.low = estimate - reach,
      conf.high = estimate + reach
    )
  })
  correlation <- vapply(estimates, function(x) {
    if (anyNA(x) || x[1L] <= 0 || x[3L] <= 0) NA_real_ else x[2L] / sqrt(x[1L] * x[3L])
  }, 0)
  table <- plain_rows(do.call(rbind, tables))
  residual <- m[4L, 4L] + 2 * sum(m[4L, 1:3])
  list(
    table = table, correlation = data.frame(estimator = names(estimates), correlation = unname(correlation)),
    tau2 = if (told) estimates$leave_out[1L] else estimates$homoskedastic[1L],
    left = c(table$estimate[5L] - residual, tapply(
      table$estimate[table$component != "total"],
      table$estimator[table$component != "total"], sum
    ) - total)
  )
}

# ---- projection and controls ---------------------------------------------------------------------------------------

places_projection <- function(fit, panel, project, level) {
  z <- place_attributes(panel, project, fit$places)
  w <- fit$p$nbar[fit$order]
  inside <- qr(crossprod(z, w * z))
  if (inside$rank < ncol(z)) {
    abort(
      "`project` has ", plural(ncol(z), "column"), " but only ", inside$rank, " that vary apart over the ",
      plural(nrow(z), "place"), ". Leave some out.",
      class = "singular"
    )
  }
  gain <- qr.solve(inside, t(w * z))
  estimate <- drop(gain %*% fit$psi)
  std.error <- sqrt(diag(gain %*% fit$covariance %*% t(gain)))
  list(
    table = quick_table(term = colnames(z), estimate = unname(estimate), normal_limits(unname(estimate), unname(std.error), level)),
    fitted = drop(z %*% estimate)
  )
}

# A row of attributes for each place: means over its rows in the table of places, or in the panel
place_attributes <- function(panel, project, places) {
  if (!inherits(project, "formula") || length(project) != 2L) {
    abort("`project` must be a one-sided formula of attributes of the places.", class = "formula")
  }
  names <- all.vars(project)
  of_places <- panel$source$places
  lookup <- !is.null(of_places) && all(names %in% names(of_places))
  table <- if (lookup) plain_table(of_places, "data$places") else panel$table
  check_known(names, names(table), "`project` has", "a column of the places or of the data")
  key <- id_text(table[[if (lookup) panel$source$names$place else panel$columns$cluster]])
  first <- match(places, key)
  attributes <- lapply(stats::setNames(nm = names), function(name) {
    x <- table[[name]]
    if (!is.numeric(x)) {
      return(x[first])
    }
    means <- tapply(x, key, mean, na.rm = TRUE)
    unname(as.vector(means[places]))
  })
  frame <- stats::model.frame(project, quick_table(attributes = NULL, data.frame(attributes)), na.action = stats::na.pass)
  lacking <- places[!stats::complete.cases(frame)]
  if (length(lacking) > 0L) {
    abort("`project` is missing for ", quote_names(lacking), ". Fill in the attributes.", class = "missing")
  }
  stats::model.matrix(project, frame)
}

controls_table <- function(fit, level) {
  at <- fit$others
  estimate <- fit$p$b[at]
  std.error <- sqrt(pmax(diag(fit$full)[at], 0))
  none <- fit$p$aliased[at] == 1L
  estimate[none] <- NA_real_
  std.error[none] <- NA_real_
  # one period is what the others are measured from
  base <- which(none & seq_along(at) <= length(at) - NCOL(fit$x$z) * !is.null(fit$x$z))
  table <- quick_table(term = fit$other_names, estimate = estimate, normal_limits(estimate, std.error, level))
  plain_rows(table[setdiff(seq_along(at), utils::tail(base, 1L)), , drop = FALSE])
}

# ---- gaps between groups of clusters -------------------------------------------------------------------------------

places_gap <- function(fit, panel, groups, level) {
  rows <- gap_rows(fit, panel)
  codes <- lapply(groups, function(group) match(as.character(group), panel$places))
  pieces <- lapply(names(groups)[-1L], function(name) {
    contrast <- gap_contrast(fit, rows, codes[[name]], codes[[1L]])
    if (is.null(contrast)) {
      return(NULL)
    }
    error <- sqrt(colSums(contrast$influence^2))
    share <- contrast$estimate / contrast$estimate[1L]
    off <- contrast$influence - outer(contrast$influence[, 1L], share)
    quick_table(
      group = rep(name, 4L), reference = rep(names(groups)[1L], 4L), component = c("gap", "place", "who", "controls"),
      estimate = contrast$estimate, normal_limits(contrast$estimate, error, level), share = share,
      share.std.error = sqrt(colSums(off^2)) / abs(contrast$estimate[1L])
    )
  })
  plain_rows(do.call(rbind, pieces))
}

# What each row of the set has: place, performance, effect, controls, weight, firm; and r, by the kernel's order
gap_rows <- function(fit, panel) {
  p <- fit$p
  row <- p$row
  n <- length(p$place_code)
  place <- match(panel$place[row], p$place_code)
  times <- if (fit$x$periods) panel$time[row]
  z <- if (!is.null(fit$x$z)) sweep(fit$x$z[row, , drop = FALSE], 2L, colMeans(fit$x$z[row, , drop = FALSE]))
  at_z <- n + (if (fit$x$periods) length(panel$times) else 0L) + seq_len(NCOL(z) * !is.null(z))
  beyond <- function(v) { # the part of e'v that periods and controls have
    (if (is.null(times)) 0 else v[n + times]) + (if (is.null(z)) 0 else drop(z %*% v[at_z]))
  }
  weight <- if (is.null(panel$weight)) rep(1, length(row)) else panel$weight[row]
  list(
    place = place, code = panel$place[row], y = panel$performance[row], psi = p$b[place],
    control = rep_len(beyond(p$b) - p$shift, length(row)), weight = weight,
    firm = rep(seq_along(p$alpha), diff(p$firm_first)), r = p$predicted, beyond = beyond, n = n, size = length(p$b)
  )
}

# Differences between two groups, and what each firm adds to them
gap_contrast <- function(fit, rows, group, reference) {
  inside <- list(rows$code %in% group, rows$code %in% reference)
  if (!any(inside[[1L]]) || !any(inside[[2L]])) {
    return(NULL)
  }
  signed <- Reduce(`-`, lapply(inside, function(at) rows$weight * at / sum(rows$weight[at])))
  means <- function(x) vapply(inside, function(at) stats::weighted.mean(x[at], rows$weight[at]), 0)
  own <- function(x) { # what rows of the firm do to the difference of the means
    m <- means(x)
    rowsum(signed * (x - ifelse(inside[[1L]], m[1L], m[2L])), rows$firm)[, 1L]
  }
  parts <- list(gap = rows$y, place = rows$psi, controls = rows$control)
  estimate <- vapply(parts, function(x) sum(c(1, -1) * means(x)), 0)
  load <- numeric(rows$size)
  load[seq_len(rows$n)] <- drop(rowsum(signed, factor(rows$place, seq_len(rows$n)))[, 1L])
  influence <- cbind(
    own(parts$gap), own(parts$place) + coefficient_influence(fit, rows, load),
    own(parts$controls) + coefficient_influence(fit, rows, controls_load(rows, signed))
  )
  list(
    estimate = c(
      estimate[["gap"]], estimate[["place"]], estimate[["gap"]] - estimate[["place"]] - estimate[["controls"]],
      estimate[["controls"]]
    ),
    influence = cbind(influence[, 1:2], influence[, 1L] - influence[, 2L] - influence[, 3L], influence[, 3L])
  )
}

# The load of a difference of means on the coefficients of periods and controls
controls_load <- function(rows, signed) {
  load <- numeric(rows$size)
  beyond <- setdiff(seq_len(rows$size), seq_len(rows$n))
  for (k in beyond) {
    unit <- replace(numeric(rows$size), k, 1)
    load[k] <- sum(signed * rows$beyond(unit))
  }
  load
}

# load'(b - b without the firm), for each firm
coefficient_influence <- function(fit, rows, load) {
  v <- drop(fit$p$v %*% load)
  influence <- rowsum(rows$r * (v[rows$place] + rows$beyond(v)), rows$firm)[, 1L]
  if (is.null(fit$first)) influence else influence + drop(fit$first$by_firm %*% (fit$first$load %*% v))
}

# ---- symmetry ------------------------------------------------------------------------------------------------------

# Classes of places by mean performance without the rows of the move, and mean changes of moves up and down between them
places_symmetry <- function(fit, panel) {
  p <- fit$p
  seen <- p$place
  n_classes <- min(4L, nrow(seen))
  before <- p$move_rows[, 1L]
  after <- p$move_rows[, 2L]
  from <- match(panel$place[before], p$place_code)
  to <- match(panel$place[after], p$place_code)
  y <- panel$performance
  # without the row at that end of the move
  less <- function(place, row) {
    rest <- seen[place, 1L] - 1
    ifelse(rest > 0, (seen[place, 1L] * seen[place, 5L] - y[row]) / rest, seen[place, 5L])
  }
  order <- order(seen[, 5L])
  middle <- cumsum(seen[order, 1L]) - seen[order, 1L] / 2
  limits <- stats::approx(middle / sum(seen[, 1L]), seen[order, 5L], seq_len(n_classes - 1L) / n_classes, rule = 2)$y
  class_of <- function(value) findInterval(value, limits) + 1L
  change <- y[after] - y[before] - (control_of(fit, panel, after) - control_of(fit, panel, before))
  symmetry_rows(class_of(less(from, before)), class_of(less(to, after)), change, panel$firm$code[before], n_classes)
}

# What periods and controls do at rows of the panel
control_of <- function(fit, panel, row) {
  p <- fit$p
  n <- length(p$place_code)
  periods <- if (fit$x$periods) p$b[n + panel$time[row]] else 0
  k <- NCOL(fit$x$z) * !is.null(fit$x$z)
  periods + if (k > 0L) drop(fit$x$z[row, , drop = FALSE] %*% utils::tail(p$b, k)) else 0
}

# A row for each pair of classes a < b between which firms move both ways, or one
symmetry_rows <- function(from, to, change, firm, n_classes) {
  pairs <- which(upper.tri(matrix(0, n_classes, n_classes)), arr.ind = TRUE)
  rows <- lapply(seq_len(nrow(pairs)), function(k) {
    a <- pairs[k, 1L]
    b <- pairs[k, 2L]
    up <- which(from == a & to == b)
    down <- which(from == b & to == a)
    off <- c((change[up] - mean(change[up])) / length(up), (change[down] - mean(change[down])) / length(down))
    error <- if (length(up) > 1L && length(down) > 1L) {
      sqrt(sum(rowsum(off, c(firm[up], firm[down]), reorder = FALSE)^2))
    } else {
      NA_real_
    }
    data.frame(
      from = a, to = b, up = mean(change[up]), down = mean(change[down]), movers_up = length(up), movers_down = length(down),
      difference = mean(change[up]) + mean(change[down]), std.error = error
    )
  })
  table <- do.call(rbind, rows)
  table[is.na(table)] <- NA # NaN of no move is NA
  plain_rows(table[table$movers_up + table$movers_down > 0L, , drop = FALSE])
}

# ---- what was kept -------------------------------------------------------------------------------------------------

places_set <- function(fit, panel) {
  raw <- fit$raw
  what <- c("kept", "seen once", "sole tie", "outside")
  count <- function(at) {
    data.frame(rows = sum(raw$rows[at]), firms = sum(at), movers = sum(raw$moves[at]))
  }
  parts <- do.call(rbind, lapply(c(NA, 0:3), function(code) count(if (is.na(code)) raw$reason >= 0L else raw$reason == code)))
  given <- sum(tabulate(panel$place, length(panel$places)) > 0L)
  kept <- length(fit$places)
  quick_table(
    what = c("given", what), parts[1:2], places = c(given, kept, NA, NA, given - kept), movers = parts$movers
  )
}

places_notes <- function(fit, panel, tables, options) {
  p <- fit$p
  lost <- setdiff(panel$places[tabulate(panel$place, length(panel$places)) > 0L], fit$places)
  movers <- tables$set$movers[2L] / length(fit$places)
  variance <- tables$variance
  negative <- variance$component %in% c("place", "firm") & variance$estimate < 0
  constant <- tables$controls$term[is.na(tables$controls$estimate)]
  notes <- c(
    places = if (length(lost) > 0L) {
      paste0(
        "not comparable with the largest set of places that movers tie, and left out: ", quote_names(lost, 20)
      )
    },
    set = if (!fit$raw$leaves_out) {
      paste0(
        "no two places are tied by two firms or more: nothing can be left out, and leave-out estimates are NA"
      )
    },
    variance = if (p$alone > 0) {
      paste0(
        plural(p$alone, "block"), " cannot be left out (alone they tell a control): leave-out estimates are NA"
      )
    },
    variance = if (any(negative, na.rm = TRUE)) {
      paste0(
        "below 0, so not told from 0, and the correlation is NA: ",
        paste(variance$component[which(negative)], variance$estimator[which(negative)], collapse = ", ")
      )
    },
    variance = if (fit$raw$leaves_out && options$leave == "firm" && is.finite(p$variance) && p$variance <= 0) {
      "the variance of the leave-out estimate came out below 0: no standard error"
    },
    variance = if (options$leave != "firm") {
      paste0(
        "`leave = \"", options$leave, "\"` leaves the bias of errors that last within a firm; its estimates have no standard error"
      )
    },
    controls = if (length(constant) > 0L) paste0("constant within firms, or told by others, and NA: ", quote_names(constant)),
    movers = if (movers < 10) {
      paste0(
        "There are ", format(movers, digits = 2), " movers a place: below 10 intervals of the variance of places are too short."
      )
    }
  )
  data.frame(table = as.character(names(notes)), note = as.character(notes))
}
