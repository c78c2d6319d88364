#' @title Fit a relocation-decision model
#' @description Estimates, by maximum likelihood, the utility \eqn{v_{ij} = \sum_k b_k x_{ijk}}{v_ij = sum_k b_k x_ijk}
#' that firm \eqn{i} finds in place \eqn{j}, from the places that firms chose, staying included. The model
#' object says how utilities become probabilities: [conditional()], [nested()], [cross_nested()] or [mixed()] logit,
#' [latent()] classes, [chain()] migration in equilibrium, firms that look ahead, [dynamic()], the [hazard()] of
#' leaving, or [ranked()] answers.
#'
#' With weights \eqn{w_i} and chosen places \eqn{y_i} the log-likelihood is
#' \eqn{\sum_i w_i \log P_{i y_i}}{sum_i w_i log P_iy}. It is maximised by Newton's method with the exact
#' information matrix; terms are centred and scaled inside, so units do not matter.
#'
#' @param formula `~ terms`, or `chosen ~ terms` with the name of the column that holds the chosen place (the
#'   0/1 column of long data). The terms are described in [migration_formula]: in short, `x` an attribute of
#'   places or of ties, `push(x)`, `pull(x)`, `keep(w)`, `w:x`, `stay` (added unless `- stay`), `peers(g)`,
#'   `offset(q)`, and `| place` for absorbed place constants.
#' @param data A [migration_data()] or [choice_data()]; or a plain data frame in long format (a row for each
#'   occasion and offered place), with `id`, `place` and the 0/1 column on the left side of `formula`; or a
#'   `dfidx` of mlogit; or, for rows that stay on disk, a store from [open_store()].
#' @param model A model object: [conditional()] (default), [nested()], [cross_nested()], [mixed()], [latent()],
#'   [chain()], [dynamic()], [hazard()] or [ranked()].
#' @param weights Weights of the occasions: a non-negative number for each row, as a vector, an expression in
#'   the columns of the data, or a column name in quotes. `NULL`: the weights of `data`, or ones.
#' @param subset Rows to use: an expression in the columns of `firms` (or of long data), `TRUE` to keep.
#' @param na.action What to do with occasions that miss a value some term needs: `na.omit` (default) drops and
#'   counts them, `na.exclude` also pads fitted values and predictions, `na.fail` is an error.
#' @param start Start values of the coefficients: a full vector, or a named vector of some of them. The default
#'   is 0; nested models start from the conditional logit with lambda 1.
#' @param control A [migration_control()]: threads, tolerances, coefficients held fixed.
#' @param workers With a store as `data`: the R processes that share the fit, a cluster as [migration_workers()] or
#'   [parallel::makeCluster()] gives it, of this machine or of several; see [workers]. `NULL`: this process alone, with
#'   the threads of `control`. With data in memory anything but `NULL` is an error.
#' @param id,place,from,time,firm Column names of a plain long data frame, as in [choice_data()].
#' @param ... Nothing: another argument is an error. Which standard errors is said afterwards, see
#'   [vcov.migration_fit()].
#'
#' @return An object of class `c("migration_fit_<model>", "migration_fit")`: a list with
#'   \item{coefficients}{named; `NA` for a term that is not estimable}
#'   \item{effects}{absorbed place constants, named by place, relative to the first; `-Inf` for a place nobody
#'     chose; `NULL` without `| place`}
#'   \item{loglik, loglik_null}{log-likelihood at the estimates and with equal shares (all coefficients 0)}
#'   \item{covariance, information}{of the estimated coefficients: the covariance, which is the inverse of the
#'     information at the maximum, and that information}
#'   \item{convergence}{list: `code` (0 converged, 1 iteration limit, 2 no step raises the log-likelihood, 3 no
#'     finite maximum), `message`, `iterations`, `evaluations`, `gradient_norm` (largest score in
#'     standard-error units), `condition` (of the scaled information), `digits` (decimal digits of each
#'     coefficient that the next step would not change)}
#'   \item{n, n_firms, n_places, n_movers}{occasions, firms, places, and firms that left their origin}
#'   and what the methods need. The data are kept by reference, not copied.
#'
#'   Methods: [summary()][summary.migration_fit], [vcov()][vcov.migration_fit],
#'   [predict()][predict.migration_fit], [simulate()][simulate.migration_fit],
#'   [anova()][anova.migration_fit], [update()][update.migration_fit],
#'   [tidy(), glance(), augment()][tidy.migration_fit], [plot()][plot.migration_fit], and `coef`, `confint`,
#'   `logLik`, `nobs`, `AIC`, `BIC`, `deviance`, `formula`, `terms`, `model.matrix`, `model.frame`, `fitted`,
#'   `residuals`, `weights`, `family`, `case.names`, `estfun` and `bread` (for sandwich).
#'
#' @section Terms that cannot be estimated:
#' A term that is the same for all places of every occasion, or a combination of other terms, gets `NA` and a
#' warning that names it and the combination. A term along which the choices separate (its coefficient would
#' run to infinity) is named by a warning, and so is a fit that did not converge. Places nobody chose have no
#' finite place constant: with `| place` they are taken out of all choice sets, with a message.
#'
#' A parameter of the model that runs to the border of its domain (a lambda to 0 or to infinity, an allocation to 0 or
#' 1, a spread to 0) is held there, named by a warning (`firmmove_warning_border`), and has no standard error; those of
#' the others are beside it. What the information says nothing of (`firmmove_warning_singular`) has none either.
#' `fit$border` lists these. Weights do not make observations: [nobs()] and [BIC()] count occasions, as those of `glm()`
#' do.
#'
#' @section Data larger than memory:
#' With a store as `data` the rows are read in slices of `migration_control(slice = )` rows, moved on to the end of a
#' firm, and built into what the kernels pass over: some 80 bytes a row with eight terms of which three belong to
#' firms, however many places there are. As many slices as `migration_control(memory = )` leaves room for stay in
#' memory, others in files in the temporary directory of the session. The log-likelihood, its derivatives and the
#' information are sums over slices, in the order of the rows, so that results are the same bits for any memory, number
#' of threads, shards of the store and `workers`, and for the same data in memory.
#'
#' This is for `conditional()`, `nested()`, `mixed()`, `latent()` and `hazard()`; the others need all rows at once and
#' say so. Latent classes find their start by EM on the first slice. Terms must follow from the rows of a firm, or be
#' factors, whose levels are collected first: `scale(x)` is refused. `weights` and `subset` are evaluated slice by
#' slice.
#' [predict()][predict.migration_fit], [vcov()][vcov.migration_fit] and [as_flows()] work slice by slice too; methods
#' that need all occasions (`residuals()`, `model.matrix()`, `estfun()`) are errors that say what to do. `fit$data` is
#' the store, which must stay where it is; one that has changed is an error.
#'
#' The article "Registers larger than memory" (`vignette("large-registers")`) plans time, memory and machines.
#'
#' @section Errors:
#' No occasions left; no firm that moves (then `stay` has no finite estimate); weights that are all zero; start
#' values or `fixed` coefficients that do not match the terms; and the errors of the formula and the data. With a
#' store: a model or a term that needs all rows, a `memory` that does not hold a slice, workers without the package or
#' the store, a store that was changed or damaged.
#'
#' @references McFadden, D. (1974). Conditional logit analysis of qualitative choice behavior. In P. Zarembka
#'   (ed.), *Frontiers in Econometrics*, 105-142. New York: Academic Press.
#'
#'   Train, K. E. (2009). *Discrete Choice Methods with Simulation*, 2nd ed. Cambridge University Press.
#'   \doi{10.1017/CBO9780511805271}
#' @seealso [migration_formula] for the terms, [migration_data()] and [choice_data()] for the data,
#'   [migration_control()]; [predict()][predict.migration_fit], [counterfactual()], [compensate()] and
#'   [attribute_moves()] for what follows from a fit; [write_store()] and [workers] for data larger than memory.
#' @examples
#' # 300 firms choose among three towns; staying is worth 1, a unit of rent costs 0.8
#' set.seed(1)
#' towns <- data.frame(place = c("a", "b", "c"), rent = c(1, 2, 3))
#' from <- sample(towns$place, 300, replace = TRUE)
#' utility <- outer(from, towns$place, "==") - 0.8 * rep(towns$rent, each = 300)
#' gumbel <- -log(-log(matrix(runif(900), 300)))
#' firms <- data.frame(firm = 1:300, from = from, to = towns$place[max.col(utility + gumbel)])
#' data <- migration_data(firms, towns)
#' fit <- fit_migration(~ rent, data)
#' summary(fit)
#' predict(fit, type = "flows")
#' @export
fit_migration <- function(formula, data, model = conditional(), weights = NULL, subset = NULL,
                          na.action = stats::na.omit, start = NULL, control = migration_control(),
                          workers = NULL, id = NULL, place = NULL, from = NULL, time = NULL,
                          firm = NULL, ...) {
  refuse_fit_dots(...)
  call <- match.call()
  check_fit_arguments(formula, model, control)
  report <- stage_reporter(control$trace)
  columns <- list(id = id, place = place, from = from, time = time, firm = firm)
  data <- fit_data(data, formula, columns, model_answer(model), control$memory)
  rows <- fit_rows(data, call$weights, call$subset, parent.frame())
  report("data")
  source <- fit_source(data, model, formula, rows, na.action, control, workers)
  on.exit(close_sums(source$sums))
  report("design")
  problem <- fit_problem(source, control)
  begin <- with_named_overflow(fit_start(model, problem, start), problem)
  report("start")
  apart <- find_separation(model, problem, begin$theta)
  raw <- with_named_overflow(
    model_maximise(model, hold_separated(model, problem, apart), start_separated(begin$theta, apart)), problem
  )
  raw <- mark_separated(raw, late_separation(model, problem, raw, apart))
  report("maximum")
  fit <- new_migration_fit(raw, problem, data, model, formula, call)
  fit$scale <- problem$setup$scale
  fit <- with_borders(fit, raw, problem$layout)
  fit$given <- c(rows, list(na.action = na.action))
  fit$loglik_null <- null_loglik(model, problem, begin, raw)
  fit <- model_finish(model, fit, raw, problem)
  diagnose_fit(fit, raw, problem$layout)
  fit
}

