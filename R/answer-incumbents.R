# Firms that were there before: the stacked panel of runner_up() and the difference between winners and runners-up.

#' @rdname runner_up
#' @param x A `runner_up()`.
#' @param data,performance As in [decompose_places()]; most often the data of the fit.
#' @param firm,cluster,time Columns of `data`, where it is no [migration_data()].
#' @param against Who is compared: the `"winner"` with the runner-up, or the `"runner_up"` with the next, as a placebo.
#' @param cluster_by Contributions of incumbents at one `"place"`, or of one `"firm"`, go together in errors.
#' @param conf.level Confidence level of the intervals, between 0 and 1.
#' @return `incumbents()`: an object of class `incumbents` and `decomposition` with tables
#' \describe{
#'   \item{`panel`}{for `fixest` and others: `case` (time, winner and runner-up), `firm`, `time`, `event_time`, `place`,
#'   `side` (1 winner, 0 runner-up), `treated`
#'     (winner and `event_time >= 0`), `performance`, `weight`. Events with the same time, winner and runner-up are one
#'     case with their weight.}
#'   \item{`difference`}{`event_time` (`NA`: mean from 0 on), `estimate`, `std.error`, `conf.low`, `conf.high`,
#'   `cases`.}
#'   \item{`notes`}{`table`, `note`.}
#' }
#' @export
incumbents <- function(x, data, performance, firm, cluster, time, against = c("winner", "runner_up"),
                       cluster_by = c("place", "firm"), conf.level = 0.95) {
  call <- match.call()
  given <- function(x) if (!missing(x)) x
  if (!inherits(x, "runner_up")) {
    abort("`x` must be a runner_up(), not ", describe_type(x), ".", class = "type")
  }
  against <- check_choice(against, "against")
  cluster_by <- check_choice(cluster_by, "cluster_by")
  level <- check_fraction(conf.level, "conf.level")
  columns <- list(performance = given(performance), firm = given(firm), cluster = given(cluster), time = given(time))
  panel <- movers_panel(data, columns)
  cases <- cases_of(x, panel, against)
  stacked <- stack_incumbents(cases, panel, x$window)
  if (is.null(stacked)) {
    abort("No case has firms at both places in the period before the move.", class = "empty")
  }
  structure(
    list(
      panel = stacked$panel, difference = incumbent_difference(stacked$panel, x$window, cluster_by, level),
      notes = data.frame(table = "panel", note = stacked$note)[nzchar(stacked$note), , drop = FALSE],
      n_firms = length(unique(stacked$panel$firm)), conf.level = level,
      columns = panel$columns, additive = character(), method = if (against == "winner") "winner less runner-up" else "runner-up less the next (placebo)",
      reference = paste0("the period before the move; errors by ", cluster_by), call = call
    ),
    class = c("incumbents", "decomposition")
  )
}

# Time, two places and weight of each case
cases_of <- function(x, panel, against) {
  events <- x$events
  if (against == "runner_up") {
    if (x$weights || max(events$rank) < 2L) {
      abort("A placebo needs the runner-up and the next: runner_up(fit, n = 2).", class = "argument")
    }
    first <- events[events$rank == 1L, , drop = FALSE]
    second <- events[events$rank == 2L, , drop = FALSE]
    second$winner <- first$runner_up[match(second$event, first$event)]
    second$weight <- 1
    events <- second
  } else if (!x$weights) {
    events <- events[events$rank == 1L, , drop = FALSE]
    events$weight <- 1
  }
  if (!is.null(x$size)) events$weight <- events$weight * events$size
  time <- code_among(events$time, id_text(panel$times))
  places <- cbind(match(events$winner, panel$places), match(events$runner_up, panel$places))
  fine <- !is.na(time) & time > 1L & stats::complete.cases(places)
  key <- combine_codes(list(time[fine], places[fine, 1L], places[fine, 2L]), c(length(panel$times), rep(length(panel$places), 2L)))
  first <- which(!duplicated(key))
  data.frame(
    time = time[fine][first], winner = places[fine, 1L][first], runner_up = places[fine, 2L][first],
    weight = unname(rowsum(events$weight[fine], match(key, key[first]))[, 1L])
  )
}

