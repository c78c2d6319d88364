#' @title When firms leave: discrete-time hazards of moving and closing
#' @description An occasion is a firm in a period at risk. It stays, moves (`to` differs from `from`) or closes
#' (`to` is missing). With \eqn{\eta_k = a_k(d) + x'b_k} for each risk \eqn{k}, duration \eqn{d} and attributes
#' \eqn{x} of the firm and its origin in the period, the probabilities of the period are, with
#' `link = "cloglog"`,
#' \deqn{P_{stay} = \exp(-S), \qquad P_k = (1 - \exp(-S)) \frac{\exp(\eta_k)}{S}, \qquad S = \sum_k
#'   \exp(\eta_k),}{P_stay = exp(-S), P_k = (1 - exp(-S)) exp(eta_k) / S, S = sum_k exp(eta_k),}
#' the proportional hazards model in continuous time observed by period (Prentice and Gloeckler 1978): `exp(b)` is
#' a ratio of hazards, whatever the length of the period, and the risks share a period's hazard in proportion. With
#' `link = "logit"`
#' \deqn{P_k = \frac{\exp(\eta_k)}{1 + \sum_l \exp(\eta_l)}, \qquad P_{stay} = \frac{1}{1 + \sum_l \exp(\eta_l)},}{P_k
#'   = exp(eta_k) / (1 + sum_l exp(eta_l)), P_stay = 1 / (1 + sum_l exp(eta_l)),}
#' a multinomial logit against staying (Allison 1982): `exp(b)` is a ratio of odds.
#'
#' @section The formula:
#' Terms act on leaving: a positive coefficient makes the firm leave sooner. `push(x)` and a bare `x` of places are
#' the value at the origin; a bare `w` of firms is that of the firm; `keep(w)` is `-w`, so that its coefficient has
#' the sign it has in [conditional()]: positive if `w` holds the firm. `peers(g)` is the share of peers at the origin.
#' `duration` may be used like an attribute of firms: `push(x):duration` lets the effect change. `stay`,
#' `pull()`, ties and `| place` are about where to and are errors. Coefficients are named by the risk:
#' `move:push(land_price)`, `exit:push(land_price)`. To leave a term out of one risk hold it at 0:
#' `migration_control(fixed = c("exit:push(land_price)" = 0))`.
#'
#' @section Who is at risk:
#' Rows with an origin. With both risks every such row counts. With `risks = "move"` the row in which a firm closes is
#' left out: the firm is censored at the start of that period. With `risks = "exit"` a move is surviving: the firm
#' goes on elsewhere. Rows that a panel lacks are not at risk. [simulate()][simulate.migration_fit] draws how each
#' period at risk ends, given that the firm is at risk in it.
#'
#' @section Duration:
#' By default the number of periods, this one included, in which the firm has been observed at its origin: the
#' count starts anew when it moves. For firms that were there before the panel begins it is too low (left
#' censoring); a message counts these spells. A column of true durations, such as the age of the firm or the years since
#' it arrived, avoids that: then a firm that comes under observation late simply contributes its later periods,
#' given that it is still there (left truncation), which is exact without frailty.
#'
#' @section Frailty:
#' With `frailty = TRUE` (cloglog only) the hazards of a spell are multiplied by a gamma variable of mean 1 and
#' variance \eqn{v}, the coefficient `frailty` (Meyer 1990). It integrates out: with \eqn{A} the sum of \eqn{S} over
#' the periods stayed and \eqn{S_T} that of the period of leaving,
#' \deqn{L = (1 + vA)^{-1/v} \quad\mathrm{or}\quad \left[(1 + vA)^{-1/v} - (1 + v(A + S_T))^{-1/v}\right] \pi_k.}{L =
#'   (1 + vA)^(-1/v) or [(1 + vA)^(-1/v) - (1 + v(A + S_T))^(-1/v)] pi_k.}
#' A spell is a stay of a firm at one place and ends by a move, by closing, or with the data; with
#' `risks = "exit"` it is the life of the firm. A firm's spells have independent frailties: take
#' `vcov(cluster = ~ firm)` for what they have in common. All risks of a spell share its frailty. The test of
#' \eqn{v = 0} compares twice the difference of log-likelihoods with an equal mixture of 0 and
#' \eqn{\chi^2_1}{chi-squared(1)}, as \eqn{v} is at the boundary of its domain (Self and Liang 1987). An estimate of
#' 0 is reported as such: the likelihood falls from \eqn{v = 0} on.
#'
#' A spell first observed at a duration above 1 has survived until then. Its likelihood here takes the frailty from
#' that point on: among survivors it is again gamma with the same \eqn{v}, but its mean has fallen below 1, which
#' the coefficients absorb only as far as the fall is the same for all. A message counts such spells; if they are many,
#' estimate on the spells observed from the start (`subset = `).
#'
#' Without frailty the likelihood is a sum over periods. Its null model, `loglik_null`, is a constant hazard for
#' each risk. Standard errors are those of the observed information; `glm()` with a cloglog link reports those of
#' the expected information, which differ slightly in samples, not in the limit.
#'
#' @param link `"cloglog"` (default) or `"logit"`.
#' @param risks `c("move", "exit")` (default), or one of them.
#' @param baseline How the hazard depends on duration: `"constant"` (default), `"log"` (log of duration: Weibull-like),
#'   `"dummies"` (a constant for each duration), `"spline"` (a natural cubic spline with 3 degrees of freedom), or a
#'   one-sided formula of `duration`, like `~ log(duration) + I(duration > 5)` or
#'   `~ cut(duration, c(0, 2, 5, 10, Inf))`.
#' @param duration `NULL`: counted, see below. Or the name of a numeric column of firms, or a one-sided formula of
#'   columns, like `~ age + 1`: periods since the firm arrived or was founded, not negative.
#' @param frailty `TRUE` adds a gamma frailty.
#' @return A model object of class `c("hazard_model", "migration_model")` for the argument `model` of
#'   [fit_migration()]. Fits have the methods of all fits; see [predict.migration_fit_hazard()] for probabilities,
#'   hazards and survival, [baseline_hazard()] and `plot()` for the baseline.
#' @section Errors: Long data of places on offer ([choice_data()]); a risk that never occurs, or to which every period
#'   at risk falls; rows of a firm after it closed; durations that are negative or missing for all; frailty
#'   with a logit link, with weights that change within a spell. Warnings: gaps in a firm's periods, origins that
#'   change without a recorded move, terms that separate those who leave from those who stay (dummies of durations
#'   at which no firm leaves).
#' @references Allison, P. D. (1982). Discrete-time methods for the analysis of event histories. *Sociological
#'   Methodology* 13, 61-98. \doi{10.2307/270718}
#'
#'   Jenkins, S. P. (1995). Easy estimation methods for discrete-time duration models. *Oxford Bulletin of Economics
#'   and Statistics* 57, 129-138. \doi{10.1111/j.1468-0084.1995.tb00031.x}
#'
#'   Meyer, B. D. (1990). Unemployment insurance and unemployment spells. *Econometrica* 58, 757-782.
#'   \doi{10.2307/2938349}
#'
#'   Prentice, R. L. and Gloeckler, L. A. (1978). Regression analysis of grouped survival data with application to
#'   breast cancer data. *Biometrics* 34, 57-67. \doi{10.2307/2529588}
#'
#'   Self, S. G. and Liang, K.-Y. (1987). Asymptotic properties of maximum likelihood estimators and likelihood
#'   ratio tests under nonstandard conditions. *Journal of the American Statistical Association* 82, 605-610.
#'   \doi{10.1080/01621459.1987.10478472}
#' @seealso [fit_migration()], [conditional()]
#' @examples
#' lamps <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(environment) + push(land_price) + keep(log(size)), lamps,
#'   model = hazard(baseline = "log", duration = "age")
#' )
#' summary(fit)
#' baseline_hazard(fit, durations = c(1, 5, 10))
#' @export
hazard <- function(link = c("cloglog", "logit"), risks = c("move", "exit"),
                   baseline = c("constant", "log", "dummies", "spline"), duration = NULL, frailty = FALSE) {
  link <- check_choice(link, "link")
  if (!inherits(baseline, "formula")) {
    baseline <- check_choice(baseline, "baseline")
  } else if (length(baseline) != 2L) {
    abort("`baseline` must be one-sided, like ~ log(duration).", class = "argument")
  }
  frailty <- check_flag(frailty, "frailty")
  if (frailty && link == "logit") {
    abort("`frailty = TRUE` needs link = \"cloglog\": a gamma frailty has a closed form there only.",
      class = "argument"
    )
  }
  structure(
    list(
      name = "hazard", link = link, risks = hazard_risks(risks), baseline = baseline,
      duration = check_duration(duration), frailty = frailty
    ),
    class = c("hazard_model", "migration_model")
  )
}

