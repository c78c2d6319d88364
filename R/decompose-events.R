#' What happens to a firm that moves
#'
#' @description
#' `move_events()` follows firms around their first move. With `method = "imputation"` firms that never move, and movers
#' before they do, say what would have been; the difference is averaged by years since the move. With `method = "gap"`
#' the jump is measured in units of the gap between the new place and the old: the share of the gap that the place
#' makes. `as_event_study()` gives the table that packages for event studies take.
#'
#' @details
#' *Events.* The event is the first period in which a firm is at another place than before. Its life is cut before a
#' second move (`moves = "first"`), or the firm is left out (`"single"`). A firm that moved in its first period has no
#' time before and is left out, counted in `set`; data of [migration_data()] tell it by `from`. A firm not seen in the
#' period before its move is dated by the period after, and flagged `gap` in `table`.
#'
#' *Imputation* (Borusyak, Jaravel and Spiess). On the rows before a move,
#' \deqn{Y_{it}(0) = \alpha_i + \tau_t + z_{it}'b ;}{Y_it(0) = alpha_i + tau_t + z_it'b ;}
#' after it \eqn{\hat\tau_{it} = Y_{it} - \hat Y_{it}(0)}{tau_it = Y_it - Y_it(0)} and the effect \eqn{h} periods after
#' the move is their mean over movers. It is a linear estimator with weights \eqn{v}; \eqn{SE^2 = \sum_i (\sum_t v_{it}
#' r_{it})^2}{SE^2 = sum_i (sum_t v_it r_it)^2}, with \eqn{r} the residual before the move and, after it,
#' \eqn{\hat\tau_{it}}{tau_it} less its mean by squared weight among movers of the same period of moving. This is
#' conservative. Leads come from a regression on the rows before the move with dummies for the last `leads` periods,
#' with errors clustered by firm; `pretrend` tests them all.
#'
#' *Gap* (Finkelstein, Gentzkow and Williams).
#' \deqn{y_{it} = \alpha_i + \tau_t + \sum_k (\theta_k \Delta_i + \rho_k) 1\{t - t_i^* = k\} + e_{it}}{y_it = alpha_i +
#' tau_t + sum_k (theta_k Delta_i + rho_k) 1(t - t_i* = k) + e_it} with \eqn{\Delta_i} the mean of the destination less
#' that of the origin in the period before the move, both without the firm, and \eqn{k = -1} as reference.
#' \eqn{\theta_k} is about 0 before the move and jumps to the share of the gap that is due to the place. Rows of movers
#' outside the window are left out. Errors are clustered by firm.
#'
#' *Symmetry.* With effects that add up, moves to better places (\eqn{\Delta > 0}) win what moves to worse ones lose:
#' `symmetry` has both and their sum. With `"gap"` this is so by construction, and there is no such table.
#'
#' @section What the numbers do not say:
#' That movers would have gone on as others did is assumed, not shown; leads of 0 do not prove it. What is assumed is
#' that performance does not move before the firm does. Effects `h` periods after the move are of firms that are still
#' there then; the firms behind each `h` differ.
#'
#' @param data,performance,firm,cluster,time,conf.level As in [decompose_places()].
#' @param method `"imputation"` or `"gap"`.
#' @param horizon Periods after the move of which the effect is asked: whole numbers from 0 on.
#' @param leads Number of periods before the move to look at; 0 for none.
#' @param control Who says what would have been: `"never"`, firms that never move, and `"not_yet"`, those that have not
#'   moved yet; by default both.
#' @param moves `"first"` or `"single"`; see Details.
#' @param controls One-sided formula of controls that vary within firms, or `NULL`. Periods are always in.
#' @param weight `NULL`, or the name of a column of weights of the means (imputation only).
#' @param by `NULL`, or the name of a column: effects for each of its values, taken in the period of the move
#'   (imputation only).
#' @return An object of class `move_events` and `decomposition`: a list of data frames,
#' \describe{
#'   \item{`effects`}{`event_time`, `estimate`, `std.error`, `conf.low`, `conf.high`, `movers`, `rows`; leads have
#'   negative times, and no numbers of movers and rows.}
#'   \item{`overall`}{the mean over all rows at the `horizon`s (imputation); the mean of \eqn{\theta_k}{theta_k}, \eqn{k
#'   \ge 0}{k >= 0} (gap).}
#'   \item{`pretrend`}{`statistic` (Wald), `df`, `p.value` of all leads.}
#'   \item{`symmetry`}{`direction` (`up`, `down`, `sum`), `estimate`, `std.error`, `conf.low`, `conf.high`, `movers`.}
#'   \item{`by`}{`group` and columns of `effects`; the overall effect has `event_time` `NA`.}
#'   \item{`table`}{a row for each firm that moved: `firm`, `time` of the move, `from`, `to`, `before`, `after` (rows
#'   used), `gap`, `delta`, `used`.}
#'   \item{`set`}{`what`, `firms`, `rows`.}
#'   \item{`notes`}{`table`, `note`.}
#' }
#' and `covariance` of the effects.
#' @section Errors: No firm that moves after its first period; a firm twice in a period; performance missing where a
#'   firm is alive, or constant; periods at unequal distances; a horizon beyond the data. A period that no control tells
#'   is `NA` with a note, as is a cohort of fewer than 5 movers (noted).
#' @references
#' Borusyak, K., Jaravel, X. and Spiess, J. (2024). Revisiting event-study designs: robust and efficient estimation.
#' *Review of Economic Studies* 91, 3253-3285. \doi{10.1093/restud/rdae007}
#'
#' Finkelstein, A., Gentzkow, M. and Williams, H. (2016). Sources of geographic variation in health care: evidence from
#' patient migration. *Quarterly Journal of Economics* 131, 1681-1726. \doi{10.1093/qje/qjw023}
#' @seealso [decompose_places()], [runner_up()].
#' @examples
#' events <- move_events(wenzhou_guzhen(), "productivity")
#' events
#' move_events(wenzhou_guzhen(), "productivity", method = "gap")$effects
#' @export
move_events <- function(data, performance, firm, cluster, time, method = c("imputation", "gap"), horizon = 0:5, leads = 4,
                        control = c("never", "not_yet"), moves = c("first", "single"), controls = NULL, weight = NULL,
                        by = NULL, conf.level = 0.95) {
  call <- match.call()
  given <- function(x) if (!missing(x)) x
  columns <- list(
    performance = given(performance), firm = given(firm), cluster = given(cluster), time = given(time), weight = weight
  )
  options <- list(
    method = check_choice(method, "method"), moves = check_choice(moves, "moves"), control = check_controls(control),
    leads = check_whole(leads, "leads"), conf.level = check_fraction(conf.level, "conf.level")
  )
  if (options$method == "gap" && (!is.null(by) || !is.null(weight))) {
    abort("`by` and `weight` are for method = \"imputation\".", class = "argument")
  }
  panel <- movers_panel(data, columns, c(all.vars(controls), by))
  options$horizon <- check_horizon(horizon, panel)
  check_events_panel(panel)
  group <- event_groups(panel, by)
  raw <- events_kernel(panel, options, movers_controls(controls, panel)$z, group)
  events <- event_table(raw, panel)
  if (!any(events$used)) {
    abort(
      "No firm moves after the first period in which it is seen", if (nrow(events) > 0L) {
        paste0(": ", plural(nrow(events), "mover"), " without a period before, or left out for a second move")
      }, ". There is nothing to follow.",
      class = "no_movers"
    )
  }
  tables <- if (options$method == "gap") event_gap_tables(raw, panel, options) else imputation_tables(raw, panel, options, group)
  structure(
    c(tables, list(
      table = events, set = events_set(raw, events), notes = events_notes(raw, panel, events, tables, options),
      covariance = attr(tables, "covariance"), method = options$method, reference = events_reference(options),
      n_firms = sum(raw$table[, "kind"] <= 1), conf.level = options$conf.level, additive = character(), columns = panel$columns, call = call
    )),
    class = c("move_events", "decomposition")
  )
}

