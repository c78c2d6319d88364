# The tables of move_events(), from what the kernel found.

imputation_tables <- function(raw, panel, options, group) {
  n <- length(options$horizon)
  level <- options$conf.level
  means <- raw$means
  error <- sqrt(pmax(diag(means$covariance), 0))
  row <- function(at) {
    quick_table(
      estimate = replace(means$estimate[at], is.nan(means$estimate[at]), NA),
      normal_limits(means$estimate[at], error[at], level), movers = as.integer(means$movers[at]),
      rows = as.integer(means$rows[at])
    )
  }
  leads <- lead_rows(raw$lead, options$leads, level)
  effects <- rbind(leads$table, quick_table(event_time = options$horizon, row(seq_len(n))))
  tables <- list(
    effects = no_nan(effects), overall = no_nan(row(n + 1L)), pretrend = leads$test,
    symmetry = no_nan(symmetry_of(means, n, level)), by = no_nan(by_table(row, group, options$horizon))
  )
  names <- paste0("t", options$horizon)
  attr(tables, "covariance") <- structure(means$covariance[seq_len(n), seq_len(n), drop = FALSE], dimnames = list(names, names))
  structure(tables[!vapply(tables, is.null, NA)], covariance = attr(tables, "covariance"))
}

# NaN, of which there is no estimate, is NA
no_nan <- function(table) {
  if (is.null(table)) {
    return(NULL)
  }
  numbers <- vapply(table, is.double, NA)
  table[numbers] <- lapply(table[numbers], function(x) replace(x, is.nan(x), NA))
  plain_rows(table)
}

# Leads from the last to the first, and the test that all are 0
lead_rows <- function(lead, leads, level) {
  if (is.null(lead) || leads == 0) {
    return(NULL)
  }
  at <- length(lead$beta) - leads + seq_len(leads)
  known <- lead$aliased[at] == 0L
  small <- cluster_factor(lead)
  covariance <- small * lead$covariance[at, at, drop = FALSE]
  estimate <- ifelse(known, lead$beta[at], NA)
  table <- quick_table(
    event_time = -seq_len(leads), estimate = estimate,
    normal_limits(estimate, ifelse(known, sqrt(diag(covariance)), NA), level), movers = rep(NA_integer_, leads),
    rows = rep(NA_integer_, leads)
  )
  list(table = table[rev(seq_len(leads)), , drop = FALSE], test = wald_test(estimate[known], covariance[known, known, drop = FALSE]))
}

# G/(G - 1) (n - 1)/(n - k), as regressions clustered by firm have it: k does not count what is nested in firms
cluster_factor <- function(fit) {
  k <- sum(fit$aliased == 0L) + 1
  fit$n_firms / (fit$n_firms - 1) * (fit$n - 1) / (fit$n - k)
}

wald_test <- function(estimate, covariance) {
  if (length(estimate) == 0L) {
    return(data.frame(statistic = NA_real_, df = 0L, p.value = NA_real_))
  }
  statistic <- drop(estimate %*% solve_scaled(covariance) %*% estimate)
  data.frame(statistic = statistic, df = length(estimate), p.value = stats::pchisq(statistic, length(estimate), lower.tail = FALSE))
}

# Moves up and down, over all horizons, and their sum
symmetry_of <- function(means, n, level) {
  at <- (n + 1L) * (2:3)
  estimate <- c(means$estimate[at], sum(means$estimate[at]))
  own <- means$covariance[at, at]
  std.error <- sqrt(pmax(c(diag(own), sum(own)), 0))
  quick_table(
    direction = c("up", "down", "sum"), estimate = estimate, normal_limits(estimate, std.error, level),
    movers = as.integer(c(means$movers[at], sum(means$movers[at])))
  )
}

by_table <- function(row, group, horizon) {
  if (is.null(group)) {
    return(NULL)
  }
  n <- length(horizon) + 1L
  at <- 3L * n + seq_len(n * length(group$values))
  quick_table(group = rep(group$values, each = n), event_time = rep(c(horizon, NA), length(group$values)), row(at))
}

# ---- gap -----------------------------------------------------------------------------------------------------------

event_gap_tables <- function(raw, panel, options) {
  times <- setdiff(seq(-options$leads, max(options$horizon)), -1L)
  n <- length(times)
  at <- length(raw$gap$beta) - n + seq_len(n)
  known <- raw$gap$aliased[at] == 0L
  estimate <- ifelse(known, raw$gap$beta[at], NA)
  covariance <- cluster_factor(raw$gap) * raw$gap$covariance[at, at, drop = FALSE]
  dimnames(covariance) <- list(paste0("t", times), paste0("t", times))
  std.error <- ifelse(known, sqrt(pmax(diag(covariance), 0)), NA)
  used <- raw$table[raw$table[, "kind"] == 1 & !is.nan(raw$table[, "delta"]), , drop = FALSE]
  effects <- quick_table(
    event_time = times, estimate = estimate, normal_limits(estimate, std.error, options$conf.level),
    movers = rep(nrow(used), n), rows = rep(NA_integer_, n)
  )
  reference <- quick_table(
    event_time = -1L, estimate = 0, normal_limits(0, NA_real_, options$conf.level), movers = nrow(used), rows = NA_integer_
  )
  effects <- rbind(effects, reference)
  effects <- effects[order(effects$event_time), , drop = FALSE]
  after <- which(known & times >= 0L)
  before <- which(known & times < -1L)
  mean <- rep(1 / length(after), length(after))
  overall <- sum(mean * estimate[after])
  error <- sqrt(drop(mean %*% covariance[after, after, drop = FALSE] %*% mean))
  shown <- effects$event_time < 0L | effects$event_time %in% options$horizon
  structure(
    list(
      effects = plain_rows(effects[shown, , drop = FALSE]),
      overall = quick_table(
        estimate = overall, normal_limits(overall, error, options$conf.level), movers = nrow(used),
        rows = as.integer(raw$gap$n)
      ),
      pretrend = wald_test(estimate[before], covariance[before, before, drop = FALSE])
    ),
    covariance = covariance
  )
}