hazard_risks <- function(risks) {
  known <- c("move", "exit")
  if (!is.character(risks) || length(risks) == 0L || !all(risks %in% known)) {
    abort("`risks` must be \"move\", \"exit\" or both.", class = "argument")
  }
  intersect(known, risks)
}

check_duration <- function(duration) {
  name <- is.character(duration) && length(duration) == 1L && !is.na(duration)
  if (!is.null(duration) && !name && !(inherits(duration, "formula") && length(duration) == 2L)) {
    abort(
      "`duration` must be NULL, the name of a column of firms, or a one-sided formula of columns like ~ age + 1.",
      class = "argument"
    )
  }
  duration
}

#' @export
print.hazard_model <- function(x, ...) {
  cat(model_title(x), "\n", sep = "")
  cat("  risks: ", paste(x$risks, collapse = ", "), "; duration: ", duration_text(x), "\n", sep = "")
  invisible(x)
}

baseline_text <- function(model) {
  if (inherits(model$baseline, "formula")) formula_text(model$baseline) else model$baseline
}

duration_text <- function(model) {
  duration <- model$duration
  if (is.null(duration)) "counted" else if (inherits(duration, "formula")) formula_text(duration) else duration
}

model_title.hazard_model <- function(model) {
  paste0(
    "Hazard of leaving (", model$link, if (length(model$risks) > 1L) ", competing risks",
    if (!identical(model$baseline, "constant")) paste0(", baseline ", baseline_text(model)),
    if (model$frailty) ", gamma frailty", ")"
  )
}