# Rows of the firms at both places before each case
stack_incumbents <- function(cases, panel, window) {
  here <- if (is.null(panel$gone)) seq_along(panel$time) else which(!panel$gone)
  firm <- panel$firm$code + 1L
  n_times <- length(panel$times)
  row_of <- matrix(NA_integer_, max(firm), n_times)
  row_of[cbind(firm[here], panel$time[here])] <- here
  members <- split(firm[here], factor((panel$place[here] - 1L) * n_times + panel$time[here], seq_len(length(panel$places) * n_times)))
  at <- function(place, time) members[[(place - 1L) * n_times + time]]
  pieces <- lapply(seq_len(nrow(cases)), function(k) {
    own <- lapply(c(cases$winner[k], cases$runner_up[k]), at, time = cases$time[k] - 1L)
    if (any(lengths(own) == 0L)) {
      return(NULL)
    }
    times <- seq(max(1L, cases$time[k] - window), min(n_times, cases$time[k] + window))
    rows <- row_of[unlist(own), times, drop = FALSE]
    side <- rep(rep(c(1L, 0L), lengths(own)), length(times))
    when <- rep(times, each = sum(lengths(own)))
    seen <- which(!is.na(rows))
    list(case = rep(k, length(seen)), row = rows[seen], side = side[seen], event_time = when[seen] - cases$time[k])
  })
  lost <- sum(vapply(pieces, is.null, NA))
  if (lost == length(pieces)) {
    return(NULL)
  }
  take <- function(name) unlist(lapply(pieces, `[[`, name))
  case <- take("case")
  row <- take("row")
  side <- take("side")
  event_time <- take("event_time")
  note <- if (lost > 0L) paste0(plural(lost, "case"), " of ", nrow(cases), " without incumbents at one of the places, left out") else ""
  list(note = note, panel = quick_table(
    case = case, firm = panel$firms[row], time = panel$times[panel$time[row]], event_time = event_time,
    place = panel$places[ifelse(side == 1L, cases$winner[case], cases$runner_up[case])], side = side,
    treated = as.integer(side == 1L & event_time >= 0L), performance = panel$performance[row], weight = cases$weight[case]
  ))
}

# delta_k for each k, and their mean from 0 on
incumbent_difference <- function(panel, window, cluster_by, level) {
  firm <- code_ids(panel$firm)$code
  cluster <- if (cluster_by == "firm") firm else code_ids(panel$place)$code
  member <- combine_codes(list(firm, panel$side + 1L, panel$case), c(max(firm), 2L, max(panel$case)))
  base <- match(member, member[panel$event_time == -1L])
  before <- panel$performance[panel$event_time == -1L][base]
  change <- panel$performance - before
  times <- setdiff(sort(unique(panel$event_time)), -1L)
  parts <- lapply(times, function(k) {
    at <- which(panel$event_time == k & !is.na(change))
    difference_at(change[at], panel$case[at], panel$side[at], panel$weight[at], cluster[at], max(cluster))
  })
  after <- which(times >= 0L & lengths(parts) > 0L)
  whole <- list(
    estimate = mean(vapply(parts[after], `[[`, 0, "estimate")),
    influence = Reduce(`+`, lapply(parts[after], `[[`, "influence")) / length(after), cases = max(vapply(parts[after], `[[`, 0, "cases"))
  )
  all <- c(parts, list(whole))
  known <- lengths(all) > 0L
  estimate <- vapply(all[known], `[[`, 0, "estimate")
  few <- length(unique(cluster))
  error <- sqrt(vapply(all[known], function(x) sum(x$influence^2), 0) * few / max(few - 1, 1))
  quick_table(
    event_time = c(times, NA)[known], estimate = estimate, normal_limits(estimate, error, level),
    cases = as.integer(vapply(all[known], `[[`, 0, "cases"))
  )
}

# Weighted mean over cases of the difference of two means; what each cluster adds to it
difference_at <- function(change, case, side, weight, cluster, n_clusters) {
  group <- case * 2L + side
  n <- stats::ave(change, group, FUN = length)
  both <- stats::ave(side, case, FUN = function(s) length(unique(s))) == 2L
  if (!any(both)) {
    return(NULL)
  }
  keep <- which(both)
  total <- sum(weight[keep][!duplicated(case[keep])])
  part <- ifelse(side == 1L, 1, -1) * weight / n / total
  estimate <- sum((part * change)[keep])
  # what is left beside a constant for the case and the difference
  mean <- stats::ave(change, group)
  sides <- rowsum(mean / n, case)[, 1L]
  level <- (sides[as.character(case)] - estimate) / 2
  left <- change - level - estimate * side
  influence <- rowsum(c((part * left)[keep], numeric(n_clusters)), c(cluster[keep], seq_len(n_clusters)))[, 1L]
  list(estimate = estimate, influence = influence, cases = length(unique(case[keep])))
}