# Arguments that there are not: those of other packages' fits with where they go here
refuse_fit_dots <- function(...) {
  given <- names(substitute(list(...)))[-1L]
  errors <- intersect(given, c("cluster", "vcov", "robust", "se", "type"))
  if (length(errors) > 0L) {
    abort(
      "fit_migration() has no argument `", errors[1L], "`: which standard errors is said afterwards, as in summary(fit, ",
      "cluster = ~ firm), tidy(fit, vcov = \"robust\") or vcov(fit, type = \"robust\").",
      class = "argument"
    )
  }
  check_dots(..., owner = names(formals(fit_migration)))
}

check_fit_arguments <- function(formula, model, control) {
  if (!inherits(formula, "formula")) {
    abort("`formula` must be a formula, like ~ push(land_price) + pull(wage).", class = "argument")
  }
  if (!inherits(model, "migration_model")) {
    abort(
      "`model` must be a model object: conditional(), nested(), cross_nested(), mixed(), latent(), chain(), ",
      "dynamic(), hazard() or ranked().",
      class = "argument"
    )
  }
  if (!inherits(control, "migration_control")) {
    abort("`control` must come from migration_control().", class = "argument")
  }
}

# Tells the time of each stage, or nothing
stage_reporter <- function(trace) {
  clock <- proc.time()[["elapsed"]]
  function(stage) {
    if (trace) {
      now <- proc.time()[["elapsed"]]
      inform("fit_migration: ", stage, " done, ", format(round(now - clock, 2), nsmall = 2), " s", class = "trace")
      clock <<- now
    }
  }
}