model_design.hazard_model <- function(model, formula, data, ...) {
  hazard_design(model, formula, data, ...)
}

check_choices.hazard_model <- function(model, choices) {
  count <- outcome_weights(choices)
  if (sum(count) == 0) {
    abort("`weights` are zero for every period at risk.", class = "weights")
  }
  verb <- c(move = "moves", exit = "closes")
  never <- model$risks[count[-1L] == 0]
  if (length(never) == length(model$risks)) {
    abort("No firm ", paste(verb[never], collapse = " or "), " in a period at risk: there is no event to explain.",
      class = "no_events"
    )
  }
  if (length(never) > 0L) {
    abort("No firm ", verb[never], " in a period at risk, so the risk \"", never, "\" has no finite estimate. Use ",
      "hazard(risks = \"", setdiff(model$risks, never), "\").",
      class = "no_events"
    )
  }
  if (count[1L] == 0) {
    abort("Every firm leaves in its first period at risk: no firm stays, so the hazard has no finite estimate.",
      class = "no_events"
    )
  }
}

# Weight of the periods that end in each outcome
outcome_weights <- function(choices) {
  vapply(seq_len(choices$J), function(outcome) sum(choices$weight[choices$chosen == outcome]), 0)
}

model_setup.hazard_model <- function(model, data, design, memory = NULL) {
  list(
    kernel = hazard_kernel(model, design),
    parameters = if (model$frailty) {
      parameter_table("frailty", "frailty", section = "Variance of the frailty")
    } else {
      parameter_table()
    },
    start = if (model$frailty) 0.5 else numeric(),
    linear = parameter_table(design$terms$name, design$terms$risk,
      section = unname(group_titles[design$terms$risk]), odds = TRUE
    ),
    memory = memory %||% hazard_memory(model, design)
  )
}