check_controls <- function(control) {
  valid <- is.character(control) && length(control) > 0L && all(control %in% c("never", "not_yet"))
  if (!valid) {
    abort("`control` must be \"never\", \"not_yet\" or both: c(\"never\", \"not_yet\").", class = "argument")
  }
  unique(control)
}

check_horizon <- function(horizon, panel) {
  valid <- is.numeric(horizon) && length(horizon) > 0L && all(is.finite(horizon)) && all(horizon >= 0) &&
    all(horizon == round(horizon)) && anyDuplicated(horizon) == 0L
  if (!valid) {
    abort("`horizon` must be different whole numbers from 0 on, periods after the move.", class = "argument")
  }
  if (max(horizon) >= length(panel$times)) {
    abort(
      "`horizon` goes to ", max(horizon), ", but ", plural(length(panel$times), "period"), " of data show at most ",
      length(panel$times) - 1L, " after a move.",
      class = "argument"
    )
  }
  sort(as.integer(horizon))
}

# Periods must be at equal distances, or counting them means nothing; performance must vary
check_events_panel <- function(panel) {
  times <- panel$times
  if (is.numeric(times) || inherits(times, c("Date", "POSIXct"))) {
    steps <- diff(as.numeric(times))
    # months and quarters as dates differ by a few days
    uneven <- if (is.numeric(times)) max(steps) > min(steps) * (1 + 1e-9) else max(steps) > 1.2 * min(steps)
    if (length(steps) > 1L && uneven) {
      at <- which.max(steps)
      abort(
        "`", panel$arg, "$", panel$columns$time, "` has periods at unequal distances: from ", id_text(times[at]), " to ",
        id_text(times[at + 1L]), " it is ", format(max(steps)), ", elsewhere ", format(min(steps)),
        ". Number the periods, or drop those that are apart.",
        class = "time"
      )
    }
  }
  y <- panel$performance
  y <- if (is.null(panel$gone)) y else y[!panel$gone]
  if (max(y) == min(y)) {
    abort("`", panel$arg, "$", panel$columns$performance, "` is ", format(y[1L]), " in every row: nothing can have an effect on it.",
      class = "constant"
    )
  }
}

