# Tables and print of a gap.

gap_tables <- function(results, design, spec, call) {
  stack <- function(make) {
    tables <- Map(function(result, prob) {
      table <- make(result)
      if (anyNA(prob)) table else cbind(prob = if (length(prob) == 1L) prob else paste(prob, collapse = " to "), table)
    }, results, spec$probs)
    do.call(rbind, tables)
  }
  part_table <- function(level, labels) {
    function(result) stack_parts(result$parts[[level]], labels, spec$conf.level)
  }
  variables <- unique(design$variable)
  tables <- list(
    overall = stack(part_table("overall", NULL)),
    detailed = stack(part_table("detailed", data.frame(variable = variables))),
    levels = stack(part_table("levels", data.frame(variable = design$variable, level = design$level))),
    totals = stack(function(result) gap_totals(result, design)),
    coefficients = stack(function(result) gap_coefficients(result, design)),
    method = gap_method(spec), reference = gap_reference_text(spec, design),
    residual = stack(gap_residual), notes = note_table(gap_notes(results, design, spec)), conf.level = spec$conf.level,
    call = call
  )
  if (!is.null(design$groups)) {
    tables$grouped <- stack(part_table("grouped", data.frame(group = unname(unique(design$groups)))))
  }
  if (spec$reweight) {
    tables$counterfactual <- stack(function(result) counterfactual_table(result, spec))
  }
  tables
}

# The gap through the reweighted second cluster: what attributes do together, and what is left (DiNardo, Fortin,
# Lemieux)
counterfactual_table <- function(result, spec) {
  estimate <- c(result$values[1] - result$counterfactual, result$counterfactual - result$values[2])
  error <- result$counterfactual_error %||% c(NA_real_, NA_real_)
  reach <- stats::qnorm((1 + spec$conf.level) / 2) * error
  data.frame(
    first = result$values[1], counterfactual = result$counterfactual, second = result$values[2],
    component = c("structure", "composition"), estimate = estimate, std.error = error,
    conf.low = estimate - reach, conf.high = estimate + reach
  )
}

# Fold of each component
fold_of <- function(component) {
  fold <- rep("reweighted", length(component))
  fold[component %in% c("explained", "unexplained", "unexplained_first", "unexplained_second")] <- "twofold"
  fold[component %in% c("endowments", "coefficients", "interaction")] <- "threefold"
  fold
}

stack_parts <- function(parts, labels, level) {
  reach <- stats::qnorm((1 + level) / 2)
  tables <- lapply(names(parts), function(component) {
    part <- parts[[component]]
    error <- if (is.null(part$error)) rep(NA_real_, length(part$estimate)) else part$error
    table <- data.frame(fold = fold_of(component), component = rep(component, length(part$estimate)))
    if (!is.null(labels)) table <- cbind(table, labels)
    cbind(table, data.frame(
      estimate = unname(part$estimate), std.error = unname(error),
      conf.low = unname(part$estimate - reach * error), conf.high = unname(part$estimate + reach * error)
    ))
  })
  do.call(rbind, tables)
}

gap_totals <- function(result, design) {
  gap <- result$values[1] - result$values[2]
  error <- if (is.null(result$gap_error)) sqrt(sum(result$spread^2)) else result$gap_error
  weight <- vapply(list(design$first, design$second), function(rows) sum(design$w[rows]), 0)
  data.frame(
    cluster = c(design$names, "gap"), firms = c(length(design$first), length(design$second), NA),
    weight = c(weight, NA), value = c(result$values, gap), std.error = unname(c(result$spread, error))
  )
}

gap_coefficients <- function(result, design) {
  beta <- function(b) drop(design$map %*% b)
  data.frame(
    variable = design$variable, level = design$level,
    mean_first = unname(result$groups$first$mean), mean_second = unname(result$groups$second$mean),
    coef_first = beta(result$groups$first$b), coef_second = beta(result$groups$second$b),
    coef_reference = beta(result$star), row.names = NULL
  )
}

# Gap minus the sum of its parts, by fold
gap_residual <- function(result) {
  estimate <- vapply(result$parts$overall, `[[`, 0, "estimate")
  estimate <- estimate[!names(estimate) %in% c("unexplained_first", "unexplained_second")]
  sums <- tapply(estimate, fold_of(names(estimate)), sum)
  left <- result$values[1] - result$values[2] - sums
  data.frame(fold = names(left), residual = as.vector(left))
}

gap_method <- function(spec) {
  what <- switch(spec$statistic,
    mean = switch(spec$link,
      identity = "mean",
      paste("probability,", spec$link)
    ),
    spec$statistic
  )
  paste0("Oaxaca-Blinder, ", what, if (spec$reweight) ", reweighted")
}

