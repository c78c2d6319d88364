# Both sides of a counterfactual, what changes between them, and how sure that is.
#
# `sides` is list(object, before, after: designs; price: its place in theta, or NULL; equilibrium).

# Flows, logsums and leaving of both sides: list(before, after; welfare, the mean change of the logsum; money)
compare_sides <- function(sides) {
  object <- sides$object
  side <- function(design) {
    found <- kernel_response(object, design, NULL, c("flows", "logsum", "stay"))
    leave <- if (is.null(found)) leaving_probability(object, design) else 1 - c(found$stay)
    list(
      flows = found$flows %||% expected_flows(object, design), leave = leave,
      welfare = welfare_each(object, design, c(found$logsum))
    )
  }
  before <- side(sides$before)
  after <- side(sides$after)
  w <- occasion_weights(sides$before$spec)
  list(
    before = before, after = after, welfare = sum(w * (after$welfare - before$welfare)) / sum(w),
    money = money_of(sides$before$theta, sides$price)
  )
}

# The logsum of each occasion, less what its pushes add to all moves alike: choices do not tell a push from a loss of
# staying, and as the latter it is a loss
welfare_each <- function(object, design, logsum = NULL) {
  logsum <- logsum %||% kernel_predict(object, design, "logsum")
  push <- pushing_terms(object)
  if (!any(push)) {
    return(logsum)
  }
  typical <- typical_coefficients(object, design)
  typical$b[-which(push), ] <- 0
  lost <- lapply(seq_len(ncol(typical$b)), function(class) {
    share <- if (is.null(typical$share)) 1 else typical$share[, class]
    share * push_utility(object, design, typical$b[, class])
  })
  logsum - Reduce(`+`, lost)
}