# Data ------------------------------------------------------------------------------------------------

# The data of a fit as migration_data, choice_data or migration_store, from whatever the user gave
# columns: the columns of a plain long data frame; answer: of choice_data(); memory: bytes there are.
fit_data <- function(data, formula, columns, answer = "choice", memory = Inf) {
  UseMethod("fit_data")
}

fit_data.default <- function(data, formula, columns, answer = "choice", memory = Inf) {
  abort(
    "`data` must be a migration_data(), a choice_data(), an open_store() or a data frame, not ", class(data)[1L], ".",
    class = "argument"
  )
}

fit_data.migration_data <- function(data, formula, columns, answer = "choice", memory = Inf) {
  refuse_columns(columns)
  check_coded(data)
  data
}

fit_data.choice_data <- fit_data.migration_data

fit_data.migration_store <- function(data, formula, columns, answer = "choice", memory = Inf) {
  refuse_columns(columns)
  if (identical(data[["kind"]], "choice")) read_long(data, memory) else data
}

fit_data.dfidx <- function(data, formula, columns, answer = "choice", memory = Inf) {
  if (length(given_columns(columns)) > 0L) {
    return(long_data(formula, data, columns, answer))
  }
  as_migration_data(data, chosen = left_side(formula))
}

fit_data.data.frame <- function(data, formula, columns, answer = "choice", memory = Inf) {
  long_data(formula, data, columns, answer)
}

