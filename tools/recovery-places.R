# Recovery of what decompose_places(), move_events(), incumbents() and selection_terms() estimate, over simulated panels whose
# truth is known; minutes, so not among the tests.
#
#   Rscript tools/recovery-places.R [draws]      400 by default
#
# Packages fixest and didimputation are compared with where they are installed.

library(firmmove)
source("tests/testthat/helper-places.R")
draws <- as.integer(c(commandArgs(TRUE), "400")[1])
covers <- function(table, truth) mean(table$conf.low <= truth & truth <= table$conf.high, na.rm = TRUE)
line <- function(what, ...) cat(format(what, width = 44), ..., "\n")
quiet <- function(x) suppressWarnings(x)

# ---- places: firms, periods and places as given; only errors are drawn anew, so that truth stays ---------------------------

errors_anew <- function(data, rho, resample = FALSE) {
  if (resample) { # firms drawn from these, with replacement
    firms <- split(seq_len(nrow(data)), data$firm)
    drawn <- sample(length(firms), replace = TRUE)
    rows <- unlist(firms[drawn])
    data <- data[rows, ]
    data$firm <- rep(seq_along(drawn), lengths(firms[drawn]))
  }
  data <- data[order(data$time, data$firm), ]
  firms <- length(unique(data$firm))
  periods <- nrow(data) / firms
  e <- matrix(rnorm(nrow(data), sd = 0.35), firms)
  for (t in seq_len(periods)[-1]) e[, t] <- rho * e[, t - 1] + sqrt(1 - rho^2) * e[, t]
  data$y <- data$alpha + data$psi + as.vector(e)
  data
}

of_places <- function(name, rho, move, leave = "firm", firms = 300) {
  set.seed(1)
  data <- panel_of_movers(firms, 6, 20, move = move, sorting = 0.9)
  fit <- quiet(decompose_places(errors_anew(data, rho), "y", "firm", "place", "time", controls = NULL))
  kept <- data[data$place %in% fit$places$cluster, ]
  kept <- kept[kept$firm %in% fit$firms$firm, ]
  truth <- c(place = mean((kept$psi - mean(kept$psi))^2), cov = mean(kept$alpha * kept$psi) - mean(kept$alpha) * mean(kept$psi))
  psi <- tapply(kept$psi, kept$place, mean)[fit$places$cluster] - mean(kept$psi)
  groups <- list(low = names(sort(psi))[1:5], high = names(sort(psi))[16:20])
  groups <- lapply(groups, intersect, fit$places$cluster)
  share <- function(group) weighted.mean(psi[group], fit$places$rows[match(group, fit$places$cluster)])
  gap <- share(groups$high) - share(groups$low)
  one <- function(k) {
    x <- quiet(decompose_places(errors_anew(data, rho), "y", "firm", "place", "time", controls = NULL, leave = leave))
    v <- x$variance
    c(v$estimate[v$component == "place"], v$estimate[v$component == "sorting"] / 2,
      covers(v[v$component == "place" & v$estimator == "leave_out", ], truth[["place"]]), covers(x$places, psi),
      if (leave == "firm") gap_covered() else NA)
  }
  gap_covered <- function() {
    x <- quiet(decompose_places(errors_anew(data, rho, TRUE), "y", "firm", "place", "time", controls = NULL, groups = groups))
    covers(x$gap[x$gap$component == "place", ], gap)
  }
  out <- vapply(seq_len(draws), one, numeric(9))
  error <- apply(out, 1, sd) / sqrt(draws)
  cat("\n", name, ": ", nrow(fit$places), " places, ", format(fit$set$movers[2] / nrow(fit$places), digits = 3), " movers a place; left out: a ",
      leave, "\n", sep = "")
  line("", "truth   plugin  homosk. leaveout  (Monte Carlo error of the last; in errors off)")
  for (k in 1:2) {
    m <- rowMeans(out)[3 * k - 2:0]
    line(c("variance of places", "covariance")[k], sprintf("%.4f ", c(truth[k], m)), sprintf(" (%.4f; %.1f)", error[3 * k], (m[3] - truth[k]) / error[3 * k]))
  }
  if (leave == "firm") line("coverage: variance, effects, gap (firms drawn)", sprintf("%.3f ", rowMeans(out, na.rm = TRUE)[7:9]))
}

of_places("AR(1) .8", 0.8, 0.08)
of_places("AR(1) .8", 0.8, 0.08, "match")
of_places("AR(1) .8", 0.8, 0.08, "row")
of_places("AR(1) .8, more movers", 0.8, 0.13, firms = 700)
of_places("independent, more movers", 0, 0.13, firms = 700)

# ---- events: movers gain .2, .3, .4 in the periods 0, 1, 2 after the move ----------------------------------------------------

event_panel <- function(firms = 300, periods = 10) {
  when <- sample(c(3:8, rep(NA, 6)), firms, TRUE)
  data <- data.frame(firm = rep(seq_len(firms), each = periods), time = rep(seq_len(periods), firms))
  data$cohort <- rep(when, each = periods)
  since <- ifelse(is.na(data$cohort), -1, data$time - data$cohort)
  data$place <- ifelse(since >= 0, "new", "old")
  effect <- ifelse(since < 0, 0, 0.2 + 0.1 * pmin(since, 2))
  data$y <- rep(rnorm(firms), each = periods) + sin(data$time) + effect * (1 + rep(rnorm(firms, sd = 0.3), each = periods)) +
    rnorm(nrow(data), sd = 0.5)
  data
}

