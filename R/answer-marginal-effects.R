#' @title Average marginal effects on leaving and on going to a place
#' @description By how much the probability of leaving, or of going to a place, changes on average when a variable
#' rises by one unit: with weights \eqn{w_i}, origin \eqn{o} and \eqn{L_i = 1 - P_{io}}{L_i = 1 - P_io},
#' \deqn{\frac{1}{\sum_i w_i} \sum_i w_i \frac{\partial L_i}{\partial x}.}{(1 / sum_i w_i) sum_i w_i dL_i/dx.}
#' For a variable that is no number, the average difference between each level and the first.
#'
#' @details A unit can be added at different spots, which is column `at`:
#' * `firm`: an attribute of firms, in all firms;
#' * `origin`: an attribute of places, at the firm's own place only, so that it pushes or holds;
#' * `elsewhere`: an attribute of places, at all places but the firm's own, so that it pulls;
#' * `ties`: an attribute of ties, in all ties of the firm;
#' * `own`: with `type = "place"`, at the place whose probability it is (of ties: those that lead there).
#'
#' Effects are derivatives of [predict()]ed probabilities when the variable changes in the data: they hold for every
#' model and count all terms with the variable, interactions and functions included. An effect that is zero because
#' the model has no such term is left out. `peers()` has no variable that could rise by a unit; [counterfactual()]
#' takes links away. In an equilibrium of [chain()] what the others do is held as it is: for the change with feedback
#' see [counterfactual()].
#'
#' @param object A fit of [fit_migration()].
#' @param variables Names of variables of the model; `NULL` is all.
#' @param type `"leave"`: on the probability of leaving, over occasions with an origin; `"place"`: on the probability
#'   of each place, over all occasions.
#' @param std.error `FALSE` leaves standard errors out, which are most of the work.
#' @param conf.level Level of the intervals, between 0 and 1.
#' @param vcov Which covariance of the coefficients, as in [vcov.migration_fit()]: a word, a formula like `~ firm`, a
#'   matrix, a function, or a list of `type` and `cluster`.
#' @param cluster Clusters of the errors, instead of `vcov`.
#' @param ... Nothing: another argument is an error.
#' @return An object of class `migration_effects`; its table, by `as.data.frame()`, has `variable`, `at`, `contrast`
#'   (`"dY/dX"` or the two levels), `place` (with `type = "place"`), `estimate`, `std.error`, `statistic`, `p.value`,
#'   `conf.low`, `conf.high`.
#' @section Errors: A variable that the model does not have; `type = "leave"` where no firm has an origin;
#'   `type = "place"` of [hazard()].
#' @references Wooldridge, J. M. (2010). *Econometric Analysis of Cross Section and Panel Data*, 2nd ed., section 2.2.
#'   MIT Press.
#' @seealso [elasticities()], [counterfactual()]
#' @examples
#' data <- subset(wenzhou_guzhen(), year %in% 1997:1998)
#' fit <- fit_migration(~ push(technology) + log(distance) + keep(log(size)), data)
#' marginal_effects(fit)
#' marginal_effects(fit, "distance", type = "place", std.error = FALSE)
#' @export
marginal_effects <- function(object, variables = NULL, type = c("leave", "place"), std.error = TRUE, conf.level = 0.95,
                             vcov = NULL, cluster = NULL, ...) {
  check_fit(object)
  check_dots(...)
  type <- check_choice(type, "type")
  if (type == "place") {
    refuse_hazard(object, "marginal_effects(type = \"place\")", "Use `type = \"leave\"`.")
  }
  conf.level <- check_fraction(conf.level, "conf.level")
  variables <- effect_variables(object, variables)
  base <- fit_design(object)
  if (type == "leave" && all(base$spec$origin == 0L)) {
    abort("No firm has an origin, so none leaves: use `type = \"place\"`.", class = "argument")
  }
  space <- theta_space(object, base, vcov = asked_covariance(object, vcov, NULL, cluster))
  tick <- progress("Variables", length(variables))
  tables <- lapply(variables, function(variable) {
    tick()
    steps <- variable_steps(object$data, variable)
    do.call(rbind, lapply(steps, function(step) {
      effect_rows(object, variable, step, type, base, if (check_flag(std.error, "std.error")) space)
    }))
  })
  table <- do.call(rbind, tables)
  table <- with_intervals(table, table$std.error, conf.level)
  table$statistic <- table$estimate / table$std.error
  table$p.value <- 2 * stats::pnorm(-abs(table$statistic))
  columns <- c(
    "variable", "at", "contrast", if (type == "place") "place", "estimate", "std.error", "statistic", "p.value",
    "conf.low", "conf.high"
  )
  new_answer("migration_effects",
    table = plain_rows(table[columns]),
    title = if (type == "leave") {
      "Average marginal effects on the probability of leaving"
    } else {
      "Average marginal effects on the probability of each place"
    },
    notes = if (std.error) interval_note(conf.level, "by the delta method")
  )
}

# Rows of fit_variables() asked for, as a list
effect_variables <- function(object, variables) {
  known <- fit_variables(object)
  names <- if (is.null(variables)) known$variable else variables
  if (length(names) == 0L) {
    abort("The model has no variable of the data, so there are no marginal effects.", class = "variable")
  }
  lapply(names, check_variable, object = object)
}