given_columns <- function(columns) {
  names(columns)[!vapply(columns, is.null, NA)]
}

refuse_columns <- function(columns) {
  given <- given_columns(columns)
  if (length(given) > 0L) {
    abort("`", given[1L], "` is for a plain data frame; `data` already has its columns.", class = "argument")
  }
}

# A store of long data is read whole: what makes data large, firms x places, such a table has expanded already
read_long <- function(store, memory) {
  need <- 3 * 8 * store$n * nrow(store$columns)
  if (need > memory) {
    abort(
      "The store `", store$path, "` holds long data, which are fitted in memory and need about ", format_bytes(need),
      "; `memory` is ", format_bytes(memory), ". Raise migration_control(memory = ), or write firms and places as a ",
      "migration_data(), which is read slice by slice.",
      class = "memory"
    )
  }
  as_migration_data(store)
}

long_data <- function(formula, data, columns, answer) {
  chosen <- left_side(formula)
  missing <- c(if (is.null(columns$id)) "id", if (is.null(columns$place)) "place")
  if (length(missing) > 0L || is.null(chosen)) {
    abort(
      "`data` is a plain data frame: give the columns `id` and `place` of its occasions and places, and its ",
      "0/1 column on the left side of `formula`. Or build it with migration_data() or choice_data().",
      class = "argument"
    )
  }
  do.call(choice_data, c(list(data, chosen = chosen, answer = answer), columns[!vapply(columns, is.null, NA)]))
}

# Weights and subset, evaluated in the rows of the data, then where the user called; those of a store are
# evaluated slice by slice
fit_rows <- function(data, weights, subset, env) {
  UseMethod("fit_rows")
}

fit_rows.default <- function(data, weights, subset, env) {
  frame <- user_table(data)
  list(weights = eval(weights, frame, env), subset = eval(subset, frame, env))
}

# Design ----------------------------------------------------------------------------------------------

# What a fit is made from: list(design, setup, sums, choices), the design, the setup of the model, the source of sums
# (fit-kernel.R) and the choices (choices_of()). Data in memory that are larger than a slice are summed slice by slice,
# data in a store are read so.
fit_source <- function(data, model, formula, rows, na.action, control, workers) {
  UseMethod("fit_source")
}

fit_source.default <- function(data, model, formula, rows, na.action, control, workers) {
  if (!is.null(workers)) {
    abort(
      "`workers` spreads a fit over processes that read their part of the data from disk: write `data` with ",
      "write_store() and give open_store(path) as `data`. For data in memory set migration_control(threads = ).",
      class = "argument"
    )
  }
  design <- model_design(model, formula, data,
    weights = rows$weights, subset = rows$subset, na.action = na.action, env = environment(formula)
  )
  choices <- choices_of(design$spec)
  check_choices(model, choices)
  if (!inherits(model, "hazard_model")) tell_origins(choices)
  setup <- model_setup(model, data, design)
  c(
    list(design = design, choices = choices),
    sums_in_memory(model, formula, design, setup, data, rows, na.action, control)
  )
}

check_choices.migration_model <- function(model, choices) {
  weighted <- choices$weight > 0
  if (!any(weighted)) {
    abort("`weights` are zero for every occasion.", class = "weights")
  }
  if (!any(weighted & (moved(choices) | choices$origin == 0L))) {
    abort(
      "No firm moves: the chosen place is the origin on every occasion, so nothing says why firms leave, ",
      "and `stay` has no finite estimate.",
      class = "no_movers"
    )
  }
}

# Maximum ---------------------------------------------------------------------------------------------

# The log-likelihood of the null model, without a pass of its own where one has been there already
null_loglik <- function(model, problem, begin, raw) {
  if (length(problem$layout$extra) == 0L && all(begin$theta == 0)) {
    return(raw$value_start)
  }
  begin$null %||% model_null(model, problem)
}

# The object ------------------------------------------------------------------------------------------