# Codes of the groups of `by`: list(code, values, name) or NULL
event_groups <- function(panel, by) {
  if (is.null(by)) {
    return(NULL)
  }
  check_column(panel$table, by, "by", panel$arg)
  check_no_na(if (is.null(panel$gone)) panel$table[[by]] else panel$table[[by]][!panel$gone], paste0(panel$arg, "$", by))
  found <- ordered_codes(panel$table[[by]])
  if (length(found$values) > 100L) {
    abort("`by = \"", by, "\"` has ", plural(length(found$values), "value"), "; at most 100 groups can be told apart.", class = "argument")
  }
  code <- found$code
  code[is.na(code)] <- 1L
  list(code = code, values = id_text(found$values), name = by)
}

events_kernel <- function(panel, options, z, group) {
  horizon <- rep(-1L, length(panel$times))
  horizon[options$horizon + 1L] <- seq_along(options$horizon) - 1L
  if (options$method == "gap") { # a window without holes
    horizon[seq_len(max(options$horizon) + 1L)] <- seq_len(max(options$horizon) + 1L) - 1L
  }
  source <- panel$source
  # a migration_data says where a firm came from when it was seen first
  known <- !is.null(source) && identical(panel$columns$cluster, source$names$to) && !is.null(source$names$from)
  raw <- .Call(C_move_events, kernel_panel(
    panel,
    origin = if (known) code_among(panel$table[[source$names$from]], panel$places), controls = if (!is.null(z)) as.double(z),
    n_controls = if (is.null(z)) 0 else ncol(z), single = options$moves == "single", never = "never" %in% options$control,
    not_yet = "not_yet" %in% options$control, horizon = horizon, n_horizons = max(horizon) + 1, leads = options$leads,
    group = group$code, n_groups = length(group$values), gap = options$method == "gap",
    threads = movers_threads(length(panel$performance))
  ))
  if (raw$repeated > 0) stop_repeated(raw, panel)
  colnames(raw$table) <- c("firm", "kind", "gap", "cohort", "from", "to", "rows", "before", "end", "delta")
  raw
}

# A row for each firm that moved, in order of firms as they come in the data
event_table <- function(raw, panel) {
  t <- raw$table[raw$table[, "kind"] != 0, , drop = FALSE]
  first <- match(t[, "firm"], panel$firm$code)
  t <- t[order(first), , drop = FALSE]
  used <- t[, "kind"] == 1
  quick_table(
    firm = id_text(panel$firms[sort(first)]), time = panel$times[t[, "cohort"]], from = place_name(panel, t[, "from"]),
    to = place_name(panel, t[, "to"]), before = as.integer(t[, "before"]),
    after = as.integer(ifelse(used, t[, "end"] - t[, "before"], 0)), gap = t[, "gap"] == 1,
    delta = replace(t[, "delta"], is.nan(t[, "delta"]), NA), used = used
  )
}

place_name <- function(panel, code) {
  replace(rep(NA_character_, length(code)), code >= 1, panel$places[code[code >= 1]])
}

events_reference <- function(options) {
  c(
    if (options$method == "gap") {
      "share of the gap between destination and origin, periods since the move; -1 is 0"
    } else {
      "difference from what would have been, periods since the move"
    },
    paste0("controls: ", paste(c(never = "firms that never move", not_yet = "movers before they move")[options$control],
      collapse = ", "
    ))
  )
}
