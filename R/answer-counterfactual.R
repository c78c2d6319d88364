#' @title Counterfactual stocks, flows, stayers and welfare
#' @description Changes the tables of places, firms or ties, and compares what the model then expects with what it
#' expects of the data as they are: firms at each place, flows between places, who leaves, and the expected utility of
#' the best place (the logsum), in money if a price is given. Intervals are by the
#' delta method, on exact derivatives where the model has them, or from draws of the coefficients.
#'
#' @details With \eqn{P_{ij}}{P_ij} and \eqn{P'_{ij}}{P'_ij} the probabilities before and after, and weights
#' \eqn{w_i}, the change of the stock of place \eqn{j} is
#' \eqn{\sum_i w_i (P'_{ij} - P_{ij})}{sum_i w_i (P'_ij - P_ij)}, which adds up to 0 over the places. The change of
#' welfare of firm \eqn{i} is that of its logsum \eqn{\log \sum_j \exp v_{ij}}{log sum_j exp v_ij}, over
#' \eqn{-b_p}{-b_p} in units of the price (Small and Rosen 1981).
#'
#' Every occasion is taken with the origin it has in the data: a firm that would have stayed in one year is not moved
#' back in the next. With a model in equilibrium, `chain()`, the equilibrium is solved again after the change;
#' `equilibrium = FALSE` holds the behaviour of the others as it was. Place constants, random coefficients and so on
#' stay as estimated: the change is one of attributes, not of tastes.
#'
#' *Pushes and welfare.* `push(x)` adds to the utility of all moves alike. Choices cannot tell that from a loss of the
#' utility of staying, but welfare can: a bad environment is a loss for those who suffer it. So pushes are counted as
#' losses of staying: they are taken off the logsum.
#'
#' *Who would have stayed.* For a firm that left, the probability that it would have stayed is
#' \eqn{\max(0, P'_{io} - P_{io}) / (1 - P_{io})}{max(0, P'_io - P_io) / (1 - P_io)}. It is exact when the change
#' lifts the origin by the same amount against all other places (a change of a push, of `keep()`, of `stay`), and a
#' lower bound otherwise.
#'
#' @param object A fit of [fit_migration()].
#' @param places,firms,ties,network The changed table: a data frame with the columns of the old one; or an expression
#'   in which `places`, `firms`, `ties` and `network` stand for the old tables, like
#'   `transform(places, land_price = 0.8 * land_price)`; or a function of the old table. `ties`: where the data have
#'   several tables, each is known by its name, and a named list gives those that change. A plain name is never an
#'   expression: `places = mine` is the data frame `mine`. A place that the changed `places` lack is withdrawn: nobody
#'   is offered it, and firms there must move; one that they have more is offered from then on.
#' @param data For a fit to long data: the changed data, in the same way, with the old as `data`. They may have fewer or
#'   more places for the occasions of the old.
#' @param equilibrium `TRUE` solves equilibria again, for models that have one.
#' @param price Name of the coefficient that turns utility into money, as in [compensate()].
#' @param subset Condition on the columns of `firms` (of the long data, by occasion): the occasions that are counted.
#'   Default: those of the fit.
#' @param interval `"delta"`: normal intervals from the derivatives of the changes in the coefficients. `"simulated"`:
#'   quantiles of the changes over draws of the coefficients from their asymptotic normal distribution, for changes that
#'   are far from linear in the coefficients.
#' @param draws,seed Number of draws of simulated intervals, and a seed for them. `draws = 0`: no intervals of either
#'   kind.
#' @param conf.level Level of the intervals, between 0 and 1.
#' @param ... `type` and `cluster`, or `vcov`: which covariance, as in [vcov.migration_fit()].
#' @return An object of class `migration_counterfactual` with the data frames
#'   \item{stocks}{`place`, `observed`, `before`, `after`, `change`, `std.error`, `conf.low`, `conf.high` (of the
#'     change)}
#'   \item{flows}{the same for each pair `from`, `to`}
#'   \item{totals}{rows `leavers`, `welfare` (mean change of the logsum), `welfare in money` (with `price`); the same
#'     columns}
#'   \item{firms}{an occasion a row: the key columns, `left` (did it leave), `leave_before`, `leave_after`, `would_stay`
#'     (only for those who left), `welfare`}
#'   \item{origins}{by origin: `left`, leavers expected `before` and `after`, and `would_stay` of those who left}
#'   `print()` shows totals and stocks; `summary()` adds the largest changes of flows and `origins`; `as.data.frame()`
#'   and `tidy()` give `stocks`, or another by `table =`; `plot()` draws changes of stocks.
#' @section Errors: Nothing is changed; a changed table that lacks columns, has other rows of firms, or has missing
#'   values where the old one has none; tables of relational data for a fit to long data and the other way round.
#' @references Small, K. A. and Rosen, H. S. (1981). Applied welfare economics with discrete choice models.
#'   *Econometrica* 49, 105-130. \doi{10.2307/1911129}
#' @seealso [attribute_moves()], [compensate()], [predict()][predict.migration_fit]
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(technology) + pull(land_price) + log(distance) + peers(kin), data)
#' # Wenzhou with the technology of Guzhen, in 1997
#' as_in_guzhen <- function(places) {
#'   wenzhou <- places$place == "Wenzhou"
#'   places$technology[wenzhou] <- places$technology[places$place == "Guzhen"]
#'   places
#' }
#' what_if <- counterfactual(fit, places = as_in_guzhen, subset = year == 1997)
#' what_if
#' head(as.data.frame(what_if, table = "flows"))
#' counterfactual(fit, network = network[0, ], firms = transform(firms, kin = firm), draws = 0)
#' @export
counterfactual <- function(object, places = NULL, firms = NULL, ties = NULL, network = NULL, data = NULL,
                           equilibrium = TRUE, price = NULL, subset = NULL, interval = c("delta", "simulated"),
                           draws = 200, seed = NULL, conf.level = 0.95, ...) {
  check_fit(object)
  check_dots(..., also = covariance_arguments)
  refuse_hazard(object, "counterfactual()", "Compare predict(fit, newdata) with predict(fit), or see marginal_effects().")
  check_flag(equilibrium, "equilibrium")
  interval <- check_choice(interval, "interval")
  conf.level <- check_fraction(conf.level, "conf.level")
  price <- if (!is.null(price)) welfare_price(object, price)
  given <- lapply(match.call()[c("places", "firms", "ties", "network", "data")], identity)
  given <- given[!vapply(given, is.null, NA)]
  changed <- changed_data(object$data, given, parent.frame())
  if (is.null(attr(changed, "before"))) {
    check_read(object, old_tables(object$data), old_tables(changed))
  } else {
    object <- with_other_places(object, attr(changed, "before"))
  }
  counted <- eval(substitute(subset), occasion_frame(object$data), parent.frame())
  before <- fit_design(counted_occasions(object, counted))
  after <- fit_design_on(counted_occasions(object, counted), changed)
  check_occasions_kept(before, after)
  if (!equilibrium) {
    after <- hold_equilibrium(object, after, before)
  }
  space <- if (!identical(as.numeric(draws), 0)) {
    theta_space(object, if (is.null(counted)) before else fit_design(object), ...)
  }
  sides <- list(object = object, before = before, after = after, price = price, equilibrium = equilibrium)
  compared <- compare_sides(sides)
  spread <- if (is.null(space)) {
    list(how = "No intervals: draws = 0.")
  } else if (interval == "delta") {
    compared_errors(sides, compared, space, conf.level)
  } else {
    with_seed(seed, compared_draws(sides, space, check_count(draws, "draws"), conf.level))
  }
  new_counterfactual(sides, compared, spread, given, conf.level)
}

