# What a fit has to say about itself: terms that are not estimable, terms that separate the choices,
# no convergence, dissimilarity parameters that utility maximisation rules out.

diagnose_fit <- function(fit, raw, layout) {
  names <- character(layout$total)
  names[layout$coefficients] <- layout$names
  names[layout$effects] <- layout$places
  warn_aliased(raw, names, layout, fit$fixed)
  warn_separated(raw, names)
  warn_unconverged(fit$convergence)
  check_estimates(fit$model, fit)
  invisible(fit)
}

warn_aliased <- function(raw, names, layout, fixed) {
  at <- layout$coefficients[!fixed]
  lost <- at[raw$aliased[at] > 0L]
  if (length(lost) == 0L) {
    return(invisible())
  }
  constant <- lost[raw$aliased[lost] == fm_no_variation]
  why <- c(
    if (length(constant) > 0L) {
      paste0(quote_names(names[constant]), " is the same for all places of every occasion")
    },
    vapply(setdiff(lost, constant), describe_combination, "", raw = raw, names = names, layout = layout)
  )
  warn(
    plural(length(lost), "term"), " not estimated (coefficient NA): ", paste(why, collapse = "; "), ".",
    class = "aliased"
  )
}

# "`z` = 2 `x` - `y`", within occasions
describe_combination <- function(k, raw, names, layout) {
  weight <- raw$combine[, k]
  weight[k] <- 0
  used <- which(abs(weight) > 1e-6 * max(abs(weight), 1e-300))
  of_places <- used %in% layout$effects
  listed <- used[!of_places]
  if (length(used) == 0L) {
    return(paste0("`", names[k], "` is a combination of the others"))
  }
  if (length(listed) == 0L) {
    return(paste0("`", names[k], "` is a combination of the place constants"))
  }
  size <- ifelse(abs(abs(weight[listed]) - 1) < 1e-6, "", paste0(format_each(signif(abs(weight[listed]), 4)), " "))
  parts <- c(
    if (any(of_places)) " + place constants",
    sprintf(" %s %s`%s`", ifelse(weight[listed] < 0, "-", "+"), size, names[listed])
  )
  sum <- sub("^ \\+ ", "", paste(utils::head(parts, 6), collapse = ""))
  more <- if (length(parts) > 6L) paste0(" and ", length(parts) - 6L, " more") else ""
  paste0("`", names[k], "` = ", trimws(sum), more, " within occasions")
}

warn_separated <- function(raw, names) {
  out <- which(as.logical(raw$separated))
  if (length(out) > 0L) {
    sign <- ifelse(raw$direction[out] < 0, "-Inf", "Inf")
    warn(
      "The log-likelihood has no finite maximum: the choices separate along ",
      paste0("`", names[out], "` (towards ", sign, ")", collapse = ", "),
      ". Its estimates and standard errors mean nothing; drop or merge terms, or hold one fixed.",
      class = "separated"
    )
  }
}

warn_unconverged <- function(convergence) {
  if (convergence$code %in% 1:2) {
    warn(
      "The fit did not converge: ", convergence$message, " (", plural(convergence$iterations, "iteration"),
      ", gradient ", format(convergence$gradient_norm, digits = 2), "). ",
      if (convergence$code == 1L) {
        "Raise migration_control(max_iterations = )."
      } else {
        "Check the scale of the terms, or give other start values."
      },
      class = "unconverged"
    )
  }
}