hazard_kernel <- function(model, design) {
  if (model$link == "logit") {
    return(list(kind = "conditional"))
  }
  if (!model$frailty) {
    return(list(kind = "hazard"))
  }
  group <- match(design$spell, unique(design$spell))
  list(kind = "hazard", frailty = TRUE, group = group, weight = spell_weights(design$spec$weights, group), by_group = "weight")
}

# The weight of each spell
spell_weights <- function(weights, group) {
  if (is.null(weights)) {
    return(NULL)
  }
  of_spell <- weights[match(seq_len(max(group)), group)]
  if (any(of_spell[group] != weights)) {
    abort("`weights` change within a spell, but with frailty the periods of a spell are one observation: give them ",
      "one weight.",
      class = "weights"
    )
  }
  of_spell
}

# What summaries and predictions need to know of the periods of the fit
hazard_memory <- function(model, design) {
  spec <- design$spec
  used <- occasion_weights(spec) > 0
  list(
    events = stats::setNames(tabulate(spec$chosen[used], spec$J), design$outcomes),
    durations = sort(unique(design$duration[used])),
    spells = length(unique(design$spell[used])),
    late = late_spells(design)
  )
}

# Spells that come under observation after their first period
late_spells <- function(design) {
  ordering <- order(design$spell, design$when)
  first <- ordering[!duplicated(design$spell[ordering])]
  sum(design$late[first])
}

# Maximum ---------------------------------------------------------------------------------------------

# From constant hazards
model_start.hazard_model <- function(model, problem) {
  n <- outcome_weights(problem$choices)
  theta <- plain_start(problem)
  held <- problem$held
  odds <- log(n[-1L] / n[1L])
  if (model$link == "cloglog") {
    odds <- log(-log(n[1L] / sum(n))) + log(n[-1L] / sum(n[-1L]))
  }
  theta[which(problem$design$terms$term == "(Intercept)")] <- odds
  theta[held$is] <- held$value[held$is]
  list(theta = theta, null = NULL)
}

# With frailty: the maximum without it first, which is the answer when the likelihood falls from v = 0 on
model_maximise.hazard_model <- function(model, problem, theta) {
  extra <- problem$layout$extra
  fixed <- problem$held$is
  fit <- function(theta, fixed) {
    maximise(problem$sums, problem$setup$kernel, theta, fixed, problem$control, n_extra = length(extra))
  }
  if (!model$frailty || fixed[extra]) {
    return(fit(theta, fixed))
  }
  linear <- problem$layout$linear
  first <- maximise(problem$sums, list(kind = "hazard"), theta[linear], fixed[linear], problem$control)
  none <- fit(c(first$theta, 0), replace(fixed, extra, TRUE))
  raw <- fit(frailty_start(none, theta[extra], problem), fixed)
  gain <- raw$value - none$value
  if (!(gain > 1e-8 * (1 + abs(none$value))) || raw$theta[extra] < 1e-7) {
    raw <- none
    raw$boundary <- TRUE
  }
  raw$without <- none$value
  raw$iterations <- raw$iterations + first$iterations
  raw
}

# One Newton step of the variance from 0 where that leads up, else the start value
frailty_start <- function(none, start, problem) {
  extra <- problem$layout$extra
  at <- evaluate_sums(problem$sums, problem$setup$kernel, none$theta, fm_information, kernel_control(problem$control))
  step <- at$score[extra] / at$information[extra, extra]
  if (at$score[extra] > 0 && is.finite(step) && step > 0) {
    start <- min(max(step, 0.01), 2)
  }
  replace(none$theta, extra, max(start, 0.01))
}