# Changed tables --------------------------------------------------------------------------------------

# Data with the tables that were given, expressions seeing the old tables
changed_data <- function(data, given, env) {
  tables <- changeable_tables(data)
  offered <- sub("(.*), ", "\\1 or ", paste0("`", tables, "`", collapse = ", "))
  misfit <- setdiff(names(given), tables)
  if (length(misfit) > 0L) {
    abort("`", misfit[1L], "` is for a fit to ", if (has_tables(data)) "long data" else "migration_data()", "; give ",
      offered, ".",
      class = "argument"
    )
  }
  if (length(given) == 0L) {
    abort("Nothing is changed: give ", offered, ".", class = "argument")
  }
  old <- old_tables(data)
  new <- Map(changed_table, given, names(given), MoreArgs = list(old = old, env = env))
  rebuild_data(data, new)
}

changed_table <- function(expr, name, old, env) {
  value <- if (is.name(expr)) eval(expr, env) else eval(expr, old, env)
  if (is.function(value)) {
    value <- value(old[[name]])
  }
  plain <- is.data.frame(value) || (name == "ties" && is.list(value) && all(vapply(value, is.data.frame, NA)))
  if (!plain) {
    abort("`", name, "` must be a data frame, an expression or a function that gives one, not ", class(value)[1L], ".",
      class = "argument"
    )
  }
  value
}