pushing_terms <- function(object) {
  terms <- object$design$terms
  has <- function(role) grepl(role, terms$term, fixed = TRUE)
  has("push(") & !has("pull(") & !with_destination(object)
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

# What plain coefficients b of pushes add to the utility of the moves of each occasion; 0 without an origin, who is not
# pushed. Where the storage does not say it, it is looked up in the first move on offer, less the offsets.
push_utility <- function(object, design, b) {
  utility_of_leaving(design$spec, b) %||% (move_utility(object, design, b) - move_utility(object, design, 0 * b))
}

move_utility <- function(object, design, b) {
  by_slice(design, function(part) first_move(part$spec, plain_utility(object, part, b)))
}

# How many units of the price one unit of utility is worth at theta; NULL without a price
money_of <- function(theta, price) {
  if (is.null(price)) NULL else -1 / theta[price]
}

# By the delta method ---------------------------------------------------------------------------------

# Standard errors and limits of the changes: list(how, stocks, flows, totals)
compared_errors <- function(sides, compared, space, conf.level) {
  directions <- root_directions(space)
  n <- length(compared$before$flows)
  variance <- list(stocks = 0, flows = 0, totals = 0)
  for (batch in direction_batches(directions, n)) {
    slopes <- change_slopes(sides, compared, directions[, batch, drop = FALSE])
    variance <- Map(function(sum, slope) sum + rowSums(slope^2), variance, slopes)
  }
  changes <- list(
    stocks = colSums(compared$after$flows) - colSums(compared$before$flows),
    flows = c(compared$after$flows - compared$before$flows),
    totals = c(
      flows_away(compared$after$flows) - flows_away(compared$before$flows), compared$welfare,
      compared$welfare * compared$money
    )
  )
  spread <- Map(function(change, variance) {
    with_intervals(data.frame(estimate = change), sqrt(rep_len(variance, length(change))), conf.level)
  }, changes, variance)
  c(spread, how = interval_note(conf.level, "of the change by the delta method"))
}

# How the changes move along directions of theta: list(stocks, flows, totals), a column a direction
change_slopes <- function(sides, compared, directions) {
  asked <- c("flows", "flow_slopes", "logsum_slopes")
  before <- kernel_response(sides$object, sides$before, directions, asked)
  if (is.null(before)) {
    return(difference_slopes(sides, directions))
  }
  after <- kernel_response(sides$object, sides$after, directions, asked)
  flows <- after$flow_slopes - before$flow_slopes
  welfare <- c(after$logsum_slopes - before$logsum_slopes) / sum(occasion_weights(sides$before$spec)) -
    push_slopes(sides, directions)
  totals <- rbind(away_slopes(flows, ncol(before$flows)), welfare)
  if (!is.null(sides$price)) {
    price <- sides$before$theta[sides$price]
    totals <- rbind(totals, -welfare / price + compared$welfare * directions[sides$price, ] / price^2)
  }
  list(stocks = stock_slopes(flows, ncol(before$flows)), flows = flows, totals = unname(totals))
}

# Slopes of the firms at each place, and of those that leave, from those of flows to J places
stock_slopes <- function(flows, J) {
  matrix(colSums(matrix(flows, J + 1L)), J)
}

away_slopes <- function(flows, J) {
  home <- seq.int(1L, by = J + 2L, length.out = J)
  nowhere <- seq.int(J + 1L, by = J + 1L, length.out = J)
  colSums(flows) - colSums(flows[c(home, nowhere), , drop = FALSE])
}

# Of the mean loss by pushes, which is linear in the coefficients: that of each term by one unit of its own
push_slopes <- function(sides, directions) {
  push <- which(pushing_terms(sides$object))
  if (length(push) == 0L) {
    return(numeric(ncol(directions)))
  }
  zero <- numeric(length(sides$before$layout$linear))
  w <- occasion_weights(sides$before$spec)
  per_unit <- vapply(push, function(k) {
    lost <- function(design) push_utility(sides$object, design, replace(zero, k, 1))
    sum(w * (lost(sides$after) - lost(sides$before))) / sum(w)
  }, 0)
  colSums(per_unit * directions[push, , drop = FALSE])
}

# The same for models whose derivatives the core does not give: differences a thousandth of a standard error wide
difference_slopes <- function(sides, directions) {
  theta <- sides$before$theta
  tick <- progress("Derivatives", ncol(directions))
  each <- lapply(seq_len(ncol(directions)), function(d) {
    tick()
    step <- 1e-3 * directions[, d]
    ahead <- changes_at(sides, theta + step)
    behind <- changes_at(sides, theta - step)
    Map(function(a, b) (a - b) / 2e-3, ahead, behind)
  })
  gather_columns(each)
}

gather_columns <- function(each) {
  parts <- c("stocks", "flows", "totals")
  stats::setNames(lapply(parts, function(part) do.call(cbind, lapply(each, `[[`, part))), parts)
}

# The changes at theta, the others in equilibrium there
changes_at <- function(sides, theta) {
  object <- sides$object
  old <- resolve_equilibrium(object, at_theta(sides$before, theta))
  new <- at_theta(sides$after, theta)
  new <- if (sides$equilibrium) resolve_equilibrium(object, new) else hold_equilibrium(object, new, old)
  w <- occasion_weights(sides$before$spec)
  found <- lapply(list(old, new), function(design) kernel_response(object, design, NULL, c("flows", "logsum")))
  flows <- (found[[2L]]$flows %||% expected_flows(object, new)) - (found[[1L]]$flows %||% expected_flows(object, old))
  welfare <- welfare_each(object, new, c(found[[2L]]$logsum)) - welfare_each(object, old, c(found[[1L]]$logsum))
  welfare <- sum(w * welfare) / sum(w)
  list(
    stocks = colSums(flows), flows = c(flows),
    totals = c(flows_away(flows), welfare, welfare * money_of(theta, sides$price))
  )
}

# From draws ------------------------------------------------------------------------------------------

# Standard deviations and quantiles of the changes over draws of theta
compared_draws <- function(sides, space, draws, conf.level) {
  theta <- draw_theta(space, draws)
  tick <- progress("Draws of the coefficients", draws)
  each <- lapply(seq_len(draws), function(k) {
    tick()
    changes_at(sides, theta[, k])
  })
  spread <- lapply(gather_columns(each), function(drawn) {
    with_draws(data.frame(row.names = seq_len(nrow(drawn))), drawn, conf.level)
  })
  c(spread, how = interval_note(conf.level, paste("of the change from", plural(draws, "draw"), "of the coefficients")))
}
