# What a fit asks of its model (model.R), as most models answer.

model_design.migration_model <- function(model, formula, data, ...) {
  migration_design(formula, data, ...)
}

model_answer.migration_model <- function(model) {
  "choice"
}

model_start.migration_model <- function(model, problem) {
  theta <- start_stay(plain_start(problem), problem)
  if (length(problem$layout$extra) == 0L) {
    return(list(theta = theta, null = NULL))
  }
  linear <- problem$layout$linear
  raw <- rough_linear_fit(problem, theta[linear])
  begin <- theta
  theta[linear] <- raw$theta
  list(theta = theta, null = if (!any(begin[linear] != 0)) raw$value_start)
}

check_start.migration_model <- function(model, theta) {
  invisible()
}

model_maximise.migration_model <- function(model, problem, theta) {
  n_extra <- length(problem$layout$extra)
  maximise(problem$sums, problem$setup$kernel, theta, problem$held$is, problem$control, n_extra = n_extra)
}

model_null.migration_model <- function(model, problem) {
  theta <- numeric(length(problem$layout$linear))
  evaluate_sums(problem$sums, list(kind = "conditional"), theta, fm_value, kernel_control(problem$control))$value
}

model_null_text.migration_model <- function(model) {
  "Equal shares"
}

null_parameters.migration_model <- function(model) {
  0
}

model_finish.migration_model <- function(model, fit, raw, problem) {
  fit
}

group_noun.migration_model <- function(model) {
  "the occasions of a firm"
}

check_estimates.migration_model <- function(model, fit) {
  invisible()
}

print_details.migration_model <- function(model, x) {
  invisible()
}

settle_design.migration_fit <- function(object, design, data) {
  design
}

kernel_predict.migration_fit <- function(object, design, type) {
  .Call(C_predict, design$spec, design$kernel, design$theta, type, kernel_control(object$control))
}

kernel_choice.migration_fit <- function(object, design, uniform) {
  .Call(C_choice, design$spec, design$kernel, design$theta, uniform, kernel_control(object$control))
}

kernel_scores.migration_fit <- function(object, design) {
  .Call(C_scores, design$spec, design$kernel, design$theta, object$design$adjust, kernel_control(object$control))
}

# The conditional logit as a start, which need not be exact
rough_linear_fit <- function(problem, theta) {
  control <- problem$control
  control$tolerance <- max(control$tolerance, 1e-6)
  held <- problem$held$is[problem$layout$linear]
  maximise(problem$sums, list(kind = "conditional"), theta, held, control)
}

# The constant of staying starts where it would be if nothing else mattered: nearly all firms stay, and from 0 that
# is several steps away. Rounded, so that it does not depend on how weights were added up.
start_stay <- function(theta, problem) {
  terms <- problem$design$terms
  at <- which(terms$kind == "stay" & terms$name == "stay")
  choices <- problem$choices
  home <- choices$origin > 0L
  if (length(at) != 1L || problem$held$is[at] || !any(home)) {
    return(theta)
  }
  leave <- sum(choices$weight[home & moved(choices)]) / sum(choices$weight[home])
  odds <- log((1 - leave) / leave) + log(choices$moves)
  theta[at] <- if (is.finite(odds)) round(odds, 1) else theta[at]
  theta
}

chooses_place.migration_model <- function(model) {
  TRUE
}

depends_on_others.migration_model <- function(model) {
  FALSE
}

sums_over_occasions.migration_model <- function(model, group) {
  is.null(group)
}

coefficient_means.migration_model <- function(model) {
  NULL
}

own_parameters.migration_model <- function(model, names) {
  rep(FALSE, length(names))
}
