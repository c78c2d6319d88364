#' @title Counterfactual stocks, flows, stayers and welfare
#' @description Changes the tables of places, firms or ties, and compares what the model then expects with what it
#' expects of the data as they are: firms at each place, flows between places, who leaves, and the expected utility of
#' the best place (the logsum), in money if a price is given. Intervals come from draws of the coefficients.
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
#' @param draws Number of draws of the coefficients; 0 for no intervals.
#' @param seed A seed for the draws, or `NULL`.
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
#' what_if <- counterfactual(fit, places = as_in_guzhen, subset = year == 1997, draws = 50, seed = 1)
#' what_if
#' head(as.data.frame(what_if, table = "flows"))
#' counterfactual(fit, network = network[0, ], firms = transform(firms, kin = firm), draws = 0)
#' @export
counterfactual <- function(object, places = NULL, firms = NULL, ties = NULL, network = NULL, data = NULL,
                           equilibrium = TRUE, price = NULL, subset = NULL, draws = 200, seed = NULL,
                           conf.level = 0.95, ...) {
  check_fit(object)
  check_dots(..., also = covariance_arguments)
  refuse_hazard(object, "counterfactual()", "Compare predict(fit, newdata) with predict(fit), or see marginal_effects().")
  check_flag(equilibrium, "equilibrium")
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
  compared <- compare_designs(object, before, after, price)
  space <- theta_space(object, fit_design(object), ...)
  drawn <- with_seed(seed, draw_comparisons(object, before, after, price, space, draws, equilibrium))
  new_counterfactual(object, before, compared, drawn, given, conf.level)
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

# Comparison ------------------------------------------------------------------------------------------

# Flows, logsums and leaving of both designs
compare_designs <- function(object, before, after, price) {
  side <- function(design) {
    list(
      flows = expected_flows(object, design), welfare = welfare_each(object, design),
      leave = leaving_probability(object, design)
    )
  }
  list(before = side(before), after = side(after), money = money_of(object, before, price))
}

# The logsum of each occasion, less what its pushes add to all moves alike: choices do not tell a push from a loss of
# staying, and as the latter it is a loss
welfare_each <- function(object, design) {
  logsum <- kernel_predict(object, design, "logsum")
  terms <- object$design$terms
  has <- function(role) grepl(role, terms$term, fixed = TRUE)
  push <- has("push(") & !has("pull(") & !with_destination(object)
  if (!any(push)) {
    return(logsum)
  }
  typical <- typical_coefficients(object, design)
  typical$b[-which(push), ] <- 0
  zero <- move_utility(object, design, numeric(nrow(typical$b)))
  lost <- lapply(seq_len(ncol(typical$b)), function(class) {
    share <- if (is.null(typical$share)) 1 else typical$share[, class]
    share * (move_utility(object, design, typical$b[, class]) - zero)
  })
  logsum - Reduce(`+`, lost)
}

# The place in theta of a price that is the same for all firms
welfare_price <- function(object, price) {
  at <- price_position(object, price)
  classes <- unique(vapply(class_coefficients(object), `[`, 0L, at))
  if (length(classes) > 1L || price %in% names(object$model$random)) {
    abort("The coefficient of the price `", price, "` differs between firms, and so does the money worth of a unit of ",
      "utility: ", if (length(classes) > 1L) "hold it equal with latent(common = )" else "fit it as a fixed coefficient",
      ", or leave `price` out.",
      class = "price"
    )
  }
  if (identical(object$model$space, "wtp") && price != object$model$price) {
    abort("In willingness-to-pay space money is in units of `", object$model$price, "`: give that as `price`.",
      class = "price"
    )
  }
  object$layout$coefficients[classes]
}

# The utility, at plain coefficients b, of the first move on offer of each occasion; 0 without an origin, who is not
# pushed
move_utility <- function(object, design, b) {
  by_slice(design, function(part) first_move(part$spec, plain_utility(object, part, b)))
}

# How many units of the price one unit of utility is worth; NULL without a price
money_of <- function(object, design, price) {
  if (is.null(price)) NULL else -1 / design$theta[price]
}

# Changes for each draw of the coefficients: list(stocks, flows, totals), a column a draw; NULL for none
draw_comparisons <- function(object, before, after, price, space, draws, equilibrium) {
  if (identical(as.numeric(draws), 0)) {
    return(NULL)
  }
  theta <- draw_theta(space, check_count(draws, "draws"))
  w <- occasion_weights(before$spec)
  tick <- progress("Draws of the coefficients", ncol(theta))
  each <- lapply(seq_len(ncol(theta)), function(k) {
    tick()
    old <- resolve_equilibrium(object, at_theta(before, theta[, k]))
    new <- at_theta(after, theta[, k])
    new <- if (equilibrium) resolve_equilibrium(object, new) else hold_equilibrium(object, new, old)
    flows <- expected_flows(object, new) - expected_flows(object, old)
    welfare <- sum(w * (welfare_each(object, new) - welfare_each(object, old))) / sum(w)
    totals <- c(flows_away(flows), welfare, welfare * money_of(object, old, price))
    list(flows = c(flows), stocks = colSums(flows), totals = totals)
  })
  gathered <- function(part) do.call(cbind, lapply(each, `[[`, part))
  list(flows = gathered("flows"), stocks = gathered("stocks"), totals = gathered("totals"))
}

new_counterfactual <- function(object, design, compared, drawn, given, conf.level) {
  before <- compared$before$flows
  after <- compared$after$flows
  w <- occasion_weights(design$spec)
  observed <- observed_flows(design, w)
  welfare <- sum(w * (compared$after$welfare - compared$before$welfare)) / sum(w)
  tables <- list(
    stocks = data.frame(
      place = object$data$place, observed = colSums(observed), before = colSums(before), after = colSums(after)
    ),
    flows = flow_frame(object$data$place, observed, before, after),
    totals = data.frame(
      quantity = c("leavers", "welfare", if (!is.null(compared$money)) "welfare in money"),
      observed = c(flows_away(observed), NA, compared$money * NA),
      before = c(flows_away(before), NA, compared$money * NA), after = c(flows_away(after), NA, compared$money * NA)
    )
  )
  tables <- lapply(tables, function(table) cbind(table, estimate = table$after - table$before))
  tables$totals$estimate[-1L] <- c(welfare, welfare * compared$money)
  for (name in names(tables)) {
    tables[[name]] <- with_changes(tables[[name]], drawn[[name]], conf.level)
  }
  kept <- tables$flows$before + tables$flows$after + tables$flows$observed > 0
  tables$flows <- plain_rows(tables$flows[kept, ])
  tables$firms <- firm_changes(object, design, compared)
  tables$origins <- origin_changes(object$data$place, compared, observed, tables$firms$would_stay, design$spec, w)
  structure(
    c(tables, list(
      changed = names(given), draws = if (is.null(drawn)) 0L else ncol(drawn$stocks), conf.level = conf.level,
      model = model_title(object$model)
    )),
    class = c("migration_counterfactual", "migration_answer")
  )
}

with_changes <- function(table, draws, conf.level) {
  names(table)[names(table) == "estimate"] <- "change"
  if (is.null(draws)) {
    return(cbind(table, std.error = NA_real_, conf.low = NA_real_, conf.high = NA_real_))
  }
  with_draws(table, draws, conf.level)
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