new_migration_fit <- function(raw, problem, data, model, formula, call) {
  design <- problem$design
  layout <- problem$layout
  held <- problem$held
  at <- layout$coefficients
  free <- !held$is[at] & raw$aliased[at] == 0L
  spec <- design$spec
  coefficients <- stats::setNames(raw$theta[at], layout$names)
  coefficients[raw$aliased[at] > 0L & !held$is[at]] <- NA
  covariance <- named_square(raw$covariance[at, at, drop = FALSE], layout$names)[free, free, drop = FALSE]
  counts <- design$counts %||% count_occasions(design, data)
  fit <- list(
    coefficients = coefficients,
    effects = place_effects(raw, layout, held, spec),
    loglik = raw$value,
    loglik_null = NULL,
    covariance = covariance,
    information = information_of(raw$information[at, at, drop = FALSE], covariance, free, layout),
    convergence = convergence_record(raw, layout),
    aliased = raw$aliased[at] > 0L & !held$is[at],
    fixed = held$is[at],
    estimated = free,
    parameters = layout$parameters,
    df = sum(!held$is & raw$aliased == 0L),
    n = counts$n, n_firms = counts$n_firms, n_places = spec$J, n_movers = counts$n_movers,
    n_no_origin = counts$n_no_origin,
    weights = spec$weights, weight_sum = counts$weight,
    design = kept_design(problem, raw, free), layout = layout[setdiff(names(layout), "parameters")], control = problem$control,
    model = model, formula = formula, na.action = design$na.action,
    data = data, data_name = if (is.language(call$data)) deparse1(call$data) else "data", call = call
  )
  names(fit$aliased) <- names(fit$fixed) <- names(fit$estimated) <- layout$names
  structure(fit, class = c(paste0("migration_fit_", model$name), "migration_fit"))
}

# The information of the estimated coefficients: with absorbed place constants, what is left of it once
# these are concentrated out
information_of <- function(information, covariance, free, layout) {
  if (length(layout$effects) > 0L) {
    known <- is.finite(diag(covariance)) & diag(covariance) > 0
    covariance[known, known] <- solve_scaled(covariance[known, known, drop = FALSE])
    return(covariance)
  }
  named_square(information, layout$names)[free, free, drop = FALSE]
}

place_effects <- function(raw, layout, held, spec) {
  if (length(layout$effects) == 0L) {
    return(NULL)
  }
  at <- layout$effects
  effects <- stats::setNames(raw$theta[at], layout$places)
  effects[raw$aliased[at] > 0L & !held$is[at]] <- NA
  if (!is.null(spec$offered)) {
    effects[!spec$offered] <- -Inf
  }
  effects
}

# What vcov, predict and estfun need of the design besides the data. `adjust` = H_bd H_dd^-1 says how much of
# the score of the place constants to take off the score of the coefficients (see estfun.migration_fit);
# with C the inverse of H it is -C_bb^-1 C_bd.
kept_design <- function(problem, raw, free) {
  design <- problem$design
  setup <- problem$setup
  layout <- problem$layout
  kept <- list(
    terms = design$terms, basis = design$basis, occasion = design$occasion, memory = setup$memory,
    group = setup$kernel$group
  )
  if (length(layout$effects) > 0L) {
    kept$effects_se <- stats::setNames(sqrt(diag(raw$covariance)[layout$effects]), layout$places)
    # one held at a border has no covariance
    free <- free & is.finite(diag(raw$covariance)[layout$coefficients]) & diag(raw$covariance)[layout$coefficients] > 0
    at <- layout$coefficients[free]
    kept$adjust <- matrix(0, length(free), length(layout$effects))
    if (length(at) > 0L) {
      across <- raw$covariance[at, layout$effects, drop = FALSE]
      kept$adjust[free, ] <- -solve_scaled(raw$covariance[at, at, drop = FALSE], across)
    }
  }
  kept
}

convergence_record <- function(raw, layout) {
  at <- layout$coefficients
  code <- if (any(raw$separated)) 3L else as.integer(raw$stop)
  size <- pmax(abs(raw$theta[at]), 1e-8)
  digits <- pmin(16, floor(-log10(abs(raw$step[at]) / size)))
  digits[raw$aliased[at] > 0L] <- NA
  list(
    code = code,
    message = c(
      "converged", "iteration limit reached", "no step raises the log-likelihood",
      "no finite maximum: terms separate the choices"
    )[code + 1L],
    iterations = raw$iterations, evaluations = raw$evaluations,
    gradient_norm = raw$gradient_norm, condition = raw$condition,
    digits = stats::setNames(digits, layout$names)
  )
}