# The fit restricted to some of its occasions: `counted` is NULL or a condition by row of occasion_frame()
counted_occasions <- function(object, counted) {
  if (is.null(counted)) {
    return(object)
  }
  n <- nrow(occasion_frame(object$data))
  if (!is.logical(counted) || length(counted) != n) {
    abort("`subset` must be a condition with a value for each of the ", format_count(n), " rows.", class = "subset")
  }
  rows <- seq_len(n) %in% object$design$occasion & counted & !is.na(counted)
  if (!any(rows)) {
    abort("`subset` leaves no occasion of the fit.", class = "subset")
  }
  restrict_fit(object, rows)
}

check_occasions_kept <- function(before, after) {
  if (!identical(before$occasion, after$occasion)) {
    lost <- length(setdiff(before$occasion, after$occasion))
    abort("The change leaves ", plural(lost, "occasion"), " with a missing value in some term.", class = "missing")
  }
}

# Tables ----------------------------------------------------------------------------------------------

# compared: compare_sides(). spread: list(how), the words below the tables, and for each table std.error and limits.
new_counterfactual <- function(sides, compared, spread, given, conf.level) {
  object <- sides$object
  spec <- sides$before$spec
  before <- compared$before$flows
  after <- compared$after$flows
  w <- occasion_weights(spec)
  observed <- observed_flows(sides$before, w)
  money <- compared$money
  leavers <- flows_away(after) - flows_away(before)
  tables <- list(
    stocks = data.frame(
      place = object$data$place, observed = colSums(observed), before = colSums(before), after = colSums(after)
    ),
    flows = flow_frame(object$data$place, observed, before, after),
    totals = data.frame(
      quantity = c("leavers", "welfare", if (!is.null(money)) "welfare in money"),
      observed = c(flows_away(observed), NA, money * NA),
      before = c(flows_away(before), NA, money * NA), after = c(flows_away(after), NA, money * NA)
    )
  )
  tables$stocks$change <- tables$stocks$after - tables$stocks$before
  tables$flows$change <- tables$flows$after - tables$flows$before
  tables$totals$change <- c(leavers, compared$welfare, compared$welfare * money)
  for (name in names(tables)) {
    tables[[name]] <- with_spread(tables[[name]], spread[[name]])
  }
  kept <- tables$flows$before + tables$flows$after + tables$flows$observed > 0
  tables$flows <- plain_rows(tables$flows[kept, ])
  tables$firms <- firm_changes(object, sides$before, compared)
  tables$origins <- origin_changes(object$data$place, compared, observed, tables$firms$would_stay, spec, w)
  structure(
    c(tables, list(
      changed = names(given), how = spread$how, conf.level = conf.level, model = model_title(object$model)
    )),
    class = c("migration_counterfactual", "migration_answer")
  )
}

with_spread <- function(table, spread) {
  for (name in c("std.error", "conf.low", "conf.high")) {
    table[[name]] <- if (is.null(spread)) NA_real_ else spread[[name]]
  }
  table
}

# Weighted counts of the choices made, in the shape of expected flows
observed_flows <- function(design, w) {
  spec <- design$spec
  from <- origin_place(spec)
  from[from == 0L] <- spec$J + 1L
  cells <- (chosen_place(spec) - 1L) * (spec$J + 1L) + from
  sums <- rowsum(w, cells)
  flows <- matrix(0, spec$J + 1L, spec$J)
  flows[as.integer(rownames(sums))] <- sums
  flows
}

flow_frame <- function(place, observed, before, after) {
  data.frame(
    from = c(place, NA)[row(before)], to = place[col(before)], observed = c(observed), before = c(before),
    after = c(after)
  )
}

firm_changes <- function(object, design, compared) {
  spec <- design$spec
  names <- object$data$names
  frame <- occasion_frame(object$data)[design$occasion, , drop = FALSE]
  keys <- intersect(unlist(names[c("id", "firm", "time", "from", "to")]), names(frame))
  before <- compared$before$leave
  after <- compared$after$leave
  left <- ifelse(spec$origin > 0L, spec$chosen != spec$origin, NA)
  table <- data.frame(
    frame[unique(keys)],
    left = left, leave_before = before, leave_after = after,
    would_stay = ifelse(left %in% TRUE, pmax(before - after, 0) / before, NA),
    welfare = compared$after$welfare - compared$before$welfare, check.names = FALSE
  )
  plain_rows(table)
}

# By origin: who left, who was expected to, and of those who left how many would have stayed
origin_changes <- function(place, compared, observed, would_stay, spec, w) {
  origin <- origin_place(spec)
  present <- sort(unique(origin[origin > 0L]))
  away <- function(flows) (rowSums(flows) - c(diag(flows[-nrow(flows), ]), 0))[present]
  would_stay[is.na(would_stay)] <- 0
  data.frame(
    from = place[present], left = away(observed), before = away(compared$before$flows),
    after = away(compared$after$flows),
    would_stay = vapply(present, function(o) sum((w * would_stay)[origin == o]), 0)
  )
}