gap_reference_text <- function(spec, design) {
  first <- paste0("`", design$names[1], "`")
  second <- paste0("`", design$names[2], "`")
  text <- if (spec$reweight) {
    paste(second, "reweighted to the attributes of", first)
  } else if (is.numeric(spec$reference)) {
    paste0("coefficients of ", first, " with weight ", format(spec$reference))
  } else {
    switch(spec$reference,
      pooled = "coefficients of both clusters together, with a constant of the second",
      neumark = "coefficients of both clusters together, without a constant of the second",
      reimers = "mean of the coefficients of both clusters",
      cotton = "mean of the coefficients of both clusters, weighted by firms",
      first = paste("coefficients of", first),
      second = paste("coefficients of", second),
      shapley = "average over both orders of switching attributes and coefficients"
    )
  }
  errors <- if (spec$draws > 0) {
    paste(spec$draws, "bootstrap draws")
  } else if (spec$reweight) {
    "none without `draws`"
  } else {
    paste0("delta method, attributes random, ", if (spec$errors == "cluster") "clustered" else spec$errors, " covariance")
  }
  c(paste("gap:", first, "minus", second), paste("reference:", text), paste("standard errors:", errors))
}

# A quantile at which many firms are exactly has no density there, so that influence functions and parts mean little
mass_notes <- function(results, design, spec) {
  unlist(lapply(seq_along(results), function(k) {
    result <- results[[k]]
    at <- which(result$mass >= 0.01)
    if (length(at) == 0L) {
      return(NULL)
    }
    residual <- max(abs(gap_residual(result)$residual))
    paste0(
      paste0("`", design$names[at], "`: ", format(100 * result$mass[at], digits = 2), "%", collapse = ", "),
      " of the firms have exactly the value of the quantile ", paste(format(spec$probs[[k]]), collapse = " to "),
      ". It has no density there: the parts miss the gap by ", format(residual, digits = 2),
      " and their errors are not to be trusted."
    )
  }))
}

# The same as a warning, where it is more than some firms
tell_mass <- function(results, design, spec) {
  if (any(vapply(results, function(result) max(result$mass), 0) >= 0.05)) {
    warn(paste(mass_notes(results, design, spec), collapse = " "), " Decompose the mean, or a share by a logit, instead.",
      class = "mass_point"
    )
  }
}

held_notes <- function(results, design) {
  held <- lapply(results[[1L]]$groups, `[[`, "held")
  unlist(lapply(which(lengths(held) > 0L), function(g) {
    paste0("In `", design$names[g], "` held at 0, since nothing there tells: ", quote_names(held[[g]], 12), ".")
  }))
}

gap_notes <- function(results, design, spec) {
  failed <- max(0, unlist(lapply(results, `[[`, "failed")))
  c(
    mass_notes(results, design, spec), held_notes(results, design),
    if (design$dropped > 0) paste0(plural(design$dropped, "row"), " with missing values left out."),
    if (failed > 0) {
      paste0(
        plural(failed, "bootstrap draw"), " could not be estimated and ",
        if (failed == 1) "is" else "are", " left out."
      )
    },
    if (spec$reweight) {
      paste0(
        "The reweighted firms count as ",
        format(min(vapply(results, `[[`, 0, "effective")), digits = 4), " equal ones."
      )
    },
    if (spec$link != "identity") "The interaction is not shared out among variables: NA."
  )
}

#' @rdname print.decomposition
#' @export
print.decompose_gap <- function(x, digits = max(3L, getOption("digits") - 3L), n = 12, ...) {
  print_reference(x)
  prob <- if (is.null(x$overall$prob)) NA else unique(x$overall$prob)
  at <- function(table, p) if (is.na(p)) table else table[table$prob == p, names(table) != "prob"]
  for (p in prob) {
    cat("\n", if (!is.na(p)) paste0("quantile ", format(p), ":\n"), sep = "")
    print(at(x$totals, p), digits = digits, row.names = FALSE, na.print = "")
    parts <- at(x$overall, p)
    for (fold in unique(parts$fold)) {
      rows <- parts[parts$fold == fold, names(parts) != "fold"]
      whole <- !rows$component %in% c("unexplained_first", "unexplained_second")
      cat("\n", fold, ":\n", sep = "")
      rows$component[!whole] <- paste("  of which", sub("unexplained_", "", rows$component[!whole]))
      rows$component <- format(rows$component)
      print(rows, digits = digits, row.names = FALSE)
      missing <- at(x$residual, p)
      left <- missing$residual[missing$fold == fold]
      cat("sum: ", format(sum(rows$estimate[whole]), digits = digits),
        if (abs(left) > 1e-8 * max(abs(rows$estimate))) paste0("; missing of the gap: ", format(left, digits = digits)), "\n",
        sep = ""
      )
    }
  }
  print_residual(x)
  invisible(x)
}
