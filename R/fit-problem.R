# The problem of a fit: what a maximisation needs to know besides where it starts, and where it starts.

# All that a maximisation needs to know, besides where it starts: a list of class "fit_problem" of
#   design    the design (design.R), of slices without its arrays
#   setup     model_setup()
#   layout    parameter_layout(): where theta keeps what; it stays in the fit
#   held      held_parameters(): list(is, value), which of theta are not estimated, and where they stand
#   sums      the source of the log-likelihood and its derivatives (fit-kernel.R)
#   choices   choices_of()
#   control   migration_control()
# The generics of a model (model.R) are given the model, a problem and, where it matters, theta.
fit_problem <- function(source, control, fixed = control$fixed) {
  layout <- parameter_layout(source$design, source$setup)
  control$unit <- weight_unit(source$design)
  structure(
    list(
      design = source$design, setup = source$setup, layout = layout,
      held = held_parameters(layout, fixed, source$design), sums = source$sums, choices = source$choices,
      control = control
    ),
    class = "fit_problem"
  )
}

# Where theta = c(b, place constants, parameters of the model) keeps what: `terms` the coefficients of the terms,
# `effects` the place constants, `linear` both, `extra` the model's own, `coefficients` all that coef() shows
parameter_layout <- function(design, setup) {
  n_terms <- nrow(design$terms)
  n_effects <- length(design$effects)
  shown <- setup$linear %||% parameter_table(design$terms$name, design$terms$kind, odds = TRUE)
  parameters <- rbind(shown, setup$parameters)
  extra <- n_terms + n_effects + seq_len(nrow(setup$parameters))
  list(
    parameters = parameters,
    names = parameters$name,
    places = design$effects,
    coefficients = c(seq_len(n_terms), extra),
    terms = seq_len(n_terms),
    linear = seq_len(n_terms + n_effects),
    effects = n_terms + seq_len(n_effects),
    extra = extra,
    total = n_terms + n_effects + nrow(setup$parameters)
  )
}

# Which parameters are not estimated, and their values: those the user fixed, the constant of the
# first place, and of places taken out
held_parameters <- function(layout, fixed, design) {
  is <- logical(layout$total)
  value <- numeric(layout$total)
  unknown <- setdiff(names(fixed), layout$names)
  if (length(unknown) > 0L) {
    abort(
      "`fixed` names ", plural(length(unknown), "coefficient"), " the model does not have: ",
      quote_names(unknown), ".", did_you_mean(unknown, layout$names),
      class = "fixed"
    )
  }
  at <- layout$coefficients[match(names(fixed), layout$names)]
  is[at] <- TRUE
  value[at] <- fixed
  if (length(layout$effects) > 0L) {
    offered <- if (is.null(design$spec$offered)) rep(TRUE, length(layout$effects)) else design$spec$offered
    is[layout$effects[!offered]] <- TRUE
    is[layout$effects[which(offered)[1L]]] <- TRUE
  }
  list(is = is, value = value)
}

# Start values of theta: the user's, or the model's own
fit_start <- function(model, problem, start) {
  layout <- problem$layout
  held <- problem$held
  if (is.null(start)) {
    begin <- model_start(model, problem)
  } else {
    theta <- user_start(start, plain_start(problem), layout)
    theta[held$is] <- held$value[held$is]
    begin <- list(theta = theta, null = NULL)
  }
  check_start(model, stats::setNames(begin$theta[layout$extra], problem$setup$parameters$name))
  begin
}

# 0 for the terms, what the setup says for the model's own, and what is held where it is held
plain_start <- function(problem) {
  theta <- numeric(problem$layout$total)
  theta[problem$layout$extra] <- problem$setup$start
  held <- problem$held
  theta[held$is] <- held$value[held$is]
  theta
}

user_start <- function(start, theta, layout) {
  if (!is.numeric(start) || !all(is.finite(start))) {
    abort("`start` must be finite numbers.", class = "start")
  }
  if (is.null(names(start))) {
    if (length(start) != length(layout$names)) {
      abort(
        "`start` has ", plural(length(start), "value"), "; the model has ",
        plural(length(layout$names), "coefficient"), ": ", quote_names(layout$names, max = 20), ".",
        class = "start"
      )
    }
    names(start) <- layout$names
  }
  unknown <- setdiff(names(start), layout$names)
  if (length(unknown) > 0L || anyDuplicated(names(start))) {
    abort(
      "`start` names coefficients the model does not have, or one twice: ",
      quote_names(c(unknown, names(start)[duplicated(names(start))])), ". It has ",
      quote_names(layout$names, max = 20), ".",
      class = "start"
    )
  }
  theta[layout$coefficients[match(names(start), layout$names)]] <- start
  theta
}

# Parameters: coefficient name, group of tidy(), the value that tests compare with, heading in a summary,
# whether exp() of it is an odds ratio
parameter_table <- function(name = character(), group = character(), null = 0, section = "Coefficients",
                            odds = FALSE) {
  n <- length(name)
  data.frame(
    name = name, group = rep_len(group, n), null = rep_len(null, n), section = rep_len(section, n),
    odds = rep_len(odds, n), stringsAsFactors = FALSE
  )
}

# The problem of a fit on a design, as it is or of some of the occasions
refit_problem <- function(object, design) {
  setup <- model_setup(object$model, object$data, design, memory = object$design$memory)
  fixed <- object$coefficients[object$fixed]
  source <- list(design = design, setup = setup, sums = design_sums(design$spec), choices = choices_of(design$spec))
  problem <- fit_problem(source, object$control, if (length(fixed) > 0L) fixed)
  # a term that is not estimable stays out of every refit
  problem$held$is[problem$layout$coefficients[is.na(object$coefficients)]] <- TRUE
  problem
}

# Occasions with weight, firms, occasions of moving (NA where there is no origin), and the sum of weights
count_occasions <- function(design, data) {
  spec <- design$spec
  weighted <- if (is.null(spec$weights)) TRUE else spec$weights > 0
  list(
    n = sum(rep_len(weighted, length(spec$chosen))),
    n_firms = length(unique(data$index$firm[design$occasion])),
    n_movers = if (any(spec$origin > 0L)) sum(moved(spec) & weighted) else NA_integer_,
    n_no_origin = if (any(spec$origin > 0L)) sum(spec$origin == 0L & weighted) else 0L,
    weight = sum(occasion_weights(spec))
  )
}