# Constant hazards: the shares of the outcomes, whatever the link
model_null.hazard_model <- function(model, problem) {
  n <- outcome_weights(problem$choices)
  sum(n * log(n / sum(n)))
}

model_finish.hazard_model <- function(model, fit, raw, problem) {
  events <- problem$setup$memory$events
  fit$loglik_null <- model_null(model, problem)
  fit$n_places <- length(fit$data$place)
  fit$n_movers <- if ("move" %in% names(events)) events[["move"]] else NA_integer_
  fit$n_exits <- if ("exit" %in% names(events)) events[["exit"]] else NA_integer_
  if (!is.null(raw$without)) {
    fit$design$memory$frailty <- frailty_test(raw, fit)
  }
  if (isTRUE(raw$boundary)) at_boundary(fit) else fit
}

# Likelihood-ratio test of v = 0: the statistic is 0 half of the time
frailty_test <- function(raw, fit) {
  statistic <- max(0, 2 * (raw$value - raw$without))
  list(
    variance = fit$coefficients[["frailty"]], statistic = statistic, boundary = isTRUE(raw$boundary),
    p.value = if (statistic > 0) stats::pchisq(statistic, 1, lower.tail = FALSE) / 2 else 1
  )
}

# A variance at 0 is an estimate without a standard error
at_boundary <- function(fit) {
  keep <- names(fit$coefficients)[fit$estimated]
  keep <- setdiff(keep, "frailty")
  fit$estimated["frailty"] <- FALSE
  fit$covariance <- fit$covariance[keep, keep, drop = FALSE]
  fit$information <- fit$information[keep, keep, drop = FALSE]
  inform(
    "The variance of the frailty is estimated at 0, the boundary of its domain: the other estimates are those ",
    "without frailty.",
    class = "frailty_zero"
  )
  fit
}

check_start.hazard_model <- function(model, theta) {
  if (any(theta < 0)) {
    abort("`start` and `fixed` must give `frailty`, a variance, a value of 0 or more.", class = "start")
  }
}

check_estimates.hazard_model <- function(model, fit) {
  late <- fit$design$memory$late
  if (model$frailty && late > 0L) {
    inform(
      format_count(late), " of ", plural(fit$design$memory$spells, "spell"), " come under observation after their ",
      "first period. The frailty is that of the firms still there then (see ?hazard).",
      class = "left_truncated"
    )
  }
}

group_noun.hazard_model <- function(model) {
  "the periods of a spell"
}

can_slice.hazard_model <- function(model) {
  TRUE
}

# On a store ------------------------------------------------------------------------------------------

model_variables.hazard_model <- function(model) {
  if (inherits(model$duration, "formula")) all.vars(model$duration) else model$duration
}

model_atoms.hazard_model <- function(model, formula, data, rows, env) {
  plan <- hazard_plan(model, formula, data, env)
  spells <- hazard_spells(model, data, choice = TRUE, report = FALSE)
  occasions <- periods_at_risk(data, spells, rows$weights, rows$subset, TRUE, env)
  list(atoms = lapply(plan$atoms, relational_level, data = data), value = function(atom, at = seq_len(occasions$n)) {
    columns <- table_rows(data$firms, atom, occasions$number[at])
    if ("duration" %in% atom$variables) columns$duration <- occasions$duration[at]
    eval(atom$call, columns, atom$env)
  })
}

model_memory.hazard_model <- function(model, design) {
  hazard_memory(model, design)
}

merge_memory.hazard_model <- function(model, memory, counts) {
  parts <- Filter(Negate(is.null), lapply(counts, function(x) x$memory))
  add <- function(what) Reduce(`+`, lapply(parts, function(x) x[[what]]))
  list(
    events = add("events"), durations = sort(unique(unlist(lapply(parts, function(x) x$durations)))),
    spells = add("spells"), late = add("late")
  )
}

chooses_place.hazard_model <- function(model) {
  FALSE
}