# How a variable changes: a list of steps, each with `up`, `down` (functions), the label of the contrast and what to
# divide by
variable_steps <- function(data, variable) {
  x <- table_of(data, variable$table)[[variable$variable]]
  if (is.numeric(x)) {
    h <- 1e-4 * stats::sd(x, na.rm = TRUE)
    return(list(list(
      up = function(x) x + h, down = function(x) x - h, contrast = "dY/dX", divide = 2 * h
    )))
  }
  levels <- if (is.factor(x)) levels(droplevels(x)) else sort(unique(x))
  set <- function(level) {
    force(level)
    function(x) {
      x[!is.na(x)] <- level
      x
    }
  }
  lapply(levels[-1L], function(level) {
    list(
      up = set(level), down = set(levels[1L]), contrast = paste(level, "-", levels[1L]), divide = 1
    )
  })
}

# Rows of one variable and step
effect_rows <- function(object, variable, step, type, base, space) {
  spots <- effect_spots(variable_level(object, variable), type)
  rows <- data.frame(variable = variable$variable, at = spots$at, contrast = step$contrast)
  if (type == "place") {
    rows <- cbind(rows, place = object$data$place)
  }
  directions <- if (is.null(space)) matrix(0, length(base$theta), 0L) else root_directions(space)
  change <- exact_changes(object, variable, step, type, base, directions)
  if (is.null(change)) {
    effects <- difference_effects(object, variable, step, type, base, space)
  } else {
    change <- change / (step$divide * weight_counted(base, type))
    se <- if (is.null(space)) NA_real_ else sqrt(rowSums(change[, -1L, drop = FALSE]^2))
    effects <- list(estimate = change[, 1L], std.error = se)
  }
  rows$estimate <- effects$estimate
  rows$std.error <- effects$std.error
  if (type == "leave") rows[abs(rows$estimate) * step$divide > 1e-13, ] else rows
}

# The same for models whose derivatives the core does not give
difference_effects <- function(object, variable, step, type, base, space) {
  spots <- effect_spots(variable_level(object, variable), type)
  parts <- lapply(spots$change, function(part) {
    lapply(step[c("up", "down")], function(change) part(object, variable, change, base))
  })
  total <- weight_counted(base, type)
  value <- function(theta) {
    settled <- resolve_equilibrium(object, at_theta(base, theta))
    changes <- lapply(parts, function(part) probability_change(object, part, settled, type))
    effect <- if (identical(spots$at, c("origin", "elsewhere"))) {
      c(changes[[1L]], changes[[2L]] - changes[[1L]])
    } else {
      changes[[1L]]
    }
    effect / (step$divide * total)
  }
  list(
    estimate = value(base$theta), std.error = if (is.null(space)) NA_real_ else delta_errors(value, space)
  )
}

# What a variable depends on: firm, place or tie; row for one of long data that differs between places
variable_level <- function(object, variable) {
  if (variable$table != "data") {
    # where the choice is when to leave, only the own place counts
    place <- if (chooses_place(object$model)) "place" else "home"
    return(switch(variable$table,
      firms = "firm",
      places = place,
      "tie"
    ))
  }
  if (differs_within(object$data, variable$variable)) "row" else "firm"
}

# Labels of the spots where a unit is added, and the functions that make the designs. Of an attribute of places the
# change everywhere is computed, and the part at the origin taken off it.
effect_spots <- function(level, type) {
  if (level == "firm") {
    list(at = "firm", change = list(change_everywhere))
  } else if (level == "home") {
    list(at = "origin", change = list(change_everywhere))
  } else if (type == "place") {
    list(at = "own", change = list(change_each))
  } else if (level == "tie") {
    list(at = "ties", change = list(change_everywhere))
  } else {
    list(at = c("origin", "elsewhere"), change = list(change_origins, change_everywhere))
  }
}

# Designs with a variable changed everywhere; at each place in turn; at the origin of each occasion. A list of
# designs of which each is to be read at `place` (NULL: all)
change_everywhere <- function(object, variable, change, base) {
  list(list(design = fit_design_on(object, change_variable(object$data, variable, change)), place = NULL))
}

change_each <- function(object, variable, change, base) {
  lapply(seq_along(object$data$place), function(place) {
    list(design = fit_design_on(object, change_variable(object$data, variable, change, place)), place = place)
  })
}

# Difference of the mean probability, of leaving or of each place, between designs up and down, at theta of the design
# `settled` and with the others doing what they do there
probability_change <- function(object, part, settled, type) {
  read <- function(designs) {
    lapply(designs, function(one) {
      flows <- expected_flows(object, hold_equilibrium(object, at_theta(one$design, settled$theta), settled))
      if (type == "place") flows_to(flows, one$place) else flows_away(flows)
    })
  }
  change <- Map(`-`, read(part$up), read(part$down))
  if (type == "place") unlist(change) else Reduce(`+`, change)
}

flows_to <- function(flows, place) {
  to <- colSums(flows)
  if (is.null(place)) to else to[place]
}

# Expected leavers; those without an origin cannot leave
flows_away <- function(flows) {
  sum(flows[-nrow(flows), ]) - sum(flows[stays_of(flows)])
}

# Weight of the occasions that a mean probability is taken over
weight_counted <- function(design, type) {
  w <- occasion_weights(design$spec)
  if (type == "leave") sum(w[design$spec$origin > 0L]) else sum(w)
}

# The occasions of each origin, or all, with the variable changed at their origins
change_origins <- function(object, variable, change, base) {
  parts <- change_origins_of(object$data, variable, change, base$spec$origin)
  lapply(parts, function(part) {
    those <- if (is.null(part$which)) object else restrict_fit(object, in_design(object, base$occasion[part$which]))
    list(design = fit_design_on(those, part$data), place = NULL)
  })
}

# Which occasions of the data of a fit are among some
in_design <- function(object, occasion) {
  seq_len(count_data_occasions(object$data)) %in% occasion
}