# ---- what was kept -------------------------------------------------------------------------------------------------

events_set <- function(raw, events) {
  t <- raw$table
  kind <- t[, "kind"]
  count <- function(what, at, rows) data.frame(what = what, firms = sum(at), rows = sum(rows[at]))
  rbind(
    count("given", kind >= 0, t[, "rows"]), count("used", kind <= 1, t[, "end"]), count("movers", kind == 1, t[, "end"]),
    count("never move", kind == 0, t[, "end"]), count("no period before", kind == 2, t[, "rows"]),
    count("second move, left out", kind == 3, t[, "rows"]),
    count("second move, cut", kind == 1 & t[, "end"] < t[, "rows"], t[, "rows"] - t[, "end"])
  )
}

events_notes <- function(raw, panel, events, tables, options) {
  without <- events$firm[events$before == 0L]
  unknown <- if (is.null(raw$unknown)) integer() else which(raw$unknown > 0)
  cohorts <- table(as.character(events$time[events$used]))
  few <- names(cohorts)[cohorts < 5L]
  lacking <- sum(events$used & is.na(events$delta))
  none <- tables$effects$event_time[is.na(tables$effects$estimate)]
  notes <- c(
    table = if (length(without) > 0L) {
      paste0(
        plural(length(without), "firm"), " moved in the first period seen, have nothing before and are left out: ", quote_names(without)
      )
    },
    table = if (any(events$gap & events$used)) {
      paste0(
        plural(sum(events$gap & events$used), "move"), " across a gap, dated by the period after"
      )
    },
    effects = if (length(unknown) > 0L) {
      paste0(
        "no control tells what would have been in ", quote_names(id_text(panel$times[unknown])), ": ",
        plural(sum(raw$unknown), "row"), " after moves left out"
      )
    },
    effects = if (length(none) > 0L) paste0("nothing is seen at event time ", paste(none, collapse = ", "), ": NA"),
    table = if (length(few) > 0L) {
      paste0(
        plural(length(few), "cohort"), " of fewer than 5 movers, whose errors rest on few firms: ", quote_names(few)
      )
    },
    symmetry = if (lacking > 0L) {
      paste0(
        plural(lacking, "mover"), " with nobody else at origin or destination before the move: no gap between them is known"
      )
    }
  )
  data.frame(table = as.character(names(notes)), note = as.character(notes))
}

#' @rdname move_events
#' @param ... Passed on to [move_events()]; `firm`, `cluster`, `time`, `moves`.
#' @param never The number that stands for firms that never move: `"Inf"` for `did::att_gt()` and `fixest::sunab()`,
#'   `"0"` for `didimputation::did_imputation()` and `did`, `"10000"` for `sunab()`.
#' @return `as_event_study()`: a plain data frame of the rows that [move_events()] uses, with the columns of the data
#'   and `unit` (number of the firm), `period` (number of the period), `cohort` (number of the period of the move, or
#'   `never`), `event_time`, `treated` (0/1).
#' @export
as_event_study <- function(data, ..., never = c("Inf", "0", "10000")) {
  never <- as.numeric(check_choice(never, "never"))
  arguments <- list(...)
  known <- c("firm", "cluster", "time", "moves")
  check_known(names(arguments), known, "as_event_study() has no argument", "one of its arguments")
  columns <- arguments[setdiff(known, "moves")]
  names(columns) <- setdiff(known, "moves")
  panel <- movers_panel(data, columns, needs_performance = FALSE)
  moves <- if (is.null(arguments$moves)) "first" else check_choice(arguments$moves, "moves", c("first", "single"))
  options <- list(method = "imputation", moves = moves, control = c("never", "not_yet"), leads = 0, horizon = 0L)
  raw <- events_kernel(panel, options, NULL, NULL)
  event_study_rows(raw$table, panel, never)
}

event_study_rows <- function(t, panel, never) {
  here <- if (is.null(panel$gone)) seq_along(panel$time) else which(!panel$gone)
  of <- match(panel$firm$code[here], t[, "firm"])
  period <- panel$time[here]
  seen <- order(of, period)
  number <- integer(length(here)) # of the row in the life of its firm
  number[seen] <- sequence(tabulate(of, nrow(t)))
  moved <- t[of, "kind"] == 1
  result <- lapply(panel$table, function(x) x[here])
  result$unit <- of
  result$period <- period
  result$cohort <- ifelse(moved, t[of, "cohort"], never)
  result$event_time <- ifelse(moved, period - t[of, "cohort"], NA)
  result$treated <- as.integer(moved & period >= t[of, "cohort"])
  keep <- t[of, "kind"] <= 1 & number <= t[of, "end"]
  plain_rows(quick_frame(result, names(result), length(here))[keep, , drop = FALSE])
}