set.seed(2)
out <- replicate(max(200, draws %/% 2), {
  data <- event_panel()
  x <- move_events(data, "y", "firm", "place", "time", horizon = 0:2, leads = 3)
  at <- x$effects$event_time >= 0
  c(x$effects$estimate[at], x$effects$conf.low[at] <= c(.2, .3, .4) & c(.2, .3, .4) <= x$effects$conf.high[at],
    mean(x$effects$conf.low[!at] <= 0 & x$effects$conf.high[!at] >= 0), x$pretrend$p.value < 0.05)
})
cat("\nevents, ", ncol(out), " draws: effects .2 .3 .4\n", sep = "")
line("mean of estimates", sprintf("%.4f ", rowMeans(out)[1:3]), sprintf(" (MC errors %.4f)", sd(out[1, ]) / sqrt(ncol(out))))
line("coverage; of leads; pretrend rejected", sprintf("%.3f ", rowMeans(out)[4:8]))

data <- event_panel()
x <- move_events(data, "y", "firm", "place", "time", horizon = 0:2, leads = 0)
study <- as_event_study(data, firm = "firm", cluster = "place", time = "time", never = "0")
cat("\none panel, periods 0 1 2 after the move: estimates and errors\n")
line("move_events()", sprintf("%.8f ", unlist(x$effects[c("estimate", "std.error")])))
if (requireNamespace("didimputation", quietly = TRUE)) {
  other <- didimputation::did_imputation(study, "y", "cohort", "period", "unit", horizon = 0:2)
  line("didimputation", sprintf("%.8f ", c(other$estimate, other$std.error)))
}
if (requireNamespace("fixest", quietly = TRUE)) {
  study$cohort[study$cohort == 0] <- 10000
  other <- fixest::feols(y ~ sunab(cohort, period) | unit + period, study, cluster = ~unit)
  keep <- paste0("period::", 0:2)
  line("fixest::sunab", sprintf("%.8f ", c(coef(summary(other))[keep], fixest::se(other)[keep])))
}

# ---- runner-up: performance without any effect of arrivals ------------------------------------------------------------------

lamps <- wenzhou_guzhen()
fit <- fit_migration(~ push(land_price) + pull(creativity) + log(distance), lamps)
near <- runner_up(fit, n = 2)
firms <- lamps$firms[!is.na(lamps$firms$to), ]
set.seed(3)
out <- replicate(max(100, draws %/% 2), {
  alpha <- rnorm(length(unique(firms$firm)), sd = 0.4)
  # firms have paths of their own, so errors last
  firms$y <- alpha[match(firms$firm, unique(firms$firm))] + rnorm(nrow(firms), sd = 0.3) + 0.05 * sin(firms$year)
  one <- function(against) {
    x <- incumbents(near, firms, "y", "firm", "to", "year", against = against, cluster_by = "firm")$difference
    covers(x[is.na(x$event_time), ], 0)
  }
  c(one("winner"), one("runner_up"))
})
cat("\nrunner-up without effects, ", ncol(out), " draws, errors by firm\n", sep = "")
line("coverage of 0: winner, placebo", sprintf("%.3f ", rowMeans(out)))

# ---- selection: errors of a second step that carry those of the first ---------------------------------------------------------

set.seed(4)
out <- replicate(max(200, draws %/% 2), {
  n <- 1500
  places <- data.frame(place = c("A", "B", "C"), x = c(0, 0.5, 1))
  home <- sample(3, n, TRUE)
  d <- matrix(rexp(3 * n), n)
  d[cbind(seq_len(n), home)] <- 0
  e <- matrix(-log(-log(runif(3 * n))), n)
  v <- sweep(-d, 2, places$x, `+`)
  v[cbind(seq_len(n), home)] <- v[cbind(seq_len(n), home)] + 1
  to <- max.col(v + e)
  chosen <- e[cbind(seq_len(n), to)]
  firms <- data.frame(firm = seq_len(n), from = places$place[home], to = places$place[to])
  ties <- data.frame(firm = rep(seq_len(n), 3), to = rep(places$place, each = n), d = as.vector(d))
  firms$y <- c(0, 0.3, 0.6)[to] + 0.5 * (chosen - 0.5772157) + rnorm(n, sd = 0.5)
  data <- migration_data(firms, places, list(t = ties))
  fit <- fit_migration(~ d + x, data)
  terms <- selection_terms(fit, type = "dubin_mcfadden")
  model <- lm(y ~ to + chosen_stay + chosen_move, cbind(firms, terms))
  b <- coef(model)[c("toB", "toC", "chosen_stay")]
  se <- sqrt(diag(vcov(terms, model)))[names(b)]
  naive <- coef(lm(y ~ to, firms))[2:3]
  c(b, abs(b - c(.3, .6, .5)) < 1.96 * se, naive, sqrt(diag(vcov(model)))[names(b)] / se)
})
cat("\nselection, ", ncol(out), " draws: places .3 .6, slope .5\n", sep = "")
line("mean of estimates", sprintf("%.4f ", rowMeans(out)[1:3]), " without terms:", sprintf("%.4f ", rowMeans(out)[7:8]))
line("coverage", sprintf("%.3f ", rowMeans(out)[4:6]), " plain errors of lm over these:", sprintf("%.3f ", rowMeans(out)[9:11]))
